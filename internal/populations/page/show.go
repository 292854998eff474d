package page

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/words"
)

// shown is one population, as of one of its versions.
type shown struct {
	room
	P       populations.Population
	V       *populations.Version // nil while nothing was built
	Draws   []drawing
	D       *drawing // the one that is looked at
	Chart   site.PopulationView
	Table   bool
	Cadence sample.Cadence
	Decide  site.FormView
}

func show(v *site.Visit) error {
	x, err := look(v)
	if err != nil {
		return err
	}
	x.Decide = decideForm(x)
	return x.show(v, false)
}

func (x shown) show(v *site.Visit, wrong bool) error {
	if err := x.chart(v); err != nil {
		return err
	}
	shell := x.place(title(x.P), site.Crumb{Text: x.P.Code, Mono: true})
	if wrong {
		return v.ShowWrongIn(x.Engagement, shell, showBody(x))
	}
	return v.ShowIn(x.Engagement, shell, showBody(x))
}

func look(v *site.Visit) (shown, error) {
	r, err := enter(v)
	if err != nil {
		return shown{}, err
	}
	x := shown{room: r, Table: v.Query("view") == "table"}
	if x.P, err = find(v); err != nil {
		return x, err
	}
	if x.V, err = choose(x.P, v.Query("version")); err != nil {
		return x, err
	}
	if x.Draws, err = drawings(v, r, x.P); err != nil {
		return x, err
	}
	for i := range x.Draws {
		if d := &x.Draws[i]; x.D == nil && (v.Query("control") == "" || d.Control == v.Query("control")) {
			x.D = d
		}
	}
	return x, x.cadence(v)
}

// choose is the version asked for, the one in force, or the newest.
func choose(p populations.Population, wanted string) (*populations.Version, error) {
	if wanted == "" {
		if v := p.Current(); v != nil {
			return v, nil
		}
		return p.Newest(), nil
	}
	n, err := strconv.Atoi(wanted)
	for i := range p.Versions {
		if err == nil && p.Versions[i].Version == n {
			return &p.Versions[i], nil
		}
	}
	return nil, fault.NotFound("%s has no version %q.", p.Code, wanted)
}

// frequencies are the words that controls have for what samples are sized by.
var frequencies = map[string]sample.Cadence{"semi_annual": sample.SemiAnnual, "semi_monthly": sample.SemiMonthly, "many_times_a_day": sample.ManyADay,
	"per_event": sample.Event, "continuous": sample.Automated, "annual": sample.Annual, "quarterly": sample.Quarterly, "monthly": sample.Monthly,
	"weekly": sample.Weekly, "daily": sample.Daily}

// cadence is how often the control operates, from the workpaper, the calendar,
// or the client's own control.
func (x *shown) cadence(v *site.Visit) error {
	switch {
	case x.D != nil && x.D.Cadence != "":
		x.Cadence = sample.Cadence(x.D.Cadence)
	case x.V != nil && x.V.Manifest.Calendar != nil:
		x.Cadence = sample.Cadence(x.V.Manifest.Calendar.Cadence)
	case !x.Firm && len(x.P.Controls) > 0:
		c, err := controls.Get.Do(v.Context(), v.Desk, controls.Ref{ID: x.P.Controls[0]})
		if k := fault.KindOf(err); err != nil && (k == fault.KindNotFound || k == fault.KindInvalid || k == fault.KindDenied) {
			return nil
		}
		x.Cadence = frequencies[c.Frequency]
		return err
	}
	return nil
}

// readable reports whether the rows of the version can be shown.
func (x shown) readable() bool {
	return x.V != nil && x.V.Digest != "" && (x.V.Status != populations.Draft || !x.Firm)
}

// chart draws the list: each item up to a number, beyond it each month.
func (x *shown) chart(v *site.Visit) error {
	if !x.readable() {
		return nil
	}
	current := x.D.drawn() && x.V.Status == populations.Sealed
	x.Chart = site.PopulationView{Title: x.P.Title + " by month", Unit: x.unit(), Drawn: current}
	picked := map[string]string{}
	if current {
		x.Chart.Title += ", and which were drawn"
		for _, i := range x.D.Items {
			picked[i.Item] = x.item(i.Item)
		}
	}
	if x.V.Rows > site.SquaresLimit {
		x.months(current)
		return nil
	}
	rows, err := x.all(v)
	if errors.Is(err, blob.ErrErased) { // the figures of the months are still known
		x.months(current)
		return nil
	}
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b populations.Row) int { return a.At.Compare(b.At) })
	groups := x.groups()
	at := map[string]int{}
	for i, g := range groups {
		at[g.Name] = i
	}
	for _, row := range rows {
		name := ""
		if !row.At.IsZero() && len(groups) > 1 || len(groups) == 1 && groups[0].Name != "" {
			name = row.At.In(x.Zone).Format("January 2006")
		}
		i, ok := at[name]
		if !ok {
			i = 0 // an occurrence that was performed outside the period
		}
		g := &groups[i]
		pick := site.PopulationPick{Place: int(g.Total), Text: strings.TrimSpace(row.Item + " " + row.Label), Href: picked[row.Item]}
		if _, was := picked[row.Item]; !row.Performed {
			pick.Status = site.StatusFail
			g.Picks = append(g.Picks, pick)
		} else if was {
			g.Picks = append(g.Picks, pick)
		}
		g.Total++
	}
	x.Chart.Groups = groups
	return nil
}

func (x shown) unit() string {
	if x.V.Manifest.Calendar != nil {
		return "occurrence"
	}
	return "row"
}

// item is where a drawn item is tested, for whoever tests, or asked for.
func (x shown) item(item string) string {
	if x.Firm {
		return site.EngagementHref(x.Engagement, "/testing/"+x.D.Control+"?item="+item)
	}
	return site.EngagementHref(x.Engagement, "/items")
}

func (x shown) all(v *site.Visit) ([]populations.Row, error) {
	var out []populations.Row
	in := populations.RowFilter{Engagement: v.Path("id"), Population: x.P.Code, Version: x.V.Version, Limit: op.MaxLimit}
	for {
		page, err := populations.Rows.Do(v.Context(), v.Desk, in)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Items...)
		if in.After = page.Next; in.After == "" {
			return out, nil
		}
	}
}

// groups are the months of the list without their rows, or one group for a
// list without times.
func (x shown) groups() []site.PopulationGroup {
	var out []site.PopulationGroup
	for _, m := range x.V.Manifest.Months {
		t, err := time.Parse("2006-01", m.Month)
		if err != nil {
			continue
		}
		g := site.PopulationGroup{Label: t.Format("Jan"), Name: t.Format("January 2006")}
		if len(x.V.Manifest.Months) > 12 {
			g.Label = t.Format("Jan 06")
		}
		out = append(out, g)
	}
	if len(out) == 0 {
		out = []site.PopulationGroup{{}}
	}
	return out
}

// months counts the drawn items of a long list by month.
func (x *shown) months(current bool) {
	groups := x.groups()
	if len(x.V.Manifest.Months) == 0 {
		groups[0].Total = x.V.Rows
	}
	drawn := map[string]int{}
	if current {
		for _, i := range x.D.Items {
			drawn[i.At.In(x.Zone).Format("2006-01")]++
		}
		if len(x.V.Manifest.Months) == 0 {
			groups[0].Picks = make([]site.PopulationPick, len(x.D.Items))
		}
	}
	for i, m := range x.V.Manifest.Months {
		groups[i].Total = m.Rows
		groups[i].Picks = make([]site.PopulationPick, drawn[m.Month])
	}
	x.Chart.Groups = groups
}

func (x shown) lead() site.Lead {
	status, word := standing(x.P)
	if x.V != nil && x.V.Status == populations.Superseded {
		status, word = site.StatusNotApplicable, fmt.Sprintf("Version %d, superseded", x.V.Version)
	}
	name := x.P.Title
	if len(x.P.Controls) == 1 {
		name += ", for control " + x.P.Controls[0]
	} else if len(x.P.Controls) > 1 {
		name += ", for controls " + words.List(x.P.Controls)
	}
	return site.Lead{ID: x.P.Code, Name: name, Status: status, Word: word}
}

// sentence tells how far the list has come.
func (x shown) sentence() string {
	v := x.V
	switch {
	case v == nil && x.Firm:
		return x.client() + " has not built this list yet."
	case v == nil:
		return x.firm() + " asks for this list. Nothing is built yet."
	case v.Status == populations.Draft && x.Firm:
		return x.client() + " is preparing this list. It is not sealed yet."
	case v.Status == populations.Draft && v.Blocked() > 0:
		return fmt.Sprintf("The draft has %s. %s it from being sealed.", rowsWord(v.Rows), keeps(v.Blocked()))
	case v.Status == populations.Draft && x.short():
		return fmt.Sprintf("The draft has %s, and its source counts %s.", x.count(), site.Count(v.Manifest.SourceCount))
	case v.Status == populations.Draft:
		return fmt.Sprintf("The draft has %s and can be sealed.", x.count())
	case v.Status == populations.Superseded:
		return fmt.Sprintf("Version %d had %s. Version %d took its place.", v.Version, x.count(), x.P.Current().Version)
	case v.Decision == populations.Rejected && v.DecidedBy == "":
		return fmt.Sprintf("%s are sealed, and the source counts %s. The list is rejected until somebody explains it.", x.count(), site.Count(v.Manifest.SourceCount))
	case v.Decision == populations.Rejected:
		return fmt.Sprintf("%s are sealed, and %s rejects the list.", x.count(), v.DecidedBy)
	case v.DecidedBy == "":
		return fmt.Sprintf("%s are sealed. Nobody has evaluated them yet.", x.count())
	case x.D.drawn() && !x.D.byArithmetic():
		return x.happened() + ". All of them are looked at."
	case x.D.drawn():
		return fmt.Sprintf("%s. %s drawn by arithmetic that neither side could steer.", x.happened(), were(len(x.D.Items)))
	case v.Rows == 0:
		return "Nothing happened in the period. The empty list is sealed and accepted."
	}
	return x.happened() + ". No sample is drawn yet."
}

// short reports whether the source counts another number of rows.
func (x shown) short() bool {
	m := x.V.Manifest
	return m.CountedBy != "" && m.SourceCount != m.Rows
}

func keeps(n int) string {
	if n == 1 {
		return "One problem keeps"
	}
	return site.Capital(site.Spelled(n)) + " problems keep"
}

func were(n int) string { return site.Capital(site.Several(n, "was", "were")) }

func (x shown) count() string {
	if x.V.Manifest.Calendar != nil {
		return site.Plural(x.V.Rows, "occurrence", "occurrences")
	}
	return rowsWord(x.V.Rows)
}

func (x shown) happened() string {
	if c := x.V.Manifest.Calendar; c != nil {
		return fmt.Sprintf("%s due, %s performed in time", site.Capital(site.Several(x.V.Rows, "occurrence was", "occurrences were")), site.Spelled(c.Performed))
	}
	return site.Capital(site.Several(x.V.Rows, "row is", "rows are")) + " on the list"
}

func (x shown) acts() []site.ButtonView {
	var out []site.ButtonView
	if x.readable() && x.P.Nonce != "" && x.D.byArithmetic() {
		out = append(out, site.ButtonView{Text: "Recompute offline", Icon: site.IconDownload, Href: x.of(x.P, "/recompute?control="+x.D.Control)})
	}
	switch {
	case x.Firm && x.D != nil:
		out = append(out, site.ButtonView{Text: "Open testing grid", Kind: site.ButtonPrimary, Href: site.EngagementHref(x.Engagement, "/testing/"+x.D.Control)})
	case x.canSeal():
		out = append(out, site.ButtonView{Text: "Seal the list", Kind: site.ButtonPrimary, Href: x.of(x.P, fmt.Sprintf("/seal?version=%d", x.V.Version)), Opens: "seal"})
	case x.canBuild() && x.V == nil:
		out = append(out, site.ButtonView{Text: "Build the list", Kind: site.ButtonPrimary, Href: x.of(x.P, "/build")})
	}
	return out
}

func (x shown) canBuild() bool { return !x.Firm && x.May && x.P.Nonce == "" }

func (x shown) canSeal() bool {
	return x.canBuild() && x.V != nil && x.V.Status == populations.Draft && x.V.Blocked() == 0 && x.V.Version == x.P.Newest().Version
}

func (x shown) canDecide() bool {
	return x.Firm && x.May && x.P.Nonce == "" && x.V != nil && x.V.Status == populations.Sealed
}

// typeI looks at no period, so nothing is drawn.
func (x shown) typeI() bool { return x.Type == scopes.TypeI }
