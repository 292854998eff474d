package app_test

const (
	aPopulation = "SELECT id, code FROM population WHERE org_id = @org ORDER BY code LIMIT 1"
	aVersion    = "SELECT population_id, version, entry FROM population_version WHERE org_id = @org AND status = 'sealed' ORDER BY entry LIMIT 1"
	aVerdict    = "SELECT population_id, entry FROM population_decision WHERE org_id = @org ORDER BY entry LIMIT 1"
)

func onPopulation(name, set string) attack {
	return hit("file", "population: "+name, aPopulation, "@a", "UPDATE population SET "+set+" WHERE org_id = @org AND id = @a")
}

func onList(name, set string) attack {
	return hit("client", "sealed list: "+name, aVersion, "population_version @a", "UPDATE population_version SET "+set+" WHERE org_id = @org AND population_id = @a AND version = @b")
}

func onVerdict(name, set string) attack {
	return hit("file", "decision on a list: "+name, aVerdict, "population_decision @a", "UPDATE population_decision SET "+set+" WHERE org_id = @org AND population_id = @a")
}

const otherNonce = "(SELECT p.nonce FROM population p WHERE p.org_id = @org AND p.id <> @a AND p.nonce <> '')"

var attacksOnLists = []attack{
	onPopulation("number", "nonce = SUBSTR(nonce, 2) || SUBSTR(nonce, 1, 1)"),
	onPopulation("number of another", "nonce = "+otherNonce),
	onPopulation("commitment", "commitment = SUBSTR(commitment, 2) || SUBSTR(commitment, 1, 1)"),
	onPopulation("number and commitment of another", "nonce = "+otherNonce+", commitment = (SELECT p.commitment FROM population p WHERE p.org_id = @org AND p.id <> @a AND p.nonce <> '')"),
	onPopulation("closed number of another", "secret = (SELECT p.secret FROM population p WHERE p.org_id = @org AND p.id <> @a)"),
	onPopulation("number closed again", "nonce = '', revealed = 0, revealed_by = ''"),
	onPopulation("opened by another", "revealed_by = 'Somebody Else'"),
	onPopulation("opened earlier", "revealed = revealed - 86400000"),
	onPopulation("abandoned", "abandoned = 1, reason = 'looks bad'"),
	onPopulation("code", "code = 'POP-99'"),
	onPopulation("controls", "controls = 'IAM-99'"),
	onPopulation("asked for earlier", "created = created - 86400000"),
	onPopulation("asked for by another", "actor = 'Somebody Else'"),
	onPopulation("entry", "commit_entry = commit_entry + 1"),
	hit("file", "population: deleted", "SELECT id, commit_entry FROM population WHERE org_id = @org ORDER BY code LIMIT 1", "population of entry @b",
		"DELETE FROM population_check WHERE org_id = @org AND population_id = @a", "DELETE FROM population_decision WHERE org_id = @org AND population_id = @a", "DELETE FROM population WHERE org_id = @org AND id = @a"),
	hit("file", "procedure on a list: result", aPopulation, "population_check @a", "UPDATE population_check SET result = 'fails' WHERE org_id = @org AND population_id = @a"),
	hit("file", "procedure on a list: deleted", aPopulation, "population_check @a", "DELETE FROM population_check WHERE org_id = @org AND population_id = @a"),
	hit("file", "procedure on a list: made up", aPopulation, "population_check @a", "INSERT INTO population_check (org_id, population_id, version, number, procedure, result, note, items, actor, at) VALUES (@org, @a, 1, 99, 'accuracy', 'holds', 'x', '[]', 'x', 1)"),
	onVerdict("decision", "decision = 'rejected'"),
	onVerdict("reason", "reason = 'another'"),
	onVerdict("earlier", "at = at - 86400000"),
	onVerdict("by another", "actor = 'Somebody Else'"),
	hit("file", "decision on a list: deleted", aVerdict, "population_decision of entry @b", "DELETE FROM population_decision WHERE org_id = @org AND population_id = @a"),

	onList("digest", "digest = SUBSTR(digest, 2) || SUBSTR(digest, 1, 1)"),
	onList("rows", "row_count = row_count - 1"),
	onList("root", "root = SUBSTR(root, 2) || SUBSTR(root, 1, 1)"),
	onList("source", "manifest = REPLACE(manifest, '\"source\":\"', '\"source\":\"another ')"),
	onList("period", "manifest = REPLACE(manifest, '2026', '2025')"),
	hit("client", "sealed list: not JSON", aVersion, "population_version of entry @c", "UPDATE population_version SET manifest = 'x' WHERE org_id = @org AND population_id = @a AND version = @b"),
	onList("what was computed", "checks = '[]'"),
	onList("problems", "problems = '[{\"text\":\"x\"}]'"),
	onList("list of another", "list = (SELECT MIN(b.address) FROM blob b WHERE b.org_id = @org AND b.address <> population_version.list)"),
	onList("records of another", "records = list"),
	onList("pieces", "pieces = '[]'"),
	onList("evidence", "evidence_id = (SELECT MIN(e.id) FROM evidence e WHERE e.org_id = @org)"),
	onList("earlier", "sealed = sealed - 86400000"),
	onList("by another", "actor = 'Somebody Else'"),
	onList("superseded", "status = 'superseded'"),
	hit("client", "sealed list: a draft again", aVersion, "population_version of entry @c", "UPDATE population_version SET status = 'draft' WHERE org_id = @org AND population_id = @a"),
	hit("client", "sealed list: deleted", aVersion, "population_version of entry @c", "DELETE FROM population_version WHERE org_id = @org AND population_id = @a"),
}

const (
	aPlan      = "SELECT id, control FROM procedure WHERE org_id = @org ORDER BY id LIMIT 1"
	aSample    = "SELECT id, procedure_id, entry FROM sample WHERE org_id = @org AND method <> 'none' ORDER BY id LIMIT 1"
	anItem     = "SELECT i.procedure_id, i.item, s.id FROM item i JOIN sample s ON s.org_id = i.org_id AND s.procedure_id = i.procedure_id WHERE i.org_id = @org AND s.method <> 'none' ORDER BY s.id, i.ordinal LIMIT 1"
	aMark      = "SELECT m.procedure_id, m.ordinal, m.attribute, m.entry FROM mark m WHERE m.org_id = @org ORDER BY m.entry, m.ordinal, m.attribute LIMIT 1"
	aDecision  = "SELECT procedure_id, entry FROM procedure_conclusion WHERE org_id = @org ORDER BY entry LIMIT 1"
	aReview    = "SELECT procedure_id, entry FROM procedure_review WHERE org_id = @org ORDER BY entry LIMIT 1"
	aTie       = "SELECT procedure_id, item, evidence_id, entry FROM item_link WHERE org_id = @org ORDER BY entry, item LIMIT 1"
	aDeviation = "SELECT id, procedure_id FROM deviation WHERE org_id = @org ORDER BY id LIMIT 1"
)

func onPlan(name, set string) attack {
	return hit("file", "plan: "+name, aPlan, "procedure @a", "UPDATE procedure SET "+set+" WHERE org_id = @org AND id = @a")
}

func onSample(name, set string) attack {
	return hit("file", "sample: "+name, aSample, "sample @a", "UPDATE sample SET "+set+" WHERE org_id = @org AND id = @a")
}

func onItem(name, set string) attack {
	return hit("file", "item: "+name, anItem, "item @a", "UPDATE item SET "+set+" WHERE org_id = @org AND procedure_id = @a AND item = @b")
}

const thisMark = " WHERE org_id = @org AND procedure_id = @a AND ordinal = @b AND attribute = @c"

func onMark(name, set string) attack {
	return hit("file", "mark: "+name, aMark, "mark @a", "UPDATE mark SET "+set+thisMark)
}

func onConclusion(name, set string) attack {
	return hit("file", "conclusion: "+name, aDecision, "procedure_conclusion @a", "UPDATE procedure_conclusion SET "+set+" WHERE org_id = @org AND procedure_id = @a")
}

func onLink(name, set string) attack {
	return hit("client", "link: "+name, aTie, "item_link @a", "UPDATE item_link SET "+set+" WHERE org_id = @org AND procedure_id = @a AND item = @b AND evidence_id = @c")
}

func onDeviation(name, set string) attack {
	return hit("file", "deviation: "+name, aDeviation, "deviation @a", "UPDATE deviation SET "+set+" WHERE org_id = @org AND id = @a")
}

var attacksOnTests = []attack{
	onPlan("risk", "risk = 'lower'"),
	onPlan("attributes", "attributes = '[]'"),
	onPlan("basis", "basis = 'other'"),
	onPlan("cadence", "cadence = 'annual'"),
	onPlan("criteria", "criteria = '[\"CC1.1\"]'"),
	onPlan("tester", "tester = 'usr_00000000000000000000000000'"),
	onPlan("text", "text = 'Another'"),
	onPlan("nothing done since", "touched = 0"),
	onPlan("version", "version = version + 1"),
	hit("file", "plan: a version", aPlan, "procedure_version @a", "UPDATE procedure_version SET body = '{}' WHERE org_id = @org AND procedure_id = @a"),
	hit("file", "plan: a version deleted", aPlan, "procedure_version @a", "DELETE FROM procedure_version WHERE org_id = @org AND procedure_id = @a"),
	onSample("number", "nonce = SUBSTR(nonce, 2) || SUBSTR(nonce, 1, 1)"),
	onSample("commitment", "commitment = SUBSTR(commitment, 2) || SUBSTR(commitment, 1, 1)"),
	onSample("seed", "seed = SUBSTR(seed, 2) || SUBSTR(seed, 1, 1)"),
	onSample("list", "digest = SUBSTR(digest, 2) || SUBSTR(digest, 1, 1)"),
	onSample("size", "size = size - 1"),
	onSample("first size", "first_size = first_size - 1"),
	onSample("total", "total = total + 1"),
	onSample("method", "method = 'systematic'"),
	onSample("period", "period = '2025-01-01/2025-12-31'"),
	onSample("risk", "risk = 'lower'"),
	onSample("methodology", "profile = 'another', profile_version = 9"),
	onSample("earlier", "at = at - 86400000"),
	onSample("by another", "actor = 'Somebody Else'"),
	onSample("by another's id", "actor_id = 'usr_00000000000000000000000000'"),
	onSample("warnings", "warnings = '[\"x\"]'"),
	onSample("seal", "seal = seal + 1"),
	onSample("missed", "missed = 1"),
	hit("file", "sample: extended", aSample, "sample extension @a", "UPDATE sample SET extended = at, extended_by = 'x', extension_entry = entry, reason = 'x' WHERE org_id = @org AND id = @a"),
	hit("file", "sample: deleted", aSample, "sample of entry @c", "DELETE FROM sample WHERE org_id = @org AND id = @a"),
	hit("file", "item: swapped for another", anItem, "sample @c", "UPDATE item SET item = 'C-999' WHERE org_id = @org AND procedure_id = @a AND item = @b"),
	hit("file", "item: rank", anItem, "sample @c", "UPDATE item SET rank = rank + 100 WHERE org_id = @org AND procedure_id = @a AND item = @b"),
	hit("file", "item: stratum", anItem, "sample @c", "UPDATE item SET stratum = 'x' WHERE org_id = @org AND procedure_id = @a AND item = @b"),
	onItem("what it is called", "label = 'another'"),
	onItem("record", "record = '{}'"),
	onItem("when it happened", "happened = happened - 86400000"),
	onItem("asked for earlier", "asked = asked - 86400000"),
	onItem("missed", "missed = NOT missed"),
	onItem("marks counted", "marked = marked + 1"),
	onItem("deviations counted", "deviates = deviates + 1"),
	hit("file", "item: added", anItem, "sample @c", "INSERT INTO item (org_id, procedure_id, ordinal, item, rank, stratum, label, source_key, happened, record, asked, extension, missed, late, marked, deviates) SELECT org_id, procedure_id, 99, 'C-999', 99, stratum, label, source_key, happened, record, asked, extension, missed, late, 0, 0 FROM item WHERE org_id = @org AND procedure_id = @a AND item = @b"),
	onMark("agrees to deviates", "mark = 'other'"),
	onMark("reason", "reason = 'another'"),
	onMark("code", "code = 'EV99'"),
	onMark("earlier", "at = at - 86400000"),
	onMark("by another", "actor = 'Somebody Else'"),
	onMark("by another's id", "actor_id = 'usr_00000000000000000000000000'"),
	onMark("confirmed", "confirmed = NOT confirmed"),
	onMark("entry", "entry = entry + 1"),
	hit("file", "mark: deleted", aMark, "mark of entry @d", "DELETE FROM mark"+thisMark),
	hit("file", "mark: made up", aMark, "mark @a", "INSERT INTO mark (org_id, procedure_id, ordinal, attribute, seq, mark, reason, code, confirmed, actor, actor_id, at, entry) SELECT org_id, procedure_id, ordinal, attribute, 99, 'agrees', reason, code, confirmed, actor, actor_id, at, entry FROM mark"+thisMark),
	hit("file", "mark: what stands", aMark, "mark_now @a", "UPDATE mark_now SET mark = 'other'"+thisMark),
	hit("file", "mark: what stands is not seen", aMark, "mark_now @a", "DELETE FROM mark_now"+thisMark),
	hit("file", "mark: every one of a workpaper, with what stands", aMark, "mark of entry @d", "DELETE FROM mark_now WHERE org_id = @org AND procedure_id = @a", "DELETE FROM mark WHERE org_id = @org AND procedure_id = @a", "UPDATE item SET marked = 0, deviates = 0 WHERE org_id = @org AND procedure_id = @a"),
	onConclusion("decision", "decision = 'undetermined'"),
	onConclusion("proposal", "proposal = 'another'"),
	onConclusion("reason", "reason = 'another'"),
	onConclusion("tested", "tested = tested + 1"),
	onConclusion("deviations", "deviations = deviations + 1"),
	onConclusion("facts", "facts = '0 of 25'"),
	onConclusion("earlier", "at = at - 86400000"),
	onConclusion("by another", "actor = 'Somebody Else'"),
	onConclusion("by another's id", "actor_id = 'usr_00000000000000000000000000'"),
	hit("file", "conclusion: deleted", aDecision, "procedure_conclusion of entry @b", "DELETE FROM procedure_review WHERE org_id = @org AND procedure_id = @a", "DELETE FROM procedure_conclusion WHERE org_id = @org AND procedure_id = @a"),
	hit("file", "review: by another", aReview, "procedure_review @a", "UPDATE procedure_review SET actor = 'Somebody Else' WHERE org_id = @org AND procedure_id = @a"),
	hit("file", "review: comment", aReview, "procedure_review @a", "UPDATE procedure_review SET comment = 'another' WHERE org_id = @org AND procedure_id = @a"),
	hit("file", "review: earlier", aReview, "procedure_review @a", "UPDATE procedure_review SET at = at - 86400000 WHERE org_id = @org AND procedure_id = @a"),
	hit("file", "review: deleted", aReview, "procedure_review of entry @b", "DELETE FROM procedure_review WHERE org_id = @org AND procedure_id = @a"),
	onLink("digest", "sha256 = SUBSTR(sha256, 2) || SUBSTR(sha256, 1, 1)"),
	onLink("level", "level = 1"),
	onLink("findings", "codes = 'EV01'"),
	onLink("sealed before", "sealing = 1"),
	onLink("earlier", "at = at - 86400000"),
	onLink("by another", "actor = 'Somebody Else'"),
	hit("client", "link: other evidence", aTie, "item_link @a", "UPDATE item_link SET evidence_id = (SELECT MIN(e.id) FROM evidence e WHERE e.org_id = @org AND e.id <> @c) WHERE org_id = @org AND procedure_id = @a AND item = @b AND evidence_id = @c"),
	hit("client", "link: deleted", aTie, "item_link of entry @d", "DELETE FROM item_link WHERE org_id = @org AND procedure_id = @a AND item = @b AND evidence_id = @c"),
	onDeviation("cause", "cause = 'another'"),
	onDeviation("extent", "extent = 'another'"),
	onDeviation("disclosure", "disclosure = 'Nothing of note.'"),
	onDeviation("withdrawn", "withdrawn = 1"),
	onDeviation("text", "text = 'another'"),
	onDeviation("compensated", "compensating = 'IAM-99'"),
	onDeviation("by another", "actor = 'Somebody Else'"),
	hit("file", "deviation: deleted", aDeviation, "deviation @a", "DELETE FROM deviation WHERE org_id = @org AND id = @a"),
	hit("client", "deviation: what management says", "SELECT deviation_id FROM deviation_response WHERE org_id = @org", "deviation_response @a", "UPDATE deviation_response SET text = 'We disagree.' WHERE org_id = @org AND deviation_id = @a"),
	hit("client", "deviation: management says nothing", "SELECT deviation_id FROM deviation_response WHERE org_id = @org", "deviation_response @a", "DELETE FROM deviation_response WHERE org_id = @org AND deviation_id = @a"),
}

const (
	aCriterion = "SELECT engagement_id, criterion, entry FROM opinion_criterion WHERE org_id = @org ORDER BY entry LIMIT 1"
	aPart      = "SELECT engagement_id, part, entry FROM opinion_part WHERE org_id = @org ORDER BY entry LIMIT 1"
	aPrint     = "SELECT id, entry FROM report WHERE org_id = @org AND kind = 'final'"
	aSignature = "SELECT report_id, entry FROM assertion WHERE org_id = @org"
)

func onCriterion(name, set string) attack {
	return hit("file", "criterion: "+name, aCriterion, "opinion_criterion @a @b", "UPDATE opinion_criterion SET "+set+" WHERE org_id = @org AND criterion = @b")
}

func onPart(name, set string) attack {
	return hit("file", "part of the opinion: "+name, aPart, "opinion_part @a @b", "UPDATE opinion_part SET "+set+" WHERE org_id = @org AND part = @b")
}

func onReport(name, set string) attack {
	return hit("file", "report: "+name, aPrint, "report @a", "UPDATE report SET "+set+" WHERE org_id = @org AND id = @a")
}

func onAssertion(name, set string) attack {
	return hit("client", "assertion: "+name, aSignature, "assertion", "UPDATE assertion SET "+set+" WHERE org_id = @org")
}

var attacksOnTheReport = []attack{
	onCriterion("decision", "decision = 'not_met'"),
	onCriterion("proposal", "proposal = 'not_met'"),
	onCriterion("reason", "reason = 'another'"),
	onCriterion("compensating", "compensating = '[\"IAM-01\"]'"),
	hit("file", "criterion: not JSON", aCriterion, "opinion_criterion", "UPDATE opinion_criterion SET compensating = 'x' WHERE org_id = @org AND criterion = @b"),
	onCriterion("earlier", "at = at - 86400000"),
	onCriterion("by another", "actor = 'Somebody Else', user_id = 'usr_00000000000000000000000000'"),
	hit("file", "criterion: deleted", aCriterion, "opinion_criterion of entry @c", "DELETE FROM opinion_criterion WHERE org_id = @org AND criterion = @b"),
	onPart("decision", "decision = 'adverse'"),
	onPart("proposal", "proposal = 'adverse'"),
	onPart("reason", "reason = 'another'"),
	onPart("by another", "actor = 'Somebody Else'"),
	onPart("earlier", "at = at - 86400000"),
	hit("file", "part of the opinion: deleted", aPart, "opinion_part of entry @c", "DELETE FROM opinion_part WHERE org_id = @org AND part = @b"),
	hit("file", "part of the opinion: decided anew", aPart, "opinion_part", "INSERT INTO opinion_part (org_id, engagement_id, part, version, proposal, decision, reason, actor, user_id, at, entry) SELECT org_id, engagement_id, part, 9, proposal, 'adverse', reason, actor, user_id, at, entry FROM opinion_part WHERE org_id = @org AND part = @b"),
	hit("file", "opinion: all of it deleted", aPart, "opinion_part of entry @c", "DELETE FROM opinion_part WHERE org_id = @org"),
	onReport("digest", "sha256 = SUBSTR(sha256, 2) || SUBSTR(sha256, 1, 1)"),
	onReport("bytes of the draft", "address = (SELECT r.address FROM report r WHERE r.org_id = @org AND r.kind = 'draft')"),
	onReport("digest, size and bytes of the draft", "sha256 = (SELECT r.sha256 FROM report r WHERE r.org_id = @org AND r.kind = 'draft'), size = (SELECT r.size FROM report r WHERE r.org_id = @org AND r.kind = 'draft'), address = (SELECT r.address FROM report r WHERE r.org_id = @org AND r.kind = 'draft')"),
	onReport("size", "size = size + 1"),
	onReport("called a draft", "kind = 'draft'"),
	onReport("number", "number = 99"),
	onReport("sections", "sections = '[]'"),
	onReport("what it covers", "covers = covers - 1"),
	onReport("earlier", "at = at - 86400000"),
	onReport("by another", "actor = 'Somebody Else'"),
	hit("file", "report: deleted", aPrint, "report of entry @b", "DELETE FROM report WHERE org_id = @org AND id = @a"),
	hit("file", "report: words", "SELECT MIN(place) FROM report_text WHERE org_id = @org", "report_text", "UPDATE report_text SET text = 'Another' WHERE org_id = @org AND place = @a"),
	onAssertion("text", "text = 'We assert nothing.'"),
	onAssertion("digest", "sha256 = SUBSTR(sha256, 2) || SUBSTR(sha256, 1, 1)"),
	onAssertion("draft", "draft_sha256 = SUBSTR(draft_sha256, 2) || SUBSTR(draft_sha256, 1, 1)"),
	onAssertion("name", "name = 'Somebody Else'"),
	onAssertion("office", "title = 'Chief Executive Officer of all'"),
	onAssertion("signed by another", "user_id = 'usr_00000000000000000000000000'"),
	onAssertion("earlier", "at = at - 86400000"),
	hit("client", "assertion: deleted", aSignature, "assertion of entry @b", "DELETE FROM assertion WHERE org_id = @org"),
}

// attacksOnTheScrub go for what the scrub itself remembers.
var attacksOnTheScrub = []attack{
	hit("client", "remembered: one digest", "SELECT MIN(key) FROM scrub_row WHERE org_id = @org AND kind = 'control'", "remembered rows of control", "UPDATE scrub_row SET digest = 'x' WHERE org_id = @org AND kind = 'control' AND key = @a"),
	hit("client", "remembered: a row and its digest forgotten", aControl, "remembered rows of control", "UPDATE control SET text = 'Another' WHERE org_id = @org AND id = @a", "DELETE FROM scrub_row WHERE org_id = @org AND kind = 'control'"),
	hit("client", "remembered: everything forgotten", aControl, "remembered rows of control", "UPDATE control SET text = 'Another' WHERE org_id = @org AND id = @a", "DELETE FROM scrub_row WHERE org_id = @org"),
	hit("client", "remembered: of a table that is not there", "", "remembered rows of nothing", "INSERT INTO scrub_row (org_id, kind, key, digest) VALUES (@org, 'nothing', 'x', 'x')"),
	hit("file", "state: deleted, with a mark changed", aMark, "mark @a", "UPDATE mark SET mark = 'other'"+thisMark, "DELETE FROM scrub_state WHERE org_id = @org"),
}
