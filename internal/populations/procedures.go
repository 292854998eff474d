package populations

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Procedures that show whether a list is whole and right. The first are
// computed when a draft is built, the others are the auditor's to record.
const (
	Keys           = "keys"
	CutOff         = "cut_off"
	Gap            = "gap"
	SourceCount    = "source_count"
	Expected       = "expected"
	Collection     = "collection"
	Reconciliation = "reconciliation"
	ReverseTrace   = "reverse_trace"
	Observed       = "observed"
	Accuracy       = "accuracy"
)

// Results of a procedure. What fails can be explained.
const (
	Holds     = "holds"
	Fails     = "fails"
	WellTold  = Explained
	maxGaps   = 20
	maxNumber = 18 // digits of a number that is counted
)

// ProcedureName is a procedure as people call it.
func ProcedureName(p string) string {
	return map[string]string{Keys: "Keys", CutOff: "Cut-off", Gap: "Gap test", SourceCount: "Source count", Expected: "Expected occurrences",
		Collection: "Collection", Reconciliation: "Reconciliation", ReverseTrace: "Reverse trace", Observed: "Observed extraction",
		Accuracy: "Accuracy"}[p]
}

// procedures are those that need nobody.
func procedures(s *stock, m Manifest, daily bool, blind []string) []Check {
	var out []Check
	add := func(procedure string, holds bool, text string, items ...string) {
		c := Check{Procedure: procedure, Result: Holds, Text: text, Items: items, Blocking: true}
		if !holds {
			c.Result = Fails
		}
		out = append(out, c)
	}
	if m.CountedBy != "" {
		diff := m.SourceCount - m.Rows
		text := fmt.Sprintf("%d by %s, %d rows", m.SourceCount, m.CountedBy, m.Rows)
		add(SourceCount, diff == 0, text)
	}
	if len(blind) > 0 {
		add(Collection, false, "The run could not see all: "+strings.Join(blind, "; "), blind...)
	}
	if c := m.Calendar; c != nil {
		out = append(out, calendarCheck(*c))
	} else if daily && !m.Snapshot {
		missing := s.daysWithout()
		add(Gap, len(missing) == 0, daysText(missing), firstOf(missing)...)
	} else if text, missing, numbered := gaps(s.items); numbered {
		add(Gap, len(missing) == 0, text, missing...)
	}
	add(CutOff, true, cutOffText(m, s.zone))
	add(Keys, m.Distinct == m.Rows && m.Nulls == 0, fmt.Sprintf("%d distinct, %d empty", m.Distinct, m.Nulls))
	return out
}

func calendarCheck(c Calendar) Check {
	text := fmt.Sprintf("%d expected, %d performed in time", c.Expected, c.Performed)
	if len(c.Missing) > 0 {
		text += "; on the list as not performed: " + strings.Join(firstOf(c.Missing), ", ")
	}
	if c.Expected == 0 {
		text = "none is due in the period"
		switch {
		case c.Last == "":
			text += "; nothing was said of the time before"
		case c.LastWithin:
			text += fmt.Sprintf("; last performed %s, %d days before its end", c.Last, c.LastDays)
		default:
			text += fmt.Sprintf("; last performed %s, %d days before its end, longer than 12 months ago", c.Last, c.LastDays)
		}
	}
	return Check{Procedure: Expected, Result: Holds, Text: text, Items: firstOf(c.Missing), Blocking: true}
}

func firstOf(list []string) []string { return list[:min(len(list), maxGaps)] }

func cutOffText(m Manifest, zone *time.Location) string {
	extracted := m.Extracted.In(zone).Format("2 Jan")
	switch {
	case m.Snapshot:
		return "taken " + extracted
	case m.First.IsZero():
		return "no row, extracted " + extracted
	}
	return fmt.Sprintf("first %s, last %s, extracted %s", m.First.In(zone).Format("2 Jan"), m.Last.In(zone).Format("2 Jan"), extracted)
}

// gaps finds numbers left out, where all keys are one prefix and a number.
func gaps(items []item) (text string, missing []string, numbered bool) {
	if len(items) < 2 {
		return "", nil, false
	}
	prefix, width := "", 0
	numbers := make([]int64, 0, len(items))
	for i, x := range items {
		key := x.id
		if x.key != "" {
			key = x.key
		}
		p, n, ok := cutNumber(key)
		if !ok || i > 0 && p != prefix {
			return "", nil, false
		}
		if i == 0 {
			prefix, width = p, len(key)-len(p)
		}
		width = min(width, len(key)-len(p))
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	name := func(n int64) string { return fmt.Sprintf("%s%0*d", prefix, width, n) }
	left := int64(0)
	for i := 1; i < len(numbers); i++ {
		d := numbers[i] - numbers[i-1] - 1
		left += max(d, 0)
		for n := numbers[i-1] + 1; n < numbers[i] && len(missing) < maxGaps; n++ {
			missing = append(missing, name(n))
		}
	}
	span := name(numbers[0]) + " to " + name(numbers[len(numbers)-1])
	if left == 0 {
		return span + ", none missing", nil, true
	}
	// Numbers that lie far apart are no numbering.
	if left > 4*int64(len(items)) {
		return "", nil, false
	}
	return fmt.Sprintf("%s, %d missing", span, left), missing, true
}

// cutNumber splits a key into what comes before its last digits, and those.
func cutNumber(key string) (prefix string, n int64, ok bool) {
	i := len(key)
	for i > 0 && key[i-1] >= '0' && key[i-1] <= '9' {
		i--
	}
	if i == len(key) || len(key)-i > maxNumber {
		return "", 0, false
	}
	n, err := strconv.ParseInt(key[i:], 10, 64)
	return key[:i], n, err == nil
}

// daysWithout are the days of the period on which nothing happened.
func (s *stock) daysWithout() []string {
	seen := map[string]bool{}
	for _, i := range s.items {
		if i.at != never {
			seen[time.UnixMilli(i.at).In(s.zone).Format(time.DateOnly)] = true
		}
	}
	var out []string
	for d := s.from.In(s.zone); d.Before(s.to); d = d.AddDate(0, 0, 1) {
		if day := d.Format(time.DateOnly); !seen[day] {
			out = append(out, day)
		}
	}
	return out
}

func daysText(missing []string) string {
	if len(missing) == 0 {
		return "each day has a row"
	}
	weekend := 0
	for _, d := range missing {
		if t, err := time.Parse(time.DateOnly, d); err == nil && (t.Weekday() == time.Saturday || t.Weekday() == time.Sunday) {
			weekend++
		}
	}
	return fmt.Sprintf("%d days without a row, %d of them at a weekend", len(missing), weekend)
}

// reject is what the program itself says of a version: one that has fewer or
// more rows than its source counts is rejected until somebody explains it.
func reject(v *Version) {
	if v.Status == Draft {
		return
	}
	for _, c := range v.Checks {
		if c.Procedure == SourceCount && c.By == "" && c.Result == Fails {
			v.Decision, v.Reason = Rejected, "The source counts "+c.Text+"."
		}
	}
}

// Standing is the newest result of each procedure, in the order in which they
// were first done.
func (v Version) Standing() []Check {
	var out []Check
	for _, c := range v.Checks {
		if i := slices.IndexFunc(out, func(o Check) bool { return o.Procedure == c.Procedure }); i >= 0 {
			out[i] = c
			continue
		}
		out = append(out, c)
	}
	return out
}
