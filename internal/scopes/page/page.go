// Package page holds the pages on which is decided what is examined: the scope,
// and the same form as the first step of the guided start.
package page

import (
	"slices"
	"strconv"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /scope", Handle: later.show},
		{Pattern: "POST /scope", Handle: later.decide},
		{Pattern: "GET /start/scope", Handle: first.show},
		{Pattern: "POST /start/scope", Handle: first.decide},
		{Pattern: "GET /scope/dates", Handle: showDates},
	}
}

// occasion is when the scope is decided: at the start, or later.
type occasion struct {
	path, next string
	start      bool
}

var (
	later = occasion{path: "/scope", next: "/scope"}
	first = occasion{path: "/start/scope", next: "/start/sources", start: true}
)

// view is everything the pages show.
type view struct {
	occasion
	Scope   scopes.Scope
	History []scopes.Scope
	Choices []category
	Form    site.FormView
	// Stale is the scope as somebody else has decided it meanwhile.
	Stale *scopes.Scope
	May   bool
	Zone  string
}

func (o occasion) read(v *site.Visit) (view, error) {
	x := view{occasion: o, May: v.Actor.May(auth.ScopeWrite)}
	history, err := scopes.History.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return x, err
	}
	x.History = history.Items
	if x.Scope, err = scopes.Get.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return x, err
	}
	if x.Choices, err = categories(); err != nil {
		return x, err
	}
	x.Form = x.form()
	return x, nil
}

func (o occasion) show(v *site.Visit) error {
	x, err := o.read(v)
	if err != nil {
		return err
	}
	if o.start {
		if err := v.Actor.Require(auth.ScopeWrite); err != nil {
			return err
		}
	}
	return v.Show(x.shell(), body(x))
}

func (x view) shell() site.Shell {
	if x.start {
		return site.Shell{Title: "Start", Crumbs: []site.Crumb{{Text: "Start"}}}
	}
	return site.Shell{Title: "Scope", Current: "/scope", Crumbs: []site.Crumb{{Text: "Scope"}}}
}

// decide records the decision. Dates that do not belong to the type are left
// out: the form shows them only to browsers without scripts.
func (o occasion) decide(v *site.Visit) error {
	var in scopes.Decision
	err := v.Form(&in)
	if err == nil {
		if in.Type == scopes.TypeI {
			in.Starts, in.Ends = "", ""
		} else {
			in.AsOf = ""
		}
		_, err = scopes.Set.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto(o.next)
	}
	if fault.KindOf(err) == fault.KindDenied {
		return err
	}
	x, readErr := o.read(v)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	x.keepSecurity()
	if !x.Form.Refused(err) {
		return err
	}
	if f := fault.As(err); f.Kind == fault.KindConflict {
		x.Stale = &x.Scope
		x.Form.Problem = "The scope was changed since you read it. Both are shown; decide again."
		x.Form.Version = strconv.FormatInt(x.Scope.Version, 10)
	}
	return v.ShowWrong(x.shell(), body(x))
}

// showDates is the part of the form that depends on the type.
func showDates(v *site.Visit) error {
	q := v.R.URL.Query()
	f := view{}.form()
	f.Keep(q)
	return v.Fragment(dates(f, q.Get("type")))
}

// keepSecurity chooses again what Keep has dropped: a choice that is locked is
// not posted.
func (x *view) keepSecurity() {
	for i := range x.Form.Fields {
		f := &x.Form.Fields[i]
		for j := range f.Options {
			f.Options[j].Chosen = f.Options[j].Chosen || f.Options[j].Locked != ""
		}
	}
}

// has reports whether the scope has a category.
func has(s scopes.Scope, code string) bool { return slices.Contains(s.Categories, code) }
