// Package op is the operation: the one way anything is done. It checks the
// right, validates the input, opens the transaction, runs the function,
// appends the entry and commits. REST, command line and tools are derived
// from the list of operations; pages call the same ones.
package op

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/mail"
)

// Engine is what every operation runs on.
type Engine struct {
	DB     *db.DB
	Ledger *ledger.Ledger
	Vault  *blob.Vault
	Clock  clock.Clock
	Log    *slog.Logger

	// Anchor has outsiders vouch for the newest head of an organization's log,
	// one that covers an entry, and returns the newest entry that says so, or
	// the one given. It takes bounded time and never fails. Nil if no outsider
	// is configured.
	Anchor func(ctx context.Context, org id.Org, entry int64) int64

	// Mail hands letters to a server. Nil where none is configured: what a letter
	// would say is then shown to whoever asked for it.
	Mail mail.Sender
	// BaseURL is the address people type, as the operator gave it; empty if they
	// did not. Links in letters begin with it, and with nothing that a request says.
	BaseURL string
	// Throttle slows down whoever guesses, on every surface alike. Nil: nobody is
	// slowed down.
	Throttle *auth.Throttle

	// Try asks a place that facts come from, given its kind and its opened
	// settings, whether it would answer. What it returns is package sources' to
	// say. It takes bounded time. Nil where nothing can be read.
	Try func(ctx context.Context, kind string, settings json.RawMessage) (any, error)
}

// Desk is where somebody acts: who, for which organization.
type Desk struct {
	*Engine
	Actor auth.Actor
	Org   id.Org
	// Key makes a repeated write answer as the first did. Empty for no such
	// promise.
	Key string
	// From is the address of the network that somebody acts from; empty for the
	// machine and the command line.
	From string
}

// Letters reports whether a letter with a link in it can be sent.
func (e *Engine) Letters() bool { return e.Mail != nil && e.BaseURL != "" }

// Machine returns the desk of work that no person started.
func (e *Engine) Machine(org id.Org, name string, rights ...auth.Right) *Desk {
	return &Desk{Engine: e, Actor: auth.Machine(name, rights...), Org: org}
}

// Call is one running operation.
type Call struct {
	context.Context
	*Desk
	Tx *db.Tx
	// Now is the instant of the whole operation.
	Now time.Time

	op    string
	found any // by the question of an asking operation
	*leaving
}

// leaving is what an operation will leave in the log. It is one for all the
// organizations that the operation acts for.
type leaving struct {
	body    map[string]any
	entries int
}

// Enter moves the call into the organization it has just made or found.
func (c *Call) Enter(org id.Org, actor auth.Actor) {
	d := *c.Desk
	d.Org, d.Actor = org, actor
	c.Desk = &d
}

// Beside lets the call read and write what belongs to further organizations,
// once it has seen that they share what it is about.
func (c *Call) Beside(orgs ...id.Org) error {
	names := make([]string, len(orgs))
	for i, o := range orgs {
		names[i] = string(o)
	}
	return c.Tx.Beside(names...)
}

// For is the same call as it acts for another organization beside its own.
func (c *Call) For(org id.Org) *Call {
	x, d := *c, *c.Desk
	d.Org = org
	x.Desk = &d
	return &x
}

// Op is an operation with its types. Operations are package variables of
// their area.
type Op[In, Out any] struct {
	name    string
	summary string
	right   auth.Right
	writes  bool
	fn      func(*Call, In) (Out, error)
	before  func(context.Context, *Desk, In) error
	ask     func(context.Context, *Desk, In) (any, error)
	schema  *shape
}

// Operation is an Op without its types, as the surfaces see it.
type Operation interface {
	Name() string
	Summary() string
	Right() auth.Right
	Writes() bool
	// Offered reports whether surfaces show the operation.
	Offered() bool
	// Types returns the Go types of input and output.
	Types() (in, out reflect.Type)
	// Schema is that of the input. It belongs to the operation: whoever wants it
	// otherwise copies it.
	Schema() *huma.Schema
	// Run decodes, validates and runs; raw is a JSON object, empty for none.
	Run(ctx context.Context, desk *Desk, raw []byte) (any, error)
}

var nameForm = regexp.MustCompile(`^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$`)

// Read declares an operation that changes nothing.
func Read[In, Out any](name, summary string, right auth.Right, fn func(*Call, In) (Out, error)) *Op[In, Out] {
	return declare(name, summary, right, false, fn)
}

// Write declares an operation that changes something, and so leaves an entry.
func Write[In, Out any](name, summary string, right auth.Right, fn func(*Call, In) (Out, error)) *Op[In, Out] {
	return declare(name, summary, right, true, fn)
}

// Asking declares an operation that asks something outside the database, such
// as whether a server answers, and writes down what it found. ask may take its
// time: it runs ahead of the transaction and holds none.
func Asking[In, Found, Out any](name, summary string, right auth.Right, ask func(context.Context, *Desk, In) (Found, error),
	fn func(*Call, In, Found) (Out, error)) *Op[In, Out] {
	o := declare(name, summary, right, true, func(c *Call, in In) (Out, error) {
		found, asked := c.found.(Found)
		if !asked {
			var none Out
			return none, fmt.Errorf("%s asks outside and has no place in another transaction", name)
		}
		return fn(c, in, found)
	})
	o.ask = func(ctx context.Context, d *Desk, in In) (any, error) { return ask(ctx, d, in) }
	return o
}

// Work declares a writing operation that only the machine runs. Its input may
// have any shape and no surface offers it.
func Work[In, Out any](name, summary string, right auth.Right, fn func(*Call, In) (Out, error)) *Op[In, Out] {
	if !nameForm.MatchString(name) {
		panic("op: name " + name + ": want noun.verb")
	}
	return &Op[In, Out]{name: name, summary: summary, right: right, writes: true, fn: fn}
}

// declare panics on what no surface could offer: operations are declared when
// the program starts, so a mistake never reaches a user.
func declare[In, Out any](name, summary string, right auth.Right, writes bool, fn func(*Call, In) (Out, error)) *Op[In, Out] {
	if !nameForm.MatchString(name) {
		panic("op: name " + name + ": want noun.verb")
	}
	s, err := shapeOf(name, reflect.TypeFor[In]())
	if err != nil {
		panic("op: " + name + ": " + err.Error())
	}
	return &Op[In, Out]{name: name, summary: summary, right: right, writes: writes, fn: fn, schema: s}
}

// Before names what is done ahead of the transaction, such as having a head
// signed that the operation will answer. It returns the operation.
func (o *Op[In, Out]) Before(fn func(context.Context, *Desk, In) error) *Op[In, Out] {
	o.before = fn
	return o
}

// Name is noun.verb.
func (o *Op[In, Out]) Name() string { return o.name }

// Summary says in one sentence what the operation does.
func (o *Op[In, Out]) Summary() string { return o.summary }

// Right is what the actor needs.
func (o *Op[In, Out]) Right() auth.Right { return o.right }

// Writes reports whether the operation changes anything.
func (o *Op[In, Out]) Writes() bool { return o.writes }

// Schema is that of the input, worked out when the operation was declared; nil
// for what no surface offers.
func (o *Op[In, Out]) Schema() *huma.Schema {
	if o.schema == nil {
		return nil
	}
	return o.schema.schema
}

// Types returns the Go types of input and output.
func (o *Op[In, Out]) Types() (in, out reflect.Type) {
	return reflect.TypeFor[In](), reflect.TypeFor[Out]()
}

// Run runs the operation on undecoded input.
func (o *Op[In, Out]) Run(ctx context.Context, desk *Desk, raw []byte) (any, error) {
	if err := o.allowed(desk); err != nil {
		return nil, err
	}
	var in In
	if o.schema == nil {
		return nil, fault.Denied("%s is work of the machine", o.name)
	}
	if err := o.schema.decode(raw, &in); err != nil {
		return nil, err
	}
	return o.run(ctx, desk, in)
}

func (o *Op[In, Out]) allowed(desk *Desk) error {
	err := desk.Actor.Require(o.right)
	if err == nil && o.writes {
		err = desk.Actor.RequireWrite()
	}
	return err
}

// Do runs the operation on input that Go code made.
func (o *Op[In, Out]) Do(ctx context.Context, desk *Desk, in In) (Out, error) {
	var none Out
	if err := o.allowed(desk); err != nil {
		return none, err
	}
	if o.schema != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return none, fmt.Errorf("%s: %w", o.name, err)
		}
		if err := o.schema.check(raw); err != nil {
			return none, err
		}
	}
	return o.run(ctx, desk, in)
}

// Call runs the operation inside another one's transaction. The outer one has
// the entry and the right.
func (o *Op[In, Out]) Call(c *Call, in In) (Out, error) { return o.fn(c, in) }

func (o *Op[In, Out]) run(ctx context.Context, desk *Desk, in In) (Out, error) {
	var (
		out   Out
		found any
	)
	work := func(tx *db.Tx) error {
		c := &Call{Context: ctx, Desk: desk, Tx: tx, Now: clock.Truncate(desk.Clock.Now()), op: o.name, found: found, leaving: &leaving{}}
		var err error
		out, err = o.fn(c, in)
		if err != nil || !o.writes {
			return err
		}
		return c.finish(in)
	}
	org := string(desk.Org)
	if org == "" {
		org = db.All // before an organization exists: setup and sign-in
	}
	if o.before != nil {
		if err := o.before(ctx, desk, in); err != nil {
			return out, err
		}
	}
	var err error
	if o.ask != nil {
		if found, err = o.ask(ctx, desk, in); err != nil {
			return out, err
		}
	}
	switch {
	case !o.writes:
		err = desk.DB.Read(ctx, org, work)
	case desk.Key == "":
		err = desk.DB.Write(ctx, org, work)
	default:
		err = once(ctx, desk, org, o.name, in, &out, work)
	}
	if err != nil {
		var none Out
		return none, err
	}
	return out, nil
}

// Noun and verb of an operation's name.
func split(name string) (noun, verb string) {
	noun, verb, _ = strings.Cut(name, ".")
	return noun, verb
}
