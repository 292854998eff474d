package torture_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/seal"
)

// What a child process is told through its environment.
const (
	childEnv    = "TICKMARK_TORTURE_CHILD"    // the directory it works in; set, this program is a child
	workEnv     = "TICKMARK_TORTURE_WORK"     // the name of its work
	roundEnv    = "TICKMARK_TORTURE_ROUND"    // what its new keys begin with
	carelessEnv = "TICKMARK_TORTURE_CARELESS" // what is not synced, in a control run: "rows" or "blobs"
)

// Work is something that must survive a fault. Do runs in the child, over and
// over, until it is killed or returns an error.
type Work struct {
	Name string
	// Do does it once. Whatever it acknowledges it says; n counts its calls.
	Do func(ctx context.Context, w *worker, n int) error
	// Bare work opens the directory itself; the rest gets it open, with an
	// organization.
	Bare bool
	// Once: it ends by itself after one call.
	Once bool
}

// works lists all work that faults are injected into. A new kind of work is a
// line here.
var works = []Work{
	{Name: "ingest", Do: ingest},
	{Name: "export", Do: export},
	{Name: "erase", Do: erase},
	{Name: "backup", Do: copyAll},
	{Name: "rotate", Do: rotate, Bare: true},
	{Name: "migrate", Do: migrate, Bare: true, Once: true},
	{Name: "start", Do: start, Bare: true, Once: true},
	{Name: "append", Do: appendOne, Once: true},
	{Name: "upload", Do: upload, Once: true},
}

func workNamed(name string) (Work, bool) {
	for _, w := range works {
		if w.Name == name {
			return w, true
		}
	}
	return Work{}, false
}

// place is where an installation lies.
type place struct {
	dir      string
	url      string                               // of the database; empty for SQLite in dir
	careless string                               // what a control run does not sync
	wrap     func(blob.Store) (blob.Store, error) // puts a fault between vault and store
}

// keys is a file in the folder of keys.
func (p place) keys(name string) string { return filepath.Join(p.dir, "etc", "keys", name) }

// open puts an installation together, as the product does. A log that is
// read-only is opened too: Ledger.Locked says why.
func (p place) open(ctx context.Context) (*op.Engine, error) {
	url := p.url
	if url == "" {
		url = "sqlite:" + filepath.Join(p.dir, "data", "tickmark.db")
	}
	log := slog.New(slog.DiscardHandler)
	d, err := db.Open(ctx, url, db.Options{Log: log, Unsafe: p.url != "", Careless: p.careless == "rows"})
	if err != nil {
		return nil, err
	}
	e, err := p.assemble(ctx, d, log)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return e, nil
}

func (p place) assemble(ctx context.Context, d *db.DB, log *slog.Logger) (*op.Engine, error) {
	root, _, err := seal.OpenRoot(p.keys("root.key"))
	if err != nil {
		return nil, err
	}
	held, err := ledger.OpenHeld(p.keys("held"))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(p.dir, "data"), 0o700); err != nil {
		return nil, err
	}
	var store blob.Store
	if store, err = blob.NewDisk(filepath.Join(p.dir, "data", "blobs")); err != nil {
		return nil, err
	}
	if p.careless == "blobs" {
		store = hasty{store, filepath.Join(p.dir, "data", "blobs")}
	}
	if p.wrap != nil {
		if store, err = p.wrap(store); err != nil {
			return nil, err
		}
	}
	e := &op.Engine{DB: d, Ledger: ledger.New(d, root, held, clock.System(), log), Vault: blob.NewVault(d, store, root), Clock: clock.System(), Log: log}
	return e, e.Ledger.Check(ctx)
}

// hasty is the store of a control run: it answers before anything lasts.
type hasty struct {
	blob.Store
	dir string
}

func (h hasty) Put(_ context.Context, name string, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	path := filepath.Join(h.dir, name[:2], name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// organization finds the one organization, or founds it. Empty without an
// error: there is none and none was to be made.
func organization(ctx context.Context, e *op.Engine, found bool) (id.Org, error) {
	var list []orgs.Org
	err := e.DB.Read(ctx, db.All, func(tx *db.Tx) (err error) { list, err = orgs.All(tx); return err })
	switch {
	case err != nil:
		return "", err
	case len(list) == 1:
		return list[0].ID, nil
	case len(list) > 1:
		return "", fmt.Errorf("there are %d organizations", len(list))
	case !found:
		return "", nil
	}
	founder := &op.Desk{Engine: e, Actor: auth.Actor{Name: "command line", Via: "cli"}}
	made, err := orgs.Found.Do(ctx, founder, orgs.Founding{Creation: orgs.Creation{Organization: "Example", Name: "Owner", Email: "owner@localhost"}})
	return made.Org, err
}

func taker(e *op.Engine, o id.Org) *op.Desk {
	return e.Machine(o, "taker", auth.EvidenceWrite, auth.EvidenceRead, auth.ExportWrite, auth.LogRead)
}

// worker is what work has at hand.
type worker struct {
	place
	desk  *op.Desk // nil for bare work
	round string
	signs bool // somebody signs heads in the background
	out   sync.Mutex
	w     io.Writer
	in    *bufio.Reader
}

// say writes one line to the parent.
func (w *worker) say(format string, args ...any) {
	w.out.Lock()
	defer w.out.Unlock()
	fmt.Fprintf(w.w, format+"\n", args...)
}

// wire is the way to the parent: a socket, because a write that is made to fail
// must not be one of these.
type wire int

func (x wire) Write(b []byte) (int, error) {
	for done := 0; done < len(b); {
		n, err := syscall.SendmsgN(int(x), b[done:], nil, nil, 0)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return done, err
		}
		done += max(n, 0)
	}
	return len(b), nil
}

// await tells the parent that everything is ready and waits for its word.
func (w *worker) await() error {
	w.say("armed")
	_, err := w.in.ReadString('\n')
	return err
}

// child works until it is killed, or until its work ends or fails.
func child(dir string) int {
	ctx := context.Background()
	w := &worker{place: place{dir: dir, careless: os.Getenv(carelessEnv)}, round: os.Getenv(roundEnv), w: wire(1), in: bufio.NewReader(os.Stdin)}
	work, ok := workNamed(os.Getenv(workEnv))
	if !ok {
		w.say("failed %q", "there is no work "+os.Getenv(workEnv))
		return 2
	}
	if err := w.labour(ctx, work); err != nil {
		w.say("failed %q", err)
		return 1
	}
	w.say("done")
	return 0
}

func (w *worker) labour(ctx context.Context, work Work) error {
	if work.Once {
		runtime.LockOSThread() // whoever counts calls by thread counts all of this goroutine's
	}
	if work.Bare {
		if err := w.await(); err != nil {
			return err
		}
		err := work.Do(ctx, w, 0)
		for n := 1; err == nil && !work.Once; n++ {
			err = work.Do(ctx, w, n)
		}
		return err
	}
	e, err := w.open(ctx)
	if err != nil {
		return err
	}
	if why := e.Ledger.Locked(); why != "" {
		return errors.New("the log is read-only: " + why)
	}
	o, err := organization(ctx, e, true)
	if err != nil {
		return err
	}
	w.desk = taker(e, o)
	w.say("ready %s", o)
	if work.Once {
		return w.one(ctx, work)
	}
	w.signs = true
	go e.Ledger.Run(ctx)
	if err := w.again(ctx); err != nil {
		return err
	}
	failed := make(chan error)
	for hand := range 4 {
		go func() {
			for n := hand; ; n += 4 {
				if err := work.Do(ctx, w, n); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// again sends anew what the process before had not acknowledged: it must
// happen once.
func (w *worker) again(ctx context.Context) error {
	list, err := os.ReadFile(filepath.Join(w.dir, "again"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for key := range strings.FieldsSeq(string(list)) {
		if err := w.take(ctx, key, true); err != nil {
			return err
		}
	}
	return nil
}

// one runs work once, having made something to look at before.
func (w *worker) one(ctx context.Context, work Work) error {
	before := w.round + "-before"
	if err := w.take(ctx, before, true); err != nil {
		return err
	}
	if err := w.await(); err != nil {
		return err
	}
	err := work.Do(ctx, w, 0)
	// Whatever the fault did, what is answered now must be right or refused.
	if wrong := readsWrong(ctx, w.desk, before); wrong != nil {
		w.say("wrong %q", wrong)
	}
	return err
}

// content derives the bytes of a piece of evidence from its key.
func content(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	n := 1 + (int(sum[0])<<8|int(sum[1]))%40_000
	return bytes.Repeat(sum[:], n/len(sum)+1)[:n]
}

func title(key string) string { return "piece " + key }

// take takes one piece of evidence in and says so once it is acknowledged.
// Every fourth waits for its receipt, every fifth is sent twice.
func (w *worker) take(ctx context.Context, key string, receipt bool) error {
	_, err := w.taking(ctx, key, receipt)
	return err
}

func (w *worker) taking(ctx context.Context, key string, receipt bool) (r evidence.Record, err error) {
	w.say("trying %s", key)
	s, err := w.desk.Vault.Store(ctx, w.desk.Org, content(key), w.desk.Clock.Now())
	if err != nil {
		return r, fmt.Errorf("%s: %w", key, err)
	}
	if r, err = w.submit(ctx, key, s); err != nil {
		return r, fmt.Errorf("%s: %w", key, err)
	}
	sum := sha256.Sum256([]byte(key))
	if sum[0]%5 == 0 {
		again, err := w.submit(ctx, key, s)
		if err != nil || again.ID != r.ID {
			return r, fmt.Errorf("%s: the second answer is %s, %w; the first was %s", key, again.ID, err, r.ID)
		}
	}
	if receipt || sum[1]%4 == 0 {
		return r, w.receipt(ctx, key, r.Entry)
	}
	return r, nil
}

func (w *worker) submit(ctx context.Context, key string, s blob.Sealed) (evidence.Record, error) {
	d := *w.desk
	d.Key = key
	r, err := evidence.Submit.Do(ctx, &d, evidence.Submission{Blob: s.Address, Title: title(key), Origin: "torture"})
	if err == nil {
		w.say("taken %s %s %d", key, r.ID, r.Entry)
	}
	return r, err
}

// receipt asks for the proof of an entry, once its head is signed.
func (w *worker) receipt(ctx context.Context, key string, entry int64) (err error) {
	if w.signs {
		_, err = w.desk.Ledger.Wait(ctx, w.desk.Org, entry)
	} else {
		_, err = w.desk.Ledger.Seal(ctx, w.desk.Org)
	}
	if err != nil {
		return err
	}
	var text string
	err = w.desk.DB.Read(ctx, string(w.desk.Org), func(tx *db.Tx) error {
		p, err := w.desk.Ledger.Prove(tx, w.desk.Org, entry)
		text = p.Receipt()
		return err
	})
	if err == nil {
		w.say("receipt %s %s", key, hex.EncodeToString([]byte(text)))
	}
	return err
}

func ingest(ctx context.Context, w *worker, n int) error {
	return w.take(ctx, fmt.Sprintf("%s-%d", w.round, n), false)
}

// export writes a bundle to a file, between pieces of evidence.
func export(ctx context.Context, w *worker, n int) error {
	if n%4 != 0 {
		return ingest(ctx, w, n)
	}
	dir := filepath.Join(w.dir, "exports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("%s-%d.evb", w.round, n))
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	_, err = evidence.WriteBundle(ctx, w.desk, f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	w.say("exported %s", path)
	return nil
}

// migrate makes an installation in an empty directory.
func migrate(ctx context.Context, w *worker, _ int) error {
	e, err := w.open(ctx)
	if err != nil {
		return err
	}
	o, err := organization(ctx, e, true)
	if err != nil {
		return err
	}
	w.say("ready %s", o)
	w.desk = taker(e, o)
	return w.take(ctx, w.round+"-first", true)
}

// start opens an installation, as after a crash, and closes it.
func start(ctx context.Context, w *worker, _ int) error {
	e, err := w.open(ctx)
	if err != nil {
		return err
	}
	if why := e.Ledger.Locked(); why != "" {
		return errors.New("the log is read-only: " + why)
	}
	o, err := organization(ctx, e, false)
	if err != nil {
		return err
	}
	w.say("ready %s", o)
	return errors.Join(e.Ledger.SealAll(ctx), e.DB.Close())
}

// appendOne adds an entry that refers to bytes which are there already.
func appendOne(ctx context.Context, w *worker, _ int) error {
	key := w.round + "-append"
	address, err := addressOf(ctx, w.desk, w.round+"-before")
	if err != nil {
		return err
	}
	w.say("trying %s", key)
	w.say("bytes %s %s", key, w.round+"-before")
	r, err := w.submit(ctx, key, blob.Sealed{Address: address})
	if err != nil {
		return err
	}
	return w.receipt(ctx, key, r.Entry)
}

// upload takes in new bytes and the record of them.
func upload(ctx context.Context, w *worker, _ int) error {
	return w.take(ctx, w.round+"-upload", true)
}

// readsWrong reads a piece of evidence back. A refusal is an honest answer;
// other bytes are not.
func readsWrong(ctx context.Context, desk *op.Desk, key string) error {
	address, err := addressOf(ctx, desk, key)
	if err != nil {
		return nil
	}
	got, err := desk.Vault.Get(ctx, desk.Org, address)
	if err == nil && !bytes.Equal(got, content(key)) {
		return fmt.Errorf("%s reads back as %d other bytes", key, len(got))
	}
	return nil
}

func addressOf(ctx context.Context, desk *op.Desk, key string) (string, error) {
	return desk.Vault.AddressOf(ctx, desk.Org, sha256.Sum256(content(key)))
}
