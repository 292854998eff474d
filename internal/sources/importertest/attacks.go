package importertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// Texts are files that are of no format at all, by what is wrong with them. No
// importer and no import of a list may take one.
var Texts = map[string]string{
	"nothing":               "",
	"spaces":                " \n\t ",
	"NULs":                  strings.Repeat("\x00", 4096),
	"a zip":                 "PK\x03\x04\x14\x00\x08\x00\x08\x00garbage",
	"gzip":                  "\x1f\x8b\x08\x00\x00\x00\x00\x00garbage",
	"an old workbook":       "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 1024), // also one with a password
	"PDF":                   "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
	"a picture":             "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
	"XML":                   `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`,
	"HTML of a sign-in":     "<!DOCTYPE html><html><body>Please sign in</body></html>",
	"UTF-16, small end":     "\xff\xfe[\x00{\x00}\x00]\x00",
	"UTF-16, great end":     "\xfe\xff\x00[\x00{\x00}\x00]",
	"UTF-32":                "\xff\xfe\x00\x00[\x00\x00\x00",
	"bytes without meaning": "\x80\x81\x82\xff\xfe\xfd\n\x80\x81",
}

// Says are the words of a message that tell what would be accepted.
var Says = regexp.MustCompile(`(?i)accept|need|hand in|say |save |correct |left out of|choose |at most|give |split|must |no JSON|added twice|[Ee]xport|put the |encoded|each |is a quote left open|name the`)

// Helps checks that an error is a refusal in words that help: where, and what
// would be accepted.
func Helps(t testing.TB, err error, where *regexp.Regexp) {
	t.Helper()
	f := fault.As(err)
	switch {
	case f == nil || f.Kind != fault.KindInvalid:
		t.Errorf("not refused, but: %v", err)
	case !where.MatchString(f.Message):
		t.Errorf("%q does not say where", f.Message)
	case !Says.MatchString(f.Message):
		t.Errorf("%q does not say what would be accepted", f.Message)
	case len(f.Message) > 8000:
		t.Errorf("a message of %d bytes", len(f.Message))
	case strings.ContainsAny(f.Message, "\x00\x1b\x07"):
		t.Errorf("%q has marks that a terminal obeys", f.Message)
	}
}

// A Watch notes the most memory that is in use while a file is read. It
// collects before it looks, so that what it finds is what is held.
type Watch struct {
	From  io.Reader
	Bytes int64
	Most  uint64
	began uint64
}

// lookEvery is how often memory is looked at: looking costs more than reading.
const lookEvery = 32 << 20

func (w *Watch) Read(p []byte) (int, error) {
	if w.began == 0 {
		w.began = held()
	}
	n, err := w.From.Read(p)
	if before := w.Bytes / lookEvery; (w.Bytes+int64(n))/lookEvery != before {
		w.Most = max(w.Most, held())
	}
	w.Bytes += int64(n)
	return n, err
}

// Look notes what is in use now.
func (w *Watch) Look() { w.Most = max(w.Most, held()) }

func held() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Within fails if more was in use than before the reading and this.
func (w *Watch) Within(t testing.TB, bytes uint64) {
	t.Helper()
	if w.Most > w.began+bytes {
		t.Errorf("%d MiB were in use while %d MiB were read, %d before", w.Most>>20, w.Bytes>>20, w.began>>20)
	}
}

// Endless is head, then again and again middle until there are so many bytes,
// then tail.
func Endless(head, middle, tail string, size int64) io.Reader {
	piece := []byte(strings.Repeat(middle, max(1, (64<<10)/len(middle))))
	return io.MultiReader(strings.NewReader(head), io.LimitReader(&repeated{piece: piece}, size/int64(len(middle))*int64(len(middle))), strings.NewReader(tail))
}

type repeated struct {
	piece []byte
	at    int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.piece[r.at:])
	r.at = (r.at + n) % len(r.piece)
	return n, nil
}

// Huge are files of a size that nobody should hold, made while they are read.
// All are refused.
func Huge(t *testing.T, m sources.Importer) {
	const size = 80 << 20
	for name, from := range map[string]io.Reader{
		"a value without end":           Endless(`[{"a":"`, "x", `"}]`, size),
		"a line without end":            Endless(`{"a":"`, "x", `"}`, size),
		"a name without end":            Endless(`{"`, "x", `":1}`, size),
		"space without end":             Endless("", "          \n", "x", size),
		"a number without end":          Endless(`[`, "1", `]`, size),
		"objects that are none":         Endless(`[`, `{"a":1},`, `{}]`, 32<<20),
		"fields without end":            io.MultiReader(strings.NewReader("{"), &counting{form: `"f%d":1,`, n: 2_000_000}, strings.NewReader(`"z":1}`)),
		"rows passed over, then an end": Endless(`{"other":[`, `{"a":[1,2,3]},`, `{}`, size),
	} {
		t.Run(name, func(t *testing.T) {
			w := &Watch{From: from}
			_, err := readFrom(t, m, w, false)
			Helps(t, err, placed)
			w.Within(t, 48<<20)
		})
	}
}

// counting writes a text n times, with its number.
type counting struct {
	form  string
	n, at int
	buf   []byte
}

func (c *counting) Read(p []byte) (int, error) {
	for len(c.buf) < len(p) && c.at < c.n {
		c.buf = fmt.Appendf(c.buf, c.form, c.at)
		c.at++
	}
	if len(c.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.buf)
	c.buf = append(c.buf[:0], c.buf[n:]...)
	return n, nil
}

// A spot is a value in a file.
type spot struct {
	path string
	set  func(any)
	was  any
}

// spots are all values of a document, from the top.
func spots(path string, v any, set func(any)) []spot {
	out := []spot{{path, set, v}}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, spots(path+"."+k, v[k], func(x any) { v[k] = x })...)
		}
	case []any:
		for i := range v {
			out = append(out, spots(fmt.Sprintf("%s.[%d]", path, i), v[i], func(x any) { v[i] = x })...)
		}
	}
	return out
}

// wrong are values that stand where another kind of value should.
var wrong = []any{nil, true, json.Number("-1"), json.Number("3.5"), json.Number("1e999"), json.Number("99999999999999999999"), "", "\u0000\u001b[31m\u202e", strings.Repeat("x", 5000),
	[]any{}, []any{nil}, []any{[]any{}}, map[string]any{}, map[string]any{"a": map[string]any{}}}

// Mistyped puts each wrong value in the place of each value of a good file. It
// is taken, or refused in words that help; and where rows may be left out,
// those and no others are, by name.
func Mistyped(t *testing.T, m sources.Importer, good []byte) {
	docs := [][]byte{good}
	if bytes.HasPrefix(bytes.TrimSpace(good), []byte("{")) && !json.Valid(good) { // one to a line
		docs = bytes.Split(bytes.TrimSpace(good), []byte("\n"))
	}
	tried, refused, next := 0, 0, 0
	for i := range docs {
		var doc any
		dec := json.NewDecoder(bytes.NewReader(docs[i]))
		dec.UseNumber()
		if err := dec.Decode(&doc); err != nil {
			t.Fatal(err)
		}
		all := spots("$", doc, func(x any) { doc = x })
		for j := 0; j < len(all); j += max(1, len(all)/150) {
			s := all[j]
			for range 5 { // in turn, so that all of them stand in every kind of place
				x := wrong[next%len(wrong)]
				next++
				s.set(x)
				text, err := json.Marshal(doc)
				if err != nil {
					t.Fatal(err)
				}
				lines := slices.Clone(docs)
				lines[i] = text
				tried++
				if refuses(t, m, bytes.Join(lines, []byte("\n")), fmt.Sprintf("%s = %.40v", s.path, x)) {
					refused++
				}
			}
			s.set(s.was)
		}
	}
	if refused < tried/20 {
		t.Errorf("of %d files with a value of the wrong kind %d were refused", tried, refused)
	}
	t.Logf("%d files with a value of the wrong kind, %d refused", tried, refused)
}

// refuses reads a file both ways.
func refuses(t *testing.T, m sources.Importer, data []byte, what string) bool {
	t.Helper()
	strict, err := Read(t, m, data, false)
	strict.Close()
	if err == nil {
		return false
	}
	before := t.Failed()
	Helps(t, err, placed)
	if t.Failed() && !before {
		t.Errorf("it was %s", what)
	}
	in, err := Read(t, m, data, true)
	defer in.Close()
	switch {
	case err != nil && fault.KindOf(err) != fault.KindInvalid:
		t.Errorf("%s: %v", what, err)
	case err == nil && (in.LeftOut() == 0 || len(in.Missings()) == 0):
		t.Errorf("%s: refused, and taken whole where rows may be left out", what)
	case err == nil:
		for _, x := range in.Missings() {
			if strings.Contains(x.Reason, "left out") && !placed.MatchString(x.Reason) {
				t.Errorf("%s: %q does not say which", what, x.Reason)
			}
		}
	}
	return true
}

// doubled repeats the first field of each object of a good file with another
// value: whoever reads the file believes one of the two.
func doubled(t *testing.T, m sources.Importer, good []byte) {
	n := 0
	in, err := Read(t, m, good, false)
	if err != nil {
		t.Fatal(err)
	}
	honest := kept(in)
	for i := 0; i < len(good); i++ {
		switch good[i] {
		case '"':
			for i++; good[i] != '"'; i++ {
				if good[i] == '\\' {
					i++
				}
			}
		case '{':
			rest := bytes.TrimLeft(good[i+1:], " \t\r\n")
			if len(rest) == 0 || rest[0] != '"' {
				continue
			}
			name := rest[:bytes.IndexByte(rest[1:], '"')+2]
			twice := slices.Concat(good[:i+1], name, []byte(`:"another",`), good[i+1:])
			in, err := Read(t, m, twice, false)
			if n++; err == nil && slices.Equal(kept(in), honest) {
				continue // passed over, both of them
			}
			if Helps(t, err, placed); err == nil {
				t.Errorf("%s twice at byte %d", name, i)
			}
		}
	}
	if n < 3 {
		t.Errorf("the sample has %d objects", n)
	}
}

// encoded puts bytes of other encodings into the texts of a good file.
func encoded(t *testing.T, m sources.Importer, good []byte) {
	n := 0
	for i := range good {
		if good[i] != '"' || i+1 == len(good) || good[i+1] < 'a' || good[i+1] > 'z' || i%3 != 0 {
			continue
		}
		n++
		_, err := Read(t, m, slices.Concat(good[:i+1], []byte("M\xfcller"), good[i+1:]), false)
		if err == nil {
			continue // passed over: nothing of it is kept
		}
		Helps(t, err, placed)
	}
	wide := []byte{0xff, 0xfe}
	for _, c := range good {
		wide = append(wide, c, 0)
	}
	_, err := Read(t, m, wide, false)
	if Helps(t, err, placed); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("UTF-16: %v", err)
	}
	if n < 5 {
		t.Errorf("%d texts", n)
	}
}

// kept is all that an import made of a file.
func kept(in *sources.Intake) []string {
	var out []string
	for _, kind := range in.Kinds() {
		for _, r := range in.Resources(kind) {
			out = append(out, fmt.Sprintf("%s %s %v", kind, r.Key, r.Attrs))
		}
	}
	slices.Sort(out)
	return out
}
