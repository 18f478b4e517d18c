package jobs

import (
	"strings"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/store"
)

const (
	pruneInterval = time.Minute
	// pruneJobs bounds the jobs that are dropped in one transaction: others wait for it.
	pruneJobs = 200
)

// pruneEvery drops old jobs from time to time.
func (e *Engine) pruneEvery() {
	ticker := time.NewTicker(pruneInterval)
	defer ticker.Stop()
	for {
		for {
			n, err := e.book.prune(e.book.now().Add(-e.cfg.Retention))
			if err != nil {
				e.cfg.Log.Error("old jobs not dropped", "error", err)
			}
			if err != nil || n < pruneJobs || e.stopping() {
				break
			}
		}
		select {
		case <-e.ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// prune drops at most pruneJobs jobs that ended before a time, with all that belongs to them but the balances. It returns
// how many it has seen.
func (b *Book) prune(before time.Time) (int, error) {
	var ends []string
	limit := endKey(before, "")
	err := b.db.View(func(tx *store.Tx) error {
		return tx.Scan(endPrefix, "", func(key string, _ []byte) bool {
			if key >= limit {
				return false
			}
			ends = append(ends, key)
			return len(ends) < pruneJobs
		})
	})
	if err != nil || len(ends) == 0 {
		return 0, err
	}
	err = b.db.Do(func(tx *store.Tx) error {
		for _, end := range ends {
			id := end[strings.LastIndexByte(end, '/')+1:]
			j, found, err := get[Job](tx, jobPrefix+id)
			if err != nil {
				return err
			}
			tx.Delete(end)
			if !found {
				continue
			}
			if j.Idempotency != "" {
				record, found, err := get[idemRecord](tx, j.Idempotency)
				if err != nil {
					return err
				}
				if found && record.Job == id {
					tx.Delete(j.Idempotency)
				}
			}
			for _, prefix := range []string{jobPrefix, inPrefix, outPrefix} {
				tx.Delete(prefix + id)
			}
		}
		return nil
	})
	return len(ends), err
}
