package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/note"
)

// log is the state of checking one log.
type log struct {
	n         int
	vkey      string        // as the bundle states it; empty if it cannot be read
	key       note.Verifier // what signatures are checked with; nil if there is none
	origin    string
	trusted   bool  // its key was given, or an earlier one
	witnessed int64 // entries that the quorum of the policy cosigned
	demo      bool
	turns     []turn // of its keys, ascending
	// continues is the origin of the log that this one continues, if it does.
	continues string

	checkpoint canon.Checkpoint
	first      int // of its items in the report
	tree       canon.Tree
	last       time.Time // recorded of the entry before

	keyHolds, checkpointHolds, entriesHold bool
}

// holds reports whether the log itself is proved, whatever its openings say.
func (l *log) holds() bool { return l.keyHolds && l.checkpointHolds && l.entriesHold }

// object names a file of the log.
func (l *log) object(rest string) string { return logName(l.n, rest) }

// place names an entry by where it is.
func (l *log) place(index int64) string {
	if l.n > 0 {
		return fmt.Sprintf("log%d/entry/%d", l.n, index)
	}
	return "entry/" + strconv.FormatInt(index, 10)
}

// loadLogs reads keys and checkpoints of all logs.
func (v *verification) loadLogs() {
	for n := range MaxLogs {
		prefix := logName(n, "")
		if !slices.ContainsFunc(v.files, func(f file) bool { return strings.HasPrefix(f.name, prefix) }) {
			continue
		}
		if n != len(v.logs) {
			v.problem(prefix, "logs are numbered from 0 without gaps")
			return
		}
		l := &log{n: n}
		v.logs = append(v.logs, l)
		v.loadKey(l)
		v.loadCheckpoint(l)
	}
	v.report.Counts.Logs = len(v.logs)
	for i, l := range v.logs {
		if slices.ContainsFunc(v.logs[:i], func(o *log) bool { return o.origin == l.origin }) {
			v.problem(l.object("key"), "a log occurs once; %s is here twice", l.origin)
		}
	}
}

func (v *verification) loadKey(l *log) {
	name := l.object("key")
	b := v.content(name)
	vkey, ended := strings.CutSuffix(string(b), "\n")
	origin, _, err := canon.ParseVKey(vkey)
	if v.byName[name] == nil {
		v.missing(name)
	} else if err != nil || !ended {
		v.problem(name, "not one log key and a line end")
	} else {
		l.vkey, l.origin = vkey, origin
	}
	l.keyHolds = l.vkey != ""
	if l.n == 0 {
		v.report.Counts.VKey = l.vkey
	}
	use := l.vkey
	if use == "" && l.n == 0 {
		// The key inside is damaged. One that was given for this log still tells
		// whether anything else is.
		for k := range v.keys {
			if origin, _, _ := canon.ParseVKey(k); origin == v.manifest.origin {
				use = k
			}
		}
	}
	if use != "" {
		l.key, err = canon.NewVerifier(use)
		if err != nil {
			v.problem(name, "%v", err)
		} else {
			l.origin = l.key.Name()
		}
	}
}

func (v *verification) wrongKey(l *log) {
	l.keyHolds = false
	if l.vkey == "" {
		return
	}
	which := "the key you gave"
	if len(v.keys) > 1 {
		which = "any key you gave"
	}
	v.problem(l.object("key"), "signed by %s, not by %s", l.vkey, which)
}

// missing says that a file is missing, unless names has.
func (v *verification) missing(name string) {
	if !slices.ContainsFunc(v.report.Problems, func(p Problem) bool { return p.Object == name }) {
		v.problem(name, "missing")
	}
}

func (v *verification) loadCheckpoint(l *log) {
	name := l.object("checkpoint")
	if v.byName[name] == nil {
		v.missing(name)
		return
	}
	b := v.content(name)
	if l.key == nil {
		return // the key's problem is said; without it nothing holds
	}
	text, err := canon.OpenNote(b, l.key)
	if err != nil {
		v.problem(name, "%v", err)
		return
	}
	c, err := canon.ParseCheckpoint(text)
	if err != nil {
		v.problem(name, "%v", err)
		return
	}
	if c.Origin != l.origin {
		v.problem(name, "of the log %s, and signed by %s", c.Origin, l.origin)
		return
	}
	l.checkpoint, l.checkpointHolds = c, true
	if l.n == 0 {
		v.report.Origin, v.report.Size, v.report.Root = c.Origin, c.Size, c.Root.String()
	}
}

// readLog reads all entries of a log and its openings, 256 at a time.
func (v *verification) readLog(l *log) {
	l.first = len(v.report.Items)
	l.entriesHold = true
	prefix := l.object("entries/")
	var names []string
	for i := range v.files {
		if strings.HasPrefix(v.files[i].name, prefix) && known(v.files[i].name) {
			names = append(names, v.files[i].name)
		}
	}
	for k, name := range names {
		if want := entriesName(l.n, int64(k)); name != want {
			v.problem(want, "missing: files of entries are numbered without gaps")
			l.entriesHold = false
			names = names[:k]
			break
		}
	}
	v.report.Items = slices.Grow(v.report.Items, int(min(l.checkpoint.Size, int64(len(names))*perFile, MaxEntries)))
	for k, name := range names {
		last := k == len(names)-1
		leaves := v.readEntries(l, name, last)
		v.readOpenings(l, int64(k), leaves)
		if len(leaves) < perFile && !last {
			break // from here on no entry is where it says
		}
	}
	v.strayOpenings(l, int64(len(names)))
	v.report.Counts.Entries += int(l.tree.Size())
	if c := l.checkpoint; l.checkpointHolds && (l.tree.Size() != c.Size || l.tree.Root() != c.Root) {
		v.problem(l.object("checkpoint"), "signed for %d entries with root %v; here are %d with root %v",
			c.Size, c.Root, l.tree.Size(), l.tree.Root())
		l.entriesHold = false
	}
	v.compareKey(l)
}

// readEntries reads one file of entries. A leaf that is none is zero.
func (v *verification) readEntries(l *log, name string, last bool) []entry {
	b := v.entries(v.byName[name])
	if n := bytes.Count(b, []byte("\n")); n > perFile || n == 0 || !last && n < perFile || !bytes.HasSuffix(b, []byte("\n")) {
		v.problem(name, "%d ended lines; each file of entries but the last holds %d, and none is empty", n, perFile)
		l.entriesHold = false
	} else if len(v.report.Items)+n > MaxEntries {
		v.problem(name, "more than %d entries, which no version 1 bundle has", MaxEntries)
		l.entriesHold = false
		return nil
	}
	v.passed(int64(len(b)))
	leaves := v.batch[:0]
	for line := range bytes.Lines(b) {
		if len(leaves) == perFile {
			break
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		index := l.tree.Size()
		l.tree.Add(line)
		leaves = append(leaves, entry{Leaf: canon.Leaf{Log: l.origin}})
		leaf := &leaves[len(leaves)-1]
		err := canon.ScanLeaf(line, &leaf.Leaf, &leaf.commits)
		if err == nil {
			err = l.follows(leaf.Leaf, index)
		}
		if err != nil {
			v.problem(name, "line %d (%s): %v", len(leaves), l.place(index), err)
			l.entriesHold = false
		}
		v.addItem(l, leaf, index, err == nil)
	}
	v.batch = leaves
	return leaves
}

// entry is a leaf whose commitments nobody has looked at yet.
type entry struct {
	canon.Leaf
	commits canon.Commits
}

// follows checks a leaf against those before it.
func (l *log) follows(leaf canon.Leaf, index int64) error {
	if leaf.Index != index {
		return fmt.Errorf("says that it is entry %d", leaf.Index)
	}
	if index == 0 && l.key == nil {
		l.origin = leaf.Log // the key is damaged, which is said already
	}
	if leaf.Log != l.origin {
		return fmt.Errorf("is of the log %s", leaf.Log)
	}
	if leaf.Recorded.Before(l.last) {
		return fmt.Errorf("recorded %s, before the entry before it", canon.FormatTime(leaf.Recorded))
	}
	l.last = leaf.Recorded
	if index == 0 {
		l.demo = leaf.Demo
	} else if leaf.Key != nil && !l.mayTurn(leaf) {
		return errors.New("changes the key, and the key before has not signed that")
	}
	return nil
}

// addItem adds an entry to the report and marks those it replaces or erases.
func (v *verification) addItem(l *log, leaf *entry, index int64, ok bool) {
	r := v.report
	i := Item{ID: l.place(index), Log: l.n, Index: index, Bracket: Bracket{By: logClock}}
	if index > 0 {
		i.Bracket.After = r.Items[len(r.Items)-1].Recorded
	}
	if !ok {
		r.Items = append(r.Items, i)
		return
	}
	i.Kind, i.Recorded, i.hidden = leaf.Kind, canon.FormatTime(leaf.Recorded), leaf.commits.Len() > 0
	r.Items = append(r.Items, i)
	items := r.Items[l.first:]
	for _, n := range leaf.Supersedes {
		if items[n].superseded == 0 {
			items[n].superseded = index
		}
	}
	for _, n := range leaf.Erases {
		if items[n].erased == 0 {
			items[n].erased, items[n].eraser = index, l.n
		}
	}
	if leaf.Answers != nil {
		v.addAnswer(l, index, leaf.Leaf)
	}
}
