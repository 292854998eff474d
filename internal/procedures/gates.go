package procedures

import (
	"fmt"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/words"
)

type missing = engagements.Missing

func at(control string) string { return "/testing/" + control }

// over makes a condition that holds of every workpaper.
func over(into engagements.State, kind, title string, lacks func(p *paper) []missing, note func(all []*paper) string) struct{} {
	return engagements.Gate(engagements.Condition{Into: into, Type: kind, Title: title, Private: true, Check: func(c *op.Call, r *engagements.Room) ([]missing, string, error) {
		all, err := survey(c, r, "")
		var out []missing
		for _, p := range all {
			out = append(out, lacks(p)...)
		}
		return out, note(all), err
	}})
}

func counted(all []*paper) string { return words.Plural(len(all), "control", "controls") + " planned" }

var (
	_ = engagements.Gate(engagements.Condition{Into: engagements.Planned, Title: "Every criterion has a control that will be tested", Private: true, Check: uncovered})

	_ = over(engagements.Fieldwork, scopes.TypeII, "Every sample is drawn", func(p *paper) []missing {
		if p.Basis == BySample && p.Sample == nil && p.Evaluation.Proposal != Undetermined {
			return []missing{{Text: "the sample of " + p.Control, Href: at(p.Control)}}
		}
		return nil
	}, counted)

	_ = over(engagements.Evaluation, "", "Every key control is concluded", func(p *paper) []missing {
		if p.Key {
			return unconcluded(p)
		}
		return nil
	}, counted)
	_ = over(engagements.Evaluation, "", "Every deviation is classified and put to management", func(p *paper) []missing {
		if p.Unclassified == 0 {
			return nil
		}
		return []missing{{Text: words.Plural(p.Unclassified, "deviation", "deviations") + " of " + p.Control, Href: "/deviations?control=" + p.Control}}
	}, answered)
	_ = over(engagements.DraftReport, "", "Every planned control is concluded", unconcluded, counted)
	_ = over(engagements.SignOff, "", "Every workpaper is reviewed by somebody who did not prepare it", unreviewed, counted)
	_ = over(engagements.Issued, "", "Every workpaper is reviewed by somebody who did not prepare it", unreviewed, counted)
)

func unconcluded(p *paper) []missing {
	switch k := p.Conclusion; {
	case k == nil:
		return []missing{{Text: "the conclusion on " + p.Control, Href: at(p.Control)}}
	case k.Stale:
		return []missing{{Text: "a new conclusion on " + p.Control + ", tested further since", Href: at(p.Control)}}
	}
	return nil
}

func unreviewed(p *paper) []missing {
	if k := p.Conclusion; k == nil || k.Stale || k.Reviewed.IsZero() {
		return []missing{{Text: "the review of " + p.Control, Href: at(p.Control)}}
	}
	return nil
}

// answered says how far management has responded. It is asked to; whether it
// does is up to it.
func answered(all []*paper) string {
	n, of := 0, 0
	for _, p := range all {
		for _, d := range p.found {
			of++
			if d.Response != "" {
				n++
			}
		}
	}
	if of == 0 {
		return "No deviations"
	}
	return fmt.Sprintf("Management has responded to %d of %d", n, of)
}

// uncovered lists the criteria in scope that no planned control answers.
func uncovered(c *op.Call, r *engagements.Room) ([]missing, string, error) {
	all, err := survey(c, r, "")
	if err != nil {
		return nil, "", err
	}
	cat, err := frameworks.Shipped()
	if err != nil {
		return nil, "", err
	}
	edition, err := cat.Version(r.Catalogue)
	if err != nil {
		return nil, "", err
	}
	criteria, err := edition.InScope(r.Categories)
	if err != nil {
		return nil, "", err
	}
	covered := map[string]bool{}
	for _, p := range all {
		for _, code := range p.Criteria {
			covered[code] = true
		}
	}
	var out []missing
	for _, k := range criteria {
		if !covered[k.Code] {
			out = append(out, missing{Text: "a control for " + k.Code, Href: "/testing?criterion=" + k.Code})
		}
	}
	note := fmt.Sprintf("%s for %d of %d criteria", counted(all), len(criteria)-len(out), len(criteria))
	return out, note, nil
}
