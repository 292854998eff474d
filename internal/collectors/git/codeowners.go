package git

import (
	"fmt"
	"regexp"
	"strings"
)

// ownersPlaces are where forges look for a CODEOWNERS file, in their order.
var ownersPlaces = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS", ".gitea/CODEOWNERS", ".forgejo/CODEOWNERS", ".bitbucket/CODEOWNERS"}

const maxRules = 20_000

// An ownersRule is one line of a CODEOWNERS file that names a pattern.
type ownersRule struct {
	line    int
	section string
	pattern string
	owners  []string
	problem string // why a forge would skip the line; empty if it would not
}

// owners hands over the rules of the CODEOWNERS file that is in force.
func (r *run) owners() error {
	if r.tree == nil || !r.branch.born {
		r.absentFromTree("has_codeowners", "codeowners", "codeowners_default")
		r.coverFromTree("owners_rule")
		return nil
	}
	place := r.tree.firstOf(ownersPlaces...)
	r.facts["has_codeowners"] = place != ""
	if place == "" {
		r.coverFromTree("owners_rule")
		r.absent["codeowners"] = "there is no CODEOWNERS file"
		r.facts["codeowners_default"] = false
		return nil
	}
	r.facts["codeowners"] = clip(place)
	f := r.tree.files[r.tree.byPath[place]]
	data, err := r.bytes(f)
	if err != nil {
		r.absent["codeowners_default"] = cause(err)
		return r.leaveOut("owners_rule", f, err)
	}
	r.keep(f, data)
	r.coverFromTree("owners_rule")
	covered := false
	for _, rule := range parseOwners(data) {
		switch rule.pattern {
		case "*", "**", "/**", "/":
			covered = rule.problem == "" && len(rule.owners) > 0
		}
		rec := newRecord(map[string]any{
			"path": clip(place), "line": rule.line, "pattern": clip(rule.pattern), "section": clip(rule.section),
			"owners": clipAll(rule.owners), "valid": rule.problem == "", "problem": rule.problem,
		})
		if err := r.in.Add(rec.resource("owners_rule", fmt.Sprintf("%s:%d", clipKey(place), rule.line))); err != nil {
			return err
		}
	}
	r.facts["codeowners_default"] = covered
	return nil
}

var (
	ownersSection = regexp.MustCompile(`^\^?\[([^\]]{1,200})\](?:\[\d{1,4}\])?\s*(.*)$`)
	ownersHandle  = regexp.MustCompile(`^@@?[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)*$`)
	ownersEmail   = regexp.MustCompile(`^[^\s@]+@[^\s@]+\.[^\s@]+$`)
)

// parseOwners reads a CODEOWNERS file as GitHub and GitLab do. A line without
// owners means that nobody owns what it matches, unless its section names some.
func parseOwners(data []byte) []ownersRule {
	var (
		rules    []ownersRule
		section  string
		defaults []string
	)
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if m := ownersSection.FindStringSubmatch(line); m != nil {
			section, defaults = m[1], ownerWords(m[2])
			continue
		}
		if len(rules) >= maxRules {
			break
		}
		pattern, rest := cutPattern(line)
		rule := ownersRule{line: n, section: section, pattern: pattern, owners: ownerWords(rest)}
		if len(rule.owners) == 0 {
			rule.owners = append([]string{}, defaults...)
		}
		rule.problem = rule.fault()
		rules = append(rules, rule)
	}
	return rules
}

// cutPattern separates the pattern from its owners: a backslash keeps a space.
func cutPattern(line string) (pattern, rest string) {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case ' ', '\t':
			return line[:i], line[i:]
		}
	}
	return line, ""
}

func ownerWords(s string) []string {
	words := []string{}
	for _, w := range strings.Fields(s) {
		if strings.HasPrefix(w, "#") {
			break
		}
		words = append(words, w)
	}
	return words
}

func (r ownersRule) fault() string {
	switch {
	case len(r.pattern) > 4096:
		return "the pattern is longer than a path can be"
	case strings.HasPrefix(r.pattern, "!"):
		return "a pattern cannot exclude with !"
	case strings.HasPrefix(r.pattern, `\#`):
		return `a pattern cannot begin with \#`
	case strings.Contains(r.pattern, "["):
		return "a pattern cannot hold a range in [ ]"
	case strings.Contains(r.pattern, "***"):
		return "a pattern cannot hold ***"
	}
	for _, o := range r.owners {
		if !ownersHandle.MatchString(o) && !ownersEmail.MatchString(o) {
			return fmt.Sprintf("%q is neither a @name, a @group/team nor an address", clip(o))
		}
	}
	return ""
}

// absentFromTree says why facts of the repository that its files state are not
// known.
func (r *run) absentFromTree(fields ...string) {
	why := noTree
	if !r.branch.born {
		why = "the repository has no commits yet"
	}
	for _, f := range fields {
		r.absent[f] = why
	}
}

// coverFromTree covers a kind if the list of files is complete.
func (r *run) coverFromTree(kind string) {
	if r.tree != nil && r.tree.cut == "" {
		r.in.Cover(kind)
	}
}
