package assets

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// A Resource is a thing that a source shows. In text it is the source's id, the
// kind and the key, with a space between.
type Resource struct {
	Source id.Source `json:"source"`
	Kind   string    `json:"kind"`
	Key    string    `json:"key"`
}

// Ref is the resource in text.
func (r Resource) Ref() string { return string(r.Source) + " " + r.Kind + " " + r.Key }

func parse(ref string) (Resource, error) {
	source, rest, _ := strings.Cut(ref, " ")
	kind, key, _ := strings.Cut(rest, " ")
	s, err := id.Parse[id.Source](source)
	if err != nil || kind == "" || key == "" {
		return Resource{}, fault.Invalid("resources", "%q names no resource; give a source's id, the kind and the key, with a space between", ref)
	}
	return Resource{s, kind, key}, nil
}

const (
	// When a source was last read for a kind that shows the resource.
	selectShown = `SELECT COALESCE(MAX(n.ended), 0) FROM source_resource r JOIN source_run n ON n.org_id = r.org_id AND n.source_id = r.source_id
		JOIN source_run_kind k ON k.org_id = n.org_id AND k.run_id = n.id AND k.kind = r.kind
		WHERE r.org_id = ? AND r.source_id = ? AND r.kind = ? AND r.key = ?`
	selectLinked   = "SELECT g.asset_id, a.name FROM asset_sighting g JOIN asset a ON a.org_id = g.org_id AND a.id = g.asset_id WHERE g.org_id = ? AND g.source_id = ? AND g.kind = ? AND g.key = ?"
	insertSighting = "INSERT INTO asset_sighting (org_id, source_id, kind, key, asset_id, seen, linked, actor) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	deleteSighting = "DELETE FROM asset_sighting WHERE org_id = ? AND source_id = ? AND kind = ? AND key = ? AND asset_id = ?"
	insertIgnored  = "INSERT INTO asset_ignored (org_id, source_id, kind, key, reason, actor, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (org_id, source_id, kind, key) DO NOTHING"
	deleteIgnored  = "DELETE FROM asset_ignored WHERE org_id = ? AND source_id = ? AND kind = ? AND key = ?"
	markShown      = `UPDATE asset_sighting SET seen = ? WHERE org_id = ? AND source_id = ? AND kind = ? AND seen < ?
		AND EXISTS (SELECT 1 FROM source_resource r WHERE r.org_id = asset_sighting.org_id AND r.source_id = asset_sighting.source_id
		AND r.kind = asset_sighting.kind AND r.key = asset_sighting.key)`
)

// Shown notes that a source has just been read for a kind: the assets whose
// resources are among what it shows have been seen. Sources say so as they
// record a run.
func Shown(c *op.Call, source id.Source, kind string, at time.Time) error {
	_, err := c.Tx.Exec(markShown, clock.Millis(at), c.Org, source, kind, clock.Millis(at))
	return err
}

// shown is when a source last showed a resource, which it still does.
func shown(c *op.Call, r Resource) (int64, error) {
	var at int64
	err := c.Tx.Row(selectShown, []any{c.Org, r.Source, r.Kind, r.Key}, &at)
	if err == nil && at == 0 {
		err = fault.Invalid("resources", "no source shows %s %s now", r.Kind, r.Key)
	}
	return at, err
}

// stand has an asset stand for a resource.
func stand(c *op.Call, asset id.Asset, r Resource) error {
	at, err := shown(c, r)
	if err != nil {
		return err
	}
	var other, name string
	err = c.Tx.Row(selectLinked, []any{c.Org, r.Source, r.Kind, r.Key}, &other, &name)
	if err == nil {
		return fault.Conflict("%s stands for %s %s already.", name, r.Kind, r.Key)
	}
	if !errors.Is(err, db.ErrNone) {
		return err
	}
	if _, err := c.Tx.Exec(deleteIgnored, c.Org, r.Source, r.Kind, r.Key); err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertSighting, c.Org, r.Source, r.Kind, r.Key, asset, at, clock.Millis(c.Now), c.Actor.Name)
	return err
}

// Linking names an asset and resources.
type Linking struct {
	ID        string   `json:"id" doc:"The asset's id, ast_…."`
	Resources []string `json:"resources" minItems:"1" maxItems:"500" doc:"Resources, each as the source's id, the kind and the key with a space between."`
}

func link(c *op.Call, in Linking) (Detail, error) {
	a, err := find(c, in.ID)
	if err != nil {
		return Detail{}, err
	}
	for _, ref := range in.Resources {
		r, err := parse(ref)
		if err != nil {
			return Detail{}, err
		}
		if err := stand(c, a.ID, r); err != nil {
			return Detail{}, err
		}
	}
	return show(c, Ref{in.ID})
}

func unlink(c *op.Call, in Linking) (Detail, error) {
	a, err := find(c, in.ID)
	if err != nil {
		return Detail{}, err
	}
	for _, ref := range in.Resources {
		r, err := parse(ref)
		if err != nil {
			return Detail{}, err
		}
		n, err := c.Tx.Exec(deleteSighting, c.Org, r.Source, r.Kind, r.Key, a.ID)
		if err != nil {
			return Detail{}, err
		}
		if n == 0 {
			return Detail{}, fault.Conflict("%s does not stand for %s %s.", a.Name, r.Kind, r.Key)
		}
	}
	return show(c, Ref{in.ID})
}

// Adoption makes assets of resources.
type Adoption struct {
	Resources   []string `json:"resources" minItems:"1" maxItems:"500" doc:"Resources, each as the source's id, the kind and the key with a space between. Each becomes an asset."`
	Owner       string   `json:"owner,omitempty" maxLength:"40" doc:"Id of the member who answers for them; nobody if left out."`
	Environment string   `json:"environment,omitempty" enum:"production,staging,development,corporate" doc:"What they serve."`
	Criticality int64    `json:"criticality,omitempty" minimum:"0" maximum:"4" doc:"1 is the most critical; 3 if left out."`
	Class       string   `json:"class,omitempty" enum:"public,internal,confidential,restricted" doc:"The most sensitive class of data they hold; internal if left out."`
	Out         bool     `json:"out,omitempty" doc:"They are to leave the scope; they stay in until another person approves."`
	Reason      string   `json:"reason,omitempty" maxLength:"1000" doc:"Why they are in scope or out of it; needed for out."`
}

// maxName is how long a name may be, in characters.
const maxName = 200

func adopt(c *op.Call, in Adoption) (Scoped, error) {
	out := Scoped{Items: []Asset{}}
	members, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return out, err
	}
	var ids []string
	for _, ref := range in.Resources {
		r, err := parse(ref)
		if err != nil {
			return out, err
		}
		kind := TypeOf(r.Kind)
		if kind == "" {
			return out, fault.Invalid("resources", "a %s is not an asset of its own; link it to one", r.Kind)
		}
		name := []rune(r.Key)
		wish := New{Type: kind, Name: string(name[:min(len(name), maxName)]), Owner: in.Owner, Environment: in.Environment, Criticality: in.Criticality, Class: in.Class}
		var a Asset
		if err := wish.apply(&a, members); err != nil {
			return out, err
		}
		if err := a.begin(c, in.Out, in.Reason); err != nil {
			return out, err
		}
		if err := add(c, &a, "adopted from what a source shows"); err != nil {
			return out, err
		}
		if err := stand(c, a.ID, r); err != nil {
			return out, err
		}
		out.Items, ids = append(out.Items, a), append(ids, string(a.ID))
	}
	c.Note("ids", ids)
	return out, nil
}

// Ignoring says that resources are no assets.
type Ignoring struct {
	Resources []string `json:"resources" minItems:"1" maxItems:"500" doc:"Resources, each as the source's id, the kind and the key with a space between."`
	Reason    string   `json:"reason" minLength:"3" maxLength:"1000" doc:"Why they are no assets."`
}

// Count says how many were touched.
type Count struct {
	Count int64 `json:"count"`
}

func ignore(c *op.Call, in Ignoring) (Count, error) {
	var out Count
	for _, ref := range in.Resources {
		r, err := parse(ref)
		if err != nil {
			return out, err
		}
		if _, err := shown(c, r); err != nil {
			return out, err
		}
		var other, name string
		if err = c.Tx.Row(selectLinked, []any{c.Org, r.Source, r.Kind, r.Key}, &other, &name); err == nil {
			return out, fault.Conflict("%s stands for %s %s.", name, r.Kind, r.Key)
		} else if !errors.Is(err, db.ErrNone) {
			return out, err
		}
		n, err := c.Tx.Exec(insertIgnored, c.Org, r.Source, r.Kind, r.Key, strings.TrimSpace(in.Reason), c.Actor.Name, clock.Millis(c.Now))
		if err != nil {
			return out, err
		}
		out.Count += n
	}
	return out, nil
}

// Resources names several resources.
type Resources struct {
	Resources []string `json:"resources" minItems:"1" maxItems:"500" doc:"Resources, each as the source's id, the kind and the key with a space between."`
}

func unignore(c *op.Call, in Resources) (Count, error) {
	var out Count
	refs := slices.Compact(slices.Sorted(slices.Values(in.Resources)))
	for _, ref := range refs {
		r, err := parse(ref)
		if err != nil {
			return out, err
		}
		n, err := c.Tx.Exec(deleteIgnored, c.Org, r.Source, r.Kind, r.Key)
		if err != nil {
			return out, err
		}
		if n == 0 {
			return out, fault.Conflict("%s %s is not among those that are no assets.", r.Kind, r.Key)
		}
		out.Count += n
	}
	return out, nil
}
