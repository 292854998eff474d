package main

import (
	"fmt"
	"strings"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
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
	switch {
	case r.Verdict == bundle.Corrupted:
		problems(&b, r)
	case r.Scope == bundle.ProofOnly:
		checkedProof(&b, r)
	default:
		checked(&b, r)
	}
	anchors(&b, r)
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
		switch {
		case r.Key == "given" && r.Scope == bundle.ProofOnly:
			return "Everything in this file holds under the key you gave, and something that you asked for or that a proof needs is not here: see below."
		case r.Key == "given" && r.Counts.Ungiven == 0:
			return "Everything in this file holds under the key you gave, without the cosignatures that your policy asks for: see below."
		case r.Key == "given":
			return "Everything in this file holds, and the log it is about under the key you gave. The key of another log inside was not given: see below."
		}
		return "Everything in this file holds under the key inside it. That is not proof of who wrote it: give the key with --key."
	case bundle.Demo:
		return "Everything in this file holds, and its log says that it is a demonstration. It proves nothing about anybody."
	}
	return "Something in this file does not hold. Do not rely on it: ask its sender for another copy, and the owner of the log for the key."
}

func facts(b *strings.Builder, r *bundle.Report) {
	if r.Scope == bundle.ProofOnly {
		r.Created = ""
	}
	scope := "all: each content that an opened entry names is inside, unless it was erased"
	switch r.Scope {
	case bundle.ProofOnly:
		scope = "the proof of one entry"
	case bundle.Selected:
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
	if r.Scope == bundle.ProofOnly {
		all = true
	}
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
		if all {
			fmt.Fprintf(b, "      %s\n", bounds(i.Bracket))
		}
	}
	if more > 0 {
		fmt.Fprintf(b, "  and %d more; --items lists all\n", more)
	}
	b.WriteByte('\n')
}

// bounds tells the bracket of an entry's time.
func bounds(k bundle.Bracket) string {
	after, by := "", "and by nobody else's word than the log's own clock"
	if k.After != "" {
		after = "recorded after " + k.After + ", "
	}
	if t, err := canon.ParseTime(k.By); err == nil {
		by = "and at the latest by " + canon.FormatTime(t) + ", as somebody outside says"
	}
	if after == "" {
		by = "recorded " + strings.TrimPrefix(by, "and ")
	}
	return after + by
}

// checkedProof tells what was checked of a proof.
func checkedProof(b *strings.Builder, r *bundle.Report) {
	heading := "What was checked, and what that rules out"
	if r.Key != "given" {
		heading += " if the key is the right one"
	}
	b.WriteString(heading + "\n")
	if r.Counts.Entries == 0 {
		paragraph(b, "- ", "Form and number of the hashes of a receipt. The leaf is not in it, so nothing is shown about what the entry is.")
	} else {
		paragraph(b, "- ", fmt.Sprintf("The way from the entry to the root of a signed checkpoint of %s: the entry stands in the log, at this place, and has not been changed since.",
			count(int(r.Size), "entry", "entries")))
	}
	if r.Counts.Opened > 0 {
		paragraph(b, "- ", "What the entry says: it is what it committed to when it was recorded, so nobody has rewritten it.")
	}
	b.WriteByte('\n')
}

// anchors tells who outside said when something was there.
func anchors(b *strings.Builder, r *bundle.Report) {
	if len(r.Anchors)+len(r.Witnessed) == 0 {
		return
	}
	b.WriteString("Who says so outside\n")
	trusted, shown := 0, 0
	for _, a := range r.Anchors {
		if a.Trusted {
			trusted++
		}
	}
	for n, a := range r.Anchors {
		// The newest say most; the others are counted.
		if len(r.Anchors)-n > fewItems {
			continue
		}
		shown++
		what := fmt.Sprintf("%s: the first %s of log %d were there at %s", plain(a.By), count(int(a.Size), "entry", "entries"), a.Log, a.Time)
		if a.Time == "" {
			what = fmt.Sprintf("%s: the first %s of log %d", plain(a.By), count(int(a.Size), "entry", "entries"), a.Log)
		}
		if a.Trusted {
			what += ". You trust it"
		} else {
			what += ". Not trusted: " + a.Reason
		}
		paragraph(b, "- ", what)
	}
	if more := len(r.Anchors) - shown; more > 0 {
		paragraph(b, "- ", fmt.Sprintf("and %d older ones; --json lists all", more))
	}
	for _, w := range r.Witnessed {
		paragraph(b, "- ", fmt.Sprintf("The witnesses that your policy asks for saw log %d up to %s, and nothing that contradicts it.", w.Log, count(int(w.Size), "entry", "entries")))
	}
	if len(r.Anchors) > 0 {
		paragraph(b, "", fmt.Sprintf("%d of %d are by somebody you trust.", trusted, len(r.Anchors)))
	}
	b.WriteByte('\n')
}

// plain keeps foreign text from steering the terminal.
func plain(s string) string {
	for _, c := range s {
		if c < '!' || c > '~' {
			return fmt.Sprintf("%+.100q", s)
		}
	}
	return s
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
