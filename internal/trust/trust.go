// Package trust is what anybody may know of how far an organization's log can be
// relied on: how much of it is signed, who outside vouches for it, when it was
// last read back, and whether it could be restored.
package trust

import (
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scrub"
)

// Everything that can be asked.
var (
	Get = op.Read("log_health.get", "Show how far the log can be relied on: signatures, outside anchors, reading back, backups and restore tests.", auth.OrgRead, get)

	Operations = []op.Operation{Get}
)

// Health is the state of a log as everybody in the organization may see it. It
// counts; what was found and where is for those who may read the log.
type Health struct {
	At       time.Time `json:"at"`
	Origin   string    `json:"origin"`
	Key      string    `json:"key"`
	Demo     bool      `json:"demo,omitempty"`
	ReadOnly string    `json:"read_only,omitempty"` // why nothing is written any more
	Entries  int64     `json:"entries"`
	Signed   int64     `json:"signed"` // entries under the newest signed head
	SignedAt time.Time `json:"signed_at,omitzero"`
	// Logs is how many logs the entries lie in: more than one after a restore
	// that had lost entries, or after a key was revoked. Keys is how many keys
	// the newest of them has had.
	Logs int `json:"logs"`
	Keys int `json:"keys"`

	ReadBack ReadBack `json:"read_back"`
	Outside  Outside  `json:"outside"`
	Backup   *Run     `json:"backup,omitempty"`
	Drill    *Run     `json:"drill,omitempty"`
}

// ReadBack is how the reading back of log, rows and evidence stands.
type ReadBack struct {
	Ended   time.Time `json:"ended,omitzero"` // the last pass that was read to its end
	Running bool      `json:"running,omitempty"`
	Done    int64     `json:"done,omitempty"` // of the layer that is being read
	Of      int64     `json:"of,omitempty"`
	Found   int64     `json:"found"` // things that are not as recorded, and stand
}

// Run is the newest backup, or the newest time that a restore was tried.
type Run struct {
	At      time.Time `json:"at"` // the moment that the copy shows
	Ended   time.Time `json:"ended"`
	Outcome string    `json:"outcome"`
	Entries int64     `json:"entries"`
	Problem string    `json:"problem,omitempty"`
}

func get(c *op.Call, _ op.None) (Health, error) {
	head, err := c.Ledger.Head(c.Tx, c.Org)
	if err != nil {
		return Health{}, err
	}
	h := Health{At: c.Now, Origin: head.Origin, Key: head.VKey, Demo: head.Demo, ReadOnly: c.Ledger.Locked(),
		Entries: head.Size, Signed: head.SignedSize(), SignedAt: head.Signed.Signed}
	logs, err := c.Ledger.Logs(c.Tx, c.Org)
	if err != nil {
		return Health{}, err
	}
	h.Logs = len(logs)
	for _, l := range logs {
		if l.Origin == head.Origin {
			h.Keys = max(1, len(l.Keys))
		}
	}
	state, err := scrub.StateOf(c.Tx, c.Org)
	if err != nil {
		return Health{}, err
	}
	h.ReadBack = readBack(state)
	newest, err := backup.Newest(c.Tx, c.Org)
	if err != nil {
		return Health{}, err
	}
	h.Backup, h.Drill = runOf(newest.Backup), runOf(newest.Drill)
	h.Outside, err = outside(c)
	return h, err
}

func readBack(s scrub.State) ReadBack {
	r := ReadBack{Ended: s.Ended, Found: s.Open}
	for _, l := range s.Layers {
		if l.Running {
			r.Running, r.Done, r.Of = true, l.Done, l.Of
			break
		}
	}
	return r
}

func runOf(r *backup.Run) *Run {
	if r == nil {
		return nil
	}
	return &Run{At: r.Taken, Ended: r.Finished, Outcome: r.Outcome, Entries: r.Entries, Problem: r.Problem}
}
