package app_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/reports"
)

// examined has what examples has, for the operations of an examination. They
// are about an engagement whichever side asks.
var examined = map[string]func(x *tenant, who *op.Desk) input{
	"assertions.sign": func(x *tenant, _ *op.Desk) input { return asInput(x.signature(x.engagement(signing))) },
	"criteria_conclusions.accept": func(x *tenant, _ *op.Desk) input {
		return input{"engagement": x.reach(engagements.Evaluation), "criteria": security(x.t)}
	},
	"criteria_conclusions.decide": func(x *tenant, _ *op.Desk) input {
		return asInput(opinions.Judgement{Engagement: x.reach(engagements.Evaluation), Criterion: "CC6.1", Decision: opinions.Met, Reason: "Everything agrees, " + x.secret()})
	},
	"deviations.classify": func(x *tenant, _ *op.Desk) input {
		e, control := x.inspected("linked")
		x.marked(e, control, procedures.Deviates)
		d := as(x, auth.Staff, procedures.Deviations, procedures.DeviationFilter{Engagement: e, Control: control}).Items[0]
		return asInput(x.classification(e, d))
	},
	"deviations.list": whole(working),
	"deviations.respond": func(x *tenant, _ *op.Desk) input {
		return input{"engagement": x.engagement(working), "id": x.ids["deviation"], "text": "Tickets are asked for by the tool from now on."}
	},
	"engagement_controls.list":    whole(working),
	"engagement_entries.get":      func(x *tenant, _ *op.Desk) input { return input{"engagement": x.engagement(working), "id": int64(1)} },
	"engagement_entries.list":     whole(working),
	"engagement_scrubs.get":       func(x *tenant, _ *op.Desk) input { return input{"id": x.engagement(working)} },
	"engagement_evidence.content": inEngagement("evidence"),
	"engagement_evidence.get":     inEngagement("evidence"),
	"engagement_evidence.list":    whole(working),
	"engagement_heads.get":        func(x *tenant, _ *op.Desk) input { return input{"id": x.engagement(working)} },
	"engagements.accept": func(x *tenant, _ *op.Desk) input {
		return input{"id": x.propose(), "independence": "Nobody has an interest in it."}
	},
	// Each side takes the step that is its own.
	"engagements.advance": func(x *tenant, who *op.Desk) input {
		if who != nil && who.Org == x.desk.Org {
			return input{"id": x.reach(engagements.ManagementReview), "to": string(engagements.SignOff)}
		}
		return input{"id": x.begin(), "to": string(engagements.Planned)}
	},
	"engagements.get":  func(x *tenant, _ *op.Desk) input { return input{"id": x.engagement(working)} },
	"engagements.list": nothing,
	"engagements.plan": func(x *tenant, _ *op.Desk) input {
		return input{"id": x.engagement(begun), "considerations": "Access again, " + x.secret()}
	},
	"engagements.propose": func(x *tenant, _ *op.Desk) input { return asInput(x.proposal()) },
	"engagements.reschedule": func(x *tenant, _ *op.Desk) input {
		e := x.engagement(begun)
		now := as(x, auth.Staff, engagements.Get, engagements.Ref{ID: e})
		return input{"id": e, "starts": "2026-01-01", "ends": "2026-09-30", "reason": "Both sides agreed.", "version": now.Version}
	},
	"engagements.withdraw": func(x *tenant, _ *op.Desk) input { return input{"id": x.propose(), "reason": "No team is free."} },
	"examinations.create":  whole(working),
	"items.answer":         answering,
	"items.evidence": func(x *tenant, _ *op.Desk) input {
		return input{"engagement": x.engagement(working), "control": x.sampled, "item": x.item()}
	},
	"items.link": answering,
	"items.list": whole(working),
	"items.remove": func(x *tenant, _ *op.Desk) input {
		return input{"engagement": x.engagement(working), "control": x.sampled, "item": x.item(), "reason": "It looks bad, " + x.secret()}
	},
	"marks.confirm": func(x *tenant, _ *op.Desk) input {
		e := x.engagement(working)
		control, items := x.drawn(e, "event")
		return input{"engagement": e, "control": control, "items": items}
	},
	"marks.set": func(x *tenant, _ *op.Desk) input {
		e, control := x.inspected("linked")
		return input{"engagement": e, "control": control, "items": []string{control}, "attributes": []string{"A"}, "mark": procedures.Agrees, "reason": "As seen, " + x.secret()}
	},
	"methodologies.get":  nothing,
	"methodologies.list": nothing,
	"methodologies.set": func(x *tenant, _ *op.Desk) input {
		now := as(x, auth.Staff, engagements.MethodGet, op.None{})
		profile, err := json.Marshal(now.Profile)
		x.must(err)
		return input{"profile": string(profile), "reason": "Read again at " + x.mark, "version": now.Version}
	},
	"opinions.decide": func(x *tenant, _ *op.Desk) input {
		return input{"engagement": x.reach(engagements.DraftReport), "part": "design", "decision": "unmodified", "reason": "Nothing speaks against it, " + x.secret()}
	},
	"opinions.get": whole(reviewing),
	"populations.accept": func(x *tenant, _ *op.Desk) input {
		return asInput(x.sealed(x.engagement(working), x.freshList()))
	},
	"populations.build": func(x *tenant, _ *op.Desk) input {
		code := x.freshList()
		as(x, auth.Staff, populations.Request, populations.Wish{Engagement: x.engagement(working), Code: code, Title: "Changes of " + x.mark})
		in := asInput(x.material(x.engagement(working), code))
		in["extracted"] = x.desk.Clock.Now()
		return in
	},
	"populations.check": func(x *tenant, _ *op.Desk) input {
		return input{"engagement": x.engagement(working), "population": listed, "version": 1, "procedure": "accuracy", "result": "holds", "note": "Three rows traced, " + x.secret()}
	},
	"populations.export": ofList,
	"populations.get":    ofList,
	"populations.list":   whole(working),
	"populations.request": func(x *tenant, _ *op.Desk) input {
		return input{"engagement": x.engagement(working), "code": x.freshList(), "title": "Changes of " + x.mark, "controls": []string{x.sampled}}
	},
	"populations.rows": ofList,
	"populations.seal": func(x *tenant, _ *op.Desk) input {
		return asInput(x.built(x.engagement(working), x.freshList()))
	},
	"procedures.conclude": func(x *tenant, _ *op.Desk) input {
		e, control := x.inspected("marked")
		return input{"engagement": e, "control": control, "decision": procedures.Effective, "reason": "Everything agrees, " + x.secret()}
	},
	"procedures.get":  ofControl,
	"procedures.grid": ofControl,
	"procedures.list": whole(working),
	"procedures.plan": func(x *tenant, _ *op.Desk) input {
		return input{"engagement": x.engagement(working), "control": x.freshCode(), "basis": procedures.ByInspection, "attributes": []string{"A in force throughout"}}
	},
	"procedures.progress": whole(working),
	"procedures.review": func(x *tenant, _ *op.Desk) input {
		e, control := x.inspected("concluded")
		return input{"engagement": e, "control": control, "comment": "Read it, " + x.secret()}
	},
	// Each side words what is its own.
	"report_texts.set": func(x *tenant, who *op.Desk) input {
		e, place := x.engagement(reviewing), "I.title"
		if who != nil && who.Org == x.desk.Org {
			place = "III.DC1"
		}
		for _, p := range as(x, auth.Partner, reports.Get, reports.Ref{Engagement: e}).Places {
			if p.Key == place {
				return input{"engagement": e, "place": place, "text": fmt.Sprintf("Words %d for %s", x.next(), x.mark), "version": p.Version}
			}
		}
		panic("there is no place " + place)
	},
	"reports.draft": func(x *tenant, _ *op.Desk) input { return input{"engagement": x.reach(engagements.DraftReport)} },
	"reports.get":   whole(reviewing),
	"reports.issue": func(x *tenant, _ *op.Desk) input {
		e := x.signed()
		return input{"engagement": e, "sha256": as(x, auth.Partner, reports.Get, reports.Ref{Engagement: e}).SHA256}
	},
	"reports.pdf": func(x *tenant, _ *op.Desk) input {
		e := x.engagement(reviewing)
		return input{"engagement": e, "report": x.newestPrint(e)}
	},
	"samples.draw": func(x *tenant, _ *op.Desk) input {
		e := x.engagement(working)
		return input{"engagement": e, "control": x.sampling(e, listed, "event")}
	},
	"samples.extend": func(x *tenant, _ *op.Desk) input {
		e := x.engagement(working)
		return input{"engagement": e, "control": x.deviating(e), "reason": "One ticket was lost, " + x.secret()}
	},
	"tests.run": func(x *tenant, _ *op.Desk) input {
		e := x.engagement(working)
		return input{"engagement": e, "control": x.inFull(e), "attribute": "D"}
	},
}

// whole names an engagement.
func whole(name string) func(*tenant, *op.Desk) input {
	return func(x *tenant, _ *op.Desk) input { return input{"engagement": x.engagement(name)} }
}

// inEngagement names a record of a kind, as the firm reads it.
func inEngagement(kind string) func(*tenant, *op.Desk) input {
	return func(x *tenant, _ *op.Desk) input {
		return input{"engagement": x.engagement(working), "id": x.ids[kind]}
	}
}

func ofList(x *tenant, _ *op.Desk) input {
	return input{"engagement": x.engagement(working), "population": listed}
}

func ofControl(x *tenant, _ *op.Desk) input {
	return input{"engagement": x.engagement(working), "control": x.sampled}
}

func answering(x *tenant, _ *op.Desk) input {
	e, control := x.inspected("planned")
	return input{"engagement": e, "control": control, "items": []string{control}, "evidence": x.exhibit()}
}

// item is the first that was drawn.
func (x *tenant) item() string {
	x.t.Helper()
	if e := x.engagement(working); x.first == "" {
		x.first = x.items(e, x.sampled)[0]
	}
	return x.first
}

// inFull is a control each item of which is tested by what the list says.
func (x *tenant) inFull(e string) string {
	x.t.Helper()
	control := x.freshCode()
	as(x, auth.Staff, procedures.PlanOp, procedures.Planning{Engagement: e, Control: control, Basis: procedures.InFull, Population: listed, Cadence: "event",
		Attributes: approved[1:], Expressions: approvedExpr})
	return control
}

// asInput is what an operation takes, by the names of its fields.
func asInput(v any) input {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	out := input{}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		panic(err)
	}
	for k, v := range out {
		if list, ok := v.([]any); ok {
			var texts []string
			for _, s := range list {
				texts = append(texts, fmt.Sprint(s))
			}
			out[k] = texts
		}
	}
	return out
}

// Sides of an engagement, where the right alone does not say whose the act is.
const (
	firmAlone   = "firm"
	clientAlone = "client"
	eachItsOwn  = "side"
)

// sided are the operations whose right people of both sides have, and which
// are not for both.
var sided = map[string]string{
	"engagements.propose":    clientAlone,
	"engagements.reschedule": firmAlone,
	"engagements.advance":    eachItsOwn,
	"report_texts.set":       eachItsOwn,
}

// actors are the people of the tenant who may do an operation: the owner, the
// firm's partner, or both.
func (x *tenant) actors(o op.Operation) (out []*op.Desk) {
	x.t.Helper()
	for _, desk := range []*op.Desk{x.desk, x.seat(auth.Partner)} {
		if desk.Actor.May(o.Right()) && !x.barred(o, person{desk: desk}) {
			out = append(out, desk)
		}
	}
	return out
}

// barred reports whether a person has the right to an operation and yet stands
// on the wrong side for it.
func (x *tenant) barred(o op.Operation, p person) bool {
	if !p.desk.Actor.May(o.Right()) {
		return false
	}
	return sided[o.Name()] == clientAlone && p.firm() || sided[o.Name()] == firmAlone && !p.firm()
}

// across is an input that is the other side's to give, of an operation with
// which each side does its own part.
func (x *tenant) across(o op.Operation, who *op.Desk) input {
	x.t.Helper()
	other := x.seat(auth.Partner)
	if who.Org != x.desk.Org {
		other = x.desk
	}
	return x.example(o, other)
}
