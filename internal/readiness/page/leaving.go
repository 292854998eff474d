package page

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/site"
)

// leaving are assets that somebody asked to leave the scope for one reason:
// what was asked in one act is decided in one act.
type leaving struct {
	asker, reason string
	list          []assets.Asset
}

// mostLeaving is how many waiting assets are read; the page of assets has all.
const mostLeaving = 500

// readLeaving adds the exclusions that the reader may approve. What the reader
// asked for is theirs only where nobody else could agree, after the delay.
func (x *work) readLeaving(v *site.Visit, now time.Time, mine func(auth.Approver) bool) error {
	if !v.Actor.May(auth.AssetsWrite) {
		return nil
	}
	page, err := assets.List.Do(v.Context(), v.Desk, assets.Filter{Scope: assets.Pending, Limit: mostLeaving})
	if err != nil {
		return err
	}
	var groups []leaving
	for _, a := range page.Items {
		i := slices.IndexFunc(groups, func(g leaving) bool { return g.list[0].AskerID == a.AskerID && g.reason == a.Reason })
		if i < 0 {
			i, groups = len(groups), append(groups, leaving{asker: a.Asker, reason: a.Reason})
		}
		groups[i].list = append(groups[i].list, a)
	}
	for _, g := range groups {
		if g.list[0].AskerID == v.Actor.User {
			d, err := assets.Get.Do(v.Context(), v.Desk, assets.Ref{ID: string(g.list[0].ID)})
			if err != nil {
				return err
			}
			if now.Before(d.AloneFrom) || !slices.ContainsFunc(d.Approvers, mine) {
				continue
			}
		}
		x.Approvals = append(x.Approvals, site.ActionView{Status: site.StatusProposed, Text: g.text(), Href: g.href(), Owner: g.asker})
	}
	return nil
}

func (g leaving) text() string {
	what := g.list[0].Name + " leaves the scope"
	if n := len(g.list); n > 1 {
		what = site.Count(int64(n)) + " assets leave the scope"
	}
	return "Approve or decline that " + what + ": " + strings.TrimSuffix(g.reason, ".")
}

func (g leaving) href() string {
	if len(g.list) > 1 {
		return "/assets?f.scope=" + assets.Pending
	}
	return "/assets/" + string(g.list[0].ID)
}
