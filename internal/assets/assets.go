// Package assets is what the organization has, and which of it the examination
// is about: the register, who owns what, how sensitive it is, and how the
// register agrees with what sources show.
package assets

import (
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/tasks"
)

// What can be done with assets.
var (
	List     = op.Read("assets.list", "List the assets, by name or by criticality.", auth.AssetsRead, list)
	Get      = op.Read("assets.get", "Show an asset, what shows it and what checks say of it.", auth.AssetsRead, show)
	Versions = op.Read("assets.history", "List the versions of an asset, newest first.", auth.AssetsRead, versions)
	Create   = op.Write("assets.create", "Add an asset to the register.", auth.AssetsWrite, create)
	Update   = op.Write("assets.update", "Change what the register says of an asset. The earlier version stays on record.", auth.AssetsWrite, update)
	Retire   = op.Write("assets.retire", "Retire an asset, or say that it has been disposed of.", auth.AssetsWrite, retire)

	Include = op.Write("assets.include", "Take assets back into scope, or turn down that they leave it.", auth.AssetsWrite, include)
	Exclude = op.Write("assets.exclude", "Ask that assets leave the scope, with the reason. Another person approves.", auth.AssetsWrite, exclude)
	Approve = op.Write("assets.approve", "Agree that assets leave the scope.", auth.AssetsWrite, approve)

	Link     = op.Write("assets.link", "Say that an asset stands for a resource that a source shows.", auth.AssetsWrite, link)
	Unlink   = op.Write("assets.unlink", "Say that an asset does not stand for a resource.", auth.AssetsWrite, unlink)
	Adopt    = op.Write("assets.adopt", "Make assets of resources that the register does not know.", auth.AssetsWrite, adopt)
	Ignore   = op.Write("assets.ignore", "Say that resources are no assets, and why.", auth.AssetsWrite, ignore)
	Unignore = op.Write("assets.unignore", "Take back that resources are no assets.", auth.AssetsWrite, unignore)

	Reconcile = op.Read("assets.reconcile", "Compare the register with what sources show and with what checks say.", auth.AssetsRead, reconcile)
	Look      = op.Read("assets.glance", "Count resources that no asset stands for, as far as a short look goes.", auth.AssetsRead, glance)
	Setting   = op.Read("assets.setting", "Show after how many days an asset that nothing shows is stale.", auth.AssetsRead, func(c *op.Call, _ op.None) (Settings, error) { return settings(c) })
	Set       = op.Write("assets.set", "Set after how many days an asset that nothing shows is stale.", auth.AssetsWrite, set)

	Preview = op.Read("assets.preview", "Say what importing a CSV file would do, line by line where it is wrong.", auth.AssetsWrite, preview)
	Import  = op.Write("assets.import", "Import assets from a CSV file: all of its lines or none.", auth.AssetsWrite, importAll)

	Operations = []op.Operation{List, Get, Versions, Create, Update, Retire, Include, Exclude, Approve, Link, Unlink, Adopt, Ignore, Unignore,
		Reconcile, Look, Setting, Set, Preview, Import}
)

// Tasks and comments may be about an asset.
var _ = tasks.Attach(tasks.Thing{Prefix: id.Asset("").Kind(), Noun: "Asset", Href: "/assets/", Right: auth.AssetsRead,
	Title: func(c *op.Call, ref string) (title string, err error) {
		err = c.Tx.Row(selectTitle, []any{c.Org, ref}, &title)
		return title, err
	}})

// What an asset may be.
var (
	Types        = []string{"compute", "storage", "database", "network", "saas", "endpoint", "repository", "facility", "key", "person_group"}
	Environments = []string{"production", "staging", "development", "corporate"}
	Classes      = []string{"public", "internal", "confidential", "restricted"}
	Flags        = []string{"personal", "special_category", "payment", "health", "secret", "customer_owned"}
	Lifecycles   = []string{Planned, Live, Retired, Disposed}
)

// Stages of an asset's life.
const (
	Planned  = "planned"
	Live     = "live"
	Retired  = "retired"
	Disposed = "disposed"
)

// Whether an asset is in scope. Pending is in scope: somebody has asked that it
// leaves, and nobody else has agreed yet.
const (
	In      = "in"
	Out     = "out"
	Pending = "pending"
)

// An Asset is something the organization has.
type Asset struct {
	ID          id.Asset `json:"id"`
	Version     int64    `json:"version"`
	Type        string   `json:"type"`
	Name        string   `json:"name"`
	Environment string   `json:"environment,omitempty"`
	OwnerID     id.User  `json:"owner_id,omitempty"`
	Owner       string   `json:"owner,omitempty"`
	Custodian   string   `json:"custodian,omitempty"`
	// Criticality is 1 to 4; 1 is the most critical.
	Criticality int64    `json:"criticality"`
	Class       string   `json:"class"`
	Flags       []string `json:"flags"`
	Location    string   `json:"location,omitempty"`
	Supplier    string   `json:"supplier,omitempty"`
	Lifecycle   string   `json:"lifecycle"`
	PlannedFor  string   `json:"planned_for,omitempty"` // civil dates
	LiveFrom    string   `json:"live_from,omitempty"`
	RetiredOn   string   `json:"retired_on,omitempty"`
	DisposedOn  string   `json:"disposed_on,omitempty"`
	// Scope is in, out or pending, with who asked, why, and who agreed.
	Scope    string    `json:"scope"`
	Reason   string    `json:"reason,omitempty"`
	AskerID  id.User   `json:"asker_id,omitempty"`
	Asker    string    `json:"asker,omitempty"`
	Asked    time.Time `json:"asked,omitzero"`
	Approver string    `json:"approver,omitempty"`
	Approved time.Time `json:"approved,omitzero"`
	// Seen is when a source last showed it; Sightings is for how many
	// resources it stands.
	Seen      time.Time `json:"seen,omitzero"`
	Sightings int64     `json:"sightings"`
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`

	approverID id.User
	place      string
}

// InScope reports whether the examination is about it: it is live and has not
// left the scope.
func (a Asset) InScope() bool { return a.Scope != Out && a.Lifecycle == Live }

const (
	columns = `a.id, a.version, a.type, a.name, a.environment, a.owner_id, COALESCE(u.name, ''), a.custodian, a.criticality, a.class, a.flags, a.location,
		a.supplier, a.lifecycle, a.planned_for, a.live_from, a.retired_on, a.disposed_on, a.scope, a.wish, a.reason, a.asker_id, a.asker, a.asked, a.approver_id,
		a.approver, a.approved, a.created, a.updated, a.place,
		(SELECT COUNT(*) FROM asset_sighting g WHERE g.org_id = a.org_id AND g.asset_id = a.id),
		(SELECT COALESCE(MAX(g.seen), 0) FROM asset_sighting g WHERE g.org_id = a.org_id AND g.asset_id = a.id)`
	from        = " FROM asset a LEFT JOIN users u ON u.id = a.owner_id WHERE a.org_id = ?"
	selectAsset = "SELECT " + columns + from + " AND a.id = ?"
	selectNamed = "SELECT " + columns + from + " AND a.folded = ? AND a.type = ?"
	selectTitle = "SELECT name FROM asset WHERE org_id = ? AND id = ?"

	wanted = ` AND (? = '' OR a.type = ?) AND (? = '' OR a.scope = ? AND a.wish = ?) AND (? = '' OR a.lifecycle = ?) AND (CAST(? AS BIGINT) = 0 OR a.criticality = ?)
		AND (? = '' OR a.owner_id = ?) AND (? = '' OR a.class = ?) AND (? = '' OR REPLACE(a.words, ?, '') <> a.words)
		AND (CAST(? AS BIGINT) = 0 OR NOT EXISTS (SELECT 1 FROM asset_sighting g WHERE g.org_id = a.org_id AND g.asset_id = a.id AND g.seen >= ?))`
	countAssets = "SELECT COUNT(*) FROM asset a WHERE a.org_id = ?" + wanted
	byName      = "SELECT " + columns + from + wanted + " AND (a.folded > ? OR a.folded = ? AND a.id > ?) ORDER BY a.folded, a.id LIMIT ?"
	byNameDown  = "SELECT " + columns + from + wanted + " AND (? = '' OR a.folded < ? OR a.folded = ? AND a.id < ?) ORDER BY a.folded DESC, a.id DESC LIMIT ?"
	byPlace     = "SELECT " + columns + from + wanted + " AND (a.place > ? OR a.place = ? AND a.id > ?) ORDER BY a.place, a.id LIMIT ?"
	byPlaceDown = "SELECT " + columns + from + wanted + " AND (? = '' OR a.place < ? OR a.place = ? AND a.id < ?) ORDER BY a.place DESC, a.id DESC LIMIT ?"
)

func scan(scan func(...any) error, a *Asset) error {
	var (
		flags, wish                              string
		asked, approved, created, updated, shown int64
	)
	err := scan(&a.ID, &a.Version, &a.Type, &a.Name, &a.Environment, &a.OwnerID, &a.Owner, &a.Custodian, &a.Criticality, &a.Class, &flags, &a.Location,
		&a.Supplier, &a.Lifecycle, &a.PlannedFor, &a.LiveFrom, &a.RetiredOn, &a.DisposedOn, &a.Scope, &wish, &a.Reason, &a.AskerID, &a.Asker, &asked,
		&a.approverID, &a.Approver, &approved, &created, &updated, &a.place, &a.Sightings, &shown)
	a.Flags = append([]string{}, strings.Fields(flags)...)
	if wish != "" {
		a.Scope = Pending
	}
	a.Asked, a.Approved, a.Created, a.Updated, a.Seen = clock.FromMillis(asked), clock.FromMillis(approved), clock.FromMillis(created), clock.FromMillis(updated), clock.FromMillis(shown)
	return err
}

// stored is how the register keeps whether it is in scope.
func (a Asset) stored() (scope, wish string) {
	if a.Scope == Pending {
		return In, Out
	}
	return a.Scope, ""
}

// Ref names an asset.
type Ref struct {
	ID string `json:"id" doc:"The asset's id, ast_…."`
}

// find is an asset by its id.
func find(c *op.Call, ref string) (Asset, error) {
	a, err := id.Parse[id.Asset](ref)
	if err != nil {
		return Asset{}, err
	}
	rows, err := db.Rows(c.Tx, selectAsset, []any{c.Org, a}, scan)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("There is no asset %s.", a)
	}
	if err != nil {
		return Asset{}, err
	}
	return rows[0], nil
}

// Filter narrows the list of assets.
type Filter struct {
	Type        string `json:"type,omitempty" enum:"compute,storage,database,network,saas,endpoint,repository,facility,key,person_group" doc:"Only those of a type."`
	Scope       string `json:"scope,omitempty" enum:"in,out,pending" doc:"Only those in scope, out of scope, or in scope and asked to leave."`
	Lifecycle   string `json:"lifecycle,omitempty" enum:"planned,live,retired,disposed" doc:"Only those at a stage of their life."`
	Criticality int64  `json:"criticality,omitempty" minimum:"0" maximum:"4" doc:"Only those of a criticality; 1 is the most critical."`
	Owner       string `json:"owner,omitempty" maxLength:"40" doc:"Only those of a member, usr_…."`
	Class       string `json:"class,omitempty" enum:"public,internal,confidential,restricted" doc:"Only those with data of a class."`
	Unseen      bool   `json:"unseen,omitempty" doc:"Only those that no source has shown for as long as makes an asset stale."`
	Search      string `json:"search,omitempty" maxLength:"200" doc:"Only those whose name, location, supplier or custodian has this text."`
	Sort        string `json:"sort,omitempty" enum:"name,-name,criticality,-criticality" doc:"The order; by name if left out."`
	After       string `json:"after,omitempty" maxLength:"40" doc:"Continue after this page: the value of next."`
	Limit       int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func list(c *op.Call, in Filter) (op.Page[Asset], error) {
	var none op.Page[Asset]
	s, err := settings(c)
	if err != nil {
		return none, err
	}
	scope, wish, unseen := in.Scope, "", int64(0)
	if scope == Pending {
		scope, wish = In, Out
	}
	if in.Unseen {
		unseen = 1
	}
	q := fold(in.Search)
	args := []any{c.Org, in.Type, in.Type, scope, scope, wish, in.Lifecycle, in.Lifecycle, in.Criticality, in.Criticality, in.Owner, in.Owner,
		in.Class, in.Class, q, q, unseen, clock.Millis(s.cutoff(c.Now))}
	var total int64
	if err := c.Tx.Row(countAssets, args, &total); err != nil {
		return none, err
	}
	var last Asset
	if in.After != "" {
		if last, err = find(c, in.After); err != nil {
			return none, fault.Invalid("after", "give the value of next of the page before")
		}
	}
	query, key := byName, fold(last.Name)
	switch in.Sort {
	case "-name":
		query, args = byNameDown, append(args, string(last.ID), key)
	case "criticality":
		query, key = byPlace, last.place
	case "-criticality":
		query, key = byPlaceDown, last.place
		args = append(args, string(last.ID), key)
	}
	if strings.HasPrefix(in.Sort, "-") {
		args = append(args, key, last.ID)
	} else {
		args = append(args, key, key, last.ID)
	}
	n := op.Limit(in.Limit)
	rows, err := db.Rows(c.Tx, query, append(args, n+1), scan)
	return op.PageOf(rows, n, total, func(a Asset) string { return string(a.ID) }), err
}

// fold is text as it is searched and ordered.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
