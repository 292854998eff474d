package sources_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// However a source loses its permission in the middle of being read, what was
// seen of it stays, and the run says why it says no more.
func TestPermissionLostInTheMiddleLeavesNoFewer(t *testing.T) {
	all := []string{"ada", "bo", "cy"}
	add := func(in *sources.Intake, keys ...string) {
		for _, k := range keys {
			if err := in.Add(identity(k, 1)); err != nil {
				t.Error(err)
			}
		}
	}
	for name, c := range map[string]struct {
		do   func(in *sources.Intake) error
		why  string
		fail bool
	}{
		"the error of the source, after one": {func(in *sources.Intake) error {
			add(in, "ada")
			return fault.Denied("the token was withdrawn")
		}, "the token was withdrawn", true},
		"the error of the network, after two": {func(in *sources.Intake) error {
			add(in, "ada", "bo")
			return fmt.Errorf("connection reset: %w", sources.ErrUnreachable)
		}, "connection reset", true},
		"a fault of the collector": {func(in *sources.Intake) error {
			add(in, "ada")
			panic("an answer that nobody thought of")
		}, "an answer that nobody thought of", true},
		"the rest is not shown": {func(in *sources.Intake) error {
			add(in, "ada", "bo")
			in.Missing(sources.Missing{Kind: "identity", Reason: "page 2 was refused with 403", Remedy: "Renew the token."})
			return nil
		}, "page 2 was refused", false},
		"nothing is shown, and it was looked at": {func(in *sources.Intake) error {
			in.Cover("identity")
			in.Missing(sources.Missing{Kind: "identity", Reason: "the list was refused with 403"})
			return nil
		}, "the list was refused", false},
		"nothing is said of it": {func(in *sources.Intake) error {
			in.Missing(sources.Missing{Kind: "identity", Reason: "the list was refused with 403"})
			return nil
		}, "the list was refused", false},
		"the same resource twice": {func(in *sources.Intake) error {
			add(in, "ada")
			return in.Add(identity("ada", 2))
		}, "added twice", true},
	} {
		t.Run(name, func(t *testing.T) {
			optest.Each(t, func(t *testing.T, desk *op.Desk) {
				s, read := connect(t, desk)
				read(func(in *sources.Intake) error { add(in, all...); return nil })
				for range 2 { // and it stays lost
					run := read(c.do)
					said := run.Error
					for _, m := range run.Missing {
						said += m.Reason
					}
					if (run.Status == sources.RunFailed) != c.fail || !strings.Contains(said, c.why) {
						t.Errorf("the run says %s %q, want %q", run.Status, said, c.why)
					}
					if got := optest.Do(t, desk, sources.Resources, sources.SeenFilter{Source: string(s.ID), Kind: "identity"}); got.Total != int64(len(all)) {
						t.Errorf("%d resources of %d", got.Total, len(all))
					}
				}
				read(func(in *sources.Intake) error { add(in, "ada"); return nil })
				if got := optest.Do(t, desk, sources.Resources, sources.SeenFilter{Source: string(s.ID), Kind: "identity"}); got.Total != 1 {
					t.Errorf("read whole again: %d resources of 1", got.Total)
				}
			})
		})
	}
}
