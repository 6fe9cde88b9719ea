package documents

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mivaa/mivaa/jobs"
)

// Limits of what a submitter may attach.
const (
	maxFilename = 255      // bytes
	maxObject   = 64 << 10 // bytes of metadata, of options
	maxPassword = 1 << 10  // bytes
	maxKey      = 255      // bytes of an idempotency key, an owner
	maxCallback = 2 << 10  // bytes
	maxTrace    = 255      // bytes of a trace parent
	maxReason   = 1 << 10  // bytes of why a delivery failed
)

// normalize fills in defaults and reports everything that is wrong.
func (s Submission) normalize() (Submission, error) {
	s.Filename = cleanFilename(s.Filename)
	if s.MediaType == "" {
		s.MediaType = "application/pdf"
	}
	if s.Recovery == "" {
		s.Recovery = jobs.RecoveryAuto
	}
	var errs []error
	if len(s.Source.SHA256) != 64 || s.Source.Size < 0 {
		errs = append(errs, errors.New("source: not stored"))
	}
	var err error
	if s.Metadata, err = object(s.Metadata); err != nil {
		errs = append(errs, fmt.Errorf("metadata: %w", err))
	}
	if s.Options, err = object(s.Options); err != nil {
		errs = append(errs, fmt.Errorf("options: %w", err))
	}
	for _, f := range []struct {
		name, value string
		most        int
	}{{"owner", s.Owner, maxKey}, {"idempotency key", s.IdempotencyKey, maxKey}, {"media type", s.MediaType, maxKey}, {"password", s.Password, maxPassword}} {
		if err := text(f.value, f.most); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.name, err))
		}
	}
	if s.Recovery != jobs.RecoveryAuto && s.Recovery != jobs.RecoveryManual {
		errs = append(errs, fmt.Errorf("recovery: %q is neither auto nor manual", s.Recovery))
	}
	if err := checkCallback(s.Callback); err != nil {
		errs = append(errs, fmt.Errorf("callback: %w", err))
	}
	if text(s.TraceParent, maxTrace) != nil {
		s.TraceParent = "" // a trace that cannot be read is ignored, says W3C Trace Context
	}
	if err := errors.Join(errs...); err != nil {
		return s, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return s, nil
}

// ErrInvalid: the submission cannot be accepted as it is.
var ErrInvalid = errors.New("invalid submission")

func text(s string, most int) error {
	switch {
	case len(s) > most:
		return fmt.Errorf("longer than %d bytes", most)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return errors.New("not text in UTF-8")
	}
	return nil
}

// object returns a JSON object in compact form.
func object(data json.RawMessage) (json.RawMessage, error) {
	if len(data) == 0 {
		return json.RawMessage("{}"), nil
	}
	if len(data) > maxObject {
		return nil, fmt.Errorf("longer than %d bytes", maxObject)
	}
	var buf bytes.Buffer
	if err := json.Compact(&buf, data); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if out := buf.Bytes(); out[0] == '{' && utf8.Valid(out) {
		return out, nil
	}
	return nil, errors.New("not a JSON object")
}

// cleanFilename keeps the last element of a name, whichever system it is from,
// without what cannot be shown on one line.
func cleanFilename(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
	name = strings.TrimSpace(name)
	for len(name) > maxFilename {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	if strings.Trim(name, ".") == "" {
		return "document.pdf"
	}
	return name
}

// recordKey is what two submissions of the same document have in common. It
// names what goes in, so that no two ways to split the fields meet.
func (s Submission) recordKey() string {
	fields, err := json.Marshal([]string{s.Owner, s.Source.SHA256, s.RecordOptions})
	if err != nil {
		panic("documents: encode strings: " + err.Error())
	}
	sum := sha256.Sum256(fields)
	return hex.EncodeToString(sum[:])
}

// hasPassword reports whether a document's password is the submission's. How
// long it takes tells nothing of what is in it.
func (s Submission) hasPassword(password string) bool {
	return subtle.ConstantTimeCompare([]byte(s.Password), []byte(password)) == 1
}

// job is the job that reads the document.
func (d Document) job() (jobs.NewJob, error) {
	j, err := jobs.New(Kind, Payload{SourceSHA256: d.SourceSHA256, SourceSize: d.SourceSize, Options: d.Options})
	if err != nil {
		return jobs.NewJob{}, err
	}
	j.ID, j.DocumentID, j.Filename, j.Metadata, j.Owner = jobs.NewID(), d.ID, d.Filename, d.Metadata, d.Owner
	return j, nil
}
