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
	owner string // by role
	days  []time.Time
}

// widened are the controls of the second year. Checks watch most of them.
var widened = []later{
	{control{"MFA-01", "Multi-factor login for everyone", "The directory requires a second factor for each login of employees, contractors and programs. The IT manager reviews exceptions each month.",
		[]string{"CC6.1"}, "daily", nil, ""}, "control_owner", nil},
	{control{"LVR-01", "Access ends with the work", "Accounts of people who leave are disabled within 24 hours of the end of their last day.",
		[]string{"CC6.2"}, "daily", nil, ""}, "control_owner", nil},
	{control{"REV-01", "Access is reviewed each quarter", "The owner of each system reviews who has access; what is not needed is removed within fifteen days of the quarter's end.",
		[]string{"CC6.2", "CC6.3"}, "quarterly", nil, "Review of access, quarter by quarter: each line decided, removals carried out and seen in a second list."}, "sponsor",
		[]time.Time{date(2026, 4, 9), date(2026, 7, 8)}},
	{control{"LOG-01", "Logs are kept and somebody would notice silence", "Logs of all systems are archived for 400 days; a source that falls silent is noticed within a day.",
		[]string{"CC7.2"}, "weekly", nil, ""}, "compliance_lead", nil},
	{control{"VUL-01", "Weaknesses are closed in time", "Critical weaknesses are closed within 7 days, high ones within 30, others within 90.",
		[]string{"CC7.1"}, "weekly", nil, ""}, "control_owner", nil},
	{control{"INC-02", "Incidents are looked back at", "Within ten days of the end of each incident of severity 1 to 3 its causes and the response are reviewed.",
		[]string{"CC7.4", "CC7.5"}, "quarterly", nil, "Look back at the incidents of the quarter: causes, what was done, what changes."}, "control_owner",
		[]time.Time{date(2026, 4, 14), date(2026, 7, 14), date(2026, 10, 13)}},
	{control{"SUP-01", "Important suppliers are reviewed each half-year", "The lead reads the reports of the three suppliers that matter most and writes down what they mean for Larchmere.",
		[]string{"CC9.2"}, "semi_annual", nil, "Review of suppliers: reports read, exceptions weighed, what they expect of us checked."}, "second_lead",
		[]time.Time{date(2026, 3, 27)}},
	{control{"CAP-01", "Capacity is watched", "Capacity of each system is looked at each quarter against what is expected.",
		[]string{"A1.1"}, "quarterly", nil, "Capacity report: room in each system, growth, when more is needed."}, "control_owner",
		[]time.Time{date(2026, 4, 7), date(2026, 7, 7), date(2026, 10, 6)}},
	{control{"BCK-01", "Backups are made each night", "A backup of each store is made each night; a failed one is repeated by the next working day.",
		[]string{"A1.2"}, "weekly", nil, ""}, "compliance_lead", nil},
	{control{"RCV-01", "Recovery is rehearsed", "A restore is tried each quarter and the whole recovery each year.",
		[]string{"A1.3"}, "quarterly", nil, "Recovery test: what was restored, how long it took, against which target."}, "control_owner",
		[]time.Time{date(2026, 4, 16), date(2026, 7, 16), date(2026, 10, 15)}},
	{control{"CNF-01", "Confidential data is known and kept apart", "Stores of confidential data are listed with who may open them; the list is confirmed each quarter.",
		[]string{"C1.1"}, "quarterly", nil, "List of stores with confidential data, and who may open each."}, "second_lead",
		[]time.Time{date(2026, 4, 2), date(2026, 7, 2), date(2026, 10, 1)}},
}

// watched are the checks that the company wrote itself.
var watched = []string{`id: larchmere.account.second-factor
title: Every account has a second factor
kind: system_account
schema: 1
applies: r.enabled
pass: r.mfa
empty: unknown
freshness: 26h
cadence: daily
severity: high
mandatory: true
message: 'r.login + " signs in without a second factor"'
summary: '{failing} of {total} accounts sign in without a second factor'
risk: A password that was guessed or given away is enough to come in.
fix: |
  Add the account to the group workforce-mfa; the directory then asks for a factor at the next login.
unknown: The directory did not say whether it has one.
controls: [MFA-01]
map: [{criterion: CC6.1, strength: direct}]
fixtures:
  pass: [{login: ada, enabled: true, mfa: true}]
  fail: [{login: ada, enabled: true, mfa: false}]
  unknown: [{login: ada, enabled: true}]
`, `id: larchmere.leaver.disabled
title: Accounts of leavers are disabled within a day
kind: leaver_account
schema: 1
applies: 'r.ended_at + duration("24h") <= asof'
pass: '!r.enabled && r.disabled_at <= r.ended_at + duration("24h")'
empty: pass
freshness: 170h
cadence: weekly
severity: high
mandatory: true
message: '"the account " + r.login + " was disabled more than a day after its owner had left"'
summary: '{failing} of {total} accounts of leavers were disabled late'
risk: Somebody who no longer works here can read what belongs to customers.
fix: Disable the account, see whether it was used since, and tell the people team.
unknown: Either file lacks a time.
controls: [LVR-01]
map: [{criterion: CC6.2, strength: direct}]
fixtures:
  pass: [{login: ada, enabled: false, ended_at: 2026-10-01T17:00:00Z, disabled_at: 2026-10-01T18:00:00Z}]
  fail: [{login: ada, enabled: false, ended_at: 2026-10-01T17:00:00Z, disabled_at: 2026-10-04T18:00:00Z}]
  unknown: [{login: ada, enabled: false, ended_at: 2026-10-01T17:00:00Z}]
`, `id: larchmere.change.approved
title: Changes are approved by another person
kind: ticket_change
schema: 1
applies: 'r.deployed_at <= asof - duration("96h")'
pass: 'r.approver != r.requester && r.approved_at <= r.deployed_at + duration(r.emergency ? "96h" : "0h")'
empty: pass
freshness: 170h
cadence: weekly
severity: high
mandatory: true
message: '"change " + r.ticket + " went live before somebody else had approved it"'
summary: '{failing} of {total} changes went live unapproved'
risk: A mistake, or a change made to do harm, reaches customers unseen.
fix: Look at the change now, and let the pipeline wait for the approval.
unknown: The ticket does not say who approved it, or when.
controls: [CHG-81]
map: [{criterion: CC8.1, strength: direct}]
fixtures:
  pass: [{ticket: C-1, emergency: false, requester: ada, approver: bo, approved_at: 2026-10-01T09:00:00Z, deployed_at: 2026-10-01T10:00:00Z}]
  fail: [{ticket: C-1, emergency: false, requester: ada, approver: bo, approved_at: 2026-10-01T11:00:00Z, deployed_at: 2026-10-01T10:00:00Z}]
  unknown: [{ticket: C-1, emergency: false, requester: ada, approver: bo, deployed_at: 2026-10-01T10:00:00Z}]
`, `id: larchmere.weakness.closed
title: Weaknesses are gone by their day
kind: vulnerability
schema: 1
applies: 'r.due_at <= asof'
pass: 'r.fixed_at <= r.due_at'
empty: pass
freshness: 170h
cadence: weekly
severity: high
mandatory: true
message: '"the " + r.severity + " weakness " + r.weakness + " of " + r.asset + " was open beyond its day"'
summary: '{failing} of {total} weaknesses were open beyond their day'
risk: What is known to everybody stays open.
fix: Close it, or have the risk accepted by whoever may, with an end.
unknown: It is open beyond its day, or the scan does not say when it was gone.
controls: [VUL-01]
map: [{criterion: CC7.1, strength: direct}]
fixtures:
  pass: [{weakness: V-1, asset: web, severity: high, due_at: 2026-10-20T00:00:00Z, fixed_at: 2026-10-12T00:00:00Z}]
  fail: [{weakness: V-1, asset: web, severity: high, due_at: 2026-10-20T00:00:00Z, fixed_at: 2026-10-22T00:00:00Z}]
  unknown: [{weakness: V-1, asset: web, severity: high, due_at: 2026-10-20T00:00:00Z}]
`, `id: larchmere.backup.nightly
title: The backup of each night is there
kind: backup_run
schema: 1
applies: 'r.activity == "backup"'
pass: 'r.succeeded || r.followed_up_at <= r.finished_at + duration("24h")'
empty: unknown
freshness: 102h
cadence: daily
severity: high
mandatory: true
message: '"the backup " + r.run + " failed and nobody looked at it in time"'
summary: '{failing} of {total} backups failed and were not looked at in time'
risk: On the day it is needed, the backup is not there.
fix: Run it again, and find out why it failed.
unknown: The store of backups was not read, or does not say whether they succeeded.
controls: [BCK-01]
map: [{criterion: A1.2, strength: direct}]
fixtures:
  pass: [{run: B-1, activity: backup, succeeded: true}]
  fail: [{run: B-1, activity: backup, succeeded: false, finished_at: 2026-10-01T02:00:00Z, followed_up_at: 2026-10-09T09:00:00Z}]
  unknown: [{run: B-1, activity: backup, succeeded: false, finished_at: 2026-10-01T02:00:00Z}]
`, `id: larchmere.log.fresh
title: Each log reaches the archive
kind: row
schema: 1
pass: 'r.at > asof - duration("26h")'
empty: unknown
freshness: 72h30m
cadence: daily
severity: high
mandatory: true
message: '"the archive has had no record of " + r.label + " for a day"'
summary: '{failing} of {total} logs do not reach the archive'
risk: An attack leaves no trace that anybody could read.
fix: See whether the log's sender runs, and send what is missing.
unknown: The archive was not read.
controls: [LOG-01]
map: [{criterion: CC7.2, strength: direct}]
fixtures:
  pass: [{label: app, at: 2026-10-31T23:00:00Z}]
  fail: [{label: app, at: 2026-10-01T00:00:00Z}]
  unknown: [{label: app}]
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
	x, err := do(ctx, s, "compliance_lead", checks.Except, checks.Waive{Check: secondFactor, Key: "svc-scan-01",
		Reason: "The scanner's new version cannot answer a second factor; the maker delivers one on Friday. It runs from one address only until then.",
		Ends:   date(2026, 8, 15), Owner: mei.name})
	s.exception = x.ID
	return err
}

func (s *Stage) approve(ctx context.Context) error {
	return must(ctx, s, "owner", checks.Approve, checks.WaiverRef{ID: string(s.exception)})
}
