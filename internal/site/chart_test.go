package site_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/site"
)

func at(m time.Month, d, h int) time.Time { return time.Date(2026, m, d, h, 0, 0, 0, time.UTC) }

// The half-year of the domain's worked fixture: two failures of 10 h and 26 h,
// one outage of 48 h, 4,344 h in all.
func halfYear() []site.Interval {
	return []site.Interval{
		{Status: site.StatusPass, From: at(1, 1, 0), To: at(3, 11, 3)},
		{Status: site.StatusFail, From: at(3, 11, 3), To: at(3, 11, 13), Label: "10 h", Href: "/i/2"},
		{Status: site.StatusPass, From: at(3, 11, 13), To: at(4, 3, 6)},
		{Status: site.StatusUnknown, From: at(4, 3, 6), To: at(4, 5, 6), Label: "48 h", Href: "/i/4"},
		{Status: site.StatusPass, From: at(4, 5, 6), To: at(5, 22, 8)},
		{Status: site.StatusFail, From: at(5, 22, 8), To: at(5, 23, 10), Label: "26 h", Href: "/i/6"},
		{Status: site.StatusPass, From: at(5, 23, 10), To: at(7, 1, 0)},
	}
}

func TestTheCoverageCalendarAddsUp(t *testing.T) {
	v := site.NewCoverage("IAM-03", at(1, 1, 0), at(7, 1, 0), at(12, 1, 0), halfYear())
	p := render(t, site.CoverageCalendar(v))
	p.count("tbody tr", 6)
	p.says("tfoot tr", "4,260 36 48 99.1620")
	var months []string
	for _, tr := range p.all("tbody tr") {
		months = append(months, words(tr))
	}
	if !strings.HasSuffix(months[2], "734 10 – 98.6559") || !strings.HasSuffix(months[3], "672 – 48 100.0000") {
		t.Errorf("March %q, April %q", months[2], months[3])
	}
}

func TestWhatNoIntervalCoversIsUnknown(t *testing.T) {
	v := site.NewCoverage("x", at(1, 1, 0), at(2, 1, 0), at(2, 1, 0), []site.Interval{{Status: site.StatusPass, From: at(1, 2, 0), To: at(1, 31, 0)}})
	render(t, site.CoverageCalendar(v)).says("tfoot tr", "696 – 48 100.0000")
}

func TestNothingIsSaidOfTheFuture(t *testing.T) {
	v := site.NewCoverage("x", at(1, 1, 0), at(4, 1, 0), at(2, 10, 12), []site.Interval{{Status: site.StatusPass, From: at(1, 1, 0), To: at(12, 1, 0)}})
	p := render(t, site.CoverageCalendar(v))
	p.says("tfoot tr", "972 – – 100.0000")
	rows := p.all("tbody tr")
	if !strings.HasSuffix(words(rows[2]), "· · · ·") {
		t.Errorf("March says %q", words(rows[2]))
	}
}

func TestExceptedHoursCountInNeitherPassNorFail(t *testing.T) {
	v := site.NewCoverage("x", at(8, 1, 0), at(9, 1, 0), at(9, 1, 0), []site.Interval{
		{Status: site.StatusPass, From: at(8, 1, 0), To: at(8, 12, 0)}, {Status: site.StatusExcepted, From: at(8, 12, 0), To: at(8, 15, 0)},
		{Status: site.StatusPass, From: at(8, 15, 0), To: at(9, 1, 0)},
	})
	render(t, site.CoverageCalendar(v)).says("tfoot tr", "Excepted hours (72) count in coverage, never in uptime. 672 – – 100.0000")
}

func TestACalendarSaysInWordsWhatItDraws(t *testing.T) {
	v := site.NewCoverage("x", at(1, 1, 0), at(7, 1, 0), at(7, 1, 0), halfYear())
	p := render(t, site.CoverageCalendar(v))
	bars := p.all("tbody svg[aria-label]")
	if got := attr(bars[0], "aria-label"); got != "January 2026: pass throughout" {
		t.Errorf("%q", got)
	}
	found := false
	for _, b := range bars {
		found = found || attr(b, "aria-label") == "March 2026; Fail from day 11 03:00 to day 11 13:00"
	}
	if !found {
		t.Error("the failure of March is only drawn")
	}
}

func TestTheMeterDrawsToScale(t *testing.T) {
	p := render(t, site.Meter(site.MeterView{Pass: 75, Fail: 20, Unknown: 5, PassHref: "/p", FailHref: "/f", UnknownHref: "/u"}))
	parts := p.all("svg.tm-chart svg")
	if len(parts) != 3 || attr(parts[0], "width") != "75.000%" || attr(parts[1], "x") != "75.000%" || attr(parts[2], "width") != "5.000%" {
		t.Errorf("%d parts", len(parts))
	}
	p.says(".tm-meter-words", "75 pass 20 fail 5 unknown")
	render(t, site.Meter(site.MeterView{})).count("svg.tm-chart svg", 0)
}

func TestReadinessShowsNothingAsReadyThatIsUnknown(t *testing.T) {
	v := site.ReadinessView{Title: "Ready", Scope: 38, Months: []site.ReadyMonth{{Label: "O", Ready: 33, Unknown: 1}, {Label: "N", Ready: 31, Unknown: 2}}}
	p := render(t, site.Readiness(v))
	p.says("desc", "31 of 38 criteria ready and 2 unknown at the end; 2 months shown.")
	p.says(".tm-t-unknown", "2 unknown")
	rows := render(t, site.Table(site.ReadinessTable(v)))
	if got := words(rows.all("tbody tr")[1]); got != "N 31 2 5" {
		t.Errorf("table row %q", got)
	}
	render(t, site.Readiness(site.ReadinessView{})).count("rect", 0)
}

func TestThePeriodLineKnowsItsDay(t *testing.T) {
	v := site.PeriodView{Title: "Period", From: at(1, 1, 0), To: at(12, 31, 0).AddDate(0, 0, 1), Now: at(11, 18, 9),
		Weeks:    []site.PeriodWeek{{Start: at(1, 1, 0), Count: 10}, {Start: at(1, 8, 0)}},
		Failures: []site.Interval{{From: at(3, 11, 3), To: at(3, 11, 13), Label: "10 h"}},
		Events:   []site.PeriodEvent{{At: at(12, 30, 0), Status: site.StatusNotStarted, Text: "Q4 access review due", Href: "/e"}}}
	p := render(t, site.PeriodLine(v))
	p.says(".tm-t-pen", "Today, day 322 of 365")
	p.count("rect.tm-f-fail", 1)
	p.count(".tm-period-events a", 1)
	v.Now = at(12, 31, 0).AddDate(0, 1, 0)
	render(t, site.PeriodLine(v)).count(".tm-t-pen", 0)
}
