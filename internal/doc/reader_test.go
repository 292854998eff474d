package doc_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

var noConfig = sync.OnceFunc(api.DisableConfigDir)

// read is a file as a strict reader has it.
type read struct {
	t     testing.TB
	ctx   *model.Context
	pages []readPage
	byRef map[int]int // page object → index
}

type readPage struct {
	dict    types.Dict
	content string
	text    map[int]string // by marked content id
	loose   string         // in artifacts
}

func reading(t testing.TB, file []byte) *read {
	t.Helper()
	noConfig()
	conf := model.NewDefaultConfiguration()
	conf.ValidationMode = model.ValidationStrict
	ctx, err := api.ReadContext(bytes.NewReader(file), conf)
	if err == nil {
		err = api.ValidateContext(ctx)
	}
	if err == nil {
		err = ctx.EnsurePageCount()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := &read{t: t, ctx: ctx, byRef: map[int]int{}}
	for n := 1; n <= ctx.PageCount; n++ {
		d, ref, _, err := ctx.PageDict(n, false)
		if err != nil {
			t.Fatal(err)
		}
		content, err := ctx.PageContent(d, n)
		if err != nil {
			t.Fatal(err)
		}
		r.byRef[ref.ObjectNumber.Value()] = n - 1
		r.pages = append(r.pages, readPage{dict: d, content: string(content), text: map[int]string{}})
	}
	fonts := r.fonts()
	for i := range r.pages {
		r.extract(&r.pages[i], fonts)
	}
	return r
}

func (r *read) dict(o types.Object) types.Dict {
	r.t.Helper()
	d, err := r.ctx.DereferenceDict(o)
	if err != nil || d == nil {
		r.t.Fatalf("%v is no dictionary: %v", o, err)
	}
	return d
}

func (r *read) catalog() types.Dict {
	d, err := r.ctx.Catalog()
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// fonts says for each character of each font which glyph is drawn, and sees that
// the font is in the file.
func (r *read) fonts() map[string][]byte {
	out := map[string][]byte{}
	for name, ref := range r.dict(r.dict(r.pages[0].dict["Resources"])["Font"]) {
		font := r.dict(ref)
		cid := r.dict(font.ArrayEntry("DescendantFonts")[0])
		desc := r.dict(cid["FontDescriptor"])
		if body := r.stream(desc["FontFile2"]); len(body) < 1000 {
			r.t.Errorf("font %s is embedded with %d bytes", name, len(body))
		}
		if uni := r.stream(font["ToUnicode"]); !bytes.Contains(uni, []byte("<0000> <FFFF> <0000>")) {
			r.t.Errorf("font %s: what is drawn is not what is said: %s", name, uni)
		}
		out[name] = r.stream(cid["CIDToGIDMap"])
	}
	return out
}

func (r *read) stream(o types.Object) []byte {
	r.t.Helper()
	s, _, err := r.ctx.DereferenceStreamDict(o)
	if err == nil && s != nil {
		err = s.Decode()
	}
	if err != nil || s == nil {
		r.t.Fatalf("%v is no stream: %v", o, err)
	}
	return s.Content
}

func fromHex(s string) string {
	b, _ := hex.DecodeString(s) // the pattern allows nothing else
	return wide(b)
}

func wide(b []byte) string {
	var u []uint16
	for ; len(b) > 1; b = b[2:] {
		u = append(u, uint16(b[0])<<8|uint16(b[1]))
	}
	return string(utf16.Decode(u))
}

var (
	operator = regexp.MustCompile(`(?s)/(\w+) <</MCID (\d+)>> BDC\n|/Artifact (BMC)\n|/Span <</ActualText <feff([0-9a-f]+)>>> BDC\n|(EMC)\n|BT /(F\w+) \S+ Tf ET\n|\(((?:[^\\)]|\\.)*)\) Tj ET`)
	escaped  = regexp.MustCompile(`(?s)\\.`)
)

// extract takes the text of a page apart by marked content.
func (r *read) extract(p *readPage, fonts map[string][]byte) {
	font, at, instead, depth := "", -1, "", 0
	for _, m := range operator.FindAllStringSubmatch(p.content, -1) {
		switch {
		case m[2] != "":
			at, _ = strconv.Atoi(m[2])
			if _, twice := p.text[at]; twice || depth > 0 {
				r.t.Errorf("content %d is marked twice or inside other content", at)
			}
			p.text[at] = ""
			depth++
		case m[3] != "":
			at = -1
			depth++
		case m[4] != "":
			instead = fromHex(m[4])
			depth++
		case m[5] != "":
			depth--
		case m[6] != "":
			font = m[6]
		default:
			drawn := escaped.ReplaceAllStringFunc(m[7], func(s string) string { return strings.Replace(s[1:], "r", "\r", 1) })
			for b := []byte(drawn); len(b) > 1; b = b[2:] {
				if at := 2 * (int(b[0])<<8 | int(b[1])); fonts[font][at]|fonts[font][at+1] == 0 {
					r.t.Errorf("%s has no glyph for %q", font, wide(b[:2]))
				}
			}
			text := instead
			if text == "" {
				text = wide([]byte(drawn))
			}
			instead = ""
			if depth == 0 {
				r.t.Errorf("%q is neither content nor artifact", text)
			}
			if at < 0 {
				p.loose += text
			} else {
				p.text[at] += text
			}
		}
	}
	if depth != 0 {
		r.t.Errorf("marks are not closed: %d", depth)
	}
}

// node is an element of the structure with its text.
type node struct {
	kind, text string
	kids       []*node
	mcids      [][2]int // page, id
	obj        int
}

func (r *read) tree() *node {
	root := r.dict(r.catalog()["StructTreeRoot"])
	return r.node(root["K"], -1)
}

func (r *read) node(o types.Object, page int) *node {
	d := r.dict(o)
	n := &node{kind: *d.NameEntry("S")}
	if ref, ok := o.(types.IndirectRef); ok {
		n.obj = ref.ObjectNumber.Value()
	}
	if pg := d.IndirectRefEntry("Pg"); pg != nil {
		page = r.byRef[pg.ObjectNumber.Value()]
	}
	leaf := func(page, id int) {
		n.text += r.pages[page].text[id]
		n.mcids = append(n.mcids, [2]int{page, id})
	}
	for _, k := range d.ArrayEntry("K") {
		if id, ok := k.(types.Integer); ok {
			leaf(page, id.Value())
			continue
		}
		kd := r.dict(k)
		switch kind := kd.Type(); {
		case kind != nil && *kind == "MCR":
			leaf(r.byRef[kd.IndirectRefEntry("Pg").ObjectNumber.Value()], *kd.IntEntry("MCID"))
		case kind != nil && *kind == "OBJR":
		default:
			n.kids = append(n.kids, r.node(k, page))
		}
	}
	return n
}

// all visits a node and those below it, in reading order.
func (n *node) all(visit func(*node)) {
	visit(n)
	for _, k := range n.kids {
		k.all(visit)
	}
}

// find lists the texts of all elements of a kind.
func (n *node) find(kind string) (out []string) {
	n.all(func(n *node) {
		if n.kind == kind {
			out = append(out, n.text)
		}
	})
	return out
}

// outline prints the kinds; equal neighbours are counted.
func (n *node) outline(indent string) string {
	out := indent + n.kind + "\n"
	last, count := "", 0
	flush := func() {
		if count > 1 {
			last = strings.Replace(last, "\n", fmt.Sprintf(" × %d\n", count), 1)
		}
		out += last
	}
	for _, k := range n.kids {
		s := k.outline(indent + "  ")
		if s == last {
			count++
			continue
		}
		flush()
		last, count = s, 1
	}
	flush()
	return out
}

func refAt(a types.Array, i int) int {
	if i >= len(a) {
		return 0
	}
	ref, ok := a[i].(types.IndirectRef)
	if !ok {
		return 0
	}
	return ref.ObjectNumber.Value()
}
