package checks_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// A clone cannot say what a forge enforces; the forge that holds it can, and
// another one cannot.
func TestTheForgeAnswersWhatACloneCannot(t *testing.T) {
	for name, c := range map[string]struct {
		held  string
		own   checks.Status // of the check over the clone
		rules bool          // whether the forge protects the branch
		want  checks.Status // of that over the forge
	}{
		"no forge":                  {"", checks.Unknown, false, checks.Unknown},
		"another repository":        {"example/other", checks.Unknown, true, checks.Pass},
		"it holds it":               {"example/App", checks.NotApplicable, true, checks.Pass},
		"it holds it, and it fails": {"example/app", checks.NotApplicable, false, checks.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			optest.Each(t, func(t *testing.T, desk *op.Desk) {
				read := func(kind, key string, attrs map[string]any, absent map[string]string) {
					t.Helper()
					s, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "git", Name: kind, Path: "/nowhere/" + kind})
					if err != nil {
						t.Fatal(err)
					}
					reader, err := sources.NewReader(seen{kind: kind, resources: []sources.Resource{{Kind: kind, Key: key, Attrs: attrs, Absent: absent}}})
					if err != nil {
						t.Fatal(err)
					}
					run, err := reader.Read(t.Context(), desk, s.ID, nil, false)
					if err == nil {
						err = checks.EvaluateRun(t.Context(), desk, run.ID, nil)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				read("repository", "app.git", map[string]any{"name": "app"}, map[string]string{"branch_protected": "a clone does not record it", "force_pushes": "a clone does not record it"})
				if c.held != "" {
					read("forge_repository", c.held, map[string]any{"name": c.held, "archived": false, "mirror": false, "empty": false, "branch_protected": c.rules}, nil)
				}
				for id, want := range map[string]checks.Status{"git.repository.branch-protected": c.own, "forge.repository.branch-protected": c.want} {
					x := optest.Do(t, desk, checks.Get, checks.Ref{ID: id})
					if x.Status != want {
						t.Errorf("%s is %s: %s", id, x.Status, x.Reason)
					}
					if x.Mandatory != (id == "forge.repository.branch-protected") {
						t.Errorf("%s is mandatory: %t", id, x.Mandatory)
					}
				}
			})
		})
	}
}
