package page

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/site"
)

// result is what checking a file found, with what is known of its origin.
type result struct {
	Name  string
	Size  int64
	Took  time.Duration
	Now   time.Time
	Given bool // a key was pasted
	Ours  int  // logs of this installation
	Logs  int
	Says  *says
	*bundle.Report
}

// says is what the entry of the partner's signature says of the report.
type says struct {
	Issued string // when, by the log
	Parts  map[string]string
	Report struct {
		Type, Firm, Client, System, Zone, From, To, Signer, Date string
		AsOf                                                     string `json:"as_of"`
		Categories                                               []string
		Criteria, Controls                                       int
		Deviations                                               *int
	}
}

// says reads the opinion's entry from a file that has been found sound.
func (d dropped) says(r *bundle.Report) (*says, error) {
	if r.Examination == nil {
		return nil, nil
	}
	at := slices.IndexFunc(r.Examination.Report, func(e bundle.Event) bool { return e.Step == "opinion" })
	if at < 0 {
		return nil, nil
	}
	z, err := zip.NewReader(d.file, d.Size)
	if err != nil {
		return nil, err
	}
	index := r.Examination.Report[at].Index
	f, err := z.Open(fmt.Sprintf("logs/0/openings/%09d.jsonl", index/256))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, 256*(bundle.MaxOpening+1)))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	for line := range bytes.Lines(b) {
		var o struct {
			Index int64
			Open  map[string]struct{ Payload string }
		}
		if err := json.Unmarshal(line, &o); err != nil {
			return nil, err
		}
		if o.Index != index {
			continue
		}
		s := &says{}
		if err := json.Unmarshal([]byte(o.Open[canon.LabelBody].Payload), s); err != nil {
			return nil, nil // of a version that says something else
		}
		for _, e := range r.Examination.Report {
			if e.Step == "issue" {
				s.Issued = e.Recorded
			}
		}
		return s, nil
	}
	return nil, nil
}

func (x result) status() site.Status {
	switch x.Verdict {
	case bundle.Verified:
		return site.StatusPass
	case bundle.Corrupted:
		return site.StatusFail
	}
	return site.StatusUnknown
}

func (x result) title() string { return string(x.Verdict) + " · " + x.Name }

func day(s string) string {
	t, err := canon.ParseTime(s)
	if err != nil {
		return s
	}
	return t.Format("2 January 2006")
}

// headline is the verdict in one or two sentences that can be quoted.
func (x result) headline() string {
	what := "This is the log that " + x.who() + " keeps, as it stood on " + day(x.Created) + "."
	if x.Examination != nil {
		what = "This is the file of an engagement as it stood on " + day(x.Created) + "."
	}
	if s := x.Says; s != nil && s.Issued != "" && s.Report.Firm != "" {
		what = "This is the report " + s.Report.Firm + " issued on " + day(s.Issued) + "."
	}
	switch x.Verdict {
	case bundle.Verified:
		return what + " Nothing in it has changed since."
	case bundle.Demo:
		return "This is a demonstration. Everything in it holds, and it proves nothing about anybody."
	case bundle.Consistent:
		return "This file agrees with itself. Who wrote it is not shown: its key is not known here."
	}
	return "Something in this file does not hold. Do not rely on it."
}

func (x result) who() string {
	if x.Ours > 0 {
		return "this installation"
	}
	return "the owner of the key you gave"
}

func (x result) facts() []site.Fact {
	out := []site.Fact{{Text: x.Name}, {Text: site.Bytes(x.Size)}, {Text: "checked in " + site.Took(x.Took) + " on this server, not kept"}}
	switch {
	case x.Logs > 0 && x.Ours == x.Logs:
		out = append(out, site.Fact{Text: "its key is that of a log kept here"})
	case x.Given && x.Verdict == bundle.Verified:
		out = append(out, site.Fact{Text: "under the key you gave"})
	}
	return append(out, site.Fact{Text: "as of " + x.Now.Format("2 January 2006")})
}

// broken reports whether a problem is about an object that begins so.
func (x result) broken(prefix ...string) bool {
	return slices.ContainsFunc(x.Problems, func(p bundle.Problem) bool {
		return slices.ContainsFunc(prefix, func(s string) bool { return strings.HasPrefix(p.Object, s) })
	})
}

// brokenAt reports whether a problem is about one of these events.
func (x result) brokenAt(events []bundle.Event) bool {
	return slices.ContainsFunc(events, func(e bundle.Event) bool {
		place := fmt.Sprintf("entry/%d", e.Index)
		if e.Log > 0 {
			place = fmt.Sprintf("log%d/entry/%d", e.Log, e.Index)
		}
		return slices.ContainsFunc(x.Problems, func(p bundle.Problem) bool { return p.Object == place })
	})
}

// row makes the line of one check: broken, not reached, or holding.
func (x result) row(text string, broken, reached bool, figure string) site.CheckedRow {
	r := site.CheckedRow{Text: text, Status: site.StatusPass, Figure: figure}
	switch {
	case broken:
		r.Status, r.Figure = site.StatusFail, "does not hold: named below"
	case !reached:
		r.Status, r.Figure = site.StatusUnknown, "not reached: something before it does not hold"
	}
	return r
}

// checked lists what was checked, from the bytes to the signature.
func (x result) checked() []site.CheckedRow {
	c := x.Counts
	whole := x.row("The file is whole", x.broken("archive", "header", "manifest", "blobs/", "README", "SPEC", `"`, "bundle"), c.Files > 0,
		site.Count(int64(c.Files))+" parts, each as the signed manifest lists it")
	logs := x.row(map[bool]string{true: "The logs are unbroken", false: "The log is unbroken"}[c.Logs > 1], x.broken("logs/", "entry/", "log1/") && x.Examination == nil || x.broken("logs/"),
		c.Entries > 0, site.Count(int64(c.Entries))+" entries, each in its place under a signed head")
	out := []site.CheckedRow{whole, logs, x.row("What entries say is what they committed to", x.brokenOpening(), c.Entries > 0,
		site.Count(int64(c.Opened))+" of "+site.Count(int64(c.Entries))+" opened")}
	if x.Examination == nil {
		return out
	}
	return append(out, x.examined()...)
}

func (x result) brokenOpening() bool {
	return slices.ContainsFunc(x.Items, func(i bundle.Item) bool { return i.Verdict == bundle.Corrupted || i.Verdict == bundle.NotInLog }) && !x.broken("logs/")
}

func (x result) examined() []site.CheckedRow {
	e := x.Examination
	var lists, samples, tests []bundle.Event
	rows, again, drawn, tested := int64(0), 0, 0, int64(0)
	for _, p := range e.Populations {
		lists, rows = append(lists, p.Events...), rows+p.Rows
	}
	for _, p := range e.Procedures {
		for _, ev := range p.Events {
			if ev.Step == "draw" || ev.Step == "extend" {
				samples = append(samples, ev)
			} else {
				tests = append(tests, ev)
			}
		}
		tested += p.Tested
		if p.Drawn > 0 {
			drawn++
			if p.Recomputed {
				again++
			}
		}
	}
	out := []site.CheckedRow{
		x.row("Lists were sealed before samples were drawn", x.brokenAt(lists), true,
			site.Plural(int64(len(e.Populations)), "population", "populations")+", "+site.Plural(rows, "row", "rows")),
		x.row("Each sample can be drawn again", x.brokenAt(samples), true, fmt.Sprintf("%d of %d, item by item", again, drawn)),
		x.row("Evidence came before its test, the test before its conclusion", x.brokenAt(tests), true,
			site.Plural(tested, "item", "items")+", "+site.Plural(int64(len(e.Procedures)), "control", "controls")),
	}
	if x.signed() {
		figure := ""
		if x.Says != nil {
			figure = x.Says.Report.Signer
		}
		out = append(out, x.row("A partner signed the opinion, after review", x.brokenAt(e.Report), true, figure))
	}
	return out
}

func (x result) signed() bool {
	return slices.ContainsFunc(x.Examination.Report, func(e bundle.Event) bool { return e.Step == "opinion" })
}

func holding(list []site.CheckedRow) string {
	n := 0
	for _, r := range list {
		if r.Status == site.StatusPass {
			n++
		}
	}
	return fmt.Sprintf("%d of %d hold", n, len(list))
}

// order is the order of events, if the file has one and all of it holds.
func (x result) order() *site.OrderView {
	if x.Examination == nil || x.Verdict == bundle.Corrupted || !x.signed() {
		return nil
	}
	return &site.OrderView{Title: "Order of events for every sampled item, as recorded in two logs",
		Logs: [2]string{"log of the CPA firm", "log of the client"},
		Steps: []site.OrderStep{{Text: "commit"}, {Text: "seal", Log: 1}, {Text: "accept"}, {Text: "draw"}, {Text: "evidence", Log: 1},
			{Text: "test"}, {Text: "conclude"}, {Text: "review"}, {Text: "assert", Log: 1}, {Text: "sign"}}}
}

var partTitles = []struct{ key, title string }{{"description", "Description"}, {"design", "Design"}, {"operation", "Operation"}}

// report are the rows of what the report says, from the signed entry.
func (x result) report() []site.FactRow {
	r := x.Says.Report
	var out []site.FactRow
	add := func(k, v string) {
		if v != "" {
			out = append(out, site.Text(k, v))
		}
	}
	kind := map[string]string{"type_1": "SOC 2 Type I", "type_2": "SOC 2 Type II"}[r.Type]
	if kind == "" {
		kind = "SOC 2"
	}
	if r.Client != "" {
		add("Report", kind+", "+r.Client)
	}
	add("System", r.System)
	if r.From != "" {
		add("Period", civil(r.From)+" to "+civil(r.To))
	}
	if r.AsOf != "" {
		add("As of", civil(r.AsOf))
	}
	if r.Criteria > 0 {
		add("Criteria", fmt.Sprintf("%d, %s", r.Criteria, strings.Join(r.Categories, ", ")))
	}
	for _, p := range partTitles {
		if d := x.Says.Parts[p.key]; d != "" {
			out = append(out, site.FactRow{Key: p.title, Value: strings.ReplaceAll(d, "_", " "), Strong: d != "unmodified"})
		}
	}
	if r.Deviations != nil {
		add("Deviations", fmt.Sprintf("%d, see Section IV", *r.Deviations))
	}
	add("Signed by", r.Signer)
	return out
}

func civil(s string) string {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return s
	}
	return t.Format("2 January 2006")
}

// cannot says what the page does not tell.
func (x result) cannot() string {
	if x.Verdict == bundle.Corrupted {
		return "It shows where the file differs from what was signed, not who changed it or why. A download that went wrong looks like this too: fetch the file again before you ask."
	}
	s := "It shows that the file is the one that was written, and in which order it came to be."
	if x.Says != nil && x.Says.Report.Client != "" {
		return s + " It does not say that " + x.Says.Report.Client + " is secure. For that, read the opinion, the deviations, and which controls fall to you."
	}
	return s + " It does not say that what was recorded is true, nor that everything was recorded."
}

func (x result) command() string {
	keys := strings.Repeat(" --key KEY", max(1, x.Logs))
	return "$ tickmark-verify" + keys + " " + x.Name + "\n" + string(x.Verdict) + "  " + x.Name
}
