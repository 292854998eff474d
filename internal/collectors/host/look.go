package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/sources"
)

// asRoot is the act that settles most of what an ordinary user cannot read.
const asRoot = "sudo tickmark assess --host --data DIR"

const maxText = 1 << 20 // bytes of an ordinary file of settings

// A look is one reading of one machine. What several kinds need is read first
// and kept here.
type look struct {
	tree *tree
	in   *sources.Intake
	now  time.Time
	euid int

	machine facts
	distro  distro
	procs   processes
	login   map[string]string // /etc/login.defs
	users   []user
	groups  []group
	admins  map[string][]string // account, %group, #uid or ALL: rules that give the rights of root
	hidden  string              // why not all who have the rights of root are known; "" if they are
	unhide  string              // the remedy

	rulesHidden bool // not all rules of sudo could be read
}

// facts are what is known of one resource.
type facts struct {
	attrs  map[string]any
	absent map[string]string
}

func newFacts() facts { return facts{attrs: map[string]any{}, absent: map[string]string{}} }

func (f facts) set(field string, value any) {
	f.attrs[field] = value
	delete(f.absent, field)
}

// unsaid gives the reason why fields have no value, unless they have a value or
// a reason already.
func (f facts) unsaid(reason string, fields ...string) {
	for _, field := range fields {
		_, known := f.attrs[field]
		_, said := f.absent[field]
		if !known && !said {
			f.absent[field] = reason
		}
	}
}

func (f facts) resource(kind, key string) sources.Resource {
	return sources.Resource{Kind: kind, Key: key, Attrs: f.attrs, Absent: f.absent}
}

// blind says that fields of a kind could not be read, both in the resource and
// for the run.
func (l *look) blind(f facts, kind, reason, remedy string, fields ...string) {
	f.unsaid(reason, fields...)
	for _, field := range fields {
		if f.absent[field] == reason {
			l.in.Missing(sources.Missing{Kind: kind, Field: field, Reason: reason, Remedy: remedy})
		}
	}
}

// why puts a failed reading into words that name the file and the cause.
func (l *look) why(name string, err error) string {
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrPermission) && l.euid != 0:
		return fmt.Sprintf("%s can be read by root only; this run has user id %d", name, l.euid)
	case errors.Is(err, fs.ErrPermission):
		return name + " cannot be read even as root"
	case errors.Is(err, fs.ErrNotExist):
		return name + " does not exist"
	case errors.Is(err, errTooLarge), errors.Is(err, errNoTool):
		return name + " " + err.Error()
	case errors.Is(err, errNotRegular):
		return name + " is not a regular file"
	case errors.As(err, &pathErr):
		return fmt.Sprintf("%s could not be read: %v", name, pathErr.Err)
	}
	return fmt.Sprintf("%s %v", name, err)
}

// rights returns the remedy for what only root may read.
func (l *look) rights(err error) string {
	if l.euid != 0 && errors.Is(err, fs.ErrPermission) {
		return asRoot
	}
	return ""
}

// raw keeps a text as it was found. What is too large to keep is left out: its
// facts are kept all the same.
func (l *look) raw(name string, data []byte) {
	if len(data) > 0 && len(data) <= maxText {
		l.in.Raw(strings.TrimPrefix(name, "/"), "text/plain; charset=utf-8", data)
	}
}

// lines yields the lines of a text of settings without comments that begin
// with #, white space around them, and empty ones.
func lines(data []byte) []string {
	var out []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// step is one part of a reading.
type step struct {
	what string
	read func(context.Context) error
}

func effectiveUID() int { return os.Geteuid() }
