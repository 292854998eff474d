package procedures_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/sample"
)

// Scenario 1 and 2: 25 of 240 changes, one deviation, an extension to 38.
func TestOneDeviationAndExtension(t *testing.T) {
	for _, c := range []struct {
		name                    string
		more                    bool
		limit, facts, proposals string
	}{
		{"no further deviation", false, "9.8547", "1 of 38", procedures.WithDeviations},
		{"one more", true, "13.4050", "2 of 38", procedures.NotEffective},
	} {
		t.Run(c.name, func(t *testing.T) {
			optest.Each(t, func(t *testing.T, desk *op.Desk) {
				b := changesDrawn(t, desk, 240)
				p := b.get(t, "CHG-01")
				s := p.Sample
				if s.N != 25 || s.Total != 240 || s.Method != "random" || p.Stage != "drawn" {
					t.Fatalf("drawn %+v", s)
				}
				rows := b.rows(t, "CHG-01")
				if got := ids(rows); !slices.Equal(got, recomputed(t, b, s, 25)) {
					t.Fatalf("drawn %v", got)
				}
				b.answer(t, "CHG-01", ids(rows)...)
				optest.Do(t, b.Staff, procedures.Confirm, procedures.Confirmation{Engagement: b.ID, Control: "CHG-01", Items: ids(rows)})
				b.mark(t, "CHG-01", procedures.Agrees, "", ids(rows), "A")
				clean := b.get(t, "CHG-01").Evaluation
				if clean.Limit != "8.7989" || !clean.Supports || clean.Proposal != procedures.Effective {
					t.Errorf("clean: %+v", clean)
				}
				bad := rows[4].Item
				b.mark(t, "CHG-01", procedures.Deviates, "Approved after it was deployed.", []string{bad}, "D")
				e := b.get(t, "CHG-01").Evaluation
				if e.Observed != "4.0000" || e.Limit != "14.6867" || e.Supports || e.Extendable || e.Facts != "1 of 25" || e.Proposal != procedures.NotEffective {
					t.Errorf("one deviation: %+v", e)
				}
				more := procedures.Extending{Engagement: b.ID, Control: "CHG-01", Reason: "The approver was on leave for an afternoon."}
				_, err := procedures.Extend.Do(t.Context(), b.Staff, more)
				refused(t, "extending before the cause", err, fault.KindConflict, "1 of 1 deviations have no cause yet")
				classify(t, b, "people", "isolated")
				out := optest.Do(t, b.Staff, procedures.Extend, more)
				if out.N != 38 || out.First != 25 || out.Reason != more.Reason {
					t.Errorf("extended: %+v", out)
				}
				all := b.rows(t, "CHG-01")
				if got := ids(all); !slices.Equal(got, recomputed(t, b, s, 38)) || all[25].Rank != 26 || !all[25].Extension || all[24].Extension || all[37].Rank != 38 {
					t.Errorf("extended to %v", got)
				}
				_, err = procedures.Conclude.Do(t.Context(), b.Staff, procedures.Decision{Engagement: b.ID, Control: "CHG-01", Decision: procedures.WithDeviations})
				refused(t, "concluding before the extension is tested", err, fault.KindConflict, "13 of 38 items are not marked")
				b.answer(t, "CHG-01", ids(all[25:])...)
				b.mark(t, "CHG-01", procedures.Agrees, "", ids(all[25:]), "A", "D")
				if c.more {
					b.mark(t, "CHG-01", procedures.Deviates, "Nobody approved it.", ids(all[30:31]), "A")
				}
				e = b.get(t, "CHG-01").Evaluation
				if e.Limit != c.limit || e.Facts != c.facts || e.Proposal != c.proposals || e.Supports == c.more {
					t.Errorf("after the extension: %+v", e)
				}
				if c.more {
					classify(t, b, "people", "isolated")
				}
				_, err = procedures.Extend.Do(t.Context(), b.Staff, more)
				refused(t, "extending again", err, fault.KindConflict, "no second extension")
				before := b.size(t)
				_, err = procedures.Remove.Do(t.Context(), b.Staff, procedures.Removal{Engagement: b.ID, Control: "CHG-01", Item: bad, Reason: "not representative"})
				refused(t, "removing", err, fault.KindConflict, "neither removed nor replaced")
				if body, _, _ := b.entry(t, false, before); b.size(t) != before+1 || body["refused"] != true || body["item"] != bad || body["op"] != "items.attempt" {
					t.Errorf("the attempt left %v", body)
				}
				if got := ids(b.rows(t, "CHG-01")); !slices.Contains(got, bad) || len(got) != 38 {
					t.Errorf("%s is gone", bad)
				}
				b.conclude(t, "CHG-01", c.proposals, "")
			})
		})
	}
}

// recomputed draws the sample again from what is public once it is drawn.
func recomputed(t *testing.T, b *bench, s *procedures.Sample, n int) (out []string) {
	t.Helper()
	nonce, err := sample.ParseNonce(s.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	var rows, items []string
	b.in(t, b.Lead, func(c *op.Call, r *engagements.Room) error {
		pop, err := populations.Find(c, r, "POP-08")
		if err != nil {
			return err
		}
		return populations.EachRow(c, c, r, *pop.Accepted(), func(row populations.Row) error {
			rows, items = append(rows, row.Item+"\t"+row.Commitment), append(items, row.Item)
			return nil
		})
	})
	digest, err := sample.Digest(rows)
	if err != nil {
		t.Fatal(err)
	}
	seed := nonce.Seed(digest, "CHG-01", "2026-01-01/2026-12-31")
	if seed.String() != s.Seed {
		t.Fatalf("seed %s, want %s", s.Seed, seed)
	}
	picks, err := sample.Draw(seed, items, nil, sample.Random, n)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range picks {
		out = append(out, k.Item)
	}
	return out
}

// classify states cause and extent of every deviation that has none.
func classify(t *testing.T, b *bench, cause, extent string) {
	t.Helper()
	all := optest.Do(t, b.Staff, procedures.Deviations, procedures.DeviationFilter{Engagement: b.ID})
	for _, d := range all.Items {
		if d.Classified.IsZero() {
			optest.Do(t, b.Staff, procedures.Classify, procedures.Classification{Engagement: b.ID, ID: string(d.ID), Cause: cause, Extent: extent,
				Reason: "The approver was on leave and named no deputy.", Disclosure: "For 1 change the approval followed the deployment.", Version: d.Version})
		}
	}
}

// Scenario 3: the calendar expects four reviews and three were performed.
func TestAMissedQuarterlyReviewIsADeviationOutright(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := begin(t, desk, "2026-01-01", "2026-12-31")
		control(t, b.Sides, "ACC-04", "quarterly", "CC6.2", "CC6.3")
		b.plan(t, procedures.Planning{Control: "ACC-04", Basis: procedures.BySample, Population: "POP-07", Attributes: []string{"A every account was reviewed"}})
		b.close(t)
		var done []string
		for _, q := range []string{"2026-Q1 2026-03-28", "2026-Q2 2026-06-27", "2026-Q4 2026-12-19"} {
			done = append(done, q+" "+string(b.show(t, 4, time.Time{}, q).ID))
		}
		b.seal(t, "POP-07", populations.Material{From: populations.FromCalendar, Cadence: "quarterly", Performed: done})
		s := optest.Do(t, b.Staff, procedures.Draw, procedures.Drawing{Engagement: b.ID, Control: "ACC-04"})
		if s.N != 0 || s.Total != 4 || s.Missed != 1 || s.Nonce != "" || s.Method != "none" {
			t.Errorf("drawn %+v", s)
		}
		b.advance(t, engagements.Fieldwork)
		p := b.get(t, "ACC-04")
		e := p.Evaluation
		if e.Observed != "25.0000" || e.Facts != "1 of 4" || e.Limit != "" || e.Meaningful || !e.Exact || e.Proposal != procedures.NotEffective || len(e.Options) > 0 {
			t.Errorf("evaluation %+v", e)
		}
		found := optest.Do(t, b.Staff, procedures.Deviations, procedures.DeviationFilter{Engagement: b.ID}).Items
		if len(found) != 1 || found[0].Code != procedures.MissedOccurrence || found[0].Item != "2026-Q3" {
			t.Fatalf("deviations %+v", found)
		}
		body, leaf, content := b.entry(t, false, s.Entry)
		if body["step"] != "full" || body["attribute"] != "performed" || body["total"] != 4.0 || body["deviates"] != 1.0 || leaf.Answers == nil || content == "" {
			t.Errorf("entry %v", body)
		}
		_, err := procedures.Set.Do(t.Context(), b.Staff, procedures.Marking{Engagement: b.ID, Control: "ACC-04", Items: []string{"2026-Q3"}, Attributes: []string{"A"}, Mark: procedures.Agrees})
		refused(t, "marking the missed one", err, fault.KindConflict, "Nothing was drawn")
		late := b.show(t, 4, time.Time{}, "2026-Q3 done in November")
		_, err = procedures.Answer.Do(t.Context(), b.Lead, procedures.Linking{Engagement: b.ID, Control: "ACC-04", Items: []string{"2026-Q3"}, Evidence: string(late.ID)})
		refused(t, "a late review in its place", err, fault.KindConflict, "does not stand for it")
		_, err = procedures.Conclude.Do(t.Context(), b.Staff, procedures.Decision{Engagement: b.ID, Control: "ACC-04", Decision: procedures.NotEffective})
		refused(t, "concluding before it is classified", err, fault.KindConflict, "1 of 1 deviations are not classified")
		classify(t, b, "people", "isolated")
		_, err = procedures.Conclude.Do(t.Context(), b.Staff, procedures.Decision{Engagement: b.ID, Control: "ACC-04", Decision: procedures.WithDeviations})
		refused(t, "another decision without reason", err, fault.KindInvalid, "say why")
		k := b.conclude(t, "ACC-04", procedures.NotEffective, "")
		if k.Tested != 4 || k.Deviations != 1 {
			t.Errorf("concluded %+v", k)
		}
	})
}

// Scenario 4: an annual test in a window of three months.
func TestAnAnnualControlInAThreeMonthWindow(t *testing.T) {
	for _, c := range []struct {
		last   string
		days   int
		within bool
	}{{"2025-11-20", 161, true}, {"2025-04-29", 366, false}} {
		t.Run(c.last, func(t *testing.T) {
			optest.Each(t, func(t *testing.T, desk *op.Desk) {
				b := begin(t, desk, "2026-02-01", "2026-04-30")
				control(t, b.Sides, "VUL-03", "annual", "CC4.1")
				b.plan(t, procedures.Planning{Control: "VUL-03", Basis: procedures.BySample, Population: "POP-15", Attributes: []string{"A performed by an outsider"}})
				b.close(t)
				at, err := time.Parse(time.DateOnly, c.last)
				if err != nil {
					t.Fatal(err)
				}
				report := b.show(t, 4, at, "penetration test")
				b.seal(t, "POP-15", populations.Material{From: populations.FromCalendar, Cadence: "annual", Last: c.last, LastEvidence: string(report.ID)})
				s := optest.Do(t, b.Staff, procedures.Draw, procedures.Drawing{Engagement: b.ID, Control: "VUL-03"})
				if s.N != 0 || s.Total != 0 || s.LookBack == nil || s.LookBack.Days != c.days || s.LookBack.Within != c.within {
					t.Fatalf("drawn %+v, looking back %+v", s, s.LookBack)
				}
				b.advance(t, engagements.Fieldwork)
				p := b.get(t, "VUL-03")
				if p.Evaluation.Proposal != procedures.NoOccurrence || len(p.Left) > 0 || p.Evaluation.LookBack.Evidence != report.ID {
					t.Errorf("evaluation %+v, left %v", p.Evaluation, p.Left)
				}
				v := optest.Do(t, b.Staff, procedures.Evidence, procedures.ItemRef{Engagement: b.ID, Control: "VUL-03", Item: "VUL-03"})
				if len(v.Records) != 1 || v.Records[0].Evidence != report.ID {
					t.Errorf("attached: %+v", v.Records)
				}
				_, err = procedures.Conclude.Do(t.Context(), b.Staff, procedures.Decision{Engagement: b.ID, Control: "VUL-03", Decision: procedures.Effective, Reason: "nothing went wrong"})
				refused(t, "concluding without exceptions", err, fault.KindInvalid, "never a result without exceptions")
				b.conclude(t, "VUL-03", procedures.NoOccurrence, "")
				b.in(t, b.Staff, func(c *op.Call, r *engagements.Room) error {
					all, err := procedures.Concluded(c, r)
					for _, s := range all {
						if s.Control == "VUL-03" && (!strings.Contains(s.Result, "did not operate in the period") || s.Deviating != 0 || len(s.Deviations) > 0) {
							t.Errorf("summary %+v", s)
						}
					}
					return err
				})
			})
		})
	}
}

// Scenario 6: all 12 leavers are looked at.
func TestAListThatAnExpressionDecidesIsTestedInFull(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := begin(t, desk, "2026-01-01", "2026-12-31")
		control(t, b.Sides, "ACC-09", "per_event", "CC6.3")
		b.plan(t, procedures.Planning{Control: "ACC-09", Basis: procedures.InFull, Population: "POP-02", Attributes: []string{"A disabled within 24 hours", "B disabled at all"},
			Expressions: []string{"A timestamp(r.disabled) - timestamp(r.left) <= duration('24h')", "B has(r.disabled)"}})
		b.close(t)
		var csv strings.Builder
		csv.WriteString("change,summary,left,disabled,deployed_at\n")
		for i := range 12 {
			left := time.Date(2026, 2, 3+i*10, 16, 0, 0, 0, time.UTC)
			gone := left.Add(20 * time.Hour)
			if i == 7 {
				gone = left.Add(49*time.Hour + 10*time.Minute)
			}
			csv.WriteString("LEA-" + string(rune('A'+i)) + ",Leaver," + left.Format(time.RFC3339) + "," + gone.Format(time.RFC3339) + "," + left.Format(time.RFC3339) + "\n")
		}
		b.seal(t, "POP-02", file([]byte(csv.String())))
		b.advance(t, engagements.Fieldwork)
		_, err := procedures.Draw.Do(t.Context(), b.Staff, procedures.Drawing{Engagement: b.ID, Control: "ACC-09"})
		refused(t, "drawing", err, fault.KindConflict)
		run := optest.Do(t, b.Staff, procedures.Run, procedures.Running{Engagement: b.ID, Control: "ACC-09", Attribute: "A"})
		if run.Total != 12 || run.Agrees != 11 || run.Deviates != 1 || run.Unknown != 0 || run.Observed != "8.3333" {
			t.Errorf("run %+v", run)
		}
		if left := b.get(t, "ACC-09").Left; len(left) == 0 || !strings.Contains(left[0], "Attribute B") {
			t.Errorf("left %v", left)
		}
		optest.Do(t, b.Staff, procedures.Run, procedures.Running{Engagement: b.ID, Control: "ACC-09", Attribute: "B"})
		_, err = procedures.Run.Do(t.Context(), b.Staff, procedures.Running{Engagement: b.ID, Control: "ACC-09", Attribute: "A"})
		refused(t, "running again", err, fault.KindConflict, "same answer")
		classify(t, b, "execution", "isolated")
		e := b.get(t, "ACC-09").Evaluation
		if e.Facts != "1 of 12" || e.Observed != "8.3333" || !e.Exact || e.Limit != "" || e.Proposal != procedures.Judgement {
			t.Errorf("evaluation %+v", e)
		}
		body, leaf, _ := b.entry(t, false, run.Entry)
		if body["step"] != "full" || body["expression"] == "" || body["agrees"] != 11.0 || leaf.Answers == nil {
			t.Errorf("entry %v", body)
		}
	})
}

// Scenario 8: a Type I engagement takes nothing from after its date, and draws
// no sample.
func TestTypeOneIsAboutADate(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := begin(t, desk, "", "2026-06-30")
		control(t, b.Sides, "CHG-01", "many_times_a_day", "CC8.1")
		_, err := procedures.PlanOp.Do(t.Context(), b.Staff, procedures.Planning{Engagement: b.ID, Control: "CHG-01", Basis: procedures.BySample, Population: "POP-08", Attributes: []string{"A x"}})
		refused(t, "a sample", err, fault.KindInvalid, "Type I")
		b.Plan(t, engagements.Planned, engagements.AsOf, engagements.Fieldwork)
		after := b.show(t, 4, time.Date(2026, 7, 2, 10, 0, 0, 0, time.UTC), "policy")
		before := b.show(t, 4, time.Date(2026, 6, 29, 10, 0, 0, 0, time.UTC), "policy")
		in := procedures.Linking{Engagement: b.ID, Control: "GOV-01", Items: []string{"GOV-01"}, Evidence: string(after.ID)}
		_, err = procedures.Answer.Do(t.Context(), b.Lead, in)
		refused(t, "evidence from after the date", err, fault.KindInvalid, "EV03")
		_, err = procedures.Link.Do(t.Context(), b.Staff, in)
		refused(t, "the same, linked by the firm", err, fault.KindInvalid, "EV03")
		in.Evidence = string(before.ID)
		optest.Do(t, b.Lead, procedures.Answer, in)
		b.mark(t, "GOV-01", procedures.Agrees, "", []string{"GOV-01"}, "A")
		if e := b.get(t, "GOV-01").Evaluation; e.Proposal != procedures.Effective || e.Limit != "" {
			t.Errorf("evaluation %+v", e)
		}
		b.conclude(t, "GOV-01", procedures.Effective, "")
	})
}
