package sample_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/sample"
)

var risks = []sample.Risk{sample.Low, sample.Moderate, sample.High}

func TestSizes(t *testing.T) {
	p := sample.Customary()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cadence sample.Cadence
		n       int
		want    [3]int
	}{
		{sample.Annual, 1, [3]int{1, 1, 1}},
		{sample.Annual, 0, [3]int{0, 0, 0}},
		{sample.SemiAnnual, 2, [3]int{1, 1, 2}},
		{sample.Quarterly, 4, [3]int{2, 2, 3}},
		{sample.Quarterly, 1, [3]int{1, 1, 1}}, // a short period
		{sample.Monthly, 12, [3]int{2, 3, 5}},
		{sample.Monthly, 3, [3]int{2, 3, 3}},
		{sample.SemiMonthly, 24, [3]int{3, 5, 8}},
		{sample.Weekly, 52, [3]int{5, 8, 15}},
		{sample.Daily, 365, [3]int{20, 30, 40}},
		{sample.ManyADay, 240, [3]int{25, 40, 60}}, // scenarios 1 and 5
		{sample.ManyADay, 243, [3]int{25, 40, 60}},
		{sample.ManyADay, 30, [3]int{25, 30, 30}},
		{sample.Automated, 1, [3]int{1, 1, 1}},
		{sample.Automated, 3, [3]int{3, 3, 3}},
		{sample.Event, 0, [3]int{0, 0, 0}},
		{sample.Event, 1, [3]int{1, 1, 1}},
		{sample.Event, 2, [3]int{2, 2, 2}},
		{sample.Event, 3, [3]int{2, 2, 3}},
		{sample.Event, 4, [3]int{2, 2, 3}},
		{sample.Event, 5, [3]int{2, 3, 5}},
		{sample.Event, 9, [3]int{2, 3, 5}},
		{sample.Event, 12, [3]int{2, 3, 5}}, // scenario 6
		{sample.Event, 13, [3]int{5, 8, 13}},
		{sample.Event, 38, [3]int{5, 8, 15}},
		{sample.Event, 52, [3]int{5, 8, 15}},
		{sample.Event, 53, [3]int{6, 8, 15}},
		{sample.Event, 60, [3]int{6, 9, 15}},
		{sample.Event, 120, [3]int{12, 18, 30}},
		{sample.Event, 240, [3]int{24, 36, 60}},
		{sample.Event, 249, [3]int{25, 38, 60}},
		{sample.Event, 250, [3]int{25, 40, 60}},
		{sample.Event, 1900, [3]int{25, 40, 60}},
	} {
		for i, risk := range risks {
			got, err := p.Size(c.cadence, risk, c.n)
			if err != nil || got != c.want[i] {
				t.Errorf("%s, %s risk, %d items: %d, %v, want %d", c.cadence, risk, c.n, got, err, c.want[i])
			}
		}
	}
}

func TestSizeRefuses(t *testing.T) {
	p := sample.Customary()
	for _, c := range []struct {
		cadence sample.Cadence
		risk    sample.Risk
		n       int
		want    string
	}{
		{"fortnightly", sample.Low, 1, "annual, semi-annual, quarterly"},
		{sample.Daily, "extreme", 1, "low, moderate, high"},
		{sample.Event, sample.Low, -1, "0 items or more"},
	} {
		_, err := p.Size(c.cadence, c.risk, c.n)
		wants(t, err, c.want)
	}
}

func TestLimitsAndExtension(t *testing.T) {
	p := sample.Customary()
	for risk, want := range map[sample.Risk]sample.Limits{
		sample.Low:      {Confidence: 0.90, Tolerable: 0.10},
		sample.Moderate: {Confidence: 0.90, Tolerable: 0.10},
		sample.High:     {Confidence: 0.95, Tolerable: 0.05},
		"extreme":       {},
	} {
		if got := p.Limits(risk); got != want {
			t.Errorf("%s: %+v, want %+v", risk, got, want)
		}
	}
	// Scenario 2: one deviation of 25 asks for 38, two ask for 52.
	for k, want := range []int{22, 38, 52} {
		if got := p.ExtendTo(sample.Low, k); got != want {
			t.Errorf("with %d deviations to %d, want %d", k, got, want)
		}
	}
	if got := p.ExtendTo(sample.High, 1); got != 93 {
		t.Errorf("at high risk to %d, want 93", got)
	}
}

func TestProfileIsData(t *testing.T) {
	b, err := json.Marshal(sample.Customary())
	if err != nil {
		t.Fatal(err)
	}
	var back sample.Profile
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample.Customary(), back); diff != "" {
		t.Error(diff)
	}
}

func TestProfileRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(p *sample.Profile)
		want   string
	}{
		"no name":                {func(p *sample.Profile) { p.Name = "" }, "a name"},
		"no version":             {func(p *sample.Profile) { p.Version = 0 }, "version from 1"},
		"a cadence left out":     {func(p *sample.Profile) { delete(p.Scheduled, sample.Weekly) }, "weekly: numbers from 1"},
		"an unknown cadence":     {func(p *sample.Profile) { p.Scheduled["yearly"] = sample.ByRisk{Low: 1, Moderate: 1, High: 1} }, "none of the scheduled"},
		"less at higher risk":    {func(p *sample.Profile) { p.Scheduled[sample.Daily] = sample.ByRisk{Low: 30, Moderate: 20, High: 40} }, "30, 20, 40"},
		"no bands":               {func(p *sample.Profile) { p.Events = nil }, "at least one band"},
		"bands from 2":           {func(p *sample.Profile) { p.Events = p.Events[1:] }, "first band is from 1"},
		"falling bands":          {func(p *sample.Profile) { p.Events[3].From = 4 }, "bands ascend"},
		"an empty band":          {func(p *sample.Profile) { p.Events[3].Least.Low = 0 }, "events from 13: least"},
		"a falling share":        {func(p *sample.Profile) { p.Events[4].Percent.High = 1 }, "events from 53: percent"},
		"more than all":          {func(p *sample.Profile) { p.Events[4].Percent.High = 101 }, "at most 100 percent"},
		"no cap":                 {func(p *sample.Profile) { p.Caps = sample.ByRisk{} }, "caps"},
		"negative looks":         {func(p *sample.Profile) { p.Looks.Low = -1 }, "looks"},
		"a confidence of a coin": {func(p *sample.Profile) { p.Support.High.Confidence = 0.5 }, "support, high risk: a confidence"},
		"all is tolerable":       {func(p *sample.Profile) { p.Support.Low.Tolerable = 1 }, "support, low risk: a tolerable rate"},
		"negative extensions":    {func(p *sample.Profile) { p.Extensions = -1 }, "extensions"},
	} {
		t.Run(name, func(t *testing.T) {
			p := sample.Customary()
			c.change(&p)
			wants(t, p.Validate(), c.want)
		})
	}
}
