package tasks

import (
	"errors"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// An Object is the thing a task or a comment is about: a control, a record, a
// check. Ref is its id, or "check:" and the check's name.
type Object struct {
	Ref   string `json:"ref"`
	Noun  string `json:"noun,omitempty"`
	Title string `json:"title,omitempty"`
	Href  string `json:"href,omitempty"`
}

// Thing is a kind of object. Areas that come later in the house attach theirs.
type Thing struct {
	Prefix string // the three letters of an id, or a word that a colon follows
	Noun   string
	Href   string // what its id is put behind
	Right  auth.Right
	// Title finds it in the caller's organization; db.ErrNone if it is not there.
	Title func(c *op.Call, ref string) (string, error)
}

var things = shipped()

// Attach makes a kind of thing one that tasks and comments may be about. It is
// called while packages are initialised.
func Attach(t Thing) Thing {
	if _, taken := things[t.Prefix]; taken {
		panic("tasks: " + t.Prefix + " is attached twice")
	}
	things[t.Prefix] = t
	return t
}

const (
	titleControl    = "SELECT code || ' ' || title FROM control WHERE org_id = ? AND id = ?"
	titleEvidence   = "SELECT title FROM evidence WHERE org_id = ? AND id = ?"
	titleRun        = "SELECT 'Run of ' || s.name FROM source_run r JOIN source s ON s.org_id = r.org_id AND s.id = r.source_id WHERE r.org_id = ? AND r.id = ?"
	titleSource     = "SELECT name FROM source WHERE org_id = ? AND id = ?"
	titleException  = "SELECT check_id || ', ' || key FROM check_exception WHERE org_id = ? AND id = ?"
	titleEngagement = "SELECT 'Engagement' FROM engagement_side WHERE org_id = ? AND engagement_id = ?"
	titleErasure    = "SELECT 'Erasure' FROM erasure WHERE org_id = ? AND id = ?"
	titleHold       = "SELECT 'Hold' FROM hold WHERE org_id = ? AND id = ?"
	titleTask       = "SELECT title FROM task WHERE org_id = ? AND id = ?"
	titleMember     = "SELECT u.name FROM members m JOIN users u ON u.id = m.user_id WHERE m.org_id = ? AND m.user_id = ? AND m.roles <> ''"
)

// row finds a title by the statement given.
func row(query string) func(*op.Call, string) (string, error) {
	return func(c *op.Call, ref string) (string, error) {
		var title string
		err := c.Tx.Row(query, []any{c.Org, ref}, &title)
		return title, err
	}
}

// shipped are the kinds whose rows say all there is to say of them.
func shipped() map[string]Thing {
	out := map[string]Thing{}
	for _, t := range []Thing{
		{id.Control("").Kind(), "Control", "/controls/", auth.ControlsRead, row(titleControl)},
		{id.Evidence("").Kind(), "Evidence", "/evidence/", auth.EvidenceRead, row(titleEvidence)},
		{id.Run("").Kind(), "Run", "/runs/", auth.SourcesRead, row(titleRun)},
		{id.Source("").Kind(), "Source", "/sources/", auth.SourcesRead, row(titleSource)},
		{id.Exception("").Kind(), "Exception", "/exceptions?id=", auth.ChecksRead, row(titleException)},
		{id.Engagement("").Kind(), "Engagement", "/engagements/", auth.EngageRead, row(titleEngagement)},
		{id.Erasure("").Kind(), "Erasure", "/erasures/", auth.EraseRead, row(titleErasure)},
		{id.Hold("").Kind(), "Hold", "/holds/", auth.EraseRead, row(titleHold)},
		{id.Task("").Kind(), "Task", "/tasks/", auth.WorkRead, row(titleTask)},
		{id.User("").Kind(), "Member", "/settings/members/", auth.MembersWrite, row(titleMember)},
	} {
		out[t.Prefix] = t
	}
	return out
}

// thingOf splits a reference into its kind and what the kind's page is called
// by.
func thingOf(ref string) (t Thing, name string, ok bool) {
	if prefix, rest, colon := strings.Cut(ref, ":"); colon {
		t, ok = things[prefix]
		return t, rest, ok && rest != ""
	}
	prefix, rest, under := strings.Cut(ref, "_")
	t, ok = things[prefix]
	return t, ref, ok && under && len(rest) == 26
}

// about checks that an object is there and that the actor may open it.
func about(c *op.Call, ref string) (Object, error) {
	t, name, ok := thingOf(ref)
	if !ok {
		return Object{}, fault.Invalid("object", "%q is nothing that a task or comment can be about; give an id such as ctl_… or evd_…, or check: and the name of a check", ref)
	}
	if !c.Actor.May(t.Right) {
		return Object{}, fault.NotFound("There is no %s %s that you may open.", strings.ToLower(t.Noun), ref)
	}
	if t.Prefix == (id.Task("")).Kind() { // a task is seen by fewer people than its kind
		x, err := find(c, ref)
		return Object{Ref: ref, Noun: t.Noun, Title: x.Title, Href: t.Href + ref}, err
	}
	title, err := t.Title(c, name)
	if errors.Is(err, db.ErrNone) || fault.KindOf(err) == fault.KindNotFound {
		return Object{}, fault.Invalid("object", "there is no %s %s here", strings.ToLower(t.Noun), ref).With(err)
	}
	return Object{Ref: ref, Noun: t.Noun, Title: title, Href: t.Href + name}, err
}

// resolve names a task's object. Of one that the reader may not open, or that
// is gone, the reference stays.
func (t *Task) resolve(c *op.Call) error {
	if t.Object == nil {
		return nil
	}
	o, err := about(c, t.Object.Ref)
	switch fault.KindOf(err) {
	case fault.KindNotFound, fault.KindInvalid:
		return nil
	}
	if err != nil {
		return err
	}
	t.Object = &o
	return nil
}

// Place is where an object is seen, for links in notices. Whether the reader
// may open it is asked there.
func Place(ref string) string {
	if t, name, ok := thingOf(ref); ok {
		return t.Href + name
	}
	return "/"
}
