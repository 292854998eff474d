// Package bundle is the file in which a log, what its entries say and the
// evidence they name are handed to others, and the checking of it. Writing and
// checking need no database and no network; docs/bundle.md is the format.
package bundle

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
)

// Limits of version 1. A writer refuses to go beyond them and a reader refuses
// to follow, so that checking a hostile file costs bounded memory.
const (
	MaxFiles   = 65534
	MaxSize    = 1<<32 - 1 // bytes of the whole bundle
	MaxEntries = 1 << 22   // over all logs
	MaxOpening = 1 << 20   // bytes of one line of openings
	MaxLogs    = 10

	maxName     = 200
	perFile     = 256 // entries in one file
	maxEntries  = perFile * (canon.MaxLeaf + 1)
	maxManifest = 64 << 20
	maxText     = 4 << 20 // README.txt, SPEC.md
	maxNote     = 4 << 10 // checkpoint
	maxKey      = 1 << 10
)

// Scope says which blobs are inside.
type Scope string

// With All, each blob that an opened entry names is inside unless an entry
// erased it; with Selected, some may have been left out.
const (
	All      Scope = "all"
	Selected Scope = "selected"
	// ProofOnly is said in the report about a proof file.
	ProofOnly Scope = "proof"
)

const (
	nameReadme   = "README.txt"
	nameSpec     = "SPEC.md"
	nameManifest = "manifest.note"
)

//go:embed readme.txt
var readme []byte

// spec is docs/bundle.md, ledger.md and examination.md, which lie outside what this
// package can embed; a test compares them.
//
//go:embed spec.md
var spec []byte

func blobName(sum string) string        { return "blobs/" + sum }
func logName(n int, rest string) string { return fmt.Sprintf("logs/%d/%s", n, rest) }
func entriesName(n int, file int64) string {
	return fmt.Sprintf("logs/%d/entries/%09d.jsonl", n, file)
}
func openingsName(n int, file int64) string {
	return fmt.Sprintf("logs/%d/openings/%09d.jsonl", n, file)
}

var nameForm = regexp.MustCompile(`^(README\.txt|SPEC\.md|manifest\.note|blobpacks/[0-9]{9}|blobs/[0-9a-f]{64}|` +
	`logs/[0-9]/(checkpoint|key|(entries|openings)/[0-9]{9}\.jsonl))$`)

// known reports whether a file of this name can be in a version 1 bundle.
func known(name string) bool { return nameForm.MatchString(name) }

// display keeps foreign bytes out of messages.
func display(name string) string {
	if known(name) {
		return name
	}
	if len(name) > 80 {
		name = name[:80] + "…"
	}
	return fmt.Sprintf("%+q", name)
}

// largest is how long a file may be, by its name; blobs and openings are read
// as streams.
func largest(name string) int64 {
	switch {
	case name == nameReadme || name == nameSpec:
		return maxText
	case name == nameManifest:
		return maxManifest
	case strings.HasSuffix(name, "/checkpoint"):
		return maxNote
	case strings.HasSuffix(name, "/key"):
		return maxKey
	case strings.Contains(name, "/entries/"):
		return maxEntries
	case strings.HasPrefix(name, "blobpacks/"):
		return MaxPack
	}
	return MaxSize
}

// An Opening shows what an entry committed to.
type Opening struct {
	Index int64
	Open  map[string]Opened // by label
}

// Opened is one commitment's secret and text.
type Opened struct {
	R       [32]byte
	Payload string
}

// manifest lists the files of a bundle; log 0's key signs it.
type manifest struct {
	origin  string
	created time.Time
	scope   Scope
	files   []listed
}

type listed struct {
	name string
	size int64
	sum  string // SHA-256, hexadecimal
}
