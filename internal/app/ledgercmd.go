package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
)

type ledgerCmd struct {
	Adopt adoptCmd `cmd:"" name:"adopt-restore" help:"Go on with an older copy of the data, when there is no newer one. Two people approve; every log says what was lost."`
}

type adoptCmd struct {
	conf.Config `embed:""`
	approvals   `embed:""`
}

// Run shows what was lost, asks for approval, and continues the logs.
func (c *adoptCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	a, err := Open(ctx, c.Config, c.Config.Logger())
	if err != nil {
		return err
	}
	return errors.Join(a.AdoptRestore(ctx, newPrompter(t), c.approvals, t.Out), a.Close())
}

// AdoptRestore goes on with the copy of the database that there is.
func (a *App) AdoptRestore(ctx context.Context, p *prompter, in approvals, out io.Writer) error {
	if a.Ledger.Locked() == "" {
		_, err := fmt.Fprintln(out, "Nothing was lost: every log has what was signed. There is nothing to adopt.")
		return err
	}
	losses, err := a.Ledger.Losses(ctx)
	if err != nil {
		return err
	}
	if len(losses.Logs) == 0 {
		if len(losses.Gone) > 0 {
			_, held, _ := a.Config.RootKey()
			return fault.Conflict("This database has no log at all, so there is nothing to go on with. Restore a copy; or, to begin anew, move %s away and keep it.", held)
		}
		return fault.Conflict("Nothing was lost, and yet the log is read-only: %s", a.Ledger.Locked())
	}
	tell(out, losses)
	var concerned []id.Org
	var what []string
	for _, x := range losses.Logs {
		concerned = append(concerned, x.Org)
		what = append(what, fmt.Sprintf("%s %d %d %s", x.Log.Origin, x.Size, x.Held.Size, x.Held.Root))
	}
	slices.Sort(what)
	act := ledger.Act{Reason: in.Reason, Actor: operator}
	if err := a.approved(ctx, p, in, concerned, "ledgers.adopt", what, &act); err != nil {
		return err
	}
	if err := a.Ledger.Adopt(ctx, losses, act); err != nil {
		return err
	}
	a.unwish()
	_, err = fmt.Fprintf(out, "\nDone: %d logs go on under a new name. Their keys are new: tickmark key prints them. Whoever pinned the old ones needs the new ones too.\n", len(losses.Logs))
	return err
}

// tell says what was lost, before anybody approves it.
func tell(out io.Writer, losses ledger.Losses) {
	for _, x := range losses.Logs {
		fmt.Fprintf(out, "\n%s\n", x.Log.Origin)
		fmt.Fprintf(out, "  this copy has   %d entries, the last from %s; %d of them were signed\n", x.Size, canon.FormatTime(x.Recorded), x.Kept.Size)
		fmt.Fprintf(out, "  was signed      %d entries, root %s\n", x.Held.Size, x.Held.Root)
		switch {
		case x.Held.Size > x.Size:
			fmt.Fprintf(out, "  lost            entries %d to %d, recorded after the last of this copy\n", x.Size, x.Held.Size-1)
		case x.Lost:
			fmt.Fprintf(out, "  differs         what was signed of the entries from %d on is not what stands there\n", x.Kept.Size)
		default:
			fmt.Fprintln(out, "  lost            nothing; it is continued because a log is gone that may have followed it")
		}
		if x.Size > x.Kept.Size {
			fmt.Fprintf(out, "  kept unsigned   entries %d to %d: they can be read, and never be proved\n", x.Kept.Size, x.Size-1)
		}
	}
	for _, c := range losses.Gone {
		fmt.Fprintf(out, "\n%s\n  lost            the whole log, %d entries\n", c.Origin, c.Size)
	}
}
