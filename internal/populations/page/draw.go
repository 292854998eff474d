package page

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site"
)

// A drawing is a sample that was drawn from a population for one control.
type drawing struct {
	Control, Cadence string
	Items            []procedures.Drawn // in the order of the sample
	Sample           procedures.Sample  // the client knows what was drawn and when, and no more
	Risk             sample.Risk
	Seed             string
	Deviates         map[string]bool
}

// drawings are the samples from a population, by control, from what the
// reader's side may see.
func drawings(v *site.Visit, r room, p populations.Population) ([]drawing, error) {
	var out []drawing
	at := func(control string) *drawing {
		i := slices.IndexFunc(out, func(d drawing) bool { return d.Control == control })
		if i < 0 {
			out = append(out, drawing{Control: control, Deviates: map[string]bool{}})
			i = len(out) - 1
		}
		return &out[i]
	}
	after := ""
	for {
		page, err := procedures.Items.Do(v.Context(), v.Desk, procedures.ItemPart{Engagement: v.Path("id"), After: after, Limit: op.MaxLimit})
		if err != nil {
			return nil, err
		}
		for _, i := range page.Items {
			if i.Population == p.Code {
				d := at(i.Control)
				d.Items = append(d.Items, i)
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if r.Firm {
		if err := papers(v, p, at); err != nil {
			return nil, err
		}
	}
	deviations, err := procedures.Deviations.Do(v.Context(), v.Desk, procedures.DeviationFilter{Engagement: v.Path("id")})
	if err != nil {
		return nil, err
	}
	for _, d := range deviations.Items {
		for i := range out {
			if out[i].Control == d.Control {
				out[i].Deviates[d.Item] = true
			}
		}
	}
	for i := range out {
		out[i].Seed = seed(p, out[i], r.Engagement)
	}
	slices.SortFunc(out, func(a, b drawing) int { return strings.Compare(a.Control, b.Control) })
	return out, nil
}

// papers adds what the firm's workpapers say, and those that have not drawn yet.
func papers(v *site.Visit, p populations.Population, at func(string) *drawing) error {
	list, err := procedures.List.Do(v.Context(), v.Desk, procedures.Whole{Engagement: v.Path("id")})
	if err != nil {
		return err
	}
	for _, x := range list.Items {
		if x.Population != p.Code {
			continue
		}
		d := at(x.Control)
		d.Cadence, d.Risk = x.Cadence, sample.Risk(x.Risk)
		if x.Sample != nil {
			d.Sample = *x.Sample
		}
	}
	return nil
}

// seed is computed from what both sides know once the number is revealed.
func seed(p populations.Population, d drawing, e engagements.Engagement) string {
	v := p.Current()
	nonce, err := sample.ParseNonce(p.Nonce)
	if err != nil || v == nil || len(d.Items) == 0 {
		return ""
	}
	sum, err := hex.DecodeString(v.Digest)
	if err != nil || len(sum) != 32 {
		return ""
	}
	return nonce.Seed([32]byte(sum), d.Control, e.Starts+"/"+e.Ends).String()
}

// drawn reports whether items were drawn.
func (d *drawing) drawn() bool { return d != nil && len(d.Items) > 0 }

// byArithmetic reports whether chance decided: where an occurrence was missed
// everything is looked at, and nothing is drawn.
func (d *drawing) byArithmetic() bool {
	return d.drawn() && d.Sample.Method != "none" && !slices.ContainsFunc(d.Items, func(i procedures.Drawn) bool { return i.Missed })
}

// repeats is how many of the items the command gives again: an extension of a
// sample that is not random takes the next of the order, which it does not know.
func (d *drawing) repeats() int {
	if m := d.Sample.Method; d.Sample.First > 0 && (m == string(sample.Systematic) || m == string(sample.Stratified)) {
		return d.Sample.First
	}
	return len(d.Items)
}

// when is the time of the draw; an extension came later.
func (d *drawing) when() time.Time {
	if !d.Sample.Drawn.IsZero() {
		return d.Sample.Drawn
	}
	var at time.Time
	for _, i := range d.Items {
		if at.IsZero() || i.Asked.Before(at) {
			at = i.Asked
		}
	}
	return at
}

func (d *drawing) first(n int) []string {
	var out []string
	for _, i := range d.Items[:min(n, len(d.Items))] {
		out = append(out, i.Item)
	}
	return out
}

// prefix is what all ids begin with, up to a dash.
func prefix(items []string) string {
	if len(items) < 2 {
		return ""
	}
	i := strings.LastIndexAny(items[0], "-_/.") + 1
	for _, x := range items {
		if !strings.HasPrefix(x, items[0][:i]) || len(x) == i {
			return ""
		}
	}
	return items[0][:i]
}
