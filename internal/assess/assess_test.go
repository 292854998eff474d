package assess_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/collectors/git"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// repository makes one with n commits.
func repository(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	r, err := gogit.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte{byte('a' + i), '\n'}, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add("README.md"); err != nil {
			t.Fatal(err)
		}
		at := optest.Start.Add(time.Duration(i-100) * time.Hour)
		who := &object.Signature{Name: "Ann", Email: "ann@example.com", When: at}
		if _, err := w.Commit("change", &gogit.CommitOptions{Author: who, Committer: who}); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func perform(t *testing.T, desk *op.Desk, o assess.Offer) assess.Report {
	t.Helper()
	list, err := assess.Connect(t.Context(), desk, o)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := sources.NewReader(git.New())
	if err != nil {
		t.Fatal(err)
	}
	r, err := assess.Perform(t.Context(), desk, reader, list, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARepositoryAloneGivesThePicture(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := perform(t, desk, assess.Offer{Git: repository(t, 7)})
		if len(r.Runs) != 1 || r.Runs[0].Source != "git" || r.Runs[0].Resources["commit"] != 7 {
			t.Errorf("runs %+v, want one of git with 7 commits", r.Runs)
		}
		if len(r.Checks) < 12 || len(r.Criteria) != 33 {
			t.Errorf("%d checks over %d criteria, want at least 12 over 33", len(r.Checks), len(r.Criteria))
		}
		for _, c := range r.Checks {
			switch c.Status {
			case checks.Pass, checks.Fail, checks.Unknown, checks.NotApplicable:
			default:
				t.Errorf("%s says %q", c.ID, c.Status)
			}
		}
		if r.Ledger.Origin == "" || r.Ledger.Size == 0 || r.Ledger.Root == "" {
			t.Errorf("ledger %+v", r.Ledger)
		}
		if r.Exit() != assess.SomeFail {
			t.Errorf("exit %d: unsigned commits should fail", r.Exit())
		}
	})
}

func TestAssessingAgainUsesTheSameSource(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		o := assess.Offer{Git: repository(t, 1)}
		perform(t, desk, o)
		optest.Clock(desk).Advance(time.Hour)
		perform(t, desk, o)
		list, err := sources.List.Do(t.Context(), desk, op.None{})
		if err != nil || list.Total != 1 {
			t.Errorf("%d sources, %v; want 1", list.Total, err)
		}
	})
}

func TestASourceThatCannotBeReadIsPartOfTheReport(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := perform(t, desk, assess.Offer{Git: t.TempDir()})
		if len(r.Runs) != 1 || r.Runs[0].Status != sources.RunFailed || r.Runs[0].Error == "" {
			t.Errorf("runs %+v", r.Runs)
		}
		if r.Exit() != assess.SomeUnknown {
			t.Errorf("exit %d, want %d: nothing was examined", r.Exit(), assess.SomeUnknown)
		}
	})
}

func TestExit(t *testing.T) {
	status := func(list ...checks.Status) assess.Report {
		r := assess.Report{Runs: []assess.Run{{Status: sources.RunOK}}}
		for _, s := range list {
			r.Checks = append(r.Checks, assess.Check{Status: s})
		}
		return r
	}
	for _, c := range []struct {
		report assess.Report
		want   int
	}{
		{status(checks.Pass, checks.NotApplicable), assess.AllPass},
		{status(checks.Pass, checks.Excepted), assess.AllPass},
		{status(checks.Pass, checks.Unknown), assess.SomeUnknown},
		{status(checks.Unknown, checks.Fail, checks.Pass), assess.SomeFail},
		{status(), assess.SomeUnknown},
	} {
		if got := c.report.Exit(); got != c.want {
			t.Errorf("%+v: exit %d, want %d", c.report.Checks, got, c.want)
		}
	}
}

func TestCheckoutFindsTheFolderThatHoldsTheRepository(t *testing.T) {
	dir := repository(t, 1)
	sub := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := assess.Checkout(sub); got != dir {
		t.Errorf("from a subfolder: %q, want %q", got, dir)
	}
	if got := assess.Checkout(string(filepath.Separator)); got != "" {
		t.Errorf("from the root: %q", got)
	}
}
