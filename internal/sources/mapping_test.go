package sources_test

import (
	"encoding/json"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// FuzzParseMapping reads whatever somebody calls a mapping. What is taken can
// be kept and read again.
func FuzzParseMapping(f *testing.F) {
	f.Add("kind: person\nkey: [Id]\nfields:\n  - field: name\n    column: Name\nquery: SELECT 1\n")
	f.Add(`{"kind":"person","key":["Id"],"header":3,"separator":";","nulls":["-"]}`)
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		columns, said, err := sources.ParseMapping([]byte(text))
		if err != nil {
			if fault.KindOf(err) != fault.KindInvalid {
				t.Fatalf("neither taken nor refused: %v", err)
			}
			return
		}
		if err := columns.Check(); err != nil && fault.KindOf(err) != fault.KindInvalid {
			t.Fatalf("neither checked nor refused: %v", err)
		}
		kept, err := json.Marshal(columns)
		if err != nil {
			t.Fatal(err)
		}
		var again sources.Columns
		if err := json.Unmarshal(kept, &again); err != nil {
			t.Fatalf("%s: %v", kept, err)
		}
		if _, err := json.Marshal(said); err != nil {
			t.Fatal(err)
		}
	})
}
