package site

import (
	"strconv"

	"github.com/tickmark/tickmark/internal/sample"
)

// The workpaper of the gallery is the domain's worked fixture: a sample of 60
// of 240 changes, of which 38 are tested and one deviated.

var galleryAttributes = []AttributeView{
	{Letter: "A", Text: "asked for in a ticket"}, {Letter: "B", Text: "reviewed by another person"}, {Letter: "C", Text: "tests passed on the merged commit"},
	{Letter: "D", Text: "approved before deployment, not by the author", Current: true}, {Letter: "E", Text: "deployed by the pipeline from the protected branch"},
}

// galleryDraw is the first 60 of the published ranking.
var galleryDraw = []string{
	"0204", "0222", "0210", "0026", "0087", "0058", "0045", "0077", "0221", "0131", "0075", "0197", "0099", "0233", "0205",
	"0025", "0173", "0028", "0177", "0089", "0083", "0030", "0234", "0185", "0115", "0021", "0217", "0024", "0111", "0123",
	"0016", "0151", "0136", "0103", "0166", "0164", "0193", "0093", "0015", "0047", "0141", "0085", "0195", "0097", "0066",
	"0229", "0133", "0180", "0070", "0008", "0167", "0206", "0230", "0202", "0199", "0072", "0153", "0040", "0187", "0107",
}

var (
	galleryTitles = []string{"Tariff import checksum", "Reject unsigned webhooks", "Audit log export", "Fix duplicate manifest rows", "Tariff table 2026-05", "Feature flag cleanup", "Upgrade TLS library", "Drop legacy XML parser", "Cache HS code lookup", "Limit upload size to 50 MB",
		"Alert on queue depth", "Retry customs feed on timeout", "Read replicas for search", "Currency rounding rule", "Rotate signing key alias", "Archive job batching", "Mask tax ids in logs", "Add index on shipment_ref", "Session lifetime 8 h", "Move PDF worker to arm64"}
	galleryDays = []string{"5 Nov", "29 Nov", "13 Nov", "12 Feb", "14 May", "1 Apr", "13 Mar", "29 Apr", "28 Nov", "18 Jul", "26 Apr", "27 Oct", "29 May", "18 Dec", "6 Nov", "11 Feb", "27 Sep", "16 Feb", "2 Oct", "16 May"}
)

func galleryGrid() GridView {
	g := GridView{Label: "Sample of CHG-01", Noun: "Change", When: "Deployed", Attributes: galleryAttributes, Total: 60, Item: "CHG-0087", At: "D",
		Pane: "/gallery/item", Marks: "/gallery/marks", Find: "/gallery/find", Asks: "/gallery/asks"}
	for i, id := range galleryDraw {
		r := GridRow{Rank: i + 1, Item: "CHG-" + id, Href: "#CHG-" + id, Text: galleryTitles[i%len(galleryTitles)], When: galleryDays[i%len(galleryDays)], Evidence: 4 + i%2}
		r.Asked = i == 40 || i == 46
		for j := range galleryAttributes {
			r.Cells = append(r.Cells, galleryTick(i, j))
		}
		if i < 38 {
			r.By = "Dana Whitfield"
		}
		r.Deviates = i == 4
		g.Rows = append(g.Rows, r)
	}
	return g
}

func galleryTick(item, attribute int) GridCell {
	switch {
	case item == 4 && attribute == 3:
		return GridCell{Tick: TickDeviation, Mark: "deviation", Reason: "Approver on leave until 17:30"}
	case item >= 38 && item < 45 && item != 40 && attribute == 2:
		return GridCell{Tick: TickNone, Proposed: TickReperformed}
	case item == 44 && attribute == 3:
		return GridCell{Tick: TickNone, Proposed: TickDeviation}
	case item == 43 && attribute == 3:
		return GridCell{Tick: TickNone, Proposed: TickUnknown, Why: "the record has no approver"}
	case item >= 38:
		return GridCell{Tick: TickNone}
	case (item == 25 || item == 27) && attribute == 0:
		return GridCell{Tick: TickNotAvail, Reason: "An emergency change asked for by telephone"}
	case attribute == 2 || attribute == 3:
		return GridCell{Tick: TickReperformed}
	}
	return GridCell{Tick: TickAgrees}
}

func galleryStrip() StripView {
	states, items := make([]StripState, 60), make([]string, 60)
	for i := range states {
		states[i], items[i] = StripOpen, "CHG-"+galleryDraw[i]
		switch {
		case i == 4:
			states[i] = StripDeviation
		case i < 38:
			states[i] = StripTested
		case i == 40 || i == 46:
			states[i] = StripAsked
		}
	}
	return NewStrip(states, items, 5)
}

// galleryLongStrip has more ranks than boxes.
func galleryLongStrip() StripView {
	states := make([]StripState, 5000)
	for i := range states {
		states[i] = StripOpen
		if i < 2710 {
			states[i] = StripTested
		}
		if i == 404 || i == 1999 {
			states[i] = StripDeviation
		}
	}
	return NewStrip(states, nil, 2711)
}

func galleryPane() PaneView {
	day := "14 May 2026 UTC, in the order the sources recorded it"
	return PaneView{
		Item: "CHG-0087", Href: "#CHG-0087", Note: "rank 5, Tariff table 2026-05", Records: 5, Letter: "D", Attribute: "approved before it was deployed",
		Tick: TickDeviation, Tone: StatusFail, Said: galleryFinding(), Clock: day, Attributes: galleryAttributes,
		Events: []EventView{
			{At: "09:12:40", Letters: "A", Lead: "Asked for", Text: "CLR-1187 by A. Sato", Tick: TickAgrees},
			{At: "11:30:06", Letters: "B", Lead: "Reviewed", Text: "by K. Brandt, author T. Reiter", Tick: TickAgrees},
			{At: "15:48:19", Letters: "C", Lead: "Tests", Text: "1,204 of 1,204 on 9f3c1ae", Tick: TickAgrees},
			{At: "16:02:11", Letters: "E", Lead: "Deployed", Text: "pipeline 5521, branch main", Tick: TickAgrees},
			{At: "17:40:37", Letters: "D", Lead: "Approved", Text: "by J. Lindqvist", Tick: TickDeviation, Decisive: true},
		},
		Record: RawView{Title: "Record EV-15531", Note: "as the source sent it", Href: "#", Text: "{ \"event\": \"deployment.approved\",\n  \"change\": \"CHG-0087\", \"actor\": \"j.lindqvist\",\n  \"environment\": \"production\",\n  \"at\": \"2026-05-14T17:40:37Z\" }", Mark: "\"2026-05-14T17:40:37Z\""},
		Facts: []FactRow{
			{Key: "Collected", Value: "14 May 18:00, source git-main, read-only"},
			{Key: "Sealed", Value: "Larchmere log 21,877 under head 52,940", Status: StatusPass, Href: "#"},
			{Key: "Digest", Node: Digest(DigestView{Label: "sha256", Value: "4be107c9a2d85e1f0b6c3379d1e4a8f25c90b7ee61f3d2a4983b0c7793d2aa10", Short: true})},
			{Key: "Level", Value: "3, system-generated, automatic"},
		},
		Mark: &MarkForm{Action: "#", Item: "CHG-0087", Letter: "D", Mark: TickDeviation, Reason: "Approver on leave until 17:30; deputy not named. Cause to be classified before any extension."},
	}
}

// galleryLimit is an upper limit in ten-thousandths of a percent.
func galleryLimit(n, k int) int64 {
	s := strconv.FormatFloat(100*sample.UpperLimit(n, k, 0.95), 'f', 4, 64)
	return ParseRate(s)
}

func galleryEvaluation() EvaluationView {
	c := CurveView{Title: "Upper limit by items tested", Tolerable: 5 * wholePercent, Note: "Items tested, one deviation. Exact binomial, conservative.", Marks: []CurveMark{
		{CurvePoint: CurvePoint{38, galleryLimit(38, 1)}, Text: "11.89 % now", Deviations: 1},
		{CurvePoint: CurvePoint{60, galleryLimit(60, 1)}, Text: "7.66 %", Deviations: 1, Status: StatusFail},
		{CurvePoint: CurvePoint{93, galleryLimit(93, 1)}, Text: "4.9994 %", Deviations: 1, Status: StatusPass},
	}}
	for n := 5; n <= 100; n++ {
		p := CurvePoint{n, galleryLimit(n, 1)}
		if n <= 38 {
			c.Done = append(c.Done, p)
		}
		if n >= 38 {
			c.Ahead = append(c.Ahead, p)
		}
	}
	return EvaluationView{Curve: &c, Totals: TotalView{
		Rows:  []TotalRow{{Text: "Tested", Value: "38 of 60"}, {Text: "Deviations", Value: "1", Tone: StatusFail, Href: "#"}, {Text: "Observed rate", Value: "2.63 %"}},
		Total: TotalRow{Text: "Upper limit at 95 %", Value: "11.8854 %"},
	}}
}

var gallerySmall = EvaluationView{
	Totals: TotalView{Rows: []TotalRow{{Text: "Tested", Value: "8 of 8"}, {Text: "Deviations", Value: "0"}}, Total: TotalRow{Text: "Observed rate", Value: "0 %"}},
	Note:   "An upper limit is not meaningful at this size: 8 items without a deviation leave 25 % possible.",
}

var galleryOptions = []OptionView{
	{StatusFail, "60 items, 1 deviation:", "7.6640 %, above 5 %. Not supported."},
	{StatusPass, "93 items, 1 deviation:", "4.9994 %. Supported. 33 more, ranks 61 to 93."},
	{StatusFail, "93 items, 2 deviations:", "6.6150 %. Not supported, and no second extension."},
}
