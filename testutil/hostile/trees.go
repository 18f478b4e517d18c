package hostile

import (
	"github.com/opengradient/opengradient/internal/onnxfile"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// tree is one tree as lists: the children of each node, a leaf where both are 0.
type tree struct{ yes, no, feature []int64 }

func (t tree) file(change ...func(*ow.Node)) []byte {
	n := len(t.yes)
	zeros, ids := make([]int64, n), make([]int64, n)
	modes, leaves, weights := make([]string, n), []int64{}, []float32{}
	for i := range n {
		ids[i] = int64(i)
		if modes[i] = "BRANCH_LEQ"; t.yes[i] == 0 && t.no[i] == 0 {
			modes[i] = "LEAF"
			leaves, weights = append(leaves, int64(i)), append(weights, 1)
		}
	}
	if t.feature == nil {
		t.feature = zeros
	}
	of := make([]int64, len(leaves))
	regressor := ow.Node{Op: "TreeEnsembleRegressor", Domain: "ai.onnx.ml", Inputs: in("x"), Outputs: in("y"), Attributes: []ow.Attribute{
		ow.Ints("nodes_treeids", zeros...), ow.Ints("nodes_nodeids", ids...), ow.Ints("nodes_featureids", t.feature...),
		ow.Floats("nodes_values", make([]float32, n)...), ow.Strings("nodes_modes", modes...),
		ow.Ints("nodes_truenodeids", t.yes...), ow.Ints("nodes_falsenodeids", t.no...),
		ow.Ints("target_treeids", of...), ow.Ints("target_nodeids", leaves...), ow.Ints("target_ids", of...), ow.Floats("target_weights", weights...),
	}}
	for _, f := range change {
		f(&regressor)
	}
	return model(graph(regressor), func(m *ow.Model) { m.Imports = []ow.OperatorSet{{Domain: "ai.onnx.ml", Version: 3}} })
}

// trees are ensembles that loop, read outside the row, or are too deep to be built by recursion.
func (c *corpus) trees() {
	const class = "tree"
	bad := onnxfile.ReasonMalformed
	c.add(class, "cycle-beside-the-root", bad, tree{yes: []int64{1, 0, 3, 2}, no: []int64{1, 0, 3, 2}}.file())
	c.add(class, "child-is-the-root", bad, tree{yes: []int64{1, 0, 0}, no: []int64{2, 2, 0}}.file())
	c.add(class, "two-ways-to-a-node", bad, tree{yes: []int64{1, 0}, no: []int64{1, 0}}.file())
	c.add(class, "cycle-without-root", bad, tree{yes: []int64{1, 1, 0}, no: []int64{1, 2, 0}}.file())
	c.add(class, "child-from-nowhere", bad, tree{yes: []int64{1, 0, 0}, no: []int64{77, 0, 0}}.file())
	c.add(class, "feature-outside-the-row", bad, tree{yes: []int64{1, 0, 0}, no: []int64{2, 0, 0}, feature: []int64{1 << 40, 0, 0}}.file())
	c.add(class, "negative-feature", bad, tree{yes: []int64{1, 0, 0}, no: []int64{2, 0, 0}, feature: []int64{-9, 0, 0}}.file())
	set := func(name string, i int, v int64) func(*ow.Node) {
		return func(n *ow.Node) {
			for j := range n.Attributes {
				if n.Attributes[j].Name == name {
					n.Attributes[j].Ints[i] = v
				}
			}
		}
	}
	sound := tree{yes: []int64{1, 0, 0}, no: []int64{2, 0, 0}}
	c.add(class, "target-outside-the-result", bad, sound.file(set("target_ids", 1, 1<<40)))
	c.add(class, "weight-of-a-branch", bad, sound.file(set("target_nodeids", 0, 0)))
	c.add(class, "node-twice", bad, sound.file(set("nodes_nodeids", 2, 1)))
	c.add(class, "lists-of-two-lengths", bad, sound.file(func(n *ow.Node) { n.Attributes[2].Ints = n.Attributes[2].Ints[:2] }))
	const deep = 50_000
	line := tree{yes: make([]int64, 2*deep+1), no: make([]int64, 2*deep+1)}
	for i := range int64(deep) {
		line.yes[2*i], line.no[2*i] = 2*i+1, 2*i+2
	}
	c.add(class, "50000-deep", onnxfile.ReasonTooLarge, line.file())
	c.add(class, "targets-2-40", bad, sound.file(func(n *ow.Node) { n.Attributes = append(n.Attributes, ow.Int("n_targets", 1<<40)) }))
}
