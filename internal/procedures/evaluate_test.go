package procedures

import (
	"strconv"
	"testing"

	"github.com/tickmark/tickmark/internal/sample"
)

var (
	usual = sample.Limits{Confidence: 0.90, Tolerable: 0.10}
	harsh = sample.Limits{Confidence: 0.95, Tolerable: 0.05}
)

// drawn is a complete random sample of 240 changes.
func drawn(n, k int, limits sample.Limits) results {
	return results{limits: limits, basis: BySample, method: "random", size: n, total: 240, tested: n, deviating: k, extensions: 1}
}

func TestLimitsAreThoseOfTheTable(t *testing.T) {
	for _, c := range []struct {
		n, k     int
		limits   sample.Limits
		limit    string
		supports bool
	}{
		{25, 0, usual, "8.7989", true},
		{25, 0, harsh, "11.2928", false},
		{25, 1, usual, "14.6867", false},
		{38, 1, usual, "9.8547", true},
		{38, 2, usual, "13.4050", false},
		{38, 1, harsh, "11.8854", false},
		{60, 1, harsh, "7.6640", false},
		{93, 1, harsh, "4.9994", true},
		{93, 2, harsh, "6.6150", false},
	} {
		x := drawn(c.n, c.k, c.limits)
		x.isolated = c.k
		e := evaluate(x)
		if e.Limit != c.limit || e.Supports != c.supports || !e.Meaningful {
			t.Errorf("%d of %d at %s: %s, supports %t, meaningful %t; want %s, %t", c.k, c.n, e.Confidence, e.Limit, e.Supports, e.Meaningful, c.limit, c.supports)
		}
	}
}

func TestProposals(t *testing.T) {
	with := func(x results, change func(*results)) results { change(&x); return x }
	for _, c := range []struct {
		name, want string
		x          results
	}{
		{"nothing tested", "", drawn(25, 0, usual).but(0)},
		{"not all tested", "", drawn(25, 0, usual).but(24)},
		{"clean", Effective, drawn(25, 0, usual)},
		{"clean, though the limit is above the tolerable rate", Effective, drawn(25, 0, harsh)},
		{"one deviation in 25", NotEffective, drawn(25, 1, usual)},
		{"one isolated deviation in 38", WithDeviations, with(drawn(38, 1, usual), func(x *results) { x.isolated = 1 })},
		{"one deviation in 38, extent not stated", Judgement, with(drawn(38, 1, usual), func(x *results) { x.open = 1 })},
		{"one systematic deviation in 38", NotEffective, with(drawn(38, 1, usual), func(x *results) { x.systematic = 1 })},
		{"two in 38", NotEffective, with(drawn(38, 2, usual), func(x *results) { x.isolated = 2 })},
		{"a design cause", NotDesigned, with(drawn(25, 1, usual), func(x *results) { x.design = 1 })},
		{"a design cause before all is tested", NotDesigned, with(drawn(25, 1, usual).but(3), func(x *results) { x.design = 1 })},
		{"a missed quarter", NotEffective, results{limits: usual, basis: BySample, method: methodNone, size: 4, total: 4, tested: 4, deviating: 1, missed: 1}},
		{"an empty list", NoOccurrence, results{limits: usual, basis: BySample, method: methodNone, none: true}},
		{"a rejected list", Undetermined, results{limits: usual, basis: BySample, refused: "POP-08 was rejected"}},
		{"1 of 12 in full", Judgement, results{limits: usual, basis: InFull, size: 12, total: 12, tested: 12, deviating: 1, isolated: 1}},
		{"3 of 12 in full", NotEffective, results{limits: usual, basis: InFull, size: 12, total: 12, tested: 12, deviating: 3, isolated: 3}},
		{"2 of 240 in full", WithDeviations, results{limits: usual, basis: InFull, size: 240, total: 240, tested: 240, deviating: 2, isolated: 2}},
		{"25 of 240 in full", NotEffective, results{limits: usual, basis: InFull, size: 240, total: 240, tested: 240, deviating: 25, isolated: 25}},
		{"an unknown item in full", Undetermined, results{limits: usual, basis: InFull, size: 12, total: 12, tested: 12, unknown: 1}},
		{"clean in full", Effective, results{limits: usual, basis: InFull, size: 12, total: 12, tested: 12}},
		{"1 of 8", Judgement, results{limits: usual, basis: BySample, method: "random", size: 8, total: 52, tested: 8, deviating: 1, isolated: 1}},
		{"2 of 8", NotEffective, results{limits: usual, basis: BySample, method: "random", size: 8, total: 52, tested: 8, deviating: 2, isolated: 2}},
		{"strata are not projected from", Judgement, with(drawn(40, 1, usual), func(x *results) { x.method, x.isolated = "stratified", 1 })},
		{"a policy as described", Effective, results{limits: usual, basis: ByInspection, size: 1, total: 1, tested: 1}},
		{"a policy not as described", NotEffective, results{limits: usual, basis: ByInspection, size: 1, total: 1, tested: 1, deviating: 1, isolated: 1}},
		{"the same as of a date", NotDesigned, results{limits: usual, basis: ByInspection, typeOne: true, size: 1, total: 1, tested: 1, deviating: 1, isolated: 1}},
	} {
		if e := evaluate(c.x); e.Proposal != c.want {
			t.Errorf("%s: proposes %q (%s), want %q", c.name, e.Proposal, e.Why, c.want)
		} else if e.Why == "" {
			t.Errorf("%s: does not say why", c.name)
		}
	}
}

// but is the same with only so many tested.
func (x results) but(tested int) results { x.tested = tested; return x }

// Scenario 2: one in 25, extended to 38.
func TestAnExtensionGoesToTheSmallestSizeThatSupports(t *testing.T) {
	x := drawn(25, 1, usual)
	x.open = 1
	if e := evaluate(x); e.Extendable || e.Observed != "4.0000" || e.Limit != "14.6867" || e.Facts != "1 of 25" {
		t.Errorf("before it is classified: %+v", e)
	}
	x.open, x.isolated = 0, 1
	if e := evaluate(x); !e.Extendable || e.Target != 38 {
		t.Errorf("once it is isolated: extendable %t to %d", e.Extendable, e.Target)
	}
	for name, change := range map[string]func(*results){
		"systematic": func(x *results) { x.isolated, x.systematic = 0, 1 }, "design": func(x *results) { x.design = 1 },
		"incomplete": func(x *results) { x.tested = 24 }, "extended": func(x *results) { x.extended = true },
		"profile": func(x *results) { x.extensions = 0 }, "clean": func(x *results) { x.deviating = 0 },
		"stratified": func(x *results) { x.method = "stratified" },
	} {
		y := x
		change(&y)
		if evaluate(y).Extendable {
			t.Errorf("%s: extendable", name)
		}
	}
	x.total = 30 // the whole list is smaller than what would be needed
	if e := evaluate(x); !e.Extendable || e.Target != 30 {
		t.Errorf("of 30: extendable %t to %d", e.Extendable, e.Target)
	}
}

// Picture 03: 38 of 60 tested at high risk, one deviation.
func TestWhatItWouldTake(t *testing.T) {
	x := drawn(60, 1, harsh).but(38)
	e := evaluate(x)
	if e.Limit != "11.8854" || e.Observed != "2.6316" || e.Confidence != "95" || e.Tolerable != "5" {
		t.Errorf("so far: %+v", e)
	}
	want := []Option{
		{N: 60, Deviations: 1, Limit: "7.6640", Text: "60 items, 1 deviation: 7.6640 %, above 5 %. Not supported."},
		{N: 93, Deviations: 1, Limit: "4.9994", Supports: true, More: 33, Text: "93 items, 1 deviation: 4.9994 %. Supported. 33 more, ranks 61 to 93."},
		{N: 93, Deviations: 2, Limit: "6.6150", More: 33, Text: "93 items, 2 deviations: 6.6150 %, above 5 %. Not supported. There is no second extension."},
	}
	if len(e.Options) != len(want) {
		t.Fatalf("options %+v", e.Options)
	}
	for i := range want {
		if e.Options[i] != want[i] {
			t.Errorf("option %d is %+v, want %+v", i, e.Options[i], want[i])
		}
	}
	points := map[int]string{}
	before := 1e9
	for i, p := range e.Curve {
		points[p.N] = p.Limit
		v, err := strconv.ParseFloat(p.Limit, 64)
		if err != nil || v > before || i > 0 && p.N <= e.Curve[i-1].N || p.Ahead != (p.N > 38) {
			t.Errorf("point %+v", p)
		}
		before = v
	}
	if points[38] != "11.8854" || points[60] != "7.6640" || points[93] != "4.9994" {
		t.Errorf("the curve passes %v", points)
	}
}

func TestPercentIsExact(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want string
	}{{1, 4, "25.0000"}, {1, 12, "8.3333"}, {2, 3, "66.6667"}, {0, 7, "0.0000"}, {7, 7, "100.0000"}, {1, 0, ""}, {1, 38, "2.6316"}, {999_999, 1_000_000, "99.9999"}} {
		if got := percent(c.k, c.n); got != c.want {
			t.Errorf("%d of %d is %s, want %s", c.k, c.n, got, c.want)
		}
	}
}
