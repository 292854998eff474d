package anchors

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// What an outsider said is stored once it has been verified, and never before.
// docs/ledger.md section 11 fixes the two bodies: no field may be added.
var (
	stampOp  = op.Work("anchors.stamp", "Store a time stamp of a checkpoint.", auth.AnchorWrite, storeStamp)
	cosignOp = op.Work("anchors.cosign", "Store a witness's cosignature of a checkpoint.", auth.AnchorWrite, storeCosignature)
)

// good is what an outsider said, verified.
type good struct {
	Kind      string
	Authority string
	Log       id.Log
	Size      int64
	Said      time.Time
	Nonce     [16]byte    // of a stamp
	Reply     blob.Sealed // of a stamp: the authority's whole answer
	Line      string      // of a cosignature: the signature line
}

// mediaType is that of what an authority answers.
const mediaType = "application/timestamp-reply"

const (
	insertAnchor    = "INSERT INTO anchor (org_id, id, log_id, kind, authority, size, entry, said, recorded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
	upsertAuthority = `INSERT INTO anchor_authority (org_id, kind, authority, log_id, size, good, tried, failing, error) VALUES (?, ?, ?, ?, ?, ?, ?, 0, '')
		ON CONFLICT (org_id, kind, authority) DO UPDATE SET log_id = excluded.log_id, size = excluded.size, good = excluded.good,
			tried = excluded.tried, failing = 0, error = ''`
	upsertFailure = `INSERT INTO anchor_authority (org_id, kind, authority, log_id, size, good, tried, failing, error) VALUES (?, ?, ?, ?, 0, 0, ?, ?, ?)
		ON CONFLICT (org_id, kind, authority) DO UPDATE SET tried = excluded.tried, error = excluded.error,
			failing = CASE WHEN anchor_authority.failing > 0 THEN anchor_authority.failing ELSE excluded.failing END`
	deleteAuthority = "DELETE FROM anchor_authority WHERE org_id = ? AND kind = ? AND authority = ?"
)

func storeStamp(c *op.Call, in good) (Anchor, error) {
	return store(c, in, op.Record{Content: &in.Reply, Body: map[string]any{
		"authority": in.Authority, "media_type": mediaType, "nonce": hex.EncodeToString(in.Nonce[:]), "size": in.Size}})
}

func storeCosignature(c *op.Call, in good) (Anchor, error) {
	return store(c, in, op.Record{Body: map[string]any{"cosignature": in.Line, "size": in.Size, "witness": in.Authority}})
}

func store(c *op.Call, in good, r op.Record) (Anchor, error) {
	lg, err := c.Ledger.LogOf(c.Tx, c.Org)
	if err != nil {
		return Anchor{}, err
	}
	if lg.ID != in.Log {
		return Anchor{}, fault.Conflict("the log was continued by another meanwhile")
	}
	// An entry made then would say how far, and so have a field too many.
	behind, err := c.Ledger.Behind(c.Tx, c.Org, c.Now)
	if err == nil && behind > 0 {
		err = fault.Conflict("our clock stands %s behind the log's last entry; nothing is anchored until it has caught up", behind.Round(time.Second))
	}
	if err != nil {
		return Anchor{}, err
	}
	a := Anchor{ID: id.New[id.Anchor](c.Now), Kind: in.Kind, Authority: in.Authority, Size: in.Size, Said: in.Said, Recorded: c.Now}
	r.Kind, r.ID = canon.KindAnchor, string(a.ID)
	if a.Entry, err = c.Append(r); err != nil {
		return Anchor{}, err
	}
	if _, err := c.Tx.Exec(insertAnchor, c.Org, a.ID, lg.ID, a.Kind, a.Authority, a.Size, a.Entry, clock.Millis(a.Said), clock.Millis(a.Recorded)); err != nil {
		return Anchor{}, err
	}
	now := clock.Millis(c.Now)
	_, err = c.Tx.Exec(upsertAuthority, c.Org, a.Kind, a.Authority, lg.ID, a.Size, now, now)
	return a, err
}

// failed writes down that an outsider gave nothing of use. It is no act of
// anybody, so it leaves no entry.
func (k *Keeper) failed(ctx context.Context, org id.Org, log id.Log, o outsider, why error) error {
	now := clock.Millis(k.Clock.Now())
	return k.DB.Write(ctx, string(org), func(tx *db.Tx) error {
		_, err := tx.Exec(upsertFailure, org, o.kind(), o.name(), log, now, now, words(why))
		return err
	})
}

// retire forgets how outsiders answered that are asked no more.
func (k *Keeper) retire(ctx context.Context, org id.Org, known []Authority) error {
	asked := map[string]bool{}
	for _, o := range k.outsiders {
		asked[o.kind()+" "+o.name()] = true
	}
	for _, a := range known {
		if asked[a.Kind+" "+a.Name] {
			continue
		}
		err := k.DB.Write(ctx, string(org), func(tx *db.Tx) error {
			_, err := tx.Exec(deleteAuthority, org, a.Kind, a.Name)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// words is an error cut down to what can be stored and shown.
func words(err error) string {
	out := []rune{}
	for _, r := range err.Error() {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			r = ' '
		}
		if len(out) == 300 {
			break
		}
		out = append(out, r)
	}
	return string(out)
}
