package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
)

// mostAnswer is how much of an answer is read, so that its connection may be
// used again. None of it is kept.
const mostAnswer = 64 << 10

// message is what is sent.
type message struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"` // when it happened
	Data      json.RawMessage `json:"data"`      // documents.DeliveryPayload
}

// body is the same at each attempt.
func body(d documents.Delivery) ([]byte, error) {
	data, err := json.Marshal(message{Type: d.Event, Timestamp: d.CreatedAt.UTC(), Data: d.Payload})
	if err != nil {
		return nil, fmt.Errorf("encode delivery %d: %w", d.ID, err)
	}
	return data, nil
}

// messageID names a delivery by what it tells: it stays the same when the
// deliveries move to another store and get new numbers there.
func messageID(d documents.Delivery) string {
	sum := sha256.Sum256(append([]byte(d.JobID.String()+"\n"+d.Event+"\n"), d.Payload...))
	return "msg_" + hex.EncodeToString(sum[:16])
}

// poster makes single attempts.
type poster struct {
	keys    Keys
	agent   string
	clients map[string]*http.Client // by scheme
}

func newPoster(keys Keys, t Targets, version string, timeout time.Duration, roots *x509.CertPool) *poster {
	p := &poster{keys: keys, agent: strings.TrimSuffix("mivaa/"+version, "/"), clients: map[string]*http.Client{}}
	for _, scheme := range []string{"http", "https"} {
		dialer := net.Dialer{Timeout: timeout, Control: t.control(scheme)}
		p.clients[scheme] = &http.Client{
			Timeout: timeout,
			// A redirect leads wherever the receiver likes, and would be a GET.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy:       nil, // a proxy would dial what we must not
				DialContext: dialer.DialContext, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout,
				TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
				ForceAttemptHTTP2: true, DisableCompression: true, MaxResponseHeaderBytes: mostAnswer,
				MaxIdleConns: 2 * mostAtOnce, MaxIdleConnsPerHost: mostPerHost, IdleConnTimeout: 30 * time.Second,
			},
		}
	}
	return p
}

func (p *poster) close() {
	for _, c := range p.clients {
		c.CloseIdleConnections()
	}
}

// answer is what came of an attempt.
type answer struct {
	status int           // HTTP's; 0: none came
	asked  time.Duration // how long the receiver wants to be left alone
	err    error         // why it failed, for people; nil: delivered
}

// post makes one attempt.
func (p *poster) post(ctx context.Context, d documents.Delivery) answer {
	data, err := body(d)
	if err != nil {
		return answer{err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(data))
	if err != nil {
		return answer{err: errors.New("its address cannot be read")}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", p.agent)
	now := time.Now()
	if err := p.keys.sign(req.Header, messageID(d), now, data); err != nil {
		return answer{err: err}
	}
	client := p.clients[req.URL.Scheme]
	if client == nil {
		return answer{err: fmt.Errorf("its address is %.20q and not https", req.URL.Scheme)}
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: reason(err, client.Timeout)}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, mostAnswer) // the status is the answer; what follows may break off
	return judge(resp, now)
}

// judge reads an answer's status.
func judge(resp *http.Response, now time.Time) answer {
	a := answer{status: resp.StatusCode, asked: retryAfter(resp.Header, now)}
	said := strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		a.err = fmt.Errorf("the receiver answered %s, and redirects are not followed", said)
	default:
		a.err = fmt.Errorf("the receiver answered %s", said)
	}
	return a
}

// reason is an error without the address, which may have a secret in it.
func reason(err error, timeout time.Duration) error {
	if no, ok := errors.AsType[*refusedError](err); ok {
		return no
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		if outer.Timeout() {
			return fmt.Errorf("no answer within %v", timeout)
		}
		err = outer.Err
	}
	return fmt.Errorf("the receiver was not reached: %w", err)
}
