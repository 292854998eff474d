package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	toolTime  = 10 * time.Second
	toolBytes = 64 << 20
)

// tools are the only programs this package ever starts, each with where it may
// lie and what it may be asked: all of it reads and changes nothing.
var tools = map[string]struct {
	places []string
	args   []string
}{
	"sshd":      {[]string{"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"}, []string{"-T"}},
	"nft":       {[]string{"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"}, []string{"--stateless", "list", "ruleset"}},
	"iptables":  {[]string{"/usr/sbin/iptables", "/sbin/iptables", "/usr/bin/iptables"}, []string{"-S"}},
	"ip6tables": {[]string{"/usr/sbin/ip6tables", "/sbin/ip6tables", "/usr/bin/ip6tables"}, []string{"-S"}},
	"lastlog2":  {[]string{"/usr/bin/lastlog2"}, nil},
	"dnf":       {[]string{"/usr/bin/dnf"}, []string{"-C", "-q", "updateinfo", "list", "--security"}},
	// With a file's name as its last word it writes the file out unpacked.
	"apt-helper": {[]string{"/usr/lib/apt/apt-helper"}, []string{"cat-file"}},
}

// errNoTool says that a program is not installed, or that a folder is read
// rather than a machine, where running its programs would ask the wrong kernel.
var errNoTool = errors.New("is not installed")

// installed finds a program of tools.
func (l *look) installed(name string) (string, bool) {
	for _, place := range tools[name].places {
		if info, err := l.tree.stat(place); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return place, true
		}
	}
	return "", false
}

// ask runs a program of tools and returns what it wrote.
func (l *look) ask(ctx context.Context, name string, more ...string) ([]byte, error) {
	place, ok := l.installed(name)
	if !ok || !l.tree.live() {
		return nil, errNoTool
	}
	ctx, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, place, append(append([]string{}, tools[name].args...), more...)...)
	cmd.Dir = "/"
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC", "HOME=/nonexistent"}
	cmd.WaitDelay = time.Second
	out, said := &bounded{room: toolBytes}, &bounded{room: 4 << 10}
	cmd.Stdout, cmd.Stderr = out, said
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("did not answer within %s", toolTime)
	case err != nil:
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return nil, fmt.Errorf("failed (%w): %s", err, first)
	case out.full:
		return nil, errTooLarge
	}
	return out.Bytes(), nil
}

// bounded keeps the first bytes written to it.
type bounded struct {
	bytes.Buffer
	room int
	full bool
}

func (b *bounded) Write(p []byte) (int, error) {
	n := len(p)
	if left := b.room - b.Len(); len(p) > left {
		p, b.full = p[:left], true
	}
	b.Buffer.Write(p)
	return n, nil
}
