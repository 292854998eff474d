package views_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/views"
)

func TestALookBeginsAnewAfterAPause(t *testing.T) {
	optest.Each(t, func(t *testing.T, lead *op.Desk) {
		other := optest.Member(t, lead, auth.Lead)
		start := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
		look := func(d *op.Desk, after time.Duration, size int64) views.Look {
			t.Helper()
			var l views.Look
			err := d.DB.Read(t.Context(), string(d.Org), func(tx *db.Tx) (err error) {
				l, err = views.LookAt(tx, d.Org, d.Actor.User, start.Add(after), size)
				return err
			})
			if err == nil && l.Due() {
				err = d.DB.Write(t.Context(), string(d.Org), l.Keep)
			}
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		for _, x := range []struct {
			name  string
			after time.Duration
			size  int64
			since time.Duration // -1: never
			from  int64
			due   bool
		}{
			{"the first", 0, 100, -1, 0, true},
			{"loaded again at once", time.Minute, 101, -1, 0, false},
			{"and a while later", 10 * time.Minute, 110, -1, 0, true},
			{"after a pause", 50 * time.Minute, 120, 10 * time.Minute, 110, true},
			{"loaded again", 51 * time.Minute, 125, 10 * time.Minute, 110, false},
			{"still the same look", 70 * time.Minute, 130, 10 * time.Minute, 110, true},
			{"the next day", 24 * time.Hour, 400, 70 * time.Minute, 130, true},
			{"a log that was restored", 48 * time.Hour, 90, 24 * time.Hour, 90, true},
		} {
			l := look(lead, x.after, x.size)
			since := time.Duration(-1)
			if !l.Since.IsZero() {
				since = l.Since.Sub(start)
			}
			if since != x.since || l.From != x.from || l.Due() != x.due {
				t.Errorf("%s: since %v from %d due %v, want %v from %d due %v", x.name, since, l.From, l.Due(), x.since, x.from, x.due)
			}
		}
		if l := look(other, 49*time.Hour, 500); !l.Since.IsZero() {
			t.Errorf("somebody else's first look is %+v", l)
		}
	})
}
