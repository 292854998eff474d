package sources_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/importers/ocsf"
	"github.com/tickmark/tickmark/internal/importers/sarif"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// event is a finding of Prowler, on one line.
func event(n int, status string) string {
	return fmt.Sprintf(`{"class_uid":2004,"metadata":{"version":"1.4.0","event_code":"rule_%d","product":{"name":"Prowler","version":"5.8.0"}},`+
		`"finding_info":{"uid":"f-%05d","title":"t"},"severity_id":4,"status_code":%q,"status_id":1,`+
		`"cloud":{"provider":"aws","account":{"uid":"123456789012"}},"time":1780000000}`, n%7, n, status)
}

func events(n int, change map[int]string) []byte {
	var b strings.Builder
	for i := range n {
		status := "PASS"
		if s := change[i]; s != "" {
			status = s
		}
		b.WriteString(event(i, status) + "\n")
	}
	return []byte(b.String())
}

func reader(t *testing.T) *sources.Reader {
	t.Helper()
	r, err := sources.NewReader()
	if err != nil {
		t.Fatal(err)
	}
	r.Feed(0, ocsf.New(), sarif.New())
	return r
}

// hand delivers and imports a file.
func hand(t *testing.T, desk *op.Desk, r *sources.Reader, d sources.Delivery, data []byte) (sources.Import, sources.Run, error) {
	t.Helper()
	optest.Clock(desk).Advance(time.Hour)
	made, err := r.Deliver(t.Context(), desk, d, bytes.NewReader(data))
	if err != nil {
		return made, sources.Run{}, err
	}
	run, err := r.Import(t.Context(), desk, made.ID, nil, false)
	return made, run, err
}

func TestAFileBecomesARunOfTheSourceOfItsTool(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := reader(t)
		data := events(1200, nil)
		made, run, err := hand(t, desk, r, sources.Delivery{Name: "scan.json"}, data)
		if err != nil {
			t.Fatal(err)
		}
		if made.Format != "ocsf" || made.Looks != "OCSF 1.4 detection findings by Prowler 5.8.0" {
			t.Errorf("%+v", made)
		}
		if run.Resources != 1201 || run.Scope["file"] != "scan.json" || run.Scope["file_sha256"] != made.SHA256 || run.Scope["target"] != "aws 123456789012" {
			t.Errorf("%+v", run)
		}
		s := optest.Do(t, desk, sources.Get, sources.Ref{ID: string(run.Source)})
		if s.Name != "Prowler: aws 123456789012" || s.Kind != "ocsf" {
			t.Errorf("%+v", s)
		}
		files := optest.Do(t, desk, evidence.List, evidence.Filter{Run: string(run.ID)})
		if files.Total != 3 { // two kinds and the file
			t.Fatalf("%d records", files.Total)
		}
		content := optest.Do(t, desk, evidence.Content, evidence.Ref{ID: string(files.Items[0].ID)})
		if !bytes.Equal(content.Data, data) || files.Items[0].SHA256 != made.SHA256 {
			t.Error("the file is not kept as it came")
		}
		again, err := r.Import(t.Context(), desk, made.ID, nil, false)
		if err != nil || again.ID != run.ID {
			t.Errorf("imported twice as %s and %s, %v", run.ID, again.ID, err)
		}
		after := optest.Do(t, desk, sources.ImportGet, sources.Ref{ID: string(made.ID)})
		if after.Run != run.ID || after.Source != run.Source {
			t.Errorf("%+v", after)
		}
	})
}

func TestOnlyWhatChangedIsWritten(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := reader(t)
		_, first, err := hand(t, desk, r, sources.Delivery{Name: "a"}, events(3000, nil))
		if err != nil {
			t.Fatal(err)
		}
		_, second, err := hand(t, desk, r, sources.Delivery{Name: "b"}, events(2999, map[int]string{7: "FAIL", 11: "FAIL"}))
		if err != nil {
			t.Fatal(err)
		}
		if second.Source != first.Source {
			t.Fatal("the second file made a source of its own")
		}
		seen := optest.Do(t, desk, sources.Resources, sources.SeenFilter{Source: string(first.Source), Kind: "finding"})
		if seen.Total != 2999 {
			t.Errorf("%d findings are shown", seen.Total)
		}
		changed := 0
		for after := ""; ; {
			page := optest.Do(t, desk, sources.Resources, sources.SeenFilter{Source: string(first.Source), Kind: "finding", After: after, Limit: 500})
			for _, x := range page.Items {
				if x.Changed.Equal(second.Ended) {
					changed++
				}
				if want := `"first_seen":"` + first.Started.UTC().Format("2006-01-02T15:04:05.000Z"); !strings.Contains(string(x.Body), want) {
					t.Fatalf("%s does not have %s", x.Body, want)
				}
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if changed != 2 {
			t.Errorf("%d rows were written, want 2", changed)
		}
		schemas, err := sources.Schemas()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range second.Kinds {
			rows, err := sources.ReadBack(t.Context(), desk, schemas[k.Kind], k.Address)
			if err != nil || int64(len(rows)) != k.Count {
				t.Errorf("%s: %d rows of %d, %v", k.Kind, len(rows), k.Count, err)
			}
		}
	})
}

func TestARefusedFileLeavesNothingButTheReason(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := reader(t)
		bad := append(events(50, nil), []byte(strings.Replace(event(50, "PASS"), "1.4.0", "9.0.0", 1)+"\n")...)
		made, _, err := hand(t, desk, r, sources.Delivery{Name: "bad.json"}, bad)
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "line 51: $.metadata.version") {
			t.Fatal(err)
		}
		if list := optest.Do(t, desk, sources.List, op.None{}); list.Total != 0 {
			t.Errorf("%d sources", list.Total)
		}
		after := optest.Do(t, desk, sources.ImportGet, sources.Ref{ID: string(made.ID)})
		if !strings.Contains(after.Refused, "OCSF 1.0 to 1.5 is accepted") || after.Run != "" {
			t.Errorf("%+v", after)
		}
		if _, err := r.Import(t.Context(), desk, made.ID, nil, false); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("the second time: %v", err)
		}
		_, run, err := hand(t, desk, r, sources.Delivery{Name: "bad.json", SkipBad: true}, bad)
		if err != nil || run.Resources != 51 || run.Scope["left_out"] != "1" || len(run.Missing) != 1 {
			t.Fatalf("%+v, %v", run, err)
		}
		_, _, err = hand(t, desk, r, sources.Delivery{Name: "bad.json", Source: string(run.Source)}, bad)
		if err == nil {
			t.Fatal("taken")
		}
		s := optest.Do(t, desk, sources.Get, sources.Ref{ID: string(run.Source)})
		if s.Latest.Status != sources.RunFailed || !strings.Contains(s.Latest.Error, "line 51") {
			t.Errorf("the source does not say that its file was refused: %+v", s.Latest)
		}
	})
}

func TestDeliveriesThatAreRefusedAtOnce(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := reader(t)
		_, run, err := hand(t, desk, r, sources.Delivery{Name: "a"}, events(1, nil))
		if err != nil {
			t.Fatal(err)
		}
		r.Feed(1<<20, ocsf.New(), sarif.New())
		for name, c := range map[string]struct {
			d    sources.Delivery
			data []byte
			want string
		}{
			"nothing":            {sources.Delivery{Name: "a"}, nil, "empty"},
			"no known format":    {sources.Delivery{Name: "a.bin"}, []byte("PK\x03\x04"), "none of the formats that can be read: ocsf, sarif"},
			"a format not there": {sources.Delivery{Name: "a", Format: "nessus"}, events(1, nil), "formats are ocsf, sarif"},
			"too large":          {sources.Delivery{Name: "a"}, bytes.Repeat([]byte(" "), 1<<20+1), "larger than 1 MiB"},
			"no source":          {sources.Delivery{Name: "a", Source: "x"}, events(1, nil), "src_"},
			"another kind":       {sources.Delivery{Name: "a", Format: "sarif", Source: string(run.Source)}, []byte("{}"), "a source of kind ocsf"},
		} {
			t.Run(name, func(t *testing.T) {
				if _, _, err := hand(t, desk, r, c.d, c.data); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
			})
		}
	})
}

func TestALargeFileIsKeptInPiecesAndGivenBackWhole(t *testing.T) {
	defer sources.Small(1000, 700)()
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		data := events(40, nil)
		made, run, err := hand(t, desk, reader(t), sources.Delivery{Name: "large.json"}, data)
		if err != nil || run.Resources != 41 {
			t.Fatal(run.Resources, err)
		}
		var whole bytes.Buffer
		after := optest.Do(t, desk, sources.ImportGet, sources.Ref{ID: string(made.ID)})
		if err := sources.WriteFile(t.Context(), desk, after, &whole); err != nil || !bytes.Equal(whole.Bytes(), data) {
			t.Errorf("%d bytes of %d, %v", whole.Len(), len(data), err)
		}
		files := optest.Do(t, desk, evidence.List, evidence.Filter{Run: string(run.ID)})
		file := files.Items[0]
		content := optest.Do(t, desk, evidence.Content, evidence.Ref{ID: string(file.ID)})
		list, err := canon.ParseChunks(content.Data)
		if err != nil || file.MediaType != canon.MediaTypeChunks || len(list) != (len(data)+699)/700 {
			t.Errorf("%s, %d pieces, %v", file.MediaType, len(list), err)
		}
	})
}

// Two runs of a source at the same time: the second compares again.
func TestRunsThatOverlapDoNotUndoEachOther(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, read := connect(t, desk)
		read(func(in *sources.Intake) error { return in.Add(identity("a", 1)) })
		inner := false
		r, err := sources.NewReader(script{func(in *sources.Intake) error { return in.Add(identity("b", 2)) }})
		if err != nil {
			t.Fatal(err)
		}
		defer sources.OnceStored(func() {
			inner = true
			read(func(in *sources.Intake) error { return in.Add(identity("c", 3)) })
		})()
		optest.Clock(desk).Advance(time.Hour)
		if _, err := r.Read(t.Context(), desk, s.ID, nil, false); err != nil || !inner {
			t.Fatal(err, inner)
		}
		got := optest.Do(t, desk, sources.Resources, sources.SeenFilter{Source: string(s.ID), Kind: "identity"})
		if got.Total != 1 || got.Items[0].Key != "b" {
			t.Errorf("%+v", got.Items)
		}
	})
}
