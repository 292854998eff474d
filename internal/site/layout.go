package site

import (
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/engagements"
)

// Shell is everything around a page's own content.
type Shell struct {
	Title   string // of the browser's tab; the product's name is added
	Org     Org
	Nav     []NavGroup
	Current string    // Href of the item of Nav the page belongs to
	Tabs    []NavItem // bottom bar on phones; four at most, "More" is added as the fifth
	Crumbs  []Crumb   // where I am; the last one is the page itself
	Search  string    // what was searched for, on the result page
	Moves   bool      // the page can be shown as of another day
	At      time.Time // the instant it speaks of; zero is now
	AsOf    AsOf      // set by Show where the page moves
	Log     LogHead
	Me      Me
	Bell    bool  // the person is told of things
	Unread  int64 // notices
	Prefs   Prefs
	Band    Band
	Keys    []Key           // keys of this page, beside those that hold everywhere
	Rail    bool            // narrow sidebar, for the busiest screens
	Private string          // "not visible to Larchmere": a chip for workpapers
	Scripts []string        // further static scripts, as names for Asset
	Head    templ.Component // further elements of <head>, usually nil
	Print   PrintHead       // set by Show

	// Counts are figures of the sidebar that the page has at hand, by address.
	Counts map[string]int64

	room *engagements.Engagement // set by ShowIn
}

// Org is the organization or firm for which the person acts.
type Org struct {
	Name, Kind string // "Larchmere", "Organization"
	Initials   string // two letters; from Name when empty
	Firm       bool   // a firm's mark is pen, an organization's ink
	Href       string // its own page
	Switch     string // address that a form posts to, with the value of one of Others
	Others     []OrgLink
}

// OrgLink is another organization the person may act for. Changing it changes
// what every further page acts on, so it is an act and not a link.
type OrgLink struct {
	Name, Kind string
	Value      string // posted as "org"
	Firm       bool
}

// NavGroup is a headed part of the sidebar. The first group has no head.
type NavGroup struct {
	Head  string
	Items []NavItem
}

// NavItem is one line of the sidebar or one tab of the phone bar.
type NavItem struct {
	Text, Href string
	Icon       Icon
	Count      string // as Count writes it, or empty
	Key        string // second letter of its "g" key, or empty
}

// leads reports whether the page belongs to the item, whatever filters its
// address carries.
func (n NavItem) leads(current string) bool {
	path, _, _ := strings.Cut(n.Href, "?")
	return current != "" && path == current
}

// Crumb is one part of "where I am". The last needs no Href.
type Crumb struct {
	Text, Href string
	Mono       bool
}

// AsOf is the time the whole page speaks of. Label empty means now.
type AsOf struct {
	Label string // "30 June 2026", or empty for now
	Value string // 2026-06-30, the value of the field
	Max   string // today, the last day that can be chosen
	Path  string // the page's own path, for the form
	Keep  []KV   // the page's other parameters
	Now   string // address of the same page at now
	Off   bool   // the page has no history; the chip is left out
}

// KV is a name and its value.
type KV struct{ Key, Value string }

// LogHead is the newest entry of the organization's log and its last signature.
type LogHead struct {
	Entries int64
	Signed  time.Time
	Now     time.Time
	Late    bool   // a checkpoint is overdue: shown as unknown
	Broken  string // why the proof does not hold: shown as fail
	Href    string // "/log"
}

// PrintHead stands at the top of each sheet of a printed page, in place of the
// bars that a sheet has no use for.
type PrintHead struct {
	At   time.Time // when it was asked for, in the organization's zone
	Demo bool      // nobody in it exists
}

// Me is the signed-in person.
type Me struct {
	Name, Email string
	Initials    string // from Name when empty
	Href        string // own settings
	SignOut     string // address that a form posts to
}

// BandKind says what a page-wide band is about.
type BandKind string

// The bands, one at a time per page. BandBroken wins over all others.
const (
	BandDemo     BandKind = "demo"
	BandNotNow   BandKind = "not-now"
	BandBroken   BandKind = "broken"
	BandOutage   BandKind = "outage"
	BandReadOnly BandKind = "read-only"
)

// Band is a line across the page. The zero value shows nothing.
type Band struct {
	Kind  BandKind
	Title string // "As of 30 June 2026."
	Text  string
	Link  Link
}

// Link is a word that leads somewhere.
type Link struct{ Text, Href string }

// Key is a keyboard key and what it does here.
type Key struct {
	Keys []string // "g", "h"
	Text string
}

// BareShell surrounds pages outside the sidebar: setup, sign-in, verify.
type BareShell struct {
	Title   string
	Product string // beside the mark: "Verify a report"
	Links   []Link // right side of the head
	Foot    string
	Prefs   Prefs
	Band    Band
	Width   BareWidth
	Scripts []string // further static scripts, as names for Asset
}

// BareWidth is the measure of a bare page.
type BareWidth string

// The measures: a form, a text, a page of cards.
const (
	BareForm BareWidth = ""
	BareText BareWidth = "text"
	BareWide BareWidth = "wide"
)

func (o Org) initials() string {
	if o.Initials != "" {
		return o.Initials
	}
	return shortMark(o.Name)
}

// shortMark is the two letters of an organization: of one word its first two,
// of several the initials.
func shortMark(name string) string {
	if in := Initials(name); len([]rune(in)) == 2 {
		return in
	}
	r := []rune(name)
	return string(r[:min(2, len(r))])
}

func (m Me) initials() string {
	if m.Initials != "" {
		return m.Initials
	}
	return Initials(m.Name)
}

func (s Shell) tabs() []NavItem { return s.Tabs[:min(4, len(s.Tabs))] }

// helpHref is the help about the page that an item of the sidebar leads to.
func helpHref(current string) string {
	if current == "" {
		return "/help"
	}
	return "/help?about=" + url.QueryEscape(current)
}

// goKeys are the "g" keys of the sidebar's items.
func (s Shell) goKeys() []Key {
	var keys []Key
	for _, g := range s.Nav {
		for _, it := range g.Items {
			if it.Key != "" {
				keys = append(keys, Key{Keys: []string{"g", it.Key}, Text: it.Text})
			}
		}
	}
	return keys
}

// theme is the value of data-theme; the empty one leaves it to the device.
func (p Prefs) theme() string {
	if p.Theme == "" {
		return "auto"
	}
	return p.Theme
}

func (p Prefs) keys() string {
	if p.KeysOff {
		return "off"
	}
	return "on"
}

func (p Prefs) rows() string {
	if p.Density == "" {
		return "usual"
	}
	return p.Density
}

func (s BareShell) width() string {
	if s.Width == "" {
		return "form"
	}
	return string(s.Width)
}

type choiceItem struct {
	value, text string
	icon        Icon
}

var everywhere = []Key{
	{Keys: []string{"/"}, Text: "Search: any id, person, word"},
	{Keys: []string{"a"}, Text: "As of: choose another day"},
	{Keys: []string{"?"}, Text: "Keys of this page"},
	{Keys: []string{"↑", "↓"}, Text: "Row of a table"},
	{Keys: []string{"Enter"}, Text: "Open the row"},
	{Keys: []string{"x"}, Text: "Select the row"},
	{Keys: []string{"Esc"}, Text: "Close"},
}

// htmxConfig keeps htmx from adding a style of its own, which the content
// security policy would refuse.
const htmxConfig = `{"includeIndicatorCSS":false,"defaultTimeout":30000}`
