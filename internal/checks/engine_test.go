package checks_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

var asof = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

var account = sources.Schema{Kind: "account", Version: 2, Title: "Account", Doc: "x", Fields: map[string]sources.Field{
	"name":       {Type: sources.TypeString},
	"active":     {Type: sources.TypeBool},
	"service":    {Type: sources.TypeBool},
	"mfa":        {Type: sources.TypeBool},
	"keys":       {Type: sources.TypeInt},
	"last_login": {Type: sources.TypeTimestamp},
	"groups":     {Type: sources.TypeList},
	"tags":       {Type: sources.TypeMap},
}}

// sample is a check whose rules tests replace.
func sample() checks.Definition {
	return checks.Definition{
		ID: "idp.account.mfa", Title: "Accounts have a second factor", Kind: "account", Schema: 1,
		Pass: "r.mfa", Message: `"no second factor: " + r.name`,
		Params: map[string]checks.Param{"days": {Type: "int", Default: int64(90)}, "admins": {Type: "list", Default: []string{"root"}}},
	}
}

func compile(t testing.TB, applies, pass string) *checks.Compiled {
	t.Helper()
	d := sample()
	d.Applies, d.Pass = applies, pass
	c, err := checks.Compile(d, account)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func judge(c *checks.Compiled, attrs map[string]any) checks.Outcome {
	return c.Evaluate(sources.Resource{Kind: "account", Key: "hale", Attrs: attrs}, checks.Params{}, asof)
}

func TestCompilePointsAtTheFault(t *testing.T) {
	tests := []struct{ pass, want string }{
		{"r.mfaa", "line 1, column 3: account has no field mfaa: mfa is probably meant (idp.account.mfa)\n    r.mfaa\n      ^"},
		{"size(r.groups) >\n\tr.kyes", "line 2, column 4: account has no field kyes: keys is probably meant (idp.account.mfa)\n    \tr.kyes\n    \t  ^"},
		{"r.zzzzzzzz", "account has no field zzzzzzzz: active, groups, keys, last_login, mfa, name, service, tags are accepted"},
		{"r.keys < p.dasy", "line 1, column 12: there is no parameter dasy: days is probably meant"},
		{"q.mfa", "line 1, column 1: there is no q: r is the account, p the parameters, asof the end of the run"},
		{"r.name == true", "line 1, column 8: == cannot be used on (string, bool)"},
		{"r.mfa != null", "!= cannot be used on (bool, null)"},
		{"r.mfa ==", "line 1, column 9: Syntax error: mismatched input '<EOF>'"},
		{"r.keys", "it gives a whole number where true or false is wanted"},
		{"dyn(r.mfa)", "it gives a value of any type where true or false is wanted"},
		{"resource{mfa: true}.mfa", "a rule reads r and p, it cannot make one"},
		{`r.name.matches("(")`, "error parsing regexp"},
		{`r.name.matches("(a{1,500}){1,500}")`, ""},
		{"", "Syntax error"},
		{strings.Repeat("(", 3000) + "true" + strings.Repeat(")", 3000), "at most 4096"},
		{strings.Repeat("(", 1000) + "true" + strings.Repeat(")", 1000), "recursion"},
		{strings.Repeat("[1].exists(c,true)||", 200) + "true", "expression count exceeds limit"},
		{"r == r", "line 1, column 1: r is read by its fields, as in r.name"},
		{"dyn(r).mfa == true", "r is read by its fields"},
		{"[p].size() == 1", "p is read by its fields"},
		{"r.name.matches(r.name)", "matches takes a pattern in quotes"},
		{`r.name.replace("", r.name) == ""`, "replace takes two texts in quotes, the first not empty, the second at most 8 times as long"},
		{`r.groups.join(r.name) == ""`, "join takes a text in quotes, of at most 8 characters"},
	}
	for _, test := range tests {
		d := sample()
		d.Pass = test.pass
		_, err := checks.Compile(d, account)
		f := fault.As(err)
		if f == nil || f.Kind != fault.KindInvalid || f.Field != "pass" || !strings.Contains(f.Message, test.want) {
			t.Errorf("%.60s:\n%v\nwant %s", test.pass, err, test.want)
		}
	}
}

func TestCompileNamesTheRuleAtFault(t *testing.T) {
	d := sample()
	d.Applies, d.Pass, d.Message = "r.a", "r.b", "r.mfa"
	_, err := checks.Compile(d, account)
	f := fault.As(err)
	if f == nil || len(f.More) != 2 || f.Field != "applies" || f.More[0].Field != "pass" || f.More[1].Field != "message" {
		t.Errorf("got %v", allOf(err))
	}
	if want := "it gives true or false where text is wanted"; !strings.Contains(f.More[1].Message, want) {
		t.Errorf("got %v, want %s", f.More[1], want)
	}
	d = sample()
	d.Schema = 3
	if _, err := checks.Compile(d, account); fault.As(err) == nil || !strings.Contains(err.Error(), "the newest is 2") {
		t.Errorf("a schema version to come: %v", err)
	}
	d = sample()
	d.Kind = "door"
	if _, err := checks.Compile(d, account); fault.As(err) == nil || fault.As(err).Field != "kind" {
		t.Errorf("another kind: %v", err)
	}
}

func TestEvaluate(t *testing.T) {
	type attrs = map[string]any
	const day = 24 * time.Hour
	tests := []struct {
		rule, applies, pass string
		attrs               attrs
		want                checks.Outcome
	}{
		{"pass", "", "r.mfa", attrs{"mfa": true}, checks.Outcome{Status: checks.Pass}},
		{"fail with message", "", "r.mfa", attrs{"mfa": false, "name": "hale"}, checks.Outcome{Status: checks.Fail, Message: "no second factor: hale"}},
		{"fail without what the message needs", "", "r.mfa", attrs{"mfa": false}, checks.Outcome{Status: checks.Fail, Message: "idp.account.mfa does not hold for hale"}},
		{"not applicable", "r.active", "r.mfa", attrs{"active": false}, checks.Outcome{Status: checks.NotApplicable}},
		{"absent field", "", "r.mfa", attrs{}, checks.Outcome{Status: checks.Unknown, Class: "absent:mfa", Reason: "field mfa was not reported by the source"}},
		{"absent in applies", "r.active", "true", attrs{}, checks.Outcome{Status: checks.Unknown, Class: "absent:active", Reason: "field active was not reported by the source"}},
		{"absent compared", "", "r.mfa != true", attrs{}, checks.Outcome{Status: checks.Unknown, Class: "absent:mfa", Reason: "field mfa was not reported by the source"}},
		{"absent negated", "", "!r.mfa", attrs{}, checks.Outcome{Status: checks.Unknown, Class: "absent:mfa", Reason: "field mfa was not reported by the source"}},
		{"absent list", "", `r.groups.all(g, g != "x")`, attrs{}, checks.Outcome{Status: checks.Unknown, Class: "absent:groups", Reason: "field groups was not reported by the source"}},
		{"has, absent", "", "has(r.mfa)", attrs{"name": "x"}, checks.Outcome{Status: checks.Fail, Message: "no second factor: x"}},
		{"has, false", "", "has(r.mfa)", attrs{"mfa": false}, checks.Outcome{Status: checks.Pass}},
		{"has guards", "", "!has(r.keys) || r.keys < 2", attrs{}, checks.Outcome{Status: checks.Pass}},
		// CEL answers where the absent part cannot change the answer, on either side.
		{"absent || true", "", "r.mfa || r.active", attrs{"active": true}, checks.Outcome{Status: checks.Pass}},
		{"true || absent", "", "r.active || r.mfa", attrs{"active": true}, checks.Outcome{Status: checks.Pass}},
		{"absent || false", "", "r.mfa || r.active", attrs{"active": false}, checks.Outcome{Status: checks.Unknown, Class: "absent:mfa", Reason: "field mfa was not reported by the source"}},
		{"absent && true", "", "r.mfa && r.active", attrs{"active": true}, checks.Outcome{Status: checks.Unknown, Class: "absent:mfa", Reason: "field mfa was not reported by the source"}},
		{"absent && false", "", "r.mfa && r.active", attrs{"active": false, "name": "x"}, checks.Outcome{Status: checks.Fail, Message: "no second factor: x"}},
		{"time", "", `r.last_login > asof - duration("2160h")`, attrs{"last_login": asof.Add(-89 * day)}, checks.Outcome{Status: checks.Pass}},
		{"time by parameter", "", `r.last_login > asof - duration(string(p.days * 24) + "h")`, attrs{"last_login": asof.Add(-91 * day), "name": "x"}, checks.Outcome{Status: checks.Fail, Message: "no second factor: x"}},
		{"list", "", `r.groups.exists(g, g in p.admins) == false`, attrs{"groups": []string{"staff"}}, checks.Outcome{Status: checks.Pass}},
		{"map", "", `"owner" in r.tags && r.tags["owner"].lowerAscii() == "park"`, attrs{"tags": map[string]string{"owner": "Park"}}, checks.Outcome{Status: checks.Pass}},
		{"map without key", "", `r.tags["owner"] == "x"`, attrs{"tags": map[string]string{}}, checks.Outcome{Status: checks.Unknown, Class: "error", Reason: "the rule has no answer: no such key: owner"}},
		{"division by zero", "", "1 / r.keys == 1", attrs{"keys": int64(0)}, checks.Outcome{Status: checks.Unknown, Class: "error", Reason: "the rule has no answer: division by zero"}},
		{"overflow", "", "r.keys + 1 > 0", attrs{"keys": int64(9223372036854775807)}, checks.Outcome{Status: checks.Unknown, Class: "error", Reason: "the rule has no answer: integer overflow"}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			if got := judge(compile(t, test.applies, test.pass), test.attrs); got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestUnknownGivesTheSourcesReason(t *testing.T) {
	c := compile(t, "", "r.mfa")
	got := c.Evaluate(sources.Resource{Absent: map[string]string{"mfa": "the token lacks the right to read factors"}}, checks.Params{}, asof)
	want := checks.Outcome{Status: checks.Unknown, Class: "absent:mfa", Reason: "the token lacks the right to read factors"}
	if got != want {
		t.Errorf("got %+v", got)
	}
}

// A rule made of fields, and, or, not and conditionals answers only if every
// value of the absent fields gives that answer.
func TestAbsentFieldsNeverDecide(t *testing.T) {
	names := []string{"active", "service", "mfa"}
	rapid.Check(t, func(t *rapid.T) {
		var build func(depth int) string
		build = func(depth int) string {
			kind := rapid.IntRange(0, 5).Draw(t, "kind")
			if depth == 0 || kind == 0 {
				return "r." + rapid.SampledFrom(names).Draw(t, "field")
			}
			switch kind {
			case 1:
				return "!(" + build(depth-1) + ")"
			case 2:
				return "(" + build(depth-1) + " && " + build(depth-1) + ")"
			case 3:
				return "(" + build(depth-1) + " || " + build(depth-1) + ")"
			case 4:
				return "(" + build(depth-1) + " != " + build(depth-1) + ")"
			}
			return "(" + build(depth-1) + " ? " + build(depth-1) + " : " + build(depth-1) + ")"
		}
		d := sample()
		d.Applies, d.Pass = build(2), build(4)
		c, err := checks.Compile(d, account)
		if err != nil {
			t.Fatal(err)
		}
		known, missing := map[string]any{}, []string{}
		for _, name := range names {
			if rapid.Bool().Draw(t, "has "+name) {
				known[name] = rapid.Bool().Draw(t, name)
			} else {
				missing = append(missing, name)
			}
		}
		got := judge(c, known)
		if got.Status == checks.Unknown {
			if len(missing) == 0 {
				t.Fatalf("unknown although nothing is absent: %s", got.Reason)
			}
			return
		}
		for fill := range 1 << len(missing) {
			full := map[string]any{}
			for name, value := range known {
				full[name] = value
			}
			for i, name := range missing {
				full[name] = fill>>i&1 == 1
			}
			if then := judge(c, full); then.Status != got.Status {
				t.Fatalf("%s / %s: %v is %s, but %v is %s", d.Applies, d.Pass, known, got.Status, full, then.Status)
			}
		}
	})
}

func TestParamsOverrideDefaultsByType(t *testing.T) {
	c := compile(t, "", "r.keys < p.days")
	attrs := sources.Resource{Attrs: map[string]any{"keys": int64(50)}}
	set, err := c.Params(map[string]any{"days": float64(30)}) // as JSON has it
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Evaluate(attrs, set, asof).Status; got != checks.Fail {
		t.Errorf("with 30: %s", got)
	}
	if got := c.Evaluate(attrs, checks.Params{}, asof).Status; got != checks.Pass {
		t.Errorf("with the default: %s", got)
	}
	for _, bad := range []map[string]any{{"days": "30"}, {"days": 1.5}, {"days": nil}, {"dyas": 1}, {"admins": []any{1}}} {
		if _, err := c.Params(bad); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("%v: got %v", bad, err)
		}
	}
}

// Each of these would take minutes or all memory if nothing stopped it.
func TestHostileRulesEndAsUnknown(t *testing.T) {
	list := make([]string, 10_000)
	attrs := map[string]any{"name": strings.Repeat("a", 1<<20), "groups": list, "mfa": true}
	double := func(n int, step string) string { return `[r.name]` + strings.Repeat(step, n) }
	for _, pass := range []string{
		"r.groups.all(a, r.groups.all(b, r.groups.all(c, r.groups.all(d, a == d))))",
		double(40, ".map(x, x + x)") + ".size() == 7",
		double(40, `.map(x, "%s%s".format([x, x]))`) + ".size() == 7",
		"r.name" + strings.Repeat(`.replace("a", "aaaaaaaa")`, 40) + ".size() == 7",
		"[" + strings.Repeat("r.name,", 500) + "r.name].join().size() == 7",
		strings.Repeat("r.name + ", 40) + `"" == ""`,
		double(40, `.map(x, [x, x].join("x"))`) + ".size() == 7",
		"r.groups.map(a, r.groups.map(b, r.groups)).size() == 7",
		`r.groups.all(g, r.name.matches("(a*)*(a*)*(a*)*b")) || r.name.contains(r.name + "b")`,
	} {
		d := sample()
		d.Pass = pass
		c, err := checks.Compile(d, account)
		if err != nil {
			t.Errorf("%.60s: %v", pass, err)
			continue
		}
		got := judge(c, attrs)
		if got.Status != checks.Unknown || got.Class != "limit" {
			t.Errorf("%.60s: got %s %s %s", pass, got.Status, got.Class, got.Reason)
		}
	}
}

func TestLongMessagesAreClipped(t *testing.T) {
	d := sample()
	d.Pass, d.Message = "false", "r.name"
	c, err := checks.Compile(d, account)
	if err != nil {
		t.Fatal(err)
	}
	got := judge(c, map[string]any{"name": strings.Repeat("é", 5000)}).Message
	if len(got) > 2048 || !strings.HasSuffix(got, "é…") {
		t.Errorf("%d bytes, ends %q", len(got), got[len(got)-8:])
	}
}

func TestEvaluateIsSafeForConcurrentUse(t *testing.T) {
	c := compile(t, "r.active", `r.mfa && r.last_login > asof - duration("24h")`)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			at := asof.Add(time.Duration(i) * 1000 * time.Hour)
			for n := range 500 {
				fresh := n%2 == 0
				login := at.Add(-48 * time.Hour)
				if fresh {
					login = at
				}
				got := c.Evaluate(sources.Resource{Attrs: map[string]any{"active": true, "mfa": true, "last_login": login}}, checks.Params{}, at)
				if (got.Status == checks.Pass) != fresh {
					t.Errorf("%v: %v", fresh, got)
					return
				}
			}
		})
	}
	wait.Wait()
}

func FuzzCompile(f *testing.F) {
	for _, pass := range []string{
		benchPass, `r.groups.exists(g, g.startsWith("a"))`, `r.tags["a"] == "b"`, "r.mfa ? true : has(r.name)",
		`"%s".format([r.name]) == ""`, `timestamp("2026-01-01T00:00:00Z") < asof`, `r.name.matches("^a+$")`, "p.admins == r.groups", "type(r) == type(p)",
	} {
		f.Add(pass, "x", int64(3))
	}
	f.Fuzz(func(t *testing.T, pass, name string, keys int64) {
		d := sample()
		d.Pass = pass
		c, err := checks.Compile(d, account)
		if err != nil {
			if fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%v is not a fault that a person may read", err)
			}
			return
		}
		full := map[string]any{"name": name, "keys": keys, "mfa": true, "active": false, "service": true, "last_login": asof, "groups": []string{name}, "tags": map[string]string{name: name}}
		for _, attrs := range []map[string]any{full, {}} {
			switch got := judge(c, attrs); got.Status {
			case checks.Pass, checks.Fail, checks.Unknown:
			default:
				t.Errorf("%q", got.Status)
			}
		}
	})
}

func ExampleCompile() {
	d := sample()
	d.Pass = `r.mfa && r.last_logon > asof - duration("24h")`
	_, err := checks.Compile(d, account)
	fmt.Println(err)
	// Output:
	// pass: line 1, column 12: account has no field last_logon: last_login is probably meant (idp.account.mfa)
	//     r.mfa && r.last_logon > asof - duration("24h")
	//                ^
}
