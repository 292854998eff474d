package bundle_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/tlog"
)

// unsealed alters files and packs them again, as somebody without the key can.
func unsealed(t testing.TB, r *rand.Rand, m mutant) mutant {
	files := unpack(t, m.file)
	names := slices.Sorted(maps.Keys(files))
	name := names[r.IntN(len(names))]
	other := names[r.IntN(len(names))]
	before := maps.Clone(files)
	switch r.IntN(6) {
	case 0:
		delete(files, name)
		m.how, m.object = "files: without "+name, name
	case 1:
		strange := strangeName(r)
		files[strange] = []byte(strings.Repeat("x", boolInt(!strings.HasSuffix(strange, "/"))))
		m.how = "files: one more"
	case 2:
		files[other+"x"] = files[name]
		delete(files, name)
		m.how = "files: another name for " + name
	case 3:
		files[name], files[other] = files[other], files[name]
		m.how = "files: " + name + " and " + other + " changed for each other"
	case 4:
		files[name] = spoilBytes(r, files[name])
		m.how, m.object = "files: other bytes in "+name, name
	case 5:
		files[name] = append(bytes.Clone(files[name]), files[other]...)
		m.how, m.object = "files: more in "+name, name
	}
	if len(files) == 0 {
		return m
	}
	if maps.EqualFunc(before, files, bytes.Equal) {
		m.object = ""
	}
	m.file, m.must = pack(t, files), !maps.EqualFunc(before, files, bytes.Equal)
	return m
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func strangeName(r *rand.Rand) string {
	list := []string{
		"blobs/" + sum("x"), "blobs/", "blobs/x", "blobpacks/000000009", "blobpacks/0", "extra.txt", "logs/9/key", "logs/1/key", "logs/0/entries/000000009.jsonl",
		"logs/0/openings/000000009.jsonl", "logs/0/", "LICENSE", "readme.txt", "logs/00/key", "\x1b[2J", "é", "manifest.notf", "logs/0/entries/00000000a.jsonl",
	}
	return list[r.IntN(len(list))]
}

func spoilBytes(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) == 0 {
		return []byte("x")
	}
	at := r.IntN(len(b))
	switch r.IntN(7) {
	case 0, 1:
		b[at] ^= 1 << r.IntN(8)
	case 2:
		return append(b[:at], b[at+1:]...)
	case 3:
		return slices.Insert(b, at, byte(r.IntN(256)))
	case 4:
		return b[:at]
	case 5:
		b[at]++
	case 6:
		b[at]--
	}
	return b
}

// A trick is one thing that a dishonest installation does before it signs. It
// returns false if there is nothing here to do it to.
type trick struct {
	name string
	must bool
	do   func(r *rand.Rand, w *world) bool
}

func anyLog(r *rand.Rand, w *world) *worldLog { return w.logs[r.IntN(len(w.logs))] }

func anyEntry(r *rand.Rand, w *world) *worldEntry {
	l := anyLog(r, w)
	return l.entries[r.IntN(len(l.entries))]
}

// openEntry is one that is opened with a label.
func openEntry(r *rand.Rand, w *world) (*worldEntry, string) {
	label := []string{"actor", "body", "body", "body", "content"}[r.IntN(5)]
	list := w.said(label)
	if len(list) == 0 {
		return nil, ""
	}
	return list[r.IntN(len(list))], label
}

func anyBlob(r *rand.Rand, w *world) string {
	var names []string
	for n := range w.files {
		if strings.HasPrefix(n, "blobs/") {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return names[r.IntN(len(names))]
}

// other is a value of some type, near the old one or far from it.
func other(r *rand.Rand, v any) any {
	switch v := v.(type) {
	case int64:
		return []any{v + 1, v - 1, int64(0), int64(-1), v * 1000, int64(canon.MaxInt), fmt.Sprint(v)}[r.IntN(7)]
	case string:
		changed := v + "x"
		if len(v) > 0 {
			at := r.IntN(len(v))
			changed = v[:at] + string("0123456789abcdefZ/=+"[r.IntN(20)]) + v[at+1:]
		}
		kinds := canon.Kinds()
		return []any{changed, changed, changed, "", v + "0", string(kinds[r.IntN(len(kinds))]), int64(1), true, []any{v}}[r.IntN(9)]
	case bool:
		return []any{!v, int64(1), "true"}[r.IntN(3)]
	case []any:
		switch {
		case len(v) > 0 && r.IntN(2) == 0:
			return append(slices.Clone(v), v[r.IntN(len(v))])
		case len(v) > 0 && r.IntN(2) == 0:
			i := r.IntN(len(v))
			return append(slices.Clone(v[:i]), v[i+1:]...)
		case len(v) > 1:
			out := slices.Clone(v)
			out[0], out[1] = out[1], out[0]
			return out
		}
		return []any{}
	case map[string]any:
		return map[string]any{}
	}
	return "x"
}

// meddle changes one field somewhere in a tree, takes it away, or puts one in.
func meddle(t testing.TB, r *rand.Rand, v map[string]any) map[string]any {
	out := copyTree(t, v).(map[string]any)
	var ways [][]any
	fieldsOf(out, nil, &ways)
	if len(ways) == 0 || r.IntN(12) == 0 {
		out[[]string{"note", "demo", "erases", "supersedes", "signed", "step", "size", "zz"}[r.IntN(8)]] = []any{true, int64(1), "x", []any{int64(0)}}[r.IntN(4)]
		return out
	}
	way := ways[r.IntN(len(ways))]
	var at any = out
	for _, step := range way[:len(way)-1] {
		if k, ok := step.(string); ok {
			at = at.(map[string]any)[k]
		} else {
			at = at.([]any)[step.(int)]
		}
	}
	switch k := way[len(way)-1].(type) {
	case string:
		if r.IntN(4) == 0 {
			delete(at.(map[string]any), k)
		} else {
			at.(map[string]any)[k] = other(r, at.(map[string]any)[k])
		}
	case int:
		at.([]any)[k] = other(r, at.([]any)[k])
	}
	return out
}

func tricks(t testing.TB) []trick {
	list := append(leafTricks(t), openingTricks(t)...)
	list = append(list, blobTricks(t)...)
	list = append(list, sealTricks(t)...)
	return append(list, answerTricks(t)...)
}

// dishonest takes a bundle apart, plays one trick, and signs everything again.
func dishonest(t testing.TB, r *rand.Rand, m mutant) (mutant, bool) {
	if strings.HasPrefix(m.name, "packs") {
		return m, false
	}
	w := newWorld(t, m.file)
	list := tricks(t)
	k := list[r.IntN(len(list))]
	if strings.HasPrefix(m.name, "stamp") && r.IntN(2) == 0 {
		k = derTrick(t)
	}
	if !k.do(r, w) {
		return m, false
	}
	file := w.bundle()
	if bytes.Equal(file, m.file) {
		return m, false
	}
	m.file, m.how, m.must = file, k.name, k.must
	m.sealed = !strings.HasPrefix(k.name, "files:")
	return m, true
}

func leafTricks(t testing.TB) []trick {
	field := trick{"leaf: another field, signed", false, func(r *rand.Rand, w *world) bool {
		e := anyEntry(r, w)
		e.leaf = meddle(t, r, e.leaf)
		return true
	}}
	return []trick{
		field, field, field, field,
		{"leaf: another spelling, signed", true, func(r *rand.Rand, w *world) bool {
			swap := [][2]string{
				{`"v":1`, `"v":1.0`}, {`"v":1`, `"v":01`}, {`"v":1`, `"v":1,"v":1`}, {`"v":1`, `"v":1,"w":1`}, {`"v":1`, `"v":2`}, {`"v":1`, `"v":null`},
				{`"v":1`, `"v":1e0`}, {`"v":1`, `"v":true`}, {`{`, ` {`}, {`}`, `} `}, {`:`, `: `}, {`"kind":"`, `"kind":"\u006f`}, {`"index":`, `"index":-`},
				{`"index":`, `"index":+`}, {`"index":`, `"Index":`}, {`.000Z"`, `Z"`}, {`.000Z"`, `.0000Z"`}, {`.000Z"`, `.000+00:00"`}, {`"2026-`, `"2026 -`},
				{`{`, "\ufeff{"}, {`"v":1}`, `"v":1}}`}, {`"v":1}`, `"v":1`}, {`"log":"`, `"log":"\\`}, {`Z"`, "Z\r\""}, {`"`, `'`},
			}[r.IntN(25)]
			anyEntry(r, w).spell = func(s string) string { return strings.Replace(s, swap[0], swap[1], 1) }
			return true
		}},
		{"leaf: entries in another order, signed", true, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			i, j := r.IntN(len(l.entries)), r.IntN(len(l.entries))
			l.entries[i], l.entries[j] = l.entries[j], l.entries[i]
			return i != j
		}},
		{"leaf: one taken out, signed", false, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			i := r.IntN(len(l.entries))
			l.entries = slices.Delete(slices.Clone(l.entries), i, i+1)
			return len(l.entries) > 0
		}},
		{"leaf: one twice, signed", true, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			i := r.IntN(len(l.entries))
			l.entries = slices.Insert(slices.Clone(l.entries), i, l.entries[i])
			return true
		}},
		{"leaf: recorded before the one before, signed", true, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			i := r.IntN(len(l.entries))
			if i == 0 {
				return false
			}
			l.entries[i].leaf["recorded"] = "1999-03-01T06:00:00.000Z"
			return true
		}},
		{"key: changed without a signature that holds", true, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			for _, e := range l.entries {
				if s, ok := e.leaf["signed"].(string); ok && r.IntN(2) == 0 {
					e.leaf["signed"] = other64(r, s)
					return e.leaf["signed"] != s
				}
			}
			return false
		}},
	}
}

// other64 is another value in base64 of the same length, properly spelled.
func other64(r *rand.Rand, s string) string {
	at := r.IntN(max(1, len(s)-4))
	c := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[r.IntN(64)]
	return s[:at] + string(c) + s[at+1:]
}

func openingTricks(t testing.TB) []trick {
	say := trick{"opening: says something else and is committed to, signed", false, func(r *rand.Rand, w *world) bool {
		e, label := openEntry(r, w)
		if e == nil {
			return false
		}
		p, _ := e.payload(label)
		v, err := canon.ParseJSON([]byte(p))
		if m, ok := v.(map[string]any); err == nil && ok {
			b, err := canon.JSON(meddle(t, r, m))
			if err != nil {
				t.Fatal(err)
			}
			e.say(label, string(b))
		} else {
			e.say(label, strings.ToValidUTF8(string(spoilBytes(r, []byte(p))), "?"))
		}
		return true
	}}
	return []trick{
		say, say, say, say,
		{"opening: another payload, signed", true, func(r *rand.Rand, w *world) bool {
			e, label := openEntry(r, w)
			if e == nil {
				return false
			}
			p, _ := e.payload(label)
			changed := strings.ToValidUTF8(string(spoilBytes(r, []byte(p))), "?")
			e.open[label].(map[string]any)["payload"] = changed
			return changed != p
		}},
		{"opening: another r, signed", true, func(r *rand.Rand, w *world) bool {
			e, label := openEntry(r, w)
			if e == nil {
				return false
			}
			o := e.open[label].(map[string]any)
			s := o["r"].(string)
			o["r"] = strings.Replace(s, s[:1], "f", 1) + map[bool]string{true: "0"}[r.IntN(5) == 0]
			return o["r"] != s
		}},
		{"opening: another form, signed", false, func(r *rand.Rand, w *world) bool {
			e, _ := openEntry(r, w)
			if e == nil {
				return false
			}
			e.open = meddle(t, r, e.open)
			return true
		}},
		{"opening: not shown, signed", false, func(r *rand.Rand, w *world) bool {
			e, label := openEntry(r, w)
			if e == nil {
				return false
			}
			if r.IntN(2) == 0 {
				e.hidden = true
			} else {
				delete(e.open, label)
			}
			return true
		}},
		{"opening: twice, signed", true, func(r *rand.Rand, w *world) bool {
			e, _ := openEntry(r, w)
			if e != nil {
				e.again = true
			}
			return e != nil
		}},
		{"opening: another spelling, signed", true, func(r *rand.Rand, w *world) bool {
			e, _ := openEntry(r, w)
			if e == nil {
				return false
			}
			swap := [][2]string{{`{"index":`, `{"index": `}, {`{"index":`, `{"index":0`}, {`{"index":`, `{"a":1,"index":`}, {`"open":{`, `"opened":{`}, {`"r":`, `"R":`}, {`}}}`, `}}},`}, {`"payload":"`, `"payload":"\u0061`}, {`{"index":`, "\n{\"index\":"}}[r.IntN(8)]
			e.line = func(s string) string { return strings.Replace(s, swap[0], swap[1], 1) }
			return true
		}},
		{"opening: of an entry that is not there, signed", true, func(r *rand.Rand, w *world) bool {
			n := r.IntN(len(w.logs))
			w.change = func(f map[string][]byte) {
				k := []int{len(w.logs[n].entries) / 256, 3}[r.IntN(2)]
				name := fmt.Sprintf("logs/%d/openings/%09d.jsonl", n, k)
				f[name] = append(f[name], fmt.Sprintf("{\"index\":%d,\"open\":{\"body\":{\"payload\":\"\",\"r\":\"%s\"}}}\n", k*256+255, strings.Repeat("0", 64))...)
			}
			return len(w.logs[n].entries)%256 != 0
		}},
	}
}

// derTrick alters a time stamp that the installation says it was given.
func derTrick(testing.TB) trick {
	return trick{"stamp: other bytes, recorded and signed", false, func(r *rand.Rand, w *world) bool {
		name := anyBlob(r, w)
		if name == "" {
			return false
		}
		b := spoilBytes(r, w.files[name])
		if r.IntN(3) == 0 {
			b = spoilBytes(r, b)
		}
		w.replaceBlob(name, b)
		return true
	}}
}

func blobTricks(t testing.TB) []trick {
	recorded := derTrick(t)
	recorded.name = "blob: other bytes, recorded and signed"
	return []trick{
		recorded, recorded,
		{"blob: other bytes under its name, signed", true, func(r *rand.Rand, w *world) bool {
			name := anyBlob(r, w)
			if name == "" {
				return false
			}
			b := spoilBytes(r, w.files[name])
			same := bytes.Equal(b, w.files[name])
			w.files[name] = b
			return !same
		}},
		{"blob: other bytes under their own name, signed", true, func(r *rand.Rand, w *world) bool {
			name := anyBlob(r, w)
			if name == "" {
				return false
			}
			b := spoilBytes(r, w.files[name])
			same := bytes.Equal(b, w.files[name])
			delete(w.files, name)
			w.files["blobs/"+sum(string(b))] = b
			return !same
		}},
		{"blob: not there, signed", false, func(r *rand.Rand, w *world) bool {
			name := anyBlob(r, w)
			delete(w.files, name)
			return name != ""
		}},
		{"blob: one that nobody names, signed", true, func(r *rand.Rand, w *world) bool {
			b := fmt.Sprint("stranger ", r.IntN(1000))
			w.files["blobs/"+sum(b)] = []byte(b)
			return true
		}},
		{"blob: in a pack, signed", false, func(r *rand.Rand, w *world) bool {
			name := anyBlob(r, w)
			if name == "" {
				return false
			}
			b := w.files[name]
			if r.IntN(2) == 0 {
				delete(w.files, name)
			}
			p := fmt.Appendf(nil, "%s %d\n%s", strings.TrimPrefix(name, "blobs/"), len(b), b)
			if r.IntN(2) == 0 {
				p = spoilBytes(r, p)
			}
			w.files[[]string{"blobpacks/000000000", "blobpacks/000000000", "blobpacks/000000001"}[r.IntN(3)]] = p
			return true
		}},
		{"files: one more, signed", true, func(r *rand.Rand, w *world) bool {
			name := strangeName(r)
			w.change = func(f map[string][]byte) {
				if f[name] = append(f[name], 'x'); strings.HasSuffix(name, "/") {
					f[name] = nil
				}
			}
			return true
		}},
		{"files: one less, signed", false, func(r *rand.Rand, w *world) bool {
			n := r.IntN(100)
			w.change = func(f map[string][]byte) {
				names := slices.Sorted(maps.Keys(f))
				delete(f, names[n%len(names)])
			}
			return true
		}},
		{"files: other bytes, signed", false, func(r *rand.Rand, w *world) bool {
			n := r.IntN(100)
			w.change = func(f map[string][]byte) {
				names := slices.Sorted(maps.Keys(f))
				name := names[n%len(names)]
				f[name] = spoilBytes(r, f[name])
			}
			return true
		}},
	}
}

// proofForger alters what a proof is made of.
func proofForger(t testing.TB, r *rand.Rand, m mutant) (mutant, bool) {
	p := *m.made
	p.Hashes = slices.Clone(p.Hashes)
	p.FirstHashes = slices.Clone(p.FirstHashes)
	switch n := r.IntN(9); {
	case n == 0:
		p.Index += int64(r.IntN(9) - 4)
		m.how, m.must = "proof: another place", p.Index != m.made.Index
	case n == 1 && len(p.Hashes) > 0:
		p.Hashes[r.IntN(len(p.Hashes))][r.IntN(32)] ^= 1 << r.IntN(8)
		m.how, m.must = "proof: another hash", p.Leaf != nil
	case n == 2:
		p.Hashes = append(p.Hashes, tlog.Hash{1})
		m.how, m.must = "proof: a hash more", true
	case n == 3 && len(p.FirstHashes) > 0:
		p.FirstHashes = p.FirstHashes[1:]
		m.how, m.must = "proof: a hash less for the first", true
	case n == 4 && p.Leaf != nil:
		p.Leaf = spoilBytes(r, p.Leaf)
		m.how, m.must = "proof: another leaf", !bytes.Equal(p.Leaf, m.made.Leaf)
	case n == 5 && p.First != nil:
		p.First = spoilBytes(r, p.First)
		m.how, m.must = "proof: another first leaf", !bytes.Equal(p.First, m.made.First)
	case n == 6 && len(p.Open) > 0:
		open := map[string]bundle.Opened{}
		for label, o := range p.Open {
			if len(open) == 0 {
				o.Payload = strings.ToValidUTF8(string(spoilBytes(r, []byte(o.Payload))), "?")
				m.must = o.Payload != p.Open[label].Payload
			}
			open[label] = o
		}
		p.Open = open
		m.how = "proof: another payload"
	case n == 7:
		p.Open = nil
		m.how = "proof: nothing opened"
	case n == 8:
		p.Checkpoint = spoilBytes(r, p.Checkpoint)
		m.how, m.must = "proof: another checkpoint", len(m.keys) > 0 && !bytes.Equal(p.Checkpoint, m.made.Checkpoint)
	default:
		return m, false
	}
	m.must = m.must && p.Leaf != nil // of a receipt even the place is anybody's
	b, err := bundle.WriteProof(p)
	if err != nil {
		return m, false
	}
	m.file = b
	return m, true
}
