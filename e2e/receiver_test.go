package e2e_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A receiver is who a channel of webhooks leads to.
type receiver struct {
	url string
	got chan parcel
}

// A parcel is one letter to a channel.
type parcel struct {
	path string
	head http.Header
	body []byte
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{got: make(chan parcel, 100)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, err := io.ReadAll(io.LimitReader(q.Body, 1<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		select {
		case r.got <- parcel{q.URL.Path, q.Header, b}:
		default:
		}
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}
