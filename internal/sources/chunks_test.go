package sources_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/sources"
)

// anyDoor draws a resource as a collector could hand it over.
func anyDoor(t *rapid.T) sources.Resource {
	text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	r := sources.Resource{Kind: "door", Key: text.Filter(func(s string) bool { return s != "" && len(s) < 500 }).Draw(t, "key"), Attrs: map[string]any{}}
	values := map[string]func() any{
		"name":   func() any { return text.Draw(t, "name") },
		"open":   func() any { return rapid.Bool().Draw(t, "open") },
		"height": func() any { return rapid.Int64().Draw(t, "height") },
		"made":   func() any { return time.UnixMilli(rapid.Int64Range(-62135596799999, 253402300799999).Draw(t, "made")) },
		"locks":  func() any { return rapid.SliceOf(text).Draw(t, "locks") },
		"tags":   func() any { return rapid.MapOf(rapid.String(), text).Draw(t, "tags") },
	}
	for _, name := range door.FieldNames() {
		switch rapid.IntRange(0, 2).Draw(t, "state of "+name) {
		case 0:
			r.Attrs[name] = values[name]()
		case 1:
			if r.Absent == nil {
				r.Absent = map[string]string{}
			}
			r.Absent[name] = "because " + text.Draw(t, "reason")
		}
	}
	return r
}

func TestChunksGiveBackWhatWasTakenIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := newIntake()
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			_ = in.Add(anyDoor(t)) // the same key drawn twice is refused
		}
		want := in.Resources("door")
		chunks, err := sources.CutChunks(want)
		if err != nil {
			t.Fatal(err)
		}
		var got []sources.Resource
		for _, c := range chunks {
			part, err := sources.DecodeChunk(c.Data, door)
			if err != nil {
				t.Fatal(err)
			}
			if len(part) != c.Count {
				t.Fatalf("%d resources in a chunk of %d", len(part), c.Count)
			}
			got = append(got, part...)
		}
		byKey := cmpopts.SortSlices(func(a, b sources.Resource) bool { return a.Key < b.Key })
		if diff := cmp.Diff(want, got, byKey, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func manyDoors(n int) []sources.Resource {
	doors := make([]sources.Resource, n)
	for i := range doors {
		doors[i] = sources.Resource{Kind: "door", Key: fmt.Sprintf("door-%06d", i), Attrs: map[string]any{"height": int64(i)}}
	}
	return doors
}

func TestChangeOfOneResourceChangesOneChunk(t *testing.T) {
	doors := manyDoors(20_000)
	before, err := sources.CutChunks(doors)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[32]byte]bool{}
	for _, c := range before {
		seen[c.SHA256] = true
		if c.Count < 300 || c.Count > 1500 {
			t.Errorf("a chunk of %d: about a thousand is the aim", c.Count)
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(doors), func(i, j int) { doors[i], doors[j] = doors[j], doors[i] })
	doors[77].Attrs = map[string]any{"height": int64(-1)}
	after, err := sources.CutChunks(doors)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, c := range after {
		if !seen[c.SHA256] {
			changed++
		}
	}
	if changed != 1 || len(after) != len(before) {
		t.Errorf("%d of %d chunks changed, want 1 of %d", changed, len(after), len(before))
	}
}

func TestChunkBytesAreFixed(t *testing.T) {
	chunks, err := sources.CutChunks([]sources.Resource{{
		Kind: "door", Key: "a\"\\/\n\x01é\u2028<",
		Attrs:  map[string]any{"open": false, "made": start, "height": int64(-9223372036854775808), "locks": []string{}, "tags": map[string]string{"b": "2", "a": "1"}},
		Absent: map[string]string{"name": "no sign"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"absent":{"name":"no sign"},"attrs":{"height":-9223372036854775808,"locks":[],"made":"2026-11-01T00:00:00.000Z","open":false,"tags":{"a":"1","b":"2"}},"key":"a\"\\/\n\u0001é` + "\u2028" + `<","kind":"door"}` + "\n"
	if diff := cmp.Diff(want, string(chunks[0].Data)); diff != "" {
		t.Error(diff)
	}
	none, err := sources.CutChunks(nil)
	if err != nil || none != nil {
		t.Errorf("no resource gave %v, %v", none, err)
	}
}

func TestDecodeChunkAcceptsOneSpellingOnly(t *testing.T) {
	const good = `{"absent":{},"attrs":{"height":1,"name":"n"},"key":"a","kind":"door"}` + "\n"
	if _, err := sources.DecodeChunk([]byte(good), door); err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for rule, text := range map[string]string{
		"cut off":             strings.TrimSuffix(good, "\n"),
		"empty line":          good + "\n",
		"keys out of order":   good + good,
		"two values":          change("}\n", "} {}\n"),
		"space":               change(`"key":"a"`, `"key": "a"`),
		"unknown member":      change(`"absent":{}`, `"absent":{},"also":1`),
		"folded member":       change(`"key"`, `"Key"`),
		"duplicate member":    change(`"key":"a"`, `"key":"b","key":"a"`),
		"duplicate field":     change(`"height":1`, `"height":2,"height":1`),
		"number as float":     change(`1,`, `1.0,`),
		"number as exponent":  change(`1,`, `1e0,`),
		"number too large":    change(`1,`, `9223372036854775808,`),
		"number as text":      change(`1,`, `"1",`),
		"null":                change(`"n"`, `null`),
		"other escape":        change(`"n"`, `"\u006e"`),
		"broken UTF-8":        change(`"n"`, "\"\xff\""),
		"unknown field":       change(`height`, `colour`),
		"other kind":          change(`"door"`, `"window"`),
		"no key":              change(`"key":"a"`, `"key":""`),
		"absent and present":  change(`"absent":{}`, `"absent":{"name":"x"}`),
		"absent as null":      change(`"absent":{}`, `"absent":null`),
		"time without millis": change(`"name":"n"`, `"made":"2026-01-01T00:00:00Z"`),
		"time elsewhere":      change(`"name":"n"`, `"made":"2026-01-01T00:00:00.000+01:00"`),
	} {
		t.Run(rule, func(t *testing.T) {
			if r, err := sources.DecodeChunk([]byte(text), door); err == nil {
				t.Errorf("read %v from %q", r, text)
			}
		})
	}
}

func FuzzDecodeChunk(f *testing.F) {
	f.Add([]byte(`{"absent":{"name":"x"},"attrs":{"height":1,"made":"2026-01-01T00:00:00.000Z","tags":{"a":"b"}},"key":"a","kind":"door"}` + "\n"))
	f.Add([]byte(`{"absent":{},"attrs":{"locks":["a","\u0001"],"open":true},"key":"é","kind":"door"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := sources.DecodeChunk(data, door)
		if err != nil || len(found) == 0 {
			return
		}
		chunks, err := sources.CutChunks(found)
		if err != nil {
			t.Fatal(err)
		}
		if len(chunks) != 1 || string(chunks[0].Data) != string(data) {
			t.Errorf("read %q, would write %q", data, chunks[0].Data)
		}
	})
}
