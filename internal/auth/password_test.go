package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
)

func TestPasswordRules(t *testing.T) {
	for _, c := range []struct {
		password string
		words    string // of the refusal; empty if it is good
	}{
		{"", "12 to 256"},
		{"elevenchars", "12 to 256"},
		{"äöüäöüäöüäö", "12 to 256"}, // 22 bytes, 11 characters
		{strings.Repeat("x", 257), "12 to 256"},
		{"password1234", "among the first that are guessed"},
		{"Password2026!", "among the first"},
		{"123456789012", "among the first"},
		{"tickmark-2026", "among the first"},
		{"äöüäöüäöüäöü", ""},
		{"password is what everyone says", ""},
		{strings.Repeat("x", 256), ""},
		{"with \x00 and \n in it", ""},
	} {
		hash, err := auth.HashPassword(c.password)
		if c.words != "" {
			wantKind(t, err, fault.KindInvalid, c.words)
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.password, err)
			continue
		}
		if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, c.password) {
			t.Errorf("stored as %s", hash)
		}
		if !auth.PasswordMatches(hash, c.password) || auth.PasswordMatches(hash, c.password+" ") || auth.PasswordMatches(hash, "") {
			t.Errorf("%q does not match itself alone", c.password)
		}
	}
}

func TestSamePasswordIsStoredDifferently(t *testing.T) {
	a, err := auth.HashPassword(good)
	must(t, err)
	b, err := auth.HashPassword(good)
	must(t, err)
	if a == b {
		t.Error("no salt")
	}
}

func TestUnreadableHashMatchesNothing(t *testing.T) {
	hash, err := auth.HashPassword(good)
	must(t, err)
	for _, bad := range []string{
		"", "$", "$$$$$", "plain", good,
		strings.Replace(hash, "v=19", "v=18", 1),
		strings.Replace(hash, "p=1", "p=0", 1),
		strings.Replace(hash, "p=1", "p=256", 1),
		strings.Replace(hash, "m=19456", "m=x", 1),
		strings.Replace(hash, "argon2id", "argon2id$", 1),
		hash[:strings.LastIndex(hash, "$")+1],
		hash[:len(hash)-1] + "!",
	} {
		if auth.PasswordMatches(bad, good) || auth.PasswordMatches(bad, "") {
			t.Errorf("%q matches", bad)
		}
	}
	if auth.PasswordMatches(auth.Decoy, good) || auth.PasswordMatches(auth.Decoy, "") {
		t.Error("the password of nobody matches")
	}
}

func FuzzPasswordMatches(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA", "x")
	f.Add("$argon2id$v=19$m=-8,t=0,p=1$AAAA$AAAA", "x")
	f.Add("$argon2id$v=19$m=99999999999,t=1,p=1$AAAA$AAAA", "x")
	f.Fuzz(func(t *testing.T, stored, password string) {
		auth.PasswordMatches(stored, password) // must not panic, nor take what a hash asks for
	})
}

func TestAnswerDoesNotSayWhatWasWrong(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ada := join(t, d, "org_a", "ada@example.com", good, auth.Owner)
		gone := join(t, d, "org_a", "gone@example.com", good, auth.Owner)
		disable(t, d, gone)
		join(t, d, "org_a", "new@example.com", "", auth.Owner)
		check := func(email, password string) error {
			_, err := auth.NewThrottle().CheckPassword(t.Context(), d, email, password, start)
			return err
		}
		want := check("ada@example.com", "a wrong password").Error()
		for name, err := range map[string]error{
			"unknown user":       check("eve@example.com", good),
			"disabled user":      check("gone@example.com", good),
			"no password yet":    check("new@example.com", ""),
			"no password given":  check("ada@example.com", ""),
			"too long to be one": check("ada@example.com", strings.Repeat("x", 300)),
			"case":               check("ada@example.com", strings.ToUpper(good)),
		} {
			if fault.KindOf(err) != fault.KindInvalid || err.Error() != want {
				t.Errorf("%s: got %v, want %s", name, err, want)
			}
		}
		wantKind(t, check("ada", good), fault.KindInvalid, "email: ")
		user, err := auth.NewThrottle().CheckPassword(t.Context(), d, " ADA@example.com ", good, start)
		if err != nil || user != ada {
			t.Errorf("got %s, %v; want %s", user, err, ada)
		}
	})
}

func TestGuessingGetsSlower(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		join(t, d, "org_a", "ada@example.com", good, auth.Owner)
		th, now := auth.NewThrottle(), clock.NewFixed(start)
		try := func(email, password string) error {
			_, err := th.CheckPassword(t.Context(), d, email, password, now.Now())
			return err
		}
		for range 4 {
			wantKind(t, try("ada@example.com", "wrong"), fault.KindInvalid, "no user has")
		}
		must(t, try("ada@example.com", good)) // a right one in time ends the count
		for range 5 {
			wantKind(t, try("ada@example.com", "wrong"), fault.KindInvalid, "no user has")
		}
		for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			wantKind(t, try("ADA@example.com", good), fault.KindDenied, fmt.Sprintf("Try again in %d s.", int(wait.Seconds())+1))
			now.Advance(wait - time.Millisecond)
			wantKind(t, try("ada@example.com", good), fault.KindDenied, "Try again in 1 s.")
			now.Advance(time.Millisecond)
			wantKind(t, try("ada@example.com", "wrong"), fault.KindInvalid, "no user has")
		}
		for range 6 { // the same for who is not there
			err := try("eve@example.com", "wrong")
			if err == nil {
				t.Error("signed in as nobody")
			}
		}
		wantKind(t, try("eve@example.com", "wrong"), fault.KindDenied, "Too many wrong passwords")
		now.Advance(8 * time.Second)
		must(t, try("ada@example.com", good))
		wantKind(t, try("ada@example.com", "wrong"), fault.KindInvalid, "no user has")
	})
}

func TestWaitHasAnEnd(t *testing.T) {
	th, now := auth.NewThrottle(), start
	for range 100 {
		w := th.Begin("ada", now)
		if w > 15*time.Minute {
			t.Fatalf("has to wait %s", w)
		}
		now = now.Add(w)
	}
	if w := th.Begin("ada", now.Add(-time.Hour)); w <= 0 {
		t.Error("a clock that goes backwards forgives")
	}
}

func TestGuessesAtOnceCountEach(t *testing.T) {
	th := auth.NewThrottle()
	var wg sync.WaitGroup
	passed := make(chan bool, 100)
	for range 100 {
		wg.Go(func() { passed <- th.Begin("ada", start) <= 0 })
	}
	wg.Wait()
	close(passed)
	n := 0
	for ok := range passed {
		if ok {
			n++
		}
	}
	if n != 5 {
		t.Errorf("%d of 100 guesses at once were looked at, want 5", n)
	}
}

func TestMemoryOfGuessesIsBounded(t *testing.T) {
	th := auth.NewThrottle()
	for range 7 {
		th.Begin("ada", start)
	}
	for i := range 3 * auth.MaxMemory {
		th.Begin(fmt.Sprint(i), start)
	}
	if n := th.Remembered(); n > auth.MaxMemory {
		t.Errorf("remembers %d addresses", n)
	}
	if th.Begin("ada", start) <= 0 {
		t.Error("a flood of other addresses forgives")
	}
	for i := range 2 * auth.MaxMemory { // all of whom have to wait
		for range 5 {
			th.Begin(fmt.Sprint("x", i), start)
		}
	}
	if n := th.Remembered(); n > auth.MaxMemory {
		t.Errorf("remembers %d addresses", n)
	}
	th.Forgive("ada")
}

func TestWhoGivesUpWaitingIsNotChecked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := auth.NewThrottle().CheckPassword(ctx, d, "ada@example.com", good, start); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
