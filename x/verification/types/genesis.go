package types

// DefaultGenesis is the state of a new chain.
func DefaultGenesis() *GenesisState {
	return &GenesisState{
		Params:         []ParamsVersion{{Version: 1, Params: DefaultParams()}},
		NextSnapshotId: 1,
	}
}

// Validate checks that the state is complete and does not contradict itself: versions without a gap, snapshots and
// rounds ascending, and every round in agreement with its snapshot, its parameters and its outputs. It returns
// ErrInvalidGenesis, ErrInvalidParams or ErrInvalidSnapshot.
func (gs GenesisState) Validate() error {
	params, err := gs.paramsByVersion()
	if err != nil {
		return err
	}
	snapshots, err := gs.snapshotsByID()
	if err != nil {
		return err
	}
	outputs, err := gs.outputsByRound()
	if err != nil {
		return err
	}
	uses := make(map[uint64]uint64, len(snapshots))
	var previous uint64
	for _, round := range gs.Rounds {
		if round.RequestId <= previous {
			return ErrInvalidGenesis.Wrapf("expected rounds by ascending request id from 1, got %d after %d", round.RequestId, previous)
		}
		previous = round.RequestId
		snapshot, ok := snapshots[round.SnapshotId]
		if !ok {
			return ErrInvalidGenesis.Wrapf("round of request %d: expected a snapshot with id %d, got none", round.RequestId, round.SnapshotId)
		}
		version, ok := params[round.ParamsVersion]
		if !ok {
			return ErrInvalidGenesis.Wrapf("round of request %d: expected parameters of version %d, got none", round.RequestId, round.ParamsVersion)
		}
		if err := validateRound(round, snapshot, version, outputs[round.RequestId]); err != nil {
			return ErrInvalidGenesis.Wrapf("round of request %d: %s", round.RequestId, err)
		}
		delete(outputs, round.RequestId)
		uses[round.SnapshotId]++
	}
	for _, snapshot := range gs.Snapshots {
		if snapshot.References < max(uses[snapshot.Id], 1) {
			return ErrInvalidGenesis.Wrapf("snapshot %d: expected at least %d references, got %d",
				snapshot.Id, max(uses[snapshot.Id], 1), snapshot.References)
		}
	}
	for _, output := range gs.Outputs {
		if _, left := outputs[output.RequestId]; left {
			return ErrInvalidGenesis.Wrapf("expected outputs of rounds only, got one of request %d", output.RequestId)
		}
	}
	return gs.validateConsequences()
}

func (gs GenesisState) paramsByVersion() (map[uint64]Params, error) {
	if len(gs.Params) == 0 {
		return nil, ErrInvalidGenesis.Wrap("expected at least one version of the parameters, got none")
	}
	versions := make(map[uint64]Params, len(gs.Params))
	for i, version := range gs.Params {
		if version.Version != uint64(i)+1 {
			return nil, ErrInvalidGenesis.Wrapf("expected version %d of the parameters, got %d", i+1, version.Version)
		}
		if err := version.Params.Validate(); err != nil {
			return nil, err
		}
		versions[version.Version] = version.Params
	}
	return versions, nil
}

func (gs GenesisState) snapshotsByID() (map[uint64]Snapshot, error) {
	var (
		snapshots = make(map[uint64]Snapshot, len(gs.Snapshots))
		contents  = make(map[[RootSize]byte]uint64, len(gs.Snapshots))
		previous  uint64
	)
	for _, snapshot := range gs.Snapshots {
		if snapshot.Id <= previous || snapshot.Id >= gs.NextSnapshotId {
			return nil, ErrInvalidGenesis.Wrapf("expected ascending snapshot ids above %d and below %d, got %d",
				previous, gs.NextSnapshotId, snapshot.Id)
		}
		previous = snapshot.Id
		if err := snapshot.Validate(); err != nil {
			return nil, err
		}
		hash := snapshot.ContentHash()
		if twin, ok := contents[hash]; ok {
			return nil, ErrInvalidGenesis.Wrapf("expected snapshots to differ, got %d equal to %d", snapshot.Id, twin)
		}
		contents[hash] = snapshot.Id
		snapshots[snapshot.Id] = snapshot
	}
	if gs.NextSnapshotId == 0 {
		return nil, ErrInvalidGenesis.Wrap("expected the next snapshot id from 1, got 0")
	}
	return snapshots, nil
}

// outputsByRound gives the outputs by request and candidate.
func (gs GenesisState) outputsByRound() (map[uint64]map[uint32][]byte, error) {
	outputs := make(map[uint64]map[uint32][]byte)
	var previous RoundOutput
	for _, output := range gs.Outputs {
		if output.RequestId < previous.RequestId ||
			(output.RequestId == previous.RequestId && output.Candidate <= previous.Candidate) {
			return nil, ErrInvalidGenesis.Wrapf("expected outputs by ascending request and candidate, got %d of %d after %d of %d",
				output.Candidate, output.RequestId, previous.Candidate, previous.RequestId)
		}
		previous = output
		if outputs[output.RequestId] == nil {
			outputs[output.RequestId] = make(map[uint32][]byte)
		}
		outputs[output.RequestId][output.Candidate] = output.Output
	}
	return outputs, nil
}
