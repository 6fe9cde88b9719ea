package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// sending is a file on its way to a service. On a terminal it shows how far it
// is, once that takes a while.
type sending struct {
	*os.File
	name  string
	size  int64
	sent  int64
	show  *view // nil: nobody looks
	began time.Time
	told  time.Time
}

func (c *console) sending(s *submitSettings, f *os.File, size int64, name string) *sending {
	u := &sending{File: f, name: name, size: size, began: time.Now()}
	if v := c.submitView(s); v.rewrite {
		u.show = v
	}
	return u
}

// Read counts what is read.
func (u *sending) Read(p []byte) (int, error) {
	n, err := u.File.Read(p)
	u.sent += int64(n)
	now := time.Now()
	if u.show != nil && now.Sub(u.began) > time.Second && now.Sub(u.told) > 200*time.Millisecond {
		u.told = now
		percent := 100 * u.sent / max(1, u.size)
		line := fmt.Sprintf("sending %s  %s of %s  %d%%", clean(u.name), sizeOf(u.sent), sizeOf(u.size), percent)
		_ = u.show.bottom(u.show.s.cut(line, u.show.s.width-1)) // progress is no result
	}
	return n, err
}

// Seek begins the count again: an upload that broke off is sent anew.
func (u *sending) Seek(offset int64, whence int) (int64, error) {
	at, err := u.File.Seek(offset, whence)
	if whence == io.SeekStart {
		u.sent = at
	}
	return at, err
}

func (u *sending) over() {
	if u.show != nil {
		u.show.over()
	}
}
