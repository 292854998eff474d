package site_test

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// tokens reads the colours of tokens.css: name to light and dark.
func tokens(t *testing.T) map[string][2]string {
	t.Helper()
	out := map[string][2]string{}
	re := regexp.MustCompile(`--([a-z0-9-]+): light-dark\((#[0-9A-F]{6}), (#[0-9A-F]{6})\);`)
	for _, m := range re.FindAllStringSubmatch(read(t, "static/css/tokens.css"), -1) {
		out[m[1]] = [2]string{m[2], m[3]}
	}
	if len(out) < 22 {
		t.Fatalf("tokens.css has %d colours, want at least 22", len(out))
	}
	return out
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatalf("%s is no colour", hex)
		}
		c := float64(v) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// The least contrast each pair must keep, by day and by night (WCAG 2.2, 1.4.3
// for words, 1.4.11 for edges that carry meaning).
func TestContrastOfTokens(t *testing.T) {
	var pairs []struct {
		fore, back string
		least      float64
	}
	add := func(least float64, back string, fores ...string) {
		for _, f := range fores {
			pairs = append(pairs, struct {
				fore, back string
				least      float64
			}{f, back, least})
		}
	}
	text := []string{"ink", "ink-2", "ink-3", "pen", "pass", "fail", "unknown", "excepted"}
	add(4.5, "paper", text...)
	add(4.5, "surface", text...)
	add(4.5, "sunken", "ink", "ink-2", "ink-3", "pen")
	add(4.5, "pen-weak", "ink", "ink-2", "ink-3", "pen", "fail", "unknown", "excepted", "pass")
	add(4.5, "pen", "on-pen")
	add(4.5, "bar", "surface")
	add(4.5, "pass-tint", "ink")
	for _, s := range []string{"pass", "fail", "unknown", "excepted"} {
		add(5.2, s+"-weak", s)
		add(4.5, s+"-weak", "ink", "ink-2", "pen")
	}
	add(3, "paper", "line-2", "bar")
	add(3, "surface", "line-2", "bar")
	add(3, "pass-tint", "fail")

	all := tokens(t)
	for _, p := range pairs {
		for i, theme := range []string{"light", "dark"} {
			if got := contrast(t, all[p.fore][i], all[p.back][i]); got < p.least {
				t.Errorf("%s: %s on %s is %.2f : 1, want at least %.1f", theme, p.fore, p.back, got, p.least)
			}
		}
	}
}
