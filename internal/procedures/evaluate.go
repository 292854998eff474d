package procedures

import (
	"fmt"
	"math"
	"strconv"

	"github.com/tickmark/tickmark/internal/sample"
)

// results are what is known of a workpaper, as an evaluation needs it.
type results struct {
	limits     sample.Limits
	typeOne    bool
	basis      string
	method     string
	size       int // items to test
	total      int // items in the list
	tested     int // of which every attribute is marked
	deviating  int
	unknown    int // by full tests
	missed     int // occurrences that should have happened
	none       bool
	extended   bool
	extensions int // that the profile allows
	// Deviations by how they are classified.
	design, systematic, isolated, open int
	// refused says why nothing can be said: the list was rejected.
	refused  string
	lookBack *LookBack
}

// statistical reports whether a limit for the rest of the list may be stated.
func (x results) statistical() bool {
	return x.basis == BySample && (x.method == string(sample.Random) || x.method == string(sample.Systematic))
}

// exact reports whether every item was looked at, so that nothing is estimated.
func (x results) exact() bool {
	return x.basis != BySample || x.method == methodNone || x.total > 0 && x.size == x.total
}

// sound is the rate, in percent, from which a small sample speaks against a
// control by itself.
const sound = 20

// methodNone is the method of a list of which nothing is drawn.
const methodNone = "none"

// percent is k of n with four decimals, rounded half up.
func percent(k, n int) string {
	if n <= 0 {
		return ""
	}
	v := (int64(k)*2_000_000 + int64(n)) / (2 * int64(n))
	return fmt.Sprintf("%d.%04d", v/10_000, v%10_000)
}

// share writes a limit as percent with four decimals.
func share(x float64) string { return strconv.FormatFloat(x*100, 'f', 4, 64) }

// short writes a rate of the profile as percent without needless decimals.
func short(x float64) string {
	return strconv.FormatFloat(math.Round(x*1e6)/1e4, 'f', -1, 64)
}

// evaluate says what the results mean and what they propose. Nothing is decided
// here.
func evaluate(x results) Evaluation {
	e := Evaluation{Tested: x.tested, Size: x.size, Population: x.total, Deviations: x.deviating, Unknown: x.unknown,
		Confidence: short(x.limits.Confidence), Tolerable: short(x.limits.Tolerable), Exact: x.exact(), Extended: x.extended, LookBack: x.lookBack}
	e.Facts = fmt.Sprintf("%d of %d", x.deviating, x.tested)
	e.Observed = percent(x.deviating, x.tested)
	e.Meaningful = x.statistical() && !e.Exact && sample.Meaningful(x.tested)
	switch {
	case x.tested == 0:
	case e.Exact:
		e.Supports = float64(x.deviating) <= x.limits.Tolerable*float64(x.tested)
	case e.Meaningful:
		limit := sample.UpperLimit(x.tested, x.deviating, x.limits.Confidence)
		e.Limit, e.Supports = share(limit), limit <= x.limits.Tolerable
		e.Options, e.Curve = x.options(), x.curve()
	}
	e.Proposal, e.Why = x.propose(e)
	e.Extendable, e.Target = x.extendable(e)
	return e
}

// propose follows the table of control conclusions, top to bottom.
func (x results) propose(e Evaluation) (proposal, why string) {
	left := x.size - x.tested
	switch {
	case x.refused != "":
		return Undetermined, x.refused
	case x.design > 0:
		return NotDesigned, "A deviation has a design cause, so how the control operated does not matter."
	case x.none:
		return NoOccurrence, "The list is sealed empty: the control did not operate in the period."
	case x.missed > 0:
		return NotEffective, fmt.Sprintf("%d of %d occurrences that were due did not happen.", x.missed, x.total)
	case x.size == 0:
		return "", "Nothing is tested yet."
	case left > 0:
		return "", fmt.Sprintf("%d of %d items are left to test.", left, x.size)
	case x.unknown > 0:
		return Undetermined, fmt.Sprintf("%d of %d items could not be judged by the expression.", x.unknown, x.total)
	case x.deviating == 0:
		return Effective, x.cleanly(e)
	case x.typeOne:
		return NotDesigned, "The control is not as it is described."
	case x.systematic > 0:
		return NotEffective, "A deviation is systematic: others must be expected."
	}
	return x.deviant(e)
}

// cleanly says what a result without deviations is worth.
func (x results) cleanly(e Evaluation) string {
	switch {
	case x.basis == ByInspection:
		return "The control is as it is described."
	case e.Exact:
		return "Every item was looked at and none deviates."
	case !e.Meaningful:
		return "No deviation. So few items bound the rate of the rest loosely at best."
	case e.Supports:
		return fmt.Sprintf("No deviation, and at %s %% confidence at most %s %% of the rest deviate.", e.Confidence, e.Limit)
	}
	return fmt.Sprintf("No deviation, though at %s %% confidence up to %s %% of the rest may deviate, more than the tolerable %s %%.", e.Confidence, e.Limit, e.Tolerable)
}

// deviant is the proposal where some items deviate and no cause is decisive.
func (x results) deviant(e Evaluation) (proposal, why string) {
	small := e.Exact && x.tested < sample.MinMeaningful || !e.Exact && !e.Meaningful
	switch {
	case small && x.deviating*100 >= sound*x.tested:
		return NotEffective, fmt.Sprintf("%s %% deviate, which is %d %% or more.", e.Observed, sound)
	case small:
		return Judgement, fmt.Sprintf("%s of the items deviate; nothing is projected from them, and it is less than %d %%: the auditor judges.", e.Facts, sound)
	case !e.Supports && e.Exact:
		return NotEffective, fmt.Sprintf("Of all items %s %% deviate, more than the tolerable %s %%.", e.Observed, e.Tolerable)
	case !e.Supports:
		return NotEffective, fmt.Sprintf("At %s %% confidence up to %s %% deviate, more than the tolerable %s %%.", e.Confidence, e.Limit, e.Tolerable)
	case x.open > 0:
		return Judgement, "The rate is tolerable if each deviation is isolated, which nobody has stated yet."
	}
	return WithDeviations, "The rate is tolerable and each deviation is isolated; all are disclosed."
}

// extendable says whether more items may be drawn, and up to what size: only
// after a complete first sample whose deviations are all isolated, once, and
// where more items would do.
func (x results) extendable(e Evaluation) (bool, int) {
	if !e.Meaningful || x.deviating == 0 {
		return false, 0
	}
	target := min(sample.SmallestN(x.deviating, x.limits.Tolerable, x.limits.Confidence), x.total)
	return !e.Supports && !x.extended && x.extensions > 0 && x.tested == x.size && x.open == 0 && x.systematic == 0 && x.design == 0 &&
		target > x.size, target
}

// options are what it would take: the sample as drawn with what was found so
// far, the smallest that would do, and that one with one deviation more.
func (x results) options() []Option {
	first := x.option(x.size, x.deviating)
	if first.Supports {
		return []Option{first}
	}
	out := []Option{first}
	n := sample.SmallestN(x.deviating, x.limits.Tolerable, x.limits.Confidence)
	if n > x.total || n <= x.size {
		return out
	}
	enough, worse := x.option(n, x.deviating), x.option(n, x.deviating+1)
	if x.extended {
		enough.Text += " The one extension is used."
	} else if !worse.Supports {
		worse.Text += " There is no second extension."
	}
	return append(out, enough, worse)
}

func (x results) option(n, k int) Option {
	limit := sample.UpperLimit(n, k, x.limits.Confidence)
	o := Option{N: n, Deviations: k, Limit: share(limit), Supports: limit <= x.limits.Tolerable, More: max(0, n-x.size)}
	what := fmt.Sprintf("%d deviations", k)
	if k == 1 {
		what = "1 deviation"
	}
	o.Text = fmt.Sprintf("%d items, %s: %s %%", n, what, o.Limit)
	switch {
	case !o.Supports:
		o.Text += fmt.Sprintf(", above %s %%. Not supported.", short(x.limits.Tolerable))
	case o.More > 0:
		o.Text += fmt.Sprintf(". Supported. %d more, ranks %d to %d.", o.More, x.size+1, n)
	default:
		o.Text += ". Supported."
	}
	return o
}

// curvePoints is about how many points the curve of limits has.
const curvePoints = 40

// curve is the limit for what deviates now, over the number of items.
func (x results) curve() []Point {
	end := x.size
	if n := sample.SmallestN(x.deviating, x.limits.Tolerable, x.limits.Confidence); n > end && n <= x.total {
		end = n
	}
	start := min(max(5, x.deviating+2), x.tested)
	step := max(1, (end-start)/curvePoints)
	var out []Point
	add := func(n int) {
		if len(out) > 0 && out[len(out)-1].N >= n {
			return
		}
		out = append(out, Point{N: n, Limit: share(sample.UpperLimit(n, x.deviating, x.limits.Confidence)), Ahead: n > x.tested})
	}
	for n := start; n <= end; n += step {
		for _, exact := range []int{x.tested, x.size} { // these have points of their own
			if exact > n-step && exact < n {
				add(exact)
			}
		}
		add(n)
	}
	add(end)
	return out
}
