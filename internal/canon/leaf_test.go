package canon_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tickmark/tickmark/internal/canon"
	"pgregory.net/rapid"
)

// key is a log key from a seed of one repeated byte.
func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
}

func public(seed byte) ed25519.PublicKey { return key(seed).Public().(ed25519.PublicKey) }

func origin(seed byte) string { return canon.Origin(public(seed), 1) }

func checkpoint(t testing.TB, seed byte, size int64) []byte {
	t.Helper()
	signer, err := canon.NewSigner(origin(seed), key(seed))
	if err != nil {
		t.Fatal(err)
	}
	c := canon.Checkpoint{Origin: origin(seed), Size: size, Root: sha256.Sum256([]byte("root"))}
	b, err := canon.SignNote(c.Text(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var recorded = time.Date(2026, 11, 21, 23, 5, 2, 123e6, time.UTC)

func genesis() canon.Leaf {
	return canon.Leaf{Log: origin(1), Recorded: recorded, Kind: canon.KindLog, Key: public(1)}
}

func entry(index int64, kind canon.Kind) canon.Leaf {
	return canon.Leaf{Log: origin(1), Index: index, Recorded: recorded, Kind: kind}
}

func full(t testing.TB) canon.Leaf {
	l := entry(7, canon.KindErasure)
	l.Commit = map[string][32]byte{"actor": {1}, "body": {2}, "content": {3}}
	l.Items = &canon.Items{Count: 3, Root: [32]byte{4}}
	l.Supersedes = []int64{0, 5}
	l.Erases = []int64{1, 6}
	return l
}

// answering is an entry that answers another log, and so the fields that do not
// go together with those of full.
func answering(t testing.TB) canon.Leaf {
	l := entry(7, canon.KindErasure)
	l.Answers = &canon.Answers{Log: origin(2), Index: 4, Note: checkpoint(t, 2, 5)}
	return l
}

// rotation is an entry that puts another key in the place of the first.
func rotation() canon.Leaf {
	l := entry(7, canon.KindLog)
	l.Key = public(3)
	l.Signed = ed25519.Sign(key(1), []byte(canon.RotationText(l.Log, l.Index, l.Key)))
	return l
}

func TestLeafBytes(t *testing.T) {
	demo := genesis()
	demo.Demo = true
	op := entry(1, canon.KindOp)
	op.Commit = map[string][32]byte{"body": canon.Commit([32]byte{9}, "body", "{}")}
	op.Supersedes = []int64{0}
	for _, c := range []struct {
		name string
		leaf canon.Leaf
		want string
	}{
		{"genesis", genesis(), `{"index":0,"key":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=","kind":"log",` +
			`"log":"tickmark/34750f98bd59fcfc946da45aaabe933b/1","recorded":"2026-11-21T23:05:02.123Z","v":1}`},
		{"demo genesis", demo, `{"demo":true,"index":0,"key":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=","kind":"log",` +
			`"log":"tickmark/34750f98bd59fcfc946da45aaabe933b/1","recorded":"2026-11-21T23:05:02.123Z","v":1}`},
		{"operation", op, `{"commit":{"body":"c6596269a3f0bd3f440119b51ae470c7f0e4dd921f29976ab85dd6e9845f238f"},"index":1,"kind":"op",` +
			`"log":"tickmark/34750f98bd59fcfc946da45aaabe933b/1","recorded":"2026-11-21T23:05:02.123Z","supersedes":[0],"v":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.leaf.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestLeafRoundTrip(t *testing.T) {
	for _, want := range []canon.Leaf{genesis(), full(t), answering(t), rotation()} {
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := canon.ParseLeaf(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestRotationText: whoever holds the next key must be named by the key before,
// byte for byte as docs/ledger.md section 9 says.
func TestRotationText(t *testing.T) {
	got := canon.RotationText(origin(1), 7, public(1))
	if want := "tickmark/rotate/v1\ntickmark/34750f98bd59fcfc946da45aaabe933b/1\n7\niojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=\n"; got != want {
		t.Errorf("%q", got)
	}
}

func TestEncodeWritesTimeInUTC(t *testing.T) {
	l := genesis()
	want, _ := l.Encode()
	l.Recorded = l.Recorded.In(time.FixedZone("", 3600))
	got, err := l.Encode()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s, %v", got, err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, spoil := range map[string]func(l *canon.Leaf){
		"negative index":            func(l *canon.Leaf) { l.Index = -1 },
		"index beyond 2^53-1":       func(l *canon.Leaf) { l.Index = 1 << 53 },
		"no origin":                 func(l *canon.Leaf) { l.Log = "" },
		"origin with quote":         func(l *canon.Leaf) { l.Log += `"` },
		"origin in capitals":        func(l *canon.Leaf) { l.Log = strings.ToUpper(l.Log) },
		"epoch 0":                   func(l *canon.Leaf) { l.Log = canon.Origin(public(1), 0) },
		"epoch with leading zero":   func(l *canon.Leaf) { l.Log = strings.Replace(l.Log, "/1", "/01", 1) },
		"unknown kind":              func(l *canon.Leaf) { l.Kind = "incident" },
		"no kind":                   func(l *canon.Leaf) { l.Kind = "" },
		"microseconds":              func(l *canon.Leaf) { l.Recorded = l.Recorded.Add(time.Microsecond) },
		"zero time":                 func(l *canon.Leaf) { l.Recorded = time.Time{} },
		"year 1969":                 func(l *canon.Leaf) { l.Recorded = time.Unix(-1, 0) },
		"year 10000":                func(l *canon.Leaf) { l.Recorded = l.Recorded.AddDate(8000, 0, 0) },
		"unknown label":             func(l *canon.Leaf) { l.Commit["item"] = [32]byte{} },
		"negative count":            func(l *canon.Leaf) { l.Items.Count = -1 },
		"root of no items":          func(l *canon.Leaf) { l.Items.Count = 0 },
		"supersedes itself":         func(l *canon.Leaf) { l.Supersedes = []int64{7} },
		"supersedes later":          func(l *canon.Leaf) { l.Supersedes = []int64{8} },
		"supersedes negative":       func(l *canon.Leaf) { l.Supersedes = []int64{-1} },
		"supersedes descending":     func(l *canon.Leaf) { l.Supersedes = []int64{3, 2} },
		"supersedes twice":          func(l *canon.Leaf) { l.Supersedes = []int64{3, 3} },
		"erases itself":             func(l *canon.Leaf) { l.Erases = []int64{7} },
		"erases descending":         func(l *canon.Leaf) { l.Erases = []int64{3, 2} },
		"erasure of nothing":        func(l *canon.Leaf) { l.Erases = nil },
		"erasing without erasure":   func(l *canon.Leaf) { l.Kind = canon.KindOp },
		"answers its own log":       func(l *canon.Leaf) { *l = answering(t); l.Answers.Log = l.Log },
		"answers no origin":         func(l *canon.Leaf) { *l = answering(t); l.Answers.Log = "x" },
		"answers a third log":       func(l *canon.Leaf) { *l = answering(t); l.Answers.Log = origin(3) },
		"answers beyond checkpoint": func(l *canon.Leaf) { *l = answering(t); l.Answers.Index = 5 },
		"answers negative":          func(l *canon.Leaf) { *l = answering(t); l.Answers.Index = -1 },
		"answers unsigned":          func(l *canon.Leaf) { *l = answering(t); l.Answers.Note = l.Answers.Note[:90] },
		"erasure by both":           func(l *canon.Leaf) { l.Answers = answering(t).Answers },
		"rotation in another kind":  func(l *canon.Leaf) { *l = rotation(); l.Kind = canon.KindOp },
		"rotation without signed":   func(l *canon.Leaf) { *l = rotation(); l.Signed = nil },
		"signed without key":        func(l *canon.Leaf) { *l = rotation(); l.Key = nil },
		"short signature":           func(l *canon.Leaf) { *l = rotation(); l.Signed = l.Signed[:63] },
		"short key in a rotation":   func(l *canon.Leaf) { *l = rotation(); l.Key = l.Key[:31] },
		"demo in a rotation":        func(l *canon.Leaf) { *l = rotation(); l.Demo = true },
		"continued epoch": func(l *canon.Leaf) {
			*l = genesis()
			l.Answers = &canon.Answers{Log: origin(2), Index: 4, Note: checkpoint(t, 2, 5)} // epoch 1 after epoch 1
		},
		"first entry signed": func(l *canon.Leaf) { *l = genesis(); l.Signed = rotation().Signed },
		"answers two signatures": func(l *canon.Leaf) {
			*l = answering(t)
			_, line, _ := bytes.Cut(l.Answers.Note, []byte("\n\n"))
			l.Answers.Note = append(l.Answers.Note, line...)
		},
		"key later":        func(l *canon.Leaf) { l.Key = public(1) },
		"demo later":       func(l *canon.Leaf) { l.Demo = true },
		"first of no key":  func(l *canon.Leaf) { *l = genesis(); l.Key = nil },
		"first of a kind":  func(l *canon.Leaf) { *l = genesis(); l.Kind = canon.KindOp },
		"key of 31 bytes":  func(l *canon.Leaf) { *l = genesis(); l.Key = l.Key[:31] },
		"key of other log": func(l *canon.Leaf) { *l = genesis(); l.Key = public(2) },
		"more than 8,192 bytes": func(l *canon.Leaf) {
			l.Index, l.Supersedes = 10000, nil
			for i := range int64(1700) {
				l.Supersedes = append(l.Supersedes, 1000+i)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := full(t)
			spoil(&l)
			if b, err := l.Encode(); err == nil {
				t.Errorf("encoded %s", b)
			}
		})
	}
}

func TestParseLeafRefuses(t *testing.T) {
	b, err := full(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	first, err := genesis().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ from, old, new string }{
		"empty":                  {good, good, ""},
		"array":                  {good, good, "[]"},
		"null":                   {good, good, "null"},
		"trailing line end":      {good, `"v":1}`, "\"v\":1}\n"},
		"trailing object":        {good, `"v":1}`, `"v":1}{}`},
		"white space":            {good, `"v":1`, `"v": 1`},
		"cut short":              {good, `"v":1}`, `"v":1`},
		"version 2":              {good, `"v":1`, `"v":2`},
		"version as text":        {good, `"v":1`, `"v":"1"`},
		"no version":             {good, `,"v":1`, ``},
		"unknown field":          {good, `"v":1`, `"v":1,"w":1`},
		"duplicate key":          {good, `"v":1`, `"v":1,"v":1`},
		"keys out of order":      {good, `"index":7,"items":{"count":3`, `"items":{"count":3,"index":7`},
		"float index":            {good, `"index":7`, `"index":7.0`},
		"exponent":               {good, `"index":7`, `"index":7e0`},
		"leading zero":           {good, `"index":7`, `"index":07`},
		"plus":                   {good, `"index":7`, `"index":+7`},
		"negative zero":          {good, `[0,5]`, `[-0,5]`},
		"index as text":          {good, `"index":7`, `"index":"7"`},
		"beyond 2^53-1":          {good, `"index":7`, `"index":9007199254740992`},
		"beyond 2^64":            {good, `"index":7`, `"index":99999999999999999999`},
		"null value":             {good, `"supersedes":[0,5]`, `"supersedes":null`},
		"empty supersedes":       {good, `"supersedes":[0,5]`, `"supersedes":[]`},
		"text in supersedes":     {good, `[0,5]`, `[0,"5"]`},
		"empty commit":           {string(first), `{"index"`, `{"commit":{},"index"`},
		"demo false":             {string(first), `{"index"`, `{"demo":false,"index"`},
		"demo as number":         {string(first), `{"index"`, `{"demo":1,"index"`},
		"unknown label":          {good, `"body":"`, `"bodies":"`},
		"upper-case digest":      {good, strings.Repeat("0", 62) + `"`, "AB" + strings.Repeat("0", 60) + `"`},
		"short digest":           {good, `000","body"`, `00","body"`},
		"unknown kind":           {good, `"erasure"`, `"erasures"`},
		"escaped letter":         {good, `"erasure"`, `"er\u0061sure"`},
		"needless escape":        {good, `tickmark/`, `tickmark\/`},
		"time without decimals":  {good, `02.123Z`, `02Z`},
		"time with two decimals": {good, `02.123Z`, `02.12Z`},
		"time with comma":        {good, `02.123Z`, `02,123Z`},
		"time with offset":       {good, `02.123Z`, `02.123+00:00`},
		"30 February":            {good, `2026-11-21`, `2026-02-30`},
		"second 60":              {good, `23:05:02`, `23:05:60`},
		"lower-case z":           {good, `.123Z`, `.123z`},
		"byte order mark":        {good, `{"commit"`, "\ufeff" + `{"commit"`},
		"C0 control":             {good, `erasure`, "erasure\x01"},
		"DEL":                    {good, `erasure`, "erasure\x7f"},
		"zero-width space":       {good, `erasure`, "era\u200bsure"},
		"bidi override":          {good, `erasure`, "era\u202esure"},
		"look-alike":             {good, `erasure`, "er\u0430sure"},
		"invalid UTF-8":          {good, `erasure`, "era\xffsure"},
		"nested deeply":          {good, `[0,5]`, strings.Repeat("[", 2000) + strings.Repeat("]", 2000)},
		"too long":               {good, good, `{"a":"` + strings.Repeat("x", 8200) + `"}`},
		"base64 trailing bits":   {string(first), `b1w="`, `b1x="`},
		"base64 unpadded":        {string(first), `b1w="`, `b1w"`},
		"empty key":              {good, `"kind"`, `"key":"","kind"`},
		"origin with line end":   {good, `/1","recorded"`, "/1\n\",\"recorded\""},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(c.from, c.old, c.new, 1)
			if text == c.from {
				t.Fatalf("%q is not in %s", c.old, c.from)
			}
			if l, err := canon.ParseLeaf([]byte(text)); err == nil {
				t.Errorf("parsed %+v", l)
			}
		})
	}
}

func TestFormatTimeIsThatOfTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-70e9, 260e9).Draw(t, "second"), rapid.Int64Range(0, 999999999).Draw(t, "nano"))
		if got, want := canon.FormatTime(at), at.UTC().Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestKindsIsACopy(t *testing.T) {
	canon.Kinds()[0] = "x"
	if canon.Kinds()[0] != canon.KindLog {
		t.Error("a caller changed the list of kinds")
	}
	if n := len(canon.Kinds()); n != 12 {
		t.Errorf("%d kinds; the list is closed at 12", n)
	}
}

// leaves generates leaves that profile 1 allows.
func leaves() *rapid.Generator[canon.Leaf] {
	return rapid.Custom(func(t *rapid.T) canon.Leaf {
		digest := rapid.Custom(func(t *rapid.T) [32]byte {
			return sha256.Sum256([]byte{rapid.Byte().Draw(t, "digest")})
		})
		indices := func(below int64) []int64 {
			var out []int64
			for next := int64(0); next < below && rapid.Bool().Draw(t, "more"); next = out[len(out)-1] + 1 {
				out = append(out, rapid.Int64Range(next, below-1).Draw(t, "earlier"))
			}
			return out
		}
		l := canon.Leaf{
			Log:      origin(1),
			Index:    rapid.OneOf(rapid.Int64Range(0, 5), rapid.Int64Range(0, canon.MaxInt)).Draw(t, "index"),
			Recorded: time.UnixMilli(rapid.Int64Range(0, 253402300799999).Draw(t, "recorded")).UTC(),
			Kind:     rapid.SampledFrom(canon.Kinds()).Draw(t, "kind"),
		}
		if l.Index == 0 {
			l.Kind, l.Key, l.Demo = canon.KindLog, public(1), rapid.Bool().Draw(t, "demo")
		}
		if c := rapid.MapOf(rapid.SampledFrom([]string{"actor", "body", "content"}), digest).Draw(t, "commit"); len(c) > 0 {
			l.Commit = c
		}
		if rapid.Bool().Draw(t, "bulk") {
			l.Items = &canon.Items{Count: rapid.Int64Range(1, canon.MaxInt).Draw(t, "count"), Root: digest.Draw(t, "root")}
		}
		l.Supersedes = indices(l.Index)
		if l.Kind == canon.KindErasure {
			if l.Erases = indices(l.Index); l.Erases == nil {
				l.Erases = []int64{l.Index - 1}
			}
		}
		return l
	})
}

func TestEveryLeafReadsBackAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := leaves().Draw(t, "leaf")
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := canon.ParseLeaf(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		var commits canon.Commits
		if err := canon.ScanLeaf(b, &got, &commits); err != nil {
			t.Fatal(err)
		}
		got.Commit = commits.Map()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestScanIsParse: what is read quickly is what is read with care, also where a
// byte was changed, and the usual leaf is read quickly.
func TestScanIsParse(t *testing.T) {
	usual := entry(7, canon.KindEvidence)
	usual.Commit = map[string][32]byte{"actor": {1}, "content": {3}}
	replaces := usual
	replaces.Supersedes = []int64{1, 5}
	erasure := entry(7, canon.KindErasure)
	erasure.Erases = []int64{6}
	items := usual
	items.Items = &canon.Items{Count: 3, Root: [32]byte{4}}
	demo := genesis()
	demo.Demo = true
	for _, c := range []struct {
		leaf  canon.Leaf
		quick bool
	}{{genesis(), true}, {usual, true}, {replaces, true}, {erasure, true}, {items, true}, {rotation(), true}, {full(t), true}, {answering(t), false}, {demo, false}} {
		b, err := c.leaf.Encode()
		if err != nil {
			t.Fatal(err)
		}
		var got canon.Leaf
		var commits canon.Commits
		if quick := canon.ScanLeafOnly(b, &got, &commits); quick != c.quick {
			t.Errorf("%s: quick %v", b, quick)
		}
		compare := func(b []byte, l canon.Leaf) {
			want, wantErr := canon.ParseLeaf(b)
			var commits canon.Commits
			err := canon.ScanLeaf(b, &l, &commits)
			l.Commit = commits.Map()
			if (err == nil) != (wantErr == nil) || err == nil && !cmp.Equal(l, want) {
				t.Errorf("%q: %+v %v, want %+v %v", b, l, err, want, wantErr)
			}
		}
		for i := range b {
			for _, x := range []byte{0, 1, 32, 128} {
				changed := bytes.Clone(b)
				changed[i] ^= x
				compare(changed, canon.Leaf{})
				compare(changed, c.leaf)
			}
			compare(b[:i], c.leaf)
			compare(append(bytes.Clone(b[:i]), b[min(len(b), i+1):]...), c.leaf)
		}
	}
}

func TestNoChangedByteIsTheSameLeaf(t *testing.T) {
	want := full(t)
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for _, x := range []byte{0x01, 0x20, 0x80, 0xff} {
			c := bytes.Clone(b)
			c[i] ^= x
			if got, err := canon.ParseLeaf(c); err == nil && cmp.Equal(want, got) {
				t.Errorf("byte %d xor %#x reads as the same leaf", i, x)
			}
		}
	}
}

func FuzzParseLeaf(f *testing.F) {
	b, err := full(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	b, _ = genesis().Encode()
	f.Add(b)
	f.Add([]byte(`{"index":1e3,"v":1,"v":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := canon.ParseLeaf(b)
		var fast canon.Leaf
		var commits canon.Commits
		if ok := canon.ScanLeafOnly(b, &fast, &commits); ok && err != nil {
			t.Errorf("%q is scanned as %+v, and refused: %v", b, fast, err)
		} else if fast.Commit = commits.Map(); ok && !cmp.Equal(fast, l) {
			t.Errorf("%q is scanned as %+v and read as %+v", b, fast, l)
		}
		if err != nil {
			return
		}
		out, err := l.Encode()
		if err != nil || !bytes.Equal(out, b) {
			t.Errorf("%q reads as %+v, which writes as %q, %v", b, l, out, err)
		}
	})
}

func BenchmarkScanLeaf(b *testing.B) {
	l := entry(70000, canon.KindEvidence)
	l.Commit = map[string][32]byte{"actor": {1}, "body": {2}, "content": {3}}
	text, err := l.Encode()
	if err != nil {
		b.Fatal(err)
	}
	var into canon.Leaf
	var commits canon.Commits
	for b.Loop() {
		if err := canon.ScanLeaf(text, &into, &commits); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseLeaf(b *testing.B) {
	l := entry(70000, canon.KindEvidence)
	l.Commit = map[string][32]byte{"actor": {1}, "body": {2}, "content": {3}}
	text, err := l.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(text)), "B/leaf")
	for b.Loop() {
		if _, err := canon.ParseLeaf(text); err != nil {
			b.Fatal(err)
		}
	}
}
