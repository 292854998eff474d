package site

import (
	"strconv"
	"strings"
)

const nobody = "Nobody yet"

func personName(name string) string {
	if name == "" {
		return nobody
	}
	return name
}

func personInitials(name string) string {
	if name == "" || name == nobody {
		return "–"
	}
	return Initials(name)
}

func (b ButtonView) class() string {
	c := "btn"
	switch b.Kind {
	case ButtonPrimary:
		c += " btn-primary"
	case ButtonQuiet:
		c += " tm-quiet"
	case ButtonDanger:
		c += " tm-danger"
	}
	return c
}

func (b ButtonView) kind() string {
	if b.Submit {
		return "submit"
	}
	return "button"
}

func (s PathState) word() string {
	switch s {
	case PathDone:
		return "Done"
	case PathNow:
		return "Now"
	case PathLocked:
		return "Locked"
	default:
		return "Later"
	}
}

// shown is the digest in groups of four or eight characters; a short one keeps
// both ends, because people compare ends.
func (d DigestView) shown() string {
	if !d.Short || len(d.Value) <= 20 {
		return d.Value
	}
	v := d.Value
	return v[:8] + " " + v[8:16] + " … " + v[len(v)-8:]
}

func (d DigestView) ending() string {
	return d.Value[max(0, len(d.Value)-8):]
}

func (r RawView) name() string {
	if r.Label != "" {
		return r.Label
	}
	return strings.TrimSpace(r.Title + " " + r.Note)
}

// cut finds the decisive part; without one everything is before it.
func (r RawView) cut() (before, marked, after string) {
	if r.Mark == "" {
		return r.Text, "", ""
	}
	b, a, found := strings.Cut(r.Text, r.Mark)
	if !found {
		return r.Text, "", ""
	}
	return b, r.Mark, a
}

func (r RawView) before() string { b, _, _ := r.cut(); return b }
func (r RawView) marked() string { _, m, _ := r.cut(); return m }
func (r RawView) after() string  { _, _, a := r.cut(); return a }

func (v SearchView) path() string  { return or(v.Path, "/search") }
func (v SearchView) name() string  { return or(v.Name, "q") }
func (v SearchView) label() string { return or(v.Label, "Search or jump to") }

func (p PagerView) newer() string { return or(p.NewerText, "Newer") }
func (p PagerView) label() string {
	if p.Label == "" {
		return "Pages"
	}
	return "Pages: " + p.Label
}

func (p PagerView) older() string { return or(p.OlderText, "Older") }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// plain is a number for attributes that machines read.
func plain(n int64) string { return strconv.FormatInt(n, 10) }

// Plain is a number as a form carries it.
func Plain(n int64) string { return plain(n) }
