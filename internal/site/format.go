package site

import (
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/words"
)

// How counts, sizes and spans are written is decided in package words, which
// areas use too. Pages say them by these names.

// Count writes a number with its thousands grouped: 48,213.
func Count[N int | int64](n N) string { return words.Count(n) }

// Plural is a number with the form that agrees with it: Plural(1, "row", "rows").
func Plural[N int | int64](n N, one, many string) string { return words.Plural(n, one, many) }

// Spelled writes a count for running text: a word below ten, numerals from there.
func Spelled[N int | int64](n N) string { return words.Spelled(n) }

// Several is a spelled count with its noun: "two deviations".
func Several[N int | int64](n N, one, many string) string { return words.Several(n, one, many) }

// Capital begins a text with a capital letter.
func Capital(s string) string { return words.Capital(s) }

// Duration writes a span in its two largest units that matter: 49 h 10 m.
func Duration(d time.Duration) string { return words.Duration(d) }

// Took writes how long a machine worked: 412 ms, 3.4 s, 1 m 15 s.
func Took(d time.Duration) string { return words.Took(d) }

// Bytes writes a size with decimal units: 18.4 MB.
func Bytes(n int64) string { return words.Bytes(n) }

// Of writes a part and its whole: 5/8.
func Of(part, whole int) string {
	return Count(int64(part)) + "/" + Count(int64(whole))
}

// Percent4 writes part of whole in percent with the four decimals that uptime
// rules define, rounded half up: 99.1620 %. Less than the whole is never shown
// as 100, and of nothing it is a dash.
func Percent4(part, whole int64) string {
	if whole <= 0 {
		return "–"
	}
	// Integers only: a float would show 98.89499999 for what the rule calls 98.8950.
	tenThousandths := (share2M(part, whole) + 1) / 2
	if part < whole {
		tenThousandths = min(tenThousandths, 999_999)
	}
	return Count(tenThousandths/10_000) + "." + pad(tenThousandths%10_000, 4) + " %"
}

// share2M is part of whole in two-millionths, cut. The product needs 128 bits.
func share2M(part, whole int64) int64 {
	hi, lo := bits.Mul64(uint64(min(max(part, 0), whole)), 2_000_000)
	q, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(q)
}

func pad(n int64, width int) string {
	s := strconv.FormatInt(n, 10)
	return strings.Repeat("0", max(0, width-len(s))) + s
}

// Date writes a day: 18 Nov 2026.
func Date(t time.Time) string { return t.Format("2 Jan 2006") }

// DayMonth writes a day whose year the page already says: 18 Nov.
func DayMonth(t time.Time) string { return t.Format("2 Jan") }

// DateTime writes an instant with its zone: 18 Nov 2026, 09:00 UTC.
func DateTime(t time.Time) string { return t.Format("2 Jan 2006, 15:04 MST") }

// LongDate writes a day as the facts under a sentence do: Wednesday 18 November 2026.
func LongDate(t time.Time) string { return t.Format("Monday 2 January 2006") }

// Ago writes how long before now an instant was, in one unit: 1 s ago, 3 h ago.
// Show it through Age, which keeps the absolute time at hand.
func Ago(t, now time.Time) string {
	n := int64(now.Sub(t) / time.Second)
	switch {
	case n < 0:
		return DateTime(t)
	case n < 60:
		return Count(n) + " s ago"
	case n < 3600:
		return Count(n/60) + " min ago"
	case n < 2*86400:
		return Count(n/3600) + " h ago"
	default:
		return Count(n/86400) + " d ago"
	}
}

// Initials are at most two letters for a person's disc: first and last word.
func Initials(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return "–"
	}
	out := first(words[0])
	if len(words) > 1 {
		out += first(words[len(words)-1])
	}
	return strings.ToUpper(out)
}

func first(word string) string {
	for _, r := range word {
		return string(r)
	}
	return ""
}

// Brief cuts a long key, such as a commit's id, in the middle; its record has
// the whole.
func Brief(key string) string {
	if r := []rune(key); len(r) > 32 {
		return string(r[:20]) + "…" + string(r[len(r)-8:])
	}
	return key
}

// Without is what is said of a thing beside its key, which need not be said twice.
func Without(key, text string) string {
	if rest, ok := strings.CutPrefix(text, key+" "); ok && key != "" {
		return rest
	}
	return text
}

// stamp is the machine form of an instant for <time datetime>.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Short cuts an identifier to its kind and its last characters.
func Short(id string) string {
	if len(id) < 16 {
		return id
	}
	return id[:4] + "…" + id[len(id)-6:]
}
