package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sources"
)

// asset is one of the tenant's register, in scope.
func (x *tenant) asset() string {
	x.t.Helper()
	made := do(x.t, x, assets.Create, assets.New{Type: "saas", Name: fmt.Sprintf("Asset %d of %s", x.next(), x.mark)})
	return string(made.ID)
}

// leaving is an asset that waits to leave the scope, asked by the owner.
func (x *tenant) leaving() string {
	id := x.asset()
	do(x.t, x, assets.Exclude, assets.Reasoned{IDs: []string{id}, Reason: "Not used by " + x.mark})
	return id
}

// host is a collector that shows one machine.
type host string

func (host) Kind() string    { return "git" }
func (host) Version() string { return "test" }
func (h host) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	return in.Add(sources.Resource{Kind: "machine", Key: string(h), Attrs: map[string]any{"hostname": string(h)}})
}

// machine is a resource that no asset stands for.
func (x *tenant) machine() string {
	x.t.Helper()
	h := host(fmt.Sprintf("host-%d-%s", x.next(), x.mark))
	s := do(x.t, x, sources.Create, sources.Connection{Kind: "git", Name: "Hosts of " + string(h), Path: "/srv/hosts"})
	r, err := sources.NewReader(h)
	x.must(err)
	_, err = r.Read(x.t.Context(), x.desk, s.ID, nil, false)
	x.must(err)
	return string(s.ID) + " machine " + string(h)
}

func init() {
	one := func(x *tenant, _ *op.Desk) input { return input{"id": x.asset()} }
	file := func(x *tenant, _ *op.Desk) input {
		return input{"csv": []byte(fmt.Sprintf("name,type\nAsset %d of %s,saas\n", x.next(), x.mark))}
	}
	maps.Copy(examples, map[string]func(*tenant, *op.Desk) input{
		"assets.list":    nothing,
		"assets.get":     one,
		"assets.history": one,
		"assets.create": func(x *tenant, _ *op.Desk) input {
			return input{"type": "saas", "name": fmt.Sprintf("Made %d by %s", x.next(), x.mark), "owner": x.ids["owner"]}
		},
		"assets.update": func(x *tenant, _ *op.Desk) input {
			return input{"id": x.asset(), "type": "saas", "name": "Renamed by " + x.mark, "version": 1}
		},
		"assets.retire": func(x *tenant, _ *op.Desk) input {
			return input{"id": x.asset(), "on": "2026-11-20", "reason": "Not used by " + x.mark, "version": 1}
		},
		"assets.exclude": func(x *tenant, _ *op.Desk) input {
			return input{"ids": []string{x.asset()}, "reason": "Not used by " + x.mark}
		},
		"assets.include": func(x *tenant, _ *op.Desk) input {
			return input{"ids": []string{x.leaving()}, "reason": "Used by " + x.mark}
		},
		"assets.approve": func(x *tenant, who *op.Desk) input {
			asker := x.desk
			if who != nil && who.Actor.User == asker.Actor.User {
				asker = x.second()
			}
			id := x.asset()
			_, err := assets.Exclude.Do(x.t.Context(), asker, assets.Reasoned{IDs: []string{id}, Reason: "Not used by " + x.mark})
			x.must(err)
			return input{"ids": []string{id}}
		},
		"assets.adopt": func(x *tenant, _ *op.Desk) input { return input{"resources": []string{x.machine()}} },
		"assets.link":  func(x *tenant, _ *op.Desk) input { return input{"id": x.asset(), "resources": []string{x.machine()}} },
		"assets.unlink": func(x *tenant, _ *op.Desk) input {
			in := input{"id": x.asset(), "resources": []string{x.machine()}}
			do(x.t, x, assets.Link, assets.Linking{ID: in["id"].(string), Resources: in["resources"].([]string)})
			return in
		},
		"assets.ignore": func(x *tenant, _ *op.Desk) input {
			return input{"resources": []string{x.machine()}, "reason": "No asset of " + x.mark}
		},
		"assets.unignore": func(x *tenant, _ *op.Desk) input {
			refs := []string{x.machine()}
			do(x.t, x, assets.Ignore, assets.Ignoring{Resources: refs, Reason: "No asset of " + x.mark})
			return input{"resources": refs}
		},
		"assets.reconcile": nothing,
		"assets.glance":    nothing,
		"assets.setting":   nothing,
		"assets.set": func(x *tenant, _ *op.Desk) input {
			s := do(x.t, x, assets.Setting, op.None{})
			return input{"stale_days": 40, "version": s.Version}
		},
		"assets.preview": file,
		"assets.import":  file,
	})
	maps.Copy(acts, map[string]string{
		"POST /assets/bulk":         "assets.exclude",
		"POST /assets/new":          "assets.create",
		"POST /assets/import":       "assets.import",
		"POST /assets/resources":    "assets.adopt",
		"POST /assets/link":         "assets.link",
		"POST /assets/setting":      "assets.set",
		"POST /assets/{id}/edit":    "assets.update",
		"POST /assets/{id}/scope":   "assets.exclude",
		"POST /assets/{id}/approve": "assets.approve",
		"POST /assets/{id}/retire":  "assets.retire",
		"POST /assets/{id}/unlink":  "assets.unlink",
	})
}
