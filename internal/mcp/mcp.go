// Package mcp offers every operation as a tool to programs that speak the
// Model Context Protocol over streamable HTTP. Like the other surfaces it knows
// no area: tools, their inputs and what they answer follow from the list of
// operations. Somebody sees the tools they have the right to, and those that
// write only with a token that may write.
package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// surface is the version of how tools are derived, not of what they do.
const surface = "1"

const (
	maxBody   = 1 << 20   // of one request
	maxAnswer = 256 << 10 // of one answer: what is larger helps no reader and is paged
	runTime   = time.Minute
	onceKey   = "tickmark/idempotency-key" // in _meta of a call
)

const instructions = `Tickmark takes an organization from a request for a SOC 2 report to an issued report. Tools are named noun_verb.
Start with readiness_get: what is not ready, why, and what would settle it. Lists are paged: pass next as after. "unknown" is a result
of its own and never means pass. Every write leaves an entry in the organization's log under the name of the token's owner.`

// Tools is every operation as a tool.
type Tools struct {
	ops    []op.Operation
	stream http.Handler

	mu      sync.Mutex
	servers map[string]*sdk.Server // by the names of the tools in them
}

// New derives the tools. It panics when two operations claim one name, which no
// caller could settle.
func New(ops []op.Operation) *Tools {
	t := &Tools{ops: op.Offered(ops), servers: map[string]*sdk.Server{}}
	seen := map[string]string{}
	for _, o := range t.ops {
		n := Name(o)
		if other, taken := seen[n]; taken {
			panic(fmt.Sprintf("mcp: %s and %s would both be the tool %s", other, o.Name(), n))
		}
		seen[n] = o.Name()
	}
	stream := sdk.NewStreamableHTTPHandler(t.server, &sdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true,
		DisableLocalhostProtection: true}) // every request carries a token, which no page of another site has
	t.stream = auth.RequireBearerToken(carry, nil)(stream)
	return t
}

// Name is the tool's name: with an underscore, since some clients take no dot.
func Name(o op.Operation) string { return strings.ReplaceAll(o.Name(), ".", "_") }

type deskKey struct{}

// Serve answers one request for whoever acts at the desk. The token has been
// checked.
func (t *Tools) Serve(w http.ResponseWriter, r *http.Request, desk *op.Desk) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	t.stream.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), deskKey{}, desk)))
}

// carry hands the desk through the library, which keeps nothing else of a
// request.
func carry(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
	desk, ok := ctx.Value(deskKey{}).(*op.Desk)
	if !ok {
		return nil, auth.ErrInvalidToken
	}
	return &auth.TokenInfo{UserID: desk.Actor.Key(), Expiration: clock.System().Now().Add(time.Hour), Extra: map[string]any{"desk": desk}}, nil
}

// Offered lists the tools somebody has.
func (t *Tools) Offered(desk *op.Desk) []op.Operation {
	var out []op.Operation
	for _, o := range t.ops {
		if desk.Actor.May(o.Right()) && o.Right() != "" && (!o.Writes() || !desk.Actor.ReadOnly) {
			out = append(out, o)
		}
	}
	return out
}

// server has the tools of one person. People with the same rights share one.
func (t *Tools) server(r *http.Request) *sdk.Server {
	desk, ok := r.Context().Value(deskKey{}).(*op.Desk)
	if !ok {
		return nil
	}
	mine := t.Offered(desk)
	var names strings.Builder
	for _, o := range mine {
		names.WriteString(o.Name() + " ")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.servers[names.String()]; s != nil {
		return s
	}
	s := sdk.NewServer(&sdk.Implementation{Name: "tickmark", Title: "Tickmark", Version: surface},
		&sdk.ServerOptions{Instructions: instructions, PageSize: len(t.ops) + 1, Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}}})
	for _, o := range mine {
		s.AddTool(tool(o), call(o))
	}
	t.servers[names.String()] = s
	return s
}

// tool describes an operation.
func tool(o op.Operation) *sdk.Tool {
	no := false
	return &sdk.Tool{Name: Name(o), Description: o.Summary(), InputSchema: Input(o), Annotations: &sdk.ToolAnnotations{
		Title: o.Name(), ReadOnlyHint: !o.Writes(), IdempotentHint: !o.Writes(), DestructiveHint: &no, OpenWorldHint: &no}}
}

// Input is the schema of a tool's arguments.
func Input(o op.Operation) json.RawMessage {
	text, err := json.Marshal(o.Schema())
	if err == nil && !bytes.Contains(text, []byte(`"type":"object"`)) {
		err = fmt.Errorf("the schema of %s is no object", o.Name())
	}
	if err != nil {
		panic(err) // of our own types: found by the first test that lists the tools
	}
	return text
}

// call runs an operation. What is wrong with the input or refused is an answer
// that the caller can read and act on; only what is wrong here is an error.
func call(o op.Operation) sdk.ToolHandler {
	return func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		desk, ok := r.Extra.TokenInfo.Extra["desk"].(*op.Desk)
		if !ok {
			return nil, auth.ErrInvalidToken
		}
		mine := *desk
		if key, ok := r.Params.Meta[onceKey].(string); ok && len(key) <= 200 {
			mine.Key = key
		}
		ctx, cancel := context.WithTimeout(ctx, runTime)
		defer cancel()
		args := r.Params.Arguments
		if string(args) == "null" { // how some clients write that there are none
			args = nil
		}
		out, err := o.Run(ctx, &mine, args)
		if err != nil {
			return refused(&mine, o, err)
		}
		text, err := json.Marshal(out)
		if err != nil {
			return nil, err
		}
		if len(text) > maxAnswer {
			return said(fmt.Sprintf("The answer has %d bytes, more than %d. Ask for less: a smaller limit, a filter, or the page in the product.", len(text), maxAnswer)), nil
		}
		a := &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: string(text)}}}
		if bytes.HasPrefix(text, []byte("{")) {
			a.StructuredContent = json.RawMessage(text)
		}
		return a, nil
	}
}

func refused(desk *op.Desk, o op.Operation, err error) (*sdk.CallToolResult, error) {
	f := fault.As(err)
	if f == nil || f.Kind == fault.KindInternal {
		desk.Log.Error("mcp", "tool", Name(o), "err", err)
		return said("Something went wrong here, not in what you asked for. Nothing was changed."), nil
	}
	if f.Kind == fault.KindDenied {
		desk.Log.Warn("mcp refused", "tool", Name(o), "actor", desk.Actor.Key(), "org", desk.Org)
	}
	lines := []string{f.Error()}
	for _, x := range f.More {
		lines = append(lines, x.Error())
	}
	return said(strings.Join(lines, "\n")), nil
}

func said(text string) *sdk.CallToolResult {
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: text}}}
}
