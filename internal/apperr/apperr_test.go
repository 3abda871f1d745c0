package apperr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"
)

func TestMessage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    *Error
		tr, en string
	}{
		"the text of the code": {New(CariNotFound), "Cari bulunamadı.", "There is no such customer account."},
		"with its parameters": {
			New(VersionConflict, "current", 4, "expected", 3),
			"Kayıt bu arada değişti (sürüm 4, beklenen 3).", "The record has changed meanwhile (version 4, expected 3).",
		},
		"a reason instead of the code's text":             {Invalid("subject", Length, "min", 3, "max", 120), "3 ile 120 karakter arasında olmalı.", "Must have between 3 and 120 characters."},
		"a parameter that was not given stays visible":    {New(CariInactive), "Cari {cariCode} pasif.", "The customer account {cariCode} is inactive."},
		"a parameter without a value is left out":         {New(CariInactive, "cariCode", "C-1", "lonely"), "Cari C-1 pasif.", "The customer account C-1 is inactive."},
		"a parameter that the text does not know is kept": {New(CariNotFound, "id", 7), "Cari bulunamadı.", "There is no such customer account."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.err.Message(Turkish); got != c.tr {
				t.Errorf("Turkish: %q, want %q", got, c.tr)
			}
			if got := c.err.Message(English); got != c.en {
				t.Errorf("English: %q, want %q", got, c.en)
			}
			if got := c.err.Message(""); got != c.tr {
				t.Errorf("no language: %q, want the Turkish %q", got, c.tr)
			}
		})
	}
}

func TestErrorTextIsForTheLog(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"CARI_NOT_FOUND: There is no such customer account.":                                            New(CariNotFound),
		"VALIDATION_ERROR: This field is required. (items.0.unit)":                                      Invalid("unit", Required).At("items", "0"),
		"CARI_NOT_FOUND: There is no such customer account.: EOF":                                       New(CariNotFound).Because(io.EOF),
		"CARI_NOT_FOUND: There is no such customer account.; VALIDATION_ERROR: The input is not valid.": Errors{New(CariNotFound), New(Validation)},
		"close trip 4: CARI_NOT_FOUND: There is no such customer account. (id): EOF":                    fmt.Errorf("close trip 4: %w", New(CariNotFound).At("id").Because(io.EOF)),
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestAtAndBecauseLeaveTheOriginalAlone(t *testing.T) {
	t.Parallel()
	declared := New(WorkOrderLocked, "status", "CLOSED")
	one, two := declared.At("cariCode"), declared.At("type").Because(io.EOF)
	deep := Invalid("unit", Required).At("0").At("items")
	if len(declared.Field) != 0 || declared.Unwrap() != nil {
		t.Errorf("the original now points at %v because of %v", declared.Field, declared.Unwrap())
	}
	if !slices.Equal(one.Field, []string{"cariCode"}) || !slices.Equal(two.Field, []string{"type"}) || !slices.Equal(deep.Field, []string{"items", "0", "unit"}) {
		t.Errorf("fields %v, %v, %v", one.Field, two.Field, deep.Field)
	}
	if one.Params["status"] != "CLOSED" || !errors.Is(two, io.EOF) || one.Unwrap() != nil {
		t.Errorf("parameters %v, causes %v and %v", one.Params, two.Unwrap(), one.Unwrap())
	}
	path := []string{"items", "0"}
	first := New(Validation).At(path...)
	path[1] = "1"
	if !slices.Equal(first.Field, []string{"items", "0"}) {
		t.Errorf("the field changed with the caller's slice: %v", first.Field)
	}
}

func TestIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"the code itself":              {New(CariNotFound), true},
		"with a field and a cause":     {New(CariNotFound).At("id").Because(io.EOF), true},
		"wrapped":                      {fmt.Errorf("find: %w", New(CariNotFound)), true},
		"one of several":               {Errors{New(Validation), New(CariNotFound)}, true},
		"one of several, wrapped":      {fmt.Errorf("find: %w", Errors{New(Validation), New(CariNotFound)}), true},
		"joined with another error":    {errors.Join(io.EOF, New(CariNotFound)), true},
		"the cause of another refusal": {New(Validation).Because(New(CariNotFound)), true},
		"another code":                 {New(Validation), false},
		"none of several":              {Errors{New(Validation), New(Duplicate)}, false},
		"no refusals":                  {Errors{}, false},
		"an ordinary error":            {io.EOF, false},
		"no error":                     {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Is(c.err, CariNotFound); got != c.want {
				t.Errorf("Is(%v, CARI_NOT_FOUND) = %v", c.err, got)
			}
		})
	}
	if !errors.Is(New(CariNotFound).Because(io.EOF), io.EOF) {
		t.Error("the cause is not found")
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	one, two := New(CariNotFound), New(Validation)
	for name, c := range map[string]struct {
		err  error
		want Errors
	}{
		"one refusal":                {one, Errors{one}},
		"one refusal, wrapped":       {fmt.Errorf("find: %w", one), Errors{one}},
		"several refusals":           {Errors{one, two}, Errors{one, two}},
		"several refusals, wrapped":  {fmt.Errorf("find: %w", Errors{one, two}), Errors{one, two}},
		"an ordinary error":          {io.EOF, nil},
		"an ordinary error, wrapped": {fmt.Errorf("find: %w", io.EOF), nil},
		"the end of the context":     {context.Canceled, nil},
		"no error holds no refusal":  {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := All(c.err)
			if !slices.Equal(got, c.want) || ok != (c.want != nil) {
				t.Errorf("got %v, %v; want %v", got, ok, c.want)
			}
		})
	}
}

func TestMovedFaultsPointWhereTheInputHasThem(t *testing.T) {
	t.Parallel()
	price := Invalid("unitPrice", Required).At("items", "0").Because(io.EOF)
	for name, c := range map[string]struct {
		err      error
		from, to []string
		want     []string
	}{
		"a list has another name":          {price, []string{"items"}, []string{"lines"}, []string{"lines", "0", "unitPrice"}},
		"the only line is the whole":       {price, []string{"items", "0"}, nil, []string{"unitPrice"}},
		"the only line has a name":         {price, []string{"items", "0"}, []string{"item"}, []string{"item", "unitPrice"}},
		"it goes deeper":                   {price, []string{"items"}, []string{"input", "lines"}, []string{"input", "lines", "0", "unitPrice"}},
		"the path itself":                  {New(Validation).At("items"), []string{"items"}, []string{"lines"}, []string{"lines"}},
		"another line":                     {price, []string{"items", "1"}, []string{"item"}, []string{"items", "0", "unitPrice"}},
		"less than the path":               {New(Validation).At("items"), []string{"items", "0"}, []string{"item"}, []string{"items"}},
		"the whole":                        {New(Validation), []string{"items"}, []string{"lines"}, nil},
		"a name that only begins the same": {New(Validation).At("itemsToo"), []string{"items"}, []string{"lines"}, []string{"itemsToo"}},
		"wrapped":                          {fmt.Errorf("price: %w", price), []string{"items"}, []string{"lines"}, []string{"lines", "0", "unitPrice"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, ok := All(Moved(c.err, c.from, c.to...))
			if !ok || len(all) != 1 || !slices.Equal(all[0].Field, c.want) {
				t.Errorf("got %v, want %q", all, c.want)
			}
		})
	}
	moved := Moved(Errors{price, New(CariInactive, "cariCode", "C-1").At("cariCode")}, []string{"items", "0"})
	if all, _ := All(moved); len(all) != 2 || !errors.Is(all[0], io.EOF) || all[0].Text != Required || all[1].Params["cariCode"] != "C-1" {
		t.Errorf("cause, text or parameters are lost: %v", moved)
	}
	if !slices.Equal(price.Field, []string{"items", "0", "unitPrice"}) {
		t.Errorf("the original now points at %v", price.Field)
	}
	if err := Moved(io.EOF, []string{"items"}, "lines"); err != io.EOF { //nolint:errorlint // the same, not one that wraps it
		t.Errorf("an ordinary error became %v", err)
	}
	if err := Moved(nil, []string{"items"}); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestErrorsCollectsWhatIsWrong(t *testing.T) {
	t.Parallel()
	var es Errors
	es.Add(nil)
	if err := es.OrNil(); err != nil {
		t.Errorf("nothing was wrong, but %v", err)
	}
	es.Add(Invalid("subject", Required))
	es.Add(nil)
	es.Add(Invalid("cariCode", Required))
	all, ok := All(es.OrNil())
	if !ok || len(all) != 2 || all[0].Field[0] != "subject" || all[1].Field[0] != "cariCode" {
		t.Errorf("got %v", all)
	}
}

func TestRetryAfterTravels(t *testing.T) {
	t.Parallel()
	e := New(RateLimited)
	e.RetryAfter = 3 * time.Second
	if got := e.At("x").Because(io.EOF).RetryAfter; got != 3*time.Second {
		t.Errorf("got %v", got)
	}
}

func TestLanguageIsTurkishUnlessSaidOtherwise(t *testing.T) {
	t.Parallel()
	if got := LangFrom(t.Context()); got != Turkish {
		t.Errorf("got %s", got)
	}
	if got := LangFrom(WithLang(t.Context(), English)); got != English {
		t.Errorf("got %s", got)
	}
}
