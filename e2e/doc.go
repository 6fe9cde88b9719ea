// Package e2e holds black-box tests: the real binary, as an operator runs it,
// with real signals and real kills. It has no code but tests.
package e2e
