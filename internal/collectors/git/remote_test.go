package git_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/git"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

const deployToken = "deploy-token-nobody-may-see"

// program is git itself, which serves what it made.
func program(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("git")
	if err != nil {
		t.Skip("NOT TESTED: there is no git on this machine to serve a repository")
	}
	return path
}

// overHTTPS serves a repository to whoever gives the token, or a redirect.
func overHTTPS(t *testing.T, m *maker, open *atomic.Bool) *httptest.Server {
	t.Helper()
	backend := &cgi.Handler{Path: program(t), Args: []string{"http-backend"}, Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(m.dir), "GIT_HTTP_EXPORT_ALL=1",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/moved/") {
			http.Redirect(w, r, "http://elsewhere.invalid/app.git"+strings.TrimPrefix(r.URL.Path, "/moved/app.git"), http.StatusFound)
			return
		}
		if _, pass, _ := r.BasicAuth(); pass != deployToken && !open.Load() {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func fetch(t *testing.T, c sources.Collector, set map[string]string) (reading, error) {
	t.Helper()
	raw, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	in := sources.NewIntake(schemas(t), clock.NewFixed(now), nil)
	return reading{t: t, in: in}, c.Collect(t.Context(), raw, in)
}

func TestARepositoryAtAServerShowsWhatAClonedOneShows(t *testing.T) {
	m := rich(t)
	local := m.collect()
	server := overHTTPS(t, m, &atomic.Bool{})
	c := git.NewRemote(t.TempDir())
	set := map[string]string{"url": server.URL + "/app/.git", "password": deployToken}
	got, err := fetch(t, c, set)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"commit", "tag", "identity", "owners_rule", "ci_workflow", "dependency_manifest", "secret_candidate"} {
		a, _ := json.Marshal(local.in.Resources(kind))
		b, _ := json.Marshal(got.in.Resources(kind))
		if string(a) != string(b) {
			t.Errorf("%s differs:\n%s\n%s", kind, a, b)
		}
	}
	if path := got.in.Resources("repository")[0].Attrs["path"]; path != set["url"] || got.in.Scopes()["path"] != set["url"] {
		t.Errorf("it is said to lie in %v", path)
	}
	// What came since is fetched, and what was rewritten replaces what was.
	m.commit(change{author: ada, at: now.Add(-time.Hour), message: "One more"})
	m.ref("refs/heads/main", m.head)
	again, err := fetch(t, c, set)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := len(got.in.Resources("commit")), len(again.in.Resources("commit")); b != a+1 {
		t.Errorf("%d commits, and then %d", a, b)
	}
}

func TestWhatAServerRefusesIsSaidWithoutTheSecret(t *testing.T) {
	m := rich(t)
	server := overHTTPS(t, m, &atomic.Bool{})
	gone := httptest.NewServer(http.NotFoundHandler())
	away := gone.URL
	gone.Close()
	for name, c := range map[string]struct {
		set  map[string]string
		kind fault.Kind
		says string
	}{
		"no token":        {map[string]string{"url": server.URL + "/app/.git"}, fault.KindDenied, "does not let the source read"},
		"a wrong token":   {map[string]string{"url": server.URL + "/app/.git", "password": "wrong-" + deployToken}, fault.KindDenied, "renew the one that is kept"},
		"no repository":   {map[string]string{"url": server.URL + "/other/.git", "password": deployToken}, fault.KindDenied, "no repository at that address"},
		"another address": {map[string]string{"url": server.URL + "/moved/app.git", "password": deployToken}, fault.KindInvalid, "points to another address"},
		"nobody there":    {map[string]string{"url": away + "/app.git", "password": deployToken}, fault.KindInternal, "cannot be reached"},
	} {
		for _, do := range []func() error{
			func() error { _, err := fetch(t, git.NewRemote(t.TempDir()), c.set); return err },
			func() error {
				raw, _ := json.Marshal(c.set)
				_, err := git.NewRemote(t.TempDir()).Test(t.Context(), raw)
				return err
			},
		} {
			err := do()
			if err == nil || fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), deployToken) {
				t.Errorf("%s: %v", name, err)
			}
			if errors.Is(err, sources.ErrUnreachable) != (name == "nobody there") {
				t.Errorf("%s: whether it is asked again is wrong: %v", name, err)
			}
		}
	}
}

// A source that was let in and is not any more is not read from its copy.
func TestACopyIsNotReadWithoutLeave(t *testing.T) {
	m := rich(t)
	open := &atomic.Bool{}
	open.Store(true)
	server := overHTTPS(t, m, open)
	c := git.NewRemote(t.TempDir())
	set := map[string]string{"url": server.URL + "/app/.git"}
	if _, err := fetch(t, c, set); err != nil {
		t.Fatal(err)
	}
	open.Store(false)
	if got, err := fetch(t, c, set); fault.KindOf(err) != fault.KindDenied || len(got.in.Kinds()) != 0 {
		t.Errorf("%v of %v", err, got.in.Kinds())
	}
}

func TestACopyHasALimit(t *testing.T) {
	if n := git.SizeOf(rich(t).dir); n < 1000 {
		t.Errorf("a repository of %d bytes", n)
	}
	if err := git.WatchStops(t.Context(), t.TempDir()); err == nil {
		t.Error("a copy that is too large is kept on")
	}
}

func TestSettingsOfAServerAreRefusedInWords(t *testing.T) {
	key := sshKey(t)
	for name, c := range map[string]struct {
		set   map[string]string
		field string
	}{
		"nothing":                {map[string]string{}, "url"},
		"a folder":               {map[string]string{"url": "/srv/git/app"}, "url"},
		"a file":                 {map[string]string{"url": "file:///srv/git/app"}, "url"},
		"a command":              {map[string]string{"url": "ext::sh -c id"}, "url"},
		"a password in it":       {map[string]string{"url": "https://ana:pw@git.example.com/app"}, "url"},
		"a password over http":   {map[string]string{"url": "http://git.example.com/app", "password": "pw"}, "url"},
		"ssh without a key":      {map[string]string{"url": "git@git.example.com:team/app.git"}, "ssh_key"},
		"ssh to an unknown host": {map[string]string{"url": "git@git.example.com:team/app.git", "ssh_key": key}, "known_hosts"},
		"ssh with another thing": {map[string]string{"url": "git@git.example.com:team/app.git", "ssh_key": "no key", "known_hosts": "x ssh-ed25519 AAAA"}, "ssh_key"},
		"known hosts of nothing": {map[string]string{"url": "git@git.example.com:team/app.git", "ssh_key": key, "known_hosts": "git.example.com"}, "known_hosts"},
	} {
		_, err := fetch(t, git.NewRemote(t.TempDir()), c.set)
		if e := fault.As(err); e == nil || e.Field != c.field {
			t.Errorf("%s: %v, want a fault of %s", name, err, c.field)
		}
	}
}

func sshKey(t testing.TB) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

func signer(t testing.TB, key string) ssh.Signer {
	t.Helper()
	s, err := ssh.ParsePrivateKey([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// overSSH serves a repository to the holder of one key.
func overSSH(t *testing.T, m *maker, host, allowed ssh.Signer) string {
	t.Helper()
	path := program(t)
	conf := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(allowed.PublicKey().Marshal()) {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}}
	conf.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go session(t.Context(), c, conf, path, m)
		}
	}()
	return l.Addr().String()
}

func session(ctx context.Context, c net.Conn, conf *ssh.ServerConfig, path string, m *maker) {
	defer c.Close()
	_, channels, requests, err := ssh.NewServerConn(c, conf)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for n := range channels {
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		for r := range reqs {
			_ = r.Reply(r.Type == "exec" || r.Type == "env", nil)
			if r.Type != "exec" {
				continue
			}
			cmd := exec.CommandContext(ctx, path, "upload-pack", m.dot)
			cmd.Env = append(os.Environ(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
			cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
			in, err := cmd.StdinPipe()
			if err != nil || cmd.Start() != nil {
				return
			}
			go func() {
				buf := make([]byte, 32<<10)
				for {
					n, err := ch.Read(buf)
					if n > 0 {
						_, _ = in.Write(buf[:n])
					}
					if err != nil {
						_ = in.Close()
						return
					}
				}
			}()
			_ = cmd.Wait()
			_, _ = ch.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
			_ = ch.Close()
		}
	}
}

func TestOverSSHTheServersKeyHasToBeKnown(t *testing.T) {
	m := rich(t)
	key, hostKey, other := sshKey(t), sshKey(t), sshKey(t)
	at := overSSH(t, m, signer(t, hostKey), signer(t, key))
	line := func(k string) string { return knownhosts.Line([]string{at}, signer(t, k).PublicKey()) }
	set := map[string]string{"url": fmt.Sprintf("ssh://git@%s/app/.git", at), "ssh_key": key, "known_hosts": line(hostKey)}
	got, err := fetch(t, git.NewRemote(t.TempDir()), set)
	if err != nil || len(got.in.Resources("commit")) != len(m.collect().in.Resources("commit")) {
		t.Fatalf("%d commits, %v", len(got.in.Resources("commit")), err)
	}
	with := func(name, value string) map[string]string {
		out := map[string]string{}
		for k, v := range set {
			out[k] = v
		}
		out[name] = value
		return out
	}
	for name, c := range map[string]struct {
		set  map[string]string
		says string
	}{
		"another key of the server": {with("known_hosts", line(other)), "shows another key"},
		"a server nobody knows":     {with("known_hosts", knownhosts.Line([]string{"git.example.com"}, signer(t, hostKey).PublicKey())), "not among the known hosts"},
		"a key it does not take":    {with("ssh_key", other), "does not let the source read"},
	} {
		_, err := fetch(t, git.NewRemote(t.TempDir()), c.set)
		if fault.KindOf(err) != fault.KindDenied || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
