package sim

import (
	"container/heap"

	"github.com/opengradient/opengradient/internal/queue"
)

// waiting is the queue: a heap by place, and what waits together.
type waiting struct {
	places places
	load   queue.Load
	heads  queue.HeadStarts
}

type place struct {
	key  queue.Key
	task *task
}

type places []place

func (p places) Len() int           { return len(p) }
func (p places) Less(i, j int) bool { return p[i].key.Compare(p[j].key) < 0 }
func (p places) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *places) Push(x any)        { *p = append(*p, x.(place)) }
func (p *places) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	*p = (*p)[:last]
	return x
}

// push puts a task in its place.
func (w *waiting) push(t *task) {
	heap.Push(&w.places, place{key: t.key(w.heads), task: t})
	w.load = w.load.With(t.need)
}

// pop takes up to so many tasks from the head. One whose time was over while it waited is not there any more.
func (w *waiting) pop(most int) []*task {
	var head []*task
	for len(head) < most && len(w.places) > 0 {
		t := heap.Pop(&w.places).(place).task
		if t.ended {
			continue
		}
		w.load = w.load.Without(t.need)
		head = append(head, t)
	}
	return head
}

// take takes a task that waits out of its place.
func (w *waiting) take(t *task) {
	for i := range w.places {
		if w.places[i].task == t {
			heap.Remove(&w.places, i)
			w.load = w.load.Without(t.need)
			return
		}
	}
}

// drop takes a task that ends out of what waits.
func (w *waiting) drop(t *task) { w.load = w.load.Without(t.need) }
