package page

import (
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// example is a whole check that compiles and whose fixtures hold; a person
// begins by changing it.
const example = `id: own.commit.subject
title: Commit subjects name a ticket
kind: commit
schema: 1
applies: '!r.merge'
pass: r.subject.matches("^[A-Z]+-[0-9]+")
empty: unknown
freshness: 26h
cadence: daily
severity: low
mandatory: false
message: '"commit " + r.short + " (" + r.subject + ") names no ticket"'
summary: '{failing} of {total} commits name no ticket'
risk: A change that names no request cannot be traced to a decision.
fix: Begin each commit subject with the number of its ticket, such as OPS-12.
controls: [CHG-07]
map: [{criterion: CC8.1, strength: supporting}]
fixtures:
  pass:
    - {merge: false, short: 0a1b2c3d4e, subject: OPS-12 add export}
  fail:
    - {merge: false, short: 0a1b2c3d4e, subject: add export}
  unknown:
    - {merge: false, short: 0a1b2c3d4e}
`

// authoring is the form in which a check is written, and where it was refused.
type authoring struct {
	Form  site.FormView
	Where string // the place of the fault, with a caret under it
	Kinds []sources.Schema
}

func opened() (authoring, error) {
	schemas, err := sources.Schemas()
	if err != nil {
		return authoring{}, err
	}
	x := authoring{Form: site.FormView{Action: "/checks/new", Buttons: []site.ButtonView{{Text: "Put it in force"}, {Text: "Cancel", Href: "/checks"}}, Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "yaml", Label: "The check", Help: "Its own examples must hold before it is put in force. An id that you have used before makes a new version.", Mono: true, Rows: 26, Value: example,
			Attrs: templ.Attributes{"spellcheck": "false", "maxlength": "65536"}},
		site.OnceKey(),
	}}}
	for _, s := range schemas {
		x.Kinds = append(x.Kinds, s)
	}
	byKind(x.Kinds)
	return x, nil
}

func newShell() site.Shell { return shell("Write a check", site.Crumb{Text: "New"}) }

func showNew(v *site.Visit) error {
	if err := v.Actor.Require(auth.ChecksWrite); err != nil {
		return err
	}
	x, err := opened()
	if err != nil {
		return err
	}
	return v.Show(newShell(), newBody(x))
}

func create(v *site.Visit) error {
	var in checks.Authored
	err := v.Form(&in)
	in.YAML = strings.ReplaceAll(in.YAML, "\r\n", "\n") // browsers send both
	var made checks.Check
	if err == nil {
		made, err = checks.Create.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		v.Web.Wake()
		return v.Goto("/checks/" + made.ID)
	}
	f := fault.As(err)
	if f == nil || f.Kind == fault.KindDenied || f.Kind == fault.KindInternal {
		return err
	}
	x, readErr := opened()
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	x.refuse(f)
	return v.ShowWrong(newShell(), newBody(x))
}

// refuse puts the first line of each fault at the field, and all of them with
// their places, in which spaces matter, into a block of their own.
func (x *authoring) refuse(f *fault.Error) {
	var heads, whole []string
	for _, one := range append([]*fault.Error{f}, f.More...) {
		head, _, _ := strings.Cut(one.Message, "\n")
		if one.Field != "" && one.Field != "yaml" {
			head = one.Field + ": " + head
		}
		heads = append(heads, stop(head))
		text := one.Message
		if one.Field != "" && one.Field != "yaml" {
			text = one.Field + ": " + text
		}
		whole = append(whole, text)
	}
	x.Form.Fields[0].Error = strings.Join(heads, " ")
	x.Where = strings.Join(whole, "\n\n")
}
