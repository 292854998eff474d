package checks_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// The check that the guide shows for a rule of a tool can be put in force as it
// stands there.
func TestTheCheckOfTheGuideIsOne(t *testing.T) {
	page, err := os.ReadFile("../../docs/importing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the page has no check")
	}
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		if got := optest.Do(t, desk, checks.Import, checks.File{YAML: text}); !slices.Equal(got.Added, []string{"own.prowler.root-second-factor"}) {
			t.Errorf("%+v", got)
		}
	})
}
