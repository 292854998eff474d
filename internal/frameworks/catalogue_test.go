package frameworks_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
)

// pointsOfFocus is the edition of 2022, reconciled from several public counts.
const pointsOfFocus = `
CC1.1:5 CC1.2:4 CC1.3:6 CC1.4:7 CC1.5:6 CC2.1:9 CC2.2:13 CC2.3:12 CC3.1:16 CC3.2:9 CC3.3:5 CC3.4:6
CC4.1:8 CC4.2:3 CC5.1:6 CC5.2:4 CC5.3:6 CC6.1:13 CC6.2:3 CC6.3:4 CC6.4:4 CC6.5:1 CC6.6:4 CC6.7:4
CC6.8:5 CC7.1:5 CC7.2:4 CC7.3:7 CC7.4:14 CC7.5:6 CC8.1:18 CC9.1:2 CC9.2:13 A1.1:3 A1.2:11 A1.3:2
C1.1:3 C1.2:2 PI1.1:3 PI1.2:3 PI1.3:5 PI1.4:4 PI1.5:4 P1.1:7 P2.1:6 P3.1:4 P3.2:2 P4.1:1 P4.2:2
P4.3:3 P5.1:5 P5.2:4 P6.1:4 P6.2:1 P6.3:1 P6.4:3 P6.5:2 P6.6:2 P6.7:3 P7.1:2 P8.1:6`

func load(t *testing.T) *frameworks.Catalogue {
	t.Helper()
	c, err := frameworks.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCriteriaAreThe61InOrderWithTheirPointsOfFocus(t *testing.T) {
	var got []string
	sum := 0
	for _, c := range load(t).Current().Criteria() {
		got = append(got, fmt.Sprintf("%s:%d", c.Code, c.PointsOfFocus))
		sum += c.PointsOfFocus
	}
	if d := cmp.Diff(strings.Fields(pointsOfFocus), got); d != "" {
		t.Errorf("criteria (-want +got):\n%s", d)
	}
	if len(got) != 61 || sum != 330 {
		t.Errorf("%d criteria with %d points of focus, want 61 with 330", len(got), sum)
	}
}

func TestSeriesHoldTheirCriteria(t *testing.T) {
	type row struct {
		Code, Category string
		Criteria       int
		Points         int
	}
	want := []row{
		{"CC1", "security", 5, 28}, {"CC2", "security", 3, 34}, {"CC3", "security", 4, 36},
		{"CC4", "security", 2, 11}, {"CC5", "security", 3, 16}, {"CC6", "security", 8, 38},
		{"CC7", "security", 5, 36}, {"CC8", "security", 1, 18}, {"CC9", "security", 2, 15},
		{"A1", "availability", 3, 16}, {"C1", "confidentiality", 2, 5}, {"PI1", "processing_integrity", 5, 19},
		{"P1", "privacy", 1, 7}, {"P2", "privacy", 1, 6}, {"P3", "privacy", 2, 6}, {"P4", "privacy", 3, 6},
		{"P5", "privacy", 2, 9}, {"P6", "privacy", 7, 16}, {"P7", "privacy", 1, 2}, {"P8", "privacy", 1, 6},
	}
	var got []row
	for _, s := range load(t).Current().Series {
		r := row{Code: s.Code, Category: s.Category, Criteria: len(s.Criteria)}
		for _, c := range s.Criteria {
			r.Points += c.PointsOfFocus
			if c.Series != s.Code || !strings.HasPrefix(c.Code, s.Code+".") {
				t.Errorf("criterion %s says series %s and stands in %s", c.Code, c.Series, s.Code)
			}
		}
		got = append(got, r)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("series (-want +got):\n%s", d)
	}
}

func TestScopeSelectsCriteriaByCategory(t *testing.T) {
	for _, test := range []struct {
		categories []string
		want       int
		last       string
	}{
		{nil, 33, "CC9.2"},
		{[]string{"security"}, 33, "CC9.2"},
		{[]string{"availability"}, 36, "A1.3"},
		{[]string{"confidentiality"}, 35, "C1.2"},
		{[]string{"processing_integrity"}, 38, "PI1.5"},
		{[]string{"privacy"}, 51, "P8.1"},
		{[]string{"confidentiality", "security", "availability", "availability"}, 38, "C1.2"},
		{[]string{"privacy", "processing_integrity", "confidentiality", "availability", "security"}, 61, "P8.1"},
	} {
		got, err := load(t).InScope(test.categories)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != test.want || got[0].Code != "CC1.1" || got[len(got)-1].Code != test.last {
			t.Errorf("%v: %d criteria from %s to %s, want %d from CC1.1 to %s", test.categories,
				len(got), got[0].Code, got[len(got)-1].Code, test.want, test.last)
		}
	}
}

func TestPointsOfFocusAreCountedForTheCategoriesChosen(t *testing.T) {
	v := load(t).Current()
	everything := []string{"security", "availability", "confidentiality", "processing_integrity", "privacy"}
	if got := v.PointsOfFocus(everything); got != 330 {
		t.Errorf("all categories have %d points of focus, want 330", got)
	}
	if got := v.PointsOfFocus(nil); got != 208 {
		t.Errorf("Security alone has %d relevant points of focus, want 208", got)
	}
	hang := 0
	for _, c := range v.Criteria() {
		if c.Category == "security" {
			hang += c.PointsOfFocus
		}
	}
	if hang != 232 {
		t.Errorf("%d points of focus hang on the criteria of Security, want 232", hang)
	}
}

func TestScopeRefusesUnknownCategories(t *testing.T) {
	for _, name := range []string{"", "Security", "data_security", "processing integrity"} {
		_, err := load(t).InScope([]string{"availability", name})
		if fault.KindOf(err) != fault.KindInvalid {
			t.Fatalf("%q: error %v, want an invalid input", name, err)
		}
		for _, accepted := range []string{"security", "availability", "processing_integrity", "confidentiality", "privacy"} {
			if !strings.Contains(err.Error(), accepted) {
				t.Errorf("%q does not name %s", err, accepted)
			}
		}
	}
}

func TestCodesThatOthersInventedAreNotThere(t *testing.T) {
	c := load(t)
	for _, code := range []string{"PP1.1", "P1.0", "P8.0", "C1.3", "CC6.9", "A1.4", "cc6.1", "CC6", ""} {
		if _, err := c.Criterion(code); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("criterion %q: error %v, want not found", code, err)
		}
	}
	got, err := c.Criterion("PI1.3")
	if err != nil || got.Title != "Processing controls" || got.Category != "processing_integrity" {
		t.Errorf("PI1.3 is %q of %q, error %v", got.Title, got.Category, err)
	}
}

func TestOnlyTheFirstFiveSeriesCarryCOSOPrinciples(t *testing.T) {
	want := []int{1, 2, 3, 4, 5, 13, 14, 15, 6, 7, 8, 9, 16, 17, 10, 11, 12} // CC1 to CC5
	for i, c := range load(t).Current().Criteria() {
		principle := 0
		if i < len(want) {
			principle = want[i]
		}
		if c.COSO != principle {
			t.Errorf("%s carries principle %d, want %d", c.Code, c.COSO, principle)
		}
	}
}

func TestEveryCriterionCanBeAskedAboutAndTested(t *testing.T) {
	methods := map[string]bool{"inquiry": true, "observation": true, "inspection": true, "reperformance": true}
	seen := map[string]string{}
	for _, c := range load(t).Current().Criteria() {
		if c.Title == "" || c.Text == "" || len(c.Populations) == 0 {
			t.Errorf("%s lacks a title, a text or a population", c.Code)
		}
		if len(c.Questions) < 2 || len(c.Questions) > 5 {
			t.Errorf("%s has %d questions, want 2 to 5", c.Code, len(c.Questions))
		}
		alone := true
		for _, p := range c.Procedures {
			if !methods[p.Method] || p.Of == "" {
				t.Errorf("%s: procedure %+v names no method or no subject", c.Code, p)
			}
			alone = alone && p.Method == "inquiry"
		}
		if alone {
			t.Errorf("%s rests on inquiry alone", c.Code)
		}
		for _, line := range append([]string{c.Title, c.Text}, c.Questions...) {
			if seen[line] != "" {
				t.Errorf("%s and %s both say %q", c.Code, seen[line], line)
			}
			seen[line] = c.Code
		}
		for _, q := range c.Questions {
			if !strings.Contains(q, "?") && !strings.HasSuffix(q, ".") {
				t.Errorf("%s: %q is not a sentence", c.Code, q)
			}
		}
	}
}

func TestPopulationsAreThe47(t *testing.T) {
	got := load(t).Populations()
	if len(got) != 47 {
		t.Errorf("%d populations, want 47", len(got))
	}
	for i, p := range got {
		if want := fmt.Sprintf("POP-%02d", i+1); p.Code != want {
			t.Errorf("population %d is %s, want %s", i, p.Code, want)
		}
		if p.Title == "" || p.Source == "" || len(p.Fields) < 3 {
			t.Errorf("%s lacks a title, a source or fields", p.Code)
		}
	}
	if _, err := load(t).Population("POP-48"); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("POP-48: error %v, want not found", err)
	}
}

func TestWordsWeNeverSayAreAbsent(t *testing.T) {
	never := regexp.MustCompile(`(?i)certified|compliant|tamper-proof|immutable|supplier|\bpassed\b|simply|robust|comprehensive|leverage`)
	for _, c := range load(t).Current().Criteria() {
		all := strings.Join(append([]string{c.Title, c.Text, fmt.Sprint(c.Procedures)}, c.Questions...), " ")
		if word := never.FindString(all); word != "" {
			t.Errorf("%s says %q", c.Code, word)
		}
	}
}

const (
	population = "- {code: POP-01, title: T, source: S, fields: [a]}\n"
	older      = `
id: one
title: One
in_force_from: "2017-01-01"
categories: [{code: security, title: Security, sentence: S., series: [CC1]}]
series: [{code: CC1, title: T, criteria: [{code: CC1.1, title: Old, populations: [POP-01]}]}]
`
)

func TestTwoVersionsStandSideBySide(t *testing.T) {
	newer := strings.NewReplacer("id: one", "id: two", "2017", "2027", "Old", "New").Replace(older)
	c, err := frameworks.LoadFrom(fstest.MapFS{
		"populations.yaml": {Data: []byte(population)},
		"a.yaml":           {Data: []byte(newer)},
		"b.yaml":           {Data: []byte(older)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Current().ID != "two" || len(c.Versions()) != 2 || c.Versions()[0].ID != "one" {
		t.Errorf("current is %s of %d versions", c.Current().ID, len(c.Versions()))
	}
	for id, want := range map[string]string{"one": "Old", "two": "New"} {
		v, err := c.Version(id)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Criterion("CC1.1"); err != nil || got.Title != want {
			t.Errorf("CC1.1 of %s is %q, want %q (error %v)", id, got.Title, want, err)
		}
	}
	if _, err := c.Version("three"); fault.KindOf(err) != fault.KindNotFound || !strings.Contains(err.Error(), "one, two") {
		t.Errorf("version three: error %v, want not found and the known ones", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown field":               older + "colour: red\n",
		"a second document":              older + "---\nid: x\n",
		"a population that is not there": strings.Replace(older, "[POP-01]", "[POP-99]", 1),
		"a series without a category":    strings.Replace(older, "series: [CC1]}", "series: []}", 1),
		"a category without its series":  strings.Replace(older, "series: [CC1]}", "series: [CC1, CC2]}", 1),
		"a repeated criterion":           strings.Replace(older, "criteria: [", "criteria: [{code: CC1.1}, ", 1),
		"no security":                    strings.Replace(older, "code: security", "code: safety", 1),
		"points of focus that differ":    older + "focus: [{category: security, points: 1}]\n",
		"points for no category":         older + "focus: [{category: safety, points: 0}]\n",
		"no id":                          strings.Replace(older, "id: one", "id: ''", 1),
		"no criteria":                    "id: x\ncategories: [{code: security}]\n",
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			_, err := frameworks.LoadFrom(fstest.MapFS{
				"populations.yaml": {Data: []byte(population)},
				"a.yaml":           {Data: []byte(text)},
			})
			if err == nil {
				t.Errorf("%s was accepted", name)
			}
		})
	}
}
