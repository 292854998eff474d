package evidence

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Bounds of the tables that are read.
const (
	maxTable     = 64 << 20
	maxTableRows = 1_000_000
	maxApprovals = 2000 // with something to say
)

// An Approval is a row of a table that names who asked, who approved and when
// it was done, as the kinds ticket_change and access_grant have them.
type Approval struct {
	Row                 int64 // from 1
	Requester, Approver string
	Approved, Acted     time.Time
}

// Columns by the names they usually have.
var (
	requesters = []string{"requester", "requested_by", "author", "created_by"}
	approvers  = []string{"approver", "approved_by"}
	approvedAt = []string{"approved_at", "approved"}
	actedAt    = []string{"deployed_at", "granted_at", "merged_at", "executed_at", "implemented_at"}
)

// wrong reports whether the row has anything an auditor would ask about.
func (a Approval) wrong() bool { return a.Approver == "" || a.self() || a.late() }

func (a Approval) self() bool {
	return a.Requester != "" && strings.EqualFold(strings.TrimSpace(a.Requester), strings.TrimSpace(a.Approver))
}

func (a Approval) late() bool {
	return !a.Approved.IsZero() && !a.Acted.IsZero() && a.Approved.After(a.Acted)
}

// tableIn counts the rows of a table, without its head, and keeps those whose
// approval is not as it should be. -1 if it is no table.
func tableIn(media string, data []byte) (int64, []Approval) {
	media, _, _ = strings.Cut(media, ";")
	switch {
	case len(data) > maxTable:
		return -1, nil
	case media == "text/csv":
		return csvIn(data, ',')
	case media == "text/tab-separated-values":
		return csvIn(data, '\t')
	case strings.HasSuffix(media, "json"):
		return jsonIn(data)
	}
	return -1, nil
}

func csvIn(data []byte, comma rune) (int64, []Approval) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = comma, -1, true, true
	head, err := r.Read()
	if err != nil {
		return -1, nil
	}
	at := map[string]int{}
	for i, name := range head {
		at[columnName(name)] = i
	}
	var out []Approval
	n := int64(0)
	for n < maxTableRows {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return -1, nil
		}
		n++
		out = keep(out, n, func(name string) (string, bool) {
			i, ok := at[name]
			if !ok || i >= len(row) {
				return "", ok
			}
			return row[i], true
		})
	}
	return n, out
}

// jsonIn reads a list of objects.
func jsonIn(data []byte) (int64, []Approval) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return -1, nil
	}
	var out []Approval
	n := int64(0)
	for d.More() && n < maxTableRows {
		var row map[string]any
		if d.Decode(&row) != nil {
			return -1, nil
		}
		n++
		out = keep(out, n, func(name string) (string, bool) {
			v, ok := row[name]
			if v == nil {
				return "", ok
			}
			return fmt.Sprint(v), ok
		})
	}
	return n, out
}

func columnName(s string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(s)))
}

func keep(list []Approval, row int64, value func(string) (string, bool)) []Approval {
	first := func(names []string) (string, bool) {
		for _, n := range names {
			if v, ok := value(n); ok {
				return strings.TrimSpace(v), true
			}
		}
		return "", false
	}
	a := Approval{Row: row}
	var there bool
	if a.Approver, there = first(approvers); !there || len(list) == maxApprovals {
		return list
	}
	a.Requester, _ = first(requesters)
	approved, _ := first(approvedAt)
	acted, _ := first(actedAt)
	a.Approved, a.Acted = moment(approved), moment(acted)
	if a.wrong() {
		return append(list, a)
	}
	return list
}

func moment(s string) time.Time {
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.Parse(form, s); err == nil {
			return t
		}
	}
	return time.Time{} // a day alone does not say what came first
}
