package page

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/site"
)

// recordsOf is the list of the control's records that stand, narrowed further.
func (x detail) recordsOf(more ...string) string {
	q := url.Values{"control": {string(x.ID)}, "f.stands": {"1"}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/evidence?" + q.Encode()
}

// standsRows say in one glance what is fresh, what reviewers decided, and
// which reasons there are to send something back.
func (x detail) standsRows() []site.FactRow {
	s := x.Stands
	out := []site.FactRow{x.freshRow()}
	var review []site.Link
	for _, p := range []struct {
		n           int64
		state, text string
	}{{s.Returned, "returned", "returned"}, {s.Waiting, "waiting", "not reviewed yet"}, {s.Accepted, "accepted", "accepted"}} {
		if p.n > 0 {
			review = append(review, site.Link{Text: site.Count(p.n) + " " + p.text, Href: x.recordsOf("f.state", p.state)})
		}
	}
	if len(review) > 0 {
		row := site.FactRow{Key: "Review", Node: links(review)}
		if s.Returned > 0 {
			row.Status = site.StatusFail
		}
		out = append(out, row)
	}
	if s.Objected == 0 {
		return append(out, site.Text("Reasons to send back", "none, as far as the machine can tell"))
	}
	var codes []site.Link
	for _, c := range s.Codes {
		codes = append(codes, site.Link{Text: c.Code + " × " + site.Count(c.Records), Href: x.recordsOf("f.code", c.Code)})
	}
	return append(out, site.FactRow{Key: "Reasons to send back", Node: links(codes)})
}

func (x detail) freshRow() site.FactRow {
	row := site.FactRow{Key: "Fresh", Href: "/evidence/due"}
	switch d := x.Stands.Due; {
	case d.Newest.IsZero():
		row.Status, row.Value, row.Href = site.StatusNotStarted, "None that counts yet", "/evidence/due?f.state=overdue"
	case d.State == evidence.Overdue:
		row.Status, row.Value, row.Href = site.StatusFail, "Overdue since "+site.Date(d.Due), "/evidence/due?f.state=overdue"
	case d.State == evidence.DueSoon:
		row.Value, row.Href = "Due by "+site.Date(d.Due), "/evidence/due?f.state=soon"
	default:
		row.Value = "Until " + site.Date(d.Due)
	}
	return row
}

// objection is what is said against one record, shortly.
func objection(o evidence.Objection) string {
	head := strings.Join(o.Codes, ", ")
	if !o.Returned.IsZero() {
		head += ", returned by " + o.Reviewer + " on " + site.Date(o.Returned)
	}
	return head + ": " + stop(o.Words)
}

func objectionMark(o evidence.Objection) (site.Status, string) {
	if !o.Returned.IsZero() {
		return site.StatusFail, "Returned"
	}
	return site.StatusUnknown, "With remarks"
}

// codeWords is what a reason says, for whoever does not know it by heart.
func codeWords(code string) string {
	code, _, _ = strings.Cut(code, " ")
	for _, p := range evidence.ByPerson {
		if p.Code == code {
			return p.Text
		}
	}
	return cmp.Or(evidence.CodeWords[code], code)
}
