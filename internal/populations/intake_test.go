package populations

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/canon"
)

func year() window {
	return window{from: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), to: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), zone: time.UTC}
}

// What is written by a library of repute is read as it was meant.
func TestScannerReadsWhatOthersWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-z0-9 ,;"\n]{0,8}`)
		width := rapid.IntRange(1, 4).Draw(t, "width")
		table := rapid.SliceOfN(rapid.SliceOfN(cell, width, width), 1, 6).Draw(t, "table")
		var b bytes.Buffer
		w := stdcsv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		want := [][]string{}
		for _, row := range table {
			if width == 1 && row[0] == "" {
				continue // a line with nothing on it
			}
			if w.UseCRLF {
				for i := range row {
					row[i] = strings.ReplaceAll(row[i], "\n", " ")
				}
			}
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
			want = append(want, row)
		}
		w.Flush()
		s, err := newScanner(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		s.comma = ','
		got := [][]string{}
		for {
			ok, err := s.next()
			if err != nil {
				t.Fatalf("%v in %q", err, b.String())
			}
			if !ok {
				break
			}
			row := []string{}
			for _, f := range s.fields {
				row = append(row, string(f))
			}
			got = append(got, row)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q:\n%s", b.String(), diff)
		}
	})
}

// Whatever a file holds, reading it ends, and what is written is what can be
// read back.
func FuzzFile(f *testing.F) {
	for _, s := range []string{"k,t\nA,2026-02-01\n", "\ufeffk;t\r\n\"a\"\"b\";2026-02-01T10:00:00+02:00\r\n", "k\tt\n,\n", "k,t\n\"", "k,t\nA,2026-02-01 10:00 UTC\nA,x\n", "k|t|l\nA|2026-12-31 23:59|\"x\ny\"\n"} {
		f.Add([]byte(s), "k", "t", "")
	}
	f.Fuzz(func(t *testing.T, data []byte, key, when, label string) {
		s := fromFile(data, reading{key: key, time: when, label: label, zone: time.UTC}, year())
		distinct := s.settle("POP-01", false, false)
		s.months()
		if s.faults.blocking() {
			for _, p := range s.faults.list {
				if p.Text == "" || p.Count < 1 || len(p.Lines) > shown {
					t.Errorf("problem %+v", p)
				}
			}
			return
		}
		if distinct != int64(len(s.items)) || s.size != distinct {
			t.Fatalf("%d rows, %d items, %d distinct", s.size, len(s.items), distinct)
		}
		for _, i := range s.items {
			e, err := s.envelope(i)
			if err != nil {
				t.Fatal(err)
			}
			canonical(t, e)
			line := i.id + "\t" + strings.Repeat("0", 64) + "\t" + string(e.append(nil))
			row, _, err := rowOf(line)
			if err != nil || row.Item != i.id || strings.ContainsAny(line, "\n\r") {
				t.Fatalf("%q: %+v, %v", line, row, err)
			}
		}
	})
}

// canonical fails unless the envelope is written as the log's text is.
func canonical(t testing.TB, e envelope) {
	t.Helper()
	got := e.append(nil)
	var tree any
	d := json.NewDecoder(bytes.NewReader(got))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	want, err := canon.JSON(tree)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("written\n%s\ncanonical\n%s\n%v", got, want, err)
	}
}

func TestRecordsAreCanonical(t *testing.T) {
	canonical(t, envelope{At: "2026-01-01T00:00:00.000Z", Due: "x", Early: true, Evidence: "evd_1", Fields: []byte(`{}`), Key: "k\u2028\x01\"\\\n\t\b\f\r\x7f𝄞", Kind: "commit",
		Label: "l", Late: true, Line: 7, Missed: true, Absent: []byte(`{"a":"b"}`)})
	s := fromFile([]byte("k,\uffee,𝄞,a\nA,1,2,3\n"), reading{key: "k", zone: time.UTC}, window{zone: time.UTC, snapshot: true})
	s.settle("POP-01", true, false)
	e, err := s.envelope(s.items[0])
	if err != nil || e.Key != "A" {
		t.Fatal(e, err)
	}
	canonical(t, e)
}

func TestGaps(t *testing.T) {
	for _, c := range []struct {
		keys []string
		text string
		left []string
	}{
		{[]string{"CHG-0001", "CHG-0002", "CHG-0003"}, "CHG-0001 to CHG-0003, none missing", nil},
		{[]string{"CHG-0001", "CHG-0004"}, "CHG-0001 to CHG-0004, 2 missing", []string{"CHG-0002", "CHG-0003"}},
		{[]string{"8", "9", "10"}, "8 to 10, none missing", nil},
		{[]string{"A-1", "B-2"}, "", nil},
		{[]string{"deadbeef", "cafe12"}, "", nil},
		{[]string{"1", "90000"}, "", nil},
		{[]string{"CHG-0001"}, "", nil},
		{[]string{"x-99999999999999999999", "x-1"}, "", nil},
	} {
		var items []item
		for _, k := range c.keys {
			items = append(items, item{id: k})
		}
		text, left, numbered := gaps(items)
		if text != c.text || !cmp.Equal(left, c.left) || numbered != (c.text != "") {
			t.Errorf("%v: %q %v %v", c.keys, text, left, numbered)
		}
	}
}

func TestDaysWithoutRows(t *testing.T) {
	s := &stock{window: window{from: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), to: time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC), zone: time.UTC}}
	for _, d := range []int{1, 2, 5} {
		s.take(fmt.Sprint(d), time.Date(2026, 1, d, 12, 0, 0, 0, time.UTC).UnixMilli(), 0, 0)
	}
	if got := s.daysWithout(); !cmp.Equal(got, []string{"2026-01-03", "2026-01-04"}) || daysText(got) != "2 days without a row, 2 of them at a weekend" {
		t.Errorf("%v: %s", got, daysText(got))
	}
}

func TestTheScannerStopsAtTheEnd(t *testing.T) {
	s, err := newScanner([]byte("a\n"))
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.next(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for range 3 {
		if ok, err := s.next(); ok || err != nil {
			t.Fatal(ok, err, errors.Is(err, io.EOF))
		}
	}
}
