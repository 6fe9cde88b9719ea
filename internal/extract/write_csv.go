package extract

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// ErrNoSuchTable: no table of the document has that id.
var ErrNoSuchTable = errors.New("no such table")

func noTable(id string) error { return fmt.Errorf("%w: %.40q", ErrNoSuchTable, id) }

// writeCSV writes the table that was asked for, or all of them, an empty line
// between two.
func (res *Result) writeCSV(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	written := 0
	err := res.eachTable(ctx, func(t *Table) error {
		if res.request.Table != "" && t.ID != res.request.Table {
			return nil
		}
		if written++; written > 1 {
			if _, err := out.WriteString("\n"); err != nil {
				return err
			}
		}
		return t.writeCSV(out)
	})
	switch {
	case err != nil:
		return err
	case written == 0 && res.request.Table != "":
		return noTable(res.request.Table)
	}
	return out.Flush()
}

// writeCSV writes the table as RFC 4180 has it, a row a line.
func (t *Table) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	for _, row := range t.grid() {
		for i := range row {
			row[i] = harmless(row[i])
		}
		if len(row) == 1 && row[0] == "" {
			row[0] = " " // or the line would be empty, which readers skip
		}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from running what stands in a cell: a document
// is not to call a program on the machine of who opens its tables. Numbers and
// words that begin with a sign stay as they are.
func harmless(text string) string {
	first, _ := utf8.DecodeRuneInString(text)
	switch first {
	case '=', '@', '\t', '\r', '＝', '＠': // the wide ones count where scripts are wide
		return "'" + text
	case '+', '-', '＋', '－':
		if strings.ContainsAny(text, "(|!") {
			return "'" + text
		}
	}
	return text
}
