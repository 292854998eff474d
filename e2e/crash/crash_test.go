package crash_test

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	killsEnv = "TICKMARK_CRASH"      // how many kills; 25 if unset
	seedEnv  = "TICKMARK_CRASH_SEED" // when they come; 1 if unset
	restart  = 5 * time.Second       // the longest that a start may take
)

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	s := os.Getenv(env)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: want a number", env)
	}
	return n
}

// head is a signed head that left the process.
type head struct {
	size int64
	root [32]byte
	note []byte
}

// witness is what the world outside remembers of the processes that died.
type witness struct {
	dir    string
	rand   *rand.Rand
	org    id.Org
	taken  map[string]int64 // key → index that was acknowledged; 0 for a plain one
	tried  []string         // keys of this round that were not acknowledged
	heads  []head
	fresh  []string // keys acknowledged since the last look
	kills  int
	halves int // of tried keys, how many turned out to be stored
}

func TestNothingAcknowledgedIsLostToAKill(t *testing.T) {
	kills, seed := number(t, killsEnv, 25), number(t, seedEnv, 1)
	w := &witness{dir: t.TempDir(), rand: rand.New(rand.NewPCG(uint64(seed), 0)), taken: map[string]int64{}}
	for w.kills = range kills {
		w.round(t)
		w.look(t)
		if t.Failed() {
			t.Fatalf("after kill %d of seed %d", w.kills+1, seed)
		}
	}
	w.fresh = slices.Collect(func(yield func(string) bool) {
		for k := range w.taken {
			if !yield(k) {
				return
			}
		}
	})
	w.look(t) // at everything
	t.Logf("%d kills: %d acknowledged, %d signed heads handed out, %d stored though the answer was lost", kills, len(w.taken), len(w.heads), w.halves)
	if len(w.taken) < kills {
		t.Errorf("only %d acknowledged in %d rounds: this test kills too early", len(w.taken), kills)
	}
}

// round runs a process and kills it.
func (w *witness) round(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "again"), []byte(strings.Join(w.tried, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+w.dir, "TICKMARK_CRASH_ROUND="+strconv.Itoa(w.kills))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// One round in six ends while the process starts, the others after some
	// number of lines; in both, at no particular place in the code.
	lines := w.rand.IntN(120)
	if w.rand.IntN(6) == 0 {
		lines = -1
		time.AfterFunc(time.Duration(w.rand.IntN(80_000))*time.Microsecond, func() { cmd.Process.Kill() })
	}
	in := bufio.NewReader(out)
	for n := 0; ; n++ {
		line, err := in.ReadString('\n')
		if err != nil {
			break // a line cut short was never said
		}
		if n == 0 && time.Since(started) > restart {
			t.Errorf("the process took %s to start", time.Since(started))
		}
		if err := w.hear(strings.Fields(line)); err != nil {
			t.Errorf("%s: %v\n%s", strings.TrimSpace(line), err, stderr.Bytes())
		}
		if n == lines {
			cmd.Process.Kill()
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Errorf("the process ended by itself: %v\n%s", err, stderr.Bytes())
	}
}

// hear notes what a process says.
func (w *witness) hear(words []string) error {
	switch words[0] {
	case "ready":
		if w.org != "" && string(w.org) != words[1] {
			return fmt.Errorf("it was %s", w.org)
		}
		w.org = id.Org(words[1])
	case "trying":
		if !slices.Contains(w.tried, words[1]) {
			w.tried = append(w.tried, words[1])
		}
	case "taken":
		index, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil {
			return err
		}
		if was, ok := w.taken[words[1]]; ok && was != index {
			return fmt.Errorf("it was entry %d", was)
		}
		w.taken[words[1]] = index
		w.fresh = append(w.fresh, words[1])
		w.tried = slices.DeleteFunc(w.tried, func(k string) bool { return k == words[1] })
	case "signed":
		size, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return err
		}
		root, err := base64.StdEncoding.DecodeString(words[2])
		if err != nil {
			return err
		}
		n, err := hex.DecodeString(words[3])
		w.heads = append(w.heads, head{size, [32]byte(root), n})
		return err
	default:
		return errors.New("it failed")
	}
	return nil
}

// look opens what the killed process left behind and compares it with what
// the world outside remembers.
func (w *witness) look(t *testing.T) {
	t.Helper()
	e, err := open(t.Context(), w.dir)
	if err != nil {
		t.Errorf("what is left cannot be opened: %v", err)
		return
	}
	defer func() {
		if err := e.DB.Close(); err != nil {
			t.Error(err)
		}
	}()
	o, err := org(t.Context(), e)
	if err != nil || w.org != "" && o != w.org {
		t.Errorf("the organization is %q, %v; was %q", o, err, w.org)
		return
	}
	if o == "" {
		return // killed before there was one
	}
	size, err := e.Ledger.Audit(t.Context(), o)
	if err != nil {
		t.Errorf("audit: %v", err)
		return
	}
	if err := w.compare(t, e, o, size); err != nil {
		t.Error(err)
	}
	if _, err := e.Ledger.Seal(t.Context(), o); err != nil { // the head goes on from there
		t.Errorf("seal: %v", err)
	}
}

// compare holds rows, entries, blobs and heads against what was acknowledged.
func (w *witness) compare(t *testing.T, e *op.Engine, o id.Org, size int64) error {
	rows, keys := map[string]string{}, map[string]int{}
	entries := map[string][]int64{}
	var leaves [][]byte
	err := e.DB.Read(t.Context(), string(o), func(tx *db.Tx) error {
		err := tx.Each("SELECT name, args FROM job_schedule WHERE org_id = ?", []any{o}, func(scan func(...any) error) error {
			var key, address string
			err := scan(&key, &address)
			rows[key] = address
			return err
		})
		if err != nil {
			return err
		}
		err = tx.Each("SELECT key FROM op_key WHERE org_id = ?", []any{o}, func(scan func(...any) error) error {
			var key string
			err := scan(&key)
			keys[key]++
			return err
		})
		if err != nil {
			return err
		}
		if leaves, err = e.Ledger.Leaves(tx, o, 0, size); err != nil {
			return err
		}
		openings, err := e.Ledger.Openings(tx, o, 0, size)
		for _, op := range openings {
			var body struct{ ID, Key string }
			if op.Label != canon.LabelBody || json.Unmarshal([]byte(op.Payload), &body) != nil || body.ID+body.Key == "" {
				continue
			}
			entries[body.ID+body.Key] = append(entries[body.ID+body.Key], op.Index)
		}
		return err
	})
	if err != nil {
		return err
	}
	for key, index := range w.taken {
		if _, there := rows[key]; !there || len(entries[key]) == 0 || keys[key] != 1 {
			t.Errorf("%s was acknowledged: row %v, %d entries, %d keys", key, there, len(entries[key]), keys[key])
		} else if index > 0 && entries[key][0] != index {
			t.Errorf("%s was acknowledged as entry %d and is entry %d", key, index, entries[key][0])
		}
	}
	for key, list := range entries {
		if _, there := rows[key]; !there || len(list) > 1 || keys[key] != 1 {
			t.Errorf("%s: row %v, entries %v, %d keys; a change is whole and happens once", key, there, list, keys[key])
		}
	}
	if len(rows) != len(entries) {
		t.Errorf("%d rows, %d entries", len(rows), len(entries))
	}
	for _, key := range w.tried {
		if _, there := rows[key]; there {
			w.halves++
		}
	}
	w.compareBlobs(t, e, o, rows)
	return w.compareHeads(t, e, o, leaves)
}

// compareBlobs reads the blobs of what is new. Every row's blob must be there,
// acknowledged or not.
func (w *witness) compareBlobs(t *testing.T, e *op.Engine, o id.Org, rows map[string]string) {
	for _, key := range append(w.fresh, w.tried...) {
		address, there := rows[key]
		if !there || plain(key) {
			continue
		}
		got, err := e.Vault.Get(t.Context(), o, address)
		if err != nil || !bytes.Equal(got, content(key)) {
			t.Errorf("the bytes of %s: %d of them, %v", key, len(got), err)
		}
	}
	w.fresh = nil
}

// compareHeads checks that the log extends every head that was handed out.
func (w *witness) compareHeads(t *testing.T, e *op.Engine, o id.Org, leaves [][]byte) error {
	var vkey string
	err := e.DB.Read(t.Context(), string(o), func(tx *db.Tx) error {
		h, err := e.Ledger.Head(tx, o)
		vkey = h.VKey
		return err
	})
	if err != nil {
		return err
	}
	origin, public, err := canon.ParseVKey(vkey)
	if err != nil {
		return err
	}
	slices.SortStableFunc(w.heads, func(a, b head) int { return int(a.size - b.size) })
	var tree canon.Tree
	next := 0
	for _, h := range w.heads {
		if h.size > int64(len(leaves)) {
			return fmt.Errorf("a head of %d entries was handed out, and there are %d", h.size, len(leaves))
		}
		for ; int64(next) < h.size; next++ {
			tree.Add(leaves[next])
		}
		if [32]byte(tree.Root()) != h.root {
			return fmt.Errorf("the first %d entries are not those that were signed", h.size)
		}
		text, signature, _ := strings.Cut(string(h.note), "\n\n— "+origin+" ")
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(signature))
		want := canon.Checkpoint{Origin: origin, Size: h.size, Root: h.root}.Text()
		if err != nil || len(raw) != 4+ed25519.SignatureSize || text+"\n" != want || !ed25519.Verify(public, []byte(want), raw[4:]) {
			return fmt.Errorf("the head of %d entries is not signed by the log: %q", h.size, h.note)
		}
	}
	return nil
}
