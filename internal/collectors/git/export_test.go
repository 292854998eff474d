package git

import (
	"context"
	"os"
	"path/filepath"
)

// What the fuzz targets and tables of the tests reach without a repository.
var (
	ReadMessage   = readMessage
	ParseOwners   = parseOwners
	ParseWorkflow = parseWorkflow
	ReadYAML      = readYAML
	FindSecrets   = findSecrets
	Redact        = redact
	HostOf        = hostOf
	CISystem      = ciSystem
	RunsTests     = runsTests
)

func (m message) Reviewers() []string { return people(m.reviewers) }
func (m message) Tickets() []string   { return m.tickets }
func (m message) Request() string     { return m.request }

func (r ownersRule) Pattern() string  { return r.pattern }
func (r ownersRule) Owners() []string { return r.owners }
func (r ownersRule) Problem() string  { return r.problem }

func (w workflow) Facts() map[string]any {
	rec := newRecord(map[string]any{})
	w.fill(rec)
	return rec.attrs
}

func (h hit) Rule() string      { return h.rule }
func (h hit) Placeholder() bool { return h.placeholder }
func (h hit) Secret() string    { return string(h.secret) }

// ReadManifest reads a file by its name: how many dependencies it names, how
// many of them are open, and whether it locks itself.
func ReadManifest(base string, data []byte) (dependencies, unpinned int, locks bool, err error) {
	eco, ok := ecosystemOf(base)
	if !ok || eco.read == nil {
		return 0, 0, false, errUnread
	}
	m, err := eco.read(data)
	return m.dependencies, m.unpinned, m.locksItself, err
}

// VerifySSH parses a signature and verifies it over a message.
func VerifySSH(armored, message []byte) error {
	s, err := parseSSHSignature(armored)
	if err != nil {
		return err
	}
	return s.verify(message)
}

// AllowedSigners counts the keys of an allowed signers file.
func AllowedSigners(data []byte) (int, error) {
	all, err := parseAllowedSigners(data)
	return len(all), err
}

func (h hit) From() int { return h.from }
func (h hit) To() int   { return h.to }

func (n node) Path() []string { return n.path }
func (n node) Line() int      { return n.line }

// SizeOf is what a copy takes.
func SizeOf(dir string) int64 { return sizeOf(dir) }

// WatchStops reports how a copy ends that is larger than a byte.
func WatchStops(ctx context.Context, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "pack"), make([]byte, 10), 0o600); err != nil {
		return err
	}
	ctx, halt := context.WithCancelCause(ctx)
	defer halt(nil)
	(&remote{limit: 1}).watch(ctx, halt, dir)
	return context.Cause(ctx)
}
