// Package trivy reads the JSON report of Trivy, SchemaVersion 2:
// vulnerabilities, misconfigurations and secrets. Of a secret it takes the place
// and the rule, never the text that matched.
package trivy

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/foreign"
	"github.com/tickmark/tickmark/internal/sources"
)

type importer struct{}

// New is the importer of Trivy's reports.
func New() sources.Importer { return importer{} }

func (importer) Format() string  { return "trivy" }
func (importer) Version() string { return "1" }

// Guess looks for the names with which a report begins.
func (importer) Guess(_ string, head []byte) bool {
	return bytes.Contains(head, []byte(`"SchemaVersion"`)) && bytes.Contains(head, []byte(`"ArtifactName"`))
}

// Describe says what was looked at.
func (importer) Describe(_ string, head []byte) string {
	f := file{quiet: true}
	f.read(head)
	if f.artifact == "" {
		return ""
	}
	return "a Trivy report, schema 2, of " + f.artifact
}

func (f *file) read(head []byte) {
	s := foreign.NewScanner(bytes.NewReader(head))
	f.s = s
	if err := s.Object("$", f.field); err != nil {
		return // the first bytes are not the whole
	}
}

// Import reads one finding at a time.
func (importer) Import(ctx context.Context, r io.Reader, _ json.RawMessage, in *sources.Intake) error {
	f := file{ctx: ctx, in: in, s: foreign.NewScanner(r), scan: sources.Scan{Tool: "Trivy", Format: "Trivy schema 2"}}
	if _, err := f.s.Next(); err == io.EOF {
		return fault.Invalid("file", "$: the file is empty; a report of Trivy is accepted, as trivy --format json writes it")
	}
	if err := f.s.Object("$", f.field); err != nil {
		return err
	}
	if err := f.s.End(); err != nil {
		return err
	}
	if f.version == 0 {
		return fault.Invalid("file", "$.SchemaVersion: 2 is needed")
	}
	if f.artifact == "" {
		return fault.Invalid("file", "$.ArtifactName: the name of what was looked at is needed")
	}
	f.scan.Target, f.scan.Ran = target(f.artifact, f.kind), f.created
	if err := in.Add(f.scan.Resource()); err != nil {
		return err
	}
	in.Cover(sources.KindFinding, sources.KindScan)
	in.Scope("tool", "Trivy")
	in.Scope("tool_version", f.scan.ToolVersion)
	in.Scope("format_version", "2")
	in.Scope("target", f.scan.Target)
	in.Scope("artifact", f.artifact)
	return nil
}

type file struct {
	ctx   context.Context
	in    *sources.Intake
	s     *foreign.Scanner
	scan  sources.Scan
	keys  sources.Keys
	quiet bool // only what stands at the top

	version        int64
	artifact, kind string
	created        time.Time
}

// field reads a field of the report.
func (f *file) field(name, path string) error {
	switch name {
	case "SchemaVersion", "ArtifactName", "ArtifactType", "CreatedAt", "Trivy":
		return f.top(name, path)
	case "Results":
		if f.quiet {
			return f.s.Skip(path)
		}
		if f.version == 0 {
			return fault.Invalid("file", "$.SchemaVersion: 2 is needed before the results")
		}
		if c, err := f.s.Next(); err == nil && c == 'n' {
			return f.s.Skip(path) // null: nothing was found
		}
		return f.s.List(path, f.result)
	}
	return f.s.Skip(path)
}

func (f *file) top(name, path string) error {
	line := f.s.Line()
	raw, err := f.s.Value(path)
	if err != nil {
		return err
	}
	n, err := foreign.Parse(path, line, raw)
	if err != nil {
		return err
	}
	switch name {
	case "SchemaVersion":
		if f.version, _ = n.Int(); f.version != 2 {
			n.Fail("2 is accepted, not %s", clip(string(raw)))
		}
	case "ArtifactName":
		f.artifact = n.Text()
	case "ArtifactType":
		f.kind = n.Text()
	case "CreatedAt":
		f.created = n.Time()
	case "Trivy":
		f.scan.ToolVersion = n.At("Version").Text()
	}
	return n.Err()
}

// target is what stays when tomorrow's build of an image is looked at: its name
// without tag and digest.
func target(artifact, kind string) string {
	if kind != "container_image" {
		return artifact
	}
	artifact, _, _ = strings.Cut(artifact, "@")
	if i := strings.LastIndexByte(artifact, ':'); i > strings.LastIndexByte(artifact, '/') {
		artifact = artifact[:i]
	}
	return artifact
}

// place is where in the artifact the findings of a result lie.
type place struct{ target, class, kind string }

func (f *file) result(_ int, path string) error {
	var at place
	return f.s.Object(path, func(name, path string) error {
		var read func(*foreign.Node, place) sources.Finding
		switch name {
		case "Target", "Class", "Type":
			line := f.s.Line()
			raw, err := f.s.Value(path)
			if err != nil {
				return err
			}
			n, err := foreign.Parse(path, line, raw)
			if err != nil {
				return err
			}
			*map[string]*string{"Target": &at.target, "Class": &at.class, "Type": &at.kind}[name] = n.Text()
			return n.Err()
		case "Vulnerabilities":
			read = vulnerability
		case "Misconfigurations":
			read = misconfiguration
		case "Secrets":
			read = secret
		default:
			return f.s.Skip(path)
		}
		if c, err := f.s.Next(); err == nil && c == 'n' {
			return f.s.Skip(path)
		}
		return f.s.List(path, func(_ int, path string) error { return f.one(path, at, read) })
	})
}

func (f *file) one(path string, at place, read func(*foreign.Node, place) sources.Finding) error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	line := f.s.Line()
	raw, err := f.s.Value(path)
	if err != nil {
		return err
	}
	n, err := foreign.Parse(path, line, raw)
	if err == nil {
		err = f.take(n, at, read)
	}
	if err != nil {
		return f.in.Bad(sources.KindFinding, err)
	}
	return nil
}

func (f *file) take(n *foreign.Node, at place, read func(*foreign.Node, place) sources.Finding) error {
	if at.target == "" {
		n.Fail("Target is needed before the findings of a result, as Trivy writes it")
	}
	x := read(n, at)
	x.Tool, x.ToolVersion = "Trivy", f.scan.ToolVersion
	if label := n.At("Severity").Text(); label != "" && label != "UNKNOWN" {
		if x.Severity = sources.Severity(label); x.Severity == "" {
			n.At("Severity").Fail("UNKNOWN, LOW, MEDIUM, HIGH or CRITICAL is accepted, not %q", clip(label))
		}
	}
	x.URL = n.At("PrimaryURL").Text()
	if err := n.Err(); err != nil {
		return err
	}
	f.keys.Name(&x)
	if err := f.in.Add(x.Resource()); err != nil {
		return n.Refuse(err)
	}
	f.scan.Count(x)
	return nil
}

func vulnerability(n *foreign.Node, at place) sources.Finding {
	x := sources.Finding{Category: "vulnerability", Status: sources.FindingFail, Rule: n.At("VulnerabilityID").Need("the id of the weakness"),
		Title: n.At("Title").Text(), Message: n.At("Description").Text(), Package: n.At("PkgName").Need("the name of the package"),
		PURL: n.At("PkgIdentifier", "PURL").Text(), InstalledVersion: n.At("InstalledVersion").Text(), FixedVersion: n.At("FixedVersion").Text(),
		ResourceType: at.kind, Path: n.At("PkgPath").Text()}
	if x.Path == "" && at.class != "os-pkgs" { // whose target repeats the name of the image
		x.Path = at.target
	}
	if r := []rune(x.Message); len(r) > maxMessage {
		x.Message = string(r[:maxMessage-1]) + "…"
	}
	return x
}

// maxMessage keeps the stories of weaknesses short; their page has them whole.
const maxMessage = 500

func misconfiguration(n *foreign.Node, at place) sources.Finding {
	x := sources.Finding{Category: "misconfiguration", Rule: n.At("AVDID").Text(), Title: n.At("Title").Text(), Message: n.At("Message").Text(),
		ResourceType: n.At("Type").Text(), Provider: n.At("CauseMetadata", "Provider").Text(), ResourceName: n.At("CauseMetadata", "Resource").Text(), Path: at.target}
	if x.Rule == "" {
		x.Rule = n.At("ID").Need("the id of the rule")
	}
	x.Line, _ = n.At("CauseMetadata", "StartLine").Int()
	switch s := n.At("Status").Text(); s {
	case "PASS":
		x.Status = sources.FindingPass
	case "FAIL":
		x.Status = sources.FindingFail
	case "EXCEPTION":
		x.Status, x.NoReason = sources.FindingExcepted, "Trivy does not write why an exception was made."
	default:
		n.At("Status").Fail("PASS, FAIL or EXCEPTION is accepted, not %q", clip(s))
	}
	return x
}

func secret(n *foreign.Node, at place) sources.Finding {
	x := sources.Finding{Category: "secret", Status: sources.FindingFail, Rule: n.At("RuleID").Need("the id of the rule"),
		Title: n.At("Title").Text(), ResourceType: n.At("Category").Text(), Path: at.target}
	x.Line, _ = n.At("StartLine").Int()
	return x
}

func clip(s string) string {
	if len(s) > 40 {
		s = s[:37] + "…"
	}
	return s
}
