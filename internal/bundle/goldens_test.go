package bundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/stamp"
)

// Beside each golden file stand, by its name, what a reader of it has: .keys, one
// to a line, .policy, .pem, .content; and .json, what the verifier says.
const goldens = "testdata/golden-v1-*"

// madeGoldens makes the files of which there is none yet.
func madeGoldens(t *testing.T) map[string][]byte {
	out := map[string][]byte{}
	lines := func(s ...string) []byte { return []byte(strings.Join(s, "\n") + "\n") }
	put := func(name string, file []byte, keys ...string) {
		out[name] = file
		out[name+".keys"] = lines(keys...)
	}
	put("rotation.evb", pack1(rotated(t), nil), vkey(1))
	now, old, blobs := estate(t)
	put("continuation.evb", pack1(now, blobs, old), canon.VKey(now.origin, public(5)), vkey(1))
	b, o, blobs := anchored(t)
	put("anchors.evb", pack1(b, blobs), vkey(1))
	out["anchors.evb.policy"], out["anchors.evb.pem"] = []byte(o.text), o.authority.Root.PEM()
	put("anchors-untrusted.evb", pack1(b, blobs), vkey(1))
	put("packs.evb", pack(t, packed(t, newExample(t), 2)), vkey(1))
	e := newExample(t)
	p := e.proof(1)
	p.Cosignatures = []string{
		strings.Split(o.cosign(e.book, len(e.leaves), "witness.example", 20, start.Add(1e12))["body"], `"`)[3],
		strings.Split(o.cosign(e.book, len(e.leaves), "other.example/w", 21, start.Add(2e12))["body"], `"`)[3],
	}
	put("proof.tlog-proof", writeProof(t, p), vkey(1))
	out["proof.tlog-proof.policy"], out["proof.tlog-proof.content"] = []byte(o.text), []byte("first\n")
	return out
}

// goldenOptions are what a reader of a golden file has.
func goldenOptions(t testing.TB, path string) bundle.Options {
	t.Helper()
	o := bundle.Options{File: filepath.Base(path)}
	read := func(ext string) []byte {
		b, err := os.ReadFile(path + ext)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return b
	}
	o.Keys = strings.Fields(string(read(".keys")))
	var err error
	if b := read(".policy"); b != nil {
		if o.Policy, err = cosign.ParsePolicy(b); err != nil {
			t.Fatal(err)
		}
	}
	if b := read(".pem"); b != nil {
		if o.Roots, err = stamp.ParseRoots(b); err != nil {
			t.Fatal(err)
		}
	}
	if b := read(".content"); b != nil {
		o.Content = bytes.NewReader(b)
	}
	return o
}

// TestEveryGoldenVerifiesForever: what this release wrote, every release reads,
// and says the same of it. So -update writes a report again, and the file only
// where there is none.
func TestEveryGoldenVerifiesForever(t *testing.T) {
	if *update {
		made := madeGoldens(t)
		for _, name := range slices.Sorted(maps.Keys(made)) {
			path := "testdata/golden-v1-" + name
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				if err := os.WriteFile(path, made[name], 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	paths, err := filepath.Glob(goldens)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range paths {
		proof := strings.HasSuffix(path, ".tlog-proof")
		if !proof && !strings.HasSuffix(path, ".evb") {
			continue
		}
		n++
		t.Run(filepath.Base(path), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var r *bundle.Report
			if o := goldenOptions(t, path); proof {
				r, err = bundle.VerifyProof(bytes.NewReader(b), o)
			} else {
				r, err = bundle.Verify(bytes.NewReader(b), int64(len(b)), o)
			}
			if err != nil || r.Verdict != bundle.Verified {
				t.Fatal(err, r.Verdict, r.Problems)
			}
			got, err := json.MarshalIndent(r, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			if *update {
				if err := os.WriteFile(path+".json", got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the report is not that of %s.json; got\n%.3000s", path, got)
			}
		})
	}
	if n < 6 {
		t.Errorf("%d golden files; there were 6 at the first release", n)
	}
}

// TestGoldensAreWhatIsWritten: the writer still makes these bytes.
func TestGoldensAreWhatIsWritten(t *testing.T) {
	for name, want := range madeGoldens(t) {
		got, err := os.ReadFile("testdata/golden-v1-" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes of the same contents than version 1 made", name)
		}
	}
}
