package sources_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// script is a collector that does as it is told.
type script struct {
	do func(in *sources.Intake) error
}

func (script) Kind() string    { return "git" }
func (script) Version() string { return "test" }
func (s script) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	return s.do(in)
}

func identity(key string, commits int) sources.Resource {
	return sources.Resource{Kind: "identity", Key: key, Attrs: map[string]any{"commits": commits}}
}

// connect adds a source and returns a function that reads it.
func connect(t *testing.T, desk *op.Desk) (sources.Source, func(func(*sources.Intake) error) sources.Run) {
	t.Helper()
	s, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	return s, func(do func(*sources.Intake) error) sources.Run {
		t.Helper()
		r, err := sources.NewReader(script{do})
		if err != nil {
			t.Fatal(err)
		}
		optest.Clock(desk).Advance(time.Hour)
		run, err := r.Read(t.Context(), desk, s.ID, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
}

func TestARunKeepsWhatItSawAndReplaysItFromTheSealedBytes(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		_, read := connect(t, desk)
		run := read(func(in *sources.Intake) error {
			in.Scope("path", "/repo")
			in.Raw("config", "text/plain", []byte("a = 1\n"))
			in.Missing(sources.Missing{Kind: "repository", Field: "branch_protected", Reason: "a clone does not say"})
			in.Cover("tag")
			return errors.Join(in.Add(identity("b@example.com", 2)), in.Add(identity("a@example.com", 1)))
		})
		if run.Status != sources.RunOK || run.Resources != 2 || len(run.Kinds) != 2 || len(run.Missing) != 1 {
			t.Fatalf("run %+v", run)
		}
		schemas, err := sources.Schemas()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range run.Kinds {
			got, err := sources.ReadBack(t.Context(), desk, schemas[k.Kind], k.Address)
			if err != nil || int64(len(got)) != k.Count {
				t.Errorf("%s: %d read back of %d, %v", k.Kind, len(got), k.Count, err)
			}
		}
		records, err := evidence.List.Do(t.Context(), desk, evidence.Filter{Run: string(run.ID)})
		if err != nil || records.Total != 3 { // two kinds and the raw bytes
			t.Errorf("%d evidence records, %v; want 3", records.Total, err)
		}
		entry, err := evidence.EntryGet.Do(t.Context(), desk, evidence.EntryRef{ID: run.Entry})
		if err != nil || entry.Kind != canon.KindRun || entry.ID != string(run.ID) {
			t.Errorf("entry of the run: %+v, %v", entry, err)
		}
	})
}

func TestResourcesFollowTheSource(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, read := connect(t, desk)
		read(func(in *sources.Intake) error {
			return errors.Join(in.Add(identity("stays", 1)), in.Add(identity("grows", 1)), in.Add(identity("goes", 1)))
		})
		first := desk.Clock.Now()
		run := read(func(in *sources.Intake) error {
			return errors.Join(in.Add(identity("stays", 1)), in.Add(identity("grows", 2)), in.Add(identity("comes", 1)), in.Add(identity("too", 1)))
		})
		if k := run.Kinds[0]; k.Added != 2 || k.Changed != 1 || k.Gone != 1 {
			t.Errorf("since the run before: %+v", k)
		}
		read(func(in *sources.Intake) error {
			return errors.Join(in.Add(identity("stays", 1)), in.Add(identity("grows", 2)))
		})
		got, err := sources.Resources.Do(t.Context(), desk, sources.SeenFilter{Source: string(s.ID), Kind: "identity"})
		if err != nil || got.Total != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, r := range got.Items {
			if changed := r.Changed.After(first); changed != (r.Key == "grows") {
				t.Errorf("%s: changed at %s", r.Key, r.Changed)
			}
		}
		read(func(in *sources.Intake) error { in.Cover("tag"); return nil })
		got, err = sources.Resources.Do(t.Context(), desk, sources.SeenFilter{Source: string(s.ID), Kind: "identity"})
		if err != nil || got.Total != 2 {
			t.Errorf("a run that did not look at contributors changed them: %+v, %v", got, err)
		}
	})
}

func TestASourceThatDoesNotAnswerLeavesAGap(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, read := connect(t, desk)
		for name, do := range map[string]func(*sources.Intake) error{
			"an error": func(*sources.Intake) error { return fault.Invalid("path", "no git repository at /nowhere") },
			"a panic":  func(*sources.Intake) error { panic("index out of range") },
			"a fact outside schema": func(in *sources.Intake) error {
				in.Missing(sources.Missing{Kind: "no_such_kind", Reason: "x"})
				return nil
			},
		} {
			run := read(do)
			if run.Status != sources.RunFailed || run.Error == "" {
				t.Errorf("%s: run %+v", name, run)
			}
			e, err := evidence.EntryGet.Do(t.Context(), desk, evidence.EntryRef{ID: run.Entry})
			if err != nil || e.Kind != canon.KindGap {
				t.Errorf("%s: entry of kind %s, %v; want a gap", name, e.Kind, err)
			}
		}
		got, err := sources.Get.Do(t.Context(), desk, sources.Ref{ID: string(s.ID)})
		if err != nil || got.Latest == nil || got.Latest.Status != sources.RunFailed {
			t.Errorf("the source shows %+v, %v", got.Latest, err)
		}
	})
}

func TestReadingTheSameTwiceStoresTheBytesOnce(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		_, read := connect(t, desk)
		see := func(in *sources.Intake) error { return in.Add(identity("a@example.com", 1)) }
		a, b := read(see), read(see)
		if a.Kinds[0].Address != b.Kinds[0].Address {
			t.Error("the same resources have two addresses")
		}
		var blobs int
		err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			return tx.Row("SELECT COUNT(*) FROM blob WHERE org_id = ?", []any{desk.Org}, &blobs)
		})
		if err != nil || blobs != 4 { // the piece, its list, and two manifests with their times
			t.Errorf("%d blobs, %v; want 4", blobs, err)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for name, c := range map[string]struct {
			in    sources.Connection
			field string
		}{
			"a kind nobody reads":         {sources.Connection{Kind: "ftp", Name: "x"}, "kind"},
			"git without a path":          {sources.Connection{Kind: "git", Name: "x"}, "path"},
			"settings that are no object": {sources.Connection{Kind: "host", Name: "x", Settings: "[1]"}, "settings"},
			"a rhythm under five minutes": {sources.Connection{Kind: "host", Name: "x", Every: 1}, "every_minutes"},
			"no name":                     {sources.Connection{Kind: "host"}, "name"},
		} {
			_, err := sources.Create.Do(t.Context(), desk, c.in)
			if e := fault.As(err); e == nil || e.Field != c.field {
				t.Errorf("%s: got %v, want a fault of field %q", name, err, c.field)
			}
		}
		if _, err := sources.List.Do(t.Context(), optest.Member(t, desk, auth.Employee), op.None{}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("an employee sees sources: %v", err)
		}
	})
}

func TestADisconnectedSourceKeepsItsRecordAndIsNotReadAgain(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, read := connect(t, desk)
		run := read(func(in *sources.Intake) error { return in.Add(identity("a", 1)) })
		if _, err := sources.Remove.Do(t.Context(), desk, sources.Ref{ID: string(s.ID)}); err != nil {
			t.Fatal(err)
		}
		if _, err := sources.Collect.Do(t.Context(), desk, sources.Ref{ID: string(s.ID)}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("reading a disconnected source: %v", err)
		}
		if got, err := sources.RunGet.Do(t.Context(), desk, sources.Ref{ID: string(run.ID)}); err != nil || got.Resources != 1 {
			t.Errorf("its run is gone: %+v, %v", got, err)
		}
	})
}
