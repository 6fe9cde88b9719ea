package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// dump is everything a Store shows, one line a row, to compare before and
// after. Lines of one kind come in a fixed order. The clock has moved on when
// it returns, so that whatever is written afterwards shows by its time.
func (e *env) dump() string {
	e.Helper()
	var b strings.Builder
	line := func(v any) {
		text, err := json.Marshal(v)
		e.ok(err)
		fmt.Fprintf(&b, "%s\n", text)
	}
	f := jobs.Filter{Order: jobs.OldestFirst, Limit: 1000}
	for {
		list, err := e.Store.List(e.Context(), f)
		e.ok(err)
		if len(list) == 0 {
			break
		}
		for _, j := range list {
			line(j)
			for _, s := range e.steps(j.ID) {
				line(s)
			}
		}
		f.After = &list[len(list)-1]
	}
	for _, ev := range e.events(jobs.ID{}) {
		line(ev)
	}
	e.pass(2 * time.Millisecond)
	return b.String()
}

// unchanged fails when the dump is no longer the one taken before.
func (e *env) unchanged(before, after string) {
	e.Helper()
	if d := diff(before, e.dump()); d != "" {
		e.Errorf("%s changed something:\n%s", after, d)
	}
}

// diff returns the lines that differ, or "".
func diff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out strings.Builder
	for k := range max(len(a), len(b)) {
		var x, y string
		if k < len(a) {
			x = a[k]
		}
		if k < len(b) {
			y = b[k]
		}
		if x != y {
			fmt.Fprintf(&out, "- %s\n+ %s\n", x, y)
		}
		if out.Len() > 4000 {
			break
		}
	}
	return out.String()
}

// sameJSON compares values, not bytes: a database may keep JSON parsed.
func sameJSON(a, b json.RawMessage) bool {
	parse := func(text json.RawMessage) (v any, err error) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber() // or large numbers would lose digits here
		err = d.Decode(&v)
		return v, err
	}
	x, err1 := parse(a)
	y, err2 := parse(b)
	return err1 == nil && err2 == nil && reflect.DeepEqual(x, y)
}
