package onnxfile

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// maxTreeDepth bounds how deep a tree may be: runtimes build trees by
// recursion.
const maxTreeDepth = 1024

// forest is the ensemble that the attributes of a node describe.
type forest struct {
	trees, nodes      []int64 // ids, by node
	features          []int64
	yes, no           []int64 // ids of children in the same tree
	leaf              []bool
	index             map[nodeID]int32
	children          [][2]int32 // of each branch
	parents           []uint8    // references to each node, at most 1
	weights           []int32    // targets that each leaf adds to
	leafTrees, leaves []int64    // of each weight
	targets           []int64
}

// nodeID names a node of a tree.
type nodeID struct{ tree, node int64 }

// nodeMode is what a node of a tree does.
type nodeMode uint8

const (
	modeUnknown nodeMode = iota
	modeBranch
	modeLeaf
)

func modeOf(text []byte) nodeMode {
	switch string(text) {
	case "LEAF":
		return modeLeaf
	case "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ":
		return modeBranch
	default:
		return modeUnknown
	}
}

// readForest reads the lists of nodes and weights; prefix is "target" or "class".
func (c *call) readForest(prefix string) (*forest, error) {
	ints := func(name string) []int64 {
		if a := c.n.attrs[name]; a != nil {
			return a.ints
		}
		return nil
	}
	f := &forest{
		trees: ints("nodes_treeids"), nodes: ints("nodes_nodeids"), features: ints("nodes_featureids"),
		yes: ints("nodes_truenodeids"), no: ints("nodes_falsenodeids"),
		leafTrees: ints(prefix + "_treeids"), leaves: ints(prefix + "_nodeids"), targets: ints(prefix + "_ids"),
	}
	n, m := len(f.trees), len(f.leaves)
	if n == 0 || m == 0 {
		return nil, c.malformed("trees with leaves that have weights", "%d nodes and %d weights", n, m)
	}
	for _, list := range [][]int64{f.nodes, f.features, f.yes, f.no} {
		if len(list) != n {
			return nil, c.malformed(fmt.Sprintf("lists of %d nodes", n), "one of %d", len(list))
		}
	}
	if c.countOf("nodes_values") != n || len(f.leafTrees) != m || len(f.targets) != m || c.countOf(prefix+"_weights") != m {
		return nil, c.malformed("a value for each node, and tree, node, target and weight for each weight", "lists of other lengths")
	}
	for _, optional := range []string{"nodes_hitrates", "nodes_missing_value_tracks_true"} {
		if got := c.countOf(optional); got != 0 && got != n {
			return nil, c.malformed(fmt.Sprintf("%d items of %s, or none", n, optional), "%d", got)
		}
	}
	return f, c.readModes(f)
}

// countOf is the number of floats of an attribute, or of the tensor of doubles
// that stands for it.
func (c *call) countOf(name string) int {
	n := 0
	if a := c.n.attrs[name]; a != nil {
		n = len(a.floats) + len(a.ints)
	}
	if a := c.n.attrs[name+"_as_tensor"]; a != nil {
		if c.st.p.out.mlOpset < 3 || len(a.tensor.dims) != 1 || n != 0 {
			return -1
		}
		n = int(a.tensor.elements)
	}
	return n
}

func (c *call) readModes(f *forest) error {
	a := c.n.attrs["nodes_modes"]
	if a == nil || len(a.modes) != len(f.trees) {
		return c.malformed(fmt.Sprintf("nodes_modes of %d nodes", len(f.trees)), "another number")
	}
	f.leaf = make([]bool, len(a.modes))
	for i, mode := range a.modes {
		if f.leaf[i] = mode == modeLeaf; mode == modeUnknown {
			return c.unsupported("modes LEAF or BRANCH_ and LEQ, LT, GTE, GT, EQ or NEQ", "another of node %d", f.nodes[i])
		}
	}
	return nil
}

// checkForest verifies that the nodes are trees: each begins at the first node of its
// id and reaches all nodes of its id once. It gives the sum over trees of the
// longest path, in branches, and of the most weights that a leaf adds.
func (c *call) checkForest(f *forest, features, targets int64) (depths, adds uint64, err error) {
	f.index = make(map[nodeID]int32, len(f.trees))
	for i, tree := range f.trees {
		f.index[nodeID{tree, f.nodes[i]}] = int32(i)
	}
	if len(f.index) != len(f.trees) {
		return 0, 0, c.malformed("each node of a tree once", "%d nodes of %d ids", len(f.trees), len(f.index))
	}
	if err := c.countParents(f, features); err != nil {
		return 0, 0, err
	}
	if err := c.countWeights(f, targets); err != nil {
		return 0, 0, err
	}
	return c.walk(f)
}

func (c *call) countParents(f *forest, features int64) error {
	f.parents, f.children = make([]uint8, len(f.trees)), make([][2]int32, len(f.trees))
	for i, tree := range f.trees {
		if f.leaf[i] {
			continue
		}
		if v := f.features[i]; v < 0 || v >= features {
			return c.malformed(fmt.Sprintf("features of an input of %d", features), "%d", v)
		}
		for side, child := range [2]int64{f.yes[i], f.no[i]} {
			at, ok := f.index[nodeID{tree, child}]
			if !ok {
				return c.malformed(fmt.Sprintf("children of node %d in its tree", f.nodes[i]), "node %d of tree %d", child, tree)
			}
			if f.parents[at]++; f.parents[at] > 1 {
				return c.malformed("one branch to each node", "two to node %d of tree %d", child, tree)
			}
			f.children[i][side] = at
		}
	}
	return nil
}

func (c *call) countWeights(f *forest, targets int64) error {
	f.weights = make([]int32, len(f.trees))
	for i, id := range f.targets {
		at, ok := f.index[nodeID{f.leafTrees[i], f.leaves[i]}]
		if !ok || !f.leaf[at] {
			return c.malformed("weights of leaves", "node %d of tree %d", f.leaves[i], f.leafTrees[i])
		}
		if id < 0 || id >= targets {
			return c.malformed(fmt.Sprintf("weights of %d targets", targets), "target %d", id)
		}
		f.weights[at]++
	}
	return nil
}

// walk visits the trees from their roots. Nodes that it does not reach form
// cycles.
func (c *call) walk(f *forest) (depths, adds uint64, err error) {
	type visit struct{ node, depth int32 }
	var stack []visit
	reached := 0
	seen := make(map[int64]struct{})
	for i, tree := range f.trees {
		_, begun := seen[tree]
		if begun == (f.parents[i] == 0) {
			return 0, 0, c.malformed("trees that begin with their only root", "node %d of tree %d", f.nodes[i], tree)
		}
		if begun {
			continue
		}
		seen[tree] = struct{}{}
		deepest, most := int32(0), int32(0)
		stack = append(stack[:0], visit{int32(i), 0})
		for len(stack) > 0 {
			v := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			reached++
			deepest, most = max(deepest, v.depth), max(most, f.weights[v.node])
			if f.leaf[v.node] {
				continue
			}
			if v.depth == maxTreeDepth {
				return 0, 0, refuse(ReasonTooLarge, c.n.where, fmt.Sprintf("trees at most %d deep", maxTreeDepth), "more")
			}
			for _, child := range f.children[v.node] {
				stack = append(stack, visit{child, v.depth + 1})
			}
		}
		depths, adds = depths+uint64(deepest), adds+uint64(most)
	}
	if reached != len(f.trees) {
		return 0, 0, c.malformed("trees without cycles", "%d nodes that no root reaches", len(f.trees)-reached)
	}
	return depths, adds, nil
}

var postTransforms = []string{"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"}

func (c *call) checkPostTransform() error {
	if t := c.attrString("post_transform", "NONE"); !slices.Contains(postTransforms, t) {
		return c.unsupported("a known post_transform", "%s", quote(t))
	}
	return nil
}

// table gives rows and columns of an input [N,C], or of one row [C].
func (c *call) table() (rows dim, columns int64, err error) {
	shape := c.in[0].shape
	if len(shape) == 1 {
		shape = []dim{constant(1), shape[0]}
	}
	if len(shape) != 2 || !isConst(shape[1]) {
		return dim{}, 0, c.unknown("rows of a constant number of features", "%s", c.in[0].text())
	}
	switch c.in[0].datatype {
	case tensor.FP32, tensor.FP64, tensor.Int32, tensor.Int64:
		return shape[0], shape[1].Size, nil
	default:
		return dim{}, 0, refuse(ReasonUnsupportedDatatype, c.n.where, "FP32, FP64, INT32 or INT64 features", "%s", c.in[0].datatype)
	}
}

// ensemble checks a tree ensemble and charges it for each row.
func (c *call) ensemble(prefix string, targets int64) (rows dim, err error) {
	rows, features, err := c.table()
	if err != nil {
		return rows, err
	}
	if err := c.checkPostTransform(); err != nil {
		return rows, err
	}
	if n := int64(c.countOf("base_values")); n != 0 && n != targets && n != 1 {
		return rows, c.malformed(fmt.Sprintf("%d base_values, one or none", targets), "%d", n)
	}
	f, err := c.readForest(prefix)
	if err != nil {
		return rows, err
	}
	depths, adds, err := c.checkForest(f, features, targets)
	if err != nil {
		return rows, err
	}
	m, err := c.product(rows)
	if err != nil {
		return rows, err
	}
	// Each factor is below 2^31: the sum can not overflow.
	w := uint64(c.n.rule.weight)
	return rows, c.charge(0, w*depths+adds+w*uint64(targets), m)
}

// maxTargets bounds the classes or targets of one node.
const maxTargets = 1 << 16

func inferTreeRegressor(c *call) error {
	targets := c.attrInt("n_targets", 1)
	if targets < 1 || targets > maxTargets {
		return c.malformed(fmt.Sprintf("1 to %d targets", maxTargets), "%d", targets)
	}
	if how := c.attrString("aggregate_function", "SUM"); !slices.Contains([]string{"SUM", "AVERAGE", "MIN", "MAX"}, how) {
		return c.unsupported("aggregate_function SUM, AVERAGE, MIN or MAX", "%s", quote(how))
	}
	rows, err := c.ensemble("target", targets)
	if err != nil {
		return err
	}
	return c.emit(tensor.FP32, []dim{rows, constant(targets)})
}

func inferTreeClassifier(c *call) error {
	classes, err := c.classes("classlabels_int64s")
	if err != nil {
		return err
	}
	rows, err := c.ensemble("class", classes)
	if err != nil {
		return err
	}
	return c.emitClasses(rows, classes)
}

// classes is the number of labels of a classifier, which must be numbers.
func (c *call) classes(labels string) (int64, error) {
	if c.n.attrs["classlabels_strings"] != nil {
		return 0, refuse(ReasonUnsupportedDatatype, c.n.where, "labels that are numbers", "strings")
	}
	a := c.n.attrs[labels]
	if a == nil || len(a.ints) < 2 || len(a.ints) > maxTargets {
		return 0, c.malformed(fmt.Sprintf("2 to %d labels in %s", maxTargets, labels), "another number")
	}
	return int64(len(a.ints)), nil
}

// emitClasses gives the label and the scores of each row.
func (c *call) emitClasses(rows dim, classes int64) error {
	if err := c.emit(tensor.Int64, []dim{rows}); err != nil {
		return err
	}
	return c.emit(tensor.FP32, []dim{rows, constant(classes)})
}

// log2Up is ceil(log2(n+1)).
func log2Up(n int) int64 { return int64(bits.Len(uint(n))) }
