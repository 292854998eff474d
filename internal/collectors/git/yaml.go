package git

import "strings"

const maxNodes = 20_000

// A node is a line of a YAML file: a key, a value or both, and where it lies.
type node struct {
	path  []string // keys from the top to this line's own; the last is its own
	keyed bool     // the line has a key of its own
	value string   // text of a block if it is one, else the scalar, unquoted
	flow  bool     // the value is a list or map in brackets
	line  int
}

// last is the innermost key, from the end: last(0) is the line's own.
func (n node) last(i int) string {
	if i >= len(n.path) {
		return ""
	}
	return n.path[len(n.path)-1-i]
}

// readYAML reads the part of YAML that people write CI files in: block maps and
// lists, plain and quoted scalars, text blocks, and brackets on one or more
// lines. It resolves no anchors and builds no tree, so a hostile file costs what
// it weighs. Only facts are taken from it: what it does not understand yields
// none.
func readYAML(data []byte) []node {
	type open struct {
		indent int
		key    string
	}
	var (
		nodes []node
		stack []open
		lines = strings.Split(string(data), "\n")
	)
	for i := 0; i < len(lines) && len(nodes) < maxNodes; i++ {
		line := strings.TrimRight(lines[i], " \t\r")
		indent := indentOf(line)
		text := line[indent:]
		if text == "" || text[0] == '#' || indent == 0 && (strings.HasPrefix(text, "---") || strings.HasPrefix(text, "%")) {
			continue
		}
		for text == "-" || strings.HasPrefix(text, "- ") {
			rest := strings.TrimLeft(text[1:], " ")
			indent += len(text) - len(rest)
			text = rest
			if text == "" {
				break
			}
		}
		for len(stack) > 0 && (stack[len(stack)-1].indent >= indent || len(stack) > 40) {
			stack = stack[:len(stack)-1]
		}
		if text == "" {
			continue
		}
		n := node{line: i + 1}
		for _, o := range stack {
			n.path = append(n.path, o.key)
		}
		key, value, keyed := cutKey(text)
		if keyed {
			n.keyed, n.path = true, append(n.path, key)
			stack = append(stack, open{indent, key})
		} else {
			value = text
		}
		switch value = uncomment(value); {
		case value != "" && (value[0] == '|' || value[0] == '>') && len(value) <= 4:
			n.value, i = block(lines, i, indent, keyed, value[0] == '>')
		case value != "" && (value[0] == '[' || value[0] == '{'):
			n.flow = true
			for end := i + 200; !balanced(value) && i+1 < len(lines) && i < end && len(value) < 1<<16; {
				i++
				value += " " + uncomment(strings.TrimSpace(lines[i]))
			}
			n.value = value
		default:
			n.value = unquote(value)
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// block reads the text below a key that ends in | or >, which folds its lines.
func block(lines []string, at, indent int, keyed, folded bool) (string, int) {
	var text []string
	if !keyed {
		indent-- // the block of a list's element may lie where its dash's text does
	}
	i := at + 1
	for ; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], " \t\r")
		if line != "" && indentOf(line) <= indent {
			break
		}
		text = append(text, strings.TrimSpace(line))
	}
	joined := strings.Join(text, "\n")
	if folded {
		joined = strings.ReplaceAll(strings.ReplaceAll(joined, "\n\n", "\x00"), "\n", " ")
		joined = strings.ReplaceAll(joined, "\x00", "\n")
	}
	return strings.TrimSpace(joined), i - 1
}

// cutKey splits "key: value".
func cutKey(text string) (key, value string, ok bool) {
	if text[0] == '"' || text[0] == '\'' {
		end := strings.IndexByte(text[1:], text[0])
		if end < 0 {
			return "", "", false
		}
		rest := strings.TrimLeft(text[end+2:], " ")
		if rest != ":" && !strings.HasPrefix(rest, ": ") {
			return "", "", false
		}
		return text[1 : end+1], strings.TrimSpace(rest[1:]), true
	}
	if strings.ContainsRune("[{&*!|>%@`", rune(text[0])) {
		return "", "", false
	}
	if key, ok := strings.CutSuffix(text, ":"); ok && !strings.Contains(key, ": ") {
		return strings.TrimSpace(key), "", true
	}
	key, value, ok = strings.Cut(text, ": ")
	if !ok || strings.Contains(key, " #") {
		return "", "", false
	}
	return strings.TrimSpace(key), strings.TrimSpace(value), true
}

// uncomment removes a comment that ends a line, outside quotes.
func uncomment(s string) string {
	quote := byte(0)
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" [{,:", s[i-1]) >= 0):
			quote = c
		case c == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t'):
			return strings.TrimSpace(s[:i])
		}
	}
	return strings.TrimSpace(s)
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

func balanced(s string) bool {
	depth := 0
	for _, c := range s {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
	}
	return depth <= 0
}

// flowItems are the elements of a list in brackets, or the keys of a map in
// braces, at its first level.
func flowItems(s string) []string {
	var items []string
	s = strings.TrimSpace(s)
	if len(s) < 2 {
		return nil
	}
	depth, start := 0, 1
	add := func(end int) {
		item := strings.TrimSpace(s[start:end])
		if key, _, ok := strings.Cut(item, ":"); ok && s[0] == '{' {
			item = strings.TrimSpace(key)
		}
		if item = unquote(item); item != "" && len(items) < 1000 {
			items = append(items, item)
		}
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '[', '{':
			depth++
		case ']', '}':
			if depth == 0 {
				add(i)
				return items
			}
			depth--
		case ',':
			if depth == 0 {
				add(i)
				start = i + 1
			}
		}
	}
	return items
}
