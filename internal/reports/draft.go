package reports

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/words"
)

// gather reads everything a report is made of.
func gather(c *op.Call, r *engagements.Room) (Material, error) {
	m := Material{Engagement: r.Engagement, Texts: map[string]string{}}
	if err := m.scope(c, r); err != nil {
		return m, err
	}
	all, err := opinions.Read(c, r)
	if err != nil {
		return m, err
	}
	m.Criteria, m.Parts, m.Controls, m.last = all.Criteria, all.Parts, all.Tested, all.Last
	m.open = all.Open()
	places, err := placesOf(c, r)
	if err != nil {
		return m, err
	}
	for _, p := range places {
		m.Texts[p.Key] = p.Text
	}
	done, err := prints(c, r)
	if err != nil {
		return m, err
	}
	m.Number = int64(len(done)) + 1
	if m.Assertion, err = assertionOf(c, r, done); err != nil {
		return m, err
	}
	if m.Assertion != nil && !m.Assertion.Newest {
		m.Assertion = nil // it was about another draft
	}
	for _, l := range []struct {
		title string
		org   id.Org
	}{{"of the engagement", r.File}, {"of " + r.Client.Name, r.Client.Org}} {
		lg, err := c.Ledger.LogOf(c.Tx, l.org)
		if err != nil {
			return m, err
		}
		m.Demo = m.Demo || lg.Demo
		m.Logs = append(m.Logs, Log{Title: l.title, Key: lg.VKey()})
	}
	return m, nil
}

// scope adds the criteria's edition, the categories' titles and the boundary.
func (m *Material) scope(c *op.Call, r *engagements.Room) error {
	cat, err := frameworks.Shipped()
	if err != nil {
		return err
	}
	edition, err := cat.Version(r.Catalogue)
	if err != nil {
		return err
	}
	m.Edition = edition.Title
	titles := map[string]string{}
	for _, k := range edition.Categories {
		titles[k.Code] = k.Title
	}
	m.Named = nil
	for _, code := range r.Categories {
		m.Named = append(m.Named, titles[code])
	}
	s, err := scopes.Current(r.AtClient(c))
	m.Included, m.Excluded = s.Included, s.Excluded
	return err
}

func draft(c *op.Call, in Ref) (Book, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Book{}, err
	}
	if err := r.From(engagements.DraftReport); err != nil {
		return Book{}, err
	}
	m, err := gather(c, r)
	if err != nil {
		return Book{}, err
	}
	if n := len(m.open); n > 0 {
		return Book{}, fault.Conflict("A draft tells what was concluded on every criterion: %s of %d, %s first.", words.Plural(n, "is open", "are open"), len(m.Criteria), m.open[0])
	}
	m.Printed, m.Assertion = c.Now, nil
	if _, err := m.print(c, r, id.New[id.Report](c.Now), "draft"); err != nil {
		return Book{}, err
	}
	return bookOf(c, r)
}

// print builds, keeps and records a print of the report.
func (m Material) print(c *op.Call, r *engagements.Room, report id.Report, step string) (Print, error) {
	d, err := Build(m)
	if err != nil {
		return Print{}, err
	}
	data, err := d.Render()
	if err != nil {
		return Print{}, fmt.Errorf("print: %w", err)
	}
	kept, err := c.Vault.Put(c, r.File, data)
	if err != nil {
		return Print{}, err
	}
	kind, entryKind := KindDraft, canon.KindOp
	if m.Final {
		kind, entryKind = KindFinal, canon.KindSignoff
	}
	p := Print{ID: report, Number: m.Number, Kind: kind, SHA256: hex.EncodeToString(kept.SHA256[:]), Size: kept.Size, Actor: c.Actor.Name, At: c.Now,
		address: kept.Address, covers: m.last}
	if p.sections, err = m.prints(); err != nil {
		return Print{}, err
	}
	p.Entry, err = c.Append(op.Record{Kind: entryKind, ID: string(report), Body: map[string]any{"step": step, "media_type": mediaType}, Content: &kept})
	if err != nil {
		return Print{}, err
	}
	sections, err := json.Marshal(p.sections)
	if err != nil {
		return Print{}, err
	}
	_, err = c.Tx.Exec(insertPrint, r.File, r.ID, p.ID, p.Number, p.Kind, p.SHA256, p.address, p.Size, string(sections), p.covers, p.Actor, clock.Millis(p.At), p.Entry)
	if db.IsDuplicate(err) {
		err = fault.Conflict("Somebody printed this report a moment ago. Look at that print first.")
	}
	return p, err
}
