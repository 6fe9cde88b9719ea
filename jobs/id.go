package jobs

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// ID is a UUID. The zero ID names nothing.
type ID [16]byte

// NewID returns a UUID of version 7 (RFC 9562): it begins with the time in
// milliseconds, so that ids sort by age.
func NewID() ID { return newID(time.Now()) }

func newID(at time.Time) ID {
	var id ID
	rand.Read(id[6:]) // never fails, by its contract
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// newInstanceID returns 65 random bits. An instance's id stands in every row that
// it writes, so it is no longer than it has to be.
func newInstanceID() string { return strings.ToLower(rand.Text()[:13]) }

// ParseID reads the usual form, 8-4-4-4-12 hexadecimal digits of either case.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, fmt.Errorf("parse id %.40q: not a UUID", s)
	}
	digits := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return ID{}, fmt.Errorf("parse id %.40q: not a UUID", s)
	}
	return id, nil
}

// IsZero reports whether id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the usual form in lower case; the zero ID is "".
func (id ID) String() string {
	if id.IsZero() {
		return ""
	}
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// Time returns when a version 7 id was made, and false for any other.
func (id ID) Time() (time.Time, bool) {
	if id[6]>>4 != 7 {
		return time.Time{}, false
	}
	var ms [8]byte
	copy(ms[2:], id[:6])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:]))).UTC(), true
}

// MarshalText writes what String returns.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what ParseID reads; empty text is the zero ID.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
