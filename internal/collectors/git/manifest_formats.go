package git

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// readGoMod counts what a module requires. Versions are always exact.
func readGoMod(data []byte) (manifest, error) {
	var m manifest
	within := false
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "//")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case within && words[0] == ")":
			within = false
		case within && len(words) >= 2:
			m.dependencies++
		case words[0] == "require" && len(words) == 2 && words[1] == "(":
			within = true
		case words[0] == "require" && len(words) >= 3:
			m.dependencies++
		}
	}
	m.locksItself = m.dependencies == 0
	return m, nil
}

var exactVersion = regexp.MustCompile(`^[=v]{0,2}\s*\d+\.\d+(?:\.\d+){0,3}(?:[-+][0-9A-Za-z.+-]+)?$`)

// exactNPM leaves out 1.2, which npm reads as any 1.2.x.
var exactNPM = regexp.MustCompile(`^=?v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$`)

func readPackageJSON(data []byte) (manifest, error) {
	var file struct {
		Dependencies         map[string]any `json:"dependencies"`
		DevDependencies      map[string]any `json:"devDependencies"`
		OptionalDependencies map[string]any `json:"optionalDependencies"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &file); err != nil {
		return manifest{}, errors.New("the file is not the JSON that npm reads")
	}
	var m manifest
	for _, list := range []map[string]any{file.Dependencies, file.DevDependencies, file.OptionalDependencies} {
		for _, version := range list {
			m.dependencies++
			v, _ := version.(string)
			local := strings.HasPrefix(v, "file:") || strings.HasPrefix(v, "workspace:") || strings.HasPrefix(v, "link:")
			if !local && !exactNPM.MatchString(v) && !pinnedGit.MatchString(v) {
				m.unpinned++
			}
		}
	}
	m.locksItself = m.dependencies == 0
	return m, nil
}

// pinnedGit is an address that names a commit.
var pinnedGit = regexp.MustCompile(`[#@][0-9a-f]{40}$`)

func readComposer(data []byte) (manifest, error) {
	var file struct {
		Require    map[string]string `json:"require"`
		RequireDev map[string]string `json:"require-dev"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return manifest{}, errors.New("the file is not the JSON that Composer reads")
	}
	var m manifest
	for _, list := range []map[string]string{file.Require, file.RequireDev} {
		for name, version := range list {
			if !strings.Contains(name, "/") { // php, ext-json: the platform, not a package
				continue
			}
			if m.dependencies++; !exactVersion.MatchString(version) {
				m.unpinned++
			}
		}
	}
	m.locksItself = m.dependencies == 0
	return m, nil
}

// readRequirements reads what pip installs from. A file that fixes each version
// is its own lock.
func readRequirements(data []byte) (manifest, error) {
	var m manifest
	joined := strings.NewReplacer("\\\r\n", " ", "\\\n", " ").Replace(string(data))
	for line := range strings.Lines(joined) {
		if i := strings.Index(line, " #"); i >= 0 {
			line = line[:i]
		}
		line = strings.TrimSpace(line)
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "--editable"), "-e "))
		if line == "" || strings.IndexByte("#-./", line[0]) >= 0 { // comments, options, folders
			continue
		}
		m.dependencies++
		requirement, _, _ := strings.Cut(line, ";")
		requirement, _, _ = strings.Cut(requirement, " --hash")
		if !pinnedRequirement(strings.TrimSpace(requirement)) {
			m.unpinned++
		}
	}
	m.locksItself = m.unpinned == 0
	return m, nil
}

func pinnedRequirement(s string) bool {
	if pinnedGit.MatchString(s) {
		return true
	}
	_, version, ok := strings.Cut(s, "==")
	version = strings.TrimSpace(strings.TrimPrefix(version, "="))
	return ok && version != "" && !strings.ContainsAny(version, "*,<>~")
}

// A tomlLine is a key and value, the table it lies in, and whether the value is
// an element of a list.
type tomlLine struct {
	table, key, value string
	element           bool
}

// readTOML reads the part of TOML that manifests are written in: tables, and
// keys with strings, inline tables and lists.
func readTOML(data []byte) []tomlLine {
	var (
		all   []tomlLine
		table string
		list  string // key of the list that is open
	)
	for line := range strings.Lines(string(data)) {
		line = uncomment(strings.TrimSpace(line))
		if line == "" || len(all) >= maxNodes {
			continue
		}
		if list == "" && line[0] == '[' {
			table = strings.Trim(line, "[] ")
			continue
		}
		body := line
		if list == "" {
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				continue
			}
			key, value = unquote(strings.TrimSpace(key)), strings.TrimSpace(value)
			if !strings.HasPrefix(value, "[") {
				all = append(all, tomlLine{table, key, unquote(value), false})
				continue
			}
			list, body = key, value[1:]
		}
		if !strings.Contains(body, "include-group") { // names a list that is counted where it is
			for _, element := range tomlStrings(body) {
				all = append(all, tomlLine{table, list, element, true})
			}
		}
		if strings.HasSuffix(body, "]") && strings.Count(body, "[") < strings.Count(body, "]") {
			list = ""
		}
	}
	return all
}

var tomlString = regexp.MustCompile(`"([^"]*)"|'([^']*)'`)

func tomlStrings(s string) []string {
	var found []string
	for _, m := range tomlString.FindAllStringSubmatch(s, 1000) {
		found = append(found, m[1]+m[2])
	}
	return found
}

func readPyProject(data []byte) (manifest, error) {
	var m manifest
	for _, l := range readTOML(data) {
		project := l.table == "project" && l.key == "dependencies" || l.table == "project.optional-dependencies" || l.table == "dependency-groups"
		poetry := strings.HasPrefix(l.table, "tool.poetry.") && strings.HasSuffix(l.table, "dependencies")
		switch {
		case project && l.element:
			m.dependencies++
			requirement, _, _ := strings.Cut(l.value, ";")
			if !pinnedRequirement(strings.TrimSpace(requirement)) {
				m.unpinned++
			}
		case poetry && l.key != "python":
			m.dependencies++
			if !exactVersion.MatchString(versionIn(l.value)) {
				m.unpinned++
			}
		}
	}
	m.locksItself = m.dependencies == 0
	return m, nil
}

func readPipfile(data []byte) (manifest, error) {
	var m manifest
	for _, l := range readTOML(data) {
		if l.table == "packages" || l.table == "dev-packages" {
			if m.dependencies++; !strings.HasPrefix(versionIn(l.value), "==") {
				m.unpinned++
			}
		}
	}
	m.locksItself = m.dependencies == 0
	return m, nil
}

func readCargo(data []byte) (manifest, error) {
	var m manifest
	tables := map[string]bool{}
	for _, l := range readTOML(data) {
		_, name, own := strings.Cut(l.table, "dependencies.") // [dependencies.serde]
		switch {
		case own && !strings.HasSuffix(l.table, "dependencies"):
			if !tables[l.table] && name != "" {
				tables[l.table] = true
				m.dependencies++
				m.unpinned++ // until its version says otherwise
			}
			if l.key == "path" || l.key == "rev" || l.key == "version" && strings.HasPrefix(l.value, "=") {
				m.unpinned = max(0, m.unpinned-1)
			}
		case strings.HasSuffix(l.table, "dependencies"):
			m.dependencies++
			exact := strings.HasPrefix(versionIn(l.value), "=") || strings.Contains(l.value, "path") || strings.Contains(l.value, "rev =") || strings.Contains(l.value, "workspace")
			if !exact {
				m.unpinned++
			}
		}
	}
	m.locksItself = m.dependencies == 0
	return m, nil
}

var inlineVersion = regexp.MustCompile(`\bversion\s*=\s*["']([^"']*)["']`)

// versionIn is the version of a dependency that is written as a text or as an
// inline table.
func versionIn(value string) string {
	if m := inlineVersion.FindStringSubmatch(value); m != nil {
		return m[1]
	}
	return value
}

var gemLine = regexp.MustCompile(`^gem\s+["'][^"']+["']\s*(?:,\s*(.*))?$`)

func readGemfile(data []byte) (manifest, error) {
	var m manifest
	for line := range strings.Lines(string(data)) {
		found := gemLine.FindStringSubmatch(uncomment(strings.TrimSpace(line)))
		if found == nil {
			continue
		}
		m.dependencies++
		versions := tomlStrings(found[1])
		if len(versions) == 0 || !exactVersion.MatchString(versions[0]) {
			m.unpinned++
		}
	}
	m.locksItself = m.dependencies == 0
	return m, nil
}

// readPOM counts the dependencies of a Maven project. A version that a parent
// manages is fixed there.
func readPOM(data []byte) (manifest, error) {
	return readXML(data, "dependency", func(version string) bool {
		upper := strings.ToUpper(version)
		return !strings.ContainsAny(version, "[(,") && upper != "LATEST" && upper != "RELEASE" && !strings.HasSuffix(upper, "-SNAPSHOT")
	})
}

// readProject counts the packages of a .NET project.
func readProject(data []byte) (manifest, error) {
	return readXML(data, "PackageReference", func(version string) bool {
		return !strings.ContainsAny(version, "*,(") || strings.HasPrefix(version, "[") && !strings.Contains(version, ",")
	})
}

// readXML counts elements, with their version in an attribute or a child.
func readXML(data []byte, element string, pinned func(version string) bool) (manifest, error) {
	var m manifest
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // versions are ASCII
	inside, depth := 0, 0
	version, reading := "", false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			m.locksItself = m.dependencies == 0
			return m, nil
		}
		if err != nil {
			return manifest{}, fmt.Errorf("the file is not well-formed XML: %v", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			switch {
			case inside == 0 && t.Name.Local == element:
				inside, version = depth, ""
				for _, a := range t.Attr {
					if strings.EqualFold(a.Name.Local, "version") {
						version = a.Value
					}
				}
			case inside > 0 && depth == inside+1 && strings.EqualFold(t.Name.Local, "version"):
				reading = true
			}
		case xml.CharData:
			if reading {
				version += string(t)
			}
		case xml.EndElement:
			if depth == inside && inside > 0 {
				if m.dependencies++; !pinned(strings.TrimSpace(version)) {
					m.unpinned++
				}
				inside = 0
			}
			reading = false
			depth--
		}
	}
}
