package site_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/tickmark/tickmark/internal/site"
)

// page is a rendered component that tests ask by selector.
type page struct {
	t    *testing.T
	root *html.Node
	text string
}

func render(t *testing.T, c templ.Component) page {
	t.Helper()
	var b strings.Builder
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatalf("render: %v", err)
	}
	root, err := html.Parse(strings.NewReader(b.String()))
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return page{t: t, root: root, text: b.String()}
}

// all finds elements by "tag.class[attr=value]" steps divided by spaces, each
// a descendant of the one before.
func (p page) all(selector string) []*html.Node {
	found := []*html.Node{p.root}
	for step := range strings.FieldsSeq(selector) {
		var next []*html.Node
		seen := map[*html.Node]bool{}
		for _, n := range found {
			for d := range n.Descendants() {
				if !seen[d] && matches(d, step) {
					seen[d] = true
					next = append(next, d)
				}
			}
		}
		found = next
	}
	return found
}

func (p page) one(selector string) *html.Node {
	p.t.Helper()
	found := p.all(selector)
	if len(found) != 1 {
		p.t.Fatalf("%q matches %d elements, want 1 in:\n%s", selector, len(found), p.text)
	}
	return found[0]
}

func (p page) count(selector string, want int) {
	p.t.Helper()
	if got := len(p.all(selector)); got != want {
		p.t.Errorf("%q matches %d elements, want %d", selector, got, want)
	}
}

func (p page) says(selector, want string) {
	p.t.Helper()
	if got := words(p.one(selector)); got != want {
		p.t.Errorf("%q says %q, want %q", selector, got, want)
	}
}

func matches(n *html.Node, step string) bool {
	if n.Type != html.ElementNode {
		return false
	}
	wanted := strings.Split(strings.ReplaceAll(step, "]", ""), "[")
	parts := strings.Split(wanted[0], ".")
	if parts[0] != "" && n.Data != parts[0] {
		return false
	}
	for _, class := range parts[1:] {
		if !strings.Contains(" "+attr(n, "class")+" ", " "+class+" ") {
			return false
		}
	}
	for _, w := range wanted[1:] {
		key, value, hasValue := strings.Cut(w, "=")
		if !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key && (!hasValue || a.Val == value) }) {
			return false
		}
	}
	return true
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func gallery(t *testing.T) page {
	return render(t, site.Layout(site.GalleryShell(site.Prefs{}), site.Gallery()))
}
