package extract

import (
	"strings"
	"testing"
)

func TestLanguage(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		"en": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience\nand should act towards one another in a spirit of brotherhood.",
		"de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
		"fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
		"es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y conciencia, deben comportarse fraternalmente los unos con los otros.",
		"ru": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.",
		"ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
		"zh": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
		"ar": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء.",
		"he": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחוה.",
		"":   "Total 1,234.00 EUR\n12.3 45.6 78.9\n",
	} {
		if got := languageOf(text); got != want {
			t.Errorf("%.30q is %q, want %q", text, got, want)
		}
	}
	// Words of another script do not hide the one that is written in.
	if got := languageOf("dpkg -l パッケージの一覧を表示する\napt-get install package パッケージをインストールする\nls /usr/share/doc 文書の一覧"); got != "ja" {
		t.Errorf("commands explained in Japanese are %q", got)
	}
	if got := languageOf(strings.Repeat("0123456789 ", 1000)); got != "" {
		t.Errorf("numbers are %q", got)
	}
}

func BenchmarkLanguage(b *testing.B) {
	text := strings.Repeat("All human beings are born free and equal in dignity and rights. ", 50)
	for b.Loop() {
		languageOf(text)
	}
}
