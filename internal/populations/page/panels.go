package page

import (
	"fmt"
	"strings"

	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/words"
)

// panels tell commit, seal, reveal and draw to a reader without mathematics.
func (x shown) panels() []site.PanelView {
	return []site.PanelView{x.committed(), x.sealed(), x.revealed(), x.drawnPanel()}
}

func (x shown) committed() site.PanelView {
	return site.PanelView{Number: "1", Title: "The auditor locks a secret number", Done: true,
		Who:   x.moment(x.P.Requested) + " · " + x.P.Actor + ", " + x.firm(),
		Text:  "Before seeing any list, the auditor picks a random number and puts its fingerprint in the log. The number can no longer be changed.",
		Label: "commitment", Value: x.P.Commitment, Short: true, Entry: x.entry(x.P.CommitEntry, true), RulesOut: "Rules out a number chosen to suit the list."}
}

func (x shown) sealed() site.PanelView {
	p := site.PanelView{Number: "2", Title: x.client() + " seals the list"}
	v := x.V
	if v == nil || v.Status == populations.Draft {
		v = x.P.Current()
	}
	if v == nil {
		p.Who = "not yet"
		p.Text = x.client() + " builds the list and checks it against its source. Sealing puts its fingerprint in the log."
		p.RulesOut = "Will rule out hiding a row afterwards."
		return p
	}
	p.Done = true
	p.Who = x.moment(v.Sealed) + " · " + v.Actor + ", " + x.client()
	p.Text = "All " + rowsWord(v.Rows) + " are counted, checked against the source and fingerprinted. Adding or removing one would give another fingerprint."
	switch v.Rows {
	case 0:
		p.Text = "There were none, and that is sealed too. Adding one would give another fingerprint."
	case 1:
		p.Text = "The one row is checked against the source and fingerprinted. Adding another would give another fingerprint."
	}
	p.Label, p.Value, p.Short, p.Entry = "list digest", v.Digest, true, x.entry(v.Entry, false)
	p.RulesOut = "Rules out hiding a row afterwards."
	return p
}

func (x shown) revealed() site.PanelView {
	p := site.PanelView{Number: "3", Title: "The auditor opens the number"}
	if x.P.Nonce == "" {
		p.Who = "not yet"
		p.Text = "Once the list is accepted, the number is opened. Everybody can check that it has the fingerprint of step 1, and that step 1 came before step 2."
		p.RulesOut = "Will rule out drawing a second time."
		if x.typeI() {
			p.Text = "A Type I examination draws no sample, so the number stays closed."
			p.RulesOut = "Nothing is drawn as of one date."
		}
		return p
	}
	p.Done = true
	p.Who = x.moment(x.P.Revealed) + " · " + x.P.RevealedBy + ", " + x.firm()
	p.Text = "It has the fingerprint from step 1, and step 1 came before step 2. Anybody can check both."
	p.Label, p.Value, p.Short = "number", x.P.Nonce, true
	if x.D != nil && x.D.Seed != "" {
		p.Label, p.Value = "seed", x.D.Seed
	}
	if x.D != nil && x.D.Sample.Entry > 0 {
		p.Entry = x.entry(x.D.Sample.Entry, true)
	}
	p.RulesOut = "Rules out drawing a second time."
	return p
}

func (x shown) drawnPanel() site.PanelView {
	p := site.PanelView{Number: "4", Title: "Arithmetic draws the sample"}
	if x.D.drawn() && !x.D.byArithmetic() {
		p.Title, p.Done, p.Who = "Nothing is drawn", true, x.moment(x.D.when())
		p.Text = "Every item of the list is looked at, because one that was due is missing. Nobody chooses."
		p.RulesOut = "Rules out picking the easy ones."
		return p
	}
	if !x.D.drawn() {
		p.Who = "not yet"
		p.Text = "Number and list together give every row a rank. The first are the sample. Nobody chooses."
		p.RulesOut = "Will rule out picking the easy ones."
		if x.typeI() {
			p.Text, p.RulesOut = "A Type I examination looks at design as of one date.", "Nothing is drawn as of one date."
		}
		return p
	}
	p.Done = true
	p.Who = x.moment(x.D.when()) + " · anyone can repeat it"
	p.Text = fmt.Sprintf("Number and list together give every row a rank. %s. Nobody chooses.", firstAre(x.D))
	first := x.D.first(5)
	cut := prefix(x.D.first(len(x.D.Items)))
	var short []string
	for _, i := range first {
		short = append(short, clip(strings.TrimPrefix(i, cut)))
	}
	p.Label, p.Value = "first "+small(len(first)), strings.Join(short, " ")
	if x.D.Sample.Entry > 0 {
		p.Entry = x.entry(x.D.Sample.Entry, true)
	}
	p.RulesOut = "Rules out picking the easy ones."
	return p
}

func clip(s string) string {
	if len(s) > 14 {
		return s[:10] + "…"
	}
	return s
}

func small(n int) string {
	return []string{"", "one", "two", "three", "four", "five"}[min(n, 5)]
}

// firstAre says which of the order are the sample.
func firstAre(d *drawing) string {
	switch n := len(d.Items); {
	case d.Sample.Method == string(sample.Systematic):
		return fmt.Sprintf("%d at equal distances are the sample", n)
	case d.Sample.Method == string(sample.Stratified):
		return fmt.Sprintf("The first of each group are the sample of %d", n)
	case n == 1:
		return "The first is the sample"
	default:
		return fmt.Sprintf("The first %d are the sample", n)
	}
}

// legend explains the squares.
func (x shown) legend() []site.LegendItem {
	if !x.Chart.Drawn {
		return nil
	}
	n := int64(len(x.D.Items))
	out := []site.LegendItem{{Class: "drawn", Text: "drawn " + site.Count(n)}, {Class: "left", Text: "not drawn " + site.Count(x.V.Rows-n)}}
	if c := x.V.Manifest.Calendar; c != nil && len(c.Missing) > 0 {
		out = append(out, site.LegendItem{Status: site.StatusFail, Text: "not performed " + site.Count(int64(len(c.Missing)))})
	}
	return out
}

func (x shown) chartNote() string {
	if !x.Chart.Squares() {
		return "bars, with the drawn share inset"
	}
	return "one square is one " + x.unit()
}

func (x shown) swap() site.Link {
	q := fmt.Sprintf("?version=%d", x.V.Version)
	if x.D != nil {
		q += "&control=" + x.D.Control
	}
	if x.Table {
		return site.Link{Text: "Chart", Href: x.of(x.P, q)}
	}
	return site.Link{Text: "Table", Href: x.of(x.P, q+"&view=table")}
}

// spread says in words what the squares show.
func (x shown) spread() []string {
	if !x.Chart.Drawn {
		return nil
	}
	var empty []string
	out := []string{"Every month is represented."}
	for _, g := range x.Chart.Groups {
		if g.Total == 0 {
			out = []string{"Every month that has a row is represented."}
		}
		if g.Total > 0 && g.Name != "" && drawnIn(g) == 0 {
			empty = append(empty, g.Name)
		}
	}
	items := x.D.first(len(x.D.Items))
	switch {
	case len(x.Chart.Groups) < 2:
		out = nil
	case len(empty) > 0:
		out = []string{"No item of " + words.List(empty) + " was drawn."}
	}
	return append(out, "First "+items[0]+", last "+items[len(items)-1]+".")
}

func drawnIn(g site.PopulationGroup) (n int) {
	for _, p := range g.Picks {
		if p.Status == "" {
			n++
		}
	}
	return n
}

// procedures are the completeness procedures as they stand.
func (x shown) procedures() []site.ProcedureView {
	var out []site.ProcedureView
	for _, c := range x.V.Standing() {
		p := site.ProcedureView{Status: site.StatusPass, Name: populations.ProcedureName(c.Procedure), Text: c.Text}
		switch c.Result {
		case populations.Fails:
			p.Status = site.StatusFail
		case populations.Explained:
			p.Status, p.Note = site.StatusExcepted, "Explained"
			if len(c.Items) > 0 {
				p.Note += ": " + strings.Join(c.Items[:min(5, len(c.Items))], "; ")
				if len(c.Items) > 5 {
					p.Note += "; …"
				}
			}
			p.Note += "."
		}
		if c.By != "" {
			p.Who = c.By + ", " + x.moment(c.At)
		}
		out = append(out, p)
	}
	return out
}

func (x shown) decidedNote() string {
	v := x.V
	switch {
	case v.DecidedBy == "" && v.Decision == "":
		return "not evaluated"
	case v.DecidedBy == "":
		return "rejected by its count"
	case v.Decision == populations.Rejected:
		return "rejected by " + v.DecidedBy
	}
	return "accepted by " + v.DecidedBy
}

// manifest is where the list comes from.
func (x shown) manifest() []site.FactRow {
	m := x.V.Manifest
	source := m.Source
	if m.Environment != "" {
		source += ", " + m.Environment
	}
	rows := []site.FactRow{site.Text("Source", source), {Key: "Query", Node: verbatim(m.Query)}}
	if m.Parameters != "" {
		rows = append(rows, site.FactRow{Key: "Parameters", Node: verbatim(m.Parameters)})
	}
	rows = append(rows, site.Text("Time zone", m.Zone+", end exclusive"), site.Text("Period", m.Period))
	if m.Snapshot {
		rows[len(rows)-1] = site.Text("Speaks of", "what there was when it was taken")
	}
	rows = append(rows, site.Text("Extracted", x.moment(m.Extracted)+" by "+m.Extractor))
	rows = append(rows, x.rowsFact()...)
	if m.Key != "" {
		columns := "key " + m.Key
		if m.Time != "" {
			columns += ", time " + m.Time
		}
		if m.Label != "" {
			columns += ", words " + m.Label
		}
		if m.Surrogate {
			columns += "; items are numbered"
		}
		rows = append(rows, site.Text("Read from", columns))
	}
	if m.Evidence != "" {
		rows = append(rows, site.FactRow{Key: "File", Node: x.evidence(string(m.Evidence))})
	}
	if x.V.Evidence != "" {
		rows = append(rows, site.FactRow{Key: "Record", Node: x.evidence(string(x.V.Evidence))})
	}
	return rows
}

func (x shown) rowsFact() []site.FactRow {
	v, m := x.V, x.V.Manifest
	text := site.Count(v.Rows)
	switch {
	case v.Entry > 0:
		text += ", sealed as entry " + site.Count(v.Entry)
	default:
		text += fmt.Sprintf(", %d distinct, %d without a key", m.Distinct, m.Nulls)
	}
	row := site.FactRow{Key: "Rows", Value: text}
	if x.readable() {
		row.Href = x.of(x.P, fmt.Sprintf("/rows?version=%d", v.Version))
	}
	out := []site.FactRow{row}
	if m.CountedBy != "" {
		out = append(out, site.Text("Source counts", fmt.Sprintf("%s, by %s", site.Count(m.SourceCount), m.CountedBy)))
	}
	return out
}

// past are the other versions, the newest first.
func (x shown) past() []*populations.Version {
	var out []*populations.Version
	for i := len(x.P.Versions) - 1; i >= 0; i-- {
		if v := &x.P.Versions[i]; v.Version != x.V.Version {
			out = append(out, v)
		}
	}
	return out
}

func versionLink(x shown, v *populations.Version) site.Link {
	word := v.Status
	switch {
	case v.Decision == populations.Rejected:
		word = "rejected"
	case v.Status == populations.Sealed:
		word = "in force"
	}
	return site.Link{Text: fmt.Sprintf("Version %d, %s", v.Version, word), Href: x.of(x.P, fmt.Sprintf("?version=%d", v.Version))}
}

// told are the sealed versions that another took the place of.
func (x shown) told() []*populations.Version {
	var out []*populations.Version
	for _, v := range x.past() {
		if v.Status == populations.Superseded {
			out = append(out, v)
		}
	}
	return out
}

func toldTitle(v *populations.Version) string {
	return fmt.Sprintf("Version %d had %s.", v.Version, rowsWord(v.Rows))
}

func toldText(v *populations.Version) string {
	s := "It stays here, superseded, for good."
	if v.Reason != "" {
		s = strings.TrimSuffix(v.Reason, ".") + ". " + s
	}
	return s
}

// limits are what the result is held against, for the risk that was chosen.
func (x shown) risk() sample.Risk {
	if x.D != nil && x.D.Risk != "" {
		return x.D.Risk
	}
	return sample.Moderate
}

func (x shown) sized() bool {
	return !x.typeI() && x.V != nil && x.V.Digest != "" && x.Cadence != "" && x.V.Rows > 0
}

func (x shown) sizeTitle() string {
	if x.D.drawn() {
		return "Why " + site.Count(int64(len(x.D.Items))) + ", and what each size would prove"
	}
	return "What each size would prove"
}

func (x shown) profile() string {
	return fmt.Sprintf("%s, version %d", x.Profile.Name, x.Profile.Version)
}

// sizes is the table of what each risk asks for and would prove.
func (x shown) sizes() site.TableView {
	limits := x.Profile.Limits(x.risk())
	t := site.TableView{ID: "sizes", Caption: "What each sample size would prove", Columns: []site.Column{{Head: "Risk", Phone: site.PlaceFirst}, {Head: "Items", Num: true},
		{Head: "Limit if no deviation, 90 %", Num: true}, {Head: "95 %", Num: true}, {Head: "Limit if one, 95 %", Num: true},
		{Head: fmt.Sprintf("Supports %s at %s", percent(limits.Tolerable, 0), percent(limits.Confidence, 0)), Phone: site.PlaceEnd}}}
	for _, r := range []sample.Risk{sample.Low, sample.Moderate, sample.High} {
		n, err := x.Profile.Size(x.Cadence, r, int(x.V.Rows))
		if err != nil {
			continue
		}
		word := strings.ToUpper(string(r[:1])) + string(r[1:])
		chosen := x.D != nil && x.D.Risk == r
		if chosen {
			word += ", chosen"
		}
		row := site.Row{Selected: chosen, Cells: []site.Cell{{Text: word, Strong: chosen}, site.Number(int64(n), "")}}
		row.Cells = append(row.Cells, limitCells(n, limits)...)
		for i := range row.Cells {
			row.Cells[i].Strong = chosen
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func limitCells(n int, limits sample.Limits) []site.Cell {
	if !sample.Meaningful(n) {
		return []site.Cell{site.Words("–"), site.Words("–"), site.Words("–"), site.Mark(site.StatusNotApplicable, "not meaningful at this size")}
	}
	out := []site.Cell{site.Words(percent(sample.UpperLimit(n, 0, 0.90), 2)), site.Words(percent(sample.UpperLimit(n, 0, 0.95), 2)), site.Words(percent(sample.UpperLimit(n, 1, 0.95), 2))}
	most := -1
	for k := range n {
		if sample.UpperLimit(n, k, limits.Confidence) > limits.Tolerable {
			break
		}
		most = k
	}
	switch most {
	case -1:
		return append(out, site.Mark(site.StatusFail, "no"))
	case 0:
		return append(out, site.Mark(site.StatusPass, "with 0 deviations"))
	case 1:
		return append(out, site.Mark(site.StatusPass, "with 0 or 1"))
	}
	return append(out, site.Mark(site.StatusPass, fmt.Sprintf("with 0 to %d", most)))
}

func percent(f float64, decimals int) string { return fmt.Sprintf("%.*f %%", decimals, f*100) }

// order is the sample in the order of its ranks.
func (x shown) order() site.DrawnView {
	items := x.D.first(len(x.D.Items))
	v := site.DrawnView{Title: "Drawn, in rank order", Prefix: prefix(items)}
	v.Note = fmt.Sprintf("rank 1 to %d.", len(items))
	if v.Prefix != "" {
		v.Note = v.Prefix + ", " + v.Note
	}
	for _, i := range items {
		v.Items = append(v.Items, site.DrawnItem{Item: i, Href: x.item(i), Deviates: x.D.Deviates[i]})
	}
	if len(x.D.Deviates) > 0 {
		v.Note += " Underlined: deviates."
	}
	return v
}

// problems are what is wrong with a draft.
func (x shown) problems() []site.ProcedureView {
	var out []site.ProcedureView
	for _, p := range x.V.Problems {
		v := site.ProcedureView{Status: site.StatusFail, Name: site.Plural(p.Count, "place", "places"), Text: p.Text, Note: strings.Join(p.Lines, " · ")}
		if !p.Blocking {
			v.Status = site.StatusUnknown
		}
		if int64(len(p.Lines)) < p.Count && len(p.Lines) > 0 {
			v.Note += " · and " + site.Count(p.Count-int64(len(p.Lines))) + " more"
		}
		out = append(out, v)
	}
	return out
}
