package opinions_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/opinions"
)

// scope gives findings for the criteria of some categories, all met but those
// of which something else is held.
func scope(t *testing.T, held map[string]string, categories ...string) []opinions.Finding {
	t.Helper()
	cat, err := frameworks.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cat.InScope(categories)
	if err != nil {
		t.Fatal(err)
	}
	var out []opinions.Finding
	for _, c := range in {
		f := opinions.Finding{Code: c.Code, Series: c.Series, Category: c.Category, Status: opinions.Met}
		if s := held[c.Code]; s != "" {
			f.Status = s
			delete(held, c.Code)
		}
		out = append(out, f)
	}
	if len(held) > 0 {
		t.Fatalf("not in scope: %v", held)
	}
	return out
}

func all(status string, codes ...string) map[string]string {
	out := map[string]string{}
	for _, c := range codes {
		out[c] = status
	}
	return out
}

func every(findings []opinions.Finding, status string) []opinions.Finding {
	for i := range findings {
		findings[i].Status = status
	}
	return findings
}

var described = &opinions.Review{Criteria: []string{"DC1", "DC2", "DC3", "DC4", "DC5", "DC6", "DC7", "DC8", "DC9"}}

// fourteen deviations over nine controls.
var fourteen = []opinions.Disclosure{{"ACC-01", "1 of 25", 1}, {"ACC-02", "2 of 40", 2}, {"ACC-07", "1 of 12", 1}, {"CHG-01", "1 of 38", 1},
	{"CHG-04", "3 of 60", 3}, {"LOG-02", "1 of 25", 1}, {"OPS-03", "2 of 25", 2}, {"PPL-01", "2 of 25", 2}, {"VEN-02", "1 of 5", 1}}

func TestProposalsOfTheParts(t *testing.T) {
	nine := []string{"CC6.1", "CC6.2", "CC6.3", "CC7.2", "CC8.1", "CC7.1", "CC6.6", "CC3.2", "CC4.1"}
	for _, test := range []struct {
		name      string
		findings  []opinions.Finding
		disclosed []opinions.Disclosure
		operation string
		share     string
		prompts   []string // of the first weight
	}{
		{"7a one necessary control ineffective all period", scope(t, all(opinions.NotMet, "CC8.1")), nil,
			opinions.Qualified, "3.0", []string{"foundation"}},
		{"7b nine of 33 over five series", scope(t, all(opinions.NotMet, nine...)), nil,
			opinions.Adverse, "27.3", []string{"series", "share", "foundation"}},
		{"7c incident population refused", scope(t, all(opinions.Undetermined, "CC7.3", "CC7.4", "CC7.5")), nil,
			opinions.Qualified, "9.1", nil},
		{"7d all populations refused", every(scope(t, nil), opinions.Undetermined), nil,
			opinions.Disclaimer, "100.0", []string{"series", "share", "category", "foundation"}},
		{"7e fourteen deviations, every criterion met", scope(t, all(opinions.MetWithDeviations, "CC6.1", "CC6.2", "CC8.1")), fourteen,
			opinions.Unmodified, "", nil},
		{"a whole category fails", scope(t, all(opinions.NotMet, "C1.1", "C1.2"), "confidentiality"), nil,
			opinions.Adverse, "5.7", []string{"category"}},
		{"exactly a quarter is not more than a quarter", scope(t, all(opinions.NotMet, "CC6.1", "CC6.2", "CC6.3", "CC6.4", "CC6.5", "CC6.6", "CC6.7", "CC6.8", "CC7.1"), "availability"), nil,
			opinions.Qualified, "25.0", []string{"foundation"}},
		{"not relevant criteria do not count", append(scope(t, all(opinions.NotMet, "CC8.1")), opinions.Finding{Code: "X1.1", Series: "X1", Category: "x", Status: opinions.NotRelevant}), nil,
			opinions.Qualified, "3.0", []string{"foundation"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := opinions.ProposePart("type_2", opinions.Operation, test.findings, test.disclosed)
			if p.Value != test.operation {
				t.Fatalf("proposed %s, want %s: %v", p.Value, test.operation, p.Reasons)
			}
			if d := opinions.ProposePart("type_2", opinions.Design, test.findings, test.disclosed); d.Value != opinions.Unmodified {
				t.Errorf("design: proposed %s, want unmodified", d.Value)
			}
			if d := opinions.ProposeDescription("type_2", described); d.Value != opinions.Unmodified {
				t.Errorf("description: proposed %s, want unmodified", d.Value)
			}
			if len(p.Reasons) == 0 || len(p.Change) == 0 {
				t.Error("no reasons, or not what would change it")
			}
			if diff := cmp.Diff(test.disclosed, p.Disclosed); len(test.disclosed) > 0 && diff != "" {
				t.Error(diff)
			}
			if test.share == "" {
				return
			}
			var prompts []string
			for _, x := range p.Weights[0].Prompts {
				prompts = append(prompts, x.Code)
			}
			if p.Weights[0].Share != test.share || !slices.Equal(prompts, test.prompts) {
				t.Errorf("share %s with prompts %v, want %s with %v", p.Weights[0].Share, prompts, test.share, test.prompts)
			}
		})
	}
}

func TestEachKindOfMatterIsWeighedForItself(t *testing.T) {
	findings := every(scope(t, nil), opinions.Undetermined)
	nine := []string{"CC6.1", "CC6.2", "CC6.3", "CC7.2", "CC8.1", "CC7.1", "CC6.6", "CC3.2", "CC4.1"}
	for i := range findings {
		if slices.Contains(nine, findings[i].Code) {
			findings[i].Status = opinions.NotMet
		}
	}
	p := opinions.ProposePart("type_2", opinions.Operation, findings, nil)
	if p.Value != opinions.Adverse || len(p.Weights) != 2 || p.Weights[0].Opinion != opinions.Adverse || p.Weights[1].Opinion != opinions.Disclaimer {
		t.Errorf("a pervasive failure is hidden: %s, %+v", p.Value, p.Weights)
	}
	for i := range findings {
		if findings[i].Status == opinions.NotMet && findings[i].Code != "CC8.1" {
			findings[i].Status = opinions.Undetermined
		}
	}
	p = opinions.ProposePart("type_2", opinions.Operation, findings, nil)
	if p.Value != opinions.Disclaimer || p.Weights[0].Opinion != opinions.Qualified || !strings.Contains(strings.Join(p.Reasons, " "), "the report states both") {
		t.Errorf("got %s: %v", p.Value, p.Reasons)
	}
}

func TestAGapInDesignWeighsOnDesignAndOperation(t *testing.T) {
	findings := scope(t, all(opinions.NotMet, "CC8.1"))
	for i := range findings {
		findings[i].Undesigned = findings[i].Code == "CC8.1"
	}
	for _, part := range []string{opinions.Design, opinions.Operation} {
		if p := opinions.ProposePart("type_2", part, findings, nil); p.Value != opinions.Qualified {
			t.Errorf("%s: %s", part, p.Value)
		}
	}
	if got := opinions.Parts("type_1"); !slices.Equal(got, []string{"description", "design"}) {
		t.Errorf("a type I has parts %v", got)
	}
}

func TestNothingIsProposedOverCriteriaThatRestOnOpenControls(t *testing.T) {
	findings := scope(t, nil)
	findings[4].Status = ""
	p := opinions.ProposePart("type_2", opinions.Operation, findings, fourteen)
	if p.Value != "" || !strings.Contains(p.Reasons[0], "of 33 criteria, 1 rests on controls that are not concluded") {
		t.Errorf("%q: %v", p.Value, p.Reasons)
	}
}

func TestTheDecisionTable(t *testing.T) {
	for _, test := range []struct {
		nature                     opinions.Nature
		none, material, everywhere string
	}{
		{opinions.Failure, opinions.Unmodified, opinions.Qualified, opinions.Adverse},
		{opinions.Evidence, opinions.Unmodified, opinions.Qualified, opinions.Disclaimer},
		{opinions.Withheld, opinions.Unmodified, opinions.Qualified, opinions.Disclaimer},
		{opinions.Refusal, opinions.Unmodified, opinions.Withdraw, opinions.Withdraw},
		{opinions.Integrity, opinions.Unmodified, opinions.Withdraw, opinions.Withdraw},
	} {
		got := []string{opinions.Modify(test.nature, false, false), opinions.Modify(test.nature, true, false), opinions.Modify(test.nature, true, true)}
		if want := []string{test.none, test.material, test.everywhere}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", test.nature, got, want)
		}
	}
}

func TestWhatWasNotExaminedIsNotProposed(t *testing.T) {
	p := opinions.ProposeDescription("type_2", nil)
	if p.Value != "" || !strings.Contains(p.Reasons[0], "was not examined here against DC1 to DC9") {
		t.Errorf("%q: %v", p.Value, p.Reasons)
	}
	if p := opinions.ProposeDescription("type_1", nil); !strings.Contains(p.Reasons[0], "DC1 to DC8") {
		t.Error(p.Reasons)
	}
	wrong := &opinions.Review{Criteria: described.Criteria, Misstated: []opinions.Misstatement{{Criterion: "DC4", Why: "two incidents are left out"}}}
	if p := opinions.ProposeDescription("type_2", wrong); p.Value != opinions.Qualified {
		t.Errorf("a misstatement leads to %s", p.Value)
	}
}

func TestProposalsOfCriteria(t *testing.T) {
	control := func(code, decision string, key bool) opinions.Control {
		return opinions.Control{Code: code, Decision: decision, Key: key, Facts: "1 of 38"}
	}
	planned := func(code string) opinions.Control { return opinions.Control{Code: code, Planned: true} }
	for _, test := range []struct {
		name     string
		controls []opinions.Control
		chosen   []string
		want     string
	}{
		{"no control", nil, nil, opinions.NotMet},
		{"one planned and not concluded", []opinions.Control{control("A", "effective", true), planned("B")}, nil, ""},
		{"a key one that nobody planned", []opinions.Control{control("A", "effective", true), control("B", "", true)}, nil, ""},
		{"a lesser one that nobody planned", []opinions.Control{control("A", "effective", true), control("B", "", false)}, nil, opinions.Met},
		{"nothing tested", []opinions.Control{control("B", "", false)}, nil, ""},
		{"every key control effective", []opinions.Control{control("A", "effective", true), control("B", "effective", true)}, nil, opinions.Met},
		{"deviations to disclose", []opinions.Control{control("A", "effective_with_deviations", true)}, nil, opinions.MetWithDeviations},
		{"a necessary one ineffective", []opinions.Control{control("A", "not_effective", true), control("B", "effective", true)}, nil, opinions.NotMet},
		{"a necessary one not designed", []opinions.Control{control("A", "not_suitably_designed", true)}, nil, opinions.NotMet},
		{"compensated by choice", []opinions.Control{control("A", "not_effective", true), control("B", "effective", true)}, []string{"B"}, opinions.MetWithDeviations},
		{"what failed compensates nothing", []opinions.Control{control("A", "not_effective", true)}, []string{"A"}, opinions.NotMet},
		{"a lesser one ineffective", []opinions.Control{control("A", "effective", true), control("B", "not_effective", false)}, nil, opinions.MetWithDeviations},
		{"only lesser ones, one ineffective", []opinions.Control{control("A", "effective", false), control("B", "not_effective", false)}, nil, opinions.NotMet},
		{"evidence refused", []opinions.Control{control("A", "undetermined", true), control("B", "effective", true)}, nil, opinions.Undetermined},
		{"failure is not hidden by missing evidence", []opinions.Control{control("A", "undetermined", true), control("B", "not_effective", true)}, nil, opinions.NotMet},
		{"no occasion to operate", []opinions.Control{control("A", "no_occurrence", true)}, nil, opinions.Met},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := opinions.Propose(test.controls, test.chosen)
			if p.Value != test.want || len(p.Reasons) == 0 {
				t.Errorf("proposed %q, want %q: %v", p.Value, test.want, p.Reasons)
			}
		})
	}
}
