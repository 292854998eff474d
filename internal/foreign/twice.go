package foreign

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// level is a list or object that is open.
type level struct {
	object bool
	naming bool // the next text is a name
	name   []byte
	index  int
	few    [][]byte // names so far
	many   map[string]bool
}

// fewNames is up to where looking at each is quicker than a table.
const fewNames = 24

// known notes a name and reports whether the object had it already.
func (l *level) known(raw []byte) bool {
	name := raw
	if bytes.IndexByte(raw, '\\') >= 0 { // the same name can be written in several ways
		var s string
		if json.Unmarshal(append(append([]byte{'"'}, raw...), '"'), &s) == nil {
			name = []byte(s)
		}
	}
	l.name = name
	if l.many != nil {
		was := l.many[string(name)]
		l.many[string(name)] = true
		return was
	}
	for _, n := range l.few {
		if bytes.Equal(n, name) {
			return true
		}
	}
	if l.few = append(l.few, name); len(l.few) > fewNames {
		l.many = make(map[string]bool, 2*fewNames)
		for _, n := range l.few {
			l.many[string(n)] = true
		}
	}
	return false
}

// twice finds a field that an object has twice, in a value that is JSON.
// Programs differ in which of the two they believe, so that one file could say
// one thing to a person and another here.
func twice(raw []byte) (path string, found bool) {
	var open []level
	for i := 0; i < len(raw); i++ {
		top := len(open) - 1
		switch raw[i] {
		case '{', '[':
			var few [][]byte
			if len(open) < cap(open) { // of one that is closed
				few = open[:top+2][top+1].few[:0]
			}
			open = append(open, level{object: raw[i] == '{', naming: raw[i] == '{', few: few})
		case '}', ']':
			open = open[:top]
		case ',':
			open[top].naming = open[top].object
			open[top].index++
		case '"':
			end := i + 1
			for raw[end] != '"' {
				if raw[end] == '\\' {
					end++
				}
				end++
			}
			if top >= 0 && open[top].naming {
				open[top].naming = false
				if open[top].known(raw[i+1 : end]) {
					return pathOf(open), true
				}
			}
			i = end
		}
	}
	return "", false
}

func pathOf(open []level) string {
	path := ""
	for _, l := range open {
		if l.object {
			path += "." + shown(string(l.name))
		} else {
			path += ".[" + strconv.Itoa(l.index) + "]"
		}
	}
	return path
}

// shown keeps a name that somebody else chose short and on one line.
func shown(name string) string {
	r := []rune(name)
	for i, c := range r {
		if c < ' ' || c == 0x7f {
			r[i] = ' '
		}
	}
	if len(r) > 60 {
		return string(r[:57]) + "…"
	}
	return string(r)
}
