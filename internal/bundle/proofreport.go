package bundle

import (
	"fmt"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/cosign"
)

// checkCosignatures checks those lines that are by witnesses of the policy.
func (w *proving) checkCosignatures() {
	text, _, err := canon.PeekNote(w.p.Checkpoint)
	if err != nil {
		return
	}
	by := map[string]bool{}
	for _, line := range w.p.Cosignatures {
		c, err := cosign.ParseLine(line)
		var witness string
		if err == nil {
			witness, err = w.witnessOf(c, text)
		}
		if err != nil {
			w.problem("checkpoint", "%v", err)
			w.l.checkpointHolds = false
			continue
		}
		if witness == "" {
			continue
		}
		by[witness] = true
		if at := canon.FormatTime(time.Unix(c.Time, 0)); w.by == "" || at < w.by {
			w.by = at
		}
	}
	if w.asks() && w.policy.Satisfied(by) {
		w.l.witnessed = w.l.checkpoint.Size
		w.report.Witnessed = []Witnessed{{0, w.l.witnessed}}
	}
}

// concludeProof draws the verdicts.
func (w *proving) concludeProof() {
	r, l := w.report, w.l
	if w.problems == 0 && !l.holds() {
		w.problem("proof", "not everything could be checked")
	}
	r.Key = "inside"
	if l.trusted {
		r.Key = "given"
	}
	switch {
	case w.problems > 0:
		r.Verdict = Corrupted
	case l.demo:
		r.Verdict = Demo
	case w.p.Leaf != nil && w.believed(l):
		r.Verdict = Verified
	default:
		r.Verdict = Consistent
	}
	for n := range r.Items {
		w.judgeProof(&r.Items[n])
	}
	w.proofLimits()
}

func (w *proving) judgeProof(i *Item) {
	i.Verdict = w.report.Verdict
	if w.by != "" {
		i.Bracket.By = w.by
	}
	const later = "; whether it was superseded or erased later, only a bundle of the whole log shows"
	switch {
	case i.bad != "":
		i.Reason = i.bad
	case w.problems > 0:
		i.Reason = "the proof does not hold: see the problems"
	case w.p.Leaf == nil:
		i.Reason = "a receipt: the leaf, and so what the entry is, is to be had elsewhere"
	case i.opened:
		i.Reason = "in the log; opened, and what it says is what was committed to" + later
	default:
		i.Reason = "in the log; not opened, so only its place, time and kind are shown" + later
	}
	if w.problems == 0 {
		i.Reason += offClock(i.Recorded, "", w.by)
	}
}

func (w *proving) proofLimits() {
	say := func(format string, args ...any) {
		w.report.Limits = append(w.report.Limits, fmt.Sprintf(format, args...))
	}
	if w.l.demo {
		say("This is a demonstration: its clock is set by hand, so nothing in it is evidence of anything.")
	}
	if w.unsigned {
		say("No key was given, and a receipt has none inside: the signature was not checked.")
	} else if w.report.Key == "inside" {
		say("No key was given that fits. The file agrees with itself, which a forger could arrange too. Get the log's key from its owner by another way and give it with --key.")
	}
	for _, k := range w.unused {
		say("The key %s was given and has signed nothing here.", k)
	}
	if w.content != "" && !w.compared {
		say("The content was not given, so only its SHA-256 and size are shown. Compare it with --content FILE.")
	}
	if w.asks() && w.l.witnessed == 0 {
		say("The checkpoint does not have the cosignatures that your policy asks for.")
	}
	if w.by == "" {
		say("The time is that of the log's own clock.")
	}
	say("A proof shows that one entry is in the log. Whether it was superseded or erased later, and what else happened, only a bundle of the whole log shows.")
	say("Nothing here shows that evidence is true or that everything that happened was recorded.")
}
