package orgs

import (
	"net/url"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
)

// write sends a letter in the words of the house, if letters can be sent at all.
func write(c *op.Call, to, subject string, paragraphs ...string) error {
	if c.Mail == nil {
		return nil
	}
	text := strings.Join(paragraphs, "\n\n") + "\n\n-- \nTickmark"
	if c.BaseURL != "" {
		text += " at " + c.BaseURL
	}
	return notify.Letter(c, mail.Message{To: to, Subject: line(subject), Text: text + "\n"})
}

// tell writes to whoever acts, about their own sign-in: somebody else who did it
// must not stay unnoticed.
func tell(c *op.Call, subject, what string) error { return tellUser(c, c.Actor, subject, what) }

func tellUser(c *op.Call, a auth.Actor, subject, what string) error {
	if a.Email == "" {
		return nil
	}
	return write(c, a.Email, subject, what+" This was on "+since(c.Now)+".",
		"If it was not you, ask an owner of your organization for a link to choose a new password, or ask for one yourself where you sign in, and look at where you are signed in.")
}

// line makes one line of what people called things.
func line(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "…"
	}
	return s
}

// link is an address of this installation, with a secret that opens one thing.
func link(base, path, secret string) string {
	return strings.TrimSuffix(base, "/") + path + "?" + url.Values{"token": {secret}}.Encode()
}

// TestLetter lets an owner see that letters arrive.
var TestLetter = op.Write("letters.test", "Send a letter to yourself, to see that letters arrive.", auth.OrgWrite, testLetter)

func testLetter(c *op.Call, _ op.None) (op.None, error) {
	if c.Mail == nil {
		return op.None{}, fault.Conflict("No mail server is configured. Whoever runs the installation names one with --smtp and --mail-from.")
	}
	if c.Actor.Email == "" {
		return op.None{}, fault.Conflict("You have no address to write to.")
	}
	return op.None{}, write(c, c.Actor.Email, "A letter from Tickmark, to see that it arrives",
		"You asked for this letter on "+since(c.Now)+". If you read it, letters of this installation arrive.")
}
