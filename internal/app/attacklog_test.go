package app_test

import (
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
)

// leaves reads the log of the client.
func (x *breaker) leaves() (out [][]byte) {
	x.t.Helper()
	err := x.app.DB.Read(x.t.Context(), db.All, func(tx *db.Tx) (err error) {
		out, err = db.Rows(tx, "SELECT leaf FROM ledger_leaf WHERE org_id = ? ORDER BY idx", []any{x.sides["client"]}, func(scan func(...any) error, b *[]byte) error {
			return scan(b)
		})
		return err
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return out
}

const (
	setLeaf = "UPDATE ledger_leaf SET leaf = ? WHERE org_id = ? AND idx = ?"
	setHash = "UPDATE ledger_hash SET hash = ? WHERE org_id = ? AND pos = ?"
)

// forged is the leaf of an entry with another commitment.
func (x *breaker) forged(index int) []byte {
	x.t.Helper()
	leaf, err := canon.ParseLeaf(x.leaves()[index])
	if err != nil {
		x.t.Fatal(err)
	}
	c := leaf.Commit[canon.LabelBody]
	c[0] ^= 1
	leaf.Commit[canon.LabelBody] = c
	b, err := leaf.Encode()
	if err != nil {
		x.t.Fatal(err)
	}
	return b
}

// rehash writes every hash anew over leaves: what a clever owner would do.
func (x *breaker) rehash(leaves [][]byte) {
	x.t.Helper()
	stored := map[int64]tlog.Hash{}
	reader := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for i, b := range leaves {
		hashes, err := tlog.StoredHashes(int64(i), b, reader)
		if err != nil {
			x.t.Fatal(err)
		}
		for k, h := range hashes {
			stored[tlog.StoredHashIndex(0, int64(i))+int64(k)] = h
		}
	}
	for at, h := range stored {
		x.exec(setHash, h[:], x.sides["client"], at)
	}
}

// attacksOnTheLog are made upon entries 5 and 6 of the client's log where
// nothing else is said.
var attacksOnTheLog = []attack{
	hit("client", "leaf: its bytes", "", "entry 5", "UPDATE ledger_leaf SET leaf = (SELECT l.leaf FROM ledger_leaf l WHERE l.org_id = @org AND l.idx = 6) WHERE org_id = @org AND idx = 5"),
	{side: "client", name: "leaf: another commitment", want: "entry 5", do: func(x *breaker) { x.exec(setLeaf, x.forged(5), x.sides["client"], 5) }},
	{side: "client", name: "leaf and its hash", want: "entry 5", do: func(x *breaker) {
		b := x.forged(5)
		h := canon.LeafHash(b)
		x.exec(setLeaf, b, x.sides["client"], 5)
		x.exec(setHash, h[:], x.sides["client"], tlog.StoredHashIndex(0, 5))
	}},
	{side: "client", name: "leaf and every hash", want: "checkpoint ", do: func(x *breaker) {
		all := x.leaves()
		all[5] = x.forged(5)
		x.exec(setLeaf, all[5], x.sides["client"], 5)
		x.rehash(all)
	}},
	{side: "client", name: "two leaves exchanged", want: "entry 6", do: func(x *breaker) {
		all := x.leaves()
		x.exec(setLeaf, all[6], x.sides["client"], 5)
		x.exec(setLeaf, all[5], x.sides["client"], 6)
	}},
	hit("client", "leaf: kind of its row", "", "entry 5", "UPDATE ledger_leaf SET kind = 'evidence' WHERE org_id = @org AND idx = 5"),
	hit("client", "leaf: an evidence entry called an operation", "SELECT MIN(idx) FROM ledger_leaf WHERE org_id = @org AND kind = 'evidence'", "entry @a", "UPDATE ledger_leaf SET kind = 'op' WHERE org_id = @org AND idx = @a"),
	hit("client", "leaf: time of its row", "", "entry 5", "UPDATE ledger_leaf SET recorded = recorded - 86400000 WHERE org_id = @org AND idx = 5"),
	hit("client", "leaf: deleted", "", "entry 5", "DELETE FROM ledger_leaf WHERE org_id = @org AND idx = 5"),
	hit("client", "leaf: the last deleted", "SELECT size - 1 FROM ledger_head WHERE org_id = @org", "entry @a", "DELETE FROM ledger_leaf WHERE org_id = @org AND idx = @a"),
	hit("client", "leaf: one too many", "SELECT size FROM ledger_head WHERE org_id = @org", "the log",
		"INSERT INTO ledger_leaf (org_id, log_id, idx, kind, recorded, leaf) SELECT org_id, log_id, @a, kind, recorded, leaf FROM ledger_leaf WHERE org_id = @org AND idx = 5"),
	hit("client", "leaf: called a demonstration no more", "", "entry 0", "UPDATE ledger_leaf SET leaf = (SELECT l.leaf FROM ledger_leaf l WHERE l.org_id = @firm AND l.idx = 0) WHERE org_id = @org AND idx = 0"),
	{side: "client", name: "hash: of an entry", want: "entry 5", do: func(x *breaker) {
		x.exec(setHash, make([]byte, 32), x.sides["client"], tlog.StoredHashIndex(0, 5))
	}},
	{side: "client", name: "hash: over entries", want: "entry 5", do: func(x *breaker) {
		x.exec(setHash, make([]byte, 32), x.sides["client"], tlog.StoredHashIndex(1, 2))
	}},
	{side: "client", name: "hash: cut short", want: "entry 6", do: func(x *breaker) {
		x.exec(setHash, make([]byte, 31), x.sides["client"], tlog.StoredHashIndex(0, 6))
	}},
	{side: "client", name: "hash: deleted", want: "entry 5", do: func(x *breaker) {
		x.exec("DELETE FROM ledger_hash WHERE org_id = ? AND pos = ?", x.sides["client"], tlog.StoredHashIndex(1, 2))
	}},
	{side: "client", name: "tail cut off, with head and checkpoints", want: "the log", do: func(x *breaker) {
		o, n := x.sides["client"], int64(40)
		x.exec("DELETE FROM ledger_opening WHERE org_id = ? AND idx >= ?", o, n)
		x.exec("DELETE FROM ledger_hash WHERE org_id = ? AND pos >= ?", o, tlog.StoredHashIndex(0, n))
		x.exec("DELETE FROM ledger_leaf WHERE org_id = ? AND idx >= ?", o, n)
		x.exec("DELETE FROM ledger_checkpoint WHERE org_id = ? AND size > ?", o, n)
		x.exec("UPDATE ledger_head SET size = ?, recorded = (SELECT MAX(recorded) FROM ledger_leaf WHERE org_id = ?) WHERE org_id = ?", n, o, o)
	}},
	hit("client", "head: lower", "", "the log", "UPDATE ledger_head SET size = size - 2 WHERE org_id = @org"),
	hit("client", "head: higher", "SELECT size FROM ledger_head WHERE org_id = @org", "entry @a", "UPDATE ledger_head SET size = size + 1 WHERE org_id = @org"),
	hit("client", "head: its time", "", "the log", "UPDATE ledger_head SET recorded = recorded - 60000 WHERE org_id = @org"),
	hit("client", "head: deleted", "", "the log", "DELETE FROM ledger_head WHERE org_id = @org"),
	hit("client", "checkpoint: the newest deleted", "SELECT MAX(size) FROM ledger_checkpoint WHERE org_id = @org", "checkpoint @a", "DELETE FROM ledger_checkpoint WHERE org_id = @org AND size = @a"),
	hit("client", "checkpoint: an old one deleted", "SELECT MIN(size) FROM ledger_checkpoint WHERE org_id = @org", " @a", "DELETE FROM ledger_checkpoint WHERE org_id = @org AND size = @a"),
	hit("client", "checkpoint: its note", "SELECT MIN(size) FROM ledger_checkpoint WHERE org_id = @org", "checkpoint @a", "UPDATE ledger_checkpoint SET note = REPLACE(note, 'tickmark', 'tickmurk') WHERE org_id = @org AND size = @a"),
	hit("client", "checkpoint: that of another size", "SELECT MIN(size), MAX(size) FROM ledger_checkpoint WHERE org_id = @org", "checkpoint @a",
		"UPDATE ledger_checkpoint SET note = (SELECT c.note FROM ledger_checkpoint c WHERE c.org_id = @org AND c.size = @b) WHERE org_id = @org AND size = @a"),
	hit("client", "checkpoint: that of another log", "SELECT MIN(size) FROM ledger_checkpoint WHERE org_id = @org", "checkpoint @a",
		"UPDATE ledger_checkpoint SET note = (SELECT MAX(c.note) FROM ledger_checkpoint c WHERE c.org_id = @firm) WHERE org_id = @org AND size = @a"),
	hit("client", "checkpoint: moved", "SELECT MAX(size) FROM ledger_checkpoint WHERE org_id = @org", "checkpoint", "UPDATE ledger_checkpoint SET size = size + 1000 WHERE org_id = @org AND size = @a"),
	hit("client", "checkpoint: when it was signed", "SELECT MIN(size) FROM ledger_checkpoint WHERE org_id = @org", "ledger_checkpoint", "UPDATE ledger_checkpoint SET signed = signed - 86400000 WHERE org_id = @org AND size = @a"),
	hit("client", "opening: its payload", "", "entry 5", "UPDATE ledger_opening SET payload = '{\"op\":\"orgs.update\"}' WHERE org_id = @org AND idx = 5 AND label = 'body'"),
	hit("client", "opening: who acted", "", "entry 5", "UPDATE ledger_opening SET payload = REPLACE(payload, '\"via\"', '\"vib\"') WHERE org_id = @org AND idx = 5 AND label = 'actor'"),
	hit("client", "opening: its salt", "", "entry 5", "UPDATE ledger_opening SET salt = (SELECT o.salt FROM ledger_opening o WHERE o.org_id = @org AND o.idx = 6 AND o.label = 'body') WHERE org_id = @org AND idx = 5 AND label = 'body'"),
	{side: "client", name: "opening: salt cut short", want: "entry 5", do: func(x *breaker) {
		x.exec("UPDATE ledger_opening SET salt = ? WHERE org_id = ? AND idx = 5 AND label = 'body'", []byte("short"), x.sides["client"])
	}},
	hit("client", "opening: salt and payload of another entry", "", "entry 5", "UPDATE ledger_opening SET salt = (SELECT o.salt FROM ledger_opening o WHERE o.org_id = @org AND o.idx = 6 AND o.label = 'body'), payload = (SELECT o.payload FROM ledger_opening o WHERE o.org_id = @org AND o.idx = 6 AND o.label = 'body') WHERE org_id = @org AND idx = 5 AND label = 'body'"),
	hit("client", "opening: body deleted", "", "entry 5", "DELETE FROM ledger_opening WHERE org_id = @org AND idx = 5 AND label = 'body'"),
	hit("client", "opening: all of an entry deleted", "", "entry 5", "DELETE FROM ledger_opening WHERE org_id = @org AND idx = 5"),
	hit("client", "opening: called another label", "", "entry 5", "UPDATE ledger_opening SET label = 'content' WHERE org_id = @org AND idx = 5 AND label = 'actor'"),
	hit("client", "opening: moved behind the end", "", "entry 5", "UPDATE ledger_opening SET idx = 1000005 WHERE org_id = @org AND idx = 5 AND label = 'body'"),
	hit("client", "opening: added", "SELECT MIN(l.idx) FROM ledger_leaf l WHERE l.org_id = @org AND l.kind = 'op'", "entry @a",
		"INSERT INTO ledger_opening (org_id, log_id, idx, label, salt, payload) SELECT org_id, log_id, idx, 'content', salt, 'sha256:' FROM ledger_opening WHERE org_id = @org AND idx = @a AND label = 'body'"),
	hit("client", "opening: content of other evidence", "SELECT MIN(idx), MAX(idx) FROM ledger_opening WHERE org_id = @org AND label = 'content'", "entry @a",
		"UPDATE ledger_opening SET payload = (SELECT o.payload FROM ledger_opening o WHERE o.org_id = @org AND o.idx = @b AND o.label = 'content') WHERE org_id = @org AND idx = @a AND label = 'content'"),
	hit("client", "log: its public key", "", "the log", "UPDATE ledger_log SET public_key = (SELECT l.public_key FROM ledger_log l WHERE l.org_id = @firm) WHERE org_id = @org"),
	hit("client", "log: its first key", "", "the keys of the log", "UPDATE ledger_key SET public_key = (SELECT k.public_key FROM ledger_key k WHERE k.org_id = @firm) WHERE org_id = @org"),
	hit("client", "log: the key's place", "", "the keys of the log", "UPDATE ledger_key SET idx = 7 WHERE org_id = @org"),
	hit("client", "log: another key", "", "the keys of the log", "INSERT INTO ledger_key (org_id, log_id, generation, idx, public_key, created) SELECT org_id, log_id, 2, 9, public_key, created FROM ledger_key WHERE org_id = @org"),
	hit("client", "log: its origin", "", "entry 0", "UPDATE ledger_log SET origin = REPLACE(origin, '/1', '/2') WHERE org_id = @org"),
	hit("client", "log: no demonstration", "", "the log", "UPDATE ledger_log SET demo = FALSE WHERE org_id = @org"),
	hit("client", "log: since when", "", "ledger_log", "UPDATE ledger_log SET created = created - 86400000 WHERE org_id = @org"),
	hit("file", "the engagement's log: a body", "SELECT MAX(idx) FROM ledger_leaf WHERE org_id = @org AND kind = 'conclusion'", "entry @a",
		"UPDATE ledger_opening SET payload = REPLACE(payload, 'effective', 'undetermined') || ' ' WHERE org_id = @org AND idx = @a AND label = 'body'"),
	hit("firm", "the firm's log: a leaf", "", "entry 2", "DELETE FROM ledger_leaf WHERE org_id = @org AND idx = 2"),
}

// attacksOnBlobs are made in the database; the objects lie elsewhere.
var attacksOnBlobs = []attack{
	hit("client", "blob: deleted", "SELECT MIN(b.address) FROM blob b JOIN evidence e ON e.org_id = b.org_id AND e.address = b.address WHERE b.org_id = @org", "blob @a", "DELETE FROM blob WHERE org_id = @org AND address = @a"),
	hit("client", "blob: a piece deleted", "SELECT MIN(b.address) FROM blob b WHERE b.org_id = @org AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.address = b.address) AND NOT EXISTS (SELECT 1 FROM source_run r WHERE r.manifest = b.address) AND NOT EXISTS (SELECT 1 FROM population_version v WHERE v.list = b.address)", "blob @a", "DELETE FROM blob WHERE org_id = @org AND address = @a"),
	hit("client", "blob: its digest", "SELECT MIN(address) FROM blob WHERE org_id = @org", "blob @a", "UPDATE blob SET sealed_sha256 = SUBSTR(sealed_sha256, 2) || SUBSTR(sealed_sha256, 1, 1) WHERE org_id = @org AND address = @a"),
	hit("client", "blob: digest of another", "SELECT MIN(address), MAX(address) FROM blob WHERE org_id = @org", "blob @a", "UPDATE blob SET sealed_sha256 = (SELECT b.sealed_sha256 FROM blob b WHERE b.org_id = @org AND b.address = @b) WHERE org_id = @org AND address = @a"),
	hit("client", "blob: its size", "SELECT MIN(address) FROM blob WHERE org_id = @org", "blob @a", "UPDATE blob SET size = size + 1 WHERE org_id = @org AND address = @a"),
	hit("client", "blob: key of another", "SELECT MIN(address), MAX(address) FROM blob WHERE org_id = @org", "blob @a", "UPDATE blob SET file_key = (SELECT b.file_key FROM blob b WHERE b.org_id = @org AND b.address = @b) WHERE org_id = @org AND address = @a"),
	hit("client", "blob: key, digest and size of another", "SELECT MIN(address), MAX(address) FROM blob WHERE org_id = @org", "blob @a",
		"UPDATE blob SET file_key = (SELECT b.file_key FROM blob b WHERE b.org_id = @org AND b.address = @b), sealed_sha256 = (SELECT b.sealed_sha256 FROM blob b WHERE b.org_id = @org AND b.address = @b), size = (SELECT b.size FROM blob b WHERE b.org_id = @org AND b.address = @b) WHERE org_id = @org AND address = @a"),
	hit("client", "blob: another address", "SELECT MIN(address) FROM blob WHERE org_id = @org", "blob", "UPDATE blob SET address = SUBSTR(address, 2) || SUBSTR(address, 1, 1) WHERE org_id = @org AND address = @a"),
	hit("client", "blob: given to the firm", "SELECT MIN(address) FROM blob WHERE org_id = @org", "blob", "UPDATE blob SET org_id = @firm WHERE org_id = @org"),
	{side: "client", name: "blob: key of noise", want: "blob ", do: func(x *breaker) {
		x.exec("UPDATE blob SET file_key = ? WHERE org_id = ?", []byte("noise"), x.sides["client"])
	}},
	hit("client", "organization key: another's", "SELECT MIN(address) FROM blob WHERE org_id = @org", "blob @a", "UPDATE blob_org_key SET wrapped = (SELECT k.wrapped FROM blob_org_key k WHERE k.org_id = @firm) WHERE org_id = @org"),
	hit("client", "organization key: deleted", "SELECT MIN(address) FROM blob WHERE org_id = @org", "blob @a", "DELETE FROM blob_org_key WHERE org_id = @org"),
	hit("file", "blob of the file: its size", "SELECT MIN(address) FROM blob WHERE org_id = @org", "blob @a", "UPDATE blob SET size = size - 1 WHERE org_id = @org AND address = @a"),
	hit("file", "blob of the file: deleted", "SELECT MIN(address) FROM report WHERE org_id = @org", "blob @a", "DELETE FROM blob WHERE org_id = @org AND address = @a"),
	hit("file", "blob of the file: the closed number deleted", "SELECT MIN(secret), MIN(id) FROM population WHERE org_id = @org", "population", "DELETE FROM blob WHERE org_id = @org AND address = @a"),
}
