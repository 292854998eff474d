package sample_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/sample"
)

func TestAllocate(t *testing.T) {
	for name, c := range map[string]struct {
		sizes map[string]int
		n     int
		want  map[string]int
	}{
		"the published example":                     {map[string]int{"emergency": 24, "standard": 36, "normal": 180}, 25, map[string]int{"emergency": 2, "standard": 4, "normal": 19}},
		"equal remainders go by name":               {map[string]int{"b": 5, "a": 5, "c": 5}, 4, map[string]int{"a": 2, "b": 1, "c": 1}},
		"an empty share takes one from the largest": {map[string]int{"big": 990, "mid": 9, "tiny": 1}, 10, map[string]int{"big": 8, "mid": 1, "tiny": 1}},
		"of equal largest the first by name gives":  {map[string]int{"y": 500, "x": 500, "tiny": 1}, 10, map[string]int{"x": 4, "y": 5, "tiny": 1}},
		"one of each":                       {map[string]int{"a": 100, "b": 1, "c": 1}, 3, map[string]int{"a": 1, "b": 1, "c": 1}},
		"a stratum without items gets none": {map[string]int{"a": 3, "none": 0}, 2, map[string]int{"a": 2, "none": 0}},
		"all":                               {map[string]int{"a": 3, "b": 4}, 7, map[string]int{"a": 3, "b": 4}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sample.Allocate(c.sizes, c.n)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAllocateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		sizes map[string]int
		n     int
		want  string
	}{
		"fewer than strata":  {map[string]int{"a": 9, "b": 9, "c": 9}, 2, "draw at least 3 or join strata"},
		"more than there is": {map[string]int{"a": 3, "b": 1}, 5, "4 items together"},
		"none":               {map[string]int{"a": 3}, 0, "draw between 1 and all"},
		"a negative size":    {map[string]int{"a": 3, "b": -1}, 1, `stratum "b" has -1 items`},
		"too much to count":  {map[string]int{"a": 1 << 30, "b": 1 << 30}, 1, "2147483647 together"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sample.Allocate(c.sizes, c.n)
			wants(t, err, c.want)
		})
	}
}

// wants sees that an error says what it should.
func wants(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error that says %q", err, want)
	}
}

func TestDrawRefuses(t *testing.T) {
	three := []string{"a", "b", "c"}
	for name, c := range map[string]struct {
		items  []string
		strata map[string]string
		method sample.Method
		n      int
		want   string
	}{
		"an unknown method":        {three, nil, "haphazard", 1, "random, systematic, stratified"},
		"no item":                  {three, nil, sample.Random, 0, "at least 1 item"},
		"more than all":            {three, nil, sample.Random, 4, "population of 3"},
		"an empty population":      {nil, nil, sample.Random, 1, "population of 0"},
		"an id twice":              {[]string{"a", "b", "a"}, nil, sample.Random, 1, `"a" is there twice`},
		"an id twice, by distance": {[]string{"a", "b", "a"}, nil, sample.Systematic, 1, `"a" is there twice`},
		"strata without need":      {three, map[string]string{"a": "x", "b": "x", "c": "x"}, sample.Random, 1, "with no other"},
		"no strata":                {three, nil, sample.Stratified, 1, "strata go with"},
		"an item without stratum":  {three, map[string]string{"a": "x", "c": "x"}, sample.Stratified, 1, `"b" has no stratum`},
		"fewer than strata":        {three, map[string]string{"a": "x", "b": "y", "c": "z"}, sample.Stratified, 2, "draw at least 3"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sample.Draw(sample.Seed{}, c.items, c.strata, c.method, c.n)
			wants(t, err, c.want)
		})
	}
}

// population draws distinct ids.
func population(t *rapid.T, most int) []string {
	return rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Z]{1,3}-[0-9]{1,4}`), 1, most, rapid.ID).Draw(t, "items")
}

func aSeed(t *rapid.T) sample.Seed {
	return sample.Seed(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
}

func must(t *rapid.T, s sample.Seed, items []string, strata map[string]string, m sample.Method, n int) []sample.Pick {
	picks, err := sample.Draw(s, items, strata, m, n)
	if err != nil {
		t.Fatal(err)
	}
	return picks
}

func TestDrawKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, items := aSeed(t), population(t, 60)
		n := rapid.IntRange(1, len(items)).Draw(t, "n")
		method := rapid.SampledFrom([]sample.Method{sample.Random, sample.Systematic, sample.Stratified}).Draw(t, "method")
		var strata map[string]string
		if method == sample.Stratified {
			strata = map[string]string{}
			for _, item := range items {
				strata[item] = item[:1]
			}
			n = max(n, len(slices.Compact(slices.Sorted(maps.Values(strata)))))
		}
		picks := must(t, s, items, strata, method, n)
		if len(picks) != n {
			t.Fatalf("%d picks, want %d", len(picks), n)
		}
		seen := map[string]bool{}
		for _, p := range picks {
			if seen[p.Item] || !slices.Contains(items, p.Item) || p.Stratum != strata[p.Item] {
				t.Fatalf("%+v is there twice, is no item or is of another stratum", p)
			}
			seen[p.Item] = true
		}
		shuffled := rapid.Permutation(items).Draw(t, "shuffled")
		if diff := cmp.Diff(picks, must(t, s, shuffled, strata, method, n)); diff != "" {
			t.Fatalf("the order of the items matters:\n%s", diff)
		}
		if all := s.Order(items); method == sample.Random {
			for i, p := range picks {
				if p.Item != all[i] || p.Rank != i+1 {
					t.Fatalf("pick %d is %+v, the order has %s", i, p, all[i])
				}
			}
		}
	})
}

func TestRandomIsAPrefixOfMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, items := aSeed(t), population(t, 60)
		n := rapid.IntRange(1, len(items)).Draw(t, "n")
		more := rapid.IntRange(n, len(items)).Draw(t, "more")
		few, many := must(t, s, items, nil, sample.Random, n), must(t, s, items, nil, sample.Random, more)
		if diff := cmp.Diff(few, many[:n]); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAllocationAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.MapOfN(rapid.StringMatching(`[a-z]{1,2}`), rapid.IntRange(0, 500), 1, 12).Draw(t, "sizes")
		total, filled := 0, 0
		for _, size := range sizes {
			total += size
			filled += min(size, 1)
		}
		if total == 0 {
			t.Skip("nothing to draw from")
		}
		n := rapid.IntRange(filled, total).Draw(t, "n")
		due, err := sample.Allocate(sizes, n)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for name, size := range sizes {
			if due[name] > size || due[name] < min(size, 1) {
				t.Fatalf("stratum %s of %d gets %d", name, size, due[name])
			}
			sum += due[name]
		}
		if sum != n || len(due) != len(sizes) {
			t.Fatalf("shares of %d strata are %d together, want %d of %d", len(due), sum, n, len(sizes))
		}
	})
}

func TestSystematicSpreads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, size := aSeed(t), rapid.IntRange(1, 2000).Draw(t, "size")
		n := rapid.IntRange(1, size).Draw(t, "n")
		items := make([]string, size)
		for i := range items {
			items[i] = fmt.Sprintf("%04d", i)
		}
		before := ""
		for _, p := range must(t, s, items, nil, sample.Systematic, n) {
			if p.Item <= before {
				t.Fatalf("%s comes after %s", p.Item, before)
			}
			before = p.Item
		}
		if start := s.Start(size); start < 0 || start >= size {
			t.Fatalf("start %d of %d", start, size)
		}
	})
}

// TestLargerStrataMayGetLess pins why a stratified sample is not extended by
// drawing again: c has two of ten, and one of eleven.
func TestLargerStrataMayGetLess(t *testing.T) {
	sizes := map[string]int{"a": 60, "b": 60, "c": 20}
	ten, err := sample.Allocate(sizes, 10)
	if err != nil {
		t.Fatal(err)
	}
	eleven, err := sample.Allocate(sizes, 11)
	if err != nil {
		t.Fatal(err)
	}
	if ten["c"] != 2 || eleven["c"] != 1 {
		t.Errorf("of 10 c gets %d, of 11 %d", ten["c"], eleven["c"])
	}
}

func BenchmarkMillion(b *testing.B) {
	items := make([]string, 1_000_000)
	rows := make([]string, len(items))
	for i := range items {
		items[i] = fmt.Sprintf("CHG-%07d", len(items)-i)
		rows[i] = rowOf(items[i])
	}
	b.ReportAllocs()
	for b.Loop() {
		s, _ := seedOf(b, rows)
		if all := s.Order(items); len(all) != len(items) {
			b.Fatal("items are missing")
		}
	}
}
