package page

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/site"
)

// sentence starts with a capital and ends with a full stop.
func sentence(s string) string {
	s = site.Capital(strings.TrimSpace(s))
	if s != "" && !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// phrase starts with a capital and ends without a stop, as rows do.
func phrase(s string) string { return site.Capital(strings.TrimSuffix(strings.TrimSpace(s), ".")) }

// command reports whether a remedy is something to type: sentences begin with
// a capital, programs do not.
func command(remedy string) bool {
	r, _ := utf8.DecodeRuneInString(remedy)
	return remedy != "" && !unicode.IsUpper(r) && !strings.Contains(remedy, "\n")
}

// since is a span as the first words of a sentence.
func since(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return site.Plural(int64(d/time.Second), "second", "seconds")
	case d < 2*time.Hour:
		return site.Plural(int64(d/time.Minute), "minute", "minutes")
	}
	return site.Duration(d)
}

// index is an entry's number as addresses write it.
func index(n int64) string { return strconv.FormatInt(n, 10) }
