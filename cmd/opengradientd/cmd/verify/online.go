package verify

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/opengradient/opengradient/client/proof"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// maxInputs bounds a file of inputs.
const maxInputs = 16 << 20

// collect gathers a proof from a node.
func (s *settings) collect(ctx context.Context, warnings io.Writer, address string, id uint64) (*proof.File, error) {
	node, err := proof.DialNode(ctx, address)
	if err != nil {
		return nil, known(ctx, err)
	}
	opts := proof.CollectOptions{Trust: s.trust, TrustNode: s.trustNode, Clock: s.clock, Height: s.height}
	switch {
	case s.trustNode:
		fmt.Fprintf(warnings, "Warning: --%s: everything below is what node %s says. A node that lies is not found out.\n", flagTrustNode, address)
	case s.trust.IsZero():
		return nil, howToTrust(ctx, node, address)
	}
	if opts.Witnesses, err = s.dialWitnesses(ctx, node, address); err != nil {
		return nil, err
	}
	if s.evidence != "" {
		if opts.Evidence, err = readBounded(s.evidence, verificationtypes.MaxEvidenceBytes); err != nil {
			return nil, err
		}
	}
	if s.inputs != "" {
		if opts.Inputs, err = readBounded(s.inputs, maxInputs); err != nil {
			return nil, err
		}
	}
	file, err := proof.Collect(ctx, node, id, opts)
	return file, known(ctx, err)
}

// dialWitnesses connects to the witnesses, each of which has to be another node than the one that is asked and than the others.
func (s *settings) dialWitnesses(ctx context.Context, node *proof.Node, address string) ([]proof.Witness, error) {
	list := make([]proof.Witness, 0, len(s.witnesses))
	names := map[string]string{address: "the node that is asked"}
	ids := map[string]string{node.ID(): "the node that is asked"}
	for _, w := range s.witnesses {
		if same, ok := names[w]; ok {
			return nil, fmt.Errorf("--%s: expected another node, got the address of %s, %s", flagWitness, same, w)
		}
		other, err := proof.DialNode(ctx, w)
		if err != nil {
			return nil, known(ctx, fmt.Errorf("--%s: %w", flagWitness, err))
		}
		if same, ok := ids[other.ID()]; ok {
			return nil, fmt.Errorf("--%s: expected another node, got %s at %s", flagWitness, same, w)
		}
		names[w], ids[other.ID()] = "witness "+w, "witness "+w
		list = append(list, proof.Witness{Name: w, Headers: other})
	}
	return list, nil
}

// howToTrust is the error of a command without a trusted header: it says how to come by one.
func howToTrust(ctx context.Context, node *proof.Node, address string) error {
	last := "a recent header"
	if lb, err := node.LightBlock(ctx, 0); err == nil {
		last = fmt.Sprintf("that of block %d has the hash\n  %s, as %s says", lb.Height, lb.Hash(), address)
	}
	return fmt.Errorf("expected a header that you trust (--%s and --%s), got none. A proof is worth as much as the header it begins with, "+
		"so take one that does not come from the node you ask:\n"+
		"  - from a node of your own: \"opengradientd query block --type height HEIGHT --node ADDRESS\", or ADDRESS/commit?height=HEIGHT\n"+
		"  - from several nodes or explorers of others that agree with each other\n"+
		"Of this chain, %s; compare it before you use it.\n"+
		"Or believe the node, with --%s", flagTrusted, flagHash, last, flagTrustNode)
}

// readBounded reads a file of at most so many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s: expected at most %d bytes, got more", path, most)
	}
	return b, nil
}
