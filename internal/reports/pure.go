package reports

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/opinions"
)

// An Offence is something a Type I report must not hold.
type Offence struct {
	Where string // "Section IV, CC8.1, CHG-01"
	What  string // "a test result"
}

func (o Offence) String() string { return o.Where + ": " + o.What }

// operated finds words that only a report on a period can say. A Type I report
// may speak of operating effectiveness in order to give no opinion on it, so
// those words alone are none.
var operated = []struct {
	what string
	form *regexp.Regexp
}{
	{"an opinion on operation", regexp.MustCompile(`(?i)\b(controls|they|which)\s+(stated in the description\s+)?(have\s+)?operated\s+effectively`)},
	{"a test result", regexp.MustCompile(`(?i)\bno (deviations|exceptions) (were )?noted\b`)},
	{"a test result", regexp.MustCompile(`(?i)\b[0-9]+ of (the )?[0-9]+ (sampled |selected |tested )?(items|changes|accounts|leavers|occurrences)?[^.]{0,40}\b(deviat|exception)`)},
	{"a population", regexp.MustCompile(`(?i)\bpopulation of [0-9]+|\bPOP-[0-9]{2}\b`)},
	{"a sample", regexp.MustCompile(`(?i)\ba (random |systematic |stratified )?sample of [0-9]+ (of|from|items)\b`)},
}

// Offences lists what stands in a document of Type I and must not. A Type II
// report has none.
func Offences(d Document) []Offence {
	if d.Type != typeI {
		return nil
	}
	var out []Offence
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			out = append(out, offends(s.Label, b)...)
		}
	}
	return out
}

func offends(section string, b Block) []Offence {
	var out []Offence
	add := func(where, what string) {
		out = append(out, Offence{Where: strings.Join([]string{section, where}, ", "), What: what})
	}
	for _, s := range slots {
		if s.Key == b.Place && s.OnlyII && b.Kind != isHeading {
			what := "“" + s.Title + "”, which only a Type II report has"
			if s.Key == slotChanges {
				what = "a text for DC9"
			}
			add(s.Title, what)
		}
	}
	switch {
	case b.Kind == isOpinion && b.Part == opinions.Operation:
		add(b.Title, "an opinion on operation")
	case b.Kind == isResponse:
		add(b.Title, "a deviation of operation")
	}
	for _, r := range b.Rows {
		for _, c := range r.Controls {
			where := r.Criterion + ", " + c.Code
			if len(c.Tests) > 0 {
				add(where, "a test of operation")
			}
			if c.On != "" {
				add(where, "a population or a sample")
			}
			if c.Result != "" {
				add(where, "a test result")
			}
			if len(c.Deviations) > 0 {
				add(where, "a deviation of operation")
			}
		}
	}
	if b.Kind == isText {
		for _, w := range operated {
			if found := w.form.FindString(b.Text); found != "" {
				add(titleOf(b.Place), fmt.Sprintf("%s: “%s”", w.what, found))
			}
		}
	}
	return out
}

func titleOf(place string) string {
	for _, s := range slots {
		if s.Key == place {
			return s.Title
		}
	}
	return place
}

// pure refuses a Type I document that says what it must not, naming all of it.
func pure(d Document) error {
	found := Offences(d)
	if len(found) == 0 {
		return nil
	}
	var lines []string
	for _, o := range found {
		lines = append(lines, o.String())
	}
	return fault.Conflict("A Type I report cannot hold this: %s.", strings.Join(lines, "; "))
}
