package procedures

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/scopes"
)

// cadences are the frequencies of controls as samples know them.
var cadences = map[string]sample.Cadence{
	"annual": sample.Annual, "semi_annual": sample.SemiAnnual, "quarterly": sample.Quarterly, "monthly": sample.Monthly,
	"semi_monthly": sample.SemiMonthly, "weekly": sample.Weekly, "daily": sample.Daily, "many_times_a_day": sample.ManyADay,
	"per_event": sample.Event, "continuous": sample.Automated,
}

var (
	lettered = regexp.MustCompile(`^([A-Z])[ \t]+(\S.*)$`)
	role     = regexp.MustCompile(`^(approver|author|approved|acted)=(\S.{0,99})$`)
	listCode = regexp.MustCompile(`^[A-Z0-9]+(-[A-Z0-9]+)*$`)
)

// maxText bounds the text of an attribute and its expression, in bytes.
const maxText = 2000

func plan(c *op.Call, in Planning) (Procedure, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Procedure{}, err
	}
	if err := r.From(engagements.Engaged); err != nil {
		return Procedure{}, err
	}
	if !r.State.Before(engagements.DraftReport) {
		return Procedure{}, fault.Conflict("%s is %s: what is tested was settled before.", r.Name, r.State.Words())
	}
	k, err := controls.Get.Call(r.AtClient(c), controls.Ref{ID: in.Control})
	if err != nil {
		return Procedure{}, err
	}
	if err := auditor(c, r, string(k.Owner)); err != nil {
		return Procedure{}, err
	}
	if !k.Retired.IsZero() {
		return Procedure{}, fault.Conflict("%s was retired on %s.", k.Code, day(k.Retired))
	}
	p, err := in.procedure(c, r, k)
	if err != nil {
		return Procedure{}, err
	}
	was, err := open(c, r, k.Code)
	switch {
	case err == nil:
		err = replan(c, r, was, &p, in.Version)
	case fault.KindOf(err) == fault.KindNotFound && in.Version != 0:
		err = fault.Conflict("No test of %s is planned that could be changed. Leave the version out.", k.Code)
	case fault.KindOf(err) == fault.KindNotFound:
		err = create(c, r, &p)
	}
	if err != nil {
		return Procedure{}, err
	}
	now, err := open(c, r, k.Code)
	if err != nil {
		return Procedure{}, err
	}
	body, err := json.Marshal(now.Procedure)
	if err != nil {
		return Procedure{}, err
	}
	_, err = c.Tx.Exec(insertVersion, c.Org, now.ID, now.Version, string(body), c.Actor.Name, clock.Millis(c.Now))
	return now.Procedure, err
}

// procedure reads the plan and refuses what could not be performed.
func (in Planning) procedure(c *op.Call, r *engagements.Room, k controls.Control) (Procedure, error) {
	p := Procedure{Control: k.Code, ControlVersion: k.Version, Title: k.Title, Text: k.Text, Key: k.Key, Basis: in.Basis, Population: in.Population,
		Cadence: in.Cadence, Risk: in.Risk, Criteria: []string{}, Roles: []string{}, Created: c.Now, Updated: c.Now, Version: 1}
	for _, m := range k.Criteria {
		p.Criteria = append(p.Criteria, m.Criterion)
	}
	if p.Cadence == "" {
		p.Cadence = string(cadences[k.Frequency])
	}
	if p.Risk == "" {
		p.Risk = string(sample.Moderate)
	}
	switch {
	case sample.CheckControl(k.Code) != nil:
		return p, fault.Invalid("control", "%s", sample.CheckControl(k.Code))
	case r.Type == scopes.TypeI && in.Basis != ByInspection:
		return p, fault.Invalid("basis", "a Type I report is about design and implementation at a date: plan an inspection")
	case in.Basis == ByInspection && in.Population != "":
		return p, fault.Invalid("population", "an inspection looks at the control itself; leave the list out")
	case in.Basis != ByInspection && !listCode.MatchString(in.Population):
		return p, fault.Invalid("population", "name the list that is tested, such as POP-08")
	case p.Cadence == "":
		return p, fault.Invalid("cadence", "say how often the control operates")
	}
	var err error
	if p.Attributes, err = in.attributes(); err != nil {
		return p, err
	}
	if p.Roles, err = in.roles(); err != nil {
		return p, err
	}
	if p.Tester, p.TesterName, err = in.tester(c, r); err != nil {
		return p, err
	}
	return p, in.readable(c, r, p)
}

// attributes joins the lines of texts and expressions by their letters.
func (in Planning) attributes() ([]Attribute, error) {
	var out []Attribute
	for i, line := range in.Attributes {
		m := lettered.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || len(line) > maxText {
			return nil, fault.Invalid("attributes", "line %d is not a letter, a space and what must hold, such as: A asked for in a ticket", i+1)
		}
		if i > 0 && m[1] <= out[i-1].Letter {
			return nil, fault.Invalid("attributes", "%s follows %s; letters ascend and each stands once", m[1], out[i-1].Letter)
		}
		out = append(out, Attribute{Letter: m[1], Text: m[2]})
	}
	for i, line := range in.Expressions {
		m := lettered.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || len(line) > maxText {
			return nil, fault.Invalid("expressions", "line %d is not a letter, a space and an expression, such as: D timestamp(r.approved_at) < timestamp(r.deployed_at)", i+1)
		}
		at := slices.IndexFunc(out, func(a Attribute) bool { return a.Letter == m[1] })
		switch {
		case at < 0:
			return nil, fault.Invalid("expressions", "there is no attribute %s", m[1])
		case out[at].Expression != "":
			return nil, fault.Invalid("expressions", "%s has two", m[1])
		case in.Basis == ByInspection:
			return nil, fault.Invalid("expressions", "an inspection has no records to read; leave them out")
		}
		out[at].Expression = m[2]
	}
	if in.Basis == InFull {
		for _, a := range out {
			if a.Expression == "" {
				return nil, fault.Invalid("expressions", "%s has none; every item is tested only by expressions. Plan a sample for what a person must judge", a.Letter)
			}
		}
	}
	return out, nil
}

func (in Planning) roles() ([]string, error) {
	out := []string{}
	for _, s := range in.Roles {
		s = strings.TrimSpace(s)
		m := role.FindStringSubmatch(s)
		if m == nil || slices.ContainsFunc(out, func(o string) bool { return strings.HasPrefix(o, m[1]+"=") }) {
			return nil, fault.Invalid("roles", "%q is not one of approver, author, approved or acted with a field, such as approver=approved_by, each once", s)
		}
		out = append(out, s)
	}
	return out, nil
}

func (in Planning) tester(c *op.Call, r *engagements.Room) (id.User, string, error) {
	if in.Tester == "" {
		return c.Actor.User, c.Actor.Name, nil
	}
	u, err := id.Parse[id.User](in.Tester)
	if err != nil {
		return "", "", fault.Invalid("tester", "give the id of a member of %s, usr_…", r.Firm.Name)
	}
	a, err := auth.MemberActor(c.Tx, r.Firm.Org, u, "")
	if err != nil {
		return "", "", fault.Invalid("tester", "is not a member of %s", r.Firm.Name)
	}
	return u, a.Name, nil
}

// readable compiles the expressions if the list is sealed already. Before that
// nobody knows its fields; the draw asks again.
func (in Planning) readable(c *op.Call, r *engagements.Room, p Procedure) error {
	if !p.structured() {
		return nil
	}
	pop, err := populations.Find(c, r, p.Population)
	if fault.KindOf(err) == fault.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	v := pop.Current()
	if v == nil {
		return nil
	}
	var o observer
	if err := populations.EachRow(c, c, r, *v, o.see); err != nil {
		return err
	}
	if v.Rows == 0 {
		return nil
	}
	_, err = newJudge(p.Attributes, o.shape(), c.Now)
	return err
}

func create(c *op.Call, r *engagements.Room, p *Procedure) error {
	p.ID = id.New[id.Procedure](c.Now)
	if err := p.record(c, r); err != nil {
		return err
	}
	criteria, attributes, roles, err := p.encoded()
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertProcedure, c.Org, p.ID, p.Control, p.ControlVersion, p.Title, p.Text, criteria, p.Key, p.Basis, p.Population, p.Cadence,
		p.Risk, attributes, roles, "", p.Tester, p.TesterName, 1, p.Entry, 0, clock.Millis(c.Now), clock.Millis(c.Now))
	if db.IsDuplicate(err) {
		return fault.Conflict("A test of %s was planned a moment ago.", p.Control)
	}
	if err == nil && p.Basis == ByInspection {
		err = addItems(c, p.ID, []drawnItem{{ordinal: 1, rank: 1, item: p.Control, label: p.Title}}, false)
	}
	return err
}

// replan changes a plan that nothing rests on yet.
func replan(c *op.Call, r *engagements.Room, was *paper, p *Procedure, read int64) error {
	if err := look(c, r, was); err != nil {
		return err
	}
	switch {
	case read != was.Version:
		stale := fault.Conflict("The plan for %s was changed since you read it, or exists already: it is version %d.", was.Control, was.Version)
		stale.Current = was.Procedure
		return stale
	case was.touched > 0:
		return fault.Conflict("%s is being tested: after the first mark its plan stays as it is.", was.Control)
	case was.Sample != nil && (p.Basis != was.Basis || p.Population != was.Population || p.Cadence != was.Cadence || p.Risk != was.Risk):
		return fault.Conflict("The sample of %s is drawn: basis, list, cadence and risk stay as they were. Samples are never redrawn.", was.Control)
	case p.Basis != was.Basis && (p.Basis == ByInspection || was.Basis == ByInspection) && len(was.linked) > 0:
		return fault.Conflict("%s has evidence linked to it: its basis stays as it is.", was.Control)
	}
	p.ID, p.Version = was.ID, was.Version+1
	if err := p.record(c, r); err != nil {
		return err
	}
	criteria, attributes, roles, err := p.encoded()
	if err != nil {
		return err
	}
	n, err := c.Tx.Exec(updateProcedure, p.ControlVersion, p.Title, p.Text, criteria, p.Key, p.Basis, p.Population, p.Cadence, p.Risk, attributes, roles,
		p.Tester, p.TesterName, p.Entry, clock.Millis(c.Now), c.Org, p.ID, was.Version)
	if err == nil && n == 0 {
		err = fault.Conflict("The plan for %s was changed a moment ago.", was.Control)
	}
	if s := was.Sample; err == nil && s != nil && s.Method != methodNone && s.rowsLink < 0 && p.structured() {
		err = linkLater(c, r, was)
	}
	switch {
	case err != nil || p.Basis == was.Basis:
	case p.Basis == ByInspection:
		err = addItems(c, p.ID, []drawnItem{{ordinal: 1, rank: 1, item: p.Control, label: p.Title}}, false)
	case was.Basis == ByInspection:
		_, err = c.Tx.Exec(dropItem, c.Org, p.ID)
	}
	return err
}

// linkLater ties the sealed list to the items, for expressions that came into
// the plan after the draw.
func linkLater(c *op.Call, r *engagements.Room, was *paper) error {
	rows, err := db.Rows(c.Tx, selectItems, []any{c.Org, was.ID, 0, int64(everything)}, scanItem)
	if err != nil {
		return err
	}
	entry, err := linkRows(c, r, was, was.Sample, rows)
	if err == nil {
		_, err = c.Tx.Exec(relinkSample, entry, c.Org, was.Sample.ID)
	}
	return err
}

func (p *Procedure) encoded() (criteria, attributes, roles string, err error) {
	var parts [3]string
	for i, v := range []any{p.Criteria, p.Attributes, p.Roles} {
		b, err := json.Marshal(v)
		if err != nil {
			return "", "", "", err
		}
		parts[i] = string(b)
	}
	return parts[0], parts[1], parts[2], nil
}

// record leaves the plan's entry, which answers to an inspection answer.
func (p *Procedure) record(c *op.Call, r *engagements.Room) (err error) {
	body := map[string]any{"engagement": r.ID, "control": p.Control, "control_version": p.ControlVersion, "basis": p.Basis, "cadence": p.Cadence,
		"risk": p.Risk, "attributes": p.Attributes, "criteria": p.Criteria, "version": p.Version, "tester": p.TesterName}
	if p.Population != "" {
		body["population"] = p.Population
	}
	if len(p.Roles) > 0 {
		body["roles"] = p.Roles
	}
	p.Entry, err = c.Append(op.Record{Kind: canon.KindOp, ID: string(p.ID), Body: body})
	return err
}

func list(c *op.Call, in Whole) (op.Page[Procedure], error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return op.Page[Procedure]{}, err
	}
	all, err := survey(c, r, "")
	if err == nil {
		err = look(c, r, all...)
	}
	out := op.Page[Procedure]{Items: []Procedure{}, Total: int64(len(all))}
	for _, p := range all {
		p.Evaluation.Curve = nil
		out.Items = append(out.Items, p.Procedure)
	}
	return out, err
}

func get(c *op.Call, in Ref) (Procedure, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Procedure{}, err
	}
	p, err := open(c, r, in.Control)
	if err != nil {
		return Procedure{}, err
	}
	err = look(c, r, p)
	return p.Procedure, err
}
