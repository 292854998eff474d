package reports_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/procedures/procedurestest"
	"github.com/tickmark/tickmark/internal/reports"
)

func refused[In, Out any](t *testing.T, desk *op.Desk, o *op.Op[In, Out], in In, kind fault.Kind, says string) {
	t.Helper()
	_, err := o.Do(t.Context(), desk, in)
	if fault.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
		t.Errorf("%s by %s: got %v, want %s with %q", o.Name(), desk.Actor.Name, err, kind, says)
	}
}

// examined is an engagement with what these tests do to its report.
type examined struct{ procedurestest.Examined }

func examine(t *testing.T, desk *op.Desk, starts, ends string) examined {
	t.Helper()
	return examined{procedurestest.Examine(t, desk, starts, ends)}
}

func (x examined) book(t *testing.T, desk *op.Desk) reports.Book {
	t.Helper()
	return optest.Do(t, desk, reports.Get, reports.Ref{Engagement: x.ID})
}

// write supplies words for a place.
func (x examined) write(t *testing.T, desk *op.Desk, place, text string) {
	t.Helper()
	version := int64(0)
	for _, p := range x.book(t, desk).Places {
		if p.Key == place {
			version = p.Version
		}
	}
	optest.Do(t, desk, reports.SetText, reports.Wording{Engagement: x.ID, Place: place, Text: text, Version: version})
}

// settle concludes on every criterion and part as proposed, the description
// as unmodified.
func (x examined) settle(t *testing.T) {
	t.Helper()
	ref := opinions.Ref{Engagement: x.ID}
	var met []string
	for _, k := range optest.Do(t, x.Staff, opinions.Get, ref).Criteria {
		switch {
		case k.Acceptable():
			met = append(met, k.Code)
		case !k.Decision.Stands():
			optest.Do(t, x.Staff, opinions.Judge, opinions.Judgement{Engagement: x.ID, Criterion: k.Code, Decision: k.Proposal.Value})
		}
	}
	if len(met) > 0 {
		optest.Do(t, x.Staff, opinions.Accept, opinions.Acceptance{Engagement: x.ID, Criteria: met})
	}
	for _, p := range optest.Do(t, x.Staff, opinions.Get, ref).Parts {
		if p.Decision.Stands() {
			continue
		}
		in := opinions.Ruling{Engagement: x.ID, Part: p.Part, Decision: p.Proposal.Value}
		if in.Decision == "" {
			in.Decision, in.Reason = opinions.Unmodified, "The description was read beside the system."
		}
		optest.Do(t, x.Manager, opinions.Decide, in)
	}
}

// review has both workpapers reviewed.
func (x examined) review(t *testing.T) {
	t.Helper()
	for _, code := range []string{"GOV-90", "CHG-90"} {
		optest.Do(t, x.Manager, procedures.Review, procedures.Signature{Engagement: x.ID, Control: code})
	}
}

// drafted takes an engagement to the draft report, with a first draft, and
// change control not effective if bad.
func drafted(t *testing.T, desk *op.Desk, starts string, bad bool) examined {
	t.Helper()
	x := examine(t, desk, starts, "2026-10-31")
	x.Conclude(t, "GOV-90", procedures.Agrees, procedures.Effective)
	if bad {
		x.Conclude(t, "CHG-90", procedures.Deviates, procedures.NotEffective)
	} else {
		x.Conclude(t, "CHG-90", procedures.Agrees, procedures.Effective)
	}
	x.Advance(t, x.Partner, engagements.Evaluation)
	x.settle(t)
	x.Advance(t, x.Partner, engagements.DraftReport)
	optest.Do(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID})
	return x
}

const assertion = "We have prepared the description of our system and assert that it presents what was designed and implemented."

// signable takes an engagement to sign-off with everything there but the
// assertion and the partner's signature.
func signable(t *testing.T, desk *op.Desk, starts string) examined {
	t.Helper()
	x := drafted(t, desk, starts, false)
	x.write(t, x.Partner, "I.opinion", "In our opinion, in all material respects, the description presents the system.\n\nThe controls were suitably designed.")
	x.write(t, x.Lead, "III.DC1", "We keep ledgers.")
	optest.Do(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID})
	x.review(t)
	x.Advance(t, x.Partner, engagements.ManagementReview)
	x.Advance(t, x.Lead, engagements.SignOff)
	return x
}

// assert signs management's assertion on the newest draft.
func (x examined) assert(t *testing.T) reports.Assertion {
	t.Helper()
	b := x.book(t, x.Boss)
	return optest.Do(t, x.Boss, reports.Sign, reports.Signing{Engagement: x.ID, Report: string(b.Newest().ID), Text: assertion, Title: "Chief Executive"})
}

func TestAReportIsIssuedByAPartnerAndNobodyElse(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := signable(t, desk, "2026-01-01")
		in := reports.Issuing{Engagement: x.ID, SHA256: x.book(t, x.Partner).SHA256}
		for _, d := range []*op.Desk{x.Staff, x.Manager, x.Lead, x.Client, x.Boss, x.ControlOwner} {
			refused(t, d, reports.Issue, in, fault.KindDenied, "audit:sign")
			if _, err := reports.Issue.Run(t.Context(), d, []byte(`{"engagement":"`+x.ID+`","sha256":"`+in.SHA256+`"}`)); fault.KindOf(err) != fault.KindDenied {
				t.Errorf("%s signs through the API: %v", d.Actor.Name, err)
			}
		}
		refused(t, x.Partner, reports.Issue, in, fault.KindConflict, "Management has signed its assertion on the newest draft (1 missing")
		a := x.assert(t)
		if a.Name != x.Boss.Actor.Name || !a.Newest || a.SHA256 != reports.DigestOf(assertion) {
			t.Errorf("asserted %+v", a)
		}
		wrong := in
		wrong.SHA256 = reports.DigestOf("something else")
		refused(t, x.Partner, reports.Issue, wrong, fault.KindConflict, "the statement now has the digest")
		for _, date := range []string{"2026-11-20", "2026-11-22", "soon"} {
			wrong = in
			wrong.Date = date
			refused(t, x.Partner, reports.Issue, wrong, fault.KindInvalid, "date")
		}
		b := optest.Do(t, x.Partner, reports.Issue, in)
		if b.State != engagements.Issued || b.Final() == nil || b.Final().Kind != reports.KindFinal {
			t.Fatalf("issued %+v", b)
		}
		refused(t, x.Partner, reports.Issue, in, fault.KindConflict, "issued already")
		refused(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID}, fault.KindConflict, "nothing in it changes any more")
		refused(t, x.Lead, reports.SetText, reports.Wording{Engagement: x.ID, Place: "V.other", Text: "late"}, fault.KindConflict, "nothing in it changes any more")
		refused(t, x.Partner, opinions.Decide, opinions.Ruling{Engagement: x.ID, Part: "design", Decision: "qualified", Reason: "late"}, fault.KindConflict, "nothing in it changes")
		for _, d := range []*op.Desk{x.Staff, x.Lead, x.ControlOwner} {
			f := optest.Do(t, d, reports.PDF, reports.PrintRef{Engagement: x.ID, Report: string(b.Final().ID)})
			sum := sha256.Sum256(f.Data)
			if hex.EncodeToString(sum[:]) != b.Final().SHA256 || !bytes.HasPrefix(f.Data, []byte("%PDF-")) || f.Name != "example-2026-report.pdf" {
				t.Errorf("%s gets %s of %d bytes", d.Actor.Name, f.Name, len(f.Data))
			}
		}
		stranger := optest.Found(t, desk.Engine, "Other")
		refused(t, stranger, reports.PDF, reports.PrintRef{Engagement: x.ID, Report: string(b.Final().ID)}, fault.KindNotFound, "no engagement")
	})
}

func TestTheEntriesOfAReportAnswerEachOther(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := signable(t, desk, "2026-01-01")
		draft := x.book(t, x.Staff).Newest()
		a := x.assert(t)
		sha := x.book(t, x.Partner).SHA256
		final := optest.Do(t, x.Partner, reports.Issue, reports.Issuing{Engagement: x.ID, SHA256: sha}).Final()

		at := func(index int64) evidence.ProvenEntry {
			return optest.Do(t, x.Staff, engagements.EntryGet, engagements.EntryRef{Engagement: x.ID, ID: index})
		}
		f12 := at(draft.Entry)
		same(t, f12.Kind, canon.KindOp, f12.Body, map[string]any{"op": "reports.draft", "id": string(draft.ID), "step": "draft", "media_type": "application/pdf"})
		f13 := at(final.Entry - 1)
		same(t, f13.Kind, canon.KindSignoff, f13.Body, map[string]any{"op": "reports.issue", "id": x.ID, "step": "opinion", "text_sha256": sha,
			"parts": map[string]any{"description": "unmodified", "design": "unmodified", "operation": "unmodified"},
			"report": map[string]any{"type": "type_2", "firm": "Aldine Voss", "client": "Example", "system": "Example Cloud", "zone": "UTC",
				"from": "2026-01-01", "to": "2026-10-31", "categories": []any{"Security"}, "criteria": 33.0, "controls": 2.0, "deviations": 0.0,
				"signer": x.Partner.Actor.Name, "date": "21 November 2026"}})
		f14 := at(final.Entry)
		same(t, f14.Kind, canon.KindSignoff, f14.Body, map[string]any{"op": "reports.issue", "id": string(final.ID), "step": "issue", "media_type": "application/pdf"})
		c3 := optest.Do(t, x.Lead, evidence.EntryGet, evidence.EntryRef{ID: a.Entry})
		same(t, c3.Kind, canon.KindSignoff, c3.Body, map[string]any{"op": "assertions.sign", "id": string(draft.ID), "step": "assertion", "sha256": a.SHA256, "draft": draft.SHA256})

		head := optest.Do(t, x.Partner, engagements.Get, engagements.Ref{ID: x.ID})
		origin := func(key string) string { o, _, _ := strings.Cut(key, "+"); return o }
		for _, test := range []struct {
			name  string
			leaf  string
			log   string
			index int64
		}{{"the assertion", c3.Leaf, origin(head.Keys[0]), draft.Entry}, {"the opinion", f13.Leaf, origin(head.Keys[1]), a.Entry}} {
			leaf, err := canon.ParseLeaf([]byte(test.leaf))
			if err != nil {
				t.Fatal(err)
			}
			if leaf.Answers == nil || leaf.Answers.Log != test.log || leaf.Answers.Index != test.index {
				t.Errorf("%s answers %+v, want entry %d of %s", test.name, leaf.Answers, test.index, test.log)
			}
		}
	})
}

func TestAVerifierFollowsAnIssuedReport(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := signable(t, desk, "2026-01-01")
		x.assert(t)
		optest.Do(t, x.Partner, reports.Issue, reports.Issuing{Engagement: x.ID, SHA256: x.book(t, x.Partner).SHA256})
		keys := optest.Do(t, x.Partner, engagements.Get, engagements.Ref{ID: x.ID}).Keys
		var b bytes.Buffer
		if err := engagements.WriteBundle(t.Context(), x.Partner, x.ID, &b); err != nil {
			t.Fatal(err)
		}
		got, err := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		if got.Verdict != bundle.Verified || len(got.Problems) > 0 || got.Examination == nil {
			t.Errorf("%s: %+v", got.Verdict, got.Problems)
		}
	})
}

func same(t *testing.T, kind, want canon.Kind, body, wanted map[string]any) {
	t.Helper()
	if diff := cmp.Diff(wanted, body); kind != want || diff != "" {
		t.Errorf("%s, want %s: %s", kind, want, diff)
	}
}

func TestAnAssertionIsManagementsAndOnTheNewestDraft(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := signable(t, desk, "2026-01-01")
		b := x.book(t, x.Boss)
		in := reports.Signing{Engagement: x.ID, Report: string(b.Newest().ID), Text: assertion}
		for _, d := range []*op.Desk{x.Lead, x.ControlOwner, x.Partner, x.Staff} {
			refused(t, d, reports.Sign, in, fault.KindDenied, "assertion:sign")
		}
		wrong := in
		wrong.SHA256 = reports.DigestOf("another text")
		refused(t, x.Boss, reports.Sign, wrong, fault.KindInvalid, "read it again")
		old := b.Newest().ID
		x.write(t, x.Lead, "III.DC2", "We promise to keep the ledger for ten years.")
		refused(t, x.Partner, reports.Issue, reports.Issuing{Engagement: x.ID, SHA256: x.book(t, x.Partner).SHA256}, fault.KindConflict, "Section III says something else than print 2")
		optest.Do(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID})
		wrong = in
		wrong.Report = string(old)
		refused(t, x.Boss, reports.Sign, wrong, fault.KindConflict, "is not the newest draft: read print 3")
		x.assert(t)
		optest.Do(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID})
		if got := x.book(t, x.Boss); got.Assertion.Newest || len(got.Prints) != 2 {
			t.Errorf("after another draft: %+v", got.Assertion)
		}
		refused(t, x.Partner, reports.Issue, reports.Issuing{Engagement: x.ID, SHA256: x.book(t, x.Partner).SHA256}, fault.KindConflict, "signed on an older draft")
		spaced := reports.Signing{Engagement: x.ID, Report: string(x.book(t, x.Boss).Newest().ID), Text: strings.ReplaceAll(assertion, " and", "\r\nand") + " \r\n", SHA256: reports.DigestOf(strings.ReplaceAll(assertion, " and", "\nand"))}
		if a := optest.Do(t, x.Client, reports.Sign, spaced); a.Version != 2 || a.Name != x.Client.Actor.Name {
			t.Errorf("the owner signs %+v", a)
		}
		optest.Do(t, x.Partner, reports.Issue, reports.Issuing{Engagement: x.ID, SHA256: x.book(t, x.Partner).SHA256})
	})
}

func TestWhoSeesWhatAndSuppliesWhat(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := drafted(t, desk, "2026-01-01", true)
		for _, d := range []*op.Desk{x.Lead, x.Boss} {
			b := x.book(t, d)
			if len(b.Prints) != 0 || b.Statement != "" || b.Parts != nil || b.Gate != nil || b.Facts != nil || b.Changed != nil {
				t.Errorf("the client sees %+v", b)
			}
			for _, p := range b.Places {
				if p.Side != "client" {
					t.Errorf("the client sees the firm's %s", p.Key)
				}
			}
		}
		first := x.book(t, x.Staff).Newest()
		refused(t, x.Lead, reports.PDF, reports.PrintRef{Engagement: x.ID, Report: string(first.ID)}, fault.KindNotFound, "no print")
		write := func(place string) reports.Wording {
			return reports.Wording{Engagement: x.ID, Place: place, Text: "Words."}
		}
		refused(t, x.Lead, reports.SetText, write("I.opinion"), fault.KindDenied, "the work of Aldine Voss")
		refused(t, x.Partner, reports.SetText, write("III.DC1"), fault.KindDenied, "for Example to do")
		refused(t, x.Staff, reports.SetText, write("I.opinion"), fault.KindDenied, "engagement:write")
		refused(t, x.ControlOwner, reports.SetText, write("III.DC1"), fault.KindDenied, "engagement:write")
		refused(t, x.Partner, reports.SetText, write("VI"), fault.KindInvalid, "no place")
		optest.Do(t, x.Lead, reports.SetText, write("III.DC1"))
		refused(t, x.Client, reports.SetText, write("III.DC1"), fault.KindConflict, "changed since you read")
		refused(t, x.Lead, reports.Draft, reports.Ref{Engagement: x.ID}, fault.KindDenied, "audit:write")

		x.Advance(t, x.Partner, engagements.ManagementReview)
		b := x.book(t, x.Lead)
		if len(b.Prints) != 1 || b.Prints[0].ID != first.ID {
			t.Errorf("at review the client sees %+v", b.Prints)
		}
		f := optest.Do(t, x.Lead, reports.PDF, reports.PrintRef{Engagement: x.ID, Report: string(first.ID)})
		if f.Name != "example-2026-draft-1.pdf" {
			t.Errorf("it is named %s", f.Name)
		}
		refused(t, x.Lead, engagements.Advance, engagements.Advancing{ID: x.ID, To: "sign_off"}, fault.KindConflict, "Management has responded to the deviations (1 missing, CHG-90, CHG-90")
		found := optest.Do(t, x.Lead, procedures.Deviations, procedures.DeviationFilter{Engagement: x.ID})
		for _, d := range found.Items {
			optest.Do(t, x.Lead, procedures.Respond, procedures.Response{Engagement: x.ID, ID: string(d.ID), Text: "A deputy is named since October."})
		}
		x.review(t)
		x.Advance(t, x.Lead, engagements.SignOff)
		if got := x.book(t, x.Staff).Changed; !slices.Equal(got, []string{"Section III", "Section V"}) {
			t.Errorf("changed since the draft: %v", got)
		}
		x.write(t, x.Partner, "I.opinion", "Except for the matter below, the controls operated effectively.")
		optest.Do(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID})
		x.assert(t)
		refused(t, x.Partner, reports.Issue, reports.Issuing{Engagement: x.ID, SHA256: x.book(t, x.Partner).SHA256}, fault.KindConflict, "Basis for the modified opinion")
		x.write(t, x.Manager, "I.basis", "CC8.1: the review of the third quarter was not performed.")
		optest.Do(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID})
		x.assert(t)
		done := optest.Do(t, x.Partner, reports.Issue, reports.Issuing{Engagement: x.ID, SHA256: x.book(t, x.Partner).SHA256})
		if done.Parts[2].Decision.Value != opinions.Qualified {
			t.Errorf("issued with %+v", done.Parts[2].Decision)
		}
	})
}

func TestADraftIsPrintedAfterTheLastConclusion(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := examine(t, desk, "2026-01-01", "2026-10-31")
		x.Conclude(t, "GOV-90", procedures.Agrees, procedures.Effective)
		x.Conclude(t, "CHG-90", procedures.Agrees, procedures.Effective)
		x.Advance(t, x.Partner, engagements.Evaluation)
		refused(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID}, fault.KindConflict, "done once an engagement is draft report")
		x.settle(t)
		x.Advance(t, x.Partner, engagements.DraftReport)
		refused(t, x.Partner, engagements.Advance, engagements.Advancing{ID: x.ID, To: "management_review"}, fault.KindConflict, "no draft is printed")
		optest.Do(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID})
		optest.Do(t, x.Staff, opinions.Judge, opinions.Judgement{Engagement: x.ID, Criterion: "CC8.1", Decision: opinions.NotMet, Reason: "It is too weak after all."})
		refused(t, x.Partner, engagements.Advance, engagements.Advancing{ID: x.ID, To: "management_review"}, fault.KindConflict, "print 1 is older than the last conclusion")
		optest.Do(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID})
		x.Advance(t, x.Partner, engagements.ManagementReview)
		refused(t, x.Lead, engagements.Advance, engagements.Advancing{ID: x.ID, To: "sign_off"}, fault.KindConflict, "Every part of the opinion is decided (2 missing)")
	})
}

func TestTypeIToItsEnd(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := signable(t, desk, "")
		refused(t, x.Lead, reports.SetText, reports.Wording{Engagement: x.ID, Place: "III.DC9", Text: "We moved."}, fault.KindInvalid, "Type II reports only")
		x.write(t, x.Lead, "III.DC5", "In May 2 of 25 changes deviated from it.")
		refused(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID}, fault.KindConflict, "Section III, DC5 · Criteria and controls: a test result: “2 of 25 changes deviat”")
		x.write(t, x.Lead, "III.DC5", "The controls of Section IV answer the criteria.")
		optest.Do(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID})
		x.assert(t)
		b := optest.Do(t, x.Partner, reports.Issue, reports.Issuing{Engagement: x.ID, SHA256: x.book(t, x.Partner).SHA256})
		if b.Final() == nil || len(b.Parts) != 2 {
			t.Errorf("issued %+v", b)
		}
	})
}

func TestWithdrawalIsNoReport(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		x := signable(t, desk, "2026-01-01")
		optest.Do(t, x.Partner, opinions.Decide, opinions.Ruling{Engagement: x.ID, Part: "design", Decision: "withdraw", Reason: "Management does not stand by its description."})
		optest.Do(t, x.Staff, reports.Draft, reports.Ref{Engagement: x.ID})
		x.assert(t)
		refused(t, x.Partner, reports.Issue, reports.Issuing{Engagement: x.ID, SHA256: x.book(t, x.Partner).SHA256}, fault.KindConflict, "withdrawal was decided on the design")
	})
}
