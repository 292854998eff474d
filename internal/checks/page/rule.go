package page

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// said is what a finding says that a check of its rule needs.
type said struct {
	Tool     string `json:"tool"`
	Rule     string `json:"rule"`
	Title    string `json:"title"`
	Severity string `json:"severity"`
	Fixed    string `json:"fixed_version"`
	Package  string `json:"package"`
}

// ofFinding begins a check with the rule of one finding: that this tool does not
// say this any more. What it stands for, and which control, a person says.
func ofFinding(v *site.Visit, source, key string) (string, error) {
	if err := v.Actor.Require(auth.SourcesRead); err != nil {
		return "", err
	}
	s, err := sources.Get.Do(v.Context(), v.Desk, sources.Ref{ID: source})
	if err != nil {
		return "", err
	}
	found, err := sources.Resources.Do(v.Context(), v.Desk, sources.SeenFilter{Source: string(s.ID), Kind: "finding", Key: key})
	if err != nil {
		return "", err
	}
	if len(found.Items) == 0 {
		return "", fault.NotFound("%s does not show that finding now.", s.Name)
	}
	var of struct{ Attrs said }
	if err := json.Unmarshal(found.Items[0].Body, &of); err != nil {
		return "", err
	}
	return of.Attrs.check(s).Text()
}

func (f said) check(s sources.Source) checks.Definition {
	braces := strings.NewReplacer("{", "", "}", "")
	rule := cmp.Or(braces.Replace(f.Rule), "this rule")
	d := checks.Definition{
		ID: "own." + slug(f.Tool, "tool") + "." + slug(f.Rule, "rule"), Title: f.Tool + " does not report " + rule, Kind: "finding", Schema: 1,
		Applies: "r.tool == " + strconv.Quote(f.Tool) + " && r.rule == " + strconv.Quote(f.Rule),
		Pass:    `r.status == "pass" || r.status == "excepted"`,
		Empty:   checks.Unknown, Freshness: checks.Duration(192 * time.Hour), Cadence: "weekly", Severity: "medium", Mandatory: true,
		Message:  `r.rule + (has(r.package) ? " in " + r.package : "") + (has(r.resource_name) ? " of " + r.resource_name : "") + (has(r.path) ? " in " + r.path : "") + " has the status " + r.status`,
		Summary:  "{failing} of {total} findings of " + rule + " are open",
		Risk:     cmp.Or(f.Title, "What the tool warns of can happen."),
		Fix:      "Mend what the tool reports, or have it accepted as an exception with an end.",
		Controls: []string{"VUL-04"}, Map: []checks.Mapping{{Criterion: "CC7.1", Strength: "supporting"}},
	}
	if f.Fixed != "" && f.Package != "" {
		d.Fix = fmt.Sprintf("Update %s to %s, or have it accepted as an exception with an end.", f.Package, f.Fixed)
	}
	switch s.Kind {
	case "trivy", "sarif": // they write down what is wrong, so a file without it says that it is right
		d.Empty = checks.Pass
	}
	switch f.Severity {
	case "critical", "high":
		d.Severity = "high"
	case "low", "info":
		d.Severity = "low"
	}
	switch s.Expected { // a file holds until the next one is overdue
	case sources.ByMonth:
		d.Freshness, d.Cadence = checks.Duration(63*24*time.Hour), "monthly"
	case sources.ByQuarter:
		d.Freshness, d.Cadence = checks.Duration(185*24*time.Hour), "quarterly"
	}
	example := func(status string) []map[string]any {
		x := map[string]any{"tool": f.Tool, "rule": f.Rule}
		if status != "" {
			x["status"] = status
		}
		return []map[string]any{x}
	}
	d.Fixtures = checks.Fixtures{Pass: example("pass"), Fail: example("fail"), Unknown: example("")}
	return d
}

// slug is a text as a part of the id of a check.
func slug(text, otherwise string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := b.String()
	s = s[:min(len(s), 40)]
	return cmp.Or(strings.Trim(s, "-"), otherwise)
}
