// Package push registers model files: it finds out what has been done already, says exactly what the rest costs, does it,
// and follows the model until the network has come to a verdict.
package push

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/internal/wallet"
	"github.com/opengradient/opengradient/x/models/types"
)

// Request is what is to be registered.
type Request struct {
	File     io.ReaderAt
	Digest   modelpush.Digest
	Manifest types.Manifest
	// Inspection is what reading the file found.
	Inspection types.Inspection
	// Sources are where others find the file, which the chain then does not hold; none for an upload.
	Sources []string
}

// SHA256 is the identity of the file, in lower-case hexadecimal.
func (r Request) SHA256() string { return hex.EncodeToString(r.Digest.SHA256[:]) }

// Way is how a file is registered.
type Way uint8

const (
	// WayInline is one message with the whole file.
	WayInline Way = iota + 1
	// WayUpload is an upload in chunks.
	WayUpload
	// WayResume is an upload that is open already.
	WayResume
	// WayReference is one message without the file.
	WayReference
	// WayNone is a file that is registered already.
	WayNone
)

// Plan is what is left to do.
type Plan struct {
	Way Way
	// Upload is the open upload, Missing the chunks it lacks, with WayResume.
	Upload  types.Upload
	Missing []uint32
	// Model is what is registered already, with WayNone.
	Model types.Model
	Cost  Cost
}

// Pusher registers files for one account.
type Pusher struct {
	Wallet  *wallet.Wallet
	Queries types.QueryClient
	Params  types.Params
	Options modelpush.Options
}

// Plan finds out what is left to do, and what it costs.
func (p *Pusher) Plan(ctx context.Context, r Request) (Plan, error) {
	if err := p.check(r); err != nil {
		return Plan{}, err
	}
	plan, found, err := p.registered(ctx, r)
	if err != nil || found {
		return plan, err
	}
	if len(r.Sources) > 0 {
		plan.Way = WayReference
	} else if plan, err = p.uploadPlan(ctx, r); err != nil {
		return Plan{}, err
	}
	plan.Cost, err = p.cost(ctx, r, plan)
	return plan, err
}

// check does what the chain would do first, before anything is paid.
func (p *Pusher) check(r Request) error {
	if err := r.Manifest.Validate(p.Params); err != nil {
		return err
	}
	size := uint64(r.Digest.Size)
	m := types.Model{Sha256: r.SHA256(), Size_: size, Inspection: r.Inspection}
	if err := m.CheckInspection(); err != nil {
		return err
	}
	if err := m.CheckGolden(r.Manifest.Golden); err != nil {
		return err
	}
	switch {
	case len(r.Sources) > 0 && size > p.Params.MaxReferenceBytes:
		return fmt.Errorf("file: expected at most %d bytes by reference, got %d", p.Params.MaxReferenceBytes, size)
	case len(r.Sources) > 0:
		return types.ValidateSources(r.Digest.SHA256[:], size, r.Sources)
	case size > p.Params.MaxModelBytes:
		return fmt.Errorf("file: expected at most %d bytes on the chain, got %d: put it on a server and register it with --source", p.Params.MaxModelBytes, size)
	}
	return nil
}

// registered looks whether the file is a model already.
func (p *Pusher) registered(ctx context.Context, r Request) (Plan, bool, error) {
	found, err := p.Queries.Model(ctx, &types.QueryModelRequest{Model: r.SHA256()})
	if status.Code(err) == codes.NotFound {
		return Plan{}, false, nil
	}
	if err != nil {
		return Plan{}, false, err
	}
	m := found.Model
	switch {
	case m.Status.Over():
		return Plan{}, false, nil // it gives way
	case found.Owner != p.Wallet.Address.String() || m.Name != r.Manifest.Name:
		return Plan{}, false, fmt.Errorf("file: expected one that is not registered yet, got the file of %s:%d, which belongs to %s", m.Name, m.Version, found.Owner)
	}
	return Plan{Way: WayNone, Model: m, Cost: p.free()}, true, nil
}

// uploadPlan looks for an upload of the file that is open, and chooses the way otherwise.
func (p *Pusher) uploadPlan(ctx context.Context, r Request) (Plan, error) {
	upload, found, err := p.openUpload(ctx, r.SHA256())
	switch {
	case err != nil:
		return Plan{}, err
	case !found && uint64(r.Digest.Size) <= p.Params.MaxInlineBytes:
		return Plan{Way: WayInline}, nil
	case !found:
		plan := Plan{Way: WayUpload}
		for i := range r.Digest.Chunks {
			plan.Missing = append(plan.Missing, uint32(i))
		}
		return plan, nil
	}
	if err := sameUpload(upload, r); err != nil {
		return Plan{}, err
	}
	res, err := p.Queries.Upload(ctx, &types.QueryUploadRequest{UploadId: upload.Id})
	if err != nil {
		return Plan{}, err
	}
	return Plan{Way: WayResume, Upload: res.Upload, Missing: res.Missing}, nil
}

// openUpload finds the account's upload of a file.
func (p *Pusher) openUpload(ctx context.Context, sha256 string) (types.Upload, bool, error) {
	var key []byte
	for {
		res, err := p.Queries.Uploads(ctx, &types.QueryUploadsRequest{
			Owner: p.Wallet.Address.String(), Pagination: &query.PageRequest{Key: key},
		})
		if err != nil {
			return types.Upload{}, false, err
		}
		for _, u := range res.Uploads {
			if u.Sha256 == sha256 {
				return u, true, nil
			}
		}
		if res.Pagination == nil || len(res.Pagination.NextKey) == 0 {
			return types.Upload{}, false, nil
		}
		key = res.Pagination.NextKey
	}
}

// sameUpload checks that an open upload says of the file what is asked for now: it cannot be changed any more.
func sameUpload(u types.Upload, r Request) error {
	differs := func(what string, opened, now any) error {
		return fmt.Errorf("upload %d of this file: expected the %s it was opened with, %v, got %v: push with that, or give it up with \"model cancel-upload %d\"",
			u.Id, what, opened, now, u.Id)
	}
	was, is := u.Manifest, r.Manifest
	switch {
	case was.Name != is.Name:
		return differs("name", was.Name, is.Name)
	case was.TaskClass != is.TaskClass:
		return differs("task", was.TaskClass.Word(), is.TaskClass.Word())
	case !was.Royalty.Equal(is.Royalty):
		return differs("royalty", was.Royalty, is.Royalty)
	}
	opened, err := was.Marshal()
	if err != nil {
		return err
	}
	now, err := is.Marshal()
	if err != nil {
		return err
	}
	if !bytes.Equal(opened, now) {
		return differs("card, license, labels and golden vectors", "which are others", "those of this command")
	}
	return nil
}

// ErrRejected is a model that the network does not run. The message says why.
var ErrRejected = errors.New("the model was not admitted")
