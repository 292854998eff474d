// Package page holds the page that finds any id, code or word.
package page

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route { return []site.Route{{Pattern: "GET /search", Handle: search}} }

// maxQuery bounds what is looked for.
const maxQuery = 200

func search(v *site.Visit) error {
	x := found{Q: strings.TrimSpace(v.Query("q"))}
	if r := []rune(x.Q); len(r) > maxQuery {
		x.Q = string(r[:maxQuery])
	}
	x.Kind, x.After = v.Query("kind"), v.Query("after")
	if x.Q != "" {
		if x.Kind == "" {
			to, err := exact(v, x.Q)
			if err != nil {
				return err
			}
			if to != "" {
				return v.Goto(to)
			}
		}
		if err := x.find(v); err != nil {
			return err
		}
	}
	return v.Show(site.Shell{Title: "Search", Search: x.Q, Crumbs: []site.Crumb{{Text: "Search"}}}, body(x))
}

// pages are where ids of each kind lead.
var pages = map[string]string{"eng": "/engagements/", "ctl": "/controls/", "evd": "/evidence/", "run": "/runs/", "src": "/sources/", "job": "/jobs/", "tsk": "/tasks/",
	"ast": "/assets/", "upl": "/imports/", "ers": "/erasures/", "hld": "/holds/", "viw": "/views/", "exc": "/exceptions/", "chn": "/settings/channels/", "usr": "/settings/members/"}

var (
	idForm        = regexp.MustCompile(`^([a-z]{3})_[0-9a-v]{26}$`)
	entryForm     = regexp.MustCompile(`^(?i:entry\s+|#)?([0-9][0-9,]*)$`)
	controlForm   = regexp.MustCompile(`^[A-Z]{3}-[0-9]{2,3}$`)
	criterionForm = regexp.MustCompile(`^(CC[1-9]|A1|C1|PI1|P[1-8])\.[0-9]{1,2}$`)
)

// exact is the one page that a query names, or nothing.
func exact(v *site.Visit, q string) (string, error) {
	if m := idForm.FindStringSubmatch(strings.ToLower(q)); m != nil && pages[m[1]] != "" {
		return pages[m[1]] + m[0], nil
	}
	if m := entryForm.FindStringSubmatch(q); m != nil && v.Actor.May(auth.LogRead) {
		n, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", ""), 10, 64)
		if err != nil {
			return "", nil // longer than any log
		}
		head, err := evidence.HeadGet.Do(v.Context(), v.Desk, op.None{})
		if err != nil || n >= head.Size {
			return "", err
		}
		return fmt.Sprintf("/log/%d", n), nil
	}
	upper := strings.ToUpper(q)
	if criterionForm.MatchString(upper) && v.Actor.May(auth.ControlsRead) {
		cat, err := frameworks.Shipped()
		if err != nil {
			return "", err
		}
		if _, err := cat.Criterion(upper); err == nil {
			return "/criteria/" + upper, nil
		}
	}
	if controlForm.MatchString(upper) && v.Actor.May(auth.ControlsRead) {
		return controlPage(v, upper)
	}
	if strings.Contains(q, ".") && v.Actor.May(auth.ChecksRead) {
		list, err := checks.List.Do(v.Context(), v.Desk, checks.Filter{})
		if err != nil {
			return "", err
		}
		for _, c := range list.Items {
			if strings.EqualFold(c.ID, q) {
				return "/checks/" + c.ID, nil
			}
		}
	}
	return "", nil
}

func controlPage(v *site.Visit, code string) (string, error) {
	adopted, err := controls.List.Do(v.Context(), v.Desk, controls.Filter{Limit: op.MaxLimit})
	if err != nil {
		return "", err
	}
	for _, c := range adopted.Items {
		if c.Code == code {
			return "/controls/" + code, nil
		}
	}
	library, err := controls.Library()
	if err != nil {
		return "", err
	}
	for _, t := range library {
		if t.Code == code {
			return "/library/" + code, nil
		}
	}
	return "", nil
}
