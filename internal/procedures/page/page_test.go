package page_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/procedures/page"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestAWorkpaperIsPlannedDrawnAndTestedWithoutAScript(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := prepared(t, desk, 240, procedures.BySample)
		site := sitetest.New(t, desk.Engine, page.Routes())
		v := site.As(s.Staff)
		base := "/engagements/" + s.ID + "/testing"

		p := v.Get(base)
		p.Is(200)
		p.Says("h1", "None of 26 workpapers is concluded. No deviation so far.")
		p.Says("tbody tr", "CHG-01")
		p.Says(".tm-work", "Planned")

		p = v.Get(base + "/CHG-01")
		p.Is(200)
		p.Says("h1", "A plan stands. No sample is drawn yet.")
		p = v.Get(base + "/CHG-01/draw")
		p.Says("h1", "60 of 240 changes will be drawn, once.")
		p.Says("dd", "many a day, high risk, 240 items")
		p.Says("dd", "at most 4.8703 % deviate, at 95 % confidence: within the tolerable 5 %")
		v.Post(base+"/CHG-01/draw", "method", "random").LeadsTo(base + "/CHG-01")

		p = v.Get(base + "/CHG-01")
		p.Is(200)
		p.Says("h1", "0 of 60 changes tested, no deviations.")
		if n := p.Count("#tm-grid-rows tr"); n != 60 {
			t.Errorf("%d rows, want 60", n)
		}
		if n := p.Count(".tm-strip i"); n != 60 {
			t.Errorf("%d boxes, want 60", n)
		}
		if n := p.Count("td[data-at]"); n != 1 {
			t.Errorf("%d current cells, want 1", n)
		}
		p.Says(".tm-grid-foot", "Marks can be set once fieldwork has begun.")
		optest.Do(t, s.Partner, engagements.Advance, engagements.Advancing{ID: s.ID, To: string(engagements.Fieldwork)})
		item := p.Attr("#tm-grid-rows tr", "data-item")
		p = v.Post(base+"/CHG-01/marks", "item", item, "attribute", "A", "mark", "agrees")
		p.Is(422)
		p.Says(".tm-field-error", "no conclusion before evidence")
		shown(t, s)
		p = v.Get(base + "/CHG-01/items/" + item + "?a=A")
		p.Is(200)
		p.Says("h1", item+": none of five attributes tested.")
		back := p.Attr("form[data-mark-form] input[name=back]", "value")
		if !strings.HasSuffix(back, "/items/"+item+"?a=B") {
			t.Errorf("after A comes %q", back)
		}
		p = v.Post(base+"/CHG-01/marks", "item", item, "attribute", "A", "mark", "deviation", "reason", "", "back", back)
		p.Is(422)
		p.Says(".tm-field-error", "Say why")
		v.Post(base+"/CHG-01/marks", "item", item, "attribute", "A", "mark", "agrees", "reason", "", "back", back).LeadsTo(back)
		v.Post(base+"/CHG-01/marks", "item", item, "attribute", "B", "mark", "na", "reason", "An emergency change", "back", "https://elsewhere.example/").LeadsTo(base + "/CHG-01")
		p = v.Get(base + "/CHG-01?" + url.Values{"item": {item}, "a": {"B"}}.Encode())
		p.Says("#tm-grid-rows td[data-at]", "")
		if got := p.Attr("#tm-grid-rows td[data-at]", "data-tick"); got != "na" {
			t.Errorf("B of %s is %q", item, got)
		}
		if got := p.Attr("#tm-pane", "data-letter"); got != "B" {
			t.Errorf("the pane shows %q", got)
		}
	})
}

func TestTheScriptGetsRowsAndFiguresForAMark(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := drawn(t, desk, 240)
		shown(t, s)
		list := rows(t, s)
		var items []string
		for _, r := range list[:37] {
			items = append(items, r.Item)
		}
		set(t, s, "agrees", "", []string{"A", "B", "C", "D", "E"}, items...)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(s.Staff)
		base := "/engagements/" + s.ID + "/testing/CHG-01"
		last := list[37].Item
		for _, letter := range []string{"A", "B", "C", "E"} {
			v.Post(base+"/marks", "items", last, "attributes", letter, "mark", "agrees")
		}
		p := v.PostPart(base+"/marks", "items", last, "attributes", "D", "mark", "deviation", "reason", "Approved after it was deployed")
		p.Is(200)
		if got := p.Attrs("tr[data-item="+last+"] td[data-letter=D]", "data-tick"); len(got) != 1 || got[0] != "deviation" {
			t.Errorf("D of %s is %v in %s", last, got, p.Body)
		}
		p.Says("#tm-head h1", "38 of 60 changes tested, one deviation. A clean finish would still not support this control.")
		p.Says("#tm-side-part .tm-totals tr", "Upper limit at 95 % 11.8854 %")
		p.Says("#tm-side-part .tm-would li", "60 items, 1 deviation: 7.6640 %, above 5 %. Not supported.")
		p.Says("#tm-side-part .tm-would li", "93 items, 1 deviation: 4.9994 %. Supported. 33 more, ranks 61 to 93.")
		p.Says("#tm-side-part .tm-would li", "93 items, 2 deviations: 6.6150 %, above 5 %. Not supported. There is no second extension.")
		if n := p.Count(".tm-strip-deviation"); n != 1 {
			t.Errorf("%d deviations in the strip", n)
		}
		v.PostPart(base+"/marks", "items", last, "attributes", "D", "mark", "deviation").Is(422)
		v.Part(base+"/items/"+last+"?a=D").Says("#tm-pane h3", "D: approved before deployment, not by the author")
		if n := v.Part(base + "/rows?at=1").Count("#tm-grid-rows tr"); n != 60 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestDeviationsAreClassifiedByTheFirmAndAnsweredByTheClient(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := drawn(t, desk, 240)
		item := rows(t, s)[0].Item
		set(t, s, "deviation", "Secret note of the tester", []string{"D"}, item)
		site := sitetest.New(t, desk.Engine, page.Routes())
		firm, client := site.As(s.Staff), site.As(s.Lead)
		base := "/engagements/" + s.ID + "/deviations"
		client.Get(base).Says("h1", "Aldine Voss has shown no deviation to Example.")
		p := firm.Get(base)
		p.Says("h1", "One deviation, one without a cause.")
		one := p.Attr("tbody tr", "data-href")
		p = firm.Get(one)
		p.Is(200)
		p.Says("dd", "Secret note of the tester")
		firm.Post(one, "version", "1", "cause", "one_off", "extent", "isolated", "reason", "").Is(422)
		version := p.Attr("input[name=version]", "value")
		firm.Post(one, "version", version, "cause", "one_off", "extent", "isolated", "reason", "The approver was on leave and no deputy was named.",
			"disclosure", "For one of 60 changes the approval followed the deployment.").LeadsTo(one)

		p = client.Get(one)
		p.Is(200)
		p.Silent("main", "Secret note")
		p.Silent("main", "no deputy was named")
		p.Says("dd", "the approval followed the deployment")
		client.Post(one+"/response", "text", "").Is(422)
		client.Post(one+"/response", "text", "Since June a deputy is named for each approver.").LeadsTo(one)
		firm.Get(one).Says(".tm-narrative", "Since June a deputy is named")
		firm.Post(one+"/response", "text", "We are not management at all.").Is(403)
	})
}

func TestTheClientSeesWhatWasDrawnAndAnswersItTogether(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := drawn(t, desk, 240)
		site := sitetest.New(t, desk.Engine, page.Routes())
		v := site.As(s.Lead)
		base := "/engagements/" + s.ID + "/items"
		p := v.Get(base)
		p.Is(200)
		p.Says("h1", "85 items drawn by Aldine Voss, 85 without evidence.")
		p = v.Get(base + "/CHG-01")
		p.Is(200)
		p.Says(".tm-pane-attributes li", "reviewed by another person")
		p.Silent("main", "timestamp(")
		items := p.Attrs("tbody input[name=id]", "value")
		if len(items) != 60 {
			t.Fatalf("%d items", len(items))
		}
		p = v.Post(base+"/CHG-01/answer", "choose", "yes", "id", items[0], "id", items[1])
		p.Is(303)
		p = v.Get(p.Header.Get("Location"))
		p.Says("h1", "A record becomes evidence of two items.")
		record := p.Attr("input[name=evidence]", "value")
		v.Post(base+"/CHG-01/answer", "items", items[0], "items", items[1], "evidence", "").Is(422)
		v.Post(base+"/CHG-01/answer", "items", items[0], "items", items[1], "evidence", record).LeadsTo(base + "/CHG-01")
		v.Get(base).Says("h1", "85 items drawn by Aldine Voss, 83 without evidence.")
		v.Get(base+"/CHG-01?open=1").Silent("tbody", items[0])
		v.Get("/engagements/" + s.ID + "/testing").Is(403)
		v.Get("/engagements/" + s.ID + "/testing/CHG-01").Is(403)
		site.As(s.Staff).Get(base).Is(200)
	})
}

func TestEveryItemIsTestedByExpressionAndConcludedAndReviewedByTwoPeople(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := prepared(t, desk, 240, procedures.InFull)
		optest.Do(t, s.Partner, engagements.Advance, engagements.Advancing{ID: s.ID, To: string(engagements.Fieldwork)})
		site := sitetest.New(t, desk.Engine, page.Routes())
		staff, manager := site.As(s.Staff), site.As(s.Manager)
		base := "/engagements/" + s.ID + "/testing/CHG-01"
		p := staff.Get(base)
		p.Says("h1", "Every item is tested by expression. No test has run yet.")
		p = staff.Get(base + "/full")
		p.Says("h1", "Every item of POP-08 is held against an expression.")
		if n := p.Count("tbody tr"); n != 20 {
			t.Errorf("%d rows are shown, want 20", n)
		}
		staff.Post(base+"/full", "attribute", "Z").Is(422)
		for _, a := range attributes {
			staff.Post(base+"/full", "attribute", a[:1]).LeadsTo(base)
		}
		p = staff.Get(base)
		p.Says("h1", "All 240 changes tested, one deviation.")
		p.Says(".tm-totals", "Rate, exact 0.4167 %")
		p.Says("tbody tr", "D entry")
		staff.Get(base+"/conclude").Says("main", "1 of 240")
		p = staff.Post(base+"/conclude", "decision", "effective", "reason", "")
		p.Is(422)
		one := staff.Get("/engagements/"+s.ID+"/deviations").Attrs("tbody tr", "data-href")
		for _, href := range one {
			version := staff.Get(href).Attr("input[name=version]", "value")
			staff.Post(href, "version", version, "cause", "one_off", "extent", "isolated", "reason", "The approver was on leave that day.", "disclosure", "For 1 of 240 changes the approval followed.").LeadsTo(href)
		}
		staff.Post(base+"/conclude", "decision", "effective_with_deviations", "reason", "").LeadsTo(base)
		p = staff.Get(base)
		p.Says("h1", "Concluded: operated effectively, deviations disclosed.")
		p.Says(".tm-proposal-person", "Decided: operated effectively, deviations disclosed")
		staff.Get(base + "/review").Is(403)
		manager.Get(base).Says(".btn-primary", "Review")
		manager.Post(base+"/review", "comment", "Read the runs.").LeadsTo(base)
		p = manager.Get("/engagements/" + s.ID + "/testing?criterion=CC8.1")
		p.Says("tbody tr .tm-work", "Reviewed")
		p.Says(".tm-facts", "Only CC8.1")
	})
}

func TestAnInspectionHasOneItemAndAMissingRecordIsADeviation(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := drawn(t, desk, 60)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(s.Staff)
		base := "/engagements/" + s.ID + "/testing"
		p := v.Get(base + "/CHG-06")
		p.Is(200)
		p.Says("h1", "The control itself is looked at. It is not tested yet.")
		if n := p.Count(".tm-strip"); n != 0 {
			t.Error("one item has a strip")
		}
		if p.Attr("form[data-mark-form] input[name=code]", "value") != "missing" {
			t.Error("nobody can say that no evidence was shown")
		}
		v.Get(base + "/CHG-06/CHG-06?a=A").LeadsTo(base + "/CHG-06/items/CHG-06?a=A")
		v.Post(base+"/CHG-06/marks", "item", "CHG-06", "attribute", "A", "mark", "deviation", "code", "missing", "reason", "Nobody could show a list of owners.").LeadsTo(base + "/CHG-06")
		v.Get(base+"/CHG-06").Says("h1", "The control itself was looked at, and is not as it is described.")
		v.Get("/engagements/"+s.ID+"/deviations?control=CHG-06").Says("tbody tr", "missing")
		v.Get(base + "/NO-99").Is(404)
		v.Get(base + "/CHG-01/items/CHG-9999").Is(404)
		v.Get("/engagements/eng_00000000000000000000000000/testing").Is(404)
	})
}
