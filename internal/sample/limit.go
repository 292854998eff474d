package sample

import "math"

// slack lets a probability that equals its bound be found equal, though both
// were rounded.
const slack = 1e-12

// MinMeaningful is the smallest sample of which a limit says something.
const MinMeaningful = 20

// Meaningful reports whether a sample of n is large enough for its limit to be
// shown.
func Meaningful(n int) bool { return n >= MinMeaningful }

// sane reports whether k of n is a result, and confidence one that can be
// asked for.
func sane(n, k int, confidence float64) bool {
	return k >= 0 && n >= 1 && k <= n && confidence > 0.5 && confidence < 1
}

// UpperLimit is the highest rate of deviation that a random sample of n with k
// deviations leaves possible at a confidence between 0.5 and 1: the exact
// one-sided binomial bound of Clopper and Pearson. For what is no result, and
// for k = n, it is 1, which supports nothing.
func UpperLimit(n, k int, confidence float64) float64 {
	if !sane(n, k, confidence) || k == n {
		return 1
	}
	low, high := float64(k)/float64(n), 1.0
	for {
		mid := low + (high-low)/2
		if mid <= low || mid >= high {
			return high
		}
		if excludes(n, k, mid, confidence) {
			high = mid
		} else {
			low = mid
		}
	}
}

// excludes reports whether at rate p so few deviations would be unlikely.
func excludes(n, k int, p, confidence float64) bool {
	return atMost(n, k, p) <= (1-confidence)*(1+slack)
}

// UpperLimitOf is the limit for a population of known size, as a number of its
// items, by the hypergeometric distribution. But for whole items it is no higher
// than the binomial one, and much lower where the sample is a large part of the
// population; where it is all of it, it is k. For what is no result it is the
// whole population.
func UpperLimitOf(population, n, k int, confidence float64) int {
	if !sane(n, k, confidence) || n > population {
		return population
	}
	return last(k, population-(n-k), func(d int) bool { return !excludesOf(population, d, n, k, confidence) })
}

func excludesOf(population, d, n, k int, confidence float64) bool {
	return atMostOf(population, d, n, k) <= (1-confidence)*(1+slack)
}

// SmallestN is the smallest sample that with k deviations supports a tolerable
// rate, that is, whose UpperLimit is not above it. For what cannot be asked it
// is math.MaxInt, which no population has.
func SmallestN(k int, tolerable, confidence float64) int {
	if !sane(k+1, k, confidence) || !(tolerable > 0 && tolerable < 1) {
		return math.MaxInt
	}
	step := 1
	for !excludes(k+step, k, tolerable, confidence) {
		if step > math.MaxInt/4-k {
			return math.MaxInt
		}
		step *= 2
	}
	return 1 + last(k, k+step, func(n int) bool { return n == k || !excludes(n, k, tolerable, confidence) })
}

// SmallestNOf is SmallestN for a population of known size; false if even all of
// it would not support the rate.
func SmallestNOf(population, k int, tolerable, confidence float64) (int, bool) {
	bound := Tolerated(population, tolerable)
	if !sane(population, k, confidence) || !(tolerable > 0 && tolerable < 1) || k > bound || bound >= population {
		return 0, false
	}
	return 1 + last(k, population, func(n int) bool { return !excludesOf(population, bound+1, n, k, confidence) }), true
}

// Tolerated is the number of items of a population that may deviate at a
// tolerable rate.
func Tolerated(population int, tolerable float64) int {
	return int(float64(population) * tolerable * (1 + slack))
}

// last is the largest number from low to high for which ok holds. It holds for
// low, and for none after the first for which it does not.
func last(low, high int, ok func(int) bool) int {
	for low < high {
		mid := low + (high-low+1)/2
		if ok(mid) {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}

// atMost is P(X ≤ k) for X binomial in n and p.
func atMost(n, k int, p float64) float64 {
	odds, size := p/(1-p), float64(n)
	up := func(x float64) float64 { return (size - x) / (x + 1) * odds }
	return cumulate(float64(k), size*p, size, up, func(x float64) float64 { return binomial(size, x, p) })
}

// atMostOf is P(X ≤ k) for X the number of the d deviating items of a
// population among n drawn from it.
func atMostOf(population, d, n, k int) float64 {
	size, bad, drawn := float64(population), float64(d), float64(n)
	switch {
	case k >= min(d, n):
		return 1
	case k < n-(population-d):
		return 0
	}
	up := func(x float64) float64 { return (bad - x) / (x + 1) * ((drawn - x) / (size - bad - drawn + x + 1)) }
	share := drawn / size
	at := func(x float64) float64 {
		return binomial(bad, x, share) * (binomial(size-bad, drawn-x, share) / binomial(size, drawn, share))
	}
	return cumulate(float64(k), bad*share, min(bad, drawn), up, at)
}

// cumulate sums probabilities up to k, or away from 1 beyond k, whichever side
// of the mean is the smaller, until what is added no longer counts. up is the
// probability of x+1 in terms of that of x.
func cumulate(k, mean, most float64, up, at func(float64) float64) float64 {
	sum := 0.0
	if k < mean {
		for x, p := k, at(k); p > sum*1e-17; x-- {
			sum += p
			if x == 0 {
				break
			}
			p /= up(x - 1)
		}
		return min(sum, 1)
	}
	if k >= most {
		return 1
	}
	for x, p := k+1, at(k+1); p > sum*1e-17; x++ {
		sum += p
		p *= up(x)
	}
	return max(1-sum, 0)
}

// binomial is P(X = x), by the saddle-point expansion of C. Loader, Fast and
// Accurate Computation of Binomial Probabilities (2000): nothing large is
// subtracted from anything large, so it is as exact for millions as for ten.
func binomial(n, x, p float64) float64 {
	switch {
	case p <= 0 || p >= 1:
		if x == n*p {
			return 1
		}
		return 0
	case x == 0:
		return math.Exp(n * math.Log1p(-p))
	case x == n:
		return math.Exp(n * math.Log(p))
	}
	c := stirling(n) - stirling(x) - stirling(n-x) - deviance(x, n*p) - deviance(n-x, n*(1-p))
	return math.Exp(c) * math.Sqrt(n/(2*math.Pi*x*(n-x)))
}

// stirling is by how much Stirling's formula falls short of the logarithm of n
// factorial.
func stirling(n float64) float64 {
	if n < 16 {
		f, _ := math.Lgamma(n + 1)
		return f - (n+0.5)*math.Log(n) + n - 0.5*math.Log(2*math.Pi)
	}
	s := n * n
	return (1./12 - (1./360-(1./1260-(1./1680-1./1188/s)/s)/s)/s) / n
}

// deviance is x·ln(x/m) + m − x, also where x is close to m.
func deviance(x, m float64) float64 {
	if math.Abs(x-m) >= 0.1*(x+m) {
		return x*math.Log(x/m) + m - x
	}
	v := (x - m) / (x + m)
	sum, term := (x-m)*v, 2*x*v
	for j := 3.0; ; j += 2 {
		term *= v * v
		next := sum + term/j
		if next == sum {
			return sum
		}
		sum = next
	}
}
