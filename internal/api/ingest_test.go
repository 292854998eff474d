package api_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

func TestAFileIsHandedInAsABodyOrInAForm(t *testing.T) {
	h := settled(t, sqlite(t))
	var got api.File
	var data []byte
	h.handler = api.New(h.engine, operations(), api.Extra{Ingest: func(_ context.Context, d *op.Desk, f api.File, from io.Reader) (any, error) {
		b, err := io.ReadAll(from)
		got, data = f, b
		if len(b) == 0 && err == nil {
			err = fault.Invalid("file", "the file is empty")
		}
		return map[string]string{"id": "upl_1"}, err
	}})
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.WriteField("note", "passed over"); err != nil {
		t.Fatal(err)
	}
	part, err := w.CreateFormFile("file", "scan.json")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(part, "[1]")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path, kind, body string
		code             int
		want             api.File
	}{
		"a body":           {"/imports?name=a.json&format=ocsf&skip_bad=true", "application/octet-stream", "[1]", http.StatusAccepted, api.File{Name: "a.json", Format: "ocsf", SkipBad: true}},
		"a form":           {"/sources/src_1/ingest", w.FormDataContentType(), form.String(), http.StatusAccepted, api.File{Name: "scan.json", Source: "src_1"}},
		"nothing":          {"/imports", "", "", http.StatusUnprocessableEntity, api.File{}},
		"a strange flag":   {"/imports?skip_bad=perhaps", "", "x", http.StatusUnprocessableEntity, api.File{}},
		"an empty form":    {"/imports", w.FormDataContentType(), "--" + w.Boundary() + "--\r\n", http.StatusUnprocessableEntity, api.File{}},
		"no boundary":      {"/imports", "multipart/form-data", "x", http.StatusUnprocessableEntity, api.File{}},
		"a form cut short": {"/imports", w.FormDataContentType(), form.String()[:form.Len()-8], http.StatusUnprocessableEntity, api.File{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, data = api.File{}, nil
			r := h.request("POST", c.path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.kind)
			res := h.send(r)
			if res.Code != c.code {
				t.Fatalf("%d %s", res.Code, res.Body)
			}
			if c.code == http.StatusAccepted && (got != c.want || string(data) != "[1]") {
				t.Errorf("%+v %q", got, data)
			}
		})
	}
}
