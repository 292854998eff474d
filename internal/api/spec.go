package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
)

// Routes that are no operations.
const (
	blobsPath       = op.Base + "/blobs"
	bundlePath      = op.Base + "/exports/bundle"
	examinationPath = op.Base + "/engagements/{id}/bundle"
	importsPath     = op.Base + "/imports"
	ingestPath      = op.Base + "/sources/{id}/ingest"
	specPath        = op.Base + "/openapi.json"
	docsPath        = op.Base + "/docs"
)

const (
	asJSON    = "application/json"
	asProblem = "application/problem+json"
	asBytes   = "application/octet-stream"
	asBundle  = "application/vnd.tickmark.bundle+zip"
)

const about = `Every operation of Tickmark, as JSON.

A program sends a token in the header "Authorization: Bearer tmk_…". A member makes one under Settings, Tokens; the
program then has that member's rights.

Lists come in pages: next goes back in as after. A write may carry an Idempotency-Key; repeated within 30 days, it
answers as it did the first time. An update carries the version that was read, and is refused with 409 when the record
has changed since.

Refusals are application/problem+json (RFC 9457). Each says what would be accepted.`

// Spec returns the OpenAPI 3.1 text of the operations. The same operations
// give the same bytes.
func Spec(ops []op.Operation) []byte { return render(surface(http.NewServeMux(), ops)) }

func render(a huma.API) []byte {
	b, err := json.MarshalIndent(a.OpenAPI(), "", "  ")
	if err != nil {
		panic("api: the OpenAPI text: " + err.Error()) // made of our own types only
	}
	return append(b, '\n')
}

// surface describes every route. huma panics on types that no JSON can be made
// of, which is a mistake in the program.
func surface(mux *http.ServeMux, ops []op.Operation) huma.API {
	schemas := huma.NewMapRegistry("#/components/schemas/", schemaName)
	config := huma.Config{OpenAPI: &huma.OpenAPI{
		Info: &huma.Info{Title: "Tickmark", Version: "1", Description: about},
		Components: &huma.Components{Schemas: schemas, SecuritySchemes: map[string]*huma.SecurityScheme{
			"token":   {Type: "http", Scheme: "bearer", Description: "A token, tmk_…"},
			"session": {Type: "apiKey", In: "cookie", Name: auth.CookieNameFor(true), Description: "The session of a browser."},
		}},
		Security: []map[string][]string{{"token": {}}, {"session": {}}},
	}}
	config.AllowAdditionalPropertiesByDefault = true // of answers: a field may be added
	a := huma.NewAPI(config, humago.NewAdapter(mux, ""))
	doc := a.OpenAPI()
	problem := schemas.Schema(reflect.TypeFor[Problem](), true, "")
	for _, o := range op.Offered(ops) {
		noun, _ := op.Split(o)
		if !slices.ContainsFunc(doc.Tags, func(t *huma.Tag) bool { return t.Name == noun }) {
			doc.Tags = append(doc.Tags, &huma.Tag{Name: noun})
		}
		doc.AddOperation(describe(o, schemas, problem))
	}
	doc.AddOperation(describeUpload(schemas, problem))
	doc.AddOperation(describeIngest("imports.create", importsPath, "Hand in a file of another tool to become a run. Its source is found, or connected, by the tool and what it looked at.", problem))
	doc.AddOperation(describeIngest("sources.ingest", ingestPath, "Hand in a file of another tool to become a run of this source. It replaces all that the source showed before.", problem))
	doc.AddOperation(describeBundle(problem))
	doc.AddOperation(describeExamination(problem))
	return a
}

func describe(o op.Operation, schemas huma.Registry, problem *huma.Schema) *huma.Operation {
	e := newEndpoint(o)
	noun, _ := op.Split(o)
	_, out := o.Types()
	d := &huma.Operation{
		OperationID: o.Name(), Method: e.route.Method, Path: e.route.Path, Summary: o.Summary(), Tags: []string{noun},
		Extensions: map[string]any{"x-right": string(o.Right())},
	}
	if o.Right() == auth.Anyone {
		d.Security = []map[string][]string{}
	}
	if e.route.Addressed() {
		id := e.schema.Properties["id"]
		d.Parameters = append(d.Parameters, &huma.Param{Name: "id", In: "path", Required: true, Description: id.Description, Schema: bare(id)})
	}
	rest := without(e.schema, "id", e.route.Addressed())
	if e.route.InQuery() {
		d.Parameters = append(d.Parameters, params(rest, fieldOrder(o))...)
	} else if len(rest.Properties) > 0 {
		d.RequestBody = &huma.RequestBody{Required: len(rest.Required) > 0, Content: content(asJSON, rest)}
	}
	if o.Writes() {
		d.Parameters = append(d.Parameters, idempotency())
	}
	ok := &huma.Response{Description: "Done."}
	if !e.empty {
		ok.Content = content(asJSON, schemas.Schema(out, true, ""))
	}
	d.Responses = map[string]*huma.Response{strconv.Itoa(e.success()): ok, "default": refusals(problem)}
	return d
}

// without copies a schema, leaving a property out if it is.
func without(s *huma.Schema, name string, is bool) *huma.Schema {
	if !is {
		return s
	}
	c := *s
	c.Properties = maps.Clone(s.Properties)
	delete(c.Properties, name)
	c.Required = slices.DeleteFunc(slices.Clone(s.Required), func(r string) bool { return r == name })
	return &c
}

// bare is a parameter's schema without the description, which the parameter
// carries itself.
func bare(s *huma.Schema) *huma.Schema {
	c := *s
	c.Description, c.Nullable = "", false
	return &c
}

// fieldOrder lists the fields of the input as they are declared.
func fieldOrder(o op.Operation) []string {
	in, _ := o.Types()
	var names []string
	for i := range in.NumField() {
		name, _, _ := strings.Cut(in.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func params(s *huma.Schema, order []string) []*huma.Param {
	var out []*huma.Param
	for _, name := range order {
		if p := s.Properties[name]; p != nil {
			out = append(out, &huma.Param{Name: name, In: "query", Description: p.Description,
				Required: slices.Contains(s.Required, name), Schema: bare(p)})
		}
	}
	return out
}

func idempotency() *huma.Param {
	most := 200
	return &huma.Param{Name: "Idempotency-Key", In: "header",
		Description: "Any text of your own. Repeated within 30 days, the write answers as it did the first time.",
		Schema:      &huma.Schema{Type: huma.TypeString, MaxLength: &most}}
}

func content(mediaType string, s *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{mediaType: {Schema: s}}
}

func refusals(problem *huma.Schema) *huma.Response {
	return &huma.Response{Description: "Refused: 401 no token, 403 no right, 404 no such record, 409 changed since or done already, 422 an input at fault, 500 and 503 not your doing.",
		Content: content(asProblem, problem)}
}

func describeUpload(schemas huma.Registry, problem *huma.Schema) *huma.Operation {
	return &huma.Operation{
		OperationID: "blobs.create", Method: http.MethodPost, Path: blobsPath, Tags: []string{"evidence"},
		Summary:    "Upload the bytes of evidence, at most 64 MiB. Record what they are with evidence.create.",
		Extensions: map[string]any{"x-right": string(auth.EvidenceWrite)},
		RequestBody: &huma.RequestBody{Required: true, Description: "The bytes as they are, of any type.",
			Content: content(asBytes, &huma.Schema{Type: huma.TypeString, Format: "binary"})},
		Responses: map[string]*huma.Response{
			"201":     {Description: "Stored.", Content: content(asJSON, schemas.Schema(reflect.TypeFor[Upload](), true, ""))},
			"default": refusals(problem),
		},
	}
}

func describeIngest(name, path, summary string, problem *huma.Schema) *huma.Operation {
	text := func(name, doc string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	o := &huma.Operation{
		OperationID: name, Method: http.MethodPost, Path: path, Tags: []string{"sources"}, Summary: summary,
		Extensions: map[string]any{"x-right": string(auth.SourcesWrite)},
		Parameters: []*huma.Param{text("name", "What the file is called."), text("format", "Its format; guessed if left out."),
			{Name: "skip_bad", In: "query", Description: "Leave out rows that cannot be taken, and say in the run which.", Schema: &huma.Schema{Type: huma.TypeBoolean}}},
		RequestBody: &huma.RequestBody{Required: true, Description: "The file as it is, or a form with it as the part named file.",
			Content: map[string]*huma.MediaType{
				asBytes: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
				"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
					"file": {Type: huma.TypeString, Format: "binary"}}}},
			}},
		Responses: map[string]*huma.Response{
			"202":     {Description: "Stored, and in line to be read. imports.get shows what becomes of it.", Content: content(asJSON, &huma.Schema{Type: huma.TypeObject})},
			"default": refusals(problem),
		},
	}
	if path == ingestPath {
		o.Parameters = append(o.Parameters, &huma.Param{Name: "id", In: "path", Required: true, Description: "The source, src_….", Schema: &huma.Schema{Type: huma.TypeString}})
	}
	return o
}

func describeBundle(problem *huma.Schema) *huma.Operation {
	return &huma.Operation{
		OperationID: "exports.bundle", Method: http.MethodPost, Path: bundlePath, Tags: []string{"exports"},
		Summary:    "Export the whole log with its evidence as a bundle, which tickmark-verify checks offline.",
		Extensions: map[string]any{"x-right": string(auth.ExportWrite)},
		Responses: map[string]*huma.Response{
			"200":     {Description: "The bundle.", Content: content(asBundle, &huma.Schema{Type: huma.TypeString, Format: "binary"})},
			"default": refusals(problem),
		},
	}
}

func describeExamination(problem *huma.Schema) *huma.Operation {
	return &huma.Operation{
		OperationID: "examinations.bundle", Method: http.MethodPost, Path: examinationPath, Tags: []string{"examinations"},
		Summary:    "Export an engagement as a bundle of both sides' logs, in which tickmark-verify checks the order of events offline.",
		Extensions: map[string]any{"x-right": string(auth.AuditReview)},
		Parameters: []*huma.Param{{Name: "id", In: "path", Required: true, Description: "The engagement's id.", Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses: map[string]*huma.Response{
			"200":     {Description: "The bundle.", Content: content(asBundle, &huma.Schema{Type: huma.TypeString, Format: "binary"})},
			"default": refusals(problem),
		},
	}
}

func isNone(t reflect.Type) bool { return t == reflect.TypeFor[op.None]() }

// schemaName names a type by its package and itself: EvidenceRecord. The
// package is left out where the type is what the package is about, as in
// controls.Control, and a page is named for its items.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	if item, ok := op.PageItem(t); ok {
		return schemaName(item, hint) + "Page"
	}
	if t.Name() == "" {
		return hint
	}
	_, pkg, _ := cutLast(t.PkgPath(), "/")
	if pkg == "" || pkg == "api" || strings.HasPrefix(pkg, strings.ToLower(t.Name())) {
		return t.Name()
	}
	return strings.ToUpper(pkg[:1]) + pkg[1:] + t.Name()
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}
