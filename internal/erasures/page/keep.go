package page

import (
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// held is the page of holds.
type held struct {
	List []erasures.Hold
	May  bool
	Form site.FormView
}

func readHolds(v *site.Visit) (held, error) {
	list, err := erasures.HoldList.Do(v.Context(), v.Desk, op.None{})
	x := held{List: list.Items, May: v.Actor.May(auth.EraseWrite)}
	if err != nil || !x.May {
		return x, err
	}
	scope := []site.Option{{Value: erasures.HoldAll, Text: "Everything", Note: "All evidence and all entries."}}
	if v.Actor.May(auth.EngageRead) {
		all, err := engagements.List.Do(v.Context(), v.Desk, op.None{})
		if err != nil {
			return x, err
		}
		for _, e := range all.Items {
			scope = append(scope, site.Option{Value: erasures.HoldEngagement + " " + string(e.ID), Text: "Engagement " + e.Name, Note: "What is linked in it, its lists, and whatever tells of its period."})
		}
	}
	scope = append(scope, site.Option{Value: erasures.HoldRecords, Text: "Single records", Note: "Those named below."})
	record := v.Query("evidence")
	for i := range scope {
		scope[i].Chosen = i == 0 && record == "" || record != "" && scope[i].Value == erasures.HoldRecords
	}
	x.Form = site.FormView{ID: "hold", Action: "/holds", Fields: []site.FieldView{
		{Kind: site.FieldRadio, Name: "scope", Label: "What is held", Options: scope},
		{Kind: site.FieldArea, Name: "targets", Label: "Records", Help: "Their ids, evd_…, one a line. Only for single records.", Value: record, Optional: true, Mono: true},
		{Kind: site.FieldArea, Name: "reason", Label: "Why", Help: "The matter, and who asked for the hold: whoever is kept from erasing reads this.", Attrs: templ.Attributes{"minlength": "10", "maxlength": "2000"}},
		site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Place the hold"}}}
	return x, nil
}

func holdsShell() site.Shell { return shell("Holds", site.Crumb{Text: "Holds"}) }

func showHolds(v *site.Visit) error {
	x, err := readHolds(v)
	if err != nil {
		return err
	}
	return v.Show(holdsShell(), holdsBody(x))
}

func (x held) standing() (n int64) {
	for _, h := range x.List {
		if h.Released.IsZero() {
			n++
		}
	}
	return n
}

func (x held) sentence() string {
	n := x.standing()
	if n == 0 {
		return "No hold is in force."
	}
	return site.Capital(site.Several(n, "hold keeps", "holds keep")) + " evidence from being erased."
}

// covers says what a hold is about.
func covers(h erasures.Hold) string {
	switch h.Scope {
	case erasures.HoldAll:
		return "everything"
	case erasures.HoldEngagement:
		return "engagement " + site.Short(h.Targets[0])
	}
	if len(h.Targets) == 1 {
		return "record " + site.Short(h.Targets[0])
	}
	return site.Plural(int64(len(h.Targets)), "record", "records")
}

func holdMark(h erasures.Hold) site.Cell {
	switch {
	case !h.Released.IsZero():
		return site.Mark(site.StatusNotApplicable, "Released "+site.Date(h.Released))
	case !h.Asked.IsZero():
		return site.Mark(site.StatusExcepted, "In force, release asked for")
	}
	return site.Mark(site.StatusExcepted, "In force")
}

func (x held) table() site.TableView {
	t := site.TableView{ID: "holds", Caption: "Holds", Columns: []site.Column{{Head: "Hold", Mono: true, Phone: site.PlaceFirst}, {Head: "Why", Wide: true, Phone: site.PlaceFirst},
		{Head: "Holds"}, {Head: "Placed by"}, {Head: "Placed"}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "None.", Text: "Where a dispute or an authority asks that nothing be destroyed, a hold says so and keeps it."}}
	for _, h := range x.List {
		href := "/holds/" + string(h.ID)
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.Node(site.ShortID(string(h.ID), href)), site.Words(site.Brief(h.Reason)), site.Words(covers(h)),
			site.Node(site.Person(h.Placer)), site.Words(site.Date(h.Placed)), holdMark(h)}})
	}
	return t
}

func place(v *site.Visit) error {
	var typed struct {
		Scope   string `json:"scope"`
		Targets string `json:"targets"`
		Reason  string `json:"reason"`
	}
	err := v.Form(&typed)
	in := erasures.Holding{Scope: typed.Scope, Reason: typed.Reason}
	if scope, target, ok := strings.Cut(typed.Scope, " "); ok {
		in.Scope, in.Targets = scope, []string{target}
	} else if typed.Scope == erasures.HoldRecords {
		in.Targets = words(typed.Targets)
	}
	if err == nil {
		_, err = erasures.HoldNew.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/holds")
	}
	x, readErr := readHolds(v)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(holdsShell(), holdsBody(x))
}

// holding is one hold.
type holding struct {
	erasures.Hold
	pending
	May  bool
	Form site.FormView
	Log  site.HistoryView
}

func readHold(v *site.Visit) (holding, error) {
	list, err := erasures.HoldList.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return holding{}, err
	}
	for _, h := range list.Items {
		if string(h.ID) != v.Path("id") {
			continue
		}
		x := holding{Hold: h, May: v.Actor.May(auth.EraseWrite)}
		if x.Log, err = v.History("", string(h.ID), ""); err != nil {
			return x, err
		}
		x.pending = pending{Approvers: h.Approvers, AloneFrom: h.AloneFrom, Asker: h.PlacerID, Me: v.Actor.User, Now: v.Clock.Now()}
		act := "Release the hold"
		if x.first() {
			act = "Ask for its release"
		}
		x.Form = site.FormView{ID: "release", Action: "/holds/" + string(h.ID), Fields: []site.FieldView{
			{Kind: site.FieldArea, Name: "note", Label: "Why it is no longer needed", Help: "Who said so, and when.", Attrs: templ.Attributes{"minlength": "5", "maxlength": "2000"}}, site.OnceKey(),
		}, Buttons: []site.ButtonView{{Text: act}}}
		return x, nil
	}
	return holding{}, fault.NotFound("There is no hold %s.", v.Path("id"))
}

// first reports whether the visitor, alone with the right, has yet to ask.
func (x holding) first() bool {
	return x.Asked.IsZero() && x.PlacerID == x.Me && len(x.Hold.Approvers) == 1 && x.Hold.Approvers[0].ID == x.Me
}

// open reports whether the form is of use to the visitor now.
func (x holding) open() bool { return x.May && x.Released.IsZero() && (x.first() || x.may()) }

func (x holding) waits() string {
	if x.first() {
		return "You placed it and nobody else here may release it. Ask now, and in 72 hours you may yourself; the log will say that you were alone."
	}
	return strings.NewReplacer("approve", "release", "somebody else asked", "somebody else placed it", ", who asked", ", who placed it").Replace(x.waitsFor())
}

func (x holding) shell() site.Shell {
	return shell("Hold", site.Crumb{Text: "Holds", Href: "/holds"}, site.Crumb{Text: site.Short(string(x.ID)), Mono: true})
}

func (x holding) facts() []site.FactRow {
	out := []site.FactRow{site.Text("Holds", covers(x.Hold)), site.Text("Why", x.Reason), {Key: "Placed by", Node: site.Person(x.Placer)}, {Key: "Placed", Node: site.Moment(x.Placed)},
		{Key: "Entry", Value: site.Count(x.Entry), Href: "/log/" + plain(x.Entry), Mono: true}}
	for _, s := range x.Targets {
		row := site.FactRow{Key: "Record", Value: s, Href: "/evidence/" + s, Mono: true}
		if x.Scope == erasures.HoldEngagement {
			row.Key, row.Href = "Engagement", "/engagements/"+s
		}
		out = append(out, row)
	}
	if !x.Released.IsZero() {
		out = append(out, site.FactRow{Key: "Released by", Node: site.Person(x.Releaser)}, site.FactRow{Key: "Released", Node: site.Moment(x.Released)}, site.Text("Why", x.Note))
	}
	return out
}

func showHold(v *site.Visit) error {
	x, err := readHold(v)
	if err != nil {
		return err
	}
	return v.Show(x.shell(), holdBody(x))
}

func release(v *site.Visit) error {
	var in erasures.Releasing
	err := v.Form(&in)
	in.ID = v.Path("id")
	if err == nil {
		_, err = erasures.HoldRelease.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/holds/" + in.ID)
	}
	x, readErr := readHold(v)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	if !x.open() || fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(x.shell(), holdBody(x))
}

// policy is the page of how long things are kept.
type policy struct {
	erasures.Rules
	May  bool
	Form site.FormView
}

func readPolicy(v *site.Visit) (policy, error) {
	r, err := erasures.PolicyGet.Do(v.Context(), v.Desk, op.None{})
	x := policy{Rules: r, May: v.Actor.May(auth.EraseWrite)}
	x.Form = site.FormView{ID: "policy", Action: "/retention", Version: plain(r.Version), Fields: []site.FieldView{
		{Kind: site.FieldNumber, Name: "evidence_years", Label: "Evidence", Help: "Years after the end of the period it belongs to; at least 3.", Value: plain(r.EvidenceYears), Short: true, Attrs: templ.Attributes{"min": "3", "max": "100"}},
		{Kind: site.FieldNumber, Name: "file_years", Label: "Evidence of an engagement", Help: "Years after its report was released; at least 5. The longer of the two holds.", Value: plain(r.FileYears), Short: true, Attrs: templ.Attributes{"min": "5", "max": "100"}},
		{Kind: site.FieldNumber, Name: "personal_months", Label: "Records with personal data, in no engagement", Help: "Months after they were sealed; at least 12, or 0 to treat them as other evidence.", Value: plain(r.PersonalMonths), Short: true, Attrs: templ.Attributes{"min": "0", "max": "1200"}},
		{Kind: site.FieldArea, Name: "reason", Label: "Why", Attrs: templ.Attributes{"minlength": "10", "maxlength": "2000"}},
		site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Put in force"}}}
	return x, err
}

func (x policy) sentence() string {
	return "Evidence is kept for " + site.Several(x.EvidenceYears, "year", "years") + " after its period. Nothing is erased by itself."
}

func policyShell() site.Shell { return shell("Retention", site.Crumb{Text: "Retention"}) }

func showPolicy(v *site.Visit) error {
	x, err := readPolicy(v)
	if err != nil {
		return err
	}
	return v.Show(policyShell(), policyBody(x))
}

func setPolicy(v *site.Visit) error {
	var in erasures.NewPolicy
	err := v.Form(&in)
	if err == nil {
		_, err = erasures.PolicySet.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/retention")
	}
	x, readErr := readPolicy(v)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(policyShell(), policyBody(x))
}

func (x policy) table() site.TableView {
	t := site.TableView{Caption: "Versions of the policy", Columns: []site.Column{{Head: "Version", Num: true, Phone: site.PlaceFirst}, {Head: "Why", Wide: true, Phone: site.PlaceFirst}, {Head: "Evidence"}, {Head: "Engagements"}, {Head: "Personal data"},
		{Head: "By"}, {Head: "In force from", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "Nobody has decided yet.", Text: "Until somebody does, the usual times hold: 7 years after the period, 5 after a report."}}
	for _, p := range x.Versions {
		personal := "as other evidence"
		if p.PersonalMonths > 0 {
			personal = site.Plural(p.PersonalMonths, "month", "months")
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Words(site.Count(p.Version)), site.Words(p.Reason), site.Words(site.Plural(p.EvidenceYears, "year", "years")),
			site.Words(site.Plural(p.FileYears, "year", "years")), site.Words(personal), site.Node(site.Person(p.By)), site.Words(site.Date(p.At))}})
	}
	return t
}

// ended is a page of what has come to the end of its time.
type ended struct {
	op.Page[erasures.DueRecord]
	After string
	May   bool
	Now   time.Time
}

func showDue(v *site.Visit) error {
	x := ended{After: v.Query("after"), May: v.Actor.May(auth.EraseWrite), Now: v.Clock.Now()}
	var err error
	if x.Page, err = erasures.Due.Do(v.Context(), v.Desk, erasures.DueFilter{After: x.After}); err != nil {
		return err
	}
	return v.Show(shell("Due", site.Crumb{Text: "Due"}), dueBody(x))
}

func (x ended) sentence() string {
	if x.Total == 0 {
		return "Nothing has come to the end of its time."
	}
	return site.Capital(site.Several(x.Total, "record has", "records have")) + " come to the end of the time kept. Two people decide what goes."
}

func (x ended) table() site.TableView {
	t := site.TableView{ID: "due", Caption: "Records at the end of their time", Columns: []site.Column{{Head: "Record", Mono: true, Phone: site.PlaceFirst}, {Head: "What it shows", Wide: true, Phone: site.PlaceFirst},
		{Head: "Rule"}, {Head: "Due since"}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "None.", Text: "This is looked for once a day. What is found is listed here and goes only when one person has asked and another approved.", Link: site.Link{Text: "How long things are kept", Href: "/retention"}}}
	for _, d := range x.Items {
		status := site.Mark(site.StatusProposed, "Can be asked for")
		switch {
		case d.Held != "":
			status = site.Cell{Text: "Held", Status: site.StatusExcepted, Tone: site.StatusExcepted, Href: "/holds/" + d.Held}
		case d.Asked != "":
			status = site.Cell{Text: "Waits for approval", Status: site.StatusProposed, Href: "/erasures/" + d.Asked}
		}
		href := "/evidence/" + string(d.ID)
		title := site.Words(site.Brief(d.Title))
		if d.Personal {
			title.Note = "personal data"
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Key: string(d.ID), Cells: []site.Cell{site.Node(site.ShortID(string(d.ID), href)), title, site.Words(d.Rule), site.Words(site.Date(d.Due)), status}})
	}
	if x.Total > 0 {
		t.Pager = site.PagerView{Shown: int64(len(x.Items)), Of: x.Total}
		if x.Next != "" {
			t.Pager.Older = "/retention/due?after=" + url.QueryEscape(x.Next)
		}
		if x.After != "" {
			t.Pager.Newer = "/retention/due"
		}
	}
	if x.May && len(t.Rows) > 0 {
		t.Bulk = &site.Bulk{Action: "/retention/due", Unit: "records", Buttons: []site.ButtonView{{Text: "Ask for erasure", Submit: true}}}
	}
	return t
}

// choose takes what was picked to the page where it is asked for.
func choose(v *site.Visit) error {
	var in struct {
		ID []string `json:"id"`
	}
	if err := v.Form(&in); err != nil {
		return err
	}
	if err := v.Actor.Require(auth.EraseWrite); err != nil {
		return err
	}
	if len(in.ID) == 0 {
		return v.Goto("/retention/due")
	}
	return v.Goto(address("/erasures/new", url.Values{"evidence": in.ID, "basis": {"retention_ended"}}))
}
