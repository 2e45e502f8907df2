package outside

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// has fails unless an object has these fields; it may have more.
func has(t *testing.T, what string, o harness.Object, fields ...string) {
	t.Helper()
	for _, field := range fields {
		v, ok := any(o), true
		for name := range strings.SplitSeq(field, ".") {
			m, isObject := v.(harness.Object)
			if v, ok = m[name]; !isObject || !ok {
				t.Errorf("%s has no %s: %v", what, field, o)
				break
			}
		}
	}
}

// utc fails unless a field is an instant in UTC.
func utc(t *testing.T, o harness.Object, field string) {
	t.Helper()
	text, _ := o[field].(string)
	if _, err := time.Parse(time.RFC3339, text); err != nil || !strings.HasSuffix(text, "Z") {
		t.Errorf("%s is %q, not an instant in UTC", field, text)
	}
}

func TestAnswersHaveTheShapesOfTheContract(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		created := func(path string, body any, prefix string) harness.Object {
			t.Helper()
			status, header, o := s.Call(t, s.Token, "POST", path, body)
			if status != 201 || !strings.HasPrefix(harness.ID(o), prefix) || !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
				t.Fatalf("POST %s: %d %v %v", path, status, header, o)
			}
			if o["$schema"] != nil || header.Get("Link") != "" {
				t.Errorf("POST %s: %v %v", path, header, o)
			}
			utc(t, o, "created_at")
			return o
		}
		// list has the thing first, as it is shown alone.
		listed := func(path string, o harness.Object) {
			t.Helper()
			l := s.OK(t, "GET", path, nil)
			same(t, path, l, "items", "next_cursor")
			if items := harness.Items(l); len(items) == 0 || sprint(items[0]) != sprint(o) || l["next_cursor"] != nil {
				t.Errorf("%s does not begin with %v: %v", path, o, l)
			}
		}
		org := created("/organizations", harness.Object{"name": "  Shapes  "}, "org_")
		has(t, "an organization", org, "id", "name", "edition", "session_idle_minutes", "session_max_minutes", "initial_password_required")
		if org["name"] != "Shapes" || org["edition"] != "enterprise" || org["session_idle_minutes"] != 60.0 || org["session_max_minutes"] != 720.0 || org["initial_password_required"] != true {
			t.Errorf("a new organization is %v", org)
		}
		if got := s.OK(t, "GET", "/organizations/"+harness.ID(org), nil); sprint(got) != sprint(org) {
			t.Errorf("it is read as %v", got)
		}
		in := "/organizations/" + harness.ID(org)

		name := "shapes-" + strings.ToLower(harness.ID(org)[4:]) + ".test"
		domain := created(in+"/domains", harness.Object{"name": strings.ToUpper(name) + "."}, "dom_")
		has(t, "a domain", domain, "id", "name", "status", "proof.txt_name", "proof.txt_value", "proof.file_url", "proof.file_body", "sso_profile_id")
		if domain["name"] != name || domain["status"] != "pending" || domain["sso_profile_id"] != nil {
			t.Errorf("a new domain is %v", domain)
		}
		value, _ := harness.At(domain, "proof", "txt_value").(string)
		if harness.At(domain, "proof", "txt_name") != "_sallyport-challenge."+name || !strings.HasPrefix(value, "sallyport-verification=") || len(value) < 40 ||
			harness.At(domain, "proof", "file_url") != "https://"+name+"/.well-known/sallyport-verification.txt" || harness.At(domain, "proof", "file_body") != value {
			t.Errorf("its proof is %v", domain["proof"])
		}
		listed(in+"/domains", domain)
		if d := s.OK(t, "POST", "/domains/"+harness.ID(domain)+"/verify", harness.Object{"method": "operator"}); d["status"] != "verified" {
			t.Errorf("the verified domain is %v", d)
		}

		user := created(in+"/users", harness.Object{"email": "User@" + name, "name": "A user", "role": "administrator", "password": harness.Password}, "usr_")
		has(t, "a user", user, "id", "organization_id", "email", "name", "role", "status", "sso.setting", "sso.profile_id", "sign_in.method", "sign_in.reason", "sign_in.profile_id")
		if user["email"] != "User@"+name || user["role"] != "administrator" || user["status"] != "active" || user["organization_id"] != harness.ID(org) ||
			sprint(user["sso"]) != `[{"profile_id":null,"setting":"inherit"}]` || sprint(user["sign_in"]) != `[{"method":"password","profile_id":null,"reason":"not_enforced"}]` {
			t.Errorf("a new user is %v", user)
		}
		if strings.Contains(sprint(user), "assword_hash") || strings.Contains(sprint(user), "argon") {
			t.Errorf("a user shows a hash: %v", user)
		}
		listed(in+"/users", user)
		invited := created(in+"/users", harness.Object{"email": "invited@" + name, "invite": false}, "usr_")
		if invited["status"] != "invited" || invited["role"] != "member" {
			t.Errorf("an invited user is %v", invited)
		}
		invitation := created(in+"/users", harness.Object{"email": "x@outside-" + name}, "inv_")
		has(t, "an invitation", invitation, "id", "organization_id", "email", "name", "role", "status", "sso.setting", "sign_in.method")
		independent := created("/users", harness.Object{"email": "x@independent-" + name, "password": harness.Password}, "usr_")
		if independent["organization_id"] != nil || independent["role"] != nil || independent["status"] != "active" {
			t.Errorf("an independent user is %v", independent)
		}
		if o := created("/users", harness.Object{"email": "y@independent-" + name}, "usr_"); o["status"] != "invited" {
			t.Errorf("one without a password is %v", o)
		}

		account := created(in+"/accounts", harness.Object{"name": "Account"}, "acc_")
		has(t, "an account", account, "id", "name")
		listed(in+"/accounts", account)
		member := s.OK(t, "PUT", "/accounts/"+harness.ID(account)+"/members/"+harness.ID(user), harness.Object{"roles": []string{"viewer", "developer", "viewer"}})
		if sprint(member["roles"]) != `[["developer","viewer"]]` {
			t.Errorf("a member is %v", member)
		}
		s.Refused(t, 422, "invalid", "PUT", "/accounts/"+harness.ID(account)+"/members/"+harness.ID(user), harness.Object{"roles": []string{"king"}})
		s.Refused(t, 422, "invalid", "PUT", "/accounts/"+harness.ID(account)+"/members/"+harness.ID(user), harness.Object{"roles": []string{}})
		s.Refused(t, 404, "not_found", "PUT", "/accounts/"+harness.ID(account)+"/members/"+harness.ID(independent), harness.Object{"roles": []string{"viewer"}})

		draft := created(in+"/sso-profiles", harness.Object{"name": "Draft"}, "sso_")
		has(t, "a draft", draft, "id", "name", "state", "entity_id", "acs_url", "metadata_url", "idp", "options", "warnings")
		if draft["state"] != "draft" || draft["acs_url"] != s.Base+"/saml/"+harness.ID(draft)+"/acs" || draft["entity_id"] != draft["metadata_url"] ||
			draft["metadata_url"] != s.Base+"/saml/"+harness.ID(draft)+"/metadata" {
			t.Errorf("a draft is %v", draft)
		}
		for _, option := range []string{"sign_requests", "require_encrypted_assertion", "require_signed_response", "force_authn", "authn_context", "idp_initiated", "offer_encryption",
			"name_id_policy", "clock_tolerance_seconds", "allow_sha1", "allow_rsa15", "allow_cbc", "metadata_pin", "refuse_expired_certificate"} {
			has(t, "a draft", draft, "options."+option)
		}
		if harness.At(draft, "options", "idp_initiated") != "restart" || harness.At(draft, "options", "clock_tolerance_seconds") != 180.0 || harness.At(draft, "options", "allow_sha1") != false {
			t.Errorf("the options of a draft are %v", draft["options"])
		}
		listed(in+"/sso-profiles", draft)
		profile := created(in+"/sso-profiles", harness.Object{"name": "By hand", "idp": "okta", "entity_id": "https://idp.example/x", "sso_url": "https://idp.example/sso",
			"certificates": []string{pem(samltest.RSA2048)}}, "sso_")
		has(t, "a profile", profile, "idp.entity_id", "idp.sso_url", "idp.certificates")
		if profile["state"] != "configured" || harness.At(profile, "idp", "entity_id") != "https://idp.example/x" || sprint(profile["warnings"]) != "[[]]" {
			t.Errorf("a profile is %v", profile)
		}
		test := s.OK(t, "POST", "/sso-profiles/"+harness.ID(profile)+"/tests", harness.Object{"method": "operator"})
		has(t, "a test", test, "id", "status")

		preview := s.OK(t, "POST", "/domains/"+harness.ID(domain)+"/enforcement/preview", harness.Object{"sso_profile_id": harness.ID(profile)})
		same(t, "a preview", preview, "users", "warnings", "owners_left")
		has(t, "a preview", preview, "users.total", "users.to_sso", "users.keep_password", "users.never_active")
		explained := s.OK(t, "GET", "/explain?email=uSER@"+name, nil)
		has(t, "an explanation", explained, "method", "reason", "profile_id", "steps")

		events := s.OK(t, "GET", in+"/audit?limit=1", nil)
		same(t, "the log", events, "items", "next_cursor")
		event := harness.Items(events)[0]
		has(t, "an event", event, "id", "time", "actor.kind", "action", "target.kind", "changes")
		utc(t, event, "time")
		if !strings.HasPrefix(harness.ID(event), "evt_") {
			t.Errorf("an event is %v", event)
		}
	})
}

func TestSPMetadataIsServedToAnybodyWithTheContractsType(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		draft := s.OK(t, "POST", "/organizations/"+org.ID+"/sso-profiles", harness.Object{"name": "Draft"})
		a := s.NewBrowser(t).Get(t, "/saml/"+harness.ID(draft)+"/metadata")
		if a.Status != 200 || a.Header.Get("Content-Type") != "application/samlmetadata+xml" ||
			!strings.Contains(a.Body, `entityID="`+draft["entity_id"].(string)+`"`) || !strings.Contains(a.Body, `Location="`+draft["acs_url"].(string)+`"`) {
			t.Errorf("%d %v\n%s", a.Status, a.Header, a.Body)
		}
	})
}

func TestChecksComeInTheirOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		in := "/organizations/" + p.Organization.ID + "/sso-profiles"
		other := harness.NewOrganization(t, s)
		const broken = `{"nonsense":`
		// Each line passes one check more.
		s.RefusedAs(t, "slp_nobody", 401, "unauthenticated", "POST", in, broken)
		s.RefusedAs(t, other.NewToken(t, "users"), 403, "forbidden", "POST", in, broken)
		s.RefusedAs(t, other.NewToken(t, "sso"), 404, "not_found", "POST", in, broken)
		s.OK(t, "PATCH", "/organizations/"+p.Organization.ID, harness.Object{"edition": "standard"})
		own := p.NewToken(t, "sso")
		s.RefusedAs(t, own, 403, "edition_required", "POST", in, broken)
		s.OK(t, "PATCH", "/organizations/"+p.Organization.ID, harness.Object{"edition": "administration"})
		s.RefusedAs(t, own, 400, "malformed", "POST", in, broken)
		s.RefusedAs(t, own, 422, "invalid", "POST", in, harness.Object{"nonsense": 1})
		// The body before the state.
		s.RefusedAs(t, own, 422, "invalid", "PATCH", "/sso-profiles/"+p.ID, harness.Object{"state": "disabled", "nonsense": 1})
		s.RefusedAs(t, own, 422, "invalid", "PATCH", "/sso-profiles/"+p.ID, harness.Object{"state": "disabled", "name": ""})
		s.RefusedAs(t, own, 409, "sso_profile_in_use", "PATCH", "/sso-profiles/"+p.ID, harness.Object{"state": "disabled"})
		s.RefusedAs(t, own, 409, "sso_profile_in_use", "DELETE", "/sso-profiles/"+p.ID, nil)
	})
}

// planted is a value that must not come back in any answer.
const planted = "planted-value-3b9f"

func TestBodiesThatDoNotFitAreRefusedAndNeverEchoed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, id := harness.Enforced(t, s, nil)
		org := p.Organization
		users, domains, profiles := "/organizations/"+org.ID+"/users", "/organizations/"+org.ID+"/domains", "/organizations/"+org.ID+"/sso-profiles"
		for _, c := range []struct {
			method, path, body string
			status             int
			code, field        string
		}{
			{"POST", "/organizations", ``, 400, "malformed", ""},
			{"POST", "/organizations", planted, 400, "malformed", ""},
			{"POST", "/organizations", `{"name":"` + planted + `"`, 400, "malformed", ""},
			{"POST", "/organizations", `{"name":"x"}{"name":"` + planted + `"}`, 400, "malformed", ""},
			{"POST", "/organizations", `["` + planted + `"]`, 422, "invalid", ""},
			{"POST", "/organizations", `"` + planted + `"`, 422, "invalid", ""},
			{"POST", "/organizations", `null`, 422, "invalid", ""},
			{"POST", "/organizations", `{}`, 422, "invalid", "name"},
			{"POST", "/organizations", `{"name":"x","` + planted + `x":1}`, 422, "invalid", ""},
			{"POST", "/organizations", `{"name":"x","nonsense":"` + planted + `"}`, 422, "invalid", "nonsense"},
			{"POST", "/organizations", `{"NAME":"x"}`, 422, "invalid", ""},
			{"POST", "/organizations", `{"name":["` + planted + `"]}`, 422, "invalid", "name"},
			{"POST", "/organizations", `{"name":" "}`, 422, "invalid", "name"},
			{"POST", "/organizations", `{"name":"` + planted + `\u202e"}`, 422, "invalid", "name"},
			{"POST", "/organizations", `{"name":"` + planted + `\u0000"}`, 422, "invalid", "name"},
			{"POST", "/organizations", `{"name":"` + strings.Repeat(planted, 20) + `"}`, 422, "invalid", "name"},
			{"POST", "/organizations", `{"name":"x","edition":"` + planted + `"}`, 422, "invalid", "edition"},
			{"POST", "/organizations", `{"name":"x","owner_email":"` + planted + `"}`, 422, "invalid", "owner_email"},
			{"PATCH", "/organizations/" + org.ID, `{"session_idle_minutes":4}`, 422, "invalid", "session_idle_minutes"},
			{"PATCH", "/organizations/" + org.ID, `{"session_idle_minutes":1441}`, 422, "invalid", "session_idle_minutes"},
			{"PATCH", "/organizations/" + org.ID, `{"session_idle_minutes":5.5}`, 422, "invalid", "session_idle_minutes"},
			{"PATCH", "/organizations/" + org.ID, `{"session_idle_minutes":"` + planted + `"}`, 422, "invalid", "session_idle_minutes"},
			{"PATCH", "/organizations/" + org.ID, `{"session_max_minutes":14}`, 422, "invalid", "session_max_minutes"},
			{"PATCH", "/organizations/" + org.ID, `{"session_max_minutes":43201}`, 422, "invalid", "session_max_minutes"},
			{"PATCH", "/organizations/" + org.ID, `{"session_max_minutes":1e30}`, 422, "invalid", "session_max_minutes"},
			{"PATCH", "/organizations/" + org.ID, `{"initial_password_required":"` + planted + `"}`, 422, "invalid", "initial_password_required"},
			{"PATCH", "/organizations/" + org.ID, `{"id":"` + planted + `"}`, 422, "invalid", "id"},
			{"POST", domains, `{"name":"` + planted + `"}`, 422, "invalid", "name"},
			{"POST", domains, `{"name":"localhost"}`, 422, "invalid", "name"},
			{"POST", domains, `{"name":"x.localhost"}`, 422, "invalid", "name"},
			{"POST", domains, `{"name":"127.0.0.1"}`, 422, "invalid", "name"},
			{"POST", domains, `{"name":"https://` + planted + `.test/"}`, 422, "invalid", "name"},
			{"POST", domains, `{"name":"co.uk"}`, 422, "domain_public", ""},
			{"POST", domains, `{"name":"com"}`, 422, "", ""},
			{"POST", users, `{"email":"` + planted + `"}`, 422, "invalid", "email"},
			{"POST", users, `{"email":"` + planted + ` <x@y.test>"}`, 422, "invalid", "email"},
			{"POST", users, `{"email":"x@` + org.Domain + `","role":"` + planted + `"}`, 422, "invalid", "role"},
			{"POST", users, `{"email":"x@` + org.Domain + `","password":"short"}`, 422, "password_weak", "password"},
			{"POST", users, `{"email":"` + planted + `@` + org.Domain + `","password":"xx` + planted + `xx"}`, 422, "password_weak", "password"},
			{"POST", "/users", `{"email":"` + planted + `"}`, 422, "invalid", "email"},
			{"POST", "/users", `{"email":"x@` + org.Domain + `","role":"owner"}`, 422, "invalid", "role"},
			{"PATCH", "/users/" + id, `{"email":"` + planted + `@x.test"}`, 409, "domain_not_verified", ""},
			{"PATCH", "/users/" + id, `{"email":"` + planted + `"}`, 422, "invalid", "email"},
			{"PATCH", "/users/" + id, `{"status":"` + planted + `"}`, 422, "invalid", "status"},
			{"PATCH", "/users/" + id, `{"sso":"` + planted + `"}`, 422, "invalid", "sso"},
			{"PATCH", "/users/" + id, `{"sso":{"setting":"` + planted + `"}}`, 422, "invalid", "sso.setting"},
			{"PATCH", "/users/" + id, `{"sso":{"setting":"disabled","nonsense":"` + planted + `"}}`, 422, "invalid", "sso.nonsense"},
			{"POST", profiles, `{"idp":"` + planted + `","name":"x"}`, 422, "invalid", "idp"},
			{"POST", profiles, `{"name":"x","entity_id":""}`, 422, "invalid", "entity_id"},
			{"POST", profiles, `{"name":"x","sso_url":""}`, 422, "invalid", "sso_url"},
			{"POST", profiles, `{"name":"x","certificates":[]}`, 422, "invalid", "certificates"},
			{"POST", profiles, `{"name":"x","metadata_xml":""}`, 422, "metadata_invalid", "metadata_xml"},
			{"POST", profiles, `{"name":"x","metadata_xml":"<nonsense/>"}`, 422, "metadata_invalid", ""},
			{"POST", profiles, `{"name":"x","entity_id":"https://idp.example/"}`, 422, "invalid", "sso_url"},
			{"POST", profiles, `{"name":"x","sso_url":"ftp://` + planted + `.example/","entity_id":"x","certificates":["x"]}`, 422, "invalid", "sso_url"},
			{"POST", profiles, `{"name":"x","sso_url":"javascript:` + planted + `","entity_id":"x"}`, 422, "invalid", "sso_url"},
			{"POST", profiles, `{"name":"x","certificates":["` + planted + `"]}`, 422, "invalid", "certificates"},
			{"POST", profiles, fmt.Sprintf(`{"name":"x","entity_id":"x","sso_url":"https://x.example/","certificates":[%q]}`, pem(samltest.RSA1024)), 422, "invalid", "certificates"},
			{"PATCH", "/sso-profiles/" + p.ID, `{"options":{"` + planted + `x":true}}`, 422, "invalid", ""},
			{"PATCH", "/sso-profiles/" + p.ID, `{"options":{"idp_initiated":"` + planted + `"}}`, 422, "invalid", "options.idp_initiated"},
			{"PATCH", "/sso-profiles/" + p.ID, `{"options":{"clock_tolerance_seconds":301}}`, 422, "invalid", "options.clock_tolerance_seconds"},
			{"PATCH", "/sso-profiles/" + p.ID, `{"options":{"clock_tolerance_seconds":-1}}`, 422, "invalid", "options.clock_tolerance_seconds"},
			{"PATCH", "/sso-profiles/" + p.ID, `{"state":"` + planted + `"}`, 422, "invalid", "state"},
			{"PATCH", "/sso-profiles/" + p.ID, `{"managed_by":"` + planted + `"}`, 422, "invalid", "managed_by"},
			{"PUT", "/domains/" + p.DomainID + "/enforcement", `{}`, 422, "invalid", "sso_profile_id"},
			{"PUT", "/domains/" + p.DomainID + "/enforcement", `{"sso_profile_id":""}`, 422, "invalid", "sso_profile_id"},
			{"PUT", "/domains/" + p.DomainID + "/enforcement", `{"sso_profile_id":"` + planted + `"}`, 422, "invalid", "sso_profile_id"},
			{"PUT", "/domains/" + p.DomainID + "/enforcement", `{"sso_profile_id":"` + p.ID + `","exempt_user_ids":["` + planted + `"]}`, 422, "invalid", "exempt_user_ids"},
			{"PUT", "/organizations/" + org.ID + "/enforcement", `{"sso_profile_id":null,"domain_ids":[]}`, 422, "invalid", "domain_ids"},
			{"POST", "/sso-profiles/" + p.ID + "/tests", `{"method":"` + planted + `"}`, 422, "invalid", "method"},
			{"GET", users + "?status=" + planted, ``, 422, "invalid", "status"},
			{"GET", users + "?limit=" + planted, ``, 422, "invalid", "limit"},
			{"GET", "/explain?email=" + planted, ``, 422, "invalid", "email"},
			{"GET", "/explain", ``, 422, "invalid", "email"},
			{"GET", "/organizations/" + org.ID + "/audit?since=" + planted, ``, 422, "invalid", "since"},
		} {
			status, header, answer := s.Call(t, s.Token, c.method, c.path, c.body)
			if status != c.status || c.code != "" && answer["code"] != c.code || header.Get("Content-Type") != "application/problem+json" || header.Get("Sallyport-Error") != answer["code"] ||
				header.Get("Sallyport-Reference") != answer["reference"] {
				t.Errorf("%s %s %.100s: %d %v %v, not %d %s", c.method, c.path, c.body, status, header, answer, c.status, c.code)
				continue
			}
			if c.field != "" && !strings.Contains(sprint(answer["errors"]), `"field":"`+c.field+`"`) {
				t.Errorf("%s %s %.100s: the answer does not name %s: %v", c.method, c.path, c.body, c.field, answer)
			}
			if strings.Contains(sprint(answer), planted) && !strings.Contains(c.body, planted+"x\":") { // the name of a field is no value
				t.Errorf("%s %s %.100s: the answer echoes: %v", c.method, c.path, c.body, answer)
			}
		}
	})
}

func TestBodiesAreJSONOrMergePatchesOfABoundedSize(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		path := "/organizations/" + org.ID
		for kind, status := range map[string]int{"application/json": 200, "application/merge-patch+json": 200, "application/json; charset=utf-8": 200, "application/merge-patch+json; charset=utf-8": 200,
			"text/plain": 400, "application/x-www-form-urlencoded": 400, "application/xml": 400} {
			if got, code := s.CallAs(t, kind, "PATCH", path, `{"name":"Renamed"}`); got != status {
				t.Errorf("%s: %d %s, not %d", kind, got, code, status)
			}
		}
		if status, code := s.CallAs(t, "application/json", "PATCH", path, `{"name":"`+strings.Repeat("x", 70_000)+`"}`); status != 413 || code != "too_large" {
			t.Errorf("70,000 octets: %d %s", status, code)
		}
		large := `{"name":"x","metadata_xml":"` + strings.Repeat("x", 13<<20) + `"}`
		if status, code := s.CallAs(t, "application/json", "POST", path+"/sso-profiles", large); status != 413 || code != "too_large" {
			t.Errorf("13 MiB of metadata: %d %s", status, code)
		}
		if status, code := s.CallAs(t, "application/json", "POST", path+"/sso-profiles", `{"name":"x","metadata_xml":"`+strings.Repeat("x", 6<<20)+`"}`); status != 422 && status != 413 {
			t.Errorf("6 MiB of metadata: %d %s", status, code)
		}
		deep := strings.Repeat(`{"name":`, 10_000) + "1" + strings.Repeat("}", 10_000)
		for _, body := range []string{strings.Repeat("[", 60_000), deep[:60_000]} {
			if status, code := s.CallAs(t, "application/json", "PATCH", path, body); status != 400 && status != 422 {
				t.Errorf("deep nesting: %d %s", status, code)
			}
		}
	})
}

func TestAChangeLeavesAloneWhatItDoesNotName(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, id := harness.Enforced(t, s, harness.Object{"force_authn": true, "clock_tolerance_seconds": 60})
		changed := func(path string, body harness.Object, fields ...string) {
			t.Helper()
			before := s.OK(t, "GET", path, nil)
			after := s.OK(t, "PATCH", path, body)
			if read := s.OK(t, "GET", path, nil); sprint(read) != sprint(after) {
				t.Errorf("%s answers %v and is %v", path, after, read)
			}
			for name := range before {
				if !slices.Contains(fields, name) && sprint(before[name]) != sprint(after[name]) {
					t.Errorf("%s: %v has changed %s from %v to %v", path, body, name, before[name], after[name])
				}
			}
		}
		changed("/organizations/"+p.Organization.ID, harness.Object{}, "")
		changed("/organizations/"+p.Organization.ID, harness.Object{"session_idle_minutes": 30}, "session_idle_minutes")
		changed("/users/"+id, harness.Object{"name": "New"}, "name")
		changed("/sso-profiles/"+p.ID, harness.Object{"options": harness.Object{"idp_initiated": "accept"}}, "options")
		options := s.OK(t, "GET", "/sso-profiles/"+p.ID, nil)["options"].(harness.Object)
		if options["force_authn"] != true || options["clock_tolerance_seconds"] != 60.0 || options["idp_initiated"] != "accept" {
			t.Errorf("the options are %v", options)
		}
		// What changes nothing is no event.
		before := len(p.Audit(t))
		changed("/users/"+id, harness.Object{"name": "New", "status": "active", "role": "member"})
		changed("/sso-profiles/"+p.ID, harness.Object{"options": harness.Object{"idp_initiated": "accept"}})
		if after := len(p.Audit(t)); after != before {
			t.Errorf("changes that change nothing made %d events", after-before)
		}
	})
}

func TestListsArePagedNewestFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		in := "/organizations/" + org.ID
		var users, accounts []string
		for i := range 7 {
			accounts = append(accounts, harness.ID(s.OK(t, "POST", in+"/accounts", harness.Object{"name": fmt.Sprint("Account ", i)})))
			address := org.Address(fmt.Sprint("user", i))
			if i%2 == 1 {
				address = fmt.Sprintf("user%d@outside-%s", i, org.Domain) // an invitation
			}
			users = append(users, org.Invite(t, address))
			time.Sleep(2 * time.Millisecond) // ids of one millisecond are in no order
		}
		for path, want := range map[string][]string{in + "/accounts": accounts, in + "/users": users} {
			for _, limit := range []int{1, 2, 3, 7, 50} {
				var got []string
				cursor := ""
				for page := range 20 {
					l := s.OK(t, "GET", fmt.Sprintf("%s?limit=%d&cursor=%s", path, limit, cursor), nil)
					for _, item := range harness.Items(l) {
						got = append(got, harness.ID(item))
					}
					if n := len(harness.Items(l)); n > limit {
						t.Fatalf("%s: %d items on a page of %d", path, n, limit)
					}
					if l["next_cursor"] == nil {
						break
					}
					if cursor = l["next_cursor"].(string); page == 19 {
						t.Fatalf("%s: no end", path)
					}
				}
				slices.Reverse(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s by %d: %v, not %v", path, limit, got, want)
				}
			}
			for _, bad := range []string{"0", "-1", "201", "1000000", "x", "1.5"} {
				s.Refused(t, 422, "invalid", "GET", path+"?limit="+bad, nil)
			}
			s.OK(t, "GET", path+"?limit=200", nil)
			s.OK(t, "GET", path+"?cursor=zzzz", nil)
			s.Refused(t, 422, "invalid", "GET", path+"?cursor="+strings.Repeat("x", 101), nil)
		}
	})
}

func TestUsersAreFound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		org := p.Organization
		second := "second-" + org.Domain
		org.AddDomain(t, second)
		add := func(email string, body harness.Object) string {
			body["email"] = email
			return harness.ID(s.OK(t, "POST", "/organizations/"+org.ID+"/users", body))
		}
		ids := map[string]string{
			"user": harness.ID(harness.Items(s.OK(t, "GET", "/organizations/"+org.ID+"/users", nil))[0]),
			"anna": add("Anna.Smith@"+org.Domain, harness.Object{"name": "Anna of the North", "role": "owner", "password": harness.Password}),
			"anne": add("anne@"+second, harness.Object{"name": "Anne 100%_sure\\", "password": harness.Password}),
			"bob":  add("bob@"+org.Domain, harness.Object{"name": "Bob", "role": "administrator"}),
			"out":  add("anton@outside-"+org.Domain, harness.Object{"name": "Anton"}),
			"gone": add("gone@"+org.Domain, harness.Object{"password": harness.Password}),
			"exem": add("exempt@"+second, harness.Object{"password": harness.Password}),
		}
		s.OK(t, "PATCH", "/users/"+ids["gone"], harness.Object{"status": "deactivated"})
		setSSO(t, s, ids["exem"], "disabled", "")
		setSSO(t, s, ids["anne"], "enabled", p.ID)
		for query, want := range map[string][]string{
			"q=ann":                             {"anna", "anne"},
			"q=ANN":                             {"anna", "anne"},
			"q=an":                              {"anna", "anne", "out"},
			"q=anna.s":                          {"anna"},
			"q=Anna+of":                         {"anna"},
			"q=Anne+100%25_":                    {"anne"},
			"q=Anne+100%25_sure%5C":             {"anne"},
			"q=%25":                             {},
			"q=_nna":                            {},
			"q=%5C":                             {},
			"q='":                               {},
			"q=zzz":                             {},
			"status=active":                     {"user", "anna", "anne", "exem"},
			"status=invited":                    {"bob", "out"},
			"status=deactivated":                {"gone"},
			"role=owner":                        {"anna"},
			"role=administrator":                {"bob"},
			"role=member&status=invited":        {"out"},
			"sso=disabled":                      {"exem"},
			"sso=enabled":                       {"anne"},
			"domain=" + second:                  {"anne", "exem"},
			"domain=outside-" + org.Domain:      {"out"},
			"sso=inherit&status=invited":        {"bob", "out"},
			"q=ann&domain=" + second:            {"anne"},
			"domain=" + strings.ToUpper(second): {"anne", "exem"},
			"domain=nothing.test":               {},
		} {
			var got []string
			for _, item := range harness.Items(s.OK(t, "GET", "/organizations/"+org.ID+"/users?"+query, nil)) {
				for name, id := range ids {
					if id == harness.ID(item) {
						got = append(got, name)
					}
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s finds %v, not %v", query, got, want)
			}
		}
	})
}

func TestTheLastOwnerStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		owner := func(local, password string) string {
			body := harness.Object{"email": org.Address(local), "role": "owner"}
			if password != "" {
				body["password"] = password
			}
			return harness.ID(s.OK(t, "POST", "/organizations/"+org.ID+"/users", body))
		}
		first := owner("first", harness.Password)
		owner("invited", "") // is none until active
		stays := func(id string) {
			t.Helper()
			s.Refused(t, 409, "last_owner", "PATCH", "/users/"+id, harness.Object{"role": "member"})
			s.Refused(t, 409, "last_owner", "PATCH", "/users/"+id, harness.Object{"role": "administrator", "name": "x"})
			s.Refused(t, 409, "last_owner", "PATCH", "/users/"+id, harness.Object{"status": "deactivated"})
			s.Refused(t, 409, "last_owner", "DELETE", "/users/"+id, nil)
			if u := s.User(t, id); u["role"] != "owner" || u["status"] != "active" || u["name"] == "x" {
				t.Errorf("the last owner is %v", u)
			}
		}
		stays(first)
		second := owner("second", harness.Password)
		s.OK(t, "PATCH", "/users/"+first, harness.Object{"status": "deactivated"})
		stays(second)
		s.OK(t, "PATCH", "/users/"+first, harness.Object{"status": "active"})
		// Two at once: one stays.
		done := make(chan int, 2)
		for _, id := range []string{first, second} {
			go func() {
				status, _, _ := s.Call(t, s.Token, "PATCH", "/users/"+id, harness.Object{"role": "member"})
				done <- status
			}()
		}
		if a, b := <-done, <-done; a+b != http.StatusOK+http.StatusConflict {
			t.Errorf("two owners demoted at once: %d and %d", a, b)
		}
	})
}

func TestAnInvitationStandsInTheListAndIsRevoked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		email := "x@outside-" + org.Domain
		o := s.OK(t, "POST", "/organizations/"+org.ID+"/users", harness.Object{"email": email, "name": "X", "role": "administrator"})
		id := harness.ID(o)
		if o["organization_id"] != org.ID || o["role"] != "administrator" || o["status"] != "invited" {
			t.Errorf("the invitation is %v", o)
		}
		again := s.OK(t, "POST", "/organizations/"+org.ID+"/users", harness.Object{"email": strings.ToUpper(email)})
		if harness.ID(again) != id {
			t.Errorf("a second invitation is %v", again)
		}
		if items := harness.Items(s.OK(t, "GET", "/organizations/"+org.ID+"/users", nil)); len(items) != 1 || harness.ID(items[0]) != id {
			t.Errorf("the list is %v", items)
		}
		for _, c := range [][2]string{{"PATCH", "/users/" + id}, {"GET", "/users/" + id + "/sessions"}, {"DELETE", "/users/" + id + "/sessions"}} {
			s.Refused(t, 404, "not_found", c[0], c[1], harness.Object{})
		}
		if status, _, _ := s.Call(t, s.Token, "DELETE", "/users/"+id, nil); status != 204 {
			t.Errorf("revoking: %d", status)
		}
		s.Refused(t, 404, "not_found", "GET", "/users/"+id, nil)
		s.Refused(t, 404, "not_found", "DELETE", "/users/"+id, nil)
		if events := actions(t, org); events["invitation.created"] != 1 || events["invitation.revoked"] != 1 {
			t.Errorf("the log holds %v", events)
		}
	})
}

func TestAnEnforcementThatLeavesNoOwnerAWayInHasToBeAcknowledged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		owner := harness.ID(s.OK(t, "POST", "/organizations/"+org.ID+"/users", harness.Object{"email": org.Address("owner"), "role": "owner", "password": harness.Password}))
		org.AddUser(t, org.Address("user"))
		org.Invite(t, org.Address("invited"))
		exempt := org.AddUser(t, org.Address("exempt"))
		p := org.NewProfile(t, nil)
		setSSO(t, s, exempt, "disabled", "")
		path := "/domains/" + org.DomainID + "/enforcement"
		preview := s.OK(t, "POST", path+"/preview", harness.Object{"sso_profile_id": p.ID})
		if sprint(preview["users"]) != `[{"changed":3,"deactivated":0,"enabled":0,"independent":0,"keep_password":1,"never_active":1,"to_sso":3,"total":4}]` || len(preview["warnings"].([]any)) != 1 {
			t.Errorf("the preview is %v", preview)
		}
		s.Refused(t, 409, "acknowledgement_required", "PUT", path, harness.Object{"sso_profile_id": p.ID})
		s.Refused(t, 409, "acknowledgement_required", "PUT", path, harness.Object{"sso_profile_id": p.ID, "acknowledge": false})
		s.Refused(t, 409, "acknowledgement_required", "PUT", "/organizations/"+org.ID+"/enforcement", harness.Object{"sso_profile_id": p.ID, "domain_ids": []string{org.DomainID}})
		if d := s.OK(t, "GET", "/domains/"+org.DomainID, nil); d["sso_profile_id"] != nil {
			t.Fatalf("the domain is enforced: %v", d)
		}
		// With an owner exempt there is nothing to acknowledge.
		preview = s.OK(t, "POST", path+"/preview", harness.Object{"sso_profile_id": p.ID, "exempt_user_ids": []string{owner}})
		if sprint(preview["users"]) != `[{"changed":2,"deactivated":0,"enabled":0,"independent":0,"keep_password":2,"never_active":1,"to_sso":2,"total":4}]` || len(preview["warnings"].([]any)) != 0 {
			t.Errorf("the preview with an exempt owner is %v", preview)
		}
		d := s.OK(t, "PUT", path, harness.Object{"sso_profile_id": p.ID, "exempt_user_ids": []string{owner}})
		if d["sso_profile_id"] != p.ID || harness.At(s.User(t, owner), "sso", "setting") != "disabled" {
			t.Errorf("the domain is %v", d)
		}
		if state := s.OK(t, "GET", "/sso-profiles/"+p.ID, nil)["state"]; state != "enforced" {
			t.Errorf("the profile is %v", state)
		}
		// A release needs none.
		if d := s.OK(t, "PUT", path, harness.Object{"sso_profile_id": nil}); d["sso_profile_id"] != nil {
			t.Errorf("the released domain is %v", d)
		}
		setSSO(t, s, owner, "inherit", "")
		s.OK(t, "PUT", path, harness.Object{"sso_profile_id": p.ID, "acknowledge": true})
		if events := actions(t, org); events["domain.enforced"] != 2 || events["domain.released"] != 1 {
			t.Errorf("the log holds %v", events)
		}
	})
}

func TestSessionsStayWithAnEnforcementUnlessTheyAreToEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		for _, end := range []bool{false, true} {
			org := harness.NewOrganization(t, s)
			user, exempt := org.Address("user"), org.Address("exempt")
			org.AddUser(t, user)
			exemptID := org.AddUser(t, exempt)
			p := org.NewProfile(t, nil)
			b, c := s.NewBrowser(t), s.NewBrowser(t)
			b.Password(t, user, harness.Password).Redirected(t, "/")
			c.Password(t, exempt, harness.Password).Redirected(t, "/")
			s.OK(t, "PUT", "/domains/"+org.DomainID+"/enforcement", harness.Object{"sso_profile_id": p.ID, "acknowledge": true, "end_sessions": end, "exempt_user_ids": []string{exemptID}})
			stays := b.Identity(t) != nil
			for until := time.Now().Add(20 * time.Second); end && stays && time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
				stays = b.Identity(t) != nil // they end in the background
			}
			if stays == end {
				t.Errorf("end_sessions %v: the session stays: %v", end, stays)
			}
			c.SignedIn(t, exempt, "password")
		}
	})
}

func TestAnUntestedProfileIsToldBeforeADomainsFault(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		pending := harness.ID(s.OK(t, "POST", "/organizations/"+org.ID+"/domains", harness.Object{"name": "pending-" + org.Domain}))
		enforce := func(profileID string) harness.Object {
			return harness.Object{"sso_profile_id": profileID, "acknowledge": true}
		}
		s.Refused(t, 409, "sso_profile_missing", "PUT", "/domains/"+pending+"/enforcement", enforce(nothing["SSO"]))
		draft := harness.ID(s.OK(t, "POST", "/organizations/"+org.ID+"/sso-profiles", harness.Object{"name": "Draft"}))
		for _, domain := range []string{pending, org.DomainID} {
			s.Refused(t, 409, "sso_profile_not_tested", "PUT", "/domains/"+domain+"/enforcement", enforce(draft))
			s.Refused(t, 409, "sso_profile_not_tested", "POST", "/domains/"+domain+"/enforcement/preview", enforce(draft))
		}
		s.Refused(t, 409, "conflict", "POST", "/sso-profiles/"+draft+"/tests", harness.Object{"method": "operator"})
		p := org.NewProfile(t, nil)
		s.Refused(t, 409, "domain_not_verified", "PUT", "/domains/"+pending+"/enforcement", enforce(p.ID))
		s.Refused(t, 409, "domain_not_verified", "PUT", "/organizations/"+org.ID+"/enforcement",
			harness.Object{"sso_profile_id": p.ID, "acknowledge": true, "domain_ids": []string{org.DomainID, pending}})
		if d := s.OK(t, "GET", "/domains/"+org.DomainID, nil); d["sso_profile_id"] != nil {
			t.Errorf("one of two domains is enforced: %v", d)
		}
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"state": "disabled"})
		s.Refused(t, 403, "sso_profile_disabled", "PUT", "/domains/"+org.DomainID+"/enforcement", enforce(p.ID))
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"state": "configured"})
		s.OK(t, "PUT", "/domains/"+org.DomainID+"/enforcement", enforce(p.ID))
	})
}

func TestWhatIsInUseStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, id := harness.Enforced(t, s, nil)
		s.Refused(t, 409, "domain_in_use", "DELETE", "/domains/"+p.DomainID, nil)
		s.Refused(t, 409, "sso_profile_in_use", "DELETE", "/sso-profiles/"+p.ID, nil)
		s.Refused(t, 409, "sso_profile_in_use", "PATCH", "/sso-profiles/"+p.ID, harness.Object{"state": "disabled"})
		setSSO(t, s, id, "enabled", p.ID)
		s.OK(t, "PUT", "/domains/"+p.DomainID+"/enforcement", harness.Object{"sso_profile_id": nil})
		s.Refused(t, 409, "domain_in_use", "DELETE", "/domains/"+p.DomainID, nil)
		s.Refused(t, 409, "sso_profile_in_use", "DELETE", "/sso-profiles/"+p.ID, nil)
		setSSO(t, s, id, "disabled", "")
		for _, path := range []string{"/sso-profiles/" + p.ID, "/domains/" + p.DomainID} {
			if status, _, o := s.Call(t, s.Token, "DELETE", path, nil); status != 204 {
				t.Errorf("DELETE %s: %d %v", path, status, o)
			}
			s.Refused(t, 404, "not_found", "GET", path, nil)
		}
	})
}

func TestOnlyWhatMattersMakesAProfileUntested(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		p := org.NewProfile(t, nil)
		state := func(change harness.Object) any {
			return s.OK(t, "PATCH", "/sso-profiles/"+p.ID, change)["state"]
		}
		option := func(name string, value any) harness.Object {
			return harness.Object{"options": harness.Object{name: value}}
		}
		for _, harmless := range []harness.Object{{}, {"name": "Renamed"}, {"idp": "okta"}, option("idp_initiated", "accept"), option("idp_initiated", "refuse"), {"managed_by": "operator"},
			{"managed_by": "organization"}, {"state": "configured"}} {
			if got := state(harmless); got != "tested" {
				t.Errorf("after %v the profile is %v", harmless, got)
			}
		}
		for _, change := range []harness.Object{
			{"entity_id": "https://other.example/"}, {"sso_url": "https://other.example/sso"}, {"certificates": []string{pem(samltest.RSA2048Other)}},
			{"certificates": []string{pem(samltest.RSA2048Other), pem(samltest.RSA3072)}}, {"metadata_xml": string(p.IdP.Metadata())},
			option("require_signed_response", true), option("force_authn", true), option("authn_context", "urn:x"), option("name_id_policy", "none"),
			option("clock_tolerance_seconds", 10), option("allow_sha1", true), option("refuse_expired_certificate", true),
		} {
			p.MarkTested(t)
			if got := state(harness.Object{}); got != "tested" {
				t.Fatalf("the test did not count: %v", got)
			}
			if got := state(change); got != "configured" {
				t.Errorf("after %v the profile is %v", change, got)
			}
			s.Refused(t, 409, "sso_profile_not_tested", "PUT", "/domains/"+org.DomainID+"/enforcement", harness.Object{"sso_profile_id": p.ID, "acknowledge": true})
		}
		// Back to what was tested last, it is tested.
		p.MarkTested(t)
		if got := state(option("allow_sha1", false)); got != "configured" {
			t.Errorf("after the change the profile is %v", got)
		}
		if got := state(option("allow_sha1", true)); got != "tested" {
			t.Errorf("after the change was taken back the profile is %v", got)
		}
		// Enforced, it goes on, and the warnings say so.
		p.Enforce(t)
		o := s.OK(t, "PATCH", "/sso-profiles/"+p.ID, option("force_authn", false))
		if o["state"] != "enforced" || !strings.Contains(sprint(o["warnings"]), `"enforced_not_tested"`) {
			t.Errorf("an enforced profile that changed is %v %v", o["state"], o["warnings"])
		}
		p.MarkTested(t)
		if o := s.OK(t, "GET", "/sso-profiles/"+p.ID, nil); strings.Contains(sprint(o["warnings"]), "enforced_not_tested") {
			t.Errorf("a tested one warns %v", o["warnings"])
		}
	})
}

func TestWhatTheOperatorManagesTheOrganizationOnlyReads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"managed_by": "operator"})
		for _, scope := range []string{"admin", "sso"} {
			token := p.NewToken(t, scope)
			s.RefusedAs(t, token, 403, "forbidden", "PATCH", "/sso-profiles/"+p.ID, harness.Object{"name": "Taken"})
			s.RefusedAs(t, token, 403, "forbidden", "PATCH", "/sso-profiles/"+p.ID, harness.Object{"managed_by": "organization"})
			s.RefusedAs(t, token, 403, "forbidden", "DELETE", "/sso-profiles/"+p.ID, nil)
			if status, _, o := s.Call(t, token, "GET", "/sso-profiles/"+p.ID, nil); status != 200 || o["managed_by"] != "operator" {
				t.Errorf("%d %v", status, o)
			}
		}
		s.NewBrowser(t).SSO(t, p, user, "").Redirected(t, "/")
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"managed_by": "organization"})
		if status, _, o := s.Call(t, p.NewToken(t, "sso"), "PATCH", "/sso-profiles/"+p.ID, harness.Object{"name": "Ours"}); status != 200 || o["name"] != "Ours" || o["state"] != "enforced" {
			t.Errorf("after the hand-over: %d %v", status, o)
		}
	})
}

func TestOneOrganizationAtATimeHoldsADomain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		a, b := harness.NewOrganization(t, s), harness.NewOrganization(t, s)
		claim := harness.ID(s.OK(t, "POST", "/organizations/"+b.ID+"/domains", harness.Object{"name": a.Domain}))
		tokens := [2]any{harness.At(s.OK(t, "GET", "/domains/"+a.DomainID, nil), "proof", "txt_value"), harness.At(s.OK(t, "GET", "/domains/"+claim, nil), "proof", "txt_value")}
		if tokens[0] == tokens[1] {
			t.Error("two claims have one proof")
		}
		s.Refused(t, 409, "domain_verified_elsewhere", "POST", "/domains/"+claim+"/verify", harness.Object{"method": "operator"})
		s.Refused(t, 409, "conflict", "POST", "/organizations/"+a.ID+"/domains", harness.Object{"name": strings.ToUpper(a.Domain)})
		// A sub-domain is a domain of its own.
		sub := b.AddDomain(t, "sub."+a.Domain)
		if s.OK(t, "GET", "/domains/"+sub, nil)["status"] != "verified" {
			t.Error("the sub-domain is not verified")
		}
		if status, _, _ := s.Call(t, s.Token, "DELETE", "/domains/"+a.DomainID, nil); status != 204 {
			t.Fatalf("DELETE: %d", status)
		}
		s.OK(t, "POST", "/domains/"+claim+"/verify", harness.Object{"method": "operator"})
	})
}

func TestBecomingManagedEndsSessionsAndUnprovedPasswords(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		proved, unproved := org.Address("proved"), org.Address("unproved")
		provedID, unprovedID := s.NewIndependentUser(t, proved), s.NewIndependentUser(t, unproved)
		s.Exec(t, "update users set proved_at = null where id = $1", unprovedID)
		for address, c := range map[string]struct{ id, status string }{proved: {provedID, "active"}, unproved: {unprovedID, "invited"}} {
			b := s.NewBrowser(t)
			b.Password(t, address, harness.Password).Redirected(t, "/")
			o := s.OK(t, "POST", "/organizations/"+org.ID+"/users", harness.Object{"email": address})
			if harness.ID(o) != c.id || o["organization_id"] != org.ID || o["status"] != c.status || o["role"] != "member" {
				t.Errorf("%s is managed as %v", address, o)
			}
			b.SignedIn(t, "", "")
			a := b.Password(t, address, harness.Password)
			if (a.Status == 303) != (c.status == "active") {
				t.Errorf("%s: its password is answered %d %s", address, a.Status, a.Code)
			}
			s.Refused(t, 409, "conflict", "POST", "/organizations/"+org.ID+"/users", harness.Object{"email": address})
		}
		// Removal clears a password that was set under management.
		if status, _, _ := s.Call(t, s.Token, "DELETE", "/users/"+provedID, nil); status != 204 {
			t.Fatal(status)
		}
		if u := s.User(t, provedID); u["organization_id"] != nil || u["role"] != nil {
			t.Errorf("removed, the user is %v", u)
		}
		s.NewBrowser(t).Password(t, proved, harness.Password).Redirected(t, "/") // it is older than the management
		later := org.AddUser(t, org.Address("later"))
		s.OK(t, "GET", "/users/"+later, nil)
		s.Call(t, s.Token, "DELETE", "/users/"+later, nil)
		s.NewBrowser(t).Password(t, org.Address("later"), harness.Password).Refused(t, 401, "credentials_invalid")
	})
}

func TestThereIsNoSCIMAndNothingBehindDoorsThatAreClosed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		b := s.NewBrowser(t)
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			for _, path := range []string{"/scim/v2/", "/scim/v2/Users", "/scim/v2/Groups/x", "/scim/v2/ServiceProviderConfig"} {
				a := b.Send(t, method, path, nil, http.Header{"Authorization": {"Bearer " + s.Token}})
				if a.Status != 501 || a.Code != "not_supported" || a.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(a.Body, "users are managed") {
					t.Errorf("%s %s: %d %s %s", method, path, a.Status, a.Code, a.Body)
				}
			}
			for _, path := range []string{"/nothing", "/organizations/x/y/z", "/organization", "/users/x/y"} {
				s.Refused(t, 404, "not_found", method, path, nil)
			}
		}
		for _, method := range []string{"PUT", "DELETE"} {
			s.Refused(t, 404, "not_found", method, "/organizations", nil)
		}
		for _, path := range []string{"/admin", "/nothing", "/.env", "/debug/pprof/", "/metrics", "/healthz", "/api", "/passkeys", "/login/", "/assets/", "/assets/x", "/account/"} {
			if a := b.Get(t, path); a.Status != 404 {
				t.Errorf("%s: %d", path, a.Status)
			}
		}
	})
}

func TestTheLogIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "").Redirected(t, "/")
		b.Post(t, "/logout", nil)
		in := "/organizations/" + p.Organization.ID + "/audit"
		all := p.Audit(t)
		var paged []harness.Object
		for cursor := ""; ; {
			l := s.OK(t, "GET", in+"?limit=3&cursor="+cursor, nil)
			paged = append(paged, harness.Items(l)...)
			if l["next_cursor"] == nil {
				break
			}
			cursor = l["next_cursor"].(string)
		}
		if sprint(all) != sprint(paged) {
			t.Errorf("by three the log reads %v, not %v", paged, all)
		}
		count := func(query string) int { return len(harness.Items(s.OK(t, "GET", in+"?"+query, nil))) }
		at := func(event harness.Object) time.Time {
			text, _ := event["time"].(string)
			parsed, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			return parsed
		}
		for i := range all[1:] {
			if at(all[i+1]).Sub(at(all[i])) > 2*time.Millisecond { // events of one millisecond are in no order
				t.Errorf("event %d is older than the next", i)
			}
		}
		middle := at(all[len(all)/2])
		bound, behind := middle.Format(time.RFC3339Nano), 0
		for _, event := range all {
			if !at(event).Before(middle) {
				behind++
			}
		}
		for query, want := range map[string]int{"action=sign_out": 1, "action=sign_in.succeeded": 1, "action=nothing": 0, "actor=" + user: 1, "actor=" + id: 1, "actor=nobody": 0,
			"since=" + bound: behind, "until=" + bound: len(all) - behind, "since=2099-01-01T00:00:00Z": 0, "until=2001-01-01T00:00:00Z": 0} {
			if got := count(query); got != want {
				t.Errorf("%s: %d events, not %d", query, got, want)
			}
		}
		// A change says what was and what is.
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"name": "New"})
		renamed := event(t, p.Organization, "user.updated")
		if sprint(renamed["changes"]) != `[[{"field":"name","new":"New","old":""}]]` || harness.At(renamed, "target", "id") != id ||
			harness.At(renamed, "actor", "kind") != "token" || harness.At(renamed, "actor", "address") != "127.0.0.1" {
			t.Errorf("the event is %v", renamed)
		}
	})
}
