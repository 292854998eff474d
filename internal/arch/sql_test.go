package arch_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/arch/sqlscan"
)

// tables says which package owns which tables: a name, and every name that
// goes on with an underscore. Only the owner writes them; anyone may join them.
var tables = map[string][]string{
	"internal/auth":     {"setup", "users", "sessions", "members", "tokens"},
	"internal/orgs":     {"orgs", "invitation"},
	"internal/op":       {"op"},
	"internal/blob":     {"blob"},
	"internal/ledger":   {"ledger"},
	"internal/job":      {"job"},
	"internal/scopes":   {"scope"},
	"internal/controls": {"control"},
	"internal/sources":  {"source"},
	"internal/evidence": {"evidence"},
	"internal/checks":   {"check"},

	"internal/engagements": {"engagement"},
	"internal/populations": {"population"},
	"internal/procedures":  {"procedure", "sample", "item", "mark", "deviation"},
	"internal/opinions":    {"opinion"},
	"internal/reports":     {"report", "assertion"},
	"internal/anchors":     {"anchor"},
	"internal/scrub":       {"scrub"},
	"internal/backup":      {"backup"},
	"internal/erasures":    {"erasure", "hold"},

	"internal/notify": {"notice", "letter", "channel", "preference"},
	"internal/tasks":  {"task", "comment"},
	"internal/views":  {"view"},
	"internal/assets": {"asset"},
}

// installation tables belong to the whole installation: their key does not
// begin with an organization and a statement on them need not name one.
var installation = map[string]string{
	"setup":    "there is no organization yet",
	"users":    "a person may belong to several organizations",
	"sessions": "found by the hash of a cookie, before anything is known",
	"job":      "workers take whatever is due",

	"backup_unfinished": "there is no organization until a restore is finished",

	"blob_installation": "the key of what belongs to people, who may belong to several organizations",
	"users_totp":        "how a person signs in, wherever they belong",
	"users_passkey":     "how a person signs in, wherever they belong",
	"users_code":        "how a person signs in, wherever they belong",
	"users_recovery":    "how a person signs in, wherever they belong; found by the hash of a link",
	"users_spent":       "what was good once, whosesoever it was",
}

// everywhere names the statements of the machinery that serve all
// organizations at once, and why they must.
var everywhere = map[string]string{
	"internal/auth.selectHome":       "asks which organizations a signed-in person has",
	"internal/orgs.selectInvited":    "the secret's hash is all that is known; it says which organization",
	"internal/orgs.selectKinds":      "asks which organizations a person has: to change between them, and to keep the two sides of an examination apart",
	"internal/auth.selectHomes":      "asks which organizations a person has, whose sign-in it is about",
	"internal/auth.demandedBy":       "asks whether any organization of a person requires a second factor",
	"internal/auth.selectSession":    "the cookie's hash is all that is known; it says which organization, and what that demands",
	"internal/orgs.selectFirst":      "asks which organization the installation was set up for",
	"internal/auth.selectToken":      "the secret's hash is all that is known; it says which organization",
	"internal/auth.selectUnclaimed":  "first setup finds the organization that the command line made",
	"internal/blob.selectNames":      "the store is one for all: an orphan is what nobody's row speaks of",
	"internal/scrub.countOpenAll":    "whoever watches the process asks whether anything is found anywhere",
	"internal/scrub.selectEarly":     "an orphan is deleted once every log was read since it was first seen",
	"internal/scrub.selectFirst":     "one organization collects orphans for all",
	"internal/scrub.selectIdle":      "every log gets its schedule",
	"internal/job.due":               "the scheduler serves all",
	"internal/notify.waitingMail":    "the courier serves all",
	"internal/job.peek":              "the scheduler serves all",
	"internal/ledger.selectKnown":    "a stranger holds a file and asks whether its log is kept here, whosesoever it is",
	"internal/ledger.selectWhose":    "a tile is asked for by the log's name; whether the asker may have it is seen before anything is read",
	"internal/ledger.selectClock":    "asks all logs at once whether their clock may be set by hand",
	"internal/ledger.selectLogs":     "the sealer serves all",
	"internal/ledger.selectUnsealed": "the sealer serves all",
	"internal/orgs.selectAll":        "the command line on the machine itself lists the organizations",
	"internal/backup.everyOrg":       "a backup is of the installation, and each organization is told",
	"internal/op.expireKeys":         "old idempotency keys go, whosesoever they are",
}

// history is never rewritten: no UPDATE, no DELETE.
var history = []string{"ledger_leaf", "ledger_hash", "ledger_checkpoint", "ledger_key", "control_version", "scope", "check_result", "check_setting", "source_run_kind",
	"engagement_state", "engagement_version", "engagement_methodology", "population_check", "population_decision",
	"procedure_version", "procedure_run", "procedure_conclusion", "procedure_review", "mark", "item_link", "deviation_response",
	"opinion_criterion", "opinion_part", "report", "report_text", "assertion", "erasure_policy", "backup_run", "anchor",
	"evidence_review"}

// kept rows are never deleted, and once written only the columns named may
// change, each from "not yet" to a fact.
var kept = map[string][]string{
	"sample":           {"size", "extended", "extended_by", "extension_entry", "reason", "rows_link"},
	"population":       {"nonce", "revealed", "revealed_by", "abandoned", "reason"},
	"check_interval":   {"ends"},
	"check_definition": {"ended"},
	"check_exception":  {"approver_id", "approver", "starts", "ended"},
	// An erasure overwrites what a record says, and says so in the same row.
	"evidence": {"superseded_by", "title", "size", "sha256", "address", "collector", "origin", "environment", "location", "query", "parameters",
		"row_count", "actor", "erased", "erased_by", "erased_basis", "account", "reviewed", "outcome", "source_count", "submitter", "ticket",
		"restricted"},
	"erasure": {"state", "second_id", "second", "alone", "note", "settled", "entry", "done", "cleared"},
	"hold":    {"asked", "releaser", "alone", "note", "released"},
}

// built names statements whose text is put together while the program runs,
// and why that is safe.
var built = map[string]string{}

// unportable finds what the two databases read differently. The measurements
// are in docs/decisions.
var unportable = regexp.MustCompile(`(?i)\$\d|->>?|::|\bCURRENT_(TIMESTAMP|DATE|TIME)\b|\bCOLLATE\b|\bI?LIKE\b|\bNOW\(|\bLOWER\(|\bUPPER\(|\bSTRFTIME\(|\bDATETIME\(|\bINSERT\s+OR\b|\bGROUP_CONCAT\(|\bSTRING_AGG\(|%[sdvq]`)

// statements reads the tree's SQL, without that of db, which speaks to each
// database in its own dialect, and of the collector that reads other people's
// servers.
func statements(t *tree) ([]sqlscan.Statement, error) {
	all, err := sqlscan.Scan(t.fsys)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s sqlscan.Statement) bool {
		return s.Pkg == "internal/db" || s.Pkg == "internal/collectors/postgres"
	}), nil
}

// each makes a rule of what is wrong with one statement.
func each(check func(s sqlscan.Statement, u sqlscan.Uses) []string) rule {
	return func(t *tree) []string {
		all, err := statements(t)
		if err != nil {
			return []string{err.Error()}
		}
		var out []string
		for _, s := range all {
			for _, v := range check(s, sqlscan.Tables(s.SQL)) {
				out = append(out, fmt.Sprintf("%s: %s: %s", s.Pos, s.Name, v))
			}
		}
		return out
	}
}

// ownTables: a package writes its own tables and no others.
var ownTables = each(func(s sqlscan.Statement, u sqlscan.Uses) []string {
	var out []string
	for _, table := range slices.Concat(u.Inserts, u.Updates, u.Deletes) {
		switch who := tableOwner(table); who {
		case s.Pkg:
		case "":
			out = append(out, fmt.Sprintf("writes %s, which nobody owns: name its owner in internal/arch", table))
		default:
			out = append(out, fmt.Sprintf("%s writes %s, which %s owns: call a function of that package", s.Pkg, table, who))
		}
	}
	return slices.Compact(out)
})

func tableOwner(table string) string {
	owner, longest := "", 0
	for pkg, prefixes := range tables {
		for _, p := range prefixes {
			if (table == p || strings.HasPrefix(table, p+"_")) && len(p) > longest {
				owner, longest = pkg, len(p)
			}
		}
	}
	return owner
}

var (
	oneOrg    = regexp.MustCompile(`\borg_id\s*=\s*\?`)
	insertOrg = regexp.MustCompile(`(?i)\bINTO\s+[a-z_]+\s*\([^)]*\borg_id\b`)
)

// namesOrg: a statement on an organization's table holds it to one
// organization, by org_id = ? or, for INSERT, by a column.
var namesOrg = each(func(s sqlscan.Statement, u sqlscan.Uses) []string {
	sql := sqlscan.Bare(s.SQL)
	if oneOrg.MatchString(sql) || insertOrg.MatchString(sql) || everywhere[s.Pkg+"."+s.Name] != "" {
		return nil
	}
	for _, table := range u.All() {
		if installation[table] == "" {
			return []string{fmt.Sprintf("does not say org_id = ?, but %s belongs to organizations", table)}
		}
	}
	return nil
})

// constant: SQL is written, not put together.
var constant = each(func(s sqlscan.Statement, _ sqlscan.Uses) []string {
	if s.Whole || built[s.Pkg+"."+s.Name] != "" {
		return nil
	}
	return []string{"is put together while the program runs: write it as a constant, or say in internal/arch why it is safe"}
})

// portableSQL: both databases read a statement the same way.
var portableSQL = each(func(s sqlscan.Statement, _ sqlscan.Uses) []string {
	if w := unportable.FindString(sqlscan.Bare(s.SQL)); w != "" {
		return []string{fmt.Sprintf("%q means different things to the two databases", w)}
	}
	return nil
})

var setClause = regexp.MustCompile(`(?is)\bSET\b(.*?)(\bWHERE\b|\bFROM\b|\bRETURNING\b|$)`)
var assigned = regexp.MustCompile(`(?:^|,)\s*([a-z_]+)\s*=`)

// keepsHistory: what an auditor will ask for is not overwritten.
var keepsHistory = each(func(s sqlscan.Statement, u sqlscan.Uses) []string {
	var out []string
	for _, table := range slices.Concat(u.Updates, u.Deletes) {
		if slices.Contains(history, table) {
			out = append(out, fmt.Sprintf("changes %s, to which rows are only ever added", table))
		}
	}
	for _, table := range u.Deletes {
		if kept[table] != nil {
			out = append(out, fmt.Sprintf("deletes from %s, whose rows are kept", table))
		}
	}
	for _, table := range u.Updates {
		if kept[table] == nil {
			continue
		}
		set := setClause.FindStringSubmatch(sqlscan.Bare(s.SQL))
		if set == nil {
			continue
		}
		for _, m := range assigned.FindAllStringSubmatch(set[1], -1) {
			if !slices.Contains(kept[table], m[1]) {
				out = append(out, fmt.Sprintf("changes %s.%s: of a stored row only %s may change", table, m[1], strings.Join(kept[table], ", ")))
			}
		}
	}
	return out
})

func TestPackagesWriteTheirOwnTables(t *testing.T)        { holds(t, ownTables) }
func TestStatementsNameTheOrganization(t *testing.T)      { holds(t, namesOrg) }
func TestStatementsAreConstants(t *testing.T)             { holds(t, constant) }
func TestStatementsReadTheSameOnBoth(t *testing.T)        { holds(t, portableSQL) }
func TestHistoryIsNotRewritten(t *testing.T)              { holds(t, keepsHistory) }
func TestPackagesWriteTheirOwnTablesCatches(t *testing.T) { catches(t, ownTables, plantedSQL("own")) }
func TestStatementsNameTheOrganizationCatches(t *testing.T) {
	catches(t, namesOrg, plantedSQL("org"))
}
func TestStatementsAreConstantsCatches(t *testing.T) { catches(t, constant, plantedSQL("constant")) }
func TestStatementsReadTheSameOnBothCatches(t *testing.T) {
	catches(t, portableSQL, plantedSQL("portable"))
}
func TestHistoryIsNotRewrittenCatches(t *testing.T) { catches(t, keepsHistory, plantedSQL("history")) }

// plantedSQL gives, for one rule, statements of the package controls (or
// another, if named) and the words of its violation; no words, no violation.
func plantedSQL(rule string) []planted {
	var out []planted
	for _, c := range []struct{ rule, pkg, sql, want string }{
		{"own", "controls", "INSERT INTO evidence (org_id) VALUES (?)", "internal/controls writes evidence, which internal/evidence owns"},
		{"own", "controls", "DELETE FROM nothing WHERE org_id = ?", "nobody owns"},
		{"own", "controls", "UPDATE control_criterion SET x = (SELECT y FROM evidence) WHERE org_id = ?", ""},
		{"org", "controls", "SELECT id FROM control WHERE id = ?", "does not say org_id = ?, but control belongs"},
		{"org", "controls", "SELECT org_id, id FROM control WHERE id = ?", "does not say org_id = ?"},
		{"org", "controls", "INSERT INTO control (id) SELECT org_id FROM orgs", "does not say org_id = ?"},
		{"org", "controls", "INSERT INTO control (id, org_id) VALUES (?, ?)", ""},
		{"org", "controls", "SELECT id FROM users u JOIN members m ON m.id = u.id -- org_id", "members belongs"},
		{"org", "auth", "SELECT id FROM users WHERE id = ?", ""},
		{"org", "controls", "SELECT id FROM control WHERE org_id = ?", ""},
		{"constant", "controls", "SELECT org_id FROM control WHERE \" + os.Args[0] + \"", "is put together"},
		{"constant", "controls", "SELECT org_id\" + \" FROM control", ""},
		{"portable", "controls", "SELECT now() FROM control", "now("},
		{"portable", "controls", "SELECT a FROM control WHERE a LIKE ?", "LIKE"},
		{"portable", "controls", "SELECT %s FROM control", "%s"},
		{"portable", "controls", "SELECT a FROM control WHERE a = 'like'", ""},
		{"history", "ledger", "UPDATE ledger_leaf SET leaf = ? WHERE org_id = ?", "only ever added"},
		{"history", "ledger", "INSERT INTO ledger_leaf (org_id) VALUES (?) ON CONFLICT (org_id) DO UPDATE SET x = 1", "only ever added"},
		{"history", "checks", "DELETE FROM check_interval WHERE org_id = ?", "rows are kept"},
		{"history", "checks", "UPDATE check_interval SET ends = ?, status = ? WHERE org_id = ?", "changes check_interval.status"},
		{"history", "checks", "UPDATE check_interval SET ends = ? WHERE org_id = ? AND status = ?", ""},
	} {
		if c.rule != rule {
			continue
		}
		p := planted{name: c.sql, files: map[string]string{
			path.Join("internal", c.pkg, "sql.go"): "package p\nconst q = \"" + c.sql + "\"\n",
		}}
		if c.want != "" {
			p.want = []string{c.want}
		}
		out = append(out, p)
	}
	return out
}
