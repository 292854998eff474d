package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Problem is a refusal, in the form of RFC 9457.
type Problem struct {
	Type   string `json:"type" doc:"Names the kind of problem; the fragment is the last part."`
	Title  string `json:"title" doc:"The status in words."`
	Status int    `json:"status" doc:"The HTTP status."`
	Detail string `json:"detail" doc:"What happened and what would be accepted."`
	// Errors lists every input at fault.
	Errors    []InputError `json:"errors,omitempty" doc:"Every input at fault."`
	Current   any          `json:"current,omitempty" doc:"On a conflict: the record as it is now."`
	Reference string       `json:"reference,omitempty" doc:"Finds the cause in the server's log."`
}

// InputError is one input at fault.
type InputError struct {
	Location string `json:"location" doc:"path, query or body, and the field: body.name."`
	Message  string `json:"message" doc:"What would be accepted."`
}

const problemType = docsPath + "#problem-"

// refusal is a refusal that belongs to HTTP and is none of the kinds of fault.
type refusal struct {
	status int
	kind   string
	detail string
	after  time.Duration // when to try again
	allow  []string      // methods that would be accepted
}

func (r *refusal) Error() string { return r.detail }

// stranger asks for a token.
func stranger(detail string) *refusal {
	return &refusal{status: http.StatusUnauthorized, kind: "unauthenticated", detail: detail}
}

func tooMany(wait time.Duration) *refusal {
	return &refusal{status: http.StatusTooManyRequests, kind: "too-many", after: wait,
		detail: "Too many bad tokens came from this address. Wait before the next."}
}

func tooLarge(limit int64) *refusal {
	return &refusal{status: http.StatusRequestEntityTooLarge, kind: "too-large",
		detail: fmt.Sprintf("The body is too large; at most %d bytes are accepted.", limit)}
}

var statuses = map[fault.Kind]int{
	fault.KindInvalid:  http.StatusUnprocessableEntity,
	fault.KindDenied:   http.StatusForbidden,
	fault.KindNotFound: http.StatusNotFound,
	fault.KindConflict: http.StatusConflict,
}

// refuse writes err as a problem. e is nil for what is no operation.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, e *endpoint, err error) {
	if r.Context().Err() != nil {
		return // nobody is there to read it
	}
	p := s.problem(w, r, e, err)
	p.Title = http.StatusText(p.Status)
	p.Type = problemType + p.Type
	body, err := encode(p)
	if err != nil { // the record in Current
		s.Log.Error("api", "path", r.URL.Path, "err", err)
		p.Current = nil
		body, _ = encode(p)
	}
	w.Header().Set("Content-Type", asProblem)
	w.WriteHeader(p.Status)
	w.Write(body)
}

func (s *server) problem(w http.ResponseWriter, r *http.Request, e *endpoint, err error) Problem {
	var h *refusal
	if errors.As(err, &h) {
		if h.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="tickmark"`)
		}
		if h.after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(h.after.Seconds())+1))
		}
		if len(h.allow) > 0 {
			w.Header().Set("Allow", strings.Join(h.allow, ", "))
		}
		return Problem{Type: h.kind, Status: h.status, Detail: h.detail}
	}
	f := fault.As(err)
	if f == nil || f.Kind == fault.KindInternal {
		return s.internal(r, err)
	}
	p := Problem{Type: strings.ReplaceAll(f.Kind.String(), "_", "-"), Status: statuses[f.Kind], Detail: f.Error(), Current: f.Current}
	if f.Kind == fault.KindInvalid {
		for _, x := range append([]*fault.Error{f}, f.More...) {
			p.Errors = append(p.Errors, InputError{Location: e.location(x.Field), Message: x.Message})
		}
	}
	return p
}

// internal logs the cause and tells the caller only where to find it.
func (s *server) internal(r *http.Request, err error) Problem {
	b := make([]byte, 6)
	rand.Read(b)
	ref := hex.EncodeToString(b)
	s.Log.Error("api", "ref", ref, "method", r.Method, "path", r.URL.Path, "err", err)
	p := Problem{Type: "unavailable", Status: http.StatusServiceUnavailable, Reference: ref}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		p.Detail = fmt.Sprintf("This took longer than %s and was given up. Nothing was changed.", runTime)
	case errors.Is(err, db.ErrUnknown):
		p.Detail = "The database failed while committing. Ask again with the same Idempotency-Key: the answer says what was stored."
	case errors.Is(err, db.ErrStopped):
		p.Detail = "The storage has failed and nothing is written any more. Tell whoever runs this installation."
	default:
		p.Type, p.Status = "internal", http.StatusInternalServerError
		p.Detail = "Something went wrong here, not in what you asked for. Give the reference to whoever runs this installation."
	}
	return p
}

// location says where in the request a field stands.
func (e *endpoint) location(field string) string {
	place := "body"
	switch {
	case e != nil && field == "id" && e.route.Addressed():
		place = "path"
	case e != nil && e.route.InQuery():
		place = "query"
	}
	if field == "" {
		return place
	}
	return place + "." + field
}

// stray answers what no route takes: another method on a path that exists, or
// a path that does not.
func (s *server) stray(w http.ResponseWriter, r *http.Request) {
	var allow []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		probe := r.Clone(r.Context())
		probe.Method = m
		if _, pattern := s.mux.Handler(probe); pattern != "/" {
			allow = append(allow, m)
		}
	}
	if len(allow) > 0 {
		s.refuse(w, r, nil, &refusal{status: http.StatusMethodNotAllowed, kind: "method", allow: allow,
			detail: fmt.Sprintf("%s is not accepted here; %s is.", r.Method, strings.Join(allow, " or "))})
		return
	}
	s.refuse(w, r, nil, &refusal{status: http.StatusNotFound, kind: "not-found",
		detail: fmt.Sprintf("There is nothing at this path. %s/openapi.json lists what there is.", op.Base)})
}
