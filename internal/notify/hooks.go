package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// Kinds of channel.
const (
	Slack   = "slack"
	Teams   = "teams"
	Webhook = "webhook"
)

// What a receiver may cost us.
const (
	hookLimit  = 10 * time.Second
	hookAnswer = 64 << 10
	maxAddress = 1000
)

// hookRetries is the schedule of Standard Webhooks.
var hookRetries = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
	14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

// hooks speaks to receivers that may be slow, broken or hostile.
type hooks struct {
	client  *http.Client
	private bool
	limit   time.Duration // for one attempt, whatever the receiver does
}

// errNotPublic is said of addresses that a member of an organization must not
// reach through this server.
var errNotPublic = errors.New("its address is not on the public internet; the operator may allow that with --allow-private-webhooks")

func newHooks(private bool, limit time.Duration) hooks {
	d := &net.Dialer{Timeout: limit}
	if !private {
		// After the name is resolved and for every address that is tried: a name
		// that answers differently the second time gains nothing.
		d.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !public(at.Addr()) {
				return errNotPublic
			}
			return nil
		}
	}
	return hooks{private: private, limit: limit, client: &http.Client{
		Timeout:       limit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true, DisableCompression: true,
			MaxResponseHeaderBytes: 16 << 10, TLSHandshakeTimeout: limit, ResponseHeaderTimeout: limit},
	}}
}

// reserved are ranges that lead somewhere else than the public internet, or
// carry an address that may.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/32"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

// public reports whether an address may be anybody's on the internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// checkAddress refuses what could not be a channel, before anything is stored.
func (h hooks) checkAddress(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxAddress || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.Invalid("address", "give the address the service shows, such as https://hooks.example.com/…, of at most %d characters", maxAddress)
	}
	return u, nil
}

// told is what a letter to a channel says: never more than what happened to
// what.
type told struct {
	Kind   string    `json:"kind"`
	Object string    `json:"object,omitempty"`
	Link   string    `json:"link,omitempty"`
	At     time.Time `json:"at"`
}

// sendChannel makes one attempt.
func (c *Courier) sendChannel(p place, l due) outcome {
	var (
		address, secret []byte
		kind, state     string
	)
	err := c.DB.Read(c.ctx, string(p.org), func(tx *db.Tx) error {
		return tx.Row(selectTried, []any{p.org, p.Channel}, &address, &secret, &kind, &state)
	})
	if errors.Is(err, db.ErrNone) {
		return outcome{err: errors.New("the channel was removed"), final: true}
	}
	if err == nil && state == Off {
		return outcome{err: errors.New("the channel is turned off"), final: true}
	}
	var t told
	if err == nil {
		err = json.Unmarshal(l.body, &t)
	}
	if err == nil {
		address, err = c.Vault.Open(c.ctx, p.org, addressContext(p.Channel), address)
	}
	if err == nil && kind == Webhook {
		secret, err = c.Vault.Open(c.ctx, p.org, secretContext(p.Channel), secret)
	}
	if err != nil {
		return outcome{err: err}
	}
	body, err := payload(kind, p.org, c.BaseURL, t)
	if err != nil {
		return outcome{err: err, final: true}
	}
	h := http.Header{}
	if kind == Webhook {
		if h, err = Sign(string(secret), string(l.ID), c.Clock.Now(), body); err != nil {
			return outcome{err: err, final: true}
		}
	}
	return c.hooks.post(c.ctx, string(address), h, body)
}

// post sends a body and says how it went without repeating the address, which
// is a secret.
func (h hooks) post(ctx context.Context, address string, head http.Header, body []byte) outcome {
	ctx, cancel := context.WithTimeout(ctx, h.limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return outcome{err: errors.New("the address is none"), final: true}
	}
	if r.URL.Scheme != "https" && !h.private {
		return outcome{err: errors.New("the address is not https"), final: true}
	}
	for k, v := range head {
		r.Header[k] = v
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Tickmark")
	res, err := h.client.Do(r)
	if err != nil {
		return outcome{err: unaddressed(err, h.limit)}
	}
	defer res.Body.Close()
	// What was asked for as HTTP and answered by a change of protocol (101) does not
	// end with the request's context by itself.
	defer context.AfterFunc(ctx, func() { res.Body.Close() })()
	// It is read so that a receiver which answers in good order is not cut off.
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, hookAnswer)); err != nil && ctx.Err() != nil {
		return outcome{status: int64(res.StatusCode), err: fmt.Errorf("it did not finish its answer in %s", seconds(h.limit))}
	}
	out := outcome{status: int64(res.StatusCode)}
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
	case res.StatusCode == http.StatusGone:
		out.err, out.final, out.gone = errors.New("it answered 410: it wants nothing any more"), true, true
	case res.StatusCode >= 300 && res.StatusCode < 400:
		out.err = fmt.Errorf("it answered %d and pointed elsewhere, where nothing is sent; give the final address", res.StatusCode)
	default:
		out.err = fmt.Errorf("it answered %d", res.StatusCode)
	}
	return out
}

// unaddressed is what went wrong, without the address.
func unaddressed(err error, limit time.Duration) error {
	if errors.Is(err, errNotPublic) {
		return errNotPublic
	}
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return fmt.Errorf("it did not answer in %s", seconds(limit))
		}
		err = u.Err
	}
	// What net/http says of a peer that spoke before it was asked, as a mail
	// server does.
	if strings.Contains(err.Error(), "readLoopPeekFail") {
		return errors.New("it spoke before it was asked, so it is no server of HTTP")
	}
	return err
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d/time.Second)) + " seconds" }

// SecretPrefix begins the secret of a webhook.
const SecretPrefix = "whsec_"

// Sign makes the three headers of Standard Webhooks. The id stays the same when
// a letter is sent again, the time does not.
func Sign(secret, msg string, at time.Time, body []byte) (http.Header, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, SecretPrefix))
	if err != nil {
		return nil, errors.New("the secret of the webhook is not base64")
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%s.%s.", msg, stamp)
	m.Write(body)
	return http.Header{
		"Webhook-Id":        {msg},
		"Webhook-Timestamp": {stamp},
		"Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))},
	}, nil
}

// payload is what a channel of a kind understands.
func payload(kind string, org id.Org, base string, t told) ([]byte, error) {
	link := ""
	if t.Link != "" {
		link = base + t.Link
	}
	text := KindOf(t.Kind).Out + "."
	switch kind {
	case Slack:
		if link != "" {
			text += " <" + link + "|" + plainName(t) + ">"
		}
		return json.Marshal(map[string]any{"text": text})
	case Teams:
		card := map[string]any{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
			"body": []any{map[string]any{"type": "TextBlock", "text": text, "wrap": true}}}
		if link != "" {
			card["actions"] = []any{map[string]any{"type": "Action.OpenUrl", "title": "Open " + plainName(t), "url": link}}
		}
		return json.Marshal(map[string]any{"type": "message", "attachments": []any{map[string]any{
			"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card}}})
	}
	return json.Marshal(map[string]any{"type": "notice." + t.Kind, "timestamp": t.At.Format(time.RFC3339),
		"data": map[string]any{"organization": org, "kind": t.Kind, "object": t.Object, "link": link}})
}

// plainName names what a link leads to; an id has no letters that Slack reads
// as something else.
func plainName(t told) string {
	if t.Object == "" || strings.ContainsAny(t.Object, "<>&|") {
		return "Tickmark"
	}
	return t.Object
}
