package tasks

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// callees are the members whom a text mentions and who may read where it stands.
func callees(c *op.Call, object, text string) ([]auth.Member, error) {
	if !strings.Contains(text, "@") {
		return nil, nil
	}
	all, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return nil, err
	}
	list, err := Resolve(text, all)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if !mayOpen(c, m, object) {
			return nil, fault.Invalid("text", "%s may not open this page, so that a comment here would not reach them", m.Name)
		}
	}
	return list, nil
}

// mayOpen reports whether a member may see an object.
func mayOpen(c *op.Call, m auth.Member, object string) bool {
	x := *c
	d := *c.Desk
	d.Actor = auth.Actor{User: m.ID, Name: m.Name, Roles: m.Roles}
	x.Desk = &d
	_, err := about(&x, object)
	return err == nil
}

// Resolve finds whom a text mentions: @ and a whole name, a first name that only
// one member has, or an address. What fits nobody is no mention; what fits
// several is refused, because it would tell the wrong one.
func Resolve(text string, members []auth.Member) ([]auth.Member, error) {
	var out []auth.Member
	for i := 0; i < len(text); i++ {
		if text[i] != '@' {
			continue
		}
		if r, _ := utf8.DecodeLastRuneInString(text[:i]); i > 0 && wordly(r) {
			continue // inside an address
		}
		fit := longest(text[i+1:], members)
		switch {
		case len(fit) > 1:
			var names []string
			for _, m := range fit {
				names = append(names, m.Name+" ("+m.Email+")")
			}
			slices.Sort(names)
			return nil, fault.Invalid("text", "@%s may be %s: write the whole name, or the address", word(text[i+1:]), strings.Join(names, " or "))
		case len(fit) == 1 && !slices.ContainsFunc(out, func(m auth.Member) bool { return m.ID == fit[0].ID }):
			out = append(out, fit[0])
		}
		if len(out) > maxMentions {
			return nil, fault.Invalid("text", "a comment mentions at most %d people", maxMentions)
		}
	}
	return out, nil
}

// longest are the members of whom the most letters stand at the beginning of a
// text: "Ana Ruiz" before "Ana".
func longest(text string, members []auth.Member) []auth.Member {
	var (
		best int
		out  []auth.Member
		seen []id.User
	)
	for _, m := range members {
		first, _, _ := strings.Cut(m.Name, " ")
		n := 0
		for _, name := range []string{m.Email, m.Name, first} {
			n = max(n, begins(text, name))
		}
		switch {
		case n == 0 || n < best || slices.Contains(seen, m.ID):
			continue
		case n > best:
			best, out = n, nil
		}
		seen = append(seen, m.ID)
		out = append(out, m)
	}
	return out
}

// begins is the length of a name at the beginning of a text, whatever its case,
// and 0 where the text goes on with the same word.
func begins(text, name string) int {
	if name == "" {
		return 0
	}
	rest := text
	for _, want := range name {
		got, size := utf8.DecodeRuneInString(rest)
		if size == 0 || unicode.ToLower(got) != unicode.ToLower(want) {
			return 0
		}
		rest = rest[size:]
	}
	if next, size := utf8.DecodeRuneInString(rest); size > 0 && wordly(next) {
		return 0
	}
	return len(text) - len(rest)
}

func wordly(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// word is the first word of a text.
func word(text string) string {
	i := strings.IndexFunc(text, func(r rune) bool { return !wordly(r) })
	if i < 0 {
		return text
	}
	return text[:i]
}
