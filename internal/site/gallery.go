package site

import "time"

// The gallery speaks of Larchmere, a company that does not exist. Its figures
// are examples of form and add up only within each part.

var galleryNow = time.Date(2026, time.November, 18, 9, 0, 0, 0, time.UTC)

// GalleryShell is a shell for the gallery when nobody is signed in.
func GalleryShell(p Prefs) Shell {
	return Shell{
		Title:   "Gallery",
		Org:     Org{Name: "Larchmere", Kind: "Organization", Href: "#", Switch: "#", Others: []OrgLink{{Name: "Aldine Voss", Kind: "CPA firm", Value: "av", Firm: true}}},
		Nav:     galleryNav(),
		Current: "/gallery",
		Tabs: []NavItem{
			{Text: "Home", Href: "/gallery", Icon: IconHome}, {Text: "My work", Href: "#work", Icon: IconWork},
			{Text: "Criteria", Href: "#criteria", Icon: IconCriteria}, {Text: "Requests", Href: "#requests", Icon: IconRequests},
		},
		Crumbs: []Crumb{{Text: "Larchmere", Href: "#"}, {Text: "Gallery"}},
		AsOf:   AsOf{Value: "2026-11-18", Max: "2026-11-18", Path: "/gallery"},
		Log:    LogHead{Entries: 48213, Signed: galleryNow.Add(-time.Second), Now: galleryNow, Href: "#log"},
		Me:     Me{Name: "Ines Okafor", Email: "ines@larchmere.example", Href: "#me", SignOut: "#out"},
		Prefs:  p,
		Print:  PrintHead{At: galleryNow, Demo: true},
		Band:   Band{Kind: BandDemo, Title: "Gallery.", Text: "Every part of the interface in every state. Larchmere and Aldine Voss do not exist."},
		Keys:   []Key{{Keys: []string{"n"}, Text: "New, where allowed"}},
	}
}

func galleryNav() []NavGroup {
	return []NavGroup{
		{Items: []NavItem{
			{Text: "Home", Href: "/gallery", Icon: IconHome, Key: "h"},
			{Text: "My work", Href: "#work", Icon: IconWork, Count: "4"},
		}},
		{Head: "Program", Items: []NavItem{
			{Text: "Criteria", Href: "#criteria", Icon: IconCriteria, Count: "38", Key: "c"},
			{Text: "Controls", Href: "#controls", Icon: IconControls, Count: "64", Key: "k"},
			{Text: "Checks", Href: "#checks", Icon: IconChecks, Count: "212"},
			{Text: "Evidence", Href: "#evidence", Icon: IconEvidence, Key: "e"},
			{Text: "Risks", Href: "#risks", Icon: IconRisks, Count: "31"},
		}},
		{Head: "Registers", Items: []NavItem{
			{Text: "People", Href: "#people", Icon: IconPeople, Count: "60"},
			{Text: "Assets", Href: "#assets", Icon: IconAssets},
			{Text: "Vendors", Href: "#vendors", Icon: IconVendors, Count: "27"},
			{Text: "Policies", Href: "#policies", Icon: IconPolicies, Count: "25"},
		}},
		{Head: "Audit", Items: []NavItem{
			{Text: "Engagements", Href: "#engagements", Icon: IconEngagement, Count: "1"},
			{Text: "Requests", Href: "#requests", Icon: IconRequests, Count: "9", Key: "r"},
			{Text: "Reports", Href: "#reports", Icon: IconReports},
		}},
		{Head: "Installation", Items: []NavItem{
			{Text: "Sources", Href: "#sources", Icon: IconSources, Count: "14"},
			{Text: "Evidence log", Href: "#log", Icon: IconLog},
		}},
	}
}

func day(m time.Month, d, h int) time.Time {
	return time.Date(2026, m, d, h, 0, 0, 0, time.UTC)
}

var galleryIntervals = []Interval{
	{Status: StatusPass, From: day(1, 1, 0), To: day(3, 11, 3), Href: "#i1", Cause: "every account has a second factor"},
	{Status: StatusFail, From: day(3, 11, 3), To: day(3, 11, 13), Label: "10 h", Href: "#i2", Cause: "one account enrolled late"},
	{Status: StatusPass, From: day(3, 11, 13), To: day(4, 3, 6), Href: "#i3"},
	{Status: StatusUnknown, From: day(4, 3, 6), To: day(4, 5, 6), Label: "48 h source down", Href: "#i4", Cause: "the source did not answer"},
	{Status: StatusPass, From: day(4, 5, 6), To: day(5, 22, 8), Href: "#i5"},
	{Status: StatusFail, From: day(5, 22, 8), To: day(5, 23, 10), Label: "26 h", Href: "#i6", Cause: "two contractor accounts"},
	{Status: StatusPass, From: day(5, 23, 10), To: day(8, 12, 0), Href: "#i7"},
	{Status: StatusExcepted, From: day(8, 12, 0), To: day(8, 15, 0), Label: "72 h exception X-14", Href: "#i8", Cause: "vendor migration, approved by R. Adeyemi"},
	{Status: StatusPass, From: day(8, 15, 0), To: day(11, 16, 15), Href: "#i9"},
	{Status: StatusFail, From: day(11, 16, 15), To: day(11, 18, 9), Label: "42 h, open", Href: "#i10", Cause: "2 of 68 accounts"},
}

func galleryCell(id string) CriterionView {
	c := CriterionView{ID: id, Href: "#" + id, State: CellReady, Designed: SegmentFull, Implemented: SegmentFull, Evidenced: SegmentFull}
	switch id {
	case "CC6.1":
		c.State, c.Evidenced, c.Cause = CellNotMet, SegmentFail, "evidence fails"
	case "CC6.2", "CC6.3":
		c.State, c.Evidenced, c.Cause = CellNotMet, SegmentEmpty, "access review missed"
	case "CC7.2":
		c.State, c.Evidenced, c.Cause = CellUnknown, SegmentUnknown, "source silent since Sunday"
	case "A1.2":
		c.State, c.Evidenced, c.Cause = CellUnknown, SegmentUnknown, "read right withdrawn"
	case "CC9.2":
		c.State, c.Implemented, c.Evidenced, c.Cause = CellNotMet, SegmentEmpty, SegmentEmpty, "not implemented"
	case "C1.2":
		c.State, c.Designed, c.Implemented, c.Evidenced, c.Cause = CellNotMet, SegmentEmpty, SegmentEmpty, SegmentEmpty, "no control adopted"
	}
	return c
}

func galleryMap() CriteriaMapView {
	series := []struct {
		id, name string
		n, done  int
		rule     bool
	}{
		{"CC1", "Control environment", 5, 5, false}, {"CC2", "Communication", 3, 3, false}, {"CC3", "Risk assessment", 4, 4, false},
		{"CC4", "Monitoring", 2, 2, false}, {"CC5", "Control activities", 3, 3, false}, {"CC6", "Access", 8, 5, false},
		{"CC7", "System operations", 5, 4, false}, {"CC8", "Change management", 1, 1, false}, {"CC9", "Risk mitigation", 2, 1, false},
		{"A1", "Availability", 3, 2, true}, {"C1", "Confidentiality", 2, 1, false},
	}
	m := CriteriaMapView{NotText: "Not selected · PI1 5, P 18"}
	for _, s := range series {
		row := SeriesRow{ID: s.id, Name: s.name, Done: s.done, Of: s.n, Rule: s.rule}
		for i := 1; i <= s.n; i++ {
			row.Cells = append(row.Cells, galleryCell(s.id+"."+plain(int64(i))))
		}
		m.Rows = append(m.Rows, row)
	}
	for _, p := range []struct {
		series string
		n      int
	}{{"PI1", 5}, {"P1", 1}, {"P2", 1}, {"P3", 2}, {"P4", 3}, {"P5", 2}, {"P6", 7}, {"P7", 1}, {"P8", 1}} {
		for i := 1; i <= p.n; i++ {
			id := p.series + "." + plain(int64(i))
			m.NotSelected = append(m.NotSelected, CriterionView{ID: id, Href: "#" + id, State: CellNotSelected})
		}
	}
	return m
}

func galleryTouched() CriteriaMapView {
	seen := map[string]bool{"CC2.1": true, "CC4.1": true, "CC5.2": true, "CC6.1": true, "CC6.2": true, "CC6.3": true, "CC6.6": true,
		"CC6.7": true, "CC6.8": true, "CC7.1": true, "CC7.2": true, "CC7.3": true, "CC8.1": true, "CC9.2": true}
	m := galleryMap()
	out := CriteriaMapView{Short: true}
	for _, r := range m.Rows[:9] {
		r.Done = 0
		for i := range r.Cells {
			r.Cells[i].State = CellUntouched
			if seen[r.Cells[i].ID] {
				r.Cells[i].State = CellTouched
				r.Done++
			}
		}
		out.Rows = append(out.Rows, r)
	}
	return out
}

var galleryCategories = []CategoryRow{
	{Name: "Security", InScope: 33, Designed: 33, Implemented: 32, Evidenced: 28, Ready: 28, NotReady: 4, Unknown: 1, ReadyHref: "#r", NotReadyHref: "#n", UnknownHref: "#u"},
	{Name: "Availability", InScope: 3, Designed: 3, Implemented: 3, Evidenced: 2, Ready: 2, NotReady: 0, Unknown: 1, ReadyHref: "#r", UnknownHref: "#u"},
	{Name: "Confidentiality", InScope: 2, Designed: 1, Implemented: 1, Evidenced: 1, Ready: 1, NotReady: 1, Unknown: 0, ReadyHref: "#r", NotReadyHref: "#n"},
}

var galleryActions = []ActionView{
	{Status: StatusFail, Text: "Enrol two accounts in multi-factor login", Href: "#a1", Owner: "Mei-Lin Park", Settles: []Link{{"CC6.1", "#CC6.1"}}, Due: "today", Overdue: true},
	{Status: StatusFail, Text: "Record the missed Q3 access review and decide what covers it", Href: "#a2", Owner: "Tomás Reiter", Settles: []Link{{"CC6.2", "#CC6.2"}, {"CC6.3", "#CC6.3"}}, Due: "today", Overdue: true},
	{Status: StatusUnknown, Text: "Restore the read right of source backup-eu", Href: "#a3", Owner: "Jonas Lindqvist", Settles: []Link{{"A1.2", "#A1.2"}}, Due: "19 Nov"},
	{Status: StatusUnknown, Text: "Reconnect the log archive, silent since Sunday", Href: "#a4", Owner: "Jonas Lindqvist", Settles: []Link{{"CC7.2", "#CC7.2"}}, Due: "19 Nov"},
	{Status: StatusFail, Text: "Review three vendors that are past due", Href: "#a5", Owner: "", Settles: []Link{{"CC9.2", "#CC9.2"}}, Due: "30 Nov"},
	{Status: StatusFail, Text: "Approve the customer data deletion procedure", Href: "#a6", Owner: "Ines Okafor", Settles: []Link{{"C1.2", "#C1.2"}}, Due: "4 Dec"},
}

func galleryReadiness() ReadinessView {
	v := ReadinessView{Title: "Ready, last twelve months", Scope: 38}
	for i, label := range []string{"D", "J", "F", "M", "A", "M", "J", "J", "A", "S", "O", "N"} {
		ready := []int{14, 17, 19, 22, 24, 27, 29, 30, 33, 34, 33, 31}[i]
		unknown := []int{6, 5, 4, 3, 3, 2, 2, 1, 0, 0, 1, 2}[i]
		v.Months = append(v.Months, ReadyMonth{Label: label, Name: galleryNow.AddDate(0, i-11, 0).Format("January 2006"), Ready: ready, Unknown: unknown})
	}
	return v
}

func galleryPeriod() PeriodView {
	v := PeriodView{
		Title: "Period", From: day(1, 1, 0), To: day(12, 31, 0).AddDate(0, 0, 1), Now: galleryNow,
		Failures: []Interval{
			{From: day(3, 11, 3), To: day(3, 11, 13), Label: "IAM-03, 10 h"}, {From: day(5, 22, 8), To: day(5, 23, 10), Label: "IAM-03, 26 h"},
			{From: day(11, 16, 15), To: day(11, 18, 9), Label: "IAM-03, 42 h, open"},
		},
		Events: []PeriodEvent{
			{At: day(1, 22, 0), Status: StatusPass, Text: "Q1 access review", Href: "#e1"}, {At: day(3, 16, 0), Status: StatusPass, Text: "Pen test", Href: "#e2"},
			{At: day(4, 22, 0), Status: StatusPass, Text: "Q2 access review", Href: "#e3"}, {At: day(6, 9, 0), Status: StatusPass, Text: "Recovery test", Href: "#e4"},
			{At: day(7, 23, 0), Status: StatusFail, Text: "Q3 access review missed", Href: "#e5"}, {At: day(9, 19, 0), Status: StatusPass, Text: "Policies reviewed", Href: "#e6"},
			{At: day(12, 10, 0), Status: StatusNotStarted, Text: "Q4 due", Href: "#e7"},
		},
		Note: "Bars: evidence recorded per week. Red on the line: a key control failing.",
	}
	counts := []int64{170, 200, 140, 130, 180, 160, 140, 185, 190, 165, 175, 165, 190, 60, 110, 130, 170, 175, 100, 170, 155, 200, 190, 110, 160, 180, 150, 190,
		210, 180, 190, 180, 170, 130, 125, 170, 140, 110, 160, 180, 180, 210, 230, 160, 150, 180, 130}
	for i, n := range counts {
		if at := day(1, 1, 0).AddDate(0, 0, 7*i); at.Before(galleryNow) {
			v.Weeks = append(v.Weeks, PeriodWeek{Start: at, Count: n, Href: "#w"})
		}
	}
	return v
}
