package checks

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Period asks how something held over a time.
type Period struct {
	Check   string    `json:"check,omitempty" doc:"A check's id."`
	Control string    `json:"control,omitempty" doc:"Or an adopted control's id or code: all its checks together."`
	Source  string    `json:"source,omitempty" doc:"With a check: only what one source shows."`
	Key     string    `json:"key,omitempty" maxLength:"500" doc:"With a check and a source: only one resource."`
	From    time.Time `json:"from" doc:"Start of the period."`
	To      time.Time `json:"to" doc:"End of the period, not included; now, if it lies in the future."`
}

// Held is how a check or a control held over a period.
type Held struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Spans   []Span    `json:"spans"`
	Metrics Metrics   `json:"-"`
	// The metrics in words: percentages with four decimals, durations in ms.
	Uptime    string `json:"uptime"`
	Coverage  string `json:"coverage"`
	WorstCase string `json:"worst_case"`
	Drifts    int    `json:"drift_events"`
	MTTR      int64  `json:"mttr_ms"`
	Open      int    `json:"open_failures"`
}

func coverage(c *op.Call, in Period) (Held, error) {
	p, err := in.settle(c)
	if err != nil {
		return Held{}, err
	}
	tracks, err := p.tracks(c)
	if err != nil {
		return Held{}, err
	}
	h := Held{From: p.From, To: p.To, Spans: CombineTimelines(tracks, p.From, p.To)}
	if len(h.Spans) > 0 && h.Spans[0].Status == Unknown && h.Spans[0].Cause == causeNoCheck {
		h.Spans[0].Cause = causeNever
	}
	h.Metrics = Measure(h.Spans, p.From, p.To, Background{})
	m := h.Metrics
	h.Uptime, h.Coverage, h.WorstCase = m.Uptime().Percent(), m.Coverage().Percent(), m.WorstCase().Percent()
	mean, _ := m.MTTR.Value()
	h.Drifts, h.MTTR, h.Open = m.DriftEvents(), mean.Milliseconds(), len(m.Open)
	return h, nil
}

// asked is a period whose check or control has been found.
type asked struct {
	Period
	code  string
	lives []life // of the checks it is about
}

// A life is a version of a check with the time it was in force: what it said
// then stays, whatever became of the check since.
type life struct {
	check     string
	kind      string
	title     string
	from, to  int64 // to is open while in force
	first     bool  // of its versions
	controls  []string
	mandatory bool
	freshness time.Duration
}

func (in Period) settle(c *op.Call) (asked, error) {
	p := asked{Period: in}
	if (in.Check == "") == (in.Control == "") {
		return p, fault.Invalid("check", "give a check or a control")
	}
	if in.Control != "" && in.Source+in.Key != "" || in.Key != "" && in.Source == "" {
		return p, fault.Invalid("key", "a resource is asked for with its check and its source")
	}
	if p.To.After(c.Now) {
		p.To = c.Now
	}
	if !p.To.After(p.From) {
		return p, fault.Invalid("to", "the period ends before it starts, or has not begun")
	}
	if in.Control != "" {
		x, err := controls.Get.Call(c, controls.Ref{ID: in.Control})
		if err != nil {
			return p, err
		}
		p.code = x.Code
	}
	all, err := lives(c)
	if err != nil {
		return p, err
	}
	for _, l := range all {
		if l.check == in.Check || in.Check == "" && slices.Contains(l.controls, p.code) {
			p.lives = append(p.lives, l)
		}
	}
	if in.Check != "" && len(p.lives) == 0 {
		if _, _, _, err := known(c, in.Check); err != nil {
			return p, err
		}
	}
	return p, nil
}

// lives are all versions that were ever in force.
func lives(c *op.Call) ([]life, error) {
	var out []life
	err := c.Tx.Each(selectEver, []any{c.Org}, func(scan func(...any) error) error {
		var (
			l    life
			own  bool
			body string
		)
		if err := scan(&l.check, &own, &body, &l.from, &l.to); err != nil {
			return err
		}
		if l.to == 0 {
			l.to = open
		}
		l.first = len(out) == 0 || out[len(out)-1].check != l.check
		if err := l.read(body); err != nil {
			return err
		}
		out = append(out, l)
		return nil
	})
	return out, err
}

// read takes what matters from a version. Those of the program are kept as
// JSON, which is read faster than YAML.
func (l *life) read(body string) error {
	if strings.HasPrefix(body, "{") {
		var d struct {
			Kind, Title, Freshness string
			Controls               []string
			Mandatory              bool
		}
		if err := json.Unmarshal([]byte(body), &d); err != nil {
			return err
		}
		l.kind, l.title, l.controls, l.mandatory = d.Kind, d.Title, d.Controls, d.Mandatory
		var err error
		l.freshness, err = time.ParseDuration(d.Freshness)
		return err
	}
	defs, err := Parse("version", []byte(body))
	if err == nil && len(defs) != 1 {
		err = errors.New("a version is not one check")
	}
	if err != nil {
		return err
	}
	d := defs[0]
	l.kind, l.title, l.controls, l.mandatory, l.freshness = d.Kind, d.Title, d.Controls, d.Mandatory, time.Duration(d.Freshness)
	return nil
}

const (
	// The sources come first, so that their intervals are found by key and not
	// among those of all resources.
	selectHistory = `SELECT i.source_id, i.status, i.class, i.reason, i.starts, i.ends, s.removed FROM source s
		CROSS JOIN check_interval i WHERE s.org_id = ? AND i.org_id = s.org_id AND i.source_id = s.id
		AND i.check_id = ? AND i.key = ? ORDER BY i.source_id, i.starts`
	selectRunEnds = `SELECT at FROM check_result WHERE org_id = ? AND check_id = ? AND source_id = ? ORDER BY at`
	selectFailing = `SELECT source_id, key, starts, ends FROM check_interval
		WHERE org_id = ? AND check_id = ? AND status = 'fail' AND ends > ? AND starts < ? AND key <> '' LIMIT ?`
)

// mostFailing is among how many failures of single resources the calendar
// looks for those that exceptions cover.
const mostFailing = 20_000

// tracks are the timelines of the checks, one for each version and source.
func (p asked) tracks(c *op.Call) ([]Track, error) {
	var out []Track
	for i := 0; i < len(p.lives); {
		n := i + 1
		for n < len(p.lives) && p.lives[n].check == p.lives[i].check {
			n++
		}
		more, err := p.tracksOf(c, p.lives[i:n])
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
		i = n
	}
	return out, nil
}

// past is the history of one source under a check.
type past struct {
	source  id.Source
	removed int64
	History
}

// tracksOf is the timeline of a check about each source that has shown it,
// each version for the time it was in force.
func (p asked) tracksOf(c *op.Call, versions []life) ([]Track, error) {
	check := versions[0].check
	list, err := p.pasts(c, check)
	if err != nil {
		return nil, err
	}
	if err := p.waive(c, check, list); err != nil {
		return nil, err
	}
	var out []Track
	for _, h := range list {
		err := c.Tx.Each(selectRunEnds, []any{c.Org, check, h.source}, func(scan func(...any) error) error {
			var at int64
			err := scan(&at)
			h.Runs = append(h.Runs, clock.FromMillis(at))
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, l := range versions {
			from, to := p.From, p.To
			if starts := clock.FromMillis(l.from); !l.first {
				from = later(from, starts)
			} else if p.Control != "" { // what it said first was seen just before it was written down
				if first := h.Intervals[0].From; first.Before(starts) {
					starts = first
				}
				from = later(from, starts)
			}
			for _, end := range []int64{l.to, h.removed} {
				if end != 0 && end != open && clock.FromMillis(end).Before(to) {
					to = clock.FromMillis(end)
				}
			}
			h.Freshness = l.freshness
			if spans := h.Timeline(from, to); len(spans) > 0 {
				out = append(out, Track{Mandatory: l.mandatory, Spans: spans})
			}
		}
	}
	return out, nil
}

func (p asked) pasts(c *op.Call, check string) ([]past, error) {
	var list []past
	err := c.Tx.Each(selectHistory, []any{c.Org, check, p.Key}, func(scan func(...any) error) error {
		var (
			s            id.Source
			i            Interval
			starts, ends int64
			removed      int64
		)
		err := scan(&s, &i.Status, &i.Class, &i.Reason, &starts, &ends, &removed)
		if err != nil || p.Source != "" && string(s) != p.Source {
			return err
		}
		i.From, i.To = clock.FromMillis(starts), ended(ends)
		if len(list) == 0 || list[len(list)-1].source != s {
			list = append(list, past{source: s, removed: removed, History: History{Member: p.Key != ""}})
		}
		last := &list[len(list)-1]
		last.Intervals = append(last.Intervals, i)
		return nil
	})
	return list, err
}

// waive gives each history the exceptions that bear on it. A check as a whole
// is excepted while one covers all of it, or while each resource that fails
// is covered.
func (p asked) waive(c *op.Call, check string, list []past) error {
	waivers, err := db.Rows(c.Tx, selectApproved, []any{c.Org}, scanWaiver)
	if err != nil {
		return err
	}
	var whole []Exception
	single := false
	for _, w := range waivers {
		if w.Check != check {
			continue
		}
		if w.whole() || p.Key != "" && w.names(p.Key) {
			whole = append(whole, w.exception())
		}
		single = single || !w.whole()
	}
	for i := range list {
		list[i].Exceptions = whole
	}
	if p.Key != "" || !single {
		return nil
	}
	failing := map[id.Source][]Interval{}
	n := 0
	err = c.Tx.Each(selectFailing, []any{c.Org, check, clock.Millis(p.From), clock.Millis(p.To), mostFailing + 1}, func(scan func(...any) error) error {
		var (
			s            id.Source
			i            Interval
			starts, ends int64
		)
		n++
		err := scan(&s, &i.Key, &starts, &ends)
		i.From, i.To = clock.FromMillis(starts), clock.FromMillis(min(ends, clock.Millis(p.To)))
		failing[s] = append(failing[s], i)
		return err
	})
	if err != nil || n > mostFailing {
		return err
	}
	for i := range list {
		list[i].Exceptions = append(slices.Clone(whole), allCovered(failing[list[i].source], waivers, check)...)
	}
	return nil
}

// allCovered are the times at which something failed and exceptions covered
// each resource that did.
func allCovered(failing []Interval, waivers []Waiver, check string) []Exception {
	var any, bare []Span
	for _, f := range failing {
		any = append(any, Span{From: f.From, To: f.To})
		left := []Span{{From: f.From, To: f.To}}
		for _, w := range waivers {
			if w.Check == check && (w.whole() || w.names(f.Key)) {
				e := w.exception()
				left = without(left, e.From, e.end())
			}
		}
		bare = append(bare, left...)
	}
	covered := union(any)
	for _, b := range union(bare) {
		covered = without(covered, b.From, b.To)
	}
	var out []Exception
	for _, s := range covered {
		out = append(out, Exception{From: s.From, To: s.To, Cause: "exceptions cover each resource that fails"})
	}
	return out
}

// without takes [from, to) out of spans.
func without(list []Span, from, to time.Time) []Span {
	var out []Span
	for _, s := range list {
		if !s.From.Before(to) || !from.Before(s.To) {
			out = append(out, s)
			continue
		}
		if s.From.Before(from) {
			out = append(out, Span{From: s.From, To: from})
		}
		if to.Before(s.To) {
			out = append(out, Span{From: to, To: s.To})
		}
	}
	return out
}

// union joins spans that touch.
func union(list []Span) []Span {
	slices.SortFunc(list, func(a, b Span) int { return a.From.Compare(b.From) })
	var out []Span
	for _, s := range list {
		if n := len(out); n > 0 && !s.From.After(out[n-1].To) {
			out[n-1].To = later(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}
