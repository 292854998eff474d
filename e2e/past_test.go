package e2e_test

import (
	"time"

	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
)

// past: home and a control as they stood before, and the control's history.
func past(j *trip) {
	code := do(j.t, j.desk, readiness.Get, op.None{}).Controls[0].Code
	yesterday := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	for _, path := range []string{"/", "/controls/" + code} {
		j.at(path)
		now := j.Text("main h1")
		if j.phone {
			j.press(".tm-asof > summary")
		} else {
			j.Press("a")
		}
		j.over(".tm-asof .tm-menu")
		j.fill("#tm-as-of", yesterday)
		j.follow(".tm-asof button[type=submit]")
		j.holds("main h1", "Nothing was recorded by")
		j.fair("a day before the record begins")
		j.follow("main a[href='" + path + "']")
		if again := j.Text("main h1"); again != now {
			j.t.Errorf("back to now %s says %q, it said %q", path, again, now)
		}
	}
	j.at("/controls/" + code)
	j.follow(".tm-timeline a[href^='/log/']")
	j.WaitURL("/log/")
	j.Wait("main a[href$='/receipt']")
}

// earlier is a year's record as it stood on a day of it: home, and a control by
// the entries of its own history.
func (j *trip) earlier(code, day string) {
	j.t.Helper()
	j.at("/")
	now := j.Text("main h1")
	j.press(".tm-asof > summary")
	j.fill("#tm-as-of", day)
	j.follow(".tm-asof button[type=submit]")
	j.Wait(".tm-chip-past")
	j.fair("home of another day")
	if then := j.Text("main h1"); then == now {
		j.t.Errorf("home said on %s what it says now: %s", day, now)
	}
	j.press(".tm-asof > summary")
	j.follow(".tm-asof .tm-menu-acts a")
	if again := j.Text("main h1"); again != now {
		j.t.Errorf("back to now home says %q, it said %q", again, now)
	}
	j.at("/controls/" + code)
	j.follow(".tm-timeline li:last-child a[href*='as_of=']")
	j.Wait(".tm-chip-past")
	j.fair("a control of another day")
}
