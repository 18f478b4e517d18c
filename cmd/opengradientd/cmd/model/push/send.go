package push

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/internal/wallet"
	"github.com/opengradient/opengradient/x/models/types"
)

func (p *Pusher) registerMsg(r Request, file []byte) *types.MsgRegisterModel {
	return &types.MsgRegisterModel{Owner: p.Wallet.Address.String(), Manifest: r.Manifest, Onnx: file}
}

func (p *Pusher) referenceMsg(r Request) *types.MsgRegisterReference {
	return &types.MsgRegisterReference{
		Owner: p.Wallet.Address.String(), Manifest: r.Manifest, Sha256: r.SHA256(), Size_: uint64(r.Digest.Size),
		Sources: r.Sources, Inspection: r.Inspection,
	}
}

func (p *Pusher) openMsg(r Request) *types.MsgOpenUpload {
	hashes := make([][]byte, len(r.Digest.Chunks))
	for i := range r.Digest.Chunks {
		hashes[i] = r.Digest.Chunks[i][:]
	}
	return &types.MsgOpenUpload{
		Owner: p.Wallet.Address.String(), Manifest: r.Manifest, Sha256: r.SHA256(), Size_: uint64(r.Digest.Size), ChunkHashes: hashes,
	}
}

func (p *Pusher) chunkMsg(upload uint64, index uint32, data []byte) *types.MsgUploadChunk {
	return &types.MsgUploadChunk{Owner: p.Wallet.Address.String(), UploadId: upload, Index: index, Data: data}
}

// Run does what is planned. When it returns, the file is registered. progress is told how many of the bytes the chain
// holds; it may be nil.
func (p *Pusher) Run(ctx context.Context, r Request, plan Plan, progress func(bytes int64)) error {
	switch plan.Way {
	case WayNone:
		return nil
	case WayInline:
		file := make([]byte, r.Digest.Size)
		if _, err := io.ReadFull(io.NewSectionReader(r.File, 0, r.Digest.Size), file); err != nil {
			return fmt.Errorf("file: %w", err)
		}
		return p.Wallet.Execute(ctx, p.registerMsg(r, file), p.registerGas(r), p.Options, p.isRegistered(r))
	case WayReference:
		return p.Wallet.Execute(ctx, p.referenceMsg(r), p.referenceGas(r), p.Options, p.isRegistered(r))
	case WayUpload:
		opened := func(ctx context.Context) (bool, error) {
			_, found, err := p.openUpload(ctx, r.SHA256())
			return found, err
		}
		if err := p.Wallet.Execute(ctx, p.openMsg(r), p.openGas(r), p.Options, opened); err != nil {
			return fmt.Errorf("open an upload: %w", err)
		}
		upload, found, err := p.openUpload(ctx, r.SHA256())
		if err != nil {
			return err
		}
		if !found {
			return errors.New("upload: expected to find the one that was opened, got none: run the command again")
		}
		plan.Upload = upload
	}
	o := p.Options
	o.Progress = func(missing int) {
		if progress != nil {
			progress(max(0, r.Digest.Size-int64(missing)*modelpush.ChunkSize))
		}
	}
	return modelpush.Run(ctx, &chunks{p: p, r: r, upload: plan.Upload.Id}, o)
}

// isRegistered tells whether the file is a model under the name that is meant.
func (p *Pusher) isRegistered(r Request) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		_, found, err := p.registered(ctx, r)
		return found, err
	}
}

// chunks is the push of the chunks of one upload.
type chunks struct {
	p      *Pusher
	r      Request
	upload uint64
}

var _ modelpush.Chain = (*chunks)(nil)

// View implements modelpush.Chain. Every query reads the same height.
func (c *chunks) View(ctx context.Context) (modelpush.View, error) {
	height, err := c.p.Wallet.Node.Height(ctx)
	if err != nil {
		return modelpush.View{}, err
	}
	at := wallet.AtHeight(ctx, height)
	sequence, err := c.p.Wallet.Sequence(at)
	if err != nil {
		return modelpush.View{}, err
	}
	view := modelpush.View{Height: height, Sequence: sequence}
	res, err := c.p.Queries.Upload(at, &types.QueryUploadRequest{UploadId: c.upload})
	if err == nil {
		view.Missing = res.Missing
		return view, nil
	}
	if status.Code(err) != codes.NotFound {
		return modelpush.View{}, err
	}
	// The last chunk ends the upload: now it is a model, or it came to nothing.
	model, err := c.p.Queries.Model(at, &types.QueryModelRequest{Model: c.r.SHA256()})
	if status.Code(err) == codes.NotFound {
		return modelpush.View{}, fmt.Errorf("upload %d: %w without a model: it was cancelled, has expired, or name or file went to somebody else", c.upload, modelpush.ErrEnded)
	}
	if err == nil && (model.Owner != c.p.Wallet.Address.String() || model.Model.Name != c.r.Manifest.Name) {
		return modelpush.View{}, fmt.Errorf("upload %d: %w, the file is registered as %s:%d of %s", c.upload, modelpush.ErrEnded,
			model.Model.Name, model.Model.Version, model.Owner)
	}
	return view, err
}

// Send implements modelpush.Chain.
func (c *chunks) Send(ctx context.Context, chunk uint32, sequence uint64, expires int64) (modelpush.Answer, error) {
	data, err := c.r.Digest.Chunk(c.r.File, chunk)
	if err != nil {
		return modelpush.Answer{}, err
	}
	msg := c.p.chunkMsg(c.upload, chunk, data)
	gas := c.p.Wallet.Gas(c.p.chunkMsg(longestID, chunk, data), c.p.chunkGas(c.r, chunk))
	raw, err := c.p.Wallet.Sign(ctx, msg, gas, sequence, expires)
	if err != nil {
		return modelpush.Answer{}, err
	}
	return c.p.Wallet.Hand(ctx, raw)
}

// Result implements modelpush.Chain.
func (c *chunks) Result(ctx context.Context, hash string, sent int64) (modelpush.Result, error) {
	return c.p.Wallet.Result(ctx, hash, sent)
}

// Wait implements modelpush.Chain.
func (c *chunks) Wait(ctx context.Context, height int64) error { return c.p.Wallet.Wait(ctx, height) }
