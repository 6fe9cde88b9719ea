package quality

import (
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A page has no true text to compare with, so three readers are compared with
// each other: what two of them agree on, the third is measured by. None of them
// is the judge, and each is judged in the same way.

// tool is one of the readers that are compared.
type tool int

const (
	ours tool = iota
	pdftotext
	mutool
	toolCount
)

// tally is what was counted of one tool on some pages.
type tally struct {
	words  int // that both others found
	found  int // of them, by this one
	shared [toolCount]int
	order  [toolCount]int // of the shared words, how many stand in the other's order
	glued  int            // words that both others part
	split  int            // words that both others have whole
}

func (t *tally) add(o tally) {
	t.words += o.words
	t.found += o.found
	t.glued += o.glued
	t.split += o.split
	for i := range t.shared {
		t.shared[i] += o.shared[i]
		t.order[i] += o.order[i]
	}
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

// foundShare is the share of the words that both others found.
func (t tally) foundShare() float64 { return share(t.found, t.words) }

// orderShare is the share of words in the order of the nearer of the others.
func (t tally) orderShare() float64 {
	best := 0.0
	for i := range t.shared {
		if t.shared[i] > 0 {
			best = max(best, share(t.order[i], t.shared[i]))
		}
	}
	if best == 0 {
		return 1 // nothing in common: found says so
	}
	return best
}

// loss is the share of a tool's words with which something is wrong.
func (t tally) loss() float64 {
	return 2 - t.foundShare() - t.orderShare() + share(t.glued+t.split, max(t.words, 1))
}

// maxWords bounds the words of a page that are compared.
const maxWords = 20_000

// comparePage compares what the tools read on one page.
func comparePage(texts [toolCount]string) [toolCount]tally {
	ids := map[string]int{}
	var words [toolCount][]string
	var seqs [toolCount][]int
	for t, text := range texts {
		words[t] = wordsOf(text)
		words[t] = words[t][:min(len(words[t]), maxWords)]
		seqs[t] = make([]int, len(words[t]))
		for i, w := range words[t] {
			id, ok := ids[w]
			if !ok {
				id = len(ids)
				ids[w] = id
			}
			seqs[t][i] = id
		}
	}
	var counts [toolCount][]int
	var joins [toolCount]map[string]bool
	for t, seq := range seqs {
		counts[t] = make([]int, len(ids))
		for _, id := range seq {
			counts[t][id]++
		}
		joins[t] = joined(words[t])
	}
	var out [toolCount]tally
	for t := range toolCount {
		u, v := (t+1)%toolCount, (t+2)%toolCount
		out[t] = compareTool(t, u, v, &counts, ids, &joins)
		for _, o := range []tool{u, v} {
			for id, n := range counts[t] {
				out[t].shared[o] += min(n, counts[o][id])
			}
			out[t].order[o] = longestCommon(seqs[t], seqs[o], len(ids))
		}
	}
	return out
}

// compareTool counts what t has of what u and v agree on.
func compareTool(t, u, v tool, counts *[toolCount][]int, ids map[string]int, joins *[toolCount]map[string]bool) tally {
	var out tally
	for word, id := range ids {
		nt, nu, nv := counts[t][id], counts[u][id], counts[v][id]
		both := min(nu, nv)
		out.words += both
		out.found += min(nt, both)
		switch {
		case nt > 0 && nu == 0 && nv == 0 && joins[u][word] && joins[v][word]:
			out.glued += nt
		case nt == 0 && both > 0 && joins[t][word]:
			out.split += both
		}
	}
	return out
}

// maxParts is how many words in a row are tried as parts of one: a heading may
// be set with a space behind each letter.
const maxParts = 12

// joined returns what words in a row would be without the space between.
func joined(words []string) map[string]bool {
	out := make(map[string]bool, 4*len(words))
	for i := range words {
		end := min(len(words), i+maxParts)
		joint := words[i]
		for j := i + 1; j < end && len(joint) < 60; j++ {
			joint += words[j]
			out[joint] = true
		}
	}
	return out
}

// longestCommon returns the length of the longest common subsequence of two
// sequences of numbers below n (Hyyrö's bit-parallel form of it).
func longestCommon(a, b []int, n int) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	size := (len(a) + 63) / 64
	at := make([][]uint64, n)
	for i, id := range a {
		if at[id] == nil {
			at[id] = make([]uint64, size)
		}
		at[id][i/64] |= 1 << (i % 64)
	}
	v := make([]uint64, size)
	for i := range v {
		v[i] = ^uint64(0)
	}
	for _, id := range b {
		m := at[id]
		if m == nil {
			continue
		}
		carry := uint64(0)
		for i := range v {
			u := v[i] & m[i]
			sum, c := bits.Add64(v[i], u, carry)
			v[i], carry = sum|(v[i]&^m[i]), c
		}
	}
	length := 0
	for i, x := range v {
		if last := len(a) - 64*i; last < 64 {
			x |= ^uint64(0) << last
		}
		length += bits.OnesCount64(^x)
	}
	return length
}

// wordsOf returns the words of a text in their order, as they can be compared:
// broken words joined, ligatures spelt out, without what stands around a word
// and without marks that are not seen. Letters of scripts that do not part words
// are words of their own.
func wordsOf(text string) []string {
	text = plain.Replace(text)
	var out []string
	var word strings.Builder
	flush := func() {
		w := strings.TrimFunc(word.String(), func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N, unicode.M) })
		if w != "" {
			out = append(out, w)
		}
		word.Reset()
	}
	for i, r := range text {
		switch {
		case unicode.IsSpace(r) || r == utf8.RuneError:
			if r == '\n' && breaks(word.String(), text[i+1:]) {
				joint := strings.TrimRight(word.String(), "-\u2010")
				word.Reset()
				word.WriteString(joint)
				continue
			}
			flush()
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			flush()
			word.WriteRune(r)
			flush()
		case unicode.In(r, unicode.Cf, unicode.Cc, unicode.Co):
		default:
			word.WriteRune(r)
		}
	}
	flush()
	return out
}

// breaks reports whether a word ends in a hyphen and goes on in the next line.
func breaks(word, next string) bool {
	if !strings.HasSuffix(word, "-") && !strings.HasSuffix(word, "\u2010") {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(strings.TrimRight(word, "-\u2010"))
	first, _ := utf8.DecodeRuneInString(next)
	return unicode.IsLetter(before) && unicode.IsLower(first)
}

var plain = strings.NewReplacer("\u00AD\n", "-\n", "\u00AD", "", "\uFB00", "ff", "\uFB01", "fi", "\uFB02", "fl",
	"\uFB03", "ffi", "\uFB04", "ffl", "\uFB05", "st", "\uFB06", "st", "\u2019", "'", "\u2018", "'")
