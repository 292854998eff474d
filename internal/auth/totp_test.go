package auth

import (
	"testing"
	"time"
)

// The vectors of RFC 6238, appendix B, for SHA-1.
func TestTOTPGivesTheCodesOfTheStandard(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924",
		2000000000: "69279037", 20000000000: "65353130"} {
		if got := totp(secret, at/totpStep, 8); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
		if got := totp(secret, at/totpStep, totpDigits); got != want[2:] {
			t.Errorf("at %d: %s, want %s", at, got, want[2:])
		}
	}
}

func TestTOTPMatchesOneStepAroundAndEachOnce(t *testing.T) {
	secret, now := []byte("12345678901234567890"), time.Unix(1111111111, 0)
	at := now.Unix() / totpStep
	for off, want := range map[int64]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		step, ok := totpMatch(secret, totp(secret, at+off, totpDigits), 0, now)
		if ok != want || ok && step != at+off {
			t.Errorf("a code %d steps off: %v, step %d", off, ok, step-at)
		}
	}
	if _, ok := totpMatch(secret, totp(secret, at, totpDigits), at, now); ok {
		t.Error("a code was accepted twice")
	}
	if _, ok := totpMatch(secret, totp(secret, at-1, totpDigits), at, now); ok {
		t.Error("an earlier code was accepted after a later one")
	}
}
