package parameter

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/parameter"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/cache"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Service changes and finds parameters.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Cache      *cache.Cache
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a create can be repeated under its key.
	IdempotencyTTL time.Duration
}

// MaxInCategory bounds a category, which is read in one piece.
const MaxInCategory = 500

var (
	categoryForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,49}$`)
	codeForm     = regexp.MustCompile(`^[A-Z0-9][A-Z0-9_./-]{0,99}$`)
	// Everybody signed in reads parameters; what must stay secret is a setting of the server.
	secretForm = regexp.MustCompile(`PASSWORD|PASSWD|PAROLA|SIFRE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL`)
)

// CreateInput describes a new parameter.
type CreateInput struct {
	Category       string
	Code           string
	Name           string
	Value          string
	Description    *string
	DataType       *parameter.DataType // that of the category when nil
	SortNo         int
	IdempotencyKey *string
}

// Create makes a parameter. Codes can be added to lists such as the units of
// measure, and to categories of the port's own; not to settings.
func (s *Service) Create(ctx context.Context, in CreateInput) (*ent.Parameter, error) {
	if err := actor.Require(ctx, actor.ParameterWrite); err != nil {
		return nil, err
	}
	typ, err := in.clean()
	if err != nil {
		return nil, err
	}
	var id int64
	err = s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "createParameter", in, func() (int64, error) {
			return s.create(ctx, tx, in, typ)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.reread(ctx, id)
}

func (in *CreateInput) clean() (parameter.DataType, error) {
	var faults apperr.Errors
	c, knows := categories[in.Category]
	if c.closed || !categoryForm.MatchString(in.Category) {
		faults.Add(apperr.New(apperr.ParameterCategory, "category", in.Category).At("category"))
	}
	switch {
	case !codeForm.MatchString(in.Code):
		faults.Add(apperr.Invalid("code", apperr.ParameterCode))
	case secretForm.MatchString(in.Code) || secretForm.MatchString(in.Category):
		faults.Add(apperr.Invalid("code", apperr.NoSecrets))
	}
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	faults.Add(input.Text("name", &in.Name, 1, 200))
	faults.Add(input.OptionalText("description", &in.Description, 1000))
	faults.Add(checkSort(&in.SortNo))
	typ := c.typ
	switch {
	case in.DataType == nil && !knows:
		typ = parameter.DataTypeString
	case in.DataType != nil && knows && *in.DataType != typ:
		faults.Add(apperr.Invalid("dataType", apperr.NotOneOf, "possible", typ))
	case in.DataType != nil:
		typ = *in.DataType
	}
	if e := input.Text("value", &in.Value, 1, 500); e != nil {
		faults.Add(e)
	} else if e := checkValue(typ, in.Value); e != nil {
		faults.Add(e)
	} else if c.check != nil {
		faults.Add(c.check(in.Code, in.Value))
	}
	return typ, faults.OrNil()
}

func checkSort(n *int) *apperr.Error {
	const most = 1_000_000_000
	if n != nil && (*n < 0 || *n > most) {
		return apperr.Invalid("sortNo", apperr.OutOfRange, "min", 0, "max", most)
	}
	return nil
}

// alone keeps other changes to parameters waiting until the transaction ends: some
// depend on others, and there are few. On SQLite the transaction itself does that.
func (s *Service) alone(ctx context.Context, tx *ent.Tx) error {
	if s.DB.Dialect() != dialect.Postgres {
		return nil
	}
	const lock = 0x706172616d // "param"
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", lock); err != nil {
		return fmt.Errorf("lock the parameters: %w", err)
	}
	return nil
}

func (s *Service) create(ctx context.Context, tx *ent.Tx, in CreateInput, typ parameter.DataType) (int64, error) {
	if err := s.alone(ctx, tx); err != nil {
		return 0, err
	}
	taken, err := tx.Parameter.Query().Where(parameter.Category(in.Category), parameter.Code(in.Code)).Exist(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for parameter %s: %w", in.Code, err)
	}
	if taken {
		return 0, apperr.New(apperr.ParameterDuplicate, "category", in.Category, "code", in.Code).At("code")
	}
	n, err := tx.Parameter.Query().Where(parameter.Category(in.Category)).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count parameters of %s: %w", in.Category, err)
	}
	if n >= MaxInCategory {
		return 0, apperr.Invalid("category", apperr.TooMany, "max", MaxInCategory)
	}
	now := s.Now()
	p, err := tx.Parameter.Create().SetCategory(in.Category).SetCode(in.Code).SetName(in.Name).SetValue(in.Value).SetDataType(typ).
		SetNillableDescription(in.Description).SetSortNo(in.SortNo).SetCreatedAt(now).SetUpdatedAt(now).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("create parameter %s: %w", in.Code, err)
	}
	if err := s.remember(ctx, tx, p.ID, nil, p.Value, true); err != nil {
		return 0, err
	}
	return p.ID, audit.Record(ctx, tx, now, audit.Event{
		Action: audit.Create, Resource: audit.Parameter, EntityID: p.ID,
		Changes: audit.Changes{"category": {nil, p.Category}, "code": {nil, p.Code}, "name": {nil, p.Name}, "value": {nil, p.Value}},
	})
}

// remember adds a value to the history of a parameter.
func (s *Service) remember(ctx context.Context, tx *ent.Tx, id int64, was *string, is string, active bool) error {
	who := actor.From(ctx)
	c := tx.ParameterHistory.Create().SetParameterID(id).SetNillableOldValue(was).SetNewValue(is).SetIsActive(active).
		SetUserName(who.Name).SetCreatedAt(s.Now())
	if who.ID != 0 {
		c.SetUserID(who.ID)
	}
	if err := c.Exec(ctx); err != nil {
		return fmt.Errorf("remember the value of parameter %d: %w", id, err)
	}
	return nil
}

// UpdateInput changes a parameter. Nil fields and changes not given stay.
type UpdateInput struct {
	ID          globalid.ID
	Version     int // as it was read
	Name        *string
	Value       *string
	Description input.Change[string]
	SortNo      *int
}

// Update changes a parameter. The value must be one that those who read it expect.
// On VERSION_CONFLICT the current one comes back with the refusal.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.Parameter, error) {
	if err := actor.Require(ctx, actor.ParameterWrite); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, p *ent.Parameter) error {
		if err := in.clean(p); err != nil {
			return err
		}
		return s.update(ctx, tx, p, in)
	})
}

func (in *UpdateInput) clean(p *ent.Parameter) error {
	var faults apperr.Errors
	if in.Name != nil {
		faults.Add(input.Text("name", in.Name, 1, 200))
	}
	faults.Add(input.OptionalText("description", &in.Description.To, 1000))
	faults.Add(checkSort(in.SortNo))
	if in.Value != nil {
		if e := input.Text("value", in.Value, 1, 500); e != nil {
			faults.Add(e)
		} else {
			faults.Add(fits(p, *in.Value))
		}
	}
	return faults.OrNil()
}

// fits holds a new value to the type of the parameter and to what its readers expect.
func fits(p *ent.Parameter, value string) *apperr.Error {
	if e := checkValue(p.DataType, value); e != nil {
		return e
	}
	if k, ok := isKnown(p.Category, p.Code); ok && k.check != nil {
		return k.check(value)
	}
	if c := categories[p.Category]; c.check != nil {
		return c.check(p.Code, value)
	}
	return nil
}

func (s *Service) update(ctx context.Context, tx *ent.Tx, p *ent.Parameter, in UpdateInput) error {
	u, changes := tx.Parameter.UpdateOne(p), audit.Changes{}
	audit.Put(changes, "name", in.Name, p.Name, u.SetName)
	audit.Put(changes, "value", in.Value, p.Value, u.SetValue)
	audit.Put(changes, "sort_no", in.SortNo, p.SortNo, u.SetSortNo)
	audit.PutOrDrop(changes, "description", in.Description, p.Description, u.SetDescription, u.ClearDescription)
	if err := u.AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("update parameter %d: %w", p.ID, err)
	}
	if in.Value != nil && *in.Value != p.Value {
		if err := s.remember(ctx, tx, p.ID, &p.Value, *in.Value, p.IsActive); err != nil {
			return err
		}
		if err := consistent(ctx, tx, p, "value"); err != nil {
			return err
		}
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.ParameterChange, Resource: audit.Parameter, EntityID: p.ID, Changes: changes})
}

// ActivityInput switches a parameter off or on.
type ActivityInput struct {
	ID      globalid.ID
	Version int
}

// Deactivate keeps a value from being chosen any more. What a rule reads is refused;
// parameters are never removed.
func (s *Service) Deactivate(ctx context.Context, in ActivityInput) (*ent.Parameter, error) {
	if err := actor.Require(ctx, actor.ParameterDelete); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, p *ent.Parameter) error {
		if k, _ := isKnown(p.Category, p.Code); p.IsSystem || k.System {
			return apperr.New(apperr.ParameterRequired, "code", p.Code).At("id")
		}
		if err := s.setActive(ctx, tx, p, false, audit.Delete); err != nil {
			return err
		}
		return consistent(ctx, tx, p, "id")
	})
}

// Activate lets a value be chosen again.
func (s *Service) Activate(ctx context.Context, in ActivityInput) (*ent.Parameter, error) {
	if err := actor.Require(ctx, actor.ParameterWrite); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, p *ent.Parameter) error {
		return s.setActive(ctx, tx, p, true, audit.Update)
	})
}

func (s *Service) setActive(ctx context.Context, tx *ent.Tx, p *ent.Parameter, active bool, action audit.Action) error {
	if err := tx.Parameter.UpdateOne(p).SetIsActive(active).AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("switch parameter %d: %w", p.ID, err)
	}
	changes := audit.Changes{}
	if changes.Set("is_active", p.IsActive, active); len(changes) > 0 {
		if err := s.remember(ctx, tx, p.ID, &p.Value, p.Value, active); err != nil {
			return err
		}
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: action, Resource: audit.Parameter, EntityID: p.ID, Changes: changes})
}

// chosen are the settings whose value must be one that may be chosen.
var chosen = []struct {
	setting Known
	among   string
}{
	{DefaultCurrency.Known, Currencies},
	{ItemVATRate.Known, VATRates},
	{TripVATRate.Known, VATRates},
}

// consistent refuses a change after which a setting would not be one of the values
// that may be chosen. at is the input field at fault.
func consistent(ctx context.Context, tx *ent.Tx, changed *ent.Parameter, at string) error {
	choices, err := ChoicesOf(ctx, tx.Client(), Currencies, VATRates, System, Invoicing, TripCategory)
	if err != nil {
		return err
	}
	for _, c := range chosen {
		value := choices[c.setting.Category][c.setting.Code]
		if c.among == VATRates {
			if rate, err := decimal.NewFromString(value); err == nil && choices.VATRate("", rate) == nil {
				continue
			}
		} else if choices.Has(c.among, value) {
			continue
		}
		if c.setting.Category == changed.Category && c.setting.Code == changed.Code {
			return invalid(apperr.NotActive, "category", c.among)
		}
		return apperr.New(apperr.ParameterRequired, "code", changed.Code).At(at)
	}
	return nil
}

// change runs a change to a locked parameter whose version must be the one that was
// read.
func (s *Service) change(ctx context.Context, id globalid.ID, version int, do func(*ent.Tx, *ent.Parameter) error) (*ent.Parameter, error) {
	key, err := id.Of("Parameter")
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		if err := s.alone(ctx, tx); err != nil {
			return err
		}
		p, err := tx.Parameter.Get(ctx, key)
		switch {
		case ent.IsNotFound(err):
			return apperr.New(apperr.ParameterNotFound).At("id")
		case err != nil:
			return fmt.Errorf("read parameter %d: %w", key, err)
		case p.Version != version:
			return apperr.New(apperr.VersionConflict, "current", p.Version, "expected", version)
		}
		return do(tx, p)
	})
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	p, again := s.reread(ctx, key)
	if again != nil {
		return nil, again
	}
	return p, err
}

func (s *Service) reread(ctx context.Context, id int64) (*ent.Parameter, error) {
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	p, err := s.DB.Parameter.Get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read parameter %d again: %w", id, err)
	}
	return p, nil
}
