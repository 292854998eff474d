package sources_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/importers/ocsf"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// between does something once a file was read and before its run is recorded.
type between struct {
	sources.Importer
	do *func() error
}

func (b between) Import(ctx context.Context, r io.Reader, settings json.RawMessage, in *sources.Intake) error {
	if err := b.Importer.Import(ctx, r, settings, in); err != nil {
		return err
	}
	return (*b.do)()
}

// meddled is a reader that calls do in the middle.
func meddled(t *testing.T, do *func() error) *sources.Reader {
	t.Helper()
	r, err := sources.NewReader()
	if err != nil {
		t.Fatal(err)
	}
	r.Feed(0, between{ocsf.New(), do})
	return r
}

func deliver(t *testing.T, desk *op.Desk, r *sources.Reader, d sources.Delivery, data []byte) sources.Import {
	t.Helper()
	optest.Clock(desk).Advance(time.Hour)
	made, err := r.Deliver(t.Context(), desk, d, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestACancelledImportLeavesNothingAndIsReadFromTheKeptFile(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var made sources.Import
		stop := func() error {
			got := optest.Do(t, desk, sources.ImportCancel, sources.Ref{ID: string(made.ID)}) // while it runs
			if got.Status != sources.ImportCancelled || got.Cancelled != "cancelled by "+desk.Actor.Name || got.Reading != nil {
				t.Errorf("%+v", got)
			}
			return nil
		}
		r := meddled(t, &stop)
		made = deliver(t, desk, r, sources.Delivery{Name: "scan.json", Queue: true}, events(20, nil))
		if made.Status != sources.ImportReading || made.Reading == nil {
			t.Fatalf("%+v", made)
		}
		work(t, desk, r)
		j := optest.Do(t, desk, job.Show, job.Ref{ID: string(made.Job)})
		if all := optest.Do(t, desk, sources.List, op.None{}); j.State != job.Cancelled || len(all.Items) != 0 {
			t.Errorf("job %s, and %d sources stay", j.State, len(all.Items))
		}
		if _, err := sources.ImportCancel.Do(t.Context(), desk, sources.Ref{ID: string(made.ID)}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("cancelled twice: %v", err)
		}
		stop = func() error { return nil }
		again := optest.Do(t, desk, sources.ImportRetry, sources.Retry{ID: string(made.ID)})
		if again.Status != sources.ImportReading || again.Cancelled != "" || again.Job == made.Job {
			t.Errorf("%+v", again)
		}
		if _, err := sources.ImportRetry.Do(t.Context(), desk, sources.Retry{ID: string(made.ID)}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("in line twice: %v", err)
		}
		work(t, desk, r)
		got := optest.Do(t, desk, sources.ImportGet, sources.Ref{ID: string(made.ID)})
		if got.Status != sources.ImportTaken || got.Run == "" {
			t.Fatalf("%+v", got)
		}
		for _, err := range []error{
			second(sources.ImportRetry.Do(t.Context(), desk, sources.Retry{ID: string(made.ID)})),
			second(sources.ImportCancel.Do(t.Context(), desk, sources.Ref{ID: string(made.ID)})),
		} {
			if fault.KindOf(err) != fault.KindConflict {
				t.Errorf("after it was read: %v", err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// Where the source is known, that its file was not read is a gap of it, and what
// it showed before stays.
func TestACancelledImportIsAGapOfItsSource(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		nothing := func() error { return nil }
		r := meddled(t, &nothing)
		_, run, err := hand(t, desk, r, sources.Delivery{Name: "scan.json"}, events(5, nil))
		if err != nil {
			t.Fatal(err)
		}
		made := deliver(t, desk, r, sources.Delivery{Name: "next.json", Source: string(run.Source), Queue: true}, events(9, nil))
		optest.Do(t, desk, sources.ImportCancel, sources.Ref{ID: string(made.ID)}) // before it runs
		work(t, desk, r)
		s := optest.Do(t, desk, sources.Get, sources.Ref{ID: string(run.Source)})
		if s.Latest.Status != sources.RunCancelled || s.Latest.Error != "cancelled by "+desk.Actor.Name || s.Latest.Entry == 0 {
			t.Errorf("%+v", s.Latest)
		}
		if seen := optest.Do(t, desk, sources.Resources, sources.SeenFilter{Source: string(s.ID), Kind: "finding"}); seen.Total != 5 {
			t.Errorf("%d findings", seen.Total)
		}
	})
}

func TestAnImportWhoseJobFailedIsReadFromTheKeptFile(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		trip := func() error { return os.ErrDeadlineExceeded }
		r := meddled(t, &trip)
		made := deliver(t, desk, r, sources.Delivery{Name: "scan.json", Queue: true}, events(5, nil))
		for range 3 {
			work(t, desk, r)
			optest.Clock(desk).Advance(time.Hour)
		}
		got := optest.Do(t, desk, sources.ImportGet, sources.Ref{ID: string(made.ID)})
		if got.Status != sources.ImportFailed || got.Failed == "" {
			t.Fatalf("%+v", got)
		}
		if list := optest.Do(t, desk, sources.ImportList, sources.ImportFilter{}); list.Items[0].Status != sources.ImportFailed {
			t.Errorf("%+v", list.Items[0])
		}
		trip = func() error { return nil }
		optest.Do(t, desk, sources.ImportRetry, sources.Retry{ID: string(made.ID)})
		work(t, desk, r)
		if got = optest.Do(t, desk, sources.ImportGet, sources.Ref{ID: string(made.ID)}); got.Status != sources.ImportTaken {
			t.Errorf("%+v", got)
		}
	})
}

// A file that was refused for its rows is read without them; one whose bytes are
// gone is refused in words.
func TestARetryLeavesOutRowsAndNeedsTheBytes(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		defer sources.Small(64, 512)()
		nothing := func() error { return nil }
		r := meddled(t, &nothing)
		data := bytes.Replace(events(9, nil), []byte(`"severity_id":4`), []byte(`"severity_id":"high"`), 1)
		made := deliver(t, desk, r, sources.Delivery{Name: "scan.json", Queue: true}, data)
		work(t, desk, r)
		if got := optest.Do(t, desk, sources.ImportGet, sources.Ref{ID: string(made.ID)}); got.Status != sources.ImportRefused {
			t.Fatalf("%+v", got)
		}
		optest.Do(t, desk, sources.ImportRetry, sources.Retry{ID: string(made.ID), SkipBad: true})
		work(t, desk, r)
		got := optest.Do(t, desk, sources.ImportGet, sources.Ref{ID: string(made.ID)})
		if got.Status != sources.ImportTaken || !got.SkipBad || got.Refused != "" {
			t.Fatalf("%+v", got)
		}
		made = deliver(t, desk, r, sources.Delivery{Name: "other.json", Queue: true}, events(7, map[int]string{1: "MANUAL"}))
		optest.Do(t, desk, sources.ImportCancel, sources.Ref{ID: string(made.ID)})
		const drop = "DELETE FROM blob WHERE org_id = ? AND address <> (SELECT address FROM source_import WHERE org_id = ? AND id = ?)"
		if err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			_, err := tx.Exec(drop, desk.Org, desk.Org, made.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		_, err := sources.ImportRetry.Do(t.Context(), desk, sources.Retry{ID: string(made.ID)})
		if fault.KindOf(err) != fault.KindConflict || !strings.Contains(err.Error(), "The bytes of other.json are not kept any more") {
			t.Errorf("%v", err)
		}
	})
}
