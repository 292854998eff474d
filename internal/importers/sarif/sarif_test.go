package sarif_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/importers/sarif"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/sources/importertest"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRuns(t *testing.T) {
	data, m := sample(t, "codeql.sarif"), sarif.New()
	if !m.Guess("x", data) {
		t.Error("not guessed")
	}
	if got := m.(sources.Describer).Describe("x", data); got != "SARIF 2.1.0 results by CodeQL 2.20.1" {
		t.Error(got)
	}
	in, err := importertest.Read(t, m, data, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"excepted high go/sql-injection <nil> <nil> known",
		"fail high go/sql-injection <nil> <nil> asked",
		"fail high go/sql-injection internal/a b.go 42 This query depends on a user-provided value.",
		"fail low go/unused main.go <nil> Variable x is never used.",
		"unknown medium go/unused <nil> <nil> look",
	}
	if d := cmp.Diff(want, importertest.Findings(in, "path", "line", "message")); d != "" {
		t.Error(d)
	}
	s := in.Scopes()
	if s["tool"] != "CodeQL, Linter" || s["target"] != "https://git.example/shop" || s["not findings, pass"] != "1" || s["not findings, gone since the baseline"] != "1" {
		t.Error(s)
	}
	if missing := in.Missings(); len(missing) != 1 || !strings.HasPrefix(missing[0].Reason, "Linter says that its run did not succeed") {
		t.Error(missing)
	}
	scans := in.Resources(sources.KindScan)
	if len(scans) != 2 || scans[0].Attrs["completed"] != true || scans[1].Attrs["completed"] != false || scans[1].Attrs["findings"] != int64(0) {
		t.Error(scans)
	}
}

// gosec.sarif is what gosec 2.22.0 wrote of a program with known faults, with
// results before the tool and without fingerprints or invocations.
func TestRealOutput(t *testing.T) {
	in, err := importertest.Read(t, sarif.New(), sample(t, "gosec.sarif"), false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"excepted high G114 main.go 19 a test server",
		"fail high G204 main.go 15 <nil>",
		"fail high G302 main.go 16 <nil>",
		"fail high G401 main.go 13 <nil>",
		"fail high G404 main.go 14 <nil>",
		"fail high G501 main.go 4 <nil>",
		"fail medium G104 main.go 15 <nil>",
		"fail medium G104 main.go 19 <nil>",
	}
	if d := cmp.Diff(want, importertest.Findings(in, "path", "line", "suppressed_reason")); d != "" {
		t.Error(d)
	}
	if s := in.Scopes(); s["tool"] != "gosec" || s["target"] != "" {
		t.Error(s)
	}
}

func TestRefusals(t *testing.T) {
	good := string(sample(t, "codeql.sarif"))
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"an older version":  {`"version": "2.1.0", "runs"`, `"version": "2.0.0", "runs"`, []string{"$.version", "SARIF 2.1.0 is accepted"}},
		"no version":        {`"version": "2.1.0", "runs"`, `"runs"`, []string{"$.version", "needed"}},
		"no tool":           {`"name": "Linter", `, ``, []string{"$.runs.[1].tool.driver.name", "needed"}},
		"a strange level":   {`"level": "note"`, `"level": "bad"`, []string{"$.runs.[0].results.[1].level", "note, warning or error"}},
		"a strange kind":    {`"kind": "review"`, `"kind": "maybe"`, []string{"$.runs.[0].results.[3].kind"}},
		"an index too high": {`{"ruleIndex": 1`, `{"ruleIndex": 9`, []string{"$.runs.[0].results.[1].ruleId", "from 0 to 1"}},
		"a rating of 11":    {`"8.8"`, `"11"`, []string{"$.runs.[0].tool.driver.rules.[0].properties.security-severity"}},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good, c.from, c.to, 1)
			if bad == good {
				t.Fatal("the sample has changed")
			}
			importertest.Refused(t, sarif.New(), []byte(bad), c.want...)
		})
	}
}

func TestHostileFiles(t *testing.T) {
	importertest.Hostile(t, sarif.New(), sample(t, "codeql.sarif"))
	importertest.Hostile(t, sarif.New(), sample(t, "gosec.sarif"))
}

// Rules are remembered until the results were read; a file may not fill memory
// with what they say.
func TestRulesOfAnySizeAreNotHeld(t *testing.T) {
	rule := `{"id":"r","messageStrings":{"a":{"text":"` + strings.Repeat("x", 4<<20) + `"}}},`
	head := `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","rules":[`
	importertest.Refused(t, sarif.New(), []byte(head+strings.Repeat(rule, 20)+`{"id":"z"}]}},"results":[]}]}`), "$.runs.[0].tool.driver.rules.[15]", "at most 64 MiB")
}

func TestHugeFiles(t *testing.T) { importertest.Huge(t, sarif.New()) }

func FuzzImport(f *testing.F) {
	importertest.Fuzz(f, sarif.New(), sample(f, "codeql.sarif"), sample(f, "gosec.sarif"))
}
