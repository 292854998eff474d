package notify

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Preference is how a person wants to be told. Every notice stands in the
// product, whatever they choose.
type Preference struct {
	Mail map[string]string `json:"mail"` // kind → now, daily, weekly or never
	// Letters wait while it is quiet; both empty for never.
	QuietFrom string `json:"quiet_from,omitempty"`
	QuietTo   string `json:"quiet_to,omitempty"`
	// When the digest goes, in the organization's zone; the weekly one on a day.
	DigestAt  string `json:"digest_at"`
	DigestDay int64  `json:"digest_day"` // 0 is Sunday
	Version   int64  `json:"version"`    // 0: nothing was chosen yet
}

const (
	selectPreference = "SELECT mail, quiet_from, quiet_to, digest_at, digest_day, version FROM preference WHERE org_id = ? AND user_id = ?"
	insertPreference = "INSERT INTO preference (org_id, user_id, mail, quiet_from, quiet_to, digest_at, digest_day, version) VALUES (?, ?, ?, ?, ?, ?, ?, 1)"
	updatePreference = "UPDATE preference SET mail = ?, quiet_from = ?, quiet_to = ?, digest_at = ?, digest_day = ?, version = version + 1 WHERE org_id = ? AND user_id = ? AND version = ?"
)

// wishes are a person's, or what is usual.
func wishes(tx *db.Tx, org id.Org, user id.User) (Preference, error) {
	p := Preference{Mail: map[string]string{}, DigestAt: "08:00", DigestDay: int64(time.Monday)}
	var list string
	err := tx.Row(selectPreference, []any{org, user}, &list, &p.QuietFrom, &p.QuietTo, &p.DigestAt, &p.DigestDay, &p.Version)
	if errors.Is(err, db.ErrNone) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal([]byte(list), &p.Mail)
}

func (p Preference) mode(k Kind) string {
	if m, ok := p.Mail[k.Name]; ok {
		return m
	}
	return k.Mail
}

// loud is the first instant from now on at which it is not quiet.
func (p Preference) loud(now time.Time, zone *time.Location) time.Time {
	from, to, ok := p.quiet()
	if !ok {
		return now
	}
	local := now.In(zone)
	minute := local.Hour()*60 + local.Minute()
	days := 0
	switch {
	case from < to && minute >= from && minute < to:
	case from > to && minute >= from:
		days = 1
	case from > to && minute < to:
	default:
		return now
	}
	return time.Date(local.Year(), local.Month(), local.Day()+days, to/60, to%60, 0, 0, zone).UTC()
}

func (p Preference) quiet() (from, to int, ok bool) {
	from, okFrom := minutes(p.QuietFrom)
	to, okTo := minutes(p.QuietTo)
	return from, to, okFrom && okTo && from != to
}

// next is when the digest goes that a notice of now will be in.
func (p Preference) next(now time.Time, zone *time.Location, mode string) time.Time {
	at, ok := minutes(p.DigestAt)
	if !ok {
		at = 8 * 60
	}
	local := now.In(zone)
	for day := range 9 {
		t := time.Date(local.Year(), local.Month(), local.Day()+day, at/60, at%60, 0, 0, zone)
		if t.After(now) && (mode == Daily || int64(t.Weekday()) == p.DigestDay) {
			return t.UTC()
		}
	}
	return now.Add(24 * time.Hour) // not reached: every weekday is among nine days
}

// minutes reads a time of day.
func minutes(s string) (int, bool) {
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil
}

// person refuses actors who are none: the machine is told nothing.
func self(c *op.Call) (id.User, error) {
	if c.Actor.User == "" {
		return "", fault.Denied("Notices belong to a person. Sign in, or act with a person's token.")
	}
	return c.Actor.User, nil
}

// preferences says every kind, chosen or usual.
func preferences(c *op.Call, _ op.None) (Preference, error) {
	user, err := self(c)
	if err != nil {
		return Preference{}, err
	}
	p, err := wishes(c.Tx, c.Org, user)
	if err != nil {
		return Preference{}, err
	}
	full := map[string]string{}
	for _, k := range kinds {
		full[k.Name] = p.mode(k)
	}
	p.Mail = full
	return p, nil
}

// Wish is a change of preferences. A kind stands in one list; in none, it stays
// as it was.
type Wish struct {
	Now       []string `json:"now,omitempty" maxItems:"100" doc:"Kinds of notice that go by mail at once."`
	Daily     []string `json:"daily,omitempty" maxItems:"100" doc:"Kinds that go into the daily digest."`
	Weekly    []string `json:"weekly,omitempty" maxItems:"100" doc:"Kinds that go into the weekly digest."`
	Never     []string `json:"never,omitempty" maxItems:"100" doc:"Kinds that never go by mail."`
	QuietFrom string   `json:"quiet_from,omitempty" maxLength:"5" doc:"From when on letters wait, as 20:00; empty for never."`
	QuietTo   string   `json:"quiet_to,omitempty" maxLength:"5" doc:"Until when they wait, as 07:00."`
	DigestAt  string   `json:"digest_at,omitempty" maxLength:"5" doc:"When the digest goes, as 08:00, in the organization's zone."`
	DigestDay int64    `json:"digest_day,omitempty" minimum:"0" maximum:"6" doc:"On which day the weekly digest goes: 0 is Sunday, 1 Monday."`
	Version   int64    `json:"version" doc:"The version that was read; 0 if nothing was chosen yet."`
}

func prefer(c *op.Call, in Wish) (Preference, error) {
	user, err := self(c)
	if err != nil {
		return Preference{}, err
	}
	p, err := wishes(c.Tx, c.Org, user)
	if err != nil {
		return Preference{}, err
	}
	seen := []string{}
	for _, x := range []struct {
		mode string
		list []string
	}{{Now, in.Now}, {Daily, in.Daily}, {Weekly, in.Weekly}, {Never, in.Never}} {
		list, err := known(x.list)
		if f := fault.As(err); f != nil {
			f.Field = x.mode
		}
		if err != nil {
			return Preference{}, err
		}
		for _, k := range list {
			if slices.Contains(seen, k) {
				return Preference{}, fault.Invalid(x.mode, "%s stands in two lists; put it in one", k)
			}
			seen = append(seen, k)
			p.Mail[k] = x.mode
		}
	}
	in.QuietFrom, in.QuietTo, in.DigestAt = strings.TrimSpace(in.QuietFrom), strings.TrimSpace(in.QuietTo), strings.TrimSpace(in.DigestAt)
	if in.DigestAt == "" {
		in.DigestAt = p.DigestAt
	}
	for _, x := range []struct{ field, value string }{{"quiet_from", in.QuietFrom}, {"quiet_to", in.QuietTo}, {"digest_at", in.DigestAt}} {
		if _, ok := minutes(x.value); !ok && x.value != "" {
			return Preference{}, fault.Invalid(x.field, "give a time of day as 20:00")
		}
	}
	if (in.QuietFrom == "") != (in.QuietTo == "") {
		return Preference{}, fault.Invalid("quiet_to", "give both times, or neither")
	}
	list, err := json.Marshal(p.Mail)
	if err != nil {
		return Preference{}, err
	}
	if in.Version == 0 && p.Version == 0 {
		_, err = c.Tx.Exec(insertPreference, c.Org, user, string(list), in.QuietFrom, in.QuietTo, in.DigestAt, in.DigestDay)
		return preferencesOr(c, err)
	}
	n, err := c.Tx.Exec(updatePreference, string(list), in.QuietFrom, in.QuietTo, in.DigestAt, in.DigestDay, c.Org, user, in.Version)
	if err == nil && n == 0 {
		stale := fault.Conflict("Your preferences were changed since you read them.")
		stale.Current = p
		err = stale
	}
	return preferencesOr(c, err)
}

func preferencesOr(c *op.Call, err error) (Preference, error) {
	if err != nil {
		return Preference{}, err
	}
	return preferences(c, op.None{})
}
