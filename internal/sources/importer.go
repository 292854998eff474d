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
	// Import reads one file. Settings are those of the source, {} where it has
	// none. An error of kind Invalid refuses the whole file and names the line or
	// path and what would be accepted. What is wrong with one row alone goes
	// through Intake.Bad first, which says whether to go on without it. The run's
	// source follows from Intake.Scope "tool" and "target", unless it was given.
	Import(ctx context.Context, r io.Reader, settings json.RawMessage, in *Intake) error
}

// A Describer is an importer that can say more of a file than its format, from
// its first bytes: "OCSF 1.4 detection findings by Prowler 5.8".
type Describer interface {
	Describe(name string, head []byte) string
}
