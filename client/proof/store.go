package proof

import (
	"errors"
	"fmt"
	"slices"

	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	ics23 "github.com/cosmos/ics23/go"

	"github.com/opengradient/opengradient/internal/proofwire"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// layout is the order of stores, and of the kinds of values in each, that a file has.
var layout = []struct {
	store string
	kinds []proofwire.Kind
}{
	{inferencetypes.StoreKey, []proofwire.Kind{proofwire.KIND_REQUEST, proofwire.KIND_RESULT, proofwire.KIND_RECEIPT}},
	{modelstypes.StoreKey, []proofwire.Kind{proofwire.KIND_MODEL}},
	{verificationtypes.StoreKey, []proofwire.Kind{proofwire.KIND_SNAPSHOT, proofwire.KIND_PARAMS}},
}

// kindName is the word for a kind of value.
func kindName(k proofwire.Kind) string {
	switch k {
	case proofwire.KIND_REQUEST:
		return "request"
	case proofwire.KIND_RESULT:
		return "result"
	case proofwire.KIND_RECEIPT:
		return "receipt"
	case proofwire.KIND_MODEL:
		return "model"
	case proofwire.KIND_SNAPSHOT:
		return "snapshot"
	case proofwire.KIND_PARAMS:
		return "params"
	default:
		return fmt.Sprintf("kind %d", k)
	}
}

// state is the values of a file whose stores are known to be those of one application hash.
type state struct {
	roots  map[string][]byte
	values map[proofwire.Kind]proofwire.Value
	stores map[proofwire.Kind]string
}

// openState checks that the stores are those of the layout and that their roots are in the application hash.
func openState(stores []*proofwire.Store, appHash []byte) (state, error) {
	s := state{
		roots: make(map[string][]byte), values: make(map[proofwire.Kind]proofwire.Value), stores: make(map[proofwire.Kind]string),
	}
	if len(stores) != len(layout) {
		return state{}, differs(PartStores, "", len(layout), len(stores))
	}
	for i, store := range stores {
		want := layout[i]
		if store.Name != want.store {
			return state{}, differs(PartStores, "", want.store, store.Name)
		}
		if err := proveStore(store, appHash); err != nil {
			return state{}, fails(PartAppHash, "store "+store.Name, err)
		}
		s.roots[store.Name] = store.Root
		for j, value := range store.Values {
			if !slices.Contains(want.kinds, value.Kind) || j > 0 && store.Values[j-1].Kind >= value.Kind {
				return state{}, differs(PartStores, store.Name, "values of its own, ascending by kind", kindName(value.Kind))
			}
			s.values[value.Kind], s.stores[value.Kind] = value, store.Name
		}
	}
	return s, nil
}

// has tells whether there is a value of a kind.
func (s state) has(kind proofwire.Kind) bool {
	_, ok := s.values[kind]
	return ok
}

// value gives a value once it is shown to be stored under its key.
func (s state) value(kind proofwire.Kind, key []byte) ([]byte, error) {
	v, ok := s.values[kind]
	if !ok {
		return nil, differs(PartStores, "", "the "+kindName(kind), "none")
	}
	if err := proveValue(v, key, s.roots[s.stores[kind]]); err != nil {
		return nil, fails(PartStoreProof, kindName(kind), err)
	}
	return v.Value, nil
}

// proveStore checks the path from a store to the application hash.
func proveStore(s *proofwire.Store, appHash []byte) error {
	leaf := *ics23.TendermintSpec.LeafSpec
	leaf.Prefix = slices.Clone(leaf.Prefix)
	return existence(ics23.TendermintSpec, &leaf, s.Path, appHash, []byte(s.Name), s.Root)
}

// proveValue checks the path from a value to the root of its store.
func proveValue(v proofwire.Value, key, root []byte) error {
	leaf := *ics23.IavlSpec.LeafSpec
	leaf.Prefix = slices.Clone(v.Leaf)
	return existence(ics23.IavlSpec, &leaf, v.Path, root, key, v.Value)
}

func existence(spec *ics23.ProofSpec, leaf *ics23.LeafOp, path []proofwire.Step, root, key, value []byte) error {
	p := &ics23.ExistenceProof{Key: key, Value: value, Leaf: leaf, Path: make([]*ics23.InnerOp, len(path))}
	for i, step := range path {
		// Cloned, because the library appends to what it is given.
		p.Path[i] = &ics23.InnerOp{Hash: spec.InnerSpec.Hash, Prefix: slices.Clone(step.Prefix), Suffix: slices.Clone(step.Suffix)}
	}
	return p.Verify(spec, root, key, value)
}

// fromOps takes apart what a node gives with a value: the path of the value in its store, and that of the store.
func fromOps(store string, key, value []byte, ops *cmtcrypto.ProofOps) (proofwire.Value, *proofwire.Store, error) {
	if ops == nil || len(ops.Ops) != 2 {
		return proofwire.Value{}, nil, errors.New("expected a proof of two steps, got another number")
	}
	inner, err := existenceOf(ops.Ops[0], storetypes.ProofOpIAVLCommitment, key)
	if err != nil {
		return proofwire.Value{}, nil, err
	}
	outer, err := existenceOf(ops.Ops[1], storetypes.ProofOpSimpleMerkleCommitment, []byte(store))
	if err != nil {
		return proofwire.Value{}, nil, err
	}
	v := proofwire.Value{Value: value, Leaf: inner.Leaf.Prefix, Path: steps(inner.Path)}
	s := &proofwire.Store{Name: store, Root: outer.Value, Path: steps(outer.Path)}
	return v, s, proveValue(v, key, s.Root)
}

func existenceOf(op cmtcrypto.ProofOp, kind string, key []byte) (*ics23.ExistenceProof, error) {
	if op.Type != kind || string(op.Key) != string(key) {
		return nil, fmt.Errorf("expected a proof of type %s for key %X, got %s for %X", kind, key, op.Type, op.Key)
	}
	var p ics23.CommitmentProof
	if err := p.Unmarshal(op.Data); err != nil {
		return nil, err
	}
	exist := p.GetExist()
	if exist == nil || exist.Leaf == nil {
		return nil, fmt.Errorf("expected a proof that key %X is there, got another", key)
	}
	return exist, nil
}

func steps(path []*ics23.InnerOp) []proofwire.Step {
	list := make([]proofwire.Step, len(path))
	for i, op := range path {
		list[i] = proofwire.Step{Prefix: op.GetPrefix(), Suffix: op.GetSuffix()}
	}
	return list
}
