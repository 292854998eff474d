package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sample"
)

// entry is one entry of an examination, as the areas above make them.
type entry struct {
	kind     canon.Kind
	id       string
	body     map[string]any
	content  []byte
	other    id.Org
	answers  int64 // entry of the other log; 0 for none
	replaces int64
	items    *canon.Items
	pieces   [][]byte
	record   bool // an evidence record
}

var act = op.Work("examinations.act", "Append an entry.", auth.EvidenceWrite, func(c *op.Call, in entry) (evidence.Record, error) {
	r := op.Record{Kind: in.kind, ID: in.id, Body: in.body, Items: in.items}
	for _, p := range in.pieces {
		s, err := c.Vault.Put(c, c.Org, p)
		if err != nil {
			return evidence.Record{}, err
		}
		if err := c.Vault.Keep(c.Tx, c.Org, s, c.Now); err != nil {
			return evidence.Record{}, err
		}
	}
	if in.content != nil {
		s, err := c.Vault.Put(c, c.Org, in.content)
		if err != nil {
			return evidence.Record{}, err
		}
		r.Content = &s
	}
	if in.replaces > 0 {
		r.Supersedes = []int64{in.replaces}
	}
	if in.answers > 0 {
		if err := c.Beside(in.other); err != nil {
			return evidence.Record{}, err
		}
		var err error
		if r.Answers, err = c.AnswerTo(in.other, in.answers); err != nil {
			return evidence.Record{}, err
		}
	}
	if in.record {
		return evidence.Add(c, evidence.Record{Title: "Rows", MediaType: canon.MediaTypeChunks, Method: evidence.ByExport, Origin: "x", Level: 4, RowCount: 3}, *r.Content)
	}
	index, err := c.Append(r)
	return evidence.Record{Entry: index}, err
})

// scene is an engagement of two organizations, one of which stands for the file.
type scene struct {
	t            *testing.T
	file, client *op.Desk
}

func (s scene) act(desk *op.Desk, in entry) evidence.Record {
	s.t.Helper()
	r, err := s.try(desk, in)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s scene) try(desk *op.Desk, in entry) (evidence.Record, error) {
	in.other = map[*op.Desk]id.Org{s.file: s.client.Org, s.client: s.file.Org}[desk]
	if in.answers > 0 {
		// What an operation answers is signed before it begins.
		if _, err := desk.Ledger.Seal(s.t.Context(), in.other); err != nil {
			return evidence.Record{}, err
		}
	}
	return act.Do(s.t.Context(), desk, in)
}

const period = "2026-01-01/2026-12-31"

// seal seals three rows.
func (s scene) seal(commit, replaces int64, nonce sample.Nonce, version int) (entries evidence.Record, items []string, digest [32]byte) {
	var rows, records bytes.Buffer
	var tree canon.Tree
	d := sample.NewDigester()
	for n := range 3 {
		item := fmt.Sprintf("CHG-%d%d", version, n)
		items = append(items, item)
		salt := sha256.Sum256([]byte(item))
		c := canon.Commit(salt, canon.LabelItem, canon.ItemRecord(item, []byte(`{"by":"ann"}`)))
		if err := d.Add(sample.Row(item, c)); err != nil {
			s.t.Fatal(err)
		}
		tree.Add(c[:])
		fmt.Fprintf(&rows, "%s\n", sample.Row(item, c))
		fmt.Fprintf(&records, "%s\t%x\t%s\n", item, salt, `{"by":"ann"}`)
	}
	list := func(b []byte) []byte {
		out, err := canon.Chunks{{Count: 3, SHA256: sha256.Sum256(b), Size: int64(len(b))}}.Encode()
		if err != nil {
			s.t.Fatal(err)
		}
		return out
	}
	source := s.act(s.client, entry{record: true, content: list(records.Bytes()), pieces: [][]byte{records.Bytes()}})
	c := nonce.Commitment()
	sum := d.Sum()
	return s.act(s.client, entry{
		kind: canon.KindPopulation, id: "pop_1", content: list(rows.Bytes()), pieces: [][]byte{rows.Bytes()}, answers: commit, replaces: replaces,
		items: &canon.Items{Count: 3, Root: tree.Root()},
		body: map[string]any{"step": "seal", "version": version, "commitment": hex.EncodeToString(c[:]), "digest": hex.EncodeToString(sum[:]),
			"rows": 3, "period": period, "records": source.Entry, "media_type": canon.MediaTypeChunks},
	}), items, sum
}

// examine plays an examination up to the conclusion on a control.
func (s scene) examine() (evidenceOf map[string]int64) {
	nonce := sample.Nonce{1}
	c := nonce.Commitment()
	commit := s.act(s.file, entry{kind: canon.KindSample, id: "pop_1",
		body: map[string]any{"step": "commit", "population": "POP-08", "commitment": hex.EncodeToString(c[:])}})
	first, _, _ := s.seal(commit.Entry, 0, nonce, 1)
	sealed, items, digest := s.seal(commit.Entry, first.Entry, nonce, 2)
	s.act(s.file, entry{kind: canon.KindPopulation, id: "pop_1", answers: sealed.Entry,
		body: map[string]any{"step": "accept", "version": 2, "digest": hex.EncodeToString(digest[:]), "decision": "complete"}})
	seed := nonce.Seed(digest, "CHG-01", period)
	picks, err := sample.Draw(seed, items, nil, sample.Random, 2)
	if err != nil {
		s.t.Fatal(err)
	}
	content, err := bundle.EncodeDraw(picks, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	draw := s.act(s.file, entry{kind: canon.KindSample, id: "smp_1", answers: sealed.Entry, content: content, body: map[string]any{
		"step": "draw", "population": "pop_1", "procedure": "prc_1", "version": 2, "digest": hex.EncodeToString(digest[:]),
		"commitment": hex.EncodeToString(c[:]), "nonce": nonce.String(), "control": "CHG-01", "period": period, "method": "random",
		"n": 2, "total": 3, "seed": seed.String(), "media_type": bundle.MediaTypeDraw,
	}})
	in := evidence.Submission{Blob: upload(s.t, s.client, "first try"), Title: "Export", Origin: "tickets"}
	old := submit(s.t, s.client, in)
	in.Blob, in.Supersedes = upload(s.t, s.client, "second try"), string(old.ID)
	shown := submit(s.t, s.client, in)
	link := s.act(s.client, entry{kind: canon.KindEvidence, id: string(shown.ID), answers: draw.Entry,
		body: map[string]any{"step": "link", "procedure": "prc_1", "items": []string{picks[0].Item}}})
	seen := submit(s.t, s.client, evidence.Submission{Blob: upload(s.t, s.client, "found by the auditor"), Title: "Export", Origin: "tickets"})
	s.act(s.file, entry{kind: canon.KindEvidence, id: string(seen.ID), answers: seen.Entry,
		body: map[string]any{"step": "link", "procedure": "prc_1", "items": []string{picks[1].Item}}})
	s.act(s.file, entry{kind: canon.KindTest, id: "prc_1", answers: link.Entry, body: map[string]any{"step": "test", "marks": []map[string]any{
		{"item": picks[0].Item, "attribute": "A", "mark": "agrees"}, {"item": picks[1].Item, "attribute": "A", "mark": "deviation", "reason": "late"},
	}}})
	s.act(s.file, entry{kind: canon.KindConclusion, id: "prc_1",
		body: map[string]any{"step": "control", "control": "CHG-01", "decision": "not_effective", "tested": 2, "deviations": 1}})
	return map[string]int64{"first": first.Entry, "sealed": sealed.Entry, "old": old.Entry, "shown": shown.Entry, "link": link.Entry, "seen": seen.Entry}
}

func exportJoint(t *testing.T, s scene, b *bytes.Buffer) evidence.Joined {
	t.Helper()
	made, err := evidence.ExportNew.Do(t.Context(), s.file, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := evidence.WriteExamination(t.Context(), s.file, evidence.Joint{File: s.file.Org, Client: s.client.Org, Entry: made.Entry}, b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheBundleOfAnEngagementIsVerifiedInItsOrder(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := scene{t, optest.Found(t, desk.Engine, "File"), desk}
		if _, err := controls.Adopt.Do(t.Context(), s.client, controls.Adoption{Codes: []string{"IAM-02"}}); err != nil {
			t.Fatal(err)
		}
		unrelated := submit(t, s.client, evidence.Submission{Blob: upload(t, s.client, "an incident of ours"), Title: "Incident", Origin: "x"})
		at := s.examine()
		var b bytes.Buffer
		out := exportJoint(t, s, &b)
		r, err := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{Keys: out.Keys})
		if err != nil || r.Verdict != bundle.Verified {
			t.Fatalf("%s, %v: %v", r.Verdict, err, r.Problems)
		}
		e := r.Examination
		if e == nil || len(e.Populations) != 1 || !e.Populations[0].Compared || e.Rows != 6 || len(e.Procedures) != 1 || !e.Procedures[0].Recomputed {
			t.Errorf("%+v", e)
		}
		if out.Keys[0] != key(t, s.file) || out.Keys[1] != key(t, s.client) {
			t.Errorf("keys %q", out.Keys)
		}
		var opened []int64
		for _, i := range r.Items {
			if i.Log == 1 && !strings.Contains(i.Reason, "not opened") {
				opened = append(opened, i.Index)
			}
			if i.Log == 0 && strings.Contains(i.Reason, "not opened") && i.Index > 0 {
				t.Errorf("entry %d of the file is not opened", i.Index)
			}
		}
		for what, index := range at {
			if !slices.Contains(opened, index) {
				t.Errorf("%s, entry %d, is not opened", what, index)
			}
		}
		// Two lists with their extractions, three pieces of evidence, a link.
		if len(opened) != 8 || out.Opened != 8 || slices.Contains(opened, unrelated.Entry) {
			t.Errorf("opened %v, %d", opened, out.Opened)
		}
		if bytes.Contains(b.Bytes(), []byte("an incident of ours")) {
			t.Error("the bundle holds what the engagement is not about")
		}
		for _, text := range []string{"first try", "second try", "found by the auditor"} {
			if !bytes.Contains(b.Bytes(), []byte(text)) {
				t.Errorf("the bundle lacks %q", text)
			}
		}
	})
}

// TestTheBundleOfAnEngagementWhileItIsWorkedOn: the heads of the two logs fit
// each other although both grow while they are read.
func TestTheBundleOfAnEngagementWhileItIsWorkedOn(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := scene{t, optest.Found(t, desk.Engine, "File"), desk}
		s.examine()
		done := make(chan struct{})
		stop := make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
				}
				a, err := s.try(s.file, entry{kind: canon.KindOp, id: "x", body: map[string]any{}, answers: 1})
				if err == nil {
					_, err = s.try(s.client, entry{kind: canon.KindOp, id: "y", body: map[string]any{}, answers: a.Entry})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		}()
		for range 5 {
			var b bytes.Buffer
			out := exportJoint(t, s, &b)
			r, err := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{Keys: out.Keys})
			if err != nil || r.Verdict != bundle.Verified {
				t.Errorf("%s, %v: %v", r.Verdict, err, r.Problems)
			}
		}
		close(stop)
		<-done
	})
}
