package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
)

func TestKindSurvivesWrapping(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want fault.Kind
		text string
	}{
		{"invalid", fault.Invalid("zone", "give one of %d", 3), fault.KindInvalid, "invalid"},
		{"denied", fault.Denied("no"), fault.KindDenied, "denied"},
		{"not found", fault.NotFound("no"), fault.KindNotFound, "not_found"},
		{"conflict", fault.Conflict("no"), fault.KindConflict, "conflict"},
		{"unmarked", io.EOF, fault.KindInternal, "internal"},
		{"nothing", nil, fault.KindInternal, "internal"},
		{"wrapped", fmt.Errorf("vendor: %w", fault.NotFound("no")), fault.KindNotFound, "not_found"},
		{"joined", errors.Join(io.EOF, fault.Conflict("no")), fault.KindConflict, "conflict"},
		{"cause of another", fault.Denied("no").With(fault.Invalid("a", "b")), fault.KindDenied, "denied"},
	} {
		if got := fault.KindOf(c.err); got != c.want || got.String() != c.text {
			t.Errorf("%s: got %s, want %s", c.name, got, c.text)
		}
		if got := fault.As(c.err) != nil; got != (c.want != fault.KindInternal) {
			t.Errorf("%s: As found a fault: %v", c.name, got)
		}
	}
}

func TestErrorNamesItsFieldAndKeepsItsCause(t *testing.T) {
	err := fault.Invalid("zone", "give %s", "UTC").With(io.ErrUnexpectedEOF)
	if got := err.Error(); got != "zone: give UTC" {
		t.Errorf("got %q", got)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if got := fault.Denied("Sign in first.").Error(); got != "Sign in first." {
		t.Errorf("got %q", got)
	}
}
