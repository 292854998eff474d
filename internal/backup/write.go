package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/durable"
)

// A part is one of the two files while it is written.
type part struct {
	tar   *tar.Writer
	sums  *spool
	sum   hash.Hash // of the whole file
	n     counter   // its length
	taken time.Time
	rows  map[string]int64
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func newPart(w io.Writer, h Header) (*part, error) {
	sums, err := newSpool()
	if err != nil {
		return nil, err
	}
	p := &part{sums: sums, sum: sha256.New(), taken: h.Taken, rows: map[string]int64{}}
	p.tar = tar.NewWriter(io.MultiWriter(w, p.sum, &p.n))
	return p, p.text(headerName, h)
}

// member adds a file.
func (p *part) member(name string, data []byte) error {
	sum := sha256.Sum256(data)
	return p.summed(name, data, hex.EncodeToString(sum[:]))
}

// summed adds a file whose digest is known.
func (p *part) summed(name string, data []byte, sum string) error {
	if err := p.tar.WriteHeader(p.header(name, int64(len(data)))); err != nil {
		return err
	}
	if _, err := p.tar.Write(data); err != nil {
		return err
	}
	return p.sums.line(sum, name)
}

func (p *part) header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: p.taken.Truncate(time.Second)}
}

func (p *part) text(name string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return p.member(name, append(b, '\n'))
}

// finish adds what was counted, and the digests, and ends the archive.
func (p *part) finish(s Summary) error {
	s.Tables = p.rows
	if err := p.text(summaryName, s); err != nil {
		return err
	}
	r, size, err := p.sums.read()
	if err != nil {
		return err
	}
	if err := p.tar.WriteHeader(p.header(sumsName, size)); err != nil {
		return err
	}
	if _, err := io.Copy(p.tar, r); err != nil {
		return err
	}
	return errors.Join(p.tar.Close(), p.sums.Close())
}

// A sheet writes the rows of one table as lines of JSON: the columns' names
// first, so that each member can be read alone.
type sheet struct {
	part    *part
	table   string
	columns []string
	n       int // members so far
	buf     bytes.Buffer
	enc     *json.Encoder
}

func (p *part) sheet(table string, columns []string) *sheet {
	s := &sheet{part: p, table: table, columns: columns}
	s.enc = json.NewEncoder(&s.buf)
	s.enc.SetEscapeHTML(false)
	return s
}

func (s *sheet) add(row []any) error {
	for i, v := range row {
		if text, ok := v.(string); ok && !utf8.ValidString(text) {
			return fmt.Errorf("table %s, column %s: a text is not UTF-8 and would not come back as it is", s.table, s.columns[i])
		}
	}
	if s.buf.Len() == 0 {
		if err := s.enc.Encode(s.columns); err != nil {
			return err
		}
	}
	if err := s.enc.Encode(row); err != nil {
		return fmt.Errorf("table %s: %w", s.table, err)
	}
	s.part.rows[s.table]++
	if s.buf.Len() < chunkSize {
		return nil
	}
	return s.flush()
}

func (s *sheet) flush() error {
	if s.buf.Len() == 0 {
		return nil
	}
	if s.buf.Len() > maxChunk {
		return fmt.Errorf("table %s has a row of %d bytes; at most %d can be restored", s.table, s.buf.Len(), maxChunk)
	}
	s.n++
	err := s.part.member(fmt.Sprintf("tables/%s/%06d.jsonl", s.table, s.n), s.buf.Bytes())
	s.buf.Reset()
	return err
}

// rowOf reads a line back into what its table holds.
func rowOf(line []any, columns []db.Column) error {
	if len(line) != len(columns) {
		return fmt.Errorf("a row of %d values, where there are %d columns", len(line), len(columns))
	}
	for i, c := range columns {
		if line[i] == nil {
			continue
		}
		ok := false
		switch c.Type {
		case "TEXT":
			_, ok = line[i].(string)
		case "BOOLEAN":
			_, ok = line[i].(bool)
		case "BIGINT":
			var n json.Number
			if n, ok = line[i].(json.Number); ok {
				x, err := n.Int64()
				line[i], ok = x, err == nil
			}
		case "BYTEA":
			var text string
			if text, ok = line[i].(string); ok {
				b, err := fromBase64(text)
				line[i], ok = b, err == nil
			}
		}
		if !ok {
			return fmt.Errorf("column %s: not a value of type %s", c.Name, c.Type)
		}
	}
	return nil
}

// A spool is lines that are written now and read once later: a backup of a
// million blobs has a million digests.
type spool struct {
	*durable.Spool
	w *bufio.Writer
}

func newSpool() (*spool, error) {
	f, err := durable.NewSpool()
	if err != nil {
		return nil, err
	}
	return &spool{f, bufio.NewWriterSize(f, 64<<10)}, nil
}

func (s *spool) line(sum, name string) error {
	_, err := fmt.Fprintf(s.w, "%s  %s\n", sum, name)
	return err
}

// read returns everything written, and how long it is.
func (s *spool) read() (*bufio.Reader, int64, error) {
	if err := s.w.Flush(); err != nil {
		return nil, 0, err
	}
	return bufio.NewReaderSize(s.Reader(), 64<<10), s.Size(), nil
}
