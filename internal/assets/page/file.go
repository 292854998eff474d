package page

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
)

// maxUpload bounds a file over the web, and slack what stands beside it.
const (
	maxUpload = 8 << 20
	slack     = 1 << 20
)

// filing is a file of assets that is looked at.
type filing struct {
	Form  site.FormView
	Trial *assets.Trial
	Text  string // the file, once it has been looked at
}

func fileForm() site.FormView {
	return site.FormView{Action: "/assets/import", Files: true, Fields: []site.FieldView{
		{Kind: site.FieldFile, Name: "file", Label: "A file of assets", Help: "CSV in UTF-8 with a line of heads. A line with an id changes that asset, one without adds one.", Attrs: map[string]any{"accept": ".csv,text/csv"}}},
		Buttons: []site.ButtonView{{Text: "Look at it"}, {Text: "Cancel", Href: "/assets"}}}
}

func importShell() site.Shell { return shell("Import assets", site.Crumb{Text: "Import"}) }

func showImport(v *site.Visit) error {
	if err := v.Actor.Require(auth.AssetsWrite); err != nil {
		return err
	}
	return v.Show(importShell(), fileBody(filing{Form: fileForm()}))
}

// takeFile looks at a file or, once it has been looked at, imports it.
func takeFile(v *site.Visit) error {
	if err := v.Actor.Require(auth.AssetsWrite); err != nil {
		return err
	}
	x := filing{Form: fileForm()}
	data, err := posted(v)
	if err == nil && v.R.FormValue("act") == "import" {
		if _, err = assets.Import.Do(v.Context(), v.Desk, assets.File{CSV: data}); err == nil {
			return v.Goto("/assets")
		}
	}
	if err == nil {
		var t assets.Trial
		if t, err = assets.Preview.Do(v.Context(), v.Desk, assets.File{CSV: data}); err == nil {
			x.Trial, x.Text = &t, string(data)
			return v.Show(importShell(), fileBody(x))
		}
	}
	if f := fault.As(err); f != nil && f.Field == "csv" {
		err = fault.Invalid("file", "%s", strings.TrimPrefix(f.Message, "csv: "))
	}
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(importShell(), fileBody(x))
}

// posted is the file, or its text as the page before had it.
func posted(v *site.Visit) (data []byte, err error) {
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, 3*maxUpload+slack) // its text is longer in a form
	if err := v.R.ParseMultipartForm(slack); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return nil, fault.Invalid("file", "the file is larger than %d MiB or cut short", maxUpload>>20).With(err)
	}
	if v.R.MultipartForm != nil {
		defer func() { err = errors.Join(err, v.R.MultipartForm.RemoveAll()) }()
	}
	if text := v.R.FormValue("csv"); text != "" {
		return []byte(text), nil
	}
	f, head, err := v.R.FormFile("file")
	if err != nil {
		return nil, fault.Invalid("file", "choose a file").With(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if head.Size > maxUpload {
		return nil, fault.Invalid("file", "the file is larger than %d MiB", maxUpload>>20)
	}
	return io.ReadAll(f)
}

func (x filing) sentence() string {
	switch {
	case x.Trial == nil:
		return "All lines of the file are imported, or none."
	case len(x.Trial.Faults) > 0:
		n := int64(len(x.Trial.Faults)) + x.Trial.More
		return "Nothing is imported: " + site.Several(int(n), "line is", "lines are") + " wrong."
	}
	if x.Trial.Changed == 0 {
		return site.Capital(site.Several(int(x.Trial.Added), "asset is", "assets are")) + " new, and none changes."
	}
	return site.Capital(site.Several(int(x.Trial.Added), "asset is", "assets are")) + " new, and " + site.Several(int(x.Trial.Changed), "changes", "change") + "."
}

// columnRows say what each column takes.
func columnRows() []site.FactRow {
	takes := map[string]string{
		"id": "of the asset that the line changes; empty for a new one", "name": "needed; at most 200 characters", "type": "needed; one of " + strings.Join(assets.Types, ", "),
		"environment": "one of " + strings.Join(assets.Environments, ", ") + ", or empty", "owner": "the address or the name of a member", "custodian": "any text", "criticality": "1, the most critical, to 4",
		"class": "one of " + strings.Join(assets.Classes, ", "), "flags": "with commas between: " + strings.Join(assets.Flags, ", "), "location": "any text", "supplier": "any text",
		"lifecycle": "one of " + strings.Join(assets.Lifecycles, ", "), "planned_for": "a day, as 2026-12-31", "live_from": "a day", "retired_on": "a day", "disposed_on": "a day",
		"scope": "in, out, or pending for one that waits to leave", "reason": "why it is in scope or out of it",
	}
	var out []site.FactRow
	for _, c := range assets.Columns {
		out = append(out, site.FactRow{Key: c, Value: takes[c]})
	}
	return out
}
