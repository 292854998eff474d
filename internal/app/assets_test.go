package app_test

import (
	"fmt"
	"maps"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/op"
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
		"assets.reconcile": nothing,
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
		"POST /assets/setting":      "assets.set",
		"POST /assets/{id}/edit":    "assets.update",
		"POST /assets/{id}/scope":   "assets.exclude",
		"POST /assets/{id}/approve": "assets.approve",
		"POST /assets/{id}/retire":  "assets.retire",
		"POST /assets/{id}/unlink":  "assets.unlink",
	})
}
