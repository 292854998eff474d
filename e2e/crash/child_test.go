// Package crash_test kills a process that takes evidence in, again and again,
// and looks each time whether anything it acknowledged is gone.
package crash_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/seal"
)

// childEnv tells this program that it is the one to be killed, and where its
// data lies.
const childEnv = "TICKMARK_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		err := child(dir)
		say("failed %q", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// input is one piece of evidence to take in. Everything in it follows from the
// key, so that a second try brings the same.
type input struct {
	Key     string `json:"key"`
	Address string `json:"address,omitempty"`
}

// taken is what the writer is told.
type taken struct {
	Index int64 `json:"index"`
}

const insertRow = "INSERT INTO job_schedule (org_id, name, kind, args, every, next_run) VALUES (?, ?, 'evidence', ?, 1, 1)"

// record stores a row, the blob's key and an entry in one transaction.
var record = op.Write("evidence.take", "Take a piece of evidence in.", auth.EvidenceWrite, func(c *op.Call, in input) (taken, error) {
	if _, err := c.Tx.Exec(insertRow, c.Org, in.Key, in.Address); err != nil {
		return taken{}, err
	}
	if in.Address == "" { // an operation like any other, with the common entry
		c.Note("key", in.Key)
		return taken{}, nil
	}
	s := pieces(c).take(in.Key)
	index, err := c.Append(op.Record{Kind: canon.KindEvidence, ID: in.Key, Content: &s})
	return taken{index}, err
})

// content derives the bytes of a piece of evidence from its key.
func content(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	n := 1 + (int(sum[0])<<8|int(sum[1]))%40_000
	return bytes.Repeat(sum[:], n/len(sum)+1)[:n]
}

// plain reports whether the key stands for a change without a blob.
func plain(key string) bool { return strings.HasSuffix(key, "0") }

// open puts an installation together in dir, as the product does.
func open(ctx context.Context, dir string) (*op.Engine, error) {
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(dir, "data", "tickmark.db"), db.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	root, _, err := seal.OpenRoot(filepath.Join(dir, "keys", "root.key"))
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	held, err := ledger.OpenHeld(filepath.Join(dir, "keys", "held"))
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	store, err := blob.NewDisk(filepath.Join(dir, "data", "blobs"))
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	log := slog.New(slog.DiscardHandler)
	e := &op.Engine{DB: d, Ledger: ledger.New(d, root, held, clock.System(), log), Vault: blob.NewVault(d, store, root), Clock: clock.System(), Log: log}
	if err := e.Ledger.Check(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if why := e.Ledger.Locked(); why != "" {
		return nil, errors.Join(fmt.Errorf("the log is read-only: %s", why), d.Close())
	}
	return e, nil
}

// org finds the organization, if there is one yet.
func org(ctx context.Context, e *op.Engine) (id.Org, error) {
	var list []orgs.Org
	err := e.DB.Read(ctx, db.All, func(tx *db.Tx) (err error) { list, err = orgs.All(tx); return err })
	switch {
	case err != nil || len(list) == 0:
		return "", err
	case len(list) > 1:
		return "", fmt.Errorf("there are %d organizations", len(list))
	}
	return list[0].ID, nil
}

var printing sync.Mutex

// say writes one line to the parent, whole or not at all: it is shorter than a
// pipe writes at once.
func say(format string, args ...any) {
	printing.Lock()
	defer printing.Unlock()
	fmt.Fprintf(os.Stdout, format+"\n", args...)
}

// sealed hands blobs from their writer to the operation that keeps them.
type sealed struct {
	mu  sync.Mutex
	all map[string]blob.Sealed
}

func (s *sealed) give(key string, b blob.Sealed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[key] = b
}

func (s *sealed) take(key string) blob.Sealed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[key]
}

type piecesKey struct{}

func pieces(ctx context.Context) *sealed { return ctx.Value(piecesKey{}).(*sealed) }

// child takes evidence in until it is killed.
func child(dir string) error {
	ctx := context.WithValue(context.Background(), piecesKey{}, &sealed{all: map[string]blob.Sealed{}})
	e, err := open(ctx, dir)
	if err != nil {
		return err
	}
	go e.Ledger.Run(ctx)
	o, err := org(ctx, e)
	if err != nil {
		return err
	}
	if o == "" {
		founder := &op.Desk{Engine: e, Actor: auth.Actor{Name: "command line", Via: "cli"}}
		made, err := orgs.Found.Do(ctx, founder, orgs.Founding{Creation: orgs.Creation{Organization: "Example", Name: "Owner", Email: "owner@localhost"}})
		if err != nil {
			return err
		}
		o = made.Org
	}
	say("ready %s", o)
	desk := e.Machine(o, "taker", auth.EvidenceWrite)
	again, err := os.ReadFile(filepath.Join(dir, "again")) // what the process before had not acknowledged
	if err != nil {
		return err
	}
	for key := range strings.FieldsSeq(string(again)) {
		if err := take(ctx, desk, key); err != nil {
			return err
		}
	}
	failed := make(chan error)
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%s-%d-%d", os.Getenv("TICKMARK_CRASH_ROUND"), w, i)
				if err := take(ctx, desk, key); err != nil {
					failed <- fmt.Errorf("%s: %w", key, err)
					return
				}
			}
		}()
	}
	return <-failed
}

// take takes one piece in and says so once it is acknowledged. Every fourth
// waits for its receipt, every fifth is sent twice.
func take(ctx context.Context, desk *op.Desk, key string) error {
	say("trying %s", key)
	d := *desk
	d.Key = key
	in := input{Key: key}
	if !plain(key) {
		s, err := d.Vault.Put(ctx, d.Org, content(key))
		if err != nil {
			return err
		}
		pieces(ctx).give(key, s)
		in.Address = s.Address
	}
	out, err := record.Do(ctx, &d, in)
	if err != nil {
		return err
	}
	say("taken %s %d", key, out.Index)
	sum := sha256.Sum256([]byte(key))
	if sum[0]%5 == 0 {
		again, err := record.Do(ctx, &d, in)
		if err != nil || again != out {
			return fmt.Errorf("the second answer is %v, %w; the first was %v", again, err, out)
		}
	}
	if sum[1]%4 == 0 && out.Index > 0 {
		c, err := d.Ledger.Wait(ctx, d.Org, out.Index)
		if err != nil {
			return err
		}
		say("signed %d %s %s", c.Size, base64.StdEncoding.EncodeToString(c.Root[:]), hex.EncodeToString(c.Note))
	}
	return nil
}
