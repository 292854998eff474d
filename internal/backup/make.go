package backup

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Progress is how far a backup or restore is.
type Progress struct {
	What  string `json:"what"`
	Rows  int64  `json:"rows"`
	Blobs int64  `json:"blobs"`
	Bytes int64  `json:"bytes"`
}

// Made is a backup that was written.
type Made struct {
	Header
	Summary
	Started time.Time `json:"started"`
	Main    Digest    `json:"main"`
	Secrets Digest    `json:"secrets"`
}

// Digest is of one of the two files.
type Digest struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// maker writes both files.
type maker struct {
	ctx     context.Context
	engine  *op.Engine
	main    *part
	secrets *part
	sum     Summary
	blobs   *spool
	say     func(Progress)
	done    Progress
}

// Make writes the two files of a backup while others go on writing: the rows
// as of one moment, then the blobs that these rows speak of. It keeps nothing
// in memory that grows with the installation, but what it counts for each
// organization.
func Make(ctx context.Context, e *op.Engine, main, secrets io.Writer, say func(Progress)) (*Made, error) {
	if say == nil {
		say = func(Progress) {}
	}
	started := clock.Truncate(e.Clock.Now())
	// So that the newest checkpoint covers the newest entry. A log that is
	// read-only is copied as it stands.
	if err := e.Ledger.SealAll(ctx); err != nil {
		e.Log.Warn("backup: not every log could be signed first", "err", err)
	}
	m := &maker{ctx: ctx, engine: e, say: say}
	m.done.What = "rows"
	h := Header{Format: format, ID: id.New[id.Backup](started), Taken: started}
	var err error
	if m.blobs, err = newSpool(); err != nil {
		return nil, err
	}
	defer m.close()
	if err := e.DB.Snapshot(ctx, func(tx *db.Tx) error { return m.rows(tx, &h, main, secrets) }); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	if err := m.secrets.finish(m.sum); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	if err := m.copyBlobs(); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	if err := m.main.finish(m.sum); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	m.sum.Tables = m.main.rows
	h.Part = mainPart
	return &Made{Header: h, Summary: m.sum, Started: started, Main: m.main.digest(), Secrets: m.secrets.digest()}, nil
}

// close lets go of the temporary files of a backup that came to no end.
func (m *maker) close() {
	_ = m.blobs.Close()
	for _, p := range []*part{m.main, m.secrets} {
		if p != nil {
			_ = p.sums.Close() // a second time where it was finished
		}
	}
}

func (p *part) digest() Digest { return Digest{hex.EncodeToString(p.sum.Sum(nil)), int64(p.n)} }

// rows writes every table into the file where it belongs.
func (m *maker) rows(tx *db.Tx, h *Header, main, secrets io.Writer) error {
	var err error
	if h.Schema, err = tx.Schema(); err != nil { // and the snapshot has begun
		return err
	}
	h.Part = mainPart
	if m.main, err = newPart(main, *h); err != nil {
		return err
	}
	h.Part = secretsPart
	if m.secrets, err = newPart(secrets, *h); err != nil {
		return err
	}
	tables, err := tx.Tables()
	if err != nil {
		return err
	}
	for _, t := range tables {
		if slices.Contains(left, t.Name) {
			continue
		}
		if err := m.table(tx, t); err != nil {
			return err
		}
	}
	slices.SortFunc(m.sum.Logs, func(a, b Log) int { return cmp.Or(cmp.Compare(a.Org, b.Org), cmp.Compare(a.Epoch, b.Epoch)) })
	return nil
}

func (m *maker) table(tx *db.Tx, t db.Table) error {
	to := m.main
	if _, ok := apart[t.Name]; ok {
		to = m.secrets
	}
	if t.Name == blobTable {
		return m.blobRows(tx, t)
	}
	out, names := to.sheet(t.Name, t.Names()), t.Names()
	err := tx.Dump(t, func(row []any) error {
		m.note(t.Name, names, row)
		if m.done.Rows++; m.done.Rows%5000 == 0 {
			m.say(m.done)
		}
		return out.add(row)
	})
	if err != nil {
		return err
	}
	return out.flush()
}

// blobRows parts the table: the row into one file, its key into the other, and
// the name of its object into the list of what is copied next.
func (m *maker) blobRows(tx *db.Tx, t db.Table) error {
	at := func(column string) int { return slices.Index(t.Names(), column) }
	org, address, sealed, key := at("org_id"), at("address"), at("sealed_sha256"), at(keyColumn)
	out, keys := m.main.sheet(blobTable, slices.Delete(t.Names(), key, key+1)), m.secrets.sheet(keysTable, keysColumns)
	err := tx.Dump(t, func(row []any) error {
		m.done.Rows++
		if err := keys.add([]any{row[org], row[address], row[sealed], row[key]}); err != nil {
			return err
		}
		if err := m.blobs.line(row[sealed].(string), row[org].(string)+" "+row[address].(string)); err != nil {
			return err
		}
		return out.add(slices.Delete(slices.Clone(row), key, key+1))
	})
	return errors.Join(err, out.flush(), keys.flush())
}

// note keeps of a log's rows what the summary says.
func (m *maker) note(table string, names []string, row []any) {
	get := func(column string) any { return row[slices.Index(names, column)] }
	switch table {
	case "ledger_log":
		l := m.log(get("org_id"), get("id"))
		l.Origin, l.Epoch, l.Generation = get("origin").(string), get("epoch").(int64), get("generation").(int64)
		l.Key = bytes.Clone(get("public_key").([]byte))
	case "ledger_head":
		l := m.log(get("org_id"), get("log_id"))
		l.Size, l.Recorded = get("size").(int64), clock.FromMillis(get("recorded").(int64))
	case "ledger_checkpoint":
		if l := m.log(get("org_id"), get("log_id")); get("size").(int64) > l.Signed {
			l.Signed, l.Checkpoint = get("size").(int64), get("note").(string)
		}
	}
}

// log finds a log, or begins one: its rows come in no order of tables.
func (m *maker) log(org, log any) *Log {
	if l := m.sum.log(org.(string), log.(string)); l != nil {
		return l
	}
	m.sum.Logs = append(m.sum.Logs, Log{Org: id.Org(org.(string)), ID: id.Log(log.(string))})
	return &m.sum.Logs[len(m.sum.Logs)-1]
}

// copyBlobs adds the ciphertext of every row, whose key it never sees.
func (m *maker) copyBlobs() error {
	r, _, err := m.blobs.read()
	if err != nil {
		return err
	}
	m.done.What = "evidence"
	var buf bytes.Buffer
	for {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			m.say(m.done)
			return nil
		}
		if err != nil {
			return err
		}
		sealed, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		org, address, _ := strings.Cut(rest, " ")
		if err := m.copyBlob(&buf, id.Org(org), address, sealed); err != nil {
			return err
		}
	}
}

func (m *maker) copyBlob(buf *bytes.Buffer, org id.Org, address, sealed string) error {
	name, err := blob.ObjectName(address, sealed)
	if err != nil {
		return m.absent(org, address, "its row gives no digest")
	}
	err = m.fetch(buf, name)
	if errors.Is(err, fs.ErrNotExist) {
		var kept bool
		err := m.engine.DB.Read(m.ctx, string(org), func(tx *db.Tx) (err error) {
			kept, err = blob.Kept(tx, org, address)
			return err
		})
		if err != nil {
			return err
		}
		if !kept {
			return m.absent(org, address, "it was erased while the backup was made")
		}
		return m.absent(org, address, noObject)
	}
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(buf.Bytes()); hex.EncodeToString(sum[:]) != sealed {
		return m.absent(org, address, "its bytes in the store are not those that were stored")
	}
	if err := m.main.summed("blobs/"+string(org)+"/"+name, buf.Bytes(), sealed); err != nil {
		return err
	}
	i := slices.IndexFunc(m.sum.Orgs, func(o Org) bool { return o.Org == org })
	if i < 0 {
		i, m.sum.Orgs = len(m.sum.Orgs), append(m.sum.Orgs, Org{Org: org})
	}
	m.sum.Orgs[i].Blobs++
	m.sum.Orgs[i].Bytes += int64(buf.Len())
	m.done.Blobs++
	if m.done.Bytes += int64(buf.Len()); m.done.Blobs%64 == 0 {
		m.say(m.done)
	}
	return nil
}

// fetchTries bounds how often an object is asked for that does not come whole.
const fetchTries = 3

// fetch reads an object whole before its length is promised to the archive.
func (m *maker) fetch(buf *bytes.Buffer, name string) error {
	for try := 1; ; try++ {
		buf.Reset()
		f, err := m.engine.Vault.Ciphertext(m.ctx, name)
		if err == nil {
			var n int64
			n, err = io.Copy(buf, io.LimitReader(f, maxBlob+1))
			if err = errors.Join(err, f.Close()); err == nil && n > maxBlob {
				return fmt.Errorf("blob %s has more than %d bytes", name, int64(maxBlob))
			}
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) || try == fetchTries || m.ctx.Err() != nil {
			return err
		}
	}
}

// absent goes on without a blob: a backup of all the rest is worth having.
func (m *maker) absent(org id.Org, address, why string) error {
	if m.sum.AbsentCount++; len(m.sum.Absent) < maxAbsent {
		m.sum.Absent = append(m.sum.Absent, Absent{org, address, why})
	}
	m.engine.Log.Warn("backup: a blob is left out", "organization", org, "address", address, "why", why)
	return nil
}
