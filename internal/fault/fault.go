// Package fault says what kind of failure an error is, so that each surface
// can translate it once: a page into a message at the field, the API into a
// status, the command line into an exit status.
package fault

import (
	"errors"
	"fmt"
)

// Kind is one of the five ways to fail.
type Kind int

// An error without a kind is Internal: its text goes to the log, never to a
// person.
const (
	KindInternal Kind = iota
	KindInvalid
	KindDenied
	KindNotFound
	KindConflict
)

var names = [...]string{"internal", "invalid", "denied", "not_found", "conflict"}

func (k Kind) String() string { return names[k] }

// Error is a failure that a person may read. Its message says what would be
// accepted.
type Error struct {
	Kind    Kind
	Message string
	// Field is the name of the input at fault, as the surfaces spell it; empty
	// when no single one is.
	Field string
	// More holds further faults of the same input, so that a form shows all.
	More []*Error
	// Current is what the caller should have read, on a stale update.
	Current any
	// Cause is kept for the log.
	Cause error
}

func (e *Error) Error() string {
	if e.Field != "" {
		return e.Field + ": " + e.Message
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// With keeps the error that led here, for the log.
func (e *Error) With(cause error) *Error {
	e.Cause = cause
	return e
}

// Invalid refuses an input. Field may be empty.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Kind: KindInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Denied refuses an act to this actor.
func Denied(format string, args ...any) *Error {
	return &Error{Kind: KindDenied, Message: fmt.Sprintf(format, args...)}
}

// NotFound says that there is no such thing within the caller's sight.
func NotFound(format string, args ...any) *Error {
	return &Error{Kind: KindNotFound, Message: fmt.Sprintf(format, args...)}
}

// Conflict refuses an act because of what has happened since, or already.
func Conflict(format string, args ...any) *Error {
	return &Error{Kind: KindConflict, Message: fmt.Sprintf(format, args...)}
}

// KindOf reports the kind of err; anything unmarked is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// As returns the fault in err's chain, or nil.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
