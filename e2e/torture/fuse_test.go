package torture_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node shows an inode to the kernel.
type node struct {
	fs.Inode
	d *disk
	n *inode
}

// The kernel must ask for none of what is not here and take everything else
// from here: a sync that is not implemented would count as done.
var _ = interface {
	fs.NodeLookuper
	fs.NodeGetattrer
	fs.NodeSetattrer
	fs.NodeCreater
	fs.NodeOpener
	fs.NodeReader
	fs.NodeWriter
	fs.NodeFsyncer
	fs.NodeMkdirer
	fs.NodeUnlinker
	fs.NodeRmdirer
	fs.NodeRenamer
	fs.NodeLinker
	fs.NodeReaddirer
	fs.NodeStatfser
}(&node{})

// mount shows a disk at a folder and returns how to take it away again.
func mount(t *testing.T, d *disk, at string) (unmount func()) {
	t.Helper()
	forever := time.Hour // nobody else changes it
	server, err := fs.Mount(at, &node{d: d, n: d.root}, &fs.Options{
		MountOptions:    fuse.MountOptions{DirectMountStrict: true, FsName: "lossy", Name: "lossy", DisableXAttrs: true, MaxWrite: 1 << 20},
		AttrTimeout:     &forever,
		EntryTimeout:    &forever,
		NullPermissions: true,
		RootStableAttr:  &fs.StableAttr{Ino: d.root.number, Gen: 1},
	})
	if err != nil {
		lacking(t, "the lossy file system cannot be mounted: %v", err)
	}
	return func() {
		// A child that was killed lets go of its files a moment later.
		for try := 0; ; try++ {
			err := server.Unmount()
			if err == nil {
				return
			}
			if try == 100 {
				err = errors.Join(err, syscall.Unmount(at, syscall.MNT_DETACH))
				t.Errorf("unmount: %v", err)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// hold locks the disk for one request; false when the power is off.
func (x *node) hold() bool {
	x.d.mu.Lock()
	if x.d.dead {
		x.d.mu.Unlock()
		return false
	}
	return true
}

func (x *node) attr(n *inode, out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink = n.number, n.mode|syscall.S_IFREG, 1
	if n.dir {
		out.Mode, out.Nlink = n.mode|syscall.S_IFDIR, 2
	}
	out.Size, out.Blksize = uint64(len(n.data)), 4096
	out.Blocks = (out.Size + 511) / 512
	out.Owner = fuse.Owner{Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}
}

func (x *node) entry(ctx context.Context, n *inode, out *fuse.EntryOut) *fs.Inode {
	x.attr(n, &out.Attr)
	mode := uint32(syscall.S_IFREG)
	if n.dir {
		mode = syscall.S_IFDIR
	}
	return x.NewInode(ctx, &node{d: x.d, n: n}, fs.StableAttr{Mode: mode, Ino: n.number, Gen: 1})
}

func (x *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if !x.hold() {
		return nil, syscall.EIO
	}
	defer x.d.mu.Unlock()
	n := x.n.names[name]
	if n == nil {
		return nil, syscall.ENOENT
	}
	return x.entry(ctx, n, out), 0
}

func (x *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if !x.hold() {
		return syscall.EIO
	}
	defer x.d.mu.Unlock()
	x.attr(x.n, &out.Attr)
	return 0
}

func (x *node) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if !x.hold() {
		return syscall.EIO
	}
	defer x.d.mu.Unlock()
	if size, ok := in.GetSize(); ok && !x.n.dir {
		x.d.change(x.n, change{at: int64(size)})
	}
	if mode, ok := in.GetMode(); ok {
		x.n.mode = mode & 0o7777
	}
	x.attr(x.n, &out.Attr)
	return 0
}

func (x *node) add(ctx context.Context, name string, n *inode, out *fuse.EntryOut) *fs.Inode {
	x.d.rename(move{{x.n, name, n}})
	return x.entry(ctx, n, out)
}

func (x *node) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if !x.hold() {
		return nil, nil, 0, syscall.EIO
	}
	defer x.d.mu.Unlock()
	return x.add(ctx, name, x.d.make(false, mode), out), nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (x *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if !x.hold() {
		return nil, syscall.EIO
	}
	defer x.d.mu.Unlock()
	if x.n.names[name] != nil {
		return nil, syscall.EEXIST
	}
	return x.add(ctx, name, x.d.make(true, mode), out), 0
}

func (x *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if !x.hold() {
		return nil, syscall.EIO
	}
	defer x.d.mu.Unlock()
	if x.n.names[name] != nil {
		return nil, syscall.EEXIST
	}
	return x.add(ctx, name, target.(*node).n, out), 0
}

func (x *node) remove(name string, dir bool) syscall.Errno {
	if !x.hold() {
		return syscall.EIO
	}
	defer x.d.mu.Unlock()
	n := x.n.names[name]
	switch {
	case n == nil:
		return syscall.ENOENT
	case dir && len(n.names) > 0:
		return syscall.ENOTEMPTY
	}
	x.d.rename(move{{x.n, name, nil}})
	return 0
}

func (x *node) Unlink(_ context.Context, name string) syscall.Errno { return x.remove(name, false) }
func (x *node) Rmdir(_ context.Context, name string) syscall.Errno  { return x.remove(name, true) }

func (x *node) Rename(_ context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.EINVAL
	}
	if !x.hold() {
		return syscall.EIO
	}
	defer x.d.mu.Unlock()
	n := x.n.names[name]
	if n == nil {
		return syscall.ENOENT
	}
	x.d.rename(move{{x.n, name, nil}, {parent.(*node).n, newName, n}})
	return 0
}

func (x *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if !x.hold() {
		return nil, 0, syscall.EIO
	}
	x.d.mu.Unlock()
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (x *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if !x.hold() {
		return nil, syscall.EIO
	}
	defer x.d.mu.Unlock()
	if off >= int64(len(x.n.data)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, x.n.data[off:])]), 0
}

func (x *node) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	if !x.hold() {
		return 0, syscall.EIO
	}
	defer x.d.mu.Unlock()
	x.d.change(x.n, change{off, slices.Clone(data)})
	return uint32(len(data)), 0
}

func (x *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	if !x.hold() {
		return syscall.EIO
	}
	defer x.d.mu.Unlock()
	x.d.sync(x.n)
	return 0
}

func (x *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	if !x.hold() {
		return nil, syscall.EIO
	}
	defer x.d.mu.Unlock()
	var list []fuse.DirEntry
	for _, name := range slices.Sorted(maps.Keys(x.n.names)) {
		n := x.n.names[name]
		mode := uint32(syscall.S_IFREG)
		if n.dir {
			mode = syscall.S_IFDIR
		}
		list = append(list, fuse.DirEntry{Name: name, Ino: n.number, Mode: mode})
	}
	return fs.NewListDirStream(list), 0
}

func (x *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Blocks, out.Bfree, out.Bavail, out.Bsize, out.NameLen = 1<<20, 1<<19, 1<<19, 4096, 255
	return 0
}
