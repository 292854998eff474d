package sample

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Method is how items are selected.
type Method string

// The methods that need no judgement. Only Random allows a statement about the
// whole population without further argument.
const (
	Random     Method = "random"
	Systematic Method = "systematic"
	Stratified Method = "stratified"
)

// A Pick is an item of a sample. Rank counts from 1, in a stratified sample
// within the stratum.
type Pick struct {
	Rank    int
	Item    string
	Stratum string
}

// Draw picks n of the items, which may come in any order. strata names the
// stratum of every item and is for Stratified only.
//
// A random sample is the beginning of every larger one. The others are not: a
// larger systematic one starts elsewhere, and a larger stratified one can give
// a stratum less. So a sample is extended by the next of the order, never by
// drawing again.
func Draw(seed Seed, items []string, strata map[string]string, method Method, n int) ([]Pick, error) {
	switch {
	case method != Random && method != Systematic && method != Stratified:
		return nil, fmt.Errorf("a method is one of random, systematic, stratified; this is %s", quote(string(method)))
	case (method == Stratified) != (strata != nil):
		return nil, fmt.Errorf("strata go with the method stratified and with no other")
	case n < 1:
		return nil, fmt.Errorf("a sample has at least 1 item; this has %d", n)
	case n > len(items):
		return nil, fmt.Errorf("a sample of %d cannot be drawn from a population of %d; draw at most all", n, len(items))
	}
	var ordered []string
	if method == Systematic {
		ordered = slices.Sorted(slices.Values(items))
	} else {
		ordered = seed.Order(items)
	}
	for i := 1; i < len(ordered); i++ {
		if ordered[i] == ordered[i-1] {
			return nil, fmt.Errorf("item %s is there twice; each item of a population has an id of its own", quote(ordered[i]))
		}
	}
	switch method {
	case Systematic:
		return every(ordered, seed.Start(len(items)), n), nil
	case Stratified:
		return within(ordered, strata, n)
	}
	picks := make([]Pick, n)
	for i := range picks {
		picks[i] = Pick{Rank: i + 1, Item: ordered[i]}
	}
	return picks, nil
}

// every takes n of the items at equal distances.
func every(items []string, start, n int) []Pick {
	picks := make([]Pick, n)
	for i := range picks {
		at := (int64(start) + int64(i)*int64(len(items))) / int64(n)
		picks[i] = Pick{Rank: i + 1, Item: items[at]}
	}
	return picks
}

// within takes the first of each stratum. The items are in the order of their
// ranks, the picks by stratum.
func within(items []string, strata map[string]string, n int) ([]Pick, error) {
	sizes := map[string]int{}
	for _, item := range items {
		stratum := strata[item]
		if stratum == "" {
			return nil, fmt.Errorf("item %s has no stratum; every item of a population has one", quote(item))
		}
		sizes[stratum]++
	}
	due, err := Allocate(sizes, n)
	if err != nil {
		return nil, err
	}
	picks := make([]Pick, 0, n)
	taken := map[string]int{}
	for _, item := range items {
		if stratum := strata[item]; taken[stratum] < due[stratum] {
			taken[stratum]++
			picks = append(picks, Pick{Rank: taken[stratum], Item: item, Stratum: stratum})
		}
	}
	slices.SortStableFunc(picks, func(a, b Pick) int { return strings.Compare(a.Stratum, b.Stratum) })
	return picks, nil
}

// Order puts all items in the order of their ranks. The first n are the random
// sample; what an extension or an approved replacement takes comes next.
func (s Seed) Order(items []string) []string {
	type ranked struct {
		rank [sha256.Size]byte
		item string
	}
	all := make([]ranked, len(items))
	mac := hmac.New(sha256.New, s[:])
	var buf []byte
	for i, item := range items {
		mac.Reset()
		buf = append(buf[:0], item...)
		mac.Write(buf)
		mac.Sum(all[i].rank[:0])
		all[i].item = item
	}
	slices.SortFunc(all, func(a, b ranked) int {
		if c := bytes.Compare(a.rank[:], b.rank[:]); c != 0 {
			return c
		}
		return strings.Compare(a.item, b.item)
	})
	out := make([]string, len(all))
	for i, r := range all {
		out[i] = r.item
	}
	return out
}

// Start is s of a systematic sample: where in a population of that size it
// begins, times n.
func (s Seed) Start(population int) int {
	if population < 1 {
		return 0
	}
	mac := hmac.New(sha256.New, s[:])
	mac.Write([]byte("systematic-start"))
	return int(binary.BigEndian.Uint64(mac.Sum(nil)) % uint64(population))
}

// Allocate shares n items out to strata in proportion to their sizes, by
// largest remainder. Then each stratum that has items but got none takes one
// from the largest share. Ties are broken by name, the earlier name first.
//
// It refuses an n smaller than the number of strata that have items: not all
// could be looked at, and which is left out is not for arithmetic to decide.
func Allocate(sizes map[string]int, n int) (map[string]int, error) {
	names := slices.Sorted(maps.Keys(sizes))
	total, filled := 0, 0
	for _, name := range names {
		size := sizes[name]
		if size < 0 || size > math.MaxInt32-total {
			return nil, fmt.Errorf("stratum %s has %d items; strata have 0 to %d together", quote(name), size, math.MaxInt32)
		}
		total += size
		if size > 0 {
			filled++
		}
	}
	switch {
	case n < 1 || n > total:
		return nil, fmt.Errorf("a sample of %d cannot be drawn from strata with %d items together; draw between 1 and all", n, total)
	case n < filled:
		return nil, fmt.Errorf("a sample of %d cannot hold one item of each of %d strata; draw at least %d or join strata", n, filled, filled)
	}
	due := make(map[string]int, len(sizes))
	remainder := make(map[string]int64, len(sizes))
	left := n
	for _, name := range names {
		share := int64(n) * int64(sizes[name])
		due[name], remainder[name] = int(share/int64(total)), share%int64(total)
		left -= due[name]
	}
	byRemainder := slices.Clone(names)
	slices.SortStableFunc(byRemainder, func(a, b string) int { return cmp.Compare(remainder[b], remainder[a]) })
	for _, name := range byRemainder[:left] {
		due[name]++
	}
	for _, name := range names {
		if sizes[name] > 0 && due[name] == 0 {
			due[largest(names, due)]--
			due[name]++
		}
	}
	return due, nil
}

// largest is the first of the names that have the most.
func largest(names []string, due map[string]int) string {
	return slices.MaxFunc(names, func(a, b string) int { return cmp.Compare(due[a], due[b]) })
}
