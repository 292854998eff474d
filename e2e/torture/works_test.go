package torture_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/seal"
)

// erase has every third piece erased: asked for by one, approved by another,
// and cleared away.
func erase(ctx context.Context, w *worker, n int) error {
	key := fmt.Sprintf("%s-%d", w.round, n)
	r, err := w.taking(ctx, key, false)
	if err != nil || n%3 != 0 {
		return err
	}
	asker, err := person(ctx, w.desk, auth.Owner)
	if err != nil {
		return err
	}
	second, err := person(ctx, w.desk, auth.Lead)
	if err != nil {
		return err
	}
	w.say("erasing %s", key)
	e, err := erasures.Create.Do(ctx, asker, erasures.Asking{Evidence: []string{string(r.ID)}, Basis: "recorded_in_error", Reason: "the harness asked for it"})
	if err != nil {
		return err
	}
	seen, err := erasures.Get.Do(ctx, second, erasures.Ref{ID: string(e.ID)})
	if err != nil {
		return err
	}
	if _, err := erasures.Approve.Do(ctx, second, erasures.Approval{ID: string(e.ID), Plan: seen.Plan.Digest}); err != nil {
		return err
	}
	w.say("erased %s", key)
	return erasures.Clear(ctx, w.desk.Engine, w.desk.Org, e.ID)
}

// person is the desk of whoever has a role here, who is added if nobody has.
func person(ctx context.Context, desk *op.Desk, role auth.Role) (*op.Desk, error) {
	user, err := member(ctx, desk, role)
	if err != nil {
		return nil, err
	}
	if user == "" {
		owner, err := person(ctx, desk, auth.Owner)
		if err != nil {
			return nil, err
		}
		m, err := orgs.AddMem.Do(ctx, owner, orgs.NewMember{Name: "Second " + string(role), Email: string(role) + "@example.com", Role: string(role)})
		if err != nil {
			if user, again := member(ctx, desk, role); again == nil && user != "" { // another hand was quicker
				return person(ctx, desk, role)
			}
			return nil, err
		}
		user = m.ID
	}
	d := *desk
	d.Key = ""
	err = desk.DB.Read(ctx, string(desk.Org), func(tx *db.Tx) (err error) {
		d.Actor, err = auth.MemberActor(tx, desk.Org, user, "api")
		return err
	})
	return &d, err
}

func member(ctx context.Context, desk *op.Desk, role auth.Role) (user id.User, err error) {
	err = desk.DB.Read(ctx, string(desk.Org), func(tx *db.Tx) error {
		all, err := auth.Members(tx, desk.Org)
		for _, m := range all {
			for _, has := range m.Roles {
				if has == role {
					user = m.ID
				}
			}
		}
		return err
	})
	return user, err
}

// copyAll makes a backup, between pieces of evidence.
func copyAll(ctx context.Context, w *worker, n int) error {
	if n%4 != 0 {
		return ingest(ctx, w, n)
	}
	dir := filepath.Join(w.dir, "backups")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	main := filepath.Join(dir, fmt.Sprintf("%s-%d", w.round, n))
	f, err := backup.Create(main, backup.SecretsOf(main))
	if err != nil {
		return err
	}
	if _, err := backup.Make(ctx, w.desk.Engine, f.Main, f.Secrets, nil); err != nil {
		return errors.Join(err, f.Abort())
	}
	if err := f.Commit(); err != nil {
		return err
	}
	w.say("backup %s", main)
	return nil
}

// rotate changes the root key again and again, and takes evidence in between.
// It goes on where a kill ended it: the file then holds both keys.
func rotate(ctx context.Context, w *worker, n int) error {
	if err := w.rotateOnce(ctx); err != nil {
		return err
	}
	e, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer e.DB.Close()
	o, err := organization(ctx, e, true)
	if err != nil {
		return err
	}
	w.say("ready %s", o)
	w.desk = taker(e, o)
	return w.take(ctx, fmt.Sprintf("%s-%d", w.round, n), true)
}

func (w *worker) rotateOnce(ctx context.Context) error {
	file := seal.Place{File: w.keys("root.key")}
	root, _, err := file.Open()
	if err != nil {
		return err
	}
	if !root.Ring() {
		root = seal.NewRoot().With(root)
		if err := file.Save(root); err != nil {
			return err
		}
	}
	e, err := w.open(ctx)
	if err != nil {
		return err
	}
	act := ledger.Act{Reason: "the harness", Actor: `{"id":"operator","name":"operator on the host","via":"host"}`}
	if err := errors.Join(e.Ledger.Rotate(ctx, act, e.Vault.Rewrap), e.DB.Close()); err != nil {
		return err
	}
	return file.Save(root.Newest())
}

// erasures checks what was erased, or may have been: all of it is gone and says
// so, or all of it is there.
func (l *look) erased() {
	for key, sure := range l.w.erased {
		a, ok := l.w.Taken[key]
		if !ok {
			continue
		}
		r := l.byID[a.ID]
		gone := r.ErasedBy != 0
		if sure && !gone {
			l.lose("the erasure of %s was acknowledged, and it is there", key)
		}
		got, err := l.e.Vault.Get(l.ctx, l.org, l.address(key))
		switch {
		case gone && !errors.Is(err, blob.ErrErased):
			l.damage("%s is erased, and its bytes read as %d, %v", key, len(got), err)
		case !gone && err != nil:
			l.lose("%s is not erased, and its bytes are gone: %v", key, err)
		}
	}
}

func (l *look) address(key string) string {
	address, err := addressOf(l.ctx, &op.Desk{Engine: l.e, Org: l.org}, key)
	if err != nil {
		l.damage("%v", err)
	}
	return address
}

// backups restores the newest that was acknowledged into a directory that is
// thrown away.
func (l *look) backups(root *seal.Root) {
	for _, main := range l.w.backups[max(len(l.w.backups)-1, 0):] {
		got, err := backup.TryOut(l.ctx, backup.Source{Main: main, Secrets: backup.SecretsOf(main)}, root, clock.System(), slog.New(slog.DiscardHandler), nil)
		if err != nil {
			l.lose("a backup that was acknowledged: %v", err)
		} else if len(got.Faults)+len(got.Absent) > 0 {
			l.damage("a backup that was acknowledged lacks %v, and %v", got.Absent, got.Faults)
		}
	}
	// What a kill cut short must not look like a backup.
	list, err := filepath.Glob(filepath.Join(l.p.dir, "backups", "[^.]*"))
	for _, path := range list {
		if filepath.Ext(path) == ".keys" {
			continue
		}
		if _, e := os.Stat(backup.SecretsOf(path)); errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("%s has no second file", filepath.Base(path)))
		}
	}
	if err != nil {
		l.damage("backups: %v", err)
	}
	l.w.backups = nil
}
