package job

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
)

// A DayTime is a time of each day, or of one day of the week, by the clock on
// an organization's wall.
type DayTime struct {
	At      string // hh:mm
	Weekday string // such as monday; empty for every day
}

// Weekdays as they are spelt, in the order of time.Weekday.
var Weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// IsZero reports whether nothing is said.
func (d DayTime) IsZero() bool { return d.At == "" }

// Check refuses what is no time of day.
func (d DayTime) Check() error {
	if _, err := time.Parse("15:04", d.At); err != nil || len(d.At) != 5 {
		return fault.Invalid("at", "give a time of day such as 06:30")
	}
	if d.Weekday != "" && !slices.Contains(Weekdays, d.Weekday) {
		return fault.Invalid("weekday", "give one of %s", strings.Join(Weekdays, ", "))
	}
	return nil
}

func (d DayTime) every() time.Duration {
	if d.Weekday != "" {
		return 7 * 24 * time.Hour
	}
	return 24 * time.Hour
}

// After is the first such time after t. Where the clocks are put forward over
// it, it is as much later as they are; where they are put back over it, it
// comes once.
func (d DayTime) After(t time.Time, zone string) time.Time {
	loc := clock.Zone(zone)
	at, err := time.Parse("15:04", d.At)
	if err != nil {
		return t.Add(d.every())
	}
	local := t.In(loc)
	for day := range 9 { // a week, and one more day on either side
		next := time.Date(local.Year(), local.Month(), local.Day()+day, at.Hour(), at.Minute(), 0, 0, loc)
		if next.After(t) && (d.Weekday == "" || Weekdays[next.Weekday()] == d.Weekday) {
			return next.UTC()
		}
	}
	return t.Add(d.every())
}
