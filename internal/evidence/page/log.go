package page

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// lines is a page of the log.
type lines struct {
	site.Listing[evidence.Entry]
	Head    evidence.Head
	Now     time.Time
	Verdict *evidence.Verdict
	Broken  string // what reading back found
	Export  bool
}

func showLog(v *site.Visit) error {
	x, err := readLog(v)
	if err != nil || x.Done {
		return err
	}
	return v.Show(site.Shell{Title: "Evidence log", Current: "/log", Crumbs: []site.Crumb{{Text: "Evidence log"}}}, logBody(x))
}

func readLog(v *site.Visit) (lines, error) {
	x := lines{Now: v.Clock.Now(), Export: v.Actor.May(auth.ExportWrite)}
	var err error
	if x.Head, err = evidence.HeadGet.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return x, err
	}
	x.Listing, err = x.list(v).Open(v)
	return x, err
}

// verify reads the whole log back. It only reads, but takes its time, so it is
// not done by following a link.
func verify(v *site.Visit) error {
	verdict, err := evidence.Verify.Do(v.Context(), v.Desk, op.None{})
	broken := ""
	if f := fault.As(err); f != nil && f.Kind == fault.KindConflict {
		broken, err = f.Message, nil
	}
	if err != nil {
		return err
	}
	x, err := readLog(v)
	if err != nil {
		return err
	}
	if x.Broken = broken; broken == "" {
		x.Verdict = &verdict
	}
	return v.Show(site.Shell{Title: "Evidence log", Current: "/log", Crumbs: []site.Crumb{{Text: "Evidence log"}}}, logBody(x))
}

func (x lines) sentence() string {
	switch {
	case x.Broken != "" || x.Head.ReadOnly != "":
		return "The log does not fit what was signed. Nothing more is written to it."
	case x.Verdict != nil:
		return fmt.Sprintf("%s read back. Each is what was recorded.", site.Capital(site.Several(x.Verdict.Entries, "entry was", "entries were")))
	case x.Head.SignedSize < x.Head.Size:
		return fmt.Sprintf("%s, the last %s waiting for a signature.", site.Capital(site.Several(x.Head.Size, "entry", "entries")), site.Spelled(x.Head.Size-x.Head.SignedSize))
	}
	return site.Capital(site.Several(x.Head.Size, "entry, signed.", "entries, all signed."))
}

func (x lines) acts() []site.ButtonView {
	out := []site.ButtonView{{Text: "Verify now", Kind: site.ButtonPrimary, Submit: true, Form: "verify"}}
	if x.Export {
		out = append([]site.ButtonView{{Text: "Export", Icon: site.IconDownload, Href: "/export"}}, out...)
	}
	return out
}

// kinds are those whose entries a log of today can have.
var kinds = []canon.Kind{canon.KindEvidence, canon.KindRun, canon.KindGap, canon.KindConclusion, canon.KindOp, canon.KindErasure, canon.KindLog}

func (x lines) list(v *site.Visit) site.List[evidence.Entry] {
	type row = evidence.Entry
	return site.List[row]{
		Name: "entries", Caption: "Entries", One: "entry", Many: "entries", Sort: "-entry",
		Columns: []site.Col[row]{
			{ID: "entry", Head: "Entry", Mono: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(e row) site.Cell { return site.ID(site.Count(e.Index), entryPath(e.Index)) }, Text: func(e row) any { return e.Index }},
			{ID: "what", Head: "What", Wide: true, Phone: site.PlaceFirst, Fixed: true, Cell: func(e row) site.Cell { return site.WordsNote(site.EntryText(e), site.Short(e.ID)) }},
			{ID: "op", Head: "Operation", Mono: true, Spare: true, Cell: func(e row) site.Cell { return site.Words(e.Op) }},
			{ID: "id", Head: "Id", Mono: true, Spare: true, Cell: func(e row) site.Cell { return site.Words(e.ID) }},
			{ID: "kind", Head: "Kind", Cell: func(e row) site.Cell { return site.Words(site.EntryKinds[e.Kind]) }},
			{ID: "who", Head: "Who", Cell: func(e row) site.Cell { return site.Words(e.Actor) }},
			{ID: "through", Head: "Through", Cell: func(e row) site.Cell { return site.Words(through(e.Via)) }},
			{ID: "when", Head: "When", Cell: func(e row) site.Cell { return site.Node(site.Age(e.Recorded, x.Now)) }, Text: func(e row) any { return site.DateTime(e.Recorded) }},
			{ID: "proof", Head: "Proof", Phone: site.PlaceEnd, Cell: func(e row) site.Cell { return proofCell(proof(x.Head, e.Index)) }},
		},
		Filters: []site.Filter{{Name: "kind", Label: "Kind", Options: kindOptions(), Chips: true}, {Name: "about", Label: "About"},
			{Name: "since", Label: "Since", Linked: true, Say: func(s string) string { return "From entry " + s + " on, in order" }}},
		Row: func(e row) site.Row { return site.Row{Href: entryPath(e.Index), Key: strconv.FormatInt(e.Index, 10)} },
		Fetch: func(a site.Ask) (op.Page[row], error) {
			since, err := number(a.Filter("since"))
			if err != nil {
				return op.Page[row]{}, err
			}
			return evidence.Entries.Do(v.Context(), v.Desk, evidence.EntryFilter{Kind: a.Filter("kind"), About: a.Filter("about"), Since: since, After: a.After, Limit: a.Limit})
		},
		None: site.EmptyView{Title: "No entries yet.", Text: "The first one is written when the organization is made."},
	}
}

// number reads an entry's, as an address has it.
func number(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.Invalid("since", "an entry of the log has a number from 0; %q is none", s)
	}
	return n, nil
}

// kindOptions are the kinds an entry may have; those that only an engagement's
// own log knows are not offered.
func kindOptions() []site.Option {
	var out []site.Option
	for _, k := range slices.Sorted(maps.Keys(site.EntryKinds)) {
		o := site.Option{Value: string(k), Text: site.Capital(site.EntryKinds[k])}
		if !slices.Contains(kinds, k) {
			o.Locked = "none in this log"
		}
		out = append(out, o)
	}
	return out
}

// through names the way an act came in.
func through(via string) string {
	return map[string]string{"page": "page", "api": "API", "cli": "command line", "job": "machine", "setup": "first setup"}[via]
}

func proofCell(p site.ProofState) site.Cell {
	switch p {
	case site.ProofSealed:
		return site.Mark(site.StatusPass, "Sealed")
	case site.ProofWaiting:
		return site.Mark(site.StatusNotStarted, "Waiting")
	}
	return site.Mark(site.StatusFail, "Broken")
}

// proven is one entry with its proof.
type proven struct {
	evidence.ProvenEntry
	Head evidence.Head
	Now  time.Time
	Said string // what the entry commits to, indented
	Who  auth.Actor
}

func index(v *site.Visit) (int64, error) {
	n, err := strconv.ParseInt(v.Path("index"), 10, 64)
	if err != nil || n < 0 {
		return 0, fault.NotFound("An entry of the log has a number from 0; %q is none.", v.Path("index"))
	}
	return n, nil
}

func showEntry(v *site.Visit) error {
	n, err := index(v)
	if err != nil {
		return err
	}
	x := proven{Now: v.Clock.Now(), Who: v.Actor}
	if x.ProvenEntry, err = evidence.EntryGet.Do(v.Context(), v.Desk, evidence.EntryRef{ID: n}); err != nil {
		return err
	}
	if x.Head, err = evidence.HeadGet.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return err
	}
	if x.Body != nil {
		b, err := json.MarshalIndent(x.Body, "", "  ")
		if err != nil {
			return err
		}
		x.Said = string(b)
	}
	return v.Show(logShell("Entry "+site.Count(n), site.Crumb{Text: "Entry " + site.Count(n), Mono: true}), entryBody(x))
}

func (x proven) lead() site.Lead {
	l := site.Lead{ID: "Entry " + site.Count(x.Index), Name: site.Capital(site.EntryKinds[x.Kind])}
	switch proof(x.Head, x.Index) {
	case site.ProofSealed:
		l.Status, l.Word = site.StatusPass, "Sealed"
	case site.ProofWaiting:
		l.Status, l.Word = site.StatusNotStarted, "Waiting for a checkpoint"
	default:
		l.Status, l.Word = site.StatusFail, "Proof broken"
	}
	return l
}

func (x proven) sentence() string {
	return site.Capital(strings.TrimSuffix(site.EntryText(x.Entry), ".")) + "."
}

// story tells what the proof means in words that can be repeated aloud.
func (x proven) story() string {
	who := "The machine"
	if x.Actor != "" {
		who = site.Capital(x.Actor)
	}
	when := x.Recorded.Format("2 January 2006, 15:04:05 MST")
	if x.Size == 0 {
		return fmt.Sprintf("%s did this; it was recorded on %s as entry %s. It waits for the next signature, a second at most.", who, when, site.Count(x.Index))
	}
	return fmt.Sprintf("%s did this; it was recorded on %s as entry %s. The head of the log, signed over %s entries, can only be reached through exactly these bytes. "+
		"That rules out that the entry was changed, left out or put in later without every later head being signed anew, and whoever kept one of those heads would see it.",
		who, when, site.Count(x.Index), site.Count(x.Size))
}

// subjects are the pages of what entries are about, and who may open them.
var subjects = map[string]struct {
	path  string
	right auth.Right
}{
	"evd": {"/evidence/", auth.EvidenceRead}, "run": {"/runs/", auth.SourcesRead},
	"ctl": {"/controls/", auth.ControlsRead}, "src": {"/sources/", auth.SourcesRead},
}

// subject is the page of what the entry is about, where the reader may open it.
func (x proven) subject() site.Link {
	prefix, _, _ := strings.Cut(x.ID, "_")
	page, known := subjects[prefix]
	if !known || !x.Who.May(page.right) {
		return site.Link{}
	}
	return site.Link{Text: x.ID, Href: page.path + x.ID}
}

func (x proven) facts() []site.FactRow {
	out := []site.FactRow{{Key: "Recorded", Node: site.Moment(x.Recorded)}}
	if x.Actor != "" {
		out = append(out, site.FactRow{Key: "Who", Node: site.Person(x.Actor)})
	}
	if x.Via != "" {
		out = append(out, site.Text("Through", through(x.Via)))
	}
	if x.Op != "" {
		out = append(out, site.FactRow{Key: "Operation", Value: x.Op, Mono: true})
	}
	if l := x.subject(); l.Href != "" {
		out = append(out, site.FactRow{Key: "About", Value: l.Text, Href: l.Href, Mono: true})
	} else if x.ID != "" {
		out = append(out, site.FactRow{Key: "About", Value: x.ID, Mono: true})
	}
	return out
}

// receipt hands out the proof of an entry, for whoever wants to keep it.
func receipt(v *site.Visit) error {
	n, err := index(v)
	if err != nil {
		return err
	}
	slip, err := evidence.Receipt.Do(v.Context(), v.Desk, evidence.EntryRef{ID: n})
	if err != nil {
		return err
	}
	v.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	v.W.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="entry-%d.tlog-proof"`, n))
	if _, err := v.W.Write([]byte(slip.Receipt)); err != nil {
		v.Log.Debug("log: a receipt was cut short", "err", err)
	}
	return nil
}

// proofFile hands out what shows to anybody that the entry is in the log, and
// what it says.
func proofFile(v *site.Visit) error {
	n, err := index(v)
	if err != nil {
		return err
	}
	f, err := evidence.ProofGet.Do(v.Context(), v.Desk, evidence.EntryRef{ID: n})
	if err != nil {
		return err
	}
	return v.Send(f.Name, func(w io.Writer) error {
		_, err := io.WriteString(w, f.Proof)
		return err
	})
}

// itself says how somebody checks the proof of an entry on their own machine.
func itself(entry int64, key, content string) string {
	file := fmt.Sprintf("entry-%d.tlog-proof", entry)
	if content != "" {
		content = " --content " + content
	}
	return fmt.Sprintf("tickmark-verify --key %s%s %s\n\npython3 verify.py --key %s%s %s", key, content, file, key, content, file)
}

func (x proven) sentenceFacts() []site.Fact {
	out := []site.Fact{{Node: momentOf("Recorded", x.Recorded)}}
	if x.Actor != "" {
		out = append(out, site.Fact{Text: "By", Person: x.Actor})
	}
	if l := x.subject(); l.Href != "" {
		out = append(out, site.Fact{Text: "Open what it is about", Href: l.Href})
	}
	return out
}

func (x proven) acts() []site.ButtonView {
	if x.Size == 0 {
		return nil
	}
	return []site.ButtonView{{Text: "Download the receipt", Icon: site.IconDownload, Href: entryPath(x.Index) + "/receipt"},
		{Text: "Download the proof", Icon: site.IconDownload, Href: entryPath(x.Index) + "/proof"}}
}

func headRows(x lines) []site.FactRow {
	rows := []site.FactRow{{Key: "Entries", Value: site.Count(x.Head.Size), Href: "/log"}, {Key: "Signed", Value: site.Count(x.Head.SignedSize)}}
	if !x.Head.Signed.IsZero() {
		rows = append(rows, site.FactRow{Key: "Newest head", Node: site.Age(x.Head.Signed, x.Now)})
	}
	if x.Head.ReadOnly != "" {
		rows = append(rows, site.FactRow{Key: "State", Value: x.Head.ReadOnly, Status: site.StatusFail})
	}
	return rows
}
