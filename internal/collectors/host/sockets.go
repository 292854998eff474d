package host

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"sort"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/sources"
)

// A socket waits for traffic.
type socket struct {
	addr  netip.AddrPort
	uid   uint32
	inode string
}

// Socket states as the kernel numbers them.
const (
	tcpListens = "0A"
	udpOpen    = "07" // bound, and not to one peer
)

// parseSockets reads a table of /proc/net and keeps the sockets in a state.
func parseSockets(data []byte, state string) []socket {
	var out []socket
	for _, line := range lines(data) {
		word := strings.Fields(line)
		if len(word) < 10 || word[3] != state || !strings.HasSuffix(word[0], ":") {
			continue
		}
		addr, ok := parseHexAddr(word[1])
		uid, err := strconv.ParseUint(word[7], 10, 32)
		if ok && err == nil && addr.Port() != 0 {
			out = append(out, socket{addr, uint32(uid), word[9]})
		}
	}
	return out
}

// parseHexAddr reads 0100007F:0016: words of four bytes in the order of a
// little-endian processor, then the port. Of big-endian processors the address
// would come out reversed; the program is not built for any.
func parseHexAddr(text string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(text, ":")
	b, err := hex.DecodeString(host)
	p, portErr := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || portErr != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr, uint16(p)), true
}

// listening reads on which ports the machine waits.
func (l *look) listening(context.Context) error {
	tables := []struct{ protocol, file, state string }{
		{"tcp", "tcp", tcpListens}, {"tcp", "tcp6", tcpListens}, {"udp", "udp", udpOpen}, {"udp", "udp6", udpOpen},
	}
	const kind = "listening_service"
	type found struct {
		protocol string
		socket
	}
	var all []found
	for _, t := range tables {
		data, err := l.tree.read("/proc/net/"+t.file, 64<<20)
		if errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(t.file, "6") && l.tree.exists("/proc/net/tcp") {
			continue // a kernel without IPv6
		}
		if err != nil {
			l.in.Missing(sources.Missing{Kind: kind, Reason: l.why("/proc/net/"+t.file, err), Remedy: l.rights(err)})
			return nil
		}
		for _, s := range parseSockets(data, t.state) {
			all = append(all, found{t.protocol, s})
		}
	}
	l.in.Cover(kind)
	holders, complete := l.holders()
	low, high := l.clientPorts()
	names := map[uint32]string{}
	for _, u := range l.users {
		if _, taken := names[u.uid]; !taken {
			names[u.uid] = u.name
		}
	}
	taken := map[string]bool{}
	for _, s := range all {
		addr := s.addr.Addr().Unmap()
		key := s.protocol + "/" + netip.AddrPortFrom(addr, s.addr.Port()).String()
		if taken[key] {
			continue
		}
		taken[key] = true
		f := newFacts()
		port := int(s.addr.Port())
		f.set("protocol", s.protocol)
		f.set("address", addr.String())
		f.set("port", port)
		f.set("service", fmt.Sprintf("%s/%d", s.protocol, port))
		f.set("exposed", !addr.IsLoopback())
		f.set("ephemeral", port >= low && port <= high)
		f.set("uid", int64(s.uid))
		if names[s.uid] != "" {
			f.set("user", names[s.uid])
		}
		f.unsaid("no account has this user id", "user")
		if comm := holders[s.inode]; comm != "" {
			f.set("process", comm)
		} else if complete {
			f.unsaid("no process holds the socket; the kernel itself may", "process")
		} else {
			reason := "the programs behind ports can be seen by root only"
			if l.euid == 0 {
				reason = "some programs do not show what they hold, even to root"
			}
			l.blind(f, kind, reason, l.remedyForRoot(), "process")
		}
		if err := l.in.Add(f.resource(kind, key)); err != nil {
			return err
		}
	}
	return nil
}

// remedyForRoot is for what the running machine shows to root.
func (l *look) remedyForRoot() string {
	if l.euid == 0 || !l.tree.live() {
		return ""
	}
	return asRoot
}

// clientPorts is the range from which the kernel gives ports to clients.
func (l *look) clientPorts() (low, high int) {
	word, _ := l.tree.word("/proc/sys/net/ipv4/ip_local_port_range")
	if n, _ := fmt.Sscan(word, &low, &high); n == 2 {
		return low, high
	}
	return 32768, 60999
}

// holders finds the programs that hold sockets, by the socket's number, and
// reports whether every process could be asked.
func (l *look) holders() (map[string]string, bool) {
	holders, complete := map[string]string{}, l.procs.complete
	var names []string
	for name := range l.procs.named {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, pid := range l.procs.named[name] {
			dir := fmt.Sprintf("/proc/%d/fd", pid)
			fds, err := l.tree.list(dir)
			if err != nil {
				complete = complete && errors.Is(err, fs.ErrNotExist) // it ended meanwhile
				continue
			}
			for _, fd := range fds {
				target, err := l.tree.link(dir + "/" + fd)
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					complete = false
				}
				if inode, ok := strings.CutPrefix(target, "socket:["); ok {
					inode = strings.TrimSuffix(inode, "]")
					if holders[inode] == "" {
						holders[inode] = name
					}
				}
			}
		}
	}
	return holders, complete
}
