package sections

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
)

// truth says whether an if takes a value for true.
func truth(v any) bool {
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return value.Len() > 0
	case reflect.Struct:
		return true
	default:
		return !value.IsZero()
	}
}

// indirect returns what pointers and interfaces lead to. The last one may be nil.
func indirect(v reflect.Value) reflect.Value {
	for (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && !v.IsNil() {
		v = v.Elem()
	}
	return v
}

// fieldOf returns the value that a map or a struct has by a name.
func fieldOf(v any, name string) (any, error) {
	row, _ := v.(map[string]any)
	if field, ok := row[name]; ok {
		return field, nil
	}
	of := indirect(reflect.ValueOf(v))
	switch of.Kind() {
	case reflect.Map:
		if !reflect.TypeFor[string]().AssignableTo(of.Type().Key()) {
			break
		}
		if field := of.MapIndex(reflect.ValueOf(name)); field.IsValid() {
			return field.Interface(), nil
		}
		return nil, fmt.Errorf("map has no entry for key %q", name)
	case reflect.Struct:
		f, ok := of.Type().FieldByName(name)
		if !ok || !f.IsExported() {
			break
		}
		field, err := of.FieldByIndexErr(f.Index)
		if err != nil {
			return nil, err
		}
		return field.Interface(), nil
	}
	return nil, fmt.Errorf("can't evaluate field %s in type %T", name, v)
}

// elements returns what a range over a value goes through, for so many variables.
func elements(v any, vars int) (iter.Seq2[any, any], error) {
	over := indirect(reflect.ValueOf(v))
	switch {
	case !over.IsValid():
		return maps.All[map[any]any](nil), nil
	case (over.CanInt() || over.CanUint()) && vars > 1:
		return nil, fmt.Errorf("can't use %v to iterate over more than one variable", v)
	case over.CanInt():
		return count(over.Int(), over.Type()), nil
	case over.CanUint():
		return count(over.Uint(), over.Type()), nil
	case over.Kind() == reflect.Slice, over.Kind() == reflect.Array:
		return func(yield func(key, element any) bool) {
			for i := range over.Len() {
				if !yield(i, over.Index(i).Interface()) {
					return
				}
			}
		}, nil
	case over.Kind() == reflect.Map:
		return entries(over), nil
	}
	return nil, fmt.Errorf("range can't iterate over %v", v)
}

// count goes through the integers below n, which have its type.
func count[T int64 | uint64](n T, as reflect.Type) iter.Seq2[any, any] {
	return func(yield func(key, element any) bool) {
		for i := T(0); i < n; i++ {
			if !yield(nil, reflect.ValueOf(i).Convert(as).Interface()) {
				return
			}
		}
	}
}

// entries goes through a map in the order of its keys.
func entries(m reflect.Value) iter.Seq2[any, any] {
	type entry struct{ key, value reflect.Value }
	var all []entry
	for of := m.MapRange(); of.Next(); {
		all = append(all, entry{of.Key(), of.Value()})
	}
	slices.SortFunc(all, func(a, b entry) int { return compareKeys(indirect(a.key), indirect(b.key)) })
	return func(yield func(key, element any) bool) {
		for _, e := range all {
			if !yield(e.key.Interface(), e.value.Interface()) {
				return
			}
		}
	}
}

// compareKeys says which key of a map comes first. Those of different types are in the
// order that package fmt prints them in, which is that of the types in the program.
func compareKeys(a, b reflect.Value) int {
	switch kind := basicKind(a); {
	case a.Kind() == reflect.Interface: // nil
		return -1
	case b.Kind() == reflect.Interface:
		return 1
	case a.Type() != b.Type():
		return cmp.Compare(reflect.ValueOf(a.Type()).Pointer(), reflect.ValueOf(b.Type()).Pointer())
	case kind == reflect.Int:
		return cmp.Compare(a.Int(), b.Int())
	case kind == reflect.Uint:
		return cmp.Compare(a.Uint(), b.Uint())
	case kind == reflect.Float64:
		return cmp.Compare(a.Float(), b.Float())
	default:
		return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
	}
}

// index returns an element of a list, text or map, or one of an element of it, and so on.
func index(args []any) (any, error) {
	if args[0] == nil {
		return nil, errors.New("index of untyped nil")
	}
	item := reflect.ValueOf(args[0])
	for _, at := range args[1:] {
		var err error
		if item, err = elementAt(indirect(item), at); err != nil {
			return nil, err
		}
	}
	return item.Interface(), nil
}

func elementAt(item reflect.Value, at any) (reflect.Value, error) {
	switch item.Kind() {
	case reflect.Array, reflect.Slice, reflect.String:
		i, err := position(at, item.Len()-1)
		if err != nil {
			return item, err
		}
		return item.Index(i), nil
	case reflect.Map:
		key, err := keyOf(at, item.Type().Key())
		if err != nil {
			return item, err
		}
		if found := item.MapIndex(key); found.IsValid() {
			return found, nil
		}
		return reflect.Zero(item.Type().Elem()), nil
	default:
		return item, fmt.Errorf("can't index item of kind %s", item.Kind())
	}
}

// position returns an index that is at most so large.
func position(at any, most int) (int, error) {
	var i int64
	switch v := reflect.ValueOf(at); {
	case v.CanInt():
		i = v.Int()
	case v.CanUint():
		i = int64(v.Uint())
	default:
		return 0, fmt.Errorf("cannot index slice/array with type %T", at)
	}
	if i < 0 || i > int64(most) {
		return 0, fmt.Errorf("index out of range: %d", i)
	}
	return int(i), nil
}

// keyOf returns a key for a map with keys of a type.
func keyOf(at any, as reflect.Type) (reflect.Value, error) {
	v := reflect.ValueOf(at)
	zero := reflect.Zero(as)
	switch {
	case at == nil && (as.Kind() == reflect.Interface || as.Kind() == reflect.Pointer):
		return zero, nil
	case at != nil && v.Type().AssignableTo(as):
		return v, nil
	case (v.CanInt() || v.CanUint()) && (zero.CanInt() || zero.CanUint()):
		return v.Convert(as), nil
	}
	return v, fmt.Errorf("value has type %T; should be %s", at, as)
}

// slice returns a part of a text or list: slice x 1 2 is x[1:2] in Go.
func slice(args []any) (any, error) {
	item, indexes := indirect(reflect.ValueOf(args[0])), args[1:]
	text := item.Kind() == reflect.String
	if !text && item.Kind() != reflect.Slice && item.Kind() != reflect.Array {
		return nil, fmt.Errorf("can't slice item of type %T", args[0])
	}
	if len(indexes) > 3 || len(indexes) == 3 && text {
		return nil, fmt.Errorf("too many slice indexes: %d", len(indexes))
	}
	most := item.Len()
	if !text {
		most = item.Cap()
	}
	bounds := []int{0, item.Len(), most}
	for i, at := range indexes {
		var err error
		if bounds[i], err = position(at, most); err != nil {
			return nil, err
		}
	}
	if !slices.IsSorted(bounds) {
		return nil, fmt.Errorf("invalid slice index: %d", bounds)
	}
	if text {
		return item.Slice(bounds[0], bounds[1]).Interface(), nil
	}
	return item.Slice3(bounds[0], bounds[1], bounds[2]).Interface(), nil
}
