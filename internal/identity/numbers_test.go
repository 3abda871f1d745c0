package identity_test

import (
	"strings"
	"testing"

	"aliaport/internal/identity"
)

func TestTaxNumbers(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"1234567890": true, "1111111114": true, "9876543217": true, "0000000001": true,
		"1234567891": false, "1111111111": false, "123456789": false, "12345678901": false, "12345６7890": false, "123456789a": false, "": false,
	} {
		if got := identity.IsTaxNumber(s); got != want {
			t.Errorf("IsTaxNumber(%q) = %t", s, got)
		}
	}
}

func TestNationalIDs(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"10000000146": true, "12345678950": true, "98765432150": true, "11111111110": true,
		"12345678901": false, "00000000000": false, "01234567890": false, "1000000014": false, "1000000014x": false, "": false,
	} {
		if got := identity.IsNationalID(s); got != want {
			t.Errorf("IsNationalID(%q) = %t", s, got)
		}
	}
}

func TestIBANs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in, want string
		ok       bool
	}{
		"a good one":                      {"TR330006100519786457841326", "TR330006100519786457841326", true},
		"spaces and small letters":        {"tr33 0006 1005 1978 6457 8413 26", "TR330006100519786457841326", true},
		"one digit changed":               {"TR330006100519786457841327", "", false},
		"two digits swapped":              {"TR330006100519786457841362", "", false},
		"a Turkish one that is too short": {"TR33000610051978645784132", "", false},
		"a Turkish one with a letter":     {"TR33000610051978645784132A", "", false},
		"a German one":                    {"DE89370400440532013000", "DE89370400440532013000", true},
		"one with letters in the account": {"GB82WEST12345698765432", "GB82WEST12345698765432", true},
		"a dotted capital i is no letter": {"İT60X0542811101000000123456", "", false},
		"nothing":                         {"", "", false},
		"longer than any":                 {"DE" + strings.Repeat("1", 40), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := identity.IBAN(c.in)
			if ok != c.ok || ok && got != c.want {
				t.Errorf("IBAN(%q) = %q, %t", c.in, got, ok)
			}
		})
	}
}

func TestPhones(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0532 123 45 67": "+905321234567", "5321234567": "+905321234567", "+90 (532) 123-45-67": "+905321234567", "0232.123.45.67": "+902321234567",
		"+49 30 1234567": "+49301234567", "+1 212 555 0100": "+12125550100",
		"12345": "", "+90123": "", "0132 123 45 67": "", "05321234567x": "", "++905321234567": "", "": "", "+90 532 123 45 678": "",
	} {
		got, ok := identity.Phone(in)
		if ok != (want != "") || ok && got != want {
			t.Errorf("Phone(%q) = %q, %t", in, got, ok)
		}
	}
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"1234567890", "10000000146", "TR330006100519786457841326", "+905321234567", "ıİ", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		identity.IsTaxNumber(s)
		identity.IsNationalID(s)
		if n, ok := identity.IBAN(s); ok {
			if again, still := identity.IBAN(n); !still || again != n {
				t.Errorf("IBAN(%q) = %q is none", s, n)
			}
		}
		if n, ok := identity.Phone(s); ok {
			if again, still := identity.Phone(n); !still || again != n {
				t.Errorf("Phone(%q) = %q is none", s, n)
			}
		}
	})
}

func TestOneWrongDigitIsNoticed(t *testing.T) {
	t.Parallel()
	for number, check := range map[string]func(string) bool{"1234567890": identity.IsTaxNumber, "10000000146": identity.IsNationalID} {
		for i := range number {
			for d := byte('0'); d <= '9'; d++ {
				changed := number[:i] + string(d) + number[i+1:]
				// The VKN maps the digits t and t+9 of a place to one sum in a few cases; the TCKN notices all.
				if changed != number && check(changed) && len(number) == 11 {
					t.Errorf("%s passes for %s", changed, number)
				}
			}
		}
	}
}

func TestPassports(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"u 1234 5678": "U12345678", "AB12CD": "AB12CD", "123456789012345": "123456789012345",
		"AB12C": "", "1234567890123456": "", "AB-12CD": "", "Ç123456": "", "": "",
	} {
		got, ok := identity.Passport(in)
		if ok != (want != "") || ok && got != want {
			t.Errorf("Passport(%q) = %q, %t", in, got, ok)
		}
	}
}

func TestNationalities(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"TUR": true, "DEU": true, "GRC": true, "GBR": true, "UKR": true, "PHL": true, "SYR": true, "CYP": true, "SSD": true, "MMR": true, "XKX": true, "ZWE": true, "ABW": true,
		"TR": false, "tur": false, "XXX": false, "ABC": false, "792": false, "SUN": false, "YUG": false, "BUR": false, "": false, "TÜR": false, "WA ": false, "BWA": true, "WAF": false, "FG ": false,
	} {
		if got := identity.IsNationality(s); got != want {
			t.Errorf("IsNationality(%q) = %t", s, got)
		}
	}
}

func TestMaskedKeepsTheLastTwo(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"10000000146": "*********46", "U12345678": "*******78", "12": "***", "": "***"} {
		if got := identity.Masked(in); got != want {
			t.Errorf("Masked(%q) = %q", in, got)
		}
	}
}
