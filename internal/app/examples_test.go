package app_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/views"
)

type input = map[string]any

// examples has, for every operation that surfaces offer, an input that succeeds
// once for a member who may, each record it names being the tenant's own. What
// it takes for that is made on the spot, by the owner.
var examples = map[string]func(x *tenant, who *op.Desk) input{
	"anchors.create":  nothing,
	"anchors.get":     nothing,
	"anchors.list":    nothing,
	"backups.list":    nothing,
	"catalogues.list": nothing,
	"checks.create":   func(x *tenant, _ *op.Desk) input { return input{"yaml": x.ownCheck(fmt.Sprint("n", x.next()))} },
	// Values that are set already are refused.
	"checks.adjust": func(x *tenant, _ *op.Desk) input {
		return input{"id": "git.commit.signed", "params": fmt.Sprintf("days: %d", 31+x.next()%900), "reason": "The period of " + x.mark}
	},
	"checks.evaluate": nothing,
	"checks.export":   func(x *tenant, _ *op.Desk) input { return input{"ids": []string{x.ids["check"]}} },
	"checks.import":   func(x *tenant, _ *op.Desk) input { return input{"yaml": x.ownCheck(fmt.Sprint("n", x.next()))} },
	"checks.preview":  func(x *tenant, _ *op.Desk) input { return input{"yaml": x.ownCheck("judged"), "limit": 10} },
	"checks.restore": func(x *tenant, _ *op.Desk) input {
		id := x.freshCheck()
		do(x.t, x, checks.Retire, checks.Reasoned{ID: id, Reason: "Not needed by " + x.mark})
		return input{"id": id, "reason": "Needed again by " + x.mark}
	},
	"checks.retire": func(x *tenant, _ *op.Desk) input {
		return input{"id": x.freshCheck(), "reason": "Not needed by " + x.mark}
	},
	"checks.update": func(x *tenant, _ *op.Desk) input {
		id := x.freshCheck()
		text := x.ownCheck(id[strings.LastIndexByte(id, '.')+1:])
		return input{"id": id, "yaml": strings.Replace(text, "severity: low", "severity: high", 1)}
	},
	"checks.versions": ref("check"),
	"checks.findings": ref("check"),
	"checks.get":      ref("check"),
	"checks.list":     func(x *tenant, _ *op.Desk) input { return input{"control": x.ids["code"]} },
	"controls.adopt": func(x *tenant, _ *op.Desk) input {
		return input{"codes": []string{x.unadopted()}, "owner": x.ids["owner"]}
	},
	"controls.assign": func(x *tenant, _ *op.Desk) input {
		return input{"ids": []string{x.freshControl()}, "owner": x.ids["owner"]}
	},
	"controls.create": func(x *tenant, _ *op.Desk) input {
		c := x.ownControl()
		return input{"code": c.Code, "title": c.Title, "text": c.Text, "criteria": c.Criteria, "frequency": c.Frequency, "owner": c.Owner}
	},
	"controls.get":     ref("control"),
	"controls.history": ref("control"),
	"controls.implement": func(x *tenant, _ *op.Desk) input {
		return input{"id": x.freshControl(), "text": "Done weekly by " + x.mark, "version": 1}
	},
	"controls.library": nothing,
	"controls.list":    nothing,
	"controls.retire": func(x *tenant, _ *op.Desk) input {
		return input{"id": x.freshControl(), "reason": "No longer done by " + x.mark, "version": 1}
	},
	"controls.update": func(x *tenant, _ *op.Desk) input {
		return input{"id": x.freshControl(), "title": "Changed by " + x.mark, "text": "The people of " + x.mark + " count their keys daily.",
			"frequency": "daily", "owner": x.ids["owner"], "version": 1}
	},
	"coverage.get": func(x *tenant, _ *op.Desk) input {
		now := x.desk.Clock.Now()
		return input{"check": x.ids["check"], "from": now.Add(-time.Hour), "to": now}
	},
	"coverage.explain": func(x *tenant, _ *op.Desk) input {
		now := x.desk.Clock.Now()
		return input{"check": x.ids["check"], "from": now.Add(-time.Hour), "to": now}
	},
	"criteria.get":     func(*tenant, *op.Desk) input { return input{"id": "CC6.1"} },
	"criteria.list":    nothing,
	"entries.get":      func(x *tenant, _ *op.Desk) input { return input{"id": x.entry} },
	"entries.list":     nothing,
	"entries.proof":    func(x *tenant, _ *op.Desk) input { return input{"id": x.entry} },
	"entries.receipt":  func(x *tenant, _ *op.Desk) input { return input{"id": x.entry} },
	"evidence.content": ref("evidence"),
	"evidence.create": func(x *tenant, _ *op.Desk) input {
		old := do(x.t, x, evidence.Submit, x.submission())
		s := x.submission()
		return input{"blob": s.Blob, "title": s.Title, "origin": s.Origin, "controls": s.Controls, "supersedes": string(old.ID)}
	},
	"evidence.decisions": ref("evidence"),
	"evidence.due":       nothing,
	"evidence.get":       ref("evidence"),
	"evidence.link": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(do(x.t, x, evidence.Submit, x.submission()).ID), "controls": []string{x.ids["control"]}}
	},
	"evidence.links": ref("evidence"),
	"evidence.open": func(x *tenant, _ *op.Desk) input {
		s := x.submission()
		s.Original = true
		return input{"id": string(do(x.t, x, evidence.Submit, s).ID), "reason": "asked for"}
	},
	"evidence.redact": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(do(x.t, x, evidence.Submit, x.submission()).ID), "spans": []string{"0-1"}, "reason": "asked for"}
	},
	"evidence.remarks": ref("evidence"),
	// Whoever handed it in does not review it.
	"evidence.review": func(x *tenant, who *op.Desk) input {
		by := x.desk
		if who != nil && who.Actor.User == by.Actor.User {
			by = x.second()
		}
		made, err := evidence.Submit.Do(x.t.Context(), by, x.submission())
		x.must(err)
		return input{"id": string(made.ID), "decision": "accepted"}
	},
	"evidence.scan":   ref("evidence"),
	"evidence.ticket": nothing,
	"evidence.stands": func(x *tenant, _ *op.Desk) input { return input{"control": x.ids["control"]} },
	"evidence.unlink": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(do(x.t, x, evidence.Submit, x.submission()).ID), "control": x.ids["control"], "reason": "another system"}
	},
	"evidence.validate": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(do(x.t, x, evidence.Submit, x.submission()).ID)}
	},
	"evidence.list": func(x *tenant, _ *op.Desk) input { return input{"control": x.ids["control"]} },
	// Whoever asks does not approve.
	"exceptions.approve": func(x *tenant, who *op.Desk) input {
		asker := x.desk
		if who != nil && who.Actor.User == asker.Actor.User {
			asker = x.second()
		}
		made, err := checks.Except.Do(x.t.Context(), asker, x.waiver())
		x.must(err)
		return input{"id": string(made.ID)}
	},
	"exceptions.create": func(x *tenant, _ *op.Desk) input {
		w := x.waiver()
		return input{"check": w.Check, "reason": w.Reason, "ends": w.Ends}
	},
	"exceptions.end": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(do(x.t, x, checks.Except, x.waiver()).ID)}
	},
	"exceptions.debt": nothing,
	"exceptions.end_many": func(x *tenant, _ *op.Desk) input {
		return input{"ids": []string{string(do(x.t, x, checks.Except, x.waiver()).ID)}}
	},
	"exceptions.get":  ref("exception"),
	"exceptions.list": nothing,
	"exports.create":  nothing,
	"imports.get":     func(x *tenant, _ *op.Desk) input { return input{"id": x.handedIn()} },
	"imports.list":    nothing,
	"imports.cancel": func(x *tenant, _ *op.Desk) input {
		file := x.handedIn()
		do(x.t, x, sources.ImportStart, sources.Start{ID: file})
		return input{"id": file}
	},
	"imports.retry": func(x *tenant, _ *op.Desk) input {
		file := x.handedIn()
		do(x.t, x, sources.ImportStart, sources.Start{ID: file})
		do(x.t, x, sources.ImportCancel, sources.Ref{ID: file})
		return input{"id": file}
	},
	"imports.start":  func(x *tenant, _ *op.Desk) input { return input{"id": x.handedIn()} },
	"jobs.get":       ref("job"),
	"jobs.list":      nothing,
	"ledgers.keys":   nothing,
	"ledgers.get":    nothing,
	"ledgers.verify": nothing,
	"log_health.get": nothing,
	"members.create": func(x *tenant, _ *op.Desk) input {
		return input{"name": "New at " + x.mark, "email": fmt.Sprintf("new%d@%s.example", x.next(), x.mark), "password": "four unrelated words", "role": string(x.least())}
	},
	"members.list": nothing,
	"members.find": nothing,
	"members.holdings": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(x.fresh(x.least()).ID)}
	},
	"members.deactivate": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(x.fresh(x.least()).ID)}
	},
	"members.reactivate": func(x *tenant, _ *op.Desk) input {
		m := x.fresh(x.least())
		do(x.t, x, orgs.Rest, orgs.MemberRef{ID: string(m.ID)})
		return input{"id": string(m.ID)}
	},
	"members.recover": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(x.fresh(x.least()).ID)}
	},
	"doors.get": nothing,
	"doors.update": func(x *tenant, _ *op.Desk) input {
		return input{"idle_hours": 12, "version": do(x.t, x, orgs.GetDoor, op.None{}).Version}
	},
	"sessions.list": nothing,
	"sessions.revoke": func(x *tenant, who *op.Desk) input {
		if who == nil || who.Actor.User == "" {
			return input{"id": "0000000000000000"}
		}
		door, user := &op.Desk{Engine: x.app.Engine, Actor: auth.Actor{Via: "page"}}, who.Actor.User
		s, err := orgs.SignIn.Do(x.t.Context(), door, orgs.Visit{User: user})
		x.must(err)
		return input{"id": auth.RefOf(s.Secret)}
	},
	"orgs.add": func(x *tenant, _ *op.Desk) input {
		return input{"organization": fmt.Sprintf("Further %d of %s", x.next(), x.mark)}
	},
	// No mail server is configured here: whoever has the right is told so.
	"letters.test": nothing,
	"invitations.send": func(x *tenant, _ *op.Desk) input {
		return input{"role": string(x.least()), "emails": []string{fmt.Sprintf("guest%d@%s.example", x.next(), x.mark)}}
	},
	"invitations.resend": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(do(x.t, x, orgs.Invite, orgs.InvitationWish{Role: string(x.least()), Note: x.mark}).ID)}
	},
	"members.remove": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(x.fresh(x.least()).ID)}
	},
	"members.update": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(x.fresh(x.least()).ID), "role": string(x.other())}
	},
	"firms.list": nothing,
	// Whoever has the secret may, so that nobody is refused.
	"invitations.accept": func(x *tenant, _ *op.Desk) input {
		return input{"secret": x.invited(string(x.least())), "name": "Guest of " + x.mark, "email": fmt.Sprintf("guest%d@%s.example", x.next(), x.mark), "password": "four unrelated words"}
	},
	"invitations.create": func(x *tenant, _ *op.Desk) input {
		return input{"role": string(x.least()), "note": "somebody of " + x.mark}
	},
	"invitations.list": nothing,
	"invitations.revoke": func(x *tenant, _ *op.Desk) input {
		return input{"id": string(do(x.t, x, orgs.Invite, orgs.InvitationWish{Role: string(x.least()), Note: x.mark}).ID)}
	},
	"orgs.list": nothing,
	// Nobody may be refused for want of a right; whoever has no setup token is
	// refused for that.
	"orgs.create": func(x *tenant, _ *op.Desk) input {
		return input{"token": "setup-guessed", "organization": "Taken over", "name": "Guest", "email": "guest@example.com", "password": "four unrelated words"}
	},
	"orgs.get": nothing,
	"orgs.update": func(x *tenant, _ *op.Desk) input {
		now := do(x.t, x, orgs.Get, op.None{})
		return input{"name": now.Name, "zone": "Europe/Berlin", "version": now.Version}
	},
	"readiness.get":    nothing,
	"readiness.months": nothing,
	"readiness.past":   func(x *tenant, _ *op.Desk) input { return input{"as_of": x.desk.Clock.Now()} },
	"resources.find":   func(x *tenant, _ *op.Desk) input { return input{"text": x.mark[:4]} },
	"resources.list": func(x *tenant, _ *op.Desk) input {
		return input{"source": x.ids["source"], "kind": "commit", "key": x.ids["resource"]}
	},
	"runs.get":    ref("run"),
	"runs.list":   func(x *tenant, _ *op.Desk) input { return input{"source": x.ids["source"]} },
	"scopes.get":  nothing,
	"scopes.list": nothing,
	"scopes.set": func(x *tenant, _ *op.Desk) input {
		return input{"type": scopes.TypeI, "as_of": "2026-12-31", "requester": x.mark, "version": do(x.t, x, scopes.Get, op.None{}).Version}
	},
	"scrubs.get":   nothing,
	"scrubs.start": nothing,
	"imports.read": func(x *tenant, _ *op.Desk) input {
		made := x.handIn(x.table())
		return input{"id": string(made.ID), "source": string(made.Source)}
	},
	"mappings.get":  func(x *tenant, _ *op.Desk) input { return input{"source": string(x.table())} },
	"mappings.list": func(x *tenant, _ *op.Desk) input { return input{"source": string(x.table())} },
	"mappings.save": func(x *tenant, _ *op.Desk) input {
		return input{"source": string(x.table()), "columns": `{"kind":"row","key":["k"],"fields":[{"field":"columns"}]}`, "version": 1}
	},
	"sources.collect": ref("source"),
	"sources.cancel": func(x *tenant, _ *op.Desk) input {
		s := spare(x)
		do(x.t, x, sources.Collect, sources.Ref{ID: s})
		return input{"id": s}
	},
	"sources.pause": func(x *tenant, _ *op.Desk) input { return input{"id": spare(x)} },
	"sources.resume": func(x *tenant, _ *op.Desk) input {
		s := spare(x)
		do(x.t, x, sources.Pause, sources.Ref{ID: s})
		return input{"id": s}
	},
	"sources.reconnect": func(x *tenant, _ *op.Desk) input {
		s := spare(x)
		do(x.t, x, sources.Remove, sources.Ref{ID: s})
		return input{"id": s}
	},
	"sources.test": func(x *tenant, _ *op.Desk) input { return input{"source": x.ids["source"]} },
	"sources.update": func(x *tenant, _ *op.Desk) input {
		return input{"id": spare(x), "name": "Code of " + x.mark + ", renamed", "version": 1}
	},
	"sources.create": func(x *tenant, _ *op.Desk) input {
		return input{"kind": "git", "name": "More of " + x.mark, "path": history(x.t, x.mark)}
	},
	"sources.get":   ref("source"),
	"sources.kinds": nothing,
	"sources.list":  nothing,
	"sources.remove": func(x *tenant, _ *op.Desk) input {
		return input{"id": spare(x)}
	},
	"tokens.create": func(x *tenant, _ *op.Desk) input { return input{"name": "CI of " + x.mark, "days": 3} },
	"tokens.list":   nothing,
	// Members end their own tokens.
	"tokens.revoke": func(x *tenant, who *op.Desk) input {
		if who == nil || !who.Actor.May(auth.TokensWrite) || who.Org != x.desk.Org {
			who = x.desk
		}
		made, err := orgs.NewToken.Do(x.t.Context(), who, orgs.TokenWish{Name: "Old CI of " + x.mark})
		x.must(err)
		return input{"id": string(made.ID)}
	},
	"views.create": func(x *tenant, _ *op.Desk) input {
		return input{"list": "controls", "name": fmt.Sprint("View ", x.next()), "query": "f.status=fail"}
	},
	"views.list":   nothing,
	"views.remove": func(x *tenant, who *op.Desk) input { return input{"id": x.view(who)} },
	"views.update": func(x *tenant, who *op.Desk) input {
		return input{"id": x.view(who), "name": fmt.Sprint("View ", x.next())}
	},
}

// more are inputs of operations that take one of two references.
var more = map[string]func(x *tenant, who *op.Desk) input{
	"coverage.get": func(x *tenant, _ *op.Desk) input {
		now := x.desk.Clock.Now()
		return input{"control": x.ids["control"], "from": now.Add(-time.Hour), "to": now}
	},
	"evidence.list": func(x *tenant, _ *op.Desk) input { return input{"run": x.ids["run"]} },
}

func nothing(*tenant, *op.Desk) input { return input{} }

// ref names the tenant's record of a kind.
func ref(kind string) func(*tenant, *op.Desk) input {
	return func(x *tenant, _ *op.Desk) input { return input{"id": x.ids[kind]} }
}

// example is an input of an operation for a tenant.
func (x *tenant) example(o op.Operation, who *op.Desk) input {
	x.t.Helper()
	if fn := examined[o.Name()]; fn != nil {
		x.engage()
		return fn(x, who)
	}
	if x.firm != nil && who != nil && who.Org == x.firm.desk.Org {
		x = x.firm // whoever works for a firm has its records
	}
	fn := examples[o.Name()]
	if fn == nil {
		fn = erasing[o.Name()]
	}
	if fn == nil {
		x.t.Fatalf("%s has no example: add one to examples_test.go, with every record it can name", o.Name())
	}
	return fn(x, who)
}

func (x *tenant) freshControl() string {
	return string(do(x.t, x, controls.Create, x.ownControl()).ID)
}

// view is a saved view of whoever acts.
func (x *tenant) view(who *op.Desk) string {
	x.t.Helper()
	if who == nil {
		who = x.desk
	}
	made, err := views.Create.Do(x.t.Context(), who, views.Saved{List: "controls", Name: fmt.Sprint("View ", x.next())})
	if err != nil {
		made, err = views.Create.Do(x.t.Context(), x.desk, views.Saved{List: "controls", Name: fmt.Sprint("View ", x.next())})
	}
	if err != nil {
		x.t.Fatal(err)
	}
	return string(made.ID)
}

// unadopted is a control of the library that has not been taken yet, and that
// no criterion rests on, so that no examination waits for it.
func (x *tenant) unadopted() string {
	x.t.Helper()
	for _, s := range do(x.t, x, controls.Shelf, controls.ShelfFilter{}).Items {
		if s.Adopted == "" && !s.Key {
			return s.Code
		}
	}
	x.t.Fatal("the library is used up")
	return ""
}

// spare is a source that an example may do anything to.
func spare(x *tenant) string {
	return string(do(x.t, x, sources.Create, sources.Connection{Kind: "git", Name: "Old of " + x.mark, Path: x.repo}).ID)
}

// handedIn is a file that the tenant has handed in, and that nobody has read.
func (x *tenant) handedIn() string {
	r, err := sources.NewReader()
	x.must(err)
	r.Feed(0, app.Importers()...)
	made, err := r.Deliver(x.t.Context(), x.desk, sources.Delivery{Name: "scan of " + x.mark, Format: "ocsf"}, strings.NewReader("[]"))
	x.must(err)
	return string(made.ID)
}
