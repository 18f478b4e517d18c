package onnxfile

import (
	"fmt"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

func addMLRules() {
	ml := func(op string, r rule) {
		r.long = true
		allow([]string{mlDomain + "." + op}, r)
	}
	const nodes = "nodes_falsenodeids:I nodes_featureids:I nodes_hitrates:F nodes_hitrates_as_tensor:t nodes_missing_value_tracks_true:I " +
		"nodes_modes:S nodes_nodeids:I nodes_treeids:I nodes_truenodeids:I nodes_values:F nodes_values_as_tensor:t " +
		"base_values:F base_values_as_tensor:t post_transform:s"
	ml("TreeEnsembleClassifier", rule{minIn: 1, maxIn: 1, weight: visitWork, bound: true, formula: treeWork, infer: inferTreeClassifier,
		attrs: nodes + " class_ids:I class_nodeids:I class_treeids:I class_weights:F class_weights_as_tensor:t classlabels_int64s:I classlabels_strings:S"})
	ml("TreeEnsembleRegressor", rule{minIn: 1, maxIn: 1, weight: visitWork, bound: true, formula: treeWork, infer: inferTreeRegressor,
		attrs: nodes + " aggregate_function:s n_targets:i target_ids:I target_nodeids:I target_treeids:I target_weights:F target_weights_as_tensor:t"})
	ml("LinearClassifier", rule{minIn: 1, maxIn: 1, weight: functionWork, formula: linearWork, infer: inferLinearClassifier,
		attrs: "classlabels_ints:I classlabels_strings:S coefficients:F intercepts:F multi_class:i post_transform:s"})
	ml("LinearRegressor", rule{minIn: 1, maxIn: 1, weight: functionWork, formula: linearWork, infer: inferLinearRegressor,
		attrs: "coefficients:F intercepts:F post_transform:s targets:i"})
	ml("SVMRegressor", rule{minIn: 1, maxIn: 1, weight: scalarWork, formula: vectorsWork, infer: inferSVMRegressor,
		attrs: "coefficients:F kernel_params:F kernel_type:s n_supports:i one_class:i post_transform:s rho:F support_vectors:F"})
	ml("Normalizer", rule{minIn: 1, maxIn: 1, attrs: "norm:s", weight: functionWork, formula: perInput, infer: inferNormalizer})
	ml("Scaler", rule{minIn: 1, maxIn: 1, attrs: "offset:F scale:F", weight: functionWork, formula: perInput, infer: inferScaler})
	ml("Binarizer", rule{minIn: 1, maxIn: 1, attrs: "threshold:f", weight: vectorWork, formula: perInput, infer: inferBinarizer})
	ml("Imputer", rule{minIn: 1, maxIn: 1, weight: functionWork, formula: perInput, infer: inferImputer,
		attrs: "imputed_value_floats:F imputed_value_int64s:I replaced_value_float:f replaced_value_int64:i"})
	ml("ArrayFeatureExtractor", rule{minIn: 2, maxIn: 2, weight: functionWork, formula: perOutput, infer: inferFeatureExtractor})
	ml("OneHotEncoder", rule{minIn: 1, maxIn: 1, attrs: "cats_int64s:I zeros:i", weight: functionWork, formula: perOutput, infer: inferOneHotEncoder})
	ml("LabelEncoder", rule{minIn: 1, maxIn: 1, since: 2, weight: scalarWork, bound: true, formula: searchWork, infer: inferLabelEncoder,
		attrs: "default_float:f default_int64:i keys_floats:F keys_int64s:I values_floats:F values_int64s:I"})
}

// linear charges rows of features against a matrix of coefficients.
func (c *call) linear(targets int64) (dim, error) {
	rows, features, err := c.table()
	if err != nil {
		return rows, err
	}
	if err := c.checkPostTransform(); err != nil {
		return rows, err
	}
	if n := c.countOf("coefficients"); int64(n) != targets*features {
		return rows, c.malformed(fmt.Sprintf("%d coefficients", targets*features), "%d", n)
	}
	if n := c.countOf("intercepts"); n != 0 && int64(n) != targets {
		return rows, c.malformed(fmt.Sprintf("%d intercepts, or none", targets), "%d", n)
	}
	if err := c.macs(rows, constant(max(1, features)), constant(targets)); err != nil {
		return rows, err
	}
	return rows, c.work(rows, constant(targets))
}

func inferLinearClassifier(c *call) error {
	classes, err := c.classes("classlabels_ints")
	if err != nil {
		return err
	}
	rows, err := c.linear(classes)
	if err != nil {
		return err
	}
	return c.emitClasses(rows, classes)
}

func inferLinearRegressor(c *call) error {
	targets := c.attrInt("targets", 1)
	if targets < 1 || targets > maxTargets {
		return c.malformed(fmt.Sprintf("1 to %d targets", maxTargets), "%d", targets)
	}
	if c.in[0].datatype != tensor.FP32 {
		return c.malformed("FP32 features", "%s", c.in[0].text())
	}
	rows, err := c.linear(targets)
	if err != nil {
		return err
	}
	return c.emit(tensor.FP32, []dim{rows, constant(targets)})
}

func inferSVMRegressor(c *call) error {
	rows, features, err := c.table()
	if err != nil {
		return err
	}
	if err := c.checkPostTransform(); err != nil {
		return err
	}
	vectors := c.attrInt("n_supports", 0)
	if c.in[0].datatype != tensor.FP32 || vectors < 1 || vectors > maxWindow || features < 1 {
		return c.malformed("FP32 features and support vectors", "%s and %d", c.in[0].text(), vectors)
	}
	if kernel := c.attrString("kernel_type", "LINEAR"); !slices.Contains([]string{"LINEAR", "POLY", "RBF", "SIGMOID"}, kernel) {
		return c.unsupported("kernel_type LINEAR, POLY, RBF or SIGMOID", "%s", quote(kernel))
	}
	if n := c.countOf("kernel_params"); n != 0 && n != 3 {
		return c.malformed("3 kernel_params, or none", "%d", n)
	}
	if features > maxDim/maxWindow || int64(c.countOf("support_vectors")) != vectors*features ||
		int64(c.countOf("coefficients")) != vectors || c.countOf("rho") != 1 {
		return c.malformed("a coefficient and the features of each support vector, and one rho", "lists of other lengths")
	}
	if err := c.macs(rows, constant(features), constant(vectors)); err != nil {
		return err
	}
	if err := c.work(rows, constant(vectors)); err != nil {
		return err
	}
	return c.emit(tensor.FP32, []dim{rows, constant(1)})
}

func inferNormalizer(c *call) error {
	if norm := c.attrString("norm", "MAX"); !slices.Contains([]string{"MAX", "L1", "L2"}, norm) {
		return c.unsupported("norm MAX, L1 or L2", "%s", quote(norm))
	}
	return c.featurewise()
}

// featurewise works on each element of a table and gives floats.
func (c *call) featurewise() error {
	if _, _, err := c.table(); err != nil {
		return err
	}
	if err := c.work(c.in[0].shape...); err != nil {
		return err
	}
	return c.emit(tensor.FP32, c.in[0].shape)
}

func inferScaler(c *call) error {
	_, features, err := c.table()
	if err != nil {
		return err
	}
	for _, name := range []string{"offset", "scale"} {
		if n := int64(c.countOf(name)); n != 1 && n != features {
			return c.malformed(fmt.Sprintf("%s of 1 or %d features", name, features), "%d", n)
		}
	}
	return c.featurewise()
}

func inferBinarizer(c *call) error {
	if c.in[0].datatype != tensor.FP32 {
		return c.malformed("an FP32 input", "%s", c.in[0].text())
	}
	return inferUnary(c)
}

func inferImputer(c *call) error {
	_, features, err := c.table()
	if err != nil {
		return err
	}
	x, name := c.in[0], "imputed_value_floats"
	if x.datatype == tensor.Int64 {
		name = "imputed_value_int64s"
	} else if x.datatype != tensor.FP32 {
		return c.malformed("FP32 or INT64 features", "%s", x.text())
	}
	if n := int64(c.countOf(name)); n != 1 && n != features {
		return c.malformed(fmt.Sprintf("%s of 1 or %d features", name, features), "%d", n)
	}
	return inferUnary(c)
}

// inferFeatureExtractor picks columns of the last dimension by indices.
func inferFeatureExtractor(c *call) error {
	x, indices := c.in[0], c.in[1]
	if len(x.shape) == 0 || indices.datatype != tensor.Int64 {
		return c.malformed("features and INT64 indices", "%s and %s", x.text(), indices.text())
	}
	m, err := c.product(indices.shape...)
	if err != nil {
		return err
	}
	count, ok := c.st.symbols.dim(m)
	if !ok {
		return c.unknown("indices of a constant number times one symbol", "%s", indices.text())
	}
	shape := append(slices.Clone(x.shape[:len(x.shape)-1]), count)
	if len(x.shape) == 1 {
		shape = []dim{constant(1), count}
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emit(x.datatype, shape)
}

func inferOneHotEncoder(c *call) error {
	n := c.countOf("cats_int64s")
	if n < 1 || n > maxTargets || c.in[0].datatype != tensor.Int64 && c.in[0].datatype != tensor.FP32 {
		return c.malformed(fmt.Sprintf("1 to %d categories in cats_int64s for FP32 or INT64", maxTargets), "%d for %s", n, c.in[0].text())
	}
	shape := append(slices.Clone(c.in[0].shape), constant(int64(n)))
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emit(tensor.FP32, shape)
}

// inferLabelEncoder maps numbers to numbers; runtimes look keys up in a table.
func inferLabelEncoder(c *call) error {
	x := c.in[0]
	types := []struct {
		suffix string
		d      tensor.Datatype
	}{{"floats", tensor.FP32}, {"int64s", tensor.Int64}}
	to, values, keys := tensor.Invalid, 0, 0
	for _, t := range types {
		if n := c.countOf("keys_" + t.suffix); n != 0 && t.d == x.datatype {
			keys = n
		}
		if n := c.countOf("values_" + t.suffix); n != 0 {
			if values != 0 {
				return c.malformed("values of one type", "two")
			}
			to, values = t.d, n
		}
	}
	if keys == 0 || keys != values {
		return c.malformed("as many values as keys of the input's type", "%d keys and %d values for %s", keys, values, x.text())
	}
	if err := c.work(append(slices.Clone(x.shape), constant(log2Up(keys)))...); err != nil {
		return err
	}
	return c.emit(to, x.shape)
}
