package site

import (
	"net/url"
	"time"
)

// YearsView chooses which twelve months a calendar shows.
type YearsView struct {
	Path  string     // of the page
	Query url.Values // what else the address says; it stays
	From  time.Time  // first month shown
	First time.Time  // first month there is a record of; zero if none
	Now   time.Time
	Hash  string // of the card: "coverage"
}

// monthForm is a month in an address.
const monthForm = "2006-01"

// ChosenMonths reads which twelve months an address asks for. The value is
// what a month field of a browser sends.
func ChosenMonths(value string) (from time.Time, ok bool) {
	t, err := time.Parse(monthForm, value)
	if err != nil || t.Year() < 2000 || t.Year() > 2200 {
		return time.Time{}, false
	}
	return t.UTC(), true
}

func (v YearsView) at(from time.Time) string {
	q := url.Values{}
	for k, x := range v.Query {
		q[k] = x
	}
	q.Set("months", from.Format(monthForm))
	to := v.Path + "?" + q.Encode()
	if v.Hash != "" {
		to += "#" + v.Hash
	}
	return to
}

func (v YearsView) older() string {
	if v.First.IsZero() || !v.First.Before(v.From) {
		return ""
	}
	return v.at(v.From.AddDate(-1, 0, 0))
}

func (v YearsView) newer() string {
	next := v.From.AddDate(1, 0, 0)
	if next.After(v.Now) {
		return ""
	}
	return v.at(next)
}

func (v YearsView) said() string {
	last := v.From.AddDate(0, 11, 0)
	if v.From.Month() == time.January {
		return v.From.Format("2006")
	}
	return v.From.Format("January 2006") + " to " + last.Format("January 2006")
}

// StretchHref is the page of what happened in a stretch of time: check or
// control, source and key as coverage.explain takes them.
func StretchHref(q url.Values) func(from, to time.Time) string {
	return func(from, to time.Time) string {
		x := url.Values{}
		for k, v := range q {
			x[k] = v
		}
		x.Set("from", from.UTC().Format(time.RFC3339Nano))
		x.Set("to", to.UTC().Format(time.RFC3339Nano))
		return "/coverage?" + x.Encode()
	}
}
