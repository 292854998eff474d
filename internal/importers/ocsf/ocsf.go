// Package ocsf reads findings in the Open Cybersecurity Schema Framework:
// Detection Finding (2004), Compliance Finding (2003) and their forerunner
// Security Finding (2001), of versions 1.0 to 1.5, as a list or one to a line.
package ocsf

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/foreign"
	"github.com/tickmark/tickmark/internal/sources"
)

type importer struct{}

// New is the importer of OCSF.
func New() sources.Importer { return importer{} }

func (importer) Format() string  { return "ocsf" }
func (importer) Version() string { return "1" }

// Guess looks for what every OCSF event has and nothing else does.
func (importer) Guess(_ string, head []byte) bool {
	return bytes.Contains(head, []byte(`"class_uid"`)) && bytes.Contains(head, []byte(`"metadata"`))
}

// Describe names the version, the class and the product of the first event.
func (importer) Describe(_ string, head []byte) string {
	n := foreign.First(head, nil)
	if n == nil {
		return ""
	}
	class, _ := n.At("class_uid").Int()
	words := map[int64]string{2001: "security findings", 2003: "compliance findings", 2004: "detection findings"}[class]
	if words == "" {
		words = "events"
	}
	v := n.At("metadata", "version").Text()
	if m := version.FindStringSubmatch(v); m != nil {
		v = m[1]
	}
	said := strings.Join(strings.Fields("OCSF "+v+" "+words), " ")
	if tool := n.At("metadata", "product", "name").Text(); tool != "" {
		said += strings.TrimRight(" by "+tool+" "+n.At("metadata", "product", "version").Text(), " ")
	}
	return said
}

var version = regexp.MustCompile(`^(1\.[0-5])(\.\d+)?(-[a-z0-9.]+)?$`)

// Import reads one event at a time.
func (importer) Import(ctx context.Context, r io.Reader, _ json.RawMessage, in *sources.Intake) error {
	f := file{in: in, versions: map[string]bool{}, classes: map[string]bool{}}
	bad := func(err error) error { return in.Bad(sources.KindFinding, err) }
	err := foreign.Rows(r, nil, func(path string, line int, raw []byte) error {
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
	in.Scope("format_version", strings.Join(slices.Sorted(maps.Keys(f.versions)), ", "))
	in.Scope("class", strings.Join(slices.Sorted(maps.Keys(f.classes)), ", "))
	return f.scans.Hand(in)
}

type file struct {
	in       *sources.Intake
	scans    sources.Scans
	versions map[string]bool
	classes  map[string]bool
}

func (f *file) take(n *foreign.Node) error {
	meta := n.At("metadata")
	v := meta.At("version").Need("the version of OCSF")
	m := version.FindStringSubmatch(v)
	if m == nil && v != "" {
		meta.At("version").Fail("OCSF 1.0 to 1.5 is accepted, not %q", clip(v))
	}
	class, said := n.At("class_uid").Int()
	var x sources.Finding
	switch {
	case class == 2004:
		x = detection(n)
	case class == 2003:
		x = compliance(n)
	case class == 2001:
		x = security(n)
	case !said:
		n.At("class_uid").Fail("2003 (Compliance Finding), 2004 (Detection Finding) or 2001 (Security Finding) is needed")
	default:
		n.At("class_uid").Fail("2003 (Compliance Finding), 2004 (Detection Finding) and 2001 (Security Finding) are accepted, not %d", class)
	}
	common(n, &x)
	if err := n.Err(); err != nil {
		return err
	}
	f.versions[m[1]], f.classes[fmt.Sprint(class)] = true, true
	scan := f.scans.Of(x.Tool, x.ToolVersion, "OCSF "+m[1], strings.TrimSpace(x.Provider+" "+x.Account))
	if scan.Ran.IsZero() {
		scan.Ran = when(n)
	}
	if err := f.in.Add(x.Resource()); err != nil {
		return n.Refuse(err)
	}
	scan.Count(x)
	return nil
}

// common is what every class says in the same way.
func common(n *foreign.Node, x *sources.Finding) {
	meta, cloud := n.At("metadata"), n.At("cloud")
	x.Tool, x.ToolVersion = meta.At("product", "name").Need("the name of the tool"), meta.At("product", "version").Word()
	x.Key = x.UID
	if x.Rule == "" {
		x.Rule = meta.At("event_code").Word()
	}
	x.Severity = severity(n.At("severity_id"))
	x.Message = first(n.At("status_detail").Text(), n.At("message").Text(), x.Message)
	x.Provider, x.Account, x.Region = cloud.At("provider").Text(), cloud.At("account", "uid").Word(), cloud.At("region").Text()
	r := n.At("resource") // one of them, before 1.2
	if list := n.At("resources").List(); len(list) > 0 {
		r = list[0]
	}
	x.ResourceUID, x.ResourceName, x.ResourceType = r.At("uid").Text(), r.At("name").Text(), r.At("type").Text()
	x.Region = first(r.At("region").Text(), x.Region)
	if x.Account == "" {
		x.Account = r.At("owner", "account", "uid").Word()
	}
	x.URL = first(list(n.At("remediation", "references")), n.At("finding_info", "src_url").Text())
	of := n.At("unmapped", "compliance")
	if of.Object() {
		for _, name := range of.Names() {
			x.Standards = append(x.Standards, name)
			if strings.HasPrefix(strings.ToUpper(name), "SOC2") {
				x.Requirements = append(x.Requirements, of.At(name).Texts()...)
			}
		}
	}
}

func list(n *foreign.Node) string {
	if all := n.Texts(); len(all) > 0 {
		return all[0]
	}
	return ""
}

// info is what finding_info says.
func info(n *foreign.Node) sources.Finding {
	i := n.At("finding_info")
	x := sources.Finding{UID: i.At("uid").Need("the id of the finding"), Title: i.At("title").Text(), Message: i.At("desc").Text(),
		Rule: n.At("metadata", "event_code").Word()}
	if x.Rule == "" {
		x.Rule = first(i.At("analytic", "uid").Text(), i.At("analytic", "name").Text())
	}
	if x.FirstSeen = i.At("first_seen_time_dt").Time(); x.FirstSeen.IsZero() {
		x.FirstSeen = i.At("first_seen_time").Moment()
	}
	return x
}

// detection: a finding reports a fault, unless it says that there is none.
func detection(n *foreign.Node) sources.Finding {
	x := info(n)
	x.Category = "detection"
	if n.At("unmapped", "compliance").Object() || n.At("status_code").Text() != "" {
		x.Category = "misconfiguration"
	}
	if len(n.At("vulnerabilities").List()) > 0 {
		x.Category = "vulnerability"
	}
	x.Status = status(n.At("status_code").Text(), n.At("status_id"), sources.FindingFail)
	if x.Status == sources.FindingExcepted {
		x.SuppressedReason, x.NoReason = n.At("comment").Text(), noReason
	}
	return x
}

// compliance: the answer of a control.
func compliance(n *foreign.Node) sources.Finding {
	x, c := info(n), n.At("compliance")
	x.Category = "compliance"
	if c.Absent() {
		c.Fail("the result of the control is needed, as an object")
	}
	x.Status = sources.FindingUnknown
	id, said := c.At("status_id").Int()
	switch {
	case id == 1:
		x.Status = sources.FindingPass
	case id == 3:
		x.Status = sources.FindingFail
	case said && id != 0 && id != 2 && id != 99:
		c.At("status_id").Fail("0 unknown, 1 pass, 2 warning, 3 fail and 99 other are accepted, not %d", id)
	case !said:
		x.Status = status(first(c.At("status_code").Text(), c.At("status").Text(), n.At("status_code").Text()), n.At("status_id"), sources.FindingUnknown)
	}
	if i, _ := n.At("status_id").Int(); i == suppressed {
		x.Status, x.SuppressedReason, x.NoReason = sources.FindingExcepted, n.At("comment").Text(), noReason
	}
	x.Standards, x.Requirements = c.At("standards").Texts(), c.At("requirements").Texts()
	checks := c.At("checks").List()
	x.Rule = first(c.At("control").Text(), x.Rule)
	if x.Rule == "" && len(checks) > 0 {
		x.Rule = checks[0].At("uid").Text()
	}
	return x
}

// security is the class of 1.0 from which the others were made.
func security(n *foreign.Node) sources.Finding {
	i := n.At("finding")
	x := sources.Finding{UID: i.At("uid").Need("the id of the finding"), Title: i.At("title").Text(), Message: i.At("desc").Text(), Category: "detection"}
	if x.FirstSeen = i.At("first_seen_time_dt").Time(); x.FirstSeen.IsZero() {
		x.FirstSeen = i.At("first_seen_time").Moment()
	}
	x.Status = status(first(n.At("status_code").Text(), n.At("compliance", "status").Text()), n.At("state_id"), sources.FindingFail)
	x.Rule = n.At("analytic", "uid").Text()
	if x.Status == sources.FindingExcepted {
		x.SuppressedReason, x.NoReason = n.At("comment").Text(), noReason
	}
	return x
}

// Of status_id, and of state_id before 1.1.
const (
	suppressed = 3
	resolved   = 4
)

const noReason = "The file does not say why the tool was told to accept it."

// status reads the tool's word, or, where it has none, the state of the
// finding. A word that is not known is no answer.
func status(code string, id *foreign.Node, silent string) string {
	state, _ := id.Int()
	if state == suppressed {
		return sources.FindingExcepted
	}
	switch strings.ToUpper(strings.TrimSpace(code)) {
	case "":
		if state == resolved {
			return sources.FindingPass
		}
		return silent
	case "PASS", "PASSED":
		return sources.FindingPass
	case "FAIL", "FAILED":
		return sources.FindingFail
	}
	return sources.FindingUnknown
}

func severity(n *foreign.Node) string {
	id, said := n.Int()
	words := []string{"", "info", "low", "medium", "high", "critical", "critical"}
	switch {
	case !said || id == 99:
		return ""
	case id < 0 || id >= int64(len(words)):
		n.Fail("0 to 6 or 99 is accepted, not %d", id)
		return ""
	}
	return words[id]
}
