package checks_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
)

const goodCheck = `id: idp.account.mfa
title: Accounts have a second factor
kind: account
schema: 1
applies: r.active && !r.service
pass: r.mfa
params: {days: {type: int, default: 90, doc: Days without a login.}}
freshness: 26h
cadence: daily
severity: high
mandatory: true
message: '"no second factor: " + r.name'
summary: '{failing} of {total} accounts have no second factor'
risk: One stolen password opens the account.
fix: Enrol the account.
controls: [IAM-02]
map: [{criterion: CC6.1, strength: direct}]
fixtures:
  pass: [{active: true, service: false, mfa: true, name: ~}]
  fail:
    - {active: true, service: false, mfa: false, name: hale, last_login: 2026-10-01T00:00:00Z}
  unknown: [{active: true, service: false}]
`

func parseOne(t testing.TB, text string) checks.Definition {
	t.Helper()
	found, err := checks.Parse("a.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 {
		t.Fatalf("%d checks, want one", len(found))
	}
	return found[0]
}

func TestParseReadsEveryKey(t *testing.T) {
	want := checks.Definition{
		ID: "idp.account.mfa", Title: "Accounts have a second factor", Kind: "account", Schema: 1,
		Applies: "r.active && !r.service", Pass: "r.mfa",
		Params: map[string]checks.Param{"days": {Type: "int", Default: int64(90), Doc: "Days without a login."}},
		Empty:  checks.Unknown, Freshness: checks.Duration(26 * time.Hour), Cadence: "daily", Severity: "high", Mandatory: true,
		Message: `"no second factor: " + r.name`, Summary: "{failing} of {total} accounts have no second factor",
		Risk: "One stolen password opens the account.", Fix: "Enrol the account.",
		Controls: []string{"IAM-02"}, Map: []checks.Mapping{{Criterion: "CC6.1", Strength: "direct"}},
		Fixtures: checks.Fixtures{
			Pass:    []map[string]any{{"active": true, "service": false, "mfa": true}},
			Fail:    []map[string]any{{"active": true, "service": false, "mfa": false, "name": "hale", "last_login": time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}},
			Unknown: []map[string]any{{"active": true, "service": false}},
		},
	}
	got := parseOne(t, goodCheck)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(checks.Definition{})); diff != "" {
		t.Error(diff)
	}
	if where := got.Where("fixtures.fail.0.mfa"); where != "a.yaml:21" {
		t.Errorf("a key is at %s", where)
	}
	if where := got.Where("params.days.nothing"); where != "a.yaml:7" {
		t.Errorf("a key that is not there is at %s, want where its nearest parent is", where)
	}
}

func TestParseSaysWhatWouldBeAccepted(t *testing.T) {
	change := func(old, new string) string { return strings.Replace(goodCheck, old, new, 1) }
	tests := []struct{ rule, text, want string }{
		{"unknown key", goodCheck + "colour: red\n", `a.yaml:23: there is no key "colour": keys here are id, title,`},
		{"unknown key of a mapping", change("strength: direct", "strength: direct, why: x"), `there is no key "why": keys here are criterion, strength`},
		{"key twice", goodCheck + "id: other\n", "already defined"},
		{"text for a number", change("schema: 1", "schema: one"), `a.yaml:4: "one" stands where a whole number is wanted`},
		{"id", change("id: idp.account.mfa", "id: IdP mfa"), `lower-case words joined by dots or dashes, as in git.commit.signed (a.yaml:1, IdP mfa)`},
		{"no title", change("title: Accounts have a second factor\n", ""), "title: it is missing"},
		{"no schema", change("schema: 1\n", ""), "1 or above"},
		{"empty", change("freshness: 26h", "freshness: 26h\nempty: maybe"), `"maybe" is not accepted: give unknown, pass, fail (a.yaml:9,`},
		{"severity", change("severity: high", "severity: urgent"), `"urgent" is not accepted: give high, medium, low (a.yaml:10,`},
		{"cadence", change("cadence: daily", "cadence: nightly"), "give hourly, daily, weekly, monthly, quarterly, yearly"},
		{"freshness without unit", change("26h", "26"), `a.yaml:8: "26" is not a duration: give hours or minutes, as in 26h or 90m`},
		{"freshness negative", change("26h", "-26h"), "above 0"},
		{"freshness below cadence", change("26h", "20h"), "20h is shorter than the daily cadence"},
		{"placeholder", change("{total}", "{count}"), "{count} stands for nothing: give {failing}, {passing}, {unknown}, {total}"},
		{"control", change("[IAM-02]", "[IAM2]"), "three capitals, a dash, two digits, as in CHG-03"},
		{"control twice", change("[IAM-02]", "[IAM-02, IAM-02]"), "named twice"},
		{"no control", change("[IAM-02]", "[]"), "at least one control"},
		{"criterion", change("CC6.1", "CC6.9"), `"CC6.9" is not one of the 61 criteria`},
		{"strength", change("strength: direct", "strength: weak"), "give direct, supporting"},
		{"criterion twice", change("strength: direct}", "strength: direct}, {criterion: CC6.1, strength: supporting}"), "mapped twice"},
		{"parameter type", change("type: int", "type: float"), `"float" is not a type: give string, bool, int, timestamp, list, map`},
		{"parameter default", change("default: 90", "default: many"), "the default of days is many: a whole number is accepted"},
		{"parameter without default", change("default: 90, ", ""), "the default of days is <nil>"},
		{"parameter without doc", change(", doc: Days without a login.", ""), "parameter days needs a doc"},
		{"no unknown fixture", change("  unknown: [{active: true, service: false}]\n", ""), "at least one example that must be unknown"},
		{"fraction", change("name: ~", "keys: 1.5"), "cannot be written down exactly"},
		{"not YAML", "id: [", "a.yaml:"},
		{"second document", goodCheck + "---\nid: x\n", "pass: it is missing"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			_, err := checks.Parse("a.yaml", []byte(test.text))
			if fault.KindOf(err) != fault.KindInvalid {
				t.Fatalf("got %v, want invalid", err)
			}
			if all := allOf(err); !strings.Contains(all, test.want) {
				t.Errorf("got\n%s\nwant %s", all, test.want)
			}
		})
	}
}

// allOf is the text of a fault and of all it brings with it.
func allOf(err error) string {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var lines []string
		for _, e := range joined.Unwrap() {
			lines = append(lines, allOf(e))
		}
		return strings.Join(lines, "\n")
	}
	f := fault.As(err)
	if f == nil {
		return err.Error()
	}
	lines := []string{f.Error()}
	for _, more := range f.More {
		lines = append(lines, more.Error())
	}
	return strings.Join(lines, "\n")
}

func TestParseReportsAllFaultsAtOnce(t *testing.T) {
	_, err := checks.Parse("a.yaml", []byte("id: x\n"))
	if f := fault.As(err); f == nil || len(f.More) < 10 {
		t.Errorf("got %v", err)
	}
}

func TestDigestFollowsContentNotLayout(t *testing.T) {
	base := parseOne(t, goodCheck).Digest()
	for rule, text := range map[string]string{
		"comment":       "# hello\n" + goodCheck,
		"order":         strings.Replace(goodCheck, "cadence: daily\nseverity: high\n", "severity: high\ncadence: daily\n", 1),
		"default given": goodCheck + "empty: unknown\n",
		"other unit":    strings.Replace(goodCheck, "26h", "1560m", 1),
	} {
		if parseOne(t, text).Digest() != base {
			t.Errorf("%s: the digest changed", rule)
		}
	}
	for rule, text := range map[string]string{
		"rule":    strings.Replace(goodCheck, "pass: r.mfa", "pass: r.mfa || r.service", 1),
		"default": strings.Replace(goodCheck, "default: 90", "default: 91", 1),
		"empty":   goodCheck + "empty: pass\n",
		"fixture": strings.Replace(goodCheck, "name: hale", "name: hall", 1),
	} {
		if parseOne(t, text).Digest() == base {
			t.Errorf("%s: the digest did not change", rule)
		}
	}
	if len(base) != 64 {
		t.Errorf("digest %q", base)
	}
}

func TestDurationsAreWrittenShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		26 * time.Hour: "26h", 90 * time.Minute: "1h30m", time.Minute: "1m", 100 * time.Hour: "100h", 0: "0s", 10 * time.Second: "10s", 20 * time.Minute: "20m",
		time.Hour + 5*time.Second: "1h0m5s",
	} {
		if got := checks.Duration(d).String(); got != want {
			t.Errorf("%d is written %s, want %s", d, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(goodCheck))
	f.Add([]byte(goodCheck + "---\n" + goodCheck))
	f.Add([]byte("a: &a [x]\nb: [*a, *a]\n"))
	f.Add([]byte("params: {a: {type: map, default: {1: 2}, doc: x}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := checks.Parse("a.yaml", data)
		if err != nil {
			if fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%v is not a fault that a person may read", err)
			}
			return
		}
		for _, d := range found {
			if d.Digest() == "" {
				t.Error("accepted, and has no digest")
			}
			_, _ = checks.Compile(d, account)
		}
	})
}
