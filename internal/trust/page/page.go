// Package page holds the page that says, in plain words, how far the log can be
// relied on and what would make it more so.
package page

import (
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scrub"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/trust"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /log/health", Handle: show},
		{Pattern: "POST /log/health/read-back", Handle: readBack},
	}
}

// health is the state of the log with what this person may see and do.
type health struct {
	trust.Health
	Findings []scrub.Finding
	Reader   bool // may open the log itself
	MayStart bool
	Began    bool // a reading back was asked for just now
}

func show(v *site.Visit) error {
	x, err := read(v)
	if err != nil {
		return err
	}
	return v.Show(site.Shell{Title: "Health of the log", Current: "/log/health", Crumbs: []site.Crumb{{Text: "Health of the log"}}}, body(x))
}

func read(v *site.Visit) (health, error) {
	x := health{Reader: v.Actor.May(auth.LogRead), MayStart: v.Actor.May(auth.AnchorWrite), Began: v.Query("began") != ""}
	var err error
	if x.Health, err = trust.Get.Do(v.Context(), v.Desk, op.None{}); err != nil || !x.Reader {
		return x, err
	}
	s, err := scrub.Get.Do(v.Context(), v.Desk, op.None{})
	x.Findings = s.Findings
	return x, err
}

// readBack has log, rows and evidence read back now.
func readBack(v *site.Visit) error {
	if _, err := scrub.Start.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return err
	}
	v.Web.Wake()
	return v.Goto("/log/health?began=1")
}

// What may be how old before it counts as not known any more.
const (
	staleRead   = 48 * time.Hour
	staleBackup = 7 * 24 * time.Hour
	staleDrill  = 100 * 24 * time.Hour
)

// sentence is the truth of the page in one or two sentences.
func (x health) sentence() string {
	switch {
	case x.ReadOnly != "":
		return "The log does not fit what was signed before. Nothing more is written to it."
	case x.ReadBack.Found > 0:
		return site.Capital(site.Several(x.ReadBack.Found, "thing is", "things are")) + " not as recorded."
	case x.ReadBack.Ended.IsZero():
		return "The log is signed, and has not been read back whole yet."
	case x.Outside.Newest.IsZero():
		return "The log is whole. Nobody outside vouches for it yet."
	case x.Outside.Late:
		return "The log is whole. Nobody outside has vouched for it since " + x.Outside.Newest.Format("2 January, 15:04") + " UTC."
	}
	return "The log is whole, and somebody outside has vouched for it."
}

func (x health) facts() []site.Fact {
	out := []site.Fact{{Text: site.Plural(x.Entries, "entry", "entries")}}
	if x.Reader {
		out[0].Href = "/log"
	}
	if !x.SignedAt.IsZero() {
		out = append(out, site.Fact{Node: site.AgeOf("newest head signed", x.SignedAt, x.At)})
	}
	if x.Demo {
		out = append(out, site.Fact{Text: "a demonstration: its clock is set by hand"})
	}
	return out
}

func (x health) acts() []site.ButtonView {
	if !x.MayStart || x.ReadOnly != "" {
		return nil
	}
	return []site.ButtonView{{Text: "Read it back now", Kind: site.ButtonPrimary, Submit: true, Form: "read-back"}}
}

func (x health) rows() []site.CheckedRow {
	return append([]site.CheckedRow{x.signed(), x.read()}, append(x.vouched(), x.copied(), x.tried(), x.keys())...)
}

func (x health) signed() site.CheckedRow {
	r := site.CheckedRow{Status: site.StatusPass, Text: "Every entry is signed", Figure: site.Count(x.Signed) + " of " + site.Count(x.Entries)}
	switch {
	case x.ReadOnly != "":
		r.Status, r.Text, r.Figure = site.StatusFail, "The log is read-only", x.ReadOnly
	case x.Signed == 0:
		r.Status, r.Text = site.StatusUnknown, "Nothing is signed yet"
	case x.Signed < x.Entries:
		r.Text, r.Figure = "Every entry is signed within a second or so", site.Count(x.Entries-x.Signed)+" waiting"
	}
	return r
}

func (x health) read() site.CheckedRow {
	b := x.ReadBack
	r := site.CheckedRow{Status: site.StatusPass, Text: "Everything was read back and is as recorded"}
	switch {
	case b.Found > 0:
		r.Status, r.Text = site.StatusFail, site.Plural(b.Found, "thing is", "things are")+" not as recorded"
	case b.Ended.IsZero():
		r.Status, r.Text = site.StatusUnknown, "Not read back whole yet"
	case x.At.Sub(b.Ended) > staleRead:
		r.Status, r.Text = site.StatusUnknown, "Not read back whole lately"
	}
	switch {
	case !b.Ended.IsZero():
		r.Figure = "last finished " + moment(b.Ended)
	case b.Running:
		r.Figure = "running now"
	default:
		r.Figure = "never"
	}
	if b.Running && b.Of > 0 {
		r.Figure += fmt.Sprintf(", %s of %s read now", site.Count(min(b.Done, b.Of)), site.Count(b.Of))
	}
	return r
}

// vouched are the rows of those outside: each authority, each witness.
func (x health) vouched() []site.CheckedRow {
	if len(x.Outside.Vouchers) == 0 {
		return []site.CheckedRow{{Status: site.StatusUnknown, Text: "Nobody outside vouches for it", Figure: "no authority or witness is configured"}}
	}
	var out []site.CheckedRow
	for _, o := range x.Outside.Vouchers {
		r := site.CheckedRow{Status: site.StatusPass, Text: "Stamped by " + o.Name}
		if o.Witness {
			r.Text = "Witnessed by " + o.Name
		}
		switch {
		case o.Last.IsZero():
			r.Status, r.Figure = site.StatusUnknown, "never"
		default:
			r.Figure = fmt.Sprintf("%s, at %s", moment(o.Last), site.Plural(o.Size, "entry", "entries"))
		}
		if !o.Since.IsZero() {
			r.Status = site.StatusUnknown
			r.Figure += "; no answer since " + moment(o.Since)
		}
		out = append(out, r)
	}
	return out
}

func (x health) copied() site.CheckedRow {
	b := x.Backup
	r := site.CheckedRow{Status: site.StatusPass, Text: "There is a backup"}
	switch {
	case b == nil:
		return site.CheckedRow{Status: site.StatusUnknown, Text: "No backup is known", Figure: "tickmark backup makes one"}
	case b.Outcome != backup.OK:
		r.Status, r.Text = site.StatusFail, "The last backup is not whole"
	case x.At.Sub(b.Ended) > staleBackup:
		r.Status, r.Text = site.StatusUnknown, "The last backup is old"
	}
	r.Figure = moment(b.Ended) + ", " + site.Plural(b.Entries, "entry", "entries")
	return r
}

func (x health) tried() site.CheckedRow {
	d := x.Drill
	r := site.CheckedRow{Status: site.StatusPass, Text: "Restoring was tried, and what came back was whole"}
	switch {
	case d == nil:
		return site.CheckedRow{Status: site.StatusUnknown, Text: "Nobody has tried to restore it", Figure: "tickmark restore --drill does, and removes what it made"}
	case d.Outcome != backup.OK:
		r.Status, r.Text = site.StatusFail, "Restoring was tried, and failed"
	case x.At.Sub(d.Ended) > staleDrill:
		r.Status, r.Text = site.StatusUnknown, "Restoring has not been tried lately"
	}
	r.Figure = moment(d.Ended) + ", " + site.Plural(d.Entries, "entry", "entries")
	return r
}

func (x health) keys() site.CheckedRow {
	r := site.CheckedRow{Status: site.StatusPass, Text: "One key has signed it from the first entry on", Figure: site.Short(x.Origin)}
	if x.Keys > 1 {
		r.Text = fmt.Sprintf("Its key was changed %s, each by the one before", site.Plural(int64(x.Keys-1), "time", "times"))
	}
	if x.Logs > 1 {
		r.Text += fmt.Sprintf("; it continues %s", site.Plural(int64(x.Logs-1), "earlier log", "earlier logs"))
	}
	return r
}

// moment is an instant as a lawyer would quote it.
func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// story explains in order what the rows above rule out.
func (x health) story() []string {
	out := []string{"Whatever is done here is written down as one numbered entry. About once a second everything so far is summed up in one number, which is signed; the newest number is also kept outside the database. That rules out that an entry is changed, removed or slipped in later without the numbers disagreeing.",
		"Day and night the whole log, the records that rest on it and the stored evidence are read back and compared with what was signed. That rules out that damage, or a quiet change in the database, lies unnoticed for longer than a day or two."}
	if len(x.Outside.Vouchers) > 0 {
		out = append(out, "Whoever is named above as stamping or witnessing has seen the number at the time given and signed it. That rules out that what was recorded before then was rewritten afterwards, even by those who run this installation and hold its key.")
	} else {
		out = append(out, "Nobody outside has seen these numbers. Those who run this installation and hold its key could still write another history, as long as nobody kept an earlier signed head.")
	}
	return out
}

const cannot = "It does not show that what was recorded is true, or that everything that happened was recorded."

// glyph and its name for a finding.
func glyph(f scrub.Finding) (site.Status, string) {
	if f.Resolved.IsZero() {
		return site.StatusFail, "not as recorded"
	}
	return site.StatusPass, "whole again"
}

func said(f scrub.Finding) string {
	s := f.Text + ". Since " + moment(f.Since)
	if !f.Resolved.IsZero() {
		s += "; whole again " + moment(f.Resolved)
	}
	return s + "."
}
