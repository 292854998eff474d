package evidence_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// TestAProofIsEnoughByItself: a stranger with the key checks each entry, and the
// bytes it is about, without the log.
func TestAProofIsEnoughByItself(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		last := submit(t, desk, evidence.Submission{Blob: upload(t, desk, "a list of people"), Title: "Export", Origin: "x"})
		if _, err := desk.Ledger.Wait(ctx, desk.Org, last.Entry); err != nil {
			t.Fatal(err)
		}
		for i := int64(0); i <= last.Entry; i++ {
			p, err := evidence.ProofGet.Do(ctx, desk, evidence.EntryRef{ID: i})
			if err != nil {
				t.Fatal(err)
			}
			if p.Key != key(t, desk) || !strings.HasSuffix(p.Name, ".tlog-proof") {
				t.Errorf("entry %d: %s, %s", i, p.Name, p.Key)
			}
			o := bundle.Options{File: p.Name, Keys: []string{p.Key}}
			if i == last.Entry {
				o.Content = strings.NewReader("a list of people")
			}
			r, err := bundle.VerifyProof(strings.NewReader(p.Proof), o)
			if err != nil || r.Verdict != bundle.Verified || len(r.Items) != 1 {
				t.Fatalf("entry %d: %v %s %v", i, err, r.Verdict, r.Problems)
			}
			if i == last.Entry && r.Items[0].ID != string(last.ID) {
				t.Errorf("the proof of %s calls it %s", last.ID, r.Items[0].ID)
			}
		}
		p, err := evidence.ProofGet.Do(ctx, desk, evidence.EntryRef{ID: last.Entry})
		if err != nil {
			t.Fatal(err)
		}
		r, err := bundle.VerifyProof(bytes.NewReader([]byte(p.Proof)), bundle.Options{Keys: []string{p.Key}, Content: strings.NewReader("another list")})
		if err != nil || r.Verdict != bundle.Corrupted {
			t.Errorf("another content: %v %s", err, r.Verdict)
		}
		if _, err := evidence.ProofGet.Do(ctx, desk, evidence.EntryRef{ID: last.Entry + 1}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("an entry past the end: %v", err)
		}
	})
}
