package sources_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/sources"
)

// cutAtOnce is how chunks were cut when a run was held whole: the bytes must be
// these for ever, or no chunk is equal to yesterday's.
func cutAtOnce(t *testing.T, resources []sources.Resource) [][]byte {
	t.Helper()
	type line struct {
		place uint64
		key   string
		data  []byte
	}
	lines, total := make([]line, len(resources)), 0
	for i, r := range resources {
		data, err := sources.Line(r)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256([]byte(r.Key))
		lines[i] = line{binary.BigEndian.Uint64(digest[:8]), r.Key, data}
		total += len(data)
	}
	width := 0
	for len(lines)>>width > 1000 || total>>width > 4<<20 {
		width++
	}
	for i := range lines {
		lines[i].place >>= 64 - width
	}
	sort.Slice(lines, func(i, j int) bool {
		if lines[i].place != lines[j].place {
			return lines[i].place < lines[j].place
		}
		return lines[i].key < lines[j].key
	})
	var out [][]byte
	for i, l := range lines {
		if i == 0 || lines[i-1].place != l.place {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], l.data...)
	}
	return out
}

func TestSpillingChangesNoByte(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 999, 1001, 5000, 20_000} {
		for _, limit := range []int{0, 1000, 200_000} {
			t.Run(fmt.Sprintf("%d in %d", n, limit), func(t *testing.T) {
				if limit == 1000 && n > 5000 {
					t.Skip("as many stretches as resources say nothing more")
				}
				in := newIntake()
				defer in.Close()
				in.Tight(limit)
				doors := manyDoors(n)
				for i := range doors {
					doors[i].Attrs["name"] = strings.Repeat("x", r.IntN(300))
				}
				want := cutAtOnce(t, doors)
				r.Shuffle(n, func(i, j int) { doors[i], doors[j] = doors[j], doors[i] })
				for _, d := range doors {
					if err := in.Add(d); err != nil {
						t.Fatal(err)
					}
				}
				if s := sources.Stretches(in, "door"); limit > 0 && n > 5000 && s < 10 {
					t.Errorf("only %d stretches: nothing was spilled", s)
				}
				got, err := sources.Cut(in, "door")
				if err != nil || len(got) != len(want) {
					t.Fatalf("%d chunks, want %d: %v", len(got), len(want), err)
				}
				for i := range got {
					if !bytes.Equal(got[i].Data, want[i]) {
						t.Fatalf("chunk %d of %d differs", i, len(got))
					}
				}
				if all := in.Resources("door"); len(all) != n || all[0].Key > all[n-1].Key {
					t.Errorf("%d resources are read back", len(all))
				}
				if err := in.Add(doors[0]); err == nil || !strings.Contains(err.Error(), "added twice") {
					t.Errorf("a key that was spilled is taken again: %v", err)
				}
			})
		}
	}
}
