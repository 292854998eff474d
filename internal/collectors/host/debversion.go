package host

import "strings"

// compareVersions orders two versions of Debian packages as dpkg does:
// [epoch:]upstream[-revision], letters before everything but ~, which comes
// before the end, and digits by their value. It returns -1, 0 or 1.
func compareVersions(a, b string) int {
	epochA, restA := epoch(a)
	epochB, restB := epoch(b)
	if c := compareDigits(epochA, epochB); c != 0 {
		return c
	}
	upA, revA, _ := cutLast(restA, "-")
	upB, revB, _ := cutLast(restB, "-")
	if c := compareParts(upA, upB); c != 0 {
		return c
	}
	return compareParts(revA, revB)
}

func epoch(v string) (epoch, rest string) {
	if before, after, ok := strings.Cut(v, ":"); ok {
		return before, after
	}
	return "0", v
}

// compareParts walks both texts, by turns over what is not a digit and what
// is.
func compareParts(a, b string) int {
	for a != "" || b != "" {
		for a != "" && !digit(a[0]) || b != "" && !digit(b[0]) {
			if c := weight(a) - weight(b); c != 0 {
				return sign(c)
			}
			a, b = a[1:], b[1:] // equal weights: neither has ended
		}
		numberA, numberB := leadingDigits(a), leadingDigits(b)
		if c := compareDigits(numberA, numberB); c != 0 {
			return c
		}
		a, b = a[len(numberA):], b[len(numberB):]
	}
	return 0
}

// weight orders first characters: ~, then the end and digits, then letters,
// then all else.
func weight(s string) int {
	switch {
	case s == "" || digit(s[0]):
		return 0
	case s[0] == '~':
		return -1
	case 'a' <= s[0]|0x20 && s[0]|0x20 <= 'z':
		return int(s[0])
	}
	return int(s[0]) + 256
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func leadingDigits(s string) string {
	i := 0
	for i < len(s) && digit(s[i]) {
		i++
	}
	return s[:i]
}

// compareDigits orders numbers of any length.
func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return sign(len(a) - len(b))
	}
	return strings.Compare(a, b)
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
