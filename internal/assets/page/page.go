// Package page holds the pages of assets: the register, one asset, how the
// register agrees with the sources, and files of assets.
package page

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /assets", Handle: showList},
		{Pattern: "POST /assets/bulk", Handle: bulk},
		{Pattern: "GET /assets/new", Handle: showNew},
		{Pattern: "POST /assets/new", Handle: create},
		{Pattern: "GET /assets/import", Handle: showImport},
		{Pattern: "POST /assets/import", Handle: takeFile},
		{Pattern: "GET /assets/reconciliation", Handle: showReconciliation},
		{Pattern: "POST /assets/resources", Handle: settle},
		{Pattern: "GET /assets/link", Handle: showLink},
		{Pattern: "POST /assets/link", Handle: link},
		{Pattern: "POST /assets/setting", Handle: set},
		{Pattern: "GET /assets/{id}", Handle: showAsset},
		{Pattern: "GET /assets/{id}/edit", Handle: showEdit},
		{Pattern: "POST /assets/{id}/edit", Handle: edit},
		{Pattern: "GET /assets/{id}/scope", Handle: showScope},
		{Pattern: "POST /assets/{id}/scope", Handle: move},
		{Pattern: "POST /assets/{id}/approve", Handle: approve},
		{Pattern: "GET /assets/{id}/retire", Handle: showRetire},
		{Pattern: "POST /assets/{id}/retire", Handle: retire},
		{Pattern: "POST /assets/{id}/unlink", Handle: unlink},
	}
}

func shell(title string, crumbs ...site.Crumb) site.Shell {
	list := []site.Crumb{{Text: "Assets"}}
	if len(crumbs) > 0 {
		list[0].Href = "/assets"
	}
	return site.Shell{Title: title, Current: "/assets", Crumbs: append(list, crumbs...)}
}

func may(v *site.Visit) bool { return v.Actor.May(auth.AssetsWrite) }

// words makes a readable text of an identifier such as person_group.
func words(s string) string {
	if s == "saas" {
		return "SaaS"
	}
	return site.Capital(strings.ReplaceAll(s, "_", " "))
}

func options(list []string, now, none string) []site.Option {
	var out []site.Option
	if none != "" {
		out = append(out, site.Option{Text: none})
	}
	for _, s := range list {
		out = append(out, site.Option{Value: s, Text: words(s), Chosen: s == now})
	}
	return out
}

// scopeMark is whether an asset is in scope, in a word.
func scopeMark(a assets.Asset) (site.Status, string) {
	switch a.Scope {
	case assets.Out:
		return site.StatusNotApplicable, "Out of scope"
	case assets.Pending:
		return site.StatusUnknown, "Waits to leave"
	}
	return site.StatusPass, "In scope"
}

// resourceHref is the page of a resource.
func resourceHref(r assets.Resource) string {
	return fmt.Sprintf("/sources/%s/%s/%s", r.Source, r.Kind, url.PathEscape(r.Key))
}

func assetHref(a assets.Asset) string { return "/assets/" + string(a.ID) }

// within keeps a way back among the pages of assets.
func within(back string) string {
	u, err := url.Parse(back)
	if err != nil || u.Path != "/assets" && u.Path != "/assets/reconciliation" {
		return "/assets"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}
