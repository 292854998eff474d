// Package blob keeps bytes: encrypted, once per organization, on disk before
// any row speaks of them.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/durable"
)

// Store keeps named objects. When Put returns nil the object survives a power
// loss. Names are the vault's; a store does not look at the bytes.
type Store interface {
	// Put stores all of r under name. An object that exists is left as it is,
	// and counts as stored if it is as long as r.
	Put(ctx context.Context, name string, r io.Reader) error
	// Open returns the object, or an error that is fs.ErrNotExist.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Stat describes the object, or returns an error that is fs.ErrNotExist.
	Stat(ctx context.Context, name string) (Object, error)
	// Delete removes the object; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// List calls fn with every object, in no particular order.
	List(ctx context.Context, fn func(Object) error) error
}

// An Object is one that a store has.
type Object struct {
	Name     string
	Size     int64
	Modified time.Time // when it was stored, by the store's clock
}

// Disk is a Store in a directory.
type Disk struct {
	dir   string
	shelf sync.Map // directory below dir → true, once it is known to last
}

// NewDisk keeps objects below dir.
func NewDisk(dir string) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	return &Disk{dir: dir}, durable.SyncDir(filepath.Dir(dir))
}

func (d *Disk) path(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	return filepath.Join(d.dir, name[:2], name), nil
}

func checkName(name string) error {
	if len(name) < 4 || strings.ContainsAny(name, "/\\\x00") || strings.HasPrefix(name, ".") {
		return fmt.Errorf("blob name %q", name)
	}
	return nil
}

// sameSize reads r to its end and refuses a stored object that is longer or
// shorter. Names are made from what is stored, so it has been damaged there.
func sameSize(stored Object, r io.Reader) error {
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		return fmt.Errorf("blob %s is not stored: %w", stored.Name, err)
	}
	if n != stored.Size {
		return fmt.Errorf("blob %s: the store has %d bytes under this name, not %d; it was damaged there: delete that object", stored.Name, stored.Size, n)
	}
	return nil
}

// Put writes the whole object for good, or nothing of it.
func (d *Disk) Put(_ context.Context, name string, r io.Reader) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	if there, err := d.Stat(context.Background(), name); err == nil {
		return sameSize(there, r)
	}
	dir := filepath.Dir(path)
	if err := d.lasting(dir); err != nil {
		return err
	}
	err = durable.Write(path, func(w io.Writer) error {
		_, err := io.Copy(w, r)
		return err
	})
	if err != nil {
		return fmt.Errorf("blob %s is not stored: %w", name, err)
	}
	return nil
}

// lasting makes a directory that survives a power loss. One that is there may
// have been made a moment ago by another writer, who has not synced it yet.
func (d *Disk) lasting(dir string) error {
	if _, ok := d.shelf.Load(dir); ok {
		return nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("blob: %w", err)
	}
	if err := durable.SyncDir(d.dir); err != nil {
		return err
	}
	d.shelf.Store(dir, true)
	return nil
}

// Open opens the object for reading.
func (d *Disk) Open(_ context.Context, name string) (io.ReadCloser, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// Stat describes the object's file.
func (d *Disk) Stat(_ context.Context, name string) (Object, error) {
	path, err := d.path(name)
	if err != nil {
		return Object{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return Object{}, err
	}
	return Object{name, info.Size(), info.ModTime()}, nil
}

// Delete removes the object's file.
func (d *Disk) Delete(_ context.Context, name string) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}

// List walks the directory, leaving out what a crash left half-written.
func (d *Disk) List(ctx context.Context, fn func(Object) error) error {
	return filepath.WalkDir(d.dir, func(_ string, e fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted since its name was read
		}
		if err != nil {
			return err
		}
		return fn(Object{e.Name(), info.Size(), info.ModTime()})
	})
}
