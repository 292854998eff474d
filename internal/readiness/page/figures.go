package page

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
)

// figure is a number of the pages, what it counts, and where its rows are.
type figure struct {
	Name, Means, Href string
	Value             int64
	Total             bool // the sum of those before it
}

// figures are the numbers of the pages in groups that add up.
type figures struct {
	picture
	Groups []figureGroup
}

type figureGroup struct {
	Title, Note string
	Figures     []figure
}

func showFigures(v *site.Visit) error {
	p, err := readPicture(v)
	if err != nil {
		return err
	}
	x := figures{picture: p, Groups: []figureGroup{p.criteriaFigures(), p.partFigures(), p.checkFigures(), p.controlFigures()}}
	if v.Actor.May(auth.EvidenceRead) {
		x.Groups = append(x.Groups, p.keptFigures())
	}
	if p.Sources != nil {
		x.Groups = append(x.Groups, p.sourceFigures())
	}
	if v.Actor.May(auth.LogRead) {
		head, err := evidence.HeadGet.Do(v.Context(), v.Desk, op.None{})
		if err != nil {
			return err
		}
		x.Groups = append(x.Groups, logFigures(head))
	}
	return v.Show(site.Shell{Title: "Where the figures come from", Current: "/", Crumbs: []site.Crumb{{Text: "Home", Href: "/"}, {Text: "Where the figures come from"}}}, figuresBody(x))
}

func (p picture) criteriaFigures() figureGroup {
	started := 0
	for _, k := range p.Criteria {
		if k.Verdict == readiness.NotStarted {
			started++
		}
	}
	t := p.Total
	return figureGroup{"Criteria", "each is counted in exactly one of the four", []figure{
		{Name: "Ready", Value: int64(t.Ready), Href: listed("verdict", "ready"), Means: "Designed, implemented and evidenced by all its key controls, or by all its controls where none is key."},
		{Name: "Not met", Value: int64(t.NotReady - started), Href: listed("verdict", "not_met"), Means: "A control is adopted, and at least one of the three parts is missing or fails. The home page counts it as not ready."},
		{Name: "Not started", Value: int64(started), Href: listed("verdict", "not_started"), Means: "No control has been adopted for it. The home page counts it as not ready."},
		{Name: "Unknown", Value: int64(t.Unknown), Href: listed("verdict", "unknown"), Means: "Designed and implemented, but what watches it gave no answer. Unknown never counts as ready."},
		{Name: "In scope", Value: int64(t.InScope), Href: listed("verdict", "selected"), Total: true, Means: "The criteria that the chosen categories bring. Security always is among them."},
	}}
}

func (p picture) partFigures() figureGroup {
	t := p.Total
	return figureGroup{"The three parts", "each of the criteria in scope, so these do not add up", []figure{
		{Name: "Designed", Value: int64(t.Designed), Href: listed("part", "designed"), Means: "Each control it rests on says who does what and how often, names an owner, and is mapped to the criterion."},
		{Name: "Implemented", Value: int64(t.InPlace), Href: listed("part", "implemented"), Means: "For each of them a named person has said how it is done here, or a check has seen it."},
		{Name: "Evidenced", Value: int64(t.Evidenced), Href: listed("part", "evidenced"), Means: "What watches each of them passes, or there is evidence no older than the rhythm at which it operates. Exceptions count, with their end."},
	}}
}

func (p picture) checkFigures() figureGroup {
	t := p.Checks
	return figureGroup{"Checks", "those that a connected source answers, each in exactly one", []figure{
		{Name: "Pass", Value: int64(t.Pass), Href: "/checks?status=pass", Means: "Everything it speaks about was seen and is as it should be."},
		{Name: "Fail", Value: int64(t.Fail), Href: "/checks?status=fail", Means: "At least one thing is not as it should be."},
		{Name: "Unknown", Value: int64(t.Unknown), Href: "/checks?status=unknown", Means: "It could not be settled, or the answer has grown old. It says why, and what would settle it."},
		{Name: "Excepted", Value: int64(t.Excepted), Href: "/checks?status=excepted", Means: "It fails, under an exception that a named person approved until a date."},
		{Name: "Not applicable", Value: int64(t.NotApplicable), Href: "/checks?status=not_applicable", Means: "The source was read and has nothing that the check speaks about."},
		{Name: "Answered", Value: int64(t.Total()), Href: "/checks", Total: true, Means: "Checks for which some connected source was read."},
	}}
}

func (p picture) controlFigures() figureGroup {
	return figureGroup{"Controls", "", []figure{
		{Name: "Adopted", Value: int64(len(p.Controls)), Href: "/controls", Means: "Controls in force, each with its versions on record."},
		{Name: "Proposed", Value: int64(len(p.Proposed)), Href: "/controls/library?proposed=1", Means: "Controls of the library that an answered check speaks for and nobody has adopted. A proposal counts for nothing."},
		{Name: "To do", Value: int64(len(p.Actions)), Href: "/work", Means: "Acts that would settle a criterion: mend, find out, adopt, state, gather."},
	}}
}

func (p picture) sourceFigures() figureGroup {
	n := p.answering()
	return figureGroup{"Sources", "", []figure{
		{Name: "Answering", Value: int64(n), Href: "/sources", Means: "The newest reading went well, and is not too old for the checks that rest on it, nor for the rhythm in which its files are expected."},
		{Name: "Silent", Value: int64(len(p.Sources) - n), Href: "/sources", Means: "It was never read, the newest reading failed, it is too old, or a file that was expected has not come. What it would show is unknown."},
		{Name: "Connected", Value: int64(len(p.Sources)), Href: "/sources", Total: true, Means: "Sources that are read on their schedule."},
		{Name: "Things seen", Value: p.seen(), Href: "/sources", Means: "Resources that the newest readings showed: commits, accounts, settings and the like."},
	}}
}

func logFigures(h evidence.Head) figureGroup {
	return figureGroup{"Evidence log", "", []figure{
		{Name: "Signed", Value: h.SignedSize, Href: "/log", Means: "Entries under the newest signed head. Nothing in them has changed since."},
		{Name: "Waiting", Value: h.Size - h.SignedSize, Href: "/log", Means: "Entries written since; a head follows within a second or so."},
		{Name: "Entries", Value: h.Size, Href: "/log", Total: true, Means: "Everything that was ever recorded here, in order."},
	}}
}

func (g figureGroup) table() site.TableView {
	t := site.TableView{Caption: g.Title, Columns: []site.Column{
		{Head: "Figure", Phone: site.PlaceFirst}, {Head: "Now", Num: true, Phone: site.PlaceEnd}, {Head: "What it counts", Wide: true},
	}}
	for _, f := range g.Figures {
		cells := []site.Cell{site.Words(f.Name), site.Number(f.Value, f.Href), site.Words(f.Means)}
		if f.Total {
			cells[0].Strong, cells[1].Strong = true, true
		}
		t.Rows = append(t.Rows, site.Row{Href: f.Href, Cells: cells})
	}
	return t
}
