package pdf

import "time"

// Info is what a document says of itself.
type Info struct {
	PageCount        int      `json:"page_count"`
	Version          string   `json:"pdf_version,omitempty"` // of the file format: "1.7"
	Title            string   `json:"title,omitempty"`
	Author           string   `json:"author,omitempty"`
	Subject          string   `json:"subject,omitempty"`
	Keywords         string   `json:"keywords,omitempty"`
	Creator          string   `json:"creator,omitempty"`
	Producer         string   `json:"producer,omitempty"`
	CreatedAt        string   `json:"created_at,omitempty"`  // RFC 3339; empty if the document's date is none
	ModifiedAt       string   `json:"modified_at,omitempty"` // the same
	Tagged           bool     `json:"tagged,omitempty"`
	Encrypted        bool     `json:"encrypted,omitempty"`
	SecurityRevision int      `json:"security_revision,omitempty"` // of the standard security handler, if encrypted
	Attachments      []string `json:"attachments,omitempty"`       // names of embedded files
}

// description is the payload of frameInfo: what opening a document tells.
type description struct {
	Info
	HasOutline bool `json:"has_outline,omitempty"`
}

// OutlineItem is one bookmark.
type OutlineItem struct {
	Title string `json:"title"`
	Level int    `json:"level"`                 // from 1
	Page  int    `json:"page_number,omitempty"` // from 1; 0: leads to no page of the document
}

// parseDate makes RFC 3339 of a PDF date (ISO 32000-1, 7.9.4), of which all but
// the year may be missing: "D:20240229123000+01'00'".
func parseDate(s string) string {
	if len(s) > 1 && s[:2] == "D:" {
		s = s[2:]
	}
	digits := 0
	for digits < len(s) && digits < 14 && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	const layout = "20060102150405"
	if digits < 4 || digits%2 != 0 {
		return ""
	}
	t, err := time.Parse(layout[:digits], s[:digits])
	if err != nil {
		return ""
	}
	zone := []byte(nil)
	for _, c := range []byte(s[digits:]) {
		if c != '\'' {
			zone = append(zone, c)
		}
	}
	for _, form := range []string{"-0700", "-07"} {
		if offset, err := time.Parse(form, string(zone)); err == nil {
			_, seconds := offset.Zone()
			t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.FixedZone("", seconds))
		}
	}
	return t.Format(time.RFC3339)
}
