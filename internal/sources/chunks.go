package sources

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
)

// A run commits to its resources in chunks. Which chunk a resource falls into
// depends on its key alone, so that a change touches one chunk and the others
// have the bytes they had yesterday, stored once.
const (
	chunkAim   = 1000     // resources a chunk aims at
	chunkBytes = 4 << 20  // bytes a chunk aims to stay below
	maxChunk   = 64 << 20 // bytes of a chunk that is read or written
)

// timeForm has three decimals always, so that an instant has one spelling.
const timeForm = "2006-01-02T15:04:05.000Z"

// A Chunk holds resources of one kind as JSON lines, by key.
type Chunk struct {
	Count  int
	Data   []byte
	SHA256 [sha256.Size]byte
}

// CutChunks writes resources of one kind, as an Intake gives them, into chunks.
// Equal resources give equal chunks, in whatever order they come. No resource,
// no chunk.
func CutChunks(resources []Resource) ([]Chunk, error) {
	var (
		chunks []Chunk
		all    sorter
		total  int64
	)
	defer all.close()
	for _, r := range resources {
		if r.Kind != resources[0].Kind {
			return nil, fmt.Errorf("chunks of %s and %s together", resources[0].Kind, r.Kind)
		}
		data, err := appendRecord(nil, r)
		if err != nil {
			return nil, err
		}
		total += int64(len(data))
		if err := all.add(entry{placeOf(r.Key), r.Key, data}); err != nil {
			return nil, err
		}
	}
	if len(resources) == 0 {
		return nil, nil
	}
	cut := newCutter(resources[0].Kind, int64(len(resources)), total, func(c Chunk) error {
		chunks = append(chunks, c)
		return nil
	})
	in, err := all.read()
	if err != nil {
		return nil, err
	}
	for {
		e, more, err := in.next()
		if err != nil {
			return nil, err
		}
		if !more {
			err := cut.flush()
			return chunks, err
		}
		if err := cut.add(e, e.data); err != nil {
			return nil, err
		}
	}
}

// cutWidth is how many leading bits of the hash name a chunk, so that n falls
// to aim or below. Powers of two keep the cut where it was while n wanders.
func cutWidth(n, aim int) int {
	width := 0
	for n>>width > aim {
		width++
	}
	return width
}

// appendRecord writes {"absent":{},"attrs":{},"key":"","kind":""} and a line
// feed: keys ascending, no spaces, strings as RFC 8785 writes them.
func appendRecord(b []byte, r Resource) ([]byte, error) {
	b = append(b, `{"absent":`...)
	b = appendMap(b, r.Absent)
	b = append(b, `,"attrs":{`...)
	for i, name := range slices.Sorted(maps.Keys(r.Attrs)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
		b = append(b, ':')
		switch v := r.Attrs[name].(type) {
		case string:
			b = appendString(b, v)
		case bool:
			b = strconv.AppendBool(b, v)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case time.Time:
			b = appendString(b, clock.Truncate(v).Format(timeForm))
		case []string:
			b = appendList(b, v)
		case map[string]string:
			b = appendMap(b, v)
		default:
			return nil, fmt.Errorf("%s %q: field %s holds %T, which no intake lets through", r.Kind, r.Key, name, v)
		}
	}
	b = append(b, `},"key":`...)
	b = appendString(b, r.Key)
	b = append(b, `,"kind":`...)
	b = appendString(b, r.Kind)
	return append(b, '}', '\n'), nil
}

func appendList(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func appendMap(b []byte, m map[string]string) []byte {
	b = append(b, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
		b = append(b, ':')
		b = appendString(b, m[k])
	}
	return append(b, '}')
}

// appendString is ours because encoding/json has changed its escapes before,
// and these bytes are hashed and kept for years.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= 0x20:
			b = append(b, c)
		case c == '\b':
			b = append(b, '\\', 'b')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\f':
			b = append(b, '\\', 'f')
		case c == '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(b, '"')
}

// DecodeChunk reads a chunk of resources of the schema's kind back. It accepts
// only the bytes CutChunks would write.
func DecodeChunk(data []byte, schema Schema) ([]Resource, error) {
	if len(data) > maxChunk {
		return nil, fault.Invalid("", "the chunk has %d bytes: at most %d are read", len(data), maxChunk)
	}
	var found []Resource
	for n := 1; len(data) > 0; n++ {
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			return nil, fault.Invalid("", "line %d of the chunk is cut off", n)
		}
		r, err := decodeRecord(data[:end], schema)
		if err != nil {
			return nil, fault.Invalid("", "line %d of the chunk: %v", n, err)
		}
		if len(found) > 0 && found[len(found)-1].Key >= r.Key {
			return nil, fault.Invalid("", "line %d of the chunk: key %q is not above the one before", n, r.Key)
		}
		found = append(found, r)
		data = data[end:]
	}
	return found, nil
}

func decodeRecord(text []byte, schema Schema) (Resource, error) {
	var record struct {
		Absent map[string]string          `json:"absent"`
		Attrs  map[string]json.RawMessage `json:"attrs"`
		Key    string                     `json:"key"`
		Kind   string                     `json:"kind"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&record); err != nil {
		return Resource{}, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Resource{}, fmt.Errorf("more than one value")
	}
	if record.Kind != schema.Kind {
		return Resource{}, fmt.Errorf("kind is %q, not %q", record.Kind, schema.Kind)
	}
	r := Resource{Kind: record.Kind, Key: record.Key, Absent: record.Absent, Attrs: make(map[string]any, len(record.Attrs))}
	for name, raw := range record.Attrs {
		field, known := schema.Fields[name]
		if !known {
			return Resource{}, unknownField(schema, name)
		}
		value, err := decodeValue(field.Type, raw)
		if err != nil {
			return Resource{}, fmt.Errorf("field %s: %w", name, err)
		}
		r.Attrs[name] = value
	}
	r, err := normalise(schema, r)
	if err != nil {
		return Resource{}, err
	}
	// Duplicate and folded names, other spellings of a number or a string,
	// spaces: writing it again finds them all.
	again, err := appendRecord(nil, r)
	if err != nil {
		return Resource{}, err
	}
	if !bytes.Equal(again, text) {
		return Resource{}, fmt.Errorf("it is not in canonical form")
	}
	return r, nil
}

func decodeValue(kind string, raw json.RawMessage) (any, error) {
	switch kind {
	case TypeString:
		return decodeAs[string](raw)
	case TypeBool:
		return decodeAs[bool](raw)
	case TypeInt:
		return decodeAs[int64](raw)
	case TypeList:
		return decodeAs[[]string](raw)
	case TypeMap:
		return decodeAs[map[string]string](raw)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, err
	}
	return time.Parse(timeForm, text)
}

func decodeAs[T any](raw json.RawMessage) (any, error) {
	var value T
	err := json.Unmarshal(raw, &value)
	return value, err
}
