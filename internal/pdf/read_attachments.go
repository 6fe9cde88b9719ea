package pdf

import "bytes"

// attachments lists the files that the document carries.
func (e *engine) attachments(doc uint64) []Attachment {
	list := []Attachment{}
	for i := range uint64(min(max(e.count(fnAttachmentCount, doc), 0), maxAttachments)) {
		a := e.call(fnAttachment, doc, i)
		if a == 0 {
			list = append(list, Attachment{}) // its place is its name
			continue
		}
		size := -1
		if e.ok(fnAttachmentFile, a, 0, 0, e.arg(0)) {
			n, _ := e.mem.ReadUint32Le(e.scratch)
			size = int(n)
		}
		list = append(list, Attachment{
			Name:       shorten(e.utf16(func(buf, n uint64) uint64 { return e.call(fnAttachmentName, a, buf, n) }), maxTitle),
			MediaType:  shorten(e.utf16(func(buf, n uint64) uint64 { return e.call(fnAttachmentSubtype, a, buf, n) }), maxTitle),
			CreatedAt:  parseDate(e.attachmentText(a, "CreationDate")),
			ModifiedAt: parseDate(e.attachmentText(a, "ModDate")),
			Size:       size,
		})
	}
	return list
}

func (e *engine) attachmentText(a uint64, key string) string {
	k := e.cString(key)
	defer e.call(fnFree, k)
	return e.utf16(func(buf, size uint64) uint64 { return e.call(fnAttachmentText, a, k, buf, size) })
}

// attachment reads one of the files. found is false where there is none of that
// index.
func (e *engine) attachment(doc uint64, index int) (data []byte, found bool, err error) {
	if index < 0 || index >= min(e.count(fnAttachmentCount, doc), maxAttachments) {
		return nil, false, nil
	}
	a := e.call(fnAttachment, doc, uint64(index))
	if a == 0 || !e.ok(fnAttachmentFile, a, 0, 0, e.arg(0)) {
		return nil, false, nil
	}
	size, _ := e.mem.ReadUint32Le(e.scratch)
	if size > maxAttachment {
		return nil, true, fail(CodeTooLarge, "the attached file has %d MiB, more than %d", size>>20, maxAttachment>>20)
	}
	if size == 0 {
		return nil, true, nil
	}
	p := e.call(fnMalloc, uint64(size))
	if p == 0 {
		return nil, true, fail(CodeOutOfMemory, "PDFium has no memory for the attached file")
	}
	defer e.call(fnFree, p)
	if !e.ok(fnAttachmentFile, a, p, uint64(size), e.arg(0)) {
		return nil, true, fail(CodeDamaged, "damaged: PDFium cannot read it")
	}
	if b, ok := e.mem.Read(uint32(p), size); ok {
		data = bytes.Clone(b)
	}
	return data, true, nil
}
