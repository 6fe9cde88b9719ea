package extract

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/mivaa/mivaa/internal/pdf"
)

// Missing is a file that an archive should have and has not.
type Missing struct {
	File  string `json:"file"`
	Code  string `json:"error_code"`
	Error string `json:"error"`
}

// zipEpoch is the time of every file in an archive: the earliest there is. The
// same document makes the same bytes.
var zipEpoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// writeZip writes an archive:
//
//	document.md, .txt, .json   the document in these formats
//	tables/p1t1.csv            its tables
//	images/p1-1.jpg            its images, which the Markdown shows
//	attachments/1-name         the files it carries
//	missing.json               what could not be read of these, if anything
//
// Without Pictures it has neither images nor attachments.
func (res *Result) writeZip(ctx context.Context, w io.Writer) error {
	z := &zipWriter{Writer: zip.NewWriter(w), result: res}
	for _, f := range []struct {
		name   string
		format Format
	}{{"document.md", Markdown}, {"document.txt", Text}, {"document.json", JSON}} {
		if err := z.document(ctx, f.name, f.format); err != nil {
			return err
		}
	}
	if err := res.eachTable(ctx, z.table); err != nil {
		return err
	}
	if res.pictures != nil {
		if err := res.eachImage(ctx, func(i *DocumentImage) error { return z.image(ctx, i) }); err != nil {
			return err
		}
		if err := z.attachments(ctx); err != nil {
			return err
		}
	}
	if len(z.missing) > 0 {
		if err := z.note(); err != nil {
			return err
		}
	}
	return z.Close()
}

type zipWriter struct {
	*zip.Writer
	result  *Result
	missing []Missing
}

func (z *zipWriter) create(name string, method uint16) (io.Writer, error) {
	return z.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: zipEpoch})
}

// document writes the document in one of its formats.
func (z *zipWriter) document(ctx context.Context, name string, format Format) error {
	part := *z.result
	part.request.Format, part.request.ImageBase = format, "images/"
	if format == Text {
		part.request.Hyphens = HyphensKeep // text is verbatim
	}
	if part.request.Images = Off; format == Markdown && z.result.pictures != nil {
		part.request.Images = On
	}
	out, err := z.create(name, zip.Deflate)
	if err != nil {
		return err
	}
	return part.Write(ctx, out)
}

func (z *zipWriter) table(t *Table) error {
	out, err := z.create("tables/"+t.ID+".csv", zip.Deflate)
	if err != nil {
		return err
	}
	return t.writeCSV(out)
}

func (z *zipWriter) image(ctx context.Context, i *DocumentImage) error {
	name := path.Base(i.URL)
	p, err := z.result.pictures.Image(ctx, z.result.DocumentID, name)
	return z.file("images/"+name, p.Data, err)
}

func (z *zipWriter) attachments(ctx context.Context) error {
	for i, name := range z.result.facts.Attachments {
		f, err := z.result.pictures.Attachment(ctx, z.result.DocumentID, i+1)
		if err := z.file("attachments/"+strconv.Itoa(i+1)+"-"+FileName(name), f.Data, err); err != nil {
			return err
		}
	}
	return nil
}

// file writes what was read of the source, or notes that the document is to
// blame that it could not be.
func (z *zipWriter) file(name string, data []byte, err error) error {
	if e, ok := errors.AsType[*pdf.Error](err); ok && e.Code != pdf.CodeInternal {
		z.missing = append(z.missing, Missing{name, e.Code, e.Error()})
		return nil
	}
	if errors.Is(err, ErrNoSuchImage) || errors.Is(err, ErrNoSuchAttachment) {
		z.missing = append(z.missing, Missing{name, CodeNoSuchFile, err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	out, err := z.create(name, zip.Store)
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	return err
}

func (z *zipWriter) note() error {
	out, err := z.create("missing.json", zip.Deflate)
	if err != nil {
		return err
	}
	data, err := encode(z.missing)
	if err != nil {
		return fmt.Errorf("encode what is missing: %w", err)
	}
	_, err = out.Write(append(data, '\n'))
	return err
}

// FileName makes a name for a file of one that a document gives: the last
// element of a path, without what file systems do not take; "" where nothing is
// left.
func FileName(name string) string {
	const most = 100
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) || strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	if runes := []rune(name); len(runes) > most {
		name = string(runes[len(runes)-most:]) // its ending says what it is
	}
	return strings.Trim(name, " .")
}
