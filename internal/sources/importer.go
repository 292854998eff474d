package sources

import (
	"context"
	"encoding/json"
	"io"
)

// An Importer reads a file that another tool wrote, as a run of a source that
// is fed and not fetched. It never judges and never holds the file whole.
type Importer interface {
	// Format names the format, and with it the kind of source: "ocsf", "sarif".
	Format() string
	Version() string
	// Guess says whether a file looks like this format, from its name and its
	// first bytes.
	Guess(name string, head []byte) bool
	// Import reads one file. Settings are those of the source. An error refuses
	// the whole file and names the line or path and what would be accepted.
	Import(ctx context.Context, r io.Reader, settings json.RawMessage, in *Intake) error
}
