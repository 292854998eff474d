package populations_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/populations"
)

// What is wrong with a list is told before it is sealed, with the lines, and
// nothing of the draft is lost.
func TestAListWithProblemsIsNotSealed(t *testing.T) {
	cases := map[string]struct {
		data   string
		change func(*populations.Material)
		code   string
		line   string
	}{
		"empty keys":            {"change,deployed\n,2026-02-01\nA-1,2026-02-02\n", nil, "empty_key", "line 2"},
		"keys of spaces":        {"change,deployed\n\"  \",2026-02-01\n", nil, "empty_key", "line 2"},
		"duplicate keys":        {"change,deployed\nA-1,2026-02-01\nA-2,2026-02-01\nA-1,2026-02-03\n", nil, "duplicate_key", "lines 2 and 4: A-1"},
		"a row before":          {"change,deployed\nA-1,2025-12-31T23:59:59Z\n", nil, "outside", "line 2: A-1, 2025-12-31 23:59 UTC"},
		"a row on the end":      {"change,deployed\nA-1,2027-01-01\n", nil, "outside", "line 2: A-1, 2027-01-01 00:00 UTC"},
		"a time that is none":   {"change,deployed\nA-1,soon\n", nil, "time", "line 2: A-1 soon"},
		"a time of two kinds":   {"change,deployed\nA-1,03/04/2026\n", nil, "time", "line 2"},
		"an empty time":         {"change,deployed\nA-1,\n", nil, "time", "line 2"},
		"mixed zones":           {"change,deployed\nA-1,2026-02-01T10:00:00Z\nA-2,2026-02-01 10:00:00\n", nil, "zones", "1 with an offset, 1 without"},
		"no bytes but a mark":   {"\ufeff\n", nil, "empty", ""},
		"no rows":               {"change,deployed\n", nil, "empty", ""},
		"rows where none":       {"change,deployed\nA-1,2026-02-01\n", func(m *populations.Material) { m.None = true }, "not_empty", ""},
		"a missing column":      {"id,deployed\nA-1,2026-02-01\n", nil, "column", "change"},
		"two equal columns":     {"change,change,deployed\nA-1,x,2026-02-01\n", nil, "columns", ""},
		"a column without name": {"change,,deployed\nA-1,x,2026-02-01\n", nil, "columns", ""},
		"another width":         {"change,deployed\nA-1,2026-02-01,x\n", nil, "fields", "line 2: 3"},
		"an open quote":         {"change,deployed\n\"A-1,2026-02-01\n", nil, "format", ""},
		"text after a quote":    {"change,deployed\n\"A-1\"x,2026-02-01\n", nil, "format", ""},
		"a workbook":            {"PK\x03\x04rest", nil, "format", ""},
		"UTF-16":                {"\xff\xfec\x00h\x00", nil, "format", ""},
		"another encoding":      {"change,deployed,who\nA-1,2026-02-01,J\xf6rg\n", nil, "encoding", "line 2"},
		"a control character":   {"change,deployed\nA\x07,2026-02-01\n", nil, "bad_key", "line 2"},
		"a long key":            {"change,deployed\n" + strings.Repeat("x", 201) + ",2026-02-01\n", nil, "bad_key", "line 2"},
		"a long row":            {"change,deployed\nA-1,2026-02-01\nA-2," + strings.Repeat("x", 70_000) + "\n", nil, "format", ""},
		"too early an extract": {"change,deployed\nA-1,2026-02-01\n", func(m *populations.Material) {
			m.Extracted = time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC)
		}, "cut_off", "2026-12-31 23:00 UTC"},
	}
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		ask(t, s, "POP-08")
		n := 0
		for name, c := range cases {
			in := csv(s, []byte(c.data))
			in.Label = ""
			if c.change != nil {
				c.change(&in)
			}
			v := optest.Do(t, s.Lead, populations.Build, in)
			n++
			found := false
			for _, p := range v.Problems {
				if p.Code == c.code && p.Blocking && p.Text != "" && (c.line == "" || strings.Contains(strings.Join(p.Lines, "|"), c.line)) {
					found = true
				}
			}
			if !found || v.Version != n || v.Digest != "" {
				t.Errorf("%s: version %d with %+v", name, v.Version, v.Problems)
			}
			_, err := populations.Seal.Do(t.Context(), s.Lead, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: n})
			refused(t, name, err, fault.KindConflict, "cannot be sealed")
		}
		got := optest.Do(t, s.Lead, populations.Get, populations.Ref{Engagement: s.ID, Population: "POP-08"})
		if len(got.Versions) != n || got.Current() != nil {
			t.Errorf("%d drafts stay of %d", len(got.Versions), n)
		}
	})
}

func TestFilesAreReadAsTheyAreCommonlyWritten(t *testing.T) {
	cases := map[string]struct {
		data   string
		change func(*populations.Material)
		want   []string
	}{
		"semicolons and a mark": {"\ufeffchange;deployed;summary\r\nB-2;2026-02-01 10:00;\"x;y\"\r\nB-1;2026-02-01;\r\n", nil,
			[]string{"B-1 2026-02-01T00:00:00Z ", "B-2 2026-02-01T10:00:00Z x;y"}},
		"tabs and line ends in quotes": {"change\tdeployed\tsummary\nB-1\t2026-02-01\t\"two\nlines\"", nil, []string{"B-1 2026-02-01T00:00:00Z two\nlines"}},
		"a zone for bare times": {"change,deployed,summary\nA,2026-07-01 10:00,\nB,2026-07-01T10:00:00Z,\n", func(m *populations.Material) { m.Zone = "Europe/Berlin" },
			[]string{"A 2026-07-01T08:00:00Z ", "B 2026-07-01T10:00:00Z "}},
		"offsets of any kind": {"change,deployed,summary\nA,2026-07-01 10:00:00+02:00,\nB,2026-07-01T10:00:00.123Z,\nC,2026-07-01 10:00:00 UTC,\nD,2026-07-01 10:00:00 -0500,\n", nil,
			[]string{"A 2026-07-01T08:00:00Z ", "B 2026-07-01T10:00:00.123Z ", "C 2026-07-01T10:00:00Z ", "D 2026-07-01T15:00:00Z "}},
		"empty lines": {"\nchange,deployed,summary\n\nA,2026-07-01,\n\n", nil, []string{"A 2026-07-01T00:00:00Z "}},
	}
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		ask(t, s, "POP-08")
		for name, c := range cases {
			in := csv(s, []byte(c.data))
			if c.change != nil {
				c.change(&in)
			}
			v := optest.Do(t, s.Lead, populations.Build, in)
			if len(v.Problems) != 0 {
				t.Errorf("%s: %+v", name, v.Problems)
				continue
			}
			got := []string{}
			for _, r := range optest.Do(t, s.Lead, populations.Rows, populations.RowFilter{Engagement: s.ID, Population: "POP-08", Version: v.Version}).Items {
				got = append(got, fmt.Sprintf("%s %s %s", r.Item, r.At.Format(time.RFC3339Nano), r.Label))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
		}
	})
}

func TestBuildRefusesWhatDoesNotGoTogether(t *testing.T) {
	cases := map[string]struct {
		change func(*populations.Material)
		field  string
	}{
		"no key":                {func(m *populations.Material) { m.Key = "" }, "key"},
		"no time":               {func(m *populations.Material) { m.Time = "" }, "time"},
		"a time and a snapshot": {func(m *populations.Material) { m.Snapshot = true }, "snapshot"},
		"no query":              {func(m *populations.Material) { m.Query = "" }, "query"},
		"no system":             {func(m *populations.Material) { m.Source = " " }, "source"},
		"no file":               {func(m *populations.Material) { m.Data = nil }, "data"},
		"a zone that is none":   {func(m *populations.Material) { m.Zone = "Berlin" }, "zone"},
		"this machine's zone":   {func(m *populations.Material) { m.Zone = "Local" }, "zone"},
		"a count by nobody":     {func(m *populations.Material) { m.SourceCount = 3 }, "counted_by"},
		"the future":            {func(m *populations.Material) { m.Extracted = optest.Start.AddDate(1, 0, 0) }, "extracted"},
		"no evidence":           {func(m *populations.Material) { m.Data, m.Evidence = nil, "evd_00000000000000000000000000" }, "evidence"},
		"no cadence":            {func(m *populations.Material) { m.From = populations.FromCalendar }, "cadence"},
		"no source":             {func(m *populations.Material) { m.From, m.Extracted, m.Data = populations.FromRun, time.Time{}, nil }, "source"},
		"half a deed": {func(m *populations.Material) {
			m.From, m.Cadence, m.Performed = populations.FromCalendar, "annual", []string{"2026 2026-03-01"}
		}, "performed"},
	}
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		ask(t, s, "POP-08")
		for name, c := range cases {
			in := csv(s, deployments(3))
			c.change(&in)
			_, err := populations.Build.Do(t.Context(), s.Lead, in)
			if f := fault.As(err); f == nil || f.Field != c.field {
				t.Errorf("%s: got %v, want a fault of %s", name, err, c.field)
			}
		}
	})
}

func TestEachSideDoesItsOwnAndOthersFindNothing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		ask(t, s, "POP-08")
		other := optest.Found(t, desk.Engine, "Other")
		acts := map[string]func(*op.Desk) error{
			"request": func(d *op.Desk) error {
				_, err := populations.Request.Do(t.Context(), d, populations.Wish{Engagement: s.ID, Code: "POP-09", Title: "x"})
				return err
			},
			"build": func(d *op.Desk) error {
				_, err := populations.Build.Do(t.Context(), d, csv(s, deployments(3)))
				return err
			},
			"seal": func(d *op.Desk) error {
				_, err := populations.Seal.Do(t.Context(), d, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: 1})
				return err
			},
			"check": func(d *op.Desk) error {
				_, err := populations.Judge.Do(t.Context(), d, populations.Judgement{Engagement: s.ID, Population: "POP-08", Version: 1, Procedure: "observed", Result: "holds", Note: "seen"})
				return err
			},
			"accept": func(d *op.Desk) error {
				_, err := populations.Accept.Do(t.Context(), d, populations.Verdict{Engagement: s.ID, Population: "POP-08", Version: 1, Decision: "complete"})
				return err
			},
			"get": func(d *op.Desk) error {
				_, err := populations.Get.Do(t.Context(), d, populations.Ref{Engagement: s.ID, Population: "POP-08"})
				return err
			},
			"list": func(d *op.Desk) error {
				_, err := populations.List.Do(t.Context(), d, populations.Filter{Engagement: s.ID})
				return err
			},
			"rows": func(d *op.Desk) error {
				_, err := populations.Rows.Do(t.Context(), d, populations.RowFilter{Engagement: s.ID, Population: "POP-08"})
				return err
			},
			"export": func(d *op.Desk) error {
				_, err := populations.Export.Do(t.Context(), d, populations.ExportFilter{Engagement: s.ID, Population: "POP-08"})
				return err
			},
		}
		wrong := map[string][]*op.Desk{"request": {s.Client, s.Lead, s.ControlOwner, s.Boss}, "check": {s.Client, s.Lead}, "accept": {s.Client, s.Lead, s.Boss},
			"build": {s.Partner, s.Manager, s.Staff, s.Boss}, "seal": {s.Partner, s.Manager, s.Staff, s.Boss}}
		for act, desks := range wrong {
			for _, d := range desks {
				refused(t, act+" by "+d.Actor.Name, acts[act](d), fault.KindDenied, "")
			}
		}
		for _, act := range []string{"build", "seal", "get", "list", "rows", "export"} {
			refused(t, act+" by another organization", acts[act](other), fault.KindNotFound, "no engagement")
		}
		strangers := optest.Firm(t, other, "Strangers")
		for _, act := range []string{"request", "check", "accept", "get", "list", "rows", "export"} {
			refused(t, act+" by another firm", acts[act](strangers), fault.KindNotFound, "no engagement")
		}
		optest.Do(t, s.Lead, populations.Build, csv(s, deployments(3)))
		refused(t, "rows of a draft", acts["rows"](s.Staff), fault.KindConflict, "draft")
		refused(t, "judging a draft", acts["accept"](s.Staff), fault.KindConflict, "draft")
	})
}

func TestARequestIsAbandonedInTheOpen(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		one := ask(t, s, "POP-08")
		again := populations.Wish{Engagement: s.ID, Code: "POP-08", Title: "Production changes, both regions"}
		_, err := populations.Request.Do(t.Context(), s.Staff, again)
		refused(t, "asking again without a reason", err, fault.KindConflict, "stays on record")
		again.Reason = "the second region was left out"
		two := optest.Do(t, s.Staff, populations.Request, again)
		if two.Commitment == one.Commitment || two.ID == one.ID || len(two.Earlier) != 1 || two.Earlier[0].Commitment != one.Commitment || two.Earlier[0].Reason != again.Reason {
			t.Errorf("after it: %+v", two)
		}
		again.Reason = "once more"
		three := optest.Do(t, s.Staff, populations.Request, again)
		if len(three.Earlier) != 2 || optest.Do(t, s.Lead, populations.List, populations.Filter{Engagement: s.ID}).Total != 1 {
			t.Errorf("after that: %+v", three)
		}
		for _, w := range []populations.Wish{{Code: "pop 8", Title: "x"}, {Code: "POP-1", Title: " "}, {Code: "POP-1", Title: "x", Controls: []string{"a\tb"}}} {
			w.Engagement = s.ID
			_, err := populations.Request.Do(t.Context(), s.Staff, w)
			refused(t, w.Code, err, fault.KindInvalid, "")
		}
	})
}

func TestOnceTheNumberIsRevealedNothingMoves(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		p := sealedWith(t, s, deployments(9))
		optest.Do(t, s.Staff, populations.Accept, populations.Verdict{Engagement: s.ID, Population: "POP-08", Version: 1, Decision: "complete"})
		var first, second string
		reveal := op.Write("rooms.reveal", "", "audit:write", func(c *op.Call, _ op.None) (op.None, error) {
			r, err := engagements.AsFirm(c, s.ID)
			if err != nil {
				return op.None{}, err
			}
			got, err := populations.Find(c, r, "POP-08")
			if err != nil {
				return op.None{}, err
			}
			n, err := populations.Reveal(c, r, got)
			first, second = second, n.String()
			if sum := n.Commitment(); fmt.Sprintf("%x", sum) != p.Commitment {
				t.Errorf("the number %s does not fit %s", n, p.Commitment)
			}
			return op.None{}, err
		})
		optest.Do(t, s.Staff, reveal, op.None{})
		optest.Do(t, s.Staff, reveal, op.None{})
		got := optest.Do(t, s.Lead, populations.Get, populations.Ref{Engagement: s.ID, Population: "POP-08"})
		if first != second || got.Nonce != second || got.RevealedBy != s.Staff.Actor.Name || got.Revealed.IsZero() {
			t.Errorf("revealed %q, then %q: %+v", first, second, got)
		}
		_, err := populations.Build.Do(t.Context(), s.Lead, csv(s, deployments(10)))
		refused(t, "another list", err, fault.KindConflict, "another number")
		_, err = populations.Accept.Do(t.Context(), s.Staff, populations.Verdict{Engagement: s.ID, Population: "POP-08", Version: 1, Decision: "rejected", Reason: "x"})
		refused(t, "another decision", err, fault.KindConflict, "stays as it was decided")
	})
}

func sealedWith(t *testing.T, s optest.Sides, data []byte) populations.Population {
	t.Helper()
	p := ask(t, s, "POP-08", "CHG-01")
	optest.Do(t, s.Lead, populations.Build, csv(s, data))
	optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: 1})
	return p
}

// What was changed after sealing is refused, and the row is named.
func TestAChangedRowIsNamed(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := begin(t, desk, "2026-01-01", "2026-12-31")
		sealedWith(t, s, deployments(12))
		each := func() error {
			return in(t, s.Staff, s.ID, func(c *op.Call, r *engagements.Room) error {
				p, err := populations.Find(c, r, "POP-08")
				if err != nil {
					return err
				}
				return populations.EachRow(c, c, r, p.Versions[0], func(populations.Row) error { return nil })
			})
		}
		if err := each(); err != nil {
			t.Fatal(err)
		}
		change := func(column, value string) {
			t.Helper()
			err := desk.DB.Write(t.Context(), db.All, func(tx *db.Tx) error {
				_, err := tx.Exec("UPDATE population_version SET "+column+" = ? WHERE org_id = ? AND version = 1", value, desk.Org)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		read := func(column string) (was string) {
			t.Helper()
			err := desk.DB.Read(t.Context(), db.All, func(tx *db.Tx) error {
				return tx.Row("SELECT "+column+" FROM population_version WHERE org_id = ? AND version = 1", []any{desk.Org}, &was)
			})
			if err != nil {
				t.Fatal(err)
			}
			return was
		}
		records, list := read("records"), read("list")
		change("records", edited(t, desk, records, "CHG-0007", "no", "na"))
		refused(t, "a changed record", each(), fault.KindConflict, "row CHG-0007")
		change("records", records)

		// Both columns made to fit each other: only the log tells.
		optest.Do(t, s.Lead, populations.Build, csv(s, deployments(11)))
		var other [2]string
		err := desk.DB.Read(t.Context(), db.All, func(tx *db.Tx) error {
			return tx.Row("SELECT list, records FROM population_version WHERE org_id = ? AND version = 2", []any{desk.Org}, &other[0], &other[1])
		})
		if err != nil {
			t.Fatal(err)
		}
		change("list", other[0])
		change("records", other[1])
		refused(t, "another list", each(), fault.KindConflict, "row CHG-0001 was changed")
		change("list", list)
		change("records", records)
		change("digest", strings.Repeat("0", 64))
		refused(t, "another digest", each(), fault.KindConflict, "digest")
	})
}

// edited stores a copy of a list of pieces in which one row differs.
func edited(t *testing.T, desk *op.Desk, address, item, from, to string) string {
	t.Helper()
	chunks, data := unpack(t, desk, address)
	at := strings.Index(data, item+"\t")
	end := at + strings.Index(data[at:], "\n")
	changed := data[:at] + strings.Replace(data[at:end], from, to, 1) + data[end:]
	put := func(b []byte) [32]byte {
		s, err := desk.Vault.Store(t.Context(), desk.Org, b, clock.Truncate(desk.Clock.Now()))
		if err != nil {
			t.Fatal(err)
		}
		address = s.Address
		return s.SHA256
	}
	chunks[0].SHA256, chunks[0].Size = put([]byte(changed)), int64(len(changed))
	text, err := chunks.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(text)
	return address
}
