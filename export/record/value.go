package record

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
)

// Value is a field of a [Row] that is set again for each row, so that a stream of rows
// needs no memory for every value. Put pointers to Values into [Row.Values] once. What is
// said there about a bool, a string and so on is true of a Value that is set to one.
//
// The zero Value is null. A Value keeps the bytes that it is given, which must not change
// until the row is written. It is for one goroutine at a time.
type Value struct {
	kind  valueKind
	bits  uint64 // of a bool, an integer or a float
	bytes []byte
	other any
}

type valueKind uint8

const (
	nullValue valueKind = iota
	boolValue
	intValue
	float32Value
	float64Value
	numberValue
	textValue
	bytesValue
	jsonValue
	otherValue
)

// SetNull makes the value null.
func (v *Value) SetNull() { *v = Value{} }

// SetBool makes the value a boolean.
func (v *Value) SetBool(b bool) {
	*v = Value{kind: boolValue}
	if b {
		v.bits = 1
	}
}

// SetInt makes the value an integer.
func (v *Value) SetInt(n int64) { *v = Value{kind: intValue, bits: uint64(n)} }

// SetFloat32 makes the value a float of 32 bits.
func (v *Value) SetFloat32(f float32) {
	*v = Value{kind: float32Value, bits: math.Float64bits(float64(f))}
}

// SetFloat64 makes the value a float of 64 bits.
func (v *Value) SetFloat64(f float64) { *v = Value{kind: float64Value, bits: math.Float64bits(f)} }

// SetNumber makes the value a [json.Number] of these digits.
func (v *Value) SetNumber(digits []byte) { *v = Value{kind: numberValue, bytes: digits} }

// SetText makes the value a string.
func (v *Value) SetText(text []byte) { *v = Value{kind: textValue, bytes: text} }

// SetBytes makes the value binary. It is not null if b is nil.
func (v *Value) SetBytes(b []byte) { *v = Value{kind: bytesValue, bytes: b} }

// SetJSON makes the value a [json.RawMessage].
func (v *Value) SetJSON(text []byte) { *v = Value{kind: jsonValue, bytes: text} }

// Set makes the value any other of those that a [Row] may have, such as a list.
func (v *Value) Set(field any) { *v = Value{kind: otherValue, other: field} }

// NestText makes a string or binary value a [json.RawMessage] of the same bytes.
func (v *Value) NestText() {
	if v.kind == textValue || v.kind == bytesValue {
		v.kind = jsonValue
		if v.bytes == nil {
			v.bytes = []byte{} // nil would be null
		}
	}
}

// Any returns what a [Row] might have in the place of the value: nil, a bool, an int64, a
// float32 or float64, a [json.Number], a string, a []byte, a [json.RawMessage], or what
// was given to [Value.Set]. Bytes are a copy.
func (v *Value) Any() any {
	switch v.kind {
	case boolValue:
		return v.bits == 1
	case intValue:
		return int64(v.bits)
	case float32Value:
		return float32(v.float())
	case float64Value:
		return v.float()
	case numberValue:
		return json.Number(v.bytes)
	case textValue:
		return string(v.bytes)
	case bytesValue:
		return append([]byte{}, v.bytes...)
	case jsonValue:
		return json.RawMessage(bytes.Clone(v.bytes))
	}
	return v.other
}

func (v *Value) float() float64 { return math.Float64frombits(v.bits) }

// appendField appends the value as JSON.
func (e *jsonAppender) appendField(dst []byte, v *Value) ([]byte, error) {
	switch v.kind {
	case nullValue:
		return append(dst, "null"...), nil
	case boolValue:
		return strconv.AppendBool(dst, v.bits == 1), nil
	case intValue:
		return strconv.AppendInt(dst, int64(v.bits), 10), nil
	case float32Value:
		return appendFloat(dst, v.float(), 32), nil
	case float64Value:
		return appendFloat(dst, v.float(), 64), nil
	case numberValue:
		return appendNumber(dst, v.bytes), nil
	case textValue:
		return appendText(dst, v.bytes), nil
	case bytesValue:
		return appendBytes(dst, v.bytes), nil
	case jsonValue:
		if v.bytes != nil {
			return e.appendRaw(dst, v.bytes), nil
		}
		return append(dst, "null"...), nil
	}
	return e.appendValue(dst, v.Any())
}

// appendField appends the value as YAML.
func (e *yamlEncoder) appendField(dst []byte, v *Value) ([]byte, error) {
	switch v.kind {
	case nullValue:
		return e.null(dst), nil
	case boolValue:
		return append(strconv.AppendBool(e.inline(dst), v.bits == 1), '\n'), nil
	case intValue:
		return append(strconv.AppendInt(e.inline(dst), int64(v.bits), 10), '\n'), nil
	case float32Value:
		return e.float(dst, v.float(), 32), nil
	case float64Value:
		return e.float(dst, v.float(), 64), nil
	case numberValue:
		return e.number(dst, v.bytes), nil
	case textValue:
		return yamlText(e, dst, v.bytes), nil
	case bytesValue:
		return e.bytes(dst, v.bytes), nil
	case jsonValue:
		return e.raw(dst, v.bytes)
	}
	return e.value(dst, v.Any())
}

// appendFieldCell appends a cell of a .csv with the value.
func (e *csvEncoder) appendFieldCell(dst []byte, v *Value) ([]byte, error) {
	switch v.kind {
	case nullValue:
		return dst, nil
	case boolValue:
		return strconv.AppendBool(dst, v.bits == 1), nil
	case intValue:
		return strconv.AppendInt(dst, int64(v.bits), 10), nil
	case float32Value:
		return appendCSVFloat(dst, v.float(), 32), nil
	case float64Value:
		return appendCSVFloat(dst, v.float(), 64), nil
	case numberValue:
		if isJSONNumber(v.bytes) {
			return append(dst, v.bytes...), nil
		}
	case textValue:
		return textCell(e, dst, v.bytes), nil
	case bytesValue:
		e.value = base64.StdEncoding.AppendEncode(e.value[:0], v.bytes)
		return textCell(e, dst, e.value), nil
	case jsonValue:
		return e.rawCell(dst, v.bytes), nil
	}
	return e.cell(dst, v.Any())
}
