package host

import (
	"regexp"
	"strings"
)

// A ruleset is what a packet filter has loaded, reduced to what decides
// whether traffic that no rule names is let in.
type ruleset struct {
	chains map[string]*chain // by "family table name"
}

// A chain is a list of rules. Base chains are where the kernel enters.
type chain struct {
	family, table, name string
	input               bool // entered for traffic to this machine
	deny                bool // policy of a base chain
	rules               []filterRule
}

// A filterRule is one rule: what it does, and whether to everything.
type filterRule struct {
	always  bool
	verdict string // accept, deny, return, jump, goto, or "" for one that decides nothing
	target  string // of jump and goto
}

var (
	nftTable = regexp.MustCompile(`^table\s+(ip|ip6|inet|arp|bridge|netdev)\s+(\S+)\s*\{`)
	nftChain = regexp.MustCompile(`^chain\s+(\S+)\s*\{`)
	nftHook  = regexp.MustCompile(`^type\s+filter\s+hook\s+(\w+)\s+.*?;(?:\s*policy\s+(\w+)\s*;)?`)
	// What a rule may hold and still apply to everything.
	nftIdle    = regexp.MustCompile(`^(counter(\s+packets\s+\d+\s+bytes\s+\d+)?|log(\s+(prefix\s+"[^"]*"|level\s+\S+|flags\s+\S+|group\s+\d+))*|comment\s+"[^"]*")\s*`)
	nftComment = regexp.MustCompile(`\s+comment\s+"[^"]*"$`)
	nftVerdict = regexp.MustCompile(`(?:^|\s)(accept|drop|return|queue|reject(?:\s+with\s+.*)?|(?:jump|goto)\s+\S+)$`)
)

// parseNft reads the answer of nft list ruleset.
func parseNft(data []byte) ruleset {
	set := ruleset{chains: map[string]*chain{}}
	var family, table string
	var in *chain
	depth := 0 // of braces that are not a table or a chain: sets, maps
	for _, line := range lines(data) {
		if m := nftTable.FindStringSubmatch(line); m != nil {
			family, table, in, depth = m[1], m[2], nil, 0
			continue
		}
		if m := nftChain.FindStringSubmatch(line); m != nil && depth == 0 {
			in = &chain{family: family, table: table, name: m[1]}
			set.chains[key(family, table, m[1])] = in
			continue
		}
		if in == nil {
			depth += strings.Count(line, "{") - strings.Count(line, "}")
			depth = max(depth, 0)
			continue
		}
		if line == "}" {
			in = nil
			continue
		}
		if m := nftHook.FindStringSubmatch(line); m != nil {
			in.input = m[1] == "input"
			in.deny = m[2] == "drop"
			continue
		}
		in.rules = append(in.rules, parseNftRule(line))
	}
	return set
}

func parseNftRule(line string) filterRule {
	line = nftComment.ReplaceAllString(strings.TrimSuffix(line, ";"), "")
	m := nftVerdict.FindStringSubmatchIndex(line)
	if m == nil {
		return filterRule{}
	}
	verdict := line[m[2]:m[3]]
	rest := strings.TrimSpace(line[:m[2]])
	for {
		idle := nftIdle.FindString(rest)
		if idle == "" {
			break
		}
		rest = rest[len(idle):]
	}
	return ruleOf(rest == "", verdict)
}

func ruleOf(always bool, verdict string) filterRule {
	words := strings.Fields(verdict)
	r := filterRule{always: always}
	switch strings.ToLower(words[0]) {
	case "accept", "queue":
		r.verdict = "accept"
	case "drop", "reject", "tarpit":
		r.verdict = "deny"
	case "return":
		r.verdict = "return"
	case "jump", "goto":
		r.verdict, r.target = strings.ToLower(words[0]), words[len(words)-1]
	}
	return r
}

var iptablesIdle = regexp.MustCompile(`^(-m comment )?(--comment ("[^"]*"|\S+) )?$`)

// parseIptables reads the answer of iptables -S or ip6tables -S, that is of
// the table filter, into set.
func (set ruleset) parseIptables(data []byte, family string) {
	get := func(name string) *chain {
		k := key(family, "filter", name)
		if set.chains[k] == nil {
			set.chains[k] = &chain{family: family, table: "filter", name: name, input: name == "INPUT"}
		}
		return set.chains[k]
	}
	for _, line := range lines(data) {
		word := strings.Fields(line)
		switch {
		case len(word) == 3 && word[0] == "-P":
			get(word[1]).deny = word[2] == "DROP"
		case len(word) == 2 && word[0] == "-N":
			get(word[1])
		case len(word) >= 4 && word[0] == "-A":
			_, rest, _ := strings.Cut(line, " "+word[1]+" ")
			get(word[1]).rules = append(get(word[1]).rules, parseIptablesRule(rest))
		}
	}
}

func parseIptablesRule(text string) filterRule {
	for flag, verdict := range map[string]string{"-j ": "jump ", "-g ": "goto "} {
		i := strings.LastIndex(text, flag)
		if i < 0 || i > 0 && text[i-1] != ' ' {
			continue
		}
		words := strings.Fields(text[i+len(flag):])
		if len(words) == 0 {
			return filterRule{}
		}
		always := iptablesIdle.MatchString(text[:i])
		switch words[0] {
		case "ACCEPT", "DROP", "REJECT", "RETURN", "TARPIT", "QUEUE", "NFQUEUE":
			return ruleOf(always, strings.TrimPrefix(words[0], "NF"))
		case "LOG", "MARK", "NFLOG", "CONNMARK", "AUDIT", "SET", "TRACE":
			return filterRule{}
		}
		return ruleOf(always, verdict+words[0])
	}
	return filterRule{}
}

func key(family, table, name string) string { return family + " " + table + " " + name }

// guards reports whether anything judges traffic to this machine over IPv4 or
// IPv6, and whether what no rule names is refused.
func (set ruleset) guards(family string) (active, deny bool) {
	for _, c := range set.chains {
		if !c.input || c.family != family && c.family != "inet" {
			continue
		}
		active = active || c.deny || len(c.rules) > 0
		// Every base chain must let a packet through: one that refuses is enough.
		deny = deny || set.ends(c, 0) == "deny" || set.ends(c, 0) == "" && c.deny
	}
	return active, deny
}

// ends says what becomes of a packet that no condition names: accept, deny, or
// "" if the chain leaves it to its caller.
func (set ruleset) ends(c *chain, depth int) string {
	if c == nil || depth > maxDepth {
		return ""
	}
	for _, r := range c.rules {
		if !r.always {
			continue
		}
		switch r.verdict {
		case "accept", "deny":
			return r.verdict
		case "return":
			return ""
		case "jump", "goto":
			end := set.ends(set.chains[key(c.family, c.table, r.target)], depth+1)
			if end != "" || r.verdict == "goto" {
				return end
			}
		}
	}
	return ""
}
