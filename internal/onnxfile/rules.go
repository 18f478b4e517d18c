package onnxfile

import (
	"fmt"
	"math"
	"strings"
)

// rule says what is allowed of an operator and how its outputs follow.
type rule struct {
	minIn, maxIn int
	since        int64  // first operator set, 0 for any accepted one
	attrs        string // allowed attributes as "name:kind", kinds as in attr
	weight       int    // elements charged for each element, at least 1
	infer        func(*call) error
}

// Weights of work per element. What a core does in vector registers is the
// unit; the rest follows what one element costs in comparison.
const (
	vectorWork   = 1
	functionWork = 4  // vectorised series: Exp, Tanh, normalisation
	scalarWork   = 16 // one library call or one branch for each element
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
	if r.attrs == "" {
		return "no attributes"
	}
	return "attributes among " + r.attrs
}

// refusedOps are operators whose refusal has a reason of its own.
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
}

var refusalTexts = map[Reason][2]string{
	ReasonControlFlow:     {"a graph without control flow", "%s"},
	ReasonRandomOp:        {"operators with the same result for the same input", "%s"},
	ReasonUnsupportedType: {"operators on tensors", "%s"},
	ReasonUnknownShape:    {"output shapes that do not depend on values", "%s"},
}

// ruleFor finds the rule of an operator of the default domain.
func ruleFor(where, op string, opset int64) (*rule, error) {
	r, ok := rules[op]
	if !ok {
		if reason, known := refusedOps[op]; known {
			t := refusalTexts[reason]
			return nil, refuse(reason, where, t[0], t[1], op)
		}
		return nil, refuse(ReasonUnsupportedOp, where, "an operator on the allow-list", "%s", quote(op))
	}
	if opset < r.since {
		return nil, refuse(ReasonUnsupportedOpset, where, fmt.Sprintf("operator set %d or later for %s", r.since, op), "%d", opset)
	}
	return r, nil
}
