package page

import (
	"time"

	"github.com/tickmark/tickmark/internal/anchors"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scrub"
	"github.com/tickmark/tickmark/internal/site"
)

// logState is what home says of the log.
type logState struct {
	evidence.Head
	Before    int64 // entries of the days before today
	Read      scrub.Layer
	Open      int64 // findings that stand
	Witnesses []anchors.Authority
	Health    bool // the reader may open the page of its health
}

// before keeps how long each log was when the day began, which a day does not
// change.
var before op.Kept[int64]

// readLog reads the state of the log in one look.
func readLog(v *site.Visit, zone *time.Location) (logState, error) {
	x := logState{Health: v.Actor.May(auth.OrgRead)}
	var err error
	if x.Head, err = evidence.HeadGet.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return x, err
	}
	now := v.Clock.Now()
	midnight := dayOf(now.In(zone))
	err = v.DB.Read(v.Context(), string(v.Org), func(tx *db.Tx) error {
		c := &op.Call{Context: v.Context(), Desk: v.Desk, Tx: tx, Now: now}
		read, err := scrub.StateOf(tx, v.Org)
		if err != nil {
			return err
		}
		for _, l := range read.Layers {
			if l.Layer == scrub.Log {
				x.Read = l
			}
		}
		x.Open = read.Open
		outside, err := anchors.StateOf(c)
		if err != nil {
			return err
		}
		for _, a := range outside.Authorities {
			if a.Kind == anchors.KindCosignature {
				x.Witnesses = append(x.Witnesses, a)
			}
		}
		x.Before, err = before.Get(c, func() (string, error) { return midnight.String() + " " + x.Origin, nil },
			func() (int64, error) { return v.Ledger.SizeAt(tx, v.Org, midnight) })
		return err
	})
	return x, err
}

// entries is how many there are, and how many of them are of today.
func (x logState) entries() site.FactRow {
	f := site.FactRow{Key: "Entries", Value: site.Count(x.Size), Mono: true, Href: "/log"}
	if n := x.Size - x.Before; n > 0 && x.Before > 0 {
		f.Mono, f.Node = false, entriesNode(x.Size, x.Before, "+"+site.Count(n)+" today")
	}
	return f
}

// verified is when the whole log was last read back, and who outside agrees.
func (x logState) verified(at time.Time, zone *time.Location) site.FactRow {
	f := site.FactRow{Key: "Verified", Status: site.StatusPass, Href: "/log"}
	if x.Health {
		f.Href = "/log/health"
	}
	switch {
	case x.ReadOnly != "":
		f.Status, f.Value = site.StatusFail, "read-only: "+x.ReadOnly
		return f
	case x.Open > 0:
		f.Status, f.Value = site.StatusFail, site.Plural(x.Open, "thing is", "things are")+" not as recorded"
		return f
	case x.Read.Ended.IsZero():
		f.Status, f.Value = site.StatusNotStarted, "not read back whole yet"
	default:
		f.Value = "whole log " + site.Clock(x.Read.Ended.In(zone), at)
	}
	good := 0
	for _, w := range x.Witnesses {
		if w.Error == "" && w.Size > 0 {
			good++
		}
	}
	if n := len(x.Witnesses); n > 0 {
		f.Value += ", " + site.Count(good) + " of " + site.Plural(int64(n), "witness agrees", "witnesses agree")
		if good < n && f.Status == site.StatusPass {
			f.Status = site.StatusUnknown
		}
	}
	return f
}
