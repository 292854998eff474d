package checks

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/tickmark/tickmark/internal/sources"
)

// absent is the error of reading a field that the source did not report. One
// per field is made when a check is compiled, none when it is evaluated.
type absent struct{ field string }

func (a *absent) Error() string {
	return "field " + a.field + " was not reported by the source"
}

// An object is r or p while a rule is evaluated: attributes by name, of a type
// whose fields the compiler knows.
type object struct {
	of    *types.Type
	attrs map[string]any
}

func (o *object) Value() any     { return o }
func (o *object) Type() ref.Type { return o.of }

func (o *object) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot be turned into %v", o.of, to)
}

func (o *object) ConvertToType(to ref.Type) ref.Val {
	if to == types.TypeType {
		return o.of
	}
	return types.NewErr("%s cannot be turned into %s", o.of, to)
}

func (o *object) Equal(ref.Val) ref.Val {
	return types.NewErr("%s is compared field by field", o.of)
}

// A miss is a field that a rule names and its object does not have.
type miss struct{ object, field string }

// fields tells the compiler which fields r and p have, and the program how to
// read them. It remembers what was looked for in vain, to suggest the nearest.
type fields struct {
	*types.Registry
	objects map[string]map[string]*types.FieldType
	missed  []miss
}

// The CEL names of the types of r and p.
const (
	resourceType = "resource"
	paramsType   = "params"
)

var celTypes = map[string]*types.Type{
	sources.TypeString:    types.StringType,
	sources.TypeBool:      types.BoolType,
	sources.TypeInt:       types.IntType,
	sources.TypeTimestamp: types.TimestampType,
	sources.TypeList:      types.NewListType(types.StringType),
	sources.TypeMap:       types.NewMapType(types.StringType, types.StringType),
}

func newFields(schema sources.Schema, params map[string]Param) (*fields, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	f := &fields{Registry: registry, objects: map[string]map[string]*types.FieldType{
		resourceType: {}, paramsType: {},
	}}
	for name, field := range schema.Fields {
		f.objects[resourceType][name] = fieldType(name, field.Type)
	}
	for name, param := range params {
		f.objects[paramsType][name] = fieldType(name, param.Type)
	}
	return f, nil
}

func fieldType(name, kind string) *types.FieldType {
	missing := &absent{field: name}
	return &types.FieldType{
		Type: celTypes[kind],
		IsSet: func(target any) bool {
			_, set := target.(*object).attrs[name]
			return set
		},
		GetFrom: func(target any) (any, error) {
			value, set := target.(*object).attrs[name]
			if !set {
				return nil, missing
			}
			return value, nil
		},
	}
}

// FindStructType implements types.Provider.
func (f *fields) FindStructType(name string) (*types.Type, bool) {
	if _, ours := f.objects[name]; ours {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return f.Registry.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (f *fields) FindStructFieldNames(name string) ([]string, bool) {
	if object, ours := f.objects[name]; ours {
		return slices.Sorted(maps.Keys(object)), true
	}
	return f.Registry.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (f *fields) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	object, ours := f.objects[name]
	if !ours {
		return f.Registry.FindStructFieldType(name, field)
	}
	found, known := object[field]
	if !known {
		f.missed = append(f.missed, miss{object: name, field: field})
	}
	return found, known
}

// NewValue implements types.Provider: a rule reads objects, it makes none.
func (f *fields) NewValue(name string, values map[string]ref.Val) ref.Val {
	if _, ours := f.objects[name]; ours {
		return types.NewErr("a rule cannot make a %s", name)
	}
	return f.Registry.NewValue(name, values)
}

// nearest is the accepted name a misspelt one was probably meant to be, or "".
func nearest(name string, names []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, candidate := range names {
		if d := distance(name, candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance is how many letters must be changed, added, dropped or swapped with
// their neighbour to get from a to b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
