// Package sitetest opens pages in tests: routes served over an engine, visitors
// with cookies of their own, and answers that can be asked by selector.
package sitetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// Site is a server with some routes.
type Site struct {
	t   testing.TB
	url string
	// Woken counts how often a page asked the machine to look for work.
	Woken int
	// Deliver takes files that are handed in; nil refuses them.
	Deliver func(ctx context.Context, d *op.Desk, name string, from io.Reader) (string, error)
}

// New serves routes over an engine until the test ends.
func New(t testing.TB, e *op.Engine, routes ...[]site.Route) *Site {
	t.Helper()
	s := &Site{t: t}
	if e.Throttle == nil {
		e.Throttle = auth.NewThrottle()
	}
	web := &site.Web{Engine: e, Throttle: e.Throttle, BaseURL: e.BaseURL, Wake: func() { s.Woken++ },
		Deliver: func(ctx context.Context, d *op.Desk, name string, from io.Reader) (string, error) {
			return s.Deliver(ctx, d, name, from)
		},
		Nav: func(auth.Actor) []site.NavGroup { return nil }, Tabs: func(auth.Actor) []site.NavItem { return nil }}
	mux := http.NewServeMux()
	web.Mount(mux, slices.Concat(routes...))
	srv := httptest.NewServer(site.Secure(mux, false))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// Visitor is a browser: it keeps cookies and does not follow redirects.
type Visitor struct {
	t      testing.TB
	client *http.Client
	url    string
}

// Stranger is nobody yet.
func (s *Site) Stranger() *Visitor {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Visitor{s.t, &http.Client{Jar: jar, CheckRedirect: stay}, s.url}
}

// As is the person whose desk it is, signed in.
func (s *Site) As(desk *op.Desk) *Visitor {
	s.t.Helper()
	door := &op.Desk{Engine: desk.Engine, Actor: auth.Actor{Via: "page"}}
	session, err := orgs.SignIn.Do(s.t.Context(), door, orgs.Visit{User: desk.Actor.User, Agent: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	v := s.Stranger()
	at, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	v.client.Jar.SetCookies(at, []*http.Cookie{{Name: auth.CookieNameFor(false), Value: session.Secret, Path: "/"}})
	return v
}

// Session is the secret in the cookie of whoever is signed in; empty for a
// stranger.
func (v *Visitor) Session() string {
	at, err := url.Parse(v.url)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.client.Jar.Cookies(at) {
		if c.Name == auth.CookieNameFor(false) {
			return c.Value
		}
	}
	return ""
}

// Get opens a page.
func (v *Visitor) Get(path string) *Page {
	v.t.Helper()
	return v.send(http.MethodGet, path, nil, "")
}

// Part opens the part of a page that htmx asks for.
func (v *Visitor) Part(path string) *Page {
	v.t.Helper()
	return v.send(http.MethodGet, path, nil, "true")
}

// Post sends a form; fields are names and values in turn.
func (v *Visitor) Post(path string, fields ...string) *Page {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.send(http.MethodPost, path, strings.NewReader(form.Encode()), "")
}

// Upload sends a form with a file; fields come before it.
func (v *Visitor) Upload(path, field, name string, content []byte, fields ...string) *Page {
	v.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := form.WriteField(fields[i], fields[i+1]); err != nil {
			v.t.Fatal(err)
		}
	}
	file, err := form.CreateFormFile(field, name)
	if err == nil {
		_, err = file.Write(content)
	}
	if err := errors.Join(err, form.Close()); err != nil {
		v.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.url+path, &body)
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	return v.do(req)
}

func (v *Visitor) send(method, path string, body io.Reader, htmx string) *Page {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if htmx != "" {
		req.Header.Set("HX-Request", htmx)
	}
	return v.do(req)
}

func (v *Visitor) do(req *http.Request) *Page {
	v.t.Helper()
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return read(v.t, res, string(text))
}

// PostPart sends a form as a script does that wants a part of a page.
func (v *Visitor) PostPart(path string, fields ...string) *Page {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.send(http.MethodPost, path, strings.NewReader(form.Encode()), "true")
}
