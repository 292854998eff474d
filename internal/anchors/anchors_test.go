package anchors_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/anchors"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/stamp"
	"github.com/tickmark/tickmark/internal/stamp/stamptest"
	"github.com/tickmark/tickmark/internal/witness"
)

// outside is an installation's surroundings: authorities and a witness, with
// clocks that go as the desk's does.
type outside struct {
	desk       *op.Desk
	tsa        []*stamptest.Authority
	urls       []string
	witness    *witness.Witness
	witnessURL string
	roots      []byte
}

func around(t *testing.T, desk *op.Desk, authorities int) *outside {
	t.Helper()
	o := &outside{desk: desk}
	for range authorities {
		a := stamptest.New(desk.Clock.Now)
		srv := httptest.NewServer(a)
		t.Cleanup(srv.Close)
		o.tsa, o.urls, o.roots = append(o.tsa, a), append(o.urls, srv.URL), append(o.roots, a.Root.PEM()...)
	}
	return o
}

// watch has a witness watch the desk's log.
func (o *outside) watch(t *testing.T, dir string, origins ...string) {
	t.Helper()
	logs := origins
	if logs == nil {
		logs = []string{head(t, o.desk).VKey}
	}
	w, err := witness.Open(witness.Config{Dir: dir, Logs: logs, Now: o.desk.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(w.Handler(func(err error) { t.Error(err) }))
	t.Cleanup(func() { srv.Close(); w.Close() })
	o.witness, o.witnessURL = w, srv.URL
}

func (o *outside) config() anchors.Config {
	c := anchors.Config{TSA: o.urls, Roots: o.roots}
	if o.witness != nil {
		c.Policy = fmt.Appendf(nil, "witness auditor %s %s\nquorum auditor\n", o.witness.Key(), o.witnessURL)
	}
	return c
}

func (o *outside) keeper(t *testing.T) *anchors.Keeper {
	t.Helper()
	k, err := anchors.New(o.desk.Engine, o.config())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func head(t *testing.T, desk *op.Desk) (h ledger.Head) {
	t.Helper()
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) (err error) {
		h, err = desk.Ledger.Head(tx, desk.Org)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ingest records evidence, as people do all day.
func ingest(t *testing.T, desk *op.Desk, what string) {
	t.Helper()
	sealed, err := desk.Vault.Store(t.Context(), desk.Org, []byte(what), desk.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Submit.Do(t.Context(), desk, evidence.Submission{Blob: sealed.Address, Title: what, Origin: "test"}); err != nil {
		t.Fatal(err)
	}
}

func state(t *testing.T, desk *op.Desk) anchors.State {
	t.Helper()
	s, err := anchors.Get.Do(t.Context(), desk, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func listed(t *testing.T, desk *op.Desk) []anchors.Anchor {
	t.Helper()
	p, err := anchors.List.Do(t.Context(), desk, anchors.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if int(p.Total) != len(p.Items) {
		t.Fatalf("%d of %d", len(p.Items), p.Total)
	}
	return p.Items
}

// bodies are what the entries of kind anchor say, with their content.
func bodies(t *testing.T, desk *op.Desk) (out []map[string]any, contents []string) {
	t.Helper()
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		rows, err := desk.Ledger.Page(tx, desk.Org, canon.KindAnchor, 1<<40, 100)
		if err != nil {
			return err
		}
		for _, r := range slices.Backward(rows) {
			opened, err := desk.Ledger.Openings(tx, desk.Org, r.Index, r.Index+1)
			if err != nil {
				return err
			}
			content := ""
			for _, o := range opened {
				switch o.Label {
				case canon.LabelBody:
					var m map[string]any
					if err := json.Unmarshal([]byte(o.Payload), &m); err != nil {
						return err
					}
					m["index"] = float64(r.Index)
					out = append(out, m)
				case canon.LabelContent:
					content = o.Payload
				}
			}
			contents = append(contents, content)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, contents
}

// textAt is the text of the log's checkpoint at a size, made from its leaves.
func textAt(t *testing.T, desk *op.Desk, size int64) string {
	t.Helper()
	var tree canon.Tree
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		leaves, err := desk.Ledger.Leaves(tx, desk.Org, 0, size)
		for _, l := range leaves {
			tree.Add(l)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return canon.Checkpoint{Origin: head(t, desk).Origin, Size: size, Root: tree.Root()}.Text()
}

// What is stored is in the log, in the two forms that docs/ledger.md fixes, and
// a stranger can check it from there.
func TestAnchors(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		o := around(t, desk, 2)
		o.watch(t, t.TempDir())
		k := o.keeper(t)
		ingest(t, desk, "first")
		size := head(t, desk).Size
		made, err := k.Once(t.Context(), desk.Org, size-1, anchors.Interval)
		if err != nil || len(made) != 3 {
			t.Fatalf("%d anchors, %v", len(made), err)
		}
		found, contents := bodies(t, desk)
		stamps := 0
		for i, b := range found {
			if b["size"] != float64(size) || b["index"].(float64) < float64(size) {
				t.Errorf("size %v in entry %v", b["size"], b["index"])
			}
			delete(b, "index")
			fields := slices.Sorted(maps.Keys(b))
			switch b["op"] {
			case "anchors.stamp":
				stamps++
				if got := strings.Join(fields, " "); got != "authority id media_type nonce op size" {
					t.Errorf("a stamp's body has %s", got)
				}
				checkStamp(t, desk, b, contents[i], o.roots)
			case "anchors.cosign":
				if got := strings.Join(fields, " "); got != "cosignature id op size witness" || contents[i] != "" {
					t.Errorf("a cosignature's body has %s, content %q", got, contents[i])
				}
				c, err := cosign.ParseLine(b["cosignature"].(string))
				if err != nil || c.Verify(o.witness.Key(), textAt(t, desk, size)) != nil || b["witness"] != o.witness.Key().Name {
					t.Errorf("cosignature %v: %v", b, err)
				}
			default:
				t.Errorf("op %v", b["op"])
			}
		}
		if stamps != 2 || len(found) != 3 {
			t.Errorf("%d stamps of %d", stamps, len(found))
		}
		s := state(t, desk)
		if !s.Configured || s.Size != size || s.Unanchored != 0 || !s.Waiting.IsZero() || len(s.Authorities) != 3 || !s.Newest.Equal(desk.Clock.Now()) {
			t.Errorf("state %+v", s)
		}
		// Anchors alone are no reason for more of them.
		optest.Clock(desk).Advance(2 * anchors.Interval)
		if again, err := k.Once(t.Context(), desk.Org, 0, 0); err != nil || len(again) != 0 {
			t.Errorf("nothing grew: %d more, %v", len(again), err)
		}
		ingest(t, desk, "second")
		if again, err := k.Once(t.Context(), desk.Org, head(t, desk).Size-1, anchors.Interval); err != nil || len(again) != 3 {
			t.Errorf("grew: %d more, %v", len(again), err)
		}
		if all := listed(t, desk); len(all) != 6 || all[0].Size != size+4 || all[0].Entry < all[5].Entry {
			t.Errorf("%+v", all)
		}
	})
}

func checkStamp(t *testing.T, desk *op.Desk, b map[string]any, content string, roots []byte) {
	t.Helper()
	digest, _, err := canon.ParseContent(content)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := canon.ParseDigest(digest)
	if err != nil {
		t.Fatal(err)
	}
	address, err := desk.Vault.AddressOf(t.Context(), desk.Org, sum)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := desk.Vault.Get(t.Context(), desk.Org, address)
	if err != nil {
		t.Fatal(err)
	}
	token, err := stamp.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	nonce, err := hex.DecodeString(b["nonce"].(string))
	if err != nil || len(nonce) != 16 {
		t.Errorf("nonce %v", b["nonce"])
	}
	pinned, err := stamp.ParseRoots(roots)
	if err != nil {
		t.Fatal(err)
	}
	reason, err := token.Verify(sha256.Sum256([]byte(textAt(t, desk, int64(b["size"].(float64))))), new(big.Int).SetBytes(nonce), pinned)
	if err != nil || reason != stamp.Trusted || b["media_type"] != "application/timestamp-reply" {
		t.Errorf("stamp %v: %q %v", b, reason, err)
	}
}

// R23: whatever an authority does, nobody waits for it and nothing bad is kept.
func TestBadAuthority(t *testing.T) {
	root := stamptest.Issue("Root", 0, nil, nil)
	issuer := stamptest.Issue("Issuer", 1, root, nil)
	signer := func(edit func(*x509.Certificate)) func(*stamptest.Authority) {
		s := stamptest.Signer(issuer, edit)
		return func(a *stamptest.Authority) { a.Signer, a.Inside = s, []*stamptest.Holder{issuer} }
	}
	answer := func(bend func(*stamptest.Answer)) func(*stamptest.Authority) {
		return func(a *stamptest.Authority) { a.Bend = bend }
	}
	other := sha256.Sum256([]byte("other"))
	faults := []struct {
		name string
		bend func(*stamptest.Authority)
		want string
	}{
		{"down", func(a *stamptest.Authority) { a.Down = true }, "503"},
		{"a clock that runs ahead", answer(func(w *stamptest.Answer) { w.Time = w.Time.Add(time.Hour) }), "one of them is wrong"},
		{"a clock that lies behind", answer(func(w *stamptest.Answer) { w.Time = w.Time.Add(-24 * time.Hour) }), "one of them is wrong"},
		{"another nonce", answer(func(w *stamptest.Answer) { w.Nonce = big.NewInt(7) }), "another nonce"},
		{"no nonce", answer(func(w *stamptest.Answer) { w.Nonce = nil }), "another nonce"},
		{"another imprint", answer(func(w *stamptest.Answer) { w.Imprint = other[:] }), "another digest"},
		{"an expired signer", signer(func(c *x509.Certificate) { c.NotAfter = optest.Start.Add(-time.Hour) }), "not valid at the time"},
		{"another usage", signer(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{stamptest.Usage(true, stamptest.CodeSigning)}
		}), "not made for time stamps"},
		{"a usage that is not critical", signer(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{stamptest.Usage(false, stamptest.TimeStamping)}
		}), "not made for time stamps"},
		{"an expired chain", func(a *stamptest.Authority) {
			old := stamptest.Issue("Issuer", 1, root, func(c *x509.Certificate) { c.NotAfter = optest.Start.Add(-time.Hour) })
			a.Signer, a.Inside = stamptest.Signer(old, nil), []*stamptest.Holder{old}
		}, "not valid at the time"},
		{"a root nobody pinned", func(a *stamptest.Authority) {
			b := stamptest.Issue("Elsewhere", 0, nil, nil)
			a.Signer, a.Inside = stamptest.Signer(b, nil), []*stamptest.Holder{b}
		}, "does not reach"},
		{"refusal", answer(func(w *stamptest.Answer) { w.Status = 2 }), "did not grant"},
		{"nonsense", answer(func(w *stamptest.Answer) { w.Spoil = func([]byte) []byte { return []byte("hello\x1b[0m") } }), "the reply"},
		{"more than it may", answer(func(w *stamptest.Answer) { w.Spoil = func([]byte) []byte { return make([]byte, 1<<20) } }), "at most 65536"},
		{"a spoilt signature", answer(func(w *stamptest.Answer) {
			w.Spoil = func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-1] ^= 1; return b }
		}), "does not fit"},
	}
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		o := around(t, desk, 1)
		k := o.keeper(t)
		a := o.tsa[0]
		began := desk.Clock.Now()
		for i, f := range faults {
			good := *stamptest.New(desk.Clock.Now) //nolint:govet // its lock is not held
			a.Set(func(a *stamptest.Authority) {
				a.Bend, a.Down, a.Signer, a.Inside = nil, false, good.Signer, good.Inside
				f.bend(a)
			})
			ingest(t, desk, fmt.Sprint("while it does as ", f.name, i))
			made, err := k.Once(t.Context(), desk.Org, head(t, desk).Size-1, 0)
			if err != nil || len(made) > 0 {
				t.Errorf("%s: %d stored, %v", f.name, len(made), err)
			}
			s := state(t, desk)
			if len(s.Authorities) != 1 || !strings.Contains(s.Authorities[0].Error, f.want) || strings.ContainsRune(s.Authorities[0].Error, '\x1b') {
				t.Errorf("%s: %+v; want an error with %q", f.name, s.Authorities, f.want)
			}
			if !s.Authorities[0].Failing.Equal(began) || !s.Authorities[0].Good.IsZero() || s.Size != 0 {
				t.Errorf("%s: state %+v", f.name, s)
			}
			optest.Clock(desk).Advance(time.Minute)
		}
		if found, _ := bodies(t, desk); len(found) > 0 || len(listed(t, desk)) > 0 {
			t.Errorf("stored: %v", found)
		}
		if n := blobs(t, desk); n != len(faults) {
			t.Errorf("%d blobs have rows; want those of the evidence, %d", n, len(faults))
		}
		a.Set(func(a *stamptest.Authority) {
			b := stamptest.New(a.Now)
			a.Bend, a.Down, a.Signer, a.Inside = nil, false, b.Signer, b.Inside
		})
		if made, err := k.Once(t.Context(), desk.Org, 0, 0); err != nil || len(made) != 1 {
			t.Fatalf("it answers again: %d, %v", len(made), err)
		}
		if s := state(t, desk); !s.Authorities[0].Failing.IsZero() || s.Authorities[0].Error != "" || s.Unanchored != 0 {
			t.Errorf("it answers again: %+v", s)
		}
	})
}

func blobs(t *testing.T, desk *op.Desk) (n int) {
	t.Helper()
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		return tx.Row("SELECT COUNT(*) FROM blob WHERE org_id = ?", []any{desk.Org}, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// One of two is enough, and the one that failed is asked again without the other.
func TestOneOfTwo(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		o := around(t, desk, 2)
		k := o.keeper(t)
		o.tsa[1].Set(func(a *stamptest.Authority) { a.Down = true })
		ingest(t, desk, "first")
		once := func(want int) {
			t.Helper()
			if made, err := k.Once(t.Context(), desk.Org, 0, anchors.Interval); err != nil || len(made) != want {
				t.Errorf("%d anchors, %v; want %d", len(made), err, want)
			}
		}
		once(1)
		if s := state(t, desk); s.Unanchored != 0 || s.Size == 0 {
			t.Errorf("%+v", s)
		}
		once(0) // too soon
		o.tsa[1].Set(func(a *stamptest.Authority) { a.Down = false })
		optest.Clock(desk).Advance(5 * time.Minute)
		once(1)
		if a, b := o.tsa[0].Asked(), o.tsa[1].Asked(); a != 1 || b != 2 {
			t.Errorf("asked %d and %d times", a, b)
		}
		// One that is not configured any more is not reported as failing.
		o.tsa[1].Set(func(a *stamptest.Authority) { a.Down = true })
		ingest(t, desk, "second")
		optest.Clock(desk).Advance(anchors.Interval)
		once(1)
		o.urls = o.urls[:1]
		k = o.keeper(t)
		once(0)
		if s := state(t, desk); len(s.Authorities) != 1 || s.Authorities[0].Name != o.urls[0] {
			t.Errorf("%+v", s.Authorities)
		}
	})
}

// An authority that never answers holds up neither work nor, for long, an export.
func TestSilentAuthority(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		asked, stop := make(chan struct{}, 1), make(chan struct{})
		srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- struct{}{}; <-stop }))
		defer srv.Close()
		defer close(stop)
		o := &outside{desk: desk, urls: []string{srv.URL}, roots: stamptest.New(desk.Clock.Now).Root.PEM()}
		k := o.keeper(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { _, err := k.Once(ctx, desk.Org, 0, 0); done <- err }()
		<-asked
		ingest(t, desk, "while it is silent")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if s := state(t, desk); len(s.Authorities) != 1 || s.Authorities[0].Failing.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

func TestTick(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		o := around(t, desk, 1)
		k := o.keeper(t)
		jobs := func() (ready int) {
			t.Helper()
			p, err := job.List.Do(t.Context(), desk, job.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range p.Items {
				if j.Kind == "anchor" && j.State == job.Ready {
					ready++
				}
			}
			return ready
		}
		tick := func() {
			t.Helper()
			if _, err := desk.Ledger.Seal(t.Context(), desk.Org); err != nil {
				t.Fatal(err)
			}
			if err := k.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		once := func(want int) {
			t.Helper()
			if made, err := k.Once(t.Context(), desk.Org, 0, anchors.Interval); err != nil || len(made) != want {
				t.Errorf("%d anchors, %v; want %d", len(made), err, want)
			}
		}
		if text, ok := k.Health(); text != "ok" || !ok {
			t.Errorf("health %q %v", text, ok)
		}
		tick()
		tick()
		if n := jobs(); n != 1 {
			t.Fatalf("%d jobs for one log", n)
		}
		once(1)
		ingest(t, desk, "work")
		once(0)
		sign(t, desk)
		once(1) // what a person signed does not wait for the hour
		ingest(t, desk, "more work")
		o.tsa[0].Set(func(a *stamptest.Authority) { a.Down = true })
		optest.Clock(desk).Advance(3*anchors.Interval - time.Minute)
		tick()
		if text, ok := k.Health(); !ok {
			t.Errorf("health %q before its time", text)
		}
		optest.Clock(desk).Advance(time.Minute)
		once(0)
		tick()
		if text, ok := k.Health(); ok || text != "unanchored for 180 minutes" {
			t.Errorf("health %q %v", text, ok)
		}
		if s := state(t, desk); !s.Alert || s.Unanchored != 180 {
			t.Errorf("%+v", s)
		}
		o.tsa[0].Set(func(a *stamptest.Authority) { a.Down = false })
		optest.Clock(desk).Advance(5 * time.Minute)
		once(1)
		tick()
		if text, ok := k.Health(); text != "ok" || !ok {
			t.Errorf("health %q %v after it answered", text, ok)
		}
	})
}

func sign(t *testing.T, desk *op.Desk) {
	t.Helper()
	err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		_, err := desk.Ledger.Append(tx, desk.Org, ledger.Entry{Kind: canon.KindSignoff, Actor: `{"id":"x","name":"x","via":"x"}`, Body: `{"op":"x.y"}`}, desk.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
