package page

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// listed is a page of erasures.
type listed struct {
	op.Page[erasures.Erasure]
	After    string
	May      bool
	Holds    int64 // in force
	Evidence bool  // may be read
}

func showList(v *site.Visit) error {
	x := listed{After: v.Query("after"), May: v.Actor.May(auth.EraseWrite), Evidence: v.Actor.May(auth.EvidenceRead)}
	var err error
	if x.Page, err = erasures.List.Do(v.Context(), v.Desk, erasures.Filter{After: x.After}); err != nil {
		return err
	}
	holds, err := erasures.HoldList.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	for _, h := range holds.Items {
		if h.Released.IsZero() {
			x.Holds++
		}
	}
	return v.Show(site.Shell{Title: "Erasure", Current: "/erasures", Crumbs: []site.Crumb{{Text: "Erasure"}}}, listBody(x))
}

func (x listed) waiting() (n int64) {
	for _, e := range x.Items {
		if e.State == erasures.Waiting {
			n++
		}
	}
	return n
}

func (x listed) sentence() string {
	switch n := x.waiting(); {
	case x.Total == 0:
		return "Nothing was ever asked to be erased."
	case n == 0:
		return "No erasure waits. " + site.Capital(site.Several(x.Total, "request is", "requests are")) + " on record."
	default:
		return site.Capital(site.Several(n, "erasure waits", "erasures wait")) + " for a second person."
	}
}

func (x listed) facts() []site.Fact {
	if x.Holds == 0 {
		return []site.Fact{{Text: "No hold is in force", Href: "/holds"}}
	}
	return []site.Fact{{Text: site.Plural(x.Holds, "hold is", "holds are") + " in force", Href: "/holds"}}
}

func mark(e erasures.Erasure) site.Cell {
	switch e.State {
	case erasures.Waiting:
		return site.Mark(site.StatusProposed, "Waits for approval")
	case erasures.Refused:
		return site.Mark(site.StatusNotApplicable, "Refused "+site.Date(e.Settled))
	}
	return site.Mark(site.StatusPass, "Erased "+site.Date(e.Settled))
}

func (x listed) table() site.TableView {
	t := site.TableView{ID: "erasures", Caption: "Erasures", Columns: []site.Column{{Head: "Erasure", Mono: true, Phone: site.PlaceFirst}, {Head: "Why", Wide: true, Phone: site.PlaceFirst},
		{Head: "Ground"}, {Head: "Asked by"}, {Head: "Asked"}, {Head: "Entry", Num: true}, {Head: "Status", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "None.", Text: "What must go is asked for on the page of its record, by one person, and erased once another has approved."}}
	if x.Evidence {
		t.Empty.Link = site.Link{Text: "Evidence", Href: "/evidence"}
	}
	for _, e := range x.Items {
		href := "/erasures/" + string(e.ID)
		entry := site.Words("–")
		if e.State == erasures.Done {
			entry = site.Number(e.Entry, "/log/"+strconv.FormatInt(e.Entry, 10))
		}
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.Node(site.ShortID(string(e.ID), href)), site.Words(site.Brief(e.Reason)), site.Words(basis(e.Basis)),
			site.Node(site.Person(e.Asker)), site.Words(site.Date(e.Asked)), entry, mark(e)}})
	}
	if x.Total > 0 {
		t.Pager = site.PagerView{Shown: int64(len(x.Items)), Of: x.Total, NewerText: "Newest"}
		if x.Next != "" {
			t.Pager.Older = "/erasures?after=" + url.QueryEscape(x.Next)
		}
		if x.After != "" {
			t.Pager.Newer = "/erasures"
		}
	}
	return t
}

// asking is the page on which an erasure is asked for.
type asking struct {
	Wish erasures.Wish
	Plan erasures.Plan
	Form site.FormView
}

func readWish(q url.Values) (erasures.Wish, error) {
	w := erasures.Wish{Evidence: q["evidence"]}
	for _, s := range slices.Concat(q["entry"], q["entries"]) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return w, fault.Invalid("entry", "an entry is named by its number")
		}
		w.Entries = append(w.Entries, n)
	}
	return w, nil
}

func readAsking(v *site.Visit, q url.Values) (asking, error) {
	var x asking
	if err := v.Actor.Require(auth.EraseWrite); err != nil {
		return x, err
	}
	var err error
	if x.Wish, err = readWish(q); err != nil {
		return x, err
	}
	if x.Plan, err = erasures.Preview.Do(v.Context(), v.Desk, x.Wish); err != nil {
		return x, err
	}
	x.Form = site.FormView{ID: "ask", Action: address("/erasures/new", url.Values{"evidence": q["evidence"], "entry": q["entry"]}), Fields: []site.FieldView{
		{Kind: site.FieldSelect, Name: "basis", Label: "Ground", Value: q.Get("basis"), Options: bases(q.Get("basis"))},
		{Kind: site.FieldArea, Name: "reason", Label: "Why", Help: "Who asked and when, or what went wrong. Do not repeat what is to be erased: this text stays in the log.", Attrs: templ.Attributes{"minlength": "10", "maxlength": "2000"}},
		site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Ask for erasure"}}}
	return x, nil
}

// possible reports whether it could be carried out as things stand.
func possible(p erasures.Plan) bool { return len(p.Obstacles)+len(p.Holds) == 0 }

func showNew(v *site.Visit) error {
	x, err := readAsking(v, v.R.URL.Query())
	if err != nil {
		return err
	}
	return v.Show(shell("Ask for erasure", site.Crumb{Text: "Ask"}), newBody(x))
}

func ask(v *site.Visit) error {
	in := erasures.Asking{}
	err := v.Form(&in)
	x, readErr := readAsking(v, v.R.Form) // the address and what was posted
	if readErr != nil {
		return readErr
	}
	var made erasures.Erasure
	if err == nil {
		in.Evidence, in.Entries = x.Wish.Evidence, x.Wish.Entries
		made, err = erasures.Create.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/erasures/" + string(made.ID))
	}
	x.Form.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !x.Form.Refused(err) {
		return err
	}
	return v.ShowWrong(shell("Ask for erasure", site.Crumb{Text: "Ask"}), newBody(x))
}

// shown is one erasure.
type shown struct {
	erasures.Erasure
	pending
	May    bool
	Refuse site.FormView
	Log    site.HistoryView
}

func readOne(v *site.Visit) (shown, error) {
	e, err := erasures.Get.Do(v.Context(), v.Desk, erasures.Ref{ID: v.Path("id")})
	if err != nil {
		return shown{}, err
	}
	x := shown{Erasure: e, May: v.Actor.May(auth.EraseWrite)}
	if x.Log, err = v.History("", string(e.ID), ""); err != nil {
		return x, err
	}
	x.pending = pending{Approvers: e.Approvers, AloneFrom: e.AloneFrom, Asker: e.AskerID, Me: v.Actor.User, Now: v.Clock.Now()}
	text := "Refuse"
	if e.AskerID == v.Actor.User {
		text = "Take it back"
	}
	x.Refuse = site.FormView{ID: "refuse", Action: "/erasures/" + string(e.ID) + "/refuse", Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "note", Label: "Why not", Attrs: templ.Attributes{"minlength": "5", "maxlength": "2000"}}, site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: text, Kind: site.ButtonPlain}}}
	return x, nil
}

func (x shown) shell() site.Shell {
	return shell("Erasure", site.Crumb{Text: site.Short(string(x.ID)), Mono: true})
}

func showOne(v *site.Visit) error {
	x, err := readOne(v)
	if err != nil {
		return err
	}
	return v.Show(x.shell(), oneBody(x))
}

func (x shown) lead() site.Lead {
	c := mark(x.Erasure)
	return site.Lead{ID: site.Short(string(x.ID)), Name: "Erasure", Status: c.Status, Word: c.Text}
}

func (x shown) sentence() string {
	switch x.State {
	case erasures.Waiting:
		return site.Capital(count(*x.Plan)) + " would be erased, for good."
	case erasures.Refused:
		return "This was refused. Nothing was erased."
	}
	n := site.Several(int64(len(x.Went.Entries)), "entry hides", "entries hide") + " nothing any more"
	if x.Went.Blobs == 0 {
		return site.Capital(n) + "."
	}
	return site.Capital(n) + ", and " + site.Several(int64(x.Went.Blobs), "key is", "keys are") + " destroyed."
}

// count says how much a plan takes.
func count(p erasures.Plan) string {
	n := int64(len(p.Records))
	text := site.Plural(n, "record", "records")
	if more := int64(len(p.Entries)) - n; more > 0 {
		text += " and what " + site.Plural(more, "further entry says", "further entries say")
		if n == 0 {
			text = "what " + site.Plural(more, "entry says", "entries say")
		}
	}
	return text
}

func (x shown) facts() []site.FactRow {
	out := []site.FactRow{site.Text("Ground", basis(x.Basis)), site.Text("Why", x.Reason), {Key: "Asked by", Node: site.Person(x.Erasure.Asker)}, {Key: "Asked", Node: site.Moment(x.Asked)}}
	if x.State == erasures.Waiting {
		return out
	}
	who := "Approved by"
	if x.State == erasures.Refused {
		who = "Refused by"
	}
	out = append(out, site.FactRow{Key: who, Node: site.Person(x.Second)}, site.FactRow{Key: "On", Node: site.Moment(x.Settled)})
	if x.Alone {
		out = append(out, site.Text("Alone", "nobody else could approve it, and 72 hours had gone by"))
	}
	if x.Note != "" {
		out = append(out, site.Text("Why not", x.Note))
	}
	if x.State == erasures.Done {
		out = append(out, site.FactRow{Key: "Entry", Value: site.Count(x.Entry), Href: "/log/" + strconv.FormatInt(x.Entry, 10), Mono: true})
	}
	return out
}

func approve(v *site.Visit) error {
	var in erasures.Approval
	if err := v.Form(&in); err != nil {
		return err
	}
	in.ID = v.Path("id")
	if _, err := erasures.Approve.Do(v.Context(), v.Desk, in); err != nil {
		return err
	}
	if v.Web.Wake != nil {
		v.Web.Wake()
	}
	return v.Goto("/erasures/" + in.ID)
}

func refuse(v *site.Visit) error {
	var in erasures.Refusal
	err := v.Form(&in)
	in.ID = v.Path("id")
	if err == nil {
		_, err = erasures.Refuse.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/erasures/" + in.ID)
	}
	x, readErr := readOne(v)
	if readErr != nil {
		return readErr
	}
	x.Refuse.Keep(v.R.PostForm)
	if x.State != erasures.Waiting || fault.KindOf(err) == fault.KindDenied || !x.Refuse.Refused(err) {
		return err
	}
	return v.ShowWrong(x.shell(), oneBody(x))
}

// wentTable lists the records that were erased.
func (x shown) wentTable() site.TableView {
	t := site.TableView{Caption: "Entries that hide nothing any more", Quiet: true, Columns: []site.Column{{Head: "Entry", Mono: true, Phone: site.PlaceFirst}}}
	for _, n := range x.Went.Entries {
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.ID(site.Count(n), "/log/"+strconv.FormatInt(n, 10))}})
	}
	return t
}

func (x shown) goneTable() site.TableView {
	t := site.TableView{Caption: "Records", Quiet: true, Columns: []site.Column{{Head: "Record", Mono: true, Phone: site.PlaceFirst}}}
	for _, e := range x.Went.Records {
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Node(site.ShortID(string(e), "/evidence/"+string(e)))}})
	}
	return t
}

func planTable(p erasures.Plan) site.TableView {
	t := site.TableView{ID: "going", Caption: "Records that would be erased", Columns: []site.Column{{Head: "Record", Mono: true, Phone: site.PlaceFirst}, {Head: "What it shows", Wide: true, Phone: site.PlaceFirst},
		{Head: "Entry", Num: true}, {Head: "Sealed"}, {Head: "Size", Num: true}, {Head: "Because", Phone: site.PlaceEnd}}}
	for _, r := range p.Records {
		why := "it is asked for"
		if !r.Asked {
			why = "it is the same bytes"
		}
		href := "/evidence/" + string(r.ID)
		t.Rows = append(t.Rows, site.Row{Href: href, Cells: []site.Cell{site.Node(site.ShortID(string(r.ID), href)), site.Words(site.Brief(r.Title)), site.Number(r.Entry, "/log/"+strconv.FormatInt(r.Entry, 10)),
			site.Words(site.Date(r.Sealed)), site.Words(site.Bytes(r.Size)), site.Words(why)}})
	}
	return t
}

// linesTable lists the entries that made no record.
func linesTable(p erasures.Plan) site.TableView {
	t := site.TableView{Caption: "Further entries whose text would be erased", Columns: []site.Column{{Head: "Entry", Mono: true, Phone: site.PlaceFirst}, {Head: "Kind"}, {Head: "Operation", Mono: true}, {Head: "Recorded", Phone: site.PlaceEnd}}}
	for _, l := range p.Entries {
		made := false
		for _, r := range p.Records {
			made = made || r.Entry == l.Index
		}
		if !made {
			t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.ID(site.Count(l.Index), "/log/"+strconv.FormatInt(l.Index, 10)), site.Words(string(l.Kind)), site.Words(l.Op), site.Words(site.Date(l.Recorded))}})
		}
	}
	return t
}

// kept says what stays of content in pieces.
func kept(w erasures.Went) string {
	if w.Kept == 0 {
		return ""
	}
	return site.Plural(int64(w.Kept), "piece was", "pieces were") + " kept, since other records need it."
}

// trouble is what the store last said.
func trouble(list []erasures.Object) string {
	for _, o := range list {
		if o.Problem != "" {
			return "The store said: " + o.Problem + ". "
		}
	}
	return ""
}
