package sarif

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/foreign"
	"github.com/tickmark/tickmark/internal/sources"
)

// run is one run of a tool while it is read.
type run struct {
	file  *file
	index int
	path  string

	name, version, target string
	ran                   time.Time
	completed             *bool
	rules, more           []*rule // of the driver, which come by index too, and of its extensions
	byID                  map[string]*rule
	held                  int // bytes of what the rules say
	results               *durable.Spool
	out                   *bufio.Writer
}

func (r *run) close() {
	if r.results != nil {
		r.results.Close()
	}
}

// about reads what stands beside the results.
func (r *run) about(name string, n *foreign.Node) {
	switch name {
	case "automationDetails":
		// What follows the last slash is that run's own.
		id := n.At("id").Text()
		if i := strings.LastIndexByte(id, '/'); i >= 0 {
			id = id[:i]
		}
		if r.target == "" {
			r.target = id
		}
	case "versionControlProvenance":
		for _, x := range n.List() {
			if uri := x.At("repositoryUri").Text(); uri != "" {
				r.target = uri
				break
			}
		}
	case "invocations":
		for _, x := range n.List() {
			if ok, said := x.At("executionSuccessful").Bool(); said && (r.completed == nil || !ok) {
				r.completed = &ok
			}
			if at := x.At("endTimeUtc").Time(); at.After(r.ran) {
				r.ran = at
			}
		}
	}
}

// wait puts the results aside: length, line and bytes of each.
func (r *run) wait(path string) error {
	s := r.file.s
	if c, err := s.Next(); err == nil && c == 'n' {
		return s.Skip(path) // null: the tool did not look for results
	}
	if r.results == nil {
		var err error
		if r.results, err = durable.NewSpool(); err != nil {
			return err
		}
		r.out = bufio.NewWriterSize(r.results, 256<<10)
	}
	return s.List(path, func(_ int, path string) error {
		if err := r.file.ctx.Err(); err != nil {
			return err
		}
		line := s.Line()
		raw, err := s.Value(path)
		if err != nil {
			return err
		}
		head := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(raw))), uint64(line)) //nolint:gosec // neither is negative
		if _, err := r.out.Write(head); err != nil {
			return err
		}
		_, err = r.out.Write(raw)
		return err
	})
}

// settle reads the results, now that the rules are known.
func (r *run) settle() error {
	f := r.file
	if r.name == "" {
		return f.missingTool(r.path)
	}
	scan := f.scans.Of(r.name, r.version, "SARIF 2.1.0", r.target)
	if scan.Completed == nil || r.completed != nil && !*r.completed {
		scan.Completed = r.completed
	}
	if scan.Ran.Before(r.ran) {
		scan.Ran = r.ran
	}
	if r.completed != nil && !*r.completed {
		f.in.Missing(sources.Missing{Kind: sources.KindFinding, Reason: r.name + " says that its run did not succeed, so there may be more than it found.",
			Remedy: "Run it again and hand in that file."})
	}
	if r.results == nil {
		return nil
	}
	if err := r.out.Flush(); err != nil {
		return err
	}
	in := bufio.NewReaderSize(r.results.Reader(), 256<<10)
	for i := 0; ; i++ {
		size, err := binary.ReadUvarint(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		raw := make([]byte, size)
		if _, err := io.ReadFull(in, raw); err != nil {
			return err
		}
		n, err := foreign.Parse(fmt.Sprintf("%s.results.[%d]", r.path, i), int(line), raw) //nolint:gosec // it was an int
		if err == nil {
			err = r.take(n, scan)
		}
		if err != nil {
			if err = f.in.Bad(sources.KindFinding, err); err != nil {
				return err
			}
		}
	}
}

func (r *run) take(n *foreign.Node, scan *sources.Scan) error {
	x, why := r.finding(n)
	if err := n.Err(); err != nil {
		return err
	}
	if why != "" {
		if r.file.skipped == nil {
			r.file.skipped = map[string]int64{}
		}
		r.file.skipped[why]++
		return nil
	}
	r.file.keys.Name(&x)
	if err := r.file.in.Add(x.Resource()); err != nil {
		return n.Refuse(err)
	}
	scan.Count(x)
	return nil
}

// finding reads a result; why is what makes it none.
func (r *run) finding(n *foreign.Node) (x sources.Finding, why string) {
	x = sources.Finding{Tool: r.name, ToolVersion: r.version, Category: "code", Status: sources.FindingFail}
	of := r.ruleOf(n, &x)
	kind := n.At("kind").Text()
	switch kind {
	case "", "fail":
	case "pass", "notApplicable", "informational":
		why = kind
	case "open", "review":
		x.Status = sources.FindingUnknown
	default:
		n.At("kind").Fail("fail, pass, open, review, notApplicable or informational is accepted, not %q", clip(kind))
	}
	switch s := n.At("baselineState").Text(); s {
	case "", "new", "unchanged", "updated":
	case "absent":
		why = "gone since the baseline"
	default:
		n.At("baselineState").Fail("new, unchanged, updated or absent is accepted, not %q", clip(s))
	}
	x.Title, x.URL = of.title, of.url
	x.Severity = r.severity(n, of)
	x.Message = message(n.At("message"), of)
	if places := n.At("locations").List(); len(places) > 0 {
		at := places[0].At("physicalLocation")
		x.Path = pathOf(at.At("artifactLocation", "uri").Text())
		x.Line, _ = at.At("region", "startLine").Int()
		if names := places[0].At("logicalLocations").List(); len(names) > 0 {
			x.ResourceName = names[0].At("fullyQualifiedName").Text()
		}
	}
	x.UID = fingerprint(n)
	if reason, accepted := suppressed(n); accepted {
		x.Status, x.SuppressedReason = sources.FindingExcepted, reason
	}
	return x, why
}

// ruleOf finds the rule of a result, by id or by its place among the driver's.
func (r *run) ruleOf(n *foreign.Node, x *sources.Finding) rule {
	x.Rule = n.At("ruleId").Text()
	if x.Rule == "" {
		x.Rule = n.At("rule", "id").Text()
	}
	index, said := n.At("ruleIndex").Int()
	if !said {
		index, said = n.At("rule", "index").Int()
	}
	if x.Rule == "" {
		if !said || index < 0 || index >= int64(len(r.rules)) {
			n.At("ruleId").Fail("the id of the rule is needed, or ruleIndex, from 0 to %d", len(r.rules)-1)
			return rule{}
		}
		x.Rule = r.rules[index].id
	}
	for id := x.Rule; id != ""; {
		if found := r.byID[id]; found != nil {
			return *found
		}
		i := strings.LastIndexByte(id, '/') // of a rule's part, the whole
		if i < 0 {
			break
		}
		id = id[:i]
	}
	return rule{}
}

// severity is the rule's rating, or what the level of the result means.
func (r *run) severity(n *foreign.Node, of rule) string {
	level := n.At("level").Text()
	if level == "" {
		level = of.level
	}
	switch level {
	case "", "none", "note", "warning", "error":
	default:
		n.At("level").Fail("none, note, warning or error is accepted, not %q", clip(level))
	}
	own := score(n.At("properties", "security-severity"))
	switch {
	case own != "":
		return own
	case of.severity != "":
		return of.severity
	case level == "":
		level = "warning" // as the standard has it
	}
	return sources.Severity(level)
}

// message is the text of a result, or the one of the rule that it names, with
// its arguments.
func message(n *foreign.Node, of rule) string {
	text := n.At("text").Text()
	if text == "" {
		text = of.messages[n.At("id").Text()]
	}
	for i, a := range n.At("arguments").Texts() {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", a)
	}
	return text
}

// fingerprint is what the tool itself tells its findings apart by, across
// versions of the code.
func fingerprint(n *foreign.Node) string {
	for _, name := range []string{"fingerprints", "partialFingerprints"} {
		prints := n.At(name).Map()
		if len(prints) == 0 {
			continue
		}
		var out []string
		for _, k := range slices.Sorted(maps.Keys(prints)) {
			out = append(out, k+"="+prints[k])
		}
		return strings.Join(out, " ")
	}
	return ""
}

// suppressed as the standard has it: somebody did, and nobody is still looking
// at it or has refused.
func suppressed(n *foreign.Node) (reason string, accepted bool) {
	for _, s := range n.At("suppressions").List() {
		switch status := s.At("status").Text(); status {
		case "", "accepted":
			accepted = true
			if reason == "" {
				reason = s.At("justification").Text()
			}
		case "underReview", "rejected":
			return "", false
		default:
			s.At("status").Fail("accepted, underReview or rejected is accepted, not %q", clip(status))
		}
	}
	return reason, accepted
}

// pathOf is a path for people.
func pathOf(uri string) string {
	if path, err := url.PathUnescape(uri); err == nil {
		uri = path
	}
	return strings.TrimPrefix(uri, "file://")
}

func (f *file) hand() error {
	for why, n := range f.skipped {
		f.in.Scope("not findings, "+why, strconv.FormatInt(n, 10))
	}
	return f.scans.Hand(f.in)
}
