package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Client calls a service. URL is required; every other zero value works. Its
// methods are safe for concurrent use.
type Client struct {
	URL        string       // of the service: http://127.0.0.1:8000; a path in it is kept
	Token      string       // sent as a bearer token; "": none
	HTTPClient *http.Client // nil: http.DefaultClient
	UserAgent  string       // "": this package's

	// Patience is for how long a call is repeated that met a service out of
	// reach, busy or restarting. 0: 30 seconds; below 0: it is sent once.
	Patience time.Duration
}

// attemptTime is how long one attempt may take where the answer is short: the
// service gives up after half of it.
const attemptTime = time.Minute

// call is a request and how it may be treated.
type call struct {
	method string
	path   string
	query  url.Values
	header http.Header
	body   func() (io.Reader, error) // called for each attempt; nil: none
	size   int64                     // of the body; 0: not known, or none
	// once: done twice it would do harm, or be answered as if it had failed. It
	// is repeated only where the service did not take it.
	once bool
	// open: the answer may take as long as it likes.
	open   bool
	accept []int         // statuses that are no error, beside 2xx
	wait   time.Duration // that the service was asked to wait
}

// get reads a JSON answer into v.
func (c *Client) get(ctx context.Context, path string, query url.Values, v any) error {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query}, v)
}

// jsonCall is a call that sends v.
func jsonCall(path string, v any) (call, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return call{}, fmt.Errorf("encode request: %w", err)
	}
	return call{
		method: http.MethodPost, path: path, header: http.Header{"Content-Type": {"application/json"}},
		body: func() (io.Reader, error) { return bytes.NewReader(data), nil }, size: int64(len(data)),
	}, nil
}

// remove deletes. That it is gone already is no error where an answer was lost.
func (c *Client) remove(ctx context.Context, path string) error {
	lost := false
	k := call{method: http.MethodDelete, path: path}
	return c.retry(ctx, k, func(ctx context.Context) error {
		err := c.attempt(ctx, k, nil)
		known := (*Error)(nil)
		if lost && errors.As(err, &known) && (known.Status == http.StatusNotFound || known.Status == http.StatusGone) {
			return nil
		}
		lost = lost || err != nil && !errors.As(err, &known)
		return err
	})
}

// do makes a call and reads its JSON answer into v (nil: whatever it is).
func (c *Client) do(ctx context.Context, k call, v any) error {
	return c.retry(ctx, k, func(ctx context.Context) error { return c.attempt(ctx, k, v) })
}

func (c *Client) attempt(ctx context.Context, k call, v any) error {
	if !k.open {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, attemptTime+k.wait)
		defer cancel()
	}
	answer, err := c.send(ctx, k)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was read to its end, or is of no more use
	if v == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // so that the connection can be used again
		return err
	}
	if err := json.NewDecoder(answer.Body).Decode(v); err != nil {
		return &transportError{fmt.Errorf("read answer of %s %s: %w", k.method, k.path, err)}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // as above
	return nil
}

// stream makes a call whose answer the caller reads and closes.
func (c *Client) stream(ctx context.Context, k call) (*http.Response, error) {
	var answer *http.Response
	err := c.retry(ctx, k, func(ctx context.Context) error {
		var err error
		answer, err = c.send(ctx, k) //nolint:bodyclose // the caller's
		return err
	})
	return answer, err
}

// send sends a request once. An answer that is an error is an *Error.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	req, err := c.request(ctx, k)
	if err != nil {
		return nil, err
	}
	client := c.HTTPClient
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(req)
	if err != nil {
		return nil, reached(ctx, req.URL.Host, err)
	}
	if (answer.StatusCode < 200 || answer.StatusCode > 299) && !slices.Contains(k.accept, answer.StatusCode) {
		return nil, errorOf(answer)
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	address, err := c.address(k.path, k.query)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if k.body != nil {
		if body, err = k.body(); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, k.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	maps.Copy(req.Header, k.header)
	if k.size > 0 {
		req.ContentLength = k.size
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	req.Header.Set("User-Agent", c.UserAgent)
	if c.UserAgent == "" {
		req.Header.Set("User-Agent", "mivaa-client")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	return req, nil
}

// address is where a path of the API is. What is wrong with the URL is said
// without the user and password that it might hold.
func (c *Client) address(path string, query url.Values) (string, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.RawQuery != "" || base.Fragment != "" {
		return "", errors.New("client: URL must be that of the service, such as http://127.0.0.1:8000")
	}
	base.Path = strings.TrimSuffix(base.Path, "/") + path
	base.RawQuery = query.Encode()
	return base.String(), nil
}

// part makes one part of a path of a text: what no id and no name of the
// service holds becomes "_", which names nothing there.
func part(text string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.':
			return r
		}
		return '_'
	}, text)
	if strings.Trim(kept, ".") == "" {
		return "_"
	}
	return kept
}
