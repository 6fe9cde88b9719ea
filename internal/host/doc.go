// Package host knows what the machine gives this process: how much memory, of the
// machine or of the control group that it runs in, and how much of it is left. It
// reads what the kernel shows (cgroup v1, v2 and both together) and changes
// nothing. Where the kernel shows nothing there are no limits.
package host
