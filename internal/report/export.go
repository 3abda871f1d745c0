package report

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/internal/calendar"
)

// JSON is the report as it was sealed, byte for byte.
func JSON(r *ent.MonthlyReport) json.RawMessage { return json.RawMessage(r.Content) }

// CSV is the report as lines of section, name, figure and value.
func CSV(r *ent.MonthlyReport) (string, error) {
	c, err := ContentOf(r)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	b.WriteString("\ufeff") // tells spreadsheets that it is UTF-8
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	line := func(section, name, figure string, value any) {
		// Errors of the writer come with Error below.
		_ = w.Write([]string{section, harmless(name), figure, fmt.Sprint(value)})
	}
	line("section", "name", "figure", "value")
	for _, h := range c.headlines() {
		line("headline", h.Key, "count", h.Now)
		line("headline", h.Key, "previous", h.Before)
	}
	for section, list := range c.countLists() {
		for _, n := range list {
			line(section, n.Name, "orders", n.Count)
		}
	}
	for _, d := range []struct {
		name string
		d    Duration
	}{{"approval", c.Approval}, {"work", c.Work}} {
		line("duration", d.name, "count", d.d.Count)
		line("duration", d.name, "mean_seconds", orEmpty(d.d.Mean))
		line("duration", d.name, "p90_seconds", orEmpty(d.d.P90))
	}
	line("on_time", "", "planned", c.OnTime.Planned)
	line("on_time", "", "in_time", c.OnTime.InTime)
	line("on_time", "", "percent", orEmpty(c.OnTime.Percent))
	line("overdue", "", "orders", c.Overdue)
	for _, v := range []struct {
		name string
		v    Value
	}{{"created", c.Created}, {"invoiced", c.Invoiced}, {"uninvoiced", c.Uninvoiced}} {
		for _, m := range v.v.ByCurrency {
			line("value_"+v.name, m.Currency, "orders", m.Orders)
			line("value_"+v.name, m.Currency, "net", m.Net)
			line("value_"+v.name, m.Currency, "vat", m.VAT)
			line("value_"+v.name, m.Currency, "grand", m.Grand)
		}
		line("value_"+v.name, "in TRY", "net", v.v.NetTRY)
		line("value_"+v.name, "in TRY", "grand", v.v.GrandTRY)
		line("value_"+v.name, "in TRY", "orders_without", v.v.WithoutTRY)
	}
	for _, a := range c.Adjustments {
		line("adjustment", a.Kind+" "+a.Currency, "count", a.Count)
		line("adjustment", a.Kind+" "+a.Currency, "amount", a.Amount)
	}
	for _, t := range c.TopPartners {
		line("top_partner", t.Code+" "+t.Name, "orders", t.Count)
		line("top_partner", t.Code+" "+t.Name, "net_try", t.TRY)
	}
	for _, t := range c.TopServices {
		line("top_service", t.Code+" "+t.Name, "lines", t.Count)
		line("top_service", t.Code+" "+t.Name, "net_try", t.TRY)
	}
	line("trips", "", "count", c.Trips.Count)
	line("trips", "", "cancelled", c.Trips.Cancelled)
	line("trips", "", "returned", c.Trips.Returned)
	line("trips", "", "mean_seconds", orEmpty(c.Trips.Mean))
	line("trips", "", "delayed", c.Trips.Delayed)
	line("gate", "", "entries", c.Gate.Entries)
	line("gate", "", "persons", c.Gate.Persons)
	line("gate", "", "vehicles", c.Gate.Vehicles)
	line("gate", "", "exceptions", c.Gate.Exceptions)
	line("gate", "", "over_vehicles", c.Gate.OverVehicles)
	line("gate", "", "overrun_minutes", c.Gate.OverrunMinutes)
	w.Flush()
	return b.String(), w.Error()
}

// harmless keeps a spreadsheet from taking a name for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func orEmpty[T any](v *T) any {
	if v == nil {
		return ""
	}
	return *v
}

// headlineRow is a figure beside that of the month before.
type headlineRow struct{ Key, Label, Now, Before string }

func (c *Content) headlines() []headlineRow {
	h, p := c.Headline, c.Previous
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	return []headlineRow{
		{"created", "Oluşturulan", n(h.Created), n(p.Created)},
		{"submitted", "Gönderilen", n(h.Submitted), n(p.Submitted)},
		{"approved", "Onaylanan", n(h.Approved), n(p.Approved)},
		{"rejected", "Reddedilen", n(h.Rejected), n(p.Rejected)},
		{"completed", "Tamamlanan", n(h.Completed), n(p.Completed)},
		{"invoiced", "Faturalanan", n(h.Invoiced), n(p.Invoiced)},
		{"closed", "Kapatılan", n(h.Closed), n(p.Closed)},
		{"cancelled", "İptal edilen", n(h.Cancelled), n(p.Cancelled)},
		{"net_try", "Net tutar (TRY)", h.NetTRY.StringFixed(2), p.NetTRY.StringFixed(2)},
		{"trips", "Sefer", n(h.Trips), n(p.Trips)},
		{"gate_entries", "Kapı girişi", n(h.GateEntries), n(p.GateEntries)},
	}
}

// countLists are the lists of counts by section, in order.
func (c *Content) countLists() func(yield func(string, []Count) bool) {
	return func(yield func(string, []Count) bool) {
		_ = yield("status", c.ByStatus) && yield("priority", c.ByPriority) && yield("type", c.ByType) && yield("day", c.ByDay)
	}
}

//go:embed page.gohtml
var pageText string

var document = template.Must(template.New("page").Funcs(template.FuncMap{
	"money":  func(d decimal.Decimal) string { return grouped(d) },
	"span":   span,
	"at":     func(t time.Time) string { return t.In(calendar.Istanbul).Format("02.01.2006 15:04") },
	"bars":   bars,
	"tops":   topBars,
	"word":   word,
	"height": func(b []bar) float64 { return float64(len(b)) * barHeight },
}).Parse(pageText))

// HTML is the report as one page that needs nothing else and prints well.
func HTML(r *ent.MonthlyReport) (string, error) {
	c, err := ContentOf(r)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = document.Execute(&b, struct {
		*Content
		Headlines []headlineRow
		SHA256    string
	}{c, c.headlines(), r.Sha256})
	return b.String(), err
}

// grouped writes 1234567.5 as 1.234.567,50.
func grouped(d decimal.Decimal) string {
	text := d.StringFixed(2)
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "−", text[1:]
	}
	digits, cents, _ := strings.Cut(text, ".")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "." + digits[i:]
	}
	return sign + digits + "," + cents
}

// span writes seconds as hours and minutes.
func span(seconds *int64) string {
	if seconds == nil {
		return "—"
	}
	d := time.Duration(*seconds) * time.Second
	return fmt.Sprintf("%d sa %02d dk", int64(d.Hours()), int64(d.Minutes())%60)
}

// bar is one of a chart: where it stands and how long it is, in units of the drawing.
type bar struct {
	Label, Value string
	Y, Width     float64
	Text         float64 // middle of the line
}

const (
	barHeight = 22.0
	barWidth  = 380.0
)

func bars(list []Count) []bar {
	most := int64(1)
	for _, n := range list {
		most = max(most, n.Count)
	}
	out := make([]bar, 0, len(list))
	for i, n := range list {
		out = append(out, bar{word(n.Name), strconv.FormatInt(n.Count, 10), float64(i) * barHeight, barWidth * float64(n.Count) / float64(most), float64(i)*barHeight + 14})
	}
	return out
}

func topBars(list []Top) []bar {
	most := decimal.NewFromInt(1)
	for _, t := range list {
		most = decimal.Max(most, t.TRY)
	}
	out := make([]bar, 0, len(list))
	for i, t := range list {
		share := decimal.Max(t.TRY, decimal.Zero).Div(most).InexactFloat64() // of a drawing only
		out = append(out, bar{t.Code, grouped(t.TRY), float64(i) * barHeight, barWidth * share, float64(i)*barHeight + 14})
	}
	return out
}

var words = map[string]string{
	"DRAFT": "Taslak", "SUBMITTED": "Gönderildi", "APPROVED": "Onaylandı", "IN_PROGRESS": "İşlemde", "COMPLETED": "Tamamlandı", "INVOICED": "Faturalandı",
	"CLOSED": "Kapatıldı", "REJECTED": "Reddedildi", "CANCELLED": "İptal", "LOW": "Düşük", "MEDIUM": "Normal", "HIGH": "Yüksek", "URGENT": "Acil",
	"SERVICE": "Hizmet", "MOTORBOT": "Motorbot", "BERTHING": "Barınma", "OTHER": "Diğer",
	"SURCHARGE_NIGHT": "Gece zammı", "SURCHARGE_WEEKEND": "Hafta sonu zammı", "SURCHARGE_URGENT": "Acil zammı", "CABOTAGE": "Kabotaj indirimi",
}

// word is the Turkish name of a code.
func word(code string) string {
	if w, ok := words[code]; ok {
		return w
	}
	return code
}
