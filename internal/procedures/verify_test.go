package procedures_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
)

// verified exports the engagement and checks it as a stranger would.
func (b *bench) verified(ctx context.Context) (*bundle.Report, error) {
	if err := b.desk.Ledger.SealAll(ctx); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := engagements.WriteBundle(ctx, b.Partner, b.ID, &out); err != nil {
		return nil, err
	}
	r, err := bundle.Verify(bytes.NewReader(out.Bytes()), int64(out.Len()), bundle.Options{File: "engagement.evb"})
	if err != nil {
		return nil, err
	}
	if r.Verdict != bundle.Consistent || len(r.Problems) > 0 {
		return r, fmt.Errorf("%s: %+v", r.Verdict, r.Problems)
	}
	return r, nil
}

// Every way to test a control, as the verifier reads it back.
func TestWhatWasDoneVerifies(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := begin(t, desk, "2026-01-01", "2026-12-31")
		for code, basis := range map[string]string{"CHG-01": procedures.BySample, "CHG-02": procedures.BySample, "CHG-03": procedures.InFull} {
			control(t, b.Sides, code, "many_times_a_day", "CC8.1")
			attributes := []string{"A asked for", "D approved before it was deployed"}
			expressions := []string{"D timestamp(r.approved_at) < timestamp(r.deployed_at)"}
			if basis == procedures.InFull {
				expressions = append(expressions, "A r.author != ''")
			}
			b.plan(t, procedures.Planning{Control: code, Basis: basis, Population: "POP-08", Risk: "low", Attributes: attributes, Expressions: expressions})
		}
		for code, frequency := range map[string]string{"ACC-04": "quarterly", "VUL-03": "per_event"} {
			control(t, b.Sides, code, frequency, "CC6.2")
			b.plan(t, procedures.Planning{Control: code, Basis: procedures.BySample, Population: "POP-" + code[4:], Attributes: []string{"A done"}})
		}
		b.close(t)
		b.seal(t, "POP-08", file(changes(240, 7, 8)))
		done := []string{"2026-Q1 2026-03-28 " + string(b.show(t, 4, time.Time{}, "Q1").ID)}
		b.seal(t, "POP-04", populations.Material{From: populations.FromCalendar, Cadence: "quarterly", Performed: done})
		none := file(changes(0))
		none.None = true
		b.seal(t, "POP-03", none)
		for code, method := range map[string]string{"CHG-01": "random", "CHG-02": "systematic", "ACC-04": "", "VUL-03": ""} {
			optest.Do(t, b.Staff, procedures.Draw, procedures.Drawing{Engagement: b.ID, Control: code, Method: method})
		}
		b.advance(t, engagements.Fieldwork)
		for _, code := range []string{"CHG-01", "CHG-02"} {
			items := ids(b.rows(t, code))
			b.answer(t, code, items...)
			b.mark(t, code, procedures.Agrees, "", items, "A", "D")
			b.mark(t, code, procedures.Deviates, "Approved late.", items[3:4], "D")
			classify(t, b, "people", "isolated")
			optest.Do(t, b.Staff, procedures.Extend, procedures.Extending{Engagement: b.ID, Control: code, Reason: "The approver was on leave."})
			more := ids(b.rows(t, code))[25:]
			b.answer(t, code, more...)
			b.mark(t, code, procedures.Agrees, "", more, "A", "D")
		}
		for _, letter := range []string{"A", "D"} {
			optest.Do(t, b.Staff, procedures.Run, procedures.Running{Engagement: b.ID, Control: "CHG-03", Attribute: letter})
		}
		b.answer(t, "GOV-01", "GOV-01")
		b.mark(t, "GOV-01", procedures.Agrees, "", []string{"GOV-01"}, "A")
		classify(t, b, "people", "isolated")
		for _, p := range optest.Do(t, b.Staff, procedures.List, procedures.Whole{Engagement: b.ID}).Items {
			if len(p.Left) > 0 {
				t.Errorf("%s: left %v", p.Control, p.Left)
			}
			b.conclude(t, p.Control, p.Evaluation.Proposal, "")
			optest.Do(t, b.Partner, procedures.Review, procedures.Signature{Engagement: b.ID, Control: p.Control})
		}
		r, err := b.verified(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range r.Examination.Procedures {
			got = append(got, fmt.Sprintf("%s %d of %d, %d deviate: %s, recomputed %t", p.Control, p.Drawn, p.Of, p.Deviations, p.Decision, p.Recomputed))
		}
		slices.Sort(got)
		want := []string{
			"ACC-04 0 of 0, 3 deviate: not_effective, recomputed false",
			"CHG-01 38 of 240, 1 deviate: effective_with_deviations, recomputed true",
			"CHG-02 38 of 240, 1 deviate: effective_with_deviations, recomputed true",
			"CHG-03 0 of 0, 2 deviate: effective_with_deviations, recomputed false",
			"GOV-01 0 of 0, 0 deviate: effective, recomputed false",
			"VUL-03 0 of 0, 0 deviate: no_occurrence, recomputed false",
		}
		if !slices.Equal(got, want) {
			t.Errorf("verified:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// Whatever people try, and in whatever order, the log that comes of it is one
// that the verifier accepts, and each refusal is one that a person may read.
func TestNoOrderOfActsBreaksTheRules(t *testing.T) {
	d, err := db.Open(t.Context(), dbtest.Migrated(t), db.Options{Unsafe: true, Careless: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	engine := optest.Engine(t, d)
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		flag.Set("rapid.checks", "10") // each is a whole engagement; -rapid.checks asks for more
	}
	n, done := 0, map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		n++
		b := begin(t, optest.Found(t, engine, fmt.Sprintf("Example %d", n)), "2026-01-01", "2026-10-31")
		control(t, b.Sides, "CHG-01", "monthly", "CC8.1")
		b.plan(t, procedures.Planning{Control: "CHG-01", Basis: procedures.BySample, Population: "POP-08", Risk: "high",
			Attributes: []string{"A asked for", "D approved before it was deployed"}, Expressions: []string{"D timestamp(r.approved_at) < timestamp(r.deployed_at)"}})
		b.close(t)
		people := []*op.Desk{b.Staff, b.Staff, b.Manager, b.Partner, b.Lead, b.ControlOwner, b.Boss}
		file := file(changes(12, 1, 2, 3))
		file.Engagement, file.Population = b.ID, "POP-08"
		b.done = done
		b.wander(t, rt, people, file)
		if _, err := b.verified(t.Context()); err != nil {
			rt.Fatalf("the log does not verify: %v", err)
		}
	})
	t.Logf("in %d runs: %v", n, done)
}

// wander does some tens of acts at random.
func (b *bench) wander(t *testing.T, rt *rapid.T, people []*op.Desk, list populations.Material) {
	ctx := t.Context()
	proof := b.show(t, 4, time.Time{}, string(list.Data))
	acts := map[string]func(d *op.Desk) error{
		"request": func(d *op.Desk) error {
			return try(ctx, d, populations.Request, populations.Wish{Engagement: b.ID, Code: "POP-08", Title: "A list"})
		},
		"build": func(d *op.Desk) error { return try(ctx, d, populations.Build, list) },
		"seal": func(d *op.Desk) error {
			return try(ctx, d, populations.Seal, populations.Sealing{Engagement: b.ID, Population: "POP-08", Version: rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(rt, "version")})
		},
		"accept": func(d *op.Desk) error {
			return try(ctx, d, populations.Accept, populations.Verdict{Engagement: b.ID, Population: "POP-08", Version: rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(rt, "version"),
				Decision: rapid.SampledFrom([]string{"complete", "complete", "complete", "rejected"}).Draw(rt, "decision"), Reason: "so it is"})
		},
		"draw": func(d *op.Desk) error {
			return try(ctx, d, procedures.Draw, procedures.Drawing{Engagement: b.ID, Control: "CHG-01"})
		},
		"extend": func(d *op.Desk) error {
			return try(ctx, d, procedures.Extend, procedures.Extending{Engagement: b.ID, Control: "CHG-01", Reason: "because it is isolated"})
		},
		"answer": func(d *op.Desk) error {
			return try(ctx, d, procedures.Answer, procedures.Linking{Engagement: b.ID, Control: "CHG-01", Items: b.some(rt, t), Evidence: string(proof.ID)})
		},
		"link": func(d *op.Desk) error {
			return try(ctx, d, procedures.Link, procedures.Linking{Engagement: b.ID, Control: "CHG-01", Items: b.some(rt, t), Evidence: string(proof.ID)})
		},
		"mark": func(d *op.Desk) error {
			return try(ctx, d, procedures.Set, procedures.Marking{Engagement: b.ID, Control: "CHG-01", Items: b.some(rt, t), Attributes: []string{"A", "D"}, Reason: "seen",
				Mark: rapid.SampledFrom([]string{"agrees", "agrees", "deviation", "not_applicable", "untested"}).Draw(rt, "mark")})
		},
		"confirm": func(d *op.Desk) error {
			return try(ctx, d, procedures.Confirm, procedures.Confirmation{Engagement: b.ID, Control: "CHG-01", Items: b.some(rt, t)})
		},
		"remove": func(d *op.Desk) error {
			return try(ctx, d, procedures.Remove, procedures.Removal{Engagement: b.ID, Control: "CHG-01", Item: b.some(rt, t)[0]})
		},
		"classify": func(d *op.Desk) error {
			all, err := procedures.Deviations.Do(ctx, d, procedures.DeviationFilter{Engagement: b.ID})
			if err != nil || len(all.Items) == 0 {
				return err
			}
			return try(ctx, d, procedures.Classify, procedures.Classification{Engagement: b.ID, ID: string(all.Items[0].ID), Cause: "people", Extent: "isolated", Alike: true,
				Reason: "it is what was seen", Disclosure: "as the report will say it", Version: all.Items[0].Version})
		},
		"conclude": func(d *op.Desk) error {
			return try(ctx, d, procedures.Conclude, procedures.Decision{Engagement: b.ID, Control: "CHG-01", Reason: "as found",
				Decision: rapid.SampledFrom([]string{"effective", "effective_with_deviations", "not_effective", "undetermined", "no_occurrence", "not_suitably_designed"}).Draw(rt, "decision")})
		},
		"review": func(d *op.Desk) error {
			return try(ctx, d, procedures.Review, procedures.Signature{Engagement: b.ID, Control: "CHG-01"})
		},
		"advance": func(d *op.Desk) error {
			return try(ctx, d, engagements.Advance, engagements.Advancing{ID: b.ID, To: rapid.SampledFrom([]string{"fieldwork", "fieldwork", "evaluation"}).Draw(rt, "to")})
		},
	}
	proper := map[string]*op.Desk{"build": b.Lead, "seal": b.Lead, "answer": b.ControlOwner, "advance": b.Partner, "conclude": b.Manager, "review": b.Partner}
	act := func(name string, d *op.Desk) {
		err := acts[name](d)
		if err != nil && fault.KindOf(err) == fault.KindInternal {
			rt.Fatalf("%s as %s: %v", name, d.Actor.Name, err)
		}
		if err == nil {
			b.done[name]++
		}
		optest.Clock(b.desk).Advance(time.Minute)
	}
	by := func(name string) *op.Desk {
		if d := proper[name]; d != nil {
			return d
		}
		return b.Staff
	}
	road := []string{"request", "build", "seal", "accept", "draw", "advance", "answer", "confirm", "mark", "classify", "conclude", "review"}
	for _, name := range road[:rapid.IntRange(0, len(road)).Draw(rt, "way")] {
		act(name, by(name))
	}
	for _, name := range rapid.SliceOfN(rapid.SampledFrom(sortedKeys(acts)), 10, 40).Draw(rt, "acts") {
		d := by(name)
		if rapid.IntRange(0, 3).Draw(rt, "other") == 0 {
			d = people[rapid.IntRange(0, len(people)-1).Draw(rt, "who")]
		}
		act(name, d)
	}
}

func sortedKeys[V any](m map[string]V) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// some are items: mostly all that were drawn, and else any of the list.
func (b *bench) some(rt *rapid.T, t *testing.T) []string {
	g, err := procedures.GridOp.Do(t.Context(), b.Staff, procedures.GridPart{Engagement: b.ID, Control: "CHG-01"})
	if err == nil && len(g.Rows) > 0 && rapid.IntRange(0, 3).Draw(rt, "all") > 0 {
		return ids(g.Rows)
	}
	all := make([]string, 12)
	for i := range all {
		all[i] = fmt.Sprintf("CHG-%04d", i+1)
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 4, rapid.ID[string]).Draw(rt, "items")
}

func try[In, Out any](ctx context.Context, d *op.Desk, o *op.Op[In, Out], in In) error {
	if err := d.Ledger.SealAll(ctx); err != nil {
		return err
	}
	_, err := o.Do(ctx, d, in)
	return err
}
