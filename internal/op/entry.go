package op

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
)

// Record is an entry that an operation makes of its own accord, for a kind a
// verifier acts on.
type Record struct {
	Kind canon.Kind
	// ID is the identifier of the record the entry is about.
	ID string
	// Body adds what the entry says; its fields are canonical JSON.
	Body map[string]any
	// Content is the blob the entry vouches for.
	Content    *blob.Sealed
	Supersedes []int64
	Erases     []int64
	Items      *canon.Items
	Answers    *canon.Answers
}

// Append writes an entry and returns its index. An operation that appends
// gets no further entry: its own says who did what.
func (c *Call) Append(r Record) (int64, error) {
	body := map[string]any{"op": c.op}
	if r.ID != "" {
		body["id"] = r.ID
	}
	maps.Copy(body, r.Body)
	e := ledger.Entry{Kind: r.Kind, Supersedes: r.Supersedes, Erases: r.Erases, Items: r.Items, Answers: r.Answers}
	if r.Content != nil {
		e.Content = canon.Content(hex.EncodeToString(r.Content.SHA256[:]), r.Content.Size)
		if err := c.Vault.Keep(c.Tx, c.Org, *r.Content, c.Now); err != nil {
			return 0, err
		}
	}
	behind, err := c.Ledger.Behind(c.Tx, c.Org, c.Now)
	if err != nil {
		return 0, err
	}
	if behind > 0 {
		body["clock_behind_ms"] = behind.Milliseconds()
	}
	if e.Body, err = text(body); err != nil {
		return 0, err
	}
	if e.Actor, err = text(map[string]any{"id": c.Actor.Key(), "name": c.Actor.Name, "via": c.Actor.Via}); err != nil {
		return 0, err
	}
	var said map[string]any
	if err := json.Unmarshal([]byte(e.Body), &said); err != nil {
		return 0, err
	}
	c.entries++
	entry, err := c.Ledger.Append(c.Tx, c.Org, e, c.Now)
	if err != nil {
		return 0, err
	}
	return entry, c.mention(said, entry)
}

// AnswerTo names an entry of another organization's log with a signed head of
// that log, which shows that the entry was there first.
func (c *Call) AnswerTo(org id.Org, entry int64) (*canon.Answers, error) {
	return c.Ledger.Answer(c.Tx, org, entry)
}

// Note adds a field to the entry that the operation will leave.
func (c *Call) Note(field string, value any) {
	if c.body == nil {
		c.body = map[string]any{}
	}
	c.body[field] = value
}

// finish appends the entry of an operation that made none itself.
func (c *Call) finish(in any) error {
	if c.entries > 0 {
		return nil
	}
	if c.Org == "" {
		return fmt.Errorf("%s wrote without an organization and left no entry", c.op)
	}
	body := map[string]any{"input": redact(in)}
	maps.Copy(body, c.body)
	_, err := c.Append(Record{Kind: canon.KindOp, Body: body})
	return err
}

// redact replaces fields tagged `secret:"true"` by a word: the log must not
// hold what opens a door.
func redact(in any) any {
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Struct {
		return in
	}
	out := map[string]any{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := jsonName(f)
		if name == "" || v.Field(i).IsZero() {
			continue
		}
		if f.Tag.Get("secret") == "true" {
			out[name] = "(secret)"
			continue
		}
		if b, ok := v.Field(i).Interface().([]byte); ok {
			sum := sha256.Sum256(b)
			out[name] = fmt.Sprintf("(%d bytes, sha256 %s)", len(b), hex.EncodeToString(sum[:]))
			continue
		}
		out[name] = v.Field(i).Interface()
	}
	return out
}

// text is canonical JSON with empty things left out: the log has no null.
func text(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return "", err
	}
	b, err := canon.JSON(prune(tree))
	return string(b), err
}

func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e == nil {
				delete(v, k)
			} else {
				v[k] = prune(e)
			}
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}

// keyLife is how long a repeated write is recognised.
const keyLife = 30 * 24 * time.Hour

const (
	selectKey = "SELECT op, input, output FROM op_key WHERE org_id = ? AND actor = ? AND key = ? AND at > ?"
	upsertKey = `INSERT INTO op_key (org_id, actor, key, op, input, output, at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org_id, actor, key) DO UPDATE SET op = excluded.op, input = excluded.input, output = excluded.output, at = excluded.at
		WHERE op_key.at <= ?`
	expireKeys = "DELETE FROM op_key WHERE at <= ?"
)

// maxKey bounds an idempotency key, in bytes.
const maxKey = 200

// errTaken means that another is doing the same act, and has just committed.
var errTaken = fault.Conflict("The same act was done a moment ago. Ask again to see its answer.")

// once runs work unless the desk's key was answered before, and then gives
// that answer. It also settles a commit that ended in doubt: the key is
// stored with the change, so it is there exactly when the change is.
func once(ctx context.Context, d *Desk, org, name string, in, out any, work func(*db.Tx) error) error {
	if badText(d.Key) != "" || len(d.Key) > maxKey {
		return fault.Invalid("", "an idempotency key is text of at most %d bytes", maxKey)
	}
	input, err := d.digest(ctx, in)
	if err != nil {
		return err
	}
	now := clock.Truncate(d.Clock.Now())
	oldest := clock.Millis(now.Add(-keyLife))
	args := []any{d.Org, d.Actor.Key(), d.Key, oldest}

	answered := func(tx *db.Tx) (bool, error) {
		var op, was, output string
		err := tx.Row(selectKey, args, &op, &was, &output)
		if errors.Is(err, db.ErrNone) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if op != name || was != input {
			return false, fault.Conflict("The idempotency key %q was used for something else. Use a new key for a new act.", d.Key)
		}
		return true, json.Unmarshal([]byte(output), out)
	}
	err = d.DB.Write(ctx, org, func(tx *db.Tx) error {
		if done, err := answered(tx); done || err != nil {
			return err
		}
		if err := work(tx); err != nil {
			return err
		}
		answer, err := json.Marshal(blank(out))
		if err != nil {
			return err
		}
		n, err := tx.Exec(upsertKey, d.Org, d.Actor.Key(), d.Key, name, input, string(answer), clock.Millis(now), oldest)
		if err == nil && n == 0 {
			err = errTaken
		}
		return err
	})
	if !errors.Is(err, db.ErrUnknown) && !errors.Is(err, errTaken) {
		return err
	}
	reflect.ValueOf(out).Elem().SetZero() // of an act that was not stored
	var done bool
	ask := d.DB.Read(context.WithoutCancel(ctx), org, func(tx *db.Tx) (err error) {
		done, err = answered(tx)
		return err
	})
	if done || fault.KindOf(ask) == fault.KindConflict {
		return ask
	}
	return errors.Join(err, ask)
}

// digest recognises an input without keeping it. It is keyed with the
// organization's key, because a secret in the input may be short enough to
// guess; before there is an organization, secrets are left out.
func (d *Desk) digest(ctx context.Context, in any) (string, error) {
	if d.Org == "" {
		in = redact(in)
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	if d.Org == "" {
		return hex.EncodeToString(sum[:]), nil
	}
	return d.Vault.AddressOf(ctx, d.Org, sum)
}

// blank is the answer without its fields tagged `secret:"true"`: they are
// shown once and stored nowhere, so a repeated act does not show them again.
func blank(out any) any {
	v := reflect.ValueOf(out).Elem()
	if v.Kind() != reflect.Struct {
		return out
	}
	safe := reflect.New(v.Type()).Elem()
	safe.Set(v)
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("secret") == "true" {
			safe.Field(i).SetZero()
		}
	}
	return safe.Interface()
}

// ExpireKeys forgets idempotency keys older than 30 days.
func ExpireKeys(ctx context.Context, e *Engine) error {
	oldest := clock.Millis(e.Clock.Now().Add(-keyLife))
	return e.DB.Write(ctx, db.All, func(tx *db.Tx) error {
		_, err := tx.Exec(expireKeys, oldest)
		return err
	})
}
