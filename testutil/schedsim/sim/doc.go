// Package sim simulates the scheduling of the chain over a synthetic network: requests arrive, wait, are assigned, are
// computed by nodes of different speeds, and end.
//
// Who leads and sits, what waits and begins, what a unit costs and what a node is observed to deliver is decided by
// internal/selection, internal/queue and internal/pricing themselves. Nodes, their work, rounds and requesters are
// models; docs/scheduling-simulator.md says what they leave out. A run is a function of its Spec.
package sim
