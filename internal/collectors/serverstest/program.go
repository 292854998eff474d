// Package serverstest starts the real servers that collectors are tested
// against, and says what must hold of any reading of any of them.
package serverstest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Require turns the skip for a server that is not installed into a failure.
const Require = "TICKMARK_REQUIRE_SERVERS"

// patience bounds every wait for a server. A busy machine needs seconds.
const patience = 60 * time.Second

// Absent skips a test whose server is not installed, or fails it.
func Absent(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(Require) != "" {
		t.Fatalf("%s (%s is set)", why, Require)
	}
	t.Skipf("NOT RUN AGAINST THE REAL SERVER: %s", why)
}

// Find is the path of a program of a package.
func Find(t testing.TB, pkg, program string) string {
	t.Helper()
	for _, dir := range append([]string{"/usr/sbin", "/usr/bin", "/usr/local/bin"}, filepath.SplitList(os.Getenv("PATH"))...) {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	Absent(t, fmt.Sprintf("%s is not installed: apt-get install %s, or sh scripts/test-deps.sh", program, pkg))
	return ""
}

// supervisor starts the server, stops and starts it again on request, and
// clears up once nobody holds the other end of its input: the server ends with
// the test in whatever way that ends.
const supervisor = `
dir=$1; shift
start() { "$@" >>"$dir/log" 2>&1 & pid=$!; }
start "$@"
while read -r word; do
	case $word in
	stop) kill -KILL $pid; wait $pid ;;
	start) start "$@" ;;
	esac
done
kill -KILL $pid 2>/dev/null; wait $pid
rm -rf "$dir"
`

// A Program is a running server with a folder of its own.
type Program struct {
	Dir     string
	address string
	control io.WriteCloser
	done    chan error
}

// Folder makes a folder that an account without rights can write to, since
// servers are not run as root.
func Folder() (dir string, as *syscall.Credential, err error) {
	if dir, err = os.MkdirTemp("/tmp", "tickmark-server-"); err != nil || os.Getuid() != 0 {
		return dir, nil, err
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return dir, nil, err
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return dir, as, os.Chown(dir, int(uid), int(gid))
}

// Own gives files to the account that the server runs as.
func Own(as *syscall.Credential, names ...string) error {
	for _, name := range names {
		if as == nil {
			continue
		}
		if err := os.Chown(name, int(as.Uid), int(as.Gid)); err != nil {
			return err
		}
	}
	return nil
}

// Start runs a server until Close, and returns when address takes connections.
func Start(dir string, as *syscall.Credential, address, program string, args ...string) (*Program, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervisor, "sh", dir, program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setsid: true}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=" + dir}
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Program{Dir: dir, address: address, control: in, done: make(chan error, 1)}
	go func() { p.done <- cmd.Wait() }()
	if err := p.until(context.Background(), true); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		p.Close()
		return nil, fmt.Errorf("%s does not start: %w\n%s", program, err, log)
	}
	return p, nil
}

// Close ends the server and removes its folder.
func (p *Program) Close() {
	p.control.Close()
	<-p.done
}

// Kill ends the server as a crash would, and returns when it no longer answers.
func (p *Program) Kill(ctx context.Context) error {
	if _, err := io.WriteString(p.control, "stop\n"); err != nil {
		return err
	}
	return p.until(ctx, false)
}

// Revive starts a killed server again.
func (p *Program) Revive(ctx context.Context) error {
	if _, err := io.WriteString(p.control, "start\n"); err != nil {
		return err
	}
	return p.until(ctx, true)
}

func (p *Program) until(ctx context.Context, up bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.DialTimeout("tcp", p.address, time.Second)
		if err == nil {
			c.Close()
		}
		if up == (err == nil) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%v)", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// FreePort is one of 127.0.0.1 that nobody listens at.
func FreePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	address := l.Addr().String()
	return address[strings.LastIndexByte(address, ':')+1:], nil
}
