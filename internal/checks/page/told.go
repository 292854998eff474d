package page

import (
	"cmp"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/site"
)

var toldBy = map[string]string{checks.ByTask: "Task", checks.ByComment: "Comment", checks.ByNotice: "Notice", checks.ByException: "Exception"}

// toldTable is what people made of the stretch, oldest first: who told whom,
// when, and where it stands.
func (x covered) toldTable() site.TableView {
	t := site.TableView{Caption: "Who was told", Columns: []site.Column{{Head: "What", Wide: true, Phone: site.PlaceFirst}, {Head: "How", Phone: site.PlaceEnd}, {Head: "By"}, {Head: "To"}, {Head: "When"}},
		Empty: site.EmptyView{Title: "Nobody was told.", Text: "No task, comment, notice or exception is about it, until a week after it ended."}}
	for _, y := range x.Happened.Told {
		t.Rows = append(t.Rows, site.Row{Href: y.Href, Cells: []site.Cell{{Text: y.Text, Href: y.Href}, site.Words(toldBy[y.By]), site.Words(cmp.Or(y.From, "the program")),
			site.Words(cmp.Or(y.To, "–")), site.Node(site.Moment(y.At))}})
	}
	if n := int64(len(t.Rows)); n > 0 {
		t.Pager = site.PagerView{Shown: n, Of: n + int64(x.Happened.Unsaid), Label: "Who was told"}
	}
	return t
}
