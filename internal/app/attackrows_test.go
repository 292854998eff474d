package app_test

const aRecord = "SELECT MIN(id), MAX(id) FROM evidence WHERE org_id = @org"

// field changes one column of the first row.
func onRecord(name, set string) attack {
	return hit("client", "evidence: "+name, aRecord, "evidence @a", "UPDATE evidence SET "+set+" WHERE org_id = @org AND id = @a")
}

var attacksOnEvidence = []attack{
	onRecord("title", "title = 'Access review, all in order'"),
	onRecord("media type", "media_type = 'image/x-other'"),
	onRecord("size", "size = size + 1"),
	onRecord("digest", "sha256 = SUBSTR(sha256, 2) || SUBSTR(sha256, 1, 1)"),
	onRecord("address of another", "address = (SELECT e.address FROM evidence e WHERE e.org_id = @org AND e.id = @b)"),
	onRecord("digest, size and address of another", "sha256 = (SELECT e.sha256 FROM evidence e WHERE e.org_id = @org AND e.id = @b), size = (SELECT e.size FROM evidence e WHERE e.org_id = @org AND e.id = @b), address = (SELECT e.address FROM evidence e WHERE e.org_id = @org AND e.id = @b)"),
	onRecord("captured earlier", "captured = captured - 86400000"),
	onRecord("sealed earlier", "sealed = sealed - 86400000"),
	onRecord("collector", "collector = 'git/9.9.9'"),
	onRecord("method", "method = 'observation'"),
	onRecord("origin", "origin = 'another system'"),
	onRecord("environment", "environment = 'another place'"),
	onRecord("location", "location = '/elsewhere'"),
	onRecord("query", "query = 'SELECT good FROM everything'"),
	onRecord("parameters", "parameters = 'limit=1'"),
	onRecord("zone", "zone = 'Pacific/Apia'"),
	onRecord("row count", "row_count = row_count + 1"),
	onRecord("covers from", "covers_from = 1700000000000"),
	onRecord("covers to", "covers_to = covers_to + 86400000"),
	onRecord("level", "level = 1"),
	onRecord("classification", "classification = 'public'"),
	onRecord("personal", "personal = NOT personal"),
	onRecord("retention", "retention = 'none'"),
	onRecord("source", "source_id = 'src_00000000000000000000000000'"),
	onRecord("run", "run_id = 'run_00000000000000000000000000'"),
	onRecord("kind of resource", "resource_kind = 'person'"),
	onRecord("who recorded it", "actor = 'Somebody Else'"),
	onRecord("what it supersedes", "supersedes = @b"),
	onRecord("what supersedes it", "superseded_by = @b"),
	onRecord("entry of another", "entry = (SELECT e.entry FROM evidence e WHERE e.org_id = @org AND e.id = @b)"),
	onRecord("entry that is none of evidence", "entry = 0"),
	onRecord("entry behind the end", "entry = 1000000"),
	onRecord("called erased", "erased = 1700000000000, erased_by = 3, erased_basis = 'asked for'"),
	hit("client", "evidence: deleted", "SELECT entry, id FROM evidence e WHERE org_id = @org AND NOT EXISTS (SELECT 1 FROM evidence_control c WHERE c.evidence_id = e.id) ORDER BY entry LIMIT 1", "evidence of entry @a", "DELETE FROM evidence WHERE org_id = @org AND id = @b"),
	hit("client", "evidence: a copy under another id", aRecord, "evidence", `INSERT INTO evidence (org_id, id, entry, title, media_type, size, sha256, address, captured, sealed, collector, method, origin, environment, location,
		query, parameters, zone, row_count, covers_from, covers_to, level, classification, personal, retention, source_id, run_id, resource_kind, actor, supersedes, superseded_by)
		SELECT org_id, 'evd_00000000000000000000000000', entry, title, media_type, size, sha256, address, captured, sealed, collector, method, origin, environment, location,
		query, parameters, zone, row_count, covers_from, covers_to, level, classification, personal, retention, source_id, run_id, resource_kind, actor, supersedes, superseded_by
		FROM evidence WHERE org_id = @org AND id = @a`),
	hit("client", "evidence: given to another organization", "SELECT entry, id FROM evidence e WHERE org_id = @org AND NOT EXISTS (SELECT 1 FROM evidence_control c WHERE c.evidence_id = e.id) ORDER BY entry LIMIT 1", "evidence of entry @a", "UPDATE evidence SET org_id = @firm WHERE org_id = @org AND id = @b"),
	hit("client", "evidence: untied from a control", "SELECT MIN(evidence_id) FROM evidence_control WHERE org_id = @org", "evidence_control @a", "DELETE FROM evidence_control WHERE org_id = @org AND evidence_id = @a"),
	hit("client", "evidence: tied to a control", "SELECT MAX(evidence_id) FROM evidence_control WHERE org_id = @org", "evidence_control @a", "INSERT INTO evidence_control (org_id, evidence_id, control_id, entry) SELECT @org, @a, c.id, 9 FROM control c WHERE c.org_id = @org AND NOT EXISTS (SELECT 1 FROM evidence_control k WHERE k.org_id = @org AND k.evidence_id = @a AND k.control_id = c.id)"),
}

const aRun = "SELECT id, entry FROM source_run WHERE org_id = @org ORDER BY entry DESC LIMIT 1"

func onRun(name, set string) attack {
	return hit("client", "run: "+name, aRun, "source_run @a", "UPDATE source_run SET "+set+" WHERE org_id = @org AND id = @a")
}

func onResource(name, set string) attack {
	return hit("client", "resource: "+name, aRun, "source_r", "UPDATE source_resource SET "+set+" WHERE org_id = @org AND key = (SELECT MIN(r.key) FROM source_resource r WHERE r.org_id = @org)")
}

const (
	aResult   = "SELECT check_id, run_id, at FROM check_result WHERE org_id = @org AND total > 0 ORDER BY check_id LIMIT 1"
	anOpening = "SELECT check_id, key, run_id FROM check_interval WHERE org_id = @org AND key <> '' ORDER BY check_id, key LIMIT 1"
)

func onResult(name, set string) attack {
	return hit("client", "result: "+name, aResult, "of @a by @b", "UPDATE check_result SET "+set+" WHERE org_id = @org AND check_id = @a AND at = @c")
}

func onInterval(name, set string) attack {
	return hit("client", "interval: "+name, anOpening, "check_interval", "UPDATE check_interval SET "+set+" WHERE org_id = @org AND check_id = @a AND key = @b")
}

var attacksOnSources = []attack{
	onRun("collector", "collector = 'git/9.9.9'"),
	onRun("started", "started = started - 86400000"),
	onRun("ended", "ended = ended + 86400000"),
	onRun("status", "status = 'failed'"),
	onRun("error", "error = 'did not answer'"),
	onRun("resources", "resources = resources + 1"),
	onRun("what was missing", "missing = '[{\"kind\":\"commit\",\"reason\":\"forbidden\"}]'"),
	onRun("scope", "scope = '{\"path\":\"/elsewhere\"}'"),
	onRun("manifest", "manifest = (SELECT MIN(b.address) FROM blob b WHERE b.org_id = @org AND b.address <> source_run.manifest)"),
	hit("client", "run: no JSON", aRun, "source_run of entry @b", "UPDATE source_run SET missing = 'x' WHERE org_id = @org AND id = @a"),
	hit("client", "run: entry of another", aRun, "source_run", "UPDATE source_run SET entry = entry + 1 WHERE org_id = @org AND id = @a"),
	hit("client", "run: deleted", aRun, "source_run of entry @b", "DELETE FROM source_run_kind WHERE org_id = @org AND run_id = @a", "DELETE FROM source_run WHERE org_id = @org AND id = @a"),
	hit("client", "run: count of a kind", aRun, "source_run @a", "UPDATE source_run_kind SET count = count + 1 WHERE org_id = @org AND run_id = @a"),
	hit("client", "run: bytes of a kind", aRun, "source_run @a", "UPDATE source_run_kind SET address = (SELECT MIN(b.address) FROM blob b WHERE b.org_id = @org) WHERE org_id = @org AND run_id = @a"),
	hit("client", "run: a kind deleted", aRun, "source_run @a", "DELETE FROM source_run_kind WHERE org_id = @org AND run_id = @a AND kind = (SELECT MIN(k.kind) FROM source_run_kind k WHERE k.org_id = @org AND k.run_id = @a)"),
	onResource("body", "body = REPLACE(body, '\"key\"', '\"kex\"')"),
	onResource("digest", "digest = 'x'"),
	onResource("first seen", "first_seen = first_seen - 86400000"),
	onResource("changed", "changed = changed + 86400000"),
	onResource("key", "key = 'another'"),
	hit("client", "resource: deleted", aRun, "source_run @a", "DELETE FROM source_resource WHERE org_id = @org AND key = (SELECT MIN(r.key) FROM source_resource r WHERE r.org_id = @org)"),
	hit("client", "resource: added", aRun, "source_run @a", "INSERT INTO source_resource (org_id, source_id, kind, key, digest, body, first_seen, changed) SELECT org_id, source_id, kind, 'added', digest, body, first_seen, changed FROM source_resource WHERE org_id = @org AND key = (SELECT MIN(r.key) FROM source_resource r WHERE r.org_id = @org)"),
	hit("client", "source: settings", "SELECT MIN(id) FROM source WHERE org_id = @org", "source @a", "UPDATE source SET settings = '{\"path\":\"/elsewhere\"}' WHERE org_id = @org AND id = @a"),
	hit("client", "source: seldom read", "SELECT MIN(id) FROM source WHERE org_id = @org", "source @a", "UPDATE source SET every = every * 1000 WHERE org_id = @org AND id = @a"),
	hit("client", "source: removed", "SELECT MIN(id) FROM source WHERE org_id = @org", "source @a", "UPDATE source SET removed = 1 WHERE org_id = @org AND id = @a"),

	onResult("status", "status = 'good'"),
	onResult("counts", "passing = total, failing = 0, unknown = 0, not_applicable = 0 - 1"),
	onResult("passing", "passing = passing + 1"),
	onResult("not applicable", "not_applicable = not_applicable + 1"),
	onResult("summary", "summary = 'All in order'"),
	onResult("reason", "reason = 'another'"),
	onResult("remedy", "remedy = 'nothing to do'"),
	onResult("rule", "digest = 'x'"),
	hit("client", "result: run", aResult, "of @a by @b", "UPDATE check_result SET run_id = 'run_00000000000000000000000000' WHERE org_id = @org AND check_id = @a AND at = @c"),
	hit("client", "result: deleted", aResult, "of @a by @b", "DELETE FROM check_result WHERE org_id = @org AND check_id = @a AND at = @c"),
	hit("client", "result: a better one added", aResult, "check_result @a", "INSERT INTO check_result (org_id, check_id, source_id, at, run_id, digest, status, total, passing, failing, unknown, not_applicable, summary, reason, remedy) SELECT org_id, check_id, source_id, at + 1000, run_id, digest, 'pass', total, total, 0, 0, 0, summary, '', '' FROM check_result WHERE org_id = @org AND check_id = @a AND at = @c"),
	onInterval("status", "status = 'good'"),
	onInterval("began earlier", "starts = starts - 86400000"),
	onInterval("ended", "ends = starts + 1"),
	onInterval("reason", "reason = 'another'"),
	onInterval("class", "class = 'another'"),
	onInterval("run", "run_id = 'run_00000000000000000000000000'"),
	onInterval("rule", "digest = 'x'"),
	onInterval("resource", "key = 'another'"),
	hit("client", "interval: deleted", anOpening, "of @a by @c", "DELETE FROM check_interval WHERE org_id = @org AND check_id = @a AND key = @b"),
	hit("client", "interval: added before", anOpening, "check_interval", "INSERT INTO check_interval (org_id, check_id, source_id, key, starts, ends, status, class, reason, digest, run_id) SELECT org_id, check_id, source_id, key, starts - 86400000, starts, 'pass', '', '', digest, 'run_00000000000000000000000000' FROM check_interval WHERE org_id = @org AND check_id = @a AND key = @b"),
	hit("client", "rule: its text", "SELECT MIN(check_id) FROM check_definition WHERE org_id = @org", "check_definition @a", "UPDATE check_definition SET body = REPLACE(body, 'e', 'f') WHERE org_id = @org AND check_id = @a"),
	hit("client", "rule: ended", "SELECT MIN(check_id) FROM check_definition WHERE org_id = @org", "check_definition ended @a", "UPDATE check_definition SET ended = effective + 1 WHERE org_id = @org AND check_id = @a"),
	hit("client", "rule: in force earlier", "SELECT MIN(check_id) FROM check_definition WHERE org_id = @org", "check_definition @a", "UPDATE check_definition SET effective = effective - 86400000 WHERE org_id = @org AND check_id = @a"),
	hit("client", "rule: deleted", "SELECT MIN(check_id) FROM check_definition WHERE org_id = @org", "check_definition @a", "DELETE FROM check_definition WHERE org_id = @org AND check_id = @a"),
	hit("client", "exception: made up", "SELECT MIN(check_id) FROM check_result WHERE org_id = @org", "check_exception", "INSERT INTO check_exception (org_id, id, check_id, key, reason, owner, approver, starts, ends, ended, created, asker_id, asker, approver_id) VALUES (@org, 'exc_00000000000000000000000000', @a, '', 'fine', 'A', 'B', 1, 2000000000000, 0, 1, '', '', '')"),
}

const aControl = "SELECT MIN(id), MIN(code) FROM control WHERE org_id = @org"

func onControl(name, set string) attack {
	return hit("client", "control: "+name, aControl, "control @a", "UPDATE control SET "+set+" WHERE org_id = @org AND id = @a")
}

func onEngagement(name, set string) attack {
	return hit("file", "engagement: "+name, "SELECT id FROM engagement WHERE org_id = @org", "engagement @a", "UPDATE engagement SET "+set+" WHERE org_id = @org AND id = @a")
}

var attacksOnTheProgramme = []attack{
	onControl("text", "text = 'Somebody looks at it now and then.'"),
	onControl("title", "title = 'Another'"),
	onControl("owner", "owner_id = 'usr_00000000000000000000000000'"),
	onControl("frequency", "frequency = 'annual'"),
	onControl("in place since", "implemented = implemented - 86400000000"),
	onControl("how it is in place", "implementation = 'Well.'"),
	onControl("retired", "retired = 1"),
	onControl("version", "version = version + 1"),
	hit("client", "control: no longer for a criterion", "SELECT MIN(control_id) FROM control_criterion WHERE org_id = @org", "control_criterion @a", "DELETE FROM control_criterion WHERE org_id = @org AND control_id = @a"),
	hit("client", "control: for another criterion", aControl, "control_criterion @a", "INSERT INTO control_criterion (org_id, control_id, criterion, strength) VALUES (@org, @a, 'CC9.9', 'direct')"),
	hit("client", "control: strength", "SELECT MIN(control_id) FROM control_criterion WHERE org_id = @org", "control_criterion @a", "UPDATE control_criterion SET strength = 'other' WHERE org_id = @org AND control_id = @a"),
	hit("client", "control: an earlier version", "SELECT MIN(control_id) FROM control_version WHERE org_id = @org", "control_version @a", "UPDATE control_version SET body = REPLACE(body, 'e', 'f') WHERE org_id = @org AND control_id = @a AND version = 1"),
	hit("client", "control: a version deleted", "SELECT MIN(control_id) FROM control_version WHERE org_id = @org", "control_version @a", "DELETE FROM control_version WHERE org_id = @org AND control_id = @a AND version = 2"),
	hit("client", "control: a version of another time", "SELECT MIN(control_id) FROM control_version WHERE org_id = @org", "control_version @a", "UPDATE control_version SET effective = effective - 86400000 WHERE org_id = @org AND control_id = @a AND version = 2"),
	hit("client", "control: put back to its first version", aControl, "control @a", "UPDATE control SET version = 1, implemented = 0, implementation = '', implemented_by = '', updated = adopted WHERE org_id = @org AND id = @a"),
	hit("client", "scope: categories", "", "scope 1", "UPDATE scope SET categories = 'security privacy' WHERE org_id = @org AND version = 1"),
	hit("client", "scope: dates", "", "scope 1", "UPDATE scope SET effective = effective - 86400000 WHERE org_id = @org AND version = 1"),
	hit("client", "scope: deleted", "", "scope 1", "DELETE FROM scope WHERE org_id = @org AND version = 1"),
	hit("client", "scope: added", "", "scope 9", "INSERT INTO scope (org_id, version, requester, report_type, categories, as_of, starts, ends, system, included, excluded, catalogue, actor, effective) SELECT org_id, 9, requester, report_type, categories, as_of, starts, ends, system, included, excluded, catalogue, actor, effective FROM scope WHERE org_id = @org"),
	hit("client", "member: made owner", "SELECT MIN(user_id) FROM members WHERE org_id = @org AND roles <> 'owner'", "members @a", "UPDATE members SET roles = 'owner' WHERE org_id = @org AND user_id = @a"),
	hit("firm", "member: made partner", "SELECT MIN(user_id) FROM members WHERE org_id = @org AND roles <> 'partner'", "members @a", "UPDATE members SET roles = 'partner' WHERE org_id = @org AND user_id = @a"),
	hit("client", "member: from the firm", "SELECT MIN(user_id) FROM members WHERE org_id = @firm", "members @a", "INSERT INTO members (org_id, user_id, roles, created) VALUES (@org, @a, 'owner', 1)"),
	hit("client", "member: removed", "SELECT MIN(user_id) FROM members WHERE org_id = @org AND roles <> 'owner'", "members @a", "DELETE FROM members WHERE org_id = @org AND user_id = @a"),
	hit("firm", "member: another name", "SELECT MIN(user_id) FROM members WHERE org_id = @org", "members @a", "UPDATE users SET name = 'Somebody Else' WHERE id = @a"),
	hit("client", "token: made up", "SELECT MIN(user_id) FROM members WHERE org_id = @org", "tokens", "INSERT INTO tokens (org_id, id, user_id, name, hash, created, expires, revoked) SELECT org_id, 'tok_00000000000000000000000000', user_id, 'x', hash, 1, 2000000000000, 0 FROM (SELECT m.org_id, m.user_id, i.hash FROM members m JOIN invitation i ON i.org_id = m.org_id WHERE m.org_id = @org LIMIT 1) AS one"),
	hit("client", "invitation: good again", "SELECT MIN(id) FROM invitation WHERE org_id = @org", "invitation @a", "UPDATE invitation SET used = 0, expires = 2000000000000 WHERE org_id = @org AND id = @a"),
	hit("client", "organization: its name", "", "orgs ", "UPDATE orgs SET name = 'Larchmere Holding' WHERE org_id = @org"),
	hit("firm", "organization: a firm no more", "", "orgs ", "UPDATE orgs SET kind = 'service' WHERE org_id = @org"),
	hit("firm", "methodology: made up", "", "engagement_methodology 1", "INSERT INTO engagement_methodology (org_id, version, body, reason, at, actor) VALUES (@org, 1, '{}', 'x', 1, 'x')"),

	onEngagement("state", "state = 'fieldwork'"),
	onEngagement("ends", "ends = '2026-12-31'"),
	onEngagement("categories", "categories = 'security'||' '||'privacy'"),
	onEngagement("partner", "partner = 'Somebody Else'"),
	onEngagement("plan", "plan = '{}'"),
	onEngagement("profile", "profile = '{}'"),
	onEngagement("client", "client_name = 'Another'"),
	onEngagement("since", "since = since - 86400000"),
	hit("file", "engagement: version", "SELECT engagement_id FROM engagement_version WHERE org_id = @org", "engagement_version @a", "UPDATE engagement_version SET body = REPLACE(body, '2026', '2025') WHERE org_id = @org"),
	hit("file", "engagement: a state deleted", "SELECT engagement_id FROM engagement_version WHERE org_id = @org", "engagement_state @a 3", "DELETE FROM engagement_state WHERE org_id = @org AND seq = 3"),
	hit("file", "engagement: a state earlier", "SELECT engagement_id FROM engagement_version WHERE org_id = @org", "engagement_state @a 3", "UPDATE engagement_state SET at = at - 86400000 WHERE org_id = @org AND seq = 3"),
	hit("file", "engagement: who advanced it", "SELECT engagement_id FROM engagement_version WHERE org_id = @org", "engagement_state @a 3", "UPDATE engagement_state SET actor = 'Somebody Else' WHERE org_id = @org AND seq = 3"),
	hit("file", "engagement: a state added", "SELECT engagement_id FROM engagement_version WHERE org_id = @org", "engagement_state @a 99", "INSERT INTO engagement_state (org_id, engagement_id, seq, state, at, actor, reason) VALUES (@org, @a, 99, 'withdrawn', 1, 'x', 'x')"),
	hit("client", "engagement: the other side", "SELECT engagement_id FROM engagement_side WHERE org_id = @org", "engagement_side @a", "UPDATE engagement_side SET side = 'firm' WHERE org_id = @org"),
}
