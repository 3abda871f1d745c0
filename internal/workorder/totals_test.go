package workorder_test

import (
	"context"
	"regexp"
	"testing"
	"time"

	"aliaport/ent"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/store"
	"aliaport/internal/workorder"
)

// TestEveryChangeSumsUpAtOnce: a new order comes with its sums, any other change writes
// the order a single time, and the sums follow what the change made of the order.
func TestEveryChangeSumsUpAtOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		who := o.as(actor.WorkOrderWrite, actor.WorkOrderApprove)
		update := regexp.MustCompile("^UPDATE .work_orders. ")
		number := regexp.MustCompile("^INSERT INTO number_sequences ")
		var wo *ent.WorkOrder
		step := func(what, net string, updates int, do func(ctx context.Context) (*ent.WorkOrder, error)) {
			t.Helper()
			stats := &store.Stats{Record: true}
			var err error
			if wo, err = do(store.WithStats(who, stats)); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if !wo.NetTotal.Equal(amount(net)) || !wo.NetTotalTry.Equal(wo.NetTotal) || !wo.GrandTotal.Equal(amount(net).Mul(amount("1.2"))) {
				t.Errorf("%s: %v net, %v gross, %v in TRY; want %s", what, wo.NetTotal, wo.GrandTotal, wo.NetTotalTry, net)
			}
			n, reserved, asked := 0, false, 0
			for _, s := range stats.Statements() {
				if update.MatchString(s.Text) {
					n++
				}
				if reserved && s.Text[:6] == "SELECT" {
					asked++
				}
				reserved = reserved || number.MatchString(s.Text)
			}
			if n != updates {
				t.Errorf("%s: the order is updated %d times, want %d", what, n, updates)
			}
			// What was made is read again after the commit, and nothing before.
			if created := updates == 0; created != reserved || created && asked != 1 {
				t.Errorf("%s: a number is reserved: %v, and then %d questions are asked", what, reserved, asked)
			}
		}
		saturday := time.Date(2026, 9, 19, 9, 0, 0, 0, time.UTC)
		monday := saturday.AddDate(0, 0, 2)
		work := workorder.ItemInput{ItemType: workorderitem.ItemTypeResource, ResourceCode: new("VINC"), Unit: new("SAAT"), Quantity: amount("1"), UnitPrice: new(amount("100"))}
		id := func() globalid.ID { return globalid.ID{Type: "WorkOrder", Key: wo.ID} }
		change := func(in workorder.UpdateInput) func(ctx context.Context) (*ent.WorkOrder, error) {
			return func(ctx context.Context) (*ent.WorkOrder, error) {
				in.ID, in.Version = id(), wo.Version
				return o.Update(ctx, in)
			}
		}
		choose := func(flags *workorder.SurchargeFlags) func(ctx context.Context) (*ent.WorkOrder, error) {
			return func(ctx context.Context) (*ent.WorkOrder, error) {
				return o.SetSurcharges(ctx, workorder.SurchargesInput{ID: id(), Version: wo.Version, Surcharges: flags, Reason: new("Vardiya dışı çalışma.")})
			}
		}
		take := func(a workorder.Action) func(ctx context.Context) (*ent.WorkOrder, error) {
			return func(ctx context.Context) (*ent.WorkOrder, error) {
				return o.Take(ctx, a, workorder.StepInput{ID: id(), Note: new("Vardiya dışı çalışma.")})
			}
		}
		step("made on a Saturday", "150", 0, func(ctx context.Context) (*ent.WorkOrder, error) {
			return o.Create(ctx, workorder.CreateInput{
				CariCode: new("C-1"), Type: entworkorder.TypeService, Subject: "Vinç", Priority: entworkorder.PriorityLow, PlannedStart: &saturday,
				ApplyRuleAddons: true, Items: []workorder.ItemInput{work},
			})
		})
		step("another line", "300", 1, func(ctx context.Context) (*ent.WorkOrder, error) {
			return o.AddItem(ctx, workorder.AddItemInput{WorkOrderID: id(), Item: work})
		})
		step("cabotage", "270", 1, change(workorder.UpdateInput{IsCabotage: new(true)}))
		step("urgent", "351", 1, change(workorder.UpdateInput{Priority: new(entworkorder.PriorityUrgent)}))
		step("another subject", "351", 1, change(workorder.UpdateInput{Subject: new("Vinç ve forklift")}))
		step("on Monday", "234", 1, change(workorder.UpdateInput{PlannedStart: input.Change[time.Time]{Given: true, To: &monday}}))
		step("no surcharges", "180", 1, change(workorder.UpdateInput{ApplyRuleAddons: new(false)}))
		step("surcharges again", "234", 1, change(workorder.UpdateInput{ApplyRuleAddons: new(true)}))
		step("by hand", "225", 1, choose(&workorder.SurchargeFlags{Night: true}))
		step("priced anew", "225", 1, func(ctx context.Context) (*ent.WorkOrder, error) {
			return o.Recalculate(ctx, workorder.RecalculateInput{ID: id(), Version: wo.Version})
		})
		step("by the rule again", "234", 1, choose(nil))
		step("approved", "234", 1, take(workorder.Approve))
		o.Now = func() time.Time { return saturday }
		step("begun on a Saturday", "351", 1, take(workorder.Start))
		step("done", "351", 1, take(workorder.Complete))
	})
}
