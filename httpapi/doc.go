// Package httpapi serves the API of exports.
package httpapi
