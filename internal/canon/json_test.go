package canon_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tickmark/tickmark/internal/canon"
	"pgregory.net/rapid"
)

func TestJSON(t *testing.T) {
	type body struct {
		Op    string         `json:"op"`
		ID    string         `json:"id,omitempty"`
		Count int            `json:"count"`
		More  map[string]any `json:"more,omitempty"`
	}
	for _, c := range []struct {
		name string
		v    any
		want string
	}{
		{"struct", body{Op: "vendors.create", Count: 2}, `{"count":2,"op":"vendors.create"}`},
		{"nested", body{Op: "a", More: map[string]any{"b": []int{}, "a": true}}, `{"count":0,"more":{"a":true,"b":[]},"op":"a"}`},
		{"no HTML escapes", "<a & b>\u2028", "\"<a & b>\u2028\""},
		// RFC 8785, section 3.2.3.
		{"keys by UTF-16", json.RawMessage(`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`),
			"{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001f600\":5,\"\ufb33\":3}"},
		// RFC 8785, section 3.2.2.
		{"string escapes", json.RawMessage(`"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"`), `"€$\u000f\nA'B\"\\\\\"/"`},
		{"control characters", "\x00\b\t\n\f\r\x1f\x7f", `"\u0000\b\t\n\f\r\u001f` + "\x7f\""},
		{"prefix before longer", map[string]int{"ab": 1, "a": 2, "": 3}, `{"":3,"a":2,"ab":1}`},
		{"integer in another spelling", json.RawMessage(`[1.0,1e3,-0,0.0,-2.5e1]`), `[1,1000,0,0,-25]`},
		{"largest integers", []int64{canon.MaxInt, -canon.MaxInt}, `[9007199254740991,-9007199254740991]`},
		{"float that is an integer", 12.0, `12`},
		{"invalid UTF-8", "a\xff", "\"a\ufffd\""},
		{"bytes", []byte{1, 2}, `"AQI="`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := canon.JSON(c.v)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if _, err := canon.ParseJSON(got); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestJSONRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		v    any
		want string
	}{
		"null":           {nil, "null; leave the field out"},
		"nil map":        {map[string]any{"a": map[string]any{"b": nil}}, "a.b: null"},
		"nil in a list":  {[]any{1, nil}, "[1]: null"},
		"fraction":       {1.5, "integer"},
		"beyond 2^53-1":  {int64(1 << 53), "integer"},
		"below":          {int64(-1 << 53), "integer"},
		"huge":           {1e300, "integer"},
		"not a number":   {math.NaN(), "NaN"},
		"duplicate keys": {json.RawMessage(`{"a":1,"a":2}`), "twice"},
		"channel":        {make(chan int), "unsupported"},
		"too deep":       {json.RawMessage(strings.Repeat("[", 66) + strings.Repeat("]", 66)), "deeper"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := canon.JSON(c.v)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %v; want an error with %q", b, err, c.want)
			}
		})
	}
}

func TestParseJSON(t *testing.T) {
	got, err := canon.ParseJSON([]byte(`{"a":[1,-2,"x\n\u0001y",{}],"b":false,"c":{"d":[]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": []any{int64(1), int64(-2), "x\n\x01y", map[string]any{}},
		"b": false, "c": map[string]any{"d": []any{}},
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestParseJSONRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                 "",
		"null":                    "null",
		"white space before":      " 1",
		"white space after":       "1\n",
		"white space inside":      `{"a": 1}`,
		"two values":              "1 2",
		"fraction":                "1.0",
		"exponent":                "1e3",
		"minus zero":              "-0",
		"minus":                   "-",
		"plus":                    "+1",
		"leading zero":            "01",
		"beyond 2^53-1":           "9007199254740992",
		"half a literal":          "tru",
		"literal and more":        "trueish",
		"open array":              "[1",
		"trailing comma":          "[1,]",
		"comma in object":         `{"a":1,}`,
		"no colon":                `{"a"1}`,
		"number as key":           `{1:1}`,
		"open object":             `{"a":1`,
		"open string":             `"a`,
		"string ends in escape":   `"a\`,
		"duplicate keys":          `{"a":1,"a":1}`,
		"duplicate empty keys":    `{"":1,"":1}`,
		"keys descend":            `{"b":1,"a":1}`,
		"keys by code point":      "{\"\ufb33\":1,\"\U0001f600\":2}",
		"control in string":       "\"a\nb\"",
		"escaped slash":           `"\/"`,
		"escaped letter":          `"\u0061"`,
		"line end as u":           `"\u000a"`,
		"upper-case escape":       `"\u001F"`,
		"escaped DEL":             `"\u007f"`,
		"escaped surrogate":       `"\ud83d\ude00"`,
		"lone surrogate":          `"\ud83d"`,
		"short escape":            `"\u00"`,
		"unknown escape":          `"\x41"`,
		"invalid UTF-8":           "\"\xff\"",
		"surrogate bytes":         "\"\xed\xa0\x80\"",
		"byte order mark":         "\ufeff1",
		"nested deeper than 64":   strings.Repeat("[", 66) + strings.Repeat("]", 66),
		"single quotes":           `'a'`,
		"comment":                 `1/**/`,
		"not a number":            `NaN`,
		"true in capitals":        `True`,
		"object ends as an array": `{"a":1]`,
	} {
		t.Run(name, func(t *testing.T) {
			if v, err := canon.ParseJSON([]byte(text)); err == nil {
				t.Errorf("%q parsed as %#v", text, v)
			}
		})
	}
}

// trees generates what canonical JSON can hold.
func trees(depth int) *rapid.Generator[any] {
	list := []*rapid.Generator[any]{
		rapid.Bool().AsAny(), rapid.Int64Range(-canon.MaxInt, canon.MaxInt).AsAny(), rapid.String().AsAny(),
	}
	if depth > 0 {
		list = append(list,
			rapid.Custom(func(t *rapid.T) any {
				return append([]any{}, rapid.SliceOfN(trees(depth-1), 0, 4).Draw(t, "list")...)
			}),
			rapid.MapOfN(rapid.String(), trees(depth-1), 0, 4).AsAny())
	}
	return rapid.OneOf(list...)
}

func TestEveryTreeReadsBackAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := trees(3).Draw(t, "tree")
		b, err := canon.JSON(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := canon.ParseJSON(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: %s", b, diff)
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,-2,"x\n\u0001y",{}],"b":false,"c":{"d":[]}}`))
	f.Add([]byte("{\"\U0001f600\":1,\"\ufb33\":2}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := canon.ParseJSON(b)
		if err != nil {
			return
		}
		out, err := canon.JSON(v)
		if err != nil || !bytes.Equal(out, b) {
			t.Errorf("%q reads as %#v, which writes as %q, %v", b, v, out, err)
		}
	})
}
