package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/localnet"
)

// warmUp is the time a load runs before it is measured, drain the longest time until nothing is under way after it.
const (
	warmUp = 6 * time.Second
	drain  = 3 * time.Minute
)

const (
	// singles and batches are the numbers of transactions with one and with perBatch inferences that are under way: three
	// blocks' worth, as a request is final two blocks after its own.
	singles, batches = 192, 12
	perBatch         = 16
)

// result is one run.
type result struct {
	perSecond, interval float64
	units               int
}

// throughput runs the loads in turn on one network and writes a table and a profile.
func throughput(ctx context.Context, s settings) (err error) {
	b, closeAll, err := open(ctx, localnet.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	signers, err := b.fund(ctx)
	if err != nil {
		return err
	}
	loads := []load{sends(b.Signer.Address), b.inferences(1, singles), b.inferences(perBatch, batches)}
	results := make([][]result, len(loads))
	var top string
	for run := range s.runs {
		for i, l := range loads {
			last := run == s.runs-1 && i == len(loads)-1
			profiled := make(chan profile, 1)
			if last {
				go func() { profiled <- takeProfile(ctx, warmUp, s.duration) }()
			}
			r, err := b.run(ctx, signers, l, s.duration)
			if err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
			fmt.Printf("%s, run %d: %.1f/s, block interval %.2f s\n", l.name, run+1, r.perSecond, r.interval)
			results[i] = append(results[i], r)
			if last {
				p := <-profiled
				if p.err != nil {
					return p.err
				}
				top = p.top
			}
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "\n| Load | per second: median | runs | block interval, s |\n|---|---|---|---|\n")
	for i, l := range loads {
		var rates, intervals []float64
		var runs []string
		for _, r := range results[i] {
			rates, intervals = append(rates, r.perSecond), append(intervals, r.interval)
			runs = append(runs, fmt.Sprintf("%.1f", r.perSecond))
		}
		fmt.Fprintf(&text, "| %s | %.1f | %s | %.2f |\n", l.name, median(rates), strings.Join(runs, ", "), median(intervals))
	}
	fmt.Fprintf(&text, "\nCPU profile of one of the four nodes under the last load:\n\n```\n%s```\n", top)
	fmt.Print(text.String())
	return insert(s.doc, "throughput", text.String())
}

// run puts one load on the network and measures it; every inference that is counted is checked.
func (b *bench) run(ctx context.Context, signers []*chainclient.Signer, l load, duration time.Duration) (result, error) {
	w := newWatcher(b.Client, l)
	start, err := b.Client.Height(ctx)
	if err != nil {
		return result{}, err
	}
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	watched := make(chan error, 1)
	go func() { watched <- w.follow(watching, start+1) }()

	sending, stopSending := context.WithTimeout(ctx, warmUp+duration)
	defer stopSending()
	from := time.Now().Add(warmUp)
	to := from.Add(duration)
	if err := generate(sending, b, signers, l, w); err != nil {
		return result{}, err
	}
	draining, stopDraining := context.WithTimeout(ctx, drain)
	defer stopDraining()
	err = chainclient.Until(draining, "the end of the load", func() (bool, error) {
		select {
		case err := <-watched:
			return false, fmt.Errorf("the watcher ended: %w", errors.Join(err, context.Canceled))
		default:
			return w.idle(), nil
		}
	})
	if err != nil {
		return result{}, fmt.Errorf("%w: %s", err, w.underWay())
	}
	stopWatching()
	if err := <-watched; err != nil {
		return result{}, err
	}
	if w.failed > 0 {
		return result{}, fmt.Errorf("%d transactions or requests failed, the first because: %s", w.failed, w.reason)
	}
	if err := b.checkAll(ctx, w); err != nil {
		return result{}, err
	}
	return rate(w.blocks, from, to)
}

// rate counts what the blocks between two times brought to its end. The first of them only starts the clock.
func rate(blocks []blockCount, from, to time.Time) (result, error) {
	inside := slices.DeleteFunc(slices.Clone(blocks), func(b blockCount) bool { return b.time.Before(from) || b.time.After(to) })
	if len(inside) < 3 {
		return result{}, fmt.Errorf("expected at least 3 blocks in the measured time, got %d", len(inside))
	}
	seconds := inside[len(inside)-1].time.Sub(inside[0].time).Seconds()
	r := result{interval: seconds / float64(len(inside)-1)}
	for _, b := range inside[1:] {
		r.units += b.units
	}
	r.perSecond = float64(r.units) / seconds
	return r, nil
}

// checkAll reads the result of every inference: its label and probabilities must be those of the local network, its
// bytes must have the root that the result names, and one flower must always have one root.
func (b *bench) checkAll(ctx context.Context, w *watcher) error {
	roots := make(map[int][]byte)
	for id, number := range w.row {
		row := number % len(b.rows)
		answer, err := b.Answer(ctx, id)
		if err != nil {
			return err
		}
		if err := irisclient.CheckPrediction(b.local.Predict(b.rows[row].Features), answer.Prediction); err != nil {
			return fmt.Errorf("request %d: %w", id, err)
		}
		if root, ok := roots[row]; ok && !bytes.Equal(root, answer.Root) {
			return fmt.Errorf("request %d: expected root %x, got %x", id, root, answer.Root)
		}
		roots[row] = answer.Root
	}
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}
