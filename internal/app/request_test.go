package app_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/op"
)

// openSQLite is a fresh database.
func openSQLite(t *testing.T) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), dbtest.Migrated(t), db.Options{Careless: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// server is the installation as the network reaches it.
func server(t *testing.T, a *app.App, c conf.Server) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(a.Handler(c, assess.Offer{}))
	t.Cleanup(s.Close)
	return s
}

// answer is what came back over HTTP.
type answer struct {
	status int
	head   http.Header
	body   string
}

func (a answer) done() bool { return a.status < 400 }

// send sends a request and follows nothing.
func send(t *testing.T, r *http.Request) answer {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rest is an operation as a program asks for it.
func rest(t *testing.T, base string, o op.Operation, in input, token string) answer {
	t.Helper()
	route, rest := op.RouteOf(o), maps.Clone(in)
	path := route.Path
	if route.Addressed() {
		path = strings.ReplaceAll(path, "{id}", url.PathEscape(fmt.Sprint(in["id"])))
		delete(rest, "id")
	}
	var body io.Reader
	if route.InQuery() {
		for k, v := range rest {
			if at, ok := v.(time.Time); ok {
				rest[k] = at.Format(time.RFC3339Nano)
			}
			if b, ok := v.([]byte); ok {
				rest[k] = base64.StdEncoding.EncodeToString(b)
			}
		}
		path += "?" + asForm(rest).Encode()
	} else {
		body = bytes.NewReader(asJSON(t, rest))
	}
	r := request(t, route.Method, base+path, body)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, r)
}

// multipartRequest is a form with a file.
func multipartRequest(t *testing.T, address string, form url.Values, content string) *http.Request {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, values := range form {
		for _, v := range values {
			if err := w.WriteField(k, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	part, err := w.CreateFormFile("file", "export.html")
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, http.MethodPost, address, &b)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func signedIn(r *http.Request, cookie string) *http.Request {
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: auth.CookieNameFor(false), Value: cookie})
	}
	return r
}

// asJSON is an input as programs send it.
func asJSON(t *testing.T, in any) []byte {
	t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// asForm is an input as a page's form sends it.
func asForm(in map[string]any) url.Values {
	form := url.Values{}
	for k, v := range in {
		switch v := v.(type) {
		case []string:
			form[k] = v
		case []int64:
			for _, n := range v {
				form.Add(k, fmt.Sprint(n))
			}
		case time.Time:
			form.Set(k, v.Format(time.DateOnly))
		default:
			form.Set(k, fmt.Sprint(v))
		}
	}
	return form
}

func operation(t *testing.T, name string) op.Operation {
	t.Helper()
	i := slices.IndexFunc(app.Operations(), func(o op.Operation) bool { return o.Name() == name })
	if i < 0 {
		t.Fatalf("there is no operation %s", name)
	}
	return app.Operations()[i]
}
