package asff_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/importers/asff"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/sources/importertest"
)

func sample(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/hub.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFindings(t *testing.T) {
	data, m := sample(t), asff.New()
	list := data[strings.IndexByte(string(data), '['):]
	list = list[:strings.LastIndexByte(string(list), ']')+1]
	lines := strings.ReplaceAll(strings.Trim(string(list), "[]\n "), "},\n", "}\n")
	for name, file := range map[string][]byte{"under Findings": data, "a list": list, "lines": []byte(lines)} {
		t.Run(name, func(t *testing.T) {
			if !m.Guess("x", file) {
				t.Error("not guessed")
			}
			if got := m.(sources.Describer).Describe("x", file); got != "ASFF findings by Security Hub" {
				t.Error(got)
			}
			in, err := importertest.Read(t, m, file, false)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{
				"excepted high g compliance accepted by the board",
				"fail critical CVE-2026-1 vulnerability <nil>",
				"fail medium S3.1 compliance <nil>",
				"pass info g compliance <nil>",
				"unknown high g compliance <nil>",
			}
			if d := cmp.Diff(want, importertest.Findings(in, "category", "suppressed_reason")); d != "" {
				t.Error(d)
			}
			if s := in.Scopes(); s["archived"] != "1" || s["tool"] != "Inspector, Security Hub" {
				t.Error(s)
			}
			if n := len(in.Resources(sources.KindScan)); n != 2 {
				t.Error(n, "scans")
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	good := string(sample(t))
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"another version":    {`"SchemaVersion": "2018-10-08", "Id": "3"`, `"SchemaVersion": "2030-01-01", "Id": "3"`, []string{"$.Findings.[2].SchemaVersion", "2018-10-08 is accepted"}},
		"no account":         {`"AwsAccountId": "123456789012", "UpdatedAt": "2026-05-01T00:00:00Z", "Severity": {"Normalized": 70}`, `"UpdatedAt": "2026-05-01T00:00:00Z", "Severity": {"Normalized": 70}`, []string{"$.Findings.[2].AwsAccountId", "needed"}},
		"a strange severity": {`"Label": "MEDIUM"`, `"Label": "BAD"`, []string{"$.Findings.[0].Severity.Label", "CRITICAL is accepted"}},
		"a strange status":   {`"Status": "WARNING"`, `"Status": "MAYBE"`, []string{"$.Findings.[3].Compliance.Status", "MAYBE"}},
		"no resource":        {`"Resources": [{"Type": "AwsEc2Instance", "Id": "i-1"}]`, `"Resources": []`, []string{"$.Findings.[4].Resources", "needed"}},
		"the same id":        {`"Id": "4"`, `"Id": "3"`, []string{"$.Findings.[3]", "added twice"}},
		"a broken time":      {`"FirstObservedAt": "2026-01-02T03:04:05.678Z"`, `"FirstObservedAt": "yesterday"`, []string{"FirstObservedAt", "yesterday"}},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good, c.from, c.to, 1)
			if bad == good {
				t.Fatal("the sample has changed")
			}
			importertest.Refused(t, asff.New(), []byte(bad), c.want...)
		})
	}
}

func TestHostileFiles(t *testing.T) { importertest.Hostile(t, asff.New(), sample(t)) }

func TestHugeFiles(t *testing.T) { importertest.Huge(t, asff.New()) }

func FuzzImport(f *testing.F) { importertest.Fuzz(f, asff.New(), sample(f)) }
