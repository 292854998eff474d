package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
)

// keyCmd is the life of the keys. Docs/keys.md tells it.
type keyCmd struct {
	Show    keyShowCmd    `cmd:"" default:"withargs" help:"Print the key that a verifier pins."`
	History keyHistoryCmd `cmd:"" help:"Print every key that the log ever had, and since when."`
	Backup  keyBackupCmd  `cmd:"" help:"Print the recovery copy of the root key. Every log says that it was printed."`
	Restore keyRestoreCmd `cmd:"" help:"Put the root key back from its recovery copy."`
	Rotate  keyRotateCmd  `cmd:"" help:"Change the root key and everything made from it. Stop every server first."`
	Revoke  keyRevokeCmd  `cmd:"" help:"Go on under new keys because the present ones are in other hands. Two people approve."`
}

type keyShowCmd struct {
	conf.Config `embed:""`
}

// Run prints the key.
func (c *keyShowCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	if client := answering(ctx, c.Config); client != nil {
		var head struct {
			Key string `json:"key"`
		}
		err := ask(ctx, client, http.MethodGet, "/ledgers/current", t.Org, func(r io.Reader) error { return json.NewDecoder(r).Decode(&head) })
		if err == nil {
			_, err = fmt.Fprintln(t.Out, head.Key)
		}
		return err
	}
	a, err := Open(ctx, c.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(a.Key(ctx, t.Org, t.Out), a.Close())
}

type keyHistoryCmd struct {
	conf.Config `embed:""`
}

// Run prints the keys, the one in force first.
func (c *keyHistoryCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	var page op.Page[evidence.LogKey]
	if client := answering(ctx, c.Config); client != nil {
		err := ask(ctx, client, http.MethodGet, "/ledgers/keys", t.Org, func(r io.Reader) error { return json.NewDecoder(r).Decode(&page) })
		return errors.Join(err, history(t.Out, page))
	}
	a, err := Open(ctx, c.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	desk, err := a.Desk(ctx, t.Org)
	if err == nil {
		page, err = evidence.KeyList.Do(ctx, desk, op.None{})
	}
	return errors.Join(err, history(t.Out, page), a.Close())
}

func history(out io.Writer, page op.Page[evidence.LogKey]) error {
	for _, k := range page.Items {
		state := "          "
		if k.Now {
			state = "  in force"
		}
		if _, err := fmt.Fprintf(out, "%s  from entry %-8d%s  %s\n", k.Since.Format(time.DateTime), k.Entry, state, k.Key); err != nil {
			return err
		}
	}
	return nil
}

type keyBackupCmd struct {
	conf.Config `embed:""`
	Reason      string `help:"Why; it stands in every log." default:"asked for on the host" placeholder:"TEXT"`
}

// Run prints the recovery copy, once every log says so.
func (c *keyBackupCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	a, err := Open(ctx, c.Config, c.Config.Logger())
	if err != nil {
		return err
	}
	return errors.Join(a.backupKey(ctx, newPrompter(t), c.Reason, t.Out), a.Close())
}

func (a *App) backupKey(ctx context.Context, p *prompter, reason string, out io.Writer) error {
	got, err := p.ask(ctx, "Whoever sees what follows can sign as this installation and read its evidence. Type yes to go on:", false)
	if err != nil || got != "yes" {
		return errors.Join(fault.Conflict("Nothing was printed: answer yes to see the recovery copy."), err)
	}
	if err := a.Ledger.Note(ctx, "keys.backup", ledger.Act{Reason: reason, Actor: operator}); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, a.root.Recovery())
	return err
}

type keyRestoreCmd struct {
	conf.Config `embed:""`
	Older       bool `help:"Put it behind the present key: it opens a backup from before a rotation."`
}

// Run asks for the recovery copy and puts it in its place.
func (c *keyRestoreCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	recovery, err := newPrompter(t).ask(ctx, "Recovery copy:", true)
	if err != nil {
		return err
	}
	if err := RestoreKey(ctx, c.Config, recovery, c.Older); err != nil {
		return err
	}
	if c.Older {
		_, err = fmt.Fprintln(t.Out, "The older root key lies behind the present one. If the log is read-only, run tickmark ledger adopt-restore; then run tickmark key rotate, which takes the older key away again.")
	} else {
		_, err = fmt.Fprintln(t.Out, "The root key is in its place, and fits the database.")
	}
	return err
}

type keyRotateCmd struct {
	conf.Config `embed:""`
	Reason      string `help:"Why; it stands in every log." default:"rotation" placeholder:"TEXT"`
	Out         string `help:"File for the new key, where the present one is a credential or encrypted." placeholder:"FILE" type:"path"`
}

// Run changes the keys, or goes on where that was interrupted.
func (c *keyRotateCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	k := changeKey{Config: c.Config, keyAct: keyAct{Op: "keys.rotate", Reason: c.Reason}, Out: c.Out, ask: newPrompter(t), say: t.Out}
	return k.do(ctx)
}

type keyRevokeCmd struct {
	conf.Config `embed:""`
	approvals   `embed:""`
	Out         string `help:"File for the new key, where the present one is a credential or encrypted." placeholder:"FILE" type:"path"`
}

// Run continues every log under new keys, or goes on where that was interrupted.
func (c *keyRevokeCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	p := newPrompter(t)
	return revocation(c.Config, c.approvals, c.Out, p, t.Out).do(ctx)
}

func revocation(c conf.Config, in approvals, out string, p *prompter, say io.Writer) *changeKey {
	return &changeKey{Config: c, keyAct: keyAct{Op: "keys.revoke", Reason: in.Reason}, Out: out, ask: p, say: say,
		approve: func(ctx context.Context, a *App, act *ledger.Act) error {
			orgs, err := a.Ledger.Concerned(ctx)
			if err != nil {
				return err
			}
			return a.approved(ctx, p, in, orgs, "keys.revoke", names(orgs), act)
		}}
}

func names(orgs []id.Org) (out []string) {
	for _, o := range orgs {
		out = append(out, string(o))
	}
	return out
}
