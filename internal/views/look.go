package views

import (
	"errors"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
)

const (
	// away is how long somebody does not look before their next look is a new
	// one. A page that is loaded again belongs to the same look.
	away = 30 * time.Minute
	// noteEvery bounds how often looking writes that it went on.
	noteEvery = 5 * time.Minute
)

const (
	selectLook = "SELECT seen, size, since, since_size FROM view_look WHERE org_id = ? AND user_id = ?"
	// Of two pages loaded at once the later one stays.
	keepLook = `INSERT INTO view_look (org_id, user_id, seen, size, since, since_size) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (org_id, user_id) DO UPDATE SET seen = excluded.seen, size = excluded.size, since = excluded.since, since_size = excluded.since_size
		WHERE view_look.seen < excluded.seen`
)

// A Look is somebody's at the first page of an organization.
type Look struct {
	// Since is when the look before this one ended; zero on the first.
	Since time.Time
	// From is the first entry of the log that nobody showed them by then.
	From int64

	org        id.Org
	user       id.User
	seen, size int64
	due        bool
}

// LookAt is the look that somebody has now, when the log has size entries.
func LookAt(tx *db.Tx, org id.Org, user id.User, now time.Time, size int64) (Look, error) {
	l := Look{org: org, user: user, seen: clock.Millis(now), size: size}
	var seen, before, since int64
	err := tx.Row(selectLook, []any{org, user}, &seen, &before, &since, &l.From)
	if errors.Is(err, db.ErrNone) {
		l.due = true
		return l, nil
	}
	if err != nil {
		return l, err
	}
	gone := now.Sub(clock.FromMillis(seen))
	if gone >= away {
		since, l.From = seen, before
	}
	// A log that was restored may be shorter than it was seen to be.
	l.Since, l.From, l.due = clock.FromMillis(since), min(l.From, size), gone >= noteEvery
	return l, nil
}

// Due reports whether the look is worth writing down again.
func (l Look) Due() bool { return l.due }

// Keep writes it down.
func (l Look) Keep(tx *db.Tx) error {
	_, err := tx.Exec(keepLook, l.org, l.user, l.seen, l.size, clock.Millis(l.Since), l.From)
	return err
}
