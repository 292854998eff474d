package anchors

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/stamp"
	"github.com/tickmark/tickmark/internal/witness"
)

// How long one outsider may take, and how far its clock may be from ours.
// Beyond that one of the two is wrong, and what it says is of no use.
const (
	askTime   = 15 * time.Second
	clockNear = 5 * time.Minute
	maxTSA    = 4
)

// head is what an outsider is asked about.
type head struct {
	org   id.Org
	log   *ledger.Log
	point ledger.Checkpoint
	reach int64 // how much of it the outsider has seen, as far as we know
}

// An outsider is somebody who may vouch for a head.
type outsider interface {
	kind() string
	name() string
	// ask returns what it said, verified.
	ask(ctx context.Context, k *Keeper, h head) (good, error)
}

// authority is one that gives time stamps.
type authority struct {
	url   string
	roots *stamp.Roots
	http  *http.Client
}

func (*authority) kind() string   { return KindStamp }
func (a *authority) name() string { return a.url }

func (a *authority) ask(ctx context.Context, k *Keeper, h head) (good, error) {
	g := good{Kind: KindStamp, Authority: a.url, Log: h.log.ID, Size: h.point.Size}
	rand.Read(g.Nonce[:])
	nonce, imprint := new(big.Int).SetBytes(g.Nonce[:]), sha256.Sum256([]byte(h.point.Text()))
	reply, err := a.post(ctx, stamp.NewRequest(imprint, nonce))
	if err != nil {
		return g, err
	}
	token, err := stamp.Parse(reply)
	if err != nil {
		return g, err
	}
	reason, err := token.Verify(imprint, nonce, a.roots)
	if err == nil && reason != stamp.Trusted {
		err = errors.New(reason.Words())
	}
	if err == nil {
		err = near(token.Time, k.Clock.Now(), token.Accuracy)
	}
	if err != nil {
		return g, err
	}
	g.Said = token.Time.Truncate(time.Millisecond)
	g.Reply, err = k.Vault.Put(ctx, h.org, reply)
	return g, err
}

func (a *authority) post(ctx context.Context, request []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	req.Header.Set("Accept", mediaType)
	res, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); res.StatusCode != http.StatusOK || strings.TrimSpace(kind) != mediaType {
		return nil, fmt.Errorf("the authority answers %s, %s, where %s is wanted", res.Status, res.Header.Get("Content-Type"), mediaType)
	}
	return io.ReadAll(io.LimitReader(res.Body, stamp.MaxReply+1))
}

// near refuses a time that is not about now.
func near(said, now time.Time, accuracy time.Duration) error {
	if off := said.Sub(now).Abs(); off > clockNear+accuracy {
		return fmt.Errorf("its clock says %s and ours %s: one of them is wrong", said.UTC().Format(time.DateTime), now.UTC().Format(time.DateTime))
	}
	return nil
}

// watcher is a witness that cosigns.
type watcher struct {
	client witness.Client
}

func (*watcher) kind() string   { return KindCosignature }
func (w *watcher) name() string { return w.client.Key.Name }

func (w *watcher) ask(ctx context.Context, k *Keeper, h head) (good, error) {
	g := good{Kind: KindCosignature, Authority: w.name(), Log: h.log.ID, Size: h.point.Size}
	c, err := w.client.Add(ctx, min(h.reach, h.point.Size), h.point.Size, h.point.Note, func(from int64) (proof tlog.TreeProof, err error) {
		err = k.DB.Read(ctx, string(h.org), func(tx *db.Tx) error {
			proof, err = k.Ledger.Consistency(tx, h.org, h.log, from, h.point.Size)
			return err
		})
		return proof, err
	})
	var ahead *witness.Ahead
	if errors.As(err, &ahead) {
		// It has seen more than we were about to show: another process has signed
		// further, or this database is an old copy. Its head says which.
		return g, errors.Join(err, w.compare(ctx, k, h.org, h.log.Origin))
	}
	if err != nil {
		return g, err
	}
	g.Said, g.Line = time.Unix(c.Time, 0), c.String()
	return g, near(g.Said, k.Clock.Now(), 0)
}

// compare holds the log against the newest head that the witness cosigned.
func (w *watcher) compare(ctx context.Context, k *Keeper, org id.Org, origin string) error {
	signed, err := w.client.Newest(ctx, origin)
	if err != nil || signed == "" {
		return err
	}
	return k.Ledger.Outside(ctx, org, []byte(signed))
}

// Config names the outsiders.
type Config struct {
	TSA    []string // URLs of authorities
	Roots  []byte   // certificates in PEM that they must lead to
	Policy []byte   // a C2SP policy whose witnesses have URLs
}

// outsiders reads a configuration, or says what would be accepted.
func (c Config) outsiders() ([]outsider, error) {
	var out []outsider
	if len(c.TSA) > maxTSA {
		return nil, fault.Invalid("tsa", "give at most %d authorities", maxTSA)
	}
	if len(c.TSA) > 0 {
		roots, err := stamp.ParseRoots(c.Roots)
		if err != nil {
			return nil, fault.Invalid("tsa-roots", "%s", err)
		}
		for _, u := range c.TSA {
			if err := checkURL(u); err != nil {
				return nil, fault.Invalid("tsa", "%s", err)
			}
			out = append(out, &authority{u, roots, witness.NewHTTP(askTime)})
		}
	}
	if len(c.Policy) == 0 {
		return out, nil
	}
	p, err := cosign.ParsePolicy(c.Policy)
	if err != nil {
		return nil, fault.Invalid("witness-policy", "%s", err)
	}
	for _, w := range p.Witnesses {
		if w.URL == "" {
			continue // others ask it, or nobody does
		}
		if err := checkURL(w.URL); err != nil {
			return nil, fault.Invalid("witness-policy", "witness %s: %s", w.Name, err)
		}
		out = append(out, &watcher{witness.Client{HTTP: witness.NewHTTP(askTime), URL: w.URL, Key: w.Key}})
	}
	if len(out) == len(c.TSA) {
		return nil, fault.Invalid("witness-policy", "no witness in it has a URL; want lines: witness NAME VKEY URL")
	}
	return out, nil
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%q is not an address such as https://tsa.example.com/", s)
	}
	return nil
}
