package api_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/imports"
	"sallyport/internal/testenv/parts"
)

// wait asks for an import until it has ended.
func (p *program) wait(path string) (o object) {
	p.t.Helper()
	for range 3000 {
		o = p.do(200, "GET", path, nil)
		undo := get(o, "undo.status")
		if (o["status"] == "done" || o["status"] == "failed") && (undo == nil || undo == "done") {
			return o
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatalf("%v", o)
	return nil
}

func TestImportsAtTheAPI(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		p.Work(t)
		s := newServer(t, p)
		x := s.tenant(t, "acme.test")
		u := &program{s, t, s.token(t, x.ID, access.ScopeUsers)}
		post := func(query, kind, body string) answer {
			p.Pass(time.Millisecond)
			return s.call(t, u.secret, "POST", "/organizations/"+x.ID+"/imports"+query, body, "Content-Type", kind)
		}
		const file = "email,name\none@acme.test,One\nnonsense,Two\none@acme.test,\n"

		a := post("?dry_run=true", "text/csv; charset=utf-8", file)
		if a.status != 202 || !strings.HasPrefix(a.body["id"].(string), "job_") {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		u.has(a.body, object{"status": "queued", "dry_run": true, "invite": true, "source": "csv", "total": 3.0, "done": 0.0, "undo": nil, "code": nil, "finished_at": nil})
		dry := u.wait("/imports/" + a.body["id"].(string))
		u.has(dry, object{"status": "done", "done": 3.0, "created": 1.0, "updated": 0.0, "unchanged": 1.0, "failed": 1.0})
		if n := p.Count(t, "select count(*) from users where email = 'one@acme.test'"); n != 0 {
			t.Error("the dry run has changed something")
		}
		made := u.do(202, "POST", "/imports/"+a.body["id"].(string)+"/confirm?invite=false", nil)
		at := "/imports/" + made["id"].(string)
		u.has(u.wait(at), object{"status": "done", "created": 1.0, "unchanged": 1.0, "failed": 1.0, "invite": false, "dry_run": false})
		u.has(u.do(200, "GET", at+"/rows?limit=2", nil), object{"items.0.email": "one@acme.test", "items.0.result": "created", "items.0.number": 2.0,
			"items.1.result": "failed", "items.1.code": "invalid", "items.1.reason": "email is not an e-mail address", "next_cursor": "3"})
		u.has(u.do(200, "GET", at+"/rows?limit=2&cursor=3", nil), object{"items.0.result": "unchanged", "next_cursor": nil})
		u.has(u.do(200, "GET", at+"/rows?result=failed", nil), object{"items.0.email": "nonsense", "items.1": nil})
		csv := s.call(t, u.secret, "GET", at+"/rows.csv?result=failed", nil)
		if want := "email,name,result,code,reason,user_id\r\nnonsense,Two,failed,invalid,email is not an e-mail address,\r\n"; csv.raw != want || csv.status != 200 {
			t.Errorf("%d %q", csv.status, csv.raw)
		}
		if got := csv.header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; filename=import-job_") {
			t.Error(got)
		}
		u.has(u.do(202, "POST", at+"/undo", nil), object{"undo.status": "queued"})
		u.has(u.wait(at), object{"undo.status": "done", "undo.undone": 1.0, "undo.kept": 0.0})
		u.has(u.do(200, "GET", at+"/rows?undone=undone", nil), object{"items.0.email": "one@acme.test", "items.0.undone": "undone", "items.1": nil})
		u.has(u.do(202, "POST", at+"/undo", nil), object{"undo.status": "done"})

		p.Independent(t, "two@acme.test")
		if a = post("", "application/json", `{"source":"domain","domain_ids":["`+x.ids["domains"]+`"]}`); a.status != 202 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		u.has(u.wait("/imports/"+a.body["id"].(string)), object{"source": "domain", "updated": 1.0, "total": 1.0})
		list := u.do(200, "GET", "/organizations/"+x.ID+"/imports?limit=2", nil)
		u.has(list, object{"items.0.id": a.body["id"], "items.1.id": made["id"]})
	})
}

func TestImportsThatAreRefused(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	x := s.tenant(t, "acme.test")
	operator := s.token(t, "", access.ScopeAdmin)
	pending := x.Claim(t, "pending.test")
	at := "/organizations/" + x.ID + "/imports"
	for _, c := range []struct {
		name, query, kind, body, want, field string
	}{
		{"no address column", "", "text/csv", "name\nx\n", "422 invalid", "file"},
		{"not UTF-8", "", "text/csv", "email\n\xff@acme.test\n", "422 invalid", "file"},
		{"empty", "", "text/csv", "", "422 invalid", "file"},
		{"too large", "", "text/csv", "email\n" + strings.Repeat("x,", imports.MaxBytes/2), "413 too_large", ""},
		{"too many rows", "", "text/csv", "email\n" + strings.Repeat("x\n", imports.MaxRows+1), "413 too_large", ""},
		{"no type", "", "", "email\nuser@acme.test\n", "400 malformed", ""},
		{"another type", "", "text/plain", "email\nuser@acme.test\n", "400 malformed", ""},
		{"no JSON", "", "application/json", "{", "400 malformed", ""},
		{"another source", "", "application/json", `{"source":"ldap"}`, "422 invalid", "source"},
		{"no source", "", "application/json", `{}`, "422 invalid", "source"},
		{"an unknown field", "", "application/json", `{"source":"domain","domains":[]}`, "422 invalid", "domains"},
		{"another type of field", "", "application/json", `{"source":"domain","domain_ids":"x"}`, "422 invalid", "domain_ids"},
		{"an unknown domain", "", "application/json", `{"source":"domain","domain_ids":["x"]}`, "422 invalid", "domain_ids"},
		{"a domain that is not verified", "", "application/json", `{"source":"domain","domain_ids":["` + pending.ID + `"]}`, "409 domain_not_verified", ""},
		{"no yes or no", "?dry_run=maybe", "text/csv", "email\nuser@acme.test\n", "422 invalid", "dry_run"},
	} {
		a := s.call(t, operator, "POST", at+c.query, c.body, "Content-Type", c.kind)
		field := ""
		if list, ok := a.body["errors"].([]any); ok && len(list) > 0 {
			field, _ = list[0].(object)["field"].(string)
		}
		if got := strings.Join([]string{strings.Fields(c.want)[0], a.code()}, " "); got != c.want || a.status/100 != 4 || field != c.field {
			t.Errorf("%s: %d %s", c.name, a.status, a.raw[:min(len(a.raw), 300)])
		}
	}
	if n := s.Count(t, "select count(*) from import_uploads"); n != 1 { // the tenant's own
		t.Errorf("%d uploads are left", n)
	}
	for _, path := range []string{"/rows?cursor=x", "/rows?cursor=-1", "/rows?result=none"} {
		if a := s.call(t, operator, "GET", "/imports/"+x.ids["imports"]+path, nil); a.status != 422 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
