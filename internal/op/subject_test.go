package op

import (
	"strings"
	"testing"
)

func TestAnEntryIsFoundByTheObjectsItMentionsAndNotByPeople(t *testing.T) {
	id := func(kind string) string { return kind + "_" + strings.Repeat("0", 26) }
	got := subjects(map[string]any{"op": "controls.assign", "id": id("ctl"), "actor": id("usr"), "controls": []any{"CHG-01", "a title"},
		"input": map[string]any{"check": "git.commit.signed", "reason": "see CHG-02", "title": "CHG-03", "owner": id("usr"), "ids": []any{id("evd"), id("evd")}}})
	want := strings.Join([]string{"CHG-01", id("ctl"), id("evd"), "git.commit.signed"}, " ")
	if strings.Join(got, " ") != want {
		t.Errorf("found by %q, want %q", got, want)
	}
	var many []any
	for range 500 {
		many = append(many, "x")
	}
	if n := len(subjects(map[string]any{"ids": many})); n != 0 {
		t.Errorf("%d subjects of nothing", n)
	}
}
