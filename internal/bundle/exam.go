package bundle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
)

// The rules of an examination are those of docs/examination.md. They are about
// what happened in which order, so they hold also against an installation that
// signs whatever it is told: both logs may be in order, and the examination not.

// The steps of an examination, by which side's log they are in.
const (
	stepCommit    = "commit"
	stepAccept    = "accept"
	stepDraw      = "draw"
	stepExtend    = "extend"
	stepLink      = "link"
	stepTest      = "test"
	stepFull      = "full"
	stepControl   = "control"
	stepReview    = "review"
	stepCriterion = "criterion"
	stepPart      = "part"
	stepDraft     = "draft"
	stepOpinion   = "opinion"
	stepIssue     = "issue"

	stepSeal      = "seal"
	stepAssertion = "assertion"
)

// inFile and atClient have the kind that each step's entry is of: kinds stand
// in clear, so a step in another kind would be hidden from whoever looks for it.
var (
	inFile = map[string]canon.Kind{
		stepCommit: canon.KindSample, stepAccept: canon.KindPopulation, stepDraw: canon.KindSample, stepExtend: canon.KindSample,
		stepLink: canon.KindEvidence, stepTest: canon.KindTest, stepFull: canon.KindTest,
		stepControl: canon.KindConclusion, stepCriterion: canon.KindConclusion, stepPart: canon.KindConclusion,
		stepReview: canon.KindSignoff, stepDraft: canon.KindOp, stepOpinion: canon.KindSignoff, stepIssue: canon.KindSignoff,
	}
	atClient = map[string]canon.Kind{
		stepSeal: canon.KindPopulation, stepLink: canon.KindEvidence, stepAssertion: canon.KindSignoff,
	}
)

// maxSteps bounds what the steps of an examination say, in bytes, since it is
// kept until all is read.
const maxSteps = 64 << 20

// exam is the state of checking the order of events of an engagement.
type exam struct {
	v            *verification
	file, client *log // log 0 and log 1; client may be nil
	active       bool
	size         int // of the bodies kept
	steps        []*step
	report       *Examination

	populations map[string]*population
	procedures  map[string]*procedure
	seals       map[int64]*seal // by entry of the client's log
	lists       []*population   // in the order of their commitments
	order       []*procedure    // in the order in which they first occur
	names       map[string]string
	seen        []sight          // ascending
	evidence    map[string]int64 // entry of the client's log that records what a link names; -1 for none
	tombs       map[int64]string // what erased entries of the client's log recorded
	linkings    map[place]bool
	ours        map[string]bool // records that the file speaks of
	loose       int             // samples of which the strata were not compared with records
}

// place is an entry of a log.
type place struct {
	log   *log
	index int64
}

// A step is an opened entry that the rules speak of.
type step struct {
	log        *log
	index      int64
	name       string
	id         string
	actor      string
	body       map[string]any
	answers    *reply
	supersedes []int64
	items      *canon.Items
	sum        string
	size       int64
	chunked    bool
}

// reply is the entry of another log that a step answers.
type reply struct {
	log   *log // nil if that log is not in the bundle
	index int64
	size  int64 // of the checkpoint that the writer had seen
}

// collect keeps a step until both logs are read.
func (x *exam) collect(l *log, leaf canon.Leaf, s said) {
	name, _ := s.body["step"].(string)
	if l.n > 1 || l.n == 1 && !x.active {
		return
	}
	steps := inFile
	if l.n == 1 {
		steps = atClient
	}
	kind, ok := steps[name]
	if !ok {
		return
	}
	id, _ := s.body["id"].(string)
	e := &step{
		log: l, index: leaf.Index, name: name, id: id, actor: s.actor, body: s.body,
		supersedes: leaf.Supersedes, items: leaf.Items, sum: s.sum, size: s.size, chunked: s.chunked(),
	}
	if a := leaf.Answers; a != nil {
		e.answers = &reply{index: a.Index}
		if at := slices.IndexFunc(x.v.logs, func(o *log) bool { return o.origin == a.Log }); at >= 0 {
			e.answers.log = x.v.logs[at]
		}
		text, _, _ := canon.PeekNote(a.Note)
		if c, err := canon.ParseCheckpoint(text); err == nil {
			e.answers.size = c.Size
		}
	}
	x.active = x.active || l.n == 0 && name != stepLink
	if leaf.Kind != kind {
		x.fault(e, "its entry is of kind %s; this step is recorded in an entry of kind %s", leaf.Kind, kind)
		return
	}
	if id == "" {
		x.fault(e, "its body has no id")
		return
	}
	if x.size += s.bodySize; x.size > maxSteps {
		if x.size-s.bodySize <= maxSteps {
			x.v.problem("bundle", "the steps of the examination say more than %d bytes, which is more than is checked", maxSteps)
		}
		return
	}
	x.steps = append(x.steps, e)
}

// fault reports a rule that a step breaks, at the step's entry.
func (x *exam) fault(s *step, format string, args ...any) {
	x.v.problem(s.log.place(s.index), "the %s %s: %s", spoken[s.name], x.called(s.id), fmt.Sprintf(format, args...))
}

// spoken is what the steps are in a sentence.
var spoken = map[string]string{
	stepCommit: "commitment for", stepAccept: "decision on", stepDraw: "draw", stepExtend: "extension of", stepLink: "link of",
	stepTest: "test of", stepFull: "full test of", stepControl: "conclusion on", stepReview: "review of",
	stepCriterion: "conclusion on a criterion of", stepPart: "conclusion on a part of", stepDraft: "draft of",
	stepOpinion: "opinion on", stepIssue: "issue of", stepSeal: "sealing of", stepAssertion: "assertion on",
}

// called is how people know a record: its code, if that is known, and its id.
func (x *exam) called(id string) string {
	if !idForm.MatchString(id) {
		return "an unnamed record"
	}
	if code := x.names[id]; code != "" {
		return code + " (" + id + ")"
	}
	return id
}

// code remembers what people call a record.
func (x *exam) code(id, code string) {
	if idForm.MatchString(code) && x.names[id] == "" {
		x.names[id] = code
	}
}

// shown is a foreign text fit for a sentence.
func shown(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	if idForm.MatchString(s) {
		return s
	}
	return fmt.Sprintf("%+q", s)
}

// check evaluates the rules, if the bundle is that of an engagement. If the
// logs or what is opened of them do not hold, nothing can be said of the order.
func (x *exam) check() {
	v := x.v
	if !x.active || v.openingsLost || !v.manifestHolds {
		return
	}
	for _, l := range v.logs {
		if !l.checkpointHolds || !l.entriesHold {
			return
		}
	}
	x.file = v.logs[0]
	if v.manifest.scope != Selected {
		v.problem(nameManifest, "the scope of an engagement's bundle is selected, not %s", v.manifest.scope)
	}
	x.report = &Examination{File: x.file.origin, Populations: []ExaminedList{}, Procedures: []ExaminedProcedure{}, Report: []Event{}}
	v.report.Examination = x.report
	if len(v.logs) > 1 {
		x.client = v.logs[1]
		x.report.Client = x.client.origin
	}
	x.populations, x.procedures = map[string]*population{}, map[string]*procedure{}
	x.seals, x.names, x.evidence = map[int64]*seal{}, map[string]string{}, map[string]int64{}
	x.linkings, x.ours = map[place]bool{}, map[string]bool{}
	var most int64
	for _, a := range v.answers {
		if a.from == x.file && a.to == x.client {
			most = max(most, a.size)
			x.seen = append(x.seen, sight{a.index, most})
		}
	}
	x.nameThings()
	x.checkOpened()
	x.steps = slices.DeleteFunc(x.steps, x.elsewhere)
	x.checkLists()
	x.checkDecisions()
	x.checkDraws()
	x.checkWork()
	x.checkReport()
	x.summarize()
}

// checkOpened: of the file everything is opened, and of the client's log what
// answers it. Otherwise a second sample, say, could be passed over in silence.
func (x *exam) checkOpened() {
	items := x.v.report.Items
	for _, i := range items[x.file.first : x.file.first+int(x.file.tree.Size())] {
		switch {
		case i.erased > 0 && i.hidden && slices.Contains(unerasable, i.Kind):
			x.v.problem(x.file.place(i.Index), "entry %d erases this %s; what an examination did cannot be erased and still be checked", i.erased, i.Kind)
		case i.hidden && i.erased == 0:
			x.v.problem(x.file.place(i.Index), "it is in the engagement's file and is not opened; of that log everything is shown")
		}
	}
	for _, a := range x.v.answers {
		if a.from != x.client || a.to != x.file || x.client == nil {
			continue
		}
		i := items[x.client.first+int(a.index)]
		if i.hidden && i.erased == 0 {
			x.v.problem(x.client.place(a.index), "it answers the engagement's file and is not opened")
		}
	}
	for _, s := range x.steps {
		// A content that is not inside is allowed by the scope alone, not here.
		if s.log == x.file && s.sum != "" && x.v.blob(s.sum) == nil && items[x.file.first+int(s.index)].erased == 0 {
			x.fault(s, "its content, %s, is not in the bundle", blobName(s.sum))
		}
	}
}

// bury learns which records of evidence an entry erased. The entries that
// recorded them say it no more, and what was answered with them stays answered.
func (x *exam) bury(leaf canon.Leaf, s said) {
	records, _ := s.body["records"].(map[string]any)
	for id, at := range records {
		index, ok := at.(int64)
		if !ok || !slices.Contains(leaf.Erases, index) {
			continue
		}
		if x.tombs == nil {
			x.tombs = map[int64]string{}
		}
		if was, ok := x.tombs[index]; !ok || was > id {
			x.tombs[index] = id
		}
	}
}

// unerasable are the kinds of the file's entries that the rules rest on.
var unerasable = []canon.Kind{canon.KindPopulation, canon.KindSample, canon.KindTest, canon.KindConclusion, canon.KindSignoff}

// nameThings learns what people call the records, and where the evidence is
// that links name.
func (x *exam) nameThings() {
	for _, s := range x.steps {
		procedure, _ := s.body["procedure"].(string)
		if s.log == x.file {
			x.ours[procedure] = procedure != ""
			x.ours[s.id] = s.name != stepLink
		}
		switch s.name {
		case stepCommit:
			code, _ := s.body["population"].(string)
			x.code(s.id, code)
		case stepDraw:
			control, _ := s.body["control"].(string)
			x.code(procedure, control)
		case stepControl:
			control, _ := s.body["control"].(string)
			x.code(s.id, control)
		case stepLink:
			x.evidence[s.id] = -1
			x.linkings[place{s.log, s.index}] = true
		}
	}
	if x.client == nil {
		return
	}
	items := x.v.report.Items[x.client.first:]
	for n := range items[:x.client.tree.Size()] {
		i := &items[n]
		id, found := x.recorded(i)
		if at, named := x.evidence[id]; named && at < 0 && found {
			x.evidence[id] = i.Index
		}
	}
}

// elsewhere reports whether a step of the client's log belongs to another
// engagement: it answers another log or none, and names nothing of this one.
func (x *exam) elsewhere(s *step) bool {
	if s.log != x.client || s.answers != nil && s.answers.log == x.file {
		return false
	}
	procedure, _ := s.body["procedure"].(string)
	return !x.ours[s.id] && !x.ours[procedure]
}

// recorded is which evidence an entry of the client's log records, and does not
// only link. Of one that was erased, the entry that erased it says so.
func (x *exam) recorded(i *Item) (id string, ok bool) {
	id, ok = i.ID, i.opened
	if !ok {
		id, ok = x.tombs[i.Index]
	}
	return id, ok && i.Kind == canon.KindEvidence && !x.linkings[place{x.client, i.Index}]
}

// known is how much of the client's log the file had seen when it wrote an
// entry: everything before that is proved to be older than the entry.
func (x *exam) known(index int64) int64 {
	at, _ := slices.BinarySearchFunc(x.seen, index+1, func(s sight, i int64) int { return cmp.Compare(s.index, i) })
	if at == 0 {
		return 0
	}
	return x.seen[at-1].size
}

// sight is how much of the client's log the file had seen at one of its entries.
type sight struct{ index, size int64 }

// answered returns the entry that a step answers in a log, or says what is
// wrong with it.
func (x *exam) answered(s *step, in *log, what string) (index int64, ok bool) {
	switch {
	case s.answers == nil:
		x.fault(s, "it answers nothing; it answers %s, which proves that this came first", what)
	case in == nil || s.answers.log == nil:
		x.fault(s, "it answers a log that is not in the bundle")
	case s.answers.log != in:
		x.fault(s, "it answers %s; it should answer %s", s.answers.log.place(s.answers.index), what)
	default:
		return s.answers.index, true
	}
	return 0, false
}

// fields takes a body apart and keeps what is wrong with it.
type fields struct {
	body map[string]any
	bad  []string
}

func (f *fields) str(key string) string {
	s, ok := f.body[key].(string)
	if !ok || s == "" {
		f.bad = append(f.bad, key)
	}
	return s
}

func (f *fields) num(key string) int64 {
	n, ok := f.body[key].(int64)
	if !ok || n < 0 {
		f.bad = append(f.bad, key)
	}
	return n
}

func (f *fields) digest(key string) string {
	s := f.str(key)
	if _, err := canon.ParseDigest(s); err != nil && s != "" {
		f.bad = append(f.bad, key)
	}
	return s
}

func (f *fields) strs(key string) []string {
	list, ok := f.body[key].([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, is := e.(string)
		ok = ok && is && s != ""
		out = append(out, s)
	}
	if !ok || len(out) == 0 {
		f.bad = append(f.bad, key)
	}
	return out
}

// read takes a body apart with take; false if a field is missing or malformed,
// which is then said.
func (x *exam) read(s *step, take func(f *fields)) bool {
	f := &fields{body: s.body}
	take(f)
	if len(f.bad) > 0 {
		x.fault(s, "its body lacks, or has in another form: %s", strings.Join(f.bad, ", "))
	}
	return len(f.bad) == 0
}
