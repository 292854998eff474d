package bundle_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/stamp"
	"github.com/tickmark/tickmark/internal/stamp/stamptest"
	"golang.org/x/mod/sumdb/note"
)

// rotate puts the key of another seed in force.
func (b *book) rotate(next byte) int64 {
	b.t.Helper()
	index := int64(len(b.leaves))
	l := canon.Leaf{Kind: canon.KindLog, Key: public(next)}
	l.Signed = ed25519.Sign(key(b.keyAt(len(b.leaves))), []byte(canon.RotationText(b.origin, index, l.Key)))
	b.add(l, map[string]string{"body": `{"op":"log.rotate"}`})
	b.turns = append(b.turns, turn{index, next})
	return index
}

// turn is an entry that puts the key of a seed in force.
type turn struct {
	index int64
	seed  byte
}

// keyAt is the seed of the key in force at a size.
func (b *book) keyAt(size int) byte {
	seed := b.seed
	for _, t := range b.turns {
		if int(t.index) < size {
			seed = t.seed
		}
	}
	return seed
}

func (b *book) vkeyAt(size int) string { return canon.VKey(b.origin, public(b.keyAt(size))) }

func (b *book) signer(size int) note.Signer {
	b.t.Helper()
	s, err := canon.NewSigner(b.origin, key(b.keyAt(size)))
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// text is that of the checkpoint at a size.
func (b *book) text(size int) string {
	var tree canon.Tree
	for _, l := range b.leaves[:size] {
		tree.Add(l)
	}
	return canon.Checkpoint{Origin: b.origin, Size: tree.Size(), Root: tree.Root()}.Text()
}

// continued is a log that continues another from an entry on, with the key of
// another seed.
func continued(old *book, seed byte, epoch int, last int64, known int) *book {
	b := &book{t: old.t, seed: seed, origin: canon.Origin(public(seed), epoch)}
	b.add(canon.Leaf{
		Kind: canon.KindLog, Key: public(seed), Recorded: start.Add(time.Hour),
		Answers: &canon.Answers{Log: old.origin, Index: last, Note: old.checkpoint(known)},
	}, map[string]string{"body": `{"lost":"what came after","op":"log.continue","reason":"restored"}`})
	return b
}

// when is the time of a book's next entry, after those of the book it continues.
func (b *book) when() time.Time {
	return start.Add(2*time.Hour + time.Duration(len(b.leaves))*time.Minute)
}

func pack1(b *book, blobs []bundle.Blob, logs ...*book) []byte {
	b.t.Helper()
	c := bundle.Contents{
		Created: start.Add(24 * time.Hour), Scope: bundle.All, Blobs: blobs,
		Readme: []byte("What this is.\n"), Spec: []byte("How it is checked.\n"),
	}
	for _, l := range append([]*book{b}, logs...) {
		c.Logs = append(c.Logs, l.log())
	}
	var out bytes.Buffer
	if err := bundle.Write(&out, c, b.signer(len(b.leaves))); err != nil {
		b.t.Fatal(err)
	}
	return out.Bytes()
}

// rotated is a log that has changed its key twice.
func rotated(t testing.TB) *book {
	b := newBook(t, 1, false)
	b.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.b"}`})
	b.rotate(3)
	b.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.c"}`})
	b.rotate(4)
	b.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.d"}`})
	return b
}

func TestChangedKeys(t *testing.T) {
	b := rotated(t)
	file := pack1(b, nil)
	for name, keys := range map[string][]string{
		"first": {vkey(1)}, "second": {canon.VKey(b.origin, public(3))}, "third": {canon.VKey(b.origin, public(4))},
	} {
		t.Run(name, func(t *testing.T) {
			r := verify(t, file, keys...)
			if r.Verdict != bundle.Verified || r.Key != "given" {
				t.Errorf("%s %v", r.Verdict, r.Problems)
			}
		})
	}
	if r := verify(t, file); r.Verdict != bundle.Consistent {
		t.Errorf("without a key: %s %v", r.Verdict, r.Problems)
	}
	wantProblem(t, verify(t, file, canon.VKey(b.origin, public(5))), "logs/0/key", "not by the key you gave")
	wantProblem(t, verify(t, file, vkey(5)), "logs/0/key", "not by the key you gave")
}

// TestKeyChangedByAnother: only the key before can name the next.
func TestKeyChangedByAnother(t *testing.T) {
	const entries = "logs/0/entries/000000000.jsonl"
	forge := func(spoil func(l *canon.Leaf, origin string)) []byte {
		b := newBook(t, 1, false)
		l := canon.Leaf{Kind: canon.KindLog, Key: public(3)}
		l.Signed = ed25519.Sign(key(1), []byte(canon.RotationText(b.origin, 1, l.Key)))
		spoil(&l, b.origin)
		b.add(l, map[string]string{"body": `{"op":"log.rotate"}`})
		for seed := byte(1); seed < 10; seed++ {
			if bytes.Equal(public(seed), l.Key) {
				b.turns = append(b.turns, turn{1, seed})
			}
		}
		return pack1(b, nil)
	}
	if r := verify(t, forge(func(*canon.Leaf, string) {}), vkey(1)); r.Verdict != bundle.Verified {
		t.Fatalf("%s %v", r.Verdict, r.Problems)
	}
	for name, spoil := range map[string]func(l *canon.Leaf, origin string){
		"signed by the next itself": func(l *canon.Leaf, origin string) {
			l.Signed = ed25519.Sign(key(3), []byte(canon.RotationText(origin, 1, l.Key)))
		},
		"signed for another place": func(l *canon.Leaf, origin string) {
			l.Signed = ed25519.Sign(key(1), []byte(canon.RotationText(origin, 2, l.Key)))
		},
		"signed for another log": func(l *canon.Leaf, _ string) {
			l.Signed = ed25519.Sign(key(1), []byte(canon.RotationText(origin(2), 1, l.Key)))
		},
		"signed for another key": func(l *canon.Leaf, _ string) { l.Key = public(4) },
		"signature changed":      func(l *canon.Leaf, _ string) { l.Signed[0] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			file := forge(spoil)
			wantProblem(t, verify(t, file, vkey(1)), entries, "the key before has not signed that")
			wantProblem(t, verify(t, file), entries, "the key before has not signed that")
		})
	}
	t.Run("rotation and old key beside", func(t *testing.T) {
		// The old key goes on signing after it was replaced.
		b := rotated(t)
		files := unpack(t, pack1(b, nil))
		old, err := canon.NewSigner(b.origin, key(1))
		if err != nil {
			t.Fatal(err)
		}
		files["logs/0/key"] = []byte(vkey(1) + "\n")
		files["logs/0/checkpoint"], _ = canon.SignNote(b.text(len(b.leaves)), old)
		files["manifest.note"], _ = canon.SignNote(manifestText(files, b.origin, bundle.All), old)
		wantProblem(t, verify(t, pack(t, files), vkey(1)), entries, "holds another key than logs/0/key")
	})
}

// TestAnswersUnderTheKeyThen: what another log has seen is checked with the key
// that was in force there.
func TestAnswersUnderTheKeyThen(t *testing.T) {
	for _, c := range []struct {
		name string
		size int
		by   byte
		want string
	}{
		{"before the change", 2, 1, ""}, {"after it", 3, 3, ""}, {"at the end", 6, 4, ""},
		{"by the old key after it", 3, 1, "signed by"}, {"by the new key before it", 2, 3, "signed by"},
	} {
		t.Run(c.name, func(t *testing.T) {
			other, b := rotated(t), newBook(t, 2, false)
			s, err := canon.NewSigner(other.origin, key(c.by))
			if err != nil {
				t.Fatal(err)
			}
			seen, err := canon.SignNote(other.text(c.size), s)
			if err != nil {
				t.Fatal(err)
			}
			b.add(canon.Leaf{Kind: canon.KindOp, Answers: &canon.Answers{Log: other.origin, Index: 0, Note: seen}}, map[string]string{"body": `{"op":"a.b"}`})
			r := verify(t, pack1(b, nil, other), vkey(2), vkey(1))
			if c.want == "" && r.Verdict != bundle.Verified {
				t.Errorf("%s %v", r.Verdict, r.Problems)
			} else if c.want != "" {
				wantProblem(t, r, "entry/1", c.want)
			}
		})
	}
}

// estate is a log, the one that continues it, and the evidence of both.
func estate(t testing.TB) (now, old *book, blobs []bundle.Blob) {
	old = newBook(t, 1, false)
	add := func(b *book, text, id string) int64 {
		return b.add(canon.Leaf{Kind: canon.KindEvidence}, map[string]string{"body": body(id), "content": content(text)})
	}
	add(old, "kept\n", "evd_1")
	add(old, "a person's name\n", "evd_2")
	old.close(2)
	now = continued(old, 5, 2, 2, 3)
	now.add(canon.Leaf{Kind: canon.KindErasure, Recorded: now.when(), Answers: &canon.Answers{Log: old.origin, Index: 2, Note: old.checkpoint(3)}},
		map[string]string{"body": `{"op":"evidence.erase"}`})
	now.add(canon.Leaf{Kind: canon.KindEvidence, Recorded: now.when()}, map[string]string{"body": body("evd_3"), "content": content("new\n")})
	return now, old, []bundle.Blob{blob("kept\n"), blob("new\n")}
}

func TestContinuedLogErases(t *testing.T) {
	now, old, blobs := estate(t)
	both := []string{canon.VKey(now.origin, public(5)), vkey(1)}
	r := verify(t, pack1(now, blobs, old), both...)
	if r.Verdict != bundle.Verified {
		t.Fatalf("%s %v", r.Verdict, r.Problems)
	}
	gone := r.Items[len(now.leaves)+2]
	if gone.Verdict != bundle.Erased || gone.Reason != "erased by entry 1 of log 0" {
		t.Errorf("%+v", gone)
	}
	if r := verify(t, pack1(now, blobs, old), both[0]); r.Verdict != bundle.Consistent {
		t.Errorf("one key of two: %s", r.Verdict)
	}
	t.Run("opened and erased, content gone", func(t *testing.T) {
		now, old, blobs := estate(t)
		old.reopen(2)
		if r := verify(t, pack1(now, blobs, old), both...); r.Verdict != bundle.Verified {
			t.Errorf("%s %v", r.Verdict, r.Problems)
		}
	})
	t.Run("without the log it continues", func(t *testing.T) {
		now, _, blobs := estate(t)
		if r := verify(t, pack1(now, blobs[1:]), both[0]); r.Verdict != bundle.Verified {
			t.Errorf("%s %v", r.Verdict, r.Problems)
		}
	})
	t.Run("a log that it does not continue", func(t *testing.T) {
		b, other := newBook(t, 2, false), newBook(t, 1, false)
		b.add(canon.Leaf{Kind: canon.KindErasure, Answers: &canon.Answers{Log: other.origin, Index: 0, Note: other.checkpoint(1)}},
			map[string]string{"body": `{"op":"evidence.erase"}`})
		wantProblem(t, verify(t, pack1(b, nil, other), vkey(1), vkey(2)), "entry/1", "which this log does not continue")
	})
	t.Run("over two continuations", func(t *testing.T) {
		middle, old, blobs := estate(t)
		now := continued(middle, 6, 3, 1, 2)
		now.add(canon.Leaf{Kind: canon.KindErasure, Recorded: now.when(), Answers: &canon.Answers{Log: old.origin, Index: 1, Note: old.checkpoint(3)}},
			map[string]string{"body": `{"op":"evidence.erase"}`})
		keys := append(both, canon.VKey(now.origin, public(6)))
		r := verify(t, pack1(now, blobs, middle, old), keys...)
		if i := r.Items[len(now.leaves)+len(middle.leaves)+1]; r.Verdict != bundle.Verified || i.Verdict != bundle.Erased {
			t.Errorf("%s %v %+v", r.Verdict, r.Problems, i)
		}
		// Without the one between, nothing shows that this log may erase there.
		r = verify(t, pack1(now, blobs[:1], old), keys...)
		if i := r.Items[len(now.leaves)+1]; r.Verdict != bundle.Verified || i.Verdict != bundle.Verified {
			t.Errorf("%s %v %+v", r.Verdict, r.Problems, i)
		}
	})
	t.Run("a checkpoint that is not its history", func(t *testing.T) {
		old := newBook(t, 1, false)
		old.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.b"}`})
		now := continued(old, 5, 2, 0, 2)
		old = newBook(t, 1, false)
		old.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.c"}`})
		wantProblem(t, verify(t, pack1(now, nil, old), both...), "entry/0", "is not that log's history")
	})
}

// reopen opens an entry again that close closed: what is shown is what the entry
// commits to, as add made it.
func (b *book) reopen(index int64) {
	for at, o := range b.closed {
		if at == index {
			b.openings = append(b.openings, o)
		}
	}
}

// outside is an authority for time stamps and two witnesses.
type outside struct {
	authority *stamptest.Authority
	roots     *stamp.Roots
	policy    *cosign.Policy
	text      string // of the policy
}

func witnessKey(t testing.TB, name string, seed byte) cosign.Key {
	t.Helper()
	k, err := cosign.WitnessKey(name, public(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newOutside(t testing.TB, at *time.Time) outside {
	t.Helper()
	o := outside{authority: stamptest.New(func() time.Time { return *at })}
	var err error
	if o.roots, err = stamp.ParseRoots(o.authority.Root.PEM()); err != nil {
		t.Fatal(err)
	}
	o.text = "# whom we believe\nlog " + vkey(1) + "\nwitness ours " + witnessKey(t, "witness.example", 20).String() +
		" https://witness.example\nwitness theirs " + witnessKey(t, "other.example/w", 21).String() + "\ngroup both 2 ours theirs\nquorum both\n"
	if o.policy, err = cosign.ParsePolicy([]byte(o.text)); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o outside) stamp(b *book, size int, nonce int64) (payloads map[string]string, reply string) {
	n := big.NewInt(nonce)
	reply = string(o.authority.Reply(stamp.NewRequest(sha256.Sum256([]byte(b.text(size))), n)))
	return map[string]string{
		"body": `{"authority":"https://tsa.example/","id":"anc_1","media_type":"application/timestamp-reply","nonce":"` + n.Text(16) +
			`","op":"anchors.stamp","size":` + big.NewInt(int64(size)).String() + `}`,
		"content": content(reply),
	}, reply
}

func (o outside) cosign(b *book, size int, name string, seed byte, at time.Time) map[string]string {
	line, err := cosign.Sign(witnessKey(b.t, name, seed), key(seed), b.text(size), at)
	if err != nil {
		b.t.Fatal(err)
	}
	return map[string]string{"body": `{"cosignature":"` + line + `","id":"anc_2","op":"anchors.cosign","size":` +
		big.NewInt(int64(size)).String() + `,"witness":"` + name + `"}`}
}

// anchored is a log with time stamps and cosignatures: entries 0 to 3, a stamp of
// four entries, one more, two cosignatures of six.
func anchored(t testing.TB) (*book, outside, []bundle.Blob) {
	at := start.Add(4*time.Minute + 30*time.Second)
	o := newOutside(t, &at)
	b := newBook(t, 1, false)
	for _, op := range []string{"a.b", "a.c", "a.d"} {
		b.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"` + op + `"}`})
	}
	payloads, reply := o.stamp(b, 4, 0x1234)
	b.add(canon.Leaf{Kind: canon.KindAnchor}, payloads)
	b.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.e"}`})
	b.add(canon.Leaf{Kind: canon.KindAnchor}, o.cosign(b, 6, "witness.example", 20, start.Add(6*time.Minute)))
	b.add(canon.Leaf{Kind: canon.KindAnchor}, o.cosign(b, 6, "other.example/w", 21, start.Add(7*time.Minute)))
	b.add(canon.Leaf{Kind: canon.KindAnchor}, o.cosign(b, 8, "stranger.example", 22, start.Add(8*time.Minute)))
	b.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.f"}`})
	return b, o, []bundle.Blob{blob(reply)}
}

func verifyWith(t testing.TB, b []byte, o bundle.Options) *bundle.Report {
	t.Helper()
	o.File = "test.evb"
	r, err := bundle.Verify(bytes.NewReader(b), int64(len(b)), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func brackets(r *bundle.Report) string {
	var b strings.Builder
	short := func(s string) string {
		if t, err := canon.ParseTime(s); err == nil {
			return t.Format("04:05")
		}
		return map[string]string{"": "-", "log clock only": "clock"}[s]
	}
	for _, i := range r.Items {
		b.WriteString(short(i.Bracket.After) + ".." + short(i.Bracket.By) + " ")
	}
	return strings.TrimSpace(b.String())
}

func TestAnchorsBracketTime(t *testing.T) {
	b, o, blobs := anchored(t)
	file := pack1(b, blobs)
	const clock = "-..clock 00:00..clock 01:00..clock 02:00..clock 03:00..clock 04:00..clock 05:00..clock 06:00..clock 07:00..clock 08:00..clock"
	for _, c := range []struct {
		name    string
		o       bundle.Options
		verdict bundle.Verdict
		want    string
		trusted string
		quorum  int64
	}{
		{"nobody is trusted", bundle.Options{Keys: []string{vkey(1)}}, bundle.Verified, clock, "----", 0},
		{"the authority", bundle.Options{Keys: []string{vkey(1)}, Roots: o.roots}, bundle.Verified,
			"-..04:30 00:00..04:30 01:00..04:30 02:00..04:30 04:30..clock 04:30..clock 04:30..clock 04:30..clock 04:30..clock 04:30..clock", "+---", 0},
		{"the witnesses, and their policy has the key", bundle.Options{Policy: o.policy}, bundle.Verified,
			"-..06:00 00:00..06:00 01:00..06:00 02:00..06:00 03:00..06:00 04:00..06:00 07:00..clock 07:00..clock 07:00..clock 07:00..clock", "-++-", 6},
		{"both", bundle.Options{Policy: o.policy, Roots: o.roots}, bundle.Verified,
			"-..04:30 00:00..04:30 01:00..04:30 02:00..04:30 04:30..06:00 04:30..06:00 07:00..clock 07:00..clock 07:00..clock 07:00..clock", "+++-", 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := verifyWith(t, file, c.o)
			if r.Verdict != c.verdict {
				t.Fatalf("%s %v", r.Verdict, r.Problems)
			}
			if got := brackets(r); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			trusted := ""
			for _, a := range r.Anchors {
				trusted += map[bool]string{true: "+", false: "-"}[a.Trusted]
				if a.Trusted == (a.Reason != "") {
					t.Errorf("%+v", a)
				}
			}
			if trusted != c.trusted {
				t.Errorf("trusted %s, want %s: %+v", trusted, c.trusted, r.Anchors)
			}
			if c.quorum > 0 != (len(r.Witnessed) == 1) || c.quorum > 0 && r.Witnessed[0] != (bundle.Witnessed{Log: 0, Size: c.quorum}) {
				t.Errorf("witnessed %v", r.Witnessed)
			}
		})
	}
	t.Run("a quorum that is not there", func(t *testing.T) {
		p, err := cosign.ParsePolicy([]byte(strings.Replace(o.text, "quorum both", "witness third "+witnessKey(t, "third", 23).String()+"\nquorum third", 1)))
		if err != nil {
			t.Fatal(err)
		}
		r := verifyWith(t, file, bundle.Options{Policy: p})
		if r.Verdict != bundle.Consistent || len(r.Problems) > 0 || r.Items[1].Verdict != bundle.Consistent {
			t.Errorf("%s %v", r.Verdict, r.Problems)
		}
	})
}

// TestClockThatCannotBe: an anchor tells of a clock that was set.
func TestClockThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name string
		at   time.Time
		want string
	}{
		{"near", start.Add(5 * time.Minute), ""},
		{"stamped long before it says it was recorded", start.Add(-time.Hour), "recorded by 2026-03-01T05:00:00.000Z"},
		{"recorded long before the stamp that came first", start.Add(time.Hour), "recorded after 2026-03-01T07:00:00.000Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOutside(t, &c.at)
			b := newBook(t, 1, false)
			payloads, reply := o.stamp(b, 1, 99)
			b.add(canon.Leaf{Kind: canon.KindAnchor}, payloads)
			r := verifyWith(t, pack1(b, []bundle.Blob{blob(reply)}), bundle.Options{Keys: []string{vkey(1)}, Roots: o.roots})
			said := r.Items[0].Reason + r.Items[1].Reason
			if r.Verdict != bundle.Verified || !strings.Contains(said, c.want) || (c.want == "") == strings.Contains(said, "clock") {
				t.Errorf("%s %v %s", r.Verdict, r.Problems, said)
			}
		})
	}
}

// TestAnchorsThatDoNotHold: rule 10 of docs/bundle.md.
func TestAnchorsThatDoNotHold(t *testing.T) {
	at := start.Add(time.Minute)
	o := newOutside(t, &at)
	good := func() (*book, map[string]string, string) {
		b := newBook(t, 1, false)
		b.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.b"}`})
		p, reply := o.stamp(b, 2, 77)
		return b, p, reply
	}
	cosigned := func(b *book) map[string]string { return o.cosign(b, 2, "witness.example", 20, at) }
	replace := func(old, new string) func(*book, map[string]string, *string) {
		return func(_ *book, p map[string]string, _ *string) {
			changed := strings.Replace(p["body"], old, new, 1)
			if changed == p["body"] {
				t.Fatalf("%s is not in %s", old, p["body"])
			}
			p["body"] = changed
		}
	}
	witness := func(old, new string) func(*book, map[string]string, *string) {
		return func(b *book, p map[string]string, reply *string) {
			delete(p, "content")
			p["body"] = cosigned(b)["body"]
			*reply = ""
			replace(old, new)(b, p, reply)
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(b *book, p map[string]string, reply *string)
		want  string
	}{
		{"size above the index", replace(`"size":2`, `"size":3`), "checkpoint of 3 entries"},
		{"size 0", replace(`"size":2`, `"size":0`), "checkpoint of 0 entries"},
		{"another size", replace(`"size":2`, `"size":1`), "another digest"},
		{"another nonce", replace(`"nonce":"4d"`, `"nonce":"4e"`), "another nonce"},
		{"nonce in capitals", replace(`"nonce":"4d"`, `"nonce":"4D"`), "[nonce]"},
		{"another media type", replace(`timestamp-reply`, `timestamp-query`), "[media_type]"},
		{"a further field", replace(`"op":`, `"note":"x","op":`), "[note]"},
		{"no id", replace(`"id":"anc_1",`, ``), "[id]"},
		{"no authority", replace(`"authority":"https://tsa.example/",`, ``), "[authority]"},
		{"empty authority", replace(`https://tsa.example/`, ``), "[authority]"},
		{"another content", func(_ *book, p map[string]string, reply *string) {
			*reply = "hello"
			p["content"] = content(*reply)
		}, "the time stamp"},
		{"a stamp of another checkpoint", func(b *book, p map[string]string, reply *string) {
			_, *reply = o.stamp(b, 1, 77)
			p["content"] = content(*reply)
		}, "another digest"},
		{"trusted witness, signed by another", func(b *book, p map[string]string, reply *string) {
			delete(p, "content")
			*reply = ""
			line, err := cosign.Sign(witnessKey(t, "witness.example", 20), key(21), b.text(2), at)
			if err != nil {
				t.Fatal(err)
			}
			p["body"] = strings.Replace(cosigned(b)["body"], strings.Split(cosigned(b)["body"], `"`)[3], line, 1)
		}, "does not fit the checkpoint"},
		{"trusted witness, another size", witness(`"size":2`, `"size":1`), "does not fit the checkpoint"},
		{"another name in the body", witness(`"witness":"witness.example"`, `"witness":"witness2.example"`), "[witness]"},
		{"cosignature in another form", witness(`"cosignature":"— `, `"cosignature":"- `), "not a cosignature"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, p, reply := good()
			c.spoil(b, p, &reply)
			index := b.add(canon.Leaf{Kind: canon.KindAnchor}, p)
			var blobs []bundle.Blob
			if reply != "" {
				blobs = append(blobs, blob(reply))
			}
			r := verifyWith(t, pack1(b, blobs), bundle.Options{Keys: []string{vkey(1)}, Roots: o.roots, Policy: o.policy})
			wantProblem(t, r, "entry/2", c.want)
			if i := r.Items[index]; i.Verdict != bundle.Corrupted || len(r.Anchors) > 0 {
				t.Errorf("%+v %+v", i, r.Anchors)
			}
		})
	}
}

// TestAnchorThatSaysAnotherIndex: what a leaf says of its place is not where it
// is.
func TestAnchorThatSaysAnotherIndex(t *testing.T) {
	b, o, blobs := anchored(t)
	b.leaves = append(b.leaves[:1], b.leaves[2:]...)
	for i := range b.openings {
		if i > 1 {
			b.openings[i].Index--
		}
	}
	b.openings = append(b.openings[:1], b.openings[2:]...)
	r := verifyWith(t, pack1(b, blobs), bundle.Options{Keys: []string{vkey(1)}, Roots: o.roots, Policy: o.policy})
	wantProblem(t, r, "logs/0/entries/000000000.jsonl", "says that it is entry 2")
}
