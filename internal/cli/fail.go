package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// problem is a refusal as the API sends it.
type problem struct {
	Status int
	Detail string
	Errors []struct{ Location, Message string }

	Current   json.RawMessage
	Reference string
}

var kinds = map[int]fault.Kind{
	http.StatusUnprocessableEntity: fault.KindInvalid,
	http.StatusUnauthorized:        fault.KindDenied,
	http.StatusForbidden:           fault.KindDenied,
	http.StatusNotFound:            fault.KindNotFound,
	http.StatusConflict:            fault.KindConflict,
}

// err is the problem as the fault that it was on the server.
func (p problem) err() error {
	kind, known := kinds[p.Status]
	if !known {
		if p.Reference != "" {
			return fmt.Errorf("%s (reference %s)", p.Detail, p.Reference)
		}
		return errors.New(p.Detail)
	}
	f := &fault.Error{Kind: kind, Message: p.Detail}
	if len(p.Current) > 0 {
		f.Current = p.Current
	}
	for i, e := range p.Errors {
		_, field, _ := strings.Cut(e.Location, ".")
		x := &fault.Error{Kind: kind, Field: field, Message: e.Message}
		if i == 0 {
			f.Field, f.Message = x.Field, x.Message
		} else {
			f.More = append(f.More, x)
		}
	}
	return f
}

// complain prints why a command failed and returns the exit status. cmd is nil
// for a command that is no operation.
func complain(t *Terminal, cmd *command, err error) int {
	if err == nil {
		return exitOK
	}
	var status Status
	if errors.As(err, &status) {
		return int(status)
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(t.Err, "tickmark: stopped")
		return exitFailed
	}
	f := fault.As(err)
	if f == nil {
		fmt.Fprintf(t.Err, "tickmark: %s\n", plain(err.Error()))
		return exitFailed
	}
	for _, x := range append([]*fault.Error{f}, f.More...) {
		if x.Field == "" {
			fmt.Fprintf(t.Err, "tickmark: %s\n", plain(x.Message))
		} else {
			fmt.Fprintf(t.Err, "tickmark: %s: %s\n", cmd.spelled(x.Field), plain(x.Message))
		}
	}
	if f.Current == nil {
		return exitFailed
	}
	if now, err := json.Marshal(f.Current); err == nil {
		fmt.Fprintln(t.Err, "It is now:")
		if err := object(t.Err, "  ", now, nil); err != nil {
			fmt.Fprintf(t.Err, "tickmark: %s\n", plain(err.Error()))
		}
	}
	return exitFailed
}

// spelled is a field as it is given on this command line.
func (c *command) spelled(field string) string {
	if c != nil {
		for _, x := range c.inputs {
			switch {
			case x.field != field:
			case x.bare:
				return "<" + x.flag + ">"
			default:
				return "--" + x.flag
			}
		}
	}
	return "--" + dashed(field)
}
