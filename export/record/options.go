package record

import "fmt"

// Options are settings of the encoders. The zero value is ready for use.
type Options struct {
	// RawCSV turns off the guard against spreadsheet formulas in .csv files, which follows
	// what OWASP says about CSV injection.
	//
	// A spreadsheet may see the beginning of a cell at the start of a text and behind each
	// comma, semicolon, vertical bar, tab, carriage return and line feed in it. The guard
	// puts an apostrophe there if one of = + - @ ＝ ＋ － ＠ follows, maybe after spaces, quotes,
	// apostrophes, byte order marks and other characters that are not visible; and at the
	// start also if a tab, carriage return or line feed follows, maybe after apostrophes.
	// Column names are guarded, too.
	//
	// Plain numbers are left alone: digits with at most one dot and a sign before them. So
	// are those behind the first in a text of nothing but plain numbers and, between them,
	// such separators and spaces.
	//
	// To undo it, take away the apostrophe at each such place if what follows it is what the
	// guard is against. [Unguard] does that; so does this regular expression, whose matches
	// are replaced by \1:
	//
	//	(^|[,;|\t\r\n])'(?=[\x00-\x08\x0b\x0c\x0e-\x20"'\x7f-\xa0\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]*[=+\-@＝＋－＠])|^'(?='*[\t\r\n])
	//
	// In cells with JSON nothing has to be undone: there such a sign is escaped within its
	// string, as \u003d, which is the same for whoever reads the JSON.
	RawCSV bool

	// CSV is the form of .csv files.
	CSV CSVForm

	// MaxBytes is how many bytes the texts, numbers and binary values of a record may have
	// together, before they are encoded. A larger one is left out of its file, with an
	// error that matches [ErrTooLarge]. To encode one takes up to ten times its size.
	// Defaults to [DefaultMaxBytes]; negative means no limit.
	MaxBytes int64
}

// CSVForm is the form of .csv files. The zero value is that of RFC 4180, in UTF-8 without a
// byte order mark. [Read] reads every form.
type CSVForm struct {
	// Delimiter stands between cells: a comma, a semicolon or a tab. Defaults to a comma.
	// Excel expects a semicolon where numbers have a decimal comma.
	Delimiter byte

	// BOM begins each file that has a header with a byte order mark, without which Excel
	// does not read it as UTF-8. PostgreSQL's COPY and many programs take it for a part of
	// the first column's name.
	BOM bool

	// LineFeed ends lines in LF, and not in CRLF.
	LineFeed bool
}

// Check returns an error if the form is none that can be written.
func (f CSVForm) Check() error {
	switch f.Delimiter {
	case 0, ',', ';', '\t':
		return nil
	}
	return fmt.Errorf("record: the delimiter %q is not a comma, a semicolon or a tab", f.Delimiter)
}
