package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"

	"github.com/tickmark/tickmark/internal/sources"
)

const maxIncludes = 256 // files of rules in all

// sudo reads who may act with the rights of another.
func (l *look) sudo(context.Context) error {
	if err := l.readSudoers(); err != nil {
		return err
	}
	if err := l.readDoas(); err != nil {
		return err
	}
	if !l.rulesHidden { // else what was seen before may still be there
		l.in.Cover("sudo_rule")
	}
	return nil
}

// unread says that a file of rules could not be read. From then on nobody is
// known not to be an administrator.
func (l *look) unread(name string, err error) {
	l.hideRules(l.why(name, err), l.rights(err))
}

func (l *look) hideRules(reason, remedy string) {
	l.rulesHidden = true
	l.hide(reason, remedy)
	l.in.Missing(sources.Missing{Kind: "sudo_rule", Reason: reason, Remedy: remedy})
}

// hide keeps why nobody can be said not to be an administrator; the first
// reason is given.
func (l *look) hide(reason, remedy string) {
	if l.hidden == "" {
		l.hidden, l.unhide = reason, remedy
	}
}

func (l *look) readSudoers() error {
	if !l.tree.exists("/etc/sudoers") {
		return nil
	}
	all := sudoers{aliases: map[string][]string{}}
	sourceOf := []string{} // of each rule
	todo, done := []string{"/etc/sudoers"}, map[string]bool{}
	for len(todo) > 0 && len(done) < maxIncludes {
		name := todo[0]
		todo = todo[1:]
		if done[name] {
			continue
		}
		done[name] = true
		data, err := l.tree.read(name, maxText)
		if err != nil {
			l.unread(name, err)
			continue
		}
		l.raw(name, withoutComments(data))
		one := parseSudoers(data)
		all.rules = append(all.rules, one.rules...)
		all.freed = append(all.freed, one.freed...)
		for alias, items := range one.aliases {
			all.aliases[alias] = append(all.aliases[alias], items...)
		}
		for range one.rules {
			sourceOf = append(sourceOf, name)
		}
		if one.bad > 0 {
			l.hideRules(fmt.Sprintf("lines of %s that could not be understood: %d", name, one.bad), "sudo visudo -c")
		}
		todo = append(todo, l.included(name, one.includes)...)
	}
	if len(todo) > 0 {
		l.unread(todo[0], fmt.Errorf("is more than the %d files of rules that are read", maxIncludes))
	}
	all.freed = all.expand(all.freed)
	return l.addSudoRules(all, sourceOf)
}

// included turns what a file includes into files. In a folder sudo passes over
// names with a dot and backups.
func (l *look) included(from string, includes []string) []string {
	var files []string
	for _, include := range includes {
		if !strings.HasPrefix(include, "/") {
			dir, _, _ := cutLast(from, "/")
			include = dir + "/" + include
		}
		if name, _ := l.machine.attrs["hostname"].(string); name != "" {
			short, _, _ := strings.Cut(name, ".")
			include = strings.ReplaceAll(include, "%h", short)
		}
		if !strings.HasSuffix(include, "/") {
			files = append(files, include)
			continue
		}
		names, err := l.tree.list(strings.TrimRight(include, "/"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.unread(strings.TrimRight(include, "/"), err)
		}
		for _, name := range names {
			if !strings.Contains(name, ".") && !strings.HasSuffix(name, "~") {
				files = append(files, include+name)
			}
		}
	}
	return files
}

// addSudoRules hands over one resource for each account or group that a rule
// names, apart for commands with and without a password.
func (l *look) addSudoRules(all sudoers, sourceOf []string) error {
	taken := map[string]int{}
	for i, rule := range all.rules {
		for _, who := range all.expand(rule.who) {
			for _, nopasswd := range []bool{false, true} {
				free := slices.Contains(all.freed, who) || slices.Contains(all.freed, "ALL")
				var commands, runAs []string
				for _, spec := range rule.specs {
					if (spec.nopasswd || free) == nopasswd {
						commands = append(commands, all.expand([]string{spec.command})...)
						runAs = append(runAs, spec.runAs)
					}
				}
				if len(commands) == 0 {
					continue
				}
				err := l.addRule(taken, ruleFacts{who, strings.Join(slices.Compact(runAs), ", "), sourceOf[i], commands, nopasswd})
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

type ruleFacts struct {
	who, runAs, source string
	commands           []string
	nopasswd           bool
}

func (l *look) addRule(taken map[string]int, r ruleFacts) error {
	if strings.HasPrefix(r.who, "!") { // one who is left out of the list
		return nil
	}
	all := slices.Contains(r.commands, "ALL")
	f := newFacts()
	f.set("who", r.who)
	f.set("run_as", r.runAs)
	f.set("commands", r.commands[:min(len(r.commands), 1000)])
	f.set("all_commands", all)
	f.set("nopasswd", r.nopasswd)
	f.set("source", r.source)
	if all && reachesRoot(r.runAs) {
		l.admins[r.who] = append(l.admins[r.who], "rule in "+r.source)
	}
	what := strings.Join(r.commands, ", ")
	if len(what) > 200 {
		what = strings.ToValidUTF8(what[:200], "") + "…"
	}
	key := r.who + ": " + what + " (" + r.source + ")"
	if r.nopasswd {
		key = r.who + ": NOPASSWD " + what + " (" + r.source + ")"
	}
	if taken[key]++; taken[key] > 1 {
		key = fmt.Sprintf("%s #%d", key, taken[key])
	}
	return l.in.Add(f.resource("sudo_rule", key))
}

// reachesRoot reports whether one of the accounts, written before a colon and
// the groups, is root.
func reachesRoot(runAs string) bool {
	accounts, _, _ := strings.Cut(runAs, ":")
	for _, account := range strings.FieldsFunc(accounts, func(r rune) bool { return r == ',' || r == ' ' }) {
		if account == "ALL" || account == "root" || account == "#0" {
			return true
		}
	}
	return false
}

// expand replaces names of lists by what they hold, once each.
func (s sudoers) expand(items []string) []string {
	var out []string
	seen := map[string]bool{}
	todo := slices.Clone(items)
	for len(todo) > 0 && len(out) < 10_000 {
		item := todo[0]
		todo = todo[1:]
		if seen[item] {
			continue
		}
		seen[item] = true
		if list, ok := s.aliases[item]; ok && item != "ALL" {
			todo = append(slices.Clone(list), todo...)
		} else if item != "" {
			out = append(out, item)
		}
	}
	sort.Strings(out)
	return out
}

func (l *look) readDoas() error {
	names, err := l.tree.glob("/etc/doas.d/*.conf")
	if err != nil {
		l.unread("/etc/doas.d", err)
	}
	if l.tree.exists("/etc/doas.conf") {
		names = append([]string{"/etc/doas.conf"}, names...)
	}
	taken := map[string]int{}
	for _, name := range names {
		data, err := l.tree.read(name, maxText)
		if err != nil {
			l.unread(name, err)
			continue
		}
		l.raw(name, withoutComments(data))
		rules, bad := parseDoas(data)
		if bad > 0 {
			l.hideRules(fmt.Sprintf("lines of %s that could not be understood: %d", name, bad), "doas -C "+name)
		}
		for _, r := range rules {
			if err := l.addRule(taken, ruleFacts{r.who, r.runAs, name, []string{r.command}, r.nopass}); err != nil {
				return err
			}
		}
	}
	return nil
}

// withoutComments keeps the lines that mean something: comments are where
// people leave notes that a copy should not hold.
func withoutComments(data []byte) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		trimmed := strings.TrimSpace(line)
		if trimmed != "" && (trimmed[0] != '#' || sudoInclude.MatchString(trimmed)) {
			b.WriteString(trimmed + "\n")
		}
	}
	return []byte(b.String())
}
