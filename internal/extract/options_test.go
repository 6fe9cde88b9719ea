package extract

import (
	"encoding/json"
	"testing"

	"github.com/mivaa/mivaa/internal/documents"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	var a, b documents.Submission
	if err := (Options{Pages: "3,1-2"}).Apply(&a); err != nil {
		t.Fatal(err)
	}
	if err := (Options{Pages: " 1-3 ", Cut: &Cut{Size: 500, Overlap: 50}}).Apply(&b); err != nil {
		t.Fatal(err)
	}
	if a.RecordOptions != b.RecordOptions || string(a.Options) != `{"pages":"1-3"}` {
		t.Errorf("%q and %q, options %s", a.RecordOptions, b.RecordOptions, a.Options)
	}
	if string(b.Options) != `{"pages":"1-3","cut":{"chunk_size":500,"chunk_overlap":50}}` || !json.Valid(b.Options) {
		t.Errorf("options %s", b.Options)
	}
	for _, bad := range []Options{{Pages: "0"}, {Pages: "x"}, {Cut: &Cut{Size: 10, Overlap: 0}}, {Cut: &Cut{Size: 1000, Overlap: 501}}, {Cut: &Cut{Size: 1000, Overlap: -1}}, {Cut: &Cut{Size: MaxChunk + 1}}} {
		if _, err := bad.Normal(); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	size, overlap := 100, 0
	if c, err := NewCut(Characters, &size, nil); err != nil || c != (Cut{Size: 100, Overlap: 20}) {
		t.Errorf("size alone: %v, %v", c, err)
	}
	if c, err := NewCut(Characters, nil, &overlap); err != nil || c != (Cut{Size: 1000, Overlap: 0}) {
		t.Errorf("overlap alone: %v, %v", c, err)
	}
}
