package main

import (
	"bytes"
	"os"
	"testing"
)

// TestSample keeps the file and the program that makes it together.
func TestSample(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../sample.pdf")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("examples/sample.pdf is not what this program writes; run: go generate ./examples/sample")
	}
}
