package git_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/git"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// refused fails unless err is a fault of that field that says these words.
func refused(t testing.TB, err error, field string, words ...string) {
	t.Helper()
	f := fault.As(err)
	if f == nil || f.Kind != fault.KindInvalid {
		t.Fatalf("got %v, want a refusal", err)
	}
	if f.Field != field {
		t.Errorf("refused at %q, want %q: %v", f.Field, field, err)
	}
	for _, w := range words {
		if !strings.Contains(f.Message, w) {
			t.Errorf("%q does not say %q", f.Message, w)
		}
	}
}

func TestSettingsRefused(t *testing.T) {
	m := makeRepo(t)
	m.commit(change{})
	plain := t.TempDir()
	write(t, filepath.Join(plain, "notes.txt"), "x")
	inside := filepath.Join(m.dir, "src", "lib")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	stray := t.TempDir()
	write(t, filepath.Join(stray, ".git"), "gitdir: /nowhere/at/all\n")
	odd := t.TempDir()
	write(t, filepath.Join(odd, ".git"), "hello\n")
	key := map[string]any{"email": "ada@acme.test", "ssh": "ssh-ed25519 AAAA"}
	for name, c := range map[string]struct {
		settings string
		field    string
		words    []string
	}{
		"no path":              {`{}`, "path", []string{"give the folder that holds .git"}},
		"nothing":              {``, "path", []string{"give the folder"}},
		"not an object":        {`[]`, "", []string{"path, branch, signers, allowed_signers_file"}},
		"unknown setting":      {`{"path": "x", "brunch": "main"}`, "", []string{`"brunch"`, "path, branch, signers"}},
		"path of another type": {`{"path": 3}`, "", []string{"texts"}},
		"missing folder":       {`{"path": "` + plain + `/gone"}`, "path", []string{"there is no", "give the folder"}},
		"a file":               {`{"path": "` + plain + `/notes.txt"}`, "path", []string{"is a file"}},
		"not a repository":     {`{"path": "` + plain + `"}`, "path", []string{"no git repository at", "give the folder that holds .git"}},
		"inside a repository":  {`{"path": "` + inside + `"}`, "path", []string{"lies inside the git repository at " + m.dir}},
		"moved repository":     {`{"path": "` + stray + `"}`, "path", []string{"/nowhere/at/all", "was moved"}},
		"odd .git file":        {`{"path": "` + odd + `"}`, "path", []string{"does not name a folder"}},
		"unknown branch":       {`{"path": "` + m.dir + `", "branch": "trunk"}`, "branch", []string{`"trunk"`, "branches are main"}},
		"branch that climbs":   {`{"path": "` + m.dir + `", "branch": "../../HEAD"}`, "branch", []string{"branches are main"}},
		"signers not a list":   {`{"path": "x", "signers": {}}`, "signers", []string{"a list is accepted"}},
		"unknown signer part":  {`{"path": "x", "signers": [{"gpg": "x"}]}`, "signers[0]", []string{`"gpg"`, "name, email, openpgp, ssh"}},
		"signer without key":   {`{"path": "x", "signers": [{"email": "a@b.test"}]}`, "signers[0]", []string{"give one key"}},
		"signer with two keys": {`{"path": "x", "signers": [{"email": "a@b.test", "ssh": "a", "openpgp": "b"}]}`, "signers[0]", []string{"give one key"}},
		"signer's address":     {`{"path": "x", "signers": [{"email": "ada", "ssh": "a"}]}`, "signers[0].email", []string{"ada@example.com"}},
		"bad ssh key":          {`{"path": "x", "signers": [` + text(key) + `]}`, "signers[0].ssh", []string{".pub file"}},
		"private ssh key":      {`{"path": "x", "signers": [{"email": "a@b.test", "ssh": "-----BEGIN OPENSSH PRIVATE KEY-----"}]}`, "signers[0].ssh", []string{"private key"}},
		"bad openpgp key":      {`{"path": "x", "signers": [{"email": "a@b.test", "openpgp": "hello"}]}`, "signers[0].openpgp", []string{"gpg --armor --export"}},
		"signers file missing": {`{"path": "x", "allowed_signers_file": "/nowhere"}`, "allowed_signers_file", []string{"cannot be read"}},
		"signers file inside":  {`{"path": "x", "allowed_signers_file": "keys/signers"}`, "allowed_signers_file", []string{"full path"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := sources.NewIntake(schemas(t), clock.NewFixed(now), nil)
			refused(t, git.New().Collect(context.Background(), json.RawMessage(c.settings), in), c.field, c.words...)
		})
	}
}

func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestRepositoryRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*maker)
		field  string
		words  []string
	}{
		"sha256":        {func(m *maker) { m.file("config", "[extensions]\n\tobjectformat = sha256\n") }, "path", []string{"sha256"}},
		"reftable":      {func(m *maker) { m.file("config", "[extensions]\n\trefstorage = reftable\n") }, "path", []string{"git refs migrate"}},
		"extension":     {func(m *maker) { m.file("config", "[extensions]\n\tnovel = true\n") }, "path", []string{"novel"}},
		"broken config": {func(m *maker) { m.file("config", "[core\nx") }, "path", []string{"config", "cannot be read"}},
		"no HEAD":       {func(m *maker) { m.must(os.Remove(filepath.Join(m.dot, "HEAD"))) }, "path", []string{"no file HEAD"}},
		"odd HEAD":      {func(m *maker) { m.file("HEAD", "hello\n") }, "path", []string{"neither a branch nor a commit"}},
		"no objects":    {func(m *maker) { m.must(os.RemoveAll(filepath.Join(m.dot, "objects"))) }, "path", []string{"no folder of objects"}},
		"HEAD nowhere":  {func(m *maker) { m.file("HEAD", "ref: refs/heads/trunk\n") }, "branch", []string{"trunk", "give one of main"}},
		"odd reference": {func(m *maker) { m.file("refs/heads/main", "zzz\n") }, "path", []string{"refs/heads/main", "holds no object id"}},
		"HEAD is gone":  {func(m *maker) { m.must(os.Remove(m.loose(m.head))) }, "path", []string{"is missing", "git fsck"}},
		"lost alternate": {func(m *maker) {
			m.file("objects/info/alternates", "/nowhere/at/all\n")
		}, "path", []string{"/nowhere/at/all", "borrows objects"}},
		"objects elsewhere": {func(m *maker) {
			elsewhere := filepath.Join(filepath.Dir(m.dir), "elsewhere")
			m.must(os.Rename(filepath.Join(m.dot, "objects"), elsewhere))
			m.must(os.Symlink(elsewhere, filepath.Join(m.dot, "objects")))
		}, "path", []string{"cannot be read"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := makeRepo(t)
			m.commit(change{})
			c.change(m)
			_, err := try(t, map[string]any{"path": m.dir})
			refused(t, err, c.field, c.words...)
		})
	}
}

func TestUnreadableRepositoryIsRefused(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the superuser may read everything")
	}
	m := makeRepo(t)
	m.commit(change{})
	for _, closed := range []string{m.dot, filepath.Join(m.dot, "objects"), m.loose(m.head)} {
		info, err := os.Stat(closed)
		m.must(err)
		m.must(os.Chmod(closed, 0))
		_, err = try(t, map[string]any{"path": m.dir})
		m.must(os.Chmod(closed, info.Mode()))
		refused(t, err, "path", "give that user read access")
	}
}

func TestDamagedObjectsAreNamed(t *testing.T) {
	deflate := func(s string) []byte {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		_, _ = z.Write([]byte(s))
		z.Close()
		return b.Bytes()
	}
	for name, data := range map[string][]byte{
		"not compressed":   []byte("hello"),
		"cut short":        deflate("commit 300\x00tree "),
		"no header":        deflate(strings.Repeat("x", 5000)),
		"no size":          deflate("commit abc\x00"),
		"negative size":    deflate("commit -1\x00"),
		"unknown kind":     deflate("novel 3\x00abc"),
		"other bytes":      deflate("commit 5\x00hello"),
		"another kind":     deflate("blob 5\x00hello"),
		"claims to be big": deflate("commit 99999999999\x00tree "),
		"longer than said": deflate("commit 2\x00hello"),
		"empty":            {},
	} {
		t.Run(name, func(t *testing.T) {
			m := makeRepo(t)
			bad := m.commit(change{})
			m.commit(change{})
			m.must(os.Chmod(m.loose(bad), 0o644))
			m.must(os.WriteFile(m.loose(bad), data, 0o644))
			_, err := try(t, map[string]any{"path": m.dir})
			refused(t, err, "path", bad.String())
		})
	}
}

func TestMissingParentIsNamed(t *testing.T) {
	m := makeRepo(t)
	gone := m.commit(change{})
	child := m.commit(change{})
	m.must(os.Remove(m.loose(gone)))
	_, err := try(t, map[string]any{"path": m.dir})
	refused(t, err, "path", gone.String(), "a parent of "+child.String())
}

// A pack whose objects are changes of each other would be followed for ever.
func TestCycleOfDeltasIsRefused(t *testing.T) {
	m := makeRepo(t)
	a, b := plumbing.NewHash(strings.Repeat("a1", 20)), plumbing.NewHash(strings.Repeat("b2", 20))
	pack := []byte("PACK\x00\x00\x00\x02\x00\x00\x00\x02")
	offsets := []uint64{}
	for _, base := range []plumbing.Hash{b, a} {
		offsets = append(offsets, uint64(len(pack)))
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		_, _ = w.Write([]byte{5, 5, 0x90, 5}) // copy five bytes of the base
		w.Close()
		pack = append(pack, 7<<4|4) // a change of the object named next, four bytes
		pack = append(append(pack, base[:]...), z.Bytes()...)
	}
	sum := sha1.Sum(pack)
	pack = append(pack, sum[:]...)
	var w idxfile.Writer
	m.must(w.OnHeader(2))
	w.Add(a, offsets[0], 0)
	w.Add(b, offsets[1], 0)
	m.must(w.OnFooter(plumbing.Hash(sum)))
	index, err := w.Index()
	m.must(err)
	var idx bytes.Buffer
	_, err = idxfile.NewEncoder(&idx).Encode(index)
	m.must(err)
	stem := "objects/pack/pack-" + plumbing.Hash(sum).String()
	m.file(stem+".pack", string(pack))
	m.file(stem+".idx", idx.String())
	m.ref("refs/heads/main", a)
	_, err = try(t, map[string]any{"path": m.dir})
	refused(t, err, "path", a.String())

	m.file(stem+".idx", idx.String()[:600])
	_, err = try(t, map[string]any{"path": m.dir})
	refused(t, err, "path", "cannot be read")
	m.file(stem+".idx", idx.String())
	binary.BigEndian.PutUint32(pack[4:], 9)
	m.file(stem+".pack", string(pack[:20]))
	_, err = try(t, map[string]any{"path": m.dir})
	refused(t, err, "path", a.String())
}

func TestCancelledRunStops(t *testing.T) {
	m := makeRepo(t)
	m.commit(change{})
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	in := sources.NewIntake(schemas(t), clock.NewFixed(now), nil)
	err := git.New().Collect(ctx, json.RawMessage(text(map[string]string{"path": m.dir})), in)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}
