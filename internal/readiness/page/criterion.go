package page

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/words"
)

// criterion is everything the page of one criterion shows.
type criterion struct {
	picture
	line
	Edition  *frameworks.Version
	Adopted  []readiness.Control
	Proposed []controls.Shelved // those that checks speak for first
	Checks   []checks.Check
	Evidence []evidence.Record
	Signed   int64 // entries under the newest signed head
	Members  []auth.Member
	Causes   []cause // why it is not ready
	May      bool
}

func showCriterion(v *site.Visit) error {
	p, err := readThen(v)
	if err != nil {
		return err
	}
	x := criterion{picture: p, May: v.Actor.May(auth.ControlsWrite) && p.Then.IsZero()}
	if x.Edition, err = edition(p.Scope.Catalogue); err != nil {
		return err
	}
	found, err := x.Edition.Criterion(v.Path("id"))
	if err != nil {
		return err
	}
	for _, l := range lines(p, x.Edition) {
		if l.Code == found.Code {
			x.line = l
		}
	}
	for _, c := range p.Controls {
		if slices.ContainsFunc(c.Criteria, func(m controls.Mapping) bool { return m.Criterion == x.Code }) {
			x.Adopted = append(x.Adopted, c)
		}
	}
	for _, a := range p.Answers {
		if slices.ContainsFunc(a.Map, func(m checks.Mapping) bool { return m.Criterion == x.Code }) {
			x.Checks = append(x.Checks, a)
		}
	}
	slices.SortStableFunc(x.Checks, func(a, b checks.Check) int { return shownStatus(a).Order() - shownStatus(b).Order() })
	if err := x.causes(v); err != nil {
		return err
	}
	if p.Then.IsZero() {
		if err := x.propose(v); err != nil {
			return err
		}
	}
	if err := x.witness(v); err != nil {
		return err
	}
	return v.Show(site.Shell{Title: x.Code, Current: "/criteria", Moves: true, At: p.Then,
		Crumbs: []site.Crumb{{Text: "Criteria", Href: "/criteria"}, {Text: x.Code, Mono: true}}}, criterionBody(x))
}

// propose lists the controls of the library that would answer it, those that
// something found speaks for first.
func (x *criterion) propose(v *site.Visit) error {
	shelf, err := controls.Shelf.Do(v.Context(), v.Desk, controls.ShelfFilter{Criterion: x.Code})
	if err != nil {
		return err
	}
	for _, t := range shelf.Items {
		if t.Adopted == "" {
			x.Proposed = append(x.Proposed, t)
		}
	}
	slices.SortStableFunc(x.Proposed, func(a, b controls.Shelved) int { return x.weight(a) - x.weight(b) })
	if !x.May {
		return nil
	}
	members, err := orgs.Members.Do(v.Context(), v.Desk, op.None{})
	x.Members = members.Items
	return err
}

// weight orders proposals: found ones, then key ones, then the rest.
func (x *criterion) weight(t controls.Shelved) int {
	switch {
	case x.found(t):
		return 0
	case t.Key:
		return 1
	}
	return 2
}

// found reports whether a check that some source answers speaks for it.
func (x *criterion) found(t controls.Shelved) bool {
	return slices.Contains(x.picture.Proposed, t.Code)
}

// mostEvidence is how many records of each control are shown.
const mostEvidence = 8

// witness gathers the newest evidence linked to its controls.
func (x *criterion) witness(v *site.Visit) error {
	if !v.Actor.May(auth.EvidenceRead) || !v.Actor.May(auth.LogRead) {
		return nil
	}
	head, err := evidence.HeadGet.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	x.Signed = head.SignedSize
	seen := map[int64]bool{}
	for _, c := range x.Adopted {
		page, err := evidence.List.Do(v.Context(), v.Desk, evidence.Filter{Control: string(c.ID), AsOf: x.Then, Limit: mostEvidence})
		if err != nil {
			return err
		}
		for _, r := range page.Items {
			if !seen[r.Entry] {
				seen[r.Entry] = true
				x.Evidence = append(x.Evidence, r)
			}
		}
	}
	slices.SortFunc(x.Evidence, func(a, b evidence.Record) int { return int(b.Entry - a.Entry) })
	x.Evidence = x.Evidence[:min(len(x.Evidence), mostEvidence)]
	return nil
}

func shownStatus(a checks.Check) site.Status {
	if !a.Looked {
		return site.StatusNotStarted
	}
	return statusOf(a.Status)
}

func (x criterion) opening() site.SentenceView {
	status, word := verdictStatus(x.State.Verdict)
	out := site.SentenceView{Lead: site.Lead{ID: x.Code, Name: x.line.Title, Status: status, Word: word}, Work: true, Sources: "/figures"}
	switch {
	case !x.In:
		out.Text = "Not selected: its category is not part of the scope."
	case x.State.Verdict == readiness.Ready:
		out.Text = "Ready: designed, implemented and evidenced by " + site.Several(int64(len(x.Adopted)), "control", "controls") + "."
	case x.State.Why != "":
		out.Text = word + ". " + sentence(x.State.Why)
	default:
		out.Text = word + "."
	}
	for _, c := range x.Edition.Categories {
		if c.Code == x.Category {
			out.Facts = append(out.Facts, site.Fact{Text: c.Title, Href: listed("category", c.Code)})
		}
	}
	for _, s := range x.Edition.Series {
		if s.Code == x.Series {
			out.Facts = append(out.Facts, site.Fact{Text: s.Code + " " + s.Title})
		}
	}
	out.Facts = append(out.Facts, site.Fact{Text: site.Plural(int64(x.PointsOfFocus), "point", "points") + " of focus in the publication"})
	if x.COSO > 0 {
		out.Facts = append(out.Facts, site.Fact{Text: "COSO principle " + site.Count(x.COSO)})
	}
	return out
}

// partRows are the three parts with what each means here.
func (x criterion) partRows() []site.FactRow {
	var out []site.FactRow
	for part, p := range []struct {
		means string
		state readiness.State
	}{
		{"Whether every control it rests on says who does what, and how often", x.State.Designed},
		{"Whether a person said how each is done, or a check has seen it", x.State.InPlace},
		{"Whether what watches each passes, or its evidence is no older than its rhythm", x.State.Evidenced},
	} {
		mark := partMark(part, p.state)
		out = append(out, site.FactRow{Key: partWords[part][0], Node: partNode(answer(p.state), p.means), Status: mark.Status})
	}
	return out
}

func answer(s readiness.State) string {
	return map[readiness.State]string{readiness.Full: "Yes", readiness.Failing: "Fails", readiness.Unknown: "Unknown", readiness.Empty: "Not yet"}[cmp.Or(s, readiness.Empty)]
}

func (x criterion) controlTable() site.TableView {
	t := site.TableView{Caption: "Adopted controls", Columns: []site.Column{
		{Head: "Control", Mono: true, Phone: site.PlaceFirst}, {Head: "What it is", Wide: true, Phone: site.PlaceFirst}, {Head: "Owner"},
		{Head: "Designed"}, {Head: "Implemented"}, {Head: "Evidenced", Phone: site.PlaceEnd},
	}, Empty: site.EmptyView{Title: "None adopted.", Text: "A criterion is answered by controls. Those of the library that would are below."}}
	for _, c := range x.Adopted {
		t.Rows = append(t.Rows, site.Row{Href: controlHref(c.Code), Cells: []site.Cell{site.ID(c.Code, controlHref(c.Code)), site.WordsNote(c.Title, c.Why),
			site.Node(site.Person(c.OwnerName)), partMark(designed, c.Designed), partMark(implemented, c.InPlace), partMark(evidenced, c.Evidenced)}})
	}
	return t
}

// answered are the checks that a source answers, unread those that none does.
func (x criterion) answered() []checks.Check { return x.checksThat(true) }
func (x criterion) unread() []checks.Check   { return x.checksThat(false) }

func (x criterion) checksThat(looked bool) (out []checks.Check) {
	for _, a := range x.Checks {
		if a.Looked == looked {
			out = append(out, a)
		}
	}
	return out
}

func (x criterion) checkNote() string {
	return words.Count(len(x.answered())) + " answered by a source, " + words.Count(len(x.unread())) + " by none"
}

// unreadText is the line that stands for the checks that no source answers.
func unreadText(n int) string {
	if n == 1 {
		return "1 more check would bear on it, but no connected source shows what it judges"
	}
	return words.Count(n) + " more checks would bear on it, but no connected source shows what they judge"
}

func (x criterion) checkTable(list []checks.Check) site.TableView {
	t := site.TableView{Caption: "Checks that bear on it", Columns: []site.Column{
		{Head: "Check", Mono: true, Phone: site.PlaceFirst}, {Head: "What it says", Wide: true, Phone: site.PlaceFirst}, {Head: "Bears on it"},
		{Head: "Severity"}, {Head: "Status", Phone: site.PlaceEnd},
	}, Empty: site.EmptyView{Title: "No check bears on it.", Text: "No machine can see this one; people and documents answer it."}}
	if len(x.Checks) > 0 {
		t.Empty = site.EmptyView{Title: "No source answers one.", Text: "What machines could say of it is not read yet.", Link: site.Link{Text: "Connect a source", Href: "/sources"}}
	}
	for _, a := range list {
		status, word := shownStatus(a), ""
		if !a.Looked {
			word = "Nothing reads this"
		}
		t.Rows = append(t.Rows, site.Row{Href: checkHref(a.ID), Cells: []site.Cell{site.ID(a.ID, checkHref(a.ID)), site.Words(said(a)),
			site.Words(strength(a, x.Code)), site.Words(a.Severity), site.Mark(status, word)}})
	}
	return t
}

func strength(a checks.Check, code string) string {
	for _, m := range a.Map {
		if m.Criterion == code {
			return map[string]string{"direct": "directly", "supporting": "in support"}[m.Strength]
		}
	}
	return ""
}

func (x criterion) evidenceTable() site.TableView {
	t := site.TableView{Caption: "Evidence", Columns: []site.Column{
		{Head: "Entry", Phone: site.PlaceEnd}, {Head: "What it is", Wide: true, Phone: site.PlaceFirst}, {Head: "From"}, {Head: "Captured"},
	}, Empty: site.EmptyView{Title: "No evidence yet.", Text: "It comes from what checks read, and from what owners hand in."}}
	for _, r := range x.Evidence {
		proof := site.ProofSealed
		if r.Entry >= x.Signed {
			proof = site.ProofWaiting
		}
		t.Rows = append(t.Rows, site.Row{Href: "/evidence/" + string(r.ID), Cells: []site.Cell{
			site.Node(site.ProofMark(proof, r.Entry, "/log/"+strconv.FormatInt(r.Entry, 10))), {Text: r.Title, Href: "/evidence/" + string(r.ID)},
			site.Words(r.Origin), site.Node(site.Age(r.Captured, x.At))}})
	}
	return t
}

// mostProposed is how many proposals the page shows; the library has the rest.
const mostProposed = 8

func (x criterion) foremost() []controls.Shelved {
	return x.Proposed[:min(len(x.Proposed), mostProposed)]
}

func (x criterion) proposedNote() string {
	if len(x.Proposed) > mostProposed {
		return site.Count(mostProposed) + " of " + site.Count(len(x.Proposed)) + ", none of them counted"
	}
	return "none of them counted"
}

// ownerField asks who will own what is adopted.
func (x criterion) ownerField() site.FieldView {
	f := site.FieldView{Kind: site.FieldSelect, Name: "owner", Label: "Their owner", Short: true}
	for _, m := range x.Members {
		f.Options = append(f.Options, site.Option{Value: string(m.ID), Text: m.Name, Chosen: m.ID == x.Me.User})
	}
	return f
}

// reason says why a control is proposed.
func (x criterion) reason(t controls.Shelved) string {
	var out []string
	if x.found(t) {
		out = append(out, "matches what was found")
	}
	if t.Key {
		out = append(out, "key")
	}
	return strings.Join(append(out, strings.ReplaceAll(t.Frequency, "_", " "), "from "+t.Stage+" on"), " · ")
}
