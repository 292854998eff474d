package op_test

import (
	"reflect"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
)

type named struct {
	ID string `json:"id"`
}

type unnamed struct {
	Text string `json:"text"`
}

func read[In any](name string) op.Operation {
	return op.Read(name, "Do it.", auth.OrgRead, func(*op.Call, In) (op.None, error) { return op.None{}, nil })
}

func write[In any](name string) op.Operation {
	return op.Write(name, "Do it.", auth.OrgRead, func(*op.Call, In) (op.None, error) { return op.None{}, nil })
}

func TestRouteFollowsFromTheName(t *testing.T) {
	for want, o := range map[op.Route]op.Operation{
		{Method: "GET", Path: "/api/v1/vendors"}:                     read[unnamed]("vendors.list"),
		{Method: "POST", Path: "/api/v1/vendors"}:                    write[unnamed]("vendors.create"),
		{Method: "GET", Path: "/api/v1/vendors/{id}"}:                read[named]("vendors.get"),
		{Method: "PATCH", Path: "/api/v1/vendors/{id}"}:              write[named]("vendors.update"),
		{Method: "DELETE", Path: "/api/v1/vendors/{id}"}:             write[named]("vendors.remove"),
		{Method: "POST", Path: "/api/v1/vendors/{id}/review"}:        write[named]("vendors.review"),
		{Method: "GET", Path: "/api/v1/vendors/{id}/history"}:        read[named]("vendors.history"),
		{Method: "POST", Path: "/api/v1/vendors/import"}:             write[unnamed]("vendors.import"),
		{Method: "GET", Path: "/api/v1/vendors/library"}:             read[unnamed]("vendors.library"),
		{Method: "GET", Path: "/api/v1/scopes/current"}:              read[op.None]("scopes.get"),
		{Method: "PATCH", Path: "/api/v1/scopes/current"}:            write[unnamed]("scopes.update"),
		{Method: "POST", Path: "/api/v1/risk_reviews/{id}/sign_off"}: write[named]("risk_reviews.sign_off"),
	} {
		if got := op.RouteOf(o); got != want {
			t.Errorf("%s: %v, want %v", o.Name(), got, want)
		}
	}
}

func TestWorkIsNotOffered(t *testing.T) {
	work := op.Work("vendors.sweep", "Do it.", auth.OrgRead, func(*op.Call, map[string]any) (op.None, error) { return op.None{}, nil })
	list := read[unnamed]("vendors.list")
	if got := op.Offered([]op.Operation{work, list}); len(got) != 1 || got[0] != list {
		t.Errorf("offered %v", got)
	}
}

func TestPageItemKnowsPagesOnly(t *testing.T) {
	if item, ok := op.PageItem(reflect.TypeFor[op.Page[named]]()); !ok || item != reflect.TypeFor[named]() {
		t.Errorf("%v, %v", item, ok)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[named](), reflect.TypeFor[op.None](), reflect.TypeFor[[]named]()} {
		if _, ok := op.PageItem(typ); ok {
			t.Errorf("%v is taken for a page", typ)
		}
	}
}
