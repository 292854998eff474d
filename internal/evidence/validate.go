package evidence

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/id"
)

// A Remark is a reason for which an auditor may send the record back.
type Remark struct {
	Evidence id.Evidence `json:"evidence"`
	Code     string      `json:"code"`
	Text     string      `json:"text"`
	Settles  string      `json:"settles"` // what would settle it
}

// Context is what a record is measured against.
type Context struct {
	Seen
	// Starts and Ends bound the period of the scope, Ends not in it; AsOf is the
	// end of the day of a Type I report. All are zero while nothing is decided.
	Starts, Ends, AsOf time.Time
	// Linked is how many controls it bears on.
	Linked int
	// Environment is what other records from the same system say.
	Environment string
	// Same are other records of the same bytes.
	Same []id.Evidence
	// Issued is when the ticket in the picture was handed out.
	Issued time.Time
}

// Codes that only a person can tell, with what they say. They are ticks of a
// reviewer.
var ByPerson = []struct{ Code, Text string }{
	{"EV10", "The policy is not approved, or was not in force"},
	{"EV12", "It cannot be tied to the item it is for"},
	{"EV13", "Unreadable, cropped, or in a language without translation"},
	{"EV15", "Only what somebody said"},
	{"EV17", "It is not clear who owned the control, or whether they could do it"},
}

// Codes are all codes, in order.
var Codes = []string{"EV01", "EV02", "EV03", "EV04", "EV05", "EV06", "EV07", "EV08", "EV09", "EV10", "EV11", "EV12", "EV13", "EV14", "EV15", "EV16", "EV17", "EV18", "EV19"}

// CodeWords say each code that a machine can tell, for a reviewer who saw it.
var CodeWords = map[string]string{"EV01": "No source, address or account visible", "EV02": "No time of capture", "EV03": "Outside the period or the date", "EV04": "Wrong environment or tenant",
	"EV05": "A list without query, filters or row count", "EV06": "A list that was cut", "EV07": "Shows policy and not operation", "EV08": "No approver, or the one who asked",
	"EV09": "Approved after the act", "EV11": "Changed or made afterwards", "EV14": "More personal data or secrets than should be", "EV16": "Not from the system itself",
	"EV18": "The same used for several occurrences", "EV19": "A review without what was reviewed and what came of it"}

// Times that may differ without a remark.
const (
	lateSeal   = 24 * time.Hour
	skew       = 10 * time.Minute
	anywhere   = 14 * time.Hour // between a local time and UTC
	ticketLife = 2 * time.Hour
)

// pages are the sizes at which lists are cut: a list of exactly so many rows
// asks whether there is another page.
var pages = []int64{10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000, 50000, 100000}

var elsewhere = []string{"test", "testing", "staging", "stage", "dev", "development", "sandbox", "qa", "uat", "demo", "preprod", "preview"}

// Validate finds what an auditor may send the record back for. It is pure: the
// same record in the same context has the same remarks. Each code comes once.
func Validate(r Record, x Context) []Remark {
	var out []Remark
	add := func(code, settles, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if i := slices.IndexFunc(out, func(m Remark) bool { return m.Code == code }); i >= 0 {
			out[i].Text += " " + text
			return
		}
		out = append(out, Remark{r.ID, code, text, settles})
	}
	origin(r, add)
	period(r, x, add)
	place(r, x, add)
	rows(r, x, add)
	sort(r, x, add)
	approvals(x, add)
	times(r, x, add)
	if len(x.Scan.Findings) > 0 {
		add("EV14", "Redact it, or say why the data have to be there.", "It seems to hold: %s.", x.Scan.Summary())
	}
	if len(x.Same) > 0 {
		add("EV18", "Link one record to all the controls it bears on; for another occurrence hand in that one's evidence.", "The same bytes are recorded as %s too.", said(x.Same))
	}
	slices.SortFunc(out, func(a, b Remark) int { return strings.Compare(a.Code, b.Code) })
	return out
}

type adder func(code, settles, format string, args ...any)

func origin(r Record, add adder) {
	var missing []string
	if r.Origin == "" {
		missing = append(missing, "the system it comes from")
	}
	if r.Location == "" {
		missing = append(missing, "the address, path or screen")
	}
	if r.Account == "" && (r.Level == 4 || r.Level == 5) {
		missing = append(missing, "the account that it was shown to")
	}
	if len(missing) > 0 && r.Level <= 5 || r.Origin == "" {
		add("EV01", "Say where it was taken, in a better record.", "It does not say %s.", strings.Join(missing, ", nor "))
	}
	if r.Level == 5 && r.Ticket == "" && r.Captured.Equal(r.Sealed) {
		add("EV02", "Give the time by the source's clock, or take the picture with a capture ticket.", "It is not said when the source showed it: the time is that of handing it in.")
	}
}

func period(r Record, x Context, add adder) {
	const settles = "Take evidence from within the period."
	switch {
	case !x.AsOf.IsZero():
		if !r.CoversFrom.IsZero() && !r.CoversFrom.Before(x.AsOf) || r.CoversFrom.IsZero() && !r.Captured.Before(x.AsOf) {
			add("EV03", settles, "It tells of a time after the date that is examined.")
		}
	case x.Starts.IsZero() || x.Ends.IsZero():
	case !r.CoversFrom.IsZero() && !r.CoversFrom.Before(x.Ends), !r.CoversTo.IsZero() && !r.CoversTo.After(x.Starts):
		add("EV03", settles, "What it tells of lies outside the period of the scope, %s to %s.", day(x.Starts), day(x.Ends.AddDate(0, 0, -1)))
	case r.CoversFrom.IsZero() && r.CoversTo.IsZero() && r.Captured.Before(x.Starts):
		add("EV03", settles, "Taken on %s, before the period of the scope began.", day(r.Captured))
	case r.CoversFrom.IsZero() && r.CoversTo.IsZero() && !r.Captured.Before(x.Ends):
		add("EV03", settles, "Taken on %s, after the period of the scope ended, and it does not say which days it tells of.", day(r.Captured))
	}
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

func place(r Record, x Context, add adder) {
	const settles = "Take it from production, or say why this environment is the one."
	words := strings.FieldsFunc(strings.ToLower(r.Environment), func(c rune) bool { return c < 'a' || c > 'z' })
	switch {
	case slices.ContainsFunc(words, func(w string) bool { return slices.Contains(elsewhere, w) }):
		add("EV04", settles, "It comes from %s.", r.Environment)
	case r.Environment != "" && x.Environment != "" && !strings.EqualFold(r.Environment, x.Environment):
		add("EV04", settles, "It comes from %s; other evidence from %s comes from %s.", r.Environment, r.Origin, x.Environment)
	}
}

func rows(r Record, x Context, add adder) {
	if r.RowCount < 0 && x.Counted < 0 && r.Level != 4 {
		return
	}
	if strings.TrimSpace(r.Query) == "" {
		add("EV05", "Give the exact query with its filters.", "A list without the query that made it.")
	}
	if r.RowCount < 0 && x.Counted < 0 {
		add("EV05", "Give the number of rows.", "It does not say how many rows it has.")
	}
	n := r.RowCount
	if x.Counted >= 0 {
		n = x.Counted
	}
	switch {
	case r.RowCount >= 0 && x.Counted >= 0 && r.RowCount != x.Counted:
		add("EV06", "Export it whole, or correct the number.", "It has %d rows, and %d were said.", x.Counted, r.RowCount)
	case r.SourceCount >= 0 && n >= 0 && n != r.SourceCount:
		add("EV06", "Export it whole: all pages, no limit.", "It has %d rows; the source counted %d.", n, r.SourceCount)
	case r.SourceCount < 0 && slices.Contains(pages, n):
		add("EV06", "Say how many the source counts.", "It has exactly %d rows, as a first page has.", n)
	}
}

// sort judges the kind of evidence.
func sort(r Record, x Context, add adder) {
	if r.Shows == Policy && x.Linked > 0 {
		add("EV07", "Add evidence of what was done.", "It shows what is meant to be done, and not that it was.")
	}
	if r.Shows == Tile {
		add("EV16", "Export the data under it.", "A tile of a dashboard instead of the data under it.")
	}
	if r.Level >= 6 && r.Shows == Operation {
		add("EV16", "Take it from the system that the control runs in.", "It was made for the audit (level %d); that something was done is shown by level 5 or better.", r.Level)
	}
	if r.Shows == AReview && (r.Reviewed == "" || r.Outcome == "") {
		add("EV19", "Say what was reviewed and what came of it.", "A review without %s.", map[bool]string{true: "what was looked at", false: "what came of it"}[r.Reviewed == ""])
	}
}

func approvals(x Context, add adder) {
	var none, self, late []int64
	for _, a := range x.Approvals {
		switch {
		case a.Approver == "":
			none = append(none, a.Row)
		case a.self():
			self = append(self, a.Row)
		}
		if a.late() {
			late = append(late, a.Row)
		}
	}
	const who = "Show the approval by somebody else, or treat it as a deviation."
	if len(none) > 0 {
		add("EV08", who, "Nobody approved %s.", inRows(none))
	}
	if len(self) > 0 {
		add("EV08", who, "Whoever asked also approved %s.", inRows(self))
	}
	if len(late) > 0 {
		add("EV09", "Show the approval that came before, or treat it as a deviation.", "The approval came after the act in %s.", inRows(late))
	}
}

func inRows(list []int64) string {
	if len(list) == 1 {
		return fmt.Sprintf("row %d", list[0])
	}
	return fmt.Sprintf("%d rows, first row %d", len(list), list[0])
}

// times compares what is said with what the file says of itself, with the
// ticket and with the log.
func times(r Record, x Context, add adder) {
	const settles = "Take it again, or say how it was made."
	for _, d := range x.Dates {
		may := skew
		if d.Floating {
			may += anywhere
		}
		if d.At.Sub(r.Captured) > may {
			add("EV11", settles, "The file says it was %s on %s, after it is said to have been taken.", d.What, d.At.UTC().Format("2 January 2006, 15:04 UTC"))
			break
		}
	}
	if late := r.Sealed.Sub(r.Captured); late > lateSeal {
		add("EV11", settles, "Recorded %d hours after it is said to have been taken.", int(late.Hours()))
	}
	if !x.Issued.IsZero() && (r.Captured.Before(x.Issued.Add(-skew)) || r.Captured.Sub(x.Issued) > ticketLife) {
		add("EV11", settles, "The ticket in it was handed out on %s, which does not fit the time it is said to have been taken.", x.Issued.UTC().Format("2 January 2006, 15:04 UTC"))
	}
}

func said(list []id.Evidence) string {
	var out []string
	for i, e := range list {
		if i == 3 {
			return strings.Join(out, ", ") + fmt.Sprintf(" and %d more", len(list)-3)
		}
		out = append(out, string(e))
	}
	return strings.Join(out, ", ")
}
