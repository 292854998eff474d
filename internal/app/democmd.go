package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/demo"
	"github.com/tickmark/tickmark/internal/ledger"
)

type demoCmd struct {
	conf.Config `embed:""`
	conf.Server `embed:""`
	Git         string `help:"The repository whose history is examined; the checkout Tickmark is started in, if left out." placeholder:"PATH" type:"path"`
	PrepareOnly bool   `help:"Fill the directory and exit."`
	Quiet       bool   `help:"Show no progress."`
}

// Run plays the demonstration and serves it. Without --data it lies in a
// directory that goes when the server stops.
func (c *demoCmd) Run(ctx context.Context, t *cli.Terminal) (err error) {
	c.Config.Data = t.Data
	if t.Data == conf.DefaultData && !c.PrepareOnly {
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
	say := func(at time.Time, who, what string) {
		fmt.Fprintf(t.Err, "%s  %-16s %s\n", at.Format("2006-01-02 15:04"), who, what)
	}
	if c.Quiet {
		say = nil
	}
	if err := a.PlayDemo(ctx, c.Git, say); err != nil {
		return errors.Join(err, a.Close())
	}
	fmt.Fprintf(t.Out, "A demonstration: people and firm are made up, the history is that of %s.\nEverybody signs in with the password: %s\n\n", c.Git, demo.Password)
	for _, x := range demo.Accounts() {
		fmt.Fprintf(t.Out, "  %-32s %s, %s of %s\n", x.Email, x.Name, x.Role, x.Of)
	}
	fmt.Fprintln(t.Out)
	if c.PrepareOnly {
		return a.Close()
	}
	return errors.Join(a.Serve(ctx, c.Server, assess.Offer{}, t.Out), a.Close())
}

// OpenDemo opens a directory for a demonstration, whose clock is set by hand.
// It refuses one that holds anything else.
func OpenDemo(ctx context.Context, c conf.Config, log *slog.Logger) (*App, error) {
	return open(ctx, &App{Config: c, moved: &clock.Moved{}}, log)
}

// PlayDemo fills a directory that OpenDemo opened, unless it is filled.
func (a *App) PlayDemo(ctx context.Context, git string, say func(at time.Time, who, what string)) error {
	newest, _, err := ledger.Told(ctx, a.DB)
	if err != nil {
		return err
	}
	if !newest.IsZero() {
		a.moved.Set(newest)
		return nil
	}
	s := &demo.Stage{Engine: a.Engine, Clock: a.moved, Reader: a.Reader, Git: git, Say: say}
	if git == "" {
		return s.Year(ctx)
	}
	return s.Play(ctx)
}
