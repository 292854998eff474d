package bundle

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/stamp"
	"golang.org/x/mod/sumdb/tlog"
)

// Limits of what is kept of anchors until the roots they speak of are known.
const (
	MaxAnchors = 1 << 18 // opened, over all logs
	maxAnchor  = 1 << 10 // bytes of one's body
)

// The operations of which the bodies are anchors.
const (
	opStamp  = "anchors.stamp"
	opCosign = "anchors.cosign"

	mediaTypeStamp = "application/timestamp-reply"
)

// slack is how far the log's clock may be off before it is remarked upon.
const slack = 5 * time.Minute

// An Anchor is what somebody outside said of a checkpoint.
type Anchor struct {
	Log     int    `json:"log"`
	Index   int64  `json:"index"`
	Size    int64  `json:"size"` // of the checkpoint
	By      string `json:"by"`   // address of the authority, or name of the witness
	Time    string `json:"time"` // empty if the stamp is not inside
	Trusted bool   `json:"trusted"`
	Reason  string `json:"reason"` // why not
}

// Witnessed is the longest part of a log that the policy's quorum cosigned.
type Witnessed struct {
	Log  int   `json:"log"`
	Size int64 `json:"size"`
}

// anchor is an anchor whose checkpoint is not known yet.
type anchor struct {
	log         *log
	index, size int64
	by          string
	nonce       *big.Int // of a stamp
	reply       *kept    // the stamp; nil if it is not inside
	line        *cosign.Cosignature
}

var nonceForm = regexp.MustCompile(`^[0-9a-f]{1,64}$`)

// addAnchor takes an opened entry of kind anchor that is one of the two forms.
func (v *verification) addAnchor(l *log, index int64, leaf canon.Leaf, s said) error {
	op, _ := s.body["op"].(string)
	if op != opStamp && op != opCosign {
		return nil
	}
	if s.bodySize > maxAnchor {
		return fmt.Errorf("the body of an anchor has at most %d bytes", maxAnchor)
	}
	a := anchor{log: l, index: index}
	f := fields{body: s.body}
	want := []string{"id", "op", "size"}
	a.size = f.num("size")
	f.str("id")
	var err error
	if op == opStamp {
		want = append(want, "authority", "media_type", "nonce")
		a.by = f.str("authority")
		if s.media != mediaTypeStamp {
			f.bad = append(f.bad, "media_type")
		}
		if nonce := f.str("nonce"); nonceForm.MatchString(nonce) {
			a.nonce, _ = new(big.Int).SetString(nonce, 16)
		} else {
			f.bad = append(f.bad, "nonce")
		}
		if s.sum != "" {
			a.reply = v.blob(s.sum)
		}
	} else {
		want = append(want, "cosignature", "witness")
		a.by = f.str("witness")
		if line := f.str("cosignature"); line != "" {
			var c cosign.Cosignature
			if c, err = cosign.ParseLine(line); err == nil && c.Name != a.by {
				f.bad = append(f.bad, "witness")
			}
			a.line = &c
		}
	}
	for key := range s.body {
		if !slices.Contains(want, key) {
			f.bad = append(f.bad, key)
		}
	}
	_, has := leaf.Commit[canon.LabelContent]
	switch {
	case has != (op == opStamp):
		return errors.New("a time stamp has a content, the authority's answer; a cosignature has none")
	case len(f.bad) > 0:
		slices.Sort(f.bad)
		return fmt.Errorf("an anchor has other fields or forms of: %v", slices.Compact(f.bad))
	case err != nil:
		return fmt.Errorf("cosignature: %w", err)
	case a.size < 1 || a.size > index:
		return fmt.Errorf("it is about a checkpoint of %d entries; an anchor is about one between 1 and its own index", a.size)
	case len(v.anchors) >= MaxAnchors:
		return fmt.Errorf("more than %d anchors, which no version 1 bundle has", MaxAnchors)
	}
	v.anchors = append(v.anchors, a)
	return nil
}

// checkAnchors checks what was said outside against what each log was.
func (v *verification) checkAnchors() {
	for _, l := range v.logs {
		sizes := map[int64]bool{}
		for _, a := range v.anchors {
			if a.log == l {
				sizes[a.size] = true
			}
		}
		if len(sizes) == 0 {
			continue
		}
		roots := v.roots(l, sizes)
		seen := map[int64]map[string]bool{}
		for _, a := range v.anchors {
			if a.log != l {
				continue
			}
			root, ok := roots[a.size]
			if !ok {
				continue // entries are missing, which is said
			}
			v.checkAnchor(a, root, seen)
		}
		v.witness(l, seen)
		v.bracket(l)
	}
}

func (v *verification) checkAnchor(a anchor, root tlog.Hash, seen map[int64]map[string]bool) {
	text := canon.Checkpoint{Origin: a.log.origin, Size: a.size, Root: root}.Text()
	out := Anchor{Log: a.log.n, Index: a.index, Size: a.size, By: a.by}
	var err error
	switch {
	case a.line != nil:
		out.Time = canon.FormatTime(time.Unix(a.line.Time, 0))
		var witness string
		if witness, err = v.witnessOf(*a.line, text); witness != "" && err == nil {
			if seen[a.size] == nil {
				seen[a.size] = map[string]bool{}
			}
			seen[a.size][witness], out.Trusted = true, true
		} else {
			out.Reason = "no policy you gave has a witness of this name and key"
		}
	case a.reply == nil:
		out.Reason = "the stamp is not in this bundle"
	case a.reply.bad || a.reply.size > stamp.MaxReply:
		err = fmt.Errorf("its content is no time stamp")
	default:
		out.Time, out.Trusted, out.Reason, err = v.checkStamp(a, text)
	}
	if err != nil {
		v.spoil(a.log, a.index, "%v", err)
		return
	}
	v.report.Anchors = append(v.report.Anchors, out)
}

func (v *verification) checkStamp(a anchor, text string) (at string, trusted bool, reason string, err error) {
	t, err := stamp.Parse(v.src.at(a.reply.at, a.reply.size))
	if err != nil {
		return "", false, "", fmt.Errorf("the time stamp: %w", err)
	}
	why, err := t.Verify(sha256.Sum256([]byte(text)), a.nonce, v.authorities)
	if err != nil {
		return "", false, "", fmt.Errorf("the time stamp: %w", err)
	}
	reason = why.Words()
	if why == stamp.Chain && v.authorities.Len() == 0 {
		reason = "no root of an authority was given"
	}
	return canon.FormatTime(t.Time), why == stamp.Trusted, reason, nil
}

// witnessOf is the name in the policy of the witness that made a cosignature;
// empty if the policy has none of that name and key. Another's cosignature says
// nothing; a trusted one's that does not fit is a fault.
func (v *verification) witnessOf(c cosign.Cosignature, text string) (string, error) {
	if v.policy == nil {
		return "", nil
	}
	w, ok := v.policy.Witness(c)
	if !ok {
		return "", nil
	}
	if !canon.CanonicalKey(w.Key.Public) {
		return "", fmt.Errorf("the cosignature of %s does not fit the checkpoint", c.Name)
	}
	return w.Name, c.Verify(w.Key, text)
}

// asks reports whether the reader wants a quorum of witnesses.
func (v *verification) asks() bool { return v.policy != nil && v.policy.Asks() }

// witness finds the longest part of a log that the quorum cosigned.
func (v *verification) witness(l *log, seen map[int64]map[string]bool) {
	if !v.asks() {
		return
	}
	for size, by := range seen {
		if v.policy.Satisfied(by) {
			l.witnessed = max(l.witnessed, size)
		}
	}
	if l.witnessed > 0 {
		v.report.Witnessed = append(v.report.Witnessed, Witnessed{l.n, l.witnessed})
	}
}

// bracket bounds each entry's time by the trusted anchors: it was there at the
// time of those that cover it, and not before those that were in the log before
// it.
func (v *verification) bracket(l *log) {
	var trusted []Anchor
	for _, a := range v.report.Anchors {
		if a.Log == l.n && a.Trusted {
			trusted = append(trusted, a)
		}
	}
	slices.SortStableFunc(trusted, func(a, b Anchor) int { return int(a.Size - b.Size) })
	// Times in this form are in the order of their texts.
	by := make([]string, len(trusted)+1)
	for n := len(trusted) - 1; n >= 0; n-- {
		if by[n] = trusted[n].Time; by[n+1] != "" {
			by[n] = min(by[n], by[n+1])
		}
	}
	after, n := "", 0
	items := v.report.Items[l.first : l.first+int(l.tree.Size())]
	for k := range items {
		i := &items[k]
		for n < len(trusted) && trusted[n].Size <= i.Index {
			after = max(after, trusted[n].Time)
			n++
		}
		if after != "" {
			i.Bracket.After = after
		}
		if by[n] != "" {
			i.Bracket.By = by[n]
		}
		i.clock = offClock(i.Recorded, after, by[n])
	}
}

// offClock says that a log's own time cannot be right; empty if it can.
func offClock(recorded, after, by string) string {
	t, err := canon.ParseTime(recorded)
	if err != nil {
		return ""
	}
	if a, err := canon.ParseTime(after); err == nil && t.Before(a.Add(-slack)) {
		return fmt.Sprintf("; the log's clock was wrong or was set: an anchor shows that it was recorded after %s", after)
	}
	if b, err := canon.ParseTime(by); err == nil && t.After(b.Add(slack)) {
		return fmt.Sprintf("; the log's clock was wrong or was set: an anchor shows that it was recorded by %s", by)
	}
	return ""
}
