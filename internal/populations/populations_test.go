package populations_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/sample"
)

// begin makes a planned engagement whose period is over.
func begin(t *testing.T, desk *op.Desk, starts, ends string) optest.Sides {
	t.Helper()
	s := optest.Engage(t, desk, starts, ends)
	s.Plan(t, engagements.Planned)
	after, err := time.Parse(time.DateOnly, ends)
	if err != nil {
		t.Fatal(err)
	}
	if d := after.AddDate(0, 0, 6).Sub(desk.Clock.Now()); d > 0 {
		optest.Clock(desk).Advance(d)
	}
	return s
}

func ask(t *testing.T, s optest.Sides, code string, controls ...string) populations.Population {
	t.Helper()
	return optest.Do(t, s.Staff, populations.Request, populations.Wish{Engagement: s.ID, Code: code, Title: "Production changes deployed", Controls: controls})
}

// deployments is a CSV of n changes over the year 2026.
func deployments(n int) []byte {
	var b strings.Builder
	b.WriteString("change,deployed,summary\n")
	for i := range n {
		at := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * 36 * time.Hour)
		fmt.Fprintf(&b, "CHG-%04d,%s,\"change, \"\"no\"\" %d\"\n", i+1, at.Format(time.RFC3339), i+1)
	}
	return []byte(b.String())
}

func csv(s optest.Sides, data []byte) populations.Material {
	return populations.Material{Engagement: s.ID, Population: "POP-08", From: populations.FromFile, Source: "deployer", Environment: "production",
		Query: "select * from deployments", Data: data, Key: "change", Time: "deployed", Label: "summary"}
}

func refused(t *testing.T, what string, err error, kind fault.Kind, text string) {
	t.Helper()
	if fault.KindOf(err) != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: got %v, want %s saying %q", what, err, kind, text)
	}
}

func body(t *testing.T, desk *op.Desk, org id.Org, entry int64) (map[string]any, canon.Leaf) {
	t.Helper()
	var out map[string]any
	var leaf canon.Leaf
	err := desk.DB.Read(t.Context(), db.All, func(tx *db.Tx) error {
		row, err := desk.Ledger.Entry(tx, org, entry)
		if err != nil {
			return err
		}
		if leaf, err = canon.ParseLeaf(row.Leaf); err != nil {
			return err
		}
		list, err := desk.Ledger.Openings(tx, org, entry, entry+1)
		if err != nil {
			return err
		}
		for _, o := range list {
			if o.Label == canon.LabelBody {
				return json.Unmarshal([]byte(o.Payload), &out)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, leaf
}

func fileOf(t *testing.T, s optest.Sides) id.Org {
	t.Helper()
	var file id.Org
	open := op.Read("rooms.get", "", "engagement:read", func(c *op.Call, _ op.None) (op.None, error) {
		r, err := engagements.Open(c, s.ID)
		if err == nil {
			file = r.File
		}
		return op.None{}, err
	})
	if _, err := open.Do(t.Context(), s.Staff, op.None{}); err != nil {
		t.Fatal(err)
	}
	return file
}

// in runs fn as somebody within an engagement.
func in(t testing.TB, desk *op.Desk, engagement string, fn func(*op.Call, *engagements.Room) error) error {
	t.Helper()
	open := op.Read("rooms.get", "", "engagement:read", func(c *op.Call, _ op.None) (op.None, error) {
		r, err := engagements.Open(c, engagement)
		if err != nil {
			return op.None{}, err
		}
		return op.None{}, fn(c, r)
	})
	_, err := open.Do(t.Context(), desk, op.None{})
	return err
}

// Scenario 5: 240 rows, the source counts 243.
func TestAListThatMissesRowsIsRejectedAndItsSuccessorIsWhatCounts(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		p := ask(t, s, "POP-08", "CHG-01")
		first := csv(s, deployments(240))
		first.SourceCount, first.CountedBy = 243, "the cluster's own events"
		v := optest.Do(t, s.Lead, populations.Build, first)
		if v.Version != 1 || v.Status != populations.Draft || v.Rows != 240 || len(v.Problems) != 0 || v.Digest == "" {
			t.Fatalf("draft %+v", v)
		}
		one := optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: 1})
		if one.Decision != populations.Rejected || one.DecidedBy != "" || !strings.Contains(one.Reason, "243 by the cluster's own events, 240 rows") {
			t.Errorf("version 1 is %q by %q: %s", one.Decision, one.DecidedBy, one.Reason)
		}
		reveal := func() error {
			return in(t, s.Staff, s.ID, func(c *op.Call, r *engagements.Room) error {
				got, err := populations.Find(c, r, "POP-08")
				if err != nil {
					return err
				}
				if got.Accepted() != nil {
					t.Error("it may be sampled")
				}
				_, err = populations.Reveal(r.InFile(c), r, got)
				return err
			})
		}
		refused(t, "sampling", reveal(), fault.KindConflict, "not accepted")
		verdict := populations.Verdict{Engagement: s.ID, Population: "POP-08", Version: 1, Decision: populations.Complete}
		_, err := populations.Accept.Do(t.Context(), s.Staff, verdict)
		refused(t, "accepting 240 of 243", err, fault.KindConflict, "Source count does not hold")

		second := csv(s, deployments(243))
		second.SourceCount, second.CountedBy = 243, "the cluster's own events"
		optest.Do(t, s.Lead, populations.Build, second)
		two := optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: 2})
		if two.Rows != 243 || two.Digest == one.Digest || two.Digest == "d79742f13c745ee398e4d30b9245dd55a663b32d71250545fcd067c3599fef75" || two.Decision != "" {
			t.Errorf("version 2 is %+v", two)
		}
		_, err = populations.Accept.Do(t.Context(), s.Staff, verdict)
		refused(t, "accepting what was superseded", err, fault.KindConflict, "superseded by version 2")
		verdict.Version = 2
		done := optest.Do(t, s.Staff, populations.Accept, verdict)
		if done.Decision != populations.Complete {
			t.Errorf("decided %+v", done)
		}
		for _, d := range []*op.Desk{s.Lead, s.Staff} {
			got := optest.Do(t, d, populations.Get, populations.Ref{Engagement: s.ID, Population: "POP-08"})
			if got.Commitment != p.Commitment || len(got.Versions) != 2 || got.Versions[0].Status != populations.Superseded ||
				got.Versions[0].Decision != populations.Rejected || got.Accepted() == nil || got.Accepted().Version != 2 || got.Nonce != "" {
				t.Errorf("%s sees %+v", d.Actor.Name, got)
			}
		}
		n, err := sample.Customary().Size(sample.ManyADay, sample.Low, int(two.Rows))
		if err != nil || n != 25 {
			t.Errorf("size %d, %v", n, err)
		}
		_, leaf := body(t, desk, desk.Org, two.Entry)
		if !cmp.Equal(leaf.Supersedes, []int64{one.Entry}) {
			t.Errorf("version 2 supersedes %v, want %d", leaf.Supersedes, one.Entry)
		}
	})
}

// The entries say what docs and verifiers rely on, and the digest and the root
// can be computed again from the sealed bytes alone.
func TestEntriesSayWhatAVerifierActsOn(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		p := ask(t, s, "POP-08", "CHG-01")
		file := fileOf(t, s)
		commit, leaf := body(t, desk, file, p.CommitEntry)
		want := map[string]any{"op": "populations.request", "id": string(p.ID), "step": "commit", "engagement": s.ID, "population": "POP-08", "commitment": p.Commitment}
		if diff := cmp.Diff(want, commit); diff != "" || leaf.Kind != canon.KindSample {
			t.Errorf("commit, %s:\n%s", leaf.Kind, diff)
		}
		optest.Do(t, s.Lead, populations.Build, csv(s, deployments(12)))
		v := optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: 1})
		sealed, leaf := body(t, desk, desk.Org, v.Entry)
		for k, want := range map[string]any{"op": "populations.seal", "id": string(p.ID), "step": "seal", "version": 1.0, "commitment": p.Commitment,
			"digest": v.Digest, "rows": 12.0, "period": "2026-01-01/2026-12-31", "media_type": canon.MediaTypeChunks, "source": "deployer", "query": "select * from deployments"} {
			if sealed[k] != want {
				t.Errorf("seal: %s is %v, want %v", k, sealed[k], want)
			}
		}
		if leaf.Kind != canon.KindPopulation || leaf.Items == nil || leaf.Items.Count != 12 || leaf.Answers == nil || leaf.Answers.Index != p.CommitEntry {
			t.Errorf("leaf %+v", leaf)
		}
		records, _ := body(t, desk, desk.Org, int64(sealed["records"].(float64)))
		if records["id"] != string(v.Evidence) || records["media_type"] != canon.MediaTypeChunks || records["row_count"] != 12.0 {
			t.Errorf("extraction says %v", records)
		}
		recompute(t, desk, v, leaf)
		optest.Do(t, s.Staff, populations.Accept, populations.Verdict{Engagement: s.ID, Population: "POP-08", Version: 1, Decision: populations.Explained, Reason: "one is known"})
		got := optest.Do(t, s.Staff, populations.Get, populations.Ref{Engagement: s.ID, Population: "POP-08"})
		accepted, leaf := body(t, desk, file, got.Versions[0].DecisionEntry)
		want = map[string]any{"op": "populations.accept", "id": string(p.ID), "step": "accept", "version": 1.0, "digest": v.Digest, "decision": "explained", "reason": "one is known"}
		if diff := cmp.Diff(want, accepted); diff != "" || leaf.Kind != canon.KindPopulation || leaf.Answers == nil || leaf.Answers.Index != v.Entry {
			t.Errorf("accept, %s:\n%s", leaf.Kind, diff)
		}
	})
}

// recompute reads the two contents as a stranger would.
func recompute(t *testing.T, desk *op.Desk, v populations.Version, leaf canon.Leaf) {
	t.Helper()
	lines := strings.SplitAfter(strings.TrimSuffix(pieces(t, desk, v.Entry), "\n"), "\n")
	records := strings.SplitAfter(strings.TrimSuffix(pieces(t, desk, entryOf(t, desk, v.Evidence)), "\n"), "\n")
	var tree canon.Tree
	var all []string
	for i, line := range lines {
		item, commitment, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		parts := strings.SplitN(strings.TrimSuffix(records[i], "\n"), "\t", 3)
		var record any
		if err := json.Unmarshal([]byte(parts[2]), &record); err != nil {
			t.Fatal(err)
		}
		payload, err := canon.JSON(map[string]any{"item": item, "record": record})
		if err != nil {
			t.Fatal(err)
		}
		salt, err := canon.ParseDigest(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		c := canon.Commit(salt, canon.LabelItem, string(payload))
		if hex.EncodeToString(c[:]) != commitment || parts[0] != item {
			t.Fatalf("row %d: %q and %q do not fit", i, line, records[i])
		}
		tree.Add(c[:])
		all = append(all, item+"\t"+commitment)
	}
	d, err := sample.Digest(all)
	if err != nil || hex.EncodeToString(d[:]) != v.Digest {
		t.Errorf("digest %x, %v, want %s", d, err, v.Digest)
	}
	if tree.Root() != leaf.Items.Root || !slices.IsSorted(all) {
		t.Error("the root is another, or the items are not in order")
	}
}

func entryOf(t *testing.T, desk *op.Desk, e id.Evidence) int64 {
	t.Helper()
	return optest.Do(t, desk, evidence.Get, evidence.Ref{ID: string(e)}).Entry
}

// pieces joins the content of an entry that is kept in pieces.
func pieces(t *testing.T, desk *op.Desk, entry int64) string {
	t.Helper()
	var out strings.Builder
	get := func(sum [32]byte) []byte {
		at, err := desk.Vault.AddressOf(t.Context(), desk.Org, sum)
		if err != nil {
			t.Fatal(err)
		}
		b, err := desk.Vault.Get(t.Context(), desk.Org, at)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	err := desk.DB.Read(t.Context(), db.All, func(tx *db.Tx) error {
		list, err := desk.Ledger.Openings(tx, desk.Org, entry, entry+1)
		for _, o := range list {
			if o.Label != canon.LabelContent {
				continue
			}
			text, _, err := canon.ParseContent(o.Payload)
			if err != nil {
				return err
			}
			sum, err := canon.ParseDigest(text)
			if err != nil {
				return err
			}
			chunks, err := canon.ParseChunks(get(sum))
			if err != nil {
				return err
			}
			for _, c := range chunks {
				out.Write(get(c.SHA256))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func proof(t *testing.T, desk *op.Desk, title string) string {
	t.Helper()
	b, err := desk.Vault.Store(t.Context(), desk.Org, []byte(title), clock.Truncate(desk.Clock.Now()))
	if err != nil {
		t.Fatal(err)
	}
	return string(optest.Do(t, desk, evidence.Submit, evidence.Submission{Blob: b.Address, Title: title, Origin: "drive"}).ID)
}

// Scenario 3: a quarterly review, of which the third was missed and made up
// for in the fourth quarter.
func TestAMissedOccurrenceIsOnTheListAndALateOneStaysLate(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		ask(t, s, "POP-07", "IAM-05")
		in := populations.Material{Engagement: s.ID, Population: "POP-07", From: populations.FromCalendar, Cadence: "quarterly", Performed: []string{
			"2026-Q1 2026-03-20 " + proof(t, s.Lead, "review one"), "2026-Q2 2026-06-30T23:59:59Z " + proof(t, s.Lead, "review two"),
			"2026-Q4 2026-12-11 " + proof(t, s.Lead, "review four")}}
		v := optest.Do(t, s.Lead, populations.Build, in)
		if v.Rows != 4 || v.Manifest.Calendar.Expected != 4 || v.Manifest.Calendar.Performed != 3 || !cmp.Equal(v.Manifest.Calendar.Missing, []string{"2026-Q3"}) {
			t.Errorf("without the third: %+v %+v", v, v.Manifest.Calendar)
		}
		in.Performed = append(in.Performed, "2026-Q3 2026-10-05 "+proof(t, s.Lead, "review three"))
		v = optest.Do(t, s.Lead, populations.Build, in)
		if cal := v.Manifest.Calendar; cal.Performed != 3 || !cmp.Equal(cal.Missing, []string{"2026-Q3"}) || !cmp.Equal(cal.Late, []string{"2026-Q3"}) {
			t.Errorf("with a late third: %+v", cal)
		}
		optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-07", Version: 2})
		rows := optest.Do(t, s.Staff, populations.Rows, populations.RowFilter{Engagement: s.ID, Population: "POP-07"})
		var got []string
		for _, r := range rows.Items {
			got = append(got, fmt.Sprintf("%s %v %v %s", r.Item, r.Performed, r.Late, r.At.Format(time.DateOnly)))
		}
		want := []string{"2026-Q1 true false 2026-03-20", "2026-Q2 true false 2026-06-30", "2026-Q3 false true 2026-10-05", "2026-Q4 true false 2026-12-11"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// Scenario 4: a yearly test in a period of three months.
func TestNothingDueIsASealedEmptyListWithALookBack(t *testing.T) {
	for _, c := range []struct {
		last   string
		days   int
		within bool
	}{{"2025-11-20", 161, true}, {"2025-04-29", 366, false}} {
		optest.Each(t, func(t *testing.T, desk *op.Desk) {
			s := begin(t, desk, "2026-02-01", "2026-04-30")
			ask(t, s, "POP-15", "VUL-04")
			v := optest.Do(t, s.Lead, populations.Build, populations.Material{Engagement: s.ID, Population: "POP-15", From: populations.FromCalendar,
				Cadence: "annual", Last: c.last, LastEvidence: proof(t, s.Lead, "penetration test")})
			cal := v.Manifest.Calendar
			if v.Rows != 0 || cal.Expected != 0 || cal.LastDays != c.days || cal.LastWithin != c.within || len(v.Problems) != 0 {
				t.Errorf("%s: %+v, %+v", c.last, v, cal)
			}
			sealed := optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-15", Version: 1})
			_, leaf := body(t, desk, desk.Org, sealed.Entry)
			none := canon.Tree{}
			if leaf.Items == nil || leaf.Items.Count != 0 || leaf.Items.Root != none.Root() || sealed.Digest != "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b" {
				t.Errorf("sealed %+v, %+v", sealed, leaf.Items)
			}
			done := optest.Do(t, s.Staff, populations.Accept, populations.Verdict{Engagement: s.ID, Population: "POP-15", Version: 1, Decision: populations.Complete})
			if done.Decision != populations.Complete {
				t.Errorf("decided %+v", done)
			}
			n := 0
			err := in(t, s.Staff, s.ID, func(c *op.Call, r *engagements.Room) error {
				return populations.EachRow(c, c, r, done, func(populations.Row) error { n++; return nil })
			})
			if err != nil || n != 0 {
				t.Errorf("%d rows, %v", n, err)
			}
		})
	}
}

func unpack(t *testing.T, desk *op.Desk, address string) (canon.Chunks, string) {
	t.Helper()
	text, err := desk.Vault.Get(t.Context(), desk.Org, address)
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := canon.ParseChunks(text)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, c := range chunks {
		at, err := desk.Vault.AddressOf(t.Context(), desk.Org, c.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		b, err := desk.Vault.Get(t.Context(), desk.Org, at)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return chunks, all.String()
}

// A stranger finds nothing wrong with the order of the steps and with the rows.
func TestTheBundleOfASealedListVerifies(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		ask(t, s, "POP-08", "CHG-01")
		for i, n := range []int{240, 243} {
			m := csv(s, deployments(n))
			m.SourceCount, m.CountedBy, m.Surrogate = 243, "a second API", i == 1
			optest.Do(t, s.Lead, populations.Build, m)
			optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: i + 1})
		}
		optest.Do(t, s.Staff, populations.Accept, populations.Verdict{Engagement: s.ID, Population: "POP-08", Version: 2, Decision: populations.Complete})
		keys := optest.Do(t, s.Staff, engagements.Get, engagements.Ref{ID: s.ID}).Keys
		var out bytes.Buffer
		if err := engagements.WriteBundle(t.Context(), s.Partner, s.ID, &out); err != nil {
			t.Fatal(err)
		}
		report, err := bundle.Verify(bytes.NewReader(out.Bytes()), int64(out.Len()), bundle.Options{Keys: keys})
		if err != nil || report.Verdict != bundle.Verified {
			t.Fatalf("%+v, %v", report, err)
		}
		x := report.Examination
		if x == nil || len(x.Populations) != 1 || x.Populations[0].Rows != 243 || !x.Populations[0].Compared {
			t.Errorf("the examination is %+v", x)
		}
	})
}
