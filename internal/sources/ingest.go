package sources

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// MaxImport is how large a file may be when the operator says nothing else.
const MaxImport = 4 << 30

const guessed = 64 << 10 // bytes by which a format is guessed

// How a file is kept; tests make them smaller.
var (
	inOne     = blob.MaxSize // bytes of a file that is one blob
	filePiece = 16 << 20     // of a file that is kept in pieces
)

// Feed adds the formats of files that can become runs, the ones that are told
// most surely first, and how many bytes such a file may have: MaxImport if 0.
func (r *Reader) Feed(max int64, importers ...Importer) {
	if max <= 0 {
		max = MaxImport
	}
	r.importers, r.maxFile = importers, max
}

// Formats lists the formats of files that can become runs.
func (r *Reader) Formats() []string {
	var out []string
	for _, m := range r.importers {
		out = append(out, m.Format())
	}
	return out
}

func (r *Reader) importer(format string) (Importer, error) {
	for _, m := range r.importers {
		if m.Format() == format {
			return m, nil
		}
	}
	return nil, fault.Invalid("format", "there is no format %q: formats are %s", format, strings.Join(r.Formats(), ", "))
}

// A Delivery says what is known of a file that is handed in.
type Delivery struct {
	Name    string
	Format  string // guessed if empty
	Source  string // found by tool and target, or connected, if empty
	SkipBad bool   // leave out what cannot be taken, and say so in the run
	// Queue lets a worker read it. Otherwise the caller goes on with Import.
	Queue bool
	// Statement is what is said of a table: see the type of that name.
	Statement json.RawMessage
}

// Deliver stores a file and says what it looks like. Nothing of it is a run
// until it was read.
func (r *Reader) Deliver(ctx context.Context, desk *op.Desk, d Delivery, from io.Reader) (Import, error) {
	if err := desk.Actor.Require(auth.SourcesWrite); err != nil {
		return Import{}, err
	}
	i := Import{Name: plainName(d.Name), Format: d.Format, SkipBad: d.SkipBad}
	if d.Source != "" {
		var err error
		if i.Source, err = id.Parse[id.Source](d.Source); err != nil {
			return Import{}, fault.Invalid("source", "give the id of a source, src_…, or leave it out").With(err)
		}
	}
	spool, err := durable.NewSpool()
	if err != nil {
		return Import{}, err
	}
	defer spool.Close()
	sum := sha256.New()
	i.Size, err = io.Copy(io.MultiWriter(spool, sum), &bounded{from: from, left: r.maxFile, max: r.maxFile})
	if err != nil {
		return Import{}, err
	}
	if i.Size == 0 {
		return Import{}, fault.Invalid("file", "the file is empty")
	}
	i.SHA256 = hex.EncodeToString(sum.Sum(nil))
	head := make([]byte, min(i.Size, guessed))
	if _, err := spool.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Import{}, err
	}
	if i.Format, i.Looks, err = r.guess(i.Name, d.Format, head); err != nil {
		return Import{}, err
	}
	if i.address, i.pieced, err = lay(ctx, desk, spool); err != nil {
		return Import{}, err
	}
	return begin.Do(ctx, desk, arrival{i, d.Queue, d.Statement})
}

// guess finds the format of a file, unless it was given, and what it says of
// itself.
func (r *Reader) guess(name, given string, head []byte) (format, looks string, err error) {
	var found Importer
	if given != "" {
		if found, err = r.importer(given); err != nil {
			return "", "", err
		}
	}
	for _, m := range r.importers {
		if found == nil && m.Guess(name, head) {
			found = m
		}
	}
	if found == nil {
		return "", "", fault.Invalid("format", "%s looks like none of the formats that can be read: %s. Give the format if you know it", name, strings.Join(r.Formats(), ", "))
	}
	looks = strings.ToUpper(found.Format())
	if k, known := KindOf(found.Format()); known {
		looks = k.Title
	}
	if d, can := found.(Describer); can {
		if said := clip(cleanText(d.Describe(name, head))); said != "" {
			looks = said
		}
	}
	return found.Format(), looks, nil
}

// lay puts a file into the vault: in one blob if it fits, else in pieces and
// the list that names them.
func lay(ctx context.Context, desk *op.Desk, spool *durable.Spool) (address string, pieced bool, err error) {
	store := func(data []byte) (blob.Sealed, error) {
		return desk.Vault.Store(ctx, desk.Org, data, clock.Truncate(desk.Clock.Now()))
	}
	from, size := spool.Reader(), spool.Size()
	if size <= int64(inOne) {
		data := make([]byte, size)
		if _, err := io.ReadFull(from, data); err != nil {
			return "", false, err
		}
		s, err := store(data)
		return s.Address, false, err
	}
	buf, list := make([]byte, filePiece), canon.Chunks{}
	for left := size; left > 0; {
		n, err := io.ReadFull(from, buf[:min(left, int64(filePiece))])
		if err != nil {
			return "", false, err
		}
		s, err := store(buf[:n])
		if err != nil {
			return "", false, err
		}
		list = append(list, canon.Chunk{SHA256: s.SHA256, Size: s.Size})
		left -= int64(n)
	}
	text, err := list.Encode()
	if err != nil {
		return "", false, err
	}
	s, err := store(text)
	return s.Address, true, err
}

// ImportWorker reads files that were handed in.
func (r *Reader) ImportWorker() job.Worker {
	return job.New(ImportJob, 3, func(ctx context.Context, run *job.Run, in reading) error {
		desk := run.Machine(run.Org, "importer", auth.SourcesRead, auth.SourcesWrite, auth.EvidenceWrite)
		_, err := r.take(ctx, desk, intaking{in.Import, run.Progress, true, run})
		if fault.KindOf(err) == fault.KindInvalid {
			run.Log.Warn("a file was not taken", "import", in.Import, "err", err)
			return nil // it is on record, and the file will be no better
		}
		return err
	})
}

// Import reads a file that was delivered, and records the run. A file that
// cannot be taken leaves nothing but the reason. Doing it twice does nothing
// twice.
func (r *Reader) Import(ctx context.Context, desk *op.Desk, file id.Upload, progress func(done, about int, what string), evaluate bool) (Run, error) {
	return r.take(ctx, desk, intaking{file: file, progress: progress, evaluate: evaluate})
}

// intaking is the reading of one file.
type intaking struct {
	file     id.Upload
	progress func(done, about int, what string)
	evaluate bool
	job      *job.Run // that does it; nil if somebody waits for it
}

func (r *Reader) take(ctx context.Context, desk *op.Desk, w intaking) (Run, error) {
	i, err := ImportGet.Do(ctx, desk, Ref{string(w.file)})
	if err != nil {
		return Run{}, err
	}
	switch {
	case i.Run != "":
		return RunGet.Do(ctx, desk, Ref{string(i.Run)})
	case i.Refused != "":
		return Run{}, fault.Invalid("file", "%s", i.Refused)
	}
	m, err := r.importer(i.Format)
	if err != nil {
		return Run{}, err
	}
	var s Source
	if i.Source != "" {
		if s, err = Get.Do(ctx, desk, Ref{string(i.Source)}); err != nil {
			return Run{}, err
		}
	}
	settings := s.Settings
	if i.Format == KindFile {
		// Without a mapping the file waits for one, see imports.read.
		if i.Source == "" {
			return Run{}, fault.Invalid("source", "say which source of kind file it feeds: its mapping says what the columns mean")
		}
		if settings, err = telling.Do(ctx, desk, toldOf{i.Source, i.ID}); err != nil {
			return Run{}, err
		}
	}
	h := harvest{Source: s, Collector: m.Format() + "/" + m.Version(), Started: desk.Clock.Now(), Evaluate: w.evaluate, file: &i, job: w.job}
	in := NewIntake(r.schemas, desk.Clock, nil)
	defer in.Close()
	in.skip = i.SkipBad
	from := &counted{from: &laid{ctx: ctx, desk: desk, file: i}, about: i.Size, tell: w.progress, in: in}
	if err := guardImport(ctx, desk.Log, m, from, settings, in); err != nil {
		return Run{}, r.turnDown(ctx, desk, i, h, err)
	}
	if n := in.LeftOut(); n > 0 && in.Held() == 0 { // a run without any would say that nothing is wrong any more
		return Run{}, r.turnDown(ctx, desk, i, h, fault.Invalid("file", "none of its %d rows can be taken, so there is nothing to leave them out of: %s", n, in.Missings()[0].Reason))
	}
	in.Scope("file", i.Name)
	in.Scope("file_bytes", strconv.FormatInt(i.Size, 10))
	in.Scope("file_sha256", i.SHA256)
	if n := in.LeftOut(); n > 0 {
		in.Scope("left_out", strconv.FormatInt(n, 10))
	}
	if i.Source == "" {
		scope := in.Scopes()
		if h.Source, err = feed.Do(ctx, desk, feeding{i.Format, scope["tool"], scope["target"], i.ID, w.job}); err != nil {
			return Run{}, err
		}
	}
	h.Ended, h.Missing, h.Scope = desk.Clock.Now(), in.Missings(), in.Scopes()
	return h.finish(ctx, desk, in)
}

// turnDown puts on record that a file was not taken: as a run of its source
// that saw nothing, where it has one.
func (r *Reader) turnDown(ctx context.Context, desk *op.Desk, i Import, h harvest, err error) error {
	f := fault.As(err)
	if ctx.Err() != nil || f == nil || f.Kind != fault.KindInvalid {
		return err
	}
	said := fault.Invalid("file", "%s: %s", i.Name, f.Message).With(err)
	if i.Source != "" {
		if _, err := Fail.Do(ctx, desk, Failure{Source: h.Source, Collector: h.Collector, Started: h.Started, Err: said, job: h.job}); err != nil {
			return err
		}
	}
	if _, err := refuse.Do(ctx, desk, refusal{i.ID, said.Message, h.job}); err != nil {
		return err
	}
	return said
}

// guardImport turns an importer's panic into a refusal of the file.
func guardImport(ctx context.Context, log *slog.Logger, m Importer, from io.Reader, settings json.RawMessage, in *Intake) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("importer", "format", m.Format(), "panic", p, "stack", string(debug.Stack()))
			err = fault.Invalid("file", "the importer for %s failed on it: %v", m.Format(), p)
		}
	}()
	if len(settings) == 0 {
		settings = json.RawMessage("{}")
	}
	if err := m.Import(ctx, from, settings, in); err != nil {
		return err
	}
	return in.Err()
}

// WriteFile writes the bytes of a file that was handed in, piece by piece.
func WriteFile(ctx context.Context, desk *op.Desk, i Import, w io.Writer) error {
	_, err := io.Copy(w, &laid{ctx: ctx, desk: desk, file: i})
	return err
}

// laid reads a file from the vault, holding one piece of it.
type laid struct {
	ctx  context.Context
	desk *op.Desk
	file Import

	open bool
	list canon.Chunks
	now  bytes.Reader
}

func (l *laid) Read(p []byte) (int, error) {
	if !l.open {
		data, err := l.desk.Vault.Get(l.ctx, l.desk.Org, l.file.address)
		if err != nil {
			return 0, err
		}
		if l.open = true; !l.file.pieced {
			l.now.Reset(data)
		} else if l.list, err = canon.ParseChunks(data); err != nil {
			return 0, err
		}
	}
	for l.now.Len() == 0 {
		if len(l.list) == 0 {
			return 0, io.EOF
		}
		at, err := l.desk.Vault.AddressOf(l.ctx, l.desk.Org, l.list[0].SHA256)
		if err != nil {
			return 0, err
		}
		data, err := l.desk.Vault.Get(l.ctx, l.desk.Org, at)
		if err != nil {
			return 0, err
		}
		l.list = l.list[1:]
		l.now.Reset(data)
	}
	return l.now.Read(p)
}

// counted says how far a file has been read, in MiB, and how much it held.
type counted struct {
	from  io.Reader
	in    *Intake
	about int64
	done  int64
	told  int64
	tell  func(done, about int, what string)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.done += int64(n)
	if c.tell != nil && (c.done-c.told >= 4<<20 || c.told == 0 && n > 0) {
		c.told = c.done
		c.tell(int(c.done>>20), int((c.about+1<<20-1)>>20), fmt.Sprintf("Reading the file, in MiB; %d rows so far", c.in.Count()))
	}
	return n, err
}

// bounded refuses what is longer than the operator accepts.
type bounded struct {
	from      io.Reader
	left, max int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, tooMuch(b.max)
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return 0, tooMuch(b.max)
	}
	return n, err
}

func tooMuch(max int64) error {
	return fault.Invalid("file", "the file is larger than %d MiB, which is the most that is accepted here: split it, or have whoever runs the server raise --max-import", max>>20)
}

// plainName is the last part of a file's name, in print.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u202e' || r == '\ufeff' {
			return -1
		}
		return r
	}, cleanText(filepath.Base(strings.ReplaceAll(name, `\`, "/"))))
	if r := []rune(name); len(r) > 200 {
		name = string(r[:199]) + "…"
	}
	if name == "" || name == "." || name == "/" || name == "-" {
		return "standard input"
	}
	return name
}
