package webhook

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// secret is a well-formed one.
func secret(seed byte) string {
	return keyPrefix + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(seed), 32)))
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	for _, text := range []string{secret('a'), secret('a') + "\n", " " + secret('a') + "\n" + secret('b') + "\n"} {
		if _, err := ParseKeys(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	short, long := base64.StdEncoding.EncodeToString(make([]byte, 23)), base64.StdEncoding.EncodeToString(make([]byte, 65))
	for text, want := range map[string]string{
		"": "empty", " \n": "empty", "hunter2hunter2hunter2": "whsec_", "whsec_hunter2!": "base64",
		"whsec_" + short: "23 bytes", "whsec_" + long: "65 bytes", secret('a') + " whsec_": "0 bytes",
	} {
		_, err := ParseKeys(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), short)) {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

// A receiver verifies with the library of Standard Webhooks, by either of two
// keys while one replaces the other.
func TestSign(t *testing.T) {
	t.Parallel()
	keys, err := ParseKeys(secret('a') + " " + secret('b'))
	if err != nil {
		t.Fatal(err)
	}
	sign := func(at time.Time) http.Header {
		h := http.Header{}
		if err := keys.sign(h, "msg_1", at, []byte(`{"a":1}`)); err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := sign(time.Now())
	for _, seed := range []byte{'a', 'b'} {
		receiver, err := standardwebhooks.NewWebhook(secret(seed))
		if err != nil {
			t.Fatal(err)
		}
		if err := receiver.Verify([]byte(`{"a":1}`), h); err != nil {
			t.Errorf("key %c: %v", seed, err)
		}
		if receiver.Verify([]byte(`{"a":2}`), h) == nil {
			t.Error("another body passes")
		}
		if receiver.Verify([]byte(`{"a":1}`), sign(time.Now().Add(-time.Hour))) == nil {
			t.Error("an old message passes")
		}
	}
	other, err := standardwebhooks.NewWebhook(secret('c'))
	if err != nil {
		t.Fatal(err)
	}
	if other.Verify([]byte(`{"a":1}`), h) == nil {
		t.Error("another key passes")
	}
}
