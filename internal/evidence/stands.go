package evidence

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Stands says of a control's evidence what otherwise has to be collected from
// the page of each record.
var Stands = op.Read("evidence.stands", "Say how the evidence of a control stands: fresh until when, what reviewers decided, and the reasons for which an auditor may send it back.", auth.EvidenceRead, stands)

// bears are the records of a control that stand: linked to it, neither erased
// nor superseded.
const (
	bears      = "FROM evidence WHERE org_id = ?" + ofControl + " AND superseded_by = '' AND erased = 0"
	countStand = `SELECT decision, remarked, waits, COUNT(*) FROM (SELECT ` + decided + ` AS decision, CASE WHEN ` + remarked + ` > 0 THEN 1 ELSE 0 END AS remarked,
		CASE WHEN method = 'upload' AND ` + decided + ` = '' THEN 1 ELSE 0 END AS waits ` + bears + `) x GROUP BY decision, remarked, waits`
	selectObjected = "SELECT id, entry, title, " + decided + " " + bears + " AND (" + remarked + " > 0 OR " + decided + " = 'returned') ORDER BY entry DESC LIMIT ?"
	selectObjects  = `SELECT k.evidence_id, k.code, k.text FROM evidence_remark k WHERE k.org_id = ? AND k.evidence_id IN
		(SELECT evidence_id FROM evidence_control WHERE org_id = ? AND control_id = ? AND ended = 0) ORDER BY k.evidence_id, k.code LIMIT 5000`
	selectReturns = `SELECT v.evidence_id, v.at, v.actor, v.codes, v.words FROM evidence_review v WHERE v.org_id = ? AND v.decision = 'returned' AND v.evidence_id IN
		(SELECT evidence_id FROM evidence_control WHERE org_id = ? AND control_id = ? AND ended = 0) ORDER BY v.evidence_id, v.entry LIMIT 5000`
)

// shownObjections is how many records with objections are listed one by one.
const shownObjections = 6

// A Stand is how the evidence of a control stands.
type Stand struct {
	Due
	Records  int64 `json:"records"` // that stand
	Accepted int64 `json:"accepted"`
	Waiting  int64 `json:"waiting"` // handed in by a person, and reviewed by nobody
	Returned int64 `json:"returned"`
	Remarked int64 `json:"remarked"` // the machine has remarks on them
	// Codes are the reasons, of the machine and of reviewers, with the number of
	// records each is said of.
	Codes      []CodeCount `json:"codes,omitempty"`
	Objections []Objection `json:"objections,omitempty"` // the newest
	Objected   int64       `json:"objected"`             // how many records there are objections to
}

// A CodeCount is a reason, and of how many records it is said.
type CodeCount struct {
	Code    string `json:"code"`
	Records int64  `json:"records"`
}

// An Objection is what is said against a record.
type Objection struct {
	Evidence id.Evidence `json:"evidence"`
	Title    string      `json:"title"`
	Codes    []string    `json:"codes"`
	Words    string      `json:"words"` // of the reviewer who returned it, or of the machine
	// Of a record that was returned: when, and by whom.
	Returned time.Time `json:"returned,omitzero"`
	Reviewer string    `json:"reviewer,omitempty"`
}

// ControlRef names a control.
type ControlRef struct {
	Control string `json:"control" maxLength:"40" doc:"The control's id, ctl_…."`
}

func stands(c *op.Call, in ControlRef) (Stand, error) {
	due, err := db.Rows(c.Tx, selectFreshOne, []any{c.Org, in.Control}, scanDue(c.Now))
	if err == nil && len(due) == 0 {
		err = fault.NotFound("There is no control %s in force.", in.Control)
	}
	if err != nil {
		return Stand{}, err
	}
	s := Stand{Due: due[0]}
	of := []any{c.Org, c.Org, in.Control}
	err = c.Tx.Each(countStand, of, func(scan func(...any) error) error {
		var (
			decision           string
			remarked, waits, n int64
		)
		if err := scan(&decision, &remarked, &waits, &n); err != nil {
			return err
		}
		s.Records += n
		s.Remarked += remarked * n
		s.Waiting += waits * n
		switch decision {
		case Accepted:
			s.Accepted += n
		case SentBack:
			s.Returned += n
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	if s.Remarked == 0 && s.Returned == 0 {
		return s, nil
	}
	return s, s.object(c, of)
}

// object fills in what is said, in the order of the newest record.
func (s *Stand) object(c *op.Call, of []any) error {
	all, err := db.Rows(c.Tx, selectObjected, append(slices.Clone(of), 5000), func(scan func(...any) error, o *objected) error {
		return scan(&o.Evidence, &o.entry, &o.Title, &o.decision)
	})
	if err != nil {
		return err
	}
	at := map[id.Evidence]*objected{}
	for i := range all {
		at[all[i].Evidence] = &all[i]
	}
	err = c.Tx.Each(selectObjects, of, func(scan func(...any) error) error {
		var (
			e          id.Evidence
			code, text string
		)
		err := scan(&e, &code, &text)
		if o := at[e]; o != nil {
			o.Codes = append(o.Codes, code)
			o.Words = strings.TrimSpace(o.Words + " " + text)
		}
		return err
	})
	if err != nil {
		return err
	}
	err = c.Tx.Each(selectReturns, of, func(scan func(...any) error) error {
		var (
			e                id.Evidence
			when             int64
			by, codes, words string
		)
		err := scan(&e, &when, &by, &codes, &words)
		// The last one said stands; an earlier one was lifted, or said again.
		if o := at[e]; o != nil && o.decision == SentBack {
			o.Returned, o.Reviewer, o.words, o.codes = clock.FromMillis(when), by, words, strings.Fields(codes)
		}
		return err
	})
	s.sum(all)
	return err
}

// objected is a record while what is said of it is put together.
type objected struct {
	Objection
	entry    int64
	decision string
	words    string
	codes    []string
}

// sum counts the reasons. What a reviewer said goes before the machine.
func (s *Stand) sum(all []objected) {
	count := map[string]int64{}
	for i, o := range all {
		o.Codes = slices.Compact(slices.Sorted(slices.Values(append(o.Codes, o.codes...))))
		if o.words != "" {
			o.Words = o.words
		}
		for _, k := range o.Codes {
			count[k]++
		}
		if i < shownObjections {
			s.Objections = append(s.Objections, o.Objection)
		}
	}
	s.Objected = int64(len(all))
	for _, k := range slices.Sorted(maps.Keys(count)) {
		s.Codes = append(s.Codes, CodeCount{k, count[k]})
	}
}
