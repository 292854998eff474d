package erasures_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// record seals bytes as evidence of the desk's organization.
func record(t *testing.T, desk *op.Desk, title, text string) evidence.Record {
	t.Helper()
	kept, err := desk.Vault.Store(t.Context(), desk.Org, []byte(text), desk.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	r, err := evidence.Submit.Do(t.Context(), desk, evidence.Submission{Blob: kept.Address, Title: title, Origin: "ticket system", MediaType: "text/plain", Query: "all of " + title})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ask(t *testing.T, desk *op.Desk, ids ...string) erasures.Erasure {
	t.Helper()
	return optest.Do(t, desk, erasures.Create, erasures.Asking{Evidence: ids, Basis: "data_subject_request", Reason: "a person asked for it in writing"})
}

// approve approves what the plan shows now.
func approve(t *testing.T, desk *op.Desk, e erasures.Erasure) (erasures.Erasure, error) {
	t.Helper()
	seen := optest.Do(t, desk, erasures.Get, erasures.Ref{ID: string(e.ID)})
	plan := ""
	if seen.Plan != nil {
		plan = seen.Plan.Digest
	}
	return erasures.Approve.Do(t.Context(), desk, erasures.Approval{ID: string(e.ID), Plan: plan})
}

func refused(t *testing.T, err error, kind fault.Kind, words string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want %s with %q", err, kind, words)
	}
}

func TestAnErasureTakesTwoAndLeavesATombstone(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		second := optest.Member(t, desk, auth.Lead)
		r, twin, other := record(t, desk, "Ticket 4711", "Jane Doe asked"), record(t, second, "The same ticket", "Jane Doe asked"), record(t, desk, "Ticket 4712", "another")
		e := ask(t, desk, string(r.ID))
		if len(e.Approvers) != 1 || e.Approvers[0].ID != second.Actor.User {
			t.Errorf("waits for %+v, want the lead", e.Approvers)
		}
		_, err := approve(t, desk, e)
		refused(t, err, fault.KindDenied, "another person approves it")
		seen := optest.Do(t, second, erasures.Get, erasures.Ref{ID: string(e.ID)})
		if len(seen.Plan.Records) != 2 || seen.Plan.Records[1].ID != twin.ID || seen.Plan.Records[1].Asked || seen.Plan.Blobs != 1 {
			t.Fatalf("the plan names %+v, want both records of the same bytes", seen.Plan)
		}
		_, err = erasures.Approve.Do(t.Context(), second, erasures.Approval{ID: string(e.ID), Plan: "something else"})
		refused(t, err, fault.KindConflict, "no longer what you looked at")
		done, err := approve(t, second, e)
		if err != nil {
			t.Fatal(err)
		}
		if done.State != erasures.Done || done.Alone || len(done.Went.Records) != 2 || done.Went.Blobs != 1 {
			t.Errorf("done as %+v", done)
		}
		for _, x := range []evidence.Record{r, twin} {
			got := optest.Do(t, desk, evidence.Get, evidence.Ref{ID: string(x.ID)})
			if got.ErasedBy != done.Entry || !strings.Contains(got.Title, "Erased on 21 November 2026") || got.SHA256+got.Query+got.Origin+got.Actor+got.Collector != "" {
				t.Errorf("what remains is %+v", got)
			}
			_, err := evidence.Content.Do(t.Context(), desk, evidence.Ref{ID: string(x.ID)})
			refused(t, err, fault.KindNotFound, "was erased on 21 November 2026: data subject request")
			entry := optest.Do(t, desk, evidence.EntryGet, evidence.EntryRef{ID: x.Entry})
			if entry.Op+entry.Actor != "" || entry.Body != nil {
				t.Errorf("entry %d still says %+v", x.Entry, entry.Entry)
			}
		}
		said := optest.Do(t, desk, evidence.EntryGet, evidence.EntryRef{ID: done.Entry})
		if said.Kind != "erasure" || said.Body["basis"] != "data_subject_request" || len(said.Body["approvers"].([]any)) != 2 {
			t.Errorf("the entry says %+v", said.Body)
		}
		if got := optest.Do(t, desk, evidence.Content, evidence.Ref{ID: string(other.ID)}); string(got.Data) != "another" {
			t.Errorf("the other record holds %q", got.Data)
		}
		if _, err := desk.Ledger.Audit(t.Context(), desk.Org); err != nil {
			t.Errorf("the log does not read back: %v", err)
		}
		_, err = approve(t, second, e)
		refused(t, err, fault.KindConflict, "carried it out")
		verdicts(t, desk, map[int64]bundle.Verdict{r.Entry: bundle.Erased, twin.Entry: bundle.Erased, other.Entry: bundle.Verified, done.Entry: bundle.Verified})
	})
}

// verdicts exports the log and has it checked by the verifier.
func verdicts(t *testing.T, desk *op.Desk, want map[int64]bundle.Verdict) {
	t.Helper()
	var b bytes.Buffer
	if _, err := evidence.WriteBundle(t.Context(), desk, &b); err != nil {
		t.Fatal(err)
	}
	head := optest.Do(t, desk, evidence.HeadGet, op.None{})
	report, err := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{Keys: []string{head.Key}})
	if err != nil {
		t.Fatal(err)
	}
	if report.Verdict != bundle.Verified {
		t.Errorf("the bundle is %s: %v", report.Verdict, report.Problems)
	}
	for _, i := range report.Items {
		if v, ok := want[i.Index]; ok && i.Verdict != v {
			t.Errorf("entry %d is %s (%s), want %s", i.Index, i.Verdict, i.Reason, v)
		}
	}
}

func TestAlone(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := record(t, desk, "Ticket", "text")
		e := ask(t, desk, string(r.ID))
		_, err := approve(t, desk, e)
		refused(t, err, fault.KindConflict, "nobody else here may approve it")
		optest.Clock(desk).Advance(72*time.Hour - time.Second)
		_, err = approve(t, desk, e)
		refused(t, err, fault.KindConflict, "You may yourself from 24 November 2026 09:00 UTC on")
		optest.Clock(desk).Advance(time.Second)
		done, err := approve(t, desk, e)
		if err != nil || !done.Alone {
			t.Fatalf("got %+v, %v; want it done alone", done, err)
		}
		if said := optest.Do(t, desk, evidence.EntryGet, evidence.EntryRef{ID: done.Entry}); said.Body["alone"] != true {
			t.Errorf("the entry says %v, want that it was done alone", said.Body)
		}
	})
}
