package sources

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

const (
	maxSetting  = 64 << 10 // bytes of one setting
	maxSettings = 256 << 10
)

// said is what was told of a source, apart by whether it opens something.
type said struct {
	open   map[string]json.RawMessage
	secret map[string]string
}

// settle reads the settings of a source of this kind, as a form, a flag or a
// client gave them. kept names the secrets that are sealed already: they may be
// left out. Every fault is reported, each at its setting.
func (k Kind) settle(raw string, kept []string) (said, error) {
	out := said{open: map[string]json.RawMessage{}, secret: map[string]string{}}
	given := map[string]json.RawMessage{}
	if strings.TrimSpace(raw) != "" {
		err := json.Unmarshal([]byte(raw), &given)
		if err == nil && given == nil { // null
			err = errors.New("null is none")
		}
		if err != nil {
			return out, fault.Invalid("settings", "want a JSON object such as %s: %s", k.example(), quiet(err))
		}
	}
	var faults []*fault.Error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		field, known := k.setting(name)
		if !known {
			faults = append(faults, fault.Invalid("settings", "%s has no setting %q; the settings are %s", k.Kind, name, strings.Join(k.names(), ", ")))
			continue
		}
		value, text, err := field.value(given[name])
		switch {
		case err != nil:
			faults = append(faults, fault.As(err))
		case value == nil: // empty is the same as left out
		case field.Secret:
			out.secret[name] = text
		default:
			out.open[name] = value
		}
	}
	for _, f := range k.Asks {
		_, open := out.open[f.Name]
		_, secret := out.secret[f.Name]
		if f.Required && !open && !secret && !(f.Secret && slices.Contains(kept, f.Name)) {
			faults = append(faults, fault.Invalid(f.Name, "%s", strings.TrimSpace("is needed. "+f.Help)))
		}
	}
	if len(faults) == 0 {
		return out, nil
	}
	first := *faults[0]
	first.More = faults[1:]
	return out, &first
}

// quiet keeps what was typed out of a message: it may hold a secret.
func quiet(err error) string {
	var at *json.SyntaxError
	if errors.As(err, &at) {
		return "what was given is not JSON"
	}
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return "what was given is a JSON " + typ.Value
	}
	return err.Error()
}

func (k Kind) setting(name string) (Setting, bool) {
	i := slices.IndexFunc(k.Asks, func(f Setting) bool { return f.Name == name })
	if i < 0 {
		return Setting{}, false
	}
	return k.Asks[i], true
}

func (k Kind) names() []string {
	out := []string{}
	for _, f := range k.Asks {
		out = append(out, f.Name)
	}
	return out
}

// example is settings as they could be typed.
func (k Kind) example() string {
	for _, f := range k.Asks {
		if !f.Secret {
			return `{"` + f.Name + `": "…"}`
		}
	}
	return "{}"
}

// value is what is kept of what was given: a text, or a list of texts as one
// text with a line for each. A list of objects is kept as it is, for the
// collector to judge. Nil says nothing.
func (f Setting) value(raw json.RawMessage) (json.RawMessage, string, error) {
	var given any
	if err := json.Unmarshal(raw, &given); err != nil {
		return nil, "", fault.Invalid(f.Name, "want text")
	}
	text := ""
	switch v := given.(type) {
	case nil:
	case string:
		text = v
	case bool, float64:
		text = string(raw)
	case []any:
		var lines []string
		for _, e := range v {
			line, is := e.(string)
			if _, object := e.(map[string]any); object && f.List && !f.Secret {
				return raw, "", nil
			}
			if !is || !f.List || strings.ContainsAny(line, "\r\n") {
				return nil, "", fault.Invalid(f.Name, "want %s", f.shape())
			}
			lines = append(lines, line)
		}
		text = strings.Join(lines, "\n")
	default:
		return nil, "", fault.Invalid(f.Name, "want %s", f.shape())
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if !f.Secret || !strings.Contains(text, "\n") { // a private key ends with its line
		text = strings.TrimSpace(text)
	}
	switch {
	case strings.TrimSpace(text) == "":
		return nil, "", nil
	case len(text) > maxSetting:
		return nil, "", fault.Invalid(f.Name, "has %d bytes; at most %d are accepted", len(text), maxSetting)
	case strings.ContainsRune(text, 0):
		return nil, "", fault.Invalid(f.Name, "want text without a NUL character")
	case len(f.Choices) > 0 && !slices.Contains(f.Choices, text):
		return nil, "", fault.Invalid(f.Name, "give one of %s", strings.Join(f.Choices, ", "))
	}
	b, err := json.Marshal(text)
	return b, text, err
}

func (f Setting) shape() string {
	if f.List {
		return "a list of texts, or one text with a line for each"
	}
	return "text"
}

// merge is the one object that a collector gets.
func merge(open json.RawMessage, secret map[string]string) (json.RawMessage, error) {
	all := map[string]any{}
	if len(open) > 0 {
		if err := json.Unmarshal(open, &all); err != nil {
			return nil, err
		}
	}
	for name, text := range secret {
		all[name] = text
	}
	return json.Marshal(all)
}

// hush takes secrets out of a text that somebody else wrote: an error may
// repeat the address it was given.
func hush(text string, secret map[string]string) string {
	for _, s := range secret {
		if len(s) >= 4 {
			text = strings.ReplaceAll(text, s, "(secret)")
		}
	}
	return text
}
