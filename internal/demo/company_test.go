package demo

import (
	"testing"
	"time"
)

func TestSixtyPeopleWorkThereInTheEnd(t *testing.T) {
	all, n, logins := people(), 0, map[string]bool{}
	for _, w := range all {
		if w.employed(today) {
			n++
		}
		if logins[handle(w.name)] {
			t.Errorf("two people have the account %s", handle(w.name))
		}
		logins[handle(w.name)] = true
		if !w.left.IsZero() && (w.left.Before(w.joined) || w.closed.Before(w.left)) {
			t.Errorf("%s joined %s, left %s, account closed %s", w.name, w.joined, w.left, w.closed)
		}
	}
	if n != headcount {
		t.Errorf("%d people work there, want %d", n, headcount)
	}
	for _, a := range accounts(all, today) {
		logins[a.login] = true
	}
	for _, s := range spells {
		if !logins[s.login] {
			t.Errorf("%s, who signed in without a second factor, has no account", s.login)
		}
	}
}

func TestAccountsWithoutASecondFactor(t *testing.T) {
	all := people()
	for at, want := range map[time.Time]int{
		time.Date(2026, 3, 11, 3, 59, 0, 0, time.UTC):  0,
		time.Date(2026, 3, 11, 4, 0, 0, 0, time.UTC):   1,
		time.Date(2026, 3, 11, 14, 0, 0, 0, time.UTC):  0,
		time.Date(2026, 5, 22, 6, 0, 0, 0, time.UTC):   1,
		time.Date(2026, 11, 16, 15, 0, 0, 0, time.UTC): 2,
		today: 2,
	} {
		n, total := 0, 0
		for _, a := range accounts(all, at) {
			if a.disabled.IsZero() || at.Before(a.disabled) {
				total++
				if !a.factor(at) {
					n++
				}
			}
		}
		if n != want {
			t.Errorf("%s: %d accounts without a second factor, want %d", at, n, want)
		}
		if at.Equal(today) && total != 68 {
			t.Errorf("%d accounts are open today, want 68", total)
		}
	}
}
