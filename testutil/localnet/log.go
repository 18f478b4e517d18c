package localnet

import "os"

// LogSize is the length of the node's log, for LogFrom.
func (n *Node) LogSize(t TB) int {
	t.Helper()
	return len(n.LogFrom(t, 0))
}

// LogFrom is what the node wrote to its log after the first bytes.
func (n *Node) LogFrom(t TB, from int) []byte {
	t.Helper()
	b, err := os.ReadFile(n.LogFile())
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b[min(from, len(b)):]
}
