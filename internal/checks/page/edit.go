package page

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"go.yaml.in/yaml/v3"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// The editor shows one check two ways: its fields, and its YAML. The YAML is
// what is kept; the fields are read from it and written into it, so that
// neither way loses what the other has.
const (
	asForm = "form"
	asYAML = "yaml"
)

// editor is the page on which a check is written.
type editor struct {
	ID       string // of the check that is changed; empty for a new one
	From     string // the check of the program that it began as
	Digest   string // of the version that was read
	Way      string
	YAML     string
	Def      checks.Definition // as the fields show it
	Form     site.FormView
	Where    string // the place of a fault, with a caret under it
	Kinds    []sources.Schema
	Trial    *checks.Trial
	Inserted string // the field that was put into the rule
	Now      time.Time
}

func (x editor) path() string {
	if x.ID != "" {
		return "/checks/" + x.ID + "/edit"
	}
	return "/checks/new"
}

func (x editor) shell() site.Shell {
	if x.ID != "" {
		return shell("Change "+x.ID, site.Crumb{Text: x.ID, Href: "/checks/" + x.ID, Mono: true}, site.Crumb{Text: "Change"})
	}
	return shell("Write a check", site.Crumb{Text: "New"})
}

func (x editor) sentence() string {
	switch {
	case x.ID != "":
		return "A new version counts from the moment it is put in force. What was said before stays."
	case x.From != "":
		return "Your own of " + x.From + ": change what should be different here."
	}
	return "A check says of each thing a source shows whether it is as it should be."
}

func showNew(v *site.Visit) error {
	x, err := begin(v)
	if err != nil {
		return err
	}
	x.YAML = example
	if x.From = v.Query("from"); x.From != "" {
		d, err := checks.Get.Do(v.Context(), v.Desk, checks.Ref{ID: x.From})
		if err != nil {
			return err
		}
		mine := d.Definition
		mine.ID = "own." + mine.ID
		if x.YAML, err = mine.Text(); err != nil {
			return err
		}
	} else if v.Query("finding") != "" {
		if x.YAML, err = ofFinding(v, v.Query("source"), v.Query("finding")); err != nil {
			return err
		}
	}
	return x.open(v)
}

func showEdit(v *site.Visit) error {
	x, err := begin(v)
	if err != nil {
		return err
	}
	if err := x.version(v); err != nil {
		return err
	}
	return x.open(v)
}

// version reads the version in force of an own check.
func (x *editor) version(v *site.Visit) error {
	x.ID = v.Path("id")
	past, err := checks.Versions.Do(v.Context(), v.Desk, checks.Ref{ID: x.ID})
	if err != nil {
		return err
	}
	if past.Off || len(past.Versions) == 0 || !past.Versions[0].Own {
		return fault.NotFound("There is no check %s of your own in force.", x.ID)
	}
	x.YAML, x.Digest = past.Versions[0].YAML, past.Versions[0].Digest
	return nil
}

func begin(v *site.Visit) (editor, error) {
	x := editor{Way: asForm, Now: v.Clock.Now()}
	if err := v.Actor.Require(auth.ChecksWrite); err != nil {
		return x, err
	}
	if v.Query("as") == asYAML {
		x.Way = asYAML
	}
	schemas, err := sources.Schemas()
	if err != nil {
		return x, err
	}
	for _, s := range schemas {
		x.Kinds = append(x.Kinds, s)
	}
	byKind(x.Kinds)
	return x, nil
}

func (x editor) open(v *site.Visit) error {
	if err := x.read(); err != nil {
		x.Way = asYAML
		x.refuse(fault.As(err))
	}
	x.fill()
	return v.Show(x.shell(), editBody(x))
}

// read takes the fields from the YAML.
func (x *editor) read() error {
	defs, err := checks.Parse("yaml", []byte(x.YAML))
	if err == nil && len(defs) != 1 {
		err = fault.Invalid("yaml", "give one check; %d were given", len(defs))
	}
	if err == nil {
		x.Def = defs[0]
	}
	return err
}

// typed is what the form sends beside the fields of the definition.
type typed struct {
	Way      string `json:"as"`
	YAML     string `json:"yaml"`
	Digest   string `json:"digest"`
	From     string `json:"from"`
	Do       string `json:"do"`
	Insert   string `json:"insert"`
	Why      string `json:"why"`
	Replaces bool   `json:"replaces"`
}

// write handles everything that the editor's buttons do.
func write(v *site.Visit) error {
	x, err := begin(v)
	if err != nil {
		return err
	}
	var in typed
	if err := v.Form(&in); err != nil {
		return err
	}
	x.ID, x.Digest, x.From, x.YAML = v.Path("id"), in.Digest, in.From, strings.ReplaceAll(in.YAML, "\r\n", "\n")
	x.Way = asYAML
	if in.Way == asForm {
		x.Way = asForm
		err = x.take(v)
	}
	if err == nil && x.Way == asYAML && in.Do != "save" && in.Do != "try" {
		err = x.read()
	}
	if err == nil {
		switch {
		case in.Insert != "":
			x.insert(in.Insert)
		case in.Do == asForm || in.Do == asYAML:
			x.Way = in.Do
		case in.Do == "save":
			var made checks.Check
			if made, err = x.save(v, in); err == nil {
				v.Web.Wake()
				return v.Goto("/checks/" + made.ID)
			}
		default:
			var t checks.Trial
			if t, err = checks.Preview.Do(v.Context(), v.Desk, checks.Draft{YAML: x.YAML}); err == nil {
				x.Trial = &t
			}
		}
	}
	return x.answer(v, in, err)
}

func (x editor) save(v *site.Visit, in typed) (checks.Check, error) {
	if x.ID != "" {
		return checks.Update.Do(v.Context(), v.Desk, checks.Change{ID: x.ID, YAML: x.YAML, Digest: x.Digest, Why: in.Why})
	}
	made := checks.Authored{YAML: x.YAML, Why: in.Why}
	if in.Replaces {
		made.Replaces = x.From
	}
	return checks.Create.Do(v.Context(), v.Desk, made)
}

// answer shows the editor again, with what was refused or tried.
func (x editor) answer(v *site.Visit, in typed, err error) error {
	f := fault.As(err)
	if err != nil && (f == nil || f.Kind == fault.KindDenied || f.Kind == fault.KindInternal || f.Kind == fault.KindNotFound) {
		return err
	}
	part := v.Partial() && in.Do == "try"
	if err == nil {
		if part {
			return v.Fragment(triedPart(x))
		}
		if x.Way == asForm && x.Trial == nil && in.Insert == "" {
			if err := x.read(); err != nil {
				return err
			}
		}
		x.fill()
		x.keep(in)
		return v.Show(x.shell(), editBody(x))
	}
	if part {
		x.refuse(f)
		return v.Fragment(triedPart(x))
	}
	if x.Way == asForm && in.Way == asForm {
		x.fill()
		x.Form.Keep(v.R.PostForm)
	} else {
		x.Way = asYAML
		x.fill()
	}
	x.keep(in)
	x.refuse(f)
	return v.ShowWrong(x.shell(), editBody(x))
}

func (x *editor) keep(in typed) {
	for i := range x.Form.Fields {
		switch x.Form.Fields[i].Name {
		case "why":
			x.Form.Fields[i].Value = in.Why
		case "replaces":
			x.Form.Fields[i].Options[0].Chosen = in.Replaces
		}
	}
}

// take writes the fields into the YAML that came along.
func (x *editor) take(v *site.Visit) error {
	f := v.R.PostForm
	get := func(name string) string {
		return strings.TrimRight(strings.ReplaceAll(f.Get(name), "\r\n", "\n"), " \n\t")
	}
	d := checks.Definition{ID: get("id"), Title: get("title"), Kind: get("kind"), Applies: get("applies"), Pass: get("pass"), Empty: checks.Status(get("empty")),
		Cadence: get("cadence"), Severity: get("severity"), Mandatory: f.Get("mandatory") != "", Message: get("message"), Summary: get("summary"),
		Risk: get("risk"), Fix: get("fix"), Unknown: get("unknown"), Controls: words(get("controls"))}
	d.Schema = 1
	for _, k := range x.Kinds {
		if k.Kind == d.Kind {
			d.Schema = k.Version
		}
	}
	if old, err := checks.Parse("yaml", []byte(x.YAML)); err == nil && len(old) == 1 && old[0].Kind == d.Kind {
		d.Schema = old[0].Schema
	}
	x.Def = d
	if t, err := time.ParseDuration(get("freshness")); err == nil {
		d.Freshness = checks.Duration(t)
	} else {
		return fault.Invalid("freshness", "%q is not a duration: give hours or minutes, as in 26h or 90m", get("freshness"))
	}
	for _, line := range strings.Split(get("map"), "\n") {
		if w := words(line); len(w) > 0 {
			d.Map = append(d.Map, checks.Mapping{Criterion: w[0], Strength: strings.Join(w[1:], " ")})
		}
	}
	for _, part := range []struct {
		name string
		into any
	}{{"params", &d.Params}, {"examples_pass", &d.Fixtures.Pass}, {"examples_fail", &d.Fixtures.Fail}, {"examples_unknown", &d.Fixtures.Unknown}} {
		if err := yaml.Unmarshal([]byte(get(part.name)), part.into); err != nil {
			return fault.Invalid(part.name, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
	}
	text, err := checks.Rewrite(x.YAML, d)
	if err == nil {
		x.YAML, x.Def = text, d
	}
	return err
}

// words cuts a line at spaces and commas.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' || r == ':' })
}

// insert puts a field at the end of the rule, for those without scripts.
func (x *editor) insert(field string) {
	if x.Way != asForm {
		return
	}
	x.Def.Pass = strings.TrimSpace(x.Def.Pass + " r." + field)
	x.Inserted = field
}

// refuse puts the first line of each fault at its field, and all of them with
// their places, in which spaces matter, into a block of their own.
func (x *editor) refuse(f *fault.Error) {
	var whole []string
	for _, one := range append([]*fault.Error{f}, f.More...) {
		head, _, _ := strings.Cut(one.Message, "\n")
		text := one.Message
		if one.Field != "" && one.Field != asYAML {
			text = one.Field + ": " + text
		}
		whole = append(whole, text)
		x.fault(one.Field, stop(site.Capital(head)))
	}
	x.Where = strings.Join(whole, "\n\n")
}

// fault says at a field what is wrong; what belongs to none is said at the
// YAML, or above the form.
func (x *editor) fault(field, text string) {
	names := map[string][]string{"fixtures": {"examples_pass", "examples_fail", "examples_unknown"}, "schema": {"kind"}}
	for i := range x.Form.Fields {
		n := x.Form.Fields[i].Name
		if n == field || x.Way == asYAML && n == asYAML || len(names[field]) > 0 && slices.Contains(names[field], n) && (field != "fixtures" || strings.Contains(text, " of "+strings.TrimPrefix(n, "examples_")+" ") || strings.Contains(text, "must be "+strings.TrimPrefix(n, "examples_"))) {
			x.Form.Fields[i].Error = strings.TrimSpace(x.Form.Fields[i].Error + " " + text)
			return
		}
	}
	x.Form.Problem = strings.TrimSpace(x.Form.Problem + " " + text)
}

// fill makes the form of the way that is shown.
func (x *editor) fill() {
	try := site.ButtonView{Text: "Try it", Name: "do", Value: "try", Attrs: templ.Attributes{"hx-post": x.path(), "hx-target": "#tried", "hx-swap": "outerHTML show:top"}}
	save := site.ButtonView{Text: "Put it in force", Name: "do", Value: "save", Submit: true}
	other := site.ButtonView{Text: "As YAML", Name: "do", Value: asYAML, Submit: true}
	cancel := site.ButtonView{Text: "Cancel", Href: "/checks"}
	if x.ID != "" {
		save.Text, cancel.Href = "Put this version in force", "/checks/"+x.ID
	}
	if x.Way == asYAML {
		other.Text, other.Value = "As a form", asForm
	}
	hidden := func(name, value string) site.FieldView {
		return site.FieldView{Kind: site.FieldHidden, Name: name, Value: value, Optional: true}
	}
	fields := []site.FieldView{hidden("as", x.Way), hidden("digest", x.Digest), hidden("from", x.From), site.OnceKey()}
	if x.Way == asYAML {
		fields = append(fields, site.FieldView{Kind: site.FieldArea, Name: asYAML, Label: "The check", Help: "Its own examples must hold before it is put in force.", Mono: true, Rows: 30, Value: x.YAML,
			Attrs: templ.Attributes{"spellcheck": "false", "maxlength": "65536"}})
	} else {
		fields = append(append(fields, hidden(asYAML, x.YAML)), x.fields()...)
	}
	if x.From != "" {
		fields = append(fields, site.FieldView{Kind: site.FieldChecks, Name: "replaces", Label: "The check of the program", Optional: true, Options: []site.Option{
			{Value: "on", Text: "Switch " + x.From + " off", Note: "Yours stands for it. It can be switched on again."}}})
	}
	fields = append(fields, site.FieldView{Name: "why", Label: "Why", Help: "Stands in its history.", Optional: true, Attrs: templ.Attributes{"maxlength": "1000"}})
	x.Form = site.FormView{ID: "check", Action: x.path(), Fields: fields, Buttons: []site.ButtonView{try, save, other, cancel}}
}

func (x editor) fields() []site.FieldView {
	d := x.Def
	code := templ.Attributes{"spellcheck": "false", "maxlength": "4096", "autocapitalize": "off"}
	choose := func(now string, list ...string) []site.Option {
		var out []site.Option
		for _, s := range list {
			value, text, _ := strings.Cut(s, "|")
			if text == "" {
				text = site.Capital(value)
			}
			out = append(out, site.Option{Value: value, Text: text, Chosen: value == now})
		}
		return out
	}
	var kinds []site.Option
	for _, k := range x.Kinds {
		kinds = append(kinds, site.Option{Value: k.Kind, Text: k.Kind + ": " + k.Title, Chosen: k.Kind == d.Kind})
	}
	var maps []string
	for _, m := range d.Map {
		maps = append(maps, m.Criterion+" "+m.Strength)
	}
	id := site.FieldView{Name: "id", Label: "Id", Mono: true, Value: d.ID, Help: "Lower-case words joined by dots or dashes, as in own.commit.subject. It stays.", Autocomplete: "off"}
	if x.ID != "" {
		id.Attrs = templ.Attributes{"readonly": true}
	}
	return []site.FieldView{id,
		{Name: "title", Label: "What should be true", Value: d.Title},
		{Kind: site.FieldSelect, Name: "kind", Label: "What it judges", Options: kinds},
		{Kind: site.FieldArea, Name: "applies", Label: "Applies to", Help: "True or false. Where false, the check does not apply. Left empty, it applies to all.", Optional: true, Mono: true, Rows: 2, Value: d.Applies, Attrs: code},
		{Kind: site.FieldArea, Name: "pass", Label: "Passes when", Help: "True passes, false fails. A field that is absent makes it unknown, never a pass.", Mono: true, Rows: 3, Value: d.Pass, Attrs: code},
		{Kind: site.FieldArea, Name: "params", Label: "Parameters", Help: "A line for each, as in days: {type: int, default: 90, min: 30, max: 400, doc: How far back.} The rule reads p.days.", Optional: true, Mono: true, Rows: 2, Value: block(d.Params), Attrs: templ.Attributes{"spellcheck": "false"}},
		{Kind: site.FieldArea, Name: "message", Label: "What to say of one that fails", Help: `Text in quotes and fields, as in r.hostname + " has no firewall".`, Mono: true, Rows: 2, Value: d.Message, Attrs: code},
		{Name: "summary", Label: "What to say of all", Help: "{failing}, {passing}, {unknown} and {total} stand for the counts.", Value: d.Summary},
		{Kind: site.FieldSelect, Name: "empty", Label: "When there is none", Options: choose(string(d.Empty), "unknown", "pass", "fail"), Short: true},
		{Name: "freshness", Label: "Good for", Help: "As in 26h. What was seen longer ago is unknown.", Value: durationText(d.Freshness), Short: true},
		{Kind: site.FieldSelect, Name: "cadence", Label: "How often", Options: choose(d.Cadence, "hourly", "daily", "weekly", "monthly", "quarterly", "yearly"), Short: true},
		{Kind: site.FieldSelect, Name: "severity", Label: "Severity", Options: choose(d.Severity, "high", "medium", "low"), Short: true},
		{Kind: site.FieldChecks, Name: "mandatory", Label: "What a failure does", Optional: true, Options: []site.Option{{Value: "on", Text: "It fails its controls", Note: "Otherwise it is shown beside them.", Chosen: d.Mandatory}}},
		{Name: "controls", Label: "Controls", Help: "Their codes, as in CHG-03.", Mono: true, Value: strings.Join(d.Controls, " ")},
		{Kind: site.FieldArea, Name: "map", Label: "Criteria", Help: "A line for each: CC6.6 direct, or CC7.1 supporting.", Mono: true, Rows: 2, Value: strings.Join(maps, "\n")},
		{Kind: site.FieldArea, Name: "risk", Label: "What it puts at risk", Rows: 2, Value: d.Risk},
		{Kind: site.FieldArea, Name: "fix", Label: "What to do", Rows: 3, Value: d.Fix},
		{Kind: site.FieldArea, Name: "unknown", Label: "Why it may be unknown", Optional: true, Rows: 2, Value: d.Unknown},
		{Kind: site.FieldArea, Name: "examples_pass", Label: "Examples that pass", Help: "A line for each, as in - {hostname: a, firewall_active: true}", Mono: true, Rows: 2, Value: block(d.Fixtures.Pass), Attrs: templ.Attributes{"spellcheck": "false"}},
		{Kind: site.FieldArea, Name: "examples_fail", Label: "Examples that fail", Mono: true, Rows: 2, Value: block(d.Fixtures.Fail), Attrs: templ.Attributes{"spellcheck": "false"}},
		{Kind: site.FieldArea, Name: "examples_unknown", Label: "Examples that are unknown", Help: "Leave out a field that the rule needs.", Mono: true, Rows: 2, Value: block(d.Fixtures.Unknown), Attrs: templ.Attributes{"spellcheck": "false"}},
	}
}

func durationText(d checks.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// block writes part of a definition as the form shows it, a thing to a line.
func block(value any) string {
	text, err := checks.Lines(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return text
}

// about is the kind that the check reads, with its fields.
func (x editor) about() (sources.Schema, bool) {
	i := slices.IndexFunc(x.Kinds, func(k sources.Schema) bool { return k.Kind == x.Def.Kind })
	if i < 0 {
		return sources.Schema{}, false
	}
	return x.Kinds[i], true
}

// exportChecks sends own checks as a file.
func exportChecks(v *site.Visit) error {
	in := checks.Chosen{}
	name := "checks.yaml"
	if id := v.Query("id"); id != "" {
		in.IDs, name = []string{id}, id+".yaml"
	}
	out, err := checks.Export.Do(v.Context(), v.Desk, in)
	if err != nil {
		return err
	}
	return v.Send(name, func(w io.Writer) error {
		_, err := io.WriteString(w, out.YAML)
		return err
	})
}

func importForm() site.FormView {
	return site.FormView{Action: "/checks/import", Buttons: []site.ButtonView{{Text: "Put them in force"}, {Text: "Cancel", Href: "/checks"}}, Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "yaml", Label: "The checks", Help: "Each a YAML document, with a line of --- between them. All are taken or none.", Mono: true, Rows: 24, Attrs: templ.Attributes{"spellcheck": "false"}},
		{Name: "why", Label: "Why", Optional: true, Attrs: templ.Attributes{"maxlength": "1000"}}, site.OnceKey()}}
}

func importShell() site.Shell { return shell("Take in checks", site.Crumb{Text: "Take in"}) }

func showImport(v *site.Visit) error {
	if err := v.Actor.Require(auth.ChecksWrite); err != nil {
		return err
	}
	return v.Show(importShell(), importBody(importForm(), ""))
}

func importChecks(v *site.Visit) error {
	var in checks.File
	err := v.Form(&in)
	in.YAML = strings.ReplaceAll(in.YAML, "\r\n", "\n")
	if err == nil {
		_, err = checks.Import.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		v.Web.Wake()
		return v.Goto("/checks")
	}
	f := fault.As(err)
	if f == nil || f.Kind == fault.KindDenied || f.Kind == fault.KindInternal {
		return err
	}
	x := editor{Way: asYAML, Form: importForm()}
	x.Form.Keep(v.R.PostForm)
	x.refuse(f)
	return v.ShowWrong(importShell(), importBody(x.Form, x.Where))
}

// judgeAgain has the newest runs judged anew.
func judgeAgain(v *site.Visit) error {
	if _, err := checks.Reevaluate.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return err
	}
	v.Web.Wake()
	return v.Goto("/checks/" + v.Path("id"))
}
