package evidence

import (
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// One record may bear on many controls: the same bytes are handed in once.
var (
	LinkTo   = op.Write("evidence.link", "Say that a record bears on further controls.", auth.EvidenceWrite, linkTo)
	LinkList = op.Read("evidence.links", "List the controls that a record bears on.", auth.EvidenceRead, linkList)
	Unlink   = op.Write("evidence.unlink", "Say that a record does not bear on a control after all, and why.", auth.EvidenceWrite, unlink)
)

const (
	endLink      = "UPDATE evidence_control SET ended = ?, reason = ? WHERE org_id = ? AND evidence_id = ? AND control_id = ? AND ended = 0"
	selectLinks  = "SELECT l.control_id, c.code, c.title FROM evidence_control l JOIN control c ON c.org_id = l.org_id AND c.id = l.control_id WHERE l.org_id = ? AND l.evidence_id = ? AND l.ended = 0 ORDER BY c.code"
	countControl = "SELECT COUNT(*) FROM control WHERE org_id = ? AND id = ? AND retired = 0"
	maxLinks     = 200
)

// A Bearing is a control that a record bears on.
type Bearing struct {
	Control id.Control `json:"control"`
	Code    string     `json:"code"`
	Title   string     `json:"title"`
}

// Bearings lists the controls that a record bears on, for other reads.
func Bearings(c *op.Call, e id.Evidence) ([]Bearing, error) {
	return db.Rows(c.Tx, selectLinks, []any{c.Org, e}, func(scan func(...any) error, b *Bearing) error {
		return scan(&b.Control, &b.Code, &b.Title)
	})
}

func linkList(c *op.Call, in Ref) (op.Page[Bearing], error) {
	r, err := get(c, in)
	if err != nil {
		return op.Page[Bearing]{}, err
	}
	out, err := Bearings(c, r.ID)
	return op.Page[Bearing]{Items: out, Total: int64(len(out))}, err
}

// Linking ties a record to controls.
type Linking struct {
	ID       string   `json:"id" doc:"The record's id, evd_…."`
	Controls []string `json:"controls" minItems:"1" maxItems:"50" doc:"Ids of the controls it bears on as well."`
	Reason   string   `json:"reason,omitempty" maxLength:"1000" doc:"What it shows there."`
}

// standing is a record that may still be worked with.
func standing(c *op.Call, ref string) (Record, error) {
	r, err := get(c, Ref{ref})
	switch {
	case err != nil:
		return r, err
	case !r.Erased.IsZero():
		return r, r.Gone()
	case r.SupersededBy != "":
		return r, fault.Conflict("%s was superseded by %s. Work with that one.", r.ID, r.SupersededBy)
	}
	return r, nil
}

func linkTo(c *op.Call, in Linking) (op.Page[Bearing], error) {
	var none op.Page[Bearing]
	r, err := standing(c, in.ID)
	if err != nil {
		return none, err
	}
	for _, s := range in.Controls {
		control, err := id.Parse[id.Control](s)
		if err != nil {
			return none, fault.Invalid("controls", "%s is not a control's id", s)
		}
		var n int
		if err := c.Tx.Row(countControl, []any{c.Org, control}, &n); err != nil {
			return none, err
		}
		if n == 0 {
			return none, fault.Invalid("controls", "there is no control %s, or it was retired", s)
		}
		if err := Link(c, r, control); err != nil {
			return none, err
		}
	}
	out, err := Bearings(c, r.ID)
	if err == nil && len(out) > maxLinks {
		err = fault.Invalid("controls", "one record bears on at most %d controls", maxLinks)
	}
	c.Note("id", string(r.ID))
	return op.Page[Bearing]{Items: out, Total: int64(len(out))}, err
}

// Unlinking ends what ties a record to a control.
type Unlinking struct {
	ID      string `json:"id" doc:"The record's id, evd_…."`
	Control string `json:"control" maxLength:"40" doc:"The control's id."`
	Reason  string `json:"reason" minLength:"3" maxLength:"1000" doc:"Why it does not bear on it."`
}

func unlink(c *op.Call, in Unlinking) (op.Page[Bearing], error) {
	var none op.Page[Bearing]
	r, err := get(c, Ref{in.ID})
	if err != nil {
		return none, err
	}
	reason := strings.TrimSpace(in.Reason)
	if reason == "" {
		return none, fault.Invalid("reason", "say why")
	}
	n, err := c.Tx.Exec(endLink, clock.Millis(c.Now), reason, c.Org, r.ID, in.Control)
	if err == nil && n == 0 {
		err = fault.NotFound("%s does not bear on %s.", r.ID, in.Control)
	}
	if err != nil {
		return none, err
	}
	c.Note("id", string(r.ID))
	out, err := Bearings(c, r.ID)
	return op.Page[Bearing]{Items: out, Total: int64(len(out))}, err
}
