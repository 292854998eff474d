package words_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/words"
)

func TestCountGroupsThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 48213: "48,213", 1234567: "1,234,567", -12000: "−12,000"} {
		if got := words.Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDurationNamesItsTwoLargestUnits(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{47 * time.Second, "47 s"}, {90 * time.Second, "1 m 30 s"}, {49*time.Hour + 10*time.Minute, "49 h 10 m"},
		{18 * time.Hour, "18 h"}, {100 * time.Hour, "4 d 4 h"}, {-time.Minute, "−1 m"}, {0, "0 s"},
	} {
		if got := words.Duration(c.d); got != c.want {
			t.Errorf("Duration(%v) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestTookKeepsPartsOfASecondWhileTheyMatter(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 412 * time.Millisecond: "412 ms", 999 * time.Millisecond: "999 ms", 3449 * time.Millisecond: "3.4 s", 9999 * time.Millisecond: "9.9 s",
		10 * time.Second: "10 s", 75 * time.Second: "1 m 15 s",
	} {
		if got := words.Took(d); got != want {
			t.Errorf("Took(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestFormsAgreeWithTheirNumber(t *testing.T) {
	for got, want := range map[string]string{
		words.Plural(1, "row", "rows"): "1 row", words.Plural(0, "row", "rows"): "0 rows", words.Plural(1284, "row", "rows"): "1,284 rows",
		words.Spelled(0): "no", words.Spelled(9): "nine", words.Spelled(10): "10", words.Spelled(1200): "1,200", words.Spelled(-1): "−1",
		words.Several(1, "deviation", "deviations"): "one deviation", words.Several(2, "deviation", "deviations"): "two deviations",
		words.Pick(1, "is", "are"): "is", words.Pick(int64(0), "is", "are"): "are",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestBytesListAndCapital(t *testing.T) {
	for got, want := range map[string]string{
		words.Bytes(999): "999 B", words.Bytes(18_400_000): "18.4 MB", words.Bytes(2_000_000): "2 MB", words.Bytes(250_500_000_000): "250 GB",
		words.List(nil): "", words.List([]string{"a"}): "a", words.List([]string{"a", "b"}): "a and b", words.List([]string{"a", "b", "c"}): "a, b and c",
		words.Capital("élan"): "Élan", words.Capital(""): "", words.Capital("\xff"): "\xff",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
