package sample_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/sample"
)

func TestParseNonceRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":         "",
		"63 characters":   nonceHex[1:],
		"65 characters":   nonceHex + "0",
		"upper case":      strings.ToUpper(nonceHex),
		"other letters":   "g" + nonceHex[1:],
		"a space":         " " + nonceHex[1:],
		"a prefix":        "0x" + nonceHex[2:],
		"a line end":      nonceHex[1:] + "\n",
		"letters of more": strings.Repeat("é", 32),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sample.ParseNonce(s)
			wants(t, err, "64 lower-case hexadecimal characters")
		})
	}
}

func TestNoncesDiffer(t *testing.T) {
	a, b := sample.NewNonce(), sample.NewNonce()
	if a == b || a == (sample.Nonce{}) {
		t.Error("two nonces are the same, or one is empty")
	}
}

func TestSeedDependsOnAll(t *testing.T) {
	n, d := theNonce(t), [32]byte{1}
	seen := map[sample.Seed]string{}
	for name, s := range map[string]sample.Seed{
		"base":           n.Seed(d, control, period),
		"another nonce":  sample.Nonce{}.Seed(d, control, period),
		"another digest": n.Seed([32]byte{2}, control, period),
		"control":        n.Seed(d, "CHG-02", period),
		"period":         n.Seed(d, control, "2026-01-01/2026-12-30"),
	} {
		if other, ok := seen[s]; ok {
			t.Errorf("%s and %s have the same seed", name, other)
		}
		seen[s] = name
	}
}

func TestCheckControlRefuses(t *testing.T) {
	for s, want := range map[string]string{"": "not empty", "CHG\n01": "control character", "\xff": "UTF-8", "\ufeffCHG-01": "byte order mark"} {
		wants(t, sample.CheckControl(s), want)
	}
	if err := sample.CheckControl(control); err != nil {
		t.Error(err)
	}
}

func TestParsePeriod(t *testing.T) {
	from, to, err := sample.ParsePeriod(period)
	if err != nil || from != "2026-01-01" || to != "2026-12-31" {
		t.Errorf("got %s, %s, %v", from, to, err)
	}
	for s, want := range map[string]string{
		"":                       "first and last day",
		"2026-01-01":             "first and last day",
		"2026-01-01 2026-12-31":  "first and last day",
		"2026-01-01/2026-12-31 ": "first and last day",
		"2026-1-1/2026-12-31":    "first and last day",
		"2026-02-29/2026-12-31":  `"2026-02-29"`,
		"2026-01-01/2026-13-31":  `"2026-13-31"`,
		"2026-01-02/2026-01-01":  "ends no earlier than it starts",
	} {
		_, _, err := sample.ParsePeriod(s)
		wants(t, err, want)
	}
}

func TestDigesterRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		rows []string
		want string
	}{
		"an empty row":           {[]string{""}, "no item id"},
		"an empty id":            {[]string{"\tx"}, "no item id"},
		"an empty second column": {[]string{"a\t"}, "ends with a TAB"},
		"three columns":          {[]string{"a\tb\tc"}, "control character"},
		"a line end":             {[]string{"a\nb"}, "control character"},
		"a carriage return":      {[]string{"a\r"}, "control character"},
		"a zero byte":            {[]string{"a\x00"}, "control character"},
		"a C1 control":           {[]string{"a\u0085"}, "control character"},
		"invalid UTF-8":          {[]string{"a\xff"}, "not UTF-8"},
		"a byte order mark":      {[]string{"\ufeffa"}, "byte order mark"},
		"a long row":             {[]string{strings.Repeat("a", sample.MaxRow+1)}, "at most 1024"},
		"an id twice":            {[]string{"a", "a"}, `item "a" is there twice`},
		"an id with two records": {[]string{"a\tx", "a\ty"}, `item "a" is there twice`},
		"falling ids":            {[]string{"b", "a"}, `"a" comes after "b"`},
		"falling before a TAB":   {[]string{"a ", "a\tx"}, `"a" comes after "a "`},
	} {
		t.Run(name, func(t *testing.T) {
			d := sample.NewDigester()
			var err error
			for i, row := range c.rows {
				if err != nil {
					t.Fatalf("row %d refused: %v", i-1, err)
				}
				err = d.Add(row)
			}
			wants(t, err, c.want)
			if d.Count() != len(c.rows)-1 {
				t.Errorf("%d rows counted, want %d", d.Count(), len(c.rows)-1)
			}
		})
	}
}

func TestDigestIsOfTheJoinedRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := population(t, 40)
		two := rapid.Bool().Draw(t, "records")
		rows := slices.Clone(items)
		for i, item := range items {
			if two {
				rows[i] = rowOf(item)
			}
			if sample.ItemOf(rows[i]) != item {
				t.Fatalf("%q is of %q, want %q", rows[i], sample.ItemOf(rows[i]), item)
			}
		}
		got, err := sample.Digest(rows)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(rows, func(a, b string) int { return strings.Compare(sample.ItemOf(a), sample.ItemOf(b)) })
		if want := sha256.Sum256([]byte(strings.Join(rows, "\n") + "\n")); got != want {
			t.Fatalf("got %x, want %x", got, want)
		}
	})
}

func TestEmptyPopulationHasADigest(t *testing.T) {
	got, err := sample.Digest(nil)
	if want := sha256.Sum256([]byte("\n")); err != nil || got != want || sample.NewDigester().Sum() != want {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
}

func TestReadItems(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"lines":             {"b\na\n", []string{"b", "a"}},
		"no last line end":  {"b\na", []string{"b", "a"}},
		"CR LF":             {"b\r\na\r\n", []string{"b", "a"}},
		"byte order mark":   {"\ufeffb\na\n", []string{"b", "a"}},
		"empty lines after": {"b\na\n\n\r\n", []string{"b", "a"}},
		"records":           {"b\t" + hex + "\na\t" + hex + "\n", []string{"b\t" + hex, "a\t" + hex}},
		"spaces are kept":   {" b \nä c\n", []string{" b ", "ä c"}},
		"the longest row":   {strings.Repeat("x", sample.MaxRow) + "\r\ny\n", []string{strings.Repeat("x", sample.MaxRow), "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sample.ReadItems(strings.NewReader(c.text))
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestReadItemsRefuses(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                    {"", "no items"},
		"only empty lines":           {"\n\n", "no items"},
		"only a byte order mark":     {"\ufeff", "no items"},
		"an empty line between":      {"a\n\nb\n", "line 2 is empty"},
		"an empty line first":        {"\na\n", "line 1 is empty"},
		"two carriage returns":       {"a\nb\r\r\n", "line 2: row"},
		"a digest that is none":      {"a\tb\n", "64 lower-case hexadecimal"},
		"a digest in upper case":     {"a\t" + strings.ToUpper(hex) + "\n", "64 lower-case hexadecimal"},
		"records, then ids":          {"a\t" + hex + "\nb\n", "line 2: it has no second column"},
		"ids, then records":          {"a\nb\t" + hex + "\n", "line 2: it has a second column"},
		"a long line":                {"a\n" + strings.Repeat("x", sample.MaxRow+1), "line 2: row"},
		"a line longer than looked":  {"a\n" + strings.Repeat("x", 1<<20), "line 2 is longer than 1024"},
		"UTF-16":                     {"\xff\xfea\x00\n\x00", "line 1: row"},
		"a table with a header line": {"id,title\n\nx", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sample.ReadItems(strings.NewReader(c.text))
			wants(t, err, c.want)
		})
	}
}

// endless is a file that repeats a line for ever.
type endless struct {
	line string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], e.line[e.at:])
		n, e.at = n+c, (e.at+c)%len(e.line)
	}
	return n, nil
}

func TestReadingEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a gigabyte")
	}
	for line, want := range map[string]string{
		"\n":                               "more than 10000000 lines",
		"x":                                "line 1 is longer than 1024",
		strings.Repeat("x", 1000) + "\r\n": "more than 1 GiB",
	} {
		wants(t, sample.Lines(&endless{line: line}, func(int, string) error { return nil }), want)
	}
}

func TestReadStrata(t *testing.T) {
	got, err := sample.ReadStrata(strings.NewReader("a\tx y\r\nb\tz"))
	if err != nil || len(got) != 2 || got["a"] != "x y" || got["b"] != "z" {
		t.Errorf("got %q, %v", got, err)
	}
	for text, want := range map[string]string{
		"a\n":            "has no stratum",
		"a\t\n":          "ends with a TAB",
		"a\tx\nb\n":      "line 2",
		"a\tx\na\ty\n":   `line 2: item "a" is there twice`,
		"a\tx\n\nb\ty":   "line 2 is empty",
		"a\tx\ty\n":      "control character",
		"\tx\n":          "no item id",
		"a\t\xff\n":      "not UTF-8",
		"a\tx\nb\ty\x7f": "control character",
	} {
		_, err := sample.ReadStrata(strings.NewReader(text))
		wants(t, err, want)
	}
}

func FuzzParseNonce(f *testing.F) {
	f.Add(nonceHex)
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := sample.ParseNonce(s); err == nil && n.String() != s {
			t.Errorf("%q is read as %s", s, n)
		}
	})
}

func FuzzReadItems(f *testing.F) {
	f.Add("CHG-0002\r\nCHG-0001\n")
	f.Add(rowOf("b") + "\n" + rowOf("a"))
	f.Add("\ufeffa\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := sample.ReadItems(strings.NewReader(text))
		if err != nil {
			if rows != nil {
				t.Error("rows beside an error")
			}
			return
		}
		digest, err := sample.Digest(rows)
		if err != nil {
			return // an id is there twice
		}
		again, err := sample.ReadItems(strings.NewReader(strings.Join(rows, "\n")))
		if err != nil || !slices.Equal(rows, again) {
			t.Fatalf("%q is read again as %q, %v", rows, again, err)
		}
		items := make([]string, len(rows))
		for i, row := range rows {
			items[i] = sample.ItemOf(row)
		}
		seed := sample.Nonce{}.Seed(digest, control, period)
		if _, err := sample.Draw(seed, items, nil, sample.Systematic, (len(items)+1)/2); err != nil {
			t.Error(err)
		}
	})
}

func FuzzReadStrata(f *testing.F) {
	f.Add("a\tx\nb\ty\n")
	f.Fuzz(func(t *testing.T, text string) {
		strata, err := sample.ReadStrata(strings.NewReader(text))
		if err != nil {
			return
		}
		sizes := map[string]int{}
		for item, stratum := range strata {
			if item == "" || stratum == "" {
				t.Fatal("an empty name was read")
			}
			sizes[stratum]++
		}
		if len(strata) > 0 {
			if _, err := sample.Allocate(sizes, len(sizes)); err != nil {
				t.Error(err)
			}
		}
	})
}

func ExampleRow() {
	fmt.Printf("%q\n", sample.Row("CHG-0001", [32]byte{0xab})[:14])
	// Output: "CHG-0001\tab000"
}
