package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// A code base is the source code of the company: a real repository, which
// grows while the story goes on and is read like any other.
type codebase struct {
	dir  string
	repo *gogit.Repository
	tree *gogit.Worktree
	n    int // commits so far
	devs []worker
}

// kept are the files that say how the code is looked after.
var kept = map[string]string{
	"README.md":                "# Larchmere Cloud\n\nInvoices for mid-sized firms. Nothing of this exists.\n",
	"LICENSE":                  "All rights reserved.\n",
	".gitignore":               "/bin/\n*.log\n",
	"SECURITY.md":              "# Reporting a weakness\n\nWrite to security@larchmere.example. We answer within two working days.\n",
	".github/CODEOWNERS":       "*           @larchmere/engineering\n/billing/   @larchmere/billing\n",
	".github/dependabot.yml":   "version: 2\nupdates:\n  - package-ecosystem: gomod\n    directory: /\n    schedule: {interval: weekly}\n",
	".github/workflows/ci.yml": "name: ci\non: [push, pull_request]\npermissions: {contents: read}\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: go test ./...\n      - run: govulncheck ./...\n",
	"go.mod":                   "module larchmere.example/cloud\n\ngo 1.25\n",
	"go.sum":                   "",
	"billing/invoice.go":       "package billing\n",
}

// parts and deeds make the subject of a change.
var (
	parts = []string{"billing", "ledger", "login", "mailer", "importer", "reports", "api", "deploy"}
	deeds = []string{"reject amounts with more than two decimals", "retry when the bank does not answer", "show the time zone beside each date",
		"write one line for each refused request", "keep the old address for a day", "read the rate from settings", "close idle connections",
		"count what was skipped", "name the field that is wrong", "limit uploads to ten megabytes", "sort by date, then by number"}
)

// hurried are changes whose message says too little: the deviations of the
// first examination.
var hurried = map[int]string{31: "fix", 52: "quick fix for login"}

func newCodebase(dir string, devs []worker) (*codebase, error) {
	repo, err := gogit.PlainInitWithOptions(dir, &gogit.PlainInitOptions{InitOptions: gogit.InitOptions{DefaultBranch: plumbing.Main}})
	if err != nil {
		return nil, err
	}
	tree, err := repo.Worktree()
	return &codebase{dir: dir, repo: repo, tree: tree, devs: devs}, err
}

// begin puts the first files in place.
func (c *codebase) begin(at time.Time) error {
	for name, text := range kept {
		if err := c.write(name, text); err != nil {
			return err
		}
	}
	return c.commit(at, "cloud: begin (LC-1)")
}

// change makes one change by somebody, looked at by somebody else.
func (c *codebase) change(at time.Time) (subject, author, reviewer string, err error) {
	part, deed := parts[c.n*5%len(parts)], deeds[c.n*7%len(deeds)]
	err = c.write(fmt.Sprintf("%s/change%03d.go", part, c.n), fmt.Sprintf("package %s\n\n// %s.\n", part, deed))
	if err != nil {
		return "", "", "", err
	}
	subject = fmt.Sprintf("%s: %s (LC-%d)", part, deed, 100+c.n)
	if bad, ok := hurried[c.n]; ok {
		subject = bad
	}
	a, r := c.pair()
	return subject, a.email, r.email, c.commit(at, subject)
}

// pair is who makes the next change, and who looks at it.
func (c *codebase) pair() (author, reviewer worker) {
	return c.devs[c.n*3%len(c.devs)], c.devs[(c.n*3+1)%len(c.devs)]
}

// release tags the newest change.
func (c *codebase) release(version string, at time.Time) error {
	head, err := c.repo.Head()
	if err != nil {
		return err
	}
	_, err = c.repo.CreateTag(version, head.Hash(), &gogit.CreateTagOptions{Message: "Release " + version, Tagger: by(c.devs[0], at)})
	return err
}

func (c *codebase) write(name, text string) error {
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	_, err := c.tree.Add(name)
	return err
}

func (c *codebase) commit(at time.Time, subject string) error {
	author, reviewer := c.pair()
	message := fmt.Sprintf("%s\n\nReviewed-by: %s <%s>\n", subject, reviewer.name, reviewer.email)
	_, err := c.tree.Commit(message, &gogit.CommitOptions{Author: by(author, at.Add(-2*time.Hour)), Committer: by(reviewer, at)})
	c.n++
	return err
}

func by(w worker, at time.Time) *object.Signature {
	return &object.Signature{Name: w.name, Email: w.email, When: at}
}
