package e2e_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/assess"
)

// codeAt is what a program that makes codes shows, written apart from ours.
func codeAt(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha1.New, key)
	if err := binary.Write(m, binary.BigEndian, uint64(at.Unix()/30)); err != nil {
		t.Fatal(err)
	}
	sum := m.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

// TestSecondFactors: a person adds a program that makes codes and a passkey,
// leaves, and comes back by either.
func TestSecondFactors(t *testing.T) {
	wanted(t)
	s := begun(t, assess.Offer{})
	s.url = strings.Replace(s.url, "127.0.0.1", "localhost", 1) // passkeys need a name
	p := browser.Open(t)
	p.Authenticator()
	s.enter(p, "/settings/sign-in")
	judge := func(where string) {
		t.Helper()
		for _, v := range p.Axe() {
			t.Errorf("%s: %s", where, v)
		}
	}
	judge("one's own sign-in")

	p.Follow("form[action$='/sign-in/totp'] button")
	p.WaitText("h1", "Show this to the program")
	judge("a program that makes codes")
	var secret string
	p.Eval(`document.querySelector("[data-copy]").dataset.copy`, &secret)
	p.Fill("[name=code]", codeAt(t, secret, time.Now()))
	p.Follow("form[action$='/totp/confirm'] button[type=submit]")
	p.WaitText("h1", "Keep these ten recovery codes")
	if n := p.Count(".tm-codes li"); n != 10 {
		t.Errorf("%d recovery codes, want 10", n)
	}
	judge("recovery codes")
	var code string
	p.Eval(`document.querySelector(".tm-codes code").textContent`, &code)

	p.Goto(s.url + "/settings/sign-in/passkey")
	judge("a new passkey")
	p.Follow(".tm-passkey button[type=submit]")
	p.WaitText("h1", "You sign in with a password and a second factor")
	if n := p.Count("form[action*='/passkeys/'][action$='/remove']"); n != 1 {
		t.Errorf("%d passkeys, want 1", n)
	}

	leave := func() {
		t.Helper()
		p.Eval(`document.querySelector("form[action='/sign-out']").submit()`, nil)
		p.WaitURL("/sign-in")
		p.Wait("[name=email]")
	}
	leave()
	judge("the door")
	p.Follow(".tm-passkey button[type=submit]")
	p.Goto(s.url + "/settings/sign-in")
	p.WaitText("#sessions", "passkey")

	leave()
	s.enter(p, "/settings/sign-in")
	p.WaitText("h1", "Give your second factor")
	judge("the second factor")
	p.Fill("[name=code]", "000000")
	p.Follow("form[action='/sign-in/second'] button[type=submit]")
	p.WaitText(".tm-errors", "no code of now")
	p.Fill("[name=code]", code)
	p.Follow("form[action='/sign-in/second'] button[type=submit]")
	p.WaitText("#sessions", "password and recovery code")
	p.WaitText("#codes", "9 codes are left")
}
