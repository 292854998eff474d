package evidence

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/tasks"
)

// A second person looks at what was handed in before an auditor does.
var (
	Review    = op.Write("evidence.review", "Accept a record, or return it with the reasons for which an auditor would.", auth.EvidenceJudge, review)
	Decisions = op.Read("evidence.decisions", "List what reviewers decided about a record, newest first.", auth.EvidenceRead, decisions)

	// Returned is told to whoever handed it in.
	Returned = notify.Declare(notify.Kind{Name: "evidence_returned", Text: "Evidence that you handed in is returned to you", Out: "Evidence was returned to whoever handed it in", Mail: notify.Now})
)

// Decisions of a reviewer.
const (
	Accepted   = "accepted"
	SentBack   = "returned"
	replaceDay = 7 // days that a task to replace it gives
)

const (
	insertReview  = "INSERT INTO evidence_review (org_id, evidence_id, entry, at, actor_id, actor, decision, codes, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectReviews = "SELECT evidence_id, entry, at, actor_id, actor, decision, codes, words FROM evidence_review WHERE org_id = ? AND evidence_id = ? ORDER BY entry DESC LIMIT 200"
)

// A Decision is what a reviewer decided.
type Decision struct {
	Evidence id.Evidence `json:"evidence"`
	Entry    int64       `json:"entry"`
	At       time.Time   `json:"at"`
	Reviewer id.User     `json:"reviewer"`
	Name     string      `json:"name"`
	Decision string      `json:"decision"`
	Codes    []string    `json:"codes,omitempty"`
	Words    string      `json:"words,omitempty"`
}

// Judgement is a reviewer's decision about a record.
type Judgement struct {
	ID       string   `json:"id" doc:"The record's id, evd_…."`
	Decision string   `json:"decision" enum:"accepted,returned" doc:"What you decide."`
	Codes    []string `json:"codes,omitempty" maxItems:"19" doc:"For returned: the codes of the reasons, such as EV13."`
	Words    string   `json:"words,omitempty" maxLength:"2000" doc:"What is wrong and what would settle it."`
	Task     bool     `json:"task,omitempty" doc:"For returned: give whoever handed it in a task to replace it."`
}

func review(c *op.Call, in Judgement) (Decision, error) {
	r, err := standing(c, in.ID)
	if err != nil {
		return Decision{}, err
	}
	if c.Actor.User == "" {
		return Decision{}, fault.Denied("A review is a person's. Sign in, or act with a person's token.")
	}
	if r.Submitter == c.Actor.User || r.Submitter == "" && r.Method == ByUpload && r.Actor == c.Actor.Name {
		return Decision{}, fault.Denied("You cannot approve your own evidence. Ask a deputy.")
	}
	d := Decision{Evidence: r.ID, At: c.Now, Reviewer: c.Actor.User, Name: c.Actor.Name, Decision: in.Decision, Words: strings.TrimSpace(in.Words)}
	d.Codes = slices.Compact(slices.Sorted(slices.Values(in.Codes)))
	for _, k := range d.Codes {
		if !slices.Contains(Codes, k) {
			return Decision{}, fault.Invalid("codes", "%s is no code; they go from %s to %s", k, Codes[0], Codes[len(Codes)-1])
		}
	}
	if d.Decision == Accepted && (len(d.Codes) > 0 || in.Task) {
		return Decision{}, fault.Invalid("codes", "are for evidence that is returned")
	}
	if d.Decision == SentBack && (len(d.Codes) == 0 || d.Words == "") {
		return Decision{}, fault.Invalid("words", "name at least one reason, and say in words what would settle it")
	}
	body := map[string]any{"decision": d.Decision, "sha256": r.SHA256}
	if len(d.Codes) > 0 {
		body["codes"] = strings.Join(d.Codes, " ")
	}
	if d.Words != "" {
		body["words"] = d.Words
	}
	if d.Entry, err = c.Append(op.Record{Kind: "op", ID: string(r.ID), Body: body}); err != nil {
		return Decision{}, err
	}
	if _, err := c.Tx.Exec(insertReview, c.Org, r.ID, d.Entry, clock.Millis(d.At), d.Reviewer, d.Name, d.Decision, strings.Join(d.Codes, " "), d.Words); err != nil {
		return Decision{}, err
	}
	return d, d.tell(c, r, in.Task)
}

// tell tells whoever handed it in, and gives them a task if that was asked for.
func (d Decision) tell(c *op.Call, r Record, task bool) error {
	if d.Decision != SentBack || r.Submitter == "" {
		return nil
	}
	err := notify.Tell(c, []id.User{r.Submitter}, Returned, notify.Notice{Text: "“" + r.Title + "” is returned: " + strings.Join(d.Codes, ", "),
		Link: "/evidence/" + string(r.ID) + "#review", Object: string(r.ID)})
	if err != nil || !task {
		return err
	}
	_, err = tasks.Create.Call(c, tasks.Wish{Title: "Replace the record: " + clip(r.Title, 150), Object: string(r.ID), Owner: string(r.Submitter),
		Due: c.Now.AddDate(0, 0, replaceDay).Format(time.DateOnly)})
	return err
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

func decisions(c *op.Call, in Ref) (op.Page[Decision], error) {
	r, err := get(c, in)
	if err != nil {
		return op.Page[Decision]{}, err
	}
	out, err := db.Rows(c.Tx, selectReviews, []any{c.Org, r.ID}, func(scan func(...any) error, d *Decision) error {
		var (
			at    int64
			codes string
		)
		err := scan(&d.Evidence, &d.Entry, &at, &d.Reviewer, &d.Name, &d.Decision, &codes, &d.Words)
		d.At, d.Codes = clock.FromMillis(at), strings.Fields(codes)
		return err
	})
	return op.Page[Decision]{Items: out, Total: int64(len(out))}, err
}
