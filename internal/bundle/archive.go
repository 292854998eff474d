package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"io"
	"strings"
)

// source reads parts of the file and remembers the first failure that is not
// the file's end, so that a bad disk is never taken for a bad bundle.
type source struct {
	r    io.ReaderAt
	size int64
	err  error
}

// at returns n bytes from offset off, fewer where the file ends.
func (s *source) at(off, n int64) []byte {
	if off < 0 || off >= s.size || n <= 0 {
		return nil
	}
	return s.into(make([]byte, min(n, s.size-off)), off)
}

// into reads as much of b from offset off as there is.
func (s *source) into(b []byte, off int64) []byte {
	if len(b) == 0 {
		return b
	}
	got, err := s.r.ReadAt(b, off)
	if err != nil && (err != io.EOF || got < len(b)) && s.err == nil {
		s.err = err
	}
	return b[:got]
}

// file is a member as the reader found it.
type file struct {
	member
	directoryCRC uint32
	sum          string // SHA-256 of the content
	bad          bool   // the content is not what the manifest or its name says
}

// layout finds the files twice, by following the local headers from the start
// and by reading the directory at the end, so that damage to one is named with
// the help of the other. It returns nil if neither leads through.
func (v *verification) layout() []file {
	walked, end, whole := v.walk()
	dir := v.readDirectory()
	switch {
	case dir == nil && !whole && len(walked) == 0:
		v.problem("archive", "this is not a bundle: it does not begin with a file of a ZIP archive")
		return nil
	case dir == nil && !whole:
		last := walked[len(walked)-1]
		v.problem(display(last.name), "the archive breaks off or cannot be followed in or after this file, which should take bytes %d to %d of %d", last.offset, last.end(), v.src.size)
		return nil
	case dir == nil:
		return walked
	case len(walked) != len(dir) || end != dir[len(dir)-1].end():
		return v.mergeHeaders(dir)
	}
	dir = v.mergeHeaders(dir)
	v.settleNames(walked, dir)
	return dir
}

// walk follows the local headers. whole reports whether they lead to the
// directory.
func (v *verification) walk() (files []file, end int64, whole bool) {
	le := binary.LittleEndian
	for len(files) < MaxFiles {
		b := v.src.at(end, localSize)
		if len(b) < localSize || le.Uint32(b) != localMark {
			break
		}
		n := int64(le.Uint16(b[26:]))
		if n > maxName {
			break
		}
		name := v.src.at(end+localSize, n)
		f := file{member: member{
			name: string(name), size: int64(le.Uint32(b[18:])), crc: le.Uint32(b[14:]), offset: end,
		}}
		f.directoryCRC = f.crc
		files = append(files, f)
		if f.end() > v.src.size {
			return files, f.end(), false
		}
		end = f.end()
	}
	if len(files) == 0 {
		return nil, 0, false
	}
	mark := v.src.at(end, 4)
	if len(mark) < 4 || le.Uint32(mark) == directoryMark {
		return files, end, true
	}
	// The directory's first mark may itself be damaged.
	tail := v.src.at(v.src.size-endSize, endSize)
	return files, end, len(tail) == endSize && le.Uint32(tail) == endMark && int64(le.Uint32(tail[16:])) == end
}

// readDirectory reads the directory, or returns nil if it does not describe
// files that lie one after the other from the start to the directory.
func (v *verification) readDirectory() []file {
	le := binary.LittleEndian
	tail := v.src.at(v.src.size-endSize, endSize)
	if len(tail) < endSize || le.Uint32(tail) != endMark {
		return nil
	}
	count, size, start := int(le.Uint16(tail[10:])), int64(le.Uint32(tail[12:])), int64(le.Uint32(tail[16:]))
	if count == 0 || count > MaxFiles || start+size != v.src.size-endSize || size > MaxFiles*(directorySize+maxName) {
		return nil
	}
	b := v.src.at(start, size)
	var files []file
	var next int64
	for range count {
		if len(b) < directorySize || le.Uint32(b) != directoryMark {
			return nil
		}
		nameEnd := directorySize + int(le.Uint16(b[28:]))
		if len(b) < nameEnd {
			return nil
		}
		f := file{member: member{
			name: string(b[directorySize:nameEnd]), size: int64(le.Uint32(b[20:])), offset: int64(le.Uint32(b[42:])),
		}, directoryCRC: le.Uint32(b[16:])}
		if f.offset != next {
			return nil
		}
		next = f.end()
		files = append(files, f)
		b = b[nameEnd:]
	}
	if len(b) > 0 || next != start {
		return nil
	}
	return files
}

// mergeHeaders takes the checksums from the local headers.
func (v *verification) mergeHeaders(files []file) []file {
	for i := range files {
		if b := v.src.at(files[i].offset+14, 4); len(b) == 4 {
			files[i].crc = binary.LittleEndian.Uint32(b)
		}
	}
	return files
}

// settleNames decides, where header and directory call a file differently,
// which name the file has: the one that stands at its place in the manifest, or
// else the one that can be a name.
func (v *verification) settleNames(walked, dir []file) {
	last := len(dir) - 1 // the manifest, by the order of names
	m, err := parseManifest(v.noteText(dir[last].member))
	fits := err == nil && len(m.files) == last
	for i := range dir {
		a, b := walked[i].name, dir[i].name
		if a == b {
			continue
		}
		if !known(b) || fits && i < last && m.files[i].name == a || i == last && a == nameManifest {
			dir[i].name = a
		}
	}
}

// digest reads each file once and compares content, header and manifest.
func (v *verification) digest() {
	var most int64 = 1
	for i := range v.files {
		most = max(most, v.files[i].size)
	}
	buf := make([]byte, min(most, 1<<18))
	for i := range v.files {
		f := &v.files[i]
		if strings.HasPrefix(f.name, "logs/") {
			v.todo += f.size // it is read twice
		}
	}
	v.todo += v.src.size
	for i := range v.files {
		f := &v.files[i]
		h, crc := sha256.New(), crc32.NewIEEE()
		if n := v.digestFile(f, buf, h, crc); n < f.size {
			v.problem(display(f.name), "the archive ends %d bytes before this file does", f.size-n)
			f.bad = true
		}
		f.sum = hex.EncodeToString(h.Sum(nil))
		v.compareManifest(f)
		actual := crc.Sum32()
		if f.crc == f.directoryCRC && f.crc != actual {
			// Header and directory agree, so it is the content that has changed.
			if !f.bad {
				v.problem(display(f.name), "its bytes do not fit the checksum in the archive")
			}
			f.bad = true
		}
		want := f.member
		if f.crc != f.directoryCRC {
			want.crc = actual
		}
		f.crc = want.crc
		if !bytes.Equal(v.src.at(f.offset, f.content()-f.offset), want.local()) {
			v.problem("header of "+display(f.name), "not the bytes that this file has in a bundle")
		}
	}
	v.digested = true
}

// compareTail rebuilds directory and end record from the files.
func (v *verification) compareTail() {
	start := v.files[len(v.files)-1].end()
	at := start
	for i := range v.files {
		want := v.files[i].directory()
		if got := v.src.at(at, int64(len(want))); !bytes.Equal(got, want) {
			v.problem("archive directory, entry of "+display(v.files[i].name), "not the bytes that this file's entry has in a bundle")
		}
		at += int64(len(want))
	}
	want := endRecord(len(v.files), at-start, start)
	if !bytes.Equal(v.src.at(at, endSize), want) {
		v.problem("archive end record", "not the %d bytes with which this bundle ends", endSize)
	}
	if more := v.src.size - at - endSize; more > 0 {
		v.problem("archive end record", "%d bytes follow it; a bundle ends there", more)
	}
}

// passed tells whoever waits how far it is.
func (v *verification) passed(n int64) {
	if v.done += n; v.progress != nil && v.done < v.todo {
		v.progress(v.done, v.todo)
	}
}

// digestFile reads a file once. Files of entries are looked through for keys
// while they pass.
func (v *verification) digestFile(f *file, buf []byte, to ...hash.Hash) int64 {
	if _, _, ok := entriesOf(f.name); !ok || f.size > maxEntries {
		return v.stream(f.content(), f.size, buf, to...)
	}
	b := v.entries(f)
	for _, h := range to {
		h.Write(b)
	}
	v.noteKeys(f.name, b)
	v.passed(int64(len(b)))
	return int64(len(b))
}

// entries reads a file of entries into a buffer that the next one overwrites.
func (v *verification) entries(f *file) []byte {
	if f == nil || f.size > maxEntries {
		return nil
	}
	if int64(cap(v.leaves)) < f.size {
		v.leaves = make([]byte, f.size+f.size/4)
	}
	return v.src.into(v.leaves[:f.size], f.content())
}

func (v *verification) stream(off, size int64, buf []byte, to ...hash.Hash) (n int64) {
	for n < size {
		b := buf[:min(int64(len(buf)), size-n)]
		got, err := v.src.r.ReadAt(b, off+n)
		for _, h := range to {
			h.Write(b[:got])
		}
		n += int64(got)
		v.passed(int64(got))
		if got < len(b) {
			if err != io.EOF && v.src.err == nil {
				v.src.err = err
			}
			break
		}
	}
	return n
}
