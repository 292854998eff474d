package page_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	evidencepage "github.com/tickmark/tickmark/internal/evidence/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/readiness/page"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/tasks"
)

func TestHomeTellsWhatHappenedSinceOneLastLooked(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		decide(t, desk, scopes.Decision{Type: scopes.TypeI})
		s := sitetest.New(t, desk.Engine, page.Routes(), evidencepage.Routes())
		v := s.As(desk)
		if n := v.Get("/").Count("#since"); n != 0 {
			t.Error("on the first look something was before it")
		}
		v.Get("/since").LeadsTo("/log")
		looked := desk.Clock.Now()
		optest.Clock(desk).Advance(20 * time.Hour)
		from := optest.Do(t, desk, evidence.HeadGet, op.None{}).Size
		v = s.As(desk) // the session has ended meanwhile
		for i := range 3 {
			optest.Do(t, desk, tasks.Create, tasks.Wish{Title: fmt.Sprint("Task ", i)})
		}
		optest.Do(t, desk, tasks.Create, tasks.Wish{Title: "Last"})
		optest.Do(t, desk, controls.Create, controls.Own{Code: "OWN-02", Title: "Board", Text: "The board meets each quarter.", Criteria: []string{"CC1.2"}, Frequency: "quarterly", Key: true})
		n := optest.Do(t, desk, evidence.HeadGet, op.None{}).Size - from

		for range 2 { // loading it again takes nothing away
			h := v.Get("/")
			h.Says("#since strong", "Since you last looked, yesterday "+looked.Format("15:04"))
			h.Says("#since", fmt.Sprintf("%d entries", n))
			if got := h.Attr("#since .tm-line-end", "href"); got != fmt.Sprintf("/log?f.since=%d", from) {
				t.Errorf("they are read in order at %q", got)
			}
			optest.Clock(desk).Advance(20 * time.Minute)
		}
		if n := v.Get("/?as_of=" + looked.Format(time.DateOnly)).Count("#since"); n != 0 {
			t.Error("a page of another day tells what is new")
		}
		part := v.Part(fmt.Sprintf("/since?from=%d", from))
		part.Says("#since", "Task added 4 times")
		part.Says("#since", "Control written")
		part.Says("#since", "CC1.2 was begun")
		part.Silent("#since", "Signed in")
		tasked := v.Get(fmt.Sprintf("/since?from=%d&f.what=tasks.create", from))
		if rows := tasked.Count("#since tbody tr"); rows != 4 {
			t.Errorf("%d rows for the four tasks", rows)
		}
		whole := v.Get(fmt.Sprintf("/since?from=%d", from))
		whole.Says("h1", fmt.Sprintf("%d entries since you last looked. CC1.2 was begun.", n))
		whole.Says("#changed", "CC1.2")
		log := v.Get(fmt.Sprintf("/log?f.since=%d", from))
		if ids := log.Texts("#entries tbody tr"); int64(len(ids)) != n || !strings.HasPrefix(ids[0], fmt.Sprint(from)) {
			t.Errorf("the log goes on with %v, not with entry %d", ids, from)
		}
		v.Get("/since?from=999999").Is(http.StatusUnprocessableEntity)
		v.Get("/since?from=x").Is(http.StatusUnprocessableEntity)
		v.Get("/since?from=1").Says("h1", "entries since you last looked.")

		// Somebody who was never there has nothing before.
		s.As(optest.Member(t, desk, auth.Lead)).Get("/").Silent("main", "Since you last looked")
	})
}

func TestOfVeryManyEntriesTheKindsAreCounted(t *testing.T) {
	page.TellAtMost(t, 5)
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		decide(t, desk, scopes.Decision{Type: scopes.TypeI})
		s := sitetest.New(t, desk.Engine, page.Routes(), evidencepage.Routes())
		v := s.As(desk)
		v.Get("/")
		from := optest.Do(t, desk, evidence.HeadGet, op.None{}).Size
		optest.Clock(desk).Advance(time.Hour)
		for i := range 7 {
			optest.Do(t, desk, tasks.Create, tasks.Wish{Title: fmt.Sprint("Task ", i)})
		}
		part := v.Part(fmt.Sprintf("/since?from=%d", from))
		part.Says("#since", "Act: 7")
		part.Says("#since", "7 entries")
		v.Get(fmt.Sprintf("/since?from=%d", from)).LeadsTo(fmt.Sprintf("/log?f.since=%d", from))
		if n := v.Get(fmt.Sprintf("/log?f.since=%d&f.kind=op", from)).Count("#entries tbody tr"); n != 7 {
			t.Errorf("the figure of 7 acts opens %d entries", n)
		}
	})
}

func TestNothingNewIsSaidToo(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		decide(t, desk, scopes.Decision{Type: scopes.TypeI})
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/")
		optest.Clock(desk).Advance(time.Hour)
		h := v.Get("/")
		h.Says("#since", "Since you last looked, today")
		size := optest.Do(t, desk, evidence.HeadGet, op.None{}).Size
		v.Part(fmt.Sprintf("/since?from=%d", size)).Says("#since", "No criterion changed")
		v.Get(fmt.Sprintf("/since?from=%d", size)).Says("h1", "Nothing was recorded since you last looked. No criterion changed.")
	})
}

func TestActsOnHomeSayWhenTheyAreDue(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		decide(t, desk, scopes.Decision{Type: scopes.TypeI})
		c := optest.Do(t, desk, controls.Create, controls.Own{Code: "OWN-02", Title: "Board", Text: "The board meets each quarter.", Criteria: []string{"CC1.2"}, Frequency: "quarterly", Key: true})
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		for _, x := range []struct {
			days    int
			says    string
			overdue bool
		}{{40, desk.Clock.Now().AddDate(0, 0, 40).Format("2 Jan"), false}, {0, "today", true}, {-1, "yesterday", true}} {
			day := desk.Clock.Now().AddDate(0, 0, x.days)
			optest.Do(t, desk, tasks.Create, tasks.Wish{Title: "See to it", Object: string(c.ID), Due: day.Format(time.DateOnly)})
			h := v.Get("/")
			h.Says("#settles .tm-due", x.says)
			if got := h.Count("#settles .tm-overdue") > 0; got != x.overdue {
				t.Errorf("due in %d days, overdue %v", x.days, got)
			}
		}
	})
}
