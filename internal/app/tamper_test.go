package app_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
)

// edit changes rows behind the product's back.
func (g *game) edit(statement string, args ...any) {
	g.t.Helper()
	err := g.app.DB.Write(g.t.Context(), db.All, func(tx *db.Tx) error {
		n, err := tx.Exec(statement, args...)
		if err == nil && n == 0 {
			g.t.Errorf("%s changed nothing", statement)
		}
		return err
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// act does an operation that must succeed.
func (g *game) act(role, name string, in input) {
	g.t.Helper()
	if err := g.app.Ledger.SealAll(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	if _, err := operation(g.t, name).Run(g.t.Context(), g.desks[role], asJSON(g.t, in)); err != nil {
		g.t.Fatalf("%s: %v", name, err)
	}
}

// drawnGame is an engagement whose sample is drawn and answered.
func drawnGame(t *testing.T, d *db.DB) *game {
	g := newGame(t, installation(t, d), "Tampered")
	for _, m := range moves() {
		switch m.op {
		case "engagements.plan", "procedures.plan":
			g.act("staff", m.op, m.in(g))
		}
	}
	for _, op := range []string{"populations.request", "populations.build", "populations.seal", "populations.check", "populations.accept"} {
		for _, m := range listMoves() {
			if m.op == op {
				role := "staff"
				if op == "populations.build" || op == "populations.seal" {
					role = "lead"
				}
				g.act(role, op, m.in(g))
			}
		}
	}
	for _, to := range []string{"planned", "observing", "period_closed"} {
		g.act("partner", "engagements.advance", input{"id": g.sides.ID, "to": to})
	}
	g.act("staff", "samples.draw", g.with(input{"control": sampled}))
	g.act("partner", "engagements.advance", input{"id": g.sides.ID, "to": "fieldwork"})
	return g
}

// read exports the engagement and verifies it with both keys. An export that
// refuses says what a verifier would.
func (g *game) stranger() (bundle.Verdict, string) {
	g.t.Helper()
	var b bytes.Buffer
	if err := engagements.WriteBundle(g.t.Context(), g.desks["partner"], g.sides.ID, &b); err != nil {
		return bundle.Corrupted, err.Error()
	}
	keys, _ := g.read("partner", "engagements.get", input{"id": g.sides.ID})["keys"].([]any)
	var given []string
	for _, k := range keys {
		given = append(given, k.(string))
	}
	r, err := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{Keys: given})
	if err != nil {
		g.t.Fatal(err)
	}
	var said []string
	for _, p := range r.Problems {
		said = append(said, p.String())
	}
	return r.Verdict, strings.Join(said, "\n")
}

// Whoever can write SQL edits what a sample, a test or a list says. The bundle
// names what was edited.
func TestWhatIsEditedInTheDatabaseIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(g *game)
		want string // in what the verifier, or the export, says
	}{
		{"nothing", func(*game) {}, ""},
		{"the sample that the log says was drawn", func(g *game) {
			g.edit(`UPDATE ledger_opening SET payload = REPLACE(payload, '"n":2', '"n":1') WHERE label = 'body' AND payload LIKE '%"step":"draw"%'`)
		}, "body"},
		{"the nonce that was revealed", func(g *game) {
			g.edit(`UPDATE ledger_opening SET payload = REPLACE(payload, '"nonce":"', '"nonce":"0') WHERE label = 'body' AND payload LIKE '%"step":"draw"%'`)
		}, "body"},
		{"an item drawn, swapped for one that looks better, and tested", func(g *game) {
			had := map[string]bool{}
			for _, item := range g.items(sampled) {
				had[item] = true
			}
			other := ""
			for _, item := range []string{"C-1", "C-2", "C-3", "C-4"} {
				if !had[item] {
					other = item
				}
			}
			g.edit("UPDATE item SET item = ? WHERE item = ?", other, g.items(sampled)[0])
			g.act("lead", "items.answer", g.with(input{"control": sampled, "items": []string{other}, "evidence": g.record}))
			g.act("staff", "marks.set", g.with(input{"control": sampled, "items": []string{other}, "attributes": []string{"A"}, "mark": "agrees"}))
		}, "drawn"},
		{"the seal of the list", func(g *game) {
			g.edit(`UPDATE ledger_opening SET payload = REPLACE(payload, '"rows":4', '"rows":3') WHERE label = 'body' AND payload LIKE '%"step":"seal"%'`)
		}, "body"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := drawnGame(t, openSQLite(t))
			c.edit(g)
			verdict, said := g.stranger()
			if c.want == "" {
				if verdict != bundle.Verified {
					t.Fatalf("untouched, it is %s: %s", verdict, said)
				}
				return
			}
			if verdict != bundle.Corrupted || !strings.Contains(said, c.want) {
				t.Errorf("%s: %s, want it CORRUPTED and to name %q", verdict, said, c.want)
			}
			t.Log(said)
		})
	}
}
