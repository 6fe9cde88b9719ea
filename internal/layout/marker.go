package layout

import (
	"strings"
	"unicode/utf8"
)

// bullets are runes that begin a list item when a space follows. The private
// ones are what the Symbol and Wingdings fonts print as bullets; a glyph that nothing
// is known of is one where it stands alone.
const bullets = "•◦▪▫‣⁃∙●○■□◆◇►▶➢➤✓✔❖–—-*·o\uF0B7\uF0A7\uF0D8\uF0FC\uF076\uF0A8\uFFFD"

// listMarker returns the marker that a line begins with and the length of it
// and the space that follows, or "" and 0.
func listMarker(line string) (string, int) {
	r, n := utf8.DecodeRuneInString(line)
	if strings.ContainsRune(bullets, r) {
		if n < len(line) && line[n] == ' ' {
			return line[:n], n + 1
		}
		// A bullet that is set close is one still; a dash or a star is not.
		if n < len(line) && !strings.ContainsRune("–—-*·o\uFFFD", r) {
			return line[:n], n
		}
		return "", 0
	}
	n = ordinal(line)
	if n == 0 || n+1 >= len(line) || line[n] != ' ' {
		return "", 0
	}
	return line[:n], n + 1
}

// ordinal returns the length of a number or letter that counts items: "3.",
// "3)", "(3)", "b)", "(iv)". It is 0 for anything else. Capital letters with a
// full stop are initials and numbers of more than three digits are years.
func ordinal(s string) int {
	i := 0
	open := strings.HasPrefix(s, "(")
	if open {
		i++
	}
	start := i
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	switch {
	case i > start && i-start <= 3:
	case i > start:
		return 0
	default:
		for i < len(s) && i-start < 5 && strings.IndexByte("ivxIVX", s[i]) >= 0 {
			i++
		}
		if i == start || i < len(s) && s[i] != ')' && s[i] != '.' {
			if i = start; i >= len(s) || (s[i]|0x20) < 'a' || (s[i]|0x20) > 'z' {
				return 0
			}
			i++
		}
	}
	if i >= len(s) {
		return 0
	}
	capital := s[start] >= 'A' && s[start] <= 'Z'
	if s[i] == ')' || s[i] == '.' && !open && !capital {
		return i + 1
	}
	return 0
}
