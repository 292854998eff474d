package procedures_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/procedures"
)

// The bodies are what a verifier acts on, word by word.
func TestEntriesSayWhatAVerifierActsOn(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := changesDrawn(t, desk, 240)
		p := b.get(t, "CHG-01")
		s := p.Sample
		check := func(what string, client bool, index int64, kind canon.Kind, answers bool, want map[string]any) {
			t.Helper()
			body, leaf, _ := b.entry(t, client, index)
			if diff := cmp.Diff(want, body); diff != "" || leaf.Kind != kind || (leaf.Answers != nil) != answers {
				t.Errorf("%s is of kind %s, answers %v:\n%s", what, leaf.Kind, leaf.Answers != nil, diff)
			}
		}
		rows := b.rows(t, "CHG-01")
		all := ids(rows)
		list := make([]any, len(all))
		for i, item := range all {
			list[i] = item
		}
		check("draw", false, s.Entry, canon.KindSample, true, map[string]any{"op": "samples.draw", "id": string(s.ID), "step": "draw",
			"population": string(s.Population), "procedure": string(p.ID), "version": 1.0, "digest": s.Digest, "commitment": s.Commitment, "nonce": s.Nonce,
			"seed": s.Seed, "control": "CHG-01", "period": "2026-01-01/2026-12-31", "method": "random", "n": 25.0, "total": 240.0,
			"profile": "customary-v1", "profile_version": 1.0, "risk": "low", "media_type": procedures.MediaTypeDraw})
		rowsRecord := optest.Do(t, b.Staff, procedures.Evidence, procedures.ItemRef{Engagement: b.ID, Control: "CHG-01", Item: all[0]}).Records[0]
		if !rowsRecord.Auto || rowsRecord.Entry != s.Entry+1 || !strings.Contains(rowsRecord.Preview, all[0]) {
			t.Errorf("the list as evidence: %+v", rowsRecord)
		}
		check("the list's link", false, s.Entry+1, canon.KindEvidence, true, map[string]any{"op": "samples.draw", "id": string(rowsRecord.Evidence), "step": "link",
			"procedure": string(p.ID), "items": list})

		e := b.show(t, 4, time.Time{}, all[0])
		in := procedures.Linking{Engagement: b.ID, Control: "CHG-01", Items: all[:1], Evidence: string(e.ID)}
		said := optest.Do(t, b.ControlOwner, procedures.Answer, in)
		check("answer", true, said.Entry, canon.KindEvidence, true, map[string]any{"op": "items.answer", "id": string(e.ID), "step": "link",
			"procedure": string(p.ID), "items": []any{all[0]}})
		_, leaf, _ := b.entry(t, true, said.Entry)
		if leaf.Answers.Index != s.Entry {
			t.Errorf("the answer answers %d, want the draw, %d", leaf.Answers.Index, s.Entry)
		}
		linked := optest.Do(t, b.Staff, procedures.Link, in)
		check("link", false, linked.Entry, canon.KindEvidence, true, map[string]any{"op": "items.link", "id": string(e.ID), "step": "link",
			"procedure": string(p.ID), "items": []any{all[0]}})

		m := b.mark(t, "CHG-01", procedures.Deviates, "No ticket.", all[:1], "A")
		check("test", false, m.Entries[0], canon.KindTest, true, map[string]any{"op": "marks.set", "id": string(p.ID), "step": "test", "control": "CHG-01",
			"marks": []any{map[string]any{"item": all[0], "attribute": "A", "mark": "deviation", "reason": "No ticket."}}})
		_, leaf, _ = b.entry(t, false, m.Entries[0])
		if leaf.Answers.Index != said.Entry {
			t.Errorf("the test answers %d, want the newest link, %d", leaf.Answers.Index, said.Entry)
		}

		b.answer(t, "CHG-01", all[1:]...)
		optest.Do(t, b.Staff, procedures.Confirm, procedures.Confirmation{Engagement: b.ID, Control: "CHG-01", Items: all})
		b.mark(t, "CHG-01", procedures.Agrees, "", all[1:], "A")
		classify(t, b, "people", "isolated")
		out := optest.Do(t, b.Staff, procedures.Extend, procedures.Extending{Engagement: b.ID, Control: "CHG-01", Reason: "One ticket was lost."})
		check("extension", false, out.ExtensionEntry, canon.KindSample, false, map[string]any{"op": "samples.extend", "id": string(s.ID), "step": "extend",
			"procedure": string(p.ID), "from": 25.0, "to": float64(out.N), "reason": "One ticket was lost.", "media_type": procedures.MediaTypeDraw})
		added := ids(b.rows(t, "CHG-01"))[25:]
		_, leaf, _ = b.entry(t, true, optest.Do(t, b.Lead, procedures.Answer, procedures.Linking{Engagement: b.ID, Control: "CHG-01", Items: added,
			Evidence: string(b.show(t, 3+1, time.Time{}, strings.Join(added, " ")).ID)}).Entry)
		if leaf.Answers.Index != out.ExtensionEntry {
			t.Errorf("the answer to the extension answers %d, want %d", leaf.Answers.Index, out.ExtensionEntry)
		}
		b.mark(t, "CHG-01", procedures.Agrees, "", added, "A", "D")
		k := b.conclude(t, "CHG-01", procedures.WithDeviations, "")
		check("conclusion", false, k.Entry, canon.KindConclusion, false, map[string]any{"op": "procedures.conclude", "id": string(p.ID), "step": "control",
			"control": "CHG-01", "proposal": "effective_with_deviations", "decision": "effective_with_deviations", "reason": "", "tested": float64(out.N), "deviations": 1.0, "version": 1.0})
		done := optest.Do(t, b.Manager, procedures.Review, procedures.Signature{Engagement: b.ID, Control: "CHG-01"})
		check("review", false, done.ReviewEntry, canon.KindSignoff, false, map[string]any{"op": "procedures.review", "id": string(p.ID), "step": "review", "control": "CHG-01", "version": 1.0})
	})
}

// Scenario 10, as far as the program refuses it.
func TestNoConclusionBeforeItsGrounds(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := changesDrawn(t, desk, 240)
		items := ids(b.rows(t, "CHG-01"))
		set := procedures.Marking{Engagement: b.ID, Control: "CHG-01", Items: items[:1], Attributes: []string{"A"}, Mark: procedures.Agrees}
		before := b.size(t)
		_, err := procedures.Set.Do(t.Context(), b.Staff, set)
		refused(t, "marking before evidence", err, fault.KindConflict, "no conclusion before evidence")
		set.Mark = procedures.Reperformed
		_, err = procedures.Set.Do(t.Context(), b.Staff, set)
		refused(t, "reperforming before evidence", err, fault.KindConflict, "no conclusion before evidence")
		_, err = procedures.Conclude.Do(t.Context(), b.Staff, procedures.Decision{Engagement: b.ID, Control: "CHG-01", Decision: procedures.Effective})
		refused(t, "concluding before the tests", err, fault.KindConflict, "25 of 25 items are not marked")
		_, err = procedures.Review.Do(t.Context(), b.Manager, procedures.Signature{Engagement: b.ID, Control: "CHG-01"})
		refused(t, "reviewing before the conclusion", err, fault.KindConflict, "not concluded")
		_, err = procedures.Draw.Do(t.Context(), b.Staff, procedures.Drawing{Engagement: b.ID, Control: "CHG-01", Method: "systematic"})
		refused(t, "drawing again", err, fault.KindConflict, "never redrawn")
		if b.size(t) != before {
			t.Errorf("refusals left %d entries", b.size(t)-before)
		}
		if got := ids(b.rows(t, "CHG-01")); !slices.Equal(got, items) {
			t.Errorf("the sample is now %v", got)
		}
		_, err = procedures.PlanOp.Do(t.Context(), b.Staff, procedures.Planning{Engagement: b.ID, Control: "CHG-01", Basis: "sample", Population: "POP-08", Risk: "high", Attributes: []string{"A x"}, Version: 1})
		refused(t, "another risk after the draw", err, fault.KindConflict, "never redrawn")
		set.Mark, set.Reason, set.Code = procedures.Deviates, "Nobody could show the ticket.", procedures.MissingEvidence
		optest.Do(t, b.Staff, procedures.Set, set)
		if e := b.get(t, "CHG-01").Evaluation; e.Deviations != 1 {
			t.Errorf("missing evidence is no deviation: %+v", e)
		}
		_, err = procedures.PlanOp.Do(t.Context(), b.Staff, procedures.Planning{Engagement: b.ID, Control: "CHG-01", Basis: "sample", Population: "POP-08", Risk: "low", Attributes: []string{"A x"}, Version: 1})
		refused(t, "another plan after the first mark", err, fault.KindConflict, "after the first mark")
		// undetermined says what limits the scope
		_, err = procedures.Conclude.Do(t.Context(), b.Staff, procedures.Decision{Engagement: b.ID, Control: "CHG-01", Decision: procedures.Undetermined})
		refused(t, "undetermined without reason", err, fault.KindInvalid, "limits the scope")
		b.conclude(t, "CHG-01", procedures.Undetermined, "The tracker was erased before the records could be seen.")
	})
}

func TestNothingIsDrawnFromAListThatIsNotAccepted(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := begin(t, desk, "2026-01-01", "2026-12-31")
		control(t, b.Sides, "CHG-01", "many_times_a_day", "CC8.1")
		b.plan(t, procedures.Planning{Control: "CHG-01", Basis: procedures.BySample, Population: "POP-08", Attributes: []string{"A x"}})
		in := procedures.Drawing{Engagement: b.ID, Control: "CHG-01"}
		_, err := procedures.Draw.Do(t.Context(), b.Staff, in)
		refused(t, "drawing while it is planned", err, fault.KindConflict, "while an engagement is")
		b.close(t)
		_, err = procedures.Draw.Do(t.Context(), b.Staff, in)
		refused(t, "drawing from nothing", err, fault.KindNotFound, "POP-08")
		_, err = engagements.Advance.Do(t.Context(), b.Partner, engagements.Advancing{ID: b.ID, To: "fieldwork"})
		refused(t, "fieldwork without samples", err, fault.KindConflict, "the sample of CHG-01")
		sealedOnly(t, b)
		_, err = procedures.Draw.Do(t.Context(), b.Staff, in)
		refused(t, "drawing from what is not accepted", err, fault.KindConflict, "not accepted as complete and accurate")
		decide(t, b, "rejected", "Two regions are missing.")
		_, err = procedures.Draw.Do(t.Context(), b.Staff, in)
		refused(t, "drawing from what is rejected", err, fault.KindConflict, "Two regions are missing")
		p := b.get(t, "CHG-01")
		if p.Evaluation.Proposal != procedures.Undetermined || !strings.Contains(p.Evaluation.Why, "Two regions") {
			t.Errorf("evaluation %+v", p.Evaluation)
		}
	})
}

func TestMethods(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := begin(t, desk, "2026-01-01", "2026-12-31")
		for _, code := range []string{"CHG-01", "CHG-02"} {
			control(t, b.Sides, code, "many_times_a_day", "CC8.1")
			b.plan(t, procedures.Planning{Control: code, Basis: procedures.BySample, Population: "POP-08", Attributes: []string{"A x"}, Risk: "low"})
		}
		b.close(t)
		data := strings.ReplaceAll(string(changes(240)), "author", "class")
		for i := range 240 {
			class := "standard"
			if i < 24 {
				class = "emergency"
			}
			data = strings.Replace(data, "t.reiter", class, 1)
		}
		b.seal(t, "POP-08", file([]byte(data)))
		for what, in := range map[string]procedures.Drawing{
			"strata without a field": {Method: "stratified"}, "a field without strata": {StrataBy: "class"}, "a field that is not there": {Method: "stratified", StrataBy: "colour"},
		} {
			in.Engagement, in.Control = b.ID, "CHG-01"
			_, err := procedures.Draw.Do(t.Context(), b.Staff, in)
			refused(t, what, err, fault.KindInvalid, "strat")
		}
		s := optest.Do(t, b.Staff, procedures.Draw, procedures.Drawing{Engagement: b.ID, Control: "CHG-01", Method: "stratified", StrataBy: "class"})
		counts := map[string]int{}
		for _, r := range b.rows(t, "CHG-01") {
			counts[r.Stratum]++
		}
		if want := map[string]int{"emergency": 3, "standard": 22}; !cmp.Equal(counts, want) { // 2.5 and 22.5, the tie to the earlier name
			t.Errorf("strata %v, want %v", counts, want)
		}
		two := optest.Do(t, b.Staff, procedures.Draw, procedures.Drawing{Engagement: b.ID, Control: "CHG-02", Method: "systematic"})
		if two.N != 25 || two.Nonce != s.Nonce || two.Seed == s.Seed || len(two.Warnings) == 0 {
			t.Errorf("systematic %+v", two)
		}
		_, _, content := b.entry(t, false, s.Entry)
		if content == "" {
			t.Error("the draw vouches for nothing")
		}
	})
}

// One of many is found by itself; its row is the same.
func TestOneOfALongList(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := begin(t, desk, "2026-01-01", "2026-12-31")
		control(t, b.Sides, "CHG-01", "annual", "CC8.1")
		b.plan(t, procedures.Planning{Control: "CHG-01", Basis: procedures.BySample, Population: "POP-08", Attributes: []string{"A x"}})
		b.close(t)
		b.seal(t, "POP-08", file(changesEvery(6001, 60)))
		s := optest.Do(t, b.Staff, procedures.Draw, procedures.Drawing{Engagement: b.ID, Control: "CHG-01"})
		rows := b.rows(t, "CHG-01")
		if s.N != 1 || !slices.Equal(ids(rows), recomputed(t, b, &s, 1)) {
			t.Fatalf("drawn %v", ids(rows))
		}
		v := optest.Do(t, b.Staff, procedures.Evidence, procedures.ItemRef{Engagement: b.ID, Control: "CHG-01", Item: rows[0].Item})
		if !strings.Contains(v.Record, rows[0].Item) || rows[0].At.IsZero() || !strings.HasPrefix(rows[0].Label, "Change ") || len(s.Warnings) != 1 {
			t.Errorf("row %+v, record %s, warnings %v", rows[0], v.Record, s.Warnings)
		}
	})
}

// An auditor does not belong to the client, and nobody reviews their own work.
func TestSeparationOfDuties(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := changesDrawn(t, desk, 240)
		items := ids(b.rows(t, "CHG-01"))
		b.answer(t, "CHG-01", items...)
		both := *b.Staff // the same person as a member of the client and of the firm
		both.Actor = b.ControlOwner.Actor
		both.Actor.Roles = []auth.Role{auth.Partner}
		machine := b.Partner.Machine(b.Partner.Org, "robot", auth.AuditWrite, auth.AuditRead, auth.AuditReview, auth.EngageRead)
		set := procedures.Marking{Engagement: b.ID, Control: "CHG-01", Items: items, Attributes: []string{"A"}, Mark: procedures.Agrees}
		for who, d := range map[string]*op.Desk{"who owns the control": &both, "the machine": machine} {
			for what, do := range map[string]func() error{
				"plans": func() error {
					_, err := procedures.PlanOp.Do(t.Context(), d, procedures.Planning{Engagement: b.ID, Control: "CHG-01", Basis: "sample", Population: "POP-08", Attributes: []string{"A x"}, Version: 1})
					return err
				},
				"draws": func() error {
					_, err := procedures.Draw.Do(t.Context(), d, procedures.Drawing{Engagement: b.ID, Control: "CHG-01"})
					return err
				},
				"marks": func() error { _, err := procedures.Set.Do(t.Context(), d, set); return err },
				"concludes": func() error {
					_, err := procedures.Conclude.Do(t.Context(), d, procedures.Decision{Engagement: b.ID, Control: "CHG-01", Decision: "undetermined", Reason: "nothing there"})
					return err
				},
				"reviews": func() error {
					_, err := procedures.Review.Do(t.Context(), d, procedures.Signature{Engagement: b.ID, Control: "CHG-01"})
					return err
				},
			} {
				if err := do(); fault.KindOf(err) != fault.KindDenied {
					t.Errorf("%s %s: %v", who, what, err)
				}
			}
		}
		optest.Do(t, b.Staff, procedures.Set, set)
		set.Attributes = []string{"D"}
		optest.Do(t, b.Manager, procedures.Set, set)
		optest.Do(t, b.Partner, procedures.Conclude, procedures.Decision{Engagement: b.ID, Control: "CHG-01", Decision: procedures.Effective})
		sign := procedures.Signature{Engagement: b.ID, Control: "CHG-01", Comment: "Five items looked at again."}
		for who, d := range map[string]*op.Desk{"the tester": b.Staff, "the other tester": b.Manager, "who concluded": b.Partner} {
			if _, err := procedures.Review.Do(t.Context(), d, sign); fault.KindOf(err) != fault.KindDenied {
				t.Errorf("%s reviews: %v", who, err)
			}
		}
	})
}

// The client is refused every operation of the firm, and sees nothing of
// another's engagement.
func TestTheClientSeesNoWorkpaper(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := changesDrawn(t, desk, 240)
		items := ids(b.rows(t, "CHG-01"))
		b.answer(t, "CHG-01", items...)
		b.mark(t, "CHG-01", procedures.Deviates, "The note of the auditor.", items[:1], "A")
		otherFirm := optest.Firm(t, optest.Found(t, desk.Engine, "Other"), "Else LLP")
		in := func(more string) []byte {
			return []byte(`{"engagement":"` + b.ID + `","control":"CHG-01"` + more + `}`)
		}
		for _, o := range procedures.Operations {
			if !o.Offered() {
				continue
			}
			raw := map[string]string{"procedures.plan": `,"basis":"sample","attributes":["A x"]`, "procedures.conclude": `,"decision":"effective"`,
				"samples.extend": `,"reason":"because of this and that"`, "items.answer": `,"items":["a"],"evidence":"evd_00000000000000000000000000"`,
				"items.link": `,"items":["a"],"evidence":"evd_00000000000000000000000000"`, "items.evidence": `,"item":"a"`, "items.remove": `,"item":"a"`,
				"marks.set": `,"items":["a"],"attributes":["A"],"mark":"agrees"`, "marks.confirm": `,"items":["a"]`, "tests.run": `,"attribute":"A"`}[o.Name()]
			body := in(raw)
			switch o.Name() {
			case "procedures.list", "procedures.progress":
				body = []byte(`{"engagement":"` + b.ID + `"}`)
			case "deviations.classify":
				body = []byte(`{"engagement":"` + b.ID + `","id":"dev_00000000000000000000000000","cause":"people","extent":"isolated","reason":"because of this","disclosure":"as it will read","version":0}`)
			case "deviations.respond":
				body = []byte(`{"engagement":"` + b.ID + `","id":"dev_00000000000000000000000000","text":"we have done this"}`)
			}
			shared := o.Right() == auth.EngageRead || o.Right() == auth.AnswersWrite
			for _, d := range []*op.Desk{b.Client, b.Lead, b.ControlOwner, b.Boss} {
				_, err := o.Run(t.Context(), d, body)
				if !shared && fault.KindOf(err) != fault.KindDenied {
					t.Errorf("%s as %s: %v", o.Name(), d.Actor.Name, err)
				}
			}
			if _, err := o.Run(t.Context(), otherFirm, body); fault.KindOf(err) != fault.KindNotFound && fault.KindOf(err) != fault.KindDenied {
				t.Errorf("%s as another firm: %v", o.Name(), err)
			}
			if o.Right() == auth.AnswersWrite {
				if _, err := o.Run(t.Context(), b.Partner, body); fault.KindOf(err) != fault.KindDenied {
					t.Errorf("%s as the firm: %v", o.Name(), err)
				}
			}
		}
		filter := procedures.DeviationFilter{Engagement: b.ID}
		if got := optest.Do(t, b.Lead, procedures.Deviations, filter); got.Total != 0 {
			t.Errorf("the client sees what is not classified: %+v", got.Items)
		}
		classify(t, b, "people", "isolated")
		got := optest.Do(t, b.Lead, procedures.Deviations, filter)
		text, err := json.Marshal(got)
		if err != nil || got.Total != 1 || strings.Contains(string(text), "note of the auditor") || strings.Contains(string(text), "named no deputy") {
			t.Errorf("the client sees %s, %v", text, err)
		}
		drawn := optest.Do(t, b.Lead, procedures.Items, procedures.ItemPart{Engagement: b.ID, Control: "CHG-01"})
		text, err = json.Marshal(drawn)
		if err != nil || drawn.Total != 25 || len(drawn.Items) != 25 || strings.Contains(string(text), "mark") || strings.Contains(string(text), "timestamp(") {
			t.Errorf("the client's items: %s, %v", text, err)
		}
		said := optest.Do(t, b.Lead, procedures.Respond, procedures.Response{Engagement: b.ID, ID: string(got.Items[0].ID), Text: "A deputy is named since October."})
		firm := optest.Do(t, b.Staff, procedures.Deviations, filter)
		if firm.Items[0].Response != said.Response || firm.Items[0].Note == "" {
			t.Errorf("the firm sees %+v", firm.Items[0])
		}
	})
}

func TestMarksKeepTheirHistory(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := changesDrawn(t, desk, 240)
		items := ids(b.rows(t, "CHG-01"))[:2]
		b.answer(t, "CHG-01", items...)
		b.mark(t, "CHG-01", procedures.Deviates, "No ticket.", items[:1], "A")
		undo := procedures.Marking{Engagement: b.ID, Control: "CHG-01", Items: items[:1], Attributes: []string{"A"}, Mark: procedures.Untested}
		_, err := procedures.Set.Do(t.Context(), b.Staff, undo)
		refused(t, "taking a deviation back without reason", err, fault.KindInvalid, "taken back")
		undo.Reason = "The ticket was in the other tracker."
		optest.Do(t, b.Staff, procedures.Set, undo)
		b.mark(t, "CHG-01", procedures.Agrees, "", items[:1], "A")
		v := optest.Do(t, b.Staff, procedures.Evidence, procedures.ItemRef{Engagement: b.ID, Control: "CHG-01", Item: items[0]})
		var marks []string
		for _, m := range v.History {
			marks = append(marks, m.Mark)
		}
		if want := []string{"agrees", "untested", "deviation"}; !slices.Equal(marks, want) {
			t.Errorf("history %v, want %v", marks, want)
		}
		if found := optest.Do(t, b.Staff, procedures.Deviations, procedures.DeviationFilter{Engagement: b.ID}); found.Total != 0 {
			t.Errorf("the deviation stands: %+v", found.Items)
		}
		if v.Next != items[1] || v.Previous != "" || v.Row.Cells[0].Mark != "agrees" || v.Row.Cells[1].Proposed != "agrees" {
			t.Errorf("view %+v", v)
		}
		again := b.mark(t, "CHG-01", procedures.Agrees, "", items[:1], "A")
		if again.Marks != 0 || again.Skipped != 1 {
			t.Errorf("the same again: %+v", again)
		}
	})
}

func TestFindings(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := changesDrawn(t, desk, 30, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
		items := ids(b.rows(t, "CHG-01"))
		now := b.desk.Clock.Now()
		codes := func(item string) string {
			rows := b.rows(t, "CHG-01")
			return strings.Join(rows[slices.Index(ids(rows), item)].Findings, " ")
		}
		link := func(e evidence.Record, items ...string) error {
			_, err := procedures.Answer.Do(t.Context(), b.Lead, procedures.Linking{Engagement: b.ID, Control: "CHG-01", Items: items, Evidence: string(e.ID)})
			return err
		}
		for i, c := range []struct {
			what     string
			level    int
			captured time.Time
			text     string
			want     string
		}{
			{"as it should be", 4, now.Add(-time.Hour), items[0], "EV09"},
			{"taken in another year", 4, time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), items[1], "EV03 EV09 EV11"},
			{"another item", 4, now.Add(-time.Hour), "nothing", "EV09 EV12"},
			{"made for the audit", 6, now.Add(-time.Hour), items[3], "EV09 EV16"},
			{"said to be old", 4, now.AddDate(0, 0, -3), items[4], "EV09 EV11"},
		} {
			if err := link(b.show(t, c.level, c.captured, c.text), items[i]); err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			if got := codes(items[i]); got != c.want {
				t.Errorf("%s: %s, want %s", c.what, got, c.want)
			}
		}
		optest.Clock(b.desk).Advance(time.Hour)
		if err := link(b.show(t, 4, time.Time{}, items[5]+items[6]), items[5], items[6]); err != nil {
			t.Fatal(err)
		}
		if got := codes(items[5]); got != "EV09 EV11 EV18" {
			t.Errorf("one for two, after they were asked for: %s", got)
		}
		refused(t, "an oral statement", link(b.show(t, 7, time.Time{}, items[7]), items[7]), fault.KindInvalid, "oral")
		refused(t, "an item that was not drawn", link(b.show(t, 4, time.Time{}, "x"), "CHG-9999"), fault.KindInvalid, "not in the sample")
		_, err := procedures.Set.Do(t.Context(), b.Staff, procedures.Marking{Engagement: b.ID, Control: "CHG-01", Items: items[3:4], Attributes: []string{"A"}, Mark: procedures.Agrees})
		refused(t, "agreeing on what was made for the audit", err, fault.KindConflict, "EV16")
		v := optest.Do(t, b.Staff, procedures.Evidence, procedures.ItemRef{Engagement: b.ID, Control: "CHG-01", Item: items[0]})
		if len(v.Findings) != 1 || v.Findings[0].Code != "EV09" || v.Findings[0].Attribute != "D" || v.Findings[0].Text != "Approved 1 h 38 m 26 s after it was done." {
			t.Errorf("findings %+v", v.Findings)
		}
		out := optest.Do(t, b.Staff, procedures.Confirm, procedures.Confirmation{Engagement: b.ID, Control: "CHG-01", Items: items[:1]})
		cell := out.Rows[0].Cells[1]
		if out.Marks != 1 || cell.Mark != procedures.Deviates || cell.Code != "EV09" || cell.Reason != "Approved 1 h 38 m 26 s after it was done." {
			t.Errorf("confirmed %+v", cell)
		}
	})
}

func TestPlanRefuses(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := begin(t, desk, "2026-01-01", "2026-12-31")
		control(t, b.Sides, "CHG-01", "many_times_a_day", "CC8.1")
		good := procedures.Planning{Engagement: b.ID, Control: "CHG-01", Basis: "sample", Population: "POP-08", Attributes: []string{"A asked for", "B approved"}}
		for what, c := range map[string]struct {
			change func(*procedures.Planning)
			kind   fault.Kind
			words  string
		}{
			"a control that is not there": {func(p *procedures.Planning) { p.Control = "XXX-99" }, fault.KindNotFound, "XXX-99"},
			"a sample of nothing":         {func(p *procedures.Planning) { p.Population = "" }, fault.KindInvalid, "name the list"},
			"an inspection of a list":     {func(p *procedures.Planning) { p.Basis = "inspection" }, fault.KindInvalid, "leave the list out"},
			"a line without a letter":     {func(p *procedures.Planning) { p.Attributes = []string{"asked for"} }, fault.KindInvalid, "line 1"},
			"a letter twice":              {func(p *procedures.Planning) { p.Attributes = []string{"A x", "A y"} }, fault.KindInvalid, "ascend"},
			"an expression of no letter":  {func(p *procedures.Planning) { p.Expressions = []string{"C true"} }, fault.KindInvalid, "no attribute C"},
			"two expressions":             {func(p *procedures.Planning) { p.Expressions = []string{"A true", "A false"} }, fault.KindInvalid, "has two"},
			"in full without expressions": {func(p *procedures.Planning) { p.Basis, p.Expressions = "full", []string{"A true"} }, fault.KindInvalid, "B has none"},
			"a role that is none":         {func(p *procedures.Planning) { p.Roles = []string{"boss=b"} }, fault.KindInvalid, "approver"},
			"a tester who is no member":   {func(p *procedures.Planning) { p.Tester = string(b.Lead.Actor.User) }, fault.KindInvalid, "not a member"},
			"a version of nothing":        {func(p *procedures.Planning) { p.Version = 3 }, fault.KindConflict, "Leave the version out"},
			"an engagement that is not":   {func(p *procedures.Planning) { p.Engagement = "eng_00000000000000000000000000" }, fault.KindNotFound, ""},
			"a plan that exists":          {func(p *procedures.Planning) { p.Control, p.Basis, p.Population = "GOV-01", "inspection", "" }, fault.KindConflict, "exists already"},
			"thirteen attributes":         {func(p *procedures.Planning) { p.Attributes = strings.Split(strings.Repeat("A x,", 12)+"A x", ",") }, fault.KindInvalid, "12"},
		} {
			in := good
			c.change(&in)
			_, err := procedures.PlanOp.Do(t.Context(), b.Staff, in)
			refused(t, what, err, c.kind, c.words)
		}
		p := optest.Do(t, b.Staff, procedures.PlanOp, good)
		if p.Cadence != "many-a-day" || p.Risk != "moderate" || p.Version != 1 || p.Tester != b.Staff.Actor.User || !p.Key || !slices.Equal(p.Criteria, []string{"CC8.1"}) {
			t.Errorf("planned %+v", p)
		}
		good.Version, good.Risk = 1, "high"
		if p = optest.Do(t, b.Manager, procedures.PlanOp, good); p.Version != 2 || p.Risk != "high" {
			t.Errorf("changed %+v", p)
		}
		_, err := procedures.PlanOp.Do(t.Context(), b.Staff, good)
		refused(t, "a stale change", err, fault.KindConflict, "version 2")
		// What the client changes later does not change the plan.
		k := optest.Do(t, b.Lead, controls.Get, controls.Ref{ID: "CHG-01"})
		optest.Do(t, b.Lead, controls.Update, controls.Change{ID: "CHG-01", Title: "Something else", Text: "Another text of the same control.", Frequency: "annual",
			Owner: string(k.Owner), Version: k.Version})
		if p = b.get(t, "CHG-01"); p.Title != "Control CHG-01" || p.ControlVersion != 1 {
			t.Errorf("the snapshot is %+v", p)
		}
		// An expression is read against the records once they are sealed.
		good.Version, good.Expressions = 2, []string{"A r.nonsense == 'x'"}
		optest.Do(t, b.Staff, procedures.PlanOp, good)
		b.close(t)
		b.seal(t, "POP-08", file(changes(30)))
		_, err = procedures.Draw.Do(t.Context(), b.Staff, procedures.Drawing{Engagement: b.ID, Control: "CHG-01"})
		refused(t, "drawing with an expression that reads nothing", err, fault.KindConflict, "Correct the plan", "nonsense")
		good.Version = 3
		_, err = procedures.PlanOp.Do(t.Context(), b.Staff, good)
		refused(t, "planning it", err, fault.KindInvalid, "nonsense")
	})
}

func TestGatesNameWhatIsMissing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		b := &bench{Sides: optest.Engage(t, desk, "2026-01-01", "2026-12-31"), desk: desk}
		b.Plan(t)
		to := func(state engagements.State, who *op.Desk, words ...string) {
			t.Helper()
			_, err := engagements.Advance.Do(t.Context(), who, engagements.Advancing{ID: b.ID, To: string(state)})
			refused(t, "entering "+string(state), err, fault.KindConflict, words...)
		}
		to(engagements.Planned, b.Partner, "33 missing", "a control for CC1.1")
		control(t, b.Sides, "GOV-01", "annual", security(t)[1:]...)
		b.plan(t, procedures.Planning{Control: "GOV-01", Basis: procedures.ByInspection, Attributes: []string{"A approved by management"}})
		to(engagements.Planned, b.Partner, "1 missing", "a control for CC1.1")
		control(t, b.Sides, "GOV-02", "annual", "CC1.1")
		b.plan(t, procedures.Planning{Control: "GOV-02", Basis: procedures.ByInspection, Attributes: []string{"A approved by management"}})
		b.close(t)
		b.advance(t, engagements.Fieldwork)
		to(engagements.Evaluation, b.Partner, "the conclusion on GOV-01", "the conclusion on GOV-02")
		for _, code := range []string{"GOV-01", "GOV-02"} {
			b.answer(t, code, code)
			b.mark(t, code, procedures.Agrees, "", []string{code}, "A")
			b.conclude(t, code, procedures.Effective, "")
		}
		b.mark(t, "GOV-02", procedures.Deviates, "It was not approved.", []string{"GOV-02"}, "A")
		to(engagements.Evaluation, b.Partner, "tested further since", "1 deviation of GOV-02")
		classify(t, b, "people", "systematic")
		b.conclude(t, "GOV-02", procedures.NotEffective, "The earlier one overlooked the date.")
		b.advance(t, engagements.Evaluation)
		g := optest.Do(t, b.Lead, engagements.Get, engagements.Ref{ID: b.ID})
		text, _ := json.Marshal(g.Next)
		if strings.Contains(string(text), "GOV-02") {
			t.Errorf("the client reads %s", text)
		}
		var all []procedures.Summary
		b.in(t, b.Lead, func(c *op.Call, r *engagements.Room) (err error) { all, err = procedures.Concluded(c, r); return err })
		if len(all) != 2 || !all[0].Done || all[1].Decision != procedures.NotEffective || all[1].Result != "A deviation was noted." || all[0].Result != "No deviations noted." || all[1].Reviewed {
			t.Errorf("summaries %+v", all)
		}
	})
}

// What is read often is found by an index.
func TestReadsUseIndexes(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		if desk.DB.Dialect() != db.SQLite {
			t.Skip("the plans of PostgreSQL depend on how much is stored")
		}
		err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			for _, q := range []string{
				"SELECT ordinal FROM mark_now WHERE org_id = ? AND procedure_id = ? AND ordinal >= ? AND ordinal <= ?",
				"SELECT item FROM item_link WHERE org_id = ? AND procedure_id = ? AND ordinal >= ? AND ordinal <= ?",
				"SELECT item FROM item WHERE org_id = ? AND procedure_id = ? AND ordinal > ? ORDER BY ordinal LIMIT ?",
				"SELECT ordinal FROM deviation WHERE org_id = ? AND procedure_id >= ? AND procedure_id <= ? AND withdrawn = ?",
			} {
				var plan strings.Builder
				err := tx.Each("EXPLAIN QUERY PLAN "+q, []any{"o", "p", 1, 2}, func(scan func(...any) error) error {
					var a, b, c int
					var detail string
					err := scan(&a, &b, &c, &detail)
					fmt.Fprintln(&plan, detail)
					return err
				})
				if err != nil {
					return err
				}
				if strings.Contains(plan.String(), "SCAN") || strings.Contains(plan.String(), "TEMP B-TREE") {
					t.Errorf("%s:\n%s", q, plan.String())
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
