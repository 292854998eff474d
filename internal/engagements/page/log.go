package page

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// lines is a page of the engagement's own log.
type lines struct {
	engagements.View
	List  op.Page[evidence.Entry]
	Head  evidence.Head
	After string
	Now   time.Time
}

func private(e engagements.Engagement) string { return "not visible to " + e.Client.Name }

func showLog(v *site.Visit) error {
	x := lines{After: v.Query("after"), Now: v.Clock.Now()}
	var err error
	if x.View, err = get(v); err != nil {
		return err
	}
	if x.List, err = engagements.Entries.Do(v.Context(), v.Desk, engagements.EntryFilter{Engagement: string(x.ID), After: x.After}); err != nil {
		return err
	}
	if x.Head, err = engagements.HeadGet.Do(v.Context(), v.Desk, engagements.Ref{ID: string(x.ID)}); err != nil {
		return err
	}
	return v.ShowIn(x.Engagement, site.Shell{Title: "Log", Current: href(x.Engagement, ""), Private: private(x.Engagement), Crumbs: []site.Crumb{{Text: "Log"}}}, logBody(x))
}

func (x lines) sentence() string {
	if x.Head.SignedSize < x.Head.Size {
		return fmt.Sprintf("%s, the last %s waiting for a signature.", site.Capital(site.Several(x.Head.Size, "entry", "entries")), site.Spelled(x.Head.Size-x.Head.SignedSize))
	}
	return site.Capital(site.Several(x.Head.Size, "entry, signed.", "entries, all signed."))
}

func (x lines) at(i int64) string {
	return href(x.Engagement, "/log/"+strconv.FormatInt(i, 10))
}

func (x lines) table() site.TableView {
	t := site.TableView{ID: "entries", Caption: "Entries", Columns: []site.Column{{Head: "Entry", Mono: true, Phone: site.PlaceFirst}, {Head: "What", Wide: true, Phone: site.PlaceFirst},
		{Head: "Kind"}, {Head: "Who"}, {Head: "When"}, {Head: "Proof", Phone: site.PlaceEnd}}}
	for _, e := range x.List.Items {
		t.Rows = append(t.Rows, site.Row{Href: x.at(e.Index), Cells: []site.Cell{site.ID(site.Count(e.Index), x.at(e.Index)), site.WordsNote(site.EntryText(e), site.Short(e.ID)),
			site.Words(site.EntryKinds[e.Kind]), site.Words(e.Actor), site.Node(site.Age(e.Recorded, x.Now)), proofCell(x.Head, e.Index)}})
	}
	t.Pager = site.PagerView{Shown: int64(len(x.List.Items)), Of: x.List.Total, NewerText: "Newest"}
	if x.List.Next != "" {
		t.Pager.Older = href(x.Engagement, "/log?"+url.Values{"after": {x.List.Next}}.Encode())
	}
	if x.After != "" {
		t.Pager.Newer = href(x.Engagement, "/log")
	}
	return t
}

func proofState(h evidence.Head, entry int64) site.ProofState {
	switch {
	case h.ReadOnly != "":
		return site.ProofBroken
	case entry < h.SignedSize:
		return site.ProofSealed
	}
	return site.ProofWaiting
}

func proofCell(h evidence.Head, entry int64) site.Cell {
	switch proofState(h, entry) {
	case site.ProofSealed:
		return site.Mark(site.StatusPass, "Sealed")
	case site.ProofWaiting:
		return site.Mark(site.StatusNotStarted, "Waiting")
	}
	return site.Mark(site.StatusFail, "Broken")
}

// proven is one entry with its proof.
type proven struct {
	engagements.View
	Entry evidence.ProvenEntry
	Head  evidence.Head
	Said  string // what the entry commits to, indented
}

func showEntry(v *site.Visit) error {
	n, err := strconv.ParseInt(v.Path("index"), 10, 64)
	if err != nil || n < 0 {
		return fault.NotFound("An entry of the log has a number from 0; %q is none.", v.Path("index"))
	}
	x := proven{}
	if x.View, err = get(v); err != nil {
		return err
	}
	if x.Entry, err = engagements.EntryGet.Do(v.Context(), v.Desk, engagements.EntryRef{Engagement: string(x.ID), ID: n}); err != nil {
		return err
	}
	if x.Head, err = engagements.HeadGet.Do(v.Context(), v.Desk, engagements.Ref{ID: string(x.ID)}); err != nil {
		return err
	}
	if x.Entry.Body != nil {
		b, err := json.MarshalIndent(x.Entry.Body, "", "  ")
		if err != nil {
			return err
		}
		x.Said = string(b)
	}
	s := site.Shell{Title: "Entry " + site.Count(n), Current: href(x.Engagement, ""), Private: private(x.Engagement),
		Crumbs: []site.Crumb{{Text: "Log", Href: href(x.Engagement, "/log")}, {Text: "Entry " + site.Count(n), Mono: true}}}
	return v.ShowIn(x.Engagement, s, entryBody(x))
}

func (x proven) lead() site.Lead {
	l := site.Lead{ID: "Entry " + site.Count(x.Entry.Index), Name: site.Capital(site.EntryKinds[x.Entry.Kind])}
	switch proofState(x.Head, x.Entry.Index) {
	case site.ProofSealed:
		l.Status, l.Word = site.StatusPass, "Sealed"
	case site.ProofWaiting:
		l.Status, l.Word = site.StatusNotStarted, "Waiting for a checkpoint"
	default:
		l.Status, l.Word = site.StatusFail, "Proof broken"
	}
	return l
}

// story tells what the proof means in words that can be repeated aloud.
func (x proven) story() string {
	who := or(site.Capital(x.Entry.Actor), "The machine")
	when := x.Entry.Recorded.Format("2 January 2006, 15:04:05 MST")
	if x.Entry.Size == 0 {
		return fmt.Sprintf("%s did this; it was recorded on %s as entry %s of the engagement's own log. It waits for the next signature, a second at most.", who, when, site.Count(x.Entry.Index))
	}
	return fmt.Sprintf("%s did this; it was recorded on %s as entry %s of the engagement's own log. The head of that log, signed over %s entries, can only be reached through exactly these bytes. "+
		"That rules out that the entry was changed, left out or put in later without every later head being signed anew, and whoever kept one of those heads would see it.",
		who, when, site.Count(x.Entry.Index), site.Count(x.Entry.Size))
}

func (x proven) facts() []site.FactRow {
	return []site.FactRow{site.Text("Recorded", site.DateTime(x.Entry.Recorded)), site.Text("Who", or(x.Entry.Actor, "the machine")), site.Text("Act", x.Entry.Op),
		{Key: "About", Value: or(x.Entry.ID, "–"), Mono: true}, {Key: "Leaf hash", Value: x.Entry.LeafHash, Mono: true}}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
