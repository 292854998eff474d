package page

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// slack is what the other fields of an upload may take beside the file.
const slack = 1 << 20

// each is up to how many occurrences have fields of their own; more are lines
// of one text.
const each = 27

func engagement(e string) engagements.Engagement {
	return engagements.Engagement{ID: id.Engagement(e)}
}

// building is the form that builds a draft, in one of three ways.
type building struct {
	asked
	From    string
	Kind    string // of resource, with its source: chosen before the fields
	Cadence string
	Upload  kept
	Due     []sample.Occurrence
}

// kept is a file whose bytes arrived with a form that was refused.
type kept struct {
	Blob, Name string
	Size       int64
}

func (k kept) said() string {
	if k.Blob == "" {
		return fmt.Sprintf("CSV in UTF-8, at most %s. The first line names the columns. Its bytes are sealed as they are.", site.Bytes(blob.MaxSize))
	}
	return fmt.Sprintf("%s, %s, is here already. Choose another only to replace it.", k.Name, site.Bytes(k.Size))
}

func showBuild(v *site.Visit) error {
	x, err := opened(v, kept{})
	if err != nil {
		return err
	}
	return x.show(v, "Build", false)
}

func opened(v *site.Visit, file kept) (building, error) {
	r, err := enter(v)
	if err != nil {
		return building{}, err
	}
	if err := v.Actor.Require(auth.ListsWrite); err != nil {
		return building{}, err
	}
	p, err := find(v)
	if err != nil {
		return building{}, err
	}
	if r.Firm {
		return building{}, fault.Denied("This is for %s to do, which is examined.", r.client())
	}
	x := building{asked: asked{room: r, P: p, Card: "Where it comes from", Sentence: "Build " + p.Code + ", " + p.Title + "."}, From: v.R.FormValue("from"), Upload: file}
	if x.From != populations.FromFile && x.From != populations.FromCalendar {
		x.From = populations.FromRun
	}
	for _, t := range []struct{ from, text string }{{populations.FromRun, "From a source"}, {populations.FromFile, "From a file"}, {populations.FromCalendar, "From the calendar"}} {
		x.Tabs = append(x.Tabs, site.TabView{Text: t.text, Href: x.of(p, "/build?from="+t.from), Current: t.from == x.From})
	}
	x.Rules = []string{"Building makes a draft. It is checked at once, and you see what is wrong with it before anything is sealed.",
		"Nothing is lost: each draft stays, and a better one is another draft.", "Only what happened from " + r.Starts + " to " + r.Ends + " belongs to it, and it has to be taken after that."}
	if r.Starts == "" {
		x.Rules[2] = "It shows what there was on " + r.AsOf + ", and has to be taken on that day or before."
	}
	x.Form = site.FormView{Action: x.of(p, "/build"), Buttons: []site.ButtonView{{Text: "Build the draft"}, {Text: "Cancel", Href: x.of(p, "")}}}
	switch x.From {
	case populations.FromFile:
		x.fileFields(v)
	case populations.FromCalendar:
		err = x.calendarFields(v)
	default:
		err = x.runFields(v)
	}
	x.add(site.FieldView{Kind: site.FieldHidden, Name: "from", Value: x.From}, site.OnceKey())
	return x, err
}

func (x *building) add(f ...site.FieldView) { x.Form.Fields = append(x.Form.Fields, f...) }

func tick(name, label, note string) site.FieldView {
	return site.FieldView{Kind: site.FieldChecks, Name: name, Label: label, Optional: true, Options: []site.Option{{Value: "true", Text: note}}}
}

// counted asks for what the source itself counts.
func (x *building) counted() {
	x.add(site.FieldView{Kind: site.FieldNumber, Name: "source_count", Label: "How many the source itself counts", Optional: true, Short: true, Help: "Asked in another way than the list was made."},
		site.FieldView{Name: "counted_by", Label: "How that was counted", Optional: true, Help: "Such as: a second API, or the report of the system.", Attrs: lengths(400)})
}

func (x *building) kinds() []site.FieldView {
	out := []site.FieldView{tick("none", "Nothing happened", "There was nothing of this in the period, and that is the finding."),
		tick("surrogate", "Personal keys", "The keys are personal data: number the items instead.")}
	if x.Type == "type_2" {
		out = append(out, tick("snapshot", "No times", "The list is what there was at one time, and not what happened in the period."))
	}
	return out
}

func (x *building) fileFields(v *site.Visit) {
	x.Form.Files = true
	x.add(site.FieldView{Kind: site.FieldFile, Name: "file", Label: "File", Help: x.Upload.said(), Optional: x.Upload.Blob != "" || v.Query("evidence") != ""},
		site.FieldView{Name: "evidence", Label: "Or the record that holds it", Help: "The id of a record of evidence, if the file is one already.", Optional: true, Mono: true, Value: v.Query("evidence"), Attrs: lengths(40)},
		site.FieldView{Name: "source", Label: "System it was taken from", Attrs: lengths(200)},
		site.FieldView{Kind: site.FieldArea, Name: "query", Label: "Query", Help: "Word by word, so that another person gets the same.", Mono: true, Attrs: lengths(4000)},
		site.FieldView{Name: "column", Label: "Column with the key", Mono: true, Short: true, Help: "What the source calls each row by.", Attrs: lengths(200)})
	if x.Type == "type_2" {
		x.add(site.FieldView{Name: "time", Label: "Column with the time", Mono: true, Short: true, Optional: true, Help: "When each row happened.", Attrs: lengths(200)})
	}
	x.add(site.FieldView{Name: "label", Label: "Column with words for people", Mono: true, Short: true, Optional: true, Attrs: lengths(200)},
		site.FieldView{Name: "zone", Label: "Time zone of times without an offset", Optional: true, Short: true, Help: "Such as Europe/Berlin; " + x.Engagement.Zone + " if left empty.", Attrs: lengths(64)},
		site.FieldView{Kind: site.FieldTime, Name: "extracted", Label: "When it was taken, in UTC", Optional: true, Short: true, Help: "Now, if left empty."},
		site.FieldView{Name: "extractor", Label: "Who or what took it", Optional: true, Help: "You, if left empty.", Attrs: lengths(200)},
		site.FieldView{Name: "environment", Label: "Environment", Optional: true, Short: true, Help: "Such as production.", Attrs: lengths(100)},
		site.FieldView{Name: "parameters", Label: "Parameters", Optional: true, Mono: true, Attrs: lengths(4000)})
	x.counted()
	x.add(x.kinds()...)
	x.add(site.FieldView{Kind: site.FieldHidden, Name: "blob", Value: x.Upload.Blob}, site.FieldView{Kind: site.FieldHidden, Name: "name", Value: x.Upload.Name})
}

// runFields asks for the kind of resource first, because the fields follow
// from it.
func (x *building) runFields(v *site.Visit) error {
	list, err := sources.List.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	x.Kind = v.R.FormValue("what")
	kinds := site.FieldView{Kind: site.FieldSelect, Name: "what", Label: "What was read", Help: "From the newest run of each source."}
	for _, s := range list.Items {
		if s.Latest == nil {
			continue
		}
		for _, k := range s.Latest.Kinds {
			kinds.Options = append(kinds.Options, site.Option{Value: string(s.ID) + " " + k.Kind, Text: fmt.Sprintf("%s of %s, %s", sources.KindWord(k.Kind), s.Name, site.Count(k.Count)), Group: s.Name})
		}
	}
	if len(kinds.Options) == 0 {
		x.Sentence = "No source has shown anything yet."
		x.Rules = []string{"Connect a source and have it read, or build the list from a file or the calendar."}
	}
	_, kind, _ := strings.Cut(x.Kind, " ")
	schemas, err := sources.Schemas()
	if err != nil {
		return err
	}
	schema, known := schemas[kind]
	if !known {
		x.Form.Method, x.Form.Buttons[0].Text = "get", "Go on"
		x.add(kinds)
		return nil
	}
	kinds.Value = x.Kind
	x.add(kinds, site.FieldView{Kind: site.FieldArea, Name: "where", Label: "Which of them belong to the list", Optional: true, Mono: true, Rows: 2, Attrs: lengths(4000),
		Help: "An expression over r, such as: " + example(schema) + ". All, if left empty."})
	if x.Type == "type_2" {
		x.add(site.FieldView{Kind: site.FieldSelect, Name: "time", Label: "When each happened", Options: fields(schema, "none: what there was at one time", sources.TypeTimestamp), Optional: true})
	}
	x.add(site.FieldView{Kind: site.FieldSelect, Name: "label", Label: "Words for people", Options: fields(schema, "none", sources.TypeString), Optional: true},
		site.FieldView{Kind: site.FieldSelect, Name: "column", Label: "Key", Options: fields(schema, "the source's own key", sources.TypeString, sources.TypeInt), Optional: true},
		site.FieldView{Name: "environment", Label: "Environment", Optional: true, Short: true, Help: "Such as production.", Attrs: lengths(100)})
	x.counted()
	x.add(x.kinds()[:2]...)
	return nil
}

func example(s sources.Schema) string {
	for _, n := range s.FieldNames() {
		if s.Fields[n].Type == sources.TypeBool && n == "on_main_line" {
			return "r." + n
		}
	}
	for _, n := range s.FieldNames() {
		if s.Fields[n].Type == sources.TypeBool {
			return "r." + n
		}
	}
	return "r." + s.FieldNames()[0] + ` != ""`
}

func fields(s sources.Schema, none string, types ...string) []site.Option {
	out := []site.Option{{Value: "", Text: none}}
	for _, n := range s.FieldNames() {
		if slices.Contains(types, s.Fields[n].Type) {
			out = append(out, site.Option{Value: n, Text: n})
		}
	}
	return out
}

// calendarFields asks for the cadence first, and then for each occurrence.
func (x *building) calendarFields(v *site.Visit) error {
	x.Cadence = v.R.FormValue("cadence")
	often := site.FieldView{Kind: site.FieldSelect, Name: "cadence", Label: "How often the control operates", Value: x.Cadence}
	for _, c := range []sample.Cadence{sample.Annual, sample.SemiAnnual, sample.Quarterly, sample.Monthly, sample.SemiMonthly, sample.Weekly, sample.Daily} {
		often.Options = append(often.Options, site.Option{Value: string(c), Text: strings.ToUpper(string(c[:1])) + string(c[1:])})
	}
	x.add(often)
	var err error
	if x.Due, err = sample.Expected(sample.Cadence(x.Cadence), x.Starts, x.Ends); err != nil || x.Cadence == "" || x.Starts == "" {
		x.Due = nil
		x.Form.Method, x.Form.Buttons[0].Text = "get", "Go on"
		if x.Starts == "" {
			x.Sentence = "A Type I examination looks at no period."
			x.Rules = []string{"Give a list of what there was on " + x.AsOf + ", from a source or a file."}
		}
		return nil
	}
	switch {
	case len(x.Due) == 0:
		x.add(site.FieldView{Kind: site.FieldDate, Name: "last", Label: "When it last operated", Optional: true, Help: "Nothing is due in the period. The last time within 12 months before its end stands for design and implementation."})
		return x.proofs(v, "last_evidence", "Evidence of that")
	case len(x.Due) > each:
		x.add(site.FieldView{Kind: site.FieldArea, Name: "performed", Label: "What was done", Rows: 12, Mono: true, Optional: true,
			Help: fmt.Sprintf("One a line: occurrence, time, evidence. %d are due, %s to %s.", len(x.Due), x.Due[0].Label, x.Due[len(x.Due)-1].Label)})
		return nil
	}
	for _, o := range x.Due {
		x.add(site.FieldView{Kind: site.FieldDate, Name: "at-" + o.Label, Label: o.Label + ", " + o.From + " to " + o.To + ": done on", Optional: true})
		if err := x.proofs(v, "by-"+o.Label, o.Label+": evidence"); err != nil {
			return err
		}
	}
	return nil
}

// proofs offers the newest records of evidence.
func (x *building) proofs(v *site.Visit, name, label string) error {
	list, err := evidence.List.Do(v.Context(), v.Desk, evidence.Filter{Limit: 200})
	if err != nil {
		return err
	}
	f := site.FieldView{Kind: site.FieldSelect, Name: name, Label: label, Optional: true, Options: []site.Option{{Value: "", Text: "none"}}}
	for _, r := range list.Items {
		if r.Method == evidence.ByUpload {
			f.Options = append(f.Options, site.Option{Value: string(r.ID), Text: r.Title + ", " + x.day(r.Captured)})
		}
	}
	x.add(f)
	return nil
}

func build(v *site.Visit) error {
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, blob.MaxSize+slack)
	if strings.HasPrefix(v.R.Header.Get("Content-Type"), "multipart/") {
		if err := v.R.ParseMultipartForm(slack); err != nil {
			return buildAgain(v, kept{}, fault.Invalid("file", "the file is larger than %s, or was cut short", site.Bytes(blob.MaxSize)).With(err))
		}
		defer func() {
			if err := v.R.MultipartForm.RemoveAll(); err != nil {
				v.Log.Warn("populations: a temporary file stays", "err", err)
			}
		}()
	}
	if err := v.Actor.Require(auth.ListsWrite); err != nil {
		return err
	}
	var in populations.Material
	if err := v.Form(&in); err != nil {
		return buildAgain(v, kept{}, err)
	}
	in.Engagement, in.Population = v.Path("id"), v.Path("code")
	file, err := complete(v, &in)
	if err != nil {
		return buildAgain(v, file, err)
	}
	made, err := populations.Build.Do(v.Context(), v.Desk, in)
	if err != nil {
		return buildAgain(v, file, err)
	}
	return v.Goto(site.EngagementHref(engagement(in.Engagement), fmt.Sprintf("/populations/%s?version=%d", url.PathEscape(in.Population), made.Version)))
}

// complete reads what the form has in another shape than the operation.
func complete(v *site.Visit, in *populations.Material) (kept, error) {
	form := v.R.PostForm
	in.Key = form.Get("column") // "key" is what makes a second press of the button the same act
	switch in.From {
	case populations.FromRun:
		in.Source, in.Kind, _ = strings.Cut(form.Get("what"), " ")
		in.Snapshot = in.Time == "" && !in.None
	case populations.FromCalendar:
		if lines := nonEmpty(form.Get("performed")); len(lines) > 0 {
			in.Performed = lines
		}
		for name := range form {
			label, ok := strings.CutPrefix(name, "at-")
			if !ok {
				continue
			}
			day, by := form.Get(name), form.Get("by-"+label)
			if day == "" && by == "" {
				continue
			}
			if day == "" || by == "" {
				return kept{}, fault.Invalid(map[bool]string{true: "at-" + label, false: "by-" + label}[day == ""], "give the day and the evidence together")
			}
			in.Performed = append(in.Performed, label+" "+day+" "+by)
		}
		slices.Sort(in.Performed)
	case populations.FromFile:
		return receive(v, in)
	}
	return kept{}, nil
}

// receive stores the file of the form, or takes up the one that came before.
func receive(v *site.Visit, in *populations.Material) (kept, error) {
	f, head, err := v.R.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		k := kept{Blob: v.R.PostForm.Get("blob"), Name: v.R.PostForm.Get("name")}
		if k.Blob == "" {
			return k, nil
		}
		data, err := v.Vault.Get(v.Context(), v.Org, k.Blob)
		if errors.Is(err, blob.ErrErased) {
			return kept{}, fault.Invalid("file", "choose the file again")
		}
		in.Data, k.Size = data, int64(len(data))
		return k, err
	}
	if err != nil {
		return kept{}, fault.Invalid("file", "could not be read; choose it again").With(err)
	}
	data, err := io.ReadAll(io.LimitReader(f, blob.MaxSize+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return kept{}, fault.Invalid("file", "could not be read; choose it again").With(err)
	}
	switch {
	case len(data) == 0:
		return kept{}, fault.Invalid("file", "is empty; its first line names the columns")
	case len(data) > blob.MaxSize:
		return kept{}, fault.Invalid("file", "is larger than %s", site.Bytes(blob.MaxSize))
	}
	in.Data = data
	sealed, err := v.Vault.Store(v.Context(), v.Org, data, clock.Truncate(v.Clock.Now()))
	return kept{Blob: sealed.Address, Name: filepath.Base(head.Filename), Size: int64(len(data))}, err
}

// buildAgain shows the form with what was wrong; nothing that was typed is
// lost, and bytes that have arrived need not be sent twice.
func buildAgain(v *site.Visit, file kept, err error) error {
	x, readErr := opened(v, file)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	fresh(&x.Form)
	for i := range x.Form.Fields {
		switch f := &x.Form.Fields[i]; f.Name {
		case "blob":
			f.Value = file.Blob
		case "name":
			f.Value = file.Name
		}
	}
	if f := fault.As(err); f != nil {
		if name, ok := map[string]string{"data": "file", "kind": "what", "key": "column", "source": x.sourceField()}[f.Field]; ok {
			f.Field = name
		}
	}
	if !x.Form.Refused(err) {
		return err
	}
	return x.show(v, "Build", true)
}

// sourceField is where a fault of the source is shown: its own field, or the
// choice that names source and kind together.
func (x building) sourceField() string {
	if x.From == populations.FromRun {
		return "what"
	}
	return "source"
}
