package bundle

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
)

const (
	// MaxPack is the largest pack.
	MaxPack = 32 << 20
	// MaxPacked is how many blobs there may be in packs.
	MaxPacked = 1 << 20

	// manyBlobs is how many blobs are written as files of their own: with more, the
	// small ones go into packs, since an archive has only so many files.
	manyBlobs = 16384
	smallBlob = 1 << 20
	fullPack  = 16 << 20
)

func packName(k int) string { return fmt.Sprintf("blobpacks/%09d", k) }

// kept is a blob that the bundle holds, in a file of its own or in a pack.
type kept struct {
	in       string // name of the file
	at, size int64
	bad      bool // its bytes are not those of its name
	named    bool // by an opened entry
}

// blob finds a blob by its SHA-256 in hexadecimal.
func (v *verification) blob(sum string) *kept {
	d, err := canon.ParseDigest(sum)
	if err != nil {
		return nil
	}
	return v.blobs[d]
}

// keepBlobs lists the blobs that are files of their own.
func (v *verification) keepBlobs() {
	for i := range v.files {
		f := &v.files[i]
		sum, ok := strings.CutPrefix(f.name, "blobs/")
		if d, err := canon.ParseDigest(sum); ok && err == nil && v.byName[f.name] == f {
			v.blobs[d] = &kept{in: f.name, at: f.content(), size: f.size, bad: f.sum != sum}
		}
	}
}

// readPacks lists the blobs in packs.
func (v *verification) readPacks() {
	last, count, k := "", 0, 0
	for i := range v.files {
		f := &v.files[i]
		name := f.name
		if !known(name) || !strings.HasPrefix(name, "blobpacks/") {
			continue
		}
		if want := packName(k); name != want {
			v.problem(want, "missing: packs are numbered without gaps")
			return
		}
		k++
		if f.size > MaxPack {
			continue // said already
		}
		if f.size == 0 {
			v.problem(name, "empty; a pack holds at least one blob")
		}
		if err := v.readPack(f, &last, &count); err != nil {
			v.namesLost = true
			v.problem(name, "blob %d: %v", count+1, err)
		}
	}
}

func (v *verification) readPack(f *file, last *string, count *int) error {
	b := v.src.at(f.content(), f.size)
	for at := 0; at < len(b); {
		end := bytes.IndexByte(b[at:min(len(b), at+maxPackLine)], '\n')
		if end < 0 {
			return fmt.Errorf("want a line of SHA-256 and size")
		}
		sum, size, err := parsePackLine(string(b[at : at+end]))
		if err != nil {
			return err
		}
		at += end + 1
		if size > int64(len(b)-at) {
			return fmt.Errorf("%d bytes, where the pack has %d more", size, len(b)-at)
		}
		if sum <= *last {
			return fmt.Errorf("out of place: blobs ascend by their SHA-256 and occur once")
		}
		d, _ := canon.ParseDigest(sum)
		if v.blobs[d] != nil {
			return fmt.Errorf("%s is a file of its own as well", blobName(sum))
		}
		if *count >= MaxPacked {
			return fmt.Errorf("more than %d blobs in packs, which no version 1 bundle has", MaxPacked)
		}
		*last = sum
		*count++
		k := &kept{in: f.name, at: f.content() + int64(at), size: size}
		if got := sha256.Sum256(b[at : at+int(size)]); got != d {
			v.problem(f.name, "the SHA-256 of blob %d is %x, where its line says %s", *count, got, sum)
			k.bad = true
		}
		v.blobs[d] = k
		v.report.Counts.Blobs++
		at += int(size)
	}
	return nil
}

// maxPackLine is the longest line before a blob, with its end.
const maxPackLine = 64 + 1 + 8 + 1

func parsePackLine(line string) (sum string, size int64, err error) {
	sum, dec, ok := strings.Cut(line, " ")
	_, badSum := canon.ParseDigest(sum)
	size, badSize := strconv.ParseInt(dec, 10, 64)
	if !ok || badSum != nil || badSize != nil || size < 0 || strconv.FormatInt(size, 10) != dec {
		return "", 0, fmt.Errorf("want the SHA-256 and the size of a blob, one space between, and a line end")
	}
	return sum, size, nil
}

// packs splits blobs, ascending, into those that go into packs and those that
// are files of their own.
func packs(blobs []Blob) (packed [][]Blob, files []Blob) {
	if len(blobs) <= manyBlobs {
		return nil, blobs
	}
	var pack []Blob
	var size int64
	for _, b := range blobs {
		if b.Size > smallBlob {
			files = append(files, b)
			continue
		}
		if size += maxPackLine + b.Size; size > fullPack && len(pack) > 0 {
			packed, pack, size = append(packed, pack), nil, maxPackLine+b.Size
		}
		pack = append(pack, b)
	}
	if len(pack) > 0 {
		packed = append(packed, pack)
	}
	return packed, files
}

// addPack writes a pack, which is made in memory.
func (a *archiver) addPack(k int, blobs []Blob) error {
	content := a.pack[:0]
	var last [32]byte
	for i, b := range blobs {
		if i > 0 && bytes.Compare(last[:], b.SHA256[:]) >= 0 {
			return fmt.Errorf("%s: names ascend and occur once", blobName(hex.EncodeToString(b.SHA256[:])))
		}
		last = b.SHA256
		content = hex.AppendEncode(content, b.SHA256[:])
		content = append(strconv.AppendInt(append(content, ' '), b.Size, 10), '\n')
		var err error
		if content, err = b.append(content); err != nil {
			return err
		}
	}
	a.pack = content
	return a.add(packName(k), content)
}

// append reads the blob to the end of a buffer.
func (b Blob) append(to []byte) ([]byte, error) {
	name := blobName(hex.EncodeToString(b.SHA256[:]))
	r, err := b.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	buf := bytes.NewBuffer(to)
	n, err := buf.ReadFrom(io.LimitReader(r, b.Size+1))
	if err = cmp.Or(err, r.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	content := buf.Bytes()
	if n != b.Size || sha256.Sum256(content[len(to):]) != b.SHA256 {
		return nil, fmt.Errorf("%s: its bytes are not those of its name and size", name)
	}
	return content, nil
}
