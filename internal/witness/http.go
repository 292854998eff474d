package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/cosign"
)

const sizeType = "text/x.tlog.size"

// Handler answers logs and their readers. What goes wrong on our side is told
// to failed and to nobody else.
func (w *Witness) Handler(failed func(error)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
		if err != nil {
			http.Error(rw, fmt.Sprintf("want at most %d bytes", maxRequest), http.StatusBadRequest)
			return
		}
		line, err := w.Add(body)
		var no *refusal
		switch {
		case errors.As(err, &no) && no.code == http.StatusConflict:
			rw.Header().Set("Content-Type", sizeType)
			rw.WriteHeader(no.code)
			fmt.Fprintf(rw, "%d\n", no.size)
		case errors.As(err, &no):
			http.Error(rw, no.text, no.code)
		case err != nil:
			failed(err)
			http.Error(rw, "the witness could not keep the checkpoint, so it does not cosign it", http.StatusInternalServerError)
		default:
			plain(rw, line)
		}
	})
	mux.HandleFunc("GET /{hash}/checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		n, ok := w.Newest(r.PathValue("hash"))
		if !ok {
			http.Error(rw, "no checkpoint of this log was cosigned here", http.StatusNotFound)
			return
		}
		plain(rw, n)
	})
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, _ *http.Request) {
		plain(rw, "A witness of logs (C2SP tlog-witness).\n\n"+w.key.String()+"\n\n"+strings.Join(w.Origins(), "\n")+"\n")
	})
	return mux
}

func plain(rw http.ResponseWriter, text string) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(rw, text)
}

// A Client asks one witness.
type Client struct {
	HTTP *http.Client
	URL  string // before /add-checkpoint
	Key  cosign.Key
}

// NewHTTP is a client that gives up in time and follows nobody elsewhere.
func NewHTTP(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Ahead says that a witness has cosigned more of a log than there is: the log
// was put back to an earlier day, or another goes by its name.
type Ahead struct{ Size int64 }

func (a *Ahead) Error() string {
	return fmt.Sprintf("the witness has cosigned %d entries, more than there are", a.Size)
}

// Add has a signed checkpoint cosigned. Old is how much of the log the witness
// has seen, as far as we remember; proof builds the consistency proof from a
// size to the checkpoint's.
func (c *Client) Add(ctx context.Context, old, size int64, signed []byte, proof func(from int64) (tlog.TreeProof, error)) (cosign.Cosignature, error) {
	for range 3 {
		body, err := requestBody(old, size, signed, proof)
		if err != nil {
			return cosign.Cosignature{}, err
		}
		answer, code, kind, err := c.ask(ctx, http.MethodPost, "/add-checkpoint", body)
		switch {
		case err != nil:
			return cosign.Cosignature{}, err
		case code == http.StatusOK:
			return c.mine(answer, signed)
		case code != http.StatusConflict || kind != sizeType:
			return cosign.Cosignature{}, fmt.Errorf("the witness answers %d: %s", code, short(answer))
		}
		old, err = strconv.ParseInt(strings.TrimSuffix(answer, "\n"), 10, 64)
		if err != nil || old < 0 {
			return cosign.Cosignature{}, fmt.Errorf("the witness names no size it has seen: %s", short(answer))
		}
		if old > size {
			return cosign.Cosignature{}, &Ahead{old}
		}
	}
	return cosign.Cosignature{}, errors.New("the witness names another size each time: somebody else submits this log's checkpoints")
}

func requestBody(old, size int64, signed []byte, proof func(int64) (tlog.TreeProof, error)) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	if old > 0 && old < size {
		hashes, err := proof(old)
		if err != nil {
			return nil, err
		}
		for _, h := range hashes {
			fmt.Fprintln(&b, h)
		}
	}
	b.WriteByte('\n')
	b.Write(signed)
	return b.Bytes(), nil
}

// mine finds the witness's line in an answer and checks it.
func (c *Client) mine(answer string, signed []byte) (cosign.Cosignature, error) {
	text, _, ok := cutNote(string(signed))
	if !ok {
		return cosign.Cosignature{}, errors.New("no signed checkpoint")
	}
	for line := range strings.Lines(answer) {
		s, err := cosign.ParseLine(strings.TrimSuffix(line, "\n"))
		if err != nil || !s.By(c.Key) {
			continue // of a key that we do not know
		}
		return s, s.Verify(c.Key, text)
	}
	return cosign.Cosignature{}, fmt.Errorf("the witness answers without a cosignature of %s", c.Key.Name)
}

// Newest returns the newest checkpoint that the witness has cosigned of a log,
// with the signatures that the caller has to check; "" if there is none.
func (c *Client) Newest(ctx context.Context, origin string) (string, error) {
	answer, code, _, err := c.ask(ctx, http.MethodGet, "/"+cosign.OriginHash(origin)+"/checkpoint", nil)
	if err != nil || code == http.StatusNotFound {
		return "", err
	}
	if code != http.StatusOK {
		return "", fmt.Errorf("the witness answers %d: %s", code, short(answer))
	}
	if _, err := c.mine(answer, []byte(answer)); err != nil {
		return "", err
	}
	return answer, nil
}

func (c *Client) ask(ctx context.Context, method, path string, body []byte) (answer string, code int, kind string, err error) {
	if c.HTTP.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.HTTP.Timeout)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return "", 0, "", err
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return "", 0, "", err
	}
	defer res.Body.Close()
	// What was asked for as HTTP and answered by a change of protocol (101) does not
	// end with the request's context by itself.
	defer context.AfterFunc(ctx, func() { res.Body.Close() })()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxCheckpoint))
	return string(b), res.StatusCode, res.Header.Get("Content-Type"), err
}

// short is what a stranger answered, fit for a message.
func short(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s[:min(len(s), 200)])
}
