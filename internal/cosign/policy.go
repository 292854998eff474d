package cosign

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// MaxPolicy is how large a policy may be, in bytes.
const MaxPolicy = 64 << 10

// None is the quorum that asks for no cosignature.
const None = "none"

// A Policy says which logs somebody accepts, whom they believe as witnesses,
// and how many of these must have cosigned a checkpoint.
type Policy struct {
	Logs      []Log
	Witnesses []Witness
	Groups    []Group
	Quorum    string
}

// Log is one whose checkpoints are accepted.
type Log struct {
	Key Key
	URL string // may be empty
}

// A Witness has a name in the policy, which is not that of its key.
type Witness struct {
	Name string
	Key  Key
	URL  string // where checkpoints are submitted; may be empty
}

// A Group has cosigned if so many of its members have.
type Group struct {
	Name    string
	Need    int
	Members []string
}

// ParsePolicy reads the text of a policy (C2SP tlog-policy).
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > MaxPolicy {
		return nil, fmt.Errorf("policy: %d bytes; want at most %d", len(text), MaxPolicy)
	}
	r := policyReader{names: map[string]bool{}, members: map[string]bool{}}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if err := r.line(line); err != nil {
			return nil, fmt.Errorf("policy: line %d: %w", i+1, err)
		}
	}
	if r.p.Quorum == "" {
		return nil, fmt.Errorf("policy: no quorum: want exactly one line: quorum NAME, or quorum %s", None)
	}
	return &r.p, nil
}

type policyReader struct {
	p       Policy
	names   map[string]bool // of witnesses and groups so far
	members map[string]bool // that a group has already
}

func (r *policyReader) line(line []byte) error {
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return fmt.Errorf("it has the control character %#02x; want text, lines ended by 0x0A alone", c)
		}
	}
	words := strings.FieldsFunc(string(line), func(c rune) bool { return c == ' ' || c == '\t' })
	if len(words) == 0 || words[0][0] == '#' {
		return nil
	}
	switch words[0] {
	case "log":
		return r.log(words[1:])
	case "witness":
		return r.witness(words[1:])
	case "group":
		return r.group(words[1:])
	case "quorum":
		return r.quorum(words[1:])
	}
	return fmt.Errorf("%q begins no line; want log, witness, group or quorum", cut(words[0]))
}

func (r *policyReader) log(w []string) error {
	if len(w) != 1 && len(w) != 2 {
		return fmt.Errorf("want: log VKEY [URL]")
	}
	k, err := ParseLogKey(w[0])
	if err != nil {
		return err
	}
	for _, l := range r.p.Logs {
		if l.Key.Public.Equal(k.Public) {
			return fmt.Errorf("the key of %s is there already", k.Name)
		}
	}
	r.p.Logs = append(r.p.Logs, Log{k, optional(w, 1)})
	return nil
}

func (r *policyReader) witness(w []string) error {
	if len(w) != 2 && len(w) != 3 {
		return fmt.Errorf("want: witness NAME VKEY [URL]")
	}
	k, err := ParseWitnessKey(w[1])
	if err != nil {
		return err
	}
	for _, x := range r.p.Witnesses {
		if x.Key.Public.Equal(k.Public) {
			return fmt.Errorf("the key of %s is there already", k.Name)
		}
	}
	r.p.Witnesses = append(r.p.Witnesses, Witness{w[0], k, optional(w, 2)})
	return r.name(w[0])
}

func (r *policyReader) group(w []string) error {
	if len(w) < 3 {
		return fmt.Errorf("want: group NAME all|any|NUMBER MEMBER…")
	}
	g := Group{Name: w[0], Members: w[2:]}
	switch w[1] {
	case "all":
		g.Need = len(g.Members)
	case "any":
		g.Need = 1
	default:
		n, err := strconv.Atoi(w[1])
		if err != nil || strconv.Itoa(n) != w[1] || n < 1 || n > len(g.Members) {
			return fmt.Errorf("%q is not all, any or a number from 1 to %d, the count of members", cut(w[1]), len(g.Members))
		}
		g.Need = n
	}
	for _, m := range g.Members {
		if !r.names[m] {
			return fmt.Errorf("%q is no witness or group of a line above", cut(m))
		}
		if r.members[m] {
			return fmt.Errorf("%q is a member already: a witness counts in one way only", cut(m))
		}
		r.members[m] = true
	}
	r.p.Groups = append(r.p.Groups, g)
	return r.name(g.Name)
}

func (r *policyReader) quorum(w []string) error {
	switch {
	case len(w) != 1:
		return fmt.Errorf("want: quorum NAME, or quorum %s", None)
	case r.p.Quorum != "":
		return fmt.Errorf("a second quorum; want exactly one")
	case w[0] != None && !r.names[w[0]]:
		return fmt.Errorf("%q is no witness or group of a line above", cut(w[0]))
	}
	r.p.Quorum = w[0]
	return nil
}

func (r *policyReader) name(s string) error {
	if s == None || r.names[s] {
		return fmt.Errorf("the name %q is taken", cut(s))
	}
	r.names[s] = true
	return nil
}

func optional(w []string, i int) string {
	if i < len(w) {
		return w[i]
	}
	return ""
}

// String is the policy as text: logs, witnesses, groups, quorum.
func (p *Policy) String() string {
	var b strings.Builder
	line := func(words ...string) { b.WriteString(strings.TrimRight(strings.Join(words, " "), " ") + "\n") }
	for _, l := range p.Logs {
		line("log", l.Key.String(), l.URL)
	}
	for _, w := range p.Witnesses {
		line("witness", w.Name, w.Key.String(), w.URL)
	}
	for _, g := range p.Groups {
		line(append([]string{"group", g.Name, strconv.Itoa(g.Need)}, g.Members...)...)
	}
	line("quorum", p.Quorum)
	return b.String()
}

// Asks reports whether the policy demands any cosignature.
func (p *Policy) Asks() bool { return p.Quorum != None }

// Satisfied reports whether the quorum is fulfilled if the witnesses of these
// names (the policy's, not those of their keys) have cosigned.
func (p *Policy) Satisfied(by map[string]bool) bool {
	done := map[string]bool{None: true}
	for _, w := range p.Witnesses {
		done[w.Name] = by[w.Name]
	}
	for _, g := range p.Groups { // each names only what stands before it
		n := 0
		for _, m := range g.Members {
			if done[m] {
				n++
			}
		}
		done[g.Name] = n >= g.Need
	}
	return done[p.Quorum]
}

// Witness finds the one that a cosignature claims to be from.
func (p *Policy) Witness(c Cosignature) (Witness, bool) {
	for _, w := range p.Witnesses {
		if c.By(w.Key) {
			return w, true
		}
	}
	return Witness{}, false
}
