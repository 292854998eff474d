package site_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/site"
)

func TestPercent4KeepsFourDecimalsAndNeverRoundsUpToTheWhole(t *testing.T) {
	for _, c := range []struct {
		part, whole int64
		want        string
	}{
		{4260, 4296, "99.1620 %"}, {4296, 4344, "98.8950 %"}, {4260, 4344, "98.0663 %"}, {718, 744, "96.5054 %"},
		{5, 5, "100.0000 %"}, {9_999_999, 10_000_000, "99.9999 %"}, {0, 7, "0.0000 %"}, {0, 0, "–"},
		{1 << 52, 1<<52 + 1<<50, "80.0000 %"},
	} {
		if got := site.Percent4(c.part, c.whole); got != c.want {
			t.Errorf("Percent4(%d, %d) = %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}

func TestAgeKeepsTheAbsoluteTimeAtHand(t *testing.T) {
	at := time.Date(2026, 11, 18, 8, 59, 59, 0, time.UTC)
	n := render(t, site.Age(at, at.Add(time.Second))).one("time")
	if words(n) != "1 s ago" || attr(n, "datetime") != "2026-11-18T08:59:59.000Z" || attr(n, "title") != "18 Nov 2026, 08:59 UTC" {
		t.Errorf("%q datetime=%q title=%q", words(n), attr(n, "datetime"), attr(n, "title"))
	}
}

func TestAgoUsesOneUnit(t *testing.T) {
	now := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		time.Second: "1 s ago", 11 * time.Minute: "11 min ago", 3 * time.Hour: "3 h ago", 47 * time.Hour: "47 h ago", 72 * time.Hour: "3 d ago",
		-time.Hour: "18 Nov 2026, 10:00 UTC",
	} {
		if got := site.Ago(now.Add(-d), now); got != want {
			t.Errorf("Ago(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestDatesAreWrittenTheSameEverywhere(t *testing.T) {
	at := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
	for got, want := range map[string]string{
		site.Date(at): "18 Nov 2026", site.DateTime(at): "18 Nov 2026, 09:00 UTC",
		site.LongDate(at): "Wednesday 18 November 2026", site.DayMonth(at): "18 Nov",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestInitialsAndParts(t *testing.T) {
	for got, want := range map[string]string{
		site.Initials("Mei-Lin Park"): "MP", site.Initials("Larchmere"): "L", site.Initials("Élodie von Ahn"): "ÉA", site.Initials(""): "–", site.Of(5, 8): "5/8",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
