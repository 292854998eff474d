package erasures

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// What can be done about how long things are kept.
var (
	PolicyGet = op.Read("retention.get", "Show how long things are kept, and every earlier version of that rule.", auth.EraseRead, policyGet)
	PolicySet = op.Write("retention.update", "Put another version of the retention policy in force.", auth.EraseWrite, policySet)
	Due       = op.Read("retention.due", "List the evidence that has come to the end of its time. Nothing is erased by itself.", auth.EraseRead, due)

	look = op.Work("retention.look", "Record what has come to the end of its time.", auth.EraseRead, keepDue)
)

// The shortest times, and those in force until somebody decides otherwise.
const (
	MinEvidenceYears  = 3
	MinFileYears      = 5
	MinPersonalMonths = 12
	maxYears          = 100

	usualEvidenceYears = 7
	usualFileYears     = 5
)

// A Policy says how long things are kept.
type Policy struct {
	Version        int64     `json:"version"` // 0: nobody has decided; the usual times hold
	EvidenceYears  int64     `json:"evidence_years"`
	FileYears      int64     `json:"file_years"`
	PersonalMonths int64     `json:"personal_months"` // 0: as other evidence
	Reason         string    `json:"reason,omitempty"`
	By             string    `json:"by,omitempty"`
	At             time.Time `json:"at,omitzero"` // from when it holds
}

// Rules is the policy with what no policy changes.
type Rules struct {
	Policy
	Versions []Policy `json:"versions"` // newest first
	Fixed    []string `json:"fixed"`
}

var fixed = []string{
	"The entries of the log are never erased, only what they hide; so what was done here, by whom and when it was recorded stays provable for longer than the 12 months that access and security logs are asked for.",
	"An engagement that has neither ended nor been withdrawn keeps everything it may rest on.",
	"What a CPA firm has put into the file of an engagement is the firm's. It is locked within 60 days of the report's release and kept for at least five years; nothing in it is erased here, since an examination whose steps are gone can no longer be checked.",
	"A hold goes before all of this.",
}

const (
	policyColumns = "version, evidence_years, file_years, personal_months, reason, actor, at"
	selectPolicy  = "SELECT " + policyColumns + " FROM erasure_policy WHERE org_id = ? ORDER BY version DESC"
	insertPolicy  = "INSERT INTO erasure_policy (org_id, " + policyColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)

func scanPolicy(scan func(...any) error, p *Policy) error {
	var at int64
	err := scan(&p.Version, &p.EvidenceYears, &p.FileYears, &p.PersonalMonths, &p.Reason, &p.By, &at)
	p.At = clock.FromMillis(at)
	return err
}

func rules(c *op.Call) (Rules, error) {
	r := Rules{Policy: Policy{EvidenceYears: usualEvidenceYears, FileYears: usualFileYears}, Versions: []Policy{}, Fixed: fixed}
	rows, err := db.Rows(c.Tx, selectPolicy, []any{c.Org}, scanPolicy)
	if len(rows) > 0 {
		r.Policy, r.Versions = rows[0], rows
	}
	return r, err
}

func policyGet(c *op.Call, _ op.None) (Rules, error) { return rules(c) }

// NewPolicy is a version to put in force.
type NewPolicy struct {
	EvidenceYears  int    `json:"evidence_years" doc:"Years that evidence is kept after the end of the period it belongs to; at least 3."`
	FileYears      int    `json:"file_years" doc:"Years that evidence of an engagement is kept after its report was released; at least 5."`
	PersonalMonths int    `json:"personal_months,omitempty" doc:"Months after which records with personal data that belong to no engagement are proposed for erasure; 0 to treat them as other evidence, otherwise at least 12."`
	Reason         string `json:"reason" minLength:"10" maxLength:"2000" doc:"Why."`
	Version        int    `json:"version,omitempty" minimum:"0" doc:"The version that was read; 0 before the first."`
}

func policySet(c *op.Call, in NewPolicy) (Rules, error) {
	if c.Actor.User == "" {
		return Rules{}, fault.Denied("How long things are kept is decided by a person.")
	}
	switch {
	case in.EvidenceYears < MinEvidenceYears || in.EvidenceYears > maxYears:
		return Rules{}, fault.Invalid("evidence_years", "give %d to %d years: contracts and limitation periods reach back at least that far, and a report's readers may come back to it", MinEvidenceYears, maxYears)
	case in.FileYears < MinFileYears || in.FileYears > maxYears:
		return Rules{}, fault.Invalid("file_years", "give %d to %d years: the firm keeps its file of an engagement for at least five, and what the file refers to must be there", MinFileYears, maxYears)
	case in.PersonalMonths != 0 && (in.PersonalMonths < MinPersonalMonths || in.PersonalMonths > 12*maxYears):
		return Rules{}, fault.Invalid("personal_months", "give 0, or %d to %d months: within a year somebody may still have to show what was done", MinPersonalMonths, 12*maxYears)
	}
	r, err := rules(c)
	if err != nil {
		return Rules{}, err
	}
	if r.Version != int64(in.Version) {
		e := fault.Conflict("Version %d of the policy was put in force by %s meanwhile. Read it, and decide again.", r.Version, r.By)
		e.Current = r.Policy
		return Rules{}, e
	}
	p := Policy{Version: r.Version + 1, EvidenceYears: int64(in.EvidenceYears), FileYears: int64(in.FileYears), PersonalMonths: int64(in.PersonalMonths),
		Reason: strings.TrimSpace(in.Reason), By: c.Actor.Name, At: c.Now}
	_, err = c.Tx.Exec(insertPolicy, c.Org, p.Version, p.EvidenceYears, p.FileYears, p.PersonalMonths, p.Reason, p.By, clock.Millis(p.At))
	if db.IsDuplicate(err) {
		err = fault.Conflict("Another version was put in force a moment ago. Read it, and decide again.")
	}
	r.Policy, r.Versions = p, append([]Policy{p}, r.Versions...)
	return r, err
}

// until is when a record comes to the end of its time, and by which rule; zero
// while an engagement that has not ended may rest on it.
func (k *keeper) until(p Policy, r evidence.Record) (time.Time, string) {
	years := max(p.EvidenceYears, owed(r.Retention))
	var end, due time.Time
	rule := ""
	for ref, room := range k.rooms {
		if !k.within(ref, r) {
			continue
		}
		if room.State != engagements.Issued && room.State != engagements.Withdrawn {
			return time.Time{}, ""
		}
		if _, to := room.Bounds(); to.After(end) {
			end = to
		}
		if room.State != engagements.Issued {
			continue
		}
		if at := room.Since.AddDate(int(p.FileYears), 0, 0); at.After(due) {
			due, rule = at, fmt.Sprintf("report of %s and %d years", room.Name, p.FileYears)
		}
	}
	if end.IsZero() && r.Personal && p.PersonalMonths > 0 {
		return r.Sealed.AddDate(0, int(p.PersonalMonths), 0), fmt.Sprintf("personal data, in no engagement: %d months", p.PersonalMonths)
	}
	what := "end of the period"
	if end.IsZero() { // in no engagement: to the end of the year it tells of
		last := r.Sealed
		for _, t := range []time.Time{r.Captured, r.CoversTo} {
			if t.After(last) {
				last = t
			}
		}
		end, what = time.Date(last.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC), fmt.Sprintf("in no engagement: end of %d", last.Year())
	}
	if at := end.AddDate(int(years), 0, 0); at.After(due) { // the longer of the two
		due, rule = at, fmt.Sprintf("%s and %d years", what, years)
	}
	return due, rule
}

// owed is how many years a record was promised when it was sealed, where that is
// other than the usual; 0 leaves it to the policy.
func owed(retention string) int64 {
	if retention == evidence.UsualRetention {
		return 0
	}
	s, ok := strings.CutPrefix(retention, "period+")
	n, err := strconv.ParseInt(strings.TrimSuffix(s, "y"), 10, 64)
	if !ok || err != nil || n < 0 || n > maxYears {
		return 0
	}
	return n
}

// A DueRecord has come to the end of its time.
type DueRecord struct {
	ID       id.Evidence `json:"id"`
	Title    string      `json:"title"`
	Entry    int64       `json:"entry"`
	Sealed   time.Time   `json:"sealed"`
	Personal bool        `json:"personal"`
	Due      time.Time   `json:"due"`
	Rule     string      `json:"rule"`
	// Held names the hold that keeps it, Asked the erasure that waits.
	Held  string `json:"held,omitempty"`
	Asked string `json:"asked,omitempty"`
}
