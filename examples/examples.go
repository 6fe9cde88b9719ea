// Package examples holds the document that a new service offers to try itself
// on. Folder sample has the program that makes it.
package examples

import _ "embed"

// Sample is a PDF of a few pages.
//
//go:embed sample.pdf
var Sample []byte
