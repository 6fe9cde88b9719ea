package extract

import (
	"sync"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer/codec"
)

// measure says how long text is.
type measure interface {
	// length returns how long a text is.
	length(text string) int
	// forward returns the offset n behind the beginning of s, at most its end;
	// backward the offset n before the end of s, at least its beginning.
	forward(text string, s span, n int) int
	backward(text string, s span, n int) int
}

// characters measures in Unicode code points.
type characters struct{}

func (characters) length(text string) int { return utf8.RuneCountInString(text) }

func (characters) forward(text string, s span, n int) int {
	at := s.start
	for ; n > 0 && at < s.end; n-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return min(at, s.end)
}

func (characters) backward(text string, s span, n int) int {
	at := s.end
	for ; n > 0 && at > s.start; n-- {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	return max(at, s.start)
}

// tokens measures in tokens of cl100k_base, the vocabulary of OpenAI's
// embedding models. Those of other models give about as many.
type tokens struct{}

// cl100k is the tokenizer: some tens of milliseconds and 10 MB from the first
// time that it is used. Got in this way it is the only vocabulary that is linked.
var cl100k = sync.OnceValue(codec.NewCl100kBase)

// longToken is more bytes than most tokens have.
const longToken = 6

// encoded returns the tokens of a text. Long runs without a space are cut, each
// by itself: the tokenizer takes the square of their length.
func encoded(text string) []string {
	const most = 2000 // bytes
	var out []string
	for len(text) > 0 {
		n := len(text)
		if n > most+1 {
			n = most
			n = betweenWords(text, n)
		}
		_, parts, err := cl100k().Encode(text[:n])
		if err != nil {
			panic(err) // of a pattern that takes too long; it has no limit
		}
		out = append(out, parts...)
		text = text[n:]
	}
	return out
}

// betweenWords returns the last place before most where a tokenizer parts words
// as well: before a single space.
func betweenWords(text string, most int) int {
	for i := most; i > most/2; i-- {
		if text[i] == ' ' && isWord(text[i-1]) && isWord(text[i+1]) {
			return i
		}
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return most
}

func isWord(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func (tokens) length(text string) int { return len(encoded(text)) }

func (tokens) forward(text string, s span, n int) int {
	for window := n*longToken + longToken; ; window *= 2 {
		to := s.end
		if window < s.end-s.start {
			to = s.start + window
			for !utf8.RuneStart(text[to]) {
				to--
			}
		}
		parts := encoded(text[s.start:to])
		if len(parts) <= n && to < s.end {
			continue
		}
		at := s.start
		for _, p := range parts[:min(n, len(parts))] {
			at += len(p)
		}
		for at < s.end && !utf8.RuneStart(text[at]) { // a token may be a part of a character
			at--
		}
		if at <= s.start && n > 0 { // one character of several tokens
			_, size := utf8.DecodeRuneInString(text[s.start:])
			at = s.start + size
		}
		return min(at, s.end)
	}
}

func (tokens) backward(text string, s span, n int) int {
	from := s.start
	if window := n*longToken + longToken; window < s.end-s.start {
		from = s.end - window
		for !utf8.RuneStart(text[from]) {
			from++
		}
	}
	parts := encoded(text[from:s.end])
	at := s.end
	for i := len(parts) - 1; i >= 0 && n > 0; i-- {
		at -= len(parts[i])
		n--
	}
	for at < s.end && !utf8.RuneStart(text[at]) {
		at++
	}
	return max(at, s.start)
}

// measureOf is what a unit is measured by.
func measureOf(u Unit) measure {
	if u == Tokens {
		return tokens{}
	}
	return characters{}
}
