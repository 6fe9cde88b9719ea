//go:build unix && !linux

package faults

import "testing"

type disk struct{}

func mountDisk(t *testing.T, _ string) *disk {
	t.Helper()
	t.Log("No disk will be full: that needs Linux.")
	return nil
}

func (*disk) fill() error { return nil }
func (*disk) free() error { return nil }
