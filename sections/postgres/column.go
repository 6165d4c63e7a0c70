package postgres

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/internal/pgvalue"
)

// column turns what the server sends for a column into the fields of records.
type column struct {
	binary bool // the server sends the type's binary form
	size   int  // bytes of the binary form, if all values have as many
	decode func(c *column, v *record.Value, raw []byte)
	buf    []byte // text of the field
}

var errSize = errors.New("a value has not the size of its type")

// set sets a field. It is valid until the next call, as long as raw is.
func (c *column) set(v *record.Value, raw []byte) error {
	if c.size > 0 && len(raw) != c.size {
		return errSize
	}
	c.decode(c, v, raw)
	return nil
}

// simple returns the column of a type that is built in and holds no others.
func simple(oid uint32) (column, bool) {
	switch oid {
	case pgtype.BoolOID:
		return column{binary: true, size: 1, decode: decodeBool}, true
	case pgtype.Int2OID:
		return column{binary: true, size: 2, decode: decodeInt2}, true
	case pgtype.Int4OID:
		return column{binary: true, size: 4, decode: decodeInt4}, true
	case pgtype.Int8OID:
		return column{binary: true, size: 8, decode: decodeInt8}, true
	case pgtype.OIDOID:
		return column{binary: true, size: 4, decode: decodeOID}, true
	case pgtype.Float4OID:
		return column{binary: true, size: 4, decode: decodeFloat4}, true
	case pgtype.Float8OID:
		return column{binary: true, size: 8, decode: decodeFloat8}, true
	case pgtype.ByteaOID:
		return column{binary: true, decode: decodeBytea}, true
	case pgtype.UUIDOID:
		return column{binary: true, size: 16, decode: decodeUUID}, true
	case pgtype.DateOID:
		return column{binary: true, size: 4, decode: decodeDate}, true
	case pgtype.TimestampOID:
		return column{binary: true, size: 8, decode: decodeTimestamp}, true
	case pgtype.TimestamptzOID:
		return column{binary: true, size: 8, decode: decodeTimestamptz}, true
	case pgtype.NumericOID:
		return column{decode: func(_ *column, v *record.Value, raw []byte) { v.SetNumber(raw) }}, true
	case pgtype.JSONOID, pgtype.JSONBOID:
		return column{decode: func(_ *column, v *record.Value, raw []byte) { v.SetJSON(raw) }}, true
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID, pgtype.QCharOID:
		return column{decode: decodeText}, true
	}
	return column{}, false
}

func decodeText(_ *column, v *record.Value, raw []byte) { v.SetText(raw) }

func decodeBool(_ *column, v *record.Value, raw []byte) { v.SetBool(raw[0] != 0) }

func decodeInt2(_ *column, v *record.Value, raw []byte) {
	v.SetInt(int64(int16(binary.BigEndian.Uint16(raw))))
}

func decodeInt4(_ *column, v *record.Value, raw []byte) {
	v.SetInt(int64(int32(binary.BigEndian.Uint32(raw))))
}

func decodeInt8(_ *column, v *record.Value, raw []byte) {
	v.SetInt(int64(binary.BigEndian.Uint64(raw)))
}

func decodeOID(_ *column, v *record.Value, raw []byte) {
	v.SetInt(int64(binary.BigEndian.Uint32(raw)))
}

func decodeFloat4(_ *column, v *record.Value, raw []byte) {
	v.SetFloat32(math.Float32frombits(binary.BigEndian.Uint32(raw)))
}

func decodeFloat8(_ *column, v *record.Value, raw []byte) {
	v.SetFloat64(math.Float64frombits(binary.BigEndian.Uint64(raw)))
}

func decodeBytea(_ *column, v *record.Value, raw []byte) { v.SetBytes(raw) }

// decodeUUID writes 8-4-4-4-12 digits.
func decodeUUID(c *column, v *record.Value, raw []byte) {
	c.buf = hex.AppendEncode(c.buf[:0], raw[:4])
	for at := 4; at < 10; at += 2 {
		c.buf = hex.AppendEncode(append(c.buf, '-'), raw[at:at+2])
	}
	c.buf = hex.AppendEncode(append(c.buf, '-'), raw[10:])
	v.SetText(c.buf)
}

const day = 24 * 60 * 60 // seconds

// epoch is 2000-01-01, from which PostgreSQL counts, in seconds of Unix time.
const epoch = 946684800

func decodeDate(c *column, v *record.Value, raw []byte) {
	switch days := int32(binary.BigEndian.Uint32(raw)); days {
	case math.MaxInt32:
		c.buf = append(c.buf[:0], "infinity"...)
	case math.MinInt32:
		c.buf = append(c.buf[:0], "-infinity"...)
	default:
		c.buf = record.AppendDate(c.buf[:0], time.Unix(epoch+int64(days)*day, 0).UTC())
	}
	v.SetText(c.buf)
}

func decodeTimestamp(c *column, v *record.Value, raw []byte) {
	c.decodeTime(v, raw, record.AppendLocalTime)
}

func decodeTimestamptz(c *column, v *record.Value, raw []byte) {
	c.decodeTime(v, raw, record.AppendTime)
}

func (c *column) decodeTime(v *record.Value, raw []byte, form func(dst []byte, t time.Time) []byte) {
	const second = 1e6 // microseconds
	switch micros := int64(binary.BigEndian.Uint64(raw)); micros {
	case math.MaxInt64:
		c.buf = append(c.buf[:0], "infinity"...)
	case math.MinInt64:
		c.buf = append(c.buf[:0], "-infinity"...)
	default:
		c.buf = form(c.buf[:0], time.Unix(epoch+micros/second, micros%second*1000).UTC())
	}
	v.SetText(c.buf)
}

// decodeNested returns what decodes a text as a Decoder does.
func decodeNested(decode pgvalue.Decoder) func(*column, *record.Value, []byte) {
	if decode == nil {
		return decodeText
	}
	return func(_ *column, v *record.Value, raw []byte) { v.Set(decode(string(raw))) }
}
