package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Keys sign deliveries, each delivery with all of them: a receiver may change
// from one to the next without missing any. The zero value has none.
type Keys struct{ all []*standardwebhooks.Webhook }

// Bounds of a key, as Standard Webhooks has them.
const (
	keyPrefix   = "whsec_"
	shortestKey = 24 // bytes
	longestKey  = 64
)

// ParseKeys reads secrets between white space: whsec_ and 24 to 64 random bytes
// in base64. Errors do not repeat them.
func ParseKeys(text string) (Keys, error) {
	var k Keys
	for word := range strings.FieldsSeq(text) {
		encoded, ok := strings.CutPrefix(word, keyPrefix)
		if !ok {
			return Keys{}, errors.New("it does not begin with whsec_: make one with echo whsec_$(openssl rand -base64 32)")
		}
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return Keys{}, errors.New("what follows whsec_ is not base64")
		}
		if len(raw) < shortestKey || len(raw) > longestKey {
			return Keys{}, fmt.Errorf("its key has %d bytes, and needs %d to %d", len(raw), shortestKey, longestKey)
		}
		key, err := standardwebhooks.NewWebhookRaw(raw)
		if err != nil {
			return Keys{}, fmt.Errorf("make key: %w", err)
		}
		k.all = append(k.all, key)
	}
	if len(k.all) == 0 {
		return Keys{}, errors.New("it is empty")
	}
	return k, nil
}

// sign sets the headers by which a receiver knows that the body is ours, fresh,
// and the same delivery as before.
func (k Keys) sign(h http.Header, id string, at time.Time, body []byte) error {
	signatures := make([]string, len(k.all))
	for i, key := range k.all {
		var err error
		if signatures[i], err = key.Sign(id, at, body); err != nil {
			return fmt.Errorf("sign delivery: %w", err)
		}
	}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}
