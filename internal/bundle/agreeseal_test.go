package bundle_test

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/canon"
)

// sealTricks are played with what is signed over all: manifest, checkpoints, keys.
func sealTricks(t testing.TB) []trick {
	line := func(s string, n int, change func(line string) string) string {
		lines := strings.SplitAfter(s, "\n")
		n %= len(lines) - 1
		lines[n] = change(lines[n])
		return strings.Join(lines, "")
	}
	manifest := func(name string, change func(r *rand.Rand, text string) string) trick {
		return trick{"manifest: " + name + ", signed", true, func(r *rand.Rand, w *world) bool {
			same := false
			w.list = func(text string) string {
				changed := change(r, text)
				same = changed == text
				return changed
			}
			return !same
		}}
	}
	note := func(name string, change func(r *rand.Rand, f []byte) []byte) trick {
		return trick{"note: " + name, true, func(r *rand.Rand, w *world) bool {
			n := r.IntN(len(w.logs))
			w.change = func(f map[string][]byte) {
				c := fmt.Sprintf("logs/%d/checkpoint", n)
				f[c] = change(r, f[c])
			}
			return true
		}}
	}
	return []trick{
		manifest("another digest", func(r *rand.Rand, s string) string {
			return line(s, 5+r.IntN(50), func(l string) string { return flip(l, 0) })
		}),
		manifest("another size", func(r *rand.Rand, s string) string {
			return line(s, 5+r.IntN(len(strings.Split(s, "\n"))-6), func(l string) string { return strings.Replace(l, " ", " 1", 1) })
		}),
		manifest("one file less", func(r *rand.Rand, s string) string {
			return line(s, 5+r.IntN(len(strings.Split(s, "\n"))-6), func(string) string { return "" })
		}),
		manifest("a line more", func(r *rand.Rand, s string) string {
			return s + []string{"x\n", "\n", " \n", strings.Repeat("0", 64) + " 0 zz\n"}[r.IntN(4)]
		}),
		manifest("another title", func(_ *rand.Rand, s string) string { return strings.Replace(s, "v1", "v2", 1) }),
		manifest("another count", func(r *rand.Rand, s string) string {
			return line(s, 4, func(l string) string { return []string{"0" + l, "+" + l, "1" + l, "x\n"}[r.IntN(4)] })
		}),
		manifest("another time", func(r *rand.Rand, s string) string {
			return line(s, 2, func(l string) string {
				return []string{"2026-02-30T00:00:00.000Z\n", "2026-03-01\n", "1969-01-01T00:00:00.000Z\n", " " + l}[r.IntN(4)]
			})
		}),
		manifest("another log", func(_ *rand.Rand, s string) string {
			return line(s, 1, func(string) string { return origin(50) + "\n" })
		}),
		{"manifest: another scope, signed", false, func(r *rand.Rand, w *world) bool {
			w.head[3] = []string{"all", "selected", "some", ""}[r.IntN(4)]
			return true
		}},
		{"manifest: by another key", true, func(_ *rand.Rand, w *world) bool { w.signer = 51; return true }},
		{"checkpoint: by another key", true, func(r *rand.Rand, w *world) bool { anyLog(r, w).signer = 52; return true }},
		{"checkpoint: of fewer entries, signed", true, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			l.size = len(l.entries) - 1
			return l.size > 0
		}},
		{"checkpoint: another text, signed", true, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			n := r.IntN(6)
			l.text = func(s string) string {
				lines := strings.SplitAfter(s, "\n")
				return []string{s + "more\n", lines[0] + lines[1], lines[0] + "0" + lines[1] + lines[2], origin(50) + "\n" + lines[1] + lines[2],
					lines[0] + "1" + lines[1] + lines[2], lines[0] + lines[1] + flip(lines[2], 3)}[n]
			}
			return true
		}},
		note("a second signature line", func(_ *rand.Rand, b []byte) []byte {
			_, sig, _ := strings.Cut(string(b), "\n\n")
			return append(b, sig...)
		}),
		note("other bits in the signature", func(r *rand.Rand, b []byte) []byte {
			s := string(b)
			at := strings.LastIndex(s, " ") + 1
			return []byte(s[:at] + other64(r, strings.TrimSuffix(s[at:], "\n")+"") + "\nx")
		}),
		note("unused bits of base64", func(_ *rand.Rand, b []byte) []byte {
			// 68 bytes end in one padding character, and two bits before it say nothing.
			i := len(b) - 3
			b[i]++
			return b
		}),
		note("another dash", func(_ *rand.Rand, b []byte) []byte { return []byte(strings.Replace(string(b), "\n— ", "\n- ", 1)) }),
		note("S above the group order", func(_ *rand.Rand, b []byte) []byte { return outOfRange(t, b) }),
		{"key: another beside the log, signed", true, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			old := l.keyFile
			l.keyFile = []string{vkey(53) + "\n", canon.VKey(l.origin, public(53)) + "\n", strings.TrimSuffix(old, "\n"), old + old, " " + old, flip(old, len(old)-9)}[r.IntN(6)]
			return l.keyFile != old
		}},
	}
}

// flip changes a character to another of the same alphabet, nearly always.
func flip(s string, at int) string {
	c := byte('0')
	if s[at] == c {
		c = '1'
	}
	return s[:at] + string(c) + s[at+1:]
}

// outOfRange adds the group order to S: the same point, another spelling.
func outOfRange(t testing.TB, b []byte) []byte {
	s := string(b)
	at := strings.LastIndex(s, " ") + 1
	raw := decode64(t, strings.TrimSuffix(s[at:], "\n"))
	order := []byte{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}
	carry := 0
	for i, o := range order {
		n := int(raw[4+32+i]) + int(o) + carry
		raw[4+32+i], carry = byte(n), n>>8
	}
	return []byte(s[:at] + encode64(raw) + "\n")
}

func answerTricks(t testing.TB) []trick {
	answering := func(r *rand.Rand, w *world) *worldEntry {
		var list []*worldEntry
		for _, l := range w.logs {
			for _, e := range l.entries {
				if e.to != nil {
					list = append(list, e)
				}
			}
		}
		if len(list) == 0 {
			return nil
		}
		return list[r.IntN(len(list))]
	}
	must := func(name string, do func(e *worldEntry, r *rand.Rand) bool) trick {
		return trick{"answer: " + name, true, func(r *rand.Rand, w *world) bool {
			e := answering(r, w)
			return e != nil && do(e, r)
		}}
	}
	return []trick{
		must("signed by another", func(e *worldEntry, _ *rand.Rand) bool { e.by = 54; return true }),
		must("of another history", func(e *worldEntry, _ *rand.Rand) bool {
			e.forge = func(s string) string {
				lines := strings.SplitAfter(s, "\n")
				return lines[0] + lines[1] + flip(lines[2], 5)
			}
			return true
		}),
		must("of more entries than there are", func(e *worldEntry, _ *rand.Rand) bool {
			e.forge = func(s string) string {
				lines := strings.SplitAfter(s, "\n")
				return lines[0] + "9" + lines[1] + lines[2]
			}
			return true
		}),
		{"answer: of another size, signed", false, func(r *rand.Rand, w *world) bool {
			e := answering(r, w)
			if e == nil {
				return false
			}
			e.seen = 1 + r.IntN(len(e.to.entries))
			return true
		}},
		{"answer: of another entry, signed", false, func(r *rand.Rand, w *world) bool {
			e := answering(r, w)
			if e == nil {
				return false
			}
			e.leaf["answers"].(map[string]any)["index"] = int64(r.IntN(len(e.to.entries) + 2))
			return true
		}},
		{"erasure: of some entry, signed", false, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			for i, e := range l.entries {
				if i > 1 && e.leaf["answers"] == nil && e.leaf["key"] == nil && r.IntN(3) == 0 {
					e.leaf["kind"], e.leaf["erases"] = "erasure", []any{int64(r.IntN(i))}
					return true
				}
			}
			return false
		}},
		{"replacement: of some entry, signed", false, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			for i, e := range l.entries {
				if i > 1 && e.leaf["supersedes"] == nil && r.IntN(3) == 0 {
					e.leaf["supersedes"] = []any{int64(r.IntN(i))}
					return true
				}
			}
			return false
		}},
		{"key: changed, signed by whoever", false, func(r *rand.Rand, w *world) bool {
			l := anyLog(r, w)
			i := len(l.entries) - 1
			if e := l.entries[i]; i > 0 && e.leaf["answers"] == nil {
				next, by := byte(30+r.IntN(5)), l.seedAt(i)
				if r.IntN(2) == 0 {
					by = 55
				}
				delete(e.leaf, "erases")
				delete(e.leaf, "supersedes")
				index := e.leaf["index"].(int64)
				e.leaf["kind"], e.leaf["key"] = "log", encode64(public(next))
				e.leaf["signed"] = encode64(ed25519.Sign(key(by), []byte(canon.RotationText(l.origin, index, public(next)))))
				if r.IntN(4) > 0 {
					l.keyFile = canon.VKey(l.origin, public(next)) + "\n"
				}
				return true
			}
			return false
		}},
		{"log: not there, signed", false, func(r *rand.Rand, w *world) bool {
			if len(w.logs) < 2 {
				return false
			}
			w.logs = w.logs[:len(w.logs)-1]
			return true
		}},
	}
}
