package proposal

import (
	"cmp"
	"slices"

	sdk "github.com/cosmos/cosmos-sdk/types"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
)

// candidate is an ordinary transaction that may be proposed.
type candidate struct {
	raw []byte
	tx  sdk.Tx
}

// inOrder puts the transactions of each signer in the order of their sequence numbers, within the places that they have together.
// A mempool that checks transactions of several peers at one time may hold two of them the wrong way round: proposed so, the
// second one and all that come after it would fail, and be lost. Whatever a proposer's order is, others accept it.
func inOrder(list []candidate) {
	type place struct {
		at       int
		sequence uint64
	}
	places := make(map[string][]place)
	for i, c := range list {
		if signer, sequence, ok := signerOf(c.tx); ok {
			places[signer] = append(places[signer], place{i, sequence})
		}
	}
	before := slices.Clone(list)
	for _, of := range places {
		sorted := slices.Clone(of)
		slices.SortStableFunc(sorted, func(a, b place) int { return cmp.Compare(a.sequence, b.sequence) })
		for i, p := range of {
			list[p.at] = before[sorted[i].at]
		}
	}
}

// signerOf gives the first signer of a transaction and its sequence number. It is false for a transaction without one, whose place
// does not matter: no signature, or a nonce that is none.
func signerOf(tx sdk.Tx) (signer string, sequence uint64, ok bool) {
	defer func() {
		if recover() != nil { // what came from outside may lack a part that the SDK counts on
			ok = false
		}
	}()
	if unordered, is := tx.(sdk.TxWithUnordered); is && unordered.GetUnordered() {
		return "", 0, false
	}
	signed, is := tx.(authsigning.SigVerifiableTx)
	if !is {
		return "", 0, false
	}
	signers, err := signed.GetSigners()
	if err != nil || len(signers) == 0 {
		return "", 0, false
	}
	signatures, err := signed.GetSignaturesV2()
	if err != nil || len(signatures) == 0 {
		return "", 0, false
	}
	return string(signers[0]), signatures[0].Sequence, true
}
