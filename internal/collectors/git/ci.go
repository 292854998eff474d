package git

import (
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/tickmark/tickmark/internal/sources"
)

const (
	maxWorkflows = 1000
	maxCommands  = 50   // shown
	maxScript    = 2000 // looked at
	maxUses      = 200
)

// A workflow is what a CI file says about itself.
type workflow struct {
	system      string
	triggers    []string // nil if the file does not say
	onChange    *bool    // it runs on each change that is pushed or proposed
	why         string   // why not known
	commands    []string
	uses        []string // third-party steps
	unpinned    int      // uses that name a version which can be moved
	permissions *bool
	mentions    []string // further text that may name a scanner
}

// ciSystem names the CI system that would read a file; empty if none.
func ciSystem(name string) string {
	dir, base := path.Split(name)
	ext := path.Ext(base)
	isYAML := ext == ".yml" || ext == ".yaml"
	switch {
	case dir == ".github/workflows/" && isYAML:
		return "github_actions"
	case (dir == ".gitea/workflows/" || dir == ".forgejo/workflows/") && isYAML:
		return "forgejo_actions"
	case dir == ".circleci/" && isYAML:
		return "circleci"
	case dir == ".buildkite/" && isYAML:
		return "buildkite"
	case (dir == ".woodpecker/" || strings.HasPrefix(dir, ".woodpecker/")) && isYAML:
		return "woodpecker"
	case dir == ".builds/" && isYAML:
		return "sourcehut"
	case dir == ".ci/" && (isYAML || ext == ".sh" || ext == ""):
		return "scripts"
	case dir != "":
		return ""
	}
	switch base {
	case ".gitlab-ci.yml", ".gitlab-ci.yaml":
		return "gitlab_ci"
	case "Jenkinsfile":
		return "jenkins"
	case "azure-pipelines.yml", "azure-pipelines.yaml", ".azure-pipelines.yml":
		return "azure"
	case ".drone.yml", ".drone.yaml":
		return "drone"
	case ".woodpecker.yml", ".woodpecker.yaml":
		return "woodpecker"
	case ".travis.yml":
		return "travis"
	case "bitbucket-pipelines.yml":
		return "bitbucket"
	case ".build.yml":
		return "sourcehut"
	}
	return ""
}

// workflows hands over the CI files, and what they say together.
func (r *run) workflows() error {
	fields := []string{"has_ci", "ci_systems", "ci_on_change", "ci_test_commands", "scanners"}
	if r.tree == nil || !r.branch.born {
		r.absentFromTree(fields...)
		r.coverFromTree("ci_workflow")
		return nil
	}
	var all []workflow
	unread := false
	systems := []string{}
	for _, f := range r.tree.files {
		system := ciSystem(f.path)
		if system == "" || len(all) >= maxWorkflows {
			continue
		}
		if !slices.Contains(systems, system) {
			systems = append(systems, system)
		}
		rec := newRecord(map[string]any{"path": clip(f.path), "system": system})
		data, err := r.bytes(f)
		if err != nil {
			if err := r.leaveOut("ci_workflow", f, err); err != nil {
				return err
			}
			unread = true
			rec.missing(cause(err), "triggers", "on_change", "commands", "uses", "uses_pinned", "uses_unpinned", "permissions_declared")
		} else {
			r.keep(f, data)
			w := parseWorkflow(system, data)
			all = append(all, w)
			w.fill(rec)
		}
		if err := r.in.Add(rec.resource("ci_workflow", clipKey(f.path))); err != nil {
			return err
		}
	}
	r.coverFromTree("ci_workflow")
	sort.Strings(systems)
	r.facts["has_ci"], r.facts["ci_systems"] = len(systems) > 0, systems
	r.together(all, unread)
	return nil
}

func (w workflow) fill(rec record) {
	if w.triggers == nil {
		rec.missing("the file does not name what it runs on", "triggers")
	} else {
		rec.attrs["triggers"] = clipAll(w.triggers)
	}
	if w.onChange == nil {
		rec.missing(w.why, "on_change")
	} else {
		rec.attrs["on_change"] = *w.onChange
	}
	if w.permissions == nil {
		rec.missing("this system's files do not declare the rights of a run", "permissions_declared")
	} else {
		rec.attrs["permissions_declared"] = *w.permissions
	}
	rec.attrs["commands"] = clipAll(w.commands[:min(len(w.commands), maxCommands)])
	rec.attrs["uses"] = clipAll(w.uses)
	rec.attrs["uses_pinned"] = len(w.uses) - w.unpinned
	rec.attrs["uses_unpinned"] = w.unpinned
}

// testCommand recognises commands that run tests. A command it does not know
// is not taken for none: it may be a script that does.
var testCommand = regexp.MustCompile(`(?i)(?:^|[\s;&|/"'(])(?:` +
	`go test|gotestsum|pytest|tox|nox|python3? -m (?:pytest|unittest)|` +
	`(?:npm|pnpm|yarn|bun|deno)(?: run)?(?: -\S+)* (?:t|test|tests|ci:test)(?:[:\w-]*)|jest|vitest|mocha|playwright test|cypress run|` +
	`cargo (?:test|nextest)|mvnw?\b.*\b(?:test|verify|package|install|deploy)|gradlew?\b.*\b(?:test|check|build)|sbt\b.*\btest|` +
	`make\b.*\b(?:\w*tests?|check|verify)|just .*\btest|task .*\btest|rspec|rake (?:test|spec)|rails test|phpunit|pest|composer test|` +
	`dotnet test|ctest|bazel(?:isk)? test|mix test|swift test|(?:flutter|dart) test|meson test|prove|zig build test|` +
	`[\w./-]*tests?\.(?:sh|py|js|ps1)|[\w./-]*run[-_]?tests?)(?:$|[\s;&|"')])`)

func runsTests(command string) bool {
	return testCommand.MatchString(strings.ReplaceAll(command, "latest", ""))
}

// scannerNames are tools that look for weaknesses, as CI files name them.
var scannerNames = []string{"codeql", "semgrep", "trivy", "grype", "snyk", "gosec", "govulncheck", "osv-scanner", "bandit", "brakeman", "npm audit", "pnpm audit", "yarn audit", "yarn npm audit", "pip-audit", "cargo audit", "cargo-audit", "cargo deny", "cargo-deny", "bundler-audit", "bundle audit", "dependency-review-action", "dependency-check", "gitleaks", "trufflehog", "checkov", "tfsec", "kics", "sonarqube", "sonar-scanner", "sonarcloud", "zaproxy", "nuclei", "clair", "anchore", "sast.gitlab-ci", "dependency-scanning.gitlab-ci", "secret-detection.gitlab-ci", "container-scanning.gitlab-ci"}

// together states what the workflows say of the repository. What none of them
// says is unknown, not false: forges can run more than the files name.
func (r *run) together(all []workflow, unread bool) {
	tests, scanners := []string{}, []string{}
	onChange, unknown := false, unread
	for _, w := range all {
		if w.onChange == nil {
			unknown = true
		} else if *w.onChange {
			onChange = true
		}
		for _, c := range w.commands {
			if (w.onChange == nil || *w.onChange) && runsTests(c) && !slices.Contains(tests, c) && len(tests) < maxCommands {
				tests = append(tests, c)
			}
		}
		text := strings.ToLower(strings.Join(append(append(append([]string{}, w.uses...), w.commands...), w.mentions...), "\n"))
		for _, name := range scannerNames {
			if strings.Contains(text, name) && !slices.Contains(scanners, name) {
				scanners = append(scanners, name)
			}
		}
	}
	noFiles := len(all) == 0 && !unread
	switch {
	case onChange || noFiles || !unknown:
		r.facts["ci_on_change"] = onChange
	default:
		r.absent["ci_on_change"] = "the CI files do not say what they run on"
	}
	if len(tests) > 0 || noFiles {
		r.facts["ci_test_commands"] = clipAll(tests)
	} else {
		r.absent["ci_test_commands"] = "no command in the CI files is one we recognise as a test"
		r.in.Missing(sources.Missing{Kind: "repository", Field: "ci_test_commands", Reason: r.absent["ci_test_commands"],
			Remedy: "Run the tests in CI by a command named for it, such as make test, or connect the forge that shows their results."})
	}
	if len(scanners) > 0 {
		sort.Strings(scanners)
		r.facts["scanners"] = scanners
	} else {
		r.absent["scanners"] = "no CI file names a scanner: the forge may run one of its own"
	}
}
