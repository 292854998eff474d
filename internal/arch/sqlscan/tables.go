package sqlscan

import (
	"regexp"
	"slices"
	"strings"
)

// Uses says which tables a statement touches, and how.
type Uses struct {
	Reads   []string // FROM, JOIN
	Inserts []string
	Updates []string // ON CONFLICT … DO UPDATE included
	Deletes []string
}

// All lists every table once, in the order of first mention by kind.
func (u Uses) All() []string {
	var out []string
	for _, list := range [][]string{u.Inserts, u.Updates, u.Deletes, u.Reads} {
		for _, t := range list {
			if !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

var (
	literals = regexp.MustCompile(`'(?:[^']|'')*'`)
	comments = regexp.MustCompile(`--[^\n]*|/\*(?s:.*?)\*/`)
	words    = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*|[(),;.]|[^\sA-Za-z_(),;.]+`)
)

// Bare is the statement without comments and the contents of its literals.
func Bare(sql string) string {
	return comments.ReplaceAllString(literals.ReplaceAllString(sql, "''"), " ")
}

// Tables reads the tables out of a statement. It knows the subset of SQL the
// product writes, not SQL.
func Tables(sql string) Uses {
	toks := words.FindAllString(Bare(sql), -1)
	at := func(i int) string {
		if i < 0 || i >= len(toks) {
			return ""
		}
		return strings.ToUpper(toks[i])
	}
	made := withNames(toks)
	var u Uses
	add := func(list *[]string, i int) {
		if i >= len(toks) || !name(toks[i]) || slices.Contains(made, toks[i]) || slices.Contains(*list, toks[i]) {
			return
		}
		*list = append(*list, toks[i])
	}
	for i := range toks {
		switch at(i) {
		case "INTO":
			add(&u.Inserts, i+1)
		case "UPDATE":
			switch {
			case at(i-1) == "DO":
				for _, t := range u.Inserts {
					if !slices.Contains(u.Updates, t) {
						u.Updates = append(u.Updates, t)
					}
				}
			case at(i-1) != "FOR":
				add(&u.Updates, i+1)
			}
		case "FROM":
			if at(i-1) == "DELETE" {
				add(&u.Deletes, i+1)
			} else if at(i-1) != "DISTINCT" {
				from(toks, i+1, func(i int) { add(&u.Reads, i) })
			}
		case "JOIN":
			if at(i+2) != "(" { // a function makes a table of nothing stored
				add(&u.Reads, i+1)
			}
		}
	}
	return u
}

// from calls add for each table of a list: a, b AS x, f(…), (SELECT …) y.
func from(toks []string, i int, add func(int)) {
	for i < len(toks) {
		switch {
		case toks[i] == "(": // a subquery is read where its own FROM stands
			i = closing(toks, i) + 1
		case i+1 < len(toks) && toks[i+1] == "(":
			i = closing(toks, i+1) + 1
		default:
			add(i)
			i++
		}
		for i < len(toks) && (strings.EqualFold(toks[i], "AS") || name(toks[i]) && !clause[strings.ToUpper(toks[i])]) {
			i++
		}
		if i >= len(toks) || toks[i] != "," {
			return
		}
		i++
	}
}

var clause = map[string]bool{
	"WHERE": true, "JOIN": true, "LEFT": true, "INNER": true, "CROSS": true, "ON": true, "GROUP": true, "ORDER": true,
	"LIMIT": true, "UNION": true, "HAVING": true, "FOR": true, "RETURNING": true, "EXCEPT": true, "INTERSECT": true, "SET": true, "OFFSET": true, "WINDOW": true,
}

// withNames lists the names that WITH gives to subqueries.
func withNames(toks []string) []string {
	if len(toks) == 0 || !strings.EqualFold(toks[0], "WITH") {
		return nil
	}
	var out []string
	i := 1
	if i < len(toks) && strings.EqualFold(toks[i], "RECURSIVE") {
		i++
	}
	for i < len(toks) && name(toks[i]) {
		out = append(out, toks[i])
		i++
		if i < len(toks) && toks[i] == "(" {
			i = closing(toks, i) + 1
		}
		if i >= len(toks) || !strings.EqualFold(toks[i], "AS") {
			return out
		}
		for i < len(toks) && toks[i] != "(" {
			i++
		}
		i = closing(toks, i) + 1
		if i >= len(toks) || toks[i] != "," {
			return out
		}
		i++
	}
	return out
}

// closing finds the parenthesis that closes the one at i.
func closing(toks []string, i int) int {
	depth := 0
	for ; i < len(toks); i++ {
		switch toks[i] {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(toks)
}

func name(tok string) bool {
	c := tok[0]
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
