// Package git reads a local git repository: who changed what, when, signed by
// whom, reviewed by whom, and what the tree of the latest commit says about how
// the software is built. It reads files only: it runs no program, opens no
// connection and writes nothing. A repository at a server is copied first, and
// read in the same way.
package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// kinds are all this collector covers of a repository that it can read whole.
var kinds = []string{"repository", "commit", "tag", "identity", "owners_rule", "ci_workflow", "dependency_manifest", "secret_candidate"}

// New returns the collector. It holds no state: one value serves any number of
// runs at once.
func New() sources.Collector { return collector{} }

type collector struct {
	shownAs string // instead of the folder: where a copy was made from
}

// Kind names the source type.
func (collector) Kind() string { return "git" }

// Version changes whenever the same repository would yield other facts.
func (collector) Version() string { return "1" }

// A run is one reading of one repository.
type run struct {
	ctx     context.Context
	in      *sources.Intake
	set     settings
	trusted signers
	repo    *repository
	shown   string // where it was read, in the facts
	branch  branch
	history *history
	tree    *tree // nil without commits, or if the clone holds no trees
	raws    int   // bytes kept so far
	facts   map[string]any
	absent  map[string]string
}

// Collect reads the repository that the settings name.
func (c collector) Collect(ctx context.Context, raw json.RawMessage, in *sources.Intake) (err error) {
	set, err := parseSettings(raw)
	if err != nil {
		return err
	}
	trusted, err := set.trust()
	if err != nil {
		return err
	}
	repo, err := open(set.Path)
	if err != nil {
		return readable(set.Path, err)
	}
	defer repo.close()
	defer func() {
		// The bytes are foreign and the decoders are not ours: whatever they
		// trip over ends this run, not the process.
		if p := recover(); p != nil {
			err = fault.Invalid("path", "reading object %s stopped: the object is damaged; run git fsck there, or make a fresh clone", repo.objects.reading).
				With(fmt.Errorf("panic: %v", p))
		}
	}()
	r := &run{ctx: ctx, in: in, set: set, trusted: trusted, repo: repo, shown: repo.path, facts: map[string]any{}, absent: map[string]string{}}
	if c.shownAs != "" {
		r.shown = c.shownAs
	}
	return readable(r.shown, r.collect())
}

func (r *run) collect() error {
	var err error
	if r.branch, err = r.repo.branch(r.set.Branch); err != nil {
		return err
	}
	if r.branch.born {
		if _, r.branch.head, _, err = r.repo.peel(r.branch.head); err != nil {
			return err
		}
	}
	r.scope()
	if r.history, err = r.repo.walk(r.ctx, r.branch, r.trusted, r.in); err != nil {
		return err
	}
	if err := r.readTree(); err != nil {
		return err
	}
	steps := []func() error{r.commits, r.identities, r.tags, r.owners, r.workflows, r.manifests, r.secrets, r.repository}
	for _, step := range steps {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// scope records what exactly was read.
func (r *run) scope() {
	r.in.Scope("path", r.shown)
	if r.shown == r.repo.path {
		r.in.Scope("git_dir", r.repo.gitDir)
	}
	r.in.Scope("branch", r.branch.name)
	r.in.Scope("head", r.branch.headText())
	r.in.Scope("effective_uid", strconv.Itoa(os.Geteuid()))
	r.in.Scope("signers", strconv.Itoa(r.trusted.count()))
	if n := len(r.repo.alternates); n > 0 {
		r.in.Scope("alternate_object_folders", fmt.Sprint(r.repo.alternates))
	}
	if n := r.repo.replaced(); n > 0 {
		// git log shows the replacement; evidence is about the objects themselves.
		r.in.Scope("replace_refs_ignored", strconv.Itoa(n))
	}
}

// readable turns what the file system or the objects refuse into words for the
// person who set the source up.
func readable(path string, err error) error {
	var (
		missing *missingObject
		corrupt *corruptObject
		large   *largeObject
	)
	switch {
	case err == nil || fault.As(err) != nil:
		return err
	case errors.Is(err, fs.ErrPermission):
		return fault.Invalid("path", "%s cannot be read as user id %d: give that user read access to the repository", path, os.Geteuid()).With(err)
	case errors.As(err, &missing):
		return fault.Invalid("path", "object %s is missing from %s: run git fsck there, or make a fresh clone", missing.hash, path).With(err)
	case errors.As(err, &corrupt):
		return fault.Invalid("path", "object %s in %s is damaged: run git fsck there, or make a fresh clone", corrupt.hash, path).With(err)
	case errors.As(err, &large):
		return fault.Invalid("path", "object %s in %s has %d bytes: at most %d are read", large.hash, path, large.size, large.limit).With(err)
	}
	return err
}

// usable reports whether t can be stored and written: a commit may claim any
// date.
func usable(t time.Time) bool {
	return !t.IsZero() && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999
}
