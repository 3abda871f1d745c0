// Package notification tells people what concerns them: in their list, by e-mail and
// by webhook. What is to be told is written in the transaction of what causes it, so
// that neither exists without the other; it leaves the house afterwards, at least
// once, under an id that stays the same.
package notification

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"aliaport/ent"
	"aliaport/ent/notificationevent"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
)

// Words are a text in both languages. {name} stands for a value.
type Words apperr.Text

// In returns the text in the language, its values filled in.
func (w Words) In(lang apperr.Lang, values map[string]any) string {
	return apperr.Text(w).In(lang, values)
}

// kind says how an event of a kind is told.
type kind struct {
	severity notificationevent.Severity
	// to is the permission of those who are told; empty: only those whom the event names.
	to             actor.Permission
	title, message Words
}

const (
	info     = notificationevent.SeverityInfo
	warning  = notificationevent.SeverityWarning
	critical = notificationevent.SeverityCritical
)

// kinds has every kind; a test sees to that. In the texts {name} stands for a value of
// the event's data; names that end in At are instants, told in the port's time.
var kinds = map[notificationevent.Kind]kind{
	notificationevent.KindWorkOrderCreated: {
		info, actor.WorkOrderApprove,
		Words{TR: "Acil iş emri açıldı: {woNumber}", EN: "Urgent work order: {woNumber}"},
		Words{TR: "{by}, {cariTitle} için acil bir iş emri açtı: {subject}", EN: "{by} has made an urgent work order for {cariTitle}: {subject}"},
	},
	notificationevent.KindWorkOrderSubmitted: {
		info, actor.WorkOrderApprove,
		Words{TR: "Onay bekleyen iş emri: {woNumber}", EN: "Work order to approve: {woNumber}"},
		Words{TR: "{by}, {cariTitle} için bir iş emrini onaya gönderdi: {subject}", EN: "{by} has submitted a work order for {cariTitle}: {subject}"},
	},
	notificationevent.KindWorkOrderApproved: {
		info, "",
		Words{TR: "İş emriniz onaylandı: {woNumber}", EN: "Your work order was approved: {woNumber}"},
		Words{TR: "{by} iş emrinizi onayladı: {subject}", EN: "{by} has approved your work order: {subject}"},
	},
	notificationevent.KindWorkOrderRejected: {
		warning, "",
		Words{TR: "İş emriniz reddedildi: {woNumber}", EN: "Your work order was rejected: {woNumber}"},
		Words{TR: "{by} iş emrinizi reddetti: {subject}. Gerekçe: {note}", EN: "{by} has rejected your work order: {subject}. Reason: {note}"},
	},
	notificationevent.KindWorkOrderStarted: {
		info, "",
		Words{TR: "İş emriniz başladı: {woNumber}", EN: "Your work order has begun: {woNumber}"},
		Words{TR: "{by} işe başladı: {subject}", EN: "{by} has begun the work: {subject}"},
	},
	notificationevent.KindWorkOrderCompleted: {
		info, actor.WorkOrderInvoice,
		Words{TR: "İş emri tamamlandı: {woNumber}", EN: "Work order completed: {woNumber}"},
		Words{TR: "{cariTitle} için iş tamamlandı, fatura bekliyor: {subject}", EN: "The work for {cariTitle} is done and waits for its invoice: {subject}"},
	},
	notificationevent.KindWorkOrderInvoiced: {
		info, "",
		Words{TR: "İş emriniz faturalandı: {woNumber}", EN: "Your work order was invoiced: {woNumber}"},
		Words{TR: "{by} iş emrinizi faturaladı: {subject}", EN: "{by} has invoiced your work order: {subject}"},
	},
	notificationevent.KindWorkOrderOverdue: {
		warning, actor.WorkOrderApprove,
		Words{TR: "İş emri gecikti: {woNumber}", EN: "Work order overdue: {woNumber}"},
		Words{TR: "{cariTitle} için iş {plannedAt} tarihinde bitecekti: {subject}", EN: "The work for {cariTitle} was to end at {plannedAt}: {subject}"},
	},
	notificationevent.KindTripDelayed: {
		warning, actor.TripWrite,
		Words{TR: "Sefer gecikti: {tripNo}", EN: "Trip late: {tripNo}"},
		Words{TR: "{boat} {plannedAt} saatinde dönecekti, hâlâ seferde.", EN: "{boat} was to return at {plannedAt} and is still under way."},
	},
	notificationevent.KindTripNotDeparted: {
		warning, actor.TripWrite,
		Words{TR: "Sefer çıkmadı: {tripNo}", EN: "Trip not departed: {tripNo}"},
		Words{TR: "{boat} {plannedAt} saatinde çıkacaktı, hâlâ çıkmadı.", EN: "{boat} was to depart at {plannedAt} and has not."},
	},
	notificationevent.KindVehicleOver4h: {
		warning, actor.GateWrite,
		Words{TR: "Araç süresini aştı: {plate}", EN: "Vehicle inside too long: {plate}"},
		Words{TR: "{woNumber} ile giren {plate} {entryAt} saatinden beri içeride.", EN: "{plate}, let in for {woNumber}, has been inside since {entryAt}."},
	},
	notificationevent.KindGateException: {
		warning, actor.WorkOrderApprove,
		Words{TR: "Kapıda istisna: {woNumber}", EN: "Exception at the gate: {woNumber}"},
		Words{TR: "{by} eksiklere rağmen giriş verdi ({failed}). Gerekçe: {reason}", EN: "{by} has let somebody in despite {failed}. Reason: {reason}"},
	},
	notificationevent.KindRateSyncFailed: {
		critical, actor.RateWrite,
		Words{TR: "Kurlar güncel değil", EN: "Exchange rates are out of date"},
		Words{TR: "Son bülten {day} tarihli; yenisi alınamadı.", EN: "The newest bulletin is that of {day}; none has come since."},
	},
	notificationevent.KindRateJump: {
		warning, actor.RateWrite,
		Words{TR: "Kur sıçradı: {currency}", EN: "Exchange rate jumped: {currency}"},
		Words{TR: "{day} bülteninde {currency} kuru sınırdan fazla değişti; onay bekliyor.", EN: "In the bulletin of {day} {currency} changed by more than the limit and waits for review."},
	},
	notificationevent.KindPriceListExpiring: {
		warning, actor.TariffWrite,
		Words{TR: "Tarife bitiyor: {code}", EN: "Price list ends: {code}"},
		Words{TR: "{name} tarifesi {day} tarihinde bitiyor.", EN: "The price list {name} ends on {day}."},
	},
	notificationevent.KindBackupFailed: {
		critical, actor.JobRun,
		Words{TR: "Yedek alınamadı", EN: "Backup failed"},
		Words{TR: "Yedekleme başarısız: {error}", EN: "The backup failed: {error}"},
	},
	notificationevent.KindJobFailed: {
		critical, actor.JobRun,
		Words{TR: "Zamanlanmış iş başarısız: {job}", EN: "Scheduled job failed: {job}"},
		Words{TR: "{job} işi başarısız oldu: {error}", EN: "The job {job} failed: {error}"},
	},
	notificationevent.KindMonthlyReportReady: {
		info, actor.ReportRead,
		Words{TR: "Aylık rapor hazır: {month}", EN: "Monthly report ready: {month}"},
		Words{TR: "{month} ayının iş emri raporu hazır.", EN: "The work order report of {month} is ready."},
	},
}

// Title is the event in a few words.
func Title(e *ent.NotificationEvent, lang apperr.Lang) string {
	return kinds[e.Kind].title.In(lang, values(e, lang))
}

// Text is the event in a sentence.
func Text(e *ent.NotificationEvent, lang apperr.Lang) string {
	return kinds[e.Kind].message.In(lang, values(e, lang))
}

// values are the data of an event as its texts show them. Every name of the texts has
// one, so that nobody reads {note}.
func values(e *ent.NotificationEvent, lang apperr.Lang) map[string]any {
	data := map[string]any{}
	if len(e.Data) > 0 {
		_ = json.Unmarshal(e.Data, &data) // what cannot be read is shown as a dash
	}
	k := kinds[e.Kind]
	for _, name := range append(names(k.title.TR), names(k.message.TR)...) {
		switch v := data[name].(type) {
		case nil:
			data[name] = "–"
		case string:
			if at, err := time.Parse(time.RFC3339, v); err == nil && strings.HasSuffix(name, "At") {
				data[name] = at.In(calendar.Istanbul).Format(instantForm[lang])
			}
		}
	}
	return data
}

var instantForm = map[apperr.Lang]string{apperr.Turkish: "02.01.2006 15:04", apperr.English: "2006-01-02 15:04"}

// names are the names in braces of a text.
func names(text string) (all []string) {
	for {
		_, after, ok := strings.Cut(text, "{")
		if !ok {
			return all
		}
		name, rest, ok := strings.Cut(after, "}")
		if !ok {
			return all
		}
		all, text = append(all, name), rest
	}
}

// Instant is a moment as the data of events keeps it.
func Instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func dedupeKey(e Event) string { return fmt.Sprintf("%s:%s", e.Kind, e.Key) }

// IsKind tells whether there is a kind of that name.
func IsKind(name string) bool {
	_, ok := kinds[notificationevent.Kind(name)]
	return ok
}
