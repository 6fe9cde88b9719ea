package browser

import (
	"fmt"
	"strings"
	"testing"
)

// violation is what axe-core found.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Target  []any  `json:"target"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

func (v violation) String() string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, n := range v.Nodes[:min(len(v.Nodes), 5)] {
		fmt.Fprintf(&sb, "\n  %v %s\n    %s", n.Target, n.HTML, strings.ReplaceAll(n.Summary, "\n", " "))
	}
	return sb.String()
}

// judge lets axe-core look at the page as it stands.
func judge(b *tab) []violation {
	b.t.Helper()
	if !ask[bool](b, "!!window.axe") {
		ask[bool](b, axe+"\ntrue")
	}
	return ask[[]violation](b, `axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) => r.violations)`)
}

// No page of the service, in no colours and on no screen, has a fault that
// axe-core finds, is wider than its screen, or does what its policy forbids.
func TestAccessible(t *testing.T) {
	w := furnish(t)
	for _, l := range []look{light, dark, phone} {
		t.Run(l.name, func(t *testing.T) {
			b := open(t, l)
			for _, p := range w.pages() {
				b.visit(w.url(p.path))
				b.settle()
				for _, v := range judge(b) {
					t.Errorf("%s: %v", p.path, v)
				}
				if wide := ask[int](b, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
					t.Errorf("%s is %d pixels wider than the screen", p.path, wide)
				}
			}
			b.check(w.service)
		})
	}
}
