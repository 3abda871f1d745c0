package cost_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"aliaport/graph/cost"
	"aliaport/graph/gen"
	"aliaport/internal/apperr"
	"aliaport/server/playground"
)

var (
	schema = gen.NewExecutableSchema(gen.Config{}).Schema()
	meter  = cost.NewMeter(schema, cost.Sizes{Page: 50, List: 10})
)

const board = `query Board($first: Int!, $after: String) { workOrders(first: $first, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { cursor node { id woNumber status subject priority createdAt cari { id cariCode title }
    items { id quantity unitPrice service { id code name unit } } } } } }`

// parsed is a document of any length.
func parsed(tb testing.TB, query string) *ast.QueryDocument {
	tb.Helper()
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		tb.Fatalf("%v in %.200s", err, query)
	}
	return doc
}

// variables are as the endpoint reads them.
func variables(tb testing.TB, text string) map[string]any {
	tb.Helper()
	if text == "" {
		return nil
	}
	var v map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestNodesAreTheObjectsOfTheAnswer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		query, variables string
		want             int
	}{
		"a scalar is none":                                   {`{ __typename }`, ``, 0},
		"one record is one":                                  {`{ workOrder(id: "a") { id } }`, ``, 1},
		"a page is itself and its rows":                      {`{ workOrders(first: 20) { nodes { id } } }`, ``, 21},
		"an edge is an object too":                           {`{ workOrders(first: 20) { edges { node { id } } } }`, ``, 41},
		"edges and nodes are two lists":                      {`{ workOrders(first: 20) { edges { cursor } nodes { id } } }`, ``, 41},
		"pageInfo is one, whatever the page size":            {`{ workOrders(first: 20) { pageInfo { endCursor } totalCount } }`, ``, 2},
		"last is a page size":                                {`{ workOrders(last: 20) { nodes { id } } }`, ``, 21},
		"of first and last the larger counts":                {`{ workOrders(first: 20, last: 30) { nodes { id } } }`, ``, 31},
		"without a page size it is the default":              {`{ workOrders { nodes { id } } }`, ``, 51},
		"null is no page size":                               {`{ workOrders(first: null) { nodes { id } } }`, ``, 51},
		"a page size above the maximum counts as given":      {`{ workOrders(first: 100000) { nodes { id } } }`, ``, 100_001},
		"a huge page size stops at the ceiling":              {`{ workOrders(first: 99999999999999999999) { nodes { id } } }`, ``, cost.Ceiling},
		"a negative page size is nothing":                    {`{ workOrders(first: -5) { nodes { id } } }`, ``, 1},
		"a hugely negative page size is nothing":             {`{ workOrders(first: -99999999999999999999) { nodes { id } } }`, ``, 1},
		"a float is refused later":                           {`{ workOrders(first: 2.5) { nodes { id } } }`, ``, 3},
		"a list without arguments has ten":                   {`{ workOrder(id: "a") { items { service { id } } } }`, ``, 21},
		"lists below lists multiply":                         {`{ workOrders(first: 3) { nodes { items { service { id } } } } }`, ``, 1 + 3 + 30 + 30},
		"siblings add up":                                    {`{ a: workOrders(first: 3) { nodes { id } } b: workOrders(first: 4) { nodes { id } } }`, ``, 9},
		"a fragment on a page takes the page's size":         {`{ a: workOrders(first: 3) { ...F } b: workOrders(first: 4) { ...F } } fragment F on WorkOrderConnection { nodes { id } }`, ``, 9},
		"a fragment spread twice counts twice":               {`{ workOrder { ...F ...F } } fragment F on WorkOrder { cari { id } }`, ``, 3},
		"an inline fragment is no level":                     {`{ workOrders(first: 3) { ... on WorkOrderConnection { ... { nodes { id } } } } }`, ``, 4},
		"all types of an interface count":                    {`{ node(id: "a") { ... on WorkOrder { cari { id } } ... on WorkOrderItem { service { id } } } }`, ``, 3},
		"nodes has as many as there are ids":                 {`{ nodes(ids: ["a", "b", "c"]) { ... on WorkOrder { items { id } } } }`, ``, 3 + 30},
		"one id is a list of one":                            {`{ nodes(ids: "a") { id } }`, ``, 1},
		"ids in a variable":                                  {`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, `{"ids": ["a", "b"]}`, 2},
		"one id in a variable":                               {`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, `{"ids": "a"}`, 1},
		"no ids":                                             {`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, `{"ids": []}`, 0},
		"a variable of the request":                          {`query($n: Int) { workOrders(first: $n) { nodes { id } } }`, `{"n": 7}`, 8},
		"a variable without a value":                         {`query($n: Int) { workOrders(first: $n) { nodes { id } } }`, ``, 51},
		"a variable that is null":                            {`query($n: Int = 3) { workOrders(first: $n) { nodes { id } } }`, `{"n": null}`, 51},
		"a variable's default":                               {`query($n: Int = 3) { workOrders(first: $n) { nodes { id } } }`, ``, 4},
		"a variable goes before its default":                 {`query($n: Int = 3) { workOrders(first: $n) { nodes { id } } }`, `{"n": 8}`, 9},
		"a text that will be coerced counts":                 {`query($n: Int) { workOrders(first: $n) { nodes { id } } }`, `{"n": "5000"}`, 5001},
		"an exponent counts":                                 {`query($n: Int) { workOrders(first: $n) { nodes { id } } }`, `{"n": 1e3}`, 1001},
		"a huge variable stops at the ceiling":               {`query($n: Int) { workOrders(first: $n) { nodes { id } } }`, `{"n": 1e300}`, cost.Ceiling},
		"a number with a thousand digits":                    {`query($n: Int) { workOrders(first: $n) { nodes { id } } }`, `{"n": 1` + strings.Repeat("0", 1000) + `}`, cost.Ceiling},
		"a negative variable is nothing":                     {`query($n: Int) { workOrders(first: $n) { nodes { id } } }`, `{"n": -1e300}`, 1},
		"a variable of another type is refused later":        {`query($n: Int) { workOrders(first: $n) { nodes { id } } }`, `{"n": {"a": 1}}`, 51},
		"a variable that nobody declared":                    {`{ workOrders(first: $n) { nodes { id } } }`, ``, 51},
		"a variable deep in fragments":                       {`query($n: Int) { ...A } fragment A on Query { a: workOrders(first: 2) { ...B } ...C } fragment B on WorkOrderConnection { nodes { items { id } } } fragment C on Query { c: workOrders(last: $n) { ...B } }`, `{"n": 4}`, 1 + 2 + 20 + 1 + 4 + 40},
		"a literal and a variable: the larger":               {`query($n: Int) { workOrders(first: 9, last: $n) { nodes { id } } }`, `{"n": 4}`, 10},
		"skipped fields count":                               {`{ workOrder(id: "a") @skip(if: true) { cari { id } } }`, ``, 2},
		"introspection is no data":                           {`{ __schema { types { name } } }`, ``, 0},
		"the board of 50":                                    {board, `{"first": 50}`, 1 + 1 + 50*(1+1+1+10+10)},
		"an unknown field counts as one object":              {`{ what(first: 9) { ever { is } } }`, ``, 2},
		"an unknown fragment is nothing":                     {`{ workOrder { ...Nowhere } }`, ``, 1},
		"a fragment on an unknown type":                      {`{ ...F } fragment F on Nothing { a { b } }`, ``, 1},
		"of fragments of one name the first counts":          {`{ ...F } fragment F on Query { workOrder { id } } fragment F on Query { workOrders { nodes { id } } }`, ``, 1},
		"an object without a selection":                      {`{ workOrder }`, ``, 1},
		"a scalar with a selection":                          {`{ workOrder { id { a } } }`, ``, 2},
		"a fragment that spreads itself counts once":         {`{ workOrder { ...F } } fragment F on WorkOrder { cari { id } ...F }`, ``, 2},
		"fragments that spread each other end":               {`{ workOrder { ...F } } fragment F on WorkOrder { cari { id } ...G } fragment G on WorkOrder { items { id } ...F }`, ``, 12},
		"another operation does not count":                   {`query A { workOrder { id } } query B { workOrders { nodes { id } } }`, ``, 0},
		"a subscription that the schema has not":             {`subscription { a { b } }`, ``, 1},
		"a mutation counts what its answer holds":            {`mutation { submitWorkOrder(input: {id: "a"}) { workOrder { items { id } } userErrors { code } } }`, ``, 1 + 1 + 10 + 10},
		"products beyond the ceiling stay there":             {`{ workOrders(first: 2000000000) { nodes { items { service { id } } history { user { id } } } } }`, ``, cost.Ceiling},
		"nothing times the ceiling is nothing":               {`{ workOrders(first: 0) { nodes { items { service { id } } } } }`, ``, 1},
		"a type in another's place still ends":               {`{ workOrder { ... on Query { workOrder { ... on Query { workOrder { id } } } } } }`, ``, 3},
		"first where the field knows none changes nothing":   {`{ workOrder(first: 1000) { items(first: 1000) { id } } }`, ``, 11},
		"variables of one name size and count independently": {`query($x: Int) { workOrders(first: $x) { nodes { id } } nodes(ids: $x) { id } }`, `{"x": [1, 2, 3]}`, 51 + 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := meter.Measure(parsed(t, tt.query)).Cost("", variables(t, tt.variables)).Nodes; got != tt.want {
				t.Errorf("%d nodes, want %d", got, tt.want)
			}
		})
	}
}

func TestEveryMeasureCountsWhatItSays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		query, operation, variables string
		measure                     func(cost.Cost) int
		want                        int
	}{
		"depth counts the leaf":                      {`{ workOrder { cari { id } } }`, "", "", depth, 3},
		"fragments are no levels":                    {`{ workOrder { ...F } } fragment F on WorkOrder { ... on WorkOrder { ... { cari { id } } } }`, "", "", depth, 3},
		"the deepest branch counts":                  {`{ viewer { id } workOrder { items { service { id } } } }`, "", "", depth, 4},
		"depth of a fragment at several levels":      {`{ ...Q workOrder { ...F } } fragment F on WorkOrder { cari { id } } fragment Q on Query { workOrders { nodes { ...F } } }`, "", "", depth, 4},
		"depth of the operation that is asked for":   {`query A { viewer { id } } query B { workOrder { cari { id } } }`, "A", "", depth, 2},
		"introspection is no depth of data":          {`{ __schema { types { fields { type { name } } } } }`, "", "", depth, 1},
		"introspection has a depth of its own":       {`{ __schema { types { fields { type { name } } } } }`, "", "", schemaDepth, 5},
		"ofType is a level":                          {`{ __type(name: "A") { ofType { ...F } } } fragment F on __Type { ofType { ofType { name } } }`, "", "", schemaDepth, 5},
		"introspection in a fragment":                {`{ ...F } fragment F on Query { s: __schema { queryType { name } } }`, "", "", schemaDepth, 3},
		"introspection in the wrong place":           {`{ workOrder { __schema { types { name } } } }`, "", "", schemaDepth, 3},
		"root fields through fragments":              {`{ viewer { id } ...F ... { a: viewer { id } } } fragment F on Query { b: viewer { id } c: viewer { id } }`, "", "", rootFields, 4},
		"an alias is another name":                   {`{ a: viewer { id b: id id: id } }`, "", "", aliases, 2},
		"aliases through fragments":                  {`{ viewer { ...F ...F ...F } } fragment F on Viewer { a: id b: id }`, "", "", aliases, 6},
		"aliases of fragments that nobody spreads":   {`{ viewer { id } } fragment F on Viewer { a: id b: id }`, "", "", aliases, 2},
		"aliases of all operations as written":       {`query A { viewer { id } } query B { a: viewer { id } }`, "A", "", aliases, 1},
		"directives anywhere":                        {`query A($a: Int @x) @x { viewer @x { ...F @x ... @x { id } } } fragment F on Viewer @x { id @x }`, "", "", directives, 7},
		"directives through fragments":               {`{ viewer { ...F ...F ...F } } fragment F on Viewer { id @x @x }`, "", "", directives, 6},
		"spreads through fragments":                  {`{ viewer { ...F ...F } } fragment F on Viewer { ...G ...G } fragment G on Viewer { id }`, "", "", fragments, 6},
		"spreads of fragments that are unknown":      {`{ ...F ...G }`, "", "", fragments, 2},
		"repeats of one field on one type":           {`{ a: viewer { id } b: viewer { id id } workOrder { id } }`, "", "", repeats, 3},
		"repeats of unknown fields":                  {`{ x x x x }`, "", "", repeats, 4},
		"repeats in fragments as written":            {`{ viewer { id ...F ...F } } fragment F on Viewer { id }`, "", "", repeats, 2},
		"depth of an argument":                       {`{ workOrders(filter: {a: [{b: 1}]}) { totalCount } }`, "", "", inputDepth, 3},
		"depth of a default":                         {`query($a: [[Int]] = [[1]]) { viewer { id } }`, "", "", inputDepth, 2},
		"depth of an argument of a directive":        {`{ viewer @x(a: [[[]]]) { id } }`, "", "", inputDepth, 3},
		"depth of a variable":                        {`{ viewer { id } }`, "", `{"a": {"b": [{"c": 1}]}, "d": 1}`, inputDepth, 3},
		"plain variables have no depth":              {`{ viewer { id } }`, "", `{"a": 1, "b": null}`, inputDepth, 0},
		"one login":                                  {`mutation { login(input: {}) { accessToken } }`, "", "", logins, 1},
		"logins under aliases, in fragments":         {`mutation { a: login { accessToken } ...F ...F ... { b: login { accessToken } } } fragment F on Mutation { c: login { accessToken } }`, "", "", logins, 4},
		"a change of password tries one, too":        {`mutation { login { accessToken } changePassword { userErrors { code } } }`, "", "", logins, 2},
		"a query has no login":                       {`{ login { accessToken } }`, "", "", logins, 0},
		"a field called login elsewhere":             {`mutation { submitWorkOrder { login } }`, "", "", logins, 0},
		"fields of every object":                     {`{ workOrders(first: 5) { totalCount nodes { id cari { id title } } } }`, "", "", fields, 1 + 2 + 5*(2+2)},
		"introspection is no field of data":          {`{ viewer { id } __schema { types { name fields { name } } } }`, "", "", fields, 2},
		"an operation that is not there":             {`query A { viewer { id } }`, "B", "", depth, 0},
		"two operations and no name":                 {`query A { viewer { id } } query B { viewer { id } }`, "", "", fields, 0},
		"of operations of one name the first counts": {`query A { viewer { id } } query A { workOrder { cari { id } } }`, "A", "", depth, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.measure(meter.Measure(parsed(t, tt.query)).Cost(tt.operation, variables(t, tt.variables))); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func depth(c cost.Cost) int       { return c.Depth }
func schemaDepth(c cost.Cost) int { return c.SchemaDepth }
func inputDepth(c cost.Cost) int  { return c.InputDepth }
func rootFields(c cost.Cost) int  { return c.RootFields }
func aliases(c cost.Cost) int     { return c.Aliases }
func directives(c cost.Cost) int  { return c.Directives }
func fragments(c cost.Cost) int   { return c.Fragments }
func repeats(c cost.Cost) int     { return c.Repeats }
func logins(c cost.Cost) int      { return c.Logins }
func fields(c cost.Cost) int      { return c.Fields }

func TestPagesAndListsFollowTheSchema(t *testing.T) {
	t.Parallel()
	own, err := gqlSchema(`
		type Query {
			rows(first: Int = 7): [Row!]!
			grid: [[Row]]
			plain: RowConnection
			some(ids: [ID!]): [Row]
		}
		type Row { id: ID rows(first: Int, last: Int): RowConnection }
		interface Page { rows: [Row] }
		type RowConnection implements Page { rows: [Row] next: Row }`)
	if err != nil {
		t.Fatal(err)
	}
	m := cost.NewMeter(own, cost.Sizes{Page: 30, List: 4})
	for name, tt := range map[string]struct {
		query string
		want  int
	}{
		"a list with first is a page":                      {`{ rows(first: 3) { id } }`, 3},
		"a default of the schema":                          {`{ rows { id } }`, 7},
		"a list of lists":                                  {`{ grid { id } }`, 16},
		"a page that takes no size":                        {`{ plain { rows { id } next { id } } }`, 1 + 30 + 1},
		"a list where ids may be absent":                   {`{ some { id } }`, 4},
		"pages in pages":                                   {`{ rows(first: 2) { rows(last: 5) { rows { rows { rows { id } } } } } }`, 2 * (1 + 1 + 5*(1+1+30))},
		"a list of an interface is sized by what holds it": {`{ rows(first: 1) { rows(first: 6) { ... on Page { rows { id } } } } }`, 1 + 1 + 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := m.Measure(parsed(t, tt.query)).Cost("", nil).Nodes; got != tt.want {
				t.Errorf("%d nodes, want %d", got, tt.want)
			}
		})
	}
}

func TestUsualQueriesPassTheDefaults(t *testing.T) {
	t.Parallel()
	type request struct{ query, variables string }
	requests := map[string]request{
		"the board of 100":       {board, `{"first": 100}`},
		"a tool's introspection": {introspection.Query, ""},
	}
	examples, err := playground.Examples()
	if err != nil || len(examples) < 8 {
		t.Fatalf("%d examples, %v", len(examples), err)
	}
	for _, e := range examples {
		requests[e.Name] = request{e.Query, string(e.Variables)}
	}
	for _, f := range schema.Query.Fields {
		if strings.HasSuffix(f.Type.Name(), "Connection") {
			requests["all of "+f.Name] = request{fmt.Sprintf("{ %s(first: 25) %s }", f.Name, everything(schema.Types[f.Type.Name()], 1)), ""}
		}
	}
	for name, r := range requests {
		limits := cost.Defaults()
		doc, err := limits.Parse(r.query)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c := meter.Measure(doc).Cost("", variables(t, r.variables))
		if refused := limits.Check(c); refused != nil || c.Cycle {
			t.Errorf("%s: %v %v", name, refused, refused.Params)
		}
		t.Logf("%-28s %+v", name, c)
	}
}

// everything selects every field of an object that needs no arguments.
func everything(typ *ast.Definition, depth int) string {
	var b strings.Builder
	b.WriteString("{ __typename")
	for _, f := range typ.Fields {
		switch of := schema.Types[f.Type.Name()]; {
		case strings.HasPrefix(f.Name, "__") || len(f.Arguments) > 0:
		case of.IsLeafType():
			b.WriteString(" " + f.Name)
		case depth < 4:
			b.WriteString(" " + f.Name + " " + everything(of, depth+1))
		}
	}
	return b.String() + " }"
}

func TestALimitRefusesOnlyWhatIsOverIt(t *testing.T) {
	t.Parallel()
	c := cost.Cost{
		Depth: 5, SchemaDepth: 5, InputDepth: 5, RootFields: 5, Aliases: 5, Directives: 5, Fragments: 5, Repeats: 5, Logins: 5,
		Nodes: 5, Fields: 5, SchemaNodes: 5,
	}
	for measure, tt := range map[string]struct {
		limits func(int) cost.Limits
		code   apperr.Code
	}{
		"depth":       {func(n int) cost.Limits { return cost.Limits{Depth: n} }, apperr.QueryTooDeep},
		"schemaDepth": {func(n int) cost.Limits { return cost.Limits{SchemaDepth: n} }, apperr.QueryTooDeep},
		"inputDepth":  {func(n int) cost.Limits { return cost.Limits{InputDepth: n} }, apperr.QueryTooDeep},
		"aliases":     {func(n int) cost.Limits { return cost.Limits{Aliases: n} }, apperr.TooManyAliases},
		"logins":      {func(n int) cost.Limits { return cost.Limits{Logins: n} }, apperr.QueryTooComplex},
		"rootFields":  {func(n int) cost.Limits { return cost.Limits{RootFields: n} }, apperr.QueryTooComplex},
		"directives":  {func(n int) cost.Limits { return cost.Limits{Directives: n} }, apperr.QueryTooComplex},
		"fragments":   {func(n int) cost.Limits { return cost.Limits{Fragments: n} }, apperr.QueryTooComplex},
		"repeats":     {func(n int) cost.Limits { return cost.Limits{Repeats: n} }, apperr.QueryTooComplex},
		"nodes":       {func(n int) cost.Limits { return cost.Limits{Nodes: n} }, apperr.QueryTooComplex},
		"fields":      {func(n int) cost.Limits { return cost.Limits{Fields: n} }, apperr.QueryTooComplex},
		"schemaNodes": {func(n int) cost.Limits { return cost.Limits{SchemaNodes: n} }, apperr.QueryTooComplex},
	} {
		for _, n := range []int{0, 5, 6} {
			if e := tt.limits(n).Check(c); e != nil {
				t.Errorf("%s 5 is refused with limit %d: %v", measure, n, e)
			}
		}
		e := tt.limits(4).Check(c)
		if e == nil || e.Code != tt.code || e.Params["measure"] != measure || e.Params["limit"] != 4 || e.Params["actual"] != 5 {
			t.Errorf("%s 5 with limit 4: %v", measure, e)
		} else if !strings.Contains(e.Message(apperr.Turkish), measure) || !strings.Contains(e.Message(apperr.English), measure) {
			t.Errorf("%s is not named: %v", measure, e)
		}
		measuring := tt.limits(4)
		measuring.MeasureOnly = true
		if refused := measuring.Check(c) != nil; refused != (measure == "logins") || measuring.Over(c) == nil {
			t.Errorf("%s: measuring refuses (%t), or does not tell", measure, refused)
		}
		if text, err := json.Marshal(c); err != nil || !strings.Contains(string(text), `"`+measure+`":5`) {
			t.Errorf("%s is not shown to clients: %s", measure, text)
		}
	}
}

func TestADocumentIsParsedWithinItsTokens(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		query string
		limit int
		code  apperr.Code // empty: parsed; "syntax": the parser's own error
	}{
		"just fits":                       {`{ a b c }`, 5, ""},
		"one too many":                    {`{ a b c d }`, 5, apperr.TooManyTokens},
		"no limit":                        {"{ " + strings.Repeat("a ", 50_000) + "}", 0, ""},
		"a wrong one":                     {`{ a`, 5, "syntax"},
		"a long wrong one is too long":    {`{ a b c ! d e f`, 5, apperr.TooManyTokens},
		"a megabyte of names":             {"{ " + strings.Repeat("a ", 500_000) + "}", 2000, apperr.TooManyTokens},
		"a megabyte of text is one token": {`{ a(b: "` + strings.Repeat("x", 1<<20) + `") }`, 2000, ""},
		"commas are none":                 {"{ a" + strings.Repeat(",", 1<<20) + "}", 2000, ""},
		"open sets end at the limit":      {strings.Repeat("{ a ", 100_000), 2000, apperr.TooManyTokens},
		"open sets end without a limit":   {strings.Repeat("{ a ", 100_000), 0, "syntax"},
		"open lists end without a limit":  {"{ a(b: " + strings.Repeat("[", 100_000), 0, "syntax"},
		"open types end without a limit":  {"query($a: " + strings.Repeat("[", 100_000), 0, "syntax"},
		"comments count":                  {"{ a" + strings.Repeat(" #\n", 10) + "}", 10, apperr.TooManyTokens},
		"NUL and broken UTF-8 are wrong":  {"{ a \x00 \xff }", 2000, "syntax"},
		"nothing":                         {"", 2000, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := cost.Limits{Tokens: tt.limit}.Parse(tt.query)
			switch {
			case tt.code == "" && (err != nil || doc == nil):
				t.Errorf("refused with %v", err)
			case tt.code == "syntax" && (err == nil || len(errorCode(err)) > 0):
				t.Errorf("want the parser's error, have %v", err)
			case tt.code != "" && tt.code != "syntax" && errorCode(err) != tt.code:
				t.Errorf("want %s, have %v", tt.code, err)
			}
		})
	}
}

func errorCode(err error) apperr.Code {
	if all, ok := apperr.All(err); ok {
		return all[0].Code
	}
	return ""
}
