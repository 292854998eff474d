// Package page holds the pages of controls: those adopted, the library they
// come from, and one control with how it held.
package page

import (
	"net/url"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /controls", Handle: showList},
		{Pattern: "GET /controls/library", Handle: showLibrary},
		{Pattern: "GET /library/{code}", Handle: showTemplate},
		{Pattern: "POST /controls/adopt", Handle: adopt},
		{Pattern: "POST /controls/assign", Handle: assign},
		{Pattern: "GET /controls/new", Handle: showNew},
		{Pattern: "POST /controls/new", Handle: create},
		{Pattern: "GET /controls/{id}", Handle: showControl},
		{Pattern: "GET /controls/{id}/versions/{version}", Handle: showVersion},
		{Pattern: "GET /controls/{id}/edit", Handle: showEdit},
		{Pattern: "POST /controls/{id}/edit", Handle: edit},
		{Pattern: "GET /controls/{id}/implement", Handle: showStatement},
		{Pattern: "POST /controls/{id}/implement", Handle: state},
		{Pattern: "GET /controls/{id}/retire", Handle: showRetire},
		{Pattern: "POST /controls/{id}/retire", Handle: retire},
	}
}

func shell(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Current: "/controls", Crumbs: append([]site.Crumb{{Text: "Controls", Href: "/controls"}}, crumbs...)}
}

// standing sums a control up: a failure outweighs an unknown, an unknown
// outweighs what has not been done yet.
func standing(x readiness.Control) (status site.Status, word string) {
	switch {
	case x.Evidenced == readiness.Failing:
		return site.StatusFail, ""
	case x.Evidenced == readiness.Unknown:
		return site.StatusUnknown, ""
	case x.Designed != readiness.Full:
		return site.StatusNotStarted, "Nobody owns it"
	case x.InPlace != readiness.Full:
		return site.StatusNotStarted, "Not stated"
	case x.Evidenced != readiness.Full:
		return site.StatusNotStarted, "No evidence"
	case x.Status == "excepted":
		return site.StatusExcepted, ""
	}
	return site.StatusPass, ""
}

// words makes a readable text of an identifier such as many_times_a_day.
func words(s string) string {
	if s == "it_dependent" {
		return "IT-dependent"
	}
	return strings.ReplaceAll(s, "_", " ")
}

func stop(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// seriesOf is the row of the criteria map a code belongs to: CC6 of CC6.1.
func seriesOf(criterion string) string {
	s, _, _ := strings.Cut(criterion, ".")
	return s
}

func criterionLink(code string) site.Link { return site.Link{Text: code, Href: "/criteria/" + code} }

func address(path string, q url.Values) string {
	for k, v := range q {
		if len(v) == 0 || v[0] == "" {
			q.Del(k)
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// titles are the names of the criteria, by code.
func titles() (map[string]string, []frameworks.Series, error) {
	cat, err := frameworks.Shipped()
	if err != nil {
		return nil, nil, err
	}
	out := map[string]string{}
	for _, c := range cat.Current().Criteria() {
		out[c.Code] = c.Title
	}
	return out, cat.Current().Series, nil
}

// ownerOptions are the members, for choosing who owns a control.
func ownerOptions(v *site.Visit, chosen string) ([]site.Option, error) {
	members, err := orgs.Members.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return nil, err
	}
	var out []site.Option
	for _, m := range members.Items {
		out = append(out, site.Option{Value: string(m.ID), Text: m.Name, Chosen: string(m.ID) == chosen})
	}
	return out, nil
}

// proof says how far the proof of an entry has come.
func proof(head evidence.Head, entry int64) site.ProofState {
	switch {
	case head.ReadOnly != "":
		return site.ProofBroken
	case entry < head.SignedSize:
		return site.ProofSealed
	}
	return site.ProofWaiting
}

// since writes a day as running text does.
func since(t time.Time) string { return t.Format("2 January 2006") }

func may(v *site.Visit) bool { return v.Actor.May(auth.ControlsWrite) }

// implied names the control in an address: its code, which people know.
func implied(x controls.Control) string { return "/controls/" + x.Code }
