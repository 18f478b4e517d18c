package onnxfile

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// branch is a tree as people think of it; a leaf has no children and some weights.
type branch struct {
	yes, no *branch
	weights int
}

// depth and most are the oracle: plain recursion.
func (b *branch) depth() uint64 {
	if b.yes == nil {
		return 0
	}
	return 1 + max(b.yes.depth(), b.no.depth())
}

func (b *branch) most() int {
	if b.yes == nil {
		return b.weights
	}
	return max(b.yes.most(), b.no.most())
}

func drawTree(rt *rapid.T, depth int) *branch {
	if depth == 0 || rapid.IntRange(0, 3).Draw(rt, "kind") == 0 {
		return &branch{weights: rapid.IntRange(0, 3).Draw(rt, "weights")}
	}
	return &branch{yes: drawTree(rt, depth-1), no: drawTree(rt, depth-1)}
}

// lists are the attributes of an ensemble.
type lists struct {
	trees, nodes, features, yes, no, leafTrees, leaves, targets []int64
	values, weights                                             []float32
	modes                                                       []string
}

// add writes a tree, each node before its children, under ids given by name.
func (l *lists) add(tree int64, b *branch, id int64, name func() int64) {
	at := len(l.trees)
	l.trees, l.nodes, l.features, l.values = append(l.trees, tree), append(l.nodes, id), append(l.features, 0), append(l.values, 0)
	l.yes, l.no, l.modes = append(l.yes, 0), append(l.no, 0), append(l.modes, "LEAF")
	if b.yes == nil {
		for range b.weights {
			l.leafTrees, l.leaves = append(l.leafTrees, tree), append(l.leaves, id)
			l.targets, l.weights = append(l.targets, 0), append(l.weights, 1)
		}
		return
	}
	l.yes[at], l.no[at], l.modes[at] = name(), name(), "BRANCH_LT"
	yes, no := l.yes[at], l.no[at]
	l.add(tree, b.yes, yes, name)
	l.add(tree, b.no, no, name)
}

func (l *lists) attributes() []ow.Attribute {
	return []ow.Attribute{
		ow.Ints("nodes_treeids", l.trees...), ow.Ints("nodes_nodeids", l.nodes...), ow.Ints("nodes_featureids", l.features...),
		ow.Floats("nodes_values", l.values...), ow.Strings("nodes_modes", l.modes...), ow.Ints("nodes_truenodeids", l.yes...),
		ow.Ints("nodes_falsenodeids", l.no...), ow.Ints("target_treeids", l.leafTrees...), ow.Ints("target_nodeids", l.leaves...),
		ow.Ints("target_ids", l.targets...), ow.Floats("target_weights", l.weights...),
	}
}

func mlModel(op string, attributes ...ow.Attribute) []byte {
	g := oneNode(ow.Node{Op: op, Domain: mlDomain, Inputs: in("x"), Outputs: in("y"), Attributes: attributes})
	return ow.Model{IRVersion: 8, Opset: 17, Imports: []ow.OperatorSet{{Domain: mlDomain, Version: 3}}, Graph: g}.MarshalUnchecked()
}

// TestForestCostAgreesWithRecursion compares the charge with the oracle, for trees under shuffled ids.
func TestForestCostAgreesWithRecursion(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, want := &lists{}, uint64(visitWork) // one target
		for tree := range rapid.Int64Range(1, 5).Draw(rt, "trees") {
			b := drawTree(rt, 6)
			want += visitWork*b.depth() + uint64(b.most())
			ids := rapid.Permutation(slices.Collect(func(yield func(int64) bool) {
				for i := range int64(128) {
					if !yield(i - 64) {
						return
					}
				}
			})).Draw(rt, "ids")
			name := func() int64 { id := ids[0]; ids = ids[1:]; return id }
			l.add(7-2*tree, b, name(), name)
		}
		r, err := Inspect(mlModel("TreeEnsembleRegressor", l.attributes()...), DefaultLimits)
		if len(l.weights) == 0 {
			wantRefusal(t, err, ReasonMalformed)
			return
		}
		if err != nil {
			rt.Fatal(err)
		}
		for _, c := range r.Cost {
			if len(c.Symbols) == 1 && c.Elements != want {
				rt.Fatalf("got %d elements a row, want %d", c.Elements, want)
			}
		}
		if r.Parameters != uint64(len(l.values)+len(l.weights)) {
			rt.Fatalf("got %d parameters for %d nodes and %d weights", r.Parameters, len(l.values), len(l.weights))
		}
	})
}

func TestClassicalRefusals(t *testing.T) {
	ones := func(n int) []float32 { return slices.Repeat([]float32{1}, n) }
	for name, tc := range map[string]struct {
		file []byte
		want Reason // 0: accepted
	}{
		"a scaler":                            {mlModel("Scaler", ow.Floats("offset", ones(4)...), ow.Floats("scale", 1)), 0},
		"a scaler of other features":          {mlModel("Scaler", ow.Floats("offset", ones(3)...), ow.Floats("scale", 1)), ReasonMalformed},
		"a regressor":                         {mlModel("LinearRegressor", ow.Int("targets", 2), ow.Floats("coefficients", ones(8)...)), 0},
		"a regressor without coefficients":    {mlModel("LinearRegressor", ow.Int("targets", 2)), ReasonMalformed},
		"a regressor of many targets":         {mlModel("LinearRegressor", ow.Int("targets", 1<<40)), ReasonMalformed},
		"an unknown transform":                {mlModel("LinearRegressor", ow.Floats("coefficients", ones(4)...), ow.String("post_transform", "MINE")), ReasonUnsupportedAttribute},
		"a classifier of one class":           {mlModel("LinearClassifier", ow.Ints("classlabels_ints", 1), ow.Floats("coefficients", ones(4)...)), ReasonMalformed},
		"a classifier of words":               {mlModel("LinearClassifier", ow.Strings("classlabels_strings", "a", "b"), ow.Floats("coefficients", ones(8)...)), ReasonUnsupportedDatatype},
		"an unknown norm":                     {mlModel("Normalizer", ow.String("norm", "L3")), ReasonUnsupportedAttribute},
		"an imputer of other features":        {mlModel("Imputer", ow.Floats("imputed_value_floats", ones(3)...)), ReasonMalformed},
		"an encoder without categories":       {mlModel("OneHotEncoder"), ReasonMalformed},
		"more keys than values":               {mlModel("LabelEncoder", ow.Floats("keys_floats", 1, 2), ow.Ints("values_int64s", 1)), ReasonMalformed},
		"keys of another type than the input": {mlModel("LabelEncoder", ow.Ints("keys_int64s", 1, 2), ow.Floats("values_floats", 1, 2)), ReasonMalformed},
		"values of two types":                 {mlModel("LabelEncoder", ow.Floats("keys_floats", 1), ow.Ints("values_int64s", 1), ow.Floats("values_floats", 1)), ReasonMalformed},
		"an unknown kernel":                   {mlModel("SVMRegressor", ow.Int("n_supports", 1), ow.String("kernel_type", "MINE")), ReasonUnsupportedAttribute},
		"support vectors of another length":   {mlModel("SVMRegressor", ow.Int("n_supports", 2), ow.Floats("support_vectors", ones(7)...), ow.Floats("coefficients", ones(2)...), ow.Floats("rho", 1)), ReasonMalformed},
		"more support vectors than memory":    {mlModel("SVMRegressor", ow.Int("n_supports", 1<<62)), ReasonMalformed},
		"an operator not on the list":         {mlModel("SVMClassifier"), ReasonUnsupportedOp},
		"maps":                                {mlModel("ZipMap"), ReasonUnsupportedType},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Inspect(tc.file, DefaultLimits)
			if tc.want != 0 {
				wantRefusal(t, err, tc.want)
			} else if got := reasonText(r, err); got != "[N,4]" && got != "[N,2]" {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}
