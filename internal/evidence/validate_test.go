package evidence_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/sensitive"
)

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

// TestValidateRemarks has for each code a record that differs in one thing from
// one without remarks.
func TestValidateRemarks(t *testing.T) {
	taken := at("2026-05-04 10:00")
	good := evidence.Record{Origin: "directory", Location: "https://idp.example.org/users", Account: "example-org", Environment: "production", Query: "status=active",
		RowCount: 61, SourceCount: 61, Level: 4, Captured: taken, Sealed: taken.Add(time.Minute), Shows: evidence.Operation}
	within := evidence.Context{Seen: evidence.Seen{Counted: 61}, Starts: at("2026-01-01 00:00"), Ends: at("2027-01-01 00:00"), Linked: 1, Environment: "Production"}
	type change = func(r *evidence.Record, x *evidence.Context)
	for name, c := range map[string]struct {
		change
		code string
	}{
		"nothing":                      {func(*evidence.Record, *evidence.Context) {}, ""},
		"no address":                   {func(r *evidence.Record, _ *evidence.Context) { r.Location = "" }, "EV01"},
		"no account":                   {func(r *evidence.Record, _ *evidence.Context) { r.Account = "" }, "EV01"},
		"a screenshot without a clock": {func(r *evidence.Record, _ *evidence.Context) { r.Level, r.Captured = 5, r.Sealed }, "EV02"},
		"before the period":            {func(_ *evidence.Record, x *evidence.Context) { x.Starts = at("2026-06-01 00:00") }, "EV03"},
		"after the period":             {func(_ *evidence.Record, x *evidence.Context) { x.Ends = at("2026-05-01 00:00") }, "EV03"},
		"days outside the period": {func(r *evidence.Record, _ *evidence.Context) {
			r.CoversFrom, r.CoversTo = at("2025-01-01 00:00"), at("2025-02-01 00:00")
		}, "EV03"},
		"after the date":            {func(_ *evidence.Record, x *evidence.Context) { x.AsOf = at("2026-05-01 00:00") }, "EV03"},
		"from a test system":        {func(r *evidence.Record, x *evidence.Context) { r.Environment, x.Environment = "Staging (EU)", "" }, "EV04"},
		"from another environment":  {func(_ *evidence.Record, x *evidence.Context) { x.Environment = "Production EU" }, "EV04"},
		"no query":                  {func(r *evidence.Record, _ *evidence.Context) { r.Query = " " }, "EV05"},
		"no number of rows":         {func(r *evidence.Record, x *evidence.Context) { r.RowCount, r.SourceCount, x.Counted = -1, -1, -1 }, "EV05"},
		"fewer than the source has": {func(r *evidence.Record, _ *evidence.Context) { r.SourceCount = 140 }, "EV06"},
		"fewer than was said":       {func(r *evidence.Record, _ *evidence.Context) { r.RowCount, r.SourceCount = 62, -1 }, "EV06"},
		"as many as a page has":     {func(r *evidence.Record, x *evidence.Context) { r.RowCount, r.SourceCount, x.Counted = 100, -1, 100 }, "EV06"},
		"a policy":                  {func(r *evidence.Record, _ *evidence.Context) { r.Shows = evidence.Policy }, "EV07"},
		"nobody approved":           {func(_ *evidence.Record, x *evidence.Context) { x.Approvals = []evidence.Approval{{Row: 3}} }, "EV08"},
		"approved their own": {func(_ *evidence.Record, x *evidence.Context) {
			x.Approvals = []evidence.Approval{{Row: 3, Requester: "Ann", Approver: "ann "}}
		}, "EV08"},
		"approved later": {func(_ *evidence.Record, x *evidence.Context) {
			x.Approvals = []evidence.Approval{{Row: 3, Requester: "ann", Approver: "bo", Approved: taken, Acted: taken.Add(-time.Hour)}}
		}, "EV09"},
		"changed after it was taken": {func(_ *evidence.Record, x *evidence.Context) {
			x.Dates = []evidence.FileDate{{What: "changed", At: taken.Add(time.Hour)}}
		}, "EV11"},
		"changed within a zone's width": {func(_ *evidence.Record, x *evidence.Context) {
			x.Dates = []evidence.FileDate{{What: "changed", At: taken.Add(9 * time.Hour), Floating: true}}
		}, ""},
		"recorded days later":     {func(r *evidence.Record, _ *evidence.Context) { r.Sealed = r.Captured.AddDate(0, 0, 3) }, "EV11"},
		"taken before the ticket": {func(_ *evidence.Record, x *evidence.Context) { x.Issued = taken.Add(time.Hour) }, "EV11"},
		"a card in it": {func(_ *evidence.Record, x *evidence.Context) {
			x.Scan = sensitive.Scan([]byte("4111 1111 1111 1111"))
		}, "EV14"},
		"made for the audit":       {func(r *evidence.Record, _ *evidence.Context) { r.Level = 6 }, "EV16"},
		"a tile":                   {func(r *evidence.Record, _ *evidence.Context) { r.Shows = evidence.Tile }, "EV16"},
		"the same bytes once more": {func(_ *evidence.Record, x *evidence.Context) { x.Same = []id.Evidence{"evd_1"} }, "EV18"},
		"a review without an end":  {func(r *evidence.Record, _ *evidence.Context) { r.Shows, r.Reviewed = evidence.AReview, "61 accounts" }, "EV19"},
		"a review with both": {func(r *evidence.Record, _ *evidence.Context) {
			r.Shows, r.Reviewed, r.Outcome = evidence.AReview, "61 accounts", "2 removed"
		}, ""},
	} {
		r, x := good, within
		c.change(&r, &x)
		var got []string
		for _, m := range evidence.Validate(r, x) {
			got = append(got, m.Code)
			if m.Text == "" || m.Settles == "" || strings.Contains(m.Text+m.Settles, "%!") {
				t.Errorf("%s: %+v", name, m)
			}
		}
		if strings.Join(got, " ") != c.code {
			t.Errorf("%s: %v, want %q", name, evidence.Validate(r, x), c.code)
		}
	}
}

func TestTablesAreCountedAndTheirApprovalsRead(t *testing.T) {
	for name, c := range map[string]struct {
		media, text string
		rows        int64
		wrong       int
	}{
		"csv":             {"text/csv", "Requester,Approver,approved_at,deployed_at\nann,bo,2026-01-01T10:00:00Z,2026-01-01T11:00:00Z\nann,ann,,\nann,bo,2026-01-02T10:00:00Z,2026-01-01T11:00:00Z\nann,,,\n", 4, 3},
		"csv of no such":  {"text/csv; charset=utf-8", "user,mfa\nann,yes\n", 1, 0},
		"tabs":            {"text/tab-separated-values", "a\tb\n1\t2\n3\t4\n", 2, 0},
		"json":            {"application/json", `[{"requester":"ann","approver":null},{"requester":"ann","approver":"bo"}]`, 2, 1},
		"json of another": {"application/json", `{"a":1}`, -1, 0},
		"a picture":       {"image/png", "a,b\n", -1, 0},
	} {
		s := evidence.Look(c.media, []byte(c.text))
		if s.Counted != c.rows || len(s.Approvals) != c.wrong {
			t.Errorf("%s: %d rows and %+v, want %d and %d", name, s.Counted, s.Approvals, c.rows, c.wrong)
		}
	}
}

// chunk is one of a PNG, without its check sum, which is not read.
func chunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	return append(append(append(out, kind...), body...), 0, 0, 0, 0)
}

func exif() []byte {
	b := []byte("II*\x00\x08\x00\x00\x00\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, 0x9003)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint32(b, 20)
	b = binary.LittleEndian.AppendUint32(b, 26)
	return append(append(b, 0, 0, 0, 0), "2026:05:04 10:00:00\x00"...)
}

func TestAFilesOwnDatesAreRead(t *testing.T) {
	var office bytes.Buffer
	z := zip.NewWriter(&office)
	w, err := z.Create("docProps/core.xml")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, `<dcterms:created xsi:type="dcterms:W3CDTF">2026-05-04T10:00:00Z</dcterms:created>`)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	app1 := append([]byte("Exif\x00\x00"), exif()...)
	jpeg := append(append([]byte("\xff\xd8\xff\xe1"), byte((len(app1)+2)>>8), byte(len(app1)+2)), app1...)
	for name, data := range map[string][]byte{
		"pdf":    []byte("%PDF-1.4\n<</CreationDate (D:20260504120000+02'00')>>"),
		"png":    append([]byte("\x89PNG\r\n\x1a\n"), chunk("tIME", []byte{0x07, 0xea, 5, 4, 10, 0, 0})...),
		"exif":   append([]byte("\x89PNG\r\n\x1a\n"), chunk("eXIf", exif())...),
		"jpeg":   append(jpeg, 0xff, 0xda, 0, 2),
		"office": office.Bytes(),
	} {
		d := evidence.Look("application/octet-stream", data).Dates
		if len(d) != 1 || !d[0].At.Equal(at("2026-05-04 10:00")) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func FuzzLook(f *testing.F) {
	f.Add("text/csv", []byte("approver,requester\na,b\n"))
	f.Add("application/json", []byte(`[{"approver":"x"}]`))
	f.Add("image/png", append([]byte("\x89PNG\r\n\x1a\n"), chunk("eXIf", exif())...))
	f.Add("image/jpeg", append([]byte("\xff\xd8\xff\xe1\x00\x30Exif\x00\x00"), exif()...))
	f.Add("application/pdf", []byte("%PDF-1.4\n<</ModDate (D:20260504120000Z)>>"))
	f.Fuzz(func(t *testing.T, media string, data []byte) {
		s := evidence.Look(media, data)
		if s.Counted < -1 || len(s.Dates) > 20 {
			t.Fatalf("%+v", s)
		}
	})
}
