// Package identity knows the numbers by which persons, companies, their accounts and
// telephones are known.
package identity

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

// passportForm is what the number of a passport looks like.
var passportForm = regexp.MustCompile(`^[A-Z0-9]{6,15}$`)

// Passport writes the number of a passport without spaces in upper case and tells
// whether it can be one.
func Passport(s string) (string, bool) {
	s = asciiUpper(strings.ReplaceAll(s, " ", ""))
	return s, passportForm.MatchString(s)
}

// Turkish is the nationality whose people have a TCKN.
const Turkish = "TUR"

// countries are the 249 of ISO 3166-1 by their three letters, and Kosovo, whose
// passports say XKX or RKS.
const countries = `ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR
BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL
COM CPV CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK
FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV
HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO
LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG
MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN
PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE
SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO
TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE XKX RKS`

// IsNationality tells whether s is a country by its three letters.
func IsNationality(s string) bool {
	const letters = 3
	return len(s) == letters && !strings.ContainsAny(s, " \n") && strings.Contains(countries, s)
}

// Masked leaves the last two characters of a number that is nobody else's business.
func Masked(s string) string {
	const last = 2
	if len(s) <= last {
		return "***"
	}
	return strings.Repeat("*", len(s)-last) + s[len(s)-last:]
}
