// Package host reads one Linux machine: its accounts, its settings, what it
// serves and what guards it. It changes nothing, needs no rights, sees more
// with those of root, and says what it could not see.
package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// A Collector reads the machine it runs on, or a folder that holds the files of
// another.
type Collector struct{}

// New returns the collector.
func New() Collector { return Collector{} }

// Kind names the source type.
func (Collector) Kind() string { return "host" }

// Version changes whenever the same machine would yield other facts.
func (Collector) Version() string { return "2" }

// settings are what a source of this kind can be told.
type settings struct {
	// Root is the folder that is read as the machine's root. Below any other
	// than / only files are read: no program is run and no kernel asked.
	Root string `json:"root"`
}

func parseSettings(raw json.RawMessage) (settings, error) {
	s := settings{}
	if len(bytes.TrimSpace(raw)) > 0 {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&s); err != nil {
			return s, fault.Invalid("settings", `the settings of a host are {} or {"root": "/a/folder"}`).With(err)
		}
		if dec.More() {
			return s, fault.Invalid("settings", `the settings of a host are one object: {} or {"root": "/a/folder"}`)
		}
	}
	if s.Root == "" {
		s.Root = "/"
	}
	if !filepath.IsAbs(s.Root) {
		return s, fault.Invalid("root", "%q is not an absolute path: the folder to read starts with /", s.Root)
	}
	s.Root = filepath.Clean(s.Root)
	return s, nil
}

// Collect reads the machine.
func (Collector) Collect(ctx context.Context, raw json.RawMessage, in *sources.Intake) error {
	s, err := parseSettings(raw)
	if err != nil {
		return err
	}
	if !supported {
		return fault.Invalid("", "the host collector reads Linux machines; this is %s", runtime.GOOS)
	}
	t, err := openTree(s.Root)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Invalid("root", "there is no folder %s: give the folder that holds etc and var", s.Root)
	}
	if err != nil {
		return fault.Invalid("root", "%s cannot be read: give a folder that holds etc and var", s.Root).With(err)
	}
	defer t.close()
	if !t.exists("/etc") {
		return fault.Invalid("root", "%s holds no etc: give the folder that holds the files of a Linux machine", s.Root)
	}
	l := &look{tree: t, in: in, now: in.Now(), euid: effectiveUID(), machine: newFacts(), admins: map[string][]string{}}
	in.Scope("root", s.Root)
	in.Scope("effective_uid", strconv.Itoa(l.euid))
	return l.all(ctx)
}

// all reads everything in an order in which later parts can use earlier ones.
func (l *look) all(ctx context.Context) error {
	steps := []step{
		{"what the machine is", l.identity},
		{"kernel settings", l.kernel},
		{"accounts", l.readUsers},
		{"sudo rules", l.sudo},
		{"accounts", l.accounts},
		{"password policy", l.passwordPolicy},
		{"SSH", l.ssh},
		{"storage", l.storage},
		{"listening services", l.listening},
		{"sensitive files", l.sensitiveFiles},
		{"logs", l.logs},
		{"clock", l.clock},
		{"firewall", l.firewall},
		{"updates", l.updates},
	}
	for i, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.in.Progress(i, len(steps), s.what)
		if err := s.read(ctx); err != nil {
			return err
		}
	}
	name, _ := l.machine.attrs["hostname"].(string)
	if name == "" {
		name = "machine"
	}
	if err := l.in.Add(l.machine.resource("machine", name)); err != nil {
		return err
	}
	l.in.Progress(len(steps), len(steps), "done")
	return nil
}
