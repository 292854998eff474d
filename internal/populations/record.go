package populations

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// An envelope is the record of an item as it is sealed: canonical JSON of what
// the source gave and of what was read from it.
type envelope struct {
	Absent   json.RawMessage `json:"absent,omitempty"`
	At       string          `json:"at,omitempty"`
	Due      string          `json:"due,omitempty"`
	Early    bool            `json:"early,omitempty"`
	Evidence string          `json:"evidence,omitempty"`
	Fields   json.RawMessage `json:"fields"`
	Key      string          `json:"key,omitempty"`
	Kind     string          `json:"kind,omitempty"`
	Label    string          `json:"label,omitempty"`
	Late     bool            `json:"late,omitempty"`
	Line     int64           `json:"line,omitempty"`
	// Missed is an occurrence that was not performed in its time.
	Missed bool `json:"missed,omitempty"`
}

// append writes the envelope. The fields stand in the order of their names, and
// what is empty is left out.
func (e envelope) append(b []byte) []byte {
	b = append(b, '{')
	text := func(name, value string) {
		if value != "" {
			b = appendText(append(appendText(next(b), name), ':'), value)
		}
	}
	raw := func(name string, value []byte) {
		if len(value) > 0 {
			b = append(append(appendText(next(b), name), ':'), value...)
		}
	}
	flag := func(name string, value bool) {
		if value {
			b = append(appendText(next(b), name), ":true"...)
		}
	}
	raw("absent", e.Absent)
	text("at", e.At)
	text("due", e.Due)
	flag("early", e.Early)
	text("evidence", e.Evidence)
	raw("fields", e.Fields)
	text("key", e.Key)
	text("kind", e.Kind)
	text("label", e.Label)
	flag("late", e.Late)
	if e.Line > 0 {
		b = strconv.AppendInt(append(appendText(next(b), "line"), ':'), e.Line, 10)
	}
	flag("missed", e.Missed)
	return append(b, '}')
}

// next puts a comma where one is due.
func next(b []byte) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return b
}

// appendText writes a string as docs/ledger.md says. The bytes are sealed, so
// they are written here and not left to a library.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c >= 0x20:
			b = utf8.AppendRune(b, c)
		default:
			b = appendControl(b, byte(c))
		}
	}
	return append(b, '"')
}

func appendControl(b []byte, c byte) []byte {
	const hexits = "0123456789abcdef"
	if i := strings.IndexByte("\b\t\n\f\r", c); i >= 0 {
		return append(b, '\\', "btnfr"[i])
	}
	return append(b, '\\', 'u', '0', '0', hexits[c>>4], hexits[c&15])
}

// inOrder sorts names as canonical JSON does: by their UTF-16 code units.
func inOrder(names []string) []int {
	at := make([]int, len(names))
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(a, b int) int {
		return slices.Compare(utf16.Encode([]rune(names[a])), utf16.Encode([]rune(names[b])))
	})
	return at
}

// payload is what an item's commitment binds.
func payload(b []byte, item string, record []byte) []byte {
	b = appendText(append(b, `{"item":`...), item)
	return append(append(append(b, `,"record":`...), record...), '}')
}

// rowOf reads a line of the extraction back: item, salt and record.
func rowOf(line string) (Row, [32]byte, error) {
	item, rest, _ := strings.Cut(line, "\t")
	salt, record, ok := strings.Cut(rest, "\t")
	if !ok {
		return Row{}, [32]byte{}, fmt.Errorf("row %q is not an item, a salt and a record", item)
	}
	r, err := canon.ParseDigest(salt)
	if err != nil {
		return Row{}, r, fmt.Errorf("row %q: its salt: %w", item, err)
	}
	var e envelope
	if err := json.Unmarshal([]byte(record), &e); err != nil {
		return Row{}, r, fmt.Errorf("row %q: %w", item, err)
	}
	commitment := canon.Commit(r, canon.LabelItem, string(payload(nil, item, []byte(record))))
	out := Row{Item: item, Label: e.Label, Key: e.Key, Kind: e.Kind, Line: e.Line, Performed: !e.Missed, Late: e.Late, Early: e.Early,
		Evidence: e.Evidence, Commitment: hex.EncodeToString(commitment[:]), Record: e.Fields}
	at := e.At
	if at == "" {
		at = e.Due
	}
	if at != "" {
		if out.At, err = canon.ParseTime(at); err != nil {
			return Row{}, r, fmt.Errorf("row %q: %w", item, err)
		}
	}
	return out, r, nil
}

// Field is a field of the record as text; false if it has none of that name.
func (r Row) Field(name string) (string, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(r.Record, &fields) != nil {
		return "", false
	}
	raw, ok := fields[name]
	if !ok {
		return "", false
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	return string(raw), true
}

// Resource is the row as the resource of a source, for rules over its kind.
func (r Row) Resource(schema sources.Schema) (sources.Resource, error) {
	if r.Kind == "" || r.Kind != schema.Kind {
		return sources.Resource{}, fault.Invalid("kind", "%s is no %s of a source", r.Item, schema.Kind)
	}
	b := append([]byte(`{"absent":{},"attrs":`), r.Record...)
	key := r.Key
	if key == "" {
		key = r.Item
	}
	b = appendText(append(b, `,"key":`...), key)
	b = append(appendText(append(b, `,"kind":`...), r.Kind), '}', '\n')
	list, err := sources.DecodeChunk(b, schema)
	if err != nil {
		return sources.Resource{}, err
	}
	return list[0], nil
}

// stamp is an instant as records have it.
func stamp(ms int64) string { return canon.FormatTime(time.UnixMilli(ms)) }
