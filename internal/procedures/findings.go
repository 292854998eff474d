package procedures

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
)

// Reliability: from leastLevel on, evidence was made for the audit and does not
// show operation; a statement alone is never enough.
const (
	leastLevel = 5
	oralLevel  = 7
)

// Whether the content of a record names an item.
const (
	namedUnknown = 0 // pictures and such
	namedYes     = 1
	namedNo      = 2
)

// late is by how much sealing may follow the claimed capture without remark.
const late = 24 * time.Hour

// setting is what findings about a record are measured against.
type setting struct {
	from, to time.Time // of the engagement
	typeOne  bool
	basis    string
	asked    time.Time // when the item was drawn
	reused   bool      // the same bytes are linked to another item
	named    int64
	counted  int64 // rows that the content has; -1 if it is not a table
}

// aboutRecord finds why an auditor might send a record of evidence back.
func aboutRecord(r evidence.Record, s setting) (out []Finding) {
	add := func(code, format string, args ...any) {
		out = append(out, Finding{Code: code, Text: fmt.Sprintf(format, args...), Evidence: r.ID})
	}
	if why := outside(r, s); why != "" {
		add("EV03", "%s", why)
	}
	list := r.RowCount >= 0 || isTable(r.MediaType)
	if list && (strings.TrimSpace(r.Query) == "" || r.RowCount < 0 && s.counted < 0) {
		add("EV05", "A list without the query that gave it, its filters and its number of rows.")
	}
	if r.RowCount >= 0 && s.counted >= 0 && r.RowCount != s.counted {
		add("EV06", "The list has %d rows; its source counted %d.", s.counted, r.RowCount)
	}
	if r.Sealed.Sub(r.Captured) > late {
		add("EV11", "Sealed %s after the time at which it is said to have been taken.", span(r.Sealed.Sub(r.Captured)))
	}
	if !s.asked.IsZero() && r.Captured.After(s.asked) {
		add("EV11", "Taken after the item was asked for. That is right for finding what existed, and wrong for making it.")
	}
	if s.named == namedNo {
		add("EV12", "Its content does not name the item.")
	}
	if r.Level > leastLevel && s.basis == BySample {
		add("EV16", "It was made for the audit (level %d); operation is shown by level %d or better.", r.Level, leastLevel)
	}
	if s.reused {
		add("EV18", "The same bytes are linked to other items too.")
	}
	return out
}

// outside says how a record lies outside the period or the date.
func outside(r evidence.Record, s setting) string {
	switch {
	case s.typeOne && !r.Captured.Before(s.to):
		return "Taken on " + day(r.Captured) + ", after the date that is examined."
	case s.typeOne && !r.CoversFrom.IsZero() && !r.CoversFrom.Before(s.to):
		return "It covers what came after the date that is examined."
	case s.typeOne:
		return ""
	case !r.CoversFrom.IsZero() && !r.CoversFrom.Before(s.to), !r.CoversTo.IsZero() && !r.CoversTo.After(s.from):
		return "It covers " + day(r.CoversFrom) + " to " + day(r.CoversTo) + ", none of which is in the period."
	case r.CoversFrom.IsZero() && r.Captured.Before(s.from):
		return "Taken on " + day(r.Captured) + ", before the period began."
	case r.CoversFrom.IsZero() && s.basis == ByInspection && !r.Captured.Before(s.to):
		return "Taken on " + day(r.Captured) + ", after the period ended."
	}
	return ""
}

func day(t time.Time) string { return t.Format("2 Jan 2006") }

// span writes a duration as people read it: 1 h 38 m 26 s, 49 h 10 m, 3 days.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h >= 72:
		return fmt.Sprintf("%d days", h/24)
	case h > 0 && s > 0:
		return fmt.Sprintf("%d h %d m %d s", h, m, s)
	case h > 0:
		return fmt.Sprintf("%d h %d m", h, m)
	case m > 0 && s > 0:
		return fmt.Sprintf("%d m %d s", m, s)
	case m > 0:
		return fmt.Sprintf("%d m", m)
	}
	return fmt.Sprintf("%d s", s)
}

func isTable(media string) bool {
	return strings.HasPrefix(media, "text/csv") || strings.HasPrefix(media, "text/tab-separated-values")
}

// aboutItem finds what is wrong with the item's own record: who approved, and
// when.
func aboutItem(attrs map[string]any, roles map[string]string, attributes []Attribute, zone *time.Location) (out []Finding) {
	value := func(role string) (string, bool) {
		v, ok := attrs[roles[role]]
		return fmt.Sprint(v), ok && roles[role] != ""
	}
	first := func(roleNames ...string) string {
		var fields []string
		for _, r := range roleNames {
			fields = append(fields, roles[r])
		}
		if letters := readers(attributes, fields...); len(letters) > 0 {
			return letters[0]
		}
		return ""
	}
	if roles[roleApprover] != "" {
		approver, ok := value(roleApprover)
		author, known := value(roleAuthor)
		switch {
		case !ok:
			out = append(out, Finding{Code: "EV08", Text: "The record names nobody who approved.", Attribute: first(roleApprover)})
		case known && strings.EqualFold(strings.TrimSpace(approver), strings.TrimSpace(author)):
			out = append(out, Finding{Code: "EV08", Text: approver + " approved what they had asked for.", Attribute: first(roleApprover, roleAuthor)})
		}
	}
	approved, ok1 := instant(attrs[roles[roleApproved]], zone)
	acted, ok2 := instant(attrs[roles[roleActed]], zone)
	if roles[roleApproved] != "" && roles[roleActed] != "" && ok1 && ok2 && approved.After(acted) {
		out = append(out, Finding{Code: "EV09", Text: "Approved " + span(approved.Sub(acted)) + " after it was done.", Attribute: first(roleApproved, roleActed)})
	}
	return out
}

// maxLook bounds how much of a record is searched for an item.
const maxLook = 32 << 20

// textual reports whether a content can be searched.
func textual(media string) bool {
	media, _, _ = strings.Cut(media, ";")
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "json") || strings.HasSuffix(media, "xml") || strings.HasSuffix(media, "yaml")
}

// bytesOf returns the content of a record that can be searched, or nil. A
// content in pieces is put together.
func bytesOf(c *op.Call, r evidence.Record) ([]byte, error) {
	if !textual(r.MediaType) || r.Size > maxLook {
		return nil, nil
	}
	data, err := c.Vault.Get(c, c.Org, r.Address)
	if errors.Is(err, blob.ErrErased) {
		return nil, nil // what was found in them stands
	}
	if err != nil || r.MediaType != canon.MediaTypeChunks {
		return data, err
	}
	return whole(c, c, data)
}

func whole(ctx context.Context, c *op.Call, list []byte) ([]byte, error) {
	chunks, err := canon.ParseChunks(list)
	if err != nil {
		return nil, err
	}
	var size int64
	for _, k := range chunks {
		size += k.Size
	}
	if size > maxLook {
		return nil, nil
	}
	out := make([]byte, 0, size)
	for _, k := range chunks {
		at, err := c.Vault.AddressOf(ctx, c.Org, k.SHA256)
		if err != nil {
			return nil, err
		}
		data, err := c.Vault.Get(ctx, c.Org, at)
		if errors.Is(err, blob.ErrErased) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, data...)
	}
	return out, nil
}

// names reports whether a content names an item, by its id or by the key that
// its source knows it by.
func names(data []byte, item, key string) int64 {
	switch {
	case data == nil:
		return namedUnknown
	case bytes.Contains(data, []byte(item)), key != "" && bytes.Contains(data, []byte(key)):
		return namedYes
	}
	return namedNo
}

// rowsIn counts the rows of a table without its head; -1 if it is none.
func rowsIn(media string, data []byte) int64 {
	if !isTable(media) || data == nil {
		return -1
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = -1, true, true
	if strings.HasPrefix(media, "text/tab") {
		r.Comma = '\t'
	}
	n := int64(-1)
	for {
		_, err := r.Read()
		if err == io.EOF {
			return n
		}
		if err != nil {
			return -1
		}
		n++
	}
}
