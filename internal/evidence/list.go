package evidence

import (
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Filter narrows a list of evidence.
type Filter struct {
	Run     string    `json:"run,omitempty" doc:"Only what one run collected."`
	Control string    `json:"control,omitempty" doc:"Only what is linked to one control."`
	Method  string    `json:"method,omitempty" enum:"api,export,upload,observation,generated" doc:"Only what came in this way."`
	Level   int       `json:"level,omitempty" minimum:"1" maximum:"7" doc:"Only records of this level of reliability, 1 being the most reliable."`
	Text    string    `json:"text,omitempty" maxLength:"200" doc:"Only records whose title has this in it."`
	State   string    `json:"state,omitempty" enum:"remarks,waiting,accepted,returned" doc:"Only records with remarks of the machine, those that people handed in and nobody reviewed, or those a reviewer accepted or returned."`
	Code    string    `json:"code,omitempty" maxLength:"4" doc:"Only records that the machine or the last reviewer has this reason against, such as EV13."`
	Stands  bool      `json:"stands,omitempty" doc:"Only records that are neither erased nor superseded."`
	AsOf    time.Time `json:"as_of,omitzero" doc:"Only what was sealed by this time."`
	Oldest  bool      `json:"oldest,omitempty" doc:"Oldest first."`
	After   string    `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit   int       `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

// The list goes along an index in the order of entries, whatever it is
// narrowed by, so that the next part costs what the first did.
const (
	// Codes are of one length, so one is in the list of them or it is not.
	returnedFor = "EXISTS (SELECT 1 FROM evidence_review v WHERE v.org_id = evidence.org_id AND v.evidence_id = evidence.id AND v.decision = 'returned' AND REPLACE(v.codes, ?, '') <> v.codes" +
		" AND v.entry = (SELECT MAX(w.entry) FROM evidence_review w WHERE w.org_id = v.org_id AND w.evidence_id = v.evidence_id))"
	fits = " AND (? = '' OR method = ?) AND (CAST(? AS BIGINT) = 0 OR level = ?) AND (CAST(? AS BIGINT) = 0 OR sealed <= ?)" +
		" AND (? = '' OR (? = 'remarks' AND " + remarked + " > 0) OR (? = 'waiting' AND method = 'upload' AND superseded_by = '' AND erased = 0 AND " + decided + " = '') OR " + decided + " = ?)" +
		" AND (? = '' OR EXISTS (SELECT 1 FROM evidence_remark k WHERE k.org_id = evidence.org_id AND k.evidence_id = evidence.id AND k.code = ?) OR " + returnedFor + ")" +
		" AND (CAST(? AS BIGINT) = 0 OR (superseded_by = '' AND erased = 0))" +
		" AND (? = '' OR REPLACE(title, ?, '') <> title OR REPLACE(title, ?, '') <> title OR REPLACE(title, ?, '') <> title OR REPLACE(title, ?, '') <> title)"
	down           = " AND entry < ? ORDER BY entry DESC LIMIT ?"
	up             = " AND entry > ? ORDER BY entry LIMIT ?"
	ofControl      = " AND id IN (SELECT evidence_id FROM evidence_control WHERE org_id = ? AND control_id = ? AND ended = 0)"
	selectPage     = "SELECT " + stored + " FROM evidence WHERE org_id = ?" + fits + down
	selectRising   = "SELECT " + stored + " FROM evidence WHERE org_id = ?" + fits + up
	selectOfRun    = "SELECT " + stored + " FROM evidence WHERE org_id = ? AND run_id = ?" + fits + down
	selectWholeRun = "SELECT " + stored + " FROM evidence WHERE org_id = ? AND run_id = ? ORDER BY entry DESC LIMIT ?"
	risingOfRun    = "SELECT " + stored + " FROM evidence WHERE org_id = ? AND run_id = ?" + fits + up
	selectOfCtl    = "SELECT " + stored + " FROM evidence WHERE org_id = ?" + ofControl + fits + down
	risingOfCtl    = "SELECT " + stored + " FROM evidence WHERE org_id = ?" + ofControl + fits + up
	countAll       = "SELECT COUNT(*) FROM evidence WHERE org_id = ?" + fits
	countRun       = "SELECT COUNT(*) FROM evidence WHERE org_id = ? AND run_id = ?" + fits
	countCtl       = "SELECT COUNT(*) FROM evidence WHERE org_id = ?" + ofControl + fits
)

func list(c *op.Call, in Filter) (op.Page[Record], error) {
	at, err := entryCursor(in.After)
	if err != nil {
		return op.Page[Record]{}, err
	}
	if in.After == "" && in.Oldest {
		at = -1
	}
	n := op.Limit(in.Limit)
	falling, rising, count, args := selectPage, selectRising, countAll, []any{c.Org}
	switch {
	case in.Run != "" && in.Control != "":
		return op.Page[Record]{}, fault.Invalid("control", "give a run or a control, not both")
	case in.Run != "":
		falling, rising, count, args = selectOfRun, risingOfRun, countRun, append(args, in.Run)
	case in.Control != "":
		falling, rising, count, args = selectOfCtl, risingOfCtl, countCtl, append(args, c.Org, in.Control)
	}
	args = append(args, in.Method, in.Method, in.Level, in.Level, clock.Millis(in.AsOf), clock.Millis(in.AsOf),
		in.State, in.State, in.State, in.State, in.Code, in.Code, in.Code, flag(in.Stands), in.Text)
	for _, p := range db.Cases(in.Text) {
		args = append(args, p)
	}
	var total int64
	if err := c.Tx.Row(count, args, &total); err != nil {
		return op.Page[Record]{}, err
	}
	if in.Oldest {
		falling = rising
	}
	rows, err := db.Rows(c.Tx, falling, append(args, at, n+1), scan)
	return op.PageOf(rows, n, total, func(r Record) string { return entryText(r.Entry) }), err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
