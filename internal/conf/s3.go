package conf

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// S3 is where blobs lie when they lie in a bucket, and who we are there.
type S3 struct {
	Endpoint string // host or host:port
	Secure   bool   // by TLS
	Region   string
	Bucket   string
	Prefix   string // empty, or ending in a slash

	AccessKey, SecretKey, SessionToken string
}

// S3 reads --blobs and the key in the environment. Without a bucket it returns
// nil: blobs lie in the data directory.
func (c Config) S3() (*S3, error) {
	if c.Bucket == "" {
		return nil, nil
	}
	const want = "give s3://BUCKET/PREFIX?endpoint=HOST:PORT&region=REGION, where all but the bucket may be left out"
	u, err := url.Parse(c.Bucket)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil || u.Fragment != "" || u.Port() != "" {
		return nil, fault.Invalid("blobs", want)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fault.Invalid("blobs", want).With(err)
	}
	for k := range q {
		if k != "endpoint" && k != "region" || len(q[k]) != 1 {
			return nil, fault.Invalid("blobs", "%s: "+want, k)
		}
	}
	s := &S3{Bucket: u.Host, Region: q.Get("region"), Endpoint: q.Get("endpoint"), Secure: true}
	if s.Prefix = strings.Trim(u.Path, "/"); s.Prefix != "" {
		s.Prefix += "/"
	}
	if s.Region == "" {
		s.Region = "us-east-1"
	}
	if s.Endpoint == "" {
		s.Endpoint = "s3." + s.Region + ".amazonaws.com"
	}
	if err := s.encrypted(); err != nil {
		return nil, err
	}
	return s, s.who()
}

// encrypted settles how the store is reached. Without TLS only this machine
// is: the key and the times of evidence would cross the network in the clear.
func (s *S3) encrypted() error {
	if rest, ok := strings.CutPrefix(s.Endpoint, "https://"); ok {
		s.Endpoint = rest
	} else if rest, ok := strings.CutPrefix(s.Endpoint, "http://"); ok {
		s.Endpoint, s.Secure = rest, false
	}
	s.Endpoint = strings.TrimSuffix(s.Endpoint, "/")
	u, err := url.Parse("//" + s.Endpoint)
	if err != nil || u.Host != s.Endpoint || u.Hostname() == "" {
		return fault.Invalid("blobs", "endpoint is the store's HOST or HOST:PORT")
	}
	if !s.Secure && !loopback(u.Hostname()) {
		return fault.Invalid("blobs", "%s is reached without TLS, which is for this machine's own addresses only: give https://, or leave http:// out", s.Endpoint)
	}
	return nil
}

func loopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return net.IP(ip.AsSlice()).IsLoopback()
	}
	return host == "localhost"
}

// who takes the key from the environment alone: a flag would show it to
// everybody on the machine.
func (s *S3) who() error {
	for _, from := range [][3]string{
		{"TICKMARK_S3_ACCESS_KEY", "TICKMARK_S3_SECRET_KEY", "TICKMARK_S3_SESSION_TOKEN"},
		{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"},
	} {
		s.AccessKey, s.SecretKey, s.SessionToken = os.Getenv(from[0]), os.Getenv(from[1]), os.Getenv(from[2])
		if s.AccessKey != "" && s.SecretKey != "" {
			return nil
		}
		if s.AccessKey != "" || s.SecretKey != "" {
			return fault.Invalid("blobs", "set both %s and %s in the environment", from[0], from[1])
		}
	}
	return fault.Invalid("blobs", "set TICKMARK_S3_ACCESS_KEY and TICKMARK_S3_SECRET_KEY (or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) in the environment: a bucket is not opened to strangers")
}
