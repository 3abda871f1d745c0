package seed

import (
	"fmt"
	"strings"
	"time"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/internal/turkish"
)

var cariColumns = []column[ent.Cari]{
	{cari.FieldID, func(c *ent.Cari) any { return c.ID }},
	{cari.FieldCreatedAt, func(c *ent.Cari) any { return c.CreatedAt }},
	{cari.FieldUpdatedAt, func(c *ent.Cari) any { return c.UpdatedAt }},
	{cari.FieldCariCode, func(c *ent.Cari) any { return c.CariCode }},
	{cari.FieldTitle, func(c *ent.Cari) any { return c.Title }},
	{cari.FieldTitleFold, func(c *ent.Cari) any { return turkish.Fold(c.Title) }},
	{cari.FieldSearchText, func(c *ent.Cari) any { return turkish.Fold(c.CariCode + " " + c.Title) }},
	{cari.FieldType, func(c *ent.Cari) any { return c.Type }},
	{cari.FieldRole, func(c *ent.Cari) any { return c.Role }},
	{cari.FieldTaxOffice, func(c *ent.Cari) any { return c.TaxOffice }},
	{cari.FieldTaxNumber, func(c *ent.Cari) any { return c.TaxNumber }},
	{cari.FieldNationalID, func(c *ent.Cari) any { return c.NationalID }},
	{cari.FieldCountry, func(c *ent.Cari) any { return c.Country }},
	{cari.FieldCity, func(c *ent.Cari) any { return c.City }},
	{cari.FieldDistrict, func(c *ent.Cari) any { return c.District }},
	{cari.FieldAddress, func(c *ent.Cari) any { return c.Address }},
	{cari.FieldPhone, func(c *ent.Cari) any { return c.Phone }},
	{cari.FieldEmail, func(c *ent.Cari) any { return c.Email }},
	{cari.FieldContactPerson, func(c *ent.Cari) any { return c.ContactPerson }},
	{cari.FieldIban, func(c *ent.Cari) any { return c.Iban }},
	{cari.FieldPaymentTermDays, func(c *ent.Cari) any { return c.PaymentTermDays }},
	{cari.FieldCurrency, func(c *ent.Cari) any { return c.Currency }},
	{cari.FieldNotes, func(c *ent.Cari) any { return c.Notes }},
	{cari.FieldIsActive, func(c *ent.Cari) any { return c.IsActive }},
	{cari.FieldVersion, func(c *ent.Cari) any { return c.Version }},
}

var (
	cariRoles     = []odds[cari.Role]{{cari.RoleCustomer, 74}, {cari.RoleSupplier, 12}, {cari.RoleBoth, 11}, {cari.RoleOther, 3}}
	cariTerms     = []odds[int]{{30, 50}, {0, 8}, {7, 6}, {15, 10}, {45, 10}, {60, 12}, {90, 4}}
	homeMoney     = []odds[string]{{"TRY", 84}, {"USD", 11}, {"EUR", 5}}
	foreignMoney  = []odds[string]{{"USD", 6}, {"EUR", 4}}
	noBank        = "99999" // a bank code that is not given to any bank
	foreignTitles = []string{"Shipping Ltd.", "Maritime GmbH", "Navigation S.A.", "Logistics B.V.", "Lines S.p.A."}
)

// makeCari makes customers and suppliers in the order in which they were opened:
// two thirds before the first work order, the others while work went on. The first
// is an active customer from the beginning.
func makeCari(o Options) []*ent.Cari {
	d := newDice(o.Seed, cariDice)
	first := firstDay(o.Now)
	opened := first.AddDate(-2, 0, 0)
	early := (2*o.Cari + 2) / 3
	customers, suppliers := 0, 0
	all := make([]*ent.Cari, o.Cari)
	for i := range all {
		from, to, slot, slots := opened, first, i, early
		if i >= early {
			from, to, slot, slots = first, o.Now, i-early, o.Cari-early
		}
		width := to.Sub(from) / time.Duration(slots)
		at := from.Add(time.Duration(slot)*width + d.between(0, width-time.Second)).Truncate(time.Second)

		c := &ent.Cari{ID: int64(i + 1), CreatedAt: at, UpdatedAt: at, Role: draw(d, cariRoles), IsActive: true, Version: 1}
		if i == 0 {
			c.Role = cari.RoleCustomer
		}
		if c.Role == cari.RoleSupplier {
			suppliers++
			c.CariCode = fmt.Sprintf("TDR%05d", suppliers)
		} else {
			customers++
			c.CariCode = fmt.Sprintf("MST%05d", customers)
		}
		d.describe(c, i)
		d.age(c, i, o.Now)
		all[i] = c
	}
	return all
}

func (d dice) describe(c *ent.Cari, i int) {
	foreign := i > 0 && d.chance(60)
	c.PaymentTermDays = draw(d, cariTerms)
	c.Notes = new("Demo kaydı, gerçek bir kişi ya da kuruluş değildir.")
	c.ContactPerson = new(d.person())
	switch {
	case foreign:
		d.abroad(c)
	case i > 0 && d.chance(120):
		d.natural(c)
	default:
		d.legal(c)
	}
	if !foreign {
		town := pick(d, towns)
		c.Country, c.Currency = "TR", draw(d, homeMoney)
		c.City, c.District = &town.city, new(pick(d, town.districts))
		c.Address = new(fmt.Sprintf("%s Mah. %s Cad. No: %d", pick(d, quarters), pick(d, streets), 1+d.IntN(180)))
		// No Turkish subscriber's number begins with 0: nobody's telephone rings.
		c.Phone = new(fmt.Sprintf("+90%d0%06d", town.dial, d.IntN(1_000_000)))
		if d.chance(600) {
			c.Iban = new(iban(noBank, d.IntN(1_000_000_000)))
		}
	}
	if d.chance(900) {
		c.Email = new(mailbox(c.Title) + "." + strings.ToLower(c.CariCode) + "@" + domain)
	}
}

func (d dice) legal(c *ent.Cari) {
	c.Type = cari.TypeLegal
	c.Title = pick(d, directions) + " " + pick(d, portWords) + " " + pick(d, trades)
	c.TaxOffice = new(pick(d, taxOffices) + " Vergi Dairesi")
	c.TaxNumber = new(taxNumber(fmt.Sprintf("99%07d", d.IntN(10_000_000))))
}

func (d dice) natural(c *ent.Cari) {
	c.Type = cari.TypeNatural
	c.Title = d.person()
	c.ContactPerson = nil
	c.NationalID = new(nationalID(fmt.Sprintf("90%07d", d.IntN(10_000_000))))
}

func (d dice) abroad(c *ent.Cari) {
	port := pick(d, foreignPorts)
	c.Type = cari.TypeLegal
	c.Title = pick(d, foreignWords) + " " + pick(d, foreignTitles)
	c.Country, c.City, c.Currency = port.country, &port.city, draw(d, foreignMoney)
	c.Address = new(fmt.Sprintf("Harbour Road %d", 1+d.IntN(90)))
	c.TaxNumber = new(fmt.Sprintf("%s99%07d", port.country, d.IntN(10_000_000)))
}

// age lets some be changed and a few be deactivated in the course of time.
func (d dice) age(c *ent.Cari, i int, now time.Time) {
	changed, gone := d.chance(200), i > 0 && d.chance(40)
	if !changed && !gone || now.Sub(c.CreatedAt) < 48*time.Hour {
		return
	}
	c.UpdatedAt = c.CreatedAt.Add(d.between(24*time.Hour, now.Sub(c.CreatedAt)-time.Hour)).Truncate(time.Second)
	c.IsActive, c.Version = !gone, 2
}

func (d dice) person() string { return pick(d, forenames) + " " + pick(d, surnames) }

// mailbox is the first word of a title as it may stand in an address.
func mailbox(title string) string {
	word, _, _ := strings.Cut(turkish.Fold(title), " ")
	return word
}
