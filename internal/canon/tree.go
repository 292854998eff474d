package canon

import (
	"crypto/sha256"
	"iter"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

var emptyRoot = sha256.Sum256(nil)

// LeafHash is the hash of a leaf in the tree: SHA-256 of a zero byte and the
// leaf's bytes.
func LeafHash(leaf []byte) tlog.Hash { return tlog.RecordHash(leaf) }

// Tree computes the RFC 6962 root of leaves as they come, in memory that grows
// with the logarithm of their number. The zero Tree has no leaves.
type Tree struct {
	size int64
	full []tlog.Hash // roots of the perfect subtrees, largest first
}

// Add appends a leaf by its bytes.
func (t *Tree) Add(leaf []byte) { t.AddHash(LeafHash(leaf)) }

// AddHash appends a leaf by its hash.
func (t *Tree) AddHash(h tlog.Hash) {
	// As many subtrees are completed as size ends in ones.
	for range bits.TrailingZeros64(^uint64(t.size)) {
		last := len(t.full) - 1
		h = tlog.NodeHash(t.full[last], h)
		t.full = t.full[:last]
	}
	t.full = append(t.full, h)
	t.size++
}

// Size is the number of leaves so far.
func (t *Tree) Size() int64 { return t.size }

// Root is the root over the leaves so far; of none, the SHA-256 of nothing.
func (t *Tree) Root() tlog.Hash {
	if t.size == 0 {
		return emptyRoot
	}
	h := t.full[len(t.full)-1]
	for i := len(t.full) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.full[i], h)
	}
	return h
}

// RootOf is the root of a bulk entry's items: a tree whose leaves are the
// items' commitments, 32 bytes each.
func RootOf(commitments iter.Seq[[32]byte]) tlog.Hash {
	var t Tree
	for c := range commitments {
		t.Add(c[:])
	}
	return t.Root()
}
