// Package sarif reads results of code scanners in SARIF 2.1.0. A file may hold
// several runs. Results come before or after the rules they refer to, so those
// of a run wait in a spool until the run is read whole.
package sarif

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/foreign"
	"github.com/tickmark/tickmark/internal/sources"
)

type importer struct{}

// New is the importer of SARIF.
func New() sources.Importer { return importer{} }

func (importer) Format() string  { return "sarif" }
func (importer) Version() string { return "1" }

// Guess looks for what a log file of SARIF begins with.
func (importer) Guess(name string, head []byte) bool {
	if !bytes.Contains(head, []byte(`"runs"`)) && !strings.HasSuffix(strings.ToLower(name), ".sarif") {
		return false
	}
	return bytes.Contains(head, []byte("sarif")) || bytes.Contains(head, []byte(`"results"`)) || bytes.Contains(head, []byte(`"driver"`))
}

// driver is how the name of a tool stands in the first bytes.
type driver struct{ name, version string }

// Describe names the tool of the first run, if it stands early in the file.
func (importer) Describe(_ string, head []byte) string {
	i := bytes.Index(head, []byte(`"driver"`))
	if i < 0 {
		return "SARIF 2.1.0 results"
	}
	var d driver
	s := foreign.NewScanner(bytes.NewReader(head[i+len(`"driver"`):]))
	if c, err := s.Next(); err != nil || c != ':' {
		return "SARIF 2.1.0 results"
	}
	rest := head[i+len(`"driver"`):]
	s = foreign.NewScanner(bytes.NewReader(rest[bytes.IndexByte(rest, ':')+1:]))
	s.Object("$", func(name, path string) error { // ends where the first bytes end
		if name != "name" && name != "version" && name != "semanticVersion" {
			return s.Skip(path)
		}
		raw, err := s.Value(path)
		if err != nil {
			return err
		}
		var text string
		if json.Unmarshal(raw, &text) == nil {
			if name == "name" {
				d.name = text
			} else if d.version == "" {
				d.version = text
			}
		}
		return nil
	})
	if d.name == "" {
		return "SARIF 2.1.0 results"
	}
	return strings.TrimSpace("SARIF 2.1.0 results by " + d.name + " " + d.version)
}

// Import reads one run after another.
func (importer) Import(ctx context.Context, r io.Reader, _ json.RawMessage, in *sources.Intake) error {
	f := &file{ctx: ctx, in: in, s: foreign.NewScanner(r)}
	if _, err := f.s.Next(); errors.Is(err, io.EOF) {
		return fault.Invalid("file", "$: the file is empty; a log file of SARIF 2.1.0 is accepted")
	}
	err := f.s.Object("$", func(name, path string) error {
		switch name {
		case "version":
			n, err := f.node(path)
			if err != nil {
				return err
			}
			if f.version = n.Text(); f.version != "2.1.0" {
				n.Fail("SARIF 2.1.0 is accepted, not %q", clip(f.version))
			}
			return n.Err()
		case "runs":
			f.runs = true
			return f.s.List(path, f.run)
		}
		return f.s.Skip(path)
	})
	if err == nil {
		err = f.s.End()
	}
	switch {
	case err != nil:
		return err
	case f.version == "":
		return fault.Invalid("file", "$.version: 2.1.0 is needed")
	case !f.runs:
		return fault.Invalid("file", "$.runs: a list of runs is needed")
	}
	in.Scope("format_version", "2.1.0")
	return f.hand()
}

type file struct {
	ctx     context.Context
	in      *sources.Intake
	s       *foreign.Scanner
	version string
	runs    bool
	scans   sources.Scans
	keys    sources.Keys
	skipped map[string]int64 // what is no finding, and how often
}

// node reads the next value whole.
func (f *file) node(path string) (*foreign.Node, error) {
	line := f.s.Line()
	raw, err := f.s.Value(path)
	if err != nil {
		return nil, err
	}
	return foreign.Parse(path, line, raw)
}

// A rule is what a result may leave for it to say.
type rule struct {
	id, title, url, severity, level string
	messages                        map[string]string
}

// What is remembered of the rules of a run, until its results were read.
const (
	maxRules     = 50_000
	maxRuleBytes = 64 << 20
)

// run reads a run of a tool.
func (f *file) run(i int, path string) error {
	r := &run{file: f, index: i, path: path, byID: map[string]*rule{}}
	defer r.close()
	err := f.s.Object(path, func(name, path string) error {
		switch name {
		case "tool":
			return f.s.Object(path, r.tool)
		case "results":
			return r.wait(path)
		case "automationDetails", "versionControlProvenance", "invocations":
			n, err := f.node(path)
			if err != nil {
				return err
			}
			r.about(name, n)
			return n.Err()
		}
		return f.s.Skip(path)
	})
	if err != nil {
		return err
	}
	return r.settle()
}

// tool reads what a tool says of itself; its extensions bring rules of their
// own, to which results refer by id.
func (r *run) tool(name, path string) error {
	s := r.file.s
	switch name {
	case "driver":
		return s.Object(path, r.driver)
	case "extensions":
		return s.List(path, func(_ int, path string) error {
			return s.Object(path, func(name, path string) error {
				if name == "rules" {
					return s.List(path, func(_ int, path string) error { return r.rule(path, &r.more) })
				}
				return s.Skip(path)
			})
		})
	}
	return s.Skip(path)
}

func (r *run) driver(name, path string) error {
	s := r.file.s
	switch name {
	case "name", "version", "semanticVersion":
		n, err := r.file.node(path)
		if err != nil {
			return err
		}
		switch {
		case name == "name":
			r.name = n.Need("the name of the tool")
		case r.version == "" || name == "semanticVersion":
			r.version = n.Text()
		}
		return n.Err()
	case "rules":
		return s.List(path, func(_ int, path string) error { return r.rule(path, &r.rules) })
	}
	return s.Skip(path)
}

func (r *run) rule(path string, list *[]*rule) error {
	n, err := r.file.node(path)
	if err != nil {
		return err
	}
	x := &rule{id: n.At("id").Need("the id of the rule"), url: n.At("helpUri").Text(), level: n.At("defaultConfiguration", "level").Text(),
		severity: score(n.At("properties", "security-severity"))}
	for _, at := range []*foreign.Node{n.At("shortDescription", "text"), n.At("name"), n.At("fullDescription", "text")} {
		if x.title == "" {
			x.title = at.Text()
		}
	}
	texts := n.At("messageStrings")
	for _, id := range texts.Names() {
		if x.messages == nil {
			x.messages = map[string]string{}
		}
		x.messages[id] = texts.At(id, "text").Text()
		r.held += len(id) + len(x.messages[id])
	}
	r.held += len(x.id) + len(x.title) + len(x.url) + len(x.level)
	if err := n.Err(); err != nil {
		return err
	}
	if len(r.rules)+len(r.more) >= maxRules {
		return fault.Invalid("file", "%s: a run has at most %d rules", path, maxRules)
	}
	if r.held > maxRuleBytes {
		return fault.Invalid("file", "%s: the rules of a run have at most %d MiB of text", path, maxRuleBytes>>20)
	}
	if r.byID[x.id] == nil {
		r.byID[x.id] = x
	}
	*list = append(*list, x)
	return nil
}

// score reads the rating by CVSS that CodeQL began and others took over.
func score(n *foreign.Node) string {
	text := n.Word()
	if text == "" {
		return ""
	}
	v, err := json.Number(text).Float64()
	switch {
	case err != nil || v < 0 || v > 10:
		n.Fail("a rating from 0 to 10 is accepted, not %q", clip(text))
		return ""
	case v >= 9:
		return "critical"
	case v >= 7:
		return "high"
	case v >= 4:
		return "medium"
	case v > 0:
		return "low"
	}
	return "info"
}

func clip(s string) string {
	if len(s) > 40 {
		s = s[:37] + "…"
	}
	return s
}

func (f *file) missingTool(path string) error {
	return fault.Invalid("file", "%s.tool.driver.name: the name of the tool is needed", path)
}
