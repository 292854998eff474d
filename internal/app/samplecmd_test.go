package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/app"
)

const (
	aNonce  = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	theYear = "2026-01-01/2026-12-31"
)

// changes are the items of the published example, last first.
func changes() []string {
	var out []string
	for i := 240; i > 0; i-- {
		out = append(out, fmt.Sprintf("CHG-%04d", i))
	}
	return out
}

// file writes lines to a file.
func file(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// recompute draws with what the published example says, unless args say
// otherwise.
func recompute(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	given := map[string]string{"--nonce": aNonce, "--control": "CHG-01", "--period": theYear, "--n": "5"}
	line := []string{"sample", "recompute"}
	for flag, value := range given {
		if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, flag+"=") }) {
			line = append(line, flag, value)
		}
	}
	return run(t, append(line, args...)...)
}

func TestRecompute(t *testing.T) {
	items := file(t, changes()...)
	status, out, errs := recompute(t, "--items", items)
	if want := "CHG-0204\nCHG-0222\nCHG-0210\nCHG-0026\nCHG-0087\n"; status != 0 || out != want || errs != "" {
		t.Errorf("exit %d, %q, %q, want %q", status, out, errs, want)
	}
	_, out, _ = recompute(t, "--items", items, "--method=systematic", "--n=25")
	if got := strings.Fields(out); len(got) != 25 || got[0] != "CHG-0008" || got[24] != "CHG-0239" {
		t.Errorf("systematic: %q", got)
	}
	var stdout, stderr bytes.Buffer
	if status := app.Run(t.Context(), []string{"sample", "recompute", "--nonce", aNonce, "--control", "CHG-01", "--period", theYear, "--n", "5", "--items", "-"},
		strings.NewReader(strings.Join(changes()[1:], "\r\n")), &stdout, &stderr); status != 0 {
		t.Fatal(stderr.String())
	}
	if want := "CHG-0005\nCHG-0111\nCHG-0132\nCHG-0133\nCHG-0180\n"; stdout.String() != want {
		t.Errorf("from standard input, without the last: %q, want %q", stdout.String(), want)
	}
}

func TestRecomputeStrata(t *testing.T) {
	var strata []string
	for _, item := range changes() {
		switch {
		case item <= "CHG-0024":
			strata = append(strata, item+"\temergency")
		case item <= "CHG-0060":
			strata = append(strata, item+"\tstandard")
		default:
			strata = append(strata, item+"\tnormal")
		}
	}
	status, out, errs := recompute(t, "--items", file(t, changes()...), "--strata", file(t, strata...), "--method=stratified", "--n=25", "--json")
	var got struct {
		Allocation map[string]int
		Items      []string
	}
	if err := json.Unmarshal([]byte(out), &got); status != 0 || err != nil {
		t.Fatalf("exit %d, %v: %s", status, err, errs)
	}
	if diff := cmp.Diff(map[string]int{"emergency": 2, "normal": 19, "standard": 4}, got.Allocation); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"CHG-0021", "CHG-0024"}, got.Items[:2]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"CHG-0026", "CHG-0058", "CHG-0045", "CHG-0025"}, got.Items[21:]); diff != "" {
		t.Error(diff)
	}
}

func TestRecomputeJSON(t *testing.T) {
	_, out, _ := recompute(t, "--items", file(t, changes()...), "--method=systematic", "--n=1", "--json")
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"protocol": "soc2-sample/v1", "commitment": "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd",
		"digest":  "d79742f13c745ee398e4d30b9245dd55a663b32d71250545fcd067c3599fef75",
		"seed":    "33a0febfac49471ab59342beff3b673b5b02b0e89619c1fa5ba72f6b97c86983",
		"control": "CHG-01", "period": theYear, "method": "systematic", "N": 240.0, "n": 1.0, "start": 197.0, "items": []any{"CHG-0198"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRecomputeRefuses(t *testing.T) {
	abc := file(t, "a", "b", "c")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a bad nonce":              {[]string{"--items", abc, "--nonce=00"}, "--nonce: a nonce is 64 lower-case"},
		"an empty control":         {[]string{"--items", abc, "--control="}, "--control: the reference of a control is not empty"},
		"a malformed period":       {[]string{"--items", abc, "--period=2026"}, "--period: a period is its first and last day"},
		"a period that ends first": {[]string{"--items", abc, "--period=2026-12-31/2026-01-01"}, "--period: a period ends no earlier"},
		"no item":                  {[]string{"--items", abc, "--n=0"}, "--n: a sample has at least 1 item"},
		"more than all":            {[]string{"--items", abc, "--n=4"}, "population of 3"},
		"an id twice":              {[]string{"--items", file(t, "a", "b", "a")}, `--items: item "a" is there twice`},
		"an empty file":            {[]string{"--items", file(t)}, "--items: there are no items"},
		"an empty line":            {[]string{"--items", file(t, "a", "", "b")}, "--items: line 2 is empty"},
		"no file":                  {[]string{"--items", abc + "x"}, "no such file"},
		"an unknown method":        {[]string{"--items", abc, "--method=haphazard", "--n=1"}, "random, systematic, stratified"},
		"no strata":                {[]string{"--items", abc, "--method=stratified", "--n=1"}, "--strata: a stratified sample needs"},
		"strata without need":      {[]string{"--items", abc, "--strata", abc, "--n=1"}, "--strata: strata go with --method stratified"},
		"an item without stratum":  {[]string{"--items", abc, "--strata", file(t, "a\tx", "b\tx"), "--method=stratified", "--n=1"}, `item "c" has no stratum`},
		"fewer than strata":        {[]string{"--items", abc, "--strata", file(t, "a\tx", "b\ty", "c\tz"), "--method=stratified", "--n=2"}, "draw at least 3"},
		"both from standard input": {[]string{"--items=-", "--strata=-", "--method=stratified"}, "--strata: standard input can be read only once"},
		"no size at all":           {[]string{"--items", abc, "--n="}, "--n"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, more := range [][]string{nil, {"--json"}} {
				status, out, errs := recompute(t, append(c.args, more...)...)
				if status == 0 || out != "" || !strings.Contains(errs, c.want) {
					t.Errorf("exit %d, printed %q, complained %q, want a complaint that says %q", status, out, errs, c.want)
				}
			}
		})
	}
}

// TestSampleNeedsNoData: the commands work for a stranger, and leave nothing.
func TestSampleNeedsNoData(t *testing.T) {
	items := file(t, "a", "b")
	t.Chdir(t.TempDir())
	data := filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{
		{"sample", "recompute", "--data", data, "--nonce", aNonce, "--items", items, "--control", "C", "--period", theYear, "--n", "1"},
		{"sample", "evaluate", "--data", data, "--n", "25", "--k", "1"},
		{"sample", "evaluate", "--n", "25", "--k", "1"},
	} {
		if status, out, errs := run(t, args...); status != 0 || out == "" {
			t.Errorf("%v: exit %d, %q, %q", args, status, out, errs)
		}
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("a data directory was made: %v", err)
	}
	if left, err := os.ReadDir("."); err != nil || len(left) != 0 {
		t.Errorf("%v was left behind, %v", left, err)
	}
}

func TestEvaluate(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want map[string]any
		max  float64 // upper limit in percent
	}{
		"scenario 2": {[]string{"--n", "25", "--k", "1"}, map[string]any{"n": 25.0, "k": 1.0, "confidence": 0.9, "tolerable": 0.1, "model": "binomial",
			"observed": 0.04, "smallest_n": 38.0, "supports": false, "meaningful": true}, 14.6867},
		"scenario 1": {[]string{"--n", "25", "--k", "0", "--confidence", "0.95"}, map[string]any{"n": 25.0, "k": 0.0, "confidence": 0.95, "tolerable": 0.1,
			"model": "binomial", "observed": 0.0, "smallest_n": 29.0, "supports": false, "meaningful": true}, 11.2928},
		"small": {[]string{"--n", "8", "--k", "0", "--tolerable", "0.5"}, map[string]any{"n": 8.0, "k": 0.0, "confidence": 0.9, "tolerable": 0.5,
			"model": "binomial", "observed": 0.0, "smallest_n": 4.0, "supports": true, "meaningful": false}, 25.0106},
		"of 240": {[]string{"--n", "60", "--k", "1", "--population", "240"}, map[string]any{"n": 60.0, "k": 1.0, "population": 240.0, "confidence": 0.9, "tolerable": 0.1,
			"model": "hypergeometric", "observed": 1.0 / 60, "upper_count": 13.0, "smallest_n": 34.0, "supports": true, "meaningful": true}, 100 * 13.0 / 240},
		"too many": {[]string{"--n", "60", "--k", "25", "--population", "240"}, map[string]any{"n": 60.0, "k": 25.0, "population": 240.0, "confidence": 0.9,
			"tolerable": 0.1, "model": "hypergeometric", "observed": 25.0 / 60, "upper_count": 119.0, "smallest_n": nil, "supports": false, "meaningful": true}, 100 * 119.0 / 240},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, errs := run(t, append([]string{"sample", "evaluate", "--json"}, c.args...)...)
			var got map[string]any
			if err := json.Unmarshal([]byte(out), &got); err != nil || status != 0 {
				t.Fatalf("exit %d, %v: %s", status, err, errs)
			}
			if limit, _ := got["upper_limit"].(float64); math.Abs(100*limit-c.max) > 0.0001 {
				t.Errorf("upper limit %v, want %v %%", limit, c.max)
			}
			delete(got, "upper_limit")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEvaluateSaysWhatItMeans(t *testing.T) {
	for args, want := range map[string]string{
		"--n 25 --k 1":                  "Deviations: 1 of 25, 4.0000 %.\nUpper limit at 90 % confidence: 14.6867 % (binomial).\nA tolerable rate of 10 % is not supported.\nWith 1 deviating, the smallest sample that supports it: 38.\n",
		"--n 8 --k 0":                   "not meaningful: fewer than 20 items were tested",
		"--n 12 --k 1 --population 12":  "Deviations: 1 of 12, 8.3333 %.\nAll items were tested, so the rate is exact and nothing is projected.\nA tolerable rate of 10 % is supported.\n",
		"--n 25 --k 0 --population 240": "Upper limit at 90 % confidence: 8.3333 %, 20 of 240 items (hypergeometric).",
		"--n 8 --k 3 --population 18":   "With 3 deviating, no sample of this population would support it.",
	} {
		_, out, errs := run(t, append([]string{"sample", "evaluate"}, strings.Fields(args)...)...)
		if !strings.Contains(out, want) {
			t.Errorf("%s: %q %q, want %q", args, out, errs, want)
		}
	}
}

func TestEvaluateRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"--n 0 --k 0":                   "--n: between 1 and",
		"--n 10000001 --k 0":            "--n: between 1 and",
		"--n 3 --k 4":                   "--k: between none and all of the 3",
		"--n 3 --k=-1":                  "--k: between none and all of the 3",
		"--n 3 --k 1 --confidence 0.5":  "a confidence lies between 0.5 and 1",
		"--n 3 --k 1 --confidence 1":    "a confidence lies between 0.5 and 1",
		"--n 3 --k 1 --confidence 90":   "a confidence lies between 0.5 and 1",
		"--n 3 --k 1 --confidence NaN":  "a confidence lies between 0.5 and 1",
		"--n 3 --k 1 --tolerable 0":     "a tolerable rate lies between 0 and 1",
		"--n 3 --k 1 --tolerable 1":     "a tolerable rate lies between 0 and 1",
		"--n 3 --k 1 --tolerable NaN":   "a tolerable rate lies between 0 and 1",
		"--n 3 --k 1 --tolerable 1e-9":  "--tolerable: a tolerable rate is at least 0.0001",
		"--n 3 --k 1 --population 2":    "--population: a population of which 3 items were tested",
		"--n 3 --k 1 --population 0":    "--population: a population of which 3 items were tested",
		"--n 3 --k 1 --population 1e99": "--population",
		"--n 3 --k 1.5":                 "--k",
		"--n 3":                         "--k",
	} {
		status, out, errs := run(t, append([]string{"sample", "evaluate"}, strings.Fields(args)...)...)
		if status == 0 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, printed %q, complained %q, want a complaint that says %q", args, status, out, errs, want)
		}
	}
}
