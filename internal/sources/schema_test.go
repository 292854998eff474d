package sources_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tickmark/tickmark/internal/sources"
)

func TestEmbeddedSchemasAreValid(t *testing.T) {
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	for kind, schema := range schemas {
		if schema.Kind != kind {
			t.Errorf("schema of %q is filed under %q", schema.Kind, kind)
		}
	}
}

func TestCallersCannotChangeTheSchemas(t *testing.T) {
	first, _ := sources.Schemas()
	first["planted"] = sources.Schema{Kind: "planted"}
	second, _ := sources.Schemas()
	if _, found := second["planted"]; found {
		t.Error("a kind added by one caller is seen by the next")
	}
}

func TestParseSchemasNamesFileKindAndField(t *testing.T) {
	const good = "kind: door\nversion: 1\ntitle: Door\ndoc: A door.\nfields:\n  open: {type: bool, doc: Stands open.}\n"
	tests := []struct {
		rule string
		text string
		want []string
	}{
		{"unknown type", strings.Replace(good, "bool", "float", 1), []string{"a.yaml", `"door"`, `"open"`, `"float"`, "types are string, bool, int, timestamp, list, map"}},
		{"unknown key", good + "colour: red\n", []string{"a.yaml", "document 1", "colour"}},
		{"unknown key of a field", strings.Replace(good, "doc: Stands", "note: x, doc: Stands", 1), []string{"a.yaml", "note"}},
		{"bad field name", strings.Replace(good, "open:", "Open:", 1), []string{`"Open"`, "lower-case"}},
		{"bad kind", strings.Replace(good, "kind: door", "kind: Door-1", 1), []string{`"Door-1"`, "lower-case"}},
		{"no version", strings.Replace(good, "version: 1", "version: 0", 1), []string{"versions start at 1"}},
		{"no doc", strings.Replace(good, "doc: Stands open.", "personal: true", 1), []string{`"open"`, "needs a doc"}},
		{"no fields", good[:strings.Index(good, "fields")], []string{"no fields"}},
		{"twice", good + "---\n" + good, []string{`kind "door" is already defined in a.yaml`}},
		{"second document", good + "---\nkind: [", []string{"a.yaml", "document 2"}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			_, err := sources.ParseSchemas(fstest.MapFS{"a.yaml": {Data: []byte(test.text)}})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v\ndoes not say %q", err, part)
				}
			}
		})
	}
	if _, err := sources.ParseSchemas(fstest.MapFS{"a.yaml": {Data: []byte(good)}, "readme.md": {Data: []byte("#")}}); err != nil {
		t.Errorf("good file: %v", err)
	}
}

func TestKindsHaveWords(t *testing.T) {
	all, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	for kind := range all {
		if w := sources.KindWord(kind); w == "" || w == kind || strings.Contains(w, "_") {
			t.Errorf("%s is called %q", kind, w)
		}
	}
	for kind, want := range map[string]string{"system_account": "account in a system", "ssh_service": "SSH service", "ci_workflow": "CI workflow", "of_tomorrow": "of_tomorrow", "": ""} {
		if got := sources.KindIn(kind); got != want {
			t.Errorf("%s: in a sentence %q, want %q", kind, got, want)
		}
	}
}
