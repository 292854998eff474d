// Package views keeps how people look at lists: filters, order and columns
// under a name, for oneself or for everybody.
package views

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Everything that can be done with views.
var (
	List   = op.Read("views.list", "List the saved views of one list, or of all: yours and those shared with everybody.", auth.WorkRead, list)
	Create = op.Write("views.create", "Save how you look at a list under a name.", auth.WorkWrite, create)
	Update = op.Write("views.update", "Rename a saved view, share it, or have your list open with it.", auth.WorkWrite, update)
	Remove = op.Write("views.remove", "Remove a saved view.", auth.WorkWrite, remove)

	Operations = []op.Operation{List, Create, Update, Remove}
)

// A View is how somebody looks at a list.
type View struct {
	ID      id.View   `json:"id"`
	List    string    `json:"list"`
	Name    string    `json:"name"`
	Query   string    `json:"query"` // filters, order and columns, as an address carries them
	Shared  bool      `json:"shared"`
	Mine    bool      `json:"mine"`
	Usual   bool      `json:"usual"` // your list opens with it
	Owner   string    `json:"owner"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`

	owner id.User
}

// most is how many views one person may keep: enough for every list, and a
// menu can still be read.
const most = 200

const (
	selectViews = `SELECT v.id, v.list, v.name, v.query, v.shared, v.owner_id, v.owner, v.created, v.updated, COALESCE(u.view_id, '')
		FROM view_saved v LEFT JOIN view_usual u ON u.org_id = v.org_id AND u.view_id = v.id AND u.user_id = ?
		WHERE v.org_id = ? AND (v.owner_id = ? OR v.shared)`
	selectOfList = selectViews + " AND v.list = ? ORDER BY v.name, v.id"
	selectAll    = selectViews + " ORDER BY v.list, v.name, v.id"
	selectOne    = selectViews + " AND v.id = ?"
	countOwn     = "SELECT COUNT(*) FROM view_saved WHERE org_id = ? AND owner_id = ?"
	insertView   = "INSERT INTO view_saved (org_id, id, list, name, query, shared, owner_id, owner, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	updateView   = "UPDATE view_saved SET name = ?, query = ?, shared = ?, updated = ? WHERE org_id = ? AND id = ?"
	deleteView   = "DELETE FROM view_saved WHERE org_id = ? AND id = ?"
	setUsual     = "INSERT INTO view_usual (org_id, user_id, list, view_id) VALUES (?, ?, ?, ?) ON CONFLICT (org_id, user_id, list) DO UPDATE SET view_id = excluded.view_id"
	unsetUsual   = "DELETE FROM view_usual WHERE org_id = ? AND user_id = ? AND list = ? AND view_id = ?"
	forgetUsual  = "DELETE FROM view_usual WHERE org_id = ? AND view_id = ?"
	forgetOthers = "DELETE FROM view_usual WHERE org_id = ? AND view_id = ? AND user_id <> ?"
)

// Filter narrows the list of views.
type Filter struct {
	List string `json:"list,omitempty" pattern:"^[a-z_]{2,40}$" patternDescription:"a list's name, such as controls" doc:"Only views of this list, such as controls."`
}

func list(c *op.Call, in Filter) (op.Page[View], error) {
	query, args := selectAll, []any{c.Actor.User, c.Org, c.Actor.User}
	if in.List != "" {
		query, args = selectOfList, append(args, in.List)
	}
	rows, err := read(c, query, args)
	return op.Page[View]{Items: rows, Total: int64(len(rows))}, err
}

func read(c *op.Call, query string, args []any) ([]View, error) {
	return db.Rows(c.Tx, query, args, func(scan func(...any) error, v *View) error {
		var (
			created, updated int64
			usual            string
		)
		err := scan(&v.ID, &v.List, &v.Name, &v.Query, &v.Shared, &v.owner, &v.Owner, &created, &updated, &usual)
		v.Created, v.Updated = clock.FromMillis(created), clock.FromMillis(updated)
		v.Mine, v.Usual = v.owner == c.Actor.User, usual != ""
		return err
	})
}

func one(c *op.Call, ref string) (View, error) {
	v, err := id.Parse[id.View](ref)
	if err != nil {
		return View{}, err
	}
	rows, err := read(c, selectOne, []any{c.Actor.User, c.Org, c.Actor.User, v})
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("There is no view %s, or it is somebody else's own.", v)
	}
	if err != nil {
		return View{}, err
	}
	return rows[0], nil
}

// Saved is a view to keep.
type Saved struct {
	List   string `json:"list" pattern:"^[a-z_]{2,40}$" patternDescription:"a list's name, such as controls" doc:"The list, such as controls."`
	Name   string `json:"name" minLength:"1" maxLength:"80" doc:"What it is called."`
	Query  string `json:"query,omitempty" maxLength:"2000" doc:"Filters, order and columns, as the list's address carries them: f.status=fail&sort=-since."`
	Shared bool   `json:"shared,omitempty" doc:"Everybody of the organization sees it. Needs the right to change controls."`
	Usual  bool   `json:"usual,omitempty" doc:"Your list opens with it."`
}

func create(c *op.Call, in Saved) (View, error) {
	if c.Actor.User == "" {
		return View{}, fault.Denied("A view is kept by a person.")
	}
	v := View{ID: id.New[id.View](c.Now), List: in.List, Name: strings.TrimSpace(in.Name), Shared: in.Shared, Mine: true, Usual: in.Usual,
		Owner: c.Actor.Name, Created: c.Now, Updated: c.Now, owner: c.Actor.User}
	if v.Name == "" {
		return View{}, fault.Invalid("name", "give the view a name")
	}
	var err error
	if v.Query, err = Clean(in.Query); err != nil {
		return View{}, err
	}
	if err := mayShare(c, in.Shared); err != nil {
		return View{}, err
	}
	var have int64
	if err := c.Tx.Row(countOwn, []any{c.Org, c.Actor.User}, &have); err != nil {
		return View{}, err
	}
	if have >= most {
		return View{}, fault.Conflict("You keep %d views already. Remove one first.", most)
	}
	c.Note("id", string(v.ID))
	_, err = c.Tx.Exec(insertView, c.Org, v.ID, v.List, v.Name, v.Query, v.Shared, v.owner, v.Owner, clock.Millis(v.Created), clock.Millis(v.Updated))
	if db.IsDuplicate(err) {
		return View{}, taken(v)
	}
	if err != nil {
		return View{}, err
	}
	return v, usual(c, v)
}

func taken(v View) error {
	return fault.Conflict("You have a view called %q for this list already. Give another name.", v.Name)
}

func mayShare(c *op.Call, shared bool) error {
	if shared && !c.Actor.May(auth.ControlsWrite) {
		return fault.Denied("A view is shared by whoever may change controls. Keep it for yourself, or ask one of them.")
	}
	return nil
}

// usual has the person's list open with a view, or no longer.
func usual(c *op.Call, v View) error {
	if v.Usual {
		_, err := c.Tx.Exec(setUsual, c.Org, c.Actor.User, v.List, v.ID)
		return err
	}
	_, err := c.Tx.Exec(unsetUsual, c.Org, c.Actor.User, v.List, v.ID)
	return err
}

// kept are the parts of an address that a view keeps; where one stood in the
// list and the form of a file are not among them.
var kept = []string{"q", "sort", "cols"}

// Clean keeps of an address's query what makes a view: filters, order, columns
// and the words looked for.
func Clean(query string) (string, error) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return "", fault.Invalid("query", "give what stands after ? in the list's address, such as f.status=fail&sort=-since")
	}
	for k, v := range q {
		if !slices.Contains(kept, k) && !strings.HasPrefix(k, "f.") || len(v) == 0 || v[0] == "" {
			q.Del(k)
		}
	}
	return q.Encode(), nil
}

// Change is what becomes of a view. Name and query stay if left out.
type Change struct {
	ID     string `json:"id" doc:"The view's id, viw_…."`
	Name   string `json:"name,omitempty" maxLength:"80" doc:"Another name."`
	Query  string `json:"query,omitempty" maxLength:"2000" doc:"Other filters, order and columns."`
	Shared bool   `json:"shared,omitempty" doc:"Everybody of the organization sees it."`
	Usual  bool   `json:"usual,omitempty" doc:"Your list opens with it."`
}

// update changes what is one's own. Of somebody else's shared view one may
// only say whether one's list opens with it.
func update(c *op.Call, in Change) (View, error) {
	v, err := one(c, in.ID)
	if err != nil {
		return View{}, err
	}
	if v.Usual = in.Usual; !v.Mine {
		if in.Name != "" && in.Name != v.Name || in.Query != "" && in.Query != v.Query || !in.Shared {
			return View{}, fault.Denied("%s keeps this view. Save one of your own, or ask %s.", v.Owner, v.Owner)
		}
		return v, usual(c, v)
	}
	if in.Shared && !v.Shared {
		if err := mayShare(c, true); err != nil {
			return View{}, err
		}
	}
	withdrawn := v.Shared && !in.Shared
	v.Shared, v.Updated = in.Shared, c.Now
	if name := strings.TrimSpace(in.Name); name != "" {
		v.Name = name
	}
	if in.Query != "" {
		if v.Query, err = Clean(in.Query); err != nil {
			return View{}, err
		}
	}
	_, err = c.Tx.Exec(updateView, v.Name, v.Query, v.Shared, clock.Millis(c.Now), c.Org, v.ID)
	if db.IsDuplicate(err) {
		return View{}, taken(v)
	}
	if err == nil && withdrawn {
		_, err = c.Tx.Exec(forgetOthers, c.Org, v.ID, c.Actor.User)
	}
	if err != nil {
		return View{}, err
	}
	return v, usual(c, v)
}

// Ref names a view.
type Ref struct {
	ID string `json:"id" doc:"The view's id, viw_…."`
}

// remove takes a view of one's own away; a shared one also goes by whoever may
// share, since its owner may have left.
func remove(c *op.Call, in Ref) (op.None, error) {
	v, err := one(c, in.ID)
	if err != nil {
		return op.None{}, err
	}
	if !v.Mine && !c.Actor.May(auth.ControlsWrite) {
		return op.None{}, fault.Denied("%s keeps this view. Ask %s to remove it.", v.Owner, v.Owner)
	}
	if _, err := c.Tx.Exec(forgetUsual, c.Org, v.ID); err != nil {
		return op.None{}, err
	}
	_, err = c.Tx.Exec(deleteView, c.Org, v.ID)
	return op.None{}, err
}
