package procedures_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
)

// A bench is an engagement over 2026 with what most tests need.
type bench struct {
	optest.Sides
	desk *op.Desk
	done map[string]int // acts that were not refused
}

// refused checks that an operation fails in a way, in these words.
func refused(t testing.TB, what string, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Errorf("%s: got %v, want %s", what, err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %v does not say %q", what, err, w)
		}
	}
}

// control adds a control of the client's own.
func control(t testing.TB, s optest.Sides, code, frequency string, criteria ...string) controls.Control {
	t.Helper()
	return optest.Do(t, s.Lead, controls.Create, controls.Own{Code: code, Title: "Control " + code, Text: "Somebody does it, as the report will say it.",
		Criteria: criteria, Frequency: frequency, Key: true, Owner: string(s.ControlOwner.Actor.User)})
}

func security(t testing.TB) []string {
	t.Helper()
	cat, err := frameworks.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	all, err := cat.InScope([]string{frameworks.Security})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range all {
		out = append(out, k.Code)
	}
	return out
}

// begin makes an engagement in which GOV-01 covers all criteria by inspection.
func begin(t testing.TB, desk *op.Desk, starts, ends string) *bench {
	t.Helper()
	b := &bench{Sides: optest.Engage(t, desk, starts, ends), desk: desk}
	control(t, b.Sides, "GOV-01", "annual", security(t)...)
	b.plan(t, procedures.Planning{Control: "GOV-01", Basis: procedures.ByInspection, Attributes: []string{"A approved by management"}})
	return b
}

func (b *bench) plan(t testing.TB, in procedures.Planning) procedures.Procedure {
	t.Helper()
	in.Engagement = b.ID
	return optest.Do(t, b.Staff, procedures.PlanOp, in)
}

// close takes the engagement to the end of its period.
func (b *bench) close(t testing.TB) {
	t.Helper()
	e := optest.Do(t, b.Staff, engagements.Get, engagements.Ref{ID: b.ID})
	b.Plan(t, engagements.Planned, engagements.Observing)
	ends, err := time.Parse(time.DateOnly, e.Ends)
	if err != nil {
		t.Fatal(err)
	}
	if d := ends.AddDate(0, 0, 6).Sub(b.desk.Clock.Now()); d > 0 {
		optest.Clock(b.desk).Advance(d)
	}
	b.advance(t, engagements.PeriodClosed)
}

func (b *bench) advance(t testing.TB, to ...engagements.State) {
	t.Helper()
	for _, state := range to {
		who := b.Partner
		if state == engagements.SignOff {
			who = b.Lead
		}
		optest.Do(t, who, engagements.Advance, engagements.Advancing{ID: b.ID, To: string(state)})
	}
}

// changes is a file of n deployments, one every 36 hours, that name who asked,
// who approved and when. Those in late were approved after they were deployed.
func changes(n int, late ...int) []byte { return changesEvery(n, 36*60, late...) }

// changesEvery has so many minutes between them.
func changesEvery(n, minutes int, late ...int) []byte {
	var s strings.Builder
	s.WriteString("change,summary,author,approver,approved_at,deployed_at\n")
	for i := 1; i <= n; i++ {
		at := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(i*minutes) * time.Minute)
		approved := at.Add(-time.Hour)
		if slices.Contains(late, i) {
			approved = at.Add(time.Hour + 38*time.Minute + 26*time.Second)
		}
		fmt.Fprintf(&s, "CHG-%04d,Change %d,t.reiter,j.lindqvist,%s,%s\n", i, i, approved.Format(time.RFC3339), at.Format(time.RFC3339))
	}
	return []byte(s.String())
}

// seal has the client seal a list, and the auditor accept it.
func (b *bench) seal(t testing.TB, code string, m populations.Material) populations.Version {
	t.Helper()
	if _, err := populations.Request.Do(t.Context(), b.Staff, populations.Wish{Engagement: b.ID, Code: code, Title: "A list"}); err != nil {
		t.Fatal(err)
	}
	m.Engagement, m.Population = b.ID, code
	v := optest.Do(t, b.Lead, populations.Build, m)
	if v.Blocked() > 0 {
		t.Fatalf("problems: %+v", v.Problems)
	}
	optest.Do(t, b.Lead, populations.Seal, populations.Sealing{Engagement: b.ID, Population: code, Version: v.Version})
	return optest.Do(t, b.Staff, populations.Accept, populations.Verdict{Engagement: b.ID, Population: code, Version: v.Version, Decision: populations.Complete})
}

func file(data []byte) populations.Material {
	return populations.Material{From: populations.FromFile, Source: "deployer", Query: "select * from deployments", Data: data, Key: "change",
		Time: "deployed_at", Label: "summary", Environment: "production"}
}

// show records evidence of the client at a level.
func (b *bench) show(t testing.TB, level int, captured time.Time, text string) evidence.Record {
	t.Helper()
	s, err := b.Lead.Vault.Store(t.Context(), b.Lead.Org, []byte(text), b.desk.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return optest.Do(t, b.Lead, evidence.Submit, evidence.Submission{Blob: s.Address, Title: "Ticket export", MediaType: "text/plain", Origin: "tracker",
		Level: level, Captured: captured})
}

// answer has the client link a record that names all items to them.
func (b *bench) answer(t testing.TB, control string, items ...string) {
	t.Helper()
	e := b.show(t, 4, time.Time{}, strings.Join(items, "\n"))
	for part := range slices.Chunk(items, 500) {
		optest.Do(t, b.ControlOwner, procedures.Answer, procedures.Linking{Engagement: b.ID, Control: control, Items: part, Evidence: string(e.ID)})
	}
}

func (b *bench) rows(t testing.TB, control string) []procedures.Row {
	t.Helper()
	g := optest.Do(t, b.Staff, procedures.GridOp, procedures.GridPart{Engagement: b.ID, Control: control, Limit: 500})
	return g.Rows
}

func ids(rows []procedures.Row) (out []string) {
	for _, r := range rows {
		out = append(out, r.Item)
	}
	return out
}

func (b *bench) mark(t testing.TB, control, mark, reason string, items []string, attributes ...string) procedures.Marked {
	t.Helper()
	return optest.Do(t, b.Staff, procedures.Set, procedures.Marking{Engagement: b.ID, Control: control, Items: items, Attributes: attributes, Mark: mark, Reason: reason})
}

func (b *bench) get(t testing.TB, control string) procedures.Procedure {
	t.Helper()
	return optest.Do(t, b.Staff, procedures.Get, procedures.Ref{Engagement: b.ID, Control: control})
}

func (b *bench) conclude(t testing.TB, control, decision, reason string) procedures.Conclusion {
	t.Helper()
	return optest.Do(t, b.Staff, procedures.Conclude, procedures.Decision{Engagement: b.ID, Control: control, Decision: decision, Reason: reason})
}

// in runs fn as somebody within the engagement.
func (b *bench) in(t testing.TB, desk *op.Desk, fn func(*op.Call, *engagements.Room) error) {
	t.Helper()
	open := op.Read("rooms.get", "", "engagement:read", func(c *op.Call, _ op.None) (op.None, error) {
		r, err := engagements.Open(c, b.ID)
		if err != nil {
			return op.None{}, err
		}
		return op.None{}, fn(c, r)
	})
	if _, err := open.Do(t.Context(), desk, op.None{}); err != nil {
		t.Fatal(err)
	}
}

// entry is the body of an entry of the engagement's log or the client's.
func (b *bench) entry(t testing.TB, client bool, index int64) (map[string]any, canon.Leaf, string) {
	t.Helper()
	var (
		org     id.Org
		body    map[string]any
		leaf    canon.Leaf
		content string
	)
	b.in(t, b.Staff, func(_ *op.Call, r *engagements.Room) error {
		org = r.File
		if client {
			org = r.Client.Org
		}
		return nil
	})
	err := b.desk.DB.Read(t.Context(), db.All, func(tx *db.Tx) error {
		row, err := b.desk.Ledger.Entry(tx, org, index)
		if err != nil {
			return err
		}
		if leaf, err = canon.ParseLeaf(row.Leaf); err != nil {
			return err
		}
		list, err := b.desk.Ledger.Openings(tx, org, index, index+1)
		if err != nil {
			return err
		}
		for _, o := range list {
			switch o.Label {
			case canon.LabelBody:
				err = json.Unmarshal([]byte(o.Payload), &body)
			case canon.LabelContent:
				content = o.Payload
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return body, leaf, content
}

// size is how long the engagement's log is.
func (b *bench) size(t testing.TB) int64 {
	t.Helper()
	return optest.Do(t, b.Staff, engagements.Entries, engagements.EntryFilter{Engagement: b.ID}).Total
}

// changesDrawn is a bench in fieldwork with the sample of CHG-01 drawn at low
// risk: attribute A is judged by people, D by expression.
func changesDrawn(t testing.TB, desk *op.Desk, n int, late ...int) *bench {
	t.Helper()
	b := begin(t, desk, "2026-01-01", "2026-12-31")
	control(t, b.Sides, "CHG-01", "many_times_a_day", "CC8.1")
	b.plan(t, procedures.Planning{Control: "CHG-01", Basis: procedures.BySample, Population: "POP-08", Risk: "low",
		Attributes:  []string{"A asked for in a ticket", "D approved before it was deployed, by another"},
		Expressions: []string{"D timestamp(r.approved_at) < timestamp(r.deployed_at) && r.approver != r.author"}})
	b.close(t)
	b.seal(t, "POP-08", file(changes(n, late...)))
	optest.Do(t, b.Staff, procedures.Draw, procedures.Drawing{Engagement: b.ID, Control: "CHG-01"})
	b.advance(t, engagements.Fieldwork)
	return b
}

// sealedOnly has the client seal a list that nobody has judged.
func sealedOnly(t testing.TB, b *bench) {
	t.Helper()
	optest.Do(t, b.Staff, populations.Request, populations.Wish{Engagement: b.ID, Code: "POP-08", Title: "A list"})
	m := file(changes(30))
	m.Engagement, m.Population = b.ID, "POP-08"
	v := optest.Do(t, b.Lead, populations.Build, m)
	optest.Do(t, b.Lead, populations.Seal, populations.Sealing{Engagement: b.ID, Population: "POP-08", Version: v.Version})
}

func decide(t testing.TB, b *bench, decision, reason string) {
	t.Helper()
	optest.Do(t, b.Staff, populations.Accept, populations.Verdict{Engagement: b.ID, Population: "POP-08", Version: 1, Decision: decision, Reason: reason})
}
