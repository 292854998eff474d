package git_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/git"
	"github.com/tickmark/tickmark/internal/sources"
)

// now is when every test collects.
var now = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// A maker makes a repository on disk, object by object, so that a test can make
// what git itself would refuse to.
type maker struct {
	t    testing.TB
	dir  string // holds .git
	dot  string
	st   *filesystem.Storage
	head plumbing.Hash
	tree plumbing.Hash
	made int
}

// makeRepo makes a repository with no commits.
func makeRepo(t testing.TB) *maker {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "app")
	return makeRepoIn(t, dir, filepath.Join(dir, ".git"))
}

func makeRepoIn(t testing.TB, dir, dot string) *maker {
	t.Helper()
	m := &maker{t: t, dir: dir, dot: dot}
	for _, d := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags"} {
		m.must(os.MkdirAll(filepath.Join(dot, d), 0o755))
	}
	m.file("HEAD", "ref: refs/heads/main\n")
	m.file("config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
	m.st = filesystem.NewStorage(osfs.New(dot), cache.NewObjectLRUDefault())
	return m
}

func (m *maker) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// file writes one of git's own files.
func (m *maker) file(name, text string) {
	m.t.Helper()
	full := filepath.Join(m.dot, name)
	m.must(os.MkdirAll(filepath.Dir(full), 0o755))
	m.must(os.WriteFile(full, []byte(text), 0o644))
}

func (m *maker) object(kind plumbing.ObjectType, data []byte) plumbing.Hash {
	m.t.Helper()
	o := &plumbing.MemoryObject{}
	o.SetType(kind)
	_, err := o.Write(data)
	m.must(err)
	h, err := m.st.SetEncodedObject(o)
	m.must(err)
	return h
}

// files makes a tree of files by path. A content that starts with "link:" makes
// a symbolic link.
func (m *maker) files(all map[string]string) plumbing.Hash {
	m.t.Helper()
	here := object.Tree{}
	below := map[string]map[string]string{}
	for name, text := range all {
		dir, rest, nested := strings.Cut(name, "/")
		if nested {
			if below[dir] == nil {
				below[dir] = map[string]string{}
			}
			below[dir][rest] = text
			continue
		}
		mode := filemode.Regular
		if to, link := strings.CutPrefix(text, "link:"); link {
			mode, text = filemode.Symlink, to
		}
		here.Entries = append(here.Entries, object.TreeEntry{Name: name, Mode: mode, Hash: m.object(plumbing.BlobObject, []byte(text))})
	}
	for dir, all := range below {
		here.Entries = append(here.Entries, object.TreeEntry{Name: dir, Mode: filemode.Dir, Hash: m.files(all)})
	}
	slices.SortFunc(here.Entries, func(a, b object.TreeEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	o := &plumbing.MemoryObject{}
	m.must(here.Encode(o))
	h, err := m.st.SetEncodedObject(o)
	m.must(err)
	return h
}

// folders makes a tree that holds another tree many times.
func (m *maker) folders(below plumbing.Hash, times int) plumbing.Hash {
	m.t.Helper()
	here := object.Tree{}
	for i := range times {
		here.Entries = append(here.Entries, object.TreeEntry{Name: fmt.Sprintf("d%02d", i), Mode: filemode.Dir, Hash: below})
	}
	o := &plumbing.MemoryObject{}
	m.must(here.Encode(o))
	h, err := m.st.SetEncodedObject(o)
	m.must(err)
	return h
}

func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

// A change is a commit to be made. What is left out is taken from the last one,
// or made up.
type change struct {
	author, committer string
	at                time.Time
	message           string
	parents           []plumbing.Hash
	files             map[string]string
	header            string // further header lines
	sign              func(payload []byte) string
}

const (
	ada   = "Ada Ng <ada@acme.test>"
	bo    = "Bo Rask <bo@acme.test>"
	robot = "GitHub <noreply@github.com>"
)

// commit makes a commit and moves the branch main to it.
func (m *maker) commit(c change) plumbing.Hash {
	m.t.Helper()
	m.made++
	if c.author == "" {
		c.author = ada
	}
	if c.committer == "" {
		c.committer = c.author
	}
	if c.at.IsZero() {
		c.at = now.Add(time.Duration(m.made-1000) * time.Hour)
	}
	if c.message == "" {
		c.message = fmt.Sprintf("Change %d\n", m.made)
	}
	if c.parents == nil && m.head != plumbing.ZeroHash {
		c.parents = []plumbing.Hash{m.head}
	}
	if c.files != nil || m.tree == plumbing.ZeroHash {
		m.tree = m.files(c.files)
	}
	head := "tree " + m.tree.String() + "\n"
	for _, p := range c.parents {
		head += "parent " + p.String() + "\n"
	}
	head += fmt.Sprintf("author %s %d +0000\ncommitter %s %d +0000\n%s", c.author, c.at.Unix(), c.committer, c.at.Unix(), c.header)
	raw := head + "\n" + c.message
	if c.sign != nil {
		signature := strings.TrimRight(c.sign([]byte(raw)), "\n")
		raw = head + "gpgsig " + strings.ReplaceAll(signature, "\n", "\n ") + "\n\n" + c.message
	}
	m.head = m.object(plumbing.CommitObject, []byte(raw))
	m.ref("refs/heads/main", m.head)
	return m.head
}

// tag makes an annotated tag of the head.
func (m *maker) tag(name string, at time.Time, sign func(payload []byte) string) {
	m.t.Helper()
	raw := fmt.Sprintf("object %s\ntype commit\ntag %s\ntagger %s %d +0000\n\nRelease %s\n", m.head, name, bo, at.Unix(), name)
	if sign != nil {
		raw += sign([]byte(raw))
	}
	m.ref("refs/tags/"+name, m.object(plumbing.TagObject, []byte(raw)))
}

func (m *maker) ref(name string, h plumbing.Hash) {
	m.t.Helper()
	m.file(name, h.String()+"\n")
}

// loose is the path of an object's own file.
func (m *maker) loose(h plumbing.Hash) string {
	return filepath.Join(m.dot, "objects", h.String()[:2], h.String()[2:])
}

// pack moves all loose objects into a pack.
func (m *maker) pack() {
	m.t.Helper()
	var all []plumbing.Hash
	m.must(m.st.ForEachObjectHash(func(h plumbing.Hash) error { all = append(all, h); return nil }))
	w, err := m.st.PackfileWriter()
	m.must(err)
	_, err = packfile.NewEncoder(w, m.st, false).Encode(all, 10)
	m.must(err)
	m.must(w.Close())
	for _, h := range all {
		m.must(os.Remove(m.loose(h)))
	}
}

// A reading is what one run handed over.
type reading struct {
	t   testing.TB
	in  *sources.Intake
	all map[string]map[string]sources.Resource
}

func schemas(t testing.TB) map[string]sources.Schema {
	t.Helper()
	s, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func try(t testing.TB, settings map[string]any) (*sources.Intake, error) {
	t.Helper()
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	in := sources.NewIntake(schemas(t), clock.NewFixed(now), nil)
	err = git.New().Collect(context.Background(), raw, in)
	if err == nil {
		err = in.Err()
	}
	return in, err
}

func collect(t testing.TB, settings map[string]any) reading {
	t.Helper()
	in, err := try(t, settings)
	if err != nil {
		t.Fatal(err)
	}
	r := reading{t: t, in: in, all: map[string]map[string]sources.Resource{}}
	for _, kind := range in.Kinds() {
		r.all[kind] = map[string]sources.Resource{}
		for _, one := range in.Resources(kind) {
			r.all[kind][one.Key] = one
		}
	}
	return r
}

func (m *maker) collect(more ...map[string]any) reading {
	m.t.Helper()
	settings := map[string]any{"path": m.dir}
	for _, extra := range more {
		for k, v := range extra {
			settings[k] = v
		}
	}
	return collect(m.t, settings)
}

// repo is the one resource of kind repository.
func (r reading) repo() sources.Resource {
	r.t.Helper()
	all := r.in.Resources("repository")
	if len(all) != 1 {
		r.t.Fatalf("%d repositories, want 1", len(all))
	}
	return all[0]
}

func (r reading) one(kind, key string) sources.Resource {
	r.t.Helper()
	found, ok := r.all[kind][key]
	if !ok {
		keys := []string{}
		for k := range r.all[kind] {
			keys = append(keys, k)
		}
		r.t.Fatalf("no %s %q among %q", kind, key, keys)
	}
	return found
}

func (r reading) commit(h plumbing.Hash) sources.Resource {
	r.t.Helper()
	return r.one("commit", h.String())
}

func (r reading) missing(kind, field string) (sources.Missing, bool) {
	for _, m := range r.in.Missings() {
		if m.Kind == kind && m.Field == field {
			return m, true
		}
	}
	return sources.Missing{}, false
}

// has fails unless the fields have these values.
func has(t testing.TB, r sources.Resource, want map[string]any) {
	t.Helper()
	for field, value := range want {
		if n, ok := value.(int); ok {
			value = int64(n)
		}
		got, there := r.Attrs[field]
		switch {
		case value == nil && there:
			t.Errorf("%s %s: %s is %v, want it absent", r.Kind, path.Base(r.Key), field, got)
		case value == nil && r.Absent[field] == "":
			t.Errorf("%s %s: %s is absent without a reason", r.Kind, path.Base(r.Key), field)
		case value != nil && fmt.Sprint(got) != fmt.Sprint(value):
			t.Errorf("%s %s: %s is %v (%s), want %v", r.Kind, path.Base(r.Key), field, got, r.Absent[field], value)
		}
	}
}
