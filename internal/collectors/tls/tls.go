// Package tls connects to the addresses at which services answer, and reports
// their certificates, the protocols they accept and the headers they send. It
// asks what any visitor could ask, and judges nothing.
package tls

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// What one run does at most.
const (
	maxNames = 1000
	workers  = 8

	perTarget = 2 * time.Minute
)

// perDial is how long one connection may take.
var perDial = 10 * time.Second

// A Collector reads public addresses.
type Collector struct{}

// New returns the collector.
func New() Collector { return Collector{} }

// Kind names the source type.
func (Collector) Kind() string { return "tls" }

// Version changes whenever the same service would yield other facts.
func (Collector) Version() string { return "1" }

// settings are what a source of this kind can be told.
type settings struct {
	Names     sources.Lines `json:"names"`
	Roots     string        `json:"roots"`
	PlainPort string        `json:"plain_port"`

	targets []target
	pool    *x509.CertPool
	noRoots error // why there are no roots
}

// A target is one address.
type target struct {
	host string
	port int
}

func (t target) String() string { return net.JoinHostPort(t.host, strconv.Itoa(t.port)) }

func parseSettings(raw json.RawMessage) (settings, error) {
	s := settings{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fault.Invalid("settings", `the settings are {"names": "app.example.com"}, and "roots" and "plain_port" if wanted`).With(err)
	}
	if len(s.Names) == 0 {
		return s, fault.Invalid("names", "give at least one address, one to a line, such as app.example.com or app.example.com:8443")
	}
	if len(s.Names) > maxNames {
		return s, fault.Invalid("names", "%d addresses are given: at most %d are accepted; split the source", len(s.Names), maxNames)
	}
	for _, name := range s.Names {
		t, err := parseTarget(name)
		if err != nil {
			return s, err
		}
		if !slices.Contains(s.targets, t) {
			s.targets = append(s.targets, t)
		}
	}
	if s.PlainPort != "" {
		if _, err := parsePort(s.PlainPort); err != nil {
			return s, fault.Invalid("plain_port", "%q is no port: a number from 1 to 65535 is accepted", s.PlainPort)
		}
	}
	return s, s.trust()
}

// trust gathers the roots: those of the machine, and the organization's own.
func (s *settings) trust() error {
	pool, err := x509.SystemCertPool()
	if err != nil {
		s.noRoots, pool = err, x509.NewCertPool()
	}
	if strings.TrimSpace(s.Roots) != "" {
		if !pool.AppendCertsFromPEM([]byte(s.Roots)) {
			return fault.Invalid("roots", "certificates in PEM are accepted: lines that begin with -----BEGIN CERTIFICATE-----")
		}
		s.noRoots = nil
	}
	s.pool = pool
	return nil
}

// parseTarget reads host, host:port, [v6]:port or https://host/.
func parseTarget(text string) (target, error) {
	name := strings.TrimSuffix(strings.TrimPrefix(text, "https://"), "/")
	refuse := fault.Invalid("names", "%q is no address: give a host, or a host and a port, such as app.example.com or app.example.com:8443", short(text))
	host, port := name, 443
	if h, p, err := net.SplitHostPort(name); err == nil {
		if host = h; host == "" {
			return target{}, refuse
		}
		if port, err = parsePort(p); err != nil {
			return target{}, refuse
		}
	} else if ip := net.ParseIP(strings.Trim(name, "[]")); ip != nil {
		host = ip.String()
	}
	if net.ParseIP(host) == nil && !isHost(host) {
		return target{}, refuse
	}
	return target{strings.ToLower(strings.TrimSuffix(host, ".")), port}, nil
}

func parsePort(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no port", text)
	}
	return int(n), nil
}

// isHost accepts names of letters, digits, dashes and underscores.
func isHost(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if host == "" || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return true
}

func short(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}

// Collect connects to every address.
func (Collector) Collect(ctx context.Context, raw json.RawMessage, in *sources.Intake) error {
	s, err := parseSettings(raw)
	if err != nil {
		return err
	}
	in.Scope("names", strings.Join(s.Names, " "))
	in.Scope("plain_port", s.PlainPort)
	in.Scope("own_roots", strconv.FormatBool(strings.TrimSpace(s.Roots) != ""))
	in.Cover("endpoint", "certificate")
	seen := &wallet{found: map[string]*card{}}
	if err := each(ctx, s.targets, func(ctx context.Context, i int, t target) error {
		in.Progress(i, len(s.targets), t.String())
		v := &visit{set: &s, target: t, in: in, now: in.Now(), facts: newFacts()}
		v.look(ctx)
		if err := ctx.Err(); err != nil && context.Cause(ctx) != errSlow {
			return err
		}
		seen.add(t, v.chain)
		return in.Add(sources.Resource{Kind: "endpoint", Key: t.String(), Attrs: v.attrs, Absent: v.absent})
	}); err != nil {
		return err
	}
	in.Missing(sources.Missing{Kind: "endpoint", Field: "ssl_3", Reason: noSSL3, Remedy: "Where it matters, have a scanner with an old TLS library look, and import what it finds."})
	if s.PlainPort == "" {
		in.Missing(sources.Missing{Kind: "endpoint", Field: "plain_redirects", Reason: noPlain, Remedy: "Give the port in the settings of the source, such as 80."})
	}
	if s.noRoots != nil {
		in.Missing(sources.Missing{Kind: "endpoint", Field: "trusted", Reason: "this machine has no list of trusted roots", Remedy: "Install the package ca-certificates on this machine, or give roots in the settings of the source."})
	}
	return seen.hand(in)
}

// errSlow is why an address that answers too slowly is given up.
var errSlow = fmt.Errorf("it did not answer all questions within %s", perTarget)

// each visits the targets, some at a time. The first error ends all.
func each(ctx context.Context, targets []target, visit func(context.Context, int, target) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(workers, len(targets)) {
		wg.Go(func() {
			for i := range next {
				ctx, done := context.WithTimeoutCause(ctx, perTarget, errSlow)
				err := visit(ctx, i, targets[i])
				done()
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range targets {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// Test connects to each address once.
func (Collector) Test(ctx context.Context, raw json.RawMessage) (sources.Trial, error) {
	out := sources.Trial{}
	s, err := parseSettings(raw)
	if err != nil {
		return out, err
	}
	var mu sync.Mutex
	err = each(ctx, s.targets, func(ctx context.Context, _ int, t target) error {
		v := &visit{set: &s, target: t, now: time.Time{}, facts: newFacts()}
		why := v.first(ctx)
		mu.Lock()
		defer mu.Unlock()
		if why != "" {
			out.Missing = append(out.Missing, sources.Missing{Kind: "endpoint", Reason: t.String() + ": " + why, Remedy: "See that this machine may connect to it."})
			return nil
		}
		out.Found = append(out.Found, t.String()+" shows a certificate for "+v.chain[0].Subject.String())
		return nil
	})
	slices.Sort(out.Found)
	slices.SortFunc(out.Missing, func(a, b sources.Missing) int { return strings.Compare(a.Reason, b.Reason) })
	if err == nil && len(out.Found) == 0 {
		err = fault.Invalid("names", "none of the addresses answers with TLS: %s", out.Missing[0].Reason)
	}
	return out, err
}
