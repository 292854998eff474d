package scrub

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/ledger"
)

// An Entry is one entry of a log with what it hides.
type Entry struct {
	Index      int64
	Kind       canon.Kind
	Recorded   time.Time
	Op         string
	ID         string
	Body       map[string]any
	Actor      Actor
	SHA256     string // of its content
	Size       int64
	Items      *canon.Items
	Supersedes []int64

	// sealed is false where the openings are gone or changed, so that nothing can
	// be compared with them.
	sealed bool
	text   string // actor and body as they were written
}

// Actor is who an entry says has acted.
type Actor struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Via  string `json:"via"`
}

// Step is what the entry calls its part of an operation.
func (e *Entry) Step() string { s, _ := e.Body["step"].(string); return s }

// List returns a list of objects that the body holds.
func (e *Entry) List(field string) []map[string]any {
	list, _ := e.Body[field].([]any)
	out := make([]map[string]any, 0, len(list))
	for _, v := range list {
		m, _ := v.(map[string]any)
		out = append(out, m)
	}
	return out
}

// open reads an entry. One whose openings are not whole is not sealed.
func open(o ledger.Opened) *Entry {
	e := &Entry{Index: o.Index, Kind: o.Parsed.Kind, Recorded: o.Parsed.Recorded, Items: o.Parsed.Items, Supersedes: o.Parsed.Supersedes, sealed: o.Whole}
	for _, p := range o.Openings {
		e.take(p)
	}
	e.sealed = e.sealed && len(o.Openings) == len(o.Parsed.Commit)
	return e
}

// take adds what one opening says.
func (e *Entry) take(o ledger.Opening) {
	var err error
	switch o.Label {
	case canon.LabelBody:
		d := json.NewDecoder(strings.NewReader(o.Payload))
		d.UseNumber()
		err = d.Decode(&e.Body)
		e.Op, _ = e.Body["op"].(string)
		e.ID, _ = e.Body["id"].(string)
		e.text += o.Payload
	case canon.LabelActor:
		err = json.Unmarshal([]byte(o.Payload), &e.Actor)
		e.text += o.Payload
	case canon.LabelContent:
		e.SHA256, e.Size, err = canon.ParseContent(o.Payload)
	}
	e.sealed = e.sealed && err == nil
}

// canonical is one spelling of a value, empty for what the log leaves out.
func canonical(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree any
	if d.Decode(&tree) != nil {
		return "?"
	}
	b, err := canon.JSON(bare(tree))
	switch s := string(b); {
	case err != nil:
		return string(raw)
	case s == `""`, s == "[]", s == "{}", s == "false":
		return ""
	default:
		return s
	}
}

// bare leaves out what is null, as the log does.
func bare(v any) any {
	switch v := v.(type) {
	case nil:
		return ""
	case map[string]any:
		for k, e := range v {
			if e == nil {
				delete(v, k)
			} else {
				v[k] = bare(e)
			}
		}
	case []any:
		for i := range v {
			v[i] = bare(v[i])
		}
	}
	return v
}
