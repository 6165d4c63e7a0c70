package sections

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
)

// order is how a value compares to another. Some values are equal or not, and nothing else.
type order struct{ equal, less, ordered bool }

func orderOf[T cmp.Ordered](a, b T) order { return order{a == b, a < b, true} }

// compare compares values of one kind, integers with and without a sign, and anything with nil.
func compare(a, b any) (order, error) {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	switch kind, other := basicKind(x), basicKind(y); {
	case kind == reflect.Int && other == reflect.Uint && x.Int() < 0:
		return order{less: true, ordered: true}, nil
	case kind == reflect.Int && other == reflect.Uint:
		return orderOf(uint64(x.Int()), y.Uint()), nil
	case kind == reflect.Uint && other == reflect.Int && y.Int() < 0:
		return order{ordered: true}, nil
	case kind == reflect.Uint && other == reflect.Int:
		return orderOf(x.Uint(), uint64(y.Int())), nil
	case kind != other && (a == nil || b == nil):
		return order{}, nil
	case kind != other:
		return order{}, incompatible(a, b)
	case kind == reflect.Int:
		return orderOf(x.Int(), y.Int()), nil
	case kind == reflect.Uint:
		return orderOf(x.Uint(), y.Uint()), nil
	case kind == reflect.Float64:
		return orderOf(x.Float(), y.Float()), nil
	case kind == reflect.String:
		return orderOf(x.String(), y.String()), nil
	case kind == reflect.Bool:
		return order{equal: x.Bool() == y.Bool()}, nil
	case kind == reflect.Complex128:
		return order{equal: x.Complex() == y.Complex()}, nil
	}
	same, err := sameValue(x, y)
	return order{equal: same}, err
}

// basicKind is the kind of a value without its size, or Invalid if it is no text, number or
// boolean.
func basicKind(v reflect.Value) reflect.Kind {
	switch {
	case v.CanInt():
		return reflect.Int
	case v.CanUint():
		return reflect.Uint
	case v.CanFloat():
		return reflect.Float64
	case v.CanComplex():
		return reflect.Complex128
	case v.Kind() == reflect.Bool, v.Kind() == reflect.String:
		return v.Kind()
	}
	return reflect.Invalid
}

// sameValue compares values of no basic kind.
func sameValue(x, y reflect.Value) (bool, error) {
	switch {
	case x.Kind() != y.Kind() && x.IsValid() && y.IsValid():
		return false, incompatible(x.Interface(), y.Interface())
	case isNil(x) || isNil(y):
		return isNil(x) && isNil(y), nil
	case !y.Type().Comparable():
		return false, fmt.Errorf("non-comparable type %s", y.Type())
	}
	return x.Interface() == y.Interface(), nil
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Map, reflect.Slice, reflect.Pointer, reflect.Func, reflect.Chan:
		return v.IsNil()
	default:
		return false
	}
}

func incompatible(a, b any) error {
	return fmt.Errorf("incompatible types for comparison: %T and %T", a, b)
}

// equalsOne says whether the first value equals one of the others.
func equalsOne(args []any) (any, error) {
	if len(args) == 1 {
		return nil, errors.New("missing argument for comparison")
	}
	for _, other := range args[1:] {
		if o, err := compare(args[0], other); o.equal || err != nil {
			return true, err
		}
	}
	return false, nil
}

func notEqual(args []any) (any, error) {
	o, err := compare(args[0], args[1])
	return !o.equal, err
}

// ordered returns a function that compares values that have an order.
func ordered(is func(order) bool) nameFunc {
	return nameFunc{2, 2, false, func(args []any) (any, error) {
		o, err := compare(args[0], args[1])
		if err == nil && !o.ordered {
			err = fmt.Errorf("invalid type for comparison: %T", args[0])
		}
		return is(o), err
	}}
}
