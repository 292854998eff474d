package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"filippo.io/age"

	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
)

// Place says where the root key may lie. In one of its forms it is there; in
// two, nobody could say which counts.
type Place struct {
	File       string // root.key
	Sealed     string // root.key.age
	Identity   string // the age identity file that opens Sealed
	Credential string // given by systemd; empty if none is
}

// form is one way in which the key can be there.
type form struct {
	path string
	open func() (*Root, error)
}

// find returns the form that is there; false if none is.
func (p Place) find() (form, bool, error) {
	all := []form{
		{p.Credential, func() (*Root, error) { return p.credential() }},
		{p.Sealed, func() (*Root, error) { return p.unseal() }},
		{p.File, func() (*Root, error) { return readRoot(p.File) }},
	}
	var there []form
	for _, f := range all {
		if f.path == "" {
			continue
		}
		_, err := os.Stat(f.path)
		if err == nil {
			there = append(there, f)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return form{}, false, fmt.Errorf("root key: %w", err)
		}
	}
	switch len(there) {
	case 0:
		return form{}, false, nil
	case 1:
		return there[0], true, nil
	}
	return form{}, false, fault.Invalid("keys", "there are two root keys, %s and %s: keep the one that counts, and take the other away", there[0].path, there[1].path)
}

// Open reads the root key in whichever form it is there, or makes the file
// where it is in none; made reports which.
func (p Place) Open() (r *Root, made bool, err error) {
	f, there, err := p.find()
	if err != nil {
		return nil, false, err
	}
	if !there {
		return OpenRoot(p.File)
	}
	r, err = f.open()
	return r, false, err
}

// There reports whether there is a root key in any form.
func (p Place) There() (bool, error) {
	_, there, err := p.find()
	return there, err
}

// Fixed is the path of a key that this program cannot replace, because it is
// put there by others; empty if it is the plain file.
func (p Place) Fixed() (string, error) {
	f, there, err := p.find()
	if err != nil || !there || f.path == p.File {
		return "", err
	}
	return f.path, nil
}

// Save puts a ring in the place of the plain file, whole and for good.
func (p Place) Save(r *Root) error { return write(p.File, r.file(), durable.Write) }

// WriteFile puts a file beside the keys, whole and for good.
func WriteFile(path string, data []byte) error { return write(path, data, durable.Write) }

// SaveNew writes a ring to a file that must not be there yet.
func (r *Root) SaveNew(path string) error { return write(path, r.file(), durable.Create) }

// credential is readable to the service alone, by systemd's doing; its mode
// shows the mask of an access list and says nothing.
func (p Place) credential() (*Root, error) {
	b, err := os.ReadFile(p.Credential)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	r, err := parseRoot(b)
	if err != nil {
		return nil, fault.Invalid("keys", "the credential tickmark-root is not a Tickmark root key: it is the content of a root.key file, or a recovery copy").With(err)
	}
	return r, nil
}

// unseal opens the key with the identity that the operator keeps elsewhere.
func (p Place) unseal() (*Root, error) {
	if p.Identity == "" {
		return nil, fault.Invalid("key-identity", "%s is encrypted: give the age identity that opens it with --key-identity FILE", p.Sealed)
	}
	id, err := os.ReadFile(p.Identity)
	if err != nil {
		return nil, fault.Invalid("key-identity", "cannot read %s: give the age identity that opens the root key", p.Identity).With(err)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(id))
	if err != nil {
		return nil, fault.Invalid("key-identity", "%s is not an age identity file: it has a line AGE-SECRET-KEY-1…", p.Identity).With(err)
	}
	f, err := os.Open(p.Sealed)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	defer f.Close()
	plain, err := age.Decrypt(f, identities...)
	if err != nil {
		return nil, fault.Invalid("key-identity", "%s does not open %s: give the identity it was encrypted to", p.Identity, p.Sealed).With(err)
	}
	b, err := io.ReadAll(io.LimitReader(plain, 1<<16))
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	r, err := parseRoot(b)
	if err != nil {
		return nil, fault.Invalid("keys", "what %s holds is not a Tickmark root key: encrypt a root.key file, or a recovery copy", p.Sealed).With(err)
	}
	return r, nil
}
