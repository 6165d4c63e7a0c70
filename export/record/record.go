package record

// Row is a record with ordered fields. It is the fastest record to encode:
// sections that stream should yield Rows, and may reuse one Row's Values
// between iterations. With pointers to [Value] in it, a Row needs no memory for its
// fields.
//
// Each value is nil, a bool, an integer, a float, a string, a [time.Time] or
// *time.Time (written as RFC 3339 in UTC), a []byte (base64), a [json.Number]
// (written digit by digit), a [json.RawMessage] (becomes nested data), a Row or
// *Row, a []any or []string, a [Appender], or anything that encoding/json
// can encode, by its rules: times in a struct, for example, keep their zone. A
// nil pointer is null. The package's documentation has the form of each in each encoding.
type Row struct {
	// Columns are the field names, all different. They are read only and may
	// be shared between rows.
	Columns []string

	// Values are the fields, one for each column. Nil Values make the row a
	// header: see [export.Sink].
	Values []any
}

// Encoding is how records are written. The extension of the file's name
// picks it.
type Encoding string

// The encodings of record files.
const (
	// YAML is for reading by people and programs. Text that a YAML 1.1 or 1.2
	// parser could take for something else is quoted, and what is not visible in
	// quotes is escaped. A file with many records holds one document each.
	YAML Encoding = "yaml"

	// JSON is one JSON text (RFC 8259); many records become an array.
	JSON Encoding = "json"

	// NDJSON is one JSON text on each line.
	NDJSON Encoding = "ndjson"

	// CSV follows RFC 4180, in UTF-8, with lines that end in CRLF, unless [CSVForm] says
	// otherwise, and always has a header line. Records are Rows, or encode to JSON objects; the first
	// record or declaration fixes the columns, and later records may have them
	// in another order or lack some. Nested data is written as JSON text in its
	// cell, null as an empty cell and empty text as "". If there is one column only, null
	// is an empty line, as for PostgreSQL's COPY; some readers pass it over. A header that
	// begins with ID is in quotes, because Excel refuses the file otherwise. See
	// [Options.RawCSV] for the guard against spreadsheet formulas.
	CSV Encoding = "csv"
)

// Appender is implemented by records and values that encode
// themselves.
type Appender interface {
	// AppendRecord appends the value in the encoding to dst and returns the
	// extended buffer. For YAML, JSON and NDJSON that is one JSON text; for CSV
	// it is the unquoted text of one cell. A whole record in a .csv, and a value
	// nested in a cell, is asked for as JSON. It must not keep dst. It is called
	// for records, values of a Row and elements of a []any only.
	AppendRecord(dst []byte, enc Encoding) ([]byte, error)
}
