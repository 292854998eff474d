package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// A visitor sees the members of a file in order. Either may be nil.
type visitor struct {
	table func(table string, r io.Reader) error
	blob  func(org, name string, size int64, r io.Reader) error
}

// contents is what a file says of itself.
type contents struct {
	Header
	Summary
}

// damaged is how a file is refused.
func damaged(format string, args ...any) error {
	return fault.Invalid("from", "the backup is damaged: "+format, args...)
}

// A walker reads a file once, member by member.
type walker struct {
	visitor
	tar  *tar.Reader
	sums *spool
	rows map[string]int64
	what contents
	last string // the member before
}

// walk reads a file to its end, with the visitor, and checks it: that every
// member is one of ours and in its place, that each has the digest written
// last, and that nothing was cut off.
func walk(r io.Reader, v visitor) (*contents, error) {
	sums, err := newSpool()
	if err != nil {
		return nil, err
	}
	defer sums.Close()
	w := &walker{visitor: v, tar: tar.NewReader(r), sums: sums, rows: map[string]int64{}}
	for _, step := range []func() error{w.header, w.members, w.digests, w.end} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return &w.what, nil
}

// next finds the next member. A file that ends is cut short: its last member
// is found before.
func (w *walker) next() (*tar.Header, error) {
	h, err := w.tar.Next()
	switch {
	case w.last == "" && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader)):
		return nil, fault.Invalid("from", "the file is no backup of Tickmark")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, damaged("the file ends behind %s: it was cut short", w.last)
	case errors.Is(err, tar.ErrHeader):
		return nil, damaged("what follows %s is not readable", w.last)
	case err != nil:
		return nil, fmt.Errorf("backup, behind %s: %w", w.last, err)
	case h.Typeflag != tar.TypeReg || h.Size < 0:
		return nil, damaged("%.100q is not a file", h.Name)
	}
	return h, nil
}

// take reads a member with fn and notes its digest.
func (w *walker) take(h *tar.Header, limit int64, fn func(io.Reader) error) error {
	if h.Size > limit {
		return damaged("%s has %d bytes; at most %d are accepted", h.Name, h.Size, limit)
	}
	sum := sha256.New()
	r := io.TeeReader(w.tar, sum)
	err := fn(r)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // what fn left
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("the file ends within %s: it was cut short", h.Name)
	}
	if err != nil {
		return err
	}
	w.last = h.Name
	return w.sums.line(hex.EncodeToString(sum.Sum(nil)), h.Name)
}

func (w *walker) header() error {
	h, err := w.next()
	if err != nil {
		return err
	}
	if h.Name != headerName {
		return fault.Invalid("from", "the file is no backup of Tickmark")
	}
	if err := w.take(h, maxText, w.decode(h.Name, &w.what.Header)); err != nil {
		return err
	}
	if w.what.Format != format {
		return fault.Invalid("from", "the backup is of the form %.50q; this program reads %s", w.what.Format, format)
	}
	if w.what.Part != mainPart && w.what.Part != secretsPart {
		return damaged("its first member names no part")
	}
	return nil
}

func (w *walker) decode(name string, v any) func(io.Reader) error {
	return func(r io.Reader) error {
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, v); err != nil {
			return damaged("%s: %s", name, err)
		}
		return nil
	}
}

// members reads tables, blobs and the summary.
func (w *walker) members() error {
	blobs := false
	for {
		h, err := w.next()
		if err != nil {
			return err
		}
		if h.Name == summaryName {
			return w.take(h, maxText, w.decode(h.Name, &w.what.Summary))
		}
		if m := tableName.FindStringSubmatch(h.Name); m != nil && !blobs {
			err = w.take(h, maxChunk, func(r io.Reader) error { return w.sheet(m[1], r) })
		} else if m := blobName.FindStringSubmatch(h.Name); m != nil && w.what.Part == mainPart {
			blobs = true
			err = w.take(h, maxBlob, func(r io.Reader) error {
				if w.blob == nil {
					return nil
				}
				return w.blob(m[1], m[2], h.Size, r)
			})
		} else {
			err = damaged("%.100q does not belong there", h.Name)
		}
		if err != nil {
			return err
		}
	}
}

// sheet counts the rows that pass.
func (w *walker) sheet(table string, r io.Reader) error {
	var lines lineCounter
	r = io.TeeReader(r, &lines)
	var err error
	if w.table != nil {
		err = w.table(table, r)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	w.rows[table] += max(0, int64(lines)-1) // the first names the columns
	return err
}

type lineCounter int64

func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}

// digests compares what was read with the list of digests, and names the first
// member that differs.
func (w *walker) digests() error {
	h, err := w.next()
	if err != nil {
		return err
	}
	if h.Name != sumsName || h.Size > maxSums {
		return damaged("%.100q stands where the digests should", h.Name)
	}
	mine, _, err := w.sums.read()
	if err != nil {
		return err
	}
	theirs := bufio.NewReaderSize(w.tar, 64<<10)
	for {
		a, errA := mine.ReadString('\n')
		b, errB := readLine(theirs)
		if errors.Is(errB, io.ErrUnexpectedEOF) {
			return damaged("the file ends within %s: it was cut short", sumsName)
		}
		if a == b && errors.Is(errA, io.EOF) && errors.Is(errB, io.EOF) {
			w.last = sumsName
			return nil
		}
		if a == b && errA == nil && errB == nil {
			continue
		}
		_, name, _ := strings.Cut(strings.TrimSpace(a), "  ")
		_, should, _ := strings.Cut(strings.TrimSpace(b), "  ")
		if name == should {
			return damaged("%s is not as it was written", name)
		}
		return damaged("%.100q stands where %.100q should", name, should)
	}
}

// readLine reads a line of a list that may be hostile: none is longer than a
// digest and a name.
func readLine(r *bufio.Reader) (string, error) {
	b, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		err = io.EOF
	}
	return string(b), err
}

// end compares the counts, and refuses what follows.
func (w *walker) end() error {
	for table, n := range w.what.Tables {
		if w.rows[table] != n {
			return damaged("%d rows of %.60q are there, and %d were written", w.rows[table], table, n)
		}
	}
	for table := range w.rows {
		if _, ok := w.what.Tables[table]; !ok {
			return damaged("rows of %.60q are there, and none were written", table)
		}
	}
	if h, err := w.tar.Next(); err == nil {
		return damaged("%.100q follows the digests", h.Name)
	} else if !errors.Is(err, io.EOF) {
		return damaged("something follows the digests")
	}
	return nil
}

func fromBase64(s string) ([]byte, error) { return base64.StdEncoding.Strict().DecodeString(s) }

// rows reads the lines of a member: the columns' names, then each row.
func rows(r io.Reader, columns func(names []string) error, row func([]any) error) error {
	d := json.NewDecoder(r)
	d.UseNumber()
	var names []string
	if err := d.Decode(&names); err != nil {
		return jsonFault(err)
	}
	if err := columns(names); err != nil {
		return err
	}
	for {
		var line []any
		err := d.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return jsonFault(err)
		}
		if err := row(line); err != nil {
			return err
		}
	}
}

// jsonFault keeps what is wrong with the file apart from what is wrong with
// its text.
func jsonFault(err error) error {
	var s *json.SyntaxError
	var u *json.UnmarshalTypeError
	if errors.As(err, &s) || errors.As(err, &u) || errors.Is(err, io.EOF) {
		return damaged("a table: %s", err)
	}
	return err
}
