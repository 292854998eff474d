package assets

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Settings of the register.
type Settings struct {
	StaleDays int64 `json:"stale_days"`
	Version   int64 `json:"version"`
}

// usualStale is after how many days an asset is stale unless somebody has said
// otherwise.
const usualStale = 30

func (s Settings) cutoff(now time.Time) time.Time { return now.AddDate(0, 0, -int(s.StaleDays)) }

const (
	selectSettings = "SELECT stale_days, version FROM asset_setting WHERE org_id = ?"
	upsertSettings = `INSERT INTO asset_setting (org_id, stale_days, version) VALUES (?, ?, ?)
		ON CONFLICT (org_id) DO UPDATE SET stale_days = excluded.stale_days, version = excluded.version WHERE asset_setting.version = ?`
)

func settings(c *op.Call) (Settings, error) {
	rows, err := db.Rows(c.Tx, selectSettings, []any{c.Org}, func(scan func(...any) error, s *Settings) error { return scan(&s.StaleDays, &s.Version) })
	if err != nil || len(rows) == 0 {
		return Settings{StaleDays: usualStale}, err
	}
	return rows[0], nil
}

// Setup changes the settings of the register.
type Setup struct {
	StaleDays int64 `json:"stale_days" minimum:"1" maximum:"366" doc:"After how many days an asset that nothing shows is stale."`
	Version   int64 `json:"version" doc:"The version that was read; 0 before the first change."`
}

func set(c *op.Call, in Setup) (Settings, error) {
	s, err := settings(c)
	if err != nil {
		return s, err
	}
	n := int64(0)
	if s.Version == in.Version {
		n, err = c.Tx.Exec(upsertSettings, c.Org, in.StaleDays, in.Version+1, in.Version)
	}
	if err == nil && n == 0 {
		stale := fault.Conflict("The setting was changed since you read it.")
		stale.Current, err = s, stale
	}
	return Settings{StaleDays: in.StaleDays, Version: in.Version + 1}, err
}

// Lists of a reconciliation.
const (
	ListUnknown   = "unknown"
	ListIgnored   = "ignored"
	ListStale     = "stale"
	ListUncovered = "uncovered"
	ListPartly    = "partly"
	ListAnswered  = "answered"
)

// Comparing says which list of a reconciliation is wanted.
type Comparing struct {
	List  string `json:"list,omitempty" enum:"unknown,ignored,stale,uncovered,partly,answered" doc:"Which rows to list; none if left out, and the counts alone."`
	After string `json:"after,omitempty" maxLength:"3000" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

// Reconciliation is how the register agrees with what sources show and with
// what checks say.
type Reconciliation struct {
	StaleDays int64 `json:"stale_days"`
	// Shown counts resources that are assets by their kind: those that an asset
	// stands for, those that are no assets, and those that are unknown.
	Shown   int64 `json:"shown"`
	Known   int64 `json:"known"`
	Ignored int64 `json:"ignored"`
	Unknown int64 `json:"unknown"`
	// InScope counts live assets in scope. Seen and Stale are those that a source
	// could show; Elsewhere those, such as a building, that none could.
	InScope   int64 `json:"in_scope"`
	Seen      int64 `json:"seen"`
	Stale     int64 `json:"stale"`
	Elsewhere int64 `json:"elsewhere"`
	// Answered has every mandatory check answered; Partly some check; Uncovered
	// none.
	Answered  int64 `json:"answered"`
	Partly    int64 `json:"partly"`
	Uncovered int64 `json:"uncovered"`

	Resources []Unlisted `json:"resources,omitempty"`
	Assets    []Standing `json:"assets,omitempty"`
	Next      string     `json:"next,omitempty"`
}

// Unlisted is a resource that no asset stands for.
type Unlisted struct {
	Resource
	Name   string    `json:"name"` // of the source
	Type   string    `json:"type"` // of the asset it would be
	First  time.Time `json:"first_seen"`
	Reason string    `json:"reason,omitempty"` // why it is no asset
	Actor  string    `json:"actor,omitempty"`
}

// Standing is an asset of a list, with how far checks answer for it.
type Standing struct {
	ID          id.Asset  `json:"id"`
	Name        string    `json:"name"`
	Type        string    `json:"type"`
	Criticality int64     `json:"criticality"`
	Owner       string    `json:"owner,omitempty"`
	Version     int64     `json:"version"`
	Linked      int64     `json:"linked"`
	Seen        time.Time `json:"seen,omitzero"`
	Mandatory   int64     `json:"mandatory"` // checks that should answer
	Answered    int64     `json:"answered"`  // those of them that do
	Said        int64     `json:"said"`      // checks that say pass or fail

	folded string
}

const (
	fromUnknown = ` FROM source_resource r JOIN source s ON s.org_id = r.org_id AND s.id = r.source_id AND s.removed = 0
		WHERE r.org_id = ? AND r.kind = ?
		AND NOT EXISTS (SELECT 1 FROM asset_sighting g WHERE g.org_id = r.org_id AND g.source_id = r.source_id AND g.kind = r.kind AND g.key = r.key)
		AND NOT EXISTS (SELECT 1 FROM asset_ignored i WHERE i.org_id = r.org_id AND i.source_id = r.source_id AND i.kind = r.kind AND i.key = r.key)`
	countUnknown  = "SELECT COUNT(*)" + fromUnknown
	selectUnknown = "SELECT r.source_id, s.name, r.kind, r.key, r.first_seen" + fromUnknown +
		" AND (r.source_id > ? OR r.source_id = ? AND r.key > ?) ORDER BY r.source_id, r.key LIMIT ?"
	countShown  = "SELECT COUNT(*) FROM source_resource r JOIN source s ON s.org_id = r.org_id AND s.id = r.source_id AND s.removed = 0 WHERE r.org_id = ? AND r.kind = ?"
	fromIgnored = ` FROM asset_ignored i JOIN source_resource r ON r.org_id = i.org_id AND r.source_id = i.source_id AND r.kind = i.kind AND r.key = i.key
		JOIN source s ON s.org_id = i.org_id AND s.id = i.source_id AND s.removed = 0 WHERE i.org_id = ? AND i.kind = ?`
	countIgnored  = "SELECT COUNT(*)" + fromIgnored
	selectIgnored = "SELECT i.source_id, s.name, i.kind, i.key, r.first_seen, i.reason, i.actor" + fromIgnored +
		" AND (i.source_id > ? OR i.source_id = ? AND i.key > ?) ORDER BY i.source_id, i.key LIMIT ?"

	selectStanding = `SELECT a.id, a.name, a.folded, a.type, a.criticality, COALESCE(u.name, ''), a.version,
		(SELECT COUNT(*) FROM asset_sighting g WHERE g.org_id = a.org_id AND g.asset_id = a.id),
		(SELECT COALESCE(MAX(g.seen), 0) FROM asset_sighting g WHERE g.org_id = a.org_id AND g.asset_id = a.id)
		FROM asset a LEFT JOIN users u ON u.id = a.owner_id WHERE a.org_id = ? AND a.scope = 'in' AND a.lifecycle = 'live' ORDER BY a.folded, a.id`
	selectLinks = "SELECT asset_id, kind FROM asset_sighting WHERE org_id = ?"
	// What one check says of the resources of its kind that assets stand for.
	selectSaid = `SELECT g.asset_id, i.status FROM asset_sighting g JOIN check_interval i ON i.org_id = g.org_id AND i.check_id = ? AND i.source_id = g.source_id
		AND i.key = g.key AND i.ends = ? WHERE g.org_id = ? AND g.kind = ? AND g.seen >= ?`
)

func reconcile(c *op.Call, in Comparing) (Reconciliation, error) {
	s, err := settings(c)
	if err != nil {
		return Reconciliation{}, err
	}
	out := Reconciliation{StaleDays: s.StaleDays}
	for _, k := range Kinds {
		var shown, unknown, ignored int64
		for query, n := range map[string]*int64{countShown: &shown, countUnknown: &unknown, countIgnored: &ignored} {
			if err := c.Tx.Row(query, []any{c.Org, k.Kind}, n); err != nil {
				return out, err
			}
		}
		out.Shown, out.Unknown, out.Ignored = out.Shown+shown, out.Unknown+unknown, out.Ignored+ignored
	}
	out.Known = out.Shown - out.Unknown - out.Ignored
	all, err := standings(c)
	if err != nil {
		return out, err
	}
	cutoff := s.cutoff(c.Now)
	var listed []Standing
	for _, x := range all {
		out.InScope++
		stale := x.stale(cutoff)
		switch {
		case stale:
			out.Stale++
		case x.elsewhere():
			out.Elsewhere++
		default:
			out.Seen++
		}
		state := x.coverage()
		switch state {
		case ListAnswered:
			out.Answered++
		case ListPartly:
			out.Partly++
		default:
			out.Uncovered++
		}
		if in.List == state || in.List == ListStale && stale {
			listed = append(listed, x)
		}
	}
	switch in.List {
	case "":
		return out, nil
	case ListUnknown, ListIgnored:
		return out, out.resources(c, in)
	}
	if in.After != "" {
		i := slices.IndexFunc(listed, func(x Standing) bool { return string(x.ID) == in.After })
		listed = listed[i+1:]
	}
	p := op.PageOf(listed, op.Limit(in.Limit), 0, func(x Standing) string { return string(x.ID) })
	out.Assets, out.Next = p.Items, p.Next
	return out, nil
}

// elsewhere reports whether it is of a type that no source can show.
func (x Standing) elsewhere() bool {
	return x.Linked == 0 && (x.Type == "facility" || x.Type == "person_group")
}

func (x Standing) stale(cutoff time.Time) bool { return !x.elsewhere() && x.Seen.Before(cutoff) }

func (x Standing) coverage() string {
	switch {
	case x.Said == 0:
		return ListUncovered
	case x.Answered == x.Mandatory:
		return ListAnswered
	}
	return ListPartly
}

// standings are the live assets in scope, by name, with what checks say of
// them.
func standings(c *op.Call) ([]Standing, error) {
	all, err := db.Rows(c.Tx, selectStanding, []any{c.Org}, func(scan func(...any) error, x *Standing) error {
		var seen int64
		err := scan(&x.ID, &x.Name, &x.folded, &x.Type, &x.Criticality, &x.Owner, &x.Version, &x.Linked, &seen)
		x.Seen = clock.FromMillis(seen)
		return err
	})
	if err != nil {
		return nil, err
	}
	at := make(map[id.Asset]*Standing, len(all))
	for i := range all {
		at[all[i].ID] = &all[i]
	}
	known, err := rules(c)
	if err != nil {
		return nil, err
	}
	mandatory := map[string]int64{}
	for _, r := range known {
		if r.Mandatory {
			mandatory[r.Kind]++
		}
	}
	err = c.Tx.Each(selectLinks, []any{c.Org}, func(scan func(...any) error) error {
		var (
			asset id.Asset
			kind  string
		)
		err := scan(&asset, &kind)
		if x := at[asset]; x != nil {
			x.Mandatory += mandatory[kind]
		}
		return err
	})
	for _, r := range known {
		if err != nil {
			return nil, err
		}
		err = c.Tx.Each(selectSaid, []any{r.ID, lasts, c.Org, r.Kind, clock.Millis(c.Now.Add(-r.Freshness))}, func(scan func(...any) error) error {
			var (
				asset  id.Asset
				status string
			)
			err := scan(&asset, &status)
			if x := at[asset]; x != nil {
				x.hears(status, r.Mandatory)
			}
			return err
		})
	}
	return all, err
}

// hears counts what one check says. That it does not apply is an answer, but
// says nothing of the asset.
func (x *Standing) hears(status string, mandatory bool) {
	switch status {
	case "pass", "fail", "excepted":
		x.Said++
	case "not_applicable":
	default:
		return
	}
	if mandatory {
		x.Answered++
	}
}

// resources lists those that no asset stands for, kind by kind.
func (out *Reconciliation) resources(c *op.Call, in Comparing) error {
	query, scans := selectUnknown, func(scan func(...any) error, u *Unlisted) error {
		var first int64
		err := scan(&u.Source, &u.Name, &u.Kind, &u.Key, &first)
		u.First = clock.FromMillis(first)
		return err
	}
	if in.List == ListIgnored {
		query, scans = selectIgnored, func(scan func(...any) error, u *Unlisted) error {
			var first int64
			err := scan(&u.Source, &u.Name, &u.Kind, &u.Key, &first, &u.Reason, &u.Actor)
			u.First = clock.FromMillis(first)
			return err
		}
	}
	var last Resource
	if in.After != "" {
		var err error
		if last, err = parse(in.After); err != nil {
			return fault.Invalid("after", "give the value of next of the page before")
		}
	}
	n := op.Limit(in.Limit)
	var rows []Unlisted
	for _, k := range Kinds {
		source, key := id.Source(""), ""
		switch strings.Compare(k.Kind, last.Kind) {
		case -1:
			continue
		case 0:
			source, key = last.Source, last.Key
		}
		more, err := db.Rows(c.Tx, query, []any{c.Org, k.Kind, source, source, key, n + 1 - len(rows)}, scans)
		if err != nil {
			return err
		}
		if rows = append(rows, more...); len(rows) > n {
			break
		}
	}
	for i := range rows {
		rows[i].Type = TypeOf(rows[i].Kind)
	}
	p := op.PageOf(rows, n, 0, func(u Unlisted) string { return u.Ref() })
	out.Resources, out.Next = p.Items, p.Next
	return nil
}
