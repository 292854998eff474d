package site

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
)

// AsOf is the instant that the page is asked to speak of: the end of the day
// in its address, by the organization's clock. Zero is now.
func (v *Visit) AsOf() (time.Time, error) {
	s := v.Query("as_of")
	if s == "" {
		return time.Time{}, nil
	}
	org, err := orgs.Get.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return time.Time{}, err
	}
	zone := clock.Zone(org.Zone)
	day, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err != nil {
		return time.Time{}, fault.Invalid("as_of", "give a day as 2026-06-30")
	}
	end := day.AddDate(0, 0, 1).Add(-time.Millisecond).UTC()
	now := v.Clock.Now()
	switch {
	case day.After(now):
		return time.Time{}, fault.Invalid("as_of", "%s has not come yet: give a day that has passed", day.Format("2 January 2006"))
	case !end.Before(now):
		return time.Time{}, nil // today
	case end.Before(org.Created):
		return time.Time{}, fault.Invalid("as_of", "nothing was recorded by %s: the record begins on %s", day.Format("2 January 2006"), org.Created.In(zone).Format("2 January 2006"))
	}
	return end, nil
}

// moved puts the control of time on a page that can be moved, and on one that
// was moved the band that says so. Its links lead to the same day.
func (v *Visit) moved(s *Shell, org orgs.Org) {
	zone := clock.Zone(org.Zone)
	s.AsOf = AsOf{Max: v.Clock.Now().In(zone).Format(time.DateOnly), Path: v.R.URL.Path}
	q := v.R.URL.Query()
	q.Del("as_of")
	q.Del("after") // where one stood in a list of another day means nothing
	for _, k := range sortedKeys(q) {
		s.AsOf.Keep = append(s.AsOf.Keep, KV{k, q.Get(k)})
	}
	if s.At.IsZero() {
		return
	}
	day := s.At.In(zone)
	q.Set("as_of", "")
	s.AsOf.Label, s.AsOf.Value, s.AsOf.Now = day.Format("2 January 2006"), day.Format(time.DateOnly), v.R.URL.Path+"?"+q.Encode()
	v.day = s.AsOf.Value
	if s.Band.Kind == BandBroken {
		return
	}
	text := "What had been recorded by the end of that day. Nothing can be done here in the past."
	if s.Band.Kind == BandDemo {
		text = s.Band.Title + " " + text
	}
	s.Band = Band{Kind: BandNotNow, Title: "As of " + s.AsOf.Label + ".", Text: text, Link: Link{"Back to now", s.AsOf.Now}}
}

func sortedKeys(q url.Values) []string {
	var out []string
	for pair := range strings.SplitSeq(q.Encode(), "&") {
		k, _, _ := strings.Cut(pair, "=")
		if k, err := url.QueryUnescape(k); err == nil && k != "" && (len(out) == 0 || out[len(out)-1] != k) {
			out = append(out, k)
		}
	}
	return out
}

// movable finds links to the pages that can be moved through time.
var movable = regexp.MustCompile(`href="(/|/criteria|/criteria/[^"/?#]+|/controls|/controls/[^"/?#]+|/checks|/checks/[^"/?#]+)(\?[^"#]*)?(#[^"]*)?"`)

// unmoved are addresses below those that are not about a time.
var unmoved = map[string]bool{"/controls/new": true, "/controls/library": true, "/checks/new": true, "/checks/import": true, "/checks/export": true}

// keepDay has the links of a page that was moved lead to the same day.
func keepDay(page []byte, day string) []byte {
	return movable.ReplaceAllFunc(page, func(link []byte) []byte {
		m := movable.FindSubmatch(link)
		path, query, mark := string(m[1]), string(m[2]), string(m[3])
		if unmoved[path] || strings.Contains(query, "as_of=") {
			return link
		}
		if query == "" {
			query = "?as_of=" + day
		} else {
			query += "&amp;as_of=" + day
		}
		return []byte(`href="` + path + query + mark + `"`)
	})
}
