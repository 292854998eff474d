// Package docs is the documentation, compiled in: an installation without a way
// out to the internet explains itself. The files are read where they lie, so
// that there is no copy to keep alike.
package docs

import "embed"

// Files are the guides, the pages of reference and their pictures.
//
//go:embed *.md guide/*.md img/*.png
var Files embed.FS
