// Package reports prints what an engagement comes to: drafts, the texts that
// each side supplies for them, management's signed assertion and, at the end,
// the report itself with the partner's signature. A print is never changed. The
// program supplies no words of its own where a person's are due: it prints what
// somebody typed, or a box that says who has to.
package reports

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/opinions"
)

// Everything that can be done with reports.
var (
	Get     = op.Read("reports.get", "Show the prints, texts and signatures of an engagement's report, and what issuing it waits for.", auth.EngageRead, get)
	PDF     = op.Read("reports.pdf", "Return a print of the report as PDF, in base64.", auth.EngageRead, pdf)
	Draft   = op.Write("reports.draft", "Print a draft of the report, marked as one.", auth.AuditWrite, draft)
	Issue   = op.Write("reports.issue", "Sign the opinion as its partner and issue the report.", auth.AuditSign, issue).Before(settleIssue)
	SetText = op.Write("report_texts.set", "Supply the words for a place of the report: the firm for Sections I and IV, the client for II, III and V.", auth.EngageWrite, setText)
	Sign    = op.Write("assertions.sign", "Sign management's assertion against the newest draft.", auth.AssertSign, sign).Before(settleSign)

	Operations = []op.Operation{Get, PDF, Draft, Issue, SetText, Sign}
)

// Kinds of prints.
const (
	KindDraft = "draft"
	KindFinal = "final"
)

const mediaType = "application/pdf"

// A Print is a draft, or the report as issued.
type Print struct {
	ID     id.Report `json:"id"`
	Number int64     `json:"number"`
	Kind   string    `json:"kind"`
	SHA256 string    `json:"sha256"`
	Size   int64     `json:"size"`
	Actor  string    `json:"actor"`
	At     time.Time `json:"at"`
	Entry  int64     `json:"entry"` // of the engagement's log

	address  string
	sections map[string]string
	covers   int64 // newest conclusion that it tells of
}

// An Assertion is what management signed, against which draft.
type Assertion struct {
	Report  id.Report `json:"report"`
	Draft   string    `json:"draft"` // its digest
	Version int64     `json:"version"`
	Text    string    `json:"text"`
	SHA256  string    `json:"sha256"`
	Name    string    `json:"name"`
	Title   string    `json:"title,omitempty"`
	At      time.Time `json:"at"`
	Entry   int64     `json:"entry"` // of the client's log
	// Newest is false when a draft has been printed since.
	Newest bool `json:"newest"`
}

// A Place is one that words are due for, with those supplied.
type Place struct {
	Slot
	Text    string    `json:"text,omitempty"`
	Version int64     `json:"version"`
	Actor   string    `json:"actor,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// A Book is everything about the report of an engagement as one side sees it.
type Book struct {
	Engagement id.Engagement     `json:"engagement"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	State      engagements.State `json:"state"`
	Side       engagements.Side  `json:"side"`
	Places     []Place           `json:"places"`
	Prints     []Print           `json:"prints"` // newest first
	Assertion  *Assertion        `json:"assertion,omitempty"`
	// Changed are the sections that say something else now than in the newest
	// draft; the firm's to know.
	Changed []string `json:"changed,omitempty"`
	// Empty counts places that nobody has filled, by side.
	Empty map[string]int `json:"empty"`
	// Statement is what a partner would sign now, and its digest; the firm's.
	Statement string `json:"statement,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	// Facts are what a paragraph on the basis of a modified opinion has to name.
	Facts []string `json:"facts,omitempty"`
	// Parts are the parts of the opinion; the firm's until it is issued.
	Parts []opinions.Part `json:"parts,omitempty"`
	// Gate is what issuing waits for; the firm's.
	Gate *engagements.GateView `json:"gate,omitempty"`
}

// Newest is the latest draft; nil if there is none.
func (b Book) Newest() *Print {
	for i := range b.Prints {
		if b.Prints[i].Kind == KindDraft {
			return &b.Prints[i]
		}
	}
	return nil
}

// Final is the report as issued; nil if it is not.
func (b Book) Final() *Print {
	for i := range b.Prints {
		if b.Prints[i].Kind == KindFinal {
			return &b.Prints[i]
		}
	}
	return nil
}

const (
	printColumns = "id, number, kind, sha256, address, size, sections, covers, actor, at, entry"
	selectPrints = "SELECT " + printColumns + " FROM report WHERE org_id = ? AND engagement_id = ? ORDER BY number DESC"
	insertPrint  = "INSERT INTO report (org_id, engagement_id, " + printColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

	selectAssertion = `SELECT report_id, version, draft_sha256, text, sha256, name, title, at, entry FROM assertion
		WHERE org_id = ? AND engagement_id = ? ORDER BY version DESC LIMIT 1`
)

func prints(c *op.Call, r *engagements.Room) ([]Print, error) {
	return db.Rows(c.Tx, selectPrints, []any{r.File, r.ID}, func(scan func(...any) error, p *Print) error {
		var (
			sections string
			at       int64
		)
		err := scan(&p.ID, &p.Number, &p.Kind, &p.SHA256, &p.address, &p.Size, &sections, &p.covers, &p.Actor, &at, &p.Entry)
		if err != nil {
			return err
		}
		p.At = clock.FromMillis(at)
		return json.Unmarshal([]byte(sections), &p.sections)
	})
}

// newestOf is the latest draft among prints, newest first.
func newestOf(all []Print) *Print { return Book{Prints: all}.Newest() }

func assertionOf(c *op.Call, r *engagements.Room, all []Print) (*Assertion, error) {
	rows, err := db.Rows(c.Tx, selectAssertion, []any{r.Client.Org, r.ID}, func(scan func(...any) error, a *Assertion) error {
		var at int64
		err := scan(&a.Report, &a.Version, &a.Draft, &a.Text, &a.SHA256, &a.Name, &a.Title, &at, &a.Entry)
		a.At = clock.FromMillis(at)
		return err
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	newest := newestOf(all)
	rows[0].Newest = newest != nil && newest.ID == rows[0].Report
	return &rows[0], nil
}

// Ref names an engagement.
type Ref struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
}

func get(c *op.Call, in Ref) (Book, error) {
	r, err := engagements.Open(c, in.Engagement)
	if err != nil {
		return Book{}, err
	}
	return bookOf(c, r)
}

func bookOf(c *op.Call, r *engagements.Room) (Book, error) {
	b := Book{Engagement: r.ID, Name: r.Name, Type: r.Type, State: r.State, Side: r.Side, Empty: map[string]int{}}
	all, err := prints(c, r)
	if err != nil {
		return b, err
	}
	if b.Assertion, err = assertionOf(c, r, all); err != nil {
		return b, err
	}
	places, err := placesOf(c, r)
	if err != nil {
		return b, err
	}
	for _, p := range places {
		if p.Text == "" && !p.Modified && (p.Key != slotAssertion || b.Assertion == nil) {
			b.Empty[p.Side]++
		}
		if r.Side == engagements.FirmSide || p.Side == clientSide {
			b.Places = append(b.Places, p)
		}
	}
	if r.Side == engagements.ClientSide {
		b.Prints = shown(r, all, b.Assertion)
		return b, nil
	}
	b.Prints = all
	return b, b.firm(c, r)
}

// firm adds what only the firm sees.
func (b *Book) firm(c *op.Call, r *engagements.Room) error {
	m, err := gather(c, r)
	if err != nil {
		return err
	}
	b.Parts, b.Statement, b.Facts = m.Parts, m.Statement(), m.facts()
	b.SHA256 = digestOf(b.Statement)
	if r.State == engagements.Issued || r.State == engagements.Withdrawn {
		return nil
	}
	if newest := b.Newest(); newest != nil {
		now, err := m.prints()
		switch {
		case fault.KindOf(err) == fault.KindConflict:
			b.Changed = []string{"what a report of this type cannot hold"}
		case err != nil:
			return err
		default:
			b.Changed = changed(newest.sections, now)
		}
	}
	b.Gate, err = engagements.Check(c, r, engagements.Issued)
	return err
}

// shown are the prints that the client sees: from the time the draft is handed
// to management, the newest one, the one it has signed against, and the report.
func shown(r *engagements.Room, all []Print, a *Assertion) []Print {
	out := []Print{}
	if r.State.Before(engagements.ManagementReview) || r.State == engagements.Withdrawn {
		return out
	}
	newest := newestOf(all)
	for _, p := range all {
		if p.Kind == KindFinal || newest != nil && p.ID == newest.ID || a != nil && p.ID == a.Report {
			out = append(out, p)
		}
	}
	return out
}

// PrintRef names a print.
type PrintRef struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Report     string `json:"report" maxLength:"40" doc:"The print's id, rep_…."`
}

// File is a print with its bytes.
type File struct {
	Print
	MediaType string `json:"media_type"`
	Name      string `json:"name"`
	Data      []byte `json:"data"`
}

func pdf(c *op.Call, in PrintRef) (File, error) {
	r, err := engagements.Open(c, in.Engagement)
	if err != nil {
		return File{}, err
	}
	all, err := prints(c, r)
	if err != nil {
		return File{}, err
	}
	if r.Side == engagements.ClientSide {
		a, err := assertionOf(c, r, all)
		if err != nil {
			return File{}, err
		}
		all = shown(r, all, a)
	}
	for _, p := range all {
		if string(p.ID) != in.Report {
			continue
		}
		data, err := c.Vault.Get(c, r.File, p.address)
		if errors.Is(err, blob.ErrErased) {
			err = fault.NotFound("The bytes of %s were erased; its entry %d remains.", p.ID, p.Entry)
		}
		return File{Print: p, MediaType: mediaType, Name: fileName(r, p), Data: data}, err
	}
	return File{}, fault.NotFound("There is no print %s of this report.", in.Report)
}

// fileName names the file after the engagement: letters and digits only, since
// it travels in a header.
func fileName(r *engagements.Room, p Print) string {
	var b strings.Builder
	for _, x := range strings.ToLower(r.Name) {
		switch {
		case x >= 'a' && x <= 'z' || x >= '0' && x <= '9':
			b.WriteRune(x)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	name := strings.Trim(b.String(), "-")
	if name == "" {
		name = "report"
	}
	if p.Kind == KindDraft {
		return name + "-draft-" + plain(p.Number) + ".pdf"
	}
	return name + "-report.pdf"
}
