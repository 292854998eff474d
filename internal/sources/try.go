package sources

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// trialTime is how long a source has to answer a test.
const trialTime = 30 * time.Second

// Question asks whether a source would answer: one that is connected, with what
// was typed in the place of what is kept; or one that is not connected yet.
type Question struct {
	Source   string `json:"source,omitempty" doc:"A connected source, by its id. What is left out is taken from it."`
	Kind     string `json:"kind,omitempty" maxLength:"40" doc:"Without a source: what is read."`
	Path     string `json:"path,omitempty" maxLength:"1000" doc:"git: the folder of the repository. The same as the setting path."`
	Settings string `json:"settings,omitempty" maxLength:"262144" secret:"true" doc:"The settings of its kind, as a JSON object."`
}

// Tried is what became of a test. A source that does not answer is an answer
// too.
type Tried struct {
	Works bool   `json:"works"`
	Error string `json:"error,omitempty"`
	Trial
}

// opening is a source with everything that is needed to read it.
type opening struct {
	Source   Source
	Settings json.RawMessage
	Secret   map[string]string
}

// open returns what a source is reached with. No surface offers it.
func open(c *op.Call, in Ref) (opening, error) {
	s, err := get(c, in)
	if err != nil {
		return opening{}, err
	}
	x := opening{Source: s, Secret: map[string]string{}}
	err = c.Tx.Each(openSecrets, []any{c.Org, s.ID}, func(scan func(...any) error) error {
		var (
			name   string
			sealed []byte
		)
		if err := scan(&name, &sealed); err != nil {
			return err
		}
		plain, err := c.Vault.Open(c, c.Org, place(s.ID, name), sealed)
		x.Secret[name] = string(plain)
		return err
	})
	if err == nil {
		x.Settings, err = merge(s.Settings, x.Secret)
	}
	return x, err
}

func digestOf(s id.Source, name, secret string) [32]byte {
	return sha256.Sum256([]byte(place(s, name) + "\x00" + secret))
}

// try asks the source, ahead of the transaction that writes down what it said.
func try(ctx context.Context, desk *op.Desk, in Question) (Tried, error) {
	x := opening{Secret: map[string]string{}}
	kind := in.Kind
	var kept []string
	if in.Source != "" {
		var err error
		if x, err = opened.Do(ctx, desk, Ref{in.Source}); err != nil {
			return Tried{}, err
		}
		kind = x.Source.Kind
		for name := range x.Secret {
			kept = append(kept, name)
		}
	}
	k, err := kindNamed(kind)
	if err != nil {
		return Tried{}, err
	}
	typed, err := withPath(in.Settings, in.Path)
	if err != nil {
		return Tried{}, err
	}
	if typed != "" || in.Source == "" {
		told, err := k.settle(typed, kept)
		if err != nil {
			return Tried{}, err
		}
		for name, text := range told.secret {
			x.Secret[name] = text
		}
		open, err := json.Marshal(told.open)
		if err != nil {
			return Tried{}, err
		}
		if x.Settings, err = merge(open, x.Secret); err != nil {
			return Tried{}, err
		}
	}
	if desk.Try == nil {
		return Tried{}, fault.Conflict("Nothing can be read from here.")
	}
	out := Tried{Trial: Trial{Found: []string{}, Missing: []Missing{}}}
	answer, err := desk.Try(ctx, kind, x.Settings)
	if ctx.Err() != nil {
		return Tried{}, ctx.Err()
	}
	if err != nil {
		out.Error = hush(plain(err), x.Secret)
		return out, nil
	}
	t, is := answer.(Trial)
	if !is {
		return Tried{}, fmt.Errorf("a test of %s answered with a %T", kind, answer)
	}
	out.Works = true
	for _, f := range t.Found {
		out.Found = append(out.Found, clip(cleanText(hush(f, x.Secret))))
	}
	for _, m := range t.Missing {
		m.Reason, m.Remedy = clip(cleanText(hush(m.Reason, x.Secret))), clip(cleanText(hush(m.Remedy, x.Secret)))
		out.Missing = append(out.Missing, m)
	}
	return out, nil
}

func tried(c *op.Call, _ Question, t Tried) (Tried, error) {
	c.Note("works", t.Works)
	c.Note("missing", len(t.Missing))
	if t.Error != "" {
		c.Note("error", t.Error)
	}
	return t, nil
}

// plain is what a person reads of an error: the words meant for them, else its
// first line.
func plain(err error) string {
	if e := fault.As(err); e != nil {
		return e.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("it did not answer within %s", trialTime)
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return clip(cleanText(text))
}

// Try tests a connection: see op.Engine. A collector that has no test of its
// own is asked for everything, of which nothing is kept.
func (r *Reader) Try(ctx context.Context, kind string, settings json.RawMessage) (any, error) {
	c, known := r.collectors[kind]
	if !known {
		if k, ok := KindOf(kind); ok && k.Fed {
			return Trial{Found: []string{"Nothing is fetched. Its runs are the files that are handed in."}}, nil
		}
		return nil, fault.Invalid("kind", "this version cannot read a source of kind %s", kind)
	}
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	type answer struct {
		trial Trial
		err   error
	}
	done := make(chan answer, 1)
	go func() { // a collector that does not look at its context is left behind
		var a answer
		a.trial, a.err = r.trial(ctx, c, settings)
		done <- a
	}()
	select {
	case a := <-done:
		if a.err != nil && ctx.Err() != nil {
			a.err = ctx.Err()
		}
		return a.trial, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *Reader) trial(ctx context.Context, c Collector, settings json.RawMessage) (t Trial, err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("test of a source", "kind", c.Kind(), "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the test failed: %v", p)
		}
	}()
	if x, is := c.(Tester); is {
		return x.Test(ctx, settings)
	}
	in := NewIntake(r.schemas, clock.System(), nil)
	if err := c.Collect(ctx, settings, in); err != nil {
		return Trial{}, err
	}
	if err := in.Err(); err != nil {
		return Trial{}, err
	}
	for _, kind := range in.Kinds() {
		t.Found = append(t.Found, fmt.Sprintf("%s: %d", r.schemas[kind].Title, len(in.Resources(kind))))
	}
	t.Missing = in.Missings()
	return t, nil
}
