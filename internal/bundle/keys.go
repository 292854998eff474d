package bundle

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/note"
)

// A turn is an entry that puts a key in force: the first, and each that changes
// it.
type turn struct {
	index int64
	key   ed25519.PublicKey
	vkey  string
}

// keyMark stands in every leaf that has a key and in no other: a leaf has no
// escapes, so no text in it holds a quotation mark.
var keyMark = []byte(`"key":"`)

// noteKeys looks for keys in a file of entries, before entries are checked:
// what one log says of another is checked with the key in force there, and that
// log may come later in the bundle.
func (v *verification) noteKeys(name string, b []byte) {
	n, k, ok := entriesOf(name)
	if !ok || n >= len(v.logs) {
		return
	}
	l := v.logs[n]
	index := k * perFile
	for line := range bytes.Lines(b) {
		if bytes.Contains(line, keyMark) {
			leaf, err := canon.ParseLeaf(bytes.TrimSuffix(line, []byte("\n")))
			if err == nil && leaf.Index == index && leaf.Key != nil && (l.key == nil || leaf.Log == l.origin) && l.mayTurn(leaf) {
				l.turns = append(l.turns, turn{index, leaf.Key, canon.VKey(leaf.Log, leaf.Key)})
				if index == 0 && leaf.Answers != nil {
					l.continues = leaf.Answers.Log
				}
			}
		}
		if index++; index == (k+1)*perFile {
			break
		}
	}
}

// mayTurn reports whether the key before has signed for the one in a leaf. The
// first entry has none before it.
func (l *log) mayTurn(leaf canon.Leaf) bool {
	if leaf.Index == 0 {
		return true
	}
	before := l.inForce(leaf.Index)
	return before != nil && canon.VerifySignature(before.key, []byte(canon.RotationText(leaf.Log, leaf.Index, leaf.Key)), leaf.Signed)
}

// entriesOf takes the name of a file of entries apart.
func entriesOf(name string) (log int, file int64, ok bool) {
	if !known(name) || !strings.Contains(name, "/entries/") {
		return 0, 0, false
	}
	log = int(name[len("logs/")] - '0')
	file, err := strconv.ParseInt(strings.TrimSuffix(name[len("logs/0/entries/"):], ".jsonl"), 10, 64)
	return log, file, err == nil
}

// inForce is the key that signs for the first size entries; nil if the entry
// that should say so cannot be read.
func (l *log) inForce(size int64) *turn {
	at, _ := slices.BinarySearchFunc(l.turns, size, func(t turn, size int64) int { return int(t.index - size) })
	if at == 0 {
		return nil
	}
	return &l.turns[at-1]
}

// verifierAt checks what was signed when the log had size entries; nil if that
// key is not known.
func (l *log) verifierAt(size int64) note.Verifier {
	t := l.inForce(size)
	if t == nil {
		return nil
	}
	k, err := canon.NewVerifier(t.vkey)
	if err != nil {
		return nil
	}
	return k
}

// compareKey: the key beside a log is the one in force at its checkpoint.
func (v *verification) compareKey(l *log) {
	size := l.tree.Size()
	if l.checkpointHolds {
		size = min(size, l.checkpoint.Size)
	}
	if t := l.inForce(size); t != nil && l.vkey != "" && t.vkey != l.vkey {
		name := entriesName(l.n, t.index/perFile)
		v.problem(name, "line %d (%s): holds another key than %s", t.index%perFile+1, l.place(t.index), l.object("key"))
		l.entriesHold = false
	}
}

// trust decides which logs are the reader's: those of which a key was given,
// the one in force or, since each key signs for the next, an earlier one.
func (v *verification) trust() {
	used := map[string]bool{}
	for _, l := range v.logs {
		known := []string{l.vkey}
		for _, t := range l.turns {
			if t.index < l.tree.Size() && (!l.checkpointHolds || t.index < l.checkpoint.Size) {
				known = append(known, t.vkey)
			}
		}
		for _, k := range known {
			if v.keys[k] {
				used[k] = true
				l.trusted = l.vkey != ""
			}
		}
		if l.n == 0 && len(v.keys) > 0 && !l.trusted {
			v.wrongKey(l)
		}
	}
	for k := range v.keys {
		if !used[k] {
			v.unused = append(v.unused, k)
		}
	}
	slices.Sort(v.unused)
}
