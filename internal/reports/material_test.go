package reports_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/reports"
	"github.com/tickmark/tickmark/internal/scopes"
)

var printed = time.Date(2027, 2, 20, 9, 30, 0, 0, time.UTC)

func decided(value string) *opinions.Decision {
	return &opinions.Decision{Value: value, Actor: "Eleanor Voss", At: printed.Add(-time.Hour)}
}

// material is an engagement with a few controls over the criteria of Security;
// one of them deviated.
func material(t *testing.T, kind string) reports.Material {
	t.Helper()
	cat, err := frameworks.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	scope, err := cat.InScope(nil)
	if err != nil {
		t.Fatal(err)
	}
	m := reports.Material{
		Engagement: engagements.Engagement{ID: "eng_x", Name: "Larchmere 2026", Type: kind, Categories: []string{"security"}, System: "Larchmere Ledger", Zone: "Europe/Berlin",
			Firm: engagements.Party{Name: "Aldine Voss"}, Client: engagements.Party{Name: "Larchmere"}},
		Edition: cat.Current().Title, Named: []string{"Security"}, Included: "The ledger service and its database, in two regions.", Excluded: "The marketing site, which holds no customer data.",
		Texts: map[string]string{}, Printed: printed, Number: 2,
		Logs: []reports.Log{{Title: "of the engagement", Key: "tickmark/34750f98bd59fcfc946da45aaabe933b/1+6b05862d+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"},
			{Title: "of Larchmere", Key: "tickmark/98bd59fcfc946da45aaabe933b34750f/1+862d6b05+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"}},
	}
	if kind == scopes.TypeI {
		m.AsOf = "2026-06-30"
	} else {
		m.Starts, m.Ends = "2026-01-01", "2026-12-31"
	}
	for _, p := range opinions.Parts(kind) {
		m.Parts = append(m.Parts, opinions.Part{Part: p, Decision: decided(opinions.Unmodified)})
	}
	m.Controls = summaries()
	for _, k := range scope {
		c := opinions.Criterion{Code: k.Code, Title: k.Title, Text: k.Text, Series: k.Series, Category: k.Category, Decision: decided(opinions.Met)}
		for _, s := range m.Controls {
			for _, code := range s.Criteria {
				if code == k.Code || code == "*" {
					c.Controls = append(c.Controls, opinions.Control{Code: s.Control, Title: s.Title, Text: s.Text, Key: s.Key, Decision: s.Decision, Facts: s.Facts})
				}
			}
		}
		m.Criteria = append(m.Criteria, c)
	}
	return m
}

func summaries() []procedures.Summary {
	return []procedures.Summary{
		{Control: "ACC-07", Title: "Access is reviewed each quarter", Key: true, Criteria: []string{"CC6.2", "CC6.3"}, Done: true, Decision: procedures.NotEffective,
			Text:  "Each quarter the head of engineering compares the access list of the production account with the staff list, removes what is not needed, and records the review in a ticket.",
			Tests: []string{"Inspected the record of each review and compared the access list with the staff list of that day."}, On: "all 4 occurrences of POP-07, expected by the calendar",
			Result: "1 of 4 deviated.", Facts: "1 of 4", Tested: 4, Deviating: 1,
			Deviations: []procedures.Deviation{{ID: "dev_2", Control: "ACC-07", Item: "2026-Q3", Disclosure: "The review of the third quarter was not performed in that quarter.",
				Response: "The head of engineering was on leave. A deputy is named since 1 October 2026."}}},
		{Control: "CHG-01", Title: "Changes are approved before they are deployed", Key: true, Criteria: []string{"CC8.1"}, Done: true, Decision: procedures.WithDeviations,
			Text:  "A member of the team other than the author approves each change to production in the version control system before it is deployed.",
			Tests: []string{"Inspected the pull request for an approval by somebody other than the author.", "Inspected the times of approval and deployment."}, On: "38 of 240 items of POP-08, drawn at random",
			Result: "1 of 38 deviated.", Facts: "1 of 38", Tested: 38, Deviating: 1,
			Deviations: []procedures.Deviation{{ID: "dev_1", Control: "CHG-01", Item: "CHG-0087", Disclosure: "The change was approved 2 h 10 m after it was deployed."}}},
		{Control: "GOV-01", Title: "Policies are in force and read", Key: true, Criteria: []string{"*"}, Done: true, Decision: procedures.Effective,
			Text:  "Management approves the policies each year, and everyone confirms having read them.",
			Tests: []string{"Inspected the approval of each policy and the confirmations."}, On: "the control itself", Result: "No deviations noted.", Facts: "0 of 1", Tested: 1},
	}
}
