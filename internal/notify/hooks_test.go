package notify_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// receiver is a server that a channel is at.
type receiver struct {
	*httptest.Server
	arrived chan struct{} // something was delivered
	mu      sync.Mutex
	status  int
	got     []delivery
}

type delivery struct {
	head http.Header
	body []byte
	path string
}

func receive(t *testing.T) *receiver {
	r := &receiver{status: http.StatusOK, arrived: make(chan struct{}, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, delivery{req.Header, body, req.URL.Path})
		if r.status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(r.status)
		fmt.Fprint(w, "thank you\n<script>")
		r.arrived <- struct{}{}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) say(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) deliveries() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func connect(t *testing.T, desk *op.Desk, kind, address string) notify.GrantedChannel {
	t.Helper()
	c, err := notify.Connect.Do(t.Context(), desk, notify.NewChannel{Kind: kind, Name: kind, Address: address, Kinds: []string{"test_urgent", "channel_off"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAWebhookIsSignedAndSaysNoMoreThanWhatHappened(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		r := receive(t)
		made := connect(t, desk, notify.Webhook, r.URL+"/hook")
		h := open(t, desk, nil, true)
		r.say(http.StatusServiceUnavailable)
		tell(t, desk, notify.Urgent, "tsk_1", bo)
		tell(t, desk, notify.Calm, "tsk_2", bo) // not for this channel
		h.run(t)
		r.say(http.StatusNoContent)
		optest.Clock(desk).Advance(5 * time.Second)
		h.run(t)
		got := r.deliveries()
		if len(got) != 2 {
			t.Fatalf("%d deliveries", len(got))
		}
		first, second := got[0], got[1]
		if first.head.Get("Webhook-Id") != second.head.Get("Webhook-Id") || first.head.Get("Webhook-Timestamp") == second.head.Get("Webhook-Timestamp") {
			t.Error("sent again it has another id, or the same time")
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(made.Secret, "whsec_"))
		if err != nil || len(key) != 32 {
			t.Fatalf("secret %q", made.Secret)
		}
		for _, d := range got {
			m := hmac.New(sha256.New, key)
			fmt.Fprintf(m, "%s.%s.%s", d.head.Get("Webhook-Id"), d.head.Get("Webhook-Timestamp"), d.body)
			if want := "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil)); d.head.Get("Webhook-Signature") != want {
				t.Errorf("signature %q, want %q", d.head.Get("Webhook-Signature"), want)
			}
		}
		var body map[string]any
		if err := json.Unmarshal(second.body, &body); err != nil {
			t.Fatal(err)
		}
		same(t, "body", map[string]any{"type": "notice.test_urgent", "timestamp": "2026-11-21T09:00:00Z", "data": map[string]any{
			"organization": string(desk.Org), "kind": "test_urgent", "object": "tsk_1", "link": "https://tickmark.example/tasks/tsk_1"}}, body)
		if bytes.Contains(second.body, []byte("About")) {
			t.Error("it says what the notice says")
		}
		sent := sendings(t, desk, string(made.ID))
		if len(sent) != 1 || sent[0].State != notify.Sent || sent[0].Status != http.StatusNoContent || sent[0].Tries != 2 || bodies(t, desk) != 1 { // that of the mail to bo, for which there is no server
			t.Errorf("on record %+v", sent)
		}
	})
}

func TestSlackAndTeamsGetWhatTheyUnderstand(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		r := receive(t)
		connect(t, desk, notify.Slack, r.URL+"/slack")
		connect(t, desk, notify.Teams, r.URL+"/teams")
		tell(t, desk, notify.Urgent, "tsk_1", bo)
		open(t, desk, nil, true).run(t)
		bodies := map[string]string{}
		for _, d := range r.deliveries() {
			bodies[d.path] = string(d.body)
			if d.head.Get("Webhook-Signature") != "" {
				t.Error("signed with no secret")
			}
		}
		if !strings.Contains(bodies["/slack"], `"text":"It burns. \u003chttps://tickmark.example/tasks/tsk_1|tsk_1\u003e"`) {
			t.Errorf("slack: %s", bodies["/slack"])
		}
		for _, part := range []string{`"contentType":"application/vnd.microsoft.card.adaptive"`, `"type":"AdaptiveCard"`, `"type":"Action.OpenUrl"`, `"text":"It burns."`} {
			if !strings.Contains(bodies["/teams"], part) {
				t.Errorf("teams lacks %s: %s", part, bodies["/teams"])
			}
		}
	})
}

func TestASilentChannelIsTurnedOffAndItsKeepersTold(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		eve := optest.Member(t, desk, auth.Employee)
		r := receive(t)
		r.say(http.StatusInternalServerError)
		made := connect(t, desk, notify.Webhook, r.URL)
		h := open(t, desk, nil, true)
		tell(t, desk, notify.Urgent, "tsk_1", bo)
		var waits []time.Duration
		for range 12 {
			h.run(t)
			l := sendings(t, desk, string(made.ID))[0]
			if l.State != notify.Waiting {
				break
			}
			wait := l.Next.Sub(desk.Clock.Now())
			waits = append(waits, wait)
			optest.Clock(desk).Advance(wait)
		}
		same(t, "schedule", []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}, waits)
		if n := len(r.deliveries()); n != 10 {
			t.Errorf("tried %d times", n)
		}
		o, err := notify.Channel.Do(t.Context(), desk, notify.ChannelRef{ID: string(made.ID)})
		if err != nil || o.State != notify.Off || o.Reason != "it answered 500" {
			t.Errorf("%+v, %v", o, err)
		}
		for _, d := range []*op.Desk{desk, bo} {
			if got := inbox(t, d, notify.Filter{Kind: "channel_off"}); len(got) != 1 || got[0] != "The channel webhook is turned off: it answered 500 *" {
				t.Errorf("told %v", got)
			}
		}
		if len(inbox(t, eve, notify.Filter{})) != 0 {
			t.Error("who does not keep channels is told")
		}
		tell(t, desk, notify.Urgent, "tsk_9", bo)
		h.run(t)
		if n := len(r.deliveries()); n != 10 {
			t.Error("something is sent to a channel that is off")
		}
		if _, err := notify.Change.Do(t.Context(), desk, notify.ChannelChange{ID: string(made.ID), Name: "again", Kinds: o.Kinds, State: notify.On, Version: o.Version}); err != nil {
			t.Fatal(err)
		}
		r.say(http.StatusGone) // it wants nothing any more: at once, this time
		tell(t, desk, notify.Urgent, "tsk_10", bo)
		h.run(t)
		if o, err = notify.Channel.Do(t.Context(), desk, notify.ChannelRef{ID: string(made.ID)}); err != nil || o.State != notify.Off {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

func TestAReceiverThatHangsHoldsUpNobodyElse(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		release, reached := make(chan struct{}), make(chan struct{}, 1)
		hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			select {
			case reached <- struct{}{}:
			default:
			}
			<-release
		}))
		t.Cleanup(hanging.Close)
		t.Cleanup(func() { close(release) })
		r := receive(t)
		connect(t, desk, notify.Webhook, hanging.URL)
		connect(t, desk, notify.Webhook, r.URL)
		h := open(t, desk, nil, true)
		tell(t, desk, notify.Urgent, "tsk_1", bo) // the operation itself waits for nobody
		tell(t, desk, notify.Urgent, "tsk_2", bo)
		if _, err := h.runner.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-reached
		<-r.arrived // the other one is served meanwhile
		<-r.arrived // and the first letter to it settled, since they go one by one
		h.Close()   // what hangs is left; it is sent again after the next start
		for _, c := range []string{notify.Waiting, notify.Sent} {
			if !slices.ContainsFunc(allSendings(t, desk), func(s notify.Sending) bool { return s.State == c }) {
				t.Errorf("no letter is %s", c)
			}
		}
	})
}

func allSendings(t *testing.T, desk *op.Desk) (out []notify.Sending) {
	t.Helper()
	list, err := notify.Channels.Do(t.Context(), desk, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Items {
		out = append(out, sendings(t, desk, string(o.ID))...)
	}
	return out
}

func TestHostileReceivers(t *testing.T) {
	r := receive(t)
	r.say(http.StatusFound)
	if _, err := notify.Post(r.URL, true); err == nil || !strings.Contains(err.Error(), "pointed elsewhere") || len(r.deliveries()) != 1 {
		t.Errorf("a redirect: %v, %d requests", err, len(r.deliveries()))
	}
	if _, err := notify.Post(r.URL, false); err == nil || !strings.Contains(err.Error(), "not https") {
		t.Errorf("plain http: %v", err)
	}
	// A name that leads home is found out by what it resolves to.
	local := strings.Replace(r.URL, "http://127.0.0.1", "https://localhost", 1)
	if _, err := notify.Post(local, false); err == nil || !strings.Contains(err.Error(), "not on the public internet") {
		t.Errorf("localhost: %v", err)
	}
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		for {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 32<<10)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	if status, err := notify.Post(endless.URL, true); err != nil || status != http.StatusOK {
		t.Errorf("an answer without end: %d, %v", status, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody is there
	if _, err := notify.Post("http://"+l.Addr().String()+"/very-secret", true); err == nil || strings.Contains(err.Error(), "very-secret") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestOnlyPublicAddressesAreReached(t *testing.T) {
	for _, s := range []string{"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1", "168.63.129.16",
		"::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "2001:db8::1", "fec0::1"} {
		if notify.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s is taken for public", s)
		}
	}
	for _, s := range []string{"93.184.216.34", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"} {
		if !notify.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s is refused", s)
		}
	}
}

func TestChannelsRefuse(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for name, w := range map[string]notify.NewChannel{
			"no address":          {Kind: "slack", Name: "x", Address: "hooks", Kinds: []string{"test_calm"}},
			"another scheme":      {Kind: "slack", Name: "x", Address: "file:///etc/passwd", Kinds: []string{"test_calm"}},
			"a password in it":    {Kind: "slack", Name: "x", Address: "https://a:b@example.com/", Kinds: []string{"test_calm"}},
			"a kind there is not": {Kind: "slack", Name: "x", Address: "https://example.com/", Kinds: []string{"gossip"}},
			"no name":             {Kind: "slack", Name: " ", Address: "https://example.com/", Kinds: []string{"test_calm"}},
		} {
			if _, err := notify.Connect.Do(t.Context(), desk, w); fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		for range 10 {
			connect(t, desk, notify.Slack, "https://example.com/")
		}
		if _, err := notify.Connect.Do(t.Context(), desk, notify.NewChannel{Kind: "slack", Name: "x", Address: "https://example.com/", Kinds: []string{"test_calm"}}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("the eleventh: %v", err)
		}
		bo := optest.Member(t, desk, auth.Lead)
		if _, err := notify.Channels.Do(t.Context(), bo, op.None{}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("who may not write the organization: %v", err)
		}
	})
}
