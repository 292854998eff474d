package bundle_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/sample"
)

// order is the script with one act moved before another.
func order(act, before string) []string {
	list := slices.DeleteFunc(slices.Clone(script), func(a string) bool { return a == act })
	return slices.Insert(list, slices.Index(list, before), act)
}

func without(acts ...string) []string {
	return slices.DeleteFunc(slices.Clone(script), func(a string) bool { return slices.Contains(acts, a) })
}

// after is the script with acts put in after one.
func after(act string, more ...string) []string {
	return slices.Insert(slices.Clone(script), slices.Index(script, act)+1, more...)
}

// set changes a field of one act's body.
func set(act, key string, to any) func(p *play) {
	return func(p *play) {
		p.body = func(step string, body map[string]any) {
			if step == act {
				if body[key] = to; to == nil {
					delete(body, key)
				}
			}
		}
	}
}

func edit(act string, from, to string) func(p *play) {
	return func(p *play) {
		p.content = func(step string, b []byte) []byte {
			if step == act {
				return bytes.Replace(b, []byte(from), []byte(to), 1)
			}
			return b
		}
	}
}

func silent(act string) func(p *play) {
	return func(p *play) {
		p.leaf = func(step string, l *canon.Leaf) {
			if step == act {
				l.Answers = nil
			}
		}
	}
}

func by(act, who string) func(p *play) { return func(p *play) { p.actors[act] = who } }

// forgery is an examination in which something happened otherwise than it may.
type forgery struct {
	rule   string
	name   string
	forge  func(p *play)
	script []string
	object string
	reason string
}

func forgeries(t testing.TB) []forgery {
	drawnItem := newPlay(t).drawn(1, 2)[0]
	notDrawn := newPlay(t).drawn(11, 12)[0]
	return []forgery{
		{"E1", "a second nonce", nil, after("commit", "commit"), "entry/2", "commits to a nonce for the same list already"},
		{"E1", "no nonce", set("commit", "commitment", "soon"), script, "entry/1", "has in another form: commitment"},
		{"E1", "a step in an entry of another kind", func(p *play) {
			p.leaf = func(step string, l *canon.Leaf) {
				if step == "draw" {
					l.Kind = canon.KindOp
				}
			}
		}, script, "entry/3", "this step is recorded in an entry of kind sample"},

		{"E2", "the nonce chosen after the list", nil, order("seal", "commit"), "log1/entry/4", "nothing shows that the list was sealed after it"},
		{"E2", "a list that answers nothing", silent("seal"), script, "log1/entry/4", "it answers nothing"},
		{"E2", "another commitment", set("seal", "commitment", strings.Repeat("ab", 32)), script, "log1/entry/4", "names the commitment ababababababab"},
		{"E2", "a list for which no nonce was asked", set("seal", "id", "pop_2"), script, "log1/entry/4", "no commitment to a nonce"},
		{"E2", "an item renamed in the list", edit("rows", "CHG-0007", "CHG-000G"), script, "log1/entry/4", "row 7: the list has item CHG-000G where the extraction has CHG-0007"},
		{"E2", "a row taken out", func(p *play) {
			p.content = func(step string, b []byte) []byte {
				if step == "rows" && bytes.Contains(b, []byte("CHG-0007")) {
					return bytes.Join(slices.DeleteFunc(bytes.SplitAfter(b, []byte("\n")), func(l []byte) bool { return bytes.HasPrefix(l, []byte("CHG-0007")) }), nil)
				}
				return b
			}
		}, script, "log1/entry/4", "has 1 lines fewer than the list of chunks says"},
		{"E2", "rows in another order", func(p *play) {
			p.content = func(step string, b []byte) []byte {
				if step == "rows" {
					lines := bytes.SplitAfter(b, []byte("\n"))
					lines[0], lines[1] = lines[1], lines[0]
					return bytes.Join(lines, nil)
				}
				return b
			}
		}, script, "log1/entry/4", "comes after"},
		{"E2", "a record changed after sealing", edit("records", `"label":"Change CHG-0009"`, `"label":"Changed CHG-0009"`), script, "log1/entry/4", "item CHG-0009 is not committed to the record"},
		{"E2", "another digest", set("seal", "digest", strings.Repeat("ab", 32)), script, "log1/entry/4", "its rows have the digest"},
		{"E2", "another number of rows", set("seal", "rows", 11), script, "log1/entry/4", "has 12 rows and says 11"},
		{"E2", "other items in the entry", func(p *play) {
			p.leaf = func(step string, l *canon.Leaf) {
				if step == "seal" {
					l.Items.Count = 11
				}
			}
		}, script, "log1/entry/4", "not the items that its entry commits to"},
		{"E2", "the list sealed a second time", func(p *play) {
			p.body = func(step string, body map[string]any) {
				if step == "seal" {
					body["version"] = 1
				}
			}
		}, after("seal", "seal"), "log1/entry/6", "a sealed list is not sealed again"},
		{"E2", "two lists beside each other", func(p *play) {
			p.leaf = func(step string, l *canon.Leaf) { l.Supersedes = nil }
		}, after("seal", "seal"), "log1/entry/6", "two lists would stand beside each other"},
		{"E2", "an extraction that is not there", set("seal", "records", 1), script, "log1/entry/4", "is not opened or is no evidence"},
		{"E2", "an extraction still to come", set("seal", "records", 5), script, "log1/entry/4", "does not come before it"},

		{"E3", "an acceptance of another version", set("accept", "version", 2), script, "entry/2", "speaks of version 2"},
		{"E3", "an acceptance of another digest", set("accept", "digest", strings.Repeat("ab", 32)), script, "entry/2", "it names the digest abab"},
		{"E3", "an acceptance of nothing", silent("accept"), script, "entry/2", "it answers nothing"},
		{"E3", "accepted before it was sealed", nil, order("accept", "seal"), "entry/2", "which does not seal POP-08 (pop_1)"},
		{"E3", "drawn before it was accepted", nil, order("draw", "accept"), "entry/2", "accepted only later, in entry/3"},
		{"E3", "drawn from a list that nobody accepted", nil, without("accept"), "entry/2", "which nobody accepted"},
		{"E3", "drawn from a rejected list", set("accept", "decision", "rejected"), script, "entry/3", "version 1 of POP-08 (pop_1), which was rejected"},
		{"E3", "an unknown decision", set("accept", "decision", "fine"), script, "entry/2", "complete, explained or rejected"},
		{"E3", "drawn from a list that had been replaced", func(p *play) {
			p.leaf = func(step string, l *canon.Leaf) {
				if step == "draw" {
					l.Answers.Index -= 2
				}
			}
			set("draw", "version", 1)(p)
		}, after("accept", "seal"), "entry/3", "had replaced by version 2 before"},

		{"E4", "another nonce", func(p *play) {
			set("commit", "commitment", strings.Repeat("ab", 32))(p)
		}, script, "entry/3", "the nonce it reveals has the SHA-256"},
		{"E4", "another control in the seed", set("draw", "control", "CHG-01b"), script, "entry/3", "nonce, digest, control and period give"},
		{"E4", "another period", set("draw", "period", "2026-01-01/2026-06-30"), script, "entry/3", "the list was sealed for " + period},
		{"E4", "another seed", set("draw", "seed", strings.Repeat("ab", 32)), script, "entry/3", "it names the seed abab"},
		{"E4", "another size of the list", set("draw", "total", 11), script, "entry/3", "says that the list has 11 items"},
		{"E4", "an item replaced", edit("draw", drawnItem, notDrawn), script, "entry/3", "it has item " + notDrawn + " at rank 2; nonce and list give " + drawnItem},
		{"E4", "the sample trimmed", func(p *play) {
			p.content = func(step string, b []byte) []byte {
				if step == "draw" {
					return p.pick(p.drawn(0, p.n-1), 1)
				}
				return b
			}
		}, script, "entry/3", "it drew 3 items and says 4"},
		{"E4", "the sample drawn again by other rules", func(p *play) {
			p.content = func(step string, b []byte) []byte {
				if step == "draw" {
					return p.pick(p.items[:p.n], 1)
				}
				return b
			}
		}, script, "entry/3", "nonce and list give"},
		{"E4", "ranks exchanged", func(p *play) {
			p.content = func(step string, b []byte) []byte {
				if step == "draw" {
					d := p.drawn(0, p.n)
					d[0], d[1] = d[1], d[0]
					return p.pick(d, 1)
				}
				return b
			}
		}, script, "entry/3", "it has item " + drawnItem + " at rank 1"},
		{"E4", "a second draw", nil, after("draw", "draw"), "entry/4", "a sample is drawn once and extended, never drawn again"},
		{"E4", "a second draw under another name", func(p *play) {
			n := 0
			p.body = func(step string, body map[string]any) {
				if step == "draw" {
					if n++; n == 2 {
						body["procedure"] = "prc_9"
					}
				}
			}
		}, after("draw", "draw"), "entry/4", "drew a sample for the control CHG-01 from the same list already"},
		{"E4", "a method that cannot be drawn again", set("draw", "method", "haphazard"), script, "entry/3", "none of random, systematic, stratified"},
		{"E4", "the nonce revealed before the list was sealed anew", func(p *play) {
			n := 0
			p.body = func(step string, body map[string]any) {
				if step == "draw" {
					if n++; n == 2 {
						body["procedure"], body["control"] = "prc_9", "CHG-09"
						body["seed"] = p.nonce.Seed(digestOf(p), "CHG-09", period).String()
					}
				}
			}
			p.content = func(step string, b []byte) []byte {
				if step == "draw" && n == 1 {
					return p.pick(p.nonce.Seed(digestOf(p), "CHG-09", period).Order(p.items)[:p.n], 1)
				}
				return b
			}
		}, after("draw", "seal", "accept", "draw"), "entry/5", "had revealed the nonce before this version of the list was sealed"},
		{"E4", "an extension with other items", edit("extend", newPlay(t).drawn(4, 5)[0], notDrawn), script, "entry/6", "it has item " + notDrawn + " at rank 5"},
		{"E4", "an extension that repeats items", edit("extend", newPlay(t).drawn(4, 5)[0], drawnItem), script, "entry/6", "which is in the sample already"},
		{"E4", "an extension from another size", set("extend", "from", 3), script, "entry/6", "from 3 to 6 items, and that has 4"},
		{"E4", "an extension without a reason", set("extend", "reason", nil), script, "entry/6", "lacks, or has in another form: reason"},
		{"E4", "an extension before the draw", nil, order("extend", "draw"), "entry/3", "of which none was drawn before"},

		{"E5", "evidence linked before the draw", nil, order("link", "draw"), "entry/3", "was drawn only later, in entry/4"},
		{"E5", "an answer before the draw", nil, order("answer", "draw"), "log1/entry/5", "draws no items"},
		{"E5", "an answer to nothing", silent("answer"), script, "log1/entry/5", "it answers nothing"},
		{"E5", "an answer to another draw", func(p *play) {
			p.leaf = func(step string, l *canon.Leaf) {
				if step == "answer" {
					l.Answers.Index--
				}
			}
		}, script, "log1/entry/5", "which draws no items for CHG-01 (prc_1)"},
		{"E5", "an answer for an item that was not drawn", set("answer", "items", []string{notDrawn}), script, "log1/entry/5", "item " + notDrawn + " was not drawn"},
		{"E5", "an answer for items of a later extension", set("answer", "items", newPlay(t).drawn(4, 5)), script, "log1/entry/5", "was drawn only later, in entry/6"},
		{"E5", "an answer with evidence that nobody recorded", set("answer", "id", "evd_9"), script, "log1/entry/5", "no opened entry before it records this evidence"},
		{"E5", "a link to an item that was not drawn", set("link", "items", []string{notDrawn}), script, "entry/4", "was not drawn"},
		{"E5", "a link to other evidence", set("link", "id", "evd_9"), script, "entry/4", "does not record this evidence"},
		{"E5", "a link to what is no evidence", func(p *play) {
			p.leaf = func(step string, l *canon.Leaf) {
				if step == "link" {
					l.Answers.Index = 1
				}
			}
		}, script, "entry/4", "which is no evidence"},

		{"E6", "tested before evidence was linked", nil, order("test", "link"), "entry/4", "no evidence was linked to it before"},
		{"E6", "tested before the client answered", nil, order("test", "answer"), "entry/4", "no evidence was linked to it before"},
		{"E6", "tested before the answer had been seen", silent("test"), order("link", "answer"), "entry/5", "no evidence was linked to it before"},
		{"E6", "a mark on an item that was not drawn", func(p *play) {
			p.body = func(step string, body map[string]any) {
				if step == "test" {
					body["marks"].([]map[string]any)[0]["item"] = notDrawn
				}
			}
		}, script, "entry/5", "item " + notDrawn + " was not drawn"},
		{"E6", "an unknown mark", func(p *play) {
			p.body = func(step string, body map[string]any) {
				if step == "test" {
					body["marks"].([]map[string]any)[0]["mark"] = "fine"
				}
			}
		}, script, "entry/5", "one of agrees, deviation"},
		{"E6", "a full test of a list that nobody accepted", nil, without("accept", "draw", "answer", "link", "test", "extend", "answer more", "test more"), "entry/2", "which nobody accepted"},
		{"E6", "a full test that leaves an item out", edit("full", "CHG-0003\tagrees\n", ""), script, "entry/8", "line 3 is about CHG-0004 where the list has CHG-0003"},
		{"E6", "a full test that ends early", edit("full", "CHG-0012\tunknown\n", ""), script, "entry/8", "item CHG-0012 is missing"},
		{"E6", "a full test with an item too many", edit("full", "CHG-0012\tunknown\n", "CHG-0012\tunknown\nCHG-0013\tagrees\n"), script, "entry/8", "more lines than the list has items, 12"},
		{"E6", "a full test that hides a deviation", edit("full", "CHG-0005\tdeviation", "CHG-0005\tagrees"), script, "entry/8", "its results have 5, 0 and 7"},
		{"E6", "a full test of another digest", set("full", "digest", strings.Repeat("ab", 32)), script, "entry/8", "names the digest abab"},
		{"E6", "a full test that counts other items", set("full", "total", 11), script, "entry/8", "counts 11 of 12 items"},

		{"E7", "concluded before anything was tested", nil, order("control", "test"), "entry/5", "nothing was tested before it"},
		{"E7", "concluded before all was tested", nil, without("answer more", "test more"), "entry/8", "was drawn and bears no mark"},
		{"E7", "a deviation not counted", set("control", "deviations", 0), script, "entry/9", "says that 0 of 6 items tested deviate; by what was found before it 1 of 6 do"},
		{"E7", "an item not counted", set("control", "tested", 5), script, "entry/9", "says that 1 of 5 items tested deviate"},
		{"E7", "a deviation of a full test not counted", set("control 2", "deviations", 0), script, "entry/10", "by what was found before it 1 of 12 do"},
		{"E7", "another control", set("control", "control", "CHG-02"), script, "entry/9", "the sample was drawn for CHG-01"},

		{"E7", "items chosen without a draw", nil, without("draw", "answer", "link", "extend", "answer more", "test more"), "entry/5", "no sample was drawn that it could be of"},

		{"E8", "tested after the conclusion", nil, after("control", "test"), "entry/19", "was worked on in entry/11, after the last conclusion on it, entry/9"},
		{"E8", "reviewed before it was concluded", nil, order("review", "control"), "entry/9", "nothing was concluded before it"},
		{"E8", "reviewed by who tested", by("review", "usr_staff"), script, "entry/11", "nobody reviews their own work"},
		{"E8", "never reviewed", nil, without("review"), "entry/16", "the conclusion on CHG-01 (prc_1), entry/9, was not reviewed before"},
		{"E8", "concluded again after the review", nil, after("review", "control"), "entry/20", "was not reviewed before"},
		{"E8", "tested and not concluded", nil, without("control", "review"), "entry/14", "nothing was concluded on it before"},
		{"E8", "an opinion before the assertion", nil, order("opinion", "assertion"), "entry/18", "which is no assertion"},
		{"E8", "an opinion without an assertion", silent("opinion"), script, "entry/18", "it answers nothing"},
		{"E8", "an opinion before its parts", nil, order("opinion", "part"), "entry/14", "on which nothing was decided before"},
		{"E8", "an opinion that says something else than its parts", set("part", "decision", "adverse"), script, "entry/18", "what was decided before is adverse"},
		{"E8", "parts decided after the opinion", nil, order("opinion", "part"), "entry/15", "the opinion had been signed before"},
		{"E8", "an assertion before the draft", nil, order("assertion", "draft"), "log1/entry/7", "which is no draft of a report"},
		{"E8", "an assertion of another draft", set("assertion", "draft", strings.Repeat("ab", 32)), script, "log1/entry/7", "it names the draft abab"},
		{"E8", "an assertion of another report", set("assertion", "id", "rep_2"), script, "log1/entry/7", "a draft of another report"},
		{"E8", "an opinion on an older draft", nil, after("assertion", "draft"), "entry/19", "not about the newest draft, entry/18"},
		{"E8", "issued before the opinion", nil, order("issue", "opinion"), "entry/18", "no opinion was signed before it"},
		{"E8", "issued twice", nil, after("issue", "issue"), "entry/20", "issues a report already"},
		{"E8", "two opinions", nil, after("opinion", "opinion"), "entry/19", "signs an opinion already"},
		{"E8", "tested after the report", nil, append(without("full"), "full"), "entry/19", "the report had been issued before, in entry/18"},
		{"E8", "concluded after the report", nil, append(slices.Clone(script), "control"), "entry/20", "the report had been issued before"},
		{"E8", "linked after the report", nil, append(slices.Clone(script), "link"), "entry/20", "the report had been issued before"},
	}
}

// TestForgedExaminations: a dishonest installation signs whatever it likes, so
// both logs hold. Each rule catches what it is there for, and names the entry.
func TestForgedExaminations(t *testing.T) {
	for _, c := range forgeries(t) {
		t.Run(c.rule+" "+c.name, func(t *testing.T) {
			p := newPlay(t)
			if c.forge != nil {
				c.forge(p)
			}
			r := p.do(c.script...).verify()
			wantProblem(t, r, c.object, c.reason)
			for _, i := range r.Items {
				if i.Verdict == bundle.Corrupted {
					t.Errorf("the forgery shows in the log itself: %s %s", i.ID, i.Reason)
				}
			}
		})
	}
}

func digestOf(p *play) (d [32]byte) {
	d, err := canon.ParseDigest(p.digested())
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

// TestHiddenEntriesAreNamed: the rules speak of what is opened, so nothing may
// be left closed that they speak of.
func TestHiddenEntriesAreNamed(t *testing.T) {
	for _, c := range []struct {
		act    string
		reason string
	}{
		{"draw", "of that log everything is shown"},
		{"test", "of that log everything is shown"},
		{"seal", "answers the engagement's file and is not opened"},
		{"answer", "answers the engagement's file and is not opened"},
	} {
		t.Run(c.act, func(t *testing.T) {
			p := newPlay(t).do(script...)
			b, place := p.file, "entry/%d"
			if c.act == "seal" || c.act == "answer" {
				b, place = p.client, "log1/entry/%d"
			}
			b.close(p.at[c.act])
			wantProblem(t, p.verify(), fmt.Sprintf(place, p.at[c.act]), c.reason)
		})
	}
	t.Run("erased", func(t *testing.T) {
		p := newPlay(t).do(script...)
		p.file.close(p.at["draw"])
		p.file.add(canon.Leaf{Kind: canon.KindErasure, Erases: []int64{p.at["draw"]}}, map[string]string{"body": `{"op":"evidence.erase"}`})
		wantProblem(t, p.verify(), "entry/3", "entry 20 erases this sample")
	})
	t.Run("without the client's log", func(t *testing.T) {
		p := newPlay(t).do(script...)
		c := p.contents()
		c.Logs = c.Logs[:1]
		wantProblem(t, verify(t, write(t, c, fileSeed), vkey(fileSeed)), "entry/2", "answers a log that is not in the bundle")
	})
	t.Run("without the sample's list", func(t *testing.T) {
		p := newPlay(t).do(script...)
		for s, b := range p.blobs {
			if b.Size == int64(len("CHG-0011\t\n")+64)*2 {
				delete(p.blobs, s)
			}
		}
		wantProblem(t, p.verify(), "log1/entry/4", "it is not in the bundle")
	})
}

// TestErasedRecordsAreAllowed: an extraction may hold personal data. Without it
// the list still holds, and the report says that rows were not compared.
func TestErasedRecordsAreAllowed(t *testing.T) {
	p := newPlay(t).do(script...)
	records := p.at["seal"] - 1
	p.client.close(records)
	p.client.add(canon.Leaf{Kind: canon.KindErasure, Erases: []int64{records}}, map[string]string{"body": `{"op":"evidence.erase"}`})
	for _, s := range p.recordBlobs {
		delete(p.blobs, s)
	}
	r := p.verify()
	if r.Verdict != bundle.Verified || r.Examination.Populations[0].Compared {
		t.Errorf("%s %v", r.Verdict, r.Problems)
	}
	if !strings.Contains(strings.Join(r.Limits, "\n"), "0 of 1 sealed lists were compared") {
		t.Errorf("limits %q", r.Limits)
	}
}

// TestMarksWithoutEvidence: what nobody could show is a deviation, and is marked
// as one although nothing is linked.
func TestMarksWithoutEvidence(t *testing.T) {
	p := newPlay(t)
	p.body = func(step string, body map[string]any) {
		if step == "test" {
			m := body["marks"].([]map[string]any)
			m[6]["mark"], m[7]["mark"] = "deviation", "deviation"
		}
		if step == "control" {
			body["deviations"] = 2
		}
	}
	if r := p.do(without("link")...).verify(); r.Verdict != bundle.Verified {
		t.Error(r.Problems)
	}
}

// TestMarksTakenBack: the latest marks count.
func TestMarksTakenBack(t *testing.T) {
	p := newPlay(t)
	n := 0
	p.body = func(step string, body map[string]any) {
		if step == "test" {
			if n++; n == 1 {
				for _, m := range body["marks"].([]map[string]any) {
					m["mark"] = "untested"
				}
			}
		}
	}
	if r := p.do(after("test", "test")...).verify(); r.Verdict != bundle.Verified {
		t.Error(r.Problems)
	}
}

// TestMethodsAreDrawnAgain: the verifier streams the list and keeps only what
// can still be drawn; sample has the whole list in memory. Both draw the same.
func TestMethodsAreDrawnAgain(t *testing.T) {
	for _, method := range []sample.Method{sample.Random, sample.Systematic, sample.Stratified} {
		t.Run(string(method), func(t *testing.T) {
			for _, forged := range []bool{false, true} {
				p := newPlay(t)
				for n := range 300 {
					p.items = append(p.items, fmt.Sprintf("CHG-%04d", n+100))
				}
				p.n, p.to = 25, 38
				picks, strata := p.drawBy(method, p.n)
				more := p.seed().Order(p.items)
				more = slices.DeleteFunc(more, func(item string) bool {
					return slices.ContainsFunc(picks, func(k sample.Pick) bool { return k.Item == item })
				})[:p.to-p.n]
				if forged {
					picks[7], picks[8] = picks[8], picks[7]
				}
				p.content = func(step string, b []byte) []byte {
					switch step {
					case "draw":
						b, err := bundle.EncodeDraw(picks, strata)
						if err != nil {
							t.Fatal(err)
						}
						return b
					case "extend":
						return p.pick(more, p.n+1)
					}
					return b
				}
				p.body = func(step string, body map[string]any) {
					if step == "draw" {
						body["method"], body["strata_by"] = string(method), "kind"
					}
				}
				r := p.do("commit", "seal", "accept", "draw", "extend").verify()
				if forged {
					wantProblem(t, r, "entry/3", "nonce and list give "+picks[8].Item)
				} else if r.Verdict != bundle.Verified {
					t.Errorf("%s %v", r.Verdict, r.Problems)
				}
			}
		})
	}
}

// TestStrataAreThoseOfTheRecords: whoever knows the nonce could sort items into
// strata until the sample pleases.
func TestStrataAreThoseOfTheRecords(t *testing.T) {
	for _, c := range []struct {
		by    string
		moved bool
		want  string // problem, or the verdict and a limit
	}{
		{"kind", false, ""},
		{"kind", true, "it puts CHG-0003 into the stratum emergency; by its record it is standard"},
		{"approved", false, "by its record it is 2026-03-04T10:00:00Z"},
		{"", true, "The strata of 1 samples are those that the auditor listed"},
	} {
		p := newPlay(t)
		d, _ := canon.ParseDigest(p.digested())
		of := map[string]string{}
		var strata []bundle.Stratum
		for _, item := range p.items {
			of[item] = kindOf(item)
			if c.moved && item == "CHG-0003" {
				of[item] = "emergency"
			}
			strata = append(strata, bundle.Stratum{Item: item, Name: of[item]})
		}
		picks, err := sample.Draw(p.nonce.Seed(d, "CHG-01", period), p.items, of, sample.Stratified, p.n)
		if err != nil {
			t.Fatal(err)
		}
		p.content = func(step string, b []byte) []byte {
			if step == "draw" {
				b, err = bundle.EncodeDraw(picks, strata)
			}
			return b
		}
		p.body = func(step string, body map[string]any) {
			if step == "draw" {
				if body["method"] = "stratified"; c.by != "" {
					body["strata_by"] = c.by
				}
			}
		}
		switch r := p.do("commit", "seal", "accept", "draw").verify(); {
		case c.want == "" || c.by == "":
			if r.Verdict != bundle.Verified || !strings.Contains(strings.Join(r.Limits, "\n"), c.want) {
				t.Errorf("%s %v %q", r.Verdict, r.Problems, r.Limits)
			}
		default:
			wantProblem(t, r, "entry/3", c.want)
		}
	}
}

func (p *play) drawBy(method sample.Method, n int) (picks []sample.Pick, strata []bundle.Stratum) {
	var of map[string]string
	if method == sample.Stratified {
		of = map[string]string{}
		for _, item := range p.items {
			of[item] = kindOf(item)
			strata = append(strata, bundle.Stratum{Item: item, Name: of[item]})
		}
	}
	picks, err := sample.Draw(p.seed(), p.items, of, method, n)
	if err != nil {
		p.t.Fatal(err)
	}
	return picks, strata
}
