// Package words writes counts, sizes, spans and enumerations as running text
// has them. It knows nothing else, so that an area that says why, a page and a
// command say the same thing with the same words.
package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Count writes a number with its thousands grouped: 48,213.
func Count[N int | int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Pick is the form that agrees with a number that stands elsewhere:
// Pick(n, "is", "are").
func Pick[N int | int64](n N, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// Plural is a number with the form that agrees with it: Plural(1, "row", "rows").
func Plural[N int | int64](n N, one, many string) string {
	return Count(n) + " " + Pick(n, one, many)
}

// small are counts as running text has them below ten.
var small = []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// Spelled writes a count for running text: a word below ten, numerals from there.
func Spelled[N int | int64](n N) string {
	if n >= 0 && int64(n) < int64(len(small)) {
		return small[n]
	}
	return Count(n)
}

// Several is a spelled count with its noun: "two deviations".
func Several[N int | int64](n N, one, many string) string {
	return Spelled(n) + " " + Pick(n, one, many)
}

// List names several things: "a, b and c".
func List(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// Capital begins a text with a capital letter.
func Capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 || r == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// Duration writes a span in its two largest units that matter: 49 h 10 m,
// 3 d 4 h from four days on, 47 s below a minute.
func Duration(d time.Duration) string {
	if d < 0 {
		return "−" + Duration(-d)
	}
	n := int64(d / time.Second)
	switch {
	case n < 60:
		return Count(n) + " s"
	case n < 3600:
		return two(n/60, "m", n%60, "s")
	case n < 4*86400:
		return two(n/3600, "h", n%3600/60, "m")
	default:
		return two(n/86400, "d", n%86400/3600, "h")
	}
}

func two(a int64, unit string, b int64, small string) string {
	if b == 0 {
		return Count(a) + " " + unit
	}
	return Count(a) + " " + unit + " " + Count(b) + " " + small
}

// Took writes how long a machine worked, where parts of a second matter:
// 412 ms, 3.4 s, and as Duration does from ten seconds on.
func Took(d time.Duration) string {
	switch {
	case d < time.Second:
		return Count(d.Milliseconds()) + " ms"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Truncate(100*time.Millisecond).Seconds())
	}
	return Duration(d)
}

// Bytes writes a size with decimal units: 18.4 MB.
func Bytes(n int64) string {
	units := []string{"kB", "MB", "GB", "TB"}
	if n < 1000 {
		return Count(n) + " B"
	}
	tenths := n / 100
	unit := 0
	for tenths >= 10_000 && unit < len(units)-1 {
		tenths /= 1000
		unit++
	}
	if tenths >= 1000 || tenths%10 == 0 {
		return Count(tenths/10) + " " + units[unit]
	}
	return Count(tenths/10) + "." + Count(tenths%10) + " " + units[unit]
}
