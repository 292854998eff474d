package site_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/site"
)

func drawnCalendar(t *testing.T, list []site.Interval) (site.CoverageView, string) {
	t.Helper()
	link := func(from, to time.Time) string {
		return "/coverage?control=ctl_06gvqlbqg1te70q5but0hhmlsc&from=" + from.Format(time.RFC3339) + "&to=" + to.Format(time.RFC3339)
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	v := site.NewCoverageLinked("x", from, from.AddDate(1, 0, 0), from.AddDate(1, 0, 0), list, link)
	var b bytes.Buffer
	if err := site.CoverageCalendar(v).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return v, b.String()
}

// TestAYearOfManyChangesStaysSmall has a change each half hour: a page must
// not grow with them, and the hours must stay exact.
func TestAYearOfManyChangesStaysSmall(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	statuses := []site.Status{site.StatusPass, site.StatusFail, site.StatusPass, site.StatusUnknown}
	var list []site.Interval
	for i, at := 0, from; at.Before(from.AddDate(1, 0, 0)); i, at = i+1, at.Add(30*time.Minute) {
		list = append(list, site.Interval{Status: statuses[i%4], From: at, To: at.Add(30 * time.Minute)})
	}
	_, html := drawnCalendar(t, list)
	if len(list) < 17_000 || len(html) > 200<<10 {
		t.Errorf("%d intervals are drawn in %d bytes", len(list), len(html))
	}
	for _, want := range []string{"4,380", "2,190", "66.6667", "drawn by the day", "from=2026-01-01T00:00:00Z&amp;to=2026-02-01T00:00:00Z"} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is not in the calendar", want)
		}
	}
	// The worst that is drawn one by one: as many as a month takes.
	list = nil
	for m := range 12 {
		start := from.AddDate(0, m, 0)
		for i := range 40 {
			list = append(list, site.Interval{Status: statuses[1+i%2*2], From: start.Add(time.Duration(i) * 16 * time.Hour), To: start.Add(time.Duration(i+1) * 16 * time.Hour), Label: "16 h"})
		}
	}
	if _, html := drawnCalendar(t, list); len(html) > 200<<10 {
		t.Errorf("%d intervals are drawn in %d bytes", len(list), len(html))
	}
}

func TestWhatNobodyLookedAtYetIsOutlinedAndUnknown(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	_, html := drawnCalendar(t, []site.Interval{{Status: site.StatusUnknown, From: from, To: from.AddDate(0, 0, 10), Blank: true}, {Status: site.StatusPass, From: from.AddDate(0, 0, 10), To: from.AddDate(1, 0, 0)}})
	if strings.Contains(html, "url(#tm-hatch)") || !strings.Contains(html, "tm-f-future") || !strings.Contains(html, "nobody looked until day 11 00:00") {
		t.Errorf("the days before the first record are drawn as if somebody had looked in vain")
	}
	if !strings.Contains(html, ">240<") {
		t.Error("the hours before the first record are not among the unknown ones")
	}
}

func TestStretchesLeadToWhatHappened(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	_, html := drawnCalendar(t, []site.Interval{{Status: site.StatusPass, From: from, To: from.AddDate(0, 0, 10)},
		{Status: site.StatusFail, From: from.AddDate(0, 0, 10), To: from.AddDate(0, 0, 12), Label: "48 h"}, {Status: site.StatusPass, From: from.AddDate(0, 0, 12), To: from.AddDate(1, 0, 0)}})
	if strings.Count(html, "<a href=") != 1 || !strings.Contains(html, "from=2026-01-11T00:00:00Z&amp;to=2026-01-13T00:00:00Z") || !strings.Contains(html, `aria-label="Fail, 48 h"`) {
		t.Errorf("links: %d", strings.Count(html, "<a href="))
	}
}
