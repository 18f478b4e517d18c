package modelzoo

import (
	"testing"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
)

// node is charged for each node of a graph, product for each matrix of a batch and for each group of a convolution.
const (
	node    = 4096
	product = 512
)

// TestCostByHand compares what inspection charges with counts by hand: multiply-accumulates exactly, and the work
// (MACs + 8 · elements) within 20 %. Elements are weighted 1 for simple functions and movement, 4 for Exp, Tanh, Softmax,
// LayerNormalization, Transpose and gates of recurrent cells, 32 for a node of a tree.
func TestCostByHand(t *testing.T) {
	for name, hand := range map[string]struct{ macs, elements float64 }{
		// 128 rows through 256-512-512-512-512-4: each layer is rows · in · out; 4 Relu of 512, Softmax of 4; 10 nodes.
		"mlp-deep": {128 * (256*512 + 3*512*512 + 512*4), 128*(4*512+4*4) + 10*node},
		// 3 stages of two 3×3 convolutions on 32², 16² and 8² pixels with 48, 96 and 160 channels: 78 MMAC.
		// BatchNormalization and Relu touch each output once; pooling, Flatten, Softmax are small; 22 nodes.
		"conv-medium": {
			9*(32*32*(3*48+48*48)+16*16*(48*96+96*96)+8*8*(96*160+160*160)) + 160*10,
			2*2*(32*32*48+16*16*96+8*8*160) + 8*8*160 + 160 + 4*10 + 22*node + 6*product,
		},
		// A 3×3 stem to 24² with 16 channels; then three times a 3×3 kernel on each channel alone (9 MACs an output) and a
		// 1×1 product that doubles the channels. Clip after each of the 7 convolutions; 18 nodes.
		"depthwise-medium": {
			24*24*(9*3*16+9*16+16*32+9*32+32*64+9*64+64*128) + 128*10,
			24*24*(16+16+32+32+64+64+128) + 24*24*128 + 128 + 4*10 + 18*node + (4+16+32+64)*product,
		},
		// 96 steps of batch 8: 4 gates of 256 units, each a product with 64 inputs and with 256 states, and a function.
		// Each step is charged as a node of its own; Squeeze of 8×256, a product to 2 outputs; 3 nodes.
		"lstm-large": {96*8*4*256*(64+256) + 8*256*2, 4*96*8*4*256 + 96*node + 8*256 + 3*node},
		// T 64, width 128, 4 heads of 32. Products: q, k, v and output 4·T·128², scores and mixing 2·4·T²·32,
		// feed-forward 2·T·128·512. Elements: 4 additions of a bias of T·128 and 2 of T·512 + T·128 in the feed-forward;
		// 4 Reshape and 4 Transpose (weight 4) of T·128; scaling (1) and Softmax (4) of 4·T²;
		// 2 additions and 2 LayerNormalization (4) of T·128; GELU: Mul, Erf (4), Mul, Add, Mul of T·512; a mean of T·128; 34 nodes; 2 products of 4 heads.
		"attention-medium": {
			4*64*128*128 + 2*4*64*64*32 + 2*64*128*512,
			64*128*(4+1+4*1+4*4+2*1+2*4+1) + 64*512*(1+1+4+1+1+1) + 4*64*64*(1+4) + 34*node + 2*4*product,
		},
		// 512 rows; each of 200 trees is 7 deep, and each leaf adds one weight; one target; 1 node.
		"tree-large": {0, 512*(200*(32*7+1)+32) + node},
		// Three 3×3 convolutions of bytes on 48²: 3→32→64→64. DequantizeLinear and pooling of 48²·64; 5 nodes.
		"int8-conv": {48 * 48 * 9 * (3*32 + 32*64 + 64*64), 2*48*48*64 + 5*node + 3*product},
		// Two 3×3 convolutions of 16-bit floats on 32²: 3→32→64. Casts of the image and of 64 results, Relu, pooling; 7 nodes.
		"fp16-conv": {32 * 32 * 9 * (3*32 + 32*64), 32*32*3 + 32*32*(32+64) + 32*32*64 + 64 + 7*node + 2*product},
	} {
		m := find(t, name)
		r, err := onnxfile.Inspect(m.ONNX, onnxfile.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		bindings, err := tensor.Bind(r.Inputs, m.Inputs(1))
		if err != nil {
			t.Fatal(err)
		}
		macs, elements := 0.0, 0.0
		for _, c := range r.Cost {
			n := 1.0
			for _, s := range c.Symbols {
				n *= float64(bindings[s])
			}
			macs, elements = macs+n*float64(c.MACs), elements+n*float64(c.Elements)
		}
		got, want := macs+8*elements, hand.macs+8*hand.elements
		t.Logf("%-17s %11.0f MACs, %9.0f elements, work %+.2f %% of the count by hand", name, macs, elements, 100*(got/want-1))
		if macs != hand.macs {
			t.Errorf("%s: %.0f MACs, by hand %.0f", name, macs, hand.macs)
		}
		if got < 0.8*want || got > 1.2*want {
			t.Errorf("%s: work %.0f, by hand %.0f: expected within 20 %%", name, got, want)
		}
	}
}

func find(t *testing.T, name string) Model {
	t.Helper()
	for _, m := range Models() {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no model %s", name)
	return Model{}
}
