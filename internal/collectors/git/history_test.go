package git_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"github.com/tickmark/tickmark/internal/collectors/git"
)

func TestMainLineAndMerges(t *testing.T) {
	m := makeRepo(t)
	root := m.commit(change{})
	a1 := m.commit(change{author: bo})
	a2 := m.commit(change{author: bo})
	m1 := m.commit(change{author: ada, parents: []plumbing.Hash{root, a2}, message: "Merge branch 'topic'\n"})
	b1 := m.commit(change{author: bo, parents: []plumbing.Hash{a1}}) // from the first branch, merged later
	m2 := m.commit(change{author: "Cy Lund <cy@acme.test>", committer: robot, parents: []plumbing.Hash{m1, b1}})
	direct := m.commit(change{})
	r := m.collect()
	for h, want := range map[plumbing.Hash]map[string]any{
		root:   {"on_main_line": true, "merged_by": nil, "merge": false},
		a1:     {"on_main_line": false, "merged_by": "ada@acme.test", "merged_in": m1.String(), "reviewed": true},
		a2:     {"on_main_line": false, "merged_by": "ada@acme.test", "merged_in": m1.String()},
		m1:     {"on_main_line": true, "merge": true, "merged_in": nil},
		b1:     {"on_main_line": false, "merged_by": "cy@acme.test", "merged_in": m2.String()},
		m2:     {"on_main_line": true, "parents": []string{m1.String(), b1.String()}},
		direct: {"on_main_line": true, "merged_by": nil, "reviewed": nil},
	} {
		has(t, r.commit(h), want)
	}
}

// Pulling makes merges too, by whoever pushes next.
func TestOnlyAMergeOfAProposalCountsAsReview(t *testing.T) {
	for message, want := range map[string]any{
		"Merge branch 'export'":                         true,
		"Merge branch 'export' of git.acme.test:bo/app": true,
		"Merge tag 'export-1' of git.acme.test:bo/app":  true,
		"Merge remote-tracking branch 'bo/export'":      true,
		"Merge pull request #7 from bo/main":            true,
		"Merged PR 7: Export":                           true,
		"Join\n\nReviewed-by: " + ada:                   true,
		"Merge branch 'main' of git.acme.test:app":      nil,
		"Merge branch 'main' into export":               nil,
		"Merge remote-tracking branch 'origin/main'":    nil,
		"Merge branch 'develop'":                        nil,
		"Merge branch 'release/1.2'":                    nil,
		"Join":                                          nil,
	} {
		m := makeRepo(t)
		for range 12 {
			m.commit(change{})
		}
		base := m.head
		side := m.commit(change{author: bo})
		m.commit(change{parents: []plumbing.Hash{base, side}, message: message + "\n"})
		has(t, m.collect().commit(side), map[string]any{"reviewed": want, "merged_by": "ada@acme.test"})
		if t.Failed() {
			t.Fatalf("after %q", message)
		}
	}
}

func TestReviewed(t *testing.T) {
	by := func(lines ...string) string { return "Add export\n\n" + strings.Join(lines, "\n") + "\n" }
	for name, c := range map[string]struct {
		message, author string
		want            any
	}{
		"by another":              {by("Reviewed-by: " + bo), ada, true},
		"acked":                   {by("Acked-by: bo@acme.test"), ada, true},
		"approved by a name":      {by("approved-by: @bo"), ada, true},
		"by the author":           {by("Reviewed-by: " + ada), ada, false},
		"by the author's name":    {by("Reviewed-by: ada ng <ada@home.test>"), ada, false},
		"by the author's address": {by("Reviewed-by: A. <ADA@acme.test>"), ada, false},
		"by a robot":              {by("Reviewed-by: dependabot[bot] <support@github.com>"), ada, false},
		"by a forge":              {by("Reviewed-by: " + robot), ada, false},
		"by a co-author":          {by("Co-authored-by: "+bo, "Reviewed-by: "+bo), ada, false},
		"by two":                  {by("Reviewed-by: "+ada, "Reviewed-by: "+bo), ada, true},
		"signed off only":         {by("Signed-off-by: " + bo), ada, nil},
		"nobody":                  {"Add export\n", ada, nil},
		"in the subject":          {"Reviewed-by: " + bo + "\n", ada, nil},
		"in the text":             {"Add export\n\nReviewed-by: " + bo + "\n\nas they say\n", ada, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := makeRepo(t)
			for range 12 { // so that one line is not a practice
				m.commit(change{})
			}
			h := m.commit(change{author: c.author, message: c.message})
			has(t, m.collect().commit(h), map[string]any{"reviewed": c.want})
		})
	}
}

func TestReviewsAreAbsentUnlessTheyAreAPractice(t *testing.T) {
	for reviewed, want := range map[int]any{0: nil, 4: nil, 5: false, 49: false} {
		m := makeRepo(t)
		for i := range 49 {
			message := ""
			if i < reviewed {
				message = "Change\n\nReviewed-by: " + bo + "\n"
			}
			m.commit(change{message: message})
		}
		h := m.commit(change{})
		has(t, m.collect().commit(h), map[string]any{"reviewed": want})
		if _, said := m.collect().missing("commit", "reviewed"); said != (want == nil) {
			t.Errorf("%d of 50 reviewed: missing said %v", reviewed, said)
		}
	}
}

func TestMessages(t *testing.T) {
	for text, want := range map[string]struct {
		request            string
		tickets, reviewers []string
	}{
		"Fix login (#12)\n":                                                        {"#12", nil, nil},
		"Fix #3 and #4 (#12)\n":                                                    {"#12", []string{"#3", "#4"}, nil},
		"Merge pull request #7 from acme/x\n\nFixes #3":                            {"#7", []string{"#3"}, nil},
		"Merge branch 'x' into 'main'\n\nSee merge request acme/app!88":            {"!88", nil, nil},
		"Merged in x (pull request #9)":                                            {"#9", nil, nil},
		"Merged PR 44: Fix":                                                        {"44", nil, nil},
		"Fix\n\nReviewed-on: https://review.acme.test/c/1\nReviewed-by: B <b@c>":   {"https://review.acme.test/c/1", nil, []string{"B <b@c>"}},
		"ABC-12: fix [DEF-3], (G2-4)":                                              {"", []string{"ABC-12", "DEF-3", "G2-4"}, nil},
		"Use UTF-8, SHA-256 and RFC-2119 for CVE-2024-1":                           {"", nil, nil},
		"Read https://acme.test/browse/OPS-9 and https://x.test/a/issues/5":        {"", []string{"OPS-9", "https://acme.test/browse/OPS-9", "https://x.test/a/issues/5"}, nil},
		"Fix GH-12 and acme/app#5 and AB#77":                                       {"", []string{"GH-12", "acme/app#5", "AB#77"}, nil},
		"colour #fff and abc-12 and x#1":                                           {"", nil, nil},
		"":                                                                         {"", nil, nil},
		"Add\n\nSome text.\nSigned-off-by: A <a@b>\nReviewed-by: B\n  Long <b@c>":  {"", nil, []string{"B Long <b@c>"}},
		"Add\n\n1\n2\n3\n4\n5\n6\n7\nSigned-off-by: A <a@b>\nReviewed-by: B <b@c>": {"", nil, nil},
		"Add\n\nReviewed-by: B <b@c>\n(cherry picked from commit 1)\n":             {"", nil, []string{"B <b@c>"}},
		"Add\r\n\r\nReviewed-by: B <b@c>\r\n":                                      {"", nil, []string{"B <b@c>"}},
		"Add\n\nReviewed-by: A\n" + strings.Repeat("x", 200_000) + "\n\nReviewed-by: B <b@c>\n": {"", nil, []string{"B <b@c>"}},
	} {
		got := git.ReadMessage(text)
		if got.Request() != want.request {
			t.Errorf("%.60q: request %q, want %q", text, got.Request(), want.request)
		}
		if fmt.Sprint(got.Tickets()) != fmt.Sprint(want.tickets) {
			t.Errorf("%.60q: tickets %q, want %q", text, got.Tickets(), want.tickets)
		}
		if fmt.Sprint(got.Reviewers()) != fmt.Sprint(want.reviewers) {
			t.Errorf("%.60q: reviewers %q, want %q", text, got.Reviewers(), want.reviewers)
		}
	}
}

func TestOddCommitsAreRead(t *testing.T) {
	m := makeRepo(t)
	raw := func(headers, message string) plumbing.Hash {
		m.head = m.object(plumbing.CommitObject, []byte("tree "+m.files(map[string]string{}).String()+"\n"+headers+"\n"+message))
		m.ref("refs/heads/main", m.head)
		return m.head
	}
	stamp := func(n string) string {
		return "author A <a@b.test> " + n + " +0000\ncommitter A <a@b.test> " + n + " +0000\n"
	}
	for name, c := range map[string]struct {
		headers, message string
		want             map[string]any
	}{
		"before 1970":       {stamp("-86400"), "x", map[string]any{"committed_at": time.Unix(-86400, 0).UTC()}},
		"1970":              {stamp("0"), "x", map[string]any{"committed_at": time.Unix(0, 0).UTC()}},
		"the year 3000":     {stamp("32503680000"), "x", map[string]any{"committed_at": time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)}},
		"the year 30000":    {stamp("884541513600"), "x", map[string]any{"committed_at": nil, "authored_at": nil}},
		"beyond numbers":    {stamp("99999999999999999999999"), "x", map[string]any{"committed_at": nil}},
		"a word for a date": {stamp("today"), "x", map[string]any{"committed_at": nil}},
		"odd zone":          {"author A <a@b.test> 0 +9999\ncommitter A <a@b.test> 0 x\n", "x", map[string]any{"committed_at": time.Unix(0, 0).UTC(), "authored_at": time.Unix(0, 0).UTC()}},
		"no author":         {"", "x", map[string]any{"author_name": nil, "author_email": nil, "committed_at": nil, "subject": "x"}},
		"empty author":      {"author  <> 0 +0000\ncommitter  <> 0 +0000\n", "", map[string]any{"author_name": nil, "author_email": nil, "subject": ""}},
		"angles":            {"author A <B> <a@b.test> 0 +0000\ncommitter A 0 +0000\n", "x", map[string]any{"author_email": "a@b.test", "committer_email": nil}},
		"broken UTF-8":      {"author \xff\xfe <a@b.test> 0 +0000\ncommitter A <a@b.test> 0 +0000\n", "Gr\xfc\xdfe", map[string]any{"author_name": "\uFFFD", "subject": "Gr\uFFFDe"}},
		"latin 1":           {"author J\xf6rg <a@b.test> 0 +0000\ncommitter A <a@b.test> 0 +0000\nencoding ISO-8859-1\n", "Gr\xfc\xdfe", map[string]any{"author_name": "Jörg", "subject": "Grüße"}},
		"NUL":               {stamp("0"), "a\x00b\n", map[string]any{"subject": "a\uFFFDb"}},
		"long":              {"author " + strings.Repeat("n", 5000) + " <a@b.test> 0 +0000\ncommitter A <a@b.test> 0 +0000\n", strings.Repeat("é", 3000), map[string]any{"author_email": "a@b.test"}},
		"unknown headers":   {stamp("0") + "novel x\n y\nHG:extra z\n", "x", map[string]any{"subject": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := raw(c.headers, c.message)
			has(t, m.collect().commit(h), c.want)
		})
	}
}

func TestIdentitiesJoinAddressesWhateverTheirCase(t *testing.T) {
	m := makeRepo(t)
	m.commit(change{author: "Ada <ADA@acme.test>", at: now.Add(-3 * time.Hour)})
	m.commit(change{author: ada, at: now.Add(-2 * time.Hour)})
	m.commit(change{author: "renovate[bot] <bot@renovate.test>"})
	m.commit(change{author: "Nobody <>"})
	r := m.collect()
	has(t, r.one("identity", "ada@acme.test"), map[string]any{
		"commits": 2, "names": []string{"Ada", "Ada Ng"}, "first_at": now.Add(-3 * time.Hour), "last_at": now.Add(-2 * time.Hour), "email": "ada@acme.test",
	})
	has(t, r.one("identity", "bot@renovate.test"), map[string]any{"machine": true})
	has(t, r.one("identity", "name:nobody"), map[string]any{"email": nil, "commits": 1})
}

func TestTags(t *testing.T) {
	m := makeRepo(t)
	on := m.commit(change{})
	blob := m.object(plumbing.BlobObject, []byte("key"))
	off := m.commit(change{parents: []plumbing.Hash{}})
	m.commit(change{parents: []plumbing.Hash{on}})
	inner := m.object(plumbing.TagObject, []byte("object "+on.String()+"\ntype commit\ntag in\ntagger "+ada+" 5 +0000\n\nx\n"))
	outer := m.object(plumbing.TagObject, []byte("object "+inner.String()+"\ntype tag\ntag out\ntagger "+bo+" 9 +0000\n\nx\n"))
	for name, h := range map[string]plumbing.Hash{"v1.2.3": on, "side": off, "key": blob, "nested": outer, "lib/v2.0.0-rc.1": on, "1.2": on} {
		m.ref("refs/tags/"+name, h)
	}
	r := m.collect()
	for name, want := range map[string]map[string]any{
		"v1.2.3":          {"semver": true, "annotated": false, "on_branch": true, "target_type": "commit", "target": on.String()},
		"lib/v2.0.0-rc.1": {"semver": true},
		"1.2":             {"semver": false},
		"side":            {"semver": false, "on_branch": false, "target": off.String()},
		"key":             {"target_type": "blob", "at": nil, "on_branch": false},
		"nested":          {"annotated": true, "target": on.String(), "tagger_email": "bo@acme.test", "at": time.Unix(9, 0).UTC()},
	} {
		has(t, r.one("tag", name), want)
	}
	has(t, r.repo(), map[string]any{"tags": 6, "release_tags": 2})
	self := m.object(plumbing.TagObject, []byte("object "+outer.String()+"\ntype tag\ntag x\n\nx\n"))
	for range 12 {
		self = m.object(plumbing.TagObject, []byte("object "+self.String()+"\ntype tag\ntag x\n\nx\n"))
	}
	m.ref("refs/tags/deep", self)
	_, err := try(t, map[string]any{"path": m.dir})
	refused(t, err, "path", "is damaged")
}

func TestRemoteHostsHoldNoCredentials(t *testing.T) {
	for address, want := range map[string]string{
		"https://ada:hunter22@Git.acme.test:8443/app.git": "git.acme.test",
		"git@github.com:acme/app.git":                     "github.com",
		"ssh://git@acme.test/app":                         "acme.test",
		"acme.test:app":                                   "acme.test",
		"/srv/git/app.git":                                "",
		"../app":                                          "",
		"file:///srv/app":                                 "",
		"https://%zz":                                     "",
	} {
		if got := git.HostOf(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	m := makeRepo(t)
	m.file("config", "[remote \"a\"]\n\turl = https://u:p@b.test/x\n[remote \"b\"]\n\turl = git@a.test:x\n\turl = /srv/x\n")
	if diff := cmp.Diff([]string{"a.test", "b.test"}, m.collect().repo().Attrs["remote_hosts"]); diff != "" {
		t.Error(diff)
	}
}
