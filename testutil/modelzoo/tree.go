package modelzoo

import "github.com/opengradient/opengradient/internal/onnxwrite"

// ensemble is complete binary trees over features between -1 and 1.
type ensemble struct {
	trees, nodes, features, yes, no   []int64
	values, weights                   []float32
	modes                             []string
	leafTrees, leafNodes, leafTargets []int64
}

// grow adds one tree of the depth given. Node i has the children 2i+1 and 2i+2.
func (e *ensemble) grow(s *source, tree int64, depth, features, targets int) {
	inner := int64(1)<<depth - 1
	for i := range 2*inner + 1 {
		leaf := i >= inner
		e.trees, e.nodes = append(e.trees, tree), append(e.nodes, i)
		if leaf {
			e.modes = append(e.modes, "LEAF")
			e.features, e.values = append(e.features, 0), append(e.values, 0)
			e.yes, e.no = append(e.yes, 0), append(e.no, 0)
			e.leafTrees, e.leafNodes = append(e.leafTrees, tree), append(e.leafNodes, i)
			e.leafTargets, e.weights = append(e.leafTargets, int64(s.below(targets))), append(e.weights, s.unit()/8)
			continue
		}
		e.modes = append(e.modes, "BRANCH_LEQ")
		e.features, e.values = append(e.features, int64(s.below(features))), append(e.values, s.unit()/2)
		e.yes, e.no = append(e.yes, 2*i+1), append(e.no, 2*i+2)
	}
}

func (e *ensemble) attributes(prefix string) []onnxwrite.Attribute {
	return []onnxwrite.Attribute{
		onnxwrite.Ints("nodes_treeids", e.trees...), onnxwrite.Ints("nodes_nodeids", e.nodes...),
		onnxwrite.Ints("nodes_featureids", e.features...), onnxwrite.Floats("nodes_values", e.values...),
		onnxwrite.Strings("nodes_modes", e.modes...), onnxwrite.Ints("nodes_truenodeids", e.yes...),
		onnxwrite.Ints("nodes_falsenodeids", e.no...), onnxwrite.Ints(prefix+"_treeids", e.leafTrees...),
		onnxwrite.Ints(prefix+"_nodeids", e.leafNodes...), onnxwrite.Ints(prefix+"_ids", e.leafTargets...),
		onnxwrite.Floats(prefix+"_weights", e.weights...),
	}
}

// forest is an ensemble over rows of features: with 2 classes or more a classifier, otherwise a regressor.
func forest(name string, rows int64, trees, depth, features, classes int) Model {
	b := newBuilder(name)
	x := b.input("x", onnxwrite.ElementFloat, "N", features)
	e := &ensemble{}
	for i := range trees {
		e.grow(&b.random, int64(i), depth, features, max(1, classes))
	}
	if classes < 2 {
		attributes := append(e.attributes("target"), onnxwrite.Int("n_targets", 1))
		b.output(b.mlNode("TreeEnsembleRegressor", 1, []string{x}, attributes...)[0], onnxwrite.ElementFloat)
	} else {
		labels := make([]int64, classes)
		for i := range labels {
			labels[i] = int64(i)
		}
		attributes := append(e.attributes("class"), onnxwrite.Ints("classlabels_int64s", labels...), onnxwrite.String("post_transform", "SOFTMAX"))
		outputs := b.mlNode("TreeEnsembleClassifier", 2, []string{x}, attributes...)
		b.output(outputs[0], onnxwrite.ElementInt64)
		b.output(outputs[1], onnxwrite.ElementFloat)
	}
	return Model{name, Tree, b.file(), floatInput("x", rows, int64(features))}
}

func trees() []Model {
	return []Model{
		forest("tree-small", 1, 10, 4, 8, 0),
		forest("tree-medium", 32, 100, 6, 16, 3),
		forest("tree-large", 512, 200, 7, 32, 0),
	}
}
