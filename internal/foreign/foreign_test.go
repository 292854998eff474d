package foreign_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/foreign"
)

func TestAFieldThatIsThereTwiceIsNamed(t *testing.T) {
	wide := ""
	for i := range 60 {
		wide += fmt.Sprintf(`"f%d":%d,`, i, i)
	}
	for raw, want := range map[string]string{
		`{"a":1,"b":{"a":1},"c":[{"a":2},{"a":3}]}`: "",
		`"a"`:                              "",
		`[]`:                               "",
		`{"a":"\"a\",\"a\"","b":"{\"a\""}`: "",
		`{"a":1,"a":1}`:                    "$.a ",
		`{"x":[{"a":1},{"b":[],"c":{},"b":"PASS"}]}`: "$.x.[1].b ",
		`{"status":"FAIL","st\u0061tus":"PASS"}`:     "$.status ",
		"{" + wide + `"z":1}`:                        "",
		"{" + wide + `"f31":1}`:                      "$.f31 ",
		"{" + wide + `"f59":1}`:                      "$.f59 ",
		"{\"a\":\"\xff\"}":                           "not UTF-8",
	} {
		_, err := foreign.Parse("$", 7, []byte(raw))
		if want == "" && err != nil || want != "" && (fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 7")) {
			t.Errorf("%.80s: %v, want %q", raw, err, want)
		}
	}
}

// FuzzParse holds the search for fields that are there twice against a decoder
// that knows nothing of it.
func FuzzParse(f *testing.F) {
	f.Add(`{"a":[{"b":1,"c":{"d":null}}],"e":"\"}"}`)
	f.Add(`{"a":1,"\u0061":2}`)
	f.Fuzz(func(t *testing.T, raw string) {
		n, err := foreign.Parse("$", 1, []byte(raw))
		if err != nil {
			if fault.KindOf(err) != fault.KindInvalid {
				t.Fatal(err)
			}
			return
		}
		dec := json.NewDecoder(strings.NewReader(raw))
		dec.UseNumber()
		var names []map[string]bool
		key := []bool{}
		for {
			tok, err := dec.Token()
			if err != nil {
				t.Fatal(err)
			}
			top := len(names) - 1
			if s, is := tok.(string); is && top >= 0 && names[top] != nil && key[top] {
				if names[top][s] {
					t.Fatalf("%q is there twice, and was taken", s)
				}
				names[top][s] = true
				key[top] = false
				continue
			}
			if top >= 0 {
				key[top] = true
			}
			switch tok {
			case json.Delim('{'):
				names, key = append(names, map[string]bool{}), append(key, true)
			case json.Delim('['):
				names, key = append(names, nil), append(key, false)
			case json.Delim('}'), json.Delim(']'):
				names, key = names[:top], key[:top]
			}
			if len(names) == 0 {
				break
			}
		}
		_ = n.Names()
	})
}
