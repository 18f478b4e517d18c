package executor

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/opengradient/opengradient/internal/mapfile"
	"github.com/opengradient/opengradient/internal/modelref"
)

// ModelFile is a whole model file whose hash was checked. It is there until it is closed.
type ModelFile interface {
	Path() string
	Close() error
}

// Files has the files of models by reference. It is safe for concurrent use.
type Files interface {
	// Local gives a file that is on this machine. The error is fs.ErrNotExist when it is not.
	Local(id ModelID) (ModelFile, error)
	// Fetch gives a file from wherever it can be had. It may take long, and ends with the context.
	Fetch(ctx context.Context, ref modelref.Reference) (ModelFile, error)
}

// noFiles is a node that has none.
type noFiles struct{}

func (noFiles) Local(ModelID) (ModelFile, error) { return nil, fs.ErrNotExist }
func (noFiles) Fetch(context.Context, modelref.Reference) (ModelFile, error) {
	return nil, errors.New("the node keeps no model files")
}

// errNoFile: the file of a model by reference has to be fetched first.
var errNoFile = errors.New("the file of the model is not on this node")

// modelSource is a model with its file: bytes that the chain holds, or a file on disk.
type modelSource struct {
	listed
	onnx []byte
	file ModelFile
}

// openModel finds the file of a model. It fails with errNoFile when that has to be fetched. The source must be closed.
func openModel(view View, files Files, m listed) (modelSource, error) {
	if m.IsReference() {
		file, err := files.Local(m.id)
		if errors.Is(err, fs.ErrNotExist) {
			return modelSource{}, fmt.Errorf("%w: %s", errNoFile, m.id)
		}
		if err != nil {
			return modelSource{}, fmt.Errorf("file of model %s: %w", m.id, err)
		}
		return modelSource{listed: m, file: file}, nil
	}
	onnx, err := view.ModelFile(m.Model)
	if err != nil {
		return modelSource{}, fmt.Errorf("read model %s: %w", m.id, err)
	}
	if sum := sha256.Sum256(onnx); sum != m.id {
		return modelSource{}, fmt.Errorf("expected a model file with SHA-256 %s, got %x", m.id, sum)
	}
	return modelSource{listed: m, onnx: onnx}, nil
}

// load hands the model to an engine.
func (s modelSource) load(ctx context.Context, engine Engine) error {
	var err error
	if s.file != nil {
		err = engine.LoadFile(ctx, s.id.String(), s.file.Path())
	} else {
		err = engine.Load(ctx, s.id.String(), s.onnx)
	}
	if err != nil {
		return fmt.Errorf("load model %s: %w", s.id, err)
	}
	return nil
}

// content is the file in memory, until it is released.
func (s modelSource) content() (content []byte, release func(), err error) {
	if s.file == nil {
		return s.onnx, func() {}, nil
	}
	file, err := os.Open(s.file.Path())
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }() // the mapping outlives it
	return mapfile.Map(file, int64(s.Size_))
}

func (s modelSource) close() {
	if s.file != nil {
		_ = s.file.Close() // it was only read
	}
}
