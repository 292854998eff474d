package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tickmark/tickmark/internal/fault"
)

// input makes the operation's JSON from the path, the query and the body.
// Whether it is acceptable is for the operation to say; only what has another
// form here than in JSON is judged here.
func (e *endpoint) input(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	tree := map[string]any{}
	if e.route.InQuery() {
		var err error
		if tree, err = e.query(r.URL.RawQuery); err != nil {
			return nil, err
		}
	} else {
		raw, err := body(w, r, e.limit, readTime)
		if err != nil {
			return nil, err
		}
		if err := jsonOnly(r, raw); err != nil {
			return nil, err
		}
		if r.PathValue("id") == "" {
			return raw, nil
		}
		if tree, err = object(raw); err != nil {
			return nil, err
		}
		if _, twice := tree["id"]; twice {
			return nil, fault.Invalid("id", "stands in the path; leave it out of the body")
		}
	}
	if text := r.PathValue("id"); text != "" {
		v, err := parse(e.schema.Properties["id"], "id", text)
		if err != nil {
			return nil, err
		}
		tree["id"] = v
	}
	return json.Marshal(tree)
}

// body reads a whole request body.
func body(w http.ResponseWriter, r *http.Request, limit int64, d time.Duration) ([]byte, error) {
	defer patience(w, d)()
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, fault.Invalid("", "the body was cut short").With(err)
	}
	return raw, nil
}

func jsonOnly(r *http.Request, raw []byte) error {
	ct := r.Header.Get("Content-Type")
	if ct == "" || len(raw) == 0 {
		return nil
	}
	if t, _, err := mime.ParseMediaType(ct); err != nil || t != "application/json" && !strings.HasSuffix(t, "+json") {
		return &refusal{status: http.StatusUnsupportedMediaType, kind: "media-type", detail: "The body must be application/json."}
	}
	return nil
}

// object decodes a JSON object without touching its values.
func object(raw []byte) (map[string]any, error) {
	if len(raw) == 0 {
		return map[string]any{}, nil
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil || parts == nil {
		return nil, fault.Invalid("", "want a JSON object")
	}
	tree := make(map[string]any, len(parts)+1)
	for k, v := range parts {
		tree[k] = v
	}
	return tree, nil
}

// query turns parameters into the types of the input. A name that is no field
// stays text, for the operation to refuse.
func (e *endpoint) query(raw string) (map[string]any, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fault.Invalid("", "the query cannot be read: escape & = %% and + in values").With(err)
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	tree := map[string]any{}
	var faults []*fault.Error
	for _, name := range names {
		v, err := e.param(name, values[name])
		if err != nil {
			faults = append(faults, err)
		}
		tree[name] = v
	}
	if len(faults) == 0 {
		return tree, nil
	}
	first := *faults[0]
	first.More = faults[1:]
	return nil, &first
}

func (e *endpoint) param(name string, texts []string) (any, *fault.Error) {
	s := e.schema.Properties[name]
	if name == "id" && e.route.Addressed() {
		return nil, fault.Invalid("id", "stands in the path; leave it out of the query")
	}
	if s != nil && s.Type == huma.TypeArray {
		list := make([]any, len(texts))
		for i, t := range texts {
			v, err := parse(s.Items, name, t)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	}
	if len(texts) > 1 {
		return nil, fault.Invalid(name, "is given %d times; give it once", len(texts))
	}
	return parse(s, name, texts[0])
}

// parse reads one value of a path or a query. An empty number, switch or time
// is one that was left out.
func parse(s *huma.Schema, name, text string) (any, *fault.Error) {
	if s == nil {
		return text, nil
	}
	switch {
	case s.Type == huma.TypeString && s.Format != "date-time":
		return text, nil
	case text == "":
		return nil, nil
	case s.Type == huma.TypeInteger:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fault.Invalid(name, "want a whole number such as 50")
		}
		return n, nil
	case s.Type == huma.TypeBoolean:
		switch text {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		}
		return nil, fault.Invalid(name, "want true or false")
	}
	// A day is its first instant.
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.UTC(), nil
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		return nil, fault.Invalid(name, "want a time such as 2026-12-31T09:00:00Z or a day such as 2026-12-31")
	}
	return text, nil
}
