package site_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/tickmark/tickmark/internal/site"
)

var update = flag.Bool("update", false, "rewrite glossary.md from GLOSSARY.md")

func TestTheGlossaryOfPagesIsTheGlossary(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("..", "..", "GLOSSARY.md"))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("glossary.md", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("glossary.md differs from GLOSSARY.md: run go test ./internal/site -update")
	}
	rows := bytes.Count(want, []byte("\n| ")) - 1 // without the head
	words := site.Glossary()
	if len(words) != rows {
		t.Errorf("%d words are read of %d rows", len(words), rows)
	}
	seen := map[string]bool{}
	for _, w := range words {
		if w.Means == "" || seen[w.Key] {
			t.Errorf("%q means %q, and is there twice: %v", w.Word, w.Means, seen[w.Key])
		}
		seen[w.Key] = true
	}
}

func TestATermOpensItsSentence(t *testing.T) {
	p := render(t, site.Term("criterion", "Criteria"))
	n := p.one("a.tm-term")
	if attr(n, "href") != "/help/terms#criterion" || attr(n, "data-means") != "One of the 61 statements that an opinion is given against." {
		t.Errorf("%v", n.Attr)
	}
	p.says("a.tm-term", "Criteria")
}
