package canonical

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestJSONHasOneForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ doc, want string }{
		{` { "b" : [ 1 , 2.50, -0.0 ] , "a":{ } , "ab":null } `, `{"a":{},"ab":null,"b":[1,2.50,0.0]}`},
		{`"\u011f\u0131\/\ud83d\ude00\u0007\n"`, `"ğı/😀\u0007\n"`},
		{`[1e2,1E+2,-1.50e1,15e-1,1e-7,0e5,-0e-2,1e999999999]`, `[100,100,-15.0,1.5,0.0000001,0,0.00,1e999999999]`},
		{`{"x":1,"x":2,"a":{"k":1,"k":{"k":3}}}`, `{"a":{"k":{"k":3}},"x":2}`},
		{`true`, `true`},
		{`[]`, `[]`},
		{`""`, `""`},
		{`{"İzmir":"Şişli","Izmir":"ığ"}`, `{"Izmir":"ığ","İzmir":"Şişli"}`},
	} {
		if got, err := AppendJSON([]byte("before "), []byte(c.doc)); err != nil || string(got) != "before "+c.want {
			t.Errorf("%s\nbecame %s, error %v\nwant   before %s", c.doc, got, err, c.want)
		}
	}
}

func TestJSONThatPostgreSQLCannotKeepIsRefused(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]error{
		``: ErrSyntax, `{`: ErrSyntax, `[1,]`: ErrSyntax, `{"a":1,}`: ErrSyntax, `{"a"}`: ErrSyntax, `{a:1}`: ErrSyntax, `01`: ErrSyntax, `1.`: ErrSyntax, `-`: ErrSyntax,
		`1 2`: ErrSyntax, `"a`: ErrSyntax, "\"a\nb\"": ErrSyntax, `"\x"`: ErrSyntax, `"\u12"`: ErrSyntax, `nul`: ErrSyntax, `"\`: ErrSyntax, `1e`: ErrSyntax,
		strings.Repeat("[", 600) + strings.Repeat("]", 600): ErrSyntax,
		`"\u0000"`: ErrNUL, `{"a\u0000":1}`: ErrNUL,
		`"\ud800"`: ErrSurrogate, `"\ud800x"`: ErrSurrogate, `"\udc00"`: ErrSurrogate, `"\ud800\u0041"`: ErrSurrogate,
		"\"\xff\"": ErrUTF8,
	} {
		if got, err := AppendJSON(nil, []byte(doc)); !errors.Is(err, want) {
			t.Errorf("%q became %s, error %v, want %v", doc, got, err, want)
		}
	}
	if _, err := AppendStrictly(nil, []byte(`{"b":1,"a":2,"b":3}`)); !errors.Is(err, ErrRepeated) {
		t.Errorf("a repeated key gives %v", err)
	}
}

// FuzzAppendJSON: what is accepted means the same to encoding/json, is stable, and valid.
func FuzzAppendJSON(f *testing.F) {
	for _, doc := range []string{`{"b":[1,2.5e3,{"x":"\u0041\\"}],"a":null}`, `[[],{},"",0,-0.0,1e-3]`, `{"a":1,"a":2}`, `"\ud83d\ude00"`} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := AppendJSON(nil, doc)
		if err != nil {
			if json.Valid(doc) && errors.Is(err, ErrSyntax) && !bytes.Contains(doc, []byte("[[[[[[[[")) && !bytes.Contains(doc, []byte(`{"":{"":`)) {
				t.Fatalf("%q is refused: %v", doc, err)
			}
			return
		}
		again, err := AppendJSON(nil, got)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q became %q and then %q, error %v", doc, got, again, err)
		}
		var a, b any
		if err := json.Unmarshal(doc, &a); err != nil {
			if strings.Contains(err.Error(), "cannot unmarshal number") {
				return // beyond a float
			}
			t.Fatalf("%q is accepted: %v", doc, err)
		}
		if err := json.Unmarshal(got, &b); err != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("%q became %q, error %v", doc, got, err)
		}
	})
}
