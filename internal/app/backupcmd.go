package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/seal"
)

type backupCmd struct {
	conf.Config `embed:""`
	Out         string `help:"First file to write, to be kept as long as you like." required:"" placeholder:"FILE" type:"path"`
	Secrets     string `help:"Second file, with what erasure must be able to destroy: keep it 30 days at most, and elsewhere. FILE.keys if left out." placeholder:"FILE" type:"path"`
	Quiet       bool   `help:"Show no progress."`
}

// Run backs the installation up, through the server that holds the directory
// if one does.
func (c *backupCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	if t.Server != "" {
		return fault.Invalid("server", "a backup is made on the machine that holds the installation: leave --server out")
	}
	from := backup.Source{Main: c.Out, Secrets: cmp.Or(c.Secrets, backup.SecretsOf(c.Out))}
	say := newProgress(t.Err, c.Quiet)
	made, err := backUp(ctx, c.Config, from, told(say))
	say.end()
	if err != nil {
		return err
	}
	err = onRecord(ctx, c.Config, made.Result(clock.System().Now()))
	if err := printBackup(t, from, made); err != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("the backup is written and whole, but not every log says so: %w", err)
	}
	return nil
}

// told shows how far a backup is, a few times a second.
func told(p *progress) func(backup.Progress) {
	var last time.Time
	return func(s backup.Progress) {
		if now := clock.System().Now(); now.Sub(last) > 200*time.Millisecond {
			last = now
			p.step(0, 0, fmt.Sprintf("%s: %d rows, %d blobs, %s", s.What, s.Rows, s.Blobs, bytesOf(s.Bytes)))
		}
	}
}

// bytesOf writes a size for people.
func bytesOf(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d bytes", n)
	}
	x, units := float64(n)/unit, "kMGTP"
	for len(units) > 1 && x >= unit {
		x, units = x/unit, units[1:]
	}
	return fmt.Sprintf("%.1f %cB", x, units[0])
}

func printBackup(t *cli.Terminal, from backup.Source, made *backup.Made) error {
	if t.JSON {
		return json.NewEncoder(t.Out).Encode(made)
	}
	blobs, size := made.Blobs()
	fmt.Fprintf(t.Out, "Wrote %s (%s) and %s (%s).\n", from.Main, bytesOf(made.Main.Size), from.Secrets, bytesOf(made.Secrets.Size))
	fmt.Fprintf(t.Out, "%d logs with %d entries, %d blobs of %s, as of %s.\n", len(made.Logs), made.Entries(), blobs, bytesOf(size), stamp(made.Taken))
	printAbsent(t.Out, made.Absent, made.AbsentCount)
	_, err := fmt.Fprintf(t.Out, "Keep the second file elsewhere, and 30 days at most: erasure is undone by any copy of it.\nThe root key is in neither.\n")
	return err
}

func printAbsent(out io.Writer, list []backup.Absent, n int64) {
	if n == 0 {
		return
	}
	fmt.Fprintf(out, "%d blobs are NOT in the backup:\n", n)
	for _, a := range list[:min(len(list), 10)] {
		fmt.Fprintf(out, "  %s of %s: %s\n", a.Address, a.Org, a.Why)
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// backUp writes both files, whole or not at all.
func backUp(ctx context.Context, c conf.Config, to backup.Source, say func(backup.Progress)) (*backup.Made, error) {
	files, err := backup.Create(to.Main, to.Secrets)
	if err != nil {
		return nil, err
	}
	made, err := copied(ctx, c, files, say)
	if err != nil {
		return nil, errors.Join(err, files.Abort())
	}
	return made, files.Commit()
}

func copied(ctx context.Context, c conf.Config, files *backup.Files, say func(backup.Progress)) (*backup.Made, error) {
	if client := answering(ctx, c); client != nil {
		return fetchBackup(ctx, client, files.Main, files.Secrets, say)
	}
	a, err := openThere(ctx, c)
	if err != nil {
		return nil, err
	}
	made, err := backup.Make(ctx, a.Engine, files.Main, files.Secrets, say)
	return made, errors.Join(err, a.Close())
}

// openThere opens an installation that exists. Open would make one where there
// is none, and a backup of nothing is not what anybody meant.
func openThere(ctx context.Context, c conf.Config) (*App, error) {
	if file, ok := strings.CutPrefix(c.URL(), "sqlite:"); ok {
		if _, err := os.Stat(file); err != nil {
			return nil, fault.NotFound("There is no installation in %s: give its directory with --data.", c.Data).With(err)
		}
	}
	if _, err := rootKey(c); err != nil {
		return nil, err
	}
	return Open(ctx, c, slog.New(slog.DiscardHandler))
}

// onRecord has every organization's log say what was done.
func onRecord(ctx context.Context, c conf.Config, r backup.Result) error {
	if client := answering(ctx, c); client != nil {
		return postResult(ctx, client, r)
	}
	a, err := openThere(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(backup.Record(ctx, a.Engine, r), a.Close())
}

// rootKey reads the key that is there, and makes none.
func rootKey(c conf.Config) (*seal.Root, error) {
	path, _, err := c.RootKey()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.NotFound("There is no root key at %s. Copy it there, or write its recovery copy into that file and make it readable for its owner alone (chmod 600); --keys names another directory.", path)
	}
	root, _, err := seal.OpenRoot(path)
	return root, err
}

type restoreCmd struct {
	conf.Config `embed:""`
	From        string `help:"First file of a backup. With --drill and without it, the installation is backed up first." placeholder:"FILE" type:"path"`
	Secrets     string `help:"Second file, of the same backup or of a later one. FILE.keys if left out." placeholder:"FILE" type:"path"`
	Drill       bool   `help:"Restore into a directory that is removed again, check everything, and put on record how it went."`
	Quiet       bool   `help:"Show no progress."`
}

// Run puts a backup back, or tries whether it could.
func (c *restoreCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	if t.Server != "" {
		return fault.Invalid("server", "a backup is restored on the machine that will hold the installation: leave --server out")
	}
	if c.Drill {
		return c.drill(ctx, t)
	}
	if c.From == "" {
		return fault.Invalid("from", "give the first file of a backup, which tickmark backup has written")
	}
	from, err := c.source()
	if err != nil {
		return err
	}
	say := newProgress(t.Err, c.Quiet)
	r, err := restore(ctx, c.Config, from, told(say))
	say.end()
	if err != nil {
		return err
	}
	if err := printRestored(t, "Restored into "+c.Data, r); err != nil {
		return err
	}
	return found(r)
}

// found makes what was wrong the command's failure.
func found(r *backup.Restored) error {
	if len(r.Faults) > 0 {
		return fault.Conflict("%d things are not as they were recorded.", len(r.Faults))
	}
	return nil
}

// source names the second file, if it is where it should be. One that was
// named must be there.
func (c *restoreCmd) source() (backup.Source, error) {
	from := backup.Source{Main: c.From, Secrets: c.Secrets}
	if c.Secrets != "" {
		if _, err := os.Stat(c.Secrets); err != nil {
			return from, fault.Invalid("secrets", "%s cannot be read", c.Secrets).With(err)
		}
		return from, nil
	}
	usual := backup.SecretsOf(c.From)
	_, err := os.Stat(usual)
	if err == nil {
		from.Secrets = usual
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return from, err
}

func restore(ctx context.Context, c conf.Config, from backup.Source, say func(backup.Progress)) (_ *backup.Restored, err error) {
	root, err := rootKey(c)
	if err != nil {
		return nil, err
	}
	if there, err := os.ReadDir(c.Data); err == nil && len(there) > 0 {
		return nil, fault.Conflict("%s is not empty: give a directory that is, or does not exist, with --data", c.Data)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Invalid("data", "%s is no directory that can be read", c.Data).With(err)
	}
	_, heldPath, err := c.RootKey()
	if err != nil {
		return nil, err
	}
	held, err := ledger.OpenHeld(heldPath)
	if err != nil {
		return nil, err
	}
	// What is made on the way to a failure must not be taken for an installation.
	defer func() {
		if err != nil {
			err = errors.Join(err, empty(c.Data))
		}
	}()
	store, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	return backup.Restore(ctx, from, backup.Target{URL: c.URL(), Store: store, Root: root, Held: held, Clock: clock.System(),
		Log: slog.New(slog.DiscardHandler), Say: say})
}

// empty clears a directory that was empty before.
func empty(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range list {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// drill restores into a directory that goes again. A backup that was named is
// tried; else one is made of the installation as it is.
func (c *restoreCmd) drill(ctx context.Context, t *cli.Terminal) (err error) {
	root, err := rootKey(c.Config)
	if err != nil {
		return err
	}
	now := clock.System()
	started := now.Now()
	say := newProgress(t.Err, c.Quiet)
	from := backup.Source{}
	if c.From != "" {
		from, err = c.source()
	} else {
		dir, e := os.MkdirTemp("", "tickmark-drill-")
		if e != nil {
			return e
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		from.Main = filepath.Join(dir, "backup")
		from.Secrets = backup.SecretsOf(from.Main)
		_, err = backUp(ctx, c.Config, from, told(say))
	}
	if err != nil {
		return err
	}
	r, failure := backup.TryOut(ctx, from, root, now, slog.New(slog.DiscardHandler), told(say))
	say.end()
	if ctx.Err() != nil {
		return ctx.Err() // nobody waited for its end
	}
	noted := onRecord(ctx, c.Config, backup.DrillResult(r, started, now.Now(), failure))
	if failure != nil {
		return errors.Join(failure, unnoted(noted))
	}
	if err := printRestored(t, "The drill restored", r); err != nil {
		return err
	}
	return errors.Join(found(r), unnoted(noted))
}

func unnoted(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the drill is not on record: %w", err)
}

func printRestored(t *cli.Terminal, done string, r *backup.Restored) error {
	if t.JSON {
		return json.NewEncoder(t.Out).Encode(r)
	}
	now := clock.System().Now()
	fmt.Fprintf(t.Out, "%s what was backed up on %s, %s ago, in %s.\n\n", done, stamp(r.Taken), age(now.Sub(r.Taken)), r.Took.Round(time.Millisecond))
	for _, l := range r.Logs {
		if l.Org == "" {
			fmt.Fprintf(t.Out, "  %s is NOT in the backup; %d entries of it were signed\n", l.Origin, l.Held)
			continue
		}
		fmt.Fprintf(t.Out, "  %s of %s: %d entries, the newest of %s, signed up to %d\n", l.Origin, l.Org, l.Entries, stamp(l.Recorded), l.Signed)
		if l.Closed > 0 {
			fmt.Fprintf(t.Out, "    %d of them stand, and cannot be opened\n", l.Closed)
		}
		if l.Held > 0 {
			fmt.Fprintf(t.Out, "    %d entries were signed before: this copy lacks %d\n", l.Held, l.Held-l.Entries)
		}
	}
	fmt.Fprintf(t.Out, "\n%d blobs of %s were read back.\n", r.Blobs, bytesOf(r.Bytes))
	if r.Erased > 0 {
		fmt.Fprintf(t.Out, "%d blobs were erased since the backup, and stay so.\n", r.Erased)
	}
	printAbsent(t.Out, r.Absent, int64(len(r.Absent)))
	for _, f := range r.Faults {
		fmt.Fprintf(t.Out, "NOT AS RECORDED: %s\n", f)
	}
	if r.Keys.IsZero() {
		fmt.Fprintf(t.Out, "\nThere was no second file: the logs stand as trees and the evidence lies there as ciphertext, but nothing of it can be\nread and nobody can sign in. Give the second file of this backup, or of a later one, with --secrets.\n")
	}
	if r.Older() {
		fmt.Fprintf(t.Out, "\nThis copy is older than what was signed last. It will start read-only. Restore a newer backup, or go on with this one by\ntickmark ledger adopt-restore, which opens a new log and says in it what was lost.\n")
	}
	return nil
}

// age writes a duration as people say it.
func age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// postResult hands a result to the server that holds the directory.
func postResult(ctx context.Context, client *http.Client, r backup.Result) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return askLocal(ctx, client, recordPath, body, func(io.Reader) error { return nil })
}
