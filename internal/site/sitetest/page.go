package sitetest

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Page is an answer.
type Page struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   string
	root   *html.Node
}

func read(t testing.TB, res *http.Response, body string) *Page {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return &Page{t, res.StatusCode, res.Header, body, root}
}

// LeadsTo fails unless the answer sends the visitor to this address.
func (p *Page) LeadsTo(path string) {
	p.t.Helper()
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != path {
		p.t.Errorf("status %d to %q, want a redirect to %q\n%s", p.Status, p.Header.Get("Location"), path, p.Text("main"))
	}
}

// Is fails unless the answer has this status.
func (p *Page) Is(status int) {
	p.t.Helper()
	if p.Status != status {
		p.t.Fatalf("status %d to %q, want %d\n%s", p.Status, p.Header.Get("Location"), status, p.Text("main"))
	}
}

// Says fails unless the first element that fits the selector holds the text.
func (p *Page) Says(selector, text string) {
	p.t.Helper()
	for _, found := range p.Texts(selector) {
		if strings.Contains(found, text) {
			return
		}
	}
	p.t.Errorf("no %s says %q; they say %q", selector, text, p.Texts(selector))
}

// Silent fails if an element that fits the selector holds the text.
func (p *Page) Silent(selector, text string) {
	p.t.Helper()
	for _, found := range p.Texts(selector) {
		if strings.Contains(found, text) {
			p.t.Errorf("%s says %q", selector, found)
		}
	}
}

// Count is how many elements fit the selector.
func (p *Page) Count(selector string) int { return len(p.all(selector)) }

// Text is what the first element that fits says, spaces made single.
func (p *Page) Text(selector string) string {
	if all := p.Texts(selector); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Texts is what each element that fits says.
func (p *Page) Texts(selector string) []string {
	var out []string
	for _, n := range p.all(selector) {
		var b strings.Builder
		for c := range n.Descendants() {
			if c.Type == html.TextNode {
				b.WriteString(c.Data + " ")
			}
		}
		out = append(out, strings.Join(strings.Fields(b.String()), " "))
	}
	return out
}

// Attr is an attribute of the first element that fits.
func (p *Page) Attr(selector, name string) string {
	if all := p.Attrs(selector, name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Attrs is an attribute of each element that fits.
func (p *Page) Attrs(selector, name string) []string {
	var out []string
	for _, n := range p.all(selector) {
		out = append(out, attr(n, name))
	}
	return out
}

// all finds elements by a selector of names, #ids, .classes, [attributes] and
// [attributes=values], with spaces for descendants.
func (p *Page) all(selector string) []*html.Node {
	within := []*html.Node{p.root}
	for _, part := range strings.Fields(selector) {
		var next []*html.Node
		seen := map[*html.Node]bool{}
		for _, top := range within {
			for n := range top.Descendants() {
				if n.Type == html.ElementNode && !seen[n] && fits(n, part) {
					seen[n] = true
					next = append(next, n)
				}
			}
		}
		within = next
	}
	return within
}

func fits(n *html.Node, part string) bool {
	end := strings.IndexAny(part, "#.[")
	if end < 0 {
		end = len(part)
	}
	if end > 0 && n.Data != part[:end] {
		return false
	}
	for rest := part[end:]; rest != ""; {
		kind := rest[0]
		if kind == '[' {
			inside, after, _ := strings.Cut(rest[1:], "]")
			name, value, valued := strings.Cut(inside, "=")
			if !has(n, name) || valued && attr(n, name) != value {
				return false
			}
			rest = after
			continue
		}
		next := strings.IndexAny(rest[1:], "#.[")
		if next < 0 {
			next = len(rest) - 1
		}
		word := rest[1 : 1+next]
		if kind == '#' && attr(n, "id") != word || kind == '.' && !classed(n, word) {
			return false
		}
		rest = rest[1+next:]
	}
	return true
}

func classed(n *html.Node, class string) bool {
	for _, c := range strings.Fields(attr(n, "class")) {
		if c == class {
			return true
		}
	}
	return false
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Raw is what the first element that fits holds, with its spaces and lines: the
// value of a text area.
func (p *Page) Raw(selector string) string {
	for _, n := range p.all(selector) {
		var b strings.Builder
		for c := range n.Descendants() {
			if c.Type == html.TextNode {
				b.WriteString(c.Data)
			}
		}
		return b.String()
	}
	return ""
}
