package seal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/tickmark/tickmark/internal/seal"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

// encrypted writes a text as an age file and the identity that opens it.
func encrypted(t *testing.T, path, identity, text string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.String(), 0o600)
	write(t, identity, "# created: today\n"+id.String()+"\n", 0o600)
}

func TestRootKeyIsReadInEveryForm(t *testing.T) {
	want := seal.NewRoot()
	for name, put := range map[string]func(t *testing.T, p seal.Place){
		"file": func(t *testing.T, p seal.Place) {
			if err := p.Save(want); err != nil {
				t.Fatal(err)
			}
		},
		"credential":                       func(t *testing.T, p seal.Place) { write(t, p.Credential, want.Recovery(), 0o440) },
		"credential with the file's words": func(t *testing.T, p seal.Place) { write(t, p.Credential, "# mine\n"+want.Recovery()+"\n", 0o400) },
		"age":                              func(t *testing.T, p seal.Place) { encrypted(t, p.Sealed, p.Identity, want.Recovery()+"\n") },
	} {
		t.Run(name, func(t *testing.T) {
			p := place(t)
			put(t, p)
			got, made, err := p.Open()
			if err != nil || made || !got.Equal(want) {
				t.Fatalf("%v, made %v, %v", got, made, err)
			}
			fixed, err := p.Fixed()
			if err != nil || (fixed == "") != (name == "file") {
				t.Errorf("fixed at %q, %v", fixed, err)
			}
		})
	}
}

func place(t *testing.T) seal.Place {
	dir := t.TempDir()
	return seal.Place{File: filepath.Join(dir, "root.key"), Sealed: filepath.Join(dir, "root.key.age"), Identity: filepath.Join(dir, "identity"),
		Credential: filepath.Join(dir, "tickmark-root")}
}

func TestRootKeyThatCannotBeTrustedIsRefused(t *testing.T) {
	root := seal.NewRoot()
	for name, c := range map[string]struct {
		put  func(t *testing.T, p *seal.Place)
		want string
	}{
		"readable by the group": {func(t *testing.T, p *seal.Place) { write(t, p.File, root.Recovery(), 0o640) }, "run chmod 600 "},
		"readable by all":       {func(t *testing.T, p *seal.Place) { write(t, p.File, root.Recovery(), 0o604) }, "run chmod 600 "},
		"two of them": {func(t *testing.T, p *seal.Place) {
			write(t, p.File, root.Recovery(), 0o600)
			write(t, p.Credential, root.Recovery(), 0o400)
		}, "there are two root keys"},
		"no identity": {func(t *testing.T, p *seal.Place) {
			encrypted(t, p.Sealed, p.Identity, root.Recovery())
			p.Identity = ""
		}, "--key-identity FILE"},
		"another identity": {func(t *testing.T, p *seal.Place) {
			encrypted(t, p.Sealed, p.Identity, root.Recovery())
			encrypted(t, filepath.Join(t.TempDir(), "x"), p.Identity, "x")
		}, "does not open"},
		"no identity in it": {func(t *testing.T, p *seal.Place) {
			encrypted(t, p.Sealed, p.Identity, root.Recovery())
			write(t, p.Identity, "hello\n", 0o600)
		}, "is not an age identity file"},
		"identity away": {func(t *testing.T, p *seal.Place) {
			encrypted(t, p.Sealed, p.Identity, root.Recovery())
			p.Identity += ".away"
		}, "cannot read"},
		"another thing encrypted": {func(t *testing.T, p *seal.Place) { encrypted(t, p.Sealed, p.Identity, "hello") }, "is not a Tickmark root key"},
		"another credential":      {func(t *testing.T, p *seal.Place) { write(t, p.Credential, "hello", 0o400) }, "is not a Tickmark root key"},
		"a second key cut short": {func(t *testing.T, p *seal.Place) {
			write(t, p.File, root.Recovery()+"\n"+root.Recovery()[:40], 0o600)
		}, "is not a Tickmark root key"},
	} {
		p := place(t)
		c.put(t, &p)
		if _, _, err := p.Open(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want words of %q", name, err, c.want)
		}
	}
}

// The newest makes everything, and those before open what they made.
func TestRingOpensWhatItsKeysWrapped(t *testing.T) {
	old := seal.NewRoot()
	k, wrapped, err := old.NewOrgKey("org_1")
	if err != nil {
		t.Fatal(err)
	}
	p := place(t)
	ring := seal.NewRoot().With(old)
	if err := p.Save(ring); err != nil {
		t.Fatal(err)
	}
	got, _, err := p.Open()
	if err != nil || !got.Ring() || !got.Equal(ring) || got.Recovery() != ring.Newest().Recovery() {
		t.Fatalf("read back: %v", err)
	}
	var sum [32]byte
	if open, err := got.OpenOrgKey("org_1", wrapped); err != nil || open.Address(sum) != k.Address(sum) {
		t.Errorf("the ring does not open what the old key wrapped: %v", err)
	}
	again, err := got.RewrapOrgKey("org_1", wrapped)
	if err != nil || again == nil {
		t.Fatal(err)
	}
	if open, err := got.Newest().OpenOrgKey("org_1", again); err != nil || open.Address(sum) != k.Address(sum) {
		t.Errorf("the new key does not open it: %v", err)
	}
	if _, err := old.OpenOrgKey("org_1", again); err == nil {
		t.Error("the old key still opens it")
	}
	if twice, err := got.RewrapOrgKey("org_1", again); err != nil || twice != nil {
		t.Errorf("wrapped twice: %v", err)
	}
	if string(got.Derive("a", "b")) != string(got.Newest().Derive("a", "b")) || string(got.Derive("a", "b")) == string(old.Derive("a", "b")) {
		t.Error("a key is derived from another than the newest")
	}
}
