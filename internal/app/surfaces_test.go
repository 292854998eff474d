package app_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/mcp"
	"github.com/tickmark/tickmark/internal/op"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares what a surface offers with what was last agreed. Whoever
// reviews a change reads the difference first.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s has changed (-agreed +now); go test ./internal/app -update accepts it:\n%s", name, diff)
	}
}

func TestOperations(t *testing.T) {
	var b bytes.Buffer
	for _, o := range app.Operations() {
		verb, right := "reads ", string(o.Right())
		if o.Writes() {
			verb = "writes"
		}
		if o.Right() == auth.Anyone {
			right = "(nobody signed in)"
		}
		route := "the machine's own"
		if len(op.Offered([]op.Operation{o})) == 1 {
			r := op.RouteOf(o)
			route = r.Method + " " + r.Path
		}
		fmt.Fprintf(&b, "%-28s %s  needs %-18s  %-50s  %s\n", o.Name(), verb, right, route, o.Summary())
	}
	golden(t, "operations.golden", b.Bytes())
}

func TestOpenAPI(t *testing.T) {
	golden(t, "openapi.golden", api.Spec(app.Operations()))
}

func TestPages(t *testing.T) {
	var b bytes.Buffer
	for _, r := range app.Pages(assess.Offer{}) {
		who := ""
		if r.Open {
			who = "  nobody signed in"
		}
		fmt.Fprintf(&b, "%s%s\n", r.Pattern, who)
	}
	golden(t, "pages.golden", b.Bytes())
}

// help runs the program with --help.
func help(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	if status := app.Run(t.Context(), append(args, "--help"), strings.NewReader(""), &out, &errs); status != 0 {
		t.Fatalf("%v --help: exit %d: %s", args, status, errs.String())
	}
	return out.Bytes()
}

func TestHelp(t *testing.T) {
	golden(t, "help.golden", help(t))
	golden(t, "help-assess.golden", help(t, "assess"))
	golden(t, "help-serve.golden", help(t, "serve"))
}

func TestEveryWritingOperationNeedsARightUnlessNobodyCanHaveOneYet(t *testing.T) {
	open := map[string]bool{
		"orgs.create":        true, // with the one-time setup token
		"invitations.accept": true, // with the secret of an invitation, which says where it leads
		"orgs.found":         true, // from Go alone
		"sessions.create":    true, // from Go alone, once a password was checked
		"recoveries.create":  true, // from Go alone: whoever has forgotten asks for a letter
		"recoveries.use":     true, // from Go alone, with the secret of that letter
		"recoveries.host":    true, // from Go alone, by whoever has the data directory in hand
	}
	for _, o := range app.Operations() {
		if o.Right() == auth.Anyone && !open[o.Name()] {
			t.Errorf("%s can be done by anyone", o.Name())
		}
	}
}

func TestTools(t *testing.T) {
	var b bytes.Buffer
	for _, o := range op.Offered(app.Operations()) {
		if o.Right() == auth.Anyone {
			continue
		}
		token := "any token"
		if o.Writes() {
			token = "a token that writes"
		}
		fmt.Fprintf(&b, "%-34s %-20s %s\n", mcp.Name(o), token, mcp.Input(o))
	}
	golden(t, "tools.golden", b.Bytes())
}
