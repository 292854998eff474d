package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// identity reads what the machine is.
func (l *look) identity(context.Context) error {
	m := l.machine
	m.set("effective_uid", l.euid)
	m.set("root", l.euid == 0)
	l.readName()
	if err := l.readDistro(); err != nil {
		return err
	}
	l.processes()
	l.readContainer()
	l.readVirtualization()
	const notThere = "the folder holds no running kernel's files"
	for field, name := range map[string]string{"kernel": "/proc/sys/kernel/osrelease", "architecture": "/proc/sys/kernel/arch"} {
		if word, err := l.tree.word(name); err == nil && word != "" {
			m.set(field, word)
		}
	}
	if l.tree.live() && processor() != "" {
		m.set("architecture", processor())
	}
	stat, err := l.tree.read("/proc/stat", 16<<20)
	if booted := bootTime(stat); !booted.IsZero() {
		m.set("booted_at", booted)
	} else if err != nil {
		m.unsaid(l.why("/proc/stat", err), "booted_at")
	}
	m.unsaid(notThere, "kernel", "architecture", "booted_at")
	return nil
}

func (l *look) readName() {
	for _, name := range []string{"/proc/sys/kernel/hostname", "/etc/hostname"} {
		word, err := l.tree.word(name)
		if word, _, _ = strings.Cut(word, "\n"); err == nil && word != "" {
			l.machine.set("hostname", word)
			l.in.Scope("hostname", word)
			return
		}
	}
	l.machine.unsaid("neither the kernel nor /etc/hostname gives a name", "hostname")
}

// bootTime finds the line btime of /proc/stat.
func bootTime(stat []byte) time.Time {
	for _, line := range lines(stat) {
		if text, ok := strings.CutPrefix(line, "btime "); ok {
			if seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && seconds > 0 && seconds < 1<<36 {
				return time.Unix(seconds, 0).UTC()
			}
		}
	}
	return time.Time{}
}

// inContainer is the container's runtime, or "".
func (l *look) inContainer() string {
	runtime, _ := l.machine.attrs["container_runtime"].(string)
	if runtime == "none" {
		return ""
	}
	return runtime
}

// inVirtual reports whether something below the machine may see to what the
// machine itself cannot show, such as the encryption of its disks.
func (l *look) inVirtual() bool {
	kind, known := l.machine.attrs["virtualization"].(string)
	return known && kind != "none"
}

// hostOnly says of fields that they belong to the machine around a container.
func (l *look) hostOnly(subject string, fields ...string) {
	l.blind(l.machine, "machine", "inside a container: "+subject+" belongs to the machine around it and cannot be seen from here",
		"Run Tickmark on the machine itself.", fields...)
}

func (l *look) readContainer() {
	runtime := l.containerRuntime()
	if runtime != "" && l.firstNamespaces() {
		// An image that was made for containers and booted as a machine keeps
		// the container's marks. The kernel knows better.
		l.in.Scope("container", "marks of "+runtime+" found, but the kernel's first namespaces: read as a machine")
		runtime = ""
	}
	l.machine.set("container", runtime != "")
	if runtime == "" {
		runtime = "none"
	} else {
		l.in.Scope("container", runtime+": only the container is read, not the machine around it")
	}
	l.machine.set("container_runtime", runtime)
}

// containerRuntime names what left a mark, or "".
func (l *look) containerRuntime() string {
	if word, err := l.tree.word("/run/systemd/container"); err == nil && word != "" {
		return word
	}
	if environ, err := l.tree.read("/proc/1/environ", maxText); err == nil {
		for _, entry := range bytes.Split(environ, []byte{0}) {
			if kind, ok := bytes.CutPrefix(entry, []byte("container=")); ok && len(kind) > 0 {
				return string(kind)
			}
		}
	}
	if l.tree.exists("/run/.containerenv") {
		return "podman"
	}
	if l.tree.exists("/.dockerenv") {
		return "docker"
	}
	cgroup, _ := l.tree.read("/proc/1/cgroup", maxText)
	for mark, runtime := range map[string]string{
		"/docker": "docker", "/kubepods": "kubernetes", "/lxc": "lxc", "/libpod": "podman", "/containerd": "containerd",
	} {
		for _, line := range lines(cgroup) {
			if _, at, ok := cutLast(line, ":"); ok && strings.HasPrefix(at, mark) {
				return runtime
			}
		}
	}
	if l.tree.exists("/proc/vz") && !l.tree.exists("/proc/bc") {
		return "openvz"
	}
	return ""
}

// firstNamespaces reports whether this process lives where the kernel started:
// the numbers of the first namespaces are fixed in Linux.
func (l *look) firstNamespaces() bool {
	for name, number := range map[string]string{"pid": "pid:[4026531836]", "uts": "uts:[4026531838]", "ipc": "ipc:[4026531839]"} {
		if target, err := l.tree.link("/proc/self/ns/" + name); err != nil || target != number {
			return false
		}
	}
	return true
}

// hypervisors are recognised by words in the names of a machine's maker or
// product.
var hypervisors = []struct{ word, name string }{
	{"amazon ec2", "amazon"}, {"google compute engine", "google"}, {"microsoft corporation virtual", "microsoft"},
	{"digitalocean", "digitalocean"}, {"hetzner", "hetzner"}, {"openstack", "openstack"}, {"alibaba", "alibaba"},
	{"vmware", "vmware"}, {"virtualbox", "virtualbox"}, {"innotek", "virtualbox"}, {"parallels", "parallels"},
	{"xen", "xen"}, {"bochs", "bochs"}, {"qemu", "qemu"}, {"kvm", "kvm"}, {"bhyve", "bhyve"},
}

func (l *look) readVirtualization() {
	var words []string
	for _, name := range []string{"sys_vendor", "product_name", "product_version", "bios_vendor"} {
		word, _ := l.tree.word("/sys/class/dmi/id/" + name)
		words = append(words, word)
	}
	names := strings.ToLower(strings.Join(words, " "))
	for _, h := range hypervisors {
		if strings.Contains(names, h.word) {
			l.machine.set("virtualization", h.name)
			return
		}
	}
	if kind, err := l.tree.word("/sys/hypervisor/type"); err == nil && kind != "" {
		l.machine.set("virtualization", kind)
		return
	}
	if l.tree.exists("/proc/device-tree/hypervisor") {
		l.machine.set("virtualization", "unnamed")
		return
	}
	cpu, err := l.tree.read("/proc/cpuinfo", 16<<20)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.machine.unsaid("the folder holds no running kernel's files", "virtualization")
	case err != nil:
		l.machine.unsaid(l.why("/proc/cpuinfo", err), "virtualization")
	case hasFlag(cpu, "hypervisor"):
		l.machine.set("virtualization", "unnamed")
	case strings.TrimSpace(names) == "":
		l.machine.unsaid("the machine does not say who made it", "virtualization")
	default:
		l.machine.set("virtualization", "none")
	}
}

// hasFlag reports whether the first processor of /proc/cpuinfo has a flag.
func hasFlag(cpuinfo []byte, flag string) bool {
	for _, line := range lines(cpuinfo) {
		if key, flags, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "flags" {
			for _, f := range strings.Fields(flags) {
				if f == flag {
					return true
				}
			}
			return false
		}
	}
	return false
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
