package address

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/bech32"
)

// TestAddressesAreThoseOfTheSDK compares with the functions of the SDK under the prefixes of its configuration here, which this
// package does not look at.
func TestAddressesAreThoseOfTheSDK(t *testing.T) {
	require.Equal(t, "cosmos", sdk.GetConfig().GetBech32AccountAddrPrefix())
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 260).Draw(t, "address")
		spell := rapid.SampledFrom([]func(string) string{
			func(s string) string { return s }, strings.ToUpper, func(s string) string { return " " + s }, func(s string) string { return s[:len(s)-1] },
		}).Draw(t, "spelling")
		text := func(prefix string) string {
			s, err := bech32.ConvertAndEncode(prefix, b)
			require.NoError(t, err)
			return spell(s)
		}
		want, wantErr := sdk.AccAddressFromBech32(text("cosmos"))
		got, err := ParseAccount(text(AccountPrefix))
		if (wantErr == nil) != (err == nil) || !want.Equals(got) {
			t.Fatalf("account: expected %X and %v, got %X and %v", []byte(want), wantErr, []byte(got), err)
		}
		operator, wantErr := sdk.ValAddressFromBech32(text("cosmosvaloper"))
		gotOperator, err := ParseOperator(text(ValidatorPrefix))
		if (wantErr == nil) != (err == nil) || !operator.Equals(gotOperator) {
			t.Fatalf("operator: expected %X and %v, got %X and %v", []byte(operator), wantErr, []byte(gotOperator), err)
		}
		if _, err := CanonicalAccount(text(AccountPrefix)); (err == nil) != (wantErr == nil && text(AccountPrefix) == strings.ToLower(text(AccountPrefix))) {
			t.Fatalf("canonical: got %v for %q", err, text(AccountPrefix))
		}
	})
	for _, text := range []string{"", " ", "og1", "cosmos1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5lzv7xu", sdk.ValAddress(make([]byte, 20)).String()} {
		_, err := ParseAccount(text)
		require.Error(t, err, text)
		_, err = CanonicalOperator(text)
		require.Error(t, err, text)
	}
}
