package page_test

import (
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/sources/page"
)

func FuzzParseSigners(f *testing.F) {
	f.Add("ann@example.com ssh-ed25519 AAAAC3Nz comment")
	f.Add("# nobody\n\na@b,c@d ecdsa-sha2-nistp256 AAAA\n")
	f.Add("a@b cert-authority ssh-ed25519 AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		emails, err := page.ParseSigners(text)
		if err != nil && len(emails) > 0 {
			t.Error("signers and a fault at once")
		}
		for _, e := range emails {
			if !strings.Contains(text, e) {
				t.Errorf("%q is not in the text", e)
			}
		}
	})
}
