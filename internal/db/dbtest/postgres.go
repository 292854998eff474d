package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoServer means that this machine has no PostgreSQL to start.
var ErrNoServer = errors.New("the PostgreSQL server's programs (initdb, postgres) are not installed: apt-get install postgresql, or set " + Env + " to the address of a running server")

// patience bounds every wait for the server. A busy machine needs seconds.
const patience = 60 * time.Second

// Cluster is a PostgreSQL server with data of its own, which it may lose. It
// ends, and its folder goes, when Close is called or when this process ends in
// whatever way.
type Cluster struct {
	URL     string // the administrator's address
	dir     string
	control io.WriteCloser // the supervisor's orders; its end is the server's end
	done    chan error
}

// supervisor starts the server, stops and starts it again on request, and
// clears up once nobody holds the other end of its input.
const supervisor = `
dir=$1; shift
start() { "$@" >>"$dir/log" 2>&1 & pid=$!; }
start "$@"
while read -r word; do
	case $word in
	stop) kill -QUIT $pid; wait $pid ;;
	start) start "$@" ;;
	esac
done
kill -QUIT $pid 2>/dev/null; wait $pid
rm -rf "$dir"
`

// Start makes and starts a server on a free port of 127.0.0.1.
func Start() (*Cluster, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	password := rand.Text()
	for try := 1; ; try++ {
		dir, err := initdb(bin, as, password)
		if err != nil {
			return nil, err
		}
		c, err := launch(bin, dir, as, password)
		if err == nil || try == 3 { // another program may take the port, but not each time
			return c, err
		}
	}
}

// Close stops the server and removes its folder.
func (c *Cluster) Close() error {
	c.control.Close()
	return <-c.done
}

// Kill stops the server as a crash would and returns when it no longer
// answers.
func (c *Cluster) Kill(ctx context.Context) error {
	if _, err := io.WriteString(c.control, "stop\n"); err != nil {
		return err
	}
	return c.until(ctx, false)
}

// Revive starts a killed server again at the same address and returns when it
// answers.
func (c *Cluster) Revive(ctx context.Context) error {
	if _, err := io.WriteString(c.control, "start\n"); err != nil {
		return err
	}
	return c.until(ctx, true)
}

// programs finds the newest PostgreSQL's folder of programs.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	if p, err := exec.LookPath("initdb"); err == nil && len(found) == 0 {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return "", ErrNoServer
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// unprivileged is whom to run the server as; nil is whoever runs this. The
// server refuses root.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres to run it as: %w", err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// initdb makes a data folder that as can reach.
func initdb(bin string, as *syscall.Credential, password string) (string, error) {
	var errs []error
	for _, temp := range []string{os.TempDir(), "/tmp"} { // root's own temporary folder may be closed to others
		dir, err := os.MkdirTemp(temp, "tickmark-postgres-")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		secret := filepath.Join(dir, "password")
		err = os.WriteFile(secret, []byte(password), 0o600)
		if as != nil {
			err = errors.Join(err, os.Chown(secret, int(as.Uid), int(as.Gid)), os.Chown(dir, int(as.Uid), int(as.Gid)))
		}
		if err == nil {
			cmd := command(as, filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "scram-sha-256",
				"--pwfile="+secret, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
			cmd.Dir = dir
			var out []byte
			if out, err = cmd.CombinedOutput(); err == nil {
				return dir, nil
			}
			err = fmt.Errorf("initdb: %w\n%s", err, out)
		}
		errs = append(errs, err, os.RemoveAll(dir))
	}
	return "", errors.Join(errs...)
}

func launch(bin, dir string, as *syscall.Credential, password string) (*Cluster, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{"-c", supervisor, "sh", dir, filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"), "-p", strconv.Itoa(port)}
	for _, set := range []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300", "shared_buffers=64MB",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", // the data may be lost, so nothing waits for the disk
		"autovacuum=off", "max_wal_size=1GB", "timezone=UTC", "log_min_messages=warning",
	} {
		args = append(args, "-c", set)
	}
	cmd := command(as, "/bin/sh", args...)
	cmd.Dir = dir
	cmd.SysProcAttr.Setsid = true // an interrupt from the terminal must leave the clearing up alive
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword("postgres", password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Path: "/postgres"}
	c := &Cluster{URL: u.String(), dir: dir, control: in, done: make(chan error, 1)}
	go func() { c.done <- cmd.Wait() }()
	if err := c.until(context.Background(), true); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return nil, errors.Join(fmt.Errorf("the PostgreSQL server does not start: %w\n%s", err, log), c.Close())
	}
	return c, nil
}

// command runs a program as somebody, with nothing of this process's
// environment that could steer it.
func command(as *syscall.Credential, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	return cmd
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// until waits for the server to answer, or to stop answering.
func (c *Cluster) until(ctx context.Context, up bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pool, err := sql.Open("pgx", c.URL)
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetMaxIdleConns(0)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := pool.PingContext(ctx)
		if up == (err == nil) {
			return nil
		}
		if up {
			if log, _ := os.ReadFile(filepath.Join(c.dir, "log")); strings.Contains(string(log), "could not create any TCP/IP sockets") {
				return errors.New("its port is taken")
			}
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}
