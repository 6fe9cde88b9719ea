package extract

import "testing"

func TestJoinHyphens(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\ntext\n":                "plain\ntext\n",
		"a bro-\nken word\nhere\n":     "a broken\nword\nhere\n",
		"a bro-\nken\nword\n":          "a broken\nword\n",
		"a ve-\nry-\nlong word\n":      "a verylong\nword\n",
		"soft\u00ad\nHyphen goes\n":    "softHyphen\ngoes\n",
		"Anglo-\nSaxon\n":              "Anglo-\nSaxon\n",
		"1990-\nand on\n":              "1990-\nand on\n",
		"ends with-":                   "ends with-",
		"ends with-\n":                 "ends with-\n",
		"Silbentren\u2010\nnung ist\n": "Silbentrennung\nist\n",
	} {
		if got := joinHyphens(in); got != want {
			t.Errorf("joinHyphens(%q) = %q, want %q", in, got, want)
		}
	}
}
