package bundle_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
)

func TestWriteIsDeterministic(t *testing.T) {
	e := newExample(t)
	want := e.bytes()
	slices.Reverse(e.blobs)
	if !bytes.Equal(e.bytes(), want) {
		t.Error("the order in which blobs are given changes the bundle")
	}
}

func TestWriteRefuses(t *testing.T) {
	failing := errors.New("the database is away")
	fails := func(yield func([]byte, error) bool) { yield(nil, failing) }
	for _, c := range []struct {
		name  string
		spoil func(e example, c *bundle.Contents)
		want  string
	}{
		{"no log", func(e example, c *bundle.Contents) { c.Logs = nil }, "0 logs"},
		{"eleven logs", func(e example, c *bundle.Contents) { c.Logs = slices.Repeat(c.Logs, 11) }, "11 logs"},
		{"a log twice", func(e example, c *bundle.Contents) { c.Logs = slices.Repeat(c.Logs, 2) }, "twice"},
		{"unknown scope", func(e example, c *bundle.Contents) { c.Scope = "some" }, "scope"},
		{"no time", func(e example, c *bundle.Contents) { c.Created = time.Time{} }, "created"},
		{"no key", func(e example, c *bundle.Contents) { c.Logs[0].Key = "" }, "log 0"},
		{"another key", func(e example, c *bundle.Contents) { c.Logs[0].Key = vkey(2) }, "signed with the key of log 0"},
		{"checkpoint by another", func(e example, c *bundle.Contents) { c.Logs[0].Checkpoint = e.other.checkpoint(1) }, "signed by"},
		{"checkpoint of nothing", func(e example, c *bundle.Contents) { c.Logs[0].Checkpoint = e.checkpoint(0) }, "0 entries"},
		{"checkpoint too large", func(e example, c *bundle.Contents) {
			text := canon.Checkpoint{Origin: origin(1), Size: bundle.MaxEntries + 1}.Text()
			c.Logs[0].Checkpoint = sign(e.t, text, 1)
		}, "entries; a bundle holds"},
		{"a leaf too few", func(e example, c *bundle.Contents) { c.Logs[0].Leaves = each(e.leaves[1:]) }, "where the checkpoint says"},
		{"other leaves", func(e example, c *bundle.Contents) {
			c.Logs[0].Leaves = each(append([][]byte{[]byte("x")}, e.leaves[1:]...))
		}, "where the checkpoint says"},
		{"leaf with a line end", func(e example, c *bundle.Contents) { c.Logs[0].Leaves = each([][]byte{[]byte("a\nb")}) }, "not a leaf"},
		{"leaf too long", func(e example, c *bundle.Contents) { c.Logs[0].Leaves = each([][]byte{make([]byte, 9000)}) }, "not a leaf"},
		{"leaves fail", func(e example, c *bundle.Contents) { c.Logs[0].Leaves = fails }, failing.Error()},
		{"openings out of order", func(e example, c *bundle.Contents) {
			list := slices.Clone(e.openings)
			slices.Reverse(list)
			c.Logs[0].Openings = each(list)
		}, "openings ascend"},
		{"opening beyond the log", func(e example, c *bundle.Contents) {
			c.Logs[0].Openings = each([]bundle.Opening{{Index: 8, Open: e.openings[0].Open}})
		}, "lie in the log"},
		{"opening of nothing", func(e example, c *bundle.Contents) { c.Logs[0].Openings = each([]bundle.Opening{{}}) }, "has a label"},
		{"opening too long", func(e example, c *bundle.Contents) {
			c.Logs[0].Openings = each([]bundle.Opening{{Open: map[string]bundle.Opened{"body": {Payload: strings.Repeat("x", 1<<20)}}}})
		}, "at most 1048576 bytes"},
		{"payload that is not UTF-8", func(e example, c *bundle.Contents) {
			c.Logs[0].Openings = each([]bundle.Opening{{Open: map[string]bundle.Opened{"body": {Payload: "\xff"}}}})
		}, "not UTF-8"},
		{"openings fail", func(e example, c *bundle.Contents) {
			c.Logs[0].Openings = func(yield func(bundle.Opening, error) bool) { yield(bundle.Opening{}, failing) }
		}, failing.Error()},
		{"blob twice", func(e example, c *bundle.Contents) { c.Blobs = append(c.Blobs, c.Blobs[0]) }, "occur once"},
		{"blob of another size", func(e example, c *bundle.Contents) { c.Blobs[0].Size++ }, "expected 7"},
		{"blob with other bytes", func(e example, c *bundle.Contents) { c.Blobs[0].SHA256[5]++ }, "its bytes are not those of its name"},
		{"blob that changes between readings", func(e example, c *bundle.Contents) {
			n := 0
			c.Blobs[0].Open = func() (io.ReadCloser, error) {
				n++
				return io.NopCloser(strings.NewReader([]string{"first\n", "forged"}[n-1])), nil
			}
		}, "its bytes are not those of its name"},
		{"blob that cannot be opened", func(e example, c *bundle.Contents) {
			c.Blobs[0].Open = func() (io.ReadCloser, error) { return nil, failing }
		}, failing.Error()},
		{"more than 4 GiB", func(e example, c *bundle.Contents) { c.Blobs[0].Size = 1 << 32 }, "leave out blobs"},
		{"text too long", func(e example, c *bundle.Contents) { c.Readme = make([]byte, 5<<20) }, "README.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newExample(t)
			contents := e.contents()
			c.spoil(e, &contents)
			err := bundle.Write(io.Discard, contents, signer(t, 1))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want an error with %q", err, c.want)
			}
		})
	}
}

type fullDisk struct{ left int }

func (f *fullDisk) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriteReportsAFullDisk(t *testing.T) {
	e := newExample(t)
	for n := 0; n < len(e.bytes()); n += 97 {
		if err := bundle.Write(&fullDisk{n}, e.contents(), signer(t, 1)); err == nil {
			t.Errorf("%d bytes: no error", n)
		}
	}
}

// TestSpecIsTheDocumentation: SPEC.md in each bundle is what docs say.
func TestSpecIsTheDocumentation(t *testing.T) {
	var docs []byte
	for _, name := range []string{"bundle.md", "ledger.md", "examination.md"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if docs != nil {
			docs = append(docs, '\n')
		}
		docs = append(docs, b...)
	}
	if *update {
		if err := os.WriteFile("spec.md", docs, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	spec, err := os.ReadFile("spec.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(spec, docs) {
		t.Error("spec.md differs from docs/bundle.md, ledger.md and examination.md: run go test ./internal/bundle -update")
	}
	c := newExample(t).contents()
	c.Readme, c.Spec = nil, nil
	files := unpack(t, write(t, c, 1))
	if !*update && !bytes.Equal(files["SPEC.md"], docs) {
		t.Error("a bundle holds another SPEC.md")
	}
	if !bytes.Contains(files["README.txt"], []byte("tickmark-verify --key")) {
		t.Error("README.txt does not say how to check the bundle")
	}
}
