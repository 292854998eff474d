package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// A Preview is the beginning of a file, and what its rows would become.
type Preview struct {
	Columns []string
	Rows    [][]string // as they are
	Places  []string   // of them: "line 2"
	// Becomes has, for each row, the resource that it would be, or Faults says
	// why it would be none. Both are empty while there is no mapping.
	Becomes []sources.Resource
	Faults  []string
}

// Look reads the first rows of a file. A mapping that is not whole yet is no
// fault: the rows are shown as they are.
func Look(ctx context.Context, r io.Reader, m sources.Columns, zone *time.Location, n int) (Preview, error) {
	var p Preview
	rows, err := open(ctx, r, m)
	if err != nil {
		return p, err
	}
	if c, ok := rows.(io.Closer); ok {
		defer c.Close()
	}
	var taken *reading
	if m.Kind != "" && m.Check() == nil {
		schemas, err := sources.Schemas()
		if err != nil {
			return p, err
		}
		in := sources.NewIntake(schemas, clock.System(), nil)
		defer in.Close()
		if taken, err = newReading(m, zone, in); err != nil {
			return p, err
		}
		if err := taken.fit(rows, false); err != nil {
			taken = nil
			p.Faults = append(p.Faults, fault.As(err).Message)
		}
	}
	var kept []row
	for len(kept) < n {
		x, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return p, err
		}
		x.cells = slices.Clone(x.cells)
		kept = append(kept, x)
	}
	p.Columns = make([]string, len(rows.columns()))
	order := make([]string, 0, len(rows.columns()))
	for name := range rows.columns() {
		order = append(order, name)
	}
	slices.SortFunc(order, func(a, b string) int { return rows.columns()[a] - rows.columns()[b] })
	p.Columns = order
	for _, x := range kept {
		p.Places = append(p.Places, x.place)
		var cells []string
		for _, name := range order {
			cells = append(cells, raw(x, rows.columns()[name]))
		}
		p.Rows = append(p.Rows, cells)
		if taken == nil {
			continue
		}
		res, err := taken.resource(x, rows.columns())
		if err != nil {
			p.Faults = append(p.Faults, fmt.Sprintf("%s: %s", x.place, message(err)))
		}
		p.Becomes = append(p.Becomes, res)
	}
	return p, nil
}

func raw(x row, i int) string {
	if i >= len(x.cells) {
		return ""
	}
	c := x.cells[i]
	if c.many {
		return strings.Join(c.list, "; ")
	}
	return c.text
}

func message(err error) string {
	if f := fault.As(err); f != nil {
		return f.Message
	}
	return "it cannot be taken"
}

// known are names that systems give to what a field holds, without case,
// spaces and marks.
var known = map[string][]string{
	"worker": {"workerid", "employeeid", "employeenumber", "personid", "personnelnumber", "staffid"}, "name": {"fullname", "displayname", "employeename", "workername"},
	"email": {"mail", "emailaddress", "workemail", "primaryemail"}, "department": {"team", "orgunit", "division", "costcenter"}, "manager": {"managername", "supervisor", "manageremail", "reportsto"},
	"started_at": {"startdate", "hiredate", "start", "joined", "datehired", "dateofhire"}, "ended_at": {"enddate", "terminationdate", "leavingdate", "lastday", "termdate", "end"},
	"engagement": {"workertype", "employmenttype", "contracttype"}, "login": {"username", "user", "userid", "account", "accountname", "samaccountname"},
	"enabled": {"active", "isactive", "accountenabled", "status"}, "mfa": {"mfaenabled", "twofactor", "2fa", "hasmfa"}, "privileged": {"admin", "isadmin", "administrator"},
	"created_at": {"created", "creationdate", "createdon", "datecreated"}, "last_used_at": {"lastlogin", "lastsignin", "lastlogon", "lastseen"}, "disabled_at": {"disabled", "deactivated", "disabledon"},
	"ticket": {"id", "key", "number", "ticketid", "changeid", "issuekey"}, "incident": {"id", "number", "incidentid"}, "title": {"summary", "subject", "jobtitle", "shortdescription"},
	"requester": {"requestedby", "author", "createdby", "reporter", "by"}, "approver": {"approvedby", "approvername"}, "approved_at": {"approved", "approvaldate", "approvedon", "dateapproved"},
	"deployed_at": {"deployed", "releasedate", "deployedon", "closed", "implemented"}, "requested_at": {"requested", "requestdate", "opened"}, "granted_at": {"granted", "grantdate"},
	"detected_at": {"detected", "opened", "reported"}, "resolved_at": {"resolved"}, "closed_at": {"closed"}, "completed_at": {"completed", "completiondate", "finished"}, "due_at": {"due", "duedate", "deadline"},
	"first_seen_at": {"firstseen", "firstfound", "discovered", "detected"}, "fixed_at": {"fixed", "closed", "remediated", "resolved"}, "asset": {"host", "hostname", "device", "server"},
	"person": {"owner", "employee", "assignedto", "user"}, "system": {"application", "app", "service"}, "roles": {"role", "groups", "permissions"}, "course": {"training", "coursename", "module"},
}

func folded(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r > 127:
			return r
		}
		return -1
	}, s)
}

// Suggest guesses which columns become which fields of a kind, from their
// names, and which column is the key. People look at it before it is saved.
func Suggest(schema sources.Schema, p Preview) sources.Columns {
	m := sources.Columns{Kind: schema.Kind}
	used := map[string]bool{}
	claim := func(field string, fits func(string) bool) {
		for _, c := range p.Columns {
			if !used[c] && fits(folded(c)) && !slices.ContainsFunc(m.Fields, func(f sources.FieldOf) bool { return f.Field == field }) {
				used[c] = true
				m.Fields = append(m.Fields, sources.FieldOf{Field: field, Column: c})
			}
		}
	}
	for _, field := range schema.FieldNames() {
		claim(field, func(c string) bool { return c == folded(field) || c == folded(strings.TrimSuffix(field, "_at")) })
	}
	for _, field := range schema.FieldNames() {
		claim(field, func(c string) bool { return slices.Contains(known[field], c) })
	}
	for field, f := range schema.Fields {
		if f.Type == sources.TypeMap {
			m.Fields = append(m.Fields, sources.FieldOf{Field: field})
		}
	}
	if key := p.key(); key != "" {
		m.Key = []string{key}
	}
	return m
}

// key is the first column that looks like one: named so, and with another value
// in each row; or else the first with another value in each.
func (p Preview) key() string {
	second := ""
	for i, name := range p.Columns {
		seen := map[string]bool{}
		for _, r := range p.Rows {
			if v := strings.TrimSpace(r[i]); v != "" {
				seen[v] = true
			}
		}
		if len(seen) < len(p.Rows) || len(seen) == 0 {
			continue
		}
		if f := folded(name); strings.HasSuffix(f, "id") || strings.HasSuffix(f, "key") || strings.HasSuffix(f, "number") || f == "email" {
			return name
		}
		if second == "" {
			second = name
		}
	}
	return second
}

// SuggestKind is the kind of which the columns name most fields, or row.
func SuggestKind(schemas map[string]sources.Schema, kinds []string, p Preview) string {
	best, most := "row", 1
	for _, k := range kinds {
		if n := len(Suggest(schemas[k], p).Fields); n > most && k != "row" {
			best, most = k, n
		}
	}
	return best
}
