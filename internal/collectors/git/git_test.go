package git_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
)

// rich makes a repository with something of every kind.
func rich(t testing.TB) *maker {
	m := makeRepo(t)
	m.file("config", "[core]\n\trepositoryformatversion = 0\n[remote \"origin\"]\n\turl = https://ada:hunter22@git.acme.test/app.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n")
	first := m.commit(change{files: map[string]string{"README.md": "# App\n"}})
	m.ref("refs/tags/v0.1.0", first)
	side := m.commit(change{author: bo, message: "Add export ABC-12\n\nReviewed-by: " + ada + "\n"})
	merge := m.commit(change{author: ada, parents: []plumbing.Hash{first, side}, message: "Merge pull request #7 from acme/export\n\nAdd export\n"})
	m.commit(change{
		parents: []plumbing.Hash{merge},
		files: map[string]string{
			"README.md":                "# App\n",
			"LICENSE":                  "MIT\n",
			"SECURITY.md":              "Write to security@acme.test\n",
			".gitignore":               "dist\n",
			".github/CODEOWNERS":       "* @acme/all\n/deploy/ @acme/ops ops@acme.test\n!x @y\n",
			".github/dependabot.yml":   "version: 2\nupdates:\n  - package-ecosystem: gomod\n    directory: /\n",
			".github/workflows/ci.yml": "on: [push]\npermissions:\n  contents: read\njobs:\n  test:\n    steps:\n      - uses: actions/checkout@v4\n      - run: go test ./...\n",
			"go.mod":                   "module acme.test/app\n\nrequire acme.test/lib v1.2.3\n",
			"go.sum":                   "acme.test/lib v1.2.3 h1:x\n",
			"deploy/key.pem":           privateKey(),
		},
	})
	m.tag("v1.0.0", now.Add(-time.Hour), nil)
	return m
}

// privateKey is made up anew so that no file here looks like one.
func privateKey() string {
	return "-----BEGIN RSA " + "PRIVATE KEY-----\n" + strings.Repeat("MIIEpAIBAAKCAQEA7bq3kL9sZ+1x/Qw", 20) + "\n-----END RSA " + "PRIVATE KEY-----\n"
}

func TestCollectHandsOverEveryKind(t *testing.T) {
	r := rich(t).collect()
	want := map[string]int{"repository": 1, "commit": 4, "tag": 2, "identity": 2, "owners_rule": 3, "ci_workflow": 1, "dependency_manifest": 1, "secret_candidate": 1}
	got := map[string]int{}
	for _, kind := range r.in.Kinds() {
		got[kind] = len(r.all[kind])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	has(t, r.repo(), map[string]any{
		"name": "app", "branch": "main", "commits": 4, "contributors": 2, "files": 10, "shallow": false, "tags": 2, "release_tags": 2,
		"has_codeowners": true, "codeowners": ".github/CODEOWNERS", "codeowners_default": true, "has_ci": true, "ci_systems": []string{"github_actions"},
		"ci_on_change": true, "ci_test_commands": []string{"go test ./..."}, "has_readme": true, "has_license": true, "has_security_policy": true, "has_gitignore": true,
		"dependency_updates": []string{"dependabot"}, "dependency_update_ecosystems": []string{"gomod"}, "remote_hosts": []string{"git.acme.test"}, "signers_configured": 0,
		"branch_protected": nil, "direct_pushes": nil, "force_pushes": nil, "required_reviews": nil, "secret_scanning": nil, "scanners": nil,
	})
	has(t, r.one("tag", "v1.0.0"), map[string]any{"annotated": true, "semver": true, "tagger": "Bo Rask", "on_branch": true, "signature": "none", "at": now.Add(-time.Hour)})
	has(t, r.one("tag", "v0.1.0"), map[string]any{"annotated": false, "signature": "none", "tagger": nil})
	has(t, r.one("identity", "bo@acme.test"), map[string]any{"commits": 1, "names": []string{"Bo Rask"}, "machine": false})
	has(t, r.one("owners_rule", ".github/CODEOWNERS:3"), map[string]any{"valid": false, "pattern": "!x"})
	has(t, r.one("ci_workflow", ".github/workflows/ci.yml"), map[string]any{"uses_unpinned": 1, "permissions_declared": true, "on_change": true})
	has(t, r.one("dependency_manifest", "go.mod"), map[string]any{"ecosystem": "go", "dependencies": 1, "has_lockfile": true, "lockfile": "go.sum"})
}

// Without a value or a reason a fact would be unknown and nobody could say why.
func TestEveryFieldHasAValueOrAReason(t *testing.T) {
	empty := makeRepo(t)
	for name, r := range map[string]reading{"rich": rich(t).collect(), "empty": empty.collect()} {
		known := schemas(t)
		for kind, all := range r.all {
			for key, one := range all {
				for field := range known[kind].Fields {
					_, value := one.Attrs[field]
					if !value && one.Absent[field] == "" {
						t.Errorf("%s: %s %s: %s has neither a value nor a reason", name, kind, key, field)
					}
				}
			}
		}
	}
}

func TestCollectTwiceFindsTheSame(t *testing.T) {
	m := rich(t)
	a, b := m.collect(), m.collect()
	if diff := cmp.Diff(a.all, b.all); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(a.in.Missings(), b.in.Missings()); diff != "" {
		t.Error(diff)
	}
}

func TestPackedAndLooseReadTheSame(t *testing.T) {
	m := rich(t)
	loose := m.collect()
	m.pack()
	if diff := cmp.Diff(loose.all, m.collect().all); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyRepositoryIsNoFault(t *testing.T) {
	m := makeRepo(t)
	for _, settings := range []map[string]any{{}, {"branch": "main"}} {
		r := m.collect(settings)
		has(t, r.repo(), map[string]any{"commits": 0, "branch": "main", "head": nil, "has_codeowners": nil, "has_ci": nil, "first_commit_at": nil, "has_readme": nil})
		want := []string{"ci_workflow", "commit", "dependency_manifest", "identity", "owners_rule", "repository", "secret_candidate", "tag"}
		if diff := cmp.Diff(want, r.in.Kinds()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCountMatchesGit(t *testing.T) {
	program, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	m := rich(t)
	for _, pack := range []bool{false, true} {
		if pack {
			m.pack()
		}
		out, err := exec.Command(program, "-c", "safe.directory=*", "-C", m.dir, "rev-list", "--count", "HEAD").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := strconv.Itoa(len(m.collect().all["commit"])); got != string(bytes.TrimSpace(out)) {
			t.Errorf("packed %v: %s commits, git counts %s", pack, got, out)
		}
	}
}

func TestLayouts(t *testing.T) {
	m := rich(t)
	outside := t.TempDir()

	bare := filepath.Join(outside, "app.git")
	if err := os.CopyFS(bare, os.DirFS(m.dot)); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(outside, "linked")
	m.file("worktrees/linked/HEAD", "ref: refs/heads/main\n")
	m.file("worktrees/linked/commondir", "../..\n")
	write(t, filepath.Join(linked, ".git"), "gitdir: "+filepath.Join(m.dot, "worktrees", "linked")+"\n")
	// A submodule points at a folder below the repository that holds it.
	super := filepath.Join(outside, "super")
	if err := os.CopyFS(filepath.Join(super, ".git", "modules", "lib"), os.DirFS(bare)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(super, "lib", ".git"), "gitdir: ../.git/modules/lib\n")
	// A shared clone has references and no objects.
	shared := filepath.Join(outside, "shared", ".git")
	for name, text := range map[string]string{
		"HEAD": "ref: refs/heads/main\n", "packed-refs": "# pack-refs with: peeled\n" + m.head.String() + " refs/heads/main\n",
		"objects/info/alternates": filepath.Join(m.dot, "objects") + "\n", "refs/heads/.keep": "",
	} {
		write(t, filepath.Join(shared, name), text)
	}
	for name, at := range map[string]string{
		"work tree": m.dir, "its .git": m.dot, "bare": bare, "linked work tree": linked,
		"submodule": filepath.Join(super, "lib"), "shared clone": filepath.Dir(shared),
	} {
		t.Run(name, func(t *testing.T) {
			r := collect(t, map[string]any{"path": at})
			has(t, r.repo(), map[string]any{"commits": 4, "head": m.head.String(), "branch": "main"})
		})
	}
	has(t, collect(t, map[string]any{"path": m.dot}).repo(), map[string]any{"name": "app"})
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBranchSetting(t *testing.T) {
	m := makeRepo(t)
	old := m.commit(change{})
	m.commit(change{})
	m.ref("refs/heads/release/1.x", old)
	m.file("packed-refs", old.String()+" refs/remotes/origin/next\n")
	m.file("refs/remotes/origin/HEAD", "ref: refs/remotes/origin/next\n")
	for branch, want := range map[string]int{"": 2, "main": 2, "release/1.x": 1, "next": 1, "origin/next": 1, "refs/heads/main": 2} {
		r := m.collect(map[string]any{"branch": branch})
		if got := len(r.all["commit"]); got != want {
			t.Errorf("branch %q: %d commits, want %d", branch, got, want)
		}
		has(t, r.repo(), map[string]any{"default_branch": "next"})
	}
	m.file("HEAD", old.String()+"\n")
	has(t, m.collect().repo(), map[string]any{"commits": 1, "branch": nil})
	m.tag("v1", now, nil)
	if got := len(m.collect(map[string]any{"branch": "refs/tags/v1"}).all["commit"]); got != 2 {
		t.Errorf("from an annotated tag: %d commits, want 2", got)
	}
}

func TestShallowCloneIsReadAndSaid(t *testing.T) {
	m := makeRepo(t)
	gone := m.commit(change{})
	cut := m.commit(change{})
	m.commit(change{})
	m.file("shallow", cut.String()+"\n")
	m.must(os.Remove(m.loose(gone)))
	r := m.collect()
	has(t, r.repo(), map[string]any{"commits": 2, "shallow": true, "first_commit_at": nil})
	missing, said := r.missing("commit", "")
	if !said || missing.Remedy != "git fetch --unshallow" {
		t.Errorf("missing %+v, want the remedy git fetch --unshallow", missing)
	}
}

func TestPartialCloneSaysWhatItLacks(t *testing.T) {
	m := rich(t)
	blob := m.object(plumbing.BlobObject, []byte("* @acme/all\n/deploy/ @acme/ops ops@acme.test\n!x @y\n"))
	m.must(os.Remove(m.loose(blob)))
	_, err := try(t, map[string]any{"path": m.dir})
	refused(t, err, "path", blob.String(), "is missing")

	m.file("config", "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialclone = origin\n")
	r := m.collect()
	has(t, r.repo(), map[string]any{"has_codeowners": true, "codeowners_default": nil, "commits": 4})
	if slices.Contains(r.in.Kinds(), "owners_rule") {
		t.Error("rules are covered though their file was not read")
	}
	if missing, said := r.missing("owners_rule", ""); !said || !strings.Contains(missing.Remedy, "git backfill") {
		t.Errorf("missing %+v, want the remedy git backfill", missing)
	}

	m.must(os.Remove(m.loose(m.tree)))
	r = m.collect()
	has(t, r.repo(), map[string]any{"has_codeowners": nil, "has_ci": nil, "has_readme": nil, "files": nil, "commits": 4})
	if slices.Contains(r.in.Kinds(), "secret_candidate") {
		t.Error("secrets are covered though no file was read")
	}
}

func TestProgressAndScopeAreStated(t *testing.T) {
	m := rich(t)
	scope := m.collect().in.Scopes()
	for key, want := range map[string]string{"path": m.dir, "git_dir": m.dot, "head": m.head.String(), "branch": "main", "signers": "0"} {
		if scope[key] != want {
			t.Errorf("scope %s is %q, want %q", key, scope[key], want)
		}
	}
	m.file("refs/replace/"+m.head.String(), m.head.String()+"\n")
	if got := m.collect().in.Scopes()["replace_refs_ignored"]; got != "1" {
		t.Errorf("replacements ignored: %q, want 1", got)
	}
}

func TestRawHoldsNoSecretAndNoLockFile(t *testing.T) {
	m := rich(t)
	token := "ghp_" + strings.Repeat("aB3dE6gH9", 4)
	m.commit(change{message: "Use " + token + "\n", files: map[string]string{
		".github/workflows/ci.yml": "on: push\njobs:\n  t:\n    steps:\n      - run: curl -H " + token + " https://acme.test\n",
		"go.mod":                   "module x // " + token + "\n", "go.sum": "", ".github/CODEOWNERS": "* @a # " + token + "\n",
	}})
	r := m.collect()
	names := []string{}
	for _, raw := range r.in.Raws() {
		names = append(names, raw.Name)
		if bytes.Contains(raw.Data, []byte(token)) {
			t.Errorf("%s holds the secret", raw.Name)
		}
	}
	want := []string{"commit/" + m.head.String(), "tree/.github/CODEOWNERS", "tree/.github/workflows/ci.yml", "tree/go.mod"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	for kind, all := range r.all {
		for key, one := range all {
			for field, value := range one.Attrs {
				if s, ok := value.(string); ok && strings.Contains(s, token) {
					t.Errorf("%s %s: %s holds the secret", kind, key, field)
				}
				if list, ok := value.([]string); ok && strings.Contains(strings.Join(list, " "), token) {
					t.Errorf("%s %s: %s holds the secret", kind, key, field)
				}
			}
		}
	}
}
