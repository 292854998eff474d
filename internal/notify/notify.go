// Package notify tells people what waits for them: a notice in the product
// always, and by mail, in a digest or in a channel as they and their
// organization want it. What leaves the house is a letter, written in the same
// transaction as what it tells, and carried by a Courier afterwards.
package notify

import (
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

// What can be done with notices, preferences, channels and letters.
var (
	List      = op.Read("notices.list", "List what you were told, unread first.", auth.WorkRead, list)
	Count     = op.Read("notices.count", "Count your unread notices.", auth.WorkRead, count)
	MarkRead  = op.Write("notices.read", "Mark notices of yours as read: some, or all.", auth.WorkWrite, markRead)
	Get       = op.Read("preferences.get", "Show how you want to be told.", auth.WorkRead, preferences)
	Update    = op.Write("preferences.update", "Change how you want to be told.", auth.WorkWrite, prefer)
	Channels  = op.Read("channels.list", "List the channels in which the organization is told.", auth.OrgWrite, channels)
	Channel   = op.Read("channels.get", "Show a channel.", auth.OrgWrite, channel)
	Connect   = op.Write("channels.create", "Add a channel: Slack, Teams, or a webhook whose secret is shown once.", auth.OrgWrite, connect)
	Change    = op.Write("channels.update", "Change what a channel is told, or turn it off and on.", auth.OrgWrite, change)
	Unconnect = op.Write("channels.remove", "Remove a channel and forget its address.", auth.OrgWrite, disconnect)
	Try       = op.Write("channels.test", "Send a test to a channel.", auth.OrgWrite, try)
	Letters   = op.Read("letters.list", "List what was sent by mail, or to one channel, newest first.", auth.OrgWrite, letters)

	Operations = []op.Operation{List, Count, MarkRead, Get, Update, Channels, Channel, Connect, Change, Unconnect, Try, Letters, digest, fail}
)

// A Kind of notice is declared by the area that tells it.
type Kind struct {
	Name string // as stored: task_assigned
	Text string // to whom it happens: "A task is given to you"
	Out  string // for a channel, which is nobody: "A task was given to somebody"
	Mail string // what is usual: Now, Daily, Weekly or Never
}

// How a kind of notice goes to somebody's mail.
const (
	Now    = "now"
	Daily  = "daily"
	Weekly = "weekly"
	Never  = "never"
)

var kinds []Kind

// Declare makes a kind known. Kinds are package variables of their area, so
// the list is whole before anything runs; two of one name are a mistake.
func Declare(k Kind) Kind {
	if slices.ContainsFunc(kinds, func(x Kind) bool { return x.Name == k.Name }) {
		panic("notify: kind " + k.Name + " is declared twice")
	}
	kinds = append(kinds, k)
	slices.SortFunc(kinds, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return k
}

// Kinds lists every kind of notice, by name.
func Kinds() []Kind { return slices.Clone(kinds) }

// KindOf finds a kind; one that a later version declared is known by its name.
func KindOf(name string) Kind {
	for _, k := range kinds {
		if k.Name == name {
			return k
		}
	}
	return Kind{Name: name, Text: name, Out: name, Mail: Never}
}

// Flood is told once a day when there is too much to tell.
var Flood = Declare(Kind{Name: "flood", Text: "More happens in a day than can be told", Out: "More happened in a day than can be told", Mail: Never})

// A Notice is what one person is told.
type Notice struct {
	ID   id.Notice `json:"id"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
	// Link is the path of the page it is about, Object what it is about.
	Link   string    `json:"link"`
	Object string    `json:"object,omitempty"`
	At     time.Time `json:"at"`
	Read   time.Time `json:"read,omitzero"`
}

// Bounds of what people are told.
const (
	maxTold   = 500 // people at once
	maxDay    = 300 // notices of one person in a day
	maxMail   = 20  // letters to one person in an hour; the rest waits for the digest
	maxText   = 500
	stateNew  = "new"
	stateRead = "read"
)

const (
	insertNotice = `INSERT INTO notice (org_id, id, user_id, kind, text, link, object, day, at, state, seen, mail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'new', 0, ?) ON CONFLICT (org_id, user_id, object, kind, day) DO NOTHING`
	countDay    = "SELECT COUNT(*) FROM notice WHERE org_id = ? AND user_id = ? AND id > ?"
	countHour   = "SELECT COUNT(*) FROM letter WHERE org_id = ? AND channel_id = '' AND user_id = ? AND created > ?"
	selectZone  = "SELECT zone FROM orgs WHERE org_id = ?"
	selectTold  = "SELECT u.name, u.email FROM members m JOIN users u ON u.id = m.user_id WHERE m.org_id = ? AND m.user_id = ? AND m.roles <> '' AND u.disabled = ?"
	firstNotice = "ntc_"
)

// Zone is the organization's, in which its days begin.
func Zone(tx *db.Tx, org id.Org) (*time.Location, error) {
	var name string
	if err := tx.Row(selectZone, []any{org}, &name); err != nil {
		return nil, err
	}
	return clock.Zone(name), nil
}

// Tell tells people something, in the operation's own transaction. Nobody is
// told of their own act, who is no member any more is not told, and the same
// thing is told to the same person once a day. With nobody to tell, it goes to
// the channels alone.
func Tell(c *op.Call, to []id.User, k Kind, n Notice) error {
	if len(to) > maxTold {
		return fault.Invalid("", "%d people are to be told; at most %d at once", len(to), maxTold)
	}
	zone, err := Zone(c.Tx, c.Org)
	if err != nil {
		return err
	}
	n.Kind, n.At, n.Text = k.Name, c.Now, shorten(n.Text, maxText)
	told := len(to) == 0
	for _, user := range slices.Compact(slices.Sorted(slices.Values(to))) {
		if user == "" || user == c.Actor.User {
			continue
		}
		new, err := tellOne(c, user, k, n, zone)
		if err != nil {
			return err
		}
		told = told || new
	}
	if !told {
		return nil
	}
	return broadcast(c, k, n)
}

// tellOne reports whether the person had not been told already.
func tellOne(c *op.Call, user id.User, k Kind, n Notice, zone *time.Location) (bool, error) {
	var p person
	err := c.Tx.Row(selectTold, []any{c.Org, user, false}, &p.name, &p.email)
	if err == db.ErrNone {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p.id = user
	local := c.Now.In(zone)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
	var today int64
	if err := c.Tx.Row(countDay, []any{c.Org, user, string(floor(midnight))}, &today); err != nil {
		return false, err
	}
	if today >= maxDay {
		k = Flood
		n = Notice{Kind: k.Name, At: n.At, Link: "/notices", Text: "More than 300 things were told to you today. What came after is on the pages of the things themselves."}
	}
	want, err := wishes(c.Tx, c.Org, user)
	if err != nil {
		return false, err
	}
	mode, err := modeNow(c, user, want.mode(k))
	if err != nil {
		return false, err
	}
	kept := mode
	if mode == Now || mode == Never {
		kept = ""
	}
	n.ID = id.New[id.Notice](c.Now)
	rows, err := c.Tx.Exec(insertNotice, c.Org, n.ID, user, n.Kind, n.Text, n.Link, n.Object, local.Format(time.DateOnly), clock.Millis(n.At), kept)
	if err != nil || rows == 0 {
		return false, err
	}
	switch mode {
	case Now:
		return true, noticeLetter(c, p, n, want.loud(c.Now, zone))
	case Daily, Weekly:
		return true, planDigest(c, user, mode, want.next(c.Now, zone, mode))
	}
	return true, nil
}

// person is whom a letter goes to.
type person struct {
	id          id.User
	name, email string
}

// floor is below every notice made from t on.
func floor(t time.Time) id.Notice {
	return id.Notice(string(id.New[id.Notice](t.Add(-time.Millisecond)))[:len(firstNotice)+10])
}

// modeNow puts a letter off to the digest when somebody gets too many.
func modeNow(c *op.Call, user id.User, mode string) (string, error) {
	if mode != Now {
		return mode, nil
	}
	var n int64
	if err := c.Tx.Row(countHour, []any{c.Org, user, clock.Millis(c.Now.Add(-time.Hour))}, &n); err != nil {
		return "", err
	}
	if n >= maxMail {
		return Daily, nil
	}
	return Now, nil
}

// shorten cuts text at a number of characters and makes it one line.
func shorten(s string, n int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}
