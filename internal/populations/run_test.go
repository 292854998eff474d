package populations_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/sources"
)

// script is a collector that does as it is told.
type script struct {
	do func(in *sources.Intake) error
}

func (script) Kind() string    { return "git" }
func (script) Version() string { return "test" }
func (s script) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	return s.do(in)
}

func read(t *testing.T, desk *op.Desk, s sources.Source, do func(*sources.Intake) error) sources.Run {
	t.Helper()
	r, err := sources.NewReader(script{do})
	if err != nil {
		t.Fatal(err)
	}
	run, err := r.Read(t.Context(), desk, s.ID, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func commits(n int) func(*sources.Intake) error {
	return func(in *sources.Intake) error {
		in.Scope("branch", "main")
		for i := range n {
			at := time.Date(2026, 1, 3, 8, 0, 0, 0, time.UTC).AddDate(0, 0, i)
			err := in.Add(sources.Resource{Kind: "commit", Key: fmt.Sprintf("%040x", i*7919%n), Attrs: map[string]any{
				"subject": fmt.Sprintf("change %d", i), "on_main_line": i%3 != 0, "authored_at": at.Add(-time.Hour), "committed_at": at, "parents": []string{"a"}}})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func fromGit(s optest.Sides) populations.Material {
	return populations.Material{Engagement: s.ID, Population: "POP-08", From: populations.FromRun, Source: "main", Kind: "commit",
		Where: "r.on_main_line", Time: "committed_at", Label: "subject"}
}

func TestAListIsBuiltFromTheSealedBytesOfARun(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		ask(t, s, "POP-08")
		src := optest.Do(t, s.Lead, sources.Create, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
		_, err := populations.Build.Do(t.Context(), s.Lead, fromGit(s))
		refused(t, "a source not read", err, fault.KindConflict, "not read yet")
		run := read(t, s.Lead, src, commits(90))
		v := optest.Do(t, s.ControlOwner, populations.Build, fromGit(s))
		if v.Rows != 60 || len(v.Problems) != 0 || v.Manifest.Run != run.ID || v.Manifest.Query != "branch=main\nkind=commit\nwhere r.on_main_line\ntime=committed_at" {
			t.Fatalf("built %+v", v)
		}
		months := map[string]int64{}
		for _, m := range v.Manifest.Months {
			months[m.Month] = m.Rows
		}
		if len(months) != 12 || months["2026-01"]+months["2026-02"]+months["2026-03"]+months["2026-04"] != 60 || months["2026-12"] != 0 {
			t.Errorf("months %v", v.Manifest.Months)
		}
		optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: 1})
		rows := optest.Do(t, s.Staff, populations.Rows, populations.RowFilter{Engagement: s.ID, Population: "POP-08", Limit: 3})
		if rows.Total != 60 || len(rows.Items) != 3 || rows.Items[0].Kind != "commit" || !rows.Items[0].Performed {
			t.Errorf("rows %+v", rows)
		}
		if on, ok := rows.Items[0].Field("on_main_line"); !ok || on != "true" || !strings.HasPrefix(rows.Items[0].Label, "change ") {
			t.Errorf("row %s", rows.Items[0].Record)
		}
		schemas, err := sources.Schemas()
		if err != nil {
			t.Fatal(err)
		}
		res, err := rows.Items[0].Resource(schemas["commit"])
		if err != nil || res.Attrs["on_main_line"] != true || res.Attrs["committed_at"] != rows.Items[0].At {
			t.Errorf("resource %+v, %v", res, err)
		}
	})
}

func TestWhatARunCannotSayIsNotLeftOutInSilence(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		ask(t, s, "POP-08")
		src := optest.Do(t, s.Lead, sources.Create, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
		read(t, s.Lead, src, func(in *sources.Intake) error {
			in.Missing(sources.Missing{Kind: "commit", Reason: "the clone is shallow"})
			return errors.Join(commits(5)(in), in.Add(sources.Resource{Kind: "commit", Key: "f00", Attrs: map[string]any{"subject": "x"}}))
		})
		v := optest.Do(t, s.Lead, populations.Build, fromGit(s))
		if len(v.Problems) != 1 || v.Problems[0].Code != "filter" || !strings.Contains(v.Problems[0].Lines[0], "f00: field on_main_line was not reported") {
			t.Errorf("problems %+v", v.Problems)
		}
		in := fromGit(s)
		in.Where = "!has(r.on_main_line) || r.on_main_line"
		v = optest.Do(t, s.Lead, populations.Build, in)
		if len(v.Problems) != 1 || v.Problems[0].Code != "time" || !strings.Contains(v.Problems[0].Lines[0], "f00") {
			t.Errorf("problems %+v", v.Problems)
		}
		in.Where = "has(r.on_main_line) && r.on_main_line"
		v = optest.Do(t, s.Lead, populations.Build, in)
		var failing []string
		for _, c := range v.Checks {
			if c.Result == populations.Fails {
				failing = append(failing, c.Procedure+" "+c.Text)
			}
		}
		if len(failing) != 1 || !strings.Contains(failing[0], "collection The run could not see all: the clone is shallow") {
			t.Errorf("failing %v", failing)
		}
		for field, change := range map[string]func(*populations.Material){
			"where": func(m *populations.Material) { m.Where = "r.on_mainline" }, "time": func(m *populations.Material) { m.Time = "subject" },
			"label": func(m *populations.Material) { m.Label = "merge" }, "key": func(m *populations.Material) { m.Key = "parents" },
			"kind": func(m *populations.Material) { m.Kind = "host_user" }, "source": func(m *populations.Material) { m.Source = "elsewhere" },
			"run": func(m *populations.Material) { m.Run = "run_00000000000000000000000000" },
		} {
			in := fromGit(s)
			change(&in)
			_, err := populations.Build.Do(t.Context(), s.Lead, in)
			if f := fault.As(err); f == nil || f.Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}

func TestPersonalKeysAreNumbered(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		ask(t, s, "POP-02")
		in := populations.Material{Engagement: s.ID, Population: "POP-02", From: populations.FromFile, Source: "people", Query: "leavers of 2026",
			Data: []byte("mail,left\nzoe@example.com,2026-03-01\nadam@example.com,2026-04-01\n"), Key: "mail", Time: "left", Surrogate: true}
		optest.Do(t, s.Lead, populations.Build, in)
		optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-02", Version: 1})
		rows := optest.Do(t, s.Staff, populations.Rows, populations.RowFilter{Engagement: s.ID, Population: "POP-02"}).Items
		if len(rows) != 2 || rows[0].Item != "POP-02-0001" || rows[0].Key != "adam@example.com" || rows[1].Item != "POP-02-0002" || rows[1].Key != "zoe@example.com" {
			t.Errorf("rows %+v", rows)
		}
		lines := optest.Do(t, s.Staff, populations.Export, populations.ExportFilter{Engagement: s.ID, Population: "POP-02"})
		if strings.Contains(lines.Lines, "@") || strings.Count(lines.Lines, "\n") != 2 || !strings.HasPrefix(lines.Lines, "POP-02-0001\t"+rows[0].Commitment) {
			t.Errorf("lines %q", lines.Lines)
		}
		var out strings.Builder
		if err := populations.WriteLines(t.Context(), s.Staff, populations.ExportFilter{Engagement: s.ID, Population: "POP-02"}, &out); err != nil || out.String() != lines.Lines {
			t.Errorf("%v, written %q", err, out.String())
		}
	})
}

func TestATypeIExaminationLooksAtWhatThereWas(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Engage(t, desk, "", "2026-12-31")
		s.Plan(t, engagements.Planned)
		ask(t, s, "POP-05")
		in := populations.Material{Engagement: s.ID, Population: "POP-05", From: populations.FromFile, Source: "login", Query: "users", Data: []byte("user,since\na,2020-01-01\n"), Key: "user"}
		dated := in
		dated.Time = "since"
		_, err := populations.Build.Do(t.Context(), s.Lead, dated)
		refused(t, "a list of a period", err, fault.KindInvalid, "looks at no period")
		_, err = populations.Build.Do(t.Context(), s.Lead, populations.Material{Engagement: s.ID, Population: "POP-05", From: populations.FromCalendar, Cadence: "daily"})
		refused(t, "a calendar", err, fault.KindInvalid, "looks at no period")
		v := optest.Do(t, s.Lead, populations.Build, in)
		if len(v.Problems) != 0 || !v.Manifest.Snapshot || v.Manifest.Period != "2026-12-31" {
			t.Errorf("built %+v", v)
		}
		optest.Clock(desk).Advance(60 * 24 * time.Hour)
		v = optest.Do(t, s.Lead, populations.Build, in)
		if len(v.Problems) != 1 || v.Problems[0].Code != "after_date" {
			t.Errorf("taken after the date: %+v", v.Problems)
		}
	})
}

func TestTheAuditorsProceduresDecideWithTheComputedOnes(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		ask(t, s, "POP-08")
		m := csv(s, []byte(strings.Replace(string(deployments(40)), "CHG-0017,", "CHG-0099,", 1)))
		m.SourceCount, m.CountedBy = 42, "a second API"
		optest.Do(t, s.Lead, populations.Build, m)
		v := optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: 1})
		told := map[string]string{}
		for _, c := range v.Checks {
			told[c.Procedure] = c.Result + ": " + c.Text
		}
		want := map[string]string{"source_count": "fails: 42 by a second API, 40 rows", "gap": "fails: CHG-0001 to CHG-0099, 59 missing",
			"cut_off": "holds: first 2 Jan, last 1 Mar, extracted 6 Jan", "keys": "holds: 40 distinct, 0 empty"}
		for p, text := range want {
			if told[p] != text {
				t.Errorf("%s says %q, want %q", p, told[p], text)
			}
		}
		do := func(x populations.Judgement) error {
			x.Engagement, x.Population, x.Version, x.Note = s.ID, "POP-08", 1, "looked"
			_, err := populations.Judge.Do(t.Context(), s.Staff, x)
			return err
		}
		decide := func(d string) error {
			_, err := populations.Accept.Do(t.Context(), s.Staff, populations.Verdict{Engagement: s.ID, Population: "POP-08", Version: 1, Decision: d, Reason: "two were drills"})
			return err
		}
		refused(t, "holds against the count", do(populations.Judgement{Procedure: "source_count", Result: "holds"}), fault.KindInvalid, "does not hold")
		refused(t, "one of two explained", do(populations.Judgement{Procedure: "source_count", Result: "explained", Items: []string{"DRILL-1"}}), fault.KindInvalid, "each of the 2 rows")
		if err := do(populations.Judgement{Procedure: "source_count", Result: "explained", Items: []string{"DRILL-1: a drill", "DRILL-2: a drill"}}); err != nil {
			t.Fatal(err)
		}
		refused(t, "with a gap", decide("explained"), fault.KindConflict, "Gap test does not hold")
		if err := do(populations.Judgement{Procedure: "gap", Result: "explained"}); err != nil {
			t.Fatal(err)
		}
		other := "CHG-0001\nCHG-0002\nCHG-9999\n"
		refused(t, "lists that differ", do(populations.Judgement{Procedure: "reconciliation", Result: "holds", Other: other}), fault.KindInvalid, "38 only here (CHG-0003, CHG-0004, CHG-0005, CHG-0006, CHG-0007, …), 1 only there (CHG-9999)")
		if err := do(populations.Judgement{Procedure: "reconciliation", Result: "fails", Other: other}); err != nil {
			t.Fatal(err)
		}
		refused(t, "with a failed reconciliation", decide("explained"), fault.KindConflict, "Reconciliation does not hold")
		var all strings.Builder
		for i := range 40 {
			if i != 16 {
				fmt.Fprintf(&all, "CHG-%04d\n", i+1)
			}
		}
		if err := do(populations.Judgement{Procedure: "reconciliation", Result: "holds", Other: all.String() + "CHG-0099"}); err != nil {
			t.Fatal(err)
		}
		refused(t, "complete with exceptions", decide("complete"), fault.KindInvalid, "exceptions explained")
		refused(t, "the end of the period", advance(t, s), fault.KindConflict, "POP-08 is not evaluated")
		if err := decide("explained"); err != nil {
			t.Fatal(err)
		}
		if err := advance(t, s); err != nil {
			t.Fatal(err)
		}
		seen := optest.Do(t, s.Lead, populations.Get, populations.Ref{Engagement: s.ID, Population: "POP-08"})
		for _, c := range seen.Versions[0].Checks {
			if c.By != "" {
				t.Errorf("the client reads a workpaper: %+v", c)
			}
		}
	})
}

// advance takes the engagement to the end of its period.
func advance(t *testing.T, s optest.Sides) error {
	t.Helper()
	got := optest.Do(t, s.Partner, engagements.Get, engagements.Ref{ID: s.ID})
	if got.State == engagements.Planned {
		optest.Do(t, s.Partner, engagements.Advance, engagements.Advancing{ID: s.ID, To: "observing"})
	}
	_, err := engagements.Advance.Do(t.Context(), s.Partner, engagements.Advancing{ID: s.ID, To: "period_closed"})
	return err
}
