package file

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// A converter makes the values of one field.
type converter struct {
	sources.FieldOf
	kind    string
	zone    *time.Location
	layout  string // of Go
	yes, no []string
}

var (
	usualYes = []string{"true", "yes", "y", "1", "on", "enabled", "active"}
	usualNo  = []string{"false", "no", "n", "0", "off", "disabled", "inactive"}
)

// layouts of times where the mapping names none. Days before months or months
// before days is not guessed.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04",
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05 Z0700",
	"2006-01-02 15:04:05 MST", "2006-01-02 15:04", "2006-01-02",
}

func newConverter(c sources.FieldOf, kind string, zone *time.Location) (converter, error) {
	out := converter{FieldOf: c, kind: kind, zone: zone, yes: usualYes, no: usualNo}
	if len(c.True) > 0 {
		out.yes, out.no = fold(c.True), fold(c.False)
	}
	if c.Layout != "" {
		var ok bool
		if out.layout, ok = goLayout(c.Layout); !ok {
			return out, fault.Invalid("fields", "%s: %q is no layout: write it with YYYY, MM, DD, hh, mm, ss, such as DD.MM.YYYY hh:mm, or unix", c.Field, shorten(c.Layout))
		}
	}
	if c.Value != "" {
		if _, err := out.value(cell{text: c.Value}, nil); err != nil {
			return out, fault.Invalid("fields", "the value of %s %s", c.Field, err)
		}
	}
	return out, nil
}

func fold(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strings.ToLower(strings.TrimSpace(w))
	}
	return out
}

// goLayout writes DD.MM.YYYY hh:mm as Go has it.
func goLayout(text string) (string, bool) {
	if text == "unix" || text == "unix_ms" {
		return text, true
	}
	out := strings.NewReplacer("YYYY", "2006", "MMM", "Jan", "MM", "01", "DD", "02", "hh", "15", "HH", "15", "mm", "04", "ss", "05",
		"M", "1", "D", "2", "h", "3", "AM", "PM", "PM", "PM", "zone", "-0700").Replace(text)
	return out, strings.Contains(out, "2006") && (strings.Contains(out, "01") || strings.Contains(out, "1") || strings.Contains(out, "Jan")) && strings.Contains(out, "2")
}

// value is nil where there is none.
func (c converter) value(x cell, nulls map[string]bool) (any, error) {
	if x.bad != "" {
		return nil, fmt.Errorf("%s", x.bad)
	}
	if x.many {
		if c.kind != sources.TypeList {
			return nil, fmt.Errorf("is a list: one value is accepted")
		}
		return x.list, nil
	}
	if len(x.text) > maxCell {
		return nil, fmt.Errorf("has %d bytes: at most %d are accepted", len(x.text), maxCell)
	}
	text := strings.TrimSpace(x.text)
	if nulls[text] {
		return nil, nil
	}
	switch c.kind {
	case sources.TypeBool:
		word := strings.ToLower(text)
		switch {
		case slices.Contains(c.yes, word):
			return true, nil
		case slices.Contains(c.no, word):
			return false, nil
		}
		return nil, fmt.Errorf("is %q: %s or %s is accepted", shorten(text), strings.Join(c.yes, ", "), strings.Join(c.no, ", "))
	case sources.TypeInt:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("is %q: a whole number without separators is accepted", shorten(text))
		}
		return n, nil
	case sources.TypeTimestamp:
		return c.time(text)
	case sources.TypeList:
		between := c.Between
		if between == "" {
			between = ";"
		}
		out := []string{}
		for s := range strings.SplitSeq(text, between) {
			if s = strings.TrimSpace(s); s != "" {
				out = append(out, strings.Clone(s))
			}
		}
		return out, nil
	}
	return strings.Clone(text), nil
}

func (c converter) time(text string) (any, error) {
	switch c.layout {
	case "":
		for _, l := range layouts {
			if t, err := time.ParseInLocation(l, text, c.zone); err == nil && fixed(t, l) {
				return written(t, text)
			}
		}
		return nil, fmt.Errorf("is %q: a time such as 2026-01-31, 2026-01-31 15:04 or 2026-01-31T15:04:05Z is accepted; if it is written otherwise, give its layout in the mapping", shorten(text))
	case "unix", "unix_ms":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < -1<<50 || n > 1<<50 {
			return nil, fmt.Errorf("is %q: a number of seconds or milliseconds since 1970 is accepted, as the mapping says", shorten(text))
		}
		if c.layout == "unix" {
			return written(time.Unix(n, 0), text)
		}
		return written(time.UnixMilli(n), text)
	}
	t, err := time.ParseInLocation(c.layout, text, c.zone)
	if err != nil {
		return nil, fmt.Errorf("is %q: a time written as %s is accepted", shorten(text), c.Layout)
	}
	return written(t, text)
}

// fixed refuses abbreviations of zones whose offset nobody knows here.
func fixed(t time.Time, layout string) bool {
	if !strings.Contains(layout, "MST") {
		return true
	}
	name, offset := t.Zone()
	return offset != 0 || name == "UTC" || name == "GMT"
}

func written(t time.Time, text string) (any, error) {
	if t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return nil, fmt.Errorf("is %q: years 1 to 9999 are accepted", shorten(text))
	}
	return t.UTC(), nil
}
