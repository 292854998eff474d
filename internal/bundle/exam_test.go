package bundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
)

func TestExaminationInOrder(t *testing.T) {
	r := newPlay(t).do(script...).verify()
	if r.Verdict != bundle.Verified {
		t.Fatalf("%s\n%v", r.Verdict, r.Problems)
	}
	told := func(list []bundle.Event) string {
		var out []string
		for _, e := range list {
			out = append(out, fmt.Sprintf("%s %d/%d", e.Step, e.Log, e.Index))
		}
		return strings.Join(out, " < ")
	}
	e := r.Examination
	if p := e.Populations[0]; p.Code != "POP-08" || p.Rows != 12 || !p.Compared || told(p.Events) != "commit 0/1 < seal 1/4 < accept 0/2 < draw 0/3" {
		t.Errorf("%+v", p)
	}
	p := e.Procedures[0]
	if p.Control != "CHG-01" || p.Drawn != 6 || p.Of != 12 || !p.Recomputed || p.Tested != 6 || p.Deviations != 1 || p.Population != "POP-08" {
		t.Errorf("%+v", p)
	}
	if got := told(p.Events); got != "draw 0/3 < link 1/5 < link 0/4 < test 0/5 < extend 0/6 < link 1/6 < test 0/7 < control 0/9 < review 0/11" {
		t.Error(got)
	}
	if got := told(e.Report); got != "part 0/14 < part 0/15 < part 0/16 < draft 0/17 < assertion 1/7 < opinion 0/18 < issue 0/19" {
		t.Error(got)
	}
	if e.File != origin(fileSeed) || e.Client != origin(clientSeed) || e.Rows != 12 {
		t.Errorf("%+v", e)
	}
}

// TestExaminationNeedsBothKeys: the client's log is half of what is proved.
func TestExaminationNeedsBothKeys(t *testing.T) {
	b := newPlay(t).do(script...).bytes()
	for _, c := range []struct {
		keys []string
		want bundle.Verdict
	}{
		{nil, bundle.Consistent},
		{[]string{vkey(fileSeed)}, bundle.Consistent},
		{[]string{vkey(clientSeed)}, bundle.Corrupted},
		{[]string{vkey(fileSeed), vkey(clientSeed)}, bundle.Verified},
	} {
		if r := verify(t, b, c.keys...); r.Verdict != c.want {
			t.Errorf("%d keys: %s, want %s", len(c.keys), r.Verdict, c.want)
		}
	}
}

// TestUnfinishedExaminations: a bundle can be written at any time, and what has
// not happened yet breaks no rule.
func TestUnfinishedExaminations(t *testing.T) {
	for n := range script {
		if r := newPlay(t).do(script[:n+1]...).verify(); r.Verdict != bundle.Verified {
			t.Errorf("up to %s: %v", script[n], r.Problems)
		}
	}
}

// TestOtherBundlesAreNoExamination: the client's own export has the same seals
// and links, and answers a log that is not inside.
func TestOtherBundlesAreNoExamination(t *testing.T) {
	p := newPlay(t).do(script...)
	c := p.contents()
	c.Logs = []bundle.Log{p.client.log()}
	var named []bundle.Blob
	for s, b := range p.blobs {
		// Of the engagement's blobs the client has those of its own log.
		r, _ := b.Open()
		var text bytes.Buffer
		text.ReadFrom(r)
		if !strings.HasPrefix(text.String(), "%PDF") && !strings.Contains(text.String(), "picks") && !strings.Contains(text.String(), "\tagrees") {
			named = append(named, p.blobs[s])
		}
	}
	c.Blobs = named
	r := verify(t, write(t, c, clientSeed), vkey(clientSeed))
	if r.Verdict != bundle.Verified || r.Examination != nil {
		t.Errorf("%s %v %+v", r.Verdict, r.Problems, r.Examination)
	}
	if r := verify(t, newExample(t).bytes(), vkey(1)); r.Examination != nil {
		t.Errorf("%+v", r.Examination)
	}
}

// TestOtherEngagementsOfTheClient: the client's log may hold what it sealed for
// another auditor.
func TestOtherEngagementsOfTheClient(t *testing.T) {
	p := newPlay(t)
	other := newBook(t, 23, false)
	p.client.add(canon.Leaf{Kind: canon.KindPopulation, Answers: &canon.Answers{Log: other.origin, Index: 0, Note: other.checkpoint(1)}},
		map[string]string{"actor": actor("usr_owner"), "body": `{"id":"pop_9","op":"populations.seal","step":"seal"}`})
	if r := p.do(script...).verify(); r.Verdict != bundle.Verified {
		t.Error(r.Problems)
	}
}

// TestListsWithoutRows: that nothing happened is sealed as well, and tested as
// such.
func TestListsWithoutRows(t *testing.T) {
	p := newPlay(t)
	p.items = nil
	p.body = func(step string, body map[string]any) {
		switch step {
		case "full":
			body["agrees"], body["deviates"], body["unknown"] = 0, 0, 0
		case "control 2":
			body["decision"], body["tested"], body["deviations"] = "no_occurrence", 0, 0
		}
	}
	p.do("commit", "seal", "accept", "full")
	p.concludeFull()
	if r := p.verify(); r.Verdict != bundle.Verified {
		t.Error(r.Problems)
	}
}

// TestRejectedListIsReplaced: the list that was rejected stays visible, and the
// sample comes from the one that was accepted.
func TestRejectedListIsReplaced(t *testing.T) {
	r := replaced(t).verify()
	if r.Verdict != bundle.Verified {
		t.Fatal(r.Problems)
	}
	var told []string
	for _, e := range r.Examination.Populations[0].Events {
		told = append(told, e.Step+" "+e.Note)
	}
	if got := strings.Join(told, ", "); got != "commit , seal version 1, accept rejected, seal version 2, accept complete, draw " {
		t.Error(got)
	}
}

// replaced is an examination of which the first list was rejected.
func replaced(t testing.TB) *play {
	p := newPlay(t)
	p.items = slices.Delete(p.items, 5, 6)
	p.body = func(step string, body map[string]any) {
		if step == "accept" {
			body["decision"], body["reason"] = "rejected", "one change is missing"
		}
	}
	p.do("commit", "seal", "accept")
	p.body, p.items = nil, newPlay(t).items
	return p.do(script[1:]...)
}

const (
	goldenExamination       = "testdata/examination-v1.evb"
	goldenExaminationReport = "testdata/examination-v1.json"
	goldenForgery           = "testdata/examination-forged-v1.evb"
)

// TestGoldenForgeryNeverVerifies: an item of the sample was exchanged, and both
// logs were signed anew over it.
func TestGoldenForgeryNeverVerifies(t *testing.T) {
	p := newPlay(t)
	edit("draw", p.drawn(1, 2)[0], p.drawn(11, 12)[0])(p)
	made := p.do("commit", "seal", "accept", "draw").bytes()
	if _, err := os.Stat(goldenForgery); *update && errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(goldenForgery, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(goldenForgery)
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, verify(t, b, vkey(fileSeed), vkey(clientSeed)), "entry/3", "nonce and list give "+p.drawn(1, 2)[0])
}

// TestGoldenExaminationVerifiesForever: as of the bundle of one log.
func TestGoldenExaminationVerifiesForever(t *testing.T) {
	made := replaced(t).bytes()
	if _, err := os.Stat(goldenExamination); *update && errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(goldenExamination, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(goldenExamination)
	if err != nil {
		t.Fatal(err)
	}
	r := verify(t, b, vkey(fileSeed), vkey(clientSeed))
	if r.Verdict != bundle.Verified {
		t.Fatalf("%s %v", r.Verdict, r.Problems)
	}
	got, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(goldenExaminationReport, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenExaminationReport)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the report is not %s; got\n%.3000s", goldenExaminationReport, got)
	}
	if !bytes.Equal(made, b) {
		t.Error("the same examination makes other bytes than it did")
	}
}

// TestEveryChangedByteOfAnExaminationIsNamed: whichever byte of a population's
// row, of evidence, of an entry or of anything else is changed, the object that
// holds it is named first; of a row, the item too.
func TestEveryChangedByteOfAnExaminationIsNamed(t *testing.T) {
	p := newPlay(t).do(script...)
	b := p.bytes()
	where := regions(t, b)
	rows := map[string]bool{}
	for s, blob := range p.blobs {
		r, _ := blob.Open()
		var text bytes.Buffer
		text.ReadFrom(r)
		rows["blobs/"+s] = strings.HasPrefix(text.String(), "CHG-") && !strings.Contains(text.String(), "agrees")
	}
	for part := range 4 {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			b := bytes.Clone(b)
			for i := part; i < len(b); i += 4 {
				step := 67
				if strings.HasPrefix(where[i], "blobs/") || strings.Contains(where[i], "/entries/") {
					step = 13
				}
				if !*exhaustive && i%step != 0 {
					continue
				}
				b[i] ^= 0x04
				r := verify(t, b, vkey(fileSeed), vkey(clientSeed))
				if r.Verdict != bundle.Corrupted || r.Problems[0].Object != where[i] {
					t.Fatalf("byte %d: %s %v; want %s named first", i, r.Verdict, r.Problems, where[i])
				}
				if rows[where[i]] && !slices.ContainsFunc(r.Problems, func(p bundle.Problem) bool {
					return p.Object == "log1/entry/4" && (strings.Contains(p.Reason, ": row ") || strings.Contains(p.Reason, "rows:"))
				}) {
					t.Errorf("byte %d, in a row: %v; want the row named", i, r.Problems)
				}
				b[i] ^= 0x04
			}
		})
	}
}

// TestLinesOfAnExaminationRemovedOrMoved: without the key, a row, a piece of
// evidence or an entry cannot be taken out or moved either.
func TestLinesOfAnExaminationRemovedOrMoved(t *testing.T) {
	files := unpack(t, newPlay(t).do(script...).bytes())
	for name, content := range files {
		if !strings.HasPrefix(name, "blobs/") && !strings.Contains(name, "/entries/") {
			continue
		}
		lines := bytes.SplitAfter(bytes.TrimSuffix(content, []byte("\n")), []byte("\n"))
		try := func(what string, lines [][]byte) {
			forged := map[string][]byte{}
			for k, v := range files {
				forged[k] = v
			}
			forged[name] = append(bytes.TrimSuffix(bytes.Join(lines, nil), []byte("\n")), content[len(bytes.TrimSuffix(content, []byte("\n"))):]...)
			r := verify(t, pack(t, forged), vkey(fileSeed), vkey(clientSeed))
			if r.Verdict != bundle.Corrupted || r.Problems[0].Object != name {
				t.Errorf("%s, %s: %s %v", name, what, r.Verdict, r.Problems)
			}
		}
		for i := range lines {
			try(fmt.Sprintf("without line %d", i+1), slices.Delete(slices.Clone(lines), i, i+1))
			if i > 0 && len(lines[i]) != 0 && i < len(lines)-1 {
				moved := slices.Clone(lines)
				moved[i-1], moved[i] = moved[i], moved[i-1]
				try(fmt.Sprintf("lines %d and %d exchanged", i, i+1), moved)
			}
		}
		delete(files, name)
		r := verify(t, pack(t, files), vkey(fileSeed), vkey(clientSeed))
		if r.Verdict != bundle.Corrupted || !slices.ContainsFunc(r.Problems, func(p bundle.Problem) bool { return p.Object == name }) {
			t.Errorf("without %s: %s %v", name, r.Verdict, r.Problems)
		}
		files[name] = content
	}
}

// needs are what must have happened before each act.
var needs = map[string][]string{
	"seal": {"commit"}, "accept": {"seal"}, "draw": {"accept"}, "answer": {"draw"}, "link": {"draw"}, "test": {"answer", "link"},
	"extend": {"draw"}, "answer more": {"extend"}, "test more": {"answer more"}, "full": {"accept"},
	"control": {"test", "test more", "full"}, "review": {"control"}, "assertion": {"draft"}, "opinion": {"part", "assertion"},
	"issue": {"opinion"},
}

// legal is an opinion of its own on whether an order of acts is one that the
// rules allow. It knows nothing of entries.
func legal(acts []string) bool {
	done := map[string]bool{}
	for _, a := range acts {
		for _, n := range needs[a] {
			if !done[n] {
				return false
			}
		}
		work := slices.Contains([]string{"accept", "draw", "extend", "test", "test more", "full", "control", "criterion", "part"}, a)
		switch {
		case work && done["opinion"]:
			return false
		case a == "opinion" && (done["draw"] || done["test"] || done["full"]) && !done["review"]:
			return false
		case (a == "link" || a == "review") && done["issue"]:
			return false
		case a == "draft" && done["opinion"]:
			return false
		}
		done[a] = true
	}
	return true
}

// TestOnlyLegalOrdersVerify plays the acts of an examination in an order that is
// legal but for a few acts moved or left out.
func TestOnlyLegalOrdersVerify(t *testing.T) {
	seen := map[bool]int{}
	rapid.Check(t, func(rt *rapid.T) {
		var acts []string
		left := slices.Clone(script)
		for len(left) > 0 {
			var next []string
			for _, a := range left {
				if legal(append(slices.Clone(acts), a)) {
					next = append(next, a)
				}
			}
			if len(next) == 0 {
				break
			}
			a := rapid.SampledFrom(next).Draw(rt, "next")
			acts = append(acts, a)
			left = slices.DeleteFunc(left, func(b string) bool { return a == b })
		}
		for range rapid.IntRange(0, 3).Draw(rt, "moves") {
			from := rapid.IntRange(0, len(acts)-1).Draw(rt, "from")
			a := acts[from]
			acts = slices.Delete(acts, from, from+1)
			if len(acts) > 0 && rapid.IntRange(0, 4).Draw(rt, "keep") > 0 {
				acts = slices.Insert(acts, rapid.IntRange(0, len(acts)).Draw(rt, "to"), a)
			}
			if len(acts) == 0 {
				return
			}
		}
		r := newPlay(t).do(acts...).verify()
		want := legal(acts)
		seen[want]++
		if got := r.Verdict == bundle.Verified; got != want {
			rt.Fatalf("%s: %s, legal is %v: %v", strings.Join(acts, ", "), r.Verdict, want, r.Problems)
		}
	})
	t.Logf("%d legal, %d not", seen[true], seen[false])
}
