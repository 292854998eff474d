package bundle_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/note"
)

// world is a bundle taken apart in the hands of its dishonest owner, who has all
// the keys: whatever is changed, everything above is made again and signed.
type world struct {
	t      testing.TB
	head   []string // of the manifest: title, origin, created, scope
	logs   []*worldLog
	every  []*worldLog       // also those that were taken out
	files  map[string][]byte // those that are not about logs
	change func(f map[string][]byte)
	list   func(text string) string // of the manifest, before it is signed
	signer byte                     // of the manifest, if not 0
}

type worldLog struct {
	origin  string
	entries []*worldEntry
	keyFile string
	// seals is what the checkpoint is made from, if not from what is there.
	text   func(text string) string
	signer byte
	memo   map[int][]byte
	busy   map[int]bool
	size   int // of the checkpoint; 0 for all
}

type worldEntry struct {
	leaf   map[string]any
	spell  func(leaf string) string // what is done to the text
	to     *worldLog                // that it answers, if that is here
	seen   int                      // its size then
	by     byte                     // who signs that, if not whose turn it was
	forge  func(text string) string
	open   map[string]any // by label: payload and r
	hidden bool
	line   func(line string) string // what is done to the opening
	again  bool                     // the opening stands there twice
}

var seeds = func() map[string]byte {
	out := map[string]byte{}
	for s := byte(1); s < 60; s++ {
		out[string(public(s))] = s
	}
	return out
}()

func tree(t testing.TB, b []byte) map[string]any {
	t.Helper()
	v, err := canon.ParseJSON(b)
	m, ok := v.(map[string]any)
	if err != nil || !ok {
		t.Fatalf("%v: %s", err, b)
	}
	return m
}

// newWorld takes a bundle apart that holds.
func newWorld(t testing.TB, file []byte) *world {
	t.Helper()
	w := &world{t: t, files: unpack(t, file)}
	text, _, err := canon.PeekNote(w.files["manifest.note"])
	if err != nil {
		t.Fatal(err)
	}
	w.head = strings.Split(text, "\n")[:4]
	delete(w.files, "manifest.note")
	for n := 0; ; n++ {
		prefix := fmt.Sprintf("logs/%d/", n)
		if w.files[prefix+"key"] == nil {
			break
		}
		l := &worldLog{keyFile: string(w.files[prefix+"key"])}
		l.origin, _, _ = strings.Cut(l.keyFile, "+")
		w.logs = append(w.logs, l)
		opened := map[int64]map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(w.files)) {
			rest, ok := strings.CutPrefix(name, prefix)
			if !ok {
				continue
			}
			for line := range bytes.Lines(w.files[name]) {
				line = bytes.TrimSuffix(line, []byte("\n"))
				switch {
				case strings.HasPrefix(rest, "entries/"):
					l.entries = append(l.entries, &worldEntry{leaf: tree(t, line), hidden: true})
				case strings.HasPrefix(rest, "openings/"):
					o := tree(t, line)
					opened[o["index"].(int64)] = o["open"].(map[string]any)
				}
			}
			delete(w.files, name)
		}
		for i, o := range opened {
			l.entries[i].open, l.entries[i].hidden = o, false
		}
	}
	w.every = w.logs
	for _, l := range w.logs {
		for _, e := range l.entries {
			a, ok := e.leaf["answers"].(map[string]any)
			if !ok {
				continue
			}
			at := slices.IndexFunc(w.logs, func(o *worldLog) bool { return o.origin == a["log"] })
			if at < 0 {
				continue
			}
			note, _ := base64.StdEncoding.DecodeString(a["note"].(string))
			text, _, _ := canon.PeekNote(note)
			c, err := canon.ParseCheckpoint(text)
			if err != nil {
				t.Fatal(err)
			}
			e.to, e.seen = w.logs[at], int(c.Size)
		}
	}
	return w
}

// seedAt is who signs when the log has so many entries.
func (l *worldLog) seedAt(size int) byte {
	seed := byte(1)
	for _, e := range l.entries[:min(size, len(l.entries))] {
		if s, ok := e.leaf["key"].(string); ok {
			key, _ := base64.StdEncoding.DecodeString(s)
			if known := seeds[string(key)]; known != 0 {
				seed = known
			}
		}
	}
	return seed
}

func (w *world) sign(text, origin string, seed byte) []byte {
	s, err := canon.NewSigner(origin, key(seed))
	if err != nil {
		return []byte(text)
	}
	b, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil { // a text that no note can have
		return []byte(text)
	}
	return b
}

// bytes are those of a leaf, and of all that it answers.
func (l *worldLog) bytes(w *world, i int) []byte {
	if b, ok := l.memo[i]; ok {
		return b
	}
	e := l.entries[i]
	if a, ok := e.leaf["answers"].(map[string]any); ok && e.to != nil && !l.busy[i] {
		l.busy[i] = true
		if e.seen <= len(e.to.entries) {
			text := e.to.checkpointText(w, e.seen)
			if e.forge != nil {
				text = e.forge(text)
			}
			seed := e.by
			if seed == 0 {
				seed = e.to.seedAt(e.seen)
			}
			a["note"] = base64.StdEncoding.EncodeToString(w.sign(text, e.to.origin, seed))
		}
		l.busy[i] = false
	}
	raw, err := canon.JSON(e.leaf)
	if err != nil {
		w.t.Fatal(err)
	}
	if e.spell != nil {
		raw = []byte(e.spell(string(raw)))
	}
	l.memo[i] = raw
	return raw
}

func (l *worldLog) checkpointText(w *world, size int) string {
	var t canon.Tree
	for i := range size {
		t.Add(l.bytes(w, i))
	}
	return canon.Checkpoint{Origin: l.origin, Size: t.Size(), Root: t.Root()}.Text()
}

// write makes the files of a log.
func (l *worldLog) write(w *world, n int, files map[string][]byte) {
	prefix := fmt.Sprintf("logs/%d/", n)
	for i, e := range l.entries {
		k := i / 256
		name := fmt.Sprintf("%sentries/%09d.jsonl", prefix, k)
		files[name] = append(append(files[name], l.bytes(w, i)...), '\n')
		if e.hidden || len(e.open) == 0 {
			continue
		}
		line, err := canon.JSON(map[string]any{"index": int64(i), "open": e.open})
		if err != nil {
			w.t.Fatal(err)
		}
		if e.line != nil {
			line = []byte(e.line(string(line)))
		}
		name = fmt.Sprintf("%sopenings/%09d.jsonl", prefix, k)
		files[name] = append(append(files[name], line...), '\n')
		if e.again {
			files[name] = append(append(files[name], line...), '\n')
		}
	}
	size := l.size
	if size == 0 {
		size = len(l.entries)
	}
	text := l.checkpointText(w, size)
	if l.text != nil {
		text = l.text(text)
	}
	seed := l.signer
	if seed == 0 {
		seed = l.seedAt(size)
	}
	files[prefix+"checkpoint"] = w.sign(text, l.origin, seed)
	files[prefix+"key"] = []byte(l.keyFile)
}

// bundle puts everything together again.
func (w *world) bundle() []byte {
	files := maps.Clone(w.files)
	for _, l := range w.every {
		l.memo, l.busy = map[int][]byte{}, map[int]bool{}
	}
	for n, l := range w.logs {
		l.write(w, n, files)
	}
	if w.change != nil {
		w.change(files)
	}
	names := slices.Sorted(maps.Keys(files))
	text := strings.Join(w.head, "\n") + fmt.Sprintf("\n%d\n", len(names))
	for _, n := range names {
		text += fmt.Sprintf("%s %d %s\n", sum(string(files[n])), len(files[n]), n)
	}
	if w.list != nil {
		text = w.list(text)
	}
	seed := w.signer
	if seed == 0 {
		seed = w.logs[0].seedAt(len(w.logs[0].entries))
	}
	files["manifest.note"] = w.sign(text, w.logs[0].origin, seed)
	return pack(w.t, files)
}

// payload is what an entry says under a label, if it is opened.
func (e *worldEntry) payload(label string) (string, bool) {
	o, ok := e.open[label].(map[string]any)
	if !ok || e.hidden {
		return "", false
	}
	s, ok := o["payload"].(string)
	return s, ok
}

// say lets the entry say something else, and commit to it.
func (e *worldEntry) say(label, payload string) {
	o := e.open[label].(map[string]any)
	o["payload"] = payload
	r, err := canon.ParseDigest(o["r"].(string))
	commit, ok := e.leaf["commit"].(map[string]any)
	if err == nil && ok {
		c := canon.Commit(r, label, payload)
		commit[label] = hex.EncodeToString(c[:])
	}
}

// each opened label of each entry.
func (w *world) said(label string) (out []*worldEntry) {
	for _, l := range w.logs {
		for _, e := range l.entries {
			if _, ok := e.payload(label); ok {
				out = append(out, e)
			}
		}
	}
	return out
}

// replaceBlob changes a content and every entry that names it.
func (w *world) replaceBlob(name string, content []byte) {
	old := strings.TrimPrefix(name, "blobs/")
	delete(w.files, name)
	w.files["blobs/"+sum(string(content))] = content
	for _, e := range w.said("content") {
		if p, _ := e.payload("content"); strings.HasPrefix(p, "sha256:"+old+"\n") {
			e.say("content", canon.Content(sum(string(content)), int64(len(content))))
		}
	}
}

// TestWorldIsFaithful: what is taken apart and put together without a change is
// the same.
func TestWorldIsFaithful(t *testing.T) {
	for _, s := range subjects(t) {
		if !s.proof && s.honest && !bytes.Equal(newWorld(t, s.file).bundle(), s.file) {
			t.Errorf("%s: other bytes", s.name)
		}
	}
}

// fields lists the ways to a value in a JSON tree.
func fieldsOf(v any, path []any, out *[][]any) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			*out = append(*out, append(slices.Clone(path), k))
			fieldsOf(v[k], append(path, k), out)
		}
	case []any:
		for i, e := range v {
			*out = append(*out, append(slices.Clone(path), i))
			fieldsOf(e, append(path, i), out)
		}
	}
}

// copyTree is deep.
func copyTree(t testing.TB, v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	c, err := canon.JSON(json.RawMessage(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := canon.ParseJSON(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func encode64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func decode64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
