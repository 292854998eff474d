package checks

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// definitions returns the checks in force for an organization: those of the
// program, with the values it has set, and its own.
func definitions(c *op.Call) ([]Definition, map[string]bool, error) {
	lib, err := Library()
	if err != nil {
		return nil, nil, err
	}
	set, err := settings(c)
	if err != nil {
		return nil, nil, err
	}
	var all []Definition
	for _, d := range lib {
		s := set[d.ID]
		if s.off {
			continue
		}
		if d, err = d.with(s.params); err != nil {
			return nil, nil, err
		}
		all = append(all, d)
	}
	own := map[string]bool{}
	bodies, err := db.Rows(c.Tx, selectOwn, []any{c.Org, true}, func(scan func(...any) error, b *string) error { return scan(b) })
	if err != nil {
		return nil, nil, err
	}
	for _, b := range bodies {
		d, err := ownCheck(b)
		if err != nil {
			return nil, nil, err
		}
		own[d.ID] = true
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Definition) int { return strings.Compare(a.ID, b.ID) })
	return all, own, nil
}

// settingsAt is what had been decided by an instant.
func settingsAt(c *op.Call, at time.Time) (map[string]setting, error) {
	rows, err := db.Rows(c.Tx, selectSettings, []any{c.Org}, scanSetting)
	out := map[string]setting{}
	for _, s := range rows {
		if !s.effective.After(at) {
			out[s.check] = s
		}
	}
	return out, err
}

// instant is the time asked for; zero is now.
func instant(c *op.Call, at time.Time) time.Time {
	if at.IsZero() {
		return c.Now
	}
	return at
}

const selectForced = "SELECT own, body FROM check_definition WHERE org_id = ? AND effective <= ? AND (ended = 0 OR ended > ?) ORDER BY check_id"

// definitionsAt returns the checks as they were worded at an instant. One of
// the program that had not judged anything by then stands as it is worded now.
func definitionsAt(c *op.Call, at time.Time) ([]Definition, map[string]bool, error) {
	shipped, err := Library()
	if err != nil {
		return nil, nil, err
	}
	set, err := settingsAt(c, at)
	if err != nil {
		return nil, nil, err
	}
	then := map[string]Definition{}
	for _, d := range shipped {
		s := set[d.ID]
		if s.off {
			continue
		}
		if then[d.ID], err = d.with(s.params); err != nil {
			return nil, nil, err
		}
	}
	own := map[string]bool{}
	err = c.Tx.Each(selectForced, []any{c.Org, clock.Millis(at), clock.Millis(at)}, func(scan func(...any) error) error {
		var (
			mine bool
			body string
			d    Definition
		)
		if err := scan(&mine, &body); err != nil {
			return err
		}
		if mine {
			var err error
			if d, err = ownCheck(body); err != nil {
				return err
			}
		} else if err := json.Unmarshal([]byte(body), &d); err != nil {
			return err
		}
		if !mine && set[d.ID].off {
			return nil
		}
		own[d.ID], then[d.ID] = mine, d
		return nil
	})
	out := make([]Definition, 0, len(then))
	for _, d := range then {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Definition) int { return strings.Compare(a.ID, b.ID) })
	return out, own, err
}

const (
	selectOff = "SELECT check_id, off FROM check_setting WHERE org_id = ? ORDER BY check_id, effective"
	countOwn  = "SELECT COUNT(*) FROM check_definition WHERE org_id = ? AND own = ? AND ended = 0"
)

// Count is how many checks are in force, without reading what they say.
func Count(tx *db.Tx, org id.Org) (n int64, err error) {
	lib, err := Library()
	if err != nil {
		return 0, err
	}
	if err := tx.Row(countOwn, []any{org, true}, &n); err != nil {
		return 0, err
	}
	off := map[string]bool{}
	err = tx.Each(selectOff, []any{org}, func(scan func(...any) error) error {
		var (
			check string
			is    bool
		)
		err := scan(&check, &is)
		off[check] = is
		return err
	})
	for _, d := range lib {
		if !off[d.ID] {
			n++
		}
	}
	return n, err
}
