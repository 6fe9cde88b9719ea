package pdf

import "syscall"

// Reserved address space is not to count as promised memory.
const mmapFlags = syscall.MAP_PRIVATE | syscall.MAP_ANON | syscall.MAP_NORESERVE
