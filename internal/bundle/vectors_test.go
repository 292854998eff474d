package bundle_test

import (
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/tlog"
)

// The leaves, roots and proofs that the tests of Certificate Transparency have
// used since RFC 6962 was written.
var (
	ctLeaves = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	ctRoots  = []string{
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	ctInclusion = []struct {
		index, size int
		path        []string
	}{
		{0, 1, nil},
		{0, 8, []string{
			"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
		}},
		{5, 8, []string{
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		}},
		{2, 3, []string{"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
		{1, 5, []string{
			"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		}},
	}
	ctConsistency = []struct {
		from, to int
		proof    []string
	}{
		{1, 1, nil},
		{1, 8, []string{
			"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
		}},
		{6, 8, []string{
			"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		}},
		{2, 5, []string{
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		}},
	}
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func hashes(t testing.TB, list []string) (out []tlog.Hash) {
	t.Helper()
	for _, s := range list {
		out = append(out, tlog.Hash(unhex(t, s)))
	}
	return out
}

// consistency is RFC 6962, section 2.1.2, as it stands there.
func consistency(leaves [][]byte, m int, whole bool) []tlog.Hash {
	if m == len(leaves) {
		if whole {
			return nil
		}
		return []tlog.Hash{rootOf(leaves)}
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	if m <= k {
		return append(consistency(leaves[:k], m, whole), rootOf(leaves[k:]))
	}
	return append(consistency(leaves[k:], m-k, false), rootOf(leaves[:k]))
}

func TestRFC6962Vectors(t *testing.T) {
	var leaves [][]byte
	for i, s := range ctLeaves {
		leaves = append(leaves, unhex(t, s))
		if got := rootOf(leaves); hex.EncodeToString(got[:]) != ctRoots[i] {
			t.Errorf("root of %d: %x", i+1, got)
		}
	}
	for _, c := range ctInclusion {
		want := hashes(t, c.path)
		if got := path(leaves[:c.size], c.index); !slices.Equal(got, want) {
			t.Errorf("inclusion of %d in %d: %v", c.index, c.size, got)
		}
		rejectInclusion(t, want, c.size, c.index, leaves)
	}
	for _, c := range ctConsistency {
		want := hashes(t, c.proof)
		if got := consistency(leaves[:c.to], c.from, true); !slices.Equal(got, want) {
			t.Errorf("consistency of %d with %d: %v", c.from, c.to, got)
		}
		rejectConsistency(t, want, c.from, c.to, leaves)
	}
}

// TestEveryProofOfSmallTrees: every proof there is holds, and nothing near it.
func TestEveryProofOfSmallTrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var leaves [][]byte
	for n := 1; n <= 20; n++ {
		leaves = append(leaves, []byte{byte(n), byte(r.IntN(256))})
		for i := range leaves {
			rejectInclusion(t, path(leaves, i), n, i, leaves)
		}
		for m := 1; m <= n; m++ {
			rejectConsistency(t, consistency(leaves, m, true), m, n, leaves)
		}
	}
}

// near are proofs that are not the given one.
func near(proof []tlog.Hash) (out [][]tlog.Hash) {
	for i := range proof {
		changed := slices.Clone(proof)
		changed[i][i%32] ^= 1
		out = append(out, changed, slices.Delete(slices.Clone(proof), i, i+1), slices.Insert(slices.Clone(proof), i, proof[i]))
		if i > 0 {
			swapped := slices.Clone(proof)
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			out = append(out, swapped)
		}
	}
	return append(out, append(slices.Clone(proof), tlog.Hash{}), append([]tlog.Hash{{}}, proof...))
}

func rejectInclusion(t *testing.T, proof []tlog.Hash, size, index int, leaves [][]byte) {
	t.Helper()
	root, leaf := rootOf(leaves[:size]), canon.LeafHash(leaves[index])
	check := func(p []tlog.Hash, n int64, root tlog.Hash, i int64, leaf tlog.Hash) bool {
		return tlog.CheckRecord(p, n, root, i, leaf) == nil
	}
	if !check(proof, int64(size), root, int64(index), leaf) {
		t.Errorf("inclusion of %d in %d does not hold", index, size)
	}
	for i, p := range near(proof) {
		if check(p, int64(size), root, int64(index), leaf) {
			t.Errorf("inclusion of %d in %d: changed proof %d holds", index, size, i)
		}
	}
	for _, i := range []int{index - 1, index + 1, size, 1 << 20, -1} {
		if i >= 0 && i < len(leaves) && i != index && check(proof, int64(size), root, int64(i), leaf) || i == size && check(proof, int64(size), root, int64(i), leaf) {
			t.Errorf("inclusion of %d in %d holds for %d", index, size, i)
		}
	}
	wrongRoot, wrongLeaf := root, leaf
	wrongRoot[0] ^= 1
	wrongLeaf[0] ^= 1
	if check(proof, int64(size), wrongRoot, int64(index), leaf) || check(proof, int64(size), root, int64(index), wrongLeaf) ||
		size > 1 && check(proof, int64(size), leaf, int64(index), root) {
		t.Errorf("inclusion of %d in %d holds for another root or leaf", index, size)
	}
}

func rejectConsistency(t *testing.T, proof []tlog.Hash, from, to int, leaves [][]byte) {
	t.Helper()
	older, newer := rootOf(leaves[:from]), rootOf(leaves[:to])
	check := func(p []tlog.Hash, to int64, newer tlog.Hash, from int64, older tlog.Hash) bool {
		return tlog.CheckTree(p, to, newer, from, older) == nil
	}
	if !check(proof, int64(to), newer, int64(from), older) {
		t.Errorf("consistency of %d with %d does not hold", from, to)
	}
	for i, p := range near(proof) {
		if check(p, int64(to), newer, int64(from), older) {
			t.Errorf("consistency of %d with %d: changed proof %d holds", from, to, i)
		}
	}
	wrong := older
	wrong[31] ^= 0x80
	if check(proof, int64(to), newer, int64(from), wrong) || check(proof, int64(to), wrong, int64(from), older) ||
		from != to && check(proof, int64(from), older, int64(to), newer) {
		t.Errorf("consistency of %d with %d holds for other roots", from, to)
	}
}
