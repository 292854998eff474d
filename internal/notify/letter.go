package notify

import (
	"encoding/json"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/op"
)

// States of a letter.
const (
	Waiting = "waiting"
	Sent    = "sent"
	GivenUp = "given_up"
)

// Bounds of a letter by mail.
const (
	maxSubject = 200
	maxBody    = 64 << 10
)

// Base stands in a letter for the address of the installation, which is known
// to whoever sends it.
const Base = "{tickmark}"

const (
	insertLetter = `INSERT INTO letter (org_id, id, channel_id, user_id, kind, recipient, body, state, tries, next_try, lease, status, problem, created, settled)
		VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', 0, ?, 0, 0, '', ?, 0)`
	letterColumns = "id, channel_id, kind, recipient, state, tries, next_try, status, problem, created, settled"
	selectLetters = "SELECT " + letterColumns + " FROM letter WHERE org_id = ? AND channel_id = ? AND id < ? ORDER BY id DESC LIMIT ?"
	countLetters  = "SELECT COUNT(*) FROM letter WHERE org_id = ? AND channel_id = ?"
)

// Letter sends a letter to one address once the operation is stored. Its text
// is sealed until then and forgotten afterwards.
func Letter(c *op.Call, m mail.Message) error {
	return post(c, "", "letter", m, c.Now)
}

// post writes a letter of a kind, to be sent no earlier than at.
func post(c *op.Call, user id.User, kind string, m mail.Message, at time.Time) error {
	a, err := netmail.ParseAddress(m.To)
	if err != nil || strings.ContainsAny(m.To, "\r\n") {
		return fault.Invalid("email", "%q is not an address that mail can go to, such as ana@example.com", m.To)
	}
	m.To = a.Address
	m.Subject = shorten(m.Subject, maxSubject)
	if len(m.Text) > maxBody {
		return fault.Invalid("text", "the letter has %d bytes; at most %d are sent", len(m.Text), maxBody)
	}
	return enclose(c, envelope{user: user, kind: kind, recipient: masked(m.To), at: at}, m)
}

// envelope is what may be known of a letter by whoever keeps the installation.
type envelope struct {
	channel   id.Channel
	user      id.User
	kind      string
	recipient string
	at        time.Time
}

// enclose seals what a letter says and puts it in line.
func enclose(c *op.Call, e envelope, body any) error {
	plain, err := json.Marshal(body)
	if err != nil {
		return err
	}
	l := id.New[id.Letter](c.Now)
	sealed, err := c.Vault.Seal(c, c.Org, letterContext(l), plain)
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertLetter, c.Org, l, e.channel, e.user, e.kind, e.recipient, sealed, clock.Millis(e.at), clock.Millis(c.Now))
	if err != nil {
		return err
	}
	return callAt(c.Tx, c.Org, e.channel, c.Now, e.at)
}

func letterContext(l id.Letter) string { return "letter/" + string(l) }

// callAt has the courier look at a lane.
func callAt(tx *db.Tx, org id.Org, channel id.Channel, now, at time.Time) error {
	_, err := job.Enqueue(tx, org, job.Insert{Kind: sendJob, Args: lane{Channel: channel}, At: at}, now)
	return err
}

// masked shows enough of an address to recognise it by whoever knows it.
func masked(address string) string {
	user, host, _ := strings.Cut(address, "@")
	r := []rune(user)
	return string(r[:min(1, len(r))]) + "…@" + host
}

// Sending is a letter as its keeper sees it: everything but its text.
type Sending struct {
	ID      id.Letter  `json:"id"`
	Channel id.Channel `json:"channel,omitempty"`
	Kind    string     `json:"kind"`
	To      string     `json:"to"` // shortened
	State   string     `json:"state"`
	Tries   int64      `json:"tries"`
	Next    time.Time  `json:"next,omitzero"`   // while it waits
	Status  int64      `json:"status,omitzero"` // that a channel answered last
	Problem string     `json:"problem,omitempty"`
	Created time.Time  `json:"created"`
	Settled time.Time  `json:"settled,omitzero"`
}

func scanSending(scan func(...any) error, s *Sending) error {
	var next, created, settled int64
	err := scan(&s.ID, &s.Channel, &s.Kind, &s.To, &s.State, &s.Tries, &next, &s.Status, &s.Problem, &created, &settled)
	s.Created, s.Settled = clock.FromMillis(created), clock.FromMillis(settled)
	if s.State == Waiting {
		s.Next = clock.FromMillis(next)
	}
	return err
}

// LetterFilter pages through letters.
type LetterFilter struct {
	Channel string `json:"channel,omitempty" doc:"The channel's id, chn_…; mail if left out."`
	After   string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit   int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

const newestLetter = "ltr_z"

func letters(c *op.Call, in LetterFilter) (op.Page[Sending], error) {
	var none op.Page[Sending]
	if in.Channel != "" {
		if _, err := id.Parse[id.Channel](in.Channel); err != nil {
			return none, err
		}
	}
	if in.After == "" {
		in.After = newestLetter
	}
	var total int64
	if err := c.Tx.Row(countLetters, []any{c.Org, in.Channel}, &total); err != nil {
		return none, err
	}
	n := op.Limit(in.Limit)
	rows, err := db.Rows(c.Tx, selectLetters, []any{c.Org, in.Channel, in.After, n + 1}, scanSending)
	return op.PageOf(rows, n, total, func(s Sending) string { return string(s.ID) }), err
}

// noticeLetter writes what a person is told as a letter.
func noticeLetter(c *op.Call, p person, n Notice, at time.Time) error {
	text := n.Text + "\n\nOpen it: " + Base + n.Link + "\n\nHow you are told is your choice: " + Base + "/notices/preferences\n"
	return post(c, p.id, n.Kind, mail.Message{To: p.email, Subject: n.Text, Text: text}, at)
}
