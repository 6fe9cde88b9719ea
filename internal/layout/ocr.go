package layout

// Status of an OCR.
const (
	OCROK     = "ok"     // the page's text is what was recognised
	OCREmpty  = "empty"  // nothing was recognised: the text is the page's own, if it has any
	OCRFailed = "failed" // likewise; Code and Error say why
)

// OCR says how the text of a page was recognised from its picture.
type OCR struct {
	Status     string `json:"status"`
	Engine     string `json:"engine"`
	Version    string `json:"version"`
	Languages  string `json:"languages"`            // as the engine was told: "eng+deu"
	Confidence int    `json:"confidence,omitempty"` // of the engine in its words, the mean by letters: 0 to 100
	Code       string `json:"error_code,omitempty"` // set when failed: one stable word
	Error      string `json:"error,omitempty"`      // set when failed: one sentence
}

// Recognised makes the record of a page anew from what was recognised on its
// picture. What is no text stays as the page has it; the glyphs have one font.
func Recognised(p Page, font string, glyphs []Glyph, how OCR) Page {
	out := Read(Glyphs{
		Number: p.Number, Label: p.Label, Width: p.Width, Height: p.Height, Rotation: p.Rotation,
		Fonts: []Font{{Name: font}}, Glyphs: glyphs, Rulings: p.Rulings, Images: p.Images, Links: p.Links,
		ImageData: p.ImageData, Annotations: p.Annotations, Fields: p.Fields,
	})
	out.Truncated = out.Truncated || p.Truncated
	out.NeedsOCR = false
	how.Status = OCROK
	out.OCR = &how
	return out
}

// Unrecognised is the page as it was read, which says why it was not recognised:
// code is one stable word, msg one sentence, or both are empty where there was
// nothing to recognise.
func Unrecognised(p Page, how OCR, code, msg string) Page {
	how.Status, how.Code, how.Error = OCRFailed, cleanString(code), cleanString(msg)
	if code == "" {
		how.Status, p.NeedsOCR = OCREmpty, false
	}
	p.OCR = &how
	return p
}
