package doc

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// settings of pdfcpu, which looks into no directory for them.
var settings = sync.OnceValue(func() model.Configuration {
	api.DisableConfigDir()
	return *model.NewDefaultConfiguration()
})

// publish writes what was laid out: the pages as they were drawn, and what they
// mean.
func (f *flow) publish(w io.Writer) error {
	created := f.doc.meta.Created
	if created.IsZero() {
		created = time.Unix(0, 0) // of the draft alone, which is not kept
	}
	f.pdf.SetCreationDate(created.UTC())
	f.pdf.SetModificationDate(created.UTC())
	f.pdf.SetCatalogSort(true) // else fonts come in any order
	f.pdf.SetXmpMetadata(f.doc.meta.xmp())
	var draft bytes.Buffer
	if err := f.pdf.Output(&draft); err != nil {
		return err
	}
	conf := settings()
	ctx, err := api.ReadContext(bytes.NewReader(draft.Bytes()), &conf)
	if err != nil {
		return err
	}
	t := tree{ctx: ctx, flow: f}
	if err := t.grow(); err != nil {
		return err
	}
	id := types.HexLiteral(fmt.Sprintf("%X", sha256.Sum256(draft.Bytes()))[:32])
	ctx.ID = types.Array{id, id}
	return write(ctx, w)
}

// write writes all objects in the order of their numbers, so that the same
// document has the same bytes. pdfcpu's way to write a whole file would put the
// time into it and follow objects as its maps have them. So this takes the way to
// add to a file, and what it adds to has nothing but the first lines.
func write(ctx *model.Context, w io.Writer) error {
	const head = "%PDF-1.7\n%\xE2\xE3\xCF\xD3\n"
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	ctx.Write.Offset = int64(len(head))
	ctx.Write.WriteToObjectStream = true
	packed := 0
	for nr := range *ctx.Size {
		e, ok := ctx.FindTableEntryLight(nr)
		if !ok || e.Free {
			continue
		}
		ctx.Write.ObjNrs = append(ctx.Write.ObjNrs, nr)
		if _, ok := e.Object.(types.StreamDict); !ok {
			packed++
		}
	}
	for ; packed%pdfcpu.ObjectStreamMaxObjects != 0; packed++ { // a pack is written when it is full
		ctx.Write.ObjNrs = append(ctx.Write.ObjNrs, ctx.InsertNew(*model.NewXRefTableEntryGen0(types.Dict{})))
	}
	return api.WriteIncrement(ctx, w)
}

// tree adds to a file what its marked content means. It keeps the first error.
type tree struct {
	ctx  *model.Context
	flow *flow
	next int // key of the next link
	err  error
}

// new gives an object a number of its own.
func (t *tree) new(o types.Object) types.IndirectRef {
	return *types.NewIndirectRef(t.ctx.InsertNew(*model.NewXRefTableEntryGen0(o)), 0)
}

// dict is a dictionary of the file, to be changed in place.
func (t *tree) dict(o types.Object) types.Dict {
	d, err := t.ctx.DereferenceDict(o)
	if err == nil && d == nil {
		err = fmt.Errorf("the draft has no dictionary at %v", o)
	}
	if err != nil {
		t.err = cmp.Or(t.err, err)
		return types.Dict{}
	}
	return d
}

func (t *tree) grow() error {
	f := t.flow
	catalog := t.dict(*t.ctx.Root)
	kids := t.dict(catalog["Pages"]).ArrayEntry("Kids")
	if len(kids) != len(f.pages) {
		return fmt.Errorf("the draft has %d pages, not %d", len(kids), len(f.pages))
	}
	t.next = len(kids)
	for i, p := range f.pages {
		p.ref, _ = kids[i].(types.IndirectRef)
		d := t.dict(p.ref)
		d["StructParents"], d["Tabs"] = types.Integer(i), types.Name("S")
		t.links(d.ArrayEntry("Annots"), p.links)
	}
	t.fonts(t.dict(t.dict(t.dict(f.pages[0].ref)["Resources"])["Font"]))
	if outlines := catalog["Outlines"]; outlines != nil {
		t.name(t.dict(outlines))
	}

	root := types.Dict{"Type": types.Name("StructTreeRoot")}
	ref := t.new(root)
	root["K"] = t.elem(f.root, ref)
	root["ParentTree"] = t.new(types.Dict{"Nums": t.parents()})
	root["ParentTreeNextKey"] = types.Integer(t.next)
	var ids types.Array
	for _, e := range f.notes {
		ids = append(ids, types.StringLiteral(e.id), e.ref)
	}
	if ids != nil {
		root["IDTree"] = types.Dict{"Names": ids}
	}

	catalog["StructTreeRoot"] = ref
	catalog["MarkInfo"] = types.Dict{"Marked": types.Boolean(true)}
	catalog["Lang"] = wide(f.doc.meta.Language)
	catalog["ViewerPreferences"] = types.Dict{"DisplayDocTitle": types.Boolean(true)}
	catalog.Delete("Names") // which is empty
	info := t.dict(*t.ctx.Info)
	clear(info)
	maps.Copy(info, f.doc.meta.info())
	return t.err
}

// links makes the areas of a page that can be pressed objects, so that elements
// can name them, and says where each leads.
func (t *tree) links(annots types.Array, links []*link) {
	if len(annots) != len(links) {
		t.err = cmp.Or(t.err, fmt.Errorf("the draft has %d links on a page, not %d", len(annots), len(links)))
		return
	}
	for i, l := range links {
		d := t.dict(annots[i])
		d["StructParent"], d["Contents"], d["F"] = types.Integer(t.next), wide(l.to.text()), types.Integer(4)
		l.ref = t.new(d)
		annots[i] = l.ref
		t.next++
	}
}

// fonts gives each font the name that a part of a font must have, so that
// nobody who joins documents takes one part for another.
func (t *tree) fonts(list types.Dict) {
	for _, o := range list {
		font := t.dict(o)
		for _, o := range font.ArrayEntry("DescendantFonts") {
			cid := t.dict(o)
			desc := t.dict(cid["FontDescriptor"])
			body, _, err := t.ctx.DereferenceStreamDict(desc["FontFile2"])
			if err != nil || body == nil {
				t.err = cmp.Or(t.err, err, errors.New("a font is not in the draft"))
				return
			}
			sum := sha256.Sum256(body.Raw)
			tag := sum[:6]
			for i := range tag {
				tag[i] = 'A' + tag[i]%26
			}
			had, _ := desc["FontName"].(types.Name)
			name := types.Name(string(tag) + "+" + strings.TrimPrefix(string(had), "utf8"))
			font["BaseFont"], cid["BaseFont"], desc["FontName"] = name, name, name
		}
	}
}

// name names the bookmarks below d, which come in the order in which they were
// set, and says how many each holds; they are closed.
func (t *tree) name(d types.Dict) {
	count := 0
	for next := d["First"]; next != nil && len(t.flow.bookmarks) > 0; count++ {
		kid := t.dict(next)
		kid["Title"] = wide(t.flow.bookmarks[0].text())
		t.flow.bookmarks = t.flow.bookmarks[1:]
		t.name(kid)
		next = kid["Next"]
	}
	switch {
	case count == 0:
		d.Delete("Count")
	case d["Parent"] == nil:
		d["Count"] = types.Integer(count)
	default:
		d["Count"] = types.Integer(-count)
	}
}

// elem writes an element and those below it.
func (t *tree) elem(e *elem, parent types.IndirectRef) types.IndirectRef {
	d := types.Dict{"Type": types.Name("StructElem"), "S": types.Name(e.tag), "P": parent}
	e.ref = t.new(d)
	if e.attr != nil {
		d["A"] = e.attr
	}
	if e.id != "" {
		d["ID"] = types.StringLiteral(e.id)
	}
	kids := make(types.Array, 0, len(e.kids))
	var home *page
	for _, k := range e.kids {
		if k.elem != nil {
			kids = append(kids, t.elem(k.elem, e.ref))
			continue
		}
		if home == nil {
			home = k.page
			d["Pg"] = home.ref
		}
		switch {
		case k.link != nil:
			kids = append(kids, types.Dict{"Type": types.Name("OBJR"), "Obj": k.link.ref, "Pg": k.page.ref})
		case k.page == home:
			kids = append(kids, types.Integer(k.mcid))
		default:
			kids = append(kids, types.Dict{"Type": types.Name("MCR"), "Pg": k.page.ref, "MCID": types.Integer(k.mcid)})
		}
	}
	d["K"] = kids
	return e.ref
}

// parents says of each page's content, and of each link, whose it is.
func (t *tree) parents() (nums types.Array) {
	for i, p := range t.flow.pages {
		var of types.Array
		for _, e := range p.marks {
			of = append(of, e.ref)
		}
		nums = append(nums, types.Integer(i), of)
	}
	key := len(t.flow.pages)
	for _, p := range t.flow.pages {
		for _, l := range p.links {
			nums = append(nums, types.Integer(key), l.elem.ref)
			key++
		}
	}
	return nums
}
