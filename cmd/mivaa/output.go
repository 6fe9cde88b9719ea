package main

import (
	"encoding/json"
	"fmt"
)

// printJSON writes one object on a line of its own.
func (c *console) printJSON(v any) error {
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// note writes a line for people, beside the result.
func (c *console) note(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }
