// Package page holds the help: what each page is for and how it is used, and
// the words of the product with what they mean.
package page

import (
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /help", Handle: showHelp},
		{Pattern: "GET /help/terms", Handle: showTerms},
		{Pattern: "GET /help/{topic}", Handle: showTopic},
		{Pattern: "GET /help/guide/{reader}", Open: true, Handle: showGuide},
		{Pattern: "GET /help/docs/{name}", Open: true, Handle: showReference},
	}
}

func shell(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Crumbs: append([]site.Crumb{{Text: "Help", Href: "/help"}}, crumbs...)}
}

// showHelp lists the topics. A page that asks about itself is led to its own.
func showHelp(v *site.Visit) error {
	if about := v.Query("about"); about != "" {
		for _, t := range topics {
			if t.about(about) {
				return v.Goto("/help/" + t.Key)
			}
		}
	}
	return v.Show(site.Shell{Title: "Help", Crumbs: []site.Crumb{{Text: "Help"}}}, helpBody(guidesFor(v.Actor.Roles)))
}

func showTerms(v *site.Visit) error {
	return v.Show(shell("Words", site.Crumb{Text: "Words"}), termsBody(site.Glossary()))
}

func showTopic(v *site.Visit) error {
	for _, t := range topics {
		if t.Key == v.Path("topic") {
			if !leads(v, t.Open) {
				t.Open = ""
			}
			return v.Show(shell(t.Title, site.Crumb{Text: t.Title}), topicBody(t))
		}
	}
	return fault.NotFound("There is no help called %q.", v.Path("topic"))
}

// leads reports whether the reader's own menu has a page: others may be closed.
func leads(v *site.Visit, page string) bool {
	for _, g := range v.Web.Nav(v.Actor) {
		if slices.ContainsFunc(g.Items, func(it site.NavItem) bool { return it.Href == page }) {
			return true
		}
	}
	return false
}

// about reports whether a topic is about the page at an address.
func (t topic) about(path string) bool {
	for _, p := range t.Pages {
		if path == p || p != "/" && strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}
