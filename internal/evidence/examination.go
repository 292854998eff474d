package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
)

// A Joint names the two logs of an engagement. Whoever fills it in has seen
// that the one who asks may have both.
type Joint struct {
	File   id.Org // the engagement's file
	Client id.Org
	// Entry of the file's log puts the export on record. The bundle reaches it.
	Entry int64
}

// Joined is what a bundle of an engagement holds.
type Joined struct {
	// Keys are those of the file's and of the client's log, which a reader gets
	// by another way than the bundle.
	Keys    []string
	Entries int64
	Opened  int64 // entries of the client's log
}

// WriteExamination writes the bundle of an engagement to w: of the file's log
// everything; of the client's every entry, and openings and blobs of those that
// the engagement is about. The others stay closed: what else happened at the
// client is not the auditor's to count.
func WriteExamination(ctx context.Context, desk *op.Desk, j Joint, w io.Writer) (Joined, error) {
	file := &exporter{ctx: ctx, desk: desk, org: j.File}
	client := &exporter{ctx: ctx, desk: desk, org: j.Client}
	inFile, inClient := anchored(ctx, desk, j.File, j.Entry), anchored(ctx, desk, j.Client, 0)
	if err := together(file, client, inFile, inClient); err != nil {
		return Joined{}, err
	}
	if err := whole(file, client); err != nil {
		return Joined{}, err
	}
	if err := errors.Join(client.follow(), client.openAnchors()); err != nil {
		return Joined{}, err
	}
	out := Joined{Keys: []string{file.key, client.key}, Entries: file.head.Size + client.head.Size, Opened: int64(len(client.only))}
	return out, write(w, bundle.Selected, file, client)
}

// together takes heads of both logs of which each covers what the other answers.
func together(file, client *exporter, entry, inClient int64) error {
	for range 100 {
		if err := file.reach(entry); err != nil {
			return err
		}
		if err := client.reach(inClient); err != nil {
			return err
		}
		client.only = map[int64]bool{}
		ofClient, err := file.answering(client.head.Origin, func(_, answered int64) { client.only[answered] = true })
		if err != nil {
			return err
		}
		ofFile, err := client.answering(file.head.Origin, func(index, _ int64) { client.only[index] = true })
		if err != nil {
			return err
		}
		if ofClient <= client.head.Size && ofFile <= file.head.Size {
			return nil
		}
		entry, inClient = max(entry, file.log.Base+ofFile-1), max(inClient, client.log.Base+ofClient-1)
	}
	return fault.Conflict("The two logs of the engagement are being written faster than they can be read. Try again.")
}

// whole refuses an engagement of which a part stands in a log that was continued
// by another: the order of its steps is proved from two logs, and not from three.
func whole(file, client *exporter) error {
	split := fault.Conflict("A log of this engagement was continued by another while it went on (docs/ledger.md, section 10), so its steps stand in more than two logs. The bundle of each organization has its own: export those.")
	before, err := file.continued()
	if err != nil || len(before) > 0 {
		return errors.Join(err, split)
	}
	if before, err = client.continued(); err != nil {
		return err
	}
	for _, x := range before {
		ofFile, err := x.answering(file.head.Origin, func(_, _ int64) {})
		if err != nil {
			return err
		}
		ofClient, err := file.answering(x.head.Origin, func(_, _ int64) {})
		if err != nil {
			return err
		}
		if ofFile > 0 || ofClient > 0 {
			return split
		}
	}
	return nil
}

// answering calls found for each entry that answers another log, with its index
// and that of what it answers, and returns how much of that log it has seen.
func (x *exporter) answering(origin string, found func(index, answered int64)) (seen int64, err error) {
	mark := []byte(`"log":"` + origin + `"`)
	for leaf, err := range x.leaves() {
		if err != nil {
			return 0, err
		}
		// Few entries answer another log, and parsing all takes long.
		if !bytes.HasPrefix(leaf, []byte(`{"answers":`)) || !bytes.Contains(leaf, mark) {
			continue
		}
		l, err := canon.ParseLeaf(leaf)
		if err != nil {
			return 0, err
		}
		if l.Answers == nil || l.Answers.Log != origin {
			continue
		}
		found(l.Index, l.Answers.Index)
		text, _, err := canon.PeekNote(l.Answers.Note)
		if err != nil {
			return 0, fmt.Errorf("entry %d: %w", l.Index, err)
		}
		c, err := canon.ParseCheckpoint(text)
		if err != nil {
			return 0, fmt.Errorf("entry %d: %w", l.Index, err)
		}
		seen = max(seen, c.Size)
	}
	return seen, nil
}

// openAnchors adds what outsiders said of the log: it is about no act of the
// client's, and puts times to those that are.
func (x *exporter) openAnchors() error {
	return x.read(func(tx *db.Tx) error {
		for before := x.log.Base + x.head.Size; ; {
			rows, err := x.desk.Ledger.Page(tx, x.org, canon.KindAnchor, before, batch)
			if err != nil || len(rows) == 0 {
				return err
			}
			for _, r := range rows {
				if before = r.Index; before < x.log.Base {
					return nil
				}
				x.only[before-x.log.Base] = true
			}
		}
	})
}

const selectEntry = "SELECT entry, erased_by FROM evidence WHERE org_id = ? AND id = ?"

// follow adds what the entries to be opened rest on: the extraction of a list,
// the evidence that a link names, what an entry supersedes.
func (x *exporter) follow() error {
	var queue []int64
	for index := range x.only {
		queue = append(queue, index)
	}
	add := func(index int64) {
		if index >= 0 && index < x.head.Size && !x.only[index] { // what stands in a log before this one, the verifier misses
			x.only[index] = true
			queue = append(queue, index)
		}
	}
	for len(queue) > 0 {
		index := queue[0]
		queue = queue[1:]
		err := x.read(func(tx *db.Tx) error {
			number := x.log.Base + index
			row, err := x.desk.Ledger.Entry(tx, x.org, number)
			if err != nil {
				return err
			}
			leaf, err := canon.ParseLeaf(row.Leaf)
			if err != nil {
				return err
			}
			for _, old := range leaf.Supersedes {
				add(old)
			}
			parts, err := x.desk.Ledger.Openings(tx, x.org, number, number+1)
			if err != nil {
				return err
			}
			return x.named(tx, parts, func(number int64) { add(number - x.log.Base) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// named adds what a step's body names.
func (x *exporter) named(tx *db.Tx, parts []ledger.Opening, add func(int64)) error {
	for _, p := range parts {
		if p.Label != canon.LabelBody {
			continue
		}
		body := bodyOf(bundle.Opening{Open: map[string]bundle.Opened{p.Label: {Payload: p.Payload}}})
		switch body["step"] {
		case "seal":
			if records, ok := body["records"].(int64); ok {
				add(records)
			}
		case "link":
			var index, erased int64
			err := tx.Row(selectEntry, []any{x.org, body["id"]}, &index, &erased)
			if errors.Is(err, db.ErrNone) {
				continue // the verifier says so
			}
			if err != nil {
				return err
			}
			if add(index); erased > 0 {
				add(erased) // which says what the other no longer does
			}
		}
	}
	return nil
}
