package bundle_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
)

// packed is a bundle of which the blobs stand in packs, as many in each as said.
func packed(t testing.TB, e example, inPack int) map[string][]byte {
	t.Helper()
	files := unpack(t, e.bytes())
	var sums []string
	for name := range files {
		if s, ok := strings.CutPrefix(name, "blobs/"); ok {
			sums = append(sums, s)
		}
	}
	slices.Sort(sums)
	k := 0
	for part := range slices.Chunk(sums, inPack) {
		var b bytes.Buffer
		for _, s := range part {
			fmt.Fprintf(&b, "%s %d\n%s", s, len(files["blobs/"+s]), files["blobs/"+s])
			delete(files, "blobs/"+s)
		}
		files[fmt.Sprintf("blobpacks/%09d", k)] = b.Bytes()
		k++
	}
	reseal(t, files, 1)
	return files
}

// TestPacks: how the blobs are kept changes nothing of what is said.
func TestPacks(t *testing.T) {
	e := newExample(t)
	want := verify(t, e.bytes(), vkey(1))
	for _, n := range []int{1, 2, 5} {
		r := verify(t, pack(t, packed(t, e, n)), vkey(1))
		if r.Verdict != bundle.Verified || !slices.Equal(r.Items, want.Items) {
			t.Errorf("%d in a pack: %s %v", n, r.Verdict, r.Problems)
		}
	}
	one := packed(t, e, 5)
	first := "blobs/" + sum("first\n")
	one[first] = []byte("first\n")
	one["blobpacks/000000000"] = bytes.Replace(one["blobpacks/000000000"], []byte(sum("first\n")+" 6\nfirst\n"), nil, 1)
	reseal(t, one, 1)
	if r := verify(t, pack(t, one), vkey(1)); r.Verdict != bundle.Verified {
		t.Errorf("one beside the pack: %s %v", r.Verdict, r.Problems)
	}
}

func TestPacksThatDoNotHold(t *testing.T) {
	const p0, p1, p2 = "blobpacks/000000000", "blobpacks/000000001", "blobpacks/000000002"
	e := newExample(t)
	replace := func(name, old, new string) func(f map[string][]byte) {
		return func(f map[string][]byte) {
			changed := strings.Replace(string(f[name]), old, new, 1)
			if changed == string(f[name]) {
				t.Fatalf("%q is not in %q", old, f[name])
			}
			f[name] = []byte(changed)
		}
	}
	// In the order of their SHA-256, two to a pack.
	sums := []string{}
	for _, b := range e.blobs {
		sums = append(sums, hex.EncodeToString(b.SHA256[:]))
	}
	slices.Sort(sums)
	for _, c := range []struct {
		name           string
		spoil          func(f map[string][]byte)
		object, reason string
	}{
		{"another blob", func(f map[string][]byte) {
			for _, p := range []string{p0, p1, p2} {
				f[p] = bytes.Replace(f[p], []byte("\nfirst\n"), []byte("\nworst\n"), 1)
			}
		}, "", "where its line says"},
		{"a size with a zero", replace(p0, sums[0]+" ", sums[0]+" 0"), p0, "want the SHA-256 and the size"},
		{"a larger size", replace(p2, sums[4]+" ", sums[4]+" 9"), p2, "where the pack has"},
		{"no line end", replace(p0, "\n", " "), p0, ""},
		{"bytes at the end", func(f map[string][]byte) { f[p2] = append(f[p2], 'x') }, p2, "want a line"},
		{"cut short", func(f map[string][]byte) { f[p2] = f[p2][:len(f[p2])-1] }, p2, "where the pack has"},
		{"empty", func(f map[string][]byte) { f["blobpacks/000000003"] = nil }, "blobpacks/000000003", "empty"},
		{"a gap", func(f map[string][]byte) { f["blobpacks/000000003"] = f[p2]; delete(f, p2) }, p2, "without gaps"},
		{"out of order", func(f map[string][]byte) { f[p0], f[p1] = f[p1], f[p0] }, p1, "out of place"},
		{"twice", func(f map[string][]byte) { f["blobpacks/000000003"] = f[p2] }, "blobpacks/000000003", "out of place"},
		{"as a file as well", func(f map[string][]byte) { f["blobs/"+sum("first\n")] = []byte("first\n") }, "", "is a file of its own as well"},
		{"one too many", func(f map[string][]byte) {
			x := strings.Repeat("x", 9)
			for n := 0; sum(x) <= sums[4]; n++ {
				x = fmt.Sprintf("x%08d", n)
			}
			f[p2] = append(f[p2], sum(x)+" 9\n"+x...)
		}, p2, "no opened entry names this content"},
		{"one missing", func(f map[string][]byte) { delete(f, p2) }, "", "no later entry erases this one"},
		{"33 MiB", func(f map[string][]byte) { f[p2] = append(f[p2], make([]byte, 33<<20)...) }, p2, "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := packed(t, e, 2)
			c.spoil(files)
			reseal(t, files, 1)
			r := verify(t, pack(t, files), vkey(1))
			found := slices.ContainsFunc(r.Problems, func(p bundle.Problem) bool {
				return (c.object == "" || p.Object == c.object) && strings.Contains(p.Reason, c.reason)
			})
			if r.Verdict != bundle.Corrupted || !found {
				t.Errorf("%s %v", r.Verdict, r.Problems)
			}
		})
	}
}

func TestEveryChangedByteOfAPackIsNamed(t *testing.T) {
	b := pack(t, packed(t, newExample(t), 2))
	where := regions(t, b)
	for i := range b {
		if !strings.Contains(where[i], "blobpacks/") {
			continue
		}
		b[i] ^= 4
		if r := verify(t, b, vkey(1)); r.Verdict != bundle.Corrupted || r.Problems[0].Object != where[i] {
			t.Errorf("byte %d: %s %v; want it named first: %s", i, r.Verdict, r.Problems, where[i])
		}
		b[i] ^= 4
	}
}

// TestManyBlobs: more blobs than an archive has files go into packs.
func TestManyBlobs(t *testing.T) {
	b := newBook(t, 1, false)
	var blobs []bundle.Blob
	const many = 70_000
	for n := range many {
		text := fmt.Sprintf("record %d\n", n)
		blobs = append(blobs, blob(text))
		if n == 7 {
			large := strings.Repeat("large\n", 200_000)
			blobs = append(blobs, blob(large))
			b.add(canon.Leaf{Kind: canon.KindEvidence}, map[string]string{"body": body("evd_large"), "content": content(large)})
		}
		b.add(canon.Leaf{Kind: canon.KindEvidence}, map[string]string{"body": body(fmt.Sprintf("evd_%d", n)), "content": content(text)})
	}
	file := pack1(b, blobs)
	r := verify(t, file, vkey(1))
	if r.Verdict != bundle.Verified || r.Counts.Blobs != many+1 || r.Counts.Files > 2*(many/256+1)+10 {
		t.Errorf("%s %+v %v", r.Verdict, r.Counts, r.Problems)
	}
	blobs = append(blobs, blobs[0])
	err := bundle.Write(new(bytes.Buffer), bundle.Contents{Created: start, Scope: bundle.All, Logs: []bundle.Log{b.log()}, Blobs: blobs}, signer(t, 1))
	if err == nil || !strings.Contains(err.Error(), "names ascend and occur once") {
		t.Error(err)
	}
}
