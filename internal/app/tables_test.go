package app_test

import (
	"strings"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/sources"
)

// table is a new source that is fed with tables, and has a mapping.
func (x *tenant) table() id.Source {
	x.t.Helper()
	s := do(x.t, x, sources.Create, sources.Connection{Kind: sources.KindFile, Name: "Tables of " + x.mark})
	do(x.t, x, sources.MappingSave, sources.NewMapping{Source: string(s.ID), Columns: `{"kind":"row","key":["k"],"fields":[{"field":"columns"}]}`})
	return s.ID
}

// handIn delivers a table that waits to be read.
func (x *tenant) handIn(s id.Source) sources.Import {
	x.t.Helper()
	r, err := sources.NewReader()
	if err != nil {
		x.t.Fatal(err)
	}
	r.Feed(0, app.Importers()...)
	made, err := r.Deliver(x.t.Context(), x.desk, sources.Delivery{Name: x.mark + ".csv", Format: sources.KindFile, Source: string(s)}, strings.NewReader("k,label\n1,"+x.mark+"\n"))
	if err != nil {
		x.t.Fatal(err)
	}
	return made
}
