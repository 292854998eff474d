package page

import (
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/site"
)

// reasonOf is what a check says of one resource. The message of a failure
// often begins with a name, which keeps its own spelling; the reason of an
// unknown is ours and begins like a sentence.
func reasonOf(s checks.Status, text string) string {
	if s == checks.Fail || s == checks.Excepted {
		return text
	}
	return site.Capital(text)
}

func sortChips(list []site.Chip) {
	slices.SortFunc(list, func(a, b site.Chip) int { return strings.Compare(a.Text, b.Text) })
}

// sentenceOf begins a sentence with what a check says. Where it fails that may
// be the message about the only thing there is, and begin with its name; a
// summary of the author's own begins as the author has written it.
func sentenceOf(s checks.Status, text string) string { return reasonOf(s, text) }
