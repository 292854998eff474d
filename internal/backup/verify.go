package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
)

// Pieces in which logs and blobs are read back.
const (
	perPiece  = 2000
	perLook   = 200
	bytesLook = 256 << 20
	maxFaults = 100
)

// verify opens what was filled, brought up to this program's schema, and reads
// it back.
func (r *restorer) verify() (_ *Restored, err error) {
	d, err := db.Open(r.ctx, r.to.URL, r.to.Options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	// What was signed before is compared apart: a restored copy is often older
	// than the newest head, and that is no fault of the copy.
	scratch, err := os.MkdirTemp("", "tickmark-restore-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	none, err := ledger.OpenHeld(filepath.Join(scratch, "held"))
	if err != nil {
		return nil, err
	}
	v := &verifier{restorer: r, db: d, out: &Restored{ID: r.main.ID, Taken: r.main.Taken, Absent: r.main.Absent, absence: r.main.AbsentCount, counted: r.main.Summary.counted()},
		ledger: ledger.New(d, r.to.Root, none, r.to.Clock, r.to.Log), vault: blob.NewVault(d, r.to.Store, r.to.Root)}
	if r.keys != nil {
		v.out.Keys = r.keys.Taken
	}
	for _, step := range []func() error{v.logs, v.erased, v.blobs} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return v.out, nil
}

type verifier struct {
	*restorer
	db     *db.DB
	ledger *ledger.Ledger
	vault  *blob.Vault
	out    *Restored
}

func (v *verifier) fault(format string, args ...any) {
	if len(v.out.Faults) < maxFaults {
		v.out.Faults = append(v.out.Faults, fmt.Sprintf(format, args...))
	}
}

// logs reads every log back: each leaf and hash against the tree they make,
// the tree against what was signed, each row and opening against its leaf.
func (v *verifier) logs() error {
	v.to.Say(Progress{What: "reading the logs back"})
	for _, l := range v.main.Logs {
		c := Checked{Org: l.Org, Origin: l.Origin, Epoch: l.Epoch, Entries: l.Size, Signed: l.Signed, Recorded: l.Recorded, Head: l.Checkpoint}
		if v.to.Held != nil {
			if h, ok := v.to.Held.Of(l.Origin); ok && h.Size > l.Size {
				c.Held = h.Size
			}
		}
		if v.newest(l) {
			if err := v.log(l, &c); err != nil {
				return err
			}
		}
		v.out.Logs = append(v.out.Logs, c)
	}
	if v.to.Held == nil {
		return nil
	}
	for _, h := range v.to.Held.All() { // begun after the backup
		if !slices.ContainsFunc(v.main.Logs, func(l Log) bool { return l.Origin == h.Origin }) {
			v.out.Logs = append(v.out.Logs, Checked{Origin: h.Origin, Held: h.Size})
		}
	}
	return nil
}

// newest reports whether a log is the one of its organization that takes
// entries. Those before it are read with it.
func (v *verifier) newest(l Log) bool {
	return !slices.ContainsFunc(v.main.Logs, func(x Log) bool { return x.Org == l.Org && x.Epoch > l.Epoch })
}

func (v *verifier) log(l Log, c *Checked) error {
	var at ledger.Place
	for done := false; !done; {
		err := v.ledger.Reread(v.ctx, l.Org, at, perPiece, func(_ *db.Tx, p *ledger.Piece) error {
			at, done = p.Next, p.Done
			flaws := p.Flaws
			if done { // the last of them say which openings are not there
				c.Closed = int64(len(p.Next.Missing))
				flaws = flaws[:len(flaws)-len(p.Next.Missing)]
			}
			for _, f := range flaws {
				v.fault("log of %s, %s: %s", l.Org, f.Where, f.Text)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if c.Closed > 0 && v.exact { // both files are of one moment: something was removed in silence
		v.fault("log of %s: %d entries cannot be opened, and no entry says that they were erased", l.Org, c.Closed)
	}
	return nil
}

// erased drops the rows of blobs whose keys were destroyed between the first
// file and the second. Without a second file nothing can be told apart.
func (v *verifier) erased() error {
	if v.keys == nil {
		return nil
	}
	for org := range v.orgs {
		var n int64
		err := v.db.Write(v.ctx, org, func(tx *db.Tx) (err error) {
			n, err = blob.DropKeyless(tx, id.Org(org))
			return err
		})
		if err != nil {
			return err
		}
		v.out.Erased += n
	}
	if v.exact && v.out.Erased > 0 {
		v.fault("%d blobs have no key in the second file", v.out.Erased)
	}
	return nil
}

// blobs reads every blob of a row back.
func (v *verifier) blobs() error {
	said := Progress{What: "reading the evidence back"}
	for org := range v.orgs {
		look := v.open
		if v.keys == nil {
			look = v.sealed
		}
		for after, more := "", true; more; {
			found, err := look(id.Org(org), after)
			if err != nil {
				return err
			}
			for _, c := range found {
				after = c.Address
				if c.Flaw != "" && !v.absent(id.Org(org), c) {
					v.fault("blob %s of %s: %s", c.Address, org, c.Flaw)
				} else if c.Flaw == "" {
					said.Blobs, said.Bytes = said.Blobs+1, said.Bytes+c.Bytes
				}
			}
			if more = len(found) > 0; more {
				v.to.Say(said)
			}
		}
	}
	v.out.Blobs, v.out.Bytes = said.Blobs, said.Bytes
	return nil
}

// absent reports whether the backup said that it has no such blob. Beyond those
// that it names it gives a number, and then a missing object is taken for one.
func (v *verifier) absent(org id.Org, c blob.Checked) bool {
	if slices.ContainsFunc(v.out.Absent, func(a Absent) bool { return a.Org == org && a.Address == c.Address }) {
		return true
	}
	return v.out.absence > int64(len(v.out.Absent)) && c.Flaw == noObject
}

// noObject is the flaw of a blob that the store does not have.
const noObject = "its object is not in the store"

// open checks digest, key and content.
func (v *verifier) open(org id.Org, after string) ([]blob.Checked, error) {
	return v.vault.Check(v.ctx, org, after, perLook, bytesLook)
}

// sealed checks digests alone: there are no keys.
func (v *verifier) sealed(org id.Org, after string) ([]blob.Checked, error) {
	rows, err := blob.SealedAfter(v.ctx, v.db, org, after, perLook)
	if err != nil {
		return nil, err
	}
	var out []blob.Checked
	for _, row := range rows {
		c := blob.Checked{Address: row.Address}
		if c.Flaw, c.Bytes, err = digest(v.ctx, v.to.Store, row); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func digest(ctx context.Context, store blob.Store, row blob.Row) (flaw string, n int64, err error) {
	name, err := blob.ObjectName(row.Address, row.Sealed)
	if err != nil {
		return "its row gives no digest", 0, nil
	}
	f, err := store.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return noObject, 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	sum := sha256.New()
	if n, err = io.Copy(sum, f); err != nil {
		return "", n, fmt.Errorf("blob %s: %w", row.Address, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != row.Sealed {
		return "its bytes in the store are not those that were stored", n, nil
	}
	return "", n, nil
}
