package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/views/page"
)

func TestAViewIsKeptChangedAndRemoved(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v, other := s.As(desk), s.As(optest.Member(t, desk, auth.ControlOwner))
		v.Get("/views").Says("h1", "You keep no view of a list yet.")
		v.Post("/views", "list", "controls", "name", "Failing", "query", "f.status=fail", "path", "/controls").LeadsTo("/controls?f.status=fail")
		v.Post("/views", "list", "controls", "name", "Away", "query", "f.status=fail", "path", "//evil.example/x").LeadsTo("/views?f.status=fail")
		v.Post("/views", "list", "controls", "name", "Failing", "path", "/controls").Is(http.StatusConflict)
		list := v.Get("/views?q=failing")
		list.Says("#views tbody", "f.status=fail")
		at := list.Attr("#views tbody tr", "data-href")
		if other.Get("/views").Count("#views tbody tr") != 0 {
			t.Error("a view that was not shared is seen")
		}
		other.Get(at).Is(http.StatusNotFound)
		v.Post(at, "name", "Failing, shared", "shared", "true", "usual", "true").LeadsTo("/views")
		seen := other.Get(at)
		seen.Says("h1", "Failing, shared is a view of Controls.")
		if seen.Count("#remove") != 0 || seen.Count("input[name=name]") != 0 {
			t.Error("somebody else's view can be renamed or removed")
		}
		other.Post(at, "shared", "true", "usual", "true").LeadsTo("/views")
		other.Get("/views").Says("#views tbody", "opens first")
		other.Post(at + "/remove").Is(http.StatusForbidden)
		if !strings.Contains(v.Get(at).Text("#remove"), "It goes for everybody.") {
			t.Error("what removing a shared view does is not said")
		}
		v.Post(at + "/remove").LeadsTo("/views")
		v.Get(at).Is(http.StatusNotFound)
	})
}
