package git

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/config"

	"github.com/tickmark/tickmark/internal/fault"
)

const (
	maxConfig     = 1 << 20
	maxRefFile    = 4 << 10
	maxPackedRefs = 64 << 20
	maxAlternates = 20
	giveFolder    = "give the folder that holds .git, or a bare repository"
)

// A repository is one on this machine's disk. Every file of it is opened below
// the folders named here: a symbolic link that leads out of them is refused.
type repository struct {
	path       string // as the operator gave it, absolute
	gitDir     string
	own        *os.Root // .git, or .git/worktrees/NAME of a linked work tree
	common     *os.Root // what linked work trees share; often the same folder
	config     *config.Config
	objects    *objects
	alternates []string
	shallow    map[plumbing.Hash]bool // commits whose parents were left out
	packed     map[string]plumbing.Hash
}

func open(path string) (*repository, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	gitDir, commonDir, err := locate(path)
	if err != nil {
		return nil, err
	}
	r := &repository{path: path, gitDir: gitDir, config: config.New(), objects: &objects{}}
	if err := r.openIn(gitDir, commonDir); err != nil {
		r.close()
		return nil, unreadable("path", path, err)
	}
	return r, nil
}

func (r *repository) close() {
	for _, dir := range []*os.Root{r.own, r.common} {
		if dir != nil {
			dir.Close()
		}
	}
	r.objects.close()
}

// locate finds the folder of git's own files, and the one that linked work
// trees share.
func locate(path string) (gitDir, commonDir string, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "", fault.Invalid("path", "there is no %s: %s", path, giveFolder)
	case err != nil:
		return "", "", err
	case !info.IsDir():
		return "", "", fault.Invalid("path", "%s is a file: %s", path, giveFolder)
	}
	dot := filepath.Join(path, ".git")
	info, err = os.Stat(dot)
	switch {
	case err == nil && info.IsDir():
		gitDir = dot
	case err == nil:
		if gitDir, err = pointer(path, ".git", "gitdir: "); err != nil {
			return "", "", err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return "", "", err
	case exists(path, "HEAD") && exists(path, "objects"):
		gitDir = path
	default:
		for up := filepath.Dir(path); up != filepath.Dir(up); up = filepath.Dir(up) {
			if exists(up, ".git") {
				return "", "", fault.Invalid("path", "%s lies inside the git repository at %s: give that folder", path, up)
			}
		}
		return "", "", fault.Invalid("path", "no git repository at %s: %s", path, giveFolder)
	}
	if !exists(gitDir, "commondir") {
		return gitDir, gitDir, nil
	}
	commonDir, err = pointer(gitDir, "commondir", "")
	return gitDir, commonDir, err
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// pointer reads a file that names another folder, relative to its own.
func pointer(dir, name, prefix string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	data, err := readFile(root, name, maxRefFile)
	if err != nil {
		return "", err
	}
	to, ok := strings.CutPrefix(strings.TrimSpace(string(data)), prefix)
	if !ok || to == "" {
		return "", fault.Invalid("path", "%s does not name a folder: %s", filepath.Join(dir, name), giveFolder)
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(dir, to)
	}
	if info, err := os.Stat(to); err != nil || !info.IsDir() {
		return "", fault.Invalid("path", "%s names %s, which is not a folder: the repository it belongs to was moved; give that repository's folder", filepath.Join(dir, name), to)
	}
	return to, nil
}

func (r *repository) openIn(gitDir, commonDir string) error {
	var err error
	if r.own, err = os.OpenRoot(gitDir); err != nil {
		return err
	}
	if r.common, err = os.OpenRoot(commonDir); err != nil {
		return err
	}
	if _, err := r.common.Stat("objects"); errors.Is(err, fs.ErrNotExist) {
		return fault.Invalid("path", "%s has no folder of objects, so it is not a git repository: %s", commonDir, giveFolder)
	}
	if err := r.readConfig(); err != nil {
		return err
	}
	dir, err := r.common.OpenRoot("objects")
	if err != nil {
		return err
	}
	if err := r.objects.addDir(dir); err != nil {
		return unreadable("path", "the objects of "+r.path, err)
	}
	if err := r.addAlternates(filepath.Join(commonDir, "objects"), dir, 0); err != nil {
		return err
	}
	if err := r.readShallow(); err != nil {
		return err
	}
	return r.readPackedRefs()
}

// unreadable keeps the kinds of failure that readable explains, and explains
// the rest.
func unreadable(field, what string, err error) error {
	if fault.As(err) != nil || errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fault.Invalid(field, "%s cannot be read: %v; run git fsck there, or make a fresh clone", what, err).With(err)
}

// readConfig reads the repository's own settings. Those of the user and of the
// machine say nothing about the repository.
func (r *repository) readConfig() error {
	data, err := readFile(r.common, "config", maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = config.NewDecoder(bytes.NewReader(data)).Decode(r.config)
	}
	if err != nil {
		return unreadable("path", "the file config of "+r.path, err)
	}
	for _, option := range r.config.Section("extensions").Options {
		value := strings.ToLower(option.Value)
		switch key := strings.ToLower(option.Key); {
		case key == "noop" || key == "noop-v1" || key == "preciousobjects" || key == "worktreeconfig" || key == "relativeworktrees":
		case key == "partialclone":
			r.objects.promised = true
		case key == "objectformat" && value == "sha1", key == "compatobjectformat", key == "refstorage" && value == "files":
		case key == "refstorage":
			return fault.Invalid("path", "%s keeps its references as %q: references in files are read; run git refs migrate --ref-format=files there, or on a clone", r.path, value)
		case key == "objectformat":
			return fault.Invalid("path", "%s names its objects by %q: names by sha1 are read", r.path, value)
		default:
			return fault.Invalid("path", "%s uses the extension %q, which is not read here: a plain clone of it is accepted", r.path, key)
		}
	}
	for _, remote := range r.config.Section("remote").Subsections {
		if strings.EqualFold(remote.Option("promisor"), "true") {
			r.objects.promised = true
		}
	}
	return nil
}

// addAlternates makes objects readable that a clone borrows from others on the
// same machine (git clone --shared or --reference).
func (r *repository) addAlternates(dir string, root *os.Root, depth int) error {
	data, err := readFile(root, "info/alternates", maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unreadable("path", "the list of alternates of "+r.path, err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(dir, line)
		}
		if slices.Contains(r.alternates, line) {
			continue
		}
		if len(r.alternates) >= maxAlternates || depth >= 5 {
			return fault.Invalid("path", "%s borrows objects from more than %d folders: a clone made without --shared and --reference is accepted", r.path, maxAlternates)
		}
		r.alternates = append(r.alternates, line)
		other, err := os.OpenRoot(line)
		if err != nil {
			return unreadable("path", fmt.Sprintf("%s, from which %s borrows objects,", line, r.path), err)
		}
		if err := r.objects.addDir(other); err != nil {
			return unreadable("path", fmt.Sprintf("%s, from which %s borrows objects,", line, r.path), err)
		}
		if err := r.addAlternates(line, other, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (r *repository) readShallow() error {
	data, err := readFile(r.common, "shallow", maxPackedRefs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unreadable("path", "the file shallow of "+r.path, err)
	}
	r.shallow = map[plumbing.Hash]bool{}
	for line := range strings.Lines(string(data)) {
		if id := strings.TrimSpace(line); plumbing.IsHash(id) {
			r.shallow[plumbing.NewHash(id)] = true
		}
	}
	return nil
}

// remoteHosts are the hosts that the clone was made from or is sent to, without
// the user names and passwords that addresses may hold.
func (r *repository) remoteHosts() []string {
	hosts := []string{}
	for _, remote := range r.config.Section("remote").Subsections {
		for _, address := range remote.OptionAll("url") {
			if host := hostOf(address); host != "" && !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	slices.Sort(hosts)
	return hosts[:min(len(hosts), 100)]
}

// hostOf reads an address as git does: a URL, or [user@]host:path. A path on
// this machine has no host.
func hostOf(address string) string {
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil {
			return ""
		}
		return clip(strings.ToLower(u.Hostname()))
	}
	host, _, ok := strings.Cut(address, ":")
	if !ok || strings.Contains(host, "/") {
		return ""
	}
	_, after, found := strings.Cut(host, "@")
	if found {
		host = after
	}
	return clip(strings.ToLower(host))
}

// clip bounds a text that the repository chose.
func clip(s string) string {
	const most = 1000
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// clipAll bounds a list that the repository chose.
func clipAll(list []string) []string {
	const most = 1000
	short := make([]string, 0, min(len(list), most))
	for _, s := range list[:min(len(list), most)] {
		short = append(short, clip(s))
	}
	return short
}
