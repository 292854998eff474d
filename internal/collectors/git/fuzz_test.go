package git_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/collectors/git"
)

func FuzzMessage(f *testing.F) {
	f.Add("Add export (#7)\n\nFixes ABC-12\n\nReviewed-by: Bo <bo@acme.test>\nSigned-off-by: Ada\n")
	f.Add("Merge pull request #7 from x\n\n(cherry picked from commit 1)\n:\n  folded\n")
	f.Add("\xff\x00<>\n\n-: -\n")
	f.Fuzz(func(t *testing.T, text string) {
		m := git.ReadMessage(text)
		for _, s := range append(m.Tickets(), m.Request()) {
			if !strings.Contains(text, s) {
				t.Errorf("%q is not in the message", s)
			}
		}
	})
}

func FuzzOwners(f *testing.F) {
	f.Add([]byte("* @acme/all\n[Docs][2] @x\n*.md\n!x y\\ z a@b.test # c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, r := range git.ParseOwners(data) {
			if r.Pattern() == "" && r.Problem() == "" {
				t.Error("a rule has no pattern")
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	for _, name := range []string{"go.mod", "package.json", "composer.json", "requirements.txt", "pyproject.toml", "Pipfile", "Cargo.toml", "Gemfile", "pom.xml", "a.csproj"} {
		f.Add(name, []byte("[dependencies]\na = \"1\"\nrequire x v1\n{\"dependencies\":{\"a\":\"1\"}}\n<dependency><version>1</version></dependency>\n"))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		dependencies, unpinned, _, err := git.ReadManifest(name, data)
		if err == nil && (unpinned < 0 || unpinned > dependencies) {
			t.Errorf("%d of %d dependencies are unpinned", unpinned, dependencies)
		}
	})
}

func FuzzWorkflow(f *testing.F) {
	for _, system := range []string{"github_actions", "gitlab_ci", "jenkins", "circleci", "woodpecker", "scripts"} {
		f.Add(system, []byte("on: {push: [a,\n b]}\njobs:\n  a:\n    steps:\n    - - uses: a/b@v1\n    - run: |\n        x\n\n        y\n  'q': \"r\" # s\n"))
	}
	f.Fuzz(func(t *testing.T, system string, data []byte) {
		facts := git.ParseWorkflow(system, data).Facts()
		if facts["uses_pinned"].(int) < 0 || facts["uses_unpinned"].(int) < 0 {
			t.Errorf("counts below nothing: %v", facts)
		}
		for _, n := range git.ReadYAML(data) {
			if len(n.Path()) > 50 {
				t.Errorf("line %d lies %d deep", n.Line(), len(n.Path()))
			}
		}
	})
}

func FuzzSSHSignature(f *testing.F) {
	signer, public := sshPair(f)
	f.Add([]byte(sshSign(f, signer, "git")([]byte("hello"))), []byte("ada@acme.test namespaces=\"git\" "+public))
	f.Add([]byte("-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----"), []byte("\"a\" valid-after=\"2020\" x"))
	f.Fuzz(func(t *testing.T, armored, allowed []byte) {
		if git.VerifySSH(armored, []byte("another message")) == nil {
			t.Error("a signature over other bytes was accepted")
		}
		_, _ = git.AllowedSigners(allowed)
	})
}

func FuzzSecrets(f *testing.F) {
	f.Add("a.env", []byte("A_TOKEN=x\npostgres://a:bcd@e/ -----BEGIN PRIVATE KEY----- -----END ghp_ AKIA"))
	f.Add(".env", []byte("A_TOKEN=abcdefgh\nB_SECRET='12345678'\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		at := 0
		hits, _ := git.FindSecrets(name, data, 1000)
		for _, h := range hits {
			if h.From() < at || h.To() < h.From() || h.To() > len(data) {
				t.Fatalf("finding from %d to %d overlaps or leaves the file", h.From(), h.To())
			}
			at = h.To()
		}
		out := git.Redact(name, data)
		if utf8.Valid(data) && !utf8.Valid(out) {
			t.Error("redacting broke the text")
		}
	})
}
