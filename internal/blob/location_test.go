package blob

import (
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Location{
		"db:":                      {Database: true},
		"file:///mnt/shared/blobs": {Folder: "/mnt/shared/blobs"},
		"file:/mnt/a%20b":          {Folder: "/mnt/a b"},
		"file:blobs/here":          {Folder: "blobs/here"},
		"file://localhost/mnt":     {Folder: "/mnt"},
		"s3://bucket":              {S3: S3Location{Bucket: "bucket"}},
		"s3://bucket/a/b/?endpoint=http://127.0.0.1:9000&region=eu-1": {S3: S3Location{Bucket: "bucket", Prefix: "a/b", Endpoint: "http://127.0.0.1:9000", Region: "eu-1"}},
	} {
		if got, err := ParseURL(text); got != want || err != nil {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// What is wrong is named, and what may be a secret is not repeated.
func TestParseURLRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                   "db:, file: and s3://",
		"/mnt/blobs":                         "db:, file: and s3://",
		"https://bucket.s3.amazonaws.com":    "db:, file: and s3://",
		"db:mivaa":                           "stands alone",
		"db://host/name":                     "stands alone",
		"file:":                              "no folder",
		"file://mnt/blobs":                   "third slash",
		"file:///mnt?secret=hunter2":         "only s3:// takes",
		"file:///mnt#hunter2":                "after #",
		"s3:///prefix":                       "name of a bucket",
		"s3://host:9000/bucket":              "name of a bucket",
		"s3://key:hunter2@bucket/prefix":     "credentials come from the environment",
		"s3://key:hunter2%zz@bucket":         "cannot be read",
		"s3://bucket?secret_key=hunter2":     `no parameter "secret_key"`,
		"s3://bucket?region=a&region=b":      "twice",
		"s3://bucket?endpoint=host:9000":     "https://host:9000",
		"s3://bucket?endpoint=http://h/path": "nothing after",
		"s3://bucket?endpoint=http://key:hunter2@host:9000": "credentials come from the environment",
		"s3://bucket?region=%zzhunter2":                     "cannot be read",
	} {
		_, err := ParseURL(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q in it and no secret", text, err, want)
		}
	}
}

func TestOpenLocation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(t.Context(), Location{Folder: dir}, nil, "")
	if err != nil || s.Location().String() != dir {
		t.Fatalf("%v, %v", s, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if s, err := Open(t.Context(), Location{Database: true}, nil, dir); err == nil || s != nil {
		t.Errorf("db: without a database: %v, %v", s, err)
	}
	if s, err := Open(t.Context(), Location{Folder: "/dev/null/blobs"}, nil, ""); err == nil || s != nil {
		t.Errorf("a folder that cannot be: %v, %v", s, err)
	}
}
