package sample_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/sample"
)

func TestUpperLimit(t *testing.T) {
	// n, then k = 0 to 3, each at 90 % and 95 %, in percent.
	for _, row := range [][9]float64{
		{5, 36.9043, 45.0720, 58.3890, 65.7408, 75.3364, 81.0745, 88.7765, 92.3560},
		{8, 25.0106, 31.2344, 40.6245, 47.0679, 53.8215, 59.9689, 65.5377, 71.0759},
		{15, 14.2304, 18.1036, 23.5569, 27.9396, 31.7287, 36.3442, 39.2793, 43.9784},
		{20, 10.8749, 13.9108, 18.0961, 21.6106, 24.4765, 28.2619, 30.4187, 34.3664},
		{25, 8.7989, 11.2928, 14.6867, 17.6121, 19.9135, 23.1040, 24.8018, 28.1723},
		{30, 7.3881, 9.5034, 12.3570, 14.8596, 16.7813, 19.5326, 20.9299, 23.8598},
		{38, 5.8795, 7.5808, 9.8547, 11.8854, 13.4050, 15.6557, 16.7428, 19.1588},
		{40, 5.5939, 7.2158, 9.3797, 11.3188, 12.7628, 14.9152, 15.9449, 18.2587},
		{45, 4.9881, 6.4404, 8.3710, 10.1134, 11.3975, 13.3376, 14.2471, 16.3388},
		{59, 3.8275, 4.9508, 6.4334, 7.7898, 8.7699, 10.2889, 10.9737, 12.6207},
		{60, 3.7649, 4.8703, 6.3287, 7.6640, 8.6278, 10.1236, 10.7965, 12.4187},
		{93, 2.4455, 3.1699, 4.1181, 4.9994, 5.6215, 6.6150, 7.0424, 8.1263},
		{100, 2.2763, 2.9513, 3.8339, 4.6560, 5.2345, 6.1619, 6.5586, 7.5711},
	} {
		for i, want := range row[1:] {
			n, k, confidence := int(row[0]), i/2, 0.90+0.05*float64(i%2)
			if got := 100 * sample.UpperLimit(n, k, confidence); math.Abs(got-want) > 0.0001 {
				t.Errorf("n=%d k=%d at %v: %.4f %%, want %.4f %%", n, k, confidence, got, want)
			}
		}
	}
}

func TestSmallestN(t *testing.T) {
	for _, c := range []struct {
		confidence, tolerable float64
		want                  [6]int // k = 0 to 5
	}{
		{0.90, 0.05, [6]int{45, 77, 105, 132, 158, 184}},
		{0.90, 0.10, [6]int{22, 38, 52, 65, 78, 91}},
		{0.90, 0.20, [6]int{11, 18, 25, 32, 38, 45}},
		{0.95, 0.05, [6]int{59, 93, 124, 153, 181, 208}},
		{0.95, 0.10, [6]int{29, 46, 61, 76, 89, 103}},
		{0.95, 0.20, [6]int{14, 22, 30, 37, 44, 50}},
		// Where the probability equals the bound, rounding must not ask for more.
		{0.90, 0.90, [6]int{1, 3, 4, 5, 7, 8}},
		{0.75, 0.50, [6]int{2, 5, 7, 10, 12, 14}},
	} {
		for k, want := range c.want {
			if got := sample.SmallestN(k, c.tolerable, c.confidence); got != want {
				t.Errorf("k=%d, %v at %v: %d, want %d", k, c.tolerable, c.confidence, got, want)
			}
			if got := sample.UpperLimit(want, k, c.confidence); got > c.tolerable {
				t.Errorf("k=%d: %d items leave %v possible, more than %v", k, want, got, c.tolerable)
			}
			if got := sample.UpperLimit(want-1, k, c.confidence); got <= c.tolerable {
				t.Errorf("k=%d: one item less than %d supports %v too", k, want, c.tolerable)
			}
		}
	}
}

func TestUpperLimitOf(t *testing.T) {
	for _, c := range []struct{ n, k, at90, at95 int }{
		{25, 0, 20, 25}, {25, 1, 33, 40}, {40, 0, 12, 15}, {60, 0, 7, 10}, {60, 1, 13, 16},
		{240, 0, 0, 0}, {240, 3, 3, 3}, {1, 0, 215, 227}, {1, 1, 240, 240},
	} {
		if got := sample.UpperLimitOf(240, c.n, c.k, 0.90); got != c.at90 {
			t.Errorf("n=%d k=%d at 90 %%: %d, want %d", c.n, c.k, got, c.at90)
		}
		if got := sample.UpperLimitOf(240, c.n, c.k, 0.95); got != c.at95 {
			t.Errorf("n=%d k=%d at 95 %%: %d, want %d", c.n, c.k, got, c.at95)
		}
	}
}

func TestLimitsOfNoResult(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		n, k       int
		confidence float64
	}{{0, 0, 0.9}, {-1, 0, 0.9}, {5, 6, 0.9}, {5, -1, 0.9}, {5, 1, 1}, {5, 1, 0.5}, {5, 1, nan}, {5, 5, 0.9}} {
		if got := sample.UpperLimit(c.n, c.k, c.confidence); got != 1 {
			t.Errorf("%+v: limit %v, want 1", c, got)
		}
		if got := sample.UpperLimitOf(9, c.n, c.k, c.confidence); c.n != c.k && got != 9 {
			t.Errorf("%+v: limit %v of 9, want 9", c, got)
		}
	}
	if got := sample.UpperLimitOf(9, 10, 0, 0.9); got != 9 {
		t.Errorf("a sample larger than its population leaves %d of 9 possible, want 9", got)
	}
	for _, c := range [][2]float64{{0, 0.9}, {1, 0.9}, {nan, 0.9}, {0.1, 1}, {0.1, nan}, {1e-300, 0.9}} {
		if got := sample.SmallestN(0, c[0], c[1]); got != math.MaxInt {
			t.Errorf("%v: %d, want the largest number", c, got)
		}
	}
	if got := sample.SmallestN(-1, 0.1, 0.9); got != math.MaxInt {
		t.Errorf("k=-1: %d, want the largest number", got)
	}
}

// choose is n over k.
func choose(n, k int) *big.Int { return new(big.Int).Binomial(int64(n), int64(k)) }

// TestLimitInvertsTheDistribution holds the limits against sums of fractions.
func TestLimitInvertsTheDistribution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 150).Draw(t, "n")
		k := rapid.IntRange(0, n-1).Draw(t, "k")
		confidence := rapid.Float64Range(0.51, 0.999).Draw(t, "confidence")
		p := sample.UpperLimit(n, k, confidence)
		sum := new(big.Float).SetPrec(300)
		for x := range k + 1 {
			term := new(big.Float).SetPrec(300).SetInt(choose(n, x))
			for range x {
				term.Mul(term, big.NewFloat(p))
			}
			q := new(big.Float).SetPrec(300).Sub(big.NewFloat(1), big.NewFloat(p))
			for range n - x {
				term.Mul(term, q)
			}
			sum.Add(sum, term)
		}
		got, _ := sum.Float64()
		if math.Abs(got-(1-confidence)) > 1e-11 {
			t.Fatalf("at the limit %v the probability is %v, want %v", p, got, 1-confidence)
		}
	})
}

// exactly is P(X ≤ k) of the hypergeometric distribution as a fraction.
func exactly(population, d, n, k int) *big.Rat {
	sum := new(big.Int)
	for x := range k + 1 {
		sum.Add(sum, new(big.Int).Mul(choose(d, x), choose(population-d, n-x)))
	}
	return new(big.Rat).SetFrac(sum, choose(population, n))
}

func TestLimitOfInvertsTheDistribution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		population := rapid.IntRange(1, 300).Draw(t, "population")
		n := rapid.IntRange(1, population).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		confidence := rapid.Float64Range(0.51, 0.999).Draw(t, "confidence")
		d := sample.UpperLimitOf(population, n, k, confidence)
		least := new(big.Rat).SetFloat64(1 - confidence)
		if d < k || exactly(population, d, n, k).Cmp(least) <= 0 {
			t.Fatalf("%d is too many", d)
		}
		least.SetFloat64((1 - confidence) * (1 + 1e-11)) // a confidence such as 0.51 is not one in binary
		if d+1 <= population-(n-k) && exactly(population, d+1, n, k).Cmp(least) > 0 {
			t.Fatalf("%d is possible too", d+1)
		}
	})
}

func TestLimitsAreMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100_000).Draw(t, "n")
		k := rapid.IntRange(0, min(n, 3000)).Draw(t, "k")
		confidence := rapid.Float64Range(0.51, 0.999).Draw(t, "confidence")
		limit := sample.UpperLimit(n, k, confidence)
		if limit < float64(k)/float64(n) || limit > 1 {
			t.Fatalf("limit %v is below the observed rate or above 1", limit)
		}
		if more := sample.UpperLimit(n+1, k, confidence); more > limit+1e-13 {
			t.Fatalf("one more item raises the limit from %v to %v", limit, more)
		}
		if k < n {
			if more := sample.UpperLimit(n, k+1, confidence); more < limit {
				t.Fatalf("one more deviation lowers the limit from %v to %v", limit, more)
			}
		}
		population := n + rapid.IntRange(0, 100_000).Draw(t, "others")
		of := sample.UpperLimitOf(population, n, k, confidence)
		if k < n && float64(of-1)/float64(population) > limit+1e-9 { // less one: items are whole
			t.Fatalf("%d of %d is above the limit of the unknown population, %v", of, population, limit)
		}
	})
}

func TestSmallestNOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		population := rapid.IntRange(1, 400).Draw(t, "population")
		k := rapid.IntRange(0, min(8, population)).Draw(t, "k")
		tolerable := rapid.Float64Range(0.001, 0.999).Draw(t, "tolerable")
		confidence := rapid.Float64Range(0.51, 0.999).Draw(t, "confidence")
		n, ok := sample.SmallestNOf(population, k, tolerable, confidence)
		supports := func(n int) bool {
			return n >= 1 && sample.UpperLimitOf(population, n, k, confidence) <= sample.Tolerated(population, tolerable)
		}
		if ok != (k <= sample.Tolerated(population, tolerable)) {
			t.Fatalf("possible is %v", ok)
		}
		if ok && (!supports(n) || n > k && supports(n-1)) {
			t.Fatalf("%d is not the smallest", n)
		}
	})
	if n, ok := sample.SmallestNOf(240, 0, 0.10, 0.90); n != 21 || !ok {
		t.Errorf("240 items, 10 %% at 90 %%: %d %v, want 21", n, ok)
	}
	if n, ok := sample.SmallestNOf(240, 25, 0.10, 0.90); ok {
		t.Errorf("25 deviations of 240 are more than 10 %%, yet %d items support it", n)
	}
}

// TestLimitsOfMillions compares with sums in 60 digits.
func TestLimitsOfMillions(t *testing.T) {
	for _, c := range []struct {
		n, k             int
		confidence, want float64
	}{
		{1_000, 400, 0.95, 0.42617658666469145},
		{1_000_000, 1_000, 0.90, 0.0010417328150208212},
		{10_000_000, 3, 0.95, 7.753654685021902e-07},
		{10_000_000, 0, 0.90, -math.Expm1(math.Log(0.1) / 1e7)},
	} {
		if got := sample.UpperLimit(c.n, c.k, c.confidence); math.Abs(got/c.want-1) > 1e-11 {
			t.Errorf("%d of %d: %v, want %v", c.k, c.n, got, c.want)
		}
	}
	for _, c := range []struct {
		population, n, k int
		confidence       float64
		want             int
	}{
		{1_000_000, 1_000, 2, 0.90, 5_311},
		{10_000_000, 2_000, 30, 0.95, 202_902},
		{10_000_000, 10_000_000, 4_000_000, 0.90, 4_000_000},
	} {
		if got := sample.UpperLimitOf(c.population, c.n, c.k, c.confidence); got != c.want {
			t.Errorf("%d of %d of %d: %d, want %d", c.k, c.n, c.population, got, c.want)
		}
	}
}

func TestMeaningful(t *testing.T) {
	if sample.Meaningful(19) || !sample.Meaningful(20) {
		t.Error("a limit is shown from 20 items")
	}
}
