package bundle_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
)

func TestVerdicts(t *testing.T) {
	demo := newBook(t, 1, true)
	demoBundle := write(t, bundle.Contents{Created: start, Scope: bundle.All, Logs: []bundle.Log{demo.log()}}, 1)
	for _, c := range []struct {
		name   string
		bundle []byte
		keys   []string
		want   bundle.Verdict
		key    string
	}{
		{"key given", newExample(t).bytes(), []string{vkey(1)}, bundle.Verified, "given"},
		{"one of several keys", newExample(t).bytes(), []string{vkey(9), vkey(1)}, bundle.Verified, "given"},
		{"no key", newExample(t).bytes(), nil, bundle.Consistent, "inside"},
		{"wrong key", newExample(t).bytes(), []string{vkey(2)}, bundle.Corrupted, "inside"},
		{"demo with key", demoBundle, []string{vkey(1)}, bundle.Demo, "given"},
		{"demo without", demoBundle, nil, bundle.Demo, "inside"},
		{"demo with wrong key", demoBundle, []string{vkey(2)}, bundle.Corrupted, "inside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := verify(t, c.bundle, c.keys...)
			if r.Verdict != c.want || r.Key != c.key {
				t.Errorf("%s under the key %s, %v; want %s, %s", r.Verdict, r.Key, r.Problems, c.want, c.key)
			}
			for _, i := range r.Items {
				if c.want != bundle.Verified && i.Verdict == bundle.Verified {
					t.Errorf("%s is VERIFIED in a bundle that is %s", i.ID, c.want)
				}
			}
		})
	}
}

func TestItems(t *testing.T) {
	r := verify(t, newExample(t).bytes(), vkey(1))
	type row struct {
		ID      string
		Verdict bundle.Verdict
		Kind    canon.Kind
		Reason  string
	}
	const holds = "in the log; opened, and what it says is what was committed to"
	want := []row{
		{"entry/0", bundle.Verified, canon.KindLog, holds},
		{"evd_1", bundle.Superseded, canon.KindEvidence, "superseded by entry 2"},
		{"evd_1", bundle.Verified, canon.KindEvidence, holds},
		{"run_1", bundle.Verified, canon.KindRun, holds},
		{"entry/4", bundle.Erased, canon.KindEvidence, "erased by entry 5"},
		{"entry/5", bundle.Verified, canon.KindErasure, holds},
		{"entry/6", bundle.Verified, canon.KindOp, "in the log; not opened, so only its place, time and kind are shown"},
		{"entry/7", bundle.Verified, canon.KindOp, holds},
	}
	var got []row
	for n, i := range r.Items {
		got = append(got, row{i.ID, i.Verdict, i.Kind, i.Reason})
		at := func(n int) string { return canon.FormatTime(start.Add(time.Duration(n) * time.Minute)) }
		after := ""
		if n > 0 {
			after = at(n - 1)
		}
		if i.Recorded != at(n) || i.Bracket != (bundle.Bracket{After: after, By: "log clock only"}) {
			t.Errorf("entry %d recorded %s, bracket %+v", n, i.Recorded, i.Bracket)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReportAsJSON(t *testing.T) {
	e := newExample(t)
	r := verify(t, e.bytes(), vkey(1))
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	item := got["items"].([]any)[1]
	delete(got, "items")
	delete(got, "limits")
	text, _, _ := canon.PeekNote(e.checkpoint(8))
	want := map[string]any{
		"verdict": "VERIFIED", "file": "test.evb", "origin": origin(1), "size": 8.0, "root": strings.Split(text, "\n")[2],
		"key": "given", "created": "2026-03-02T06:00:00.000Z", "scope": "all", "problems": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantItem := map[string]any{
		"id": "evd_1", "verdict": "SUPERSEDED", "log": 0.0, "index": 1.0, "kind": "evidence", "recorded": "2026-03-01T06:01:00.000Z",
		"bracket": map[string]any{"after": "2026-03-01T06:00:00.000Z", "by": "log clock only"}, "reason": "superseded by entry 2",
	}
	if diff := cmp.Diff(any(wantItem), item); diff != "" {
		t.Error(diff)
	}
}

// TestSelectedScope: blobs may be left out if the manifest says so.
func TestSelectedScope(t *testing.T) {
	e := newExample(t)
	c := e.contents()
	c.Scope, c.Blobs = bundle.Selected, e.blobs[:1]
	r := verify(t, write(t, c, 1), vkey(1))
	if r.Verdict != bundle.Verified {
		t.Fatal(r.Problems)
	}
	if want := "in the log; opened; blobs/" + sum("second\n") + " is not in this bundle"; r.Items[2].Reason != want {
		t.Errorf("%s, want %s", r.Items[2].Reason, want)
	}
	if !strings.Contains(strings.Join(r.Limits, "\n"), "2 entries name content that is not in this bundle") {
		t.Errorf("limits %q", r.Limits)
	}
	c.Blobs = append(c.Blobs, e.blobs[2], e.blobs[3]) // the list and one of two chunks
	if r := verify(t, write(t, c, 1), vkey(1)); r.Verdict != bundle.Verified {
		t.Error(r.Problems)
	}
}

func TestSeveralLogs(t *testing.T) {
	e := newExample(t)
	both := func() bundle.Contents {
		c := e.contents()
		c.Logs = append(c.Logs, e.other.log())
		return c
	}
	t.Run("both keys given", func(t *testing.T) {
		r := verify(t, write(t, both(), 1), vkey(1), vkey(2))
		if r.Verdict != bundle.Verified || len(r.Items) != 10 || r.Items[9].ID != "log1/entry/1" || r.Items[9].Verdict != bundle.Verified {
			t.Errorf("%s %v %+v", r.Verdict, r.Problems, r.Items)
		}
	})
	t.Run("one key given", func(t *testing.T) {
		r := verify(t, write(t, both(), 1), vkey(1))
		if r.Verdict != bundle.Consistent || r.Key != "given" || r.Items[0].Verdict != bundle.Verified || r.Items[9].Verdict != bundle.Consistent {
			t.Errorf("%s %s %+v", r.Verdict, r.Key, r.Items)
		}
	})
	t.Run("the other log rewritten", func(t *testing.T) {
		c := both()
		other := newBook(t, 2, false)
		other.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"requests.withdraw"}`})
		c.Logs[1] = other.log()
		wantProblem(t, verify(t, write(t, c, 1), vkey(1), vkey(2)), "entry/7", "not that log's history")
	})
	t.Run("the other log cut short", func(t *testing.T) {
		c := both()
		c.Logs[1] = newBook(t, 2, false).log()
		wantProblem(t, verify(t, write(t, c, 1), vkey(1), vkey(2)), "entry/7", "only 1 are here")
	})
	t.Run("an answer signed by somebody else", func(t *testing.T) {
		files := unpack(t, write(t, both(), 1))
		lines := bytes.Split(bytes.TrimSuffix(files["logs/0/entries/000000000.jsonl"], []byte("\n")), []byte("\n"))
		leaf, err := canon.ParseLeaf(lines[7])
		if err != nil {
			t.Fatal(err)
		}
		leaf.Answers.Note[len(leaf.Answers.Note)-20] ^= 'a' ^ 'b'
		if lines[7], err = leaf.Encode(); err != nil {
			t.Fatal(err)
		}
		relog(t, files, lines)
		wantProblem(t, verify(t, pack(t, files), vkey(1), vkey(2)), "entry/7", "does not fit")
	})
	t.Run("one log twice", func(t *testing.T) {
		files := unpack(t, e.bytes())
		for name, b := range maps.Clone(files) {
			if rest, ok := strings.CutPrefix(name, "logs/0/"); ok {
				files["logs/1/"+rest] = b
			}
		}
		reseal(t, files, 1)
		wantProblem(t, verify(t, pack(t, files), vkey(1)), "logs/1/key", "here twice")
	})
	t.Run("a demo among them", func(t *testing.T) {
		c := both()
		c.Logs[1] = newBook(t, 3, true).log()
		if r := verify(t, write(t, c, 1), vkey(1), vkey(3)); r.Verdict != bundle.Demo {
			t.Errorf("%s %v", r.Verdict, r.Problems)
		}
	})
	t.Run("numbers with a gap", func(t *testing.T) {
		files := unpack(t, write(t, both(), 1))
		for name, b := range maps.Clone(files) {
			if rest, ok := strings.CutPrefix(name, "logs/1/"); ok {
				delete(files, name)
				files["logs/2/"+rest] = b
			}
		}
		reseal(t, files, 1)
		wantProblem(t, verify(t, pack(t, files), vkey(1)), "logs/2/", "without gaps")
	})
}

func TestUnusedKeyIsNamed(t *testing.T) {
	r := verify(t, newExample(t).bytes(), vkey(1), vkey(9))
	if !strings.Contains(strings.Join(r.Limits, "\n"), vkey(9)+" was given and has signed nothing") {
		t.Errorf("limits %q", r.Limits)
	}
}

func TestVerifyRefusesAnUnusableKey(t *testing.T) {
	b := newExample(t).bytes()
	for _, k := range []string{"", "key", vkey(1) + "\n", strings.ToUpper(vkey(1))} {
		if _, err := bundle.Verify(bytes.NewReader(b), int64(len(b)), bundle.Options{Keys: []string{k}}); err == nil {
			t.Errorf("%q was taken for a key", k)
		}
	}
}

func wantProblem(t *testing.T, r *bundle.Report, object, reason string) {
	t.Helper()
	if r.Verdict != bundle.Corrupted {
		t.Fatalf("%s", r.Verdict)
	}
	for _, p := range r.Problems {
		if p.Object == object && strings.Contains(p.Reason, reason) {
			return
		}
	}
	t.Errorf("no problem with %s about %q in %v", object, reason, r.Problems)
}

func TestOlderBundleHasNoLaterErasure(t *testing.T) {
	// The same opening left out is allowed; the same blob left out is not until
	// the erasure is in the log.
	e := newExample(t)
	c := e.contents()
	c.Blobs = c.Blobs[1:]
	r := verify(t, write(t, c, 1), vkey(1))
	wantProblem(t, r, "entry/1", "is missing, and no later entry erases this one")
	if r.Items[1].Verdict != bundle.Corrupted {
		t.Errorf("%+v", r.Items[1])
	}
	e.add(canon.Leaf{Kind: canon.KindErasure, Erases: []int64{1}}, map[string]string{"body": `{"op":"evidence.erase"}`})
	c = e.contents()
	c.Blobs = c.Blobs[1:]
	r = verify(t, write(t, c, 1), vkey(1))
	if r.Verdict != bundle.Verified || r.Items[1].Verdict != bundle.Erased {
		t.Errorf("%s %v %+v", r.Verdict, r.Problems, r.Items[1])
	}
}

func TestProblemsAreCapped(t *testing.T) {
	b := newBook(t, 1, false)
	for range 1200 {
		b.add(canon.Leaf{Kind: canon.KindEvidence}, map[string]string{"body": body("evd_1"), "content": content("gone")})
	}
	r := verify(t, write(t, bundle.Contents{Created: start, Scope: bundle.All, Logs: []bundle.Log{b.log()}}, 1), vkey(1))
	last := bundle.Problem{Object: "bundle", Reason: "200 further problems are not listed"}
	if len(r.Problems) != 1001 || r.Problems[1000] != last {
		t.Errorf("%d problems, last %v", len(r.Problems), r.Problems[len(r.Problems)-1])
	}
}

type badDisk struct{ *bytes.Reader }

func (b badDisk) ReadAt(p []byte, off int64) (int, error) {
	if off > 500 {
		return 0, bytes.ErrTooLarge
	}
	return b.Reader.ReadAt(p, off)
}

func TestReadErrorIsNotCorruption(t *testing.T) {
	b := newExample(t).bytes()
	if r, err := bundle.Verify(badDisk{bytes.NewReader(b)}, int64(len(b)), bundle.Options{}); err == nil {
		t.Errorf("%v; want the error of the disk", r.Problems)
	}
}

func TestVerdictIsTheSameEachTime(t *testing.T) {
	b := newExample(t).bytes()
	if diff := cmp.Diff(verify(t, b), verify(t, b), cmpopts.IgnoreUnexported(bundle.Item{})); diff != "" {
		t.Error(diff)
	}
}
