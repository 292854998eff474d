package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/tlog"
)

// path is the inclusion proof of an entry at a size, by the plain recursion of
// RFC 6962, section 2.1.1: another opinion than the library's.
func path(leaves [][]byte, index int) []tlog.Hash {
	if len(leaves) == 1 {
		return nil
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	if index < k {
		return append(path(leaves[:k], index), rootOf(leaves[k:]))
	}
	return append(path(leaves[k:], index-k), rootOf(leaves[:k]))
}

func rootOf(leaves [][]byte) tlog.Hash {
	var t canon.Tree
	for _, l := range leaves {
		t.Add(l)
	}
	return t.Root()
}

// proof is that of an entry of a book, with what it says.
func (b *book) proof(index int) bundle.Proof {
	p := bundle.Proof{Index: int64(index), Hashes: path(b.leaves, index), Checkpoint: b.checkpoint(len(b.leaves)), Leaf: b.leaves[index]}
	if index > 0 {
		p.First, p.FirstHashes = b.leaves[0], path(b.leaves, 0)
	}
	for _, o := range b.openings {
		if o.Index == int64(index) {
			p.Open = o.Open
		}
	}
	return p
}

func writeProof(t testing.TB, p bundle.Proof) []byte {
	t.Helper()
	b, err := bundle.WriteProof(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func verifyProof(t testing.TB, b []byte, o bundle.Options) *bundle.Report {
	t.Helper()
	o.File = "test.tlog-proof"
	r, err := bundle.VerifyProof(bytes.NewReader(b), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestProofOfEveryEntry(t *testing.T) {
	b := newExample(t).book
	for i := range b.leaves {
		file := writeProof(t, b.proof(i))
		r := verifyProof(t, file, bundle.Options{Keys: []string{vkey(1)}})
		if r.Verdict != bundle.Verified || len(r.Items) != 1 || r.Items[0].Verdict != bundle.Verified || r.Items[0].Index != int64(i) || r.Key != "given" || r.Scope != "proof" {
			t.Fatalf("%d: %s %v %+v", i, r.Verdict, r.Problems, r.Items)
		}
		if r := verifyProof(t, file, bundle.Options{}); r.Verdict != bundle.Consistent || r.Key != "inside" {
			t.Errorf("%d, no key: %s %v", i, r.Verdict, r.Problems)
		}
		if r := verifyProof(t, file, bundle.Options{Keys: []string{vkey(2)}}); r.Verdict != bundle.Corrupted {
			t.Errorf("%d, another key: %s", i, r.Verdict)
		}
	}
}

func TestProofKinds(t *testing.T) {
	e := newExample(t)
	given := bundle.Options{Keys: []string{vkey(1)}}
	t.Run("content given", func(t *testing.T) {
		file := writeProof(t, e.proof(1))
		o := given
		o.Content = strings.NewReader("first\n")
		if r := verifyProof(t, file, o); r.Verdict != bundle.Verified || r.Items[0].ID != "evd_1" {
			t.Errorf("%s %v", r.Verdict, r.Problems)
		}
		o.Content = strings.NewReader("forged\n")
		wantProblem(t, verifyProof(t, file, o), "entry/1", "is not what the entry commits to")
		o.Content = strings.NewReader("first\n")
		wantProblem(t, verifyProof(t, writeProof(t, e.proof(4)), o), "entry/4", "does not open one")
	})
	t.Run("receipt", func(t *testing.T) {
		p := e.proof(1)
		p.Leaf, p.First, p.FirstHashes, p.Open = nil, nil, nil, nil
		file := writeProof(t, p)
		if r := verifyProof(t, file, given); r.Verdict != bundle.Consistent || len(r.Problems) > 0 {
			t.Errorf("%s %v", r.Verdict, r.Problems)
		}
		if r := verifyProof(t, file, bundle.Options{}); r.Verdict != bundle.Consistent || !strings.Contains(strings.Join(r.Limits, " "), "was not checked") {
			t.Errorf("%s %v", r.Verdict, r.Limits)
		}
		wantProblem(t, verifyProof(t, file, bundle.Options{Keys: []string{canon.VKey(origin(1), public(2))}}), "checkpoint", "signed by")
		p.Hashes = p.Hashes[1:]
		wantProblem(t, verifyProof(t, writeProof(t, p), given), "entry/1", "2 hashes; the way to the root of 8 entries has 3")
	})
	t.Run("demonstration", func(t *testing.T) {
		b := newBook(t, 1, true)
		b.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.b"}`})
		for i := range b.leaves {
			if r := verifyProof(t, writeProof(t, b.proof(i)), given); r.Verdict != bundle.Demo || r.Items[0].Verdict != bundle.Demo {
				t.Errorf("%d: %s", i, r.Verdict)
			}
		}
	})
	t.Run("changed key", func(t *testing.T) {
		b := rotated(t)
		file := writeProof(t, b.proof(5))
		if r := verifyProof(t, file, bundle.Options{Keys: []string{canon.VKey(b.origin, public(4))}}); r.Verdict != bundle.Verified {
			t.Errorf("%s %v", r.Verdict, r.Problems)
		}
		wantProblem(t, verifyProof(t, file, given), "checkpoint", "one entry cannot show the way from key to key")
		wantProblem(t, verifyProof(t, file, bundle.Options{}), "checkpoint", "if the log has changed its key")
	})
	t.Run("cosigned", func(t *testing.T) {
		at := start
		o := newOutside(t, &at)
		p := e.proof(1)
		for i, name := range []string{"witness.example", "other.example/w"} {
			line := o.cosign(e.book, len(e.leaves), name, 20+byte(i), start.Add(time.Duration(i+9)*time.Minute))["body"]
			p.Cosignatures = append(p.Cosignatures, strings.Split(line, `"`)[3])
		}
		r := verifyProof(t, writeProof(t, p), bundle.Options{Policy: o.policy})
		if r.Verdict != bundle.Verified || r.Items[0].Bracket.By != canon.FormatTime(start.Add(9*time.Minute)) || len(r.Witnessed) != 1 || r.Witnessed[0].Size != 8 {
			t.Errorf("%s %v %+v %v", r.Verdict, r.Problems, r.Items, r.Witnessed)
		}
		one := p
		one.Cosignatures = p.Cosignatures[:1]
		if r := verifyProof(t, writeProof(t, one), bundle.Options{Policy: o.policy}); r.Verdict != bundle.Consistent || len(r.Problems) > 0 {
			t.Errorf("without the quorum: %s %v", r.Verdict, r.Problems)
		}
		if r := verifyProof(t, writeProof(t, one), given); r.Verdict != bundle.Verified {
			t.Errorf("without a policy: %s %v", r.Verdict, r.Problems)
		}
		one.Cosignatures = []string{strings.Split(o.cosign(e.book, 7, "witness.example", 20, start)["body"], `"`)[3]}
		wantProblem(t, verifyProof(t, writeProof(t, one), bundle.Options{Policy: o.policy}), "checkpoint", "does not fit the checkpoint")
	})
}

// TestEveryChangedByteOfAProof: of each byte there is one possibility. With the
// key, no change may verify; without, none that touches anything but a
// cosignature that nobody checks.
func TestEveryChangedByteOfAProof(t *testing.T) {
	e := newExample(t)
	for _, i := range []int{0, 1, 7} {
		file := writeProof(t, e.proof(i))
		for at := range file {
			for _, x := range []byte{1, 4, 32, 128} {
				file[at] ^= x
				if r := verifyProof(t, file, bundle.Options{Keys: []string{vkey(1)}}); r.Verdict != bundle.Corrupted || len(r.Problems) == 0 {
					t.Errorf("entry %d, byte %d xor %#x (%q): %s", i, at, x, file[max(0, at-10):min(len(file), at+10)], r.Verdict)
				}
				if r := verifyProof(t, file, bundle.Options{}); r.Verdict != bundle.Corrupted {
					t.Errorf("entry %d, byte %d xor %#x, no key: %s", i, at, x, r.Verdict)
				}
				file[at] ^= x
			}
		}
		for n := range file {
			if r := verifyProof(t, file[:n], bundle.Options{Keys: []string{vkey(1)}}); r.Verdict != bundle.Corrupted {
				t.Errorf("entry %d, %d bytes of %d: %s", i, n, len(file), r.Verdict)
			}
		}
	}
}

// TestForgedProofs are by somebody who signs what they are told.
func TestForgedProofs(t *testing.T) {
	e := newExample(t)
	for _, c := range []struct {
		name  string
		spoil func(p *bundle.Proof)
		want  string
	}{
		{"leaf of another entry", func(p *bundle.Proof) { p.Leaf = e.leaves[2] }, "says that it is entry 2"},
		{"another place", func(p *bundle.Proof) { p.Index = 2 }, "says that it is entry 1"},
		{"beyond the log", func(p *bundle.Proof) { p.Index = 8; p.Leaf = e.leaves[7] }, "the log has no such entry"},
		{"a hash more", func(p *bundle.Proof) { p.Hashes = append(p.Hashes, tlog.Hash{}) }, "4 hashes"},
		{"a hash less", func(p *bundle.Proof) { p.Hashes = p.Hashes[:2] }, "2 hashes"},
		{"no hashes", func(p *bundle.Proof) { p.Hashes = nil }, "0 hashes"},
		{"hashes in another order", func(p *bundle.Proof) { p.Hashes[0], p.Hashes[1] = p.Hashes[1], p.Hashes[0] }, "do not lead"},
		{"checkpoint of an older size", func(p *bundle.Proof) { p.Checkpoint = e.checkpoint(7) }, "do not lead"},
		{"checkpoint of another log", func(p *bundle.Proof) { p.Checkpoint = e.other.checkpoint(2) }, "is of the log"},
		{"first of another log", func(p *bundle.Proof) { p.First = e.other.leaves[0] }, "is of the log"},
		{"first hashes of another", func(p *bundle.Proof) { p.FirstHashes = p.Hashes }, "do not lead"},
		{"opening of another", func(p *bundle.Proof) { p.Open = e.openings[2].Open }, "not what the entry commits to"},
		{"opening under another label", func(p *bundle.Proof) {
			p.Open = map[string]bundle.Opened{"item": e.openings[1].Open["body"]}
		}, "to which the entry does not commit"},
		{"leaf that is none", func(p *bundle.Proof) { p.Leaf = []byte(`{"v":1}`) }, "leaf"},
		{"root that is none", func(p *bundle.Proof) {
			c := canon.Checkpoint{Origin: origin(1), Size: 8, Root: sha256.Sum256([]byte("x"))}
			p.Checkpoint = sign(t, c.Text(), 1)
		}, "do not lead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := e.proof(1)
			c.spoil(&p)
			file, err := bundle.WriteProof(p)
			if err != nil {
				t.Fatal(err)
			}
			r := verifyProof(t, file, bundle.Options{Keys: []string{vkey(1), vkey(2)}})
			if r.Verdict != bundle.Corrupted || !strings.Contains(fmt.Sprint(r.Problems), c.want) {
				t.Errorf("%s %v; want %s", r.Verdict, r.Problems, c.want)
			}
		})
	}
}

// TestProofSpelling: a proof has one form.
func TestProofSpelling(t *testing.T) {
	file := string(writeProof(t, newExample(t).proof(1)))
	extra, _, _ := strings.Cut(file[strings.Index(file, "extra ")+6:], "\n")
	raw, err := base64.StdEncoding.DecodeString(extra)
	if err != nil {
		t.Fatal(err)
	}
	inside := func(old, new string) string {
		changed := strings.Replace(string(raw), old, new, 1)
		if changed == string(raw) {
			t.Fatalf("%s is not in %s", old, raw)
		}
		return strings.Replace(file, extra, base64.StdEncoding.EncodeToString([]byte(changed)), 1)
	}
	line := file[strings.LastIndex(file[:len(file)-1], "\n")+1:]
	other := strings.Replace(line, " "+origin(1), " "+origin(2), 1)
	for name, text := range map[string]string{
		"empty":                    "",
		"another version":          strings.Replace(file, "@v1", "@v2", 1),
		"white space before":       " " + file,
		"a line more at the end":   file + "\n",
		"two extras":               strings.Replace(file, "extra ", "extra "+extra+"\nextra ", 1),
		"two indices":              strings.Replace(file, "index 1\n", "index 1\nindex 1\n", 1),
		"no index":                 strings.Replace(file, "index 1\n", "", 1),
		"index with a zero":        strings.Replace(file, "index 1\n", "index 01\n", 1),
		"index with a plus":        strings.Replace(file, "index 1\n", "index +1\n", 1),
		"negative index":           strings.Replace(file, "index 1\n", "index -1\n", 1),
		"index after the hashes":   strings.Replace(strings.Replace(file, "index 1\n", "", 1), "\n\n", "\nindex 1\n\n", 1),
		"base64 without padding":   strings.Replace(file, "=\n", "\n", 1),
		"carriage returns":         strings.ReplaceAll(file, "\n", "\r\n"),
		"last line not ended":      strings.TrimSuffix(file, "\n"),
		"log's signature twice":    file + line,
		"a signature of another":   file + other,
		"white space in extra":     inside(`"leaf":`, `"leaf": `),
		"a further field in extra": inside(`{"first"`, `{"a":1,"first"`),
		"no first":                 inside(`"first":`, `"fisrt":`),
		"escaped letter in extra":  inside(`"leaf"`, `"l\u0065af"`),
	} {
		t.Run(name, func(t *testing.T) {
			if r := verifyProof(t, []byte(text), bundle.Options{Keys: []string{vkey(1)}}); r.Verdict != bundle.Corrupted {
				t.Errorf("%s", r.Verdict)
			}
		})
	}
}

// TestProofsGrowWithTheLogarithm: what a proof costs, and what is unpaired at the
// right edge costs less.
func TestProofsGrowWithTheLogarithm(t *testing.T) {
	var leaves [][]byte
	for n := 1; n <= 200; n++ {
		leaves = append(leaves, binary.BigEndian.AppendUint32(nil, uint32(n)))
		most := int(math.Ceil(math.Log2(float64(n))))
		for i := range leaves {
			p := path(leaves, i)
			if len(p) > most || i == 0 && len(p) != most {
				t.Fatalf("%d of %d: %d hashes, where the logarithm allows %d", i, n, len(p), most)
			}
			if err := tlog.CheckRecord(p, int64(n), rootOf(leaves), int64(i), canon.LeafHash(leaves[i])); n%29 == 0 && err != nil {
				t.Fatal(err)
			}
			if got := bundle.PathLength(int64(i), int64(n)); got != len(p) {
				t.Fatalf("%d of %d: PathLength %d, want %d", i, n, got, len(p))
			}
		}
	}
}
