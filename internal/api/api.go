// Package api is every operation as JSON over HTTP, the OpenAPI text that says
// so, and the ways for bytes: in for evidence and for files of other tools, out
// for bundles. It knows no
// area: routes, inputs and answers follow from the operations it is given.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Extra is what the operations do not say.
type Extra struct {
	// Secure says that browsers reach us by https, which decides the name of
	// the session cookie.
	Secure bool
	// Who says who asks. Nil means: whoever the token or the session cookie
	// stands for. The socket of the data directory has an answer of its own.
	Who func(*http.Request) (auth.Actor, id.Org, error)
	// Bundle records an export and writes the bundle of the desk's
	// organization. Nil leaves its route out.
	Bundle func(context.Context, *op.Desk, io.Writer) error
	// Examination does the same for an engagement, with the logs of both sides.
	Examination func(ctx context.Context, d *op.Desk, engagement string, w io.Writer) error
	// Ingest takes a file that is handed in to become a run, and answers what it
	// looks like. Nil leaves its routes out.
	Ingest func(ctx context.Context, d *op.Desk, f File, from io.Reader) (any, error)
	// Reads reports whether the desk may read the log of another organization
	// than its own, such as that of an engagement's file. Nil: it may not.
	Reads func(ctx context.Context, d *op.Desk, of id.Org) (bool, error)
	// Tools answers programs that speak the Model Context Protocol, for whoever
	// the token stands for. Nil leaves its route out.
	Tools func(http.ResponseWriter, *http.Request, *op.Desk)
	// Docs is the page about the API. Nil leaves its route out.
	Docs http.Handler
}

// Limits of one request. Readers that are slower than these tie up a
// connection, and nothing else.
const (
	maxBody   = 1 << 20
	maxFilled = 96 << 20 // of inputs with bytes in them
	readTime  = 30 * time.Second
	fileTime  = 15 * time.Minute
	runTime   = 5 * time.Minute
)

type server struct {
	*op.Engine
	extra Extra
	mux   *http.ServeMux
	guard *http.CrossOriginProtection
	tries *tries
	files chan struct{} // one token for each file held in memory

	filing chan struct{} // one for each that is on its way in
}

// New returns the handler of everything below /api/v1. It panics when two
// operations claim one route, which no request could settle.
func New(engine *op.Engine, ops []op.Operation, extra Extra) http.Handler {
	s := &server{Engine: engine, extra: extra, mux: http.NewServeMux(), guard: http.NewCrossOriginProtection(),
		tries: newTries(), files: make(chan struct{}, maxFiles), filing: make(chan struct{}, maxFiling)}
	a := surface(s.mux, ops)
	for _, o := range op.Offered(ops) {
		e := newEndpoint(o)
		a.Adapter().Handle(&huma.Operation{Method: e.route.Method, Path: e.route.Path}, func(c huma.Context) {
			r, w := humago.Unwrap(c)
			s.serve(w, r, e)
		})
	}
	s.mux.HandleFunc("POST "+blobsPath, s.upload)
	if extra.Bundle != nil {
		s.mux.HandleFunc("POST "+bundlePath, func(w http.ResponseWriter, r *http.Request) {
			s.bundle(w, r, auth.ExportWrite, func(d *op.Desk, w io.Writer) error { return s.extra.Bundle(r.Context(), d, w) })
		})
	}
	if extra.Ingest != nil {
		s.mux.HandleFunc("POST "+importsPath, s.ingest)
		s.mux.HandleFunc("POST "+ingestPath, s.ingest)
	}
	if extra.Examination != nil {
		s.mux.HandleFunc("POST "+examinationPath, func(w http.ResponseWriter, r *http.Request) {
			s.bundle(w, r, auth.AuditReview, func(d *op.Desk, w io.Writer) error {
				return s.extra.Examination(r.Context(), d, r.PathValue("id"), w)
			})
		})
	}
	s.mux.HandleFunc(TilesPatterns[0], s.checkpoint)
	s.mux.HandleFunc(TilesPatterns[1], s.tile)
	if extra.Tools != nil {
		s.mux.HandleFunc(ToolsPath, s.tools)
	}
	if extra.Docs != nil {
		s.mux.Handle("GET "+docsPath, extra.Docs)
	}
	text := render(a)
	s.mux.HandleFunc("GET "+specPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", asJSON)
		w.Write(text)
	})
	s.mux.HandleFunc("/", s.stray)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		defer s.survive(w, r)
		s.mux.ServeHTTP(w, r)
	})
}

// survive makes a panic a problem. One that comes after the answer has begun
// ends the connection.
func (s *server) survive(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler || w.Header().Get("Content-Type") != "" {
		panic(http.ErrAbortHandler)
	}
	s.refuse(w, r, nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
}

// endpoint is an operation with what every request to it needs.
type endpoint struct {
	op.Operation
	route  op.Route
	schema *huma.Schema
	limit  int64
	empty  bool // the operation answers nothing
}

func newEndpoint(o op.Operation) *endpoint {
	_, out := o.Types()
	e := &endpoint{Operation: o, route: op.RouteOf(o), schema: o.Schema(), limit: maxBody, empty: isNone(out)}
	for _, p := range e.schema.Properties {
		if p.ContentEncoding != "" {
			e.limit = maxFilled
		}
	}
	return e
}

// success is the status of an answer that is no fault.
func (e *endpoint) success() int {
	_, verb := op.Split(e)
	switch {
	case e.empty:
		return http.StatusNoContent
	case verb == "create":
		return http.StatusCreated
	}
	return http.StatusOK
}

func (s *server) serve(w http.ResponseWriter, r *http.Request, e *endpoint) {
	desk, err := s.desk(r, e.Right())
	var raw []byte
	if err == nil && e.Writes() && desk.Actor.Known() {
		desk.Key, err = key(r)
	}
	if err == nil {
		raw, err = e.input(w, r)
	}
	var out any
	if err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), runTime)
		defer cancel()
		out, err = e.Run(ctx, desk, raw)
	}
	if err != nil {
		if desk != nil && fault.KindOf(err) == fault.KindDenied {
			s.Log.Warn("api refused", "method", r.Method, "path", r.URL.Path, "actor", desk.Actor.Key(), "org", desk.Org)
		}
		s.refuse(w, r, e, err)
		return
	}
	s.answer(w, r, e, e.success(), out)
}

// key is the idempotency key of a request.
func key(r *http.Request) (string, error) {
	k := r.Header.Get("Idempotency-Key")
	if len(k) > 200 {
		return "", fault.Invalid("", "an Idempotency-Key has at most 200 characters")
	}
	for _, c := range k {
		if c < ' ' || c > '~' {
			return "", fault.Invalid("", "an Idempotency-Key consists of printable ASCII characters")
		}
	}
	return k, nil
}

// answer writes v whole or not at all.
func (s *server) answer(w http.ResponseWriter, r *http.Request, e *endpoint, status int, v any) {
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	body, err := encode(v)
	if err != nil {
		s.refuse(w, r, e, err)
		return
	}
	w.Header().Set("Content-Type", asJSON)
	w.WriteHeader(status)
	w.Write(body)
}

// encode writes JSON for programs, not for HTML: < stays <.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// patience lets the body of one request arrive slowly, and no slower. The
// deadline must be lifted once it is read: it would end the request too.
func patience(w http.ResponseWriter, d time.Duration) (lift func()) {
	c := http.NewResponseController(w)
	if err := c.SetReadDeadline(clock.System().Now().Add(d)); errors.Is(err, http.ErrNotSupported) {
		return func() {}
	}
	return func() { c.SetReadDeadline(time.Time{}) }
}
