package bundle_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/stamp"
)

// Two verifiers were written from one specification by people who did not read
// each other's code. Where they disagree, one of them or the page is wrong; where
// both believe an altered file, both are. See docs/bundle.md.

const secondVerifier = "../../verify/verify.py"

// subject is a file and what its reader has.
type subject struct {
	name    string
	file    []byte
	proof   bool
	honest  bool // VERIFIED as it is
	keys    []string
	policy  string
	roots   string
	content []byte
	made    *bundle.Proof
}

// mutant is a subject of which something was altered.
type mutant struct {
	subject
	how  string
	must bool // it must not be believed
	// sealed means that an installation signed what it altered, so that it is said
	// of each entry whether it holds.
	sealed bool
	// object is what was altered, where one thing was and nothing made again above
	// it: both name it.
	object string
}

// verdicts is what a verifier says, as far as the two are compared.
type verdicts struct {
	Status int
	Report struct {
		Verdict, Origin, Root, Key, Created, Scope string
		Size                                       int64
		Items                                      []item
		Anchors                                    []anchor
		Witnessed                                  []struct {
			Log  int
			Size int64
		}
		Problems    []struct{ Object, Reason string }
		Examination json.RawMessage
	}
}

type anchor struct {
	Log         int
	Index, Size int64
	By, Time    string
	Trusted     bool
}

type item struct {
	ID, Verdict, Kind, Recorded string
	Log                         int
	Index                       int64
	Bracket                     struct{ After, By string }
}

func (v verdicts) objects() []string {
	var out []string
	for _, p := range v.Report.Problems {
		out = append(out, p.Object)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// first is what our verifier says.
func first(t testing.TB, s subject) (v verdicts) {
	t.Helper()
	v.Status = 2
	o := bundle.Options{File: "file", Keys: s.keys}
	var err error
	if s.policy != "" {
		if o.Policy, err = cosign.ParsePolicy([]byte(s.policy)); err != nil {
			return v
		}
	}
	if s.roots != "" {
		if o.Roots, err = stamp.ParseRoots([]byte(s.roots)); err != nil {
			return v
		}
	}
	var r *bundle.Report
	if s.proof {
		if s.content != nil {
			o.Content = bytes.NewReader(s.content)
		}
		r, err = bundle.VerifyProof(bytes.NewReader(s.file), o)
	} else {
		r, err = bundle.Verify(bytes.NewReader(s.file), int64(len(s.file)), o)
	}
	if err != nil {
		return v
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v.Report); err != nil {
		t.Fatal(err)
	}
	v.Status = map[bundle.Verdict]int{bundle.Verified: 0, bundle.Corrupted: 1, bundle.Consistent: 3, bundle.Demo: 4}[r.Verdict]
	return v
}

// second is the other verifier, one process for many files.
type second struct {
	t   testing.TB
	dir string
	in  io.WriteCloser
	out *bufio.Reader
}

func newSecond(t testing.TB) *second {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("TICKMARK_TORTURE") != "" {
			t.Fatal("the second verifier needs python3")
		}
		t.Skip("the second verifier needs python3, which is not here")
	}
	s := &second{t: t, dir: t.TempDir()}
	c := exec.Command(python, secondVerifier, "--batch")
	c.Stderr = os.Stderr
	if s.in, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewReaderSize(out, 1<<20)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("the second verifier ended with %v", err)
		}
	})
	return s
}

func (s *second) file(name string, content []byte) string {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		s.t.Error(err)
	}
	return path
}

func (s *second) verify(m subject) (v verdicts, err error) {
	ask := map[string]any{"keys": m.keys, "file": s.file("file.evb", m.file)}
	if m.keys == nil {
		ask["keys"] = []string{}
	}
	if m.proof {
		ask["file"] = s.file("file.tlog-proof", m.file)
	}
	if m.policy != "" {
		ask["policy"] = s.file("policy", []byte(m.policy))
	}
	if m.roots != "" {
		ask["tsa_roots"] = []string{s.file("roots.pem", []byte(m.roots))}
	}
	if m.content != nil {
		ask["content"] = s.file("content", m.content)
	}
	b, err := json.Marshal(ask)
	if err != nil {
		return v, err
	}
	if _, err := s.in.Write(append(b, '\n')); err != nil {
		return v, err
	}
	line, err := s.out.ReadBytes('\n')
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(line, &v)
}

// differ says in what two answers differ; empty if they agree.
func differ(a, b verdicts, sealed bool) string {
	var out []string
	say := func(what string, x, y any) {
		if s, z := fmt.Sprintf("%+v", x), fmt.Sprintf("%+v", y); s != z {
			out = append(out, fmt.Sprintf("%s:\n  first  %.600s\n  second %.600s", what, s, z))
		}
	}
	say("status", a.Status, b.Status)
	if a.Status == 2 || b.Status == 2 {
		return strings.Join(out, "\n")
	}
	x, y := a.Report, b.Report
	say("verdict", x.Verdict, y.Verdict)
	say("whether something is named", len(a.objects()) > 0, len(b.objects()) > 0)
	if a.Status == 1 && !sealed {
		// How much can be told of what somebody without the key has damaged is
		// nobody's promise.
		return strings.Join(out, "\n")
	}
	if whole := a.Status != 1; whole {
		say("head", fmt.Sprint(x.Origin, x.Size, x.Root, x.Key, x.Created, x.Scope), fmt.Sprint(y.Origin, y.Size, y.Root, y.Key, y.Created, y.Scope))
	} else {
		// Of a file that does not hold, what it calls itself is nobody's concern.
		x.Items, y.Items = slices.Clone(x.Items), slices.Clone(y.Items)
		for _, items := range []*[]item{&x.Items, &y.Items} {
			// Openings of entries that are not there are told after those that are.
			slices.SortStableFunc(*items, func(a, b item) int {
				return cmp.Or(a.Log-b.Log, boolInt(a.Verdict == "NOT IN LOG")-boolInt(b.Verdict == "NOT IN LOG"), int(a.Index-b.Index))
			})
			for i := range *items {
				if it := &(*items)[i]; it.Verdict == "CORRUPTED" {
					*it = item{Verdict: it.Verdict, Log: it.Log, Index: it.Index}
				} else {
					it.ID, it.Kind, it.Recorded = "", "", ""
				}
			}
		}
	}
	say("number of items", len(x.Items), len(y.Items))
	if len(x.Items) == len(y.Items) {
		for i := range x.Items {
			x, y := x.Items[i], y.Items[i]
			x.Bracket, y.Bracket = item{}.Bracket, item{}.Bracket
			say(fmt.Sprintf("item %d", i), x, y)
		}
	}
	if a.Status == 1 {
		// Of a stamp that is not inside nothing is said, whether it is listed or not.
		x.Anchors, y.Anchors = timed(x.Anchors, x.Items), timed(y.Anchors, y.Items)
	}
	if fmt.Sprint(x.Anchors) == fmt.Sprint(y.Anchors) || a.Status != 1 {
		say("brackets", bracketsOf(x.Items), bracketsOf(y.Items))
	} else {
		// Whether an anchor counts of which something else does not fit is open.
		x.Anchors, y.Anchors = fitting(x.Anchors, x.Items), fitting(y.Anchors, y.Items)
	}
	say("anchors", x.Anchors, y.Anchors)
	if a.Status != 1 || len(x.Anchors) > 0 || len(y.Anchors) > 0 {
		say("witnessed", x.Witnessed, y.Witnessed)
	}
	if a.Status != 1 {
		say("examination", canonical(x.Examination), canonical(y.Examination))
		say("problems", x.Problems, y.Problems)
	}
	if len(out) > 6 {
		out = append(out[:6], "…")
	}
	return strings.Join(out, "\n")
}

// timed leaves out, too, what is said of a log that does not hold.
func timed(list []anchor, items []item) []anchor {
	return slices.DeleteFunc(slices.Clone(list), func(a anchor) bool {
		return a.Time == "" || !slices.ContainsFunc(items, func(i item) bool { return i.Log == a.Log && i.Verdict != "CORRUPTED" })
	})
}

// fitting are the anchors of which the entries hold.
func fitting(list []anchor, items []item) []anchor {
	return slices.DeleteFunc(slices.Clone(list), func(a anchor) bool {
		return slices.ContainsFunc(items, func(i item) bool { return i.Log == a.Log && i.Index == a.Index && i.Verdict == "CORRUPTED" })
	})
}

func bracketsOf(items []item) (out []string) {
	for _, i := range items {
		out = append(out, i.Bracket.After+".."+i.Bracket.By)
	}
	return out
}

func canonical(b json.RawMessage) string {
	var v any
	if b == nil || json.Unmarshal(b, &v) != nil {
		return string(b)
	}
	out, _ := json.Marshal(v)
	return string(out)
}

// TestVerifiersAgree lets both verifiers judge altered files: of every kind of
// bundle and proof, single bytes and whole forgeries that are signed. They say
// the same of each, and neither believes what must not be believed.
func TestVerifiersAgree(t *testing.T) {
	count := 400
	if os.Getenv("TICKMARK_TORTURE") != "" {
		count = 10_000
	}
	if n, err := strconv.Atoi(os.Getenv("TICKMARK_MUTANTS")); err == nil {
		count = n // another number is another series
	}
	all := subjects(t)
	queue := make(chan mutant)
	tally := struct {
		sync.Mutex
		kinds, verdicts  map[string]int
		seen, wrong, yes int
		same             int // name the same objects
	}{kinds: map[string]int{}, verdicts: map[string]int{}}
	var workers sync.WaitGroup
	for range 2 {
		s := newSecond(t)
		workers.Go(func() {
			for m := range queue {
				a := first(t, m.subject)
				b, err := s.verify(m.subject)
				if err != nil {
					t.Errorf("%s, %s: the second verifier: %v", m.name, m.how, err)
					for range queue {
					}
					return
				}
				diff := differ(a, b, m.sealed)
				for _, v := range []verdicts{a, b} {
					if m.object != "" && !slices.Contains(v.objects(), m.object) {
						diff += fmt.Sprintf("\n%s is not named: %.300v", m.object, v.objects())
					}
				}
				believed := m.must && (a.Status == 0 || a.Status == 3 || a.Status == 4)
				tally.Lock()
				tally.seen++
				kind, _, _ := strings.Cut(m.how, ":")
				tally.kinds[kind]++
				tally.verdicts[fmt.Sprint(a.Status)]++
				if slices.Equal(a.objects(), b.objects()) {
					tally.same++
				}
				if believed {
					tally.yes++
				}
				if diff != "" || believed {
					if tally.wrong++; tally.wrong <= 25 {
						t.Errorf("%s, %s: believed %v\n%s\nproblems first %.400v\nproblems second %.400v", m.name, m.how, believed, diff, a.Report.Problems, b.Report.Problems)
						keepMutant(t, tally.wrong, m)
					}
				}
				tally.Unlock()
			}
		})
	}
	for _, s := range all {
		queue <- mutant{subject: s, how: "as it is"}
	}
	r := rand.New(rand.NewPCG(4, uint64(count)))
	for n := 0; n < count; {
		if m, ok := mutate(t, r, all); ok {
			queue <- m
			n++
		}
	}
	close(queue)
	workers.Wait()
	t.Logf("%d files, %d disagreements, %d false accepts; %d times the same objects\nby statuses %v\nby kinds %v", tally.seen, tally.wrong-tally.yes, tally.yes, tally.same, tally.verdicts, tally.kinds)
}

// keepMutant writes a mutant for whoever looks into it, if a folder is named.
func keepMutant(t testing.TB, n int, m mutant) {
	dir := os.Getenv("TICKMARK_KEEP_MUTANTS")
	if dir == "" {
		return
	}
	ext := ".evb"
	if m.proof {
		ext = ".tlog-proof"
	}
	for name, content := range map[string][]byte{
		ext: m.file, ".keys": []byte(strings.Join(m.keys, "\n")), ".policy": []byte(m.policy), ".pem": []byte(m.roots), ".how": []byte(m.name + ", " + m.how),
	} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d%s", n, name)), content, 0o600); err != nil {
			t.Error(err)
		}
	}
}
