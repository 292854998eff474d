package readiness_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/sources"
)

func TestThePastIsWhatThePageSaidThen(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var said []readiness.Picture
		keep := func() {
			t.Helper()
			said = append(said, picture(t, desk))
			optest.Clock(desk).Advance(time.Hour)
		}
		keep()
		do := func(_ any, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		do(checks.Create.Do(t.Context(), desk, checks.Authored{YAML: ownCheck}))
		made, err := controls.Create.Do(t.Context(), desk, controls.Own{Code: "OWN-01", Title: "Firewalls", Text: "Every machine filters what reaches it from outside.",
			Criteria: []string{"CC6.6"}, Frequency: "continuous", Key: true})
		do(made, err)
		keep()
		s, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "host", Name: "here"})
		do(s, err)
		show(t, desk, s, false)
		keep()
		do(controls.Update.Do(t.Context(), desk, controls.Change{ID: "OWN-01", Title: "Firewalls, reworded", Text: made.Text, Frequency: "daily", Version: 1}))
		show(t, desk, s, true)
		keep()
		w, err := scopes.Set.Do(t.Context(), desk, scopes.Decision{Type: scopes.TypeII, Categories: []string{"availability"}})
		do(w, err)
		show(t, desk, s, nil)
		keep()
		optest.Clock(desk).Advance(72 * time.Hour) // what was seen is stale
		keep()
		do(controls.Retire.Do(t.Context(), desk, controls.Retirement{ID: "OWN-01", Reason: "Another does it.", Version: 2}))
		do(sources.Remove.Do(t.Context(), desk, sources.Ref{ID: string(s.ID)}))
		keep()
		for i, want := range said {
			got, err := readiness.Past.Do(t.Context(), desk, readiness.Instant{AsOf: want.At})
			if err != nil {
				t.Fatal(err)
			}
			addsUp(t, got)
			// What to do next is not said of the past.
			want.Actions, want.Proposed, got.Actions, got.Proposed = nil, nil, nil, nil
			for _, p := range []*readiness.Picture{&want, &got} {
				for i := range p.Criteria {
					p.Criteria[i].Proposed = nil
				}
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(readiness.Picture{}, "Answers")); diff != "" {
				t.Errorf("picture %d, -said +says:\n%s", i, diff)
			}
		}
		if len(said) != 7 || said[2].Sentence == said[3].Sentence || said[4].Checks == said[3].Checks {
			t.Error("the story does not change what is said")
		}
		_, err = readiness.Past.Do(t.Context(), desk, readiness.Instant{AsOf: desk.Clock.Now().Add(time.Hour)})
		if fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("the future: %v", err)
		}
	})
}
