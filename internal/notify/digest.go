package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/op"
)

// order asks for the digest of one person.
type order struct {
	User id.User `json:"user"`
	Mode string  `json:"mode"`
}

// planDigest has a digest sent when its time comes. It is planned by the first
// notice that will be in it: where nothing happens, nothing runs.
func planDigest(c *op.Call, user id.User, mode string, at time.Time) error {
	_, err := job.Enqueue(c.Tx, c.Org, job.Insert{Kind: digestJob, Args: order{user, mode}, At: at,
		Unique: mode + " " + string(user) + " " + at.Format(time.RFC3339)}, c.Now)
	return err
}

const (
	maxDigest     = 50
	selectPending = "SELECT " + noticeColumns + " FROM notice WHERE org_id = ? AND user_id = ? AND mail = ? AND id > ? ORDER BY id LIMIT ?"
	countPending  = "SELECT COUNT(*) FROM notice WHERE org_id = ? AND user_id = ? AND mail = ? AND state = 'new'"
	clearPending  = "UPDATE notice SET mail = '' WHERE org_id = ? AND user_id = ? AND mail = ?"
	// What is due stands in a digest though it was told before.
	selectDue = "SELECT id, title, due FROM task WHERE org_id = ? AND owner_id = ? AND state = 'open' AND due <> '' AND due <= ? ORDER BY due, id LIMIT ?"
)

// sendDigest sends what is unread, and nothing when there is nothing.
func sendDigest(ctx context.Context, e *op.Engine, org id.Org, o order) error {
	var n int64
	err := e.DB.Read(ctx, string(org), func(tx *db.Tx) error {
		return tx.Row(countPending, []any{org, o.User, o.Mode}, &n)
	})
	if err != nil || n == 0 {
		return err
	}
	_, err = digest.Do(ctx, e.Machine(org, "digest", auth.WorkWrite), o)
	return err
}

var digest = op.Work("digests.send", "Send a person what they have not read.", auth.WorkWrite, func(c *op.Call, o order) (op.None, error) {
	p := person{id: o.User}
	err := c.Tx.Row(selectTold, []any{c.Org, o.User, false}, &p.name, &p.email)
	if errors.Is(err, db.ErrNone) {
		_, err = c.Tx.Exec(clearPending, c.Org, o.User, o.Mode) // no member any more
		return op.None{}, err
	}
	if err != nil {
		return op.None{}, err
	}
	var total int64
	if err := c.Tx.Row(countPending, []any{c.Org, o.User, o.Mode}, &total); err != nil {
		return op.None{}, err
	}
	rows, err := db.Rows(c.Tx, selectPending, []any{c.Org, o.User, o.Mode, firstNotice, 4 * maxDigest}, scanNotice)
	if err != nil {
		return op.None{}, err
	}
	zone, err := Zone(c.Tx, c.Org)
	if err != nil {
		return op.None{}, err
	}
	var b strings.Builder
	shown := 0
	for _, n := range rows {
		if !n.Read.IsZero() || shown == maxDigest {
			continue
		}
		shown++
		fmt.Fprintf(&b, "- %s\n  %s%s\n", n.Text, Base, n.Link)
	}
	if int64(shown) < total {
		fmt.Fprintf(&b, "- and %d more: %s/notices\n", total-int64(shown), Base)
	}
	if err := dueLines(c, o.User, c.Now.In(zone).Format(time.DateOnly), &b); err != nil {
		return op.None{}, err
	}
	fmt.Fprintf(&b, "\nHow you are told is your choice: %s/notices/preferences\n", Base)
	if _, err := c.Tx.Exec(clearPending, c.Org, o.User, o.Mode); err != nil {
		return op.None{}, err
	}
	things := "1 thing you have"
	if total != 1 {
		things = fmt.Sprintf("%d things you have", total)
	}
	return op.None{}, post(c, o.User, "digest", mail.Message{To: p.email, Subject: things + " not read", Text: b.String()}, c.Now)
})

// dueLines adds the person's tasks that are due.
func dueLines(c *op.Call, user id.User, today string, b *strings.Builder) error {
	first := true
	return c.Tx.Each(selectDue, []any{c.Org, user, today, maxDigest}, func(scan func(...any) error) error {
		var (
			t          id.Task
			title, due string
		)
		if err := scan(&t, &title, &due); err != nil {
			return err
		}
		if first {
			b.WriteString("\nDue:\n")
			first = false
		}
		fmt.Fprintf(b, "- %s, due %s\n  %s/tasks/%s\n", shorten(title, 200), due, Base, t)
		return nil
	})
}
