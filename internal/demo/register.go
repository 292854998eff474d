package demo

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/fault"
)

// targetFeed is what the monitoring watches, which is the nearest that Larchmere
// has to a list of its machines.
var targetFeed = feed{"Monitoring", "monitoring_target", "instance", "targets of all jobs, as the server lists them",
	[]string{"instance", "job", "health", "last_error"}, (*Stage).targets}

// A watched target begins to be watched on a day and may end on another.
var targets = []struct {
	instance, job string
	from, to      time.Time
}{
	{"app-01", "app", opens, time.Time{}}, {"app-02", "app", opens, time.Time{}}, {"app-03", "app", opens, time.Time{}}, {"app-04", "app", opens, time.Time{}},
	{"app-05", "app", opens, time.Time{}}, {"app-06", "app", opens, date(2026, 10, 5)}, {"gateway", "edge", opens, time.Time{}},
	{"ledger-eu", "database", opens, time.Time{}}, {"printer-2f", "office", opens, time.Time{}}, {"prober", "monitoring", opens, time.Time{}},
	{"app-07", "app", date(2026, 11, 2), time.Time{}},
}

func (s *Stage) targets(at time.Time) (rows [][]string) {
	for _, x := range targets {
		if !at.Before(x.from) && (x.to.IsZero() || at.Before(x.to)) {
			rows = append(rows, []string{x.instance, x.job, "up", ""})
		}
	}
	return rows
}

// bought are assets that no source shows: services that others run, and what
// stands in a building.
var bought = []struct {
	seat string // of whoever answers for it
	assets.New
}{
	{"sponsor", assets.New{Type: "saas", Name: "Payroll", Supplier: "Rhenus Payroll", Criticality: 2, Class: "restricted", Flags: []string{"personal"}, Environment: "corporate", LiveFrom: "2021-03-01"}},
	{"second_lead", assets.New{Type: "saas", Name: "Mail and documents", Supplier: "Fjord Office", Criticality: 2, Class: "confidential", Flags: []string{"personal"}, Environment: "corporate", LiveFrom: "2019-09-01"}},
	{"control_owner", assets.New{Type: "saas", Name: "Error tracking", Supplier: "Bracken", Criticality: 3, Class: "internal", Environment: "production", LiveFrom: "2023-05-15"}},
	{"owner", assets.New{Type: "key", Name: "Key that signs releases", Custodian: "Engineering", Criticality: 1, Class: "restricted", Flags: []string{"secret"}, Environment: "production", LiveFrom: "2022-01-10"}},
	{"second_lead", assets.New{Type: "facility", Name: "Office, second floor", Location: "Leipzig", Criticality: 3, LiveFrom: "2019-09-01"}},
}

// register is how the company came to know what it has.
func (s *Stage) register() []moment {
	out := []moment{
		{date(2026, 3, 31).Add(9 * time.Hour), func(ctx context.Context) error { return s.feed(ctx, &targetFeed) }},
		{date(2026, 4, 2).Add(14 * time.Hour), s.inventory},
		{date(2026, 4, 3).Add(9 * time.Hour), s.letGo},
		{date(2026, 11, 17).Add(15 * time.Hour), s.askToLeave},
	}
	for _, d := range []time.Time{date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1), date(2026, 8, 3), date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 2), date(2026, 11, 18)} {
		out = append(out, moment{d.Add(6*time.Hour + 30*time.Minute), s.read(&targetFeed)})
	}
	return out
}

// inventory takes what sources show into the register, but for the monitoring's
// own prober, adds what none shows, and asks that the printer leaves the scope.
func (s *Stage) inventory(ctx context.Context) error {
	found, err := do(ctx, s, "compliance_lead", assets.Reconcile, assets.Comparing{List: assets.ListUnknown, Limit: 500})
	if err != nil {
		return err
	}
	var machines, code, own []string
	for _, r := range found.Resources {
		switch {
		case r.Key == "prober":
			own = append(own, r.Ref())
		case r.Kind == "repository":
			code = append(code, r.Ref())
		default:
			machines = append(machines, r.Ref())
		}
	}
	for _, in := range []assets.Adoption{
		{Resources: machines, Owner: s.user("control_owner"), Environment: "production", Criticality: 2, Class: "confidential"},
		{Resources: code, Owner: s.user("owner"), Criticality: 1, Class: "confidential"},
	} {
		if err := must(ctx, s, "compliance_lead", assets.Adopt, in); err != nil {
			return err
		}
	}
	if err := must(ctx, s, "compliance_lead", assets.Ignore, assets.Ignoring{Resources: own, Reason: "The monitoring watches itself: it runs on gateway, which is in the register."}); err != nil {
		return err
	}
	for _, x := range bought {
		in := x.New
		in.Owner = s.user(x.seat)
		if err := must(ctx, s, "compliance_lead", assets.Create, in); err != nil {
			return err
		}
	}
	return s.exclude(ctx, "compliance_lead", "printer-2f", "It prints letters and reaches neither the service nor customer data.")
}

// letGo has a second person agree that the printer leaves the scope.
func (s *Stage) letGo(ctx context.Context) error {
	id, err := s.asset(ctx, "printer-2f")
	if err != nil {
		return err
	}
	return must(ctx, s, "second_owner", assets.Approve, assets.Refs{IDs: []string{id}})
}

// askToLeave leaves something for whoever may approve.
func (s *Stage) askToLeave(ctx context.Context) error {
	return s.exclude(ctx, "second_lead", "Error tracking", "Since October it is sent nothing but the names of functions, no data of customers.")
}

func (s *Stage) exclude(ctx context.Context, by, name, reason string) error {
	id, err := s.asset(ctx, name)
	if err != nil {
		return err
	}
	return must(ctx, s, by, assets.Exclude, assets.Reasoned{IDs: []string{id}, Reason: reason})
}

// asset finds one by what people call it.
func (s *Stage) asset(ctx context.Context, name string) (string, error) {
	list, err := do(ctx, s, "compliance_lead", assets.List, assets.Filter{Search: strings.ToLower(name), Limit: 50})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(list.Items, func(a assets.Asset) bool { return a.Name == name })
	if i < 0 {
		return "", fault.NotFound("%s is not in the register", name)
	}
	return string(list.Items[i].ID), nil
}

// user is the id of whoever has a seat.
func (s *Stage) user(seat string) string { return string(s.desks[seat].Actor.User) }
