package page

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/site"
)

// sheet is part of the rows of a version.
type sheet struct {
	shown
	op.Page[populations.Row]
	Prefix, After string
}

func showRows(v *site.Visit) error {
	x, err := look(v)
	if err != nil {
		return err
	}
	if !x.readable() {
		return fault.Conflict("There are no rows of %s to read yet.", x.P.Code)
	}
	s := sheet{shown: x, Prefix: strings.TrimSpace(v.Query("prefix")), After: v.Query("after")}
	s.Page, err = populations.Rows.Do(v.Context(), v.Desk, populations.RowFilter{Engagement: v.Path("id"), Population: x.P.Code, Version: x.V.Version, Prefix: s.Prefix, After: s.After})
	if err != nil {
		return err
	}
	return v.ShowIn(x.Engagement, x.place(title(x.P)+" rows", x.crumb(x.P), site.Crumb{Text: "Rows"}), rowsBody(s))
}

func (s sheet) sentence() string {
	n := s.Total
	switch {
	case s.Prefix != "" && n == 0:
		return "No row of " + s.P.Code + " begins with “" + s.Prefix + "”."
	case s.Prefix != "":
		return fmt.Sprintf("%s of %s %s with “%s”.", rowsWord(n), s.P.Code, begins(n), s.Prefix)
	case n == 0:
		return s.P.Code + " is an empty list."
	}
	return fmt.Sprintf("%s on %s, version %d.", site.Capital(site.Several(n, "row is", "rows are")), s.P.Code, s.V.Version)
}

func begins(n int64) string {
	if n == 1 {
		return "begins"
	}
	return "begin"
}

func (s sheet) address(after string) string {
	q := url.Values{"version": {fmt.Sprint(s.V.Version)}}
	if s.Prefix != "" {
		q.Set("prefix", s.Prefix)
	}
	if after != "" {
		q.Set("after", after)
	}
	return s.of(s.P, "/rows?"+q.Encode())
}

// shownFields is how many fields of a record stand in a row.
const shownFields = 4

func (s sheet) table() site.TableView {
	t := site.TableView{ID: "rows", Caption: "Rows of " + s.P.Code, Columns: []site.Column{{Head: "Item", Mono: true, Phone: site.PlaceFirst}, {Head: "What", Wide: true, Phone: site.PlaceFirst},
		{Head: "When"}, {Head: "Commitment", Mono: true, Phone: site.PlaceHidden}, {Head: "State", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No rows.", Text: "Nothing on the list fits."}, Pager: site.PagerView{Shown: int64(len(s.Items)), Of: s.Total, NewerText: "From the start", OlderText: "Next"}}
	drawn := map[string]bool{}
	if s.D.drawn() {
		for _, i := range s.D.Items {
			drawn[i.Item] = true
		}
	}
	for _, r := range s.Items {
		when := site.Words("–")
		if !r.At.IsZero() {
			when = site.Words(r.At.In(s.Zone).Format("2 Jan 2006, 15:04"))
		}
		state := site.Words("")
		switch {
		case r.Late:
			state = site.Mark(site.StatusFail, "late")
		case !r.Performed:
			state = site.Mark(site.StatusFail, "not performed")
		case drawn[r.Item]:
			state = site.Cell{Text: "drawn", Href: s.item(r.Item)}
		}
		t.Rows = append(t.Rows, site.Row{Selected: drawn[r.Item], Cells: []site.Cell{{Text: r.Item, Mono: true, Strong: true}, site.Node(recordCell(r)), when,
			site.Node(site.Digest(site.DigestView{Value: r.Commitment, Short: true})), state}})
	}
	if s.Next != "" {
		t.Pager.Older = s.address(s.Next)
	}
	if s.After != "" {
		t.Pager.Newer = s.address("")
	}
	return t
}

func (s sheet) search() templ.Component {
	return site.SearchBox(site.SearchView{Value: s.Prefix, Path: s.of(s.P, "/rows"), Label: "Item begins with", Name: "prefix"})
}

// filter names the version in a download.
func filter(v *site.Visit, p populations.Population, version int) populations.ExportFilter {
	return populations.ExportFilter{Engagement: v.Path("id"), Population: p.Code, Version: version}
}

// lines sends the lines of item and commitment as a file.
func lines(v *site.Visit) error {
	p, err := find(v)
	if err != nil {
		return err
	}
	version, err := choose(p, v.Query("version"))
	if err != nil {
		return err
	}
	if version == nil || version.Digest == "" {
		return fault.Conflict("There are no rows of %s to download yet.", p.Code)
	}
	in := filter(v, p, version.Version)
	if _, err := populations.Rows.Do(v.Context(), v.Desk, populations.RowFilter{Engagement: in.Engagement, Population: in.Population, Version: in.Version, Limit: 1}); err != nil {
		return err // before the answer begins
	}
	v.W.Header().Set("Content-Type", "text/tab-separated-values; charset=utf-8")
	v.W.Header().Set("Content-Disposition", `attachment; filename="`+fileName(p, version.Version)+`"`)
	if err := populations.WriteLines(v.Context(), v.Desk, in, v.W); err != nil {
		v.Log.Error("populations: the lines were not sent whole", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

func fileName(p populations.Population, version int) string {
	return fmt.Sprintf("%s-v%d.tsv", strings.ToLower(p.Code), version)
}

// strata sends which stratum each item is of.
func strata(v *site.Visit) error {
	x, err := look(v)
	if err != nil {
		return err
	}
	if !x.D.drawn() || x.D.Sample.StrataBy == "" {
		return fault.NotFound("No stratified sample was drawn from %s.", x.P.Code)
	}
	rows, err := x.all(v)
	if err != nil {
		return err
	}
	v.W.Header().Set("Content-Type", "text/tab-separated-values; charset=utf-8")
	v.W.Header().Set("Content-Disposition", `attachment; filename="`+strings.ToLower(x.P.Code)+`-strata.tsv"`)
	var b strings.Builder
	for _, r := range rows {
		s, _ := r.Field(x.D.Sample.StrataBy)
		fmt.Fprintf(&b, "%s\t%s\n", r.Item, s)
	}
	_, err = v.W.Write([]byte(b.String()))
	return err
}

// recompute is how anybody repeats the draw.
type recompute struct{ shown }

func showRecompute(v *site.Visit) error {
	x, err := look(v)
	if err != nil {
		return err
	}
	if x.P.Nonce == "" || !x.D.byArithmetic() || !x.readable() {
		return fault.Conflict("Nothing was drawn from %s yet, so there is nothing to repeat.", x.P.Code)
	}
	return v.ShowIn(x.Engagement, x.place(title(x.P)+" offline", x.crumb(x.P), site.Crumb{Text: "Recompute offline"}), recomputeBody(recompute{x}))
}

// command is what repeats the draw, word by word.
func (r recompute) command() string {
	n := r.D.repeats()
	s := fmt.Sprintf("tickmark sample recompute \\\n  --nonce %s \\\n  --items %s \\\n  --control %s \\\n  --period %s/%s \\\n  --n %d", r.P.Nonce, fileName(r.P, r.V.Version), r.D.Control, r.Starts, r.Ends, n)
	if m := r.D.Sample.Method; m != "" && m != string(sample.Random) {
		s += " \\\n  --method " + m
		if m == string(sample.Stratified) {
			s += " --strata " + strings.ToLower(r.P.Code) + "-strata.tsv"
		}
	}
	return s
}

func (r recompute) answer() string { return strings.Join(r.D.first(r.D.repeats()), "\n") + "\n" }
