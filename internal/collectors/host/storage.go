package host

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/sources"
)

// A mount is a line of mountinfo.
type mount struct {
	device                 string // major:minor
	source, target, fstype string
	options                []string
}

// parseMountinfo reads what is mounted. Later mounts over the same folder hide
// earlier ones.
func parseMountinfo(data []byte) []mount {
	var out []mount
	at := map[string]int{}
	for line := range strings.Lines(string(data)) {
		before, after, ok := strings.Cut(strings.TrimSpace(line), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 6 || len(right) < 2 {
			continue
		}
		m := mount{
			device: left[2], target: unescapeOctal(left[4]), options: strings.Split(left[5], ","),
			fstype: right[0], source: unescapeOctal(right[1]),
		}
		if i, hidden := at[m.target]; hidden {
			out[i] = m
			continue
		}
		at[m.target] = len(out)
		out = append(out, m)
	}
	return out
}

// unescapeOctal turns \040 back into what the kernel wrote so.
func unescapeOctal(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			n, ok := 0, true
			for _, c := range []byte(s[i+1 : i+4]) {
				ok = ok && '0' <= c && c <= '7'
				n = n*8 + int(c-'0')
			}
			if ok && n < 256 {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// parseSwaps reads the devices and files of /proc/swaps.
func parseSwaps(data []byte) []string {
	var out []string
	for i, line := range lines(data) {
		if name := strings.Fields(line)[0]; i > 0 && strings.HasPrefix(name, "/") {
			out = append(out, unescapeOctal(name))
		}
	}
	return out
}

// Where data lies.
const (
	onDisk    = "disk"
	inMemory  = "memory"
	onNetwork = "network"
)

// place says where a file system keeps data, or "" for one that keeps none.
func (m mount) place() string {
	switch m.fstype {
	case "nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.sshfs", "9p", "virtiofs", "fuse.s3fs", "fuse.gcsfuse":
		return onNetwork
	case "tmpfs", "ramfs":
		// Of those in memory, the ones that every account may write to.
		if slices.Contains([]string{"/tmp", "/var/tmp", "/dev/shm"}, m.target) {
			return inMemory
		}
		return ""
	case "squashfs", "iso9660", "erofs": // images that are only read
		return ""
	case "zfs", "bcachefs", "btrfs", "overlay":
		return onDisk
	}
	if strings.HasPrefix(m.source, "/dev/") {
		return onDisk
	}
	return ""
}

// storage reads what holds data, and whether it is encrypted.
func (l *look) storage(context.Context) error {
	data, err := l.tree.read("/proc/self/mountinfo", 16<<20)
	if err != nil {
		reason := l.why("/proc/self/mountinfo", err)
		l.in.Missing(sources.Missing{Kind: "mount", Reason: reason, Remedy: l.rights(err)})
		l.machine.unsaid(reason, "disk_encrypted")
		return nil
	}
	l.raw("/proc/self/mountinfo", data)
	l.in.Cover("mount")
	mounts := parseMountinfo(data)
	var needed []encryption // of the root file system and swap
	files := map[string]bool{}
	for _, m := range mounts {
		place := m.place()
		if place == "" || place == onDisk && l.singleFile(m) {
			continue
		}
		f := newFacts()
		f.set("source", m.source)
		f.set("target", m.target)
		f.set("fstype", m.fstype)
		f.set("options", m.options)
		f.set("storage", place)
		f.set("swap", false)
		e := encryption{reason: "it does not lie on a disk of this machine"}
		if place == onDisk {
			e = l.encrypted(m)
		}
		e.fill(l, f)
		if m.target == "/" {
			needed = append(needed, e)
		}
		files[m.target] = true
		if err := l.in.Add(f.resource("mount", m.target)); err != nil {
			return err
		}
	}
	swaps, err := l.swaps(mounts)
	if err != nil {
		return err
	}
	l.diskEncrypted(append(needed, swaps...))
	return nil
}

// singleFile finds the files that container runtimes mount over /etc and the
// like. Shares are not asked: one whose server is gone would not answer.
func (l *look) singleFile(m mount) bool {
	info, err := l.tree.stat(m.target)
	return err == nil && !info.IsDir()
}

func (l *look) swaps(mounts []mount) ([]encryption, error) {
	data, err := l.tree.read("/proc/swaps", maxText)
	if err != nil {
		return nil, nil // a kernel without swap has no such file
	}
	var all []encryption
	for _, name := range parseSwaps(data) {
		f := newFacts()
		f.set("source", name)
		f.set("target", "swap")
		f.set("fstype", "swap")
		f.set("options", []string{})
		f.set("swap", true)
		if strings.HasPrefix(path.Base(name), "zram") {
			f.set("storage", inMemory)
			f.unsaid("it does not lie on a disk of this machine", "encrypted")
		} else {
			f.set("storage", onDisk)
			e := l.encryptedSwap(name, mounts)
			e.fill(l, f)
			all = append(all, e)
		}
		if err := l.in.Add(f.resource("mount", "swap "+name)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// encryptedSwap judges a device by itself and a file by what it lies on.
func (l *look) encryptedSwap(name string, mounts []mount) encryption {
	if strings.HasPrefix(name, "/dev/") {
		return l.encrypted(mount{source: name})
	}
	on, found := mount{}, false
	for _, m := range mounts {
		under := m.target == "/" || strings.HasPrefix(name, m.target+"/")
		if under && (!found || len(m.target) > len(on.target)) {
			on, found = m, true
		}
	}
	if !found {
		return encryption{reason: "the file system it lies on is not listed"}
	}
	return l.encrypted(on)
}

// encryption is what is known of a device: whether it is encrypted, or why
// that cannot be seen.
type encryption struct {
	known, yes     bool
	reason, remedy string
}

func (e encryption) fill(l *look, f facts) {
	if e.known {
		f.set("encrypted", e.yes)
	} else if e.remedy == "" {
		f.unsaid(e.reason, "encrypted")
	} else {
		l.blind(f, "mount", e.reason, e.remedy, "encrypted")
	}
}

// encrypted follows a mounted device down to the disks and looks for dm-crypt
// on the way.
func (l *look) encrypted(m mount) encryption {
	const ask = "Attach the provider's record of volume encryption, or connect the account that holds the volumes."
	switch m.fstype {
	case "zfs", "bcachefs":
		return encryption{reason: m.fstype + " encrypts by itself, which no file of the machine shows", remedy: "Attach the answer of: zfs get encryption"}
	case "overlay":
		if l.inContainer() == "" {
			return encryption{reason: "an overlay file system does not show which disks it lies on", remedy: ask}
		}
		return encryption{reason: "inside a container: the disk below cannot be seen from here", remedy: "Run Tickmark on the machine itself."}
	}
	device := l.block(m)
	if device == "" {
		return encryption{reason: fmt.Sprintf("no block device of %s is listed in /sys", m.source), remedy: ask}
	}
	yes, seen := l.crypt(device, 0)
	switch {
	case yes:
		return encryption{known: true, yes: true}
	case !seen:
		return encryption{reason: "/sys does not show what " + device + " lies on", remedy: ask}
	case l.inVirtual():
		return encryption{
			reason: "this is a virtual machine and does not encrypt its disks itself; whether its provider does cannot be seen from inside", remedy: ask,
		}
	case l.inContainer() != "":
		return encryption{reason: "inside a container: the disk below cannot be seen from here", remedy: "Run Tickmark on the machine itself."}
	}
	return encryption{known: true, yes: false}
}

// block finds the kernel's name of the device of a mount, such as dm-0.
func (l *look) block(m mount) string {
	if target, err := l.tree.link("/sys/dev/block/" + m.device); m.device != "" && err == nil {
		return path.Base(target)
	}
	name, ok := strings.CutPrefix(m.source, "/dev/")
	if !ok {
		return ""
	}
	if mapped, ok := strings.CutPrefix(name, "mapper/"); ok {
		names, _ := l.tree.glob("/sys/class/block/dm-*/dm/name")
		for _, file := range names {
			if word, err := l.tree.word(file); err == nil && word == mapped {
				return strings.Split(file, "/")[4]
			}
		}
		return ""
	}
	if l.tree.exists("/sys/class/block/" + path.Base(name)) {
		return path.Base(name)
	}
	// /dev/vg/volume and the like are links to the device.
	if target, err := l.tree.link(m.source); err == nil && l.tree.exists("/sys/class/block/"+path.Base(target)) {
		return path.Base(target)
	}
	return ""
}

// crypt reports whether everything below a device is encrypted, and whether
// /sys shows what is below.
func (l *look) crypt(device string, depth int) (yes, seen bool) {
	dir := "/sys/class/block/" + device
	if depth > maxDepth || !l.tree.exists(dir) {
		return false, false
	}
	if uuid, err := l.tree.word(dir + "/dm/uuid"); err == nil && strings.HasPrefix(uuid, "CRYPT-") {
		return true, true
	}
	below, _ := l.tree.list(dir + "/slaves")
	if len(below) == 0 {
		return false, true
	}
	yes, seen = true, true
	for _, b := range below {
		y, s := l.crypt(b, depth+1)
		yes, seen = yes && y, seen && s
	}
	return yes, seen
}

// diskEncrypted joins what is known of the root file system and of swap: one
// that is not encrypted settles it, and so does one that is not known.
func (l *look) diskEncrypted(all []encryption) {
	if len(all) == 0 {
		l.machine.unsaid("no root file system is listed", "disk_encrypted")
		return
	}
	for _, e := range all {
		if e.known && !e.yes {
			l.machine.set("disk_encrypted", false)
			return
		}
	}
	for _, e := range all {
		if !e.known {
			l.blind(l.machine, "machine", e.reason, e.remedy, "disk_encrypted")
			return
		}
	}
	l.machine.set("disk_encrypted", true)
}
