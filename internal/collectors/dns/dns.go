// Package dns asks what domains publish: who may issue certificates and send
// mail in their name, and whether answers are signed. It asks a resolver and
// nobody else, and judges nothing.
package dns

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// What one run does at most.
const (
	maxDomains   = 500
	maxSelectors = 50
	maxServers   = 10
	workers      = 4
)

// A Collector reads what domains publish.
type Collector struct{}

// New returns the collector.
func New() Collector { return Collector{} }

// Kind names the source type.
func (Collector) Kind() string { return "dns" }

// Version changes whenever the same records would yield other facts.
func (Collector) Version() string { return "1" }

// settings are what a source of this kind can be told.
type settings struct {
	Domains   sources.Lines `json:"domains"`
	Selectors sources.Lines `json:"selectors"`
	Servers   sources.Lines `json:"servers"`

	domains []string
	keys    []dkimName
}

// A dkimName is a selector of one domain, or of all if it names none.
type dkimName struct{ selector, domain string }

func parseSettings(raw json.RawMessage) (settings, error) {
	s := settings{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fault.Invalid("settings", `the settings are {"domains": "example.com"}, and "selectors" and "servers" if wanted`).With(err)
	}
	switch {
	case len(s.Domains) == 0:
		return s, fault.Invalid("domains", "give at least one domain, one to a line, such as example.com")
	case len(s.Domains) > maxDomains:
		return s, fault.Invalid("domains", "%d domains are given: at most %d are accepted; split the source", len(s.Domains), maxDomains)
	case len(s.Selectors) > maxSelectors:
		return s, fault.Invalid("selectors", "%d selectors are given: at most %d are accepted", len(s.Selectors), maxSelectors)
	case len(s.Servers) > maxServers:
		return s, fault.Invalid("servers", "%d resolvers are given: at most %d are accepted", len(s.Servers), maxServers)
	}
	for _, text := range s.Domains {
		d := strings.ToLower(strings.TrimSuffix(text, "."))
		if !isName(d) {
			return s, fault.Invalid("domains", "%q is no domain: a name such as example.com is accepted, without a path or a port", clip(text, 100))
		}
		if !slices.Contains(s.domains, d) {
			s.domains = append(s.domains, d)
		}
	}
	for _, text := range s.Selectors {
		words := strings.Fields(strings.ToLower(text))
		k := dkimName{}
		if len(words) > 0 {
			k.selector = words[0]
		}
		if len(words) == 2 {
			k.domain = strings.TrimSuffix(words[1], ".")
		}
		if len(words) > 2 || !isName(k.selector) || k.domain != "" && !slices.Contains(s.domains, k.domain) {
			return s, fault.Invalid("selectors", "%q is not accepted: give s1, or s1 and one of the domains above", clip(text, 100))
		}
		s.keys = append(s.keys, k)
	}
	for i, text := range s.Servers {
		at, err := serverAddress(text)
		if err != nil {
			return s, err
		}
		s.Servers[i] = at
	}
	return s, nil
}

// serverAddress reads an address with or without a port. A name would need a
// resolver to find the resolver.
func serverAddress(text string) (string, error) {
	if ap, err := netip.ParseAddrPort(text); err == nil && ap.Port() != 0 {
		return ap.String(), nil
	}
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return net.JoinHostPort(a.String(), "53"), nil
	}
	return "", fault.Invalid("servers", "%q is no address: one such as 192.0.2.53 or 192.0.2.53:5353 is accepted", clip(text, 100))
}

func isName(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// resolver makes what asks, with the servers of the settings or the machine's.
func (s settings) resolver() (*resolver, error) {
	servers := []string(s.Servers)
	if len(servers) == 0 {
		conf, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil || len(conf.Servers) == 0 {
			return nil, fault.Invalid("servers", "this machine names no resolver in /etc/resolv.conf; give the address of one")
		}
		for _, a := range conf.Servers {
			servers = append(servers, net.JoinHostPort(a, conf.Port))
		}
	}
	return &resolver{servers: servers}, nil
}

// Collect asks about every domain.
func (Collector) Collect(ctx context.Context, raw json.RawMessage, in *sources.Intake) error {
	s, err := parseSettings(raw)
	if err != nil {
		return err
	}
	ask, err := s.resolver()
	if err != nil {
		return err
	}
	in.Scope("domains", strings.Join(s.domains, " "))
	in.Scope("selectors", strings.Join(s.Selectors, ", "))
	in.Scope("servers", strings.Join(ask.servers, " "))
	in.Cover("domain", "mail_domain", "dkim_key")
	if len(s.keys) == 0 {
		in.Missing(sources.Missing{Kind: "dkim_key", Reason: "keys cannot be listed, only asked for by the name of their selector, and none is given",
			Remedy: "Give the selectors in the settings of the source. A mail you sent names its own in the header DKIM-Signature, as s=."})
	}
	next := make(chan string)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var done sync.Mutex
	count := 0
	for range min(workers, len(s.domains)) {
		wg.Go(func() {
			for d := range next {
				l := &look{ctx: ctx, ask: ask.fresh(), in: in, domain: d}
				if err := l.all(s.keys); err != nil {
					cancel(err)
				}
				done.Lock()
				count++
				in.Progress(count, len(s.domains), d)
				done.Unlock()
			}
		})
	}
	for _, d := range s.domains {
		select {
		case next <- d:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// Test asks about each domain once.
func (Collector) Test(ctx context.Context, raw json.RawMessage) (sources.Trial, error) {
	out := sources.Trial{}
	s, err := parseSettings(raw)
	if err != nil {
		return out, err
	}
	ask, err := s.resolver()
	if err != nil {
		return out, err
	}
	for _, d := range s.domains[:min(len(s.domains), 20)] {
		switch a := ask.fresh().get(ctx, d, dns.TypeNS); {
		case a.err != "":
			out.Missing = append(out.Missing, sources.Missing{Kind: "domain", Reason: d + ": " + a.err, Remedy: remedy})
		case a.none:
			out.Found = append(out.Found, d+" does not exist")
		default:
			out.Found = append(out.Found, d+" is answered for")
		}
	}
	if len(out.Found) == 0 {
		return out, fault.Invalid("servers", "no answer could be had: %s", out.Missing[0].Reason)
	}
	return out, ctx.Err()
}
