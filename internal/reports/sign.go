package reports

import (
	"context"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// An Assertion's signing.
type Signing struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Report     string `json:"report" maxLength:"40" doc:"Id of the newest draft, rep_…: what the assertion is about."`
	Text       string `json:"text" minLength:"20" maxLength:"20000" doc:"The assertion, word for word."`
	Title      string `json:"title,omitempty" maxLength:"100" doc:"Your office, such as Chief Executive."`
	SHA256     string `json:"sha256,omitempty" pattern:"^[0-9a-f]{64}$" patternDescription:"a SHA-256 in hexadecimal" doc:"The digest that was shown with the text, to be sure it is the same."`
}

const insertAssertion = `INSERT INTO assertion (org_id, engagement_id, report_id, version, draft_sha256, text, sha256, name, title, user_id, at, entry)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

func settleSign(ctx context.Context, d *op.Desk, in Signing) error {
	return engagements.Settle(ctx, d, in.Engagement)
}

func sign(c *op.Call, in Signing) (Assertion, error) {
	r, err := engagements.AsClient(c, in.Engagement)
	if err != nil {
		return Assertion{}, err
	}
	if err := r.Within(engagements.SignOff); err != nil {
		return Assertion{}, err
	}
	all, err := prints(c, r)
	if err != nil {
		return Assertion{}, err
	}
	newest := newestOf(all)
	switch {
	case newest == nil:
		return Assertion{}, fault.Conflict("There is no draft to sign against. %s prints one.", r.Firm.Name)
	case string(newest.ID) != in.Report:
		return Assertion{}, fault.Conflict("%s is not the newest draft: read print %d, %s, and sign against that.", in.Report, newest.Number, newest.ID)
	}
	text := Tidy(in.Text)
	a := Assertion{Report: newest.ID, Draft: newest.SHA256, Version: 1, Text: text, SHA256: digestOf(text), Name: c.Actor.Name, Title: strings.TrimSpace(in.Title),
		At: c.Now, Newest: true}
	if in.SHA256 != "" && in.SHA256 != a.SHA256 {
		return Assertion{}, fault.Invalid("sha256", "the text has the digest %s, not the one that was shown: read it again", a.SHA256)
	}
	before, err := assertionOf(c, r, all)
	if err != nil {
		return Assertion{}, err
	}
	if before != nil {
		a.Version = before.Version + 1
	}
	record := op.Record{Kind: canon.KindSignoff, ID: string(newest.ID), Body: map[string]any{"step": "assertion", "sha256": a.SHA256, "draft": a.Draft}}
	if record.Answers, err = c.AnswerTo(r.File, newest.Entry); err != nil {
		return Assertion{}, err
	}
	if a.Entry, err = c.Append(record); err != nil {
		return Assertion{}, err
	}
	_, err = c.Tx.Exec(insertAssertion, c.Org, r.ID, a.Report, a.Version, a.Draft, a.Text, a.SHA256, a.Name, a.Title, c.Actor.User, clock.Millis(a.At), a.Entry)
	if db.IsDuplicate(err) {
		err = fault.Conflict("Somebody signed a moment ago. Read what they signed.")
	}
	return a, err
}

// Issuing signs the opinion and issues the report.
type Issuing struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	SHA256     string `json:"sha256" pattern:"^[0-9a-f]{64}$" patternDescription:"a SHA-256 in hexadecimal" doc:"Digest of the statement that you read: reports.get shows both."`
	Date       string `json:"date,omitempty" maxLength:"10" doc:"Date of the report, as 2027-02-26; today if left out. Not before the last evidence, conclusion or signature."`
}

func settleIssue(ctx context.Context, d *op.Desk, in Issuing) error {
	return engagements.Settle(ctx, d, in.Engagement)
}

func issue(c *op.Call, in Issuing) (Book, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Book{}, err
	}
	if r.State == engagements.Issued {
		return Book{}, fault.Conflict("The report of %s is issued already, and is never changed.", r.Name)
	}
	if err := r.Within(engagements.SignOff); err != nil {
		return Book{}, err
	}
	gate, err := engagements.Check(c, r, engagements.Issued)
	if err != nil {
		return Book{}, err
	}
	if err := gate.Refusal(r); err != nil {
		return Book{}, err
	}
	m, err := gather(c, r)
	if err != nil {
		return Book{}, err
	}
	if err := m.date(c, in.Date); err != nil {
		return Book{}, err
	}
	m.Signed.SHA256 = digestOf(m.Statement())
	if m.Signed.SHA256 != in.SHA256 {
		return Book{}, fault.Conflict("What you read has changed since: the statement now has the digest %s. Read it again, and sign that.", m.Signed.SHA256)
	}
	if err := m.signed(c, r); err != nil {
		return Book{}, err
	}
	if _, err := m.print(c, r, id.New[id.Report](c.Now), "issue"); err != nil {
		return Book{}, err
	}
	if err := engagements.Enter(c, r, engagements.Issued, ""); err != nil {
		return Book{}, err
	}
	return bookOf(c, r)
}

// signed records the partner's signature on the opinion, which answers
// management's on its assertion.
func (m *Material) signed(c *op.Call, r *engagements.Room) error {
	parts := map[string]any{}
	for _, p := range m.Parts {
		parts[p.Part] = p.Decision.Value
	}
	record := op.Record{Kind: canon.KindSignoff, ID: string(r.ID), Body: map[string]any{"step": "opinion", "parts": parts, "text_sha256": m.Signed.SHA256, "report": m.says()}}
	var err error
	if record.Answers, err = c.AnswerTo(r.Client.Org, m.Assertion.Entry); err != nil {
		return err
	}
	m.Final, m.Printed, m.DraftDigest = true, c.Now, m.Assertion.Draft
	m.Signed.Entry, err = c.Append(record)
	return err
}

// says is what a stranger reads of the report in the entry of its signature: of
// whom and what it is, without opening the document.
func (m *Material) says() map[string]any {
	out := map[string]any{"type": m.Type, "firm": m.Firm.Name, "client": m.Client.Name, "system": m.System, "zone": m.Zone,
		"categories": m.Named, "criteria": len(m.Criteria), "controls": len(m.Controls), "signer": m.Signed.Name, "date": m.Signed.Date}
	if m.Type == typeI {
		out["as_of"] = m.AsOf
		return out
	}
	out["from"], out["to"] = m.Starts, m.Ends
	deviations := 0
	for _, c := range m.Controls {
		deviations += c.Deviating
	}
	out["deviations"] = deviations
	return out
}

// date sets the date of the report. A report is not dated before what it rests
// on, nor ahead of its signing.
func (m *Material) date(c *op.Call, asked string) error {
	today := civil(m.Engagement, c.Now)
	last := civil(m.Engagement, m.Assertion.At)
	for _, k := range m.Criteria {
		last = max(last, civil(m.Engagement, k.Decision.At))
	}
	for _, p := range m.Parts {
		last = max(last, civil(m.Engagement, p.Decision.At))
	}
	if asked == "" {
		asked = today
	}
	if _, err := time.Parse(time.DateOnly, asked); err != nil {
		return fault.Invalid("date", "give a date as 2027-02-26")
	}
	if asked < last || asked > today {
		return fault.Invalid("date", "the report is dated from %s, the day of the last conclusion or signature, to %s, today", last, today)
	}
	m.Signed = &Signature{Name: c.Actor.Name, Date: day(asked)}
	return nil
}
