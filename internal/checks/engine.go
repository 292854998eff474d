package checks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// An Outcome is what a check says about one resource.
//
// A rule that reads an absent field has no answer, and no answer is Unknown.
// CEL gives an answer all the same where the absent part cannot change it:
// false && absent is false, true || absent is true, whichever side comes first.
// Whatever the field might have held, the answer would be that one.
type Outcome struct {
	Status Status
	// Class tells causes of Unknown apart without their wording: "absent:FIELD",
	// "error" or "limit". It is empty for any other status.
	Class string
	// Reason says why it is unknown; Message what is wrong, if it fails.
	Reason  string
	Message string
}

// What a rule says when it cannot answer.
const (
	classAbsent = "absent:"
	classError  = "error"
	classLimit  = "limit"
)

// maxWords bounds what a rule may say about a resource.
const maxWords = 2 << 10

// evalTime stops a rule that goes on although its cost was accepted.
const evalTime = 5 * time.Second

// Params are the values of a check's parameters. The zero value has the
// defaults.
type Params struct{ values map[string]any }

// Params takes what an organization has set, by name, over the defaults.
func (c *Compiled) Params(set map[string]any) (Params, error) {
	known := c.Definition.Params
	values := make(map[string]any, len(known))
	for name, param := range known {
		values[name] = param.Default
	}
	for name, value := range set {
		param, exists := known[name]
		if !exists {
			return Params{}, fault.Invalid(name, "%s has no parameter %q: %s are accepted", c.Definition.ID, name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		value, err := valueOf(param.Type, value)
		if err != nil {
			return Params{}, fault.Invalid(name, "parameter %s of %s %v", name, c.Definition.ID, err)
		}
		values[name] = value
	}
	return Params{values: values}, nil
}

// A scope holds what a rule sees. It is used again, so that an evaluation
// allocates little.
type scope struct {
	r, p object
	at   time.Time
	asof ref.Val // at, made when it changes
}

var (
	typeOfR = types.NewObjectType(resourceType)
	typeOfP = types.NewObjectType(paramsType)
)

func newScope() *scope {
	return &scope{r: object{of: typeOfR}, p: object{of: typeOfP}}
}

// ResolveName implements cel.Activation.
func (s *scope) ResolveName(name string) (any, bool) {
	switch name {
	case "r":
		return &s.r, true
	case "p":
		return &s.p, true
	case "asof":
		return s.asof, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (s *scope) Parent() cel.Activation { return nil }

// Evaluate judges one resource, as an Intake or DecodeChunk gives it, as of
// the end of the run that saw it. It never panics and calls nothing outside.
func (c *Compiled) Evaluate(res sources.Resource, params Params, asof time.Time) Outcome {
	s := c.scopes.Get().(*scope)
	s.r.attrs, s.p.attrs = res.Attrs, params.values
	if s.asof == nil || s.at != asof {
		s.at, s.asof = asof, types.Timestamp{Time: asof}
	}
	if params.values == nil {
		s.p.attrs = c.defaults.values
	}
	out := c.judge(s, res)
	s.r.attrs, s.p.attrs = nil, nil
	c.scopes.Put(s)
	return out
}

func (c *Compiled) judge(s *scope, res sources.Resource) Outcome {
	if c.applies != nil {
		applies, err := c.applies.decide(s)
		if err != nil {
			return unknown(res, err)
		}
		if !applies {
			return Outcome{Status: NotApplicable}
		}
	}
	pass, err := c.pass.decide(s)
	if err != nil {
		return unknown(res, err)
	}
	if pass {
		return Outcome{Status: Pass}
	}
	return Outcome{Status: Fail, Message: c.say(s, res)}
}

// errNoAnswer is a rule that gave something else than the compiler promised.
var errNoAnswer = errors.New("the rule gave neither true nor false")

func (r *rule) decide(s *scope) (bool, error) {
	value, err := r.run(s)
	if err != nil {
		return false, err
	}
	answer, is := value.(types.Bool)
	if !is {
		return false, errNoAnswer
	}
	return bool(answer), nil
}

// run recovers from panics: cel.Program turns them into errors.
func (r *rule) run(s *scope) (ref.Val, error) {
	if !r.metered {
		value, _, err := r.program.Eval(s)
		return value, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), evalTime)
	defer cancel()
	value, _, err := r.program.ContextEval(ctx, s)
	return value, err
}

// say is the message about a failing resource. A message that cannot be made
// does not make the failure less known.
func (c *Compiled) say(s *scope, res sources.Resource) string {
	if value, err := c.message.run(s); err == nil {
		if text, is := value.(types.String); is && text != "" {
			return clip(string(text))
		}
	}
	return clip(fmt.Sprintf("%s does not hold for %s", c.Definition.ID, res.Key))
}

func unknown(res sources.Resource, err error) Outcome {
	var missing *absent
	if errors.As(err, &missing) {
		reason := res.Absent[missing.field]
		if reason == "" {
			reason = missing.Error()
		}
		return Outcome{Status: Unknown, Class: classAbsent + missing.field, Reason: clip(reason)}
	}
	var cancelled interpreter.EvalCancelledError
	if errors.As(err, &cancelled) || errors.Is(err, interpreter.InterruptError{}) {
		return Outcome{Status: Unknown, Class: classLimit, Reason: "the rule takes too much work on this resource"}
	}
	return Outcome{Status: Unknown, Class: classError, Reason: clip("the rule has no answer: " + err.Error())}
}

func clip(text string) string {
	if len(text) <= maxWords {
		return text
	}
	return strings.ToValidUTF8(text[:maxWords-len("…")], "") + "…"
}
