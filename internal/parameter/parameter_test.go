package parameter_test

import (
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	entparameter "aliaport/ent/parameter"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
)

var now = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

func newService(db *store.DB) *parameter.Service {
	return &parameter.Service{
		DB: db, Now: func() time.Time { return now }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 50, Max: 100}, IdempotencyTTL: time.Hour,
	}
}

func ensure(t *testing.T, db *store.DB, at time.Time) {
	t.Helper()
	if err := parameter.Ensure(t.Context(), db, at); err != nil {
		t.Fatal(err)
	}
}

// find returns the parameter as it is stored.
func find(t *testing.T, db *store.DB, category, code string) *ent.Parameter {
	t.Helper()
	p, err := db.Parameter.Query().Where(entparameter.Category(category), entparameter.Code(code)).Only(t.Context())
	if err != nil {
		t.Fatalf("%s %s: %v", category, code, err)
	}
	return p
}

func count(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	return aliatest.Rows(t, db, query)[0][0]
}

func TestEnsureAddsWhatIsMissingAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ensure(t, db, now)
		rows := count(t, db.Reader(), "SELECT count(*) FROM parameters")
		if n := count(t, db.Reader(), "SELECT count(*) FROM parameter_history"); n != rows {
			t.Errorf("%s parameters have %s rows of history", rows, n)
		}
		p := find(t, db, parameter.System, "VARSAYILAN_VADE")
		db.Parameter.UpdateOne(p).SetValue("45").SetName("Vade").ExecX(t.Context())
		missing := find(t, db, parameter.Units, "TON")
		db.Parameter.DeleteOne(missing).ExecX(t.Context())
		ensure(t, db, now.Add(time.Hour))
		if again := find(t, db, parameter.System, "VARSAYILAN_VADE"); again.Value != "45" || again.Name != "Vade" || again.Version != p.Version {
			t.Errorf("a changed parameter became %v", again)
		}
		find(t, db, parameter.Units, "TON")
		if n := count(t, db.Reader(), "SELECT count(*) FROM parameters"); n != rows {
			t.Errorf("%s parameters, then %s", rows, n)
		}
		ensure(t, db, now.AddDate(1, 0, 0))
		if p := find(t, db, parameter.PublicHolidays, "2029-29EKIM"); p.Value != "2029-10-29" {
			t.Errorf("a year later there is %v", p)
		}
	})
}

func TestManyStartersEnsureAtOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		errs := make([]error, 6)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = parameter.Ensure(t.Context(), db, now) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		if twice := aliatest.Rows(t, db.Reader(), "SELECT parameter_id FROM parameter_history GROUP BY parameter_id HAVING count(*) > 1"); len(twice) > 0 {
			t.Errorf("%d parameters began twice", len(twice))
		}
		if n, m := count(t, db.Reader(), "SELECT count(*) FROM parameters"), count(t, db.Reader(), "SELECT count(*) FROM parameter_history"); n != m || n < "150" {
			t.Errorf("%s parameters, %s rows of history", n, m)
		}
	})
}

func TestEveryCategoryOfThePortIsThere(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ensure(t, db, now)
		for category, want := range map[string]struct{ active, inactive int }{
			parameter.ServiceGroups: {5, 1}, parameter.ServiceCategories: {21, 0}, parameter.PricingRules: {5, 0}, parameter.Units: {16, 1},
			parameter.Currencies: {4, 0}, parameter.CariTypes: {2, 0}, parameter.CariRoles: {4, 0}, parameter.BoatStatuses: {3, 0},
			parameter.TripStatuses: {4, 0}, parameter.VATRates: {4, 1}, parameter.VATExemptions: {5, 0}, parameter.Priorities: {4, 0},
			parameter.Features: {3, 0}, parameter.PublicHolidays: {3 * 14, 3 * 3},
		} {
			active := db.Parameter.Query().Where(entparameter.Category(category), entparameter.IsActive(true)).CountX(t.Context())
			inactive := db.Parameter.Query().Where(entparameter.Category(category), entparameter.IsActive(false)).CountX(t.Context())
			if active != want.active || inactive != want.inactive {
				t.Errorf("%s has %d active and %d inactive codes, want %v", category, active, inactive, want)
			}
		}
		for _, p := range db.Parameter.Query().AllX(t.Context()) {
			if p.Name == "" || p.Name == p.Code && len(p.Code) > 3 {
				t.Errorf("%s %s is called %q", p.Category, p.Code, p.Name)
			}
		}
	})
}

func TestHolidaysAreThoseOfTheRows(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ensure(t, db, now)
		s, ctx := newService(db), actor.With(t.Context(), actor.System("test"))
		holidays := func() map[calendar.Date]string {
			days, err := parameter.Holidays(ctx, db.Client)
			if err != nil {
				t.Fatal(err)
			}
			return days
		}
		days := holidays()
		for text, want := range map[string]bool{
			"2026-01-01": true, "2026-03-19": false, "2026-03-20": true, "2026-03-22": true, "2026-03-23": false, "2026-05-27": true, "2026-05-30": true,
			"2026-07-15": true, "2026-10-28": false, "2026-10-29": true, "2027-03-09": true, "2027-05-19": true, "2028-02-26": true, "2028-05-08": true, "2026-03-02": false,
		} {
			d, err := calendar.ParseDate(text)
			if err != nil {
				t.Fatal(err)
			}
			if name, is := days[d]; is != want || is && name == "" {
				t.Errorf("%s is a holiday: %t %q, want %t", text, is, name, want)
			}
		}
		// The port decides: an eve becomes a holiday, a feast moves, a day of mourning comes.
		eve := find(t, db, parameter.PublicHolidays, "2026-28EKIM")
		if _, err := s.Activate(ctx, parameter.ActivityInput{ID: idOf(eve), Version: 1}); err != nil {
			t.Fatal(err)
		}
		moved := find(t, db, parameter.PublicHolidays, "2028-RAMAZAN-3")
		if _, err := s.Update(ctx, parameter.UpdateInput{ID: idOf(moved), Version: 1, Value: new("2028-02-29")}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(ctx, parameter.CreateInput{Category: parameter.PublicHolidays, Code: "2026-YAS", Name: "Yas günü", Value: "2026-06-01"}); err != nil {
			t.Fatal(err)
		}
		days = holidays()
		for d, want := range map[calendar.Date]bool{
			{Year: 2026, Month: 10, Day: 28}: true, {Year: 2028, Month: 2, Day: 28}: false, {Year: 2028, Month: 2, Day: 29}: true, {Year: 2026, Month: 6, Day: 1}: true,
		} {
			if _, is := days[d]; is != want {
				t.Errorf("%v is a holiday: %t", d, is)
			}
		}
	})
}

func idOf(p *ent.Parameter) globalid.ID { return globalid.ID{Type: "Parameter", Key: p.ID} }

// TestEverySettingIsReadFromItsRow changes each setting and reads it again: no rule
// that asks for it gets a constant.
func TestEverySettingIsReadFromItsRow(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ensure(t, db, now)
		s, ctx := newService(db), actor.With(t.Context(), actor.System("test"))
		change := func(k parameter.Known, value string) {
			p := find(t, db, k.Category, k.Code)
			if _, err := s.Update(ctx, parameter.UpdateInput{ID: idOf(p), Version: p.Version, Value: &value}); err != nil {
				t.Fatalf("%s to %s: %v", k.Code, value, err)
			}
		}
		n := read(t, db, change, map[string]parameter.Setting[string]{
			"Yeni Liman": parameter.CompanyName, "TRXYZ": parameter.PortCode, "EUR": parameter.DefaultCurrency, "10,31": parameter.BillingDays,
			"ADDITIVE": parameter.SurchargeMode, "banknote_selling": parameter.RateKind, "SAME_DAY": parameter.RateDatePolicy, "USD": parameter.RateCurrencies,
		})
		n += read(t, db, change, map[string]parameter.Setting[int]{
			"45": parameter.PaymentTermDays, "46": parameter.MaxFileMB, "47": parameter.ArchiveAfterDays, "48": parameter.StayBaseMinutes, "49": parameter.TripDelayMinutes,
			"50": parameter.RateMaxFallback, "51": parameter.AuditRetentionDays, "52": parameter.LogRetentionDays, "53": parameter.BackupKeepDays,
		})
		n += read(t, db, change, map[string]parameter.Setting[decimal.Decimal]{
			"11": parameter.CabotagePercent, "12": parameter.OvertimeAfter, "13.75": parameter.OvertimeHourly, "14.5": parameter.TripDefaultHours, "15": parameter.TripUnitPrice,
			"10": parameter.TripVATRate, "1": parameter.ItemVATRate, "16": parameter.NightPercent, "17": parameter.WeekendPercent, "18": parameter.UrgentPercent, "19": parameter.RateJumpPercent,
		})
		n += read(t, db, change, map[string]parameter.Setting[parameter.Clock]{"21:30": parameter.NightStart, "05:45": parameter.NightEnd})
		for _, s := range []parameter.Setting[bool]{parameter.PortalEnabled, parameter.InvoicesEnabled, parameter.ExcelImportEnabled} {
			n += read(t, db, change, map[string]parameter.Setting[bool]{"true": s})
		}
		if all := len(parameter.Settings()); n != all {
			t.Errorf("%d of %d settings were read", n, all)
		}
	})
}

func read[S any](t *testing.T, db *store.DB, change func(parameter.Known, string), settings map[string]parameter.Setting[S]) int {
	t.Helper()
	for value, s := range settings {
		change(s.Known, value)
		got, err := parameter.Get(t.Context(), db.Client, s)
		if err != nil || fmt.Sprint(got) != value {
			t.Errorf("%s was set to %s and is %v (%v)", s.Code, value, got, err)
		}
	}
	return len(settings)
}

func TestWhatAValueMustBe(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, "sqlite3")
	ensure(t, db, now)
	s, ctx := newService(db), actor.With(t.Context(), actor.System("test"))
	for name, c := range map[string]struct {
		category, code, value string
		ok                    bool
	}{
		"a number in its range":                 {parameter.System, "VARSAYILAN_VADE", "365", true},
		"a number beyond its range":             {parameter.System, "VARSAYILAN_VADE", "366", false},
		"no whole number":                       {parameter.System, "VARSAYILAN_VADE", "1.5", false},
		"a number that fills the memory":        {parameter.BusinessRule, "CABOTAGE_DISCOUNT_PERCENT", "1e999999999", false},
		"no number":                             {parameter.BusinessRule, "CABOTAGE_DISCOUNT_PERCENT", "on", false},
		"a number with a blank around":          {parameter.BusinessRule, "CABOTAGE_DISCOUNT_PERCENT", " 12.5 ", true},
		"nothing":                               {parameter.System, "FIRMA_ADI", "  ", false},
		"a time":                                {parameter.Surcharges, "NIGHT_START", "21:30", true},
		"no time":                               {parameter.Surcharges, "NIGHT_END", "24:00", false},
		"a time with seconds":                   {parameter.Surcharges, "NIGHT_END", "05:00:00", false},
		"one of the choices":                    {parameter.Rates, "RATE_KIND_PRICING", "forex_buying", true},
		"none of the choices":                   {parameter.Rates, "RATE_DATE_POLICY", "NEXT_DAY", false},
		"a list of currencies":                  {parameter.Rates, "RATE_CURRENCIES", "USD,EUR,KWD", true},
		"a list with a gap":                     {parameter.Rates, "RATE_CURRENCIES", "USD,,EUR", false},
		"days of a month":                       {parameter.Invoicing, "BILLING_DAYS", "15,31", true},
		"a day that no month has":               {parameter.Invoicing, "BILLING_DAYS", "15,32", false},
		"a switch":                              {parameter.Features, "PORTAL_ENABLED", "true", true},
		"a switch that is neither on nor off":   {parameter.Features, "INVOICE_MODULE_ENABLED", "yes", false},
		"a rate of VAT":                         {parameter.VATRates, "18", "19", true},
		"a rate of VAT beyond all":              {parameter.VATRates, "1", "101", false},
		"a rate of VAT with a third place":      {parameter.VATRates, "1", "1.125", false},
		"the rate that lines get by default":    {parameter.VATRates, "20", "21", false},
		"a default currency that is not there":  {parameter.System, "VARSAYILAN_PARA_BIRIMI", "CHF", false},
		"a default currency that is there":      {parameter.System, "VARSAYILAN_PARA_BIRIMI", "GBP", true},
		"a default rate of VAT that is not":     {parameter.Invoicing, "DEFAULT_VAT_RATE", "18", false},
		"a default rate of VAT that is":         {parameter.TripCategory, "DEFAULT_VAT_RATE", "10", true},
		"the sign of a currency":                {parameter.Currencies, "USD", "$", true},
		"a holiday that moves":                  {parameter.PublicHolidays, "2027-KURBAN-1", "2027-05-17", true},
		"a holiday on no day":                   {parameter.PublicHolidays, "2027-KURBAN-2", "2027-02-29", false},
		"the enum that a label stands for":      {parameter.TripStatuses, "IPTAL", "GONE", false},
		"the enum that a label stands for, too": {parameter.TripStatuses, "IPTAL", "CANCELLED", true},
	} {
		p := find(t, db, c.category, c.code)
		_, err := s.Update(ctx, parameter.UpdateInput{ID: idOf(p), Version: p.Version, Value: &c.value})
		again := find(t, db, c.category, c.code)
		if c.ok && err != nil || !c.ok && (err == nil || again.Value != p.Value || again.Version != p.Version) {
			t.Errorf("%s: %s %s = %q: %v, then %q", name, c.category, c.code, c.value, err, again.Value)
		}
	}
}

func TestWhatMayBeAdded(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, "sqlite3")
	ensure(t, db, now)
	s, ctx := newService(db), actor.With(t.Context(), actor.System("test"))
	number, text := entparameter.DataTypeNumber, entparameter.DataTypeString
	for name, c := range map[string]struct {
		in   parameter.CreateInput
		code apperr.Code // "": made
	}{
		"a unit":                         {parameter.CreateInput{Category: parameter.Units, Code: "KONTEYNER", Name: "Konteyner", Value: "KONTEYNER"}, ""},
		"a unit longer than a line has":  {parameter.CreateInput{Category: parameter.Units, Code: "KONTEYNER-KIRK-AYAKLIK", Name: "x", Value: "x"}, apperr.Validation},
		"a currency":                     {parameter.CreateInput{Category: parameter.Currencies, Code: "CHF", Name: "İsviçre frangı", Value: "CHF"}, ""},
		"no currency":                    {parameter.CreateInput{Category: parameter.Currencies, Code: "FRANK", Name: "x", Value: "x"}, apperr.Validation},
		"a rate of VAT":                  {parameter.CreateInput{Category: parameter.VATRates, Code: "8", Name: "KDV %8", Value: "8", DataType: &number}, ""},
		"a rate of VAT as a text":        {parameter.CreateInput{Category: parameter.VATRates, Code: "9", Name: "KDV %9", Value: "9", DataType: &text}, apperr.Validation},
		"a code that is there":           {parameter.CreateInput{Category: parameter.Units, Code: "TON", Name: "x", Value: "x"}, apperr.ParameterDuplicate},
		"a further setting":              {parameter.CreateInput{Category: parameter.System, Code: "X", Name: "x", Value: "x"}, apperr.ParameterCategory},
		"a further status":               {parameter.CreateInput{Category: parameter.TripStatuses, Code: "X", Name: "x", Value: "x"}, apperr.ParameterCategory},
		"a category in small letters":    {parameter.CreateInput{Category: "iskele", Code: "X", Name: "x", Value: "x"}, apperr.ParameterCategory},
		"a category of the port's own":   {parameter.CreateInput{Category: "ISKELE", Code: "1", Name: "1 no.lu iskele", Value: "1", DataType: &number}, ""},
		"a code in small letters":        {parameter.CreateInput{Category: "ISKELE", Code: "a", Name: "x", Value: "x"}, apperr.Validation},
		"a password":                     {parameter.CreateInput{Category: "EPOSTA", Code: "SMTP_PASSWORD", Name: "x", Value: "x"}, apperr.Validation},
		"a key":                          {parameter.CreateInput{Category: "EVDS", Code: "API_KEY", Name: "x", Value: "x"}, apperr.Validation},
		"a number that is none":          {parameter.CreateInput{Category: "ISKELE", Code: "2", Name: "x", Value: "iki", DataType: &number}, apperr.Validation},
		"a value with a control letter":  {parameter.CreateInput{Category: "ISKELE", Code: "3", Name: "x", Value: "a\x00b"}, apperr.Validation},
		"a value that is too long":       {parameter.CreateInput{Category: "ISKELE", Code: "4", Name: "x", Value: fmt.Sprintf("%0501d", 0)}, apperr.Validation},
		"a place before the first":       {parameter.CreateInput{Category: "ISKELE", Code: "5", Name: "x", Value: "x", SortNo: -1}, apperr.Validation},
		"JSON":                           {parameter.CreateInput{Category: "ISKELE", Code: "6", Name: "x", Value: `{"a": [1]}`, DataType: new(entparameter.DataTypeJson)}, ""},
		"what is not JSON":               {parameter.CreateInput{Category: "ISKELE", Code: "7", Name: "x", Value: `{a: 1}`, DataType: new(entparameter.DataTypeJson)}, apperr.Validation},
		"a name that blanks make longer": {parameter.CreateInput{Category: "ISKELE", Code: "8", Name: "  İskele  ", Value: "x"}, ""},
	} {
		p, err := s.Create(ctx, c.in)
		if c.code == "" && err != nil || c.code != "" && !apperr.Is(err, c.code) {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
		if err == nil && p.IsSystem {
			t.Errorf("%s is called one that rules read", name)
		}
	}
}

func TestWhatARuleReadsStaysActive(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, "sqlite3")
	ensure(t, db, now)
	s, ctx := newService(db), actor.With(t.Context(), actor.System("test"))
	off := func(category, code string) error {
		p := find(t, db, category, code)
		_, err := s.Deactivate(ctx, parameter.ActivityInput{ID: idOf(p), Version: p.Version})
		if still := find(t, db, category, code).IsActive; still == (err == nil) {
			t.Errorf("%s %s is active: %t after %v", category, code, still, err)
		}
		return err
	}
	for _, k := range [][2]string{{parameter.System, "FIRMA_ADI"}, {parameter.Currencies, "TRY"}, {parameter.CariTypes, "TUZEL"}, {parameter.VATRates, "20"}} {
		if err := off(k[0], k[1]); !apperr.Is(err, apperr.ParameterRequired) {
			t.Errorf("%v: %v", k, err)
		}
	}
	if err := off(parameter.Currencies, "USD"); err != nil {
		t.Error(err)
	}
	currency := find(t, db, parameter.System, "VARSAYILAN_PARA_BIRIMI")
	for value, ok := range map[string]bool{"USD": false, "EUR": true} {
		_, err := s.Update(ctx, parameter.UpdateInput{ID: idOf(currency), Version: 1, Value: &value})
		if ok != (err == nil) {
			t.Errorf("default currency %s: %v", value, err)
		}
	}
	if err := off(parameter.Currencies, "EUR"); !apperr.Is(err, apperr.ParameterRequired) {
		t.Errorf("the default currency: %v", err)
	}
}

// TestADefaultIsNeverSwitchedOff has one make a currency the default while another
// deactivates it.
func TestADefaultIsNeverSwitchedOff(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ensure(t, db, now)
		s, ctx := newService(db), actor.With(t.Context(), actor.System("test"))
		for range 10 {
			setting, currency := find(t, db, parameter.System, "VARSAYILAN_PARA_BIRIMI"), find(t, db, parameter.Currencies, "EUR")
			var wg sync.WaitGroup
			errs := make([]error, 2)
			wg.Go(func() {
				_, errs[0] = s.Update(ctx, parameter.UpdateInput{ID: idOf(setting), Version: setting.Version, Value: new("EUR")})
			})
			wg.Go(func() {
				_, errs[1] = s.Deactivate(ctx, parameter.ActivityInput{ID: idOf(currency), Version: currency.Version})
			})
			wg.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("both or neither: %v", errs)
			}
			setting, currency = find(t, db, parameter.System, "VARSAYILAN_PARA_BIRIMI"), find(t, db, parameter.Currencies, "EUR")
			if setting.Value == "EUR" && !currency.IsActive {
				t.Fatal("the default currency is switched off")
			}
			if _, err := s.Update(ctx, parameter.UpdateInput{ID: idOf(setting), Version: setting.Version, Value: new("TRY")}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Activate(ctx, parameter.ActivityInput{ID: idOf(currency), Version: currency.Version}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestARowThatDoesNotFitIsAnErrorAndNoRefusal(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, "sqlite3")
	ensure(t, db, now)
	p := find(t, db, parameter.System, "VARSAYILAN_VADE")
	db.Parameter.UpdateOne(p).SetValue("soon").ExecX(t.Context())
	_, err := parameter.Get(t.Context(), db.Client, parameter.PaymentTermDays)
	if _, refusal := apperr.All(err); err == nil || refusal {
		t.Errorf("got %v", err)
	}
}

// FuzzValues gives the parsers of every setting what an administrator could type.
func FuzzValues(f *testing.F) {
	for _, s := range []string{"1", "-1", "1e999999999", "22:00", "2026-02-29", "true", "USD,EUR", "7,14", "{}", "ı", "\xff", " "} {
		f.Add(s)
	}
	all := parameter.Settings()
	f.Fuzz(func(t *testing.T, s string) {
		for _, k := range all {
			if e := k.Check(s); e != nil && len(e.Field) == 0 {
				t.Errorf("%s: %q: %v", k.Code, s, e)
			}
		}
	})
}
