package onnxfile

import (
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// windows are the attributes of an operator that slides a kernel.
type windows struct {
	kernel, strides, dilations []int64
	before, after              []int64 // pads
	auto                       string  // NOTSET, VALID, SAME_UPPER, SAME_LOWER
	ceil                       bool
}

// windowsOf reads the attributes for n spatial dimensions; kernel is the size
// that the weights imply, nil if only the attribute says it.
func (c *call) windowsOf(n int, kernel []int64) (*windows, error) {
	w := &windows{auto: c.attrString("auto_pad", "NOTSET"), ceil: c.attrInt("ceil_mode", 0) != 0}
	var err error
	if w.kernel, err = c.windowList("kernel_shape", n, 1, kernel); err != nil {
		return nil, err
	}
	if kernel != nil && !slices.Equal(kernel, w.kernel) {
		return nil, c.malformed("the kernel shape of the weights", "%v, not %v", w.kernel, kernel)
	}
	ones := slices.Repeat([]int64{1}, n)
	if w.strides, err = c.windowList("strides", n, 1, ones); err != nil {
		return nil, err
	}
	if w.dilations, err = c.windowList("dilations", n, 1, ones); err != nil {
		return nil, err
	}
	pads, err := c.windowList("pads", 2*n, 0, make([]int64, 2*n))
	if err != nil {
		return nil, err
	}
	w.before, w.after = pads[:n], pads[n:]
	switch w.auto {
	case "NOTSET":
	case "VALID", "SAME_UPPER", "SAME_LOWER":
		if slices.Max(pads) != 0 {
			return nil, c.malformed("pads or auto_pad", "both")
		}
	default:
		return nil, c.unsupported("auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER", "%s", quote(w.auto))
	}
	return w, nil
}

func (c *call) windowList(name string, n int, least int64, def []int64) ([]int64, error) {
	list := c.attrInts(name)
	if list == nil {
		list = def
	}
	if len(list) != n {
		return nil, c.malformed("attribute "+name+" for each spatial dimension", "%d numbers for %d", len(list), n)
	}
	for _, v := range list {
		if v < least || v > maxWindow {
			return nil, c.malformed("small positive numbers in "+name, "%d", v)
		}
	}
	return list, nil
}

// extent is the number of positions that the kernel spans.
func (w *windows) extent(i int) int64 { return w.dilations[i]*(w.kernel[i]-1) + 1 }

// outDim is the number of positions of the kernel along spatial dimension i.
func (w *windows) outDim(d dim, i int) (dim, bool) {
	stride := w.strides[i]
	if w.auto == "SAME_UPPER" || w.auto == "SAME_LOWER" {
		if isConst(d) {
			return constant((d.Size + stride - 1) / stride), true
		}
		return dim{Size: d.Size / stride, Symbol: d.Symbol}, d.Size%stride == 0
	}
	rest := w.before[i] + w.after[i] - w.extent(i)
	if !isConst(d) {
		// floor((a·N + rest) / stride) + 1 is a/stride·N exactly when stride
		// divides a and rest/stride rounds to -1.
		rounded := floorDiv(rest, stride)
		if w.ceil {
			rounded = -floorDiv(-rest, stride)
		}
		return dim{Size: d.Size / stride, Symbol: d.Symbol}, d.Size%stride == 0 && rounded == -1
	}
	span := d.Size + rest
	if span < 0 {
		return dim{}, false
	}
	out := span/stride + 1
	if w.ceil {
		if span%stride != 0 {
			out++
		}
		// Runtimes differ on a last window that starts in the padding.
		if (out-1)*stride >= d.Size+w.before[i] {
			return dim{}, false
		}
	}
	return constant(out), true
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && a < 0 {
		q--
	}
	return q
}

// slide gives the spatial dimensions of the output.
func (c *call) slide(w *windows, spatial []dim) ([]dim, error) {
	out := make([]dim, len(spatial))
	for i, d := range spatial {
		var ok bool
		if out[i], ok = w.outDim(d, i); !ok {
			return nil, c.unknown("a kernel that fits and gives a constant times one symbol", "%s under kernel %d, stride %d", d, w.kernel[i], w.strides[i])
		}
	}
	return out, nil
}

func inferPool(c *call) error {
	x := c.in[0]
	if len(x.shape) < 3 {
		return c.malformed("a rank of at least 3", "%s", x.text())
	}
	n := len(x.shape) - 2
	if c.n.op == "AveragePool" && c.n.attrs["dilations"] != nil && c.st.opset() < 19 {
		return refuse(ReasonUnsupportedOpset, c.n.where, "dilations of AveragePool from operator set 19 on", "them before")
	}
	if c.n.op == "LpPool" && c.st.opset() < 18 && (c.n.attrs["dilations"] != nil || c.n.attrs["ceil_mode"] != nil) {
		return refuse(ReasonUnsupportedOpset, c.n.where, "dilations and ceil_mode of LpPool from operator set 18 on", "them before")
	}
	w, err := c.windowsOf(n, nil)
	if err != nil {
		return err
	}
	spatial, err := c.slide(w, x.shape[2:])
	if err != nil {
		return err
	}
	shape := slices.Concat(x.shape[:2], spatial)
	if err := c.work(slices.Concat(shape, constants(w.kernel))...); err != nil {
		return err
	}
	if err := c.emit(x.datatype, shape); err != nil || c.n.op != "MaxPool" {
		return err
	}
	return c.emit(tensor.Int64, shape) // indices
}

func inferGlobalPool(c *call) error {
	x := c.in[0]
	if len(x.shape) < 3 {
		return c.malformed("a rank of at least 3", "%s", x.text())
	}
	if err := c.work(x.shape...); err != nil {
		return err
	}
	return c.emit(x.datatype, append(slices.Clone(x.shape[:2]), slices.Repeat([]dim{constant(1)}, len(x.shape)-2)...))
}
