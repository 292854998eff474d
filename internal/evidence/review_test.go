package evidence_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

const cardLine = "user,card\nann,4111 1111 1111 1111\n"

func adopt(t *testing.T, desk *op.Desk, codes ...string) (out []string) {
	t.Helper()
	adopted, err := controls.Adopt.Do(t.Context(), desk, controls.Adoption{Codes: codes})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range adopted.Items {
		out = append(out, string(c.ID))
	}
	return out
}

func stateOf(t *testing.T, desk *op.Desk, control string) string {
	t.Helper()
	list, err := evidence.DueList.Do(t.Context(), desk, evidence.DueFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list.Items {
		if string(d.Control) == control {
			return d.State
		}
	}
	t.Fatalf("no control %s among %+v", control, list)
	return ""
}

func TestReviewIsBySomebodyElseAndReturnedEvidenceDoesNotCount(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		control := adopt(t, desk, "IAM-02")[0]
		author := optest.Member(t, desk, auth.ControlOwner)
		r := submit(t, author, evidence.Submission{Blob: upload(t, desk, "x"), Title: "Accounts", Origin: "directory", Controls: []string{control}})
		if s := stateOf(t, desk, control); s != evidence.Fresh && s != evidence.DueSoon {
			t.Errorf("with a new record it is %s", s)
		}
		mine := submit(t, desk, evidence.Submission{Blob: upload(t, desk, "y"), Title: "Accounts", Origin: "directory"})
		for name, c := range map[string]struct {
			desk *op.Desk
			in   evidence.Judgement
			kind fault.Kind
		}{
			"one's own":               {desk, evidence.Judgement{ID: string(mine.ID), Decision: "accepted"}, fault.KindDenied},
			"without the right":       {author, evidence.Judgement{ID: string(mine.ID), Decision: "accepted"}, fault.KindDenied},
			"returned without reason": {desk, evidence.Judgement{ID: string(r.ID), Decision: "returned", Words: "Crop less."}, fault.KindInvalid},
			"returned without words":  {desk, evidence.Judgement{ID: string(r.ID), Decision: "returned", Codes: []string{"EV13"}}, fault.KindInvalid},
			"a code there is not":     {desk, evidence.Judgement{ID: string(r.ID), Decision: "returned", Codes: []string{"EV99"}, Words: "x"}, fault.KindInvalid},
			"accepted with reasons":   {desk, evidence.Judgement{ID: string(r.ID), Decision: "accepted", Codes: []string{"EV13"}}, fault.KindInvalid},
		} {
			if _, err := evidence.Review.Do(ctx, c.desk, c.in); fault.KindOf(err) != c.kind {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := evidence.Review.Do(ctx, desk, evidence.Judgement{ID: string(mine.ID), Decision: "accepted"}); err == nil || err.Error() != "You cannot approve your own evidence. Ask a deputy." {
			t.Errorf("one's own: %v", err)
		}
		if _, err := evidence.Review.Do(ctx, desk, evidence.Judgement{ID: string(r.ID), Decision: "returned", Codes: []string{"EV13", "EV01"}, Words: "Crop less.", Task: true}); err != nil {
			t.Fatal(err)
		}
		if s := stateOf(t, desk, control); s != evidence.Overdue {
			t.Errorf("returned, it is %s", s)
		}
		told, err := notify.List.Do(ctx, author, notify.Filter{})
		if err != nil || !slices.ContainsFunc(told.Items, func(n notify.Notice) bool { return n.Kind == evidence.Returned.Name }) {
			t.Errorf("the author was told %+v, %v", told, err)
		}
		if _, err := evidence.Review.Do(ctx, desk, evidence.Judgement{ID: string(r.ID), Decision: "accepted"}); err != nil {
			t.Fatal(err)
		}
		if s := stateOf(t, desk, control); s == evidence.Overdue {
			t.Error("accepted after all, it does not count")
		}
		list, err := evidence.Decisions.Do(ctx, desk, evidence.Ref{ID: string(r.ID)})
		if err != nil || len(list.Items) != 2 || list.Items[1].Decision != "returned" || strings.Join(list.Items[1].Codes, " ") != "EV01 EV13" {
			t.Errorf("decisions %+v, %v", list, err)
		}
		if got, err := evidence.Get.Do(ctx, desk, evidence.Ref{ID: string(r.ID)}); err != nil || got.Decision != "accepted" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestOneRecordBearsOnManyControlsAndLinksEndWithAReason(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		both := adopt(t, desk, "IAM-02", "IAM-03")
		r := submit(t, desk, evidence.Submission{Blob: upload(t, desk, "x"), Title: "Accounts", Origin: "directory", Controls: both[:1]})
		of := func(control string) int64 {
			list, err := evidence.List.Do(ctx, desk, evidence.Filter{Control: control})
			if err != nil {
				t.Fatal(err)
			}
			return list.Total
		}
		if _, err := evidence.LinkTo.Do(ctx, desk, evidence.Linking{ID: string(r.ID), Controls: both[1:]}); err != nil || of(both[1]) != 1 {
			t.Fatalf("linked: %v", err)
		}
		if _, err := evidence.Unlink.Do(ctx, desk, evidence.Unlinking{ID: string(r.ID), Control: both[1], Reason: "It shows another system."}); err != nil || of(both[1]) != 0 || of(both[0]) != 1 {
			t.Fatalf("unlinked: %v", err)
		}
		if _, err := evidence.Unlink.Do(ctx, desk, evidence.Unlinking{ID: string(r.ID), Control: both[1], Reason: "Again."}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("unlinked twice: %v", err)
		}
		if _, err := evidence.LinkTo.Do(ctx, desk, evidence.Linking{ID: string(r.ID), Controls: both[1:]}); err != nil || of(both[1]) != 1 {
			t.Errorf("linked again: %v", err)
		}
		submit(t, desk, evidence.Submission{Blob: upload(t, desk, "z"), Title: "Accounts", Origin: "directory", Supersedes: string(r.ID)})
		if _, err := evidence.LinkTo.Do(ctx, desk, evidence.Linking{ID: string(r.ID), Controls: both[1:]}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a superseded record was linked: %v", err)
		}
	})
}

func TestSensitiveDataAreHandedInWithAReasonOrRedacted(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		control := adopt(t, desk, "IAM-02")[0]
		author := optest.Member(t, desk, auth.ControlOwner)
		in := evidence.Submission{Blob: upload(t, desk, cardLine), Title: "Accounts", MediaType: "text/csv", Origin: "shop", Level: 4, Controls: []string{control}}
		if _, err := evidence.Submit.Do(ctx, author, in); fault.As(err) == nil || fault.As(err).Field != "anyway" || strings.Contains(err.Error(), "4111") {
			t.Fatalf("handed in without a word: %v", err)
		}
		in.Original = true
		r := submit(t, author, in)
		scan, err := evidence.ScanOf.Do(ctx, author, evidence.Place{ID: string(r.ID)})
		if err != nil || len(scan.Findings) != 1 {
			t.Fatalf("%+v, %v", scan, err)
		}
		if _, err := evidence.Content.Do(ctx, author, evidence.Ref{ID: string(r.ID)}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("the original was read: %v", err)
		}
		if _, err := evidence.Redact.Do(ctx, author, evidence.Redaction{ID: string(r.ID), Spans: []string{"0-4"}, Reason: "cards"}); fault.As(err) == nil || fault.As(err).Field != "anyway" {
			t.Errorf("a copy with the card in it: %v", err)
		}
		x, err := evidence.Redact.Do(ctx, author, evidence.Redaction{ID: string(r.ID), Spans: []string{scan.Findings[0].Span()}, Reason: "cards"})
		if err != nil {
			t.Fatal(err)
		}
		body, err := evidence.Content.Do(ctx, author, evidence.Ref{ID: string(x.ID)})
		if err != nil || string(body.Data) != "user,card\nann,[redacted]\n" || x.RedactsSHA256 != r.SHA256 || x.Supersedes != r.ID {
			t.Errorf("%q of %+v, %v", body.Data, x, err)
		}
		e, err := evidence.EntryGet.Do(ctx, desk, evidence.EntryRef{ID: x.Entry})
		if err != nil || e.Body["redacts_sha256"] != r.SHA256 {
			t.Errorf("its entry says %v, %v", e.Body, err)
		}
		if list, err := evidence.List.Do(ctx, desk, evidence.Filter{Control: control}); err != nil || list.Total != 2 {
			t.Errorf("the copy does not bear on the control: %+v, %v", list, err)
		}
		if _, err := evidence.Open.Do(ctx, author, evidence.Opening{ID: string(r.ID), Reason: "curious"}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("opened without the right: %v", err)
		}
		before, err := evidence.HeadGet.Do(ctx, desk, op.None{})
		if err != nil {
			t.Fatal(err)
		}
		whole, err := evidence.Open.Do(ctx, desk, evidence.Opening{ID: string(r.ID), Reason: "the auditor asked"})
		if err != nil || string(whole.Data) != cardLine {
			t.Errorf("%q, %v", whole.Data, err)
		}
		if after, err := evidence.HeadGet.Do(ctx, desk, op.None{}); err != nil || after.Size != before.Size+1 {
			t.Errorf("the opening is no entry: %d and %d, %v", before.Size, after.Size, err)
		}
		// The same bytes handed in once more are the same original.
		in.Original, in.Anyway = false, "no reason"
		if again := submit(t, author, in); !again.Restricted {
			t.Error("the bytes of an original can be read through another record")
		}
		file := export(t, desk)
		report, err := bundle.Verify(bytes.NewReader(file), int64(len(file)), bundle.Options{Keys: []string{key(t, desk)}})
		if err != nil || report.Verdict != bundle.Verified {
			t.Fatalf("%s, %v: %v", report.Verdict, err, report.Problems)
		}
		if bytes.Contains(file, []byte("4111 1111")) || !bytes.Contains(file, []byte("[redacted]")) {
			t.Error("the bundle holds the original, or not the copy")
		}
	})
}

func TestACaptureTicketIsGoodOnceAndForWhoeverGotIt(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		ticket, err := evidence.TicketNew.Do(ctx, desk, op.None{})
		if err != nil || len(ticket.Code) != 14 || !ticket.Issued.Equal(desk.Clock.Now()) {
			t.Fatalf("%+v, %v", ticket, err)
		}
		in := evidence.Submission{Blob: upload(t, desk, "x"), Title: "Screen", Origin: "console", Level: 5, Location: "https://x", Account: "acme", Ticket: strings.ToLower(ticket.Code)}
		if _, err := evidence.Submit.Do(ctx, optest.Member(t, desk, auth.Lead), in); fault.As(err) == nil || fault.As(err).Field != "ticket" {
			t.Errorf("somebody else's ticket: %v", err)
		}
		in.Ticket = ticket.Code
		r := submit(t, desk, in)
		marks, err := evidence.RemarkList.Do(ctx, desk, evidence.Ref{ID: string(r.ID)})
		if err != nil || marks.Total != 0 {
			t.Errorf("remarks %+v, %v", marks, err)
		}
		if _, err := evidence.Submit.Do(ctx, desk, in); fault.As(err) == nil || fault.As(err).Field != "ticket" {
			t.Errorf("used twice: %v", err)
		}
	})
}
