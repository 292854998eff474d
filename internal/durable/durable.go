// Package durable writes files so that a crash or a power loss leaves the whole
// of them or nothing, and keeps what is only passing through where nobody else
// can read it.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// SyncDir makes the names in a directory last.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// SyncAbove makes a directory and those above it last: one that was made a
// moment ago, here or before a crash, is a name in the one above. Above what
// this process may read it can have made none.
func SyncAbove(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for {
		err := SyncDir(dir)
		if errors.Is(err, fs.ErrPermission) || err == nil && dir == filepath.Dir(dir) {
			return nil
		}
		if err != nil {
			return err
		}
		dir = filepath.Dir(dir)
	}
}

// Write puts a file in the place of whatever bears its name, whole and for
// good, or leaves everything as it was. Nobody else may read it.
func Write(path string, write func(io.Writer) error) error {
	return place(path, write, os.Rename)
}

// Create is Write where nothing bears the name yet: it fails with fs.ErrExist
// when another was quicker.
func Create(path string, write func(io.Writer) error) error {
	return place(path, write, os.Link)
}

// Bytes is what writes b, for Write and Create.
func Bytes(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// ErrFolder is part of the error when no file can be made beside the one asked
// for, before anything was written.
var ErrFolder = errors.New("no file can be made in that folder")

// place syncs before it names: the order in which nothing half-written can be
// found later.
func place(path string, write func(io.Writer) error, name func(from, to string) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".tmp-")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	defer os.Remove(f.Name()) // gone already when it was renamed
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := name(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}
