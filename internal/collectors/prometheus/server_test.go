package prometheus_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/prometheus"
	"github.com/tickmark/tickmark/internal/collectors/serverstest"
	"github.com/tickmark/tickmark/internal/sources"
)

var now = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

const config = `
global: {scrape_interval: 5m, evaluation_interval: 1s}
rule_files: [rules.yml]
remote_write: []
alerting:
  alertmanagers: [{static_configs: [{targets: ["127.0.0.1:9"]}]}]
scrape_configs:
  - {job_name: web, scrape_interval: 1m, scrape_timeout: 1s, static_configs: [{targets: ["127.0.0.1:9"], labels: {team: "core"}}]}
  - {job_name: quick, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: ["127.0.0.1:11"]}]}
  - {job_name: gone, scheme: https, basic_auth: {username: a, password: hunter22}, scrape_timeout: 1s, static_configs: [{targets: ["127.0.0.1:10"]}]}
`

const ruleFile = `
groups:
  - name: service
    rules:
      - {alert: Down, expr: up == 2, for: 1h30m, labels: {severity: critical}, annotations: {summary: It is down, runbook_url: "https://runbooks.acme.test/down"}}
      - {alert: Always, expr: vector(1)}
      - {alert: Broken, expr: "vector(1) * on() (vector(1) or label_replace(vector(1), \"a\", \"b\", \"\", \"\"))", labels: {severity: warning}}
      - {record: job:up, expr: sum(up)}
`

// The password is "right".
const web = `
tls_server_config: {cert_file: cert.pem, key_file: key.pem}
basic_auth_users: {tickmark: "$2a$04$Yo3DwetrHqCCVTzjfG1ZwexT1xKyGE198VpU59.XdaVh8/RhandQi"}
`

// history has three days: of one service whole, with two hours down; of another
// with a gap of six hours, and without its first day; of a third a share.
func history() string {
	var b strings.Builder
	b.WriteString("# TYPE up gauge\n")
	first := time.Date(2026, 9, 28, 0, 0, 0, 0, time.UTC)
	for i := range 3 * 1440 {
		at := first.Add(time.Duration(i) * time.Minute)
		value := 1
		if at.Day() == 29 && at.Hour() >= 3 && at.Hour() < 5 {
			value = 0
		}
		fmt.Fprintf(&b, "up{job=\"web\",instance=\"a\"} %d %d\n", value, at.Unix())
	}
	for i := range 3 * 1440 {
		at := first.Add(time.Duration(i) * time.Minute)
		if at.Day() > 28 && (at.Day() != 30 || at.Hour() >= 6) {
			fmt.Fprintf(&b, "up{job=\"web\",instance=\"b\"} 1 %d\n", at.Unix())
		}
	}
	fmt.Fprintf(&b, "up{job=\"old\",instance=\"c\"} 1 %d\n", first.Unix())
	b.WriteString("# TYPE share gauge\n")
	fmt.Fprintf(&b, "share{job=\"web\",instance=\"a\"} 0.5 %d\n", first.Unix())
	return b.String() + "# EOF\n"
}

type server struct {
	*serverstest.Program
	port, ca string
	client   *http.Client
}

func launch(program, tool string) (*server, error) {
	dir, as, err := serverstest.Folder()
	if err != nil {
		return nil, err
	}
	s := &server{}
	cert, key, err := serverstest.Certificate()
	if err != nil {
		return nil, err
	}
	s.ca = cert
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(cert))
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	for name, text := range map[string]string{"prometheus.yml": config, "rules.yml": ruleFile, "web.yml": web, "cert.pem": cert, "key.pem": key, "history.txt": history()} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
		if err := serverstest.Own(as, path); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(tool, "tsdb", "create-blocks-from", "openmetrics", "history.txt", "data")
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("promtool: %w\n%s", err, out)
	}
	for try := 1; ; try++ {
		if s.port, err = serverstest.FreePort(); err != nil {
			return nil, err
		}
		s.Program, err = serverstest.Start(dir, as, "127.0.0.1:"+s.port, program, "--config.file=prometheus.yml", "--web.config.file=web.yml",
			"--storage.tsdb.path=data", "--storage.tsdb.retention.time=400d", "--web.listen-address=127.0.0.1:"+s.port, "--log.level=error", "--web.enable-lifecycle")
		if err == nil {
			return s, s.ready()
		}
		if try == 3 {
			return nil, err
		}
	}
}

// ready waits until rules were evaluated and the quick target asked.
func (s *server) ready() error {
	last := ""
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		last = ""
		for path, wanted := range map[string]string{"/api/v1/rules": `"health":"err"`, "/api/v1/targets": `"health":"down"`, "/api/v1/alertmanagers": "127.0.0.1:9"} {
			req, _ := http.NewRequest("GET", s.url()+path, nil)
			req.SetBasicAuth("tickmark", "right")
			resp, err := s.client.Do(req)
			if err != nil {
				last += err.Error()
				continue
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 || !strings.Contains(string(body), wanted) {
				last += string(body)
			}
		}
		if last == "" {
			return nil
		}
	}
	return errors.New("the server is not ready: " + last)
}

var started = sync.OnceValues(func() (*server, error) { return launch(program, tool) })

var program, tool string

func start(t testing.TB) *server {
	t.Helper()
	program, tool = serverstest.Find(t, "prometheus", "prometheus"), serverstest.Find(t, "prometheus", "promtool")
	s, err := started()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMain ends the server with the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if program != "" {
		if s, err := started(); err == nil {
			s.Close()
		}
	}
	os.Exit(code)
}

func (s *server) url() string { return "https://127.0.0.1:" + s.port }

func settings(set map[string]string, more ...string) json.RawMessage {
	for i := 0; i+1 < len(more); i += 2 {
		set[more[i]] = more[i+1]
	}
	raw, _ := json.Marshal(set)
	return raw
}

func (s *server) settings(more ...string) json.RawMessage {
	return settings(map[string]string{"url": s.url(), "user": "tickmark", "password": "right", "ca": s.ca, "days": "3"}, more...)
}

func read(ctx context.Context, t testing.TB, settings json.RawMessage, progress func(int, int, string)) (*sources.Intake, error) {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	in := sources.NewIntake(schemas, clock.NewFixed(now), progress)
	err = prometheus.New().Collect(ctx, settings, in)
	return in, errors.Join(err, in.Err())
}

func mustRead(t testing.TB, settings json.RawMessage) *sources.Intake {
	t.Helper()
	in, err := read(t.Context(), t, settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in
}
