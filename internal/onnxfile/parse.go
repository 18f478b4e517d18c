package onnxfile

import (
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
)

// parsed is the graph as written, before anything is inferred.
type parsed struct {
	irVersion    int64
	opset        int64 // of the default domain
	mlOpset      int64 // of ai.onnx.ml, 0 if it is not imported
	producer     string
	inputs       []tensor.Spec
	outputs      []declared
	initializers map[string]*weight
	nodes        []*node
}

// parser reads the file within the limits and adds up what spans messages.
type parser struct {
	lim        Limits
	edges      int
	attributes int
	items      int // of lists in attributes
	weights    int
	parameters uint64
	bytes      uint64 // of weights
	out        parsed
}

func (p *parser) countWeight(where string, w *weight) error {
	p.parameters += uint64(w.elements)
	p.bytes += uint64(w.elements) * uint64(w.datatype.Size())
	if p.parameters > p.lim.MaxParameters {
		return refuse(ReasonTooLarge, where, fmt.Sprintf("at most %d parameters in all", p.lim.MaxParameters), "more")
	}
	return nil
}

// parseModel reads a ModelProto.
func (p *parser) parseModel(b []byte) error {
	const where = "model"
	var graph []byte
	hasGraph := false
	err := modelSchema.each(where, b, func(fl field) (err error) {
		switch fl.num {
		case 1:
			p.out.irVersion = int64(fl.value)
		case 2:
			p.out.producer, err = fl.text("model producer")
		case 7:
			graph, hasGraph = fl.bytes, true
		case 8:
			err = p.parseOpset(fl.bytes)
		case 14:
			err = checkEntry(where, fl.bytes)
		case 20:
			err = refuse(ReasonTraining, where, "a model for inference", "training information")
		case 25:
			err = refuse(ReasonFunction, where, "operators only", "model-local functions (inline them)")
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case p.out.irVersion < minIRVersion || p.out.irVersion > maxIRVersion:
		return refuse(ReasonUnsupportedOpset, where, fmt.Sprintf("IR version %d to %d", minIRVersion, maxIRVersion), "%d", p.out.irVersion)
	case p.out.opset == 0:
		return refuse(ReasonUnsupportedOpset, where, "an operator set of the default domain", "none")
	case !hasGraph:
		return refuse(ReasonMalformed, where, "a graph", "none")
	}
	return p.parseGraph(graph)
}

func isDefaultDomain(s string) bool { return s == "" || s == "ai.onnx" }

func (p *parser) parseOpset(b []byte) error {
	const where = "operator set"
	domain, version := "", uint64(0)
	err := opsetSchema.each(where, b, func(fl field) (err error) {
		if fl.num == 1 {
			domain, err = fl.text(where)
		} else {
			version = fl.value
		}
		return err
	})
	if err != nil {
		return err
	}
	set, least, most := &p.out.opset, uint64(minOpset), uint64(maxOpset)
	switch {
	case domain == mlDomain:
		set, least, most = &p.out.mlOpset, minMLOpset, maxMLOpset
	case !isDefaultDomain(domain):
		return refuse(ReasonCustomDomain, where, "the default domain or "+mlDomain, "%s", quote(domain))
	}
	if version < least || version > most {
		return refuse(ReasonUnsupportedOpset, where, fmt.Sprintf("version %d to %d", least, most), "%d", version)
	}
	if *set != 0 {
		return refuse(ReasonUnsupportedOpset, where, "one version of a domain", "%s twice", quote(domain))
	}
	*set = int64(version)
	return nil
}

// parseGraph reads the top-level GraphProto; there is no other.
func (p *parser) parseGraph(b []byte) error {
	p.out.initializers = make(map[string]*weight)
	err := graphSchema.each("graph", b, func(fl field) error {
		switch fl.num {
		case 1:
			return p.addNode(fl.bytes)
		case 5:
			return p.addInitializer(fl.bytes)
		case 11:
			return p.addInput(fl.bytes)
		case 12:
			return p.addOutput(fl.bytes)
		case 13:
			return checkValueInfo(p, fl.bytes)
		case 14:
			return checkAnnotation("graph", fl.bytes)
		case 16:
			return checkEntry("graph", fl.bytes)
		case 15:
			return refuse(ReasonSparseTensor, "graph", "dense tensors", "a sparse initializer")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return p.separateWeights()
}

func (p *parser) addNode(b []byte) error {
	if len(p.out.nodes) >= p.lim.MaxNodes {
		return refuse(ReasonTooLarge, "graph", fmt.Sprintf("at most %d nodes", p.lim.MaxNodes), "more")
	}
	n, err := p.parseNode(len(p.out.nodes), b)
	if err != nil {
		return err
	}
	p.out.nodes = append(p.out.nodes, n)
	return nil
}

func (p *parser) addInitializer(b []byte) error {
	where := fmt.Sprintf("initializer %d", p.weights)
	if p.weights++; p.weights > p.lim.MaxInitializers {
		return refuse(ReasonTooLarge, "graph", fmt.Sprintf("at most %d initializers", p.lim.MaxInitializers), "more")
	}
	w, err := p.readWeight(where, b)
	if err != nil {
		return err
	}
	if w.name == "" {
		return refuse(ReasonMalformed, where, "a name", "none")
	}
	if _, dup := p.out.initializers[w.name]; dup {
		return refuse(ReasonMalformed, where, "a name of its own", "%s twice", quote(w.name))
	}
	p.out.initializers[w.name] = w
	return nil
}

func (p *parser) addInput(b []byte) error {
	// Inputs that turn out to be weights count against the initializers.
	most := p.lim.MaxSignature + p.lim.MaxInitializers
	if len(p.out.inputs) >= most {
		return refuse(ReasonTooLarge, "graph", fmt.Sprintf("at most %d inputs", most), "more")
	}
	d, err := p.parseDeclared(fmt.Sprintf("input %d", len(p.out.inputs)), b)
	if err != nil {
		return err
	}
	if !d.hasShape {
		return refuse(ReasonUnknownShape, d.where, "a shape", "none: fix the dimensions or name them")
	}
	for i, dim := range d.Dims {
		if dim == (tensor.Dim{}) {
			return refuse(ReasonUnknownShape, d.where, "every dimension a positive number or a name", "dimension %d without either", i)
		}
	}
	p.out.inputs = append(p.out.inputs, d.Spec)
	return nil
}

func (p *parser) addOutput(b []byte) error {
	if len(p.out.outputs) >= p.lim.MaxSignature {
		return refuse(ReasonTooLarge, "graph", fmt.Sprintf("at most %d outputs", p.lim.MaxSignature), "more")
	}
	d, err := p.parseDeclared(fmt.Sprintf("output %d", len(p.out.outputs)), b)
	if err != nil {
		return err
	}
	p.out.outputs = append(p.out.outputs, d)
	return nil
}

// separateWeights removes inputs that have an initializer from the signature.
func (p *parser) separateWeights() error {
	kept := p.out.inputs[:0]
	for _, in := range p.out.inputs {
		w, ok := p.out.initializers[in.Name]
		if !ok {
			kept = append(kept, in)
			continue
		}
		same := w.datatype == in.Datatype && len(w.dims) == len(in.Dims)
		for i := 0; same && i < len(w.dims); i++ {
			same = in.Dims[i].Symbol != "" || in.Dims[i].Size == w.dims[i]
		}
		if !same {
			return refuse(ReasonMalformed, "input "+quote(in.Name), "the type of its initializer", "another")
		}
	}
	p.out.inputs = kept
	if len(kept) == 0 || len(p.out.outputs) == 0 {
		return refuse(ReasonSignature, "graph", "at least one input and one output", "%d and %d", len(kept), len(p.out.outputs))
	}
	if len(kept) > p.lim.MaxSignature {
		return refuse(ReasonTooLarge, "graph", fmt.Sprintf("at most %d inputs", p.lim.MaxSignature), "%d", len(kept))
	}
	return nil
}
