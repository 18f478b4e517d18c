package imagein

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// ErrImage marks every refusal of this package; use errors.Is.
var ErrImage = errors.New("invalid image")

const (
	// MaxSide is the largest width and height of an image, in pixels.
	MaxSide = 16384
	// MaxPixels is the largest number of pixels of an image.
	MaxPixels = 1 << 25
)

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrImage, fmt.Errorf(format, args...))
}

type format struct {
	name   string
	begins func(file []byte) bool
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func prefix(text string) func([]byte) bool {
	return func(file []byte) bool { return bytes.HasPrefix(file, []byte(text)) }
}

var formats = []format{
	{"PNG", prefix("\x89PNG\r\n\x1a\n"), png.DecodeConfig, png.Decode},
	{"JPEG", prefix("\xff\xd8\xff"), jpeg.DecodeConfig, jpeg.Decode},
	{"GIF", prefix("GIF8"), gif.DecodeConfig, gif.Decode},
	{"BMP", prefix("BM"), bmp.DecodeConfig, bmp.Decode},
	{"WebP", isWebP, webp.DecodeConfig, webp.Decode},
}

func isWebP(file []byte) bool {
	return len(file) >= 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP"
}

// Known says whether a file begins as one of the images that are read.
func Known(file []byte) bool {
	_, err := formatOf(file)
	return err == nil
}

func formatOf(file []byte) (format, error) {
	for _, f := range formats {
		if f.begins(file) {
			return f, nil
		}
	}
	return format{}, refuse("expected PNG, JPEG, GIF, BMP or WebP, got something else")
}

// decode reads an image whose dimensions are within bounds.
func decode(file []byte) (img image.Image, err error) {
	f, err := formatOf(file)
	if err != nil {
		return nil, err
	}
	// The decoders are written for files of strangers, but a defect in one of them must not end the program.
	defer func() {
		if p := recover(); p != nil {
			img, err = nil, refuse("%s: expected a sound file, got one that its decoder fails on: %v", f.name, p)
		}
	}()
	config, err := f.config(bytes.NewReader(file))
	if err != nil {
		return nil, refuse("%s: %w", f.name, err)
	}
	if err := checkSize(f.name, config.Width, config.Height); err != nil {
		return nil, err
	}
	if f.name == "WebP" {
		if err := checkFrame(file, config); err != nil {
			return nil, err
		}
	}
	if img, err = f.decode(bytes.NewReader(file)); err != nil {
		return nil, refuse("%s: %w", f.name, err)
	}
	// A picture within another, as GIF has them, has its own bounds.
	if err := checkSize(f.name, img.Bounds().Dx(), img.Bounds().Dy()); err != nil {
		return nil, err
	}
	return img, nil
}

func checkSize(name string, width, height int) error {
	if width < 1 || height < 1 || width > MaxSide || height > MaxSide || width*height > MaxPixels {
		return refuse("%s: expected 1 to %d pixels a side and at most %d in all, got %d × %d", name, MaxSide, MaxPixels, width, height)
	}
	return nil
}

// checkFrame checks that the picture in an extended WebP file has the size that its header promised: the decoder allocates by
// the one and then by the other.
func checkFrame(file []byte, promised image.Config) error {
	const header = 12
	for at := header; at+8 <= len(file); {
		size := int64(binary.LittleEndian.Uint32(file[at+4:]))
		if kind := string(file[at : at+4]); kind == "VP8 " || kind == "VP8L" {
			// The same file without what stands before the picture.
			single := append(bytes.Clone(file[:header]), file[at:]...)
			binary.LittleEndian.PutUint32(single[4:], uint32(len(single)-8))
			config, err := webp.DecodeConfig(bytes.NewReader(single))
			if err != nil {
				return refuse("WebP: %w", err)
			}
			if config.Width != promised.Width || config.Height != promised.Height {
				return refuse("WebP: expected a picture of %d × %d, got %d × %d", promised.Width, promised.Height, config.Width, config.Height)
			}
			return nil
		}
		next := int64(at) + 8 + size + size%2
		if next > int64(len(file)) {
			break
		}
		at = int(next)
	}
	return refuse("WebP: expected a picture, got none")
}
