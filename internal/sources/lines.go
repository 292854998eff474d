package sources

import (
	"encoding/json"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// Lines is a setting with several values: as people type it, one to a line, or
// as a program writes it, a list. Space around a value and empty lines say
// nothing, nor does what follows a # that begins a line.
type Lines []string

// UnmarshalJSON reads a text or a list of texts.
func (l *Lines) UnmarshalJSON(data []byte) error {
	var text string
	var list []string
	if err := json.Unmarshal(data, &text); err == nil {
		list = strings.Split(text, "\n")
	} else if err := json.Unmarshal(data, &list); err != nil {
		return fault.Invalid("", "one value to a line is accepted, or a list of texts")
	}
	*l = nil
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" && !strings.HasPrefix(s, "#") {
			*l = append(*l, s)
		}
	}
	return nil
}
