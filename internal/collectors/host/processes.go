package host

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// processes are the programs that run, as far as this user may see them.
type processes struct {
	complete bool   // nothing is hidden from this user
	reason   string // why not, if it is not
	named    map[string][]int
}

func (l *look) processes() {
	l.procs = processes{named: map[string][]int{}}
	names, err := l.tree.list("/proc")
	if err != nil {
		l.procs.reason = l.why("/proc", err)
		return
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid <= 0 {
			continue
		}
		comm, err := l.tree.word("/proc/" + name + "/comm")
		if err == nil && comm != "" {
			l.procs.named[comm] = append(l.procs.named[comm], pid)
		}
	}
	// Where the kernel hides the processes of others, the first is hidden too.
	_, err = l.tree.word("/proc/1/comm")
	switch {
	case err == nil:
		l.procs.complete = true
		return
	case len(l.procs.named) == 0:
		l.procs.reason = "the folder holds no running kernel's files"
		return
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		l.procs.reason = fmt.Sprintf("the machine hides the processes of others from user id %d", l.euid)
	default:
		l.procs.reason = l.why("/proc/1/comm", err)
	}
}

// running finds the first of some programs that runs. The kernel cuts names of
// programs to 15 bytes.
func (p processes) running(names ...string) (string, bool) {
	for _, name := range names {
		if len(p.named[name[:min(len(name), 15)]]) > 0 {
			return name, true
		}
	}
	return "", false
}

// setRunning records whether one of the programs runs, if that can be known.
func (l *look) setRunning(f facts, kind, field string, names ...string) {
	_, yes := l.procs.running(names...)
	if yes || l.procs.complete {
		f.set(field, yes)
	} else {
		l.hiddenProcess(f, kind, field)
	}
}

// hiddenProcess says of fields that a program which is not seen may run.
func (l *look) hiddenProcess(f facts, kind string, fields ...string) {
	l.blind(f, kind, l.procs.reason, l.remedyForRoot(), fields...)
}

// enabled reports whether one of the services is started with the machine, by
// systemd, OpenRC or the links of System V.
func (l *look) enabled(services ...string) bool {
	for _, service := range services {
		if l.masked(service) {
			continue
		}
		patterns := []string{
			"/etc/systemd/system/*.wants/" + service, "/etc/systemd/system/*.requires/" + service,
			"/usr/lib/systemd/system/*.wants/" + service, "/lib/systemd/system/*.wants/" + service,
		}
		if short, ok := strings.CutSuffix(service, ".service"); ok {
			patterns = append(patterns, "/etc/runlevels/*/"+short, "/etc/rc[2345].d/S[0-9][0-9]"+short)
		}
		for _, pattern := range patterns {
			// A link whose target lies in an image that is not there still
			// enables its unit, so that the link counts and not the target.
			if names, _ := l.globLinks(pattern); len(names) > 0 {
				return true
			}
		}
	}
	return false
}

// masked reports whether systemd is told never to start the unit.
func (l *look) masked(unit string) bool {
	target, err := l.tree.link("/etc/systemd/system/" + unit)
	return err == nil && target == "/dev/null"
}

// globLinks is glob for a last part without wildcards or with them, counting
// links whose targets are missing.
func (l *look) globLinks(pattern string) ([]string, error) {
	dir, last, _ := cutLast(pattern, "/")
	dirs, err := l.tree.glob(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, d := range dirs {
		names, err := l.tree.list(d)
		if err != nil {
			continue
		}
		for _, name := range names {
			if matches(last, name) {
				found = append(found, d+"/"+name)
			}
		}
	}
	return found, nil
}
