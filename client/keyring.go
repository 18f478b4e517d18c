package client

import (
	"fmt"
	"io"

	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// OpenKeyring opens the keyring that "opengradientd keys" uses: backend is os, file, test or another one of the SDK, home the
// folder of the daemon, and in what a passphrase is read from.
func OpenKeyring(backend, home string, in io.Reader) (keyring.Keyring, error) {
	codecs, err := newEncoding()
	if err != nil {
		return nil, err
	}
	keys, err := keyring.New(sdk.KeyringServiceName(), backend, home, in, codecs.Codec)
	if err != nil {
		return nil, fmt.Errorf("keyring: expected a backend such as os, file or test and its folder, got %q in %s: %w", backend, home, err)
	}
	return keys, nil
}
