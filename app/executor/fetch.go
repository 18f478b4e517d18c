package executor

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// maxFetches bounds the files that are got at a time: a slow source holds up no other model.
	maxFetches = 4
	// maxFetchTime bounds getting one file. What was got until then is not lost.
	maxFetchTime = time.Hour
)

// fetching is what the node knows of the files of models by reference. It belongs to the loop.
type fetching struct {
	// here are the files that were on this machine when last heard of.
	here    map[ModelID]struct{}
	active  map[ModelID]struct{}
	retries map[ModelID]retry
	results chan fetchResult
}

type fetchResult struct {
	id  ModelID
	err error
}

func newFetching() *fetching {
	return &fetching{
		here:    make(map[ModelID]struct{}),
		active:  make(map[ModelID]struct{}),
		retries: make(map[ModelID]retry),
		results: make(chan fetchResult, maxFetches),
	}
}

func (f *fetching) has(id ModelID) bool {
	_, ok := f.here[id]
	return ok
}

// lost notes that a file is not here any more.
func (f *fetching) lost(id ModelID) { delete(f.here, id) }

// startFetches begins to get the files that are wanted, the most wanted first.
func (l *loop) startFetches() {
	f := l.fetching
	if len(f.active) == maxFetches || l.operator == "" {
		return
	}
	now := l.opts.Clock.Now()
	for _, m := range l.filesWanted(now) {
		l.beginFetch(m)
		if len(f.active) == maxFetches {
			return
		}
	}
}

// filesWanted are the models by reference whose files are to be fetched now: those that requests wait for, those that are to
// be tried, and those that the serving engine is to hold. One that is on its way, or is to wait after a failure, takes no
// place of another.
func (l *loop) filesWanted(now time.Time) []listed {
	var wanted []listed
	seen := make(map[ModelID]struct{})
	add := func(m listed, engine EngineStatus) {
		if _, again := seen[m.id]; again || !m.IsReference() || l.fetching.has(m.id) || !m.fits(engine) {
			return
		}
		if _, active := l.fetching.active[m.id]; active || l.fetching.retries[m.id].notBefore.After(now) {
			return
		}
		seen[m.id] = struct{}{}
		wanted = append(wanted, m)
	}
	serving := l.opts.Engine.Status()
	for _, id := range l.demand() {
		if m, ok := l.admissions.models[id]; ok {
			add(m, serving)
		}
	}
	for _, p := range l.admissions.provers {
		if p.index == 0 {
			continue
		}
		engine := p.Engine.Status()
		for _, m := range p.pending {
			if len(wanted) >= 4*maxFetches {
				return wanted
			}
			if !p.settled(m.id) {
				add(m, engine)
			}
		}
	}
	for _, m := range l.shelf.order {
		if len(wanted) >= 4*maxFetches {
			break
		}
		if l.shelf.fits(m) {
			add(m, serving)
		}
	}
	return wanted
}

// beginFetch gets a file in a goroutine of its own.
func (l *loop) beginFetch(m listed) {
	l.fetching.active[m.id] = struct{}{}
	ctx, cancel := context.WithTimeout(l.ctx, maxFetchTime)
	files, results := l.opts.Files, l.fetching.results
	l.background.Add(1)
	go func() {
		defer l.background.Done()
		defer cancel()
		results <- fetchResult{m.id, fetch(ctx, files, m)}
	}()
}

// fetch gets a file onto this machine. It does not panic.
func fetch(ctx context.Context, files Files, m listed) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	file, err := files.Fetch(ctx, m.reference())
	if err != nil {
		return err
	}
	return file.Close()
}

// finishFetch takes the result of a fetch.
func (l *loop) finishFetch(r fetchResult) {
	f := l.fetching
	delete(f.active, r.id)
	if r.err == nil {
		delete(f.retries, r.id)
		f.here[r.id] = struct{}{}
		l.opts.Metrics.Count(EventFetched)
		return
	}
	if errors.Is(r.err, context.Canceled) {
		return // the node stops
	}
	failures := f.retries[r.id].failures + 1
	delay := trialDelay(failures)
	f.retries[r.id] = retry{failures: failures, notBefore: l.opts.Clock.Now().Add(delay)}
	l.opts.Metrics.Count(EventFetchError)
	l.opts.Logger.Error("the file of a model cannot be had; it is tried again",
		"model", r.id.String(), "failures", failures, "delay", delay.String(), "error", r.err)
}

// prune forgets the files of models that are not followed any more.
func (f *fetching) prune(models map[ModelID]listed) {
	for id := range f.here {
		if _, ok := models[id]; !ok {
			delete(f.here, id)
		}
	}
	for id := range f.retries {
		if _, ok := models[id]; !ok {
			delete(f.retries, id)
		}
	}
}
