package onnxfile

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// rule says what is allowed of an operator, how its outputs follow and what
// its work is.
type rule struct {
	minIn, maxIn int
	since        int64  // first operator set, 0 for any accepted one
	attrs        string // allowed attributes as "name:kind", kinds as in attr
	long         bool   // lists in attributes are bounded by Limits.MaxAttributeItems only
	weight       int    // elements charged for each element, at least 1
	formula      string // the work in words; w stands for weight
	bound        bool   // the formula is an upper bound, not the exact count
	infer        func(*call) error
}

// The domains of operators that are accepted. The default domain is also
// written "ai.onnx".
const (
	defaultDomain = ""
	mlDomain      = "ai.onnx.ml"
)

// Weights of work per element. What a core does in vector registers is the
// unit; the rest follows what one element costs in comparison.
const (
	vectorWork   = 1
	functionWork = 4  // vectorised series: Exp, Tanh, normalisation
	scalarWork   = 16 // one library call or one branch for each element
	visitWork    = 32 // one node of a tree: a branch nobody foresees, memory that is not in the cache
)

const anyCount = math.MaxInt32

func (r *rule) attrKind(name string) byte {
	for rest := r.attrs; rest != ""; {
		var item string
		item, rest, _ = strings.Cut(rest, " ")
		if n := len(item) - 2; item[:n] == name {
			return item[n+1]
		}
	}
	return 0
}

func (r *rule) attrsText() string {
	switch {
	case r.attrs == "":
		return "no attributes"
	case len(r.attrs) > 4*maxShown:
		return "an attribute of the operator"
	default:
		return "attributes among " + r.attrs
	}
}

// refusedOps are operators of the default domain whose refusal has a reason of
// its own.
var refusedOps = map[string]Reason{
	"If": ReasonControlFlow, "Loop": ReasonControlFlow, "Scan": ReasonControlFlow,
	"Bernoulli": ReasonRandomOp, "Multinomial": ReasonRandomOp, "RandomNormal": ReasonRandomOp,
	"RandomNormalLike": ReasonRandomOp, "RandomUniform": ReasonRandomOp, "RandomUniformLike": ReasonRandomOp,
	"ConcatFromSequence": ReasonUnsupportedType, "Optional": ReasonUnsupportedType,
	"OptionalGetElement": ReasonUnsupportedType, "OptionalHasElement": ReasonUnsupportedType,
	"SequenceAt": ReasonUnsupportedType, "SequenceConstruct": ReasonUnsupportedType,
	"SequenceEmpty": ReasonUnsupportedType, "SequenceErase": ReasonUnsupportedType,
	"SequenceInsert": ReasonUnsupportedType, "SequenceLength": ReasonUnsupportedType,
	"SequenceMap": ReasonUnsupportedType, "SplitToSequence": ReasonUnsupportedType,
	"Compress": ReasonUnknownShape, "NonMaxSuppression": ReasonUnknownShape,
	"NonZero": ReasonUnknownShape, "Unique": ReasonUnknownShape,
	"ImageDecoder": ReasonUnsupportedDatatype, "RegexFullMatch": ReasonUnsupportedDatatype,
	"StringConcat": ReasonUnsupportedDatatype, "StringNormalizer": ReasonUnsupportedDatatype,
	"StringSplit":                ReasonUnsupportedDatatype,
	"NegativeLogLikelihoodLoss":  ReasonTraining,
	"SoftmaxCrossEntropyLoss":    ReasonTraining,
	mlDomain + ".CastMap":        ReasonUnsupportedType,
	mlDomain + ".DictVectorizer": ReasonUnsupportedType,
	mlDomain + ".ZipMap":         ReasonUnsupportedType,
	mlDomain + ".CategoryMapper": ReasonUnsupportedDatatype,
}

var refusalTexts = map[Reason]string{
	ReasonControlFlow:         "a graph without control flow",
	ReasonRandomOp:            "operators with the same result for the same input",
	ReasonUnsupportedType:     "operators on tensors",
	ReasonUnknownShape:        "output shapes that do not depend on values",
	ReasonUnsupportedDatatype: "operators on numbers",
	ReasonTraining:            "operators of inference",
}

// ruleKey is the name of an operator in rules and in reports: that of the
// default domain alone, that of another after its domain.
func ruleKey(domain, op string) string {
	if isDefaultDomain(domain) {
		return op
	}
	return domain + "." + op
}

// ruleFor finds the rule of an operator by its key; opset is the version of
// its domain.
func ruleFor(where, key string, opset int64) (*rule, error) {
	r, ok := rules[key]
	if !ok {
		if reason, known := refusedOps[key]; known {
			return nil, refuse(reason, where, refusalTexts[reason], "%s", key)
		}
		return nil, refuse(ReasonUnsupportedOp, where, "an operator on the allow-list", "%s", quote(key))
	}
	if opset < r.since {
		return nil, refuse(ReasonUnsupportedOpset, where, fmt.Sprintf("operator set %d or later for %s", r.since, key), "%d", opset)
	}
	return r, nil
}

// OpRule is what inspection knows of one operator.
type OpRule struct {
	Domain      string // "ai.onnx" or "ai.onnx.ml"
	Op          string
	Since, Last int64  // the operator sets in which it is accepted
	Exact       bool   // the work is what the formula says; otherwise at most that
	Formula     string // the work in words, beside NodeElements
}

// Coverage lists the operators that are accepted, sorted by domain and name.
func Coverage() []OpRule {
	out := make([]OpRule, 0, len(rules))
	for key, r := range rules {
		row := OpRule{Domain: "ai.onnx", Op: key, Since: max(minOpset, r.since), Last: maxOpset, Exact: !r.bound, Formula: r.text()}
		if op, ok := strings.CutPrefix(key, mlDomain+"."); ok {
			row.Domain, row.Op, row.Since, row.Last = mlDomain, op, max(minMLOpset, r.since), maxMLOpset
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b OpRule) int {
		if c := strings.Compare(a.Domain, b.Domain); c != 0 {
			return c
		}
		return strings.Compare(a.Op, b.Op)
	})
	return out
}

// RefusedOps maps the operators that are refused with a reason of their own;
// all others that [Coverage] does not list are refused with
// [ReasonUnsupportedOp].
func RefusedOps() map[string]Reason {
	out := make(map[string]Reason, len(refusedOps))
	for op, reason := range refusedOps {
		out[op] = reason
	}
	return out
}

// text is the formula with the weight in place.
func (r *rule) text() string {
	w := max(1, r.weight)
	if w == 1 {
		return strings.ReplaceAll(r.formula, "w · ", "")
	}
	return strings.ReplaceAll(r.formula, "w · ", fmt.Sprintf("%d · ", w))
}
