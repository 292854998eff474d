package page

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sensitive"
	"github.com/tickmark/tickmark/internal/site"
)

// redacting is the form with which a redacted copy is made.
type redacting struct {
	Record evidence.Record
	Found  sensitive.Report
	Form   site.FormView
}

func redactingOf(v *site.Visit) (redacting, error) {
	if err := v.Actor.Require(auth.EvidenceWrite); err != nil {
		return redacting{}, err
	}
	var x redacting
	var err error
	if x.Record, err = evidence.Get.Do(v.Context(), v.Desk, evidence.Ref{ID: v.Path("id")}); err != nil {
		return x, err
	}
	if x.Found, err = evidence.ScanOf.Do(v.Context(), v.Desk, evidence.Place{ID: v.Path("id")}); err != nil {
		return x, err
	}
	var options []site.Option
	if x.Found.Read == "text" {
		for _, f := range x.Found.Findings {
			options = append(options, site.Option{Value: f.Span(), Text: fmt.Sprintf("Line %d: %s, %s", f.Line, sensitive.Words[f.Kind], f.Masked), Chosen: f.Grave()})
		}
	}
	x.Form = site.FormView{Action: "/evidence/" + v.Path("id") + "/redact", Files: true, Buttons: []site.ButtonView{{Text: "Make the redacted copy"}, {Text: "Cancel", Href: "/evidence/" + v.Path("id")}}}
	if len(options) > 0 {
		x.Form.Fields = append(x.Form.Fields, site.FieldView{Kind: site.FieldChecks, Name: "spans", Label: "Replace by " + sensitive.Mark, Optional: true, Options: options})
	}
	x.Form.Fields = append(x.Form.Fields,
		site.FieldView{Kind: site.FieldFile, Name: "file", Label: "Or a copy that you redacted", Optional: true, Help: "Of pictures, PDF and office files. Paint over it in the picture itself, and save a flat copy."},
		site.FieldView{Name: "reason", Label: "Why it is redacted", Attrs: templ.Attributes{"maxlength": "1000"}},
		site.FieldView{Name: "anyway", Label: "Why the rest that is found may stay", Optional: true, Attrs: templ.Attributes{"maxlength": "1000"}}, site.OnceKey())
	return x, nil
}

func (x redacting) shell() site.Shell {
	return evidenceShell("Redact", site.Crumb{Text: site.Short(string(x.Record.ID)), Mono: true, Href: "/evidence/" + string(x.Record.ID)}, site.Crumb{Text: "Redact"})
}

func (x redacting) sentence() string {
	if n := int64(len(x.Found.Findings)); n > 0 {
		return site.Capital(site.Several(n, "place", "places")) + " in it may hold what should not be there."
	}
	if x.Found.Read == "" {
		return "The file cannot be looked through here; hand in a copy that you redacted."
	}
	return "Nothing was found that should not be there."
}

func showRedact(v *site.Visit) error {
	x, err := redactingOf(v)
	if err != nil {
		return err
	}
	return v.Show(x.shell(), redactBody(x))
}

func redact(v *site.Visit) error {
	if err := v.Actor.Require(auth.EvidenceWrite); err != nil {
		return err
	}
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, blob.MaxSize+slack)
	if err := v.R.ParseMultipartForm(slack); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return fault.Invalid("file", "the file is larger than %s, or was cut short", site.Bytes(blob.MaxSize)).With(err)
	}
	var in evidence.Redaction
	err := v.Form(&in)
	if err == nil {
		in.ID = v.Path("id")
		err = redactInto(v, in)
	}
	if err == nil {
		return nil
	}
	x, readErr := redactingOf(v)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	x.Form.Fields[len(x.Form.Fields)-1] = site.OnceKey()
	if !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(x.shell(), redactBody(x))
}

func redactInto(v *site.Visit, in evidence.Redaction) error {
	files, err := receive(v)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		in.Blob, in.MediaType, in.Spans = files[0].Blob, files[0].MediaType, nil
	}
	r, err := evidence.Redact.Do(v.Context(), v.Desk, in)
	if err != nil {
		return err
	}
	return v.Goto("/evidence/" + string(r.ID))
}
