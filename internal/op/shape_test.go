package op_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// form has a field of each kind.
type form struct {
	Name  string    `json:"name" minLength:"1" maxLength:"5"`
	Kind  string    `json:"kind,omitempty" enum:"a,b"`
	Count int64     `json:"count,omitempty" minimum:"0" maximum:"10"`
	Big   int64     `json:"big,omitempty"`
	At    time.Time `json:"at,omitzero"`
	File  []byte    `json:"file,omitempty"`
	Tags  []string  `json:"tags,omitempty"`
	On    bool      `json:"on,omitempty"`
	Code  string    `json:"code,omitempty" pattern:"^[a-z]+$"`
}

var echo = op.Read("forms.get", "Give back what came.", auth.OrgRead, func(_ *op.Call, in form) (form, error) { return in, nil })

func TestInputIsRefusedAtItsField(t *testing.T) {
	const fields = "name, kind, count, big, at, file, tags, on, code"
	for _, c := range []struct {
		raw  string
		want string // field: message; one per line
	}{
		{`{}`, "name: is needed"},
		{``, "name: is needed"},
		{`{"name":null}`, "name: is needed"},
		{`{"name":""}`, "name: is needed"},
		{`{"name":"äöüßxx"}`, "name: give at most 5 characters"},
		{`{"name":1}`, "name: give text"},
		{`{"name":"a","kind":"c"}`, `kind: give one of a, b`},
		{`{"name":"a","kind":""}`, `kind: give one of a, b`},
		{`{"name":"a","count":11}`, "count: give 10 or less"},
		{`{"name":"a","count":-1}`, "count: give 0 or more"},
		{`{"name":"a","count":1.5}`, "count: give a whole number"},
		{`{"name":"a","count":"1"}`, "count: give a whole number"},
		{`{"name":"a","count":1.0}`, "count: want a whole number in plain digits"},
		{`{"name":"a","big":1e15}`, "big: want a whole number in plain digits"},
		{`{"name":"a","big":9007199254740992}`, "big: want a number between -9007199254740991 and 9007199254740991"},
		{`{"name":"a","big":-1e300}`, "big: want a number between -9007199254740991 and 9007199254740991"},
		{`{"name":"a","at":"yesterday"}`, "at: give RFC 3339 date-time"},
		{`{"name":"a","file":"!!"}`, "file: give base64 encoded"},
		{`{"name":"a","tags":"x"}`, "tags: give a list"},
		{`{"name":"a","tags":["x",null]}`, "tags: give text"},
		{`{"name":"a","on":"yes"}`, "on: give true or false"},
		{`{"name":"a","code":"A"}`, "code: expected string to match pattern ^[a-z]+$"},
		{`{"name":"a","nmae":1}`, "nmae: is not a field; the fields are " + fields},
		{`{"name":"a","Name":"b"}`, "Name: is not a field; the fields are " + fields},
		{`{"name":"a","nmae":null}`, "nmae: is not a field; the fields are " + fields},
		{`{"NAME":"a"}`, "NAME: is not a field; the fields are " + fields + "\nname: is needed"},
		{`{"name":"a\u0000"}`, "name: has a control character"},
		{`{"name":"a\u001b"}`, "name: has a control character"},
		{`{"name":"a\u0085"}`, "name: has a control character"},
		{`{"name":"a","tags":["b\u007f"]}`, "tags: has a control character"},
		{`[]`, "want a JSON object"},
		{`null`, "want a JSON object"},
		{`"name"`, "want a JSON object"},
		{`{"name":"a"`, "want a JSON object: unexpected EOF"},
		{`{"name":"a"} {}`, "want one JSON object and nothing after it"},
		{`{"name":"a"} x`, "want one JSON object and nothing after it"},
		{`{"count":-1,"kind":"z","tags":"x"}`, "name: is needed\nkind: give one of a, b\ncount: give 0 or more\ntags: give a list"},
	} {
		for range 3 { // the order of several faults is always the same
			_, err := echo.Run(t.Context(), anybody, []byte(c.raw))
			f := fault.As(err)
			if f == nil || f.Kind != fault.KindInvalid {
				t.Errorf("%s: got %v, want invalid", c.raw, err)
				continue
			}
			got := []string{f.Error()}
			for _, m := range f.More {
				got = append(got, m.Error())
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.raw, diff)
			}
		}
	}
}

// anybody may read; what is refused needs no database.
var anybody = &op.Desk{Actor: auth.Machine("test", auth.OrgRead)}

func TestInputThatFitsIsReadAsWritten(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for raw, want := range map[string]form{
			`{"name":"a"}`: {Name: "a"},
			`{"name":"a","kind":null,"tags":null,"on":null,"at":null}`: {Name: "a"},
			` {"name":"äöüß\n","count":10,"big":9007199254740991} `:    {Name: "äöüß\n", Count: 10, Big: 1<<53 - 1},
			`{"name":"a","at":"2026-11-21T09:00:00+01:00","file":"aGVsbG8=","tags":["x","y"],"on":true,"code":"abc","kind":"b"}`: {
				Name: "a", At: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC), File: []byte("hello"), Tags: []string{"x", "y"}, On: true, Code: "abc", Kind: "b"},
		} {
			out, err := echo.Run(t.Context(), desk, []byte(raw))
			if err != nil {
				t.Errorf("%s: %v", raw, err)
				continue
			}
			if diff := cmp.Diff(want, out.(form), cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", raw, diff)
			}
		}
	})
}

func TestInputMadeByCodeIsCheckedAlike(t *testing.T) {
	for name, in := range map[string]form{
		"no name":   {},
		"too long":  {Name: "abcdef"},
		"enum":      {Name: "a", Kind: "c"},
		"too many":  {Name: "a", Count: 11},
		"control":   {Name: "a\x00"},
		"too large": {Name: "a", Big: 1 << 60},
	} {
		if _, err := echo.Do(t.Context(), anybody, in); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

func FuzzInput(f *testing.F) {
	f.Add(`{"name":"a","kind":"b","count":3,"tags":["x"],"file":"aGVsbG8=","at":"2026-11-21T09:00:00Z","on":true}`)
	f.Add(`{"name":"a","big":1e400}`)
	f.Add(`{"name":{"name":[[[null]]]}}`)
	f.Add("{\"name\":\"\xff\"}")
	d, err := db.Open(f.Context(), dbtest.SQLite(f), db.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	desk := optest.Found(f, optest.Engine(f, d), "Example")
	f.Fuzz(func(t *testing.T, raw string) {
		out, err := echo.Run(t.Context(), desk, []byte(raw))
		if err != nil {
			if fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%q: got %v, want invalid", raw, err)
			}
			return
		}
		// What was taken can be written, and is taken again.
		if _, err := echo.Do(t.Context(), desk, out.(form)); err != nil {
			t.Errorf("%q: taken once, then %v", raw, err)
		}
	})
}
