package checks

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/tasks"
)

// What people made of a stretch is looked for until a week after it: who mends
// something often writes down why on the day after.
const toldAfter = 7 * 24 * time.Hour

// Bounds of what a stretch says of people.
const (
	maxTold    = 100
	maxObjects = 40
)

// Ways in which somebody was told.
const (
	ByTask      = "task"
	ByComment   = "comment"
	ByNotice    = "notice"
	ByException = "exception"
)

// A Telling is one thing that people made of a stretch of time: who told whom,
// when, and where it stands.
type Telling struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`             // how: task, comment, notice, exception
	From string    `json:"from,omitempty"` // who; empty is the machine
	To   string    `json:"to,omitempty"`   // whom; empty where it names nobody
	Text string    `json:"text"`
	Href string    `json:"href"`
}

const (
	selectTasksOf = `SELECT t.id, t.title, t.created, t.creator, COALESCE(u.name, ''), t.state FROM task t LEFT JOIN users u ON u.id = t.owner_id
		WHERE t.org_id = ? AND t.object = ? ORDER BY t.id DESC LIMIT 200`
	selectCommentsOf = `SELECT m.id, m.at, m.author, m.text FROM comment m WHERE m.org_id = ? AND m.object = ? AND m.at >= ? AND m.at < ? AND m.removed = 0
		ORDER BY m.id LIMIT 100`
	// A notice is found by whom it is for, so each member is asked.
	selectNoticesOf = `SELECT n.at, n.kind, n.link, u.name FROM members p JOIN notice n ON n.org_id = p.org_id AND n.user_id = p.user_id AND n.object = ?
		JOIN users u ON u.id = p.user_id WHERE p.org_id = ? AND n.at >= ? AND n.at < ? ORDER BY n.at LIMIT 100`
)

// told collects who was told of a stretch, oldest first: of its checks, of the
// control or those they speak for, and of the sources that were read.
func (p asked) told(c *op.Call, h *Happened) error {
	h.Told = []Telling{}
	if !c.Actor.May(auth.ControlsRead) { // tasks are seen by whoever sees the programme
		return nil
	}
	refs, err := p.objects(c, h)
	if err != nil {
		return err
	}
	from, to := p.From, p.To.Add(toldAfter)
	within := func(t time.Time) bool { return !t.Before(from) && t.Before(to) }
	noticed := slices.Clone(refs) // notices of a task or of a mention name it, and not what it is about
	for _, ref := range refs {
		err := c.Tx.Each(selectTasksOf, []any{c.Org, ref}, func(scan func(...any) error) error {
			var (
				t     id.Task
				at    int64
				state string
				x     = Telling{By: ByTask}
			)
			err := scan(&t, &x.Text, &at, &x.From, &x.To, &state)
			x.At, x.Href = clock.FromMillis(at), "/tasks/"+string(t)
			if noticed = append(noticed, string(t)); within(x.At) {
				x.Text += map[string]string{"done": ", done", "dropped": ", dropped"}[state]
				h.Told = append(h.Told, x)
			}
			return err
		})
		if err != nil {
			return err
		}
		err = c.Tx.Each(selectCommentsOf, []any{c.Org, ref, clock.Millis(from), clock.Millis(to)}, func(scan func(...any) error) error {
			var (
				m  id.Comment
				at int64
				x  = Telling{By: ByComment}
			)
			err := scan(&m, &at, &x.From, &x.Text)
			x.At, x.Text, x.Href = clock.FromMillis(at), brief(x.Text), tasks.Place(ref)+"#"+string(m)
			noticed, h.Told = append(noticed, string(m)), append(h.Told, x)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, ref := range noticed {
		list, err := db.Rows(c.Tx, selectNoticesOf, []any{ref, c.Org, clock.Millis(from), clock.Millis(to)}, func(scan func(...any) error, x *Telling) error {
			var (
				at   int64
				kind string
			)
			err := scan(&at, &kind, &x.Href, &x.To)
			x.At, x.By, x.Text = clock.FromMillis(at), ByNotice, notify.KindOf(kind).Out
			return err
		})
		if err != nil {
			return err
		}
		h.Told = append(h.Told, list...)
	}
	h.waived(within)
	slices.SortStableFunc(h.Told, func(a, b Telling) int { return a.At.Compare(b.At) })
	if h.Unsaid = max(0, len(h.Told)-maxTold); h.Unsaid > 0 {
		h.Told = h.Told[:maxTold]
	}
	return nil
}

// waived adds who asked for an exception and who approved it.
func (h *Happened) waived(within func(time.Time) bool) {
	for _, w := range h.Exceptions {
		href := "/exceptions/" + string(w.ID)
		if within(w.Asked) {
			h.Told = append(h.Told, Telling{At: w.Asked, By: ByException, From: w.Asker, To: w.Owner, Text: "Asked for an exception: " + brief(w.Reason), Href: href})
		}
		if !w.Starts.IsZero() && within(w.Starts) {
			h.Told = append(h.Told, Telling{At: w.Starts, By: ByException, From: w.Approver, To: w.Asker, Text: "Approved the exception until " + w.Ends.Format("2 January 2006"), Href: href})
		}
	}
}

const selectOfCode = "SELECT id FROM control WHERE org_id = ? AND code = ? ORDER BY id"

// objects are the references by which tasks and comments name what the stretch
// is about.
func (p asked) objects(c *op.Call, h *Happened) ([]string, error) {
	var out, codes []string
	if p.code != "" {
		codes = append(codes, p.code)
	}
	for _, j := range h.Checks {
		out = append(out, ObjectPrefix+":"+j.Check)
		for _, s := range j.Runs {
			out = append(out, string(s.Source))
		}
	}
	if p.code == "" {
		for _, l := range p.lives {
			codes = append(codes, l.controls...)
		}
	}
	for _, code := range slices.Compact(slices.Sorted(slices.Values(codes))) {
		ids, err := db.Rows(c.Tx, selectOfCode, []any{c.Org, code}, func(scan func(...any) error, ref *string) error { return scan(ref) })
		if err != nil {
			return nil, err
		}
		out = append(out, ids...)
	}
	for _, w := range h.Exceptions {
		out = append(out, string(w.ID))
	}
	out = slices.Compact(slices.Sorted(slices.Values(out)))
	return out[:min(len(out), maxObjects)], nil
}

// brief is the beginning of what somebody wrote, in one line.
func brief(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) <= 160 {
		return string(r)
	}
	return string(r[:159]) + "…"
}
