package site

import "github.com/a-h/templ"

// FieldKind is the control of a field.
type FieldKind string

// The kinds of fields.
const (
	FieldText     FieldKind = "text" // the zero value is text too
	FieldEmail    FieldKind = "email"
	FieldURL      FieldKind = "url"
	FieldNumber   FieldKind = "number"
	FieldPassword FieldKind = "password"
	FieldDate     FieldKind = "date"
	FieldTime     FieldKind = "datetime-local"
	FieldClock    FieldKind = "time" // a time of any day
	FieldFile     FieldKind = "file"
	FieldArea     FieldKind = "textarea"
	FieldSelect   FieldKind = "select"
	FieldRadio    FieldKind = "radio" // cards, each with a note
	FieldChecks   FieldKind = "checkboxes"
	FieldHidden   FieldKind = "hidden"
)

// FieldView is one question of a form: label above, help under it, the control,
// and under that what was wrong and what would be accepted.
type FieldView struct {
	Kind         FieldKind
	Name, Label  string
	Help         string
	Value        string
	Error        string
	Options      []Option // select, radio, checkboxes
	Optional     bool     // says so beside the label; otherwise the field is required
	Mono         bool
	Short        bool   // as wide as a date or a number needs
	Head         string // above it, where a new part of a long form begins
	Beside       bool   // the control stands beside its label: one of many choices of a kind
	Rows         int    // of a textarea
	Autocomplete string
	Autofocus    bool
	Prefix       string           // ID of the form, when a page has two with equal names
	Attrs        templ.Attributes // min, max, pattern, hx-…
}

// Option is one choice.
type Option struct {
	Value, Text string
	Note        string
	Chosen      bool
	Locked      string // why it cannot be chosen
	Group       string // head above it, when it differs from the option before
}

// FormView is a form of fields with one act.
type FormView struct {
	ID      string
	Action  string
	Method  string // "post" when empty
	Files   bool   // multipart
	Fields  []FieldView
	Problem string       // what concerns no single field
	Refusal string       // head of the summary; that nothing was changed when empty
	Version string       // the version of the record that was read
	Buttons []ButtonView // the first one submits: its text is the act
	Attrs   templ.Attributes
	still   bool // the summary leaves the focus alone: only the gallery shows it unasked
}

// Errors are the fields with something wrong, in order.
func (f FormView) Errors() []FieldView {
	var out []FieldView
	for _, x := range f.Fields {
		if x.Error != "" {
			out = append(out, x)
		}
	}
	return out
}

func (f FormView) method() string { return or(f.Method, "post") }

func (f FieldView) id() string {
	if f.Prefix != "" {
		return f.Prefix + "-" + f.Name
	}
	return "f-" + f.Name
}

func (f FieldView) input() string { return or(string(f.Kind), "text") }

// described lists the ids of help and error for the control.
func (f FieldView) described() string {
	s := ""
	if f.Help != "" {
		s = f.id() + "-help"
	}
	if f.Error != "" {
		s = f.id() + "-error " + s
	}
	return s
}

func (f FieldView) class() string {
	c := "form-control"
	if f.Kind == FieldSelect {
		c = "form-select"
	}
	if f.Mono {
		c += " tm-mono"
	}
	if f.Error != "" {
		c += " tm-wrong"
	}
	return c
}

func (f FieldView) rows() string {
	if f.Rows == 0 {
		return "3"
	}
	return plain(int64(f.Rows))
}

// groups says at which options a new head begins.
func (f FieldView) groups() [][]Option {
	var out [][]Option
	for i, o := range f.Options {
		if i == 0 || o.Group != f.Options[i-1].Group {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], o)
	}
	return out
}

// common are the attributes every control carries.
func (f FieldView) common() templ.Attributes {
	a := templ.Attributes{}
	if d := f.described(); d != "" {
		a["aria-describedby"] = d
	}
	if f.Error != "" {
		a["aria-invalid"] = "true"
	}
	if !f.Optional {
		a["required"] = true
	}
	if f.Autocomplete != "" {
		a["autocomplete"] = f.Autocomplete
	}
	if f.Autofocus {
		a["autofocus"] = true
	}
	for k, v := range f.Attrs {
		a[k] = v
	}
	return a
}

// firstOf makes the act of a form its primary, submitting button.
func firstOf(b ButtonView) ButtonView {
	if b.Href == "" {
		b.Submit = true
	}
	if b.Kind == ButtonPlain {
		b.Kind = ButtonPrimary
	}
	return b
}

func (f FormView) problemHead() string {
	n := len(f.Errors())
	switch {
	case f.Refusal != "":
		return f.Refusal
	case n == 0:
		return "Nothing was changed."
	}
	return "Nothing was changed: " + Several(n, "field needs", "fields need") + " another look."
}
