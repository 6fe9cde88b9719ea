package main

import (
	"path/filepath"
	"testing"
)

func TestStartEngine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles the engine")
	}
	cache := filepath.Join(t.TempDir(), "cache")
	for _, want := range []bool{true, false} {
		cold, err := startEngine(t.Context(), cache)
		if err != nil || cold != want {
			t.Errorf("cold %v, %v, want %v", cold, err, want)
		}
	}
}
