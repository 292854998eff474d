package auth_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// rights lists every right that any role has.
func rights() []auth.Right {
	var out []auth.Right
	for _, role := range slices.Concat(auth.Roles(), auth.FirmRoles()) {
		out = append(out, auth.RightsOf(role)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// The table of who may do what is reviewed as a file.
func TestRolesAndRights(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-20s", "")
	for _, role := range slices.Concat(auth.Roles(), auth.FirmRoles()) {
		fmt.Fprintf(&b, " %s", role)
	}
	b.WriteString("\n")
	for _, right := range rights() {
		fmt.Fprintf(&b, "%-20s", right)
		for _, role := range slices.Concat(auth.Roles(), auth.FirmRoles()) {
			mark := "-"
			if (auth.Actor{User: "usr_1", Roles: []auth.Role{role}}).May(right) {
				mark = "yes"
			}
			fmt.Fprintf(&b, " %-*s", len(role), mark)
		}
		b.WriteString("\n")
	}
	var lines []string
	for l := range strings.Lines(b.String()) {
		lines = append(lines, strings.TrimRight(l, " \n")+"\n")
	}
	got := strings.Join(lines, "")
	const path = "testdata/rights.golden"
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; rewrite it with -update and review it (-want +got):\n%s", path, diff)
	}
}

func TestWhatIsNotGrantedIsDenied(t *testing.T) {
	for name, c := range map[string]struct {
		actor auth.Actor
		right auth.Right
		words string // of the denial; empty if allowed
	}{
		"nobody, for anyone":       {auth.Actor{}, auth.Anyone, ""},
		"nobody":                   {auth.Actor{}, auth.OrgRead, "Sign in first"},
		"a name alone":             {auth.Actor{Name: "Ada", Via: "page"}, auth.OrgRead, "Sign in first"},
		"roles without a user":     {auth.Actor{Roles: []auth.Role{"nosuch"}}, auth.OrgRead, "Sign in first"},
		"no role":                  {auth.Actor{User: "usr_1"}, auth.OrgRead, "needs the right org:read"},
		"a role that is not one":   {auth.Actor{User: "usr_1", Roles: []auth.Role{"root"}}, auth.OrgRead, "needs the right"},
		"an employee":              {auth.Actor{User: "usr_1", Roles: []auth.Role{auth.Employee}}, auth.MembersWrite, "Ask a member who is owner."},
		"one of two roles":         {auth.Actor{User: "usr_1", Roles: []auth.Role{auth.Employee, auth.Lead}}, auth.ControlsWrite, ""},
		"a right nobody has":       {auth.Actor{User: "usr_1", Roles: []auth.Role{auth.Owner}}, "moon:write", "needs the right moon:write"},
		"the machine, its right":   {auth.Machine("m", auth.JobsRead), auth.JobsRead, ""},
		"the machine, another":     {auth.Machine("m", auth.JobsRead), auth.OrgWrite, "needs the right org:write"},
		"the machine, without any": {auth.Machine("m"), auth.JobsRead, "Sign in first"},
	} {
		err := c.actor.Require(c.right)
		if c.words == "" {
			if err != nil || !c.actor.May(c.right) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if c.actor.May(c.right) || fault.KindOf(err) != fault.KindDenied || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: got %v, want a denial that says %q", name, err, c.words)
		}
	}
}

func TestParseRole(t *testing.T) {
	for _, role := range slices.Concat(auth.Roles(), auth.FirmRoles()) {
		if got, err := auth.ParseRole(string(role)); err != nil || got != role {
			t.Errorf("%s: got %s, %v", role, got, err)
		}
	}
	for _, bad := range []string{"", "root", "Owner", "owner ", "owner compliance_lead"} {
		_, err := auth.ParseRole(bad)
		wantKind(t, err, fault.KindInvalid, "a role is one of owner, compliance_lead")
	}
}

func TestRightsOfARoleAreACopy(t *testing.T) {
	auth.RightsOf(auth.Employee)[0] = auth.MembersWrite
	if (auth.Actor{User: "usr_1", Roles: []auth.Role{auth.Employee}}).May(auth.MembersWrite) {
		t.Error("a caller can change the policy")
	}
}

func TestActorsHaveKeysOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range []auth.Actor{{User: "usr_1"}, {User: "usr_2", Name: "x"}, auth.Machine("x", auth.JobsRead), auth.Machine("y", auth.JobsRead), {}} {
		if seen[a.Key()] {
			t.Errorf("%q belongs to two", a.Key())
		}
		seen[a.Key()] = true
	}
}
