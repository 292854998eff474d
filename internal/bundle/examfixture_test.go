package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/sample"
)

const (
	fileSeed   = 21
	clientSeed = 22
	period     = "2026-01-01/2026-12-31"
)

// play is an engagement whose two logs are written step by step. A forger
// holds both keys: whatever it writes is signed properly.
type play struct {
	t            testing.TB
	file, client *book
	blobs        map[string]bundle.Blob

	nonce sample.Nonce
	items []string
	perChunk,
	n, to int

	at          map[string]int64 // the newest entry of each act
	digest      string
	recordBlobs []string // of the extraction
	root        [32]byte
	rows        int
	picks       []sample.Pick

	// What a forger changes before an entry is written.
	body    func(step string, body map[string]any)
	content func(step string, b []byte) []byte
	leaf    func(step string, l *canon.Leaf)
	actors  map[string]string
}

// script is the order in which an examination goes.
var script = []string{
	"commit", "seal", "accept", "draw", "answer", "link", "test", "extend", "answer more", "test more", "full", "control", "review",
	"criterion", "part", "draft", "assertion", "opinion", "issue",
}

func newPlay(t testing.TB) *play {
	p := &play{
		t: t, file: newBook(t, fileSeed, false), client: newBook(t, clientSeed, false), blobs: map[string]bundle.Blob{},
		perChunk: 5, n: 4, to: 6, at: map[string]int64{},
		actors: map[string]string{"review": "usr_manager", "opinion": "usr_partner", "issue": "usr_partner", "criterion": "usr_partner", "part": "usr_partner"},
	}
	for i := range p.nonce {
		p.nonce[i] = byte(i)
	}
	for n := range 12 {
		p.items = append(p.items, fmt.Sprintf("CHG-%04d", n+1))
	}
	// Other work of the client, which stays closed.
	p.client.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"actor": actor("usr_lead"), "body": `{"op":"incidents.create"}`})
	p.client.close(1)
	p.evidence("evd_1", "approval of the changes\n")
	return p
}

// do plays acts in order.
func (p *play) do(acts ...string) *play {
	for _, a := range acts {
		fn, ok := map[string]func(){
			"commit": p.commit, "seal": p.seal, "accept": p.accept, "draw": p.draw, "extend": p.extend,
			"answer": func() { p.answer("answer", p.drawn(0, p.n)) }, "answer more": func() { p.answer("answer more", p.drawn(p.n, p.to)) },
			"link": p.link, "test": func() { p.test("test", p.drawn(0, p.n)) }, "test more": func() { p.test("test more", p.drawn(p.n, p.to)) },
			"full": p.full, "control": p.control, "review": p.review, "criterion": p.criterion, "part": p.part,
			"draft": p.draft, "assertion": p.assertion, "opinion": p.opinion, "issue": p.issue,
		}[a]
		if !ok {
			p.t.Fatalf("no act %q", a)
		}
		fn()
	}
	return p
}

func (p *play) text(v any) string {
	p.t.Helper()
	b, err := canon.JSON(v)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

func (p *play) keep(b []byte) {
	p.blobs[sum(string(b))] = blob(string(b))
}

// add writes an entry of a step; act names it where there are several.
func (p *play) add(b *book, act string, kind canon.Kind, body map[string]any, content []byte, l canon.Leaf) int64 {
	step := body["step"].(string)
	body["op"] = "examination." + step
	if p.content != nil && content != nil {
		content = p.content(act, content)
	}
	if p.body != nil {
		p.body(act, body)
	}
	l.Kind = kind
	if p.leaf != nil {
		p.leaf(act, &l)
	}
	who := p.actors[act]
	if who == "" {
		who = map[*book]string{p.file: "usr_staff", p.client: "usr_owner"}[b]
	}
	payloads := map[string]string{"actor": actor(who), "body": p.text(body)}
	if content != nil {
		payloads["content"] = canon.Content(sum(string(content)), int64(len(content)))
		p.keep(content)
	}
	p.at[act] = b.add(l, payloads)
	return p.at[act]
}

// answers names the newest entry of an act in the other log, as it stands now;
// the first entry, if the act has not been played.
func (p *play) answers(b *book, act string) *canon.Answers {
	return &canon.Answers{Log: b.origin, Index: p.at[act], Note: b.checkpoint(len(b.leaves))}
}

func (p *play) evidence(id, text string) {
	p.keep([]byte(text))
	p.at[id] = p.client.add(canon.Leaf{Kind: canon.KindEvidence}, map[string]string{
		"actor": actor("usr_owner"), "body": body(id), "content": content(text),
	})
}

func (p *play) commit() {
	c := p.nonce.Commitment()
	p.add(p.file, "commit", canon.KindSample, map[string]any{
		"id": "pop_1", "step": "commit", "engagement": "eng_1", "population": "POP-08", "commitment": hex.EncodeToString(c[:]),
	}, nil, canon.Leaf{})
}

// kindOf is the stratum of an item.
func kindOf(item string) string {
	return []string{"emergency", "normal", "normal", "standard"}[item[len(item)-1]%4]
}

func (p *play) record(item string) string {
	return p.text(map[string]any{"label": "Change " + item, "fields": map[string]any{"approved": "2026-03-04T10:00:00Z", "kind": kindOf(item)}})
}

// list writes rows and records and returns their lists of chunks.
func (p *play) list() (rows, records []byte) {
	var lists [2]canon.Chunks
	d := sample.NewDigester()
	var tree canon.Tree
	for part := range slices.Chunk(p.items, p.perChunk) {
		var texts [2]strings.Builder
		for _, item := range part {
			salt := sha256.Sum256([]byte("salt " + item))
			c := canon.Commit(salt, canon.LabelItem, canon.ItemRecord(item, []byte(p.record(item))))
			row := sample.Row(item, c)
			if err := d.Add(row); err != nil {
				p.t.Fatal(err)
			}
			tree.Add(c[:])
			fmt.Fprintf(&texts[0], "%s\n", row)
			fmt.Fprintf(&texts[1], "%s\t%x\t%s\n", item, salt, p.record(item))
		}
		for i := range texts {
			text := []byte(texts[i].String())
			if p.content != nil {
				text = p.content([]string{"rows", "records"}[i], text)
			}
			p.keep(text)
			if i == 1 {
				p.recordBlobs = append(p.recordBlobs, sum(string(text)))
			}
			lists[i] = append(lists[i], canon.Chunk{Count: int64(len(part)), SHA256: sha256.Sum256(text), Size: int64(len(text))})
		}
	}
	digest := d.Sum()
	p.digest, p.root, p.rows = hex.EncodeToString(digest[:]), tree.Root(), d.Count()
	for i, out := range []*[]byte{&rows, &records} {
		var err error
		if *out, err = lists[i].Encode(); err != nil {
			p.t.Fatal(err)
		}
	}
	return rows, records
}

func (p *play) seal() {
	rows, records := p.list()
	p.keep(records)
	p.recordBlobs = append(p.recordBlobs, sum(string(records)))
	source := p.client.add(canon.Leaf{Kind: canon.KindEvidence}, map[string]string{
		"actor": actor("usr_owner"), "content": content(string(records)),
		"body": p.text(map[string]any{"id": "evd_rows", "op": "populations.seal", "media_type": canon.MediaTypeChunks}),
	})
	c := p.nonce.Commitment()
	l := canon.Leaf{Answers: p.answers(p.file, "commit"), Items: &canon.Items{Count: int64(p.rows), Root: p.root}}
	version := int64(1)
	if old, again := p.at["seal"]; again {
		l.Supersedes, version = []int64{old}, p.version()+1
	}
	p.at["version"] = version
	p.add(p.client, "seal", canon.KindPopulation, map[string]any{
		"id": "pop_1", "step": "seal", "version": version, "commitment": hex.EncodeToString(c[:]), "digest": p.digest, "rows": p.rows,
		"period": period, "records": source, "media_type": canon.MediaTypeChunks, "query": "all changes",
	}, rows, l)
}

func (p *play) version() int64 { return max(1, p.at["version"]) }

func (p *play) accept() {
	p.add(p.file, "accept", canon.KindPopulation, map[string]any{
		"id": "pop_1", "step": "accept", "version": p.version(), "digest": p.digested(), "decision": "complete", "reason": "counted in the source",
	}, nil, canon.Leaf{Answers: p.answers(p.client, "seal")})
}

// digested is the digest of the list, also before it is sealed.
func (p *play) digested() string {
	if p.digest == "" {
		p.list()
	}
	return p.digest
}

func (p *play) seed() sample.Seed {
	d, _ := canon.ParseDigest(p.digested())
	return p.nonce.Seed(d, "CHG-01", period)
}

func (p *play) drawn(from, to int) []string {
	return p.seed().Order(p.items)[from:to]
}

func (p *play) pick(items []string, rank int) []byte {
	var picks []sample.Pick
	for i, item := range items {
		picks = append(picks, sample.Pick{Item: item, Rank: rank + i})
	}
	b, err := bundle.EncodeDraw(picks, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *play) draw() {
	c := p.nonce.Commitment()
	p.add(p.file, "draw", canon.KindSample, map[string]any{
		"id": "smp_1", "step": "draw", "population": "pop_1", "procedure": "prc_1", "version": p.version(), "digest": p.digested(),
		"commitment": hex.EncodeToString(c[:]), "nonce": p.nonce.String(), "control": "CHG-01", "period": period, "method": "random",
		"n": p.n, "total": len(p.items), "seed": p.seed().String(), "profile": "customary-v1", "profile_version": 1, "risk": "low",
		"media_type": bundle.MediaTypeDraw,
	}, p.pick(p.drawn(0, p.n), 1), canon.Leaf{Answers: p.answers(p.client, "seal")})
}

func (p *play) extend() {
	p.add(p.file, "extend", canon.KindSample, map[string]any{
		"id": "smp_1", "step": "extend", "procedure": "prc_1", "from": p.n, "to": p.to, "reason": "the deviation is isolated",
		"media_type": bundle.MediaTypeDraw,
	}, p.pick(p.drawn(p.n, p.to), p.n+1), canon.Leaf{})
}

// answer links from the client's side all but the last of the items.
func (p *play) answer(act string, items []string) {
	to := "draw"
	if act == "answer more" {
		to = "extend"
	} else {
		items = items[:len(items)-1]
	}
	p.add(p.client, act, canon.KindEvidence, map[string]any{
		"id": "evd_1", "step": "link", "procedure": "prc_1", "items": items,
	}, nil, canon.Leaf{Answers: p.answers(p.file, to)})
}

// link is the auditor's, for the item that the client did not answer.
func (p *play) link() {
	p.add(p.file, "link", canon.KindEvidence, map[string]any{
		"id": "evd_1", "step": "link", "procedure": "prc_1", "items": p.drawn(p.n-1, p.n),
	}, nil, canon.Leaf{Answers: p.answers(p.client, "evd_1")})
}

func (p *play) marked(items []string, mark string) []map[string]any {
	var out []map[string]any
	for _, item := range items {
		for _, a := range []string{"A", "B"} {
			out = append(out, map[string]any{"item": item, "attribute": a, "mark": mark})
		}
	}
	return out
}

// test marks items; the second one deviates.
func (p *play) test(act string, items []string) {
	m := p.marked(items, "agrees")
	answers := "answer"
	if act == "test more" {
		answers = "answer more"
	} else if len(m) > 2 {
		m[2]["mark"], m[2]["reason"] = "deviation", "approved after the deed"
	}
	p.add(p.file, act, canon.KindTest, map[string]any{"id": "prc_1", "step": "test", "marks": m}, nil,
		canon.Leaf{Answers: p.answers(p.client, answers)})
}

// full tests one attribute of another control in every item.
func (p *play) full() {
	var b bytes.Buffer
	for i, item := range p.items {
		fmt.Fprintf(&b, "%s\t%s\n", item, []string{"agrees", "agrees", "agrees", "agrees", "deviation", "unknown"}[min(i, 5)])
	}
	p.add(p.file, "full", canon.KindTest, map[string]any{
		"id": "prc_2", "step": "full", "population": "pop_1", "version": p.version(), "digest": p.digested(), "attribute": "A",
		"expression": "r.approved != ''", "total": len(p.items), "agrees": 4, "deviates": 1, "unknown": len(p.items) - 5,
	}, append([]byte{}, b.Bytes()...), canon.Leaf{Answers: p.answers(p.client, "seal")})
}

func (p *play) control() {
	p.add(p.file, "control", canon.KindConclusion, map[string]any{
		"id": "prc_1", "step": "control", "control": "CHG-01", "proposal": "effective_with_deviations", "decision": "effective_with_deviations",
		"reason": "one isolated deviation", "tested": p.to, "deviations": 1,
	}, nil, canon.Leaf{})
	p.concludeFull()
}

func (p *play) concludeFull() {
	p.add(p.file, "control 2", canon.KindConclusion, map[string]any{
		"id": "prc_2", "step": "control", "control": "CHG-02", "proposal": "judgement", "decision": "not_effective",
		"reason": "one of 12", "tested": len(p.items), "deviations": 1,
	}, nil, canon.Leaf{})
}

func (p *play) review() {
	for n := 1; n <= 2; n++ {
		act := map[int]string{1: "review", 2: "review 2"}[n]
		if n == 2 && p.actors[act] == "" {
			p.actors[act] = "usr_manager"
		}
		p.add(p.file, act, canon.KindSignoff, map[string]any{"id": fmt.Sprintf("prc_%d", n), "step": "review"}, nil, canon.Leaf{})
	}
}

func (p *play) criterion() {
	p.add(p.file, "criterion", canon.KindConclusion, map[string]any{
		"id": "eng_1", "step": "criterion", "criterion": "CC8.1", "proposal": "met", "decision": "met", "reason": "with deviations",
	}, nil, canon.Leaf{})
}

func (p *play) part() {
	for _, part := range []string{"description", "design", "operation"} {
		p.add(p.file, "part", canon.KindConclusion, map[string]any{
			"id": "eng_1", "step": "part", "part": part, "proposal": "unmodified", "decision": "unmodified", "reason": "as proposed",
		}, nil, canon.Leaf{})
	}
}

const draftText = "%PDF-1.7 draft"

func (p *play) draft() {
	p.add(p.file, "draft", canon.KindOp, map[string]any{"id": "rep_1", "step": "draft", "media_type": "application/pdf"}, []byte(draftText), canon.Leaf{})
}

func (p *play) assertion() {
	p.add(p.client, "assertion", canon.KindSignoff, map[string]any{
		"id": "rep_1", "step": "assertion", "sha256": sum("we assert"), "draft": sum(draftText),
	}, nil, canon.Leaf{Answers: p.answers(p.file, "draft")})
}

func (p *play) opinion() {
	p.add(p.file, "opinion", canon.KindSignoff, map[string]any{
		"id": "eng_1", "step": "opinion", "text_sha256": sum("in our opinion"),
		"parts": map[string]any{"description": "unmodified", "design": "unmodified", "operation": "unmodified"},
	}, nil, canon.Leaf{Answers: p.answers(p.client, "assertion")})
}

func (p *play) issue() {
	p.add(p.file, "issue", canon.KindSignoff, map[string]any{"id": "rep_1", "step": "issue", "media_type": "application/pdf"},
		[]byte("%PDF-1.7 final"), canon.Leaf{})
}

func (p *play) contents() bundle.Contents {
	return bundle.Contents{
		Created: start, Scope: bundle.Selected, Logs: []bundle.Log{p.file.log(), p.client.log()},
		Blobs:  slices.Collect(maps.Values(p.blobs)),
		Readme: []byte("What this is.\n"), Spec: []byte("How it is checked.\n"),
	}
}

func (p *play) bytes() []byte { return write(p.t, p.contents(), fileSeed) }

func (p *play) verify() *bundle.Report {
	p.t.Helper()
	return verify(p.t, p.bytes(), vkey(fileSeed), vkey(clientSeed))
}
