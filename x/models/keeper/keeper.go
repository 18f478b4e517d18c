// Package keeper holds the state of models, from the first chunk of a file to the certificate that nodes can run it.
package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	"cosmossdk.io/core/store"
	"github.com/cosmos/cosmos-sdk/codec"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

type (
	// proofKey is (model, operator address bytes, environment class).
	proofKey = collections.Triple[[]byte, []byte, uint32]
	// heightKey is (height, model).
	heightKey = collections.Pair[int64, []byte]
	// chunkKey is (file, index).
	chunkKey = collections.Pair[uint64, uint32]
)

// Keeper of the models module.
type Keeper struct {
	accounts     types.AccountKeeper
	bank         types.BankKeeper
	distribution types.DistributionKeeper
	scheduling   types.SchedulingKeeper
	verification types.VerificationKeeper
	authority    string

	Schema     collections.Schema
	FileSchema collections.Schema

	Params collections.Item[types.Params]

	Names    collections.Map[string, types.ModelName]
	Versions collections.Map[collections.Pair[string, uint32], []byte]
	Tags     collections.Map[collections.Pair[string, string], uint32]

	Models         collections.Map[[]byte, types.Model]
	ModelsByStatus collections.KeySet[collections.Pair[uint64, []byte]]
	ModelsByOwner  collections.KeySet[collections.Pair[[]byte, []byte]]
	ModelsByTask   collections.KeySet[collections.Pair[uint64, []byte]]
	Cards          collections.Map[[]byte, string]
	Goldens        collections.Map[[]byte, types.Golden]

	Proofs       collections.Map[proofKey, types.NodeProof]
	Outputs      collections.Map[collections.Pair[[]byte, []byte], []byte]
	Certificates collections.Map[[]byte, types.Certificate]

	Uploads        collections.Map[uint64, types.Upload]
	UploadsByOwner collections.KeySet[collections.Pair[[]byte, uint64]]
	UploadExpiries collections.KeySet[collections.Pair[int64, uint64]]
	OpenUploads    collections.Item[uint64]
	// Received is apart from Uploads, so that a chunk does not rewrite the manifest.
	Received collections.Map[uint64, []byte]

	NextFileID   collections.Item[uint64]
	StoredBytes  collections.Item[uint64]
	Chunks       collections.Map[chunkKey, []byte]
	DroppedFiles collections.KeySet[uint64]

	Inspections      collections.Map[uint64, []byte]
	InspectionCredit collections.Item[uint64]

	AdmissionDeadlines collections.KeySet[heightKey]
	OpenAdmissions     collections.Item[uint64]
	Judgements         collections.KeySet[heightKey]
}

// NewKeeper builds the keeper. It panics when the module account is not among the app's, or the authority is not an
// address: both are faults of the app's wiring.
func NewKeeper(
	cdc codec.BinaryCodec,
	storeService store.KVStoreService,
	fileStoreService store.KVStoreService,
	accounts types.AccountKeeper,
	bank types.BankKeeper,
	distribution types.DistributionKeeper,
	scheduling types.SchedulingKeeper,
	verification types.VerificationKeeper,
	authority string,
) Keeper {
	if accounts.GetModuleAddress(types.ModuleName) == nil {
		panic(fmt.Sprintf("the module account of x/%s is not set", types.ModuleName))
	}
	if _, err := sdk.AccAddressFromBech32(authority); err != nil {
		panic(fmt.Sprintf("x/%s: authority %q: %s", types.ModuleName, authority, err))
	}
	sb, files := collections.NewSchemaBuilder(storeService), collections.NewSchemaBuilder(fileStoreService)
	byNumber := collections.PairKeyCodec(collections.Uint64Key, collections.BytesKey)
	byBytes := collections.PairKeyCodec(collections.BytesKey, collections.BytesKey)
	byHeight := collections.PairKeyCodec(collections.Int64Key, collections.BytesKey)
	k := Keeper{
		accounts: accounts, bank: bank, distribution: distribution,
		scheduling: scheduling, verification: verification, authority: authority,

		Params: collections.NewItem(sb, types.ParamsPrefix, "params", codec.CollValue[types.Params](cdc)),

		Names:    collections.NewMap(sb, types.NamesPrefix, "names", collections.StringKey, codec.CollValue[types.ModelName](cdc)),
		Versions: collections.NewMap(sb, types.VersionsPrefix, "versions", collections.PairKeyCodec(collections.StringKey, collections.Uint32Key), collections.BytesValue),
		Tags:     collections.NewMap(sb, types.TagsPrefix, "tags", collections.PairKeyCodec(collections.StringKey, collections.StringKey), collections.Uint32Value),

		Models:         collections.NewMap(sb, types.ModelsPrefix, "models", collections.BytesKey, codec.CollValue[types.Model](cdc)),
		ModelsByStatus: collections.NewKeySet(sb, types.ModelsByStatusPrefix, "models_by_status", byNumber),
		ModelsByOwner:  collections.NewKeySet(sb, types.ModelsByOwnerPrefix, "models_by_owner", byBytes),
		ModelsByTask:   collections.NewKeySet(sb, types.ModelsByTaskPrefix, "models_by_task", byNumber),
		Cards:          collections.NewMap(sb, types.CardsPrefix, "cards", collections.BytesKey, collections.StringValue),
		Goldens:        collections.NewMap(sb, types.GoldensPrefix, "goldens", collections.BytesKey, codec.CollValue[types.Golden](cdc)),

		Proofs: collections.NewMap(sb, types.ProofsPrefix, "proofs",
			collections.TripleKeyCodec(collections.BytesKey, collections.BytesKey, collections.Uint32Key), codec.CollValue[types.NodeProof](cdc)),
		Outputs:      collections.NewMap(sb, types.OutputsPrefix, "outputs", byBytes, collections.BytesValue),
		Certificates: collections.NewMap(sb, types.CertificatesPrefix, "certificates", collections.BytesKey, codec.CollValue[types.Certificate](cdc)),

		Uploads:        collections.NewMap(sb, types.UploadsPrefix, "uploads", collections.Uint64Key, codec.CollValue[types.Upload](cdc)),
		UploadsByOwner: collections.NewKeySet(sb, types.UploadsByOwnerPrefix, "uploads_by_owner", collections.PairKeyCodec(collections.BytesKey, collections.Uint64Key)),
		UploadExpiries: collections.NewKeySet(sb, types.UploadExpiriesPrefix, "upload_expiries", collections.PairKeyCodec(collections.Int64Key, collections.Uint64Key)),
		OpenUploads:    collections.NewItem(sb, types.OpenUploadsPrefix, "open_uploads", collections.Uint64Value),
		Received:       collections.NewMap(sb, types.ReceivedPrefix, "received", collections.Uint64Key, collections.BytesValue),

		NextFileID:   collections.NewItem(sb, types.NextFileIDPrefix, "next_file_id", collections.Uint64Value),
		StoredBytes:  collections.NewItem(sb, types.StoredBytesPrefix, "stored_bytes", collections.Uint64Value),
		DroppedFiles: collections.NewKeySet(sb, types.DroppedFilesPrefix, "dropped_files", collections.Uint64Key),
		Chunks:       collections.NewMap(files, types.ChunksPrefix, "chunks", collections.PairKeyCodec(collections.Uint64Key, collections.Uint32Key), collections.BytesValue),

		Inspections:      collections.NewMap(sb, types.InspectionsPrefix, "inspections", collections.Uint64Key, collections.BytesValue),
		InspectionCredit: collections.NewItem(sb, types.InspectionCreditPrefix, "inspection_credit", collections.Uint64Value),

		AdmissionDeadlines: collections.NewKeySet(sb, types.AdmissionDeadlinesPrefix, "admission_deadlines", byHeight),
		OpenAdmissions:     collections.NewItem(sb, types.OpenAdmissionsPrefix, "open_admissions", collections.Uint64Value),
		Judgements:         collections.NewKeySet(sb, types.JudgementsPrefix, "judgements", byHeight),
	}
	var err error
	if k.Schema, err = sb.Build(); err != nil {
		panic(err)
	}
	if k.FileSchema, err = files.Build(); err != nil {
		panic(err)
	}
	return k
}

// Authority is the address that may change the parameters.
func (k Keeper) Authority() string { return k.authority }

// atomically runs step on a cached context and writes it, with its events, only when step succeeds.
func atomically(ctx sdk.Context, step func(ctx sdk.Context) error) error {
	cached, write := ctx.CacheContext()
	if err := step(cached); err != nil {
		return err
	}
	write()
	return nil
}

// isolated is atomically for a step at the end of a block about one model: a panic in it is an error, and the chain goes on.
func isolated(ctx sdk.Context, step func(ctx sdk.Context) error) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	return atomically(ctx, step)
}

// errPanic is the error of a step that panicked. Its text is the same everywhere, unlike that of the panic.
var errPanic = errors.New("the step panicked")

// unmetered is a context in which the store charges no gas: the bytes of files are charged by their number instead.
func unmetered(ctx context.Context) sdk.Context {
	return sdk.UnwrapSDKContext(ctx).WithGasMeter(storetypes.NewInfiniteGasMeter())
}

// number reads a counter, which is 0 until it is set.
func number(ctx context.Context, item collections.Item[uint64]) (uint64, error) {
	v, err := item.Get(ctx)
	if errors.Is(err, collections.ErrNotFound) {
		return 0, nil
	}
	return v, err
}

// add changes a counter.
func add(ctx context.Context, item collections.Item[uint64], n uint64) error {
	v, err := number(ctx, item)
	if err != nil {
		return err
	}
	return item.Set(ctx, v+n)
}

// subtract changes a counter, which never falls below 0.
func subtract(ctx context.Context, item collections.Item[uint64], n uint64) error {
	v, err := number(ctx, item)
	if err != nil {
		return err
	}
	if v < n {
		return fmt.Errorf("counter: expected at least %d, got %d", n, v)
	}
	return item.Set(ctx, v-n)
}
