package git

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tickmark/tickmark/internal/fault"
)

const (
	maxRefs     = 200_000
	maxRefDepth = 20
)

// A branch is where the reading starts.
type branch struct {
	name string // short; empty if HEAD is detached
	head plumbing.Hash
	born bool // it has a commit
}

func (b branch) headText() string {
	if !b.born {
		return ""
	}
	return b.head.String()
}

// branch finds the commit to start from: that of a name, or of HEAD. A
// repository without commits is no fault.
func (r *repository) branch(name string) (branch, error) {
	if name != "" {
		for _, full := range []string{name, "refs/heads/" + name, "refs/remotes/" + name, "refs/remotes/origin/" + name} {
			if full == name && !strings.HasPrefix(name, "refs/") {
				continue
			}
			if h, err := r.resolve(full); err == nil {
				return branch{short(full), h, true}, nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return branch{}, err
			}
		}
		known, err := r.branches()
		if err != nil {
			return branch{}, err
		}
		if len(known) == 0 {
			return branch{name: name}, nil
		}
		return branch{}, fault.Invalid("branch", "there is no branch %q in %s: branches are %s", name, r.path, some(known))
	}
	to, err := r.head()
	if err != nil {
		return branch{}, err
	}
	if plumbing.IsHash(to) {
		return branch{"", plumbing.NewHash(to), true}, nil
	}
	h, err := r.resolve(to)
	if err == nil {
		return branch{short(to), h, true}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return branch{}, err
	}
	known, err := r.branches()
	if err != nil {
		return branch{}, err
	}
	if len(known) == 0 {
		return branch{name: short(to)}, nil
	}
	return branch{}, fault.Invalid("branch", "HEAD of %s names %s, which has no commits: give one of %s", r.path, short(to), some(known))
}

// head is what HEAD holds: the name of a reference, or an id.
func (r *repository) head() (string, error) {
	data, err := readFile(r.own, "HEAD", maxRefFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fault.Invalid("path", "%s has no file HEAD, so it is not a git repository: %s", r.gitDir, giveFolder)
	}
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(data))
	if to, symbolic := strings.CutPrefix(text, "ref:"); symbolic && strings.HasPrefix(strings.TrimSpace(to), "refs/") {
		return strings.TrimSpace(to), nil
	}
	if plumbing.IsHash(text) {
		return text, nil
	}
	return "", fault.Invalid("path", "the file HEAD of %s names neither a branch nor a commit, so it is not a git repository: %s", r.gitDir, giveFolder)
}

// resolve follows a reference to an object's id.
func (r *repository) resolve(name string) (plumbing.Hash, error) {
	for range 5 {
		if !strings.HasPrefix(name, "refs/") || !fs.ValidPath(name) {
			return plumbing.ZeroHash, fs.ErrNotExist
		}
		data, err := readFile(r.rootOf(name), name, maxRefFile)
		text := strings.TrimSpace(string(data))
		to, symbolic := strings.CutPrefix(text, "ref:")
		switch {
		case errors.Is(err, fs.ErrPermission):
			return plumbing.ZeroHash, err
		case err != nil: // not there, or a folder of further names
			if h, ok := r.packed[name]; ok {
				return h, nil
			}
			return plumbing.ZeroHash, fs.ErrNotExist
		case symbolic:
			name = strings.TrimSpace(to)
		case plumbing.IsHash(text):
			return plumbing.NewHash(text), nil
		default:
			return plumbing.ZeroHash, fault.Invalid("path", "the reference %s of %s holds no object id: run git fsck there, or make a fresh clone", clip(name), r.path)
		}
	}
	return plumbing.ZeroHash, fs.ErrNotExist
}

// rootOf is the folder a reference lies in: a linked work tree has few of its
// own.
func (r *repository) rootOf(name string) *os.Root {
	for _, own := range []string{"refs/bisect/", "refs/worktree/", "refs/rewritten/"} {
		if strings.HasPrefix(name, own) {
			return r.own
		}
	}
	return r.common
}

func (r *repository) readPackedRefs() error {
	r.packed = map[string]plumbing.Hash{}
	data, err := readFile(r.common, "packed-refs", maxPackedRefs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unreadable("path", "the file packed-refs of "+r.path, err)
	}
	for line := range strings.Lines(string(data)) {
		id, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && plumbing.IsHash(id) && strings.HasPrefix(name, "refs/") {
			r.packed[name] = plumbing.NewHash(id)
		}
	}
	return nil
}

// names lists the references below a folder such as refs/tags, in order.
func (r *repository) names(under string) ([]string, error) {
	found := map[string]bool{}
	for name := range r.packed {
		if strings.HasPrefix(name, under+"/") {
			found[name] = true
		}
	}
	if err := looseNames(r.common, under, 0, found); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unreadable("path", "the references of "+r.path, err)
	}
	if len(found) > maxRefs {
		return nil, fault.Invalid("path", "%s has %d references below %s: at most %d are read", r.path, len(found), under, maxRefs)
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func looseNames(dir *os.Root, under string, depth int, found map[string]bool) error {
	if depth > maxRefDepth || len(found) > maxRefs {
		return nil
	}
	entries, err := readDir(dir, under)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := under + "/" + e.Name()
		if e.IsDir() {
			if err := looseNames(dir, name, depth+1, found); err != nil {
				return err
			}
		} else if e.Type().IsRegular() && !strings.HasSuffix(name, ".lock") {
			found[name] = true
		}
	}
	return nil
}

func (r *repository) branches() ([]string, error) {
	local, err := r.names("refs/heads")
	if err != nil {
		return nil, err
	}
	remote, err := r.names("refs/remotes")
	if err != nil {
		return nil, err
	}
	all := append(local, remote...)
	for i := range all {
		all[i] = short(all[i])
	}
	return all, nil
}

// defaultBranch is the one that the remote shows first, as the clone recorded
// it; a bare repository has its own HEAD. Empty if neither says.
func (r *repository) defaultBranch() string {
	if data, err := readFile(r.common, "refs/remotes/origin/HEAD", maxRefFile); err == nil {
		if to, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "ref: refs/remotes/origin/"); ok {
			return clip(to)
		}
	}
	if len(r.config.Section("remote").Subsections) == 0 {
		if to, err := r.head(); err == nil && !plumbing.IsHash(to) {
			return clip(short(to))
		}
	}
	return ""
}

// replaced counts objects for which git shows others.
func (r *repository) replaced() int {
	names, err := r.names("refs/replace")
	if err != nil {
		return 0
	}
	return len(names)
}

func short(name string) string {
	for _, prefix := range []string{"refs/heads/", "refs/remotes/", "refs/tags/"} {
		if s, ok := strings.CutPrefix(name, prefix); ok {
			return s
		}
	}
	return name
}

// some writes the first names of a list.
func some(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
