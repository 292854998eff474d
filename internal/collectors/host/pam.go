package host

import (
	"slices"
	"strconv"
	"strings"
)

const maxDepth = 16 // files that include one another

// A pamLine is one module of a stack.
type pamLine struct {
	kind, control, module string
	args                  []string
}

// parsePAM reads a file below /etc/pam.d. A line @include NAME stands for
// every kind of line in that file.
func parsePAM(data []byte) []pamLine {
	var out []pamLine
	text := strings.ReplaceAll(string(data), "\\\n", " ")
	for _, line := range lines([]byte(text)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 2 && words[0] == "@include" {
			out = append(out, pamLine{kind: "*", control: "include", module: words[1]})
			continue
		}
		if len(words) < 3 {
			continue
		}
		l := pamLine{kind: strings.TrimPrefix(words[0], "-"), control: words[1]}
		rest := words[2:]
		if strings.HasPrefix(l.control, "[") { // [success=1 default=ignore]
			for !strings.HasSuffix(l.control, "]") && len(rest) > 0 {
				l.control, rest = l.control+" "+rest[0], rest[1:]
			}
		}
		if len(rest) > 0 {
			l.module, l.args = rest[0], rest[1:]
			out = append(out, l)
		}
	}
	return out
}

// pamStack gathers the modules of one kind that a service asks, through all it
// includes. Of several names the first service that exists counts.
func (l *look) pamStack(kind string, services ...string) ([]pamLine, error) {
	for _, service := range services {
		if l.tree.exists("/etc/pam.d/" + service) {
			return l.pamFile(kind, service, 0)
		}
	}
	_, err := l.tree.read("/etc/pam.d/"+services[0], maxText)
	return nil, err
}

func (l *look) pamFile(kind, service string, depth int) ([]pamLine, error) {
	if depth > maxDepth || strings.ContainsAny(service, "/\x00") {
		return nil, nil
	}
	data, err := l.tree.read("/etc/pam.d/"+service, maxText)
	if err != nil {
		return nil, err
	}
	var stack []pamLine
	for _, line := range parsePAM(data) {
		if line.kind != kind && line.kind != "*" {
			continue
		}
		if line.control == "include" || line.control == "substack" {
			more, err := l.pamFile(kind, line.module, depth+1)
			if err != nil {
				return nil, err
			}
			stack = append(stack, more...)
			if len(stack) > 1000 {
				return stack, nil
			}
			continue
		}
		stack = append(stack, line)
	}
	return stack, nil
}

// find returns the first of some modules in a stack.
func find(stack []pamLine, modules ...string) (pamLine, bool) {
	for _, line := range stack {
		name := line.module
		if i := strings.LastIndex(name, "/"); i >= 0 {
			name = name[i+1:]
		}
		if slices.Contains(modules, strings.TrimSuffix(name, ".so")) {
			return line, true
		}
	}
	return pamLine{}, false
}

// option reads the argument key=N of a module.
func (p pamLine) option(key string) (int, bool) {
	for _, arg := range p.args {
		if text, ok := strings.CutPrefix(arg, key+"="); ok {
			n, err := strconv.Atoi(text)
			return n, err == nil
		}
	}
	return 0, false
}

// parseEquals reads settings of the form key = value, and words alone as
// switches that are on.
func parseEquals(data []byte) map[string]string {
	values := map[string]string{}
	for _, line := range lines(data) {
		line, _, _ = strings.Cut(line, "#")
		key, value, _ := strings.Cut(line, "=")
		values[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return values
}
