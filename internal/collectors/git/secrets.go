package git

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tickmark/tickmark/internal/sources"
)

const (
	maxScanBytes  = 256 << 20
	maxScanFiles  = 20_000
	maxPerFile    = 20
	maxCandidates = 1000
)

// keyBody tells a key from the lines that programs know one by.
var keyBody = regexp.MustCompile(`[A-Za-z0-9+/=]{40}`)

// A secretRule recognises one kind of secret. Anchor is a text that every match
// holds: most files are dismissed by looking for it alone.
type secretRule struct {
	name   string
	anchor string
	re     *regexp.Regexp // the last group is the secret, or all of it
	// guessable says that the secret may be short: then no digest of it is
	// kept, which could be tried out.
	guessable bool
}

var (
	githubToken = regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{36,}\b`)
	awsSecret   = regexp.MustCompile(`(?i)aws_secret_access_key["']?\s*[=:]\s*["']?([A-Za-z0-9/+]{40})\b`)
)

var secretRules = []secretRule{
	{"private_key", "PRIVATE KEY", regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?s:.+?)-----END`), false},
	{"aws_access_key", "AKIA", regexp.MustCompile(`\bAKIA[A-Z2-7]{16}\b`), false},
	{"aws_access_key", "ASIA", regexp.MustCompile(`\bASIA[A-Z2-7]{16}\b`), false},
	{"aws_secret_key", "ws_secret_access_key", awsSecret, false},
	{"aws_secret_key", "WS_SECRET_ACCESS_KEY", awsSecret, false},
	{"github_token", "ghp_", githubToken, false},
	{"github_token", "gho_", githubToken, false},
	{"github_token", "ghu_", githubToken, false},
	{"github_token", "ghs_", githubToken, false},
	{"github_token", "ghr_", githubToken, false},
	{"github_token", "github_pat_", regexp.MustCompile(`\bgithub_pat_[A-Za-z0-9_]{60,}\b`), false},
	{"gitlab_token", "glpat-", regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`), false},
	{"slack_token", "xox", regexp.MustCompile(`\bxox[abprse]-[A-Za-z0-9-]{20,}`), false},
	{"slack_webhook", "hooks.slack.com/", regexp.MustCompile(`https://hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}`), false},
	{"google_api_key", "AIza", regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}\b`), false},
	{"stripe_key", "k_live_", regexp.MustCompile(`\b[sr]k_live_[0-9A-Za-z]{20,}\b`), false},
	{"npm_token", "npm_", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}\b`), false},
	{"pypi_token", "pypi-", regexp.MustCompile(`\bpypi-[A-Za-z0-9_-]{80,}`), false},
	{"sendgrid_key", "SG.", regexp.MustCompile(`\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b`), false},
	{"model_api_key", "sk-proj-", regexp.MustCompile(`\bsk-proj-[A-Za-z0-9_-]{40,}`), false},
	{"model_api_key", "sk-ant-", regexp.MustCompile(`\bsk-ant-[A-Za-z0-9_-]{40,}`), false},
	{"azure_storage_key", "AccountKey=", regexp.MustCompile(`AccountKey=([A-Za-z0-9+/]{86}==)`), false},
	{"registry_password", "_authToken=", regexp.MustCompile(`_authToken=([A-Za-z0-9_-]{20,})`), false},
	{"url_password", "://", regexp.MustCompile(`\b[a-z][a-z0-9+.-]+://[^\s/:@"'<>]+:([^\s/@"'<>]{3,})@[\w.\[-]+`), true},
}

// envSecret is an assignment in a file of environment variables.
var envSecret = regexp.MustCompile(`(?m)^\s*(?:export\s+)?[A-Z0-9_]*(?:SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|ACCESS_KEY|CREDENTIAL)[A-Z0-9_]*\s*=\s*["']?([^\s"'#]{6,})`)

// A hit is a place that looks like a secret.
type hit struct {
	rule        string
	from, to    int // of the whole match
	secret      []byte
	guessable   bool
	placeholder bool
}

// findSecrets looks for secrets in a file, and stops when it has found most.
// Whole is false if the file is made so that looking through it would take too
// long.
func findSecrets(name string, data []byte, most int) (hits []hit, whole bool) {
	add := func(rule string, guessable bool, base int, at []int) {
		from, to := base+at[0], base+at[1]
		secret := data[base+at[len(at)-2] : base+at[len(at)-1]]
		for _, h := range hits {
			if from < h.to && h.from < to {
				return // another rule saw it first
			}
		}
		hits = append(hits, hit{rule, from, to, secret, guessable, placeholder(rule, secret, data[from:to])})
	}
	effort := 16*len(data) + 1<<20 // bytes to match patterns against
	for _, rule := range secretRules {
		before, after := 30, 400
		if rule.name == "private_key" {
			before, after = 40, 16<<10
		}
		for at := 0; len(hits) < most; {
			i := bytes.Index(data[at:], []byte(rule.anchor))
			if i < 0 {
				break
			}
			if rule.name == "url_password" && !userInURL(data[at+i+len(rule.anchor):]) {
				at += i + len(rule.anchor)
				continue
			}
			start, end := max(at, at+i-before), min(len(data), at+i+after)
			if effort -= end - start; effort < 0 {
				return hits, false
			}
			found := rule.re.FindSubmatchIndex(data[start:end])
			if found == nil || start+found[0] > at+i || rule.name == "private_key" && !keyBody.Match(data[start+found[0]:start+found[1]]) {
				at += i + len(rule.anchor)
				continue
			}
			add(rule.name, rule.guessable, start, found)
			at = max(at+i+len(rule.anchor), start+found[1])
		}
	}
	if envFile(name) {
		for _, found := range envSecret.FindAllSubmatchIndex(data, most) {
			add("env_secret", true, 0, found)
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { return a.from - b.from })
	return hits, true
}

// userInURL reports whether an address may hold a user name: most do not, and
// files may hold very many addresses.
func userInURL(rest []byte) bool {
	end := bytes.IndexAny(rest[:min(len(rest), 320)], "@/ \t\n\"'<>")
	return end >= 0 && rest[end] == '@'
}

// envFile reports whether a file sets the environment of a program, and is not
// a sample of one.
func envFile(name string) bool {
	base := path.Base(name)
	if base != ".env" && !strings.HasPrefix(base, ".env.") {
		return false
	}
	switch path.Ext(base) {
	case ".example", ".sample", ".template", ".dist", ".defaults", ".tpl", ".schema":
		return false
	}
	return true
}

var placeholderWords = regexp.MustCompile(`(?i)example|sample|changeme|change_me|placeholder|dummy|redacted|your[_-]?|<[^>]*>|\$\{|\{\{|\$\(|^\$|^%|xxxx|\*\*\*|\.\.\.`)

var commonPasswords = []string{"password", "passwd", "pass", "secret", "postgres", "root", "admin", "test", "user", "guest", "mysql", "redis"}

// placeholder reports whether a match stands for a secret rather than being
// one: a word that says so, or too few different characters to be random.
func placeholder(rule string, secret, whole []byte) bool {
	if placeholderWords.Match(secret) {
		return true
	}
	if rule == "url_password" {
		if slices.Contains(commonPasswords, strings.ToLower(string(secret))) || bytes.Contains(whole, []byte("@localhost")) || bytes.Contains(whole, []byte("@127.")) {
			return true
		}
	}
	if rule == "url_password" || rule == "env_secret" {
		return false
	}
	seen := map[byte]bool{}
	for _, c := range secret {
		seen[c] = true
	}
	return len(seen) < 8
}

// redact returns data with what looks like a secret replaced.
func redact(name string, data []byte) []byte {
	hits, whole := findSecrets(name, data, len(data))
	if !whole {
		return []byte("[removed: what looks like secrets cannot be told apart]")
	}
	if len(hits) == 0 {
		return data
	}
	var out []byte
	at := 0
	for _, h := range hits {
		out = append(append(out, data[at:h.from]...), "[removed: "+h.rule+"]"...)
		at = h.to
	}
	return append(out, data[at:]...)
}

// fingerprint names a secret without telling it: by a digest of it, cut short,
// or for one that could be guessed by the file that holds it.
func (h hit) fingerprint(blob plumbing.Hash, line int) string {
	text := fmt.Sprintf("tickmark/secret\n%s\n%s\n%d", h.rule, blob, line)
	if !h.guessable {
		text = "tickmark/secret\n" + h.rule + "\n" + string(h.secret)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// testPath reports whether a file lies with tests or samples, where what looks
// like a secret is usually made up.
func testPath(name string) bool {
	lower := strings.ToLower(name)
	for _, dir := range strings.Split(path.Dir(lower), "/") {
		switch dir {
		case "t", "test", "tests", "testdata", "fixtures", "spec", "specs", "__tests__", "examples", "example", "samples", "doc", "docs", "documentation":
			return true
		}
	}
	base := path.Base(lower)
	return strings.Contains(base, "_test.") || strings.Contains(base, ".test.") || strings.Contains(base, ".spec.") || strings.HasPrefix(base, "test_")
}

// keyStores are files of keys by their name: their bytes show nothing.
var keyStores = []string{".p12", ".pfx", ".jks", ".keystore"}

// secrets looks through the files of the latest commit. What was deleted
// before is in the history still, and is not looked at.
func (r *run) secrets() error {
	if r.tree == nil {
		return nil
	}
	var scanned int64
	seen := map[string]int{}
	found, large, absent, left := 0, 0, 0, ""
	for i, f := range r.tree.files {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if i%500 == 0 {
			r.in.Progress(i, len(r.tree.files), "files searched for secrets")
		}
		if i >= maxScanFiles || scanned > maxScanBytes || found >= maxCandidates {
			left = fmt.Sprintf("the search stopped after %d of %d files: at most %d files, %d MiB and %d findings are looked at", i, len(r.tree.files), maxScanFiles, maxScanBytes>>20, maxCandidates)
			break
		}
		if f.link {
			continue
		}
		hits, data, err := r.search(f)
		switch {
		case err == nil:
		case !errors.Is(err, errUnread):
			return err
		case cause(err) == noBytes:
			absent++
		default:
			large++
		}
		scanned += int64(len(data))
		for _, h := range hits {
			line := 1 + bytes.Count(data[:h.from], []byte("\n"))
			print := h.fingerprint(f.hash, line)
			key := clipKey(f.path) + ":" + h.rule + ":" + print
			if seen[key]++; seen[key] > 1 {
				key = fmt.Sprintf("%s:%d", key, seen[key])
			}
			found++
			rec := newRecord(map[string]any{
				"path": clip(f.path), "line": line, "rule": h.rule, "fingerprint": print,
				"placeholder": h.placeholder, "test_path": testPath(f.path),
			})
			if err := r.in.Add(rec.resource("secret_candidate", key)); err != nil {
				return err
			}
		}
	}
	if large > 0 {
		r.in.Missing(sources.Missing{Kind: "secret_candidate", Reason: fmt.Sprintf("files of more than %d MiB, or too dense to search, were left out: %d", maxFile>>20, large), Remedy: "gitleaks dir ."})
	}
	if absent > 0 {
		r.in.Missing(sources.Missing{Kind: "secret_candidate", Reason: noBytes, Remedy: fullCopy})
	}
	if left != "" {
		r.in.Missing(sources.Missing{Kind: "secret_candidate", Reason: left, Remedy: "gitleaks dir ."})
	}
	if left == "" && absent == 0 {
		r.coverFromTree("secret_candidate")
	}
	return nil
}

// search reads a file and what in it looks like a secret. Binary files are
// known by their name alone.
func (r *run) search(f file) ([]hit, []byte, error) {
	if slices.Contains(keyStores, strings.ToLower(path.Ext(f.path))) {
		return []hit{{rule: "key_store", guessable: true}}, nil, nil
	}
	data, err := r.bytes(f)
	if err != nil || bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 {
		return nil, nil, err
	}
	hits, whole := findSecrets(f.path, data, maxPerFile)
	if !whole {
		return nil, nil, fmt.Errorf("looking through it would take too long: %w", errUnread)
	}
	return hits, data, nil
}
