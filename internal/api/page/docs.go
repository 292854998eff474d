// Package page is the page about the API: every operation with its inputs, its
// answer and a command to try, made from the OpenAPI text alone.
package page

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// New returns the page about the operations. It needs no script.
func New(ops []op.Operation) http.Handler {
	var text openapi
	if err := json.Unmarshal(api.Spec(ops), &text); err != nil {
		panic("api/page: the OpenAPI text: " + err.Error()) // api writes it, so it cannot happen
	}
	body := docs(text.view())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shell := site.BareShell{Title: "API", Product: "API", Width: site.BareWide, Prefs: site.ReadPrefs(r),
			Links: []site.Link{{Text: "OpenAPI text", Href: "/api/v1/openapi.json"}, {Text: "Home", Href: "/"}}}
		var page bytes.Buffer
		if err := site.Bare(shell, body).Render(r.Context(), &page); err != nil {
			http.Error(w, "The page could not be made.", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page.Bytes())
	})
}

// openapi is the part of the text that the page shows.
type openapi struct {
	Info       struct{ Description string }
	Tags       []struct{ Name string }
	Paths      map[string]map[string]described
	Components struct{ Schemas map[string]*schema }
}

type described struct {
	OperationID string `json:"operationId"`
	Summary     string
	Tags        []string
	Right       string `json:"x-right"`
	Parameters  []struct {
		Name, In, Description string
		Required              bool
		Schema                *schema
	}
	RequestBody *struct {
		Content map[string]struct{ Schema *schema }
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct{ Schema *schema }
	}
}

type schema struct {
	Type        any
	Format      string
	Encoding    string `json:"contentEncoding"`
	Description string
	Ref         string `json:"$ref"`
	Items       *schema
	Values      any `json:"additionalProperties"`
	Properties  map[string]*schema
	Required    []string
	Enum        []any
	Minimum     *float64
	Maximum     *float64
	MinLength   *int `json:"minLength"`
	MaxLength   *int `json:"maxLength"`
	MinItems    *int `json:"minItems"`
	MaxItems    *int `json:"maxItems"`
}

// view is what the page shows.
type view struct {
	about   []string
	groups  []group
	answers []answer
}

type group struct {
	noun       string
	operations []operation
}

type operation struct {
	id, method, path, summary string
	right                     string
	fields                    []field
	answer                    string // name of a schema, empty for none
	answerHref                string
	example                   string
	terminal                  string
}

type field struct {
	name, place string
	kind        string
	needed      bool
	doc         string
}

type answer struct {
	name   string
	fields []field
}

func (o *openapi) view() view {
	v := view{about: strings.Split(o.Info.Description, "\n\n")}
	for _, t := range o.Tags {
		v.groups = append(v.groups, group{noun: t.Name})
	}
	for path, methods := range o.Paths {
		for method, d := range methods {
			i := slices.IndexFunc(v.groups, func(g group) bool { return len(d.Tags) > 0 && g.noun == d.Tags[0] })
			if i < 0 {
				i = slices.IndexFunc(v.groups, func(g group) bool { return g.noun == "other" })
			}
			if i < 0 {
				v.groups = append(v.groups, group{noun: "other"})
				i = len(v.groups) - 1
			}
			v.groups[i].operations = append(v.groups[i].operations, d.view(strings.ToUpper(method), path))
		}
	}
	for i := range v.groups {
		slices.SortFunc(v.groups[i].operations, func(a, b operation) int {
			return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method))
		})
	}
	for name, s := range o.Components.Schemas {
		v.answers = append(v.answers, answer{name, s.fields("")})
	}
	slices.SortFunc(v.answers, func(a, b answer) int { return cmp.Compare(a.name, b.name) })
	return v
}

func (d described) view(method, path string) operation {
	o := operation{id: d.OperationID, method: method, path: path, summary: d.Summary, right: d.Right}
	noun, verb, _ := strings.Cut(d.OperationID, ".")
	o.terminal = "tickmark " + strings.ReplaceAll(noun+" "+verb, "_", "-")
	var headers []field
	for _, p := range d.Parameters {
		f := field{name: p.Name, place: p.In, kind: p.Schema.kind(), needed: p.Required, doc: p.Description}
		if p.In == "header" {
			headers = append(headers, f)
			continue
		}
		o.fields = append(o.fields, f)
		if p.In == "path" {
			o.terminal += " " + strings.ToUpper(p.Name)
		}
	}
	var body *schema
	var mediaType string
	if d.RequestBody != nil {
		for t, c := range d.RequestBody.Content {
			mediaType, body = t, c.Schema
		}
		o.fields = append(o.fields, body.fields("body")...)
	}
	o.fields = append(o.fields, headers...)
	for status, r := range d.Responses {
		for _, c := range r.Content {
			if status != "default" {
				o.answer, o.answerHref = c.Schema.kind(), c.Schema.href()
			}
		}
	}
	if path == "/api/v1/blobs" || path == "/api/v1/exports/bundle" {
		o.terminal = ""
	}
	o.example = curl(method, path, mediaType, body, d.Right != "")
	return o
}

// curl is a command that calls the operation with what it needs.
func curl(method, path, mediaType string, body *schema, token bool) string {
	var b strings.Builder
	b.WriteString("curl ")
	if method != http.MethodGet && (method != http.MethodPost || body == nil) {
		fmt.Fprintf(&b, "-X %s ", method)
	}
	if token {
		b.WriteString(`-H "Authorization: Bearer $TICKMARK_TOKEN" `)
	}
	switch {
	case body == nil:
	case body.Format == "binary":
		fmt.Fprintf(&b, "-H 'Content-Type: %s' \\\n  --data-binary @FILE ", mediaType)
	default:
		fmt.Fprintf(&b, "-H 'Content-Type: %s' \\\n  -d '%s' ", mediaType, body.example())
	}
	return b.String() + "\\\n  \"$TICKMARK_SERVER" + strings.ReplaceAll(path, "{id}", "ID") + `"`
}

// example is a JSON object of the needed properties, in the order of the table.
func (s *schema) example() string {
	var parts []string
	for _, f := range s.fields("body") {
		if f.needed {
			v, _ := json.Marshal(s.Properties[f.name].sample())
			parts = append(parts, fmt.Sprintf("%q: %s", f.name, v))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (s *schema) sample() any {
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.is("array"):
		return []any{s.Items.sample()}
	case s.is("integer"):
		return 1
	case s.is("boolean"):
		return true
	case s.Format == "date-time":
		return "2026-12-31T09:00:00Z"
	}
	return "…"
}

// is reports whether the schema admits a type of JSON.
func (s *schema) is(t string) bool {
	list, _ := s.Type.([]any)
	return s.Type == t || slices.Contains(list, any(t))
}

// fields lists the properties, needed ones first.
func (s *schema) fields(place string) []field {
	var out []field
	for name, p := range s.Properties {
		out = append(out, field{name: name, place: place, kind: p.kind(), needed: slices.Contains(s.Required, name), doc: p.Description})
	}
	slices.SortFunc(out, func(a, b field) int {
		if a.needed != b.needed {
			if a.needed {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.name, b.name)
	})
	return out
}

// kind says in words what a value is.
func (s *schema) kind() string {
	switch {
	case s == nil:
		return "anything"
	case s.Ref != "":
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprint(e)
		}
		return "one of " + strings.Join(words, ", ")
	case s.is("array"):
		return "list of " + s.Items.kind() + between(s.MinItems, s.MaxItems, "items")
	case s.is("integer"):
		return "whole number" + between(s.Minimum, s.Maximum, "")
	case s.is("boolean"):
		return "true or false"
	case s.is("object"):
		return "object"
	case s.Format == "date-time":
		return "time"
	case s.Format == "binary":
		return "bytes"
	case s.Encoding != "":
		return "bytes in base64"
	case s.is("string"):
		return "text" + between(s.MinLength, s.MaxLength, "characters")
	}
	return "anything"
}

// href leads to the schema that the value is made of, or is empty.
func (s *schema) href() string {
	if s == nil || s.Ref == "" {
		return ""
	}
	return "#answer-" + s.kind()
}

func between[N int | float64](least, most *N, unit string) string {
	switch {
	case least != nil && most != nil:
		return strings.TrimRight(fmt.Sprintf(", %v to %v %s", *least, *most, unit), " ")
	case most != nil:
		return strings.TrimRight(fmt.Sprintf(", at most %v %s", *most, unit), " ")
	case least != nil:
		return strings.TrimRight(fmt.Sprintf(", at least %v %s", *least, unit), " ")
	}
	return ""
}

// problem is a kind of refusal, at the fragment its type names.
type problem struct{ kind, status, text string }

var problems = []problem{
	{"invalid", "422", "An input is at fault. errors lists every one, with its place and what would be accepted."},
	{"unauthenticated", "401", "Nobody is signed in, or the token is unknown, expired or revoked."},
	{"denied", "403", "The caller has not got the right. detail names it and who has."},
	{"cross-origin", "403", "A page of another site sent the request with the browser's cookie."},
	{"not-found", "404", "There is no such record, or no such path."},
	{"method", "405", "The path exists and takes other methods; the Allow header lists them."},
	{"conflict", "409", "The record has changed since it was read, or the act was done already. current is the record as it is now."},
	{"too-large", "413", "The body is larger than is accepted."},
	{"media-type", "415", "The body must be JSON."},
	{"too-many", "429", "Too many bad tokens came from one address. Retry-After says how long to wait."},
	{"internal", "500", "Something went wrong in the program. reference finds the cause in its log."},
	{"unavailable", "503", "The database or the storage does not answer. A write with an Idempotency-Key may be repeated as it is."},
}
