package checks_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/sources"
)

var (
	passed  = checks.Outcome{Status: checks.Pass}
	failed  = checks.Outcome{Status: checks.Fail, Message: "no"}
	left    = checks.Outcome{Status: checks.NotApplicable}
	noMFA   = checks.Outcome{Status: checks.Unknown, Class: "absent:mfa", Reason: "field mfa was not reported by the source"}
	noKeys  = checks.Outcome{Status: checks.Unknown, Class: "absent:keys", Reason: "the token may not read keys"}
	noReply = checks.Outcome{Status: checks.Unknown, Class: "error", Reason: "the rule has no answer: division by zero"}
)

func TestTally(t *testing.T) {
	missing := func(field string) []sources.Missing {
		return []sources.Missing{{Kind: "door", Reason: "other kind"}, {Kind: "account", Field: field, Reason: "not allowed", Remedy: "sudo tickmark"}}
	}
	tests := []struct {
		rule     string
		empty    checks.Status
		cause    string // the author's
		outcomes []checks.Outcome
		covered  bool
		missing  []sources.Missing
		want     checks.Result
	}{
		{"one failing fails", "", "", []checks.Outcome{passed, failed, noMFA, left}, true, nil,
			checks.Result{Status: checks.Fail, Total: 4, Passing: 1, Failing: 1, Unknown: 1, NotApplicable: 1, Summary: "1 of 3 fail, 1 pass, 1 unknown"}},
		{"one unknown is unknown", "", "", []checks.Outcome{passed, noMFA}, true, nil,
			checks.Result{Status: checks.Unknown, Class: "absent:mfa", Total: 2, Passing: 1, Unknown: 1, Reason: noMFA.Reason, Summary: "1 of 2 could not be judged: " + noMFA.Reason}},
		{"all passing pass", "", "", []checks.Outcome{passed, passed, left}, true, nil,
			checks.Result{Status: checks.Pass, Total: 3, Passing: 2, NotApplicable: 1, Summary: "2 of 2 pass"}},
		{"none applicable", "", "", []checks.Outcome{left}, true, nil,
			checks.Result{Status: checks.NotApplicable, Total: 1, NotApplicable: 1, Summary: "applies to none of 1"}},
		{"nothing found is unknown", checks.Unknown, "", nil, true, nil,
			checks.Result{Status: checks.Unknown, Class: "empty", Reason: "the source was read and has no account to judge", Summary: "not judged: the source was read and has no account to judge"}},
		{"nothing found, in the author's words", checks.Unknown, "No directory.", nil, true, nil,
			checks.Result{Status: checks.Unknown, Class: "empty", Reason: "No directory.", Summary: "not judged: No directory."}},
		{"nothing found passes if the check says so", checks.Pass, "", nil, true, nil,
			checks.Result{Status: checks.Pass, Summary: "there is no account, as it should be"}},
		{"nothing found fails if the check says so", checks.Fail, "", nil, true, nil,
			checks.Result{Status: checks.Fail, Summary: "there is no account, and there should be"}},
		{"not covered never passes", checks.Pass, "", nil, false, nil,
			checks.Result{Status: checks.Unknown, Class: "uncovered", Reason: "the run did not look at every account", Summary: "not judged: the run did not look at every account"}},
		{"not covered, with the cause", checks.Pass, "", nil, false, missing(""),
			checks.Result{Status: checks.Unknown, Class: "missing", Reason: "not allowed", Remedy: "sudo tickmark", Summary: "not judged: not allowed"}},
		{"covered in part never passes", "", "", []checks.Outcome{passed}, true, missing(""),
			checks.Result{Status: checks.Unknown, Class: "missing", Total: 1, Passing: 1, Reason: "not allowed", Remedy: "sudo tickmark", Summary: "not judged: not allowed"}},
		{"covered in part can fail", "", "", []checks.Outcome{failed}, true, missing(""),
			checks.Result{Status: checks.Fail, Total: 1, Failing: 1, Summary: "no"}},
		{"a missing field does not matter where nobody needs it", "", "", []checks.Outcome{passed}, true, missing("keys"),
			checks.Result{Status: checks.Pass, Total: 1, Passing: 1, Summary: "1 of 1 pass"}},
		{"a missing field explains unknowns", "", "Author.", []checks.Outcome{noMFA, noKeys, noMFA}, true, missing("mfa"),
			checks.Result{Status: checks.Unknown, Class: "absent:mfa", Total: 3, Unknown: 3, Reason: "not allowed", Remedy: "sudo tickmark", Summary: "3 of 3 could not be judged: not allowed"}},
		{"the author's words before ours", "", "Author.", []checks.Outcome{noMFA}, true, nil,
			checks.Result{Status: checks.Unknown, Class: "absent:mfa", Total: 1, Unknown: 1, Reason: "Author.", Summary: "1 of 1 could not be judged: Author."}},
		{"the source's words before the author's", "", "Author.", []checks.Outcome{noKeys, noReply, noKeys}, true, nil,
			checks.Result{Status: checks.Unknown, Class: "absent:keys", Total: 3, Unknown: 3, Reason: noKeys.Reason, Summary: "3 of 3 could not be judged: " + noKeys.Reason}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			d := sample()
			d.Empty, d.Unknown, d.Summary = test.empty, test.cause, "{failing} of {total} fail, {passing} pass, {unknown} unknown"
			tally := checks.NewTally(d)
			for _, o := range test.outcomes {
				tally.Add(o)
			}
			got := tally.Result(test.covered, test.missing)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if o := got.Outcome(); o.Status != got.Status || o.Class != got.Class || o.Reason != got.Reason || (o.Message == got.Summary) != (got.Status == checks.Fail) {
				t.Errorf("as an outcome it is %+v", o)
			}
		})
	}
}

func TestUnknownIsNeverPass(t *testing.T) {
	outcomes := []checks.Outcome{passed, failed, left, noMFA, noKeys, noReply, {}, {Status: "odd"}, {Status: checks.Excepted}}
	rapid.Check(t, func(t *rapid.T) {
		d := sample()
		d.Summary = "{failing} fail"
		d.Empty = rapid.SampledFrom([]checks.Status{checks.Unknown, checks.Pass, checks.Fail}).Draw(t, "empty")
		tally := checks.NewTally(d)
		unknowns := 0
		for range rapid.IntRange(0, 10).Draw(t, "n") {
			o := rapid.SampledFrom(outcomes).Draw(t, "outcome")
			if o.Status != checks.Pass && o.Status != checks.Fail && o.Status != checks.NotApplicable {
				unknowns++
			}
			tally.Add(o)
		}
		covered := rapid.Bool().Draw(t, "covered")
		var missing []sources.Missing
		if rapid.Bool().Draw(t, "missing") {
			missing = []sources.Missing{{Kind: "account", Reason: "x"}}
		}
		r := tally.Result(covered, missing)
		if r.Unknown != unknowns || r.Total != r.Passing+r.Failing+r.Unknown+r.NotApplicable {
			t.Fatalf("%+v does not add up with %d unknown", r, unknowns)
		}
		if r.Status == checks.Pass && (unknowns > 0 || !covered || missing != nil || r.Failing > 0) {
			t.Fatalf("%+v, covered %v, missing %v", r, covered, missing)
		}
		if r.Status == checks.Unknown && r.Reason == "" {
			t.Fatalf("%+v has no reason", r)
		}
		if r.Status != checks.Unknown && r.Class != "" {
			t.Fatalf("%+v has a class", r)
		}
		if r.Summary == "" {
			t.Fatal("no summary")
		}
	})
}
