package keeper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

// InitGenesis imports a state. Deadlines of admissions and uploads count from the last block before the genesis; every
// other height is a record of the past and stays as it was. It fails when the state is not valid or the balance of the
// module account is not the sum of the deposits, so x/bank must be imported before.
func (k Keeper) InitGenesis(ctx sdk.Context, state types.GenesisState) error {
	if err := state.Validate(); err != nil {
		return err
	}
	k.accounts.GetModuleAccount(ctx, types.ModuleName) // created when it is not there yet
	if err := k.checkBalance(ctx, state.Held()); err != nil {
		return err
	}
	if err := k.Params.Set(ctx, state.Params); err != nil {
		return err
	}
	if err := k.NextFileID.Set(ctx, state.NextFileId); err != nil {
		return err
	}
	if err := k.InspectionCredit.Set(ctx, state.InspectionCredit); err != nil {
		return err
	}
	owners := make(map[string]sdk.AccAddress, len(state.Names))
	for _, n := range state.Names {
		owner, err := ownerOf(n)
		if err != nil {
			return err
		}
		owners[n.Name] = owner
		if err := k.Names.Set(ctx, n.Name, n); err != nil {
			return err
		}
	}
	for _, t := range state.Tags {
		if err := k.Tags.Set(ctx, collections.Join(t.Name, t.Tag), t.Version); err != nil {
			return err
		}
	}
	base := max(ctx.BlockHeight(), 1) - 1
	for _, entry := range state.Models {
		if err := k.importModel(ctx, owners[entry.Model.Name], entry, base); err != nil {
			return err
		}
	}
	for _, entry := range state.Uploads {
		if err := k.importUpload(ctx, entry, base); err != nil {
			return err
		}
	}
	return nil
}

func (k Keeper) importModel(ctx sdk.Context, owner sdk.AccAddress, entry types.GenesisModel, base int64) error {
	m := entry.Model
	id, err := m.ID()
	if err != nil {
		return err
	}
	if m.Status == types.MODEL_STATUS_ADMITTING {
		m.Deadline += base
		if err := k.AdmissionDeadlines.Set(ctx, collections.Join(m.Deadline, id)); err != nil {
			return err
		}
		if err := add(ctx, k.OpenAdmissions, 1); err != nil {
			return err
		}
	}
	if m.Status == types.MODEL_STATUS_INSPECTING {
		if err := k.Inspections.Set(ctx, m.File, id); err != nil {
			return err
		}
	}
	if err := k.Models.Set(ctx, id, m); err != nil {
		return err
	}
	if err := k.ModelsByStatus.Set(ctx, collections.Join(uint64(m.Status), id)); err != nil {
		return err
	}
	if err := k.index(ctx, owner, id, m); err != nil {
		return err
	}
	if err := add(ctx, k.StoredBytes, uint64(len(entry.Onnx))); err != nil {
		return err
	}
	if err := k.storeFile(ctx, m.File, entry.Onnx); err != nil {
		return err
	}
	if entry.Card != "" {
		if err := k.Cards.Set(ctx, id, entry.Card); err != nil {
			return err
		}
	}
	if err := k.Goldens.Set(ctx, id, entry.Golden); err != nil {
		return err
	}
	return k.importProofs(ctx, id, entry)
}

// importProofs stores what nodes attest, and has judged what was not when the state was exported.
func (k Keeper) importProofs(ctx sdk.Context, id []byte, entry types.GenesisModel) error {
	open := entry.Model.Status == types.MODEL_STATUS_ADMITTING && len(entry.Proofs) > 0
	for _, p := range entry.Proofs {
		operator, err := sdk.ValAddressFromBech32(p.Operator)
		if err != nil {
			return err
		}
		if known, err := k.scheduling.HasEnvironment(ctx, p.EnvironmentClass); err != nil {
			return err
		} else if !known {
			return types.ErrInvalidGenesis.Wrapf("model %s: proof of %s: expected a registered environment class, got %d",
				entry.Model.Sha256, p.Operator, p.EnvironmentClass)
		}
		if err := k.Proofs.Set(ctx, collections.Join3(id, []byte(operator), p.EnvironmentClass), p); err != nil {
			return err
		}
		if entry.Certificate != nil && p.Failure == types.MODEL_FAILURE_NONE {
			_, proven := entry.Certificate.ClassRoot(p.EnvironmentClass)
			open = open || !proven
		}
	}
	for _, o := range entry.Outputs {
		if err := k.Outputs.Set(ctx, collections.Join(id, o.OutputRoot), o.Outputs); err != nil {
			return err
		}
	}
	if entry.Certificate != nil {
		if err := k.Certificates.Set(ctx, id, *entry.Certificate); err != nil {
			return err
		}
	}
	if !open {
		return nil
	}
	return k.markForJudgement(ctx, id)
}

func (k Keeper) importUpload(ctx sdk.Context, entry types.GenesisUpload, base int64) error {
	u := entry.Upload
	u.Expires += base
	owner, err := sdk.AccAddressFromBech32(u.Owner)
	if err != nil {
		return err
	}
	received := types.NewReceived(len(u.ChunkHashes))
	for _, c := range entry.Chunks {
		received = received.With(c.Index)
		if err := k.Chunks.Set(ctx, collections.Join(u.Id, c.Index), c.Data); err != nil {
			return err
		}
	}
	if err := add(ctx, k.StoredBytes, u.Size_); err != nil {
		return err
	}
	return k.storeUpload(ctx, owner, u, received)
}

// ExportGenesis exports the whole state, in the order of the keys. Chunks that wait to be dropped are left out.
func (k Keeper) ExportGenesis(ctx sdk.Context) (*types.GenesisState, error) {
	state := &types.GenesisState{}
	var err error
	if state.Params, err = k.params(ctx); err != nil {
		return nil, err
	}
	if state.NextFileId, err = k.NextFileID.Get(ctx); err != nil {
		return nil, fmt.Errorf("next file id: %w", err)
	}
	if state.InspectionCredit, err = number(ctx, k.InspectionCredit); err != nil {
		return nil, err
	}
	err = k.Names.Walk(ctx, nil, func(_ string, n types.ModelName) (bool, error) {
		state.Names = append(state.Names, n)
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	err = k.Tags.Walk(ctx, nil, func(key collections.Pair[string, string], version uint32) (bool, error) {
		state.Tags = append(state.Tags, types.Tag{Name: key.K1(), Tag: key.K2(), Version: version})
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	err = k.Models.Walk(ctx, nil, func(id []byte, m types.Model) (bool, error) {
		entry, err := k.exportModel(ctx, id, m)
		state.Models = append(state.Models, entry)
		return false, err
	})
	if err != nil {
		return nil, err
	}
	err = k.Uploads.Walk(ctx, nil, func(id uint64, _ types.Upload) (bool, error) {
		entry, err := k.exportUpload(ctx, id)
		state.Uploads = append(state.Uploads, entry)
		return false, err
	})
	return state, err
}

func (k Keeper) exportModel(ctx sdk.Context, id []byte, m types.Model) (types.GenesisModel, error) {
	entry := types.GenesisModel{Model: m}
	var err error
	if m.HasFile() {
		if entry.Onnx, err = k.File(ctx, m); err != nil {
			return entry, err
		}
	}
	if m.Status == types.MODEL_STATUS_ADMITTING {
		entry.Model.Deadline -= ctx.BlockHeight()
	}
	if entry.Card, err = k.card(ctx, id); err != nil {
		return entry, err
	}
	if entry.Golden, err = k.Golden(ctx, id); err != nil {
		return entry, err
	}
	if entry.Proofs, err = k.proofs(ctx, id); err != nil {
		return entry, err
	}
	// The keys are ordered by the length of the address before its bytes.
	slices.SortStableFunc(entry.Proofs, func(a, b types.NodeProof) int { return bytes.Compare(operatorBytes(a), operatorBytes(b)) })
	err = k.Outputs.Walk(ctx, collections.NewPrefixedPairRange[[]byte, []byte](id),
		func(key collections.Pair[[]byte, []byte], b []byte) (bool, error) {
			entry.Outputs = append(entry.Outputs, types.GenesisOutput{OutputRoot: key.K2(), Outputs: b})
			return false, nil
		})
	if err != nil || !m.Status.Admitted() {
		return entry, err
	}
	cert, err := k.Certificates.Get(ctx, id)
	entry.Certificate = &cert
	return entry, err
}

// operatorBytes is the address of a proof; nothing when it is not one, which no proof in the state has.
func operatorBytes(p types.NodeProof) []byte {
	operator, err := sdk.ValAddressFromBech32(p.Operator)
	if err != nil {
		return nil
	}
	return operator
}

func (k Keeper) exportUpload(ctx sdk.Context, id uint64) (types.GenesisUpload, error) {
	u, received, err := k.upload(ctx, id)
	if err != nil {
		return types.GenesisUpload{}, err
	}
	u.Expires = max(u.Expires-ctx.BlockHeight(), 1) // what waits to be ended has a block more
	entry := types.GenesisUpload{Upload: u}
	for i := range uint32(len(u.ChunkHashes)) {
		if !received.Has(i) {
			continue
		}
		chunk, err := k.Chunks.Get(ctx, collections.Join(id, i))
		if err != nil {
			return entry, fmt.Errorf("chunk %d of upload %d: %w", i, id, err)
		}
		entry.Chunks = append(entry.Chunks, types.GenesisChunk{Index: i, Data: chunk})
	}
	return entry, nil
}

// card is the card of a model; empty for none.
func (k Keeper) card(ctx context.Context, id []byte) (string, error) {
	card, err := k.Cards.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return "", nil
	}
	return card, err
}
