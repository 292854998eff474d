package bundle_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/sample"
)

// FuzzRows: what is taken for a row of a list is written in one way.
func FuzzRows(f *testing.F) {
	f.Add([]byte("CHG-0001\t" + strings.Repeat("ab", 32)))
	f.Add([]byte("CHG-0001\t" + strings.Repeat("AB", 32)))
	f.Add([]byte("CHG-0001"))
	f.Add([]byte("\t\t"))
	f.Add([]byte("\t" + strings.Repeat("0", 66)))
	f.Fuzz(func(t *testing.T, line []byte) {
		row, c, err := bundle.ParseRow(line)
		if err != nil {
			return
		}
		if err := sample.NewDigester().Add(row); err != nil {
			return // its item is not one
		}
		if again := sample.Row(sample.ItemOf(row), c); again != string(line) {
			t.Errorf("%q is taken for %q", line, again)
		}
	})
}

// FuzzRecords: what is taken for a record is canonical, so that its commitment
// binds one meaning.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("CHG-0001\t" + strings.Repeat("ab", 32) + "\t{\"a\":1}"))
	f.Add([]byte("CHG-0001\t" + strings.Repeat("ab", 32) + "\t{\"a\": 1}"))
	f.Add([]byte("\"\\\t" + strings.Repeat("ab", 32) + "\t{}"))
	f.Add([]byte("\t\t\t"))
	f.Fuzz(func(t *testing.T, line []byte) {
		item, c, err := bundle.ParseRecord(line)
		if err != nil {
			return
		}
		parts := bytes.SplitN(line, []byte("\t"), 3)
		v, err := canon.ParseJSON(parts[2])
		if err != nil || item != string(parts[0]) {
			t.Fatalf("%q: item %q, %v", line, item, err)
		}
		r, err := canon.ParseDigest(string(parts[1]))
		if err != nil {
			t.Fatal(err)
		}
		if sample.NewDigester().Add(item) != nil {
			return // no item of a list
		}
		payload, err := canon.JSON(map[string]any{"item": item, "record": v})
		if err != nil || canon.Commit(r, canon.LabelItem, string(payload)) != c {
			t.Errorf("%q commits to something else than %s (%v)", line, payload, err)
		}
	})
}

// FuzzDraw: what is taken for a draw is written in one way.
func FuzzDraw(f *testing.F) {
	for _, s := range []string{
		`{"picks":[{"item":"CHG-0001","rank":1}],"v":1}`,
		`{"picks":[{"item":"a\"\\","rank":1,"stratum":"s"}],"strata":[["a\"\\","s"],["b","t"]],"v":1}`,
		`{"picks":[],"v":1}`, `{"picks":[{"item":"","rank":0}],"v":1}`, `{"picks":[{"item":"a","rank":01}],"v":1}`, `{"picks":[{"item":"a`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		picks, strata, err := bundle.ParseDraw(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := bundle.EncodeDraw(picks, strata)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q is taken for %q (%v)", b, again, err)
		}
		v, err := canon.ParseJSON(b)
		if m, ok := v.(map[string]any); err != nil || !ok || len(m["picks"].([]any)) != len(picks) {
			t.Errorf("%q is not the JSON that it is taken for: %v", b, err)
		}
	})
}

// FuzzResults: what is taken for a result says one of three things of an item.
func FuzzResults(f *testing.F) {
	for _, s := range []string{"CHG-0001\tagrees", "CHG-0001\tdeviates", "\tunknown", "CHG-0001\tagrees\tagrees", "CHG-0001"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		item, status, err := bundle.ParseResult(line)
		if err != nil {
			return
		}
		if bytes.IndexByte(item, '\t') >= 0 || !slices.Contains([]string{"agrees", "deviation", "unknown"}, status) || !bytes.HasPrefix(line, append(item, '\t')) {
			t.Errorf("%q: %q is %s", line, item, status)
		}
	})
}

// FuzzExaminationSigned changes one content or one body, signs both logs again
// and lets nothing but the examination verify.
func FuzzExaminationSigned(f *testing.F) {
	acts := []string{"rows", "records", "draw", "extend", "full"}
	for n := range acts {
		f.Add(byte(n), []byte("CHG-0001\tagrees\n"))
	}
	honest := map[string][]byte{}
	q := newPlay(f)
	q.content = func(step string, b []byte) []byte {
		if honest[step] == nil {
			honest[step] = b
		}
		return b
	}
	q.do(script...)
	f.Fuzz(func(t *testing.T, n byte, content []byte) {
		act := acts[int(n)%len(acts)]
		changed := false
		p := newPlay(t)
		p.content = func(step string, b []byte) []byte {
			if step != act || changed {
				return b
			}
			changed = true
			return content
		}
		r := p.do(script...).verify()
		if r.Verdict != bundle.Corrupted && !bytes.Equal(content, honest[act]) && act != "full" {
			t.Errorf("%s of %q: %s", act, content, r.Verdict)
		}
		if r.Verdict == bundle.Corrupted && len(r.Problems) == 0 {
			t.Error("corrupted, without a problem")
		}
	})
}
