package backup_test

import (
	"bytes"
	"io/fs"
	"testing"

	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/fault"
)

// FuzzReader reads hostile files: each is refused with a reason for the
// operator, or is one whose digests are right.
func FuzzReader(f *testing.F) {
	h := settle(f, lite, 1)
	from, _ := h.files(f)
	for _, path := range []string{from.Main, from.Secrets} {
		data := read(f, path)
		f.Add(data)
		f.Add(data[:len(data)/2])
		f.Add(data[:1536])
		bad := bytes.Clone(data)
		bad[len(bad)/3] ^= 1
		f.Add(bad)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		err := backup.Walk(bytes.NewReader(data))
		if err != nil && fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("%T %v is no reason for an operator", err, err)
		}
		if _, ok := err.(*fs.PathError); ok {
			t.Error(err)
		}
	})
}
