package evidence

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/op"
)

// ProofGet hands one entry out: the file shows to whoever has the log's key that
// the entry is in the log, and what it says.
var ProofGet = op.Read("entries.proof", "Return a file that proves one entry to anybody, without the log: docs/bundle.md section 9 says how to check it.", auth.LogRead, proofFile)

// ProofFile is a proof, ready to be kept.
type ProofFile struct {
	Name  string `json:"name"` // of the file
	Proof string `json:"proof"`
	Key   string `json:"key"` // that the reader needs, and gets by another way
}

func proofFile(c *op.Call, in EntryRef) (ProofFile, error) {
	p, err := c.Ledger.Prove(c.Tx, c.Org, in.ID)
	if err != nil {
		return ProofFile{}, err
	}
	out := bundle.Proof{Index: p.Index, Hashes: []tlog.Hash(p.Hashes), Checkpoint: p.Checkpoint.Note, Leaf: p.Leaf}
	if p.Index > 0 {
		// The first entry of its log holds the first key and says whether this is a
		// demonstration. In one transaction both are proved under the same checkpoint.
		first, err := c.Ledger.Prove(c.Tx, c.Org, in.ID-p.Index)
		if err != nil {
			return ProofFile{}, err
		}
		if first.Index != 0 || first.Checkpoint.Size != p.Checkpoint.Size {
			return ProofFile{}, fmt.Errorf("entry %d: its log's first entry is proved under another checkpoint", in.ID)
		}
		out.First, out.FirstHashes = first.Leaf, []tlog.Hash(first.Hashes)
	}
	parts, err := c.Ledger.Openings(c.Tx, c.Org, in.ID, in.ID+1)
	if err != nil {
		return ProofFile{}, err
	}
	for _, o := range parts {
		if out.Open == nil {
			out.Open = map[string]bundle.Opened{}
		}
		out.Open[o.Label] = bundle.Opened{R: o.Salt, Payload: o.Payload}
	}
	file, err := bundle.WriteProof(out)
	if err != nil {
		return ProofFile{}, err
	}
	key, err := keyOf(c, in.ID-p.Index, p.Checkpoint.Size)
	return ProofFile{Name: fmt.Sprintf("entry-%d.tlog-proof", in.ID), Proof: string(file), Key: key}, err
}

// keyOf is the key that signed a log, by the number of its first entry, at a size.
func keyOf(c *op.Call, base, size int64) (string, error) {
	logs, err := c.Ledger.Logs(c.Tx, c.Org)
	if err != nil {
		return "", err
	}
	for _, lg := range logs {
		if lg.Base == base {
			return lg.VKeyAt(size), nil
		}
	}
	return "", fmt.Errorf("no log begins with entry %d", base)
}
