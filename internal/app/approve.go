package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/orgs"
)

// aloneAfter is how long an act waits on which two people should agree, where
// there is only one.
const aloneAfter = 72 * time.Hour

// approvals are the flags of a command that two people approve.
type approvals struct {
	Reason   string   `help:"Why; it stands in every log." required:"" placeholder:"TEXT"`
	Approver []string `help:"E-mail of somebody who approves; give it twice. Passwords are asked for, or are the lines of the standard input." placeholder:"EMAIL"`
}

// prompter asks people on a terminal, or takes what was piped in.
type prompter struct {
	out   io.Writer
	lines *bufio.Reader
	tty   *os.File // nil when it is none
}

func newPrompter(t *cli.Terminal) *prompter {
	p := &prompter{out: t.Err, lines: bufio.NewReader(t.In)}
	if f, ok := t.In.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.tty = f
		}
	}
	return p
}

// ask returns a line; a secret is not shown while it is typed.
func (p *prompter) ask(ctx context.Context, question string, secret bool) (string, error) {
	if p.tty != nil {
		fmt.Fprint(p.out, question+" ")
	}
	if p.tty != nil && secret {
		if err := p.echo("-echo"); err != nil {
			return "", fault.Invalid("approver", "the terminal cannot hide what is typed: give passwords as lines of the standard input").With(err)
		}
		defer func() { _ = p.echo("echo"); fmt.Fprintln(p.out) }()
	}
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := p.lines.ReadString('\n')
		got <- answer{line, err}
	}()
	select {
	case a := <-got:
		line := strings.TrimRight(a.line, "\r\n")
		if a.err != nil && line == "" {
			return "", fault.Invalid("", "%s: nothing was answered", strings.TrimRight(question, ":"))
		}
		return line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (p *prompter) echo(mode string) error {
	c := exec.Command("stty", mode)
	c.Stdin = p.tty
	return c.Run()
}

// approver is a person who may approve for an organization.
type approver struct {
	id          id.User
	name, email string
}

// mayApprove lists who may approve for an organization: owners and compliance
// leads, or the partners of a firm, also for the file of its engagement. Whoever
// has no password yet cannot say who they are.
func mayApprove(tx *db.Tx, org id.Org) (name string, out []approver, err error) {
	of := org
	firm, name, file, err := engagements.FileOf(tx, org)
	if err != nil {
		return "", nil, err
	}
	if file {
		of, name = firm, "the file of "+name
	} else {
		all, err := orgs.All(tx)
		if err != nil {
			return "", nil, err
		}
		if i := slices.IndexFunc(all, func(o orgs.Org) bool { return o.ID == org }); i >= 0 {
			name = all[i].Name
		}
	}
	members, err := auth.Members(tx, of)
	if err != nil {
		return "", nil, err
	}
	for _, m := range members {
		if !slices.Contains(m.Roles, auth.Owner) && !slices.Contains(m.Roles, auth.Lead) && !slices.Contains(m.Roles, auth.Partner) {
			continue
		}
		able, err := auth.HasPassword(tx, m.ID)
		if err != nil {
			return "", nil, err
		}
		if able {
			out = append(out, approver{m.ID, m.Name, m.Email})
		}
	}
	return name, out, nil
}

// approved asks for the approval of every organization concerned, and fills the
// act in. What stands for the act that is approved, and for no other.
func (a *App) approved(ctx context.Context, p *prompter, in approvals, concerned []id.Org, op string, what []string, act *ledger.Act) error {
	if strings.TrimSpace(in.Reason) == "" {
		return fault.Invalid("reason", "say why: it stands in every log")
	}
	agreed, err := a.agreed(ctx, p, in.Approver)
	if err != nil {
		return err
	}
	act.Approvers, act.Alone = map[id.Org][]string{}, map[id.Org]time.Time{}
	var alone []id.Org
	var lone []string
	err = a.DB.Read(ctx, db.All, func(tx *db.Tx) error {
		for _, org := range concerned {
			name, may, err := mayApprove(tx, org)
			if err != nil {
				return err
			}
			var have, lack []string
			for _, m := range may {
				if agreed[m.id] {
					have = append(have, string(m.id))
				} else {
					lack = append(lack, m.email)
				}
			}
			if need := min(2, len(may)); len(have) < need {
				return fault.Denied("%s: %d of its people must approve this, and %d did. Give --approver for: %s.", name, need, len(have), strings.Join(lack, ", "))
			}
			act.Approvers[org] = have
			if len(may) < 2 {
				alone = append(alone, org)
				lone = append(lone, have...)
			}
		}
		return nil
	})
	if err != nil || len(alone) == 0 {
		return err
	}
	asked, err := a.wish(op, in.Reason, append(lone, what...))
	for _, org := range alone {
		act.Alone[org] = asked
	}
	return err
}

// agreed are those who gave their password.
func (a *App) agreed(ctx context.Context, p *prompter, emails []string) (map[id.User]bool, error) {
	for n := 1; len(emails) < 2 && n <= 2 && p.tty != nil; n++ {
		email, err := p.ask(ctx, fmt.Sprintf("E-mail of approver %d (empty for none):", len(emails)+1), false)
		if err != nil {
			return nil, err
		}
		if email != "" {
			emails = append(emails, email)
		}
	}
	out, throttle := map[id.User]bool{}, auth.NewThrottle()
	for _, email := range emails {
		password, err := p.ask(ctx, "Password of "+email+":", true)
		if err != nil {
			return nil, err
		}
		user, err := throttle.CheckPassword(ctx, a.DB, email, password, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		out[user] = true
	}
	return out, nil
}

// A wish is what one person asked for, on a machine where it could not be
// written into the log.
type wish struct {
	Op     string    `json:"op"`
	Reason string    `json:"reason"`
	About  string    `json:"about"`
	Asked  time.Time `json:"asked"`
}

// wish returns since when this act is asked for, or notes that it is, and says
// when to come again. It lies beside the held file, outside the database.
func (a *App) wish(op, reason string, about []string) (time.Time, error) {
	_, held, err := a.Config.RootKey()
	if err != nil {
		return time.Time{}, err
	}
	sum := sha256.Sum256([]byte(strings.Join(append([]string{op}, about...), "\n")))
	path, now := held+".wish", a.Clock.Now()
	w := wish{Op: op, Reason: reason, About: hex.EncodeToString(sum[:]), Asked: now}
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, err
	}
	var was wish
	if err == nil && json.Unmarshal(b, &was) == nil && was.Op == op && was.About == w.About {
		if from := was.Asked.Add(aloneAfter); now.Before(from) {
			return time.Time{}, tooSoon(from)
		}
		return was.Asked, nil
	}
	if b, err = json.Marshal(w); err != nil {
		return time.Time{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return time.Time{}, err
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return time.Time{}, err
	}
	return time.Time{}, tooSoon(now.Add(aloneAfter))
}

func tooSoon(from time.Time) error {
	return fault.Conflict("Two people should approve this, and there is one. It is noted, and may be done by one person from %s on: run the same command again then.", canon.FormatTime(from))
}

// unwish forgets what was asked for, once it is done.
func (a *App) unwish() {
	if _, held, err := a.Config.RootKey(); err == nil {
		_ = os.Remove(held + ".wish")
	}
}

// operator is the actor of what is done on the host, by whoever may run
// commands there.
const operator = `{"id":"operator","name":"operator on the host","via":"host"}`
