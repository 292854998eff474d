package checks_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/sources"
)

// The rule both benchmarks judge by, over the same resources: what the CEL
// engine costs is the difference between them in one run.
const benchApplies = `r.active && !r.service`

const benchPass = `r.mfa && r.last_login > asof - duration("2160h") && r.keys < 2`

func benchAccounts() []sources.Resource {
	accounts := make([]sources.Resource, 10_000)
	for i := range accounts {
		accounts[i] = sources.Resource{Kind: "account", Key: fmt.Sprintf("user-%d", i), Attrs: map[string]any{
			"name": fmt.Sprintf("user-%d", i), "active": i%10 != 0, "service": i%15 == 0, "mfa": i%20 != 0,
			"keys": int64(i % 3), "last_login": asof.Add(-time.Duration(i%100) * 24 * time.Hour),
			"groups": []string{"staff", "admins"},
		}}
	}
	return accounts
}

func BenchmarkEvaluate(b *testing.B) {
	c := compile(b, benchApplies, benchPass)
	accounts := benchAccounts()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		c.Evaluate(accounts[n%len(accounts)], checks.Params{}, asof)
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "evals/s")
}

func BenchmarkHandwritten(b *testing.B) {
	accounts := benchAccounts()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		handwritten(accounts[n%len(accounts)], asof)
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "evals/s")
}

// handwritten is the rule as a programmer would write it, absent fields
// included.
func handwritten(res sources.Resource, asof time.Time) checks.Outcome {
	missing := func(field string) checks.Outcome {
		return checks.Outcome{Status: checks.Unknown, Class: "absent:" + field, Reason: "field " + field + " was not reported by the source"}
	}
	active, ok := res.Attrs["active"].(bool)
	if !ok {
		return missing("active")
	}
	if !active {
		return checks.Outcome{Status: checks.NotApplicable}
	}
	service, ok := res.Attrs["service"].(bool)
	if !ok {
		return missing("service")
	}
	if service {
		return checks.Outcome{Status: checks.NotApplicable}
	}
	mfa, ok := res.Attrs["mfa"].(bool)
	if !ok {
		return missing("mfa")
	}
	login, ok := res.Attrs["last_login"].(time.Time)
	if !ok {
		return missing("last_login")
	}
	keys, ok := res.Attrs["keys"].(int64)
	if !ok {
		return missing("keys")
	}
	if mfa && login.After(asof.Add(-2160*time.Hour)) && keys < 2 {
		return checks.Outcome{Status: checks.Pass}
	}
	name, _ := res.Attrs["name"].(string)
	return checks.Outcome{Status: checks.Fail, Message: "no second factor: " + name}
}

func TestBenchmarksJudgeAlike(t *testing.T) {
	c := compile(t, benchApplies, benchPass)
	seen := map[checks.Status]int{}
	for _, res := range benchAccounts() {
		got, want := c.Evaluate(res, checks.Params{}, asof), handwritten(res, asof)
		if got != want {
			t.Fatalf("%v: %v, by hand %v", res.Attrs, got, want)
		}
		seen[got.Status]++
	}
	if len(seen) < 3 {
		t.Errorf("the resources show only %v", seen)
	}
}
