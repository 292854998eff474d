package readiness_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/readiness"
)

func TestEachMonthIsWhatThePageSaidAtItsEnd(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		began := desk.Clock.Now()
		way := func() []readiness.Month {
			t.Helper()
			list, err := readiness.Way.Do(t.Context(), desk, op.None{})
			if err != nil {
				t.Fatal(err)
			}
			return list.Items
		}
		if got := way(); len(got) != 1 || !got[0].At.Equal(began) || got[0].Ready != 0 {
			t.Fatalf("in the first month: %+v", got)
		}
		optest.Clock(desk).Advance(70 * 24 * time.Hour)
		if _, err := controls.Create.Do(t.Context(), desk, controls.Own{Code: "OWN-01", Title: "Firewalls", Text: "Every machine filters what reaches it from outside.",
			Criteria: []string{"CC6.6"}, Frequency: "continuous", Key: true}); err != nil {
			t.Fatal(err)
		}
		for _, days := range []time.Duration{31, 400} {
			optest.Clock(desk).Advance(days * 24 * time.Hour)
			got := way()
			if n := len(got); n > 12 {
				t.Fatalf("%d months, want twelve at most", n)
			}
			now := got[len(got)-1]
			if !now.At.Equal(desk.Clock.Now()) {
				t.Errorf("the last month is of %s, want now", now.At)
			}
			for i, m := range got {
				if m.Ready+m.NotReady+m.Unknown != m.InScope || m.InScope == 0 {
					t.Errorf("%s does not add up: %+v", m.At, m)
				}
				if i == len(got)-1 {
					continue
				}
				if next := m.At.Add(time.Millisecond); next.Day() != 1 || next.Hour() != 0 || next.Minute() != 0 {
					t.Errorf("%s is not the end of a month", m.At)
				}
				then, err := readiness.Past.Do(t.Context(), desk, readiness.Instant{AsOf: m.At})
				if err != nil {
					t.Fatal(err)
				}
				if want := then.Total; m.InScope != want.InScope || m.Ready != want.Ready || m.NotReady != want.NotReady || m.Unknown != want.Unknown {
					t.Errorf("%s: %+v, and the picture of that time says %+v", m.At, m, want)
				}
			}
		}
		if got := way(); len(got) != 12 {
			t.Errorf("after a year there are %d months", len(got))
		}
	})
}
