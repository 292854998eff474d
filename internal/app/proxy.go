package app

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/site"
)

// behind lets a named proxy, and nobody else, say whom it speaks for. From then
// on the request has that address, in the log as for whoever counts guesses.
func behind(s conf.Server, next http.Handler) http.Handler {
	trusted, err := s.Proxies()
	if err != nil || len(trusted) == 0 {
		return next // said at the start
	}
	known := func(a netip.Addr) bool {
		for _, p := range trusted {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	plain := site.Secure(toHTTPS(s), true)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !known(peer.Addr().Unmap()) {
			next.ServeHTTP(w, r)
			return
		}
		r = r.Clone(r.Context())
		if from, ok := client(r.Header.Values("X-Forwarded-For"), known); ok {
			r.RemoteAddr = netip.AddrPortFrom(from, 0).String()
		}
		if s.TLS() && !s.Own() && strings.EqualFold(strings.TrimSpace(r.Header.Get("X-Forwarded-Proto")), "http") {
			plain.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// client is the last address in the list that is no proxy of ours: what stands
// before it was said by strangers.
func client(headers []string, known func(netip.Addr) bool) (netip.Addr, bool) {
	list := strings.Split(strings.Join(headers, ","), ",")
	if len(list) > 100 {
		list = list[len(list)-100:]
	}
	var last netip.Addr
	for i := len(list) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(list[i]), "[]"))
		if err != nil {
			break
		}
		last = a.Unmap().WithZone("")
		if !known(last) {
			break
		}
	}
	return last, last.IsValid()
}

// toHTTPS sends browsers to the encrypted address. A form that was sent in the
// clear is not repeated there: it has been read by whoever wanted to.
func toHTTPS(s conf.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := s.Host()
		if host == "" {
			host = r.Host
			if h, _, err := net.SplitHostPort(host); err == nil {
				host = h
			}
			if _, port, err := net.SplitHostPort(s.Listen); err == nil && port != "443" {
				host = net.JoinHostPort(host, port)
			}
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "This address is answered by https only.", http.StatusForbidden)
			return
		}
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusMovedPermanently)
	})
}

// doorWords says how the installation is reached, for its settings page.
func doorWords(s conf.Server, mail bool) []site.FactRow {
	base, tls, letters := s.Base(), "none: passwords cross the network in the clear", "no server is named: --smtp and --mail-from"
	if base == "" {
		base = "not given: --base-url"
	}
	switch {
	case s.TLSCert != "":
		tls = "by this server, from the files of --tls-cert and --tls-key"
	case len(s.ACMEDomain) > 0:
		tls = "by this server, with certificates by ACME for " + strings.Join(s.ACMEDomain, ", ")
	case s.TLS():
		tls = "by the proxy in front, as --base-url says"
	}
	if mail {
		letters = "sent, by the server of --smtp"
	}
	proxy := "none is trusted: --trusted-proxy"
	if len(s.TrustedProxy) > 0 {
		proxy = strings.Join(s.TrustedProxy, ", ")
	}
	return []site.FactRow{site.Text("Address", base), site.Text("Encryption", tls), site.Text("Proxy", proxy), site.Text("Letters", letters)}
}
