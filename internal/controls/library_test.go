package controls_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/frameworks"
)

func library(t *testing.T) ([]controls.Template, *frameworks.Catalogue) {
	t.Helper()
	templates, err := controls.Library()
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := frameworks.Load()
	if err != nil {
		t.Fatal(err)
	}
	return templates, catalogue
}

func TestLibraryIsWhole(t *testing.T) {
	templates, catalogue := library(t)
	if err := controls.Verify(templates, catalogue); err != nil {
		t.Error(err)
	}
	if !slices.IsSortedFunc(templates, func(a, b controls.Template) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("templates are not in order of code")
	}
}

func TestEveryCriterionHasTwoControlsAndOneKeyControlThatServesItDirectly(t *testing.T) {
	templates, catalogue := library(t)
	for _, c := range catalogue.Current().Criteria() {
		all, key := 0, 0
		for _, tpl := range templates {
			for _, m := range tpl.Criteria {
				if m.Criterion != c.Code {
					continue
				}
				all++
				if tpl.Key && m.Strength == "direct" {
					key++
				}
			}
		}
		if all < 2 || key < 1 {
			t.Errorf("%s has %d controls, of which %d are key and direct: want at least 2 and 1", c.Code, all, key)
		}
	}
}

func TestControlsThatChecksReferToExist(t *testing.T) {
	templates, _ := library(t)
	have := map[string]bool{}
	for _, tpl := range templates {
		have[tpl.Code] = true
	}
	for _, code := range strings.Fields(`
		CHG-01 CHG-02 CHG-03 CHG-04 CHG-05 CHG-06 CHG-07 SDL-01 SDL-02 SDL-03 SDL-04 VUL-01 VUL-02
		IAM-01 IAM-02 IAM-04 IAM-05 IAM-06 IAM-07 NET-01 NET-02 CFG-01 CFG-02 CFG-03 LOG-01 LOG-02 LOG-03
		ENC-01 ENC-02 MON-01 AST-01`) {
		if !have[code] {
			t.Errorf("%s is missing", code)
		}
	}
}

func TestStagesBuildOnEachOther(t *testing.T) {
	templates, _ := library(t)
	count := map[string]int{}
	for _, tpl := range templates {
		for _, stage := range []string{"startup", "growth", "enterprise", "conglomerate"} {
			if tpl.ExpectedAt(stage) {
				count[stage]++
			}
		}
	}
	if count["startup"] == 0 || count["startup"] >= count["growth"] || count["growth"] >= count["enterprise"] {
		t.Errorf("expected per stage: %v, want each larger than the one before", count)
	}
	if count["enterprise"] != len(templates) || count["conglomerate"] != 0 {
		t.Errorf("enterprise expects %d of %d, an unknown stage %d", count["enterprise"], len(templates), count["conglomerate"])
	}
}

// Reports in which every organization says the same are worth nothing, so the
// library does not begin by repeating itself.
func TestTemplatesShareNoPhrases(t *testing.T) {
	const words = 8
	templates, _ := library(t)
	seen := map[string]string{}
	for _, tpl := range templates {
		for _, text := range append([]string{tpl.Text, tpl.Guidance}, tpl.Procedures...) {
			w := strings.Fields(strings.ToLower(text))
			for i := 0; i+words <= len(w); i++ {
				phrase := strings.Join(w[i:i+words], " ")
				if other := seen[phrase]; other != "" && other != tpl.Code {
					t.Errorf("%s and %s both say %q", other, tpl.Code, phrase)
				}
				seen[phrase] = tpl.Code
			}
		}
	}
}

func TestTextsAreSentencesOfReportLength(t *testing.T) {
	templates, _ := library(t)
	titles := map[string]string{}
	for _, tpl := range templates {
		if other := titles[tpl.Title]; other != "" {
			t.Errorf("%s and %s have the same title", other, tpl.Code)
		}
		titles[tpl.Title] = tpl.Code
		if len(tpl.Title) > 64 || strings.HasSuffix(tpl.Title, ".") {
			t.Errorf("%s: title %q is long or ends in a full stop", tpl.Code, tpl.Title)
		}
		for name, text := range map[string]string{"text": tpl.Text, "guidance": tpl.Guidance} {
			if n := strings.Count(text, ". ") + 1; n > 3 || !strings.HasSuffix(text, ".") || strings.Contains(text, "\n") {
				t.Errorf("%s: %s has %d sentences or no full stop: want 1 to 3", tpl.Code, name, n)
			}
		}
		for _, p := range tpl.Procedures {
			if !strings.HasSuffix(p, ".") {
				t.Errorf("%s: procedure %q is no sentence", tpl.Code, p)
			}
		}
	}
}

func TestVerifyFinds(t *testing.T) {
	whole, catalogue := library(t)
	for _, test := range []struct {
		name   string
		spoil  func([]controls.Template) []controls.Template
		report string
	}{
		{"a short library", func(ts []controls.Template) []controls.Template { return ts[:89] }, "want at least 90"},
		{"a bad code", func(ts []controls.Template) []controls.Template { ts[0].Code = "Ast-1"; return ts }, "three capital letters"},
		{"a repeated code", func(ts []controls.Template) []controls.Template { ts[1].Code = ts[0].Code; return ts }, "there twice"},
		{"a repeated text", func(ts []controls.Template) []controls.Template { ts[1].Text = ts[0].Text; return ts }, "the same text"},
		{"an empty guidance", func(ts []controls.Template) []controls.Template { ts[0].Guidance = " "; return ts }, "guidance is empty"},
		{"no evidence", func(ts []controls.Template) []controls.Template { ts[0].Evidence = nil; return ts }, "evidence has 0 lines"},
		{"an unknown frequency", func(ts []controls.Template) []controls.Template { ts[0].Frequency = "often"; return ts }, "frequency is one of annual"},
		{"an unknown criterion", func(ts []controls.Template) []controls.Template {
			ts[0].Criteria = []controls.Mapping{{Criterion: "PP1.1", Strength: "direct"}}
			return ts
		}, `no criterion "PP1.1"`},
		{"an unknown strength", func(ts []controls.Template) []controls.Template {
			ts[0].Criteria = []controls.Mapping{{Criterion: "CC6.1", Strength: "strong"}}
			return ts
		}, "strength is one of direct"},
		{"an unknown population", func(ts []controls.Template) []controls.Template { ts[0].Population = "POP-48"; return ts }, `no population "POP-48"`},
		{"a forbidden word", func(ts []controls.Template) []controls.Template { ts[0].Text += " Certified."; return ts }, `"Certified"`},
		{"an uncovered criterion", func(ts []controls.Template) []controls.Template {
			return slices.DeleteFunc(ts, func(x controls.Template) bool {
				return slices.ContainsFunc(x.Criteria, func(m controls.Mapping) bool { return m.Criterion == "P7.1" })
			})
		}, "no template covers P7.1"},
		{"a criterion left to later stages", func(ts []controls.Template) []controls.Template {
			return slices.DeleteFunc(ts, func(x controls.Template) bool { return x.Code == "RSK-03" })
		}, "no template of stage startup covers CC3.3"},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			err := controls.Verify(test.spoil(slices.Clone(whole)), catalogue)
			if err == nil || !strings.Contains(err.Error(), test.report) {
				t.Errorf("error %v, want one that says %s", err, test.report)
			}
		})
	}
}
