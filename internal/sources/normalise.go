package sources

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
)

// handedOver says, for a field's type, what a collector may give.
var handedOver = map[string]string{
	TypeString:    "string",
	TypeBool:      "bool",
	TypeInt:       "int or int64",
	TypeTimestamp: "time.Time",
	TypeList:      "[]string",
	TypeMap:       "map[string]string",
}

// normalise returns r in the one form in which equal facts are equal bytes. It
// shares no memory with r.
func normalise(schema Schema, r Resource) (Resource, error) {
	clean := Resource{Kind: r.Kind, Key: cleanKey(r.Key), Attrs: make(map[string]any, len(r.Attrs))}
	if clean.Key == "" || len(clean.Key) > maxKey {
		return Resource{}, fault.Invalid("", "a %s has a key of %d bytes: 1 to %d are accepted", r.Kind, len(r.Key), maxKey)
	}
	size := len(clean.Key)
	for name, value := range r.Attrs {
		field, known := schema.Fields[name]
		if !known {
			return Resource{}, unknownField(schema, name)
		}
		value, n, err := normaliseValue(field.Type, value)
		if err != nil {
			return Resource{}, fault.Invalid("", "%s %q: field %s %v", r.Kind, clean.Key, name, err)
		}
		if value == nil {
			continue
		}
		clean.Attrs[name] = value
		size += n
	}
	for name, reason := range r.Absent {
		if _, known := schema.Fields[name]; !known {
			return Resource{}, unknownField(schema, name)
		}
		if _, present := clean.Attrs[name]; present {
			return Resource{}, fault.Invalid("", "%s %q: field %s has a value and a reason to be absent: give one", r.Kind, clean.Key, name)
		}
		reason = clip(cleanText(reason))
		if strings.TrimSpace(reason) == "" {
			return Resource{}, fault.Invalid("", "%s %q: field %s is absent without a reason: say why, or leave it out", r.Kind, clean.Key, name)
		}
		if clean.Absent == nil {
			clean.Absent = make(map[string]string, len(r.Absent))
		}
		clean.Absent[name] = reason
		size += len(reason)
	}
	if size > maxResource {
		return Resource{}, fault.Invalid("", "%s %q has %d bytes: at most %d are accepted", r.Kind, clean.Key, size, maxResource)
	}
	return clean, nil
}

// normaliseValue returns nil for what says nothing, and how many bytes of text
// the value has.
func normaliseValue(kind string, value any) (any, int, error) {
	switch v := value.(type) {
	case nil:
		return nil, 0, nil
	case *string:
		return deref(kind, v)
	case *bool:
		return deref(kind, v)
	case *int:
		return deref(kind, v)
	case *int64:
		return deref(kind, v)
	case *time.Time:
		return deref(kind, v)
	}
	switch v := value.(type) {
	case string:
		if kind == TypeString {
			return normaliseString(v)
		}
	case bool:
		if kind == TypeBool {
			return v, 1, nil
		}
	case int:
		if kind == TypeInt {
			return int64(v), 8, nil
		}
	case int64:
		if kind == TypeInt {
			return v, 8, nil
		}
	case time.Time:
		if kind == TypeTimestamp {
			return normaliseTime(v)
		}
	case []string:
		if kind == TypeList {
			return normaliseList(v)
		}
	case map[string]string:
		if kind == TypeMap {
			return normaliseMap(v)
		}
	}
	return nil, 0, fmt.Errorf("is a %s: %s is accepted, not %T", kind, handedOver[kind], value)
}

func deref[T any](kind string, p *T) (any, int, error) {
	if p == nil {
		return nil, 0, nil
	}
	return normaliseValue(kind, *p)
}

func normaliseString(s string) (any, int, error) {
	s = cleanText(s)
	if len(s) > maxString {
		return nil, 0, fmt.Errorf("has %d bytes: at most %d are accepted", len(s), maxString)
	}
	return s, len(s), nil
}

// normaliseTime keeps to years that RFC 3339 can write.
func normaliseTime(t time.Time) (any, int, error) {
	if t.IsZero() {
		return nil, 0, nil
	}
	t = clock.Truncate(t)
	if t.Year() < 1 || t.Year() > 9999 {
		return nil, 0, fmt.Errorf("is in the year %d: years 1 to 9999 are accepted", t.Year())
	}
	return t, 8, nil
}

func normaliseList(list []string) (any, int, error) {
	if list == nil {
		return nil, 0, nil
	}
	if len(list) > maxElements {
		return nil, 0, fmt.Errorf("has %d elements: at most %d are accepted", len(list), maxElements)
	}
	clean, size := make([]string, len(list)), 0
	for i, s := range list {
		clean[i] = cleanText(s)
		size += len(clean[i])
	}
	return clean, size, nil
}

func normaliseMap(m map[string]string) (any, int, error) {
	if m == nil {
		return nil, 0, nil
	}
	if len(m) > maxElements {
		return nil, 0, fmt.Errorf("has %d elements: at most %d are accepted", len(m), maxElements)
	}
	clean, size := make(map[string]string, len(m)), 0
	for k, v := range m {
		k, v = cleanKey(k), cleanText(v)
		if _, taken := clean[k]; taken {
			return nil, 0, fmt.Errorf("has key %q twice", k)
		}
		clean[k] = v
		size += len(k) + len(v)
	}
	return clean, size, nil
}

// cleanText replaces what a database or a page could not carry.
func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// cleanKey writes such bytes as \xNN instead: two keys that differ in them
// stay two.
func cleanKey(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == 0 || r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
