package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/words"
)

// ingest is how the API takes a file: it is read as a job.
func (a *App) ingest(wake func()) func(context.Context, *op.Desk, api.File, io.Reader) (any, error) {
	return func(ctx context.Context, desk *op.Desk, f api.File, from io.Reader) (any, error) {
		made, err := a.Reader.Deliver(ctx, desk, sources.Delivery{Name: f.Name, Format: f.Format, Source: f.Source, SkipBad: f.SkipBad, Statement: json.RawMessage(f.Statement), Queue: true}, from)
		if err == nil {
			wake()
		}
		return made, err
	}
}

// deliver is how a page takes a file: it waits until somebody has chosen.
func (a *App) deliver(ctx context.Context, desk *op.Desk, name string, from io.Reader) (string, error) {
	made, err := a.Reader.Deliver(ctx, desk, sources.Delivery{Name: name}, from)
	return string(made.ID), err
}

type ingestCmd struct {
	conf.Config  `embed:""`
	conf.Imports `embed:""`
	Files        []string `arg:"" name:"file" help:"Files to hand in; - is standard input."`
	Format       string   `help:"The format, where it is not to be guessed." placeholder:"FORMAT"`
	Source       string   `help:"The source they feed, src_…. Found or connected by the tool and what it looked at, if left out." placeholder:"ID"`
	SkipBad      bool     `help:"Leave out rows that cannot be taken, and record which. Otherwise one bad row refuses its file."`
	Quiet        bool     `help:"Show no progress."`
	tableFlags   `embed:""`
}

// Run hands the files in one by one: to a server, to the one that holds the
// directory, or in this process. It goes on after a file that is refused.
func (c *ingestCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data, c.Config.Imports = t.Data, c.Imports
	take := c.far
	if t.Server == "" && answering(ctx, c.Config) == nil {
		a, err := Open(ctx, c.Config, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		defer a.Close()
		desk, err := a.Desk(ctx, t.Org)
		if err != nil {
			return err
		}
		defer a.sealing(ctx)()
		take = func(ctx context.Context, t *cli.Terminal, name string, from io.Reader) (sources.Run, error) {
			return c.near(ctx, t, a, desk, name, from)
		}
	}
	if err := c.prepare(ctx); err != nil {
		return err
	}
	failed := false
	var done []sources.Run
	for _, name := range c.Files {
		run, err := c.file(ctx, t, name, take)
		if err != nil {
			failed = true
			fmt.Fprintf(t.Err, "tickmark: %s\n", refused(name, err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		done = append(done, run)
	}
	if t.JSON {
		if err := t.Print(done); err != nil {
			return err
		}
	}
	if failed {
		return cli.Status(1)
	}
	return nil
}

// refused is what is wrong with a file, by its name.
func refused(name string, err error) string {
	if f := fault.As(err); f != nil && error(f) == err { //nolint:errorlint // what was said around it stays
		err = errors.New(f.Message)
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("stopped, and nothing of it was taken")
	}
	return name + ": " + err.Error()
}

type taker func(ctx context.Context, t *cli.Terminal, name string, from io.Reader) (sources.Run, error)

func (c *ingestCmd) file(ctx context.Context, t *cli.Terminal, path string, take taker) (sources.Run, error) {
	from, name := io.NopCloser(t.In), "standard input"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return sources.Run{}, fault.Invalid("file", "it cannot be opened: %v", errors.Unwrap(err))
		}
		if info, err := f.Stat(); err != nil || info.IsDir() {
			return sources.Run{}, errors.Join(fault.Invalid("file", "it is a folder: give a file"), err, f.Close())
		}
		from, name = f, filepath.Base(path)
	}
	defer from.Close()
	run, err := take(ctx, t, name, from)
	if err != nil || t.JSON {
		return run, err
	}
	_, err = fmt.Fprintf(t.Out, "%s: %s\n", name, sum(run))
	return run, err
}

// sum says what a run took in.
func sum(run sources.Run) string {
	text := ""
	for _, k := range run.Kinds {
		if k.Count > 0 || k.Kind == "finding" {
			text += words.Plural(k.Count, k.Kind, k.Kind+"s") + ", "
		}
	}
	if n := run.Scope["left_out"]; n != "" {
		text += n + " left out, "
	}
	return fmt.Sprintf("%srun %s of source %s.", text, run.ID, run.Source)
}

// near reads the file in this process.
func (c *ingestCmd) near(ctx context.Context, t *cli.Terminal, a *App, desk *op.Desk, name string, from io.Reader) (sources.Run, error) {
	if c.columns != "" {
		if err := c.mapNear(ctx, desk); err != nil {
			return sources.Run{}, err
		}
	}
	made, err := a.Reader.Deliver(ctx, desk, sources.Delivery{Name: name, Format: c.Format, Source: c.Source, SkipBad: c.SkipBad, Statement: c.statement}, from)
	if err != nil {
		return sources.Run{}, err
	}
	if err := c.looks(t, made); err != nil {
		return sources.Run{}, err
	}
	last := ""
	progress := func(done, about int, what string) {
		last = c.say(t, job.Progress{Done: done, About: about, What: what}, last)
	}
	run, err := a.Reader.Import(ctx, desk, made.ID, progress, false)
	if err != nil {
		return run, err
	}
	return run, checks.EvaluateRun(ctx, desk, run.ID, progress)
}

func (c *ingestCmd) looks(t *cli.Terminal, made sources.Import) error {
	if t.JSON {
		return nil
	}
	verb := "looks like"
	if c.Format != "" {
		verb = "is read as"
	}
	_, err := fmt.Fprintf(t.Out, "%s %s %s.\n", made.Name, verb, made.Looks)
	return err
}

// say prints progress once per change.
func (c *ingestCmd) say(t *cli.Terminal, p job.Progress, last string) string {
	text := p.What
	if p.About > 0 {
		text = fmt.Sprintf("%s (%s of %s)", p.What, words.Count(p.Done), words.Count(p.About))
	}
	if !c.Quiet && !t.JSON && text != "" && text != last {
		fmt.Fprintln(t.Err, text)
	}
	return text
}

// far hands the file to a server and waits until it was read there.
func (c *ingestCmd) far(ctx context.Context, t *cli.Terminal, name string, from io.Reader) (sources.Run, error) {
	if c.columns != "" {
		if err := c.mapFar(ctx, t); err != nil {
			return sources.Run{}, err
		}
	}
	path := "/imports"
	if c.Source != "" {
		path = "/sources/" + url.PathEscape(c.Source) + "/ingest"
	}
	q := url.Values{"name": {name}}
	if c.Format != "" {
		q.Set("format", c.Format)
	}
	if c.SkipBad {
		q.Set("skip_bad", "true")
	}
	if len(c.statement) > 0 {
		q.Set("statement", string(c.statement))
	}
	var made sources.Import
	if err := t.Post(ctx, path+"?"+q.Encode(), from, &made); err != nil {
		return sources.Run{}, err
	}
	if err := c.looks(t, made); err != nil {
		return sources.Run{}, err
	}
	last := ""
	for {
		if err := t.Get(ctx, "/imports/"+string(made.ID), &made); err != nil {
			return sources.Run{}, left(made, err)
		}
		switch {
		case made.Run != id.Run(""):
			var run sources.Run
			return run, t.Get(ctx, "/runs/"+string(made.Run), &run)
		case made.Refused != "":
			return sources.Run{}, fault.Invalid("file", "%s", made.Refused)
		case made.Status == sources.ImportCancelled:
			return sources.Run{}, fmt.Errorf("its reading was %s. The server has the file: tickmark imports retry %s reads it", made.Cancelled, made.ID)
		case made.Status == sources.ImportFailed:
			return sources.Run{}, fmt.Errorf("the server gave up on it: %s. It has the file: tickmark imports retry %s reads it again", made.Failed, made.ID)
		case made.Reading != nil:
			last = c.say(t, made.Reading.Progress, last)
		}
		select {
		case <-ctx.Done():
			return sources.Run{}, left(made, ctx.Err())
		case <-time.After(asked):
		}
	}
}

// left says what becomes of a file that the server has and nobody waits for.
func left(made sources.Import, err error) error {
	if errors.Is(err, context.Canceled) {
		err = errors.New("stopped")
	}
	return fmt.Errorf("%w. The server has the file and reads it when it can: tickmark imports get %[2]s says how it went, tickmark imports cancel %[2]s stops it", err, made.ID)
}

// asked is how long the command waits before it asks again.
const asked = 300 * time.Millisecond
