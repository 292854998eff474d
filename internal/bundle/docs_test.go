package bundle_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
)

// vectors are the texts in the examples of docs/ledger.md and docs/bundle.md,
// by the title of their block.
func vectors(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	b := &book{t: t, seed: 1, origin: origin(1)}
	add := func(l canon.Leaf, payloads map[string]string) {
		l.Log, l.Index = b.origin, int64(len(b.leaves))
		l.Recorded = start.Add(time.Duration(l.Index) * time.Minute)
		o := bundle.Opening{Index: l.Index, Open: map[string]bundle.Opened{}}
		var lines []string
		for _, label := range slices.Sorted(mapKeys(payloads)) {
			r := repeated((label[0]-'a'+0xa)<<4 + byte(l.Index))
			c := canon.Commit(r, label, payloads[label])
			if l.Commit == nil {
				l.Commit = map[string][32]byte{}
			}
			l.Commit[label] = c
			o.Open[label] = bundle.Opened{R: r, Payload: payloads[label]}
			lines = append(lines, fmt.Sprintf("%-7s r = 32 times 0x%X  %x", label, r[0], c))
			out[fmt.Sprintf("%s-%d", label, l.Index)] = payloads[label]
		}
		leaf, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		b.leaves = append(b.leaves, leaf)
		if len(payloads) > 0 {
			b.openings = append(b.openings, o)
		}
		out[fmt.Sprintf("leaf-%d", l.Index)] = string(leaf)
		out[fmt.Sprintf("commitments-%d", l.Index)] = strings.Join(lines, "\n")
	}
	texts := []string{"backup ran\n", "backup ran, 42 files\n"}
	add(canon.Leaf{Kind: canon.KindLog, Key: public(1)}, nil)
	for i, text := range texts {
		l := canon.Leaf{Kind: canon.KindEvidence}
		if i > 0 {
			l.Supersedes = []int64{1}
		}
		add(l, map[string]string{"actor": actor("usr_1"), "body": body("evd_1"), "content": content(text)})
	}
	out["public"] = fmt.Sprintf("%x\n%s\n%s", []byte(public(1)), origin(1), vkey(1))
	logVectors(out, b)
	bundleVectors(t, out, b, texts)
	return out
}

func repeated(b byte) [32]byte { return [32]byte(bytes.Repeat([]byte{b}, 32)) }

func mapKeys(m map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func logVectors(out map[string]string, b *book) {
	var tree, two canon.Tree
	var hashes []string
	for i, l := range b.leaves {
		tree.Add(l)
		if i < 2 {
			two.Add(l)
		}
		h := canon.LeafHash(l)
		hashes = append(hashes, hex.EncodeToString(h[:]))
	}
	h, root := two.Root(), tree.Root()
	out["hash-0"] = hashes[0]
	out["tree"] = fmt.Sprintf("%s\n%s\n%x\n%x", hashes[1], hashes[2], h[:], root[:])
	out["checkpoint"] = strings.TrimSuffix(string(b.checkpoint(3)), "\n")
	var items [][32]byte
	var lines []string
	for i, payload := range []string{"a", "b", "c"} {
		items = append(items, canon.Commit(repeated(0xd1+byte(i)), canon.LabelItem, payload))
		lines = append(lines, hex.EncodeToString(items[i][:]))
	}
	h = canon.RootOf(slices.Values(items))
	out["items"] = strings.Join(append(lines, hex.EncodeToString(h[:])), "\n")
	root32 := repeated(7)
	seed, err := hkdf.Key(sha256.New, root32[:], []byte("log_00000000000000000000000000"), "tickmark/log-key/v1\n1", 32)
	if err != nil {
		b.t.Fatal(err)
	}
	out["seed"] = hex.EncodeToString(seed)
}

func bundleVectors(t *testing.T, out map[string]string, b *book, texts []string) {
	c := bundle.Contents{
		Created: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Scope: bundle.All, Logs: []bundle.Log{b.log()},
		Readme: []byte("Example.\n"), Spec: []byte("See ledger.md and bundle.md.\n"),
	}
	for _, text := range texts {
		c.Blobs = append(c.Blobs, blob(text))
	}
	file := write(t, c, 1)
	files := unpack(t, file)
	out["opening-2"] = strings.Split(string(files["logs/0/openings/000000000.jsonl"]), "\n")[1]
	out["header"] = hex.EncodeToString(file[:bytes.Index(file, []byte("Example."))])
	text, _, err := canon.PeekNote(files["manifest.note"])
	if err != nil {
		t.Fatal(err)
	}
	out["manifest"] = strings.TrimSuffix(text, "\n")
	var lines []string
	for part := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(file)), 76) {
		lines = append(lines, string(part))
	}
	out["bundle"] = strings.Join(lines, "\n")
	out["bundle-sha256"] = sum(string(file))
	r, err := bundle.Verify(bytes.NewReader(file), int64(len(file)), bundle.Options{File: "example.evb", Keys: []string{vkey(1)}})
	if err != nil {
		t.Fatal(err)
	}
	r.Limits = nil
	report, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	out["report"] = strings.Replace(string(report), ",\n \"limits\": null", "", 1)
}

var block = regexp.MustCompile("(?m)^```(?:text|json) ([a-z0-9-]+)\n((?:.*\n)*?)```$")

// TestExamplesInDocumentation: what the documentation shows is what the program
// computes.
func TestExamplesInDocumentation(t *testing.T) {
	want := vectors(t)
	seen := map[string]bool{}
	for _, name := range []string{"ledger.md", "bundle.md"} {
		path := filepath.Join("..", "..", "docs", name)
		doc, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			doc = block.ReplaceAllFunc(doc, func(b []byte) []byte {
				head, _, _ := bytes.Cut(b, []byte("\n"))
				return fmt.Appendf(nil, "%s\n%s\n```", head, want[string(block.FindSubmatch(b)[1])])
			})
			if err := os.WriteFile(path, doc, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range block.FindAllSubmatch(doc, -1) {
			title := string(m[1])
			seen[title] = true
			if got := strings.TrimSuffix(string(m[2]), "\n"); got != want[title] {
				t.Errorf("%s, block %s: the documentation has\n%s\nwhere the program computes\n%s", name, title, got, want[title])
			}
		}
	}
	for _, title := range []string{"leaf-2", "checkpoint", "seed", "bundle", "report"} {
		if !seen[title] {
			t.Errorf("the documentation has no block %s", title)
		}
	}
}
