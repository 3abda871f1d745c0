package page

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/internal/apperr"
)

func TestPageSizeIsBounded(t *testing.T) {
	t.Parallel()
	limits := Limits{Default: 20, Max: 100}
	for name, c := range map[string]struct {
		args Args
		want int // 0: refused
	}{
		"neither first nor last is the default": {Args{}, 20},
		"one row":                               {Args{First: new(1)}, 1},
		"as many rows as allowed":               {Args{First: new(100)}, 100},
		"as many last rows as allowed":          {Args{Last: new(100)}, 100},
		"one row more than allowed":             {Args{First: new(101)}, 0},
		"one last row more than allowed":        {Args{Last: new(101)}, 0},
		"no rows":                               {Args{First: new(0)}, 0},
		"no last rows":                          {Args{Last: new(0)}, 0},
		"minus one row":                         {Args{First: new(-1)}, 0},
		"minus one last row":                    {Args{Last: new(-1)}, 0},
		"both first and last":                   {Args{First: new(5), Last: new(5)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := codec.New(c.args, limits, byCreated, 0)
			if c.want == 0 {
				if !apperr.Is(err, apperr.PageSizeExceeded) || p != nil {
					t.Fatalf("got %v, error %v; want PAGE_SIZE_EXCEEDED", p, err)
				}
				if all, _ := apperr.All(err); all[0].Params["limit"] != 100 {
					t.Errorf("the refusal does not tell the limit: %v", all[0].Params)
				}
				return
			}
			if err != nil || p.Size != c.want {
				t.Errorf("got %v, error %v; want %d rows", p, err, c.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	cursor := codec.encode(byTitle, 0, position{"b", 1})
	three := 3
	forward, backward := Args{First: &three}, Args{Last: &three}
	afterRow, beforeRow := Args{First: &three, After: &cursor}, Args{Last: &three, Before: &cursor}
	for name, c := range map[string]struct {
		args       Args
		rows, want []int // rows as the database gives them: backward from the end
		next, prev bool
	}{
		"an empty list has nothing on either side":          {forward, nil, nil, false, false},
		"an empty list read backward too":                   {backward, nil, nil, false, false},
		"fewer rows than a page are the whole list":         {forward, []int{1, 2}, []int{1, 2}, false, false},
		"exactly a page is the whole list":                  {forward, []int{1, 2, 3}, []int{1, 2, 3}, false, false},
		"a row more tells of a next page":                   {forward, []int{1, 2, 3, 4}, []int{1, 2, 3}, true, false},
		"after a row there are rows before":                 {afterRow, []int{4, 5, 6}, []int{4, 5, 6}, false, true},
		"a page in the middle has rows on both sides":       {afterRow, []int{4, 5, 6, 7}, []int{4, 5, 6}, true, true},
		"after the last row there is nothing but before":    {afterRow, nil, nil, false, true},
		"the last page comes in list order":                 {backward, []int{9, 8, 7, 6}, []int{7, 8, 9}, false, true},
		"exactly a page read backward is the whole list":    {backward, []int{3, 2, 1}, []int{1, 2, 3}, false, false},
		"a page backward in the middle":                     {beforeRow, []int{6, 5, 4, 3}, []int{4, 5, 6}, true, true},
		"the first page read backward":                      {beforeRow, []int{2, 1}, []int{1, 2}, true, false},
		"before the first row there is nothing but a next":  {beforeRow, nil, nil, true, false},
		"a cursor on the far side says nothing about it":    {Args{First: &three, Before: &cursor}, []int{1, 2}, []int{1, 2}, false, false},
		"nor does one on the far side of a walk backward":   {Args{Last: &three, After: &cursor}, []int{2, 1}, []int{1, 2}, false, false},
		"between two cursors the walk's own side is looked": {Args{First: &three, After: &cursor, Before: &cursor}, []int{4, 5, 6, 7}, []int{4, 5, 6}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := codec.New(c.args, Limits{20, 100}, byTitle, 0)
			if err != nil {
				t.Fatal(err)
			}
			got, info := Cut(p, slices.Clone(c.rows))
			if !slices.Equal(got, c.want) || info.HasNextPage != c.next || info.HasPreviousPage != c.prev {
				t.Errorf("got %v, next %v, previous %v; want %v, %v, %v", got, info.HasNextPage, info.HasPreviousPage, c.want, c.next, c.prev)
			}
		})
	}
}

func TestReadGivesTheCursorsOfTheEdges(t *testing.T) {
	t.Parallel()
	p, err := codec.New(Args{First: new(2)}, Limits{20, 100}, byTitle, 7)
	if err != nil {
		t.Fatal(err)
	}
	at := func(row string) (any, int64) { return row, int64(len(row)) }
	counted := 0
	list := Read(p, []string{"a", "bb", "ccc"}, at, func(context.Context) (int, error) { counted++; return 9, nil })
	if !slices.Equal(list.Nodes, []string{"a", "bb"}) || !list.Info.HasNextPage {
		t.Errorf("got %v, %+v", list.Nodes, list.Info)
	}
	if *list.Info.StartCursor != list.Cursor("a") || *list.Info.EndCursor != list.Cursor("bb") {
		t.Error("the page does not begin and end with the cursors of its rows")
	}
	if counted != 0 {
		t.Error("the list was counted although nobody asked")
	}
	if n, err := list.Count(t.Context()); n != 9 || err != nil {
		t.Errorf("count: %d, error %v", n, err)
	}
	next, err := codec.New(Args{After: list.Info.EndCursor}, Limits{20, 100}, byTitle, 7)
	if err != nil || next.after.value != "bb" || next.after.id != 2 {
		t.Errorf("the next page begins after %+v, error %v", next, err)
	}
	if empty := Read(p, nil, at, nil); empty.Info.StartCursor != nil || empty.Info.EndCursor != nil {
		t.Errorf("an empty page has cursors: %+v", empty.Info)
	}
}

// TestApply spells out the SQL of every direction: the position is a row
// comparison, and one row more than the page is asked for.
func TestApply(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		desc   bool
		args   Args
		where  string
		orders string
	}{
		"first rows, ascending":  {false, Args{First: new(2)}, "", "`c`.`title_fold`, `c`.`id`"},
		"last rows, ascending":   {false, Args{Last: new(2)}, "", "`c`.`title_fold` DESC, `c`.`id` DESC"},
		"first rows, descending": {true, Args{First: new(2)}, "", "`c`.`title_fold` DESC, `c`.`id` DESC"},
		"last rows, descending":  {true, Args{Last: new(2)}, "", "`c`.`title_fold`, `c`.`id`"},
		"after a row, ascending": {
			false,
			Args{First: new(2), After: new("b")},
			" WHERE (`c`.`title_fold`, `c`.`id`) > (?, ?)", "`c`.`title_fold`, `c`.`id`",
		},
		"before a row, ascending": {
			false,
			Args{Last: new(2), Before: new("b")},
			" WHERE (`c`.`title_fold`, `c`.`id`) < (?, ?)", "`c`.`title_fold` DESC, `c`.`id` DESC",
		},
		"after a row, descending": {
			true,
			Args{First: new(2), After: new("b")},
			" WHERE (`c`.`title_fold`, `c`.`id`) < (?, ?)", "`c`.`title_fold` DESC, `c`.`id` DESC",
		},
		"before a row, descending": {
			true,
			Args{Last: new(2), Before: new("b")},
			" WHERE (`c`.`title_fold`, `c`.`id`) > (?, ?)", "`c`.`title_fold`, `c`.`id`",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := byTitle
			o.Desc = c.desc
			for _, s := range []**string{&c.args.After, &c.args.Before} {
				if *s != nil {
					*s = new(codec.encode(o, 0, position{**s, 7}))
				}
			}
			p, err := codec.New(c.args, Limits{20, 100}, o, 0)
			if err != nil {
				t.Fatal(err)
			}
			s := sql.Dialect(dialect.SQLite).Select("id").From(sql.Table("cari").As("c"))
			p.Apply(s)
			got, args := s.Query()
			if want := "SELECT `id` FROM `cari` AS `c`" + c.where + " ORDER BY " + c.orders + " LIMIT 3"; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if c.where != "" && fmt.Sprint(args) != "[b 7]" {
				t.Errorf("arguments %v", args)
			}
		})
	}
}
