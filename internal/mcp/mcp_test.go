package mcp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/mcp"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

var operations = slices.Concat(orgs.Operations, frameworks.Operations, controls.Operations, evidence.Operations)

// bearer sends a token with everything.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func serve(t *testing.T, e *op.Engine) string {
	t.Helper()
	s := httptest.NewServer(api.New(e, operations, api.Extra{Tools: mcp.New(operations).Serve}))
	t.Cleanup(s.Close)
	return s.URL + api.ToolsPath
}

// client connects as a program does, with a token of the person at the desk.
func client(t *testing.T, desk *op.Desk, access string) *sdk.ClientSession {
	t.Helper()
	token := optest.Do(t, desk, orgs.NewToken, orgs.TokenWish{Name: "assistant", Access: access}).Secret
	c := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	session, err := c.Connect(t.Context(), &sdk.StreamableClientTransport{Endpoint: serve(t, desk.Engine), HTTPClient: &http.Client{Transport: bearer(token)},
		DisableStandaloneSSE: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func names(t *testing.T, s *sdk.ClientSession) []string {
	t.Helper()
	var out []string
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, tool.Name)
	}
	return out
}

func call(t *testing.T, s *sdk.ClientSession, name string, args map[string]any, key string) (string, bool) {
	t.Helper()
	p := &sdk.CallToolParams{Name: name, Arguments: args}
	if key != "" {
		p.Meta = sdk.Meta{"tickmark/idempotency-key": key}
	}
	r, err := s.CallTool(context.Background(), p)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r.Content[0].(*sdk.TextContent).Text, r.IsError
}

func TestAReadingTokenOffersNothingThatWrites(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := client(t, desk, auth.AccessRead)
		got := names(t, s)
		for _, o := range op.Offered(operations) {
			if has := slices.Contains(got, mcp.Name(o)); has == (o.Writes() || o.Right() == auth.Anyone) {
				t.Errorf("%s: offered %v to a token that reads", o.Name(), has)
			}
		}
		text, wrong := call(t, s, "criteria_list", nil, "")
		var page struct {
			Total int `json:"total"`
		}
		if err := json.Unmarshal([]byte(text), &page); err != nil || wrong || page.Total != 61 {
			t.Errorf("criteria_list answers %d criteria, %v", page.Total, err)
		}
		// Asking for it by name does not help.
		p := &sdk.CallToolParams{Name: "orgs_update", Arguments: map[string]any{"name": "Mallory", "version": 1}}
		if r, err := s.CallTool(t.Context(), p); err == nil && !r.IsError {
			t.Error("a token that reads has renamed the organization")
		}
	})
}

func TestAReadingTokenWritesNowhere(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		reads := *desk
		reads.Actor.ReadOnly = true
		before := optest.Do(t, desk, orgs.Get, op.None{})
		if _, err := orgs.Update.Do(t.Context(), &reads, orgs.Change{Name: "Mallory", Version: before.Version}); err == nil {
			t.Error("it has renamed the organization")
		}
		if after := optest.Do(t, &reads, orgs.Get, op.None{}); after.Name != before.Name {
			t.Errorf("the organization is called %s", after.Name)
		}
	})
}

func TestAWritingTokenWritesUnderItsOwnersName(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := client(t, desk, auth.AccessWrite)
		args := map[string]any{"codes": []string{"CHG-01"}}
		first, wrong := call(t, s, "controls_adopt", args, "once")
		if wrong {
			t.Fatal(first)
		}
		again, wrong := call(t, s, "controls_adopt", args, "once")
		if wrong || again != first {
			t.Errorf("the same key answers %s and then %s", first, again)
		}
		list := optest.Do(t, desk, controls.List, controls.Filter{})
		if list.Total != 1 {
			t.Errorf("%d controls, want the one adopted", list.Total)
		}
	})
}

func TestWhatIsWrongIsSaidToTheCaller(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := client(t, desk, auth.AccessWrite)
		for name, c := range map[string]struct {
			tool string
			args map[string]any
			want string
		}{
			"unknown field": {"criteria_get", map[string]any{"ident": "CC6.1"}, "is not a field"},
			"wrong type":    {"evidence_list", map[string]any{"limit": "many"}, "limit"},
			"not there":     {"criteria_get", map[string]any{"id": "CC99.9"}, "CC99.9"},
		} {
			t.Run(name, func(t *testing.T) {
				if text, wrong := call(t, s, c.tool, c.args, ""); !wrong || !strings.Contains(text, c.want) {
					t.Errorf("%s %v answers %q, want it to name %q", c.tool, c.args, text, c.want)
				}
			})
		}
	})
}

func TestNobodyComesInWithoutAToken(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		at := serve(t, desk.Engine)
		body := `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
		for _, header := range []string{"", "Bearer tmk_guessed", "Basic eDp5"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", "application/json, text/event-stream")
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			r.AddCookie(&http.Cookie{Name: auth.CookieNameFor(false), Value: "whatever"})
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%q: %s", header, resp.Status)
			}
		}
	})
}

func TestEveryRoleIsOfferedWhatItMay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		tools := mcp.New(operations)
		for _, role := range auth.Roles() {
			who := optest.Member(t, desk, role)
			for _, o := range tools.Offered(who) {
				if !who.Actor.May(o.Right()) {
					t.Errorf("%s is offered %s", role, o.Name())
				}
			}
		}
	})
}
