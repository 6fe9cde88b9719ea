package layout

import (
	"strings"
	"unicode"
)

// mathFonts are parts of the names of fonts that set formulas.
var mathFonts = [...]string{"cmmi", "cmsy", "cmex", "msam", "msbm", "math", "stix", "mtmi", "mtsy", "euex", "eufm", "rsfs", "lmsy", "lmmi"}

func isMathFont(name string) bool {
	name = strings.ToLower(name)
	for _, s := range mathFonts {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}

// isFormula reports whether the part is a displayed formula: signs and letters
// of mathematics, and hardly a word.
func (prof *Profile) isFormula(p *Page, s *part) bool {
	if s.list || s.last-s.first > 8 {
		return false
	}
	all, math, words := 0, 0, 0
	for i := s.first; i <= s.last; i++ {
		for _, r := range p.Lines[i].Runs {
			text := p.Text[r.Start:r.End]
			known := isMathFont(p.Fonts[r.Font].Name)
			letters := 0
			for _, c := range text {
				if c == ' ' {
					continue
				}
				all++
				if known || unicode.Is(unicode.Sm, c) {
					math++
				}
				if letters++; !unicode.IsLetter(c) || known {
					letters = 0
				}
				if letters == 4 { // longer than the name of a function, as a rule
					words++
				}
			}
		}
	}
	return math >= 2 && 3*math >= all && words <= 1
}
