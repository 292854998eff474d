package procedures

import (
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
)

// ProgressGet tells both sides how far testing has come, in numbers.
var ProgressGet = op.Read("procedures.progress", "Show how far testing has come: key controls by series and stage, and items that have no evidence yet.", auth.EngageRead, progress)

// Progress is how far testing has come, as both sides may know it. It holds no
// mark and no result.
type Progress struct {
	// Series has the key controls by the series of the criteria they answer. One
	// that answers two series stands in both; Key counts each once.
	Series []Stages `json:"series"`
	Key    Stages   `json:"key"`
	Asked  []Asked  `json:"asked"`
}

// Stages counts controls by how far the work on them has come.
type Stages struct {
	Series     string `json:"series,omitempty"`
	NotStarted int    `json:"not_started"`
	Testing    int    `json:"testing"`
	InReview   int    `json:"in_review"`
	Concluded  int    `json:"concluded"`
}

// Asked is what was drawn for a control.
type Asked struct {
	Control string `json:"control"`
	Title   string `json:"title"`
	Items   int    `json:"items"`
	Open    int    `json:"open"` // without evidence
}

func (s *Stages) add(p *paper) {
	switch {
	case p.Stage == stageReviewed:
		s.Concluded++
	case p.Stage == stageConcluded:
		s.InReview++
	case p.Stage == stagePlanned:
		s.NotStarted++
	default:
		s.Testing++
	}
}

func progress(c *op.Call, in Whole) (Progress, error) {
	out := Progress{Series: []Stages{}, Asked: []Asked{}}
	r, err := engagements.Open(c, in.Engagement)
	if err != nil {
		return out, err
	}
	all, err := survey(c, r, "")
	if err == nil {
		err = look(c, r, all...)
	}
	if err != nil {
		return out, err
	}
	for _, p := range all {
		if n := p.items(); n > 0 {
			out.Asked = append(out.Asked, Asked{Control: p.Control, Title: p.Title, Items: n, Open: p.Unlinked})
		}
		if !p.Key {
			continue
		}
		out.Key.add(p)
		var series []string
		for _, code := range p.Criteria {
			s, _, _ := strings.Cut(code, ".")
			if !slices.Contains(series, s) {
				series = append(series, s)
			}
		}
		for _, s := range series {
			i := slices.IndexFunc(out.Series, func(x Stages) bool { return x.Series == s })
			if i < 0 {
				i = len(out.Series)
				out.Series = append(out.Series, Stages{Series: s})
			}
			out.Series[i].add(p)
		}
	}
	slices.SortFunc(out.Series, func(a, b Stages) int { return strings.Compare(a.Series, b.Series) })
	return out, nil
}
