// Package pgtest gives tests a PostgreSQL: the one that MIVAA_TEST_POSTGRES
// names, else one that the test's own process starts from the programs on the
// machine (on Debian: package postgresql) and ends with itself. Where tests run
// as root it runs as user postgres, because a server refuses to run as root.
//
// Where there is neither, tests are skipped and say what to install; under CI
// they fail.
//
// It imports no package of ours, so that every package's tests may use it.
package pgtest
