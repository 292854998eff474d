package checks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/tickmark/tickmark/internal/fault"
)

// maxShown is how many faults of one expression are told: those after the
// first few follow from them.
const maxShown = 3

var (
	undefinedField = regexp.MustCompile(`^undefined field '(.*)'$`)
	undeclared     = regexp.MustCompile(`^undeclared reference to '(.*?)'`)
	noOverload     = regexp.MustCompile(`^found no matching overload for '(.*)' applied to '(.*)'$`)
	expecting      = regexp.MustCompile(`^(Syntax error: .*?) expecting \{.*\}$`)
)

// issueFault says in our words what the CEL compiler found, and where.
func issueFault(d *Definition, known *fields, key, expression string, issues *cel.Issues) *fault.Error {
	var first *fault.Error
	for i, issue := range issues.Errors() {
		if i == maxShown {
			break
		}
		line, column, text := 1, 0, issue.Message
		if issue.Location != nil {
			line, column = max(1, issue.Location.Line()), max(0, issue.Location.Column())
		}
		if m := undefinedField.FindStringSubmatch(text); m != nil {
			text = known.suggest(d.Kind, m[1])
			// CEL points at the dot.
			column += fieldOffset(expression, line, column, m[1])
		} else if m := undeclared.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("there is no %s: r is the %s, p the parameters, asof the end of the run", m[1], d.Kind)
		} else if m := noOverload.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("%s cannot be used on %s", strings.Trim(m[1], "_@"), m[2])
		} else if m := expecting.FindStringSubmatch(text); m != nil {
			text = m[1]
		}
		e := placed(d, key, expression, line, column, text)
		if first == nil {
			first = e
		} else {
			first.More = append(first.More, e)
		}
	}
	if first == nil {
		return placed(d, key, expression, 1, 0, issues.Err().Error())
	}
	return first
}

// suggest names the field that was probably meant, or all there are.
func (f *fields) suggest(kind, name string) string {
	object := resourceType
	for _, m := range f.missed {
		if m.field == name {
			object = m.object
		}
	}
	names := slices.Sorted(maps.Keys(f.objects[object]))
	text := fmt.Sprintf("%s has no field %s", kind, name)
	if object == paramsType {
		if len(names) == 0 {
			return fmt.Sprintf("there is no parameter %s: the check declares none", name)
		}
		text = fmt.Sprintf("there is no parameter %s", name)
	}
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("%s: %s is probably meant", text, near)
	}
	return fmt.Sprintf("%s: %s are accepted", text, strings.Join(names, ", "))
}

func fieldOffset(expression string, line, column int, field string) int {
	runes := []rune(lineOf(expression, line))
	if column > len(runes) {
		return 0
	}
	at := strings.Index(string(runes[column:]), field)
	if at < 0 {
		return 0
	}
	return utf8.RuneCountInString(string(runes[column:])[:at])
}

func lineOf(expression string, line int) string {
	lines := strings.Split(expression, "\n")
	if line > len(lines) {
		return ""
	}
	return lines[line-1]
}

// maxLine is how much of a line is shown with a fault.
const maxLine = 160

// placed words a fault at a place of an expression: the text, the line, and a
// caret under the column, which counts from 0.
func placed(d *Definition, key, expression string, line, column int, text string) *fault.Error {
	shown := []rune(lineOf(expression, line))
	start := max(0, min(column, len(shown))-maxLine/2)
	shown = shown[start:min(len(shown), start+maxLine)]
	var under strings.Builder
	for _, r := range shown[:min(len(shown), column-start)] {
		if r != '\t' {
			r = ' '
		}
		under.WriteRune(r)
	}
	return fault.Invalid(key, "line %d, column %d: %s (%s)\n    %s\n    %s^", line, column+1, text, d.place(key), string(shown), under.String())
}

func typeWord(t *types.Type) string {
	switch t.Kind() {
	case types.BoolKind:
		return "true or false"
	case types.StringKind:
		return "text"
	case types.IntKind:
		return "a whole number"
	case types.TimestampKind:
		return "an instant"
	case types.DynKind:
		return "a value of any type"
	}
	return cel.FormatCELType(t)
}
