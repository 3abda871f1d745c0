package parameter

import (
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"aliaport/ent/parameter"
	"aliaport/internal/apperr"
	"aliaport/internal/money"
)

// Categories of lookup values.
const (
	ServiceGroups     = "HIZMET_GRUBU"
	ServiceCategories = "HIZMET_KATEGORI"
	PricingRules      = "FIYATLANDIRMA_KURALI"
	Units             = "BIRIM"
	Currencies        = "PARA_BIRIMI"
	CariTypes         = "CARI_TIP"
	CariRoles         = "CARI_ROL"
	BoatStatuses      = "MOTORBOT_DURUM"
	TripStatuses      = "SEFER_DURUM"
	VATRates          = "KDV_ORANI"
	VATExemptions     = "KDV_ISTISNA"
	Priorities        = "IS_EMRI_ONCELIK"
	PublicHolidays    = "RESMI_TATIL"
)

// category says what may stand in a category that the program knows. Others are the
// port's own.
type category struct {
	typ parameter.DataType
	// closed: the codes are those of the program. Only what they are called can change.
	closed bool
	// check holds further codes and values to what those who read them expect.
	check func(code, value string) *apperr.Error
}

var unitForm = regexp.MustCompile(`^[A-Z0-9]{1,20}$`)

var categories = map[string]category{
	ServiceGroups:     {typ: parameter.DataTypeString},
	ServiceCategories: {typ: parameter.DataTypeString},
	PricingRules:      {typ: parameter.DataTypeString},
	Units: {typ: parameter.DataTypeString, check: func(code, _ string) *apperr.Error {
		if !unitForm.MatchString(code) {
			return apperr.Invalid("code", apperr.UnitCode)
		}
		return nil
	}},
	Currencies: {typ: parameter.DataTypeString, check: func(code, _ string) *apperr.Error {
		if !money.IsCurrency(code) {
			return apperr.Invalid("code", apperr.Currency)
		}
		return nil
	}},
	VATRates: {typ: parameter.DataTypeNumber, check: func(_, value string) *apperr.Error {
		rate, e := parseNumber(value, decimal.Zero, decimal.NewFromInt(100))
		if e == nil {
			e = money.Check("value", rate, 2)
		}
		return e
	}},
	VATExemptions:  {typ: parameter.DataTypeString},
	PublicHolidays: {typ: parameter.DataTypeDate},
	CariTypes:      {typ: parameter.DataTypeString, closed: true},
	CariRoles:      {typ: parameter.DataTypeString, closed: true},
	BoatStatuses:   {typ: parameter.DataTypeString, closed: true},
	TripStatuses:   {typ: parameter.DataTypeString, closed: true},
	Priorities:     {typ: parameter.DataTypeString, closed: true},
	// Nothing would read a further setting.
	System:       {closed: true},
	BusinessRule: {closed: true},
	TripCategory: {closed: true},
	Invoicing:    {closed: true},
	Surcharges:   {closed: true},
	Rates:        {closed: true},
	Retention:    {closed: true},
	Features:     {closed: true},
}

// lookups are the values of the categories in their order: code, name and, where it
// is not the code, the value. The codes of closed categories are the port's words;
// their values are those of the API's enums.
var lookups = []struct {
	category string
	rows     string
}{
	{ServiceGroups, `
		BARINMA       Barınma
		ENERJI        Enerji
		BAKIM         Bakım
		TERSANE       Tersane
		SEFER         Sefer
		DANISMANLIK - Danışmanlık`},
	{ServiceCategories, `
		ROMORKAJ    Römorkaj
		PILOTAJ     Kılavuzluk (pilotaj)
		BAGLAMA     Palamar (bağlama)
		TEMIN       Temin
		ATIK        Atık alımı
		BALAST      Balast alımı
		MB-YILLIK   Motorbot barınma, yıllık
		MB-AYLIK    Motorbot barınma, aylık
		MB-GUNLUK   Motorbot barınma, günlük
		YL-YILLIK   Yelkenli barınma, yıllık
		YL-AYLIK    Yelkenli barınma, aylık
		ELEKTRIK    Elektrik
		SU          Su
		YAKIT       Yakıt
		BAKIM-GENEL Genel bakım
		BAKIM-MOTOR Motor bakımı
		BAKIM-BOYA  Boya
		KALDIRMA    Kaldırma
		DEPOLAMA    Depolama
		SEFER-YOLCU Yolcu seferi
		SEFER-YUK   Yük seferi`},
	{PricingRules, `
		STD-1    Standart, saatlik
		PKG-4H   Paket, 4 saat
		PKG-8H   Paket, 8 saat
		PKG-1DAY Paket, 1 gün
		PKG-7DAY Paket, 7 gün`},
	{Units, `
		SAAT  Saat
		SEFER Sefer
		ADET  Adet
		TON   Ton
		M3    Metreküp
		KWH   Kilovatsaat
		GUN   Gün
		AY    Ay
		YIL   Yıl
		M     Metre
		M2    Metrekare
		KG    Kilogram
		LT    Litre
		PAKET Paket
		SET   Set
		MIL   Mil
		KM  - Kilometre`},
	{Currencies, `
		TRY ! Türk lirası
		USD   Amerikan doları
		EUR   Avro
		GBP   İngiliz sterlini`},
	{CariTypes, `
		GERCEK ! Gerçek kişi = NATURAL
		TUZEL  ! Tüzel kişi  = LEGAL`},
	{CariRoles, `
		MUSTERI   ! Müşteri             = CUSTOMER
		TEDARIKCI ! Tedarikçi           = SUPPLIER
		HER_IKISI ! Müşteri ve tedarikçi = BOTH
		DIGER     ! Diğer               = OTHER`},
	{BoatStatuses, `
		AKTIF ! Aktif   = ACTIVE
		BAKIM ! Bakımda = MAINTENANCE
		PASIF ! Pasif   = OUT_OF_SERVICE`},
	{TripStatuses, `
		PLANLANDI    ! Planlandı    = PLANNED
		DEVAM_EDIYOR ! Devam ediyor = UNDERWAY
		TAMAMLANDI   ! Tamamlandı   = COMPLETED
		IPTAL        ! İptal        = CANCELLED`},
	{VATRates, `
		0    KDV yok
		1    KDV %1
		10   KDV %10
		18 - KDV %18
		20   KDV %20`},
	{VATExemptions, `
		NONE   İstisna yok
		17/4-G 17/4-g istisnası
		17/4-C 17/4-c istisnası
		13/D   13/d istisnası
		17/4-A 17/4-a istisnası`},
	{Priorities, `
		DUSUK  ! Düşük  = LOW
		NORMAL ! Normal = MEDIUM
		YUKSEK ! Yüksek = HIGH
		ACIL   ! Acil   = URGENT`},
}

// row is a lookup value as written above: code, - if it is not to be chosen any more
// or ! if the program needs it, name, value.
var row = regexp.MustCompile(`^\s*(\S+)\s+(?:([-!])\s+)?(.+?)(?:\s+= (\S+))?$`)

// known lists what the program knows, in the order in which it is listed.
var known = func() []Known {
	all := append([]Known{}, settings...)
	for _, l := range lookups {
		for line := range strings.Lines(strings.TrimSpace(l.rows)) {
			m := row.FindStringSubmatch(strings.TrimRight(line, "\n"))
			if m == nil {
				panic("parameter: " + line) // a slip in this file
			}
			k := Known{Category: l.category, Code: m[1], Name: m[3], Default: m[4], Type: categories[l.category].typ, Inactive: m[2] == "-", System: m[2] == "!"}
			if k.Default == "" {
				k.Default = k.Code
			}
			if categories[l.category].closed {
				k.check = func(v string) *apperr.Error {
					if v != k.Default {
						return invalid(apperr.Unchangeable)
					}
					return nil
				}
			}
			all = append(all, k)
		}
	}
	places := map[string]int{}
	for i := range all {
		places[all[i].Category] += 10 // room for the port's own in between
		all[i].sort = places[all[i].Category]
	}
	return all
}()

// isKnown tells whether the program knows the parameter, and what of it.
func isKnown(category, code string) (Known, bool) {
	for _, k := range known {
		if k.Category == category && k.Code == code {
			return k, true
		}
	}
	return Known{}, false
}
