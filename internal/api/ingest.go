package api

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
)

// A File is what is known of a file that is handed in to become a run.
type File struct {
	Name, Format, Source string
	SkipBad              bool
	Statement            string // what is said of a table, in JSON
}

// maxFiling bounds how many files are on their way in; each takes disk, not
// memory.
const maxFiling = 16

// stalled is how long a body may bring nothing.
const stalled = time.Minute

// ingest takes a file of any size, as the body or as the part "file" of a form,
// and puts it in line to be read. The answer says where to look.
func (s *server) ingest(w http.ResponseWriter, r *http.Request) {
	desk, err := s.desk(r, auth.SourcesWrite)
	if err != nil {
		s.refuse(w, r, nil, err)
		return
	}
	select {
	case s.filing <- struct{}{}:
		defer func() { <-s.filing }()
	case <-r.Context().Done():
		return
	}
	c := http.NewResponseController(w)
	c.SetWriteDeadline(time.Time{}) // where the server allows it
	body := &patient{r.Body, c}
	out, err := func() (any, error) {
		f, from, err := fileOf(r, body)
		if err != nil {
			return nil, err
		}
		return s.extra.Ingest(r.Context(), desk, f, from)
	}()
	c.SetReadDeadline(time.Time{})
	if err != nil {
		s.refuse(w, r, nil, cutShort(err))
		return
	}
	s.answer(w, r, nil, http.StatusAccepted, out)
}

func cutShort(err error) error {
	if fault.As(err) == nil && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errBody)) {
		return fault.Invalid("", "the body was cut short").With(err)
	}
	return err
}

var errBody = errors.New("the body cannot be read")

// patient lets a body take as long as it likes, as long as it goes on.
type patient struct {
	from io.Reader
	c    *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	p.c.SetReadDeadline(clock.System().Now().Add(stalled))
	n, err := p.from.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errors.Join(errBody, err)
	}
	return n, err
}

// fileOf finds the file in a request: what is said of it stands in the query.
func fileOf(r *http.Request, body io.Reader) (File, io.Reader, error) {
	q := r.URL.Query()
	f := File{Name: q.Get("name"), Format: q.Get("format"), Source: r.PathValue("id"), Statement: q.Get("statement")}
	var err error
	if text := q.Get("skip_bad"); text != "" {
		if f.SkipBad, err = strconv.ParseBool(text); err != nil {
			return f, nil, fault.Invalid("skip_bad", "give true or false")
		}
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return f, body, nil
	}
	if params["boundary"] == "" {
		return f, nil, fault.Invalid("", "a form needs its boundary in the Content-Type header")
	}
	parts := multipart.NewReader(body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return f, nil, fault.Invalid("file", "send the file as the part named file")
		}
		if err != nil {
			return f, nil, errors.Join(errBody, err)
		}
		if part.FormName() != "file" {
			continue
		}
		if f.Name == "" {
			f.Name = part.FileName()
		}
		return f, part, nil
	}
}
