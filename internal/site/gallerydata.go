package site

import "time"

var galleryWords = map[Status]string{
	StatusPass:          "disc with tick; flat tint",
	StatusFail:          "square with cross; solid, taller than its neighbours",
	StatusUnknown:       "diamond with question mark; hatch. Never pass",
	StatusExcepted:      "half disc; dots. Always with an end date",
	StatusNotApplicable: "dash; empty. Always with a reason",
	StatusNotStarted:    "ring; outline",
	StatusProposed:      "dashed; never in a total",
}

var galleryThings = []Link{{"Description", "#"}, {"Design", "#"}, {"CC6.1", "#"}, {"CC6.2", "#"}, {"CC7.2", "#"}, {"CC8.1", "#"}}

var gallerySquares = SquaresView{
	Rows: []SquaresRow{
		{Text: "CC1", Href: "#", Concluded: 8}, {Text: "CC4", Href: "#", Concluded: 3, Review: 1},
		{Text: "CC6", Href: "#", Concluded: 5, Review: 4, Testing: 4, None: 2}, {Text: "CC8", Href: "#", Testing: 2, None: 1},
	},
	All: SquaresRow{Href: "#", Concluded: 16, Review: 5, Testing: 6, None: 3},
}

var galleryLine = LineView{Title: "Since you last looked,", At: galleryNow.Add(-15*time.Hour - 20*time.Minute), When: "yesterday 17:40", End: Link{"Read them in order", "#4"},
	Parts: []Link{{"3 requests answered", "#1"}, {"1 vendor review accepted", "#2"}, {"No criterion changed", ""}, {"214 entries", "#3"}}}

var galleryWaits = []WaitSide{
	{Head: "Aldine Voss", Rows: []WaitRow{{"Eleanor Voss", "2 deviations", "#"}, {"Marcus Thiel", "9 workpapers to review", "#"}, {"", "7 controls not started", "#"}}},
	{Head: "Larchmere", Rows: []WaitRow{{"Jonas Lindqvist", "7 items", "#"}, {"Ines Okafor", "2 items", ""}}},
}

var galleryTokens = []string{
	"paper", "surface", "sunken", "ink", "ink-2", "ink-3", "line", "line-2", "pen",
	"pass", "fail", "unknown", "excepted", "bar", "bar-0",
}

var galleryIcons = []Icon{
	IconHome, IconWork, IconCriteria, IconControls, IconChecks, IconEvidence, IconRisks, IconPeople, IconAssets, IconVendors,
	IconPolicies, IconEngagement, IconRequests, IconReports, IconSources, IconLog, IconOverview, IconLayers, IconTesting,
	IconDeviations, IconScale, IconDocument, IconRuler, IconJobs, IconBackup, IconKeys, IconHealth, IconSettings, IconSearch,
	IconAsOf, IconLogHead, IconLock, IconUpDown, IconDown, IconMore, IconPlus, IconClose, IconCopy, IconDone, IconDownload,
	IconUpload, IconHidden, IconEye, IconFlag, IconSun, IconMoon, IconDevice, IconKeyboard, IconSignOut, IconTraining, IconRefresh, IconInfo, IconBell,
}

var galleryBands = []Band{
	{Kind: BandDemo, Title: "Demo.", Text: "Larchmere does not exist; its log says so and no verifier will call it verified."},
	{Kind: BandNotNow, Title: "As of 30 June 2026.", Text: "This is what was known then.", Link: Link{"Back to now", "#"}},
	{Kind: BandBroken, Title: "The proof is broken at entry 31,007.", Text: "Nothing is accepted until an operator has looked.", Link: Link{"What is known", "#"}},
	{Kind: BandOutage, Title: "login-main has not answered since 22:10.", Text: "31 checks are unknown.", Link: Link{"The source", "#"}},
	{Kind: BandReadOnly, Title: "Read only.", Text: "A backup is being restored; writing opens again when it is done."},
}

func galleryEvidence() TableView {
	row := func(id, what, from, at, level string, entry int64) Row {
		return Row{Href: "#" + id, Cells: []Cell{ID(id, "#"+id), Words(what), Words(from), Words(at), Words(level), Node(ProofMark(ProofSealed, entry, "#log"))}}
	}
	return TableView{
		Caption: "Evidence of IAM-03",
		Columns: []Column{
			{Head: "Record", Phone: PlaceFirst}, {Head: "What it shows", Wide: true, Phone: PlaceFirst}, {Head: "From"}, {Head: "Captured"}, {Head: "Level", Phone: PlaceHidden}, {Head: "Proof", Num: true, Phone: PlaceEnd},
		},
		Rows: []Row{
			row("EV-20418", "Login policy export, all applications", "login-main", "18 Nov 06:00", "3 system-generated", 48102),
			row("EV-20391", "Account list with factors, 68 rows", "login-main", "18 Nov 06:00", "3 system-generated", 48096),
			row("EV-19377", "Login without a second factor refused", "J. Lindqvist", "2 Nov 10:14", "5 screenshot", 46720),
			row("EV-18950", "Monthly review of exceptions, none open", "M. Park", "30 Oct 15:20", "4 export", 45310),
		},
		Pager: PagerView{Shown: 4, Of: 128, Older: "#older"},
	}
}

func galleryChecks() TableView {
	row := func(id, text string, s Status, word, controls string, failing, total int64, last string) Row {
		return Row{Href: "#" + id, Key: id, Cells: []Cell{
			ID(id, "#"+id), Words(text), Mark(s, word), Words(controls), Tally(failing, s, "#"+id+"-f"), Number(total, "#"+id+"-all"), WordsNote(last, ""),
		}}
	}
	t := TableView{
		ID:      "checks",
		Caption: "Checks, worst first",
		Columns: []Column{
			{Head: "Check", Href: "#sort-id", Phone: PlaceFirst}, {Head: "What should be true", Wide: true, Phone: PlaceFirst},
			{Head: "Status", Sort: "descending", Href: "#sort-status", Phone: PlaceEnd}, {Head: "Control", Mono: true},
			{Head: "Not passing", Num: true, Href: "#sort-fail"}, {Head: "Looked at", Num: true}, {Head: "Last run"},
		},
		Rows: []Row{
			row("git.commit.signed", "Commits carry a signature from a known signer", StatusFail, "Failing for 42 h", "CHG-03", 12, 340, "08:00"),
			row("login.factor.second", "Every account signs in with a second factor", StatusFail, "Failing for 4 d", "IAM-02", 2, 68, "08:00"),
			row("host.update.applied", "Security updates are applied on time", StatusUnknown, "Unknown since 22:10", "VUL-02", 9, 9, "yesterday"),
			row("host.disk.encrypted", "Disks are encrypted", StatusExcepted, "Excepted until 15 Dec", "ENC-01", 1, 14, "08:00"),
			row("git.branch.protected", "The main branch refuses direct pushes", StatusPass, "", "CHG-04", 0, 19, "08:00"),
		},
		Filters: []Chip{{Text: "severity: high", Href: "#"}, {Text: "source: git-main", Href: "#"}, {Text: "only mine", Href: "#", Add: true}},
		Tools: &ToolsView{List: "checks", Path: "/gallery", Find: "Find in checks", Rows: "212 rows", CSV: "#csv", XLSX: "#xlsx", Save: true, Share: true,
			Filters: []FieldView{{Kind: FieldSelect, Name: "f.kind", Label: "About", Optional: true, Options: []Option{{Text: "All"}, {Value: "commit", Text: "commit"}}}},
			Columns: []Option{{Text: "Check", Chosen: true, Locked: "always shown"}, {Value: "status", Text: "Status", Chosen: true}, {Value: "last", Text: "Last run"}},
			Views:   []ViewLink{{Name: "All checks", Href: "#all"}, {Name: "Failing, mine", Href: "#mine", Note: "opens first", Now: true}, {Name: "For the monthly call", Href: "#call", Note: "by Ines Okafor"}}},
		Bulk:  &Bulk{Action: "#", Unit: "checks", Buttons: []ButtonView{{Text: "Run now", Submit: true, Name: "act", Value: "run"}, {Text: "Assign", Submit: true, Name: "act", Value: "assign"}}},
		Pager: PagerView{Shown: 50, Of: 1284, Newer: "#newer", Older: "#older"},
	}
	t.Rows[1].Selected = true
	t.Total = []Cell{Words("Total"), Words(""), Words(""), Words(""), Number(24, "#"), Number(450, "#"), Words("")}
	return t
}

func galleryFields(wrong bool) []FieldView {
	if wrong {
		return []FieldView{
			{Name: "reason", Label: "Reason", Kind: FieldArea, Value: "Vendor migration", Prefix: "w"},
			{Name: "until", Label: "Until", Kind: FieldDate, Help: "At most 12 months from today.", Error: "Give an end date within 12 months.", Value: "2028-01-01", Prefix: "w"},
			{Name: "approver", Label: "Approver", Kind: FieldSelect, Error: "You cannot approve your own exception. Choose a deputy.", Prefix: "w",
				Options: []Option{{Value: "io", Text: "Ines Okafor", Chosen: true}, {Value: "ra", Text: "Ruth Adeyemi"}}},
			{Name: "scope", Label: "What it covers", Kind: FieldChecks, Prefix: "w", Options: []Option{
				{Value: "a", Text: "svc-scan-02", Chosen: true, Group: "Service accounts"}, {Value: "b", Text: "svc-scan-03", Note: "passes today", Group: "Service accounts"}, {Value: "c", Text: "contractor-hale", Group: "People"},
			}},
		}
	}
	return []FieldView{
		{Name: "kind", Label: "What to read", Kind: FieldRadio, Value: "git", Options: []Option{
			{Value: "git", Text: "A git repository", Note: "commits, signatures, branches, owners, dependencies"},
			{Value: "host", Text: "This machine", Note: "accounts, updates, SSH, firewall, clocks"},
			{Value: "cloud", Text: "A cloud account", Locked: "needs a collector that is not built in"},
		}},
		{Name: "name", Label: "Name", Help: "Short; it appears beside every record of this source.", Value: "git-main", Mono: true},
		{Name: "path", Label: "Folder of the repository", Help: "The folder that holds .git. It is only read.", Mono: true},
		{Name: "secret", Label: "Token", Kind: FieldPassword, Optional: true, Autocomplete: "off"},
		{Name: "file", Label: "Configuration", Kind: FieldFile, Optional: true},
		{Name: "fails", Head: "Who is told", Label: "When it fails", Kind: FieldSelect, Beside: true, Options: []Option{{Value: "now", Text: "At once"}, {Value: "daily", Text: "In the daily digest"}}},
		{Name: "returns", Label: "When it answers again", Kind: FieldSelect, Beside: true, Options: []Option{{Value: "now", Text: "At once"}, {Value: "daily", Text: "In the daily digest", Chosen: true}}},
	}
}
