// Package record writes and reads files of records: .yaml, .json, .ndjson and .csv.
//
// A record is a [Row], an [Appender], or any value that encoding/json can encode.
// The extension of a file's name picks its [Encoding]: see [EncodingOf].
//
// [Encode] returns the contents of a file that holds one record. [NewFile] reads as
// a file that holds a whole sequence of records, encoded while it is read. [Read] is
// the way back: it reads the records of a file one by one, as JSON.
//
// Equal records give equal bytes. What memory takes does not grow with the number of
// records.
package record
