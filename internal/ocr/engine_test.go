package ocr

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestIntroduction(t *testing.T) {
	t.Parallel()
	e := newFake(t, fakeGood, Config{})
	if e.Version() != "5.9.9-rc1" || !slices.Equal(e.Installed(), []string{"deu", "eng", "script/Latin"}) || e.Languages() != "eng" {
		t.Errorf("version %q, languages %q, %q by itself", e.Version(), e.Installed(), e.Languages())
	}
	for how, want := range map[string]string{fakeOld: "3.05.02: 4 or newer", fakeStrange: "does not answer as Tesseract", fakeBare: "no languages"} {
		if _, err := New(t.Context(), Config{Path: fakePath(t, how), addressSpace: -1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("one that %s: %v", how, err)
		}
	}
	_, err := New(t.Context(), Config{Path: filepath.Join(t.TempDir(), "nothing")})
	if err == nil || errors.Is(err, ErrNotInstalled) {
		t.Errorf("a path where nothing is: %v", err)
	}
}

func TestNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := New(t.Context(), Config{}); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("error %v", err)
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	e := newFake(t, fakeGood, Config{Languages: "deu, eng+deu"})
	if e.Languages() != "deu+eng" {
		t.Errorf("languages %q", e.Languages())
	}
	if err := e.Check("eng+script/Latin"); err != nil {
		t.Error(err)
	}
	want := "Tesseract has no fra, ita: installed are deu, eng, script/Latin"
	for _, err := range []error{
		e.Check("fra+deu+ita"),
		func() error {
			_, err := New(t.Context(), Config{Path: fakePath(t, fakeGood), Languages: "fra+ita", addressSpace: -1})
			return err
		}(),
	} {
		if ours, ok := errors.AsType[*Error](err); !ok || ours.Code != CodeLanguages || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, bad := range []string{"--psm", "../eng", "eng/", "osd", "e", "eng;rm", "a+b+c", "/etc/passwd", "eng+" + strings.Repeat("x", 50),
		"aa+bb+cc+dd+ee+ff+gg+hh+ii+jj+kk"} {
		if names, err := ParseLanguages(bad); err == nil {
			t.Errorf("%q is read as %q", bad, names)
		}
	}
	if names, err := ParseLanguages(" "); err != nil || len(names) > 0 {
		t.Errorf("nothing is read as %q, %v", names, err)
	}
}
