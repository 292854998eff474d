package sources

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// A Kind is a kind of source: what it is called, what it reads, and what must
// be said to connect one. It is data beside the schemas, so that forms, the
// command line and the checks of what was typed need no collector at hand.
type Kind struct {
	Kind  string    `yaml:"kind" json:"kind"`
	Title string    `yaml:"title" json:"title"`
	Doc   string    `yaml:"doc" json:"doc"`     // what is read
	Needs string    `yaml:"needs" json:"needs"` // the least access that suffices
	Every int       `yaml:"every" json:"every_minutes"`
	Asks  []Setting `yaml:"fields" json:"fields"`
	// Fed says that nothing is fetched: runs come from files that are handed in.
	Fed bool `yaml:"fed" json:"fed,omitempty"`
}

// A Setting is one thing to be said of a source of a kind. Values are strings,
// as people type them; a list has one value to a line.
type Setting struct {
	Name     string   `yaml:"name" json:"name"`
	Label    string   `yaml:"label" json:"label"`
	Help     string   `yaml:"help" json:"help,omitempty"`
	Required bool     `yaml:"required" json:"required,omitempty"`
	Secret   bool     `yaml:"secret" json:"secret,omitempty"` // sealed, never shown again
	List     bool     `yaml:"list" json:"list,omitempty"`
	Choices  []string `yaml:"choices" json:"choices,omitempty"`
	Default  string   `yaml:"default" json:"default,omitempty"`
}

// A Tester is a collector that can say, before a source is connected, whether
// it would be answered.
type Tester interface {
	Collector
	// Test tries what Collect would, reading as little as it can. An error means
	// that nothing can be read at all.
	Test(ctx context.Context, settings json.RawMessage) (Trial, error)
}

// A Trial is what the test of a connection found.
type Trial struct {
	// Found says what answered, in words: the server's version, the account.
	Found []string `json:"found"`
	// Missing says what would be unknown, why, and what would settle it.
	Missing []Missing `json:"missing"`
}

//go:embed kinds
var kindFiles embed.FS

var allKinds = sync.OnceValues(func() ([]Kind, error) {
	names, err := fs.Glob(kindFiles, "kinds/*.yaml")
	if err != nil {
		return nil, err
	}
	var out []Kind
	for _, name := range names {
		text, err := kindFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		dec := yaml.NewDecoder(strings.NewReader(string(text)))
		dec.KnownFields(true)
		var k Kind
		if err := dec.Decode(&k); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if k.Kind+".yaml" != path.Base(name) || k.Title == "" || k.Doc == "" || k.Needs == "" {
			return nil, fmt.Errorf("%s: a kind has the name of its file, a title, a doc and what it needs", name)
		}
		for _, f := range k.Asks {
			if !fieldName.MatchString(f.Name) || f.Label == "" {
				return nil, fmt.Errorf("%s: setting %q wants a name in lower case and a label", name, f.Name)
			}
		}
		out = append(out, k)
	}
	return out, nil
})

// Kinds lists the kinds of source there are, in alphabetical order.
func Kinds() ([]Kind, error) { return allKinds() }

// KindOf finds a kind by its name; false if there is none.
func KindOf(name string) (Kind, bool) {
	all, err := allKinds()
	i := slices.IndexFunc(all, func(k Kind) bool { return k.Kind == name })
	if err != nil || i < 0 {
		return Kind{}, false
	}
	return all[i], true
}
