package layout

// Annotation is a remark that somebody put on a page: a comment, a highlight, a
// stamp. Links and form fields are told apart from them.
type Annotation struct {
	Kind     string `json:"type"`                  // as PDF names it, in lower case: "text", "highlight", "free_text"
	Box      Box    `json:"bbox" nullable:"false"` // where it stands
	Text     string `json:"text,omitempty"`        // what it says
	Author   string `json:"author,omitempty"`      // who put it there
	Modified string `json:"modified,omitempty"`    // RFC 3339; empty if the document's date is none
	Marked   string `json:"marked,omitempty"`      // the page's text that it marks
}

// Field is a field of a form, as it stands on a page. A field may stand there
// several times, such as the buttons of a choice.
type Field struct {
	Name     string   `json:"name"` // in full: "address.city"
	Label    string   `json:"label,omitempty"`
	Kind     string   `json:"type"`                               // text, checkbox, radio, choice, button, signature
	Value    string   `json:"value,omitempty"`                    // of a text or a choice; what a box or button that is on stands for
	Checked  bool     `json:"checked,omitempty"`                  // of a checkbox or radio
	Options  []string `json:"options,omitempty" nullable:"false"` // of a choice
	ReadOnly bool     `json:"read_only,omitempty"`
	Required bool     `json:"required,omitempty"`
	Box      Box      `json:"bbox" nullable:"false"`
}

// Bounds of what a record holds of them.
const (
	MaxAnnotations = 2_000
	MaxFields      = 5_000
	MaxOptions     = 500 // of a field
)

// annotate copies what people put on the page, cleaned and within the limits.
func (p *Page) annotate(g *Glyphs) {
	for _, a := range within(g.Annotations, MaxAnnotations, &p.Truncated) {
		a.Kind, a.Author, a.Modified = cleanString(a.Kind), cleanString(a.Author), cleanString(a.Modified)
		a.Text, a.Marked = cleanText(a.Text), cleanText(a.Marked)
		a.Box = a.Box.round()
		p.Annotations = append(p.Annotations, a)
	}
	for _, f := range within(g.Fields, MaxFields, &p.Truncated) {
		f.Name, f.Label, f.Kind = cleanString(f.Name), cleanString(f.Label), cleanString(f.Kind)
		f.Value = cleanText(f.Value)
		f.Box = f.Box.round()
		options := f.Options
		f.Options = nil
		for _, o := range within(options, MaxOptions, &p.Truncated) {
			f.Options = append(f.Options, cleanString(o))
		}
		p.Fields = append(p.Fields, f)
	}
}
