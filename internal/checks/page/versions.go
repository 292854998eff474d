package page

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
)

// past is the history of a check.
type past struct {
	checks.VersionList
	Title string
	Own   bool
	May   bool
	Now   time.Time
}

func readPast(v *site.Visit) (past, error) {
	x := past{Now: v.Clock.Now(), May: v.Actor.May(auth.ChecksWrite)}
	var err error
	if x.VersionList, err = checks.Versions.Do(v.Context(), v.Desk, checks.Ref{ID: v.Path("id")}); err != nil {
		return x, err
	}
	if len(x.Versions) > 0 {
		x.Title, x.Own = x.Versions[0].Definition.Title, x.Versions[0].Own
	}
	return x, nil
}

func showVersions(v *site.Visit) error {
	x, err := readPast(v)
	if err != nil {
		return err
	}
	return v.Show(x.shell("Versions"), versionsBody(x))
}

func (x past) shell(what string) site.Shell {
	return shell(what+" of "+x.ID, site.Crumb{Text: x.ID, Href: "/checks/" + x.ID, Mono: true}, site.Crumb{Text: what})
}

func (x past) sentence() string {
	n := site.Capital(site.Several(int64(len(x.Versions)), "version", "versions"))
	if x.Off {
		return fmt.Sprintf("It is out of force since %s. What it said before stays on record.", x.Decided[0].At.Format("2 January 2006"))
	}
	if len(x.Versions) == 0 {
		return "It has judged nothing yet, so that no version is on record."
	}
	return fmt.Sprintf("%s on record; the newest is in force since %s.", n, x.Versions[0].Effective.Format("2 January 2006"))
}

func (x past) lead() site.Lead {
	l := site.Lead{ID: x.ID, Name: x.Title}
	if x.Off {
		l.Status, l.Word = site.StatusNotApplicable, "Out of force"
	}
	return l
}

func (x past) acts() []site.ButtonView {
	at := "/checks/" + x.ID
	switch {
	case !x.May:
		return nil
	case x.Off:
		return []site.ButtonView{{Text: "Put in force again", Kind: site.ButtonPrimary, Href: at + "/restore"}}
	}
	return []site.ButtonView{{Text: "Take out of force", Href: at + "/retire"}}
}

var didWords = map[string]string{"created": "Written", "updated": "Changed", "adjusted": "Parameters set", "retired": "Taken out of force", "restored": "Put in force again"}

func (x past) timeline() []site.TimelineItem {
	var out []site.TimelineItem
	for i, d := range x.Decided {
		text := didWords[d.Act]
		if d.Why != "" {
			text += ": " + d.Why
		}
		out = append(out, site.TimelineItem{Text: text, When: d.At, Who: d.Actor, Now: i == 0 && !x.Off})
	}
	return out
}

// difference is what a version did to the one before, line by line.
func (x past) difference(i int) string {
	before := ""
	if i+1 < len(x.Versions) {
		before = text(x.Versions[i+1])
	}
	return strings.Join(diff(strings.Split(before, "\n"), strings.Split(text(x.Versions[i]), "\n")), "\n")
}

func text(v checks.Version) string { return strings.Trim(v.YAML, "\n") }

func (x past) versionHead(i int) string {
	v := x.Versions[i]
	s := "In force since " + v.Effective.Format("2 January 2006 15:04 UTC")
	if !v.Ended.IsZero() {
		s = "From " + v.Effective.Format("2 January 2006 15:04 UTC") + " to " + v.Ended.Format("2 January 2006 15:04 UTC")
	}
	return s
}

// maxDiff is how many lines two versions may have to be compared line by line.
const maxDiff = 1500

// diff marks the lines that went with - and those that came with +; of those
// that stayed, it keeps two around each change.
func diff(a, b []string) []string {
	if len(a) > maxDiff || len(b) > maxDiff {
		return b
	}
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var all []string
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, "  "+a[i])
			i, j = i+1, j+1
		case j < len(b) && (i == len(a) || common[i][j+1] > common[i+1][j]):
			all = append(all, "+ "+b[j])
			j++
		default:
			all = append(all, "- "+a[i])
			i++
		}
	}
	return around(all)
}

func around(all []string) []string {
	changed := func(i int) bool { return i >= 0 && i < len(all) && all[i][0] != ' ' }
	var out []string
	skipped := false
	for i, l := range all {
		near := false
		for d := -2; d <= 2; d++ {
			near = near || changed(i+d)
		}
		if near {
			out, skipped = append(out, l), false
		} else if !skipped {
			out, skipped = append(out, "  …"), true
		}
	}
	return out
}

// deciding is a page that asks for a reason, and perhaps values.
type deciding struct {
	past
	Head, Text string
	Form       site.FormView
}

func reasonForm(action, act, back string, more ...site.FieldView) site.FormView {
	return site.FormView{Action: action, Buttons: []site.ButtonView{{Text: act}, {Text: "Cancel", Href: back}}, Fields: append(more,
		site.FieldView{Kind: site.FieldArea, Name: "reason", Label: "Why", Help: "Stands in its history. 10 characters at least.", Rows: 2, Attrs: templ.Attributes{"maxlength": "1000"}}, site.OnceKey())}
}

func retiring(v *site.Visit) (deciding, error) {
	p, err := readPast(v)
	if err == nil {
		err = v.Actor.Require(auth.ChecksWrite)
	}
	at := "/checks/" + p.ID
	return deciding{p, "Take the check out of force?", "From now on it judges nothing and speaks for no control. What it said until now stays on record and in the figures.",
		reasonForm(at+"/retire", "Take it out of force", at)}, err
}

func restoring(v *site.Visit) (deciding, error) {
	p, err := readPast(v)
	if err == nil {
		err = v.Actor.Require(auth.ChecksWrite)
	}
	at := "/checks/" + p.ID
	return deciding{p, "Put the check in force again?", "It judges what the sources showed last, and each run from now on. The time between stays unknown.",
		reasonForm(at+"/restore", "Put it in force", at+"/versions")}, err
}

func adjusting(v *site.Visit) (deciding, error) {
	x := deciding{Head: "Set the parameters", Text: "The rule stays the program's, and follows its updates. The values count from now on."}
	d, err := checks.Get.Do(v.Context(), v.Desk, checks.Ref{ID: v.Path("id")})
	if err == nil {
		err = v.Actor.Require(auth.ChecksWrite)
	}
	if err != nil {
		return x, err
	}
	if d.Own {
		x.Text = "The parameters of your own check are in the check itself: change it."
	}
	x.past = past{VersionList: checks.VersionList{ID: d.ID}, Title: d.Title}
	var lines, help []string
	for _, name := range slices.Sorted(maps.Keys(d.Definition.Params)) {
		p := d.Definition.Params[name]
		one, err := checks.Lines(map[string]any{name: p.Default})
		if err != nil {
			return x, err
		}
		lines = append(lines, one)
		h := name + ": " + p.Doc
		if b := p.Bounds(); b != "" {
			h += " " + b + "."
		}
		help = append(help, h)
	}
	at := "/checks/" + d.ID
	x.Form = reasonForm(at+"/adjust", "Set them", at, site.FieldView{Kind: site.FieldArea, Name: "params", Label: "Values", Mono: true, Rows: len(lines) + 1, Value: strings.Join(lines, "\n"),
		Help: strings.Join(help, " ") + " A line left out has the program's own value.", Optional: true, Attrs: templ.Attributes{"spellcheck": "false"}})
	return x, nil
}

func showDeciding(v *site.Visit, read func(*site.Visit) (deciding, error)) error {
	x, err := read(v)
	if err != nil {
		return err
	}
	return v.Show(x.shell(x.Head), decidingBody(x))
}

// decided runs what a page has asked for, and shows the page again where it
// was refused.
func decided[T any](v *site.Visit, read func(*site.Visit) (deciding, error), in *T, run func() error) error {
	err := v.Form(in)
	if err == nil {
		err = run()
	}
	if err == nil {
		v.Web.Wake()
		return v.Goto("/checks/" + v.Path("id"))
	}
	x, readErr := read(v)
	if readErr != nil {
		return readErr
	}
	x.Form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(x.shell(x.Head), decidingBody(x))
}

func showRetire(v *site.Visit) error  { return showDeciding(v, retiring) }
func showRestore(v *site.Visit) error { return showDeciding(v, restoring) }
func showAdjust(v *site.Visit) error  { return showDeciding(v, adjusting) }

func retire(v *site.Visit) error {
	var in checks.Reasoned
	return decided(v, retiring, &in, func() error {
		in.ID = v.Path("id")
		_, err := checks.Retire.Do(v.Context(), v.Desk, in)
		return err
	})
}

func restore(v *site.Visit) error {
	var in checks.Reasoned
	return decided(v, restoring, &in, func() error {
		in.ID = v.Path("id")
		_, err := checks.Restore.Do(v.Context(), v.Desk, in)
		return err
	})
}

func adjust(v *site.Visit) error {
	var in checks.Adjustment
	return decided(v, adjusting, &in, func() error {
		in.ID, in.Params = v.Path("id"), strings.ReplaceAll(in.Params, "\r\n", "\n")
		_, err := checks.Adjust.Do(v.Context(), v.Desk, in)
		return err
	})
}
