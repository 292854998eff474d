package page

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
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

func saidOf(files []kept) string {
	switch len(files) {
	case 0:
		return fmt.Sprintf("One or several, at most %s together. The bytes are kept exactly as they are. A picture can be pasted into this page.", site.Bytes(blob.MaxSize))
	case 1:
		return fmt.Sprintf("%s, %s, is here already. Choose another only to replace it.", files[0].Name, site.Bytes(files[0].Size))
	}
	return fmt.Sprintf("%d files are here already. Choose others only to replace them.", len(files))
}

var levels = []site.Option{
	{Value: "4", Text: "Export with its query", Note: "A list from a system, and exactly how it was asked for."},
	{Value: "5", Text: "Screenshot", Note: "What a screen showed, with its address and time."},
	{Value: "6", Text: "Document made for the audit", Note: "A record, a minute, a confirmation.", Chosen: true},
	{Value: "7", Text: "Oral statement", Note: "What somebody said. It never stands alone."},
}

func opened(v *site.Visit, files []kept, supersedes string) (adding, error) {
	list, err := controls.List.Do(v.Context(), v.Desk, controls.Filter{Limit: op.MaxLimit})
	if err != nil {
		return adding{}, err
	}
	var options []site.Option
	for _, c := range list.Items {
		options = append(options, site.Option{Value: string(c.ID), Text: c.Code + " " + c.Title, Chosen: string(c.ID) == v.Query("control") || c.Code == v.Query("control")})
	}
	x := adding{Form: site.FormView{Action: "/evidence/new", Files: true, Buttons: []site.ButtonView{{Text: "Seal the evidence"}, {Text: "Cancel", Href: "/evidence"}}, Fields: []site.FieldView{
		{Kind: site.FieldFile, Name: "file", Label: "Files", Help: saidOf(files), Optional: true, Attrs: templ.Attributes{"multiple": true}},
		{Kind: site.FieldArea, Name: "pasted", Label: "Or text to paste", Optional: true, Mono: true, Rows: 3, Help: "It is kept as a text file."},
		{Name: "title", Label: "What it shows", Help: "Such as: accounts with their factors, 68 rows.", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "300"}},
		{Name: "origin", Label: "System it comes from", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}},
		{Name: "account", Label: "Account or tenant", Optional: true, Help: "As whom the source was asked.", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}},
		{Kind: site.FieldTime, Name: "captured", Label: "When the source showed it, in UTC", Help: "By the source's clock. Now, if left empty.", Optional: true, Short: true},
		{Kind: site.FieldRadio, Name: "level", Label: "What kind of evidence", Options: slices.Clone(levels)},
		{Kind: site.FieldArea, Name: "query", Label: "Query or steps", Help: "So that another person gets the same.", Optional: true, Mono: true, Rows: 3, Attrs: templ.Attributes{"maxlength": "4000"}},
		{Kind: site.FieldSelect, Name: "shows", Label: "What it shows of the control", Optional: true, Options: []site.Option{{Value: "", Text: "Not said"}, {Value: evidence.Operation, Text: "That it was done"},
			{Value: evidence.Policy, Text: "What is meant to be done"}, {Value: evidence.AReview, Text: "A review by somebody"}, {Value: evidence.Tile, Text: "A tile of a dashboard"}}},
		{Name: "reviewed", Label: "Of a review: what was looked at", Optional: true, Attrs: templ.Attributes{"maxlength": "1000"}},
		{Name: "outcome", Label: "Of a review: what came of it", Optional: true, Attrs: templ.Attributes{"maxlength": "1000"}},
		{Name: "rows", Label: "Rows", Optional: true, Short: true, Help: "Of a list. CSV is counted here.", Attrs: templ.Attributes{"inputmode": "numeric", "pattern": "[0-9]*", "maxlength": "12"}},
		{Name: "source_count", Label: "Rows that the source counts", Optional: true, Short: true, Attrs: templ.Attributes{"inputmode": "numeric", "pattern": "[0-9]*", "maxlength": "12"}},
		{Kind: site.FieldDate, Name: "covers_from", Label: "First day it tells of", Optional: true, Short: true},
		{Kind: site.FieldDate, Name: "covers_to", Label: "Last day it tells of", Optional: true, Short: true},
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
	for _, k := range append(files, kept{})[:max(1, len(files))] {
		hidden("blob", k.Blob)
		hidden("media_type", k.MediaType)
		hidden("name", k.Name)
	}
	x.Form.Fields = append(x.Form.Fields,
		site.FieldView{Name: "ticket", Label: "Capture ticket", Optional: true, Short: true, Mono: true, Help: "If one is in the picture.", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "20"}},
		site.FieldView{Kind: site.FieldChecks, Name: "original", Label: "Sensitive data in it?", Optional: true, Options: []site.Option{{Value: "true", Text: "Keep it as an original under stricter access; I redact it next"}}},
		site.FieldView{Name: "anyway", Label: "Or why they are handed in anyway", Optional: true, Attrs: templ.Attributes{"maxlength": "1000"}})
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
	x, err := opened(v, nil, v.Query("supersedes"))
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
		return again(v, nil, fault.Invalid("file", "the file is larger than %s, or was cut short", site.Bytes(blob.MaxSize)).With(err))
	}
	defer func() {
		if err := v.R.MultipartForm.RemoveAll(); err != nil {
			v.Log.Warn("evidence: a temporary file stays", "err", err)
		}
	}()
	files, err := receive(v)
	if err != nil {
		return again(v, files, err)
	}
	var in evidence.Submission
	if err := v.Form(&in); err != nil {
		return again(v, files, err)
	}
	if len(files) == 0 {
		return again(v, nil, fault.Invalid("file", "choose the file that holds the evidence, or paste text"))
	}
	if len(files) > 1 && (in.Supersedes != "" || in.Ticket != "") {
		return again(v, files, fault.Invalid("file", "one file takes the place of a record, and one has the ticket in it; hand the others in apart"))
	}
	var r evidence.Record
	title, key := in.Title, v.Key
	for i, k := range files {
		if in.Blob, in.MediaType = k.Blob, k.MediaType; len(files) > 1 {
			in.Title = short(title, 200) + ": " + short(k.Name, 90)
		}
		desk := *v.Desk
		if key != "" && i > 0 {
			desk.Key = fmt.Sprintf("%s-%d", key, i) // each is done once, whatever is sent twice
		}
		if r, err = evidence.Submit.Do(v.Context(), &desk, in); err != nil {
			return again(v, files[i:], err) // those before it are recorded
		}
	}
	switch {
	case r.Restricted && len(files) == 1:
		return v.Goto("/evidence/" + string(r.ID) + "/redact")
	case len(files) == 1:
		return v.Goto("/evidence/" + string(r.ID))
	}
	return v.Goto("/evidence")
}

func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// most files that one form takes.
const mostFiles = 20

// receive stores the files of the form and text that was pasted, or takes up
// those that came before.
func receive(v *site.Visit) ([]kept, error) {
	var out []kept
	var heads []*multipart.FileHeader
	if v.R.MultipartForm != nil {
		heads = v.R.MultipartForm.File["file"]
	}
	if len(heads) > mostFiles {
		return nil, fault.Invalid("file", "at most %d at once", mostFiles)
	}
	for _, head := range heads {
		k, err := store(v, head)
		if err != nil {
			return out, err
		}
		out = append(out, k)
	}
	form := v.R.PostForm
	if text := form.Get("pasted"); text != "" && len(out) == 0 {
		sealed, err := v.Vault.Store(v.Context(), v.Org, []byte(text), clock.Truncate(v.Clock.Now()))
		return append(out, kept{Blob: sealed.Address, Name: "pasted.txt", MediaType: "text/plain", Size: int64(len(text))}), err
	}
	if len(out) > 0 {
		return out, nil
	}
	at := func(name string, i int) string {
		if list := form[name]; i < len(list) {
			return list[i]
		}
		return ""
	}
	for i, address := range form["blob"] {
		if address == "" || i == mostFiles {
			continue
		}
		sealed, err := v.Vault.Find(v.Context(), v.Org, address)
		if errors.Is(err, blob.ErrErased) {
			return nil, fault.Invalid("file", "choose the file again")
		}
		if err != nil {
			return nil, err
		}
		out = append(out, kept{Blob: address, Name: at("name", i), MediaType: at("media_type", i), Size: sealed.Size})
	}
	return out, nil
}

func store(v *site.Visit, head *multipart.FileHeader) (kept, error) {
	f, err := head.Open()
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
func again(v *site.Visit, files []kept, err error) error {
	x, readErr := opened(v, files, v.R.PostForm.Get("supersedes"))
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	seen := map[string]int{}
	for i := range x.Form.Fields {
		f := &x.Form.Fields[i]
		n := seen[f.Name]
		seen[f.Name]++
		var k kept
		if n < len(files) {
			k = files[n]
		}
		switch f.Name {
		case "blob":
			f.Value = k.Blob
		case "media_type":
			f.Value = k.MediaType
		case "name":
			f.Value = k.Name
		case "key":
			*f = site.OnceKey()
		}
	}
	if !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(newShell(), newBody(x))
}
