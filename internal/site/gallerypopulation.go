package site

import "time"

var galleryPanels = []PanelView{
	{Number: "1", Title: "The auditor locks a secret number", Done: true, Who: "4 Jan 09:12 · Dana Whitfield, Aldine Voss",
		Text:  "Before seeing any list, the auditor picks a random number and puts its fingerprint in the log. The number can no longer be changed.",
		Label: "commitment", Value: "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd", Short: true, Entry: Link{"firm 9,118", "#"},
		RulesOut: "Rules out a number chosen to suit the list."},
	{Number: "2", Title: "Larchmere seals the list", Done: true, Who: "6 Jan 10:40 · Ines Okafor, Larchmere",
		Text:  "All 240 changes are counted, checked against the source and fingerprinted. Adding or removing one would give another fingerprint.",
		Label: "list digest", Value: "d79742f13c745ee398e4d30b9245dd55a663b32d71250545fcd067c3599fef75", Short: true, Entry: Link{"org 52,911", ""},
		RulesOut: "Rules out hiding a change afterwards."},
	{Number: "3", Title: "The auditor opens the number", Done: true, Who: "6 Jan 11:31 · Dana Whitfield, Aldine Voss",
		Text:  "The log checks that it matches the fingerprint from step 1, and that step 1 came before step 2.",
		Label: "seed", Value: "33a0febfac49471ab59342beff3b673b5b02b0e89619c1fa5ba72f6b97c86983", Short: true, Entry: Link{"firm 9,164", "#"},
		RulesOut: "Rules out drawing a second time."},
	{Number: "4", Title: "Arithmetic draws the sample", Who: "",
		Text:     "Number and list together give every change a rank. The first are the sample. Nobody chooses.",
		RulesOut: "Will rule out picking the easy ones."},
}

var galleryProcedures = []ProcedureView{
	{Status: StatusPass, Name: "Source count", Text: "240 by a second API, 240 rows"},
	{Status: StatusPass, Name: "Reconciliation", Text: "240 merged changes, 240 deployments", Who: "Dana Whitfield, 6 Jan"},
	{Status: StatusFail, Name: "Gap test", Text: "CHG-0001 to CHG-0241, 1 missing"},
	{Status: StatusExcepted, Name: "Cut-off", Text: "first 2 Jan, last 30 Dec, extracted 6 Jan", Note: "Explained."},
}

// gallerySquaresOf draws every fourth item of so many a month.
func gallerySquaresOf(months ...int64) PopulationView {
	v := PopulationView{Title: "240 changes by month, and which were drawn", Unit: "change", Drawn: true}
	n := 0
	for i, total := range months {
		m := time.Date(2026, time.Month(i+1), 1, 0, 0, 0, 0, time.UTC)
		g := PopulationGroup{Label: m.Format("Jan"), Name: m.Format("January 2006"), Total: total, Href: "#rows"}
		for k := range int(total) {
			if n++; n%4 == 0 {
				p := PopulationPick{Place: k, Text: "CHG-" + pad(int64(n), 4)}
				if n == 88 {
					p.Status = StatusFail
				}
				g.Picks = append(g.Picks, p)
			}
		}
		v.Groups = append(v.Groups, g)
	}
	return v
}
