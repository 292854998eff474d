package notify

import (
	"errors"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	noticeColumns = "id, kind, text, link, object, at, seen"
	selectNotices = "SELECT " + noticeColumns + " FROM notice WHERE org_id = ? AND user_id = ? AND state = ? AND id < ? ORDER BY id DESC LIMIT ?"
	selectOfKind  = "SELECT " + noticeColumns + " FROM notice WHERE org_id = ? AND user_id = ? AND state = ? AND id < ? AND kind = ? ORDER BY id DESC LIMIT ?"
	countNotices  = "SELECT COUNT(*) FROM notice WHERE org_id = ? AND user_id = ?"
	countOfKind   = "SELECT COUNT(*) FROM notice WHERE org_id = ? AND user_id = ? AND kind = ?"
	countUnread   = "SELECT COUNT(*) FROM notice WHERE org_id = ? AND user_id = ? AND state = 'new'"
	countUnreadOf = "SELECT COUNT(*) FROM notice WHERE org_id = ? AND user_id = ? AND state = 'new' AND kind = ?"
	readNotice    = "UPDATE notice SET state = 'read', seen = ?, mail = '' WHERE org_id = ? AND user_id = ? AND state = 'new' AND id = ?"
	readAll       = "UPDATE notice SET state = 'read', seen = ?, mail = '' WHERE org_id = ? AND user_id = ? AND state = 'new' AND id <= ?"

	selectOwn = "SELECT state FROM notice WHERE org_id = ? AND user_id = ? AND id = ?"

	newestNotice = "ntc_z"
)

// A notice is found by whom it is for, so each member is asked.
const countTold = `SELECT COUNT(*) FROM members p JOIN notice n ON n.org_id = p.org_id AND n.user_id = p.user_id AND n.object = ? AND n.kind = ?
	WHERE p.org_id = ? AND n.at >= ?`

// Told reports whether anybody was told of a thing since an instant, for those
// who look again at what they may have told already.
func Told(c *op.Call, object string, k Kind, since time.Time) (bool, error) {
	var n int64
	err := c.Tx.Row(countTold, []any{object, k.Name, c.Org, clock.Millis(since)}, &n)
	return n > 0, err
}

// mine refuses a notice of somebody else.
func mine(c *op.Call, user id.User, n id.Notice) error {
	var state string
	err := c.Tx.Row(selectOwn, []any{c.Org, user, n}, &state)
	if errors.Is(err, db.ErrNone) {
		err = fault.NotFound("no notice %s of yours", n)
	}
	return err
}

// Filter pages through one's own notices.
type Filter struct {
	Kind   string `json:"kind,omitempty" maxLength:"100" doc:"Only notices of this kind, such as task_assigned."`
	Unread bool   `json:"unread,omitempty" doc:"Only those not read yet."`
	After  string `json:"after,omitempty" maxLength:"100" doc:"Continue after this page: the value of next."`
	Limit  int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func scanNotice(scan func(...any) error, n *Notice) error {
	var at, seen int64
	err := scan(&n.ID, &n.Kind, &n.Text, &n.Link, &n.Object, &at, &seen)
	n.At, n.Read = clock.FromMillis(at), clock.FromMillis(seen)
	return err
}

// list gives the unread ones first and then the others, each the newest first.
func list(c *op.Call, in Filter) (op.Page[Notice], error) {
	var none op.Page[Notice]
	user, err := self(c)
	if err != nil {
		return none, err
	}
	total, err := in.count(c, user)
	if err != nil {
		return none, err
	}
	state, before, ok := strings.Cut(in.After, ":")
	if in.After == "" {
		state, before, ok = stateNew, newestNotice, true
	}
	if !ok || state != stateNew && state != stateRead {
		return none, fault.Invalid("after", "give the value of next of the page before")
	}
	n := op.Limit(in.Limit)
	rows := []Notice{}
	if state == stateNew {
		if rows, err = in.some(c, user, stateNew, before, n+1); err != nil {
			return none, err
		}
		before = newestNotice
	}
	if len(rows) <= n && !in.Unread {
		more, err := in.some(c, user, stateRead, before, n+1-len(rows))
		if err != nil {
			return none, err
		}
		rows = append(rows, more...)
	}
	return op.PageOf(rows, n, total, func(n Notice) string {
		if n.Read.IsZero() {
			return stateNew + ":" + string(n.ID)
		}
		return stateRead + ":" + string(n.ID)
	}), nil
}

func (in Filter) some(c *op.Call, user id.User, state, before string, n int) ([]Notice, error) {
	if in.Kind != "" {
		return db.Rows(c.Tx, selectOfKind, []any{c.Org, user, state, before, in.Kind, n}, scanNotice)
	}
	return db.Rows(c.Tx, selectNotices, []any{c.Org, user, state, before, n}, scanNotice)
}

func (in Filter) count(c *op.Call, user id.User) (n int64, err error) {
	switch {
	case in.Unread && in.Kind != "":
		err = c.Tx.Row(countUnreadOf, []any{c.Org, user, in.Kind}, &n)
	case in.Unread:
		err = c.Tx.Row(countUnread, []any{c.Org, user}, &n)
	case in.Kind != "":
		err = c.Tx.Row(countOfKind, []any{c.Org, user, in.Kind}, &n)
	default:
		err = c.Tx.Row(countNotices, []any{c.Org, user}, &n)
	}
	return n, err
}

// Unread is how many notices wait for a person.
type Unread struct {
	Unread int64 `json:"unread"`
}

func count(c *op.Call, _ op.None) (Unread, error) {
	if c.Actor.User == "" {
		return Unread{}, nil
	}
	var u Unread
	err := c.Tx.Row(countUnread, []any{c.Org, c.Actor.User}, &u.Unread)
	return u, err
}

// Reading names notices that were read.
type Reading struct {
	IDs  []string `json:"ids,omitempty" maxItems:"500" doc:"Which of your notices, ntc_…."`
	All  bool     `json:"all,omitempty" doc:"All of them."`
	Upto string   `json:"upto,omitempty" doc:"With all: none that is newer than this one, which the page showed first."`
}

func markRead(c *op.Call, in Reading) (Unread, error) {
	user, err := self(c)
	if err != nil {
		return Unread{}, err
	}
	if !in.All && len(in.IDs) == 0 {
		return Unread{}, fault.Invalid("ids", "name the notices you have read, or all")
	}
	now := clock.Millis(c.Now)
	if in.All {
		upto := newestNotice
		if in.Upto != "" {
			n, err := id.Parse[id.Notice](in.Upto)
			if err != nil {
				return Unread{}, fault.Invalid("upto", "give the id of a notice, ntc_…")
			}
			if err := mine(c, user, n); err != nil {
				return Unread{}, err
			}
			upto = string(n)
		}
		if _, err := c.Tx.Exec(readAll, now, c.Org, user, upto); err != nil {
			return Unread{}, err
		}
		return count(c, op.None{})
	}
	for _, s := range in.IDs {
		n, err := id.Parse[id.Notice](s)
		if err != nil {
			return Unread{}, fault.Invalid("ids", "%q is not the id of a notice, ntc_…", s)
		}
		if err := mine(c, user, n); err != nil {
			return Unread{}, err
		}
		if _, err := c.Tx.Exec(readNotice, now, c.Org, user, n); err != nil {
			return Unread{}, err
		}
	}
	return count(c, op.None{})
}
