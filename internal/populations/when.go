package populations

import (
	"fmt"
	"strings"
	"time"
)

// whenForms are the times that are read. Days and months in figures without a
// year first are not among them: 03/04 is two days.
const whenForms = "2026-01-31, 2026-01-31 15:04, 2026-01-31 15:04:05 or 2026-01-31T15:04:05, each with or without an offset such as Z, +01:00 or UTC"

var (
	bareForms   = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02", "2006-01-02 15:04", "2006-01-02T15:04"}
	offsetForms = []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05 -0700",
		"2006-01-02 15:04:05-0700", "2006-01-02T15:04:05-0700", "2006-01-02T15:04Z07:00", "2006-01-02 15:04Z07:00", "2006-01-02 15:04:05-07"}
)

// A timer reads times. It tries first what it read last, since the times of a
// list are alike.
type timer struct {
	zone *time.Location
	last string
	bare bool // of last
}

// read is the instant that a text names, and whether the text itself says in
// which zone.
func (t *timer) read(s string) (at time.Time, offset bool, err error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return at, false, fmt.Errorf("is empty")
	}
	if before, ok := strings.CutSuffix(s, " UTC"); ok {
		s = before + "Z"
	}
	if t.last != "" {
		if at, err := time.ParseInLocation(t.last, s, t.zone); err == nil {
			return at.UTC(), !t.bare, nil
		}
	}
	for _, forms := range [][]string{bareForms, offsetForms} {
		for _, f := range forms {
			if at, err := time.ParseInLocation(f, s, t.zone); err == nil {
				t.last, t.bare = f, &forms[0] == &bareForms[0]
				return at.UTC(), !t.bare, nil
			}
		}
	}
	return at, false, fmt.Errorf("is no time that is read")
}
