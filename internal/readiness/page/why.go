package page

import (
	"net/url"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
)

// How much of each cause the page of a criterion shows; the rest is a link.
const (
	mostCauses  = 6
	mostCulprit = 3
)

// cause is one thing that keeps a criterion from being ready, what it is about,
// and what to do.
type cause struct {
	Status   site.Status
	Text     string
	Href     string
	Culprits []culprit // what fails, or cannot be known
	More     int64     // of those, beyond the ones shown
	Do       string    // what to do
	Note     string
	Act      site.Link // where
}

// culprit is a resource that fails.
type culprit struct{ Key, Why, Href string }

// causes finds what keeps the criterion from being ready: what fails first,
// then what cannot be known, what nobody owns, what has no evidence; last what
// bears on it and does not decide.
func (x *criterion) causes(v *site.Visit) error {
	if !x.In || x.State.Verdict == readiness.Ready {
		return nil
	}
	rests := slices.DeleteFunc(slices.Clone(x.Adopted), func(c readiness.Control) bool { return !c.Key })
	if len(rests) == 0 {
		rests = x.Adopted // as the verdict has it: on the key ones, or on all
	}
	var failing, unknown, rest, beside []cause
	for _, a := range x.Checks {
		if !a.Looked || a.Status != checks.Fail && a.Status != checks.Unknown {
			continue
		}
		c, err := x.causeOf(v, a)
		if err != nil {
			return err
		}
		switch {
		case !slices.ContainsFunc(rests, func(r readiness.Control) bool { return slices.Contains(a.Controls, r.Code) }):
			c.Note = "bears on it, though no control it rests on is judged by this"
			beside = append(beside, c)
		case a.Status == checks.Fail:
			failing = append(failing, c)
		default:
			unknown = append(unknown, c)
		}
	}
	for _, c := range rests {
		rest = append(rest, x.lacking(c)...)
	}
	if len(x.Adopted) == 0 {
		rest = append(rest, cause{Status: site.StatusNotStarted, Text: "No control has been adopted for it", Do: "Choose one that answers it.", Act: site.Link{Text: "Controls that answer it", Href: "/controls/library?criterion=" + x.Code}})
	}
	x.Causes = slices.Concat(failing, unknown, rest, beside)
	return nil
}

// causeOf is a check that fails or cannot be known, with the first of what it
// is about.
func (x *criterion) causeOf(v *site.Visit, a checks.Check) (cause, error) {
	c := cause{Status: statusOf(a.Status), Text: said(a), Href: checkHref(a.ID), Do: firstLine(a.Fix), Act: site.Link{Text: "Why and how", Href: checkHref(a.ID) + "#why"}}
	if a.Status == checks.Unknown {
		c.Do = firstLine(a.Remedy)
		if c.Do != "" {
			c.Do = stopped(imperative(c.Do, a.Remedy))
		}
	}
	if !v.Actor.May(auth.ChecksRead) {
		return c, nil
	}
	found, err := checks.Findings.Do(v.Context(), v.Desk, checks.FindingFilter{ID: a.ID, Status: string(a.Status), Limit: mostCulprit})
	if err != nil {
		return c, err
	}
	for _, f := range found.Items {
		why := f.Reason
		if why == a.Summary || why == a.Reason {
			why = ""
		}
		c.Culprits = append(c.Culprits, culprit{site.Brief(f.Key), why, "/sources/" + string(f.Source) + "/" + a.Kind + "/" + url.PathEscape(f.Key)})
	}
	c.More = found.Total - int64(len(found.Items))
	return c, nil
}

// lacking is what a control has not got.
func (x *criterion) lacking(c readiness.Control) []cause {
	var out []cause
	add := func(status site.Status, text, do, word, page string) {
		k := cause{Status: status, Text: text, Href: controlHref(c.Code), Do: do}
		if x.May {
			k.Act = site.Link{Text: word, Href: page}
		}
		out = append(out, k)
	}
	if c.OwnerName == "" {
		add(site.StatusNotStarted, "Nobody owns "+c.Code, "Give it an owner.", "Name an owner", controlHref(c.Code)+"/edit")
	}
	if c.InPlace != readiness.Full {
		add(site.StatusNotStarted, "Nobody has said how "+c.Code+" is done", "Its owner says it in two sentences.", "State it", controlHref(c.Code)+"/implement")
	}
	if c.Evidenced == readiness.Empty {
		add(site.StatusNotStarted, c.Code+" has no evidence within its rhythm", "Add a record, or connect a source that a check of it reads.", "Add evidence", "/evidence/new?control="+url.QueryEscape(string(c.ID)))
	}
	return out
}

func stopped(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// said is what a check says now. The message about something that fails keeps
// the spelling of the name it begins with.
func said(a checks.Check) string {
	switch {
	case !a.Looked:
		return phrase(a.Title)
	case a.Status == checks.Unknown && a.Reason != "":
		return phrase(a.Reason)
	case (a.Status == checks.Fail || a.Status == checks.Excepted) && a.Summary != "":
		return strings.TrimSuffix(strings.TrimSpace(a.Summary), ".")
	case a.Summary != "":
		return phrase(a.Summary)
	}
	return phrase(a.Title)
}

func (x criterion) foremostCauses() []cause { return x.Causes[:min(len(x.Causes), mostCauses)] }

func (x criterion) causeNote() string {
	if n := len(x.Causes); n > mostCauses {
		return site.Count(mostCauses) + " of " + site.Count(n) + ", the gravest first"
	}
	return "the gravest first"
}
