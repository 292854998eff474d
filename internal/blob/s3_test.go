package blob_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/blob/blobtest"
	"github.com/tickmark/tickmark/internal/fault"
)

func openS3(t *testing.T, b blob.Bucket) *blob.S3 {
	t.Helper()
	s, err := blob.NewS3(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestS3IsAStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return openS3(t, blobtest.FakeS3(t)) })
}

// On the machine itself a store may be reached without TLS.
func TestS3WithoutTLSIsAStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		u, err := url.Parse(blobtest.LocalS3(t))
		if err != nil {
			t.Fatal(err)
		}
		return openS3(t, blob.Bucket{Endpoint: strings.TrimPrefix(u.Query().Get("endpoint"), "http://"), Region: "us-east-1", Name: u.Host,
			AccessKey: "test", SecretKey: "secret", Tries: 1})
	})
}

func TestS3KeepsToItsPrefix(t *testing.T) {
	b := blobtest.FakeS3(t)
	one := openS3(t, b)
	b.Prefix = "of-another/"
	other := openS3(t, b)
	if err := one.Put(t.Context(), "name", strings.NewReader("one")); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(t.Context(), "name"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another prefix sees it: %v", err)
	}
	for _, name := range []string{"", "abc", "../up", "a/../../up", "/abs", ".tmp-x", "abcd/e"} {
		if err := one.Put(t.Context(), name, strings.NewReader("x")); err == nil {
			t.Errorf("%q is stored", name)
		}
		if _, err := one.Open(t.Context(), name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q is looked for: %v", name, err)
		}
	}
}

// trip answers requests in the place of the store, where it wants to.
type trip struct {
	next http.RoundTripper
	fn   func(r *http.Request, next http.RoundTripper) (*http.Response, error)
}

func (t *trip) RoundTrip(r *http.Request) (*http.Response, error) { return t.fn(r, t.next) }

// faulty opens a store and breaks it afterwards.
func faulty(t *testing.T, fn func(r *http.Request, next http.RoundTripper) (*http.Response, error)) *blob.S3 {
	t.Helper()
	b := blobtest.FakeS3(t)
	pass := func(r *http.Request, next http.RoundTripper) (*http.Response, error) { return next.RoundTrip(r) }
	broken := &trip{b.Transport, pass}
	b.Transport = broken
	s := openS3(t, b)
	if err := s.Put(t.Context(), "there", strings.NewReader("sound")); err != nil {
		t.Fatal(err)
	}
	broken.fn = fn
	return s
}

func answer(r *http.Request, code int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}
}

func TestS3PutDoesNotBelieveTheAnswer(t *testing.T) {
	put := func(fn func(r *http.Request, next http.RoundTripper) (*http.Response, error)) error {
		s := faulty(t, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if r.Method == http.MethodPut {
				return fn(r, next)
			}
			return next.RoundTrip(r)
		})
		return s.Put(t.Context(), "name", strings.NewReader("data"))
	}
	if err := put(func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		return answer(r, 200, nil, ""), nil
	}); err == nil {
		t.Error("an object that the store said it took, and did not, counts as stored")
	}
	if err := put(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		half, _ := io.ReadAll(io.LimitReader(r.Body, 2))
		r2 := r.Clone(r.Context())
		r2.Body, r2.ContentLength = io.NopCloser(bytes.NewReader(half)), 2
		r2.Header.Del("X-Amz-Content-Sha256")
		r2.Header.Del("X-Amz-Checksum-Sha256")
		return next.RoundTrip(r2)
	}); err == nil {
		t.Error("half an object counts as stored")
	}
	for _, code := range []int{400, 403, 500, 503} {
		if err := put(func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return answer(r, code, nil, ""), nil
		}); err == nil {
			t.Errorf("status %d counts as stored", code)
		}
	}
	if err := put(func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		return answer(r, 412, nil, ""), nil
	}); err == nil {
		t.Error("an object that is said to be there, and is not, counts as stored")
	}
}

func TestS3PutIsRepeatedWhenTheAnswerIsLost(t *testing.T) {
	var puts atomic.Int32
	b := blobtest.FakeS3(t)
	b.Tries = 3
	next := b.Transport
	b.Transport = &trip{next, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err == nil && r.Method == http.MethodPut && puts.Add(1)%2 == 1 {
			res.Body.Close()
			return nil, errors.New("the line is cut")
		}
		return res, err
	}}
	s := openS3(t, b) // its probe is cut once too
	if err := s.Put(t.Context(), "name", strings.NewReader("data")); err != nil {
		t.Fatal(err)
	}
	if puts.Load() != 4 {
		t.Errorf("%d requests, want two for each of two objects", puts.Load())
	}
}

func TestS3ReadsNothingShort(t *testing.T) {
	s := faulty(t, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err == nil && r.Method == http.MethodGet {
			whole := res.Body
			res.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(whole, 2), &broken{io.ErrUnexpectedEOF}), whole}
		}
		return res, err
	})
	r, err := s.Open(t.Context(), "there")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err == nil {
		t.Errorf("%q reads as the whole object", got)
	}
}

type broken struct{ err error }

func (b *broken) Read([]byte) (int, error) { return 0, b.err }

// An outage must not look like an object that is gone: what is gone is
// written again, or given up.
func TestS3OutageIsNoAbsence(t *testing.T) {
	for _, code := range []int{403, 500, 503} {
		s := faulty(t, func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return answer(r, code, nil, ""), nil
		})
		if _, err := s.Open(t.Context(), "there"); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open, status %d: %v", code, err)
		}
		if _, err := s.Stat(t.Context(), "there"); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat, status %d: %v", code, err)
		}
		if err := s.Delete(t.Context(), "there"); err == nil {
			t.Errorf("delete, status %d counts as done", code)
		}
		if err := s.List(t.Context(), func(blob.Object) error { return nil }); err == nil {
			t.Errorf("list, status %d: nothing is listed, and no error said", code)
		}
	}
}

func TestS3SaysAtTheStartWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(b *blob.Bucket)
		want  string
	}{
		"no bucket":   {func(b *blob.Bucket) { b.Name = "another" }, "there is no such bucket"},
		"no endpoint": {func(b *blob.Bucket) { b.Endpoint = "a b" }, "no address of an S3 store"},
		"no store":    {func(b *blob.Bucket) { b.Endpoint = "127.0.0.1:1" }, "takes no object"},
		"no trust":    {func(b *blob.Bucket) { b.Transport = &http.Transport{} }, "certificate"},
		"denied": {func(b *blob.Bucket) {
			b.Transport = &trip{b.Transport, func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
				return answer(r, 403, http.Header{"Content-Type": {"application/xml"}}, `<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>`), nil
			}}
		}, "PutObject"},
		"does not give back": {func(b *blob.Bucket) {
			b.Transport = &trip{b.Transport, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				res, err := next.RoundTrip(r)
				if err == nil && r.Method == http.MethodGet && !strings.Contains(r.URL.RawQuery, "list-type") {
					res.Body = io.NopCloser(strings.NewReader("otherwise"[:8]))
				}
				return res, err
			}}
		}, "gives back other bytes"},
		"does not list": {func(b *blob.Bucket) {
			b.Transport = &trip{b.Transport, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				if strings.Contains(r.URL.RawQuery, "list-type") {
					return answer(r, 200, http.Header{"Content-Type": {"application/xml"}}, `<ListBucketResult><Name>evidence</Name></ListBucketResult>`), nil
				}
				return next.RoundTrip(r)
			}}
		}, "leaves out"},
	} {
		t.Run(name, func(t *testing.T) {
			b := blobtest.FakeS3(t)
			c.spoil(&b)
			_, err := blob.NewS3(t.Context(), b)
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
