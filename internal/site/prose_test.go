package site_test

import (
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/site"
)

func prose(t *testing.T, v site.ProseView) string {
	t.Helper()
	c, err := site.Prose(v)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestProsePassesNoMarkupOn(t *testing.T) {
	out := prose(t, site.ProseView{Markdown: []byte("# Title\n\n<script>alert(1)</script>\n\n| a |\n|:-:|\n| b |\n\n[x](javascript:alert(1)) <b onclick=x>y</b>\n")})
	for _, bad := range []string{"<script", "style=", "javascript:", "onclick", "Title"} {
		if strings.Contains(out, bad) {
			t.Errorf("%q is in %s", bad, out)
		}
	}
	if !strings.Contains(out, "<table>") {
		t.Errorf("there is no table in %s", out)
	}
}

func TestProseLeadsWhereItIsTold(t *testing.T) {
	out := prose(t, site.ProseView{
		Markdown: []byte("See [there](a.md), [*nowhere*](b.md), `/work` and `/x y`. ![p](p.png) ![q](q.png)\n"),
		Link:     func(to string) (string, bool) { return "/help/" + to, to == "a.md" },
		Picture:  func(src string) (string, bool) { return "/static/" + src, src == "p.png" },
		Page:     func(p string) bool { return p == "/work" },
	})
	for _, want := range []string{`<a href="/help/a.md">there</a>`, `<em>nowhere</em>`, `<a href="/work"><code>/work</code></a>`, `<code>/x y</code>`, `src="/static/p.png"`, `loading="lazy"`} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in %s", want, out)
		}
	}
	for _, bad := range []string{"b.md", "q.png"} {
		if strings.Contains(out, bad) {
			t.Errorf("%s is in %s", bad, out)
		}
	}
}

func FuzzProse(f *testing.F) {
	f.Add([]byte("# t\n\n[a](b) `c` ![d](e)\n\n| x |\n|---|\n| y |\n"))
	f.Fuzz(func(t *testing.T, md []byte) {
		if len(md) > 4096 {
			return
		}
		c, err := site.Prose(site.ProseView{Markdown: md,
			Link:    func(string) (string, bool) { return "", false },
			Picture: func(string) (string, bool) { return "", false }, Page: func(string) bool { return true }})
		if err != nil {
			return
		}
		var b strings.Builder
		if err := c.Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if out := strings.ToLower(b.String()); strings.Contains(out, "<script") || strings.Contains(out, " style=") || strings.Contains(out, "<img") {
			t.Errorf("%q gives %q", md, out)
		}
	})
}
