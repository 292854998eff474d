package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A machine is one row of a list that is longer than any page.
type machine struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Note   string    `json:"note,omitempty"`
	Size   int64     `json:"size"`
	Status string    `json:"status"`
	Seen   time.Time `json:"seen,omitzero"`
	Labels []string  `json:"labels,omitempty"`
}

type machineFilter struct {
	After string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

const machineCount = 1203

var listMachines = op.Read("machines.list", "List the machines.", auth.OrgRead, func(_ *op.Call, in machineFilter) (op.Page[machine], error) {
	from, _ := strconv.Atoi(in.After)
	n := op.Limit(in.Limit)
	var rows []machine
	for i := from; i < machineCount && len(rows) <= n; i++ {
		rows = append(rows, machine{ID: fmt.Sprintf("m-%04d", i), Name: "Node\x1b[31m " + strconv.Itoa(i), Size: int64(i), Status: "up",
			Seen: optest.Start})
	}
	return op.PageOf(rows, n, machineCount, func(m machine) string {
		i, _ := strconv.Atoi(strings.TrimPrefix(m.ID, "m-"))
		return strconv.Itoa(i + 1)
	}), nil
})

// everything has an input of each type.
type everything struct {
	ID       int64     `json:"id" doc:"A number."`
	Text     string    `json:"text" doc:"Costs ${money} $5." enum:"a,b" maxLength:"5"`
	Flag     bool      `json:"flag" doc:"Yes or no."`
	Many     []string  `json:"many,omitempty" doc:"Several."`
	Sizes    []int64   `json:"sizes,omitempty" doc:"Several numbers."`
	At       time.Time `json:"at,omitzero" doc:"When."`
	Bytes    []byte    `json:"bytes,omitempty" doc:"Bytes."`
	Password string    `json:"password,omitempty" secret:"true" doc:"A secret."`
	Token    string    `json:"token,omitempty" doc:"Has the name of a flag of every command."`
	TwoWords string    `json:"two_words,omitempty" doc:"Has an underscore."`
}

var echo = op.Read("machines.ask_back", "Answer what was asked.", auth.OrgRead, func(_ *op.Call, in everything) (everything, error) { return in, nil })

func operations() []op.Operation {
	return slices.Concat(orgs.Operations, controls.Operations, evidence.Operations, []op.Operation{listMachines, echo})
}

// extra are commands that are no operations.
type extra struct {
	Assess assess `cmd:"" help:"Look at something and say what was found."`
	Dice   struct {
		Throw throw `cmd:"" help:"Throw one again, here and now."`
	} `cmd:"" help:"What needs nothing else."`
}

type throw struct{}

// Run throws.
func (*throw) Run(t *cli.Terminal) error {
	_, err := fmt.Fprintln(t.Out, 4)
	return err
}

type assess struct {
	Git string `help:"A repository."`
}

// Run says what it sees.
func (a *assess) Run(ctx context.Context, t *cli.Terminal) error {
	fmt.Fprintf(t.Out, "data %s git %s json %t\n", filepath.Base(t.Data), a.Git, t.JSON)
	return cli.Status(3)
}

// bench is a directory with one organization.
type bench struct {
	t      *testing.T
	data   string
	desk   *op.Desk
	opened int
	in     string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	t.Setenv("COLUMNS", "80")
	for _, name := range []string{"TICKMARK_DATA", "TICKMARK_SERVER", "TICKMARK_TOKEN"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	d, err := db.Open(t.Context(), dbtest.Migrated(t), db.Options{Unsafe: true, Careless: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	// Short, because the address of a socket may be no longer than 107 bytes.
	data, err := os.MkdirTemp("", "tickmark-cli-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(data) })
	return &bench{t: t, data: data, desk: optest.Found(t, optest.Engine(t, d), "Larchmere")}
}

// result is what a command left behind.
type result struct {
	t        *testing.T
	status   int
	out, err string
}

func (b *bench) run(args ...string) result {
	b.t.Helper()
	var out, errs bytes.Buffer
	status := cli.Run(b.t.Context(), args, strings.NewReader(b.in), &out, &errs, cli.Commands{Operations: operations(), Extra: &extra{},
		Open: func(_ context.Context, data, _ string) (*op.Desk, func() error, error) {
			if data != b.data {
				return nil, nil, fmt.Errorf("there is no directory %s", data)
			}
			b.opened++
			return b.desk, func() error { return nil }, nil
		}})
	return result{b.t, status, out.String(), errs.String()}
}

// here runs a command on the bench's directory.
func (b *bench) here(args ...string) result {
	b.t.Helper()
	return b.run(append(args, "--data", b.data)...)
}

func (r result) ok() result {
	r.t.Helper()
	if r.status != 0 || r.err != "" {
		r.t.Fatalf("status %d, said %q, printed %q", r.status, r.err, r.out)
	}
	return r
}

func (r result) fails(status int, with ...string) result {
	r.t.Helper()
	if r.status != status {
		r.t.Errorf("status %d, want %d; said %q, printed %q", r.status, status, r.err, r.out)
	}
	for _, w := range with {
		if !strings.Contains(r.err, w) {
			r.t.Errorf("%q is not in %q", w, r.err)
		}
	}
	return r
}

func (r result) into(v any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.ok().out), v); err != nil {
		r.t.Fatalf("%v: %s", err, r.out)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (run with -update to accept):\n%s", path, diff)
	}
}

func TestHelpReadsWell(t *testing.T) {
	b := newBench(t)
	for name, args := range map[string][]string{
		"help.txt":          {"--help"},
		"help-noun.txt":     {"controls", "--help"},
		"help-create.txt":   {"controls", "create", "--help"},
		"help-get.txt":      {"controls", "get", "--help"},
		"help-evidence.txt": {"evidence", "create", "--help"},
		"help-types.txt":    {"machines", "ask-back", "--help"},
		"help-list.txt":     {"machines", "list", "--help"},
		"help-assess.txt":   {"assess", "--help"},
	} {
		golden(t, name, b.run(args...).ok().out)
	}
	if a, b := b.run("help").ok().out, b.run("--help").ok().out; a != b {
		t.Error("help and --help differ")
	}
	b.run().fails(2, "Usage: tickmark")
}

func TestRecordsLiveThroughCommands(t *testing.T) {
	b := newBench(t)
	var control controls.Control
	b.here("controls", "create", "--code", "ZZZ-01", "--title", "Keys are counted", "--criteria", "CC6.1,CC6.2", "--frequency", "weekly",
		"--text", "Someone counts the keys every week, and writes it down.", "--json").into(&control)
	if control.Code != "ZZZ-01" || len(control.Criteria) != 2 {
		t.Errorf("%+v", control)
	}
	golden(t, "table.txt", strings.ReplaceAll(b.here("controls", "list").ok().out, string(control.ID), "ctl_0000000000000000000000000"))
	got := b.here("controls", "get", "ZZZ-01").ok().out
	for _, x := range []string{string(control.ID), string(control.Owner)} {
		got = strings.ReplaceAll(got, x, x[:4]+strings.Repeat("0", 26))
	}
	golden(t, "object.txt", got)

	b.here("controls", "retire", "ZZZ-01", "--reason", "No longer done", "--version", "7").
		fails(1, "tickmark: ZZZ-01 was changed or retired since you read it.", "It is now:", "version:", "Keys are counted")
	b.here("controls", "retire", "ZZZ-01", "--reason", "No longer done", "--version", "1").ok()
	if r := b.here("controls", "list"); r.status != 0 || r.out != "" || r.err != "Nothing to list.\n" {
		t.Errorf("%+v", r)
	}
	if r := b.here("controls", "list", "--json").ok(); r.out != "[]\n" {
		t.Errorf("%q", r.out)
	}
}

func TestFaultsArePlainSentences(t *testing.T) {
	b := newBench(t)
	r := b.here("controls", "create", "--code", "x", "--title", "Keys", "--criteria", "CC6.1", "--frequency", "hourly", "--text", "short").
		fails(1, "tickmark: --code: ", "tickmark: --frequency: ", "tickmark: --text: ")
	if n := strings.Count(r.err, "\n"); n != 3 {
		t.Errorf("%d lines: %q", n, r.err)
	}
	b.here("controls", "get", "ZZZ-99").fails(1, "tickmark: There is no adopted control ZZZ-99.\n")
	b.here("tokens", "revoke", "x").fails(1, "tickmark: ")
	b.run("controls", "list", "--data", "elsewhere").fails(1, "tickmark: there is no directory elsewhere\n")
	b.desk.Actor.Roles = []auth.Role{auth.Sponsor}
	b.here("tokens", "create", "--name", "x").fails(1, "tickmark: This needs the right tokens:write.")
}

func TestMisuseIsStatus2(t *testing.T) {
	b := newBench(t)
	b.here("vendors", "list").fails(2, "tickmark: unexpected argument vendors", `Run "tickmark --help"`)
	b.here("controls").fails(2, `Run "tickmark controls --help"`)
	b.here("controls", "get").fails(2, "<id>", `Run "tickmark controls get --help"`)
	b.here("controls", "create").fails(2, "missing flags: --code", `Run "tickmark controls create --help"`)
	b.here("controls", "list", "--colour").fails(2, "unknown flag --colour")
	b.here("machines", "list", "--limit", "many").fails(2, "--limit")
	b.here("orgs", "found").fails(2, "unexpected argument found") // work of the machine
}

func TestListsFollowThePages(t *testing.T) {
	b := newBench(t)
	var all []machine
	b.here("machines", "list", "--json").into(&all)
	if len(all) != machineCount || all[machineCount-1].ID != "m-1202" {
		t.Errorf("%d machines", len(all))
	}
	b.here("machines", "list", "--json", "--limit", "501").into(&all)
	if len(all) != 501 {
		t.Errorf("%d machines, want 501", len(all))
	}
	b.here("machines", "list", "--json", "--after", "1200", "--limit", "50").into(&all)
	if len(all) != 3 {
		t.Errorf("%d machines, want 3", len(all))
	}
	b.here("machines", "list", "--limit=-1").fails(1, "--limit")
	table := b.here("machines", "list").ok().out
	lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	if len(lines) != machineCount+1 {
		t.Errorf("%d lines", len(lines))
	}
	golden(t, "table-pages.txt", strings.Join(lines[:4], "\n")+"\n")
	if strings.Contains(table, "\x1b") {
		t.Error("the table has an escape character")
	}
}

func TestFlagsBecomeTheInput(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte{0, 1, 2}, 0o600); err != nil {
		t.Fatal(err)
	}
	b.in = "hunter2\nmore"
	var got everything
	b.here("machines", "ask-back", "7", "--text", "a", "--many", "x,y", "--many", "z", "--sizes", "1,2", "--at", "2026-12-31",
		"--bytes", file, "--password", "-", "--machines-token", "t", "--two-words", "w", "--json").into(&got)
	want := everything{ID: 7, Text: "a", Many: []string{"x", "y", "z"}, Sizes: []int64{1, 2}, At: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC),
		Bytes: []byte{0, 1, 2}, Password: "hunter2", Token: "t", TwoWords: "w"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	b.here("machines", "ask-back", "7", "--text", "a", "--flag", "--json").into(&got)
	if !got.Flag {
		t.Error("--flag is not true")
	}
	b.here("machines", "ask-back", "7", "--text", "c").fails(1, "--text: ")
	b.here("machines", "ask-back", "7", "--text", "a", "--at", "soon").fails(1, "--at: ")
}

func TestKeyRepeatsTheAnswer(t *testing.T) {
	b := newBench(t)
	args := []string{"tokens", "create", "--name", "ci", "--idempotency-key", "k", "--json"}
	var first, second, third orgs.GrantedToken
	b.here(args...).into(&first)
	b.here(args...).into(&second)
	b.here("tokens", "create", "--name", "ci", "--json").into(&third)
	if first.ID != second.ID || first.ID == third.ID {
		t.Errorf("%s, %s, %s", first.ID, second.ID, third.ID)
	}
}

func TestEvidenceIsUploadedFirst(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "members.csv")
	if err := os.WriteFile(file, []byte("name\nAda\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := b.serve(t)
	create := []string{"evidence", "create", "--title", "Members", "--origin", "HR", "--json"}
	for name, where := range map[string][]string{"directory": {"--data", b.data}, "server": server} {
		t.Run(name, func(t *testing.T) {
			var rec evidence.Record
			b.run(slices.Concat(create, where, []string{"--file", file})...).into(&rec)
			var back evidence.Bytes
			b.run(append([]string{"evidence", "content", string(rec.ID), "--json"}, where...)...).into(&back)
			if string(back.Data) != "name\nAda\n" {
				t.Errorf("%q", back.Data)
			}
			b.in = "from a pipe"
			b.run(slices.Concat(create, where, []string{"--file", "-"})...).into(&rec)
			if rec.Size != int64(len(b.in)) {
				t.Errorf("size %d", rec.Size)
			}
			b.run(append(slices.Clone(create), where...)...).fails(1, "tickmark: --file: give the file to upload")
			b.run(slices.Concat(create, where, []string{"--file", "/nowhere"})...).fails(1, "no such file")
		})
	}
}

// serve puts the bench's organization behind HTTP and returns the flags that
// lead there.
func (b *bench) serve(t *testing.T) []string {
	t.Helper()
	granted, err := orgs.NewToken.Do(t.Context(), b.desk, orgs.TokenWish{Name: "tests", Access: auth.AccessWrite})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(api.New(b.desk.Engine, operations(), api.Extra{}))
	t.Cleanup(s.Close)
	return []string{"--server", s.URL, "--token", granted.Secret}
}

func TestServerAnswersAsADirectoryDoes(t *testing.T) {
	b := newBench(t)
	server := b.serve(t)
	there := func(args ...string) result { t.Helper(); return b.run(append(args, server...)...) }
	own := []string{"controls", "create", "--title", "Keys", "--criteria", "CC6.1", "--frequency", "weekly",
		"--text", "Someone counts the keys every week."}
	there(append(own, "--code", "ZZZ-01")...).ok()
	for _, args := range [][]string{
		{"controls", "list"}, {"controls", "get", "ZZZ-01"}, {"controls", "get", "ZZZ-01", "--json"}, {"controls", "get", "ZZZ-02"},
		{"machines", "list", "--json"}, {"machines", "list", "--limit", "3"}, {"controls", "history", "ZZZ-01"},
		{"machines", "ask-back", "7", "--text", "a", "--many", "x y,z&", "--sizes", "1,2", "--at", "2026-12-31", "--flag", "--json"},
		{"machines", "ask-back", "7", "--text", "c"}, append(own, "--code", "nonsense"),
		{"controls", "retire", "ZZZ-01", "--reason", "No longer done", "--version", "7"},
	} {
		near, far := b.here(args...), there(args...)
		near.t, far.t = nil, nil
		if near != far {
			t.Errorf("%v:\nin a directory %+v\non a server   %+v", args, near, far)
		}
	}
	b.run("controls", "list", "--server", server[1], "--token", "tmk_wrong").fails(1, "tickmark: This token is unknown, expired or revoked.")
	b.run("controls", "list", "--server", "tickmark.example").fails(1, "--server: give an address such as")
	t.Setenv("TICKMARK_SERVER", server[1])
	t.Setenv("TICKMARK_TOKEN", server[3])
	b.run("controls", "list").ok()
}

func TestWhatIsNoTickmarkIsNamed(t *testing.T) {
	b := newBench(t)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	b.run("controls", "list", "--server", other.URL).fails(1, "is this the address of a Tickmark?")
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	b.run("controls", "list", "--server", gone.URL).fails(1, "tickmark: no answer from "+gone.URL)
}

// A write whose answer is lost is sent again with the key of the first time.
func TestLostAnswersAreAskedForAgain(t *testing.T) {
	b := newBench(t)
	inner := api.New(b.desk.Engine, operations(), api.Extra{Who: func(*http.Request) (auth.Actor, id.Org, error) {
		return b.desk.Actor, b.desk.Org, nil
	}})
	var keys []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys) == 1 { // the change is made, the answer never arrives
			inner.ServeHTTP(httptest.NewRecorder(), r)
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer s.Close()
	b.run("tokens", "create", "--name", "ci", "--server", s.URL).ok()
	if len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] {
		t.Errorf("keys %q", keys)
	}
	list, err := orgs.Tokens.Do(t.Context(), b.desk, op.None{})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("%d tokens, %v", len(list.Items), err)
	}
}

func TestServerThatHoldsTheDirectoryIsAsked(t *testing.T) {
	b := newBench(t)
	socket := filepath.Join(b.data, cli.SocketName)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: api.New(b.desk.Engine, operations(), api.Extra{Who: func(*http.Request) (auth.Actor, id.Org, error) {
		return b.desk.Actor, b.desk.Org, nil
	}})}
	go s.Serve(l)
	b.here("controls", "list", "--json").ok()
	b.here("tokens", "create", "--name", "ci").ok()
	if b.opened != 0 {
		t.Errorf("the directory was opened %d times beside its server", b.opened)
	}
	s.Close()
	// A server that was killed leaves its socket behind.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	b.here("controls", "list", "--json").ok()
	if b.opened != 1 {
		t.Errorf("the directory was opened %d times, want 1", b.opened)
	}
}

func TestFurtherCommandsRun(t *testing.T) {
	b := newBench(t)
	r := b.here("assess", "--git", "repo", "--json")
	if r.status != 3 || r.err != "" || r.out != "data "+filepath.Base(b.data)+" git repo json true\n" {
		t.Errorf("%+v", r)
	}
}
