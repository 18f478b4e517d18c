// Package modelstore gives the node the files of models that are too large for the state of the chain. It keeps them by
// hash, gets those it lacks from the operator's files, from other nodes, and, when the operator allows it, from the sources
// that the chain names, and serves them to other nodes. It is local to the node and never part of consensus.
package modelstore

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"cosmossdk.io/log/v2"

	"github.com/opengradient/opengradient/internal/modelref"
	"github.com/opengradient/opengradient/internal/modelstore/cache"
	"github.com/opengradient/opengradient/internal/modelstore/guard"
	"github.com/opengradient/opengradient/internal/modelstore/peer"
)

const (
	// maxDownloads bounds the downloads at a time.
	maxDownloads = 4
	// lookAgain is the pause between looks at what another process downloads.
	lookAgain = 250 * time.Millisecond
	// maxGets bounds how often a file that was just fetched is lost to others that need its room.
	maxGets = 3
)

// ErrUnavailable means that no source gave the file. Another try may do better.
var ErrUnavailable = errors.New("model file unavailable")

// Deps are what a store works with.
type Deps struct {
	Logger  log.Logger
	Metrics Metrics
	// Network is how hosts are found that the chain names. The zero value is the machine's.
	Network guard.Options
	// PeerRoots are the certificate authorities for peers; nil are the system's.
	PeerRoots *x509.CertPool
}

// Store is a cache of model files that fills itself. It is safe for concurrent use.
type Store struct {
	config  Config
	cache   *cache.Cache
	logger  log.Logger
	metrics Metrics

	chain *http.Client
	peers *http.Client
	files files

	flights   flights
	aside     aside
	downloads chan struct{}
	turn      atomic.Uint64
}

// Open opens the store of a node. The cache is below home unless the configuration, which must be valid, says otherwise.
func Open(config Config, home string, deps Deps) (*Store, error) {
	kept, err := OpenCache(config, home)
	if err != nil {
		return nil, err
	}
	if deps.Logger == nil {
		deps.Logger = log.NewNopLogger()
	}
	if deps.Metrics == nil {
		deps.Metrics = noMetrics{}
	}
	return &Store{
		config: config, cache: kept, logger: deps.Logger.With("module", "modelstore"), metrics: deps.Metrics,
		chain: guard.NewClient(deps.Network), peers: guard.NewPeerClient(deps.PeerRoots), files: files{paths: config.Files},
		downloads: make(chan struct{}, maxDownloads),
	}, nil
}

// OpenCache opens the cache of a node without its sources: commands do, also while the node runs.
func OpenCache(config Config, home string) (*cache.Cache, error) {
	return cache.Open(config.Folder(home), int64(config.CacheBytes))
}

// Cache is where the files are.
func (s *Store) Cache() *cache.Cache { return s.cache }

// Handler serves the files of the cache to other nodes, after those of first, in this order. It is nil when the operator
// does not want that.
func (s *Store) Handler(first ...peer.Files) http.Handler {
	if !s.config.Serve {
		return nil
	}
	return peer.NewHandler(peer.Options{
		Files: append(first, s), Connections: s.config.ServeConnections, Rate: s.config.ServeRateBytes, Sent: s.metrics.Sent,
	})
}

// OpenModel implements peer.Files.
func (s *Store) OpenModel(sum [32]byte) (peer.File, error) {
	file, err := s.Local(sum)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// Local gives a file that is in the cache, open until it is closed; fs.ErrNotExist when it is not, or was corrupt and is gone.
func (s *Store) Local(sum [32]byte) (*cache.File, error) {
	file, err := s.get(sum)
	if errors.Is(err, cache.ErrCorrupt) {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return file, err
}

// Fetch gives a file, open and in the cache until it is closed. It looks there first, then at the operator's files, at the peers
// and, when the operator allows it, at the reference's sources. The error is ErrUnavailable when none has it, and says what
// each said; cache.ErrNoSpace when there is no room for it.
func (s *Store) Fetch(ctx context.Context, ref modelref.Reference) (*cache.File, error) {
	if err := ref.Validate(); err != nil {
		return nil, err
	}
	for range maxGets {
		file, err := s.get(ref.SHA256)
		if err == nil && file.Size() != int64(ref.Size) {
			return nil, errors.Join(fmt.Errorf("model %x: expected %d bytes, the file has %d", ref.SHA256, ref.Size, file.Size()), file.Close())
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, cache.ErrCorrupt) {
			return file, err
		}
		if ref.Size > s.config.MaxFetchBytes {
			return nil, fmt.Errorf("model %x: expected up to %d bytes (models.max-fetch-bytes), got %d", ref.SHA256, s.config.MaxFetchBytes, ref.Size)
		}
		key := string(ref.SHA256[:]) + fmt.Sprint(ref.Size) + strings.Join(ref.Sources, " ")
		if err := s.flights.do(ctx, key, func(ctx context.Context) error { return s.fetch(ctx, ref) }); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: model %x was removed %d times as soon as it was there", cache.ErrNoSpace, ref.SHA256, maxGets)
}

func (s *Store) get(sum [32]byte) (*cache.File, error) {
	file, err := s.cache.Get(sum)
	if errors.Is(err, cache.ErrCorrupt) {
		s.metrics.Count(EventCorrupt)
		s.logger.Error("removed a corrupt model file", "model", hex.EncodeToString(sum[:]), "error", err)
	}
	return file, err
}

// fetch puts a file into the cache.
func (s *Store) fetch(ctx context.Context, ref modelref.Reference) error {
	select {
	case s.downloads <- struct{}{}:
		defer func() { <-s.downloads }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	d, done, err := s.begin(ctx, ref)
	if err != nil || done {
		return err
	}
	err = s.fromAny(ctx, d, ref)
	if err != nil {
		s.metrics.Count(EventFailed)
	} else {
		s.metrics.Count(EventFetched)
	}
	return errors.Join(err, d.Close())
}

// begin starts a download. While another process downloads the same file it waits, and is done when that has put the file
// into the cache.
func (s *Store) begin(ctx context.Context, ref modelref.Reference) (d *cache.Download, done bool, err error) {
	for {
		d, err = s.cache.Begin(ref.SHA256, int64(ref.Size))
		if !errors.Is(err, cache.ErrInUse) {
			return d, false, err
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
		file, err := s.get(ref.SHA256)
		if err == nil {
			return nil, true, file.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, cache.ErrCorrupt) {
			return nil, false, err
		}
	}
}

// fromAny asks the sources one after the other.
func (s *Store) fromAny(ctx context.Context, d *cache.Download, ref modelref.Reference) error {
	errs := []error{fmt.Errorf("%w: %x", ErrUnavailable, ref.SHA256)}
	if d.Offset() == d.Size() {
		err := commit(d)
		if err == nil || errors.Is(err, errCache) {
			return err
		}
	}
	origins, err := s.origins(ref)
	if err != nil {
		errs = append(errs, err)
	}
	for _, o := range origins {
		if until, put := s.aside.until(o.key); put {
			errs = append(errs, fmt.Errorf("%s: put aside until %s", o.name, until.UTC().Format(time.RFC3339)))
			continue
		}
		err := s.transfer(ctx, d, o)
		if err == nil {
			s.aside.take(o.key)
			s.logger.Info("fetched a model file", "model", hex.EncodeToString(ref.SHA256[:]), "bytes", ref.Size, "from", o.name)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, errCache) {
			return err
		}
		s.judge(o, err)
		errs = append(errs, fmt.Errorf("%s: %w", o.name, err))
	}
	return errors.Join(errs...)
}

// judge puts a source aside for what it did.
func (s *Store) judge(o origin, err error) {
	switch {
	case errors.Is(err, errAbsent), errors.Is(err, errBusy):
	case errors.Is(err, errWrong):
		s.metrics.Count(EventWrongBytes)
		s.logger.Error("a source of a model is put aside", "source", o.name, "error", err)
		s.aside.put(o.key, wrongAside)
	default:
		s.logger.Info("a source of a model failed", "source", o.name, "error", err)
		s.aside.put(o.key, firstAside)
	}
}

// origins are the sources in the order in which they are asked. The error tells which there are none of.
func (s *Store) origins(ref modelref.Reference) ([]origin, error) {
	var list []origin
	path, found, err := s.files.find(ref.SHA256, int64(ref.Size))
	if found {
		list = append(list, origin{kind: KindFile, name: path, key: path, open: fileOpener(path)})
	}
	// Peers take turns in being first.
	turn := int((s.turn.Add(1) - 1) % uint64(max(len(s.config.Peers), 1)))
	for i := range s.config.Peers {
		base := s.config.Peers[(turn+i)%len(s.config.Peers)]
		url := strings.TrimSuffix(base, "/") + peer.Path(ref.SHA256)
		list = append(list, origin{kind: KindPeer, name: url, key: base, open: httpOpener(s.peers, url)})
	}
	if !s.config.FetchFromChainSources {
		if len(ref.Sources) > 0 {
			err = errors.Join(err, errors.New("the sources that the chain names are not used: models.fetch-from-chain-sources is off"))
		}
		return list, err
	}
	for _, text := range ref.Sources {
		source, parseErr := modelref.ParseSource(text)
		if parseErr != nil {
			return list, errors.Join(err, parseErr)
		}
		open := httpOpener(s.chain, text)
		if source.Kind == modelref.KindOCI {
			open = ociOpener(s.chain, source)
		}
		// Put aside for this model only: anybody may register a model that is not what a source has.
		key := string(ref.SHA256[:]) + text
		list = append(list, origin{kind: KindChain, name: text, key: key, open: open})
	}
	return list, err
}
