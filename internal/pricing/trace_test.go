package pricing_test

import (
	"encoding/json"
	"strings"
	"testing"

	"aliaport/internal/apperr"
	"aliaport/internal/pricing"
)

func TestSentence(t *testing.T) {
	t.Parallel()
	listed := func(quantity string) pricing.Price {
		p, err := pricing.Resolve(everything(), date("2026-04-01"), ptr(quantity))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	dated, err := pricing.Resolve(everything(), date("2026-01-15"), nil)
	if err != nil {
		t.Fatal(err)
	}
	card := everything()
	card.Overrides, card.List = nil, nil
	onCard, err := pricing.Resolve(card, date("2026-03-02"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		request pricing.Request
		price   *pricing.Price
		tr, en  string
	}{
		"the card, in dollars, billed in lira": {
			asked(t, "20 USD", pricing.PerUnit, ``, "quantity 3", "TRY", "20", "USD 32.50"), &onCard,
			"02.03.2026 tarihinde TMP.006 hizmet kartına göre, birim fiyat × miktar: 20 × 3 = 60,00 USD; döviz satış kuruyla (1 USD = 32,5 TRY, 27.02.2026 bülteni) net 1.950,00 TRY, artı 390,00 TRY KDV (%20), toplam 2.340,00 TRY.",
			"By the card of the service TMP.006 on 2 March 2026, unit price × quantity: 20 × 3 = 60.00 USD; at the forex selling rate (1 USD = 32.5 TRY, bulletin of 27 February 2026) that is 1,950.00 TRY net, plus 390.00 TRY VAT (20%), 2,340.00 TRY in all.",
		},
		"a tier of a list": {
			asked(t, "1 TRY", pricing.PerUnit, ``, "quantity 5.5", "TRY", "20", ""), new(listed("5.5")),
			"01.04.2026 tarihinde T-2026 tarifesine (sürüm 3) göre, 1 ve üzeri, 6 altı miktarlar için, birim fiyat × miktar: 3.000 × 5,5 = 16.500,00 TRY, net 16.500,00 TRY, artı 3.300,00 TRY KDV (%20), toplam 19.800,00 TRY.",
			"By the price list T-2026 (version 3) on 1 April 2026, for quantities from 1 on and below 6, unit price × quantity: 3,000 × 5.5 = 16,500.00 TRY, 16,500.00 TRY net, plus 3,300.00 TRY VAT (20%), 19,800.00 TRY in all.",
		},
		"the last tier, without VAT": {
			asked(t, "1 TRY", pricing.PerUnit, ``, "quantity 15", "TRY", "20", ""), new(listed("15")),
			"01.04.2026 tarihinde T-2026 tarifesine (sürüm 3) göre, 11 ve üzeri miktarlar için, birim fiyat × miktar: 2.500 × 15 = 37.500,00 TRY, net 37.500,00 TRY, artı 0,00 TRY KDV (%0), toplam 37.500,00 TRY.",
			"By the price list T-2026 (version 3) on 1 April 2026, for quantities from 11 on, unit price × quantity: 2,500 × 15 = 37,500.00 TRY, 37,500.00 TRY net, plus 0.00 TRY VAT (0%), 37,500.00 TRY in all.",
		},
		"a dated price, by the rule of vehicles, rounded after it was converted": {
			asked(t, "15 USD", pricing.Vehicle4H, vehicle, "minutes 450", "TRY", "20", "USD 32.50"), &dated,
			"15.01.2026 tarihinde TMP.006 hizmetinin dönemlik fiyatına göre, fiyat + aşım × fiyat ÷ temel süre: 17 + 210 × 17 ÷ 240 = 31,875 USD; döviz satış kuruyla (1 USD = 32,5 TRY, 27.02.2026 bülteni) net 1.035,94 TRY (1.035,9375 yuvarlanarak), artı 207,19 TRY KDV (%20), toplam 1.243,13 TRY.",
			"By the dated price of the service TMP.006 on 15 January 2026, price + overrun × price ÷ base time: 17 + 210 × 17 ÷ 240 = 31.875 USD; at the forex selling rate (1 USD = 32.5 TRY, bulletin of 27 February 2026) that is 1,035.94 TRY net (rounded from 1,035.9375), plus 207.19 TRY VAT (20%), 1,243.13 TRY in all.",
		},
		"what does not end": {
			asked(t, "80 USD", pricing.PerBlock, forklift, "weightKg 5000, minutes 45", "USD", "20", ""), nil,
			"Elle girilen fiyata göre, fiyat × ağırlık bloğu × süre bloğu: 80 × (5 ÷ 3) × 2 ≈ 266,6667 USD, net 266,67 USD, artı 53,33 USD KDV (%20), toplam 320,00 USD.",
			"By the price entered by hand, price × blocks of weight × blocks of time: 80 × (5 ÷ 3) × 2 ≈ 266.6667 USD, 266.67 USD net, plus 53.33 USD VAT (20%), 320.00 USD in all.",
		},
		"two currencies, one of them by an older bulletin, and an exemption": {
			asked(t, "100 EUR", pricing.Fixed, ``, "", "USD", "20", "USD 34.50, EUR 37.80"), nil,
			"Elle girilen fiyata göre, sabit fiyat: 100,00 EUR; döviz satış kuruyla (1 EUR = 37,8 TRY, 27.02.2026 bülteni, bulunan en yenisi) ve döviz satış kuruyla (1 USD = 34,5 TRY, 27.02.2026 bülteni) net 109,57 USD (109,5652 yuvarlanarak), artı 0,00 USD KDV (%0, istisna 17/4-G), toplam 109,57 USD; döviz satış kuruyla (1 USD = 34,5 TRY, 27.02.2026 bülteni) net 3.780,17 TRY.",
			"By the price entered by hand, fixed price: 100.00 EUR; at the forex selling rate (1 EUR = 37.8 TRY, bulletin of 27 February 2026, the newest there was) and at the forex selling rate (1 USD = 34.5 TRY, bulletin of 27 February 2026) that is 109.57 USD net (rounded from 109.5652), plus 0.00 USD VAT (0%, exempt by 17/4-G), 109.57 USD in all; at the forex selling rate (1 USD = 34.5 TRY, bulletin of 27 February 2026) the net is 3,780.17 TRY.",
		},
		"a setting of the port, in dollars": {
			asked(t, "10 USD", pricing.PerUnit, ``, "quantity 1", "", "20", "USD 32.50"), new(pricing.Setting("DEFAULT_UNIT_PRICE", number("10"), "USD", number("20"), date("2026-03-02"))),
			"DEFAULT_UNIT_PRICE parametresine göre, birim fiyat × miktar: 10 × 1 = 10,00 USD, net 10,00 USD, artı 2,00 USD KDV (%20), toplam 12,00 USD; döviz satış kuruyla (1 USD = 32,5 TRY, 27.02.2026 bülteni) net 325,00 TRY.",
			"By the parameter DEFAULT_UNIT_PRICE, unit price × quantity: 10 × 1 = 10.00 USD, 10.00 USD net, plus 2.00 USD VAT (20%), 12.00 USD in all; at the forex selling rate (1 USD = 32.5 TRY, bulletin of 27 February 2026) the net is 325.00 TRY.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.price != nil {
				c.request.Price = *c.price
			}
			if strings.Contains(c.tr, "istisna") {
				c.request.Exemption = "17/4-G"
			}
			l, err := pricing.Quote(c.request)
			if err != nil {
				t.Fatal(err)
			}
			if got := l.Trace.Sentence(apperr.Turkish); got != c.tr {
				t.Errorf("Turkish: got  %s\nwant %s", got, c.tr)
			}
			if got := l.Trace.Sentence(apperr.English); got != c.en {
				t.Errorf("English: got  %s\nwant %s", got, c.en)
			}
		})
	}
}

// TestTheStoredFormDoesNotChange is the promise to traces that are in databases.
func TestTheStoredFormDoesNotChange(t *testing.T) {
	t.Parallel()
	p, err := pricing.Resolve(everything(), date("2026-04-01"), ptr("8"))
	if err != nil {
		t.Fatal(err)
	}
	p.Currency = "USD"
	r := asked(t, "1 USD", pricing.PerUnit, ``, "quantity 8", "TRY", "20", "USD 32.50, EUR 1")
	r.Price = p
	l, err := pricing.Quote(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(l.Trace, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "version": 1,
  "day": "2026-04-01",
  "source": {
    "kind": "PRICE_LIST",
    "serviceId": 1,
    "serviceCode": "TMP.006",
    "priceListId": 5,
    "priceListCode": "T-2026",
    "priceListVersion": 3,
    "priceListItemId": 52,
    "tierMin": "6",
    "tierNext": "11"
  },
  "price": {
    "amount": "2800",
    "currency": "USD"
  },
  "calculation": {
    "type": "PER_UNIT",
    "params": {},
    "steps": 1
  },
  "inputs": [
    {
      "name": "quantity",
      "value": "8"
    }
  ],
  "steps": [
    {
      "label": {
        "tr": "Birim fiyat × miktar",
        "en": "Unit price × quantity"
      },
      "expression": "2800 × 8",
      "value": "22400"
    },
    {
      "label": {
        "tr": "USD → TRY",
        "en": "USD → TRY"
      },
      "expression": "22400 × 32.5",
      "value": "728000"
    },
    {
      "label": {
        "tr": "Net tutar, kuruşa yuvarlanmış",
        "en": "Net, rounded to 2 places"
      },
      "expression": "round(728000)",
      "value": "728000"
    },
    {
      "label": {
        "tr": "KDV",
        "en": "VAT"
      },
      "expression": "round(728000 × 10 ÷ 100)",
      "value": "72800"
    },
    {
      "label": {
        "tr": "Toplam",
        "en": "Total"
      },
      "expression": "728000 + 72800",
      "value": "800800"
    }
  ],
  "exact": {
    "amount": "22400",
    "currency": "USD"
  },
  "rates": [
    {
      "currency": "USD",
      "value": "32.5",
      "kind": "FOREX_SELLING",
      "bulletinDate": "2026-02-27",
      "usedDate": "2026-03-02"
    }
  ],
  "rounding": {
    "mode": "HALF_UP",
    "places": 2,
    "before": "728000",
    "after": "728000"
  },
  "vat": {
    "rate": "10",
    "amount": "72800"
  },
  "net": "728000",
  "gross": "800800",
  "currency": "TRY"
}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
	read, err := pricing.DecodeTrace([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if read.Sentence(apperr.Turkish) != l.Trace.Sentence(apperr.Turkish) {
		t.Errorf("read back it says %s", read.Sentence(apperr.Turkish))
	}
}

func TestDecodeTraceRefuses(t *testing.T) {
	t.Parallel()
	l, err := pricing.Quote(asked(t, "20 USD", pricing.PerUnit, ``, "quantity 3", "TRY", "20", "USD 32.50"))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := json.Marshal(l.Trace)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pricing.DecodeTrace(whole); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"a version that is not known":           {`"version":1`, `"version":2`},
		"no version":                            {`"version":1,`, ``},
		"a key that is not known":               {`"version":1`, `"version":1,"extra":1`},
		"a figure that fills the memory":        {`"net":"1950"`, `"net":"1e999999999"`},
		"an input that fills the memory":        {`"value":"3"`, `"value":"1e-999999999"`},
		"a figure in words":                     {`"net":"1950"`, `"net":"many"`},
		"a day that does not exist":             {`"day":"2026-03-02"`, `"day":"2026-02-30"`},
		"a formula without steps":               {`"steps":1`, `"steps":0`},
		"a formula with more steps than it has": {`"steps":1`, `"steps":99`},
		"a type that is not known":              {`"PER_UNIT"`, `"SABIT"`},
		"half of it":                            {`"currency":"TRY"}`, ``},
		"something behind it":                   {`"currency":"TRY"}`, `"currency":"TRY"}{}`},
	} {
		raw := strings.Replace(string(whole), c[0], c[1], 1)
		if raw == string(whole) {
			t.Fatalf("%s: %s was not found", name, c[0])
		}
		if got, err := pricing.DecodeTrace([]byte(raw)); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

func TestGeneratedTracesAreReadBack(t *testing.T) {
	t.Parallel()
	const seed = 17
	g := newGenerator(seed)
	for n := range 500 {
		l, err := pricing.Quote(g.request(t))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(l.Trace)
		if err != nil {
			t.Fatal(err)
		}
		read, err := pricing.DecodeTrace(raw)
		if err != nil {
			t.Fatalf("seed %d, case %d: %v\n%s", seed, n, err, raw)
		}
		again, err := json.Marshal(read)
		if err != nil || string(again) != string(raw) {
			t.Fatalf("seed %d, case %d: %s was read as %s, %v", seed, n, raw, again, err)
		}
		for _, lang := range []apperr.Lang{apperr.Turkish, apperr.English} {
			if read.Sentence(lang) != l.Trace.Sentence(lang) {
				t.Fatalf("seed %d, case %d: read back it says %s", seed, n, read.Sentence(lang))
			}
		}
		if params, err := pricing.ParseParams(read.Calculation.Type, read.Calculation.Params); err != nil || params == nil {
			t.Fatalf("seed %d, case %d: the parameters %s: %v", seed, n, read.Calculation.Params, err)
		}
	}
}

// FuzzDecodeTrace: what is read is written so that it reads the same again, and says
// something in both languages.
func FuzzDecodeTrace(f *testing.F) {
	g := newGenerator(19)
	for range 20 {
		l, err := pricing.Quote(g.request(f))
		if err != nil {
			f.Fatal(err)
		}
		raw, err := json.Marshal(l.Trace)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"version":1,"calculation":{"type":"FIXED","params":null,"steps":1},"steps":[{}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		read, err := pricing.DecodeTrace(raw)
		if err != nil {
			return
		}
		text, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		again, err := pricing.DecodeTrace(text)
		if err != nil {
			t.Fatalf("%s was read as %s, which is refused: %v", raw, text, err)
		}
		for _, lang := range []apperr.Lang{apperr.Turkish, apperr.English} {
			if s := read.Sentence(lang); s == "" || s != again.Sentence(lang) {
				t.Fatalf("%q is not %q", s, again.Sentence(lang))
			}
		}
	})
}
