// Package site is the shell of every page: layout, components, static files,
// headers, and the visit of one person to one page.
//
// A page is a templ component inside Layout, or inside Bare when nobody is
// signed in. It opens with Sentence, its h1, and goes on with Stack or Columns of
// Cards. Components take plain view structs: whoever fills one has already
// decided every number, word and address. Colours, widths and scripts are never
// written in a page; style attributes and script bodies are refused by the
// content security policy and by a test.
//
// Every figure carries the address of what it counts. Every relative time goes
// through Age, which keeps the absolute one at hand. A glyph without a word has
// a name.
//
// Gallery shows every part in every state. Look there before drawing anything.
//
// # Components
//
// In layout.templ:
//
//	Layout(s Shell, body templ.Component)
//	Bare(s BareShell, body templ.Component)
//	BandLine(b Band)
//
// In parts.templ:
//
//	IconMark(i Icon)
//	Glyph(s Status, name string)
//	StatusMark(s Status, word string)
//	Sentence(v SentenceView)
//	Acts(list ...ButtonView)
//	Verdict(s Status, text string, facts ...Fact)
//	Card(v CardView)
//	Columns(split string)
//	Stack()
//	LinkText(l Link)
//	QuietText(text string)
//	Narrative(text string)
//	Remark()
//	Button(b ButtonView)
//	Person(name string)
//	Disc(name string)
//	Group(list ...templ.Component)
//	KeyCap(key string)
//
// In flow.templ:
//
//	ActionRows(list []ActionView)
//	Timeline(list []TimelineItem)
//	History(v HistoryView)
//	Gate(g GateView)
//	StatePath(steps []PathStep)
//	Steps(list []StepView)
//	Stages(list []StageView)
//	Progress(p ProgressView)
//	Findings(list []FindingView)
//	Causes(list []CauseView)
//
// In line.templ:
//
//	Line(v LineView)
//
// In squares.templ:
//
//	SeriesSquares(v SquaresView)
//	Waits(sides []WaitSide)
//
// In testing.templ:
//
//	Bench()
//	BenchColumn()
//	TestingGrid(g GridView)
//	GridPages(g GridView)
//	GridRows(g GridView)
//	GridRowOf(g GridView, r GridRow)
//	TestStrip(v StripView)
//	EvidencePane(v PaneView)
//	Evaluation(v EvaluationView)
//	LimitCurve(v CurveView)
//	WouldTake(list []OptionView)
//	Proposal(v ProposalView)
//	WorkMark(s WorkState, word string)
//
// In population.templ:
//
//	PopulationSquares(v PopulationView)
//	Protocol(list []PanelView)
//	ProcedureRows(list []ProcedureView)
//	DrawnOrder(v DrawnView)
//
// In verify.templ:
//
//	Checked(list []CheckedRow)
//	OrderLine(v OrderView)
//	Drop(v DropView)
//
// In records.templ:
//
//	ShortID(id, href string)
//	AgeOf(word string, t, now time.Time)
//	ProofMark(state ProofState, entry int64, href string)
//	Totals(v TotalView)
//	KeyValue(rows []FactRow)
//	Digest(d DigestView)
//	Raw(r RawView)
//	Dialog(d DialogView)
//	Tabs(label string, tabs []TabView)
//	SearchBox(v SearchView)
//	Age(t, now time.Time)
//	Moment(t time.Time)
//	Empty(e EmptyView)
//	Notice(s Status, title, text string)
//	Legend(items ...LegendItem)
//	Pager(p PagerView)
//	ErrorPage(e ErrorView)
//	TickMark(t Tick, name string)
//	TickLegend()
//
// In criteria.templ:
//
//	CriteriaMap(m CriteriaMapView)
//	CriterionCell(c CriterionView, short bool)
//	CategoryTable(rows []CategoryRow)
//
// In table.templ:
//
//	Table(t TableView)
//
// In list.templ, drawn by what a List answers:
//
//	ListTools(t ToolsView)
//	Chips(list []Chip)
//
// In help.templ:
//
//	Term(word, text string)
//
// In form.templ:
//
//	Form(f FormView)
//	FormErrors(f FormView)
//	Field(f FieldView)
//
// In upload.templ, part of every form that takes a file:
//
//	Upload(v UploadView)
//
// In chart.templ:
//
//	Meter(m MeterView)
//	CoverageCalendar(v CoverageView)
//	Readiness(v ReadinessView)
//	PeriodLine(v PeriodView)
//
// In signin.templ:
//
//	QR(text, name string)
//	PasskeyForm(v PasskeyView)
//	Codes(list []string)
//
// In years.templ:
//
//	YearsChooser(v YearsView)
//
// In around.templ:
//
//	CommentsAndTasks(v AroundView)
//	CommentThread(v ThreadView)
//	TaskRows(list []TaskView)
//	Lines(text string)
//
// In fold.templ:
//
//	Fold(v FoldView)
//	LinkRows(list []LinkRow)
//	Rest(summary string)
//
// In gallery.templ:
//
//	Gallery()
//
// The generated files are made by
//
//	go tool -modfile=tools.mod templ generate -path internal/site
package site
