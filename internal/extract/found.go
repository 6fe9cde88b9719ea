package extract

import (
	"encoding/json"
	"fmt"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
)

// Found is what the pages of a complete document turned out to hold, for who
// does not want to look at each.
type Found struct {
	Tables  int    `json:"tables"`                 // on its pages; 0: there is none
	Garbage string `json:"garbage,omitempty"`      // pages whose text is none, as a selection: 3,7-9
	Stream  string `json:"order_stream,omitempty"` // pages whose text is in the order of the file
}

// published is what is kept with a complete document: its profile, and beside
// it what was found, which costs no write of its own there.
type published struct {
	layout.Profile
	Found *Found `json:"found,omitempty"`
}

// FoundIn is what was found in a document. It is nil before the document is
// complete, and of one that was completed by a program that did not look.
func FoundIn(d documents.Document) (*Found, error) {
	if len(d.Profile) == 0 {
		return nil, nil
	}
	var p published
	if err := json.Unmarshal(d.Profile, &p); err != nil {
		return nil, fmt.Errorf("read profile of document %s: %w", d.ID, err)
	}
	return p.Found, nil
}

// find looks at one page.
func (t *tally) find(p *layout.Page) {
	for i := range p.Blocks {
		if p.Blocks[i].Table != nil {
			t.tables++
		}
	}
	if p.Garbage {
		t.garbage = t.garbage.with(p.Number)
	}
	if p.Order == layout.OrderStream {
		t.stream = t.stream.with(p.Number)
	}
}

func (t *tally) found() *Found {
	return &Found{Tables: t.tables, Garbage: t.garbage.String(), Stream: t.stream.String()}
}
