package app_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/reports"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
)

// played is an installation that holds the demonstration.
func played(t *testing.T) *app.App {
	t.Helper()
	c := conf.Config{Data: filepath.Join(t.TempDir(), "data")}
	a, err := app.OpenDemo(t.Context(), c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := a.PlayDemo(t.Context(), history(t, "demo"), nil); err != nil {
		t.Fatal(err)
	}
	return a
}

// seat is the desk of the first member of an organization who has a role.
func seat(t *testing.T, a *app.App, role auth.Role) *op.Desk {
	t.Helper()
	desk := &op.Desk{Engine: a.Engine}
	err := a.DB.Read(t.Context(), db.All, func(tx *db.Tx) error {
		all, err := orgs.All(tx)
		if err != nil {
			return err
		}
		for _, o := range all {
			members, err := auth.Members(tx, o.ID)
			if err != nil {
				return err
			}
			for _, m := range members {
				if m.Roles[0] == role {
					desk.Org = o.ID
					desk.Actor, err = auth.MemberActor(tx, o.ID, m.ID, "test")
					return err
				}
			}
		}
		return nil
	})
	if err != nil || desk.Org == "" {
		t.Fatalf("nobody is %s: %v", role, err)
	}
	return desk
}

// TestFromAProposalToAReportThatAStrangerVerifies is the main job of an
// examination: four people, a real history, an issued report, and a bundle in
// which the verifier follows the order of events.
func TestFromAProposalToAReportThatAStrangerVerifies(t *testing.T) {
	a := played(t)
	partner := seat(t, a, auth.Partner)
	all, err := engagements.List.Do(t.Context(), partner, op.None{})
	if err != nil || len(all.Items) != 1 || all.Items[0].State != engagements.Issued {
		t.Fatalf("the engagement is %+v, %v", all.Items, err)
	}
	e := string(all.Items[0].ID)
	view, err := engagements.Get.Do(t.Context(), partner, engagements.Ref{ID: e})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []auth.Role{auth.Partner, auth.Lead} {
		book, err := reports.Get.Do(t.Context(), seat(t, a, role), reports.Ref{Engagement: e})
		if err != nil || len(book.Prints) != 2 || book.Prints[0].Kind != reports.KindFinal {
			t.Errorf("%s sees prints %+v, %v", role, book.Prints, err)
		}
	}
	var b bytes.Buffer
	if err := engagements.WriteBundle(t.Context(), partner, e, &b); err != nil {
		t.Fatal(err)
	}
	r, err := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{Keys: view.Keys})
	if err != nil || r.Verdict != bundle.Demo || len(r.Problems) > 0 {
		t.Fatalf("the verifier says %s: %v, %v", r.Verdict, r.Problems, err)
	}
	if r.Examination == nil {
		t.Fatal("the verifier saw no examination")
	}
	// The client cannot take the workpapers out.
	if err := engagements.WriteBundle(t.Context(), seat(t, a, auth.Owner), e, &b); err == nil {
		t.Error("the client exported the firm's file")
	}
	// Whoever has the directory is not the partner.
	if _, err := a.Desk(t.Context(), "Aldine Voss"); err == nil || !strings.Contains(err.Error(), "own sign-in") {
		t.Errorf("the directory acts as the firm: %v", err)
	}
	if desk, err := a.Desk(t.Context(), ""); err != nil || desk.Org != seat(t, a, auth.Owner).Org {
		t.Errorf("the directory acts for %v, %v", desk, err)
	}
}

// A directory with real records is no place for a demonstration.
func TestDemoRefusesADirectoryThatIsInUse(t *testing.T) {
	c := conf.Config{Data: filepath.Join(t.TempDir(), "data")}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	a, err := app.Open(t.Context(), c, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Found(t.Context(), "Real"); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := app.OpenDemo(t.Context(), c, log); err == nil || !strings.Contains(err.Error(), "no demonstration") {
		t.Errorf("got %v", err)
	}
}
