package worklog_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	entcari "aliaport/ent/cari"
	entworklog "aliaport/ent/worklog"
	entworkorder "aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/quote"
	"aliaport/internal/rate"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
	"aliaport/internal/worklog"
	"aliaport/internal/workorder"
)

var now = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)

// site is the field service with a foreman who may do everything there.
type site struct {
	*worklog.Service

	t       *testing.T
	foreman *ent.User
	cari    *ent.Cari
	made    int
}

func newSite(t *testing.T, db *store.DB) *site {
	t.Helper()
	clock := func() time.Time { return now }
	pages, limits := page.NewCodec([]byte("key")), page.Limits{Default: 50, Max: 100}
	return &site{
		Service: &worklog.Service{
			DB: db, Now: clock, Pages: pages, PageLimits: limits, IdempotencyTTL: time.Hour,
			Orders: &workorder.Service{
				DB: db, Now: clock, Pages: pages, PageLimits: limits,
				Quotes: &quote.Service{DB: db, Now: clock, Tariffs: &tariff.Service{DB: db}, Rates: &rate.Service{DB: db, Now: clock}},
			},
		},
		t:       t,
		foreman: db.User.Create().SetEmail("usta@aliaport.example").SetFullName("Ustabaşı").SetPasswordHash("").SaveX(t.Context()),
		cari: db.Cari.Create().SetCariCode("C-1").SetTitle("Şahin").SetTitleFold("sahin").SetSearchText("sahin").
			SetType(entcari.TypeLegal).SetRole(entcari.RoleCustomer).SaveX(t.Context()),
	}
}

func (s *site) ctx() context.Context {
	return s.as(actor.FieldRead, actor.FieldWrite, actor.FieldDelete, actor.FieldApprove, actor.WorkOrderWrite)
}

func (s *site) as(permissions ...actor.Permission) context.Context {
	return actor.With(s.t.Context(), actor.New(s.foreman.ID, s.foreman.Email, s.foreman.FullName, nil, permissions))
}

func (s *site) order(status entworkorder.Status) *ent.WorkOrder {
	s.t.Helper()
	s.made++
	return s.DB.WorkOrder.Create().SetWoNumber(fmt.Sprintf("WO-2026-%05d", s.made)).SetCari(s.cari).SetCariCode("C-1").SetCariTitle("Şahin").
		SetRequester(s.foreman).SetRequesterName("x").SetType(entworkorder.TypeService).SetSubject("vinç").SetSearchText("vinc").
		SetStatus(status).SetCreatedBy(s.foreman.ID).SetUpdatedBy(s.foreman.ID).SaveX(s.t.Context())
}

// work is an hour of somebody, so many hours before now.
func work(wo *ent.WorkOrder, name string, ago int) worklog.CreateInput {
	start := now.Add(-time.Duration(ago) * time.Hour)
	return worklog.CreateInput{WorkOrderID: globalid.ID{Type: "WorkOrder", Key: wo.ID}, PersonnelName: name, Kind: entworklog.KindOther, TimeStart: start, TimeEnd: start.Add(time.Hour)}
}

func id(l *ent.WorkLog) globalid.ID { return globalid.ID{Type: "WorkLog", Key: l.ID} }

func wants(t *testing.T, err error, want apperr.Code, field ...string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	all, ok := apperr.All(err)
	if !ok || len(all) != 1 || all[0].Code != want || len(field) > 0 && strings.Join(all[0].Field, ".") != strings.Join(field, ".") {
		t.Errorf("got %v, want %s at %v", err, want, field)
	}
}

func TestHoursOnTheBill(t *testing.T) {
	t.Parallel()
	for minutes, want := range map[int]string{60: "1", 90: "1.5", 100: "1.67", 1: "0.02", 20: "0.33", 479: "7.98", 480: "8"} {
		if got := worklog.Hours(minutes); got.String() != want {
			t.Errorf("%d minutes are %s hours, want %s", minutes, got, want)
		}
	}
}

func TestOnlyWorkInProgressTakesLogs(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newSite(t, db)
		for status, want := range map[entworkorder.Status]apperr.Code{
			"DRAFT": apperr.WorkOrderLocked, "SUBMITTED": apperr.WorkOrderLocked, "APPROVED": apperr.WorkOrderLocked, "REJECTED": apperr.WorkOrderLocked,
			"CANCELLED": apperr.WorkOrderLocked, "IN_PROGRESS": "", "COMPLETED": apperr.WorkLogCompleted, "INVOICED": apperr.WorkLogCompleted, "CLOSED": apperr.WorkLogCompleted,
		} {
			_, err := s.Create(s.ctx(), work(s.order(status), "Ali", 2))
			wants(t, err, want)
		}
		off := s.order("IN_PROGRESS")
		db.WorkOrder.UpdateOne(off).SetFieldLogAllowed(false).ExecX(t.Context())
		_, err := s.Create(s.ctx(), work(off, "Ali", 2))
		wants(t, err, apperr.WorkOrderLocked, "workOrderId")
		full := s.order("IN_PROGRESS")
		l, err := s.Create(s.ctx(), work(full, "Ali", 2))
		wants(t, err, "")
		// The order is finished behind the log's back.
		db.WorkOrder.UpdateOne(full).SetStatus("COMPLETED").ExecX(t.Context())
		_, err = s.Update(s.ctx(), worklog.UpdateInput{ID: id(l), Version: 1, PersonnelName: new("Veli")})
		wants(t, err, apperr.WorkLogCompleted)
	})
}

func TestLogsGoFromStatusToStatus(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newSite(t, db)
		price := decimal.NewFromInt(100)
		steps := map[string]func(l *ent.WorkLog) error{
			"update": func(l *ent.WorkLog) error {
				return second(s.Update(s.ctx(), worklog.UpdateInput{ID: id(l), Version: 1}))
			},
			"approve": func(l *ent.WorkLog) error { return second(s.Approve(s.ctx(), id(l))) },
			"reject": func(l *ent.WorkLog) error {
				return second(s.Reject(s.ctx(), worklog.RejectInput{ID: id(l), Reason: "Bu saatte kimse yoktu"}))
			},
			"process": func(l *ent.WorkLog) error {
				return second(s.Process(s.ctx(), worklog.ProcessInput{ID: id(l), UnitPrice: &price}))
			},
			"delete": func(l *ent.WorkLog) error { return s.Delete(s.ctx(), id(l)) },
		}
		may := map[entworklog.Status]string{"PENDING": "update approve reject delete", "APPROVED": "process", "REJECTED": "", "PROCESSED": ""}
		wo := s.order("IN_PROGRESS")
		for status, allowed := range may {
			for name, take := range steps {
				l, err := s.Create(s.ctx(), work(wo, fmt.Sprint(status, " ", name), 2))
				if err != nil {
					t.Fatal(err)
				}
				db.WorkLog.UpdateOne(l).SetStatus(status).ExecX(t.Context())
				want := apperr.WorkLogTransition
				if strings.Contains(allowed, name) {
					want = ""
				}
				wants(t, take(l), want)
			}
		}
		for _, take := range steps {
			wants(t, take(&ent.WorkLog{ID: 9999}), apperr.WorkLogNotFound, "id")
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestSomebodyWorksOnceAtATime(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newSite(t, db)
		wo := s.order("IN_PROGRESS")
		first, err := s.Create(s.ctx(), work(wo, "Işıl Şahin", 4))
		wants(t, err, "")
		shifted := func(name string, d time.Duration) worklog.CreateInput {
			in := work(wo, name, 4)
			in.TimeStart, in.TimeEnd = in.TimeStart.Add(d), in.TimeEnd.Add(d)
			return in
		}
		for name, c := range map[string]struct {
			in   worklog.CreateInput
			want apperr.Code
		}{
			"the same hour":              {work(wo, "Işıl Şahin", 4), apperr.WorkLogDuplicate},
			"typed on another keyboard":  {work(wo, "ISIL  SAHIN", 4), apperr.WorkLogDuplicate},
			"a minute of it":             {shifted("Işıl Şahin", 59*time.Minute), apperr.WorkLogDuplicate},
			"the hour after it":          {shifted("Işıl Şahin", time.Hour), ""},
			"the hour before it":         {shifted("Işıl Şahin", -time.Hour), ""},
			"somebody else":              {work(wo, "Işıl Şahinoğlu", 4), ""},
			"another order in that hour": {work(s.order("IN_PROGRESS"), "Işıl Şahin", 4), ""},
		} {
			if _, err := s.Create(s.ctx(), c.in); c.want == "" && err != nil || c.want != "" && !apperr.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = s.Reject(s.ctx(), worklog.RejectInput{ID: id(first), Reason: "Yanlış kişi yazılmış"})
		wants(t, err, "")
		_, err = s.Create(s.ctx(), work(wo, "Işıl Şahin", 4))
		wants(t, err, "") // what was rejected was not worked
	})
}

func TestProcessingPricesTheHours(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newSite(t, db)
		sold := func(code, unit, currency string) *string {
			db.Service.Create().SetCode(code).SetName(code).SetNameFold(code).SetSearchText(code).SetUnit(unit).SetCurrency(currency).
				SetBasePrice(decimal.NewFromInt(120)).SetVatRate(decimal.NewFromInt(10)).SetCalculationType("PER_UNIT").ExecX(t.Context())
			return &code
		}
		zero, fifty := decimal.Zero, decimal.NewFromInt(50)
		for name, c := range map[string]struct {
			service *string
			price   *decimal.Decimal
			want    apperr.Code
			net     string
		}{
			"that of the service":              {sold("A", "SAAT", "TRY"), nil, "", "180"},
			"another one for the service":      {sold("B", "SAAT", "TRY"), &fifty, "", "75"},
			"a service sold by the piece":      {sold("C", "ADET", "TRY"), nil, apperr.Validation, ""},
			"a service in another currency":    {sold("D", "SAAT", "USD"), nil, apperr.RateMissing, ""},
			"no service and no price":          {nil, nil, apperr.Validation, ""},
			"no service and a price of nought": {nil, &zero, "", "0"},
		} {
			wo := s.order("IN_PROGRESS")
			in := work(wo, "Ali", 4)
			in.TimeEnd, in.ServiceCode = in.TimeStart.Add(90*time.Minute), c.service
			l, err := s.Create(s.ctx(), in)
			wants(t, err, "")
			_, err = s.Approve(s.ctx(), id(l))
			wants(t, err, "")
			_, err = s.Process(s.ctx(), worklog.ProcessInput{ID: id(l), UnitPrice: c.price})
			if c.want != "" {
				wants(t, err, c.want)
				if db.WorkLog.GetX(t.Context(), l.ID).Status != "APPROVED" {
					t.Errorf("%s: refused and processed", name)
				}
				continue
			}
			wants(t, err, "")
			item := db.WorkOrder.Query().Where(entworkorder.ID(wo.ID)).QueryItems().OnlyX(t.Context())
			if item.Quantity.String() != "1.5" || item.Unit != "SAAT" || item.TotalAmount.String() != c.net || *item.WorkLogID != l.ID || item.ItemType != "WORKLOG" {
				t.Errorf("%s: the line is %+v", name, item)
			}
			if after := db.WorkOrder.GetX(t.Context(), wo.ID); after.NetTotal.String() != c.net {
				t.Errorf("%s: the order has %s", name, after.NetTotal)
			}
		}
	})
}

// atOnce runs f for 0 … n-1, all let go together, and returns what each ended with.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			errs[i] = f(i)
		})
	}
	done.Wait()
	return errs
}

func TestOfTwoWhoRecordTheSameHourOneWins(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newSite(t, db)
		for n := range rounds {
			wo := s.order("IN_PROGRESS")
			errs := atOnce(2, func(i int) error {
				in := work(wo, fmt.Sprint("Usta ", n), 3)
				in.TimeStart, in.TimeEnd = in.TimeStart.Add(time.Duration(i)*time.Minute), in.TimeEnd.Add(time.Duration(i)*time.Minute)
				return second(s.Create(s.ctx(), in))
			})
			if (errs[0] == nil) == (errs[1] == nil) || !apperr.Is(errs[0], apperr.WorkLogDuplicate) && !apperr.Is(errs[1], apperr.WorkLogDuplicate) {
				t.Fatalf("ended with %v", errs)
			}
		}
	})
}

func TestAnOrderIsNotCompletedOverAPendingLog(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newSite(t, db)
		note := "Bitti"
		for range rounds {
			wo := s.order("IN_PROGRESS")
			errs := atOnce(2, func(i int) error {
				if i == 0 {
					return second(s.Create(s.ctx(), work(wo, "Ali", 2)))
				}
				return second(s.Orders.Take(s.ctx(), workorder.Complete, workorder.StepInput{ID: globalid.ID{Type: "WorkOrder", Key: wo.ID}, Note: &note}))
			})
			logged, completed := errs[0] == nil, errs[1] == nil
			if logged == completed || !logged && !apperr.Is(errs[0], apperr.WorkLogCompleted) || !completed && !apperr.Is(errs[1], apperr.WorkOrderPendingLogs) {
				t.Fatalf("recording ended with %v, completing with %v", errs[0], errs[1])
			}
		}
	})
}

func TestOfTwoWhoProcessALogOneWins(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newSite(t, db)
		price := decimal.NewFromInt(100)
		for range rounds {
			wo := s.order("IN_PROGRESS")
			l, err := s.Create(s.ctx(), work(wo, "Ali", 2))
			wants(t, err, "")
			_, err = s.Approve(s.ctx(), id(l))
			wants(t, err, "")
			errs := atOnce(2, func(int) error { return second(s.Process(s.ctx(), worklog.ProcessInput{ID: id(l), UnitPrice: &price})) })
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("ended with %v", errs)
			}
			if n := db.WorkOrder.Query().Where(entworkorder.ID(wo.ID)).QueryItems().CountX(t.Context()); n != 1 {
				t.Fatalf("%d lines", n)
			}
		}
	})
}

func TestOnlyTheRightsOfTheFieldOpenIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, aliatest.Open(t, dialect.SQLite))
	nobody, some := s.as(actor.WorkOrderWrite), globalid.ID{Type: "WorkLog", Key: 1}
	for name, err := range map[string]error{
		"create":  second(s.Create(nobody, worklog.CreateInput{})),
		"update":  second(s.Update(nobody, worklog.UpdateInput{ID: some})),
		"approve": second(s.Approve(nobody, some)),
		"reject":  second(s.Reject(nobody, worklog.RejectInput{ID: some})),
		"process": second(s.Process(nobody, worklog.ProcessInput{ID: some})),
		"delete":  s.Delete(nobody, some),
		"list":    second(s.List(nobody, worklog.Filter{}, nil, page.Args{})),
		"find":    second(s.Find(nobody, some)),
	} {
		if !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryListOfLogsWalksAnIndex asks the planners how the lists are read among
// 20,000 logs.
func TestEveryListOfLogsWalksAnIndex(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newSite(t, db)
		var orders []*ent.WorkOrder
		for range 200 {
			orders = append(orders, s.order("IN_PROGRESS"))
		}
		columns := []string{"created_at", "updated_at", "work_order_id", "personnel_name", "kind", "time_start", "time_end", "duration_minutes", "quantity", "unit", "status", "version", "created_by"}
		_, err := db.BulkInsert(t.Context(), entworklog.Table, columns, func(yield func([]any, error) bool) {
			for i := range 20_000 {
				start, status := now.Add(time.Duration(-i)*time.Hour), "PROCESSED"
				if i%50 == 0 {
					status = "PENDING"
				}
				if !yield([]any{now, now, orders[i%len(orders)].ID, "Ali", "OTHER", start, start.Add(time.Hour), 60, decimal.NewFromInt(1), "SAAT", status, 1, s.foreman.ID}, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Writer().ExecContext(t.Context(), "ANALYZE"); err != nil {
			t.Fatal(err)
		}
		rec := aliatest.Record(db)
		over := *s.Service
		over.DB = &store.DB{Client: ent.NewClient(ent.Driver(rec))}
		order, pending, processed := globalid.ID{Type: "WorkOrder", Key: orders[3].ID}, entworklog.StatusPending, entworklog.StatusProcessed
		year := &page.Range{From: new(now.AddDate(-1, 0, 0)), To: &now}
		for name, c := range map[string]struct {
			index string
			few   bool
			f     worklog.Filter
		}{
			"all":                    {"work_logs_time_start", false, worklog.Filter{}},
			"of a year":              {"work_logs_time_start", false, worklog.Filter{TimeStart: year}},
			"of an order":            {"work_logs_work_order_id", true, worklog.Filter{WorkOrder: &order}},
			"of an order in a year":  {"work_logs_work_order_id", true, worklog.Filter{WorkOrder: &order, TimeStart: year}},
			"that wait":              {"work_logs_", true, worklog.Filter{Status: &pending}},
			"that were processed":    {"work_logs_", false, worklog.Filter{Status: &processed}},
			"processed of that year": {"work_logs_", false, worklog.Filter{Status: &processed, TimeStart: year}},
		} {
			for _, d := range []page.Direction{page.Asc, page.Desc} {
				l, err := over.List(s.ctx(), c.f, &worklog.Order{Field: worklog.ByStart, Direction: d}, page.Args{First: new(20)})
				if err == nil && l.Info.HasNextPage {
					_, err = over.List(s.ctx(), c.f, &worklog.Order{Field: worklog.ByStart, Direction: d}, page.Args{First: new(20), After: l.Info.EndCursor})
				}
				if err != nil || len(l.Nodes) == 0 {
					t.Fatalf("%s: %v: %d rows", name, err, len(l.Nodes))
				}
				explain, column := "EXPLAIN QUERY PLAN ", 3
				if db.Dialect() == dialect.Postgres {
					explain, column = "EXPLAIN ", 0
				}
				var plan strings.Builder
				for _, row := range aliatest.Rows(t, db.Reader(), explain+rec.Last().Text, rec.Last().Args...) {
					plan.WriteString(row[column] + "\n")
				}
				p := plan.String()
				sorts := strings.Contains(p, "TEMP B-TREE") || strings.Contains(p, "Sort  (") && !strings.Contains(p, "Incremental") && !c.few
				if !strings.Contains(p, c.index) || sorts || strings.Contains(p, "Seq Scan") {
					t.Errorf("%s %s is read so:\n%s", name, d, p)
				}
			}
		}
	})
}
