package conf

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// Server says how a server is reached.
type Server struct {
	Listen  string `help:"Address to listen on. A free port is taken if this one is in use and was not chosen." default:"127.0.0.1:8477" env:"TICKMARK_LISTEN"`
	BaseURL string `name:"base-url" help:"Address people type, such as https://tickmark.example.com, when it differs. Links in letters and passkeys need it." env:"TICKMARK_BASE_URL"`
	TLSCert string `name:"tls-cert" help:"Certificate file; it is read again when it changes." type:"path" env:"TICKMARK_TLS_CERT"`
	TLSKey  string `name:"tls-key" help:"Key file of the certificate." type:"path" env:"TICKMARK_TLS_KEY"`

	ACMEDomain []string `name:"acme-domain" help:"Get certificates for this name by ACME; up to ten, comma separated or repeated. Its use agrees to the terms of the authority." env:"TICKMARK_ACME_DOMAIN" placeholder:"NAME"`
	ACMEEmail  string   `name:"acme-email" help:"Address that the authority may write to." env:"TICKMARK_ACME_EMAIL" placeholder:"EMAIL"`
	ACMEURL    string   `name:"acme-url" help:"Directory of the authority; Let's Encrypt if left out." env:"TICKMARK_ACME_URL" placeholder:"URL"`
	ACMERoots  string   `name:"acme-roots" help:"Certificates, in PEM, that an authority of your own must lead to." env:"TICKMARK_ACME_ROOTS" type:"path" placeholder:"FILE"`
	HTTP       string   `name:"acme-http" help:"Answer plain HTTP here too, such as :80: it answers ACME's HTTP-01 and sends everything else to https. Without it ACME uses TLS-ALPN-01 on --listen, which then must be port 443 to the outside." env:"TICKMARK_ACME_HTTP" placeholder:"ADDRESS"`

	TrustedProxy []string `name:"trusted-proxy" help:"Proxy whose X-Forwarded-For and X-Forwarded-Proto count, as CIDR or address; repeated or comma separated. From everybody else they are ignored." env:"TICKMARK_TRUSTED_PROXY" placeholder:"CIDR"`
}

// DefaultListen is the address that may give way to a free port.
const DefaultListen = "127.0.0.1:8477"

// maxDomains bounds the names that certificates are asked for.
const maxDomains = 10

// Own reports whether the server itself encrypts.
func (s Server) Own() bool { return s.TLSCert != "" || len(s.ACMEDomain) > 0 }

// TLS reports whether browsers reach the server encrypted: by itself, or
// through a proxy that the base URL names.
func (s Server) TLS() bool {
	return s.Own() || strings.HasPrefix(strings.ToLower(s.BaseURL), "https://")
}

// Check refuses what could not work, before anything is opened.
func (s Server) Check() error {
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return fault.Invalid("tls-cert", "give both --tls-cert and --tls-key, or neither")
	}
	if err := s.checkACME(); err != nil {
		return err
	}
	if s.HTTP != "" && !s.TLS() {
		return fault.Invalid("acme-http", "this sends browsers to https: give --acme-domain, --tls-cert, or an https --base-url")
	}
	if _, err := s.Proxies(); err != nil {
		return err
	}
	if s.BaseURL == "" {
		return nil
	}
	u, err := url.Parse(s.BaseURL)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return fault.Invalid("base-url", "give an address such as https://tickmark.example.com, without a path")
	}
	if s.Own() && u.Scheme == "http" {
		return fault.Invalid("base-url", "this server encrypts, so that the address people type begins with https://")
	}
	return nil
}

func (s Server) checkACME() error {
	if len(s.ACMEDomain) == 0 {
		if s.ACMEEmail+s.ACMEURL+s.ACMERoots != "" {
			return fault.Invalid("acme-domain", "give the name that a certificate is for")
		}
		return nil
	}
	if s.TLSCert != "" {
		return fault.Invalid("acme-domain", "give either --acme-domain or --tls-cert: one certificate is enough")
	}
	if len(s.ACMEDomain) > maxDomains {
		return fault.Invalid("acme-domain", "give at most %d names", maxDomains)
	}
	for _, name := range s.ACMEDomain {
		if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(name, ".") || strings.ContainsAny(name, "/:*@ ") || name != strings.ToLower(name) {
			return fault.Invalid("acme-domain", "give a name such as tickmark.example.com, in lower case, without https:// and without *; not %q", name)
		}
	}
	if s.ACMEURL != "" {
		if u, err := url.Parse(s.ACMEURL); err != nil || u.Scheme != "https" || u.Host == "" {
			return fault.Invalid("acme-url", "give the https address of the authority's directory")
		}
	}
	return nil
}

// Proxies reads --trusted-proxy.
func (s Server) Proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range s.TrustedProxy {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, e := netip.ParseAddr(text)
			if e != nil {
				return nil, fault.Invalid("trusted-proxy", "give an address such as 10.0.0.5 or a network such as 10.0.0.0/24; not %q", text)
			}
			p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
		if p.Bits() == 0 {
			return nil, fault.Invalid("trusted-proxy", "%s trusts everybody, who could then pass for anybody: name the proxy", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Host is the name in the base URL, or the first that a certificate is for;
// empty if neither is given.
func (s Server) Host() string {
	if u, err := url.Parse(s.BaseURL); err == nil && u.Host != "" {
		return u.Host
	}
	if len(s.ACMEDomain) > 0 {
		host := s.ACMEDomain[0]
		if _, port, err := net.SplitHostPort(s.Listen); err == nil && port != "443" && s.HTTP == "" {
			return net.JoinHostPort(host, port)
		}
		return host
	}
	return ""
}

// Base is the address people type: as given, or that of the first certificate
// that the server gets itself. Empty if nobody said.
func (s Server) Base() string {
	if s.BaseURL == "" && len(s.ACMEDomain) > 0 {
		return "https://" + s.Host()
	}
	return strings.TrimSuffix(s.BaseURL, "/")
}
