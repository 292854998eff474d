package page

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// fileTime is how long a file may take to arrive.
const fileTime = time.Hour

// offered is the page on which a file is handed in.
type offered struct {
	Kinds []sources.Kind // that are fed
	Past  op.Page[sources.Import]
	After string
	Error string
	Now   time.Time
}

func showIngest(v *site.Visit) error {
	if err := v.Actor.Require(auth.SourcesWrite); err != nil {
		return err
	}
	x, err := offer(v)
	if err != nil {
		return err
	}
	return v.Show(shell("Hand in a file", site.Crumb{Text: "Hand in a file"}), ingestBody(x))
}

func offer(v *site.Visit) (offered, error) {
	x := offered{After: v.Query("after"), Now: v.Clock.Now()}
	all, err := sources.Kinds()
	if err != nil {
		return x, err
	}
	for _, k := range all {
		if k.Fed {
			x.Kinds = append(x.Kinds, k)
		}
	}
	x.Past, err = sources.ImportList.Do(v.Context(), v.Desk, sources.ImportFilter{After: x.After, Limit: 20})
	return x, err
}

// ingest stores the file and goes on to where it is said how it is to be read.
func ingest(v *site.Visit) error {
	if err := v.Actor.Require(auth.SourcesWrite); err != nil {
		return err
	}
	if v.Web.Deliver == nil {
		return fault.NotFound("This server takes no files.")
	}
	made, err := receive(v)
	if err == nil {
		return v.Goto("/imports/" + made)
	}
	f := fault.As(err)
	if f == nil || f.Kind != fault.KindInvalid {
		return err
	}
	x, err := offer(v)
	if err != nil {
		return err
	}
	x.Error = f.Message
	return v.ShowWrong(shell("Hand in a file", site.Crumb{Text: "Hand in a file"}), ingestBody(x))
}

func receive(v *site.Visit) (string, error) {
	if err := http.NewResponseController(v.W).SetReadDeadline(clock.System().Now().Add(fileTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		v.Log.Debug("page: no deadline for the body", "err", err)
	}
	parts, err := v.R.MultipartReader()
	if err != nil {
		return "", fault.Invalid("file", "choose a file").With(err)
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return "", fault.Invalid("file", "choose a file")
		}
		if err != nil {
			return "", fault.Invalid("file", "the file did not arrive whole: send it again").With(err)
		}
		if part.FormName() == "file" {
			return deliver(v, part)
		}
	}
}

func deliver(v *site.Visit, part *multipart.Part) (string, error) {
	if part.FileName() == "" {
		return "", fault.Invalid("file", "choose a file")
	}
	made, err := v.Web.Deliver(v.Context(), v.Desk, part.FileName(), part)
	if err != nil && fault.As(err) == nil && errors.Is(err, io.ErrUnexpectedEOF) {
		err = fault.Invalid("file", "the file did not arrive whole: send it again").With(err)
	}
	return made, err
}

func (x offered) drop() site.DropView {
	return site.DropView{Action: "/sources/ingest", Name: "file", Text: "Drop a file here, or choose one.", Act: "Send it", Error: x.Error}
}

func (x offered) rows() []site.LinkRow {
	var out []site.LinkRow
	for _, k := range x.Kinds {
		out = append(out, site.LinkRow{Text: k.Title, Note: k.Doc, Href: "/sources/new?kind=" + k.Kind})
	}
	return out
}

func (x offered) table() site.TableView {
	t := site.TableView{ID: "files", Caption: "Files handed in", Columns: []site.Column{{Head: "File", Phone: site.PlaceFirst}, {Head: "Looks like", Wide: true}, {Head: "Bytes", Num: true},
		{Head: "Handed in"}, {Head: "By"}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No file was handed in yet.", Text: "A pipeline hands them in with tickmark ingest FILE, or over the API."}}
	for _, i := range x.Past.Items {
		href := "/imports/" + string(i.ID)
		status, word := became(i)
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{{Text: i.Name, Href: href, Strong: true}, site.Words(site.Capital(i.Looks)), site.Words(site.Count(i.Size)),
			site.Node(site.Age(i.Created, x.Now)), site.Words(i.Actor), site.Mark(status, word)}})
	}
	if x.Past.Total > 0 {
		t.Pager = site.PagerView{Shown: int64(len(x.Past.Items)), Of: x.Past.Total, NewerText: "Newest"}
		if x.Past.Next != "" {
			t.Pager.Older = "/sources/ingest?after=" + x.Past.Next
		}
		if x.After != "" {
			t.Pager.Newer = "/sources/ingest"
		}
	}
	return t
}

// became is what a file has come to.
func became(i sources.Import) (site.Status, string) {
	switch i.Status {
	case sources.ImportTaken:
		return site.StatusPass, "Read"
	case sources.ImportRefused:
		return site.StatusFail, "Refused"
	case sources.ImportCancelled:
		return site.StatusUnknown, "Cancelled"
	case sources.ImportFailed:
		return site.StatusUnknown, "Gave up"
	case sources.ImportReading:
		return site.StatusNotStarted, "Being read"
	}
	return site.StatusNotStarted, "Not read yet"
}

// handed is a file that was handed in.
type handed struct {
	sources.Import
	Sources []sources.Source // that it could feed
	Kinds   []sources.Kind
	Form    site.FormView
	Taken   *sources.Run
	Schemas map[string]sources.Schema // of what was taken
	Newest  bool                      // nothing was taken for its source since
	May     bool
	Reads   bool // may have the bytes
	Log     site.HistoryView
	Said    string // why it is not read again
}

func showImport(v *site.Visit) error {
	x, err := handedIn(v)
	if err != nil {
		return err
	}
	return v.Show(importShell(x), importBody(x))
}

func importShell(x handed) site.Shell {
	return shell(x.Name, site.Crumb{Text: "Hand in a file", Href: "/sources/ingest"}, site.Crumb{Text: x.Name})
}

func handedIn(v *site.Visit) (x handed, err error) {
	if x.Import, err = sources.ImportGet.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")}); err != nil {
		return x, err
	}
	x.May, x.Reads = v.Actor.May(auth.SourcesWrite), v.Actor.May(auth.EvidenceRead)
	if x.Log, err = v.History("", string(x.ID), string(x.Run)); err != nil {
		return x, err
	}
	switch x.Status {
	case sources.ImportTaken:
		run, err := sources.RunGet.Do(v.Context(), v.Desk, sources.Ref{ID: string(x.Run)})
		if err != nil {
			return x, err
		}
		s, err := sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: string(run.Source)})
		if err != nil {
			return x, err
		}
		x.Taken, x.Newest = &run, s.Latest != nil && s.Latest.ID == run.ID
		x.Schemas, err = sources.Schemas()
		return x, err
	case sources.ImportWaiting:
	default:
		return x, nil
	}
	page, err := offer(v)
	if err != nil {
		return x, err
	}
	x.Kinds = page.Kinds
	list, err := sources.List.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return x, err
	}
	for _, s := range list.Items {
		if s.Kind == x.Format {
			x.Sources = append(x.Sources, s)
		}
	}
	x.Form = x.form()
	return x, nil
}

func (x handed) form() site.FormView {
	formats := site.FieldView{Kind: site.FieldSelect, Name: "format", Label: "Format", Help: "As it looks. Choose another if that is wrong.", Short: true}
	for _, k := range x.Kinds {
		formats.Options = append(formats.Options, site.Option{Value: k.Kind, Text: k.Title, Chosen: k.Kind == x.Format})
	}
	feeds := site.FieldView{Kind: site.FieldSelect, Name: "source", Label: "Source", Optional: true,
		Help:    "What the file says takes the place of all that the source showed before.",
		Options: []site.Option{{Value: "", Text: "The one of the tool and what it looked at; connected if there is none", Chosen: true}}}
	for _, s := range x.Sources {
		feeds.Options = append(feeds.Options, site.Option{Value: string(s.ID), Text: s.Name})
	}
	acts := []site.ButtonView{{Text: "Read it"}, {Text: "Leave it", Href: "/sources"}}
	if x.Format == sources.KindFile { // its mapping lies with the source
		feeds.Options[0].Text = "Choose one"
		feeds.Help += " Its mapping says what the columns mean; where there is none you are asked next."
		if len(x.Sources) == 0 {
			acts = append(acts, site.ButtonView{Text: "Connect a table first", Href: "/sources/new?kind=" + sources.KindFile})
		}
	}
	return site.FormView{Action: "/imports/" + string(x.ID), Buttons: acts, Fields: []site.FieldView{
		formats, feeds,
		{Kind: site.FieldRadio, Name: "skip_bad", Label: "Rows that cannot be taken", Options: []site.Option{
			{Value: "false", Text: "Refuse the file", Note: "Nothing of it is taken, and the first fault is named.", Chosen: true},
			{Value: "true", Text: "Leave them out", Note: "The run records how many and which. What they would say is unknown."},
		}},
		site.OnceKey(),
	}}
}

func (x handed) sentence() string {
	switch {
	case x.Taken != nil:
		return "It was read: " + site.Several(int(x.Taken.Resources), "thing was", "things were") + " taken."
	case x.Status == sources.ImportRefused:
		return "It was refused, and nothing of it was taken."
	case x.Status == sources.ImportCancelled:
		return "Its reading was " + x.Cancelled + ", and nothing of it was taken."
	case x.Status == sources.ImportFailed:
		return "It could not be read, through no fault of the file."
	case x.Status == sources.ImportReading:
		return "It is being read."
	}
	return "It looks like " + x.Looks + "."
}

// gaveUp is why the server could not read it.
func (x handed) gaveUp() string {
	if x.Failed == "" {
		return "Why is not known any more. Nothing of the file was taken."
	}
	return stop(site.Capital(x.Failed)) + " Nothing of the file was taken."
}

func (x handed) facts() []site.FactRow {
	out := []site.FactRow{site.Text("Looks like", x.Looks), site.Text("Bytes", site.Count(x.Size)), {Key: "SHA-256", Node: site.Digest(site.DigestView{Value: x.SHA256})},
		{Key: "Handed in", Node: site.Moment(x.Created)}, site.Text("By", x.Actor)}
	if x.Reads {
		out = append(out, site.FactRow{Key: "As it came", Node: site.LinkText(site.Link{Text: "Get the file", Href: "/imports/" + string(x.ID) + "/file"})})
	}
	if x.Taken != nil {
		out = append(out, site.FactRow{Key: "Run", Node: site.ShortID(string(x.Run), "/runs/"+string(x.Run))})
		if n := x.Taken.Scope["left_out"]; n != "" {
			out = append(out, site.Text("Rows left out", n))
		}
	}
	if x.Source != "" {
		out = append(out, site.FactRow{Key: "Source", Node: site.ShortID(string(x.Source), "/sources/"+string(x.Source))})
	}
	return out
}

// unmapped is where somebody says what the columns of a table mean before it
// can be read. It is empty where that was said, or is no question.
func unmapped(v *site.Visit, in sources.Start) (string, error) {
	if in.Format != sources.KindFile || in.Source == "" {
		return "", nil
	}
	_, err := sources.MappingGet.Do(v.Context(), v.Desk, sources.MappingRef{Source: in.Source})
	if fault.KindOf(err) == fault.KindNotFound {
		return mappingOf(in.Source, in.ID), nil
	}
	return "", err
}

func mappingOf(source, file string) string {
	return "/sources/" + url.PathEscape(source) + "/mapping?import=" + url.QueryEscape(file)
}

func startImport(v *site.Visit) error {
	in := sources.Start{ID: v.Path("id")}
	err := v.Form(&in)
	if err == nil {
		in.ID = v.Path("id")
		if to, err := unmapped(v, in); err != nil || to != "" {
			if err != nil {
				return err
			}
			return v.Goto(to)
		}
		_, err = sources.ImportStart.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		v.Web.Wake()
		return v.Goto("/imports/" + v.Path("id"))
	}
	if fault.KindOf(err) != fault.KindInvalid {
		return err
	}
	x, wrong := handedIn(v)
	if wrong != nil {
		return wrong
	}
	x.Form.Keep(v.R.PostForm)
	if !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(importShell(x), importBody(x))
}

// importProgress asks again until the file was read; then the page is opened
// anew.
func importProgress(v *site.Visit) error {
	x, err := handedIn(v)
	if err != nil {
		return err
	}
	if x.Reading == nil {
		v.W.Header().Set("HX-Redirect", "/imports/"+v.Path("id"))
		return v.Fragment(site.QuietText("It has ended."))
	}
	return v.Fragment(importing(string(x.ID), *x.Reading))
}

// cancelForm stops the reading.
func (x handed) cancelForm() site.FormView {
	return site.FormView{Action: "/imports/" + string(x.ID) + "/cancel", Buttons: []site.ButtonView{{Text: "Cancel the reading", Kind: site.ButtonDanger}}}
}

// retryForm reads the file once more.
func (x handed) retryForm() site.FormView {
	f := site.FormView{Action: "/imports/" + string(x.ID) + "/retry", Buttons: []site.ButtonView{{Text: "Read it again"}}, Fields: []site.FieldView{site.OnceKey()}}
	if x.Status == sources.ImportRefused && !x.SkipBad {
		f.Fields = append(f.Fields, site.FieldView{Kind: site.FieldRadio, Name: "skip_bad", Label: "Rows that cannot be taken", Options: []site.Option{
			{Value: "true", Text: "Leave them out", Note: "The run records how many and which. What they would say is unknown.", Chosen: true},
			{Value: "false", Text: "Refuse the file again", Note: "For when something else was put right, such as the mapping of its columns."},
		}})
	}
	return f
}

func cancelImport(v *site.Visit) error {
	_, err := sources.ImportCancel.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")})
	if err != nil && fault.KindOf(err) != fault.KindConflict { // it ended before
		return err
	}
	return v.Goto("/imports/" + v.Path("id"))
}

func retryImport(v *site.Visit) error {
	in := sources.Retry{}
	if err := v.Form(&in); err != nil {
		return err
	}
	in.ID = v.Path("id")
	_, err := sources.ImportRetry.Do(v.Context(), v.Desk, in)
	if fault.KindOf(err) == fault.KindConflict {
		x, wrong := handedIn(v)
		if wrong != nil {
			return wrong
		}
		if x.Status == sources.ImportTaken || x.Status == sources.ImportReading { // somebody else was quicker
			return v.Goto("/imports/" + v.Path("id"))
		}
		x.Said = fault.As(err).Message
		return v.ShowWrong(importShell(x), importBody(x))
	}
	if err != nil {
		return err
	}
	v.Web.Wake()
	return v.Goto("/imports/" + v.Path("id"))
}

// sourceOf is as much of the source as a table of its kinds needs.
func sourceOf(x handed) sources.Source { return sources.Source{ID: x.Taken.Source, Latest: x.Taken} }

// sendFile gives back the file as it was handed in, from however many pieces.
func sendFile(v *site.Visit) error {
	if err := v.Actor.Require(auth.EvidenceRead); err != nil {
		return err
	}
	i, err := sources.ImportGet.Do(v.Context(), v.Desk, sources.Ref{ID: v.Path("id")})
	if err != nil {
		return err
	}
	return v.Send(string(i.ID), func(w io.Writer) error { return sources.WriteFile(v.Context(), v.Desk, i, w) })
}
