package sources_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// heard are the notices of somebody since they were asked for last, the oldest
// first.
func heard(t *testing.T, desk *op.Desk) []string {
	t.Helper()
	out := []string{}
	for _, n := range optest.Do(t, desk, notify.List, notify.Filter{Unread: true, Limit: 100}).Items {
		out = append(out, n.Kind+" "+n.Text)
	}
	slices.Reverse(out)
	optest.Do(t, desk, notify.MarkRead, notify.Reading{All: true})
	return out
}

func says(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhoLooksAfterSourcesIsToldWhenOneFails(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		operator, owner := optest.Member(t, desk, auth.Operator), optest.Member(t, desk, auth.ControlOwner)
		_, read := connect(t, desk)
		fine := func(in *sources.Intake) error { return in.Add(identity("ada", 1)) }
		refused := func(*sources.Intake) error { return fault.Denied("the token was withdrawn") }
		less := func(reasons ...string) func(*sources.Intake) error {
			return func(in *sources.Intake) error {
				for _, r := range reasons {
					field, why, _ := strings.Cut(r, ": ")
					in.Missing(sources.Missing{Kind: "repository", Field: field, Reason: why})
				}
				return fine(in)
			}
		}
		next := func(do func(*sources.Intake) error) {
			t.Helper()
			optest.Clock(desk).Advance(24 * time.Hour)
			read(do)
		}
		next(less("branch_protected: a clone does not say"))
		says(t, "what it never showed", heard(t, operator))
		next(refused)
		says(t, "it fails", heard(t, operator), "source_failed “main” could not be read: the token was withdrawn")
		next(refused)
		says(t, "it fails again", heard(t, operator))
		next(less("branch_protected: a clone does not say"))
		says(t, "it answers as before", heard(t, operator))
		next(refused)
		if n := len(heard(t, operator)); n != 1 {
			t.Errorf("after it had answered: %d notices, want 1", n)
		}
		next(less("branch_protected: a clone does not say", "required_reviews: page 2 was refused with 403"))
		says(t, "it shows less", heard(t, operator), "source_blind “main” no longer shows required_reviews of “Repository”: page 2 was refused with 403")
		next(less("branch_protected: a clone does not say", "required_reviews: page 3 was refused with 403"))
		says(t, "it shows no less than before", heard(t, operator))
		says(t, "who may not connect sources", heard(t, owner))
	})
}

func TestASourceThatIsNotReadByItsScheduleIsTold(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		operator := optest.Member(t, desk, auth.Operator)
		s, read := connect(t, desk)
		drain := func(d time.Duration) []string {
			t.Helper()
			optest.Clock(desk).Advance(d)
			if _, err := job.NewRunner(desk.Engine, []job.Worker{sources.LookWorker()}, 2).Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			return heard(t, operator)
		}
		patience := 2*time.Duration(s.Every)*time.Minute + time.Hour
		optest.Clock(desk).Advance(patience / 2)
		read(func(in *sources.Intake) error { return in.Add(identity("ada", 1)) })
		last := desk.Clock.Now()
		says(t, "it was read since", drain(patience/2))
		says(t, "just before", drain(last.Add(patience-time.Minute).Sub(desk.Clock.Now())))
		// The schedule puts a reading in line, which nobody does here: it is waited for.
		optest.Clock(desk).Advance(time.Minute)
		if _, err := sources.Cancel.Do(t.Context(), desk, sources.Ref{ID: string(s.ID)}); err != nil && fault.KindOf(err) != fault.KindConflict {
			t.Fatal(err)
		}
		got := drain(2 * time.Hour)
		says(t, "too long", got, "source_silent “main” has been silent since "+last.Format("2 January 2006 15:04 UTC")+": its schedule is to read it more often")
		says(t, "longer", drain(patience))

		read(func(in *sources.Intake) error { return in.Add(identity("ada", 1)) })
		optest.Do(t, desk, sources.Pause, sources.Ref{ID: string(s.ID)})
		says(t, "paused", drain(3*patience))
		optest.Do(t, desk, sources.Resume, sources.Ref{ID: string(s.ID)})
		says(t, "just resumed", drain(patience-time.Hour))
	})
}
