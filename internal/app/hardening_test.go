package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site"
)

// foreign are the headers by which a browser says that a page of another site
// sent the request.
var foreign = []http.Header{
	{"Sec-Fetch-Site": {"cross-site"}},
	{"Sec-Fetch-Site": {"same-site"}},
	{"Origin": {"https://evil.example"}},
	{"Origin": {"null"}},
	{"Origin": {"http://localhost"}, "Referer": {"http://localhost/"}},
}

func TestPagesOfOtherSitesCanDoNothing(t *testing.T) {
	a := installation(t, openSQLite(t))
	x := furnish(t, a, "aardvark", "QAA")
	base, cookie := server(t, a, conf.Server{}).URL, x.cookie(x.desk)
	try := func(name string, r func() *http.Request) {
		t.Helper()
		before := x.rows()
		for _, from := range foreign {
			req := signedIn(r(), cookie)
			for k, v := range from {
				req.Header[k] = v
			}
			if a := send(t, req); a.status != http.StatusForbidden {
				t.Errorf("%s with %v: %d", name, from, a.status)
			}
		}
		if diff := cmp.Diff(before, x.rows()); diff != "" {
			t.Errorf("%s from another site changed something:\n%s", name, diff)
		}
	}
	for _, r := range app.Pages(assess.Offer{}) {
		if strings.HasPrefix(r.Pattern, "POST ") {
			form := x.act(base, r.Pattern, acts[r.Pattern], x.desk)
			body, err := io.ReadAll(form.Body)
			if err != nil {
				t.Fatal(err)
			}
			try(r.Pattern, func() *http.Request {
				again := form.Clone(t.Context())
				again.Body = io.NopCloser(bytes.NewReader(body))
				return again
			})
		}
	}
	for path, body := range map[string]string{"/preferences": "theme=dark", "/api/v1/tokens": `{"name":"planted"}`, "/api/v1/blobs": "planted", "/api/v1/exports/bundle": ""} {
		try("POST "+path, func() *http.Request { return request(t, http.MethodPost, base+path, strings.NewReader(body)) })
	}
	for _, o := range op.Offered(app.Operations()) {
		if route := op.RouteOf(o); o.Writes() && route.Method != http.MethodGet && o.Right() != auth.Anyone {
			path := strings.ReplaceAll(route.Path, "{id}", "x")
			try(o.Name(), func() *http.Request { return request(t, route.Method, base+path, strings.NewReader("{}")) })
		}
	}
	// No read is a write: GET is what other sites can always send.
	for _, o := range op.Offered(app.Operations()) {
		if o.Writes() && op.RouteOf(o).Method == http.MethodGet {
			t.Errorf("%s writes and is a GET", o.Name())
		}
	}
}

func TestCookiesAreForBrowsersAlone(t *testing.T) {
	h := setUp(t)
	secure := httptest.NewServer(h.app.Handler(conf.Server{BaseURL: "HTTPS://tickmark.example"}, assess.Offer{}))
	t.Cleanup(secure.Close)
	plain := h.signIn("", address, passphrase)
	h.base = secure.URL
	encrypted := h.signIn("", address, passphrase)
	for name, c := range map[string]struct {
		answer
		cookie string
		secure bool
	}{"plain": {plain, "tickmark", false}, "TLS": {encrypted, "__Host-tickmark", true}} {
		if len(c.cookies()) != 1 {
			t.Fatalf("%s: cookies %v", name, c.cookies())
		}
		k := c.cookies()[0]
		if k.Name != c.cookie || !k.HttpOnly || k.Secure != c.secure || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "" || len(k.Value) < 40 {
			t.Errorf("%s: %s", name, k)
		}
	}
	// Over TLS the name without the prefix is nobody's: any host of the domain
	// could have set it.
	r := request(t, http.MethodGet, h.base+"/settings", nil)
	r.AddCookie(&http.Cookie{Name: "tickmark", Value: session(encrypted, "__Host-tickmark")})
	if a := send(t, r); a.status != http.StatusSeeOther {
		t.Errorf("a cookie without the prefix over TLS: %d", a.status)
	}
}

// addresses are requests of every sort: pages, acts, programs, files, errors.
func addresses(t *testing.T, x *tenant, base string) []*http.Request {
	t.Helper()
	var out []*http.Request
	for _, r := range app.Pages(assess.Offer{}) {
		if path, get := strings.CutPrefix(r.Pattern, "GET "); get {
			out = append(out, request(t, http.MethodGet, base+x.fill(path), nil), request(t, http.MethodHead, base+x.fill(path), nil))
		}
	}
	for _, path := range []string{"/health", "/nowhere", "/api/v1/orgs/current", "/api/v1/docs", "/api/v1/openapi.json", "/api/v1/nowhere", "/static/none",
		site.Asset("css/app.css"), "/controls/ctl_00000000000000000000000000", "/sign-in?to=%ff", "/%2e%2e/x", "//x", "/controls/%00"} {
		out = append(out, request(t, http.MethodGet, base+path, nil))
	}
	for _, c := range [][2]string{{http.MethodPost, "/sign-in"}, {http.MethodPost, "/setup"}, {http.MethodPost, "/preferences"}, {http.MethodPut, "/controls"},
		{http.MethodDelete, "/api/v1/controls"}, {http.MethodPost, "/api/v1/tokens"}, {http.MethodOptions, "/api/v1/tokens"}, {http.MethodPost, "/log/verify"},
		{http.MethodPost, "/export"}, {http.MethodTrace, "/"}} {
		out = append(out, request(t, c[0], base+c[1], nil))
	}
	return out
}

func TestEveryAnswerIsFenced(t *testing.T) {
	a := installation(t, openSQLite(t))
	x := furnish(t, a, "aardvark", "QAA")
	cookie := x.cookie(x.desk)
	for _, c := range []conf.Server{{}, {BaseURL: "https://tickmark.example"}} {
		base := server(t, a, c).URL
		for _, r := range addresses(t, x, base) {
			for _, who := range []string{"", cookie} {
				if who != "" {
					r = r.Clone(t.Context())
					r.AddCookie(&http.Cookie{Name: auth.CookieNameFor(c.TLS()), Value: who})
				}
				fenced(t, send(t, r), r, c.TLS())
			}
		}
	}
}

func fenced(t *testing.T, a answer, r *http.Request, tls bool) {
	t.Helper()
	name := fmt.Sprintf("%s %s (%d)", r.Method, r.URL.Path, a.status)
	for header, want := range map[string]string{"Content-Security-Policy": site.Policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
		if got := a.head.Values(header); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s is %q, want %q once", name, header, got, want)
		}
	}
	if kept := a.head.Get("Cache-Control"); (kept != "no-store") != (r.URL.Path == site.Asset("css/app.css")) {
		t.Errorf("%s: Cache-Control %q", name, kept)
	}
	if got := a.head.Get("Strict-Transport-Security"); (got != "") != tls {
		t.Errorf("%s: Strict-Transport-Security %q, over TLS %t", name, got, tls)
	}
	if a.head.Get("Access-Control-Allow-Origin") != "" || a.head.Get("Server") != "" || a.head.Get("X-Powered-By") != "" {
		t.Errorf("%s: says too much: %v", name, a.head)
	}
	if strings.HasPrefix(a.head.Get("Content-Type"), "text/html") {
		for _, inline := range []string{" style=", "<style", " onclick=", " onload=", "javascript:", "<script>"} {
			if strings.Contains(a.body, inline) {
				t.Errorf("%s: has %s, which the policy would refuse", name, inline)
			}
		}
	}
	if a.status >= 500 {
		t.Errorf("%s: %.1000s", name, a.body)
	}
}

func TestNothingTooLargeIsTaken(t *testing.T) {
	a := installation(t, openSQLite(t))
	x := furnish(t, a, "aardvark", "QAA")
	base := server(t, a, conf.Server{}).URL
	cookie, token := x.cookie(x.desk), x.bearer(x.desk)
	zeros := func(n int64) io.Reader { return io.LimitReader(zero{}, n) }
	form := func(n int64) io.Reader {
		return io.MultiReader(strings.NewReader("email=a%40example.com&password="), zeros(n))
	}
	before := x.rows()
	for name, c := range map[string]struct {
		path, media string
		body        io.Reader
		want        int
	}{
		"a stranger's form":     {"/sign-in", "application/x-www-form-urlencoded", form(2 << 20), http.StatusUnprocessableEntity},
		"preferences":           {"/preferences", "application/x-www-form-urlencoded", form(5000), http.StatusBadRequest},
		"a member's form":       {"/controls/new", "application/x-www-form-urlencoded", form(2 << 20), http.StatusUnprocessableEntity},
		"a stranger's JSON":     {"/api/v1/orgs", "application/json", zeros(2 << 20), http.StatusRequestEntityTooLarge},
		"a member's JSON":       {"/api/v1/controls", "application/json", zeros(2 << 20), http.StatusRequestEntityTooLarge},
		"bytes for evidence":    {"/api/v1/blobs", "application/octet-stream", zeros(blob.MaxSize + 1), http.StatusRequestEntityTooLarge},
		"deep JSON":             {"/api/v1/controls", "application/json", strings.NewReader(strings.Repeat("[", 500_000)), http.StatusUnprocessableEntity},
		"a file of a form":      {"/evidence/new", "multipart/form-data; boundary=x", io.MultiReader(strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"), zeros(blob.MaxSize+2<<20)), http.StatusUnprocessableEntity},
		"a thousand form parts": {"/evidence/new", "multipart/form-data; boundary=x", strings.NewReader(strings.Repeat("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n", 20_000)), http.StatusUnprocessableEntity},
	} {
		r := request(t, http.MethodPost, base+c.path, c.body)
		r.Header.Set("Content-Type", c.media)
		if strings.HasPrefix(c.path, "/api/") && !strings.Contains(name, "stranger") {
			r.Header.Set("Authorization", "Bearer "+token)
		} else if !strings.Contains(name, "stranger") {
			signedIn(r, cookie)
		}
		if a := send(t, r); a.status != c.want {
			t.Errorf("%s: %d, want %d\n%.500s", name, a.status, c.want, a.body)
		}
	}
	if diff := cmp.Diff(before, x.rows()); diff != "" {
		t.Errorf("something was stored:\n%s", diff)
	}
}

type zero struct{}

func (zero) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// slow notes what patience a handler has with the body.
type slow struct {
	*httptest.ResponseRecorder
	until []time.Time
}

func (s *slow) SetReadDeadline(t time.Time) error { s.until = append(s.until, t); return nil }

func TestSlowSendersAreCutOff(t *testing.T) {
	h := setUp(t)
	srv := app.NewServer(h.app, http.NotFoundHandler())
	if srv.ReadHeaderTimeout <= 0 || srv.ReadHeaderTimeout > time.Minute || srv.IdleTimeout <= 0 || srv.MaxHeaderBytes <= 0 || srv.MaxHeaderBytes > 1<<20 {
		t.Errorf("header time %s, idle time %s, header bytes %d", srv.ReadHeaderTimeout, srv.IdleTimeout, srv.MaxHeaderBytes)
	}
	handler := h.app.Handler(conf.Server{}, assess.Offer{})
	for path, most := range map[string]time.Duration{"/sign-in": time.Minute, "/setup": time.Minute, "/sign-out": time.Minute, "/api/v1/orgs": time.Minute, "/preferences": time.Minute} {
		w := &slow{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
		began := time.Now()
		handler.ServeHTTP(w, r)
		if len(w.until) == 0 || w.until[0].Sub(began) > most+time.Minute {
			t.Errorf("%s: a stranger may send the body until %v", path, w.until)
		}
	}
}

func TestStaticFilesAreTheOnlyFilesServed(t *testing.T) {
	h := setUp(t)
	handler := h.app.Handler(conf.Server{}, assess.Offer{})
	for _, path := range []string{
		"/static/../../../../etc/passwd", "/static/x/../../../../../../etc/passwd", "/static/..%2f..%2f..%2f..%2fetc%2fpasswd", "/static/x/%2e%2e/%2e%2e/%2e%2e/go.mod",
		"/static/x/..%5c..%5cgo.mod", "/static//etc/passwd", "/static/x//etc/passwd", "/static/x/.", "/static/x/", "/static/", "/static/x/css", "/static/x/%00", "/../../etc/passwd",
		"/library/..%2f..%2fgo.mod", "/evidence/..%2f..%2fgo.mod/bytes", "/log/..%2f..%2fgo.mod",
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		u, err := url.Parse(path)
		if err != nil {
			u = &url.URL{Path: path}
		}
		r.URL = u
		handler.ServeHTTP(w, signedIn(r, h.owner))
		if w.Code == http.StatusOK || w.Code >= 500 || strings.Contains(w.Body.String(), "root:") || strings.Contains(w.Body.String(), "module github.com") {
			t.Errorf("%s: %d\n%.300s", path, w.Code, w.Body)
		}
	}
}

func TestBytesLeaveAsFiles(t *testing.T) {
	a := installation(t, openSQLite(t))
	x := furnish(t, a, "aardvark", "QAA")
	base, cookie := server(t, a, conf.Server{}).URL, x.cookie(x.desk)
	for _, media := range []string{"text/html", "image/svg+xml", "text/javascript", "application/xhtml+xml", "text/html; charset=utf-8", "a\"b; x=\u2028", "multipart/form-data", "text/plain"} {
		in := x.submission()
		in.MediaType, in.Title = media, `report"; filename="evil.html`+"\u2028</title><script>alert(1)</script>"
		r := do(t, x, evidence.Submit, in)
		got := send(t, signedIn(request(t, http.MethodGet, base+"/evidence/"+string(r.ID)+"/bytes", nil), cookie))
		attached(t, media, got)
		if kind, _, _ := mime.ParseMediaType(got.head.Get("Content-Type")); kind != "application/octet-stream" && kind != "text/plain" {
			t.Errorf("%s leaves as %s", media, kind)
		}
		page := send(t, signedIn(request(t, http.MethodGet, base+"/evidence/"+string(r.ID), nil), cookie))
		if strings.Contains(page.body, "<script>alert") {
			t.Errorf("%s: the title is not escaped", media)
		}
	}
	attached(t, "a receipt", send(t, signedIn(request(t, http.MethodGet, base+"/log/0/receipt", nil), cookie)))
	attached(t, "the page's bundle", send(t, signedIn(request(t, http.MethodPost, base+"/export", nil), cookie)))
	attached(t, "the program's bundle", send(t, signedIn(request(t, http.MethodPost, base+"/api/v1/exports/bundle", nil), cookie)))
}

func attached(t *testing.T, name string, a answer) {
	t.Helper()
	how, params, err := mime.ParseMediaType(a.head.Get("Content-Disposition"))
	if a.status != http.StatusOK || err != nil || how != "attachment" || params["filename"] == "" || strings.ContainsAny(params["filename"], "/\\\"<>") {
		t.Errorf("%s: %d, Content-Disposition %q", name, a.status, a.head.Get("Content-Disposition"))
	}
	if a.head.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(a.head.Get("Content-Type"), "html") {
		t.Errorf("%s: %v", name, a.head)
	}
}

// logged is a log that can be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestRefusalsAreOnTheServersLog(t *testing.T) {
	said := &logged{}
	a := installation(t, openSQLite(t))
	a.Log = slog.New(slog.NewTextHandler(said, nil))
	desk := optest.Found(t, a.Engine, "Larchmere")
	sponsor := optest.Member(t, desk, auth.Sponsor)
	x := &tenant{t: t, app: a, desk: desk, mark: "larchmere", ids: map[string]string{}}
	base := server(t, a, conf.Server{}).URL
	send(t, signedIn(request(t, http.MethodPost, base+"/settings/members", strings.NewReader("name=Bo")), x.cookie(sponsor)))
	rest(t, base, operation(t, "tokens.create"), input{"name": "CI"}, x.bearer(sponsor))
	rest(t, base, operation(t, "tokens.list"), input{}, "tmk_guessed")
	for _, want := range []string{"page refused", "api refused", "token refused"} {
		line := ""
		for l := range strings.Lines(said.text()) {
			if strings.Contains(l, want) {
				line = l
			}
		}
		if line == "" || want != "token refused" && !strings.Contains(line, sponsor.Actor.Key()) || strings.Contains(line, "guessed") {
			t.Errorf("%s: the log says %q", want, line)
		}
	}
}

// referenceForm is a reference as people and programs read it.
var referenceForm = regexp.MustCompile(`\b[0-9a-f]{12}\b`)

func TestAFailureIsAReferenceAndTheServerGoesOn(t *testing.T) {
	const secret = "hunter2 at db.internal:5432"
	e := optest.Engine(t, openSQLite(t))
	said := &logged{}
	e.Log = slog.New(slog.NewTextHandler(said, nil))
	desk := optest.Found(t, e, "Larchmere")
	x := &tenant{t: t, app: &app.App{Engine: e}, desk: desk}
	fails := map[string]func() error{
		"error": func() error { return errors.New(secret) },
		"panic": func() error { panic(secret) },
		"late":  func() error { var m map[string]int; m[secret] = 1; return nil },
	}
	var ops []op.Operation
	var routes []site.Route
	for name, fail := range fails {
		ops = append(ops, op.Read(name+".get", "Fail.", auth.OrgRead, func(*op.Call, op.None) (op.None, error) { return op.None{}, fail() }),
			op.Write(name+".create", "Fail.", auth.OrgRead, func(*op.Call, op.None) (op.None, error) { return op.None{}, fail() }))
		routes = append(routes, site.Route{Pattern: "GET /" + name, Open: true, Handle: func(*site.Visit) error { return fail() }})
	}
	web := &site.Web{Engine: e, Nav: func(auth.Actor) []site.NavGroup { return nil }, Tabs: func(auth.Actor) []site.NavItem { return nil }, Throttle: auth.NewThrottle(), Wake: func() {}}
	mux := http.NewServeMux()
	web.Mount(mux, routes)
	mux.Handle(op.Base+"/", api.New(e, ops, api.Extra{}))
	srv := httptest.NewServer(site.Secure(mux, false))
	t.Cleanup(srv.Close)
	cookie := x.cookie(desk)
	for name := range fails {
		for _, r := range []*http.Request{request(t, http.MethodGet, srv.URL+"/"+name, nil), request(t, http.MethodGet, srv.URL+"/api/v1/"+name+"/current", nil),
			request(t, http.MethodPost, srv.URL+"/api/v1/"+name, strings.NewReader("{}"))} {
			a := send(t, signedIn(r, cookie))
			if a.status != http.StatusInternalServerError || strings.Contains(a.body, "hunter2") || strings.Contains(a.body, ".go:") || strings.Contains(a.body, "goroutine") {
				t.Errorf("%s: %d\n%.1000s", r.URL.Path, a.status, a.body)
			}
			ref := referenceForm.FindString(a.body)
			if ref == "" || !strings.Contains(said.text(), ref) {
				t.Errorf("%s: the reference %q is not in the log", r.URL.Path, ref)
			}
		}
	}
	if !strings.Contains(said.text(), "hunter2") || !strings.Contains(said.text(), "goroutine") {
		t.Error("the log does not say what happened")
	}
}
