package seal_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/seal"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same reports whether two root keys are one.
func same(a, b *seal.Root) bool {
	return bytes.Equal(a.Derive("s", "i"), b.Derive("s", "i"))
}

func TestRootIsMadeOnceAndReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config", "tickmark", "root.key")
	first, made, err := seal.OpenRoot(path)
	if err != nil || !made {
		t.Fatalf("made is %v, %v", made, err)
	}
	again, made, err := seal.OpenRoot(path)
	if err != nil || made || !same(first, again) {
		t.Errorf("read back: made is %v, same is %v, %v", made, same(first, again), err)
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others can read it: %s", info.Mode())
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	other, _, err := seal.OpenRoot(filepath.Join(t.TempDir(), "root.key"))
	if err != nil || same(first, other) {
		t.Errorf("two installations have one key, %v", err)
	}
}

func TestProcessesThatStartTogetherShareOneRoot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	roots := make([]*seal.Root, 8)
	var wg sync.WaitGroup
	for i := range roots {
		wg.Go(func() {
			var err error
			if roots[i], _, err = seal.OpenRoot(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	kept, made, err := seal.OpenRoot(path)
	if err != nil || made {
		t.Fatalf("made is %v, %v", made, err)
	}
	for _, r := range roots {
		if !same(r, kept) {
			t.Error("a process goes on with a key that is not the one in the file")
		}
	}
}

func TestRecoveryCopyIsTheKey(t *testing.T) {
	r := seal.NewRoot()
	copied := r.Recovery()
	path := filepath.Join(t.TempDir(), "root.key")
	for name, text := range map[string]string{
		"as printed":      copied + "\n",
		"in lower case":   strings.ToLower(copied),
		"without hyphens": strings.ReplaceAll(copied, "-", ""),
		"over two lines":  copied[:20] + "\r\n" + copied[20:] + "\r\n",
		"with spaces":     strings.ReplaceAll(copied, "-", " "),
		"with comments":   "# mine\n" + copied + "\n# end\n",
	} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		got, made, err := seal.OpenRoot(path)
		if err != nil || made || !same(r, got) {
			t.Errorf("%s: made is %v, %v", name, made, err)
		}
	}
}

func TestMistypedRecoveryCopyIsRefused(t *testing.T) {
	copied := seal.NewRoot().Recovery()
	path := filepath.Join(t.TempDir(), "root.key")
	refused := func(name, text string) {
		t.Helper()
		must(t, os.WriteFile(path, []byte(text), 0o600))
		_, made, err := seal.OpenRoot(path)
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore the recovery copy") || made {
			t.Errorf("%s: got %v, want a refusal that names the file and the remedy", name, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("%s: the file was changed", name)
		}
	}
	refused("an empty file", "")
	refused("only comments", "# Tickmark root key\n")
	refused("another file", "-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n")
	refused("cut short", copied[:len(copied)-2])
	refused("too long", copied+"AA")
	refused("a digit that base32 has not", strings.Replace(copied, copied[:1], "1", 1))
	refused("groups exchanged", copied[7:14]+copied[:7]+copied[14:])
	// Any single letter; the last one carries two bits that say nothing.
	for i := range len(copied) - 1 {
		if copied[i] == '-' {
			continue
		}
		other := byte('A')
		if copied[i] == 'A' {
			other = 'B'
		}
		refused("one letter", copied[:i]+string(other)+copied[i+1:])
	}
}

func FuzzOpenRoot(f *testing.F) {
	f.Add(seal.NewRoot().Recovery())
	f.Add("# c\nAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "root.key")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		r, made, err := seal.OpenRoot(path)
		if made || (err == nil) != (r != nil) {
			t.Errorf("%q: made %v, %v", text, made, err)
		}
	})
}

func TestRootThatCannotBeKeptIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	r, _, err := seal.OpenRoot(filepath.Join(dir, "file", "root.key"))
	if err == nil {
		t.Errorf("a key without a file: %v", r)
	}
}

func TestDerivedKeysDiffer(t *testing.T) {
	r := seal.NewRoot()
	seen := map[string]bool{}
	for _, c := range [][2]string{{"", ""}, {"a", ""}, {"", "a"}, {"a", "b"}, {"b", "a"}, {"ab", ""}} {
		k := string(r.Derive(c[0], c[1]))
		if len(k) != 32 || seen[k] || k != string(r.Derive(c[0], c[1])) {
			t.Errorf("%q: %d bytes, seen %v", c, len(k), seen[k])
		}
		seen[k] = true
	}
}

func TestOrganizationKeyIsBoundToRootAndOrganization(t *testing.T) {
	r := seal.NewRoot()
	k, wrapped, err := r.NewOrgKey("org_a")
	must(t, err)
	got, err := r.OpenOrgKey("org_a", wrapped)
	must(t, err)
	sum := sha256.Sum256([]byte("hello"))
	if got.Address(sum) != k.Address(sum) {
		t.Error("another key comes back")
	}
	for name, open := range map[string]func() error{
		"another root":         func() error { _, err := seal.NewRoot().OpenOrgKey("org_a", wrapped); return err },
		"another organization": func() error { _, err := r.OpenOrgKey("org_b", wrapped); return err },
		"changed":              func() error { w := bytes.Clone(wrapped); w[20] ^= 1; _, err := r.OpenOrgKey("org_a", w); return err },
		"cut short":            func() error { _, err := r.OpenOrgKey("org_a", wrapped[:10]); return err },
		"nothing":              func() error { _, err := r.OpenOrgKey("org_a", nil); return err },
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), "was another root key put in place?") {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
	other, _, err := r.NewOrgKey("org_b")
	must(t, err)
	if other.Address(sum) == k.Address(sum) {
		t.Error("the same bytes have one address in two organizations")
	}
}

func TestFileKeyIsBoundToItsAddress(t *testing.T) {
	r := seal.NewRoot()
	k, _, err := r.NewOrgKey("org_a")
	must(t, err)
	wrapped, err := k.WrapFileKey("address a", []byte("0123456789abcdef"))
	must(t, err)
	if got, err := k.UnwrapFileKey("address a", wrapped); err != nil || string(got) != "0123456789abcdef" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := k.UnwrapFileKey("address b", wrapped); err == nil {
		t.Error("it opens at another address")
	}
	other, _, err := r.NewOrgKey("org_b")
	must(t, err)
	if _, err := other.UnwrapFileKey("address a", wrapped); err == nil {
		t.Error("another organization opens it")
	}
	if again, err := k.WrapFileKey("address a", []byte("0123456789abcdef")); err != nil || bytes.Equal(again, wrapped) {
		t.Errorf("two wrappings are equal, %v", err)
	}
}

func decrypt(sealed, key []byte) ([]byte, error) {
	r, err := seal.DecryptFile(bytes.NewReader(sealed), key)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestFileReadsBackWithItsKeyAlone(t *testing.T) {
	for _, n := range []int{0, 1, 16, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		plain := bytes.Repeat([]byte("personal data "), n/14+1)[:n]
		sealed, key, err := seal.EncryptFile(plain)
		must(t, err)
		if got, err := decrypt(sealed, key); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %d come back, %v", n, len(got), err)
		}
		if n > 20 && bytes.Contains(sealed, plain[:20]) || bytes.Contains(sealed, key) {
			t.Errorf("%d bytes: they, or their key, can be read", n)
		}
		wrong := bytes.Clone(key)
		wrong[0] ^= 1
		if _, err := decrypt(sealed, wrong); err == nil {
			t.Errorf("%d bytes: another key opens them", n)
		}
		for _, key := range [][]byte{nil, key[:15], append(bytes.Clone(key), 0)} {
			if _, err := decrypt(sealed, key); err == nil {
				t.Errorf("%d bytes: a key of %d bytes opens them", n, len(key))
			}
		}
	}
}

func TestDamagedFileIsNoticed(t *testing.T) {
	sealed, key, err := seal.EncryptFile(bytes.Repeat([]byte("x"), 150_000))
	must(t, err)
	for _, n := range []int{0, 1, 20, len(sealed) / 2, 64<<10 + 200, len(sealed) - 16, len(sealed) - 1} {
		if _, err := decrypt(sealed[:n], key); err == nil {
			t.Errorf("cut to %d of %d bytes: not noticed", n, len(sealed))
		}
	}
	for i := 0; i < len(sealed); i += 997 {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := decrypt(bad, key); err == nil {
			t.Errorf("byte %d changed: not noticed", i)
		}
	}
	if _, err := decrypt(append(bytes.Clone(sealed), 'x'), key); err == nil {
		t.Error("a byte more: not noticed")
	}
}
