package app_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/arch/sqlscan"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
)

// paged says which statements every list reads its pages with: constants, by
// package. A list of rows without a bound is read in the order of an index, so
// that its hundredth page costs what its first did.
var paged = map[string]string{
	"anchors.list":             "anchors.selectAnchors anchors.countAnchors",
	"backups.list":             "backup.selectRuns backup.countRuns",
	"comments.list":            "tasks.selectThread tasks.countThread",
	"controls.list":            "controls.selectActive controls.selectOwned controls.countActive controls.countOwned",
	"erasures.list":            "erasures.selectPage erasures.countErasures",
	"evidence.list":            "evidence.selectPage evidence.selectRising evidence.selectOfRun evidence.selectWholeRun evidence.risingOfRun evidence.selectOfCtl evidence.risingOfCtl evidence.countAll evidence.countRun evidence.countCtl",
	"entries.list":             "ledger.selectPage ledger.selectKindPage evidence.selectAbout evidence.countMention evidence.countKind",
	"engagement_entries.list":  "ledger.selectPage ledger.selectKindPage evidence.selectAbout evidence.countMention evidence.countKind",
	"engagement_evidence.list": "evidence.selectPage evidence.selectRising evidence.selectOfRun evidence.selectOfCtl evidence.countAll",
	"imports.list":             "sources.selectImports sources.countImports",
	"items.list":               "procedures.selectItems procedures.selectLinks",
	"jobs.list":                "job.selectJobs job.countJobs",
	"letters.list":             "notify.selectLetters notify.countLetters",
	"mappings.list":            "sources.selectMappings sources.countMappings",
	"notices.list":             "notify.selectNotices notify.selectOfKind notify.countNotices notify.countOfKind notify.countUnread notify.countUnreadOf",
	"resources.list":           "sources.selectSeen sources.countSeen",
	"runs.list":                "sources.selectRuns sources.selectAllRun sources.countRuns sources.countAllRuns sources.selectKinds",
	"tasks.list":               "tasks.selectIn tasks.selectAny tasks.countIn tasks.countAny",
	"exceptions.list":          "checks.selectInForce checks.selectWaiting checks.selectEnded checks.selectExpired checks.countInForce checks.countWaiting checks.countEnded checks.countExpired",
	// Not lists by their name, but paged as they are.
	"comments.mentions": "tasks.selectMine tasks.countMine",
	"resources.find":    "sources.selectKey sources.countKey",
	"retention.due":     "erasures.selectDue erasures.countDue",
	"checks.findings":   "checks.selectFindings checks.selectFound checks.countFindings checks.countFound",
}

// bounded argues for each list that is read whole why it may be.
var bounded = map[string]string{
	"catalogues.list":          "the editions that this program was built with",
	"channels.list":            "an organization has a handful of channels",
	"checks.list":              "a few hundred definitions; what each says is judged when it is asked for, and TestListsOfManyResourcesUseTheirIndex holds the statements below it",
	"criteria.list":            "61 criteria, from a file of the program",
	"deviations.list":          "of one engagement; people raise them one by one",
	"engagement_controls.list": "the controls of one client, which the auditor plans with as a whole",
	"engagements.list":         "an organization has one or two a year, a firm some hundreds",
	"firms.list":               "the firms that ever accepted an invitation",
	"holds.list":               "holds are decided by people, one by one",
	"invitations.list":         "invitations are sent by people, and the list ends at 500",
	"members.list":             "the people of one organization, who are chosen from as a whole",
	"methodologies.list":       "the versions of one document",
	"orgs.list":                "the organizations of one person",
	"populations.list":         "the lists of one engagement: one for each kind of event",
	"procedures.list":          "one for each control of an engagement, tallied as a whole",
	"scopes.list":              "the versions of one decision",
	"sessions.list":            "the devices of one person",
	"sources.list":             "what is connected: each is set up by a person",
	"tokens.list":              "tokens are made by people, and end",
	"assets.history":           "the versions of one asset",
	"assets.list":              "its own tests read the plans: the order and the filters choose the statement",
	"evidence.decisions":       "what was decided of one record",
	"evidence.due":             "one for each adopted control, sorted by a day that is computed",
	"evidence.links":           "the controls of one record",
	"evidence.remarks":         "the remarks of one record",
	"controls.history":         "the versions of one control",
	"controls.library":         "the templates that this program was built with",
	"ledgers.keys":             "one for each time that a log changed its key",
	"members.find":             "of the people of one organization, ten at most",
	"members.holdings":         "what one person answers for, shown when they leave",
	"populations.rows":         "read from the sealed pieces of a list, which are found by the number of the row",
	"sources.kinds":            "the kinds that this program was built with, and those declared by people",
	"views.list":               "a person may keep a bounded number",
}

// sorted names statements that may sort what they found, and why.
var sorted = map[string]string{
	"sources.selectKinds":    "the kinds of one run: a dozen",
	"checks.selectFound":     "only of the past: found by its time, and an index in the order of keys too would cost every reading of every source",
	"evidence.selectAbout":   "a thing has two names, and its entries are found by each",
	"procedures.selectLinks": "what is linked to the items of one page",
}

func planned(t *testing.T, d *db.DB, s sqlscan.Statement) string {
	t.Helper()
	var out []string
	n := strings.Count(s.SQL, "?")
	err := d.Write(t.Context(), db.All, func(tx *db.Tx) error {
		if d.Dialect() == db.SQLite {
			args := make([]any, n)
			for i := range args {
				args[i] = "x"
			}
			return tx.Each("EXPLAIN QUERY PLAN "+s.SQL, args, func(scan func(...any) error) error {
				var a, b, c int64
				var line string
				err := scan(&a, &b, &c, &line)
				out = append(out, line)
				return err
			})
		}
		// Tables without rows are scanned and sorted for good reason: what is
		// asked is whether an index could serve instead, whatever the values.
		name := "plan_" + s.Name
		for _, q := range []string{"SET LOCAL enable_seqscan = off", "SET LOCAL enable_sort = off", "SET LOCAL enable_incremental_sort = off", "SET LOCAL enable_bitmapscan = off",
			"SET LOCAL enable_hashjoin = off", "SET LOCAL enable_mergejoin = off", "SET LOCAL plan_cache_mode = force_generic_plan", "PREPARE " + name + " AS " + numbered(s.SQL)} {
			if _, err := tx.Exec(q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		q := "EXPLAIN EXECUTE " + name
		if n > 0 {
			q += "(NULL" + strings.Repeat(", NULL", n-1) + ")"
		}
		err := tx.Each(q, nil, func(scan func(...any) error) error {
			var line string
			err := scan(&line)
			out = append(out, line)
			return err
		})
		if err != nil {
			return err
		}
		_, err = tx.Exec("DEALLOCATE " + name)
		return err
	})
	if err != nil {
		t.Fatalf("%s.%s: %v", s.Pkg, s.Name, err)
	}
	return strings.Join(out, "\n")
}

// numbered writes the places of a statement as PostgreSQL does.
func numbered(sql string) string {
	var b strings.Builder
	n := 0
	for _, r := range sql {
		if r == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

var (
	wholeTable = regexp.MustCompile(`(?m)^SCAN |Seq Scan`)
	sorts      = regexp.MustCompile(`TEMP B-TREE FOR (LAST \d+ TERMS? OF |RIGHT PART OF )?ORDER BY|(?m)^\s*(->\s*)?(Incremental )?Sort `)
)

// TestEveryListIsReadByAnIndex asks both databases how they read each list.
func TestEveryListIsReadByAnIndex(t *testing.T) {
	all, err := sqlscan.Scan(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]sqlscan.Statement{}
	for _, s := range all {
		known[strings.TrimPrefix(s.Pkg, "internal/")+"."+s.Name] = s
	}
	asked := map[string]bool{}
	for _, names := range paged {
		for _, name := range strings.Fields(names) {
			if s, ok := known[name]; !ok || !s.Whole {
				t.Errorf("%s is no statement of the product", name)
				continue
			}
			asked[name] = true
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, name := range slices.Sorted(maps.Keys(asked)) {
			s := known[name]
			plan := planned(t, d, s)
			if wholeTable.MatchString(plan) {
				t.Errorf("%s reads a whole table:\n%s\n%s", name, s.SQL, plan)
			}
			if sorts.MatchString(plan) && sorted[name] == "" {
				t.Errorf("%s sorts what it found:\n%s\n%s", name, s.SQL, plan)
			}
		}
	})
}

// TestEveryListSaysHowItIsRead: a list that nobody thought about fails here.
func TestEveryListSaysHowItIsRead(t *testing.T) {
	names := map[string]bool{}
	for _, o := range app.Operations() {
		name := o.Name()
		names[name] = true
		_, out := o.Types()
		if o.Writes() || !strings.HasSuffix(name, ".list") && !strings.HasPrefix(out.Name(), "Page[") {
			continue
		}
		if (paged[name] == "") == (bounded[name] == "") {
			t.Errorf("%s: say in this file which statements read it, or why it needs no pages; one of the two", name)
		}
	}
	for name := range paged {
		if !names[name] {
			t.Errorf("there is no list %s", name)
		}
	}
	for name := range bounded {
		if !names[name] {
			t.Errorf("there is no list %s", name)
		}
	}
}

// TestPlansAreJudged: the test above can fail.
func TestPlansAreJudged(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		whole := planned(t, d, sqlscan.Statement{Name: "whole", SQL: "SELECT title FROM evidence WHERE title = ?"})
		if !wholeTable.MatchString(whole) {
			t.Errorf("a whole table is read, and not found: %s", whole)
		}
		sort := planned(t, d, sqlscan.Statement{Name: "sort", SQL: "SELECT title FROM evidence WHERE org_id = ? ORDER BY title"})
		if !sorts.MatchString(sort) {
			t.Errorf("rows are sorted, and not found: %s", sort)
		}
	})
}
