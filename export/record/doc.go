// Package record writes and reads files of records: .yaml, .json, .ndjson and .csv.
//
// A record is a [Row], an [Appender], or any value that encoding/json can encode.
// The extension of a file's name picks its [Encoding]: see [EncodingOf].
//
// [Encode] returns the contents of a file that holds one record. [NewFile] reads as
// a file that holds a whole sequence of records, encoded while it is read. [NewPiece] and
// [Frame] do the same for a file that several processes write in pieces. [Read] is
// the way back: it reads the records of a file one by one, as JSON.
//
// # Values
//
// The table has what becomes of the values of a [Row]. JSON stands for .json and .ndjson.
//
//	value                     | JSON                | YAML              | CSV
//	nil, a nil pointer        | null                | null              | an empty cell
//	bool, integers            | true, 1             | true, 1           | true, 1
//	float64, float32          | the shortest digits that read back as the number
//	NaN, Infinity, -Infinity  | the text "NaN" …    | .nan, .inf, -.inf | NaN …
//	json.Number               | its digits          | its digits        | its digits
//	string                    | text                | text              | text
//	empty string              | ""                  | ""                | "" in the file
//	string that is not UTF-8  | base64              | base64            | base64
//	[]byte                    | base64              | base64            | base64
//	time.Time                 | text by RFC 3339, in UTC
//	  beyond the year 9999    | text such as 10000-01-01T04:59:59Z
//	  before Christ           | text such as 0044-03-15T12:00:00Z BC
//	Row, []any, []string      | nested data         | nested data       | JSON
//	json.RawMessage           | nested data         | nested data       | JSON, "text" in quotes
//	  that is no valid JSON   | its text            | its text          | its text
//	  that YAML cannot say    | nested data         | its text          | JSON
//	map[string]any            | nested data         | nested data       | JSON
//	Appender, anything else   | what its JSON says, by the rows above
//	*Value                    | as what it is set to
//
// YAML cannot say JSON that has a name twice in one object or half of a surrogate pair in
// a text, or that is nested more than 1,000 deep. It is not made to say JSON of more than
// 131,072 values, or whose indentation would take more than 8 MiB, or more than the JSON
// itself and 64 KiB. Nested data that is deeper than 9,000 levels is text everywhere.
// PostgreSQL's to_json has the same forms for numbers and times, but for "+00:00" in the
// place of "Z".
//
// What has no form leaves its record out of the file, and nothing else: names of columns
// that are not UTF-8 or there twice, values that encoding/json refuses, text that is not
// UTF-8 within a value that encoding/json encodes, rows, lists and maps nested more than
// 1,000 deep, documents of more than about a million values, in a .csv a column that is not
// in the header, a panic, and a record of more than [Options.MaxBytes].
//
// Equal records give equal bytes. What memory takes does not grow with the number of
// records. For one record it is a few times what the record has, or what becomes of it if that
// is more: a character may become six.
package record
