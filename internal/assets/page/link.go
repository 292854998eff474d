package page

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// linking is the choice of an asset that stands for resources.
type linking struct {
	Refs  []string
	Q     string
	Back  string
	Form  site.FormView
	Found int64 // assets that the search finds
	v     *site.Visit
}

// offered is how many assets the choice shows: more are found by searching.
const offered = 12

// linkHref is the page that asks which asset stands for resources. The choice
// is in the address, so that a search keeps it and a colleague can be sent it.
func linkHref(refs []string, back string) string {
	return "/assets/link?" + url.Values{"id": refs, "back": {back}}.Encode()
}

func showLink(v *site.Visit) error {
	if err := v.Actor.Require(auth.AssetsWrite); err != nil {
		return err
	}
	q := v.R.URL.Query()
	x, err := choosing(v, q["id"], q.Get("q"), q.Get("back"))
	if err != nil {
		return err
	}
	return v.Show(x.shell(), linkBody(x))
}

// choosing finds the assets to choose from: those whose name is in the name of
// a resource first, since a machine is usually called as its asset is.
func choosing(v *site.Visit, refs []string, q, back string) (linking, error) {
	x := linking{Refs: refs, Q: strings.TrimSpace(q), Back: within(back), v: v}
	var options []site.Option
	add := func(group, search string, most int) (int64, error) {
		p, err := assets.List.Do(v.Context(), v.Desk, assets.Filter{Search: search, Limit: most})
		for _, a := range p.Items {
			if !slices.ContainsFunc(options, func(o site.Option) bool { return o.Value == string(a.ID) }) && len(options) < offered {
				options = append(options, site.Option{Value: string(a.ID), Text: a.Name, Note: candidate(a), Group: group})
			}
		}
		return p.Total, err
	}
	if x.Q == "" {
		for _, name := range likely(refs) {
			if _, err := add("Called alike", name, 3); err != nil {
				return x, err
			}
		}
	}
	group := "In the register, by name"
	if x.Q != "" {
		group = "Found"
	}
	var err error
	if x.Found, err = add(group, x.Q, offered); err != nil {
		return x, err
	}
	x.Form = site.FormView{ID: "link", Action: "/assets/link", Fields: []site.FieldView{{Kind: site.FieldRadio, Name: "asset", Label: "Asset", Options: options}},
		Buttons: []site.ButtonView{{Text: "Link " + site.Plural(int64(len(refs)), "resource", "resources")}, {Text: "Cancel", Href: x.Back}}}
	if int64(len(options)) < x.Found {
		x.Form.Fields[0].Help = site.Count(int64(len(options))) + " of " + site.Count(x.Found) + " are shown: search for the others."
	}
	return x, nil
}

func candidate(a assets.Asset) string {
	parts := []string{words(a.Type)}
	if a.Environment != "" {
		parts = append(parts, words(a.Environment))
	}
	if a.Owner != "" {
		parts = append(parts, a.Owner)
	}
	if a.Lifecycle != assets.Live {
		parts = append(parts, words(a.Lifecycle))
	}
	return strings.Join(parts, " · ")
}

// likely are the names under which the register may know resources: the last
// part of a path, the first part of a host name.
func likely(refs []string) []string {
	var out []string
	for _, ref := range refs {
		r := resourceOf(ref)
		name, _, _ := strings.Cut(strings.TrimSuffix(path.Base(r.Key), ".git"), ".")
		for _, n := range []string{name, strings.NewReplacer("-", " ", "_", " ").Replace(name)} {
			if len(n) > 2 && !slices.Contains(out, n) && len(out) < offered {
				out = append(out, n)
			}
		}
	}
	return out
}

// resourceOf reads a reference as a page writes it; what is wrong with one
// the operation says.
func resourceOf(ref string) assets.Resource {
	parts := append(strings.SplitN(ref, " ", 3), "", "")
	return assets.Resource{Source: id.Source(parts[0]), Kind: parts[1], Key: parts[2]}
}

func (x linking) shell() site.Shell {
	return shell("Link resources", site.Crumb{Text: "Reconciliation", Href: x.Back}, site.Crumb{Text: "Link resources"})
}

func (x linking) sentence() string {
	if len(x.Refs) != 1 {
		return "Which asset do these " + site.Several(len(x.Refs), "resource", "resources") + " belong to?"
	}
	return "Which asset does this resource belong to?"
}

func (x linking) searchForm() site.FormView {
	return site.FormView{ID: "find", Method: "get", Action: "/assets/link", Buttons: []site.ButtonView{{Text: "Search", Kind: site.ButtonPlain}},
		Fields: []site.FieldView{{Name: "q", Label: "Find in the register", Help: "By name, location, supplier or custodian.", Value: x.Q, Optional: true, Attrs: map[string]any{"maxlength": "200", "type": "search"}}}}
}

func (x linking) resources() site.TableView {
	t := site.TableView{ID: "resources", Caption: "Resources to be linked", Columns: []site.Column{{Head: "Resource", Mono: true, Wide: true, Phone: site.PlaceFirst}, {Head: "Kind"}},
		Empty: site.EmptyView{Title: "None is chosen.", Text: "Choose resources in the reconciliation first.", Link: site.Link{Text: "Reconciliation", Href: "/assets/reconciliation"}}}
	for _, ref := range x.Refs {
		r := resourceOf(ref)
		t.Rows = append(t.Rows, site.Row{Href: resourceHref(r), Key: ref, Cells: []site.Cell{{Text: site.Brief(r.Key), Mono: true}, site.Words(sources.KindWord(r.Kind))}})
	}
	return t
}

// link has the chosen asset stand for the resources.
func link(v *site.Visit) error {
	var in struct {
		Resources []string `json:"id"`
		Asset     string   `json:"asset"`
		Q         string   `json:"q"`
		Back      string   `json:"back"`
	}
	if err := v.Actor.Require(auth.AssetsWrite); err != nil {
		return err
	}
	if err := v.Form(&in); err != nil {
		return err
	}
	var err error
	if in.Asset == "" {
		err = fault.Invalid("asset", "choose the asset that they belong to")
	} else if _, err = assets.Link.Do(v.Context(), v.Desk, assets.Linking{ID: in.Asset, Resources: in.Resources}); err == nil {
		return v.Goto("/assets/" + url.PathEscape(in.Asset) + "#sightings")
	}
	x, openErr := choosing(v, in.Resources, in.Q, in.Back)
	if openErr != nil {
		return openErr
	}
	if x.Form.Keep(v.R.PostForm); !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(x.shell(), linkBody(x))
}
