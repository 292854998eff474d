package page

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"slices"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// slack is what the other fields of an upload may take beside the file.
const slack = 1 << 20

// adding is the form with which a person adds evidence.
type adding struct {
	Form       site.FormView
	Supersedes *evidence.Record
}

// kept is a file whose bytes arrived with a form that was refused.
type kept struct {
	Blob, Name, MediaType string
	Size                  int64
}

func (k kept) said() string {
	if k.Blob == "" {
		return fmt.Sprintf("At most %s. The bytes are kept exactly as they are.", site.Bytes(blob.MaxSize))
	}
	return fmt.Sprintf("%s, %s, is here already. Choose another only to replace it.", k.Name, site.Bytes(k.Size))
}

var levels = []site.Option{
	{Value: "4", Text: "Export with its query", Note: "A list from a system, and exactly how it was asked for."},
	{Value: "5", Text: "Screenshot", Note: "What a screen showed, with its address and time."},
	{Value: "6", Text: "Document made for the audit", Note: "A record, a minute, a confirmation.", Chosen: true},
	{Value: "7", Text: "Oral statement", Note: "What somebody said. It never stands alone."},
}

func opened(v *site.Visit, file kept, supersedes string) (adding, error) {
	list, err := controls.List.Do(v.Context(), v.Desk, controls.Filter{Limit: op.MaxLimit})
	if err != nil {
		return adding{}, err
	}
	var options []site.Option
	for _, c := range list.Items {
		options = append(options, site.Option{Value: string(c.ID), Text: c.Code + " " + c.Title, Chosen: string(c.ID) == v.Query("control") || c.Code == v.Query("control")})
	}
	x := adding{Form: site.FormView{Action: "/evidence/new", Files: true, Buttons: []site.ButtonView{{Text: "Seal the evidence"}, {Text: "Cancel", Href: "/evidence"}}, Fields: []site.FieldView{
		{Kind: site.FieldFile, Name: "file", Label: "File", Help: file.said()},
		{Name: "title", Label: "What it shows", Help: "Such as: accounts with their factors, 68 rows.", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "300"}},
		{Name: "origin", Label: "System it comes from", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}},
		{Kind: site.FieldTime, Name: "captured", Label: "When the source showed it, in UTC", Help: "By the source's clock. Now, if left empty.", Optional: true, Short: true},
		{Kind: site.FieldRadio, Name: "level", Label: "What kind of evidence", Options: slices.Clone(levels)},
		{Kind: site.FieldArea, Name: "query", Label: "Query or steps", Help: "So that another person gets the same.", Optional: true, Mono: true, Rows: 3, Attrs: templ.Attributes{"maxlength": "4000"}},
		{Name: "location", Label: "Address, path or screen", Optional: true, Attrs: templ.Attributes{"maxlength": "1000"}},
		{Name: "environment", Label: "Environment", Optional: true, Help: "Such as production.", Short: true, Attrs: templ.Attributes{"maxlength": "100"}},
	}}}
	if len(options) > 0 {
		x.Form.Fields = append(x.Form.Fields, site.FieldView{Kind: site.FieldChecks, Name: "controls", Label: "Controls it bears on", Optional: true, Options: options})
	}
	hidden := func(name, value string) {
		x.Form.Fields = append(x.Form.Fields, site.FieldView{Kind: site.FieldHidden, Name: name, Value: value, Optional: true})
	}
	hidden("supersedes", supersedes)
	hidden("blob", file.Blob)
	hidden("media_type", file.MediaType)
	hidden("name", file.Name)
	x.Form.Fields = append(x.Form.Fields, site.OnceKey())
	if supersedes != "" {
		old, err := evidence.Get.Do(v.Context(), v.Desk, evidence.Ref{ID: supersedes})
		if err != nil {
			return x, err
		}
		x.Supersedes = &old
	}
	return x, nil
}

func newShell() site.Shell { return evidenceShell("Add evidence", site.Crumb{Text: "Add"}) }

func showNew(v *site.Visit) error {
	if err := v.Actor.Require(auth.EvidenceWrite); err != nil {
		return err
	}
	x, err := opened(v, kept{}, v.Query("supersedes"))
	if err != nil {
		return err
	}
	return v.Show(newShell(), newBody(x))
}

// submit stores the bytes first and then seals the record that speaks of them.
func submit(v *site.Visit) error {
	if err := v.Actor.Require(auth.EvidenceWrite); err != nil {
		return err
	}
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, blob.MaxSize+slack)
	if err := v.R.ParseMultipartForm(slack); err != nil {
		return again(v, kept{}, fault.Invalid("file", "the file is larger than %s, or was cut short", site.Bytes(blob.MaxSize)).With(err))
	}
	defer func() {
		if err := v.R.MultipartForm.RemoveAll(); err != nil {
			v.Log.Warn("evidence: a temporary file stays", "err", err)
		}
	}()
	file, err := receive(v)
	if err != nil {
		return again(v, file, err)
	}
	var in evidence.Submission
	if err := v.Form(&in); err != nil {
		return again(v, file, err)
	}
	if in.Blob, in.MediaType = file.Blob, file.MediaType; in.Blob == "" {
		return again(v, file, fault.Invalid("file", "choose the file that holds the evidence"))
	}
	r, err := evidence.Submit.Do(v.Context(), v.Desk, in)
	if err != nil {
		return again(v, file, err)
	}
	return v.Goto("/evidence/" + string(r.ID))
}

// receive stores the file of the form, or takes up the one that came before.
func receive(v *site.Visit) (kept, error) {
	f, head, err := v.R.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) {
		form := v.R.PostForm
		k := kept{Blob: form.Get("blob"), Name: form.Get("name"), MediaType: form.Get("media_type")}
		if k.Blob == "" {
			return k, nil
		}
		sealed, err := v.Vault.Find(v.Context(), v.Org, k.Blob)
		if errors.Is(err, blob.ErrErased) {
			return kept{}, fault.Invalid("file", "choose the file again")
		}
		k.Size = sealed.Size
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
		return kept{}, fault.Invalid("file", "is empty; evidence has at least one byte")
	case len(data) > blob.MaxSize:
		return kept{}, fault.Invalid("file", "is larger than %s", site.Bytes(blob.MaxSize))
	}
	sealed, err := v.Vault.Store(v.Context(), v.Org, data, clock.Truncate(v.Clock.Now()))
	return kept{Blob: sealed.Address, Name: filepath.Base(head.Filename), MediaType: typeOf(head.Filename, head.Header.Get("Content-Type")), Size: int64(len(data))}, err
}

// typeOf trusts what the browser says of a file if it is a type at all.
func typeOf(name, said string) string {
	for _, s := range []string{said, mime.TypeByExtension(filepath.Ext(name))} {
		if base, _, err := mime.ParseMediaType(s); err == nil && len(base) <= 100 {
			return base
		}
	}
	return "application/octet-stream"
}

// again shows the form with what was wrong; nothing that was typed is lost,
// and bytes that have arrived need not be sent twice.
func again(v *site.Visit, file kept, err error) error {
	x, readErr := opened(v, file, v.R.PostForm.Get("supersedes"))
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	for i := range x.Form.Fields {
		switch f := &x.Form.Fields[i]; f.Name {
		case "blob":
			f.Value = file.Blob
		case "media_type":
			f.Value = file.MediaType
		case "name":
			f.Value = file.Name
		case "key":
			*f = site.OnceKey()
		}
	}
	if !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(newShell(), newBody(x))
}
