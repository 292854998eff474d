package site

import (
	"fmt"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/evidence"
)

// EntryKinds say what an entry of a kind is about.
var EntryKinds = map[canon.Kind]string{
	canon.KindLog: "the log itself", canon.KindAnchor: "outside witness", canon.KindRun: "source read", canon.KindGap: "source not read",
	canon.KindEvidence: "evidence", canon.KindPopulation: "list sealed", canon.KindSample: "sample drawn", canon.KindTest: "item tested",
	canon.KindConclusion: "conclusion", canon.KindSignoff: "signature", canon.KindErasure: "erasure", canon.KindOp: "act",
}

// acted says in words what an operation did, for those people ask about.
var acted = map[string]string{
	"orgs.create": "Organization made", "orgs.found": "Organization made", "orgs.update": "Organization changed", "members.create": "Member added",
	"tokens.create": "Token made", "tokens.revoke": "Token ended", "scopes.set": "Scope decided", "controls.adopt": "Controls adopted",
	"controls.create": "Control written", "controls.update": "Control changed", "controls.implement": "Control stated to be in place", "controls.retire": "Control retired",
	"sources.create": "Source connected", "sources.remove": "Source disconnected", "sources.collect": "Reading asked for", "runs.record": "Source read",
	"runs.fail": "Source did not answer", "checks.create": "Check put in force", "checks.conclude": "Checks judged a run", "checks.evaluate": "Judging asked for",
	"exceptions.create": "Exception asked for", "exceptions.approve": "Exception approved", "exceptions.end": "Exception ended or declined", "evidence.create": "Evidence added", "exports.create": "Log exported",
	"sessions.create": "Signed in", "sessions.end": "Signed out", "jobs.miss": "Scheduled work did not happen",
	"sources.feed": "File handed in", "sources.update": "Settings changed", "sources.pause": "Reading paused", "sources.resume": "Reading resumed", "sources.cancel": "Reading cancelled",
	"sources.reconnect": "Connected again", "sources.test": "Connection tried", "mappings.save": "Columns mapped", "imports.begin": "File taken in", "imports.start": "Import started",
	"imports.read": "File looked at", "imports.refuse": "Import refused", "checks.update": "Check changed", "checks.adjust": "Check's parameters set", "checks.retire": "Check taken out of force",
	"checks.restore": "Check put back in force", "checks.import": "Checks taken in from a file", "exceptions.end_many": "Exceptions ended",
	"assets.create": "Asset added", "assets.adopt": "Asset taken from what sources show", "assets.update": "Asset changed", "assets.exclude": "Asked to leave the scope", "assets.approve": "Left the scope, approved",
	"assets.include": "Taken into scope", "assets.retire": "Asset retired", "assets.link": "Resource linked", "assets.unlink": "Resource unlinked", "assets.import": "Assets imported", "assets.set": "Assets changed together",
	"assets.ignore": "Resource said to be no asset", "assets.unignore": "Resource to be judged again",
	"tasks.create": "Task added", "tasks.update": "Task changed", "tasks.assign": "Task given to somebody", "tasks.reschedule": "Task moved to another day", "tasks.complete": "Task done", "tasks.drop": "Task dropped",
	"tasks.reopen": "Task opened again", "tasks.look": "Tasks looked through", "comments.create": "Comment written", "comments.edit": "Comment changed", "comments.remove": "Comment removed",
	"evidence.review": "Evidence reviewed", "evidence.validate": "Evidence examined by rule", "evidence.link": "Evidence linked to a control", "evidence.unlink": "Evidence no longer linked", "evidence.redact": "Redacted copy made", "evidence.open": "Original opened",
	"channels.create": "Channel added", "channels.update": "Channel changed", "channels.remove": "Channel removed", "channels.test": "Channel tried", "channels.fail": "Channel did not answer",
	"holds.create": "Hold placed", "holds.release": "Hold released", "erasures.create": "Erasure asked for", "erasures.approve": "Erasure approved", "erasures.refuse": "Erasure refused",
}

// EntryText says in words what an entry is about.
func EntryText(e evidence.Entry) string {
	if e.Kind == canon.KindEvidence {
		if title, ok := e.Body["title"].(string); ok {
			return title
		}
		return "Evidence sealed"
	}
	if s := acted[e.Op]; s != "" {
		return s
	}
	if e.Op != "" {
		noun, verb, _ := strings.Cut(e.Op, ".")
		return Capital(strings.ReplaceAll(noun, "_", " ")) + ": " + strings.ReplaceAll(verb, "_", " ")
	}
	return Capital(EntryKinds[e.Kind])
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
