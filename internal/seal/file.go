package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// stanza marks our files for whoever meets one alone: the key is not in it.
const stanza = "tickmark-row"

// EncryptFile encrypts plain with a fresh file key and returns both. The key
// is not in the ciphertext: whoever destroys the row that holds it has erased
// every copy.
func EncryptFile(plain []byte) (sealed, fileKey []byte, err error) {
	var row rowRecipient
	var b bytes.Buffer
	w, err := age.Encrypt(&b, &row)
	if err != nil {
		return nil, nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, nil, err
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	return b.Bytes(), row.fileKey, nil
}

// DecryptFile returns a reader of the plaintext.
func DecryptFile(sealed io.Reader, fileKey []byte) (io.Reader, error) {
	r, err := age.Decrypt(sealed, rowIdentity(fileKey))
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return r, nil
}

// rowRecipient keeps the file key for a database row.
type rowRecipient struct{ fileKey []byte }

func (r *rowRecipient) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	r.fileKey = bytes.Clone(fileKey)
	return []*age.Stanza{{Type: stanza}}, nil
}

// rowIdentity is a file key that came back from its row.
type rowIdentity []byte

func (k rowIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) != 1 || stanzas[0].Type != stanza {
		return nil, errors.New("not a file of this vault")
	}
	return k, nil
}
