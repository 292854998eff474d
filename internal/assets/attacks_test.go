package assets_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources/importertest"
)

// A list that somebody broke is refused whole, by its line, and says what would
// be accepted.
func TestHostileListsAreRefusedByLine(t *testing.T) {
	const good = "name,type,location\nOne,saas,here\n\"Two, \"\"2\"\"\",saas,there\n"
	files := map[string]string{
		"a quote left open":    good + "\"Three,saas,\n",
		"a quote inside":       good + "Th\"ree,saas,\n",
		"a long line":          good + "Three,saas,,,,\n",
		"a short line":         good + "Three,saas\n",
		"two files in one":     good + good,
		"Latin-1":              good + "M\xfcller,saas,\n",
		"Latin-1 in line 1":    "name,type,n\xe4me\n",
		"NUL":                  good + "Th\x00ree,saas,\n",
		"an escape":            good + "\x1b[31mThree,saas,\n",
		"bare returns":         strings.ReplaceAll(good, "\n", "\r"),
		"a cell without end":   good + strings.Repeat("x", 1<<20) + ",saas,\n",
		"a quoted without end": good + "\"" + strings.Repeat("x\n", 1<<20),
		"a head without end":   strings.Repeat("name,", 1<<20) + "\n",
		"too large":            good + strings.Repeat("Three,saas,\n", 17<<20/12),
		"too many lines":       good + strings.Repeat("Three,saas,\n", 20_001),
		"JSON":                 `[{"name":"One","type":"saas"}]`,
		"a type of a number":   good + "Three,1e999,\n",
		"an owner not there":   "name,type,owner\nOne,saas,=cmd()\n",
		"an id of another":     "id,name,type\nast_00000000000000000000000000,One,saas\n",
	}
	for name, text := range importertest.Texts {
		if text == "" {
			continue // no file at all, which the operation refuses as such
		}
		files["no format/"+name] = text
	}
	where := regexp.MustCompile(`(?i)line \d|the file`)
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for name, text := range files {
			t.Run(name, func(t *testing.T) {
				_, err := assets.Import.Do(t.Context(), desk, assets.File{CSV: []byte(text)})
				importertest.Helps(t, err, where)
			})
		}
		for i := 1; i < len(good)-1; i++ {
			made, err := assets.Preview.Do(t.Context(), desk, assets.File{CSV: []byte(good[:i])})
			if err != nil {
				importertest.Helps(t, err, where)
			} else if made.Rows > 2 {
				t.Errorf("cut at %d: %+v", i, made)
			}
		}
		if l := optest.Do(t, desk, assets.List, assets.Filter{}); l.Total != 0 {
			t.Errorf("refused files left %d", l.Total)
		}
		made := optest.Do(t, desk, assets.Import, assets.File{CSV: []byte("name;type;location\n\uff1dcmd();saas;\"a; b\"\n")})
		if made.Added != 1 || made.Items[0].Name != "\uff1dcmd()" || made.Items[0].Location != "a; b" {
			t.Errorf("semicolons: %+v", made)
		}
	})
}
