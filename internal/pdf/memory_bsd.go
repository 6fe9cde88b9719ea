//go:build unix && !linux

package pdf

import "syscall"

const mmapFlags = syscall.MAP_PRIVATE | syscall.MAP_ANON
