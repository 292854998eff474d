package db

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cases are the ways in which a text is usually stored: as typed, in small
// letters, in capitals and with a capital first. A column holds one of them
// where REPLACE(column, ?, ”) <> column: the databases agree on that, as they
// do not on LIKE.
func Cases(text string) [4]string {
	text = strings.TrimSpace(text)
	lower := strings.ToLower(text)
	first, n := utf8.DecodeRuneInString(lower)
	capital := lower
	if n > 0 {
		capital = string(unicode.ToUpper(first)) + lower[n:]
	}
	return [4]string{text, lower, strings.ToUpper(text), capital}
}
