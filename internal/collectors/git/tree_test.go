package git_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tickmark/tickmark/internal/collectors/git"
)

func TestSymbolicLinksAreNotFollowed(t *testing.T) {
	m := makeRepo(t)
	write(t, m.dir+"/outside", "* @acme/all\n")
	m.commit(change{files: map[string]string{
		"CODEOWNERS": "link:../outside", "go.mod": "link:/etc/passwd", ".env": "link:/etc/passwd",
		".github/workflows/ci.yml": "link:../../README.md", "README.md": "x",
	}})
	r := m.collect()
	has(t, r.repo(), map[string]any{"has_codeowners": true, "codeowners_default": nil, "has_ci": true, "ci_test_commands": nil})
	if n := len(r.all["owners_rule"]) + len(r.all["dependency_manifest"]) + len(r.all["secret_candidate"]); n != 0 {
		t.Errorf("%d resources were read through links", n)
	}
	has(t, r.one("ci_workflow", ".github/workflows/ci.yml"), map[string]any{"uses": nil, "commands": nil, "on_change": nil})
}

func TestLargeAndBinaryFilesAreLeftOut(t *testing.T) {
	m := makeRepo(t)
	big := strings.Repeat("x", 1<<20) + privateKey()
	m.commit(change{files: map[string]string{
		"big.txt": big, "image.png": "\x89PNG\x00" + privateKey(), "CODEOWNERS": strings.Repeat("#", 1<<20+1),
	}})
	r := m.collect()
	if n := len(r.all["secret_candidate"]); n != 0 {
		t.Errorf("%d candidates, want none", n)
	}
	if missing, said := r.missing("secret_candidate", ""); !said || !strings.Contains(missing.Reason, "1 MiB") {
		t.Errorf("missing %+v, want the size told", missing)
	}
	if _, said := r.missing("owners_rule", ""); !said || slices.Contains(r.in.Kinds(), "owners_rule") {
		t.Error("a CODEOWNERS file that was not read is taken for read")
	}
}

func TestSearchStopsAtItsLimit(t *testing.T) {
	m := makeRepo(t)
	files := map[string]string{}
	for i := range 60 {
		files[fmt.Sprintf("k%02d", i)] = strings.Repeat(privateKey()+"\n", 20)
	}
	m.commit(change{files: files})
	r := m.collect()
	if n := len(r.all["secret_candidate"]); n < 1000 || n > 1020 {
		t.Errorf("%d candidates, want the search to stop at 1000", n)
	}
	if missing, said := r.missing("secret_candidate", ""); !said || !strings.Contains(missing.Reason, "stopped") {
		t.Errorf("missing %+v, want that the search stopped", missing)
	}
}

func TestOwners(t *testing.T) {
	rules := git.ParseOwners([]byte(strings.Join([]string{
		"# comment", "", "*.go @ada @acme/core # trailing", `docs/with\ space bo@acme.test`, "/apps/", "!no @a", "[a-z]x @a", "bad owner", "***/x @a",
		"[Docs] @acme/docs", "*.md", "*.rst @@developer", "^[Optional][2]", "/x", `\#y @a`,
	}, "\n")))
	type rule struct {
		Pattern, Problem string
		Owners           []string
	}
	got := []rule{}
	for _, r := range rules {
		got = append(got, rule{r.Pattern(), r.Problem(), r.Owners()})
	}
	want := []rule{
		{"*.go", "", []string{"@ada", "@acme/core"}},
		{`docs/with\ space`, "", []string{"bo@acme.test"}},
		{"/apps/", "", []string{}},
		{"!no", "a pattern cannot exclude with !", []string{"@a"}},
		{"bad", `"owner" is neither a @name, a @group/team nor an address`, []string{"owner"}},
		{"***/x", "a pattern cannot hold ***", []string{"@a"}},
		{"*.md", "", []string{"@acme/docs"}},
		{"*.rst", "", []string{"@@developer"}},
		{"/x", "", []string{}},
		{`\#y`, `a pattern cannot begin with \#`, []string{"@a"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestManifests(t *testing.T) {
	for name, c := range map[string]struct {
		file, text              string
		dependencies, unpinned  int
		locks, unreadable, both bool
	}{
		"go":                  {file: "go.mod", text: "module x\n\ngo 1.26\n\nrequire a.test/a v1.0.0 // indirect\nrequire (\n\tb.test/b v1.0.0\n\t// c\n\tc.test/c v0.0.0-2026\n)\nreplace a.test/a => ../a\n", dependencies: 3},
		"go, none":            {file: "go.mod", text: "module x\n", locks: true},
		"npm":                 {file: "package.json", text: `{"dependencies":{"a":"^1.0.0","b":"1.2.3","c":"file:../c","d":"1.2","e":"git+https://x#` + strings.Repeat("a", 40) + `"},"devDependencies":{"f":"latest"}}`, dependencies: 6, unpinned: 3},
		"npm, broken":         {file: "package.json", text: `{"dependencies":`, unreadable: true},
		"npm, odd":            {file: "package.json", text: `{"dependencies":{"a":{"x":1}}}`, dependencies: 1, unpinned: 1},
		"npm, list":           {file: "package.json", text: `{"dependencies":[1]}`, unreadable: true},
		"composer":            {file: "composer.json", text: `{"require":{"php":">=8","a/b":"^1.0","c/d":"1.2.3"}}`, dependencies: 2, unpinned: 1},
		"requirements":        {file: "requirements.txt", text: "# x\na==1.0\nb>=2 # y\nc==1.*\n-r other.txt\n-e .\nd[x]==2.0 ; python_version>'3'\ne @ git+https://x@" + strings.Repeat("a", 40) + "\nf==1.0 \\\n    --hash=sha256:x\n", dependencies: 6, unpinned: 2},
		"requirements, fixed": {file: "requirements-dev.txt", text: "a==1.0\n", dependencies: 1, locks: true},
		"pyproject":           {file: "pyproject.toml", text: "[project]\ndependencies = [\n  \"a>=1\",\n  'b==1.0',  # c\n  \"uvicorn[standard]\"\n]\n[project.optional-dependencies]\nx = [\"d==2\"]\n[dependency-groups]\ndev = [\"pytest\", {include-group = \"x\"}]\n", dependencies: 4, unpinned: 2},
		"poetry":              {file: "pyproject.toml", text: "[tool.poetry.dependencies]\npython = \"^3.11\"\na = \"^1.0\"\nb = \"1.2.3\"\nc = {version = \"2.0.0\", extras = [\"x\"]}\n[tool.poetry.group.dev.dependencies]\nd = \"*\"\n", dependencies: 4, unpinned: 2},
		"pyproject, none":     {file: "pyproject.toml", text: "[tool.ruff]\nline-length = 100\n", locks: true},
		"pipfile":             {file: "Pipfile", text: "[packages]\na = \"*\"\nb = \"==1.0\"\n", dependencies: 2, unpinned: 1},
		"cargo":               {file: "Cargo.toml", text: "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nb = \"=1.0.0\"\nc = { path = \"../c\" }\nd = { version = \"2\", features = [\"x\"] }\n[dev-dependencies]\ne = \"1\"\n[dependencies.f]\nversion = \"=3.0.0\"\nfeatures = [\"y\"]\n", dependencies: 6, unpinned: 3},
		"ruby":                {file: "Gemfile", text: "source 'https://rubygems.org'\ngem 'a'\n  gem \"b\", '1.2.3'\ngem 'c', '~> 1.0' # d\n", dependencies: 3, unpinned: 2},
		"maven":               {file: "pom.xml", text: "<project><dependencies><dependency><artifactId>a</artifactId><version>1.0</version></dependency><dependency><version>[1,2)</version><exclusions><exclusion><version>x</version></exclusion></exclusions></dependency><dependency><version>1-SNAPSHOT</version></dependency><dependency><artifactId>managed</artifactId></dependency></dependencies></project>", dependencies: 4, unpinned: 2},
		"maven, broken":       {file: "pom.xml", text: "<project><dependency", unreadable: true},
		"nuget":               {file: "app.csproj", text: `<Project><ItemGroup><PackageReference Include="a" Version="1.0"/><PackageReference Include="b" Version="1.*"/><PackageReference Include="c"><Version>[1.0]</Version></PackageReference></ItemGroup></Project>`, dependencies: 3, unpinned: 1},
		"gradle":              {file: "build.gradle", text: "implementation 'a:b:1'\n", unreadable: true},
	} {
		t.Run(name, func(t *testing.T) {
			dependencies, unpinned, locks, err := git.ReadManifest(c.file, []byte(c.text))
			if (err != nil) != c.unreadable {
				t.Fatalf("error %v, want one: %v", err, c.unreadable)
			}
			if err == nil && (dependencies != c.dependencies || unpinned != c.unpinned || locks != c.locks) {
				t.Errorf("%d dependencies, %d unpinned, locks %v; want %d, %d, %v", dependencies, unpinned, locks, c.dependencies, c.unpinned, c.locks)
			}
		})
	}
}

func TestLockFiles(t *testing.T) {
	m := makeRepo(t)
	m.commit(change{files: map[string]string{
		"package-lock.json": "{}", "web/package.json": `{"dependencies":{"a":"^1"}}`, "other/go.mod": "module x\nrequire a.test/a v1.0.0\n", "go.sum": "",
		"py/pyproject.toml": "[project]\ndependencies = [\"a>=1\"]\n", "py/requirements.txt": "a==1.0\n",
		"py2/pyproject.toml": "[project]\ndependencies = [\"a>=1\"]\n", "py2/requirements.txt": "a\n",
		"pom.xml": "<project/>", "app/build.gradle": "", "node_modules/x/package.json": "{}", "vendor/x/go.mod": "module x",
		"docs/requirements.txt": "sphinx\n",
	}})
	r := m.collect()
	for key, want := range map[string]map[string]any{
		"web/package.json":      {"has_lockfile": true, "lockfile": "package-lock.json"},
		"other/go.mod":          {"has_lockfile": false, "lockfile": nil},
		"py/pyproject.toml":     {"has_lockfile": true, "lockfile": "py/requirements.txt"},
		"py2/pyproject.toml":    {"has_lockfile": false},
		"py/requirements.txt":   {"has_lockfile": true, "lockfile": "py/requirements.txt"},
		"docs/requirements.txt": {"has_lockfile": false, "unpinned": 1},
		"pom.xml":               {"has_lockfile": nil, "dependencies": 0},
		"app/build.gradle":      {"has_lockfile": false, "dependencies": nil},
	} {
		has(t, r.one("dependency_manifest", key), want)
	}
	if n := len(r.all["dependency_manifest"]); n != 9 {
		t.Errorf("%d manifests, want 9: copies of other projects are not ours", n)
	}
}

func TestSecrets(t *testing.T) {
	random := "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
	for name, c := range map[string]struct {
		file, text, rule string
		placeholder      bool
	}{
		"private key":         {"key.pem", privateKey(), "private_key", false},
		"key in JSON":         {"sa.json", `{"private_key": "` + strings.ReplaceAll(privateKey(), "\n", `\n`) + `"}`, "private_key", false},
		"only its markers":    {"a.go", `strings.HasPrefix(s, "-----BEGIN ` + `PRIVATE KEY-----") || x == "-----END"`, "", false},
		"aws":                 {"a.tf", `key = "AKIA` + `Q7RTZ2NVEXMPLF4K"`, "aws_access_key", false},
		"aws, from the guide": {"a.tf", `key = "AKIA` + `IOSFODNN7EXAMPLE"`, "aws_access_key", true},
		"aws secret":          {"a.ini", "aws_secret_access_key = " + random + "Q1w2", "aws_secret_key", false},
		"github":              {"a.yml", "token: ghp_" + random, "github_token", false},
		"github, made up":     {"a.yml", "token: ghp_" + strings.Repeat("x", 36), "github_token", true},
		"gitlab":              {"a.yml", "token: glpat-" + random[:20], "gitlab_token", false},
		"slack":               {"a.py", "xoxb-" + "1234567890-" + random, "slack_token", false},
		"google":              {"a.js", "AIza" + random[:35], "google_api_key", false},
		"npm":                 {".npmrc", "//registry.npmjs.org/:_authToken=npm_" + random, "npm_token", false},
		"stripe":              {"a.rb", "sk_live_" + random[:24], "stripe_key", false},
		"url":                 {"a.yml", "postgres://app:s3cr3tpw@db.acme.test/app", "url_password", false},
		"url, local":          {"a.yml", "postgres://app:s3cr3tpw@localhost/app", "url_password", true},
		"url, variable":       {"a.yml", "postgres://app:${PW}@db/app", "url_password", true},
		"url, plain":          {"a.md", "see https://acme.test:8080/a@b and mailto:x@y", "", false},
		"env":                 {".env", "DEBUG=1\nDB_PASSWORD=correcthorse\n", "env_secret", false},
		"env, sample":         {".env.example", "DB_PASSWORD=correcthorse\n", "", false},
		"not env":             {"env.md", "DB_PASSWORD=correcthorse\n", "", false},
		"words":               {"a.md", "risk-proj-management and ghp_ and AKIA", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			hits, _ := git.FindSecrets(c.file, []byte(c.text), 100)
			rules := []string{}
			for _, h := range hits {
				rules = append(rules, h.Rule())
			}
			if c.rule == "" && len(hits) > 0 || c.rule != "" && (len(hits) != 1 || rules[0] != c.rule) {
				t.Fatalf("found %q, want %q", rules, c.rule)
			}
			if len(hits) == 0 {
				return
			}
			if hits[0].Placeholder() != c.placeholder {
				t.Errorf("placeholder %v, want %v", hits[0].Placeholder(), c.placeholder)
			}
			if out := string(git.Redact(c.file, []byte(c.text))); strings.Contains(out, hits[0].Secret()) {
				t.Errorf("the secret is still in %q", out)
			}
		})
	}
}

func TestSecretCandidatesNameThePlaceAndNotTheSecret(t *testing.T) {
	token := "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
	m := makeRepo(t)
	m.commit(change{files: map[string]string{
		"a/conf.yml": "x: 1\ntoken: " + token + "\nagain: " + token + "\n", "b/conf_test.go": "// " + token, ".env": "API_KEY=hunter2hunter2\n", "store.p12": "\x00\x01",
	}})
	r := m.collect()
	lines, prints := map[string]int64{}, map[string]bool{}
	for key, one := range r.all["secret_candidate"] {
		lines[fmt.Sprint(one.Attrs["path"], " ", one.Attrs["rule"], " ", one.Attrs["test_path"])] += one.Attrs["line"].(int64)
		prints[one.Attrs["fingerprint"].(string)] = true
		if strings.Contains(fmt.Sprint(key, one), token) || strings.Contains(fmt.Sprint(key, one), "hunter2") {
			t.Errorf("%s holds the secret", key)
		}
	}
	want := map[string]int64{"a/conf.yml github_token false": 2 + 3, "b/conf_test.go github_token true": 1, ".env env_secret false": 1, "store.p12 key_store false": 1}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if len(prints) != 3 {
		t.Errorf("%d fingerprints, want 3: the same token has one", len(prints))
	}
}

// Sixty folders, each of which holds the next ten times, unfold into more than
// there is time for.
func TestFoldersThatUnfoldWithoutEndAreCut(t *testing.T) {
	m := makeRepo(t)
	tree := m.files(map[string]string{})
	for range 60 {
		tree = m.folders(tree, 10)
	}
	m.tree = tree
	m.commit(change{})
	m.pack()
	r := m.collect()
	if missing, said := r.missing("secret_candidate", ""); !said || !strings.Contains(missing.Reason, "folders") {
		t.Errorf("missing %+v, want the limit told", missing)
	}
	if slices.Contains(r.in.Kinds(), "ci_workflow") {
		t.Error("a kind is covered though the list of files was cut")
	}
}

func TestFilesMadeToBeSlowAreLeftOut(t *testing.T) {
	text := strings.Repeat("-----BEGIN "+"PRIVATE KEY-----", 3_000)
	if hits, whole := git.FindSecrets("a", []byte(text), 100); whole || len(hits) > 0 {
		t.Errorf("%d findings, whole %v; want it left out", len(hits), whole)
	}
	if out := git.Redact("a", []byte(text)); len(out) > 100 {
		t.Errorf("%d bytes are kept of a file that was not looked through", len(out))
	}
	if _, whole := git.FindSecrets("a", []byte(strings.Repeat("https://acme.test/x ", 50_000)), 100); !whole {
		t.Error("plain addresses are left out")
	}
}
