package turkish_test

import (
	"testing"

	"aliaport/internal/turkish"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"capital dotted i":                 {"İSTANBUL", "istanbul"},
		"capital dotless i":                {"ISTANBUL", "istanbul"},
		"small dotless i":                  {"ısparta", "isparta"},
		"all six Turkish letters":          {"ÇĞİÖŞÜ çğıöşü", "cgiosu cgiosu"},
		"decomposed letters fold the same": {"S\u0327ahin I\u0307zmir", "sahin izmir"},
		"spaces are joined and trimmed":    {"  Kuzey \t  Rıhtım ", "kuzey rihtim"},
		"digits and signs stay":            {"WO-2026-00042", "wo-2026-00042"},
		"circumflex goes":                  {"Kâmil", "kamil"},
		"empty stays empty":                {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := turkish.Fold(c.in); got != c.want {
				t.Errorf("Fold(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"İSTANBUL", "ısparta", "a\u0307b", "\xff", "ﬁ", "Å"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := turkish.Fold(s)
		if twice := turkish.Fold(once); twice != once {
			t.Errorf("Fold is not stable: %q → %q → %q", s, once, twice)
		}
	})
}
