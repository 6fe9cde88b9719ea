//go:build !linux

package pdf

import "time"

func cpuTicks(int) int { return 0 }

func usage() time.Duration { return 0 }
