package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func TestQueryModel(t *testing.T) {
	f := newFixture(t)
	m := f.active(1)
	require.NoError(t, f.k.SetTag(f.ctx, alice, "iris", "stable", 1))
	res, err := f.queries.Model(f.ctx, &types.QueryModelRequest{Model: "iris"})
	require.NoError(t, err)
	require.Equal(t, m, res.Model)
	require.Equal(t, alice.String(), res.Owner)
	require.Equal(t, []string{"latest", "stable"}, res.Tags)
	id, err := m.ID()
	require.NoError(t, err)
	require.Equal(t, uint32(id[0])<<8|uint32(id[1]), res.NodesReady)

	card, err := f.queries.Card(f.ctx, &types.QueryCardRequest{Model: m.Sha256})
	require.NoError(t, err)
	require.Equal(t, "# iris", card.Card)
	golden, err := f.queries.Golden(f.ctx, &types.QueryGoldenRequest{Model: "iris:1"})
	require.NoError(t, err)
	require.Empty(t, golden.Golden.Vectors)
	name, err := f.queries.Name(f.ctx, &types.QueryNameRequest{Name: "iris"})
	require.NoError(t, err)
	require.Equal(t, types.ModelName{Name: "iris", Owner: alice.String(), Versions: 1, CreatedHeight: 10}, name.Name)
	require.Len(t, name.Tags, 2)
	_, err = f.queries.Chunk(f.ctx, &types.QueryChunkRequest{Model: "iris", Index: 1})
	require.ErrorIs(t, err, types.ErrChunk)
	params, err := f.queries.Params(f.ctx, &types.QueryParamsRequest{})
	require.NoError(t, err)
	require.Equal(t, types.DefaultParams(), params.Params)

	// What is not there has a code that clients act on, and nobody panics on an empty request.
	for _, call := range []func() error{
		func() error { _, err := f.queries.Model(f.ctx, &types.QueryModelRequest{Model: "rose"}); return err },
		func() error { _, err := f.queries.Name(f.ctx, &types.QueryNameRequest{Name: "rose"}); return err },
		func() error {
			_, err := f.queries.Versions(f.ctx, &types.QueryVersionsRequest{Name: "rose"})
			return err
		},
		func() error { _, err := f.queries.Upload(f.ctx, &types.QueryUploadRequest{UploadId: 9}); return err },
	} {
		require.Equal(t, codes.NotFound, status.Code(call()))
	}
	for _, call := range []func() error{
		func() error { _, err := f.queries.Model(f.ctx, nil); return err },
		func() error { _, err := f.queries.Card(f.ctx, nil); return err },
		func() error { _, err := f.queries.Name(f.ctx, nil); return err },
		func() error { _, err := f.queries.Upload(f.ctx, nil); return err },
	} {
		require.Error(t, call())
	}
	_, err = f.queries.Cost(f.ctx, nil)
	require.NoError(t, err)
	_, err = f.queries.Uploads(f.ctx, nil)
	require.NoError(t, err)
}

// TestQueryModels pages through every filter in both directions and compares with all models.
func TestQueryModels(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxAdmissions = 256 })
	for i := range 12 {
		owner, class := alice, schedulingtypes.TASK_CLASS_CLASSIFICATION
		if i%2 == 1 {
			owner = bob
		}
		if i%3 == 0 {
			class = schedulingtypes.TASK_CLASS_RANKING
		}
		mf := manifest("m-" + owner.String()[5:9])
		mf.TaskClass = class
		_, err := f.msgs.RegisterModel(f.ctx, &types.MsgRegisterModel{Owner: owner.String(), Manifest: mf, Onnx: onnx(i)})
		require.NoError(t, err)
		if i%4 == 0 {
			f.admit(f.model(hexHash(onnx(i))))
		}
	}
	all, err := f.queries.Models(f.ctx, nil)
	require.NoError(t, err)
	require.Len(t, all.Models, 12)
	require.Empty(t, all.Pagination.NextKey)
	for _, owner := range []string{"", alice.String(), bob.String()} {
		for _, class := range []schedulingtypes.TaskClass{0, schedulingtypes.TASK_CLASS_RANKING} {
			for _, st := range []types.ModelStatus{0, types.MODEL_STATUS_ACTIVE, types.MODEL_STATUS_EXPIRED} {
				for _, reverse := range []bool{false, true} {
					var want, got []string
					for _, m := range all.Models {
						of, err := f.k.Owner(f.ctx, m)
						require.NoError(t, err)
						if (owner == "" || of.String() == owner) && (class == 0 || m.TaskClass == class) && (st == 0 || m.Status == st) {
							want = append(want, m.Sha256)
						}
					}
					if reverse {
						for i, j := 0, len(want)-1; i < j; i, j = i+1, j-1 {
							want[i], want[j] = want[j], want[i]
						}
					}
					page := &query.PageRequest{Limit: 2, Reverse: reverse}
					for {
						res, err := f.queries.Models(f.ctx, &types.QueryModelsRequest{Owner: owner, TaskClass: class, Status: st, Pagination: page})
						require.NoError(t, err)
						for _, m := range res.Models {
							got = append(got, m.Sha256)
						}
						if page.Key = res.Pagination.NextKey; page.Key == nil {
							break
						}
					}
					require.Equal(t, want, got, "owner %q, class %s, status %s, reverse %t", owner, class, st, reverse)
				}
			}
		}
	}
	for name, page := range map[string]*query.PageRequest{
		"an offset": {Offset: 1}, "a count": {CountTotal: true}, "a key that is none": {Key: []byte{1}}, "a page that is too large": {Limit: 1001},
	} {
		_, err := f.queries.Models(f.ctx, &types.QueryModelsRequest{Pagination: page})
		require.Equal(t, codes.InvalidArgument, status.Code(err), name)
	}
	_, err = f.queries.Models(f.ctx, &types.QueryModelsRequest{Owner: "nobody"})
	require.Equal(t, codes.InvalidArgument, status.Code(err))

	versions, err := f.queries.Versions(f.ctx, &types.QueryVersionsRequest{Name: "m-" + alice.String()[5:9], Pagination: &query.PageRequest{Limit: 4}})
	require.NoError(t, err)
	require.Len(t, versions.Models, 4)
	require.NotEmpty(t, versions.Pagination.NextKey)
	versions, err = f.queries.Versions(f.ctx, &types.QueryVersionsRequest{Name: "m-" + alice.String()[5:9], Status: types.MODEL_STATUS_ACTIVE})
	require.NoError(t, err)
	require.Len(t, versions.Models, 3)
	for _, m := range versions.Models {
		require.Equal(t, types.MODEL_STATUS_ACTIVE, m.Status)
	}

	names, err := f.queries.Names(f.ctx, nil)
	require.NoError(t, err)
	require.Len(t, names.Names, 2)
	names, err = f.queries.Names(f.ctx, &types.QueryNamesRequest{Owner: bob.String()})
	require.NoError(t, err)
	require.Len(t, names.Names, 1)
	require.Equal(t, bob.String(), names.Names[0].Owner)
}

// TestQueryModelsByTagAndLabel: a tag is one of its name, and a label is the whole of it.
func TestQueryModelsByTagAndLabel(t *testing.T) {
	f := newFixture(t)
	register := func(name string, onnx []byte, labels ...string) types.Model {
		mf := manifest(name)
		mf.Labels = labels
		_, err := f.msgs.RegisterModel(f.ctx, &types.MsgRegisterModel{Owner: alice.String(), Manifest: mf, Onnx: onnx})
		require.NoError(t, err)
		return f.admit(f.model(hexHash(onnx)))
	}
	first := register("iris", onnx(1), "flowers", "small")
	second := register("iris", onnx(2), "flowers-of-spring")
	other := register("rose", onnx(3), "flowers")
	require.NoError(t, f.k.SetTag(f.ctx, alice, "iris", "stable", 1))
	for name, tc := range map[string]struct {
		req  types.QueryModelsRequest
		want []types.Model
	}{
		"a tag":                    {types.QueryModelsRequest{Tag: "stable"}, []types.Model{first}},
		"the tag that moves":       {types.QueryModelsRequest{Tag: "latest"}, []types.Model{second, other}},
		"a tag that is not set":    {types.QueryModelsRequest{Tag: "beta"}, nil},
		"a label":                  {types.QueryModelsRequest{Label: "flowers"}, []types.Model{first, other}},
		"a label and a tag":        {types.QueryModelsRequest{Label: "flowers", Tag: "latest"}, []types.Model{other}},
		"a label, a tag, an owner": {types.QueryModelsRequest{Owner: alice.String(), Label: "flowers-of-spring", Tag: "latest", Status: types.MODEL_STATUS_ACTIVE}, []types.Model{second}},
		"a label of nobody":        {types.QueryModelsRequest{Label: "flower"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := f.queries.Models(f.ctx, &tc.req)
			require.NoError(t, err)
			require.ElementsMatch(t, hashes(tc.want), hashes(res.Models))
		})
	}
	_, err := f.queries.Models(f.ctx, &types.QueryModelsRequest{Tag: "No Tag"})
	require.Equal(t, codes.InvalidArgument, status.Code(err))
}

func hashes(models []types.Model) []string {
	list := make([]string, len(models))
	for i, m := range models {
		list[i] = m.Sha256
	}
	return list
}

// TestModelQueriesRefuse: every list tells a bad argument from what is not there.
func TestModelQueriesRefuse(t *testing.T) {
	f := newFixture(t)
	f.active(1)
	bad := &query.PageRequest{Offset: 1}
	for name, tc := range map[string]struct {
		ask  func() error
		want codes.Code
	}{
		"names of nobody":     {func() error { _, err := f.queries.Names(f.ctx, &types.QueryNamesRequest{Owner: "x"}); return err }, codes.InvalidArgument},
		"a bad page of names": {func() error { _, err := f.queries.Names(f.ctx, &types.QueryNamesRequest{Pagination: bad}); return err }, codes.InvalidArgument},
		"uploads of nobody":   {func() error { _, err := f.queries.Uploads(f.ctx, &types.QueryUploadsRequest{Owner: "x"}); return err }, codes.InvalidArgument},
		"a bad page of uploads": {func() error {
			_, err := f.queries.Uploads(f.ctx, &types.QueryUploadsRequest{Pagination: bad})
			return err
		}, codes.InvalidArgument},
		"models of no status": {func() error { _, err := f.queries.Models(f.ctx, &types.QueryModelsRequest{Status: 99}); return err }, codes.InvalidArgument},
		"models of no class":  {func() error { _, err := f.queries.Models(f.ctx, &types.QueryModelsRequest{TaskClass: -1}); return err }, codes.InvalidArgument},
		"versions of no status": {func() error {
			_, err := f.queries.Versions(f.ctx, &types.QueryVersionsRequest{Name: "iris", Status: 99})
			return err
		}, codes.InvalidArgument},
		"versions of no name": {func() error { _, err := f.queries.Versions(f.ctx, &types.QueryVersionsRequest{Name: "-"}); return err }, codes.InvalidArgument},
		"a bad page of versions": {func() error {
			_, err := f.queries.Versions(f.ctx, &types.QueryVersionsRequest{Name: "iris", Pagination: bad})
			return err
		}, codes.InvalidArgument},
		"proofs of an unknown model": {func() error { _, err := f.queries.Proofs(f.ctx, &types.QueryProofsRequest{Model: "rose"}); return err }, codes.NotFound},
		"proofs of no operator": {func() error {
			_, err := f.queries.Proofs(f.ctx, &types.QueryProofsRequest{Model: "iris", Operator: "x"})
			return err
		}, codes.InvalidArgument},
		"a bad page of proofs": {func() error {
			_, err := f.queries.Proofs(f.ctx, &types.QueryProofsRequest{Model: "iris", Pagination: bad})
			return err
		}, codes.InvalidArgument},
		"a chunk of an unknown model": {func() error { _, err := f.queries.Chunk(f.ctx, &types.QueryChunkRequest{Model: "rose"}); return err }, codes.NotFound},
		"a card of no model":          {func() error { _, err := f.queries.Card(f.ctx, &types.QueryCardRequest{Model: "Rose"}); return err }, codes.InvalidArgument},
		"a golden of no model": {func() error {
			_, err := f.queries.Golden(f.ctx, &types.QueryGoldenRequest{Model: "rose:0"})
			return err
		}, codes.InvalidArgument},
		"no certificate": {func() error {
			_, err := f.queries.Certificate(f.ctx, &types.QueryCertificateRequest{Model: "rose"})
			return err
		}, codes.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.ask()
			require.Error(t, err)
			require.Equal(t, tc.want, status.Code(err), err)
		})
	}
}

// TestQueryModelsScansSoMuch: a filter that leaves nothing ends the page after 1,000 models, and the next key goes on.
func TestQueryModelsScansSoMuch(t *testing.T) {
	f := newFixture(t)
	m := f.register("many", onnx(1))
	m.TaskClass = schedulingtypes.TASK_CLASS_RANKING
	for i := range 1500 {
		require.NoError(t, f.k.Models.Set(f.ctx, hash([]byte{byte(i), byte(i >> 8)}), m))
	}
	ask := &types.QueryModelsRequest{Pagination: &query.PageRequest{}, TaskClass: schedulingtypes.TASK_CLASS_CLASSIFICATION, Status: types.MODEL_STATUS_ACTIVE}
	for id := range f.allModels() {
		require.NoError(t, f.k.ModelsByStatus.Set(f.ctx, statusKey(types.MODEL_STATUS_ACTIVE, []byte(id))))
	}
	res, err := f.queries.Models(f.ctx, ask)
	require.NoError(t, err)
	require.Empty(t, res.Models)
	require.NotEmpty(t, res.Pagination.NextKey)
	ask.Pagination.Key = res.Pagination.NextKey
	res, err = f.queries.Models(f.ctx, ask)
	require.NoError(t, err)
	require.Empty(t, res.Pagination.NextKey)
}

// TestCostIsExact: what the query says is what is paid.
func TestCostIsExact(t *testing.T) {
	f := newFixture(t)
	cost := func(size, card int, reference bool) *types.QueryCostResponse {
		res, err := f.queries.Cost(f.ctx, &types.QueryCostRequest{Size_: uint64(size), CardSize: uint64(card), Reference: reference})
		require.NoError(t, err)
		return res
	}
	paid := func(step func()) int64 {
		before := f.balance(alice.String())
		step()
		return before - f.balance(alice.String())
	}
	sum := func(c *types.QueryCostResponse) int64 { return c.ByteFee.Add(c.AdmissionFee).Int64() }
	file := onnx(1)
	require.Equal(t, sum(cost(len(file), len("# iris"), false)), paid(func() { f.register("iris", file) }))
	large := wide(1)
	c := cost(len(large), len("# wide"), false)
	require.EqualValues(t, len(chunks(large)), c.Chunks)
	require.EqualValues(t, 20*len(large), c.Gas)
	require.Equal(t, sum(c), paid(func() { f.upload("wide", large) }))
	c = cost(100<<20, len("# big"), true)
	require.Zero(t, c.Gas)
	require.Equal(t, sum(c), paid(func() {
		_, err := f.msgs.RegisterReference(f.ctx, reference("big"))
		require.NoError(t, err)
	}))
	_, err := f.queries.Cost(f.ctx, &types.QueryCostRequest{Size_: 32<<20 + 1})
	require.ErrorIs(t, err, types.ErrModelTooLarge)
	_, err = f.queries.Cost(f.ctx, &types.QueryCostRequest{CardSize: 16<<10 + 1})
	require.ErrorIs(t, err, types.ErrManifest)
}

func TestQueryUploadsAndProofs(t *testing.T) {
	f := newFixture(t)
	for i := range 3 {
		f.open(alice, "a", onnx(i))
	}
	id := f.open(bob, "b", wide(1))
	_, err := f.chunk(bob, id, wide(1), 0)
	require.NoError(t, err)
	res, err := f.queries.Uploads(f.ctx, &types.QueryUploadsRequest{Owner: bob.String()})
	require.NoError(t, err)
	require.Len(t, res.Uploads, 1)
	require.EqualValues(t, 1, res.Uploads[0].Received)
	res, err = f.queries.Uploads(f.ctx, &types.QueryUploadsRequest{Pagination: &query.PageRequest{Limit: 3}})
	require.NoError(t, err)
	require.Len(t, res.Uploads, 3)
	require.NotEmpty(t, res.Pagination.NextKey)

	m, other := f.register("iris", onnx(8)), f.register("rose", onnx(9))
	for node := range 3 {
		for class := uint32(1); class <= 2; class++ {
			f.attest(node, without(f.ran(m, class, 1)), without(f.ran(other, class, 2)))
		}
	}
	var got []types.NodeProof
	page := &query.PageRequest{Limit: 4}
	for {
		res, err := f.queries.Proofs(f.ctx, &types.QueryProofsRequest{Model: "iris:1", Pagination: page})
		require.NoError(t, err)
		got = append(got, res.Proofs...)
		if page.Key = res.Pagination.NextKey; page.Key == nil {
			break
		}
	}
	require.Len(t, got, 6)
	_, root := f.outputs(m, 1)
	for _, p := range got {
		require.Equal(t, root, p.OutputRoot)
	}
}
