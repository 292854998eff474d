package checks_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/sources"
)

// Every check that ships compiles against its kind, and judges its own
// fixtures as it says. Parse has checked ids, controls, criteria and summaries.
func TestLibraryProvesItself(t *testing.T) {
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	library, err := checks.Library()
	if err != nil {
		t.Fatal(allOf(err))
	}
	if len(library) < 25 {
		t.Errorf("%d checks ship, at least 25 should", len(library))
	}
	for _, d := range library {
		t.Run(d.ID, func(t *testing.T) {
			schema, known := schemas[d.Kind]
			if !known {
				t.Fatalf("%s: there is no kind %q", d.Where("kind"), d.Kind)
			}
			c, err := checks.Compile(d, schema)
			if err != nil {
				t.Fatal(allOf(err))
			}
			if err := c.Prove(); err != nil {
				t.Error(allOf(err))
			}
		})
	}
	if !slices.IsSortedFunc(library, func(a, b checks.Definition) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("the library is not in the order of ids")
	}
}

func TestParseLibraryFindsWhatOneFileCannot(t *testing.T) {
	_, err := checks.ParseLibrary(fstest.MapFS{"a.yaml": {Data: []byte(goodCheck)}, "b.yaml": {Data: []byte(goodCheck)}, "notes.md": {Data: []byte("x")}})
	if err == nil || !strings.Contains(err.Error(), "idp.account.mfa is already used at a.yaml:1 (b.yaml:1)") {
		t.Errorf("got %v", err)
	}
}

func TestProveSaysWhichFixtureIsJudgedOtherwise(t *testing.T) {
	d := parseOne(t, strings.NewReplacer(
		"mfa: true", "mfa: false", "active: true, service: false, mfa: false", "active: false",
		"service: false}]", "servce: false}]",
	).Replace(goodCheck))
	c, err := checks.Compile(d, account)
	if err != nil {
		t.Fatal(err)
	}
	all := allOf(c.Prove())
	for _, want := range []string{
		"fixtures: example 1 of pass is judged fail: idp.account.mfa does not hold for fixture (a.yaml:19, idp.account.mfa)",
		"example 1 of fail is judged not_applicable (a.yaml:21, idp.account.mfa)",
		"example 1 of unknown: account has no field servce: service is probably meant (a.yaml:22, idp.account.mfa)",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("got\n%s\nwant %s", all, want)
		}
	}
}
