package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/words"
)

// category is one that a report may be about, with when to choose it.
type category struct {
	frameworks.Category
	Hint  string
	Count int // criteria it brings
}

// hints say what in an organization's promises speaks for a category.
var hints = map[string]string{
	"security":             "Every report is about it.",
	"availability":         "Choose it if a contract, a service level or your website promises uptime.",
	"confidentiality":      "Choose it if contracts carry a confidentiality clause, an NDA or a duty to delete.",
	"processing_integrity": "Choose it if others rely on what the system computes: payments, calculations, financial data.",
	"privacy":              "Choose it if you collect personal information from the people themselves, or promise them how it is handled.",
}

func categories() ([]category, error) {
	cat, err := frameworks.Shipped()
	if err != nil {
		return nil, err
	}
	var out []category
	for _, k := range cat.Current().Categories {
		n := 0
		for _, c := range cat.Current().Criteria() {
			if c.Category == k.Code {
				n++
			}
		}
		out = append(out, category{k, hints[k.Code], n})
	}
	return out, nil
}

// form asks for everything a scope is made of, filled in as it stands.
func (x view) form() site.FormView {
	s := x.Scope
	f := site.FormView{
		Action: x.path, Version: strconv.FormatInt(s.Version, 10),
		Fields: []site.FieldView{
			{Name: "requester", Label: "Who asked for the report", Help: "A customer, an investor, a parent company. Leave it empty if nobody has yet.", Value: s.Requester, Optional: true,
				Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}},
			{Kind: site.FieldRadio, Name: "type", Label: "Which report", Options: []site.Option{
				{Value: scopes.TypeII, Text: "Type II", Note: "Were the controls well designed, and did they operate, over a period of usually 3 to 12 months? What most customers ask for.", Chosen: s.Type != scopes.TypeI},
				{Value: scopes.TypeI, Text: "Type I", Note: "Are the controls well designed, on one date? Sooner done, says less; often the first step.", Chosen: s.Type == scopes.TypeI},
			}},
			{Kind: site.FieldDate, Name: "starts", Label: "First day of the period", Value: s.Starts, Optional: true},
			{Kind: site.FieldDate, Name: "ends", Label: "Last day of the period", Value: s.Ends, Optional: true},
			{Kind: site.FieldDate, Name: "as_of", Label: "The date the report is as of", Value: s.AsOf, Optional: true},
			{Kind: site.FieldChecks, Name: "categories", Label: "What it is about", Help: "Most start with Security. Each further category adds criteria, controls and work."},
			{Name: "system", Label: "The system", Help: "The name of the service or product the report describes.", Value: s.System, Optional: true, Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}},
			{Kind: site.FieldArea, Name: "included", Label: "What is in", Help: "Services, infrastructure, places, people.", Value: s.Included, Optional: true, Attrs: templ.Attributes{"maxlength": "4000"}},
			{Kind: site.FieldArea, Name: "excluded", Label: "What is left out, and why", Value: s.Excluded, Optional: true, Attrs: templ.Attributes{"maxlength": "4000"}},
		},
	}
	for i := range f.Fields {
		if f.Fields[i].Name == "categories" {
			f.Fields[i].Options = x.options()
		}
	}
	return f
}

func (x view) options() []site.Option {
	var out []site.Option
	for _, k := range x.Choices {
		o := site.Option{Value: k.Code, Text: k.Title + ", " + site.Plural(int64(k.Count), "criterion", "criteria"), Note: k.Sentence + " " + k.Hint, Chosen: has(x.Scope, k.Code)}
		if k.Code == frameworks.Security {
			o.Chosen, o.Locked = true, "always in"
		}
		out = append(out, o)
	}
	return out
}

// field finds a field of the form by name.
func field(f site.FormView, name string) site.FieldView {
	for _, x := range f.Fields {
		if x.Name == name {
			return x
		}
	}
	return site.FieldView{Name: name}
}

// chosenType is the type that the form shows as chosen.
func chosenType(f site.FormView) string {
	for _, o := range field(f, "type").Options {
		if o.Chosen {
			return o.Value
		}
	}
	return scopes.TypeII
}

// said names what a scope decides, as lines of name and value.
func said(s scopes.Scope, titles map[string]string) []site.FactRow {
	var list []string
	for _, k := range s.Categories {
		list = append(list, titles[k])
	}
	return []site.FactRow{
		site.Text("Asked for by", orDash(s.Requester)), site.Text("Report", typeWord(s.Type)), site.Text("Dates", orDash(when(s))),
		site.Text("About", strings.Join(list, ", ")), site.Text("System", orDash(s.System)),
		site.Text("In", orDash(s.Included)), site.Text("Left out", orDash(s.Excluded)),
	}
}

// differing marks the lines in which two scopes are not the same.
func differing(now, other []site.FactRow) []site.FactRow {
	for i := range now {
		now[i].Strong = now[i].Value != other[i].Value
	}
	return now
}

// count is how many criteria a category brings.
func (x view) count(code string) string {
	for _, k := range x.Choices {
		if k.Code == code {
			return strconv.Itoa(k.Count)
		}
	}
	return "none"
}

func (x view) titles() map[string]string {
	out := map[string]string{}
	for _, k := range x.Choices {
		out[k.Code] = k.Title
	}
	return out
}

// typed is the scope that the form holds, for showing beside the other.
func (x view) typed() scopes.Scope {
	s := scopes.Scope{Type: chosenType(x.Form)}
	for name, to := range map[string]*string{"requester": &s.Requester, "starts": &s.Starts, "ends": &s.Ends, "as_of": &s.AsOf,
		"system": &s.System, "included": &s.Included, "excluded": &s.Excluded} {
		*to = strings.TrimSpace(field(x.Form, name).Value)
	}
	if s.Type == scopes.TypeI {
		s.Starts, s.Ends = "", ""
	} else {
		s.AsOf = ""
	}
	for _, o := range field(x.Form, "categories").Options {
		if o.Chosen {
			s.Categories = append(s.Categories, o.Value)
		}
	}
	return s
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func typeWord(t string) string {
	if t == scopes.TypeI {
		return "Type I"
	}
	return "Type II"
}

// when is the dates of a scope in words, or nothing.
func when(s scopes.Scope) string {
	switch {
	case s.Type == scopes.TypeI && s.AsOf != "":
		return "as of " + day(s.AsOf)
	case s.Type == scopes.TypeII && s.Starts != "":
		return day(s.Starts) + " to " + day(s.Ends)
	}
	return ""
}

func day(s string) string {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return s
	}
	return t.Format("2 January 2006")
}

// sentence says what is decided.
func (x view) sentence() string {
	if x.start {
		return "Who asked for the report, and for what?"
	}
	s := x.Scope
	if !s.Decided() {
		return "No scope is decided yet. Until one is, Security alone is taken."
	}
	text := typeWord(s.Type)
	if w := when(s); w != "" {
		text += ", " + w
	}
	n, names := 0, []string{}
	for _, k := range x.Choices {
		if has(s, k.Code) {
			n += k.Count
			names = append(names, k.Title)
		}
	}
	return fmt.Sprintf("%s: %s, against %s.", text, site.Plural(int64(n), "criterion", "criteria"), words.List(names))
}

func (x view) facts() []site.Fact {
	if x.start {
		return []site.Fact{{Text: "It can be changed at any time; each decision stays on record."}}
	}
	if !x.Scope.Decided() {
		return nil
	}
	return []site.Fact{{Text: "Version " + strconv.FormatInt(x.Scope.Version, 10), Href: "#history"}, {Text: "Decided by", Person: x.Scope.Actor},
		{Node: site.Moment(x.Scope.Effective)}, {Text: "What it means for the criteria", Href: "/criteria"}}
}

func (x view) timeline() []site.TimelineItem {
	var out []site.TimelineItem
	for i, s := range x.History {
		text := "Version " + strconv.FormatInt(s.Version, 10) + ": " + typeWord(s.Type)
		if w := when(s); w != "" {
			text += ", " + w
		}
		text += ", " + site.Plural(int64(len(s.Categories)), "category", "categories")
		out = append(out, site.TimelineItem{Now: i == 0, Text: text, When: s.Effective, Who: s.Actor})
	}
	return out
}

// path is where one is in the guided start.
func path() []site.PathStep {
	return []site.PathStep{
		{Text: "Who asked, and for what", State: site.PathNow},
		{Text: "What may be read", State: site.PathFuture, Href: "/start/sources"},
		{Text: "First results", State: site.PathFuture},
	}
}
