package site_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	return names
}

func TestTemplatesCarryNoStyleAttributeAndNoScriptBody(t *testing.T) {
	forbidden := regexp.MustCompile(`\sstyle=|<style|<script[^>]*>[^<]|\son[a-z]+=|javascript:|hx-on`)
	for _, name := range glob(t, "*.templ") {
		if m := forbidden.FindString(read(t, name)); m != "" {
			t.Errorf("%s contains %q, which the content security policy refuses", name, m)
		}
	}
}

func TestTheGalleryCarriesNothingInline(t *testing.T) {
	p := gallery(t)
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "style" || n.Data == "script" && n.FirstChild != nil {
			t.Errorf("<%s> with a body", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
}

func TestOnlyTokensHoldColourLiterals(t *testing.T) {
	colour := regexp.MustCompile(`#[0-9A-Fa-f]{3,8}\b|\b(rgba?|hsla?|oklch|oklab)\(`)
	for _, name := range glob(t, "static/css/*.css") {
		if filepath.Base(name) == "tokens.css" {
			continue
		}
		for i, line := range strings.Split(read(t, name), "\n") {
			if m := colour.FindString(line); m != "" {
				t.Errorf("%s:%d: %s belongs into tokens.css", name, i+1, m)
			}
		}
	}
}

func TestStyleSheetsUseOnlyTokensThatExist(t *testing.T) {
	defined := map[string]bool{}
	for _, name := range glob(t, "static/css/*.css") {
		for _, m := range regexp.MustCompile(`(--[a-z0-9-]+)\s*:`).FindAllStringSubmatch(read(t, name), -1) {
			defined[m[1]] = true
		}
	}
	for _, name := range glob(t, "static/css/*.css") {
		for _, m := range regexp.MustCompile(`var\((--[a-z0-9-]+)`).FindAllStringSubmatch(read(t, name), -1) {
			if !defined[m[1]] {
				t.Errorf("%s uses %s, which nothing defines", filepath.Base(name), m[1])
			}
		}
	}
}

func TestNoTextIsSmallerThanTwelvePixels(t *testing.T) {
	// Key caps, initials in a disc or a mark are the exceptions.
	exempt := map[string]bool{"kbd": true, ".tm-disc": true, ".tm-disc-small": true, ".tm-org-mark": true}
	rule := regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)
	size := regexp.MustCompile(`(?:font-size: |font: \d+ )(\d+(?:\.\d+)?)px`)
	for _, name := range glob(t, "static/css/*.css") {
		for _, r := range rule.FindAllStringSubmatch(read(t, name), -1) {
			selector := strings.TrimSpace(r[1])
			for _, m := range size.FindAllStringSubmatch(r[2], -1) {
				if px, err := strconv.ParseFloat(m[1], 64); err != nil || px < 12 && !exempt[selector] {
					t.Errorf("%s: %s sets %s px, under the floor of 12", filepath.Base(name), selector, m[1])
				}
			}
		}
	}
}

func TestEveryGlyphAndIconIsInTheSprite(t *testing.T) {
	sprite := read(t, "static/img/sprite.svg")
	seen := map[string]bool{}
	for _, use := range gallery(t).all("use") {
		_, id, _ := strings.Cut(attr(use, "href"), "#")
		seen[id] = true
		if !strings.Contains(sprite, `<symbol id="`+id+`"`) {
			t.Errorf("the sprite has no symbol %q", id)
		}
	}
	if len(seen) < 60 {
		t.Errorf("the gallery shows %d symbols, want all", len(seen))
	}
	for _, m := range regexp.MustCompile(`Icon = "([a-z-]+)"`).FindAllStringSubmatch(read(t, "icon.go"), -1) {
		if !seen["i-"+m[1]] {
			t.Errorf("the gallery does not show icon %q", m[1])
		}
	}
}

func TestEveryComponentIsDocumentedAndInTheGallery(t *testing.T) {
	doc, shown := read(t, "doc.go"), ""
	for _, name := range glob(t, "*.templ") {
		shown += read(t, name)
	}
	elsewhere := map[string]bool{"Layout": true, "Bare": true, "Gallery": true}
	for _, name := range glob(t, "*.templ") {
		for _, m := range regexp.MustCompile(`(?m)^templ ([A-Z]\w*)(\([^\n]*\)) \{`).FindAllStringSubmatch(read(t, name), -1) {
			if !strings.Contains(doc, "//\t"+m[1]+m[2]+"\n") {
				t.Errorf("doc.go does not list %s%s", m[1], m[2])
			}
			calls := strings.Count(shown, m[1]+"(") - strings.Count(shown, "templ "+m[1]+"(")
			if !elsewhere[m[1]] && calls == 0 {
				t.Errorf("the gallery does not show %s", m[1])
			}
		}
	}
}

func TestIdsAreUniqueAndEveryReferenceResolves(t *testing.T) {
	p := gallery(t)
	ids := map[string]int{}
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") != "" {
			ids[attr(n, "id")]++
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("id %q is given %d times", id, n)
		}
	}
	for n := range p.root.Descendants() {
		for _, key := range []string{"for", "aria-labelledby", "aria-describedby", "popovertarget", "data-opens"} {
			for ref := range strings.FieldsSeq(attr(n, key)) {
				if n.Type == html.ElementNode && ids[ref] == 0 {
					t.Errorf("%s=%q refers to nothing", key, ref)
				}
			}
		}
	}
}

func TestEveryFigureOfAnExampleTableOpensSomething(t *testing.T) {
	for _, n := range gallery(t).all("a") {
		if href := attr(n, "href"); href == "" {
			t.Errorf("a link without an address: %q", words(n))
		}
	}
}
