package host

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
)

// A debPackage is a paragraph of dpkg's status or of an archive's list.
type debPackage struct {
	name, version, arch, status string
}

// parsePackages reads paragraphs of control fields. It stops at the first
// error of each.
func parsePackages(data []byte, each func(debPackage)) {
	var p debPackage
	flush := func() {
		if p.name != "" && p.version != "" {
			each(p)
		}
		p = debPackage{}
	}
	for len(data) > 0 {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			flush()
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue // more of the field before
		}
		field, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(value) > 4096 {
			continue
		}
		switch string(field) {
		case "Package":
			p.name = string(bytes.TrimSpace(value))
		case "Version":
			p.version = string(bytes.TrimSpace(value))
		case "Architecture":
			p.arch = string(bytes.TrimSpace(value))
		case "Status":
			p.status = string(bytes.TrimSpace(value))
		}
	}
	flush()
}

// installedPackages are those of dpkg's status that are there.
func installedPackages(data []byte) []debPackage {
	var out []debPackage
	parsePackages(data, func(p debPackage) {
		if words := strings.Fields(p.status); len(words) == 3 && words[2] == "installed" {
			out = append(out, p)
		}
	})
	return out
}

// An update is a published version that an installed package lacks.
type update struct {
	name, arch, installed, available, suite, severity string
}

// newer compares installed packages with one list of published ones, keeping
// in found the newest of each.
func newer(installed []debPackage, list []byte, suite string, found map[string]update) {
	published := map[string][]debPackage{}
	parsePackages(list, func(p debPackage) { published[p.name] = append(published[p.name], p) })
	for _, have := range installed {
		for _, p := range published[have.name] {
			if p.arch != have.arch && p.arch != "all" && have.arch != "all" {
				continue
			}
			k := have.name + ":" + have.arch
			best := have.version
			if u, ok := found[k]; ok {
				best = u.available
			}
			if compareVersions(p.version, best) > 0 {
				found[k] = update{have.name, have.arch, have.version, p.version, suite, ""}
			}
		}
	}
}

// securityList recognises the list of a security archive by the name apt gives
// its file, and finds the suite: host_path_dists_SUITE_component_…_Packages.
var securityList = regexp.MustCompile(`_dists_([A-Za-z0-9.~+-]+(?:_updates)?)_[A-Za-z0-9.+-]+_binary-[a-z0-9-]+_Packages(\.[a-z0-9]+)?$`)

func securitySuite(file string) (suite string, ok bool) {
	m := securityList.FindStringSubmatch(file)
	if m == nil {
		return "", false
	}
	secure := strings.HasSuffix(m[1], "-security") || strings.Contains(file, "security_dists_") || strings.Contains(file, "security.debian.org_")
	return strings.Replace(m[1], "_", "/", 1), secure
}

var errAptConf = errors.New("is not in the form of apt's settings")

// parseAptConf reads apt's settings into values by their full name in lower
// case: A::B "v"; and A { B "v"; };
func parseAptConf(data []byte) (map[string]string, error) {
	values := map[string]string{}
	tokens, err := aptTokens(data)
	if err != nil {
		return nil, err
	}
	var scope, statement []string
	path := func() string { return strings.ToLower(strings.Trim(strings.Join(scope, "::"), ":")) }
	for _, token := range tokens {
		switch token {
		case "{":
			name := ""
			if len(statement) > 0 {
				name = statement[0]
			}
			scope, statement = append(scope, name), nil
			if len(scope) > 64 {
				return values, errAptConf
			}
		case "}":
			if len(scope) == 0 {
				return values, errAptConf
			}
			scope, statement = scope[:len(scope)-1], nil
		case ";":
			if len(statement) >= 2 {
				name := strings.ToLower(statement[0])
				if p := path(); p != "" {
					name = p + "::" + name
				}
				values[name] = unquote(statement[len(statement)-1])
			}
			statement = nil
		default:
			statement = append(statement, token)
		}
	}
	return values, nil
}

// aptTokens cuts settings into words, quoted words with their quotes, braces
// and semicolons, leaving comments out.
func aptTokens(data []byte) ([]string, error) {
	var out []string
	text := string(data)
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '#' || strings.HasPrefix(text[i:], "//"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return out, nil
			}
			i += end
		case strings.HasPrefix(text[i:], "/*"):
			end := strings.Index(text[i:], "*/")
			if end < 0 {
				return out, errAptConf
			}
			i += end + 2
		case c == '{' || c == '}' || c == ';':
			out = append(out, string(c))
			i++
		case c == '"':
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 {
				return out, errAptConf
			}
			out = append(out, text[i:i+end+2])
			i += end + 2
		default:
			end := strings.IndexAny(text[i:], " \t\r\n{};\"")
			if end < 0 {
				end = len(text) - i
			}
			out = append(out, text[i:i+end])
			i += end
		}
	}
	return out, nil
}

// dnfLine reads ADVISORY SEVERITY/Sec. NAME-VERSION-RELEASE.ARCH as dnf 4
// writes it, and ADVISORY security SEVERITY NEVRA TIME as dnf 5 does.
var (
	dnfLine  = regexp.MustCompile(`^(\S+)\s+(Critical|Important|Moderate|Low|Unknown|None)/Sec\.\s+(\S+)$`)
	dnf5Line = regexp.MustCompile(`^(\S+)\s+security\s+(Critical|Important|Moderate|Low|Unknown|None)\s+(\S+)\s`)
	nevra    = regexp.MustCompile(`^(.+)-([^-]+-[^-]+)\.([a-z0-9_]+)$`)
)

// parseDNF reads the security updates that dnf lists.
func parseDNF(out []byte) []update {
	best := map[string]update{}
	var order []string
	for _, line := range lines(out) {
		m := dnfLine.FindStringSubmatch(line)
		if m == nil {
			m = dnf5Line.FindStringSubmatch(line)
		}
		if m == nil {
			continue
		}
		p := nevra.FindStringSubmatch(m[3])
		if p == nil {
			continue
		}
		u := update{name: p[1], arch: p[3], available: p[2], suite: m[1], severity: strings.ToLower(m[2])}
		if u.severity == "unknown" || u.severity == "none" {
			u.severity = ""
		}
		k := u.name + ":" + u.arch
		if have, ok := best[k]; !ok {
			order = append(order, k)
		} else if compareVersions(have.available, u.available) >= 0 {
			continue
		}
		best[k] = u
	}
	var updates []update
	for _, k := range order {
		updates = append(updates, best[k])
	}
	return updates
}
