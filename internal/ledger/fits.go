package ledger

import (
	"context"
	"crypto/ed25519"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/seal"
)

// Fits refuses a root key that is not the one a log is signed with: before
// anything is restored, and not when the first entry waits for its signature.
func Fits(root *seal.Root, log id.Log, generation int64, public []byte) error {
	for _, r := range root.Each() {
		if logKey(r, log, generation).Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(public)) {
			return nil
		}
	}
	return fault.Invalid("keys", "the root key does not fit log %s: put the installation's own root key, or its recovery copy, into the keys directory", log)
}

// RootFits refuses a root key that is not the one of any log in a database.
func RootFits(ctx context.Context, d *db.DB, root *seal.Root) error {
	l := &Ledger{db: d, root: root}
	orgs, err := l.orgs(ctx, selectLogs)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		lg, err := l.find(ctx, org)
		if err != nil {
			return err
		}
		if err := Fits(root, lg.ID, lg.Generation, lg.PublicKey); err != nil {
			return err
		}
	}
	return nil
}
