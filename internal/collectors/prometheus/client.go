package prometheus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/collectors/wire"
	"github.com/tickmark/tickmark/internal/fault"
)

const (
	maxAnswer  = 32 << 20 // bytes of one answer
	answerTime = time.Minute
	wholeRun   = 10 * time.Minute
)

// A target is the server that a source names.
type target struct {
	base                            *url.URL
	user, password, token, selector string
	days                            int
	client                          *http.Client
}

// selectors is a metric with labels, and no more: over a longer expression the
// server fills gaps of up to five minutes in, and a gap must stay one.
var selectors = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^{}]*\})?$`)

func parseSettings(raw json.RawMessage) (target, error) {
	v, err := wire.Settings("prometheus", raw)
	if err != nil {
		return target{}, err
	}
	t := target{user: v["user"], password: v["password"], token: v["token"], selector: v["selector"]}
	if t.days, err = v.Int("days", 1, 90); err != nil {
		return t, err
	}
	if len(t.selector) > 1000 || !selectors.MatchString(t.selector) {
		return t, fault.Invalid("selector", `%q is not accepted: give one metric, with labels if you like, as in probe_success{job="web"}`, wire.Clip(t.selector))
	}
	t.base, err = url.Parse(v["url"])
	if err != nil || t.base.Host == "" || t.base.Scheme != "http" && t.base.Scheme != "https" || t.base.User != nil || t.base.RawQuery != "" || t.base.Fragment != "" {
		return t, fault.Invalid("url", "give an address as in https://prometheus.example.com, without name, password or question mark")
	}
	t.base.Path = strings.TrimRight(t.base.Path, "/")
	switch {
	case t.token != "" && (t.user != "" || t.password != ""):
		return t, fault.Invalid("token", "give a token, or an account and its password, not both")
	case (t.user == "") != (t.password == ""):
		return t, fault.Invalid("user", "an account and its password are given together")
	case strings.ContainsAny(t.user+t.token, "\r\n") || strings.Contains(t.user, ":"):
		return t, fault.Invalid("user", "an account has neither a colon nor a line break, and a token is one line")
	case t.base.Scheme == "http" && t.secret() && !loopback(t.base.Hostname()):
		return t, fault.Invalid("url", "a password or token is sent in clear to this machine alone: give an address with https")
	}
	trust, err := v.Trust("ca", t.base.Hostname())
	if err != nil {
		return t, err
	}
	t.client = &http.Client{
		Transport: &http.Transport{TLSClientConfig: trust, TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: answerTime, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true},
		// Another address would be given the password.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return t, nil
}

func (t target) secret() bool { return t.password != "" || t.token != "" }

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// name is the server as it is recorded.
func (t target) name() string { return t.base.Host + t.base.Path }

// gap is a question that the server answered, though not with what was asked.
type gap struct{ reason, remedy string }

func (g *gap) Error() string { return g.reason }

// get asks the API one question. A gap leaves the other questions possible;
// any other error ends the run.
func (t target) get(ctx context.Context, signedIn bool, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	at := *t.base
	at.Path += path
	at.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "tickmark")
	req.Header.Set("Accept", "application/json")
	switch {
	case !signedIn:
	case t.token != "":
		req.Header.Set("Authorization", "Bearer "+t.token)
	case t.user != "":
		req.SetBasicAuth(t.user, t.password)
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return t.unreached(ctx, err)
	}
	defer resp.Body.Close()
	// What was asked for as HTTP and answered by a change of protocol (101) does not
	// end with the request's context by itself.
	defer context.AfterFunc(ctx, func() { resp.Body.Close() })()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return t.unreached(ctx, err)
	}
	if len(body) > maxAnswer {
		return &gap{fmt.Sprintf("the answer to %s is larger than %d MiB", path, maxAnswer>>20), "Split what the server watches over several servers, or read fewer days."}
	}
	return t.answer(path, resp.StatusCode, body, into)
}

func (t target) answer(path string, status int, body []byte, into any) error {
	var envelope struct {
		Status, Error string
		Data          json.RawMessage
	}
	decoded := json.Unmarshal(body, &envelope) == nil
	switch {
	case status == http.StatusUnauthorized && t.secret():
		return &gap{"the server refuses the account or token (401)", "Correct the account, its password or the token."}
	case status == http.StatusUnauthorized:
		return &gap{"the server asks who is there (401)", "Give an account with its password, or a token."}
	case status == http.StatusForbidden:
		return &gap{path + " is not shown to this account (403)", "Let the account read " + path + "."}
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return &gap{path + " is not offered by this server", "Upgrade the server, or correct the address."}
	case status >= 300 && status < 400:
		return &gap{fmt.Sprintf("%s leads to another address (%d)", path, status), "Give the address that it leads to."}
	case (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) && decoded && envelope.Error != "":
		return &gap{"the server did not take the question: " + wire.Clip(envelope.Error), "See the limits of the server's queries, or read fewer days."}
	case status != http.StatusOK:
		return fault.Invalid("", "%s answers with status %d: see its log", t.name(), status)
	case !decoded || envelope.Status != "success":
		return fault.Invalid("url", "%s does not answer as Prometheus does: correct the address", t.name())
	}
	if err := json.NewDecoder(bytes.NewReader(envelope.Data)).Decode(into); err != nil {
		return fault.Invalid("", "%s gave an answer to %s that cannot be read: %s", t.name(), path, wire.Clip(err.Error())).With(err)
	}
	return nil
}

func (t target) unreached(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	var wrapped *url.Error // its text is the whole address again
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return wire.Unreached("Prometheus", t.base.Host, err)
}
