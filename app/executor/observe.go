package executor

import (
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/app/voteext"
)

// observe reads committed state. When it cannot be read, what was known stays.
func (l *loop) observe() {
	if l.opts.Syncing() {
		return
	}
	err := l.read()
	l.stale = err != nil && !errors.Is(err, ErrNoBlock)
	if err != nil && !l.stale {
		return
	}
	if l.stale {
		l.arm(l.opts.Clock.Now(), firstRetry)
		l.opts.Metrics.Count(EventStateError)
		l.opts.Logger.Error("committed state cannot be read; what was known stays", "error", err)
		return
	}
	if l.operator != "" {
		l.clean()
		l.compare()
		l.measure()
	}
}

func (l *loop) read() (err error) {
	defer func() {
		// A version of the state can be pruned while it is read.
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	view, err := l.opts.Committed.View()
	if err != nil {
		return err
	}
	operator := l.opts.Operator
	if operator == "" {
		var ok bool
		if operator, ok, err = view.Operator(l.opts.Consensus); err != nil {
			return fmt.Errorf("operator of the consensus key: %w", err)
		} else if !ok {
			l.operator, l.height, l.hasNode, l.duties = "", view.Height(), false, nil
			return nil
		}
	}
	node, hasNode, err := view.Node(operator)
	if err != nil {
		return fmt.Errorf("node of %s: %w", operator, err)
	}
	models, err := view.NodeModels(operator)
	if err != nil {
		return fmt.Errorf("models of the node of %s: %w", operator, err)
	}
	list, err := view.Duties(operator)
	if err != nil {
		return fmt.Errorf("duties of %s: %w", operator, err)
	}
	contradictions, err := l.admissions.read(view, operator)
	for _, c := range contradictions {
		l.opts.Metrics.Count(EventContradicted)
		l.opts.Logger.Error("a model gave another root than before in the same environment class", "error", c)
	}
	if err != nil {
		return fmt.Errorf("models of the chain: %w", err)
	}
	l.fetching.prune(l.admissions.models)
	if len(l.admissions.provers) > 0 {
		l.shelf.arrange(l.admissions.models, l.admissions.provers[0].proven)
	}
	duties := make(map[voteext.Key]Duty, len(list))
	for _, d := range list {
		duties[d.Key()] = d
	}
	l.operator, l.height, l.node, l.hasNode, l.models, l.duties = operator, view.Height(), node, hasNode, models, duties
	return nil
}

// clean drops the entries that committed state has no more use for.
func (l *loop) clean() {
	for _, key := range l.opts.Outbox.Keys() {
		entry, ok := l.opts.Outbox.Get(key)
		if !ok {
			continue
		}
		d, open := l.duties[key]
		switch {
		case open && belongs(entry, d):
			l.sighted[key] = struct{}{}
			continue
		case open:
			l.opts.Metrics.Count(EventForeignEntry)
			l.opts.Logger.Error("an outbox entry was made for another request; dropped",
				"attempt", key.String(), "expected", fmt.Sprintf("%x", d.Digest), "got", fmt.Sprintf("%x", entry.Digest))
		default:
			if _, seen := l.sighted[key]; !seen && l.height <= entry.Deadline {
				continue
			}
		}
		if err := l.opts.Outbox.Drop(key); err != nil {
			l.opts.Metrics.Count(EventStoreError)
			l.opts.Logger.Error("an outbox entry cannot be dropped", "error", err)
			continue
		}
		delete(l.sighted, key)
		l.opts.Metrics.Count(EventDropped)
	}
	for key := range l.retries {
		if _, open := l.duties[key]; !open {
			delete(l.retries, key)
		}
	}
}

// compare reports once every attempt for which committed state holds another
// outcome of this node than the outbox, or a commitment that it cannot open.
func (l *loop) compare() {
	for key := range l.reported {
		if _, open := l.duties[key]; !open {
			delete(l.reported, key)
		}
	}
	for key, d := range l.duties {
		if _, known := l.reported[key]; known {
			continue
		}
		switch s := l.judge(d); {
		case s.contradicted:
			l.opts.Metrics.Count(EventContradicted)
			l.opts.Logger.Error("committed state holds another outcome of this node than its outbox", "attempt", key.String())
		case s.stranded:
			l.opts.Metrics.Count(EventStranded)
			l.opts.Logger.Error("committed state holds a commitment of this node that was made with another seal key or for "+
				"another outcome: it cannot be opened, and the node is silent in the round", "attempt", key.String())
		default:
			continue
		}
		l.reported[key] = struct{}{}
	}
}
