package plate_test

import (
	"strings"
	"testing"

	"aliaport/internal/plate"
)

func TestPlates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typed, norm string
		foreign, ok bool
	}{
		"small letters and spaces":                {"35 abc 12", "35ABC12", false, true},
		"two letters and three digits":            {"35 AB 123", "35AB123", false, true},
		"one letter and four digits":              {"06 A 1234", "06A1234", false, true},
		"one letter and five digits":              {"34A12345", "34A12345", false, true},
		"two letters and four digits":             {"34-AB-1234", "34AB1234", false, true},
		"three letters and three digits":          {"81ZZZ999", "81ZZZ999", false, true},
		"a dotted i of a Turkish keyboard":        {"34 İi 123", "34II123", false, true},
		"a dotless i of a Turkish keyboard":       {"34 ıI 123", "34II123", false, true},
		"dashes and spaces of a word processor":   {"35–ABC\u00a0—\u200912", "35ABC12", false, true},
		"province 82 is foreign":                  {"82ABC12", "82ABC12", true, true},
		"province 00 is foreign":                  {"00ABC12", "00ABC12", true, true},
		"a foreign plate":                         {"B-XY 1234", "BXY1234", true, true},
		"Q, W and X are foreign":                  {"34 WX 123", "34WX123", true, true},
		"one letter and three digits are foreign": {"34 A 123", "34A123", true, true},
		"two letters and five digits are foreign": {"34 AB 12345", "34AB12345", true, true},
		"three letters and one digit are foreign": {"34 ABC 1", "34ABC1", true, true},
		"a Turkish letter is none":                {"34 ŞA 123", "34ŞA123", true, false},
		"one character is none":                   {"3", "3", true, false},
		"two characters are foreign":              {"a1", "A1", true, true},
		"twenty characters are the longest":       {strings.Repeat("A", 20), strings.Repeat("A", 20), true, true},
		"twenty-one are none":                     {strings.Repeat("A", 21), strings.Repeat("A", 21), true, false},
		"signs are none":                          {"34*ABC", "34*ABC", true, false},
		"full-width digits are none":              {"３４ABC12", "３４ABC12", true, false},
		"spaces alone are none":                   {"  - ", "", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, ok := plate.Parse(c.typed)
			if ok != c.ok || p.Norm != c.norm || p.IsForeign != c.foreign {
				t.Errorf("Parse(%q) = %+v, %t", c.typed, p, ok)
			}
		})
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{"35 a": "35A", "3": "3", "": "", "%": "", strings.Repeat("A", 21): ""} {
		if got, ok := plate.Prefix(typed); ok != (want != "") || ok && got != want {
			t.Errorf("Prefix(%q) = %q, %t", typed, got, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"35 abc 12", "B-XY 1234", "34 İi 123", "", "82ABC12", "\xff", "34–A–1234"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		p, ok := plate.Parse(typed)
		again, okAgain := plate.Parse(p.Norm)
		if again != p || okAgain != ok {
			t.Errorf("Parse(%q) = %+v, %t; again %+v, %t", typed, p, ok, again, okAgain)
		}
		if !ok {
			return
		}
		if n := len(p.Norm); n < 2 || n > 20 || strings.Trim(p.Norm, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			t.Errorf("Parse(%q) gives %q", typed, p.Norm)
		}
		if spaced, ok := plate.Parse(" " + strings.Join(strings.Split(strings.ToLower(p.Norm), ""), "-") + "\t"); !ok || spaced != p {
			t.Errorf("%q with dashes is %+v, not %+v", p.Norm, spaced, p)
		}
		if beginning, ok := plate.Prefix(typed); !ok || beginning != p.Norm {
			t.Errorf("Prefix(%q) = %q, not %q", typed, beginning, p.Norm)
		}
	})
}
