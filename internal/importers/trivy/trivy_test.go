package trivy_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/importers/trivy"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/sources/importertest"
)

func sample(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/alpine.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReport(t *testing.T) {
	data, m := sample(t), trivy.New()
	if !m.Guess("x", data) {
		t.Error("not guessed")
	}
	if got := m.(sources.Describer).Describe("x", data); got != "a Trivy report, schema 2, of registry.example:5000/shop/web:1.4" {
		t.Error(got)
	}
	in, err := importertest.Read(t, m, data, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"fail critical CVE-2021-36159 vulnerability apk-tools <nil> 2.10.7-r0 <nil>",
		"fail critical aws-access-key-id secret <nil> deploy.sh <nil> 2",
		"fail high AVD-DS-0002 misconfiguration <nil> Dockerfile <nil> 3",
		"fail medium CVE-2019-1549 vulnerability libcrypto1.1 <nil> 1.1.1d-r0 <nil>",
		"pass low AVD-DS-0026 misconfiguration <nil> Dockerfile <nil> <nil>",
	}
	if d := cmp.Diff(want, importertest.Findings(in, "category", "package", "path", "fixed_version", "line")); d != "" {
		t.Error(d)
	}
	if s := in.Scopes(); s["target"] != "registry.example:5000/shop/web" || s["tool"] != "Trivy" {
		t.Error(s)
	}
	for _, r := range in.Resources(sources.KindFinding) {
		if strings.Contains(fmt.Sprint(r), "NOT-TO-BE-KEPT") {
			t.Error("the secret is in", r)
		}
	}
}

// A new build with a new tag and a newer but still weak version continues the
// finding.
func TestKeysLast(t *testing.T) {
	keys := func(data string) (out []string) {
		in, err := importertest.Read(t, trivy.New(), []byte(data), false)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range in.Resources(sources.KindFinding) {
			out = append(out, r.Key)
		}
		return out
	}
	data := string(sample(t))
	later := strings.NewReplacer("web:1.4", "web:1.5", "1.1.1c-r0", "1.1.1c-r9", `"StartLine": 3`, `"StartLine": 9`).Replace(data)
	if d := cmp.Diff(keys(data), keys(later)); d != "" {
		t.Error(d)
	}
}

func TestRefusals(t *testing.T) {
	good := string(sample(t))
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"another schema":   {`"SchemaVersion": 2`, `"SchemaVersion": 1`, []string{"$.SchemaVersion", "2 is accepted, not 1"}},
		"no schema":        {`"SchemaVersion": 2, `, ``, []string{"$.SchemaVersion", "needed"}},
		"no artifact":      {`"ArtifactName": "registry.example:5000/shop/web:1.4", `, ``, []string{"$.ArtifactName", "needed"}},
		"no package":       {`"PkgName": "apk-tools", `, ``, []string{"$.Results.[0].Vulnerabilities.[1].PkgName", "needed"}},
		"a strange status": {`"Status": "PASS"`, `"Status": "OK"`, []string{"$.Results.[1].Misconfigurations.[1].Status", "PASS, FAIL or EXCEPTION"}},
		"results no list":  {`"Results": [`, `"Results": {"x": [`, []string{"$.Results", "a list is accepted, not an object"}},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good, c.from, c.to, 1)
			if bad == good {
				t.Fatal("the sample has changed")
			}
			importertest.Refused(t, trivy.New(), []byte(bad), c.want...)
		})
	}
}

func TestHostileFiles(t *testing.T) { importertest.Hostile(t, trivy.New(), sample(t)) }

func TestHugeFiles(t *testing.T) { importertest.Huge(t, trivy.New()) }

func FuzzImport(f *testing.F) { importertest.Fuzz(f, trivy.New(), sample(f)) }
