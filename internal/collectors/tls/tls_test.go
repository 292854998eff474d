package tls_test

import (
	"context"
	stdtls "crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/tls"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

func wants(t *testing.T, r sources.Resource, want map[string]any) {
	t.Helper()
	for field, w := range want {
		if got := r.Attrs[field]; got != w {
			t.Errorf("%s: %s is %v (absent: %s), want %v", r.Key, field, got, r.Absent[field], w)
		}
	}
}

func TestAWellKeptAddressIsReportedWhole(t *testing.T) {
	root := newAuthority(t, "Acme root", nil)
	between := newAuthority(t, "Acme between", root)
	at := serve(t, &stdtls.Config{Certificates: []stdtls.Certificate{between.leaf(t, nil, between)}, MinVersion: stdtls.VersionTLS12},
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				http.Redirect(w, r, "/login", http.StatusFound)
				return
			}
			w.Header().Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
			w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Referrer-Policy", "same-origin")
			w.Header().Set("Server", "acme")
			http.SetCookie(w, &http.Cookie{Name: "plain", Value: "secret value"})
			http.SetCookie(w, &http.Cookie{Name: "safe", Value: "x", Secure: true})
		})
	in, endpoints, certificates := collect(t, map[string]any{"names": "# ours\n" + at + "\n\n", "roots": root.pem()})
	e := endpoints[at]
	wants(t, e, map[string]any{"reachable": true, "tls": true, "tls_1_0": false, "tls_1_1": false, "tls_1_2": true, "tls_1_3": true,
		"trusted": true, "chain_complete": true, "name_matches": true, "not_after": asof.AddDate(0, 2, 0), "http": true, "status": int64(200),
		"hsts": true, "hsts_max_age": int64(31536000), "hsts_subdomains": true, "hsts_preload": false, "has_content_policy": true,
		"no_sniffing": true, "framing": "nobody", "referrer_policy": "same-origin", "server": "acme", "tells_version": false, "forward_secrecy": true,
		"asks_certificate": false, "ocsp_stapled": false})
	if got := e.Attrs["insecure_cookies"].([]string); !slices.Equal(got, []string{"plain"}) {
		t.Errorf("insecure cookies %v", got)
	}
	if got := e.Attrs["ciphers"].([]string); len(got) < 4 || !strings.HasPrefix(got[0], "TLS_AES") && !strings.HasPrefix(got[0], "TLS_CHACHA") {
		t.Errorf("suites %v", got)
	}
	for _, field := range []string{"ssl_3", "plain_redirects"} {
		if e.Absent[field] == "" {
			t.Errorf("%s is not said to be unknown", field)
		}
	}
	if len(certificates) != 2 {
		t.Fatalf("%d certificates", len(certificates))
	}
	for _, c := range certificates {
		if c.Attrs["subject"] == "CN=app" {
			wants(t, c, map[string]any{"issuer": "CN=Acme between", "key_kind": "RSA", "key_bits": int64(2048), "authority": false, "self_signed": false,
				"signature_algorithm": "ECDSA-SHA256", "serial": "4d"})
		}
	}
	for _, m := range in.Missings() {
		if m.Field != "ssl_3" && m.Field != "plain_redirects" {
			t.Errorf("missing %+v", m)
		}
	}
}

func TestAnOldServerIsSeenAsOld(t *testing.T) {
	root := newAuthority(t, "Acme root", nil)
	at := serve(t, &stdtls.Config{Certificates: []stdtls.Certificate{root.leaf(t, nil)}, MinVersion: stdtls.VersionTLS10, MaxVersion: stdtls.VersionTLS11,
		CipherSuites: []uint16{stdtls.TLS_RSA_WITH_AES_128_CBC_SHA, stdtls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "nginx/1.2.3")
		w.Header().Set("X-Frame-Options", "SAMEORIGIN")
	})
	_, endpoints, _ := collect(t, map[string]any{"names": []string{at}, "roots": root.pem()})
	e := endpoints[at]
	wants(t, e, map[string]any{"tls_1_0": true, "tls_1_1": true, "tls_1_2": false, "tls_1_3": false, "forward_secrecy": false, "http": true,
		"hsts": false, "has_content_policy": false, "no_sniffing": false, "framing": "itself", "tells_version": true, "trusted": true})
	if weak := e.Attrs["weak_ciphers"].([]string); len(weak) != 2 {
		t.Errorf("weak suites %v", weak)
	}
}

func TestWhatIsWrongWithACertificateIsSaid(t *testing.T) {
	root := newAuthority(t, "Acme root", nil)
	between := newAuthority(t, "Acme between", root)
	for rule, test := range map[string]struct {
		cert stdtls.Certificate
		own  string
		want map[string]any
	}{
		"ended": {root.leaf(t, func(c *x509.Certificate) { c.NotAfter = asof.Add(-time.Hour) }), root.pem(),
			map[string]any{"trusted": false, "chain_complete": true, "trust_problem": "a certificate of the chain is not valid now"}},
		"another name": {root.leaf(t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} }), root.pem(),
			map[string]any{"trusted": true, "name_matches": false}},
		"a gap in the chain": {between.leaf(t, nil), root.pem(), map[string]any{"trusted": false, "chain_complete": false}},
		"a root nobody trusts": {root.leaf(t, nil, root), newAuthority(t, "Other", nil).pem(),
			map[string]any{"trusted": false, "chain_complete": true, "trust_problem": "no trusted root vouches for it, or a certificate between is not sent"}},
	} {
		t.Run(rule, func(t *testing.T) {
			at := serve(t, &stdtls.Config{Certificates: []stdtls.Certificate{test.cert}}, func(http.ResponseWriter, *http.Request) {})
			_, endpoints, _ := collect(t, map[string]any{"names": at, "roots": test.own})
			wants(t, endpoints[at], test.want)
		})
	}
}

func TestPlainVisitorsAreFollowedNoFurtherThanTheFirstAnswer(t *testing.T) {
	root := newAuthority(t, "Acme root", nil)
	at := serve(t, &stdtls.Config{Certificates: []stdtls.Certificate{root.leaf(t, nil)}}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
	})
	for to, want := range map[string]bool{"https://127.0.0.1/": true, "http://127.0.0.1:1/": false, "https://elsewhere.example/": false, "": false} {
		plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if to != "" {
				http.Redirect(w, r, to, http.StatusMovedPermanently)
			}
		}))
		_, port, _ := net.SplitHostPort(plain.Listener.Addr().String())
		_, endpoints, _ := collect(t, map[string]any{"names": at, "roots": root.pem(), "plain_port": port})
		plain.Close()
		wants(t, endpoints[at], map[string]any{"plain_redirects": want, "leads_to": "elsewhere.example", "status": int64(302)})
	}
}

func TestSilenceIsUnknown(t *testing.T) {
	tls.Hurry(t, time.Second)
	listen := func(answer string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				if answer != "" {
					_, _ = c.Write([]byte(answer))
				}
				t.Cleanup(func() { c.Close() })
			}
		}()
		return l.Addr().String()
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := gone.Addr().String()
	gone.Close()
	silent, mail := listen(""), listen("220 mail.example ESMTP\r\n")
	in, endpoints, certificates := collect(t, map[string]any{"names": []string{silent, mail, closed}})
	wants(t, endpoints[silent], map[string]any{"reachable": true, "tls": nil, "tls_1_0": nil, "hsts": nil, "trusted": nil})
	wants(t, endpoints[mail], map[string]any{"reachable": true, "tls": false, "tls_1_3": nil})
	wants(t, endpoints[closed], map[string]any{"reachable": false, "tls": nil})
	for at, why := range map[string]string{silent: "did not answer in time", mail: "does not speak TLS", closed: "was refused"} {
		if !strings.Contains(endpoints[at].Absent["trusted"], why) {
			t.Errorf("%s: %q", at, endpoints[at].Absent["trusted"])
		}
		if !slices.ContainsFunc(in.Missings(), func(m sources.Missing) bool {
			return strings.HasPrefix(m.Reason, at) && strings.Contains(m.Reason, why)
		}) {
			t.Errorf("%s is not said to be missing: %+v", at, in.Missings())
		}
	}
	if len(certificates) != 0 {
		t.Errorf("%d certificates", len(certificates))
	}
}

func TestHeadersWithoutEndAreGivenUp(t *testing.T) {
	root := newAuthority(t, "Acme root", nil)
	at := serve(t, &stdtls.Config{Certificates: []stdtls.Certificate{root.leaf(t, nil)}}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Big", strings.Repeat("a", 200<<10))
	})
	_, endpoints, _ := collect(t, map[string]any{"names": at, "roots": root.pem()})
	wants(t, endpoints[at], map[string]any{"tls_1_3": true, "http": nil, "hsts": nil})
}

func TestSettingsAreRefusedWithWhatWouldBeAccepted(t *testing.T) {
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	for settings, want := range map[string]string{
		`{}`: "one to a line", `{"names":""}`: "one to a line", `{"names":"a b"}`: "such as app.example.com", `{"names":"a:0"}`: "such as app.example.com",
		`{"names":"a","roots":"x"}`: "PEM", `{"names":"a","plain_port":"http"}`: "1 to 65535", `{"name":"a"}`: "the settings are", `{"names":7}`: "the settings are",
		`{"names":"` + strings.Repeat(`a\n`, 1001) + `"}`: "split the source", `{"names":"http://a"}`: "such as app.example.com",
	} {
		in := sources.NewIntake(schemas, clock.NewFixed(asof), nil)
		if err := tls.New().Collect(context.Background(), json.RawMessage(settings), in); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", settings, err, want)
		}
	}
	for text, want := range map[string]string{"App.Example.com.": "app.example.com:443", "https://a.b/": "a.b:443", "a:8443": "a:8443", "[::1]:1": "[::1]:1", "::1": "[::1]:443", "10.0.0.1": "10.0.0.1:443"} {
		if got, err := tls.Target(text); got != want || err != nil {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
}

func TestTestSaysWhatWouldAnswer(t *testing.T) {
	root := newAuthority(t, "Acme root", nil)
	at := serve(t, &stdtls.Config{Certificates: []stdtls.Certificate{root.leaf(t, nil)}}, func(http.ResponseWriter, *http.Request) {})
	trial, err := tls.New().Test(context.Background(), json.RawMessage(`{"names":["`+at+`","127.0.0.1:1"]}`))
	if err != nil || len(trial.Found) != 1 || !strings.Contains(trial.Found[0], "CN=app") || len(trial.Missing) != 1 {
		t.Errorf("%+v, %v", trial, err)
	}
	if _, err := tls.New().Test(context.Background(), json.RawMessage(`{"names":"127.0.0.1:1"}`)); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("nothing answers: %v", err)
	}
}

func TestHeadersAreReadAsBrowsersDo(t *testing.T) {
	for value, want := range map[string]int64{"max-age=60": 60, `Max-Age="60"; includeSubDomains`: 60, "max-age=0": 0, "max-age=60;max-age=1": -1, "max-age=-1": -1, "includeSubDomains": -1, "": -1, "max-age=x": -1} {
		age, _, _, ok := tls.ParseHSTS([]string{value})
		if ok != (want >= 0) || ok && age != want {
			t.Errorf("%q: %d %v", value, age, ok)
		}
	}
	for policy, want := range map[string]string{"": "anybody", "frame-ancestors 'none'": "nobody", "default-src x; Frame-Ancestors 'self'": "itself", "frame-ancestors https://a.example": "listed", "frame-ancestors *": "anybody", "frame-ancestors": "nobody"} {
		if got := tls.Framing([]string{policy}, nil); got != want {
			t.Errorf("%q: %s, want %s", policy, got, want)
		}
	}
	if got := tls.Framing([]string{"frame-ancestors *"}, []string{"DENY"}); got != "anybody" {
		t.Errorf("a policy stands above X-Frame-Options: %s", got)
	}
	if got := tls.Framing(nil, []string{"deny"}); got != "nobody" {
		t.Errorf("deny: %s", got)
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add("max-age=31536000; includeSubDomains; preload", "default-src 'self'; frame-ancestors 'none'", "DENY")
	f.Add(`max-age="1"`, "frame-ancestors * https:", "SAMEORIGIN,DENY")
	f.Fuzz(func(t *testing.T, hsts, csp, options string) {
		if age, _, _, ok := tls.ParseHSTS([]string{hsts}); ok && age < 0 {
			t.Error("an age before now")
		}
		if got := tls.Framing([]string{csp}, []string{options}); !slices.Contains([]string{"nobody", "itself", "listed", "anybody"}, got) {
			t.Errorf("framing %q", got)
		}
		_, _ = tls.Target(hsts)
	})
}
