package page

import (
	"fmt"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/site"
)

// asked is a page with one form and what it leads to.
type asked struct {
	room
	P        populations.Population
	Sentence string
	Card     string
	Form     site.FormView
	Rules    []string
	Tabs     []site.TabView
	Facts    []site.FactRow
	Private  bool // a workpaper
}

func lengths(n int) templ.Attributes { return templ.Attributes{"maxlength": fmt.Sprint(n)} }

func (x asked) show(v *site.Visit, name string, wrong bool) error {
	shell := x.place(name, site.Crumb{Text: name})
	if x.P.Code != "" {
		shell = x.place(x.P.Code+" "+name, x.crumb(x.P), site.Crumb{Text: name})
	}
	if x.Private {
		shell.Private = "not visible to " + x.client()
	}
	if wrong {
		return v.ShowWrongIn(x.Engagement, shell, askedBody(x))
	}
	return v.ShowIn(x.Engagement, shell, askedBody(x))
}

// again shows a refused form with everything that was typed.
func (x asked) again(v *site.Visit, name string, err error) error {
	x.Form.Keep(v.R.PostForm)
	fresh(&x.Form)
	if !x.Form.Refused(err) {
		return err
	}
	return x.show(v, name, true)
}

// fresh gives the form another key: a refused act was none.
func fresh(f *site.FormView) {
	for i := range f.Fields {
		if f.Fields[i].Name == "key" {
			f.Fields[i] = site.OnceKey()
		}
	}
}

// requestForm asks for a list; with a code, once more.
func requestForm(v *site.Visit) (asked, error) {
	r, err := enter(v)
	if err != nil {
		return asked{}, err
	}
	if err := v.Actor.Require(auth.AuditWrite); err != nil {
		return asked{}, err
	}
	x := asked{room: r, Card: "The list", Sentence: "Ask " + r.client() + " for a list.",
		Rules: []string{"A random number is made and locked in the engagement's log at once, before the list exists.",
			"The number stays closed until the list is sealed and accepted. Then it decides what is drawn.",
			"One number belongs to one request. Asking again makes another, and the first stays to be seen."}}
	code := site.FieldView{Name: "code", Label: "Code", Help: "What both sides call it, such as POP-08.", Short: true, Mono: true, Value: v.Query("code"), Attrs: lengths(20)}
	what := site.FieldView{Name: "title", Label: "What is on it", Help: "Such as: production changes deployed.", Attrs: lengths(200)}
	controls := site.FieldView{Name: "controls", Label: "Controls it is for", Help: "Their codes, with spaces between.", Optional: true, Mono: true, Value: v.Query("control"), Attrs: lengths(400)}
	x.Form = site.FormView{Action: r.href("/new"), Buttons: []site.ButtonView{{Text: "Lock the number and ask"}, {Text: "Cancel", Href: r.href("")}}}
	x.Form.Fields = []site.FieldView{code, what, controls}
	if again := v.R.FormValue("again"); again != "" {
		old, err := populations.Get.Do(v.Context(), v.Desk, populations.Ref{Engagement: v.Path("id"), Population: again})
		if err != nil {
			return x, err
		}
		x.Sentence = "Ask for " + old.Code + " once more, with another number."
		x.Rules[2] = "The request of " + r.day(old.Requested) + " is abandoned. Its fingerprint stays on the page and in the log, with your reason."
		x.Form.Fields[0].Value, x.Form.Fields[1].Value, x.Form.Fields[2].Value = old.Code, old.Title, strings.Join(old.Controls, " ")
		x.Form.Fields = append(x.Form.Fields, site.FieldView{Kind: site.FieldArea, Name: "reason", Label: "Why the earlier request is abandoned", Attrs: lengths(2000)},
			site.FieldView{Kind: site.FieldHidden, Name: "again", Value: old.Code})
	}
	x.Form.Fields = append(x.Form.Fields, site.OnceKey())
	return x, nil
}

func showNew(v *site.Visit) error {
	x, err := requestForm(v)
	if err != nil {
		return err
	}
	return x.show(v, "Ask for a list", false)
}

func request(v *site.Visit) error {
	x, err := requestForm(v)
	if err != nil {
		return err
	}
	var in populations.Wish
	if err := v.Form(&in); err != nil {
		return x.again(v, "Ask for a list", err)
	}
	in.Engagement, in.Controls = v.Path("id"), strings.Fields(strings.Join(in.Controls, " "))
	p, err := populations.Request.Do(v.Context(), v.Desk, in)
	if err != nil {
		return x.again(v, "Ask for a list", err)
	}
	return v.Goto(x.of(p, ""))
}

// showSeal asks once more, for whoever has no scripts.
func showSeal(v *site.Visit) error {
	x, err := sealForm(v)
	if err != nil {
		return err
	}
	return x.show(v, "Seal", false)
}

func sealForm(v *site.Visit) (asked, error) {
	r, err := enter(v)
	if err != nil {
		return asked{}, err
	}
	if err := v.Actor.Require(auth.ListsWrite); err != nil {
		return asked{}, err
	}
	p, err := find(v)
	if err != nil {
		return asked{}, err
	}
	x := asked{room: r, P: p}
	version, err := choose(p, v.R.FormValue("version"))
	if err != nil {
		return x, err
	}
	if version == nil || version.Status != populations.Draft {
		return x, fault.Conflict("There is no draft of %s to seal.", p.Code)
	}
	x.Sentence = fmt.Sprintf("Seal %s of %s.", rowsWord(version.Rows), p.Code)
	x.Card, x.Rules = "What sealing does", sealRules(r)
	x.Facts = []site.FactRow{{Key: "Draft", Value: fmt.Sprintf("version %d", version.Version)}, {Key: "Digest", Node: site.Digest(site.DigestView{Value: version.Digest})},
		site.Text("Source", version.Manifest.Source), {Key: "Query", Node: verbatim(version.Manifest.Query)}}
	x.Form = site.FormView{Action: x.of(p, "/seal"), Buttons: []site.ButtonView{{Text: "Seal the list"}, {Text: "Cancel", Href: x.of(p, "")}},
		Version: fmt.Sprint(version.Version), Fields: []site.FieldView{site.OnceKey()}}
	return x, nil
}

func sealRules(r room) []string {
	return []string{"The list and its digest go into the log of " + r.client() + ". From then on a changed, added or missing row can be shown by anybody.",
		r.firm() + " can read every row, and decides whether the list is complete and accurate.",
		"It cannot be taken back. A better list is sealed as a new version, and this one stays."}
}

func seal(v *site.Visit) error {
	var in populations.Sealing
	if err := v.Form(&in); err != nil {
		return err
	}
	in.Engagement, in.Population = v.Path("id"), v.Path("code")
	_, err := populations.Seal.Do(v.Context(), v.Desk, in)
	if err != nil {
		x, readErr := sealForm(v)
		if readErr != nil {
			return err
		}
		return x.again(v, "Seal", err)
	}
	return v.Goto(site.EngagementHref(engagement(in.Engagement), "/populations/"+in.Population))
}

// procedureOptions are what the auditor can record, those that were computed
// last.
func procedureOptions() []site.Option {
	var out []site.Option
	for _, p := range []string{populations.Reconciliation, populations.ReverseTrace, populations.Accuracy, populations.Observed, populations.SourceCount,
		populations.Gap, populations.Collection, populations.Expected} {
		out = append(out, site.Option{Value: p, Text: populations.ProcedureName(p)})
	}
	return out
}

func judgeForm(v *site.Visit) (asked, error) {
	r, err := enter(v)
	if err != nil {
		return asked{}, err
	}
	if err := v.Actor.Require(auth.AuditWrite); err != nil {
		return asked{}, err
	}
	p, err := find(v)
	if err != nil {
		return asked{}, err
	}
	version := p.Current()
	if version == nil {
		return asked{}, fault.Conflict("Nothing of %s is sealed yet, so there is nothing to judge.", p.Code)
	}
	x := asked{room: r, P: p, Card: "Procedure", Private: true, Sentence: fmt.Sprintf("Record a procedure on version %d of %s.", version.Version, p.Code), Rules: []string{
		"Reconciliation: compare with a list from elsewhere, such as merged changes against deployments.",
		"Reverse trace: pick items outside the list, such as from an audit log, and find them in it.",
		"Accuracy: take items of the list and trace their fields back to the source.",
		"A source count that differs is explained row by row, one text a line.",
		"What you record is a workpaper. " + r.client() + " reads your decision and its reason, not this.",
	}}
	x.Form = site.FormView{Action: x.of(p, "/judge"), Version: fmt.Sprint(version.Version), Buttons: []site.ButtonView{{Text: "Record the procedure"}, {Text: "Cancel", Href: x.of(p, "")}},
		Fields: []site.FieldView{
			{Kind: site.FieldSelect, Name: "procedure", Label: "What was done", Options: procedureOptions(), Value: v.Query("procedure")},
			{Kind: site.FieldRadio, Name: "result", Label: "Result", Options: []site.Option{{Value: populations.Holds, Text: "It holds"}, {Value: populations.Fails, Text: "It fails"},
				{Value: populations.Explained, Text: "It fails, and is explained", Note: "The list can then be accepted with exceptions explained."}}},
			{Kind: site.FieldArea, Name: "note", Label: "What was done and seen", Rows: 4, Attrs: lengths(4000)},
			{Kind: site.FieldArea, Name: "items", Label: "Items it was done with", Help: "One a line.", Optional: true, Mono: true, Rows: 3},
			{Kind: site.FieldArea, Name: "other", Label: "The other list", Help: "For a reconciliation: one key a line. The program compares it with the sealed list.", Optional: true, Mono: true, Rows: 4},
			site.OnceKey(),
		}}
	return x, nil
}

func showJudge(v *site.Visit) error {
	x, err := judgeForm(v)
	if err != nil {
		return err
	}
	return x.show(v, "Record a procedure", false)
}

func judge(v *site.Visit) error {
	x, err := judgeForm(v)
	if err != nil {
		return err
	}
	var in populations.Judgement
	if err := v.Form(&in); err != nil {
		return x.again(v, "Record a procedure", err)
	}
	in.Engagement, in.Population = v.Path("id"), x.P.Code
	in.Items = nonEmpty(strings.Join(in.Items, "\n"))
	in.Note, in.Other = strings.ReplaceAll(in.Note, "\r\n", "\n"), strings.ReplaceAll(in.Other, "\r\n", "\n")
	if _, err := populations.Judge.Do(v.Context(), v.Desk, in); err != nil {
		return x.again(v, "Record a procedure", err)
	}
	return v.Goto(x.of(x.P, "#procedures"))
}

func nonEmpty(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// decideForm is the auditor's decision on a sealed version.
func decideForm(x shown) site.FormView {
	if !x.canDecide() {
		return site.FormView{}
	}
	f := site.FormView{ID: "decision", Action: x.of(x.P, "/accept"), Version: fmt.Sprint(x.V.Version), Buttons: []site.ButtonView{{Text: "Sign the decision"}}, Fields: []site.FieldView{
		{Kind: site.FieldRadio, Name: "decision", Label: "Decision", Options: []site.Option{{Value: populations.Complete, Text: "Complete and accurate"},
			{Value: populations.Explained, Text: "Complete, exceptions explained"}, {Value: populations.Rejected, Text: "Rejected", Note: "Nothing is drawn from it. " + x.client() + " builds another version."}}},
		{Kind: site.FieldArea, Name: "reason", Label: "Reason", Help: "Needed unless it is complete. " + x.client() + " reads it.", Optional: true, Attrs: lengths(4000)},
		site.OnceKey(),
	}}
	if x.V.DecidedBy != "" {
		f.Fields[0].Value = x.V.Decision
	}
	return f
}

func accept(v *site.Visit) error {
	x, err := look(v)
	if err != nil {
		return err
	}
	var in populations.Verdict
	if err = v.Form(&in); err == nil {
		in.Engagement, in.Population = v.Path("id"), x.P.Code
		_, err = populations.Accept.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto(x.of(x.P, ""))
	}
	x.Decide = decideForm(x)
	if len(x.Decide.Fields) == 0 {
		return err
	}
	x.Decide.Keep(v.R.PostForm)
	fresh(&x.Decide)
	if !x.Decide.Refused(err) {
		return err
	}
	return x.show(v, true)
}
