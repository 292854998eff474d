package file_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/importers/file"
	"github.com/tickmark/tickmark/internal/sources"
)

var asof = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// people maps the columns of most tests.
func people() sources.Columns {
	return sources.Columns{Kind: "person", Key: []string{"Worker ID"}, Fields: []sources.FieldOf{
		{Field: "name", Column: "Name"}, {Field: "started_at", Column: "Start"}, {Field: "ended_involuntarily", Column: "Fired", True: []string{"Ja"}, False: []string{"Nein"}},
		{Field: "engagement", Value: "employee"},
	}}
}

func settings(t testing.TB, m sources.Columns, s sources.Statement) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"mapping": m, "version": 3, "statement": s})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func intake(t testing.TB) *sources.Intake {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	return sources.NewIntake(schemas, clock.NewFixed(asof), nil)
}

// read imports a text in small pieces, as a network would bring it.
func read(t testing.TB, m sources.Columns, text string, s sources.Statement) (*sources.Intake, error) {
	t.Helper()
	in := intake(t)
	err := file.New().Import(context.Background(), iotest.OneByteReader(strings.NewReader(text)), settings(t, m, s), in)
	if err == nil {
		err = in.Err()
	}
	return in, err
}

// shown writes resources in a line each.
func shown(in *sources.Intake, kind string, fields ...string) string {
	var out []string
	for _, r := range in.Resources(kind) {
		line := r.Key
		for _, f := range fields {
			switch v := r.Attrs[f].(type) {
			case time.Time:
				line += "|" + v.Format(time.RFC3339)
			default:
				line += "|" + fmt.Sprint(v)
			}
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

const table = "Worker ID,Name,Start,Fired\n1,Ada,2026-01-31,Nein\n2,\"Bo, \"\"the\"\" second\",2026-02-01 09:30,Ja\n3,Cy,,\n"

const tableShown = "1|Ada|2026-01-31T00:00:00Z|false|employee\n2|Bo, \"the\" second|2026-02-01T09:30:00Z|true|employee\n3|Cy|<nil>|<nil>|employee"

var tableFields = []string{"name", "started_at", "ended_involuntarily", "engagement"}

func wide(text string, big, mark bool) string {
	var b strings.Builder
	if mark {
		text = "\ufeff" + text
	}
	for _, r := range text {
		if big {
			b.Write([]byte{byte(r >> 8), byte(r)})
		} else {
			b.Write([]byte{byte(r), byte(r >> 8)})
		}
	}
	return b.String()
}

func TestCSVIsReadHoweverItIsWritten(t *testing.T) {
	for rule, text := range map[string]string{
		"commas": table, "a mark": "\ufeff" + table, "CRLF": strings.ReplaceAll(table, "\n", "\r\n"), "no last line end": strings.TrimSuffix(table, "\n"),
		"semicolons": strings.ReplaceAll(strings.ReplaceAll(table, ",", ";"), "Bo; ", "Bo, "), "tabs": strings.ReplaceAll(strings.ReplaceAll(table, ",", "\t"), "Bo\t ", "Bo, "),
		"bars": strings.ReplaceAll(strings.ReplaceAll(table, ",", "|"), "Bo| ", "Bo, "), "empty lines": "\n" + strings.ReplaceAll(table, "\n", "\n\n"),
		"UTF-16 LE": wide(table, false, true), "UTF-16 BE": wide(table, true, true), "UTF-16 without a mark": wide(table, false, false),
	} {
		t.Run(rule, func(t *testing.T) {
			in, err := read(t, people(), text, sources.Statement{Query: "SELECT 1"})
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(in, "person", tableFields...); got != tableShown {
				t.Errorf("got\n%s", got)
			}
			if got := in.Scopes(); got["rows"] != "3" || got["distinct_keys"] != "3" || got["time"] != "started_at" || got["first"] != "2026-01-31T00:00:00.000Z" || got["last"] != "2026-02-01T09:30:00.000Z" {
				t.Errorf("scope %v", got)
			}
			if len(in.Missings()) != 0 {
				t.Errorf("missing %+v", in.Missings())
			}
		})
	}
}

func TestWhatIsSaidOfAFileIsOnRecord(t *testing.T) {
	three, four := int64(3), int64(4)
	s := sources.Statement{Query: "SELECT *\nFROM people", Extractor: "Ada", Extracted: "2026-10-31 18:00", Zone: "Europe/Berlin", From: "2026-01-01", To: "2026-10-31",
		Parameters: "country=DE", Environment: "production", Expected: &three, CountedBy: "a second report"}
	in, err := read(t, people(), table, s)
	if err != nil {
		t.Fatal(err)
	}
	got := in.Scopes()
	for k, want := range map[string]string{"query": s.Query, "extracted_by": "Ada", "extracted_at": "2026-10-31 18:00", "zone": "Europe/Berlin", "period_from": "2026-01-01",
		"period_to": "2026-10-31", "parameters": "country=DE", "environment": "production", "rows_expected": "3", "counted_by": "a second report", "mapping_version": "3",
		"key": "Worker ID", "kind": "person", "first": "2026-01-30T23:00:00.000Z", "file_format": "csv", "separator": ",", "rows_without_key": "0"} {
		if got[k] != want {
			t.Errorf("%s is %q, want %q", k, got[k], want)
		}
	}
	if len(in.Missings()) != 0 {
		t.Errorf("missing %+v", in.Missings())
	}
	s.Expected, s.Query = &four, ""
	in, err = read(t, people(), table, s)
	if err != nil || len(in.Missings()) != 2 || !strings.Contains(in.Missings()[0].Reason, "which query") || !strings.Contains(in.Missings()[1].Reason, "counts 4 rows (a second report), and the file has 3") {
		t.Errorf("%v; missing %+v", err, in.Missings())
	}
}

func TestAFileThatCannotBeTakenSaysWhere(t *testing.T) {
	for rule, test := range map[string]struct{ text, want string }{
		"a wrong value":            {table + "4,Di,31.01.2026,Nein\n", `1 row of 4 cannot be taken, so none was. line 5: column Start is "31.01.2026": a time such as 2026-01-31`},
		"a wrong word":             {table + "4,Di,,perhaps\n", `line 5: column Fired is "perhaps": ja or nein is accepted`},
		"no key":                   {table + ",Di,,\n", "line 5: column Worker ID is empty"},
		"a key twice":              {table + "1,Di,,\n", "line 5: person \"1\" was added twice"},
		"a short row":              {table + "4,Di\n", "line 5: has 2 columns where the header has 4"},
		"a stray quote":            {table + "4,D\"i,,\n", "line 5, column 4: a quote inside a field"},
		"an open quote":            {table + "4,\"Di,,\n", "line 5, column 9: a quote inside a field or one that is never closed"},
		"a row without end":        {table + "4,\"" + strings.Repeat("x\n", 1<<20), "is a quote left open?"},
		"a line without end":       {table + strings.Repeat("x", 2<<20), "is a quote left open?"},
		"not UTF-8":                {table + "4,M\xfcller,,\n", "line 5: column Name is not UTF-8"},
		"a header not UTF-8":       {"Worker ID,N\xe4me\n", "line 1, column 2: its name is not UTF-8"},
		"a column is gone":         {"Worker ID,Name,Start\n1,Ada,\n", `no column "Fired"; its columns are Worker ID, Name, Start`},
		"two are gone":             {"ID,Name,Fired\n1,Ada,\n", `it has no column "Worker ID" and no "Start"`},
		"a column twice":           {"Worker ID,Name,Name\n", `names two columns "Name"`},
		"nothing":                  {"", "no line 1"},
		"binary":                   {"Worker ID\x00,Name\n\x01\x02", "NUL"},
		"UTF-32":                   {"\xff\xfe\x00\x00a\x00\x00\x00", "UTF-32"},
		"many columns":             {strings.Repeat("a,", 600) + "\n", "at most 512 are accepted"},
		"many faults":              {table + strings.Repeat(",x,,\n", 50), "; and 30 more. Correct the file"},
		"a workbook cut":           {"PK\x03\x04xxxx", "damaged or cut short"},
		"JSON cut in a list":       {`[{"Worker ID":"1"`, "row 1: the file ends in the middle"},
		"JSON cut in a line":       {"{\"Worker ID\":\"1\",\"Name\":\"\",\"Start\":\"\",\"Fired\":\"\"}\n{\"Worker", "line 2: is cut short"},
		"JSON, another":            {`[] {}`, "something follows"},
		"JSON, not a row":          {`[1]`, "row 1: is no object"},
		"JSON, deep":               {`[{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}]`, "row 1: has values 5001 deep in one another: at most 8"},
		"JSON, endlessly deep":     {`[{"a":` + strings.Repeat("[", 200000), "row 1"},
		"JSON, a text without end": {`[{"a":"` + strings.Repeat("x", 3<<20), "row 1: it is longer than 1024 KiB"},
		"JSON, a line without end": {`{"a":"` + strings.Repeat("x", 3<<20), "line 1: it is longer than 1024 KiB"},
		"JSON, a column is gone":   {`[{"Worker ID":"1","Name":"A","Start":null}]`, `no column "Fired"`},
		"JSON, twice":              {`[{"Worker ID":"1","Name":"A","Name":"B","Start":null,"Fired":null}]`, `row 1: has "Name" twice`},
		"JSON, a list for a text":  {`[{"Worker ID":"1","Name":["A"],"Start":null,"Fired":null}]`, "column Name is a list: one value is accepted"},
	} {
		t.Run(rule, func(t *testing.T) {
			_, err := read(t, people(), test.text, sources.Statement{})
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestRowsInJSONAreRead(t *testing.T) {
	for rule, text := range map[string]string{
		"a list":        `[{"Worker ID":1,"Name":"Ada","Start":"2026-01-31","Fired":"Nein"},{"Worker ID":"2","Name":"Bo, \"the\" second","Start":"2026-02-01T09:30:00Z","Fired":"Ja"},{"Worker ID":3,"Name":"Cy"}]`,
		"under rows":    `{"total":3,"next":{"a":[1]},"rows":[{"Worker ID":1,"Name":"Ada","Start":"2026-01-31","Fired":"Nein"},{"Worker ID":"2","Name":"Bo, \"the\" second","Start":"2026-02-01T10:30:00+01:00","Fired":"Ja"},{"Worker ID":3,"Name":"Cy"}],"after":1}`,
		"lines":         "{\"Worker ID\":1,\"Name\":\"Ada\",\"Start\":\"2026-01-31\",\"Fired\":\"Nein\"}\n\n{\"Worker ID\":\"2\",\"Name\":\"Bo, \\\"the\\\" second\",\"Start\":\"2026-02-01 09:30\",\"Fired\":\"Ja\"}\r\n{\"Worker ID\":3,\"Name\":\"Cy\"}",
		"a mark before": "\ufeff[{\"Worker ID\":1,\"Name\":\"Ada\",\"Start\":\"2026-01-31\",\"Fired\":\"Nein\"},{\"Worker ID\":\"2\",\"Name\":\"Bo, \\\"the\\\" second\",\"Start\":\"2026-02-01 09:30\",\"Fired\":\"Ja\"},{\"Worker ID\":3,\"Name\":\"Cy\"}]",
	} {
		t.Run(rule, func(t *testing.T) {
			in, err := read(t, people(), text, sources.Statement{})
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(in, "person", tableFields...); got != tableShown {
				t.Errorf("got\n%s", got)
			}
		})
	}
	m := sources.Columns{Kind: "system_account", Key: []string{"id"}, Fields: []sources.FieldOf{{Field: "person", Column: "owner.email"}, {Field: "roles", Column: "roles"}, {Field: "mfa", Column: "mfa"}}}
	in, err := read(t, m, `[{"id":9007199254740993,"owner":{"email":"a@b.example"},"roles":["x","y"],"mfa":true}]`, sources.Statement{})
	if got := shown(in, "system_account", "person", "roles", "mfa"); err != nil || got != "9007199254740993|a@b.example|[x y]|true" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAnythingElseBecomesRows(t *testing.T) {
	m := sources.Columns{Kind: "row", Key: []string{"System", "Login"}, Time: "at", Nulls: []string{"-"}, Header: 3, Fields: []sources.FieldOf{
		{Field: "columns"}, {Field: "at", Column: "When", Layout: "DD.MM.YYYY hh:mm"},
	}}
	in, err := read(t, m, "Report of users\n\nSystem;Login;When;Amount\ncrm;ada;31.01.2026 09:30;1,50\ncrm;bo;-;-\n", sources.Statement{Zone: "Europe/Berlin"})
	if err != nil {
		t.Fatal(err)
	}
	if got := shown(in, "row", "at", "columns"); got != "crm / ada|2026-01-31T08:30:00Z|map[Amount:1,50 Login:ada System:crm When:31.01.2026 09:30]\ncrm / bo|<nil>|map[Login:bo System:crm]" {
		t.Errorf("got\n%s", got)
	}
}

func TestTimesAreReadAsTheyAreSaidToBeWritten(t *testing.T) {
	for _, test := range []struct{ layout, text, want string }{
		{"", "2026-01-31T10:00:00+01:00", "2026-01-31T09:00:00Z"}, {"", "2026-01-31 10:00:00 UTC", "2026-01-31T10:00:00Z"}, {"", "2026-01-31T10:00", "2026-01-31T10:00:00Z"},
		{"", "01/02/2026", ""}, {"", "2026-01-31 10:00:00 CEST", ""}, {"", "2026-02-30", ""}, {"", "yesterday", ""},
		{"MM/DD/YYYY", "01/02/2026", "2026-01-02T00:00:00Z"}, {"DD/MM/YYYY", "01/02/2026", "2026-02-01T00:00:00Z"}, {"DD-MMM-YYYY", "05-Feb-2026", "2026-02-05T00:00:00Z"},
		{"M/D/YYYY h:mm PM", "1/2/2026 3:04 PM", "2026-01-02T15:04:00Z"}, {"unix", "1769853600", "2026-01-31T10:00:00Z"}, {"unix_ms", "1769853600000", "2026-01-31T10:00:00Z"},
		{"unix", "99999999999999999", ""}, {"unix", "x", ""},
	} {
		m := sources.Columns{Kind: "row", Key: []string{"k"}, Fields: []sources.FieldOf{{Field: "at", Column: "t", Layout: test.layout}}}
		in, err := read(t, m, "k,t\n1,"+test.text+"\n", sources.Statement{})
		if got := shown(in, "row", "at"); test.want == "" && err == nil || test.want != "" && got != "1|"+test.want {
			t.Errorf("%s as %q: %s, %v", test.text, test.layout, got, err)
		}
	}
}

func TestSettingsAreRefusedWithWhatWouldBeAccepted(t *testing.T) {
	for want, change := range map[string]func(*sources.Columns, *sources.Statement){
		"there is no mapping": func(m *sources.Columns, _ *sources.Statement) { m.Kind = "" },
		"there is no kind":    func(m *sources.Columns, _ *sources.Statement) { m.Kind = "persn" },
		"tells one row":       func(m *sources.Columns, _ *sources.Statement) { m.Key = nil },
		"has no field":        func(m *sources.Columns, _ *sources.Statement) { m.Fields[0].Field = "nam" },
		"mapped twice":        func(m *sources.Columns, _ *sources.Statement) { m.Fields[1] = m.Fields[0] },
		"has no layout":       func(m *sources.Columns, _ *sources.Statement) { m.Fields[0].Layout = "YYYY" },
		"is no layout":        func(m *sources.Columns, _ *sources.Statement) { m.Fields[1].Layout = "day" },
		"for yes and those":   func(m *sources.Columns, _ *sources.Statement) { m.Fields[2].False = nil },
		"the value of": func(m *sources.Columns, _ *sources.Statement) {
			m.Fields[1] = sources.FieldOf{Field: "started_at", Value: "soon"}
		},
		"Europe/Berlin":    func(_ *sources.Columns, s *sources.Statement) { s.Zone = "CET summer" },
		"before it begins": func(_ *sources.Columns, s *sources.Statement) { s.From, s.To = "2026-02-01", "2026-01-01" },
		"written as 2026":  func(_ *sources.Columns, s *sources.Statement) { s.From = "1.2.2026" },
	} {
		m, s := people(), sources.Statement{}
		change(&m, &s)
		if _, err := read(t, m, table, s); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestGuessAndDescribe(t *testing.T) {
	f := file.New()
	for name, want := range map[string]bool{"a.csv": true, "a.XLSX": true, "a.tsv": true, "a.jsonl": true, "a.pdf": false} {
		if f.Guess(name, []byte("a,b\n")) != want {
			t.Errorf("%s", name)
		}
	}
	for head, want := range map[string]string{"a;b\n": "a table (CSV) with semicolons", "PK\x03\x04": "a workbook (XLSX)", " [{": "rows in JSON"} {
		if got := f.Describe("x", []byte(head)); got != want {
			t.Errorf("%q: %s", head, got)
		}
	}
}

func TestReadingStopsWhenItIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := file.New().Import(ctx, io.MultiReader(strings.NewReader("Worker ID,Name,Start,Fired\n"), &many{n: 5000}), settings(t, people(), sources.Statement{}), intake(t))
	if err == nil || fault.KindOf(err) == fault.KindInvalid {
		t.Errorf("got %v", err)
	}
}

// many is a table of n rows that is made while it is read.
type many struct {
	n, at int
	buf   []byte
	bad   int // a row that cannot be taken
	wide  int // bytes that a column nobody mapped has
}

func (m *many) Read(p []byte) (int, error) {
	for len(m.buf) < len(p) && m.at < m.n {
		m.at++
		start := "2026-01-31"
		if m.at == m.bad {
			start = "soon"
		}
		m.buf = fmt.Appendf(m.buf, "%d,%s,%s,Nein\n", m.at, strings.Repeat("x", m.wide), start)
	}
	if len(m.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, m.buf)
	m.buf = append(m.buf[:0], m.buf[n:]...)
	return n, nil
}

func TestAPreviewShowsRowsAndWhatTheyWouldBecome(t *testing.T) {
	text := "Employee ID,Full name,Hire date,Email\n7,Ada,2026-01-31,a@x.example\n8,Bo,soon,b@x.example\n9,Cy,,\n"
	p, err := file.Look(context.Background(), strings.NewReader(text), sources.Columns{}, time.UTC, 2)
	if err != nil || len(p.Rows) != 2 || strings.Join(p.Columns, "|") != "Employee ID|Full name|Hire date|Email" || p.Places[1] != "line 3" || len(p.Becomes) != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	if kind := file.SuggestKind(schemas, []string{"incident", "person", "row", "ticket_change"}, p); kind != "person" {
		t.Errorf("kind %s", kind)
	}
	m := file.Suggest(schemas["person"], p)
	var got []string
	for _, f := range m.Fields {
		got = append(got, f.Field+"="+f.Column)
	}
	if strings.Join(got, " ") != "email=Email name=Full name started_at=Hire date worker=Employee ID" || strings.Join(m.Key, "") != "Employee ID" {
		t.Errorf("fields %v, key %v", got, m.Key)
	}
	p, err = file.Look(context.Background(), strings.NewReader(text), m, time.UTC, 20)
	if err != nil || len(p.Becomes) != 3 || p.Becomes[0].Attrs["name"] != "Ada" || len(p.Faults) != 1 || !strings.Contains(p.Faults[0], `line 3: column Hire date is "soon"`) {
		t.Errorf("%+v, %v", p, err)
	}
}
