package id_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func TestNewReadsBack(t *testing.T) {
	form := regexp.MustCompile(`^ctl_[0-9a-v]{26}$`)
	seen := map[id.Control]bool{}
	for range 1000 {
		c := id.New[id.Control](start)
		if !form.MatchString(string(c)) {
			t.Fatalf("%s is not of the form %s", c, form)
		}
		if seen[c] {
			t.Fatalf("%s was made twice", c)
		}
		seen[c] = true
		if got, err := id.Parse[id.Control](string(c)); err != nil || got != c {
			t.Fatalf("%s reads back as %s, %v", c, got, err)
		}
	}
}

func TestOrderIsThatOfTime(t *testing.T) {
	var made []id.Run
	for i := range 200 {
		made = append(made, id.New[id.Run](start.Add(time.Duration(i*i)*time.Millisecond)))
	}
	if !slices.IsSorted(made) {
		t.Error("ids made one after the other do not sort so")
	}
}

// kinded checks one kind: a unique prefix of three letters.
func kinded[T id.Kinded](t *testing.T, seen map[string]bool) {
	t.Helper()
	var zero T
	k := zero.Kind()
	if !regexp.MustCompile(`^[a-z]{3}$`).MatchString(k) || seen[k] {
		t.Errorf("kind %q is taken or not three letters", k)
	}
	seen[k] = true
	if got, err := id.Parse[T](string(id.New[T](start))); err != nil || !strings.HasPrefix(string(got), k+"_") {
		t.Errorf("%s: got %s, %v", k, got, err)
	}
}

func TestKindsDiffer(t *testing.T) {
	seen := map[string]bool{}
	kinded[id.Org](t, seen)
	kinded[id.User](t, seen)
	kinded[id.Session](t, seen)
	kinded[id.Token](t, seen)
	kinded[id.Log](t, seen)
	kinded[id.Job](t, seen)
	kinded[id.Scope](t, seen)
	kinded[id.Control](t, seen)
	kinded[id.Source](t, seen)
	kinded[id.Run](t, seen)
	kinded[id.Evidence](t, seen)
	kinded[id.Exception](t, seen)
	kinded[id.Export](t, seen)
	kinded[id.Invitation](t, seen)
}

const good = "ctl_06csjl6e2dqnb8oj3b7h7qpbjc"

func TestParseRefuses(t *testing.T) {
	if _, err := id.Parse[id.Control](good); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{
		"nothing":               "",
		"another kind":          "src" + good[3:],
		"no kind":               good[4:],
		"upper case":            strings.ToUpper(good),
		"upper case digits":     "ctl_" + strings.ToUpper(good[4:]),
		"too short":             good[:29],
		"too long":              good + "0",
		"a letter beyond v":     good[:10] + "w" + good[11:],
		"unused bits set":       good[:29] + "d",
		"space before":          " " + good,
		"line end inside":       good[:29] + "\n",
		"line end and a letter": good[:15] + "\n" + good[16:],
		"a NUL":                 good[:29] + "\x00",
		"quote":                 "ctl_' OR 1=1 --aaaaaaaaaaaaaa",
		"full-width":            "ctl_０" + good[7:],
	} {
		_, err := id.Parse[id.Control](s)
		if fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("%s: %q: got %v, want a fault of kind invalid", name, s, err)
		}
		if err != nil && !strings.Contains(err.Error(), "want ctl_ and 26 characters") {
			t.Errorf("%s: %q does not say what is accepted", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("ctl_")
	f.Add(good[:29] + "\r")
	form := regexp.MustCompile(`\Actl_[0-9a-v]{25}[0-9a-v]\z`)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := id.Parse[id.Control](s)
		if err == nil && (string(got) != s || !form.MatchString(s)) {
			t.Errorf("%q is taken for %q", s, got)
		}
		if err != nil && got != "" {
			t.Errorf("%q: got %q with an error", s, got)
		}
	})
}
