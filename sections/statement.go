package sections

import (
	"errors"
	"fmt"
	"strings"
)

// reading are what statements that only read begin with.
var reading = map[string]bool{"select": true, "with": true, "values": true, "table": true, "(": true}

// verbs are what a statement with WITH may do, and whether that is to read.
var verbs = map[string]bool{
	"select": true, "values": true, "table": true,
	"insert": false, "replace": false, "update": false, "delete": false, "merge": false,
}

// note keeps the first token and, of a statement with WITH, what stands behind the queries in
// brackets.
func (l *lexer) note(before string) {
	if l.first == "" {
		l.first = l.last
	}
	if _, is := verbs[l.last]; is && l.verb == "" && before == ")" && len(l.open) == 0 {
		l.verb = l.last
	}
}

// checkReads returns an error if a statement does something else than to read, as far as its
// words tell: a function or, in PostgreSQL, a query within WITH may write. A statement that
// bindParameters refuses has none.
func checkReads(d Dialect, query string) error {
	l := &lexer{dialect: d, src: query}
	if err := l.run(); err != nil {
		return nil //nolint:nilerr // as above
	}
	if !reading[l.first] {
		return fmt.Errorf("begins with %.20s; a statement that reads begins with SELECT, WITH, VALUES, TABLE or a bracket, and no other is run", strings.ToUpper(l.first))
	}
	if reads, found := verbs[l.verb]; l.first == "with" && found && !reads {
		return fmt.Errorf("writes: behind WITH comes %s", strings.ToUpper(l.verb))
	}
	return nil
}

// inner returns a query as it can stand in brackets, without a semicolon. A line has to end behind
// it: it may end in a comment. A query that bindParameters refuses is returned as it is.
func inner(d Dialect, query string) (string, error) {
	l := &lexer{dialect: d, src: query}
	if err := l.run(); err != nil {
		return query, nil //nolint:nilerr // as above
	}
	if l.stray || len(l.open) > 0 {
		return query, errors.New("has brackets that do not match")
	}
	if l.ended {
		query = query[:l.end]
	}
	return query, nil
}
