package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/scopes"
)

// A game is an engagement on which people of every role do anything in any
// order, over any surface. It keeps its own account of what was done, and holds
// what the product lets through against it.
type game struct {
	t       *testing.T
	app     *app.App
	base    string
	sides   optest.Sides
	desks   map[string]*op.Desk // by role
	tokens  map[string]string
	cookies map[string]string
	record  string // evidence to answer with
	all     []string

	// what was done, in the order of the examination
	planned                                     map[string]bool
	requested, drafted, sealed, accepted, drawn bool
	linked, marked, concluded, reviewed, parts  map[string]bool
	concluder                                   map[string]string
	criteria, printed, asserted, over           bool
	worded                                      int
	state                                       engagements.State
	trail                                       []string
}

const (
	sampled   = "CHG-81" // drawn from the list
	looked    = "POL-81" // the control itself
	listCode  = "POP-08"
	csvOfList = "change,at,title\nC-1,2026-02-03T10:00:00Z,one\nC-2,2026-03-03T10:00:00Z,two\nC-3,2026-04-03T10:00:00Z,three\nC-4,2026-05-03T10:00:00Z,four\n"
)

func newGame(t *testing.T, a *app.App, name string) *game {
	g := &game{t: t, app: a, planned: map[string]bool{}, linked: map[string]bool{}, marked: map[string]bool{},
		concluded: map[string]bool{}, reviewed: map[string]bool{}, concluder: map[string]string{}, parts: map[string]bool{}, state: engagements.Engaged}
	client := optest.Found(t, g.app.Engine, name)
	x := &tenant{t: t, app: g.app, desk: client, mark: name}
	do(t, x, scopes.Set, scopes.Decision{Type: scopes.TypeII, System: name, Starts: "2026-01-01", Ends: "2026-10-31"})
	cat, err := frameworks.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cat.InScope([]string{frameworks.Security})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range in {
		g.all = append(g.all, k.Code)
	}
	for _, own := range []controls.Own{
		{Code: sampled, Title: "Changes are approved", Text: "Changes are approved before they are deployed.", Criteria: []string{"CC8.1"}, Frequency: "per_event", Key: true},
		{Code: looked, Title: "Policies", Text: "Policies are in force.", Criteria: slices.DeleteFunc(slices.Clone(g.all), func(s string) bool { return s == "CC8.1" }), Frequency: "annual", Key: true},
	} {
		own.Owner = string(client.Actor.User)
		do(t, x, controls.Create, own)
	}
	s := x.submission()
	s.Controls, s.Level = nil, 5 // what shows operation is no better than a screen
	g.record = string(do(t, x, evidence.Submit, s).ID)
	g.sides = optest.Engage(t, client, "2026-01-01", "2026-10-31")
	g.desks = map[string]*op.Desk{"owner": g.sides.Client, "lead": g.sides.Lead, "control owner": g.sides.ControlOwner, "sponsor": g.sides.Boss,
		"partner": g.sides.Partner, "manager": g.sides.Manager, "staff": g.sides.Staff}
	g.base = server(t, g.app, conf.Server{}).URL
	g.tokens, g.cookies = map[string]string{}, map[string]string{}
	for role, desk := range g.desks {
		y := &tenant{t: t, app: g.app, desk: desk, mark: role}
		g.cookies[role] = y.cookie(desk)
		if role != "sponsor" { // who may make no tokens
			g.tokens[role] = y.bearer(desk)
		}
	}
	return g
}

// A move is something somebody may try.
type move struct {
	op string
	in func(g *game) input
	// order says whether the order of the examination allows it now. Rights are
	// another matter.
	order func(g *game, role string) bool
	done  func(g *game, role string)
	// todo says whether it has yet to be done; nil for what leads nowhere.
	todo func(g *game) bool
}

// read asks as somebody who may, past every surface.
func (g *game) read(role, name string, in input) map[string]any {
	g.t.Helper()
	out, err := operation(g.t, name).Run(g.t.Context(), g.desks[role], asJSON(g.t, in))
	if err != nil {
		return nil
	}
	raw, err := json.Marshal(out)
	if err != nil {
		g.t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		g.t.Fatal(err)
	}
	return m
}

func (g *game) with(more input) input {
	in := input{"engagement": g.sides.ID}
	for k, v := range more {
		in[k] = v
	}
	return in
}

// newest is the number of the list's newest version; 1 if there is none.
func (g *game) newest() int {
	versions, _ := g.read("staff", "populations.get", g.with(input{"population": listCode}))["versions"].([]any)
	return max(1, len(versions))
}

// items are those to test of a control.
func (g *game) items(control string) []string {
	var out []string
	rows, _ := g.read("staff", "procedures.grid", g.with(input{"control": control}))["rows"].([]any)
	for _, r := range rows {
		out = append(out, r.(map[string]any)["item"].(string))
	}
	if len(out) == 0 {
		out = []string{"C-1"}
	}
	return out
}

func (g *game) ready(control string) bool {
	return control == looked && g.planned[looked] || control == sampled && g.drawn
}

// clear forgets what rests on the tests of a control.
func (g *game) clear(control string) {
	g.concluded[control], g.reviewed[control] = false, false
}

func moves() []move {
	var out []move
	add := func(name string, in func(g *game) input, order func(g *game, role string) bool, done func(g *game, role string), todo func(g *game) bool) {
		out = append(out, move{name, in, order, done, todo})
	}
	add("engagements.plan", func(g *game) input { return input{"id": g.sides.ID, "considerations": "Changes matter most."} },
		func(g *game, _ string) bool { return g.state == engagements.Engaged }, func(*game, string) {}, func(g *game) bool { return g.current() == engagements.Engaged && !g.opened() })
	for control, in := range map[string]input{
		sampled: {"basis": "sample", "population": listCode, "cadence": "event", "risk": "low", "attributes": []string{"A approved before it was deployed"}},
		looked:  {"basis": "inspection", "attributes": []string{"A in force throughout"}},
	} {
		in["control"] = control
		add("procedures.plan", func(g *game) input { return g.with(in) }, func(g *game, _ string) bool { return !g.planned[control] },
			func(g *game, _ string) { g.planned[control] = true }, func(g *game) bool { return !g.planned[control] })
		evidenced := func(g *game) input {
			return g.with(input{"control": control, "items": g.items(control), "evidence": g.record})
		}
		for _, name := range []string{"items.answer", "items.link"} {
			add(name, evidenced, func(g *game, _ string) bool { return g.ready(control) }, func(g *game, _ string) { g.linked[control] = true }, func(g *game) bool { return !g.linked[control] })
		}
		add("marks.set", func(g *game) input {
			return g.with(input{"control": control, "items": g.items(control), "attributes": []string{"A"}, "mark": "agrees"})
		}, func(g *game, _ string) bool { return g.ready(control) && g.linked[control] },
			func(g *game, _ string) {
				if !g.marked[control] { // the same mark again says nothing new
					g.marked[control] = true
					g.clear(control)
				}
			}, func(g *game) bool { return !g.marked[control] })
		add("marks.set", func(g *game) input {
			return g.with(input{"control": control, "items": g.items(control), "attributes": []string{"A"}, "mark": "untested"})
		}, func(g *game, _ string) bool { return g.marked[control] }, func(g *game, _ string) { g.marked[control] = false; g.clear(control) }, nil)
		add("procedures.conclude", func(g *game) input {
			return g.with(input{"control": control, "decision": "effective", "reason": "Each item that was looked at agrees."})
		},
			func(g *game, _ string) bool { return g.marked[control] },
			func(g *game, role string) { g.clear(control); g.concluded[control], g.concluder[control] = true, role }, func(g *game) bool { return !g.concluded[control] })
		add("procedures.review", func(g *game) input { return g.with(input{"control": control}) },
			func(g *game, role string) bool { return g.concluded[control] && g.concluder[control] != role },
			func(g *game, _ string) { g.reviewed[control] = true }, func(g *game) bool { return !g.reviewed[control] })
		add("items.remove", func(g *game) input {
			return g.with(input{"control": control, "item": g.items(control)[0], "reason": "it looks bad"})
		},
			never, func(*game, string) {}, nil)
		add("samples.extend", func(g *game) input {
			return g.with(input{"control": control, "reason": "we would like to see more of them"})
		},
			never, func(*game, string) {}, nil) // nothing deviates in this game
	}
	out = append(out, listMoves()...)
	return append(out, endMoves()...)
}

func never(*game, string) bool { return false }

// listMoves are those that a sample comes from.
func listMoves() []move {
	return []move{
		{"populations.request", func(g *game) input {
			in := g.with(input{"code": listCode, "title": "Changes", "controls": []string{sampled}})
			if g.requested {
				in["reason"] = "the first number may have been seen"
			}
			return in
		}, func(*game, string) bool { return true }, func(g *game, _ string) {
			g.requested, g.drafted, g.sealed, g.accepted = true, false, false, false
		}, func(g *game) bool { return !g.requested }},
		{"populations.build", func(g *game) input {
			return g.with(input{"population": listCode, "from": "file", "data": []byte(csvOfList), "query": "select * from changes", "source": "tracker",
				"key": "change", "time": "at", "label": "title", "extracted": g.app.Clock.Now().Format(time.RFC3339)})
		}, func(g *game, _ string) bool { return g.requested }, func(g *game, _ string) { g.drafted = true },
			func(g *game) bool { return !g.drafted && !g.sealed }},
		{"populations.seal", func(g *game) input { return g.with(input{"population": listCode, "version": g.newest()}) },
			func(g *game, _ string) bool { return g.drafted },
			func(g *game, _ string) { g.drafted, g.sealed, g.accepted = false, true, false }, func(g *game) bool { return !g.sealed }},
		{"populations.check", func(g *game) input {
			return g.with(input{"population": listCode, "version": g.newest(), "procedure": "observed", "result": "holds", "note": "watched"})
		}, func(g *game, _ string) bool { return g.sealed }, func(*game, string) {}, func(g *game) bool { return !g.accepted }},
		{"populations.accept", func(g *game) input {
			return g.with(input{"population": listCode, "version": g.newest(), "decision": "complete"})
		}, func(g *game, _ string) bool { return g.sealed && !g.drafted }, func(g *game, _ string) { g.accepted = true }, func(g *game) bool { return !g.accepted }},
		{"samples.draw", func(g *game) input { return g.with(input{"control": sampled}) },
			func(g *game, _ string) bool { return g.accepted && !g.drawn && g.planned[sampled] },
			func(g *game, _ string) { g.drawn = true }, func(g *game) bool { return !g.drawn }},
	}
}

// endMoves are those that lead from tests to the report.
func endMoves() []move {
	tested := func(g *game) bool { return g.concluded[sampled] && g.concluded[looked] }
	out := []move{
		{"criteria_conclusions.accept", func(g *game) input { return g.with(input{"criteria": g.all}) },
			func(g *game, _ string) bool { return tested(g) }, func(g *game, _ string) { g.criteria = true }, func(g *game) bool { return !g.criteria }},
		{"reports.draft", func(g *game) input { return g.with(nil) },
			func(g *game, _ string) bool { return !g.state.Before(engagements.DraftReport) },
			func(g *game, _ string) { g.printed, g.asserted = true, false },
			func(g *game) bool { return !g.printed }},
		{"report_texts.set", func(g *game) input {
			return g.with(input{"place": "I.opinion", "text": "In our opinion, in all material respects, all is well.", "version": g.worded})
		}, func(*game, string) bool { return true }, func(g *game, _ string) { g.worded++ }, func(g *game) bool { return g.worded == 0 }},
		{"assertions.sign", func(g *game) input {
			id := "rep_00000000000000000000000000"
			if prints, _ := g.read("partner", "reports.get", g.with(nil))["prints"].([]any); len(prints) > 0 {
				id, _ = prints[0].(map[string]any)["id"].(string)
			}
			return g.with(input{"report": id, "text": "We assert that our controls were designed and operated as described.", "title": "Chief Executive"})
		}, func(g *game, _ string) bool { return g.printed && g.state == engagements.SignOff }, func(g *game, _ string) { g.asserted = true }, func(g *game) bool { return !g.asserted }},
		{"reports.issue", func(g *game) input {
			sum, _ := g.read("partner", "reports.get", g.with(nil))["sha256"].(string)
			if sum == "" {
				sum = strings.Repeat("0", 64)
			}
			return g.with(input{"sha256": sum})
		}, func(g *game, role string) bool {
			return role == "partner" && g.state == engagements.SignOff && g.asserted && len(g.parts) == 3 && g.criteria && tested(g) && g.reviewed[sampled] && g.reviewed[looked]
		}, func(g *game, _ string) { g.over = true }, func(g *game) bool { return !g.over }},
		{"engagements.advance", func(g *game) input {
			path := engagements.Path(scopes.TypeII)
			i := slices.Index(path, g.state)
			return input{"id": g.sides.ID, "to": string(path[min(i+1, len(path)-2)])}
		}, func(g *game, _ string) bool { return g.state != engagements.SignOff && g.state != engagements.Issued },
			func(g *game, _ string) { g.state = g.current() }, (*game).opened},
	}
	for _, part := range []string{"description", "design", "operation"} {
		out = append(out, move{"opinions.decide", func(g *game) input {
			return g.with(input{"part": part, "decision": "unmodified", "reason": "Nothing that was seen speaks against it."})
		}, func(g *game, _ string) bool { return g.criteria && tested(g) }, func(g *game, _ string) { g.parts[part] = true }, func(g *game) bool { return !g.parts[part] }})
	}
	return out
}

// opened reports whether the gate ahead is open.
func (g *game) opened() bool {
	next, _ := g.read("partner", "engagements.get", input{"id": g.sides.ID})["next"].(map[string]any)
	open, _ := next["open"].(bool)
	return open
}

func (g *game) current() engagements.State {
	s, _ := g.read("partner", "engagements.get", input{"id": g.sides.ID})["state"].(string)
	return engagements.State(s)
}

// doors are the pages that do an operation, for those whose form has its
// fields by name.
var doors = map[string]string{
	"engagements.plan":            "/engagements/{id}/plan",
	"engagements.advance":         "/engagements/{id}/advance",
	"procedures.plan":             "/engagements/{id}/plan-test",
	"samples.draw":                "/engagements/{id}/testing/{ref}/draw",
	"samples.extend":              "/engagements/{id}/testing/{ref}/extend",
	"procedures.conclude":         "/engagements/{id}/testing/{ref}/conclude",
	"procedures.review":           "/engagements/{id}/testing/{ref}/review",
	"marks.set":                   "/engagements/{id}/testing/{ref}/marks",
	"items.answer":                "/engagements/{id}/items/{ref}/answer",
	"populations.request":         "/engagements/{id}/populations/new",
	"populations.seal":            "/engagements/{id}/populations/{code}/seal",
	"populations.accept":          "/engagements/{id}/populations/{code}/accept",
	"opinions.decide":             "/engagements/{id}/conclusions/parts/{part}",
	"criteria_conclusions.accept": "/engagements/{id}/conclusions/accept",
	"reports.draft":               "/engagements/{id}/report/draft",
	"assertions.sign":             "/engagements/{id}/report/assertion",
	"reports.issue":               "/engagements/{id}/report/issue",
}

// try does a move as somebody over a surface, and reports whether it was done.
func (g *game) try(surface, role string, o op.Operation, in input) (bool, string) {
	ctx := g.t.Context()
	switch {
	case surface == "page" && doors[o.Name()] != "":
		return g.byPage(role, o, in)
	case surface == "api" && g.tokens[role] != "":
		a := rest(g.t, g.base, o, in, g.tokens[role])
		return a.done(), a.body
	case surface == "cli" && g.tokens[role] != "":
		return g.byCommand(ctx, role, o, in)
	}
	_, err := o.Run(ctx, g.desks[role], asJSON(g.t, in))
	return err == nil, fmt.Sprint(err)
}

func (g *game) byPage(role string, o op.Operation, in input) (bool, string) {
	form := asForm(in)
	path := strings.NewReplacer("{id}", g.sides.ID, "{ref}", fmt.Sprint(in["control"]), "{code}", listCode, "{part}", fmt.Sprint(in["part"])).Replace(doors[o.Name()])
	before := g.sizes()
	r := request(g.t, http.MethodPost, g.base+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := send(g.t, signedIn(r, g.cookies[role]))
	// Pages answer in their own ways; what counts is whether something was
	// recorded.
	return a.status < 400 && !slices.Equal(before, g.sizes()), fmt.Sprint(a.status)
}

// sizes are the lengths of both logs.
func (g *game) sizes() (out []int64) {
	for _, role := range []string{"lead", "staff"} {
		desk := g.desks[role]
		err := g.app.DB.Read(g.t.Context(), string(desk.Org), func(tx *db.Tx) error {
			c := &op.Call{Context: g.t.Context(), Desk: desk, Tx: tx, Now: desk.Clock.Now()}
			r, err := engagements.Open(c, g.sides.ID)
			if err != nil {
				return err
			}
			for _, x := range []*op.Call{r.InFile(c), r.AtClient(c)} {
				h, err := g.app.Ledger.Head(tx, x.Org)
				if err != nil {
					return err
				}
				out = append(out, h.Size)
			}
			return nil
		})
		if err != nil {
			g.t.Fatal(err)
		}
		break // both sides see both logs
	}
	return out
}

// byCommand runs the command of an operation against the server with a token.
func (g *game) byCommand(ctx context.Context, role string, o op.Operation, in input) (bool, string) {
	noun, verb, _ := strings.Cut(o.Name(), ".")
	args := []string{strings.ReplaceAll(noun, "_", "-"), strings.ReplaceAll(verb, "_", "-"), "--server", g.base, "--token", g.tokens[role], "--json"}
	for k, v := range in {
		flag := "--" + strings.ReplaceAll(k, "_", "-")
		switch v := v.(type) {
		case []string:
			for _, s := range v {
				args = append(args, flag+"="+s)
			}
		case []byte:
			return false, "bytes are uploaded from files" // not by this game
		default:
			if k == "id" {
				args = append(args, fmt.Sprint(v))
				continue
			}
			args = append(args, fmt.Sprintf("%s=%v", flag, v))
		}
	}
	var stdout, stderr bytes.Buffer
	status := cli.Run(ctx, args, strings.NewReader(""), &stdout, &stderr, cli.Commands{Operations: app.Operations(), Extra: &struct{}{}})
	return status == 0, stderr.String()
}

// step makes one move and holds the outcome against the account.
func (g *game) step(rt *rapid.T, m move, role, surface string) {
	o := operation(g.t, m.op)
	in := m.in(g)
	optest.Clock(g.sides.Client).Advance(time.Second)
	if err := g.app.Ledger.SealAll(g.t.Context()); err != nil {
		rt.Fatal(err)
	}
	allowed := m.order(g, role) && !g.over
	done, said := g.try(surface, role, o, in)
	g.trail = append(g.trail, fmt.Sprintf("%-28s %-14s %-4s %v %.120s", m.op, role, surface, done, said))
	if !done {
		return
	}
	if !g.desks[role].Actor.May(o.Right()) {
		rt.Fatalf("%s did %s without the right %s\n%s", role, m.op, o.Right(), strings.Join(g.trail, "\n"))
	}
	if !allowed {
		rt.Fatalf("%s did %s out of order (%s)\n%s", role, m.op, said, strings.Join(g.trail, "\n"))
	}
	m.done(g, role)
}

// TestNoSequenceReachesAForbiddenOrder plays games. What the product let
// through must also satisfy somebody who has the bundle alone.
func TestNoSequenceReachesAForbiddenOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: games of the order of events")
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		flag.Set("rapid.checks", "3") // each is a whole engagement; -rapid.checks asks for more
	}
	a, games := installation(t, openSQLite(t)), 0
	all := moves()
	roles := []string{"owner", "lead", "control owner", "sponsor", "partner", "manager", "staff"}
	reached := map[engagements.State]int{}
	rapid.Check(t, func(rt *rapid.T) {
		games++
		g := newGame(t, a, fmt.Sprintf("Game%d", games))
		for range rapid.IntRange(60, 160).Draw(rt, "steps") {
			m := all[rapid.IntRange(0, len(all)-1).Draw(rt, "move")]
			role := rapid.SampledFrom(roles).Draw(rt, "role")
			if rapid.IntRange(0, 3).Draw(rt, "sensible") > 0 {
				if x, r, ok := g.sensible(rt, all, roles); ok {
					m, role = x, r
				}
			}
			g.step(rt, m, role, rapid.SampledFrom([]string{"go", "api", "cli", "page"}).Draw(rt, "surface"))
		}
		reached[g.current()]++
		t.Log(strings.Join(g.trail, "\n"))
		g.verify(rt)
	})
	t.Logf("games ended in %v", reached)
}

// sensible is a move that has yet to be done, by somebody who may. It is how
// games get anywhere; false if there is none.
func (g *game) sensible(rt *rapid.T, all []move, roles []string) (m move, role string, ok bool) {
	var turns []move
	for _, m := range all {
		if m.todo != nil && m.todo(g) && slices.ContainsFunc(roles, func(r string) bool { return g.fits(m, r) }) {
			turns = append(turns, m)
		}
	}
	if len(turns) == 0 {
		return move{}, "", false
	}
	m = rapid.SampledFrom(turns).Draw(rt, "turn")
	who := slices.DeleteFunc(slices.Clone(roles), func(r string) bool { return !g.fits(m, r) })
	return m, rapid.SampledFrom(who).Draw(rt, "role"), true
}

func (g *game) fits(m move, role string) bool {
	firm := auth.IsFirm(g.desks[role].Actor.Roles[0])
	switch m.op { // both sides have the right; the state or the place decides
	case "engagements.advance":
		if firm == (g.state == engagements.ManagementReview) {
			return false
		}
	case "report_texts.set":
		if !firm {
			return false
		}
	}
	return g.desks[role].Actor.May(operation(g.t, m.op).Right()) && m.order(g, role)
}

// verify exports the engagement and reads it as a stranger would.
func (g *game) verify(rt *rapid.T) {
	var b bytes.Buffer
	if err := engagements.WriteBundle(g.t.Context(), g.desks["partner"], g.sides.ID, &b); err != nil {
		rt.Fatalf("export: %v\n%s", err, strings.Join(g.trail, "\n"))
	}
	keys, _ := g.read("partner", "engagements.get", input{"id": g.sides.ID})["keys"].([]any)
	var given []string
	for _, k := range keys {
		given = append(given, k.(string))
	}
	r, err := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{Keys: given})
	if err != nil {
		rt.Fatal(err)
	}
	if r.Verdict != bundle.Verified {
		rt.Fatalf("the verifier says %s: %v\n%s", r.Verdict, r.Problems, strings.Join(g.trail, "\n"))
	}
}
