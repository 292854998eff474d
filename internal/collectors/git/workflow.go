package git

import (
	"regexp"
	"slices"
	"strings"
)

func yes(b bool) *bool { return &b }

// parseWorkflow reads a file as its CI system does, as far as its own lines go.
func parseWorkflow(system string, data []byte) workflow {
	w := workflow{system: system}
	switch system {
	case "github_actions", "forgejo_actions":
		w.readActions(readYAML(data))
	case "gitlab_ci":
		w.readGitLab(readYAML(data))
	case "jenkins":
		w.readJenkins(string(data))
	case "scripts":
		w.why = "scripts do not say when they are run"
		w.addCommands(string(data))
	default:
		w.readOther(readYAML(data))
	}
	return w
}

// addCommands takes the lines of a script, without what looks like a secret.
func (w *workflow) addCommands(script string) {
	script = strings.NewReplacer("\\\r\n", " ", "\\\n", " ").Replace(script) // a command on several lines
	for line := range strings.Lines(string(redact("", []byte(script)))) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '*' || len(w.commands) >= maxScript { // a comment, an alias
			continue
		}
		if len(line) > 300 {
			line = strings.ToValidUTF8(line[:300], "") + "…"
		}
		w.commands = append(w.commands, line)
	}
}

// addUse takes a third-party step; pinned says whether its version is fixed.
func (w *workflow) addUse(name string, pinned bool) {
	if name == "" || len(w.uses) >= maxUses || slices.Contains(w.uses, name) {
		return
	}
	w.uses = append(w.uses, name)
	if !pinned {
		w.unpinned++
	}
}

var (
	pinCommit = regexp.MustCompile(`@[0-9a-f]{40}(?:[0-9a-f]{24})?$`)
	pinDigest = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)
	pinExact  = regexp.MustCompile(`[@:]\d+\.\d+\.\d+$`)
)

func (w *workflow) readActions(nodes []node) {
	jobs, declared, whole := map[string]bool{}, map[string]bool{}, false
	push := map[string]bool{} // what the trigger push is narrowed by
	w.triggers = []string{}
	for _, n := range nodes {
		switch {
		case n.path == nil:
			continue
		case n.path[0] == "on" && len(n.path) == 1 && n.flow:
			w.triggers = append(w.triggers, flowItems(n.value)...)
		case n.path[0] == "on" && len(n.path) == 1 && n.value != "":
			w.triggers = append(w.triggers, n.value)
		case n.path[0] == "on" && len(n.path) == 2 && n.keyed:
			w.triggers = append(w.triggers, n.path[1])
		case n.path[0] == "on" && len(n.path) == 3 && n.path[1] == "push":
			push[n.path[2]] = true
		case n.path[0] == "permissions":
			whole = true
		case n.path[0] != "jobs":
			continue
		case len(n.path) == 2 && n.keyed:
			jobs[n.path[1]] = true
		case len(n.path) >= 3 && n.path[2] == "permissions":
			declared[n.path[1]] = true
		case n.last(0) == "uses" && n.keyed && !strings.HasPrefix(n.value, "./"):
			w.addUse(n.value, pinCommit.MatchString(n.value) || pinDigest.MatchString(n.value))
		case n.last(0) == "run" && n.keyed:
			w.addCommands(n.value)
		}
	}
	if len(w.triggers) > 1000 {
		w.triggers = w.triggers[:1000]
	}
	w.permissions = yes(whole || len(jobs) > 0 && len(declared) == len(jobs))
	// A push narrowed to tags alone does not run when a branch changes.
	tagsOnly := (push["tags"] || push["tags-ignore"]) && !push["branches"] && !push["branches-ignore"]
	w.onChange = yes(slices.ContainsFunc(w.triggers, func(t string) bool {
		return t == "push" && !tagsOnly || t == "pull_request" || t == "pull_request_target" || t == "merge_group"
	}))
}

func (w *workflow) readGitLab(nodes []node) {
	ruled := false
	for _, n := range nodes {
		if n.path == nil {
			continue
		}
		if n.path[0] == "workflow" {
			ruled = true
		}
		switch n.last(0) {
		case "script", "before_script", "after_script":
			w.addValue(n)
		case "remote":
			if n.path[0] == "include" {
				w.addUse(n.value, false)
			}
		case "component":
			if n.path[0] == "include" {
				w.addUse(n.value, pinCommit.MatchString(n.value) || pinExact.MatchString(n.value))
			}
		case "template":
			if n.path[0] == "include" {
				w.mentions = append(w.mentions, n.value)
			}
		}
	}
	if ruled {
		w.why = "its workflow rules decide when it runs, and they are not evaluated"
		return
	}
	w.onChange = yes(true) // what GitLab does with a file that has no such rules
}

// addValue takes the commands of a scalar, or of a list in brackets.
func (w *workflow) addValue(n node) {
	if !n.flow {
		w.addCommands(n.value)
		return
	}
	for _, c := range flowItems(n.value) {
		w.addCommands(c)
	}
}

var jenkinsShell = regexp.MustCompile(`\b(?:sh|bat|pwsh)\b[\s(]*(?:script:\s*)?(?:'''((?s:.*?))'''|"""((?s:.*?))"""|'([^'\n]{1,1000})'|"([^"\n]{1,1000})")`)

func (w *workflow) readJenkins(text string) {
	w.why = "the Jenkins server decides when it runs"
	text = text[:min(len(text), 256<<10)]
	for _, m := range jenkinsShell.FindAllStringSubmatch(text, 200) {
		w.addCommands(strings.Join(m[1:], ""))
	}
}

// readOther reads the systems whose files are lists of commands by key.
func (w *workflow) readOther(nodes []node) {
	events := map[string]bool{}
	never := false
	for _, n := range nodes {
		key, within := n.last(0), n.last(1)
		switch {
		case slices.Contains([]string{"script", "commands", "command", "run", "bash", "powershell", "pwsh", "before_script", "install", "tasks"}, key):
			w.addValue(n)
		case w.system == "sourcehut" && within == "tasks":
			w.addCommands(n.value)
		case w.system == "circleci" && within == "orbs" && n.keyed:
			w.addUse(n.value, pinExact.MatchString(n.value))
		case w.system == "bitbucket" && key == "pipe":
			w.addUse(n.value, pinDigest.MatchString(n.value) || pinExact.MatchString(n.value))
		case w.system == "azure" && len(n.path) == 1 && key == "trigger" && n.value == "none":
			never = true
		case (w.system == "drone" || w.system == "woodpecker") && key == "event" && len(n.path) == 2 && (within == "trigger" || within == "when"):
			for _, e := range append(flowItems(n.value), n.value) {
				if e != "" && !strings.ContainsAny(e, "[]{}") {
					events[e] = true
				}
			}
		}
	}
	switch {
	case w.system == "buildkite":
		w.why = "the Buildkite server decides when it runs"
	case w.system == "azure" && never:
		w.why = "it is not triggered by branches, and a server may trigger it by requests"
	case len(events) > 0:
		for e := range events {
			w.triggers = append(w.triggers, e)
		}
		slices.Sort(w.triggers)
		w.onChange = yes(events["push"] || events["pull_request"])
	default:
		w.onChange = yes(true) // what these systems do with each pushed change
	}
}
