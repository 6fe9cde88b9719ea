package api

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mivaa/mivaa/jobs"
)

// FuzzForm: whatever the fields say, they are refused as a problem or make a
// submission whose metadata is an object.
func FuzzForm(f *testing.F) {
	f.Add("Title", `["a","b"]`, "1-5,9,12-", "500", "50", "-3", "manual")
	f.Add("", "a, b,,c", "0", "1e3", "-1", "9999999999999999999", "AUTO")
	f.Add("\x00", "[", "9-1", "", "999999", " 7 ", "")
	f.Fuzz(func(t *testing.T, title, tags, pages, size, overlap, priority, recovery string) {
		form, err := queryForm(url.Values{
			"title": {title}, "tags": {tags}, "pages": {pages}, "chunk_size": {size}, "chunk_overlap": {overlap},
			"priority": {priority}, "recovery": {recovery},
		})
		if err != nil {
			if p := problemOf(err); p.Code != codeInvalid {
				t.Fatalf("%v is %s", err, p.Code)
			}
			return
		}
		sub, err := form.submission(jobs.RecoveryAuto)
		if err != nil {
			if p := problemOf(err); p.Code != codeInvalid || !utf8.ValidString(p.Detail) {
				t.Fatalf("%v is %s", err, p.Code)
			}
			return
		}
		var metadata, options map[string]any
		if err := json.Unmarshal(sub.Metadata, &metadata); err != nil {
			t.Fatalf("metadata %q: %v", sub.Metadata, err)
		}
		if err := json.Unmarshal(sub.Options, &options); err != nil {
			t.Fatalf("options %q: %v", sub.Options, err)
		}
	})
}

// FuzzCursor: what clients send for a cursor is refused or is one.
func FuzzCursor(f *testing.F) {
	f.Add(cursor{Order: "created_at:desc", At: jobs.Job{}.CreatedAt.AddDate(2026, 0, 0), ID: jobs.NewID()}.encode())
	f.Add("")
	f.Add("e30")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := decodeCursor(s)
		if err != nil {
			return
		}
		again, err := decodeCursor(c.encode())
		if err != nil || again.ID != c.ID || !again.At.Equal(c.At) || again.Order != c.Order {
			t.Fatalf("%+v became %+v, %v", c, again, err)
		}
	})
}

// FuzzHost: no name from outside passes for loopback that is none.
func FuzzHost(f *testing.F) {
	for _, s := range []string{"localhost:80", "[::1]", "127.0.0.1", "evil.example", "localhost.evil.example", "::1%25eth0", "127.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name := hostName(host)
		if !isLoopback(name) {
			return
		}
		if name != "localhost" && !strings.HasSuffix(name, ".localhost") && !strings.HasPrefix(name, "127.") && !strings.Contains(name, ":") {
			t.Fatalf("%q passes for loopback", host)
		}
	})
}
