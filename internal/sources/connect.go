package sources

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// Connection is a source to connect.
type Connection struct {
	Kind     string `json:"kind" minLength:"1" maxLength:"40" doc:"What is read: one of the kinds that sources kinds lists."`
	Name     string `json:"name" minLength:"1" maxLength:"100" doc:"What people here call it."`
	Path     string `json:"path,omitempty" maxLength:"1000" doc:"git: the folder of the repository. The same as the setting path."`
	Settings string `json:"settings,omitempty" maxLength:"262144" secret:"true" doc:"The settings of its kind, as a JSON object. Secrets among them are sealed and never shown again."`
	Every    int    `json:"every_minutes,omitempty" minimum:"5" maximum:"44640" doc:"How often it is read; if left out, as is usual for its kind."`
	At       string `json:"at,omitempty" maxLength:"5" doc:"Instead of that, the time of day at which it is read, such as 06:30, in the organization's time zone."`
	Weekday  string `json:"weekday,omitempty" enum:"sunday,monday,tuesday,wednesday,thursday,friday,saturday" doc:"With a time of day: the one day of the week on which it is read."`
	Expected string `json:"expected,omitempty" enum:"day,week,month,quarter,never" doc:"Of a source that files feed: a file is expected in every one of these, and its absence counts as silence. No rhythm, if left out."`
}

const (
	insertSecret = `INSERT INTO source_secret (org_id, source_id, name, sealed, since) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (org_id, source_id, name) DO UPDATE SET sealed = excluded.sealed, since = excluded.since`
	deleteSecret  = "DELETE FROM source_secret WHERE org_id = ? AND source_id = ? AND name = ?"
	deleteSecrets = "DELETE FROM source_secret WHERE org_id = ? AND source_id = ?"
	listSecrets   = "SELECT name, since FROM source_secret WHERE org_id = ? AND source_id = ? ORDER BY name"
	openSecrets   = "SELECT name, sealed FROM source_secret WHERE org_id = ? AND source_id = ?"

	selectZone   = "SELECT zone FROM orgs WHERE org_id = ?"
	updateSource = `UPDATE source SET name = ?, settings = ?, every = ?, day_time = ?, weekday = ?, expected = ?, version = version + 1
		WHERE org_id = ? AND id = ? AND version = ? AND removed = 0`
	removeSource    = "UPDATE source SET removed = ?, version = version + 1 WHERE org_id = ? AND id = ? AND removed = 0"
	reconnectSource = "UPDATE source SET removed = 0, version = version + 1 WHERE org_id = ? AND id = ? AND removed > 0"
	pauseSource     = "UPDATE source SET paused = ?, version = version + 1 WHERE org_id = ? AND id = ? AND removed = 0 AND paused = 0"
	resumeSource    = "UPDATE source SET paused = 0, version = version + 1 WHERE org_id = ? AND id = ? AND removed = 0 AND paused > 0"
)

// A Secret is one that is kept of a source. What it is, nobody is shown.
type Secret struct {
	Name  string    `json:"name"`
	Since time.Time `json:"since"`
}

func secrets(c *op.Call, s id.Source) ([]Secret, error) {
	return db.Rows(c.Tx, listSecrets, []any{c.Org, s}, func(scan func(...any) error, x *Secret) error {
		var since int64
		err := scan(&x.Name, &since)
		x.Since = clock.FromMillis(since)
		return err
	})
}

// place is where a secret stands, so that it opens nowhere else.
func place(s id.Source, name string) string { return "source_secret/" + string(s) + "/" + name }

// seal keeps secrets. The log gets a keyed digest of each: whether one was
// changed can be told from it, what it is cannot.
func seal(c *op.Call, s id.Source, secret map[string]string) error {
	said := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(secret)) {
		sealed, err := c.Vault.Seal(c, c.Org, place(s, name), []byte(secret[name]))
		if err != nil {
			return err
		}
		if _, err := c.Tx.Exec(insertSecret, c.Org, s, name, sealed, clock.Millis(c.Now)); err != nil {
			return err
		}
		if said[name], err = c.Vault.AddressOf(c, c.Org, digestOf(s, name, secret[name])); err != nil {
			return err
		}
	}
	if len(said) > 0 {
		c.Note("secrets", said)
	}
	return nil
}

// kindNamed finds a kind, or says which there are.
func kindNamed(name string) (Kind, error) {
	if k, ok := KindOf(name); ok {
		return k, nil
	}
	all, err := Kinds()
	if err != nil {
		return Kind{}, err
	}
	var names []string
	for _, k := range all {
		names = append(names, k.Kind)
	}
	return Kind{}, fault.Invalid("kind", "give one of %s", strings.Join(names, ", "))
}

func listKinds(*op.Call, op.None) (op.Page[Kind], error) {
	all, err := Kinds()
	return op.Page[Kind]{Items: all, Total: int64(len(all))}, err
}

// withPath puts the folder among the settings.
func withPath(settings, path string) (string, error) {
	if path == "" {
		return settings, nil
	}
	all := map[string]any{}
	if settings != "" && json.Unmarshal([]byte(settings), &all) != nil || all == nil {
		return settings, nil // settle says what is wrong with it
	}
	all["path"] = path
	b, err := json.Marshal(all)
	return string(b), err
}

func create(c *op.Call, in Connection) (Source, error) {
	k, err := kindNamed(in.Kind)
	if err != nil {
		return Source{}, err
	}
	settings, err := withPath(in.Settings, in.Path)
	if err != nil {
		return Source{}, err
	}
	told, err := k.settle(settings, nil)
	if err != nil {
		return Source{}, err
	}
	s := Source{ID: id.New[id.Source](c.Now), Kind: k.Kind, Name: strings.TrimSpace(in.Name), Version: 1, Created: c.Now}
	if s.Name == "" {
		return Source{}, fault.Invalid("name", "is needed")
	}
	if err := s.timed(k, in.Every, in.At, in.Weekday); err != nil {
		return Source{}, err
	}
	if err := s.rhythm(k, in.Expected); err != nil {
		return Source{}, err
	}
	raw, err := json.Marshal(told.open)
	if err != nil {
		return Source{}, err
	}
	s.Settings = raw
	_, err = c.Tx.Exec(insertTimed, c.Org, s.ID, s.Kind, s.Name, string(raw), s.Every*time.Minute.Milliseconds(), s.At, s.Weekday, s.Expected, clock.Millis(c.Now))
	if err != nil {
		return Source{}, err
	}
	c.Note("id", string(s.ID))
	c.Note("settings", told.open)
	if err := seal(c, s.ID, told.secret); err != nil {
		return Source{}, err
	}
	if err := s.plan(c, k); err != nil {
		return Source{}, err
	}
	return s, fill(c, &s)
}

// timed says when a source is read.
func (s *Source) timed(k Kind, every int, at, weekday string) error {
	day := job.DayTime{At: strings.TrimSpace(at), Weekday: weekday}
	switch {
	case day.IsZero() && weekday != "":
		return fault.Invalid("at", "give the time of that day, such as 06:30")
	case !day.IsZero() && every != 0:
		return fault.Invalid("at", "give either a time of day or how often, not both")
	case !day.IsZero():
		if err := day.Check(); err != nil {
			return err
		}
		every = 24 * 60
		if weekday != "" {
			every *= 7
		}
	case every == 0:
		if every = k.Every; every == 0 {
			every = 24 * 60
		}
	}
	s.Every, s.At, s.Weekday = int64(every), day.At, day.Weekday
	return nil
}

// plan sets the schedule of a source, or ends it for one that is not read.
func (s *Source) plan(c *op.Call, k Kind) error {
	if k.Fed || !s.Paused.IsZero() || !s.Removed.IsZero() {
		return job.EndSchedule(c.Tx, c.Org, schedule(s.ID))
	}
	every := time.Duration(s.Every) * time.Minute
	x := job.Schedule{Name: schedule(s.ID), Kind: CollectJob, Args: Order{s.ID}, Every: every, First: c.Now.Add(every), Day: s.Day()}
	if !x.Day.IsZero() {
		var zone string
		if err := c.Tx.Row(selectZone, []any{c.Org}, &zone); err != nil {
			return err
		}
		x.First = x.Day.After(c.Now, zone)
	}
	if err := s.planAnew(c); err != nil {
		return err
	}
	return job.SetSchedule(c.Tx, c.Org, x)
}

// Change is how a source is to be reached and read from now on.
type Change struct {
	ID       string   `json:"id" doc:"Its id."`
	Version  int64    `json:"version" doc:"The version that was read."`
	Name     string   `json:"name,omitempty" maxLength:"100" doc:"What people here call it; as it is, if left out."`
	Settings string   `json:"settings,omitempty" maxLength:"262144" secret:"true" doc:"All settings of its kind, as a JSON object; as they are, if left out. A secret that is left out or empty is kept."`
	Forget   []string `json:"forget,omitempty" maxItems:"20" doc:"Names of secrets to forget."`
	Every    int      `json:"every_minutes,omitempty" minimum:"5" maximum:"44640" doc:"How often it is read."`
	At       string   `json:"at,omitempty" maxLength:"5" doc:"Instead of that, the time of day at which it is read, such as 06:30."`
	Weekday  string   `json:"weekday,omitempty" enum:"sunday,monday,tuesday,wednesday,thursday,friday,saturday" doc:"With a time of day: the one day of the week on which it is read."`
	Expected string   `json:"expected,omitempty" enum:"day,week,month,quarter,never" doc:"Of a source that files feed: a file is expected in every one of these, and its absence counts as silence; never for no rhythm; as it is, if left out."`
}

func update(c *op.Call, in Change) (Source, error) {
	s, err := connected(c, in.ID)
	if err != nil {
		return Source{}, err
	}
	k, err := kindNamed(s.Kind)
	if err != nil {
		return Source{}, err
	}
	if name := strings.TrimSpace(in.Name); name != "" {
		s.Name = name
	}
	kept, err := s.forget(c, k, in)
	if err != nil {
		return Source{}, err
	}
	secret := map[string]string{}
	if in.Settings != "" {
		told, err := k.settle(in.Settings, kept)
		if err != nil {
			return Source{}, err
		}
		if s.Settings, err = json.Marshal(told.open); err != nil {
			return Source{}, err
		}
		c.Note("settings", told.open)
		secret = told.secret
	}
	if in.Every != 0 || in.At != "" || in.Weekday != "" {
		if err := s.timed(k, in.Every, in.At, in.Weekday); err != nil {
			return Source{}, err
		}
	}
	if err := s.rhythm(k, in.Expected); err != nil {
		return Source{}, err
	}
	n, err := c.Tx.Exec(updateSource, s.Name, string(s.Settings), s.Every*time.Minute.Milliseconds(), s.At, s.Weekday, s.Expected, c.Org, s.ID, in.Version)
	if err == nil && n == 0 {
		stale := fault.Conflict("%s was changed since you read it.", s.Name)
		stale.Current, err = One(c, s.ID)
		if err == nil {
			err = stale
		}
	}
	if err != nil {
		return Source{}, err
	}
	if err := seal(c, s.ID, secret); err != nil {
		return Source{}, err
	}
	if err := s.plan(c, k); err != nil {
		return Source{}, err
	}
	return One(c, s.ID)
}

// forget removes the secrets that are named, and returns the names of those
// that stay.
func (s *Source) forget(c *op.Call, k Kind, in Change) ([]string, error) {
	var kept []string
	for _, x := range s.Secrets {
		if !slices.Contains(in.Forget, x.Name) {
			kept = append(kept, x.Name)
			continue
		}
		if f, _ := k.setting(x.Name); f.Required && in.Settings == "" {
			return nil, fault.Invalid("forget", "%s is needed to read the source: give another in its place, or disconnect it", x.Name)
		}
		if _, err := c.Tx.Exec(deleteSecret, c.Org, s.ID, x.Name); err != nil {
			return nil, err
		}
	}
	for _, name := range in.Forget {
		if !slices.ContainsFunc(s.Secrets, func(x Secret) bool { return x.Name == name }) {
			return nil, fault.Invalid("forget", "no secret %s is kept", name)
		}
	}
	return kept, nil
}

// connected is a source that is read.
func connected(c *op.Call, ref string) (Source, error) {
	s, err := get(c, Ref{ref})
	if err == nil && !s.Removed.IsZero() {
		err = fault.Conflict("%s is disconnected. Connect it again first.", s.Name)
	}
	return s, err
}

func remove(c *op.Call, in Ref) (op.None, error) {
	s, err := id.Parse[id.Source](in.ID)
	if err != nil {
		return op.None{}, err
	}
	n, err := c.Tx.Exec(removeSource, clock.Millis(c.Now), c.Org, s)
	if err == nil && n == 0 {
		err = fault.NotFound("There is no connected source %s.", s)
	}
	if err != nil {
		return op.None{}, err
	}
	// Who disconnects takes back what opens.
	if _, err := c.Tx.Exec(deleteSecrets, c.Org, s); err != nil {
		return op.None{}, err
	}
	return op.None{}, job.EndSchedule(c.Tx, c.Org, schedule(s))
}

func reconnect(c *op.Call, in Ref) (Source, error) {
	return turn(c, in, func(s id.Source) (int64, error) { return c.Tx.Exec(reconnectSource, c.Org, s) }, "%s is connected.")
}

func pause(c *op.Call, in Ref) (Source, error) {
	return turn(c, in, func(s id.Source) (int64, error) { return c.Tx.Exec(pauseSource, clock.Millis(c.Now), c.Org, s) }, "%s is paused, or disconnected.")
}

func resume(c *op.Call, in Ref) (Source, error) {
	return turn(c, in, func(s id.Source) (int64, error) { return c.Tx.Exec(resumeSource, c.Org, s) }, "%s is not paused.")
}

// turn changes whether a source is read, and its schedule with it.
func turn(c *op.Call, in Ref, do func(id.Source) (int64, error), otherwise string) (Source, error) {
	s, err := get(c, in)
	if err != nil {
		return Source{}, err
	}
	n, err := do(s.ID)
	if err == nil && n == 0 {
		err = fault.Conflict(otherwise, s.Name)
	}
	if err != nil {
		return Source{}, err
	}
	k, err := kindNamed(s.Kind)
	if err != nil {
		return Source{}, err
	}
	if s, err = One(c, s.ID); err != nil {
		return Source{}, err
	}
	if err := s.plan(c, k); err != nil {
		return Source{}, err
	}
	return One(c, s.ID)
}
