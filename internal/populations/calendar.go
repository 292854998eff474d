package populations

import (
	"fmt"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/sample"
)

// A deed is one time that a scheduled control operated.
type deed struct {
	occurrence string
	at         time.Time
	evidence   id.Evidence
}

// deeds reads "OCCURRENCE TIME EVIDENCE", one text each. The time is a day or
// an instant with an offset; a day is read in the engagement's zone.
func deeds(texts []string, zone *time.Location) ([]deed, error) {
	var out []deed
	seen := map[string]bool{}
	for i, text := range texts {
		parts := strings.Fields(text)
		if len(parts) == 0 {
			continue
		}
		if len(parts) != 3 {
			return nil, fault.Invalid("performed", "number %d is not an occurrence, a time and the evidence, such as: 2026-Q1 2026-04-03 evd_…", i+1)
		}
		d := deed{occurrence: parts[0]}
		clock := timer{zone: zone}
		var err error
		if d.at, _, err = clock.read(parts[1]); err != nil {
			return nil, fault.Invalid("performed", "the time of %s %s; give a day such as 2026-04-03 or an instant such as 2026-04-03T14:30:00Z", d.occurrence, err)
		}
		if d.evidence, err = id.Parse[id.Evidence](parts[2]); err != nil {
			return nil, fault.Invalid("performed", "the evidence of %s: %s", d.occurrence, fault.As(err).Message)
		}
		if seen[d.occurrence] {
			return nil, fault.Invalid("performed", "%s is there twice; an occurrence is performed once, and what else was done is evidence beside it", d.occurrence)
		}
		seen[d.occurrence] = true
		out = append(out, d)
	}
	return out, nil
}

// fromCalendar makes the list of what should have happened. What did not is a
// row like any other; what was done outside its time stays with its
// occurrence, late, and makes up for no other.
func fromCalendar(cadence sample.Cadence, from, to string, done []deed, w window) (*stock, Calendar, error) {
	expected, err := sample.Expected(cadence, from, to)
	if err != nil {
		return nil, Calendar{}, fault.Invalid("cadence", "%s", err)
	}
	s := &stock{window: w}
	s.snapshot = true // for as long as rows are taken: what is due in the period may be done before or after it
	cal := Calendar{Cadence: string(cadence), Expected: len(expected)}
	byName := map[string]deed{}
	for _, d := range done {
		byName[d.occurrence] = d
	}
	var envelopes []envelope
	first := map[id.Evidence]string{}
	for i, o := range expected {
		e, at := occurrence(o, byName, w.zone)
		d, was := byName[o.Label]
		delete(byName, o.Label)
		switch {
		case e.Late:
			cal.Late = append(cal.Late, o.Label)
			cal.Missing = append(cal.Missing, o.Label)
		case e.Early:
			s.faults.add("early", true, o.Label+", performed "+d.at.In(w.zone).Format(time.DateOnly)+", not before "+o.From, "Performed before its time began. Give it to the occurrence in whose time it lies, if there is one.")
		case e.Missed:
			cal.Missing = append(cal.Missing, o.Label)
		default:
			cal.Performed++
		}
		if other := first[d.evidence]; was && other != "" {
			s.faults.add("same_evidence", false, other+" and "+o.Label, "The same evidence stands for several occurrences. The auditor will ask how.")
		} else if was {
			first[d.evidence] = o.Label
		}
		envelopes = append(envelopes, e)
		s.take(o.Label, at, i, 0)
	}
	for name := range byName {
		s.faults.add("occurrence", true, clip(name), "Occurrences that are not expected in the period. Expected are "+labels(expected)+".")
	}
	s.snapshot = w.snapshot
	s.record = func(e *envelope, i item) error {
		key := e.Key
		*e = envelopes[i.ref]
		e.Key = key
		return nil
	}
	return s, cal, nil
}

// occurrence is the record of one occurrence, and the time to count it by.
func occurrence(o sample.Occurrence, done map[string]deed, zone *time.Location) (envelope, int64) {
	e := envelope{Label: o.From + " to " + o.To}
	b := appendText([]byte(`{"from":`), o.From)
	b = appendText(append(b, `,"occurrence":`...), o.Label)
	e.Fields = append(appendText(append(b, `,"to":`...), o.To), '}')
	starts, _ := time.ParseInLocation(time.DateOnly, o.From, zone)
	last, _ := time.ParseInLocation(time.DateOnly, o.To, zone)
	ends := last.AddDate(0, 0, 1)
	e.Due = stamp(last.UnixMilli())
	d, was := done[o.Label]
	if !was {
		e.Missed = true
		return e, last.UnixMilli()
	}
	e.At, e.Evidence = stamp(d.at.UnixMilli()), string(d.evidence)
	e.Late, e.Early = !d.at.Before(ends), d.at.Before(starts)
	e.Missed = e.Late || e.Early
	return e, last.UnixMilli()
}

func labels(list []sample.Occurrence) string {
	if len(list) == 0 {
		return "none"
	}
	var out []string
	for _, o := range list[:min(len(list), shown)] {
		out = append(out, o.Label)
	}
	if len(list) > shown {
		out = append(out, fmt.Sprintf("… and %d more", len(list)-shown))
	}
	return strings.Join(out, ", ")
}

// lookBack says how long before the end of the period a control that was not
// due in it last operated.
func lookBack(cal *Calendar, end, last string, evidence id.Evidence) error {
	if last == "" {
		return nil
	}
	days, within, err := sample.LookBack(end, last)
	if err != nil {
		return fault.Invalid("last", "%s", err)
	}
	cal.Last, cal.LastEvidence, cal.LastDays, cal.LastWithin = last, evidence, days, within
	return nil
}
