package assets

import (
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
)

// FuzzTable: a file becomes rows within bounds or is refused in words.
func FuzzTable(f *testing.F) {
	for _, s := range []string{"name,type\nOne,saas\n", "\ufeffName,Type,Flags\n'=a,saas,\"personal; health\"\n", "name,type\n\"", "name;type\n", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, lines, err := table(data)
		if err != nil {
			if fault.KindOf(err) != fault.KindInvalid {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if len(rows) != len(lines) || len(rows) > MaxRows {
			t.Fatalf("%d rows and %d lines", len(rows), len(lines))
		}
		for _, r := range rows {
			for k, v := range r {
				if k == "" || len(v) > maxCell {
					t.Fatalf("column %q holds %d bytes", k, len(v))
				}
			}
			if n, _, err := wish(r, nil); err == nil && n.Type == "" {
				t.Fatal("a row without a type is taken")
			}
		}
	})
}
