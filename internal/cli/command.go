package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// command is an operation with the flags of its input.
type command struct {
	op.Operation
	noun, verb string
	inputs     []input
	shape      reflect.Type
	values     reflect.Value // what was parsed, of type shape
	item       reflect.Type  // of the answer's items, if it is a page
	paged      bool
}

// input is a field of the input and the flag it comes from.
type input struct {
	field  string // its name in JSON
	flag   string
	typ    reflect.Type
	secret bool
	long   bool // more than a line: a document that holds secrets
	needed bool
	bare   bool // an argument, not a flag
}

// Flags that a command has beside those of its input.
const (
	keyField  = "IdempotencyKey"
	fileField = "UploadedFile"
)

const (
	allOfThem = "At most so many; all if left out."
	ofStdin   = " - reads it from standard input."
)

// dashed is a name as people type it.
func dashed(s string) string { return strings.ReplaceAll(s, "_", "-") }

func newCommand(o op.Operation) *command {
	noun, verb := op.Split(o)
	in, out := o.Types()
	c := &command{Operation: o, noun: dashed(noun), verb: dashed(verb)}
	c.item, c.paged = op.PageItem(out)
	needed := o.Schema().Required
	var args, fields []reflect.StructField
	for i := range in.NumField() {
		f := in.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		x := input{field: name, flag: dashed(name), typ: f.Type, secret: f.Tag.Get("secret") == "true",
			needed: slices.Contains(needed, name), bare: name == "id"}
		if p := o.Schema().Properties[name]; x.secret && p != nil && p.MaxLength != nil {
			x.long = *p.MaxLength > maxLine
		}
		if slices.Contains(globals, x.flag) {
			x.flag = c.noun + "-" + x.flag
		}
		c.inputs = append(c.inputs, x)
		s := reflect.StructField{Name: f.Name, Type: flagType(f.Type), Tag: x.tag(f, c.paged && !o.Writes())}
		if x.bare {
			args = append(args, s)
		} else {
			fields = append(fields, s)
		}
		if name == "blob" {
			fields = append(fields, reflect.StructField{Name: fileField, Type: reflect.TypeFor[*string](),
				Tag: tag("name", "file", "placeholder", "PATH", "help", "The file to upload."+ofStdin)})
		}
	}
	if o.Writes() {
		fields = append(fields, reflect.StructField{Name: keyField, Type: reflect.TypeFor[string](),
			Tag: tag("name", "idempotency-key", "placeholder", "TEXT", "help", "Any text of your own; repeated with it, the command answers as it did the first time.")})
	}
	c.shape = reflect.StructOf(append(args, fields...))
	return c
}

// flagType is how a field is parsed: a pointer where nothing differs from
// empty. Times and bytes are texts that are read later.
func flagType(t reflect.Type) reflect.Type {
	switch {
	case t == reflect.TypeFor[time.Time](), t == reflect.TypeFor[[]byte](), t.Kind() == reflect.String:
		return reflect.TypeFor[*string]()
	case t.Kind() == reflect.Bool:
		return reflect.TypeFor[*bool]()
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.String:
		return reflect.TypeFor[[]int64]()
	case t.Kind() == reflect.Slice:
		return reflect.TypeFor[[]string]()
	}
	return reflect.TypeFor[*int64]()
}

// tag is how kong learns of a field.
func (x input) tag(f reflect.StructField, list bool) reflect.StructTag {
	help := f.Tag.Get("doc")
	if enum := f.Tag.Get("enum"); enum != "" && !strings.Contains(help, strings.ReplaceAll(enum, ",", ", ")) {
		help += " One of " + strings.ReplaceAll(enum, ",", ", ") + "."
	}
	kinds := map[reflect.Type]string{reflect.TypeFor[time.Time](): "TIME", reflect.TypeFor[[]byte](): "PATH"}
	holder := kinds[f.Type]
	switch {
	case holder == "PATH":
		help += " A file's path;" + ofStdin
	case holder != "":
	case flagType(f.Type) == reflect.TypeFor[*int64](), flagType(f.Type) == reflect.TypeFor[[]int64]():
		holder = "N"
	default:
		holder = "TEXT"
	}
	switch {
	case x.long:
		help += " @PATH reads it from a file," + ofStdin
	case x.secret:
		help += ofStdin
	}
	if list && x.field == "limit" {
		help = allOfThem
	}
	parts := []string{"name", x.flag, "help", strings.TrimSpace(help), "placeholder", holder}
	switch {
	case x.bare:
		parts = append(parts, "arg", "")
	case x.needed && f.Type.Kind() != reflect.Bool && x.field != "blob":
		parts = append(parts, "required", "")
	}
	return tag(parts...)
}

// tag writes a struct tag. kong expands ${…} in help; a document that says so
// means it literally.
func tag(pairs ...string) reflect.StructTag {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "%s:%s ", pairs[i], strconv.Quote(strings.ReplaceAll(pairs[i+1], "$", "$$")))
	}
	return reflect.StructTag(strings.TrimSpace(b.String()))
}

// run calls the operation and prints what it answers.
func (c *command) run(ctx context.Context, t *Terminal, f flags, open opener) (err error) {
	in, err := c.input(t)
	if err != nil {
		return err
	}
	far, err := connect(ctx, t, f, open)
	if err != nil {
		return err
	}
	defer func() {
		if e := far.close(); err == nil {
			err = e
		}
	}()
	if err := c.sendFile(ctx, t, far, in); err != nil {
		return err
	}
	if c.paged && !c.Writes() {
		return c.list(ctx, t, far, in)
	}
	key := ""
	if k := c.values.FieldByName(keyField); k.IsValid() {
		key = k.String()
	}
	answer, err := far.call(ctx, c.Operation, in, key)
	if err != nil {
		return err
	}
	return c.print(t, answer)
}

// input collects what was given, by field.
func (c *command) input(t *Terminal) (map[string]any, error) {
	in := map[string]any{}
	for i := range c.values.NumField() {
		name := c.values.Type().Field(i).Name
		if name == keyField || name == fileField {
			continue
		}
		x := c.inputOf(c.values.Type().Field(i))
		v, err := x.value(c.values.Field(i), t)
		if err != nil {
			return nil, err
		}
		if v != nil {
			in[x.field] = v
		}
	}
	return in, nil
}

func (c *command) inputOf(f reflect.StructField) input {
	i := slices.IndexFunc(c.inputs, func(x input) bool { return x.flag == f.Tag.Get("name") })
	return c.inputs[i]
}

// value is what JSON will hold, or nil for nothing.
func (x input) value(v reflect.Value, t *Terminal) (any, error) {
	if v.IsNil() {
		if x.needed && x.typ.Kind() == reflect.Bool {
			return false, nil
		}
		return nil, nil
	}
	if v.Kind() == reflect.Slice {
		return v.Interface(), nil
	}
	text, ok := v.Elem().Interface().(string)
	switch {
	case !ok:
		return v.Elem().Interface(), nil
	case x.typ == reflect.TypeFor[[]byte]():
		data, err := read(text, t.In)
		return base64.StdEncoding.EncodeToString(data), err
	case x.typ == reflect.TypeFor[time.Time]():
		if day, err := time.Parse(time.DateOnly, text); err == nil { // a day is its first instant
			return day.Format(time.RFC3339), nil
		}
	case x.long && text == "-":
		data, err := read("-", t.In)
		return string(data), err
	case x.long && strings.HasPrefix(text, "@"):
		data, err := read(text[1:], t.In)
		return string(data), err
	case x.secret && text == "-":
		line, err := io.ReadAll(io.LimitReader(t.In, maxLine))
		first, _, _ := strings.Cut(string(line), "\n")
		return strings.TrimRight(first, "\r"), err
	}
	return text, nil
}

// maxLine is the most that is read of a secret of one line, such as a password.
const maxLine = 4096

// maxFile is what can be uploaded in one piece.
const maxFile = 64 << 20

// read reads a file, or standard input for "-".
func read(path string, stdin io.Reader) ([]byte, error) {
	from := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	data, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d MiB, the most that is accepted in one piece", path, maxFile>>20)
	}
	return data, err
}

// sendFile uploads the file of --file and puts its address into the input.
func (c *command) sendFile(ctx context.Context, t *Terminal, far remote, in map[string]any) error {
	v := c.values.FieldByName(fileField)
	switch {
	case !v.IsValid() || v.IsNil() && in["blob"] != nil:
		return nil
	case v.IsNil():
		return fault.Invalid("file", "give the file to upload, or --blob with the address of an earlier upload")
	}
	data, err := read(v.Elem().String(), t.In)
	if err != nil {
		return err
	}
	in["blob"], err = far.upload(ctx, data)
	return err
}

// list follows the pages of a list until it has what was asked for.
func (c *command) list(ctx context.Context, t *Terminal, far remote, in map[string]any) error {
	left, _ := in["limit"].(int64)
	limited := left > 0
	_, pages := c.Schema().Properties["after"]
	out := newLister(t, c.item)
	for {
		switch {
		case limited:
			in["limit"] = min(left, op.MaxLimit)
		case pages && left == 0:
			in["limit"] = int64(op.MaxLimit)
		}
		raw, err := far.call(ctx, c.Operation, in, "")
		if err != nil {
			return err
		}
		var page struct {
			Items []json.RawMessage
			Next  string
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return fmt.Errorf("the answer is no list: %w", err)
		}
		if err := out.add(page.Items); err != nil {
			return err
		}
		left -= int64(len(page.Items))
		if page.Next == "" || !pages || limited && left == 0 {
			return out.close()
		}
		if page.Next == in["after"] {
			return fmt.Errorf("the list does not end: its next page is the page before")
		}
		in["after"] = page.Next
	}
}
