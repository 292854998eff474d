package ledger

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
)

// A frontier is a tree that grows at its end: the roots of its perfect
// subtrees, largest first, are all that further leaves need of it.
type frontier struct {
	size  int64
	roots []tlog.Hash
}

// frontierAt is the frontier of a tree whose hashes are stored.
func frontierAt(size int64, reader tlog.HashReader) (*frontier, error) {
	var at []int64
	for before, level := int64(0), bits.Len64(uint64(size))-1; level >= 0; level-- {
		if size&(1<<level) != 0 {
			at = append(at, tlog.StoredHashIndex(level, before>>level))
			before += 1 << level
		}
	}
	roots, err := reader.ReadHashes(at)
	return &frontier{size, roots}, err
}

// add appends a leaf and returns the hashes it completes, in the order in
// which they are stored.
func (f *frontier) add(h tlog.Hash) []tlog.Hash {
	done := []tlog.Hash{h}
	for range bits.TrailingZeros64(^uint64(f.size)) {
		last := len(f.roots) - 1
		h = tlog.NodeHash(f.roots[last], h)
		f.roots, done = f.roots[:last], append(done, h)
	}
	f.roots = append(f.roots, h)
	f.size++
	return done
}

// root is the hash over all leaves; there is one at least.
func (f *frontier) root() tlog.Hash {
	h := f.roots[len(f.roots)-1]
	for i := len(f.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.roots[i], h)
	}
	return h
}

const (
	selectLeaves = "SELECT idx, leaf FROM ledger_leaf WHERE org_id = ? AND log_id = ? AND idx >= ? AND idx < ? ORDER BY idx"
	selectHashes = "SELECT pos, hash FROM ledger_hash WHERE org_id = ? AND log_id = ? AND pos >= ? AND pos < ? ORDER BY pos"
)

// numbered is a row of bytes with its place.
type numbered struct {
	at   int64
	data []byte
}

func scanNumbered(scan func(...any) error, n *numbered) error { return scan(&n.at, &n.data) }

// reread adds the leaves up to size to the frontier, from their bytes, and
// locks the ledger when a leaf is missing or any stored hash is not the one
// that the leaves make.
func (l *Ledger) reread(tx *db.Tx, org id.Org, lg *Log, f *frontier, size int64) error {
	const batch = 1000
	for f.size < size {
		from, to := f.size, min(f.size+batch, size)
		leaves, err := db.Rows(tx, selectLeaves, []any{org, lg.ID, from, to}, scanNumbered)
		if err != nil {
			return err
		}
		first := tlog.StoredHashIndex(0, from)
		hashes, err := db.Rows(tx, selectHashes, []any{org, lg.ID, first, tlog.StoredHashIndex(0, to)}, scanNumbered)
		if err != nil {
			return err
		}
		next := 0
		for i := range to - from {
			if i >= int64(len(leaves)) || leaves[i].at != from+i {
				return l.lock("entry %d of %s is missing", from+i, lg.Origin)
			}
			for _, want := range f.add(canon.LeafHash(leaves[i].data)) {
				if next >= len(hashes) || hashes[next].at != first+int64(next) {
					return l.lock("a hash over entry %d of %s is missing", from+i, lg.Origin)
				}
				if string(hashes[next].data) != string(want[:]) {
					return l.lock("entry %d of %s is not what was recorded", from+i, lg.Origin)
				}
				next++
			}
		}
	}
	return nil
}

// reader gives tlog the stored hashes.
func (l *Ledger) reader(tx *db.Tx, org id.Org, lg *Log) tlog.HashReader {
	return tlog.HashReaderFunc(func(positions []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(positions))
		for i, pos := range positions {
			var h []byte
			if err := tx.Row(selectHash, []any{org, lg.ID, pos}, &h); err != nil {
				return nil, fmt.Errorf("hash %d of log %s: %w", pos, lg.Origin, err)
			}
			if len(h) != len(out[i]) {
				return nil, fmt.Errorf("hash %d of log %s has %d bytes", pos, lg.Origin, len(h))
			}
			copy(out[i][:], h)
		}
		return out, nil
	})
}
