package git

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// remoteSettings are what an operator says about a repository at a server.
type remoteSettings struct {
	URL        string `json:"url"`
	Branch     string `json:"branch"`
	Username   string `json:"username"`
	Password   string `json:"password"`
	Key        string `json:"ssh_key"`
	Passphrase string `json:"ssh_passphrase"`
	KnownHosts string `json:"known_hosts"`
	Signers    string `json:"signers"`
	CA         string `json:"ca"`

	at *url.URL
}

// shortSSH is git@example.com:team/app.git.
var shortSSH = regexp.MustCompile(`^([A-Za-z0-9._-]+)@([A-Za-z0-9.-]+):([^:].*)$`)

func parseRemote(raw json.RawMessage) (remoteSettings, error) {
	var s remoteSettings
	if len(raw) > maxSettings {
		return s, fault.Invalid("", "the settings have %d bytes: at most %d are accepted", len(raw), maxSettings)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fault.Invalid("", "the settings of a repository at a server are texts").With(err)
	}
	s.URL = strings.TrimSpace(s.URL)
	if m := shortSSH.FindStringSubmatch(s.URL); m != nil {
		s.URL = "ssh://" + m[1] + "@" + m[2] + "/" + strings.TrimPrefix(m[3], "/")
	}
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || strings.Trim(u.Path, "/") == "" || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		return s, fault.Invalid("url", "give an address such as https://git.example.com/team/app.git or ssh://git@git.example.com/team/app.git")
	case u.RawQuery != "" || u.Fragment != "":
		return s, fault.Invalid("url", "give the address alone, without what follows ? or #")
	case u.User != nil && (u.Scheme != "ssh" || hasPassword(u)):
		return s, fault.Invalid("url", "give the address without a name or a password in it; they have fields of their own")
	case u.Scheme == "http" && s.Password != "" && !loopback(u.Hostname()):
		return s, fault.Invalid("url", "a password is not sent over http, where everyone on the way reads it: give an https address")
	case u.Scheme == "ssh" && s.Key == "":
		return s, fault.Invalid("ssh_key", "give a private key that may read the repository, such as a deploy key")
	case u.Scheme == "ssh" && strings.TrimSpace(s.KnownHosts) == "":
		return s, fault.Invalid("known_hosts", "give the line of the server's key, as ssh-keyscan %s prints it, after comparing it with what the server's people publish", u.Hostname())
	}
	s.at = u
	return s, nil
}

func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// name is what people call the repository, and safe as the name of a folder.
func (s remoteSettings) name() string {
	name := strings.TrimSuffix(path.Base(s.at.Path), ".git")
	name = regexp.MustCompile(`[^A-Za-z0-9._-]`).ReplaceAllString(name, "_")
	if strings.Trim(name, ".") == "" {
		name = "repository"
	}
	return clipKey(name)
}

// login is how the source signs in; nil for nobody.
func (s remoteSettings) login() (transport.AuthMethod, error) {
	if s.at.Scheme != "ssh" {
		if s.Password == "" {
			return nil, nil
		}
		user := s.Username
		if user == "" {
			user = "git" // with a token the name does not matter, but one must be given
		}
		return &githttp.BasicAuth{Username: user, Password: s.Password}, nil
	}
	user := s.at.User.Username()
	if user == "" {
		user = "git"
	}
	keys, err := gitssh.NewPublicKeys(user, []byte(strings.TrimSpace(s.Key)+"\n"), s.Passphrase)
	if err != nil {
		var locked *ssh.PassphraseMissingError
		if errors.As(err, &locked) || s.Passphrase != "" {
			return nil, fault.Invalid("ssh_passphrase", "the passphrase does not open the key")
		}
		return nil, fault.Invalid("ssh_key", "give a private key in PEM: -----BEGIN OPENSSH PRIVATE KEY-----")
	}
	file, err := os.CreateTemp("", "known_hosts")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(strings.TrimSpace(s.KnownHosts) + "\n"); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	db, err := gitssh.NewKnownHostsDb(file.Name())
	if err != nil {
		return nil, fault.Invalid("known_hosts", "give lines as ssh-keyscan prints them, such as: git.example.com ssh-ed25519 AAAA…")
	}
	port := s.at.Port()
	if port == "" {
		port = "22"
	}
	// Only keys that are known are asked for; another would be refused.
	keys.HostKeyCallback = db.HostKeyCallback()
	return &knownKeys{keys, db.HostKeyAlgorithms(net.JoinHostPort(s.at.Hostname(), port))}, nil
}

// knownKeys signs in at a server whose keys are known.
type knownKeys struct {
	*gitssh.PublicKeys
	algorithms []string
}

// ClientConfig is what the connection is made with.
func (k *knownKeys) ClientConfig() (*ssh.ClientConfig, error) {
	c, err := k.PublicKeys.ClientConfig()
	if err == nil && len(k.algorithms) > 0 {
		c.HostKeyAlgorithms = k.algorithms
	}
	return c, err
}

// told turns what a server or the way to it refused into words. The library's
// own may hold the address; none of them is repeated where it could.
func (s remoteSettings) told(ctx context.Context, err error) error {
	var (
		wrong  *knownhosts.KeyError
		netErr net.Error
	)
	switch {
	case errors.Is(context.Cause(ctx), errLarge):
		return fault.Invalid("url", "%s is larger than %d GiB, the most that is copied", s.name(), maxCopy>>30)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed), errors.Is(err, transport.ErrInvalidAuthMethod),
		strings.Contains(err.Error(), "unable to authenticate"):
		return fault.Denied("%s does not let the source read %s: give a password, token or key that may, or renew the one that is kept.", s.at.Hostname(), s.name()).With(err)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fault.Denied("%s has no repository at that address, or does not show it to whoever asks.", s.at.Hostname()).With(err)
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return fault.Invalid("url", "%s holds nothing yet", s.name()).With(err)
	case errors.As(err, &wrong):
		if len(wrong.Want) > 0 {
			return fault.Denied("%s shows another key than the one that is known. Somebody may be in between: compare it with what the server's people publish.", s.at.Hostname()).With(err)
		}
		return fault.Denied("The key of %s is not among the known hosts: add the line that ssh-keyscan prints, after comparing it.", s.at.Hostname()).With(err)
	case strings.Contains(err.Error(), "redirect"):
		return fault.Invalid("url", "%s points to another address; give that one if it is right", s.at.Hostname()).With(err)
	case strings.Contains(err.Error(), "certificate"), strings.Contains(err.Error(), "x509"):
		return fault.Denied("The certificate of %s does not hold, or is signed by nobody this machine knows: give its authority.", s.at.Hostname()).With(err)
	case errors.As(err, &netErr):
		return errors.Join(errors.New(s.at.Hostname()+" cannot be reached"), sources.ErrUnreachable)
	}
	return err
}
