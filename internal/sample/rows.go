package sample

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxRow is the longest row, in bytes.
const MaxRow = 1024

// A Digester digests a population row by row, so that it need not be held in
// memory. A row that Add refuses is not part of the digest.
type Digester struct {
	hash  hash.Hash
	buf   []byte
	last  string // item of the row before
	count int
}

// NewDigester returns a digester that has seen no row.
func NewDigester() *Digester { return &Digester{hash: sha256.New()} }

// Add takes the next row: an item id, alone or with a TAB and a second column.
// Rows come in ascending order of their ids as bytes, each id once.
func (d *Digester) Add(row string) error {
	if err := checkRow(row); err != nil {
		return err
	}
	item := ItemOf(row)
	if d.count > 0 && item <= d.last {
		if item == d.last {
			return fmt.Errorf("item %s is there twice; each item of a population has an id of its own", quote(item))
		}
		return fmt.Errorf("item %s comes after %s; rows are in ascending order of their ids as bytes", quote(item), quote(d.last))
	}
	d.buf = append(append(d.buf[:0], row...), '\n')
	d.hash.Write(d.buf)
	d.last = item
	d.count++
	return nil
}

// Sum is the digest of the rows so far. That of an empty population is the
// SHA-256 of one line end.
func (d *Digester) Sum() [32]byte {
	if d.count == 0 {
		return sha256.Sum256([]byte("\n"))
	}
	return [32]byte(d.hash.Sum(nil))
}

// Count is the number of rows so far.
func (d *Digester) Count() int { return d.count }

// Digest digests rows given in any order.
func Digest(rows []string) ([32]byte, error) {
	// Whole rows sort as their ids do: no byte that a row may hold is below TAB.
	rows = slices.Clone(rows)
	slices.Sort(rows)
	d := NewDigester()
	for _, row := range rows {
		if err := d.Add(row); err != nil {
			return [32]byte{}, err
		}
	}
	return d.Sum(), nil
}

// ItemOf is the item id of a row.
func ItemOf(row string) string {
	item, _, _ := strings.Cut(row, "\t")
	return item
}

// Row is the row of an item whose record is committed to.
func Row(item string, commitment [32]byte) string {
	return item + "\t" + hex.EncodeToString(commitment[:])
}

// checkRow refuses what two programs might read differently.
func checkRow(row string) error {
	if len(row) > MaxRow {
		return fmt.Errorf("row %s is %d bytes long; at most %d are allowed", quote(row), len(row), MaxRow)
	}
	item, second, two := strings.Cut(row, "\t")
	switch {
	case item == "":
		return fmt.Errorf("row %s has no item id; a row is an id, alone or with a TAB and a second column", quote(row))
	case two && second == "":
		return fmt.Errorf("row %s ends with a TAB; a row is an id, alone or with a TAB and a second column", quote(row))
	}
	for _, part := range []string{item, second} {
		if reason := unfit(part); reason != "" {
			return fmt.Errorf("row %s %s; a row is UTF-8 without control characters but for one TAB", quote(row), reason)
		}
	}
	return nil
}

// unfit says what about a text keeps it from being one unambiguous line.
func unfit(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case strings.HasPrefix(s, mark):
		return "begins with a byte order mark"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "holds a control character"
	}
	return ""
}

// mark is the byte order mark that some programs put before UTF-8.
const mark = "\ufeff"
