package reports

import (
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

const (
	selectTexts = `SELECT place, version, text, actor, at FROM report_text WHERE org_id = ? AND engagement_id = ? ORDER BY place, version`
	insertText  = "INSERT INTO report_text (org_id, engagement_id, place, version, text, actor, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
)

// placesOf lists the places of the report with the newest words of each. What
// was supplied for a place that this type of report does not have is listed
// too, so that a report is refused over it and nothing is lost in silence.
func placesOf(c *op.Call, r *engagements.Room) ([]Place, error) {
	newest := map[string]Place{}
	for _, org := range []id.Org{r.File, r.Client.Org} {
		err := c.Tx.Each(selectTexts, []any{org, r.ID}, func(scan func(...any) error) error {
			var (
				key string
				at  int64
				p   Place
			)
			err := scan(&key, &p.Version, &p.Text, &p.Actor, &at)
			p.At = clock.FromMillis(at)
			newest[key] = p
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var out []Place
	for _, s := range slots {
		p := newest[s.Key]
		if s.OnlyII && r.Type == typeI && p.Text == "" {
			continue
		}
		p.Slot = s
		out = append(out, p)
	}
	return out, nil
}

// Wording supplies the words for a place.
type Wording struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Place      string `json:"place" maxLength:"40" doc:"The place, such as I.opinion, II.assertion, III.DC1, IV.introduction or V.other; reports.get lists them."`
	Text       string `json:"text" maxLength:"20000" doc:"The words as they will be printed; empty to take them back. A blank line begins a paragraph."`
	Version    int64  `json:"version" minimum:"0" doc:"The version that was read; 0 if there was none."`
}

func setText(c *op.Call, in Wording) (Place, error) {
	s, err := slotOf(in.Place)
	if err != nil {
		return Place{}, err
	}
	enter := engagements.AsFirm
	if s.Side == clientSide {
		enter = engagements.AsClient
	}
	r, err := enter(c, in.Engagement)
	if err != nil {
		return Place{}, err
	}
	if err := r.From(engagements.Engaged); err != nil {
		return Place{}, err
	}
	if s.OnlyII && r.Type == typeI && in.Text != "" {
		return Place{}, fault.Invalid("place", "“%s” is for Type II reports only; %s is of Type I", s.Title, r.Name)
	}
	all, err := placesOf(c, r)
	if err != nil {
		return Place{}, err
	}
	now := Place{Slot: s}
	for _, p := range all {
		if p.Key == s.Key {
			now = p
		}
	}
	if now.Version != in.Version {
		stale := fault.Conflict("The words for “%s” were changed since you read them.", s.Title)
		stale.Current = now
		return Place{}, stale
	}
	p := Place{Slot: s, Text: Tidy(in.Text), Version: now.Version + 1, Actor: c.Actor.Name, At: c.Now}
	_, err = c.Tx.Exec(insertText, c.Org, r.ID, s.Key, p.Version, p.Text, p.Actor, clock.Millis(p.At))
	if db.IsDuplicate(err) {
		err = fault.Conflict("The words for “%s” were changed since you read them.", s.Title)
	}
	return p, err
}

// Tidy gives text one kind of line end and nothing around it: what is digested
// is what is shown, whatever a browser sent.
func Tidy(s string) string {
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func plain(n int64) string { return strconv.FormatInt(n, 10) }

// local writes the day of an instant in the engagement's zone.
func (m Material) local(t time.Time) string { return day(civil(m.Engagement, t)) }

// civil is the day of an instant in the engagement's zone, as 2026-12-31.
func civil(e engagements.Engagement, t time.Time) string {
	return t.In(clock.Zone(e.Zone)).Format(time.DateOnly)
}
