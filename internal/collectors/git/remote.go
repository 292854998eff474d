package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// What a repository at a server may take of this machine.
const (
	maxCopy    = 4 << 30 // bytes of one copy
	maxFetch   = time.Hour
	lookAtSize = 500 * time.Millisecond
	unused     = 60 * 24 * time.Hour // after which a copy goes
)

// NewRemote returns the collector of repositories at servers. It keeps a whole
// copy of each in a folder, and brings that up to date before it reads it as a
// clone: the facts are the same.
func NewRemote(folder string) sources.Tester {
	private()
	return &remote{folder: folder, limit: maxCopy}
}

type remote struct {
	folder string
	limit  int64
	busy   sync.Map // locks by folder
}

// Kind names the source type.
func (*remote) Kind() string { return "git_remote" }

// Version changes whenever the same repository would yield other facts.
func (*remote) Version() string { return collector{}.Version() }

// private makes the library take nothing from this machine that the source was
// not given: no configuration of ssh, and no host that a server points to.
var private = sync.OnceFunc(func() {
	gitssh.DefaultSSHConfig = nil
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = time.Minute
	stays := githttp.NewClientWithOptions(&http.Client{Transport: t}, &githttp.ClientOptions{RedirectPolicy: githttp.NoFollowRedirects})
	client.InstallProtocol("https", stays)
	client.InstallProtocol("http", stays)
})

// errLarge stops a fetch.
var errLarge = errors.New("the copy grows too large")

// Collect brings the copy up to date and reads it.
func (r *remote) Collect(ctx context.Context, raw json.RawMessage, in *sources.Intake) error {
	set, err := parseRemote(raw)
	if err != nil {
		return err
	}
	login, err := set.login()
	if err != nil {
		return err
	}
	dir := r.place(set)
	mu, _ := r.busy.LoadOrStore(dir, &sync.Mutex{})
	mu.(*sync.Mutex).Lock()
	defer mu.(*sync.Mutex).Unlock()
	r.forget(in.Now())
	in.Progress(0, 0, "Fetching "+set.name())
	if err := r.update(ctx, set, login, dir, in.Now()); err != nil {
		return err
	}
	local, err := json.Marshal(map[string]string{"path": dir, "branch": set.Branch, "signers": set.Signers})
	if err != nil {
		return err
	}
	in.Scope("url", set.URL)
	return collector{shownAs: set.URL}.Collect(ctx, local, in)
}

// Test asks the server for its branches.
func (r *remote) Test(ctx context.Context, raw json.RawMessage) (sources.Trial, error) {
	set, err := parseRemote(raw)
	if err != nil {
		return sources.Trial{}, err
	}
	login, err := set.login()
	if err != nil {
		return sources.Trial{}, err
	}
	list, err := gogit.NewRemote(nil, &config.RemoteConfig{Name: "origin", URLs: []string{set.URL}}).
		ListContext(ctx, &gogit.ListOptions{Auth: login, CABundle: []byte(set.CA), PeelingOption: gogit.IgnorePeeled})
	if err != nil {
		return sources.Trial{}, set.told(ctx, err)
	}
	branches, head, named := 0, "", set.Branch == ""
	for _, ref := range list {
		if ref.Name().IsBranch() {
			branches++
			named = named || ref.Name().Short() == set.Branch
		}
		if ref.Name() == plumbing.HEAD && ref.Type() == plumbing.SymbolicReference {
			head = ref.Target().Short()
		}
	}
	if !named {
		return sources.Trial{}, fault.Invalid("branch", "%s has no branch %s", set.name(), set.Branch)
	}
	t := sources.Trial{Found: []string{fmt.Sprintf("Branches: %d", branches)}}
	if head != "" {
		t.Found = append(t.Found, "Shown first: "+head)
	}
	if set.Signers == "" {
		t.Missing = append(t.Missing, sources.Missing{Kind: "commit", Field: "signature_valid", Reason: "no signers are given, so signatures cannot be judged", Remedy: "Give the keys of those who sign."})
	}
	for _, field := range []string{"branch_protected", "required_reviews"} {
		t.Missing = append(t.Missing, sources.Missing{Kind: "repository", Field: field, Reason: "a clone does not record what the forge enforces", Remedy: "Add the forge that holds this repository as a source."})
	}
	return t, nil
}

// place is where the copy of a repository lies. Its last part is the name.
func (r *remote) place(set remoteSettings) string {
	sum := sha256.Sum256([]byte(set.URL))
	return filepath.Join(r.folder, hex.EncodeToString(sum[:16]), set.name())
}

// update fetches what is new. A copy that cannot be brought up to date because
// it is damaged is made anew, once.
func (r *remote) update(ctx context.Context, set remoteSettings, login transport.AuthMethod, dir string, now time.Time) error {
	err := r.fetch(ctx, set, login, dir, now)
	if err == nil || fault.As(err) != nil || ctx.Err() != nil || errors.Is(err, sources.ErrUnreachable) {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return r.fetch(ctx, set, login, dir, now)
}

func (r *remote) fetch(ctx context.Context, set remoteSettings, login transport.AuthMethod, dir string, now time.Time) error {
	repo, err := gogit.PlainOpen(dir)
	if errors.Is(err, gogit.ErrRepositoryNotExists) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if repo, err = gogit.PlainInit(dir, true); err != nil {
			return err
		}
		_, err = repo.CreateRemote(&config.RemoteConfig{Name: "origin", URLs: []string{set.URL}, Fetch: []config.RefSpec{"+refs/heads/*:refs/heads/*"}})
	}
	if err != nil {
		return err
	}
	from, err := repo.Remote("origin")
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, maxFetch)
	defer stop()
	ctx, halt := context.WithCancelCause(ctx)
	defer halt(nil)
	go r.watch(ctx, halt, dir)
	list, err := from.ListContext(ctx, &gogit.ListOptions{Auth: login, CABundle: []byte(set.CA), PeelingOption: gogit.IgnorePeeled})
	if err != nil {
		return set.told(ctx, err)
	}
	// The whole of it: a shallow copy would pass for a short history.
	err = from.FetchContext(ctx, &gogit.FetchOptions{RemoteName: "origin", Auth: login, CABundle: []byte(set.CA), Tags: gogit.AllTags, Prune: true, Force: true})
	if err != nil && !errors.Is(err, gogit.NoErrAlreadyUpToDate) {
		return set.told(ctx, err)
	}
	for _, ref := range list {
		if ref.Name() != plumbing.HEAD || ref.Type() != plumbing.SymbolicReference {
			continue
		}
		shown := plumbing.NewSymbolicReference("refs/remotes/origin/HEAD", plumbing.ReferenceName("refs/remotes/origin/"+ref.Target().Short()))
		if err := errors.Join(repo.Storer.SetReference(ref), repo.Storer.SetReference(shown)); err != nil {
			return err
		}
	}
	return os.Chtimes(filepath.Dir(dir), now, now)
}

// watch ends a fetch whose copy grows too large.
func (r *remote) watch(ctx context.Context, halt context.CancelCauseFunc, dir string) {
	t := time.NewTicker(lookAtSize)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if sizeOf(dir) > r.limit {
				halt(errLarge)
				return
			}
		}
	}
}

func sizeOf(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // a file that goes while we look
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}

// forget removes copies that nothing has read for long: of sources that are
// disconnected or point elsewhere now.
func (r *remote) forget(now time.Time) {
	list, err := os.ReadDir(r.folder)
	if err != nil {
		return
	}
	for _, d := range list {
		info, err := d.Info()
		if err != nil || !d.IsDir() || len(d.Name()) != 32 || now.Sub(info.ModTime()) < unused {
			continue
		}
		_ = os.RemoveAll(filepath.Join(r.folder, d.Name())) // tried again next time
	}
}
