package populations

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
)

// Judgement is a procedure that the auditor did.
type Judgement struct {
	Engagement string   `json:"engagement" doc:"The engagement's id."`
	Population string   `json:"population" maxLength:"40" doc:"Its code, such as POP-08."`
	Version    int      `json:"version" minimum:"1" doc:"The sealed version."`
	Procedure  string   `json:"procedure" enum:"source_count,reconciliation,gap,cut_off,keys,expected,collection,reverse_trace,observed,accuracy" doc:"What was done."`
	Result     string   `json:"result" enum:"holds,fails,explained" doc:"explained: it fails, and it is known why."`
	Note       string   `json:"note" minLength:"1" maxLength:"4000" doc:"What was done and seen. The client cannot read it."`
	Items      []string `json:"items,omitempty" maxItems:"1000" doc:"The items it was done with. For a source count that is explained: one text for each row that is missing or too many."`
	Other      string   `json:"other,omitempty" maxLength:"8388608" doc:"reconciliation: the other list, one key a line. It is compared with the sealed one."`
}

func check(c *op.Call, in Judgement) (Version, error) {
	r, p, v, err := sealedOf(c, in.Engagement, in.Population, in.Version)
	if err != nil {
		return Version{}, err
	}
	x := Check{Procedure: in.Procedure, Result: in.Result, Text: strings.TrimSpace(in.Note), By: c.Actor.Name, At: c.Now}
	for _, i := range in.Items {
		if i = strings.TrimSpace(i); i != "" {
			x.Items = append(x.Items, i)
		}
	}
	if err := v.checkable(c, r, in, &x); err != nil {
		return Version{}, err
	}
	items, err := json.Marshal(x.Items)
	if err != nil {
		return Version{}, err
	}
	var number int64
	if err := c.Tx.Row(countChecks, []any{c.Org, p.ID, v.Version}, &number); err != nil {
		return Version{}, err
	}
	_, err = c.Tx.Exec(insertCheck, c.Org, p.ID, v.Version, number+1, x.Procedure, x.Result, x.Text, string(items), x.By, clock.Millis(x.At))
	if err != nil {
		return Version{}, err
	}
	c.Note("id", string(p.ID))
	v.Checks = append(v.Checks, x)
	return *v, nil
}

// sealedOf enters as the firm and finds a version that can be judged.
func sealedOf(c *op.Call, engagement, code string, number int) (*engagements.Room, Population, *Version, error) {
	r, err := engagements.AsFirm(c, engagement)
	if err != nil {
		return nil, Population{}, nil, err
	}
	if err := r.From(engagements.Engaged); err != nil {
		return nil, Population{}, nil, err
	}
	p, err := Find(c, r, code)
	if err != nil {
		return nil, p, nil, err
	}
	v, err := p.version(number)
	if err != nil {
		return nil, p, nil, err
	}
	switch v.Status {
	case Draft:
		err = fault.Conflict("Version %d of %s is a draft of %s; it can be judged once it is sealed.", v.Version, p.Code, r.Client.Name)
	case Superseded:
		err = fault.Conflict("Version %d of %s was superseded by version %d. Judge that one.", v.Version, p.Code, p.Current().Version)
	}
	return r, p, v, err
}

// checkable refuses a result that the facts speak against.
func (v *Version) checkable(c *op.Call, r *engagements.Room, in Judgement, x *Check) error {
	computed := slices.ContainsFunc(v.Checks, func(o Check) bool {
		return o.By == "" && o.Procedure == in.Procedure && o.Result == Fails
	})
	switch {
	case computed && in.Result == Holds:
		return fault.Invalid("result", "the list itself shows that it does not hold; explain it, or have another version sealed")
	case in.Procedure == SourceCount && computed:
		diff := v.Manifest.SourceCount - v.Manifest.Rows
		if diff < 0 {
			diff = -diff
		}
		if in.Result == WellTold && int64(len(x.Items)) != diff {
			return fault.Invalid("items", "explain each of the %d rows that differ, one text for each; there are %d", diff, len(x.Items))
		}
	case in.Procedure == Reconciliation:
		if strings.TrimSpace(in.Other) == "" {
			return nil // compared elsewhere, and told in the note
		}
		return v.reconcile(c, r, in, x)
	case in.Other != "":
		return fault.Invalid("other", "another list is compared in a reconciliation only")
	}
	return nil
}

// reconcile compares the sealed list with another one.
func (v *Version) reconcile(c *op.Call, r *engagements.Room, in Judgement, x *Check) error {
	there := map[string]bool{}
	for line := range strings.Lines(in.Other) {
		if key := strings.TrimSpace(line); key != "" {
			there[key] = true
		}
	}
	total := len(there)
	var here []string
	err := EachRow(c, c, r, *v, func(row Row) error {
		key := row.Item
		if row.Key != "" {
			key = row.Key
		}
		if there[key] {
			delete(there, key)
		} else {
			here = append(here, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	only := make([]string, 0, len(there))
	for key := range there {
		only = append(only, key)
	}
	slices.Sort(only)
	differs := len(here)+len(only) > 0
	if differs && in.Result == Holds {
		return fault.Invalid("result", "the lists differ: %d only here%s, %d only there%s", len(here), some(here), len(only), some(only))
	}
	if !differs && in.Result == Fails {
		return fault.Invalid("result", "the lists agree: %d keys on both", total)
	}
	x.Text = fmt.Sprintf("%d there, %d rows here; only here %d%s, only there %d%s. %s", total, v.Rows, len(here), some(here), len(only), some(only), x.Text)
	return nil
}

// some names the first of a list.
func some(list []string) string {
	if len(list) == 0 {
		return ""
	}
	out := " (" + clip(list[0])
	for _, s := range list[1:min(5, len(list))] {
		out += ", " + clip(s)
	}
	if len(list) > 5 {
		out += ", …"
	}
	return out + ")"
}

// Verdict is the auditor's decision on a sealed version.
type Verdict struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
	Population string `json:"population" maxLength:"40" doc:"Its code, such as POP-08."`
	Version    int    `json:"version" minimum:"1" doc:"The sealed version."`
	Decision   string `json:"decision" enum:"complete,explained,rejected" doc:"complete: complete and accurate. explained: so with the exceptions explained. rejected: not to be sampled."`
	Reason     string `json:"reason,omitempty" maxLength:"4000" doc:"Why; needed unless it is complete. The client reads it."`
}

func settleAccept(ctx context.Context, d *op.Desk, in Verdict) error {
	return engagements.Settle(ctx, d, in.Engagement)
}

func accept(c *op.Call, in Verdict) (Version, error) {
	r, p, v, err := sealedOf(c, in.Engagement, in.Population, in.Version)
	if err != nil {
		return Version{}, err
	}
	in.Reason = strings.TrimSpace(in.Reason)
	if err := v.decidable(r, p, in); err != nil {
		return Version{}, err
	}
	body := map[string]any{"step": "accept", "version": v.Version, "digest": v.Digest, "decision": in.Decision}
	if in.Reason != "" {
		body["reason"] = in.Reason
	}
	entry := op.Record{Kind: canon.KindPopulation, ID: string(p.ID), Body: body}
	if entry.Answers, err = c.AnswerTo(r.Client.Org, v.Entry); err != nil {
		return Version{}, err
	}
	var number int64
	if err := c.Tx.Row(countDecisions, []any{c.Org, p.ID, v.Version}, &number); err != nil {
		return Version{}, err
	}
	v.Decision, v.Reason, v.DecidedBy, v.Decided = in.Decision, in.Reason, c.Actor.Name, c.Now
	if v.DecisionEntry, err = c.Append(entry); err != nil {
		return Version{}, err
	}
	_, err = c.Tx.Exec(insertDecision, c.Org, p.ID, v.Version, number+1, v.Decision, v.Reason, v.DecidedBy, clock.Millis(c.Now), v.DecisionEntry)
	return *v, err
}

// decidable refuses a decision that the procedures speak against.
func (v *Version) decidable(r *engagements.Room, p Population, in Verdict) error {
	switch {
	case p.Nonce != "":
		return fault.Conflict("A sample was drawn from %s; what it was drawn from stays as it was decided.", p.Code)
	case in.Decision != Complete && in.Reason == "":
		return fault.Invalid("reason", "say why; the client reads it")
	case in.Decision == Rejected:
		return nil
	case v.Manifest.Period != r.Period():
		return fault.Conflict("Version %d of %s is about %s, and the engagement is now about %s. Have it built again.", v.Version, p.Code, v.Manifest.Period, r.Period())
	}
	told := false
	for _, x := range v.Standing() {
		told = told || x.Result == WellTold
		if x.Result == Fails {
			return fault.Conflict("%s does not hold (%s), and nobody has explained it. Record the explanation as a procedure first, or reject the version.", ProcedureName(x.Procedure), strings.TrimSuffix(x.Text, "."))
		}
	}
	if told && in.Decision == Complete {
		return fault.Invalid("decision", "exceptions were explained, so the list is complete with exceptions explained")
	}
	return nil
}

// The gate into the end of the period.
var _ = engagements.Gate(engagements.Condition{Into: engagements.PeriodClosed, Type: scopes.TypeII, Title: "Every population asked for is sealed and accepted", Check: sealedAll})

func sealedAll(c *op.Call, r *engagements.Room) ([]engagements.Missing, string, error) {
	pops, err := all(c, r)
	if err != nil {
		return nil, "", err
	}
	pops = current(pops)
	var missing []engagements.Missing
	for _, p := range pops {
		lacks := ""
		switch v := p.Current(); {
		case v == nil && p.Newest() == nil:
			lacks = "has no list yet"
		case v == nil:
			lacks = "is a draft"
		case v.Manifest.Period != r.Period():
			lacks = "is about " + v.Manifest.Period
		case v.Manifest.Extracted.Before(v.Manifest.Ends):
			lacks = "was taken before the period ended"
		case v.DecidedBy == "":
			lacks = "is not evaluated"
		case p.Accepted() == nil:
			lacks = "is rejected"
		}
		if lacks != "" {
			missing = append(missing, engagements.Missing{Text: p.Code + " " + lacks, Href: "/populations/" + p.Code})
		}
	}
	return missing, fmt.Sprintf("%d requested", len(pops)), nil
}
