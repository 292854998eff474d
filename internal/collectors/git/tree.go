package git

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tickmark/tickmark/internal/sources"
)

const (
	maxEntries = 300_000
	maxFolders = 100_000
	maxDepth   = 200
	maxFile    = 1 << 20
	maxRawAll  = 32 << 20
	maxRawName = 2000
)

// A tree is the list of files of the latest commit. Files are read from the
// repository's objects, not from a work tree, so no symbolic link is followed
// and nothing uncommitted is seen.
type tree struct {
	files   []file
	byPath  map[string]int
	folders int
	// cut says why the list is not complete; empty if it is.
	cut string
}

type file struct {
	path string
	hash plumbing.Hash
	link bool
}

// fromTree are the kinds that are read from the latest commit's files.
var fromTree = []string{"owners_rule", "ci_workflow", "dependency_manifest", "secret_candidate"}

const (
	noTree   = "this partial clone does not hold the list of files"
	noBytes  = "this partial clone does not hold the file"
	fullCopy = "git backfill, or a clone made without --filter"
)

// readTree lists the files of the branch's head.
func (r *run) readTree() error {
	if !r.branch.born {
		r.tree = &tree{byPath: map[string]int{}}
		r.absentFromTree("files")
		return nil
	}
	t := &tree{byPath: map[string]int{}}
	err := r.list(t, r.history.commits[0].tree, "", 0)
	if missing := (*missingObject)(nil); errors.As(err, &missing) && r.repo.objects.promised {
		for _, kind := range fromTree {
			r.in.Missing(sources.Missing{Kind: kind, Reason: noTree, Remedy: fullCopy})
		}
		r.absentFromTree("files")
		return nil
	}
	if err != nil {
		return err
	}
	r.tree = t
	r.facts["files"] = len(t.files)
	if t.cut != "" {
		for _, kind := range fromTree {
			r.in.Missing(sources.Missing{Kind: kind, Reason: t.cut})
		}
	}
	return nil
}

func (r *run) list(t *tree, id plumbing.Hash, under string, depth int) error {
	if depth > maxDepth {
		t.cut = fmt.Sprintf("folders lie more than %d deep: deeper ones were not read", maxDepth)
		return nil
	}
	// A few folders that hold each other's names can unfold without end.
	if t.folders++; t.folders > maxFolders {
		t.cut = fmt.Sprintf("the commit has more than %d folders: the others were not read", maxFolders)
		return nil
	}
	if err := r.ctx.Err(); err != nil {
		return err
	}
	data, err := r.repo.objects.read(id, plumbing.TreeObject, maxTree)
	if err != nil {
		return err
	}
	var decoded object.Tree
	if err := decoded.Decode(memory(plumbing.TreeObject, data)); err != nil {
		return &corruptObject{id, err}
	}
	for _, e := range decoded.Entries {
		if len(t.files) >= maxEntries {
			t.cut = fmt.Sprintf("the commit has more than %d files: the others were not read", maxEntries)
			return nil
		}
		name := path.Join(under, e.Name)
		switch e.Mode {
		case filemode.Dir:
			if err := r.list(t, e.Hash, name, depth+1); err != nil || t.cut != "" {
				return err
			}
		case filemode.Submodule:
		default:
			t.byPath[name] = len(t.files)
			t.files = append(t.files, file{name, e.Hash, e.Mode == filemode.Symlink})
		}
	}
	return nil
}

// has reports whether a file is in the commit.
func (t *tree) has(name string) bool {
	_, ok := t.byPath[name]
	return ok
}

// firstOf is the first of these paths that is in the commit; the case of
// letters does not matter.
func (t *tree) firstOf(names ...string) string {
	for _, name := range names {
		if t.has(name) {
			return name
		}
	}
	for _, f := range t.files {
		if strings.Count(f.path, "/") > 1 {
			continue
		}
		for _, name := range names {
			if strings.EqualFold(f.path, name) {
				return f.path
			}
		}
	}
	return ""
}

// errUnread is returned for a file that is there and was left unread.
var errUnread = errors.New("left unread")

// bytes reads a file of the commit. A symbolic link has none, nor has a file of
// a partial clone that was not fetched, nor one that is too large.
func (r *run) bytes(f file) ([]byte, error) {
	if f.link {
		return nil, fmt.Errorf("it is a symbolic link: %w", errUnread)
	}
	data, err := r.repo.objects.read(f.hash, plumbing.BlobObject, maxFile)
	if large := (*largeObject)(nil); errors.As(err, &large) {
		return nil, fmt.Errorf("it has more than %d bytes: %w", maxFile, errUnread)
	}
	if missing := (*missingObject)(nil); errors.As(err, &missing) && r.repo.objects.promised {
		return nil, fmt.Errorf("%s: %w", noBytes, errUnread)
	}
	return data, err
}

// keep hands over a file as it is in the commit, without what looks like a
// secret.
func (r *run) keep(f file, data []byte) {
	r.keepBytes(clipKey("tree/"+f.path), "text/plain; charset=utf-8", redact(f.path, data))
}

// keepHead hands over the head commit's own bytes, which its id is the hash of
// unless a secret had to be removed.
func (r *run) keepHead() error {
	if !r.branch.born {
		return nil
	}
	data, err := r.repo.objects.read(r.branch.head, plumbing.CommitObject, maxCommit)
	if err != nil {
		return err
	}
	r.keepBytes("commit/"+r.branch.head.String(), "application/x-git-commit", redact("", data))
	return nil
}

func (r *run) keepBytes(name, mediaType string, data []byte) {
	if len(data) > maxFile || r.raws+len(data) > maxRawAll || len(name) > maxRawName {
		return
	}
	r.raws += len(data)
	r.in.Raw(name, mediaType, data)
}

// leaveOut records that a file was not read, if that is all that went wrong.
func (r *run) leaveOut(kind string, f file, err error) error {
	if !errors.Is(err, errUnread) {
		return err
	}
	m := sources.Missing{Kind: kind, Reason: fmt.Sprintf("%s was left unread: %s", clip(f.path), cause(err))}
	if strings.HasPrefix(err.Error(), noBytes) {
		m.Reason, m.Remedy = noBytes, fullCopy // said once, not per file
	}
	r.in.Missing(m)
	return nil
}

// cause is the sentence in front of errUnread.
func cause(err error) string {
	return strings.TrimSuffix(err.Error(), ": "+errUnread.Error())
}

// clipKey keeps a key in the bounds of the intake. Paths that long differ
// before their end.
func clipKey(s string) string {
	const most = 3000
	if len(s) <= most {
		return s
	}
	for i := most; ; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
}
