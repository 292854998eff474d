package app_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/site"
)

// TestEveryActHasItsWords: what the log and the timelines say of an act is said
// as people say it, not as operations are named.
func TestEveryActHasItsWords(t *testing.T) {
	n := 0
	for _, o := range app.Operations() {
		if !o.Writes() {
			continue
		}
		n++
		if site.Acted(o.Name()) == "" {
			t.Errorf("%s leaves entries that nobody can read: give it words in internal/site/acted.go", o.Name())
		}
	}
	if n < 100 {
		t.Errorf("%d operations write, which is too few to be all", n)
	}
}
