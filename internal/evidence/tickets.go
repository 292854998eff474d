package evidence

import (
	"crypto/rand"
	"errors"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// TicketNew hands out a code that is to be visible in a picture. Who has it in
// the picture took it after it was handed out, by this installation's clock.
var TicketNew = op.Write("evidence.ticket", "Hand out a capture ticket: a code, good once, to be visible in a screenshot.", auth.EvidenceWrite, ticketNew)

const (
	insertTicket = "INSERT INTO evidence_ticket (org_id, code, user_id, issued, evidence_id) VALUES (?, ?, ?, ?, '')"
	selectTicket = "SELECT user_id, issued, evidence_id FROM evidence_ticket WHERE org_id = ? AND code = ?"
	useTicket    = "UPDATE evidence_ticket SET evidence_id = ? WHERE org_id = ? AND code = ? AND evidence_id = ''"
	ticketUse    = 24 * time.Hour
)

// A Ticket is good once, and for a day.
type Ticket struct {
	Code   string    `json:"code"`
	Issued time.Time `json:"issued"`
}

func ticketNew(c *op.Call, _ op.None) (Ticket, error) {
	if c.Actor.User == "" {
		return Ticket{}, fault.Denied("A ticket is a person's. Sign in, or act with a person's token.")
	}
	text := rand.Text()
	t := Ticket{Code: text[:4] + "-" + text[4:8] + "-" + text[8:12], Issued: c.Now}
	c.Note("code", t.Code)
	_, err := c.Tx.Exec(insertTicket, c.Org, t.Code, c.Actor.User, clock.Millis(t.Issued))
	return t, err
}

// punch sees that a ticket is good, and uses it up once there is a record.
func punch(c *op.Call, code string, e id.Evidence) error {
	if e != "" {
		n, err := c.Tx.Exec(useTicket, e, c.Org, code)
		if err == nil && n == 0 {
			err = fault.Conflict("The ticket %s was used a moment ago.", code)
		}
		return err
	}
	var (
		user   id.User
		issued int64
		used   id.Evidence
	)
	err := c.Tx.Row(selectTicket, []any{c.Org, code}, &user, &issued, &used)
	switch {
	case errors.Is(err, db.ErrNone) || err == nil && user != c.Actor.User:
		return fault.Invalid("ticket", "no ticket %s was handed out to you", code)
	case err != nil:
		return err
	case used != "":
		return fault.Invalid("ticket", "was used for %s; each is good once", used)
	case c.Now.Sub(clock.FromMillis(issued)) > ticketUse:
		return fault.Invalid("ticket", "is older than a day; take the picture again with a new one")
	}
	return nil
}
