package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Secrets come from files, as their first line: a token, a password, a URL with
// a password in it.

// mostSecret is how long such a file may be: anything longer was named by mistake.
const mostSecret = 64 << 10

// firstLine returns the first line of a file, without its end.
func firstLine(name string) (string, error) {
	data, _, err := readSmall(name)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// readSmall reads a file and its mode.
func readSmall(name string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	data, err := io.ReadAll(io.LimitReader(f, mostSecret+1)) // a pipe has no size to go by
	if len(data) > mostSecret {
		return nil, 0, fmt.Errorf("%s is larger than a secret can be", name)
	}
	return data, info.Mode().Perm(), err
}
