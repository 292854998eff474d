package page

import "github.com/tickmark/tickmark/internal/site"

// A topic is the help about a page, or about what several have in common.
type topic struct {
	Key, Title string
	Says       string   // what the page is for, in one sentence
	Pages      []string // items of the sidebar it is about
	Open       string   // where it is
	How        []how
	Words      []string // of the glossary
}

// how is something that can be done, and the way to do it.
type how struct{ What, Way string }

var topics = []topic{
	{Key: "home", Title: "Home", Open: "/", Pages: []string{"/"}, Says: "Where the organization stands, and what would settle what is not ready.",
		How: []how{
			{"Read the map", "A row is a series, a cell a criterion. Its three parts say whether the controls that answer it are designed, implemented and evidenced. A ready cell is quiet; one with a mark needs somebody."},
			{"See what to do first", "The list beside the map is in the order of what each act settles. Its criteria are named, and so is who owns it."},
			{"Find where a figure comes from", "Every figure is a link to what it counts. How the figures are made stands behind “Where these figures come from”."},
			{"Look back", "As of, in the bar at the top, shows the page as it stood at the end of another day."},
		}, Words: []string{"criterion", "control", "evidence", "readiness", "unknown"}},
	{Key: "work", Title: "My work", Open: "/work", Pages: []string{"/work"}, Says: "What waits for you, and what waits for somebody to take it up.",
		How: []how{{"Know why it is asked", "Each line names the criteria that it settles, and leads to the control or check behind it."}}, Words: []string{"task", "owner", "deputy"}},
	{Key: "criteria", Title: "Criteria", Open: "/criteria", Pages: []string{"/criteria"}, Says: "All 61 criteria, with what is known of each that the scope brings.",
		How: []how{{"Change which are in scope", "The categories are part of the scope, which has its own page and keeps every version."},
			{"See why one is not met", "Its page lists the controls that answer it, with their checks and evidence."}}, Words: []string{"criterion", "category", "series", "scope"}},
	{Key: "controls", Title: "Controls", Open: "/controls", Pages: []string{"/controls"}, Says: "What the organization does about the criteria: who does it, how often, and what shows it.",
		How: []how{
			{"Give several to another owner", "Select them and choose the new owner in the bar that appears. One entry of the log holds the whole act."},
			{"Read the calendar of a control", "A row is a month, to the hour. A failure is drawn taller than its neighbours, and a stretch nobody could look at is hatched: it counts neither way."},
			{"See how it was worded on a day", "As of shows the control with the text, owner and status it had then. History keeps every version."},
		}, Words: []string{"control", "template", "coverage", "uptime", "statement", "frequency"}},
	{Key: "checks", Title: "Checks", Open: "/checks", Pages: []string{"/checks", "/exceptions"}, Says: "What machines judge, of what sources show.",
		How: []how{
			{"Tell unknown from fail", "Unknown says that facts are missing or too old, with the cause. It never counts as pass and never as fail."},
			{"Accept a failure for a time", "Ask for an exception on the check's page. It needs a reason, an end and another person's approval."},
			{"Write your own", "A check is a few lines of text with examples that prove it. What can be judged stands beside the field."},
		}, Words: []string{"check", "resource", "status", "exception", "freshness", "drift"}},
	{Key: "evidence", Title: "Evidence", Open: "/evidence", Pages: []string{"/evidence"}, Says: "What was recorded: the bytes, where they came from, when and by whom, each sealed in the log.",
		How: []how{
			{"Add some", "Drop a file on the field or choose it. Say which system it comes from and which controls it bears on."},
			{"Replace what is wrong", "A record is never changed. A better one supersedes it, and both stay."},
			{"Prove one to somebody", "Its page hands out a proof, which anybody can check without this installation."},
		}, Words: []string{"record", "evidence level", "seal", "digest"}},
	{Key: "log", Title: "Evidence log", Open: "/log", Pages: []string{"/log"}, Says: "Who did what, and when, in one order that cannot be changed without its showing.",
		How: []how{
			{"Verify it", "“Verify now” reads the whole log back and compares each entry with what was signed."},
			{"Know what a seal means", "An entry is sealed when a signed checkpoint covers it. Until then it waits, usually for a second."},
		}, Words: []string{"log", "entry", "checkpoint", "witness", "anchor", "proof"}},
	{Key: "engagements", Title: "Engagements", Open: "/engagements", Pages: []string{"/engagements"}, Says: "Examinations by a CPA firm, from the proposal to the issued report.",
		How: []how{
			{"See what it waits for", "The path shows where it stands; a locked step says how much is missing, and each missing thing is a link."},
			{"Know who sees what", "What the firm writes in its workpapers is its own until the report. A dashed mark says so on each such page."},
		}, Words: []string{"engagement", "population", "sample", "deviation", "opinion", "workpaper"}},
	{Key: "sources", Title: "Sources", Open: "/sources", Pages: []string{"/sources"}, Says: "The systems that facts are read from. They are read, never written to.",
		How: []how{{"Find out why one is unknown", "A run that could not finish is recorded too, with what the source answered and the act that would settle it."}}, Words: []string{"source", "run", "collector", "gap"}},
	{Key: "jobs", Title: "Jobs", Open: "/jobs", Pages: []string{"/jobs"}, Says: "The machine's own work: what waits, what is under way and what gave up.",
		How: []how{{"Leave a long one", "Work goes on when its page is closed. It is found here again, with how far it has come."}}, Words: []string{"job"}},
	{Key: "lists", Title: "Lists", Pages: []string{"/views"}, Says: "How every list is narrowed, ordered, kept and taken along.",
		How: []how{
			{"Narrow it", "Filters in force stand above the rows; a press takes one away. The address carries them, so that a colleague who opens it sees the same."},
			{"Order it", "A press on a head that is a link orders by it; another press turns the order round."},
			{"Choose columns", "View lists them. Columns that name a row stay."},
			{"Keep a view", "View keeps filters, order and columns under a name: for you, or for everybody if you may change controls. Your list can open with it."},
			{"Take it along", "Export gives every row of the view, not the page of it, as CSV or as a spreadsheet. A text that a spreadsheet would run as a formula gets a quote before it."},
			{"Act on several", "Where rows have boxes, x selects the row that has the focus. The bar says how many an act will touch."},
		}, Words: []string{"as of"}},
}

// keysOf are the keys that hold on every list.
var keysOf = []site.FactRow{{Key: "/", Value: "search"}, {Key: "↑ ↓", Value: "row"}, {Key: "Enter", Value: "open the row"}, {Key: "x", Value: "select the row"}, {Key: "a", Value: "as of another day, where the page has one"}, {Key: "?", Value: "keys of the page"}, {Key: "Esc", Value: "close"}}
