package app

import "github.com/opengradient/opengradient/internal/encoding"

// EncodingConfig holds the codecs that an application and its clients share.
type EncodingConfig = encoding.Config

// MakeEncodingConfig returns the codecs with the SDK's own types registered; New registers those of the modules.
func MakeEncodingConfig() (EncodingConfig, error) { return encoding.Make() }
