package backup_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

func newest(t *testing.T, desk *op.Desk) (out backup.Latest) {
	t.Helper()
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) (err error) {
		out, err = backup.Newest(tx, desk.Org)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Each organization, firms too, reads of its own share in its own log, and of
// nothing else.
func TestEachOrganizationIsToldOfItsOwn(t *testing.T) {
	for _, k := range []kind{lite, pg} {
		t.Run(k.name, func(t *testing.T) {
			h := settle(t, k, 3)
			submit(t, h.desks[1], "one more of the second")
			firm := &op.Desk{Engine: h.Engine, Actor: auth.Actor{Name: "command line", Via: "cli"}}
			made, err := orgs.Found.Do(t.Context(), firm, orgs.Founding{Kind: orgs.Firm,
				Creation: orgs.Creation{Organization: "A Firm", Name: "A Partner", Email: "partner@firm.example"}})
			if err != nil {
				t.Fatal(err)
			}
			firm = &op.Desk{Engine: h.Engine, Org: made.Org, Actor: h.sit(t, made.Org, made.User)}
			if l := newest(t, h.desks[0]); l.Backup != nil || l.Drill != nil {
				t.Errorf("before any: %+v", l)
			}

			_, b := h.files(t)
			later := optest.Start.Add(time.Minute)
			optest.Clock(h.desks[0]).Advance(time.Minute)
			if err := backup.Record(t.Context(), h.Engine, b.Result(later)); err != nil {
				t.Fatal(err)
			}
			for i, want := range []struct {
				desk  *op.Desk
				blobs int64
			}{{h.desks[0], 3}, {h.desks[1], 4}, {firm, 0}} {
				l := newest(t, want.desk)
				if l.Backup == nil || l.Drill != nil {
					t.Fatalf("%d: %+v", i, l)
				}
				r := l.Backup
				if r.Blobs != want.blobs || r.Entries == 0 || (r.Size > 0) != (want.blobs > 0) || r.Outcome != backup.OK ||
					!r.Taken.Equal(optest.Start) || !r.Finished.Equal(later) || r.SHA256 != b.Main.SHA256 {
					t.Errorf("%d: %+v", i, r)
				}
				e, err := evidence.EntryGet.Do(t.Context(), want.desk, evidence.EntryRef{ID: r.Entry})
				if err != nil || e.Body["sha256"] != r.SHA256 || e.Body["id"] != string(r.ID) || e.Body["op"] != "backups.record" {
					t.Errorf("%d: its entry says %+v, %v", i, e, err)
				}
				list, err := backup.List.Do(t.Context(), want.desk, backup.Listing{})
				if err != nil || list.Total != 1 || !cmp.Equal(list.Items, []backup.Run{*r}) {
					t.Errorf("%d: listed %+v, %v", i, list, err)
				}
			}
		})
	}
}

func TestBackupsAreListedNewestFirst(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for i := range 5 {
			kind := backup.Backup
			if i%2 == 1 {
				kind = backup.Drill
			}
			optest.Clock(desk).Advance(time.Hour)
			at := desk.Clock.Now()
			if err := backup.Record(t.Context(), desk.Engine, backup.Result{Kind: kind, Outcome: backup.OK, Taken: at, Started: at, Finished: at}); err != nil {
				t.Fatal(err)
			}
		}
		var hours []int
		after := ""
		for {
			p, err := backup.List.Do(t.Context(), desk, backup.Listing{After: after, Limit: 2})
			if err != nil || p.Total != 5 {
				t.Fatal(p.Total, err)
			}
			for _, r := range p.Items {
				hours = append(hours, int(r.Taken.Sub(optest.Start).Hours()))
			}
			if after = p.Next; after == "" {
				break
			}
		}
		if !cmp.Equal(hours, []int{5, 4, 3, 2, 1}) {
			t.Errorf("listed %v", hours)
		}
		l := newest(t, desk)
		if l.Backup.Taken.Sub(optest.Start) != 5*time.Hour || l.Drill.Taken.Sub(optest.Start) != 4*time.Hour {
			t.Errorf("newest: %+v, %+v", l.Backup, l.Drill)
		}
		if _, err := backup.List.Do(t.Context(), desk, backup.Listing{After: "x"}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("a cursor of nobody's: %v", err)
		}
		employee := optest.Member(t, desk, auth.Employee)
		if _, err := backup.List.Do(t.Context(), employee, backup.Listing{}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("without the right to read the log: %v", err)
		}
	})
}

// A drill shows what a restore would, and leaves nothing behind.
func TestDrill(t *testing.T) {
	h := settle(t, pgOrLite(t), 3)
	from, _ := h.files(t)
	try := func(from backup.Source) backup.Result {
		t.Helper()
		r, err := backup.TryOut(t.Context(), from, h.root, h.Clock, log(t), nil)
		return backup.DrillResult(r, h.Clock.Now(), h.Clock.Now(), err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	if r := try(from); r.Outcome != backup.OK || r.Problem != "" || len(r.Logs) != 2 || r.Logs[0].Entries == 0 || r.Logs[0].Blobs != 3 {
		t.Errorf("a sound backup: %+v", r)
	}
	if r := try(backup.Source{Main: from.Main}); r.Outcome != backup.Incomplete || !strings.Contains(r.Problem, "second file") {
		t.Errorf("without the second file: %+v", r)
	}
	data := read(t, from.Main)
	bad := from
	bad.Main = write(t, "bad", data[:len(data)/2])
	if r := try(bad); r.Outcome != backup.Failed || strings.Contains(r.Problem, "org_") {
		t.Errorf("half a file: %+v", r)
	}
	left := entries(t)
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
