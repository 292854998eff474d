// Package page holds the guided start: what may be read, how the reading goes,
// and the first results.
package page

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// Pages are the pages of one installation, which offers something to read.
type Pages struct{ offer assess.Offer }

// New makes the pages for what lies at hand.
func New(offer assess.Offer) *Pages { return &Pages{offer} }

// Routes are the pages of this package.
func (p *Pages) Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /start", Handle: start},
		{Pattern: "GET /start/sources", Handle: p.showSources},
		{Pattern: "POST /start/sources", Handle: p.connect},
		{Pattern: "GET /start/reading", Handle: showReading},
		{Pattern: "GET /first-results", Handle: showResults},
	}
}

// start leads to the first step that is not done.
func start(v *site.Visit) error {
	if err := v.Actor.Require(auth.SourcesWrite); err != nil {
		return err
	}
	s, err := scopes.Get.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	if !s.Decided() && v.Actor.May(auth.ScopeWrite) {
		return v.Goto("/start/scope")
	}
	return v.Goto("/start/sources")
}

// Names of what can be chosen.
const (
	thisMachine  = "host"
	thisCheckout = "git"
)

// offered is something that could be read, with exactly what that means.
type offered struct {
	Field   site.FieldView
	Title   string
	Note    string
	Details []site.FactRow
}

// chooser is the second step.
type chooser struct {
	Offers []offered
	Form   site.FormView // the path of another repository, and what was wrong
}

func (p *Pages) chooser(list []sources.Source) (chooser, error) {
	var c chooser
	if p.offer.Host {
		name, err := os.Hostname()
		if err != nil || name == "" {
			name = "this machine"
		}
		c.Offers = append(c.Offers, offer(list, thisMachine, "Read this machine", "This machine", name, "", hostDetails))
	}
	if p.offer.Git != "" {
		path, err := filepath.Abs(p.offer.Git)
		if err != nil {
			return c, err
		}
		rows := append([]site.FactRow{{Key: "Folder", Value: path, Mono: true}}, gitDetails...)
		c.Offers = append(c.Offers, offer(list, thisCheckout, "Read this checkout", "The git checkout Tickmark was started in", filepath.Base(path), path, rows))
	}
	c.Form = site.FormView{
		Action: "/start/sources",
		Fields: []site.FieldView{{Name: "path", Label: "Another repository on this machine", Help: "The folder that holds .git, or a bare repository. More can be connected later, under Sources.",
			Optional: true, Mono: true, Autocomplete: "off"}},
		Buttons: []site.ButtonView{{Text: "Read what I chose"}},
	}
	return c, nil
}

func offer(list []sources.Source, kind, act, title, name, path string, details []site.FactRow) offered {
	note := ""
	for _, s := range list {
		if s.Kind == kind && (path == "" || pathOf(s) == path) {
			note = "It is connected already, as " + s.Name + ", and is read again."
		}
	}
	return offered{Title: title, Note: name, Details: details,
		Field: site.FieldView{Kind: site.FieldChecks, Name: "sources", Prefix: kind, Label: "May it be read?",
			Options: []site.Option{{Value: kind, Text: act, Note: note, Chosen: true}}}}
}

// pathOf is the folder that a git source reads.
func pathOf(s sources.Source) string {
	var settings struct {
		Path string `json:"path"`
	}
	if json.Unmarshal(s.Settings, &settings) != nil {
		return ""
	}
	return settings.Path
}

var hostDetails = []site.FactRow{
	site.Text("Reads", "Accounts, groups and sudo rules; rules for passwords; settings of SSH, the kernel, logs and the clock; storage; what listens; "+
		"permissions of sensitive files; the firewall; security updates."),
	site.Text("Asks", "sshd, nft, iptables, dnf and lastlog2 what they are set to, where they are installed. Nothing is changed."),
	site.Text("Keeps", "These facts and the settings files they come from, encrypted in the data directory. Passwords and their hashes are not kept."),
	site.Text("Sends", "Nothing leaves this machine. What only root can read stays unknown, with the command that would settle it."),
}

var gitDetails = []site.FactRow{
	site.Text("Reads", "Commits with their authors, reviewers and signatures; tags; code owners; CI configuration; dependency manifests. "+
		"Searches the files of the latest commit for secrets."),
	site.Text("Asks", "Nobody: no program is run and no connection opened."),
	site.Text("Keeps", "These facts, among them names and addresses of committers, encrypted in the data directory. Of a suspected secret only its place and a fingerprint."),
	site.Text("Sends", "Nothing leaves this machine. What only the forge knows stays unknown, and says so."),
}

func startShell() site.Shell {
	return site.Shell{Title: "Start", Crumbs: []site.Crumb{{Text: "Start"}}}
}

// path shows the three steps of the guided start; now counts from 0.
func path(now int) []site.PathStep {
	steps := []site.PathStep{
		{Text: "Who asked, and for what", Href: "/start/scope"},
		{Text: "What may be read", Href: "/start/sources"},
		{Text: "First results"},
	}
	for i := range steps {
		switch {
		case i < now:
			steps[i].State = site.PathDone
		case i == now:
			steps[i].State, steps[i].Href = site.PathNow, ""
		default:
			steps[i].State, steps[i].Href = site.PathFuture, ""
		}
	}
	return steps
}

func (p *Pages) showSources(v *site.Visit) error {
	c, err := p.readChooser(v)
	if err != nil {
		return err
	}
	return v.Show(startShell(), chooserBody(c))
}

func (p *Pages) readChooser(v *site.Visit) (chooser, error) {
	if err := v.Actor.Require(auth.SourcesWrite); err != nil {
		return chooser{}, err
	}
	list, err := sources.List.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return chooser{}, err
	}
	return p.chooser(list.Items)
}

// chosen is what the form of the second step posts.
type chosen struct {
	Sources []string `json:"sources"`
	Path    string   `json:"path"`
}

// connect connects what was chosen and puts reading it in line. Nothing chosen
// is an answer too.
func (p *Pages) connect(v *site.Visit) error {
	c, err := p.readChooser(v)
	if err != nil {
		return err
	}
	var in chosen
	if err := v.Form(&in); err != nil {
		return err
	}
	offers, err := p.offers(in)
	var reads url.Values
	if err == nil {
		reads, err = collect(v, offers)
	}
	if err != nil {
		c.keep(v.R.PostForm)
		if !c.Form.Refused(err) {
			return err
		}
		return v.ShowWrong(startShell(), chooserBody(c))
	}
	if len(reads) == 0 {
		return v.Goto("/?start=later")
	}
	return v.Goto("/start/reading?" + reads.Encode())
}

func (c *chooser) keep(form url.Values) {
	c.Form.Keep(form)
	for i := range c.Offers {
		for j := range c.Offers[i].Field.Options {
			o := &c.Offers[i].Field.Options[j]
			o.Chosen = slices.Contains(form["sources"], o.Value)
		}
	}
}

// offers turns what was chosen into what to connect. Only what was offered can
// be chosen by name.
func (p *Pages) offers(in chosen) ([]assess.Offer, error) {
	one := assess.Offer{}
	for _, s := range in.Sources {
		switch {
		case s == thisMachine && p.offer.Host:
			one.Host = true
		case s == thisCheckout && p.offer.Git != "":
			one.Git = p.offer.Git
		default:
			return nil, fault.Invalid("", "%q is not offered here", s)
		}
	}
	var out []assess.Offer
	if !one.Empty() {
		out = append(out, one)
	}
	if path := strings.TrimSpace(in.Path); path != "" {
		if !filepath.IsAbs(path) {
			return nil, fault.Invalid("path", "give the whole path, from the root: such as /srv/git/website")
		}
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			return nil, fault.Invalid("path", "there is no folder %s that Tickmark could open on its machine", path)
		}
		out = append(out, assess.Offer{Git: path})
	}
	return out, nil
}

// collect connects the offers and names each source with the job that reads it.
func collect(v *site.Visit, offers []assess.Offer) (url.Values, error) {
	reads := url.Values{}
	for _, o := range offers {
		list, err := assess.Connect(v.Context(), v.Desk, o)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			started, err := sources.Collect.Do(v.Context(), v.Desk, sources.Ref{ID: string(s.ID)})
			if err != nil {
				return nil, err
			}
			reads.Add("read", string(s.ID)+"."+string(started.Job))
		}
	}
	if len(reads) > 0 {
		v.Web.Wake()
	}
	return reads, nil
}
