package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/importers/file"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/sources/page"
)

func TestColumnsAreMappedBeforeATableIsRead(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		web := sitetest.New(t, desk.Engine, page.Routes())
		v := web.As(desk)
		s := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "file", Name: "People"})
		path := "/sources/" + string(s.ID) + "/mapping"
		v.Get(path).Says("h1", "Nobody has said yet what its columns mean.")
		r, err := sources.NewReader()
		if err != nil {
			t.Fatal(err)
		}
		r.Feed(0, file.New())
		made, err := r.Deliver(t.Context(), desk, sources.Delivery{Name: "people.csv", Source: string(s.ID)},
			strings.NewReader("Employee ID;Full name;Hire date\n7;<b>Ada</b>;31.01.2026\n8;Bo;01.02.2026\n"))
		if err != nil {
			t.Fatal(err)
		}
		at := path + "?import=" + string(made.ID)
		p := v.Get(at)
		p.Says("h1", "Two of the first rows could not be taken.")
		p.Says("#faults", "column Hire date is")
		p.Says("#becomes", "–")
		fields := []string{"kind", "person", "key", "Employee ID", "field_worker", "Employee ID", "field_name", "Full name", "field_started_at", "Hire date"}
		p = v.Post(at, append(fields, "layout", "DD.MM.YYYY", "act", "look")...)
		p.Says("h1", "Three columns of people.csv and what they become.")
		p.Says("#becomes", "2026-01-31 00:00")
		p.Says("#becomes", "<b>Ada</b>")
		if list := optest.Do(t, desk, sources.MappingList, sources.MappingFilter{Source: string(s.ID)}); list.Total != 0 {
			t.Error("looking saved a mapping")
		}
		v.Post(at, "kind", "person", "field_name", "Full name").Is(http.StatusUnprocessableEntity)
		res := v.Post(at, append(fields, "layout", "DD.MM.YYYY")...)
		if to := res.Header.Get("Location"); res.Status != http.StatusSeeOther || !strings.HasPrefix(to, "/imports/"+string(made.ID)) || web.Woken != 1 {
			t.Fatalf("status %d to %q, woken %d: %s", res.Status, to, web.Woken, res.Text("main"))
		}
		run, err := r.Import(t.Context(), desk, made.ID, nil, false)
		if err != nil || run.Resources != 2 || run.Scope["mapping_version"] != "1" {
			t.Errorf("%+v, %v", run, err)
		}
		v.Get(path).Says("h1", "Version 1 says what its columns mean.")
		web.As(optest.Member(t, desk, auth.Sponsor)).Post(path, fields...).Is(http.StatusForbidden)
		git := connect(t, desk)
		v.Get("/sources/" + string(git.ID) + "/mapping").Is(http.StatusNotFound)
	})
}
