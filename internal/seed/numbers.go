package seed

import (
	"fmt"
	"math/big"
	"strings"
)

// taxNumber completes nine digits to a VKN.
func taxNumber(nine string) string {
	sum := 0
	for i, c := range nine {
		t := (int(c-'0') + 9 - i) % 10
		p := t << (9 - i) % 9
		if t != 0 && p == 0 {
			p = 9
		}
		sum += p
	}
	return nine + string(rune('0'+(10-sum%10)%10))
}

// nationalID completes nine digits to a TCKN.
func nationalID(nine string) string {
	odd, even := 0, 0
	for i, c := range nine {
		if i%2 == 0 {
			odd += int(c - '0')
		} else {
			even += int(c - '0')
		}
	}
	tenth := ((odd*7-even)%10 + 10) % 10
	return fmt.Sprintf("%s%d%d", nine, tenth, (odd+even+tenth)%10)
}

// iban puts a Turkish IBAN around bank code and account. The check digits make the
// rearranged number leave 1 when divided by 97.
func iban(bank string, account int) string {
	bban := fmt.Sprintf("%s0%016d", bank, account)
	// The country moves to the end as digits, A = 10: TR is 2927.
	n, _ := new(big.Int).SetString(strings.Join([]string{bban, "2927", "00"}, ""), 10)
	rest := new(big.Int).Mod(n, big.NewInt(97)).Int64()
	return fmt.Sprintf("TR%02d%s", 98-rest, bban)
}
