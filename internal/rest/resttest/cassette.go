// Package resttest plays back what a real server once answered, so that a
// collector is tested against it without the server.
package resttest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A Cassette is the traffic with one server.
type Cassette struct {
	// Server says what was asked, and of which version.
	Server string `json:"server"`
	// Secrets are digests of what signed in while it was recorded, so that a
	// test can tell that none of it is in here.
	Secrets  []string   `json:"secrets"`
	Exchange []Exchange `json:"exchange"`

	mu   sync.Mutex
	used map[string]int
	next http.RoundTripper
	from string // host that was recorded
}

// An Exchange is one question and its answer.
type Exchange struct {
	Path   string            `json:"path"` // with the query
	As     string            `json:"as,omitempty"`
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body"`
}

// Host is what every recorded server is called.
const Host = "forge.example.com"

// kept are the headers of an answer that a client reads.
var kept = []string{"Link", "X-Total-Count", "Retry-After", "Content-Type", "Location"}

// Load reads a cassette.
func Load(t testing.TB, path string) *Cassette {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &Cassette{used: map[string]int{}}
	if err := json.Unmarshal(text, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Record makes an empty cassette that fills from a server at host.
func Record(server, host string, secrets ...string) *Cassette {
	c := &Cassette{Server: server, next: http.DefaultTransport, from: host, used: map[string]int{}}
	for _, s := range secrets {
		sum := sha256.Sum256([]byte(s))
		c.Secrets = append(c.Secrets, hex.EncodeToString(sum[:]))
	}
	return c
}

// Save writes a cassette.
func (c *Cassette) Save(t testing.TB, path string) {
	t.Helper()
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if found := c.Leaks(string(text)); found != "" {
		t.Fatalf("the recording would hold %s", found)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// As gives the traffic of one account: several may have asked the same.
func (c *Cassette) As(account string) http.RoundTripper { return tape{c, account} }

type tape struct {
	*Cassette
	as string
}

func (t tape) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	path := r.URL.RequestURI()
	if t.next != nil {
		return t.take(r, path)
	}
	if r.URL.Host != Host {
		return nil, fmt.Errorf("%s is asked, and not %s", r.URL.Host, Host)
	}
	var found *Exchange
	n := 0
	for i := range t.Exchange {
		if e := &t.Exchange[i]; e.Path == path && e.As == t.as {
			if n++; n <= t.used[t.as+path]+1 {
				found = e
			}
		}
	}
	t.used[t.as+path]++
	if found == nil {
		return nil, fmt.Errorf("%s was not asked for when this was recorded as %s", path, t.as)
	}
	res := &http.Response{StatusCode: found.Status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(found.Body)), Request: r}
	for k, v := range found.Header {
		res.Header.Set(k, v)
	}
	return res, nil
}

// take asks the server and keeps what it answered, under another name.
func (t tape) take(r *http.Request, path string) (*http.Response, error) {
	res, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if err := res.Body.Close(); err != nil {
		return nil, err
	}
	e := Exchange{Path: path, As: t.as, Status: res.StatusCode, Header: map[string]string{}, Body: t.rename(string(body))}
	for _, k := range kept {
		if v := res.Header.Get(k); v != "" {
			e.Header[k] = t.rename(v)
		}
	}
	t.Exchange = append(t.Exchange, e)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

func (c *Cassette) rename(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "http://"+c.from, "https://"+Host), c.from, Host)
}

var (
	word  = regexp.MustCompile(`[A-Za-z0-9_\-.~+/]{8,}`)
	looks = []*regexp.Regexp{
		regexp.MustCompile(`(?i)"authorization"`), regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY`),
		regexp.MustCompile(`(?i)"(passwd|password|secret|access_token|token|sha1)":\s*\\?"[^"\\]`),
		regexp.MustCompile(`(?i)(bearer|basic|token) [A-Za-z0-9+/_\-.]{16,}`), regexp.MustCompile(`://[^/\s"\\]+:[^/\s"\\@]+@`),
	}
)

// Leaks says what of a cassette's text would open a door; empty if nothing.
func (c *Cassette) Leaks(text string) string {
	for _, r := range looks {
		if m := r.FindString(text); m != "" {
			return "what looks like a secret: " + m
		}
	}
	for _, w := range word.FindAllString(text, -1) {
		sum := sha256.Sum256([]byte(w))
		if slices.Contains(c.Secrets, hex.EncodeToString(sum[:])) {
			return "a secret that it was recorded with"
		}
	}
	return ""
}
