package file_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/importers/file"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/sources"
)

const changesMapping = `{"kind":"ticket_change","key":["Id"],"time":"deployed_at","fields":[
	{"field":"title","column":"Title"},{"field":"requester","column":"By"},{"field":"approver","column":"Approved by"},
	{"field":"approved_at","column":"Approved"},{"field":"deployed_at","column":"Deployed"},{"field":"emergency","column":"Emergency"}]}`

// changes is a table of n changes of the year 2026; the row at bad cannot be
// taken.
func changes(n, bad int) string {
	var b strings.Builder
	b.WriteString("Id,Title,By,Approved by,Approved,Deployed,Emergency\n")
	for i := range n {
		at := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * 36 * time.Hour)
		when := at.Format(time.DateTime)
		if i+1 == bad {
			when = "soon"
		}
		fmt.Fprintf(&b, "C-%03d,change %d,Ada,Bo,%s,%s,no\n", i+1, i+1, at.Add(-time.Hour).Format(time.DateTime), when)
	}
	return b.String()
}

func feeder(t *testing.T) *sources.Reader {
	t.Helper()
	r, err := sources.NewReader()
	if err != nil {
		t.Fatal(err)
	}
	r.Feed(0, file.New())
	return r
}

// hand delivers a file and reads it.
func hand(t *testing.T, desk *op.Desk, s sources.Source, text, said string, skip bool) (sources.Run, error) {
	t.Helper()
	r := feeder(t)
	made, err := r.Deliver(t.Context(), desk, sources.Delivery{Name: "changes.csv", Source: string(s.ID), SkipBad: skip, Statement: json.RawMessage(said)}, strings.NewReader(text))
	if err != nil {
		return sources.Run{}, err
	}
	return r.Import(t.Context(), desk, made.ID, nil, false)
}

func TestATableBecomesARunAndTheRunAPopulation(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Engage(t, desk, "2026-01-01", "2026-12-31")
		s.Plan(t, engagements.Planned)
		optest.Clock(desk).Advance(time.Date(2027, 1, 6, 0, 0, 0, 0, time.UTC).Sub(desk.Clock.Now()))
		optest.Do(t, s.Staff, populations.Request, populations.Wish{Engagement: s.ID, Code: "POP-08", Title: "Production changes deployed"})

		src := optest.Do(t, s.Lead, sources.Create, sources.Connection{Kind: "file", Name: "Changes of the service desk"})
		if _, err := hand(t, s.Lead, src, changes(3, 0), "", false); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "has no mapping yet") {
			t.Errorf("without a mapping: %v", err)
		}
		m := optest.Do(t, s.Lead, sources.MappingSave, sources.NewMapping{Source: string(src.ID), Columns: changesMapping})
		if m.Version != 1 || m.Columns.Time != "deployed_at" {
			t.Fatalf("mapping %+v", m)
		}
		run, err := hand(t, s.Lead, src, changes(200, 0), `{"query":"SELECT * FROM changes","extractor":"Ada","zone":"UTC","from":"2026-01-01","to":"2026-12-31","expected":200,"counted_by":"the report of the vendor"}`, false)
		if err != nil {
			t.Fatal(err)
		}
		run = optest.Do(t, s.Lead, sources.RunGet, sources.Ref{ID: string(run.ID)})
		if run.Resources != 200 || len(run.Missing) != 0 || run.Scope["query"] != "SELECT * FROM changes" || run.Scope["distinct_keys"] != "200" || run.Scope["mapping_version"] != "1" || run.Scope["file_sha256"] == "" {
			t.Errorf("run %+v", run)
		}
		v := optest.Do(t, s.ControlOwner, populations.Build, populations.Material{Engagement: s.ID, Population: "POP-08", From: populations.FromRun, Source: string(src.ID),
			Kind: "ticket_change", Where: "!r.emergency", Time: "deployed_at", Label: "title", SourceCount: 200, CountedBy: "the report of the vendor"})
		if v.Rows != 200 || len(v.Problems) != 0 || v.Manifest.Run != run.ID || !strings.Contains(v.Manifest.Query, "query=SELECT * FROM changes") {
			t.Errorf("version %+v", v)
		}
		optest.Do(t, s.Lead, populations.Seal, populations.Sealing{Engagement: s.ID, Population: "POP-08", Version: 1})
		rows := optest.Do(t, s.Staff, populations.Rows, populations.RowFilter{Engagement: s.ID, Population: "POP-08", Limit: 3})
		if rows.Total != 200 || rows.Items[0].Kind != "ticket_change" {
			t.Errorf("rows %+v", rows)
		}
	})
}

func TestOneBadRowRefusesTheFileUnlessItMayBeLeftOut(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		src := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "file", Name: "Changes"})
		optest.Do(t, desk, sources.MappingSave, sources.NewMapping{Source: string(src.ID), Columns: changesMapping})
		_, err := hand(t, desk, src, changes(50, 33), "", false)
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), `line 34: column Deployed is "soon"`) {
			t.Errorf("got %v", err)
		}
		seen := optest.Do(t, desk, sources.Resources, sources.SeenFilter{Source: string(src.ID), Kind: "ticket_change"})
		if seen.Total != 0 {
			t.Errorf("%d rows were taken", seen.Total)
		}
		run, err := hand(t, desk, src, changes(50, 33), "", true)
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, m := range run.Missing {
			if strings.Contains(m.Reason, `a row was left out: line 34: column Deployed is "soon"`) {
				named++
			}
		}
		if run.Resources != 49 || named != 1 || run.Scope["left_out"] != "1" || run.Scope["rows"] != "50" {
			t.Errorf("run %+v", run)
		}
	})
}

func TestMappingsAreKeptByVersion(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		src := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "file", Name: "Changes"})
		ref := sources.MappingRef{Source: string(src.ID)}
		if _, err := sources.MappingGet.Do(t.Context(), desk, ref); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("none: %v", err)
		}
		optest.Do(t, desk, sources.MappingSave, sources.NewMapping{Source: string(src.ID), Columns: changesMapping})
		if _, err := sources.MappingSave.Do(t.Context(), desk, sources.NewMapping{Source: string(src.ID), Columns: changesMapping}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a stale version: %v", err)
		}
		other := strings.Replace(changesMapping, `"Title"`, `"Summary"`, 1)
		optest.Do(t, desk, sources.MappingSave, sources.NewMapping{Source: string(src.ID), Columns: other, Version: 1})
		list := optest.Do(t, desk, sources.MappingList, sources.MappingFilter{Source: string(src.ID), Limit: 1})
		if list.Total != 2 || len(list.Items) != 1 || list.Items[0].Version != 2 || list.Next != "2" {
			t.Errorf("list %+v", list)
		}
		ref.Version = 1
		if got := optest.Do(t, desk, sources.MappingGet, ref); got.Columns.Fields[0].Column != "Title" {
			t.Errorf("version 1 is %+v", got)
		}
		if _, err := hand(t, desk, src, changes(2, 0), "", false); !strings.Contains(fmt.Sprint(err), `no column "Summary"; its columns are Id, Title`) {
			t.Errorf("a header that does not fit: %v", err)
		}
		for want, text := range map[string]string{"a JSON object is accepted": `{"knd":1}`, "there is no kind": `{"kind":"x","key":["a"]}`, "has no field": strings.Replace(changesMapping, `"title"`, `"titel"`, 1)} {
			if _, err := sources.MappingSave.Do(t.Context(), desk, sources.NewMapping{Source: string(src.ID), Columns: text, Version: 2}); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", want, err)
			}
		}
		git := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "git", Name: "Code", Path: "/nowhere"})
		if _, err := sources.MappingSave.Do(t.Context(), desk, sources.NewMapping{Source: string(git.ID), Columns: changesMapping}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("a source without columns: %v", err)
		}
		for want, said := range map[string]string{"can be said of a file": `{"sql":"x"}`, "how the rows were counted": `{"expected":3}`} {
			if _, err := hand(t, desk, src, changes(2, 0), said, false); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", want, err)
			}
		}
	})
}
