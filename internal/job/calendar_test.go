package job_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/job"
)

func TestTheClockOnTheWall(t *testing.T) {
	for name, c := range map[string]struct {
		day  job.DayTime
		from string
		want []string
	}{
		"daily":           {job.DayTime{At: "06:30"}, "2026-11-21T05:30:00Z", []string{"2026-11-22T05:30:00Z", "2026-11-23T05:30:00Z"}},
		"weekly":          {job.DayTime{At: "06:30", Weekday: "monday"}, "2026-11-21T09:00:00Z", []string{"2026-11-23T05:30:00Z", "2026-11-30T05:30:00Z"}},
		"clocks go ahead": {job.DayTime{At: "02:30"}, "2026-03-28T03:00:00Z", []string{"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}},
		"clocks go back":  {job.DayTime{At: "02:30"}, "2026-10-24T03:00:00Z", []string{"2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"}},
	} {
		at, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			at = c.day.After(at, "Europe/Berlin")
			if got := at.Format(time.RFC3339); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
}
