package canon

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// A reader takes a parsed JSON object apart field by field, keeps the first
// fault, and refuses fields nobody asked for.
type reader struct{ err error }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

type fields struct {
	r    *reader
	path string
	m    map[string]any
}

func (r *reader) object(v any, path string) fields {
	m, ok := v.(map[string]any)
	if !ok {
		r.fail("%s: want an object", path)
	}
	return fields{r, path, m}
}

// take removes a field, so that end can tell what was not asked for.
func take[T any](f fields, key string, required bool) (T, bool) {
	var zero T
	v, ok := f.m[key]
	if !ok {
		if required {
			f.r.fail("%s: %s is missing", f.path, key)
		}
		return zero, false
	}
	delete(f.m, key)
	t, ok := v.(T)
	if !ok {
		f.r.fail("%s: %s has the wrong type", f.path, key)
	}
	return t, ok
}

func (f fields) end() {
	for key := range f.m {
		f.r.fail("%s: unknown field %s", f.path, quote(key))
	}
}

func (f fields) str(key string) string {
	s, _ := take[string](f, key, true)
	return s
}

func (f fields) num(key string) int64 {
	n, _ := take[int64](f, key, true)
	return n
}

func (f fields) base64(key string) []byte {
	b, err := base64.StdEncoding.DecodeString(f.str(key))
	if err != nil {
		f.r.fail("%s: %s is not base64", f.path, key)
	}
	return b
}

func (f fields) digest(key string) [32]byte {
	d, err := ParseDigest(f.str(key))
	if err != nil {
		f.r.fail("%s: %s: %w", f.path, key, err)
	}
	return d
}

func (f fields) indices(key string) []int64 {
	list, ok := take[[]any](f, key, false)
	if !ok {
		return nil
	}
	if len(list) == 0 {
		f.r.fail("%s: %s is empty; leave it out", f.path, key)
	}
	out := make([]int64, 0, len(list))
	for _, v := range list {
		n, ok := v.(int64)
		if !ok {
			f.r.fail("%s: %s holds something other than a number", f.path, key)
		}
		out = append(out, n)
	}
	return out
}

func (r *reader) leaf(v any) Leaf {
	f := r.object(v, "object")
	if n := f.num("v"); r.err == nil && n != 1 {
		r.fail("v is %d; this program reads version 1", n)
	}
	recorded, err := ParseTime(f.str("recorded"))
	if err != nil {
		r.fail("recorded: %w", err)
	}
	l := Leaf{
		Log: f.str("log"), Index: f.num("index"), Recorded: recorded,
		Kind: Kind(f.str("kind")), Supersedes: f.indices("supersedes"), Erases: f.indices("erases"),
	}
	l.Demo, _ = take[bool](f, "demo", false)
	if _, ok := f.m["key"]; ok {
		l.Key = f.base64("key")
	}
	if _, ok := f.m["signed"]; ok {
		l.Signed = f.base64("signed")
	}
	if v, ok := take[map[string]any](f, "commit", false); ok {
		c := fields{r, "commit", v}
		l.Commit = make(map[string][32]byte, len(v))
		for _, label := range labels {
			if _, ok := v[label]; ok {
				l.Commit[label] = c.digest(label)
			}
		}
		c.end()
	}
	if v, ok := take[map[string]any](f, "items", false); ok {
		i := fields{r, "items", v}
		l.Items = &Items{Count: i.num("count"), Root: i.digest("root")}
		i.end()
	}
	if v, ok := take[map[string]any](f, "answers", false); ok {
		a := fields{r, "answers", v}
		l.Answers = &Answers{Log: a.str("log"), Index: a.num("index"), Note: a.base64("note")}
		a.end()
	}
	f.end()
	return l
}

// ParseDigest reads 64 lower-case hexadecimal characters.
func ParseDigest(s string) ([32]byte, error) {
	var d [32]byte
	if len(s) != 64 {
		return d, fmt.Errorf("want 64 lower-case hexadecimal characters")
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil || hex.EncodeToString(d[:]) != s {
		return [32]byte{}, fmt.Errorf("want 64 lower-case hexadecimal characters")
	}
	return d, nil
}

// quote shows foreign text in an error without letting it fill the screen or
// steer the terminal.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return fmt.Sprintf("%+q", s)
}
