package bundle_test

import (
	"archive/zip"
	"bytes"
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
)

// regions names, for each byte of a bundle, the object that it belongs to, as
// the standard library finds it.
func regions(t *testing.T, b []byte) []string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	fill := func(object string, until int) {
		for len(out) < until {
			out = append(out, object)
		}
	}
	for _, f := range r.File {
		start, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		fill("header of "+f.Name, int(start))
		fill(f.Name, int(start)+int(f.CompressedSize64))
	}
	for _, f := range r.File {
		fill("archive directory, entry of "+f.Name, len(out)+46+len(f.Name))
	}
	fill("archive end record", len(b))
	return out
}

// TestEveryChangedByteIsNamed changes each byte of a bundle. None may verify,
// and the object that holds the byte is the first that is named.
func TestEveryChangedByteIsNamed(t *testing.T) {
	b := newExample(t).bytes()
	where := regions(t, b)
	for _, c := range []struct {
		name string
		x    byte
		keys []string
		step int
	}{
		{"lowest bit", 0x01, []string{vkey(1)}, 1},
		{"all bits", 0xff, []string{vkey(1)}, 13},
		{"lowest bit, no key", 0x01, nil, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := bytes.Clone(b)
			for i := 0; i < len(b); i += c.step {
				b[i] ^= c.x
				r := verify(t, b, c.keys...)
				if r.Verdict != bundle.Corrupted {
					t.Fatalf("byte %d (%s): %s", i, where[i], r.Verdict)
				}
				if r.Problems[0].Object != where[i] {
					t.Errorf("byte %d: %v; want it named first: %s", i, r.Problems, where[i])
				}
				b[i] ^= c.x
			}
		})
	}
}

var exhaustive = flag.Bool("exhaustive", false, "try all values of every byte")

// TestEveryValueOfEveryByte changes each byte of the smallest bundle there is
// to three other values or, with -exhaustive, to all.
func TestEveryValueOfEveryByte(t *testing.T) {
	l := newBook(t, 1, false)
	b := write(t, bundle.Contents{
		Created: start, Scope: bundle.All, Logs: []bundle.Log{l.log()}, Readme: []byte("r"), Spec: []byte("s"),
	}, 1)
	values := []byte{4, 32, 128}
	if *exhaustive {
		values = nil
		for x := 1; x < 256; x++ {
			values = append(values, byte(x))
		}
	}
	where := regions(t, b)
	for i := range b {
		for _, x := range values {
			b[i] ^= x
			r := verify(t, b, vkey(1))
			if r.Verdict != bundle.Corrupted || !slices.ContainsFunc(r.Problems, func(p bundle.Problem) bool { return p.Object == where[i] }) {
				t.Errorf("byte %d xor %#x: %s, %v; want %s named", i, x, r.Verdict, r.Problems, where[i])
			}
			b[i] ^= x
		}
	}
}

func TestEveryTruncationIsCorrupted(t *testing.T) {
	b := newExample(t).bytes()
	for n := range b {
		if r := verify(t, b[:n], vkey(1)); r.Verdict != bundle.Corrupted || len(r.Problems) == 0 {
			t.Fatalf("first %d of %d bytes: %s %v", n, len(b), r.Verdict, r.Problems)
		}
	}
}

func TestEveryRemovedOrRepeatedByteIsCorrupted(t *testing.T) {
	b := newExample(t).bytes()
	for i := range b {
		for _, c := range [][]byte{slices.Concat(b[:i], b[i+1:]), slices.Concat(b[:i+1], b[i:])} {
			if r := verify(t, c, vkey(1)); r.Verdict != bundle.Corrupted {
				t.Fatalf("byte %d: %s", i, r.Verdict)
			}
		}
	}
}

func TestAppendedBytes(t *testing.T) {
	b := newExample(t).bytes()
	wantProblem(t, verify(t, append(bytes.Clone(b), 0), vkey(1)), "archive end record", "1 bytes follow it")
	wantProblem(t, verify(t, slices.Concat(b, b), vkey(1)), "archive end record", "bytes follow it")
	wantProblem(t, verify(t, slices.Concat([]byte("x"), b), vkey(1)), "archive", "not a bundle")
	wantProblem(t, verify(t, nil, vkey(1)), "archive", "not a bundle")
	wantProblem(t, verify(t, []byte("hello"), vkey(1)), "archive", "not a bundle")
}

// TestArchiveSpelling: the same files in another ZIP are another bundle.
func TestArchiveSpelling(t *testing.T) {
	files := unpack(t, newExample(t).bytes())
	if !bytes.Equal(pack(t, files), newExample(t).bytes()) {
		t.Fatal("the standard library, told the fields, writes other bytes")
	}
	names := slices.Sorted(maps.Keys(files))
	slices.Reverse(names)
	wantProblem(t, verify(t, packOrder(t, files, names), vkey(1)), "README.txt", "out of place")
	names = slices.Sorted(maps.Keys(files))
	wantProblem(t, verify(t, packOrder(t, files, append([]string{names[0]}, names...)), vkey(1)), "README.txt", "out of place")

	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, n := range names {
		f, err := w.Create(n) // deflated, with data descriptors
		if err != nil {
			t.Fatal(err)
		}
		f.Write(files[n])
	}
	w.Close()
	if r := verify(t, b.Bytes(), vkey(1)); r.Verdict != bundle.Corrupted {
		t.Error(r.Verdict)
	}
}

// TestTamperedFiles changes files and packs them again, as somebody without the
// key would, and as the holder of the key would.
func TestTamperedFiles(t *testing.T) {
	const entries, openings, checkpoint = "logs/0/entries/000000000.jsonl", "logs/0/openings/000000000.jsonl", "logs/0/checkpoint"
	first, second := "blobs/"+sum("first\n"), "blobs/"+sum("second\n")
	replace := func(name, old, new string) func(t *testing.T, f map[string][]byte) {
		return func(t *testing.T, f map[string][]byte) {
			changed := strings.Replace(string(f[name]), old, new, 1)
			if changed == string(f[name]) {
				t.Fatalf("%q is not in %s", old, f[name])
			}
			f[name] = []byte(changed)
		}
	}
	signed := func(change func(t *testing.T, f map[string][]byte)) func(t *testing.T, f map[string][]byte) {
		return func(t *testing.T, f map[string][]byte) {
			change(t, f)
			reseal(t, f, 1)
		}
	}
	remove := func(name string) func(t *testing.T, f map[string][]byte) {
		return func(t *testing.T, f map[string][]byte) { delete(f, name) }
	}
	put := func(name, content string) func(t *testing.T, f map[string][]byte) {
		return func(t *testing.T, f map[string][]byte) { f[name] = []byte(content) }
	}
	manifest := func(change func(text string) string) func(t *testing.T, f map[string][]byte) {
		return func(t *testing.T, f map[string][]byte) {
			f["manifest.note"] = sign(t, change(manifestText(f, origin(1), bundle.All)), 1)
		}
	}
	lines := func(change func(l [][]byte) [][]byte) func(t *testing.T, f map[string][]byte) {
		return func(t *testing.T, f map[string][]byte) {
			relog(t, f, change(bytes.Split(bytes.TrimSuffix(f[entries], []byte("\n")), []byte("\n"))))
		}
	}
	secondLine := func(f map[string][]byte, name string) []byte {
		_, line, _ := bytes.Cut(f[name], []byte("\n\n"))
		return line
	}
	for _, c := range []struct {
		name           string
		change         func(t *testing.T, f map[string][]byte)
		object, reason string
	}{
		{"swapped blobs", func(t *testing.T, f map[string][]byte) { f[first], f[second] = f[second], f[first] }, first, "where the manifest says"},
		{"swapped blobs, signed", signed(func(t *testing.T, f map[string][]byte) { f[first], f[second] = f[second], f[first] }), first, "is not its name"},
		{"swapped files", func(t *testing.T, f map[string][]byte) { f[entries], f[openings] = f[openings], f[entries] }, entries, "where the manifest says"},
		{"replaced blob", put(first, "forged\n"), first, "where the manifest says"},
		{"replaced blob, signed", signed(put(first, "forged\n")), "entry/1", "is not the content that the entry names"},
		{"replaced blob, signed by another", func(t *testing.T, f map[string][]byte) {
			f[first] = []byte("forged\n")
			f["manifest.note"] = sign(t, manifestText(f, origin(2), bundle.All), 2)
		}, "manifest.note", "signed by " + origin(2)},
		{"manifest signed by another", func(t *testing.T, f map[string][]byte) {
			f["manifest.note"] = sign(t, manifestText(f, origin(1), bundle.All), 2)
		}, "manifest.note", "signed by " + origin(2)},
		{"manifest of another log", manifest(func(s string) string { return strings.Replace(s, origin(1), origin(2), 1) }), "manifest.note", "about the log " + origin(2)},
		{"missing blob", remove(first), first, "listed in the manifest and missing"},
		{"missing blob, signed", signed(remove(first)), "entry/1", "no later entry erases this one"},
		{"missing chunk, signed", signed(remove("blobs/" + sum("c\n"))), "entry/3", "is missing"},
		{"missing openings, signed", signed(remove(openings)), first, "no opened entry names this content"},
		{"missing README", signed(remove("README.txt")), "README.txt", "missing"},
		{"missing SPEC", signed(remove("SPEC.md")), "SPEC.md", "missing"},
		{"missing manifest", remove("manifest.note"), "manifest.note", "missing"},
		{"missing checkpoint", signed(remove(checkpoint)), checkpoint, "missing"},
		{"missing key", signed(remove("logs/0/key")), "logs/0/key", "missing"},
		{"missing entries", signed(remove(entries)), entries, "missing"},
		{"empty entries", signed(put(entries, "")), entries, "0 ended lines"},
		{"added file", put("extra.txt", "x"), `"extra.txt"`, "not the name of a file"},
		{"added blob", put("blobs/"+sum("x"), "x"), "blobs/" + sum("x"), "not listed in the manifest"},
		{"added blob, signed", signed(put("blobs/"+sum("x"), "x")), "blobs/" + sum("x"), "no opened entry names this content"},
		{"added directory", put("blobs/", ""), `"blobs/"`, "not the name of a file"},
		{"name that climbs", put("blobs/../../etc/passwd", ""), `"blobs/../../etc/passwd"`, "not the name of a file"},
		{"name with control characters", put("\x1b[2J", ""), `"\x1b[2J"`, "not the name of a file"},
		{"large README, signed", signed(put("README.txt", strings.Repeat("x", 5<<20))), "README.txt", "at most"},
		{"large key, signed", signed(put("logs/0/key", strings.Repeat("x", 2000))), "logs/0/key", "at most"},
		{"key without line end, signed", signed(put("logs/0/key", vkey(1))), "logs/0/key", "not one log key"},
		{"two keys, signed", signed(put("logs/0/key", vkey(1)+"\n"+vkey(2)+"\n")), "logs/0/key", "not one log key"},
		{"another key, signed", signed(put("logs/0/key", vkey(2)+"\n")), "logs/0/key", "not by the key you gave"},

		{"manifest with a second signature", func(t *testing.T, f map[string][]byte) {
			other := sign(t, manifestText(f, origin(1), bundle.All), 2)
			f["manifest.note"] = append(f["manifest.note"], secondLine(map[string][]byte{"x": other}, "x")...)
		}, "manifest.note", "exactly one signature line"},
		{"checkpoint with its signature twice, signed", signed(func(t *testing.T, f map[string][]byte) {
			f[checkpoint] = append(f[checkpoint], secondLine(f, checkpoint)...)
		}), checkpoint, "exactly one signature line"},
		{"checkpoint with an extension, signed", signed(func(t *testing.T, f map[string][]byte) {
			text, _, _ := canon.PeekNote(f[checkpoint])
			f[checkpoint] = sign(t, text+"more\n", 1)
		}), checkpoint, "three lines"},
		{"checkpoint of another log, signed", signed(func(t *testing.T, f map[string][]byte) {
			text, _, _ := canon.PeekNote(f[checkpoint])
			f[checkpoint] = sign(t, strings.Replace(text, origin(1), origin(2), 1), 1)
		}), checkpoint, "of the log " + origin(2)},
		{"checkpoint signed by another, signed", signed(func(t *testing.T, f map[string][]byte) {
			text, _, _ := canon.PeekNote(f[checkpoint])
			f[checkpoint] = sign(t, text, 2)
		}), checkpoint, "signed by " + origin(2)},
		{"older checkpoint, signed", signed(func(t *testing.T, f map[string][]byte) {
			f[checkpoint] = newExample(t).checkpoint(7)
		}), checkpoint, "signed for 7 entries"},

		{"manifest version 2", manifest(func(s string) string { return strings.Replace(s, "v1", "v2", 1) }), "manifest.note", "first line"},
		{"manifest scope", manifest(func(s string) string { return strings.Replace(s, "\nall\n", "\nsome\n", 1) }), "manifest.note", "neither all nor selected"},
		{"manifest time", manifest(func(s string) string { return strings.Replace(s, ".000Z", "Z", 1) }), "manifest.note", "not a time"},
		{"manifest count", manifest(func(s string) string { return strings.Replace(s, "\n11\n", "\n10\n", 1) }), "manifest.note", "lists 11 files and says 10"},
		{"manifest count with zero", manifest(func(s string) string { return strings.Replace(s, "\n11\n", "\n011\n", 1) }), "manifest.note", "not a number"},
		{"manifest with an extra line", manifest(func(s string) string { return s + "note\n" }), "manifest.note", "line 17"},
		{"manifest out of order", manifest(func(s string) string {
			l := strings.SplitAfter(s, "\n")
			l[5], l[6] = l[6], l[5]
			return strings.Join(l, "")
		}), "manifest.note", "names ascend"},
		{"manifest with two spaces", manifest(func(s string) string { return strings.Replace(s, " README", "  README", 1) }), "manifest.note", "one space between"},
		{"manifest with size +14", manifest(func(s string) string { return strings.Replace(s, " 14 README", " +14 README", 1) }), "manifest.note", "line 6"},
		{"manifest that lists itself", manifest(func(s string) string {
			return strings.Replace(s, "\n11\n", "\n12\n", 1) + sum("") + " 0 manifest.note\n"
		}), "manifest.note", "not the name of a file that a manifest lists"},

		{"leaf removed, signed", lines(func(l [][]byte) [][]byte { return slices.Delete(l, 1, 2) }), entries, "says that it is entry 2"},
		{"leaves swapped, signed", lines(func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l }), entries, "says that it is entry 2"},
		{"leaf repeated, signed", lines(func(l [][]byte) [][]byte { return slices.Insert(l, 1, l[1]) }), entries, "line 3 (entry/2): says that it is entry 1"},
		{"genesis removed, signed", lines(func(l [][]byte) [][]byte { return l[1:] }), entries, "says that it is entry 1"},
		{"leaf of another log, signed", lines(func(l [][]byte) [][]byte {
			l[6] = bytes.Replace(l[6], []byte(origin(1)), []byte(origin(2)), 1)
			return l
		}), entries, "is of the log " + origin(2)},
		{"time going backwards, signed", lines(func(l [][]byte) [][]byte {
			l[2] = bytes.Replace(l[2], []byte("06:02:00.000"), []byte("06:00:59.999"), 1)
			return l
		}), entries, "before the entry before it"},
		{"leaf with white space, signed", lines(func(l [][]byte) [][]byte {
			l[2] = append(l[2], ' ')
			return l
		}), entries, "line 3 (entry/2)"},
		{"leaf with a float, signed", lines(func(l [][]byte) [][]byte {
			l[2] = bytes.Replace(l[2], []byte(`"v":1`), []byte(`"v":1.0`), 1)
			return l
		}), entries, "line 3 (entry/2)"},
		{"leaf with a key twice, signed", lines(func(l [][]byte) [][]byte {
			l[2] = bytes.Replace(l[2], []byte(`"v":1`), []byte(`"v":1,"v":1`), 1)
			return l
		}), entries, "occur once"},
		{"leaf with an unknown field, signed", lines(func(l [][]byte) [][]byte {
			l[2] = bytes.Replace(l[2], []byte(`"v":1`), []byte(`"v":1,"w":1`), 1)
			return l
		}), entries, "unknown field"},
		{"leaf that ends in a carriage return, signed", lines(func(l [][]byte) [][]byte {
			l[2] = append(l[2], '\r')
			return l
		}), entries, "printable ASCII"},
		{"last line end missing, signed", signed(func(t *testing.T, f map[string][]byte) {
			f[entries] = bytes.TrimSuffix(f[entries], []byte("\n"))
		}), entries, "ended lines"},
		{"genesis with another key, signed", lines(func(l [][]byte) [][]byte {
			g, err := canon.Leaf{Log: origin(2), Recorded: start, Kind: canon.KindLog, Key: public(2)}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			l[0] = g
			return l
		}), entries, "is of the log " + origin(2)},
		{"second file of entries without need, signed", signed(func(t *testing.T, f map[string][]byte) {
			at := bytes.LastIndexByte(f[entries][:len(f[entries])-1], '\n') + 1
			f["logs/0/entries/000000001.jsonl"] = f[entries][at:]
			f[entries] = f[entries][:at]
		}), entries, "7 ended lines"},
		{"third file of entries without a second, signed", signed(func(t *testing.T, f map[string][]byte) {
			f["logs/0/entries/000000002.jsonl"] = f[entries]
		}), "logs/0/entries/000000001.jsonl", "missing"},

		{"opening with another payload, signed", signed(replace(openings, "Dana", "Dona")), "entry/0", "the opened actor is not what the entry commits to"},
		{"opening with another r, signed", signed(replace(openings, `"r":"`, `"r":"ab`)), openings, "line 1"},
		{"opening moved to another entry, signed", signed(replace(openings, `{"index":1,`, `{"index":0,`)), openings, "out of place"},
		{"opening of a closed entry, signed", signed(replace(openings, `{"index":5,`, `{"index":4,`)), "entry/4", "the opened body is not what"},
		{"opening under another label, signed", signed(replace(openings, `"content":`, `"bodies":`)), openings, "line 2"},
		{"opening under an unknown label, signed", signed(replace(openings, `"content":`, `"contents":`)), "entry/1", `opened with "contents"`},
		{"opening under a label without commitment, signed", signed(replace(openings, `{"index":5,"open":{"body"`, `{"index":5,"open":{"actor"`)), "entry/5", `opened with "actor"`},
		{"opening of nothing, signed", signed(put(openings, `{"index":1,"open":{}}`+"\n")), openings, "want"},
		{"opening beyond the log, signed", signed(replace(openings, `{"index":7,`, `{"index":8,`)), "entry/8", "the log has no such entry"},
		{"openings far beyond the log, signed", signed(put("logs/0/openings/000000001.jsonl",
			`{"index":300,"open":{"body":{"payload":"","r":"`+strings.Repeat("0", 64)+`"}}}`+"\n")), "entry/300", "the log has no such entry"},
		{"empty openings beyond the log, signed", signed(put("logs/0/openings/000000001.jsonl", "")), "logs/0/openings/000000001.jsonl", "no entries that it could belong to"},
		{"openings in the wrong file, signed", signed(func(t *testing.T, f map[string][]byte) {
			f["logs/0/openings/000000001.jsonl"] = f[openings]
			delete(f, openings)
		}), "entry/0", "the log has no such entry"},
		{"openings with white space, signed", signed(replace(openings, `"index":0`, `"index": 0`)), openings, "canonical JSON"},
		{"openings cut short, signed", signed(func(t *testing.T, f map[string][]byte) {
			f[openings] = f[openings][:len(f[openings])-1]
		}), openings, "not ended"},
		{"empty openings, signed", signed(put(openings, "")), openings, "empty"},
		{"opening of two MiB, signed", signed(put(openings, strings.Repeat("x", 2<<20)+"\n")), openings, "more than 1048576 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := unpack(t, newExample(t).bytes())
			c.change(t, files)
			r := verify(t, pack(t, files), vkey(1))
			wantProblem(t, r, c.object, c.reason)
			if r := verify(t, pack(t, files)); r.Verdict != bundle.Corrupted {
				t.Errorf("without a key: %s", r.Verdict)
			}
		})
	}
}

// TestPayloads: what is committed to has a form as well.
func TestPayloads(t *testing.T) {
	for _, c := range []struct{ name, label, payload, reason string }{
		{"actor as a list", "actor", `[]`, "not a JSON object"},
		{"actor without a name", "actor", `{"id":"usr_1","via":"web"}`, "id, name and via"},
		{"actor with a number", "actor", `{"id":1,"name":"","via":"web"}`, "id, name and via"},
		{"body in other spelling", "body", `{"op": "a.b"}`, "canonical JSON"},
		{"body without operation", "body", `{"id":"x"}`, "op"},
		{"body that is text", "body", `hello`, "canonical JSON"},
		{"id with a space", "body", `{"id":"a b","op":"a.b"}`, "an id is"},
		{"id that looks like another", "body", `{"id":"evd_` + "\u0430" + `","op":"a.b"}`, "an id is"},
		{"id as a number", "body", `{"id":1,"op":"a.b"}`, "an id is"},
		{"empty id", "body", `{"id":"","op":"a.b"}`, "an id is"},
		{"content without size", "content", "sha256:" + strings.Repeat("0", 64), "content"},
		{"content of another size", "content", canon.Content(sum("first\n"), 7), "is not the content"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newExample(t)
			e.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{c.label: c.payload})
			wantProblem(t, verify(t, e.bytes(), vkey(1)), "entry/8", c.reason)
		})
	}
	t.Run("chunks that are no list", func(t *testing.T) {
		e := newExample(t)
		e.add(canon.Leaf{Kind: canon.KindRun}, map[string]string{
			"body": `{"media_type":"` + canon.MediaTypeChunks + `","op":"a.b"}`, "content": content("first\n"),
		})
		wantProblem(t, verify(t, e.bytes(), vkey(1)), "entry/8", "chunks")
	})
	t.Run("a chunk of another size", func(t *testing.T) {
		e := newExample(t)
		list, err := canon.Chunks{{SHA256: [32]byte(blob("first\n").SHA256), Size: 5}}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		e.blobs = append(e.blobs, blob(string(list)))
		e.add(canon.Leaf{Kind: canon.KindRun}, map[string]string{
			"body": `{"media_type":"` + canon.MediaTypeChunks + `","op":"a.b"}`, "content": content(string(list)),
		})
		wantProblem(t, verify(t, e.bytes(), vkey(1)), "entry/8", "is not the content")
	})
}

// TestForgerWithOwnKey: a log rewritten under another key agrees with itself,
// which is why that is called CONSISTENT, and fails under the true key.
func TestForgerWithOwnKey(t *testing.T) {
	forged := newBook(t, 9, false)
	forged.add(canon.Leaf{Kind: canon.KindEvidence, Recorded: start.Add(time.Hour)}, map[string]string{"body": body("evd_1")})
	b := write(t, bundle.Contents{Created: start, Scope: bundle.All, Logs: []bundle.Log{forged.log()}}, 9)
	if r := verify(t, b); r.Verdict != bundle.Consistent {
		t.Error(r.Verdict, r.Problems)
	}
	r := verify(t, b, vkey(1))
	wantProblem(t, r, "logs/0/key", "signed by "+vkey(9)+", not by the key you gave")
	for _, i := range r.Items {
		if i.Verdict != bundle.Corrupted {
			t.Errorf("%s is %s under the wrong key", i.ID, i.Verdict)
		}
	}
}

// TestDoctoredOrigin: a forger cannot keep the origin, which is in the owner's
// letters, and change the key.
func TestDoctoredOrigin(t *testing.T) {
	files := unpack(t, newExample(t).bytes())
	doctored := canon.VKey(origin(1), public(9))
	s, err := canon.NewSigner(origin(1), key(9))
	if err != nil {
		t.Fatal(err)
	}
	files["logs/0/key"] = []byte(doctored + "\n")
	text, _, _ := canon.PeekNote(files["logs/0/checkpoint"])
	if files["logs/0/checkpoint"], err = canon.SignNote(text, s); err != nil {
		t.Fatal(err)
	}
	if files["manifest.note"], err = canon.SignNote(manifestText(files, origin(1), bundle.All), s); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, verify(t, pack(t, files)), "logs/0/entries/000000000.jsonl", "holds another key than logs/0/key")
}
