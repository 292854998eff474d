// Package importertest holds what is asked of every importer: the same hostile
// files, the same refusals, and a way to read what it made of a good one.
package importertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// Now is when every import of a test takes place.
var Now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// Read imports a file.
func Read(t testing.TB, m sources.Importer, data []byte, skip bool) (*sources.Intake, error) {
	t.Helper()
	return readFrom(t, m, bytes.NewReader(data), skip)
}

func readFrom(t testing.TB, m sources.Importer, from io.Reader, skip bool) (*sources.Intake, error) {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	in := sources.NewIntake(schemas, clock.NewFixed(Now), nil)
	t.Cleanup(in.Close)
	if skip {
		in.SkipBad()
	}
	err = m.Import(context.Background(), from, json.RawMessage("{}"), in)
	if err == nil {
		err = in.Err()
	}
	return in, err
}

// Findings are the findings of an intake as lines: status, severity, rule, what
// it is about, and the fields asked for.
func Findings(in *sources.Intake, fields ...string) []string {
	var out []string
	for _, r := range in.Resources(sources.KindFinding) {
		line := fmt.Sprintf("%v %v %v", r.Attrs["status"], r.Attrs["severity"], r.Attrs["rule"])
		for _, f := range fields {
			line += fmt.Sprintf(" %v", r.Attrs[f])
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// placed is how a message says where.
var placed = regexp.MustCompile(`\$(\.|:| |$)|line \d+`)

// Refused checks that a file is refused in words that help.
func Refused(t testing.TB, m sources.Importer, data []byte, want ...string) {
	t.Helper()
	_, err := Read(t, m, data, false)
	Helps(t, err, placed)
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%v does not contain %q", err, w)
		}
	}
}

// Hostile tries files that no tool writes. Good is one that is accepted.
func Hostile(t *testing.T, m sources.Importer, good []byte) {
	if _, err := Read(t, m, good, false); err != nil {
		t.Fatal(err)
	}
	t.Run("with a byte order mark", func(t *testing.T) {
		if _, err := Read(t, m, append([]byte("\xef\xbb\xbf"), good...), false); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("truncated", func(t *testing.T) {
		whole := bytes.TrimSpace(good)
		for i := 1; i < len(whole); i += max(1, len(whole)/97) {
			if whole[i-1] == '\n' || whole[i] == '\n' { // of one to a line, a whole file
				continue
			}
			Refused(t, m, whole[:i])
		}
	})
	for name, file := range map[string]string{
		"a number":         "12",
		"a string":         `"text"`,
		"null":             "null",
		"lists in lists":   strings.Repeat("[", 10_000),
		"objects":          strings.Repeat(`{"a":`, 10_000),
		"deep in a row":    `[{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}]",
		"deep in a line":   `{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}",
		"a huge string":    `[{"a":"` + strings.Repeat("x", 9<<20) + `"}]`,
		"a huge name":      `{"` + strings.Repeat("x", 9<<20) + `":1}`,
		"numbers":          "[1,2,3]",
		"lists":            "[[],[]]",
		"nulls":            "[null]",
		"empty objects":    "[{},{}]",
		"an empty object":  "{}",
		"two documents":    "[] []",
		"a missing comma":  `[{"a":1}{"b":2}]`,
		"a trailing comma": `[{"a":1},]`,
		"broken escapes":   `[{"a":"\u12"}]`,
	} {
		t.Run(name, func(t *testing.T) { Refused(t, m, []byte(file)) })
	}
	for name, file := range Texts {
		t.Run("no format/"+name, func(t *testing.T) { Refused(t, m, []byte(file)) })
	}
	t.Run("mistyped", func(t *testing.T) { Mistyped(t, m, good) })
	t.Run("doubled", func(t *testing.T) { doubled(t, m, good) })
	t.Run("encoded", func(t *testing.T) { encoded(t, m, good) })
}

// Fuzz feeds what the fuzzer makes of the samples. Whatever it is, it is taken
// or refused; nothing else.
func Fuzz(f *testing.F, m sources.Importer, samples ...[]byte) {
	for _, s := range samples {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, skip bool) {
		m.Guess("file.json", data)
		if d, can := m.(sources.Describer); can {
			d.Describe("file.json", data)
		}
		in, err := Read(t, m, data, skip)
		if err != nil {
			if fault.KindOf(err) != fault.KindInvalid {
				t.Fatalf("neither taken nor refused: %v", err)
			}
			return
		}
		for _, kind := range in.Kinds() {
			for _, r := range in.Resources(kind) {
				if kind == sources.KindFinding && !slices.Contains([]any{"pass", "fail", "excepted", "unknown"}, r.Attrs["status"]) {
					t.Fatalf("status %v", r.Attrs["status"])
				}
			}
		}
	})
}
