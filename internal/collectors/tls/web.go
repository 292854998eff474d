package tls

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	maxHeaders = 64 << 10
	maxHops    = 5
	maxText    = 4 << 10
)

// browser follows nothing by itself and reads no more than headers.
func (v *visit) browser() *http.Client {
	return &http.Client{
		Timeout:       perDial,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: v.target.host, MinVersion: tls.VersionTLS10, CipherSuites: suiteIDs()},
			DialContext:     (&net.Dialer{Timeout: perDial}).DialContext, TLSHandshakeTimeout: perDial, ResponseHeaderTimeout: perDial,
			MaxResponseHeaderBytes: maxHeaders, DisableKeepAlives: true, DisableCompression: true,
		},
	}
}

// ask gets one page and follows redirects that stay at the same host and port.
func (v *visit) ask(ctx context.Context, at *url.URL) (*http.Response, error) {
	client := v.browser()
	for hop := 0; ; hop++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("User-Agent", "Tickmark")
		res, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusSwitchingProtocols { // which has no body that ends with the context
			_, _ = io.CopyN(io.Discard, res.Body, 1) // some servers count a visit that reads nothing as an attack
		}
		res.Body.Close()
		next, err := res.Location()
		if err != nil || res.StatusCode < 300 || res.StatusCode > 399 || next.Scheme != at.Scheme || next.Host != at.Host || hop == maxHops {
			return res, nil
		}
		at = next
	}
}

// web reads the headers of what a visitor of the address would see.
func (v *visit) web(ctx context.Context) {
	host := v.target.String()
	if v.target.port == 443 {
		host = bracket(v.target.host)
	}
	res, err := v.ask(ctx, &url.URL{Scheme: "https", Host: host, Path: "/"})
	if err != nil {
		v.unknown("it did not answer HTTP", httpFields...)
		return
	}
	v.attrs["http"], v.attrs["status"] = true, res.StatusCode
	if next, err := res.Location(); err == nil && res.StatusCode >= 300 && res.StatusCode <= 399 && !strings.EqualFold(next.Hostname(), v.target.host) {
		v.attrs["leads_to"] = clip(next.Host)
	}
	v.headers(res.Header)
	insecure := []string{}
	for _, c := range res.Cookies() {
		if !c.Secure {
			insecure = append(insecure, clip(c.Name))
		}
	}
	v.attrs["insecure_cookies"] = insecure[:min(len(insecure), 100)]
}

func bracket(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func (v *visit) headers(h http.Header) {
	age, sub, preload, ok := parseHSTS(h.Values("Strict-Transport-Security"))
	v.attrs["hsts"] = ok && age > 0
	if ok {
		v.attrs["hsts_max_age"], v.attrs["hsts_subdomains"], v.attrs["hsts_preload"] = age, sub, preload
	} else {
		v.unknown("it sends no Strict-Transport-Security that can be read", "hsts_max_age", "hsts_subdomains", "hsts_preload")
	}
	csp := h.Values("Content-Security-Policy")
	v.attrs["has_content_policy"] = strings.TrimSpace(strings.Join(csp, "")) != ""
	if v.attrs["has_content_policy"] == true {
		v.attrs["content_policy"] = clip(strings.Join(csp, ", "))
	}
	v.attrs["no_sniffing"] = strings.EqualFold(strings.TrimSpace(h.Get("X-Content-Type-Options")), "nosniff")
	v.attrs["framing"] = framing(csp, h.Values("X-Frame-Options"))
	server := clip(strings.TrimSpace(h.Get("Server")))
	v.attrs["tells_version"] = strings.ContainsAny(server, "0123456789")
	for field, text := range map[string]string{"server": server, "referrer_policy": clip(strings.TrimSpace(h.Get("Referrer-Policy")))} {
		if v.attrs[field] = text; text == "" {
			delete(v.attrs, field)
			v.unknown("it sends none", field)
		}
	}
}

// plain asks the port without TLS where it sends visitors.
func (v *visit) plain(ctx context.Context) {
	if v.set.PlainPort == "" {
		v.unknown(noPlain, "plain_redirects")
		return
	}
	host := net.JoinHostPort(v.target.host, v.set.PlainPort)
	if v.set.PlainPort == "80" {
		host = bracket(v.target.host)
	}
	res, err := v.ask(ctx, &url.URL{Scheme: "http", Host: host, Path: "/"})
	if err != nil {
		v.unknown("nothing answered HTTP at port "+v.set.PlainPort, "plain_redirects")
		return
	}
	next, err := res.Location()
	v.attrs["plain_redirects"] = err == nil && res.StatusCode >= 300 && res.StatusCode <= 399 &&
		next.Scheme == "https" && strings.EqualFold(next.Hostname(), v.target.host)
}

// parseHSTS reads RFC 6797: only the first header counts, and a directive that
// appears twice makes it void.
func parseHSTS(values []string) (age int64, sub, preload, ok bool) {
	if len(values) == 0 || len(values[0]) > maxHeaders {
		return 0, false, false, false
	}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(values[0], ";") {
		name, value, _ := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" {
			continue
		}
		if seen[name] {
			return 0, false, false, false
		}
		seen[name] = true
		switch name {
		case "max-age":
			n, err := strconv.ParseInt(strings.Trim(strings.TrimSpace(value), `"`), 10, 64)
			if err != nil || n < 0 {
				return 0, false, false, false
			}
			age = n
		case "includesubdomains":
			sub = true
		case "preload":
			preload = true
		}
	}
	if !seen["max-age"] {
		return 0, false, false, false
	}
	return age, sub, preload, true
}

// framing says who may frame a page. Where a policy speaks of it, browsers
// leave X-Frame-Options aside.
func framing(policies, options []string) string {
	said := ""
	for _, policy := range policies {
		for part := range strings.SplitSeq(strings.ReplaceAll(policy, ",", ";"), ";") {
			words := strings.Fields(part)
			if len(words) == 0 || !strings.EqualFold(words[0], "frame-ancestors") {
				continue
			}
			switch list := strings.ToLower(strings.Join(words[1:], " ")); {
			case list == "" || list == "'none'":
				return "nobody"
			case list == "'self'":
				said = "itself"
			case strings.Contains(" "+list+" ", " * ") || strings.Contains(" "+list+" ", " https: ") || strings.Contains(" "+list+" ", " http: "):
				if said == "" {
					said = "anybody"
				}
			case said == "" || said == "anybody":
				said = "listed"
			}
		}
	}
	if said != "" {
		return said
	}
	switch strings.ToUpper(strings.TrimSpace(strings.Join(options, ","))) {
	case "DENY":
		return "nobody"
	case "SAMEORIGIN":
		return "itself"
	}
	return "anybody"
}

func clip(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}
