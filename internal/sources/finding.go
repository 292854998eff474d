package sources

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
)

// KindFinding and KindScan are the kinds that importers of scanners' files fill.
const (
	KindFinding = "finding"
	KindScan    = "scan"
)

// What a finding says of its thing.
const (
	FindingPass     = "pass"
	FindingFail     = "fail"
	FindingExcepted = "excepted"
	FindingUnknown  = "unknown"
)

// A Finding is one row of a scanner's file. What is empty was not said.
type Finding struct {
	UID, Tool, ToolVersion, Category, Rule, Title, Message, Status, Severity, SuppressedReason string
	Provider, Account, Region, ResourceUID, ResourceName, ResourceType                         string
	Path, Package, PURL, InstalledVersion, FixedVersion, URL                                   string
	Line                                                                                       int64
	Standards, Requirements                                                                    []string
	FirstSeen                                                                                  time.Time
	// NoReason says why the reason of a suppression is not known. Without it a
	// suppression without a reason is one for which nobody gave any.
	NoReason string
	// Key names the finding in its source; a fingerprint of the rest if empty.
	Key string
}

// Fingerprint names a finding of a tool that does not: by what it is about, and
// not by what is said of it, so that tomorrow's has the same. The line and the version are left
// out, since they move while the fault stays; findings that differ in nothing
// else are told apart by a number after it: see Keys.
func (f Finding) Fingerprint() string {
	h := sha256.New()
	for _, part := range []string{"tickmark/finding/v1", f.Tool, f.Category, f.Rule, f.UID, f.Provider, f.Account, f.Region, f.ResourceUID,
		f.ResourceName, f.ResourceType, f.Path, f.Package} {
		fmt.Fprintf(h, "%d:%s\n", len(part), part)
	}
	return "fp-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// Keys names findings that have no name of their own. The zero value is ready.
type Keys struct{ seen map[string]int }

// Name gives the finding its fingerprint, with a number from the second on.
func (k *Keys) Name(f *Finding) {
	if k.seen == nil {
		k.seen = map[string]int{}
	}
	f.Key = f.Fingerprint()
	k.seen[f.Key]++
	if n := k.seen[f.Key]; n > 1 {
		f.Key = fmt.Sprintf("%s-%d", f.Key, n)
	}
}

// Resource is the finding as an Intake takes it.
func (f Finding) Resource() Resource {
	attrs := map[string]any{"status": f.Status}
	for name, value := range map[string]string{"uid": f.UID, "tool": f.Tool, "tool_version": f.ToolVersion, "category": f.Category,
		"rule": f.Rule, "title": f.Title, "message": f.Message, "severity": f.Severity, "suppressed_reason": f.SuppressedReason,
		"provider": f.Provider, "account": f.Account, "region": f.Region, "resource_uid": f.ResourceUID, "resource_name": f.ResourceName,
		"resource_type": f.ResourceType, "path": f.Path, "package": f.Package, "purl": f.PURL, "installed_version": f.InstalledVersion,
		"fixed_version": f.FixedVersion, "url": f.URL} {
		if value != "" {
			attrs[name] = value
		}
	}
	if f.Line > 0 {
		attrs["line"] = f.Line
	}
	if len(f.Standards) > 0 {
		attrs["standards"] = f.Standards
	}
	if len(f.Requirements) > 0 {
		attrs["requirements"] = f.Requirements
	}
	if !f.FirstSeen.IsZero() {
		attrs["first_seen"] = f.FirstSeen
	}
	var absent map[string]string
	if f.Status == FindingExcepted && f.SuppressedReason == "" {
		if attrs["suppressed_reason"] = ""; f.NoReason != "" {
			delete(attrs, "suppressed_reason")
			absent = map[string]string{"suppressed_reason": f.NoReason}
		}
	}
	key := f.Key
	if key == "" {
		key = f.Fingerprint()
	}
	return Resource{Kind: KindFinding, Key: key, Attrs: attrs, Absent: absent}
}

// Severity spells what tools call severities in one way; empty for what none
// of them means.
func Severity(s string) string {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "critical", "fatal":
		return "critical"
	case "high", "error":
		return "high"
	case "medium", "moderate", "warning":
		return "medium"
	case "low", "note":
		return "low"
	case "info", "informational", "none", "negligible":
		return "info"
	}
	return ""
}

// A Scan is one run of a tool, counted while its findings go by.
type Scan struct {
	Tool, ToolVersion, Format, Target string
	Ran                               time.Time
	Completed                         *bool
	Key                               string // the tool and its target if empty

	total, pass, fail, excepted, unknown, critical, high int64
}

// Count adds a finding.
func (s *Scan) Count(f Finding) {
	s.total++
	switch f.Status {
	case FindingPass:
		s.pass++
	case FindingExcepted:
		s.excepted++
	case FindingUnknown:
		s.unknown++
	default:
		s.fail++
		switch f.Severity {
		case "critical":
			s.critical++
		case "high":
			s.high++
		}
	}
}

// Resource is the scan as an Intake takes it.
func (s *Scan) Resource() Resource {
	attrs := map[string]any{"findings": s.total, "passing": s.pass, "failing": s.fail, "excepted": s.excepted, "undecided": s.unknown,
		"critical": s.critical, "high": s.high, "completed": s.Completed, "ran_at": s.Ran}
	for name, value := range map[string]string{"tool": s.Tool, "tool_version": s.ToolVersion, "format": s.Format, "target": s.Target} {
		if value != "" {
			attrs[name] = value
		}
	}
	key := s.Key
	if key == "" {
		key = strings.Trim(s.Tool+" "+s.Target, " ")
	}
	if key == "" {
		key = "scan"
	}
	return Resource{Kind: KindScan, Key: key, Attrs: attrs}
}

// Scans are the tools that wrote one file, each counted. A file of strangers may
// name any number of them; beyond a bound the rest are one.
type Scans struct {
	list    []*Scan
	by      map[string]*Scan
	targets map[string]map[string]bool
}

const maxScans = 100

// severalTargets stays when one is added, so that the source does.
const severalTargets = "several accounts"

// Of is the scan of a tool. The target of several is not one of them.
func (s *Scans) Of(tool, version, format, target string) *Scan {
	if s.by == nil {
		s.by, s.targets = map[string]*Scan{}, map[string]map[string]bool{}
	}
	scan := s.by[tool]
	if scan == nil {
		if len(s.list) >= maxScans {
			return s.list[maxScans-1]
		}
		scan = &Scan{Tool: tool, ToolVersion: version, Format: format, Target: target}
		s.by[tool], s.list, s.targets[tool] = scan, append(s.list, scan), map[string]bool{}
	}
	if target != "" && len(s.targets[tool]) < 2 {
		if s.targets[tool][target] = true; len(s.targets[tool]) > 1 {
			scan.Target = severalTargets
		} else {
			scan.Target = target
		}
	}
	return scan
}

// Hand gives the scans to the run, and what it is about.
func (s *Scans) Hand(in *Intake) error {
	var tools, versions, targets []string
	for _, scan := range s.list {
		tools, versions, targets = append(tools, scan.Tool), append(versions, scan.ToolVersion), append(targets, scan.Target)
		if err := in.Add(scan.Resource()); err != nil {
			if f := fault.As(err); f != nil && f.Kind == fault.KindInvalid {
				err = fault.Invalid("file", "$: what the file says of its tool, or of what that looked at, cannot be kept: %s", f.Message).With(err)
			}
			return err
		}
	}
	in.Cover(KindFinding, KindScan)
	for key, list := range map[string][]string{"tool": tools, "tool_version": versions, "target": targets} {
		slices.Sort(list)
		list = slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" })
		switch {
		case key == "target" && len(list) > 1:
			in.Scope(key, severalTargets)
		case len(list) > 0:
			in.Scope(key, strings.Join(list, ", "))
		}
	}
	return nil
}
