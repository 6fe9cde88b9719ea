package extract

import (
	"archive/zip"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
)

// unzip is an archive as one text: each file behind its name.
func unzip(t *testing.T, archive string) string {
	t.Helper()
	var sb strings.Builder
	for _, f := range filesOf(t, archive) {
		sb.WriteString("== " + f.name + "\n" + f.content)
	}
	return sb.String()
}

type zipped struct{ name, content string }

func filesOf(t *testing.T, archive string) (out []zipped) {
	t.Helper()
	r, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, zipped{f.Name, string(data)})
	}
	return out
}

func TestZip(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.results.Pictures, _ = e.pictures()
	s := e.submit(spec{Pages: 4, Attached: []string{"../data.xml", "huge.bin"}}, Options{})
	e.run()
	archive, _ := e.read(s.Document.ID, as(Zip))
	if again, _ := e.read(s.Document.ID, as(Zip)); again != archive {
		t.Error("the same document makes another archive")
	}
	files := map[string]string{}
	var names []string
	for _, f := range filesOf(t, archive) {
		names = append(names, f.name)
		files[f.name] = f.content
	}
	want := []string{
		"document.md", "document.txt", "document.json", "tables/p2t1.csv", "tables/p4t1.csv", "images/p2-2.jpg", "images/p4-2.jpg",
		"attachments/1-data.xml", "missing.json",
	}
	if !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
	for format, name := range map[Format]string{Text: "document.txt", JSON: "document.json"} {
		if want, _ := e.read(s.Document.ID, as(format)); files[name] != want {
			t.Errorf("%s is not the document as %s", name, format)
		}
	}
	withImages, _ := e.read(s.Document.ID, func(r *Request) { r.Images = On })
	if files["document.md"] != withImages || !strings.Contains(withImages, "![](images/p2-2.jpg)") {
		t.Errorf("document.md is %q", files["document.md"])
	}
	if got := files["images/p2-2.jpg"]; got != "image 1 of page 2" {
		t.Errorf("the image is %q", got)
	}
	var missing []Missing
	if err := json.Unmarshal([]byte(files["missing.json"]), &missing); err != nil || len(missing) != 1 || missing[0].File != "attachments/2-huge.bin" || missing[0].Code != "too_large" {
		t.Errorf("missing is %+v, %v", missing, err)
	}
	// Without the source nothing leads nowhere.
	e.results.Pictures = nil
	bare, _ := e.read(s.Document.ID, as(Zip))
	if text := unzip(t, bare); strings.Contains(text, "![") || strings.Contains(text, "== images/") {
		t.Errorf("without pictures there are images: %.300q", text)
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"data.xml": "data.xml", "../../etc/passwd": "passwd", `C:\\x\\a.txt`: "a.txt", "a\x00b\u202e.txt": "a_b_.txt", "..": "", `a:b*?.txt`: "a_b__.txt",
		strings.Repeat("ä", 200) + ".pdf": strings.Repeat("ä", 96) + ".pdf",
	} {
		if got := FileName(in); got != want {
			t.Errorf("FileName(%q) = %q, want %q", in, got, want)
		}
	}
}
