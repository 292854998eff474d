package evidence_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

func upload(t *testing.T, desk *op.Desk, text string) string {
	t.Helper()
	s, err := desk.Vault.Store(t.Context(), desk.Org, []byte(text), desk.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s.Address
}

func submit(t *testing.T, desk *op.Desk, in evidence.Submission) evidence.Record {
	t.Helper()
	r, err := evidence.Submit.Do(t.Context(), desk, in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSubmittedEvidenceIsSealedWithItsDigestAndLinkedToItsControl(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		adopted, err := controls.Adopt.Do(ctx, desk, controls.Adoption{Codes: []string{"IAM-02"}})
		if err != nil {
			t.Fatal(err)
		}
		control := string(adopted.Items[0].ID)
		r := submit(t, desk, evidence.Submission{Blob: upload(t, desk, "user,mfa\nann,yes\n"), Title: "Accounts with their factors",
			MediaType: "text/csv", Origin: "directory", Level: 4, Controls: []string{control}})
		if r.SHA256 == "" || r.Size != 17 || !r.Sealed.Equal(desk.Clock.Now()) || r.Level != 4 {
			t.Errorf("record %+v", r)
		}
		body, err := evidence.Content.Do(ctx, desk, evidence.Ref{ID: string(r.ID)})
		if err != nil || string(body.Data) != "user,mfa\nann,yes\n" || body.SHA256 != r.SHA256 {
			t.Errorf("content %q, %v", body.Data, err)
		}
		list, err := evidence.List.Do(ctx, desk, evidence.Filter{Control: control})
		if err != nil || list.Total != 1 || list.Items[0].ID != r.ID {
			t.Errorf("evidence of the control: %+v, %v", list, err)
		}
	})
}

func TestABetterRecordSupersedesAndBothStay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		in := evidence.Submission{Blob: upload(t, desk, "one"), Title: "First export", Origin: "directory"}
		first := submit(t, desk, in)
		in.Blob, in.Title, in.Supersedes = upload(t, desk, "two"), "Second export", string(first.ID)
		second := submit(t, desk, in)
		old, err := evidence.Get.Do(ctx, desk, evidence.Ref{ID: string(first.ID)})
		if err != nil || old.SupersededBy != second.ID {
			t.Errorf("the first record shows %q as its successor, %v", old.SupersededBy, err)
		}
		if _, err := evidence.Submit.Do(ctx, desk, in); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a record was superseded twice: %v", err)
		}
		entry, err := evidence.EntryGet.Do(ctx, desk, evidence.EntryRef{ID: second.Entry})
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := canon.ParseLeaf([]byte(entry.Leaf))
		if err != nil || len(leaf.Supersedes) != 1 || leaf.Supersedes[0] != first.Entry {
			t.Errorf("the leaf says it supersedes %v, %v; want entry %d", leaf.Supersedes, err, first.Entry)
		}
	})
}

func TestSubmitRefuses(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		blob := upload(t, desk, "x")
		for name, c := range map[string]struct {
			in    evidence.Submission
			field string
		}{
			"bytes nobody uploaded": {evidence.Submission{Blob: strings.Repeat("0", 64), Title: "Export", Origin: "x"}, "blob"},
			"a capture to come":     {evidence.Submission{Blob: blob, Title: "Export", Origin: "x", Captured: desk.Clock.Now().Add(time.Hour)}, "captured"},
			"a collector's level":   {evidence.Submission{Blob: blob, Title: "Export", Origin: "x", Level: 3}, "level"},
			"a collector's type":    {evidence.Submission{Blob: blob, Title: "Export", Origin: "x", MediaType: canon.MediaTypeChunks}, "media_type"},
			"a control that is not": {evidence.Submission{Blob: blob, Title: "Export", Origin: "x", Controls: []string{"ctl_00000000000000000000000000"}}, "controls"},
			"no origin":             {evidence.Submission{Blob: blob, Title: "Export"}, "origin"},
		} {
			_, err := evidence.Submit.Do(t.Context(), desk, c.in)
			if e := fault.As(err); e == nil || e.Field != c.field {
				t.Errorf("%s: got %v, want a fault of field %q", name, err, c.field)
			}
		}
		list, err := evidence.List.Do(t.Context(), desk, evidence.Filter{})
		if err != nil || list.Total != 0 {
			t.Errorf("a refused submission left evidence: %+v, %v", list, err)
		}
		sponsor := optest.Member(t, desk, auth.Sponsor)
		if _, err := evidence.Submit.Do(t.Context(), sponsor, evidence.Submission{Blob: blob, Title: "Export", Origin: "x"}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("a sponsor submitted evidence: %v", err)
		}
	})
}

func TestAnEntryShowsAProofThatHolds(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		var last evidence.Record
		for _, text := range []string{"a", "b", "c", "d", "e"} {
			last = submit(t, desk, evidence.Submission{Blob: upload(t, desk, text), Title: "Export " + text, Origin: "x"})
		}
		if _, err := desk.Ledger.Wait(ctx, desk.Org, last.Entry); err != nil {
			t.Fatal(err)
		}
		for i := int64(0); i <= last.Entry; i++ {
			e, err := evidence.EntryGet.Do(ctx, desk, evidence.EntryRef{ID: i})
			if err != nil || e.Size <= i {
				t.Fatalf("entry %d: size %d, %v", i, e.Size, err)
			}
			var proof tlog.RecordProof
			for _, h := range e.Proof {
				b, err := base64.StdEncoding.DecodeString(h)
				if err != nil {
					t.Fatal(err)
				}
				proof = append(proof, tlog.Hash(b))
			}
			c, err := canon.ParseCheckpoint(strings.SplitAfter(e.Checkpoint, "\n\n")[0][:strings.Index(e.Checkpoint, "\n\n")+1])
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckRecord(proof, c.Size, c.Root, i, canon.LeafHash([]byte(e.Leaf))); err != nil {
				t.Errorf("entry %d: %v", i, err)
			}
		}
		if _, err := evidence.Receipt.Do(ctx, desk, evidence.EntryRef{ID: last.Entry}); err != nil {
			t.Error(err)
		}
		if _, err := evidence.EntryGet.Do(ctx, desk, evidence.EntryRef{ID: last.Entry + 1}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("an entry past the end: %v", err)
		}
	})
}

func TestEntriesPageNewestFirst(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for range 4 {
			submit(t, desk, evidence.Submission{Blob: upload(t, desk, "same"), Title: "Export", Origin: "x"})
		}
		seen, after := []int64{}, ""
		for {
			p, err := evidence.Entries.Do(t.Context(), desk, evidence.EntryFilter{Limit: 2, After: after, Kind: "evidence"})
			if err != nil || p.Total != 4 {
				t.Fatalf("%+v, %v", p, err)
			}
			for _, e := range p.Items {
				seen = append(seen, e.Index)
			}
			if after = p.Next; after == "" {
				break
			}
		}
		if len(seen) != 4 || seen[0] <= seen[3] {
			t.Errorf("entries in the order %v", seen)
		}
	})
}

func TestEntriesSinceOneComeInTheirOrder(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		submit(t, desk, evidence.Submission{Blob: upload(t, desk, "same"), Title: "Before", Origin: "x"})
		from := optest.Do(t, desk, evidence.HeadGet, op.None{}).Size
		for range 5 {
			submit(t, desk, evidence.Submission{Blob: upload(t, desk, "same"), Title: "Export", Origin: "x"})
		}
		to := optest.Do(t, desk, evidence.HeadGet, op.None{}).Size
		of := 0
		for _, kind := range []string{"", "evidence", "gap"} {
			var seen []evidence.Entry
			after := ""
			for {
				p := optest.Do(t, desk, evidence.Entries, evidence.EntryFilter{Since: from, Kind: kind, Limit: 2, After: after})
				seen = append(seen, p.Items...)
				if p.Next == "" {
					if p.Total != int64(len(seen)) {
						t.Errorf("%q: %d entries in all, %d given", kind, p.Total, len(seen))
					}
					break
				}
				after = p.Next
			}
			for i, e := range seen {
				if e.Index < from || i > 0 && e.Index <= seen[i-1].Index {
					t.Errorf("%q: entry %d after %+v", kind, e.Index, seen[:i])
				}
				if e.Kind == "evidence" && e.Op == "" {
					t.Errorf("entry %d does not say what was done: %+v", e.Index, e)
				}
			}
			if kind == "" && int64(len(seen)) != to-from {
				t.Errorf("%d of %d entries", len(seen), to-from)
			}
			if kind == "evidence" {
				of = len(seen)
			}
		}
		if of != 5 {
			t.Errorf("%d of 5 entries of evidence", of)
		}
		if p := optest.Do(t, desk, evidence.Entries, evidence.EntryFilter{Since: to}); p.Total != 0 || len(p.Items) != 0 {
			t.Errorf("past the end: %+v", p)
		}
		if _, err := evidence.Entries.Do(t.Context(), desk, evidence.EntryFilter{Since: 1, About: "evd_1"}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("since and about: %v", err)
		}
	})
}

func export(t *testing.T, desk *op.Desk) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := evidence.WriteBundle(t.Context(), desk, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func key(t *testing.T, desk *op.Desk) string {
	t.Helper()
	h, err := evidence.HeadGet.Do(t.Context(), desk, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	return h.Key
}

func TestAnExportedBundleIsVerifiedByItsKeyAlone(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := submit(t, desk, evidence.Submission{Blob: upload(t, desk, "content"), Title: "Export", Origin: "x"})
		file := export(t, desk)
		report, err := bundle.Verify(bytes.NewReader(file), int64(len(file)), bundle.Options{Keys: []string{key(t, desk)}})
		if err != nil || report.Verdict != bundle.Verified {
			t.Fatalf("%s, %v: %v", report.Verdict, err, report.Problems)
		}
		found := false
		for _, i := range report.Items {
			found = found || i.ID == string(r.ID) && i.Verdict == bundle.Verified
		}
		if !found {
			t.Errorf("the bundle does not verify %s", r.ID)
		}
		if !bytes.Contains(file, []byte("content")) {
			t.Error("the bundle lacks the bytes of the evidence")
		}
	})
}

func TestAChangedRowStopsTheLogAndTheExport(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := submit(t, desk, evidence.Submission{Blob: upload(t, desk, "content"), Title: "Export", Origin: "x"})
		err := desk.DB.Write(t.Context(), db.All, func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE ledger_opening SET payload = ? WHERE idx = ? AND label = 'body'", `{"op":"nothing"}`, r.Entry)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.Verify.Do(t.Context(), desk, op.None{}); err == nil || !strings.Contains(err.Error(), "is not what was recorded") {
			t.Errorf("reading back found %v", err)
		}
		if _, err := evidence.WriteBundle(context.Background(), desk, new(bytes.Buffer)); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a log that was tampered with still exports: %v", err)
		}
	})
}
