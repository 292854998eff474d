package sample_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/sample"
)

var calendar = []sample.Cadence{sample.Annual, sample.SemiAnnual, sample.Quarterly, sample.Monthly, sample.SemiMonthly, sample.Weekly, sample.Daily}

func TestExpectedCounts(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     [7]int // in the order of calendar
	}{
		{"2026-01-01", "2026-12-31", [7]int{1, 2, 4, 12, 24, 52, 365}},
		{"2023-01-01", "2023-12-31", [7]int{1, 2, 4, 12, 24, 53, 365}},
		{"2024-01-01", "2024-12-31", [7]int{1, 2, 4, 12, 24, 52, 366}},
		{"2025-07-01", "2026-06-30", [7]int{1, 2, 4, 12, 24, 52, 365}},
		{"2026-02-01", "2026-04-30", [7]int{0, 0, 1, 3, 6, 13, 89}}, // scenario 4
		{"2026-01-01", "2026-03-31", [7]int{0, 0, 1, 3, 6, 13, 90}},
		{"2026-03-01", "2026-05-31", [7]int{0, 0, 1, 3, 6, 14, 92}},
		{"2026-03-17", "2026-03-17", [7]int{0, 0, 0, 0, 0, 0, 1}},
		{"2026-12-31", "2026-12-31", [7]int{1, 1, 1, 1, 1, 0, 1}},
	} {
		for i, cadence := range calendar {
			got, err := sample.Expected(cadence, c.from, c.to)
			if err != nil || len(got) != c.want[i] {
				t.Errorf("%s from %s to %s: %d, %v, want %d", cadence, c.from, c.to, len(got), err, c.want[i])
			}
		}
	}
}

func TestExpectedOccurrences(t *testing.T) {
	for _, c := range []struct {
		cadence  sample.Cadence
		from, to string
		want     []sample.Occurrence
	}{
		{sample.Annual, "2025-07-01", "2026-06-30", []sample.Occurrence{{"2025", "2025-01-01", "2025-12-31"}}},
		{sample.SemiAnnual, "2026-01-01", "2026-12-31", []sample.Occurrence{{"2026-H1", "2026-01-01", "2026-06-30"}, {"2026-H2", "2026-07-01", "2026-12-31"}}},
		{sample.Quarterly, "2026-02-01", "2026-04-30", []sample.Occurrence{{"2026-Q1", "2026-01-01", "2026-03-31"}}},
		{sample.Monthly, "2024-02-10", "2024-03-30", []sample.Occurrence{{"2024-02", "2024-02-01", "2024-02-29"}}},
		{sample.SemiMonthly, "2026-02-15", "2026-03-15", []sample.Occurrence{{"2026-02a", "2026-02-01", "2026-02-15"},
			{"2026-02b", "2026-02-16", "2026-02-28"}, {"2026-03a", "2026-03-01", "2026-03-15"}}},
		{sample.Weekly, "2026-02-01", "2026-02-08", []sample.Occurrence{{"2026-W05", "2026-01-26", "2026-02-01"}, {"2026-W06", "2026-02-02", "2026-02-08"}}},
		{sample.Weekly, "2026-12-28", "2027-01-03", []sample.Occurrence{{"2026-W53", "2026-12-28", "2027-01-03"}}},
		{sample.Daily, "2026-03-04", "2026-03-04", []sample.Occurrence{{"2026-03-04", "2026-03-04", "2026-03-04"}}},
	} {
		got, err := sample.Expected(c.cadence, c.from, c.to)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s from %s to %s:\ngot  %v, %v\nwant %v", c.cadence, c.from, c.to, got, err, c.want)
		}
	}
}

func TestExpectedRefuses(t *testing.T) {
	for _, c := range []struct {
		cadence        sample.Cadence
		from, to, want string
	}{
		{sample.Event, "2026-01-01", "2026-12-31", `for "event" the items come from where they happen`},
		{sample.ManyADay, "2026-01-01", "2026-12-31", "the calendar knows"},
		{sample.Automated, "2026-01-01", "2026-12-31", "the calendar knows"},
		{sample.Daily, "2026-12-31", "2026-01-01", "ends no earlier"},
		{sample.Daily, "2026-02-30", "2026-12-31", "exists"},
		{sample.Daily, "2026-01-01", "31.12.2026", "written as"},
		{sample.Daily, "0206-01-01", "2026-12-31", "at most 10 years"},
	} {
		_, err := sample.Expected(c.cadence, c.from, c.to)
		wants(t, err, c.want)
	}
}

// TestAdjoiningPeriodsShareNothing: two periods that adjoin expect what one over
// both would.
func TestAdjoiningPeriodsShareNothing(t *testing.T) {
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(calendar).Draw(t, "cadence")
		days := rapid.IntRange(0, 2000).Draw(t, "from")
		middle := days + rapid.IntRange(0, 800).Draw(t, "middle")
		last := middle + 1 + rapid.IntRange(0, 800).Draw(t, "to")
		date := func(n int) string { return at.AddDate(0, 0, n).Format(time.DateOnly) }
		expect := func(from, to int) []sample.Occurrence {
			got, err := sample.Expected(c, date(from), date(to))
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		whole := expect(days, last)
		if parts := append(expect(days, middle), expect(middle+1, last)...); !slices.Equal(whole, parts) {
			t.Fatalf("whole %v\nparts %v", whole, parts)
		}
		for i, o := range whole {
			if o.From > o.To || o.To < date(days) || o.To > date(last) || i > 0 && o.From <= whole[i-1].To {
				t.Fatalf("%+v overlaps another or ends outside", o)
			}
		}
	})
}

func TestLookBack(t *testing.T) {
	for _, c := range []struct {
		end, last string
		days      int
		within    bool
	}{
		{"2026-04-30", "2025-11-20", 161, true},
		{"2026-04-30", "2025-04-29", 366, false},
		{"2026-04-30", "2025-04-30", 365, true},
		{"2026-04-30", "2026-04-30", 0, true},
		{"2028-02-29", "2027-02-28", 366, true},
		{"2028-02-29", "2027-02-27", 367, false},
		{"2025-02-28", "2024-02-28", 366, true},
		{"2025-02-28", "2024-02-27", 367, false},
		{"2026-04-30", "1026-04-30", 365243, false},
	} {
		days, within, err := sample.LookBack(c.end, c.last)
		if err != nil || days != c.days || within != c.within {
			t.Errorf("%s to %s: %d %v %v, want %d %v", c.end, c.last, days, within, err, c.days, c.within)
		}
	}
	for _, c := range [][3]string{{"2026-04-30", "2026-05-01", "after its end"}, {"x", "2026-05-01", "written as"}, {"2026-04-30", "", "written as"}} {
		_, _, err := sample.LookBack(c[0], c[1])
		wants(t, err, c[2])
	}
}
