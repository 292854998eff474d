package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/collectors/wire"
)

const (
	day     = 24 * time.Hour
	million = 1_000_000
)

// A matrix is an answer over time: per series, pairs of a time and a number.
type matrix struct {
	ResultType string
	Result     []struct {
		Metric map[string]string
		Values [][2]json.RawMessage
	}
}

// A sight is what was seen of one service on one day.
type sight struct {
	service, job string
	day          time.Time
	seen, up     float64
	odd          bool // values other than 0 and 1
}

// availability counts, for whole days before today in UTC, how often a service
// was asked and how often it was up. The server counts the samples it holds: it
// fills no gap in, as it does for a value at a time.
func (l *look) availability(ctx context.Context) error {
	shelf := &wire.Shelf{Kind: "availability_day", Most: maxDays}
	today := l.in.Now().UTC().Truncate(day)
	all := map[string]*sight{}
	for _, question := range []string{"count_over_time", "sum_over_time", "max_over_time", "min_over_time"} {
		// A range holds both its ends: one millisecond less, and no sample counts for two days.
		expr := fmt.Sprintf("%s(%s[%dms])", question, l.selector, day.Milliseconds()-1)
		var answer matrix
		err := l.get(ctx, true, "/api/v1/query_range", url.Values{
			"query": {expr}, "start": {instant(today.Add(-time.Duration(l.days)*day + day - time.Millisecond))},
			"end": {instant(today.Add(-time.Millisecond))}, "step": {strconv.Itoa(int(day.Seconds()))},
		}, &answer)
		if err == nil && answer.ResultType != "matrix" {
			err = &gap{"the server answered with a " + wire.Clip(answer.ResultType) + " where a matrix was asked for", "See that the server is Prometheus."}
		}
		if err == nil {
			err = collate(all, question, answer)
		}
		if err != nil {
			return l.empty(shelf, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		shelf.Add(l.day(all[key]), key)
	}
	if len(all) == 0 {
		shelf.Empty(l.in, fmt.Sprintf("the server holds no sample of %s of the last %d days", l.selector, l.days), "Correct the selector, or let the server watch the service.")
		return nil
	}
	return shelf.HandOver(l.in)
}

func instant(t time.Time) string {
	return fmt.Sprintf("%d.%03d", t.Unix(), t.Nanosecond()/int(time.Millisecond))
}

// collate adds the answer to one question to what is known of each day.
func collate(all map[string]*sight, question string, answer matrix) error {
	for _, series := range answer.Result {
		name := written(series.Metric)
		if job, instance := series.Metric["job"], series.Metric["instance"]; job != "" && instance != "" && len(labels(series.Metric, "job", "instance")) == 0 {
			name = job + " " + instance
		}
		for _, v := range series.Values {
			at, value, ok := pair(v)
			if !ok {
				return &gap{"a value of the answer is not a number at a time", "See that the server is Prometheus."}
			}
			start := at.Truncate(day)
			key := wire.Clip(start.Format(time.DateOnly) + " " + name)
			s := all[key]
			switch {
			case s == nil && question == "count_over_time" && len(all) < maxDays:
				s = &sight{service: name, job: series.Metric["job"], day: start}
				all[key] = s
			case s == nil && question == "count_over_time":
				return &gap{fmt.Sprintf("there are more than %d days of services", maxDays), "Read fewer days, or narrow the selector."}
			case s == nil: // it came after the samples were counted
				continue
			}
			switch question {
			case "count_over_time":
				s.seen = value
			case "sum_over_time":
				s.up = value
			default:
				s.odd = s.odd || value != 0 && value != 1
			}
		}
	}
	return nil
}

func pair(v [2]json.RawMessage) (time.Time, float64, bool) {
	at, err := strconv.ParseFloat(string(v[0]), 64)
	if err != nil || at < 0 || at > 1e11 {
		return time.Time{}, 0, false
	}
	var text string
	if json.Unmarshal(v[1], &text) != nil {
		return time.Time{}, 0, false
	}
	value, err := strconv.ParseFloat(text, 64)
	return time.UnixMilli(int64(math.Round(at * 1000))).UTC(), value, err == nil && !math.IsNaN(value) && !math.IsInf(value, 0) && math.Abs(value) < 1e15
}

// day says what was seen, in whole numbers.
func (l *look) day(s *sight) wire.Facts {
	f := wire.NewFacts()
	f.Set("service", wire.Clip(s.service))
	f.Set("job", wire.Clip(s.job))
	f.Set("day", s.day)
	seen, up := int64(s.seen), int64(s.up)
	f.Set("samples_seen", seen)
	shares := []string{"up_ppm", "down_ppm", "unknown_ppm", "whole"}
	// Means and rates between 0 and 1 cannot be told from states by their sum.
	if s.odd || s.up != math.Trunc(s.up) || up < 0 || up > seen {
		f.Blind(l.in, "availability_day", "the metric has values other than 0 and 1", "Choose a metric that is 1 while the service is up and 0 while it is not.", append(shares, "samples_up")...)
	} else {
		f.Set("samples_up", up)
	}
	interval, known := l.intervals[s.job]
	if !known {
		f.Blind(l.in, "availability_day", "how often "+wire.Clip(s.job)+" should be asked is not known: no job of that name is configured now", "Keep the job configured while its history is read.", append(shares, "samples_expected")...)
		return f
	}
	// Samples come a little sooner at times; more than expected is still all.
	expected := max(int64(day.Seconds())/interval, seen)
	f.Set("samples_expected", expected)
	if f.Has("samples_up") && expected > 0 {
		// Rounded against the service, never for it.
		upShare, missing := up*million/expected, expected-seen
		missShare := (missing*million + expected - 1) / expected
		missShare = min(missShare, million-upShare)
		f.Set("up_ppm", upShare)
		f.Set("unknown_ppm", missShare)
		f.Set("down_ppm", million-upShare-missShare)
		if missing == 0 {
			f.Set("whole", true)
		}
		f.Unsaid(fmt.Sprintf("%d of %d samples are missing", missing, expected), "whole")
	}
	return f
}

// written is a set of labels in one form.
func written(all map[string]string) string {
	var parts []string
	for name, value := range all {
		if name != "__name__" {
			parts = append(parts, name+"="+strconv.Quote(value))
		}
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ",") + "}"
}
