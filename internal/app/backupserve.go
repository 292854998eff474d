package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// What the socket answers beside the operations: the installation itself, to
// whoever has its directory in hand anyway.
const (
	backupPath = op.Base + "/backup"
	recordPath = op.Base + "/backup/record"
)

// Frames of the one stream in which both files travel, with word of how far it
// is: a letter, the length in four bytes, and so many bytes. The last is a
// result or an error; a stream without one was cut.
const (
	frameMain     = 'm'
	frameSecrets  = 's'
	frameProgress = 'p'
	frameResult   = 'r'
	frameError    = 'e'

	maxFrame = 1 << 20
)

// beside answers for backups, and lets everything else through.
func (a *App) beside(next http.Handler) http.Handler {
	var one sync.Mutex
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("POST "+backupPath, func(w http.ResponseWriter, r *http.Request) {
		if !one.TryLock() {
			refuse(w, fault.Conflict("Another backup is being made. Wait for its end."))
			return
		}
		defer one.Unlock()
		a.sendBackup(w, r)
	})
	mux.HandleFunc("POST "+recoverPath, a.sendWay)
	mux.HandleFunc("POST "+recordPath, func(w http.ResponseWriter, r *http.Request) {
		var res backup.Result
		if err := json.NewDecoder(io.LimitReader(r.Body, 64<<20)).Decode(&res); err != nil {
			refuse(w, fault.Invalid("", "send the result of a backup as JSON").With(err))
			return
		}
		if err := backup.Record(r.Context(), a.Engine, res); err != nil {
			refuse(w, err)
		}
	})
	return mux
}

// refuse answers as the API does. Who opens the socket may know the reason.
func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusConflict)
	_ = json.NewEncoder(w).Encode(map[string]string{"detail": err.Error()}) // a client that is gone
}

// framer writes frames of one kind; the lock is that of the stream.
type framer struct {
	mu   *sync.Mutex
	w    io.Writer
	kind byte
}

func (f framer) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sent := 0
	for {
		n := min(len(p)-sent, maxFrame)
		head := binary.BigEndian.AppendUint32([]byte{f.kind}, uint32(n))
		if _, err := f.w.Write(append(head, p[sent:sent+n]...)); err != nil {
			return sent, err
		}
		if sent += n; sent == len(p) {
			return sent, nil
		}
	}
}

func (a *App) sendBackup(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	var mu sync.Mutex
	frames := func(kind byte) framer { return framer{&mu, w, kind} }
	main, secrets := bufio.NewWriterSize(frames(frameMain), 256<<10), bufio.NewWriterSize(frames(frameSecrets), 64<<10)
	made, err := backup.Make(r.Context(), a.Engine, main, secrets, func(p backup.Progress) {
		if b, err := json.Marshal(p); err == nil {
			_, _ = frames(frameProgress).Write(b) // whoever watches is served by the files alone
		}
	})
	if err = errors.Join(err, main.Flush(), secrets.Flush()); err != nil {
		a.Log.Error("backup", "err", err)
		_, _ = frames(frameError).Write([]byte(err.Error()))
		return
	}
	b, err := json.Marshal(made)
	if err == nil {
		_, err = frames(frameResult).Write(b)
	}
	if err != nil {
		a.Log.Error("backup", "err", err)
	}
}

// fetchBackup has the server that holds the directory make a backup.
func fetchBackup(ctx context.Context, client *http.Client, main, secrets io.Writer, say func(backup.Progress)) (made *backup.Made, err error) {
	err = askLocal(ctx, client, backupPath, nil, func(r io.Reader) error {
		made, err = receive(bufio.NewReaderSize(r, 256<<10), main, secrets, say)
		return err
	})
	return made, err
}

// receive takes the stream apart. The result may be long: it counts for each
// organization.
func receive(r *bufio.Reader, main, secrets io.Writer, say func(backup.Progress)) (*backup.Made, error) {
	var result bytes.Buffer
	for {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if result.Len() == 0 || !errors.Is(err, io.EOF) {
				return nil, errors.New("the server stopped before the backup was whole")
			}
			var made backup.Made
			return &made, json.Unmarshal(result.Bytes(), &made)
		}
		body := io.LimitReader(r, int64(binary.BigEndian.Uint32(head[1:])))
		var err error
		switch head[0] {
		case frameMain:
			_, err = io.Copy(main, body)
		case frameSecrets:
			_, err = io.Copy(secrets, body)
		case frameResult:
			_, err = io.Copy(&result, body)
		case frameProgress:
			var p backup.Progress
			if b, e := io.ReadAll(body); e == nil && json.Unmarshal(b, &p) == nil {
				say(p)
			}
		case frameError:
			b, _ := io.ReadAll(body)
			return nil, errors.New(string(b))
		default:
			err = fmt.Errorf("the server answers with %q, which is no part of a backup", head[0])
		}
		if err != nil {
			return nil, err
		}
	}
}

// askLocal sends a request to the socket and hands over the answer.
func askLocal(ctx context.Context, client *http.Client, path string, body []byte, take func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://tickmark"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	return answerOf(client, req, take)
}
