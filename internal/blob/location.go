package blob

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/mivaa/mivaa/jobs/postgres"
)

// Location says where a store is: one of its fields is set.
type Location struct {
	Folder   string // a path
	Database bool   // the database of the jobs
	S3       S3Location
}

// S3Location is a place in a bucket.
type S3Location struct {
	// Endpoint is the server, as "https://s3.example.org:9000"; plain http is
	// taken as well. Empty: Amazon's.
	Endpoint string
	Region   string // empty: the bucket is asked
	Bucket   string
	Prefix   string // of all keys, without a slash at its ends; may be empty
}

// String is for people: a path, "the database", or s3://bucket/prefix.
func (l Location) String() string {
	switch {
	case l.S3.Bucket != "":
		return l.S3.String()
	case l.Database:
		return "the database"
	}
	return l.Folder
}

func (l S3Location) String() string {
	text := "s3://" + l.Bucket
	if l.Prefix != "" {
		text += "/" + l.Prefix
	}
	if l.Endpoint != "" {
		text += " at " + l.Endpoint
	}
	return text
}

// ParseURL reads what --blob-url takes:
//
//	db:                                            the database of the jobs
//	file:///mnt/shared/blobs, file:blobs           a folder
//	s3://bucket/prefix?endpoint=https://host:9000&region=eu-1
//
// A URL holds no secret: credentials come from the environment. Errors say what
// is wrong with it and never repeat what may be a secret.
func ParseURL(text string) (Location, error) {
	l, err := parse(text)
	if err != nil {
		return Location{}, fmt.Errorf("blob URL: %w", err)
	}
	return l, nil
}

var errScheme = errors.New("it begins with none of db:, file: and s3://")

func parse(text string) (Location, error) {
	u, err := url.Parse(text)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the text, which may hold a secret
		}
		if strings.Contains(text, "@") {
			err = errors.New("it cannot be read") // what follows a colon is quoted in the error
		}
		return Location{}, err
	}
	if u.User != nil {
		return Location{}, errors.New("it holds a user or a password: leave them out, credentials come from the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)")
	}
	if u.Fragment != "" {
		return Location{}, errors.New("it has a part after #, which means nothing here")
	}
	if u.Scheme != "s3" && u.RawQuery != "" {
		return Location{}, errors.New("it has parameters after ?, which only s3:// takes")
	}
	switch u.Scheme {
	case "db":
		if u.Opaque != "" || u.Host != "" || u.Path != "" {
			return Location{}, errors.New("db: stands alone: it is the database of the jobs, which --database-url names")
		}
		return Location{Database: true}, nil
	case "file":
		return parseFile(u)
	case "s3":
		return parseS3(u)
	}
	return Location{}, errScheme
}

func parseFile(u *url.URL) (Location, error) {
	if u.Host != "" && u.Host != "localhost" {
		return Location{}, fmt.Errorf("file://%s names a host: a path begins with a third slash, as in file:///mnt/blobs", u.Host)
	}
	path := u.Path
	if u.Opaque != "" {
		relative, err := url.PathUnescape(u.Opaque)
		if err != nil {
			return Location{}, err
		}
		path = relative
	}
	if path == "" {
		return Location{}, errors.New("file: names no folder")
	}
	return Location{Folder: path}, nil
}

func parseS3(u *url.URL) (Location, error) {
	if u.Host == "" || u.Port() != "" {
		return Location{}, errors.New("s3:// is followed by the name of a bucket, as in s3://bucket/prefix?endpoint=https://host:9000")
	}
	l := S3Location{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Location{}, errors.New("its parameters cannot be read")
	}
	for name, values := range query {
		if len(values) > 1 {
			return Location{}, fmt.Errorf("parameter %.20q is given twice", name)
		}
		switch name {
		case "endpoint":
			l.Endpoint = values[0]
		case "region":
			l.Region = values[0]
		default:
			return Location{}, fmt.Errorf("there is no parameter %.20q: endpoint and region are known, credentials come from the environment", name)
		}
	}
	if _, _, err := l.server(); err != nil {
		return Location{}, err
	}
	return Location{S3: l}, nil
}

// server returns what the endpoint says: a host with its port, and whether TLS
// is spoken.
func (l S3Location) server() (host string, secure bool, err error) {
	if l.Endpoint == "" {
		return "s3.amazonaws.com", true, nil
	}
	u, err := url.Parse(l.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", false, errors.New("the endpoint is no URL: it is written as https://host:9000, or http://host:9000 without TLS")
	}
	if u.User != nil {
		return "", false, errors.New("the endpoint holds a user or a password: leave them out, credentials come from the environment")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false, errors.New("the endpoint is a host and a port, nothing after them")
	}
	return u.Host, u.Scheme == "https", nil
}

// Open opens the store that a location names. db is the database of the jobs,
// for a location in it; tmp is a folder for temporary copies, which all but a
// folder need.
func Open(ctx context.Context, l Location, db *postgres.Store, tmp string) (Store, error) {
	switch {
	case l.S3.Bucket != "":
		return orNil(OpenS3(ctx, S3Config{S3Location: l.S3, Temp: tmp}))
	case l.Database && db == nil:
		return nil, errors.New("open blob store: db: needs PostgreSQL as the store of the jobs")
	case l.Database:
		return orNil(OpenDatabase(ctx, db, tmp))
	}
	return orNil(OpenFolder(ctx, l.Folder))
}

// orNil keeps a nil pointer from becoming a Store that is not nil.
func orNil[S Store](s S, err error) (Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
