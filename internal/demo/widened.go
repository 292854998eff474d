package demo

import (
	"context"
	"time"

	"github.com/tickmark/tickmark/internal/checks"
)

// A later control came after the first report, when two categories joined the
// scope.
type later struct {
	control
	owner   string // by role
	days    []time.Time
	planned bool // nobody has said yet how it is done
}

// widened are the controls of the second year. Checks watch most of them.
var widened = []later{
	{control{"MFA-01", "Multi-factor login for everyone", "The directory requires a second factor for each login of employees, contractors and programs. The IT manager reviews exceptions each month.",
		[]string{"CC6.1", "CC6.6"}, "daily", nil, ""}, "control_owner", nil, false},
	{control{"LVR-01", "Access ends with the work", "Accounts of people who leave are disabled within 24 hours of the end of their last day.",
		[]string{"CC6.2"}, "daily", nil, ""}, "control_owner", nil, false},
	{control{"REV-01", "Access is reviewed each quarter", "The owner of each system reviews who has access; what is not needed is removed within fifteen days of the quarter's end.",
		[]string{"CC6.2", "CC6.3"}, "quarterly", nil, "Review of access, quarter by quarter: each line decided, removals carried out and seen in a second list."}, "sponsor",
		[]time.Time{date(2026, 4, 9), date(2026, 7, 8)}, false},
	{control{"LOG-01", "Logs are kept and somebody would notice silence", "Logs of all systems are archived for 400 days; a source that falls silent is noticed within a day.",
		[]string{"CC7.2"}, "weekly", nil, ""}, "compliance_lead", nil, false},
	{control{"VUL-01", "Weaknesses are closed in time", "Critical weaknesses are closed within 7 days, high ones within 30, others within 90.",
		[]string{"CC7.1"}, "weekly", nil, ""}, "control_owner", nil, false},
	{control{"INC-02", "Incidents are looked back at", "Within ten days of the end of each incident of severity 1 to 3 its causes and the response are reviewed.",
		[]string{"CC7.4", "CC7.5"}, "quarterly", nil, "Look back at the incidents of the quarter: causes, what was done, what changes."}, "control_owner",
		[]time.Time{date(2026, 4, 14), date(2026, 7, 14), date(2026, 10, 13)}, false},
	{control{"SUP-01", "Important suppliers are reviewed each half-year", "The lead reads the reports of the three suppliers that matter most and writes down what they mean for Larchmere.",
		[]string{"CC9.2"}, "semi_annual", nil, "Review of suppliers: reports read, exceptions weighed, what they expect of us checked."}, "second_lead",
		[]time.Time{date(2026, 3, 27)}, false},
	{control{"CAP-01", "Capacity is watched", "Capacity of each system is looked at each quarter against what is expected.",
		[]string{"A1.1"}, "quarterly", nil, "Capacity report: room in each system, growth, when more is needed."}, "control_owner",
		[]time.Time{date(2026, 4, 7), date(2026, 7, 7), date(2026, 10, 6)}, false},
	{control{"BCK-01", "Backups are made each night", "A backup of each store is made each night; a failed one is repeated by the next working day.",
		[]string{"A1.2"}, "weekly", nil, ""}, "compliance_lead", nil, false},
	{control{"RCV-01", "Recovery is rehearsed", "A restore is tried each quarter and the whole recovery each year.",
		[]string{"A1.3"}, "quarterly", nil, "Recovery test: what was restored, how long it took, against which target."}, "control_owner",
		[]time.Time{date(2026, 4, 16), date(2026, 7, 16), date(2026, 10, 15)}, false},
	{control{"CNF-01", "Confidential data is known and kept apart", "Stores of confidential data are listed with who may open them; the list is confirmed each quarter.",
		[]string{"C1.1"}, "quarterly", nil, "List of stores with confidential data, and who may open each."}, "second_lead",
		[]time.Time{date(2026, 4, 2), date(2026, 7, 2), date(2026, 10, 1)}, false},
	{control{"DEL-01", "Customer data is deleted after the contract", "Data of a customer is deleted within 30 days of the contract's end, and the customer is told.",
		[]string{"C1.2"}, "per_event", nil, ""}, "owner", nil, true},
}

// watched are the checks that the company wrote itself.
var watched = []string{`id: larchmere.account.second-factor
title: Every account has a second factor
kind: account
schema: 1
applies: r.enabled
pass: r.mfa
empty: unknown
freshness: 26h
cadence: daily
severity: critical
mandatory: true
message: '"signs in without a second factor"'
summary: '{failing} of {total} accounts sign in without a second factor'
risk: A password that was guessed or given away is enough to come in.
fix: |
  Add the account to the group workforce-mfa; the directory then asks for a factor at the next login.
unknown: The directory did not say whether it has one.
controls: [MFA-01]
map: [{criterion: CC6.1, strength: direct}, {criterion: CC6.6, strength: supporting}]
fixtures:
  pass: [{enabled: true, mfa: true}]
  fail: [{enabled: true, mfa: false}]
  unknown: [{enabled: true}]
`}

// decisions are what people settle in the course of the year: an exception that
// is asked for by one and approved by another, and ends on its day.
func (s *Stage) decisions() []moment {
	return []moment{
		{date(2026, 8, 12).Add(-30 * time.Minute), s.except},
		{date(2026, 8, 12), s.approve},
	}
}

func (s *Stage) except(ctx context.Context) error {
	x, err := do(ctx, s, "compliance_lead", checks.Except, checks.Waive{Check: "larchmere.account.second-factor", Key: "svc-scan-01",
		Reason: "The scanner's new version cannot answer a second factor; the maker delivers one on Friday. It runs from one address only until then.",
		Ends:   date(2026, 8, 15), Owner: mei.name})
	s.exception = x.ID
	return err
}

func (s *Stage) approve(ctx context.Context) error {
	return must(ctx, s, "owner", checks.Approve, checks.WaiverRef{ID: string(s.exception)})
}
