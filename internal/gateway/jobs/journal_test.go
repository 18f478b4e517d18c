package jobs

import (
	"strings"
	"testing"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/store"
)

func TestClaim(t *testing.T) {
	db := disk{dbm.NewMemDB()}
	claim := func(owner string) error {
		s := store.New(db, nil)
		defer func() {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}()
		return NewBook(s, func(string) (keys.Limits, bool) { return keys.Limits{}, false }, time.Now).Journal().Claim(owner)
	}
	for range 2 {
		if err := claim("account a on chain x"); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"account b on chain x", "account a on chain y"} {
		err := claim(other)
		if err == nil || !strings.Contains(err.Error(), "expected that of "+other+", got that of account a on chain x") {
			t.Errorf("%s: expected a refusal that names both, got %v", other, err)
		}
	}
	if err := claim("account a on chain x"); err != nil {
		t.Errorf("after refusals: %v", err)
	}
}
