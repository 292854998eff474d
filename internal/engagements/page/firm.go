package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site"
)

// methods is the page of the firm's methodology.
type methods struct {
	Now   engagements.Methodology
	All   []engagements.Methodology
	Form  site.FormView
	May   bool
	Stale *engagements.Methodology
}

func readMethods(v *site.Visit) (methods, error) {
	x := methods{May: v.Actor.May(auth.FirmWrite)}
	var err error
	if x.Now, err = engagements.MethodGet.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return x, err
	}
	all, err := engagements.MethodList.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return x, err
	}
	x.All = all.Items
	raw, err := profileText(x.Now.Profile)
	if err != nil {
		return x, err
	}
	x.Form = site.FormView{ID: "methodology", Action: "/firm/methodology", Version: version(x.Now.Version), Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "profile", Label: "Profile", Mono: true, Rows: 18, Value: raw, Help: "The whole of it, as JSON. Give it a name of the firm's own.", Attrs: templ.Attributes{"maxlength": "20000", "spellcheck": "false"}},
		{Kind: site.FieldArea, Name: "reason", Label: "What changed, and why", Rows: 2, Attrs: templ.Attributes{"maxlength": "2000"}},
	}, Buttons: []site.ButtonView{{Text: "Put it in force"}}}
	return x, nil
}

func profileText(p sample.Profile) (string, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = json.Indent(&out, b, "", "  ")
	return out.String(), err
}

func methodShell() site.Shell {
	return site.Shell{Title: "Methodology", Current: "/firm/methodology", Crumbs: []site.Crumb{{Text: "Methodology"}}}
}

func (x methods) sentence() string {
	if x.Now.Version == 0 {
		return "The firm uses " + x.Now.Profile.Name + ", the profile that the program comes with."
	}
	return x.Now.Profile.Name + " is in force, version " + strconv.Itoa(x.Now.Profile.Version) + "."
}

func showMethodology(v *site.Visit) error {
	x, err := readMethods(v)
	if err != nil {
		return err
	}
	return v.Show(methodShell(), methodBody(x))
}

func setMethodology(v *site.Visit) error {
	var in engagements.NewMethodology
	err := v.Form(&in)
	if err == nil {
		_, err = engagements.MethodSet.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/firm/methodology")
	}
	x, readErr := readMethods(v)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	if f := fault.As(err); f != nil {
		if now, ok := f.Current.(engagements.Methodology); ok {
			x.Stale = &now
		}
	}
	return v.ShowWrong(methodShell(), methodBody(x))
}

func byRisk(first string, b sample.ByRisk, unit string) site.Row {
	cell := func(n int) site.Cell { return site.Words(strconv.Itoa(n) + unit) }
	return site.Row{Cells: []site.Cell{site.Words(first), cell(b.Low), cell(b.Moderate), cell(b.High)}}
}

func riskColumns(head string) []site.Column {
	return []site.Column{{Head: head, Wide: true, Phone: site.PlaceFirst}, {Head: "Low risk", Num: true}, {Head: "Moderate", Num: true}, {Head: "High", Num: true}}
}

// cadences is how many items are tested of a control that operates on a
// schedule.
func cadences(p sample.Profile) site.TableView {
	t := site.TableView{Caption: "Items tested, by how often a control operates", Columns: riskColumns("The control operates")}
	for _, c := range sample.Cadences() {
		if b, known := p.Scheduled[c]; known {
			t.Rows = append(t.Rows, byRisk(site.Capital(cadenceWord(c)), b, ""))
		}
	}
	t.Rows = append(t.Rows, byRisk("Automatically: looks at it in force, beside each version", p.Looks, ""))
	return t
}

func cadenceWord(c sample.Cadence) string {
	switch c {
	case sample.ManyADay:
		return "many times a day"
	case sample.SemiAnnual:
		return "twice a year"
	case sample.SemiMonthly:
		return "twice a month"
	case sample.Annual:
		return "once a year"
	}
	return string(c)
}

// events is how many items are tested of what happens when it happens, by the
// size of the list.
func events(p sample.Profile) site.TableView {
	t := site.TableView{Caption: "Items tested, by the size of the list", Columns: riskColumns("Items in the list")}
	for i, b := range p.Events {
		size := "from " + strconv.Itoa(b.From)
		if i+1 < len(p.Events) {
			size = strconv.Itoa(b.From) + " to " + strconv.Itoa(p.Events[i+1].From-1)
			if p.Events[i+1].From-1 == b.From {
				size = strconv.Itoa(b.From)
			}
		}
		row := byRisk(size, b.Least, "")
		if b.Percent != (sample.ByRisk{}) {
			for j, share := range []int{b.Percent.Low, b.Percent.Moderate, b.Percent.High} {
				row.Cells[j+1].Text = fmt.Sprintf("%s, at least %s", percent(float64(share)/100), row.Cells[j+1].Text)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	t.Rows = append(t.Rows, byRisk("Never more than", p.Caps, ""))
	return t
}

// supports is when a result supports a control.
func supports(p sample.Profile) site.TableView {
	t := site.TableView{Caption: "When a result supports a control", Columns: []site.Column{{Head: "Risk", Wide: true, Phone: site.PlaceFirst}, {Head: "Confidence", Num: true}, {Head: "Tolerable rate", Num: true}}}
	for _, r := range []sample.Risk{sample.Low, sample.Moderate, sample.High} {
		l := p.Limits(r)
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Words(site.Capital(string(r))), site.Words(percent(l.Confidence)), site.Words(percent(l.Tolerable))}})
	}
	return t
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return site.Spelled(n) + " times"
}

// percent writes a share that the profile gives as a fraction.
func percent(f float64) string { return strconv.FormatFloat(f*100, 'f', -1, 64) + " %" }

func (x methods) history() site.TableView {
	t := site.TableView{Caption: "Versions of the methodology", Columns: []site.Column{{Head: "Version", Phone: site.PlaceFirst}, {Head: "Profile", Mono: true}, {Head: "Why", Wide: true}, {Head: "By"}, {Head: "In force from", Phone: site.PlaceEnd}}}
	for _, m := range x.All {
		if m.Version == 0 {
			t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Words("–"), site.Words(m.Profile.Name), site.Words("What the program comes with"), site.Words(""), site.Words("the beginning")}})
			continue
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Words(version(m.Version)), site.Words(m.Profile.Name), site.Words(m.Reason), site.Words(m.Actor), site.Words(site.Date(m.At))}})
	}
	return t
}
