package db

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Patterns are what LIKE is given, with ESCAPE '!', to find a text whichever
// case it is stored in: as typed, in small letters, in capitals and with a
// capital first. The databases do not agree on what LIKE folds, and an index
// is of what is stored.
func Patterns(text string) [4]string {
	text = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.TrimSpace(text))
	lower := strings.ToLower(text)
	first, n := utf8.DecodeRuneInString(lower)
	capital := lower
	if n > 0 {
		capital = string(unicode.ToUpper(first)) + lower[n:]
	}
	out := [4]string{text, lower, strings.ToUpper(text), capital}
	for i := range out {
		out[i] = "%" + out[i] + "%"
	}
	return out
}
