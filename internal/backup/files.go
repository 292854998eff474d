package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/seal"
)

// SecretsOf is where the second file lies when nobody says otherwise.
func SecretsOf(main string) string { return main + ".keys" }

// Files are the two files of a backup while they are written. Nobody else may
// read them, and they get their names only once both are on disk.
type Files struct {
	Main, Secrets *os.File
	paths         [2]string
}

// Create begins both files beside where they will be.
func Create(main, secrets string) (*Files, error) {
	if filepath.Clean(main) == filepath.Clean(secrets) {
		return nil, fault.Invalid("secrets", "give another file than with --out: the two are kept apart")
	}
	f := &Files{paths: [2]string{main, secrets}}
	for i, to := range []**os.File{&f.Main, &f.Secrets} {
		if _, err := os.Lstat(f.paths[i]); !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(fault.Conflict("%s is there already: give a name of its own to each backup, such as one with the date", f.paths[i]), f.Abort())
		}
		t, err := os.CreateTemp(filepath.Dir(f.paths[i]), ".backup-")
		if err != nil {
			return nil, errors.Join(fault.Invalid("out", "cannot write beside %s: give a folder that exists and may be written", f.paths[i]).With(err), f.Abort())
		}
		*to = t
	}
	return f, nil
}

// Commit gives the files their names, the second first: a first file that is
// there has its second.
func (f *Files) Commit() error {
	files := [2]*os.File{f.Main, f.Secrets}
	for _, t := range files {
		if err := t.Sync(); err != nil {
			return errors.Join(fmt.Errorf("backup: %w", err), f.Abort())
		}
	}
	for i := len(files) - 1; i >= 0; i-- {
		err := files[i].Close()
		if err == nil {
			err = os.Rename(files[i].Name(), f.paths[i])
		}
		if err == nil {
			err = durable.SyncDir(filepath.Dir(f.paths[i]))
		}
		if err != nil {
			return errors.Join(fmt.Errorf("backup: %w", err), f.Abort())
		}
	}
	return nil
}

// Abort removes what was begun.
func (f *Files) Abort() error {
	var errs []error
	for _, t := range []*os.File{f.Main, f.Secrets} {
		if t == nil {
			continue
		}
		if err := t.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
		if err := os.Remove(t.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// TryOut restores a backup into a directory that is removed again, and says
// what reading it back showed. The database of a drill is always SQLite.
func TryOut(ctx context.Context, from Source, root *seal.Root, now clock.Clock, log *slog.Logger, say func(Progress)) (_ *Restored, err error) {
	dir, err := os.MkdirTemp("", "tickmark-drill-")
	if err != nil {
		return nil, fmt.Errorf("drill: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := blob.NewDisk(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	return Restore(ctx, from, Target{URL: "sqlite:" + filepath.Join(dir, "tickmark.db"), Options: db.Options{Log: log}, Store: store, Root: root, Clock: now, Log: log, Say: say})
}

// DrillResult is how a drill is put on record: every organization learns how
// it ended, and not what was wrong with others.
func DrillResult(r *Restored, started, finished time.Time, err error) Result {
	out := Result{Kind: Drill, Outcome: OK, Started: started, Finished: finished, Taken: started}
	switch {
	case err != nil:
		out.Outcome, out.Problem = Failed, "the backup could not be restored; the operator has seen why"
		return out
	case len(r.Faults) > 0:
		out.Outcome, out.Problem = Failed, fmt.Sprintf("%d things were not as they were recorded; the operator has seen which", len(r.Faults))
	case r.Keys.IsZero():
		out.Outcome, out.Problem = Incomplete, "restored without the second file: nothing in it can be read"
	case r.absence > 0:
		out.Outcome, out.Problem = Incomplete, fmt.Sprintf("%d blobs of the installation were not in the backup", r.absence)
	}
	out.Taken, out.Logs = r.Taken, r.counted
	return out
}
