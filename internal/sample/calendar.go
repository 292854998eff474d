package sample

import (
	"fmt"
	"time"
)

// An Occurrence is one time that a scheduled control should have operated. From
// and To are civil dates and both part of it.
type Occurrence struct {
	Label string // 2026, 2026-H1, 2026-Q1, 2026-03, 2026-03a, 2026-W05 or 2026-03-04
	From  string
	To    string
}

// maxYears bounds a period, so that a mistyped year does not fill the memory.
const maxYears = 10

// Expected lists the occurrences of a scheduled control in a period.
//
// An occurrence belongs to the period in which it ends, since only then is it
// known whether the control operated. So each belongs to exactly one of several
// adjoining periods, every 12 months hold one year, two halves and four
// quarters, and a short period may hold none. What belongs to the period may
// have begun before it, and been performed before it.
//
// Weeks are those of ISO 8601, Monday to Sunday. Half months end on the 15th
// (a) and on the last day (b). Days are calendar days: which of them are
// working days is not in the calendar.
func Expected(c Cadence, from, to string) ([]Occurrence, error) {
	first, last, err := span(from, to)
	if err != nil {
		return nil, err
	}
	if !last.Before(first.AddDate(maxYears, 0, 0)) {
		return nil, fmt.Errorf("a period is at most %d years long; this starts on %s and ends on %s", maxYears, from, to)
	}
	around, ok := spans[c]
	if !ok {
		return nil, fmt.Errorf("the calendar knows annual, semi-annual, quarterly, monthly, semi-monthly, weekly and daily controls; for %s the items come from where they happen", quote(string(c)))
	}
	var out []Occurrence
	for d := first; ; {
		label, start, end := around(d)
		if end.After(last) {
			return out, nil
		}
		out = append(out, Occurrence{Label: label, From: start.Format(time.DateOnly), To: end.Format(time.DateOnly)})
		d = end.AddDate(0, 0, 1)
	}
}

// spans finds the occurrence that a day lies in.
var spans = map[Cadence]func(d time.Time) (label string, start, end time.Time){
	Annual: func(d time.Time) (string, time.Time, time.Time) {
		return months(d, 12, func(int) string { return d.Format("2006") })
	},
	SemiAnnual: func(d time.Time) (string, time.Time, time.Time) {
		return months(d, 6, func(i int) string { return fmt.Sprintf("%s-H%d", d.Format("2006"), i) })
	},
	Quarterly: func(d time.Time) (string, time.Time, time.Time) {
		return months(d, 3, func(i int) string { return fmt.Sprintf("%s-Q%d", d.Format("2006"), i) })
	},
	Monthly: func(d time.Time) (string, time.Time, time.Time) {
		return months(d, 1, func(int) string { return d.Format("2006-01") })
	},
	SemiMonthly: func(d time.Time) (string, time.Time, time.Time) {
		month, start, end := months(d, 1, func(int) string { return d.Format("2006-01") })
		if middle := start.AddDate(0, 0, 14); !d.After(middle) {
			return month + "a", start, middle
		}
		return month + "b", start.AddDate(0, 0, 15), end
	},
	Weekly: func(d time.Time) (string, time.Time, time.Time) {
		year, week := d.ISOWeek()
		start := d.AddDate(0, 0, -((int(d.Weekday()) + 6) % 7))
		return fmt.Sprintf("%04d-W%02d", year, week), start, start.AddDate(0, 0, 6)
	},
	Daily: func(d time.Time) (string, time.Time, time.Time) { return d.Format(time.DateOnly), d, d },
}

// months is the part of the year, of so many months, that a day lies in. name
// is given which part it is, from 1.
func months(d time.Time, size int, name func(int) string) (label string, start, end time.Time) {
	part := (int(d.Month()) - 1) / size
	start = time.Date(d.Year(), time.Month(part*size+1), 1, 0, 0, 0, 0, time.UTC)
	return name(part + 1), start, start.AddDate(0, size, -1)
}

// LookBack says how long before the end of a period a control last operated,
// and whether that is within the 12 months before it. The same day a year
// earlier still is: from 2026-04-30 they reach back to 2025-04-30. From 29
// February they reach back to the 28th.
func LookBack(periodEnd, last string) (days int, within bool, err error) {
	end, err := day(periodEnd)
	if err != nil {
		return 0, false, err
	}
	at, err := day(last)
	if err != nil {
		return 0, false, err
	}
	if at.After(end) {
		return 0, false, fmt.Errorf("what is looked back at lies in or before the period; %s is after its end, %s", last, periodEnd)
	}
	earliest := end.AddDate(-1, 0, 0)
	if earliest.Day() != end.Day() {
		earliest = earliest.AddDate(0, 0, -1)
	}
	return int((end.Unix() - at.Unix()) / (24 * 60 * 60)), !at.Before(earliest), nil
}
