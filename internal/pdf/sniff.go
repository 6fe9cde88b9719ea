package pdf

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// The media types of documents, beside JPEG and PNG.
const (
	PDF  = "application/pdf"
	TIFF = "image/tiff"
)

// Accepted are the media types of documents that a Pool opens.
func Accepted() []string { return []string{PDF, PNG, JPEG, TIFF} }

// headerWithin is how far into a file readers look for a PDF's header: real
// files have mail headers and printer commands before it.
const headerWithin = 1024

// errHeader says why what nobody knows is refused.
var errHeader = errors.New("not a PDF: none of its first 1024 bytes begins %PDF-; and no PNG, JPEG or TIFF either")

// Sniff returns r, to be read from its start, and the media type of what it
// gives, or an *Error of CodeNotAPDF if that is not accepted. What reading fails
// with is returned as it is.
func Sniff(r io.Reader) (io.Reader, string, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(headerWithin)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	media, err := sniff(head)
	if err != nil {
		return nil, "", err
	}
	return b, media, nil
}

// signature is what files of a type begin with.
type signature struct {
	media string
	at    int
	text  string
}

// images are the types that are documents of one page; TIFF may have more.
var images = []signature{
	{PNG, 0, "\x89PNG\r\n\x1a\n"}, {JPEG, 0, "\xff\xd8\xff"}, {TIFF, 0, "II*\x00"}, {TIFF, 0, "MM\x00*"},
}

// others are types that people take for documents, to be refused by name. The
// first that fits is the one.
var others = []signature{
	{"image/gif", 0, "GIF8"}, {"image/webp", 8, "WEBP"}, {"image/bmp", 0, "BM"}, {"image/heic", 4, "ftyphe"}, {"image/heic", 4, "ftypmif1"},
	{"image/avif", 4, "ftypavif"}, {"image/jp2", 4, "jP  "}, {"image/jxl", 0, "\xff\x0a"}, {"image/jxl", 4, "JXL "},
	{"image/tiff of more than 4 GiB (BigTIFF)", 0, "II+\x00"}, {"image/tiff of more than 4 GiB (BigTIFF)", 0, "MM\x00+"},
	{"image/vnd.djvu", 0, "AT&TFORM"}, {"image/vnd.adobe.photoshop", 0, "8BPS"}, {"video/mp4", 4, "ftyp"},
	{"application/postscript", 0, "%!PS"}, {"application/rtf", 0, "{\\rtf"}, {"an old Office document (application/x-ole-storage)", 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
	{"application/epub+zip", 30, "mimetypeapplication/epub"}, {"an OpenDocument file", 30, "mimetypeapplication/vnd.oasis"},
	{"an archive or Office document (application/zip)", 0, "PK\x03\x04"}, {"application/gzip", 0, "\x1f\x8b"}, {"application/x-7z-compressed", 0, "7z\xbc\xaf\x27\x1c"},
	{"application/vnd.rar", 0, "Rar!\x1a\x07"}, {"application/xml", 0, "<?xml"}, {"image/svg+xml", 0, "<svg"}, {"text/html", 0, "<!doctype html"}, {"text/html", 0, "<html"},
}

// sniff names the media type of what begins so.
func sniff(head []byte) (string, error) {
	if bytes.Contains(head, []byte("%PDF-")) {
		return PDF, nil
	}
	if i := slices.IndexFunc(images, func(s signature) bool { return s.begins(head) }); i >= 0 {
		return images[i].media, nil
	}
	if i := slices.IndexFunc(others, func(s signature) bool { return s.begins(head) }); i >= 0 {
		return "", fail(CodeNotAPDF, "not a PDF but %s, which is not accepted: PDF, PNG, JPEG or TIFF are", others[i].media)
	}
	return "", &Error{Code: CodeNotAPDF, Err: errHeader}
}

func (s signature) begins(head []byte) bool {
	if len(head) < s.at+len(s.text) {
		return false
	}
	found := string(head[s.at : s.at+len(s.text)])
	return found == s.text || strings.HasPrefix(s.text, "<") && strings.EqualFold(found, s.text)
}
