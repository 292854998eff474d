package populations

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
)

// maxHeld bounds the records of a run that are held while its list is written.
const maxHeld = 512 << 20

// maxResource is the largest resource that becomes an item, in bytes.
const maxResource = 512 << 10

// filter is a rule over resources, or one that lets all through.
type filter struct {
	rule *checks.Compiled
	asof time.Time
}

// newFilter compiles the expression that says which resources are items.
func newFilter(expression string, schema sources.Schema, asof time.Time) (filter, error) {
	if strings.TrimSpace(expression) == "" {
		return filter{}, nil
	}
	rule, err := checks.Compile(checks.Definition{ID: "population", Kind: schema.Kind, Schema: schema.Version, Pass: expression, Message: `"left out"`}, schema)
	if err != nil {
		message := err.Error()
		if f := fault.As(err); f != nil {
			message = f.Message
		}
		return filter{}, fault.Invalid("where", "%s", message)
	}
	return filter{rule, asof}, nil
}

// fit says whether a resource is an item; why, when it cannot be told.
func (f filter) fit(r sources.Resource) (fits bool, why string) {
	if f.rule == nil {
		return true, ""
	}
	o := f.rule.Evaluate(r, checks.Params{}, f.asof)
	switch o.Status {
	case checks.Pass:
		return true, ""
	case checks.Unknown:
		return false, o.Reason
	}
	return false, ""
}

// checkReading refuses fields that the kind does not have, or not as what is
// wanted of them.
func checkReading(how reading, schema sources.Schema) error {
	of := func(field, name string, types ...string) error {
		if name == "" {
			return nil
		}
		var fit []string
		for _, n := range schema.FieldNames() {
			if slices.Contains(types, schema.Fields[n].Type) {
				fit = append(fit, n)
			}
		}
		if !slices.Contains(fit, name) {
			return fault.Invalid(field, "%s has no such field; give one of %s", schema.Kind, strings.Join(fit, ", "))
		}
		return nil
	}
	if err := of("key", how.key, sources.TypeString, sources.TypeInt); err != nil {
		return err
	}
	if err := of("time", how.time, sources.TypeTimestamp); err != nil {
		return err
	}
	return of("label", how.label, sources.TypeString)
}

// fromRun reads what a run sealed of one kind. A resource whose filter cannot
// be answered is a fault: left out in silence, the list would not be whole.
func fromRun(ctx context.Context, desk *op.Desk, address string, schema sources.Schema, how reading, which filter, w window) (*stock, error) {
	s := &stock{window: w}
	text, err := desk.Vault.Get(ctx, desk.Org, address)
	if err != nil {
		return nil, err
	}
	list, err := canon.ParseChunks(text)
	if err != nil {
		return nil, err
	}
	h := hoard{how: how}
	for _, piece := range list {
		at, err := desk.Vault.AddressOf(ctx, desk.Org, piece.SHA256)
		if err != nil {
			return nil, err
		}
		data, err := desk.Vault.Get(ctx, desk.Org, at)
		if err != nil {
			return nil, err
		}
		resources, err := sources.DecodeChunk(data, schema)
		if err != nil {
			return nil, err
		}
		i := 0
		for line := range bytes.Lines(data) {
			h.take(s, resources[i], line, which)
			i++
		}
		if h.size > maxHeld || len(s.items) > maxRows {
			s.faults.add("size", true, "", fmt.Sprintf("The run has more than %d rows or %d MiB that fit, the most that one list holds. Narrow the filter or split the population.", maxRows, maxHeld>>20))
			break
		}
	}
	s.record = h.record
	return s, nil
}

// A hoard keeps the bytes of the resources that became items.
type hoard struct {
	how   reading
	kept  []held
	size  int
	bytes []byte // of lines, block by block
}

type held struct {
	attrs, absent []byte
	kind, label   string
}

func (h *hoard) take(s *stock, r sources.Resource, line []byte, which filter) {
	fits, why := which.fit(r)
	if why != "" {
		s.faults.add("filter", true, clip(r.Key)+": "+clip(why), "Rows of which it cannot be told whether they belong to the list, because the filter has no answer. Have the source report the field, or write the filter without it.")
		return
	}
	if !fits {
		return
	}
	key := r.Key
	if h.how.key != "" {
		switch v := r.Attrs[h.how.key].(type) {
		case string:
			key = v
		case int64:
			key = fmt.Sprint(v)
		default:
			key = ""
		}
	}
	at := int64(never)
	if h.how.time != "" {
		if t, ok := r.Attrs[h.how.time].(time.Time); ok {
			at = t.UnixMilli()
		} else {
			s.faults.add("time", true, clip(r.Key), "Rows whose "+h.how.time+" the source did not report. Choose another time.")
		}
	}
	var parts struct {
		Absent json.RawMessage `json:"absent"`
		Attrs  json.RawMessage `json:"attrs"`
	}
	if err := json.Unmarshal(line, &parts); err != nil {
		s.faults.add("format", true, clip(r.Key), "Rows that cannot be read back.")
		return
	}
	if len(line) > maxResource {
		s.faults.add("size", true, clip(r.Key), fmt.Sprintf("Rows of more than %d KiB, the most that one may have.", maxResource>>10))
		return
	}
	x := held{attrs: h.keep(parts.Attrs), kind: r.Kind}
	if !bytes.Equal(parts.Absent, []byte("{}")) {
		x.absent = h.keep(parts.Absent)
	}
	if label, ok := r.Attrs[h.how.label].(string); ok {
		x.label = strings.TrimSpace(label)
	}
	h.kept = append(h.kept, x)
	s.take(key, at, len(h.kept)-1, 0)
}

// keep copies bytes into blocks, so that a million records are not a million
// allocations.
func (h *hoard) keep(b []byte) []byte {
	h.size += len(b)
	if cap(h.bytes)-len(h.bytes) < len(b) {
		h.bytes = make([]byte, 0, max(1<<20, len(b)))
	}
	start := len(h.bytes)
	h.bytes = append(h.bytes, b...)
	return h.bytes[start:len(h.bytes):len(h.bytes)]
}

func (h *hoard) record(e *envelope, i item) error {
	x := h.kept[i.ref]
	e.Fields, e.Absent, e.Kind, e.Label = x.attrs, x.absent, x.kind, x.label
	return nil
}
