package page

import (
	"strings"

	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/site"
)

// markName says the glyph beside a control.
func markName(c opinions.Control) string {
	if c.Decision == "" {
		return "Not concluded"
	}
	return said(c.Decision)
}

// restOf names the controls that a row has no room for.
func restOf(k opinions.Criterion) string {
	var out []string
	for _, c := range k.Controls[3:] {
		out = append(out, c.Code+": "+lower(markName(c)))
	}
	return strings.Join(out, ", ")
}

func disclosures(p opinions.PartProposal) []site.FactRow {
	var out []site.FactRow
	for _, d := range p.Disclosed {
		out = append(out, site.FactRow{Key: d.Control, Value: d.Facts})
	}
	return out
}

func (x accepting) head() string {
	n := len(x.acceptable())
	if n == 1 {
		return "One criterion is proposed as met."
	}
	return criteria(n) + " are proposed as met."
}

func (x one) formTitle() string {
	if x.K.Decision != nil {
		return "Conclude again"
	}
	return "Conclude"
}

func texts(list []opinions.Prompt) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.Text)
	}
	return out
}
