package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

// What of a record's bytes a page shows; the rest is for the download.
const (
	rowsShown   = 20
	columnsKept = 3
	textShown   = 64 << 10
)

// record is a piece of evidence with its bytes as far as they can be shown.
type record struct {
	evidence.Record
	Head   evidence.Head
	Now    time.Time
	Rows   []sources.Resource
	Raw    string // the same rows as they are sealed
	Text   string
	Cut    bool
	Pieces []piece // of a list whose rows have no schema
	Gone   string  // why there are no bytes
	Fields []string
	Log    site.HistoryView
	Erase  bool // the reader may ask for its erasure
	Around site.AroundView

	Judge     bool // the reader may review it
	Writes    bool
	Original  bool // the reader may open an original
	Remarked  []evidence.Remark
	Decided   []evidence.Decision
	Bearing   []evidence.Bearing
	Review    site.FormView
	Linking   site.FormView
	Unlinking site.FormView
	Opening   site.FormView
}

// piece is one part of a record that is made of several.
type piece struct {
	Name, SHA256, Text string
	Size               int64
}

func showRecord(v *site.Visit) error {
	x, err := recordOf(v)
	if err != nil {
		return err
	}
	return v.Show(x.shell(), recordBody(x))
}

func (x record) shell() site.Shell {
	return evidenceShell(x.Title, site.Crumb{Text: site.Short(string(x.ID)), Mono: true})
}

func recordOf(v *site.Visit) (record, error) {
	r, err := evidence.Get.Do(v.Context(), v.Desk, evidence.Ref{ID: v.Path("id")})
	if err != nil {
		return record{}, err
	}
	x := record{Record: r, Now: v.Clock.Now(), Erase: v.Actor.May(auth.EraseWrite)}
	if x.Head, err = evidence.HeadGet.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return x, err
	}
	content, err := evidence.Content.Do(v.Context(), v.Desk, evidence.Ref{ID: string(r.ID)})
	switch {
	case r.Restricted && fault.KindOf(err) == fault.KindDenied, fault.KindOf(err) == fault.KindNotFound:
		x.Gone = fault.As(err).Message
	case err != nil:
		return x, err
	default:
		if err := x.decode(v, content); err != nil {
			return x, err
		}
	}
	if x.Around, err = site.Around(v, site.Errand{Object: string(r.ID), Title: "See to the record: " + r.Title}); err != nil {
		return x, err
	}
	if x.Log, err = v.History("", string(r.ID), ""); err != nil {
		return x, err
	}
	return x, x.judge(v)
}

func (x *record) decode(v *site.Visit, content evidence.Bytes) error {
	if content.MediaType == canon.MediaTypeChunks {
		return x.decodeList(v, content.Data)
	}
	if !utf8.Valid(content.Data) || bytes.IndexByte(content.Data, 0) >= 0 {
		return nil
	}
	x.Text = string(content.Data)
	if len(x.Text) > textShown {
		x.Text, x.Cut = strings.ToValidUTF8(x.Text[:textShown], ""), true
	}
	return nil
}

// decodeList reads the pieces that the list names, no further than is shown.
func (x *record) decodeList(v *site.Visit, data []byte) error {
	list, err := canon.ParseChunks(data)
	if err != nil {
		return err
	}
	schemas, err := sources.Schemas()
	if err != nil {
		return err
	}
	schema, known := schemas[x.ResourceKind]
	names := strings.Split(x.Parameters, "\n")
	for i, c := range list {
		address, err := v.Vault.AddressOf(v.Context(), v.Org, c.SHA256)
		if err != nil {
			return err
		}
		part, err := v.Vault.Get(v.Context(), v.Org, address)
		if errors.Is(err, blob.ErrErased) {
			x.Gone = "A part of this record was erased."
			return nil
		}
		if err != nil {
			return err
		}
		if known {
			rows, err := sources.DecodeChunk(part, schema)
			if err != nil {
				return err
			}
			x.Rows = append(x.Rows, rows...)
			x.Raw += string(part)
			if len(x.Rows) >= rowsShown {
				break
			}
			continue
		}
		p := piece{Name: fmt.Sprintf("part %d", i+1), SHA256: fmt.Sprintf("%x", c.SHA256), Size: c.Size}
		if i < len(names) && names[i] != "" {
			p.Name = names[i]
		}
		if len(part) <= textShown && utf8.Valid(part) && bytes.IndexByte(part, 0) < 0 {
			p.Text = string(part)
		}
		x.Pieces = append(x.Pieces, p)
		if len(x.Pieces) == rowsShown {
			break
		}
	}
	x.trim(schema)
	return nil
}

// trim keeps the rows that are shown and chooses the fields that most of them
// have.
func (x *record) trim(schema sources.Schema) {
	if len(x.Rows) > rowsShown {
		x.Rows = x.Rows[:rowsShown]
		lines := strings.SplitAfterN(x.Raw, "\n", rowsShown+1)
		x.Raw = strings.Join(lines[:rowsShown], "")
	}
	count := map[string]int{}
	for _, r := range x.Rows {
		for name := range r.Attrs {
			count[name]++
		}
	}
	names := slices.Sorted(maps.Keys(count))
	slices.SortStableFunc(names, func(a, b string) int { return weight(schema, b, count[b]) - weight(schema, a, count[a]) })
	x.Fields = names[:min(len(names), columnsKept)]
}

// weight prefers short fields that every row has.
func weight(s sources.Schema, name string, rows int) int {
	switch s.Fields[name].Type {
	case sources.TypeList, sources.TypeMap:
		return rows - 1000
	}
	return rows
}

func (x record) lead() site.Lead {
	l := site.Lead{ID: site.Short(string(x.ID)), Name: "Evidence"}
	switch proof(x.Head, x.Entry) {
	case site.ProofSealed:
		l.Status, l.Word = site.StatusPass, "Sealed"
	case site.ProofWaiting:
		l.Status, l.Word = site.StatusNotStarted, "Waiting for a checkpoint"
	default:
		l.Status, l.Word = site.StatusFail, "Proof broken"
	}
	if !x.Erased.IsZero() && l.Status == site.StatusPass {
		l.Status, l.Word = site.StatusNotApplicable, "Erased"
	} else if x.Decision == evidence.SentBack {
		l.Status, l.Word = site.StatusFail, "Returned"
	}
	return l
}

func (x record) sentence() string {
	if x.SupersededBy != "" {
		return site.Capital(x.Title) + ". A later record has taken its place."
	}
	return site.Capital(x.Title) + "."
}

func (x record) acts() []site.ButtonView {
	if x.Gone != "" {
		return nil
	}
	return []site.ButtonView{{Text: "Download the bytes", Icon: site.IconDownload, Href: "/evidence/" + string(x.ID) + "/bytes"}}
}

// stone says what became of an erased record.
func (x record) stone() []site.FactRow {
	return []site.FactRow{{Key: "Erased", Node: site.Moment(x.Erased)}, {Key: "Entry", Value: site.Count(x.ErasedBy), Href: entryPath(x.ErasedBy), Mono: true},
		site.Text("Ground", site.Capital(x.ErasedBasis))}
}

// about are the facts under the sentence.
func (x record) about() []site.Fact {
	if !x.Erased.IsZero() {
		return []site.Fact{{Node: momentOf("Sealed", x.Sealed)}, {Text: "Its entry stays in the log", Href: entryPath(x.Entry)}}
	}
	return []site.Fact{{Text: "From " + x.Origin}, {Node: momentOf("Captured", x.Captured)}, {Text: "Level " + level(x.Level)}}
}

func (x record) table() site.TableView {
	t := site.TableView{Caption: "First rows", Columns: []site.Column{{Head: sources.KindWord(x.ResourceKind), Mono: true, Phone: site.PlaceFirst}}}
	for i, f := range x.Fields {
		t.Columns = append(t.Columns, site.Column{Head: site.Capital(strings.ReplaceAll(f, "_", " ")), Wide: i == 0})
	}
	for _, r := range x.Rows {
		href := fmt.Sprintf("/sources/%s/%s/%s", x.Source, r.Kind, escape(r.Key))
		row := site.Row{Cells: []site.Cell{site.ID(site.Brief(r.Key), href)}}
		for _, f := range x.Fields {
			row.Cells = append(row.Cells, site.Words(site.Brief(said(r, f))))
		}
		t.Rows = append(t.Rows, row)
	}
	if len(t.Rows) > 0 {
		t.Pager = site.PagerView{Shown: int64(len(t.Rows)), Of: x.RowCount}
	}
	return t
}

// said is a field's value, or that it could not be read.
func said(r sources.Resource, field string) string {
	value, there := r.Attrs[field]
	switch value := value.(type) {
	case time.Time:
		return site.DateTime(value.UTC())
	case bool:
		return map[bool]string{true: "yes", false: "no"}[value]
	case []string:
		return strings.Join(value, ", ")
	case map[string]string:
		b, err := json.Marshal(value)
		if err != nil {
			return ""
		}
		return string(b)
	}
	if !there {
		return "–"
	}
	return fmt.Sprint(value)
}

// download hands the bytes out so that no browser ever runs them.
func download(v *site.Visit) error {
	r, err := evidence.Get.Do(v.Context(), v.Desk, evidence.Ref{ID: v.Path("id")})
	if err != nil {
		return err
	}
	content, err := evidence.Content.Do(v.Context(), v.Desk, evidence.Ref{ID: string(r.ID)})
	if err != nil {
		return err
	}
	return hand(v, string(r.ID), content)
}

// hand lets bytes out as a file.
func hand(v *site.Visit, name string, content evidence.Bytes) error {
	kind, ending := served(content.MediaType)
	h := v.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+ending+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", fmt.Sprint(len(content.Data)))
	v.W.WriteHeader(http.StatusOK)
	if _, err := v.W.Write(content.Data); err != nil {
		v.Log.Debug("evidence: a download was cut short", "err", err)
	}
	return nil
}

// file is what the bytes are called once downloaded; empty when they are gone.
func (x record) file() string {
	if x.Gone != "" {
		return ""
	}
	_, ending := served(x.MediaType)
	return string(x.ID) + ending
}

// story is the proof as somebody can retell it.
func (x record) story() string {
	at := x.Sealed.UTC().Format("2 January 2006, 15:04:05 UTC")
	switch {
	case !x.Erased.IsZero():
		return "The bytes were recorded on " + at + " and lawfully destroyed later. Both acts are entries; what was recorded can no longer be read by anybody."
	case proof(x.Head, x.Entry) == site.ProofWaiting:
		return "It was recorded on " + at + ". The head of the log that covers it is signed within a second."
	case proof(x.Head, x.Entry) == site.ProofBroken:
		return "It was recorded on " + at + ". The log does not fit what was signed before, so nothing is proved until that is settled."
	}
	return "It was recorded on " + at + " as entry " + site.Count(x.Entry) + ". The signed head of the log can only be reached through the digest of exactly these bytes. That rules out that they were exchanged, changed or dated back later."
}

// served is the type under which bytes leave: one of a few harmless ones, or
// plain octets.
func served(mediaType string) (kind, ending string) {
	base, _, err := mime.ParseMediaType(mediaType)
	if err == nil {
		for kind, ending := range map[string]string{"text/plain": ".txt", "text/csv": ".csv", "application/json": ".json", "image/png": ".png", "image/jpeg": ".jpg",
			"application/pdf": ".pdf", canon.MediaTypeChunks: ".json"} {
			if base == kind {
				return kind, ending
			}
		}
	}
	return "application/octet-stream", ".bin"
}

func (x record) contentNote() string {
	switch {
	case x.Gone != "":
		return ""
	case len(x.Rows) > 0 || len(x.Pieces) > 0:
		return site.Plural(x.RowCount, "row", "rows")
	case x.Text != "":
		return "as text"
	}
	return x.MediaType
}

// clocks are the instants of the record in the order in which they came.
func (x record) clocks() []site.FactRow {
	var out []site.FactRow
	if !x.CoversFrom.IsZero() {
		out = append(out, site.FactRow{Key: "Covers from", Node: site.Moment(x.CoversFrom)})
	}
	if !x.CoversTo.IsZero() {
		out = append(out, site.FactRow{Key: "Covers to", Node: site.Moment(x.CoversTo)})
	}
	whose := "the source's clock"
	if x.Method != evidence.ByUpload {
		whose = "the collector's clock"
	}
	return append(out, site.FactRow{Key: "Captured", Node: clocked(x.Captured, whose)}, site.FactRow{Key: "Sealed", Node: clocked(x.Sealed, "this installation's clock")})
}

func (x record) origin() []site.FactRow {
	out := []site.FactRow{site.Text("System", x.Origin), site.Text("How", x.how()), site.Text("Level", level(x.Level))}
	if !x.Erased.IsZero() {
		out = out[1:]
	}
	add := func(key, value, href string, mono bool) {
		if value != "" {
			out = append(out, site.FactRow{Key: key, Value: value, Href: href, Mono: mono})
		}
	}
	add("Collector", x.Collector, "", true)
	add("Account", x.Account, "", false)
	add("Environment", x.Environment, "", false)
	add("Shows", shown[x.Shows], "", false)
	add("Reviewed", x.Reviewed, "", false)
	add("Outcome", x.Outcome, "", false)
	add("Capture ticket", x.Ticket, "", true)
	if x.SourceCount >= 0 {
		add("Counted by the source", site.Count(x.SourceCount), "", false)
	}
	if x.Redacts != "" {
		add("Redacted from", string(x.Redacts), "/evidence/"+string(x.Redacts), true)
		add("SHA-256 of the original", x.RedactsSHA256, "", true)
	}
	add("Location", x.Location, "", true)
	if x.Source != "" {
		add("Source", string(x.Source), "/sources/"+string(x.Source), true)
	}
	if x.Run != "" {
		add("Run", string(x.Run), "/runs/"+string(x.Run), true)
	}
	if x.ResourceKind != "" && x.ResourceKind != "raw" {
		add("Judged by", "checks that read each "+sources.KindIn(x.ResourceKind), "/checks?kind="+x.ResourceKind, false)
	}
	add("Time zone", x.Zone, "", false)
	add("Media type", x.MediaType, "", true)
	add("Handling", x.Classification, "", false)
	if x.Personal {
		add("Personal data", "may be in it", "", false)
	}
	add("Kept for", keptFor(x.Retention), "", false)
	if x.Actor == "" { // erased
		return out
	}
	return append(out, site.FactRow{Key: "Recorded by", Node: site.Person(x.Actor)})
}

func (x record) how() string {
	return map[string]string{evidence.ByAPI: "read by the machine", evidence.ByExport: "exported", evidence.ByUpload: "added by a person",
		evidence.ByObservation: "observed", evidence.ByGenerated: "generated here"}[x.Method]
}

func (x record) versions() []site.FactRow {
	var out []site.FactRow
	if x.Supersedes != "" {
		out = append(out, site.FactRow{Key: "Takes the place of", Value: string(x.Supersedes), Href: "/evidence/" + string(x.Supersedes), Mono: true})
	}
	if x.SupersededBy != "" {
		out = append(out, site.FactRow{Key: "Superseded by", Value: string(x.SupersededBy), Href: "/evidence/" + string(x.SupersededBy), Mono: true})
	}
	return out
}

// keptFor says a retention such as period+7y.
func keptFor(s string) string {
	if years, ok := strings.CutPrefix(s, "period+"); ok {
		return "the period and " + strings.TrimSuffix(years, "y") + " years"
	}
	return s
}
