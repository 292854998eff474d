package conf_test

import (
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/fault"
)

func key(t *testing.T, access, secret string) {
	t.Setenv("TICKMARK_S3_ACCESS_KEY", access)
	t.Setenv("TICKMARK_S3_SECRET_KEY", secret)
	t.Setenv("TICKMARK_S3_SESSION_TOKEN", "")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
}

func TestBucketIsReadFromItsAddress(t *testing.T) {
	key(t, "me", "mine")
	for in, want := range map[string]conf.S3{
		"s3://evidence": {Bucket: "evidence", Endpoint: "s3.us-east-1.amazonaws.com", Region: "us-east-1", Secure: true},
		"s3://evidence/a/b/?region=eu-central-1": {Bucket: "evidence", Prefix: "a/b/", Endpoint: "s3.eu-central-1.amazonaws.com",
			Region: "eu-central-1", Secure: true},
		"s3://evidence?endpoint=store.example:9000":         {Bucket: "evidence", Endpoint: "store.example:9000", Region: "us-east-1", Secure: true},
		"s3://evidence/?endpoint=https://store.example/":    {Bucket: "evidence", Endpoint: "store.example", Region: "us-east-1", Secure: true},
		"s3://evidence?endpoint=http://127.0.0.1:9000":      {Bucket: "evidence", Endpoint: "127.0.0.1:9000", Region: "us-east-1"},
		"s3://evidence/p?endpoint=http://[::1]:9000":        {Bucket: "evidence", Prefix: "p/", Endpoint: "[::1]:9000", Region: "us-east-1"},
		"s3://evidence?endpoint=http://localhost&region=xx": {Bucket: "evidence", Endpoint: "localhost", Region: "xx"},
	} {
		want.AccessKey, want.SecretKey = "me", "mine"
		got, err := conf.Config{Bucket: in}.S3()
		if err != nil || *got != want {
			t.Errorf("%s: got %+v, %v; want %+v", in, got, err, want)
		}
	}
	if got, err := (conf.Config{}).S3(); got != nil || err != nil {
		t.Errorf("without --blobs: %+v, %v", got, err)
	}
}

func TestBucketRefuses(t *testing.T) {
	key(t, "me", "mine")
	for in, want := range map[string]string{
		"/var/blobs":                             "s3://BUCKET",
		"s3://":                                  "s3://BUCKET",
		"s3://me:mine@bucket":                    "s3://BUCKET",
		"s3://bucket:9000/x":                     "s3://BUCKET",
		"s3://bucket?host=a":                     "host: give",
		"s3://bucket?region=a&region=b":          "region: give",
		"s3://bucket?endpoint=a/b":               "HOST or HOST:PORT",
		"s3://bucket?endpoint=http://10.0.0.1":   "without TLS",
		"s3://bucket?endpoint=http://store.test": "without TLS",
	} {
		_, err := conf.Config{Bucket: in}.S3()
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", in, err, want)
		}
	}
}

func TestBucketKeyComesFromTheEnvironment(t *testing.T) {
	c := conf.Config{Bucket: "s3://evidence"}
	key(t, "", "")
	if _, err := c.S3(); err == nil || !strings.Contains(err.Error(), "TICKMARK_S3_ACCESS_KEY") {
		t.Errorf("no key: %v", err)
	}
	key(t, "me", "")
	if _, err := c.S3(); err == nil || !strings.Contains(err.Error(), "set both") {
		t.Errorf("half a key: %v", err)
	}
	key(t, "", "")
	t.Setenv("AWS_ACCESS_KEY_ID", "theirs")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	if s, err := c.S3(); err != nil || s.AccessKey != "theirs" || s.SecretKey != "secret" {
		t.Errorf("the usual variables: %+v, %v", s, err)
	}
}
