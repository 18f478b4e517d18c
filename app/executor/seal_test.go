package executor

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/voteext"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

func TestSealKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	key, err := OpenSealKey(dir)
	require.NoError(t, err)
	require.NotEqual(t, SealKey{}, key)
	again, err := OpenSealKey(dir)
	require.NoError(t, err)
	require.Equal(t, key, again)
	other, err := OpenSealKey(t.TempDir())
	require.NoError(t, err)
	require.NotEqual(t, key, other)

	info, err := os.Stat(filepath.Join(dir, SealKeyFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NotContains(t, fmt.Sprintf("%v %s", key, key), hex.EncodeToString(key[:4]))
}

func TestSealKeyIsRefused(t *testing.T) {
	cases := []struct {
		reason  string
		prepare func(t *testing.T, path string)
	}{
		{"empty", func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) }},
		{"a byte short", func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, make([]byte, 31), 0o600)) }},
		{"a byte long", func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, make([]byte, 33), 0o600)) }},
		{"read by the group", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, make([]byte, 32), 0o600))
			require.NoError(t, os.Chmod(path, 0o640))
		}},
		{"read by all", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, make([]byte, 32), 0o600))
			require.NoError(t, os.Chmod(path, 0o604))
		}},
		{"a folder", func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }},
		{"a link", func(t *testing.T, path string) {
			target := filepath.Join(t.TempDir(), "key")
			require.NoError(t, os.WriteFile(target, make([]byte, 32), 0o600))
			require.NoError(t, os.Symlink(target, path))
		}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			dir := t.TempDir()
			c.prepare(t, filepath.Join(dir, SealKeyFile))
			before, err := os.Lstat(filepath.Join(dir, SealKeyFile))
			require.NoError(t, err)
			_, err = OpenSealKey(dir)
			require.ErrorIs(t, err, ErrSealKey)
			after, err := os.Lstat(filepath.Join(dir, SealKeyFile))
			require.NoError(t, err)
			require.Equal(t, before.ModTime(), after.ModTime(), "left as it was")
		})
	}
}

func TestSealKeySurvivesACrashWhileItIsMade(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, SealKeyFile+temporarySuffix), []byte("half"), 0o644))
	_, err := OpenSealKey(dir)
	require.NoError(t, err)
	_, err = OpenOutbox(dir)
	require.NoError(t, err)
	_, err = os.Stat(filepath.Join(dir, SealKeyFile))
	require.NoError(t, err, "the outbox leaves the key alone")
}

// The salt is fixed: a node that is upgraded in the middle of a round has to open what it committed to.
func TestSaltIsFixed(t *testing.T) {
	key := SealKey(bytes.Repeat([]byte{7}, 32))
	salt := key.Salt(digest(1), 2, self)
	require.Len(t, salt, verificationtypes.SaltSize)
	require.Equal(t, goldenSalt, hex.EncodeToString(salt))
	for reason, other := range map[string][]byte{
		"key":      SealKey{7}.Salt(digest(1), 2, self),
		"digest":   key.Salt(digest(2), 2, self),
		"attempt":  key.Salt(digest(1), 3, self),
		"operator": key.Salt(digest(1), 2, operators[0]),
	} {
		require.NotEqual(t, salt, other, reason)
	}
}

const goldenSalt = "aca4142961bc96f8e8e6b9f6ce5806b93b18f3e79c7ccc2147170f471880d317"

// seal makes a duty sealed, and committing.
func seal(d *Duty) {
	d.Round.Sealed, d.Round.Phase, d.Round.TimerHeight = true, verificationtypes.PHASE_COMMITTING, d.Round.OpenedHeight+4
}

// commit places a commitment of the node in the round.
func commit(commitment []byte) func(*Duty) {
	return func(d *Duty) { d.Round.Votes[d.Snapshot.Position(self)].Commitment = commitment }
}

// reveal ends the commitments.
func reveal(d *Duty) { d.Round.Phase = verificationtypes.PHASE_OPEN }

// opens tells whether what is said is the reveal of a commitment.
func opens(t require.TestingT, commitment []byte, it voteext.Item) bool {
	return it.Attest && it.Commitment == nil && len(it.Salt) == verificationtypes.SaltSize && bytes.Equal(commitment, sealOf(t, it))
}

func sealOf(_ require.TestingT, it voteext.Item) []byte {
	sum := verificationtypes.NewCommitment(digest(it.RequestID), it.Attempt, self, it.Salt, it.Outcome)
	return sum[:]
}

func TestSealedOutcomeIsCommittedThenRevealed(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1, seal, func(d *Duty) { d.Round.Leader = self })
	b.block()
	said, ok := b.say(key)
	require.True(t, ok)
	require.Len(t, said.Commitment, verificationtypes.CommitmentSize)
	require.False(t, said.Attest)
	require.Empty(t, said.Output, "bytes would tell the outcome")
	require.Empty(t, said.Contested)
	require.Equal(t, int64(104), said.Deadline, "the timer of the round")

	b.chain.change(key, commit(said.Commitment))
	b.block()
	_, ok = b.say(key)
	require.False(t, ok, "committed, and the round does not reveal yet")

	b.chain.change(key, reveal)
	b.block()
	got, ok := b.say(key)
	require.True(t, ok)
	require.True(t, opens(t, said.Commitment, got))
	_, output := result(t)
	require.Equal(t, output, got.Output, "the leader publishes with its reveal")

	outcome, _ := result(t)
	b.chain.change(key, func(d *Duty) { record(d, self, outcome); d.Round.Candidates[0].Publisher = self })
	b.block()
	_, ok = b.say(key)
	require.False(t, ok)
	_, infers := b.engine.counts()
	require.Equal(t, 1, infers)
}

func TestCommitmentIsOfferedUntilCommittedStateHasIt(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1, seal)
	b.block()
	first, _ := b.say(key)
	for range 6 {
		b.block()
		got, ok := b.say(key)
		require.True(t, ok)
		require.Equal(t, first.Commitment, got.Commitment)
		require.Greater(t, got.Deadline, b.height+1, "the next two votes can carry it")
	}
}

func TestRestartKeepsTheCommitment(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1, seal)
	b.block()
	said, _ := b.say(key)
	b.restart()
	b.block()
	again, ok := b.say(key)
	require.True(t, ok)
	require.Equal(t, said.Commitment, again.Commitment)

	b.chain.change(key, commit(said.Commitment))
	b.restart()
	b.chain.change(key, reveal)
	b.block()
	got, ok := b.say(key)
	require.True(t, ok)
	require.True(t, opens(t, said.Commitment, got))
	_, infers := b.engine.counts()
	require.Equal(t, 1, infers, "the outcome was in the outbox")
	require.Zero(t, b.counter.of(EventStranded))
}

// A node that lost its outbox, but not its key, computes the outcome again and opens what it committed to.
func TestLostOutboxIsComputedAgain(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1, seal)
	b.block()
	said, _ := b.say(key)
	b.chain.change(key, commit(said.Commitment), reveal)
	require.NoError(t, os.Remove(filepath.Join(b.dir, recordName(key))))
	b.restart()
	b.block()
	got, ok := b.say(key)
	require.True(t, ok)
	require.True(t, opens(t, said.Commitment, got))
	_, infers := b.engine.counts()
	require.Equal(t, 2, infers)
}

func TestNothingIsSaidOfAnotherCommitment(t *testing.T) {
	phases := map[string]func(*Duty){
		"committing":  func(*Duty) {},
		"open":        reveal,
		"arbitrating": func(d *Duty) { d.Round.Phase = verificationtypes.PHASE_ARBITRATING },
		"settling":    func(d *Duty) { d.Round.Phase = verificationtypes.PHASE_SETTLING },
	}
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			key := b.chain.open(1, seal, func(d *Duty) { d.Round.Leader = self })
			b.block()
			said, _ := b.say(key)
			b.chain.change(key, commit(said.Commitment), phase)
			b.sealKey = SealKey{2}
			b.restart()
			b.block()
			b.block()
			_, ok := b.say(key)
			require.False(t, ok)
			require.Equal(t, 1, b.counter.of(EventStranded), "reported once")
			_, held := b.opts.Outbox.Get(key)
			require.True(t, held)
		})
	}
}

func TestWithoutACommitmentThereIsNothingToDoOnceTheRoundReveals(t *testing.T) {
	b := newBench(t)
	stored := b.chain.open(1, seal)
	b.block()
	b.chain.change(stored, reveal)
	fresh := b.chain.open(2, seal, reveal)
	b.block()
	require.Empty(t, b.items())
	_, infers := b.engine.counts()
	require.Equal(t, 1, infers, "request 2 is not run")
	_, held := b.opts.Outbox.Get(fresh)
	require.False(t, held)
	require.Zero(t, b.counter.of(EventStranded))
}

func TestSealedFailureIsCommittedAndRevealed(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1, seal, func(d *Duty) { d.Round.MaxOutputBytes = 1 })
	b.block()
	said, ok := b.say(key)
	require.True(t, ok)
	b.chain.change(key, commit(said.Commitment), reveal)
	b.block()
	got, ok := b.say(key)
	require.True(t, ok)
	require.True(t, got.Outcome.Failed())
	require.True(t, opens(t, said.Commitment, got))
}
