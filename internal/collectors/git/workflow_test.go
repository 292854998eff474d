package git_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/collectors/git"
)

const sha = "0123456789abcdef0123456789abcdef01234567"

func TestWorkflows(t *testing.T) {
	for name, c := range map[string]struct {
		system, text string
		want         map[string]any
	}{
		"actions": {"github_actions", `
name: ci
"on":
  push:
    branches: [main]
  pull_request:
permissions: {contents: read}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@` + sha + ` # v4
    - uses: "acme/setup@v1"
    - uses: ./local
    - uses: docker://alpine@sha256:` + strings.Repeat("a", 64) + `
    - name: Test # all
      run: |
        go vet ./...

        go test \
          ./...
    - run: >-
        echo
        folded
    - run: 'make check'
  reuse:
    uses: acme/flows/.github/workflows/x.yml@main
`, map[string]any{
			"triggers": []string{"push", "pull_request"}, "on_change": true, "permissions_declared": true,
			"uses":        []string{"actions/checkout@" + sha, "acme/setup@v1", "docker://alpine@sha256:" + strings.Repeat("a", 64), "acme/flows/.github/workflows/x.yml@main"},
			"uses_pinned": 2, "uses_unpinned": 2,
			"commands": []string{"go vet ./...", "go test  ./...", "echo folded", "make check"},
		}},
		"actions, one event":    {"github_actions", "on: push\njobs:\n  a:\n    permissions: {}\n    steps: []\n", map[string]any{"triggers": []string{"push"}, "on_change": true, "permissions_declared": true}},
		"actions, event list":   {"github_actions", "on: [push,\n  workflow_dispatch]\njobs:\n  a:\n    steps: []\n", map[string]any{"triggers": []string{"push", "workflow_dispatch"}, "permissions_declared": false}},
		"actions, dashes":       {"github_actions", "on:\n- schedule\n- workflow_dispatch\n", map[string]any{"triggers": []string{"schedule", "workflow_dispatch"}, "on_change": false}},
		"actions, braces":       {"github_actions", "on: {push: {branches: [a, b]}, schedule: []}\n", map[string]any{"triggers": []string{"push", "schedule"}}},
		"actions, tags only":    {"github_actions", "on:\n  push:\n    tags: ['v*']\n", map[string]any{"triggers": []string{"push"}, "on_change": false}},
		"actions, one of two":   {"github_actions", "on: push\njobs:\n  a:\n    permissions: read-all\n  b:\n    steps: []\n", map[string]any{"permissions_declared": false}},
		"actions, text in text": {"github_actions", "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          uses: fake/step@v1\n          permissions:\n", map[string]any{"uses": []string{}, "permissions_declared": false, "commands": []string{"uses: fake/step@v1", "permissions:"}}},
		"gitlab": {"gitlab_ci", "include:\n  - remote: https://x.test/a.yml\n  - component: $CI/x/y@1.2.3\n  - template: Jobs/SAST.gitlab-ci.yml\ntest:\n  before_script: [apt-get update, 'pip install x']\n  script:\n    - pytest -q\n    - |\n      a\n      b\n", map[string]any{
			"on_change": true, "commands": []string{"apt-get update", "pip install x", "pytest -q", "a", "b"}, "uses_unpinned": 1, "uses_pinned": 1,
		}},
		"gitlab, rules":     {"gitlab_ci", "workflow:\n  rules:\n    - if: $CI_TAG\ntest:\n  script: make test\n", map[string]any{"on_change": nil, "commands": []string{"make test"}}},
		"circleci":          {"circleci", "version: 2.1\norbs:\n  node: circleci/node@5.0.2\n  x: acme/x@volatile\njobs:\n  a:\n    steps:\n      - checkout\n      - run: npm ci\n      - run:\n          name: t\n          command: npm test\n", map[string]any{"on_change": true, "uses_pinned": 1, "uses_unpinned": 1, "commands": []string{"npm ci", "npm test"}}},
		"jenkins":           {"jenkins", "pipeline { stages { stage('t') { steps { sh 'make test'\n sh \"\"\"a\nb\"\"\"\n bat(script: \"x.cmd\") } } } }", map[string]any{"on_change": nil, "commands": []string{"make test", "a", "b", "x.cmd"}}},
		"drone":             {"drone", "kind: pipeline\nsteps:\n- name: t\n  commands:\n  - go test ./...\ntrigger:\n  event:\n  - tag\n", map[string]any{"on_change": false, "triggers": []string{"tag"}, "commands": []string{"go test ./..."}}},
		"woodpecker":        {"woodpecker", "when:\n  - event: [push, pull_request]\nsteps:\n  - commands: [make]\n    when:\n      event: tag\n", map[string]any{"on_change": true, "triggers": []string{"pull_request", "push"}}},
		"azure":             {"azure", "trigger: none\nsteps:\n- script: dotnet test\n- bash: |\n    a\n", map[string]any{"on_change": nil, "commands": []string{"dotnet test", "a"}}},
		"buildkite":         {"buildkite", "steps:\n  - command: cargo test\n", map[string]any{"on_change": nil, "commands": []string{"cargo test"}}},
		"travis":            {"travis", "language: go\nscript: go test\n", map[string]any{"on_change": true, "commands": []string{"go test"}}},
		"bitbucket":         {"bitbucket", "pipelines:\n  default:\n    - step:\n        script:\n          - npm test\n          - pipe: atlassian/x:1.0.0\n", map[string]any{"on_change": true, "uses_pinned": 1}},
		"sourcehut":         {"sourcehut", "image: alpine\ntasks:\n  - test: |\n      make test\n", map[string]any{"commands": []string{"make test"}}},
		"scripts":           {"scripts", "#!/bin/sh\nset -e\nmake test\n", map[string]any{"on_change": nil, "commands": []string{"set -e", "make test"}}},
		"empty":             {"github_actions", "", map[string]any{"triggers": []string{}, "on_change": false, "permissions_declared": false}},
		"not yaml":          {"github_actions", "\x00\xff{{{{[[[[\n- - - -\n:::\n\"", map[string]any{"uses": []string{}}},
		"aliases and tags":  {"gitlab_ci", "x:\n  script:\n    - *all\n    - !reference [a, b]\n    - make\n", map[string]any{"commands": []string{"!reference [a, b]", "make"}}},
		"windows line ends": {"github_actions", "on: push\r\njobs:\r\n  a:\r\n    steps:\r\n      - run: go test\r\n", map[string]any{"triggers": []string{"push"}, "commands": []string{"go test"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := git.ParseWorkflow(c.system, []byte(c.text)).Facts()
			for field, want := range c.want {
				if value, there := got[field]; fmt.Sprint(value) != fmt.Sprint(want) || want == nil && there {
					t.Errorf("%s: %v, want %v", field, value, want)
				}
			}
		})
	}
}

func TestCISystems(t *testing.T) {
	for name, want := range map[string]string{
		".github/workflows/a.yml": "github_actions", ".github/workflows/x/a.yml": "", ".github/a.yml": "", ".gitlab-ci.yml": "gitlab_ci", "sub/.gitlab-ci.yml": "",
		"Jenkinsfile": "jenkins", ".circleci/config.yml": "circleci", "azure-pipelines.yml": "azure", ".drone.yml": "drone", ".woodpecker/test.yaml": "woodpecker",
		".woodpecker.yml": "woodpecker", ".buildkite/pipeline.yml": "buildkite", ".ci/run.sh": "scripts", ".ci/run": "scripts", ".ci/notes.md": "", ".travis.yml": "travis",
		".forgejo/workflows/a.yaml": "forgejo_actions", "README.md": "",
	} {
		if got := git.CISystem(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestTestCommandsAreRecognised(t *testing.T) {
	for command, want := range map[string]bool{
		"go test ./...": true, "CGO_ENABLED=0 go test -race ./...": true, "npm test": true, "npm run test:unit": true, "yarn test --ci": true, "pnpm -r test": true,
		"cargo nextest run": true, "mvn -B verify": true, "./gradlew build": true, "make -j4 check": true, "make richtest": true, "bundle exec rspec": true, "tox -e py": true,
		"python -m pytest": true, "./ci/run-build-and-tests.sh": true, "docker run x make test": true, "dotnet test": true, "bazel test //...": true,
		"go build ./...": false, "npm ci": false, "go install x@latest": false, "make latest": false, "echo contest": false, "apt-get install attestation": false, "curl https://latest.test": false,
	} {
		if got := git.RunsTests(command); got != want {
			t.Errorf("%s: %v, want %v", command, got, want)
		}
	}
}

func TestRepositoryStatesWhatItsWorkflowsSay(t *testing.T) {
	const tests = "on: pull_request\njobs:\n  a:\n    steps:\n      - run: go test ./...\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  map[string]any
	}{
		"none":            {map[string]string{"x": "y"}, map[string]any{"has_ci": false, "ci_on_change": false, "ci_test_commands": []string{}, "scanners": nil}},
		"tests":           {map[string]string{".github/workflows/a.yml": tests}, map[string]any{"has_ci": true, "ci_on_change": true, "ci_test_commands": []string{"go test ./..."}}},
		"tests by night":  {map[string]string{".github/workflows/a.yml": strings.Replace(tests, "pull_request", "schedule", 1)}, map[string]any{"ci_on_change": false, "ci_test_commands": nil}},
		"unknown command": {map[string]string{".github/workflows/a.yml": strings.Replace(tests, "go test ./...", "./do", 1)}, map[string]any{"ci_on_change": true, "ci_test_commands": nil}},
		"a server":        {map[string]string{"Jenkinsfile": "sh 'make test'"}, map[string]any{"ci_on_change": nil, "ci_test_commands": []string{"make test"}, "ci_systems": []string{"jenkins"}}},
		"scanners":        {map[string]string{".gitlab-ci.yml": "include:\n  - template: Jobs/SAST.gitlab-ci.yml\nt:\n  script: [trivy fs .]\n"}, map[string]any{"scanners": []string{"sast.gitlab-ci", "trivy"}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := makeRepo(t)
			m.commit(change{files: c.files})
			has(t, m.collect().repo(), c.want)
		})
	}
}
