package main

import (
	"fmt"
	"strings"

	"github.com/tickmark/tickmark/internal/bundle"
)

const (
	width    = 80
	fewItems = 20 // superseded and erased entries named without --items
)

// text tells a report to a person: what was checked, what that rules out, and
// what it leaves open.
func text(r *bundle.Report, items bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n\n", r.Verdict, r.File)
	paragraph(&b, "", verdict(r))
	b.WriteByte('\n')
	if r.Origin != "" {
		facts(&b, r)
	}
	if r.Verdict == bundle.Corrupted {
		problems(&b, r)
	} else {
		checked(&b, r)
	}
	if r.Examination != nil {
		examination(&b, r.Examination)
	}
	entries(&b, r, items)
	b.WriteString("What this cannot tell\n")
	for _, l := range r.Limits {
		paragraph(&b, "- ", l)
	}
	return b.String()
}

func verdict(r *bundle.Report) string {
	switch r.Verdict {
	case bundle.Verified:
		return "Everything in this file holds under the key you gave."
	case bundle.Consistent:
		if r.Key == "given" {
			return "Everything in this file holds, and the log it is about under the key you gave. The key of another log inside was not given: see below."
		}
		return "Everything in this file holds under the key inside it. That is not proof of who wrote it: give the key with --key."
	case bundle.Demo:
		return "Everything in this file holds, and its log says that it is a demonstration. It proves nothing about anybody."
	}
	return "Something in this file does not hold. Do not rely on it: ask its sender for another copy, and the owner of the log for the key."
}

func facts(b *strings.Builder, r *bundle.Report) {
	scope := "all: each content that an opened entry names is inside, unless it was erased"
	if r.Scope == bundle.Selected {
		scope = "selected: some contents that entries name may have been left out"
	}
	for _, f := range [][2]string{
		{"log", r.Origin},
		{"length", count(int(r.Size), "entry", "entries")},
		{"root", r.Root},
		{"key", r.Counts.VKey},
		{"", map[string]string{"given": "(you gave it)", "inside": "(from inside the file)"}[r.Key]},
		{"written", r.Created},
		{"scope", scope},
	} {
		if f[1] != "" {
			fmt.Fprintf(b, "  %-9s%s\n", f[0], f[1])
		}
	}
	b.WriteByte('\n')
}

func problems(b *strings.Builder, r *bundle.Report) {
	fmt.Fprintf(b, "What does not hold: %s\n", count(len(r.Problems), "problem", "problems"))
	for _, p := range r.Problems {
		paragraph(b, "- ", p.String())
	}
	b.WriteByte('\n')
}

func checked(b *strings.Builder, r *bundle.Report) {
	c := r.Counts
	heading := "What was checked, and what that rules out"
	if r.Key != "given" {
		heading += " if the key is the right one"
	}
	b.WriteString(heading + "\n")
	paragraph(b, "- ", fmt.Sprintf("Each byte of the archive, %s. The manifest is signed with the log's key and lists every file with its SHA-256: "+
		"no file has been changed, added, taken out or renamed since.", count(c.Files, "file", "files")))
	paragraph(b, "- ", fmt.Sprintf("%s, each in its place, and the root over all of them as the signed checkpoint has it: "+
		"no entry has been changed, removed, moved or put in between since.", count(c.Entries, "entry", "entries")))
	if c.Opened > 0 {
		paragraph(b, "- ", fmt.Sprintf("What %s say: it is what they committed to when they were recorded, so nobody has rewritten it.",
			count(c.Opened, "opened entry", "opened entries")))
	}
	if c.Blobs > 0 {
		paragraph(b, "- ", fmt.Sprintf("%s, byte for byte what entries named when they were recorded: no evidence has been exchanged.",
			count(c.Blobs, "blob", "blobs")))
	}
	if e := r.Examination; e != nil {
		paragraph(b, "- ", fmt.Sprintf("The order of events of the examination, over %s and %s: the nonce was committed to before the list was sealed, each sample "+
			"was drawn again from nonce and list and is the same, and evidence, tests, conclusions, reviews and signatures follow each other as SPEC.md says.",
			count(len(e.Populations), "population", "populations"), count(len(e.Procedures), "procedure", "procedures")))
	}
	b.WriteByte('\n')
}

// examination tells the order of events, by the numbers of the entries.
func examination(b *strings.Builder, e *bundle.Examination) {
	b.WriteString("Order of events (0/n is entry n of the auditor's file, 1/n of the client's log)\n")
	for _, p := range e.Populations {
		about := count(int(p.Rows), "row", "rows")
		if p.Compared && p.Rows > 0 {
			about += ", each with its record"
		}
		chain(b, name(p.Code, p.ID), about, p.Events)
	}
	for _, p := range e.Procedures {
		about := "nothing drawn"
		if p.Method != "" {
			about = fmt.Sprintf("%d of %d of %s, %s", p.Drawn, p.Of, p.Population, p.Method)
			if p.Recomputed {
				about += ", drawn again and the same"
			}
		}
		if p.Decision != "" {
			about += fmt.Sprintf("; %d of %d tested deviate: %s", p.Deviations, p.Tested, p.Decision)
		}
		chain(b, name(p.Control, p.ID), about, p.Events)
	}
	if len(e.Report) > 0 {
		chain(b, "Report", "", e.Report)
	}
	b.WriteByte('\n')
}

func name(code, id string) string {
	if code != "" {
		return code
	}
	return id
}

// chain writes events in their order; those of one step that follow each other
// in one log are told by the first and the last.
func chain(b *strings.Builder, who, about string, events []bundle.Event) {
	if about != "" {
		who += ": " + about
	}
	paragraph(b, "", who)
	var parts []string
	for i := 0; i < len(events); {
		e := events[i]
		j := i
		for j < len(events) && events[j].Step == e.Step && events[j].Log == e.Log {
			j++
		}
		part := fmt.Sprintf("%s %d/%d", e.Step, e.Log, e.Index)
		if n := j - i; n > 1 {
			part += fmt.Sprintf("…%d/%d (%d)", e.Log, events[j-1].Index, n)
		} else if e.Note != "" {
			part += " (" + e.Note + ")"
		}
		parts, i = append(parts, part), j
	}
	paragraph(b, "  ", strings.Join(parts, " < "))
}

func entries(b *strings.Builder, r *bundle.Report, all bool) {
	if len(r.Items) == 0 {
		return
	}
	tally := map[bundle.Verdict]int{}
	for _, i := range r.Items {
		tally[i.Verdict]++
	}
	var parts []string
	for _, v := range []bundle.Verdict{bundle.Verified, bundle.Consistent, bundle.Demo, bundle.Superseded, bundle.Erased, bundle.Corrupted, bundle.NotInLog} {
		if n := tally[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	fmt.Fprintf(b, "Entries: %s\n", strings.Join(parts, ", "))
	named, more := 0, 0
	for _, i := range r.Items {
		if !all {
			if i.Verdict != bundle.Superseded && i.Verdict != bundle.Erased {
				continue
			}
			if named++; named > fewItems {
				more++
				continue
			}
		}
		where := fmt.Sprint(i.Index)
		if i.Log > 0 {
			where = fmt.Sprintf("log %d, %d", i.Log, i.Index)
		}
		fmt.Fprintf(b, "  %s  %s  %s  %s  %s: %s\n", where, i.Recorded, i.Kind, i.ID, i.Verdict, i.Reason)
	}
	if more > 0 {
		fmt.Fprintf(b, "  and %d more; --items lists all\n", more)
	}
	b.WriteByte('\n')
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// paragraph writes s in lines of at most width, the first led by mark.
func paragraph(b *strings.Builder, mark, s string) {
	indent := strings.Repeat(" ", len(mark))
	line := "  " + mark
	empty := true
	for word := range strings.FieldsSeq(s) {
		if !empty && len([]rune(line))+1+len([]rune(word)) > width {
			b.WriteString(line + "\n")
			line, empty = "  "+indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	b.WriteString(line + "\n")
}
