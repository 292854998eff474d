package checks

import (
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/tasks"
	"github.com/tickmark/tickmark/internal/words"
)

// Kinds of notice. They go to those who own a control that rests on the check,
// and to those who take part in what is said and done about it.
var (
	Failing = notify.Declare(notify.Kind{Name: "check_failing", Text: "A check behind a control of yours begins to fail", Out: "A check began to fail", Mail: notify.Now})
	Mended  = notify.Declare(notify.Kind{Name: "check_mended", Text: "A check behind a control of yours passes again", Out: "A check passed again", Mail: notify.Daily})
	Unsure  = notify.Declare(notify.Kind{Name: "check_unknown", Text: "A check behind a control of yours becomes unknown", Out: "A check became unknown", Mail: notify.Daily})
)

// toldKinds are the kinds in the order in which they are told.
var toldKinds = []notify.Kind{Failing, Mended, Unsure}

// apiece is how many checks of one run are told of one by one. Where more turn
// at once there is one cause, and one notice names them all.
const (
	apiece     = 3
	mostPeople = 200
)

// A turn is a check that says something else of a source than it did.
type turn struct {
	def  Definition
	kind notify.Kind
	keys []string  // that fail, or failed until now
	text string    // what it says, in a few words
	at   time.Time // when exceptions count: at the turn or, for what failed until then, when that was last seen
	to   []id.User
}

// noteTurn remembers what the run changed in the answer as a whole. What is
// judged again by another rule is no news from the source: whoever changes a
// rule sees beforehand what it changes. The first answer there is is no turn.
func (x *concluded) noteTurn(each []Interval, all Changes, last time.Time) {
	if len(all.Closed) != 1 || len(all.Opened) != 1 || all.Closed[0].Status == all.Opened[0].Status {
		return
	}
	x.before, x.seen = all.Closed[0].Status, last
	if x.before == Fail {
		for _, i := range each {
			if i.Status == Fail {
				x.failed = append(x.failed, i.Key)
			}
		}
	}
}

const selectEarlier = `SELECT status FROM check_interval WHERE org_id = ? AND check_id = ? AND source_id = ? AND key = ''
	AND status <> 'unknown' AND ends <> ? ORDER BY starts DESC LIMIT 1`

// turn is what people are told of a check after a run, if anything.
func (x *concluded) turn(c *op.Call, source id.Source) (turn, bool, error) {
	t := turn{def: x.def, text: x.result.Summary, at: c.Now}
	if x.before == "" {
		return t, false, nil
	}
	switch x.result.Status {
	case Fail:
		t.kind = Failing
		for _, j := range x.judged {
			if j.Status == Fail {
				t.keys = append(t.keys, j.Key)
			}
		}
		return t, true, nil
	case Unknown:
		t.kind = Unsure
		return t, true, nil
	}
	t.kind, t.keys, t.at = Mended, x.failed, x.seen
	if x.before == Unknown { // what failed before nobody could tell is mended now
		said, err := earlier(c, x.def.ID, source)
		return t, said == Fail, err
	}
	return t, x.before == Fail, nil
}

// earlier is what a check said of a source before it became unknown.
func earlier(c *op.Call, check string, source id.Source) (Status, error) {
	var said Status
	err := c.Tx.Each(selectEarlier, []any{c.Org, check, source, open}, func(scan func(...any) error) error { return scan(&said) })
	return said, err
}

// tell tells people what a run changed, in the transaction that records it. A
// run that turns no answer asks the database nothing.
func (v verdicts) tell(c *op.Call, active []controls.Control) error {
	var turns []turn
	for i := range v.checks {
		t, any, err := v.checks[i].turn(c, v.run.Source)
		if err != nil {
			return err
		}
		if any {
			turns = append(turns, t)
		}
	}
	turns, err := heeded(c, turns, active)
	if err != nil || len(turns) == 0 {
		return err
	}
	return announce(c, v.run.Source, turns)
}

// heeded are the turns that matter to somebody: of checks that a control in
// force rests on, and under no approved exception.
func heeded(c *op.Call, turns []turn, active []controls.Control) ([]turn, error) {
	turns = slices.DeleteFunc(turns, func(t turn) bool { return !rests(active, t.def) })
	if len(turns) == 0 {
		return nil, nil
	}
	waivers, err := db.Rows(c.Tx, selectApproved, []any{c.Org}, scanWaiver)
	if err != nil {
		return nil, err
	}
	turns = slices.DeleteFunc(turns, func(t turn) bool { return t.waived(waivers) })
	members, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return nil, err
	}
	readers := auth.Holding(members, auth.ChecksRead)
	for i := range turns {
		people, err := tasks.TakingPart(c, ObjectPrefix+":"+turns[i].def.ID)
		if err != nil {
			return nil, err
		}
		for _, x := range active {
			if slices.Contains(turns[i].def.Controls, x.Code) {
				people = append(people, x.Owner)
			}
		}
		turns[i].to = slices.DeleteFunc(slices.Clone(readers), func(u id.User) bool { return !slices.Contains(people, u) })
	}
	return turns, nil
}

// rests reports whether a control in force rests on a check.
func rests(active []controls.Control, d Definition) bool {
	return slices.ContainsFunc(active, func(x controls.Control) bool { return slices.Contains(d.Controls, x.Code) })
}

// waived reports whether exceptions cover all of it.
func (t turn) waived(all []Waiver) bool {
	list := slices.DeleteFunc(slices.Clone(all), func(w Waiver) bool { return w.Check != t.def.ID || !w.exception().covers(t.at) })
	covers := func(key string) bool {
		return slices.ContainsFunc(list, func(w Waiver) bool { return w.whole() || w.names(key) })
	}
	if len(t.keys) == 0 {
		return slices.ContainsFunc(list, Waiver.whole)
	}
	return !slices.ContainsFunc(t.keys, func(k string) bool { return !covers(k) })
}

const selectSource = "SELECT name FROM source WHERE org_id = ? AND id = ?"

// announce tells turns at one source: each by itself, or all of a kind at once
// where there are many.
func announce(c *op.Call, source id.Source, turns []turn) error {
	var name string
	if err := c.Tx.Row(selectSource, []any{c.Org, source}, &name); err != nil {
		return err
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return severity(a.def.Severity) - severity(b.def.Severity) })
	for _, k := range toldKinds {
		of := slices.DeleteFunc(slices.Clone(turns), func(t turn) bool { return t.kind.Name != k.Name })
		if len(of) > apiece {
			if err := together(c, source, name, of); err != nil {
				return err
			}
			continue
		}
		for _, t := range of {
			text, err := t.say(c, source, name)
			if err != nil {
				return err
			}
			err = notify.Tell(c, most(t.to), k, notify.Notice{Text: text, Link: "/checks/" + t.def.ID, Object: ObjectPrefix + ":" + t.def.ID})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// verbs say what a kind of notice tells, of one check and of several.
var verbs = map[string][2]string{
	Failing.Name: {"begins to fail", "begin to fail"},
	Mended.Name:  {"passes again", "pass again"},
	Unsure.Name:  {"becomes unknown", "become unknown"},
}

// most keeps to what can be told at once.
func most(to []id.User) []id.User { return to[:min(len(to), mostPeople)] }

// Still failing: what other sources show.
const selectStill = `SELECT s.name FROM check_interval i JOIN source s ON s.org_id = i.org_id AND s.id = i.source_id
	WHERE i.org_id = ? AND i.check_id = ? AND i.status = 'fail' AND i.ends = ? AND i.key = '' AND s.id <> ? AND s.removed = 0 ORDER BY s.name LIMIT 5`

// say is what is told of one check.
func (t turn) say(c *op.Call, source id.Source, name string) (string, error) {
	text := t.quoted() + " " + verbs[t.kind.Name][0]
	if t.text != "" && t.kind.Name != Mended.Name {
		text += ": " + strings.TrimSuffix(t.text, ".")
	}
	text += " (" + name + ")"
	if t.kind.Name != Mended.Name {
		return text, nil
	}
	still, err := db.Rows(c.Tx, selectStill, []any{c.Org, t.def.ID, open, source}, func(scan func(...any) error, s *string) error { return scan(s) })
	if len(still) > 0 {
		text += "; it still fails in " + words.List(still)
	}
	return text, err
}

// together tells many turns at once. The notice is about the source, where the
// cause is.
func together(c *op.Call, source id.Source, name string, turns []turn) error {
	k := turns[0].kind
	var to []id.User
	for _, t := range turns {
		to = append(to, t.to...)
	}
	rest := len(turns) - 2
	text := words.Capital(words.Several(len(turns), "check", "checks")) + " " + verbs[k.Name][1] + ": " +
		words.List([]string{turns[0].quoted(), turns[1].quoted(), words.Several(rest, "other", "others")}) + " (" + name + ")"
	status := map[string]Status{Failing.Name: Fail, Mended.Name: Pass, Unsure.Name: Unknown}[k.Name]
	slices.Sort(to)
	return notify.Tell(c, most(slices.Compact(to)), k, notify.Notice{Text: text, Link: "/checks?f.status=" + string(status), Object: string(source)})
}

func (t turn) quoted() string { return "“" + strings.TrimSuffix(t.def.Title, ".") + "”" }
