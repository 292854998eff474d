package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// client runs operations over HTTP.
type client struct {
	base  string
	token string
	org   string // on the socket of a directory
	http  *http.Client
}

// Repetitions of a request that may have been lost on the way. A write carries
// a key, so that repeating it does nothing twice.
const (
	attempts  = 3
	pause     = time.Second
	maxAnswer = 256 << 20
)

func (c *client) call(ctx context.Context, o op.Operation, in map[string]any, key string) (json.RawMessage, error) {
	r := op.RouteOf(o)
	path := r.Path
	rest := map[string]any{}
	for k, v := range in {
		if k == "id" && r.Addressed() {
			path = strings.ReplaceAll(path, "{id}", url.PathEscape(fmt.Sprint(v)))
			continue
		}
		rest[k] = v
	}
	if r.Addressed() && fmt.Sprint(in["id"]) == "" {
		return nil, fault.Invalid("id", "is needed")
	}
	q := request{method: r.Method, path: path, header: http.Header{}}
	if r.InQuery() {
		if len(rest) > 0 {
			q.path += "?" + query(rest).Encode()
		}
	} else {
		var err error
		if q.body, err = json.Marshal(rest); err != nil {
			return nil, err
		}
		q.header.Set("Content-Type", "application/json")
	}
	if o.Writes() {
		if key == "" {
			key = rand.Text()
		}
		q.header.Set("Idempotency-Key", key)
	}
	return c.send(ctx, q)
}

func query(in map[string]any) url.Values {
	v := url.Values{}
	for name, x := range in {
		switch x := x.(type) {
		case []string:
			v[name] = x
		case []int64:
			for _, n := range x {
				v.Add(name, strconv.FormatInt(n, 10))
			}
		default:
			v.Set(name, fmt.Sprint(x))
		}
	}
	return v
}

func (c *client) upload(ctx context.Context, data []byte) (string, error) {
	raw, err := c.send(ctx, request{method: http.MethodPost, path: op.Base + "/blobs", body: data,
		header: http.Header{"Content-Type": {"application/octet-stream"}}})
	if err != nil {
		return "", err
	}
	var up struct{ Blob string }
	err = json.Unmarshal(raw, &up)
	return up.Blob, err
}

func (c *client) close() error {
	c.http.CloseIdleConnections()
	return nil
}

// request is what can be sent again.
type request struct {
	method, path string
	header       http.Header
	body         []byte
}

// send sends until there is an answer that will not get better.
func (c *client) send(ctx context.Context, q request) (json.RawMessage, error) {
	for n := 1; ; n++ {
		res, body, err := c.once(ctx, q)
		if n == attempts || !worthwhile(res, err) || ctx.Err() != nil {
			if err != nil {
				return nil, err
			}
			return c.judge(res, body)
		}
		wait := pause * time.Duration(n)
		if res != nil {
			if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s >= 0 && s <= 30 {
				wait = time.Duration(s) * time.Second
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *client) once(ctx context.Context, q request) (*http.Response, []byte, error) {
	return c.attempt(ctx, q, bytes.NewReader(q.body))
}

// stream sends a body that cannot be sent again.
func (c *client) stream(ctx context.Context, method, path string, body io.Reader) (json.RawMessage, error) {
	res, answer, err := c.attempt(ctx, request{method: method, path: path, header: http.Header{}}, body)
	if err != nil {
		return nil, err
	}
	return c.judge(res, answer)
}

func (c *client) attempt(ctx context.Context, q request, from io.Reader) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, q.method, c.base+q.path, from)
	if err != nil {
		return nil, nil, err
	}
	r.Header = q.header.Clone()
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "tickmark")
	if c.org != "" {
		r.Header.Set(OrgHeader, c.org)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, nil, fmt.Errorf("no answer from %s: %w", c.base, unwrap(err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer of %s is larger than %d MiB", c.base, maxAnswer>>20)
		return res, nil, err
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the answer of %s was cut short: %w", c.base, err)
	}
	return res, body, nil
}

// unwrap drops what net/http says about the address, which is said already.
func unwrap(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// worthwhile reports whether the same request may fare better: when it or its
// answer was lost on the way, or when a proxy found the server away.
func worthwhile(res *http.Response, err error) bool {
	if err != nil {
		lost := []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE}
		return slices.ContainsFunc(lost, func(l error) bool { return errors.Is(err, l) })
	}
	return slices.Contains([]int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, res.StatusCode)
}

// judge returns the body of a success, and what a refusal says.
func (c *client) judge(res *http.Response, body []byte) (json.RawMessage, error) {
	if res.StatusCode == http.StatusNoContent {
		return json.RawMessage("{}"), nil
	}
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode < 300 && mediaType == "application/json" && json.Valid(body) {
		return bytes.TrimSpace(body), nil
	}
	var p problem
	if mediaType != "application/problem+json" || json.Unmarshal(body, &p) != nil {
		return nil, fmt.Errorf("%s answered %s without a word that Tickmark would say: is this the address of a Tickmark?", c.base, res.Status)
	}
	return nil, p.err()
}
