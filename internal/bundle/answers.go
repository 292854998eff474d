package bundle

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/tlog"
)

// An answer is what one log has seen of another that is in the bundle too.
type answer struct {
	from  *log
	index int64
	to    *log
	size  int64
	root  tlog.Hash
}

// logOf finds a log by its origin.
func (v *verification) logOf(origin string) *log {
	at := slices.IndexFunc(v.logs, func(o *log) bool { return o.origin == origin })
	if at < 0 {
		return nil
	}
	return v.logs[at]
}

func (v *verification) addAnswer(l *log, index int64, leaf canon.Leaf) {
	a := leaf.Answers
	to := v.logOf(a.Log)
	if to == nil {
		return // its form is checked; there is nothing to check it against
	}
	// The form of the note is part of the leaf's.
	text, _, err := canon.PeekNote(a.Note)
	var c canon.Checkpoint
	if err == nil {
		c, err = canon.ParseCheckpoint(text)
	}
	if err == nil {
		if k := to.verifierAt(c.Size); k == nil {
			err = errors.New("the entry with the key that should have signed it cannot be read")
		} else {
			_, err = canon.OpenNote(a.Note, k)
		}
	}
	if err != nil {
		v.spoil(l, index, "the checkpoint it answers: %v", err)
		return
	}
	v.answers = append(v.answers, answer{l, index, to, c.Size, c.Root})
	if leaf.Kind == canon.KindErasure {
		v.addRemote(l, index, to, a.Index)
	}
}

// spoil says that an entry does not hold.
func (v *verification) spoil(l *log, index int64, format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	i := &v.report.Items[l.first+int(index)]
	i.bad, i.astray = cmp.Or(i.bad, why), true
	v.problem(l.place(index), "%s", why)
}

// addRemote notes the erasure of an entry of a log that this one continues.
func (v *verification) addRemote(l *log, index int64, to *log, erased int64) {
	switch reached, left := v.continued(l, to); {
	case reached:
		v.remote = append(v.remote, remoteErasure{l, index, to, erased})
	case !left:
		v.spoil(l, index, "erases an entry of %s, which this log does not continue", to.origin)
	}
}

// remoteErasure is an erasure of an entry of an older log.
type remoteErasure struct {
	from   *log
	index  int64
	to     *log
	erased int64
}

// continued follows the way from a log to the one it continues, and on. left
// says that the way leads out of the bundle.
func (v *verification) continued(l, to *log) (reached, left bool) {
	for range v.logs {
		if l.continues == "" {
			return false, false
		}
		if l = v.logOf(l.continues); l == nil {
			return false, true
		}
		if l == to {
			return true, false
		}
	}
	return false, false // round in a circle
}

// settleErasures marks what logs erased in those that they continue, once all
// are read.
func (v *verification) settleErasures() {
	for _, e := range v.remote {
		if e.from.first+int(e.index) >= len(v.report.Items) || v.report.Items[e.from.first+int(e.index)].astray || e.erased >= e.to.tree.Size() {
			continue // what it answers is not that log's history, which is said
		}
		if i := &v.report.Items[e.to.first+int(e.erased)]; i.erased == 0 {
			i.erased, i.eraser = e.index, e.from.n
		}
	}
}

// roots computes the roots that a log had at given sizes, reading it once more.
// Sizes that it did not reach are left out.
func (v *verification) roots(l *log, sizes map[int64]bool) map[int64]tlog.Hash {
	out := make(map[int64]tlog.Hash, len(sizes))
	var tree canon.Tree
	for k := int64(0); len(out) < len(sizes); k++ {
		name := entriesName(l.n, k)
		if v.byName[name] == nil {
			break
		}
		for line := range bytes.Lines(v.content(name)) {
			tree.Add(bytes.TrimSuffix(line, []byte("\n")))
			if sizes[tree.Size()] {
				out[tree.Size()] = tree.Root()
			}
		}
	}
	return out
}

// checkAnswers compares each checkpoint that an entry answers with what the
// other log was at that size.
func (v *verification) checkAnswers() {
	for _, l := range v.logs {
		sizes := map[int64]bool{}
		for _, a := range v.answers {
			if a.to == l {
				sizes[a.size] = true
			}
		}
		if len(sizes) == 0 {
			continue
		}
		roots := v.roots(l, sizes)
		for _, a := range v.answers {
			if a.to != l {
				continue
			}
			switch root, ok := roots[a.size]; {
			case !ok:
				v.spoil(a.from, a.index, "answers a checkpoint of %s with %d entries; only %d are here", l.origin, a.size, l.tree.Size())
			case root != a.root:
				v.spoil(a.from, a.index, "answers a checkpoint of %s that is not that log's history", l.origin)
			}
		}
	}
}
