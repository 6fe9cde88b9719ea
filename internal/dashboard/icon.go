package dashboard

import (
	"fmt"
	"html/template"
)

// paths are our signs, drawn on a field of 16 by 16 with a pen of 1.6.
var paths = map[string]string{
	"pending":     `<circle cx="8" cy="8" r="5.6" stroke-dasharray="2.4 2"/>`,
	"processing":  `<circle cx="8" cy="8" r="6"/><path d="M6.6 5.6 10.4 8l-3.8 2.4z" fill="currentColor"/>`,
	"completed":   `<circle cx="8" cy="8" r="6"/><path d="m5.4 8.2 1.8 1.8 3.4-3.8"/>`,
	"failed":      `<circle cx="8" cy="8" r="6"/><path d="m5.9 5.9 4.2 4.2m0-4.2-4.2 4.2"/>`,
	"interrupted": `<circle cx="8" cy="8" r="6"/><path d="M6.4 5.8v4.4M9.6 5.8v4.4"/>`,
	"cancelled":   `<circle cx="8" cy="8" r="6"/><path d="m3.9 3.9 8.2 8.2"/>`,
	"jobs":        `<path d="M2.5 4h11m-11 4h11m-11 4h7"/>`,
	"review":      `<path d="M8 2.5 14 13H2z"/><path d="M8 6.5v3m0 1.6v.2"/>`,
	"documents":   `<path d="M4 2h5.5L12.5 5v9H4z"/><path d="M9.5 2v3h3M6 8.5h4.5M6 11h4.5"/>`,
	"instances":   `<rect x="2.5" y="2.8" width="11" height="4.2" rx="1"/><rect x="2.5" y="9" width="11" height="4.2" rx="1"/><path d="M5 4.9h.2M5 11.1h.2"/>`,
	"figures":     `<path d="M2.5 13.5h11M4.5 11V8m3.5 3V4m3.5 7V6"/>`,
	"search":      `<circle cx="7" cy="7" r="4.4"/><path d="m10.4 10.4 3.4 3.4"/>`,
	"upload":      `<path d="M8 10.5V2.8M4.9 5.6 8 2.5l3.1 3.1M2.5 10.5v3h11v-3"/>`,
	"light":       `<circle cx="8" cy="8" r="2.8"/><path d="M8 1.5v1.4m0 10.2v1.4M1.5 8h1.4m10.2 0h1.4M3.4 3.4l1 1m7.2 7.2 1 1m0-9.2-1 1m-7.2 7.2-1 1"/>`,
	"dark":        `<path d="M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6z"/>`,
	"system":      `<circle cx="8" cy="8" r="5.6"/><path d="M8 2.4a5.6 5.6 0 0 1 0 11.2z" fill="currentColor"/>`,
	"copy":        `<rect x="5.5" y="5.5" width="8" height="8" rx="1.2"/><path d="M10.5 5.5v-3h-8v8h3"/>`,
	"resume":      `<path d="M5 3.2v9.6L12.5 8z"/>`,
	"restart":     `<path d="M3.2 8a4.8 4.8 0 1 0 1.6-3.6M4.6 1.8v2.9h2.9"/>`,
	"cancel":      `<path d="m4 4 8 8m0-8-8 8"/>`,
	"delete":      `<path d="M2.8 4.2h10.4M6.2 4.2V2.5h3.6v1.7M4.2 4.2l.6 9.3h6.4l.6-9.3"/>`,
	"accepted":    `<path d="M8 2.5v8M4.8 7.4 8 10.6l3.2-3.2M2.5 13.5h11"/>`,
	"next":        `<path d="m6 3 5 5-5 5"/>`,
	"previous":    `<path d="m10 3-5 5 5 5"/>`,
	"out":         `<path d="M6.5 2.5h-4v11h4M6.5 8h7m-2.8-2.8L13.5 8l-2.8 2.8"/>`,
	"key":         `<rect x="1.8" y="4" width="12.4" height="8" rx="1.4"/><path d="M4.2 6.6h.2m2.4 0h.2m2.4 0h.2m2.2 0h.2M5 9.4h6"/>`,
}

// icon draws a sign. It says nothing to a screen reader: the word stands beside
// it.
func icon(name string) (template.HTML, error) {
	path, ok := paths[name]
	if !ok {
		return "", fmt.Errorf("no icon %q", name)
	}
	return template.HTML(`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">` + path + `</svg>`), nil
}
