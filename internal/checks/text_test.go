package checks_test

import (
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/sources"
)

var sourcesGet = sources.Get

func ref(id string) sources.Ref { return sources.Ref{ID: id} }

func TestWrittenOutAndReadBackNothingIsLost(t *testing.T) {
	all, err := checks.Library()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		text, err := d.Text()
		if err != nil {
			t.Fatalf("%s: %v", d.ID, err)
		}
		back, err := checks.Parse("again", []byte(text))
		if err != nil || len(back) != 1 || back[0].Digest() != d.Digest() {
			t.Errorf("%s does not come back: %v\n%s", d.ID, err, text)
		}
		same, err := checks.Rewrite(text, back[0])
		if err != nil || same != text {
			t.Errorf("%s is written otherwise although nothing changed: %v", d.ID, err)
		}
	}
}

func TestAChangeOfOneKeyLeavesTheOthersAsTheyStand(t *testing.T) {
	text := "# ours\n" + strings.TrimPrefix(strings.Replace(ownCheck, "severity: high", "severity:   high   # agreed in March", 1), "\n")
	defs, err := checks.Parse("yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	d := defs[0]
	d.Title, d.Applies = "Every firewall is on", "r.hostname != 'x'"
	got, err := checks.Rewrite(text, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# ours\n", "# agreed in March", "title: Every firewall is on\n", "map: [{criterion: CC6.6, strength: direct}]", "pass: [{hostname: a, firewall_active: true}]"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is lost:\n%s", want, got)
		}
	}
	if strings.Index(got, "applies:") < strings.Index(got, "schema:") || strings.Index(got, "applies:") > strings.Index(got, "pass:") {
		t.Errorf("a new key stands elsewhere than readers look:\n%s", got)
	}
	back, err := checks.Parse("yaml", []byte(got))
	if err != nil || back[0].Digest() != d.Digest() {
		t.Errorf("it says something else: %v", err)
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add(ownCheck)
	f.Add("a: &a [*a]")
	f.Add("id: x\n---\nid: y")
	defs, err := checks.Parse("yaml", []byte(ownCheck))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		got, err := checks.Rewrite(text, defs[0])
		if err != nil {
			return
		}
		if back, err := checks.Parse("yaml", []byte(got)); err == nil && (len(back) != 1 || back[0].Digest() != defs[0].Digest()) {
			t.Errorf("%q is rewritten to something else:\n%s", text, got)
		}
	})
}
