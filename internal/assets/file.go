package assets

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/doc"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Bounds of a file of assets.
const (
	MaxFile   = 16 << 20
	MaxRows   = 20_000
	maxFaults = 100
	maxCell   = 2000
	newestMax = 50
)

// Columns are those of a file of assets. An export of the list has them, and
// what else it has is passed over.
var Columns = []string{"id", "name", "type", "environment", "owner", "custodian", "criticality", "class", "flags", "location", "supplier", "lifecycle",
	"planned_for", "live_from", "retired_on", "disposed_on", "scope", "reason"}

// Passed are columns of an export that say nothing the register would take.
var Passed = []string{"last_seen", "resources", "asked_by", "approved_by", "changed", "demonstration", "demo"}

// File is a file of assets.
type File struct {
	CSV []byte `json:"csv" doc:"The file: CSV in UTF-8 with a line of heads. A line with an id changes that asset; one without adds one."`
}

// Trial is what an import would do, or did.
type Trial struct {
	Rows    int64    `json:"rows"`
	Added   int64    `json:"added"`
	Changed int64    `json:"changed"`
	Same    int64    `json:"same"`
	Faults  []string `json:"faults,omitempty"` // each names its line
	More    int64    `json:"more_faults,omitempty"`
	Items   []Asset  `json:"items"` // the first of them
}

// a line is one asset of a file.
type line struct {
	n       int
	asset   Asset
	fresh   bool
	version int64
	same    bool
}

// table reads a file into rows of named cells.
func table(data []byte) (rows []map[string]string, lines []int, err error) {
	if len(data) > MaxFile {
		return nil, nil, fault.Invalid("csv", "the file has %d bytes; at most %d are accepted", len(data), MaxFile)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	first, _, _ := bytes.Cut(data, []byte("\n"))
	if bytes.IndexByte(first, 0) >= 0 || bytes.HasPrefix(first, []byte("PK\x03\x04")) || !utf8.Valid(first) {
		return nil, nil, fault.Invalid("csv", "line 1 is no text in UTF-8: save the list as CSV in UTF-8")
	}
	if bytes.IndexByte(bytes.TrimRight(data, "\r\n"), '\r') >= 0 && bytes.IndexByte(bytes.TrimRight(data, "\r\n"), '\n') < 0 {
		return nil, nil, fault.Invalid("csv", "the lines of the file end in a carriage return alone: save it as CSV with line feeds")
	}
	r := csv.NewReader(bytes.NewReader(data))
	if r.FieldsPerRecord = -1; bytes.IndexByte(first, ',') < 0 && bytes.IndexByte(first, ';') >= 0 {
		r.Comma = ';' // as spreadsheets write it where a comma begins the cents
	}
	head, err := r.Read()
	if err != nil {
		return nil, nil, fault.Invalid("csv", "line 1 must name the columns: %s", strings.Join(Columns, ", "))
	}
	for i, h := range head {
		head[i] = strings.ReplaceAll(fold(h), " ", "_")
		if slices.Index(head[:i], head[i]) >= 0 {
			return nil, nil, fault.Invalid("csv", "line 1: column %.60q is there twice; one of a name is accepted", h)
		}
		if !slices.Contains(Columns, head[i]) && !slices.Contains(Passed, head[i]) {
			return nil, nil, fault.Invalid("csv", "line 1: column %.60q is not known; these are accepted: %s", h, strings.Join(Columns, ", "))
		}
	}
	for _, need := range []string{"name", "type"} {
		if !slices.Contains(head, need) {
			return nil, nil, fault.Invalid("csv", "line 1: the file has no column %s, which each asset needs", need)
		}
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, lines, nil
		}
		if err != nil {
			return nil, nil, fault.Invalid("csv", "%s", broken(err))
		}
		if len(rows) == MaxRows {
			return nil, nil, fault.Invalid("csv", "the file has more than %d lines of assets, the most that are accepted: split it", MaxRows)
		}
		row := map[string]string{}
		n, _ := r.FieldPos(0)
		if len(cells) != len(head) { // a short one may be cut, and what it lacks is not what should be emptied
			return nil, nil, fault.Invalid("csv", "line %d has %d cells; the first line has %d: give each line as many", n, len(cells), len(head))
		}
		for i, cell := range cells {
			switch {
			case len(cell) > maxCell:
				return nil, nil, fault.Invalid("csv", "line %d: %s has more than %d characters, the most that are accepted", n, head[i], maxCell)
			case !utf8.ValidString(cell):
				return nil, nil, fault.Invalid("csv", "line %d: %s is not UTF-8: save the list as CSV in UTF-8", n, head[i])
			case strings.ContainsFunc(cell, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }):
				return nil, nil, fault.Invalid("csv", "line %d: %s has a control character: text is accepted", n, head[i])
			}
			row[head[i]] = plainCell(cell)
		}
		rows, lines = append(rows, row), append(lines, n)
	}
}

// broken says where the text itself is at fault.
func broken(err error) string {
	var at *csv.ParseError
	if !errors.As(err, &at) {
		return "the file cannot be read: hand in CSV in UTF-8"
	}
	line := at.Line
	if at.StartLine > 0 {
		line = at.StartLine
	}
	return fmt.Sprintf("line %d: a quote is left open, or stands inside a cell that does not begin with one: put the cell in quotes and double those inside", line)
}

// plainCell takes away the quote that an export puts before what a spreadsheet
// would run.
func plainCell(s string) string {
	if rest, quoted := strings.CutPrefix(s, "'"); quoted && doc.Runs(rest) {
		s = rest
	}
	return strings.TrimSpace(s)
}

// wish makes of a row what would be asked of an operation.
func wish(row map[string]string, members []auth.Member) (New, string, error) {
	n := New{Type: key(row["type"]), Name: row["name"], Environment: key(row["environment"]), Custodian: row["custodian"], Class: key(row["class"]), Location: row["location"],
		Supplier: row["supplier"], Lifecycle: key(row["lifecycle"]), PlannedFor: row["planned_for"], LiveFrom: row["live_from"], RetiredOn: row["retired_on"],
		DisposedOn: row["disposed_on"], Reason: row["reason"]}
	for _, e := range []struct {
		field, value string
		of           []string
		need         bool
	}{{"type", n.Type, Types, true}, {"environment", n.Environment, Environments, false}, {"class", n.Class, Classes, false}, {"lifecycle", n.Lifecycle, Lifecycles, false},
		{"scope", key(row["scope"]), []string{In, Out, Pending}, false}} {
		if !slices.Contains(e.of, e.value) && (e.need || e.value != "") {
			return n, "", fmt.Errorf("%s is %q; give one of %s", e.field, e.value, strings.Join(e.of, ", "))
		}
	}
	for _, s := range []struct {
		field, value string
		most         int
	}{{"name", n.Name, 200}, {"custodian", n.Custodian, 200}, {"location", n.Location, 200}, {"supplier", n.Supplier, 200}, {"reason", n.Reason, 1000}} {
		if len([]rune(s.value)) > s.most {
			return n, "", fmt.Errorf("%s has more than %d characters", s.field, s.most)
		}
	}
	if s := row["criticality"]; s != "" {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil || v < 1 || v > 4 {
			return n, "", fmt.Errorf("criticality is %q; give 1 to 4, 1 being the most critical", s)
		}
		n.Criticality = v
	}
	for _, f := range strings.FieldsFunc(row["flags"], func(r rune) bool { return r == ',' || r == ';' }) {
		if f = key(f); f == "" {
			continue
		}
		if !slices.Contains(Flags, f) {
			return n, "", fmt.Errorf("flag %q is not known; the flags are %s", f, strings.Join(Flags, ", "))
		}
		n.Flags = append(n.Flags, f)
	}
	if who := row["owner"]; who != "" {
		var fits []auth.Member
		for _, m := range members {
			if string(m.ID) == who || strings.EqualFold(m.Email, who) || fold(m.Name) == fold(who) {
				fits = append(fits, m)
			}
		}
		if len(fits) != 1 {
			return n, "", fmt.Errorf("owner %q is not one member; give a member's address or name", who)
		}
		n.Owner = string(fits[0].ID)
	}
	return n, key(row["scope"]), nil
}

func key(s string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(fold(s))
}

// read says what the lines of a file would do.
func (t *Trial) read(c *op.Call, data []byte) ([]line, error) {
	rows, numbers, err := table(data)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fault.Invalid("csv", "the file has no line of assets below line 1: give each asset a line")
	}
	members, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return nil, err
	}
	t.Rows, t.Items = int64(len(rows)), []Asset{}
	var out []line
	taken := map[string]int{}
	for i, row := range rows {
		l := line{n: numbers[i]}
		if err := l.fill(c, row, members, taken); err != nil {
			if !errors.As(err, new(lineFault)) {
				return nil, err
			}
			if len(t.Faults) == maxFaults {
				t.More++
				continue
			}
			t.Faults = append(t.Faults, fmt.Sprintf("Line %d: %s.", l.n, strings.TrimSuffix(err.Error(), ".")))
			continue
		}
		switch {
		case l.fresh:
			t.Added++
		case l.same:
			t.Same++
		default:
			t.Changed++
		}
		if len(t.Items) < newestMax {
			t.Items = append(t.Items, l.asset)
		}
		out = append(out, l)
	}
	return out, nil
}

// lineFault is something wrong with a line.
type lineFault struct{ error }

// fill makes the asset of a line.
func (l *line) fill(c *op.Call, row map[string]string, members []auth.Member, taken map[string]int) error {
	n, scope, err := wish(row, members)
	if err != nil {
		return lineFault{err}
	}
	l.fresh = row["id"] == ""
	name := n.Type + " " + fold(n.Name)
	if l.fresh {
		if before := taken[name]; before > 0 {
			return lineFault{fmt.Errorf("%s %q is in line %d already", n.Type, n.Name, before)}
		}
		rows, err := db.Rows(c.Tx, selectNamed, []any{c.Org, fold(n.Name), n.Type}, scan)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			return lineFault{fmt.Errorf("there is a %s %q already; give its id %s to change it", n.Type, n.Name, rows[0].ID)}
		}
		l.asset.Scope, l.asset.Reason = In, n.Reason
	} else {
		if l.asset, err = find(c, row["id"]); err != nil {
			return lineFault{fmt.Errorf("%w Give the id of an asset of yours, or leave it out to add one", err)}
		}
		if before := taken[row["id"]]; before > 0 {
			return lineFault{fmt.Errorf("%s is in line %d already", row["id"], before)}
		}
		taken[row["id"]] = l.n
	}
	taken[name] = l.n
	was := l.asset
	l.version = was.Version
	if err := n.apply(&l.asset, members); err != nil {
		return lineFault{err}
	}
	if err := l.scope(c, scope, n.Reason); err != nil {
		return lineFault{err}
	}
	l.same = !l.fresh && slices.Equal(was.row(), l.asset.row())
	return nil
}

// scope takes what a line says of the scope. A line can ask that an asset leaves
// it, and take one back; nobody can let one go by a file.
func (l *line) scope(c *op.Call, scope, reason string) error {
	a := &l.asset
	switch {
	case scope == "" || scope == a.Scope:
		return nil
	case scope == In:
		if len(reason) < 3 {
			return errors.New("say in the column reason why it is taken back into scope")
		}
		a.Scope, a.Reason = In, reason
		a.approverID, a.Approver, a.Approved = c.Actor.User, c.Actor.Name, c.Now
		return nil
	case a.Scope == Out || a.Scope == Pending:
		return nil
	}
	return a.ask(c, reason)
}

func preview(c *op.Call, in File) (Trial, error) {
	var t Trial
	_, err := t.read(c, in.CSV)
	return t, err
}

func importAll(c *op.Call, in File) (Trial, error) {
	var t Trial
	lines, err := t.read(c, in.CSV)
	if err != nil {
		return t, err
	}
	if len(t.Faults) > 0 {
		more := ""
		if n := int64(len(t.Faults)-1) + t.More; n > 0 {
			more = fmt.Sprintf(" %d more lines are wrong; assets.preview names them.", n)
		}
		return t, fault.Invalid("csv", "nothing was imported: %s%s", t.Faults[0], more)
	}
	t.Items = []Asset{}
	for i := range lines {
		l := &lines[i]
		switch {
		case l.same:
			continue
		case l.fresh:
			err = add(c, &l.asset, "imported")
		default:
			err = save(c, &l.asset, l.version, "changed by import")
		}
		if err != nil {
			return t, err
		}
		if len(t.Items) < newestMax {
			t.Items = append(t.Items, l.asset)
		}
	}
	c.Note("added", t.Added)
	c.Note("changed", t.Changed)
	return t, nil
}
