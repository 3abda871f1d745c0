package parameter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"aliaport/ent/parameter"
	"aliaport/internal/apperr"
	"aliaport/internal/money"
)

// Setting is a parameter that a rule reads. Its value is that of the table; Default
// stands in where the row is missing.
type Setting[T any] struct {
	Known
	parse func(string) (T, *apperr.Error)
}

// Known is a parameter that the program knows, with what a new database gets.
type Known struct {
	Category, Code string
	Name           string // Turkish, as the port calls it
	Default        string
	Type           parameter.DataType
	Description    string // English; "" for lookup values, whose name says it all
	Inactive       bool   // kept for old records, not to be chosen any more
	System         bool   // a rule reads it: it cannot be deactivated
	check          func(string) *apperr.Error
	sort           int // place in its category
}

// settings has every one of them, in the order in which they are listed.
var settings []Known

// Clock is a time of day, in minutes since midnight at the port.
type Clock int

// Categories of settings.
const (
	System       = "SISTEM"
	BusinessRule = "IS_KURALI"
	TripCategory = "TRIP"
	Invoicing    = "INVOICE"
	Surcharges   = "EK_UCRET"
	Rates        = "KUR"
	Retention    = "SAKLAMA"
	Features     = "FEATURE_FLAG"
)

// What the rules read.
var (
	CompanyName     = text(System, "FIRMA_ADI", "Firma adı", "Liman İşletmesi", "Name of the port on reports")
	PortCode        = text(System, "LIMAN_KODU", "Liman kodu", "TRALV", "Code of the port")
	PaymentTermDays = integer(System, "VARSAYILAN_VADE", "Varsayılan vade (gün)", 30, 0, 365, "Payment term of a customer account that names none, in days")
	DefaultCurrency = currency(System, "VARSAYILAN_PARA_BIRIMI", "Varsayılan para birimi", "TRY", "Currency of a customer account that names none")
	MaxFileMB       = integer(System, "MAX_DOSYA_BOYUTU_MB", "En büyük dosya boyutu (MB)", 50, 1, 1000, "Size of the largest file that may be uploaded, MB")

	CabotagePercent  = number(BusinessRule, "CABOTAGE_DISCOUNT_PERCENT", "Kabotaj indirimi (%)", "10", 0, 100, "Discount for domestic traffic, percent of the net amount")
	OvertimeAfter    = number(BusinessRule, "SECURITY_EXIT_THRESHOLD_HOURS", "Mesai aşımı eşiği (saat)", "4", 0, 1000, "Hours between the end of work and the exit that are free of charge")
	OvertimeHourly   = number(BusinessRule, "OVERTIME_HOURLY", "Mesai aşımı saat ücreti (TRY)", "100", 0, 1e9, "Price of an hour of overtime, TRY before VAT")
	ArchiveAfterDays = integer(BusinessRule, "ARCHIVE_AFTER_DAYS", "Arşivleme süresi (gün)", 30, 1, 3650, "Days after closing until a work order may be archived")
	StayBaseMinutes  = integer(BusinessRule, "VEHICLE_BASE_MINUTES", "Araç ücretsiz süre (dk)", 240, 1, 10080, "Minutes inside that the entry fee of a vehicle covers")

	TripDefaultHours = number(TripCategory, "TRIP_DEFAULT_HOURS", "Varsayılan sefer süresi (saat)", "8", 0.25, 240, "Hours that a planned trip without a planned return keeps its boat busy")
	TripDelayMinutes = integer(TripCategory, "TRIP_DELAY_MINUTES", "Sefer gecikme payı (dk)", 30, 0, 1440, "Minutes after the planned time until a trip counts as late")
	TripUnitPrice    = number(TripCategory, "DEFAULT_UNIT_PRICE", "Varsayılan sefer fiyatı (USD)", "10", 0, 1e9, "Price of a trip without a service, USD before VAT")
	TripVATRate      = number(TripCategory, "DEFAULT_VAT_RATE", "Varsayılan sefer KDV oranı (%)", "20", 0, 100, "VAT of a trip without a service, percent")

	BillingDays = each(Invoicing, "BILLING_DAYS", "Fatura günleri", "7,14,21,28,30", "Days of a month on which periods for invoices end; the last means the last day", apperr.DaysOfMonth, isDayOfMonth)
	ItemVATRate = number(Invoicing, "DEFAULT_VAT_RATE", "Varsayılan KDV oranı (%)", "20", 0, 100, "VAT of a line without a service, percent")

	NightStart      = clock(Surcharges, "NIGHT_START", "Gece başlangıcı", "22:00", "First minute of the night")
	NightEnd        = clock(Surcharges, "NIGHT_END", "Gece bitişi", "06:00", "First minute after the night")
	NightPercent    = number(Surcharges, "NIGHT_PERCENT", "Gece ek ücreti (%)", "25", 0, 1000, "Surcharge for work that begins at night, percent")
	WeekendPercent  = number(Surcharges, "WEEKEND_PERCENT", "Hafta sonu ek ücreti (%)", "50", 0, 1000, "Surcharge for work that begins on a Saturday, Sunday or public holiday, percent")
	UrgentPercent   = number(Surcharges, "URGENT_PERCENT", "Acil ek ücreti (%)", "30", 0, 1000, "Surcharge for urgent work, percent")
	SurchargeMode   = choice(Surcharges, "SURCHARGE_MODE", "Ek ücret yöntemi", "MULTIPLICATIVE", "How surcharges combine", "MULTIPLICATIVE", "ADDITIVE")
	RateKind        = choice(Rates, "RATE_KIND_PRICING", "Fiyatlamada kur türü", "forex_selling", "Which of the four rates prices are converted with", "forex_buying", "forex_selling", "banknote_buying", "banknote_selling")
	RateDatePolicy  = choice(Rates, "RATE_DATE_POLICY", "Kur tarihi kuralı", "PREVIOUS_BULLETIN", "Which bulletin holds on a day: the newest before it, or that of the day itself", "PREVIOUS_BULLETIN", "SAME_DAY")
	RateMaxFallback = integer(Rates, "RATE_MAX_FALLBACK_DAYS", "En eski kur (gün)", 10, 0, 60, "Days that the newest bulletin may be old")
	RateJumpPercent = number(Rates, "RATE_JUMP_PERCENT", "Kur sıçrama sınırı (%)", "15", 0, 1000, "Change against the bulletin before beyond which a rate waits for review, percent")
	RateCurrencies  = each(Rates, "RATE_CURRENCIES", "İzlenen para birimleri", "USD,EUR,GBP,CHF,JPY", "Currencies that are stored from the bulletin", apperr.Currencies, money.IsCurrency)

	AuditRetentionDays = integer(Retention, "AUDIT_RETENTION_DAYS", "Denetim kaydı saklama (gün)", 90, 1, 3650, "Days until audit events move to the archive")
	LogRetentionDays   = integer(Retention, "LOG_RETENTION_DAYS", "Günlük saklama (gün)", 30, 1, 3650, "Days that log files are kept")
	BackupKeepDays     = integer(Retention, "BACKUP_KEEP_DAYS", "Yedek saklama (gün)", 30, 1, 3650, "Days that daily backups are kept")

	PortalEnabled      = flag(Features, "PORTAL_ENABLED", "Müşteri portalı", false, "Whether customers may sign in")
	InvoicesEnabled    = flag(Features, "INVOICE_MODULE_ENABLED", "Fatura modülü", false, "Whether invoices are made here")
	ExcelImportEnabled = flag(Features, "EXCEL_IMPORT_ENABLED", "Excel aktarımı", false, "Whether spreadsheets may be imported")
)

// add registers a setting; its default must be valid.
func add[T any](k Known, parse func(string) (T, *apperr.Error)) Setting[T] {
	k.System = true
	k.check = func(v string) *apperr.Error { _, e := parse(v); return e }
	if e := k.check(k.Default); e != nil {
		panic(fmt.Sprintf("parameter %s: default: %v", k.Code, e)) // a slip in this file
	}
	settings = append(settings, k)
	return Setting[T]{k, parse}
}

// setting is what every setting has, whatever its type.
func setting(category, code, name, value, description string, typ parameter.DataType) Known {
	return Known{Category: category, Code: code, Name: name, Default: value, Type: typ, Description: description}
}

func text(category, code, name, value, description string) Setting[string] {
	return add(setting(category, code, name, value, description, parameter.DataTypeString),
		func(s string) (string, *apperr.Error) { return s, checkText(s) })
}

// each holds every part of a list with commas to the check.
func each(category, code, name, value, description string, reason apperr.Text, ok func(string) bool) Setting[string] {
	return add(setting(category, code, name, value, description, parameter.DataTypeString), func(s string) (string, *apperr.Error) {
		for part := range strings.SplitSeq(s, ",") {
			if !ok(part) {
				return "", invalid(reason)
			}
		}
		return s, nil
	})
}

func currency(category, code, name, value, description string) Setting[string] {
	return add(setting(category, code, name, value, description, parameter.DataTypeString), func(s string) (string, *apperr.Error) {
		if !money.IsCurrency(s) {
			return "", invalid(apperr.Currency)
		}
		return s, nil
	})
}

func choice(category, code, name, value, description string, choices ...string) Setting[string] {
	return add(setting(category, code, name, value, description, parameter.DataTypeString), func(s string) (string, *apperr.Error) {
		if !slices.Contains(choices, s) {
			return "", invalid(apperr.NotOneOf, "possible", strings.Join(choices, ", "))
		}
		return s, nil
	})
}

func flag(category, code, name string, value bool, description string) Setting[bool] {
	return add(setting(category, code, name, strconv.FormatBool(value), description, parameter.DataTypeBoolean), parseBool)
}

func number(category, code, name, value string, least, most float64, description string) Setting[decimal.Decimal] {
	low, high := decimal.NewFromFloat(least), decimal.NewFromFloat(most)
	return add(setting(category, code, name, value, description, parameter.DataTypeNumber),
		func(s string) (decimal.Decimal, *apperr.Error) { return parseNumber(s, low, high) })
}

func integer(category, code, name string, value, least, most int64, description string) Setting[int] {
	low, high := decimal.NewFromInt(least), decimal.NewFromInt(most)
	return add(setting(category, code, name, strconv.FormatInt(value, 10), description, parameter.DataTypeNumber),
		func(s string) (int, *apperr.Error) {
			d, e := parseNumber(s, low, high)
			if e == nil && !d.IsInteger() {
				e = invalid(apperr.NotWhole)
			}
			return int(d.IntPart()), e
		})
}

func clock(category, code, name, value, description string) Setting[Clock] {
	return add(setting(category, code, name, value, description, parameter.DataTypeTime), parseClock)
}

// isDayOfMonth holds for 1 to 31.
func isDayOfMonth(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 31 && s == strconv.Itoa(n)
}

// String writes 22:00.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }
