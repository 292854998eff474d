// Package asff reads findings in the AWS Security Finding Format, as a list,
// under Findings, or one to a line.
package asff

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/foreign"
	"github.com/tickmark/tickmark/internal/sources"
)

type importer struct{}

// New is the importer of ASFF.
func New() sources.Importer { return importer{} }

func (importer) Format() string  { return "asff" }
func (importer) Version() string { return "1" }

// schema is the only version that there has been.
const schema = "2018-10-08"

var wrappers = []string{"Findings", "findings"}

// Guess looks for two names that every finding must have.
func (importer) Guess(_ string, head []byte) bool {
	return bytes.Contains(head, []byte(`"AwsAccountId"`)) && bytes.Contains(head, []byte(`"GeneratorId"`)) ||
		bytes.Contains(head, []byte(`"ProductArn"`)) && bytes.Contains(head, []byte(schema))
}

// Describe names the product of the first finding.
func (importer) Describe(_ string, head []byte) string {
	n := foreign.First(head, wrappers)
	if n == nil {
		return ""
	}
	tool, version := product(n)
	return strings.TrimSpace("ASFF findings by " + tool + " " + version)
}

// Import reads one finding at a time.
func (importer) Import(ctx context.Context, r io.Reader, _ json.RawMessage, in *sources.Intake) error {
	f := file{in: in}
	bad := func(err error) error { return in.Bad(sources.KindFinding, err) }
	err := foreign.Rows(r, wrappers, func(path string, line int, raw []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := foreign.Parse(path, line, raw)
		if err == nil {
			err = f.take(n)
		}
		if err != nil {
			return bad(err)
		}
		return nil
	}, bad)
	if err != nil {
		return err
	}
	in.Scope("format_version", schema)
	if f.archived > 0 {
		in.Scope("archived", strconv.Itoa(f.archived))
	}
	return f.scans.Hand(in)
}

type file struct {
	in       *sources.Intake
	scans    sources.Scans
	archived int
}

func (f *file) take(n *foreign.Node) error {
	if v := n.At("SchemaVersion").Need("the version of the format"); v != schema && v != "" {
		n.At("SchemaVersion").Fail("%s is accepted, not %q", schema, clip(v))
	}
	x := finding(n)
	if err := n.Err(); err != nil {
		return err
	}
	switch state := n.At("RecordState").Text(); state {
	case "", "ACTIVE":
	case "ARCHIVED": // its thing is gone, or it was not seen for long: it says nothing of today
		f.archived++
		return n.Err()
	default:
		n.At("RecordState").Fail("ACTIVE or ARCHIVED is accepted, not %q", clip(state))
		return n.Err()
	}
	scan := f.scans.Of(x.Tool, x.ToolVersion, "ASFF "+schema, strings.TrimSpace("aws "+x.Account))
	if at := n.At("UpdatedAt").Time(); scan.Ran.Before(at) {
		scan.Ran = at
	}
	if err := n.Err(); err != nil {
		return err
	}
	if err := f.in.Add(x.Resource()); err != nil {
		return n.Refuse(err)
	}
	scan.Count(x)
	return nil
}

const prowler = "Prowler"

// product is the tool, and its version where it tells.
func product(n *foreign.Node) (name, version string) {
	fields := n.At("ProductFields").Map()
	for _, s := range []string{n.At("ProductName").Text(), fields["aws/securityhub/ProductName"], fields["ProviderName"]} {
		if name == "" {
			name = s
		}
	}
	if name == "" { // arn:aws:securityhub:REGION:ACCOUNT:product/COMPANY/PRODUCT
		arn := n.At("ProductArn").Text()
		name = arn[strings.LastIndexByte(arn, '/')+1:]
	}
	return name, fields["ProviderVersion"]
}

func finding(n *foreign.Node) sources.Finding {
	x := sources.Finding{
		UID: n.At("Id").Need("the id of the finding"), Title: n.At("Title").Text(), Message: n.At("Description").Text(),
		Provider: "aws", Account: n.At("AwsAccountId").Need("the account"), Region: n.At("Region").Text(),
		URL: n.At("Remediation", "Recommendation", "Url").Text(), Severity: severity(n.At("Severity")),
	}
	x.Key = x.UID
	x.Tool, x.ToolVersion = product(n)
	x.Rule = n.At("Compliance", "SecurityControlId").Text()
	if x.Rule == "" {
		x.Rule = n.At("GeneratorId").Need("what made the finding")
	}
	resources := n.At("Resources").List()
	if len(resources) == 0 {
		n.At("Resources").Fail("at least one resource is needed")
		return x
	}
	x.ResourceUID, x.ResourceType = resources[0].At("Id").Need("the id of the resource"), resources[0].At("Type").Text()
	if r := resources[0].At("Region").Text(); r != "" {
		x.Region = r
	}
	if x.Tool != prowler { // which puts the time of its own run there
		x.FirstSeen = n.At("FirstObservedAt").Time()
	}
	for _, s := range n.At("Compliance", "AssociatedStandards").List() {
		x.Standards = append(x.Standards, s.At("StandardsId").Text())
	}
	x.Requirements = n.At("Compliance", "RelatedRequirements").Texts()
	x.Category = category(n)
	if list := n.At("Vulnerabilities").List(); len(list) > 0 {
		v := list[0]
		x.Rule = v.At("Id").Need("the id of the weakness")
		if p := v.At("VulnerablePackages").List(); len(p) > 0 {
			x.Package, x.InstalledVersion, x.FixedVersion = p[0].At("Name").Text(), p[0].At("Version").Text(), p[0].At("FixedInVersion").Text()
		}
	}
	x.Status, x.SuppressedReason = status(n, x.Tool)
	if x.Tool == prowler {
		x.NoReason = "Prowler does not write why a finding was muted."
	}
	return x
}

func category(n *foreign.Node) string {
	switch {
	case len(n.At("Vulnerabilities").List()) > 0:
		return "vulnerability"
	case n.At("Compliance").Object():
		return "compliance"
	}
	return "detection"
}

// status: a finding without a control's answer reports a fault, until somebody
// has resolved it.
func status(n *foreign.Node, tool string) (status, reason string) {
	workflow := n.At("Workflow", "Status").Text()
	switch workflow {
	case "SUPPRESSED":
		return sources.FindingExcepted, n.At("Note", "Text").Text()
	case "", "NEW", "NOTIFIED", "RESOLVED":
	default:
		n.At("Workflow", "Status").Fail("NEW, NOTIFIED, SUPPRESSED or RESOLVED is accepted, not %q", clip(workflow))
	}
	switch s := n.At("Compliance", "Status").Text(); s {
	case "PASSED":
		return sources.FindingPass, ""
	case "FAILED":
		return sources.FindingFail, ""
	case "WARNING":
		if tool == prowler { // which writes it of what was muted
			return sources.FindingExcepted, ""
		}
		return sources.FindingUnknown, ""
	case "NOT_AVAILABLE":
		return sources.FindingUnknown, ""
	case "":
		if workflow == "RESOLVED" {
			return sources.FindingPass, ""
		}
		return sources.FindingFail, ""
	default:
		n.At("Compliance", "Status").Fail("PASSED, FAILED, WARNING or NOT_AVAILABLE is accepted, not %q", clip(s))
		return sources.FindingUnknown, ""
	}
}

// severity is the label, or the number of those who still write one.
func severity(n *foreign.Node) string {
	if label := n.At("Label").Text(); label != "" {
		s := sources.Severity(label)
		if s == "" {
			n.At("Label").Fail("INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL is accepted, not %q", clip(label))
		}
		return s
	}
	v, said := n.At("Normalized").Int()
	switch {
	case !said:
		return ""
	case v < 0 || v > 100:
		n.At("Normalized").Fail("0 to 100 is accepted, not %d", v)
		return ""
	case v >= 90:
		return "critical"
	case v >= 70:
		return "high"
	case v >= 40:
		return "medium"
	case v >= 1:
		return "low"
	}
	return "info"
}

func clip(s string) string {
	if len(s) > 40 {
		s = fmt.Sprintf("%.37s…", s)
	}
	return s
}
