package cari

import (
	"regexp"
	"strings"
)

// digits returns the values of a text of n digits, nil for anything else.
func digits(s string, n int) []int {
	if len(s) != n {
		return nil
	}
	ds := make([]int, n)
	for i := range n {
		if s[i] < '0' || s[i] > '9' {
			return nil
		}
		ds[i] = int(s[i] - '0')
	}
	return ds
}

// IsTaxNumber tells whether s is a VKN: ten digits, the last of which checks the
// others. It stays text, for it may begin with 0.
func IsTaxNumber(s string) bool {
	d := digits(s, 10)
	if d == nil {
		return false
	}
	sum := 0
	for i := range 9 {
		t := (d[i] + 9 - i) % 10
		p := t << (9 - i) % 9
		if t != 0 && p == 0 {
			p = 9
		}
		sum += p
	}
	return (10-sum%10)%10 == d[9]
}

// IsNationalID tells whether s is a TCKN: eleven digits, not beginning with 0, the
// last two of which check the others.
func IsNationalID(s string) bool {
	d := digits(s, 11)
	if d == nil || d[0] == 0 {
		return false
	}
	odd, even := d[0]+d[2]+d[4]+d[6]+d[8], d[1]+d[3]+d[5]+d[7]
	tenth := ((odd*7-even)%10 + 10) % 10
	return d[9] == tenth && d[10] == (odd+even+tenth)%10
}

// ibanForm is what an IBAN looks like: country, check digits, account.
var ibanForm = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`)

// IBAN writes an IBAN without spaces in upper case and tells whether it is one: a
// Turkish one has 26 characters, all of them digits after TR, and the rearranged
// number leaves 1 when divided by 97.
func IBAN(s string) (string, bool) {
	s = asciiUpper(strings.ReplaceAll(s, " ", ""))
	if !ibanForm.MatchString(s) || strings.HasPrefix(s, "TR") && digits(s[2:], 24) == nil {
		return s, false
	}
	rest := 0
	for _, c := range s[4:] + s[:4] {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return s, rest == 1
}

// asciiUpper knows nothing of Turkish: the i of an IBAN is no İ.
func asciiUpper(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// Forms of a telephone number without its spaces and signs.
var (
	international = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
	domestic      = regexp.MustCompile(`^0?([2-5][0-9]{9})$`)
	phoneSigns    = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "")
)

// Phone writes a telephone number as E.164 (+905321234567). Numbers without a
// country are Turkish ones.
func Phone(s string) (string, bool) {
	s = phoneSigns.Replace(s)
	if m := domestic.FindStringSubmatch(s); m != nil {
		return "+90" + m[1], true
	}
	if strings.HasPrefix(s, "+90") && !domestic.MatchString(s[3:]) {
		return s, false
	}
	return s, international.MatchString(s)
}
