package sample

import (
	"fmt"
	"slices"
)

// Risk is how much rests on a control, in the auditor's judgement.
type Risk string

// The risks, ascending.
const (
	Low      Risk = "low"
	Moderate Risk = "moderate"
	High     Risk = "high"
)

// Cadence is how often a control operates. It is a property of the control,
// not of the population: a control that operates many times a day does so also
// in a period in which little happened.
type Cadence string

// The cadences. An event-driven control operates when something happens; its
// sample follows the size of the population.
const (
	Annual      Cadence = "annual"
	SemiAnnual  Cadence = "semi-annual"
	Quarterly   Cadence = "quarterly"
	Monthly     Cadence = "monthly"
	SemiMonthly Cadence = "semi-monthly"
	Weekly      Cadence = "weekly"
	Daily       Cadence = "daily"
	ManyADay    Cadence = "many-a-day"
	Automated   Cadence = "automated"
	Event       Cadence = "event"
)

// scheduled are the cadences that a profile has a size for.
var scheduled = []Cadence{Annual, SemiAnnual, Quarterly, Monthly, SemiMonthly, Weekly, Daily, ManyADay}

// Cadences lists all, the rarest first.
func Cadences() []Cadence { return append(slices.Clone(scheduled), Automated, Event) }

// A Profile is a firm's methodology: how much is looked at and what outcome is
// tolerable. No standard fixes these numbers; the firm answers for them. A
// sample records the name and version of the profile that sized it.
type Profile struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	// Scheduled has the sizes for each cadence but automated and event.
	Scheduled map[Cadence]ByRisk `json:"scheduled"`
	// Events are the sizes for event-driven controls, by population, ascending.
	Events []Band `json:"events"`
	// Caps hold for every sample.
	Caps ByRisk `json:"caps"`
	// Looks is how often in the period an automated control is seen in force,
	// beside the test of each configuration version.
	Looks ByRisk `json:"looks"`
	// Support is when a result supports a control.
	Support Support `json:"support"`
	// Extensions is how often a sample may be extended. Each look weakens the
	// confidence that is stated.
	Extensions int `json:"extensions"`
}

// ByRisk is a number for each risk.
type ByRisk struct {
	Low      int `json:"low"`
	Moderate int `json:"moderate"`
	High     int `json:"high"`
}

// Of is the number for a risk; 0 for one that does not exist.
func (b ByRisk) Of(r Risk) int {
	switch r {
	case Low:
		return b.Low
	case Moderate:
		return b.Moderate
	case High:
		return b.High
	}
	return 0
}

// A Band sizes the samples of populations from From items to the next band:
// a share of them in percent, rounded up, but at least so many.
type Band struct {
	From    int    `json:"from"`
	Least   ByRisk `json:"least"`
	Percent ByRisk `json:"percent"`
}

// Limits is when a result supports a control: the upper limit at this
// confidence is not above the tolerable rate.
type Limits struct {
	Confidence float64 `json:"confidence"`
	Tolerable  float64 `json:"tolerable"`
}

// Support has the limits for each risk.
type Support struct {
	Low      Limits `json:"low"`
	Moderate Limits `json:"moderate"`
	High     Limits `json:"high"`
}

// Customary is the profile to start from: what public tables of firms agree on,
// more or less.
func Customary() Profile {
	usual := Limits{Confidence: 0.90, Tolerable: 0.10}
	return Profile{
		Name: "customary-v1", Version: 1,
		Scheduled: map[Cadence]ByRisk{
			Annual:      {1, 1, 1},
			SemiAnnual:  {1, 1, 2},
			Quarterly:   {2, 2, 3},
			Monthly:     {2, 3, 5},
			SemiMonthly: {3, 5, 8},
			Weekly:      {5, 8, 15},
			Daily:       {20, 30, 40},
			ManyADay:    {25, 40, 60},
		},
		Events: []Band{
			{From: 1, Least: ByRisk{1, 1, 1}},
			{From: 2, Least: ByRisk{2, 2, 3}},
			{From: 5, Least: ByRisk{2, 3, 5}},
			{From: 13, Least: ByRisk{5, 8, 15}},
			{From: 53, Least: ByRisk{5, 8, 15}, Percent: ByRisk{10, 15, 25}},
			{From: 250, Least: ByRisk{25, 40, 60}},
		},
		Caps:       ByRisk{25, 40, 60},
		Looks:      ByRisk{0, 2, 3},
		Support:    Support{Low: usual, Moderate: usual, High: Limits{Confidence: 0.95, Tolerable: 0.05}},
		Extensions: 1,
	}
}

// Validate refuses a profile that leaves a case open or looks at less where
// more is at risk.
func (p Profile) Validate() error {
	if p.Name == "" || p.Version < 1 {
		return fmt.Errorf("a profile has a name and a version from 1")
	}
	for _, c := range scheduled {
		if err := p.Scheduled[c].validate(string(c), 1); err != nil {
			return err
		}
	}
	for c := range p.Scheduled {
		if !slices.Contains(scheduled, c) {
			return fmt.Errorf("scheduled: %s is none of the scheduled cadences", quote(string(c)))
		}
	}
	if err := p.validateEvents(); err != nil {
		return err
	}
	if err := p.Caps.validate("caps", 1); err != nil {
		return err
	}
	if err := p.Looks.validate("looks", 0); err != nil {
		return err
	}
	for _, r := range []Risk{Low, Moderate, High} {
		if err := p.Limits(r).Validate(); err != nil {
			return fmt.Errorf("support, %s risk: %w", r, err)
		}
	}
	if p.Extensions < 0 {
		return fmt.Errorf("extensions: 0 or more; this is %d", p.Extensions)
	}
	return nil
}

func (p Profile) validateEvents() error {
	for i, b := range p.Events {
		switch {
		case i == 0 && b.From != 1:
			return fmt.Errorf("events: the first band is from 1; this is from %d", b.From)
		case i > 0 && b.From <= p.Events[i-1].From:
			return fmt.Errorf("events: bands ascend; one from %d follows one from %d", b.From, p.Events[i-1].From)
		case b.Percent.High > 100:
			return fmt.Errorf("events from %d: a share is at most 100 percent", b.From)
		}
		if err := b.Least.validate(fmt.Sprintf("events from %d: least", b.From), 1); err != nil {
			return err
		}
		if err := b.Percent.validate(fmt.Sprintf("events from %d: percent", b.From), 0); err != nil {
			return err
		}
	}
	if len(p.Events) == 0 {
		return fmt.Errorf("events: at least one band, from 1")
	}
	return nil
}

func (b ByRisk) validate(what string, least int) error {
	if b.Low < least || b.Moderate < b.Low || b.High < b.Moderate {
		return fmt.Errorf("%s: numbers from %d that do not fall from low to high risk; these are %d, %d, %d", what, least, b.Low, b.Moderate, b.High)
	}
	return nil
}

// Validate refuses limits that no result could be held against.
func (l Limits) Validate() error {
	if !(l.Confidence > 0.5 && l.Confidence < 1) {
		return fmt.Errorf("a confidence lies between 0.5 and 1, such as 0.90; this is %v", l.Confidence)
	}
	if !(l.Tolerable > 0 && l.Tolerable < 1) {
		return fmt.Errorf("a tolerable rate lies between 0 and 1, such as 0.10; this is %v", l.Tolerable)
	}
	return nil
}

// Size is how many of N items to draw. N counts what the cadence speaks of:
// expected occurrences, events, and for an automated control its configuration
// versions, each of which is tested once. It is 0 only where N is.
func (p Profile) Size(c Cadence, r Risk, N int) (int, error) {
	most := p.Caps.Of(r)
	if !slices.Contains(Cadences(), c) {
		return 0, fmt.Errorf("a cadence is one of %s; this is %s", listed(Cadences()), quote(string(c)))
	}
	if r != Low && r != Moderate && r != High {
		return 0, fmt.Errorf("a risk is one of low, moderate, high; this is %s", quote(string(r)))
	}
	if N < 0 {
		return 0, fmt.Errorf("a population has 0 items or more; this has %d", N)
	}
	n := p.Scheduled[c].Of(r)
	switch c {
	case Automated:
		n = N
	case Event:
		n = p.sizeOfEvents(r, N)
	}
	return min(n, most, N), nil
}

func (p Profile) sizeOfEvents(r Risk, N int) int {
	n := 0
	for _, b := range p.Events {
		if N >= b.From {
			share := (int64(b.Percent.Of(r))*int64(N) + 99) / 100
			n = max(b.Least.Of(r), int(share))
		}
	}
	return n
}

// Limits is what a result is held against. For a risk that does not exist it is
// zero, which nothing meets.
func (p Profile) Limits(r Risk) Limits {
	switch r {
	case Low:
		return p.Support.Low
	case Moderate:
		return p.Support.Moderate
	case High:
		return p.Support.High
	}
	return Limits{}
}

// ExtendTo is how large a sample must become to support the control although k
// items deviate, if no further one does.
func (p Profile) ExtendTo(r Risk, k int) int {
	l := p.Limits(r)
	return SmallestN(k, l.Tolerable, l.Confidence)
}

func listed(all []Cadence) string {
	s := ""
	for i, c := range all {
		if i > 0 {
			s += ", "
		}
		s += string(c)
	}
	return s
}
