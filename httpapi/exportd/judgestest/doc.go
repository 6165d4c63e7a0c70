// Package judgestest lets programs of others judge exportd: clients and checkers of
// OpenAPI read its document and its answers, and an OpenID provider issues the tokens
// that it takes. These drag in much that nobody else needs, so that they are in a module
// of their own.
package judgestest
