package torture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/blob/blobtest"
)

// lie is one way in which an S3 store answers wrongly.
type lie struct {
	name string
	// false answers: after it the store holds less than it said, so reading
	// may fail. It may never give other bytes.
	false bool
	tell  func(r *http.Request, next http.RoundTripper) (*http.Response, error)
}

var errCut = errors.New("the line is cut")

// lies are told in both directions: failed though it is done, done though it is
// not.
var lies = []lie{
	{"500, not done", false, says(500)},
	{"503, not done", false, says(503)},
	{"412, not done", false, says(412)},
	{"404, not done", false, says(404)},
	{"cut, not done", false, func(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, errCut }},
	{"500, done", false, doneBut(func(res *http.Response) (*http.Response, error) { return answer(res.Request, 500, nil), nil })},
	{"412, done", false, doneBut(func(res *http.Response) (*http.Response, error) { return answer(res.Request, 412, nil), nil })},
	{"cut, done", false, doneBut(func(*http.Response) (*http.Response, error) { return nil, errCut })},
	{"200, not done", true, says(200)},
	{"200, half done", true, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		return sendsOther(r, next, halved)
	}},
	{"200, other bytes", true, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		return sendsOther(r, next, flipped)
	}},
	{"no answer", false, func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}},
	{"body cut short", false, doneBut(changed(halved, false))},
	{"body cut short, length too", false, doneBut(changed(halved, true))},
	{"body changed", false, doneBut(changed(flipped, true))},
}

// calls are the kinds of request a store of blobs makes.
var calls = map[string]func(r *http.Request) bool{
	"PUT":    func(r *http.Request) bool { return r.Method == http.MethodPut },
	"HEAD":   func(r *http.Request) bool { return r.Method == http.MethodHead },
	"GET":    func(r *http.Request) bool { return r.Method == http.MethodGet && !r.URL.Query().Has("list-type") },
	"LIST":   func(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.Query().Has("list-type") },
	"DELETE": func(r *http.Request) bool { return r.Method == http.MethodDelete },
}

func answer(r *http.Request, code int, body []byte) *http.Response {
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Etag": {`"d41d8cd98f00b204e9800998ecf8427e"`}, "Last-Modified": {"Sun, 22 Nov 2026 05:00:00 GMT"}},
		Body:   io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r}
}

func says(code int) func(*http.Request, http.RoundTripper) (*http.Response, error) {
	return func(r *http.Request, _ http.RoundTripper) (*http.Response, error) { return answer(r, code, nil), nil }
}

func doneBut(then func(*http.Response) (*http.Response, error)) func(*http.Request, http.RoundTripper) (*http.Response, error) {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		return then(res)
	}
}

// changed hands out another body; admitted, its length is that of the other.
func changed(change func([]byte) []byte, admitted bool) func(*http.Response) (*http.Response, error) {
	return func(res *http.Response) (*http.Response, error) {
		b, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		other := change(b)
		out := *res
		out.Body = io.NopCloser(bytes.NewReader(other))
		if admitted {
			out.ContentLength = int64(len(other))
			out.Header = res.Header.Clone()
			out.Header.Set("Content-Length", fmt.Sprint(len(other)))
		} else if len(other) < len(b) {
			out.Body = io.NopCloser(io.MultiReader(bytes.NewReader(other), failing{}))
		}
		return &out, nil
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// sendsOther gives the store other bytes than were sent, and nothing to notice
// it by.
func sendsOther(r *http.Request, next http.RoundTripper, change func([]byte) []byte) (*http.Response, error) {
	if r.Body == nil {
		return next.RoundTrip(r)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	other := change(b)
	r2 := r.Clone(r.Context())
	r2.Body, r2.ContentLength = io.NopCloser(bytes.NewReader(other)), int64(len(other))
	for _, h := range []string{"X-Amz-Content-Sha256", "X-Amz-Checksum-Sha256", "Content-Md5"} {
		r2.Header.Del(h)
	}
	return next.RoundTrip(r2)
}

func halved(b []byte) []byte { return slices.Clone(b[:len(b)/2]) }

func flipped(b []byte) []byte {
	out := slices.Clone(b)
	if len(out) > 0 {
		out[len(out)/2] ^= 0x10
	}
	return out
}

// liar is a transport that tells a lie to chosen requests.
type liar struct {
	next http.RoundTripper

	mu   sync.Mutex
	to   func(*http.Request) bool
	tell func(*http.Request, http.RoundTripper) (*http.Response, error)
	told int
}

func (l *liar) set(to func(*http.Request) bool, tell func(*http.Request, http.RoundTripper) (*http.Response, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to, l.tell = to, tell
}

func (l *liar) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	tell := l.tell
	if tell != nil && l.to(r) {
		l.told++
	} else {
		tell = nil
	}
	l.mu.Unlock()
	if tell == nil {
		return l.next.RoundTrip(r)
	}
	return tell(r, l.next)
}

// Whatever an S3 store answers, there is no record whose bytes are other than
// they were: they are right, or reading says that they are missing or damaged.
func TestStoreLies(t *testing.T) {
	wanted(t)
	a, w := newTally("an S3 store that lies"), newWitness()
	bucket := blobtest.FakeS3(t)
	l := &liar{next: bucket.Transport}
	bucket.Transport = l
	store, err := blob.NewS3(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	p := place{dir: t.TempDir(), wrap: func(blob.Store) (blob.Store, error) { return store, nil }}
	e, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w.Org, err = organization(t.Context(), e, true); err != nil {
		t.Fatal(err)
	}
	found := &findings{}
	x := &lied{t: t, l: l, w: w, hand: &worker{desk: taker(e, w.Org), w: hearing{&look{findings: found, w: w}}}, store: store}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		for _, lie := range lies {
			x.try(name, calls[name], lie)
			a.runs++
		}
	}
	if err := e.DB.Close(); err != nil {
		t.Error(err)
	}
	a.acknowledged, a.receipts = len(w.Taken), len(w.Receipts)
	// The oracle wants every byte; those that the store swore to and lost are
	// told apart: reading them says so.
	w.everything()
	w.fresh = slices.DeleteFunc(w.fresh, func(key string) bool { return slices.Contains(x.robbed, key) })
	f := oracle(t.Context(), p, w)
	f.damaged = append(f.damaged, found.damaged...)
	a.add(f)
	f.report(t, "after a store that lied")
	a.count("%d lies told, %d refused, %d acknowledged all the same, %d read as missing or damaged", l.told, x.refused, x.believed, len(x.robbed))
	a.print(t)
	if x.refused == 0 || l.told < len(lies) {
		t.Error("hardly anything was lied about")
	}
}

// lied is a service whose store lies.
type lied struct {
	t                 *testing.T
	l                 *liar
	w                 *witness
	hand              *worker
	store             blob.Store
	refused, believed int
	robbed            []string // keys whose bytes the store has lost, as reading says
}

// try takes evidence in while the store lies to one kind of request, reads it
// while it lies, reads it when it does not, and sends it again.
func (x *lied) try(call string, to func(*http.Request) bool, lie lie) {
	t := x.t
	when := fmt.Sprintf("%s: %s", call, lie.name)
	key := strings.NewReplacer(" ", "-", ",", "", ":", "").Replace(when)
	patient := func(ctx context.Context) (context.Context, context.CancelFunc) {
		if lie.name == "no answer" {
			return context.WithTimeout(ctx, 200*time.Millisecond)
		}
		return context.WithTimeout(ctx, 30*time.Second)
	}
	ctx, cancel := patient(t.Context())
	x.l.set(to, lie.tell)
	err := x.hand.take(ctx, key, false)
	cancel()
	if err != nil {
		x.refused++
	} else {
		x.believed++
	}
	ctx, cancel = patient(t.Context())
	if wrong := readsWrong(ctx, x.hand.desk, key); wrong != nil {
		t.Errorf("%s: read while it lies: %v", when, wrong)
	}
	cancel()
	x.l.set(nil, nil)
	if _, taken := x.w.Taken[key]; taken {
		if err := reads(t.Context(), x.hand.desk, key); err != nil {
			if x.robbed = append(x.robbed, key); !lie.false {
				t.Errorf("%s: acknowledged, and does not read back: %v", when, err)
			}
		}
	}
	// The same bytes again, under the same key, from a store that is honest now.
	if err := x.hand.take(t.Context(), key, false); err != nil && !lie.false {
		t.Errorf("%s: sent again: %v", when, err)
	}
	if wrong := readsWrong(t.Context(), x.hand.desk, key); wrong != nil {
		t.Errorf("%s: %v", when, wrong)
	}
	x.direct(when, to, lie, patient)
}

// direct makes the calls that no operation here makes by itself.
func (x *lied) direct(when string, to func(*http.Request) bool, lie lie, patient func(context.Context) (context.Context, context.CancelFunc)) {
	ctx, cancel := patient(x.t.Context())
	defer cancel()
	const name = "direct-object"
	if err := x.store.Put(x.t.Context(), name, strings.NewReader("sound bytes")); err != nil {
		x.t.Fatalf("%s: an honest store refuses: %v", when, err)
	}
	x.l.set(to, lie.tell)
	gone := x.store.Delete(ctx, name)
	seen := false
	listed := x.store.List(ctx, func(o blob.Object) error { seen = seen || o.Name == name; return nil })
	x.l.set(nil, nil)
	r, err := x.store.Open(x.t.Context(), name)
	if err == nil {
		r.Close()
	}
	// A store that answers "deleted" and keeps it is beyond any client; but a
	// refusal to delete or to list must not read as success.
	if gone == nil && err == nil && !lie.false && !strings.HasPrefix(lie.name, "404") {
		x.t.Errorf("%s: counts as deleted, and is there", when)
	}
	if gone != nil && listed == nil && err == nil && !seen && !lie.false && !strings.Contains(when, "LIST") {
		x.t.Errorf("%s: is there, and is not listed", when)
	}
}
