package sources_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

func TestTheNextFileIsDueAtTheEndOfTheNextPeriod(t *testing.T) {
	berlin := clock.Zone("Europe/Berlin")
	for _, x := range []struct{ rhythm, last, due string }{
		{sources.ByDay, "2026-11-22 15:00", "2026-11-24"},
		{sources.ByDay, "2026-03-28 23:59", "2026-03-30"}, // the clocks go forward in between
		{sources.ByWeek, "2026-11-22 23:59", "2026-11-30"},
		{sources.ByWeek, "2026-11-23 00:00", "2026-12-07"},
		{sources.ByMonth, "2026-10-31 12:00", "2026-12-01"},
		{sources.ByMonth, "2026-12-31 12:00", "2027-02-01"},
		{sources.ByQuarter, "2026-08-15 12:00", "2027-01-01"},
		{sources.ByQuarter, "2026-12-31 23:59", "2027-04-01"},
	} {
		last, err := time.ParseInLocation("2006-01-02 15:04", x.last, berlin)
		if err != nil {
			t.Fatal(err)
		}
		if got := sources.Due(x.rhythm, last, berlin).In(berlin); got.Format("2006-01-02 15:04") != x.due+" 00:00" {
			t.Errorf("each %s, the last on %s: due %s, not %s", x.rhythm, x.last, got, x.due)
		}
	}
	if !sources.Due("", time.Now(), berlin).IsZero() {
		t.Error("due without a rhythm")
	}
}

func TestAFileThatDoesNotComeIsOverdue(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "ocsf", Name: "Scans", Expected: sources.ByMonth})
		if s.Expected != sources.ByMonth || s.Overdue || s.Due.IsZero() {
			t.Fatalf("%+v", s)
		}
		_, _, err := hand(t, desk, reader(t), sources.Delivery{Name: "scan.json", Source: string(s.ID)}, events(2, nil))
		if err != nil {
			t.Fatal(err)
		}
		ref := sources.Ref{ID: string(s.ID)}
		s = optest.Do(t, desk, sources.Get, ref)
		if want := sources.Due(sources.ByMonth, s.Health.Answered, time.UTC); !s.Due.Equal(want) || s.Overdue {
			t.Errorf("due %s, not %s; overdue %v", s.Due, want, s.Overdue)
		}
		optest.Clock(desk).Advance(s.Due.Sub(desk.Clock.Now()) - time.Millisecond)
		if optest.Do(t, desk, sources.Get, ref).Overdue {
			t.Error("overdue before its time")
		}
		optest.Clock(desk).Advance(time.Millisecond)
		if s = optest.Do(t, desk, sources.Get, ref); !s.Overdue {
			t.Errorf("not overdue: %+v", s)
		}
		s = optest.Do(t, desk, sources.Update, sources.Change{ID: string(s.ID), Version: s.Version, Expected: sources.ByQuarter})
		if s.Overdue || s.Expected != sources.ByQuarter {
			t.Errorf("%+v", s)
		}
		s = optest.Do(t, desk, sources.Update, sources.Change{ID: string(s.ID), Version: s.Version, Name: "Other"})
		if s.Expected != sources.ByQuarter {
			t.Error("left out, and forgotten")
		}
		s = optest.Do(t, desk, sources.Update, sources.Change{ID: string(s.ID), Version: s.Version, Expected: sources.Never})
		if s.Expected != "" || !s.Due.IsZero() {
			t.Errorf("%+v", s)
		}
		_, err = sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "git", Name: "Code", Path: "/nowhere", Expected: sources.ByDay})
		if err == nil || !strings.Contains(err.Error(), "is for sources that files feed") {
			t.Errorf("%v", err)
		}
	})
}
