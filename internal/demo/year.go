package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/sources"
)

// A moment is an instant of the year and what happens then.
type moment struct {
	at time.Time
	do func(context.Context) error
}

// change is one change of the source code, as the ticket of it knows.
type change struct {
	at                        time.Time
	subject, author, reviewer string
}

// Year tells twelve months of the company: people come and go, code changes,
// sources are read each day, an examination is held and another begins, some
// things go wrong and most are mended. It ends on a morning in November.
func (s *Stage) Year(ctx context.Context) error {
	s.Git = filepath.Join(s.Dir, "larchmere-cloud")
	s.begin(date(2025, 12, 1))
	s.staff = people()
	if err := s.code(); err != nil {
		return err
	}
	agenda := slices.Concat(s.examination(), s.daily(), s.papers(), s.programme(), s.work(), s.register(), s.second())
	slices.SortStableFunc(agenda, func(a, b moment) int { return a.at.Compare(b.at) })
	for i, m := range agenda {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !s.Until.IsZero() && m.at.After(s.Until) {
			return s.Ledger.SealAll(ctx)
		}
		// Acts take their minutes: the clock never goes back.
		if i == 0 || m.at.After(s.Clock.Now()) {
			s.Clock.Hold(m.at)
		}
		if err := m.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", m.at.Format("2 January 2006 15:04"), err)
		}
	}
	s.Clock.Set(clock.Truncate(today))
	return s.Ledger.SealAll(ctx)
}

// examination is the first Type II, from the proposal to the issued report.
func (s *Stage) examination() []moment {
	out := []moment{
		{s.day(-20, 9), s.found}, {s.day(-19, 10), s.program}, {s.day(-8, 11), s.engage}, {s.day(-2, 14), s.plan}, {s.day(0, 9), s.open},
		{s.after(2, 9), s.close}, {s.after(4, 9), s.fieldwork}, {s.after(9, 13), s.conclude}, {s.after(14, 10), s.report},
	}
	for m := range months {
		out = append(out, moment{s.reviewed(m), s.reviewAccess})
	}
	return out
}

// code prepares the repository and the changes of the year: about four in five
// working days.
func (s *Stage) code() error {
	var devs []worker
	for _, w := range s.staff {
		if w.department == "Engineering" && w.joined.Before(opens) && w.left.IsZero() {
			devs = append(devs, w)
		}
	}
	c, err := newCodebase(s.Git, devs)
	if err != nil {
		return err
	}
	s.base = c
	return c.begin(opens.Add(-24 * time.Hour))
}

// daily is what recurs: changes, releases, and the reading of each source.
func (s *Stage) daily() []moment {
	var out []moment
	for d, n := opens, 0; !d.After(today); d, n = d.AddDate(0, 0, 1), n+1 {
		if w := d.Weekday(); w != time.Saturday && w != time.Sunday && n%5 != 2 {
			out = append(out, moment{d.Add(13 * time.Hour), s.develop(d.Add(13 * time.Hour))})
		}
		if d.Day() == 20 {
			version := fmt.Sprintf("v1.%d.0", n/30)
			out = append(out, moment{d.Add(16 * time.Hour), func(context.Context) error { return s.base.release(version, d.Add(16*time.Hour)) }})
		}
	}
	return append(out, s.readings()...)
}

func (s *Stage) develop(at time.Time) func(context.Context) error {
	return func(context.Context) error {
		subject, author, reviewer, err := s.base.change(at)
		s.changed = append(s.changed, change{at, subject, author, reviewer})
		return err
	}
}

// Instants at which the directory was read out of turn: when somebody noticed,
// and when it was mended. Between the first of April and the fifth nobody could
// read it: its certificate had run out.
var (
	extra = []time.Time{time.Date(2026, 3, 11, 4, 0, 0, 0, time.UTC), time.Date(2026, 3, 11, 14, 0, 0, 0, time.UTC),
		time.Date(2026, 4, 1, 22, 0, 0, 0, time.UTC), time.Date(2026, 4, 5, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 5, 22, 6, 0, 0, 0, time.UTC), time.Date(2026, 5, 23, 8, 0, 0, 0, time.UTC),
		time.Date(2026, 8, 12, 0, 0, 0, 0, time.UTC), time.Date(2026, 8, 15, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 11, 16, 15, 0, 0, 0, time.UTC)}
	silentFrom, silentTo = time.Date(2026, 4, 1, 22, 0, 0, 1, time.UTC), time.Date(2026, 4, 5, 0, 0, 0, 0, time.UTC)
)

// Days on which two sources were heard for the last time.
var (
	lastBackup  = date(2026, 11, 12)
	lastArchive = date(2026, 11, 15)
)

// readings are the runs of the year.
func (s *Stage) readings() []moment {
	var out []moment
	start := opens.AddDate(0, 0, 3)
	for d := start; d.Before(today); d = d.AddDate(0, 0, 1) {
		six := d.Add(6 * time.Hour)
		if six.Before(silentFrom) || !six.Before(silentTo) {
			out = append(out, moment{six, s.read(&accountFeed)})
		}
		if d.Weekday() == time.Monday {
			out = append(out, moment{d.Add(5 * time.Hour), s.readCode}, moment{d.Add(7*time.Hour + 10*time.Minute), s.read(&changeFeed)},
				moment{d.Add(7*time.Hour + 30*time.Minute), s.read(&scanFeed)}, moment{d.Add(7*time.Hour + 40*time.Minute), s.read(&leaverFeed)})
			if date(2026, 11, 16).Sub(d)%(14*24*time.Hour) == 0 {
				out = append(out, moment{d.Add(7 * time.Hour), s.read(&peopleFeed)}, moment{d.Add(7*time.Hour + 20*time.Minute), s.read(&incidentFeed)})
			}
		}
		if !d.After(lastBackup) && (d.Weekday() == time.Monday || d.Weekday() == time.Thursday) {
			out = append(out, moment{d.Add(8 * time.Hour), s.read(&backupFeed)})
		}
		if !d.After(lastArchive) && lastArchive.Sub(d)%(72*time.Hour) == 0 {
			out = append(out, moment{d.Add(8 * time.Hour), s.read(&archiveFeed)})
		}
	}
	out = append(out, moment{date(2026, 11, 18).Add(5 * time.Hour), s.readCode})
	for _, at := range extra {
		out = append(out, moment{at, s.read(&accountFeed)})
	}
	return out
}

// readCode reads the repository as the schedule would.
func (s *Stage) readCode(ctx context.Context) error {
	desk := s.desks["compliance_lead"]
	run, err := s.Reader.Read(ctx, desk, s.source, nil, false)
	if err == nil && run.Status != sources.RunOK {
		err = fault.Conflict("%s could not be read: %s", s.Git, run.Error)
	}
	if err != nil {
		return err
	}
	return s.judge(ctx, run.ID)
}

func (s *Stage) judge(ctx context.Context, run id.Run) error {
	return checks.EvaluateRun(ctx, s.desks["compliance_lead"], run, nil)
}

// A paper is a document that is handed in again and again: what shows a
// control that no machine watches.
type paper struct {
	code  string // of the control
	title string
	days  []time.Time
	text  func(at time.Time) string
}

// papers are the documents of the year.
func (s *Stage) papers() []moment {
	var out []moment
	for _, p := range handed() {
		for _, d := range p.days {
			at := d.Add(10*time.Hour + time.Duration(len(out)%40)*time.Minute)
			out = append(out, moment{at, func(ctx context.Context) error {
				_, err := s.show(ctx, p.title+" "+at.Format("January 2006"), p.text(at), p.code)
				return err
			}})
		}
	}
	return out
}

// every lists the days from the first report on, so many months or days apart.
func every(months, days int, until time.Time) []time.Time {
	var out []time.Time
	for d := date(2026, 3, 30); d.Before(until); d = d.AddDate(0, months, days) {
		out = append(out, d)
	}
	return out
}

func said(format string) func(time.Time) string {
	return func(at time.Time) string { return fmt.Sprintf(format, at.Format("2 January 2006")) }
}

// handed lists what is handed in after the first report; before, the
// examination's own documents stand. The access review of the third quarter is
// not among them, nor is the yearly review of suppliers.
func handed() []paper {
	var out []paper
	for _, x := range story {
		step, known := map[string][2]int{"weekly": {0, 7}, "monthly": {1, 0}, "quarterly": {3, 0}, "annual": {6, 0}}[x.frequency]
		if x.document == "" || !known || x.code == "VEN-81" {
			continue
		}
		out = append(out, paper{x.code, x.title, every(step[0], step[1], today), said(x.document + " Confirmed on %s.")})
	}
	for _, x := range widened {
		if x.document != "" {
			out = append(out, paper{x.code, x.title, x.days, said(x.document + " Done on %s.")})
		}
	}
	return out
}

// programme is what is decided in the course of the year.
func (s *Stage) programme() []moment {
	return append([]moment{
		{opens.Add(15 * time.Hour), s.connect},
		{date(2026, 3, 23).Add(9 * time.Hour), s.widen},
	}, s.decisions()...)
}

// widen takes two more categories into scope once the first report is out, and
// puts controls in place that machines watch.
func (s *Stage) widen(ctx context.Context) error {
	now, err := do(ctx, s, "compliance_lead", scopes.Get, op.None{})
	if err != nil {
		return err
	}
	err = must(ctx, s, "compliance_lead", scopes.Set, scopes.Decision{Requester: now.Requester, Type: scopes.TypeII, System: now.System, Included: now.Included,
		Excluded: now.Excluded, Categories: []string{"security", "availability", "confidentiality"}, Starts: "2026-03-01", Ends: "2027-02-28", Version: now.Version})
	if err != nil {
		return err
	}
	// The review of each quarter takes the place of the monthly one.
	old, err := do(ctx, s, "compliance_lead", controls.Get, controls.Ref{ID: string(s.controls["ACC-81"])})
	if err != nil {
		return err
	}
	if err := must(ctx, s, "compliance_lead", controls.Retire, controls.Retirement{ID: string(old.ID), Reason: "Access is reviewed each quarter from now on: REV-01 takes its place.", Version: old.Version}); err != nil {
		return err
	}
	for _, x := range widened {
		made, err := do(ctx, s, "compliance_lead", controls.Create, controls.Own{Code: x.code, Title: x.title, Text: x.text, Criteria: x.criteria,
			Frequency: x.frequency, Owner: string(s.desks[x.owner].Actor.User), Key: true})
		if err != nil {
			return err
		}
		s.controls[x.code] = made.ID
		if err := must(ctx, s, "compliance_lead", controls.Implement, controls.Statement{ID: x.code, Text: "In place: " + x.text, Version: made.Version}); err != nil {
			return err
		}
	}
	return nil
}

// connect connects what the company's systems write, each as a file.
func (s *Stage) connect(ctx context.Context) error {
	for _, f := range feeds {
		if err := s.feed(ctx, f); err != nil {
			return err
		}
	}
	for _, text := range watched {
		if err := must(ctx, s, "compliance_lead", checks.Create, checks.Authored{YAML: text}); err != nil {
			return err
		}
	}
	return nil
}

// feed connects one of them, with what its columns mean.
func (s *Stage) feed(ctx context.Context, f *feed) error {
	src, err := do(ctx, s, "compliance_lead", sources.Create, sources.Connection{Kind: sources.KindFile, Name: f.name})
	if err != nil {
		return err
	}
	s.feeds[f.name] = src.ID
	columns, err := json.Marshal(f.mapping())
	if err != nil {
		return err
	}
	return must(ctx, s, "compliance_lead", sources.MappingSave, sources.NewMapping{Source: string(src.ID), Columns: string(columns)})
}

// read hands in a feed as it stands, and has it judged.
func (s *Stage) read(f *feed) func(context.Context) error {
	return func(ctx context.Context) error {
		at := s.Clock.Now()
		data, err := f.file(s, at)
		if err != nil {
			return err
		}
		desk := s.desks["compliance_lead"]
		said, err := json.Marshal(sources.Statement{Query: f.query, Extractor: jonas.name, Extracted: at.Format(time.RFC3339), Zone: "UTC"})
		if err != nil {
			return err
		}
		in, err := s.Reader.Deliver(ctx, desk, sources.Delivery{Name: strings.ReplaceAll(strings.ToLower(f.name), " ", "-") + "-" + at.Format("2006-01-02") + ".csv", Format: sources.KindFile,
			Source: string(s.feeds[f.name]), Statement: said}, bytes.NewReader(data))
		if err != nil {
			return err
		}
		run, err := s.Reader.Import(ctx, desk, in.ID, nil, false)
		if err != nil {
			return err
		}
		return s.judge(ctx, run.ID)
	}
}
