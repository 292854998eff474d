package app_test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkStart starts the real binary until it answers: on an empty folder,
// which makes keys and schema, and again on the same one. It reports the
// binary's size and the memory it holds once it answers.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	binary := filepath.Join(dir, "tickmark")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", binary, "github.com/tickmark/tickmark/cmd/tickmark")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	var cold, warm time.Duration
	var rss int64
	for i := range b.N {
		data := filepath.Join(dir, strconv.Itoa(i), "data")
		took, memory := start(b, binary, data)
		cold, rss = cold+took, rss+memory
		took, _ = start(b, binary, data)
		warm += took
	}
	n := float64(b.N)
	b.ReportMetric(float64(cold.Milliseconds())/n, "ms/first-start")
	b.ReportMetric(float64(warm.Milliseconds())/n, "ms/later-start")
	b.ReportMetric(float64(rss)/n/1024, "MiB-RSS")
	b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
	b.ReportMetric(0, "ns/op")
}

// start runs the server until /health answers and stops it.
func start(b *testing.B, binary, data string) (took time.Duration, rssKiB int64) {
	b.Helper()
	cmd := exec.Command(binary, "serve", "--data", data, "--listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()
	var address string
	for lines := bufio.NewScanner(out); address == "" && lines.Scan(); {
		address = addressForm.FindString(lines.Text())
	}
	res, err := http.Get(address + "/health")
	if err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%v, %v", res, err)
	}
	res.Body.Close()
	took = time.Since(began)
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "status"))
	if err != nil {
		return took, 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			rssKiB, _ = strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return took, rssKiB
}
