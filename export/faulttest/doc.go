// Package faulttest makes chosen calls of stores, spools and other ports fail, to
// test what happens then. It begins with [New].
package faulttest
