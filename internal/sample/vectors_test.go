package sample_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/sample"
)

var update = flag.Bool("update", false, "rewrite the examples in docs/sampling.md")

const (
	nonceHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	control  = "CHG-01"
	period   = "2026-01-01/2026-12-31"
)

// The published vectors, in the words of the specification.
const (
	commitment = "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd"
	digest     = "d79742f13c745ee398e4d30b9245dd55a663b32d71250545fcd067c3599fef75"
	seedHex    = "33a0febfac49471ab59342beff3b673b5b02b0e89619c1fa5ba72f6b97c86983"
	first25    = "0204 0222 0210 0026 0087 0058 0045 0077 0221 0131 0075 0197 0099 0233 0205 " +
		"0025 0173 0028 0177 0089 0083 0030 0234 0185 0115"
	upTo38      = "0021 0217 0024 0111 0123 0016 0151 0136 0103 0166 0164 0193 0093"
	upTo60      = "0015 0047 0141 0085 0195 0097 0066 0229 0133 0180 0070 0008 0167 0206 0230 0202 0199 0072 0153 0040 0187 0107"
	systematic  = "0008 0018 0028 0037 0047 0056 0066 0076 0085 0095 0104 0114 0124 0133 0143 0152 0162 0172 0181 0191 0200 0210 0220 0229 0239"
	without240  = "8eb954d339f1e79c8ca2b5a856d4a09ec0412d177c329e4a4dfc2070a06799da"
	firstFive   = "0005 0111 0132 0133 0180"
	emergencies = "0021 0024"
	standards   = "0026 0058 0045 0025"
)

func changes(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("CHG-%04d", i+1)
	}
	return out
}

// numbers lists items without their prefix, as the vectors do.
func numbers(picks []sample.Pick) string {
	var out []string
	for _, p := range picks {
		out = append(out, strings.TrimPrefix(p.Item, "CHG-"))
	}
	return strings.Join(out, " ")
}

func theNonce(t testing.TB) sample.Nonce {
	t.Helper()
	n, err := sample.ParseNonce(nonceHex)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func seedOf(t testing.TB, rows []string) (sample.Seed, [32]byte) {
	t.Helper()
	d, err := sample.Digest(rows)
	if err != nil {
		t.Fatal(err)
	}
	return theNonce(t).Seed(d, control, period), d
}

func draw(t testing.TB, s sample.Seed, items []string, strata map[string]string, m sample.Method, n int) []sample.Pick {
	t.Helper()
	picks, err := sample.Draw(s, items, strata, m, n)
	if err != nil {
		t.Fatal(err)
	}
	return picks
}

func kinds() map[string]string {
	out := map[string]string{}
	for i, item := range changes(240) {
		switch {
		case i < 24:
			out[item] = "emergency"
		case i < 60:
			out[item] = "standard"
		default:
			out[item] = "normal"
		}
	}
	return out
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\ngot  %s\nwant %s", what, got, want)
	}
}

func TestVectors(t *testing.T) {
	items := changes(240)
	n := theNonce(t)
	same(t, "nonce", n.String(), nonceHex)
	same(t, "commitment", fmt.Sprintf("%x", n.Commitment()), commitment)
	s, d := seedOf(t, items)
	same(t, "digest", fmt.Sprintf("%x", d), digest)
	same(t, "seed", s.String(), seedHex)
	same(t, "25", numbers(draw(t, s, items, nil, sample.Random, 25)), first25)
	same(t, "38", numbers(draw(t, s, items, nil, sample.Random, 38)), first25+" "+upTo38)
	same(t, "60", numbers(draw(t, s, items, nil, sample.Random, 60)), first25+" "+upTo38+" "+upTo60)
	if got := s.Start(240); got != 197 {
		t.Errorf("systematic start %d, want 197", got)
	}
	same(t, "systematic", numbers(draw(t, s, items, nil, sample.Systematic, 25)), systematic)
	fewer, d := seedOf(t, items[:239])
	same(t, "digest without the last", fmt.Sprintf("%x", d), without240)
	same(t, "first five without the last", numbers(draw(t, fewer, items[:239], nil, sample.Random, 5)), firstFive)
}

func TestStratifiedVector(t *testing.T) {
	items := changes(240)
	s, _ := seedOf(t, items)
	picks := draw(t, s, items, kinds(), sample.Stratified, 25)
	by := map[string][]sample.Pick{}
	var order []string
	for _, p := range picks {
		by[p.Stratum] = append(by[p.Stratum], p)
		if p.Rank != len(by[p.Stratum]) {
			t.Errorf("%+v is number %d of its stratum", p, len(by[p.Stratum]))
		}
		if !slices.Contains(order, p.Stratum) {
			order = append(order, p.Stratum)
		}
	}
	same(t, "order of strata", strings.Join(order, " "), "emergency normal standard")
	same(t, "emergency", numbers(by["emergency"]), emergencies)
	same(t, "standard", numbers(by["standard"]), standards)
	if len(by["normal"]) != 19 {
		t.Errorf("%d normal ones, want 19", len(by["normal"]))
	}
}

// rowOf is a row as the product seals it, with a record that the documentation
// can show.
func rowOf(item string) string { return sample.Row(item, sha256.Sum256([]byte(item))) }

// shown are the texts of the examples in docs/sampling.md, by their titles.
func shown(t *testing.T) map[string]string {
	items := changes(240)
	s, d := seedOf(t, items)
	var rows []string
	for _, item := range items {
		rows = append(rows, rowOf(item))
	}
	withRecords, d2 := seedOf(t, rows)
	fewer, d3 := seedOf(t, items[:239])
	strata := map[string][]string{}
	for _, p := range draw(t, s, items, kinds(), sample.Stratified, 25) {
		strata[p.Stratum] = append(strata[p.Stratum], strings.TrimPrefix(p.Item, "CHG-"))
	}
	random := numbers(draw(t, s, items, nil, sample.Random, 60))
	return map[string]string{
		"inputs":     fmt.Sprintf("nonce    %s\nitems    CHG-0001 to CHG-0240, the row being the id\ncontrol  %s\nperiod   %s", nonceHex, control, period),
		"commitment": fmt.Sprintf("%x", theNonce(t).Commitment()),
		"digest":     fmt.Sprintf("%x", d),
		"empty":      fmt.Sprintf("%x", sample.NewDigester().Sum()),
		"seed":       s.String(),
		"random":     folded(random[:25*5-1]) + "\n\n" + folded(random[25*5:38*5-1]) + "\n\n" + folded(random[38*5:]),
		"systematic": fmt.Sprintf("s = %d\n%s", s.Start(240), folded(numbers(draw(t, s, items, nil, sample.Systematic, 25)))),
		"stratified": fmt.Sprintf("emergency  %s\nnormal     %s\nstandard   %s", strings.Join(strata["emergency"], " "),
			strings.ReplaceAll(folded(strings.Join(strata["normal"], " ")), "\n", "\n           "), strings.Join(strata["standard"], " ")),
		"fewer":   fmt.Sprintf("%x\n%s", d3, numbers(draw(t, fewer, items[:239], nil, sample.Random, 5))),
		"records": fmt.Sprintf("%s\n%x\n%s\n%s", rows[0], d2, withRecords, numbers(draw(t, withRecords, items, nil, sample.Random, 5))),
	}
}

// folded puts 13 items on a line.
func folded(s string) string {
	var out []string
	for part := range slices.Chunk(strings.Fields(s), 13) {
		out = append(out, strings.Join(part, " "))
	}
	return strings.Join(out, "\n")
}

var (
	page  = filepath.Join("..", "..", "docs", "sampling.md")
	block = regexp.MustCompile("(?m)^```text ([a-z0-9-]+)\n((?:.*\n)*?)```$")
	code  = regexp.MustCompile("(?m)^```python\n((?:.*\n)*?)```$")
)

// TestExamplesInDocumentation: what the documentation shows is what the program
// computes.
func TestExamplesInDocumentation(t *testing.T) {
	want := shown(t)
	doc, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		doc = block.ReplaceAllFunc(doc, func(b []byte) []byte {
			head, _, _ := bytes.Cut(b, []byte("\n"))
			return fmt.Appendf(nil, "%s\n%s\n```", head, want[string(block.FindSubmatch(b)[1])])
		})
		if err := os.WriteFile(page, doc, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, m := range block.FindAllSubmatch(doc, -1) {
		title := string(m[1])
		seen[title] = true
		same(t, "block "+title, strings.TrimSuffix(string(m[2]), "\n"), want[title])
	}
	for title := range want {
		if !seen[title] {
			t.Errorf("the documentation has no block %s", title)
		}
	}
}

// TestProgramInDocumentation runs the program that a stranger would copy.
func TestProgramInDocumentation(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 to run the program in docs/sampling.md with")
	}
	doc, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	m := code.FindSubmatch(doc)
	if m == nil {
		t.Fatal("the documentation has no program")
	}
	dir := t.TempDir()
	items, records, strata := filepath.Join(dir, "items"), filepath.Join(dir, "records"), filepath.Join(dir, "strata")
	program := filepath.Join(dir, "sample.py")
	all := changes(240)
	slices.Reverse(all)
	var rows, lines []string
	for _, item := range all {
		rows = append(rows, rowOf(item))
		lines = append(lines, item+"\t"+kinds()[item])
	}
	for path, text := range map[string]string{program: string(m[1]), items: strings.Join(all, "\n") + "\n", records: strings.Join(rows, "\r\n"), strata: strings.Join(lines, "\n") + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := seedOf(t, all)
	withRecords, _ := seedOf(t, rows)
	for name, c := range map[string]struct {
		args  []string
		picks []sample.Pick
	}{
		"random":     {[]string{items, "38", "random"}, draw(t, s, all, nil, sample.Random, 38)},
		"records":    {[]string{records, "25", "random"}, draw(t, withRecords, all, nil, sample.Random, 25)},
		"systematic": {[]string{items, "25", "systematic"}, draw(t, s, all, nil, sample.Systematic, 25)},
		"stratified": {[]string{items, "25", "stratified", strata}, draw(t, s, all, kinds(), sample.Stratified, 25)},
	} {
		args := append([]string{program, nonceHex, control, period}, c.args...)
		var out, errs bytes.Buffer
		cmd := exec.CommandContext(t.Context(), python, args...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, errs.String())
		}
		want := ""
		for _, p := range c.picks {
			want += p.Item + "\n"
		}
		same(t, name, out.String(), want)
		if !strings.Contains(errs.String(), commitment) {
			t.Errorf("%s: it does not say the commitment:\n%s", name, errs.String())
		}
	}
}
