package pdf

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// What FPDF_GetLastError says after a document failed to open.
const (
	errorPassword = 4
	errorSecurity = 5
)

// open opens the document behind the source. On failure the instance is spoiled
// like after any document: renew it for the next.
func (e *engine) open(size int64, password string) (doc uint64, err error) {
	e.source.reset(size)
	// FPDF_FILEACCESS begins with the file's length.
	if !e.mem.WriteUint32Le(e.access, uint32(size)) {
		return 0, fail(CodeInternal, "the file's length cannot be set")
	}
	last := uint64(0)
	for _, candidate := range passwords(password) {
		var p uint64
		if candidate != "" {
			p = e.cString(candidate)
		}
		doc = e.call(fnLoadDocument, uint64(e.access), p)
		if p != 0 {
			e.call(fnFree, p)
		}
		if doc != 0 {
			return doc, nil
		}
		if last = e.call(fnLastError); uint32(last) != errorPassword {
			break
		}
	}
	switch uint32(last) {
	case errorPassword:
		if password == "" {
			return 0, fail(CodePasswordRequired, "the document is encrypted: it needs a password")
		}
		return 0, fail(CodePasswordWrong, "the document is encrypted and the password does not open it")
	case errorSecurity:
		return 0, fail(CodeDamaged, "the document is encrypted in a way that is not supported")
	default:
		return 0, fail(CodeDamaged, "the document is damaged: it has no readable structure (PDFium error %d)", last)
	}
}

// passwords lists the bytes to try: as given (UTF-8, what AES-256 uses), as
// Latin-1 (what older encryption uses), and none, in case it is not needed.
func passwords(password string) []string {
	if password == "" {
		return []string{""}
	}
	list := []string{password}
	if !utf8.ValidString(password) {
		return append(list, fromBytes(password), "")
	}
	latin := make([]byte, 0, len(password))
	ascii := true
	for _, r := range password {
		if r > 0xff {
			ascii = true
			break
		}
		ascii = ascii && r < utf8.RuneSelf
		latin = append(latin, byte(r))
	}
	if !ascii {
		list = append(list, string(latin))
	}
	return append(list, "")
}

const (
	maxOutline     = 20_000
	maxTitle       = 500
	maxAttachments = 1000
)

// describe reads what is known of the document as a whole.
func (e *engine) describe(doc uint64) description {
	info := Info{
		PageCount: e.count(fnPageCount, doc),
		Title:     e.meta(doc, "Title"), Author: e.meta(doc, "Author"), Subject: e.meta(doc, "Subject"),
		Keywords: e.meta(doc, "Keywords"), Creator: e.meta(doc, "Creator"), Producer: e.meta(doc, "Producer"),
		CreatedAt:  parseDate(e.meta(doc, "CreationDate")),
		ModifiedAt: parseDate(e.meta(doc, "ModDate")),
		Tagged:     e.ok(fnIsTagged, doc),
	}
	if e.ok(fnFileVersion, doc, e.arg(0)) {
		v := binary.LittleEndian.Uint32(e.result(4))
		info.Version = fmt.Sprintf("%d.%d", v/10, v%10)
	}
	if revision := e.count(fnSecurityRevision, doc); revision >= 0 {
		info.Encrypted, info.SecurityRevision = true, revision
	}
	for i := range uint64(min(max(e.count(fnAttachmentCount, doc), 0), maxAttachments)) {
		attachment := e.call(fnAttachment, doc, i)
		if attachment == 0 {
			continue
		}
		name := e.utf16(func(buf, size uint64) uint64 { return e.call(fnAttachmentName, attachment, buf, size) })
		info.Attachments = append(info.Attachments, shorten(name, maxTitle))
	}
	return description{info, e.call(fnBookmarkFirst, doc, 0) != 0}
}

func (e *engine) meta(doc uint64, key string) string {
	k := e.cString(key)
	defer e.call(fnFree, k)
	return shorten(fromBytes(e.utf16(func(buf, size uint64) uint64 { return e.call(fnMetaText, doc, k, buf, size) })), 10*maxTitle)
}

// outline reads the bookmarks, depth first.
func (e *engine) outline(doc uint64) []OutlineItem {
	var items []OutlineItem
	seen := map[uint64]bool{} // a hostile outline is a ring
	type place struct {
		bookmark uint64
		level    int
	}
	stack := []place{{e.call(fnBookmarkFirst, doc, 0), 1}}
	for len(stack) > 0 && len(items) < maxOutline {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at.bookmark == 0 || seen[at.bookmark] {
			continue
		}
		seen[at.bookmark] = true
		title := e.utf16(func(buf, size uint64) uint64 { return e.call(fnBookmarkTitle, at.bookmark, buf, size) })
		page, _ := e.target(doc, e.call(fnBookmarkDest, doc, at.bookmark), func() uint64 { return e.call(fnBookmarkAction, at.bookmark) })
		items = append(items, OutlineItem{Title: shorten(fromBytes(title), maxTitle), Level: at.level, Page: page})
		stack = append(stack,
			place{e.call(fnBookmarkNext, doc, at.bookmark), at.level},
			place{e.call(fnBookmarkFirst, doc, at.bookmark), at.level + 1})
	}
	return items
}

// shorten cuts a string to n runes.
func shorten(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}
