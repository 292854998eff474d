package tasks

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
)

// A Comment is what a person says beside a thing.
type Comment struct {
	ID       id.Comment `json:"id"`
	Object   string     `json:"object"`
	AuthorID id.User    `json:"author_id"`
	Author   string     `json:"author"`
	Text     string     `json:"text"` // empty once removed
	At       time.Time  `json:"at"`
	Edited   time.Time  `json:"edited,omitzero"`
	Removed  time.Time  `json:"removed,omitzero"`
	// Told are the people it mentions.
	Told []string `json:"told,omitempty"`
}

// Bounds of what people say.
const (
	editable    = 15 * time.Minute
	maxMentions = 20
	maxHour     = 60 // comments of one person in an hour
	maxInThread = 20 // people who are told because they took part
)

const (
	commentColumns = "id, object, author_id, author, text, at, edited, removed"
	insertComment  = "INSERT INTO comment (org_id, " + commentColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0)"
	selectComment  = "SELECT " + commentColumns + " FROM comment WHERE org_id = ? AND id = ?"
	selectThread   = "SELECT " + commentColumns + " FROM comment WHERE org_id = ? AND object = ? AND id > ? ORDER BY id LIMIT ?"
	countThread    = "SELECT COUNT(*) FROM comment WHERE org_id = ? AND object = ?"
	selectTold     = `SELECT m.comment_id, u.name FROM comment_mention m JOIN comment x ON x.org_id = m.org_id AND x.id = m.comment_id JOIN users u ON u.id = m.user_id
		WHERE m.org_id = ? AND x.object = ? ORDER BY u.name`
	selectMine = `SELECT x.id, x.object, x.author_id, x.author, x.text, x.at, x.edited, x.removed FROM comment_mention m
		JOIN comment x ON x.org_id = m.org_id AND x.id = m.comment_id WHERE m.org_id = ? AND m.user_id = ? AND m.comment_id < ? AND x.removed = 0 ORDER BY m.comment_id DESC LIMIT ?`
	countMine     = "SELECT COUNT(*) FROM comment_mention m JOIN comment x ON x.org_id = m.org_id AND x.id = m.comment_id WHERE m.org_id = ? AND m.user_id = ? AND x.removed = 0"
	countHour     = "SELECT COUNT(*) FROM comment WHERE org_id = ? AND author_id = ? AND at > ?"
	selectAuthors = "SELECT DISTINCT author_id FROM comment WHERE org_id = ? AND object = ? AND removed = 0 ORDER BY author_id LIMIT ?"
	editComment   = "UPDATE comment SET text = ?, edited = ? WHERE org_id = ? AND id = ? AND removed = 0"
	eraseComment  = "UPDATE comment SET text = '', removed = ? WHERE org_id = ? AND id = ? AND removed = 0"
	insertMention = "INSERT INTO comment_mention (org_id, user_id, comment_id) VALUES (?, ?, ?) ON CONFLICT (org_id, user_id, comment_id) DO NOTHING"
	endMentions   = "DELETE FROM comment_mention WHERE org_id = ? AND user_id = ? AND comment_id = ?"
	selectCalled  = "SELECT user_id FROM comment_mention WHERE org_id = ? AND comment_id = ?"

	newestComment = "cmt_z"
)

func scanComment(scan func(...any) error, x *Comment) error {
	var at, edited, removed int64
	err := scan(&x.ID, &x.Object, &x.AuthorID, &x.Author, &x.Text, &at, &edited, &removed)
	x.At, x.Edited, x.Removed = clock.FromMillis(at), clock.FromMillis(edited), clock.FromMillis(removed)
	return err
}

// Editable reports whether an author may still change a comment.
func (x Comment) Editable(user id.User, now time.Time) bool {
	return x.AuthorID == user && x.Removed.IsZero() && now.Sub(x.At) <= editable
}

// Thread asks for the comments on a thing.
type Thread struct {
	Object string `json:"object" minLength:"1" maxLength:"200" doc:"What they are about: an id such as ctl_…, or check: and the name of a check."`
	After  string `json:"after,omitempty" maxLength:"100" doc:"Continue after this page: the value of next."`
	Limit  int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func thread(c *op.Call, in Thread) (op.Page[Comment], error) {
	var none op.Page[Comment]
	if _, err := about(c, in.Object); err != nil {
		return none, err
	}
	var total int64
	if err := c.Tx.Row(countThread, []any{c.Org, in.Object}, &total); err != nil {
		return none, err
	}
	n := op.Limit(in.Limit)
	rows, err := db.Rows(c.Tx, selectThread, []any{c.Org, in.Object, in.After, n + 1}, scanComment)
	if err != nil {
		return none, err
	}
	told := map[id.Comment][]string{}
	err = c.Tx.Each(selectTold, []any{c.Org, in.Object}, func(scan func(...any) error) error {
		var (
			x    id.Comment
			name string
		)
		err := scan(&x, &name)
		told[x] = append(told[x], name)
		return err
	})
	for i := range rows {
		if rows[i].Removed.IsZero() {
			rows[i].Told = told[rows[i].ID]
		}
	}
	return op.PageOf(rows, n, total, func(x Comment) string { return string(x.ID) }), err
}

// Pages asks for a part of a list.
type Pages struct {
	After string `json:"after,omitempty" maxLength:"100" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

// Mention is a comment that mentions the reader, with what it is about.
type Mention struct {
	Comment
	About Object `json:"about"`
}

func mentions(c *op.Call, in Pages) (op.Page[Mention], error) {
	var none op.Page[Mention]
	if c.Actor.User == "" {
		return none, fault.Denied("Comments mention a person. Sign in, or act with a person's token.")
	}
	if in.After == "" {
		in.After = newestComment
	}
	var total int64
	if err := c.Tx.Row(countMine, []any{c.Org, c.Actor.User}, &total); err != nil {
		return none, err
	}
	n := op.Limit(in.Limit)
	rows, err := db.Rows(c.Tx, selectMine, []any{c.Org, c.Actor.User, in.After, n + 1}, func(scan func(...any) error, m *Mention) error {
		return scanComment(scan, &m.Comment)
	})
	if err != nil {
		return none, err
	}
	for i := range rows {
		o, err := about(c, rows[i].Object)
		if k := fault.KindOf(err); err != nil && k != fault.KindNotFound && k != fault.KindInvalid {
			return none, err
		}
		if rows[i].About = o; err != nil { // no longer theirs to open
			rows[i].About, rows[i].Text = Object{Ref: rows[i].Object}, ""
		}
	}
	return op.PageOf(rows, n, total, func(m Mention) string { return string(m.ID) }), nil
}

// Saying is a comment to make.
type Saying struct {
	Object string `json:"object" minLength:"1" maxLength:"200" doc:"What it is about: an id such as ctl_…, or check: and the name of a check."`
	Text   string `json:"text" minLength:"1" maxLength:"5000" doc:"What you say. @ and a member's name or address tells them."`
}

func say(c *op.Call, in Saying) (Comment, error) {
	if c.Actor.User == "" {
		return Comment{}, fault.Denied("A comment is a person's. Sign in, or act with a person's token.")
	}
	o, err := about(c, in.Object)
	if err != nil {
		return Comment{}, err
	}
	var recent int64
	if err := c.Tx.Row(countHour, []any{c.Org, c.Actor.User, clock.Millis(c.Now.Add(-time.Hour))}, &recent); err != nil {
		return Comment{}, err
	}
	if recent >= maxHour {
		return Comment{}, fault.Conflict("You made %d comments within an hour, which is as many as are taken. Wait a little.", recent)
	}
	x := Comment{ID: id.New[id.Comment](c.Now), Object: in.Object, AuthorID: c.Actor.User, Author: c.Actor.Name, Text: strings.TrimSpace(in.Text), At: c.Now}
	if x.Text == "" {
		return Comment{}, fault.Invalid("text", "say something")
	}
	called, err := callees(c, in.Object, x.Text)
	if err != nil {
		return Comment{}, err
	}
	if _, err := c.Tx.Exec(insertComment, c.Org, x.ID, x.Object, x.AuthorID, x.Author, x.Text, clock.Millis(x.At)); err != nil {
		return Comment{}, err
	}
	if err := x.mention(c, called); err != nil {
		return Comment{}, err
	}
	x.Told = namesOf(called)
	c.Note("id", string(x.ID))
	if err := x.tell(c, o, called); err != nil {
		return Comment{}, err
	}
	return x, x.tellOthers(c, o, called)
}

func (x Comment) mention(c *op.Call, called []auth.Member) error {
	for _, m := range called {
		if _, err := c.Tx.Exec(insertMention, c.Org, m.ID, x.ID); err != nil {
			return err
		}
	}
	return nil
}

// link is where a comment is read.
func (x Comment) link() string { return Place(x.Object) + "#" + string(x.ID) }

// tell tells those whom the comment mentions. A notice names the thing and not
// what was said: that is read where it stands.
func (x Comment) tell(c *op.Call, o Object, called []auth.Member) error {
	if len(called) == 0 {
		return nil
	}
	return notify.Tell(c, usersOf(called), Mentioned, notify.Notice{Text: x.Author + " mentions you on " + o.name(), Link: x.link(), Object: string(x.ID)})
}

func (o Object) name() string {
	if o.Title == "" {
		return o.Ref
	}
	return "“" + o.Title + "”"
}

// tellOthers tells those who took part before, and a task's people.
func (x Comment) tellOthers(c *op.Call, o Object, called []auth.Member) error {
	ids, err := db.Rows(c.Tx, selectAuthors, []any{c.Org, x.Object, maxInThread}, func(scan func(...any) error, u *id.User) error { return scan(u) })
	if err != nil {
		return err
	}
	if strings.HasPrefix(x.Object, id.Task("").Kind()+"_") {
		t, err := find(c, x.Object)
		if err != nil {
			return err
		}
		ids = append(ids, t.OwnerID, t.CreatorID)
	}
	skip := usersOf(called)
	ids = slices.DeleteFunc(ids, func(u id.User) bool { return u == "" || u == x.AuthorID || slices.Contains(skip, u) })
	// Somebody who took part may have lost the right to look since.
	members, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return err
	}
	var to []id.User
	for _, m := range members {
		if slices.Contains(ids, m.ID) && mayOpen(c, m, x.Object) {
			to = append(to, m.ID)
		}
	}
	if len(to) == 0 {
		return nil
	}
	return notify.Tell(c, to, Commented, notify.Notice{Text: x.Author + " commented on " + o.name(), Link: x.link(), Object: x.Object})
}

func usersOf(list []auth.Member) []id.User {
	out := make([]id.User, len(list))
	for i, m := range list {
		out[i] = m.ID
	}
	return out
}

func namesOf(list []auth.Member) []string {
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = m.Name
	}
	return out
}

// own is a comment of the caller that still stands.
func own(c *op.Call, ref string) (Comment, error) {
	k, err := id.Parse[id.Comment](ref)
	if err != nil {
		return Comment{}, err
	}
	rows, err := db.Rows(c.Tx, selectComment, []any{c.Org, k}, scanComment)
	if err != nil {
		return Comment{}, err
	}
	if len(rows) == 0 || !rows[0].Removed.IsZero() {
		return Comment{}, fault.NotFound("no comment %s", k)
	}
	if _, err := about(c, rows[0].Object); err != nil {
		return Comment{}, fault.NotFound("no comment %s", k).With(err)
	}
	if c.Actor.User == "" || rows[0].AuthorID != c.Actor.User {
		return Comment{}, fault.Denied("A comment is changed and removed by whoever made it: %s.", rows[0].Author)
	}
	return rows[0], nil
}

// Correction changes a comment.
type Correction struct {
	ID   string `json:"id" doc:"The comment's id, cmt_…."`
	Text string `json:"text" minLength:"1" maxLength:"5000" doc:"What it says from now on."`
}

func edit(c *op.Call, in Correction) (Comment, error) {
	x, err := own(c, in.ID)
	if err != nil {
		return Comment{}, err
	}
	if !x.Editable(c.Actor.User, c.Now) {
		return Comment{}, fault.Conflict("A comment can be changed for 15 minutes. Add another one.")
	}
	before := x.Text
	if x.Text = strings.TrimSpace(in.Text); x.Text == "" {
		return Comment{}, fault.Invalid("text", "say something, or remove the comment")
	}
	called, err := callees(c, x.Object, x.Text)
	if err != nil {
		return Comment{}, err
	}
	if _, err := c.Tx.Exec(editComment, x.Text, clock.Millis(c.Now), c.Org, x.ID); err != nil {
		return Comment{}, err
	}
	was, err := db.Rows(c.Tx, selectCalled, []any{c.Org, x.ID}, func(scan func(...any) error, u *id.User) error { return scan(u) })
	if err != nil {
		return Comment{}, err
	}
	for _, u := range was {
		if _, err := c.Tx.Exec(endMentions, c.Org, u, x.ID); err != nil {
			return Comment{}, err
		}
	}
	if err := x.mention(c, called); err != nil {
		return Comment{}, err
	}
	if _, err := c.Append(op.Record{Kind: canon.KindOp, ID: string(x.ID), Body: map[string]any{"object": x.Object, "before": before, "text": x.Text}}); err != nil {
		return Comment{}, err
	}
	o, err := about(c, x.Object)
	if err != nil {
		return Comment{}, err
	}
	x.Edited, x.Told = c.Now, namesOf(called)
	fresh := slices.DeleteFunc(slices.Clone(called), func(m auth.Member) bool { return slices.Contains(was, m.ID) })
	return x, x.tell(c, o, fresh)
}

// CommentRef names a comment.
type CommentRef struct {
	ID string `json:"id" doc:"The comment's id, cmt_…."`
}

func remove(c *op.Call, in CommentRef) (Comment, error) {
	x, err := own(c, in.ID)
	if err != nil {
		return Comment{}, err
	}
	c.Note("object", x.Object)
	x.Text, x.Removed = "", c.Now
	_, err = c.Tx.Exec(eraseComment, clock.Millis(c.Now), c.Org, x.ID)
	return x, err
}
