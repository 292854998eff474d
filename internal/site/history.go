package site

import (
	"fmt"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
)

// EntryKinds say what an entry of a kind is about.
var EntryKinds = map[canon.Kind]string{
	canon.KindLog: "the log itself", canon.KindAnchor: "outside witness", canon.KindRun: "source read", canon.KindGap: "source not read",
	canon.KindEvidence: "evidence", canon.KindPopulation: "list sealed", canon.KindSample: "sample drawn", canon.KindTest: "item tested",
	canon.KindConclusion: "conclusion", canon.KindSignoff: "signature", canon.KindErasure: "erasure", canon.KindOp: "act",
}

// EntryText says in words what an entry is about.
func EntryText(e evidence.Entry) string {
	if e.Kind == canon.KindEvidence {
		if title, ok := e.Body["title"].(string); ok {
			return title
		}
		return "Evidence sealed"
	}
	if step, _ := e.Body["step"].(string); stepped[step] != "" {
		return stepped[step]
	}
	if state, ok := e.Body["state"].(string); ok && e.Op == engagements.Advance.Name() {
		return "Engagement became " + engagements.State(state).Words()
	}
	if s := acted[e.Op]; s != "" {
		return s
	}
	if e.Op != "" {
		noun, verb, _ := strings.Cut(e.Op, ".")
		return Capital(one(strings.ReplaceAll(noun, "_", " "))) + " " + done(verb)
	}
	return Capital(EntryKinds[e.Kind])
}

// irregular are the verbs of operations whose past no rule gives.
var irregular = map[string]string{"create": "added", "update": "changed", "edit": "changed", "set": "set", "read": "read", "send": "sent", "begin": "begun", "draw": "drawn", "feed": "fed",
	"keep": "kept", "tell": "told", "build": "built", "drop": "dropped", "plan": "planned", "miss": "missed", "withdraw": "withdrawn", "unignore": "no longer ignored", "end_many": "ended",
	"host": "used at the machine", "look": "looked after", "test": "tested", "put": "put", "verify": "verified", "deny": "denied"}

// done is the past of an operation's verb: approve, approved.
func done(verb string) string {
	switch word := strings.ReplaceAll(verb, "_", " "); {
	case irregular[verb] != "":
		return irregular[verb]
	case strings.HasSuffix(verb, "e"):
		return word + "d"
	default:
		return word + "ed"
	}
}

// one is the singular of an operation's noun: entries, entry.
func one(noun string) string {
	switch {
	case strings.HasSuffix(noun, "ies"):
		return strings.TrimSuffix(noun, "ies") + "y"
	case strings.HasSuffix(noun, "ss"):
		return noun
	}
	return strings.TrimSuffix(noun, "s")
}

// HistoryView is the timeline of an object: the entries of the log that
// mention it.
type HistoryView struct {
	Items []TimelineItem
	Total int64
	All   string // address of all of them
}

// historyShown is how many entries the page of an object shows.
const historyShown = 8

// History reads the timeline of an object by its id and, where it has one, its
// other name. It is empty for who may not read the log. With path, the object's
// page, each entry leads to the page as of its day too.
func (v *Visit) History(path, about, also string) (HistoryView, error) {
	if !v.Actor.May(auth.LogRead) {
		return HistoryView{}, nil
	}
	p, err := evidence.Entries.Do(v.Context(), v.Desk, evidence.EntryFilter{About: about, Also: also, Limit: historyShown})
	if err != nil {
		return HistoryView{}, err
	}
	out := HistoryView{Total: p.Total, All: "/log?f.about=" + about}
	for _, e := range p.Items {
		it := TimelineItem{Text: EntryText(e), When: e.Recorded, Who: e.Actor, Why: e.Reason, Entry: e.Index, EntryHref: fmt.Sprintf("/log/%d", e.Index)}
		if path != "" {
			it.Then = path + "?as_of=" + e.Recorded.Format("2006-01-02")
		}
		out.Items = append(out.Items, it)
	}
	return out, nil
}
