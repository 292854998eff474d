package page

import (
	"fmt"
	"slices"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

var shown = map[string]string{evidence.Operation: "that the control was done", evidence.Policy: "what is meant to be done",
	evidence.AReview: "a review by somebody", evidence.Tile: "a tile of a dashboard"}

// judge adds what is said of the record, and what the reader may do about it.
func (x *record) judge(v *site.Visit) error {
	x.Writes = v.Actor.May(auth.EvidenceWrite) && x.Erased.IsZero()
	x.Original = v.Actor.May(auth.OriginalRead)
	own := x.Submitter != "" && x.Submitter == v.Actor.User
	x.Judge = v.Actor.May(auth.EvidenceJudge) && !own && x.SupersededBy == "" && x.Erased.IsZero()
	ref := evidence.Ref{ID: string(x.ID)}
	marks, err := evidence.RemarkList.Do(v.Context(), v.Desk, ref)
	if err != nil {
		return err
	}
	x.Remarked = marks.Items
	list, err := evidence.Decisions.Do(v.Context(), v.Desk, ref)
	if err != nil {
		return err
	}
	x.Decided = list.Items
	links, err := evidence.LinkList.Do(v.Context(), v.Desk, ref)
	if err != nil {
		return err
	}
	x.Bearing = links.Items
	x.Review = x.reviewForm()
	at := "/evidence/" + string(x.ID)
	x.Opening = site.FormView{ID: "opening", Action: at + "/original", Buttons: []site.ButtonView{{Text: "Open the original"}}, Fields: []site.FieldView{
		{Name: "reason", Label: "Why it has to be opened", Help: "It is written into the log.", Prefix: "opening", Attrs: templ.Attributes{"maxlength": "1000"}}}}
	if !x.Writes {
		return nil
	}
	all, err := controls.List.Do(v.Context(), v.Desk, controls.Filter{Limit: op.MaxLimit})
	if err != nil {
		return err
	}
	var options, linked []site.Option
	for _, c := range all.Items {
		if !slices.ContainsFunc(x.Bearing, func(b evidence.Bearing) bool { return b.Control == c.ID }) {
			options = append(options, site.Option{Value: string(c.ID), Text: c.Code + " " + c.Title})
		}
	}
	for _, b := range x.Bearing {
		linked = append(linked, site.Option{Value: string(b.Control), Text: b.Code + " " + b.Title})
	}
	if len(options) > 0 && x.SupersededBy == "" {
		x.Linking = site.FormView{ID: "link", Action: at + "/link", Buttons: []site.ButtonView{{Text: "Link"}}, Fields: []site.FieldView{
			{Kind: site.FieldSelect, Name: "controls", Label: "Bears on this control too", Prefix: "link", Options: options}}}
	}
	if len(linked) > 0 {
		x.Unlinking = site.FormView{ID: "unlink", Action: at + "/unlink", Buttons: []site.ButtonView{{Text: "End the link"}}, Fields: []site.FieldView{
			{Kind: site.FieldSelect, Name: "control", Label: "Control", Prefix: "unlink", Options: linked},
			{Name: "reason", Label: "Why it does not bear on it", Prefix: "unlink", Attrs: templ.Attributes{"maxlength": "1000"}}}}
	}
	return nil
}

func (x record) reviewForm() site.FormView {
	var codes []site.Option
	for _, m := range x.Remarked {
		codes = append(codes, site.Option{Value: m.Code, Text: m.Code + " " + m.Text})
	}
	for _, p := range evidence.ByPerson {
		codes = append(codes, site.Option{Value: p.Code, Text: p.Code + " " + p.Text})
	}
	for _, k := range evidence.Codes {
		if !slices.ContainsFunc(codes, func(o site.Option) bool { return o.Value == k }) {
			codes = append(codes, site.Option{Value: k, Text: k + " " + evidence.CodeWords[k]})
		}
	}
	return site.FormView{ID: "judge", Action: "/evidence/" + string(x.ID) + "/review", Buttons: []site.ButtonView{{Text: "Decide"}}, Fields: []site.FieldView{
		{Kind: site.FieldRadio, Name: "decision", Label: "Your decision", Prefix: "judge", Options: []site.Option{
			{Value: evidence.Accepted, Text: "Accept", Note: "An auditor can rest on it, as far as you can tell."},
			{Value: evidence.SentBack, Text: "Return", Note: "It does not count until it is replaced. Whoever handed it in is told."}}},
		{Kind: site.FieldChecks, Name: "codes", Label: "Reasons, if you return it", Prefix: "judge", Optional: true, Options: codes},
		{Kind: site.FieldArea, Name: "words", Label: "What would settle it", Prefix: "judge", Optional: true, Rows: 3, Attrs: templ.Attributes{"maxlength": "2000"}},
		{Kind: site.FieldChecks, Name: "task", Label: "Task", Prefix: "judge", Optional: true, Options: []site.Option{{Value: "true", Text: "Give whoever handed it in a task to replace it"}}},
		site.OnceKey()}}
}

func (x record) decisions() []site.FactRow {
	var out []site.FactRow
	for _, d := range x.Decided {
		text := "Accepted by " + d.Name
		if d.Decision == evidence.SentBack {
			text = fmt.Sprintf("Returned by %s: %v. %s", d.Name, d.Codes, d.Words)
		} else if d.Words != "" {
			text += ". " + d.Words
		}
		out = append(out, site.FactRow{Key: site.DateTime(d.At), Value: text, Href: entryPath(d.Entry)})
	}
	return out
}

func (x record) remarkRows() []site.FactRow {
	var out []site.FactRow
	for _, m := range x.Remarked {
		out = append(out, site.FactRow{Key: m.Code, Value: m.Text + " " + m.Settles})
	}
	return out
}

func (x record) bearing() []site.FactRow {
	var out []site.FactRow
	for _, b := range x.Bearing {
		out = append(out, site.FactRow{Key: b.Code, Value: b.Title, Href: "/controls/" + string(b.Control)})
	}
	return out
}

// act does something with the record and shows it again, or what was wrong
// beside the form.
func act(v *site.Visit, right auth.Right, in any, do func() error, form func(x *record) *site.FormView) error {
	if err := v.Actor.Require(right); err != nil {
		return err
	}
	if err := v.Form(in); err != nil {
		return err
	}
	err := do()
	if err == nil {
		return v.Goto("/evidence/" + v.Path("id"))
	}
	x, readErr := recordOf(v)
	if readErr != nil {
		return readErr
	}
	f := form(&x)
	f.Keep(v.R.PostForm)
	for i := range f.Fields {
		if f.Fields[i].Name == "key" {
			f.Fields[i] = site.OnceKey()
		}
	}
	if !f.Refused(err) {
		return err
	}
	return v.ShowWrong(x.shell(), recordBody(x))
}

func review(v *site.Visit) error {
	in := evidence.Judgement{}
	return act(v, auth.EvidenceJudge, &in, func() error {
		in.ID = v.Path("id")
		_, err := evidence.Review.Do(v.Context(), v.Desk, in)
		return err
	}, func(x *record) *site.FormView { return &x.Review })
}

func link(v *site.Visit) error {
	in := evidence.Linking{}
	return act(v, auth.EvidenceWrite, &in, func() error {
		in.ID = v.Path("id")
		_, err := evidence.LinkTo.Do(v.Context(), v.Desk, in)
		return err
	}, func(x *record) *site.FormView { return &x.Linking })
}

func unlink(v *site.Visit) error {
	in := evidence.Unlinking{}
	return act(v, auth.EvidenceWrite, &in, func() error {
		in.ID = v.Path("id")
		_, err := evidence.Unlink.Do(v.Context(), v.Desk, in)
		return err
	}, func(x *record) *site.FormView { return &x.Unlinking })
}

func validate(v *site.Visit) error {
	if _, err := evidence.Recheck.Do(v.Context(), v.Desk, evidence.Ref{ID: v.Path("id")}); err != nil {
		return err
	}
	return v.Goto("/evidence/" + v.Path("id"))
}

// openOriginal hands the bytes of an original out, having put that on record.
func openOriginal(v *site.Visit) error {
	var in evidence.Opening
	if err := v.Form(&in); err != nil {
		return err
	}
	in.ID, v.Key = v.Path("id"), "" // an answer with these bytes is not kept for a repeated request
	content, err := evidence.Open.Do(v.Context(), v.Desk, in)
	if err != nil {
		return err
	}
	return hand(v, in.ID, content)
}
