package canon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest in canonical JSON.
const MaxDepth = 64

// JSON writes v as RFC 8785 canonical JSON. It goes through encoding/json, so
// that struct tags and MarshalJSON count, and then refuses what two readers
// could read differently: null (leave the field out instead), duplicate keys,
// numbers that are not integers within ±(2^53−1), nesting beyond MaxDepth.
// Invalid UTF-8 becomes U+FFFD, as encoding/json has it.
func JSON(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	tree, err := loose(d, "", 0)
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	return appendJSON(nil, tree), nil
}

// loose reads any spelling of a value that JSON accepts.
func loose(d *json.Decoder, path string, depth int) (any, error) {
	at := func() string {
		if path == "" {
			return "the value"
		}
		return strings.TrimPrefix(path, ".")
	}
	if depth > MaxDepth {
		return nil, fmt.Errorf("%s: nested deeper than %d", at(), MaxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at(), err)
	}
	switch t := t.(type) {
	case nil:
		return nil, fmt.Errorf("%s: null; leave the field out", at())
	case json.Number:
		n, err := integer(string(t))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at(), err)
		}
		return n, nil
	case json.Delim:
		if t == '[' {
			return looseArray(d, path, depth)
		}
		return looseObject(d, path, depth)
	default:
		return t, nil // string or bool
	}
}

func looseArray(d *json.Decoder, path string, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := loose(d, path+"["+strconv.Itoa(len(list))+"]", depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

func looseObject(d *json.Decoder, path string, depth int) (any, error) {
	m := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key := t.(string) // the decoder lets nothing else stand here
		if _, ok := m[key]; ok {
			return nil, fmt.Errorf("%s: the key %s occurs twice", strings.TrimPrefix(path, "."), quote(key))
		}
		if m[key], err = loose(d, path+"."+key, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return m, err
}

func integer(s string) (int64, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= -MaxInt && n <= MaxInt {
		return n, nil
	}
	// 1.0 and 1e3 are integers in another spelling.
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > MaxInt {
		return 0, fmt.Errorf("%s: a number is an integer between -(2^53-1) and 2^53-1; write others as text", s)
	}
	return int64(f), nil
}

// appendJSON writes what ParseJSON returns.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case string:
		return AppendString(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, compareUTF16)
		b = append(b, '{')
		for i, k := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendString(b, k)
			b = append(b, ':')
			b = appendJSON(b, v[k])
		}
		return append(b, '}')
	}
	panic(fmt.Sprintf("canon: %T in a JSON tree", v))
}

// short are the escapes RFC 8785 has a letter for.
var short = map[rune]byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r', '"': '"', '\\': '\\'}

// AppendString writes a string, which is UTF-8, as canonical JSON has it.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range s {
		if c >= 0x20 && c != '"' && c != '\\' {
			b = utf8.AppendRune(b, c)
		} else if letter, ok := short[c]; ok {
			b = append(b, '\\', letter)
		} else {
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return append(b, '"')
}

// compareUTF16 orders as RFC 8785 does: by UTF-16 code units, in which the
// characters beyond U+FFFF (surrogates, from D800) come before U+E000.
func compareUTF16(a, b string) int {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x != y {
			if x > 0xffff && y <= 0xffff {
				x = 0xd800
			} else if y > 0xffff && x <= 0xffff {
				y = 0xd800
			}
			return int(x) - int(y)
		}
		a, b = a[n:], b[m:]
	}
	return len(a) - len(b)
}

// ParseJSON reads canonical JSON, as JSON writes it, and refuses every other
// spelling. Objects become map[string]any, arrays []any, numbers int64. The
// caller limits the size.
func ParseJSON(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, fmt.Errorf("canonical JSON: not UTF-8")
	}
	p := parser{b: b}
	v, err := p.value(0)
	if err == nil && p.i != len(b) {
		err = fmt.Errorf("%d bytes follow the value", len(b)-p.i)
	}
	if err != nil {
		return nil, fmt.Errorf("canonical JSON, byte %d: %w", p.i, err)
	}
	return v, nil
}

// parser accepts only the canonical spelling, so nothing need be compared
// afterwards.
type parser struct {
	b []byte
	i int
}

func (p *parser) eat(s string) bool {
	if bytes.HasPrefix(p.b[p.i:], []byte(s)) {
		p.i += len(s)
		return true
	}
	return false
}

func (p *parser) value(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	if p.i >= len(p.b) {
		return nil, io.ErrUnexpectedEOF
	}
	switch c := p.b[p.i]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.str()
	case p.eat("true"):
		return true, nil
	case p.eat("false"):
		return false, nil
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	return nil, fmt.Errorf("want an object, array, string, integer, true or false, without white space")
}

func (p *parser) number() (any, error) {
	start := p.i
	for p.i < len(p.b) && strings.IndexByte("+-.0123456789eE", p.b[p.i]) >= 0 {
		p.i++
	}
	s := string(p.b[start:p.i])
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < -MaxInt || n > MaxInt || strconv.FormatInt(n, 10) != s {
		return nil, fmt.Errorf("%s is not an integer between -(2^53-1) and 2^53-1 in its plain form", quote(s))
	}
	return n, nil
}

func (p *parser) array(depth int) (any, error) {
	list := []any{}
	p.i++
	if p.eat("]") {
		return list, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if p.eat("]") {
			return list, nil
		}
		if !p.eat(",") {
			return nil, fmt.Errorf("want a comma or the end of the array")
		}
	}
}

func (p *parser) object(depth int) (any, error) {
	m := map[string]any{}
	p.i++
	if p.eat("}") {
		return m, nil
	}
	last := ""
	for {
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		if len(m) > 0 && compareUTF16(last, key) >= 0 {
			return nil, fmt.Errorf("key %s: keys ascend and occur once", quote(key))
		}
		if !p.eat(":") {
			return nil, fmt.Errorf("want a colon after the key")
		}
		if m[key], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		last = key
		if p.eat("}") {
			return m, nil
		}
		if !p.eat(",") {
			return nil, fmt.Errorf("want a comma or the end of the object")
		}
	}
}

func (p *parser) str() (string, error) {
	if !p.eat(`"`) {
		return "", fmt.Errorf("want a string")
	}
	start, plain := p.i, true
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			raw := p.b[start:p.i]
			p.i++
			if plain {
				return string(raw), nil
			}
			return unescape(raw)
		case c == '\\':
			plain = false
			p.i++ // whatever is escaped does not end the string
		case c < 0x20:
			return "", fmt.Errorf("a control character stands in a string unescaped")
		}
	}
	return "", io.ErrUnexpectedEOF
}

// unescape undoes the escapes and refuses a string that has others than it
// needs.
func unescape(raw []byte) (string, error) {
	var s strings.Builder
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			s.WriteByte(raw[i])
			i++
			continue
		}
		c, n, ok := escaped(raw[i:])
		if !ok {
			return "", fmt.Errorf(`an escape other than \b \t \n \f \r \" \\ and \u00xx where it is needed`)
		}
		s.WriteByte(c)
		i += n
	}
	return s.String(), nil
}

func escaped(b []byte) (c byte, n int, ok bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	for r, letter := range short {
		if b[1] == letter {
			return byte(r), 2, true
		}
	}
	if len(b) < 6 {
		return 0, 0, false
	}
	u, err := strconv.ParseUint(string(b[4:6]), 16, 8)
	c = byte(u)
	if _, has := short[rune(c)]; err != nil || has || c >= 0x20 || string(b[:6]) != fmt.Sprintf(`\u%04x`, c) {
		return 0, 0, false
	}
	return c, 6, true
}
