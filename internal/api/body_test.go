package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/testenv/parts"
)

// marker is a value that must never come back.
const marker = "hunter2"

// properties are the names of the fields of an operation's body, and whether
// it has one.
func (op operation) properties(doc object) (names []string) {
	body, _ := op.description["requestBody"].(object)
	schema := dig(body, "content", "application/json", "schema")
	ref, _ := schema["$ref"].(string)
	if ref != "" {
		schema = dig(doc, "components", "schemas", strings.TrimPrefix(ref, "#/components/schemas/"))
	}
	for name := range dig(schema, "properties") {
		names = append(names, name)
	}
	return names
}

func dig(o object, path ...string) object {
	for _, name := range path {
		o, _ = o[name].(object)
	}
	return o
}

// TestNoValueIsRepeatedInARefusal sends the marker in every place of every
// operation: as the value of each field, in arrays and objects, in parameters,
// in JSON that is none.
func TestNoValueIsRepeatedInARefusal(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	x, operator := s.tenant(t, "acme.test"), s.token(t, "", access.ScopeAdmin)
	doc := s.call(t, operator, "GET", "/openapi.json", nil).body
	sent, refused := 0, 0
	try := func(op operation, path string, body any) {
		t.Helper()
		a := s.call(t, operator, op.method, path, body)
		if sent++; strings.Contains(a.raw, marker) && a.status >= 400 {
			t.Errorf("%s %s with %v: %s", op.method, path, body, a.raw)
		}
		if a.status >= 400 {
			refused++
		}
	}
	for _, op := range operations(t, s) {
		if op.method == http.MethodDelete {
			continue
		}
		path := x.target(op.path)
		names := op.properties(doc)
		for _, name := range names {
			for _, value := range []any{marker, marker + "@" + marker, []any{marker, 1}, object{"nonsense": marker}, object{"setting": marker, "profile_id": marker}} {
				try(op, path, object{name: value})
			}
		}
		if names != nil {
			for _, raw := range []string{marker, `{"name": ` + marker + `}`, `"` + marker + `"`, `["` + marker + `"]`, `{"name": "` + marker, `{"name": "` + marker + `"} ` + marker, "\xff" + marker} {
				try(op, path, raw)
			}
		}
		for _, query := range []string{"limit", "cursor", "status", "role", "sso", "domain", "q", "since", "until", "actor", "action", "organization_id", "email"} {
			try(op, strings.Split(path, "?")[0]+"?"+query+"="+marker, nil)
		}
	}
	if refused < 200 {
		t.Errorf("of %d only %d were refused", sent, refused)
	}
}

// TestUnknownFieldsAreRefusedByName: a mistake in the name of a field must not
// pass for the field left out.
func TestUnknownFieldsAreRefusedByName(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	x, operator := s.tenant(t, "acme.test"), s.token(t, "", access.ScopeAdmin)
	doc := s.call(t, operator, "GET", "/openapi.json", nil).body
	n := 0
	for _, op := range operations(t, s) {
		if op.properties(doc) == nil {
			continue
		}
		n++
		a := s.call(t, operator, op.method, x.target(op.path), object{"nonsense": marker})
		named := false
		errors, _ := a.body["errors"].([]any)
		for _, e := range errors {
			field, _ := e.(object)
			named = named || field["field"] == "nonsense"
		}
		if a.status != 422 || a.code() != "invalid" || !named {
			t.Errorf("%s %s: %d %s", op.method, op.path, a.status, a.raw)
		}
	}
	if n < 15 {
		t.Errorf("%d operations with a body", n)
	}
}

func TestBodiesThatAreNoJSON(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	operator := s.token(t, "", access.ScopeAdmin)
	for name, c := range map[string]struct {
		body, kind string
		want       int
	}{
		"JSON":               {`{"name":"Acme"}`, "application/json", 201},
		"with a charset":     {`{"name":"Acme"}`, "application/json; charset=utf-8", 201},
		"merge patch":        {`{"name":"Acme"}`, "application/merge-patch+json", 201},
		"an empty body":      {"", "application/json", 400},
		"cut off":            {`{"name":"Acme"`, "application/json", 400},
		"not JSON":           {`name=Acme`, "application/json", 400},
		"another kind":       {`name: Acme`, "application/yaml", 400},
		"a form":             {`name=Acme`, "application/x-www-form-urlencoded", 400},
		"an array":           {`[]`, "application/json", 422},
		"null":               {`null`, "application/json", 422},
		"a number":           {`{"name":1}`, "application/json", 422},
		"null for a text":    {`{"name":null}`, "application/json", 422},
		"in other capitals":  {`{"Name":"Acme"}`, "application/json", 422},
		"control characters": {`{"name":"a\u0000b"}`, "application/json", 422},
	} {
		a := s.call(t, operator, "POST", "/organizations", c.body, "Content-Type", c.kind)
		if a.status != c.want {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
		if code := a.code(); c.want == 400 && code != "malformed" || c.want == 422 && code != "invalid" {
			t.Errorf("%s: %s", name, code)
		}
	}
}

func TestBodiesHaveALimit(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	x, operator := s.tenant(t, "acme.test"), s.token(t, "", access.ScopeAdmin)
	filled := func(size int) string { return `{"name":"` + strings.Repeat("a", size-len(`{"name":""}`)) + `"}` }
	for _, c := range []struct {
		path string
		size int
		want string
	}{
		{"/organizations", 64<<10 - 1, "invalid"}, {"/organizations", 64<<10 + 1, "too_large"}, {"/organizations", 10 << 20, "too_large"},
		{x.target("/organizations/{id}/sso-profiles"), 64<<10 + 1, "invalid"}, {x.target("/organizations/{id}/sso-profiles"), 12<<20 + 1, "too_large"},
	} {
		a := s.call(t, operator, "POST", c.path, filled(c.size))
		if a.code() != c.want || a.status == 413 != (c.want == "too_large") {
			t.Errorf("%s with %d octets: %d %.200s", c.path, c.size, a.status, a.raw)
		}
	}
	metadata := string(x.Organization.Profile(t).IdP.Metadata())
	for size, want := range map[int]int{5 << 20: 201, 5<<20 + 1: 422} {
		padded := metadata + strings.Repeat("\n", size-len(metadata))
		if a := s.call(t, operator, "POST", x.target("/organizations/{id}/sso-profiles"), object{"name": "Login", "metadata_xml": padded}); a.status != want {
			t.Errorf("metadata of %d octets: %d %.200s", size, a.status, a.raw)
		}
	}
}

func TestParametersAreChecked(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	x, operator := s.tenant(t, "acme.test"), s.token(t, "", access.ScopeAdmin)
	users, audit := x.target("/organizations/{id}/users"), x.target("/organizations/{id}/audit")
	for query, want := range map[string]int{
		users + "?limit=1": 200, users + "?limit=200": 200, users + "?limit=0": 422, users + "?limit=201": 422, users + "?limit=x": 422, users + "?limit=-1": 422,
		users + "?status=gone": 422, users + "?role=king": 422, users + "?sso=on": 422, users + "?cursor=" + strings.Repeat("x", 101): 422,
		users + "?cursor=nonsense": 200, users + "?q=" + strings.Repeat("x", 201): 422, users + "?q=%00": 400, users + "?q=%ff": 400,
		audit + "?since=2026-01-01T00:00:00Z": 200, audit + "?since=yesterday": 422, audit + "?until=1": 422,
		"/explain": 422, "/explain?email=nonsense": 422, "/explain?email=user@acme.test": 200,
	} {
		if a := s.call(t, operator, "GET", query, nil); a.status != want {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
}

func TestReleasingAsksForANull(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	x, operator := s.tenant(t, "acme.test"), s.token(t, "", access.ScopeAdmin)
	path := x.target("/domains/{id}/enforcement")
	if a := s.call(t, operator, "PUT", path, object{"sso_profile_id": x.ids["sso-profiles"], "acknowledge": true}); a.status != 200 {
		t.Fatal(a.raw)
	}
	for _, body := range []object{{}, {"sso_profile_id": ""}, {"acknowledge": true}} {
		if a := s.call(t, operator, "PUT", path, body); a.status != 422 {
			t.Errorf("%v: %d %s", body, a.status, a.raw)
		}
	}
	if a := s.call(t, operator, "PUT", path, object{"sso_profile_id": nil}); a.status != 200 || fmt.Sprint(a.body["sso_profile_id"]) != "<nil>" {
		t.Errorf("%d %s", a.status, a.raw)
	}
}
