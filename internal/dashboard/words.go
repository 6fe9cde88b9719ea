package dashboard

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// functions are what templates call.
func (s *site) functions() template.FuncMap {
	return template.FuncMap{
		"asset":     s.assets.address,
		"dict":      dict,
		"icon":      icon,
		"title":     capital,
		"num":       thousands,
		"bytes":     byteSize,
		"when":      func(t time.Time) moment { return s.moment(t) },
		"whenp":     func(t *time.Time) moment { return s.momentOf(t) },
		"took":      took,
		"seconds":   func(f float64) string { return took(time.Duration(f * float64(time.Second))) },
		"short":     short,
		"str":       str,
		"nextTheme": nextTheme,
		"plural":    plural,
		"chip":      func(status, cause string) chip { return chipOf(jobs.Status(status), jobs.Cause(cause)) },
	}
}

// dict hands a template several values by name.
func dict(pairs ...any) (map[string]any, error) {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// moment is a time as pages show it: from now in words, and in full.
type moment struct{ Machine, Full, Ago string }

func (s *site) moment(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	t = t.UTC()
	return moment{Machine: t.Format(time.RFC3339Nano), Full: t.Format("2006-01-02 15:04:05 UTC"), Ago: ago(s.now().Sub(t))}
}

func (s *site) momentOf(t *time.Time) moment {
	if t == nil {
		return moment{}
	}
	return s.moment(*t)
}

// ago says in words how long ago something was, or is to be.
func ago(d time.Duration) string {
	past := d >= 0
	d = d.Abs()
	var s string
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		s = strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		s = strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		s = strconv.Itoa(int(d.Hours())) + " h"
	default:
		s = strconv.Itoa(int(d.Hours()/24)) + " days"
	}
	if past {
		return s + " ago"
	}
	return "in " + s
}

// took says in words how long something took, the way people say it: the more
// time, the less exactly.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Second:
		return strconv.FormatFloat(math.Round(d.Seconds()*10)/10, 'f', -1, 64) + " s"
	case d < time.Minute:
		return strconv.Itoa(int(math.Round(d.Seconds()))) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days %d h", int(d.Hours())/24, int(d.Hours())%24)
}

// thousands writes a whole number so that people can read it: 31,882.
func thousands(n any) string {
	s := fmt.Sprint(n)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func byteSize(n int64) string {
	const unit = 1024
	if n < unit {
		return strconv.FormatInt(n, 10) + " bytes"
	}
	f, names := float64(n)/unit, []string{"KiB", "MiB", "GiB", "TiB"}
	i := 0
	for f >= unit && i < len(names)-1 {
		f, i = f/unit, i+1
	}
	return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) + " " + names[i]
}

// plural writes a number with its noun: 1 job, 2 jobs.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

func capital(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

// short is the part of an id by which people tell things apart: of a UUID of
// version 7 its end, for its beginning is the time, of an instance its beginning.
func short(id string) string {
	switch {
	case len(id) == 36:
		return id[len(id)-8:]
	case len(id) > 8:
		return id[:6]
	}
	return id
}

func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// chip is a status as pages show it: a sign, a word and a colour, so that none
// of them is needed to tell one from another.
type chip struct{ Class, Word string }

func chipOf(s jobs.Status, c jobs.Cause) chip {
	if s == jobs.Interrupted && c == jobs.CauseCancelled {
		return chip{"cancelled", "Cancelled"}
	}
	return chip{string(s), capital(string(s))}
}
