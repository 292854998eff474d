package site

// acted says in words what an operation did: what stands in the log and in the
// timeline of a thing. A test of the program holds that every operation that
// leaves an entry has its words.
var acted = map[string]string{
	"anchors.cosign": "Head of the log cosigned by a witness", "anchors.create": "Stamp and cosignature asked for", "anchors.stamp": "Head of the log stamped",
	"assertions.sign": "Management's assertion signed",
	"assets.adopt":    "Resources taken into the register", "assets.approve": "Leaving the scope agreed", "assets.create": "Asset added",
	"assets.exclude": "Leaving the scope asked for", "assets.ignore": "Resources set aside as no assets", "assets.import": "Assets imported",
	"assets.include": "Asset in scope again", "assets.link": "Asset joined with a resource", "assets.retire": "Asset retired", "assets.set": "Days until an asset is stale set",
	"assets.unignore": "Resources no longer set aside", "assets.unlink": "Asset parted from a resource", "assets.update": "Asset changed",
	"backups.record":  "Backup or restore recorded",
	"channels.create": "Channel added", "channels.fail": "Channel turned off, it did not answer", "channels.remove": "Channel removed", "channels.test": "Channel tested", "channels.update": "Channel changed",
	"checks.adjust": "Parameters of a check set", "checks.conclude": "Checks judged a run", "checks.create": "Check put in force", "checks.evaluate": "Judging asked for",
	"checks.import": "Checks put in force from a file", "checks.look": "Told of checks that became unknown", "checks.restore": "Check put in force again", "checks.retire": "Check taken out of force", "checks.update": "Check changed",
	"codes.create":    "Recovery codes made",
	"comments.create": "Comment written", "comments.edit": "Comment changed", "comments.remove": "Comment removed",
	"controls.adopt": "Controls adopted", "controls.assign": "Controls given to another owner", "controls.create": "Control written", "controls.implement": "Control stated to be in place",
	"controls.retire": "Control retired", "controls.update": "Control changed",
	"criteria_conclusions.accept": "Criteria concluded as proposed", "criteria_conclusions.decide": "Criterion concluded",
	"deviations.classify": "Deviation classified", "deviations.respond": "Response to a deviation given",
	"digests.send": "Summary of notices sent", "doors.update": "Rules of signing in changed",
	"engagements.accept": "Engagement accepted", "engagements.advance": "Engagement taken to its next state", "engagements.plan": "Audit planned", "engagements.propose": "Engagement proposed",
	"engagements.reschedule": "Other dates agreed", "engagements.withdraw": "Engagement ended without a report",
	"erasures.approve": "Erasure approved and carried out", "erasures.create": "Erasure asked for", "erasures.refuse": "Erasure refused or taken back",
	"evidence.create": "Evidence added", "evidence.link": "Evidence linked to controls", "evidence.open": "Original behind a redaction opened", "evidence.redact": "Redacted copy made", "evidence.review": "Evidence reviewed", "evidence.validate": "Evidence looked through for what is missing",
	"evidence.ticket": "Capture ticket handed out", "evidence.unlink": "Evidence unlinked from a control",
	"examinations.act": "Act of the examination", "examinations.create": "Engagement exported",
	"exceptions.approve": "Exception approved", "exceptions.create": "Exception asked for", "exceptions.end": "Exception ended or declined", "exceptions.end_many": "Exceptions ended",
	"exports.create": "Log exported",
	"holds.create":   "Evidence held back from erasure", "holds.release": "Hold released",
	"imports.begin": "File handed in", "imports.cancel": "Reading of a file stopped", "imports.read": "File read with its mapping", "imports.refuse": "File refused", "imports.retry": "File put in line to be read again", "imports.start": "File put in line to be read",
	"invitations.accept": "Invitation accepted", "invitations.create": "Invitation made", "invitations.resend": "Invitation sent again", "invitations.revoke": "Invitation taken back", "invitations.send": "People invited",
	"items.answer": "Items answered with evidence", "items.attempt": "Attempt to take an item out", "items.link": "Items linked to evidence", "items.remove": "Removing an item refused",
	"jobs.miss": "Scheduled work did not run", "jobs.missed": "Scheduled work did not happen",
	"letters.create": "Letter sent", "letters.test": "Letter sent as a test",
	"machines.ask": "Question answered", "mappings.save": "Mapping of columns saved",
	"marks.confirm": "Proposed marks confirmed", "marks.set": "Items marked",
	"members.create": "Member added", "members.deactivate": "Member deactivated", "members.reactivate": "Member active again", "members.recover": "Link for a new password given",
	"members.remove": "Membership ended", "members.update": "Member changed",
	"methodologies.set": "Methodology put in force",
	"notices.create":    "People told", "notices.read": "Notices read",
	"opinions.decide": "Part of the opinion decided",
	"orgs.add":        "Further organization made", "orgs.create": "Organization made", "orgs.found": "Organization made", "orgs.update": "Organization changed",
	"passkeys.create": "Passkey added", "passkeys.remove": "Passkey removed", "passkeys.update": "Passkey renamed", "passwords.change": "Password changed",
	"populations.accept": "List accepted or returned", "populations.build": "Draft of a list built", "populations.check": "Completeness of a list checked",
	"populations.request": "List asked for, number committed", "populations.seal": "List sealed",
	"preferences.update":  "Preferences changed",
	"procedures.conclude": "Control concluded", "procedures.plan": "Test planned", "procedures.review": "Workpaper reviewed",
	"recoveries.create": "Link for a new password asked for", "recoveries.host": "Owner let back in from the machine", "recoveries.use": "New password chosen with a link",
	"report_texts.set": "Words of the report supplied", "reports.draft": "Draft of the report printed", "reports.issue": "Report issued",
	"retention.look": "End of keeping recorded", "retention.update": "Retention changed",

	"runs.fail": "Source did not answer", "runs.record": "Source read",
	"samples.draw": "Sample drawn", "samples.extend": "Sample extended",
	"scopes.set":  "Scope decided",
	"scrubs.keep": "Digests of rows sealed", "scrubs.start": "Reading back started", "scrubs.tell": "Reading back told of",
	"sessions.create": "Signed in", "sessions.end": "Signed out", "sessions.move": "Went on in another organization", "sessions.others": "Other sessions ended",
	"sessions.prove": "Said again who they are", "sessions.revoke": "Session ended",
	"sources.cancel": "Reading stopped", "sources.collect": "Reading asked for", "sources.create": "Source connected", "sources.feed": "Source of a file connected", "sources.look": "Told of a silent source", "sources.pause": "Schedule of a source stopped",
	"sources.reconnect": "Source connected again", "sources.remove": "Source disconnected", "sources.resume": "Schedule of a source resumed", "sources.test": "Connection tested", "sources.update": "Source changed",
	"tasks.assign": "Tasks given to somebody", "tasks.complete": "Tasks done", "tasks.create": "Task added", "tasks.drop": "Task dropped", "tasks.look": "Task looked at on its day",
	"tasks.reopen": "Tasks opened again", "tasks.reschedule": "Tasks moved to another day", "tasks.update": "Task changed",
	"tests.run":     "Every item tested",
	"tokens.create": "Token made", "tokens.revoke": "Token ended",
	"totp.begin": "Program for codes begun", "totp.confirm": "Program for codes confirmed", "totp.remove": "Program for codes removed",
	"views.create": "View saved", "views.remove": "Saved view removed", "views.update": "Saved view changed",
}

// stepped says what an entry of an examination did whose operation leaves
// entries of several steps.
var stepped = map[string]string{
	"link": "Items linked to evidence", "opinion": "Opinion signed",
}

// Acted is what an operation did in words, "" for one that has none.
func Acted(op string) string { return acted[op] }
