package site

import (
	_ "embed"
	"strings"
	"sync"
)

// glossaryText is GLOSSARY.md; a test compares the two.
//
//go:embed glossary.md
var glossaryText string

// A Word is a line of the glossary.
type Word struct {
	Word, Means, Avoid string
	Key                string // of its place on the page of all words
}

// Glossary are all words of the product, in order.
var Glossary = sync.OnceValue(func() []Word { return readGlossary(glossaryText) })

// readGlossary takes the rows of the table of three columns.
func readGlossary(text string) []Word {
	var out []Word
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], "---") {
			continue
		}
		w := Word{Word: strings.TrimSpace(cells[1]), Means: strings.TrimSpace(cells[2]), Avoid: strings.TrimSpace(cells[3])}
		if w.Word == "Word" {
			continue
		}
		w.Word, w.Means = unmarked(w.Word), unmarked(w.Means)
		w.Key = wordKey(w.Word)
		out = append(out, w)
	}
	// Of words that are told apart by what stands in brackets, the one without
	// has the short key, or else the first.
	short := map[string]int{}
	for i, w := range out {
		if at, taken := short[w.Key]; !taken || strings.Contains(out[at].Word, " (") && !strings.Contains(w.Word, " (") {
			short[w.Key] = i
		}
	}
	for i, w := range out {
		if short[w.Key] != i {
			out[i].Key = strings.NewReplacer(" (", "-", ")", "", " ", "-").Replace(strings.ToLower(w.Word))
		}
	}
	return out
}

// unmarked is text without the marks of Markdown that the glossary uses.
func unmarked(s string) string { return strings.NewReplacer("*", "", "`", "").Replace(s) }

// wordKey is a word as an address has it: "criterion" of "criterion, criteria"
// and "proof" of "proof (of an entry)".
func wordKey(word string) string {
	word, _, _ = strings.Cut(word, ",")
	word, _, _ = strings.Cut(word, " (")
	return strings.ReplaceAll(strings.ToLower(word), " ", "-")
}

// lookUp finds a word of the glossary by its key or by how it begins.
func lookUp(word string) (Word, bool) {
	key := wordKey(word)
	for _, w := range Glossary() {
		if w.Key == key {
			return w, true
		}
	}
	return Word{}, false
}

// termOf is the word for a template. One that the glossary does not have
// panics: words are literals in pages, whose tests render them.
func termOf(word string) Word {
	w, ok := lookUp(word)
	if !ok {
		panic("site: GLOSSARY.md does not say what " + word + " means")
	}
	return w
}

// TermsPath is the page of all words.
const TermsPath = "/help/terms"
