package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
)

const (
	maxLinks   = 40     // symbolic links followed for one name, as in Linux
	maxEntries = 65_536 // of one folder
)

var (
	errTooLarge   = errors.New("is larger than this collector reads")
	errNotRegular = errors.New("is not a regular file")
)

// A tree is the only way this package reads files. Names are absolute and
// slash-separated, as the machine that is read would write them. A tree below
// another folder is read as if that folder were the root: links that point
// outside of it lead nowhere.
type tree struct {
	top *os.Root // nil for the machine the program runs on
}

func openTree(root string) (*tree, error) {
	if root == "/" {
		return &tree{}, nil
	}
	top, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	return &tree{top: top}, nil
}

func (t *tree) close() {
	if t.top != nil {
		_ = t.top.Close() // opened for reading only; nothing can be lost
	}
}

// live reports whether the tree is the running machine, so that its kernel may
// be asked as well.
func (t *tree) live() bool { return t.top == nil }

// resolve follows the links of a name as chroot would, and returns the name
// below top.
func (t *tree) resolve(name string, followLast bool) (string, error) {
	rest := strings.Split(path.Clean("/"+name), "/")
	var done []string
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(done) > 0 {
				done = done[:len(done)-1]
			}
			continue
		}
		here := path.Join(append(done[:len(done):len(done)], part)...)
		info, err := t.top.Lstat(here)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 || !followLast && len(rest) == 0 {
			done = append(done[:len(done):len(done)], part)
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: "open", Path: name, Err: errors.New("has too many symbolic links")}
		}
		target, err := t.top.Readlink(here)
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(target, "/") {
			done = nil
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	if len(done) == 0 {
		return ".", nil
	}
	return path.Join(done...), nil
}

func (t *tree) stat(name string) (fs.FileInfo, error) {
	if t.live() {
		return os.Stat(name)
	}
	below, err := t.resolve(name, true)
	if err != nil {
		return nil, err
	}
	return t.top.Lstat(below)
}

func (t *tree) exists(name string) bool {
	_, err := t.stat(name)
	return err == nil
}

func (t *tree) link(name string) (string, error) {
	if t.live() {
		return os.Readlink(name)
	}
	below, err := t.resolve(name, false)
	if err != nil {
		return "", err
	}
	return t.top.Readlink(below)
}

// open opens a regular file. Anything else is refused before it is opened,
// because opening a device or a pipe can act or wait.
func (t *tree) open(name string) (*os.File, error) {
	info, err := t.stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errNotRegular}
	}
	var f *os.File
	if t.live() {
		f, err = os.OpenFile(name, os.O_RDONLY|doNotWait, 0)
	} else {
		var below string
		if below, err = t.resolve(name, true); err == nil {
			f, err = t.top.OpenFile(below, os.O_RDONLY|doNotWait, 0)
		}
	}
	if err != nil {
		return nil, err
	}
	// The name may have come to mean something else in between.
	if info, err = f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.Join(err, errNotRegular)}
	}
	return f, nil
}

// read returns a whole file, or errTooLarge.
func (t *tree) read(name string, limit int64) ([]byte, error) {
	f, err := t.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errTooLarge}
	}
	return data, nil
}

// word returns a small file without the white space around its content.
func (t *tree) word(name string) (string, error) {
	data, err := t.read(name, 64<<10)
	return strings.TrimSpace(string(data)), err
}

// list names what a folder holds, in order.
func (t *tree) list(name string) ([]string, error) {
	var f *os.File
	var err error
	if t.live() {
		f, err = os.OpenFile(name, os.O_RDONLY|doNotWait|onlyFolder, 0)
	} else {
		var below string
		if below, err = t.resolve(name, true); err == nil {
			f, err = t.top.OpenFile(below, os.O_RDONLY|doNotWait|onlyFolder, 0)
		}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(maxEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	sort.Strings(names)
	return names, nil
}

// glob finds the names that fit a pattern with * and ? in any part. A folder
// that cannot be listed is an error, one that does not exist is not.
func (t *tree) glob(pattern string) ([]string, error) {
	found := []string{"/"}
	for _, part := range strings.Split(strings.Trim(path.Clean("/"+pattern), "/"), "/") {
		var next []string
		for _, dir := range found {
			if !strings.ContainsAny(part, "*?[") {
				next = append(next, path.Join(dir, part))
				continue
			}
			names, err := t.list(dir)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotFolder) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				if ok, err := path.Match(part, name); err != nil {
					return nil, fmt.Errorf("%s: %w", pattern, err)
				} else if ok && !(strings.HasPrefix(name, ".") && !strings.HasPrefix(part, ".")) {
					next = append(next, path.Join(dir, name))
				}
			}
		}
		if len(next) > maxEntries {
			return nil, &fs.PathError{Op: "glob", Path: pattern, Err: errTooLarge}
		}
		found = next
	}
	var there []string
	for _, name := range found {
		if _, err := t.stat(name); !errors.Is(err, fs.ErrNotExist) {
			there = append(there, name)
		}
	}
	return there, nil
}
