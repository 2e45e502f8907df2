package api_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/api"
	"sallyport/internal/session"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// A program is the operator's, and fails the test where it is refused.
type program struct {
	*server
	t      *testing.T
	secret string
}

func (p *program) do(status int, method, path string, body any) object {
	p.t.Helper()
	p.Pass(time.Millisecond)
	a := p.call(p.t, p.secret, method, path, body)
	if a.status != status {
		p.t.Fatalf("%s %s: %d, not %d: %s", method, path, a.status, status, a.raw)
	}
	return a.body
}

// get follows a path of names and indexes into an answer.
func get(o any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch v := o.(type) {
		case object:
			o = v[name]
		case []any:
			var i int
			fmt.Sscan(name, &i)
			if i >= len(v) {
				return nil
			}
			o = v[i]
		}
	}
	return o
}

func (p *program) has(o object, want object) {
	p.t.Helper()
	for path, value := range want {
		if got := get(o, path); !reflect.DeepEqual(got, value) {
			p.t.Errorf("%s is %v, not %v", path, got, value)
		}
	}
}

// TestTheWayToAFirstLogin is what an operator's program does, from nothing to
// an enforced domain and back.
func TestTheWayToAFirstLogin(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newServer(t, p)
		o := &program{s, t, s.token(t, "", access.ScopeAdmin)}
		org := o.do(201, "POST", "/organizations", object{"name": "Acme", "edition": "administration", "owner_email": "owner@home.test"})
		o.has(org, object{"name": "Acme", "edition": "administration", "session_idle_minutes": 60.0, "session_max_minutes": 720.0, "initial_password_required": true})
		at := "/organizations/" + org["id"].(string)
		o.has(o.do(200, "PATCH", at, object{"session_idle_minutes": 30, "initial_password_required": false}), object{"session_idle_minutes": 30.0, "initial_password_required": false})
		o.has(o.do(200, "GET", at, nil), object{"session_idle_minutes": 30.0})

		domain := o.do(201, "POST", at+"/domains", object{"name": "Bücher.Example"})
		o.has(domain, object{"name": "xn--bcher-kva.example", "status": "pending", "sso_profile_id": nil, "verified_at": nil,
			"proof.txt_name": "_sallyport-challenge.xn--bcher-kva.example"})
		d := "/domains/" + domain["id"].(string)
		o.has(o.do(200, "POST", d+"/verify", object{"method": "operator"}), object{"status": "verified"})

		user := o.do(201, "POST", at+"/users", object{"email": "User@bücher.example", "name": "User", "role": "administrator", "password": parts.Password})
		o.has(user, object{"email": "User@bücher.example", "role": "administrator", "status": "active", "organization_id": org["id"],
			"sso.setting": "inherit", "sso.profile_id": nil, "sign_in.method": "password", "sign_in.reason": "not_enforced", "sign_in.profile_id": nil})
		u := "/users/" + user["id"].(string)

		profile := o.do(201, "POST", at+"/sso-profiles", object{"name": "Login", "idp": "okta", "metadata_xml": string(samltest.NewIdP().Metadata()), "options": object{"idp_initiated": "accept"}})
		base := parts.BaseURL + "/saml/" + profile["id"].(string)
		o.has(profile, object{"state": "configured", "managed_by": "organization", "entity_id": base + "/metadata", "acs_url": base + "/acs", "metadata_url": base + "/metadata",
			"start_url": base + "/start", "idp.product": "okta", "idp.entity_id": "https://idp.example/metadata", "idp.sso_url": "https://idp.example/sso", "idp.slo_url": nil,
			"idp.endpoints.0.binding": "redirect", "idp.endpoints.1.binding": "post", "options.idp_initiated": "accept", "options.clock_tolerance_seconds": 180.0,
			"warnings": []any{}, "tested_at": nil})
		sso := "/sso-profiles/" + profile["id"].(string)
		o.has(o.do(201, "POST", sso+"/tests", object{"method": "operator"}), object{"status": "passed"})
		o.has(o.do(200, "GET", sso, nil), object{"state": "tested"})

		enforcement := object{"sso_profile_id": profile["id"]}
		o.has(o.do(200, "POST", d+"/enforcement/preview", enforcement), object{"users.total": 1.0, "users.to_sso": 1.0, "users.keep_password": 0.0, "users.never_active": 0.0, "warnings": []any{}})
		o.has(o.do(200, "PUT", d+"/enforcement", enforcement), object{"sso_profile_id": profile["id"]})
		o.has(o.do(200, "GET", "/explain?email=user@xn--bcher-kva.example", nil), object{"method": "sso", "reason": "domain_enforced", "profile_id": profile["id"], "user_id": user["id"],
			"steps.3.reason": "domain_enforced", "steps.3.applies": true, "steps.0.applies": false})
		o.has(o.do(200, "PATCH", u, object{"sso": object{"setting": "disabled"}}), object{"sso.setting": "disabled", "sign_in.reason": "sso_disabled_for_user"})
		o.has(o.do(200, "PATCH", u, object{"sso": object{"setting": "enabled", "profile_id": profile["id"]}}), object{"sso.profile_id": profile["id"], "sign_in.reason": "sso_enabled_for_user"})
		o.has(o.do(409, "DELETE", sso, nil), object{"code": "sso_profile_in_use"})
		o.do(200, "PATCH", u, object{"sso": object{"setting": "inherit", "profile_id": nil}})
		list := o.do(200, "PUT", at+"/enforcement", object{"domain_ids": []any{domain["id"]}, "sso_profile_id": nil})
		o.has(list, object{"items.0.sso_profile_id": nil, "next_cursor": nil})
		o.has(o.do(200, "PATCH", sso, object{"state": "disabled"}), object{"state": "disabled"})
		o.do(204, "DELETE", sso, nil)
		o.do(204, "DELETE", d, nil)
		o.do(204, "DELETE", u, nil)
		o.has(o.do(200, "GET", u, nil), object{"organization_id": nil, "role": nil})

		log := o.do(200, "GET", at+"/audit?limit=200", nil)
		last := len(log["items"].([]any)) - 1
		o.has(log, object{"items.0.action": "user.removed", "items.0.actor.kind": "token"})
		if first := fmt.Sprint(get(log, fmt.Sprintf("items.%d.action", last)), get(log, fmt.Sprintf("items.%d.action", last-1))); last < 15 || !strings.Contains(first, "organization.created") {
			t.Errorf("%d events, first %s", last+1, first)
		}
	})
}

func TestInvitationsAtTheAPI(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newServer(t, p)
	x := s.tenant(t, "acme.test")
	o := &program{s, t, s.token(t, x.ID, access.ScopeAdmin)}
	i := o.do(201, "POST", x.target("/organizations/{id}/users"), object{"email": "guest@home.test", "role": "administrator"})
	o.has(i, object{"status": "invited", "email": "guest@home.test", "role": "administrator", "organization_id": x.ID, "sso.setting": "inherit", "sign_in.method": "password"})
	path := "/users/" + i["id"].(string)
	if !strings.HasPrefix(path, "/users/inv_") {
		t.Error(path)
	}
	o.has(o.do(200, "GET", path, nil), i)
	o.has(o.do(404, "PATCH", path, object{"name": "x"}), object{"code": "not_found"})
	o.do(204, "DELETE", path, nil)
	o.do(404, "GET", path, nil)
	o.has(o.do(403, "POST", x.target("/organizations/{id}/users"), object{"email": "x@acme.test", "password": parts.Password}), object{"code": "forbidden"})
	o.has(o.do(422, "POST", x.target("/organizations/{id}/users"), object{"email": "x"}), object{"code": "invalid", "errors.0.field": "email"})
}

func TestAccountsAtTheAPI(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newServer(t, p)
	x := s.tenant(t, "acme.test")
	o := &program{s, t, s.token(t, x.ID, access.ScopeUsers)}
	a := o.do(201, "POST", x.target("/organizations/{id}/accounts"), object{"name": "Pad"})
	o.has(a, object{"name": "Pad", "archived": false, "organization_id": x.ID})
	path, user := "/accounts/"+a["id"].(string), x.ids["users"]
	o.has(o.do(200, "PATCH", path, object{"name": "Hangar", "archived": true}), object{"name": "Hangar", "archived": true})
	o.has(o.do(200, "PUT", path+"/members/"+user, object{"roles": []string{"viewer", "developer"}}), object{"user_id": user, "roles": []any{"developer", "viewer"}})
	o.has(o.do(200, "GET", path+"/members", nil), object{"items.0.user_id": user})
	o.do(204, "DELETE", path+"/members/"+user, nil)
	o.has(o.do(200, "GET", path+"/members", nil), object{"items": []any{}, "next_cursor": nil})
	o.do(404, "PUT", path+"/members/usr_none", object{"roles": []string{"viewer"}})
	o.do(422, "PUT", path+"/members/"+user, object{"roles": []string{"king"}})
	o.has(o.do(200, "GET", path, nil), object{"name": "Hangar"})
}

func TestTokensAtTheAPI(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newServer(t, p)
	x := s.tenant(t, "acme.test")
	operator := &program{s, t, s.token(t, "", access.ScopeAdmin)}
	made := operator.do(201, "POST", "/tokens", object{"name": "one", "organization_id": x.ID, "scope": "admin", "expires": "7d"})
	operator.has(made, object{"name": "one", "organization_id": x.ID, "scope": "admin", "expires_at": p.Now().Add(7 * 24 * time.Hour).Format(time.RFC3339Nano)})
	own := &program{s, t, made["token"].(string)}
	child := own.do(201, "POST", "/tokens", object{"scope": "read"}) // its own organization without saying so
	own.has(child, object{"organization_id": x.ID})
	own.has(own.do(404, "POST", "/tokens", object{"scope": "read", "organization_id": "org_none"}), object{"code": "not_found"})
	own.has(own.do(422, "POST", "/tokens", object{"scope": "read", "expires": "soon"}), object{"errors.0.field": "expires"})
	list := own.do(200, "GET", "/tokens", nil)
	own.has(list, object{"items.0.id": child["id"], "items.1.id": made["id"], "items.0.token": nil})
	operator.has(operator.do(200, "GET", "/tokens", nil), object{"items.0.organization_id": nil})
	operator.has(operator.do(200, "GET", "/tokens?organization_id="+x.ID, nil), object{"items.0.id": child["id"]})
	own.do(204, "DELETE", "/tokens/"+child["id"].(string), nil)
	reader := &program{s, t, child["token"].(string)}
	reader.do(401, "GET", "/organizations", nil)
}

func TestIndependentUsersAndSessionsAtTheAPI(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newServer(t, p)
	o := &program{s, t, s.token(t, "", access.ScopeUsers)}
	u := o.do(201, "POST", "/users", object{"email": "user@home.test", "password": parts.Password})
	o.has(u, object{"organization_id": nil, "role": nil, "status": "active"})
	id := u["id"].(string)
	token := p.Session(t, p.User(t, id), session.Start{Method: access.MethodSSO, ProfileID: "sso_1"})
	list := o.do(200, "GET", "/users/"+id+"/sessions", nil)
	o.has(list, object{"items.0.method": "sso", "items.0.sso_profile_id": "sso_1", "next_cursor": nil})
	o.do(204, "DELETE", "/users/"+id+"/sessions", nil)
	if p.Live(t, token) {
		t.Error("the session goes on")
	}
	o.has(o.do(200, "PATCH", "/users/"+id, object{"name": "User", "status": "deactivated"}), object{"name": "User", "status": "deactivated", "sign_in.method": "none"})
	o.do(204, "DELETE", "/users/"+id, nil)
}

func TestListsGoOnWithACursor(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newServer(t, p)
	x := s.tenant(t, "acme.test")
	o := &program{s, t, s.token(t, x.ID, access.ScopeRead)}
	for i := range 5 {
		x.Claim(t, fmt.Sprintf("d%d.test", i))
		x.User(t, fmt.Sprintf("u%d@acme.test", i), access.RoleMember)
	}
	for _, path := range []string{"/organizations/{id}/domains", "/organizations/{id}/users", "/organizations/{id}/audit", "/organizations/{id}/accounts", "/organizations/{id}/sso-profiles", "/organizations"} {
		path = x.target(path)
		whole := o.do(200, "GET", path+"?limit=200", nil)["items"].([]any)
		var got []any
		for cursor := ""; ; {
			page := o.do(200, "GET", path+"?limit=2&cursor="+cursor, nil)
			got = append(got, page["items"].([]any)...)
			next, more := page["next_cursor"].(string)
			if !more {
				break
			}
			cursor = next
		}
		if !reflect.DeepEqual(got, whole) {
			t.Errorf("%s: %d by pages, %d at once", path, len(got), len(whole))
		}
	}
}

func TestAWarningHasToBeAcknowledgedAtTheAPI(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newServer(t, p)
	x := s.tenant(t, "acme.test")
	x.User(t, "owner@acme.test", access.RoleOwner)
	o := &program{s, t, s.token(t, "", access.ScopeAdmin)}
	path, body := x.target("/domains/{id}/enforcement"), object{"sso_profile_id": x.ids["sso-profiles"]}
	o.has(o.do(409, "PUT", path, body), object{"code": "acknowledgement_required", "errors.0.field": "no_owner_without_sso"})
	o.has(o.do(200, "POST", path+"/preview", body), object{"warnings.0.code": "no_owner_without_sso"})
	body["acknowledge"] = true
	o.do(200, "PUT", path, body)
	changed := o.do(200, "PATCH", x.target("/sso-profiles/{id}"), object{"options": object{"allow_sha1": true}})
	o.has(changed, object{"state": "enforced", "warnings.1.code": "enforced_not_tested"})
}

// TestTheOperatorAtTheServerNeedsNoToken: the command line answers in the
// process; a request from outside can't say so.
func TestTheOperatorAtTheServerNeedsNoToken(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	r := newRequest("GET", "/organizations")
	w := record(s, r.WithContext(api.WithActor(r.Context(), access.Operator("command line"))))
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, header := range []string{"Actor", "X-Actor", "X-Operator", "X-Forwarded-User"} {
		r = newRequest("GET", "/organizations")
		r.Header.Set(header, "operator")
		if w = record(s, r); w.Code != 401 {
			t.Errorf("%s: %d", header, w.Code)
		}
	}
}

// TestTestsAndSetupLinksAtTheAPI, with a body, an empty one, and none.
func TestTestsAndSetupLinksAtTheAPI(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newServer(t, p)
	x := s.tenant(t, "acme.test")
	o := &program{s, t, s.token(t, x.ID, access.ScopeSSO)}
	path := x.target("/sso-profiles/{id}")
	for _, body := range []any{nil, object{}} {
		s.Pass(time.Millisecond)
		test := o.do(201, "POST", path+"/tests", body)
		o.has(test, object{"status": "pending", "code": nil, "checks": []any{}, "draft": false})
		if start, _ := test["start_url"].(string); !strings.HasPrefix(start, parts.BaseURL+"/test/") {
			t.Errorf("%v", test)
		}
		o.has(o.do(200, "GET", "/tests/"+test["id"].(string), nil), object{"start_url": nil, "sso_profile_id": x.ids["sso-profiles"]})
		link := o.do(201, "POST", path+"/setup-links", body)
		if url, _ := link["url"].(string); !strings.HasPrefix(url, parts.BaseURL+"/setup/") || link["expires_at"] != p.Now().Add(72*time.Hour).Format(time.RFC3339Nano) {
			t.Errorf("%v", link)
		}
		o.has(o.do(200, "GET", path+"/setup-links", nil), object{"items.0.id": link["id"], "items.0.url": nil, "items.0.claimed": false})
		o.do(204, "DELETE", "/setup-links/"+link["id"].(string), nil)
	}
	draft := o.do(200, "GET", path+"/draft", nil)
	o.has(draft, object{"idp.product": "okta", "idp.entity_id": "https://idp.example/metadata", "changes.0.field": "idp", "changes.0.old": "other", "changes.0.new": "okta"})
	o.has(o.do(409, "POST", path+"/draft/apply", object{"version": 7}), object{"code": "conflict"})
	o.has(o.do(200, "POST", path+"/draft/apply", object{"version": draft["version"]}), object{"idp.product": "okta", "state": "tested"})
	o.do(404, "GET", path+"/draft", nil)
	o.has(o.do(403, "POST", path+"/tests", object{"method": "operator"}), object{"code": "forbidden"})
	o.has(o.do(409, "POST", path+"/tests", object{"draft": true}), object{"code": "conflict"})
}
