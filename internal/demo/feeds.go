package demo

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/sources"
)

// A feed is a file that one of the company's systems writes, as it stands at
// an instant. Its columns are named as the fields of the kind they fill.
type feed struct {
	name    string // what people call the source
	kind    string // of the resources
	key     string
	query   string // what was asked of the system, in its own words
	columns []string
	rows    func(s *Stage, at time.Time) [][]string
}

var (
	peopleFeed = feed{"Personnel file", "person", "worker",
		"people export, company Larchmere, all columns, ended ones too",
		[]string{"worker", "name", "email", "department", "manager", "engagement", "started_at", "ended_at"}, (*Stage).workers}
	accountFeed = feed{"Directory", "system_account", "login", "(&(objectClass=account)(ou=workforce)) with factors",
		[]string{"login", "system", "person", "owner", "enabled", "privileged", "shared", "mfa", "created_at", "disabled_at", "last_used_at"}, (*Stage).logins}
	leaverFeed = feed{"Leavers", "leaver_account", "login", "personnel file joined with the directory, ended in the last 60 days",
		[]string{"login", "system", "person", "ended_at", "ended_involuntarily", "enabled", "disabled_at"}, (*Stage).leavers}
	changeFeed = feed{"Change tickets", "ticket_change", "ticket", "project = LC AND type = Change AND created >= -90d",
		[]string{"ticket", "title", "system", "requester", "approver", "tester", "approved_at", "tested_at", "deployed_at", "emergency"}, (*Stage).tickets}
	incidentFeed = feed{"Incident register", "incident", "incident", "all incidents since 2025-11-01",
		[]string{"incident", "title", "severity", "detected_at", "contained_at", "closed_at", "reviewed_at"}, (*Stage).incidents}
	scanFeed = feed{"Weekly scan", "vulnerability", "weakness", "open, or gone within 90 days, all machines",
		[]string{"weakness", "asset", "severity", "first_seen_at", "due_at", "fixed_at"}, (*Stage).weaknesses}
	backupFeed = feed{"backup-eu", "backup_run", "run", "list of runs, last 35 days, and restores that were tried",
		[]string{"run", "asset", "activity", "started_at", "finished_at", "succeeded", "followed_up_at", "minutes", "target_minutes"}, (*Stage).backups}
	archiveFeed = feed{"Log archive", "row", "name", "newest record of each log, by system",
		[]string{"name", "system", "state", "newest_at"}, (*Stage).archives}
	feeds = []*feed{&peopleFeed, &accountFeed, &leaverFeed, &changeFeed, &incidentFeed, &scanFeed, &backupFeed, &archiveFeed}
)

// mapping says what the columns mean. They are called as the fields they fill,
// but for the archive, whose rows have no kind of their own.
func (f *feed) mapping() sources.Columns {
	m := sources.Columns{Kind: f.kind, Key: []string{f.key}}
	if f.kind == "row" {
		m.Fields = []sources.FieldOf{{Field: "label", Column: "name"}, {Field: "at", Column: "newest_at"}, {Field: "state", Column: "state"}, {Field: "columns"}}
		return m
	}
	for _, c := range f.columns {
		m.Fields = append(m.Fields, sources.FieldOf{Field: c, Column: c})
	}
	return m
}

// file writes the feed as it stands.
func (f *feed) file(s *Stage, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(f.columns); err != nil {
		return nil, err
	}
	if err := w.WriteAll(f.rows(s, at)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// instant writes a time as files do, or nothing if it has not come yet.
func instant(t, now time.Time) string {
	if t.IsZero() || t.After(now) {
		return ""
	}
	return t.Format(time.RFC3339)
}

func (s *Stage) workers(at time.Time) (rows [][]string) {
	for _, w := range s.staff {
		if at.Before(w.joined) {
			continue
		}
		employment := "employee"
		if w.contractor {
			employment = "contractor"
		}
		rows = append(rows, []string{strconv.Itoa(w.number), w.name, w.email, w.department, w.manager, employment, instant(w.joined, at), instant(w.left, at)})
	}
	return rows
}

func (s *Stage) logins(at time.Time) (rows [][]string) {
	month := date(at.Year(), at.Month(), 1)
	for _, a := range accounts(s.staff, at) {
		person, owner, used := a.owner, "", month
		if a.service {
			person, owner = "", a.owner
		}
		if a.created.After(month) {
			used = a.created.Add(time.Hour)
		}
		if !a.disabled.IsZero() && a.disabled.Before(used) {
			used = a.disabled.Add(-3 * time.Hour)
		}
		rows = append(rows, []string{a.login, "directory", person, owner, strconv.FormatBool(a.open(at)), strconv.FormatBool(a.administrator), strconv.FormatBool(a.service),
			strconv.FormatBool(a.factor(at)), instant(a.created, at), instant(a.disabled, at), instant(used, at)})
	}
	return rows
}

// leavers are those of the last sixty days, beside the end of their accounts.
func (s *Stage) leavers(at time.Time) (rows [][]string) {
	for _, w := range s.staff {
		ended := w.left.Add(17 * time.Hour)
		if w.left.IsZero() || ended.After(at) || at.Sub(ended) > 60*24*time.Hour {
			continue
		}
		rows = append(rows, []string{handle(w.name), "directory", strconv.Itoa(w.number), instant(ended, at), "false", strconv.FormatBool(at.Before(w.closed)), instant(w.closed, at)})
	}
	return rows
}

// tickets follow the changes of the repository: one in nine was an emergency,
// and one was approved after it was deployed.
func (s *Stage) tickets(at time.Time) (rows [][]string) {
	for i, c := range s.changed {
		if c.at.After(at) {
			break
		}
		if at.Sub(c.at) > 90*24*time.Hour {
			continue
		}
		deployed, approved := c.at.Add(3*time.Hour), c.at.Add(time.Hour)
		emergency := i%9 == 4
		if emergency {
			approved = deployed.Add(20 * time.Hour)
		}
		if i == lateApproval {
			approved = deployed.Add(5 * time.Hour)
		}
		rows = append(rows, []string{fmt.Sprintf("LC-%d", 100+i+1), c.subject, "larchmere-cloud", c.author, c.reviewer, c.reviewer, instant(approved, at),
			instant(c.at.Add(30*time.Minute), at), instant(deployed, at), strconv.FormatBool(emergency)})
	}
	return rows
}

// lateApproval is the change that nobody had approved when it was deployed.
const lateApproval = 140

// happened are the incidents of the year, as the register tells them.
var happened = []struct {
	title            string
	severity         int
	detected         time.Time
	contained, ended time.Duration
	reviewed         time.Duration // zero: nobody looked back yet
}{
	{"Invoices sent twice to nine customers", 3, time.Date(2025, 12, 9, 10, 20, 0, 0, time.UTC), 90 * time.Minute, 6 * time.Hour, 6 * 24 * time.Hour},
	{"Phishing letter answered by one person", 3, time.Date(2026, 2, 17, 13, 5, 0, 0, time.UTC), 40 * time.Minute, 26 * time.Hour, 8 * 24 * time.Hour},
	{"Database without room for writes", 2, time.Date(2026, 4, 22, 2, 48, 0, 0, time.UTC), 55 * time.Minute, 3 * time.Hour, 5 * 24 * time.Hour},
	{"Laptop lost on a train, encrypted", 4, time.Date(2026, 6, 3, 18, 30, 0, 0, time.UTC), 15 * time.Minute, 20 * time.Hour, 9 * 24 * time.Hour},
	{"Certificate of the status page expired", 4, time.Date(2026, 8, 11, 7, 12, 0, 0, time.UTC), 2 * time.Hour, 2 * time.Hour, 4 * 24 * time.Hour},
	{"Bank interface answered with the data of a test", 2, time.Date(2026, 10, 27, 11, 40, 0, 0, time.UTC), 70 * time.Minute, 9 * time.Hour, 0},
}

func (s *Stage) incidents(at time.Time) (rows [][]string) {
	for i, x := range happened {
		if x.detected.After(at) {
			continue
		}
		reviewed := time.Time{}
		if x.reviewed > 0 {
			reviewed = x.detected.Add(x.reviewed)
		}
		rows = append(rows, []string{fmt.Sprintf("INC-%02d", i+1), x.title, strconv.Itoa(x.severity), instant(x.detected, at), instant(x.detected.Add(x.contained), at),
			instant(x.detected.Add(x.ended), at), instant(reviewed, at)})
	}
	return rows
}

// weaknesses come every eleven days; each is closed within its time but one,
// which took nine days longer.
func (s *Stage) weaknesses(at time.Time) (rows [][]string) {
	times := map[string]int{"critical": 7, "high": 30, "medium": 90}
	for i := 0; ; i++ {
		found := opens.AddDate(0, 0, 3+i*11)
		if found.After(at) {
			return rows
		}
		severity := []string{"medium", "high", "medium", "critical"}[i%4]
		due := found.AddDate(0, 0, times[severity])
		closed := found.AddDate(0, 0, times[severity]*(3+i%5)/10)
		if i == 19 {
			closed = due.AddDate(0, 0, 9)
		}
		if at.Sub(closed) > 90*24*time.Hour {
			continue
		}
		rows = append(rows, []string{fmt.Sprintf("V-%03d", i+1), fmt.Sprintf("app-%02d", 1+i%6), severity, instant(found, at), due.Format(time.RFC3339), instant(closed, at)})
	}
}

// backups run each night; one failed and was repeated, and restores are tried
// each quarter.
func (s *Stage) backups(at time.Time) (rows [][]string) {
	for back := 35; back >= 1; back-- {
		night := at.AddDate(0, 0, -back).Truncate(24 * time.Hour).Add(2 * time.Hour)
		if night.Before(opens) {
			continue
		}
		ok, seen := !night.Truncate(24*time.Hour).Equal(failedBackup), time.Time{}
		if !ok {
			seen = night.Add(7 * time.Hour)
		}
		rows = append(rows, []string{"eu-" + night.Format(time.DateOnly), "ledger-eu", "backup", instant(night, at), instant(night.Add(50*time.Minute), at),
			strconv.FormatBool(ok), instant(seen, at), "50", "120"})
	}
	for _, q := range quarters {
		if tried := q.AddDate(0, 0, 10).Add(11 * time.Hour); !tried.After(at) && at.Sub(tried) < 120*24*time.Hour {
			rows = append(rows, []string{"restore-" + tried.Format(time.DateOnly), "ledger-eu", "restore", instant(tried, at), instant(tried.Add(74*time.Minute), at), "true", "", "74", "240"})
		}
	}
	return rows
}

// failedBackup is the night in which the backup failed.
var failedBackup = date(2026, 7, 9)

// archives are the logs that are kept, and how fresh each is.
func (s *Stage) archives(at time.Time) (rows [][]string) {
	for i, name := range []string{"app", "database", "directory", "gateway", "hosts"} {
		rows = append(rows, []string{name, "larchmere-cloud", "kept for 400 days, protected", instant(at.Add(-time.Duration(3+i)*time.Minute), at)})
	}
	return rows
}

// quarters are the first days of those that matter here.
var quarters = []time.Time{date(2025, 10, 1), date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1), date(2026, 10, 1)}
