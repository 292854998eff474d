package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/importers/file"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
)

// tableFlags say what the columns of a table mean, and where it comes from.
type tableFlags struct {
	Mapping   string   `help:"Tables: a YAML file that says what the columns mean, with kind, key and fields; saved as the newest mapping of the source." placeholder:"FILE"`
	Kind      string   `help:"Tables: the kind of each row, such as person; columns become the fields whose names they have." placeholder:"KIND"`
	Key       []string `help:"Tables: the column that tells one row from another; several do together." placeholder:"COLUMN"`
	Query     string   `help:"Tables: the query that made the file, word by word." placeholder:"TEXT"`
	Extractor string   `help:"Tables: who ran it." placeholder:"NAME"`
	Extracted string   `help:"Tables: when, by the clock of the system." placeholder:"TIME"`
	Zone      string   `help:"Tables: time zone of times without an offset, such as Europe/Berlin." placeholder:"ZONE"`
	From      string   `help:"Tables: first day of the period." placeholder:"DAY"`
	To        string   `help:"Tables: last day of the period." placeholder:"DAY"`
	Expected  int64    `help:"Tables: how many rows the system itself counts." default:"-1" placeholder:"N"`
	CountedBy string   `help:"Tables: how that was counted, such as: a second report." placeholder:"TEXT"`

	columns   string // the mapping, in JSON
	statement json.RawMessage
}

// maxMapping bounds the file of a mapping.
const maxMapping = 1 << 20

// prepare reads what was said before any file is.
func (c *ingestCmd) prepare(ctx context.Context) error {
	var (
		columns sources.Columns
		said    sources.Statement
	)
	if c.Mapping != "" {
		f, err := os.Open(c.Mapping)
		if err != nil {
			return fault.Invalid("mapping", "%s cannot be opened: give a YAML file", c.Mapping).With(err)
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxMapping+1))
		if err != nil || len(text) > maxMapping {
			return fault.Invalid("mapping", "%s cannot be read: at most %d KiB of YAML are accepted", c.Mapping, maxMapping>>10).With(err)
		}
		if columns, said, err = sources.ParseMapping(text); err != nil {
			return err
		}
	}
	if c.Kind != "" {
		columns.Kind = c.Kind
	}
	if len(c.Key) > 0 {
		columns.Key = c.Key
	}
	if columns.Kind != "" {
		if len(columns.Fields) == 0 {
			var err error
			if columns, err = c.guess(ctx, columns); err != nil {
				return err
			}
		}
		if err := columns.Check(); err != nil {
			return err
		}
		text, err := json.Marshal(columns)
		if err != nil {
			return err
		}
		if c.columns = string(text); c.Source == "" {
			return fault.Invalid("source", "say with --source which source of kind file the mapping is for: tickmark sources create --kind file --name NAME makes one")
		}
	}
	for to, given := range map[*string]string{&said.Query: c.Query, &said.Extractor: c.Extractor, &said.Extracted: c.Extracted, &said.Zone: c.Zone, &said.From: c.From, &said.To: c.To, &said.CountedBy: c.CountedBy} {
		if given != "" {
			*to = given
		}
	}
	if c.Expected >= 0 {
		said.Expected = &c.Expected
	}
	text, err := json.Marshal(said)
	if err == nil && !bytes.Equal(text, []byte("{}")) {
		c.statement = text
	}
	return err
}

// guess maps the columns of the first file whose names fit fields of the kind.
func (c *ingestCmd) guess(ctx context.Context, m sources.Columns) (sources.Columns, error) {
	schemas, err := sources.Schemas()
	if err != nil {
		return m, err
	}
	schema, known := schemas[m.Kind]
	if !known {
		return m, m.Check()
	}
	if c.Files[0] == "-" {
		return m, fault.Invalid("mapping", "columns are not guessed from standard input: give a mapping with its fields, or a file")
	}
	f, err := os.Open(c.Files[0])
	if err != nil {
		return m, fault.Invalid("file", "%s cannot be opened", c.Files[0]).With(err)
	}
	defer f.Close()
	p, err := file.Look(ctx, f, sources.Columns{Header: m.Header, Separator: m.Separator, Sheet: m.Sheet}, time.UTC, 20)
	if err != nil {
		return m, err
	}
	found := file.Suggest(schema, p)
	if m.Fields = found.Fields; len(m.Key) == 0 {
		m.Key = found.Key
	}
	return m, nil
}

// mapNear saves the mapping unless it is the newest already.
func (c *ingestCmd) mapNear(ctx context.Context, desk *op.Desk) error {
	old, err := sources.MappingGet.Do(ctx, desk, sources.MappingRef{Source: c.Source})
	if err != nil && fault.KindOf(err) != fault.KindNotFound {
		return err
	}
	if same(old, c.columns) {
		return nil
	}
	_, err = sources.MappingSave.Do(ctx, desk, sources.NewMapping{Source: c.Source, Columns: c.columns, Version: old.Version})
	return err
}

// mapFar does the same on a server.
func (c *ingestCmd) mapFar(ctx context.Context, t *cli.Terminal) error {
	ask := func(path string, in, out any) error {
		body, err := json.Marshal(in)
		if err != nil {
			return err
		}
		return t.Post(ctx, path, bytes.NewReader(body), out)
	}
	var list struct {
		Items []sources.Mapping `json:"items"`
	}
	if err := t.Get(ctx, "/mappings?limit=1&source="+c.Source, &list); err != nil {
		return err
	}
	var old sources.Mapping
	if len(list.Items) > 0 {
		old = list.Items[0]
	}
	if same(old, c.columns) {
		return nil
	}
	return ask("/mappings/save", sources.NewMapping{Source: c.Source, Columns: c.columns, Version: old.Version}, &old)
}

func same(old sources.Mapping, columns string) bool {
	text, err := json.Marshal(old.Columns)
	return err == nil && old.Version > 0 && string(text) == columns
}
