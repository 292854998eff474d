// Package rest asks servers that speak JSON over HTTP. It is what every
// collector of a service stands on, so that a limit, a refusal or a lost
// connection means the same of all of them: it stays at the host it was given,
// reads bounded answers, waits when it is told to, tries again what may pass,
// and says of everything else what was refused.
package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
)

const (
	maxBody    = 32 << 20
	maxMessage = 300 // bytes of what a server says of a refusal
	maxPages   = 100_000

	attempts    = 4
	askTimeout  = 60 * time.Second
	maxWait     = 15 * time.Minute // that a server may ask for in all
	firstPause  = time.Second
	defaultWait = 30 * time.Second
)

// Options are what a client is given beside its address.
type Options struct {
	// Header goes with every question, such as Authorization.
	Header map[string]string
	// CA is a certificate in PEM that is trusted beside those of the system.
	CA string
	// Transport replaces the network: a recording.
	Transport http.RoundTripper
	// Wait replaces waiting.
	Wait func(ctx context.Context, d time.Duration) error
	// Now replaces the clock, which only tells how long to wait.
	Now func() time.Time
}

// A Client asks one server.
type Client struct {
	base   *url.URL
	http   *http.Client
	opt    Options
	waited time.Duration
	asked  int
}

// An Error is an answer that is none.
type Error struct {
	Status  int    // 0 if no answer came
	Path    string // that was asked for
	Message string // what the server said of it, in its own words, cut
	Cause   error
}

func (e *Error) Error() string {
	switch {
	case e.Status == 0 && e.Message == "":
		return fmt.Sprintf("%s was not answered: %v", e.Path, e.Cause)
	case e.Status == 0:
		return fmt.Sprintf("%s: %s", e.Path, e.Message)
	case e.Message == "":
		return fmt.Sprintf("%s: %d %s", e.Path, e.Status, http.StatusText(e.Status))
	}
	return fmt.Sprintf("%s: %d %s: %s", e.Path, e.Status, http.StatusText(e.Status), e.Message)
}

func (e *Error) Unwrap() error { return e.Cause }

// Transient reports whether the same question may be answered later.
func (e *Error) Transient() bool {
	return e.Status == 0 && e.Message == "" || e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// StatusOf is the status of a refusal, 0 for any other error.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// Refused reports whether the server knows the question and does not answer it
// to whoever asks: by 401, by 403, or by 404, with which many hide what is
// there.
func Refused(err error) bool {
	switch StatusOf(err) {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return true
	}
	return false
}

// Said is what the server said of a refusal, in its own words.
func Said(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return ""
}

// New makes a client of the server at an address.
func New(base string, o Options) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(strings.TrimSpace(base), "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.Invalid("url", "give an address such as https://git.example.com")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.Invalid("url", "give the address alone; what signs in has a field of its own")
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Now == nil {
		o.Now = clock.System().Now
	}
	if o.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxResponseHeaderBytes = 64 << 10
		if o.CA != "" {
			pool, err := x509.SystemCertPool()
			if err != nil {
				pool = x509.NewCertPool()
			}
			if !pool.AppendCertsFromPEM([]byte(o.CA)) {
				return nil, fault.Invalid("ca", "give a certificate in PEM: -----BEGIN CERTIFICATE-----")
			}
			t.TLSClientConfig = &tls.Config{RootCAs: pool}
		}
		o.Transport = t
	}
	c := &Client{base: u, opt: o}
	c.http = &http.Client{Transport: o.Transport, Timeout: askTimeout, CheckRedirect: c.stay}
	return c, nil
}

// Close lets go of connections that are kept open.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Host is the server that is asked.
func (c *Client) Host() string { return c.base.Host }

// Asked is how many questions were sent.
func (c *Client) Asked() int { return c.asked }

// errElsewhere is a redirect to another host: what signs in here is not
// carried there.
var errElsewhere = errors.New("points elsewhere")

func (c *Client) stay(r *http.Request, via []*http.Request) error {
	switch {
	case len(via) > 5:
		return errors.New("redirects in a circle")
	case !c.ours(r.URL):
		return fmt.Errorf("%w: it redirects to %s; if that is the right one, give its address", errElsewhere, r.URL.Host)
	}
	return nil
}

func (c *Client) ours(u *url.URL) bool {
	return u.Scheme == c.base.Scheme && strings.EqualFold(u.Host, c.base.Host)
}

// An Answer is what a server said, beside the JSON that was read from it.
type Answer struct {
	Header http.Header
	Body   []byte
}

// Get asks for a path below the address, and reads the JSON of the answer into
// v, which may be nil.
func (c *Client) Get(ctx context.Context, path string, query url.Values, v any) (Answer, error) {
	u := *c.base
	u.Path, u.RawPath = c.base.Path, ""
	at := u.String() + path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	return c.get(ctx, at, path, v)
}

func (c *Client) get(ctx context.Context, at, path string, v any) (Answer, error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		a, after, err := c.once(ctx, at, path)
		if err == nil {
			if v == nil {
				return a, nil
			}
			if err := json.Unmarshal(a.Body, v); err != nil {
				return a, &Error{Path: path, Message: "the answer is not the JSON that was expected: is this the address of the service itself?", Cause: err}
			}
			return a, nil
		}
		var e *Error
		if ctx.Err() != nil {
			return a, ctx.Err()
		}
		if !errors.As(err, &e) || attempt == attempts || after == 0 && !e.Transient() {
			return a, err
		}
		d := max(pause, after)
		if c.waited += d; c.waited > maxWait {
			return a, err
		}
		if err := c.opt.Wait(ctx, d); err != nil {
			return a, err
		}
		pause *= 2
	}
}

// once asks one time. after is how long the server wants to be left alone.
func (c *Client) once(ctx context.Context, at, path string) (a Answer, after time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return a, 0, &Error{Path: path, Message: "is no address", Cause: err}
	}
	for k, v := range c.opt.Header {
		r.Header.Set(k, v)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "tickmark")
	c.asked++
	res, err := c.http.Do(r)
	if err != nil {
		return a, 0, lost(path, err)
	}
	defer res.Body.Close()
	// What was asked for as HTTP and answered by a change of protocol (101) does not
	// end with the request's context by itself.
	defer context.AfterFunc(ctx, func() { res.Body.Close() })()
	a.Header = res.Header
	if a.Body, err = io.ReadAll(io.LimitReader(res.Body, maxBody+1)); err != nil {
		return a, 0, lost(path, err)
	}
	if len(a.Body) > maxBody {
		return a, 0, &Error{Path: path, Message: fmt.Sprintf("the answer is larger than %d MiB", maxBody>>20)}
	}
	if res.StatusCode == http.StatusOK {
		return a, 0, nil
	}
	e := &Error{Status: res.StatusCode, Path: path, Message: message(a.Body)}
	return a, c.patience(res), e
}

// lost puts a failed connection into words without the address, which may hold
// more than a person should read.
func lost(path string, err error) *Error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	var (
		unknown x509.UnknownAuthorityError
		wrong   x509.HostnameError
		invalid x509.CertificateInvalidError
		lookup  *net.DNSError
	)
	switch {
	case errors.Is(err, errElsewhere):
		return &Error{Path: path, Message: err.Error(), Cause: err}
	case errors.As(err, &unknown):
		return &Error{Path: path, Message: "the certificate of the server is signed by nobody this machine knows: give its authority", Cause: err}
	case errors.As(err, &wrong), errors.As(err, &invalid):
		return &Error{Path: path, Message: "the certificate of the server does not hold: " + err.Error(), Cause: err}
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return &Error{Path: path, Message: "there is no host " + lookup.Name, Cause: err}
	}
	return &Error{Path: path, Cause: err}
}

// patience is how long a server that is asked too often wants to wait.
func (c *Client) patience(res *http.Response) time.Duration {
	limited := res.StatusCode == http.StatusTooManyRequests ||
		res.StatusCode == http.StatusForbidden && res.Header.Get("X-RateLimit-Remaining") == "0"
	if after := res.Header.Get("Retry-After"); after != "" && (limited || res.StatusCode == http.StatusServiceUnavailable || res.StatusCode == http.StatusForbidden) {
		if n, err := strconv.Atoi(after); err == nil && n >= 0 {
			return max(time.Duration(min(n, 1<<20))*time.Second, time.Millisecond)
		}
		if at, err := http.ParseTime(after); err == nil {
			return max(at.Sub(c.opt.Now()), time.Millisecond)
		}
	}
	if !limited {
		return 0
	}
	if n, err := strconv.ParseInt(res.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		if d := time.Unix(n, 0).Sub(c.opt.Now()); d > 0 {
			return d
		}
	}
	return defaultWait
}

// message is what a server says of a refusal.
func message(body []byte) string {
	var said struct {
		Message string `json:"message"`
		Error   any    `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	text := said.Message
	if s, is := said.Error.(string); is && text == "" {
		text = s
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxMessage {
		text = text[:maxMessage] + "…"
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "")
	}
	return text
}

// Pages asks for a list whose pages follow one another by the header Link, and
// hands over each element. total is how many the server says there are, -1 if
// it does not. A page at another host is not asked for.
func (c *Client) Pages(ctx context.Context, path string, query url.Values, each func(raw json.RawMessage, total int) error) error {
	a, err := c.Get(ctx, path, query, nil)
	for page := 1; ; page++ {
		if err != nil {
			return err
		}
		var list []json.RawMessage
		dec := json.NewDecoder(bytes.NewReader(a.Body))
		if err := dec.Decode(&list); err != nil {
			return &Error{Path: path, Message: "the answer is not the list that was expected", Cause: err}
		}
		total := -1
		if n, err := strconv.Atoi(a.Header.Get("X-Total-Count")); err == nil && n >= 0 {
			total = n
		}
		for _, raw := range list {
			if err := each(raw, total); err != nil {
				return err
			}
		}
		next := nextLink(a.Header.Values("Link"))
		if next == "" || len(list) == 0 {
			return nil
		}
		u, err2 := c.base.Parse(next)
		switch {
		case err2 != nil || !c.ours(u):
			return &Error{Path: path, Message: "the next page is said to be at another host", Cause: errElsewhere}
		case page == maxPages:
			return &Error{Path: path, Message: fmt.Sprintf("the list has more than %d pages", maxPages)}
		}
		a, err = c.get(ctx, u.String(), path, nil)
	}
}

// nextLink finds the address of the next page.
func nextLink(headers []string) string {
	for _, h := range headers {
		for _, part := range strings.Split(h, ",") {
			at, attrs, _ := strings.Cut(strings.TrimSpace(part), ";")
			if !strings.HasPrefix(at, "<") || !strings.HasSuffix(at, ">") {
				continue
			}
			for _, a := range strings.Split(attrs, ";") {
				if k, v, _ := strings.Cut(strings.TrimSpace(a), "="); strings.EqualFold(k, "rel") && strings.Trim(v, `"`) == "next" {
					return at[1 : len(at)-1]
				}
			}
		}
	}
	return ""
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
