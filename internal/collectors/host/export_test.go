package host

// What the tests of this folder reach into.
var (
	ParsePasswd, ParseShadow, ParseGroup, RedactPasswd = parsePasswd, parseShadow, parseGroup, redactPasswd
	ParseSudoers, ParseDoas                            = parseSudoers, parseDoas
	ParseSSHD, ParsePAM, ParseOSRelease                = parseSSHD, parsePAM, parseOSRelease
	ParseSockets, ParseHexAddr                         = parseSockets, parseHexAddr
	ParseMountinfo, ParseSwaps                         = parseMountinfo, parseSwaps
	ParseNft, InstalledPackages, ParseAptConf          = parseNft, installedPackages, parseAptConf
	ParseDNF, ParseLastlog2, ParseForwards             = parseDNF, parseLastlog2, parseForwards
	CompareVersions, CutRelease, SecuritySuite         = compareVersions, cutRelease, securitySuite
	SupportTable, RecordTime, OpenTree                 = supportTable, recordTime, openTree
)

// A Guard is what a packet filter does with traffic over one protocol.
type Guard struct{ Active, Deny bool }

// Guards judges rules of nft, or of iptables and ip6tables if nft is empty.
func Guards(nft, ip4, ip6 string) (v4, v6 Guard) {
	set := parseNft([]byte(nft))
	set.parseIptables([]byte(ip4), "ip")
	set.parseIptables([]byte(ip6), "ip6")
	v4.Active, v4.Deny = set.guards("ip")
	v6.Active, v6.Deny = set.guards("ip6")
	return v4, v6
}

// A Rule is a line of sudoers, written out.
type Rule struct {
	Who      []string
	RunAs    string
	Command  string
	NoPasswd bool
}

// Rules lists what a file of sudoers allows, and how many lines it could not
// understand.
func Rules(data string) (rules []Rule, bad int) {
	s := parseSudoers([]byte(data))
	for _, r := range s.rules {
		for _, spec := range r.specs {
			rules = append(rules, Rule{s.expand(r.who), spec.runAs, spec.command, spec.nopasswd})
		}
	}
	return rules, s.bad
}

// ReadTree opens a folder as a machine and reads one file of it.
func ReadTree(root, name string, limit int64) ([]byte, error) {
	t, err := openTree(root)
	if err != nil {
		return nil, err
	}
	defer t.close()
	return t.read(name, limit)
}

// GlobTree opens a folder as a machine and finds names in it.
func GlobTree(root, pattern string) ([]string, error) {
	t, err := openTree(root)
	if err != nil {
		return nil, err
	}
	defer t.close()
	return t.glob(pattern)
}

// Answered are the facts in an answer of sshd -T.
func Answered(out string) map[string]any {
	f := newFacts()
	f.setSSHD(answered([]byte(out)))
	return f.attrs
}

// Forms of values of sshd_config, by keyword.
func SSHDValue(line string) (keyword string, value any) {
	d := parseSSHD([]byte(line))
	if len(d) != 1 {
		return "", nil
	}
	for _, field := range sshdFields {
		if field.key == d[0].key {
			return d[0].key, field.read(d[0])
		}
	}
	return d[0].key, nil
}

// Installed are the names and versions of packages that dpkg has installed.
func Installed(status string) (out []string) {
	for _, p := range installedPackages([]byte(status)) {
		out = append(out, p.name+" "+p.version+" "+p.arch)
	}
	return out
}

// Sockets are the listening sockets of a table, written out.
func Sockets(table, state string) (out []string) {
	for _, s := range parseSockets([]byte(table), state) {
		out = append(out, s.addr.String())
	}
	return out
}

// Updates are the updates that dnf lists, written out.
func Updates(list string) (out []string) {
	for _, u := range parseDNF([]byte(list)) {
		out = append(out, u.name+" "+u.available+" "+u.arch+" "+u.severity)
	}
	return out
}

// Password names what is known of a stored password.
func Password(field string) string {
	p := classify(field)
	switch {
	case p.empty:
		return "empty"
	case p.elsewhere:
		return "elsewhere"
	case p.set && p.locked:
		return "locked " + p.algorithm
	case p.set:
		return p.algorithm
	}
	return "none"
}
