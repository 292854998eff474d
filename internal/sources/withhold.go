package sources

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	selectBlind = `SELECT r.missing FROM source_run r JOIN source_run_kind k ON k.org_id = r.org_id AND k.run_id = r.id
		WHERE r.org_id = ? AND r.source_id = ? AND k.kind = ? ORDER BY r.ended DESC, r.id DESC LIMIT 1`
	selectKeys = "SELECT key FROM source_resource WHERE org_id = ? AND source_id = ? AND kind = ?"
)

// withhold uncovers a kind that the source has just begun to hide in part. Of
// what is not among the rest nobody can tell whether it is gone or not shown,
// so the run does not speak of the kind: what was seen of it stays, and is
// unknown for the reason that the collector gave. A source that has always
// shown only a part is read as before.
func withhold(ctx context.Context, desk *op.Desk, s Source, in *Intake) error {
	for _, m := range in.Missings() {
		if m.Field != "" || !slices.Contains(in.Kinds(), m.Kind) {
			continue
		}
		was, err := shownBefore.Do(ctx, desk, shownOf{Source: string(s.ID), Kind: m.Kind})
		if err != nil {
			return err
		}
		if !was.Known || was.Blind {
			continue
		}
		now := map[string]bool{}
		for _, r := range in.Resources(m.Kind) {
			now[r.Key] = true
		}
		if slices.ContainsFunc(was.Keys, func(key string) bool { return !now[key] }) {
			in.uncover(m.Kind)
		}
	}
	return nil
}

// uncover takes back that a kind was looked at.
func (in *Intake) uncover(kind string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if p := in.kinds[kind]; p != nil {
		in.count -= int(p.count)
	}
	delete(in.kinds, kind)
}

type shownOf struct {
	Source string `json:"source"`
	Kind   string `json:"kind"`
}

// seenBefore is what a source showed of a kind when that was last covered.
type seenBefore struct {
	Known bool
	Blind bool // not all of it
	Keys  []string
}

var shownBefore = op.Read("sources.before", "List what a source showed of a kind before.", auth.SourcesRead, func(c *op.Call, in shownOf) (seenBefore, error) {
	s, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return seenBefore{}, err
	}
	var text string
	err = c.Tx.Row(selectBlind, []any{c.Org, s, in.Kind}, &text)
	if errors.Is(err, db.ErrNone) {
		return seenBefore{}, nil
	}
	if err != nil {
		return seenBefore{}, err
	}
	var missing []Missing
	if err := json.Unmarshal([]byte(text), &missing); err != nil {
		return seenBefore{}, err
	}
	out := seenBefore{Known: true, Blind: slices.ContainsFunc(missing, func(m Missing) bool { return m.Kind == in.Kind && m.Field == "" })}
	out.Keys, err = db.Rows(c.Tx, selectKeys, []any{c.Org, s, in.Kind}, func(scan func(...any) error, key *string) error { return scan(key) })
	return out, err
})
