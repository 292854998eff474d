package app_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// findings is an OCSF file of a size, which is made while it is read.
type findings struct {
	left int64
	n    int
	buf  bytes.Buffer
}

func (f *findings) Read(p []byte) (int, error) {
	for f.buf.Len() < len(p) && f.left > 0 {
		before := f.buf.Len()
		if f.n == 0 {
			f.buf.WriteString("[")
		} else {
			f.buf.WriteString(",\n")
		}
		status := "PASS"
		if f.n%10 == 0 {
			status = "FAIL"
		}
		fmt.Fprintf(&f.buf, `{"message":"Instance i-%[1]d is as it should be, or is not.","metadata":{"event_code":"ec2_rule_%[3]d","product":{"name":"Prowler","uid":"prowler","vendor_name":"Prowler","version":"5.8.0"},"profiles":["cloud","datetime"],"version":"1.4.0"},"severity_id":%[4]d,"status":"New","status_code":%[2]q,"status_detail":"Instance i-%[1]d is as it should be, or is not.","status_id":1,"unmapped":{"related_url":"","categories":["internet-exposed"],"notes":"","compliance":{"CIS-1.4":["1.5"],"SOC2":["cc_6_1","cc_6_6"]}},"finding_info":{"created_time":1780000000,"desc":%[5]q,"title":"Ensure that it is so","uid":"prowler-aws-ec2_rule_%[3]d-123456789012-eu-west-1-i-%[1]d"},"resources":[{"cloud_partition":"aws","region":"eu-west-1","data":{"details":"","metadata":{"tags":[{"Key":"Name","Value":"web-%[1]d"}],"note":%[5]q}},"name":"i-%[1]d","type":"AwsEc2Instance","uid":"arn:aws:ec2:eu-west-1:123456789012:instance/i-%[1]d"}],"class_name":"Detection Finding","class_uid":2004,"cloud":{"account":{"uid":"123456789012"},"provider":"aws","region":"eu-west-1"},"remediation":{"desc":"Make it so.","references":["https://example.com/so"]},"risk_details":%[5]q,"time":1780000000,"time_dt":"2026-05-28T20:26:40"}`,
			f.n, status, f.n%300, f.n%5+1, strings.Repeat("It matters, and here is why at some length. ", 8))
		f.n++
		f.left -= int64(f.buf.Len() - before)
		if f.left <= 0 {
			f.buf.WriteString("]\n")
		}
	}
	return f.buf.Read(p)
}

// BenchmarkIngest hands a large file to the real binary, and reports how fast
// it was taken in and judged, and the most memory the process ever had. The size
// is TICKMARK_BENCH_MIB, 64 if that is not set.
func BenchmarkIngest(b *testing.B) {
	mib := int64(64)
	if s := os.Getenv("TICKMARK_BENCH_MIB"); s != "" {
		mib, _ = strconv.ParseInt(s, 10, 64)
	}
	dir := b.TempDir()
	binary := filepath.Join(dir, "tickmark")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", binary, "github.com/tickmark/tickmark/cmd/tickmark")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	run := func(data string, from io.Reader, args ...string) (time.Duration, *exec.Cmd, string) {
		cmd := exec.Command(binary, append(args, "--data", data)...)
		var out bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = from, &out, &out
		began := time.Now()
		if err := cmd.Run(); err != nil && args[0] == "ingest" {
			b.Fatalf("%v: %v\n%s", args, err, out.String())
		}
		return time.Since(began), cmd, out.String()
	}
	b.SetBytes(mib << 20)
	for i := range b.N {
		data := filepath.Join(dir, strconv.Itoa(i), "data")
		run(data, nil, "assess", "--org", "Example", "--host", "--quiet")
		for _, day := range []string{"first", "again"} {
			from := &findings{left: mib << 20}
			took, cmd, said := run(data, bufio.NewReaderSize(from, 1<<20), "ingest", "-")
			b.Logf("%s\n%s", day, said)
			b.ReportMetric(float64(mib)/took.Seconds(), "MiB/s-"+day)
			b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), "s-CPU-"+day)
			b.ReportMetric(float64(from.n), "findings")
			b.ReportMetric(float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MiB-RSS-"+day)
		}
	}
}
