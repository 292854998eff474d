package bundle_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
)

// FuzzVerify: nothing but the bundle itself verifies, and nothing panics.
func FuzzVerify(f *testing.F) {
	good := newExample(f).bytes()
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		r := verify(t, b, vkey(1))
		if r.Verdict != bundle.Corrupted && !bytes.Equal(b, good) {
			t.Errorf("%s", r.Verdict)
		}
		if r.Verdict == bundle.Corrupted && len(r.Problems) == 0 {
			t.Error("corrupted, without a problem")
		}
	})
}

// FuzzVerifySigned changes one file and signs again, so that the fuzzer gets
// past the digests to what reads entries, openings and chunks.
func FuzzVerifySigned(f *testing.F) {
	good := unpack(f, newExample(f).bytes())
	names := []string{
		"logs/0/checkpoint", "logs/0/entries/000000000.jsonl", "logs/0/key", "logs/0/openings/000000000.jsonl",
		"logs/0/openings/000000001.jsonl", "logs/1/key", "logs/1/entries/000000000.jsonl",
	}
	for n, name := range names {
		f.Add(byte(n), good[name])
	}
	f.Fuzz(func(t *testing.T, n byte, content []byte) {
		name := names[int(n)%len(names)]
		files := map[string][]byte{}
		for k, v := range good {
			files[k] = v
		}
		files[name] = content
		if name == "logs/0/entries/000000000.jsonl" {
			relog(t, files, bytes.Split(bytes.TrimSuffix(content, []byte("\n")), []byte("\n")))
		}
		reseal(t, files, 1)
		r := verify(t, pack(t, files), vkey(1))
		if r.Verdict == bundle.Verified && slices.ContainsFunc(r.Items, func(i bundle.Item) bool { return i.Verdict == bundle.Corrupted }) {
			t.Error("verified, with a corrupted entry")
		}
		if r.Verdict == bundle.Corrupted && len(r.Problems) == 0 {
			t.Error("corrupted, without a problem")
		}
	})
}

// FuzzVerifyProof: nothing but the proof itself verifies, what is read is
// written again byte for byte, and nothing panics.
func FuzzVerifyProof(f *testing.F) {
	e := newExample(f)
	good := writeProof(f, e.proof(1))
	f.Add(good)
	f.Add(writeProof(f, e.proof(0)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := verifyProof(t, b, bundle.Options{Keys: []string{vkey(1)}})
		if r.Verdict == bundle.Corrupted && len(r.Problems) == 0 {
			t.Error("corrupted, without a problem")
		}
		p, err := bundle.ParseProof(b)
		if err != nil {
			return
		}
		if again, err := bundle.WriteProof(p); err == nil && !bytes.Equal(again, b) {
			t.Errorf("%q is written as %q", b, again)
		}
	})
}

// FuzzPack changes a pack, which is signed again.
func FuzzPack(f *testing.F) {
	good := packed(f, newExample(f), 5)
	f.Add(good["blobpacks/000000000"])
	f.Fuzz(func(t *testing.T, content []byte) {
		files := map[string][]byte{}
		for k, v := range good {
			files[k] = v
		}
		files["blobpacks/000000000"] = content
		reseal(t, files, 1)
		r := verify(t, pack(t, files), vkey(1))
		if r.Verdict != bundle.Corrupted && !bytes.Equal(content, good["blobpacks/000000000"]) {
			t.Errorf("%s", r.Verdict)
		}
	})
}
