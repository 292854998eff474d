package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A worker is somebody the company pays, with the account they sign in with.
type worker struct {
	number        int
	name, email   string
	department    string
	manager       string // number of whoever leads the department
	contractor    bool
	joined, left  time.Time // days; left is zero for whoever stays
	closed        time.Time // when the account of a leaver was disabled
	enrolled      time.Time // when their second factor was set up
	administrator bool
}

// Days of the story.
var (
	opens = date(2025, 11, 11) // the program begins
	today = time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
)

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

var departments = []string{"Engineering", "Operations", "Product", "Customer Success", "Sales", "Finance", "People"}

// given and family are put together by arithmetic, so that the company is the
// same each time and nobody in it exists.
var (
	given = []string{"Adaeze", "Bram", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Imani", "Jelle", "Katya", "Lorenzo", "Maren",
		"Nadia", "Oskar", "Paloma", "Quentin", "Rosa", "Sander", "Thandi", "Ulrich", "Valeria", "Wim", "Ximena", "Yusuf", "Zofia"}
	family = []string{"Abara", "Brandt", "Castelli", "Dubois", "Eriksen", "Fontaine", "Gallo", "Hale", "Ivanov", "Janssen", "Keller", "Laine",
		"Moreau", "Novak", "Osei", "Petrov", "Quist", "Romero", "Saito", "Tanaka", "Ueda", "Vermeer", "Weiss", "Yildiz", "Zeman"}
)

// named are the people who appear by name; they were there before the story.
var named = []struct{ name, department string }{
	{ines.name, "Engineering"}, {jonas.name, "Operations"}, {mei.name, "Operations"}, {tomas.name, "Finance"},
	{priya.name, "Finance"}, {rashid.name, "Engineering"},
}

// joins and leaves are the year's comings and goings. One account was disabled
// two days late.
var joins = []time.Time{date(2025, 12, 1), date(2026, 1, 12), date(2026, 1, 12), date(2026, 2, 2), date(2026, 3, 16), date(2026, 4, 1),
	date(2026, 5, 4), date(2026, 6, 1), date(2026, 7, 13), date(2026, 8, 3), date(2026, 9, 1), date(2026, 9, 1), date(2026, 10, 5), date(2026, 11, 2)}

var leaves = []struct {
	on   time.Time
	late time.Duration // from the end of the last day to the disabling
}{
	{date(2026, 1, 30), 2 * time.Hour}, {date(2026, 3, 31), time.Hour}, {date(2026, 5, 15), 49*time.Hour + 10*time.Minute},
	{date(2026, 6, 30), 30 * time.Minute}, {date(2026, 8, 28), 3 * time.Hour}, {date(2026, 10, 16), time.Hour},
}

// headcount is how many work there on the last day.
const headcount = 60

// people are all who worked there during the story.
func people() []worker {
	var out []worker
	total := headcount + len(leaves)
	founders := total - len(joins)
	for i := range total {
		w := worker{number: 1001 + i, joined: date(2019+i%6, time.Month(1+i*5%12), 1+i*7%28)}
		if i < len(named) {
			w.name, w.department = named[i].name, named[i].department
		} else {
			w.name = given[i*7%len(given)] + " " + family[i*11%len(family)]
			w.department = departments[i*3%len(departments)]
		}
		if i >= founders {
			w.joined = joins[i-founders]
		}
		w.contractor = i > len(named) && i%11 == 0
		w.email = handle(w.name) + "@larchmere.example"
		w.administrator = w.department == "Operations" || i == 0
		w.enrolled = w.joined.Add(8 * time.Hour)
		out = append(out, w)
	}
	for i, l := range leaves {
		w := &out[len(named)+3+i*6]
		w.left = l.on
		w.closed = l.on.Add(17*time.Hour + l.late)
	}
	heads := map[string]string{}
	for _, w := range out {
		if heads[w.department] == "" {
			heads[w.department] = fmt.Sprint(w.number)
		}
	}
	for i := range out {
		if h := heads[out[i].department]; h != fmt.Sprint(out[i].number) {
			out[i].manager = h
		}
	}
	return out
}

// handle is the name an account has: the first letter and the family name.
func handle(name string) string {
	plain := strings.NewReplacer("á", "a", "é", "e", "-", "").Replace(strings.ToLower(name))
	first, last, _ := strings.Cut(plain, " ")
	return first[:1] + strings.ReplaceAll(last, " ", "")
}

// employed reports whether somebody worked there at an instant.
func (w worker) employed(t time.Time) bool {
	return !t.Before(w.joined) && (w.left.IsZero() || t.Before(w.left.Add(24*time.Hour)))
}

// An account is a way to sign in, of a person or of a program.
type account struct {
	login, owner           string
	created, disabled      time.Time
	enrolled               time.Time // its second factor; zero if it never had one
	service, administrator bool
}

// spells are when somebody signed in without a second factor although the rule
// said otherwise: the failures of the year. The last one is not over.
var spells = []struct {
	login    string
	from, to time.Time
}{
	{"fosei", time.Date(2026, 3, 11, 4, 0, 0, 0, time.UTC), time.Date(2026, 3, 11, 14, 0, 0, 0, time.UTC)},
	{"svc-scan-01", time.Date(2026, 8, 12, 0, 0, 0, 0, time.UTC), time.Date(2026, 8, 15, 0, 0, 0, 0, time.UTC)},
	{"rromero", time.Date(2026, 5, 22, 6, 0, 0, 0, time.UTC), time.Date(2026, 5, 23, 8, 0, 0, 0, time.UTC)},
}

// accounts are those of the directory at an instant: one for each person, and
// those of programs.
func accounts(all []worker, t time.Time) []account {
	var out []account
	for _, w := range all {
		if t.Before(w.joined.Add(8 * time.Hour)) {
			continue // made in the morning of the first day, with its second factor
		}
		out = append(out, account{login: handle(w.name), owner: fmt.Sprint(w.number), created: w.joined.Add(8 * time.Hour), disabled: w.closed,
			enrolled: w.enrolled, administrator: w.administrator})
	}
	for _, s := range []string{"svc-backup", "svc-deploy", "svc-metrics", "svc-mail", "svc-scan-01", "svc-status"} {
		out = append(out, account{login: s, owner: "1003", created: date(2024, 5, 6), enrolled: date(2024, 5, 6), service: true})
	}
	for _, late := range []struct {
		login string
		at    time.Time
	}{{"svc-scan-02", time.Date(2026, 11, 16, 14, 52, 0, 0, time.UTC)}, {"contractor-hale", time.Date(2026, 11, 16, 14, 55, 0, 0, time.UTC)}} {
		if !t.Before(late.at) {
			out = append(out, account{login: late.login, owner: "1004", created: late.at, service: strings.HasPrefix(late.login, "svc-")})
		}
	}
	return slices.DeleteFunc(out, func(a account) bool { return !a.disabled.IsZero() && t.Sub(a.disabled) > 90*24*time.Hour })
}

// factor reports whether an account had a second factor at an instant.
func (a account) factor(t time.Time) bool {
	for _, s := range spells {
		if s.login == a.login && !t.Before(s.from) && t.Before(s.to) {
			return false
		}
	}
	return !a.enrolled.IsZero() && !t.Before(a.enrolled)
}

// open reports whether somebody could use an account at an instant.
func (a account) open(t time.Time) bool { return a.disabled.IsZero() || t.Before(a.disabled) }
