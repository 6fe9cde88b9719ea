package main

import (
	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/extract"
)

// contentFlags say how a document's content is written.
type contentFlags struct {
	format    choice
	furniture choice
	tables    choice
	emphasis  choice
	hyphens   choice
	unit      choice
	table     string
	size      int
	overlap   int
}

func (s *contentFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	s.format = choice{value: string(extract.Markdown)}
	for _, format := range extract.Formats() {
		s.format.of = append(s.format.of, string(format))
	}
	s.furniture = choice{value: string(extract.FurnitureNone), of: []string{string(extract.FurnitureNone), string(extract.FurnitureAll)}}
	s.tables = choice{value: string(extract.TablesPipe), of: []string{string(extract.TablesPipe), string(extract.TablesHTML)}}
	s.emphasis = choice{value: string(extract.On), of: []string{string(extract.On), string(extract.Off)}}
	s.hyphens = choice{of: []string{string(extract.HyphensJoin), string(extract.HyphensKeep)}}
	s.unit = choice{of: []string{extract.Characters.String(), extract.Tokens.String()}}
	f.VarP(&s.format, "format", "f", "what to write")
	f.Var(&s.furniture, "furniture", "running headers and footers: left out, or kept where they stand")
	f.Var(&s.tables, "tables", "Markdown: tables with pipes, or all as HTML")
	f.Var(&s.emphasis, "emphasis", "Markdown: marks for bold, italic, code and links")
	f.Var(&s.hyphens, "hyphens", "words broken at a line's end; default: joined in Markdown, as printed in text")
	f.StringVar(&s.table, "table", "", "csv: only this table, by its table_id: p12t1")
	f.Var(&s.unit, "chunk-unit", "chunks: what their length counts; default: the document's, else characters")
	f.IntVar(&s.size, "chunk-size", 0, "chunks: the longest; default: the document's, else 1000 characters or 250 tokens")
	f.IntVar(&s.overlap, "chunk-overlap", -1, "chunks: how much of one the next repeats; default: a fifth of the size")
	for name, c := range map[string]*choice{
		"format": &s.format, "furniture": &s.furniture, "tables": &s.tables, "emphasis": &s.emphasis, "hyphens": &s.hyphens, "chunk-unit": &s.unit,
	} {
		offer(cmd, name, c)
	}
}

// writable reports an archive that would end up where people read.
func (s *contentFlags) writable(c *console, output string) error {
	if s.format.value == string(extract.Zip) && output == "" && (c.json || isTerminal(c.out)) {
		return usagef("an archive is no text: name a file for it with -o")
	}
	return nil
}

// request is what is asked of the content, but for the document.
func (s *contentFlags) request() (extract.Request, error) {
	r := extract.Request{
		Format: extract.Format(s.format.value), Furniture: extract.Furniture(s.furniture.value), Tables: extract.Tables(s.tables.value),
		Emphasis: extract.Switch(s.emphasis.value), Hyphens: extract.Hyphens(s.hyphens.value), Table: s.table,
	}
	if s.size != 0 || s.overlap >= 0 || s.unit.value != "" {
		unit, err := extract.ParseUnit(s.unit.value)
		if err != nil {
			return r, usagef("--chunk-unit: %w", err)
		}
		var size, overlap *int
		if s.size != 0 {
			size = &s.size
		}
		if s.overlap >= 0 {
			overlap = &s.overlap
		}
		cut, err := extract.NewCut(unit, size, overlap)
		if err != nil {
			return r, usagef("%w", err)
		}
		r.Cut = &cut
	}
	_, err := r.Validate()
	return r, err
}
