package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/demo"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/ledger"
)

type demoCmd struct {
	conf.Config `embed:""`
	conf.Server `embed:""`
	Git         string `help:"Play one examination over the history of this repository, instead of the year of a company." placeholder:"PATH" type:"path"`
	PrepareOnly bool   `help:"Fill the directory and exit."`
	Quiet       bool   `help:"Show no progress."`
}

// Run plays the demonstration and serves it. Without --data it lies in a
// directory that goes when the server stops.
func (c *demoCmd) Run(ctx context.Context, t *cli.Terminal) (err error) {
	c.Config.Data = t.Data
	kept := t.Data != conf.DefaultData || c.PrepareOnly
	if !kept {
		dir, err := os.MkdirTemp("", "tickmark-demo-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir), os.RemoveAll(dir+".keys")) }()
		c.Config.Data = dir
	}
	log := c.Config.Logger()
	if c.Quiet {
		log = slog.New(slog.DiscardHandler)
	}
	a, err := OpenDemo(ctx, c.Config, log)
	if err != nil {
		return err
	}
	if err := a.PlayDemo(ctx, c.Git, c.progress(t.Err)); err != nil {
		return errors.Join(err, a.Close())
	}
	c.introduce(t.Out, kept)
	if c.PrepareOnly {
		return a.Close()
	}
	return errors.Join(a.Serve(ctx, c.Server, assess.Offer{}, t.Out), a.Close())
}

// progress tells each month of the story, or each act of an examination over
// somebody's repository: a year has thousands of acts.
func (c *demoCmd) progress(to io.Writer) func(at time.Time, who, what string) {
	if c.Quiet {
		return nil
	}
	if c.Git != "" {
		return func(at time.Time, who, what string) {
			fmt.Fprintf(to, "%s  %-16s %s\n", at.Format("2006-01-02 15:04"), who, what)
		}
	}
	month := ""
	return func(at time.Time, _, _ string) {
		if m := at.Format("January 2006"); m != month {
			month = m
			fmt.Fprintln(to, "Filling "+m)
		}
	}
}

// introduce says what there is, who can sign in, and where it lies.
func (c *demoCmd) introduce(to io.Writer, kept bool) {
	people, about := demo.AccountsOfTheYear(), "twelve months of Larchmere, a company of 60 people"
	if c.Git != "" {
		people, about = demo.Accounts(), "an examination over the history of "+c.Git
	}
	fmt.Fprintf(to, "DEMO: %s. Company, people and firm are made up; every page and export says DEMO.\nEverybody signs in with the password: %s\n\n", about, demo.Password)
	for _, x := range people {
		fmt.Fprintf(to, "  %-32s %s, %s of %s\n", x.Email, x.Name, x.Role, x.Of)
	}
	fmt.Fprintf(to, "\nThe data lie in %s", c.Config.Data)
	if kept {
		fmt.Fprintf(to, " and stay there.\nStart it again with: tickmark demo --data %s\n\n", c.Config.Data)
		return
	}
	fmt.Fprintf(to, ", which is removed when this stops; --data DIR keeps them.\nCommands read it meanwhile, as in: tickmark evidence list --data %s\n\n", c.Config.Data)
}

// OpenDemo opens a directory for a demonstration, whose clock is set by hand.
// It refuses one that holds anything else.
func OpenDemo(ctx context.Context, c conf.Config, log *slog.Logger) (*App, error) {
	return open(ctx, &App{Config: c, moved: &clock.Moved{}}, log)
}

// PlayDemo fills a directory that OpenDemo opened, unless it is filled: with an
// examination over the history of a repository, or with the year of a company
// where none is given.
func (a *App) PlayDemo(ctx context.Context, git string, say func(at time.Time, who, what string)) error {
	newest, _, err := ledger.Told(ctx, a.DB)
	if err != nil {
		return err
	}
	half := filepath.Join(a.Config.Data, "demo-half-filled")
	if !newest.IsZero() {
		if _, err := os.Stat(half); err == nil {
			return fault.Conflict("%s was not filled to the end. Remove it, or give another directory with --data.", a.Config.Data)
		}
		a.moved.Set(newest)
		return nil
	}
	if err := errors.Join(os.MkdirAll(a.Config.Data, 0o700), os.WriteFile(half, nil, 0o600)); err != nil {
		return err
	}
	s := &demo.Stage{Engine: a.Engine, Clock: a.moved, Reader: a.Reader, Git: git, Dir: filepath.Join(a.Config.Data, "demo"), Say: say}
	if git == "" {
		err = s.Year(ctx)
	} else {
		err = s.Play(ctx)
	}
	if err != nil {
		return err
	}
	return os.Remove(half)
}
