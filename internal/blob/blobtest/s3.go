package blobtest

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/tickmark/tickmark/internal/blob"
)

// inBucket is the bucket of a store for tests.
const inBucket = "evidence"

func fake(t testing.TB) *httptest.Server {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(inBucket); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that hang up
	t.Cleanup(srv.Close)
	return srv
}

// FakeS3 starts an S3 store with an empty bucket and returns how to reach it
// by TLS, as any store should be.
func FakeS3(t testing.TB) blob.Bucket {
	t.Helper()
	srv := fake(t)
	srv.StartTLS()
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	trust := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	return blob.Bucket{Endpoint: u.Host, Secure: true, Region: "us-east-1", Name: inBucket, Prefix: "of-a-test/",
		AccessKey: "test", SecretKey: "secret", Transport: transport, Tries: 1}
}

// LocalS3 starts one without TLS, as it may run on the machine itself, and
// returns its address for --blobs.
func LocalS3(t testing.TB) string {
	t.Helper()
	srv := fake(t)
	srv.Start()
	return "s3://" + inBucket + "/of-a-test?endpoint=" + srv.URL
}
