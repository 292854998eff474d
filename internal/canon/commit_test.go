package canon_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tickmark/tickmark/internal/canon"
	"pgregory.net/rapid"
)

// The expected values were computed with Python's hmac module.
func TestCommit(t *testing.T) {
	r := [32]byte{9}
	for _, c := range []struct{ label, payload, want string }{
		{"body", "{}", "c6596269a3f0bd3f440119b51ae470c7f0e4dd921f29976ab85dd6e9845f238f"},
		{"actor", "x\ny", "4c3dc02d81ccdd9f0620d7325ce00d963a39b99a4db1aeb7632414c2d44404d6"},
		{"content", "x\ny", "0b087909b57fe0628d2f3353c342ce2c3ac1736227bca8d9e8a72a85886df617"},
		{"item", "x\ny", "cd34f241353b42b9b0ce02a1a2955c3465109c45677ffd978109d5e70617532a"},
	} {
		got := canon.Commit(r, c.label, c.payload)
		if hex.EncodeToString(got[:]) != c.want {
			t.Errorf("%s: %x, want %s", c.label, got, c.want)
		}
	}
}

func TestContent(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	payload := canon.Content(sum, 5)
	if want := "sha256:" + sum + "\n5"; payload != want {
		t.Errorf("%q, want %q", payload, want)
	}
	gotSum, size, err := canon.ParseContent(payload)
	if err != nil || gotSum != sum || size != 5 {
		t.Errorf("%s, %d, %v", gotSum, size, err)
	}
	for _, bad := range []string{
		"", sum + "\n5", "sha256:" + sum, "sha256:" + sum + "\n", payload + "\n", "sha256:" + sum + "\n05", "sha256:" + sum + "\n-1",
		"sha256:" + sum + "\n+5", "sha256:" + strings.ToUpper(sum) + "\n5", "sha256:ab\n5", "sha512:" + sum + "\n5",
		"sha256:" + sum + "\n9007199254740992", "sha256:" + sum + "\r\n5",
	} {
		if _, _, err := canon.ParseContent(bad); err == nil {
			t.Errorf("%q parsed", bad)
		}
	}
}

func TestChunks(t *testing.T) {
	sum := sha256.Sum256(nil)
	list := canon.Chunks{{Count: 3, SHA256: sum, Size: 0}, {Count: 0, SHA256: [32]byte{1}, Size: 70}}
	b, err := list.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"chunks":[{"count":3,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},` +
		`{"count":0,"sha256":"0100000000000000000000000000000000000000000000000000000000000000","size":70}],"v":1}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
	got, err := canon.ParseChunks(b)
	if diff := cmp.Diff(list, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if b, err = canon.Chunks(nil).Encode(); err != nil || string(b) != `{"chunks":[],"v":1}` {
		t.Errorf("%s, %v", b, err)
	}
	for _, bad := range []canon.Chunks{{{Count: -1}}, {{Size: -1}}, {{Size: 1 << 53}}, make(canon.Chunks, 200000)} {
		if _, err := bad.Encode(); err == nil {
			t.Error("encoded a list that a reader refuses")
		}
	}
}

func TestParseChunksRefuses(t *testing.T) {
	one := `{"count":1,"sha256":"` + strings.Repeat("0", 64) + `","size":1}`
	for name, text := range map[string]string{
		"empty":         ``,
		"array":         `[]`,
		"no version":    `{"chunks":[]}`,
		"version 2":     `{"chunks":[],"v":2}`,
		"no list":       `{"v":1}`,
		"unknown field": `{"chunks":[],"v":1,"w":1}`,
		"line end":      `{"chunks":[],"v":1}` + "\n",
		"text as chunk": `{"chunks":["x"],"v":1}`,
		"negative":      `{"chunks":[` + strings.Replace(one, `"size":1`, `"size":-1`, 1) + `],"v":1}`,
		"more in chunk": `{"chunks":[` + strings.Replace(one, `"size":1`, `"size":1,"x":1`, 1) + `],"v":1}`,
		"short digest":  `{"chunks":[` + strings.Replace(one, `00"`, `0"`, 1) + `],"v":1}`,
		"too long":      `{"chunks":[` + strings.Repeat(one+",", 200000) + one + `],"v":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := canon.ParseChunks([]byte(text)); err == nil {
				t.Errorf("parsed %d chunks", len(c))
			}
		})
	}
}

func FuzzParseChunks(f *testing.F) {
	b, _ := canon.Chunks{{Count: 3, Size: 9}}.Encode()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := canon.ParseChunks(b)
		if err != nil {
			return
		}
		if out, err := c.Encode(); err != nil || string(out) != string(b) {
			t.Errorf("%q reads as %v, which writes as %q, %v", b, c, out, err)
		}
	})
}

// The tree of RFC 6962's reference test vectors: eight leaves and the root
// after each.
func TestRootsOfReferenceTree(t *testing.T) {
	var tree canon.Tree
	if got := root(&tree); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("no leaves: %s", got)
	}
	for i, c := range []struct{ leaf, root string }{
		{"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
		{"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
		{"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
		{"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
		{"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
		{"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
		{"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
		{"606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
	} {
		leaf, err := hex.DecodeString(c.leaf)
		if err != nil {
			t.Fatal(err)
		}
		tree.Add(leaf)
		if got := root(&tree); got != c.root || tree.Size() != int64(i+1) {
			t.Errorf("%d leaves: %s, want %s", tree.Size(), got, c.root)
		}
	}
}

func root(t *canon.Tree) string {
	h := t.Root()
	return hex.EncodeToString(h[:])
}

// naive is the definition in RFC 6962, section 2.1.
func naive(leaves [][]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	l, r := naive(leaves[:k]), naive(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

func TestRootIsThatOfTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 32, 32), 0, 70).Draw(t, "leaves")
		got := canon.RootOf(func(yield func([32]byte) bool) {
			for _, l := range leaves {
				if !yield([32]byte(l)) {
					return
				}
			}
		})
		if want := naive(leaves); got != want {
			t.Fatalf("%x, want %x", got[:], want)
		}
	})
}

func TestItemRecordIsCanonicalJSON(t *testing.T) {
	for _, item := range []string{"CHG-0001", `a "quoted" \ item`, "übung\u2028", "\t"} {
		record := []byte(`{"fields":{"by":"ann"},"line":3}`)
		v, err := canon.ParseJSON(record)
		if err != nil {
			t.Fatal(err)
		}
		want, err := canon.JSON(map[string]any{"item": item, "record": v})
		if err != nil {
			t.Fatal(err)
		}
		if got := canon.ItemRecord(item, record); got != string(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
