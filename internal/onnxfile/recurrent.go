package onnxfile

// gates is the number of weight matrices that a recurrent cell stacks.
var gates = map[string]int64{"RNN": 1, "GRU": 3, "LSTM": 4}

// inferRecurrent infers X [T,B,I] under weights W [D,G·H,I] and recurrence
// R [D,G·H,H]: Y [T,D,B,H], the last state [D,B,H] and, for LSTM, the cell.
func inferRecurrent(c *call) error {
	x, w, r := c.in[0], c.in[1], c.in[2]
	if err := c.sameType(x, w, r); err != nil {
		return err
	}
	if c.attrInt("layout", 0) != 0 {
		return c.unsupported("layout 0", "%d", c.attrInt("layout", 0))
	}
	directions := dim{Size: 1}
	if c.attrString("direction", "forward") == "bidirectional" {
		directions.Size = 2
	}
	hidden := c.attrInt("hidden_size", 0)
	if hidden < 1 || hidden > maxWindow || len(x.shape) != 3 {
		return c.malformed("attribute hidden_size and an input of rank 3", "%d and %s", hidden, x.text())
	}
	stacked := constant(gates[c.n.op] * hidden)
	if !sameShape(w.shape, []dim{directions, stacked, x.shape[2]}) || !sameShape(r.shape, []dim{directions, stacked, constant(hidden)}) {
		return c.malformed("weights for the input and the hidden size", "%s and %s for %s", w.text(), r.text(), x.text())
	}
	steps, batch := x.shape[0], x.shape[1]
	for _, width := range []dim{x.shape[2], constant(hidden)} {
		if err := c.macs(steps, batch, directions, stacked, width); err != nil {
			return err
		}
	}
	// Each gate of each unit takes a call of an activation function.
	activations, err := c.product(steps, batch, directions, stacked)
	if err != nil {
		return err
	}
	if err := c.charge(0, functionWork, activations); err != nil {
		return err
	}
	perStep, err := c.product(steps, directions)
	if err != nil {
		return err
	}
	if err := c.charge(0, NodeElements, perStep); err != nil {
		return err
	}
	state := []dim{directions, batch, constant(hidden)}
	if err := c.emit(x.datatype, []dim{steps, directions, batch, constant(hidden)}); err != nil {
		return err
	}
	if err := c.emit(x.datatype, state); err != nil || c.n.op != "LSTM" {
		return err
	}
	return c.emit(x.datatype, state)
}
