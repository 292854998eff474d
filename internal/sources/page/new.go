package page

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// typed is what the form of a source says beside the settings of its kind.
type typed struct {
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	Every    string   `json:"every_minutes"`
	At       string   `json:"at"`
	Weekday  string   `json:"weekday"`
	Expected string   `json:"expected"`
	Version  int64    `json:"version"`
	Forget   []string `json:"forget"`
	Try      string   `json:"try"`
	Source   string   `json:"source"` // that is tested with what is typed
}

// Rhythms that are not a number of minutes.
const (
	byDay  = "day"
	byWeek = "week"
)

// own are the names of the form itself; a setting of that name gets another.
var own = []string{"kind", "name", "every_minutes", "at", "weekday", "expected", "version", "forget", "try", "key", "source"}

func fieldName(setting string) string {
	if slices.Contains(own, setting) {
		return "setting_" + setting
	}
	return setting
}

// settingFields ask for what a kind wants to know. A secret that is kept is
// never put into the page.
func settingFields(k sources.Kind, s *sources.Source) []site.FieldView {
	values := map[string]any{}
	if s != nil {
		_ = json.Unmarshal(s.Settings, &values) // what cannot be read is typed again
	}
	var out []site.FieldView
	for _, x := range k.Asks {
		f := site.FieldView{Name: fieldName(x.Name), Label: x.Label, Help: x.Help, Optional: !x.Required, Autocomplete: "off", Value: x.Default,
			Attrs: templ.Attributes{"spellcheck": "false"}}
		if text, is := values[x.Name].(string); is {
			f.Value = text
		} else if s != nil {
			f.Value = ""
		}
		kept := s != nil && slices.ContainsFunc(s.Secrets, func(y sources.Secret) bool { return y.Name == x.Name })
		switch {
		case x.Secret:
			f.Value, f.Autocomplete = "", "new-password"
			f.Kind = site.FieldPassword
			if x.List { // it has lines, such as a private key
				f.Kind, f.Rows, f.Mono = site.FieldArea, 4, true
			}
			if kept {
				f.Optional, f.Help = true, strings.TrimSpace("One is kept and not shown. Leave this empty to keep it. "+f.Help)
			}
		case len(x.Choices) > 0:
			f.Kind = site.FieldSelect
			if !x.Required && x.Default == "" {
				f.Options = append(f.Options, site.Option{Text: "Not said", Chosen: f.Value == ""})
			}
			for _, c := range x.Choices {
				f.Options = append(f.Options, site.Option{Value: c, Text: c, Chosen: c == f.Value})
			}
		case x.List:
			f.Kind, f.Rows, f.Mono = site.FieldArea, 3, true
		default:
			f.Mono = true
		}
		out = append(out, f)
		if kept && !x.Required {
			out = append(out, site.FieldView{Kind: site.FieldChecks, Name: "forget", Label: "Kept " + strings.ToLower(x.Label), Optional: true, Prefix: x.Name,
				Options: []site.Option{{Value: x.Name, Text: "Forget the one that is kept"}}})
		}
	}
	return out
}

// timeFields ask when a source is read.
func timeFields(k sources.Kind, s *sources.Source, zone string) []site.FieldView {
	if k.Fed {
		return []site.FieldView{expectedField(s)}
	}
	rhythm, at, weekday := strconv.Itoa(max(k.Every, 5)), "", ""
	if s != nil {
		rhythm, at, weekday = strconv.FormatInt(s.Every, 10), s.At, s.Weekday
		switch {
		case weekday != "":
			rhythm = byWeek
		case at != "":
			rhythm = byDay
		}
	}
	choices := []site.Option{{Value: "15", Text: "Every 15 minutes"}, {Value: "60", Text: "Hourly"}, {Value: "360", Text: "Every 6 hours"}, {Value: "1440", Text: "Every 24 hours"},
		{Value: byDay, Text: "Daily at a time"}, {Value: byWeek, Text: "Weekly at a time"}}
	if !slices.ContainsFunc(choices, func(o site.Option) bool { return o.Value == rhythm }) {
		n, _ := strconv.ParseInt(rhythm, 10, 64)
		choices = append([]site.Option{{Value: rhythm, Text: site.Capital(every(n))}}, choices...)
	}
	for i := range choices {
		choices[i].Chosen = choices[i].Value == rhythm
	}
	days := []site.Option{}
	for _, d := range append(slices.Clone(job.Weekdays[1:]), job.Weekdays[0]) {
		days = append(days, site.Option{Value: d, Text: site.Capital(d), Chosen: d == weekday || weekday == "" && d == "monday"})
	}
	return []site.FieldView{
		{Kind: site.FieldSelect, Name: "every_minutes", Label: "When it is read", Short: true, Options: choices},
		{Name: "at", Label: "Time of day", Help: "Such as 06:30, in " + zone + ". For daily and weekly alone.", Optional: true, Short: true, Mono: true, Value: at, Autocomplete: "off"},
		{Kind: site.FieldSelect, Name: "weekday", Label: "Day of the week", Help: "For weekly alone.", Optional: true, Short: true, Options: days},
	}
}

// expectedField asks how often a file is handed in.
func expectedField(s *sources.Source) site.FieldView {
	f := site.FieldView{Kind: site.FieldSelect, Name: "expected", Label: "A file is expected", Short: true,
		Help:    "One that does not come is said, and what it would show becomes unknown.",
		Options: []site.Option{{Value: sources.Never, Text: "Without a rhythm", Chosen: s == nil || s.Expected == ""}}}
	for _, r := range sources.Rhythms {
		f.Options = append(f.Options, site.Option{Value: r, Text: "Each " + r, Chosen: s != nil && s.Expected == r})
	}
	return f
}

// form is that of a source of a kind, one to connect or one that is there.
func form(k sources.Kind, s *sources.Source, zone string) site.FormView {
	f := site.FormView{ID: "source", Action: "/sources/new", Buttons: []site.ButtonView{{Text: "Connect and read it"}}}
	name := site.FieldView{Name: "name", Label: "Name", Help: "What people here call it.", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "100"}}
	trial := "/sources/try"
	if s != nil {
		f.Action, f.Buttons[0].Text, f.Version = "/sources/"+string(s.ID)+"/edit", "Save", strconv.FormatInt(s.Version, 10)
		name.Value = s.Name
		trial += "?source=" + string(s.ID)
	}
	if k.Fed {
		f.Buttons[0].Text = "Connect"
	} else {
		// With scripts the answer comes beside the form; without them the page
		// comes again with it.
		f.Buttons = append(f.Buttons, site.ButtonView{Text: "Test", Submit: true, Name: "try", Value: "yes",
			Attrs: templ.Attributes{"hx-post": trial, "hx-target": "#trial", "hx-swap": "innerHTML", "hx-disabled-elt": "this"}})
	}
	back := "/sources"
	if s != nil {
		back = "/sources/" + string(s.ID)
	}
	f.Buttons = append(f.Buttons, site.ButtonView{Text: "Cancel", Href: back})
	f.Fields = append(f.Fields, name)
	f.Fields = append(f.Fields, settingFields(k, s)...)
	f.Fields = append(f.Fields, timeFields(k, s, zone)...)
	if s == nil {
		f.Fields = append(f.Fields, site.FieldView{Kind: site.FieldHidden, Name: "kind", Value: k.Kind, Optional: true}, site.OnceKey())
	}
	return f
}

// keep puts what was typed back, without what opens something.
func keep(f *site.FormView, k sources.Kind, values url.Values) {
	f.Keep(values)
	for i := range f.Fields {
		for _, x := range k.Asks {
			if x.Secret && f.Fields[i].Name == fieldName(x.Name) {
				f.Fields[i].Value = ""
			}
		}
	}
}

// settingsFrom are the settings that were typed, as JSON; empty if the form asks
// for none of them.
func settingsFrom(k sources.Kind, values url.Values) (string, error) {
	set, asked := map[string]string{}, false
	for _, x := range k.Asks {
		asked = asked || values.Has(fieldName(x.Name))
		if v := values.Get(fieldName(x.Name)); strings.TrimSpace(v) != "" {
			set[x.Name] = strings.ReplaceAll(v, "\r\n", "\n")
		}
	}
	if !asked {
		return "", nil
	}
	if k.Kind == "git" || k.Kind == "git_remote" {
		if _, err := parseSigners(set["signers"]); err != nil {
			return "", err
		}
	}
	b, err := json.Marshal(set)
	return string(b), err
}

// when turns the rhythm that was chosen into what the operation takes.
func (t typed) when() (every int, at, weekday string, err error) {
	switch t.Every {
	case "":
	case byDay:
		at = strings.TrimSpace(t.At)
	case byWeek:
		at, weekday = strings.TrimSpace(t.At), t.Weekday
	default:
		if every, err = strconv.Atoi(t.Every); err != nil {
			err = fault.Invalid("every_minutes", "choose when it is read")
		}
	}
	if err == nil && (t.Every == byDay || t.Every == byWeek) && at == "" {
		err = fault.Invalid("at", "give a time of day such as 06:30")
	}
	return every, at, weekday, err
}

// showNew lets people choose what to read, and then asks how to reach it.
func showNew(v *site.Visit) error {
	if err := v.Actor.Require(auth.SourcesWrite); err != nil {
		return err
	}
	k, chosen := sources.KindOf(v.Query("kind"))
	if !chosen {
		all, err := sources.Kinds()
		if err != nil {
			return err
		}
		return v.Show(shell("Connect a source", site.Crumb{Text: "Connect"}), chooseBody(all))
	}
	zone, err := zoneOf(v)
	if err != nil {
		return err
	}
	return v.Show(connecting(k), newBody(k, form(k, nil, zone), nil))
}

func connecting(k sources.Kind) site.Shell {
	return shell("Connect: "+k.Title, site.Crumb{Text: "Connect", Href: "/sources/new"}, site.Crumb{Text: k.Title})
}

// connect adds the source and puts its first reading in line.
func connect(v *site.Visit) error {
	var in typed
	if err := v.Form(&in); err != nil {
		return err
	}
	k, known := sources.KindOf(in.Kind)
	if !known {
		return v.Goto("/sources/new")
	}
	if in.Try != "" {
		return try(v)
	}
	made, err := made(v, k, in)
	if err == nil && k.Fed {
		return v.Goto("/sources/" + string(made.ID))
	}
	if err == nil {
		v.Key = "" // the promise was for the connection
		started, err := sources.Collect.Do(v.Context(), v.Desk, sources.Ref{ID: string(made.ID)})
		if err != nil {
			return err
		}
		v.Web.Wake()
		return v.Goto("/sources/" + string(made.ID) + "?job=" + url.QueryEscape(string(started.Job)))
	}
	zone, e := zoneOf(v)
	if e != nil {
		return e
	}
	f := form(k, nil, zone)
	keep(&f, k, v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !f.Refused(err) {
		return err
	}
	needed(&f, v.R.PostForm)
	return v.ShowWrong(connecting(k), newBody(k, f, nil))
}

// needed says at every field that was left empty that it is needed: settings
// are looked at after the name, and one fault at a time is one visit too many.
func needed(f *site.FormView, posted url.Values) {
	for i := range f.Fields {
		x := &f.Fields[i]
		if !x.Optional && x.Error == "" && x.Kind != site.FieldHidden && strings.TrimSpace(posted.Get(x.Name)) == "" {
			x.Error = "This is needed."
		}
	}
}

func made(v *site.Visit, k sources.Kind, in typed) (sources.Source, error) {
	settings, err := settingsFrom(k, v.R.PostForm)
	if err != nil {
		return sources.Source{}, err
	}
	every, at, weekday, err := in.when()
	if err != nil {
		return sources.Source{}, err
	}
	return sources.Create.Do(v.Context(), v.Desk, sources.Connection{Kind: k.Kind, Name: in.Name, Settings: settings, Every: every, At: at, Weekday: weekday, Expected: in.Expected})
}

// try tests what was typed and says what would be missing, without saving it.
func try(v *site.Visit) error {
	var in typed
	if err := v.Form(&in); err != nil {
		return err
	}
	v.Key = ""
	var s *sources.Source
	ref := in.Source
	if ref == "" {
		ref = v.Query("source")
	}
	if ref != "" {
		got, err := sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: ref})
		if err != nil {
			return err
		}
		s, in.Kind = &got, got.Kind
	}
	if err := v.Actor.Require(auth.SourcesWrite); err != nil {
		return err
	}
	k, known := sources.KindOf(in.Kind)
	if !known {
		return fault.Invalid("kind", "choose what is read")
	}
	q := sources.Question{Kind: k.Kind}
	if s != nil {
		q = sources.Question{Source: string(s.ID)}
	}
	var (
		tried sources.Tried
		err   error
	)
	if q.Settings, err = settingsFrom(k, v.R.PostForm); err == nil {
		tried, err = sources.Test.Do(v.Context(), v.Desk, q)
	}
	if fault.KindOf(err) == fault.KindInvalid { // what was typed does not do
		tried, err = sources.Tried{Error: said(k, err)}, nil
	}
	if err != nil {
		return err
	}
	if v.Partial() {
		return v.Fragment(trial(tried))
	}
	zone, err := zoneOf(v)
	if err != nil {
		return err
	}
	f := form(k, s, zone)
	keep(&f, k, v.R.PostForm)
	if s != nil {
		return v.Show(editing(*s), editBody(*s, k, f, &tried))
	}
	return v.Show(connecting(k), newBody(k, f, &tried))
}

// said is every fault of what was typed, by the label of its field.
func said(k sources.Kind, err error) string {
	e := fault.As(err)
	var out []string
	for _, x := range append([]*fault.Error{e}, e.More...) {
		label := ""
		for _, a := range k.Asks {
			if a.Name == x.Field {
				label = a.Label + ": "
			}
		}
		out = append(out, stop(label+x.Message))
	}
	return strings.Join(out, " ")
}

func editing(s sources.Source) site.Shell {
	return shell("Settings", site.Crumb{Text: s.Name, Href: "/sources/" + string(s.ID)}, site.Crumb{Text: "Settings"})
}

// opened is a source with its kind, to be changed.
func opened(v *site.Visit) (s sources.Source, k sources.Kind, zone string, err error) {
	if err = v.Actor.Require(auth.SourcesWrite); err != nil {
		return s, k, "", err
	}
	if s, err = sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")}); err != nil {
		return s, k, "", err
	}
	if !s.Removed.IsZero() {
		return s, k, "", fault.Conflict("%s is disconnected. Connect it again first.", s.Name)
	}
	k, known := sources.KindOf(s.Kind)
	if !known {
		return s, k, "", fault.Conflict("This version does not know sources of kind %s.", s.Kind)
	}
	zone, err = zoneOf(v)
	return s, k, zone, err
}

func showEdit(v *site.Visit) error {
	s, k, zone, err := opened(v)
	if err != nil {
		return err
	}
	return v.Show(editing(s), editBody(s, k, form(k, &s, zone), nil))
}

func edit(v *site.Visit) error {
	var in typed
	if err := v.Form(&in); err != nil {
		return err
	}
	s, k, zone, err := opened(v)
	if err != nil {
		return err
	}
	if in.Try != "" {
		v.R.URL.RawQuery = url.Values{"source": {string(s.ID)}}.Encode()
		return try(v)
	}
	change := sources.Change{ID: string(s.ID), Version: in.Version, Name: in.Name, Forget: in.Forget, Expected: in.Expected}
	if change.Settings, err = settingsFrom(k, v.R.PostForm); err == nil {
		if change.Every, change.At, change.Weekday, err = in.when(); err == nil {
			_, err = sources.Update.Do(v.Context(), v.Desk, change)
		}
	}
	if err == nil {
		return v.Goto("/sources/" + string(s.ID))
	}
	f := form(k, &s, zone)
	keep(&f, k, v.R.PostForm)
	if fault.KindOf(err) == fault.KindConflict {
		f.Problem = "It was changed since you read it. Save again to put yours in its place."
	} else if fault.KindOf(err) == fault.KindDenied || !f.Refused(err) {
		return err
	}
	return v.ShowWrong(editing(s), editBody(s, k, f, nil))
}

// turn does one of the acts that need no more than the source.
func turn(do func(v *site.Visit, ref sources.Ref) error) func(*site.Visit) error {
	return func(v *site.Visit) error {
		if v.R.Method != http.MethodPost {
			return fault.NotFound("There is no such page.")
		}
		if err := do(v, sources.Ref{ID: v.Path("id")}); err != nil {
			return err
		}
		return v.Goto("/sources/" + v.Path("id"))
	}
}

func pause(v *site.Visit, ref sources.Ref) error {
	_, err := sources.Pause.Do(v.Context(), v.Desk, ref)
	return err
}

func resume(v *site.Visit, ref sources.Ref) error {
	_, err := sources.Resume.Do(v.Context(), v.Desk, ref)
	return err
}

func reconnect(v *site.Visit, ref sources.Ref) error {
	_, err := sources.Reconnect.Do(v.Context(), v.Desk, ref)
	return err
}

func cancel(v *site.Visit, ref sources.Ref) error {
	_, err := sources.Cancel.Do(v.Context(), v.Desk, ref)
	if fault.KindOf(err) == fault.KindConflict {
		return nil // it ended before
	}
	return err
}

// parseSigners reads lines of an allowed signers file: principals, options,
// the type of the key, the key, a comment. Options that limit what a key may
// sign are refused, since leaving them out would trust it with more.
func parseSigners(text string) (emails []string, err error) {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 3 || !strings.Contains(words[0], "@") || !keyType(words[1]) {
			return nil, fault.Invalid("signers", "line %d: give an address, the type of the key and the key, such as: ann@example.com ssh-ed25519 AAAA…", i+1)
		}
		emails = append(emails, strings.Split(words[0], ",")...)
	}
	if len(emails) > maxSigners {
		return nil, fault.Invalid("signers", "%d signers are given; at most %d are accepted", len(emails), maxSigners)
	}
	return emails, nil
}

const maxSigners = 1000

func keyType(s string) bool {
	return strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "ecdsa-sha2-") || strings.HasPrefix(s, "sk-")
}
